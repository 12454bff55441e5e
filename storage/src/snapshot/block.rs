//! One block: some keys in order, compressed, sealed when the store is, with a checksum that names
//! its place.

use super::{Entry, SUM, Span};
use crate::Error;
use crate::journal::BODY_OCTETS_MAX;
use crate::seal::{Context, KeyId, Keys};
use std::borrow::Cow;
use zstd::bulk::{Compressor, Decompressor};

const MAGIC: &[u8; 4] = b"CvS1";
/// Octets of a block before what is stored: magic, stored length, raw length, key, checksum.
pub(super) const HEAD: usize = 4 + 4 + 4 + 4 + SUM;
/// Length of a value that says "deleted".
const DELETED: u32 = u32::MAX;
/// Octets of an entry before its key and value.
const ENTRY_HEAD: usize = 6;
/// Largest block before compression: one entry of the largest commit.
pub(super) const RAW_MAX: usize = BODY_OCTETS_MAX + super::BLOCK_OCTETS;
/// Number of the table of blocks, which is stored as a block is.
pub(super) const TABLE: u32 = u32::MAX;
const LEVEL: i32 = 1;

/// Where a block belongs: nowhere else is it valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub span: Span,
    pub number: u32,
}

impl Place {
    fn context(self, file: &str) -> Context<'_> {
        let number = self.number;
        Context::Block { file, number }
    }
}

/// The lengths and the checksum that stand before a block.
#[derive(Debug, Clone, Copy)]
struct Head {
    stored: u32,
    raw: u32,
    key: KeyId,
    sum: [u8; SUM],
}

pub(super) fn press() -> Result<Compressor<'static>, Error> {
    Compressor::new(LEVEL)
        .map_err(|e| Error::Unavailable(format!("no memory for zstd: {e}").into()))
}

pub(super) fn unpress() -> Result<Decompressor<'static>, Error> {
    Decompressor::new().map_err(|e| Error::Unavailable(format!("no memory for zstd: {e}").into()))
}

/// The block as it is written, head included; sealed under `key`.
pub(super) fn close(
    place: Place,
    raw: &[u8],
    (keys, key): (&Keys, KeyId),
    press: &mut Compressor<'_>,
) -> Result<Vec<u8>, Error> {
    if raw.len() > RAW_MAX {
        return Err(Error::TooLarge("block of a snapshot"));
    }
    let small = press
        .compress(raw)
        .map_err(|e| Error::Unavailable(format!("zstd: {e}").into()))?;
    let small = match key.is_plain() {
        true => small,
        false => keys.seal(key, place.context(&place.span.name()), &small)?,
    };
    let mut block = Vec::with_capacity(HEAD + small.len());
    block.extend_from_slice(MAGIC);
    block.extend_from_slice(&(small.len() as u32).to_le_bytes());
    block.extend_from_slice(&(raw.len() as u32).to_le_bytes());
    block.extend_from_slice(&key.0.to_le_bytes());
    let sum = checksum(place, &block, &small);
    block.extend_from_slice(&sum);
    block.extend_from_slice(&small);
    Ok(block)
}

/// Octets of the block that begins here; `None` when none does.
pub(super) fn octets(bytes: &[u8]) -> Option<usize> {
    head(bytes).map(|head| HEAD + head.stored as usize)
}

/// Whether the block that begins here says that it is sealed.
pub(super) fn is_sealed(bytes: &[u8]) -> bool {
    head(bytes).is_some_and(|head| !head.key.is_plain())
}

/// Reads a block's head; `None` for what is none.
fn head(bytes: &[u8]) -> Option<Head> {
    let head = bytes.get(..HEAD)?;
    let number =
        |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    (head[..4] == *MAGIC).then_some(Head {
        stored: number(4),
        raw: number(8),
        key: KeyId(number(12)),
        sum: head[16..].try_into().ok()?,
    })
}

/// The raw octets of a block, given as it was written. `None` when it is damaged or not of this place.
/// Errors: `Corrupt` when its key is missing.
pub(super) fn open(
    place: Place,
    bytes: &[u8],
    keys: &Keys,
    unpress: &mut Decompressor<'_>,
) -> Result<Option<Vec<u8>>, Error> {
    let Some(found) = head(bytes) else {
        return Ok(None);
    };
    let stored = &bytes[HEAD..];
    let fits = found.stored as usize == stored.len() && found.raw as usize <= RAW_MAX;
    if !fits || checksum(place, &bytes[..HEAD - SUM], stored) != found.sum {
        return Ok(None);
    }
    let opened = match found.key.is_plain() && !keys.is_on() {
        true => Cow::Borrowed(stored),
        false => {
            let name = place.span.name();
            Cow::Owned(keys.unseal(found.key, place.context(&name), stored)?)
        }
    };
    let raw = unpress.decompress(&opened, found.raw as usize).ok();
    Ok(raw.filter(|raw| raw.len() == found.raw as usize))
}

/// Whether a block, given as it was written, is what was written at this place; needs no keys.
pub(super) fn is_whole(place: Place, bytes: &[u8]) -> bool {
    head(bytes).is_some_and(|found| {
        let stored = &bytes[HEAD..];
        found.stored as usize == stored.len()
            && checksum(place, &bytes[..HEAD - SUM], stored) == found.sum
    })
}

fn checksum(place: Place, lengths: &[u8], stored: &[u8]) -> [u8; SUM] {
    let mut hasher = blake3::Hasher::new();
    for number in [place.span.first, place.span.last, place.number] {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(lengths).update(stored);
    let mut sum = [0u8; SUM];
    sum.copy_from_slice(&hasher.finalize().as_bytes()[..SUM]);
    sum
}

/// Adds an entry behind the others of a block.
pub(super) fn add(raw: &mut Vec<u8>, key: &[u8], value: Option<&[u8]>) -> Result<(), Error> {
    let key_octets = u16::try_from(key.len()).map_err(|_| Error::TooLarge("key"))?;
    let value_octets = value.map_or(DELETED, |v| v.len() as u32);
    if value.is_some_and(|v| v.len() > BODY_OCTETS_MAX) {
        return Err(Error::TooLarge("value"));
    }
    raw.extend_from_slice(&key_octets.to_le_bytes());
    raw.extend_from_slice(&value_octets.to_le_bytes());
    raw.extend_from_slice(key);
    raw.extend_from_slice(value.unwrap_or_default());
    Ok(())
}

/// Reads the entry at `at` and moves behind it; `None` at the end. Errors: `Corrupt`.
pub(super) fn take(raw: &[u8], at: &mut usize) -> Result<Option<Entry>, Error> {
    if *at == raw.len() {
        return Ok(None);
    }
    let strange = || Error::Corrupt("a block of a snapshot cannot be read".into());
    let rest = &raw[*at..];
    let head = rest.get(..ENTRY_HEAD).ok_or_else(strange)?;
    let key_octets = u16::from_le_bytes([head[0], head[1]]) as usize;
    let value_octets = u32::from_le_bytes([head[2], head[3], head[4], head[5]]);
    let rest = &rest[ENTRY_HEAD..];
    let key = rest.get(..key_octets).ok_or_else(strange)?.to_vec();
    let value = match value_octets {
        DELETED => None,
        n => Some(
            rest.get(key_octets..key_octets + n as usize)
                .ok_or_else(strange)?
                .to_vec(),
        ),
    };
    *at += ENTRY_HEAD + key_octets + value.as_ref().map_or(0, Vec::len);
    Ok(Some(Entry { key, value }))
}
