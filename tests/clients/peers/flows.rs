//! What is sent to the peers and what comes from them, judged octet by octet and word by word.

use super::neighbour::{Neighbour, wait};
use serde_json::Value;
use std::process::Command;
use tests::http_client::HttpClient;
use tests::smtp_client::SmtpClient;
use tests::world::{PASSWORD, World};

/// A letter with what trips servers: dots, octets over 127, a long line, white space at ends. `subject` as it stands.
pub fn letter(from: &str, to: &str, subject: &str, marker: &str, longest: usize) -> Vec<u8> {
    let long = "dài ".repeat(longest / 5);
    format!(
        "From: =?utf-8?q?Nguy=E1=BB=85n_V=C4=83n_An?= <{from}>\r\nTo: <{to}>\r\nSubject: {subject}\r\n\
         Date: Sun, 22 Nov 2026 08:00:00 +0700\r\nMessage-ID: <{marker}>\r\nMIME-Version: 1.0\r\n\
         X-Folded: one\r\n two \r\n\tthree\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\nKính gửi quý cơ quan, \r\n.\r\n..\r\n. một chấm\r\n\
         From đầu dòng\r\n{long}\r\n\r\nCông văn khẩn: ẤẦẨẪẬ ộợự đ.\t\r\n\r\n\r\n"
    )
    .into_bytes()
}

pub const SUBJECT: &str = "=?utf-8?b?Q8O0bmcgdsSDbiBz4buRIDE=?=";

/// As Maildir keeps it.
pub fn unix(letter: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(letter)
        .replace("\r\n", "\n")
        .into_bytes()
}

pub fn same(stored: &[u8], sent: &[u8]) {
    let at = |letter: &[u8], back: usize| letter.len().checked_sub(back).map(|n| letter[n]);
    if let Some(back) = (1..=sent.len()).find(|n| at(stored, *n) != at(sent, *n)) {
        let near = |letter: &[u8]| {
            let end = letter.len() - (back - 1).min(letter.len());
            let part = &letter[end.saturating_sub(40)..(end + 40).min(letter.len())];
            String::from_utf8_lossy(part).into_owned()
        };
        panic!(
            "{back} octets before the end: {:?}, sent {:?}",
            near(stored),
            near(sent)
        );
    }
}

/// By swaks, as a stranger writes it.
fn swaks(arguments: &[&str], letter: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("letter.eml");
    // It ends what it sends with CRLF by itself; all else is as we give it.
    let mut octets = tests::smtp_client::stuffed(letter);
    octets.truncate(octets.len() - 2);
    std::fs::write(&file, octets).unwrap();
    let done = Command::new("swaks")
        .args([
            "--timeout",
            "60",
            "--ehlo",
            "swaks.example",
            "--no-data-fixup",
        ])
        .args(arguments)
        .arg("--data")
        .arg(format!("@{}", file.display()))
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "swaks: {text}");
    text
}

/// Submits as `an`.
pub fn submit(world: &World, to: &str, letter: &[u8]) {
    let at = world.address("submissions");
    let (host, port) = (at.ip().to_string(), at.port().to_string());
    let secret = ["--auth-user", "an@thu.gov.vn", "--auth-password", PASSWORD];
    let place = [
        "--server",
        &host,
        "--port",
        &port,
        "--tls-on-connect",
        "--auth",
        "PLAIN",
    ];
    let whom = ["--from", "an@thu.gov.vn", "--to", to];
    swaks(&[&place[..], &secret, &whom].concat(), letter);
}

fn get(api: &HttpClient, path: &str) -> Value {
    let (status, _, body) = api.get(&format!("/api/v1/{path}"));
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).unwrap()
}

/// The first try in the timeline of a letter of this Message-ID that says so.
fn tried(api: &HttpClient, marker: &str, says: &str) -> Value {
    let look = || {
        let found = get(api, &format!("trace?message_id={marker}"));
        let id = found["items"][0]["id"].as_str()?.to_owned();
        let timeline = get(api, &format!("trace/{id}"));
        let events = timeline["events"].as_array()?.clone();
        let fits = |event: &&Value| event["kind"] == "tried" && event.to_string().contains(says);
        events.iter().find(fits).cloned()
    };
    wait(look).unwrap_or_else(|| {
        panic!(
            "no try of {marker} says {says:?}: {} {}",
            get(api, &format!("trace?message_id={marker}")),
            get(api, "queue")
        )
    })
}

