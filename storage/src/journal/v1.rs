//! Reads the journal of a store of version 1, for the upgrade. Its segments begin with magic,
//! version and number; a record is `magic, length of body, checksum, group, account, modseq, body`,
//! where `group` is the offset at which the record's group began.

use super::read::{Met, Visit};
use super::{FILE_MAGIC, Found, Position, SUM, Subject, path, segments};
use crate::{AccountId, Error, Fault, ModSeq, disk};
use std::path::Path;

const FILE_VERSION: u32 = 1;
const FILE_HEAD: u64 = 16;
const MAGIC: &[u8; 4] = b"CvR1";
/// Octets of a record before its body.
const HEAD: usize = 4 + 4 + SUM + 4 + 4 + 8;
const START: Position = Position {
    segment: 1,
    offset: FILE_HEAD,
};

/// Reads all segments. Errors: `Corrupt` when something that was promised is damaged or missing;
/// whatever `each` returns.
pub(crate) fn replay(dir: &Path, each: &mut Visit<'_>) -> Result<Found, Error> {
    let last = segments(dir)?.last().copied().unwrap_or(0);
    let mut found = Found {
        end: START,
        torn: 0,
        records: 0,
        last: None,
    };
    for number in START.segment..=last {
        let path = path(dir, number);
        let bytes = std::fs::read(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => missing(number),
            _ => disk::failed("cannot read", &path, &e),
        })?;
        found.end = Position {
            segment: number,
            ..START
        };
        if (bytes.len() as u64) < FILE_HEAD && number == last {
            // The very header was torn: the segment holds nothing yet.
            found.torn = bytes.len() as u64;
            break;
        }
        check_head(&bytes, number)?;
        found.torn = segment(&bytes, &mut found, each, number == last)?;
        if found.torn > 0 && number < last {
            return Err(damaged(found.end));
        }
    }
    Ok(found)
}

/// Reads one segment from `found.end` on; returns the octets left over, zeros laid ahead not counted.
fn segment(
    bytes: &[u8],
    found: &mut Found,
    each: &mut Visit<'_>,
    is_last: bool,
) -> Result<u64, Error> {
    if found.end.offset > bytes.len() as u64 {
        return Err(damaged(found.end));
    }
    let last_group = if is_last {
        last_group(bytes, found.end)
    } else {
        u64::MAX
    };
    while let Some(record) = record(bytes, found.end) {
        let last = found.end.offset >= last_group;
        let met = Met {
            subject: record.subject,
            body: record.body,
            last,
        };
        if !each(met)? {
            break;
        }
        found.end.offset = record.end;
        found.records += 1;
    }
    let rest = &bytes[found.end.offset as usize..];
    if rest.iter().all(|b| *b == 0) {
        return Ok(0);
    }
    if promised(bytes, found.end) {
        return Err(damaged(found.end));
    }
    Ok(rest.len() as u64)
}

/// Where the group of the last whole record began.
fn last_group(bytes: &[u8], mut at: Position) -> u64 {
    let mut group = u64::MAX;
    while let Some(record) = record(bytes, at) {
        group = record.group;
        at.offset = record.end;
    }
    group
}

struct Record<'a> {
    subject: Subject,
    group: u64,
    body: &'a [u8],
    end: u64,
}

fn record(bytes: &[u8], at: Position) -> Option<Record<'_>> {
    let rest = bytes.get(usize::try_from(at.offset).ok()?..)?;
    let head = rest.get(..HEAD)?;
    if head[..4] != *MAGIC {
        return None;
    }
    let end = HEAD + u32::from_le_bytes(head[4..8].try_into().ok()?) as usize;
    let whole = rest.get(..end)?;
    if checksum(at, &whole[8 + SUM..]) != whole[8..8 + SUM] {
        return None;
    }
    let number = |from: usize| {
        u32::from_le_bytes([head[from], head[from + 1], head[from + 2], head[from + 3]])
    };
    let modseq = u64::from_le_bytes(head[HEAD - 8..HEAD].try_into().ok()?);
    Some(Record {
        subject: Subject {
            account: AccountId::new(number(8 + SUM + 4))?,
            modseq: ModSeq::new(modseq),
            // Version 1 did not say.
            time: 0,
        },
        group: u64::from(number(8 + SUM)),
        body: &whole[HEAD..],
        end: at.offset + end as u64,
    })
}

/// Whether a whole record further on says that what lies at `bad` had been durable.
fn promised(bytes: &[u8], bad: Position) -> bool {
    let from = bad.offset as usize + 1;
    let mut places = bytes[from..].windows(MAGIC.len()).enumerate();
    places.any(|(skip, window)| {
        window == MAGIC
            && record(
                bytes,
                Position {
                    offset: (from + skip) as u64,
                    ..bad
                },
            )
            .is_some_and(|r| r.group > bad.offset)
    })
}

fn check_head(bytes: &[u8], number: u32) -> Result<(), Error> {
    let head = bytes.get(..FILE_HEAD as usize);
    match head {
        Some(h) if h[..8] != *FILE_MAGIC || h[12..] != number.to_le_bytes() => Err(Error::Corrupt(
            format!("journal segment {number} has no valid header").into(),
        )),
        Some(h) if h[8..12] != FILE_VERSION.to_le_bytes() => Err(Error::Corrupt(
            format!("journal segment {number} has an unknown version").into(),
        )),
        Some(_) => Ok(()),
        None => Err(Error::Corrupt(
            format!("journal segment {number} has no header").into(),
        )),
    }
}

fn damaged(at: Position) -> Error {
    let (segment, at) = (at.segment, at.offset);
    Error::corrupt(Fault::FirstJournal { segment, at })
}

fn missing(segment: u32) -> Error {
    Error::corrupt(Fault::JournalMissing { segment })
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
