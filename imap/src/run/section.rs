//! RFC 9051 §6.4.5: the octets behind BODY[…] and BINARY[…], and how they are labelled.

use super::fetch::{Of, Rest, STRETCH_MAX, Sent};
use crate::ask::Output;
use crate::wire::fetch::{Partial, Section, Spelling, Text};
use crate::wire::lexer::is_atom_char;
use crate::wire::response::{self, put};
use formats::message::header::{self, Field};
use formats::message::part::decode_transfer;
use formats::message::{PartKind, Summary};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// What a section is.
enum Octets {
    /// A stretch of the message.
    Stretch(Range<usize>),
    /// Made from it.
    Made(Vec<u8>),
}

/// Adds `BODY[…] string` to a FETCH response; NIL for a part that is not there.
pub(super) fn section(
    out: &mut Output,
    summary: &Summary,
    content: &Arc<[u8]>,
    asked: (&Section, Option<Partial>, Spelling),
) -> Sent {
    let (section, partial, spelling) = asked;
    label(out.buf(), section, partial, spelling);
    match find(summary, content, section) {
        None => out.buf().extend_from_slice(b"NIL"),
        Some(Octets::Stretch(range)) => return stretch(out, content, range, partial),
        Some(Octets::Made(octets)) => {
            let range = cut(octets.len(), partial);
            put(out.buf(), format_args!("{{{}}}\r\n", range.len()));
            if range.len() > STRETCH_MAX {
                let of = Of::Picked(section.clone(), Some(octets));
                return Sent::Rest(Rest { of, range });
            }
            put_text(out.buf(), &octets[range]);
        }
    }
    Sent::All
}

/// The same of the message as it is, for which its summary is not needed.
pub(super) fn whole(
    out: &mut Output,
    content: &Arc<[u8]>,
    (section, partial, spelling): (&Section, Option<Partial>, Spelling),
) -> Sent {
    label(out.buf(), section, partial, spelling);
    stretch(out, content, 0..content.len(), partial)
}

fn stretch(
    out: &mut Output,
    content: &Arc<[u8]>,
    range: Range<usize>,
    partial: Option<Partial>,
) -> Sent {
    let cut = cut(range.len(), partial);
    let range = range.start + cut.start..range.start + cut.end;
    put(out.buf(), format_args!("{{{}}}\r\n", range.len()));
    if content.len() > STRETCH_MAX && !range.is_empty() {
        let of = Of::Content;
        return Sent::Rest(Rest { of, range });
    }
    // NUL may be in no literal (RFC 9051 §4.3); a message that has it is repaired on the way.
    match content
        .get(range.clone())
        .is_some_and(|o| memchr::memchr(0, o).is_some())
    {
        true => put_text(out.buf(), &content[range]),
        false => out.share(content, range),
    }
    Sent::All
}

/// Octets as a literal may have them.
pub(super) fn put_text(out: &mut Vec<u8>, octets: &[u8]) {
    match memchr::memchr(0, octets).is_some() {
        true => out.extend(octets.iter().map(without_nul)),
        false => out.extend_from_slice(octets),
    }
}

/// The octets of a section, NUL and all; `None` for a part that is not there.
pub(super) fn octets<'a>(
    summary: &Summary,
    content: &'a [u8],
    section: &Section,
) -> Option<Cow<'a, [u8]>> {
    find(summary, content, section).map(|found| match found {
        Octets::Stretch(range) => Cow::Borrowed(content.get(range).unwrap_or_default()),
        Octets::Made(octets) => Cow::Owned(octets),
    })
}

/// 0x80 is what other servers put for NUL too: the length stays, and BINARY gives the true octets.
fn without_nul(octet: &u8) -> u8 {
    if *octet == 0 { 0x80 } else { *octet }
}

/// RFC 9051 §6.4.5 partial: what lies past the end is left out.
fn cut(len: usize, partial: Option<Partial>) -> Range<usize> {
    let Some(partial) = partial else {
        return 0..len;
    };
    let clamp = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(len);
    let from = clamp(partial.from);
    from..clamp(partial.from.saturating_add(partial.len)).max(from)
}

