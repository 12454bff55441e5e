//! Arbitrary and hostile octets: a value comes out, never a panic, never quadratic time.

use formats::date;
use formats::message::{DEPTH_MAX, PARTS_MAX, Part, PartKind, header, summarize};
use formats::{Address, Defect, DomainName};
use proptest::prelude::*;

use crate::corpus::whole;

fn leaves(part: &Part) -> usize {
    match &part.kind {
        PartKind::Leaf => 1,
        PartKind::Multipart(parts) => parts.iter().map(leaves).sum(),
        PartKind::Message(inner) => leaves(&inner.part),
    }
}

#[test]
fn i13_nesting_and_parts_are_capped() {
    let deep: String = (0..10_000)
        .map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"))
        .collect();
    assert!(
        whole(deep.as_bytes(), "deep multiparts")
            .defects
            .contains(&Defect::TooDeep)
    );
    let messages = "Content-Type: message/rfc822\r\n\r\n".repeat(100_000);
    assert!(
        whole(messages.as_bytes(), "deep messages")
            .defects
            .contains(&Defect::TooDeep)
    );
    let many = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n{}",
        "--b\r\n\r\nx\r\n".repeat(100_000)
    );
    let summary = whole(many.as_bytes(), "many parts");
    assert!(summary.defects.contains(&Defect::TooManyParts));
    assert!(leaves(&summary.part) <= PARTS_MAX);
    let digest = format!(
        "Content-Type: multipart/digest; boundary=b\r\n\r\n{}",
        "--b\r\n\r\n\r\n".repeat(100_000)
    );
    assert!(leaves(&whole(digest.as_bytes(), "digest").part) <= PARTS_MAX);
}

#[test]
fn i13_large_headers_cost_linear_time() {
    let name = |n: usize| format!("X-{n}: y\r\n");
    let many: String = (0..500_000).map(name).collect();
    assert!(
        summarize(many.as_bytes())
            .defects
            .contains(&Defect::TooManyFields)
    );
    for field in [
        "To: ",
        "Subject: ",
        "References: ",
        "Content-Type: a/b; ",
        "Date: ",
        "Content-Disposition: x; ",
    ] {
        for piece in [
            "a@b.vn, ",
            "<a@b.vn> ",
            "x=y; ",
            "\"",
            "(",
            "=?a?q?",
            "=?utf-8?q?x?= ",
            "x*0*=a; ",
            "\r\n ",
            "\0",
            "é",
        ] {
            let raw = format!("{field}{}\r\n\r\n", piece.repeat(200_000 / piece.len()));
            whole(raw.as_bytes(), field);
        }
    }
}

#[test]
fn i13_delimiters_cost_linear_time() {
    let nested: String = (0..DEPTH_MAX)
        .map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"))
        .collect();
    for line in ["--b\r\n", "--\r\n", "--b1x\r\n", "\r\n", "-\n"] {
        let raw = format!("{nested}\r\n{}", line.repeat(1_000_000 / line.len()));
        whole(raw.as_bytes(), line);
    }
}

/// Octets that look like mail more often than random ones do.
fn mail() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "Content-Type: multipart/mixed; boundary=b\r\n",
        "Content-Type: multipart/digest; boundary=\"b \"\n",
        "Content-Type: message/rfc822\r\n",
        "Content-Type: text/html; charset=tcvn3\r\n",
        "Content-Transfer-Encoding: base64\r\n",
        "Content-Transfer-Encoding: quoted-printable\n",
        "Content-Disposition: attachment; filename*0*=utf-8''%C3",
        "; filename*1=\"x\r\n\"\r\n",
        "From: a <b@c>, (x \"\r\n",
        "Subject: =?utf-8?q?=C3?= =?x?b?",
        "Date: Mon, 2 Nov 2026 08:00 +0700\r\n",
        "--b\r\n",
        "--b--\r\n",
        "\r\n",
        "\n",
        "\r",
        " ",
        "\t",
        "x",
        "é",
        "=",
        "=3D",
        "=\r\n",
        "\0",
        "\"",
        "(",
        "<p>",
        "From x\n",
        ":",
        ";",
        "<!--",
        "&#x1F600;",
        "References: <a@b> <c",
        "\r\n\r\n",
    ]);
    let text = prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat().into_bytes());
    let junk = prop::collection::vec(any::<u8>(), 0..200);
    (text, junk, any::<prop::sample::Index>()).prop_map(|(mut text, junk, at)| {
        let at = at.index(text.len() + 1);
        text.splice(at..at, junk);
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_octets_are_read(raw in mail()) {
        whole(&raw, "generated");
    }

    #[test]
    fn any_octets_are_a_value(raw in prop::collection::vec(any::<u8>(), 0..400)) {
        whole(&raw, "random");
        let _ = (header::addresses(&raw), header::text(&raw), header::remove_field(&raw, "Bcc"));
        for charset in ["utf-7", "vni", "tcvn3", "viscii", "windows-1258", "iso-2022-jp", "gb18030", "utf-16"] {
            let _ = formats::message::charset::decode(charset, &raw);
        }
    }

    #[test]
    fn any_text_is_a_value(text in "\\PC{0,120}") {
        if let Ok(address) = Address::parse(&text) {
            prop_assert_eq!(Address::parse(&address.to_string()), Ok(address));
        }
        if let Ok(name) = DomainName::parse(&text) {
            prop_assert_eq!(DomainName::parse(name.as_str()), Ok(name));
        }
        let _ = (date::parse_rfc5322(&text), date::parse_utc(&text));
        let written = header::encode_words(&text);
        prop_assert!(written.is_ascii());
        let _ = (formats::text::fold(&text), formats::text::name_key(&text), formats::text::initials(&text));
        prop_assert!(formats::text::local_part_from_name(&text).is_ascii());
        crate::attack::harmless(&formats::html::text_to_html(&text), "text");
    }

    #[test]
    fn dates_return(unix_s in -62_000_000_000i64..253_000_000_000, offset_min in -1439i32..1440) {
        let written = date::rfc5322(unix_s, offset_min);
        prop_assert_eq!(date::parse_rfc5322(&written), Some((unix_s, offset_min)));
        prop_assert_eq!(date::parse_utc(&date::utc(unix_s)), Some(unix_s));
    }
}
