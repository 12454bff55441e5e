//! Replay: every whole record from a place on, in order; the torn tail is found, never guessed.

use super::{
    FILE_HEAD, FILE_MAGIC, FILE_VERSION, HEAD, MAGIC, Position, SUM, Subject, checksum, path,
};
use crate::{AccountId, Error, ModSeq, disk};
use std::path::Path;

/// A whole record as replay meets it.
pub(crate) struct Met<'a> {
    pub subject: Subject,
    pub body: &'a [u8],
    /// Whether it is of the last group: its content may not have come to the disk.
    pub last: bool,
}

/// Called for each record; false for one of the last group that must be cut off, as torn.
pub(crate) type Visit<'a> = dyn FnMut(Met<'_>) -> Result<bool, Error> + 'a;

/// What a replay found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// The end of the last whole record.
    pub end: Position,
    /// Octets behind it that belong to no whole record.
    pub torn: u64,
    pub records: u64,
}

/// Reads the segments from `from` on. Errors: `Corrupt` when something that was promised is
/// damaged or missing, or of an unknown version (I-18); whatever `each` returns.
pub(crate) fn replay(dir: &Path, from: Position, each: &mut Visit<'_>) -> Result<Found, Error> {
    let last = last_segment(dir)?;
    let mut found = Found {
        end: Position::START,
        torn: 0,
        records: 0,
    };
    if last == 0 {
        return if from == Position::START {
            Ok(found)
        } else {
            Err(missing(from.segment))
        };
    }
    for number in from.segment..=last {
        let path = path(dir, number);
        let bytes = std::fs::read(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => missing(number),
            _ => disk::failed("cannot read", &path, &e),
        })?;
        let start = if number == from.segment {
            from.offset
        } else {
            FILE_HEAD
        };
        found.end = Position {
            segment: number,
            offset: start,
        };
        if (bytes.len() as u64) < FILE_HEAD && number == last && start == FILE_HEAD {
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
    if found.end.segment < from.segment || from.segment > last {
        return Err(missing(from.segment));
    }
    Ok(found)
}

/// The end of the last whole group, which may be in use. Errors as [`replay`].
pub(crate) fn whole(dir: &Path, from: Position) -> Result<Position, Error> {
    replay(dir, from, &mut |_| Ok(true)).map(|found| found.end)
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
            format!("journal segment {number} has no valid header"),
        )),
        Some(h) if h[8..12] != FILE_VERSION.to_le_bytes() => Err(Error::Corrupt(format!(
            "journal segment {number} has an unknown version"
        ))),
        Some(_) => Ok(()),
        None => Err(Error::Corrupt(format!(
            "journal segment {number} has no header"
        ))),
    }
}

fn damaged(at: Position) -> Error {
    Error::Corrupt(format!(
        "journal segment {} is damaged at {}: a record that was promised cannot be read",
        at.segment, at.offset
    ))
}

fn missing(segment: u32) -> Error {
    Error::Corrupt(format!("journal segment {segment} is missing"))
}

fn last_segment(dir: &Path) -> Result<u32, Error> {
    let failed = |e: &std::io::Error| disk::failed("cannot list", dir, e);
    let mut last = 0;
    for entry in std::fs::read_dir(dir).map_err(|e| failed(&e))? {
        let name = entry.map_err(|e| failed(&e))?.file_name();
        let number = name
            .to_str()
            .and_then(|n| n.strip_suffix(".log"))
            .map(str::parse::<u32>);
        if let Some(Ok(number)) = number {
            last = last.max(number);
        }
    }
    Ok(last)
}
