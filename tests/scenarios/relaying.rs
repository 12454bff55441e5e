//! Mail leaves: to a host of one's own choosing, and what it answers comes back to who sent it.

use directory::{AccountKind, AgencyId, NewAccount, Secret};
use formats::address::{Address, DomainName};
use serde_json::Value;
use server::config::{Config, Route, RouteTls};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use tests::fake_dns;
use tests::http_client::HttpClient;
use tests::imap_client::ImapClient;
use tests::smtp_sink::Sink;
use tests::until;
use tests::world::{PASSWORD, World};

const LETTER: &[u8] = "From: An <an@thu.gov.vn>\r\nTo: x@noi.example\r\nSubject: Ra ngoai\r\n\r\n\
    Kính gửi quý cơ quan.\r\n..hai chấm\r\n"
    .as_bytes();

/// All mail for elsewhere goes there.
fn route(config: &mut Config, to: SocketAddr, tls: RouteTls) {
    config.relay.routes = vec![Route {
        domains: vec!["*".into()],
        host: to.ip().to_string(),
        port: to.port(),
        tls,
        ..Route::default()
    }];
}

fn send(world: &World, to: &[&str]) {
    let reply = world
        .submission("an")
        .transaction("an@thu.gov.vn", to, LETTER);
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
}

fn queue(api: &HttpClient) -> Vec<Value> {
    let (status, _, body) = api.get("/api/v1/queue");
    assert_eq!(status, 200);
    let page: Value = serde_json::from_slice(&body).unwrap();
    page["items"].as_array().unwrap().clone()
}

/// How many messages are in the INBOX.
fn count(reader: &mut ImapClient) -> usize {
    let status = reader.ok("STATUS INBOX (MESSAGES)");
    let line = status.line("* STATUS").to_owned();
    let number = line.split("MESSAGES ").nth(1).unwrap();
    number.trim_end_matches([')', '\r', '\n']).parse().unwrap()
}

/// The one message in the INBOX, once it is there.
fn only_letter(world: &World, name: &str) -> String {
    let mut reader = world.imap(name);
    assert!(until(|| count(&mut reader) == 1), "nothing arrived");
    reader.ok("SELECT INBOX");
    let got = reader.ok("FETCH 1 BODY.PEEK[]");
    String::from_utf8_lossy(got.literals(0)[0]).into_owned()
}

#[test]
fn letters_to_one_host_share_a_connection() {
    let sink = Sink::new(|_| None);
    let world = World::with(|config| route(config, sink.address, RouteTls::Opportunistic));
    for n in 0..3 {
        send(&world, &["x@noi.example", "y@khac.example"]);
        assert!(until(|| sink.taken().len() == n + 1), "letter {n}");
    }
    let taken = sink.taken();
    let first = &taken[0];
    assert!(
        first.from.starts_with("MAIL FROM:<an@thu.gov.vn> SIZE="),
        "{}",
        first.from
    );
    assert!(first.from.ends_with(" BODY=8BITMIME"), "{}", first.from);
    assert_eq!(
        first.to,
        ["RCPT TO:<x@noi.example>", "RCPT TO:<y@khac.example>"]
    );
    let content = &first.content;
    assert!(content.starts_with("Received: from "), "{content}");
    assert!(
        content.ends_with(&*String::from_utf8_lossy(LETTER)),
        "{content}"
    );
    assert!(taken.iter().all(|letter| letter.connection == 0));
    assert!(until(|| queue(&world.api()).is_empty()));
    world.finish();
}

