//! The values that a message is read into, and the way to a part by its IMAP number.

use serde::{Deserialize, Serialize};

use super::{binary, letterhead, preview, structure};
use crate::defect::Defect;
use crate::message::person::Person;

/// All that ENVELOPE, BODYSTRUCTURE, preview, SORT and THREAD need, computed once at arrival.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Octets of the whole message.
    pub size: u64,
    /// Octets of the header, its empty line included.
    pub header_size: u32,
    /// The header fields that lists and threads need.
    pub head: Letterhead,
    /// The beginning of the text for a list: at most 256 characters, decoded, NFC, one line.
    pub preview: String,
    /// Whether there is something to show a paper clip for.
    pub has_attachment: bool,
    /// The tree of parts; its root is the message itself.
    pub part: Part,
    /// What was wrong, each kind once, at most [`crate::defect::DEFECTS_MAX`].
    pub defects: Vec<Defect>,
    /// By how many octets it is longer for who reads it in lines ([`binary::growth`]). It is kept beside the summary.
    #[serde(skip)]
    pub growth: u32,
}

/// What RFC 9051 §7.5.2 ENVELOPE tells of a message, and what threads are made of.
///
/// Text is the unfolded value as sent when that is ASCII (encoded words left in), else NFC text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letterhead {
    /// `Subject`.
    pub subject: Option<String>,
    /// `Date` as written.
    pub date: Option<String>,
    /// `Date` as Unix seconds and the sender's offset in minutes.
    pub sent_at: Option<(i64, i32)>,
    /// `From`.
    pub from: Vec<Person>,
    /// `Sender` as written; ENVELOPE shows `from` where this is empty.
    pub sender: Vec<Person>,
    /// `Reply-To` as written; ENVELOPE shows `from` where this is empty.
    pub reply_to: Vec<Person>,
    /// `To`.
    pub to: Vec<Person>,
    /// `Cc`.
    pub cc: Vec<Person>,
    /// `Bcc`.
    pub bcc: Vec<Person>,
    /// `In-Reply-To` as written.
    pub in_reply_to: Option<String>,
    /// `Message-ID` as written, angle brackets included.
    pub message_id: Option<String>,
    /// The identifiers in `References`, without angle brackets, oldest first.
    pub references: Vec<String>,
}

/// One MIME entity. A `Leaf` is never `multipart/*` or `message/rfc822`: one that could not be
/// opened is `application/octet-stream` (RFC 2045 §6.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// What is inside.
    pub kind: PartKind,
    /// Lower-case type: `text`.
    pub media: String,
    /// Lower-case subtype: `plain`.
    pub subtype: String,
    /// Content-Type parameters as declared: lower-case names (`name*0*` too), values unquoted.
    pub params: Vec<(String, String)>,
    /// `Content-ID` as declared, angle brackets included.
    pub id: Option<String>,
    /// `Content-Description`.
    pub description: Option<String>,
    /// `Content-Transfer-Encoding` as declared, or `7BIT`.
    pub encoding: String,
    /// `Content-MD5`.
    pub md5: Option<String>,
    /// `Content-Disposition`: lower-case type, and parameters as for Content-Type.
    pub disposition: Option<(String, Vec<(String, String)>)>,
    /// `Content-Language`.
    pub language: Vec<String>,
    /// `Content-Location`.
    pub location: Option<String>,
    /// The entity's header, its empty line included. Empty where there is none.
    pub header: Range,
    /// The entity's body, still transfer-encoded.
    pub body: Range,
    /// Lines of the body; an unfinished last line counts.
    pub lines: u32,
}

/// What a part holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartKind {
    /// Content of its own.
    Leaf,
    /// At least one part.
    Multipart(Vec<Part>),
    /// A message within the message, `message/rfc822` or `message/global`.
    Message(Box<Nested>),
}

/// The message inside a `message/rfc822` part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nested {
    /// Its ENVELOPE.
    pub head: Letterhead,
    /// Its body structure; `part.header` is the inner message's header.
    pub part: Part,
}

/// Octets of the raw message, from `at`, `len` of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Range {
    /// Offset in the whole raw message.
    pub at: u32,
    /// Octets.
    pub len: u32,
}

impl Range {
    /// From `start` to `end`; empty where `end` comes first.
    pub(crate) fn between(start: usize, end: usize) -> Self {
        Self {
            at: start as u32,
            len: end.saturating_sub(start) as u32,
        }
    }

    /// The octets; what lies outside `raw` is left out.
    #[must_use]
    pub fn of<'a>(&self, raw: &'a [u8]) -> &'a [u8] {
        let start = (self.at as usize).min(raw.len());
        let end = self.end().min(raw.len());
        &raw[start..end]
    }

    /// The offset after the last octet.
    #[must_use]
    pub fn end(&self) -> usize {
        self.at as usize + self.len as usize
    }
}

