//! A small province: two persons, their mail, and a router to ask.

use axum::Router;
use axum::body::Body;
use delivery::Delivery;
use directory::{
    Access, AccountKind, AgencyId, Clock, Directory, NewAccount, NewAgency, Peer, Secret, Settings,
};
use formats::address::{Address, DomainName};
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use storage::{Append, EngineKind, Keyword, Options, Role, Store};
use tower::ServiceExt;

pub(crate) const PASSWORD: &str = "Mật khẩu 2026";
pub(crate) const HOST: &str = "mail.tinh.gov.vn";
pub(crate) const SIZE_MAX: u64 = 1 << 20;
/// 2026-11-22T00:00:00Z.
pub(crate) const NOW_S: i64 = 1_795_305_600;

#[derive(Debug)]
struct StillClock;

impl Clock for StillClock {
    fn now_ms(&self) -> i64 {
        NOW_S * 1000
    }
}

pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) directory: Directory,
    pub(crate) context: jmap::Context,
    router: Router,
    pub(crate) an: Access,
    pub(crate) binh: Access,
    dir: tempfile::TempDir,
}

/// What a request came to.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

fn peer() -> Peer {
    Peer {
        ip: "192.0.2.1".parse().unwrap(),
        service: "jmap",
    }
}

fn person(directory: &Directory, address: &str, name: &str) -> Access {
    let new = NewAccount {
        address: Address::parse(address).unwrap(),
        kind: AccountKind::Person,
        agency: AgencyId("H99".into()),
        name: name.into(),
        position: None,
        quota: Some(8 << 20),
        messages_max: None,
    };
    let account = directory.create_account(None, new).unwrap();
    let secret = Secret::new(PASSWORD);
    directory.set_password(None, account.id, &secret).unwrap();
    directory.sign_in(address, &secret, peer()).unwrap()
}

