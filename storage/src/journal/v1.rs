//! Reads the journal of a store of version 1, for the upgrade. Its segments begin with magic,
//! version and number; a record is `magic, length of body, checksum, group, account, modseq, body`,
//! where `group` is the offset at which the record's group began.

use super::read::{Met, Visit};
use super::salvage::{Gap, Left};
use super::{FILE_MAGIC, Found, HEAD_MAX, Head, Position, SUM, Subject, path, segments};
use crate::{AccountId, Error, Fault, ModSeq, disk};
use std::fs::File;
use std::io::Read as _;
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

/// Whether the journal in this folder is of this version, whatever of it is damaged: no segment has a whole head of
/// a later one, and one has a head of this one or, where none has, a whole record. Errors: `Unavailable`.
pub(crate) fn is_here(dir: &Path) -> Result<bool, Error> {
    let numbers = match dir.is_dir() {
        true => segments(dir)?,
        false => Vec::new(),
    };
    let mut has_head = false;
    for number in &numbers {
        let path = path(dir, *number);
        let mut head = Vec::new();
        match File::open(&path).and_then(|file| file.take(HEAD_MAX).read_to_end(&mut head)) {
            Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
                return Err(disk::failed("cannot read", &path, &e));
            }
            _ => {}
        }
        if !matches!(Head::any(&head, *number), Ok(None)) {
            return Ok(false);
        }
        has_head |= is_head(&head);
    }
    let has_record = |number: &u32| {
        let bytes = std::fs::read(path(dir, *number));
        bytes.is_ok_and(|bytes| next(&bytes, begin(*number)).is_some())
    };
    Ok(has_head || numbers.iter().any(has_record))
}

/// Reads what is whole of a damaged segment; returns where it is not. Of the last group of the last segment `each` may
/// refuse a record: then it and what follows count as torn. Errors: whatever `each` returns; `Unavailable`.
pub(crate) fn salvage(
    dir: &Path,
    number: u32,
    is_last: bool,
    each: &mut Visit<'_>,
) -> Result<Left, Error> {
    let path = path(dir, number);
    let bytes = std::fs::read(&path).map_err(|e| disk::failed("cannot read", &path, &e))?;
    let octets = bytes.len() as u64;
    let mut left = Left {
        end: FILE_HEAD,
        ..Left::default()
    };
    let gap = |from, to, is_end, is_head| Gap {
        from,
        to,
        is_end,
        is_head,
    };
    if octets < FILE_HEAD {
        left.gaps.push(gap(0, octets, true, false));
        return Ok(left);
    }
    if check_head(&bytes, number).is_err() {
        let own = bytes[12..16].try_into().map(u32::from_le_bytes);
        let own = own.ok().filter(|own| *own != number);
        // All of a head is known but whose records follow, and they say it themselves.
        let is_own = next(&bytes, begin(number)).is_some();
        left.other = own.filter(|own| !is_own && next(&bytes, begin(*own)).is_some());
        if left.other.is_some() {
            return Ok(left);
        }
        left.gaps.push(gap(0, FILE_HEAD, false, true));
    }
    let (mut at, mut whole) = (begin(number), Vec::new());
    while at.offset < octets {
        let found = next(&bytes, at);
        let to = found.unwrap_or(octets);
        if to > at.offset
            && (found.is_some() || bytes[at.offset as usize..].iter().any(|b| *b != 0))
        {
            left.gaps.push(gap(at.offset, to, found.is_none(), false));
        }
        at.offset = to;
        if let Some(record) = record(&bytes, at) {
            whole.push((at, record.group));
            at.offset = record.end;
        }
    }
    let last_group = whole
        .last()
        .filter(|_| is_last)
        .map_or(u64::MAX, |(_, group)| *group);
    for (at, _) in whole {
        let Some(record) = record(&bytes, at) else {
            continue;
        };
        let met = Met {
            subject: record.subject,
            body: record.body,
            last: at.offset >= last_group,
        };
        if !each(met)? {
            break;
        }
        left.end = record.end;
    }
    Ok(left)
}

/// Whether a segment of this version begins so: a later one, of which only the version was damaged, has a salt behind it.
fn is_head(octets: &[u8]) -> bool {
    let version = octets.get(8..12).and_then(|o| o.try_into().ok());
    let follows = octets.get(FILE_HEAD as usize..).unwrap_or_default();
    let follows = &follows[..follows.len().min(MAGIC.len())];
    octets.starts_with(FILE_MAGIC)
        && version.map(u32::from_le_bytes) == Some(FILE_VERSION)
        && (MAGIC.starts_with(follows) || follows.iter().all(|octet| *octet == 0))
}

/// Where the first record of a segment lies.
fn begin(segment: u32) -> Position {
    Position { segment, ..START }
}

/// Where the next whole record begins, here or behind.
fn next(bytes: &[u8], from: Position) -> Option<u64> {
    let rest = bytes.get(from.offset as usize..)?;
    let mut places = memchr::memmem::find_iter(rest, MAGIC).map(|skip| from.offset + skip as u64);
    places.find(|offset| {
        let at = Position {
            offset: *offset,
            ..from
        };
        record(bytes, at).is_some()
    })
}

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
