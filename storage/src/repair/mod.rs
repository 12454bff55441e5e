//! Repair of a damaged store that is not open: skips what cannot be read, says so, and keeps
//! everything else.
//!
//! Snapshots and journal are read as far as their checksums say they are whole. Where something is
//! missing the index is asked, since it is a copy of the same. What comes out becomes one snapshot,
//! and the index is made anew from it. What was there before is moved to `damaged/` and never
//! removed. The new files are made in `repaired/` and take their places only when all are durable;
//! a repair that was cut off is ended by the next one, and until then the store does not open.

mod gather;
mod told;

pub use told::{Damage, LostContent, Repaired};

use crate::checkpoint::Checkpoint;
use crate::seal::Keys;
use crate::{Error, Options, Store, disk, journal, lock, pack, recover, search, snapshot};
use std::path::{Path, PathBuf};

/// Where the new files are made.
const FRESH: &str = "repaired";
/// Stands in [`FRESH`] when all of them are durable.
const READY: &str = "ready";
/// Where what was there before goes.
const ASIDE: &str = "damaged";
/// Repairs of one store whose leftovers are kept apart.
const ASIDE_MAX: u32 = 10_000;
/// What takes the place of what.
const SWAPPED: [&str; 2] = ["journal", snapshot::FOLDER];
/// What is made anew afterwards.
const DERIVED: [&str; 3] = [recover::INDEX, recover::INDEX_ASIDE, search::FOLDER];

/// Refuses a store whose repair was cut off while files took their places. Errors: `Corrupt`.
pub(crate) fn expect_none(dir: &Path) -> Result<(), Error> {
    if dir.join(FRESH).join(READY).exists() {
        return Err(Error::Corrupt(
            "a repair of this store was cut off; run it again".into(),
        ));
    }
    Ok(())
}

impl Store {
    /// Repairs the store in `options.dir`, which must not be open. A store without damage only gets
    /// its index made anew. Errors: `InUse`, `Unavailable` (disk full: then the store is as it was,
    /// or the next repair goes on), `Corrupt` (its keyring, or a version that is not known, I-18).
    pub fn repair(options: &Options) -> Result<Repaired, Error> {
        let held = lock::lock(&options.dir)?;
        let fresh = options.dir.join(FRESH);
        let mut report = Repaired::default();
        if !fresh.join(READY).exists() {
            remove_tree(options, &fresh)?;
            let keys = Keys::open(options, false)?;
            packs(options, &mut report)?;
            let needs_base = gather::gather(options, &keys, &fresh, &mut report)?;
            if !needs_base {
                remove_tree(options, &fresh)?;
            }
        }
        if fresh.join(READY).exists() {
            swap(options, &fresh)?;
            report.aside = Some(options.dir.join(ASIDE));
        }
        Checkpoint::distrust(&options.dir, &options.disk);
        drop(held);
        let store = Store::open(options)?;
        told::contents(&store, &mut report)?;
        let watch = options.disk.watch();
        report.remaining = store.check_telling(false, &mut |p| watch.tell(p))?;
        store.close()?;
        Ok(report)
    }
}

fn remove_tree(options: &Options, dir: &Path) -> Result<(), Error> {
    let removed = options.disk.remove_tree(dir);
    removed.map_err(|e| disk::failed("cannot remove", dir, &e))
}

/// A place in the first folder for what was moved aside that has none of this name.
fn aside(options: &Options, name: &str) -> Result<PathBuf, Error> {
    for number in 1..ASIDE_MAX {
        let folder = match number {
            1 => ASIDE.to_owned(),
            n => format!("{ASIDE}.{n}"),
        };
        let folder = options.dir.join(folder);
        if !folder.join(name).exists() {
            options.disk.make_dir(&folder)?;
            return Ok(folder.join(name));
        }
    }
    Err(Error::TooLarge("number of repairs"))
}

fn rename(options: &Options, from: &Path, to: &Path) -> Result<(), Error> {
    let renamed = options.disk.rename(from, to);
    renamed.map_err(|e| disk::failed("cannot move", from, &e))?;
    for changed in [from, to] {
        options.disk.sync_dir(changed.parent().unwrap_or(changed))?;
    }
    Ok(())
}

/// Puts the new files into their places. May be cut off anywhere and begun again.
fn swap(options: &Options, fresh: &Path) -> Result<(), Error> {
    Checkpoint::distrust(&options.dir, &options.disk);
    for name in SWAPPED {
        let (new, old) = (fresh.join(name), options.dir.join(name));
        if !new.exists() {
            continue;
        }
        if old.exists() {
            rename(options, &old, &aside(options, name)?)?;
        }
        rename(options, &new, &old)?;
    }
    for name in DERIVED {
        let old = options.dir.join(name);
        if old.exists() {
            rename(options, &old, &aside(options, name)?)?;
        }
    }
    remove_tree(options, fresh)?;
    options.disk.sync_dir(&options.dir)
}

/// Makes the new files: one snapshot up to segment `last`, and the segment with which the journal goes on.
fn found(
    options: &Options,
    folder: &snapshot::Folder,
    last: u32,
    summary: snapshot::Summary,
    entries: &mut dyn Iterator<Item = Result<snapshot::Entry, Error>>,
) -> Result<(), Error> {
    let next = last.checked_add(1).ok_or(Error::TooLarge("journal"))?;
    snapshot::write_base(folder, last, summary, entries)?;
    journal::begin(&folder.journal(), &options.disk, next)?;
    options.disk.sync_dir(&folder.store)?;
    options.disk.replace(&folder.store, READY, b"1")
}

/// Gives packs whose header alone is damaged their header again.
fn packs(options: &Options, report: &mut Repaired) -> Result<(), Error> {
    let dir = options.dir.join("packs");
    for (name, mended) in pack::headless(&dir)? {
        report.add(
            format!("pack {name}: its header is damaged; it was written again"),
            &[],
        );
        let path = dir.join(&name);
        let to = aside(options, &name)?;
        rename(options, &path, &to)?;
        options.disk.replace(&dir, &name, &mended)?;
    }
    Ok(())
}
