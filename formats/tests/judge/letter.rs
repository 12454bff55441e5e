//! Letters written and read again.

use formats::message::compose::{Draft, Enclosure, NamedAddress, compose, remove_field};
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

use formats::message::{PartKind, bodies, file_name, header, part, summarize};

fn person(name: &str, email: &str) -> NamedAddress {
    NamedAddress {
        name: (!name.is_empty()).then(|| name.to_owned()),
        email: email.to_owned(),
    }
}

fn draft() -> Draft {
    Draft {
        from: vec![person("Nguyễn Văn An", "an@sotttt.vn")],
        to: vec![
            person("Bình, Phạm (\"x\")", "binh@x.vn"),
            person("", "văn.thư@cơquan.vn"),
        ],
        bcc: vec![person("", "kin@x.vn")],
        subject: "Về việc triển khai hệ thống thư điện tử công vụ trên địa bàn tỉnh năm 2026"
            .to_owned(),
        message_id: "1@x.vn".to_owned(),
        in_reply_to: vec!["<0@x.vn>".to_owned()],
        references: (0..30).map(|n| format!("{n}@x.vn")).collect(),
        sent_at: (1_793_581_200, 420),
        text: Some("Kính gửi,\n\nNội dung.\n".to_owned()),
        ..Draft::default()
    }
}

/// Every line ends in CRLF and has a length that RFC 5322 §2.1.1 allows.
fn lines(raw: &[u8]) {
    let text = String::from_utf8_lossy(raw).replace("\r\n", "");
    assert!(!text.contains(['\r', '\n']), "bare CR or LF");
    for line in raw.split(|&b| b == b'\n') {
        assert!(line.len() <= 999, "line of {} octets", line.len());
    }
}

#[test]
fn a_letter_returns() {
    let draft = Draft {
        html: Some("<p>Nội <img src=cid:a@b></p>".to_owned()),
        ..draft()
    };
    let enclosure = |name: &str, media_type: &str, bytes: &[u8], inline: bool| Enclosure {
        name: name.to_owned(),
        media_type: media_type.to_owned(),
        bytes: bytes.to_vec(),
        cid: inline.then(|| "a@b".to_owned()),
        inline,
    };
    let inner = compose(&self::draft());
    let long = format!("{}.docx", "Công văn số một ".repeat(9));
    let draft = Draft {
        attachments: vec![
            enclosure("ảnh.png", "image/png", b"\x89PNG", true),
            enclosure(
                "Công văn \"1\".docx",
                "application/msword",
                &[0, 255, 13, 10],
                false,
            ),
            enclosure(&long, "multipart/mixed", b"x", false),
            enclosure("thu.eml", "message/rfc822", &inner, false),
        ],
        ..draft
    };
    let raw = compose(&draft);
    lines(&raw);
    let summary = summarize(&raw);
    assert_eq!(summary.defects, vec![]);
    assert_eq!(
        header::decode_words(summary.head.subject.as_deref().unwrap()),
        draft.subject
    );
    assert_eq!(summary.head.sent_at, Some(draft.sent_at));
    assert_eq!(summary.head.references, draft.references);
    assert_eq!(summary.head.message_id.as_deref(), Some("<1@x.vn>"));
    let to = formats::message::person::grouped(&summary.head.to);
    assert_eq!(to[0].addresses[0], draft.to[0]);
    assert_eq!(to[0].addresses[1].email, "văn.thư@xn--cquan-uob.vn");
    let shown = bodies(&summary.part);
    assert_eq!(
        (shown.text, shown.html),
        (vec!["1.1.1".to_owned()], vec!["1.1.2".to_owned()])
    );
    assert_eq!(shown.attachments, ["1.2", "2", "3", "4"]);
    let part_at = |n: &str| summary.part.find_section(n).unwrap().part;
    assert_eq!(
        part::decode_text(part_at("1.1.1"), &raw),
        "Kính gửi,\r\n\r\nNội dung.\r\n"
    );
    assert_eq!(&*part::decode_body(part_at("2"), &raw), &[0, 255, 13, 10]);
    assert_eq!(file_name(part_at("1.2")).as_deref(), Some("ảnh.png"));
    assert_eq!(
        file_name(part_at("2")).as_deref(),
        Some("Công văn \"1\".docx")
    );
    assert_eq!(file_name(part_at("3")).as_deref(), Some(long.as_str()));
    assert_eq!(part_at("2").media, "application");
    let PartKind::Message(inside) = &part_at("4").kind else {
        panic!("a message")
    };
    assert_eq!(inside.head.message_id.as_deref(), Some("<1@x.vn>"));
    assert_eq!(raw, compose(&draft), "the same draft gives the same letter");
}

