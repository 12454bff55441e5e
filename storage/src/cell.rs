//! One account while it is in use: its states, its threads, its one writer; and the bounded cache
//! of such accounts.

use crate::hot::{Delta, Hot};
use crate::index::Index;
use crate::record::{self, Meta, Row};
use crate::thread::Threads;
use crate::{AccountId, EmailId, Error, MailboxId, ThreadId, count, key};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};

/// What an account without messages weighs in the cache, in messages.
const CELL_WEIGHT: u64 = 16;

/// An account heavier than this part of the cache takes long to read anew, so it is counted apart: who works in a mailbox
/// of hundreds of thousands of letters is not to wait for it with each command, nor are others for theirs.
const HEAVY_PART: u64 = 4;
/// Heavy accounts may be so many times what the cache is to hold of the others.
const HEAVY_SHARE: u64 = 3;
/// A heavy account that is not among the last so many uses of accounts, minutes where a server is busy, must fit in with
/// the others.
const FRESH_USES: u64 = 100_000;
/// Uses after which that is looked at again.
const LOOK_EVERY: u64 = 1_024;

/// See the module. There is at most one cell of an account while anybody uses it.
pub(crate) struct Cell {
    id: AccountId,
    hot: RwLock<Option<Arc<Hot>>>,
    /// Changed together with `hot`, under this lock.
    threads: Mutex<Threads>,
    writing: Mutex<bool>,
    freed: Condvar,
    weight: AtomicU64,
    used: AtomicU64,
}

/// The right to write one account; given back when dropped.
pub(crate) struct Turn {
    pub cell: Arc<Cell>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        *self
            .cell
            .writing
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = false;
        self.cell.freed.notify_one();
    }
}

impl Cell {
    fn new(id: AccountId) -> Self {
        Self {
            id,
            hot: RwLock::new(None),
            threads: Mutex::default(),
            writing: Mutex::new(false),
            freed: Condvar::new(),
            weight: AtomicU64::new(0),
            used: AtomicU64::new(0),
        }
    }

    /// Waits until no other writer is at this account.
    pub(crate) fn turn(self: &Arc<Self>) -> Turn {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        while *writing {
            writing = self
                .freed
                .wait(writing)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *writing = true;
        Turn { cell: self.clone() }
    }

    fn threads(&self) -> MutexGuard<'_, Threads> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> Option<Arc<Hot>> {
        self.hot
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn load(&self, index: &Index) -> Result<Arc<Hot>, Error> {
        let mut threads = self.threads();
        if let Some(hot) = self.seen() {
            return Ok(hot);
        }
        let (hot, loaded) = load(self.id, index)?;
        let hot = Arc::new(hot);
        *threads = loaded;
        *self.hot.write().unwrap_or_else(PoisonError::into_inner) = Some(hot.clone());
        Ok(hot)
    }

    /// The messages of a thread together with the state they are in.
    pub(crate) fn thread(&self, thread: ThreadId) -> Option<(Arc<Hot>, Vec<EmailId>)> {
        let threads = self.threads();
        let hot = self.seen()?;
        let members = threads.members(thread, &hot);
        Some((hot, members))
    }

    /// The messages of a thread before a batch.
    pub(crate) fn members(&self, thread: ThreadId, hot: &Hot) -> Vec<EmailId> {
        self.threads().members(thread, hot)
    }

    /// The thread for a message with these hashes, and how many messages it has.
    pub(crate) fn find_thread(
        &self,
        ids: &[u64],
        has_room: &dyn Fn(ThreadId, usize) -> bool,
    ) -> Option<ThreadId> {
        let threads = self.threads();
        threads.find(ids, |t| has_room(t, threads.size(t)))
    }
}

/// Reads an account from the index, and counts.
pub(crate) fn load(id: AccountId, index: &Index) -> Result<(Hot, Threads), Error> {
    let meta = match index.get(&key::meta(id))? {
        Some(value) => record::decode::<Meta>(&value, "account")?,
        None => Meta::UNTOUCHED,
    };
    let (mut hot, mut threads) = (Hot::new(meta), Threads::default());
    let strange = || Error::Corrupt("a key of the index cannot be read".into());
    let boxes = key::kind(id, key::MAILBOX);
    index.scan(&boxes, &boxes, &mut |key, value| {
        let raw = key
            .get(key::HEAD..)
            .and_then(|k| k.try_into().ok())
            .map(u32::from_be_bytes);
        let mailbox = raw.and_then(MailboxId::new).ok_or_else(strange)?;
        hot.load_box(mailbox, record::decode(value, "mailbox")?);
        Ok(true)
    })?;
    let states = key::kind(id, key::STATE);
    index.scan(&states, &states, &mut |key, value| {
        let email = key::number_of(key)
            .and_then(EmailId::new)
            .ok_or_else(strange)?;
        let row = record::decode_row(email, value)?;
        hot.load(&row);
        threads.add(&row, first_lives(&row, &hot));
        Ok(true)
    })?;
    hot.settle();
    for (mailbox, counts) in count::all(&hot) {
        hot.set_counts(mailbox, counts);
    }
    Ok((hot, threads))
}

fn first_lives(row: &Row, hot: &Hot) -> bool {
    let first = EmailId::new(row.state.thread.raw());
    let first = first.and_then(|e| hot.weighed(e));
    first.is_some_and(|w| w.thread == row.state.thread)
}

/// The accounts in use, bounded by the messages they hold.
pub(crate) struct Cells {
    map: Mutex<HashMap<AccountId, Arc<Cell>>>,
    clock: AtomicU64,
    /// All of it, and what of it are heavy accounts.
    weight: AtomicU64,
    heavy: AtomicU64,
    weight_max: u64,
}

impl Cells {
    pub(crate) fn new(weight_max: u64) -> Self {
        Self {
            map: Mutex::default(),
            clock: AtomicU64::new(0),
            weight: AtomicU64::new(0),
            heavy: AtomicU64::new(0),
            weight_max,
        }
    }

