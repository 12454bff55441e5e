//! Content that was read back, or written, since the store was opened: it may be shared again.
//!
//! Sharing makes new mail depend on old octets. So before it is shared, content is read and compared
//! with its hash, once; the circular that goes to 30,000 people is read for the second of them only.

use crate::BlobId;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Ids of one generation; two are kept.
const GENERATION: usize = 16_384;

/// See the module.
#[derive(Default)]
pub(super) struct Proven {
    generations: Mutex<[HashSet<BlobId>; 2]>,
}

impl Proven {
    fn lock(&self) -> MutexGuard<'_, [HashSet<BlobId>; 2]> {
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it was proven, as far as that is remembered; what is asked for is remembered longer.
    pub(super) fn holds(&self, id: BlobId) -> bool {
        let mut generations = self.lock();
        let [young, old] = &mut *generations;
        if young.contains(&id) {
            return true;
        }
        let known = old.contains(&id);
        drop(generations);
        if known {
            self.add(id);
        }
        known
    }

    pub(super) fn add(&self, id: BlobId) {
        let mut generations = self.lock();
        if generations[0].len() >= GENERATION {
            generations.swap(0, 1);
            generations[0].clear();
        }
        generations[0].insert(id);
    }

    /// It was read and found damaged.
    pub(super) fn forget(&self, id: BlobId) {
        for generation in &mut *self.lock() {
            generation.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_is_forgotten() {
        let proven = Proven::default();
        let id = |n: usize| BlobId::of(&n.to_le_bytes());
        for n in 0..5 * GENERATION {
            proven.add(id(n));
            assert!(n == 0 || proven.holds(id(0)), "{n}");
        }
        assert!(!proven.holds(id(1)));
        proven.forget(id(0));
        assert!(!proven.holds(id(0)));
    }
}
