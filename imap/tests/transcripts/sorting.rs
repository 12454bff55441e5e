//! RFC 5256 SORT, RFC 5957 SORT=DISPLAY, RFC 5267 ESORT, RFC 6203 RELEVANCY, RFC 5255 I18NLEVEL=1.

use crate::door::{self, World};

/// From, To, Cc, Subject, Date, and how many octets the body has.
type Letter = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    usize,
);

const LETTERS: [Letter; 5] = [
    (
        "\"Trần Zung\" <binh@x.vn>",
        "an@x.vn",
        "",
        "Re: Họp giao ban",
        "Thu, 05 Nov 2026 09:00:00 +0700",
        50,
    ),
    (
        "an@x.vn",
        "\"Lê\" <zoe@x.vn>",
        "c@x.vn",
        "họp giao ban",
        "Wed, 04 Nov 2026 23:00:00 -0500",
        10,
    ),
    ("Anh <chi@a.vn>", "", "b@x.vn", "", "not a date", 30),
    (
        "=?utf-8?q?=C4=90=E1=BB=97?= <dung@x.vn>",
        "\"an\" <binh@x.vn>",
        "",
        "[ds] Báo cáo (fwd)",
        "Tue, 03 Nov 2026 00:00:00 +0000",
        40,
    ),
    (
        "Anh <chi@a.vn>",
        "an@x.vn",
        "a@x.vn",
        "Áo dài",
        "Thu, 05 Nov 2026 02:00:00 +0000",
        20,
    ),
];

fn world() -> World {
    let mut world = World::new();
    world.login(1);
    for (day, (from, to, cc, subject, date, len)) in LETTERS.iter().enumerate() {
        let field = |name: &str, value: &str| match value {
            "" => String::new(),
            value => format!("{name}: {value}\r\n"),
        };
        let raw = format!(
            "{}{}{}{}Date: {date}\r\n\r\n{}\r\n",
            field("From", from),
            field("To", to),
            field("Cc", cc),
            field("Subject", subject),
            "x".repeat(*len + 200 * (5 - day)),
        );
        let arguments = format!("(\\Seen) \"{:02}-Nov-2026 01:00:00 +0000\"", 20 - day);
        world.append(1, "INBOX", &arguments, raw.as_bytes());
    }
    world.ask(1, "SELECT INBOX");
    world
}

/// Some of them, all, and all once more: what the first learnt of the headers serves the others.
fn check(world: &mut World, criteria: &str, expected: &str) {
    let even: Vec<_> = expected
        .split(' ')
        .filter(|n| ["2", "4"].contains(n))
        .collect();
    let rounds = [
        ("2,4", even.join(" ")),
        ("ALL", expected.into()),
        ("ALL", expected.into()),
    ];
    for (which, expected) in rounds {
        let lines = world.ask(1, &format!("SORT ({criteria}) UTF-8 {which}"));
        let sorted = [format!("* SORT {expected}"), "q OK SORT completed".into()];
        assert_eq!(lines, sorted, "{criteria} {which}");
    }
}

#[test]
fn what_came_and_went_since_the_last_sort_is_right() {
    let mut world = world();
    let sorted = |world: &mut World| world.ask(1, "UID SORT (SUBJECT) UTF-8 ALL").remove(0);
    assert_eq!(sorted(&mut world), "* SORT 3 5 4 1 2");
    world.ask(1, "STORE 5 +FLAGS.SILENT (\\Deleted)");
    world.ask(1, "EXPUNGE");
    world.append(1, "INBOX", "", b"Subject: ao\r\n\r\nx\r\n");
    world.ask(1, "NOOP");
    assert_eq!(sorted(&mut world), "* SORT 3 6 4 1 2");
    // Another mailbox has messages of its own behind the same UIDs.
    world.ask(1, "CREATE khac");
    world.append(1, "khac", "", b"Subject: b\r\n\r\nx\r\n");
    world.append(1, "khac", "", b"Subject: a\r\n\r\nx\r\n");
    world.ask(1, "SELECT khac");
    assert_eq!(sorted(&mut world), "* SORT 2 1");
}

