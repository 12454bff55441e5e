//! Attachments: what the agency of who submits a message rules of them. Files within archives are not looked into.
//!
//! A header may be read in several ways, and the sender does not choose which: a file is of every kind that some program
//! may take it for, and must be allowed as each. What programs would read as other parts than we do is not passed on.

use crate::{Refusal, Refused};
use directory::Access;
use directory::policy::AttachmentRules;
use formats::defect::Defect;
use formats::message::ending::{ending, endings, endings_of_streams, of_media};
use formats::message::inline_file::inline_files;
use formats::message::naming::{Naming, naming};
use formats::message::part::decode_body;
use formats::message::{Part, PartKind, fields, remove_field, summarize};

/// Letters within letters that had to be decoded first.
const DECODED_MAX: usize = 8;
/// Text that is the letter itself rather than a file, where nothing says that it is attached.
const TEXTS: [&str; 9] = [
    "amp-html",
    "calendar",
    "enriched",
    "html",
    "markdown",
    "plain",
    "rfc822-headers",
    "richtext",
    "watch-html",
];
/// What programs check for people, and the endings that it has.
const SIGNATURES: [&str; 3] = ["pgp-signature", "pkcs7-signature", "x-pkcs7-signature"];
const SIGNATURE_ENDINGS: [&str; 4] = ["asc", "p7m", "p7s", "sig"];
/// Endings of letters that are sent on.
const LETTER_ENDINGS: [&str; 1] = ["eml"];

/// Errors: which rule an attachment breaks.
pub(crate) fn check(access: &Access, content: &[u8]) -> Result<(), Refused> {
    match access.attachment_rules() {
        Some(rules) => Judge { rules }
            .letter(content, 0)
            .map_err(Refused::Permanent),
        None => Ok(()),
    }
}

struct Judge {
    rules: AttachmentRules,
}

const NO: Result<(), Refusal> = Err(Refusal::AttachmentType);

impl Judge {
    /// A letter, or one within it that was decoded first; `decoded` so many times.
    fn letter(&self, content: &[u8], decoded: usize) -> Result<(), Refusal> {
        if decoded > DECODED_MAX {
            return NO;
        }
        let summary = summarize(content);
        // What is not told apart cannot be looked at.
        let whole = |defect: &Defect| !matches!(defect, Defect::TooManyParts | Defect::TooDeep);
        if !summary.defects.iter().all(whole) {
            return NO;
        }
        self.part(&summary.part, content, decoded)
    }

    fn part(&self, part: &Part, content: &[u8], decoded: usize) -> Result<(), Refusal> {
        let naming = naming(part.header.of(content));
        self.names(part, &naming)?;
        match &part.kind {
            PartKind::Multipart(parts) => self.multipart(part, parts, content, decoded),
            PartKind::Message(nested) => self.part(&nested.part, content, decoded),
            PartKind::Leaf => self.leaf(part, &naming, content, decoded),
        }
    }

    /// Whether there are rules about kinds of files, and not of their size alone.
    fn asks_kinds(&self) -> bool {
        self.rules.only.is_some() || !self.rules.refused.is_empty()
    }

    /// What the header says: the names, and the media type where they do not tell.
    fn names(&self, part: &Part, naming: &Naming) -> Result<(), Refusal> {
        if !self.asks_kinds() {
            return Ok(());
        }
        // RFC 2046 §5.2.2: a piece of a letter, of which nobody sees what it is.
        if naming.doubtful || naming.media.as_deref() == Some("message/partial") {
            return NO;
        }
        let spared: &[&str] = match () {
            () if is_message(naming) => &LETTER_ENDINGS,
            () if is_signature(part) => &SIGNATURE_ENDINGS,
            () => &[],
        };
        for name in naming.names.iter().chain(&naming.careless) {
            self.not_refused(endings(name))?;
        }
        for name in &naming.names {
            endings_of_streams(name).try_for_each(|e| self.is_allowed(&e, spared))?;
            match ending(name) {
                Some(ending) => self.is_allowed(&ending, spared)?,
                // It is a file without one, where it is not what programs show as something else.
                None if spared.is_empty() => self.is_allowed("", spared)?,
                None => {}
            }
        }
        let told = naming.names.iter().any(|name| ending(name).is_some());
        let composite = matches!(part.kind, PartKind::Multipart(_) | PartKind::Message(_));
        if told || composite || !spared.is_empty() || !is_file(part, naming) {
            return Ok(());
        }
        self.media(part, naming)
    }

