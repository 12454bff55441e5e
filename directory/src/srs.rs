//! SRS: reverse-paths of strangers as ours, where mail of theirs is sent on. A server elsewhere believes a
//! reverse-path only from who may use its domain (SPF); and what cannot be delivered comes back through us, who know
//! whose it was, and that it was us who sent it on. Nothing is kept for that: the address itself tells, under a MAC.
//!
//! ```text
//! SRS0 = "SRS0=" mac "=" day "=" domain "=" local            ; of local@domain
//! SRS1 = "SRS1=" mac "=" domain "=" opaque                   ; of SRS0opaque@domain, opaque from its separator on
//! mac  = 8base32      day = 2base32                          ; in any case, since some servers change it
//! ```

use crate::Directory;
use formats::address::{Address, DomainName, LocalPart};
use subtle::ConstantTimeEq;

/// Days for which such an address is good: longer than mail waits in any queue.
pub const DAYS_MAX: i64 = 21;
/// What the day is counted by.
const DAYS_ROUND: i64 = 1024;
const DAY_S: i64 = 24 * 3600;
/// Characters of the MAC, five bits each.
const MAC_LEN: usize = 8;
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// For what the key is derived.
const CONTEXT: &str = "congvu directory srs 2026-11-22";

impl Directory {
    /// The reverse-path of mail of this sender that is sent on from an address of this domain of ours; `None`: there
    /// is none, it would be too long.
    pub fn sent_on(&self, from: &Address, by: &DomainName) -> Option<Address> {
        let local = from.local.to_string();
        let text = if let Some(opaque) = prefixed(&local, "SRS0") {
            // The first who sent it on takes it back: this server only passes it there.
            format!(
                "SRS1={}={}={opaque}",
                self.mac(&[from.domain.as_str(), opaque]),
                from.domain
            )
        } else if let Some((domain, opaque)) = prefixed(&local, "SRS1").and_then(first_server) {
            format!("SRS1={}={domain}={opaque}", self.mac(&[domain, opaque]))
        } else {
            let day = day(self.now_s());
            let mac = self.mac(&[&day, from.domain.as_str(), &local]);
            format!("SRS0={mac}={day}={}={local}", from.domain)
        };
        Some(Address {
            local: LocalPart::parse(&text).ok()?,
            domain: by.clone(),
        })
    }

    /// Whose reverse-path an address of ours stands for; `None`: it is none, is forged or too old.
    pub(crate) fn sender_of(&self, local: &LocalPart) -> Option<Address> {
        let text = local.as_str();
        let (mac, rest, fresh) = if let Some(opaque) = prefixed(text, "SRS0") {
            let (mac, rest) = opaque.get(1..)?.split_once('=')?;
            let (then, _) = rest.split_once('=')?;
            (mac, rest, is_recent(then, self.now_s()))
        } else {
            let (mac, rest) = prefixed(text, "SRS1")?.get(1..)?.split_once('=')?;
            (mac, rest, true)
        };
        let (first, second) = rest.split_once('=')?;
        let is_first = prefixed(text, "SRS0").is_some();
        let (expected, domain, local) = match is_first {
            true => {
                let (domain, local) = second.split_once('=')?;
                (self.mac(&[first, domain, local]), domain, local.to_owned())
            }
            false => (self.mac(&[first, second]), first, format!("SRS0{second}")),
        };
        let same: bool = mac
            .to_ascii_lowercase()
            .as_bytes()
            .ct_eq(expected.as_bytes())
            .into();
        if !(fresh && same) {
            return None;
        }
        Address::parse(&format!("{local}@{domain}")).ok()
    }

    fn mac(&self, parts: &[&str]) -> String {
        let key = blake3::derive_key(CONTEXT, &self.inner.salt_key);
        let text = parts.join("=").to_lowercase();
        let hash = blake3::keyed_hash(&key, text.as_bytes());
        base32(
            u64::from_le_bytes(*hash.as_bytes().first_chunk().unwrap_or(&[0; 8])),
            MAC_LEN,
        )
    }
}

fn base32(mut number: u64, length: usize) -> String {
    let mut out = String::new();
    for _ in 0..length {
        out.push(char::from(BASE32[(number % 32) as usize]));
        number /= 32;
    }
    out
}

fn day(now: i64) -> String {
    base32(now.div_euclid(DAY_S).rem_euclid(DAYS_ROUND) as u64, 2)
}

fn is_recent(then: &str, now: i64) -> bool {
    let then = then.to_ascii_lowercase();
    (0..=DAYS_MAX).any(|days| day(now - days * DAY_S) == then)
}

/// What follows the word, its separator (`=`, `-` or `+`) first.
fn prefixed<'a>(local: &'a str, word: &str) -> Option<&'a str> {
    let (start, rest) = local.split_at_checked(word.len())?;
    let is_word = start.eq_ignore_ascii_case(word);
    (is_word && rest.starts_with(['=', '-', '+'])).then_some(rest)
}

/// Of an SRS1: the first who sent it on, and what he made of it.
fn first_server(rest: &str) -> Option<(&str, &str)> {
    let (_, rest) = rest.get(1..)?.split_once('=')?;
    rest.split_once('=')
}
