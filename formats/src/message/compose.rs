//! RFC 5322 and RFC 2045: a letter written. Every line ends in CRLF, no value can begin a field.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::{BodyPart, MimePart};

pub use super::header::{first_value, remove_field};
pub use super::person::NamedAddress;
use super::{parameter, word};
use crate::address::Address;
use crate::{date, html};

/// RFC 5322 §2.1.1: characters of a header line that should not be exceeded.
const LINE_MAX: usize = 76;
/// Characters of one RFC 2231 segment.
const SEGMENT_MAX: usize = 50;

/// A letter to be written. What is empty or `None` is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// `From`.
    pub from: Vec<NamedAddress>,
    /// `To`.
    pub to: Vec<NamedAddress>,
    /// `Cc`.
    pub cc: Vec<NamedAddress>,
    /// `Bcc`; taken out again by [`remove_field`] before the letter leaves.
    pub bcc: Vec<NamedAddress>,
    /// `Reply-To`.
    pub reply_to: Vec<NamedAddress>,
    /// `Subject`, not encoded.
    pub subject: String,
    /// `Message-ID`, with or without angle brackets.
    pub message_id: String,
    /// `In-Reply-To`, with or without angle brackets.
    pub in_reply_to: Vec<String>,
    /// `References`, oldest first.
    pub references: Vec<String>,
    /// Unix seconds and offset in minutes.
    pub sent_at: (i64, i32),
    /// The letter as plain text.
    pub text: Option<String>,
    /// The letter as HTML; without `text` a plain text is made from it.
    pub html: Option<String>,
    /// Attached and inline content.
    pub attachments: Vec<Enclosure>,
    /// More fields: name and value as it is written; one that is not ASCII becomes encoded words.
    pub extra: Vec<(String, String)>,
}

/// Content that goes with a letter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Enclosure {
    /// File name, not encoded; may be empty.
    pub name: String,
    /// `type/subtype`; anything else becomes `application/octet-stream`.
    pub media_type: String,
    /// The content.
    pub bytes: Vec<u8>,
    /// `Content-ID`, with or without angle brackets.
    pub cid: Option<String>,
    /// Shown in the letter rather than listed.
    pub inline: bool,
}