pub fn queue(api: &HttpClient) -> Vec<Value> {
    get(api, "queue")["items"].as_array().unwrap().clone()
}

/// The letter in somebody's INBOX here that contains this, once it is there.
pub fn received(world: &World, name: &str, marker: &str) -> Vec<u8> {
    let look = || {
        let mut reader = world.imap(name);
        let select = reader.ok("SELECT INBOX");
        if select.lines("* 0 EXISTS").len() == 1 {
            return None;
        }
        let got = reader.ok("FETCH 1:* BODY.PEEK[]");
        let letters = (0..got.untagged.len()).flat_map(|n| got.literals(n));
        letters
            .map(<[u8]>::to_vec)
            .find(|letter| String::from_utf8_lossy(letter).contains(marker))
    };
    wait(look).unwrap_or_else(|| panic!("no letter with {marker:?} came to {name}"))
}

/// By MX and STARTTLS into the peer's mailbox, unchanged; the trace has the words that the peer's log has.
pub fn to_the_peer(world: &World, peer: &Neighbour) {
    let to = format!("van.thu@{}", peer.domain);
    // Longer lines would be encoded on their way.
    let sent = letter("an@thu.gov.vn", &to, SUBJECT, "di@thu.gov.vn", 800);
    submit(world, &to, &sent);
    same(&peer.letter("<di@thu.gov.vn>"), &unix(&sent));
    let api = world.api();
    let event = tried(&api, "di@thu.gov.vn", "said to the message: 250");
    let tls = event["tls"].as_str().unwrap_or_default();
    assert!(tls.starts_with("TLSv1.3"), "{event}");
    let said = event["results"][0]["said"].as_str().unwrap();
    assert!(said.contains(peer.shown), "{said}");
    // Postfix: `queued as ID`, Exim: `id=ID`.
    let id = said.rsplit([' ', '=']).next().unwrap();
    assert!(peer.log().contains(id), "{id} in {}", peer.log());
    assert!(wait(|| queue(&api).is_empty().then_some(())).is_some());
}

/// RFC 6531: an address and a header in UTF-8.
pub fn international(world: &World, peer: &Neighbour) {
    let to = format!("văn.thư@{}", peer.domain);
    let sent = letter(
        "an@thu.gov.vn",
        &to,
        "Công văn khẩn số 2",
        "utf8@thu.gov.vn",
        500,
    );
    let mut client = world.submission("an");
    client.expect("MAIL FROM:<an@thu.gov.vn> BODY=8BITMIME SMTPUTF8", "250");
    client.expect(&format!("RCPT TO:<{to}>"), "250");
    client.expect("DATA", "354");
    client.send(&tests::smtp_client::stuffed(&sent));
    let reply = client.reply();
    assert!(reply.starts_with("250"), "{reply}");
    same(&peer.letter("<utf8@thu.gov.vn>"), &unix(&sent));
    // And from there to here.
    let sent = letter(
        &format!("văn.thư@{}", peer.domain),
        "an@thu.gov.vn",
        "Trả lời số 2",
        "lai8@peer",
        500,
    );
    let mut client = SmtpClient::connect(format!("{}:25", peer.address).parse().unwrap());
    client.ehlo();
    client.expect(
        &format!("MAIL FROM:<văn.thư@{}> BODY=8BITMIME SMTPUTF8", peer.domain),
        "250",
    );
    client.expect("RCPT TO:<an@thu.gov.vn>", "250");
    client.expect("DATA", "354");
    client.send(&tests::smtp_client::stuffed(&sent));
    let reply = client.reply();
    assert!(reply.starts_with("250"), "{reply}");
    same(&received(world, "an", "<lai8@peer>"), &sent);
}

