//! The inside of a page: a sorted run of keys and values in one piece, compressed where that helps.
//!
//! One octet for the form, four for the length when it is compressed, then for each pair: the
//! key's length (2), the value's (2), key, value. Little-endian.

use super::{RAW_MAX, STORED_MAX};
use crate::Error;
use crate::zip::Zip;
use std::borrow::Cow;

/// A key, and its value or its single.
pub(super) type Entry = (Vec<u8>, Vec<u8>);

const PLAIN: u8 = 1;
const ZIPPED: u8 = 2;
/// Octets of the two lengths.
const LENGTHS: usize = 4;

/// Opens and closes runs.
#[derive(Default)]
pub(super) struct Run {
    zip: Zip,
}

fn strange() -> Error {
    Error::Corrupt("a page of the index cannot be read".into())
}

impl Run {
    /// The pairs' octets of a stored page.
    pub(super) fn open<'a>(&self, stored: &'a [u8]) -> Result<Cow<'a, [u8]>, Error> {
        match stored.split_first() {
            Some((&PLAIN, raw)) => Ok(Cow::Borrowed(raw)),
            Some((&ZIPPED, rest)) => {
                let (length, zipped) = rest.split_first_chunk().ok_or_else(strange)?;
                let length = u32::from_le_bytes(*length) as usize;
                let raw = self.zip.unpress(zipped, length).map_err(|_| strange())?;
                Ok(Cow::Owned(raw))
            }
            _ => Err(strange()),
        }
    }

    /// Makes as many pages as the entries need; at least one. Each with its first key.
    pub(super) fn close(&self, entries: &[Entry], pages: &mut Vec<Entry>) -> Result<(), Error> {
        if octets(entries) <= RAW_MAX || entries.len() < 2 {
            let stored = self.press(entries);
            if stored.len() <= STORED_MAX || entries.len() < 2 {
                let first = entries
                    .first()
                    .map_or_else(Vec::new, |(key, _)| key.clone());
                pages.push((first, stored));
                return Ok(());
            }
        }
        let (left, right) = entries.split_at(middle(entries));
        self.close(left, pages)?;
        self.close(right, pages)
    }

    fn press(&self, entries: &[Entry]) -> Vec<u8> {
        let mut plain = Vec::with_capacity(1 + octets(entries));
        plain.push(PLAIN);
        for (key, value) in entries {
            plain.extend_from_slice(&(key.len() as u16).to_le_bytes());
            plain.extend_from_slice(&(value.len() as u16).to_le_bytes());
            plain.extend_from_slice(key);
            plain.extend_from_slice(value);
        }
        let Some(small) = self.zip.press(&plain[1..]) else {
            return plain;
        };
        let mut zipped = vec![ZIPPED];
        zipped.extend_from_slice(&((plain.len() - 1) as u32).to_le_bytes());
        zipped.extend_from_slice(&small);
        zipped
    }
}

/// Octets of a run.
pub(super) fn octets(entries: &[Entry]) -> usize {
    entries
        .iter()
        .map(|(k, v)| LENGTHS + k.len() + v.len())
        .sum()
}

/// Where to split at least two entries so that both sides are about as large.
fn middle(entries: &[Entry]) -> usize {
    let (half, mut sum) = (octets(entries) / 2, 0);
    let at = entries.iter().position(|entry| {
        sum += octets(std::slice::from_ref(entry));
        sum > half
    });
    at.unwrap_or(0).clamp(1, entries.len() - 1)
}

/// Reads the pairs one after the other.
pub(super) fn pairs(mut raw: &[u8]) -> impl Iterator<Item = Result<(&[u8], &[u8]), Error>> {
    std::iter::from_fn(move || {
        if raw.is_empty() {
            return None;
        }
        let pair = first(raw);
        raw = pair.map_or(&[][..], |(_, _, rest)| rest);
        Some(pair.map(|(key, value, _)| (key, value)).ok_or_else(strange))
    })
}

fn first(raw: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (lengths, rest) = raw.split_first_chunk::<LENGTHS>()?;
    let key = u16::from_le_bytes([lengths[0], lengths[1]]) as usize;
    let value = u16::from_le_bytes([lengths[2], lengths[3]]) as usize;
    let (key, rest) = rest.split_at_checked(key)?;
    let (value, rest) = rest.split_at_checked(value)?;
    Some((key, value, rest))
}

/// The value of a key in a run.
pub(super) fn find(raw: &[u8], key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    for pair in pairs(raw) {
        let (k, value) = pair?;
        if k >= key {
            return Ok((k == key).then(|| value.to_vec()));
        }
    }
    Ok(None)
}

/// Two runs as one; where both have a key, `over` wins.
pub(super) fn merge(under: Vec<Entry>, over: Vec<Entry>) -> Vec<Entry> {
    let mut merged = Vec::with_capacity(under.len() + over.len());
    let mut under = under.into_iter().peekable();
    for entry in over {
        while let Some(lower) = under.next_if(|(key, _)| *key < entry.0) {
            merged.push(lower);
        }
        let _hidden = under.next_if(|(key, _)| *key == entry.0);
        merged.push(entry);
    }
    merged.extend(under);
    merged
}
