//! RFC 9051 §6.4.4, RFC 4731, RFC 5182: every key, every return option.

use crate::door::{self, World};

fn world() -> World {
    let mut world = World::new();
    world.login(1);
    let letters: [(&str, &str); 4] = [
        (
            "(\\Seen viec) \"01-Nov-2026 20:00:00 +0000\" ",
            "From: =?utf-8?q?Nguy=E1=BB=85n?= An <an@tinh.gov.vn>\r\nTo: b@x.vn\r\nSubject: =?utf-8?q?C=C3=B4ng_v=C4=83n?= 12\r\n\
             Date: Mon, 02 Nov 2026 03:00:00 +0700\r\nMessage-ID: <1@x>\r\nX-Loai: Khan\r\n\r\nHello World\r\n",
        ),
        (
            "(\\Answered \\Flagged) \"05-Nov-2026 00:00:00 +0000\" ",
            "From: c@x.vn\r\nCc: d@x.vn\r\nBcc: e@x.vn\r\nSubject: two\r\nDate: Thu, 05 Nov 2026 00:00:00 +0000\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nS8OtbmggR+G7rEkgYuG6oW4=\r\n",
        ),
        (
            "(\\Deleted \\Draft) \"10-Nov-2026 00:00:00 +0000\" ",
            "Subject: three\r\n\r\nlonger longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer longer\r\n",
        ),
        ("() \"10-Nov-2026 00:00:00 +0000\" ", "From: f@x.vn\r\n\r\n"),
    ];
    for (arguments, raw) in letters {
        world.append(1, "INBOX", arguments, raw.as_bytes());
    }
    world.ask(1, "SELECT INBOX");
    world
}

fn check(world: &mut World, keys: &str, expected: &str) {
    let lines = world.ask(1, &format!("SEARCH {keys}"));
    let space = if expected.is_empty() { "" } else { " " };
    assert_eq!(lines[0], format!("* SEARCH{space}{expected}"), "{keys}");
    assert_eq!(lines[1], "q OK SEARCH completed", "{keys}");
}

#[test]
fn every_key() {
    let mut world = world();
    let table = [
        ("ALL", "1 2 3 4"),
        ("ANSWERED", "2"),
        ("UNANSWERED", "1 3 4"),
        ("DELETED", "3"),
        ("UNDELETED", "1 2 4"),
        ("DRAFT", "3"),
        ("UNDRAFT", "1 2 4"),
        ("FLAGGED", "2"),
        ("UNFLAGGED", "1 3 4"),
        ("SEEN", "1"),
        ("UNSEEN", "2 3 4"),
        ("NEW", "2 3 4"),
        ("RECENT", "1 2 3 4"),
        ("OLD", ""),
        ("KEYWORD VIEC", "1"),
        ("UNKEYWORD viec", "2 3 4"),
        ("BEFORE 2-Nov-2026", "1"),
        ("ON 5-Nov-2026", "2"),
        ("SINCE 5-Nov-2026", "2 3 4"),
        // The Date field says the 2nd in its own zone, whatever UTC says.
        ("SENTON 2-Nov-2026", "1"),
        ("SENTBEFORE 2-Nov-2026", ""),
        // Without a Date field there is no such day.
        ("SENTSINCE 3-Nov-2026", "2"),
        ("SENTON 10-Nov-2026", ""),
        ("SENTSINCE 1-Jan-1990", "1 2"),
        ("SENTBEFORE 1-Jan-2030", "1 2"),
        ("NOT SENTBEFORE 1-Jan-2030", "3 4"),
        ("LARGER 300", "3"),
        ("SMALLER 30", "4"),
        ("FROM \"nguyễn\"", "1"),
        ("FROM \"An <an@\"", "1"),
        ("FROM x.vn", "2 4"),
        ("TO b@x", "1"),
        ("CC d@", "2"),
        ("BCC e@", "2"),
        ("SUBJECT \"CÔNG VĂN\"", "1"),
        ("SUBJECT \"cong van\"", ""),
        ("HEADER Message-ID 1@x", "1"),
        ("HEADER x-loai khan", "1"),
        ("HEADER X-Loai \"\"", "1"),
        ("HEADER Subject \"\"", "1 2 3"),
        ("BODY \"hello world\"", "1"),
        ("BODY \"kính gửi\"", "2"),
        ("BODY 12", ""),
        ("TEXT \"văn 12\"", "1"),
        ("TEXT longer", "3"),
        ("UID 2:3", "2 3"),
        ("UID 4:*", "4"),
        ("2,4", "2 4"),
        ("*", "4"),
        ("99", ""),
        ("NOT SEEN", "2 3 4"),
        ("OR SEEN FLAGGED", "1 2"),
        ("OR BODY hello FLAGGED", "1 2"),
        ("(SEEN KEYWORD viec) SUBJECT 12", "1"),
        ("SEEN FLAGGED", ""),
        ("NOT (OR SEEN (OR FLAGGED DELETED))", "4"),
        ("CHARSET UTF-8 SUBJECT \"văn\"", "1"),
        ("NOT BODY hello", "2 3 4"),
    ];
    for (keys, expected) in table {
        check(&mut world, keys, expected);
    }
}

