//! Replay: every whole frame from a place on, in order; the torn tail is found, never guessed.
//! A segment is read frame by frame: no more than two are in memory at once.

use super::frame::{self, Frame, Packer};
use super::{FILE_HEAD, HEAD_MAX, Head, Mark, Position, Subject, path, segments};
use crate::error::{Cure, Fault};
use crate::seal::Keys;
use crate::{Error, disk};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

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
    /// The last frame of which any counts, where there is one.
    pub last: Option<Mark>,
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
        last: None,
    };
    if last == 0 && from == Position::START {
        return Ok(found);
    }
    if from.segment > last {
        return Err(missing(from.segment));
    }
    let packer = packer(keys);
    for number in from.segment..=last {
        let segment = Segment::open(dir, number)?;
        let offset = if number == from.segment {
            from.offset
        } else {
            FILE_HEAD
        };
        found.end = Position {
            segment: number,
            offset,
        };
        let Some(head) = segment.head()? else {
            // The head is durable before the first frame is written.
            if number == last && offset == FILE_HEAD && segment.len <= HEAD_MAX {
                found.torn = segment.len;
                break;
            }
            return Err(headless(number));
        };
        found.end.offset = offset.max(head.end());
        found.torn = segment.visit(head, &mut found, each, number == last, &packer)?;
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
        let segment = Segment::open(dir, number)?;
        if number > from.segment {
            end = Position {
                segment: number,
                offset: FILE_HEAD,
            };
        }
        let Some(head) = segment.head()? else {
            if number < last || segment.len > HEAD_MAX {
                return Err(headless(number));
            }
            // It is just being begun.
            return Ok(end);
        };
        end.offset = end.offset.max(head.end());
        let rest = segment.pass(head, &mut end.offset)?;
        if number < last && end.offset < segment.len || frame::follows(&rest, head, end.offset) {
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
    let mut segment = Segment::open(dir, number)?;
    let head = segment.head()?.ok_or_else(|| headless(number))?;
    let end = end.map(|end| end.max(head.end()));
    segment.len = segment.len.min(end.unwrap_or(u64::MAX));
    let mut found = Found {
        end: Position {
            segment: number,
            offset: first.max(head.end()),
        },
        torn: 0,
        records: 0,
        last: None,
    };
    let left = segment.visit(head, &mut found, each, false, &packer(keys))?;
    if left > 0 || end.is_some_and(|end| found.end.offset < end) {
        return Err(damaged(found.end));
    }
    Ok(())
}

/// Whether all of a segment can be read with these keys.
pub(crate) fn opens(dir: &Path, keys: &Keys, segment: u32) -> bool {
    part(dir, keys, segment, FILE_HEAD, None, &mut |_| Ok(true)).is_ok()
}

fn packer(keys: &Keys) -> Packer {
    Packer {
        keys: keys.clone(),
        ..Packer::default()
    }
}

/// A segment that is read; it may be written meanwhile.
pub(super) struct Segment {
    number: u32,
    file: File,
    path: PathBuf,
    /// Octets of it that count.
    len: u64,
}

impl Segment {
    pub(super) fn open(dir: &Path, number: u32) -> Result<Self, Error> {
        let path = path(dir, number);
        let opened = File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (len, file) = opened.map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => missing(number),
            _ => disk::failed("cannot read", &path, &e),
        })?;
        Ok(Self {
            number,
            file,
            path,
            len,
        })
    }

    /// So many octets from `at` on, fewer where it ends.
    fn read(&self, at: u64, octets: u64) -> Result<Vec<u8>, Error> {
        let octets = octets.min(self.len.saturating_sub(at));
        let mut bytes = vec![0; usize::try_from(octets).unwrap_or(usize::MAX)];
        let mut read = 0;
        while read < bytes.len() {
            match self.file.read_at(&mut bytes[read..], at + read as u64) {
                // It was cut meanwhile.
                Ok(0) => bytes.truncate(read),
                Ok(some) => read += some,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(disk::failed("cannot read", &self.path, &e)),
            }
        }
        Ok(bytes)
    }

    pub(super) fn head(&self) -> Result<Option<Head>, Error> {
        Head::read(&self.read(0, HEAD_MAX)?, self.number)
    }

    /// The frame at `offset`; `None` for what is no whole frame.
    pub(super) fn frame(&self, head: Head, offset: u64) -> Result<Option<Frame<'static>>, Error> {
        let first = self.read(offset, frame::HEAD as u64)?;
        let room = self.len.saturating_sub(offset);
        let Some(octets) = frame::octets(&first).filter(|octets| *octets <= room) else {
            return Ok(None);
        };
        Ok(frame::owned(self.read(offset, octets)?, head, offset))
    }

    /// Passes by all whole frames from `offset` on; returns what lies behind them.
    fn pass(&self, head: Head, offset: &mut u64) -> Result<Vec<u8>, Error> {
        loop {
            while let Some(frame) = self.frame(head, *offset)? {
                *offset = frame.end;
            }
            let rest = self.read(*offset, self.len)?;
            // One that was written a moment ago is no damage before the next one.
            if frame::of(&rest, head, *offset).is_none() {
                return Ok(rest);
            }
        }
    }

    /// Reads from `found.end` on; returns the octets left over, zeros laid ahead not counted.
    fn visit(
        &self,
        head: Head,
        found: &mut Found,
        each: &mut Visit<'_>,
        is_last: bool,
        packer: &Packer,
    ) -> Result<u64, Error> {
        if found.end.offset > self.len {
            return Err(damaged(found.end));
        }
        let mut next = self.frame(head, found.end.offset)?;
        while let Some(frame) = next {
            next = self.frame(head, frame.end)?;
            let end = frame.end;
            let mark = Mark::at(head, found.end.offset, &frame.sum);
            let payload = frame.open(packer)?;
            drop(frame);
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
            found.end.offset = end;
            found.last = Some(mark);
            found.records += records;
        }
        let rest = self.read(found.end.offset, self.len)?;
        if rest.iter().all(|b| *b == 0) {
            return Ok(0);
        }
        if frame::follows(&rest, head, found.end.offset) {
            return Err(damaged(found.end));
        }
        Ok(rest.len() as u64)
    }
}

fn headless(number: u32) -> Error {
    let head = Fault::JournalHead { segment: number };
    Error::cured(head, Cure::Repair)
}

/// What was promised cannot be read at this place.
pub(crate) fn damaged(at: Position) -> Error {
    let (segment, at) = (at.segment, at.offset);
    Error::cured(Fault::Journal { segment, at }, Cure::Repair)
}

fn missing(segment: u32) -> Error {
    Error::cured(Fault::JournalMissing { segment }, Cure::Repair)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_damage_tells_its_place() {
        let at = Position {
            segment: 12,
            offset: 345,
        };
        let place = |error: Error| match error {
            Error::Corrupt(why) => why.what.journal_place(),
            _ => None,
        };
        assert_eq!(place(damaged(at)), Some((12, Some(345))));
        assert_eq!(place(headless(7)), Some((7, None)));
        assert_eq!(place(missing(8)), Some((8, None)));
        assert_eq!(place(Error::Conflict), None);
    }
}