#[test]
fn what_waits_shows_the_peers_words_and_goes_when_it_may() {
    let open = Arc::new(AtomicBool::new(false));
    let may = Arc::clone(&open);
    let sink = Sink::new(move |line| {
        let later = line.starts_with("RCPT") && !may.load(SeqCst);
        later.then(|| "451 4.7.1 Greylisted, please come back".to_owned())
    });
    let world = World::with(|config| route(config, sink.address, RouteTls::Opportunistic));
    send(&world, &["x@noi.example"]);
    let api = world.api();
    let waits = || {
        let items = queue(&api);
        let Some(recipient) = items.first().map(|item| &item["recipients"][0]) else {
            return false;
        };
        let said = recipient["last"].as_str().unwrap_or_default();
        said == "4.7.1 127.0.0.1[127.0.0.1] said to RCPT TO: 451 4.7.1 Greylisted, please come back"
            && recipient["tries"] == 1
            && recipient["next_try"].as_str() > items[0]["accepted_at"].as_str()
    };
    assert!(until(waits), "{:?}", queue(&api));
    let id = queue(&api)[0]["id"].clone();
    open.store(true, SeqCst);
    let (status, _, _) = api.post(
        &format!("/api/v1/queue/{id}/retry"),
        "application/json",
        b"",
    );
    assert_eq!(status, 202);
    assert!(until(|| sink.taken().len() == 1 && queue(&api).is_empty()));
    assert_eq!(
        count(&mut world.imap("an")),
        0,
        "nobody is told of what went well"
    );
    world.finish();
}

#[test]
fn what_the_peer_refuses_comes_back() {
    let sink = Sink::new(|line| {
        let nobody = line.contains("<khong@");
        nobody.then(|| "550 5.1.1 Không có ai tên đó".to_owned())
    });
    let world = World::with(|config| route(config, sink.address, RouteTls::Opportunistic));
    send(&world, &["khong@noi.example", "co@noi.example"]);
    let bounce = only_letter(&world, "an");
    for part in [
        "Return-Path: <>\r\n",
        "Auto-Submitted: auto-replied\r\n",
        "Thư của bạn không tới được",
        "Your message did not reach",
        "Final-Recipient: rfc822; khong@noi.example\r\nAction: failed\r\nStatus: 5.1.1\r\n",
        "Remote-MTA: dns; 127.0.0.1\r\n",
        // RFC 3464 §2.1.1: ASCII for programs, as it was said for people.
        "Diagnostic-Code: smtp; 550 5.1.1 Kh?ng c? ai t?n ??\r\n",
        "RCPT TO: 550 5.1.1 Không có ai tên đó)",
        "Subject: Ra ngoai\r\n",
    ] {
        assert!(bounce.contains(part), "{part} in {bounce}");
    }
    assert!(!bounce.contains("co@noi.example"), "{bounce}");
    assert_eq!(sink.taken()[0].to, ["RCPT TO:<co@noi.example>"]);
    world.finish();
}

#[test]
fn a_peer_that_goes_without_a_word_keeps_nobody_from_the_letter() {
    let first = AtomicBool::new(true);
    let sink = Sink::new(move |line| {
        let vanish = line == "." && first.swap(false, SeqCst);
        vanish.then(String::new)
    });
    let world = World::with(|config| route(config, sink.address, RouteTls::Opportunistic));
    send(&world, &["x@noi.example"]);
    let api = world.api();
    let waits = || {
        let items = queue(&api);
        let said = items
            .first()
            .map(|item| item["recipients"][0]["last"].to_string());
        said.is_some_and(|said| said.contains("it may arrive twice"))
    };
    assert!(until(waits), "{:?}", queue(&api));
    let id = queue(&api)[0]["id"].clone();
    // Another letter for there goes at once, and the first waits for its own next try.
    send(&world, &["y@noi.example"]);
    assert!(
        until(|| sink.taken().len() == 1 && queue(&api).len() == 1),
        "{:?}",
        queue(&api)
    );
    assert_eq!(queue(&api)[0]["id"], id);
    api.post(
        &format!("/api/v1/queue/{id}/retry"),
        "application/json",
        b"",
    );
    assert!(until(|| sink.taken().len() == 2 && queue(&api).is_empty()));
    world.finish();
}

