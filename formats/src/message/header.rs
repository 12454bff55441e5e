//! RFC 5322 §2.2: header fields, and the values in them as people and protocols need them.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use super::charset;
pub use super::person::{Group, NamedAddress, Person, addresses, decoded_addresses};
pub use super::word::{decode_words, encode_words};

/// Fields of one header that are looked at.
pub const FIELDS_MAX: usize = 2000;
/// Addresses of one field that are read.
pub const ADDRESSES_MAX: usize = 5000;
/// Message identifiers of one field that are read.
pub const MESSAGE_IDS_MAX: usize = 1000;
/// Octets of an unstructured value that a summary keeps.
pub const VALUE_KEPT_MAX: usize = 8192;
/// Octets of a field name.
const NAME_MAX: usize = 1000;

/// One header field as it stands in the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name as written, without colon.
    pub name: &'a str,
    /// The whole field: name, colon, folding and the last line end.
    pub raw: &'a [u8],
    /// What follows the colon, folding kept, the last line end left out.
    pub value: &'a [u8],
}

impl Field<'_> {
    /// Whether this is the field of that name, in any case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// The fields of a header in order, at most [`FIELDS_MAX`]; stops at the empty line. Lines that
/// belong to no field are passed over. Takes a whole message as well as a header.
#[must_use]
pub fn fields(header: &[u8]) -> Fields<'_> {
    Fields {
        lines: lines(header),
        left: FIELDS_MAX,
    }
}

/// Iterator of [`fields`].
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    lines: Lines<'a>,
    left: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        self.left = self.left.checked_sub(1)?;
        self.lines.find_map(|line| match line {
            Line::Field(field) => Some(field),
            Line::Stray(_) => None,
        })
    }
}

/// A line of a header, together with those that continue it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// What a field should be.
    Field(Field<'a>),
    /// What has no field name; with its line end.
    Stray(&'a [u8]),
}

/// All lines of a header in order, however many; stops at the empty line.
#[must_use]
pub fn lines(header: &[u8]) -> Lines<'_> {
    Lines { rest: header }
}

/// Iterator of [`lines`].
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Lines<'a> {
    /// What has not been gone through yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let mut end = line_end(self.rest, 0);
        let first = &self.rest[..end];
        if matches!(first, b"" | b"\r\n" | b"\n") {
            self.rest = b"";
            return None;
        }
        while matches!(self.rest.get(end), Some(b' ' | b'\t')) {
            end = line_end(self.rest, end);
        }
        let (raw, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(match field_name(first) {
            Some((name, colon)) => Line::Field(Field {
                name,
                raw,
                value: without_line_end(&raw[colon + 1..]),
            }),
            None => Line::Stray(raw),
        })
    }
}

/// The offset behind the line that begins at `from`.
pub(super) fn line_end(bytes: &[u8], from: usize) -> usize {
    let from = from.min(bytes.len());
    memchr::memchr(b'\n', &bytes[from..]).map_or(bytes.len(), |at| from + at + 1)
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

pub(super) fn is_field_line(line: &[u8]) -> bool {
    field_name(line).is_some()
}

/// RFC 5322 §2.2: printable ASCII but the colon; §4.5.2 allows white space before the colon.
fn field_name(line: &[u8]) -> Option<(&str, usize)> {
    let colon = memchr::memchr(b':', &line[..line.len().min(NAME_MAX)])?;
    let name = line[..colon].trim_ascii_end();
    let named = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    let name = std::str::from_utf8(name).ok().filter(|_| named)?;
    Some((name, colon))
}

/// The first field of that name, unfolded and trimmed; encoded words stay encoded.
#[must_use]
pub fn first_value(header: &[u8], name: &str) -> Option<String> {
    fields(header)
        .find(|field| field.is(name))
        .map(|field| unfold(field.value))
}

/// The message without any field of that name (`Bcc`, before it goes out).
#[must_use]
pub fn remove_field(raw: &[u8], name: &str) -> Vec<u8> {
    let mut kept = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while !rest.is_empty() {
        let mut end = line_end(rest, 0);
        let first = &rest[..end];
        if matches!(first, b"\r\n" | b"\n") {
            break;
        }
        while matches!(rest.get(end), Some(b' ' | b'\t')) {
            end = line_end(rest, end);
        }
        let named = field_name(first).is_some_and(|(found, _)| found.eq_ignore_ascii_case(name));
        if !named {
            kept.extend_from_slice(&rest[..end]);
        }
        rest = &rest[end..];
    }
    kept.extend_from_slice(rest);
    kept
}

/// RFC 5322 §2.2.3: line breaks taken out, octets made text (UTF-8, else windows-1252), NFC.
#[must_use]
pub fn unfold(raw_value: &[u8]) -> String {
    let text: Cow<'_, str> = charset::guess(raw_value);
    let mut flat = String::with_capacity(text.len());
    flat.extend(text.chars().filter(|c| !matches!(c, '\r' | '\n' | '\0')));
    let trimmed = flat.trim();
    if trimmed.is_ascii() {
        trimmed.to_owned()
    } else {
        trimmed.nfc().collect()
    }
}

/// The value as people read it: unfolded, encoded words decoded (RFC 2047), NFC.
#[must_use]
pub fn text(raw_value: &[u8]) -> String {
    decode_words(&unfold(raw_value))
}

/// Cuts a value that a summary keeps, at a character.
pub(super) fn shorten(mut value: String) -> String {
    if value.len() > VALUE_KEPT_MAX {
        let mut end = VALUE_KEPT_MAX;
        while !value.is_char_boundary(end) {
            end -= 1;
        }
        value.truncate(end);
    }
    value
}

/// RFC 5322 §3.6.4: the identifiers in `Message-ID`, `In-Reply-To` or `References`, without angle
/// brackets and inner white space, at most [`MESSAGE_IDS_MAX`]. Where none is bracketed, words
/// with an `@` count.
#[must_use]
pub fn message_ids(raw_value: &[u8]) -> Vec<String> {
    let text = unfold(raw_value);
    let mut ids = Vec::new();
    let mut rest = text.as_str();
    while let Some(open) = rest.find('<') {
        let Some(close) = rest[open..].find('>') else {
            break;
        };
        let inner = &rest[open + 1..open + close];
        // A stray `<` before the real one is passed over.
        let inner = inner.rsplit('<').next().unwrap_or(inner);
        let id: String = inner.chars().filter(|c| !c.is_whitespace()).collect();
        if !id.is_empty() {
            ids.push(id);
        }
        if ids.len() >= MESSAGE_IDS_MAX {
            return ids;
        }
        rest = &rest[open + close + 1..];
    }
    if ids.is_empty() {
        let words = text
            .split_whitespace()
            .map(|word| word.trim_matches(['<', '>']));
        ids = words
            .filter(|w| w.contains('@'))
            .take(MESSAGE_IDS_MAX)
            .map(str::to_owned)
            .collect();
    }
    ids
}
