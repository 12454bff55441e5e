//! Who sent mail from outside: DNS is asked (SPF, DKIM, DMARC), the header and the timeline tell, and what its author's
//! domain disowns comes into Junk, or not at all.

use directory::{AgencyId, Alias};
use formats::address::{Address, DomainName};
use serde_json::Value;
use server::config::{Config, Route, RouteTls};
use std::net::SocketAddr;
use tests::fake_dns::Texts;
use tests::until;
use tests::world::{DOMAIN, World};

fn texts() -> Texts {
    Texts::new(&[
        ("tot.example", "v=spf1 ip4:127.0.0.1 -all"),
        ("_dmarc.tot.example", "v=DMARC1; p=reject"),
        ("xau.example", "v=spf1 ip4:127.0.0.1 -all"),
    ])
}

fn look(config: &mut Config, dns: SocketAddr) {
    config.relay.name_servers = vec![dns];
    config.inbound.trusted = Vec::new();
}

fn send(world: &World, from: &str, author: &str, more: &str) -> String {
    let letter =
        format!("{more}From: {author}\r\nSubject: x\r\nMessage-ID: <x@tot.example>\r\n\r\nx\r\n");
    let mut client = world.smtp();
    client.ehlo();
    client.transaction(from, &["an@thu.gov.vn"], letter.as_bytes())
}

