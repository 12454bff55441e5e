//! What people who signed in send.

use crate::world::{LETTER, World, cause, envelope, local, remote};
use delivery::{Envelope, Origin, ReversePath};
use directory::{AccountKind, Rights, Sending};
use storage::{Append, EmailId, Role};

fn letter(header: &str) -> Vec<u8> {
    format!("{header}\r\n\r\nbody\r\n").into_bytes()
}

#[test]
fn only_ones_own_addresses_are_senders() {
    let world = World::new();
    world
        .directory
        .create_alias(None, local("vanthu"), world.id("an"))
        .unwrap();
    let origin = world.submitted("an");
    let check = |from: &str, header: &str, expected: &str| {
        let sent = envelope(from, &["binh@tinh.gov.vn"]);
        let result = world.delivery.accept(sent, &letter(header), &origin);
        assert_eq!(cause(result), expected, "{from} {header}");
    };
    check("an@tinh.gov.vn", "From: an@tinh.gov.vn", "ok");
    check("an@tinh.gov.vn", "From: \"An, Văn\" <AN@tinh.gov.vn>", "ok");
    check(
        "vanthu@tinh.gov.vn",
        "From: An <an@tinh.gov.vn>, vanthu@tinh.gov.vn",
        "ok",
    );
    check("", "From: an@tinh.gov.vn", "ok");
    // Attack 2: others of the same tenant are others.
    check("binh@tinh.gov.vn", "From: an@tinh.gov.vn", "SenderNotYours");
    check("x@noi.vn", "From: an@tinh.gov.vn", "SenderNotYours");
    check("an@tinh.gov.vn", "From: binh@tinh.gov.vn", "FromNotYours");
    check(
        "an@tinh.gov.vn",
        "From: an@tinh.gov.vn, binh@tinh.gov.vn",
        "FromNotYours",
    );
    check(
        "an@tinh.gov.vn",
        "From: an@tinh.gov.vn\r\nSender: binh@tinh.gov.vn",
        "SenderFieldNotYours",
    );
    check(
        "an@tinh.gov.vn",
        "From: \"an@tinh.gov.vn\" <binh@tinh.gov.vn>",
        "FromNotYours",
    );
    check("an@tinh.gov.vn", "From : binh@tinh.gov.vn", "FromNotYours");
    check(
        "an@tinh.gov.vn",
        "From:\r\n binh@tinh.gov.vn",
        "FromNotYours",
    );
    // Attack 14: readers differ on which of two counts.
    check(
        "an@tinh.gov.vn",
        "From: an@tinh.gov.vn\r\nFrom: binh@tinh.gov.vn",
        "FromInvalid",
    );
    check(
        "an@tinh.gov.vn",
        "from: binh@tinh.gov.vn\r\nFROM: an@tinh.gov.vn",
        "FromInvalid",
    );
    check("an@tinh.gov.vn", "Subject: none", "FromInvalid");
    check("an@tinh.gov.vn", "From:", "FromInvalid");
    check("an@tinh.gov.vn", "From: an", "FromInvalid");
    check(
        "an@tinh.gov.vn",
        "From: group: an@tinh.gov.vn;",
        "FromInvalid",
    );
    check(
        "an@tinh.gov.vn",
        &format!("{}From: an@tinh.gov.vn", "X: y\r\n".repeat(2_500)),
        "Malformed(\"more header fields than are looked at\")",
    );
}

#[test]
fn holders_of_a_seat_send_as_it_and_others_on_its_behalf() {
    let world = World::new();
    let seat = world.account("chutich", AccountKind::Shared);
    let d = &world.directory;
    let all = Rights::parse("lrswite").unwrap();
    d.set_member(None, seat.id, world.id("an"), all, None)
        .unwrap();
    let behalf = Some(Sending::OnBehalf);
    d.set_sender(None, seat.id, world.id("binh"), behalf, None)
        .unwrap();
    let check = |who: &str, from: &str, header: &str, expected: &str| {
        let sent = envelope(from, &["chi@tinh.gov.vn"]);
        let result = world
            .delivery
            .accept(sent, &letter(header), &world.submitted(who));
        assert_eq!(cause(result), expected, "{who} {from} {header}");
        let got = world.inbox("chi");
        got.last().cloned().unwrap_or_default()
    };
    let (seat, own) = ("chutich@tinh.gov.vn", "binh@tinh.gov.vn");
    let from_seat = format!("From: {seat}");
    let got = check("an", seat, &from_seat, "ok");
    assert!(got.starts_with(&format!("Return-Path: <{seat}>")), "{got}");
    assert!(!got.contains("\r\nSender: "), "{got}");
    // RFC 6409 §8.1: who writes on behalf of another is named, whichever of both the reverse-path is.
    for path in [seat, own] {
        let got = check("binh", path, &from_seat, "ok");
        assert!(got.contains(&format!("\r\nSender: <{own}>\r\n")), "{got}");
    }
    let got = check("binh", seat, &format!("{from_seat}\r\nSender: {own}"), "ok");
    assert_eq!(got.matches("Sender:").count(), 1, "{got}");
    let as_seat = format!("{from_seat}\r\nSender: {seat}");
    check("binh", seat, &as_seat, "SenderFieldNotYours");
    check("an", "an@tinh.gov.vn", &as_seat, "ok");
    check("an", own, "From: an@tinh.gov.vn", "SenderNotYours");
    check("chi", seat, "From: chi@tinh.gov.vn", "SenderNotYours");
    check("chi", "chi@tinh.gov.vn", &from_seat, "FromNotYours");
}

