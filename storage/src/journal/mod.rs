//! The journal: what makes a commit a commit. Append, sync, and at start replay.
//!
//! A segment begins with magic, version and its number. A record is
//! `magic, length of body, checksum, group, account, modseq, body`, little-endian. The checksum
//! covers the segment's number and the record's place too, so an old record elsewhere is none.
//! `group` is the offset at which the record's group began: all before it was durable when the
//! record was written, which tells a torn tail (cut) from damage to what was promised (an error).

mod read;
mod write;

pub(crate) use read::{Found, replay, whole};
pub(crate) use write::Journal;

use crate::{AccountId, ModSeq};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const FILE_MAGIC: &[u8; 8] = b"CVJRNL\r\n";
const FILE_VERSION: u32 = 1;
/// Octets of a segment's header.
pub(crate) const FILE_HEAD: u64 = 16;
const MAGIC: &[u8; 4] = b"CvR1";
const SUM: usize = 16;
/// Octets of a record before its body.
const HEAD: usize = 4 + 4 + SUM + 4 + 4 + 8;
/// Largest body of a record, octets.
pub(crate) const BODY_OCTETS_MAX: usize = 256 * 1024 * 1024;

/// A place in the journal: the end of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Position {
    pub segment: u32,
    pub offset: u64,
}

impl Position {
    /// Before the first record.
    pub(crate) const START: Self = Self {
        segment: 1,
        offset: FILE_HEAD,
    };
}

/// What a record is about; 0 for "no ModSeq of its own".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subject {
    pub account: AccountId,
    pub modseq: Option<ModSeq>,
    /// When the journal's thread wrote it, Unix seconds as the clock said.
    pub time: i64,
}

fn path(dir: &Path, segment: u32) -> PathBuf {
    dir.join(format!("{segment:010}.log"))
}

fn file_head(segment: u32) -> Vec<u8> {
    let mut head = FILE_MAGIC.to_vec();
    head.extend_from_slice(&FILE_VERSION.to_le_bytes());
    head.extend_from_slice(&segment.to_le_bytes());
    head
}

/// The checksum of a record whose part after the checksum is `rest`.
fn checksum(at: Position, rest: &[u8]) -> [u8; SUM] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&at.segment.to_le_bytes());
    hasher.update(&at.offset.to_le_bytes());
    hasher.update(rest);
    let mut sum = [0u8; SUM];
    sum.copy_from_slice(&hasher.finalize().as_bytes()[..SUM]);
    sum
}
