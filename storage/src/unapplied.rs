//! Commits that are durable and not wholly applied to the index yet.
//!
//! The journal's thread applies what it made durable, a group at a time. A commit of very many keys, such as the copy of
//! a large mailbox, would keep all other accounts waiting meanwhile. So it is applied *apart*: by the thread that asked for
//! it, a slice at a time, and between two slices the journal's thread goes first. It is still one commit: one record of
//! the journal, there whole or not at all; readers of its account see it when all of it is applied; then it is announced,
//! and only then acknowledged.
//!
//! Only a commit that changes nothing but keys of its own account goes this way. No other commit changes the same keys
//! before it is acknowledged: the account's one writer waits, and what is committed beside him (uploads,
//! what upkeep trims) has keys of its own. So later commits may reach the index before it is through, and replay, which goes
//! in the journal's order, gives the same index.
//!
//! Nothing may say that all is applied up to a place before that is so: the checkpoint, whoever asks for a place, and
//! the end of the store wait for what is under way there.

use crate::commit::{Sealed, Shared};
use crate::index::Op;
use crate::{AccountId, BlobId, Error, ModSeq};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Changes, and their octets, of one slice: some milliseconds' work.
const SLICE: usize = 256;
const SLICE_OCTETS: usize = 256 * 1024;

/// Who is told of a place.
type Asked = SyncSender<Result<Sealed, Error>>;

/// See the module.
pub(crate) struct Unapplied {
    /// Changes of one commit from which on it is applied apart.
    pub apart: usize,
    inside: Mutex<Inside>,
    changed: Condvar,
}

#[derive(Default)]
struct Inside {
    /// Number of the next one.
    next: u64,
    /// Those under way.
    open: BTreeSet<u64>,
    /// Who is told a place when all before a mark are through.
    waiting: Vec<(Mark, Asked, Sealed)>,
    /// The journal's thread writes to the index, or wants to.
    wanted: bool,
}

/// All that were begun before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark(u64);

/// One that is under way. Dropped before it is through, the index has not what the journal has: then the store is
/// stopped, and the next start makes the index anew.
pub(crate) struct Ticket {
    shared: Arc<Shared>,
    number: u64,
    through: bool,
}

/// The index belongs to the journal's thread as long as this is kept.
pub(crate) struct First<'a>(&'a Unapplied);

impl From<u32> for Unapplied {
    fn from(apart: u32) -> Self {
        Self {
            apart: apart as usize,
            inside: Mutex::default(),
            changed: Condvar::new(),
        }
    }
}

impl Unapplied {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, inside: MutexGuard<'a, Inside>) -> MutexGuard<'a, Inside> {
        let waited = self.changed.wait(inside);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    /// For the journal's thread: slices wait.
    pub(crate) fn first(&self) -> First<'_> {
        self.lock().wanted = true;
        First(self)
    }

    /// For slices: waits until the journal's thread does not want the index.
    fn after_others(&self) {
        let mut inside = self.lock();
        while inside.wanted {
            inside = self.wait(inside);
        }
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark(self.lock().next)
    }

    /// Waits until all before the mark are through.
    pub(crate) fn wait_until(&self, mark: Mark) {
        let mut inside = self.lock();
        while !inside.is_through(mark) {
            inside = self.wait(inside);
        }
    }

    /// Tells the place when all that were begun until now are through.
    pub(crate) fn tell(&self, done: Asked, place: Sealed) {
        let mut inside = self.lock();
        let mark = Mark(inside.next);
        inside.waiting.push((mark, done, place));
        inside.tell();
    }
}

impl Inside {
    fn is_through(&self, mark: Mark) -> bool {
        self.open.first().is_none_or(|first| *first >= mark.0)
    }

    fn tell(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        for (mark, done, place) in waiting {
            match self.is_through(mark) {
                // Who asked and went away does not want to know.
                true => drop(done.send(Ok(place))),
                false => self.waiting.push((mark, done, place)),
            }
        }
    }
}

impl Drop for First<'_> {
    fn drop(&mut self) {
        self.0.lock().wanted = false;
        self.0.changed.notify_all();
    }
}

