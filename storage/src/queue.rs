//! The delivery queue: durable items with a due time. What an item means is delivery's.

use crate::commit::Number;
use crate::index::{Index, Op};
use crate::record::QueueRecord;
use crate::*;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One spooled delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct QueueItem {
    pub id: QueueId,
    /// Unix seconds; as put off, where it was ([`Queue::put_off`]).
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

/// Numbers recorded as given at a time, so that not every item costs a key more. After a restart the rest of the
/// block is skipped: numbers have gaps, and are never given twice.
const NUMBERS_BLOCK: u64 = 1_000;
/// Longest payload, octets.
const PAYLOAD_OCTETS_MAX: usize = 4 * 1024 * 1024;

/// A due time as memory keeps it, since a million may be kept: in 32 bits, good until 2106. What is before 1970 is one
/// time, and so is what is after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Due(u32);

impl Due {
    pub(crate) fn at(due: i64) -> Self {
        Self(due.saturating_add(1).clamp(0, i64::from(u32::MAX)) as u32)
    }

    fn seconds(self) -> i64 {
        match self.0 {
            u32::MAX => i64::MAX,
            kept => i64::from(kept) - 1,
        }
    }
}

/// An item's number in two halves, so that what lies beside it is not filled up to eight octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Half(u32, u32);

impl From<QueueId> for Half {
    fn from(id: QueueId) -> Self {
        Self((id.raw() >> 32) as u32, id.raw() as u32)
    }
}

impl Half {
    fn id(self) -> Option<QueueId> {
        QueueId::new(u64::from(self.0) << 32 | u64::from(self.1))
    }
}

/// Which item is due when, in memory.
#[derive(Default)]
struct Dues {
    /// In the order in which they come up.
    by_due: BTreeSet<(Due, Half)>,
    /// As recorded, and when it comes up.
    by_id: BTreeMap<Half, (Due, Due)>,
}

/// The queue's index in memory.
pub(crate) struct Spool {
    dues: Mutex<Dues>,
    last: AtomicU64,
    /// Numbers up to this one are recorded as given.
    reserved: AtomicU64,
}

impl Spool {
    pub(crate) fn load(index: &Index) -> Result<Self, Error> {
        // In the order of their numbers; maps that are made of what is sorted have no gaps.
        let mut recorded: Vec<(Half, Due)> = Vec::new();
        let items = key::kind(AccountId::SYSTEM, key::QUEUE);
        index.scan(&items, &items, &mut |key, value| {
            let id = key::number_of(key).and_then(QueueId::new);
            let id = id.ok_or_else(|| Error::Corrupt("a queue key cannot be read".into()))?;
            let due = record::decode::<QueueRecord>(value, "queue item")?.due;
            recorded.push((id.into(), Due::at(due)));
            Ok(true)
        })?;
        let last = recorded.last().and_then(|(id, _)| id.id());
        let last = last.map_or(0, QueueId::raw);
        let dues = Dues {
            by_due: recorded.iter().map(|(id, due)| (*due, *id)).collect(),
            by_id: recorded
                .into_iter()
                .map(|(id, due)| (id, (due, due)))
                .collect(),
        };
        let reserved = given(index)?;
        Ok(Self {
            dues: Mutex::new(dues),
            last: AtomicU64::new(last.max(reserved)),
            reserved: AtomicU64::new(reserved),
        })
    }

    fn dues(&self) -> MutexGuard<'_, Dues> {
        self.dues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All items with their due times, by id.
    pub(crate) fn all(&self) -> Vec<(QueueId, Due)> {
        let dues = self.dues();
        let each = dues.by_id.iter();
        each.filter_map(|(id, (recorded, _))| Some((id.id()?, *recorded)))
            .collect()
    }
}

/// The number up to which numbers may have been given.
pub(crate) fn given(index: &Index) -> Result<u64, Error> {
    let value = index.get(&key::queued())?;
    value.map_or(Ok(0), |v| record::decode(&v, "queue numbers"))
}

/// The change that records numbers up to this one as given.
pub(crate) fn give(last: u64) -> Result<Op, Error> {
    Ok(Op::Put(key::queued(), record::encode(&last)?))
}

impl Dues {
    /// Records a due time, or with `None` that the item is gone; what was put off is so no more.
    fn set(&mut self, id: QueueId, due: Option<i64>) {
        let id = Half::from(id);
        if let Some((_, before)) = self.by_id.get(&id) {
            self.by_due.remove(&(*before, id));
        }
        match due.map(Due::at) {
            Some(due) => {
                self.by_id.insert(id, (due, due));
                self.by_due.insert((due, id));
            }
            None => {
                self.by_id.remove(&id);
            }
        }
    }

    fn comes_up(&self, id: QueueId) -> Option<i64> {
        let (_, comes_up) = self.by_id.get(&id.into())?;
        Some(comes_up.seconds())
    }

    /// False when there is no such item.
    fn put_off(&mut self, id: QueueId, due: i64) -> bool {
        let (id, due) = (Half::from(id), Due::at(due));
        let Some((_, comes_up)) = self.by_id.get_mut(&id) else {
            return false;
        };
        self.by_due.remove(&(*comes_up, id));
        *comes_up = due;
        self.by_due.insert((due, id));
        true
    }
}

impl Queue {
    /// Adds an item, durably. Errors: `TooLarge` (a payload over 4 MB), `NotFound` (content not staged), `Unavailable`.
    pub fn put(&self, due: i64, blob: BlobId, payload: Vec<u8>) -> Result<QueueId, Error> {
        self.put_with(due, blob, payload, |_| Ok(Vec::new()))
    }

    /// The same, with rows of tables in the same commit, which may name the item. Errors: those of `rows`, too.
    pub fn put_with(
        &self,
        due: i64,
        blob: BlobId,
        payload: Vec<u8>,
        rows: impl FnOnce(QueueId) -> Result<Vec<RowChange>, Error>,
    ) -> Result<QueueId, Error> {
        let shared = &self.store.inner.shared;
        shared.packs.locate(blob, &shared.index)?;
        let last = self.store.inner.spool.last.fetch_add(1, Ordering::Relaxed);
        let id = QueueId::new(last.wrapping_add(1)).ok_or(Error::TooLarge("queue numbers"))?;
        let reserved = &self.store.inner.spool.reserved;
        let block = id.raw().saturating_add(NUMBERS_BLOCK);
        let more = id.raw() > reserved.load(Ordering::Relaxed);
        let mut ops = table::ops(rows(id)?)?;
        if more {
            ops.push(give(block)?);
        }
        self.commit(id, Some(QueueRecord { due, blob, payload }), ops)?;
        if more {
            reserved.fetch_max(block, Ordering::Relaxed);
        }
        Ok(id)
    }

    /// Replaces due time and payload. Errors: `NotFound`, `TooLarge`.
    pub fn update(&self, id: QueueId, due: i64, payload: Vec<u8>) -> Result<(), Error> {
        self.update_with(id, due, payload, Vec::new())
    }

    /// The same, with rows of tables in the same commit.
    pub fn update_with(
        &self,
        id: QueueId,
        due: i64,
        payload: Vec<u8>,
        rows: Vec<RowChange>,
    ) -> Result<(), Error> {
        let blob = self.item(id)?.blob;
        let record = QueueRecord { due, blob, payload };
        self.commit(id, Some(record), table::ops(rows)?)
    }

    /// Lets an item come up at another time, in memory only: nothing is written, and after a restart it comes up
    /// when recorded. The next `update` ends it. Errors: `NotFound`.
    pub fn put_off(&self, id: QueueId, due: i64) -> Result<(), Error> {
        let there = self.store.inner.spool.dues().put_off(id, due);
        if there { Ok(()) } else { Err(Error::NotFound) }
    }

    /// Removes it. Errors: `NotFound`.
    pub fn remove(&self, id: QueueId) -> Result<(), Error> {
        self.remove_with(id, Vec::new())
    }

    /// The same, with rows of tables in the same commit.
    pub fn remove_with(&self, id: QueueId, rows: Vec<RowChange>) -> Result<(), Error> {
        if !self.store.inner.spool.dues().by_id.contains_key(&id.into()) {
            return Err(Error::NotFound);
        }
        self.commit(id, None, table::ops(rows)?)
    }

    /// Commits one item's change, with `ops` besides.
    fn commit(
        &self,
        id: QueueId,
        record: Option<QueueRecord>,
        mut ops: Vec<Op>,
    ) -> Result<(), Error> {
        let (due, blob) = (
            record.as_ref().map(|r| r.due),
            record.as_ref().map(|r| r.blob),
        );
        ops.push(match record {
            Some(r) if r.payload.len() > PAYLOAD_OCTETS_MAX => {
                return Err(Error::TooLarge("queue payload"));
            }
            Some(r) => Op::Put(key::queue(id), record::encode(&r)?),
            None => Op::Delete(key::queue(id)),
        });
        let spool = self.store.inner.spool.clone();
        let apply = Box::new(move || spool.dues().set(id, due));
        let blobs: Vec<_> = blob.into_iter().collect();
        self.store
            .submit(AccountId::SYSTEM, Number::System, ops, &blobs, apply)?;
        Ok(())
    }

    /// One item. Errors: `NotFound`.
    pub fn item(&self, id: QueueId) -> Result<QueueItem, Error> {
        let value = self
            .store
            .inner
            .shared
            .index
            .get(&key::queue(id))?
            .ok_or(Error::NotFound)?;
        let record: QueueRecord = record::decode(&value, "queue item")?;
        let comes_up = self.store.inner.spool.dues().comes_up(id);
        Ok(QueueItem {
            id,
            due: comes_up.unwrap_or(record.due),
            blob: record.blob,
            payload: record.payload,
        })
    }

    /// Items due at `now`, the oldest first, at most `max`.
    pub fn due(&self, now: i64, max: usize) -> Result<Vec<QueueItem>, Error> {
        self.items(&self.due_ids(now, max))
    }

    /// The same without reading them.
    pub fn due_ids(&self, now: i64, max: usize) -> Vec<QueueId> {
        let dues = self.store.inner.spool.dues();
        let due = dues
            .by_due
            .iter()
            .take_while(|(due, _)| due.seconds() <= now);
        due.filter_map(|(_, id)| id.id()).take(max).collect()
    }

    /// When the next item is due.
    pub fn next_due(&self) -> Option<i64> {
        self.store
            .inner
            .spool
            .dues()
            .by_due
            .first()
            .map(|(due, _)| due.seconds())
    }

    /// A page of items by id, after `after`.
    pub fn list(&self, after: Option<QueueId>, max: usize) -> Result<Vec<QueueItem>, Error> {
        self.items(&self.ids(after, max))
    }

    /// The same without reading them.
    pub fn ids(&self, after: Option<QueueId>, max: usize) -> Vec<QueueId> {
        let from = after.map_or(Bound::Unbounded, |id| Bound::Excluded(Half::from(id)));
        let dues = self.store.inner.spool.dues();
        let following = dues.by_id.range((from, Bound::Unbounded));
        following.filter_map(|(id, _)| id.id()).take(max).collect()
    }

    /// Those of them that are still there.
    fn items(&self, ids: &[QueueId]) -> Result<Vec<QueueItem>, Error> {
        let items = ids.iter().map(|id| self.item(*id));
        items
            .filter(|i| !matches!(i, Err(Error::NotFound)))
            .collect()
    }

    /// The highest number that was given as far as memory knows.
    pub(crate) fn last_given(&self) -> u64 {
        self.store.inner.spool.last.load(Ordering::Relaxed)
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.store.inner.spool.dues().by_id.len()
    }
}
