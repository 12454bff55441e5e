//! RFC 9051 §6.4.5, §7.5.2: every FETCH item against a nested message.

use crate::door::World;

/// A letter with an alternative, an attachment and a message inside, which has parts itself.
const NESTED: &str = "From: =?utf-8?q?V=C4=83n?= An <an@tinh.gov.vn>\r\n\
To: \"B, C\" <b@x.vn>, Nhom: c@x.vn;, d@x.vn\r\n\
Subject: =?utf-8?b?Q8O0bmcgdsSDbg==?=\r\n\
Date: Mon, 02 Nov 2026 08:00:00 +0700\r\n\
Message-ID: <m1@tinh.gov.vn>\r\n\
In-Reply-To: <m0@tinh.gov.vn>\r\n\
MIME-Version: 1.0\r\n\
Content-Type: multipart/mixed; boundary=o\r\n\
\r\n\
preamble\r\n\
--o\r\n\
Content-Type: multipart/alternative; boundary=i\r\n\
\r\n\
--i\r\n\
Content-Type: text/plain; charset=utf-8\r\n\
Content-Transfer-Encoding: quoted-printable\r\n\
\r\n\
K=C3=ADnh g=E1=BB=ADi\r\n\
\r\n\
--i\r\n\
Content-Type: text/html; charset=utf-8\r\n\
Content-Language: vi, en\r\n\
\r\n\
<p>x</p>\r\n\
--i--\r\n\
--o\r\n\
Content-Type: application/pdf; name=\"a.pdf\"\r\n\
Content-Disposition: attachment; filename=\"a.pdf\"\r\n\
Content-Transfer-Encoding: base64\r\n\
Content-ID: <p@x>\r\n\
Content-Description: file\r\n\
Content-Location: http://x/\r\n\
\r\n\
AAECAw==\r\n\
--o\r\n\
Content-Type: message/rfc822\r\n\
\r\n\
From: c@x.vn\r\n\
Subject: inner\r\n\
Content-Type: multipart/mixed; boundary=n\r\n\
\r\n\
--n\r\n\
\r\n\
deep\r\n\
--n--\r\n\
--o--\r\n\
epilogue\r\n";

fn world() -> World {
    let mut world = World::new();
    world.login(1);
    world.append(1, "INBOX", "", NESTED.as_bytes());
    world.ask(1, "SELECT INBOX");
    world
}

fn check(world: &mut World, item: &str, expected: &str) {
    let lines = world.ask(1, &format!("FETCH 1 {item}"));
    let (last, rest) = lines.split_last().unwrap();
    assert_eq!(last, "q OK FETCH completed", "{item}");
    assert_eq!(
        rest.join("\r\n"),
        format!("* 1 FETCH ({expected})"),
        "{item}"
    );
}

fn between(from: &str, to: &str) -> String {
    let start = NESTED.find(from).unwrap();
    let end = start + NESTED[start..].find(to).unwrap();
    NESTED[start..end].to_owned()
}

fn literal(text: &str) -> String {
    format!("{{{}}}\r\n{text}", text.len())
}

#[test]
fn i12_sections_are_the_octets_of_the_message() {
    let mut world = world();
    let header = between("From: =?", "preamble");
    let body = NESTED.strip_prefix(&header).unwrap().to_owned();
    let inner = between("From: c@x.vn", "\r\n--o--");
    let inner_header = between("From: c@x.vn", "--n\r\n");
    let part = |w: &mut World, name: &str, text: &str| {
        check(
            w,
            &format!("BODY.PEEK[{name}]"),
            &format!("BODY[{name}] {}", literal(text)),
        );
    };
    let w = &mut world;
    part(w, "", NESTED);
    part(w, "HEADER", &header);
    part(w, "TEXT", &body);
    part(
        w,
        "1",
        &between(
            "--i\r\nContent-Type: text/plain",
            "\r\n--o\r\nContent-Type: application",
        ),
    );
    part(
        w,
        "1.MIME",
        "Content-Type: multipart/alternative; boundary=i\r\n\r\n",
    );
    part(w, "1.1", "K=C3=ADnh g=E1=BB=ADi\r\n");
    part(w, "1.2", "<p>x</p>");
    part(
        w,
        "1.2.MIME",
        "Content-Type: text/html; charset=utf-8\r\nContent-Language: vi, en\r\n\r\n",
    );
    part(w, "2", "AAECAw==");
    part(w, "3", &inner);
    part(w, "3.MIME", "Content-Type: message/rfc822\r\n\r\n");
    part(w, "3.HEADER", &inner_header);
    part(w, "3.TEXT", inner.strip_prefix(&inner_header).unwrap());
    part(w, "3.1", "deep");
    part(
        w,
        "HEADER.FIELDS (SUBJECT X-None)",
        "Subject: =?utf-8?b?Q8O0bmcgdsSDbg==?=\r\n\r\n",
    );
    part(w, "3.HEADER.FIELDS (Subject)", "Subject: inner\r\n\r\n");
    part(
        w,
        "3.HEADER.FIELDS.NOT (Subject From)",
        "Content-Type: multipart/mixed; boundary=n\r\n\r\n",
    );
}

