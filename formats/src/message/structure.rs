//! RFC 2046 §5: one linear pass that finds every part's octets.
//!
//! The pass reads line by line and keeps the boundaries of the open multiparts on a stack, so a
//! missing closing delimiter ends where the outer one speaks. `message/rfc822` is opened in the
//! same pass: no octet is read twice, whatever the nesting (attacks on MIME bombs).

use super::header::{is_field_line, line_end};
use super::parameter::Declaration;
use super::summary::{Nested, Part, PartKind, Range};
use super::{header, letterhead, parameter};
use crate::defect::{Defect, Defects};

/// Nesting of multiparts and messages that is opened.
pub const DEPTH_MAX: usize = 50;
/// Parts that are told apart; what follows belongs to the last multipart unopened.
pub const PARTS_MAX: usize = 1000;
/// Octets of a boundary; RFC 2046 §5.1.1 allows 70, senders exceed it.
const BOUNDARY_MAX: usize = 256;
/// Content-Language tags that are kept.
const LANGUAGES_MAX: usize = 20;

pub(super) fn read(raw: &[u8]) -> (Part, Defects) {
    let mut scan = Scan {
        raw,
        at: 0,
        line_feeds: 0,
        boundaries: Vec::new(),
        parts: 0,
        defects: Defects::default(),
    };
    if memchr::memchr(0, raw).is_some() {
        scan.defects.add(Defect::Nul);
    }
    let (part, _) = scan.entity(0, Default::Text);
    (part, scan.defects)
}

/// What a part is that does not say (RFC 2045 §5.2, RFC 2046 §5.1.5).
#[derive(Clone, Copy, PartialEq)]
enum Default {
    Text,
    Message,
}

/// A delimiter line: whose, and where the content before it ends.
struct Delimiter {
    level: usize,
    close: bool,
    content_end: usize,
    line_feeds: u32,
}

struct Scan<'a> {
    raw: &'a [u8],
    at: usize,
    /// LF octets before `at`: two of these tell the lines between without counting again.
    line_feeds: u32,
    boundaries: Vec<Vec<u8>>,
    parts: usize,
    defects: Defects,
}

