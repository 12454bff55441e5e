//! RFC 9051 §6.4.5: the octets behind BODY[…] and BINARY[…], and how they are labelled.

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
) {
    let (section, partial, spelling) = asked;
    label(out.buf(), section, partial, spelling);
    match find(summary, content, section) {
        None => out.buf().extend_from_slice(b"NIL"),
        Some(Octets::Stretch(range)) => {
            let cut = cut(range.len(), partial);
            let range = range.start + cut.start..range.start + cut.end;
            put(out.buf(), format_args!("{{{}}}\r\n", range.len()));
            // NUL may be in no literal (RFC 9051 §4.3); a message that has it is repaired on the way.
            match content
                .get(range.clone())
                .is_some_and(|o| memchr::memchr(0, o).is_some())
            {
                true => out.buf().extend(content[range].iter().map(without_nul)),
                false => out.share(content, range),
            }
        }
        Some(Octets::Made(octets)) => {
            let cut = cut(octets.len(), partial);
            let octets: Vec<u8> = octets[cut].iter().map(without_nul).collect();
            response::literal(out.buf(), &octets);
        }
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
            let head = found.header()?.of(content);
            fields(head, |field| names.iter().any(|name| field.is(name)))
        }
        Text::FieldsNot(names) => {
            let head = found.header()?.of(content);
            fields(head, |field| !names.iter().any(|name| field.is(name)))
        }
    })
}

/// RFC 9051 §6.4.5.1: the fields as they stand in the message, then always an empty line.
fn fields(head: &[u8], wanted: impl Fn(&Field<'_>) -> bool) -> Octets {
    let mut octets = Vec::new();
    for field in header::fields(head).filter(wanted) {
        octets.extend_from_slice(field.raw);
        if !field.raw.ends_with(b"\n") {
            octets.extend_from_slice(b"\r\n");
        }
    }
    octets.extend_from_slice(b"\r\n");
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

/// RFC 9051 §6.4.5 BINARY: the transfer encoding undone. False for an encoding that is not known:
/// NO [UNKNOWN-CTE].
pub(super) fn binary(
    out: &mut Vec<u8>,
    summary: &Summary,
    content: &[u8],
    asked: (&[u32], Option<Partial>),
) -> bool {
    let (numbers, partial) = asked;
    out.extend_from_slice(b"BINARY[");
    path(out, numbers);
    out.push(b']');
    origin(out, partial);
    out.push(b' ');
    match decoded(summary, content, numbers) {
        Some(Some(octets)) => {
            let octets = &octets[cut(octets.len(), partial)];
            if memchr::memchr(0, octets).is_some() {
                // literal8 = "~{" number64 "}" CRLF *OCTET
                out.push(b'~');
            }
            response::literal(out, octets);
            true
        }
        Some(None) => {
            out.extend_from_slice(b"NIL");
            false
        }
        None => {
            out.extend_from_slice(b"NIL");
            true
        }
    }
}

/// RFC 9051 §6.4.5 BINARY.SIZE: octets after decoding.
pub(super) fn binary_size(
    out: &mut Vec<u8>,
    summary: &Summary,
    content: &[u8],
    numbers: &[u32],
) -> bool {
    out.extend_from_slice(b"BINARY.SIZE[");
    path(out, numbers);
    let size = decoded(summary, content, numbers);
    let len = size
        .as_ref()
        .and_then(Option::as_ref)
        .map_or(0, |o| o.len());
    put(out, format_args!("] {len}"));
    !matches!(size, Some(None))
}

/// No part: `None`; an unknown encoding: `Some(None)`.
fn decoded<'a>(
    summary: &Summary,
    content: &'a [u8],
    numbers: &[u32],
) -> Option<Option<Cow<'a, [u8]>>> {
    let found = summary.part.find(numbers)?;
    let octets = found.content().of(content);
    let whole = numbers.is_empty() || !matches!(found.part.kind, PartKind::Leaf);
    if whole {
        return Some(Some(Cow::Borrowed(octets)));
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
    Some(known.then(|| decode_transfer(&encoding, octets)))
}
