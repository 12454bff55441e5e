//! What must be refused, and in which words.

use tests::world::World;

#[test]
fn the_mx_refuses_what_is_not_ours() {
    let world = World::new();
    let mut client = world.smtp();
    client.ehlo();
    client.expect("MAIL FROM:<a@b.example>", "250");
    client.expect("RCPT TO:<khong-co@thu.gov.vn>", "550 5.1.1");
    client.expect("RCPT TO:<someone@example.net>", "550 5.7.1");
    client.expect("RSET", "250");
    client.expect("MAIL FROM:<a@b.example> SIZE=999999999999", "552 5.3.4");
    client.expect("AUTH PLAIN AGEAYg==", "5");
    world.finish();
}

/// ATTACKS.md 1: only CRLF.CRLF ends a message, and bare CR or LF is refused.
#[test]
fn smuggling_is_refused() {
    let ends: &[&[u8]] = &[
        b"\n.\n",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r.\r",
        b"\r\n.\r",
        b"\r\n\x00.\r\n",
        b"\r.\n",
    ];
    let world = World::new();
    for end in ends {
        let mut client = world.smtp();
        client.ehlo();
        client.expect("MAIL FROM:<a@b.example>", "250");
        client.expect("RCPT TO:<an@thu.gov.vn>", "250");
        client.expect("DATA", "354");
        let inside = b"MAIL FROM:<boss@thu.gov.vn>\r\nRCPT TO:<binh@thu.gov.vn>\r\nDATA\r\nFrom: boss@thu.gov.vn\r\n\r\nsmuggled";
        client.send(
            &[
                b"From: a@b.example\r\n\r\nhello",
                *end,
                inside,
                b"\r\n.\r\n",
            ]
            .concat(),
        );
        let reply = client.reply();
        let whole = end.contains(&0);
        assert_eq!(reply.starts_with("250"), whole, "{end:?}: {reply}");
        assert!(whole || reply.starts_with('5'), "{end:?}: {reply}");
        client.expect("NOOP", "250");
    }
    let mut other = world.imap("binh");
    assert_eq!(
        other.ok("STATUS INBOX (MESSAGES)").line("* STATUS"),
        "* STATUS INBOX (MESSAGES 0)\r\n"
    );
    world.finish();
}

#[test]
fn a_message_over_the_limit_is_refused_while_it_comes() {
    let world = World::with(|config| config.mail.size_max = 100_000);
    let mut client = world.smtp();
    client.ehlo();
    let mut large = b"From: a@b.example\r\n\r\n".to_vec();
    for _ in 0..3000 {
        large.extend_from_slice(&[b'x'; 70]);
        large.extend_from_slice(b"\r\n");
    }
    let reply = client.transaction("a@b.example", &["an@thu.gov.vn"], &large);
    assert!(reply.starts_with("552 5.3.4"), "{reply}");
    let reply = client.transaction(
        "a@b.example",
        &["an@thu.gov.vn"],
        b"From: a@b.example\r\n\r\nsmall\r\n",
    );
    assert!(reply.starts_with("250"), "the session goes on: {reply}");
    world.finish();
}

#[test]
fn i17_nobody_sees_another_account() {
    let world = World::new();
    let mine = world.http("an");
    let theirs = world.http("binh");
    let account = theirs.account();
    assert_ne!(mine.account(), account);
    let call = serde_json::json!({"using": ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"],
        "methodCalls": [["Mailbox/get", {"accountId": account}, "0"]]});
    let (_, answer) = mine.post_json("/jmap/api", &call);
    assert_eq!(
        answer["methodResponses"][0][1]["type"], "accountNotFound",
        "{answer}"
    );
    let (status, _, _) = mine.get(&format!("/jmap/download/{account}/e1/x"));
    assert_eq!(status, 404);
    let (status, _, _) = world.stranger().get("/jmap/session");
    assert_eq!(status, 401);
    world.finish();
}

/// A connection over the limit is told so, in the words of its protocol.
#[test]
fn too_many_connections_are_told() {
    let world = World::with(|config| config.listen.connections_per_address = 2);
    let _first = world.smtp();
    let _second = world.smtp();
    let mut third = tests::stream::Stream::plain(world.address("smtp"));
    assert!(third.line().starts_with(b"421 4.7.0 "));
    let mut fourth = tests::stream::Stream::plain(world.address("imap"));
    assert!(fourth.line().starts_with(b"* BYE "));
    drop((_first, _second));
    world.finish();
}
