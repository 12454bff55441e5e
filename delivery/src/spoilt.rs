//! Items of the queue that cannot be read. They stay, so that nothing accepted is dropped (I-10); they are looked at
//! again, ever less often, and whoever looks after the server is told.

use crate::Delivery;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use storage::{Error, QueueId};

/// Seconds until such an item is looked at again, by how often it was; the last holds for all that follow.
const WAITS_S: [i64; 5] = [60, 5 * 60, 15 * 60, 3600, 6 * 3600];

/// An item that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Which.
    pub id: QueueId,
    /// Why, in English.
    pub why: String,
    /// When it was met first since the server started, Unix seconds.
    pub since: i64,
    /// When it is looked at again, Unix seconds.
    pub next: i64,
    /// How often it was looked at.
    looks: usize,
}

/// All that are known; no more than there are items.
#[derive(Default)]
pub(crate) struct Spoilt(Mutex<BTreeMap<QueueId, Unreadable>>);

impl Spoilt {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<QueueId, Unreadable>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It can be read, or is gone.
    pub(crate) fn forget(&self, id: QueueId) {
        self.lock().remove(&id);
    }

    /// When it is to be looked at again.
    fn note(&self, id: QueueId, why: &Error, now: i64) -> i64 {
        let mut all = self.lock();
        let known = all.entry(id).or_insert_with(|| Unreadable {
            id,
            why: String::new(),
            since: now,
            next: now,
            looks: 0,
        });
        let wait = WAITS_S[known.looks.min(WAITS_S.len() - 1)];
        known.looks += 1;
        known.why = why.to_string();
        known.next = now.saturating_add(wait);
        known.next
    }
}

impl Delivery {
    /// Kept, and put off.
    pub(crate) fn spoiled(&self, id: QueueId, error: &Error, now: i64) -> Result<(), Error> {
        let next = self.inner.spoilt.note(id, error, now);
        match self.inner.store.queue().put_off(id, next) {
            Err(Error::NotFound) => {
                self.inner.spoilt.forget(id);
                Ok(())
            }
            other => {
                let again_s = next.saturating_sub(now);
                tracing::error!(queue = id.raw(), %error, again_s, "a queued item cannot be read");
                other
            }
        }
    }

    /// Items of the queue that cannot be read, as far as they were met.
    #[must_use]
    pub fn unreadable(&self) -> Vec<Unreadable> {
        self.inner.spoilt.lock().values().cloned().collect()
    }
}
