//! The characters of a report: UTF-8, UTF-16 or ISO-8859-1, as its first octets or its declaration say (XML 1.0 §4.3.3,
//! appendix F).

use std::borrow::Cow;

/// Octets of a declaration in which the encoding is looked for.
const DECLARATION_MAX: usize = 200;

/// The text without its byte order mark. `None`: of another set of characters, or not what it says that it is.
pub(super) fn text(octets: &[u8]) -> Option<Cow<'_, str>> {
    match octets {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [b'<', 0, ..] => utf16(octets, u16::from_le_bytes),
        [0, b'<', ..] => utf16(octets, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => Some(String::from_utf8_lossy(rest)),
        _ => declared(octets),
    }
}

/// Whether a text in UTF-16 may begin so.
pub(super) fn begins_utf16(octets: &[u8]) -> bool {
    matches!(
        octets,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'<', 0, ..] | [0, b'<', ..]
    )
}

fn utf16(octets: &[u8], unit: fn([u8; 2]) -> u16) -> Option<Cow<'_, str>> {
    let (pairs, rest) = octets.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.ok().filter(|_| rest.is_empty()).map(Cow::Owned)
}

fn declared(octets: &[u8]) -> Option<Cow<'_, str>> {
    let name = encoding(octets).unwrap_or_default();
    match name.to_ascii_lowercase().as_str() {
        // Names of domains are ASCII; where octets are none of UTF-8, only people's words suffer.
        "" | "utf-8" | "utf8" | "us-ascii" => Some(String::from_utf8_lossy(octets)),
        "iso-8859-1" | "latin1" => {
            let text: String = octets.iter().map(|b| char::from(*b)).collect();
            Some(Cow::Owned(text))
        }
        _ => None,
    }
}

/// XML 1.0 §4.3.3: `encoding="…"` of the declaration; `None`: there is none.
fn encoding(octets: &[u8]) -> Option<String> {
    let head = &octets[..octets.len().min(DECLARATION_MAX)];
    let head = String::from_utf8_lossy(head);
    let declaration = head.trim_start().strip_prefix("<?xml")?;
    let declaration = declaration.split_once("?>")?.0;
    let value = declaration.split_once("encoding")?.1.trim_start();
    let value = value.strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let name = value[1..].split_once(quote)?.0;
    Some(name.to_owned())
}
