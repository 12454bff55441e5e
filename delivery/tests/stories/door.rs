//! What comes in from elsewhere: to whom it goes, and how it is stored.

use crate::world::{LETTER, World, cause, envelope, local, remote};
use delivery::{Origin, ReversePath};
use directory::{AccountState, DomainState};
use std::sync::atomic::Ordering::SeqCst;
use storage::BlobId;

const STRANGER: ReversePath = ReversePath::Null;

#[test]
fn i12_the_octets_are_stored_as_received_behind_the_trace_header() {
    let world = World::new();
    let letters: [&[u8]; 4] = [
        LETTER,
        b"",
        b"no header at all\r\n\r\n\0\xff\r\n.\r\n",
        b"X: y",
    ];
    for letter in letters {
        let sent = envelope("x@noi.vn", &["an@tinh.gov.vn"]);
        let receipt = world.delivery.accept(sent, letter, &remote()).unwrap();
        assert_eq!((receipt.placed, receipt.queued), (1, None));
    }
    let account = world.store.account(world.id("an"));
    let mut contents = Vec::new();
    account
        .scan_all(&mut |state| {
            contents.push(account.content(state.email).unwrap());
            true
        })
        .unwrap();
    for (content, letter) in contents.iter().zip(letters) {
        assert!(content.ends_with(letter));
        let head = String::from_utf8(content[..content.len() - letter.len()].to_vec()).unwrap();
        let (first, rest) = head.split_once("\r\n").unwrap();
        assert_eq!(first, "Return-Path: <x@noi.vn>");
        assert!(
            rest.starts_with(
                "Received: from mail.noi.vn ([192.0.2.9])\r\n\tby mx.tinh.gov.vn with ESMTP id "
            ),
            "{rest}"
        );
        assert!(
            rest.ends_with("\r\n\tfor <an@tinh.gov.vn>;\r\n\tSun, 22 Nov 2026 07:00:00 +0700\r\n"),
            "{rest}"
        );
    }
}

#[test]
fn one_content_serves_all_recipients_and_names_none_of_them() {
    let world = World::new();
    let sent = envelope(
        "",
        &["an@tinh.gov.vn", "binh@tinh.gov.vn", "AN@tinh.gov.vn"],
    );
    let receipt = world.delivery.accept(sent, LETTER, &remote()).unwrap();
    assert_eq!(receipt.placed, 2);
    let mut blobs: Vec<BlobId> = Vec::new();
    for name in ["an", "binh"] {
        assert_eq!(world.inbox(name).len(), 1);
        assert!(!world.inbox(name)[0].contains("\r\n\tfor "));
        world
            .store
            .account(world.id(name))
            .scan_all(&mut |state| {
                blobs.push(state.blob);
                true
            })
            .unwrap();
    }
    assert_eq!(blobs[0], blobs[1]);
}

#[test]
fn recipients_are_taken_or_refused() {
    let world = World::new();
    world.list(
        "phong",
        vec![
            local("an"),
            local("binh"),
            crate::world::address("xa@noi.vn"),
        ],
    );
    world.person("nghi");
    world.change("nghi", |account| account.state = AccountState::Retired);
    world.person("treo");
    world.change("treo", |account| account.state = AccountState::Suspended);
    world.person("day");
    world.change("day", |account| account.quota = Some(0));
    let check = |to: &str, from_elsewhere: &str, submitted: &str| {
        let to = crate::world::address(to);
        assert_eq!(
            cause(world.delivery.recipient(&to, &STRANGER, &remote())),
            from_elsewhere,
            "{to}"
        );
        let origin = world.submitted("an");
        assert_eq!(
            cause(world.delivery.recipient(&to, &STRANGER, &origin)),
            submitted,
            "{to}"
        );
    };
    check("an@tinh.gov.vn", "ok", "ok");
    check("phong@tinh.gov.vn", "ok", "ok");
    check("treo@tinh.gov.vn", "ok", "ok");
    check("khong@tinh.gov.vn", "UnknownRecipient", "UnknownRecipient");
    check("nghi@tinh.gov.vn", "RecipientClosed", "RecipientClosed");
    check("day@tinh.gov.vn", "OverQuota", "OverQuota");
    assert_eq!(
        cause(
            world
                .delivery
                .recipient(&local("day"), &STRANGER, &Origin::Generated)
        ),
        "ok"
    );
    check("xa@noi.vn", "RelayDenied", "ok");
    let mut domain = world.directory.domain(&local("an").domain).unwrap();
    domain.state = DomainState::Suspended;
    world.directory.change_domain(None, domain, None).unwrap();
    assert_eq!(
        cause(world.delivery.recipient(&local("an"), &STRANGER, &remote())),
        "RecipientClosed"
    );
}

