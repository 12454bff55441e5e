//! RFC 6152 §3, RFC 3030 §3, RFC 5321 §4.5.3.1.6: a message for a server that takes no octets over 127, nothing but
//! lines, or no long ones: its bodies encoded anew, what they say the same.
//!
//! What is signed or encrypted by its author is never touched (RFC 1847 §2.1: the signature is over the octets).
//! Another kind of signature, DKIM's, over the old octets holds no more: mail is signed after this.

use super::binary::{has_binary, is_plain, odd, parts};
use super::header::{fields, remove_field};
use super::part::decode_body;
use super::{Part, PartKind};
use base64::Engine as _;
use std::borrow::Cow;

/// RFC 2045 §6.7, §6.8: characters of an encoded line.
const LINE_MAX: usize = 76;
/// RFC 5322 §2.1.1, RFC 5321 §4.5.3.1.6: octets of a line, its end left out.
pub const LONG: usize = 998;

/// What the message must become. Lines (RFC 2045 §2.8: 8bit) it becomes in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Octets below 128.
    pub(super) seven: bool,
    /// No line longer than [`LONG`].
    pub(super) short: bool,
    /// Even what its author signed or encrypted.
    pub(super) signed: bool,
}

/// The message in octets below 128. `None`: it cannot be, since a header field or what stands between parts has others,
/// a part contradicts its own encoding, or it is signed by its author.
#[must_use]
pub fn to_seven_bit(raw: &[u8]) -> Option<Vec<u8>> {
    fitted(raw, true, false)
}

/// The message with no line longer than [`LONG`], and in octets below 128 where that is wanted, too: bodies encoded,
/// header lines folded where they have white space (RFC 5322 §2.2.3). `None`: it cannot be, as for [`to_seven_bit`], or
/// since a line stands where neither helps.
#[must_use]
pub fn to_short_lines(raw: &[u8], seven: bool) -> Option<Vec<u8>> {
    fitted(raw, seven, true)
}

fn fitted(raw: &[u8], seven: bool, short: bool) -> Option<Vec<u8>> {
    let signed = false;
    let wanted = Wanted {
        seven,
        short,
        signed,
    };
    let out = rebuilt(raw, &parts(raw), wanted)?;
    let fits = (!seven || out.is_ascii()) && (!short || !has_long_lines(&out));
    fits.then_some(out)
}

/// Whether a line of it is longer than [`LONG`].
#[must_use]
pub fn has_long_lines(octets: &[u8]) -> bool {
    let mut from = 0;
    let ends = memchr::memchr_iter(b'\n', octets).chain([octets.len()]);
    ends.into_iter().any(|end| {
        let line = &octets[from..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        from = end + 1;
        line.len() > LONG
    })
}

/// The message without binary parts: each of them in base64. `None`: it cannot be.
#[must_use]
pub fn to_lines(raw: &[u8]) -> Option<Vec<u8>> {
    fitted(raw, false, false)
}

/// The message of these parts as it is wanted; `None`: it cannot be.
pub(super) fn rebuilt(raw: &[u8], part: &Part, wanted: Wanted) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 2);
    let end = entity(raw, part, (wanted, true), &mut out)?;
    out.extend_from_slice(raw.get(end..)?);
    Some(out)
}

/// Writes one entity; the offset after it. `top`: it is a message, not a part of one.
fn entity(
    raw: &[u8],
    part: &Part,
    (wanted, top): (Wanted, bool),
    out: &mut Vec<u8>,
) -> Option<usize> {
    let (header, body) = (part.header.of(raw), part.body.of(raw));
    if wanted.seven && !header.is_ascii() {
        return None;
    }
    let header = match wanted.short && has_long_lines(header) {
        true => Cow::Owned(folded(header)?),
        false => Cow::Borrowed(header),
    };
    let header = &*header;
    let end = part.body.end();
    let binary = odd(body) && has_binary(raw, part);
    let long = wanted.short && has_long_lines(body);
    if !binary && !long && (!wanted.seven || body.is_ascii()) {
        out.extend_from_slice(header);
        out.extend_from_slice(body);
        return Some(end);
    }
    // What consists of others is as they are; 7bit needs no field.
    let inside = (!wanted.seven && !body.is_ascii()).then_some("8bit");
    match &part.kind {
        // Long lines of letters and digits are put right without another encoding.
        PartKind::Leaf if part.encoding.eq_ignore_ascii_case("base64") && body.is_ascii() => {
            out.extend_from_slice(header);
            wrapped(body, out);
        }
        PartKind::Leaf => {
            let quoted = part.encoding.eq_ignore_ascii_case("quoted-printable");
            let body = match is_plain(part) {
                true => Cow::Borrowed(body),
                false if long && quoted && body.is_ascii() => decode_body(part, raw),
                false => return None,
            };
            let body = &*body;
            let (name, encoded) = if binary {
                ("base64", base64_lines(body))
            } else {
                encode(body)
            };
            fields_with(header, Some(name), (top, body.is_ascii()), out)?;
            out.extend_from_slice(&encoded);
        }
        PartKind::Multipart(_)
            if !wanted.signed && matches!(part.subtype.as_str(), "signed" | "encrypted") =>
        {
            return None;
        }
        PartKind::Multipart(parts) => {
            fields_with(header, inside, (false, true), out)?;
            inner(raw, part, parts.iter(), (wanted, false), out)?;
        }
        PartKind::Message(nested) => {
            fields_with(header, inside, (false, true), out)?;
            inner(
                raw,
                part,
                std::iter::once(&nested.part),
                (wanted, true),
                out,
            )?;
        }
    }
    Some(end)
}

