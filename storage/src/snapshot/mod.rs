//! Snapshots: the keys that the journal's older segments left behind, sorted, so that those
//! segments can go. Made from the journal alone, never from the engine: with the journal's tail
//! they are the truth, and every engine's index is made from them again (I-19).
//!
//! `AAAAAAAAAA-BBBBBBBBBB.snap` covers the segments A to B. All files together cover every segment
//! from 0 on without a gap; the one that begins at 0 holds no deletions, since there is nothing
//! older that they could hide. There is no segment 0: a file `0-0` is what was there before the
//! journal (a store of an earlier version, a backup).
//!
//! A file is a head (magic, version, A, B, the identity of the store, checksum), blocks of some 64 KB of keys
//! in order, the table of the blocks (first key, place), and a footer with the sums. Version 1 had no identity;
//! such a file is read and never written. Each block and the table are
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
mod whole;
mod write;

use cover::{Progress, cover};
#[allow(unused_imports, reason = "upgrades and restores write one")]
pub(crate) use folder::{Chain, Folder, write_base};
pub(crate) use merge::Merge;
pub use online::Covered;
pub(crate) use online::{Background, Snapshots, Unsound, unsound};
pub(crate) use read::Snapshot;
pub(crate) use salvage::{Hole, salvage};
pub(crate) use sort::Sorter;
pub(crate) use whole::{expect_whole, tail};
pub(crate) use write::Summary;

use crate::Error;
#[cfg(test)]
use crate::ModSeq;
use crate::owner::{Owner, Said};
use std::os::unix::fs::FileExt as _;

/// The folder of the snapshots within the store's.
pub(crate) const FOLDER: &str = "snapshots";
const SUFFIX: &str = ".snap";
/// What is being written carries this behind its name.
const UNFINISHED: &str = ".new";
const FILE_MAGIC: &[u8; 8] = b"CVSNAP\r\n";
const FILE_VERSION: u32 = 2;
/// The version whose heads name no store.
const UNNAMED_VERSION: u32 = 1;
/// Octets of a file's head: magic, version, first and last segment, identity, checksum.
const FILE_HEAD: usize = 52;
/// The same without identity.
const UNNAMED_HEAD: usize = 36;
/// Where the identity stands.
const STORE_AT: usize = 20;
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
        let mut first = [0; FILE_HEAD + block::HEAD];
        let file = std::fs::File::open(path);
        let read = file.and_then(|f| f.read_exact_at(&mut first, 0));
        read.is_ok() && block::is_sealed(&first[head_octets(&first)..])
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

/// The head of a file of this store.
fn file_head(span: Span, owner: Owner) -> Vec<u8> {
    let mut head = FILE_MAGIC.to_vec();
    head.extend_from_slice(&FILE_VERSION.to_le_bytes());
    head.extend_from_slice(&span.first.to_le_bytes());
    head.extend_from_slice(&span.last.to_le_bytes());
    head.extend_from_slice(&owner.id);
    let sum = blake3::hash(&head);
    head.extend_from_slice(&sum.as_bytes()[..SUM]);
    head
}

/// The number at this place; 0 where there is none.
fn number_at(head: &[u8], at: usize) -> u32 {
    let octets = head.get(at..at + 4).and_then(|o| o.try_into().ok());
    octets.map_or(0, u32::from_le_bytes)
}

/// Octets of a head that begins like this.
fn head_octets(head: &[u8]) -> usize {
    match number_at(head, 8) {
        UNNAMED_VERSION => UNNAMED_HEAD,
        _ => FILE_HEAD,
    }
}

/// What a head says; more may follow it. `None` when it is none, damaged, or of an unknown version.
fn head_of(bytes: &[u8]) -> Option<(Span, Said)> {
    let head = bytes.get(..head_octets(bytes))?;
    let (said, sum) = head.split_at(head.len() - SUM);
    let known = [UNNAMED_VERSION, FILE_VERSION].contains(&number_at(head, 8));
    let whole = blake3::hash(said).as_bytes()[..SUM] == *sum;
    (known && whole && said.starts_with(FILE_MAGIC)).then_some(())?;
    let span = Span {
        first: number_at(head, 12),
        last: number_at(head, 16),
    };
    Some((span, Said::of(said[STORE_AT..].try_into().ok())))
}

/// What the first octets of a snapshot say of its store.
pub(crate) fn said(head: &[u8]) -> Said {
    head_of(head).map_or(Said::Unreadable, |(_, said)| said)
}

#[cfg(test)]
mod tests;