fn checks(world: &World) -> Vec<String> {
    let api = world.api();
    let get = |path: &str| -> Value {
        let (status, _, body) = api.get(&format!("/api/v1/{path}"));
        assert_eq!(status, 200, "{path}");
        serde_json::from_slice(&body).unwrap()
    };
    let found = get("trace?message_id=x@tot.example");
    let id = found["items"][0]["id"].as_str().unwrap().to_owned();
    let timeline = get(&format!("trace/{id}"));
    let all = timeline["message"]["checks"].as_array().unwrap().iter();
    all.map(|check| check.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_its_domain_disowns_comes_into_junk() {
    let dns = texts().serve();
    let world = World::with(|config| look(config, dns));
    let forged = "Authentication-Results: mail.thu.gov.vn; dmarc=pass (p=reject dis=none) header.from=tot.example\r\n";
    let reply = send(&world, "a@tot.example", "a@tot.example", forged);
    assert!(reply.starts_with("250"), "{reply}");
    let letter = world.letters("an", "INBOX").remove(0);
    let expected = "Return-Path: <a@tot.example>\r\nAuthentication-Results: mail.thu.gov.vn;\r\n\
        \tspf=pass smtp.mailfrom=tot.example;\r\n\tspf=none smtp.helo=client.example;\r\n\tdkim=none;\r\n\
        \tdmarc=pass (p=reject dis=none) header.from=tot.example\r\nReceived: ";
    assert!(letter.starts_with(expected), "{letter}");
    assert_eq!(
        letter.matches("Authentication-Results").count(),
        1,
        "{letter}"
    );
    let passed = [
        "spf=pass tot.example",
        "helo=none client.example",
        "dmarc=pass tot.example, its policy is reject",
    ];
    assert_eq!(checks(&world), passed);
    let reply = send(&world, "b@xau.example", "a@tot.example", "");
    assert!(reply.starts_with("250"), "{reply}");
    assert_eq!(world.letters("an", "INBOX").len(), 1);
    let letter = world.letters("an", "Junk").remove(0);
    assert!(
        letter.contains("dmarc=fail (p=reject dis=quarantine) header.from=tot.example"),
        "{letter}"
    );
    // Who signed in is known; what he says in this host's name goes, too.
    let mut client = world.submission("an");
    let own = format!("{forged}From: an@thu.gov.vn\r\nSubject: x\r\n\r\nx\r\n");
    let reply = client.transaction("an@thu.gov.vn", &["an@thu.gov.vn"], own.as_bytes());
    assert!(reply.starts_with("250"), "{reply}");
    assert!(!world.letters("an", "INBOX")[1].contains("Authentication-Results"));
    world.finish();
}

/// Each letter is looked at for a bounded time, and soon none waits any more; who runs the server is told.
#[test]
fn dns_that_is_dead_keeps_no_mail() {
    let world = World::with(|config| {
        look(config, tests::bad_dns::silent());
    });
    let api = world.api();
    let since = || {
        let (status, _, body) = api.get("/api/v1/store");
        assert_eq!(status, 200);
        let health: Value = serde_json::from_slice(&body).unwrap();
        health["dns_silent_since"].clone()
    };
    assert_eq!(since(), Value::Null);
    // Two questions of each letter, then it waits no more.
    let before = delivery::SILENT_MAX.div_ceil(2);
    for _ in 0..=before {
        let reply = send(&world, "a@tot.example", "a@tot.example", "");
        assert!(reply.starts_with("250"), "{reply}");
    }
    assert!(since().as_str().is_some_and(|at| at.ends_with('Z')));
    for letter in world.letters("an", "INBOX") {
        for result in ["spf=temperror", "dmarc=temperror"] {
            assert!(letter.contains(result), "{letter}");
        }
    }
    world.finish();
}

#[test]
fn or_is_refused_where_the_operator_wants_it() {
    let texts = texts();
    let dns = texts.serve();
    let world = World::with(|config| {
        look(config, dns);
        config.inbound.dmarc = delivery::Enforcement::Reject;
    });
    let reply = send(&world, "b@xau.example", "a@tot.example", "");
    assert!(reply.starts_with("550 5.7.26"), "{reply}");
    let reply = send(&world, "a@tot.example", "a@tot.example", "");
    assert!(reply.starts_with("250"), "{reply}");
    world.finish();
}

/// One who signs and sends, and one who gets it; DNS has the keys.
fn signer_and_judge() -> (World, World) {
    let texts = texts();
    let dns = texts.serve();
    let there = World::with(|config| look(config, dns));
    let directory = &there.services.directory;
    let ban = DomainName::parse("ban.gov.vn").unwrap();
    let agency = AgencyId("T1".into());
    directory.create_domain(None, ban, agency).unwrap();
    let chi = Address::parse("chi@ban.gov.vn").unwrap();
    let an = directory
        .account_at(&Address::parse("an@thu.gov.vn").unwrap())
        .unwrap();
    let Alias { .. } = directory.create_alias(None, chi, an.id).unwrap();
    let to = there.address("smtp");
    let here = World::with(|config| {
        config.relay.sign = true;
        config.relay.routes = vec![Route {
            domains: vec!["*".into()],
            host: to.ip().to_string(),
            port: to.port(),
            tls: RouteTls::Opportunistic,
            ..Route::default()
        }];
        config.server.host = "gui.thu.gov.vn".into();
    });
    let domain = DomainName::parse(DOMAIN).unwrap();
    let keys = here
        .services
        .directory
        .make_first_dkim_keys(None, &domain)
        .unwrap();
    for key in keys {
        texts.put(&key.record_name(), &key.record());
    }
    texts.put("_dmarc.thu.gov.vn", "v=DMARC1; p=reject; adkim=s");
    (here, there)
}

#[test]
fn what_one_congvu_signs_another_verifies() {
    let (here, there) = signer_and_judge();
    let letter =
        "From: An <an@thu.gov.vn>\r\nSubject: Công văn\r\n\r\nKính gửi  \r\n..hai chấm\r\n\r\n\r\n";
    let mut client = here.submission("an");
    let reply = client.transaction("an@thu.gov.vn", &["chi@ban.gov.vn"], letter.as_bytes());
    assert!(reply.starts_with("250"), "{reply}");
    assert!(
        until(|| there.letters("an", "INBOX").len() == 1),
        "nothing arrived"
    );
    let got = there.letters("an", "INBOX").remove(0);
    assert_eq!(
        got.matches("dkim=pass header.d=thu.gov.vn").count(),
        2,
        "{got}"
    );
    assert!(
        got.contains("dmarc=pass (p=reject dis=none) header.from=thu.gov.vn"),
        "{got}"
    );
    // RFC 6376 §5.3: what is binary is encoded before it is signed, though its peer would take it as it is.
    let binary = crate::binary_mail::letter("ky");
    let reply = crate::binary_mail::send(
        &mut client,
        "an@thu.gov.vn",
        &["chi@ban.gov.vn"],
        &binary,
        9_000,
    );
    assert!(reply.starts_with("250"), "{reply}");
    assert!(until(|| there.letters("an", "INBOX").len() == 2));
    let got = there.letters("an", "INBOX").remove(1);
    assert_eq!(got.matches("dkim=pass header.d=thu.gov.vn").count(), 2);
    assert_eq!(
        crate::binary_mail::attached(got.as_bytes()),
        crate::binary_mail::picture()
    );
    here.finish();
    there.finish();
}
