//! The one door: a script of `C:` and `S:` lines, played against real sessions over a real store.
//!
//! `C2:` and `S2:` belong to the second connection, and so on. In an `S:` line `…` stands for any
//! text, and `S: ⋮` for any lines before the next one. Connections sign in by themselves unless the script says `raw`.

use directory::sasl::Channel;
use directory::{AccountKind, AgencyId, Clock, Directory, NewAccount, NewAgency, Secret};
use formats::address::{Address, DomainName};
use imap::{Services, Settings};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use storage::{EngineKind, Options, Store};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::sync::watch;

pub(crate) const PASSWORD: &str = "Mật khẩu 2026";
pub(crate) const USER: &str = "an@tinh.gov.vn";
/// What `line` gives when the connection is over.
pub(crate) const END: &str = "(end)";
/// 2026-11-22, 00:00 UTC.
pub(crate) const NOW_MS: i64 = 1_795_305_600_000;

/// Stands still, unless told to go on by so many milliseconds each time that it is looked at.
#[derive(Debug, Default)]
struct Standing {
    hurry: Arc<AtomicI64>,
    passed: AtomicI64,
}

impl Clock for Standing {
    fn now_ms(&self) -> i64 {
        let step = self.hurry.load(Ordering::Relaxed);
        NOW_MS + self.passed.fetch_add(step, Ordering::Relaxed) + step
    }
}

