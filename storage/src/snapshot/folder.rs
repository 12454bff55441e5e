//! The folder of the snapshots: which files count, what is left over, and all of them as one.

use super::write::Writer;
use super::{Entries, Entry, FOLDER, Merge, Snapshot, Span, Summary, UNFINISHED};
use crate::disk::{self, Disk};
use crate::owner::Owner;
use crate::pin::Pin;
use crate::seal::Keys;
use crate::{Error, Fault, Stage, Watch};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Snapshots of one store: the tiers keep them few, so more are a mistake.
const FILES_MAX: usize = 10_000;

/// See the module; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    /// The store's folder.
    pub store: PathBuf,
    pub dir: PathBuf,
    pub disk: Disk,
    pub keys: Keys,
    /// Whose the files are.
    pub owner: Owner,
    drawn: Arc<AtomicU32>,
}

/// The snapshots that count, the oldest first, without a gap from the beginning.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    pub files: Vec<Snapshot>,
    /// Why it ends where it does, when there are files behind its end.
    pub broken: Option<Error>,
}

impl Chain {
    /// The last segment of the journal that is covered.
    pub(crate) fn covered(&self) -> u32 {
        self.files.last().map_or(0, |s| s.span.last)
    }

    /// Entries of all files; of a key that several have, each counts.
    pub(crate) fn entries(&self) -> u64 {
        self.files.iter().map(Snapshot::len).sum()
    }

    /// What all of them say.
    pub(crate) fn summary(&self) -> Summary {
        let summaries = self.files.iter().map(|s| s.summary);
        summaries.fold(Summary::NONE, Summary::with)
    }

    /// All entries from `from` on, the newest of each key, deletions too.
    pub(crate) fn merged(&self, from: &[u8]) -> Result<Merge, Error> {
        self.sources(from).map(Merge::new)
    }

    /// Each file's entries from `from` on, the oldest file first.
    pub(crate) fn sources(&self, from: &[u8]) -> Result<Vec<Entries>, Error> {
        let readers = self.files.iter().map(|s| s.entries(from));
        readers
            .map(|reader| reader.map(|r| Box::new(r) as Entries))
            .collect()
    }
}

impl Folder {
    /// Of the store in the folder `store`; nothing is made yet.
    pub(crate) fn at(store: &Path, disk: &Disk, keys: &Keys, owner: Owner) -> Self {
        Self {
            store: store.to_owned(),
            dir: store.join(FOLDER),
            disk: disk.clone(),
            keys: keys.clone(),
            owner,
            drawn: Arc::default(),
        }
    }

    /// The same, of which nobody is told how far its reading is.
    pub(crate) fn quietly(mut self) -> Self {
        self.disk = self.disk.watched(Watch::default());
        self
    }

    /// The folder of the journal.
    pub(crate) fn journal(&self) -> PathBuf {
        self.store.join("journal")
    }

    /// A number that no other run has.
    pub(super) fn draw(&self) -> u32 {
        self.drawn.fetch_add(1, Ordering::Relaxed)
    }