/// Another Congvu, with a domain of its own.
fn neighbour() -> World {
    let world = World::with(|config| config.server.host = "mail.ban.gov.vn".into());
    let directory = &world.services.directory;
    let agency = AgencyId("T1".into());
    let domain = DomainName::parse("ban.gov.vn").unwrap();
    directory
        .create_domain(None, domain, agency.clone())
        .unwrap();
    let new = NewAccount {
        address: Address::parse("chi@ban.gov.vn").unwrap(),
        kind: AccountKind::Person,
        agency,
        name: "Chi".into(),
        position: None,
        quota: None,
        messages_max: None,
    };
    let account = directory.create_account(None, new).unwrap();
    directory
        .set_password(None, account.id, &Secret::new(PASSWORD))
        .unwrap();
    world
}

#[test]
fn from_one_province_to_another_over_verified_tls() {
    let there = neighbour();
    let here = World::with(|config| {
        route(config, there.address("smtp"), RouteTls::Verified);
        config.relay.authorities = there.ca();
    });
    send(&here, &["chi@ban.gov.vn", "khong@ban.gov.vn"]);
    let mut reader = ImapClient::connect_tls(there.address("imaps"), &there.ca());
    reader.ok(&format!("LOGIN chi@ban.gov.vn {PASSWORD}"));
    assert!(until(|| count(&mut reader) == 1), "nothing arrived");
    reader.ok("SELECT INBOX");
    let got = reader.ok("FETCH 1 BODY.PEEK[]");
    let text = String::from_utf8_lossy(got.literals(0)[0]).into_owned();
    assert!(
        text.contains("by mail.ban.gov.vn with ESMTPS id "),
        "{text}"
    );
    assert!(
        text.starts_with("Return-Path: <an@thu.gov.vn>\r\n"),
        "{text}"
    );
    let bounce = only_letter(&here, "an");
    assert!(
        bounce.contains("Final-Recipient: rfc822; khong@ban.gov.vn\r\nAction: failed"),
        "{bounce}"
    );
    here.finish();
    there.finish();
}

#[test]
fn a_stranger_with_another_certificate_gets_nothing() {
    let (there, other) = (neighbour(), tempfile::tempdir().unwrap());
    let files = server::tls::own(other.path(), &["localhost".to_owned()]).unwrap();
    let here = World::with(|config| {
        route(config, there.address("smtp"), RouteTls::Verified);
        config.relay.authorities = files.ca.clone();
    });
    send(&here, &["chi@ban.gov.vn"]);
    let api = here.api();
    let refused = || {
        let items = queue(&api);
        let said = items
            .first()
            .map(|item| item["recipients"][0]["last"].to_string());
        said.is_some_and(|said| said.contains("4.7.5 TLS with 127.0.0.1[127.0.0.1] failed"))
    };
    assert!(until(refused), "{:?}", queue(&api));
    here.finish();
    there.finish();
}

#[test]
fn mail_that_comes_back_to_this_server_is_noticed() {
    // A peer with our own name: what is sent to it would come round again.
    let sink = Sink::new(|line| {
        let hello = line.starts_with("EHLO");
        hello.then(|| "250 mail.thu.gov.vn".to_owned())
    });
    let world = World::with(|config| route(config, sink.address, RouteTls::Opportunistic));
    send(&world, &["x@noi.example"]);
    let bounce = only_letter(&world, "an");
    assert!(bounce.contains("Status: 5.4.6\r\n"), "{bounce}");
    assert!(sink.taken().is_empty());
    world.finish();
}