/// RFC 9051 §6.4.4: days are those of the server's zone, in which INTERNALDATE is told; those of SENT are the sender's.
#[test]
fn days_begin_in_the_zone_of_the_server() {
    let mut world = World::with(imap::Settings::default());
    world.login(1);
    let raw = b"Date: Tue, 31 Dec 2019 09:30:00 -0800\r\n\r\nx\r\n";
    world.append(1, "INBOX", "\"01-Jan-2020 00:30:00 +0700\" ", raw);
    world.ask(1, "SELECT INBOX");
    door::check(
        &mut world,
        r#"C: c FETCH 1 INTERNALDATE
           S: * 1 FETCH (INTERNALDATE "01-Jan-2020 00:30:00 +0700")
           S: c OK …
           C: d SEARCH ON 1-Jan-2020
           S: * SEARCH 1
           S: d OK …
           C: e SEARCH SINCE 1-Jan-2020
           S: * SEARCH 1
           S: e OK …
           C: f SEARCH BEFORE 1-Jan-2020
           S: * SEARCH
           S: f OK …
           C: g SEARCH SENTON 31-Dec-2019
           S: * SEARCH 1
           S: g OK …"#,
    );
}

/// RFC 9051 §6.4.4: what is looked into is what people see, with the index and without.
#[test]
fn letters_are_searched_as_they_are_read() {
    let mut world = World::new();
    world.login(1);
    let letters = [
        "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         <!-- ghi --><p>C&ocirc;ng v&#259;n <b>kh</b>ẩn</p>\r\n",
        "Subject: x\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: application/pdf\r\n\
         Content-Disposition: attachment; filename*=utf-8''Quy%E1%BA%BFt.pdf\r\n\r\nx\r\n--o--\r\n",
        "To: x@y.vn, undisclosed:;\r\nCc: =?utf-8?q?C=C3=A1n_b=E1=BB=99?=: a@y.vn;\r\n\r\n<p>\r\n",
    ];
    for letter in letters {
        world.append(1, "INBOX", "", letter.as_bytes());
    }
    world.ask(1, "SELECT INBOX");
    let table = [
        ("BODY", "công văn khẩn", "1"),
        ("FUZZY BODY", "cong van khan", "1"),
        ("TEXT", "CÔNG VĂN KH", "1"),
        ("BODY", "<p>", "3"),
        ("BODY", "ghi", ""),
        ("TEXT", "quyết.pdf", "2"),
        ("BODY", "quyết.pdf", ""),
        ("TO", "undisclosed", "3"),
        ("CC", "cán bộ", "3"),
        ("CC", "a@y", "3"),
    ];
    for _ in 0..2 {
        for (key, text, expected) in table {
            let keys = format!("CHARSET UTF-8 {key} {{{}+}}\r\n{text}", text.len());
            check(&mut world, &keys, expected);
        }
        while world.store.index_step().unwrap().more {}
    }
}

/// RFC 9051 §6.4.4 HEADER: a field of that name, whichever of several.
#[test]
fn the_second_subject_is_found_too() {
    let mut world = World::new();
    world.login(1);
    world.append(1, "INBOX", "", b"Subject: s1\r\nSubject: s2\r\n\r\nx\r\n");
    world.append(1, "INBOX", "", b"Subject: s1\r\n\r\nsubject: s2\r\n");
    world.append(1, "INBOX", "", b"Subject: s2\r\n\r\nx\r\n");
    world.ask(1, "SELECT INBOX");
    let table = [
        ("HEADER Subject s2", "1 3"),
        ("HEADER Subject s1", "1 2"),
        ("NOT HEADER subject s2", "2"),
        ("HEADER Subject \"\"", "1 2 3"),
        ("SUBJECT s2", "3"),
        ("FUZZY HEADER Subject s2", "1 3"),
        ("FUZZY SUBJECT {2+}\r\n\u{301}", ""),
    ];
    for _ in 0..2 {
        for (keys, expected) in table {
            let keys = format!("CHARSET UTF-8 {keys}");
            check(&mut world, &keys, expected);
        }
        while world.store.index_step().unwrap().more {}
    }
}

