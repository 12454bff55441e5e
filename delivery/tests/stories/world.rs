//! A province with a few people, its clock turned by hand, and the pipeline over it.

use delivery::{
    Delivery, Envelope, Job, Origin, Outward, Recipient, Refused, ReversePath, Settings, Tried,
};
use directory::{
    Access, Account, AccountId, AccountKind, AgencyId, Clock, Directory, ListRules, NewAccount,
    NewAgency, Peer, Posting, Secret,
};
use formats::address::{Address, DomainName};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use storage::{Disk, EngineKind, Options, Role, Store};

/// 2026-11-22, 00:00 UTC.
pub(crate) const START_S: i64 = 1_795_305_600;
pub(crate) const PASSWORD: &str = "Mật khẩu 2026";
pub(crate) const LETTER: &[u8] =
    b"From: An <an@tinh.gov.vn>\r\nTo: binh@tinh.gov.vn\r\nSubject: x\r\n\r\nbody\r\n";

/// Whoever has the sockets.
pub(crate) trait Transport: Send + Sync {
    fn relay(&self, job: &Job) -> Tried;
}

#[derive(Debug)]
pub(crate) struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now_ms(&self) -> i64 {
        self.0.load(SeqCst)
    }
}

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) directory: Directory,
    pub(crate) delivery: Delivery,
    pub(crate) clock: Arc<HandClock>,
    /// Octets that the disk still holds.
    pub(crate) disk: Arc<AtomicU64>,
    /// A disk whose power may fail, instead of the other one; and how often it came back.
    medium: Option<(Disk, u64)>,
    ending: Ending,
    transport: Option<Arc<dyn Transport>>,
    dir: tempfile::TempDir,
}

/// Every story ends with a store in order, unless its power has failed.
struct Ending(Option<Store>);

impl Drop for Ending {
    fn drop(&mut self) {
        if let (false, Some(store)) = (std::thread::panicking(), &self.0) {
            assert_eq!(store.check().unwrap(), Vec::<String>::new());
        }
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(None)
    }

    pub(crate) fn with(transport: Option<Arc<dyn Transport>>) -> Self {
        Self::on(None, transport)
    }

    /// On a disk whose power may fail; each restart is after that.
    pub(crate) fn on(medium: Option<Disk>, transport: Option<Arc<dyn Transport>>) -> Self {
        crate::log::listen();
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock(AtomicI64::new(START_S * 1000)));
        let disk = Arc::new(AtomicU64::new(u64::MAX));
        let medium = medium.map(|medium| (medium, 0));
        let (store, directory) = open(&dir, &clock, &disk, medium.as_ref());
        let top = AgencyId("H99".into());
        let agency = NewAgency {
            id: top.clone(),
            parent: None,
            name: "Tỉnh".into(),
            name_en: None,
            quota: directory::AgencyQuota::default(),
            profile: directory::AgencyProfile::default(),
        };
        directory.create_agency(None, agency).unwrap();
        directory
            .create_domain(None, DomainName::parse("tinh.gov.vn").unwrap(), top)
            .unwrap();
        let delivery = pipeline(&store, &directory, transport.is_some());
        let ending = Ending(Some(store.clone()));
        let world = Self {
            transport,
            store,
            directory,
            delivery,
            clock,
            disk,
            medium,
            ending,
            dir,
        };
        for name in ["an", "binh", "chi"] {
            world.person(name);
        }
        world
    }

    /// The same folder, as after a crash.
    pub(crate) fn restart(self, transport: Option<Arc<dyn Transport>>) -> Self {
        let Self {
            store,
            directory,
            delivery,
            clock,
            disk,
            mut medium,
            mut ending,
            dir,
            ..
        } = self;
        if medium.is_some() {
            ending.0 = None;
        }
        drop((delivery, directory, store, ending));
        if let Some((medium, boots)) = &mut medium {
            medium.power_cut().unwrap();
            *boots += 1;
        }
        let (store, directory) = open(&dir, &clock, &disk, medium.as_ref());
        let delivery = pipeline(&store, &directory, transport.is_some());
        let ending = Ending(Some(store.clone()));
        Self {
            transport,
            store,
            directory,
            delivery,
            clock,
            disk,
            medium,
            ending,
            dir,
        }
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1000, SeqCst);
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now_s()
    }

    pub(crate) fn dispatch(&self) -> Option<i64> {
        self.try_dispatch().unwrap()
    }

    /// Until nothing may go now.
    pub(crate) fn try_dispatch(&self) -> Result<Option<i64>, storage::Error> {
        let now = self.now();
        loop {
            let next = self.delivery.dispatch(now)?;
            let Some(job) = self.delivery.lease(now)? else {
                return Ok(next);
            };
            let transport = self.transport.as_ref().expect("a transport");
            self.delivery.settle(&job, transport.relay(&job), now)?;
        }
    }

    pub(crate) fn account(&self, name: &str, kind: AccountKind) -> Account {
        let new = NewAccount {
            address: local(name),
            kind,
            agency: AgencyId("H99".into()),
            name: format!("Người {name}"),
            position: None,
            quota: None,
            messages_max: None,
        };
        self.directory.create_account(None, new).unwrap()
    }

    pub(crate) fn person(&self, name: &str) -> Account {
        self.account(name, AccountKind::Person)
    }

    /// A list to which everybody may post.
    pub(crate) fn list(&self, name: &str, members: Vec<Address>) -> Account {
        let list = self.account(name, AccountKind::List { members });
        self.say(name, |rules| rules.posting = Posting::Anyone);
        list
    }

    /// Says something of a list.
    pub(crate) fn say(&self, name: &str, change: impl FnOnce(&mut ListRules)) {
        let mut rules = self.directory.list_rules(None, self.id(name)).unwrap();
        change(&mut rules);
        self.directory.set_list_rules(None, rules, None).unwrap();
    }

    pub(crate) fn change(&self, name: &str, change: impl FnOnce(&mut Account)) {
        let mut account = self.directory.account_at(&local(name)).unwrap();
        change(&mut account);
        self.directory.change_account(None, account, None).unwrap();
    }

    pub(crate) fn enter(&self, name: &str) -> Access {
        let id = self.id(name);
        self.directory
            .set_password(None, id, &Secret::new(PASSWORD))
            .unwrap();
        let peer = Peer {
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            service: "submission",
        };
        self.directory
            .sign_in(&format!("{name}@tinh.gov.vn"), &Secret::new(PASSWORD), peer)
            .unwrap()
    }

    pub(crate) fn submitted(&self, name: &str) -> Origin {
        let helo = "client.test".into();
        Origin::Submitted {
            access: self.enter(name),
            ip: None,
            helo,
            with: "ESMTPSA",
            tls: None,
        }
    }

    pub(crate) fn id(&self, name: &str) -> AccountId {
        self.directory.account_at(&local(name)).unwrap().id
    }

    /// The same for somebody who may never have got any.
    pub(crate) fn inbox_if_any(&self, name: &str) -> Vec<String> {
        let account = self.store.account(self.id(name));
        match account.by_role(Role::Inbox).unwrap() {
            Some(_) => self.inbox(name),
            None => Vec::new(),
        }
    }

    /// The raw messages in somebody's INBOX, oldest first.
    pub(crate) fn inbox(&self, name: &str) -> Vec<String> {
        let account = self.store.account(self.id(name));
        let inbox = account.by_role(Role::Inbox).unwrap().expect("an INBOX");
        let mut emails = Vec::new();
        account
            .scan_all(&mut |state| {
                if state.uid(inbox.id).is_some() {
                    emails.push(state.email);
                }
                true
            })
            .unwrap();
        let text = |email| String::from_utf8(account.content(email).unwrap().to_vec()).unwrap();
        emails.into_iter().map(text).collect()
    }
}