#[test]
fn dns_says_where_mail_goes_but_not_into_our_own_network() {
    let names = fake_dns::start(|name| match name {
        "null.example" => Some(vec![fake_dns::mx(0, "")]),
        "inside.example" => Some(vec![fake_dns::mx(10, "mx.inside.example")]),
        "mx.inside.example" => Some(vec![(fake_dns::A, vec![127, 0, 0, 1])]),
        "bare.example" => Some(vec![(fake_dns::A, vec![10, 1, 2, 3])]),
        "here.example" => Some(vec![fake_dns::mx(10, "mail.thu.gov.vn")]),
        _ => None,
    });
    let world = World::with(|config| {
        config.relay.direct = true;
        config.relay.name_servers = vec![names];
    });
    let domains = ["null", "inside", "bare", "here", "khong"];
    let to = domains.map(|domain| format!("x@{domain}.example"));
    send(&world, &to.each_ref().map(String::as_str));
    let api = world.api();
    let left = || queue(&api)[0]["recipients"].as_array().unwrap().len();
    assert!(until(|| left() == 2), "{:?}", queue(&api));
    // What ends together is told together.
    let mut reader = world.imap("an");
    let told = count(&mut reader);
    reader.ok("SELECT INBOX");
    let got = reader.ok("FETCH 1:* BODY.PEEK[]");
    let bounces: String = (0..told)
        .map(|n| String::from_utf8_lossy(got.literals(n)[0]).into_owned())
        .collect();
    for (domain, status) in [("null", "5.1.10"), ("here", "5.4.6"), ("khong", "5.1.2")] {
        let block = format!("; x@{domain}.example\r\nAction: failed\r\nStatus: {status}\r\n");
        assert!(bounces.contains(&block), "{block} in {bounces}");
    }
    let waits = |domain: &str, why: &str| {
        let item = &queue(&api)[0];
        let all = item["recipients"].as_array().unwrap();
        let one = all
            .iter()
            .find(|r| r["address"] == format!("x@{domain}.example"));
        one.is_some_and(|r| r["last"].as_str() == Some(why))
    };
    assert!(until(|| waits(
        "inside",
        "4.4.4 mx.inside.example has no public address (127.0.0.1)"
    )));
    assert!(until(|| waits(
        "bare",
        "4.4.4 bare.example has no public address (10.1.2.3)"
    )));
    world.finish();
}

/// A submission that asks for REQUIRETLS, and for the whole letter back.
fn send_required(world: &World, to: &str) -> String {
    let mut client = world.submission("an");
    let offer = client.ehlo();
    assert!(offer.contains("250-REQUIRETLS"), "{offer}");
    client.expect("MAIL FROM:<an@thu.gov.vn> REQUIRETLS RET=FULL", "250");
    client.expect(&format!("RCPT TO:<{to}>"), "250");
    client.expect("DATA", "354");
    client.send(&tests::smtp_client::stuffed(LETTER));
    let reply = client.reply();
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    reply.trim_end().rsplit(' ').next().unwrap().to_owned()
}

/// RFC 8689, from a submission here to a mailbox there: each side keeps the promise.
#[test]
fn a_letter_that_requires_tls_arrives_under_it_or_comes_back() {
    let there = neighbour();
    let here = World::with(|config| {
        route(config, there.address("smtp"), RouteTls::Verified);
        config.relay.authorities = there.ca();
    });
    let id = send_required(&here, "chi@ban.gov.vn");
    let mut reader = ImapClient::connect_tls(there.address("imaps"), &there.ca());
    reader.ok(&format!("LOGIN chi@ban.gov.vn {PASSWORD}"));
    assert!(until(|| count(&mut reader) == 1), "nothing arrived");
    let tried = "TLS13_AES_256_GCM_SHA384; route; verified";
    let api = here.api();
    let shown = || {
        let (_, _, body) = api.get(&format!("/api/v1/trace/{id}"));
        String::from_utf8_lossy(&body).contains(tried)
    };
    assert!(until(shown));
    here.finish();
    there.finish();

    // Who offers no TLS does not get it, and its sender gets the header back.
    let sink = Sink::new(|_| None);
    let world = World::with(|config| route(config, sink.address, RouteTls::Opportunistic));
    send_required(&world, "x@noi.example");
    let bounce = only_letter(&world, "an");
    for part in [
        "Status: 5.7.10\r\n",
        "Người gửi yêu cầu mã hoá",
        "Content-Type: text/rfc822-headers",
    ] {
        assert!(bounce.contains(part), "{part} in {bounce}");
    }
    assert!(!bounce.contains("Kính gửi"), "{bounce}");
    assert!(sink.taken().is_empty());
    world.finish();
}
