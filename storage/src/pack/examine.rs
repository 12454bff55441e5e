//! Reading a pack from end to end without its keys, wherever it lies: what in it is not as it was written.
//!
//! Each entry says in its head how long it is and has a checksum of what is stored, so that whoever copies a
//! pack can tell damage from content, be it sealed or not. What nobody uses any more cannot be told from the rest.

use super::format::{self, Entry};
use crate::owner::ID;
use crate::record::Form;
use crate::zip::Zip;
use crate::{BlobId, Error};

/// What is read at once, octets.
const WINDOW: usize = 256 * 1024;

/// Fills the octets from this offset on.
pub(crate) type Reading<'a> = dyn FnMut(u64, &mut [u8]) -> Result<(), Error> + 'a;

/// A place of a pack that is damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub from: u64,
    /// The octet behind it.
    pub to: u64,
    /// The content there, where its head can still be read.
    pub content: Option<BlobId>,
}

/// The last content of a pack that the store knows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Last {
    /// Where its head begins.
    pub offset: u64,
    /// Octets behind its head.
    pub stored: u32,
    pub id: BlobId,
}

/// The content that an entry beginning with these octets has.
pub(crate) fn content_at(head: &[u8]) -> Option<BlobId> {
    Entry::decode(head).map(|entry| entry.id)
}

/// The damaged places of the pack of this number, of which so many octets are there. An entry that is not
/// whole yet at the end is none: it is being written, or nobody was told that it was; but up to `last` all must be
/// there. Errors: those of `read`.
pub(crate) fn examine(
    number: u32,
    octets: u64,
    last: Option<Last>,
    read: &mut Reading<'_>,
) -> Result<Vec<Stretch>, Error> {
    let mut found = Vec::new();
    let version = version(number, octets, read, &mut found)?;
    let head = format::head_octets(version);
    let needed = last.map_or(0, |l| l.offset + head as u64 + u64::from(l.stored));
    let mut at = format::file_head_octets(version);
    let mut window: (u64, Vec<u8>) = (0, Vec::new());
    let mut gap = None;
    while at + head as u64 <= octets {
        let from = at.checked_sub(window.0).map(|n| n as usize);
        let held = from.and_then(|n| window.1.get(n..n + head));
        let Some(said) = held else {
            let len = (octets - at).min(WINDOW as u64) as usize;
            window = (at, vec![0; len]);
            read(at, &mut window.1)?;
            continue;
        };
        let Some(entry) = Entry::decode(said) else {
            gap.get_or_insert(at);
            at += 1;
            continue;
        };
        if let Some(from) = gap.take() {
            let (to, content) = (at, None);
            found.push(Stretch { from, to, content });
        }
        let end = at + head as u64 + u64::from(entry.stored);
        if end > octets {
            if needed > at {
                let (from, to, content) = (at, needed.max(octets), None);
                found.push(Stretch { from, to, content });
            }
            return Ok(found);
        }
        if !is_whole(&entry, at + head as u64, read)? {
            let (from, to, content) = (at, end, Some(entry.id));
            found.push(Stretch { from, to, content });
        }
        at = end;
    }
    let from = gap.unwrap_or(at);
    if from < needed {
        let (to, content) = match needed >= octets || is_blank(needed, octets, read)? {
            true => (needed, None),
            false => (octets, None),
        };
        found.push(Stretch { from, to, content });
    } else if let Some(from) = gap.filter(|from| octets - from >= head as u64)
        && !is_blank(from, octets, read)?
    {
        let (to, content) = (octets, None);
        found.push(Stretch { from, to, content });
    }
    Ok(found)
}

/// The version that the header says; where it is damaged, what the first entry says.
fn version(
    number: u32,
    octets: u64,
    read: &mut Reading<'_>,
    found: &mut Vec<Stretch>,
) -> Result<u32, Error> {
    let mut first = vec![0; octets.min(format::FILE_HEAD + format::HEAD as u64) as usize];
    read(0, &mut first)?;
    if let Some(version) = format::version_of(&first, number) {
        return Ok(version);
    }
    let version = format::likely_version(&first);
    let (from, to, content) = (0, octets.min(format::file_head_octets(version)), None);
    found.push(Stretch { from, to, content });
    Ok(version)
}

fn is_whole(entry: &Entry, at: u64, read: &mut Reading<'_>) -> Result<bool, Error> {
    let Some(sum) = entry.sum else {
        let mut stored = vec![0; entry.stored as usize];
        read(at, &mut stored)?;
        return Ok(match entry.form {
            Form::Plain => BlobId::of(&stored) == entry.id,
            // What it is put together of has places of its own.
            Form::Assembled => true,
            form => Zip::default()
                .unpack(form, &stored, entry.raw as usize)
                .is_ok_and(|content| BlobId::of(&content) == entry.id),
        });
    };
    let mut hasher = format::Summing::default();
    let mut piece = vec![0; WINDOW.min(entry.stored as usize)];
    let mut done = 0;
    while done < u64::from(entry.stored) {
        let len = (u64::from(entry.stored) - done).min(WINDOW as u64) as usize;
        read(at + done, &mut piece[..len])?;
        hasher.add(&piece[..len]);
        done += len as u64;
    }
    Ok(hasher.sum() == sum)
}

/// Nothing was ever written there.
fn is_blank(from: u64, to: u64, read: &mut Reading<'_>) -> Result<bool, Error> {
    let mut at = from;
    let mut piece = vec![0; WINDOW];
    while at < to {
        let len = (to - at).min(WINDOW as u64) as usize;
        read(at, &mut piece[..len])?;
        if piece[..len].iter().any(|octet| *octet != 0) {
            return Ok(false);
        }
        at += len as u64;
    }
    Ok(true)
}

/// Whether octets of another copy of the pack are what should stand in this stretch of it: whole entries
/// from its beginning to its end, with the content that stood there.
pub(crate) fn fits(number: u32, stretch: &Stretch, octets: &[u8]) -> bool {
    if stretch.from == 0 {
        return format::version_of(octets, number).is_some();
    }
    let mut rest = octets;
    while !rest.is_empty() {
        let Some(entry) = Entry::decode(rest) else {
            return false;
        };
        let head = if entry.sum.is_some() {
            format::HEAD
        } else {
            format::head_octets(1)
        };
        let Some((stored, behind)) = rest
            .get(head..)
            .and_then(|r| r.split_at_checked(entry.stored as usize))
        else {
            return false;
        };
        let mut read = |at: u64, into: &mut [u8]| {
            into.copy_from_slice(&stored[at as usize..at as usize + into.len()]);
            Ok(())
        };
        let same = stretch.content.is_none_or(|id| id == entry.id);
        if !same || !is_whole(&entry, 0, &mut read).unwrap_or(false) {
            return false;
        }
        rest = behind;
    }
    !octets.is_empty()
}

/// The header of the pack of this number in this store.
pub(crate) fn header(number: u32, store: &[u8; ID]) -> Vec<u8> {
    format::file_head(number, store)
}

/// The name of the pack of this number.
pub(crate) fn name_of(number: u32) -> String {
    format::name(number)
}

/// The number that a pack's name says.
pub(crate) fn number_of(name: &str) -> Option<u32> {
    format::number_of(name)
}
