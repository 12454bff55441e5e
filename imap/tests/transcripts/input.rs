//! Input that is wrong or too much, kind by kind: each is answered by BAD or NO with a code and a sentence, or,
//! where the peer can no longer be followed, by BYE; after it the session lives on, and nothing is half stored.

use crate::door::{END, World};
use imap::Settings;
use imap::wire::search::{DEPTH_MAX, KEYS_MAX, NEEDLE_MAX};
use imap::wire::sequence::RANGES_MAX;

const LETTER: &[u8] = b"From: a@b.vn\r\nSubject: x\r\n\r\nxin\r\n";

pub(crate) fn world() -> World {
    let mut world = World::new();
    world.login(1);
    world.append(1, "INBOX", "", LETTER);
    world.ask(1, "SELECT INBOX");
    world
}

/// Sends `q ` and this, and finds how it is answered; then the session must be as it was.
pub(crate) fn check(world: &mut World, octets: &[u8], expected: &str) {
    let shown = octets[..octets.len().min(60)].escape_ascii().to_string();
    world.send(1, &[b"q ", octets, b"\r\n"].concat());
    let answer = loop {
        let line = world.line(1);
        assert_ne!(line, END, "{shown}");
        if line.starts_with("q ") || line.starts_with("* BAD") {
            break line;
        }
    };
    assert!(answer.starts_with(expected), "{shown}: {answer}");
    let sentence = answer.rsplit(']').next().unwrap_or_default();
    let refused = expected.starts_with("q BAD [") || expected.starts_with("q NO [");
    assert!(
        !refused || sentence.trim().contains(' '),
        "{shown}: {answer}"
    );
    if octets.starts_with(b"SELECT") {
        // RFC 9051 §6.3.2: one that fails leaves nothing selected.
        world.ask(1, "SELECT INBOX");
    }
    assert_eq!(
        world.ask(1, "FETCH 1 UID")[0],
        "* 1 FETCH (UID 1)",
        "{shown}"
    );
}

pub(crate) fn many(piece: &str, count: usize) -> String {
    piece.repeat(count)
}

/// Octets that no string may hold, wherever a string may be.
#[test]
fn octets_that_are_no_text() {
    let w = &mut world();
    let bad = "q BAD [CLIENTBUG]";
    for octets in [
        &b"SELECT a\0b"[..],
        b"SELECT \"a\0b\"",
        b"SELECT {3+}\r\na\0b",
        b"SEARCH SUBJECT {1+}\r\n\0",
        b"SEARCH HEADER \0 x",
        b"ID (\"name\" \"\0\")",
        b"APPEND INBOX {3+}\r\na\0b",
        b"STORE 1 +FLAGS (a\0b)",
        b"SETACL INBOX {2+}\r\na\0 lr",
        b"SELECT \"\xc0\xaf\"",
        b"SELECT \"\xed\xa0\x80\"",
        b"SELECT \"\xf4\x90\x80\x80\"",
        b"SELECT \"\xff\"",
        b"SEARCH SUBJECT {2+}\r\n\xc0\xaf",
        b"SEARCH SUBJECT \"\xc3\"",
        b"STORE 1 +FLAGS (\xc3\xa1)",
        b"LOGIN \"\xc0\xaf\" x",
        b"SETACL INBOX {2+}\r\n\xc0\xaf lr",
        b"SETMETADATA INBOX ({2+}\r\n\xc0\xaf \"x\")",
        b"FETCH 1 BODY[HEADER.FIELDS ({2+}\r\n\xc0\xaf)]",
    ] {
        check(w, octets, bad);
    }
    for octets in [
        &b"SELECT {2+}\r\n\xc0\xaf"[..],
        b"SELECT \xc0\xaf",
        b"CREATE {3+}\r\n\xed\xa0\x80",
        b"APPEND {2+}\r\n\xc0\xaf {1+}\r\nx",
        b"STATUS {1+}\r\n\xff (MESSAGES)",
    ] {
        check(w, octets, "q NO [CANNOT]");
    }
    check(w, b"LIST \"\" {2+}\r\n\xc0\xaf", "q OK");
    // Without a tag there is nobody to name.
    w.send(1, b"\0 NOOP\r\n");
    assert!(w.line(1).starts_with("* BAD [CLIENTBUG] "));
    w.send(1, b"\xc3\xa1 NOOP\r\n");
    assert!(w.line(1).starts_with("* BAD [CLIENTBUG] "));
    check(w, b"NOOP", "q OK");
}