#[test]
fn a_mailbox_without_room_is_refused_before_the_message() {
    let world = World::new();
    let letter = envelope("x@noi.vn", &["binh@tinh.gov.vn"]);
    world.delivery.accept(letter, LETTER, &remote()).unwrap();
    let (used, _) = world.store.account(world.id("binh")).usage().unwrap();
    let an = world.submitted("an");
    let check = |quota: u64, expected: &str| {
        world.change("binh", |account| account.quota = Some(quota));
        for origin in [&remote(), &an] {
            let answer = world.delivery.recipient(&local("binh"), &STRANGER, origin);
            assert_eq!(cause(answer), expected, "{quota}");
            let other = world.delivery.recipient(&local("chi"), &STRANGER, origin);
            assert_eq!(cause(other), "ok", "the others still get theirs");
        }
    };
    check(used + 4096, "ok");
    // No letter fits into a few octets.
    check(used + 10, "OverQuota");
    check(used, "OverQuota");
    check(used - 1, "OverQuota");
    // RFC 1870 §6.4: what is declared too large for one is refused to that one alone.
    world.change("binh", |account| account.quota = Some(used + 4096));
    for (octets, from_elsewhere, submitted) in [
        (4096, "ok", "ok"),
        // A server tries again by itself; what people here write waits in the queue.
        (4097, "FullNow", "ok"),
        // Whatever is removed, it has no room for that.
        (u64::MAX, "OverQuota", "OverQuota"),
    ] {
        for (origin, expected) in [(&remote(), from_elsewhere), (&an, submitted)] {
            let binh = local("binh");
            let answer = world
                .delivery
                .recipient_of(&binh, &STRANGER, origin, octets);
            assert_eq!(cause(answer), expected, "{octets}");
        }
    }
}

#[test]
fn what_cannot_be_taken_is_refused_whole() {
    let world = World::new();
    let check = |envelope, letter: &[u8], expected: &str| {
        assert_eq!(
            cause(world.delivery.accept(envelope, letter, &remote())),
            expected
        );
    };
    check(envelope("x@noi.vn", &[]), LETTER, "NoRecipients");
    check(envelope("x@noi.vn", &["xa@noi.vn"]), LETTER, "RelayDenied");
    check(
        envelope("x@noi.vn", &["khong@tinh.gov.vn"]),
        LETTER,
        "UnknownRecipient",
    );
    let many = vec!["an@tinh.gov.vn"; 1_001];
    check(
        envelope("x@noi.vn", &many),
        LETTER,
        "TooManyRecipients { max: 1000 }",
    );
    check(
        envelope("x@noi.vn", &["an@tinh.gov.vn"]),
        &vec![b'x'; (1 << 20) + 1],
        "TooLarge { max: 1048576 }",
    );
    let hops = b"Received: by x\r\n".repeat(101);
    check(envelope("x@noi.vn", &["an@tinh.gov.vn"]), &hops, "Loop");
    check(envelope("x@noi.vn", &["an@tinh.gov.vn"]), &hops[16..], "ok");
    world.change("binh", |account| account.quota = Some(10));
    check(
        envelope("x@noi.vn", &["binh@tinh.gov.vn"]),
        LETTER,
        "OverQuota",
    );
    assert_eq!(world.inbox("an").len(), 1);
    assert!(world.inbox("binh").is_empty());
    assert!(world.delivery.queue(None, 10).unwrap().is_empty());
}

#[test]
fn a_full_disk_is_a_temporary_refusal_and_leaves_nothing_behind() {
    let world = World::new();
    let sent = || envelope("x@noi.vn", &["an@tinh.gov.vn", "binh@tinh.gov.vn"]);
    world.disk.store(0, SeqCst);
    assert_eq!(
        cause(world.delivery.accept(sent(), LETTER, &remote())),
        "later"
    );
    let from = sent().from;
    assert_eq!(cause(world.delivery.sender(&from, &remote())), "later");
    world.disk.store(u64::MAX, SeqCst);
    assert!(world.inbox("an").is_empty() && world.inbox("binh").is_empty());
    assert_eq!(cause(world.delivery.sender(&from, &remote())), "ok");
    assert_eq!(
        world
            .delivery
            .accept(sent(), LETTER, &remote())
            .unwrap()
            .placed,
        2
    );
    assert_eq!((world.inbox("an").len(), world.inbox("binh").len()), (1, 1));
}

#[test]
fn a_list_reaches_each_member_once_and_goes_on_elsewhere() {
    let world = World::new();
    world.list(
        "phong",
        vec![
            local("an"),
            local("binh"),
            crate::world::address("xa@noi.vn"),
        ],
    );
    let sent = envelope("x@noi.vn", &["phong@tinh.gov.vn", "an@tinh.gov.vn"]);
    let receipt = world.delivery.accept(sent, LETTER, &remote()).unwrap();
    let id = receipt.queued.expect("one of them is elsewhere");
    world.dispatch();
    for name in ["an", "binh"] {
        assert_eq!(world.inbox(name).len(), 1, "{name}");
    }
    let item = world.delivery.queued(id).unwrap();
    assert_eq!(item.waiting.len(), 1);
    assert_eq!(item.waiting[0].address.to_string(), "xa@noi.vn");
}

#[test]
fn a_large_list_is_answered_from_the_spool_and_placed_after() {
    let world = World::new();
    let names: Vec<String> = (0..300).map(|n| format!("p{n}")).collect();
    for name in &names {
        world.person(name);
    }
    world.list("tatca", names.iter().map(|name| local(name)).collect());
    let sent = envelope("x@noi.vn", &["tatca@tinh.gov.vn"]);
    let receipt = world.delivery.accept(sent, LETTER, &remote()).unwrap();
    assert_eq!(receipt.placed, 0);
    assert!(world.inbox("p0").is_empty());
    assert_eq!(world.dispatch(), None);
    assert!(names.iter().all(|name| world.inbox(name).len() == 1));
    assert!(world.delivery.queue(None, 10).unwrap().is_empty());
}
