//! Store: opens the folder, replays the journal, hands out accounts, queue and tables.

use crate::cell::Cells;
use crate::change::Subscribers;
use crate::checkpoint::Checkpoint;
use crate::commit::{self, Committer, Number, Order, Shared};
use crate::damage::Damages;
use crate::error::Cure;
use crate::format::Found;
use crate::harm::{Ailing, Spot};
use crate::index::{Index, Op};
use crate::journal::{Journal, Lineage, Position};
use crate::owner::Owner;
use crate::pack::Packs;
use crate::queue::Spool;
use crate::quota::Ledger;
use crate::recover::Recovered;
use crate::seal::{KeyId, Keys};
use crate::search::Search;
use crate::snapshot::Snapshots;
use crate::summaries::Summaries;
use crate::unapplied::Unapplied;
use crate::*;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Engine cache unless told otherwise, octets: with it the memory aimed at is held (tests/bench/RESULTS.md).
pub const CACHE_OCTETS: u64 = 64 * 1024 * 1024;
/// Octets of the disk that stay free unless told otherwise: the engine cannot go on after a
/// failed write, so the disk must never be full for it.
const RESERVE_OCTETS: u64 = 32 * 1024 * 1024;
/// Messages of hot accounts kept in memory unless told otherwise; some 400 octets each (measured).
pub const HOT_MESSAGES: u64 = 150_000;
/// The random start of UidValidity lies below this, so that counting on never ends.
const UID_VALIDITY_START_MAX: u32 = 1 << 30;

/// Which embedded engine shadows the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub enum EngineKind {
    #[default]
    Sled,
    /// For tests: keeps nothing, and is made anew from the journal at each start.
    Memory,
    Fjall,
}

impl EngineKind {
    /// All that an operator may choose.
    pub const ON_DISK: [Self; 2] = [Self::Sled, Self::Fjall];

    /// Its name in configuration and on the disk, fixed for ever.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sled => "sled",
            Self::Memory => "memory",
            Self::Fjall => "fjall",
        }
    }

    /// The engine of this name.
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Sled, Self::Memory, Self::Fjall];
        all.into_iter().find(|kind| kind.name() == name)
    }
}

/// How large files grow, octets. Changing them later is fine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Sizes {
    /// A new segment of the journal is begun when one has grown over this.
    pub segment: u64,
    /// A pack is sealed when it has grown over this.
    pub pack: u64,
    /// Journal written between two flushes of the engine; what a start after a crash replays.
    pub checkpoint: u64,
    /// Zeros laid ahead of the journal's end; 0 for none.
    pub ahead: u64,
    /// Full segments of the journal that are gathered before a snapshot covers them.
    pub sealed: u32,
    /// Keys and values that a snapshot sorts in memory; more go through files.
    pub sort: u64,
    /// Changes of one commit from which on it is applied beside the others, so that they need not wait for it.
    pub apart: u32,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            segment: 64 << 20,
            pack: 256 << 20,
            checkpoint: 128 << 20,
            ahead: 4 << 20,
            sealed: 4,
            sort: 16 << 20,
            apart: 1_024,
        }
    }
}

/// How to open a store.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Options {
    pub dir: PathBuf,
    pub engine: EngineKind,
    /// Engine cache, octets.
    pub cache_bytes: u64,
    /// Octets of the disk that are left free: under it writes are refused.
    pub reserve_bytes: u64,
    pub sizes: Sizes,
    /// Messages of hot accounts kept in memory.
    pub hot_messages_max: u64,
    /// The machine's boot (Linux: `/proc/sys/kernel/random/boot_id`). Where it is unknown or
    /// another one after an unclean stop, the index is rebuilt.
    pub boot_id: Option<String>,
    /// Where the master key of an encrypted store comes from.
    pub keys: KeySource,
    /// The real disk, or one of the tests'.
    pub disk: Disk,
    /// What tells the time of each commit.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            dir: PathBuf::new(),
            engine: EngineKind::Sled,
            cache_bytes: CACHE_OCTETS,
            reserve_bytes: RESERVE_OCTETS,
            sizes: Sizes::default(),
            hot_messages_max: HOT_MESSAGES,
            boot_id: None,
            keys: KeySource::None,
            disk: Disk::default(),
            clock: Clock::default(),
        }
    }
}

/// For what a store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    Usual,
    /// To make the index anew.
    Anew,
    /// By the repair itself: the same, although the repair has not ended.
    Repair,
}