#[test]
fn mailbox_names_in_bad_utf_7() {
    let w = &mut world();
    for name in [
        "&bad",
        "\"&AGE-\"",
        "&U,BTFw",
        "&2D0-",
        "&AREA-",
        "\"&Jjo!\"",
        "&ARA-&AOM-",
        "a&",
        "&,-",
    ] {
        for command in [
            "SELECT",
            "CREATE",
            "DELETE",
            "SUBSCRIBE",
            "RENAME INBOX",
            "COPY 1",
            "GETACL",
            "GETQUOTAROOT",
        ] {
            check(w, format!("{command} {name}").as_bytes(), "q NO [CANNOT]");
        }
        check(
            w,
            format!("APPEND {name} {{1+}}\r\nx").as_bytes(),
            "q NO [CANNOT]",
        );
        check(
            w,
            format!("STATUS {name} (MESSAGES)").as_bytes(),
            "q NO [CANNOT]",
        );
        check(w, format!("LIST \"\" {name}").as_bytes(), "q OK");
    }
}

#[test]
fn i13_sets_without_end() {
    let w = &mut world();
    let set: Vec<String> = (1..=1_000_000u32).map(|n| n.to_string()).collect();
    let set = set.join(",");
    for command in [
        "FETCH # UID",
        "UID STORE # +FLAGS (\\Seen)",
        "SEARCH #",
        "UID COPY # Sent",
        "UID EXPUNGE #",
    ] {
        let command = command.replace('#', &set);
        check(w, command.as_bytes(), "q BAD [LIMIT] the line is too long");
    }
    let ranges = many("1,", RANGES_MAX) + "1";
    check(
        w,
        format!("UID FETCH {ranges} UID").as_bytes(),
        "q BAD [LIMIT]",
    );
    check(
        w,
        format!("UID FETCH {} UID", many("1,", RANGES_MAX - 1) + "1").as_bytes(),
        "q OK",
    );
    check(w, b"FETCH 1:4294967295 UID", "q BAD [CLIENTBUG]");
    check(w, b"UID FETCH 1:4294967295 UID", "q OK");
    for bad in [
        "0",
        "4294967296",
        "1:",
        ",1",
        "1,",
        "1:2:3",
        "-1",
        "1;2",
        "$1",
        "99999999999999999999",
    ] {
        check(
            w,
            format!("UID FETCH {bad} UID").as_bytes(),
            "q BAD [CLIENTBUG]",
        );
        check(
            w,
            format!("STORE {bad} +FLAGS (x)").as_bytes(),
            "q BAD [CLIENTBUG]",
        );
    }
}