/// Reads a message. Octets beyond 4 GiB are not read.
#[must_use]
pub fn summarize(raw: &[u8]) -> Summary {
    let readable = &raw[..raw.len().min(u32::MAX as usize)];
    let (part, mut defects) = structure::read(readable);
    let head = letterhead::read(part.header.of(readable), Some(&mut defects));
    Summary {
        size: raw.len() as u64,
        header_size: part.header.len,
        head,
        preview: preview::preview(&part, readable),
        has_attachment: super::part::has_attachment(&part),
        part,
        defects: defects.into_vec(),
        growth: binary::growth(readable),
    }
}

/// A part found by its number (RFC 9051 §6.4.5).
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The part.
    pub part: &'a Part,
    /// The message inside, when the part is one.
    pub nested: Option<&'a Nested>,
    root: bool,
}

impl Found<'_> {
    /// `BODY[n]`: the part's content; for the empty path the whole message.
    #[must_use]
    pub fn content(&self) -> Range {
        if self.root {
            Range::between(self.part.header.at as usize, self.part.body.end())
        } else {
            self.part.body
        }
    }

    /// `BODY[n.MIME]`: the part's MIME header; nothing for the empty path.
    #[must_use]
    pub fn mime(&self) -> Option<Range> {
        (!self.root).then_some(self.part.header)
    }

    /// `BODY[HEADER]` and `BODY[n.HEADER]`: the header of the message that is this part.
    #[must_use]
    pub fn header(&self) -> Option<Range> {
        if self.root {
            Some(self.part.header)
        } else {
            self.nested.map(|n| n.part.header)
        }
    }

    /// `BODY[TEXT]` and `BODY[n.TEXT]`: the body of the message that is this part.
    #[must_use]
    pub fn text(&self) -> Option<Range> {
        if self.root {
            Some(self.part.body)
        } else {
            self.nested.map(|n| n.part.body)
        }
    }
}

impl Part {
    /// The part with an IMAP number such as `[2, 1]`. The empty path is the message itself; 1 of
    /// a part that is not multipart is its body; numbers go through `message/rfc822`.
    #[must_use]
    pub fn find(&self, path: &[u32]) -> Option<Found<'_>> {
        let mut part = self;
        let mut container = Some(self);
        for &number in path {
            part = container?.child(number)?;
            container = match &part.kind {
                PartKind::Leaf => None,
                PartKind::Multipart(_) => Some(part),
                PartKind::Message(nested) => Some(&nested.part),
            };
        }
        Some(Found {
            part,
            nested: part.nested(),
            root: path.is_empty(),
        })
    }

    /// The part with a written number such as `2.1`.
    #[must_use]
    pub fn find_section(&self, section: &str) -> Option<Found<'_>> {
        let path: Option<Vec<u32>> = section.split('.').map(|n| n.parse().ok()).collect();
        self.find(&path?)
    }

    /// The message inside, when this part is one.
    #[must_use]
    pub fn nested(&self) -> Option<&Nested> {
        match &self.kind {
            PartKind::Message(nested) => Some(nested),
            _ => None,
        }
    }

    /// Whether type and subtype are these; both in lower case.
    #[must_use]
    pub fn is(&self, media: &str, subtype: &str) -> bool {
        self.media == media && self.subtype == subtype
    }

    /// A Content-Type parameter as declared, by its lower-case name.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// Leaves and message parts with their numbers (`1.2`), in order, those inside messages too.
    pub fn walk(&self) -> impl Iterator<Item = (String, &Part)> {
        let mut found = Vec::new();
        self.gather("", &mut found);
        found.into_iter()
    }

    fn child(&self, number: u32) -> Option<&Part> {
        match &self.kind {
            PartKind::Multipart(parts) => parts.get(number.checked_sub(1)? as usize),
            _ => (number == 1).then_some(self),
        }
    }

    /// Collects what is in this container, whose own number is `prefix`.
    fn gather<'a>(&'a self, prefix: &str, found: &mut Vec<(String, &'a Part)>) {
        let parts = match &self.kind {
            PartKind::Multipart(parts) => parts.as_slice(),
            _ => std::slice::from_ref(self),
        };
        for (at, part) in parts.iter().enumerate() {
            let dot = if prefix.is_empty() { "" } else { "." };
            let number = format!("{prefix}{dot}{}", at + 1);
            match &part.kind {
                PartKind::Leaf => found.push((number, part)),
                PartKind::Multipart(_) => part.gather(&number, found),
                PartKind::Message(nested) => {
                    found.push((number.clone(), part));
                    nested.part.gather(&number, found);
                }
            }
        }
    }
}
