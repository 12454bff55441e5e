//! The journal's thread: takes all commits that wait, makes them durable with one sync, writes them
//! to the index, shows them to readers, announces and acknowledges them, in this order (I-01, I-02).
//!
//! A commit of very many keys is made durable by itself and applied by whoever asked for it
//! ([`crate::unapplied`]).
//!
//! There is no timer: a single writer's commit goes at once, and while it is synced the next
//! group gathers.

use crate::change::Subscribers;
use crate::checkpoint::Checkpoint;
use crate::content_sync::ContentSync;
use crate::damage::Damages;
use crate::disk::{self, Disk};
use crate::harm::Ailing;
use crate::index::{Index, Op};
use crate::journal::{Journal, Packed, Position, Subject};
use crate::lock::Place;
use crate::pack::Packs;
use crate::seal::Keys;
use crate::search::Search;
use crate::snapshot::{Background, Snapshots};
use crate::summaries::Summaries;
use crate::unapplied::{Rest, Shown, Ticket, Unapplied};
use crate::{AccountId, BlobId, Clock, Error, ModSeq, Obstacle, Sizes, applied, spare};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SendError, SyncSender};
use std::thread::JoinHandle;

/// Commits that may wait for the journal; further writers wait to get in line.
pub(crate) const WAITING_MAX: usize = 4_096;
/// Commits of one group.
const GROUP_COMMITS_MAX: usize = 1_024;
/// Octets of one group, unless one commit alone is larger.
const GROUP_OCTETS_MAX: usize = 16 * 1024 * 1024;
/// What an octet of the journal may cost on the disk, the engine's pages included.
const ENGINE_GROWTH: u64 = 4;

/// What all threads of a store share.
pub(crate) struct Shared {
    pub dir: PathBuf,
    pub disk: Disk,
    pub clock: Clock,
    pub reserve: u64,
    pub boot_id: Option<String>,
    /// Where the folder is that this process has open.
    pub place: Place,
    pub keys: Keys,
    pub index: Index,
    pub packs: Packs,
    pub snapshots: Snapshots,
    pub subscribers: Subscribers,
    pub summaries: Summaries,
    pub search: Search,
    pub damages: Damages,
    pub ailing: Ailing,
    pub unapplied: Unapplied,
    /// A write failed and none succeeded since.
    pub full: AtomicBool,
    /// No commit can succeed any more in this process.
    pub stopped: AtomicBool,
}

/// How a commit is numbered.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number {
    /// The account's next, given by its writer.
    Account(ModSeq),
    /// The system's next, given by the journal's thread.
    System,
    /// It changes nothing that anybody follows.
    None,
}

/// What the journal gets of a commit.
pub(crate) enum Content {
    /// Its `ops` encoded.
    Body(Vec<u8>),
    /// The same packed, to be written by itself, and how long it was: this commit is applied apart.
    Packed(Packed, usize),
}

impl Content {
    /// Octets before they are packed.
    fn octets(&self) -> usize {
        match self {
            Self::Body(body) => body.len(),
            Self::Packed(_, octets) => *octets,
        }
    }

    fn is_packed(&self) -> bool {
        matches!(self, Self::Packed(..))
    }
}

/// What became of a commit.
pub(crate) enum Outcome {
    /// It is durable, applied and announced.
    Done(ModSeq),
    /// It is durable; whoever asked for it has to do the rest.
    Durable(Box<Rest>),
}

impl Outcome {
    /// Does what is left to do.
    pub(crate) fn finish(self) -> ModSeq {
        match self {
            Self::Done(modseq) => modseq,
            Self::Durable(rest) => rest.finish(),
        }
    }
}

/// One commit on its way.
pub(crate) struct Commit {
    pub account: AccountId,
    pub number: Number,
    pub ops: Vec<Op>,
    pub content: Content,
    /// Content that becomes known by this commit.
    pub blobs: Vec<BlobId>,
    /// Packs that it speaks of: their content must not have been lost.
    pub packs: Vec<u32>,
    /// Shows it to readers.
    pub apply: Box<dyn FnOnce() + Send>,
    pub done: SyncSender<Result<Outcome, Error>>,
}

