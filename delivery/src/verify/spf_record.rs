//! RFC 7208 §4.5, §4.6, §5, §6: an SPF record, read whole before anything of it is looked at.

use super::spf::SpfResult;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Terms of one record; with [`super::QUESTIONS_MAX`] this bounds the work.
const TERMS_MAX: usize = 200;
/// Octets of one record that is read.
const RECORD_MAX: usize = 8 * 1024;

/// Prefix lengths for both families (RFC 7208 §5.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lengths {
    pub(super) v4: u8,
    pub(super) v6: u8,
}

/// How a peer is matched. Domain specifications as written; `None`: the domain itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mechanism {
    All,
    Include(String),
    A(Option<String>, Lengths),
    Mx(Option<String>, Lengths),
    Ptr(Option<String>),
    Net(IpAddr, u8),
    Exists(String),
}

/// A record.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) directives: Vec<(SpfResult, Mechanism)>,
    pub(super) redirect: Option<String>,
}

/// RFC 7208 §4.5: whether a text is an SPF record.
pub(super) fn is_record(text: &str) -> bool {
    let version = text.get(..6).unwrap_or("");
    version.eq_ignore_ascii_case("v=spf1") && matches!(text.as_bytes().get(6), None | Some(b' '))
}

impl Record {
    /// `None`: RFC 7208 §4.6, a syntax error anywhere spoils the whole record.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.len() > RECORD_MAX {
            return None;
        }
        let mut record = Self::default();
        let mut explained = false;
        let terms = text.split(' ').skip(1).filter(|term| !term.is_empty());
        for (n, term) in terms.enumerate() {
            if n == TERMS_MAX {
                return None;
            }
            match modifier(term) {
                Some((name, value)) if name.eq_ignore_ascii_case("redirect") => {
                    let once = record.redirect.replace(specification(value)?).is_none();
                    once.then_some(())?;
                }
                Some((name, value)) if name.eq_ignore_ascii_case("exp") => {
                    specification(value)?;
                    (!std::mem::replace(&mut explained, true)).then_some(())?;
                }
                // RFC 7208 §6: unknown modifiers mean nothing, as long as they can be read.
                Some((_, value)) => super::macros::are_whole(value).then_some(())?,
                None => record.directives.push(directive(term)?),
            }
        }
        Some(record)
    }
}

/// `modifier = name "=" macro-string`.
fn modifier(term: &str) -> Option<(&str, &str)> {
    let (name, value) = term.split_once('=')?;
    let fits = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    fits.then_some((name, value))
}

/// `directive = [ qualifier ] mechanism`.
fn directive(term: &str) -> Option<(SpfResult, Mechanism)> {
    let (result, rest) = match term.as_bytes().first()? {
        b'+' => (SpfResult::Pass, &term[1..]),
        b'-' => (SpfResult::Fail, &term[1..]),
        b'~' => (SpfResult::SoftFail, &term[1..]),
        b'?' => (SpfResult::Neutral, &term[1..]),
        _ => (SpfResult::Pass, term),
    };
    let end = rest.find([':', '/']).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    let argument = rest.strip_prefix(':');
    let mechanism = match name.to_ascii_lowercase().as_str() {
        "all" if rest.is_empty() => Mechanism::All,
        "include" => Mechanism::Include(specification(argument?)?),
        "exists" => Mechanism::Exists(specification(argument?)?),
        "a" => domain_and_lengths(rest).map(|(spec, lengths)| Mechanism::A(spec, lengths))?,
        "mx" => domain_and_lengths(rest).map(|(spec, lengths)| Mechanism::Mx(spec, lengths))?,
        "ptr" if rest.is_empty() => Mechanism::Ptr(None),
        "ptr" => Mechanism::Ptr(Some(specification(argument?)?)),
        "ip4" => {
            let (ip, length) = network(argument?, 32)?;
            Mechanism::Net(ip.parse::<Ipv4Addr>().ok()?.into(), length)
        }
        "ip6" => {
            let (ip, length) = network(argument?, 128)?;
            Mechanism::Net(ip.parse::<Ipv6Addr>().ok()?.into(), length)
        }
        _ => return None,
    };
    Some((result, mechanism))
}

/// An address and the length behind its slash.
fn network(text: &str, max: u8) -> Option<(&str, u8)> {
    match text.split_once('/') {
        None => Some((text, max)),
        Some((ip, length)) => Some((ip, number(length, max)?)),
    }
}

/// Digits without a leading zero, at most `max`.
fn number(digits: &str, max: u8) -> Option<u8> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit());
    let plain = plain && (digits == "0" || !digits.starts_with('0'));
    digits.parse().ok().filter(|n| plain && *n <= max)
}

/// `[ ":" domain-spec ] [ dual-cidr-length ]`.
fn domain_and_lengths(rest: &str) -> Option<(Option<String>, Lengths)> {
    let mut lengths = Lengths { v4: 32, v6: 128 };
    let mut rest = rest;
    if let Some((before, digits)) = length_behind(rest, "//") {
        (rest, lengths.v6) = (before, number(digits, 128)?);
    }
    if let Some((before, digits)) = length_behind(rest, "/") {
        (rest, lengths.v4) = (before, number(digits, 32)?);
    }
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Some((None, lengths)),
        None => None,
        Some(spec) => Some((Some(specification(spec)?), lengths)),
    }
}

/// Digits at the end behind this mark: a name may have slashes of its own.
fn length_behind<'a>(text: &'a str, mark: &str) -> Option<(&'a str, &'a str)> {
    let before = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &text[before.len()..];
    let before = before.strip_suffix(mark).filter(|_| !digits.is_empty())?;
    Some((before, digits))
}

/// RFC 7208 §7.1 domain-spec, as far as it can be judged before it is expanded.
fn specification(text: &str) -> Option<String> {
    let visible = text.bytes().all(|b| (0x21..=0x7e).contains(&b));
    let name = text.strip_suffix('.').unwrap_or(text);
    let ends = text.ends_with('}') || name.rsplit_once('.').is_some_and(|(_, top)| is_top(top));
    (visible && ends && super::macros::are_whole(text)).then(|| text.to_owned())
}

/// `toplabel`: letters, digits and hyphens, not digits alone, no hyphen at either end.
fn is_top(label: &str) -> bool {
    let fits = label
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let ends = !label.starts_with('-') && !label.ends_with('-');
    fits && ends && !label.bytes().all(|b| b.is_ascii_digit())
}