#[test]
fn sections_that_are_not_there_partials_and_rev1_names() {
    let mut world = world();
    let header = between("From: =?", "preamble");
    let body = NESTED.strip_prefix(&header).unwrap().to_owned();
    let w = &mut world;
    for none in ["4", "1.3", "2.1.1", "2.HEADER", "1.1.TEXT"] {
        check(
            w,
            &format!("BODY.PEEK[{none}]"),
            &format!("BODY[{none}] NIL"),
        );
    }
    check(w, "BODY.PEEK[1.1]<2.3>", "BODY[1.1]<2> {3}\r\nC3=");
    check(w, "BODY.PEEK[2]<6.100>", "BODY[2]<6> {2}\r\n==");
    check(w, "BODY.PEEK[2]<600.100>", "BODY[2]<600> {0}\r\n");
    check(
        w,
        "RFC822.HEADER",
        &format!("RFC822.HEADER {}", literal(&header)),
    );
    check(w, "FLAGS", "FLAGS (\\Recent)");
    check(
        w,
        "RFC822",
        &format!("RFC822 {} FLAGS (\\Seen \\Recent)", literal(NESTED)),
    );
    check(w, "RFC822.TEXT", &format!("RFC822.TEXT {}", literal(&body)));
    check(w, "BODY[2]", &format!("BODY[2] {}", literal("AAECAw==")));
}

#[test]
fn binary_undoes_the_transfer_encoding() {
    let mut world = world();
    let w = &mut world;
    check(w, "BINARY.PEEK[1.1]", "BINARY[1.1] {13}\r\nKính gửi\r\n");
    check(w, "BINARY.SIZE[1.1]", "BINARY.SIZE[1.1] 13");
    check(w, "BINARY.PEEK[2]", "BINARY[2] ~{4}\r\n\0\u{1}\u{2}\u{3}");
    check(w, "BINARY.PEEK[2]<1.2>", "BINARY[2]<1> {2}\r\n\u{1}\u{2}");
    check(w, "BINARY.SIZE[2]", "BINARY.SIZE[2] 4");
    check(w, "BINARY.PEEK[9]", "BINARY[9] NIL");
    w.append(
        1,
        "INBOX",
        "",
        b"Content-Transfer-Encoding: x-odd\r\n\r\nabc",
    );
    let lines = w.ask(1, "FETCH 2 BINARY.PEEK[1]");
    assert_eq!(lines[0], "* 2 FETCH (BINARY[1] NIL)");
    assert!(lines[1].starts_with("q NO [UNKNOWN-CTE]"));
    // Without an encoding it is BODY[1], whatever its lines end in.
    w.append(
        1,
        "INBOX",
        "",
        b"Content-Type: text/plain\r\n\r\na\nb\rc\r\nd",
    );
    let lines = w.ask(1, "FETCH 3 (BINARY.PEEK[1] BINARY.SIZE[1])");
    assert_eq!(lines[0], "* 3 FETCH (BINARY[1] {8}");
    assert_eq!(lines[1..4], ["a\n", "b\rc", "d BINARY.SIZE[1] 8)"]);
}

#[test]
fn envelope_and_structure() {
    let mut world = world();
    let w = &mut world;
    check(
        w,
        "ENVELOPE",
        "ENVELOPE (\"Mon, 02 Nov 2026 08:00:00 +0700\" \"=?utf-8?b?Q8O0bmcgdsSDbg==?=\" \
((\"=?utf-8?q?V=C4=83n?= An\" NIL \"an\" \"tinh.gov.vn\")) \
((\"=?utf-8?q?V=C4=83n?= An\" NIL \"an\" \"tinh.gov.vn\")) \
((\"=?utf-8?q?V=C4=83n?= An\" NIL \"an\" \"tinh.gov.vn\")) \
((\"B, C\" NIL \"b\" \"x.vn\")(NIL NIL \"Nhom\" NIL)(NIL NIL \"c\" \"x.vn\")(NIL NIL NIL NIL)(NIL NIL \"d\" \"x.vn\")) \
NIL NIL \"<m0@tinh.gov.vn>\" \"<m1@tinh.gov.vn>\")",
    );
    let inner = "(NIL \"inner\" ((NIL NIL \"c\" \"x.vn\")) ((NIL NIL \"c\" \"x.vn\")) ((NIL NIL \"c\" \"x.vn\")) NIL NIL NIL NIL NIL)";
    let octets = between("From: c@x.vn", "\r\n--o--").len();
    check(
        w,
        "BODY",
        &format!(
            "BODY (((\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"quoted-printable\" 23 1)\
(\"text\" \"html\" (\"charset\" \"utf-8\") NIL NIL \"7BIT\" 8 1) \"alternative\")\
(\"application\" \"pdf\" (\"name\" \"a.pdf\") \"<p@x>\" \"file\" \"base64\" 8)\
(\"message\" \"rfc822\" NIL NIL NIL \"7BIT\" {octets} {inner} ((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7BIT\" 4 1) \"mixed\") 8) \"mixed\")"
        ),
    );
    check(
        w,
        "BODYSTRUCTURE",
        &format!(
            "BODYSTRUCTURE (((\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"quoted-printable\" 23 1 NIL NIL NIL NIL)\
(\"text\" \"html\" (\"charset\" \"utf-8\") NIL NIL \"7BIT\" 8 1 NIL NIL (\"vi\" \"en\") NIL) \"alternative\" (\"boundary\" \"i\") NIL NIL NIL)\
(\"application\" \"pdf\" (\"name\" \"a.pdf\") \"<p@x>\" \"file\" \"base64\" 8 NIL (\"attachment\" (\"filename\" \"a.pdf\")) NIL \"http://x/\")\
(\"message\" \"rfc822\" NIL NIL NIL \"7BIT\" {octets} {inner} ((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7BIT\" 4 1 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"n\") NIL NIL NIL) 8 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"o\") NIL NIL NIL)"
        ),
    );
    let date = "INTERNALDATE \"22-Nov-2026 00:00:00 +0000\"";
    let size = NESTED.len();
    check(
        w,
        "FAST",
        &format!("FLAGS (\\Recent) {date} RFC822.SIZE {size}"),
    );
    let all = w.ask(1, "FETCH 1 ALL").concat();
    assert!(
        all.starts_with(&format!(
            "* 1 FETCH (FLAGS (\\Recent) {date} RFC822.SIZE {size} ENVELOPE ("
        )),
        "{all}"
    );
    assert!(w.ask(1, "FETCH 1 FULL").concat().contains(" BODY ((("));
}

