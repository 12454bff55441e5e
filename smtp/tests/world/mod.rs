//! A small province in a store of its own, and the pipeline over it.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses a part of it"
)]

use delivery::{Delivery, Settings};
use directory::{
    AccountId, AccountKind, AgencyId, Clock, Directory, NewAccount, NewAgency, Secret,
};
use formats::address::{Address, DomainName};
use smtp::{Config, Limits, Services};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use storage::{EngineKind, Options, Store};
use tokio::sync::watch;

const PASSWORD: &str = "Mat khau 2026";

#[derive(Debug)]
struct StillClock;

impl Clock for StillClock {
    fn now_ms(&self) -> i64 {
        1_795_305_600_000
    }
}

pub struct World {
    pub store: Store,
    pub directory: Directory,
    pub delivery: Delivery,
    pub services: Services,
    pub config: Arc<Config>,
    pub disk: Arc<AtomicU64>,
    pub stop: watch::Sender<bool>,
    _dir: tempfile::TempDir,
}

impl World {
    pub fn new(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let disk = Arc::new(AtomicU64::new(u64::MAX));
        let store = Store::open(&Options {
            dir: dir.path().to_owned(),
            engine: EngineKind::Memory,
            cache_bytes: 1 << 20,
            disk: disk.clone().into(),
            ..Options::default()
        })
        .unwrap();
        let settings = directory::Settings {
            argon2_memory_kib: 64,
            argon2_passes: 1,
            scram_iterations: 4_096,
            default_domain: None,
            default_quota: None,
        };
        let directory = Directory::open(store.clone(), Arc::new(StillClock), settings).unwrap();
        let domain = DomainName::parse("tinh.gov.vn").unwrap();
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
        directory.create_domain(None, domain, top.clone()).unwrap();
        for name in ["an", "binh"] {
            let new = NewAccount {
                address: address(name),
                kind: AccountKind::Person,
                agency: top.clone(),
                name: name.into(),
                position: None,
                quota: None,
                messages_max: None,
            };
            let account = directory.create_account(None, new).unwrap();
            let secret = Secret::new(PASSWORD);
            directory.set_password(None, account.id, &secret).unwrap();
        }
        let (host, size_max) = ("mx.tinh.gov.vn".to_owned(), 1 << 20);
        let settings = Settings {
            host: host.clone(),
            size_max,
            recipients_max: 100,
            queue_max: 100,
            full_wait_s: 3 * 24 * 3600,
        };
        let delivery = Delivery::new(store.clone(), directory.clone(), settings, None);
        let services = Services::new(delivery.clone(), directory.clone(), limits);
        let config = config(host, size_max);
        Self {
            store,
            directory,
            delivery,
            services,
            config: Arc::new(config),
            disk,
            stop: watch::Sender::new(false),
            _dir: dir,
        }
    }

    pub fn contents(&self, name: &str) -> Vec<Vec<u8>> {
        let account = self.store.account(self.id(name));
        let mut emails = Vec::new();
        account
            .scan_all(&mut |state| {
                emails.push(state.email);
                true
            })
            .unwrap();
        emails
            .into_iter()
            .map(|email| account.content(email).unwrap().to_vec())
            .collect()
    }

    pub fn id(&self, name: &str) -> AccountId {
        self.directory.account_at(&address(name)).unwrap().id
    }
}

fn config(host: String, size_max: u64) -> Config {
    Config {
        host,
        size_max,
        recipients_max: 100,
        pace: smtp::Pace::default(),
        postmaster_domain: None,
    }
}

fn address(name: &str) -> Address {
    Address::parse(&format!("{name}@tinh.gov.vn")).unwrap()
}
