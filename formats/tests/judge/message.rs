//! Messages read: structure, numbers, defects, bodies.

use formats::Defect;
use formats::message::{Part, PartKind, bodies, file_name, summarize};

/// The tree in one line: `mixed(text/plain[12+5] rfc822(…))`.
fn tree(part: &Part, raw: &[u8]) -> String {
    let body = String::from_utf8_lossy(part.body.of(raw)).into_owned();
    match &part.kind {
        PartKind::Leaf => format!("{}/{}:{body:?}", part.media, part.subtype),
        PartKind::Multipart(parts) => {
            let inner: Vec<String> = parts.iter().map(|p| tree(p, raw)).collect();
            format!("{}({})", part.subtype, inner.join(" "))
        }
        PartKind::Message(nested) => format!("{}({})", part.subtype, tree(&nested.part, raw)),
    }
}

fn check(raw: &str, expected: &str, defects: &[Defect]) {
    let summary = summarize(raw.as_bytes());
    assert_eq!(tree(&summary.part, raw.as_bytes()), expected, "{raw}");
    let mut found = summary.defects;
    found.retain(|d| *d != Defect::BadFrom);
    assert_eq!(found, defects, "{raw}");
}

#[test]
fn whole_messages_are_read() {
    check(
        "Subject: a\r\n\r\nbody\r\n",
        "text/plain:\"body\\r\\n\"",
        &[],
    );
    check(
        "Content-Type: multipart/mixed; boundary=\"a b\"\r\n\r\npre\r\n--a b\r\n\r\none\r\n--a b  \r\n\
         Content-Type: text/html\r\n\r\ntwo\r\n\r\n--a b--\r\npost\r\n",
        "mixed(text/plain:\"one\" text/html:\"two\\r\\n\")",
        &[],
    );
    check(
        "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: x\r\n\r\nin\r\n--b\r\n\
         Content-Type: text/plain\r\n\r\nout\r\n--b--\r\n",
        "digest(rfc822(text/plain:\"in\") text/plain:\"out\")",
        &[],
    );
}

#[test]
fn broken_messages_are_read_too() {
    use Defect::*;
    check("Subject: a\n\nb\n", "text/plain:\"b\\n\"", &[BareLineFeed]);
    check("Subject: a\r\nTo: b@c", "text/plain:\"\"", &[]);
    check("", "text/plain:\"\"", &[]);
    check("\r\nb", "text/plain:\"b\"", &[]);
    check(
        "Subject: a\r\nhello world\r\nagain\r\n",
        "text/plain:\"hello world\\r\\nagain\\r\\n\"",
        &[MissingSeparator],
    );
    check(
        "hello world",
        "text/plain:\"hello world\"",
        &[MissingSeparator],
    );
    check("From x Mon\r\nSubject: a\r\n\r\nb", "text/plain:\"b\"", &[]);
    check(
        "Subject: a\r\nbroken line\r\nTo: b@c\r\n\r\nx",
        "text/plain:\"x\"",
        &[MalformedHeader],
    );
    check("Subject: a\0\r\n\r\nb\0", "text/plain:\"b\\0\"", &[Nul]);
    check(
        "Content-Type: multipart/mixed\r\n\r\nb",
        "mixed(text/plain:\"b\")",
        &[MissingBoundary],
    );
    check(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\nx",
        "mixed(text/plain:\"x\")",
        &[NoParts, UnclosedMultipart],
    );
    check(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx",
        "mixed(text/plain:\"x\")",
        &[UnclosedMultipart],
    );
    // The inner boundary is never closed: the outer one ends it.
    check(
        "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\n\r\nx\r\n--a\r\n\r\ny\r\n--a--\r\n",
        "mixed(mixed(text/plain:\"x\") text/plain:\"y\")",
        &[UnclosedMultipart],
    );
    // A delimiter ends a header too; one boundary may begin another.
    check(
        "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: text/html\r\n--a\r\n--ab\r\n--a--\r\n",
        "mixed(text/html:\"\" text/plain:\"--ab\")",
        &[MissingSeparator],
    );
    check(
        "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA",
        "application/octet-stream:\"AAAA\"",
        &[EncodedComposite],
    );
    check("Content-Type: nonsense\r\n\r\nx", "text/plain:\"x\"", &[]);
}

const NESTED: &str = "Content-Type: multipart/mixed; boundary=a\r\n\r\n\
    --a\r\nContent-Type: text/plain\r\n\r\none\r\n\
    --a\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\
    Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nplain\r\n--b\r\nContent-Type: text/html\r\n\r\nhtml\r\n--b--\r\n\
    --a\r\nContent-Type: message/rfc822\r\n\r\nSubject: two\r\n\r\nonly\r\n--a--\r\n";

