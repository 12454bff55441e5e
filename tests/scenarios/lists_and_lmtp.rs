//! A host that keeps the queue hands mail over by LMTP; a list takes letters from inside alone; mail goes on.

use directory::{AccountKind, AgencyId, Forwarding, NewAccount};
use formats::address::Address;
use std::net::{Ipv4Addr, SocketAddr};
use tests::smtp_client::SmtpClient;
use tests::world::World;

const LETTER: &[u8] = b"From: X <x@noi.example>\r\nSubject: qua LMTP\r\n\r\nx\r\n";

fn address(local: &str) -> Address {
    Address::parse(&format!("{local}@thu.gov.vn")).unwrap()
}

/// Two that lead to each other: one letter, where it came first, and no storm.
fn circle(world: &World) {
    let directory = &world.services.directory;
    for (from, to) in [("an", "binh"), ("binh", "an")] {
        let account = directory.account_at(&address(from)).unwrap().id;
        let new = Forwarding {
            account,
            to: vec![address(to)],
            keep: false,
            version: 0,
        };
        directory.set_forwarding(None, new, None).unwrap();
    }
    let mut client = world.smtp();
    client.ehlo();
    let reply = client.transaction("x@noi.example", &["an@thu.gov.vn"], LETTER);
    assert!(reply.starts_with("250"), "{reply}");
    assert!(
        world
            .imap("binh")
            .ok("STATUS INBOX (MESSAGES)")
            .line("* STATUS")
            .contains("MESSAGES 2")
    );
    assert!(
        world
            .imap("an")
            .ok("STATUS INBOX (MESSAGES)")
            .line("* STATUS")
            .contains("MESSAGES 3")
    );
}

#[test]
fn each_recipient_hears_by_himself_and_lists_take_from_inside() {
    let world = World::with(|config| {
        config.listen.lmtp = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
    });
    let directory = &world.services.directory;
    let new = NewAccount {
        address: address("phong"),
        kind: AccountKind::List {
            members: vec![address("an"), address("binh")],
        },
        agency: AgencyId("T1".into()),
        name: "Phòng".into(),
        position: None,
        quota: None,
        messages_max: None,
    };
    directory.create_account(None, new).unwrap();
    let mut client = SmtpClient::connect(world.address("lmtp"));
    client.expect("EHLO x", "500");
    client.expect("LHLO x", "250");
    client.expect("MAIL FROM:<x@noi.example>", "250 2.1.0");
    client.expect("RCPT TO:<an@thu.gov.vn>", "250 2.1.5");
    client.expect("RCPT TO:<khong@thu.gov.vn>", "550 5.1.1");
    client.expect("RCPT TO:<phong@thu.gov.vn>", "550 5.7.2");
    client.expect("RCPT TO:<x@noi.example>", "550 5.7.1");
    client.expect("RCPT TO:<Binh+hop@thu.gov.vn>", "250 2.1.5");
    client.expect("DATA", "354");
    client.send(LETTER);
    client.expect(".", "250 2.0.0");
    assert!(client.reply().starts_with("250 2.0.0"));
    client.expect("QUIT", "221");
    for name in ["an", "binh"] {
        let mut reader = world.imap(name);
        reader.ok("SELECT INBOX");
        let got = reader.ok("FETCH 1 BODY[]");
        let text = String::from_utf8_lossy(got.literals(0)[0]).into_owned();
        assert!(text.contains(" with LMTP id "), "{text}");
    }
    let letter = b"From: an@thu.gov.vn\r\nTo: phong@thu.gov.vn\r\nSubject: x\r\n\r\nx\r\n";
    let mut sender = world.submission("an");
    let reply = sender.transaction("an@thu.gov.vn", &["phong@thu.gov.vn"], letter);
    assert!(reply.starts_with("250"), "{reply}");
    let mut reader = world.imap("binh");
    reader.ok("SELECT INBOX");
    let got = reader.ok("FETCH 2 BODY[]");
    let text = String::from_utf8_lossy(got.literals(0)[0]).into_owned();
    assert!(text.contains("<phong.list-id.thu.gov.vn>\r\n"), "{text}");
    circle(&world);
    world.finish();
}

/// RFC 2033 §4.2: two addresses of one full mailbox are both told so, beside one that has room, and nothing comes twice.
#[test]
fn two_addresses_of_a_full_mailbox_are_both_told() {
    let world = World::with(|config| {
        config.listen.lmtp = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
    });
    let directory = &world.services.directory;
    let mut account = directory.account_at(&address("an")).unwrap();
    account.quota = Some(8_000);
    directory.change_account(None, account, None).unwrap();
    let letter = format!(
        "From: x@noi.example\r\nSubject: day\r\n\r\n{}\r\n",
        "dai ".repeat(1_200)
    );
    // No SIZE: that there is no room is found out at the end.
    let send = |to: &[&str]| -> Vec<String> {
        let mut client = SmtpClient::connect(world.address("lmtp"));
        client.expect("LHLO x", "250");
        client.expect("MAIL FROM:<x@noi.example>", "250");
        for to in to {
            client.expect(&format!("RCPT TO:<{to}@thu.gov.vn>"), "250 2.1.5");
        }
        client.expect("DATA", "354");
        client.send(format!("{letter}.\r\n").as_bytes());
        to.iter().map(|_| client.reply()[..9].to_owned()).collect()
    };
    let count = |name: &str| {
        let line = world
            .imap(name)
            .ok("STATUS INBOX (MESSAGES)")
            .line("* STATUS");
        let number = line.split("MESSAGES ").nth(1).unwrap().to_owned();
        number.trim_end_matches([')', '\r', '\n']).to_owned()
    };
    assert_eq!(send(&["an", "an+hop"]), ["250 2.0.0", "250 2.0.0"]);
    assert_eq!(count("an"), "1");
    assert_eq!(send(&["an+hop", "an"]), ["452 4.2.2", "452 4.2.2"]);
    let told = send(&["an", "binh", "an+hop", "binh+hop"]);
    assert_eq!(told, ["452 4.2.2", "250 2.0.0", "452 4.2.2", "250 2.0.0"]);
    assert_eq!((count("an"), count("binh")), ("1".into(), "1".into()));
    let mut reader = world.imap("an");
    reader.ok("SELECT INBOX");
    reader.ok("STORE 1 +FLAGS (\\Deleted)");
    reader.ok("EXPUNGE");
    assert_eq!(send(&["an", "an+hop"]), ["250 2.0.0", "250 2.0.0"]);
    assert_eq!(count("an"), "1");
    let (_, _, body) = world.api().get("/api/v1/queue");
    let queue: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(queue["items"].as_array().unwrap().len(), 0, "{queue}");
    world.finish();
}

#[test]
fn lmtp_is_for_hosts_that_the_config_names() {
    let world = World::with(|config| {
        config.listen.lmtp = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
        config.listen.lmtp_from = vec!["192.0.2.1".parse().unwrap()];
    });
    let stream = std::net::TcpStream::connect(world.address("lmtp")).unwrap();
    let text = std::io::read_to_string(stream).unwrap_or_default();
    assert!(text.starts_with("421 4.7.1"), "{text}");
    world.finish();
}