#[test]
fn white_space_before_the_first_field_is_refused() {
    let world = World::new();
    let origin = world.submitted("an");
    // RFC 5322 §2.2: it is no field, but some readers take it for one.
    for space in [" ", "\t", "  ", " \r\n "] {
        let text = letter(&format!(
            "{space}From: binh@tinh.gov.vn\r\nFrom: an@tinh.gov.vn"
        ));
        let sent = envelope("an@tinh.gov.vn", &["binh@tinh.gov.vn"]);
        assert_eq!(
            cause(world.delivery.accept(sent, &text, &origin)),
            "Malformed(\"white space before the first field\")"
        );
    }
    assert!(world.inbox("binh").is_empty());
}

#[test]
fn an_access_that_no_longer_stands_sends_nothing() {
    let world = World::new();
    let origin = world.submitted("an");
    world.change("an", |account| {
        account.state = directory::AccountState::Suspended
    });
    let sent = envelope("an@tinh.gov.vn", &["binh@tinh.gov.vn"]);
    assert_eq!(
        cause(world.delivery.accept(sent, LETTER, &origin)),
        "SignedOut"
    );
}

#[test]
fn what_lacks_is_added_and_bcc_is_taken_out() {
    let world = World::new();
    let origin = world.submitted("an");
    let text = b"From: an@tinh.gov.vn\r\nBcc: chi@tinh.gov.vn,\r\n\tx@noi.vn\r\nSubject: x\r\n\r\nBcc: stays\r\n";
    let sent = envelope("an@tinh.gov.vn", &["binh@tinh.gov.vn", "chi@tinh.gov.vn"]);
    let receipt = world.delivery.accept(sent, text, &origin).unwrap();
    let got = &world.inbox("chi")[0];
    assert!(
        got.contains("\r\nDate: Sun, 22 Nov 2026 07:00:00 +0700\r\n"),
        "{got}"
    );
    assert!(got.contains(&format!(
        "\r\nMessage-ID: <{}@mx.tinh.gov.vn>\r\n",
        receipt.trace
    )));
    assert!(
        got.ends_with("From: an@tinh.gov.vn\r\nSubject: x\r\n\r\nBcc: stays\r\n"),
        "{got}"
    );

    let text = b"From: an@tinh.gov.vn\r\nDate: x\r\nmessage-id: <1@x>\r\n\r\nb\r\n";
    let sent = envelope("an@tinh.gov.vn", &["binh@tinh.gov.vn"]);
    world.delivery.accept(sent, text, &origin).unwrap();
    let got = world.inbox("binh").pop().unwrap();
    assert!(got.ends_with(std::str::from_utf8(text).unwrap()));
    assert_eq!(got.matches("Date:").count(), 1);
}

#[test]
fn mail_for_elsewhere_waits_in_sight_and_the_rest_arrives() {
    let world = World::new();
    let sent = envelope(
        "an@tinh.gov.vn",
        &["binh@tinh.gov.vn", "x@noi.vn", "y@noi.vn"],
    );
    let receipt = world
        .delivery
        .accept(sent, LETTER, &world.submitted("an"))
        .unwrap();
    let id = receipt.queued.unwrap();
    let next = world.dispatch().expect("it waits");
    assert!(next > crate::world::START_S);
    assert_eq!(world.inbox("binh").len(), 1);
    let item = world.delivery.queued(id).unwrap();
    assert_eq!(item.submitter, Some(world.id("an")));
    assert_eq!(item.waiting.len(), 2);
    for waiting in &item.waiting {
        assert!(
            matches!(&waiting.last, Some(delivery::Outcome::Deferred(why)) if why.starts_with("4.4.1 "))
        );
    }
}

/// Puts a message into somebody's Drafts.
fn draft(world: &World, name: &str, text: &[u8]) -> EmailId {
    let account = world.store.account(world.id(name));
    let drafts = account.by_role(Role::Drafts).unwrap().unwrap().id;
    let blob = world.store.put_blob(text).unwrap();
    let summary = formats::message::summarize(text);
    let mut writer = account.write().unwrap();
    let placed = writer
        .append(Append {
            blob,
            summary: &summary,
            received_at: crate::world::START_S,
            keywords: Vec::new(),
            mailboxes: vec![drafts],
            delivery: None,
        })
        .unwrap();
    writer.commit().unwrap();
    placed.email
}