#[test]
fn parts_that_are_not_there() {
    let w = &mut world();
    for item in [
        "BODY.PEEK[9]",
        "BODY.PEEK[1.1.1]",
        "BODY.PEEK[2.HEADER]",
        "BODY.PEEK[2.MIME]",
        "BODY.PEEK[4294967295]",
        "BINARY.PEEK[9]",
    ] {
        let told = w.ask(1, &format!("FETCH 1 {item}"));
        let label = item.replace(".PEEK", "");
        assert_eq!(told[0], format!("* 1 FETCH ({label} NIL)"));
        assert!(told[1].starts_with("q OK"));
    }
    check(w, b"FETCH 1 BINARY.SIZE[9]", "q OK");
    let deep = many("1.", 200) + "1";
    check(
        w,
        format!("FETCH 1 BODY.PEEK[{deep}]").as_bytes(),
        "q BAD [LIMIT]",
    );
    for bad in [
        "BODY[0]",
        "BODY[1.]",
        "BODY[MIME]",
        "BODY[1",
        "BODY[]<1>",
        "BODY[]<0.0>",
        "BODY[]<-1.2>",
        "BODY[4294967296]",
        "()",
    ] {
        check(w, format!("FETCH 1 {bad}").as_bytes(), "q BAD [CLIENTBUG]");
    }
    check(
        w,
        b"FETCH 1 BODY.PEEK[]<9223372036854775807.9223372036854775807>",
        "q OK",
    );
    let items = format!("FETCH 1 ({}UID)", many("UID ", 256));
    check(w, items.as_bytes(), "q BAD [LIMIT]");
    let fields = format!("FETCH 1 BODY.PEEK[HEADER.FIELDS ({}x)]", many("x ", 512));
    check(w, fields.as_bytes(), "q BAD [LIMIT]");
}

#[test]
fn i13_searches_nested_a_thousand_deep() {
    let w = &mut world();
    for begin in [
        "SEARCH",
        "UID SEARCH",
        "SEARCH RETURN (SAVE)",
        "SORT (DATE) UTF-8",
        "UID THREAD REFERENCES UTF-8",
        "ESEARCH IN (personal)",
    ] {
        let nested = [
            many("(", 1_000) + "ALL" + &many(")", 1_000),
            many("NOT ", 1_000) + "ALL",
            many("OR ALL ", 1_000) + "ALL",
            many("FUZZY ", 1_000) + "ALL",
            many("(", 1_000),
            many("OR (NOT ", 1_000),
        ];
        for keys in nested {
            check(w, format!("{begin} {keys}").as_bytes(), "q BAD [LIMIT]");
        }
        let keys = many("ALL ", KEYS_MAX) + "ALL";
        check(w, format!("{begin} {keys}").as_bytes(), "q BAD [LIMIT]");
        let needle = many("x", NEEDLE_MAX + 1);
        check(
            w,
            format!("{begin} SUBJECT {needle}").as_bytes(),
            "q BAD [LIMIT]",
        );
        check(w, format!("{begin} (ALL").as_bytes(), "q BAD [CLIENTBUG]");
    }
    let allowed = many("NOT ", DEPTH_MAX) + "ALL";
    check(w, format!("SEARCH {allowed}").as_bytes(), "q OK");
    let criteria = many("DATE ", 40);
    check(
        w,
        format!("SORT ({criteria}DATE) UTF-8 ALL").as_bytes(),
        "q BAD [LIMIT]",
    );
    let sources = many("a ", 300);
    check(
        w,
        format!("ESEARCH IN (mailboxes ({sources}a)) ALL").as_bytes(),
        "q BAD [LIMIT]",
    );
    check(w, b"SEARCH CHARSET X-NONE SUBJECT x", "q NO [BADCHARSET");
}