    fn map(&self) -> MutexGuard<'_, HashMap<AccountId, Arc<Cell>>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The account's cell and its state now.
    pub(crate) fn open(
        &self,
        id: AccountId,
        index: &Index,
    ) -> Result<(Arc<Cell>, Arc<Hot>), Error> {
        let cell = self
            .map()
            .entry(id)
            .or_insert_with(|| Arc::new(Cell::new(id)))
            .clone();
        cell.used.store(
            self.clock.fetch_add(1, Ordering::Relaxed),
            Ordering::Relaxed,
        );
        if let Some(hot) = cell.seen() {
            // Accounts also grow while they are here.
            self.make_room();
            return Ok((cell, hot));
        }
        let hot = index.noted(cell.load(index))?;
        self.weigh(&cell, hot.messages);
        self.make_room();
        Ok((cell, hot))
    }

    /// What is in the cache, without loading.
    pub(crate) fn peek(&self, id: AccountId) -> Option<Arc<Hot>> {
        self.map().get(&id).and_then(|c| c.seen())
    }

    /// Forgets what is known of an account that nobody writes: its rows were changed behind its back.
    pub(crate) fn forget(&self, id: AccountId) {
        if let Some(cell) = self.map().remove(&id) {
            self.reckon(cell.weight.load(Ordering::Relaxed), 0);
        }
    }

    /// Lets an account go that nobody uses, as [`Cells::make_room`] does: for who looked at it once and was the only one.
    pub(crate) fn let_go(&self, id: AccountId) {
        let mut map = self.map();
        // Only the map holds it: nobody reads, writes or loads it, and nobody can begin to.
        let idle = map.get(&id).filter(|cell| Arc::strong_count(cell) == 1);
        if let Some(weight) = idle.map(|cell| cell.weight.load(Ordering::Relaxed)) {
            map.remove(&id);
            self.reckon(weight, 0);
        }
    }

    fn weigh(&self, cell: &Cell, messages: u64) {
        let weight = messages + CELL_WEIGHT;
        self.reckon(cell.weight.swap(weight, Ordering::Relaxed), weight);
    }

    /// An account weighed so much and weighs so much now.
    fn reckon(&self, before: u64, after: u64) {
        self.weight.fetch_add(after, Ordering::Relaxed);
        self.weight.fetch_sub(before, Ordering::Relaxed);
        let part = |weight| if self.is_heavy(weight) { weight } else { 0 };
        self.heavy.fetch_add(part(after), Ordering::Relaxed);
        self.heavy.fetch_sub(part(before), Ordering::Relaxed);
    }

    fn is_heavy(&self, weight: u64) -> bool {
        weight > self.weight_max / HEAVY_PART
    }

    /// Light accounts, heavy accounts.
    fn loads(&self) -> (u64, u64) {
        let heavy = self.heavy.load(Ordering::Relaxed);
        let all = self.weight.load(Ordering::Relaxed);
        (all.saturating_sub(heavy), heavy)
    }

    /// Drops the accounts that were not used for longest: light ones until a tenth is free, heavy ones until they are
    /// within their bound and those that nobody uses any more.
    fn make_room(&self) {
        let (light, heavy) = self.loads();
        let heavy_max = self.weight_max.saturating_mul(HEAVY_SHARE);
        let used = self.clock.load(Ordering::Relaxed);
        let crowded = light + heavy > self.weight_max && heavy > 0;
        let looks = crowded && used.is_multiple_of(LOOK_EVERY);
        if light <= self.weight_max && heavy <= heavy_max && !looks {
            return;
        }
        let light_max = match light > self.weight_max {
            true => self.weight_max / 10 * 9,
            false => self.weight_max,
        };
        let fresh = used.saturating_sub(FRESH_USES);
        let mut map = self.map();
        // Only the map holds these: nobody reads, writes or loads them, and nobody can begin to.
        let idle = map.iter().filter(|(_, c)| Arc::strong_count(c) == 1);
        let mut idle: Vec<_> = idle
            .map(|(id, c)| (c.used.load(Ordering::Relaxed), *id))
            .collect();
        idle.sort_unstable();
        for (used, id) in idle {
            let own = map.get(&id).map_or(0, |c| c.weight.load(Ordering::Relaxed));
            let (light, heavy) = self.loads();
            let goes = match self.is_heavy(own) {
                true => heavy > heavy_max || used < fresh && light + heavy > self.weight_max,
                false => light > light_max,
            };
            if goes && map.remove(&id).is_some() {
                self.reckon(own, 0);
            }
        }
    }