/// The body of an entity that consists of others.
fn inner<'a>(
    raw: &[u8],
    outer: &Part,
    parts: impl Iterator<Item = &'a Part>,
    how: (Wanted, bool),
    out: &mut Vec<u8>,
) -> Option<()> {
    let mut at = outer.body.at as usize;
    for part in parts {
        let start = if part.header.len == 0 {
            part.body.at
        } else {
            part.header.at
        };
        out.extend_from_slice(raw.get(at..start as usize)?);
        at = entity(raw, part, how, out)?;
    }
    out.extend_from_slice(raw.get(at..outer.body.end())?);
    Some(())
}

/// The header with its long lines folded before white space (RFC 5322 §2.2.3); `None`: there is none in time.
fn folded(header: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(header.len() + header.len() / LINE_MAX);
    for line in header.split_inclusive(|octet| *octet == b'\n') {
        let mut rest = line;
        loop {
            let text = rest.strip_suffix(b"\n").unwrap_or(rest);
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            if text.len() <= LONG {
                break;
            }
            // What follows must be more than white space, and so must what stays.
            let is_place = |at: &usize| {
                let (before, after) = text.split_at(*at);
                let blank = |octets: &[u8]| octets.trim_ascii().is_empty();
                matches!(after[0], b' ' | b'\t') && !blank(before) && !blank(after)
            };
            let at = (1..=LINE_MAX).rev().find(is_place);
            let at = at.or_else(|| (LINE_MAX + 1..=LONG).find(is_place))?;
            out.extend_from_slice(&rest[..at]);
            out.extend_from_slice(b"\r\n");
            rest = &rest[at..];
        }
        out.extend_from_slice(rest);
    }
    Some(out)
}