fn find(summary: &Summary, content: &[u8], section: &Section) -> Option<Octets> {
    let found = summary.part.find(&section.path)?;
    let stretch = |range: formats::message::Range| {
        let from = (range.at as usize).min(content.len());
        Octets::Stretch(from..range.end().min(content.len()).max(from))
    };
    Some(match &section.text {
        Text::All => stretch(found.content()),
        Text::Header => stretch(found.header()?),
        Text::Text => stretch(found.text()?),
        Text::Mime => stretch(found.mime()?),
        Text::Fields(names) => {
            let head = found.header()?;
            let ends = head.end() < found.content().end();
            fields((head.of(content), ends), |field| {
                names.iter().any(|name| field.is(name))
            })
        }
        Text::FieldsNot(names) => {
            let head = found.header()?;
            let ends = head.end() < found.content().end();
            fields((head.of(content), ends), |field| {
                !names.iter().any(|name| field.is(name))
            })
        }
    })
}

/// RFC 9051 §6.4.5.1: the fields as they stand in the message, then an empty line, unless the message has none
/// and no body either.
fn fields((head, has_body): (&[u8], bool), wanted: impl Fn(&Field<'_>) -> bool) -> Octets {
    let mut octets = Vec::new();
    for field in header::fields(head).filter(wanted) {
        octets.extend_from_slice(field.raw);
        if !field.raw.ends_with(b"\n") {
            octets.extend_from_slice(b"\r\n");
        }
    }
    let empty_line =
        matches!(head, b"\r\n" | b"\n") || head.ends_with(b"\n\r\n") || head.ends_with(b"\n\n");
    if has_body || empty_line {
        octets.extend_from_slice(b"\r\n");
    }
    Octets::Made(octets)
}

/// The item's name as it is answered: without PEEK, with the origin of a partial.
fn label(out: &mut Vec<u8>, section: &Section, partial: Option<Partial>, spelling: Spelling) {
    match spelling {
        Spelling::Rfc822 => out.extend_from_slice(b"RFC822 "),
        Spelling::Rfc822Header => out.extend_from_slice(b"RFC822.HEADER "),
        Spelling::Rfc822Text => out.extend_from_slice(b"RFC822.TEXT "),
        Spelling::Body => {
            out.extend_from_slice(b"BODY[");
            path(out, &section.path);
            let (word, names): (&str, &[String]) = match &section.text {
                Text::All => ("", &[]),
                Text::Header => ("HEADER", &[]),
                Text::Text => ("TEXT", &[]),
                Text::Mime => ("MIME", &[]),
                Text::Fields(names) => ("HEADER.FIELDS", names),
                Text::FieldsNot(names) => ("HEADER.FIELDS.NOT", names),
            };
            if !section.path.is_empty() && !word.is_empty() {
                out.push(b'.');
            }
            out.extend_from_slice(word.as_bytes());
            for (at, name) in names.iter().enumerate() {
                out.extend_from_slice(if at == 0 { b" (" } else { b" " });
                match !name.is_empty() && name.bytes().all(is_atom_char) {
                    true => out.extend_from_slice(name.as_bytes()),
                    false => response::string(out, name.as_bytes(), false),
                }
            }
            out.extend_from_slice(if names.is_empty() { b"]" } else { b")]" });
            origin(out, partial);
            out.push(b' ');
        }
    }
}

fn path(out: &mut Vec<u8>, path: &[u32]) {
    for (at, number) in path.iter().enumerate() {
        let dot = if at == 0 { "" } else { "." };
        put(out, format_args!("{dot}{number}"));
    }
}

fn origin(out: &mut Vec<u8>, partial: Option<Partial>) {
    if let Some(partial) = partial {
        put(out, format_args!("<{}>", partial.from));
    }
}

/// RFC 9051 §6.4.5 BINARY: the transfer encoding undone; an encoding that is not known: NO [UNKNOWN-CTE].
pub(super) fn binary(
    out: &mut Vec<u8>,
    summary: &Summary,
    content: &[u8],
    asked: (&[u32], Option<Partial>),
) -> Sent {
    let (numbers, partial) = asked;
    out.extend_from_slice(b"BINARY[");
    path(out, numbers);
    out.push(b']');
    origin(out, partial);
    out.push(b' ');
    let decoded = match decoded(summary, content, numbers) {
        Found::Decoded(decoded) => decoded,
        Found::Nothing => {
            out.extend_from_slice(b"NIL");
            return Sent::All;
        }
        Found::Unknown => {
            out.extend_from_slice(b"NIL");
            return Sent::Unknown;
        }
    };
    let whole = decoded.of(content);
    let range = cut(whole.len(), partial);
    let octets = &whole[range.clone()];
    if memchr::memchr(0, octets).is_some() {
        // literal8 = "~{" number64 "}" CRLF *OCTET
        out.push(b'~');
    }
    put(out, format_args!("{{{}}}\r\n", octets.len()));
    if range.len() <= STRETCH_MAX {
        out.extend_from_slice(octets);
        return Sent::All;
    }
    Sent::Rest(match decoded {
        Octets::Stretch(at) => Rest {
            of: Of::Octets,
            range: at.start + range.start..at.start + range.end,
        },
        Octets::Made(octets) => Rest {
            of: Of::Decoded(numbers.to_vec(), Some(octets.into())),
            range,
        },
    })
}

/// RFC 9051 §6.4.5 BINARY.SIZE: octets after decoding.
pub(super) fn binary_size(
    out: &mut Vec<u8>,
    summary: &Summary,
    content: &[u8],
    numbers: &[u32],
) -> Sent {
    out.extend_from_slice(b"BINARY.SIZE[");
    path(out, numbers);
    let (len, sent) = match decoded(summary, content, numbers) {
        Found::Decoded(decoded) => (decoded.of(content).len(), Sent::All),
        Found::Nothing => (0, Sent::All),
        Found::Unknown => (0, Sent::Unknown),
    };
    put(out, format_args!("] {len}"));
    sent
}

/// What [`binary`] found, once more.
pub(super) fn decoded_again(summary: &Summary, content: &[u8], numbers: &[u32]) -> Option<Vec<u8>> {
    match decoded(summary, content, numbers) {
        Found::Decoded(Octets::Made(octets)) => Some(octets),
        _ => None,
    }
}

impl Octets {
    fn of<'a>(&'a self, content: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Stretch(range) => content.get(range.clone()).unwrap_or_default(),
            Self::Made(octets) => octets,
        }
    }
}

