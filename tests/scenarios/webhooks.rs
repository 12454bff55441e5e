//! A program of the personnel department hears of accounts: over HTTPS, signed, also of what came while it was away.

use crate::outside::Paper;
use ring::hmac;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tests::https_peer::{self, Asked};
use tests::until;
use tests::world::{DOMAIN, World};

/// What was heard.
type Heard = Arc<Mutex<Vec<Asked>>>;

/// A program that listens, and says this status.
struct Program {
    address: SocketAddr,
    heard: Heard,
    says: Arc<Mutex<&'static str>>,
}

impl Program {
    fn new(paper: &Paper) -> Self {
        let (heard, says) = (Heard::default(), Arc::new(Mutex::new("204 No Content")));
        let (keep, said) = (Arc::clone(&heard), Arc::clone(&says));
        let address = https_peer::listen(&paper.chain, &paper.key, move |asked| {
            keep.lock().unwrap().push(asked);
            let said = *said.lock().unwrap();
            format!("HTTP/1.1 {said}\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n")
        });
        Self {
            address,
            heard,
            says,
        }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}/congvu", self.address.port())
    }

    fn count(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

/// As docs/webhooks.md tells a program to do it.
fn is_signed(asked: &Asked, secret: &str) -> bool {
    let signature = asked.field("congvu-signature").unwrap();
    let (time, hex) = signature
        .strip_prefix("t=")
        .and_then(|rest| rest.split_once(",v1="))
        .unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{time}.{}", asked.text()).as_bytes());
    let octets = tag.as_ref().iter();
    octets
        .map(|octet| format!("{octet:02x}"))
        .collect::<String>()
        == hex
}

#[test]
fn a_program_hears_of_accounts_signed_and_is_not_led_elsewhere() {
    let paper = Paper::new("localhost", (2020, 2090));
    let program = Program::new(&paper);
    let world = World::with(|config| {
        config.webhooks.enabled = true;
        config.webhooks.private = vec![Ipv4Addr::LOCALHOST.into()];
        config.relay.authorities = paper.ca.clone();
    });
    let api = world.api();
    let new = json!({"label": "Nhân sự", "agency": "T1", "url": program.url()});
    let (status, made) = api.post_json("/api/v1/webhooks", &new);
    assert_eq!(status, 201, "{made}");
    let secret = made["secret"].as_str().unwrap();
    let one = format!("/api/v1/webhooks/{}", made["id"]);
    let state = || -> Value { serde_json::from_slice(&api.get(&one).2).unwrap() };
    world.person("moi");
    assert!(until(|| program.count() == 2), "{}", state());
    let heard = program.heard.lock().unwrap().clone();
    let asked = &heard[0];
    let head = &asked.head;
    assert!(head.starts_with("POST /congvu HTTP/1.1\r\n"), "{head}");
    assert_eq!(
        asked.field("congvu-event").as_deref(),
        Some("account.created")
    );
    assert!(is_signed(asked, secret) && !is_signed(asked, "khac"));
    let told: Value = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(told["object"], format!("moi@{DOMAIN}"));
    assert_eq!(
        asked.field("congvu-event-id").unwrap(),
        told["id"].to_string()
    );
    // Who answers with another place to go to is not followed: it is a failure.
    *program.says.lock().unwrap() = "302 Found";
    world.person("nua");
    assert!(until(|| state()["state"] == "retrying"), "{}", state());
    assert_eq!(state()["failures"][0]["error"], "it answered 302");
    assert_eq!(program.count(), 3);
    world.finish();
}

#[test]
fn what_is_within_this_network_is_not_called() {
    let paper = Paper::new("localhost", (2020, 2090));
    let program = Program::new(&paper);
    let world = World::with(|config| {
        config.webhooks.enabled = true;
        config.relay.authorities = paper.ca.clone();
    });
    let api = world.api();
    let new = json!({"label": "Nhân sự", "agency": "T1", "url": program.url()});
    let (status, made) = api.post_json("/api/v1/webhooks", &new);
    assert_eq!(status, 201, "{made}");
    let one = format!("/api/v1/webhooks/{}", made["id"]);
    let state = || -> Value { serde_json::from_slice(&api.get(&one).2).unwrap() };
    world.person("moi");
    assert!(until(|| state()["state"] == "retrying"), "{}", state());
    let why = state()["failures"][0]["error"].to_string();
    assert!(why.contains("no public address"), "{why}");
    assert_eq!(program.count(), 0);
    world.finish();
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_not_believed() {
    let (paper, other) = (
        Paper::new("localhost", (2020, 2090)),
        Paper::new("x", (2020, 2090)),
    );
    let program = Program::new(&paper);
    let world = World::with(|config| {
        config.webhooks.enabled = true;
        config.webhooks.private = vec![Ipv4Addr::LOCALHOST.into()];
        config.relay.authorities = other.ca.clone();
    });
    let api = world.api();
    let new = json!({"label": "Nhân sự", "agency": "T1", "url": program.url()});
    let (_, made) = api.post_json("/api/v1/webhooks", &new);
    let one = format!("/api/v1/webhooks/{}", made["id"]);
    let state = || -> Value { serde_json::from_slice(&api.get(&one).2).unwrap() };
    world.person("moi");
    assert!(until(|| state()["state"] == "retrying"), "{}", state());
    assert_eq!(program.count(), 0);
    world.finish();
}
