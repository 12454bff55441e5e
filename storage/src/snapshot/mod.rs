//! Snapshots: the keys that the journal's older segments left behind, sorted, so that those
//! segments can go. Made from the journal alone, never from the engine: with the journal's tail
//! they are the truth, and every engine's index is made from them again (I-19).
//!
//! `AAAAAAAAAA-BBBBBBBBBB.snap` covers the segments A to B. All files together cover every segment
//! from 0 on without a gap; the one that begins at 0 holds no deletions, since there is nothing
//! older that they could hide. There is no segment 0: a file `0-0` is what was there before the
//! journal (a store of an earlier version, a backup).
//!
//! A file is a head (magic, version, A, B, checksum), blocks of some 64 KB of keys in order, the
//! table of the blocks (first key, place), and a footer with the sums. Each block and the table are
//! compressed, sealed when the store is, and carry a checksum over the file's name and their number
//! too, so that a block at another place is none. A file gets its name only after it was written,
//! synced and read back whole; what has another name is left over from a stop and is removed.

mod block;
mod cover;
mod folder;
mod merge;
mod online;
mod read;
mod salvage;
mod sort;
mod write;

use cover::{Progress, cover};
#[allow(unused_imports, reason = "upgrades and restores write one")]
pub(crate) use folder::{Chain, Folder, write_base};
pub(crate) use merge::Merge;
pub use online::Covered;
pub(crate) use online::{Background, Snapshots, sound};
pub(crate) use read::Snapshot;
pub(crate) use salvage::{Hole, salvage};
pub(crate) use sort::Sorter;
pub(crate) use write::Summary;

use crate::Error;
#[cfg(test)]
use crate::ModSeq;
use std::os::unix::fs::FileExt as _;

/// The folder of the snapshots within the store's.
pub(crate) const FOLDER: &str = "snapshots";
const SUFFIX: &str = ".snap";
/// What is being written carries this behind its name.
const UNFINISHED: &str = ".new";
const FILE_MAGIC: &[u8; 8] = b"CVSNAP\r\n";
const FILE_VERSION: u32 = 1;
/// Octets of a file's head: magic, version, first and last segment, checksum.
const FILE_HEAD: usize = 36;
const END_MAGIC: &[u8; 8] = b"CVSNEND\n";
/// Octets of a file's footer.
const FOOT: usize = 72;
/// Octets of every checksum.
const SUM: usize = 16;
/// Octets of keys and values at which a block is closed, before compression.
const BLOCK_OCTETS: usize = 64 * 1024;

/// Whether no snapshot of the store in `dir` begins with a sealed block, as far as they can be read.
pub(crate) fn is_plain(dir: &std::path::Path) -> bool {
    let Ok(entries) = std::fs::read_dir(dir.join(FOLDER)) else {
        return true;
    };
    let mut files = entries.flatten().map(|entry| entry.path());
    !files.any(|path| {
        let mut first = [0; block::HEAD];
        let file = std::fs::File::open(path);
        let read = file.and_then(|f| f.read_exact_at(&mut first, FILE_HEAD as u64));
        read.is_ok() && block::is_sealed(&first)
    })
}

/// One key as a snapshot has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub key: Vec<u8>,
    /// `None`: deleted.
    pub value: Option<Vec<u8>>,
}

/// Entries in the order of their keys.
pub(crate) type Entries = Box<dyn Iterator<Item = Result<Entry, Error>> + Send>;

/// The journal's segments that a snapshot covers, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub first: u32,
    pub last: u32,
}

impl Span {
    pub(crate) fn name(self) -> String {
        format!("{:010}-{:010}{SUFFIX}", self.first, self.last)
    }

    fn parse(name: &str) -> Option<Self> {
        let (first, last) = name.strip_suffix(SUFFIX)?.split_once('-')?;
        let span = Self {
            first: first.parse().ok()?,
            last: last.parse().ok()?,
        };
        (span.name() == name && span.first <= span.last).then_some(span)
    }

    fn holds(self, other: Self) -> bool {
        self != other && self.first <= other.first && other.last <= self.last
    }
}

/// The head of a file.
fn file_head(span: Span) -> Vec<u8> {
    let mut head = FILE_MAGIC.to_vec();
    head.extend_from_slice(&FILE_VERSION.to_le_bytes());
    head.extend_from_slice(&span.first.to_le_bytes());
    head.extend_from_slice(&span.last.to_le_bytes());
    let sum = blake3::hash(&head);
    head.extend_from_slice(&sum.as_bytes()[..SUM]);
    head
}

#[cfg(test)]
mod tests;
