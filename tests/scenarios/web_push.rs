//! A telephone hears of mail by its push service, which cannot read what it passes on.

use crate::outside::Paper;
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use tests::http_client::HttpClient;
use tests::push_service::{Device, PushService, claims};
use tests::until;
use tests::world::{DOMAIN, World};

struct Story {
    world: World,
    service: PushService,
    device: Device,
    phone: HttpClient,
    server_key: String,
    _paper: Paper,
}

impl Story {
    fn new() -> Self {
        let paper = Paper::new("localhost", (2020, 2090));
        let service = PushService::new(&paper.chain, &paper.key);
        let world = World::with(|config| {
            config.push.private = vec![Ipv4Addr::LOCALHOST.into()];
            config.relay.authorities = paper.ca.clone();
        });
        let phone = world.http("an");
        let (_, _, session) = phone.get("/jmap/session");
        let session: Value = serde_json::from_slice(&session).unwrap();
        let key =
            &session["capabilities"]["urn:ietf:params:jmap:webpush-vapid"]["applicationServerKey"];
        Self {
            server_key: key.as_str().unwrap().to_owned(),
            world,
            service,
            device: Device::new(),
            phone,
            _paper: paper,
        }
    }

    /// One call that names no account; its arguments back.
    fn call(&self, method: &str, arguments: Value) -> Value {
        let request = json!({
            "using": ["urn:ietf:params:jmap:core"],
            "methodCalls": [[method, arguments, "0"]],
        });
        let (_, answer) = self.phone.post_json("/jmap/api", &request);
        assert_eq!(answer["methodResponses"][0][0], method, "{answer}");
        answer["methodResponses"][0][1].clone()
    }