/// What is behind BINARY[…].
enum Found {
    /// There is no such part.
    Nothing,
    /// An unknown transfer encoding.
    Unknown,
    Decoded(Octets),
}

fn decoded(summary: &Summary, content: &[u8], numbers: &[u32]) -> Found {
    let Some(found) = summary.part.find(numbers) else {
        return Found::Nothing;
    };
    let range = found.content();
    let from = (range.at as usize).min(content.len());
    let range = from..range.end().min(content.len()).max(from);
    let octets = &content[range.clone()];
    if numbers.is_empty() || !matches!(found.part.kind, PartKind::Leaf) {
        return Found::Decoded(Octets::Stretch(range));
    }
    let encoding = found.part.encoding.trim().to_ascii_lowercase();
    let known = matches!(
        encoding.as_str(),
        "" | "7bit"
            | "8bit"
            | "binary"
            | "base64"
            | "quoted-printable"
            | "x-uuencode"
            | "uuencode"
            | "x-uue"
    );
    if !known {
        return Found::Unknown;
    }
    let decoded = decode_transfer(&encoding, octets);
    // RFC 9051 §6.4.5: only the transfer encoding is undone; without one it is what BODY[…] has.
    let decoded = match (found.part.media.as_str(), decoded) {
        ("text", Cow::Owned(octets)) => with_crlf(Cow::Owned(octets)),
        (_, decoded) => decoded,
    };
    Found::Decoded(match decoded {
        Cow::Borrowed(_) => Octets::Stretch(range),
        Cow::Owned(octets) => Octets::Made(octets),
    })
}

/// RFC 9051 §7.5.2: lines of text end in CRLF, however they are kept. What has NUL is in UTF-16 or no text.
fn with_crlf(text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let feeds = || memchr::memchr_iter(b'\n', &text);
    let lone = |at: usize| at == 0 || text[at - 1] != b'\r';
    let lone = feeds().filter(|at| lone(*at)).count();
    if lone == 0 || memchr::memchr(0, &text).is_some() {
        return text;
    }
    let mut out = Vec::with_capacity(text.len() + lone);
    let mut before = 0;
    for octet in text.iter() {
        if *octet == b'\n' && before != b'\r' {
            out.push(b'\r');
        }
        out.push(*octet);
        before = *octet;
    }
    Cow::Owned(out)
}
