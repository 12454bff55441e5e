//! RFC 2045 §6 transfer encodings, RFC 8621 §4.1.4 bodies, and the names of attachments.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use super::summary::{Part, PartKind};
use super::{charset, parameter};

/// Octets of HTML in which it may name its charset (WHATWG HTML §13.2.3.2).
const META_WITHIN: usize = 1024;
/// Characters of a file name.
pub const FILE_NAME_MAX: usize = 200;

/// The octets behind a Content-Transfer-Encoding. Damaged base64 and quoted-printable are read as
/// far as they go; an unknown encoding gives the body as it is.
#[must_use]
pub fn decode_transfer<'a>(encoding: &str, body: &'a [u8]) -> Cow<'a, [u8]> {
    match encoding.trim().to_ascii_lowercase().as_str() {
        "base64" => Cow::Owned(base64(body)),
        "quoted-printable" => Cow::Owned(quoted_printable(body)),
        "x-uuencode" | "uuencode" | "x-uue" => Cow::Owned(uudecode(body)),
        _ => Cow::Borrowed(body),
    }
}

/// The decoded octets of a part.
#[must_use]
pub fn decode_body<'a>(part: &Part, raw: &'a [u8]) -> Cow<'a, [u8]> {
    decode_transfer(&part.encoding, part.body.of(raw))
}

/// The text of a part: transfer encoding and charset undone, NFC. HTML that is neither UTF-8 nor
/// declared may declare itself.
#[must_use]
pub fn decode_text(part: &Part, raw: &[u8]) -> String {
    let bytes = decode_body(part, raw);
    charset::decode(charset_of(part, &bytes), &bytes)
}

pub(super) fn charset_of<'a>(part: &'a Part, bytes: &'a [u8]) -> &'a str {
    let declared = part.param("charset").unwrap_or_default();
    let by_default = declared.is_empty() || declared.eq_ignore_ascii_case("us-ascii");
    if !by_default || part.subtype != "html" || std::str::from_utf8(bytes).is_ok() {
        return declared;
    }
    let head = &bytes[..bytes.len().min(META_WITHIN)];
    let Some(at) = memchr::memmem::find(head, b"charset=") else {
        return declared;
    };
    let name = &head[at + 8..];
    let name = name.strip_prefix(b"\"").unwrap_or(name);
    let end = name
        .iter()
        .position(|b| !b.is_ascii_alphanumeric() && !b"-_.:".contains(b));
    std::str::from_utf8(&name[..end.unwrap_or(name.len())]).unwrap_or(declared)
}

/// RFC 2045 §6.8; other octets are passed over, and padding within the text begins anew, since
/// senders join encoded pieces.
pub(super) fn base64(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0u32, 0u32);
    for &b in text {
        let value = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => {
                (bits, count) = (0, 0);
                continue;
            }
            _ => continue,
        };
        bits = (bits << 6 | u32::from(value)) & 0x00ff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out
}

/// RFC 2045 §6.7, with trailing white space and soft line breaks taken out.
pub(super) fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|&b| b == b'\n') {
        let content = line.strip_suffix(b"\n").unwrap_or(line);
        let content = content.strip_suffix(b"\r").unwrap_or(content);
        let end = &line[content.len()..];
        let content = if end.is_empty() {
            content
        } else {
            trim_blanks(content)
        };
        match content.strip_suffix(b"=") {
            Some(soft) if !end.is_empty() => out.extend(hex_escapes(soft, b'=')),
            _ => {
                out.extend(hex_escapes(content, b'='));
                out.extend_from_slice(end);
            }
        }
    }
    // A soft break as the very last octet has no line end behind it.
    if text.ends_with(b"=") && out.ends_with(b"=") {
        out.pop();
    }
    out
}

fn trim_blanks(line: &[u8]) -> &[u8] {
    let end = line
        .iter()
        .rposition(|b| !matches!(b, b' ' | b'\t'))
        .map_or(0, |at| at + 1);
    &line[..end]
}

/// `=C3` or `%C3` undone; an escape without two hexadecimal digits stays.
pub(crate) fn hex_escapes(text: &[u8], mark: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&b, tail)) = rest.split_first() {
        rest = tail;
        if b == mark
            && let [high, low, after @ ..] = tail
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            out.push(high << 4 | low);
            rest = after;
        } else {
            out.push(b);
        }
    }
    out
}

fn hex(b: u8) -> Option<u8> {
    (b as char).to_digit(16).map(|digit| digit as u8)
}

/// The lines between `begin` and `end`; the first octet of each tells its length.
fn uudecode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut begun = false;
    for line in text.split(|&b| b == b'\n') {
        let line = line.trim_ascii_end();
        if !begun {
            begun = line.starts_with(b"begin ");
            continue;
        }
        if line == b"end" {
            break;
        }
        let Some((&first, data)) = line.split_first() else {
            continue;
        };
        let len = usize::from(first.wrapping_sub(32) & 63);
        let start = out.len();
        for group in data.chunks(4) {
            let mut bits = 0u32;
            for at in 0..4 {
                let b = group.get(at).copied().unwrap_or(b' ');
                bits = bits << 6 | u32::from(b.wrapping_sub(32) & 63);
            }
            out.extend_from_slice(&bits.to_be_bytes()[1..]);
        }
        out.truncate((start + len).min(out.len()));
    }
    out
}