/// Base64 in lines as RFC 2045 §6.8 wants them.
fn wrapped(body: &[u8], out: &mut Vec<u8>) {
    let digits: Vec<u8> = body
        .iter()
        .copied()
        .filter(|octet| !octet.is_ascii_whitespace())
        .collect();
    for line in digits.chunks(LINE_MAX) {
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
}

/// The header with this encoding instead of its own; `None`: 7bit, which needs no field. `top`: it is a message's;
/// `ascii`: what its body is.
fn fields_with(
    header: &[u8],
    encoding: Option<&str>,
    (top, ascii): (bool, bool),
    out: &mut Vec<u8>,
) -> Option<()> {
    // Without an empty line at its end nothing can be added.
    let own = match header.strip_suffix(b"\r\n") {
        Some(own) if own.is_empty() || own.ends_with(b"\r\n") => own,
        _ => return None,
    };
    out.extend_from_slice(&remove_field(own, "Content-Transfer-Encoding"));
    if let Some(encoding) = encoding {
        let has = |name: &str| fields(own).any(|field| field.is(name));
        if top && !has("MIME-Version") {
            out.extend_from_slice(b"MIME-Version: 1.0\r\n");
            if !ascii && !has("Content-Type") {
                // RFC 1428 §3: nobody said which charset it is.
                out.extend_from_slice(b"Content-Type: text/plain; charset=unknown-8bit\r\n");
            }
        }
        out.extend_from_slice(format!("Content-Transfer-Encoding: {encoding}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    Some(())
}

/// The shorter of the two encodings, the readable one where they are near each other.
fn encode(body: &[u8]) -> (&'static str, Vec<u8>) {
    let high = body.iter().filter(|octet| !octet.is_ascii()).count();
    if high * 5 <= body.len() {
        return ("quoted-printable", quoted_printable(body));
    }
    ("base64", base64_lines(body))
}

/// RFC 2045 §6.8.
fn base64_lines(body: &[u8]) -> Vec<u8> {
    let text = base64::engine::general_purpose::STANDARD.encode(body);
    let mut out = Vec::with_capacity(text.len() + text.len() / LINE_MAX * 2 + 2);
    for line in text.as_bytes().chunks(LINE_MAX) {
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// RFC 2045 §6.7.
fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() * 3 / 2);
    let mut width = 0;
    let mut at = 0;
    while let Some(octet) = body.get(at) {
        if body[at..].starts_with(b"\r\n") {
            out.extend_from_slice(b"\r\n");
            (width, at) = (0, at + 2);
            continue;
        }
        let at_end = at + 1 == body.len() || body[at + 1..].starts_with(b"\r\n");
        let plain = match octet {
            b' ' | b'\t' => !at_end,
            b'=' => false,
            33..=126 => true,
            _ => false,
        };
        let needed = if plain { 1 } else { 3 };
        // The mark of a soft line break needs a place of its own.
        if width + needed > LINE_MAX - 1 {
            out.extend_from_slice(b"=\r\n");
            width = 0;
        }
        if plain {
            out.push(*octet);
        } else {
            out.extend_from_slice(format!("={octet:02X}").as_bytes());
        }
        width += needed;
        at += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::binary::is_binary;
    use crate::message::summarize;

    #[test]
    fn bodies_are_encoded_and_headers_say_so() {
        let check = |raw: &str, expected: Option<&str>| {
            let got = to_seven_bit(raw.as_bytes()).map(|out| String::from_utf8(out).unwrap());
            assert_eq!(got.as_deref(), expected, "{raw}");
        };
        check(
            "Subject: x\r\n\r\nascii\r\n",
            Some("Subject: x\r\n\r\nascii\r\n"),
        );
        check(
            "A: b\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n\r\nm\u{f4}t = hai \r\nba bon nam\r\n",
            Some(
                "A: b\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
                 m=C3=B4t =3D hai=20\r\nba bon nam\r\n",
            ),
        );
        check(
            "A: b\r\n\r\n\u{1ed9}\u{1ed9}\r\n",
            Some(
                "A: b\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n\
                 Content-Transfer-Encoding: base64\r\n\r\n4buZ4buZDQo=\r\n",
            ),
        );
        check("Subject: \u{1ed9}\r\n\r\nx\u{1ed9}\r\n", None);
        check(
            "Content-Transfer-Encoding: base64\r\n\r\n\u{1ed9}\r\n",
            None,
        );
    }

    #[test]
    fn parts_keep_their_places() {
        let letter = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\npre\r\n--b\r\n\r\none v\u{e0} hai ba bon nam\r\n--b\r\n\
             Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: in\r\n\r\n\
             b\u{ea}n trong, rat dai dong nay\r\n--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n--b--\r\nepi\r\n";
        let seven = to_seven_bit(letter.as_bytes()).unwrap();
        let text = String::from_utf8(seven).unwrap();
        assert_eq!(
            text,
            "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\none v=C3=A0 hai ba bon nam\r\n--b\r\n\
             Content-Type: message/rfc822\r\n\r\nSubject: in\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=unknown-8bit\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\n\
             b=C3=AAn trong, rat dai dong nay\r\n--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n--b--\r\nepi\r\n"
        );
    }

    #[test]
    fn binary_parts_are_encoded_and_nothing_else() {
        let check = |raw: &str, binary: bool, expected: Option<&str>| {
            assert_eq!(is_binary(raw.as_bytes()), binary, "{raw:?}");
            let got = to_lines(raw.as_bytes()).map(|out| String::from_utf8(out).unwrap());
            assert_eq!(got.as_deref(), expected, "{raw:?}");
        };
        let own = |text: &str| text.to_owned();
        // Line ends that stand alone in text are line ends; the sender puts them right.
        let loose = own("A: b\nMIME-Version: 1.0\n\nx\n");
        check(&loose, false, Some(&loose));
        check(
            "MIME-Version: 1.0\r\nContent-Transfer-Encoding: binary\r\n\r\na\nb",
            true,
            Some("MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\nYQpi\r\n"),
        );
        let lines = own("Content-Transfer-Encoding: binary\r\n\r\n\u{1ed9} in lines\r\n");
        check(&lines, false, Some(&lines));
        let letter = |inner: &str, word: &str| {
            format!(
                "MIME-Version: 1.0\r\nContent-Type: multipart/{inner}; boundary=b\r\n{word}\r\n--b\r\n\r\n\u{1ed9}\r\n\
                 --b\r\nContent-Type: image/png\r\n"
            )
        };
        let binary = "Content-Transfer-Encoding: binary\r\n";
        check(
            &format!("{}{binary}\r\n\0\r\r\n--b--\r\n", letter("mixed", binary)),
            true,
            Some(&format!(
                "{}Content-Transfer-Encoding: base64\r\n\r\nAA0=\r\n\r\n--b--\r\n",
                letter("mixed", "Content-Transfer-Encoding: 8bit\r\n")
            )),
        );
        // RFC 1847 §2.1: signed octets stay as they are, here and for seven bits.
        let signed = format!("{}{binary}\r\n\0\r\r\n--b--\r\n", letter("signed", ""));
        check(&signed, true, None);
        assert_eq!(to_seven_bit(signed.as_bytes()), None);
        let signed = format!("{}\r\nx\r\n--b--\r\n", letter("signed", ""));
        check(&signed, false, Some(&signed));
        assert_eq!(to_seven_bit(signed.as_bytes()), None);
    }

    #[test]
    fn long_lines_become_short_ones_that_say_the_same() {
        let check = |raw: &str, fits: bool| {
            let got = to_short_lines(raw.as_bytes(), false);
            assert_eq!(got.is_some(), fits, "{raw}");
            let Some(got) = got else { return };
            assert!(!has_long_lines(&got));
            let (was, is) = (summarize(raw.as_bytes()), summarize(&got));
            assert_eq!(was.defects, is.defects);
            let text = |part: &Part, raw: &[u8]| {
                let all = part
                    .walk()
                    .filter(|(_, part)| matches!(part.kind, PartKind::Leaf));
                let all = all.map(|(_, leaf)| decode_body(leaf, raw).to_vec());
                all.collect::<Vec<_>>()
            };
            assert_eq!(
                text(&was.part, raw.as_bytes()),
                text(&is.part, &got),
                "{raw}"
            );
            assert_eq!(was.head.subject, is.head.subject);
        };
        let (long, words) = ("x".repeat(5_000), "mot hai ba ".repeat(500));
        let plain = |text: &str| format!("Subject: a\r\n\r\n{text}\r\n");
        assert!(!has_long_lines(plain(&long[..998]).as_bytes()));
        assert!(has_long_lines(plain(&long[..999]).as_bytes()));
        assert_eq!(
            to_short_lines(plain("b").as_bytes(), false).as_deref(),
            Some(plain("b").as_bytes())
        );
        check(&plain(&long), true);
        check(&plain(&words.replace('a', "\u{1ed9}")), true);
        let typed = |kind: &str, encoding: &str, body: &str| {
            format!(
                "MIME-Version: 1.0\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}\r\n"
            )
        };
        check(&typed("text/html; charset=utf-8", "8bit", &long), true);
        check(&typed("image/png", "base64", &long), true);
        check(&typed("text/plain", "quoted-printable", &long), true);
        check(&typed("text/plain", "x-unknown", &long), false);
        let parts = |kind: &str, pre: &str| {
            let inner = typed("text/plain", "7bit", &long);
            let body = format!("{pre}\r\n--b\r\n{inner}\r\n--b--\r\n");
            typed(&format!("multipart/{kind}; boundary=b"), "7bit", &body)
        };
        check(&parts("mixed", ""), true);
        check(&parts("signed", ""), false);
        check(&parts("mixed", &long), false);
        // A header is folded where it has white space.
        check(&format!("Subject: {words}\r\n\r\nb\r\n"), true);
        check(&format!("Subject: {words}\r\n\r\n{words}\r\n"), true);
        check(&format!("Subject: {long}\r\n\r\nb\r\n"), false);
        let seven = to_short_lines(plain(&format!("{long}\u{1ed9}")).as_bytes(), true);
        assert!(seven.unwrap().is_ascii());
    }

    #[test]
    fn encoded_lines_are_short_and_decode_to_the_same() {
        for text in [
            "m\u{f4}t",
            "\u{1ed9}",
            "abcdefghij ",
            "=\t ",
            "xin ch\u{e0}o \r\n",
        ] {
            let body = text.repeat(200);
            let raw = format!(
                "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\u{1ed9}\r\n"
            );
            let seven = to_seven_bit(raw.as_bytes()).unwrap();
            let lines = seven.split(|b| *b == b'\n');
            assert!(lines.into_iter().all(|line| line.len() <= LINE_MAX + 1));
            let summary = summarize(&seven);
            let part = &summary.part;
            let decoded = decode_body(part, &seven);
            assert_eq!(
                String::from_utf8_lossy(&decoded),
                format!("{body}\u{1ed9}\r\n")
            );
        }
    }
}
