//! RFC 3502, RFC 4469, RFC 6855, RFC 7888, RFC 7889, RFC 8508: messages that clients bring.

use crate::door::{World, check};
use directory::AccountKind;
use imap::Settings;

const MIXED: &[u8] = b"Subject: mixed\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
--x\r\nContent-Type: text/plain\r\n\r\nchu mot\r\n\
--x\r\nContent-Type: application/octet-stream\r\n\r\nchu hai\r\n--x--\r\n";

/// One message in INBOX, which is selected.
fn mixed() -> World {
    let mut world = World::new();
    world.login(1);
    world.append(1, "INBOX", "(\\Flagged)", MIXED);
    world.ask(1, "SELECT INBOX");
    world
}

#[test]
fn several_messages_or_none() {
    let mut world = World::new();
    check(
        &mut world,
        r#"C: a APPEND Drafts (\Seen) {3+}
           C: a:b (\Flagged) "17-Jul-1996 02:44:25 -0700" {3}
           S: + …
           C: c:d ~{3+}
           C: e:f
           S: a OK [APPENDUID … 1:3] APPEND completed
           C: b APPEND Drafts {3+}
           C: a:b {0+}
           C: 
           S: b NO [CANNOT] …
           C: c APPEND nope {3+}
           C: a:b {3+}
           C: c:d
           S: c NO [TRYCREATE] …
           C: c APPEND "Shared/nobody@tinh.gov.vn/INBOX" {3+}
           C: a:b
           S: c NO [NONEXISTENT] …
           C: d APPEND Drafts {3+}
           C: a:b {3+}
           C: c:d x
           S: d BAD …
           C: e STATUS Drafts (MESSAGES UIDNEXT)
           S: * STATUS "Drafts" (MESSAGES 3 UIDNEXT 4)
           S: e OK …
           C: f EXAMINE Drafts
           S: ⋮
           S: f OK …
           C: g FETCH 1:3 (FLAGS INTERNALDATE)
           S: * 1 FETCH (FLAGS (\Seen \Recent) INTERNALDATE "22-Nov-2026 00:00:00 +0000")
           S: * 2 FETCH (FLAGS (\Flagged \Recent) INTERNALDATE "17-Jul-1996 09:44:25 +0000")
           S: * 3 FETCH (FLAGS (\Recent) INTERNALDATE "22-Nov-2026 00:00:00 +0000")
           S: g OK …"#,
    );
    // Each fits the quota, both do not.
    let letter = vec![b'x'; 9 << 20];
    let mut octets = b"h APPEND Sent".to_vec();
    for _ in 0..2 {
        octets.extend_from_slice(format!(" {{{}+}}\r\n", letter.len()).as_bytes());
        octets.extend_from_slice(&letter);
    }
    octets.extend_from_slice(b"\r\n");
    world.send(1, &octets);
    let answer = world.line(1);
    assert!(answer.starts_with("h NO [OVERQUOTA]"), "{answer}");
    let told = world.ask(1, "STATUS Sent (MESSAGES)");
    assert_eq!(told[0], "* STATUS \"Sent\" (MESSAGES 0)");
    assert_eq!(world.store.check().unwrap(), Vec::<String>::new());
}

#[test]
fn pieces_are_put_together() {
    let mut world = mixed();
    check(
        &mut world,
        r#"C: a APPEND Drafts (\Seen \Draft) CATENATE (TEXT {10+}
           C: Subject: a URL "/;UID=1/;SECTION=1.MIME" URL /INBOX/;UID=1/;section=1 TEXT {3}
           S: + …
           C: xyz)
           S: a OK [APPENDUID … 1] APPEND completed
           C: b FETCH 1 FLAGS
           S: * 1 FETCH (FLAGS (\Flagged \Recent))
           S: b OK …
           C: c APPEND INBOX CATENATE (URL /INBOX/;UID=1) {3+}
           C: a:b
           S: * 3 EXISTS
           S: * 3 RECENT
           S: c OK [APPENDUID … 2:3] APPEND completed
           C: d FETCH 2 (RFC822.SIZE BODY.PEEK[2])
           S: * 2 FETCH (RFC822.SIZE 166 BODY[2] {7}
           S: chu hai)
           S: d OK …
           C: e APPEND INBOX CATENATE (URL "/;UID=1/;SECTION=HEADER.FIELDS%20(SUBJECT)/;PARTIAL=0.9" TEXT {1+}
           C: y)
           S: * 4 EXISTS
           S: * 4 RECENT
           S: e OK [APPENDUID … 4] …
           C: f FETCH 4 BODY.PEEK[]
           S: * 4 FETCH (BODY[] {10}
           S: Subject: y)
           S: f OK …
           C: g SELECT Drafts
           S: ⋮
           S: g OK …
           C: h FETCH 1 BODY.PEEK[]
           S: * 1 FETCH (BODY[] {48}
           S: Subject: aContent-Type: text/plain
           S: 
           S: chu motxyz)
           S: h OK …"#,
    );
}