/// What to show and what to list of a message (RFC 8621 §4.1.4): numbers of parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bodies {
    /// `textBody`.
    pub text: Vec<String>,
    /// `htmlBody`.
    pub html: Vec<String>,
    /// `attachments`.
    pub attachments: Vec<String>,
}

/// RFC 8621 §4.1.4 textBody, htmlBody and attachments of a message's root part.
#[must_use]
pub fn bodies(root: &Part) -> Bodies {
    let mut sorter = Sorter {
        found: Bodies::default(),
    };
    let whole = std::slice::from_ref(root);
    match &root.kind {
        PartKind::Multipart(parts) => {
            let alternative = root.subtype == "alternative";
            sorter.sort(parts, "", &root.subtype, alternative, (true, true));
        }
        _ => sorter.sort(whole, "", "mixed", false, (true, true)),
    }
    sorter.found
}

struct Sorter {
    found: Bodies,
}

impl Sorter {
    /// `open` tells which of text and HTML still take parts; an alternative part closes one.
    fn sort(
        &mut self,
        parts: &[Part],
        prefix: &str,
        within: &str,
        alternative: bool,
        open: (bool, bool),
    ) {
        let (mut to_text, mut to_html) = open;
        let (text_start, html_start) = (self.found.text.len(), self.found.html.len());
        for (at, part) in parts.iter().enumerate() {
            let dot = if prefix.is_empty() { "" } else { "." };
            let number = format!("{prefix}{dot}{}", at + 1);
            if let PartKind::Multipart(inner) = &part.kind {
                let alternative = alternative || part.subtype == "alternative";
                self.sort(
                    inner,
                    &number,
                    &part.subtype,
                    alternative,
                    (to_text, to_html),
                );
                continue;
            }
            let media = is_inline_media(part);
            if !is_inline(part, at, within) {
                self.found.attachments.push(number);
                continue;
            }
            if within == "alternative" {
                match part.subtype.as_str() {
                    "plain" if part.media == "text" => self.found.text.push(number),
                    "html" if part.media == "text" => self.found.html.push(number),
                    _ => self.found.attachments.push(number),
                }
                continue;
            }
            if alternative {
                to_html &= !part.is("text", "plain");
                to_text &= !part.is("text", "html");
            }
            if media && !(to_text && to_html) {
                self.found.attachments.push(number.clone());
            }
            if to_text {
                self.found.text.push(number.clone());
            }
            if to_html {
                self.found.html.push(number);
            }
        }
        if within == "alternative" && to_text && to_html {
            let more_text = self.found.text.len() > text_start;
            let more_html = self.found.html.len() > html_start;
            if more_html && !more_text {
                self.found
                    .text
                    .extend_from_slice(&self.found.html[html_start..]);
            } else if more_text && !more_html {
                self.found
                    .html
                    .extend_from_slice(&self.found.text[text_start..]);
            }
        }
    }
}

fn is_inline_media(part: &Part) -> bool {
    matches!(part.media.as_str(), "image" | "audio" | "video")
}

fn is_attached(part: &Part) -> bool {
    part.disposition
        .as_ref()
        .is_some_and(|(kind, _)| kind == "attachment")
}

/// Whether a part is shown in the letter rather than listed below it.
fn is_inline(part: &Part, at: usize, within: &str) -> bool {
    let media = is_inline_media(part);
    let shown = part.is("text", "plain") || part.is("text", "html") || media;
    shown
        && !is_attached(part)
        && (at == 0 || (within != "related" && (media || file_name(part).is_none())))
}

/// RFC 8621 §4.1.4 hasAttachment: something is listed that the letter itself does not show.
pub(super) fn has_attachment(root: &Part) -> bool {
    bodies(root).attachments.iter().any(|number| {
        root.find_section(number).is_some_and(|found| {
            let part = found.part;
            let pictured = part.media == "image" && part.id.is_some() && !is_attached(part);
            !pictured && !is_signature(part)
        })
    })
}

/// What programs check for people.
fn is_signature(part: &Part) -> bool {
    let names = ["pgp-signature", "pkcs7-signature", "x-pkcs7-signature"];
    part.media == "application" && names.contains(&part.subtype.as_str())
}

/// The decoded name of an attachment (RFC 2183 §2.3, RFC 2231, RFC 2047), NFC, safe to show and to
/// offer for saving: no path, no control or direction-changing characters, not only dots.
#[must_use]
pub fn file_name(part: &Part) -> Option<String> {
    let disposition = part.disposition.as_ref();
    let declared = disposition
        .and_then(|(_, params)| parameter::decoded(params, "filename"))
        .or_else(|| parameter::decoded(&part.params, "name"))?;
    let name: String = declared
        .nfc()
        .filter(|c| is_shown(*c))
        .take(FILE_NAME_MAX)
        .collect();
    // Some senders give a whole path of their own disk.
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = name.trim().trim_start_matches('.').trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// Neither a control character nor one that reorders or hides what follows.
pub(super) fn is_shown(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