    fn subscribe(&self, types: Value) -> String {
        let new = json!({
            "deviceClientId": "dien-thoai-cua-an",
            "url": self.service.url("may-an"),
            "keys": self.device.keys(),
            "types": types,
        });
        let made = self.call("PushSubscription/set", json!({"create": {"p": new}}));
        let id = &made["created"]["p"]["id"];
        id.as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    /// The message of this number, once it came.
    fn told(&self, number: usize) -> Value {
        assert!(until(|| self.service.count() > number), "nothing was sent");
        self.device.read(&self.service.heard()[number])
    }

    fn prove(&self, id: &str) {
        let code = self.told(0)["verificationCode"].clone();
        let update = json!({"update": {id: {"verificationCode": code}}});
        let done = self.call("PushSubscription/set", update);
        assert_eq!(done["updated"], json!({id: null}), "{done}");
    }

    fn letter(&self, subject: &str) {
        let mut smtp = self.world.smtp();
        smtp.ehlo();
        let text = format!("From: x@noikhac.vn\r\nSubject: {subject}\r\n\r\nMật.\r\n");
        let to = format!("an@{DOMAIN}");
        let done = smtp.transaction("x@noikhac.vn", &[&to], text.as_bytes());
        assert!(done.starts_with("250"), "{done}");
    }

    fn ids(&self) -> Vec<Value> {
        let all = self.call("PushSubscription/get", json!({"ids": null}));
        all["list"].as_array().unwrap().clone()
    }
}

#[test]
fn a_telephone_hears_of_mail_and_its_service_reads_nothing() {
    let story = Story::new();
    let id = story.subscribe(json!(["EmailDelivery", "Mailbox"]));
    let first = story.told(0);
    assert_eq!(first["@type"], "PushVerification");
    assert_eq!(first["pushSubscriptionId"], id);
    // Until its code comes back it is told nothing else.
    story.letter("Thư thứ nhất");
    let wrong = json!({"update": {&id: {"verificationCode": "khong phai"}}});
    let refused = story.call("PushSubscription/set", wrong);
    assert_eq!(refused["notUpdated"][&id]["type"], "invalidProperties");
    story.prove(&id);
    assert_eq!(story.service.count(), 1);
    story.letter("Thư thứ hai");
    let told = story.told(1);
    assert_eq!(told["@type"], "StateChange");
    let account = story.phone.account();
    let states = told["changed"][&account].as_object().unwrap();
    let names: Vec<&String> = states.keys().collect();
    assert_eq!(names, ["EmailDelivery", "Mailbox"]);
    let now = story.phone.jmap("Mailbox/get", json!({"ids": []}));
    assert_eq!(states["Mailbox"], now["state"]);
    let asked = &story.service.heard()[1];
    assert!(asked.head.starts_with("POST /may-an HTTP/1.1\r\n"));
    for (name, value) in [
        ("ttl", "86400"),
        ("urgency", "high"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(asked.field(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(asked.field("topic").unwrap().len(), 32);
    assert!(!asked.text().contains("Mailbox") && !asked.text().contains(&account));
    let claimed = claims(asked, &story.server_key);
    let origin = story.service.url("");
    assert_eq!(claimed["aud"], origin.trim_end_matches('/'));
    assert_eq!(claimed["sub"], format!("mailto:postmaster@{DOMAIN}"));
    let left = claimed["exp"].as_i64().unwrap() - story.world.services.directory.clock().now_s();
    assert!((1..=24 * 3_600).contains(&left), "RFC 8292 §2: {left}");
    // Nobody but this sign-in sees it, and nobody its address.
    let seen = story.ids();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].get("url").is_none() && seen[0].get("keys").is_none());
    story.world.finish();
}

#[test]
fn a_device_that_is_no_more_is_told_nothing_more() {
    let story = Story::new();
    let id = story.subscribe(Value::Null);
    story.prove(&id);
    story.service.says("410 Gone");
    story.letter("Thư");
    assert!(until(|| story.ids().is_empty()), "{:?}", story.ids());
    let count = story.service.count();
    story.letter("Thư nữa");
    // Another one hears of the same letter; nothing was sent to the old address before that.
    story.service.says("201 Created");
    story.subscribe(Value::Null);
    assert!(until(|| story.service.count() > count));
    let last = story.device.read(&story.service.heard()[count]);
    assert_eq!(last["@type"], "PushVerification");
    story.world.finish();
}

#[test]
fn a_service_that_is_busy_is_told_all_of_it_later() {
    let story = Story::new();
    let id = story.subscribe(json!(["Email"]));
    story.prove(&id);
    story
        .service
        .says("429 Too Many Requests\r\nRetry-After: 1");
    story.letter("Một");
    assert!(until(|| story.service.count() == 2));
    story.service.says("201 Created");
    story.letter("Hai");
    story.letter("Ba");
    let account = story.phone.account();
    let now = || story.phone.jmap("Email/get", json!({"ids": []}))["state"].clone();
    let told = || {
        let heard = story.service.heard();
        story.device.read(heard.last().unwrap())["changed"][&account]["Email"].clone()
    };
    assert!(until(|| told() == now()), "{} {}", told(), now());
    story.world.finish();
}

#[test]
fn what_is_within_this_network_is_not_called() {
    let story = Story::new();
    // Another address of this machine, which the config does not name.
    let inside = TcpListener::bind("127.0.0.2:0").unwrap();
    inside.set_nonblocking(true).unwrap();
    let subscribe = |url: &str| {
        let new = json!({"deviceClientId": "x", "url": url});
        story.call("PushSubscription/set", json!({"create": {"p": new}}))
    };
    let made = subscribe(&format!("https://{}/", inside.local_addr().unwrap()));
    assert!(made["created"]["p"]["id"].is_string(), "{made}");
    for url in [
        "http://localhost/",
        "https://an:mat-khau@localhost/",
        "ftp://localhost/",
    ] {
        let made = subscribe(url);
        let error = &made["notCreated"]["p"];
        assert_eq!(error["type"], "invalidProperties", "{url}: {error}");
        assert_eq!(error["properties"], json!(["url"]));
    }
    // Who came later was called, and told of mail.
    let id = story.subscribe(Value::Null);
    story.prove(&id);
    story.letter("Thư");
    assert_eq!(story.told(1)["@type"], "StateChange");
    let called = inside.accept().map(|(_, from)| from);
    assert_eq!(called.unwrap_err().kind(), ErrorKind::WouldBlock);
    story.world.finish();
}

#[test]
fn who_signs_out_is_told_nothing_more() {
    let story = Story::new();
    let id = story.subscribe(Value::Null);
    story.prove(&id);
    let directory = &story.world.services.directory;
    let address = formats::address::Address::parse(&format!("an@{DOMAIN}")).unwrap();
    let account = directory.account_at(&address).unwrap().id;
    let secret = directory::Secret::new("Mat-khau-khac-2026");
    directory.set_password(None, account, &secret).unwrap();
    assert!(until(|| directory.pushes().is_empty()));
    story.letter("Thư");
    assert_eq!(story.service.count(), 1, "the code alone");
    story.world.finish();
}

#[test]
fn a_server_that_pushes_nothing_says_so() {
    let world = World::with(|config| config.push.enabled = false);
    let (_, _, session) = world.http("an").get("/jmap/session");
    let session: Value = serde_json::from_slice(&session).unwrap();
    let capabilities = session["capabilities"].as_object().unwrap();
    assert!(!capabilities.contains_key("urn:ietf:params:jmap:webpush-vapid"));
    let request = json!({
        "using": ["urn:ietf:params:jmap:core"],
        "methodCalls": [["PushSubscription/set", {"create": {"p": {
            "deviceClientId": "x", "url": "https://push.example.net/x",
        }}}, "0"]],
    });
    let (_, answer) = world.http("an").post_json("/jmap/api", &request);
    let error = &answer["methodResponses"][0][1]["notCreated"]["p"];
    assert_eq!(error["type"], "forbidden", "{answer}");
    world.finish();
}
