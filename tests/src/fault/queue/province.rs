//! A small province over one store: its directory, its pipeline, its clock that goes when it is told to.

use super::ledger::{Event, Ledger};
use super::letter::{
    DOMAIN, FORWARDED, FORWARDER, FULL, INNER, INNER_MEMBERS, LIST, LIST_MEMBERS, OWNED,
    OWNED_MEMBERS, OWNER, PEOPLE, local,
};
use crate::fault::run;
use delivery::{Delivery, Envelope, Origin, Outward, Recipient, ReversePath, Settings};
use directory::{
    Access, AccountId, AccountKind, AgencyForwarding, AgencyId, Clock, Directory, Forwarding,
    NewAccount, NewAgency, Peer, Posting, Secret,
};
use formats::address::{Address, DomainName};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use storage::{Disk, EngineKind, Options, Store};

/// 2026-11-22, 00:00 UTC.
pub const START_S: i64 = 1_795_305_600;
const PASSWORD: &str = "Mật khẩu 2026";
/// Seconds for which mail for a full mailbox is tried.
const FULL_WAIT_S: i64 = 24 * 3600;

#[derive(Debug)]
struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst) * 1000
    }
}

/// See the module.
pub struct Province {
    pub store: Store,
    pub directory: Directory,
    pub delivery: Delivery,
    clock: Arc<HandClock>,
    people: BTreeMap<String, Access>,
}

pub fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn agency() -> AgencyId {
    AgencyId("H99".into())
}

/// Where a province lies.
#[derive(Clone)]
pub struct Ground {
    pub disk: Disk,
    pub engine: EngineKind,
    pub boot: String,
}

impl Province {
    /// Opened at this time; founded where nobody lives there yet.
    pub fn open(folder: &Path, ground: &Ground, now: i64) -> Result<Self, storage::Error> {
        let clock = Arc::new(HandClock(AtomicI64::new(now)));
        let told = clock.clone();
        let store = Store::open(&Options {
            disk: ground.disk.clone(),
            boot_id: Some(ground.boot.clone()),
            clock: storage::Clock::new(move || told.0.load(Ordering::SeqCst)),
            ..run::with_engine(folder, ground.engine)
        })?;
        let settings = directory::Settings {
            argon2_memory_kib: 64,
            argon2_passes: 1,
            scram_iterations: 0,
            default_domain: None,
            default_quota: Some(1 << 30),
        };
        let directory = Directory::open(store.clone(), clock.clone(), settings);
        let directory = directory.map_err(|e| storage::Error::Unavailable(e.to_string().into()))?;
        let settings = Settings {
            host: "mx.tinh.gov.vn".into(),
            size_max: 1 << 20,
            recipients_max: 1_000,
            queue_max: 10_000,
            full_wait_s: FULL_WAIT_S,
        };
        let outward = Outward {
            routes: Vec::new(),
            direct: true,
            sign: false,
            jobs_max: 8,
            jobs_per_hop: 4,
        };
        let delivery = Delivery::new(store.clone(), directory.clone(), settings, Some(outward));
        Ok(Self {
            store,
            directory,
            delivery,
            clock,
            people: BTreeMap::new(),
        })
    }

