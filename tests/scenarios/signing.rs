//! Mail leaves signed, by SMTP and by JMAP and however the peer wants it encoded; keys are rotated with overlap.

use serde_json::{Value, json};
use server::config::{Config, Route, RouteTls};
use std::net::SocketAddr;
use tests::fake_dns::Texts;
use tests::http_client::HttpClient;
use tests::smtp_sink::Sink;
use tests::world::{DOMAIN, World};
use tests::{dkim_check, until};

/// All mail for elsewhere goes to the sink, signed.
fn set(config: &mut Config, sink: &Sink, dns: SocketAddr) {
    config.relay.sign = true;
    config.relay.name_servers = vec![dns];
    config.relay.routes = vec![Route {
        domains: vec!["*".into()],
        host: sink.address.ip().to_string(),
        port: sink.address.port(),
        tls: RouteTls::Opportunistic,
        ..Route::default()
    }];
}

fn keys(api: &HttpClient) -> Vec<Value> {
    let (status, _, body) = api.get(&format!("/api/v1/domains/{DOMAIN}/dkim"));
    assert_eq!(status, 200);
    let page: Value = serde_json::from_slice(&body).unwrap();
    page["items"].as_array().unwrap().clone()
}

/// Once they are there: RSA keys take their time on a busy machine.
fn made_keys(api: &HttpClient) -> Vec<Value> {
    assert!((0..6).any(|_| until(|| keys(api).len() == 2)), "no keys");
    keys(api)
}

fn publish(keys: &[Value], texts: &Texts) {
    for key in keys {
        let text = |name: &str| key[name].as_str().unwrap().to_owned();
        texts.put(&text("record_name"), &text("record"));
    }
}

/// What is verified of the letter that the sink took last.
fn verified(sink: &Sink, texts: &Texts) -> Vec<String> {
    let letter = sink.taken().pop().unwrap().content;
    let record = |name: &str| texts.get(name);
    dkim_check::verify(letter.as_bytes(), record).unwrap_or_else(|why| panic!("{why}: {letter}"))
}

/// By submission; returns once the sink has it.
fn send(world: &World, sink: &Sink, letter: &str) {
    let before = sink.taken().len();
    let reply =
        world
            .submission("an")
            .transaction("an@thu.gov.vn", &["x@noi.example"], letter.as_bytes());
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    assert!(until(|| sink.taken().len() > before), "nothing arrived");
}

const LETTER: &str = "From: An <an@thu.gov.vn>\r\nTo: x@noi.example\r\nSubject: Công văn  số 1\r\n\
    Content-Type: text/plain; charset=utf-8\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
    Kính gửi quý cơ quan.  \r\n..hai chấm\r\n.\r\n\r\n\r\n";

#[test]
fn letters_leave_signed_and_keys_are_rotated() {
    let texts = Texts::default();
    let (sink, dns) = (Sink::new(|_| None), texts.serve());
    let world = World::with(|config| set(config, &sink, dns));
    let api = world.api();
    // The domain was made without keys: the server makes them when it starts.
    let first = made_keys(&api);
    publish(&first, &texts);
    send(&world, &sink, LETTER);
    let month = first[0]["selector"]
        .as_str()
        .unwrap()
        .trim_end_matches('e')
        .to_owned();
    let by = |number: &str| {
        [
            format!("ed25519-sha256 {DOMAIN} {month}e{number}"),
            format!("rsa-sha256 {DOMAIN} {month}r{number}"),
        ]
    };
    assert_eq!(verified(&sink, &texts), by(""));
    by_jmap(&world, &sink);
    assert_eq!(verified(&sink, &texts), by(""));

    let at = format!("/api/v1/domains/{DOMAIN}/dkim");
    let (status, made) = api.post_json(&at, &json!({}));
    assert_eq!(status, 201, "{made}");
    let new = made["items"].as_array().unwrap();
    assert!(new.iter().all(|key| key["state"] == "new"), "{made}");
    send(&world, &sink, LETTER);
    assert_eq!(verified(&sink, &texts), by(""));
    let activate = format!("{at}/activate");
    let (status, said) = api.post_json(&activate, &json!({}));
    assert_eq!(status, 409, "{said}");
    assert!(
        said["detail"]
            .as_str()
            .unwrap()
            .contains("_domainkey.thu.gov.vn"),
        "{said}"
    );
    let (_, _, body) = api.get(&format!("{at}?dns=true"));
    let shown: Value = serde_json::from_slice(&body).unwrap();
    for key in shown["items"].as_array().unwrap() {
        assert_eq!(key["published"], json!(key["state"] == "signing"), "{key}");
    }
    publish(new, &texts);
    let (status, said) = api.post_json(&activate, &json!({}));
    assert_eq!(status, 200, "{said}");
    send(&world, &sink, LETTER);
    assert_eq!(verified(&sink, &texts), by("2"));
    let old = keys(&api)
        .into_iter()
        .filter(|key| key["state"] == "retiring");
    assert_eq!(old.filter(|key| key["until"].is_string()).count(), 2);
    // What was changed on the way is found out.
    let letter = sink.taken().pop().unwrap().content.replace("hai", "ba");
    let record = |name: &str| texts.get(name);
    assert!(dkim_check::verify(letter.as_bytes(), record).is_err());
    world.finish();
}