/// Greylisted: deferred at first; the queue shows the peer's words, and the letter comes once when it is tried again.
pub fn greylisted(world: &World, peer: &Neighbour) {
    let to = format!("cham@{}", peer.domain);
    let sent = letter("an@thu.gov.vn", &to, SUBJECT, "cham@thu.gov.vn", 500);
    submit(world, &to, &sent);
    let api = world.api();
    let waits = || {
        let items = queue(&api);
        let item = items.first()?;
        item["recipients"][0]["last"]
            .as_str()
            .map(|said| (item["id"].clone(), said.to_owned()))
    };
    let (id, said) = wait(waits).unwrap_or_else(|| panic!("{:?}", queue(&api)));
    let begins = format!("4.7.1 {} said to RCPT TO: 451 4.7.1 ", peer.shown);
    assert!(
        said.starts_with(&begins) && said.contains("Greylisted"),
        "{said}"
    );
    assert!(peer.letters("<cham@thu.gov.vn>").is_empty());
    let path = format!("/api/v1/queue/{id}/retry");
    let (status, _, _) = api.post(&path, "application/json", b"");
    assert_eq!(status, 202);
    same(&peer.letter("<cham@thu.gov.vn>"), &unix(&sent));
    assert!(wait(|| queue(&api).is_empty().then_some(())).is_some());
    assert_eq!(peer.letters("<cham@thu.gov.vn>").len(), 1);
    tried(&api, "cham@thu.gov.vn", "said to the message: 250");
    tried(&api, "cham@thu.gov.vn", "Greylisted");
}

/// Nobody of that name there: our notification has the peer's words.
pub fn refused(world: &World, peer: &Neighbour) {
    let to = format!("khong@{}", peer.domain);
    let sent = letter("an@thu.gov.vn", &to, SUBJECT, "khong@thu.gov.vn", 500);
    submit(world, &to, &sent);
    let bounce = received(world, "an", &format!("Final-Recipient: rfc822; {to}"));
    let bounce = String::from_utf8_lossy(&bounce);
    for part in [
        "Action: failed\r\nStatus: 5.1.1\r\n",
        "Diagnostic-Code: smtp; 550 5.1.1 ",
        "Khong co ai ten do",
    ] {
        assert!(bounce.contains(part), "{part} in {bounce}");
    }
}

/// The peer takes the letter and finds out later: its own notification comes to our sender.
pub fn bounced_there(world: &World, peer: &Neighbour) {
    let to = format!("tra@{}", peer.domain);
    let sent = letter("an@thu.gov.vn", &to, SUBJECT, "tra@thu.gov.vn", 500);
    submit(world, &to, &sent);
    let bounce = received(world, "an", "ai-do@khong.invalid");
    let bounce = String::from_utf8_lossy(&bounce);
    for part in [
        "Return-Path: <>",
        "multipart/report",
        "Action: failed",
        "<tra@thu.gov.vn>",
    ] {
        assert!(bounce.contains(part), "{part} in {bounce}");
    }
}

/// RFC 3461: success is told by who places the letter, both ways, and by nobody else.
pub fn success_reported(world: &World, peer: &Neighbour) {
    let to = format!("bao@{}", peer.domain);
    let sent = letter("an@thu.gov.vn", &to, SUBJECT, "bao@thu.gov.vn", 500);
    let mut client = world.submission("an");
    asked(&mut client, "an@thu.gov.vn", &to, &sent);
    peer.letter("<bao@thu.gov.vn>");
    let told = received(world, "an", "Action: delivered");
    let told = String::from_utf8_lossy(&told).to_lowercase();
    assert!(told.contains(&to), "{told}");
    assert!(
        told.contains(&format!("reporting-mta: dns; mx.{}", peer.domain)),
        "{told}"
    );

    let from = format!("nguoi@{}", peer.domain);
    let sent = letter(&from, "binh@thu.gov.vn", SUBJECT, "bao@peer", 500);
    let mut client = SmtpClient::connect(format!("{}:25", peer.address).parse().unwrap());
    client.ehlo();
    asked(&mut client, &from, "binh@thu.gov.vn", &sent);
    same(&received(world, "binh", "<bao@peer>"), &sent);
    let told = peer.letter("binh@thu.gov.vn\nAction: delivered");
    let told = String::from_utf8_lossy(&told);
    assert!(
        told.contains("Reporting-MTA: dns; mail.thu.gov.vn"),
        "{told}"
    );
}

