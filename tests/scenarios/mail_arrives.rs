//! A letter comes in by SMTP and is read over IMAP and JMAP; an idling client hears of it.

use serde_json::json;
use tests::world::World;

const LETTER: &[u8] = "From: =?utf-8?q?S=E1=BB=9F_N=E1=BB=99i_v=E1=BB=A5?= <snv@xa.example>\r\n\
    To: an@thu.gov.vn\r\nSubject: =?utf-8?b?VsSDbiBi4bqjbg==?=\r\nDate: Mon, 02 Nov 2026 08:00:00 +0700\r\n\
    Message-ID: <1@xa.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Transfer-Encoding: 8bit\r\n\r\nKính gửi: Ủy ban nhân dân tỉnh.\r\n.\r\n..hai chấm\r\n"
    .as_bytes();

#[test]
fn from_smtp_to_imap_and_jmap() {
    let world = World::new();
    let mut reader = world.imap("an");
    reader.ok("SELECT INBOX");
    reader.send(b"z IDLE\r\n");
    assert!(reader.unsolicited().starts_with("+ "));

    let mut sender = world.smtp();
    let hello = sender.ehlo();
    for extension in [
        "SIZE ",
        "PIPELINING",
        "8BITMIME",
        "SMTPUTF8",
        "ENHANCEDSTATUSCODES",
        "CHUNKING",
        "BINARYMIME",
        "DSN",
        "STARTTLS",
    ] {
        assert!(hello.contains(extension), "{extension} in {hello}");
    }
    let reply = sender.transaction(
        "snv@xa.example",
        &["an@thu.gov.vn", "binh@thu.gov.vn"],
        LETTER,
    );
    assert!(reply.starts_with("250 2.0.0"), "{reply}");

    assert_eq!(reader.unsolicited(), "* 1 EXISTS\r\n");
    reader.send(b"DONE\r\n");
    while !reader.unsolicited().starts_with("z OK") {}

    let fetched = reader.ok("FETCH 1 (UID FLAGS ENVELOPE BODY.PEEK[])");
    let raw = fetched.literals(0).pop().unwrap().to_vec();
    assert!(
        raw.starts_with(b"Return-Path: <snv@xa.example>\r\nReceived: from "),
        "trace header"
    );
    assert!(raw.ends_with(LETTER), "I-12: octets as sent");

    let http = world.http("binh");
    let found = http.jmap("Email/query", json!({"filter": {"subject": "van ban"}}));
    let id = found["ids"][0].clone();
    let got = http.jmap(
        "Email/get",
        json!({"ids": [id], "fetchTextBodyValues": true}),
    );
    let email = &got["list"][0];
    assert_eq!(email["subject"], "Văn bản");
    assert_eq!(email["from"][0]["name"], "Sở Nội vụ");
    let (status, _, body) = http.get(&format!(
        "/jmap/download/{}/{}/x.eml?accept=message/rfc822",
        http.account(),
        email["blobId"].as_str().unwrap()
    ));
    assert_eq!(status, 200);
    assert_eq!(
        body, raw,
        "one content for both recipients, the same octets by IMAP and JMAP"
    );
    world.finish();
}

#[test]
fn an_append_is_seen_by_the_other_session() {
    let world = World::new();
    let (mut a, mut b) = (world.imap("an"), world.imap("an"));
    a.ok("SELECT INBOX");
    let done = b.append("INBOX", LETTER).unwrap();
    assert!(done.tagged.contains("[APPENDUID "), "{}", done.tagged);
    let noop = a.ok("NOOP");
    assert_eq!(noop.line("* 1 EXISTS"), "* 1 EXISTS\r\n");
    b.ok("SELECT INBOX");
    b.ok("STORE 1 +FLAGS (\\Deleted)");
    b.ok("EXPUNGE");
    let noop = a.ok("NOOP");
    assert_eq!(noop.line("* 1 EXPUNGE"), "* 1 EXPUNGE\r\n");
    world.finish();
}