impl<'a> Scan<'a> {
    /// The line at `at`, its end included; the scan moves behind it.
    fn line(&mut self) -> &'a [u8] {
        let raw = self.raw;
        let end = line_end(raw, self.at);
        let line = &raw[self.at..end];
        self.at = end;
        if line.ends_with(b"\n") {
            self.line_feeds += 1;
            if !line.ends_with(b"\r\n") {
                self.defects.add(Defect::BareLineFeed);
            }
        }
        line
    }

    /// Whether this line, which began at `start`, is a delimiter of an open multipart.
    fn delimiter(&self, line: &[u8], start: usize, feeds_before: u32) -> Option<Delimiter> {
        let text = line.strip_prefix(b"--")?;
        let text = text.trim_ascii_end();
        let found = self
            .boundaries
            .iter()
            .enumerate()
            .rev()
            .find_map(|(level, boundary)| {
                let rest = text.strip_prefix(boundary.as_slice())?;
                match rest {
                    b"" => Some((level, false)),
                    b"--" => Some((level, true)),
                    _ => None,
                }
            });
        let (level, close) = found?;
        // RFC 2046 §5.1.1: the line break before the delimiter belongs to the delimiter.
        let before = &self.raw[..start];
        let (content_end, own) = match before {
            [.., b'\r', b'\n'] => (start - 2, 1),
            [.., b'\n'] => (start - 1, 1),
            _ => (start, 0),
        };
        Some(Delimiter {
            level,
            close,
            content_end,
            line_feeds: feeds_before.saturating_sub(own),
        })
    }

    /// Moves behind the next delimiter line of any open multipart.
    fn skip_to_delimiter(&mut self) -> Option<Delimiter> {
        while self.at < self.raw.len() {
            let (start, feeds) = (self.at, self.line_feeds);
            let line = self.line();
            if let Some(found) = self.delimiter(line, start, feeds) {
                return Some(found);
            }
        }
        None
    }

    /// Moves behind the header; tells the delimiter that ended it, if one did.
    fn header(&mut self) -> (Range, Option<Delimiter>) {
        let first = self.at;
        while self.at < self.raw.len() {
            let (start, feeds) = (self.at, self.line_feeds);
            let line = self.line();
            if let Some(found) = self.delimiter(line, start, feeds) {
                // The line break before the delimiter is not the header's.
                let end = found.content_end.max(first);
                return (Range::between(first, end), Some(found));
            }
            if matches!(line, b"\r\n" | b"\n") {
                break;
            }
            let folded = matches!(line.first(), Some(b' ' | b'\t')) && start > first;
            if folded || is_field_line(line) {
                continue;
            }
            // A broken line among fields is passed over; one before other text begins the body.
            let envelope_line = start == first && line.starts_with(b"From ");
            let next = &self.raw[self.at..line_end(self.raw, self.at)];
            if envelope_line || is_field_line(next) || matches!(next, b"\r\n" | b"\n") {
                if !envelope_line {
                    self.defects.add(Defect::MalformedHeader);
                }
                continue;
            }
            self.defects.add(Defect::MissingSeparator);
            (self.at, self.line_feeds) = (start, feeds);
            break;
        }
        (Range::between(first, self.at), None)
    }

    /// Reads one entity. The delimiter that ended it comes along: it may be an outer one's.
    fn entity(&mut self, depth: usize, default: Default) -> (Part, Option<Delimiter>) {
        self.parts += 1;
        let (header, early) = self.header();
        let mut part = declared(header.of(self.raw), default);
        part.header = header;
        let (start, feeds) = (header.end(), self.line_feeds);
        let end = match early {
            Some(found) => {
                empty_composite(&mut part);
                Some(found)
            }
            None if part.media == "multipart" => self.multipart(&mut part, depth),
            None if is_message(&part) => self.message(&mut part, depth),
            None => self.skip_to_delimiter(),
        };
        let (stop, last) = match &end {
            Some(found) => (found.content_end.max(start), found.line_feeds),
            None => (self.raw.len(), self.line_feeds),
        };
        // An empty line may be both a header's end and what stands before a delimiter.
        let stop = stop.max(inner_end(&part));
        part.body = Range::between(start, stop);
        let unfinished = stop > start && self.raw[stop - 1] != b'\n';
        part.lines = last.saturating_sub(feeds) + u32::from(unfinished);
        if let PartKind::Multipart(parts) = &mut part.kind
            && parts.is_empty()
        {
            parts.push(unparted(&part.body, part.lines));
        }
        (part, end)
    }

    fn multipart(&mut self, part: &mut Part, depth: usize) -> Option<Delimiter> {
        if depth >= DEPTH_MAX {
            return self.unopened(part, Defect::TooDeep);
        }
        if is_encoded(part) {
            self.defects.add(Defect::EncodedComposite);
        }
        let boundary = parameter::decoded(&part.params, "boundary").unwrap_or_default();
        let boundary = boundary.trim_end();
        if boundary.is_empty() || boundary.len() > BOUNDARY_MAX {
            self.defects.add(Defect::MissingBoundary);
            part.kind = PartKind::Multipart(Vec::new());
            return self.skip_to_delimiter();
        }
        let level = self.boundaries.len();
        self.boundaries.push(boundary.as_bytes().to_vec());
        let inner = if part.subtype == "digest" {
            Default::Message
        } else {
            Default::Text
        };
        let mut children = Vec::new();
        let mut end = self.skip_to_delimiter();
        while end.as_ref().is_some_and(|d| d.level == level && !d.close) {
            if self.parts >= PARTS_MAX {
                self.defects.add(Defect::TooManyParts);
                break;
            }
            let (child, stop) = self.entity(depth + 1, inner);
            children.push(child);
            end = stop;
        }
        if children.is_empty() {
            self.defects.add(Defect::NoParts);
        }
        self.boundaries.truncate(level);
        let own = end.as_ref().is_some_and(|d| d.level == level);
        if own {
            end = self.skip_to_delimiter();
        } else {
            self.defects.add(Defect::UnclosedMultipart);
        }
        part.kind = PartKind::Multipart(children);
        end
    }

    fn message(&mut self, part: &mut Part, depth: usize) -> Option<Delimiter> {
        if depth >= DEPTH_MAX {
            return self.unopened(part, Defect::TooDeep);
        }
        if self.parts >= PARTS_MAX {
            return self.unopened(part, Defect::TooManyParts);
        }
        if is_encoded(part) {
            // RFC 2045 §6.4 forbids it; the octets are not those of a message until decoded.
            return self.unopened(part, Defect::EncodedComposite);
        }
        let (inner, end) = self.entity(depth + 1, Default::Text);
        let head = letterhead::read(inner.header.of(self.raw), None);
        part.kind = PartKind::Message(Box::new(Nested { head, part: inner }));
        end
    }

    fn unopened(&mut self, part: &mut Part, defect: Defect) -> Option<Delimiter> {
        self.defects.add(defect);
        part.media = "application".to_owned();
        part.subtype = "octet-stream".to_owned();
        self.skip_to_delimiter()
    }
}