#[test]
fn a_draft_is_submitted_to_all_whom_it_names() {
    let world = World::new();
    let access = world.enter("an");
    let text = b"From: an@tinh.gov.vn\r\nTo: N: Binh <binh@tinh.gov.vn>, AN@tinh.gov.vn;\r\nCc: an@tinh.gov.vn\r\nBcc: chi@tinh.gov.vn\r\n\r\nb\r\n";
    let email = draft(&world, "an", text);
    let (envelope, receipt) = world
        .delivery
        .submit(&access, access.account(), email, None, None)
        .unwrap();
    assert_eq!(envelope.from, ReversePath::Address(local("an")));
    let to: Vec<String> = envelope
        .recipients
        .iter()
        .map(|r| r.address.key())
        .collect();
    assert_eq!(
        to,
        ["binh@tinh.gov.vn", "an@tinh.gov.vn", "chi@tinh.gov.vn"]
    );
    assert_eq!(receipt.placed, 3);
    assert!(!world.inbox("chi")[0].contains("Bcc"));

    let refused = |email, envelope| {
        let (delivery, account) = (&world.delivery, access.account());
        cause(delivery.submit(&access, account, email, envelope, None))
    };
    let own = Envelope {
        recipients: vec![],
        ..envelope.clone()
    };
    assert_eq!(refused(email, Some(own)), "NoRecipients");
    let forged = Envelope {
        from: ReversePath::Address(local("binh")),
        ..envelope
    };
    assert_eq!(refused(email, Some(forged)), "SenderNotYours");
    let forged = b"From: binh@tinh.gov.vn\r\nTo: chi@tinh.gov.vn\r\n\r\n";
    let forged = draft(&world, "an", forged);
    assert_eq!(refused(forged, None), "SenderNotYours");
    let nobody = draft(&world, "an", b"From: an@tinh.gov.vn\r\n\r\n");
    assert_eq!(refused(nobody, None), "NoRecipients");
    let absent = EmailId::new(99).unwrap();
    let none = "Malformed(\"no such message\")";
    assert_eq!(refused(absent, None), none);
}

#[test]
fn i08_another_accounts_draft_is_not_sent() {
    let world = World::new();
    let email = draft(
        &world,
        "binh",
        b"From: an@tinh.gov.vn\r\nTo: chi@tinh.gov.vn\r\n\r\nsecret\r\n",
    );
    let an = world.enter("an");
    let result = world.delivery.submit(&an, an.account(), email, None, None);
    assert_eq!(cause(result), "Malformed(\"no such message\")");
    let Origin::Submitted { .. } = world.submitted("an") else {
        panic!("submitted")
    };
}

/// RFC 5322 §2.1.1: what can be encoded when it leaves is taken as it is; what cannot, its author hears of now.
#[test]
fn long_lines_are_taken_where_they_can_be_encoded() {
    let world = World::new();
    let origin = world.submitted("an");
    let check = |head: &str, body: &str, expected: &str| {
        let letter = format!("From: an@tinh.gov.vn\r\n{head}\r\n{body}\r\n");
        let sent = envelope("an@tinh.gov.vn", &["binh@tinh.gov.vn"]);
        let answer = world.delivery.accept(sent, letter.as_bytes(), &origin);
        assert_eq!(cause(answer), expected, "{head}");
        let got = world.inbox_if_any("binh").pop().unwrap_or_default();
        assert_eq!(got.ends_with(&letter), expected == "ok", "I-12");
    };
    let long = "x".repeat(999);
    check("", &long, "ok");
    check(&format!("Subject: {}\r\n", "ab ".repeat(999)), "", "ok");
    check(&format!("X-Key: {long}\r\n"), "", "LongLine");
    let signed = "MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=b\r\n";
    let part = |body: &str| format!("--b\r\n\r\n{body}\r\n--b--");
    check(signed, &part(&long), "LongLine");
    check(signed, &part("x"), "ok");
    // Of others it is taken as it comes.
    let letter = format!("From: x@noi.vn\r\nX-Key: {long}\r\n\r\n");
    let sent = envelope("x@noi.vn", &["binh@tinh.gov.vn"]);
    let taken = world.delivery.accept(sent, letter.as_bytes(), &remote());
    assert!(taken.is_ok());
}

/// RFC 5321 §4.4: who originates a message says nothing of its return path.
#[test]
fn a_return_path_in_what_is_submitted_is_taken_out() {
    let world = World::new();
    let letter =
        b"Return-Path: <x@noi.vn>\r\nFrom: an@tinh.gov.vn\r\nReturn-path: <y@noi.vn>\r\n\r\nb\r\n";
    let sent = || envelope("an@tinh.gov.vn", &["binh@tinh.gov.vn"]);
    world
        .delivery
        .accept(sent(), letter, &world.submitted("an"))
        .unwrap();
    let got = world.inbox("binh").pop().unwrap();
    assert_eq!(got.to_lowercase().matches("return-path:").count(), 1);
    assert!(
        got.starts_with("Return-Path: <an@tinh.gov.vn>\r\n"),
        "{got}"
    );
}