pub(crate) struct World {
    pub(crate) directory: Directory,
    pub(crate) services: Services,
    pub(crate) store: Store,
    /// The octets that the disk still holds.
    pub(crate) room: Arc<AtomicU64>,
    /// What the store's clock says, Unix seconds; zero at first.
    pub(crate) store_s: Arc<AtomicI64>,
    /// Milliseconds by which the clock goes on at each look.
    pub(crate) hurry: Arc<AtomicI64>,
    settings: Settings,
    runtime: tokio::runtime::Runtime,
    peers: BTreeMap<u32, BufReader<DuplexStream>>,
    stop: watch::Sender<bool>,
    dir: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        // Letters of the tests are as odd as those that arrive.
        Self::with(Settings {
            raw_headers: true,
            zone_min: 0,
            ..Settings::default()
        })
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self::on(Options::default().reserve_bytes, settings)
    }

    /// On a disk of which the store leaves so many octets free.
    pub(crate) fn on(reserve_bytes: u64, settings: Settings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (room, store_s) = (Arc::new(AtomicU64::new(1 << 40)), Arc::default());
        let time: Arc<AtomicI64> = Arc::clone(&store_s);
        let store = Store::open(&Options {
            clock: storage::Clock::new(move || time.load(Ordering::Relaxed)),
            disk: Arc::clone(&room).into(),
            dir: dir.path().to_owned(),
            engine: EngineKind::Memory,
            cache_bytes: 1 << 20,
            reserve_bytes,
            ..Options::default()
        })
        .unwrap();
        let clock = Standing::default();
        let hurry = Arc::clone(&clock.hurry);
        let domain = DomainName::parse("tinh.gov.vn").unwrap();
        let agency = AgencyId("H99".into());
        let directory = Directory::open(
            store.clone(),
            Arc::new(clock),
            directory::Settings {
                argon2_memory_kib: 64,
                argon2_passes: 1,
                scram_iterations: 4_096,
                default_domain: Some(domain.clone()),
                default_quota: Some(1 << 24),
            },
        )
        .unwrap();
        let new = NewAgency {
            id: agency.clone(),
            parent: None,
            name: "Tỉnh".into(),
            name_en: None,
            quota: directory::AgencyQuota::default(),
            profile: directory::AgencyProfile::default(),
        };
        directory.create_agency(None, new).unwrap();
        directory
            .create_domain(None, domain, agency.clone())
            .unwrap();
        person(&directory, agency);
        let services = Services::new(directory.clone(), settings.clone());
        let (stop, _) = watch::channel(false);
        Self {
            directory,
            services,
            store,
            room,
            store_s,
            hurry,
            settings,
            runtime: runtime(),
            peers: BTreeMap::new(),
            stop,
            dir,
        }
    }

    /// Ends all connections, and begins anew with nothing in memory but what the directory keeps.
    pub(crate) fn restart(&mut self) {
        self.peers.clear();
        self.services = Services::new(self.directory.clone(), self.settings.clone());
    }

    pub(crate) fn account_of(&self, address: &str) -> storage::AccountId {
        let address = Address::parse(address).unwrap();
        self.directory.account_at(&address).unwrap().id
    }

    /// The content that was stored last rots on the disk.
    pub(crate) fn rot_last(&self) {
        let packs = std::fs::read_dir(self.dir.path().join("packs")).unwrap();
        let last = packs.map(|pack| pack.unwrap().path()).max().unwrap();
        let mut octets = std::fs::read(&last).unwrap();
        let at = octets.len() - 3;
        octets[at] ^= 0x5a;
        std::fs::write(&last, octets).unwrap();
    }

    /// Opens connection `number` over TLS with SCRAM; the greeting is read and given back.
    pub(crate) fn connect_over(&mut self, number: u32, channel: Channel) -> String {
        let machine = self.services.machine_over(channel);
        self.open(number, machine)
    }

    /// Opens connection `number`; the greeting is read and given back.
    pub(crate) fn connect(&mut self, number: u32, tls: bool) -> String {
        let machine = self.services.machine(tls);
        self.open(number, machine)
    }

    fn open(&mut self, number: u32, machine: imap::Machine) -> String {
        let (ours, theirs) = tokio::io::duplex(8 * 1024);
        let (services, stop) = (self.services.clone(), self.stop.subscribe());
        let again = self.stop.subscribe();
        self.runtime.spawn(async move {
            let ip = "192.0.2.7".parse().unwrap();
            let end = imap::run(theirs, machine, &services, ip, stop).await;
            if let Ok(imap::End::StartTls(stream, machine)) = end {
                // As if the handshake had been done.
                let _ = imap::run(stream, machine, &services, ip, again).await;
            }
        });
        self.peers.insert(number, BufReader::new(ours));
        self.line(number)
    }

    /// Another account, with the same password.
    pub(crate) fn account(&self, address: &str, kind: AccountKind) -> storage::AccountId {
        let new = NewAccount {
            address: Address::parse(address).unwrap(),
            kind,
            agency: AgencyId("H99".into()),
            name: "Trần Thị Bình".into(),
            position: None,
            quota: None,
            messages_max: None,
        };
        let id = self.directory.create_account(None, new).unwrap().id;
        let secret = Secret::new(PASSWORD);
        self.directory.set_password(None, id, &secret).unwrap();
        id
    }

    pub(crate) fn login(&mut self, number: u32) {
        self.login_as(number, USER);
    }

    pub(crate) fn login_as(&mut self, number: u32, user: &str) {
        self.connect(number, true);
        self.send(
            number,
            format!("l LOGIN {user} \"{PASSWORD}\"\r\n").as_bytes(),
        );
        let answer = self.line(number);
        assert!(answer.starts_with("l OK [CAPABILITY "), "{answer}");
    }

    pub(crate) fn send(&mut self, number: u32, octets: &[u8]) {
        let peer = self.peers.get_mut(&number).unwrap();
        self.runtime.block_on(async {
            let write = peer.get_mut().write_all(octets);
            // A closed connection shows when it is read from.
            let _ = tokio::time::timeout(Duration::from_secs(20), write)
                .await
                .unwrap();
        });
    }

    /// Sends what the server must take to its end.
    pub(crate) fn send_all(&mut self, number: u32, octets: &[u8]) {
        let peer = self.peers.get_mut(&number).unwrap();
        self.runtime.block_on(async {
            let write = peer.get_mut().write_all(octets);
            let taken = tokio::time::timeout(Duration::from_secs(20), write).await;
            taken.unwrap().unwrap();
        });
    }

    /// One line without CRLF; [`END`] at the end of the connection.
    pub(crate) fn line(&mut self, number: u32) -> String {
        let peer = self.peers.get_mut(&number).unwrap();
        let mut octets = Vec::new();
        self.runtime.block_on(async {
            let read = peer.read_until(b'\n', &mut octets);
            tokio::time::timeout(Duration::from_secs(20), read)
                .await
                .unwrap_or_else(|_| panic!("connection {number} says nothing"))
                .unwrap();
        });
        if octets.is_empty() {
            return END.to_owned();
        }
        let text = String::from_utf8_lossy(&octets).into_owned();
        text.strip_suffix("\r\n").unwrap_or(&text).to_owned()
    }

    /// Exactly so many octets.
    pub(crate) fn octets(&mut self, number: u32, len: usize) -> Vec<u8> {
        let peer = self.peers.get_mut(&number).unwrap();
        let mut octets = vec![0; len];
        self.runtime.block_on(async {
            let read = peer.read_exact(&mut octets);
            tokio::time::timeout(Duration::from_secs(20), read)
                .await
                .unwrap()
                .unwrap();
        });
        octets
    }

    /// What there is, at least one octet; nothing at the end of the connection.
    pub(crate) fn some(&mut self, number: u32) -> Vec<u8> {
        let peer = self.peers.get_mut(&number).unwrap();
        self.runtime.block_on(async {
            let read = peer.fill_buf();
            let octets = tokio::time::timeout(Duration::from_secs(20), read)
                .await
                .unwrap_or_else(|_| panic!("connection {number} says nothing"))
                .unwrap()
                .to_vec();
            peer.consume(octets.len());
            octets
        })
    }

    /// Sends a command and gives every line up to the tagged one.
    pub(crate) fn ask(&mut self, number: u32, command: &str) -> Vec<String> {
        self.send(number, format!("q {command}\r\n").as_bytes());
        let mut lines = Vec::new();
        loop {
            let line = self.line(number);
            let last = line.starts_with("q ") || line == END;
            lines.push(line);
            if last {
                return lines;
            }
        }
    }

    pub(crate) fn append(&mut self, number: u32, mailbox: &str, arguments: &str, raw: &[u8]) {
        let space = if arguments.is_empty() || arguments.ends_with([' ', '~']) {
            ""
        } else {
            " "
        };
        let mut octets = format!(
            "p APPEND {mailbox} {arguments}{space}{{{}+}}\r\n",
            raw.len()
        )
        .into_bytes();
        octets.extend_from_slice(raw);
        octets.extend_from_slice(b"\r\n");
        self.send(number, &octets);
        loop {
            let line = self.line(number);
            if let Some(answer) = line.strip_prefix("p ") {
                assert!(answer.starts_with("OK"), "{answer}");
                return;
            }
        }
    }

    /// The peer is gone, in the middle of whatever it was saying.
    pub(crate) fn hang_up(&mut self, number: u32) {
        self.peers.remove(&number);
    }

    pub(crate) fn shut_down(&self) {
        self.stop.send(true).unwrap();
    }
}

