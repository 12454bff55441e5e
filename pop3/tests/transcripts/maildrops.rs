use crate::door::*;
use std::fmt::Write as _;

const ONE: &[u8] = b"Subject: one\r\n\r\nfirst\r\n.\r\n..second\r\nthird\r\n";
const TWO: &[u8] = b"Subject: two\r\n\r\nx\r\n";

/// RFC 1939 §11: sizes are those of what is sent; so they are the next time, and of what came meanwhile.
#[test]
fn sizes_are_told_as_they_are_sent() {
    let mut world = World::new();
    world.put(&[b"Subject: a\n\nx\n", TWO, b"Subject: b\r\n\r\nno end"]);
    check(
        &mut world,
        "L: in
         C: LIST
         S: +OK 3 messages (58 octets)
         S: 1 17
         S: 2 19
         S: 3 22
         S: .
         C: RETR 1
         S: +OK 17 octets
         S: Subject: a
         S: 
         S: x
         S: .
         C: RETR 3
         S: +OK 22 octets
         S: Subject: b
         S: 
         S: no end
         S: .
         C: DELE 2
         S: +OK Marked as deleted
         C: STAT
         S: +OK 2 39
         C: QUIT
         S: +OK …",
    );
    world.put(&[b"\n"]);
    for _ in 0..2 {
        check(
            &mut world,
            "L: in
             C: LIST
             S: +OK 3 messages (41 octets)
             S: 1 17
             S: 2 22
             S: 3 2
             S: .
             C: QUIT
             S: +OK …",
        );
    }
}

#[test]
fn a_maildrop_is_listed_read_and_emptied() {
    let mut world = World::new();
    world.put(&[ONE, TWO, TWO]);
    check(
        &mut world,
        "L: in
         C: STAT
         S: +OK 3 81
         C: LIST
         S: +OK 3 messages (81 octets)
         S: 1 43
         S: 2 19
         S: 3 19
         S: .
         C: LIST 2
         S: +OK 2 19
         C: LIST 4
         S: -ERR No such message
         C: LIST 0
         S: -ERR No such message
         C: RETR 1
         S: +OK 43 octets
         S: Subject: one
         S: 
         S: first
         S: ..
         S: ...second
         S: third
         S: .
         C: DELE 2
         S: +OK Marked as deleted
         C: DELE 2
         S: -ERR No such message
         C: RETR 2
         S: -ERR No such message
         C: TOP 2 1
         S: -ERR No such message
         C: UIDL 2
         S: -ERR No such message
         C: STAT
         S: +OK 2 62
         C: LIST
         S: +OK 2 messages (62 octets)
         S: 1 43
         S: 3 19
         S: .
         C: RSET
         S: +OK Nothing is marked
         C: STAT
         S: +OK 3 81
         C: NOOP
         S: +OK Nothing done
         C: DELE 1
         S: +OK Marked as deleted
         C: DELE 3
         S: +OK Marked as deleted
         C: QUIT
         S: +OK Goodbye
         S: (end)
         L2: again
         C2: STAT
         S2: +OK 1 19",
    );
    assert_eq!(world.count(), 1);
    assert!(world.store.check().unwrap().is_empty());
}

#[test]
fn top_gives_the_header_and_some_lines() {
    let mut world = World::new();
    world.put(&[ONE, b"Only: header"]);
    check(
        &mut world,
        "L: in
         C: TOP 1 0
         S: +OK 43 octets
         S: Subject: one
         S: 
         S: .
         C: TOP 1 2
         S: +OK 43 octets
         S: Subject: one
         S: 
         S: first
         S: ..
         S: .
         C: TOP 1 4000000000
         S: +OK 43 octets
         S: Subject: one
         S: 
         S: first
         S: ..
         S: ...second
         S: third
         S: .
         C: TOP 2 5
         S: +OK 14 octets
         S: Only: header
         S: .
         C: TOP 1
         S: -ERR The arguments do not fit the command",
    );
}

#[test]
fn i03_unique_ids_stay_the_same() {
    let mut world = World::new();
    world.put(&[ONE, TWO, TWO]);
    world.login(1);
    let first = world.lines(1, "UIDL");
    assert_eq!(first.len(), 3);
    assert_eq!(world.ask(1, "UIDL 3"), format!("+OK {}", first[2]));
    assert_eq!(world.ask(1, "DELE 1"), "+OK Marked as deleted");
    assert_eq!(world.lines(1, "UIDL"), first[1..]);
    assert_eq!(world.ask(1, "QUIT"), "+OK Goodbye");
    world.put(&[ONE]);
    world.login(2);
    let later = world.lines(2, "UIDL");
    let ids = |lines: &[String]| -> Vec<String> {
        let id = |line: &String| line.split_once(' ').unwrap().1.to_owned();
        lines.iter().map(id).collect()
    };
    assert_eq!(ids(&later)[..2], ids(&first)[1..]);
    assert!(!ids(&first).contains(&ids(&later)[2]), "never given twice");
    for id in ids(&later) {
        let fits = (1..=70).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
        assert!(fits, "RFC 1939 §7: {id}");
    }
}