/// To the journal's thread.
pub(crate) enum Order {
    Commit(Box<Commit>),
    Close(SyncSender<Result<(), Error>>),
    /// Tells up to where all is durable and applied; with `seal`, begins a new segment and moves the
    /// checkpoint first.
    Place {
        seal: bool,
        done: SyncSender<Result<Sealed, Error>>,
    },
}

/// A place of the journal and what is known there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub end: Position,
    /// The ModSeq of the system's last commit.
    pub system: ModSeq,
}

/// The thread's own state.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    journal: Journal,
    content_sync: ContentSync,
    /// The ModSeq of the system's last commit.
    system: ModSeq,
    checkpoint_at: u64,
    /// Beginnings of the journal of which the index was told.
    told: usize,
    /// Octets of journal since the last flush began.
    written: u64,
    flushing: Option<JoinHandle<()>>,
    snapshots: Background,
    /// Commits that are written by themselves, one after each group.
    alone: VecDeque<Commit>,
}

struct Stop(Arc<Shared>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.stopped.store(true, Ordering::SeqCst);
    }
}

impl Committer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        journal: Journal,
        system: ModSeq,
        sizes: Sizes,
    ) -> Result<Self, Error> {
        Ok(Self {
            content_sync: ContentSync::start(shared.clone())?,
            shared,
            journal,
            system,
            checkpoint_at: sizes.checkpoint,
            told: 0,
            written: 0,
            flushing: None,
            snapshots: Background::default(),
            alone: VecDeque::new(),
        })
    }

    /// Runs until it is told to close or nobody can send any more. The latter is no clean stop.
    pub(crate) fn run(mut self, orders: &Receiver<Order>) {
        let mut close = None;
        // However this thread ends, nobody shall think that it still writes.
        let guard = Stop(self.shared.clone());
        while close.is_none() {
            let (mut group, mut octets, mut place) = (Vec::new(), 0, None);
            let mut next = match self.alone.is_empty() {
                true => orders.recv().ok(),
                false => orders.try_recv().ok(),
            };
            if next.is_none() && self.alone.is_empty() {
                break;
            }
            while let Some(order) = next.take() {
                match order {
                    Order::Commit(commit) if self.shared.packs.are_lost(&commit.packs) => {
                        let lost = Error::Unavailable(Obstacle::ContentLost);
                        let _ = commit.done.send(Err(lost));
                    }
                    Order::Commit(commit) if commit.content.is_packed() => {
                        self.alone.push_back(*commit);
                    }
                    Order::Commit(commit) => {
                        octets += commit.content.octets();
                        group.push(*commit);
                    }
                    Order::Close(done) => {
                        close = Some(done);
                        break;
                    }
                    Order::Place { seal, done } => {
                        place = Some((seal, done));
                        break;
                    }
                }
                if group.len() < GROUP_COMMITS_MAX && octets < GROUP_OCTETS_MAX {
                    next = orders.try_recv().ok();
                }
            }
            self.group(group);
            let ends = place.is_some() || close.is_some();
            while let Some(commit) = self.alone.pop_front() {
                self.group(vec![commit]);
                if !ends {
                    break;
                }
            }
            self.maybe_checkpoint();
            if let Some((seal, done)) = place {
                self.place(seal, done);
            }
            let sealed = self.journal.end().segment - 1;
            self.snapshots.maybe(&self.shared, sealed);
        }
        drop(guard);
        self.snapshots.end();
        if let Some(flushing) = self.flushing.take() {
            // Its outcome is in the log; the last checkpoint stands either way.
            let _ = flushing.join();
        }
        if let Some(done) = close {
            let unapplied = &self.shared.unapplied;
            unapplied.wait_until(unapplied.mark());
            let _ = done.send(self.stop());
        }
    }

    /// A stop that is not told as one makes the next start long, and impossible after another boot on a full disk.
    fn stop(&self) -> Result<(), Error> {
        let shared = &self.shared;
        // The spare of another store is not ours to give up.
        shared.place.expect()?;
        let stop = || {
            let at = (self.journal.end(), self.journal.lineage().clone());
            Checkpoint::take(shared, at, self.system, true)
        };
        match stop() {
            Err(Error::Unavailable(_)) if spare::give_up(&shared.dir, &shared.disk) => {
                let stopped = stop();
                spare::lay_beside(&shared.dir, &shared.disk, shared.reserve);
                stopped
            }
            stopped => stopped,
        }
    }

    fn group(&mut self, mut group: Vec<Commit>) {
        if group.is_empty() {
            return;
        }
        let numbers = match self.make_durable(&group) {
            Ok(numbers) => numbers,
            Err(e) => {
                tracing::error!(error = %e, commits = group.len(), "commit refused");
                self.shared.full.store(true, Ordering::SeqCst);
                for commit in group {
                    let _ = commit.done.send(Err(e.clone()));
                }
                return;
            }
        };
        self.shared.full.store(false, Ordering::SeqCst);
        if let Err(e) = self.write_through(&mut group) {
            // The commits are durable and the next start repairs the index from the journal.
            tracing::error!(error = %e, "the index cannot be written; restart to rebuild it");
            self.shared.stopped.store(true, Ordering::SeqCst);
        }
        for (commit, modseq) in group.drain(..).zip(numbers) {
            let shown = Shown {
                account: commit.account,
                announced: modseq.filter(|_| matches!(commit.number, Number::Account(_))),
                modseq: modseq.unwrap_or(ModSeq::FIRST),
                blobs: commit.blobs,
                apply: commit.apply,
            };
            let outcome = match commit.content.is_packed() {
                false => Outcome::Done(shown.show(&self.shared)),
                true => Outcome::Durable(Box::new(Rest {
                    ticket: Ticket::begin(&self.shared),
                    ops: commit.ops,
                    shown,
                })),
            };
            if let Err(SendError(Ok(outcome))) = commit.done.send(Ok(outcome)) {
                // A writer that went away does not want to know, but it is a commit.
                outcome.finish();
            }
        }
    }

    fn place(&mut self, seal: bool, done: SyncSender<Result<Sealed, Error>>) {
        let own = self.shared.place.expect();
        let sealed = own.and_then(|()| if seal { self.journal.seal() } else { Ok(()) });
        let place = Sealed {
            end: self.journal.end(),
            system: self.system,
        };
        if let (true, Ok(())) = (seal, &sealed) {
            // Nothing is between the last commit and here. Without this word an index that sees no commit
            // any more would seem to be behind its checkpoint, and be made anew at the next start.
            let first = self.shared.unapplied.first();
            let noted = applied::note(&self.shared.index, place.end, self.journal.lineage());
            drop(first);
            if let Err(e) = noted {
                tracing::warn!(error = %e, "the index does not know how far it is");
            }
            self.written = 0;
            self.flush(Some((done, place)));
        } else {
            match sealed {
                Ok(()) => self.shared.unapplied.tell(done, place),
                // Who asked and went away does not want to know.
                Err(e) => drop(done.send(Err(e))),
            }
        }
    }

    fn make_durable(&mut self, group: &[Commit]) -> Result<Vec<Option<ModSeq>>, Error> {
        self.shared
            .check_room(group.iter().map(|c| c.content.octets() as u64).sum())?;
        let mut system = self.system;
        let mut numbers = Vec::with_capacity(group.len());
        for commit in group {
            numbers.push(match commit.number {
                Number::Account(modseq) => Some(modseq),
                Number::System => {
                    system = system.next().ok_or(Error::TooLarge("number of commits"))?;
                    Some(system)
                }
                Number::None => None,
            });
        }
        self.write(group, &numbers)?;
        let content = self.content_sync.begin();
        let journal = self.journal.sync();
        let content = content.and_then(|()| self.content_sync.end());
        journal?;
        content.inspect_err(|_| self.journal.take_back())?;
        self.journal.settle();
        self.system = system;
        let octets = group.iter().map(|c| c.content.octets() as u64);
        self.written += octets.sum::<u64>();
        Ok(numbers)
    }

    /// Appends a group to the journal, not durable yet.
    fn write(&mut self, group: &[Commit], numbers: &[Option<ModSeq>]) -> Result<(), Error> {
        if let [
            Commit {
                content: Content::Packed(packed, _),
                ..
            },
        ] = group
        {
            return self.journal.write_packed(packed);
        }
        let time = self.shared.clock.now();
        let mut records = Vec::with_capacity(group.len());
        for (commit, modseq) in group.iter().zip(numbers) {
            let subject = Subject {
                account: commit.account,
                modseq: *modseq,
                time,
            };
            if let Content::Body(body) = &commit.content {
                records.push((subject, body.as_slice()));
            }
        }
        self.journal.write(&records)
    }

    fn write_through(&mut self, group: &mut [Commit]) -> Result<(), Error> {
        let applied = applied::ops(&self.journal, &mut self.told)?;
        let _first = self.shared.unapplied.first();
        let now = group.iter_mut().filter(|c| !c.content.is_packed());
        let ops = now.flat_map(|c| std::mem::take(&mut c.ops));
        self.shared.index.write(ops.chain(applied).collect())
    }

    /// Moves the checkpoint beside the running commits: the flush covers all that was applied before.
    fn maybe_checkpoint(&mut self) {
        let idle = self.flushing.as_ref().is_none_or(JoinHandle::is_finished);
        if self.shared.index.is_damaged() && self.shared.place.expect().is_ok() {
            let owner = self.shared.snapshots.folder.owner;
            Checkpoint::distrust(&self.shared.dir, &self.shared.disk, owner);
            return;
        }
        if self.written < self.checkpoint_at || !idle {
            return;
        }
        self.written = 0;
        self.flush(None);
    }

    /// Moves the checkpoint to the end, after the flush that is running; tells `asked` when it is there.
    fn flush(&mut self, asked: Option<(SyncSender<Result<Sealed, Error>>, Sealed)>) {
        let (shared, end, system) = (self.shared.clone(), self.journal.end(), self.system);
        let lineage = self.journal.lineage().clone();
        let before = self.flushing.take();
        let mark = shared.unapplied.mark();
        let flush = move || {
            if let Some(before) = before {
                let _ = before.join();
            }
            // The checkpoint says that all before `end` is applied.
            shared.unapplied.wait_until(mark);
            let taken = Checkpoint::take(&shared, (end, lineage), system, false);
            if let Err(e) = &taken {
                tracing::warn!(error = %e, "checkpoint failed; the next one tries again");
            }
            if let Some((done, place)) = asked {
                // A snapshot is of use without the checkpoint too: the journal then stays longer.
                let _ = done.send(Ok(place));
            }
        };
        let spawned = std::thread::Builder::new()
            .name("checkpoint".into())
            .spawn(flush);
        self.flushing = spawned.ok();
    }
}