#[test]
fn parts_have_imap_numbers() {
    let raw = NESTED.as_bytes();
    let summary = summarize(raw);
    let numbers: Vec<String> = summary
        .part
        .walk()
        .map(|(n, p)| format!("{n}={}", p.subtype))
        .collect();
    assert_eq!(
        numbers,
        [
            "1=plain",
            "2=rfc822",
            "2.1=plain",
            "2.2=html",
            "3=rfc822",
            "3.1=plain"
        ]
    );
    let content = |path: &[u32]| {
        summary
            .part
            .find(path)
            .map(|f| String::from_utf8_lossy(f.content().of(raw)).into_owned())
    };
    assert_eq!(content(&[]).as_deref(), Some(NESTED));
    assert_eq!(content(&[1]).as_deref(), Some("one"));
    assert_eq!(content(&[2, 2]).as_deref(), Some("html"));
    assert_eq!(content(&[3, 1]).as_deref(), Some("only"));
    assert_eq!(content(&[3]).as_deref(), Some("Subject: two\r\n\r\nonly"));
    for missing in [&[0][..], &[4], &[1, 1], &[2, 3], &[3, 1, 1], &[u32::MAX]] {
        assert_eq!(content(missing), None, "{missing:?}");
    }
    let third = summary.part.find(&[3]).unwrap();
    let of = |range: Option<formats::message::Range>| {
        range.map(|r| String::from_utf8_lossy(r.of(raw)).into_owned())
    };
    assert_eq!(of(third.header()).as_deref(), Some("Subject: two\r\n\r\n"));
    assert_eq!(of(third.text()).as_deref(), Some("only"));
    assert_eq!(
        of(third.mime()).as_deref(),
        Some("Content-Type: message/rfc822\r\n\r\n")
    );
    let first = summary.part.find(&[1]).unwrap();
    assert_eq!((first.header(), first.text()), (None, None));
    let single = summarize(b"A: b\r\n\r\nx");
    assert_eq!(single.part.find(&[1]).unwrap().part.body.len, 1);
    assert!(single.part.find(&[1, 1]).is_none() && single.part.find(&[2]).is_none());
}

#[test]
fn lines_are_counted() {
    for (body, lines) in [
        ("", 0),
        ("a", 1),
        ("a\r\n", 1),
        ("a\r\nb", 2),
        ("a\nb\n", 2),
        ("\r\n\r\n", 2),
    ] {
        assert_eq!(
            summarize(format!("A: b\r\n\r\n{body}").as_bytes())
                .part
                .lines,
            lines,
            "{body:?}"
        );
        let raw = format!(
            "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\n{body}\r\n--a--\r\n"
        );
        assert_eq!(
            summarize(raw.as_bytes())
                .part
                .find(&[1])
                .unwrap()
                .part
                .lines,
            lines,
            "{body:?} in a part"
        );
    }
}

/// A multipart of parts given as `type` or `type!` (an attachment) or `type=name`.
fn shape(kind: &str, parts: &[&str], boundary: &str) -> String {
    let mut raw = format!("Content-Type: multipart/{kind}; boundary={boundary}\r\n\r\n");
    for part in parts {
        raw.push_str(&format!("--{boundary}\r\n"));
        if part.contains("\r\n") {
            raw.push_str(part);
        } else if let Some(media) = part.strip_suffix('!') {
            raw.push_str(&format!(
                "Content-Type: {media}\r\nContent-Disposition: attachment\r\n\r\nx"
            ));
        } else {
            let (media, name) = part.split_once('=').unwrap_or((part, ""));
            let name = if name.is_empty() {
                String::new()
            } else {
                format!("; name={name}")
            };
            raw.push_str(&format!("Content-Type: {media}{name}\r\n\r\nx"));
        }
        raw.push_str("\r\n");
    }
    raw + &format!("--{boundary}--\r\n")
}

fn check_bodies(raw: &str, text: &[&str], html: &[&str], attachments: &[&str]) {
    let found = bodies(&summarize(raw.as_bytes()).part);
    assert_eq!(
        (found.text, found.html, found.attachments),
        {
            let own = |list: &[&str]| list.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
            (own(text), own(html), own(attachments))
        },
        "{raw}"
    );
}

