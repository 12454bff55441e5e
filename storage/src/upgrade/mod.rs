//! Upgrades: a store of an earlier format is made one of this format when it is opened.
//!
//! Values of the second version stay where they lie and are read as they are (`second`); what is written anew is
//! of the third. Files whose heads do not name their store stay too (`third`). Only the file `format` changes, so
//! that an older program keeps its hands off. Of a store of the
//! first format, the journal is read to the end, every value taken through one function for each version between,
//! and the result written as the first snapshot, which is read back whole. Only then the old journal
//! is taken away, and the index is made anew. Before that the store is kept as it was, for whoever wants to go
//! back (`kept`; a plain one, where the store is encrypted by now, until the next snapshot). A stop at
//! any point leaves either the old store or the new one. There is no way from a new format to an
//! older one, and what is of an unknown version is refused (I-18).

mod first;
mod kept;
mod second;
mod third;

use crate::error::{Cure, Fault};
use crate::format::{self, Format};
use crate::index::Op;
use crate::journal::{self, Position, Subject};
use crate::owner::Owner;
use crate::seal::Keys;
use crate::snapshot::{self, Folder, Sorter, Summary};
use crate::{AccountId, Error, Options, disk, record, repair};
pub(crate) use first::Wrong;
pub use kept::Upgraded;
pub(crate) use kept::forget_plain;
use std::path::Path;

/// The snapshot that an upgrade from the first format writes.
pub(crate) const FIRST: snapshot::Span = snapshot::Span { first: 0, last: 0 };
/// The journal of the first format, until it is removed.
const FIRST_JOURNAL: &str = "journal.1";

/// One step: the body of a value of one version (what follows its version octet) at this key, to a
/// whole value of the next. The time is that of the upgrade, Unix seconds.
type Step = fn(&[u8], &[u8], i64) -> Result<Vec<u8>, Error>;

/// The step at place n leads from version n + 1 to version n + 2.
const STEPS: [Step; record::VERSION as usize - 1] = [first::step, second::step];

/// Takes a value of any earlier version to this one. Errors: `Corrupt`.
pub(crate) fn step(key: &[u8], mut value: Vec<u8>, now: i64) -> Result<Vec<u8>, Error> {
    while value.first() != Some(&record::VERSION) {
        let (version, body) = value
            .split_first()
            .ok_or_else(|| Error::Corrupt("an empty value".into()))?;
        let number = usize::from(*version).checked_sub(1);
        let step = number
            .and_then(|n| STEPS.get(n))
            .ok_or_else(|| unknown(*version))?;
        value = step(key, body, now)?;
    }
    Ok(value)
}

fn unknown(version: u8) -> Error {
    Error::cured(Fault::ValueVersion { version }, Cure::Newer)
}

/// Takes the file `format` of any earlier format that has one to this one.
pub(crate) fn format(before: Format) -> Format {
    match before.version {
        // Between the second and the third only values changed.
        ..=3 => third::step(before),
        _ => before,
    }
}

/// Keeps the store as it is, when it is of an earlier format that has the file `format`; one that just came out of a
/// backup is kept there. Errors: `Unavailable`; then nothing was changed.
pub(crate) fn keep(options: &Options, before: Format) -> Result<Option<Upgraded>, Error> {
    let restored = options.dir.join(repair::RESTORED).exists();
    if before.version == format::VERSION || restored {
        return Ok(None);
    }
    kept::keep(options, before)?;
    Ok(Some(upgraded(options, before.version)))
}

fn upgraded(options: &Options, from: u32) -> Upgraded {
    let (to, kept) = (format::VERSION, kept::folder(options, from));
    Upgraded { from, to, kept }
}

/// Says, once it is done, that the store was upgraded.
pub(crate) fn tell(options: &Options, upgraded: Option<Upgraded>) {
    if let Some(upgraded) = upgraded {
        let Upgraded { from, to, kept } = &upgraded;
        tracing::info!(from, to, kept = %kept.display(), "the store was upgraded");
        options.disk.watch().upgraded(&upgraded);
    }
}

/// Makes a store of the first format one of this format, but for the file that says so.
/// Errors: `Corrupt` when the old journal is damaged; then nothing was changed.
pub(crate) fn from_first(options: &Options, keys: &Keys, owner: Owner) -> Result<Upgraded, Error> {
    tracing::info!("upgrading the store from the first format");
    written(options, keys, owner, &mut |each| {
        first::replay(options, each).map(|_| false)
    })?;
    swapped(options)
}

