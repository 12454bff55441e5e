//! A small province: H99 with two departments, one commune; two domains.

use directory::{
    Access, Account, AccountId, AccountKind, AgencyId, Clock, Directory, Error, Grant, NewAccount,
    NewAgency, Peer, Role, Secret, Settings, SignInError,
};
use formats::address::{Address, DomainName};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use storage::{EngineKind, Options, Store};

/// 2026-11-22, 00:00 UTC.
pub(crate) const START_MS: i64 = 1_795_305_600_000;
/// Octets of a disk that never gets full.
const ROOM: u64 = 1 << 40;
/// A letter of the server's own.
pub(crate) const PLAIN: directory::Passing<'static> = directory::Passing {
    poster: &directory::Poster::System,
    met: &[],
};
pub(crate) const PASSWORD: &str = "Mật khẩu 2026";

#[derive(Debug)]
pub(crate) struct HandClock(pub(crate) AtomicI64);

impl Clock for HandClock {
    fn now_ms(&self) -> i64 {
        self.0.load(SeqCst)
    }
}

pub(crate) struct World {
    pub(crate) directory: Directory,
    pub(crate) store: Store,
    clock: Arc<HandClock>,
    /// Octets that the disk still holds.
    pub(crate) room: Arc<AtomicU64>,
    dir: tempfile::TempDir,
}

impl World {
    /// An empty directory.
    pub(crate) fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock(AtomicI64::new(START_MS)));
        let room = Arc::new(AtomicU64::new(ROOM));
        let (store, directory) = open(&dir, &clock, &room).unwrap();
        Self {
            directory,
            store,
            clock,
            room,
            dir,
        }
    }

    /// The province.
    pub(crate) fn new() -> Self {
        let world = Self::empty();
        for (id, parent) in [
            ("H99", None),
            ("H99.1", Some("H99")),
            ("H99.2", Some("H99")),
            ("H99.2.1", Some("H99.2")),
        ] {
            world.agency(id, parent);
        }
        let d = &world.directory;
        d.create_domain(None, domain("tinh.gov.vn"), agency("H99"))
            .unwrap();
        d.create_domain(None, domain("so.tinh.gov.vn"), agency("H99.1"))
            .unwrap();
        world
    }

    /// The same folder opened again, as after a restart.
    pub(crate) fn restart(self) -> Self {
        self.try_restart().unwrap()
    }

    pub(crate) fn try_restart(self) -> Result<Self, Error> {
        let Self {
            directory,
            store,
            clock,
            room,
            dir,
        } = self;
        drop(directory);
        store.close().unwrap();
        drop(store);
        let (store, directory) = open(&dir, &clock, &room)?;
        Ok(Self {
            directory,
            store,
            clock,
            room,
            dir,
        })
    }

    /// The same folder after the later part of its journal was lost, and the rest repaired.
    pub(crate) fn lose_the_end(self) -> Self {
        let Self {
            directory,
            store,
            clock,
            room,
            dir,
        } = self;
        drop(directory);
        store.close().unwrap();
        drop(store);
        let names = std::fs::read_dir(dir.path().join("journal")).unwrap();
        let last = names.map(|name| name.unwrap().path()).max().unwrap();
        let octets = std::fs::read(&last).unwrap();
        let used = octets.iter().rposition(|octet| *octet != 0).unwrap();
        std::fs::write(&last, &octets[..used * 6 / 10]).unwrap();
        let done = Store::repair(&options(&dir, &room)).unwrap();
        assert!(!done.damage.is_empty());
        let (store, directory) = open(&dir, &clock, &room).unwrap();
        Self {
            directory,
            store,
            clock,
            room,
            dir,
        }
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1000, SeqCst);
    }

    pub(crate) fn now_s(&self) -> i64 {
        self.clock.now_s()
    }

    pub(crate) fn agency(&self, id: &str, parent: Option<&str>) {
        let new = NewAgency {
            id: agency(id),
            parent: parent.map(agency),
            name: format!("Cơ quan {id}"),
            name_en: None,
            quota: directory::AgencyQuota::default(),
            profile: directory::AgencyProfile::default(),
        };
        self.directory.create_agency(None, new).unwrap();
    }

    /// A person with the password.
    pub(crate) fn person(&self, address: &str, at: &str) -> Account {
        let account = self
            .directory
            .create_account(None, new(address, at))
            .unwrap();
        self.directory
            .set_password(None, account.id, &Secret::new(PASSWORD))
            .unwrap();
        account
    }

    pub(crate) fn list(&self, name: &str, members: &[&str]) -> Account {
        let members = members.iter().map(|m| address(m)).collect();
        let new = NewAccount {
            kind: AccountKind::List { members },
            ..new(name, "H99")
        };
        self.directory.create_account(None, new).unwrap()
    }

    /// A person with a role over a subtree, signed in.
    pub(crate) fn officer(&self, address: &str, role: Role, top: &str) -> Access {
        let mut account = self.person(address, top);
        account.grants = vec![Grant::of(role, agency(top))];
        self.directory.change_account(None, account, None).unwrap();
        self.enter(address)
    }

    pub(crate) fn enter(&self, name: &str) -> Access {
        self.try_enter(name, PASSWORD).unwrap()
    }

    pub(crate) fn try_enter(&self, name: &str, secret: &str) -> Result<Access, SignInError> {
        self.directory
            .sign_in(name, &Secret::new(secret), peer("192.0.2.1"))
    }

    /// What somebody does in his open browser by the present password.
    pub(crate) fn unlocked(&self, session: &Access) -> Access {
        let session = session.clone().coming_from(peer("192.0.2.1"));
        let current = Secret::new(PASSWORD);
        self.directory
            .unlocked(&session, session.account(), Some(&current))
            .unwrap()
    }

    pub(crate) fn id(&self, name: &str) -> AccountId {
        self.directory.account_at(&address(name)).unwrap().id
    }
}

