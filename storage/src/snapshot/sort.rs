//! Puts the changes of any number of commits into the order of their keys, the last writer winning,
//! in bounded memory: what does not fit goes to runs on the disk, which are merged when read.

use super::folder::Folder;
use super::write::Writer;
use super::{Entries, Entry, Merge, Snapshot, Span, Summary, UNFINISHED};
use crate::Error;
use crate::disk::Disk;
use crate::index::Op;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a key costs in memory beside its octets and those of its value.
const ENTRY_COST: u64 = 120;
/// First segment of the name of a run: no segment of the journal is that high.
const RUN: u32 = u32::MAX;

/// See the module. Its runs are removed when it, or what reads it, is dropped.
pub(crate) struct Sorter {
    folder: Folder,
    octets_max: u64,
    octets: u64,
    keys: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    runs: Vec<Run>,
}

/// A file that goes with its last reader. Its name is one that the next start removes.
struct Run {
    disk: Disk,
    path: PathBuf,
    span: Span,
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.disk.remove(&self.path);
    }
}

impl Sorter {
    /// Keeps at most some `octets_max` octets in memory.
    pub(crate) fn new(folder: &Folder, octets_max: u64) -> Self {
        Self {
            folder: folder.clone(),
            octets_max,
            octets: 0,
            keys: BTreeMap::new(),
            runs: Vec::new(),
        }
    }

    /// Takes the next change.
    pub(crate) fn add(&mut self, op: Op) -> Result<(), Error> {
        let (key, value) = match op {
            Op::Put(key, value) => (key, Some(value)),
            Op::Delete(key) => (key, None),
        };
        let octets = |v: &Option<Vec<u8>>| v.as_ref().map_or(0, Vec::len) as u64;
        self.octets += key.len() as u64 + octets(&value) + ENTRY_COST;
        let key_octets = key.len() as u64 + ENTRY_COST;
        if let Some(before) = self.keys.insert(key, value) {
            self.octets -= octets(&before) + key_octets;
        }
        if self.octets > self.octets_max {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> Result<(), Error> {
        let span = Span {
            first: RUN,
            last: self.folder.draw(),
        };
        let name = format!("{}{UNFINISHED}", span.name());
        let mut writer = Writer::begin(&self.folder, span, &name)?;
        for (key, value) in std::mem::take(&mut self.keys) {
            writer.push(&key, value.as_deref())?;
        }
        self.octets = 0;
        let path = writer.finish(Summary::NONE, false)?;
        let disk = self.folder.disk.clone();
        self.runs.push(Run { disk, path, span });
        Ok(())
    }

    /// Everything taken, in order; the runs live as long as this is read.
    pub(crate) fn sorted(self) -> Result<Entries, Error> {
        let memory = self
            .keys
            .into_iter()
            .map(|(key, value)| Ok(Entry { key, value }));
        if self.runs.is_empty() {
            return Ok(Box::new(memory));
        }
        let mut sources: Vec<Entries> = Vec::new();
        for run in &self.runs {
            sources.push(Box::new(
                Snapshot::open(&run.path, run.span, &self.folder.keys)?.entries(&[])?,
            ));
        }
        sources.push(Box::new(memory));
        let (mut merge, runs) = (Merge::new(sources), self.runs);
        Ok(Box::new(std::iter::from_fn(move || {
            let _alive = &runs;
            merge.next()
        })))
    }
}
