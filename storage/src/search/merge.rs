//! Joins segments: they stay few, each joining is small, rests between its writes, and is never waited for.
//!
//! Each commit of the index makes a segment, with a dictionary of its own: many small ones are several times the
//! size of one that has the same messages. So segments of about one size are joined into one of the next, and those
//! that are large enough are left alone. At rest there are at most
//! - [`FAN`] - 1 segments of each size: up to 1 MiB, 4, 16, and so on up to the large ones;
//! - one large one for each [`LARGE_OCTETS`] or [`LARGE_SHARE`]th part of the index, whichever is more.
//!
//! An octet is written about once for each size, so what a joining costs does not grow with the mailbox; and what
//! a crash cuts off is one joining, of at most twice a large segment, whose files go when the index is opened again.

use super::fill::{Filling, ROOM_OCTETS};
use super::{FOLDER, has_room, told};
use crate::Error;
use crate::commit::Shared;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use tantivy::index::SegmentId;
use tantivy::{FutureResult, SegmentMeta};

/// Segments of one size that are joined; fewer are left.
const FAN: usize = 5;
/// Segments that are joined at once.
const WIDTH_MAX: usize = 64;
/// All smaller segments are of one size.
const FLOOR_OCTETS: u64 = 1024 * 1024;
/// A size begins at so many times the one before.
const GROWTH: u64 = 4;
/// A segment of so many octets is large, if it is also this part of the index: one over this.
const LARGE_OCTETS: u64 = 64 * 1024 * 1024;
const LARGE_SHARE: u64 = 64;
/// The share of removed messages at which a segment is written anew, one over this.
const GONE_SHARE: u32 = 5;

/// How far the joining of segments is.
pub(super) enum Joining {
    /// The segments changed since they were looked at.
    Due,
    Done,
    Running(Pin<Box<FutureResult<Option<SegmentMeta>>>>),
}

/// What is known of a segment.
#[derive(Debug, Clone)]
struct Segment<Id = SegmentId> {
    id: Id,
    octets: u64,
    /// Whether too many of its messages are gone.
    worn: bool,
}

/// The size of a segment from which on it is left alone.
fn large(all: u64) -> u64 {
    LARGE_OCTETS.max(all / LARGE_SHARE)
}

fn size(octets: u64) -> u32 {
    match octets / FLOOR_OCTETS {
        0 => 0,
        floors => 1 + floors.ilog(GROWTH),
    }
}

/// The segments to be joined next, and how many octets they are; the smallest ones first, which cost least.
fn choose<Id: Copy>(segments: &[Segment<Id>]) -> Option<(Vec<Id>, u64)> {
    let large = large(segments.iter().map(|s| s.octets).sum());
    let mut sizes: BTreeMap<u32, Vec<&Segment<Id>>> = BTreeMap::new();
    for segment in segments.iter().filter(|s| s.octets < large) {
        sizes.entry(size(segment.octets)).or_default().push(segment);
    }
    for mut alike in sizes.into_values() {
        let enough = alike.iter().map(|s| s.octets).sum::<u64>() >= 2 * large;
        if alike.len() < FAN && !enough {
            continue;
        }
        alike.sort_by_key(|s| s.octets);
        let (mut ids, mut octets) = (Vec::new(), 0);
        for segment in alike.into_iter().take(WIDTH_MAX) {
            if octets + segment.octets > 2 * large {
                break;
            }
            octets += segment.octets;
            ids.push(segment.id);
        }
        return Some((ids, octets));
    }
    let worn = segments.iter().find(|s| s.worn)?;
    Some((vec![worn.id], worn.octets))
}

impl Filling {
    /// Looks after the joining: ends one that is done, begins one that is due. True while one is under way.
    /// Errors: `Corrupt` where segments cannot be read, `Unavailable` where the disk is full.
    pub(super) fn join(&mut self, shared: &Shared, changed: bool) -> Result<bool, Error> {
        if let Joining::Running(merge) = &mut self.joining {
            let mut context = Context::from_waker(Waker::noop());
            match merge.as_mut().poll(&mut context) {
                Poll::Pending => return Ok(true),
                Poll::Ready(outcome) => {
                    self.joining = Joining::Due;
                    self.joined(shared, outcome)?;
                }
            }
        } else if changed {
            self.joining = Joining::Due;
        }
        if !matches!(self.joining, Joining::Due) {
            return Ok(false);
        }
        let Some((segments, octets)) = choose(&self.segments(shared)?) else {
            self.joining = Joining::Done;
            return Ok(false);
        };
        // The old ones and the new one are there side by side for a while. Where there is no room, the next step
        // looks again.
        if has_room(shared, ROOM_OCTETS + octets).is_err() {
            return Ok(false);
        }
        let merge = self.writer()?.merge(&segments);
        self.joining = Joining::Running(Box::pin(merge));
        Ok(true)
    }