fn options(dir: &tempfile::TempDir, room: &Arc<AtomicU64>) -> Options {
    Options {
        dir: dir.path().to_owned(),
        engine: EngineKind::Memory,
        cache_bytes: 1 << 20,
        disk: room.clone().into(),
        ..Options::default()
    }
}

fn open(
    dir: &tempfile::TempDir,
    clock: &Arc<HandClock>,
    room: &Arc<AtomicU64>,
) -> Result<(Store, Directory), Error> {
    let hand = clock.clone();
    let options = Options {
        clock: storage::Clock::new(move || hand.now_s()),
        ..options(dir, room)
    };
    open_with(&options, clock)
}

/// A directory over this store.
pub(crate) fn open_with(
    options: &Options,
    clock: &Arc<HandClock>,
) -> Result<(Store, Directory), Error> {
    let store = Store::open(options)?;
    let settings = Settings {
        argon2_memory_kib: 64,
        argon2_passes: 1,
        scram_iterations: 4_096,
        default_domain: Some(domain("tinh.gov.vn")),
        default_quota: Some(1 << 30),
    };
    let directory = Directory::open(store.clone(), clock.clone(), settings)?;
    Ok((store, directory))
}

pub(crate) fn new(name: &str, at: &str) -> NewAccount {
    NewAccount {
        address: address(name),
        kind: AccountKind::Person,
        agency: agency(at),
        name: "Nguyễn Văn Đạt".to_owned(),
        position: Some("Chuyên viên".to_owned()),
        quota: None,
        messages_max: None,
    }
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

pub(crate) fn domain(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

pub(crate) fn agency(text: &str) -> AgencyId {
    AgencyId(text.to_owned())
}

pub(crate) fn peer(ip: &str) -> Peer {
    Peer {
        ip: ip.parse::<IpAddr>().unwrap(),
        service: "imap",
    }
}

/// The same at the door of administration.
pub(crate) fn api(ip: &str) -> Peer {
    Peer {
        service: "api",
        ..peer(ip)
    }
}

/// Fails with an error whose text begins so.
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Error>, text: &str) {
    let error = result.unwrap_err().to_string();
    assert!(error.starts_with(text), "{error:?} is not {text:?}");
}
