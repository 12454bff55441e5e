//! Repair of a damaged store that is not open: skips what cannot be read, says so, and keeps
//! everything else.
//!
//! A store of the first format becomes one of this one, with all that is whole of it (`first`).
//! Files of another store go aside, packs get their own names and headers again (`packs`). Snapshots and journal are read as far as their checksums say they are
//! whole. Where something is
//! missing the index is asked, since it is a copy of the same. What comes out becomes one snapshot,
//! and the index is made anew from it. What was there before is moved to `damaged/` and never
//! removed. The new files are made in `repaired/` and take their places only when all are durable;
//! a repair that was cut off is ended by the next one, and until then the store does not open.
//! What was found is written down in `damaged/` before that, and what else is found before it is acted upon.
//! Last the counters of accounts are mended: nothing that was ever given is given again.

mod first;
mod gather;
mod lacking;
mod loss;
mod mend;
mod mishap;
mod packs;
mod report;
mod told;

pub(crate) use lacking::{FILE as LACKING, noted};
pub use loss::{Loss, Origin};
pub use report::Untold;
pub use told::{Damage, Gone, LostContent, Repaired};

use crate::checkpoint::{self, Checkpoint};
use crate::error::{Cure, Fault, Obstacle};
use crate::format::{self, Format, Found};
use crate::owner::{self, Owner};
use crate::seal::Keys;
use crate::store::Opening;
use crate::{
    Disk, EngineKind, Error, ModSeq, Options, Store, disk, journal, keyring, lock, pin, recover,
    search, snapshot, upgrade,
};
use gather::Gathered;
use mishap::{Mishap, Was, Whose};
use std::path::{Path, PathBuf};

/// Where the new files are made.
const FRESH: &str = "repaired";
/// Stands in [`FRESH`] when all of them are durable; says whether commits were lost.
const READY: &str = "ready";
/// Stands there when they have taken their places and counters are to be mended: says the same.
const MENDING: &str = "mending";
/// What the two say.
const LOST: &[u8] = b"lost";
const WHOLE: &[u8] = b"whole";
/// Stands in a store that came out of a backup until its counters have leapt.
pub(crate) const RESTORED: &str = "restored";
/// Where what was there before goes.
const ASIDE: &str = "damaged";
/// Added to the system's ModSeq when commits were lost, so that none is given twice.
const MODSEQ_LEAP: u64 = 1_000_000;
/// Repairs of one store whose leftovers are kept apart.
const ASIDE_MAX: u32 = 10_000;
/// What takes the place of what.
const SWAPPED: [&str; 2] = ["journal", snapshot::FOLDER];
/// What is made anew afterwards.
const DERIVED: [&str; 3] = [recover::INDEX, recover::INDEX_ASIDE, search::FOLDER];

/// Refuses a store whose repair was cut off while files took their places. Errors: `Corrupt`.
pub(crate) fn expect_none(dir: &Path) -> Result<(), Error> {
    if is_cut_off(dir) {
        return Err(Error::cured(Fault::RepairCutOff, Cure::EndRepair));
    }
    Ok(())
}

fn is_cut_off(dir: &Path) -> bool {
    let there = |name| dir.join(FRESH).join(name).exists();
    there(READY) || there(MENDING)
}

/// Removes what a repair had begun that was cut off before anything took its place: the store is as it was.
pub(crate) fn forget_begun(options: &Options) -> Result<(), Error> {
    let fresh = options.dir.join(FRESH);
    match fresh.exists() && !is_cut_off(&options.dir) {
        true => remove_tree(options, &fresh),
        false => Ok(()),
    }
}