/// Writes a letter.
#[must_use]
pub fn compose(draft: &Draft) -> Vec<u8> {
    let mut out = Vec::new();
    field(
        &mut out,
        "Date",
        &date::rfc5322(draft.sent_at.0, draft.sent_at.1),
    );
    people(&mut out, "From", &draft.from);
    people(&mut out, "Reply-To", &draft.reply_to);
    people(&mut out, "To", &draft.to);
    people(&mut out, "Cc", &draft.cc);
    people(&mut out, "Bcc", &draft.bcc);
    field(&mut out, "Subject", &word::encode_words(&draft.subject));
    ids(
        &mut out,
        "Message-ID",
        std::slice::from_ref(&draft.message_id),
    );
    ids(&mut out, "In-Reply-To", &draft.in_reply_to);
    ids(&mut out, "References", &draft.references);
    for (name, value) in &draft.extra {
        // What is ASCII may hold encoded words already, in an address list for one.
        if value.is_ascii() {
            field(
                &mut out,
                name,
                &value.replace(|c: char| c.is_control(), " "),
            );
        } else {
            field(&mut out, name, &word::encode_words(value));
        }
    }
    field(&mut out, "MIME-Version", "1.0");
    body(draft).write_part(&mut out);
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// One field, folded between words. A name that is none, and an empty value, write nothing but a
/// subject, which may be empty.
fn field(out: &mut Vec<u8>, name: &str, value: &str) {
    let named = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
    if !named {
        return;
    }
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    let mut column = name.len() + 1;
    let clean: String = value
        .chars()
        .filter(|c| !matches!(c, '\r' | '\n' | '\0'))
        .collect();
    let mut spaced = false;
    for word in clean.trim().split(' ') {
        // Folding stands before a word, so doubled spaces inside a value come back as they were.
        if !spaced
            && !word.is_empty()
            && column + 1 + word.len() > LINE_MAX
            && column > name.len() + 1
        {
            out.extend_from_slice(b"\r\n");
            column = 0;
        }
        spaced = word.is_empty();
        out.push(b' ');
        out.extend_from_slice(word.as_bytes());
        column += 1 + word.len();
    }
    out.extend_from_slice(b"\r\n");
}

fn people(out: &mut Vec<u8>, name: &str, people: &[NamedAddress]) {
    let written: Vec<String> = people
        .iter()
        .map(mailbox)
        .filter(|m| !m.is_empty())
        .collect();
    if !written.is_empty() {
        field(out, name, &written.join(", "));
    }
}

/// name-addr (RFC 5322 §3.4); what is no address keeps only characters that cannot end one.
fn mailbox(person: &NamedAddress) -> String {
    let spec = match Address::parse(person.email.trim()) {
        Ok(address) => address.to_string(),
        Err(_) => {
            let stops =
                |c: char| c.is_whitespace() || c.is_control() || "<>(),;:\"\\[]".contains(c);
            person.email.chars().filter(|c| !stops(*c)).collect()
        }
    };
    if spec.is_empty() {
        return spec;
    }
    let name = person.name.as_deref().unwrap_or_default().trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || " !#$%&'*+-/=?^_`{|}~".contains(c);
    if name.is_empty() {
        spec
    } else if !name.is_ascii() || name.contains("=?") || name.contains(|c: char| c.is_control()) {
        format!("{} <{spec}>", word::encode_words(name))
    } else if name.chars().all(plain) {
        format!("{name} <{spec}>")
    } else {
        format!(
            "\"{}\" <{spec}>",
            name.replace('\\', "\\\\").replace('"', "\\\"")
        )
    }
}

fn ids(out: &mut Vec<u8>, name: &str, ids: &[String]) {
    let written: Vec<String> = ids.iter().filter_map(|id| bracketed(id)).collect();
    if !written.is_empty() {
        field(out, name, &written.join(" "));
    }
}

fn bracketed(id: &str) -> Option<String> {
    let stops = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>');
    let id: String = id.chars().filter(|c| !stops(*c)).collect();
    (!id.is_empty()).then(|| format!("<{id}>"))
}

/// mixed( related( alternative( plain, html ), inline… ), attached… ), each only where needed.
fn body(draft: &Draft) -> MimePart<'_> {
    let mut hasher = DefaultHasher::new();
    (
        &draft.message_id,
        &draft.text,
        &draft.html,
        draft.attachments.len(),
    )
        .hash(&mut hasher);
    draft
        .attachments
        .iter()
        .for_each(|enclosure| enclosure.bytes.hash(&mut hasher));
    let seed = hasher.finish();
    let (inline, attached): (Vec<_>, Vec<_>) = draft
        .attachments
        .iter()
        .partition(|e| e.inline && draft.html.is_some());
    let mut part = letter(draft, seed);
    if !inline.is_empty() {
        let parts = std::iter::once(part)
            .chain(inline.into_iter().map(enclosed))
            .collect();
        part = multipart("multipart/related", seed, 2, parts);
    }
    if !attached.is_empty() {
        let parts = std::iter::once(part)
            .chain(attached.into_iter().map(enclosed))
            .collect();
        part = multipart("multipart/mixed", seed, 3, parts);
    }
    part
}

fn letter(draft: &Draft, seed: u64) -> MimePart<'_> {
    let Some(markup) = &draft.html else {
        return written("text/plain", draft.text.as_deref().unwrap_or_default());
    };
    let text = match &draft.text {
        Some(text) => written("text/plain", text),
        None => written("text/plain", &html::html_to_text(markup)),
    };
    let parts = vec![text, written("text/html", markup)];
    multipart("multipart/alternative", seed, 1, parts)
}

fn written<'x>(media_type: &'static str, text: &str) -> MimePart<'x> {
    MimePart::new(
        ContentType::new(media_type).attribute("charset", "utf-8"),
        with_crlf(text),
    )
}

