//! Subscriptions in memory and on disk: all are known, since a change of any account may be one's news.

use super::{MADE_PER_HOUR_MAX, PUSHES_MAX, Push, PushId, PushTold};
use crate::fact::{account_key, decode, encode, table};
use crate::open::each;
use crate::{AccountId, Directory};
use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use storage::{RowChange, Store};

const HOUR_S: i64 = 3_600;
/// Accounts of which it is remembered how many they made in this hour; then all are forgotten.
const COUNTED_MAX: usize = 100_000;

/// Called with what was made, changed or removed.
type Told = Arc<dyn Fn(PushId) + Send + Sync>;

/// Every subscription, and who is told of them.
#[derive(Default)]
pub(crate) struct Pushes {
    book: Mutex<BTreeMap<PushId, Push>>,
    /// By account: the hour, and how many in it.
    made: Mutex<HashMap<AccountId, (i64, u32)>>,
    told: RwLock<Option<Told>>,
}

/// Account first: those of an account lie together.
fn key(id: PushId) -> Vec<u8> {
    let mut key = account_key(id.account);
    key.extend_from_slice(&id.number.to_be_bytes());
    key
}

/// The reverse of `key`.
fn id_of(key: &[u8]) -> Option<PushId> {
    let (account, number) = key.split_first_chunk::<4>()?;
    Some(PushId {
        account: AccountId::new(u32::from_be_bytes(*account))?,
        number: u64::from_be_bytes(number.try_into().ok()?),
    })
}

fn row(table: &'static str, id: PushId, value: Option<Vec<u8>>) -> RowChange {
    RowChange {
        table,
        key: key(id),
        value,
    }
}

fn of(account: AccountId) -> RangeInclusive<PushId> {
    let at = |number| PushId { account, number };
    at(0)..=at(u64::MAX)
}

impl Pushes {
    /// Those of the store; how far one was told that is there no more goes.
    pub(crate) fn load(store: &Store) -> Result<Self, storage::Error> {
        let mut book = BTreeMap::new();
        each(store, table::PUSH, &mut |key, value| {
            let odd = || storage::Error::Corrupt("directory.push: a key of odd length".into());
            book.insert(id_of(key).ok_or_else(odd)?, decode(table::PUSH, value)?);
            Ok(())
        })?;
        let mut stale = Vec::new();
        each(store, table::PUSH_TOLD, &mut |key, _| {
            let id = id_of(key).filter(|id| book.contains_key(id));
            if id.is_none() {
                stale.push(RowChange {
                    table: table::PUSH_TOLD,
                    key: key.to_vec(),
                    value: None,
                });
            }
            Ok(())
        })?;
        if !stale.is_empty() {
            store.commit_rows(stale)?;
        }
        Ok(Self {
            book: Mutex::new(book),
            ..Self::default()
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PushId, Push>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn one(&self, id: PushId) -> Option<Push> {
        self.lock().get(&id).cloned()
    }

    /// Those of an account, by number.
    pub(super) fn of(&self, account: AccountId) -> Vec<(u64, Push)> {
        let book = self.lock();
        let all = book.range(of(account)).take(PUSHES_MAX);
        all.map(|(id, push)| (id.number, push.clone())).collect()
    }

    pub(super) fn which(&self, fits: impl Fn(&PushId, &Push) -> bool) -> Vec<PushId> {
        let book = self.lock();
        let all = book.iter().filter(|(id, push)| fits(id, push));
        all.map(|(id, _)| *id).collect()
    }

    /// Counts one that is made; false when there were enough in this hour.
    pub(super) fn may_make(&self, account: AccountId, now: i64) -> bool {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = now.div_euclid(HOUR_S);
        if made.len() >= COUNTED_MAX {
            made.clear();
        }
        let count = made.entry(account).or_insert((hour, 0));
        if count.0 != hour {
            *count = (hour, 0);
        }
        count.1 += 1;
        count.1 <= MADE_PER_HOUR_MAX
    }

    fn tell(&self, id: PushId) {
        let told = self.told.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(told) = told.as_ref() {
            told(id);
        }
    }
}

impl Directory {
    /// Calls `told` with each subscription that is made, changed or removed from now on; it must only make a note.
    pub fn on_push(&self, told: Arc<dyn Fn(PushId) + Send + Sync>) {
        let pushes = &self.inner.pushes;
        let mut place = pushes.told.write().unwrap_or_else(PoisonError::into_inner);
        *place = Some(told);
    }

    /// All of them.
    pub fn pushes(&self) -> Vec<PushId> {
        self.inner.pushes.lock().keys().copied().collect()
    }

    /// With how far it was told, where that is to be kept too.
    pub(super) fn keep_push(
        &self,
        id: PushId,
        push: Push,
        told: Option<&PushTold>,
    ) -> Result<(), storage::Error> {
        let mut rows = vec![row(table::PUSH, id, Some(encode(&push)?))];
        if let Some(told) = told {
            rows.push(row(table::PUSH_TOLD, id, Some(encode(told)?)));
        }
        self.inner.store.commit_rows(rows)?;
        self.inner.pushes.lock().insert(id, push);
        self.inner.pushes.tell(id);
        Ok(())
    }

    pub(super) fn drop_push(&self, id: PushId) -> Result<(), storage::Error> {
        if self.inner.pushes.one(id).is_none() {
            return Ok(());
        }
        let rows = vec![row(table::PUSH, id, None), row(table::PUSH_TOLD, id, None)];
        self.inner.store.commit_rows(rows)?;
        self.inner.pushes.lock().remove(&id);
        self.inner.pushes.tell(id);
        Ok(())
    }

    /// Up to where it was told; `None`: nothing is known of it.
    pub fn push_told(&self, id: PushId) -> Result<Option<PushTold>, storage::Error> {
        let row = self.inner.store.table(table::PUSH_TOLD).row(&key(id))?;
        row.map(|value| decode(table::PUSH_TOLD, &value))
            .transpose()
    }

    /// The same, written behind the caller's back: what is lost of it is told twice.
    pub fn keep_push_told(&self, id: PushId, told: &PushTold) {
        if let Ok(value) = encode(told) {
            let row = row(table::PUSH_TOLD, id, Some(value));
            self.inner.lazy.put(row);
        }
    }
}
