//! A small province and one door to its API.

use axum::Router;
use axum::body::Body;
use delivery::Delivery;
use directory::*;
use formats::{Address, DomainName};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tower::ServiceExt as _;

/// Time that stands until it is turned.
#[derive(Debug)]
pub(crate) struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
    /// The body as it came.
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// The identifying member of each item of a page.
    pub(crate) fn names(&self, member: &str) -> Vec<String> {
        let items = self.json["items"]
            .as_array()
            .unwrap_or_else(|| panic!("no page: {self:?}"));
        let name = |item: &Value| match &item[member] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        items.iter().map(name).collect()
    }
}

/// The province: H99 over H99.1 (over H99.1.1) and H99.2; domain x.vn; and who administers.
pub(crate) struct World {
    pub(crate) store: storage::Store,
    pub(crate) directory: Directory,
    pub(crate) delivery: Delivery,
    pub(crate) clock: Arc<HandClock>,
    /// Octets that the disk still takes.
    pub(crate) room: Arc<AtomicU64>,
    pub(crate) router: Router,
    /// Administrator of all.
    pub(crate) root: Access,
    /// Administrator of H99.1 and what is under it.
    pub(crate) branch: Access,
    /// Auditor of H99.1.
    pub(crate) auditor: Access,
    /// A person of H99.2 without any grant.
    pub(crate) nobody: Access,
    /// Whoever works on jobs.
    _workshop: bulk::Workshop,
    pub(crate) dir: tempfile::TempDir,
}

/// Keys and backups beside the store.
struct Beside(storage::Options);

impl admin::Premises for Beside {
    fn rotate_master(&self, store: &storage::Store) -> Result<String, admin::Said> {
        let new = storage::MasterKey::draw().unwrap();
        store.rotate_master(&new).unwrap();
        Ok("master.old-1".into())
    }

    fn backups(&self) -> Result<admin::Backups, admin::Said> {
        let beside = self.0.dir.parent().unwrap();
        let disk = storage::Disk::default();
        let vault = storage::backup::FolderVault::open(&beside.join("backups"), &disk);
        Ok(admin::Backups {
            vault: vault.map_err(|_| admin::Said {
                vi: "không có bản sao lưu".into(),
                en: "there is no backup".into(),
            })?,
            secret: storage::backup::Secret::None,
            options: storage::Options {
                dir: beside.join("scratch"),
                ..self.0.clone()
            },
            older_keys: Vec::new(),
        })
    }
}

pub(crate) const PEER: Peer = Peer {
    ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
    service: "api",
};

impl World {
    pub(crate) fn new() -> Self {
        Self::over(storage::KeySource::None)
    }

    /// One that sends mail elsewhere, with what hands it over left out.
    pub(crate) fn sending() -> Self {
        let outward = delivery::Outward {
            routes: Vec::new(),
            direct: true,
            sign: true,
            jobs_max: 8,
            jobs_per_hop: 4,
        };
        Self::made(storage::KeySource::None, Some(outward))
    }

    /// With an encrypted store, or a plain one.
    pub(crate) fn over(keys: storage::KeySource) -> Self {
        Self::made(keys, None)
    }

