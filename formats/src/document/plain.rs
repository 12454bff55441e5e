//! Text files: which charset they are in is told by their first octets, or guessed.

use crate::message::{Part, charset, part};
use unicode_normalization::UnicodeNormalization;

/// What UTF-16 begins with: little end, big end.
const MARKS: [(&[u8], bool); 2] = [(b"\xff\xfe", true), (b"\xfe\xff", false)];
/// Octets of an encoded file that are decoded to see how it begins.
const HEAD: usize = 64;

/// The text of a file: UTF-16 where it begins so, UTF-8 where it is, else windows-1252, as of undeclared letters.
pub(super) fn decoded(octets: &[u8]) -> String {
    for (mark, little) in MARKS {
        if let Some(rest) = octets.strip_prefix(mark) {
            return utf16(rest, little);
        }
    }
    charset::guess(octets).into_owned()
}

pub(super) fn utf16(octets: &[u8], little: bool) -> String {
    let units = octets.chunks_exact(2).map(|pair| match little {
        true => u16::from_le_bytes([pair[0], pair[1]]),
        false => u16::from_be_bytes([pair[0], pair[1]]),
    });
    let chars = char::decode_utf16(units);
    chars.map(|c| c.unwrap_or('\u{fffd}')).collect()
}

/// A text part that does not say its charset and begins as UTF-16: read as a letter's text it would be nonsense.
pub(super) fn is_utf16(part: &Part, raw: &[u8]) -> bool {
    if part.media != "text" || part.param("charset").is_some() {
        return false;
    }
    let body = part.body.of(raw);
    let head = part::decode_transfer(&part.encoding, &body[..body.len().min(HEAD)]);
    MARKS.iter().any(|(mark, _)| head.starts_with(mark))
}

/// NFC, as all texts that are searched.
pub(super) fn composed(text: String) -> String {
    match text.is_ascii() {
        true => text,
        false => text.nfc().collect(),
    }
}
