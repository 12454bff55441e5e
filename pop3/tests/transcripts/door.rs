//! The one door: a script of `C:` and `S:` lines, played against real sessions over a real store.
//!
//! `C2:` and `S2:` belong to the second connection, and so on. In an `S:` line `…` stands for any text up to
//! the end. Connections are under TLS and greeted; `L:` signs one in; `T:` opens one in clear text. `S: (end)`
//! is the end of the connection.

use directory::sasl::Channel;
use directory::{
    AccountId, AccountKind, AgencyId, Clock, Directory, NewAccount, NewAgency, Secret,
};
use formats::address::{Address, DomainName};
use pop3::{Services, Settings};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use storage::{EngineKind, Options, Role, Store};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::sync::watch;

pub(crate) const PASSWORD: &str = "Mật khẩu 2026";
pub(crate) const USER: &str = "an@tinh.gov.vn";
/// What `line` gives when the connection is over.
pub(crate) const END: &str = "(end)";
/// 2026-11-22, 00:00 UTC.
const NOW_MS: i64 = 1_795_305_600_000;

#[derive(Debug)]
struct Standing;

impl Clock for Standing {
    fn now_ms(&self) -> i64 {
        NOW_MS
    }
}

pub(crate) struct World {
    pub(crate) directory: Directory,
    pub(crate) store: Store,
    pub(crate) account: AccountId,
    /// The octets that the disk still holds.
    pub(crate) room: Arc<AtomicU64>,
    services: Services,
    runtime: tokio::runtime::Runtime,
    peers: BTreeMap<u32, BufReader<DuplexStream>>,
    stop: watch::Sender<bool>,
    dir: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let room = Arc::new(AtomicU64::new(1 << 40));
        let store = Store::open(&Options {
            disk: Arc::clone(&room).into(),
            dir: dir.path().to_owned(),
            engine: EngineKind::Memory,
            cache_bytes: 1 << 20,
            ..Options::default()
        })
        .unwrap();
        let domain = DomainName::parse("tinh.gov.vn").unwrap();
        let settings = directory::Settings {
            argon2_memory_kib: 64,
            argon2_passes: 1,
            scram_iterations: 4_096,
            default_domain: Some(domain.clone()),
            default_quota: Some(1 << 30),
        };
        let directory = Directory::open(store.clone(), Arc::new(Standing), settings).unwrap();
        let agency = AgencyId("H99".into());
        let new = NewAgency {
            id: agency.clone(),
            parent: None,
            name: "Tỉnh".into(),
            name_en: None,
            quota: directory::AgencyQuota::default(),
            profile: directory::AgencyProfile::default(),
        };
        directory.create_agency(None, new).unwrap();
        directory.create_domain(None, domain, agency).unwrap();
        let (stop, _) = watch::channel(false);
        let mut world = Self {
            services: Services::new(directory.clone(), Settings::default()),
            directory,
            store,
            account: AccountId::SYSTEM,
            room,
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_time()
                .build()
                .unwrap(),
            peers: BTreeMap::new(),
            stop,
            dir,
        };
        world.account = world.person(USER);
        world.switch(world.account, true);
        world
    }

    /// An account with the usual password, POP3 off.
    pub(crate) fn person(&self, address: &str) -> AccountId {
        let new = NewAccount {
            address: Address::parse(address).unwrap(),
            kind: AccountKind::Person,
            agency: AgencyId("H99".into()),
            name: "Nguyễn Văn An".into(),
            position: None,
            quota: None,
            messages_max: None,
        };
        let account = self.directory.create_account(None, new).unwrap();
        let secret = Secret::new(PASSWORD);
        self.directory
            .set_password(None, account.id, &secret)
            .unwrap();
        account.id
    }

    /// Turns POP3 on or off.
    pub(crate) fn switch(&self, account: AccountId, on: bool) {
        let mut account = self.directory.account(account).unwrap();
        account.pop3 = on;
        self.directory.change_account(None, account, None).unwrap();
    }

    /// Puts messages into INBOX, in one commit.
    pub(crate) fn put(&self, messages: &[&[u8]]) {
        let store = self.store.account(self.account);
        let inbox = store.by_role(Role::Inbox).unwrap().unwrap().id;
        let mut writer = store.write().unwrap();
        for raw in messages {
            let summary = formats::message::summarize(raw);
            let placed = writer.append(storage::Append {
                blob: self.store.put_blob(raw).unwrap(),
                summary: &summary,
                received_at: NOW_MS / 1000,
                keywords: Vec::new(),
                mailboxes: vec![inbox],
                delivery: None,
            });
            placed.unwrap();
        }
        writer.commit().unwrap();
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

    /// How many messages INBOX holds now.
    pub(crate) fn count(&self) -> u32 {
        let store = self.store.account(self.account);
        store.by_role(Role::Inbox).unwrap().unwrap().counts.total
    }

    /// Opens connection `number`; the greeting is read and given back. SCRAM is not offered.
    pub(crate) fn connect(&mut self, number: u32, tls: bool) -> String {
        let machine = self.services.machine(tls);
        self.open(number, machine)
    }

    /// The same over TLS with SCRAM.
    pub(crate) fn connect_over(&mut self, number: u32, channel: Channel) -> String {
        let machine = self.services.machine_over(channel);
        self.open(number, machine)
    }

    fn open(&mut self, number: u32, machine: pop3::Machine) -> String {
        let (ours, theirs) = tokio::io::duplex(8 * 1024);
        let (services, stop) = (self.services.clone(), self.stop.subscribe());
        self.runtime.spawn(async move {
            let ip = "192.0.2.7".parse().unwrap();
            let end = pop3::run(theirs, machine, &services, ip, stop.clone()).await;
            if let Ok(pop3::End::StartTls(stream, machine)) = end {
                // As if the handshake had been done.
                let _ = pop3::run(stream, machine, &services, ip, stop).await;
            }
        });
        self.peers.insert(number, BufReader::new(ours));
        self.line(number)
    }

    /// Opens a connection and signs in; what is answered.
    pub(crate) fn login(&mut self, number: u32) -> String {
        self.connect(number, true);
        self.send(
            number,
            format!("USER {USER}\r\nPASS {PASSWORD}\r\n").as_bytes(),
        );
        assert!(self.line(number).starts_with("+OK"));
        self.line(number)
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

    /// Drops the connection without a word.
    pub(crate) fn cut(&mut self, number: u32) {
        self.peers.remove(&number);
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

    /// Sends a command and gives the line answered.
    pub(crate) fn ask(&mut self, number: u32, command: &str) -> String {
        self.send(number, format!("{command}\r\n").as_bytes());
        self.line(number)
    }

    /// Sends a command and gives the lines of its multi-line answer, without the first and the dot.
    pub(crate) fn lines(&mut self, number: u32, command: &str) -> Vec<String> {
        let first = self.ask(number, command);
        assert!(first.starts_with("+OK"), "{first}");
        let mut lines = Vec::new();
        loop {
            match self.line(number) {
                line if line == "." => return lines,
                line => lines.push(line),
            }
        }
    }

    pub(crate) fn shut_down(&self) {
        self.stop.send(true).unwrap();
    }
}

/// Plays a script.
pub(crate) fn check(world: &mut World, script: &str) {
    for (at, line) in script.lines().enumerate() {
        let Some((who, text)) = line.trim_start().split_once(':') else {
            continue;
        };
        let text = text.strip_prefix(' ').unwrap_or(text);
        let (side, number) = who.split_at(1);
        let number = number.parse().unwrap_or(1);
        if side == "C" && !world.peers.contains_key(&number) {
            world.connect(number, true);
        }
        match side {
            "L" => drop(world.login(number)),
            "T" => drop(world.connect(number, false)),
            "C" => world.send(number, format!("{text}\r\n").as_bytes()),
            "S" => {
                let got = world.line(number);
                let fits = match text.strip_suffix('…') {
                    Some(begin) => got.starts_with(begin),
                    None => got == text,
                };
                assert!(fits, "line {}: expected\n  {text}\ngot\n  {got}", at + 1);
            }
            other => panic!("a line begins with C, S, L or T, not {other:?}"),
        }
    }
}