#[test]
fn bodies_are_chosen_as_rfc_8621_says() {
    check_bodies("A: b\r\n\r\nx", &["1"], &["1"], &[]);
    check_bodies("Content-Type: text/html\r\n\r\nx", &["1"], &["1"], &[]);
    check_bodies("Content-Type: application/pdf\r\n\r\nx", &[], &[], &["1"]);
    check_bodies(
        &shape("alternative", &["text/plain", "text/html"], "a"),
        &["1"],
        &["2"],
        &[],
    );
    check_bodies(
        &shape("alternative", &["text/html"], "a"),
        &["1"],
        &["1"],
        &[],
    );
    check_bodies(
        &shape(
            "mixed",
            &["text/plain", "text/plain=a.txt", "image/png", "image/png!"],
            "a",
        ),
        &["1", "3"],
        &["1", "3"],
        &["2", "4"],
    );
    let related = shape("related", &["text/html", "image/png"], "r");
    check_bodies(
        &shape("alternative", &["text/plain", &related], "a"),
        &["1"],
        &["2.1"],
        &["2.2"],
    );
    // The example of RFC 8621 §4.1.4.
    let inner = shape(
        "alternative",
        &[
            &shape("mixed", &["text/plain", "image/jpeg", "text/plain"], "m2"),
            &shape("related", &["text/html", "image/jpeg"], "r"),
        ],
        "al",
    );
    let middle = shape(
        "mixed",
        &[
            "text/plain",
            &inner,
            "image/jpeg!",
            "application/x-excel",
            "message/rfc822",
        ],
        "m1",
    );
    check_bodies(
        &shape("mixed", &[&middle, "text/plain"], "m0"),
        &["1.1", "1.2.1.1", "1.2.1.2", "1.2.1.3", "2"],
        &["1.1", "1.2.2.1", "2"],
        &["1.2.1.2", "1.2.2.2", "1.3", "1.4", "1.5"],
    );
}

#[test]
fn file_names_are_safe() {
    let name = |disposition: &str| {
        let raw = format!(
            "Content-Disposition: attachment; {disposition}\r\nContent-Type: a/b; name=other\r\n\r\n"
        );
        file_name(&summarize(raw.as_bytes()).part)
    };
    for (given, expected) in [
        ("filename=a.docx", "a.docx"),
        (
            "filename*=utf-8''C%C3%B4ng%20v%C4%83n.docx",
            "Công văn.docx",
        ),
        (
            "filename=\"=?utf-8?b?Q8O0bmcgdsSDbi5kb2N4?=\"",
            "Công văn.docx",
        ),
        ("filename=\"../../etc/passwd\"", "passwd"),
        ("filename=\"C:\\dir\\a.exe\"", "a.exe"),
        ("filename=\"..hidden\"", "hidden"),
        ("filename*=utf-8''a%0D%0Ab%00.txt", "ab.txt"),
        ("filename*=utf-8''ann%E2%80%AEfdp.exe", "annfdp.exe"),
        ("x=y", "other"),
    ] {
        assert_eq!(name(given).as_deref(), Some(expected), "{given}");
    }
    assert_eq!(name("filename=\"...\""), None);
}

#[test]
fn the_summary_tells_what_lists_need() {
    let raw = "From: =?utf-8?b?QW4=?= <an@x.vn>\r\nFrom: evil@x.vn\r\nDate: Mon, 02 Nov 2026 08:00:00 +0700\r\n\
        Subject: =?utf-8?q?h=C3=B2a?=\r\n =?utf-8?q?_b=C3=ACnh?=\r\nMessage-ID: <1@x.vn>\r\nReferences: <a@x.vn>\r\n\t<b@x.vn>\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
        Kính gửi,\r\n> cũ\r\n\r\n  nội dung\r\n-- \r\nký tên\r\n";
    let summary = summarize(raw.as_bytes());
    let head = &summary.head;
    assert_eq!(
        head.subject.as_deref(),
        Some("=?utf-8?q?h=C3=B2a?= =?utf-8?q?_b=C3=ACnh?=")
    );
    assert_eq!(head.from.len(), 1);
    assert_eq!(head.from[0].email().as_deref(), Some("an@x.vn"));
    assert_eq!(head.from[0].display_name().as_deref(), Some("An"));
    assert_eq!(head.sent_at, Some((1_793_581_200, 420)));
    assert_eq!(head.references, ["a@x.vn", "b@x.vn"]);
    assert_eq!(summary.preview, "Kính gửi, nội dung");
    assert_eq!(summary.defects, [Defect::RepeatedField]);
    assert!(!summary.has_attachment);
    assert!(summarize(NESTED.as_bytes()).has_attachment);
}