    fn names(&self) -> Result<Vec<String>, Error> {
        let failed = |e: &std::io::Error| disk::failed("cannot list", &self.dir, e);
        let listed = match std::fs::read_dir(&self.dir) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            listed => listed.map_err(|e| failed(&e))?,
        };
        let mut names = Vec::new();
        for entry in listed {
            names.extend(entry.map_err(|e| failed(&e))?.file_name().into_string());
            if names.len() > FILES_MAX {
                return Err(Error::TooLarge("number of snapshots"));
            }
        }
        Ok(names)
    }

    /// The finished files; those that begin first come first, of these the largest.
    pub(crate) fn spans(&self) -> Result<Vec<Span>, Error> {
        let names = self.names()?;
        let mut spans: Vec<Span> = names.iter().filter_map(|n| Span::parse(n)).collect();
        spans.sort_unstable_by_key(|s| (s.first, std::cmp::Reverse(s.last)));
        Ok(spans)
    }

    /// Opens the files that count. Where one cannot be read, smaller ones may still cover its span.
    /// Errors: `Unavailable` only.
    pub(crate) fn chain(&self) -> Result<Chain, Error> {
        let (mut files, mut broken, mut next) = (Vec::new(), None, 0u32);
        let spans = self.spans()?;
        let end = spans.iter().map(|s| s.last).max();
        while end.is_some_and(|end| next <= end) {
            let mut found = None;
            for span in spans.iter().filter(|s| s.first == next) {
                match Snapshot::open(&self.dir.join(span.name()), *span, &self.keys) {
                    Ok(snapshot) => {
                        found = Some(snapshot.watched(self.disk.watch()));
                        break;
                    }
                    Err(e @ Error::Corrupt(_)) => broken = broken.or(Some(e)),
                    Err(e) => return Err(e),
                }
            }
            let Some(snapshot) = found else {
                let gap = || Error::corrupt(Fault::SnapshotMissing { segment: next });
                broken = broken.or_else(|| Some(gap()));
                break;
            };
            // What was damaged is covered by a smaller one.
            broken = None;
            next = snapshot
                .span
                .last
                .checked_add(1)
                .ok_or(Error::TooLarge("journal"))?;
            files.push(snapshot);
        }
        let octets = files.iter().map(|s| s.octets).sum();
        self.disk.watch().begin(Stage::Indexing, octets);
        Ok(Chain { files, broken })
    }

    /// Removes what a stop left: unfinished files, and files that a later one holds. Only at open,
    /// before anybody writes here.
    pub(crate) fn clear(&self) -> Result<(), Error> {
        let mut removed = 0;
        for name in self.names()?.iter().filter(|n| n.ends_with(UNFINISHED)) {
            let path = self.dir.join(name);
            self.disk
                .remove(&path)
                .map_err(|e| disk::failed("cannot remove", &path, &e))?;
            removed += 1;
        }
        removed += self.drop_held(&self.chain()?)?;
        if removed > 0 {
            tracing::info!(removed, "removed what unfinished snapshots left");
            self.disk.sync_dir(&self.dir)?;
        }
        Ok(())
    }

    /// Removes the files whose spans lie within those of the chain, unless a reader from outside has
    /// pinned them. Returns how many.
    pub(super) fn drop_held(&self, chain: &Chain) -> Result<usize, Error> {
        let spans = self.spans()?;
        let held: Vec<Span> = spans
            .into_iter()
            .filter(|s| chain.files.iter().any(|f| f.span.holds(*s)))
            .collect();
        if held.is_empty() {
            return Ok(0);
        }
        let Some(_pin) = Pin::exclusive(&self.store) else {
            return Ok(0);
        };
        for span in &held {
            let path = self.dir.join(span.name());
            self.disk
                .remove(&path)
                .map_err(|e| disk::failed("cannot remove", &path, &e))?;
        }
        self.disk.sync_dir(&self.dir)?;
        Ok(held.len())
    }

    /// Writes a file of these entries, reads it back, and gives it its name.
    pub(super) fn write(
        &self,
        span: Span,
        summary: Summary,
        entries: &mut dyn Iterator<Item = Result<Entry, Error>>,
        stop: &dyn Fn() -> Result<(), Error>,
    ) -> Result<Snapshot, Error> {
        self.disk.make_dir(&self.dir)?;
        let name = span.name();
        let mut writer = Writer::begin(self, span, &format!("{name}{UNFINISHED}"))?;
        for (at, entry) in entries.enumerate() {
            let entry = entry?;
            writer.push(&entry.key, entry.value.as_deref())?;
            if at.is_multiple_of(1024) {
                stop()?;
            }
        }
        let fresh = writer.finish(summary, true)?;
        let path = self.dir.join(name);
        let named = Snapshot::open(&fresh, span, &self.keys)
            .and_then(|s| s.verify(stop))
            .and_then(|()| {
                let renamed = self.disk.rename(&fresh, &path);
                renamed.map_err(|e| disk::failed("cannot write", &path, &e))
            });
        if let Err(e) = named {
            let _ = self.disk.remove(&fresh);
            return Err(e);
        }
        self.disk.sync_dir(&self.dir)?;
        Snapshot::open(&path, span, &self.keys)
    }
}

/// Writes a snapshot of everything up to segment `last` of the journal into this folder:
/// for upgrades, restores and repairs. The entries come in the order of their keys.
/// It is durable when this returns; the journal's next segment must be `last + 1`.
#[allow(dead_code, reason = "upgrades and restores write one")]
pub(crate) fn write_base(
    folder: &Folder,
    last: u32,
    summary: Summary,
    entries: &mut dyn Iterator<Item = Result<Entry, Error>>,
) -> Result<Snapshot, Error> {
    let span = Span { first: 0, last };
    let mut living = entries.filter(|e| !matches!(e, Ok(Entry { value: None, .. })));
    folder.write(span, summary, &mut living, &|| Ok(()))
}