    /// The endings that programs give a file of which only the media type is known.
    fn media(&self, part: &Part, naming: &Naming) -> Result<(), Refusal> {
        let own = format!("{}/{}", part.media, part.subtype);
        let media = naming.media.as_deref().unwrap_or(&own);
        self.not_refused(of_media(media).map(str::to_owned))?;
        // An odd kind of text may stand among others of which the reader's program shows one.
        let must = part.media != "text" || naming.attached;
        let only = self
            .rules
            .only
            .as_ref()
            .filter(|_| must && naming.names.is_empty());
        match only.is_none_or(|only| of_media(media).any(|e| only.iter().any(|o| o == e))) {
            true => Ok(()),
            false => NO,
        }
    }

    fn not_refused(&self, mut endings: impl Iterator<Item = String>) -> Result<(), Refusal> {
        match endings.any(|ending| self.rules.refused.contains(&ending)) {
            true => NO,
            false => Ok(()),
        }
    }

    fn is_allowed(&self, ending: &str, spared: &[&str]) -> Result<(), Refusal> {
        let only = self.rules.only.as_ref();
        let allowed = only.is_none_or(|only| only.iter().any(|o| o == ending));
        match allowed || spared.contains(&ending) {
            true => Ok(()),
            false => NO,
        }
    }

    fn multipart(
        &self,
        part: &Part,
        parts: &[Part],
        content: &[u8],
        decoded: usize,
    ) -> Result<(), Refusal> {
        let body = part.body.of(content);
        let unparted = matches!(parts, [only] if only.header.len == 0 && only.body == part.body);
        if unparted && is_encoded(part) {
            // RFC 2045 §6.4 forbids it; some programs decode it all the same.
            let mut letter = remove_field(part.header.of(content), "Content-Transfer-Encoding");
            letter.extend_from_slice(&decode_body(part, content));
            return self.letter(&letter, decoded + 1);
        }
        // Before the first part, behind the last one, or all of it: what is shown nowhere, unless it is divided otherwise.
        let first = parts.first().map_or(part.body.at, |first| first.header.at);
        let last = parts.last().map_or(first as usize, |last| last.body.end());
        let begin = (first.saturating_sub(part.body.at) as usize).min(body.len());
        let end = last
            .saturating_sub(part.body.at as usize)
            .clamp(begin, body.len());
        let outside = match unparted {
            true => [body, &[]],
            false => [&body[..begin], &body[end..]],
        };
        if self.asks_kinds() && outside.iter().any(|octets| has_part(octets)) {
            return NO;
        }
        parts
            .iter()
            .try_for_each(|part| self.part(part, content, decoded))
    }

    fn leaf(
        &self,
        part: &Part,
        naming: &Naming,
        content: &[u8],
        decoded: usize,
    ) -> Result<(), Refusal> {
        let octets = decode_body(part, content);
        if is_message(naming) && is_encoded(part) {
            return self.letter(&octets, decoded + 1);
        }
        let file = is_file(part, naming);
        self.size(if file { octets.len() as u64 } else { 0 })?;
        // Also what names itself within an encoding of that kind.
        let texts = [octets.as_ref(), part.body.of(content)];
        let texts = &texts[..if is_encoded(part) { 2 } else { 1 }];
        if part.media != "text" && !is_encoded(part) {
            return Ok(());
        }
        for inline in texts.iter().flat_map(|text| inline_files(text)) {
            self.size(inline.octets)?;
            self.not_refused(endings(&inline.name))?;
            ending(&inline.name).map_or(Ok(()), |ending| self.is_allowed(&ending, &[]))?;
        }
        Ok(())
    }

    fn size(&self, octets: u64) -> Result<(), Refusal> {
        match self.rules.octets.filter(|max| octets > *max) {
            Some(max) => Err(Refusal::AttachmentTooLarge { max }),
            None => Ok(()),
        }
    }
}

/// Whether it is a file rather than text of the letter or a signature.
fn is_file(part: &Part, naming: &Naming) -> bool {
    let text = part.media == "text"
        && naming.names.is_empty()
        && !naming.attached
        && TEXTS.contains(&part.subtype.as_str());
    !text && !is_signature(part)
}

fn is_signature(part: &Part) -> bool {
    part.media == "application" && SIGNATURES.contains(&part.subtype.as_str())
}

/// As declared: one that is encoded is not opened as a message.
fn is_message(naming: &Naming) -> bool {
    let media = naming.media.as_deref();
    matches!(media, Some("message/rfc822" | "message/global"))
}

fn is_encoded(part: &Part) -> bool {
    let encodings = [
        "base64",
        "quoted-printable",
        "x-uuencode",
        "uuencode",
        "x-uue",
    ];
    encodings
        .iter()
        .any(|e| part.encoding.eq_ignore_ascii_case(e))
}

/// Whether something there looks like the header of a part.
fn has_part(octets: &[u8]) -> bool {
    let mut lines = octets.split(|&b| b == b'\n');
    lines.any(|line| {
        let mut found = fields(line);
        found.any(|f| f.is("Content-Type") || f.is("Content-Disposition"))
    })
}
