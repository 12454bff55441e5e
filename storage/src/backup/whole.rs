//! Whether a backup has what a store needs to be opened, as far as that can be told without the store's keys.

use super::chunk::Chunks;
use super::manifest::{Entry, Manifest};
use super::note::Note;
use super::sound::Copy;
use super::{Failure, source};
use crate::format::{self, Format};
use crate::{Error, Fault, Told as _, keyring, snapshot};
use std::collections::{BTreeSet, HashMap};

/// Largest of the small files, octets.
const SMALL_MAX: u64 = 64 << 20;

/// Looks at backups of one vault.
pub(super) struct Judge<'a> {
    chunks: &'a Chunks<'a>,
    /// Snapshots by hash: most backups share them.
    seen: HashMap<[u8; 32], Option<Fault>>,
}

/// How good a backup is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Worth {
    Broken,
    /// Nobody compared its packs with what the store names.
    Unknown,
    Whole,
}

impl<'a> Judge<'a> {
    pub(super) fn new(chunks: &'a Chunks<'a>) -> Self {
        let seen = HashMap::new();
        Self { chunks, seen }
    }

    pub(super) fn worth(&mut self, manifest: &Manifest) -> Result<Worth, Failure> {
        Ok(match (self.lacks(manifest)?.is_empty(), &manifest.looked) {
            (false, _) => Worth::Broken,
            (true, Some(looked)) if looked.compared => Worth::Whole,
            (true, _) => Worth::Unknown,
        })
    }

    /// What the backup lacks, a line each.
    pub(super) fn lacks(&mut self, manifest: &Manifest) -> Result<Vec<String>, Failure> {
        let mut lacks = manifest
            .looked
            .as_ref()
            .map_or_else(Vec::new, |looked| looked.lacks.clone());
        let sealed = match self.small(manifest, format::FILE)? {
            Some(bytes) => Format::sealed_in(&bytes),
            None => None,
        };
        if sealed.is_none() {
            lacks.push(Note::NoFormat.in_both());
        }
        let mut has_keyring = false;
        for name in source::KEYRINGS {
            let bytes = self.small(manifest, name)?;
            has_keyring |= bytes.is_some_and(|bytes| keyring::is_whole(&bytes));
        }
        if sealed == Some(true) && !has_keyring {
            lacks.push(Note::NoKeyring.in_both());
        }
        match self.chain(manifest) {
            Ok(()) => {}
            Err(Failure::Storage(Error::Corrupt(why))) => lacks.push(why.what.in_both()),
            Err(e) => return Err(e),
        }
        Ok(lacks)
    }

    /// A small file of it; `None` when it is not there or damaged.
    fn small(&self, manifest: &Manifest, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        let entry = manifest.files.iter().find(|entry| entry.path == path);
        let Some(entry) = entry.filter(|entry| entry.octets <= SMALL_MAX) else {
            return Ok(None);
        };
        let mut bytes = vec![0; entry.octets as usize];
        match Copy::new(self.chunks, entry).read(0, &mut bytes) {
            Ok(()) => Ok(Some(bytes)),
            Err(Error::Corrupt(_) | Error::NotFound) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Errors: `Corrupt` when snapshots and journal together do not reach from the beginning to the end.
    fn chain(&mut self, manifest: &Manifest) -> Result<(), Failure> {
        let mut snapshots: HashMap<String, &Entry> = HashMap::new();
        let mut segments = BTreeSet::new();
        for entry in &manifest.files {
            if let Some(name) = entry.path.strip_prefix("snapshots/") {
                snapshots.insert(name.to_owned(), entry);
            }
            let segment = entry.path.strip_prefix("journal/");
            segments.extend(segment.and_then(source::number));
        }
        let names: Vec<String> = snapshots.keys().cloned().collect();
        let from = snapshot::tail(&names, &segments, &mut |name| match snapshots.get(name) {
            Some(entry) => self.snapshot(name, entry),
            None => Err(Error::NotFound),
        })?;
        let missing = (from..=manifest.position.0).find(|number| !segments.contains(number));
        match missing {
            Some(number) => {
                let what = Fault::JournalMissing { segment: number };
                Err(Error::corrupt(what).into())
            }
            None => Ok(()),
        }
    }

    fn snapshot(&mut self, name: &str, entry: &Entry) -> Result<(), Error> {
        if !self.seen.contains_key(&entry.hash) {
            let mut copy = Copy::new(self.chunks, entry);
            let read =
                snapshot::expect_whole(name, entry.octets, &mut |at, into| copy.read(at, into));
            let wrong = match read {
                Ok(()) => None,
                Err(Error::Corrupt(why)) => Some(why.what),
                Err(e) => return Err(e),
            };
            self.seen.insert(entry.hash, wrong);
        }
        match self.seen.get(&entry.hash).cloned().flatten() {
            Some(why) => Err(Error::Corrupt(why.into())),
            None => Ok(()),
        }
    }
}