/// RFC 2045 §6.8: `=` and `_` beside each other occur in no encoded body.
fn multipart<'x>(
    kind: &'static str,
    seed: u64,
    level: u8,
    parts: Vec<MimePart<'x>>,
) -> MimePart<'x> {
    let boundary = format!("=_{level}_{seed:016x}");
    let declared = ContentType::new(kind).attribute("boundary", boundary);
    MimePart::new(declared, BodyPart::Multipart(parts))
}

fn with_crlf(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 32);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' => {
                rest.next_if_eq(&'\n');
                out.push_str("\r\n");
            }
            '\n' => out.push_str("\r\n"),
            _ => out.push(c),
        }
    }
    out
}

fn enclosed(enclosure: &Enclosure) -> MimePart<'_> {
    let declared = enclosure.media_type.trim().to_ascii_lowercase();
    let media_type = match declared.split_once('/') {
        Some(("multipart", _)) | None => "application/octet-stream",
        Some((a, b)) if parameter::is_token(a) && parameter::is_token(b) => declared.as_str(),
        Some(_) => "application/octet-stream",
    };
    let mut content_type = media_type.to_owned();
    // RFC 2046 §4.1.2: text without a charset is US-ASCII to who reads it.
    let utf8 = !enclosure.bytes.is_ascii() && std::str::from_utf8(&enclosure.bytes).is_ok();
    if media_type.starts_with("text/") && utf8 {
        content_type.push_str("; charset=utf-8");
    }
    let name: String = enclosure.name.chars().filter(|c| !c.is_control()).collect();
    let mut disposition = if enclosure.inline {
        "inline"
    } else {
        "attachment"
    }
    .to_owned();
    if !name.is_empty() {
        // Old programs know only `name` with encoded words in it.
        let words = word::encode_words(&name)
            .replace('\\', "\\\\")
            .replace('"', "\\\"");
        content_type.push_str(&format!("; name=\"{words}\""));
        disposition.push_str(&file_name_parameters(&name));
    }
    let is_message = media_type == "message/rfc822";
    let bytes = if is_message {
        message_lines(&enclosure.bytes)
    } else {
        Cow::from(&enclosure.bytes)
    };
    let ascii = bytes.is_ascii();
    let mut part = MimePart::raw(BodyPart::Binary(bytes));
    part.headers
        .push(("Content-Type".into(), Raw::new(content_type).into()));
    part.headers
        .push(("Content-Disposition".into(), Raw::new(disposition).into()));
    if let Some(cid) = enclosure.cid.as_deref().and_then(bracketed) {
        part.headers
            .push(("Content-ID".into(), Raw::new(cid).into()));
    }
    if is_message {
        // RFC 2046 §5.2.1: only 7bit, 8bit and binary are allowed here.
        let encoding = if ascii { "7bit" } else { "8bit" };
        part.headers.push((
            "Content-Transfer-Encoding".into(),
            Raw::new(encoding).into(),
        ));
    }
    part
}

fn message_lines(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => {
                out.extend_from_slice(text.strip_suffix(b"\r").unwrap_or(text));
                out.extend_from_slice(b"\r\n");
            }
            None => out.extend_from_slice(line),
        }
    }
    Cow::Owned(out)
}

/// RFC 2183 §2.3 `filename`, by RFC 2231 §3 and §4 where it is long or not ASCII.
fn file_name_parameters(name: &str) -> String {
    let plain = |c: char| c.is_ascii() && !matches!(c, '"' | '\\');
    if name.len() <= SEGMENT_MAX && name.chars().all(plain) {
        return format!("; filename=\"{name}\"");
    }
    let mut segments = vec![String::from("utf-8''")];
    for c in name.chars() {
        let mut octets = [0u8; 4];
        let encoded: String = match c {
            c if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') => c.to_string(),
            c => c
                .encode_utf8(&mut octets)
                .bytes()
                .map(|b| format!("%{b:02X}"))
                .collect(),
        };
        match segments.last_mut() {
            Some(last) if last.len() + encoded.len() <= SEGMENT_MAX => last.push_str(&encoded),
            _ => segments.push(encoded),
        }
    }
    if let [only] = segments.as_slice() {
        return format!("; filename*={only}");
    }
    segments
        .iter()
        .enumerate()
        .map(|(n, text)| format!("; filename*{n}*={text}"))
        .collect()
}