/// The same by JMAP: a draft that is sent.
fn by_jmap(world: &World, sink: &Sink) {
    let (http, before) = (world.http("an"), sink.taken().len());
    let account = http.account();
    let boxes = http.jmap("Mailbox/get", json!({"ids": null}));
    let boxes = boxes["list"].as_array().unwrap();
    let drafts = boxes.iter().find(|m| m["role"] == "drafts").unwrap()["id"].clone();
    let identity = http.jmap("Identity/get", json!({"ids": null}))["list"][0]["id"].clone();
    let drafted = http.jmap(
        "Email/set",
        json!({"accountId": account, "create": {"k": {
            "mailboxIds": {drafts.as_str().unwrap(): true},
            "keywords": {"$draft": true},
            "from": [{"name": "Nguyễn Văn Ấn", "email": "an@thu.gov.vn"}],
            "to": [{"email": "x@noi.example"}],
            "subject": "Báo cáo quý, rất dài ".repeat(8),
            "bodyValues": {"1": {"value": "Kính gửi  anh\n\n"}},
            "textBody": [{"partId": "1"}],
        }}}),
    );
    let email = drafted["created"]["k"]["id"].clone();
    let sent = http.jmap(
        "EmailSubmission/set",
        json!({"accountId": account, "create": {"s": {"emailId": email, "identityId": identity}}}),
    );
    assert!(sent["created"]["s"].is_object(), "{sent}");
    assert!(until(|| sink.taken().len() > before), "nothing arrived");
}

#[test]
fn what_is_encoded_anew_for_a_peer_is_signed_as_it_arrives() {
    let texts = Texts::default();
    let old = Sink::new(|line| {
        let hello = line.starts_with("EHLO");
        hello.then(|| "250-old.example\r\n250 SIZE 1000000".to_owned())
    });
    let dns = texts.serve();
    let world = World::with(|config| set(config, &old, dns));
    let api = world.api();
    publish(&made_keys(&api), &texts);
    send(&world, &old, &LETTER.replace("Công văn  số", "Cong van so"));
    let letter = old.taken().pop().unwrap();
    assert!(
        letter.content.is_ascii() && letter.from.contains(" SIZE="),
        "{letter:?}"
    );
    assert!(!letter.content.contains("8bit"), "{letter:?}");
    let size: usize = letter
        .from
        .split("SIZE=")
        .nth(1)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert_eq!(size, letter.content.len());
    assert_eq!(verified(&old, &texts).len(), 2);
    world.finish();
}

#[test]
fn a_domain_made_over_the_api_has_keys_at_once() {
    let texts = Texts::default();
    let (sink, dns) = (Sink::new(|_| None), texts.serve());
    let world = World::with(|config| set(config, &sink, dns));
    let api = world.api();
    let (status, made) = api.post_json(
        "/api/v1/domains",
        &json!({"name": "moi.thu.gov.vn", "agency": "T1"}),
    );
    assert_eq!(status, 201, "{made}");
    let (_, _, body) = api.get("/api/v1/domains/moi.thu.gov.vn/dkim");
    let text = String::from_utf8(body).unwrap();
    let page: Value = serde_json::from_str(&text).unwrap();
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    for key in items {
        assert_eq!(key["state"], "signing");
        let (line, record) = (
            key["zone_line"].as_str().unwrap(),
            key["record"].as_str().unwrap(),
        );
        assert!(line.replace("\" \"", "").contains(record), "{line}");
    }
    // Nothing but the records: PKCS #1 and PKCS #8 begin so.
    assert!(
        !text.contains("MIIE") && !text.contains("private"),
        "{text}"
    );
    world.finish();
}