impl Store {
    /// Repairs the store in `options.dir`, which must not be open. A store without damage only gets
    /// its index made anew. Errors: `InUse`, `Unavailable` (disk full: then the store is as it was,
    /// or the next repair goes on), `Corrupt` (its keyring, or a version that is not known, I-18).
    pub fn repair(options: &Options) -> Result<Repaired, Error> {
        expect_store(options)?;
        let held = lock::lock(&options.dir)?;
        pin::expect_file(&options.dir)?;
        let fresh = options.dir.join(FRESH);
        let mut report = Repaired {
            untold: report::untold(&options.dir),
            ..Repaired::default()
        };
        let keys = Keys::open(options, false)?;
        let first_lost = first::upgraded(options, &keys, &mut report)?;
        let (owner, options) = format(options, &mut report)?;
        let options = &options;
        if !is_cut_off(&options.dir) {
            remove_tree(options, &fresh)?;
            foreign(options, owner, &mut report)?;
            packs::put_right(options, owner, &mut report)?;
            let gathered = gather::gather(options, (&keys, owner), &fresh, &mut report);
            // What it had begun is of no use, and nothing says that it was.
            let gathered = gathered.inspect_err(|_| drop(remove_tree(options, &fresh)))?;
            report.keep((&options.dir, &options.disk), options.clock.now())?;
            match gathered {
                Gathered::Sound => remove_tree(options, &fresh)?,
                Gathered::Whole => options.disk.replace(&fresh, READY, WHOLE)?,
                Gathered::Lost => options.disk.replace(&fresh, READY, LOST)?,
            }
        }
        if fresh.join(READY).exists() {
            swap(options, &fresh)?;
            report.aside = Some(options.dir.join(ASIDE));
        }
        let lost = first_lost || std::fs::read(fresh.join(MENDING)).is_ok_and(|said| said == LOST);
        if lost && report.gone.is_none() {
            // What was found before it was cut off is forgotten.
            report.gone = Some(Gone {
                others: true,
                ..Gone::default()
            });
        }
        drop((held, keys));
        let store = Store::open_as(options, Opening::Repair)?;
        packs::number_on(&store)?;
        mend::packs(&store, &mut report)?;
        packs::found_again(&store, packs::misplaced, &mut report)?;
        mend::mend(&store, lost, &mut report)?;
        if first_lost {
            first::leapt(options)?;
        }
        remove_tree(options, &fresh)?;
        let damaged = packs::found_again(&store, packs::damaged, &mut report)?;
        store.inner.shared.look_again();
        let lacking = told::contents(&store, damaged, &mut report)?;
        store.inner.shared.save_harm();
        lacking::note(options, lacking)?;
        let watch = options.disk.watch();
        report.remaining = store.check_telling(false, &mut |p| watch.tell(p))?.lines();
        store.close()?;
        report.keep_all(options)?;
        Ok(report)
    }

    /// Whether a repair of this store was cut off, so that only another one helps.
    pub fn is_repair_cut_off(dir: &Path) -> bool {
        is_cut_off(dir)
    }
}

/// What was given after a backup is not given again when it is restored: clients have seen it (I-03, I-04, I-07;
/// RFC 9051 §2.3.1.1). Such a store leaps as after lost commits, once, before anybody uses it.
pub(crate) fn leap_restored(store: &Store, options: &Options) -> Result<(), Error> {
    let mark = options.dir.join(RESTORED);
    if !mark.exists() {
        return Ok(());
    }
    let origin = std::fs::read(&mark).map_err(|e| disk::failed("cannot read", &mark, &e))?;
    mend::mend(store, true, &mut Repaired::default())?;
    if let Some(origin) = Origin::read(&origin) {
        Loss::came_of(store, &origin)?;
    }
    let removed = options.disk.remove(&mark);
    removed.map_err(|e| disk::failed("cannot remove", &mark, &e))?;
    options.disk.sync_dir(&options.dir)
}

/// Somebody else's folder, no store at all, a store of another version, and a sealed store without its keyring
/// are not what a repair helps: nothing of them is touched. Errors: `Unavailable`; `Corrupt` for a keyring that
/// cannot be read.
pub(crate) fn expect_store(options: &Options) -> Result<(), Error> {
    keyring::expect_readable(&options.dir)?;
    let shown = || options.dir.display().to_string();
    match Found::look(&options.dir) {
        Ok(Found::New) => Err(Error::Unavailable(Obstacle::NoStore { dir: shown() })),
        // Nor may the mail of a sealed store be taken for damage.
        Ok(Found::Unmarked) if !Format::is_replaceable(&options.dir) => {
            let dir = shown();
            Err(Error::Unavailable(Obstacle::FormatAndKeyringGone { dir }))
        }
        Ok(Found::Unmarked | Found::First) => Ok(()),
        Ok(found) => found.allows(options),
        Err(e @ Error::Unavailable(_)) => Err(e),
        Err(e @ Error::Corrupt(_)) if Format::is_damaged(&options.dir) => {
            match Format::is_replaceable(&options.dir) {
                true => Ok(()),
                false => Err(e),
            }
        }
        // Damage, which a repair is for.
        Err(_) => Ok(()),
    }
}

