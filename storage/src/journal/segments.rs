//! The journal's files as files: which there are, one of them read alone, old ones removed.

use super::read::{Visit, part};
use super::{FILE_HEAD, HEAD_MAX, Head, Position, frame, path};
use crate::Error;
use crate::disk::{self, Disk};
use crate::seal::Keys;
use std::io::Read as _;
use std::path::Path;

/// The numbers of all segments, in order.
pub(crate) fn segments(dir: &Path) -> Result<Vec<u32>, Error> {
    let failed = |e: &std::io::Error| disk::failed("cannot list", dir, e);
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|e| failed(&e))? {
        let name = entry.map_err(|e| failed(&e))?.file_name();
        let number = name.to_str().and_then(|n| n.strip_suffix(".log"));
        numbers.extend(number.and_then(|n| n.parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Reads a segment behind which another was begun: all of it is durable. Errors: `Corrupt`.
pub(crate) fn sealed(
    dir: &Path,
    keys: &Keys,
    number: u32,
    each: &mut Visit<'_>,
) -> Result<(), Error> {
    part(dir, keys, number, FILE_HEAD, None, each)
}

/// Reads from `from` to `end`, which was durable; commits that go on meanwhile do no harm. Errors: `Corrupt`.
pub(crate) fn between(
    dir: &Path,
    keys: &Keys,
    from: Position,
    end: Position,
    each: &mut Visit<'_>,
) -> Result<(), Error> {
    for number in from.segment..=end.segment {
        let first = match number == from.segment {
            true => from.offset,
            false => FILE_HEAD,
        };
        let last = (number == end.segment).then_some(end.offset);
        part(dir, keys, number, first, last, each)?;
    }
    Ok(())
}

/// Whether no segment of the store in `dir` begins with a sealed frame, as far as they can be read.
pub(crate) fn is_plain(dir: &Path) -> bool {
    let dir = dir.join("journal");
    let sealed = |number: &u32| {
        let mut first = Vec::new();
        let file = std::fs::File::open(path(&dir, *number));
        let octets = HEAD_MAX + frame::HEAD as u64;
        let read = file.and_then(|f| f.take(octets).read_to_end(&mut first));
        let at = Head::any(&first, *number).ok().flatten();
        let at = at.map_or(FILE_HEAD, Head::end) as usize;
        let frame = first.get(at..).and_then(<[u8]>::first_chunk);
        read.is_ok() && frame.is_some_and(frame::is_sealed)
    };
    !segments(&dir).unwrap_or_default().iter().any(sealed)
}

/// Removes all segments up to `last`; returns how many.
pub(crate) fn remove(dir: &Path, disk: &Disk, last: u32) -> Result<u32, Error> {
    let mut removed = 0;
    // The oldest first: a stop in between leaves no gap.
    for number in segments(dir)?.into_iter().filter(|n| *n <= last) {
        let path = path(dir, number);
        disk.remove(&path)
            .map_err(|e| disk::failed("cannot remove", &path, &e))?;
        removed += 1;
    }
    if removed > 0 {
        disk.sync_dir(dir)?;
    }
    Ok(removed)
}