#[test]
fn ages_and_likenesses() {
    let mut world = world();
    let table = [
        // RFC 5032: to the second, by the clock of the server, which says 22 November 2026.
        ("OLDER 1742400", "1"),
        ("OLDER 1742401", ""),
        ("YOUNGER 1468800", "2 3 4"),
        ("YOUNGER 1468799", "3 4"),
        ("OLDER 1036800", "1 2 3 4"),
        ("OLDER 1036801", "1 2"),
        // RFC 6203: marks and the order of words do not count, and the other keys stay exact.
        ("FUZZY SUBJECT \"cong van\"", "1"),
        ("FUZZY SUBJECT \"van cong\"", "1"),
        ("FUZZY (FROM nguyen NOT SUBJECT two)", "1"),
        ("FUZZY BODY \"kinh gui\"", "2"),
        ("FUZZY TEXT \"khan\"", "1"),
        ("FUZZY (SUBJECT \"cong van\") SUBJECT \"cong van\"", ""),
        ("FUZZY SEEN", "1"),
    ];
    for (keys, expected) in table {
        check(&mut world, keys, expected);
    }
}

#[test]
fn results_are_returned_and_saved_as_asked() {
    door::check(
        &mut world(),
        r#"C: a UID SEARCH RETURN (MIN MAX COUNT ALL) UNSEEN
           S: * ESEARCH (TAG "a") UID MIN 2 MAX 4 COUNT 3 ALL 2:4
           S: a OK …
           C: b SEARCH RETURN () SEEN
           S: * ESEARCH (TAG "b") ALL 1
           S: b OK …
           C: c SEARCH RETURN (ALL COUNT MIN) KEYWORD none
           S: * ESEARCH (TAG "c") COUNT 0
           S: c OK …
           C: d SEARCH RETURN (SAVE) UNSEEN
           S: d OK …
           C: e FETCH $ UID
           S: * 2 FETCH (UID 2)
           S: * 3 FETCH (UID 3)
           S: * 4 FETCH (UID 4)
           S: e OK …
           C: f SEARCH RETURN (SAVE MIN MAX) $
           S: * ESEARCH (TAG "f") MIN 2 MAX 4
           S: f OK …
           C: g UID SEARCH RETURN (ALL) (OR $ UID 1)
           S: * ESEARCH (TAG "g") UID ALL 1:2,4
           S: g OK …
           C: h SEARCH RETURN (SAVE) CHARSET X-KLINGON ALL
           S: h NO [BADCHARSET (UTF-8 US-ASCII …)] …
           C: i FETCH $ UID
           S: i OK FETCH completed
           C: j ENABLE IMAP4rev2
           S: * ENABLED IMAP4rev2
           S: j OK …
           C: k SEARCH 2:3
           S: * ESEARCH (TAG "k") ALL 2:3
           S: k OK …
           C: k1 SEARCH RETURN (PARTIAL 2:3) ALL
           S: * ESEARCH (TAG "k1") PARTIAL (2:3 2:3)
           S: k1 OK …
           C: k2 UID SEARCH RETURN (PARTIAL -1:-2 COUNT) ALL
           S: * ESEARCH (TAG "k2") UID COUNT 4 PARTIAL (-1:-2 3:4)
           S: k2 OK …
           C: k3 SEARCH RETURN (PARTIAL 5:9) ALL
           S: * ESEARCH (TAG "k3") PARTIAL (5:9 NIL)
           S: k3 OK …
           C: k4 SEARCH RETURN (PARTIAL 2:3 MAX SAVE) ALL
           S: * ESEARCH (TAG "k4") MAX 4 PARTIAL (2:3 2:3)
           S: k4 OK …
           C: k5 SEARCH RETURN () $
           S: * ESEARCH (TAG "k5") ALL 2:4
           S: k5 OK …
           C: k6 SEARCH RETURN (PARTIAL 1:1 SAVE) ALL
           S: * ESEARCH (TAG "k6") PARTIAL (1:1 1)
           S: k6 OK …
           C: k7 SEARCH RETURN () $
           S: * ESEARCH (TAG "k7") ALL 1
           S: k7 OK …
           C: k8 SEARCH RETURN (PARTIAL 1:1 COUNT MIN SAVE) ALL
           S: * ESEARCH (TAG "k8") MIN 1 COUNT 4 PARTIAL (1:1 1)
           S: k8 OK …
           C: k9 SEARCH RETURN (ALL RELEVANCY) FUZZY SUBJECT "cong van"
           S: * ESEARCH (TAG "k9") ALL 1 RELEVANCY (80)
           S: k9 OK …
           C: k10 SEARCH RETURN (ALL RELEVANCY) $ OR FUZZY SUBJECT "công văn" FUZZY TEXT "gửi"
           S: * ESEARCH (TAG "k10") ALL 1:2 RELEVANCY (100 50)
           S: k10 OK …
           C: l SEARCH NOPE
           S: l BAD [CLIENTBUG] an unknown search key
           C: m SEARCH TEXT {11+}
           C: hello world CHARSET
           S: m BAD …"#,
    );
}

