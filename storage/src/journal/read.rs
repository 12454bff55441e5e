//! Replay: every whole record from a place on, in order; the torn tail is found, never guessed.

use super::{
    FILE_HEAD, FILE_MAGIC, FILE_VERSION, HEAD, MAGIC, Position, SUM, Subject, checksum, path,
};
use crate::{AccountId, Error, ModSeq, disk};
use std::path::Path;

/// Called for each record.
pub(crate) type Visit<'a> = dyn FnMut(Subject, &[u8]) -> Result<(), Error> + 'a;

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
        found.torn = segment(&bytes, &mut found, each)?;
        if found.torn > 0 && number < last {
            return Err(damaged(found.end));
        }
    }
    if found.end.segment < from.segment || from.segment > last {
        return Err(missing(from.segment));
    }
    Ok(found)
}

/// Reads one segment from `found.end` on; returns the octets left over.
fn segment(bytes: &[u8], found: &mut Found, each: &mut Visit<'_>) -> Result<u64, Error> {
    if found.end.offset > bytes.len() as u64 {
        return Err(damaged(found.end));
    }
    while let Some(record) = record(bytes, found.end) {
        each(record.subject, record.body)?;
        found.end.offset = record.end;
        found.records += 1;
    }
    let rest = bytes.len() as u64 - found.end.offset;
    if rest > 0 && promised(bytes, found.end) {
        return Err(damaged(found.end));
    }
    Ok(rest)
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
