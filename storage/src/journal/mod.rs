//! The journal: what makes a commit a commit. Append, sync, and at start replay.
//!
//! A segment begins with a head: magic, version, its number, a salt, checksum. What follows are
//! frames: `magic, stored length, checksum, flags, key id, raw length, payload`, little-endian.
//! A frame holds the commits of one group, compressed where that helps and sealed when the store
//! is; it is there whole or not at all. The checksum covers the salt, the segment's number and the
//! frame's place too, so an old frame elsewhere, or one that somebody put into a letter, is none.
//! A frame is only written when all before it was durable. So a bad one with a whole one behind it
//! is damage to what was promised (an error), and one with none behind it is a torn tail (cut).
//!
//! A commit in a payload is `length, type, version, account, modseq, time, puts and deletes,
//! checksum`.

mod frame;
mod read;
mod salvage;
mod segments;
pub(crate) mod v1;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use read::{Found, damaged, replay, whole};
pub(crate) use salvage::salvage;
pub(crate) use segments::{between, is_plain, remove, sealed, segments};
pub(crate) use write::Journal;

use crate::disk::{self, Disk};
use crate::{AccountId, Error, ModSeq};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const FILE_MAGIC: &[u8; 8] = b"CVJRNL\r\n";
const FILE_VERSION: u32 = 2;
/// Octets of a segment's head.
pub(crate) const FILE_HEAD: u64 = 32;
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

/// What to do about damage; the end of each message that tells of it.
pub(crate) const ADVICE: &str = "`congvu store repair` keeps all that is whole";

/// What a commit is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subject {
    pub account: AccountId,
    /// `None` for "no ModSeq of its own".
    pub modseq: Option<ModSeq>,
    /// When the journal's thread wrote it, Unix seconds as the clock said.
    pub time: i64,
}

/// A segment's own number and salt; both go into the checksums of its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    segment: u32,
    salt: [u8; SALT],
}

impl Head {
    /// Of a new segment. Errors: `Unavailable` without random numbers.
    fn draw(segment: u32) -> Result<Self, Error> {
        let mut salt = [0; SALT];
        getrandom::fill(&mut salt)
            .map_err(|e| Error::Unavailable(format!("no random numbers: {e}")))?;
        Ok(Self { segment, salt })
    }

    fn octets(self) -> Vec<u8> {
        let mut head = FILE_MAGIC.to_vec();
        head.extend_from_slice(&FILE_VERSION.to_le_bytes());
        head.extend_from_slice(&self.segment.to_le_bytes());
        head.extend_from_slice(&self.salt);
        let sum = blake3::hash(&head);
        head.extend_from_slice(&sum.as_bytes()[..SALT]);
        head
    }

    /// Reads the head of the segment `number`. `Ok(None)` for what is no whole head; errors: as of
    /// [`Head::any`], and `Corrupt` for the head of another segment.
    fn read(bytes: &[u8], number: u32) -> Result<Option<Self>, Error> {
        match Self::any(bytes, number)? {
            Some(Self { segment, .. }) if segment != number => Err(Error::Corrupt(format!(
                "journal segment {number} has the head of segment {segment}; {ADVICE}"
            ))),
            head => Ok(head),
        }
    }

    /// The same, and it may be that of another segment, whose file came into this one's place. Errors:
    /// `Corrupt` for an unknown version under a checksum that fits (I-18; what does not fit is
    /// damage, whatever it says).
    fn any(bytes: &[u8], number: u32) -> Result<Option<Self>, Error> {
        let Some(octets) = bytes.first_chunk::<{ FILE_HEAD as usize }>() else {
            return Ok(None);
        };
        let (said, sum) = octets.split_at(16 + SALT);
        if !said.starts_with(FILE_MAGIC) || blake3::hash(said).as_bytes()[..SALT] != *sum {
            return Ok(None);
        }
        let field = |at| u32::from_le_bytes([said[at], said[at + 1], said[at + 2], said[at + 3]]);
        let (version, segment) = (field(8), field(12));
        if version != FILE_VERSION {
            return Err(Error::Corrupt(format!(
                "journal segment {number} has an unknown version {version}"
            )));
        }
        let mut salt = [0; SALT];
        salt.copy_from_slice(&said[16..]);
        Ok(Some(Self { segment, salt }))
    }
}

/// Writes an empty segment, durable, for a journal that goes on there.
pub(crate) fn begin(dir: &Path, disk: &Disk, segment: u32) -> Result<(), Error> {
    disk.make_dir(dir)?;
    let path = path(dir, segment);
    let octets = Head::draw(segment)?.octets();
    let file = disk.open(&path)?;
    let written = file
        .set_len(0)
        .and_then(|()| file.append_at(0, &octets))
        .and_then(|()| file.sync());
    written.map_err(|e| disk::failed("cannot begin", &path, &e))?;
    disk.sync_dir(dir)
}

fn path(dir: &Path, segment: u32) -> PathBuf {
    dir.join(format!("{segment:010}.log"))
}