impl House {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            dir: dir.path().to_owned(),
            engine: EngineKind::Memory,
            cache_bytes: 1 << 20,
            ..Options::default()
        };
        let store = Store::open(&options).unwrap();
        let domain = DomainName::parse("tinh.gov.vn").unwrap();
        let settings = Settings {
            argon2_memory_kib: 64,
            argon2_passes: 1,
            scram_iterations: 0,
            default_domain: Some(domain.clone()),
            default_quota: None,
        };
        let directory = Directory::open(store.clone(), Arc::new(StillClock), settings).unwrap();
        let agency = NewAgency {
            id: AgencyId("H99".into()),
            parent: None,
            name: "Ủy ban nhân dân tỉnh".into(),
            name_en: None,
            quota: directory::AgencyQuota::default(),
            profile: directory::AgencyProfile::default(),
        };
        directory.create_agency(None, agency).unwrap();
        directory
            .create_domain(None, domain, AgencyId("H99".into()))
            .unwrap();
        let an = person(&directory, "annv@tinh.gov.vn", "Nguyễn Văn An");
        let binh = person(&directory, "binhtt@tinh.gov.vn", "Trần Thị Bình");
        let settings = delivery::Settings {
            host: HOST.into(),
            size_max: SIZE_MAX,
            recipients_max: 100,
            queue_max: 100,
            full_wait_s: 3 * 24 * 3600,
        };
        let delivery = Delivery::new(store.clone(), directory.clone(), settings, None);
        let context = jmap::Context::new(directory.clone(), delivery, SIZE_MAX);
        Self {
            store,
            directory,
            router: jmap::router(context.clone()),
            context,
            an,
            binh,
            dir,
        }
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

    /// The same house under other settings.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut jmap::Context)) -> Self {
        change(&mut self.context);
        self.router = jmap::router(self.context.clone());
        self
    }

    /// An's sign-in by cookie.
    pub(crate) fn session(&self) -> Access {
        let token = self.directory.open_session(&self.an, peer()).unwrap();
        self.directory.session(&token.0).unwrap()
    }

    pub(crate) async fn ask(&self, access: Option<&Access>, request: Request<Body>) -> Answer {
        let response = self.open(access, request).await;
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.to_vec(),
        }
    }

    /// The response with its body not read.
    pub(crate) async fn open(
        &self,
        access: Option<&Access>,
        mut request: Request<Body>,
    ) -> axum::response::Response {
        if let Some(access) = access {
            request.extensions_mut().insert(access.clone());
        }
        if !request.headers().contains_key("host") {
            request.headers_mut().insert("host", HOST.parse().unwrap());
        }
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn get(&self, access: &Access, path: &str) -> Answer {
        self.ask(Some(access), get(path)).await
    }

    /// A Request object of these calls; the Response object.
    pub(crate) async fn calls(&self, access: &Access, calls: Value) -> Value {
        let answer = self.ask(Some(access), api(&calls)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()
    }

    /// One call as An on An's account; the arguments of its response.
    pub(crate) async fn call(&self, name: &str, arguments: Value) -> Value {
        let (answered, arguments) = self.try_call(name, arguments).await;
        assert_eq!(answered, name, "{arguments}");
        arguments
    }

    /// As `call`, with the response's name.
    pub(crate) async fn try_call(&self, name: &str, mut arguments: Value) -> (String, Value) {
        if arguments.get("accountId").is_none() {
            arguments["accountId"] = self.account().into();
        }
        let response = self.calls(&self.an, json!([[name, arguments, "c"]])).await;
        let first = &response["methodResponses"][0];
        (first[0].as_str().unwrap().to_owned(), first[1].clone())
    }

    /// One call that must be refused; the type of the error.
    pub(crate) async fn refusal(&self, name: &str, arguments: Value) -> String {
        let (answered, arguments) = self.try_call(name, arguments).await;
        assert_eq!(answered, "error", "{name}: {arguments}");
        arguments["type"].as_str().unwrap().to_owned()
    }

    /// An's account id.
    pub(crate) fn account(&self) -> String {
        format!("a{}", self.an.account())
    }

    pub(crate) fn role(&self, access: &Access, role: Role) -> String {
        let mail = self.store.account(access.account());
        format!("m{}", mail.by_role(role).unwrap().unwrap().id)
    }

    pub(crate) fn inbox(&self) -> String {
        self.role(&self.an, Role::Inbox)
    }

    /// Puts a message into An's inbox; its id.
    pub(crate) fn put(&self, raw: &[u8]) -> String {
        self.put_for(&self.an, raw, NOW_S, &[])
    }

    pub(crate) fn put_for(&self, to: &Access, raw: &[u8], at: i64, keywords: &[&str]) -> String {
        let mail = self.store.account(to.account());
        let inbox = mail.by_role(Role::Inbox).unwrap().unwrap().id;
        let blob = self.store.put_blob(raw).unwrap();
        let mut writer = mail.write().unwrap();
        let placed = writer.append(Append {
            blob,
            summary: &formats::message::summarize(raw),
            received_at: at,
            keywords: keywords.iter().map(|k| Keyword::new(k).unwrap()).collect(),
            mailboxes: vec![inbox],
            delivery: None,
        });
        let email = placed.unwrap().email;
        writer.commit().unwrap();
        format!("e{email}")
    }
}

pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

pub(crate) fn api(calls: &Value) -> Request<Body> {
    let request = json!({
        "using": [
            "urn:ietf:params:jmap:core",
            "urn:ietf:params:jmap:mail",
            "urn:ietf:params:jmap:submission",
            "urn:ietf:params:jmap:vacationresponse",
            "urn:ietf:params:jmap:principals",
            "urn:ietf:params:jmap:mail:share",
            "urn:ietf:params:jmap:quota",
            "urn:ietf:params:jmap:blob",
            "urn:ietf:params:jmap:mdn",
        ],
        "methodCalls": calls,
    });
    api_text(request.to_string())
}

pub(crate) fn api_text(body: String) -> Request<Body> {
    Request::post("/jmap/api")
        .header("content-type", "application/json")
        .body(Body::from(body))
        .unwrap()
}

/// A plain letter.
pub(crate) fn letter(from: &str, subject: &str, text: &str) -> Vec<u8> {
    format!(
        "From: {from}\r\nTo: Nguyễn Văn An <annv@tinh.gov.vn>\r\nSubject: {subject}\r\n\
         Date: Mon, 02 Nov 2026 08:00:00 +0700\r\nMessage-ID: <{}@x.vn>\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n",
        blake3::hash(format!("{from}{subject}{text}").as_bytes()).to_hex()
    )
    .into_bytes()
}

/// A letter with text, HTML with a picture, a file with a Vietnamese name, and a message within.
pub(crate) const RICH: &[u8] =
    b"From: =?utf-8?B?VHLhuqduIFRo4buLIELDrG5o?= <binhtt@tinh.gov.vn>\r\n\
To: annv@tinh.gov.vn\r\n\
Cc: Nhom: a@x.vn, b@x.vn;\r\n\
Subject: =?utf-8?B?Q8O0bmcgdsSDbiBz4buRIDE=?=\r\n\
Date: Mon, 02 Nov 2026 08:00:00 +0700\r\n\
Message-ID: <rich@tinh.gov.vn>\r\n\
In-Reply-To: <first@tinh.gov.vn>\r\n\
References: <zero@tinh.gov.vn> <first@tinh.gov.vn>\r\n\
List-Unsubscribe: <mailto:out@x.vn>, <https://x.vn/out>\r\n\
MIME-Version: 1.0\r\n\
Content-Type: multipart/mixed; boundary=m\r\n\
\r\n\
--m\r\n\
Content-Type: multipart/alternative; boundary=a\r\n\
\r\n\
--a\r\n\
Content-Type: text/plain; charset=utf-8\r\n\
Content-Transfer-Encoding: quoted-printable\r\n\
\r\n\
K=C3=ADnh g=E1=BB=ADi anh An,\r\nxin xem c=C3=B4ng v=C4=83n.\r\n\
--a\r\n\
Content-Type: multipart/related; boundary=r\r\n\
\r\n\
--r\r\n\
Content-Type: text/html; charset=utf-8\r\n\
\r\n\
<p>K\xc3\xadnh g\xe1\xbb\xadi <b>anh An</b><script>alert(1)</script>\
<img src=\"cid:logo@x.vn\"><img src=\"http://x.vn/pixel.gif\" onerror=\"alert(2)\"></p>\r\n\
--r\r\n\
Content-Type: image/png; name=logo.png\r\n\
Content-ID: <logo@x.vn>\r\n\
Content-Disposition: inline\r\n\
Content-Transfer-Encoding: base64\r\n\
\r\n\
iVBORw0KGgoAAAANSUhEUg==\r\n\
--r--\r\n\
--a--\r\n\
--m\r\n\
Content-Type: application/pdf\r\n\
Content-Disposition: attachment; filename*=utf-8''C%C3%B4ng%20v%C4%83n.pdf\r\n\
Content-Transfer-Encoding: base64\r\n\
\r\n\
JVBERi0xLjcKAAEC/w==\r\n\
--m\r\n\
Content-Type: message/rfc822\r\n\
\r\n\
From: c@x.vn\r\nSubject: ben trong\r\nContent-Type: text/plain\r\n\r\nnoi dung ben trong\r\n\
--m\r\n\
Content-Type: image/svg+xml\r\n\
Content-ID: <svg@x.vn>\r\n\
\r\n\
<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(3)\"/>\r\n\
--m--\r\n";