#[test]
fn a_connection_that_is_cut_removes_nothing() {
    let mut world = World::new();
    world.put(&[ONE, TWO]);
    world.login(1);
    assert_eq!(world.ask(1, "DELE 1"), "+OK Marked as deleted");
    world.cut(1);
    assert_eq!(world.count(), 2);
}

#[test]
fn the_maildrop_is_as_at_sign_in() {
    let mut world = World::new();
    world.put(&[ONE, TWO]);
    world.login(1);
    world.put(&[TWO]);
    assert_eq!(world.ask(1, "STAT"), "+OK 2 62");
    // Somebody removes the first message over IMAP meanwhile.
    let store = world.store.account(world.account);
    let inbox = store.by_role(storage::Role::Inbox).unwrap().unwrap().id;
    let mut writer = store.write().unwrap();
    let first = writer.at(inbox, storage::Uid::FIRST).unwrap().email;
    writer.expunge(first, inbox).unwrap();
    writer.commit().unwrap();
    assert_eq!(world.ask(1, "STAT"), "+OK 2 62");
    let gone = "-ERR The message is gone: somebody else removed it";
    assert_eq!(world.ask(1, "RETR 1"), gone);
    assert_eq!(world.ask(1, "DELE 1"), "+OK Marked as deleted");
    assert_eq!(world.ask(1, "DELE 2"), "+OK Marked as deleted");
    assert_eq!(world.ask(1, "QUIT"), "+OK Goodbye");
    assert_eq!(world.count(), 1);
}

#[test]
fn i12_octets_come_as_they_are_stored() {
    let mut world = World::new();
    let mut raw = b"Subject: big\r\n\r\n".to_vec();
    let mut n = 0_u32;
    while raw.len() < 300_000 {
        n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let line = vec![(n >> 24) as u8 | 0x80; (n >> 20) as usize % 90];
        if n.is_multiple_of(3) {
            raw.push(b'.');
        }
        raw.extend(line);
        raw.extend_from_slice(b"\r\n");
    }
    world.put(&[&raw]);
    world.login(1);
    assert_eq!(world.ask(1, "RETR 1"), format!("+OK {} octets", raw.len()));
    let mut got = Vec::new();
    let mut rest = &raw[..];
    while let Some(end) = rest.iter().position(|b| *b == b'\n') {
        let (line, after) = rest.split_at(end + 1);
        let stuffed = usize::from(line[0] == b'.');
        let mut octets = world.octets(1, line.len() + stuffed);
        got.extend(octets.drain(stuffed..));
        rest = after;
    }
    assert!(got == raw, "the octets differ");
    assert_eq!(world.line(1), ".");
    assert_eq!(world.ask(1, "NOOP"), "+OK Nothing done");
}

#[test]
fn headers_beyond_ascii_need_utf8() {
    let mut world = World::new();
    let raw = "From: Nguyễn An <an@x.vn>\r\nSubject: Họp\r\n\r\nThân thư\r\n";
    world.put(&[raw.as_bytes()]);
    check(
        &mut world,
        "L: in
         C: UTF8
         S: -ERR Signed in already
         C: RETR 1
         S: +OK 59 octets
         S: From: =?utf-8?B?Tmd1eeG7hW4gQW4=?= <an@x.vn>
         S: Subject: =?utf-8?B?SOG7jXA=?=
         S: 
         S: Thân thư
         S: .
         C: QUIT
         S: +OK Goodbye
         C2: UTF8
         S2: +OK UTF-8 is on
         C2: USER an
         S2: +OK Now the password
         C2: PASS Mật khẩu 2026
         S2: +OK 1 messages (59 octets)
         C2: TOP 1 0
         S2: +OK 59 octets
         S2: From: Nguyễn An <an@x.vn>
         S2: Subject: Họp
         S2: 
         S2: .
         T3: clear
         C3: UTF8
         S3: +OK UTF-8 is on
         C3: STLS
         S3: -ERR STLS comes before UTF8",
    );
}

