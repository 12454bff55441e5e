//! Snapshots beside the running commits: when to make one, on which thread, and when asked.

use super::{Folder, Progress, cover};
use crate::checkpoint::Checkpoint;
use crate::commit::{Order, Sealed, Shared, stopped};
use crate::journal::{self, Position};
use crate::snapshot::cover::Task;
use crate::{Error, Options, Store, rebuild, upgrade};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Looks at a journal that is written meanwhile before it counts as damaged.
const LOOKS_MAX: usize = 3;

/// What a store keeps for its snapshots.
pub(crate) struct Snapshots {
    pub folder: Folder,
    /// Sealed segments that are gathered before they are covered.
    every: u32,
    sort: u64,
    covered: AtomicU32,
    /// One works at a time.
    working: Mutex<()>,
}

/// What [`Store::snapshot`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covered {
    /// The last segment of the journal that snapshots cover.
    pub segment: u32,
    /// Segments of the journal that were removed, since nothing needs them any more.
    pub removed: u32,
}

impl Snapshots {
    pub(crate) fn new(options: &Options, folder: Folder, covered: u32) -> Self {
        Self {
            // It was told of while the store was opened.
            folder: folder.quietly(),
            every: options.sizes.sealed.max(1),
            sort: options.sizes.sort,
            covered: AtomicU32::new(covered),
            working: Mutex::new(()),
        }
    }

    /// Whether so many segments are sealed that they should be covered.
    fn is_due(&self, sealed: u32) -> bool {
        sealed.saturating_sub(self.covered.load(Ordering::SeqCst)) >= self.every
    }

    /// Whether snapshots and the journal behind them are whole up to `end`.
    fn expect_sound(&self, end: Position) -> Result<(), Error> {
        // No segment goes meanwhile.
        let _alone = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        let mut looked = sound(&self.folder, 0, end);
        for _ in 1..LOOKS_MAX {
            // A frame that is written just now may look like a damaged one.
            if !matches!(looked, Err(Error::Corrupt(_))) {
                break;
            }
            looked = sound(&self.folder, 0, end);
        }
        looked
    }

    fn run(&self, shared: &Shared, sealed: u32) -> Result<Progress, Error> {
        let _alone = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        let checkpoint = Checkpoint::read(&shared.dir)?.map_or(0, |c| c.position.segment);
        let task = Task {
            sealed,
            checkpoint,
            sort: self.sort,
            stop: &|| match shared.stopped.load(Ordering::SeqCst) {
                true => Err(stopped()),
                false => Ok(()),
            },
        };
        let progress = cover(&self.folder, &task)?;
        self.covered.store(progress.covered, Ordering::SeqCst);
        Ok(progress)
    }
}

/// Errors: `Corrupt` when what snapshots and journal promised up to `end` cannot be read, of the
/// journal only from segment `first` on; or when a file is another store's.
pub(crate) fn sound(folder: &Folder, first: u32, end: Position) -> Result<(), Error> {
    folder.owner.expect_own(&folder.store)?;
    let chain = folder.chain()?;
    if let Some(e) = chain.broken {
        return Err(e);
    }
    let offset = journal::FILE_HEAD;
    let first = Position {
        segment: first,
        offset,
    };
    let from = rebuild::tail(folder, &chain)?.max(first);
    if from >= end {
        return Ok(());
    }
    match journal::whole(&folder.journal(), from)? {
        whole if whole < end => Err(journal::damaged(whole)),
        _ => Ok(()),
    }
}

/// The journal's thread asks this after each group.
#[derive(Default)]
pub(crate) struct Background {
    running: Option<JoinHandle<()>>,
    /// The last sealed segment when it was tried last: a failure is not tried again at once.
    tried: u32,
}

impl Background {
    /// Begins to cover the segments up to `sealed` when there are enough of them.
    pub(crate) fn maybe(&mut self, shared: &Arc<Shared>, sealed: u32) {
        let idle = self.running.as_ref().is_none_or(JoinHandle::is_finished);
        if sealed <= self.tried || !idle || !shared.snapshots.is_due(sealed) {
            return;
        }
        self.tried = sealed;
        let own = shared.clone();
        let work = move || match own.snapshots.run(&own, sealed) {
            Ok(progress) => tracing::debug!(?progress, "snapshot"),
            Err(_) if own.stopped.load(Ordering::SeqCst) => {}
            Err(e) => {
                tracing::warn!(error = %e, "snapshot failed; the journal is kept, the next one tries again");
            }
        };
        let spawned = std::thread::Builder::new()
            .name("snapshot".into())
            .spawn(work);
        self.running = spawned.ok();
    }

    /// Waits until it has ended; the store must be stopped.
    pub(crate) fn end(&mut self) {
        if let Some(running) = self.running.take() {
            let _ = running.join();
        }
    }
}

impl Store {
    /// Covers everything that was committed before by snapshots, moves the checkpoint, and removes
    /// the journal's segments that are needed no more. Commits go on meanwhile.
    /// Errors: `Unavailable` (the disk is full: nothing is removed), `Corrupt` (what was covered
    /// cannot be read: nothing is changed).
    pub fn snapshot(&self) -> Result<Covered, Error> {
        self.expect_sound()?;
        let sealed = self.place(true)?;
        let shared = &self.inner.shared;
        let progress = shared.snapshots.run(shared, sealed.end.segment - 1)?;
        if shared.keys.is_on() {
            upgrade::forget_plain(&shared.snapshots.folder)?;
        }
        Ok(Covered {
            segment: progress.covered,
            removed: progress.removed,
        })
    }

    /// Refuses work that a damaged journal could not bear, before anything is changed. Errors: `Corrupt`.
    pub(crate) fn expect_sound(&self) -> Result<(), Error> {
        let end = self.place(false)?.end;
        self.inner.shared.snapshots.expect_sound(end)
    }

    /// Up to where the journal is durable and applied. `seal`: its segment is closed first, and the
    /// checkpoint moved there.
    pub(crate) fn place(&self, seal: bool) -> Result<Sealed, Error> {
        let (done, outcome) = sync_channel(1);
        let orders = self.inner.orders.as_ref().ok_or_else(stopped)?;
        orders
            .send(Order::Place { seal, done })
            .map_err(|_| stopped())?;
        outcome.recv().map_err(|_| stopped())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_was_stopped_after_a_snapshot_is_not_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            dir: dir.path().to_owned(),
            boot_id: Some("boot".into()),
            ..Options::default()
        };
        for closed in [true, false, true] {
            let store = Store::open(&options).unwrap();
            let first = store.inner.rebuilt.is_some_and(|made| made.keys > 0);
            assert!(!first, "the index was trusted");
            store.table("t").put(b"k", Some(b"v".to_vec())).unwrap();
            store.snapshot().unwrap();
            if closed {
                store.close().unwrap();
            }
        }
        assert!(Store::open(&options).unwrap().inner.rebuilt.is_none());
    }
}