    fn made(keys: storage::KeySource, outward: Option<delivery::Outward>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock(AtomicI64::new(1_793_000_000_000)));
        let hand = clock.clone();
        let room = Arc::new(AtomicU64::new(1 << 40));
        let options = storage::Options {
            dir: dir.path().join("store"),
            engine: storage::EngineKind::Memory,
            clock: storage::Clock::new(move || hand.now_s()),
            keys,
            disk: room.clone().into(),
            ..storage::Options::default()
        };
        let store = storage::Store::open(&options).unwrap();
        let settings = Settings {
            argon2_memory_kib: 64,
            argon2_passes: 1,
            scram_iterations: 0,
            default_domain: None,
            default_quota: Some(1 << 30),
        };
        let directory = Directory::open(store.clone(), clock.clone(), settings).unwrap();
        let mail = delivery::Settings {
            host: "mail.x.vn".to_owned(),
            size_max: 1 << 20,
            recipients_max: 100,
            queue_max: 1000,
            full_wait_s: 3 * 24 * 3600,
        };
        let delivery = Delivery::new(store.clone(), directory.clone(), mail, outward);
        people(&directory);
        let context = admin::Context {
            directory: directory.clone(),
            delivery: delivery.clone(),
            premises: Arc::new(Beside(options)),
        };
        let access = |local: &str| token_of(&directory, local);
        Self {
            _workshop: bulk::Workshop::start(&directory).unwrap(),
            router: admin::router(context),
            root: access("quantri"),
            branch: access("quantri.nhanh"),
            auditor: access("kiemtoan"),
            nobody: access("nguoila"),
            store,
            directory,
            delivery,
            clock,
            room,
            dir,
        }
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now_s()
    }

    pub(crate) fn turn(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// One request, as the server's sign-in layer hands it on.
    pub(crate) async fn send(&self, who: Option<&Access>, request: Request<Body>) -> Answer {
        let mut request = request;
        if let Some(access) = who {
            request.extensions_mut().insert(access.clone());
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        if !parts.status.is_success() {
            let kind = parts
                .headers
                .get("content-type")
                .map(|v| v.to_str().unwrap());
            assert_eq!(kind, Some("application/problem+json"), "{}", parts.status);
            assert_eq!(json["status"], parts.status.as_u16());
            assert!(
                json["type"]
                    .as_str()
                    .is_some_and(|t| t.starts_with("urn:congvu:problem:"))
            );
        }
        Answer {
            status: parts.status,
            headers: parts.headers,
            json,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// One request with fields of its own.
    pub(crate) async fn with(
        &self,
        who: &Access,
        line: &str,
        fields: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/{path}"));
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        // As an administrator's program does; `send` sends what it is given.
        if !fields.iter().any(|(name, _)| *name == "audit-reason") {
            request = request.header("audit-reason", "thử nghiệm");
        }
        let request = match body {
            Some(body) => request
                .header("content-type", "application/json")
                .body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        self.send(Some(who), request.unwrap()).await
    }

    pub(crate) async fn get(&self, who: &Access, path: &str) -> Answer {
        self.with(who, &format!("GET {path}"), &[], None).await
    }

    pub(crate) async fn post(&self, who: &Access, path: &str, body: Value) -> Answer {
        self.with(who, &format!("POST {path}"), &[], Some(body))
            .await
    }

    pub(crate) async fn patch(&self, who: &Access, path: &str, body: Value) -> Answer {
        self.with(who, &format!("PATCH {path}"), &[], Some(body))
            .await
    }

    pub(crate) async fn delete(&self, who: &Access, path: &str) -> Answer {
        self.with(who, &format!("DELETE {path}"), &[], None).await
    }

    /// The id of the account at `local@x.vn`.
    pub(crate) fn id(&self, local: &str) -> u32 {
        self.directory.account_at(&address(local)).unwrap().id.raw()
    }
}

/// `local@x.vn`.
pub(crate) fn address(local: &str) -> Address {
    Address::parse(&format!("{local}@x.vn")).unwrap()
}

/// The one assertion of most tests.
#[track_caller]
pub(crate) fn check(answer: &Answer, status: u16) {
    assert_eq!(answer.status.as_u16(), status, "{answer:#?}");
}

fn people(directory: &Directory) {
    for (id, parent, name) in [
        ("H99", None, "Uỷ ban nhân dân tỉnh Mẫu"),
        ("H99.1", Some("H99"), "Sở Nội vụ"),
        ("H99.1.1", Some("H99.1"), "Phòng Tổ chức"),
        ("H99.2", Some("H99"), "Sở Tài chính"),
    ] {
        let new = NewAgency {
            id: AgencyId(id.to_owned()),
            parent: parent.map(|p| AgencyId(p.to_owned())),
            name: name.to_owned(),
            name_en: None,
            quota: AgencyQuota::default(),
            profile: AgencyProfile::default(),
        };
        directory.create_agency(None, new).unwrap();
    }
    let domain = DomainName::parse("x.vn").unwrap();
    directory
        .create_domain(None, domain, AgencyId("H99".to_owned()))
        .unwrap();
    for (local, agency, name, grant) in [
        (
            "quantri",
            "H99",
            "Quản Trị",
            Some((Role::Administrator, "H99")),
        ),
        (
            "quantri.nhanh",
            "H99.1",
            "Quản Trị Nhánh",
            Some((Role::Administrator, "H99.1")),
        ),
        (
            "kiemtoan",
            "H99.1",
            "Kiểm Toán",
            Some((Role::Auditor, "H99.1")),
        ),
        ("nguoila", "H99.2", "Người Lạ", None),
    ] {
        let new = NewAccount {
            address: address(local),
            kind: AccountKind::Person,
            agency: AgencyId(agency.to_owned()),
            name: name.to_owned(),
            position: None,
            quota: None,
            messages_max: None,
        };
        let mut account = directory.create_account(None, new).unwrap();
        if let Some((role, top)) = grant {
            account.grants = vec![Grant::of(role, AgencyId(top.to_owned()))];
            directory.change_account(None, account, None).unwrap();
        }
    }
}

/// Signs in by a fresh token.
pub(crate) fn token_of(directory: &Directory, local: &str) -> Access {
    let id = directory.account_at(&address(local)).unwrap().id;
    let kind = CredentialKind::Token;
    let (_, secret) = directory
        .create_credential(None, id, kind, "thử", None)
        .unwrap();
    directory.sign_in_token(&secret, PEER).unwrap()
}