#[test]
fn nothing_is_appended_in_part() {
    let w = &mut world();
    let too_big = "q NO [TOOBIG] ";
    check(w, b"APPEND INBOX {0+}\r\n", "q NO [CANNOT]");
    check(w, b"APPEND INBOX {2147483648}", too_big);
    check(w, b"APPEND INBOX ~{2147483648}", too_big);
    check(w, b"APPEND INBOX {99999999999999999999}", too_big);
    check(w, b"REPLACE 1 INBOX {2147483648}", too_big);
    // RFC 3502: all messages or none.
    check(w, b"APPEND INBOX {4+}\r\na: b {0+}\r\n", "q NO [CANNOT]");
    check(w, b"APPEND INBOX {4+}\r\na: b {2147483648}", too_big);
    check(w, b"APPEND INBOX {4+}\r\na: b x", "q BAD [CLIENTBUG]");
    check(
        w,
        b"APPEND INBOX {4+}\r\na: b {1+}\r\n\0",
        "q BAD [CLIENTBUG]",
    );
    check(
        w,
        b"APPEND INBOX \"31-Feb-2026 00:00:00 +0700\" {4+}\r\na: b",
        "q BAD [CLIENTBUG]",
    );
    check(w, b"APPEND INBOX (\\Seen {4+}\r\na: b", "q BAD [CLIENTBUG]");
    check(w, b"APPEND INBOX", "q BAD [CLIENTBUG]");
    let flags = many("x ", 128);
    check(
        w,
        format!("APPEND INBOX ({flags}x) {{4+}}\r\na: b").as_bytes(),
        "q BAD [LIMIT]",
    );
    let urls = many(" URL /INBOX/;UID=1", 1_001);
    check(
        w,
        format!("APPEND INBOX CATENATE ({})", urls.trim()).as_bytes(),
        "q BAD [LIMIT]",
    );
    // RFC 3502: as many messages as are parsed, and more literals than are read at all.
    for count in [1_001, 1_025] {
        let messages = many(" {1+}\r\nx", count);
        check(
            w,
            format!("APPEND INBOX{messages}").as_bytes(),
            "q BAD [LIMIT] one APPEND takes at most 1000 messages",
        );
    }
    // What comes whether it is wanted or not ends the connection where it is too much to drop.
    w.login(2);
    w.send(2, b"a APPEND INBOX {2147483648+}\r\n");
    assert!(w.line(2).starts_with("* BYE [TOOBIG] "));
    assert_eq!(w.line(2), END);
    let told = w.ask(1, "STATUS INBOX (MESSAGES UIDNEXT)");
    assert_eq!(told[0], "* STATUS INBOX (MESSAGES 1 UIDNEXT 2)");
    assert_eq!(w.store.check().unwrap(), Vec::<String>::new());
}

/// Asks until a literal is let in: room is free again a moment after an answer, or once a session has seen that
/// its peer is gone.
fn let_in(world: &mut World, session: u32, command: &[u8]) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        world.send(session, command);
        let answer = world.line(session);
        if answer.starts_with("+ ") {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{answer}");
    }
}

/// The connection is cut while a large message comes in: nothing of it is kept, and its room is free again.
#[test]
fn a_message_cut_in_the_middle_leaves_nothing() {
    let mut world = World::with(Settings {
        memory_max: 80_000,
        ..Settings::default()
    });
    world.login(1);
    for cut in [0, 1, 30_000, 60_000] {
        world.login(2);
        let_in(&mut world, 2, b"a APPEND INBOX (\\Seen) {60000}\r\n");
        world.send(2, &vec![b'x'; cut]);
        world.hang_up(2);
        let_in(&mut world, 1, b"b APPEND Sent {60000}\r\n");
        world.send(1, &[&[b'y'; 60_000][..], b"\r\n"].concat());
        assert!(world.line(1).starts_with("b OK [APPENDUID "));
    }
    let told = world.ask(1, "STATUS INBOX (MESSAGES UIDNEXT)");
    assert_eq!(told[0], "* STATUS INBOX (MESSAGES 0 UIDNEXT 1)");
    assert_eq!(world.store.check().unwrap(), Vec::<String>::new());
}

