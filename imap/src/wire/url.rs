//! RFC 5092 §11, as far as RFC 4469 §3 goes: relative URLs of messages and their parts.
//!
//! A URL with a scheme or a server is somebody else's and is not read.

use super::fetch::{self, Section, Text};
use super::lexer::{Lexer, is_atom_char};

/// Octets of one URL; a mailbox name and a list of header fields fit.
pub const URL_MAX: usize = 16_384;

/// What a URL names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The name in UTF-8; `None`: the selected mailbox.
    pub mailbox: Option<String>,
    /// Not given: any.
    pub validity: Option<u32>,
    /// Never zero.
    pub uid: u32,
    /// Which part; the whole message when none is named.
    pub section: Section,
    /// First octet, and how many at most.
    pub partial: Option<(u64, Option<u64>)>,
}

/// iabsolute-path / irelative-path of a message: `["/" enc-mailbox [uidvalidity]] "/" iuid ["/" isection]
/// ["/" ipartial]`. `None` for anything else.
pub fn parse(url: &[u8]) -> Option<Link> {
    if url.len() > URL_MAX || !url.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let text = std::str::from_utf8(url).ok()?;
    // iuid = "/" iuid-only; iuid-only = ";UID=" nz-number
    let at = find(text, ";UID=")?;
    let (before, after) = (text.get(..at)?, text.get(at + 5..)?);
    let (mailbox, validity) = match before {
        "" | "/" => (None, None),
        _ => named(before.strip_prefix('/')?.strip_suffix('/')?)?,
    };
    let (uid, rest) = number(after)?;
    let mut link = Link {
        mailbox,
        validity,
        uid: u32::try_from(uid).ok().filter(|uid| *uid > 0)?,
        section: Section {
            path: Vec::new(),
            text: Text::All,
        },
        partial: None,
    };
    let mut rest = rest;
    // isection = "/" isection-only; isection-only = ";SECTION=" enc-section
    if let Some(tail) = word(rest, "/;SECTION=") {
        let end = tail.find("/;").unwrap_or(tail.len());
        link.section = section(tail.get(..end)?)?;
        rest = tail.get(end..)?;
    }
    // ipartial = "/" ipartial-only; ipartial-only = ";PARTIAL=" partial-range; number ["." nz-number]
    if let Some(tail) = word(rest, "/;PARTIAL=") {
        let (from, tail) = number(tail)?;
        rest = tail;
        let mut len = None;
        if let Some(tail) = rest.strip_prefix('.') {
            let (count, tail) = number(tail)?;
            len = Some(count).filter(|count| *count > 0);
            len?;
            rest = tail;
        }
        link.partial = Some((from, len));
    }
    // A closing slash says nothing.
    matches!(rest, "" | "/").then_some(link)
}

/// enc-mailbox [uidvalidity]; uidvalidity = ";UIDVALIDITY=" nz-number
fn named(text: &str) -> Option<(Option<String>, Option<u32>)> {
    let (name, validity) = match find(text, ";UIDVALIDITY=") {
        None => (text, None),
        Some(at) => {
            let (validity, rest) = number(text.get(at + 13..)?)?;
            let validity = u32::try_from(validity).ok().filter(|v| *v > 0)?;
            (text.get(..at)?, rest.is_empty().then_some(validity))
        }
    };
    if name.is_empty()
        || name.starts_with('/')
        || name.contains(';')
        || (name.len() < text.len() && validity.is_none())
    {
        return None;
    }
    String::from_utf8(decoded(name)?)
        .ok()
        .map(|name| (Some(name), validity))
}

fn section(text: &str) -> Option<Section> {
    let octets = decoded(text)?;
    let mut lexer = Lexer::new(&octets, Vec::new());
    let section = fetch::section_spec(&mut lexer).ok()?;
    lexer.end().ok()?;
    (!octets.is_empty()).then_some(section)
}

/// pct-encoded = "%" HEXDIG HEXDIG (RFC 3986 §2.1); no NUL.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        out.push(match octet {
            b'%' => {
                let mut digit = || char::from(octets.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            _ => octet,
        });
    }
    (!out.contains(&0)).then_some(out)
}

