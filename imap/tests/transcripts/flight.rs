//! What answers hold in memory while their peers do not take them: a piece for each, however large the mailbox
//! or the message is. Counted in octets, from their making to their being written.

use crate::door::{USER, World};
use formats::address::Address;
use std::time::{Duration, Instant};
use storage::Role;

/// A stretch of a large message, a piece of everything else, and what one item adds to it.
const PIECE_MAX: u64 = 1024 * 1024 + 2 * 64 * 1024;

/// Nobody holds more than a piece, and nobody ever has.
fn check(world: &World, peers: u64) {
    let (now, peak) = (
        world.services.flight().now(),
        world.services.flight().peak(),
    );
    assert!(now > 0 && now <= peers * PIECE_MAX, "{now} octets now");
    assert!(peak <= peers * PIECE_MAX, "{peak} octets at the most");
}

/// Everything was taken, or its peer is gone.
fn nothing_is_left(world: &World) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while world.services.flight().now() > 0 {
        assert!(Instant::now() < deadline, "something is held for nobody");
        std::thread::yield_now();
    }
}

#[test]
fn i13_a_large_message_is_in_flight_in_stretches() {
    let mut world = World::new();
    world.login(1);
    let mut letter = b"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\r\nx\r\n--o\r\n\
        Content-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        .to_vec();
    for n in 0..100_000u32 {
        letter.extend_from_slice(format!("{n:064}\r\n").as_bytes());
    }
    letter.extend_from_slice(b"--o--\r\n");
    world.append(1, "INBOX", "", &letter);
    let peers = 4;
    let items = [
        "BODY.PEEK[]",
        "BINARY.PEEK[2]",
        "BODY.PEEK[2]",
        "(BODY.PEEK[TEXT] UID)",
    ];
    for (peer, item) in (2..).zip(items) {
        world.login(peer);
        world.ask(peer, "SELECT INBOX");
        world.send(peer, format!("a FETCH 1 {item}\r\n").as_bytes());
        assert_eq!(world.octets(peer, 10), b"* 1 FETCH ");
    }
    // Who reads at last has it whole, also after it was expunged.
    world.ask(1, "SELECT INBOX");
    world.ask(1, "STORE 1 +FLAGS.SILENT (\\Deleted)");
    world.ask(1, "EXPUNGE");
    assert_eq!(world.line(2), format!("(BODY[] {{{}}}", letter.len()));
    assert!(world.octets(2, letter.len()) == letter);
    assert_eq!(world.line(2), ")");
    assert!(world.line(2).starts_with("a OK"));
    check(&world, peers);
    // 64 digits and a line end for each 48 octets.
    assert_eq!(world.line(3), "(BINARY[2] {4800000}");
    let decoded = world.octets(3, 4_800_000);
    assert_eq!(&decoded[..3], [0xd3, 0x4d, 0x34]);
    assert_eq!(world.line(3), ")");
    assert!(world.line(3).starts_with("a OK"));
    let last = world.line(4);
    assert!(last.starts_with("(BODY[2] {6599998}"), "{last}");
    world.octets(4, 6_599_998);
    assert_eq!(world.line(4), ")");
    assert!(world.line(4).starts_with("a OK"));
    check(&world, peers);
    world.hang_up(5);
    nothing_is_left(&world);
}

/// Who has read little of many large messages has had few of them looked at.
#[test]
fn i13_large_messages_are_looked_up_a_few_at_a_time() {
    let mut world = World::new();
    world.login(1);
    let letter = [&b"Subject: x\r\n\r\n"[..], &[b'y'; 1_100_000]].concat();
    for _ in 0..12 {
        world.append(1, "INBOX", "", &letter);
    }
    world.login(2);
    world.ask(2, "SELECT INBOX");
    world.send(2, b"a FETCH 1:12 (ENVELOPE BODY[TEXT])\r\n");
    assert_eq!(world.octets(2, 10), b"* 1 FETCH ");
    // What a FETCH looks up it marks as seen: four of them make four mebibytes.
    let told = world.ask(1, "STATUS INBOX (UNSEEN)");
    assert_eq!(told[0], "* STATUS INBOX (UNSEEN 8)");
    check(&world, 1);
}

/// A header of some megabytes, of which nearly all is asked for.
#[test]
fn i13_fields_of_a_large_header_go_in_stretches_too() {
    let mut world = World::new();
    world.login(1);
    let field = format!("X-Large: {}\r\n", "z".repeat(900));
    let letter = format!("Subject: x\r\n{}\r\nbody\r\n", field.repeat(4_000));
    world.append(1, "INBOX", "", letter.as_bytes());
    world.ask(1, "SELECT INBOX");
    world.send(1, b"a FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)]\r\n");
    let first = world.line(1);
    let len = first.rsplit_once('{').unwrap().1.trim_end_matches('}');
    let octets = world.octets(1, len.parse().unwrap());
    assert!(octets.starts_with(field.as_bytes()) && octets.len() > 1_100_000);
    assert!(
        octets
            .chunks(field.len())
            .rev()
            .skip(1)
            .all(|f| f == field.as_bytes())
    );
    assert_eq!(world.line(1), ")");
    assert!(world.line(1).starts_with("a OK"));
    let peak = world.services.flight().peak();
    assert!(peak <= PIECE_MAX, "{peak} octets at the most");
}

#[test]
fn i13_a_mailbox_of_fifty_thousand_is_in_flight_in_pieces() {
    let mut world = World::new();
    let id = world
        .directory
        .account_at(&Address::parse(USER).unwrap())
        .unwrap()
        .id;
    let store = world.store.account(id);
    let inbox = store.by_role(Role::Inbox).unwrap().unwrap().id;
    let raw = b"From: binh@tinh.gov.vn\r\nSubject: Hop giao ban\r\n\r\nNoi dung\r\n";
    let summary = formats::message::summarize(raw);
    let blob = world.store.put_blob(raw).unwrap();
    for _ in 0..50 {
        let mut writer = store.write().unwrap();
        for _ in 0..1_000 {
            let placed = writer.append(storage::Append {
                blob,
                summary: &summary,
                received_at: 1_795_000_000,
                keywords: Vec::new(),
                mailboxes: vec![inbox],
                delivery: None,
            });
            placed.unwrap();
        }
        writer.commit().unwrap();
    }
    let commands = [
        "FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE)",
        "UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])",
        "SEARCH 1:*",
        "UID SORT (REVERSE ARRIVAL) UTF-8 ALL",
    ];
    for (peer, command) in (1..).zip(commands) {
        world.login(peer);
        world.ask(peer, "SELECT INBOX");
        world.send(peer, format!("a {command}\r\n").as_bytes());
    }
    let mut count = 0;
    loop {
        let line = world.line(1);
        if line.starts_with("a OK") {
            break;
        }
        count += 1;
    }
    assert_eq!(count, 50_000);
    check(&world, 4);
    (2..=4).for_each(|peer| world.hang_up(peer));
    nothing_is_left(&world);
}