/// The whole store; cheap to clone. One process at a time: the folder is locked.
///
/// Dropping the last handle (queue, table and account handles count) without [`Store::close`] is
/// as a crash: nothing acknowledged is lost, the next start replays.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub shared: Arc<Shared>,
    pub cells: Arc<Cells>,
    pub spool: Arc<Spool>,
    /// Held while an account's log is trimmed, and by whoever needs that none is.
    trimming: Mutex<()>,
    pub ledger: Ledger,
    /// UidValidity of a mailbox is this plus its id.
    pub uid_validity_start: u32,
    /// What the clock is compared with at the first upkeep of the store ([`maintain::newest`]).
    pub newest_s: Option<i64>,
    /// Whether this start made the index anew.
    pub rebuilt: Option<Reindexed>,
    pub(crate) orders: Option<SyncSender<Order>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Locked as long as the store is open.
    _lock: File,
}

impl Inner {
    /// Keeps all logs as they are until it is dropped.
    pub(crate) fn trimming(&self) -> MutexGuard<'_, ()> {
        self.trimming.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.orders = None;
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // The last handle may be dropped by a call from the journal's thread, which cannot wait for itself.
        if let Some(thread) = thread.filter(|t| t.thread().id() != std::thread::current().id()) {
            let _ = thread.join();
        }
    }
}

/// Takes the folder for this process, with what is in it, which is ours to open. Errors: `InUse`, `Corrupt`, `Unavailable`.
fn locked(options: &Options, opening: Opening) -> Result<(File, Found), Error> {
    let lock = lock::lock(&options.dir)?;
    pin::expect_file(&options.dir)?;
    if opening != Opening::Repair {
        repair::forget_begun(options)?;
    }
    let found = Found::look(&options.dir)?;
    found.allows(options)?;
    if let Found::Marked(format) = found {
        format.owner().expect_own(&options.dir)?;
    }
    Ok((lock, found))
}

/// Opens packs and journal. Errors: `Corrupt`, `Unavailable`.
fn files(
    options: &Options,
    (keys, owner): (&Keys, Owner),
    recovered: &Recovered,
    opening: Opening,
) -> Result<(Packs, Journal), Error> {
    let packs = Packs::open(options, recovered.clean, keys.clone(), owner)?;
    packs.expect_all(&recovered.index, recovered.clean, opening)?;
    let (end, mut lineage) = (recovered.found.end, recovered.lineage.clone());
    let is_unmarked = lineage.begun.is_empty();
    if is_unmarked {
        lineage = Lineage::of(&options.dir.join("journal"), Position::START, lineage.last);
    }
    let mut journal = Journal::open(options, keys, owner, (end, lineage))?;
    if is_unmarked {
        // Written before there were marks: a copy that went on may have the same head. From here on there is one.
        journal.seal()?;
    }
    if journal.end() > recovered.found.end {
        // Nothing lies between: an index that sees no commit any more must not seem to be behind.
        applied::note(&recovered.index, journal.end(), journal.lineage())?;
    }
    Ok((packs, journal))
}

/// A store that was stopped cleanly and then refused stays one that was stopped cleanly.
fn leave_as_it_was(options: &Options, recovered: &Recovered, before: Option<Checkpoint>) {
    let same = |before: &Checkpoint| before.clean && before.position == recovered.found.end;
    let Some(before) = before.filter(|b| recovered.clean && same(b)) else {
        return;
    };
    let flushed = recovered.index.checkpoint();
    let left =
        flushed.and_then(|()| before.write(&options.dir, &options.disk, recovered.snapshots.owner));
    tracing::debug!(left = left.is_ok(), "the store was not opened");
}

impl Store {
    /// Opens or creates; upgrades a store of an earlier format. Errors: `Unavailable` (not writable,
    /// of another engine, somebody else's folder), `InUse` (by another process), `Corrupt` (I-18).
    pub fn open(options: &Options) -> Result<Self, Error> {
        Self::open_as(options, Opening::Usual)
    }

    /// The same, for a purpose.
    pub(crate) fn open_as(options: &Options, opening: Opening) -> Result<Self, Error> {
        let opened = Self::opened(options, opening);
        let opened = opened.map_err(|e| match opening {
            // What a repair leaves, another one does not help.
            Opening::Repair => spare::told(e, options),
            Opening::Usual | Opening::Anew => spare::told(e, options).with_cure(Cure::Repair),
        })?;
        spare::lay(options);
        if opening != Opening::Repair {
            repair::leap_restored(&opened, options)?;
        }
        Ok(opened)
    }