#[test]
fn bad_urls_are_named() {
    let mut world = mixed();
    for url in [
        "/INBOX/;UID=2",
        "/;UID=2",
        "/Nope/;UID=1",
        "/INBOX;UIDVALIDITY=1/;UID=1",
        "/INBOX/;UID=1/;SECTION=9",
        "/INBOX/;UID=1/;SECTION=nope",
        "/INBOX",
        "imap://other/INBOX/;UID=1",
    ] {
        let told = world.ask(
            1,
            &format!("APPEND Drafts CATENATE (URL /;UID=1 URL \"{url}\")"),
        );
        let begin = format!("q NO [BADURL {url}] ");
        assert!(told[0].starts_with(&begin), "{told:?}");
    }
    check(
        &mut world,
        r#"C: a APPEND Drafts CATENATE (URL "/x]y")
           S: a NO [BADURL /x%5Dy] …
           C: b UNSELECT
           S: b OK …
           C: c APPEND Drafts CATENATE (URL /;UID=1)
           S: c NO [BADURL /;UID=1] …
           C: d APPEND Drafts CATENATE (URL "/inbox/;uid=1")
           S: d OK …
           C: e APPEND Drafts CATENATE (TEXT {0+}
           C: )
           S: e NO [CANNOT] …
           C: f STATUS Drafts (MESSAGES)
           S: * STATUS "Drafts" (MESSAGES 1)
           S: f OK …"#,
    );
}

#[test]
fn catenated_messages_have_a_limit() {
    let mut world = World::with(Settings {
        size_max: 400,
        ..Settings::default()
    });
    check(
        &mut world,
        &format!(
            "C: a APPEND INBOX {{300+}}
             C: {}
             S: a OK …
             C: b APPEND INBOX CATENATE (URL /INBOX/;UID=1 URL /INBOX/;UID=1)
             S: b NO [TOOBIG] …
             C: c APPEND INBOX {{401}}
             S: c NO [TOOBIG] …
             C: d STATUS INBOX (APPENDLIMIT MESSAGES)
             S: * STATUS INBOX (APPENDLIMIT 400 MESSAGES 1)
             S: d OK …",
            "x".repeat(300)
        ),
    );
}

/// I-13: what CATENATE reads and puts together takes room as literals do, and gives it back.
#[test]
fn i13_catenated_messages_take_room() {
    let mut world = World::with(Settings {
        memory_max: 24 * 1024,
        ..Settings::default()
    });
    check(
        &mut world,
        &format!(
            "C: a APPEND INBOX {{6000+}}
             C: {}
             S: a OK …
             C: b APPEND INBOX CATENATE (URL /INBOX/;UID=1 URL /INBOX/;UID=1 URL /INBOX/;UID=1)
             S: b NO [LIMIT] …
             C: c APPEND INBOX CATENATE (URL /INBOX/;UID=1 URL /INBOX/;UID=1)
             S: c OK …
             C: d APPEND INBOX CATENATE (URL /INBOX/;UID=1 URL /INBOX/;UID=1)
             S: d OK …
             C: e STATUS INBOX (MESSAGES SIZE)
             S: * STATUS INBOX (MESSAGES 3 SIZE 30000)
             S: e OK …",
            "x".repeat(6_000)
        ),
    );
}

/// I-13: uploads that stall hold one account's share of the room; the others do not notice.
#[test]
fn i13_stalled_uploads_hold_the_room_of_their_account_alone() {
    let mut world = World::with(Settings {
        size_max: 40_000,
        memory_max: 400_000,
        ..Settings::default()
    });
    world.account(crate::sharing::BINH, AccountKind::Person);
    let start = b"a APPEND INBOX {30000}\r\n";
    for number in 1..=3 {
        world.login(number);
        world.send(number, start);
        assert!(world.line(number).starts_with("+ "));
        world.send(number, &[b'x'; 29_000]);
    }
    world.login(4);
    world.send(4, start);
    assert!(world.line(4).starts_with("a NO [LIMIT] "));
    for number in 5..=7 {
        world.login_as(number, crate::sharing::BINH);
        world.send(number, start);
        assert!(world.line(number).starts_with("+ "), "{number}");
    }
    // What goes on at last is taken, and makes room for the next.
    world.send(1, &[&[b'x'; 1_000][..], b"\r\n"].concat());
    assert!(world.line(1).starts_with("a OK "));
    assert_eq!(world.ask(1, "NOOP"), ["q OK NOOP completed"]);
    world.send(4, start);
    assert!(world.line(4).starts_with("+ "));
}

