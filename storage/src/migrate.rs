//! Moving a store's index to another engine: offline, made anew from snapshots and
//! journal, compared key by key, then put in the old one's place.
//!
//! The file `format` names the engine. The new index grows in `index.NAME`; replacing the file is
//! the one step that counts. Before it a stop leaves the old index and a folder to throw away;
//! after it the next open finishes: the old index goes aside, the new one takes its name.

use crate::checkpoint::Checkpoint;
use crate::error::{Cure, Fault, Obstacle};
use crate::format::{Format, Found};
use crate::index::{Index, Op};
use crate::owner::Owner;
use crate::seal::Keys;
use crate::snapshot::Folder;
use crate::{EngineKind, Error, Options, Stage, Store, Watch, disk, key, lock, rebuild, recover};
use std::path::{Path, PathBuf};

/// Octets that are compared at once.
const COMPARE_OCTETS_MAX: usize = 1 << 20;

/// What [`Store::migrate`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// Keys that both indexes hold.
    pub keys: u64,
}

impl Store {
    /// Moves the index of the closed store to the engine `to`; `options.engine` is not asked.
    /// The mail is not touched. Errors: `InUse`, `Unavailable` (no room), `Corrupt` (what the new
    /// index holds differs; then nothing was changed), `Invalid` (an engine that keeps nothing).
    pub fn migrate(options: &Options, to: EngineKind) -> Result<Migrated, Error> {
        if !EngineKind::ON_DISK.contains(&to) {
            return Err(Error::Invalid("an engine that keeps nothing"));
        }
        if Found::look(&options.dir)? == Found::New {
            let dir = options.dir.display().to_string();
            return Err(Error::Unavailable(Obstacle::NoStore { dir }));
        }
        let format = Format::read(&options.dir)?;
        let engine = format.map_or(options.engine, |f| f.engine);
        let old = Options {
            engine,
            ..options.clone()
        };
        // Brings the old index to the journal's end, or makes it anew where it is damaged.
        let store = Self::open(&old)?;
        store.close()?;
        let keys = store.inner.shared.keys.clone();
        drop(store);
        let _lock = lock::lock(&options.dir)?;
        let unmarked = || Error::cured(Fault::FormatGone, Cure::Format);
        let format = Format::read(&options.dir)?.ok_or_else(unmarked)?;
        let keys = fill(&old, to, (&keys, format.owner()))?;
        if engine != to {
            let format = Format {
                engine: to,
                ..format
            };
            format.write(&options.dir, &options.disk)?;
            finish(options, to)?;
        }
        Ok(Migrated { keys })
    }
}

/// Where the index for `kind` grows.
fn new_folder(dir: &Path, kind: EngineKind) -> PathBuf {
    dir.join(format!("{}.{}", recover::INDEX, kind.name()))
}

/// Makes the new index and compares it with the old one. Returns the number of keys.
fn fill(old: &Options, to: EngineKind, (keys, owner): (&Keys, Owner)) -> Result<u64, Error> {
    let checkpoint = Checkpoint::read(&old.dir, owner)?.filter(|c| c.clean);
    let place = checkpoint.ok_or_else(|| Error::Corrupt("the store was not closed".into()))?;
    let dir = new_folder(&old.dir, to);
    remove(old, &dir)?;
    let new = recover::open_index(old, to, &dir, keys)?;
    let snapshots = Folder::at(&old.dir, &old.disk, keys, owner);
    let chain = snapshots.chain()?;
    let from = rebuild::tail(&snapshots, &chain)?;
    let loaded = rebuild::load(&chain, &new)?;
    let mut system = chain.summary().system;
    let found = recover::replay(old, keys, from, &new, &mut system, true)?;
    if found.end != place.position {
        return Err(Error::Corrupt(
            "the journal ends elsewhere than its checkpoint".into(),
        ));
    }
    owner.sign(&new)?;
    let index = recover::open_index(old, old.engine, &old.dir.join(recover::INDEX), keys)?;
    // What it knows of the journal, which is the same.
    for key in [key::applied(), key::begun()] {
        let value = index.get(&key)?;
        new.write(
            value
                .into_iter()
                .map(|value| Op::Put(key.clone(), value))
                .collect(),
        )?;
    }
    new.checkpoint()?;
    old.disk.watch().begin(Stage::Comparing, loaded);
    let compared = compare(&index, &new, old.disk.watch());
    if old.engine == to || compared.is_err() {
        drop(new);
        remove(old, &dir)?;
    }
    old.disk.sync_dir(&old.dir)?;
    compared
}

fn remove(options: &Options, dir: &Path) -> Result<(), Error> {
    if !dir.exists() {
        return Ok(());
    }
    let removed = options.disk.remove_tree(dir);
    removed.map_err(|e| disk::failed("cannot remove", dir, &e))
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Pairs from `from` on, as many as are compared at once. Pieces of large values are seen with them.
fn some(index: &Index, from: &[u8]) -> Result<Pairs, Error> {
    let (mut pairs, mut octets) = (Pairs::new(), 0);
    index.scan(&[], from, &mut |key, value| {
        if key::kind_of(key) != key::PART {
            octets += key.len() + value.len();
            pairs.push((key.to_vec(), value.to_vec()));
        }
        Ok(octets < COMPARE_OCTETS_MAX)
    })?;
    Ok(pairs)
}

/// Errors: `Corrupt` when there is any difference.
fn compare(a: &Index, b: &Index, watch: &Watch) -> Result<u64, Error> {
    let (mut keys, mut from) = (0, Vec::new());
    loop {
        let (ours, theirs) = (some(a, &from)?, some(b, &from)?);
        if ours != theirs {
            return Err(Error::corrupt(Fault::IndexDiffers));
        }
        keys += ours.len() as u64;
        watch.more(ours.len() as u64);
        let Some((last, _)) = ours.last() else {
            return Ok(keys);
        };
        from = [last, &[0][..]].concat();
    }
}

/// At open, when the engine is known to be the store's: finishes or throws away what a migration left.
pub(crate) fn settle(options: &Options) -> Result<(), Error> {
    match EngineKind::ON_DISK.contains(&options.engine) {
        true => finish(options, options.engine),
        false => Ok(()),
    }
}

fn finish(options: &Options, kind: EngineKind) -> Result<(), Error> {
    for other in EngineKind::ON_DISK.into_iter().filter(|k| *k != kind) {
        remove(options, &new_folder(&options.dir, other))?;
    }
    let (new, index) = (
        new_folder(&options.dir, kind),
        options.dir.join(recover::INDEX),
    );
    if !new.exists() {
        return Ok(());
    }
    let aside = options.dir.join(recover::INDEX_ASIDE);
    let rename = |from: &Path, to: &Path| {
        let renamed = options.disk.rename(from, to);
        renamed.map_err(|e| disk::failed("cannot rename", from, &e))
    };
    if index.exists() {
        remove(options, &aside)?;
        rename(&index, &aside)?;
    }
    rename(&new, &index)?;
    options.disk.sync_dir(&options.dir)?;
    remove(options, &aside)
}