    /// Shows what was joined in place of the many, whose files go.
    fn joined(
        &mut self,
        shared: &Shared,
        outcome: tantivy::Result<Option<SegmentMeta>>,
    ) -> Result<(), Error> {
        if let Err(error) = outcome {
            has_room(shared, ROOM_OCTETS)?;
            return Err(told(&error));
        }
        self.publish(&shared.search)?;
        let removed = self.writer()?.garbage_collect_files().wait();
        removed.map(drop).map_err(|e| told(&e))
    }

    fn segments(&self, shared: &Shared) -> Result<Vec<Segment>, Error> {
        let dir = shared.dir.join(FOLDER);
        let metas = self
            .index
            .searchable_segment_metas()
            .map_err(|e| told(&e))?;
        let known = metas.iter().map(|meta| Segment {
            id: meta.id(),
            octets: {
                let files = meta.list_files();
                let octets = files.iter().filter_map(|f| dir.join(f).metadata().ok());
                octets.map(|m| m.len()).sum()
            },
            worn: meta.num_deleted_docs() > meta.max_doc() / GONE_SHARE,
        });
        Ok(known.collect())
    }

    /// Whether no joining is under way or due.
    #[cfg(test)]
    pub(super) fn is_joined(&self) -> bool {
        matches!(self.joining, Joining::Done)
    }
}

/// Segments at rest, at most, of an index of so many octets.
#[cfg(test)]
pub(super) fn rest_max(all: u64) -> usize {
    let sizes = size(large(all) - 1) as usize + 1;
    sizes * (FAN - 1) + (all / large(all)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Segments come one by one; joined ones keep this share of their octets, in percent. What was read for it may be
    /// this many times what came.
    fn check(count: u64, octets: impl Fn(u64) -> u64, kept: u64, times: u64) {
        let mut there: Vec<Segment<u64>> = Vec::new();
        let (mut came, mut read, mut next) = (0, 0, count);
        for id in 0..count {
            there.push(Segment {
                id,
                octets: octets(id),
                worn: false,
            });
            came += octets(id);
            while let Some((ids, octets)) = choose(&there) {
                let all = there.iter().map(|s| s.octets).sum();
                assert!(ids.len() > 1 && ids.len() <= WIDTH_MAX, "{}", ids.len());
                assert!(octets <= 2 * large(all), "{octets} of {all}");
                there.retain(|s| !ids.contains(&s.id));
                there.push(Segment {
                    id: next,
                    octets: octets * kept / 100,
                    worn: false,
                });
                (next, read) = (next + 1, read + octets);
            }
            let all = there.iter().map(|s| s.octets).sum();
            assert!(there.len() <= rest_max(all), "{} of {all}", there.len());
        }
        assert!(read <= came * times, "{read} read, {came} came");
    }

    #[test]
    fn segments_stay_few_and_are_read_few_times() {
        let mib = FLOOR_OCTETS;
        check(5_000, |_| 20_000, 100, 25);
        check(5_000, |_| 20_000, 80, 25);
        check(3_000, |id| 10_000 + id * 7_919 % 2_000_000, 90, 12);
        check(2_000, |_| 3 * mib, 60, 8);
        check(20_000, |_| 3 * mib, 100, 8);
        check(300, |id| (id % 90 + 1) * mib, 95, 8);
        assert_eq!(rest_max(0), 16, "a small index");
        assert_eq!(rest_max(2_000 * mib), 16 + 31, "a million messages");
        assert_eq!(rest_max(200_000 * mib), 28 + 64, "many millions");
    }

    #[test]
    fn many_that_were_left_are_joined_at_once_and_worn_ones_are_written_anew() {
        let segment = |id, octets, worn| Segment { id, octets, worn };
        let left: Vec<_> = (0..500).map(|id| segment(id, 5_000_000, false)).collect();
        let (ids, octets) = choose(&left).unwrap();
        assert_eq!((ids.len(), octets), (26, 130_000_000));
        let small: Vec<_> = (0..500).map(|id| segment(id, 5_000, false)).collect();
        assert_eq!(choose(&small).unwrap().0.len(), WIDTH_MAX);
        assert_eq!(choose(&left[..FAN - 1]), None);
        assert_eq!(choose::<u32>(&[]), None);
        let worn = [segment(1, 5_000, false), segment(2, 900_000_000, true)];
        assert_eq!(choose(&worn), Some((vec![2], 900_000_000)));
    }
}