/// A transaction with NOTIFY=SUCCESS.
fn asked(client: &mut SmtpClient, from: &str, to: &str, letter: &[u8]) {
    client.expect(&format!("MAIL FROM:<{from}> BODY=8BITMIME ENVID=e1"), "250");
    client.expect(&format!("RCPT TO:<{to}> NOTIFY=SUCCESS,FAILURE"), "250");
    client.expect("DATA", "354");
    client.send(&tests::smtp_client::stuffed(letter));
    let reply = client.reply();
    assert!(reply.starts_with("250"), "{reply}");
}

/// By the peer's own client to us, over STARTTLS, unchanged.
pub fn from_the_peer(world: &World, peer: &Neighbour) {
    let from = format!("nguoi@{}", peer.domain);
    let sent = letter(&from, "binh@thu.gov.vn", SUBJECT, "den@peer", 900);
    swaks(
        &[
            "--server",
            peer.address,
            "--from",
            &from,
            "--to",
            "binh@thu.gov.vn",
        ],
        &sent,
    );
    let got = received(world, "binh", "<den@peer>");
    same(&got, &sent);
    let head = String::from_utf8_lossy(&got);
    let hop = format!("Received: from mx.{} (", peer.domain);
    assert!(
        head.contains(&hop) && head.contains("with ESMTPS"),
        "{head}"
    );
}

/// The peer keeps the queue and hands over by LMTP (RFC 2033): of three in one transaction two have the letter once, and
/// the sender of it hears of the third.
pub fn by_lmtp(world: &World, peer: &Neighbour) {
    let from = format!("nguoi@{}", peer.domain);
    let to = ["binh", "khong", "an"].map(|name| format!("{name}+lmtp@thu.gov.vn"));
    let sent = letter(&from, &to[0], SUBJECT, "lmtp@peer", 900);
    let mut client = SmtpClient::connect(format!("{}:25", peer.address).parse().unwrap());
    client.ehlo();
    client.expect(&format!("MAIL FROM:<{from}> BODY=8BITMIME"), "250");
    for to in &to {
        client.expect(&format!("RCPT TO:<{to}>"), "250");
    }
    client.expect("DATA", "354");
    client.send(&tests::smtp_client::stuffed(&sent));
    let reply = client.reply();
    assert!(reply.starts_with("250"), "{reply}");
    for name in ["an", "binh"] {
        let got = received(world, name, "<lmtp@peer>");
        same(&got, &sent);
        assert!(String::from_utf8_lossy(&got).contains(" with LMTP id "));
    }
    let bounce = peer.letter(&format!("Final-Recipient: rfc822; {}", to[1]));
    let bounce = String::from_utf8_lossy(&bounce);
    for part in ["Action: failed", "Status: 5.1.1", "550 5.1.1"] {
        assert!(bounce.contains(part), "{part} in {bounce}");
    }
    for name in ["an", "binh"] {
        let mut reader = world.imap(name);
        let line = reader.ok("STATUS INBOX (MESSAGES)").line("* STATUS");
        assert!(line.contains("MESSAGES 1"), "{line}");
    }
}

/// Nobody of that name here: the peer's notification has our words.
pub fn refused_here(world: &World, peer: &Neighbour) {
    let from = format!("nguoi@{}", peer.domain);
    let sent = letter(&from, "khong.co@thu.gov.vn", SUBJECT, "vang@peer", 500);
    swaks(
        &[
            "--server",
            peer.address,
            "--from",
            &from,
            "--to",
            "khong.co@thu.gov.vn",
        ],
        &sent,
    );
    let bounce = peer.letter("<vang@peer>");
    let bounce = String::from_utf8_lossy(&bounce).replace("\n ", " ");
    for part in ["Return-path: <>", "Action: failed", "550 5.1.1"] {
        let part = part.to_lowercase();
        assert!(bounce.to_lowercase().contains(&part), "{part} in {bounce}");
    }
    assert!(queue(&world.api()).is_empty());
}
