//! The beginning of a letter for a list (RFC 8621 §4.1.4 `preview`, RFC 8970 PREVIEW).

use super::part::{bodies, charset_of, decode_transfer};
use super::summary::{Part, Range};
use super::{charset, header};
use crate::html;

/// RFC 8621 §4.1.4: characters of a preview.
pub(super) const PREVIEW_MAX: usize = 256;
/// Octets of a body that are decoded for a preview; HTML letters begin with long style sheets.
const TEXT_READ_MAX: u32 = 16 * 1024;
const HTML_READ_MAX: u32 = 128 * 1024;

pub(super) fn preview(root: &Part, raw: &[u8]) -> String {
    let found = bodies(root);
    let mut preview = String::new();
    for number in found.text.iter().chain(&found.html) {
        let Some(found) = root.find_section(number) else {
            continue;
        };
        let part = found.part;
        if part.media == "text" {
            preview = squeeze(&beginning(part, raw));
        }
        if !preview.is_empty() {
            break;
        }
    }
    preview
}

fn beginning(part: &Part, raw: &[u8]) -> String {
    let is_html = part.subtype == "html";
    let limit = if is_html {
        HTML_READ_MAX
    } else {
        TEXT_READ_MAX
    };
    let range = Range {
        at: part.body.at,
        len: part.body.len.min(limit),
    };
    let mut bytes = decode_transfer(&part.encoding, range.of(raw));
    if range.len < part.body.len
        && let Err(error) = std::str::from_utf8(&bytes)
        && error.error_len().is_none()
    {
        // The cut went through a character: that is not the sender's mistake.
        bytes.to_mut().truncate(error.valid_up_to());
    }
    let text = charset::decode(charset_of(part, &bytes), &bytes);
    if is_html {
        html::html_to_text(&text)
    } else {
        unquoted(&text)
    }
}

/// What the sender wrote, without the lines quoted and the signature, unless nothing else is there.
fn unquoted(text: &str) -> String {
    let written = text.lines().take_while(|line| *line != "-- ");
    let own: String = written
        .filter(|line| !line.starts_with('>'))
        .flat_map(|l| [l, "\n"])
        .collect();
    if own.trim().is_empty() {
        text.to_owned()
    } else {
        own
    }
}

fn squeeze(text: &str) -> String {
    let mut out = String::new();
    let mut count = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        // Senders pad with invisible characters to keep the rest of the letter out of previews.
        let shown = word.chars().filter(|c| !is_invisible(*c));
        let mut shown = shown.peekable();
        if shown.peek().is_none() {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
            count += 1;
        }
        for c in shown {
            if count >= PREVIEW_MAX {
                return header::shorten(out);
            }
            out.push(c);
            count += 1;
        }
        if count >= PREVIEW_MAX {
            break;
        }
    }
    out
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
