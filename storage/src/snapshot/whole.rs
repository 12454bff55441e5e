//! Whether a snapshot is what was written, wherever it lies, and whether all of them together are: by checksums
//! alone, for whoever copies them and has no keys.

use super::block::{self, Place};
use super::{END_MAGIC, FILE_HEAD, FOOT, SUM, Span, UNNAMED_HEAD, head_octets, head_of};
use crate::Error;
use crate::error::{Cure, Fault, Part};
use std::collections::BTreeSet;

/// Fills the octets from this offset on.
pub(crate) type Reading<'a> = dyn FnMut(u64, &mut [u8]) -> Result<(), Error> + 'a;

/// Reads the snapshot of this name, which has so many octets. Errors: `Corrupt`, and those of `read`.
pub(crate) fn expect_whole(name: &str, octets: u64, read: &mut Reading<'_>) -> Result<(), Error> {
    let damaged = |what| {
        let name = name.to_owned();
        Error::cured(Fault::Snapshot { name, what }, Cure::Repair)
    };
    let span = Span::parse(name).ok_or_else(|| damaged(Part::Name))?;
    let Some(foot_at) = octets.checked_sub(FOOT as u64) else {
        return Err(damaged(Part::End));
    };
    let mut head = vec![0; (FILE_HEAD as u64).min(foot_at) as usize];
    read(0, &mut head)?;
    let found = head_of(&head).filter(|(found, _)| *found == span && head.len() >= UNNAMED_HEAD);
    found.ok_or_else(|| damaged(Part::Head))?;
    head.truncate(head_octets(&head));
    let mut foot = [0; FOOT];
    read(foot_at, &mut foot)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&head).update(&foot[..FOOT - SUM]);
    if foot[..8] != *END_MAGIC || hasher.finalize().as_bytes()[..SUM] != foot[FOOT - SUM..] {
        return Err(damaged(Part::End));
    }
    let number = |at: usize, octets: usize| {
        let octets = foot[at..at + octets].iter().rev();
        octets.fold(0u64, |n, octet| n << 8 | u64::from(*octet))
    };
    let (blocks, table_at) = (number(8, 4), number(16, 8));
    let (mut at, mut count) = (head.len() as u64, 0u64);
    while at < foot_at {
        // The last one is the table.
        let (number, what) = match at == table_at {
            true => (block::TABLE, Part::Table),
            false => (count as u32, Part::Block { number: count }),
        };
        let place = Place { span, number };
        let end = if at < table_at { table_at } else { foot_at };
        let bytes = one(at, end, read)?.filter(|bytes| block::is_whole(place, bytes));
        at += bytes.ok_or_else(|| damaged(what))?.len() as u64;
        count += u64::from(number != block::TABLE);
    }
    match count == blocks && table_at < foot_at {
        true => Ok(()),
        false => Err(damaged(Part::Count)),
    }
}

/// The block that begins here and ends no later than at `end`.
fn one(at: u64, end: u64, read: &mut Reading<'_>) -> Result<Option<Vec<u8>>, Error> {
    let mut bytes = vec![0; block::HEAD];
    if end < at + block::HEAD as u64 {
        return Ok(None);
    }
    read(at, &mut bytes)?;
    let octets = block::octets(&bytes).filter(|octets| at + *octets as u64 <= end);
    let Some(octets) = octets else {
        return Ok(None);
    };
    bytes.resize(octets, 0);
    read(at + block::HEAD as u64, &mut bytes[block::HEAD..])?;
    Ok(Some(bytes))
}

/// The segment with which the journal goes on behind the snapshots of these names. `whole` reads one; what is
/// damaged may be covered by smaller ones, or by segments that are still there. Errors: `Corrupt`, and those of
/// `whole`.
pub(crate) fn tail(
    names: &[String],
    segments: &BTreeSet<u32>,
    whole: &mut dyn FnMut(&str) -> Result<(), Error>,
) -> Result<u32, Error> {
    let mut spans: Vec<Span> = names.iter().filter_map(|name| Span::parse(name)).collect();
    spans.sort_unstable_by_key(|s| (s.first, std::cmp::Reverse(s.last)));
    let end = spans.iter().map(|s| s.last).max();
    let (mut next, mut broken) = (0, None);
    while end.is_some_and(|end| next <= end) {
        let (mut found, mut wrong) = (None, None);
        for span in spans.iter().filter(|s| s.first == next) {
            match whole(&span.name()) {
                Ok(()) => {
                    found = Some(*span);
                    break;
                }
                Err(e @ Error::Corrupt(_)) => wrong = wrong.or(Some(e)),
                Err(e) => return Err(e),
            }
        }
        let Some(span) = found else {
            let gap = || {
                let missing = Fault::SnapshotMissing { segment: next };
                Error::cured(missing, Cure::Repair)
            };
            broken = Some(wrong.unwrap_or_else(gap));
            break;
        };
        next = span.last.checked_add(1).ok_or(Error::TooLarge("journal"))?;
    }
    let from = next.max(1);
    match broken.filter(|_| !segments.contains(&from)) {
        Some(e) => Err(e),
        None => Ok(from),
    }
}