    /// Takes over a durable commit. Readers see it from here on.
    pub(crate) fn apply(&self, cell: &Cell, meta: Meta, delta: Delta) {
        let mut threads = cell.threads();
        let Some(mut hot) = cell.seen() else { return };
        let mut gone = Vec::new();
        let mut come = Vec::new();
        for (email, row) in &delta.rows {
            match (hot.weighed(*email).is_some(), row) {
                (true, None) => gone.extend(hot.row(*email)),
                (false, Some(_)) => come.push(*email),
                _ => {}
            }
        }
        {
            let mut slot = cell.hot.write().unwrap_or_else(PoisonError::into_inner);
            // Without the cell's own handle, the state is copied only when a reader still has it.
            *slot = None;
            Arc::make_mut(&mut hot).apply(meta, delta);
            for row in &gone {
                let members = threads.members(row.state.thread, &hot);
                let others: Vec<u64> = members
                    .iter()
                    .filter_map(|e| hot.row(*e))
                    .flat_map(|r| r.ids)
                    .collect();
                threads.remove(row, &others);
            }
            for row in come.into_iter().filter_map(|email| hot.row(email)) {
                threads.add(&row, first_lives(&row, &hot));
            }
            *slot = Some(hot.clone());
        }
        self.weigh(cell, hot.messages);
    }
}

#[cfg(test)]
mod tests {
    use crate::*;

    fn append(store: &Store, account: u32) {
        let account = store.account(AccountId::new(account).unwrap());
        let inbox = account.by_role(Role::Inbox).unwrap().map(|m| m.id);
        let mut writer = account.write().unwrap();
        let new = NewMailbox {
            parent: None,
            name: "INBOX".into(),
            role: Some(Role::Inbox),
            subscribed: true,
            sort_order: 0,
        };
        let mailbox = inbox.unwrap_or_else(|| writer.create_mailbox(new).unwrap());
        for letter in 0..10 {
            let append = Append {
                blob: account.put_blob(b"x\r\n").unwrap(),
                summary: &formats::message::summarize(b"x\r\n"),
                received_at: letter,
                keywords: Vec::new(),
                mailboxes: vec![mailbox],
                delivery: None,
            };
            writer.append(append).unwrap();
        }
        writer.commit().unwrap();
    }

    /// Accounts that were loaded empty and grew side by side are dropped too.
    #[test]
    fn accounts_that_grow_stay_within_the_bound() {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            dir: dir.path().join("store"),
            engine: EngineKind::Memory,
            hot_messages_max: 400,
            ..Options::default()
        };
        let store = Store::open(&options).unwrap();
        for _ in 0..8 {
            (2..10).for_each(|account| append(&store, account));
        }
        let weight = store.inner.cells.weight.load(super::Ordering::Relaxed);
        assert!(weight <= 400 + 100, "{weight}");
        assert_eq!(store.check().unwrap(), Vec::<String>::new());
    }

    /// A mailbox larger than all of the cache is not read anew for each command, and light ones beside it still go.
    #[test]
    fn a_heavy_account_in_use_stays() {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            dir: dir.path().join("store"),
            engine: EngineKind::Memory,
            hot_messages_max: 400,
            ..Options::default()
        };
        let store = Store::open(&options).unwrap();
        let cells = &store.inner.cells;
        let is_hot = |account| cells.peek(AccountId::new(account).unwrap()).is_some();
        (0..70).for_each(|_| append(&store, 2));
        (3..20).for_each(|account| append(&store, account));
        assert!(is_hot(2), "the heavy one");
        let light = (3..20).filter(|account| is_hot(*account)).count();
        assert!((2..17).contains(&light), "{light} light ones");
        // Two heavy ones are more than they may be: the one that was not used for longest goes.
        (0..70).for_each(|_| append(&store, 30));
        append(&store, 3);
        assert!(!is_hot(2) && is_hot(30), "two heavy ones");
        let uses = super::FRESH_USES + super::LOOK_EVERY;
        cells.clock.fetch_add(uses, super::Ordering::Relaxed);
        (0..super::LOOK_EVERY)
            .for_each(|_| drop(store.account(AccountId::new(3).unwrap()).mailboxes()));
        assert!(!is_hot(30), "nobody uses it any more");
    }
}
