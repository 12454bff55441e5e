//! RFC 9989 §4.7 (RFC 7489 §6.3): what a domain says in its DMARC record.

use super::dmarc::Wish;
use super::tags::Tags;
use serde::{Deserialize, Serialize};

/// Octets of a record that is read.
const RECORD_MAX: usize = 4 * 1024;
/// Octets of `rua` that are kept.
const PLACES_MAX: usize = 1_000;
/// Octets of `fo` that are kept.
const OPTIONS_MAX: usize = 20;

/// RFC 9989 §4.7 `psd`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Suffix {
    Yes,
    No,
    #[default]
    Unknown,
}

/// The policy of a record, as a report tells it (RFC 9990 §3.1.1.5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Where the record was found.
    pub domain: String,
    /// `p`.
    pub wish: Wish,
    /// `sp`: for those below it.
    pub below: Option<Wish>,
    /// `np`: for those below it that are not there.
    pub absent: Option<Wish>,
    /// `adkim=s`.
    pub strict_dkim: bool,
    /// `aspf=s`.
    pub strict_spf: bool,
    /// `pct` of RFC 7489 §6.3, 100 in most.
    pub percent: u8,
    /// `t=y`.
    pub testing: bool,
    /// `fo`; empty: it says nothing.
    pub options: String,
    /// `rua`: where reports are to go; empty: it wants none.
    pub places: String,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// `None`: RFC 9989 §4.10.1, no policy can be made of it.
    pub(super) policy: Option<Published>,
    pub(super) suffix: Suffix,
}

/// RFC 9989 §4.10: whether a text is a record of this version.
pub(crate) fn is_record(text: &str) -> bool {
    text.len() <= RECORD_MAX && Tags::lenient(text).is_some_and(|tags| begins(&tags))
}

/// RFC 9989 §4.7: `v` comes first, and must match precisely.
fn begins(tags: &Tags<'_>) -> bool {
    tags.first() == Some("v") && tags.get("v") == Some("DMARC1")
}

/// RFC 3986 §3.1, as far as it shows whether somebody wants to hear.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.trim().split_once(':') else {
        return false;
    };
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    named && !rest.is_empty() && rest.bytes().all(|b| (0x21..=0x7e).contains(&b))
}

impl Record {
    /// The record of a domain. `None`: it is none.
    pub(super) fn read(text: &str, domain: &str) -> Option<Self> {
        let tags = Tags::lenient(text).filter(begins)?;
        let places = tags.get("rua").unwrap_or_default();
        let said = |tag| tags.get(tag).map(Wish::read);
        let flag = |tag, value: &str| {
            let found = tags.get(tag);
            found.is_some_and(|found| found.eq_ignore_ascii_case(value))
        };
        let (wish, below, absent) = (said("p"), said("sp"), said("np"));
        let readable = |wish: Option<Option<Wish>>| wish != Some(None);
        let wishes = match wish {
            Some(Some(wish)) if readable(below) && readable(absent) => {
                Some((wish, below.flatten(), absent.flatten()))
            }
            // RFC 9989 §4.10.1: what cannot be read is none where somebody wants to hear of it.
            _ if places.split(',').any(is_uri) => Some((Wish::None, None, None)),
            _ => None,
        };
        let percent = tags.get("pct").and_then(|pct| pct.parse().ok());
        let policy = wishes.map(|(wish, below, absent)| Published {
            domain: domain.to_owned(),
            wish,
            below,
            absent,
            strict_dkim: flag("adkim", "s"),
            strict_spf: flag("aspf", "s"),
            percent: percent.unwrap_or(100).min(100),
            testing: flag("t", "y"),
            options: kept(tags.get("fo"), OPTIONS_MAX),
            places: kept(tags.get("rua"), PLACES_MAX),
        });
        Some(Self {
            policy,
            suffix: match tags.get("psd") {
                Some("y" | "Y") => Suffix::Yes,
                Some("n" | "N") => Suffix::No,
                _ => Suffix::Unknown,
            },
        })
    }
}

/// A value of printable characters that is not too long.
fn kept(value: Option<&str>, max: usize) -> String {
    let fits = |text: &&str| text.len() <= max && text.bytes().all(|b| (0x20..=0x7e).contains(&b));
    value.filter(fits).unwrap_or_default().to_owned()
}
