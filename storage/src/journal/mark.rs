//! Marks: by what it is known whether an index was written after this journal.
//!
//! A copy of a store (restored, or cloned) has the identity of the store, and goes on in the same segments. Where both
//! go on, each has commits that the other has not, under the same numbers and at the same places: places say nothing of
//! whose an index is. So the journal tells the index, beside the place up to which it was written ([`Position`]), by what
//! its frames there can be told from those of a journal that went apart: the salt of each segment, and the checksums of
//! the last frame and of the first one that each process wrote behind what it found.

use super::read::Segment;
use super::{Head, Position, SALT, SUM};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Octets of a frame's checksum that are kept.
const KEPT: usize = 8;
/// Beginnings that are remembered. An upkeep each hour begins one with each: some ten days. One that went apart further
/// back, and whose segments are all older, cannot be told from one that lost its end.
const BEGUN_MAX: usize = 256;

/// A place of a journal that no other journal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    segment: u32,
    salt: [u8; SALT],
    /// Where a frame begins, and the first octets of its checksum; `None`: the segment alone.
    frame: Option<(u64, [u8; KEPT])>,
}

impl Mark {
    /// Of a segment whose head this is.
    pub(super) fn of(head: Head) -> Self {
        Self {
            segment: head.segment,
            salt: head.salt,
            frame: None,
        }
    }

    /// Of its frame at `offset`, with this checksum.
    pub(super) fn at(head: Head, offset: u64, sum: &[u8; SUM]) -> Self {
        let mut kept = [0; KEPT];
        kept.copy_from_slice(&sum[..KEPT]);
        Self {
            frame: Some((offset, kept)),
            ..Self::of(head)
        }
    }

    /// Whether the journal in `dir` is known to have something else there. What is damaged, or not there (any more),
    /// says nothing.
    fn is_anothers(&self, dir: &Path) -> bool {
        let Ok(segment) = Segment::open(dir, self.segment) else {
            return false;
        };
        let Ok(Some(head)) = segment.head() else {
            return false;
        };
        if head.salt != self.salt {
            return true;
        }
        let Some((offset, sum)) = self.frame else {
            return false;
        };
        match segment.frame(head, offset) {
            Ok(Some(frame)) => frame.sum[..KEPT] != sum,
            _ => false,
        }
    }
}

/// What a journal tells an index of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lineage {
    /// Its last frame, where one is known.
    pub last: Option<Mark>,
    /// The segments, and the first frames of processes, the oldest first.
    pub begun: Vec<Mark>,
}

impl Lineage {
    /// Of the segments in `dir` that have a whole head, from this one on.
    pub(crate) fn of(dir: &Path, from: Position, last: Option<Mark>) -> Self {
        let numbers = super::segments(dir).unwrap_or_default().into_iter();
        let head = |number| Segment::open(dir, number).ok()?.head().ok()?;
        let mut lineage = Self {
            last,
            begun: Vec::new(),
        };
        for number in numbers.filter(|number| *number >= from.segment) {
            if let Some(head) = head(number) {
                lineage.begin(Mark::of(head));
            }
        }
        lineage
    }

    /// One more beginning.
    pub(super) fn begin(&mut self, mark: Mark) {
        let surplus = (self.begun.len() + 1).saturating_sub(BEGUN_MAX);
        self.begun.drain(..surplus);
        self.begun.push(mark);
    }

    /// Whether the journal in `dir` is known to be another than the one that told this. The newest are looked at first.
    pub(crate) fn is_anothers(&self, dir: &Path) -> bool {
        let mut marks = self.last.iter().chain(self.begun.iter().rev());
        marks.any(|mark| mark.is_anothers(dir))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i13_so_many_beginnings_are_remembered() {
        let mut lineage = Lineage::default();
        for segment in 0..1_000 {
            lineage.begin(Mark {
                segment,
                salt: [0; SALT],
                frame: Some((u64::from(u32::MAX), [255; KEPT])),
            });
        }
        assert_eq!(lineage.begun.len(), BEGUN_MAX);
        let numbers = lineage.begun.iter().map(|mark| mark.segment);
        assert!(numbers.eq(1_000 - BEGUN_MAX as u32..1_000));
        let value = crate::record::encode(&lineage.begun).unwrap();
        assert!(value.len() <= crate::engine::VALUE_OCTETS_MAX, "in parts");
    }
}