/// The account of [`USER`].
fn person(directory: &Directory, agency: AgencyId) {
    let account = directory
        .create_account(
            None,
            NewAccount {
                address: Address::parse(USER).unwrap(),
                kind: AccountKind::Person,
                agency,
                name: "Nguyễn Văn An".into(),
                position: None,
                quota: None,
                messages_max: None,
            },
        )
        .unwrap();
    directory
        .set_password(None, account.id, &Secret::new(PASSWORD))
        .unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap()
}

/// Plays a script.
pub(crate) fn check(world: &mut World, script: &str) {
    let raw = script.trim_start().starts_with("raw");
    let mut skipping = false;
    for (at, line) in script.lines().enumerate() {
        let line = line.trim_start();
        let Some((who, text)) = line.split_once(':') else {
            continue;
        };
        let text = text.strip_prefix(' ').unwrap_or(text);
        let (side, number) = who.split_at(1);
        let number = number.parse().unwrap_or(1);
        if !world.peers.contains_key(&number) {
            match raw {
                true => drop(world.connect(number, true)),
                false => world.login(number),
            }
        }
        match side {
            "C" => {
                world.send(number, text.as_bytes());
                world.send(number, b"\r\n");
            }
            "S" if text == "⋮" => skipping = true,
            "S" => {
                let mut got = world.line(number);
                while std::mem::take(&mut skipping) && got != END && !fits(text, &got) {
                    got = world.line(number);
                    skipping = true;
                }
                skipping = false;
                assert!(
                    fits(text, &got),
                    "line {}: expected\n  {text}\ngot\n  {got}",
                    at + 1
                );
            }
            other => panic!("a line begins with C or S, not {other:?}"),
        }
    }
    // Nothing unexpected may be left: a NOOP answers at once and alone.
    let open: Vec<u32> = world.peers.keys().copied().collect();
    for number in open {
        if script.contains("BYE") || script.contains("IDLE") {
            continue;
        }
        assert_eq!(
            world.ask(number, "CAPABILITY").len(),
            2,
            "something was left to say"
        );
    }
}

/// `…` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('…');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut last_piece = None;
    for piece in pieces {
        let Some(at) = rest
            .rfind(piece)
            .filter(|_| piece.is_empty())
            .or_else(|| rest.find(piece))
        else {
            return false;
        };
        rest = &rest[at + piece.len()..];
        last_piece = Some(piece);
    }
    rest.is_empty() || last_piece == Some("")
}
