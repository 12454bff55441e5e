//! Sending as somebody who signed in.

use serde_json::json;
use tests::smtp_client::SmtpClient;
use tests::until;
use tests::world::{PASSWORD, World};

#[test]
fn passwords_only_inside_tls() {
    let world = World::new();
    let mut client = SmtpClient::connect(world.address("submission"));
    let hello = client.ehlo();
    assert!(!hello.contains("AUTH"), "{hello}");
    client.expect("AUTH PLAIN AGEAYg==", "538");
    client.expect("MAIL FROM:<an@thu.gov.vn>", "530");
    let mut client = client.starttls(&world.ca());
    assert!(client.ehlo().contains("AUTH "));
    client.expect("MAIL FROM:<an@thu.gov.vn>", "530");
    client.expect("AUTH LOGIN", "334 VXNlcm5hbWU6");
    client.expect("YW5AdGh1Lmdvdi52bg==", "334 UGFzc3dvcmQ6");
    client.expect("c2Fp", "535 5.7.8");
    client.auth_plain("an@thu.gov.vn", PASSWORD);
    world.finish();
}

#[test]
fn one_sends_as_oneself_only() {
    let world = World::new();
    let mut client = world.submission("an");
    let letter = |from: &str| {
        format!(
            "From: {from}\r\nTo: binh@thu.gov.vn\r\nSubject: x\r\nBcc: quantri@thu.gov.vn\r\n\r\nhello\r\n"
        )
    };
    let reply = client.transaction(
        "binh@thu.gov.vn",
        &["binh@thu.gov.vn"],
        letter("an@thu.gov.vn").as_bytes(),
    );
    assert!(reply.starts_with("5"), "reverse-path: {reply}");
    for from in [
        "binh@thu.gov.vn",
        "Ai <ai@x.example>",
        "an@thu.gov.vn, binh@thu.gov.vn",
    ] {
        let reply = client.transaction(
            "an@thu.gov.vn",
            &["binh@thu.gov.vn"],
            letter(from).as_bytes(),
        );
        assert!(reply.starts_with("5"), "{from}: {reply}");
    }
    let double = format!("From: an@thu.gov.vn\r\n{}", letter("binh@thu.gov.vn"));
    let reply = client.transaction("an@thu.gov.vn", &["binh@thu.gov.vn"], double.as_bytes());
    assert!(reply.starts_with("5"), "two From fields: {reply}");
    let reply = client.transaction(
        "an@thu.gov.vn",
        &["binh@thu.gov.vn"],
        letter("An <an@thu.gov.vn>").as_bytes(),
    );
    assert!(reply.starts_with("250"), "{reply}");
    let mut reader = world.imap("binh");
    reader.ok("SELECT INBOX");
    let got = reader.ok("FETCH 1 BODY[]");
    let text = String::from_utf8_lossy(got.literals(0)[0]).into_owned();
    for field in ["\r\nDate: ", "\r\nMessage-ID: <"] {
        assert!(text.contains(field), "{field} was added: {text}");
    }
    assert!(!text.to_lowercase().contains("bcc"), "{text}");
    world.finish();
}

/// Mail for elsewhere waits, visibly, and is never dropped.
#[test]
fn mail_for_elsewhere_waits_in_the_queue() {
    let world = World::new();
    let mut client = world.submission("an");
    let letter = b"From: an@thu.gov.vn\r\nTo: x@example.net, binh@thu.gov.vn\r\nSubject: ra ngoai\r\n\r\nhello\r\n";
    let reply = client.transaction(
        "an@thu.gov.vn",
        &["x@example.net", "binh@thu.gov.vn"],
        letter,
    );
    assert!(reply.starts_with("250"), "{reply}");
    let api = world.api();
    let waits = || {
        let (status, _, body) = api.get("/api/v1/queue");
        assert_eq!(status, 200);
        let text = String::from_utf8_lossy(&body).into_owned();
        text.contains("x@example.net") && text.contains("4.4.")
    };
    assert!(until(waits), "the queue does not say why it waits");
    let mut reader = world.imap("binh");
    let placed = || {
        let status = reader.ok("STATUS INBOX (MESSAGES)");
        status.line("* STATUS").contains("MESSAGES 1")
    };
    assert!(until(placed), "the local recipient got nothing");
    world.finish();
}

/// The seat's holder writes as the seat over SMTP; who was let write on its behalf is named; nobody else may.
#[test]
fn a_seat_sends_by_who_holds_it() {
    let world = World::new();
    let api = world.api();
    let seat = json!({
        "address": "chutich@thu.gov.vn", "kind": "shared", "agency": "T1", "name": "Chủ tịch",
    });
    let (status, made) = api.post_json("/api/v1/accounts", &seat);
    assert_eq!(status, 201, "{made}");
    let path = |what: &str| format!("/api/v1/accounts/{}/{what}@thu.gov.vn", made["id"]);
    let letter =
        b"From: chutich@thu.gov.vn\r\nTo: quantri@thu.gov.vn\r\nSubject: x\r\n\r\nhello\r\n";
    let send = |who: &str| {
        let mut client = world.submission(who);
        let to = ["quantri@thu.gov.vn"];
        client.transaction("chutich@thu.gov.vn", &to, letter)
    };
    let refused = send("an");
    assert!(refused.starts_with("550 5.7.1"), "{refused}");
    let (status, answer) = api.put_json(&path("members/an"), &json!({"rights": "lrswite"}));
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = api.put_json(&path("senders/binh"), &json!({"sending": "on_behalf"}));
    assert_eq!(status, 200, "{answer}");
    for (who, sender) in [
        ("an", None),
        ("binh", Some("\r\nSender: <binh@thu.gov.vn>\r\n")),
    ] {
        let reply = send(who);
        assert!(reply.starts_with("250"), "{who}: {reply}");
        let mut reader = world.imap("quantri");
        reader.ok("SELECT INBOX");
        let got = reader.ok("FETCH * BODY[]");
        let text = String::from_utf8_lossy(got.literals(0)[0]).into_owned();
        assert!(text.contains("\r\nFrom: chutich@thu.gov.vn\r\n"), "{text}");
        match sender {
            Some(sender) => assert!(text.contains(sender), "{text}"),
            None => assert!(!text.contains("\r\nSender:"), "{text}"),
        }
    }
    world.finish();
}