/// A part whose header a delimiter ended has nothing inside.
fn empty_composite(part: &mut Part) {
    if part.media == "multipart" {
        part.kind = PartKind::Multipart(Vec::new());
    } else if is_message(part) {
        part.media = "application".to_owned();
        part.subtype = "octet-stream".to_owned();
    }
}

fn inner_end(part: &Part) -> usize {
    match &part.kind {
        PartKind::Leaf => 0,
        PartKind::Multipart(parts) => parts.last().map_or(0, |last| last.body.end()),
        PartKind::Message(nested) => nested.part.body.end(),
    }
}

fn is_message(part: &Part) -> bool {
    part.media == "message" && matches!(part.subtype.as_str(), "rfc822" | "global")
}

fn is_encoded(part: &Part) -> bool {
    [
        "base64",
        "quoted-printable",
        "x-uuencode",
        "uuencode",
        "x-uue",
    ]
    .iter()
    .any(|e| part.encoding.eq_ignore_ascii_case(e))
}

/// A multipart must have a part: without one, its whole body is shown as text.
fn unparted(body: &Range, lines: u32) -> Part {
    let mut part = declared(b"", Default::Text);
    part.header = Range {
        at: body.at,
        len: 0,
    };
    part.body = *body;
    part.lines = lines;
    part
}

/// The entity as its own header declares it (RFC 2045 §3, RFC 2183, RFC 1864, RFC 3282).
fn declared(head: &[u8], default: Default) -> Part {
    let mut part = Part {
        kind: PartKind::Leaf,
        media: String::new(),
        subtype: String::new(),
        params: Vec::new(),
        id: None,
        description: None,
        encoding: String::new(),
        md5: None,
        disposition: None,
        language: Vec::new(),
        location: None,
        header: Range::default(),
        body: Range::default(),
        lines: 0,
    };
    for field in header::fields(head) {
        declare(&mut part, &field);
    }
    if part.media.is_empty() {
        let (media, subtype) = match default {
            Default::Text => ("text", "plain"),
            Default::Message => ("message", "rfc822"),
        };
        (part.media, part.subtype) = (media.to_owned(), subtype.to_owned());
        if default == Default::Text {
            part.params = vec![("charset".to_owned(), "us-ascii".to_owned())];
        }
    }
    if part.encoding.is_empty() {
        part.encoding = "7BIT".to_owned();
    }
    part
}

fn declare(part: &mut Part, field: &header::Field<'_>) {
    let name = field.name;
    let Some(kind) = name.get(..8).filter(|n| n.eq_ignore_ascii_case("content-")) else {
        return;
    };
    let value = || header::unfold(field.value);
    match name[kind.len()..].to_ascii_lowercase().as_str() {
        "type" if part.media.is_empty() => {
            let read = Declaration::read(&value());
            // RFC 2045 §5.2: what is not `type/subtype` counts as undeclared.
            if let Some((media, subtype)) = read.value.split_once('/')
                && parameter::is_token(media)
                && parameter::is_token(subtype)
            {
                part.media = media.to_owned();
                part.subtype = subtype.to_owned();
                part.params = read.params;
            }
        }
        "transfer-encoding" if part.encoding.is_empty() => {
            part.encoding = Declaration::first_word(&value());
        }
        "disposition" if part.disposition.is_none() => {
            let read = Declaration::read(&value());
            // RFC 2183 §2.8: what nobody knows is an attachment.
            if parameter::is_token(&read.value) {
                part.disposition = Some((read.value, read.params));
            } else if !read.params.is_empty() {
                part.disposition = Some(("attachment".to_owned(), read.params));
            }
        }
        "id" => keep(&mut part.id, value()),
        "description" => keep(&mut part.description, value()),
        "md5" => keep(&mut part.md5, value()),
        "location" => keep(&mut part.location, value()),
        "language" if part.language.is_empty() => {
            let tags = value();
            let tags = tags.split(',').map(str::trim).filter(|tag| !tag.is_empty());
            part.language = tags.take(LANGUAGES_MAX).map(str::to_owned).collect();
        }
        _ => {}
    }
}

fn keep(slot: &mut Option<String>, value: String) {
    if slot.is_none() && !value.is_empty() {
        *slot = Some(header::shorten(value));
    }
}
