//! RFC 5256 THREAD=ORDEREDSUBJECT and THREAD=REFERENCES, draft-ietf-morg-inthread THREAD=REFS.

use crate::door::{self, World};

/// Message-ID, References (or In-Reply-To with a `!`), Subject, and the day of the Date field.
fn world(letters: &[(&str, &str, &str, u32)]) -> World {
    let mut world = World::new();
    world.login(1);
    for (at, (id, above, subject, day)) in letters.iter().enumerate() {
        let mut raw = format!("Subject: {subject}\r\nDate: {day} Nov 2026 00:00:00 +0000\r\n");
        if !id.is_empty() {
            raw.push_str(&format!("Message-ID: <{id}>\r\n"));
        }
        let ids = |above: &str| {
            above
                .split(' ')
                .map(|id| format!("<{id}>"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        match above.strip_prefix('!') {
            _ if above.is_empty() => {}
            Some(above) => raw.push_str(&format!("In-Reply-To: {} of yesterday\r\n", ids(above))),
            None => raw.push_str(&format!("References: {}\r\n", ids(above))),
        }
        raw.push_str("\r\nx\r\n");
        // The last to arrive has the lowest number, so that arrival is not the order of the mailbox.
        let arguments = format!("() \"{:02}-Dec-2026 00:00:00 +0000\"", 28 - at);
        world.append(1, "INBOX", &arguments, raw.as_bytes());
    }
    world.ask(1, "SELECT INBOX");
    world
}

fn check(letters: &[(&str, &str, &str, u32)], algorithm: &str, expected: &str) {
    let space = if expected.is_empty() { "" } else { " " };
    let threads = [
        format!("* THREAD{space}{expected}"),
        "q OK THREAD completed".into(),
    ];
    let mut world = world(letters);
    // The second knows the headers from the first.
    for _ in 0..2 {
        let lines = world.ask(1, &format!("THREAD {algorithm} UTF-8 ALL"));
        assert_eq!(lines, threads, "{algorithm} {letters:?}");
    }
}

#[test]
fn subjects_make_threads_without_grandchildren() {
    let letters = [
        ("a", "", "Họp", 5),
        ("b", "", "khác", 2),
        ("c", "a", "Re: HỌP", 4),
        ("d", "c", "[ds] Re: họp (fwd)", 6),
        ("e", "", "Fwd: Khác", 9),
        ("f", "", "lẻ", 3),
    ];
    check(&letters, "ORDEREDSUBJECT", "(2 5)(6)(3 (1)(4))");
    check(&[], "ORDEREDSUBJECT", "");
}

#[test]
fn references_make_threads() {
    // A reply, a reply to that, and another; one that only In-Reply-To knows.
    let letters = [
        ("a", "", "one", 1),
        ("b", "a", "Re: one", 2),
        ("c", "a b", "Re: one", 4),
        ("d", "!a", "Re: one", 3),
        ("e", "", "two", 5),
    ];
    check(&letters, "REFERENCES", "(1 (2 3)(4))(5)");
    check(&letters, "REFS", "(5)(1 (2 3)(4))");
    // Children before their parents, and a chain through messages that are not there.
    let letters = [
        ("c", "x a b", "c", 3),
        ("b", "x a", "b", 2),
        ("a", "x", "a", 1),
        ("y", "z w", "y", 4),
    ];
    check(&letters, "REFERENCES", "(3 2 1)(4)");
    // Two children of a message that is not there stay together, without it.
    let letters = [("a", "x", "a", 2), ("b", "x", "b", 1), ("c", "b", "c", 3)];
    check(&letters, "REFERENCES", "((2 3)(1))");
    // The same under one that is nobody's child either.
    let letters = [
        ("a", "r x", "a", 2),
        ("b", "r x", "b", 1),
        ("c", "", "c", 3),
    ];
    check(&letters, "REFS", "(3)((2)(1))");
}

#[test]
fn broken_identifiers_do_no_harm() {
    // No loops; a message that refers to itself; an identifier that comes twice; none at all.
    let letters = [("a", "b", "a", 1), ("b", "a", "b", 2)];
    check(&letters, "REFERENCES", "(2 1)");
    check(&[("a", "a", "a", 1)], "REFERENCES", "(1)");
    let letters = [
        ("a", "", "a", 1),
        ("a", "", "b", 2),
        ("c", "a", "c", 3),
        ("", "a", "d", 4),
    ];
    check(&letters, "REFERENCES", "(1 (3)(4))(2)");
    // RFC 5256 §3: quotes that an identifier does not need do not count.
    let letters = [("\"01KF8\"@x", "", "a", 1), ("b", "01KF8@x", "b", 2)];
    check(&letters, "REFERENCES", "(1 2)");
    // A later truncated References does not undo what stands; the message's own does.
    let letters = [
        ("a", "", "a", 1),
        ("b", "a", "b", 2),
        ("c", "a b", "c", 3),
        ("d", "b c", "d", 4),
        ("e", "a c", "e", 5),
    ];
    check(&letters, "REFERENCES", "(1 2 3 (4)(5))");
}

#[test]
fn subjects_join_threads() {
    // A reply without references goes below the message it answers.
    check(
        &[("a", "", "x", 1), ("b", "", "Re: x", 2)],
        "REFERENCES",
        "(1 2)",
    );
    check(
        &[("b", "", "Re: x", 1), ("a", "", "x", 2)],
        "REFERENCES",
        "(2 1)",
    );
    // Two of the same kind hang below one that is not there.
    check(
        &[("a", "", "x", 1), ("b", "", "x", 2)],
        "REFERENCES",
        "((1)(2))",
    );
    check(
        &[("a", "", "Re: x", 2), ("b", "", "Re: x", 1)],
        "REFERENCES",
        "((2)(1))",
    );
    // More join it.
    let letters = [("a", "", "x", 2), ("b", "", "X", 3), ("c", "", "Re: x", 1)];
    check(&letters, "REFERENCES", "((1 3)(2))");
    // Two that are not there become one.
    let letters = [
        ("a", "p", "x", 1),
        ("b", "p", "Re: x", 2),
        ("c", "q", "x", 3),
        ("d", "q", "Re: x", 4),
        ("e", "", "Re: x", 5),
        ("f", "", "", 6),
        ("g", "", "", 7),
    ];
    check(&letters, "REFERENCES", "((1)(2)(3)(4)(5))(6)(7)");
    check(&letters, "REFS", "(7)(6)(5)((3)(4))((1)(2))");
}

#[test]
fn only_what_matches_is_threaded() {
    let letters = [
        ("a", "", "one", 1),
        ("b", "a", "Re: one", 2),
        ("c", "a b", "Re: one", 3),
        ("d", "a", "Re: one", 4),
    ];
    door::check(
        &mut world(&letters),
        r#"C: a UID THREAD REFERENCES UTF-8 NOT UID 1
           S: * THREAD ((2 3)(4))
           S: a OK THREAD completed
           C: b THREAD REFERENCES US-ASCII TEXT "gewp"
           S: * THREAD
           S: b OK THREAD completed
           C: c THREAD NOPE UTF-8 ALL
           S: c BAD [CLIENTBUG] an unknown THREAD algorithm
           C: d THREAD REFS X-KLINGON ALL
           S: d NO [BADCHARSET …] …
           C: e STORE 1 +FLAGS.SILENT (\Deleted)
           S: e OK …
           C: f EXPUNGE
           S: * 1 EXPUNGE
           S: f OK …
           C: g THREAD REFS UTF-8 ALL
           S: * THREAD ((1 2)(3))
           S: g OK …
           C: h UID THREAD REFS UTF-8 3
           S: * THREAD (4)
           S: h OK …"#,
    );
}