#[test]
fn no_value_begins_a_field() {
    let evil = "x\r\nBcc: evil@x.vn\r\n\r\n<script>\n";
    let hostile = |field: &str| person(&format!("{field}{evil}"), &format!("a@x.vn>{evil}"));
    let raw = compose(&Draft {
        from: vec![hostile("a")],
        to: vec![hostile("Ă")],
        subject: evil.to_owned(),
        message_id: evil.to_owned(),
        in_reply_to: vec![evil.to_owned()],
        references: vec![evil.to_owned()],
        extra: vec![
            ("X-A".to_owned(), evil.to_owned()),
            (evil.to_owned(), "y".to_owned()),
            ("X:".to_owned(), "y".to_owned()),
        ],
        attachments: vec![Enclosure {
            name: evil.to_owned(),
            media_type: format!("text/plain{evil}"),
            cid: Some(evil.to_owned()),
            ..Enclosure::default()
        }],
        ..Draft::default()
    });
    lines(&raw);
    let summary = summarize(&raw);
    assert!(summary.head.bcc.is_empty());
    let names: Vec<&str> = header::fields(&raw).map(|f| f.name).collect();
    let expected = [
        "Date",
        "From",
        "To",
        "Subject",
        "Message-ID",
        "In-Reply-To",
        "References",
        "X-A",
        "MIME-Version",
        "Content-Type",
    ];
    assert_eq!(names, expected);
}

#[test]
fn the_blind_copy_is_taken_out() {
    let raw = compose(&draft());
    let sent = remove_field(&raw, "bcc");
    assert!(summarize(&sent).head.bcc.is_empty() && !summarize(&raw).head.bcc.is_empty());
    assert_eq!(raw.len() - sent.len(), "Bcc: kin@x.vn\r\n".len());
    let body = b"A: 1\r\nBcc: x\r\n y\r\nBCC:z\r\n\r\nBcc: stays\r\n";
    assert_eq!(remove_field(body, "Bcc"), b"A: 1\r\n\r\nBcc: stays\r\n");
}

#[test]
fn a_letter_of_html_alone_gets_a_text() {
    let raw = compose(&Draft {
        html: Some("<p>Chào</p>".to_owned()),
        ..Draft::default()
    });
    let summary = summarize(&raw);
    let found = summary.part.find(&[1]).unwrap();
    assert_eq!(part::decode_text(found.part, &raw).trim_end(), "Chào");
    assert_eq!(summary.preview, "Chào");
}

/// Text as it returns: no control characters, blanks at the ends gone.
fn spoken(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    plain.trim().nfc().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_letter_returns(
        subject in "(\\PC{0,60}| |=\\?|[a-z]{1,9} ){0,8}",
        name in "[ -~à-ỹ]{0,30}",
        text in "(.|\n|\r\n|\r){0,300}",
        file in "\\PC{0,80}",
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let draft = Draft {
            from: vec![person(&name, "an@x.vn")],
            subject: subject.clone(),
            text: Some(text.clone()),
            attachments: vec![Enclosure { name: file, bytes: bytes.clone(), media_type: "a/b".to_owned(), ..Enclosure::default() }],
            ..Draft::default()
        };
        let raw = compose(&draft);
        lines(&raw);
        let summary = summarize(&raw);
        let head = &summary.head;
        let returned = header::decode_words(head.subject.as_deref().unwrap_or_default());
        prop_assert_eq!(returned.trim(), spoken(&subject));
        prop_assert_eq!(head.from.len(), 1);
        prop_assert_eq!(head.from[0].email(), Some("an@x.vn".to_owned()));
        prop_assert_eq!(head.from[0].display_name().unwrap_or_default(), spoken(&name));
        let part_at = |n: &str| summary.part.find_section(n).expect("a part").part;
        // A mark of byte order at the beginning is no text.
        let unix = |text: &str| {
            let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
            text.replace('\r', "\n").nfc().collect::<String>()
        };
        prop_assert_eq!(unix(&part::decode_text(part_at("1"), &raw)), unix(&text));
        prop_assert_eq!(&*part::decode_body(part_at("2"), &raw), bytes.as_slice());
    }
}