/// A damaged file `format` goes aside, and where there is none it is made anew of what the store's files and its
/// index say. Returns whose the files are, and the options with the engine of the index.
fn format(options: &Options, report: &mut Repaired) -> Result<(Owner, Options), Error> {
    let damaged = Format::is_damaged(&options.dir);
    let strange = !damaged && of_another(&options.dir)?;
    if !damaged
        && !strange
        && let Some(before) = Format::read(&options.dir)?
    {
        // Before any file of this version is written.
        let (format, upgraded) = (upgrade::format(before), upgrade::keep(options, before)?);
        if format != before {
            format.write(&options.dir, &options.disk)?;
        }
        upgrade::tell(options, upgraded);
        return Ok((format.owner(), options.clone()));
    }
    let mut format = Format::anew(options)?;
    if damaged || strange {
        let to = aside(options, format::FILE)?;
        rename(options, &options.dir.join(format::FILE), &to)?;
        report.aside = Some(options.dir.join(ASIDE));
    }
    if Found::look(&options.dir) == Ok(Found::Upgrading) {
        upgrade::tell(options, Some(upgrade::finish(options)?));
        format.engine = options.engine;
    } else {
        let agreed = owner::agreed(&options.dir)?.id.is_some();
        let was = match (damaged, strange) {
            (true, _) => Was::Damaged,
            (_, true) => Was::OfAnother,
            _ => Was::Missing,
        };
        let whose = match agreed {
            true => Whose::Agreed,
            false => Whose::Drawn,
        };
        let engine = format.engine.name();
        report.add(&Mishap::Format { was, whose, engine }, &[]);
    }
    format.write(&options.dir, &options.disk)?;
    let engine = match options.engine {
        EngineKind::Memory => EngineKind::Memory,
        _ => format.engine,
    };
    let options = Options {
        engine,
        ..options.clone()
    };
    Ok((format.owner(), options))
}

/// Whether the file `format` is whole, and of another store than all other files.
fn of_another(dir: &Path) -> Result<bool, Error> {
    match Format::read(dir)? {
        Some(format) => format.owner().is_alone(dir),
        None => Ok(false),
    }
}

/// Files of another store, and what is no file, go aside; what should stand in their places is missing.
fn foreign(options: &Options, owner: Owner, report: &mut Repaired) -> Result<(), Error> {
    let checkpoint = options.dir.join(checkpoint::FILE);
    let no_file = Some(checkpoint).filter(|path| path.is_dir());
    for path in owner.foreign(&options.dir)?.into_iter().chain(no_file) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (what, to) = (owner::told(&path).what, aside(options, &name)?);
        rename(options, &path, &to)?;
        let to = to.display().to_string();
        report.add(&Mishap::Moved { what, to }, &[]);
        report.aside = Some(options.dir.join(ASIDE));
    }
    Ok(())
}

fn remove_tree(options: &Options, dir: &Path) -> Result<(), Error> {
    let removed = options.disk.remove_tree(dir);
    removed.map_err(|e| disk::failed("cannot remove", dir, &e))
}

/// A place in the first folder for what was moved aside that has none of this name.
fn aside(options: &Options, name: &str) -> Result<PathBuf, Error> {
    aside_in(&options.dir, &options.disk, name)
}

fn aside_in(dir: &Path, disk: &Disk, name: &str) -> Result<PathBuf, Error> {
    for number in 1..ASIDE_MAX {
        let folder = match number {
            1 => ASIDE.to_owned(),
            n => format!("{ASIDE}.{n}"),
        };
        let folder = dir.join(folder);
        if !folder.join(name).exists() {
            disk.make_dir(&folder)?;
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
    Checkpoint::forget(&options.dir, &options.disk);
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
    options.disk.sync_dir(&options.dir)?;
    let ready = fresh.join(READY);
    let said = std::fs::read(&ready).map_err(|e| disk::failed("cannot read", &ready, &e))?;
    options.disk.replace(fresh, MENDING, &said)?;
    let removed = options.disk.remove(&ready);
    removed.map_err(|e| disk::failed("cannot remove", &ready, &e))?;
    options.disk.sync_dir(fresh)
}

/// A ModSeq of the system beyond all that were given, when commits were lost (I-04).
pub(crate) fn beyond(system: ModSeq) -> ModSeq {
    ModSeq::new(system.raw().saturating_add(MODSEQ_LEAP)).unwrap_or(system)
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
    journal::begin(&folder.journal(), &options.disk, next, folder.owner)?;
    options.disk.sync_dir(&folder.store)
}