#[test]
fn with_utf8_accept_no_charset_is_named() {
    door::check(
        &mut world(),
        r#"C: a SEARCH CHARSET UTF-8 SUBJECT "văn"
           S: * SEARCH 1
           S: a OK …
           C: b ENABLE UTF8=ACCEPT
           S: * ENABLED UTF8=ACCEPT
           S: b OK …
           C: c SEARCH CHARSET UTF-8 SUBJECT "văn"
           S: c BAD …
           C: d ESEARCH CHARSET UTF-8 SUBJECT "văn"
           S: d BAD …
           C: e SEARCH SUBJECT "văn"
           S: * SEARCH 1
           S: e OK …
           C: f SORT (DATE) UTF-8 SUBJECT "văn"
           S: * SORT 1
           S: f OK …"#,
    );
}

#[test]
fn a_part_of_a_set_is_fetched() {
    door::check(
        &mut world(),
        r#"C: a UID FETCH 1:* (RFC822.SIZE) (PARTIAL -1:-2)
           S: * 3 FETCH …
           S: * 4 FETCH …
           S: a OK …
           C: b UID FETCH 2:4 UID (PARTIAL 2:1)
           S: * 2 FETCH (UID 2)
           S: * 3 FETCH (UID 3)
           S: b OK …
           C: c UID FETCH 1:* UID (PARTIAL 5:9)
           S: c OK …
           C: d FETCH 1:* UID (PARTIAL 1:2)
           S: d BAD …
           C: e UID FETCH 1:* UID (PARTIAL 1:2 PARTIAL 3:4)
           S: e BAD …
           C: f UID FETCH 1:* UID (PARTIAL 1:-2)
           S: f BAD …"#,
    );
}

#[test]
fn i13_hostile_searches_are_refused_and_the_session_lives() {
    let mut world = world();
    let (open, close) = ("(".repeat(1_000), ")".repeat(1_000));
    let members = |count: usize| vec!["1"; count].join(",");
    let refused = [
        format!("SEARCH {open}ALL{close}"),
        format!("SEARCH {}ALL", "NOT ".repeat(1_000)),
        format!("SEARCH {}ALL", "FUZZY ".repeat(1_000)),
        format!("SEARCH {}ALL ALL", "OR ALL ".repeat(1_000)),
        format!("SORT (DATE) UTF-8 {open}ALL{close}"),
        format!("THREAD REFS UTF-8 {}ALL", "NOT ".repeat(1_000)),
        format!("SEARCH {}", members(30_000)),
        format!("UID SEARCH UID {}", members(30_000)),
        format!("SEARCH {}", "ALL ".repeat(2_000).trim_end()),
        format!("SEARCH SUBJECT {}", "x".repeat(2_000)),
        format!(
            "ESEARCH IN (mailboxes ({})) ALL",
            "x ".repeat(1_000).trim_end()
        ),
        "SEARCH SUBJECT {4+}\r\na\0bc".to_owned(),
    ];
    for command in &refused {
        let told = world.ask(1, command);
        let shown: String = command.chars().take(60).collect();
        assert!(told[0].starts_with("q BAD "), "{shown}: {told:?}");
        assert_eq!(world.ask(1, "SEARCH SEEN")[0], "* SEARCH 1", "{shown}");
    }
    world.send(1, b"z SEARCH SUBJECT {2+}\r\n\xc0\xaf\r\n");
    assert_eq!(world.line(1), "z BAD [CLIENTBUG] the string is not UTF-8");
    let well = [
        (format!("SEARCH {}", members(16_000)), "* SEARCH 1"),
        ("SEARCH 1:4294967295".to_owned(), "* SEARCH 1 2 3 4"),
        ("UID SEARCH UID 4294967295:1".to_owned(), "* SEARCH 1 2 3 4"),
        (
            format!("SEARCH {}ALL", "NOT ".repeat(30)),
            "* SEARCH 1 2 3 4",
        ),
    ];
    for (command, expected) in well {
        assert_eq!(world.ask(1, &command)[0], expected);
    }
}
