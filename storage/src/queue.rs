//! The delivery queue: durable items with a due time. What an item means is delivery's.

use crate::*;

/// One spooled delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct QueueItem {
    pub id: QueueId,
    /// Unix seconds.
    pub due: i64,
    pub blob: BlobId,
    /// Encoded by delivery, at most 8 KB per part (split by storage as needed).
    pub payload: Vec<u8>,
}

/// Door to the queue; cheap to clone. Due times are kept in memory in order: no scan per tick.
#[derive(Clone)]
pub struct Queue {
    pub(crate) store: Store,
}

#[allow(unused_variables, clippy::todo)]
impl Queue {
    /// Adds an item, durably.
    pub fn put(&self, due: i64, blob: BlobId, payload: Vec<u8>) -> Result<QueueId, Error> {
        todo!()
    }
    /// Replaces due time and payload. Errors: `NotFound`.
    pub fn update(&self, id: QueueId, due: i64, payload: Vec<u8>) -> Result<(), Error> {
        todo!()
    }
    /// Removes it. Errors: `NotFound`.
    pub fn remove(&self, id: QueueId) -> Result<(), Error> {
        todo!()
    }
    /// One item. Errors: `NotFound`.
    pub fn item(&self, id: QueueId) -> Result<QueueItem, Error> {
        todo!()
    }
    /// Items due at `now`, the oldest first, at most `max`.
    pub fn due(&self, now: i64, max: usize) -> Result<Vec<QueueItem>, Error> {
        todo!()
    }
    /// When the next item is due.
    pub fn next_due(&self) -> Option<i64> {
        todo!()
    }
    /// A page of items by id, after `after`.
    pub fn list(&self, after: Option<QueueId>, max: usize) -> Result<Vec<QueueItem>, Error> {
        todo!()
    }
    /// How many.
    pub fn count(&self) -> usize {
        todo!()
    }
}