    /// Its people, lists and ways.
    pub fn found(&self) {
        let top = NewAgency {
            id: agency(),
            parent: None,
            name: "Tỉnh".into(),
            name_en: None,
            quota: directory::AgencyQuota::default(),
            profile: directory::AgencyProfile::default(),
        };
        let d = &self.directory;
        d.create_agency(None, top).unwrap();
        d.create_domain(None, DomainName::parse(DOMAIN).unwrap(), agency())
            .unwrap();
        for name in PEOPLE.into_iter().chain([FORWARDER, FULL]) {
            let id = self.account(name, AccountKind::Person);
            d.set_password(None, id, &Secret::new(PASSWORD)).unwrap();
        }
        let member = |name: &&str| match name.contains('@') {
            true => address(name),
            false => address(&local(name)),
        };
        self.account(
            INNER,
            AccountKind::List {
                members: Vec::new(),
            },
        );
        let members: [(&str, Vec<Address>); 3] = [
            (LIST, LIST_MEMBERS.iter().map(member).collect()),
            (OWNED, OWNED_MEMBERS.iter().map(member).collect()),
            (INNER, INNER_MEMBERS.iter().map(member).collect()),
        ];
        for (name, members) in members {
            let kind = AccountKind::List { members };
            let id = match name {
                INNER => {
                    let mut account = d.account_at(&address(&local(name))).unwrap();
                    account.kind = kind;
                    d.change_account(None, account, None).unwrap().id
                }
                name => self.account(name, kind),
            };
            let mut rules = d.list_rules(None, id).unwrap();
            rules.posting = Posting::Anyone;
            rules.owner = (name == OWNED).then(|| address(&local(OWNER)));
            d.set_list_rules(None, rules, None).unwrap();
        }
        let outside = AgencyForwarding {
            agency: agency(),
            outside: Some(true),
            version: 0,
        };
        d.set_agency_forwarding(None, outside, None).unwrap();
        let on = Forwarding {
            account: self.id(FORWARDER),
            to: FORWARDED.map(address).to_vec(),
            keep: true,
            version: 0,
        };
        d.set_forwarding(None, on, None).unwrap();
        self.fill();
    }

    /// One mailbox has no room, though what it holds could go.
    fn fill(&self) {
        for _ in 0..3 {
            let to = envelope(ReversePath::Null, &[local(FULL)], None);
            let letter = b"From: <a@xa.vn>\r\nSubject: x\r\n\r\nx\r\n";
            self.delivery.accept(to, letter, &remote()).unwrap();
        }
        let account = self.id(FULL);
        let (used, _) = self.store.account(account).usage().unwrap();
        let mut full = self.directory.account(account).unwrap();
        full.quota = Some(used + 10);
        self.directory.change_account(None, full, None).unwrap();
    }

    fn account(&self, name: &str, kind: AccountKind) -> AccountId {
        let new = NewAccount {
            address: address(&local(name)),
            kind,
            agency: agency(),
            name: format!("Người {name}"),
            position: None,
            quota: None,
            messages_max: None,
        };
        self.directory.create_account(None, new).unwrap().id
    }

    /// All who send from here sign in.
    pub fn sign_in(&mut self) {
        for name in PEOPLE {
            let peer = Peer {
                ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
                service: "submission",
            };
            let secret = Secret::new(PASSWORD);
            let access = self.directory.sign_in(&local(name), &secret, peer).unwrap();
            self.people.insert(name.to_owned(), access);
        }
    }

    pub fn id(&self, name: &str) -> AccountId {
        self.directory
            .account_at(&address(&local(name)))
            .unwrap()
            .id
    }

    pub fn submitted(&self, name: &str) -> Origin {
        Origin::Submitted {
            access: self.people[name].clone(),
            ip: None,
            helo: "client.test".into(),
            with: "ESMTPSA",
            tls: None,
        }
    }

    pub fn now(&self) -> i64 {
        self.clock.0.load(Ordering::SeqCst)
    }

    /// Time goes on; the ledger knows it first.
    pub fn pass(&self, seconds: i64, ledger: &Ledger) {
        ledger.note(Event::Now(self.now() + seconds));
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

/// Another server.
pub fn remote() -> Origin {
    Origin::Remote {
        ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9)),
        helo: "mail.xa.vn".into(),
        with: "ESMTP",
        tls: None,
    }
}

pub fn envelope(from: ReversePath, to: &[String], notify: Option<&str>) -> Envelope {
    let each = to.iter().map(|to| Recipient {
        address: address(to),
        notify: notify.map(str::to_owned),
        orcpt: None,
    });
    Envelope {
        from,
        recipients: each.collect(),
        ..Envelope::default()
    }
}
