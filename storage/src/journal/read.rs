//! Replay: every whole frame from a place on, in order; the torn tail is found, never guessed.
//! No more than one segment is in memory at once.

use super::frame::{self, Packer};
use super::{FILE_HEAD, HEAD_MAX, Head, Position, Subject, path, segments};
use crate::error::Cure;
use crate::seal::Keys;
use crate::{Error, disk};
use std::path::Path;

/// A commit as replay meets it.
pub(crate) struct Met<'a> {
    pub subject: Subject,
    pub body: &'a [u8],
    /// Whether it is of the last frame: its content may not have come to the disk.
    pub last: bool,
}

/// Called for each commit; false for one of the last frame, all of which is then cut off, as torn.
pub(crate) type Visit<'a> = dyn FnMut(Met<'_>) -> Result<bool, Error> + 'a;

/// What a replay found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// The end of the last whole frame.
    pub end: Position,
    /// Octets behind it that belong to no whole frame.
    pub torn: u64,
    /// Commits that count.
    pub records: u64,
}

/// Reads the segments from `from` on. Errors: `Corrupt` when something that was promised is
/// damaged or missing, or of an unknown version (I-18); whatever `each` returns.
pub(crate) fn replay(
    dir: &Path,
    keys: &Keys,
    from: Position,
    each: &mut Visit<'_>,
) -> Result<Found, Error> {
    let last = segments(dir)?.last().copied().unwrap_or(0);
    let mut found = Found {
        end: from,
        torn: 0,
        records: 0,
    };
    if last == 0 && from == Position::START {
        return Ok(found);
    }
    if from.segment > last {
        return Err(missing(from.segment));
    }
    let packer = packer(keys);
    for number in from.segment..=last {
        let bytes = read(dir, number)?;
        let offset = if number == from.segment {
            from.offset
        } else {
            FILE_HEAD
        };
        found.end = Position {
            segment: number,
            offset,
        };
        let Some(head) = Head::read(&bytes, number)? else {
            // The head is durable before the first frame is written.
            if number == last && offset == FILE_HEAD && bytes.len() as u64 <= HEAD_MAX {
                found.torn = bytes.len() as u64;
                break;
            }
            return Err(headless(number));
        };
        found.end.offset = offset.max(head.end());
        found.torn = segment(&bytes, head, &mut found, each, number == last, &packer)?;
        if found.torn > 0 && number < last {
            return Err(damaged(found.end));
        }
    }
    Ok(found)
}

/// The end of the last whole frame, by the checksums alone: needs no keys, and the journal may be
/// in use. Errors as [`replay`].
pub(crate) fn whole(dir: &Path, from: Position) -> Result<Position, Error> {
    let last = segments(dir)?.last().copied().unwrap_or(0);
    let mut end = from;
    for number in from.segment..=last {
        let bytes = read(dir, number)?;
        if number > from.segment {
            end = Position {
                segment: number,
                offset: FILE_HEAD,
            };
        }
        let Some(head) = Head::read(&bytes, number)? else {
            if number < last || bytes.len() as u64 > HEAD_MAX {
                return Err(headless(number));
            }
            // It is just being begun.
            return Ok(end);
        };
        end.offset = end.offset.max(head.end());
        while let Some(frame) = frame::at(&bytes, head, end.offset) {
            end.offset = frame.end;
        }
        if number < last && end.offset < bytes.len() as u64
            || frame::behind(&bytes, head, end.offset)
        {
            return Err(damaged(end));
        }
    }
    Ok(end)
}

/// Reads one segment from the offset `first` to `end`, or all of it: what is there was durable.
pub(super) fn part(
    dir: &Path,
    keys: &Keys,
    number: u32,
    first: u64,
    end: Option<u64>,
    each: &mut Visit<'_>,
) -> Result<(), Error> {
    let mut bytes = read(dir, number)?;
    let head = Head::read(&bytes, number)?.ok_or_else(|| headless(number))?;
    let end = end.map(|end| end.max(head.end()));
    if let Some(end) = end {
        bytes.truncate(usize::try_from(end).unwrap_or(usize::MAX));
    }
    let mut found = Found {
        end: Position {
            segment: number,
            offset: first.max(head.end()),
        },
        torn: 0,
        records: 0,
    };
    let left = segment(&bytes, head, &mut found, each, false, &packer(keys))?;
    if left > 0 || end.is_some_and(|end| found.end.offset < end) {
        return Err(damaged(found.end));
    }
    Ok(())
}

fn packer(keys: &Keys) -> Packer {
    Packer {
        keys: keys.clone(),
        ..Packer::default()
    }
}

fn read(dir: &Path, number: u32) -> Result<Vec<u8>, Error> {
    let path = path(dir, number);
    std::fs::read(&path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => missing(number),
        _ => disk::failed("cannot read", &path, &e),
    })
}

/// Reads one segment from `found.end` on; returns the octets left over, zeros laid ahead not counted.
fn segment(
    bytes: &[u8],
    head: Head,
    found: &mut Found,
    each: &mut Visit<'_>,
    is_last: bool,
    packer: &Packer,
) -> Result<u64, Error> {
    if found.end.offset > bytes.len() as u64 {
        return Err(damaged(found.end));
    }
    let mut next = frame::at(bytes, head, found.end.offset);
    while let Some(frame) = next {
        next = frame::at(bytes, head, frame.end);
        let payload = frame.open(packer)?;
        let commits = frame::commits(&payload)?;
        let last = is_last && next.is_none();
        let records = commits.len() as u64;
        let mut stays = true;
        for (subject, body) in commits {
            stays = stays
                && each(Met {
                    subject,
                    body,
                    last,
                })?;
        }
        if !stays {
            break;
        }
        found.end.offset = frame.end;
        found.records += records;
    }
    let rest = &bytes[found.end.offset as usize..];
    if rest.iter().all(|b| *b == 0) {
        return Ok(0);
    }
    if frame::behind(bytes, head, found.end.offset) {
        return Err(damaged(found.end));
    }
    Ok(rest.len() as u64)
}

fn headless(number: u32) -> Error {
    let what = format!("journal segment {number} has no valid head");
    Error::cured(what, Cure::Repair)
}

/// What was promised cannot be read at this place.
pub(crate) fn damaged(at: Position) -> Error {
    let what = format!(
        "journal segment {} is damaged at {}: a commit that was promised cannot be read",
        at.segment, at.offset
    );
    Error::cured(what, Cure::Repair)
}

fn missing(segment: u32) -> Error {
    let what = format!("journal segment {segment} is missing");
    Error::cured(what, Cure::Repair)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::place_in;

    #[test]
    fn what_is_said_of_damage_tells_its_place() {
        let at = Position {
            segment: 12,
            offset: 345,
        };
        let place = |error: Error| place_in(&error.to_string());
        assert_eq!(place(damaged(at)), Some((12, Some(345))));
        assert_eq!(place(headless(7)), Some((7, None)));
        assert_eq!(place(missing(8)), Some((8, None)));
        assert_eq!(place(Error::Conflict), None);
    }
}