fn open(
    dir: &tempfile::TempDir,
    clock: &Arc<HandClock>,
    disk: &Arc<AtomicU64>,
    medium: Option<&(Disk, u64)>,
) -> (Store, Directory) {
    let disk = disk.clone().into();
    let store = Store::open(&Options {
        dir: dir.path().to_owned(),
        engine: EngineKind::Memory,
        cache_bytes: 1 << 20,
        disk: medium.map_or(disk, |(medium, _)| medium.clone()),
        boot_id: medium.map(|(_, boots)| format!("boot {boots}")),
        ..Options::default()
    })
    .unwrap();
    let settings = directory::Settings {
        argon2_memory_kib: 64,
        argon2_passes: 1,
        scram_iterations: 0,
        default_domain: None,
        default_quota: Some(1 << 30),
    };
    let directory = Directory::open(store.clone(), clock.clone(), settings).unwrap();
    (store, directory)
}

fn pipeline(store: &Store, directory: &Directory, relays: bool) -> Delivery {
    let settings = Settings {
        host: "mx.tinh.gov.vn".into(),
        size_max: 1 << 20,
        recipients_max: 1_000,
        queue_max: 100,
        full_wait_s: 3 * 24 * 3600,
    };
    let outward = relays.then(|| Outward {
        routes: Vec::new(),
        direct: true,
        sign: true,
        jobs_max: 8,
        jobs_per_hop: 4,
    });
    Delivery::new(store.clone(), directory.clone(), settings, outward)
}

pub(crate) fn local(name: &str) -> Address {
    address(&format!("{name}@tinh.gov.vn"))
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

pub(crate) fn remote() -> Origin {
    Origin::Remote {
        ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9)),
        helo: "mail.noi.vn".into(),
        with: "ESMTP",
        tls: None,
    }
}

/// `from` empty: the null path.
pub(crate) fn envelope(from: &str, to: &[&str]) -> Envelope {
    let each = to.iter().map(|to| Recipient {
        address: address(to),
        notify: None,
        orcpt: None,
    });
    Envelope {
        from: match from {
            "" => ReversePath::Null,
            from => ReversePath::Address(address(from)),
        },
        recipients: each.collect(),
        envid: None,
        ret: None,
        smtputf8: false,
        eight_bit: false,
        ..Envelope::default()
    }
}

/// The cause of a refusal for good.
pub(crate) fn cause<T: std::fmt::Debug>(result: Result<T, Refused>) -> String {
    match result {
        Err(Refused::Permanent(cause)) => format!("{cause:?}"),
        Err(Refused::Temporary(_) | Refused::Failed(_)) => "later".into(),
        Ok(_) => "ok".into(),
    }
}