impl Ticket {
    pub(crate) fn begin(shared: &Arc<Shared>) -> Self {
        let mut inside = shared.unapplied.lock();
        let number = inside.next;
        inside.next += 1;
        inside.open.insert(number);
        drop(inside);
        Self {
            shared: shared.clone(),
            number,
            through: false,
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.through {
            tracing::error!("a commit was not applied; restart to rebuild the index");
            self.shared.index.suspect();
            self.shared.stopped.store(true, Ordering::SeqCst);
        }
        let unapplied = &self.shared.unapplied;
        let mut inside = unapplied.lock();
        inside.open.remove(&self.number);
        inside.tell();
        drop(inside);
        unapplied.changed.notify_all();
    }
}

/// What is left to do of a commit whose keys are in the index.
pub(crate) struct Shown {
    pub account: AccountId,
    /// `None` when nobody follows it.
    pub announced: Option<ModSeq>,
    pub modseq: ModSeq,
    pub blobs: Vec<BlobId>,
    pub apply: Box<dyn FnOnce() + Send>,
}

impl Shown {
    /// Shows it to readers and announces it (I-02).
    pub(crate) fn show(self, shared: &Shared) -> ModSeq {
        shared.packs.settle(&self.blobs);
        (self.apply)();
        if let Some(modseq) = &self.announced {
            shared.search.touch(self.account);
            shared.subscribers.tell(self.account, modseq);
        }
        self.modseq
    }
}

/// What is left to do of a durable commit that is applied apart.
pub(crate) struct Rest {
    pub ticket: Ticket,
    pub ops: Vec<Op>,
    pub shown: Shown,
}

impl Rest {
    /// Does it.
    pub(crate) fn finish(mut self) -> ModSeq {
        let shared = self.ticket.shared.clone();
        if let Err(e) = write(&shared, std::mem::take(&mut self.ops)) {
            // As in a group: it is durable, and the next start repairs the index from the journal.
            tracing::error!(error = %e, "the index cannot be written; restart to rebuild it");
            shared.stopped.store(true, Ordering::SeqCst);
        }
        let modseq = self.shown.show(&shared);
        self.ticket.through = true;
        modseq
    }
}

fn write(shared: &Shared, ops: Vec<Op>) -> Result<(), Error> {
    let mut ops = ops.into_iter().peekable();
    while ops.peek().is_some() {
        let (mut slice, mut octets) = (Vec::with_capacity(SLICE), 0);
        while slice.len() < SLICE && octets < SLICE_OCTETS {
            let Some(op) = ops.next() else { break };
            octets += op.octets();
            slice.push(op);
        }
        let others = || shared.unapplied.after_others();
        shared.index.write_after(slice, &others)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::commit::{Number, Order};
    use crate::record::{self, Delivered};
    use crate::{EngineKind, Options, Sizes, Store, ThreadId, key};
    use std::path::Path;
    use std::sync::mpsc::{Receiver, sync_channel};
    use std::thread::{ScopedJoinHandle, scope};

    const KEYS: u64 = 1_000;

    fn options(dir: &Path) -> Options {
        Options {
            dir: dir.to_owned(),
            cache_bytes: 4 << 20,
            boot_id: Some("boot".into()),
            sizes: Sizes {
                checkpoint: 2_000,
                ahead: 0,
                apart: 100,
                ..Sizes::default()
            },
            ..Options::default()
        }
    }

    fn account() -> AccountId {
        AccountId::new(2).unwrap()
    }

    fn large() -> Vec<Op> {
        let delivered = Delivered {
            email: crate::EmailId::FIRST,
            thread: ThreadId::FIRST,
            uids: Vec::new(),
        };
        let value = record::encode(&delivered).unwrap();
        let put = |n| Op::Put(key::delivered(account(), n), value.clone());
        (0..KEYS).map(put).collect()
    }

    fn has_all(store: &Store) -> bool {
        let index = &store.inner.shared.index;
        large()
            .iter()
            .all(|op| index.get(op.key()).unwrap().is_some())
    }

    fn put(store: &Store, number: u64) {
        let row = Some(number.to_le_bytes().repeat(20));
        store.table("t").put(b"row", row).unwrap();
    }

    /// Begins a large commit in a thread; returns when all of its keys are in the index and nobody has seen it yet. It
    /// ends when the sender goes.
    fn begun<'scope>(
        scope: &'scope std::thread::Scope<'scope, '_>,
        store: &'scope Store,
    ) -> (ScopedJoinHandle<'scope, ModSeq>, SyncSender<()>) {
        let (told, is_there) = sync_channel(1);
        let (go, may_go): (_, Receiver<()>) = sync_channel(0);
        let apply = Box::new(move || {
            told.send(()).unwrap();
            let _ = may_go.recv();
        });
        let submit = move || store.submit(account(), Number::None, large(), &[], apply);
        let thread = scope.spawn(move || submit().unwrap());
        is_there.recv().unwrap();
        (thread, go)
    }

    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let own = to.join(path.file_name().unwrap());
            match path.is_dir() {
                true => copy(&path, &own),
                false => drop(std::fs::copy(&path, &own).unwrap()),
            }
        }
    }

    #[test]
    fn others_commit_while_a_large_one_is_applied_and_nothing_says_that_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let options = options(&dir.path().join("store"));
        let store = Store::open(&options).unwrap();
        put(&store, 0);
        store.place(true).unwrap();
        let owner = store.inner.shared.snapshots.folder.owner;
        let before = Checkpoint::read(&options.dir, owner).unwrap().unwrap();
        scope(|scope| {
            let (thread, go) = begun(scope, &store);
            (1..100).for_each(|number| put(&store, number));
            let (done, told) = sync_channel(1);
            let order = Order::Place { seal: false, done };
            store.inner.orders.as_ref().unwrap().send(order).unwrap();
            put(&store, 100);
            assert!(told.try_recv().is_err(), "it is not all applied");
            let now = Checkpoint::read(&options.dir, owner).unwrap().unwrap();
            assert_eq!(now.position, before.position, "a crash would lose it");
            // As after a crash here.
            let other = Options {
                dir: dir.path().join("copy"),
                ..options.clone()
            };
            copy(&options.dir, &other.dir);
            let crashed = Store::open(&other).unwrap();
            assert!(has_all(&crashed));
            assert_eq!(crashed.check().unwrap(), Vec::<String>::new());
            drop(go);
            thread.join().unwrap();
            told.recv().unwrap().unwrap();
        });
        put(&store, 101);
        store.place(true).unwrap();
        let after = Checkpoint::read(&options.dir, owner).unwrap().unwrap();
        assert!(after.position > before.position);
        assert!(has_all(&store));
        let whole = store.fingerprint().unwrap();
        store.close().unwrap();
        drop(store);
        let store = Store::open(&options).unwrap();
        assert_eq!(store.fingerprint().unwrap(), whole);
    }

    #[test]
    fn a_stop_waits_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let options = options(dir.path());
        let store = Store::open(&options).unwrap();
        scope(|scope| {
            let (thread, go) = begun(scope, &store);
            let (done, told) = sync_channel(1);
            let orders = store.inner.orders.as_ref().unwrap();
            orders.send(Order::Close(done)).unwrap();
            let soon = std::time::Duration::from_millis(50);
            assert!(told.recv_timeout(soon).is_err(), "stopped in the middle");
            drop(go);
            thread.join().unwrap();
            told.recv().unwrap().unwrap();
        });
        drop(store);
        let store = Store::open(&options).unwrap();
        assert!(has_all(&store) && store.inner.rebuilt.is_none());
    }

    /// Whoever applies it may fail in the middle: it is durable, so the next start has it.
    #[test]
    fn one_that_nobody_ends_is_applied_by_the_next_start() {
        for engine in [EngineKind::Sled, EngineKind::Memory] {
            let dir = tempfile::tempdir().unwrap();
            let options = Options {
                engine,
                ..options(dir.path())
            };
            let store = Store::open(&options).unwrap();
            let ended = scope(|scope| {
                let apply = Box::new(|| panic!("a test's panic"));
                let submit = || store.submit(account(), Number::None, large(), &[], apply);
                scope.spawn(submit).join()
            });
            assert!(ended.is_err());
            let refused = store.table("t").put(b"row", Some(vec![1]));
            assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
            // It does not hang, and does not say that all is well.
            assert!(store.close().is_err());
            drop(store);
            let store = Store::open(&options).unwrap();
            assert!(store.inner.rebuilt.is_some() && has_all(&store));
            assert_eq!(store.check().unwrap(), Vec::<String>::new());
        }
    }
}