/// Begins the same with a damaged one: what is whole of its journal becomes the first snapshot. `wrong` hears of all
/// else. Whether commits are lost; [`swapped`] does the rest. Errors: `Unavailable`.
pub(crate) fn salvaged(
    options: &Options,
    keys: &Keys,
    owner: Owner,
    wrong: &mut dyn FnMut(Wrong),
) -> Result<bool, Error> {
    written(options, keys, owner, &mut |each| {
        let mut lost = false;
        let noted = &mut |what: Wrong| {
            lost |= what.is_loss();
            wrong(what);
        };
        first::salvage(options, noted, each)?;
        Ok(lost)
    })
}

/// Called for each commit.
type Each<'a> = dyn FnMut(Subject, Vec<Op>) -> Result<(), Error> + 'a;

/// Writes all commits that `read` visits as the first snapshot; `read` tells whether some are lost, and so does this.
fn written(
    options: &Options,
    keys: &Keys,
    owner: Owner,
    read: &mut dyn FnMut(&mut Each<'_>) -> Result<bool, Error>,
) -> Result<bool, Error> {
    let folder = Folder::at(&options.dir, &options.disk, keys, owner);
    // What an upgrade that was cut off left.
    let snapshots = options.dir.join(snapshot::FOLDER);
    let removed = options.disk.remove_tree(&snapshots);
    removed.map_err(|e| disk::failed("cannot remove", &snapshots, &e))?;
    options.disk.make_dir(&snapshots)?;
    let now = options.clock.now();
    let (mut sorter, mut summary) = (Sorter::new(&folder, options.sizes.sort), Summary::NONE);
    summary.time = now;
    let read = read(&mut |subject, ops| {
        if let (AccountId::SYSTEM, Some(system)) = (subject.account, subject.modseq) {
            summary.system = summary.system.max(system);
        }
        ops.into_iter().try_for_each(|op| {
            sorter.add(match op {
                Op::Put(key, value) => {
                    let value = step(&key, value, now)?;
                    Op::Put(key, value)
                }
                deleted => deleted,
            })
        })
    });
    // What was begun of it is of no use where the old journal is damaged.
    let lost = read.inspect_err(|_| drop(options.disk.remove_tree(&snapshots)))?;
    if lost {
        summary.system = repair::beyond(summary.system);
    }
    snapshot::write_base(&folder, 0, summary, &mut sorter.sorted()?)?;
    Ok(lost)
}

/// Keeps the store as it was, and takes its journal out of the place of the new one.
pub(crate) fn swapped(options: &Options) -> Result<Upgraded, Error> {
    let journal = options.dir.join("journal");
    kept::keep_these(options, 1, &kept::FIRST)?;
    let aside = options.dir.join(FIRST_JOURNAL);
    let moved = options.disk.rename(&journal, &aside);
    moved.map_err(|e| disk::failed("cannot move aside", &journal, &e))?;
    options.disk.sync_dir(&options.dir)?;
    finish(options)
}

/// Whether the store in `dir` was made of one of the first format and nothing was promised since: its journal, which goes
/// up to there at least, has not begun.
pub(crate) fn has_just_ended(dir: &Path, promised: Option<Position>) -> bool {
    let has_begun = journal::segments(&dir.join("journal")).is_ok_and(|found| !found.is_empty());
    let is_empty = promised.is_none_or(|promised| promised <= Position::START);
    dir.join(format::BEFORE[0]).exists() && !has_begun && is_empty
}

/// Takes away what the first format left beside the packs. Doing it again is fine.
pub(crate) fn finish(options: &Options) -> Result<Upgraded, Error> {
    let checkpoint = options.dir.join("checkpoint");
    match options.disk.remove(&checkpoint) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            return Err(disk::failed("cannot remove", &checkpoint, &e));
        }
        _ => {}
    }
    for folder in [FIRST_JOURNAL, "index", "index.aside"] {
        let path = options.dir.join(folder);
        let removed = options.disk.remove_tree(&path);
        removed.map_err(|e| disk::failed("cannot remove", &path, &e))?;
    }
    options.disk.sync_dir(&options.dir)?;
    Ok(upgraded(options, 1))
}