#[test]
fn a_message_without_parts_is_its_part_1() {
    let mut world = World::new();
    world.login(1);
    world.append(1, "INBOX", "", "Subject: chào\r\n\r\nxin\r\n".as_bytes());
    world.append(1, "INBOX", "~", b"a\0b: c\r\n\r\n\0x");
    world.ask(1, "SELECT INBOX");
    let w = &mut world;
    check(w, "BODY.PEEK[1]", "BODY[1] {5}\r\nxin\r\n");
    check(
        w,
        "BODY.PEEK[1.MIME]",
        &format!("BODY[1.MIME] {}", literal("Subject: chào\r\n\r\n")),
    );
    check(w, "BODY.PEEK[1.1]", "BODY[1.1] NIL");
    let lines = w.ask(1, "FETCH 1 ENVELOPE");
    assert!(
        lines[0].starts_with("* 1 FETCH (ENVELOPE (NIL \"=?utf-8?B?Y2jDoG8=?=\" NIL NIL NIL "),
        "{}",
        lines[0]
    );
    w.ask(1, "ENABLE IMAP4rev2");
    assert!(
        w.ask(1, "FETCH 1 ENVELOPE")[0]
            .starts_with("* 1 FETCH (ENVELOPE (NIL \"chào\" NIL NIL NIL ")
    );
    let nul = w.ask(1, "FETCH 2 (BINARY.PEEK[1] BODY.PEEK[TEXT])");
    assert!(!nul[1..].concat().is_empty());
}

#[test]
fn a_large_body_comes_whole() {
    let mut world = World::new();
    world.login(1);
    let letter: Vec<u8> = (0..300_000u32)
        .flat_map(|n| format!("{n:07}\r\n").into_bytes())
        .collect();
    world.append(1, "INBOX", "", &letter);
    world.ask(1, "SELECT INBOX");
    world.send(1, b"a FETCH 1 (BODY.PEEK[] UID)\r\n");
    assert_eq!(
        world.line(1),
        format!("* 1 FETCH (BODY[] {{{}}}", letter.len())
    );
    assert!(world.octets(1, letter.len()) == letter);
    assert_eq!(world.line(1), " UID 1)");
    assert_eq!(world.line(1), "a OK FETCH completed");
    // Several large items of one message, cut between any two of them.
    world.send(
        1,
        b"b FETCH 1 (BODY.PEEK[] BODY.PEEK[1] BINARY.PEEK[1] RFC822.SIZE)\r\n",
    );
    for label in ["* 1 FETCH (BODY[]", " BODY[1]", " BINARY[1]"] {
        assert_eq!(world.line(1), format!("{label} {{{}}}", letter.len()));
        assert!(world.octets(1, letter.len()) == letter, "{label}");
    }
    assert_eq!(world.line(1), format!(" RFC822.SIZE {})", letter.len()));
    assert_eq!(world.line(1), "b OK FETCH completed");
    // In pieces, as clients do.
    let mut pieces = Vec::new();
    while pieces.len() < letter.len() {
        let from = pieces.len();
        world.send(
            1,
            format!("c FETCH 1 BODY.PEEK[]<{from}.500000>\r\n").as_bytes(),
        );
        let len = (letter.len() - from).min(500_000);
        assert_eq!(
            world.line(1),
            format!("* 1 FETCH (BODY[]<{from}> {{{len}}}")
        );
        pieces.extend(world.octets(1, len));
        assert_eq!(
            (world.line(1), world.line(1)),
            (")".into(), "c OK FETCH completed".into())
        );
    }
    assert!(pieces == letter);
}