    fn opened(options: &Options, opening: Opening) -> Result<Self, Error> {
        if opening != Opening::Repair {
            repair::expect_none(&options.dir)?;
        }
        // Twice: before anything is made, and when nobody else can change it any more.
        Found::look(&options.dir)?.allows(options)?;
        options.disk.make_dir(&options.dir)?;
        let (lock, found) = locked(options, opening)?;
        spare::give_up_when_full(options);
        migrate::settle(options)?;
        let keys = Keys::open(options, found == Found::New)?;
        let owner = found.prepare(options, &keys)?;
        let before = Checkpoint::read(&options.dir, owner)?;
        let (recovered, spool) = readable(options, (&keys, owner), opening)?;
        let newest_s = maintain::newest(&keys, &recovered);
        let opened = files(options, (&keys, owner), &recovered, opening);
        let (packs, journal) =
            opened.inspect_err(|_| leave_as_it_was(options, &recovered, before))?;
        keys.settle()?;
        let snapshots = Snapshots::new(options, recovered.snapshots, recovered.covered);
        options.disk.sync_dir(&options.dir)?;
        let shared = Arc::new(Shared {
            dir: options.dir.clone(),
            disk: options.disk.clone(),
            clock: options.clock.clone(),
            reserve: options.reserve_bytes,
            boot_id: options.boot_id.clone(),
            place: lock::Place::of(&options.dir, &lock),
            keys,
            index: recovered.index,
            packs,
            snapshots,
            subscribers: Subscribers::default(),
            summaries: Summaries::default(),
            search: Search::default(),
            damages: Damages::default(),
            ailing: Ailing::load(&options.dir),
            unapplied: Unapplied::from(options.sizes.apart),
            full: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        });
        if opening != Opening::Usual || recovered.rebuilt.is_some() || recovered.unsound.is_some() {
            // All of snapshots and journal was just read, or their damage was met.
            shared.note_unsound(recovered.unsound.as_ref());
            shared.save_harm();
        }
        let committer = Committer::new(shared.clone(), journal, recovered.system, options.sizes)?;
        let (orders, waiting) = sync_channel(commit::WAITING_MAX);
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || committer.run(&waiting))
            .map_err(|e| Error::no_thread("the journal", &e))?;
        let inner = Inner {
            shared,
            cells: Arc::new(Cells::new(options.hot_messages_max)),
            spool: Arc::new(spool),
            trimming: Mutex::default(),
            ledger: Ledger::default(),
            uid_validity_start: 0,
            newest_s,
            rebuilt: recovered.rebuilt,
            orders: Some(orders),
            thread: Mutex::new(Some(thread)),
            _lock: lock,
        };
        Self {
            inner: Arc::new(inner),
        }
        .with_start()
    }

    /// Reads where UidValidity begins; a new store draws it, so that a store made anew in the
    /// same place does not look like the one before (RFC 9051 §2.3.1.1).
    fn with_start(mut self) -> Result<Self, Error> {
        let start = match self.inner.shared.index.get(&key::start())? {
            Some(value) => record::decode(&value, "start")?,
            None => {
                let drawn = getrandom::u32()
                    .map_err(|e| Error::Unavailable(format!("no random numbers: {e}").into()))?;
                let start = drawn % UID_VALIDITY_START_MAX;
                let op = Op::Put(key::start(), record::encode(&start)?);
                self.submit(
                    AccountId::SYSTEM,
                    Number::None,
                    vec![op],
                    &[],
                    Box::new(|| {}),
                )?;
                start
            }
        };
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.uid_validity_start = start;
        }
        Ok(self)
    }

    /// The handle of one account's mail; makes nothing.
    pub fn account(&self, id: AccountId) -> AccountStore {
        AccountStore {
            store: self.clone(),
            id,
        }
    }

    /// The delivery queue.
    pub fn queue(&self) -> Queue {
        Queue {
            store: self.clone(),
        }
    }

    /// A small typed table by name (a name is fixed for ever).
    pub fn table(&self, name: &'static str) -> Table {
        Table {
            store: self.clone(),
            name,
        }
    }

    /// Commits rows of several tables at once, durably. Returns the system's ModSeq.
    pub fn commit_rows(&self, rows: Vec<RowChange>) -> Result<ModSeq, Error> {
        let ops = table::ops(rows)?;
        self.submit(AccountId::SYSTEM, Number::System, ops, &[], Box::new(|| {}))
    }

    /// Stages content: appended to the pack at once, durable with the first commit that names it.
    /// The same bytes are stored once. At most 512 MB.
    pub fn put_blob(&self, bytes: &[u8]) -> Result<BlobId, Error> {
        self.stage(self.inner.shared.keys.system(), bytes)
    }

    /// The same under this key, when the store is sealed and has not this content yet.
    pub(crate) fn stage(&self, key: KeyId, bytes: &[u8]) -> Result<BlobId, Error> {
        let shared = &self.inner.shared;
        let room = shared.check_room(bytes.len() as u64);
        let put = room.and_then(|()| shared.packs.put_under(key, bytes, &shared.index));
        if let Err(Error::Unavailable(_)) = put {
            shared.full.store(true, Ordering::SeqCst);
        }
        put
    }

    /// Whether stored content can still be read back whole; it is read, unless it was lately. False for
    /// what is not there.
    pub(crate) fn is_whole(&self, id: BlobId) -> bool {
        let shared = &self.inner.shared;
        shared.packs.is_good(id, &shared.index)
    }

    /// Commits that this content, staged anew, lies elsewhere now. Errors: as of every commit.
    pub(crate) fn renew(&self, blobs: &[BlobId]) -> Result<(), Error> {
        self.submit(
            AccountId::SYSTEM,
            Number::None,
            Vec::new(),
            blobs,
            Box::new(|| {}),
        )?;
        let shared = &self.inner.shared;
        blobs
            .iter()
            .for_each(|id| shared.mended(Spot::Content(*id)));
        shared.save_harm();
        Ok(())
    }

    /// Content by id; checksum verified. Errors: `NotFound`, `Corrupt`.
    pub fn blob(&self, id: BlobId) -> Result<Arc<[u8]>, Error> {
        self.blob_at(id, None)
    }

    /// Reads all content and compares it with its checksums, in the order in which it lies, while the
    /// store is in use; `wrong` is told what is damaged: which content, if that can be told, and how.
    /// Damage to what nobody can reach is passed over. Errors: `Unavailable`.
    pub fn verify_content(
        &self,
        wrong: &mut dyn FnMut(Option<BlobId>, String),
    ) -> Result<Verified, Error> {
        let shared = &self.inner.shared;
        shared.packs.verify_all(&shared.index, wrong)
    }

    /// Whether damage was met in the index while it was used. Content and journal are not touched by
    /// it; opening the store again makes the index anew from them.
    pub fn index_is_damaged(&self) -> bool {
        self.inner.shared.index.is_unreadable()
    }

    /// False while the disk's free octets are under the reserve, and after a failed write until the
    /// disk takes one again; tries it when asked.
    pub fn writable(&self) -> bool {
        self.expect_writable().is_ok()
    }

    /// The same. Errors: `Unavailable`, saying why nothing can be written.
    pub fn expect_writable(&self) -> Result<(), Error> {
        self.inner.shared.expect_writable()
    }

    /// Verifies every invariant, and that the index says what snapshots and journal say, key by key,
    /// while commits go on. Returns what is wrong, empty when all is well; damage is a finding, not
    /// an error. Errors: `Unavailable`.
    pub fn check(&self) -> Result<Vec<String>, Error> {
        Ok(self.check_telling(false, &mut |_| true)?.lines())
    }

    /// The same, and reads all content: as long as it takes to read every pack.
    pub fn check_deep(&self) -> Result<Vec<String>, Error> {
        Ok(self.check_telling(true, &mut |_| true)?.lines())
    }

    /// [`Store::check`], or [`Store::check_deep`]; `tell` hears how far it is.
    /// Errors: `Unavailable`, also when `tell` ended it.
    pub fn check_telling(&self, deep: bool, tell: Tell<'_>) -> Result<Findings, Error> {
        check::check(self, deep, tell)
    }

    /// One hash over all keys and values of the index: equal for stores that hold the same.
    pub fn fingerprint(&self) -> Result<String, Error> {
        check::fingerprint(&self.inner.shared.index)
    }

    /// Flushes the engine, writes the checkpoint, stops the journal's thread. Later commits fail with `Unavailable`.
    pub fn close(&self) -> Result<(), Error> {
        self.inner.shared.search.close();
        self.inner.shared.save_harm();
        let (done, outcome) = sync_channel(1);
        let sent = self
            .inner
            .orders
            .as_ref()
            .is_some_and(|o| o.send(Order::Close(done)).is_ok());
        if !sent {
            return Ok(()); // closed before
        }
        let closed = outcome.recv().unwrap_or(Ok(()));
        let thread = self
            .inner
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
        closed
    }
}

/// A recovered index in which all that opening asks of it could be read. Damage that only shows then
/// leads to a rebuild too, once.
fn readable(
    options: &Options,
    own: (&Keys, Owner),
    opening: Opening,
) -> Result<(Recovered, Spool), Error> {
    let recovered = recover::recover(options, own, opening)?;
    match first_reads(&recovered.index) {
        Ok(spool) => return Ok((recovered, spool)),
        Err(e) if !recovered.index.is_damaged() || recovered.rebuilt.is_some() => return Err(e),
        Err(e) => tracing::warn!(error = %e, "rebuilding the index"),
    }
    // The engine lets go of its files.
    drop(recovered);
    Checkpoint::distrust(&options.dir, &options.disk, own.1);
    let recovered = recover::recover(options, own, opening)?;
    let spool = first_reads(&recovered.index)?;
    Ok((recovered, spool))
}

fn first_reads(index: &Index) -> Result<Spool, Error> {
    let packs = key::packs();
    index.scan(&packs, &packs, &mut |_, _| Ok(true))?;
    index.get(&key::start())?;
    Spool::load(index)
}