#[test]
fn every_criterion() {
    let mut world = world();
    let table = [
        ("ARRIVAL", "5 4 3 2 1"),
        ("REVERSE ARRIVAL", "1 2 3 4 5"),
        ("SIZE", "5 4 3 2 1"),
        // In UTC: 1 and 5 are at 02:00 of the 5th, 2 at 04:00, 3 has none and takes its arrival.
        ("DATE", "4 1 5 2 3"),
        ("REVERSE DATE", "3 2 1 5 4"),
        // i;unicode-casemap: marks come after the letter, so `Á` is behind `A` and before `B`.
        ("SUBJECT", "3 5 4 1 2"),
        ("SUBJECT REVERSE DATE", "3 5 4 2 1"),
        ("REVERSE SUBJECT", "1 2 4 5 3"),
        // The local part of the first address.
        ("FROM", "2 1 3 5 4"),
        ("TO", "3 1 5 4 2"),
        ("CC", "1 4 5 3 2"),
        ("FROM REVERSE SIZE", "2 1 3 5 4"),
        ("CC SIZE", "4 1 5 3 2"),
        // RFC 5957: the name that is shown, else the address.
        ("DISPLAYFROM", "2 3 5 1 4"),
        ("DISPLAYTO", "3 4 1 5 2"),
        ("REVERSE DISPLAYTO", "2 1 5 4 3"),
    ];
    for (criteria, expected) in table {
        check(&mut world, criteria, expected);
    }
}

#[test]
fn results_are_sorted_and_returned_as_asked() {
    door::check(
        &mut world(),
        r#"C: a SORT (SUBJECT) UTF-8 TEXT "not in mailbox"
           S: * SORT
           S: a OK SORT completed
           C: b UID SORT (REVERSE DATE) US-ASCII 1:4 NOT UID 2
           S: * SORT 3 1 4
           S: b OK SORT completed
           C: c UID SORT RETURN () (DATE) UTF-8 ALL
           S: * ESEARCH (TAG "c") UID ALL 4,1,5,2:3
           S: c OK SORT completed
           C: d SORT RETURN (MIN MAX COUNT) (REVERSE DATE) UTF-8 ALL
           S: * ESEARCH (TAG "d") MIN 3 MAX 4 COUNT 5
           S: d OK …
           C: e SORT RETURN (MIN MAX COUNT ALL) (DATE) UTF-8 FLAGGED
           S: * ESEARCH (TAG "e") COUNT 0
           S: e OK …
           C: f SORT RETURN (PARTIAL 2:4) (DATE) UTF-8 ALL
           S: * ESEARCH (TAG "f") PARTIAL (2:4 1,5,2)
           S: f OK …
           C: g SORT RETURN (PARTIAL -1:-2 SAVE) (DATE) UTF-8 ALL
           S: * ESEARCH (TAG "g") PARTIAL (-1:-2 2:3)
           S: g OK …
           C: h SEARCH RETURN (ALL) $
           S: * ESEARCH (TAG "h") ALL 2:3
           S: h OK …
           C: i SORT RETURN (SAVE MIN) (DATE) UTF-8 ALL
           S: * ESEARCH (TAG "i") MIN 4
           S: i OK …
           C: j SORT (DATE) UTF-8 $
           S: * SORT 4
           S: j OK …
           C: k SORT RETURN (SAVE) (SUBJECT) UTF-8 2:3
           S: k OK …
           C: l FETCH $ UID
           S: * 2 FETCH (UID 2)
           S: * 3 FETCH (UID 3)
           S: l OK …
           C: m SORT RETURN (RELEVANCY ALL) (RELEVANCY) UTF-8 FUZZY SUBJECT "hop giao ban"
           S: * ESEARCH (TAG "m") ALL 1:2 RELEVANCY (80 80)
           S: m OK …
           C: n SORT RETURN (RELEVANCY PARTIAL 1:3) (RELEVANCY) UTF-8 FUZZY SUBJECT "áo"
           S: * ESEARCH (TAG "n") PARTIAL (1:3 4:5,1) RELEVANCY (100 100 80)
           S: n OK …
           C: o SORT RETURN (SAVE) (DATE) X-KLINGON ALL
           S: o NO [BADCHARSET …] …
           C: p FETCH $ UID
           S: p OK …
           C: q SORT (NOPE) UTF-8 ALL
           S: q BAD [CLIENTBUG] an unknown SORT criterion
           C: r SORT (DATE) ALL
           S: r …
           C: s UID EXPUNGE 1
           S: s OK …"#,
    );
}

