//! One at a time works on an item of the queue: dispatch, a try that ended, or an administrator.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, PoisonError};
use storage::QueueId;

/// Who works on what; no more than there are threads.
#[derive(Default)]
pub(crate) struct Turns {
    busy: Mutex<BTreeSet<QueueId>>,
    freed: Condvar,
}

/// The right to change one item, until it is dropped.
pub(crate) struct Turn<'a>(&'a Turns, QueueId);

impl Turns {
    /// Waits until nobody else works on the item.
    pub(crate) fn take(&self, id: QueueId) -> Turn<'_> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        while !busy.insert(id) {
            busy = self
                .freed
                .wait(busy)
                .unwrap_or_else(PoisonError::into_inner);
        }
        Turn(self, id)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut busy = self.0.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.remove(&self.1);
        self.0.freed.notify_all();
    }
}