fn number(text: &str) -> Option<(u64, &str)> {
    let end = text.bytes().position(|b| !b.is_ascii_digit());
    let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
    Some((digits.parse().ok()?, rest))
}

/// What follows this word, in any case.
fn word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let start = text.get(..word.len())?;
    start
        .eq_ignore_ascii_case(word)
        .then(|| &text[word.len()..])
}

fn find(text: &str, word: &str) -> Option<usize> {
    let windows = text.as_bytes().windows(word.len());
    let mut found = windows.enumerate();
    found
        .find(|(_, w)| w.eq_ignore_ascii_case(word.as_bytes()))
        .map(|(at, _)| at)
}

/// url-resp-text = 1*(%x01-09 / %x0B-0C / %x0E-5B / %x5D-FE), any TEXT-CHAR except "]" (RFC 4469 §5): the
/// URL as it may stand in a response code.
pub fn shown(url: &[u8]) -> String {
    let mut out = String::with_capacity(url.len());
    for octet in url.iter().take(URL_MAX) {
        let plain = is_atom_char(*octet) || b"(){%*".contains(octet);
        match plain {
            true => out.push(char::from(*octet)),
            false => out.push_str(&format!("%{octet:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: Option<&str>) {
        let got = parse(url.as_bytes()).map(|l| {
            let mailbox = l.mailbox.unwrap_or_else(|| "-".into());
            let mut text = format!("{mailbox} {:?} {}", l.validity, l.uid);
            text += &format!(" {:?} {:?} {:?}", l.section.path, l.section.text, l.partial);
            text
        });
        assert_eq!(got.as_deref(), expected, "{url:?}");
    }

    #[test]
    fn urls_are_read_as_rfc_5092_says() {
        check(
            "/Drafts;UIDVALIDITY=385759045/;UID=20/;section=1.MIME",
            Some("Drafts Some(385759045) 20 [1] Mime None"),
        );
        check("/Drafts/;UID=3002", Some("Drafts None 3002 [] All None"));
        check("/;UID=7/", Some("- None 7 [] All None"));
        check(";UID=7/;SECTION=TEXT", Some("- None 7 [] Text None"));
        check(
            "/C%C3%B4ng%20v%C4%83n/con;UIDVALIDITY=1/;UID=2/;PARTIAL=5.6",
            Some("Công văn/con Some(1) 2 [] All Some((5, Some(6)))"),
        );
        check(
            "/a/;UID=2/;SECTION=1.2.HEADER.FIELDS%20(SUBJECT)/;PARTIAL=9",
            Some("a None 2 [1, 2] Fields([\"SUBJECT\"]) Some((9, None))"),
        );
        for bad in [
            "",
            "/",
            "/INBOX",
            "/INBOX/;UID=",
            "/INBOX/;UID=0",
            "/INBOX/;UID=4294967296",
            "/INBOX/;UID=1x",
            "/INBOX;UIDVALIDITY=/;UID=1",
            "/INBOX;UIDVALIDITY=0/;UID=1",
            "/INBOX;X=1/;UID=1",
            "INBOX/;UID=1",
            "/INBOX;UID=1",
            "//server/INBOX/;UID=1",
            "imap://server/INBOX/;UID=1",
            "/INBOX/;UID=1/;SECTION=",
            "/INBOX/;UID=1/;SECTION=NOPE",
            "/INBOX/;UID=1/;SECTION=MIME",
            "/INBOX/;UID=1/;PARTIAL=1.0",
            "/INBOX/;UID=1;URLAUTH=x",
            "/%C3/;UID=1",
            "/a%00/;UID=1",
            "/a%G0/;UID=1",
            "/a%2/;UID=1",
            "/công/;UID=1",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn a_url_breaks_no_response_code() {
        assert_eq!(
            shown(b"/a]b\\\"\r\n\xff/;UID=1"),
            "/a%5Db%5C%22%0D%0A%FF/;UID=1"
        );
    }
}