#[test]
fn strings_are_read_in_the_charset_that_is_named() {
    let mut world = world();
    // "Họp" in windows-1258, in TCVN3 and in UTF-8; "Áo" in ISO-8859-1.
    let table: [(&str, &[u8], &str); 5] = [
        ("windows-1258", b"Ho\xf2p", "1 2"),
        ("TCVN", b"H\xe4p", "1 2"),
        ("UTF-8", "Họp".as_bytes(), "1 2"),
        ("iso-8859-1", b"\xc1o", "4 5"),
        ("US-ASCII", b"giao", "1 2"),
    ];
    for (charset, octets, expected) in table {
        let mut command = format!(
            "a SORT (ARRIVAL REVERSE DATE) {charset} SUBJECT {{{}+}}\r\n",
            octets.len()
        )
        .into_bytes();
        command.extend_from_slice(octets);
        command.extend_from_slice(b"\r\n");
        world.send(1, &command);
        let numbers: Vec<&str> = expected.split(' ').rev().collect();
        assert_eq!(
            world.line(1),
            format!("* SORT {}", numbers.join(" ")),
            "{charset}"
        );
        assert_eq!(world.line(1), "a OK SORT completed");
    }
}

/// RFC 7162 §3.1.6: the highest mod-sequence of what was found comes with it.
#[test]
fn mod_sequences_are_told_with_a_sorted_result() {
    let mut world = world();
    world.ask(1, "ENABLE CONDSTORE");
    world.ask(1, "STORE 2 +FLAGS.SILENT (\\Flagged)");
    door::check(
        &mut world,
        r#"C: a SORT (DATE) UTF-8 MODSEQ 1
           S: * SORT 4 1 5 2 3 (MODSEQ …)
           S: a OK …
           C: b SORT RETURN (MIN) (DATE) UTF-8 MODSEQ 1
           S: * ESEARCH (TAG "b") MIN 4 MODSEQ …
           S: b OK …
           C: c SORT RETURN () (DATE) UTF-8 MODSEQ 1
           S: * ESEARCH (TAG "c") ALL 4,1,5,2:3 MODSEQ …
           S: c OK …
           C: d SORT (DATE) UTF-8 MODSEQ 99999
           S: * SORT
           S: d OK …"#,
    );
    let number = |line: &str| {
        let digits: String = line.chars().filter(char::is_ascii_digit).collect();
        digits.parse::<u64>().unwrap()
    };
    let told = |world: &mut World, command: &str| {
        let line = world.ask(1, command).swap_remove(0);
        let at = line.find("MODSEQ").expect("a mod-sequence");
        number(&line[at..])
    };
    // The message that changed last has the highest; the first by date a lower one.
    let highest = told(&mut world, "SORT (DATE) UTF-8 MODSEQ 1");
    assert_eq!(told(&mut world, "SEARCH 2 MODSEQ 1"), highest);
    let first = told(&mut world, "SORT RETURN (MIN) (DATE) UTF-8 MODSEQ 1");
    assert_eq!(told(&mut world, "SEARCH 4 MODSEQ 1"), first);
    assert!(first < highest);
}