#[test]
fn commands_sent_ahead_are_answered_in_order() {
    let mut world = World::new();
    world.put(&[TWO, TWO]);
    world.connect(1, true);
    let ahead = format!(
        "USER {USER}\r\nPASS {PASSWORD}\r\nSTAT\r\nLIST\r\nUIDL 9\r\nRETR 1\r\nDELE 1\r\nRETR 1\r\nQUIT\r\nSTAT\r\n"
    );
    world.send(1, ahead.as_bytes());
    check(
        &mut world,
        "S: +OK Now the password
         S: +OK 2 messages (38 octets)
         S: +OK 2 38
         S: +OK 2 messages (38 octets)
         S: 1 19
         S: 2 19
         S: .
         S: -ERR No such message
         S: +OK 19 octets
         S: Subject: two
         S: 
         S: x
         S: .
         S: +OK Marked as deleted
         S: -ERR No such message
         S: +OK Goodbye
         S: (end)",
    );
    assert_eq!(world.count(), 1);
}

#[test]
fn many_messages_are_listed_in_pieces_and_removed_at_once() {
    let mut world = World::new();
    let many: Vec<&[u8]> = vec![TWO; 6_000];
    world.put(&many);
    let before = world.store.account(world.account).modseq().unwrap().raw();
    world.login(1);
    let ids = world.lines(1, "UIDL");
    assert_eq!(ids.len(), many.len());
    assert!(ids[5_999].starts_with("6000 "));
    assert_eq!(world.lines(1, "LIST")[5_999], "6000 19");
    let mut ahead = String::new();
    for number in 1..=5_999 {
        let _ = write!(ahead, "DELE {number}\r\n");
    }
    for piece in ahead.as_bytes().chunks(4_000) {
        world.send(1, piece);
        for _ in piece.iter().filter(|b| **b == b'\n') {
            assert_eq!(world.line(1), "+OK Marked as deleted");
        }
    }
    assert_eq!(world.ask(1, "STAT"), "+OK 1 19");
    assert_eq!(world.ask(1, "QUIT"), "+OK Goodbye");
    assert_eq!(world.count(), 1);
    let after = world.store.account(world.account).modseq().unwrap().raw();
    assert_eq!(after, before + 1, "one commit");
}

#[test]
fn a_damaged_message_is_refused_and_the_others_are_read() {
    let mut world = World::new();
    world.put(&[ONE]);
    world.put(&[TWO]);
    world.rot_last();
    world.put(&[b"Subject: three\r\n\r\ny\r\n"]);
    check(
        &mut world,
        "L: in
         C: STAT
         S: +OK 3 83
         C: RETR 2
         S: -ERR [SYS/PERM] …
         C: TOP 2 0
         S: -ERR [SYS/PERM] …
         C: RETR 3
         S: +OK 21 octets
         S: Subject: three
         S: 
         S: y
         S: .
         C: UIDL 2
         S: +OK 2 …
         C: DELE 2
         S: +OK Marked as deleted
         C: QUIT
         S: +OK Goodbye
         S: (end)",
    );
    assert_eq!(world.count(), 2);
}

/// A large message goes out in pieces that are read anew, whatever becomes of it meanwhile; dots at the borders too.
#[test]
fn a_large_message_is_read_to_its_end_though_it_is_removed() {
    let mut world = World::new();
    let header = "Subject: large\r\n\r\n";
    let lines = (0..160_000).map(|number| format!(".{number:>17}\r\n"));
    let body: String = lines.collect();
    let letter = format!("{header}{body}").into_bytes();
    world.put(&[&letter]);
    check(&mut world, "L: in");
    world.send(1, b"RETR 1\r\n");
    assert_eq!(world.line(1), format!("+OK {} octets", letter.len()));
    let mail = world.store.account(world.account);
    let inbox = mail.by_role(storage::Role::Inbox).unwrap().unwrap().id;
    let state = mail.at(inbox, storage::Uid::FIRST).unwrap();
    let mut writer = mail.write().unwrap();
    writer.expunge(state.email, inbox).unwrap();
    writer.commit().unwrap();
    let expected = format!("{header}{}.\r\n", body.replace('.', ".."));
    let told = world.octets(1, expected.len());
    assert!(told == expected.into_bytes());
    assert_eq!(world.ask(1, "STAT"), format!("+OK 1 {}", letter.len()));
}

/// What comes behind QUIT is read and dropped: closing on it would reset the connection, and the answer could be lost.
/// The maildrop is free meanwhile.
#[test]
fn what_comes_behind_the_goodbye_is_dropped() {
    let mut world = World::new();
    world.login(1);
    let mut octets = b"QUIT\r\n".to_vec();
    octets.resize(200_000, b'x');
    world.send_all(1, &octets);
    assert_eq!(world.line(1), "+OK Goodbye");
    assert_eq!(world.line(1), END);
    assert!(world.login(2).starts_with("+OK"));
}