/// Why nothing is written any more.
pub(crate) fn stopped() -> Error {
    Error::Unavailable(Obstacle::Closed)
}

impl Shared {
    /// Refuses a write that would eat into the reserve. The engine writes some times as much as the journal.
    pub(crate) fn check_room(&self, octets: u64) -> Result<(), Error> {
        if self.stopped.load(Ordering::SeqCst) {
            return Err(stopped());
        }
        // What is written into files that have no name any more is lost with this process.
        self.place.expect()?;
        if self.reserve > 0 && self.disk.free(&self.dir) < self.needed(octets) {
            return Err(Error::Unavailable(Obstacle::DiskFull {
                file: self.dir.display().to_string(),
            }));
        }
        Ok(())
    }

    /// Octets that must be free for a write of so many.
    pub(crate) fn needed(&self, octets: u64) -> u64 {
        let grown = octets.saturating_mul(ENGINE_GROWTH);
        grown.saturating_add(self.reserve)
    }

    /// Errors: why no write can succeed; the disk is tried when the last write failed.
    pub(crate) fn expect_writable(&self) -> Result<(), Error> {
        if !self.full.load(Ordering::SeqCst) {
            return self.check_room(0);
        }
        // Some room beyond the reserve, so that it does not flicker.
        self.check_room(disk::PROBE_OCTETS as u64)?;
        self.disk.probe(&self.dir)?;
        self.full.store(false, Ordering::SeqCst);
        Ok(())
    }
}
