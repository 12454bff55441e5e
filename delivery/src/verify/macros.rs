//! RFC 7208 §7: macros in the names of an SPF record.

use std::fmt::Write as _;
use std::net::IpAddr;

/// Octets of a name (RFC 7208 §7.3); longer ones lose labels on the left.
const NAME_MAX: usize = 253;

/// What macros stand for.
#[derive(Debug, Clone)]
pub(super) struct Values<'a> {
    pub(super) ip: IpAddr,
    pub(super) helo: &'a str,
    pub(super) local: &'a str,
    /// The domain of the sender.
    pub(super) sender_domain: &'a str,
}

/// A macro between its braces.
struct Macro {
    letter: u8,
    /// Labels kept, of the right; 0: all.
    keep: usize,
    reverse: bool,
    delimiters: String,
}

/// `macro-expand = ( "%{" macro-letter transformers *delimiter "}" )`, for the letters that a name may have.
fn read(inside: &str) -> Option<Macro> {
    let letter = *inside.as_bytes().first()?;
    if !b"slodiphv".contains(&letter.to_ascii_lowercase()) {
        return None;
    }
    let rest = &inside[1..];
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let keep = match &rest[..digits] {
        "" => 0,
        // RFC 7208 §7.1: zero labels are an error.
        text => text.parse::<u8>().ok().filter(|n| *n > 0)?.into(),
    };
    let rest = &rest[digits..];
    let (reverse, delimiters) = match rest.as_bytes().first() {
        Some(b'r' | b'R') => (true, &rest[1..]),
        _ => (false, rest),
    };
    let fits = delimiters.bytes().all(|b| b".-+,/_=".contains(&b));
    fits.then(|| Macro {
        letter,
        keep,
        reverse,
        delimiters: if delimiters.is_empty() {
            ".".into()
        } else {
            delimiters.into()
        },
    })
}

/// Walks over a text: plain pieces and macros. `None`: a percent sign that begins nothing.
fn walk(text: &str, mut piece: impl FnMut(Result<&str, Macro>)) -> Option<()> {
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        piece(Ok(&rest[..at]));
        rest = &rest[at + 1..];
        match rest.as_bytes().first()? {
            b'%' => piece(Ok("%")),
            b'_' => piece(Ok(" ")),
            b'-' => piece(Ok("%20")),
            b'{' => {
                let (inside, after) = rest[1..].split_once('}')?;
                piece(Err(read(inside)?));
                rest = after;
                continue;
            }
            _ => return None,
        }
        rest = &rest[1..];
    }
    piece(Ok(rest));
    Some(())
}

/// Whether every macro of a text can be read.
pub(super) fn are_whole(text: &str) -> bool {
    walk(text, |_| {}).is_some()
}

/// The name that a domain specification stands for within this domain.
pub(super) fn expand(text: &str, domain: &str, values: &Values<'_>) -> Option<String> {
    let mut out = String::new();
    walk(text, |piece| match piece {
        Ok(plain) => out.push_str(plain),
        Err(made) => out.push_str(&made.value(domain, values)),
    })?;
    let mut name = out.trim_end_matches('.');
    while name.len() > NAME_MAX {
        name = name.split_once('.')?.1;
    }
    Some(name.to_owned())
}

impl Macro {
    fn value(&self, domain: &str, values: &Values<'_>) -> String {
        let whole = match self.letter.to_ascii_lowercase() {
            b's' => format!("{}@{}", values.local, values.sender_domain),
            b'l' => values.local.to_owned(),
            b'o' => values.sender_domain.to_owned(),
            b'd' => domain.to_owned(),
            b'i' => dotted(values.ip),
            b'v' if values.ip.is_ipv4() => "in-addr".to_owned(),
            b'v' => "ip6".to_owned(),
            b'h' => values.helo.to_owned(),
            // RFC 7208 §7.3 `p`: nobody should use it, and it may always be this.
            _ => "unknown".to_owned(),
        };
        let mut labels: Vec<&str> = whole.split(|c: char| self.delimiters.contains(c)).collect();
        if self.reverse {
            labels.reverse();
        }
        let from = match self.keep {
            0 => 0,
            keep => labels.len().saturating_sub(keep),
        };
        let text = labels[from..].join(".");
        match self.letter.is_ascii_uppercase() {
            true => escaped(&text),
            false => text,
        }
    }
}

/// RFC 7208 §7.3 `i`: octets, or for IPv6 nibbles.
fn dotted(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let nibbles = v6.octets().into_iter().flat_map(|b| [b >> 4, b & 15]);
            let each: Vec<String> = nibbles.map(|n| format!("{n:x}")).collect();
            each.join(".")
        }
    }
}

/// RFC 3986 §2.3: what is not unreserved is escaped.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(char::from(b));
        } else {
            let _ = write!(out, "%{b:02X}");
        }
    }
    out
}
