//! Snapshots beside the running commits: when to make one, on which thread, and when asked.

use super::{Folder, Progress, Span, cover};
use crate::checkpoint::Checkpoint;
use crate::commit::{Order, Sealed, Shared, stopped};
use crate::harm::Spot;
use crate::journal::{self, Position};
use crate::snapshot::cover::Task;
use crate::{Error, Options, Store, rebuild, upgrade};
use std::path::PathBuf;
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

    /// What of snapshots and the journal behind them is not whole up to `end`; `blocks`: all snapshots are
    /// read, as long as `stop` has nothing against it.
    fn unsound(
        &self,
        end: Position,
        blocks: bool,
        stop: &dyn Fn() -> Result<(), Error>,
    ) -> Result<Option<Unsound>, Error> {
        // No segment goes meanwhile.
        let _alone = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        let mut looked = unsound(&self.folder, 0, end)?;
        for _ in 1..LOOKS_MAX {
            // A frame that is written just now may look like a damaged one.
            if looked.is_none() {
                break;
            }
            looked = unsound(&self.folder, 0, end)?;
        }
        if looked.is_some() || !blocks {
            return Ok(looked);
        }
        for snapshot in self.folder.chain()?.files {
            match snapshot.verify(stop) {
                Err(why @ Error::Corrupt(_)) => {
                    return Ok(Some(Unsound {
                        spot: Spot::Snapshots,
                        file: Some(snapshot.path().to_owned()),
                        octet: None,
                        why,
                    }));
                }
                verified => verified?,
            }
        }
        Ok(None)
    }

    fn run(&self, shared: &Shared, sealed: u32) -> Result<Progress, Error> {
        let _alone = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        shared.place.expect()?;
        let checkpoint = Checkpoint::read(&shared.dir, self.folder.owner)?;
        let checkpoint = checkpoint.map_or(0, |c| c.position.segment);
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

/// What of snapshots or journal cannot be read.
#[derive(Debug, Clone)]
pub(crate) struct Unsound {
    /// `Journal` or `Snapshots`.
    pub spot: Spot,
    /// Where that is known.
    pub file: Option<PathBuf>,
    pub octet: Option<u64>,
    /// `Corrupt`.
    pub why: Error,
}

impl Unsound {
    /// Damage as an answer, all else as an error.
    fn of(
        spot: Spot,
        why: Error,
        place: Option<(PathBuf, Option<u64>)>,
    ) -> Result<Option<Self>, Error> {
        let (file, octet) = place.unzip();
        match why {
            Error::Corrupt(_) => Ok(Some(Self {
                spot,
                file,
                octet: octet.flatten(),
                why,
            })),
            why => Err(why),
        }
    }
}

/// What of that which snapshots and journal promised up to `end` cannot be read; of the journal only from
/// segment `first` on, of the snapshots what stands around their blocks. Errors: `Unavailable`.
pub(crate) fn unsound(
    folder: &Folder,
    first: u32,
    end: Position,
) -> Result<Option<Unsound>, Error> {
    if let Some(path) = folder.owner.foreign(&folder.store)?.first() {
        let spot = match path.starts_with(&folder.dir) {
            true => Spot::Snapshots,
            false => Spot::Journal,
        };
        let why = folder.owner.expect_own(&folder.store);
        let why = why.err().unwrap_or(Error::NotFound);
        return Unsound::of(spot, why, Some((path.clone(), None)));
    }
    let chain = folder.chain()?;
    if let Some(why) = chain.broken {
        let next = chain.files.last().map_or(0, |s| s.span.last + 1);
        let spans = folder.spans()?;
        let span = spans.into_iter().find(|span| span.first == next);
        let path = span.map(Span::name).map(|name| folder.dir.join(name));
        return Unsound::of(Spot::Snapshots, why, path.map(|path| (path, None)));
    }
    let offset = journal::FILE_HEAD;
    let first = Position {
        segment: first,
        offset,
    };
    let journal = folder.journal();
    let from = rebuild::tail(folder, &chain)?.max(first);
    if from >= end {
        return Ok(None);
    }
    let place = |at: Position| (journal::path(&journal, at.segment), Some(at.offset));
    match journal::whole(&journal, from) {
        Ok(whole) if whole < end => {
            let why = journal::damaged(whole);
            Unsound::of(Spot::Journal, why, Some(place(whole)))
        }
        Ok(_) => Ok(None),
        Err(why) => {
            let place = match &why {
                Error::Corrupt(why) => why.what.journal_place(),
                _ => None,
            };
            let place = place.map(|(number, octet)| (journal::path(&journal, number), octet));
            Unsound::of(Spot::Journal, why, place)
        }
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
                own.note_snapshots(&e);
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
        self.expect_sound(false)?;
        let sealed = self.place(true)?;
        let shared = &self.inner.shared;
        let ran = shared.snapshots.run(shared, sealed.end.segment - 1);
        let progress = ran.inspect_err(|e| shared.note_snapshots(e))?;
        if shared.keys.is_on() {
            upgrade::forget_plain(&shared.snapshots.folder)?;
        }
        Ok(Covered {
            segment: progress.covered,
            removed: progress.removed,
        })
    }

    /// Refuses work that a damaged journal could not bear, before anything is changed, and remembers what is
    /// damaged. `blocks`: all snapshots are read too. Errors: `Corrupt`.
    pub(crate) fn expect_sound(&self, blocks: bool) -> Result<(), Error> {
        let end = self.place(false)?.end;
        let shared = &self.inner.shared;
        let blocks = blocks || shared.suspects_snapshots();
        let stop = || match shared.stopped.load(Ordering::SeqCst) {
            true => Err(stopped()),
            false => Ok(()),
        };
        let found = shared.snapshots.unsound(end, blocks, &stop)?;
        shared.note_unsound(found.as_ref());
        found.map_or(Ok(()), |found| Err(found.why))
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