#[test]
fn i13_before_login_less_is_taken() {
    let mut world = World::new();
    let mut number = 10;
    let mut fresh = |world: &mut World, octets: &[u8]| {
        number += 1;
        world.connect(number, true);
        world.send(number, octets);
        world.line(number)
    };
    for (octets, expected) in [
        (&b"a LOGIN {1025}\r\n"[..], "a BAD [LIMIT] "),
        (b"a LOGIN {8193}\r\n", "a BAD [LIMIT] "),
        (b"a LOGIN {18446744073709551616}\r\n", "a BAD [LIMIT] "),
        (b"a LOGIN {8193+}\r\n", "* BYE "),
        (b"a APPEND INBOX {1025}\r\n", "a BAD [LIMIT] "),
        (
            b"a LOGIN {1+}\r\nx {1+}\r\nx {1+}\r\nx {1+}\r\nx {1+}\r\n",
            "* BYE ",
        ),
        (b"a LOGIN x\0y z\r\n", "a BAD [CLIENTBUG] "),
        (b"a LOGIN \"x y\r\n", "a BAD [CLIENTBUG] "),
        (b"a LOGIN {1+}\r\n\0 y\r\n", "a BAD [CLIENTBUG] "),
        (b"a LOGIN \"\xc0\xaf\" y\r\n", "a BAD [CLIENTBUG] "),
        (b"a LOGIN x y\nb NOOP\r\n", "a BAD [CLIENTBUG] "),
        (b"a AUTHENTICATE X\r\n", "a NO [CANNOT] "),
        (b"a AUTHENTICATE PLAIN !\r\n", "a BAD [CLIENTBUG] "),
        (b"a SELECT INBOX\r\n", "a BAD [CLIENTBUG] "),
        (b"GET / HTTP/1.1\r\n", "GET BAD [CLIENTBUG] "),
        (
            b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n",
            "* BAD [CLIENTBUG] ",
        ),
    ] {
        let answer = fresh(&mut world, octets);
        assert!(
            answer.starts_with(expected),
            "{}: {answer}",
            octets.escape_ascii()
        );
    }
    let answer = fresh(&mut world, &[b'x'; 8_193]);
    assert_eq!(answer, "* BYE the line is too long");
    let many: Vec<u8> = b"a LOGIN "
        .iter()
        .copied()
        .chain([b'('; 8_000])
        .chain(*b"\r\n")
        .collect();
    assert!(fresh(&mut world, &many).starts_with("a BAD [CLIENTBUG] "));
    // SASL's lines have an end too.
    world.connect(1, true);
    world.send(1, b"a AUTHENTICATE PLAIN\r\n");
    assert_eq!(world.line(1), "+ ");
    world.send(1, &[b'A'; 8_200]);
    assert_eq!(world.line(1), "* BYE the line is too long");
}

/// A command that never ends, of many small pieces: only its tag is kept once it is refused.
#[test]
fn i13_commands_without_end() {
    let w = &mut world();
    let pieces = many(" {1+}\r\nx", 2_000);
    check(
        w,
        format!("SEARCH{pieces}").as_bytes(),
        "q BAD [LIMIT] too many literals",
    );
    let lists = many("(", 60_000);
    for command in [
        "FETCH 1 ",
        "LIST ",
        "STATUS INBOX ",
        "STORE 1 +FLAGS ",
        "NOTIFY SET ",
        "SETMETADATA INBOX ",
        "ID ",
    ] {
        check(
            w,
            format!("{command}{lists}").as_bytes(),
            "q BAD [CLIENTBUG]",
        );
    }
    for (command, piece, count) in [
        ("ID (", "\"a\" \"b\" ", 31),
        ("ENABLE", " X", 65),
        ("LIST \"\" (", "x ", 65),
        ("STATUS INBOX (", "MESSAGES ", 33),
        ("CANCELUPDATE", " \"x\"", 65),
        ("STORE 1 +FLAGS", " x", 129),
        ("GETMETADATA INBOX (", "/private/a ", 1_001),
        ("NOTIFY SET", " (selected NONE)", 65),
        ("NOTIFY SET (mailboxes (", "x ", 1_001),
    ] {
        let command = format!("{command}{}", many(piece, count));
        check(w, command.as_bytes(), "q BAD [LIMIT]");
    }
    let tag = many("t", 65);
    w.send(1, format!("{tag} NOOP\r\n").as_bytes());
    assert_eq!(w.line(1), "* BAD [LIMIT] the tag is too long");
    let name = many("x", 8_193);
    check(w, format!("SELECT {name}").as_bytes(), "q BAD [LIMIT]");
    check(
        w,
        format!("SELECT {{16385+}}\r\n{}", many("x", 16_385)).as_bytes(),
        "q BAD [LIMIT]",
    );
    check(
        w,
        format!("STORE 1 +FLAGS ({})", many("k", 1_000)).as_bytes(),
        "q BAD [LIMIT]",
    );
}
