//! From the journal's sealed segments to snapshots: one file for each run of segments, merged with
//! its neighbours as they pile up, so that there are few files and each key is rewritten seldom.

use super::folder::{Chain, Folder};
use super::{Entries, Entry, Merge, Snapshot, Sorter, Span, Summary};
use crate::index::ops_of;
use crate::pin::Pin;
use crate::{AccountId, Error, journal};

/// Segments that one snapshot takes in at most before merging.
const SEGMENTS_MAX: u32 = 16;

/// How far it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Progress {
    /// The last segment that snapshots cover.
    pub covered: u32,
    /// Segments removed from the journal.
    pub removed: u32,
}

/// What a run is given.
pub(crate) struct Task<'a> {
    /// The last sealed segment: all up to it is durable and will not change.
    pub sealed: u32,
    /// The segment in which the checkpoint lies: it and all after it stay in the journal.
    pub checkpoint: u32,
    /// Octets of keys and values sorted in memory.
    pub sort: u64,
    /// Asked now and then; an error ends the work, which goes on from there another time.
    pub stop: &'a dyn Fn() -> Result<(), Error>,
}

/// Covers the sealed segments, merges what has piled up, and removes the segments that are covered
/// and behind the checkpoint. One at a time.
pub(crate) fn cover(folder: &Folder, task: &Task<'_>) -> Result<Progress, Error> {
    // What came into the folder since the store was opened must not become part of a snapshot.
    folder.owner.expect_own(&folder.store)?;
    let mut chain = folder.chain()?;
    if let Some(e) = chain.broken {
        return Err(e);
    }
    loop {
        let next = match chain.files.is_empty() {
            true => 0,
            false => chain.covered() + 1,
        };
        if next > task.sealed || task.sealed == 0 {
            break;
        }
        let last = next.saturating_add(SEGMENTS_MAX - 1).min(task.sealed);
        let snapshot = gather(folder, Span { first: next, last }, task)?;
        chain.files.push(snapshot);
        merge(folder, &mut chain, task)?;
    }
    folder.drop_held(&chain)?;
    let covered = chain.covered();
    let removed = drop_segments(folder, covered.min(task.checkpoint.saturating_sub(1)))?;
    Ok(Progress { covered, removed })
}

/// Writes the snapshot of a run of segments.
fn gather(folder: &Folder, span: Span, task: &Task<'_>) -> Result<Snapshot, Error> {
    folder.disk.make_dir(&folder.dir)?;
    let mut sorter = Sorter::new(folder, task.sort);
    let mut summary = Summary::NONE;
    for number in span.first.max(1)..=span.last {
        (task.stop)()?;
        journal::sealed(&folder.journal(), &folder.keys, number, &mut |met| {
            let subject = met.subject;
            if let (AccountId::SYSTEM, Some(system)) = (subject.account, subject.modseq) {
                summary.system = summary.system.max(system);
            }
            summary.time = summary.time.max(subject.time);
            for op in ops_of(met.body) {
                sorter.add(op?)?;
            }
            Ok(true)
        })?;
    }
    write(folder, span, summary, vec![sorter.sorted()?], task)
}

fn write(
    folder: &Folder,
    span: Span,
    summary: Summary,
    sources: Vec<Entries>,
    task: &Task<'_>,
) -> Result<Snapshot, Error> {
    let merge = Merge::new(sources);
    let mut entries: Box<dyn Iterator<Item = Result<Entry, Error>>> = match span.first {
        0 => Box::new(merge.living()),
        _ => Box::new(merge),
    };
    folder.write(span, summary, &mut entries, task.stop)
}

/// Merges the newest files as far as their sizes ask for it.
fn merge(folder: &Folder, chain: &mut Chain, task: &Task<'_>) -> Result<(), Error> {
    let sizes: Vec<u64> = chain.files.iter().map(|s| s.octets).collect();
    let Some(from) = tier(&sizes) else {
        return Ok(());
    };
    let newest = Chain {
        files: chain.files.split_off(from),
        broken: None,
    };
    let span = Span {
        first: newest.files[0].span.first,
        last: newest.covered(),
    };
    let merged = write(folder, span, newest.summary(), newest.sources(&[])?, task)?;
    chain.files.push(merged);
    folder.drop_held(chain).map(|_| ())
}

/// The oldest file that is no larger than all newer ones together: from it on they become one.
/// So each file is more than as large as all behind it, and a key is rewritten as often as the store doubles.
fn tier(sizes: &[u64]) -> Option<usize> {
    let mut newer = 0;
    let mut from = None;
    for (at, size) in sizes.iter().enumerate().rev() {
        if newer > 0 && *size <= newer {
            from = Some(at);
        }
        newer += size;
    }
    from
}

/// Removes the journal's segments up to `last`, unless a reader from outside has pinned them.
fn drop_segments(folder: &Folder, last: u32) -> Result<u32, Error> {
    let dir = folder.journal();
    if journal::segments(&dir)?
        .first()
        .is_none_or(|first| *first > last)
    {
        return Ok(0);
    }
    match Pin::exclusive(&folder.store) {
        Some(_pin) => journal::remove(&dir, &folder.disk, last),
        None => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use super::tier;

    #[test]
    fn files_merge_when_they_have_piled_up() {
        for (sizes, expected) in [
            (&[][..], None),
            (&[5], None),
            (&[5, 5], Some(0)),
            (&[5, 6], Some(0)),
            (&[6, 5], None),
            (&[100, 5, 5], Some(1)),
            (&[100, 50, 25, 25], Some(0)),
            (&[200, 50, 25, 25], Some(1)),
            (&[200, 50, 24, 1], None),
        ] {
            assert_eq!(tier(sizes), expected, "{sizes:?}");
        }
    }

    #[test]
    fn few_files_and_few_rewrites() {
        let (mut sizes, mut written) = (Vec::new(), 0);
        for _ in 0..1_000 {
            sizes.push(1u64);
            written += 1;
            if let Some(from) = tier(&sizes) {
                let merged: u64 = sizes.drain(from..).sum();
                sizes.push(merged);
                written += merged;
            }
            assert!(sizes.len() <= 11);
        }
        assert!(written <= 11_000, "{written}");
    }
}