#[test]
fn one_message_in_the_place_of_another() {
    let mut world = mixed();
    check(
        &mut world,
        r#"C: a REPLACE 1 INBOX (\Seen) {3}
           S: + …
           C: c:d
           S: * OK [APPENDUID … 2] …
           S: * 1 EXPUNGE
           S: * 1 EXISTS
           S: * 1 RECENT
           S: a OK REPLACE completed
           C: b UID REPLACE 2 Sent CATENATE (URL /;UID=2 TEXT {3+}
           C: 
           C: z)
           S: * OK [APPENDUID … 1] …
           S: * 1 EXPUNGE
           S: b OK REPLACE completed
           C: c STATUS Sent (MESSAGES SIZE)
           S: * STATUS "Sent" (MESSAGES 1 SIZE 6)
           S: c OK …
           C: d UID REPLACE 2 Sent {1+}
           C: x
           S: d NO [NONEXISTENT] …
           C: e REPLACE 1 Sent {1+}
           C: x
           S: e BAD [CLIENTBUG] there is no message of that number
           C: f EXAMINE Sent
           S: ⋮
           S: f OK …
           C: g REPLACE 1 Sent {1+}
           C: x
           S: g NO [READ-ONLY] …
           C: h SELECT Sent
           S: ⋮
           S: h OK …
           C: i REPLACE 1 nope {1+}
           C: x
           S: i NO [TRYCREATE] …
           C: j REPLACE 1 Sent {0+}
           C: 
           S: j NO [CANNOT] …
           C: k REPLACE 1 Sent {1+}
           C: x {1+}
           C: y
           S: k BAD …
           C: l FETCH 1 UID
           S: * 1 FETCH (UID 1)
           S: l OK …
           C: m UNSELECT
           S: m OK …
           C: n REPLACE 1 Sent {1+}
           C: x
           S: n BAD [CLIENTBUG] no mailbox is selected"#,
    );
    assert_eq!(world.store.check().unwrap(), Vec::<String>::new());
}

#[test]
fn replacing_needs_room_for_the_difference_only() {
    let mut world = World::new();
    world.login(1);
    let letter = vec![b'x'; 9 << 20];
    world.append(1, "Drafts", "", &letter);
    world.ask(1, "SELECT Drafts");
    let mut octets = format!("a REPLACE 1 Drafts {{{}+}}\r\n", letter.len()).into_bytes();
    octets.extend_from_slice(b"y");
    octets.extend_from_slice(&letter[1..]);
    octets.extend_from_slice(b"\r\n");
    world.send(1, &octets);
    assert!(world.line(1).starts_with("* OK [APPENDUID "));
    while !world.line(1).starts_with("a OK") {}
    // Gone meanwhile: nothing is added.
    world.login(2);
    world.ask(2, "SELECT Drafts");
    world.ask(1, "STORE 1 +FLAGS.SILENT (\\Deleted)");
    world.ask(1, "EXPUNGE");
    check(
        &mut world,
        "C2: b REPLACE 1 Drafts {1+}
         C2: x
         S2: * 1 EXPUNGE
         S2: b NO [EXPUNGEISSUED] …
         C: c STATUS Drafts (MESSAGES)
         S: * STATUS \"Drafts\" (MESSAGES 0)
         S: c OK …",
    );
}

