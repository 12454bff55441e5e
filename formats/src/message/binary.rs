//! RFC 2045 §2.9, RFC 3030, RFC 3516 §6: binary parts, which are not made of lines, and what readers in lines get of them.

use super::seven::{Wanted, rebuilt};
use super::{Part, PartKind, Range, structure};

/// RFC 2045 §2.9: whether a part of it is binary, so that it goes through BINARYMIME only. A NUL makes any part so; line
/// ends that stand alone only one that says of itself that it is binary: elsewhere they are ends of lines.
#[must_use]
pub fn is_binary(raw: &[u8]) -> bool {
    odd(raw) && has_binary(raw, &parts(raw))
}

/// RFC 3516 §6, RFC 9051 §4.3.1: a message with binary parts as who reads it in lines gets it, each of them in base64.
/// What its author signed is no exception here: it goes to no other server, and its octets are what can be kept.
/// `None`: nothing in it is binary, or it cannot be.
#[must_use]
pub fn readable(raw: &[u8]) -> Option<Vec<u8>> {
    if !odd(raw) {
        return None;
    }
    let part = parts(raw);
    if !has_binary(raw, &part) {
        return None;
    }
    let wanted = Wanted {
        signed: true,
        ..Wanted::default()
    };
    rebuilt(raw, &part, wanted)
}

/// By how many octets it is longer as [`readable`] gives it.
#[must_use]
pub fn growth(raw: &[u8]) -> u32 {
    let longer = readable(raw).map_or(0, |lines| lines.len().saturating_sub(raw.len()));
    u32::try_from(longer).unwrap_or(u32::MAX)
}

/// RFC 3030 §3: whether a CR or an LF stands alone elsewhere than in a part that says of itself that it is binary. There
/// it would be the end of a line to some and not to others.
#[must_use]
pub fn has_stray_line_ends(raw: &[u8]) -> bool {
    if !odd(raw) {
        return false;
    }
    let (mut at, mut stray) = (0, false);
    each_binary(&parts(raw), &mut |body| {
        stray |= is_broken(raw, at, body.at as usize);
        at = body.end();
    });
    stray || is_broken(raw, at, raw.len())
}

/// The tree of parts of a message.
pub(super) fn parts(raw: &[u8]) -> Part {
    structure::read(&raw[..raw.len().min(u32::MAX as usize)]).0
}

pub(super) fn has_binary(raw: &[u8], part: &Part) -> bool {
    match &part.kind {
        PartKind::Leaf => is_binary_leaf(part, part.body.of(raw)),
        PartKind::Multipart(parts) => parts.iter().any(|part| has_binary(raw, part)),
        PartKind::Message(nested) => has_binary(raw, &nested.part),
    }
}

/// Whether it has a NUL, or a CR or LF that stands alone.
pub(super) fn odd(octets: &[u8]) -> bool {
    memchr::memchr3_iter(0, b'\r', b'\n', octets).any(|at| octets[at] == 0 || is_alone(octets, at))
}

/// Whether what it holds stands there as it is, not encoded.
pub(super) fn is_plain(part: &Part) -> bool {
    let encoding = part.encoding.to_ascii_lowercase();
    matches!(encoding.as_str(), "7bit" | "8bit" | "binary")
}

fn is_binary_leaf(part: &Part, body: &[u8]) -> bool {
    let says_so = part.encoding.eq_ignore_ascii_case("binary");
    is_plain(part) && (memchr::memchr(0, body).is_some() || says_so && odd(body))
}

/// Whether the CR or LF that is there lacks the other one.
fn is_alone(octets: &[u8], at: usize) -> bool {
    match octets[at] {
        b'\r' => octets.get(at + 1) != Some(&b'\n'),
        _ => at == 0 || octets[at - 1] != b'\r',
    }
}

/// Whether a CR or LF stands alone from here to there.
fn is_broken(raw: &[u8], from: usize, to: usize) -> bool {
    let octets = raw.get(from..to).unwrap_or_default();
    memchr::memchr2_iter(b'\r', b'\n', octets).any(|at| is_alone(raw, from + at))
}

/// The bodies of the parts that say that they are binary, in their order.
fn each_binary(part: &Part, each: &mut dyn FnMut(Range)) {
    match &part.kind {
        PartKind::Leaf if part.encoding.eq_ignore_ascii_case("binary") => each(part.body),
        PartKind::Leaf => {}
        PartKind::Multipart(parts) => parts.iter().for_each(|part| each_binary(part, each)),
        PartKind::Message(nested) => each_binary(&nested.part, each),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::part::decode_body;
    use crate::message::summarize;

    const SIGNED: &str = "A: b\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\
         Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\nP\0N\rG\n\r\n--b--\r\n";

    #[test]
    fn readers_in_lines_get_the_same_octets() {
        let lines = readable(SIGNED.as_bytes()).unwrap();
        assert_eq!(
            growth(SIGNED.as_bytes()),
            (lines.len() - SIGNED.len()) as u32
        );
        assert!(!is_binary(&lines) && readable(&lines).is_none());
        let part = &summarize(&lines).part;
        let found = part.find(&[1]).unwrap();
        assert_eq!(found.part.encoding, "base64");
        assert_eq!(&*decode_body(found.part, &lines), b"P\0N\rG\n");
        // What is not binary stays as it is, and so does a NUL that nobody can encode.
        for same in ["A: b\n\nc", "A: \0\r\n\r\nc\r\n", "A: b\r\n\r\nc"] {
            assert_eq!(
                (readable(same.as_bytes()), growth(same.as_bytes())),
                (None, 0)
            );
        }
    }

    #[test]
    fn line_ends_may_stand_alone_in_binary_parts_only() {
        let check = |raw: &str, stray: bool| {
            assert_eq!(has_stray_line_ends(raw.as_bytes()), stray, "{raw:?}");
        };
        check(SIGNED, false);
        check(&SIGNED.replace("A: b\r", "A: b"), true);
        check(&SIGNED.replace("--b--\r\n", "--b--\r\nepi\rlogue"), true);
        check(&SIGNED.replace("binary", "8bit"), true);
        check(
            &SIGNED.replace("\r\n\r\n--b\r\n", "\r\n\r\npro\nlogue\r\n--b\r\n"),
            true,
        );
        check("A: b\r\n\r\nc\0d\r\n", false);
        check("A: b\r\n\r\nc\r", true);
        check("Content-Transfer-Encoding: binary\r\n\r\n\n\n\r", false);
        check("A: b\nContent-Transfer-Encoding: binary\n\n\n", true);
        // RFC 2045 §1: comments may stand before and behind it.
        for encoding in [
            "(c) binary",
            "(a (b) \\) c)(d)\r\n\tBinary (e)",
            "binary(c)",
        ] {
            let field = format!("Content-Transfer-Encoding: {encoding}\r\n\r\n\n\n\r");
            check(&field, false);
        }
        check("Content-Transfer-Encoding: (binary\r\n\r\n\n\n\r", true);
        check("Content-Transfer-Encoding: (c) 8bit\r\n\r\n\n\n\r", true);
    }
}
