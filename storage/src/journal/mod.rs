//! The journal: what makes a commit a commit. Append, sync, and at start replay.
//!
//! A segment begins with a head: magic, version, its number, a salt, the identity of the store, checksum
//! (version 2 had no identity; such a segment is read and never begun). What follows are frames: `magic, stored length, checksum, flags, key id, raw length, payload`, little-endian.
//! A frame holds the commits of one group, compressed where that helps and sealed when the store
//! is; it is there whole or not at all. The checksum covers the salt, the segment's number and the
//! frame's place too, so an old frame elsewhere, or one that somebody put into a letter, is none.
//! A frame is only written when all before it was durable. So a bad one with a whole one behind it
//! is damage to what was promised (an error), and one with none behind it is a torn tail (cut).
//!
//! A commit in a payload is `length, type, version, account, modseq, time, puts and deletes,
//! checksum`.

mod frame;
mod mark;
mod read;
mod salvage;
mod segments;
pub(crate) mod v1;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use frame::Packed;
pub(crate) use mark::{Lineage, Mark};
pub(crate) use read::{Found, Met, damaged, opens, replay, whole};
pub(crate) use salvage::{Gap, salvage};
pub(crate) use segments::{between, is_plain, remove, sealed, segments};
pub(crate) use write::Journal;

use crate::disk::{self, Disk};
use crate::error::{Cure, Fault};
use crate::owner::{ID, Owner, Said};
use crate::zip::Zip;
use crate::{AccountId, Error, ModSeq};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const FILE_MAGIC: &[u8; 8] = b"CVJRNL\r\n";
const FILE_VERSION: u32 = 3;
/// The version whose heads name no store.
const UNNAMED_VERSION: u32 = 2;
/// Octets of the shortest head. As an offset it stands for the first frame, wherever that begins.
pub(crate) const FILE_HEAD: u64 = 32;
/// Octets of the longest head.
const HEAD_MAX: u64 = 48;
/// Where the salt stands in a head, and behind it the identity.
const SALT_AT: usize = 16;
/// Octets of the head's salt and of its checksum.
const SALT: usize = 8;
/// Octets of a frame's checksum.
const SUM: usize = 16;
/// Largest body of a commit, octets.
pub(crate) const BODY_OCTETS_MAX: usize = 256 * 1024 * 1024;

/// A place in the journal: the end of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Position {
    pub segment: u32,
    pub offset: u64,
}

impl Position {
    /// Before the first frame.
    pub(crate) const START: Self = Self {
        segment: 1,
        offset: FILE_HEAD,
    };
}

/// What a commit is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subject {
    pub account: AccountId,
    /// `None` for "no ModSeq of its own".
    pub modseq: Option<ModSeq>,
    /// When the journal's thread wrote it, Unix seconds as the clock said.
    pub time: i64,
}

/// A segment's own number and salt, which go into the checksums of its frames; and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    segment: u32,
    salt: [u8; SALT],
    /// `None` in the version that did not say it.
    store: Option<[u8; ID]>,
}

impl Head {
    /// Of a new segment of this store. Errors: `Unavailable` without random numbers.
    fn draw(segment: u32, owner: Owner) -> Result<Self, Error> {
        let mut salt = [0; SALT];
        getrandom::fill(&mut salt)
            .map_err(|e| Error::Unavailable(format!("no random numbers: {e}").into()))?;
        let store = Some(owner.id);
        Ok(Self {
            segment,
            salt,
            store,
        })
    }

    /// Where the first frame begins.
    fn end(self) -> u64 {
        match self.store {
            Some(_) => HEAD_MAX,
            None => FILE_HEAD,
        }
    }

    fn octets(self) -> Vec<u8> {
        let version = self.store.map_or(UNNAMED_VERSION, |_| FILE_VERSION);
        let mut head = FILE_MAGIC.to_vec();
        head.extend_from_slice(&version.to_le_bytes());
        head.extend_from_slice(&self.segment.to_le_bytes());
        head.extend_from_slice(&self.salt);
        head.extend_from_slice(self.store.as_ref().map_or(&[][..], |id| id));
        let sum = blake3::hash(&head);
        head.extend_from_slice(&sum.as_bytes()[..SALT]);
        head
    }

    /// Reads the head of the segment `number`. `Ok(None)` for what is no whole head; errors: as of
    /// [`Head::any`], and `Corrupt` for the head of another segment.
    fn read(bytes: &[u8], number: u32) -> Result<Option<Self>, Error> {
        match Self::any(bytes, number)? {
            Some(Self { segment, .. }) if segment != number => Err(Error::cured(
                Fault::JournalOther {
                    segment: number,
                    own: segment,
                },
                Cure::Repair,
            )),
            head => Ok(head),
        }
    }

    /// The same, and it may be that of another segment, whose file came into this one's place. Errors:
    /// `Corrupt` for an unknown version under a checksum that fits (I-18; what does not fit is
    /// damage, whatever it says).
    fn any(bytes: &[u8], number: u32) -> Result<Option<Self>, Error> {
        let field = |at: usize| -> Option<u32> {
            Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
        };
        let (Some(version), Some(segment)) = (field(8), field(12)) else {
            return Ok(None);
        };
        let octets = match version {
            ..=UNNAMED_VERSION => FILE_HEAD,
            _ => HEAD_MAX,
        };
        let Some(octets) = bytes.get(..octets as usize) else {
            return Ok(None);
        };
        let (said, sum) = octets.split_at(octets.len() - SALT);
        if !said.starts_with(FILE_MAGIC) || blake3::hash(said).as_bytes()[..SALT] != *sum {
            return Ok(None);
        }
        if !(UNNAMED_VERSION..=FILE_VERSION).contains(&version) {
            return Err(Error::cured(
                Fault::JournalVersion {
                    segment: number,
                    version,
                },
                Cure::Newer,
            ));
        }
        let (salt, store) = said[SALT_AT..].split_at(SALT);
        let head = Self {
            segment,
            salt: salt.try_into().unwrap_or_default(),
            store: store.try_into().ok(),
        };
        Ok(Some(head))
    }
}

/// Packs one commit, so that the journal's thread need not. Errors: `TooLarge`.
pub(crate) fn packed(subject: Subject, body: &[u8]) -> Result<Packed, Error> {
    let mut packed = frame::pack(&[(subject, body)], &Zip::default())?;
    // It waits for its turn, and was laid out for content that does not compress.
    packed.shrink();
    Ok(packed)
}

/// What the first octets of a segment say of its store.
pub(crate) fn said(head: &[u8]) -> Said {
    match Head::any(head, 0) {
        Ok(Some(head)) => Said::of(head.store),
        _ => Said::Unreadable,
    }
}

/// Writes an empty segment, durable, for a journal that goes on there.
pub(crate) fn begin(dir: &Path, disk: &Disk, segment: u32, owner: Owner) -> Result<(), Error> {
    disk.make_dir(dir)?;
    let path = path(dir, segment);
    let octets = Head::draw(segment, owner)?.octets();
    let file = disk.open(&path)?;
    let written = file
        .set_len(0)
        .and_then(|()| file.append_at(0, &octets))
        .and_then(|()| file.sync());
    written.map_err(|e| disk::failed("cannot begin", &path, &e))?;
    disk.sync_dir(dir)
}

/// The file of a segment.
pub(crate) fn path(dir: &Path, segment: u32) -> PathBuf {
    dir.join(format!("{segment:010}.log"))
}