/// Python's imaplib puts `UTF8 (` and `)` into the literal instead of around it.
#[test]
fn what_imaplib_puts_around_a_message_is_taken_off() {
    let mut world = World::with(Settings::default());
    check(
        &mut world,
        r#"C: a APPEND INBOX {22+}
           C: UTF8 (Subject: x
           C:
           C: y)
           S: a OK …
           C: b ENABLE UTF8=ACCEPT
           S: * ENABLED UTF8=ACCEPT
           S: b OK …
           C: c APPEND INBOX {30+}
           C: UTF8 (Subject: nháp
           C:
           C: đây)
           S: c OK …
           C: d APPEND INBOX {7+}
           C: UTF8 ()
           S: d NO [CANNOT] There is no message
           C: e APPEND INBOX {15+}
           C: UTF8 (A: x
           C:
           C: y
           S: e OK …
           C: f SELECT INBOX
           S: ⋮
           S: f OK …
           C: g FETCH 1:3 (RFC822.SIZE BODY.PEEK[HEADER.FIELDS (Subject)])
           S: * 1 FETCH (RFC822.SIZE 22 BODY[HEADER.FIELDS (Subject)] {2}
           S:
           S: )
           S: * 2 FETCH (RFC822.SIZE 23 BODY[HEADER.FIELDS (Subject)] {18}
           S: Subject: nháp
           S:
           S: )
           S: * 3 FETCH (RFC822.SIZE 15 BODY[HEADER.FIELDS (Subject)] {2}
           S:
           S: )
           S: g OK …"#,
    );
}

#[test]
fn utf8_is_for_those_who_asked() {
    let mut world = World::with(Settings::default());
    check(
        &mut world,
        r#"C: a CREATE "Công văn"
           S: a OK …
           C: b LIST "" C*
           S: * LIST (\HasNoChildren) "/" "C&APQ-ng v&AQM-n"
           S: b OK …
           C: c APPEND INBOX {12+}
           C: Subject: ố
           S: c NO [CANNOT] …
           C: d APPEND INBOX UTF8 (~{12+}
           C: Subject: ố)
           S: d NO [CANNOT] …
           C: e APPEND INBOX {14+}
           C: a: b
           C: 
           C: Việc
           S: e OK …
           C: f ENABLE UTF8=ACCEPT
           S: * ENABLED UTF8=ACCEPT
           S: f OK …
           C: g APPEND INBOX UTF8 (~{12+}
           C: Subject: ố)
           S: g OK [APPENDUID … 2] …
           C: h LIST "" "Công*"
           S: * LIST (\HasNoChildren) "/" "Công văn"
           S: h OK …
           C: i STATUS "Công văn" (MESSAGES)
           S: * STATUS "Công văn" (MESSAGES 0)
           S: i OK …
           C: j SELECT INBOX
           S: ⋮
           S: j OK …
           C: k FETCH 2 ENVELOPE
           S: * 2 FETCH (ENVELOPE (NIL "ố" NIL NIL NIL NIL NIL NIL NIL NIL))
           S: k OK …
           C: l SEARCH SUBJECT "ố"
           S: * SEARCH 2
           S: l OK …
           C2: a SELECT INBOX
           S2: ⋮
           S2: a OK …
           C2: b FETCH 2 ENVELOPE
           S2: * 2 FETCH (ENVELOPE (NIL "=?utf-8?…?=" NIL NIL NIL NIL NIL NIL NIL NIL))
           S2: b OK …"#,
    );
}

#[test]
fn what_is_not_utf8_is_refused() {
    let mut world = World::new();
    world.login(1);
    // Not UTF-8, or not the shortest form of it.
    for name in [
        &b"\xc3\x28"[..],
        b"\xc0\xaf",
        b"\xe1\x80",
        b"\xff",
        b"\xed\xa0\x80",
    ] {
        let mut octets = b"m CREATE \"".to_vec();
        octets.extend_from_slice(name);
        octets.extend_from_slice(b"\"\r\n");
        world.send(1, &octets);
        assert_eq!(world.line(1), "m BAD [CLIENTBUG] a quoted string is UTF-8");
        let mut octets = format!("n CREATE {{{}+}}\r\n", name.len()).into_bytes();
        octets.extend_from_slice(name);
        octets.extend_from_slice(b"\r\n");
        world.send(1, &octets);
        assert!(world.line(1).starts_with("n NO [CANNOT]"));
    }
    // For moving in from an old server.
    world.append(1, "INBOX", "", b"Subject: \xd4\r\n\r\nx");
}

#[test]
fn what_cannot_be_taken_is_refused_in_time() {
    check(
        &mut World::new(),
        "C: a APPEND INBOX {2147483648}
         S: a NO [TOOBIG] …
         C: b APPEND INBOX (\\Seen) \"17-Jul-1996 02:44:25 -0700\" {18446744073709551616}
         S: b NO [TOOBIG] …
         C: c REPLACE 1 INBOX {52428801}
         S: c NO [TOOBIG] …
         C: d UID REPLACE 1 INBOX {52428801}
         S: d NO [TOOBIG] …
         C: e SEARCH TEXT {52428}
         S: e BAD [LIMIT] the literal is too large
         C2: a APPEND INBOX {2147483648+}
         S2: * BYE [TOOBIG] …
         S2: (end)",
    );
}

#[test]
fn half_a_message_is_none() {
    let mut world = World::new();
    for half in [
        &b"a APPEND INBOX {100000+}\r\nSubject: x"[..],
        b"a APPEND INBOX {3+}\r\na:b {100000+}\r\nSubject: x",
        b"a APPEND INBOX {3+}\r\na:b",
        b"a APPEND INBOX CATENATE (TEXT {3+}\r\na:b",
    ] {
        world.login(1);
        world.send(1, half);
        world.hang_up(1);
    }
    world.login(2);
    let told = world.ask(2, "STATUS INBOX (MESSAGES UIDNEXT)");
    assert_eq!(told[0], "* STATUS INBOX (MESSAGES 0 UIDNEXT 1)");
    assert_eq!(world.store.check().unwrap(), Vec::<String>::new());
}
