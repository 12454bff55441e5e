//! Start: trust the index as far as the checkpoint allows, replay the journal, or rebuild (I-19).

use crate::applied::{self, Applied};
use crate::checkpoint::{self, Checkpoint};
use crate::disk;
use crate::domain;
use crate::engine;
use crate::error::{Cure, Fault};
use crate::index::{Index, Op, decode_ops, ops_of};
use crate::journal::{self, Found, Lineage, Position, Subject};
use crate::owner::Owner;
use crate::rebuild::{self, Reindexed};
use crate::seal::Keys;
use crate::snapshot::{self, Folder, Unsound};
use crate::store::Opening;
use crate::{AccountId, EngineKind, Error, ModSeq, Options, key, pack, record, spare};
use std::path::Path;

pub(crate) const INDEX: &str = "index";
pub(crate) const INDEX_ASIDE: &str = "index.aside";
/// Octets of the journal that are written to the index at once.
const REPLAY_OCTETS: usize = 4 << 20;

/// A store's index, equal to its journal.
pub(crate) struct Recovered {
    pub index: Index,
    pub found: Found,
    /// By what the journal can be told from another.
    pub lineage: Lineage,
    /// The ModSeq of the system's last commit.
    pub system: ModSeq,
    /// Whether the stop before was clean.
    pub clean: bool,
    pub snapshots: Folder,
    /// The last segment of the journal that snapshots cover.
    pub covered: u32,
    /// When it was made anew: of how much.
    pub rebuilt: Option<Reindexed>,
    /// Damage that was met although the index could be trusted.
    pub unsound: Option<Unsound>,
}

/// Opens the index and brings it to the journal's end.
pub(crate) fn recover(
    options: &Options,
    (keys, owner): (&Keys, Owner),
    opening: Opening,
) -> Result<Recovered, Error> {
    options.disk.make_dir(&options.dir.join("journal"))?;
    let snapshots = Folder::at(&options.dir, &options.disk, keys, owner);
    snapshots.clear()?;
    let found = Checkpoint::read(&options.dir, owner)?;
    let is_astray = found.as_ref().is_some_and(|c| c.is_astray(&options.dir));
    if is_astray && opening == Opening::Usual {
        return Err(apart(&options.dir.join(checkpoint::FILE)));
    }
    // What another journal promised, this one did not.
    let checkpoint = found.filter(|_| !is_astray);
    let whole = checkpoint.as_ref().is_some_and(|c| is_whole(c, options));
    let mut promised = checkpoint.as_ref().map(|c| c.position);
    let checkpoint = checkpoint.filter(|c| trusted(c, options));
    if opening != Opening::Usual {
        // Nothing is applied before it is durable.
        let applied = checkpoint.and_then(|_| applied(options, keys, owner));
        promised = promised.max(applied);
    } else if let Some(checkpoint) = checkpoint {
        match resume(options, keys, &snapshots, &checkpoint) {
            Ok(Some(mut recovered)) => {
                let end = recovered.found.end;
                // The newest segments only: upkeep looks at all of them, and a start has to be short.
                let newest = end.segment.saturating_sub(1);
                match snapshot::unsound(&recovered.snapshots, newest, end) {
                    Ok(found) => recovered.unsound = found,
                    Err(e) => tracing::warn!(error = %e, "the journal was not looked at"),
                }
                if let Some(found) = &recovered.unsound {
                    tracing::warn!(error = %found.why, "opened with damage; the index still has what is lost there");
                }
                renew(options, &recovered, &checkpoint)?;
                // A rebuild that ended just before its last step.
                let _ = options.disk.remove_tree(&options.dir.join(INDEX_ASIDE));
                return Ok(recovered);
            }
            Ok(None) => {}
            Err(Refused::Damage(e)) => return Err(e),
            Err(Refused::Other(e @ Error::Corrupt(_))) => {
                tracing::warn!(error = %e, "rebuilding the index")
            }
            Err(Refused::Other(e)) => return Err(e),
        }
    }
    rebuild(options, keys, snapshots, (whole, promised))
}

/// Why the index cannot go on.
enum Refused {
    /// The journal is damaged and the index has what is lost: a rebuild would drop it.
    Damage(Error),
    Other(Error),
}

impl From<Error> for Refused {
    fn from(e: Error) -> Self {
        Self::Other(e)
    }
}

/// This is not what belongs to the journal. Which of the two came from elsewhere, whoever put it there knows.
fn apart(path: &Path) -> Error {
    let file = path.display().to_string();
    Error::cured(Fault::Apart { file }, Cure::Rebuild)
}

/// The journal ends before what was promised.
pub(crate) fn short(end: Position) -> Error {
    let (segment, at) = (end.segment, end.offset);
    Error::cured(Fault::JournalShort { segment, at }, Cure::Repair)
}

/// Up to where the index was written, when it can be read.
fn applied(options: &Options, keys: &Keys, owner: Owner) -> Option<Position> {
    let is_there = options.dir.join(INDEX).is_dir() && !options.dir.join(INDEX_ASIDE).exists();
    let index = is_there.then(|| open_engine(options, keys).ok())??;
    if owner.disowns(&index) || applied::is_of_another(&index, &options.dir.join("journal")) {
        return None;
    }
    let applied = Applied::read(&index).ok()??;
    Some(applied.position)
}

/// sled's flush does not reach the disk by itself: after another boot its files may have holes.
fn trusted(checkpoint: &Checkpoint, options: &Options) -> bool {
    options.engine != EngineKind::Memory && is_whole(checkpoint, options)
}

/// Whether all that was written is there: the store was closed, or only its process ended, and the
/// system kept what it had. Content that is bad then was damaged, not lost, and undoes no commit.
pub(crate) fn is_whole(checkpoint: &Checkpoint, options: &Options) -> bool {
    let same_boot = options.boot_id.is_some() && checkpoint.boot_id == options.boot_id;
    checkpoint.clean || same_boot
}

fn resume(
    options: &Options,
    keys: &Keys,
    snapshots: &Folder,
    checkpoint: &Checkpoint,
) -> Result<Option<Recovered>, Refused> {
    if !options.dir.join(INDEX).is_dir() {
        return Ok(None);
    }
    let index = open_engine(options, keys)?;
    if snapshots.owner.disowns(&index) {
        tracing::warn!("the index belongs to another store");
        return Ok(None);
    }
    let known = Applied::read(&index)?;
    let applied = known.map_or(Position::START, |known| known.position);
    let mut lineage = applied::lineage(&index, known);
    if lineage.is_anothers(&snapshots.journal()) {
        return Err(Refused::Damage(apart(&options.dir.join(INDEX))));
    }
    if applied < checkpoint.position {
        return Err(Error::Corrupt("the index is behind its checkpoint".into()).into());
    }
    // Before anything is replayed: an index that has more than the journal can tell is not to be
    // set back. Each commit was durable before it was applied, and all that was written is there.
    let end = journal::whole(&snapshots.journal(), checkpoint.position)?;
    if applied > end {
        return Err(Refused::Damage(short(end)));
    }
    let mut system = checkpoint.system;
    let found = replay(
        options,
        keys,
        checkpoint.position,
        &index,
        &mut system,
        is_whole(checkpoint, options),
    )?;
    lineage.last = found.last.or(lineage.last);
    Ok(Some(Recovered {
        index,
        found,
        lineage,
        system,
        clean: checkpoint.clean && found.torn == 0,
        snapshots: snapshots.clone(),
        covered: snapshots.chain()?.covered(),
        rebuilt: None,
        unsound: None,
    }))
}

/// From here on a crash must be noticed.
fn renew(options: &Options, recovered: &Recovered, before: &Checkpoint) -> Result<(), Error> {
    let boot_id = options.boot_id.clone();
    Checkpoint {
        clean: false,
        boot_id,
        lineage: recovered.lineage.clone(),
        ..before.clone()
    }
    .write(&options.dir, &options.disk, recovered.snapshots.owner)?;
    recovered.snapshots.owner.sign(&recovered.index)?;
    applied::note(&recovered.index, recovered.found.end, &recovered.lineage)
}

fn rebuild(
    options: &Options,
    keys: &Keys,
    snapshots: Folder,
    (whole, promised): (bool, Option<Position>),
) -> Result<Recovered, Error> {
    // What looks like damage may be an engine that could not write.
    spare::expect_room(options)?;
    let chain = snapshots.chain()?;
    let from = rebuild::tail(&snapshots, &chain)?;
    // Before anything is moved: what was durable at the checkpoint must be there. Else the index may
    // be the last that has it, and a repair asks it.
    let end = journal::whole(&snapshots.journal(), from)?;
    if promised.is_some_and(|promised| end < promised) {
        return Err(short(end));
    }
    let (index, aside) = (options.dir.join(INDEX), options.dir.join(INDEX_ASIDE));
    if aside.exists() {
        // A rebuild before did not end: what it began is nothing, what it put aside may be the best there is.
        let _ = options.disk.remove_tree(&index);
    } else if index.exists() {
        // Kept until the new one stands, for whoever wants to know what was wrong.
        let moved = options.disk.rename(&index, &aside);
        moved.map_err(|e| disk::failed("cannot move aside", &index, &e))?;
    }
    let index = open_engine(options, keys)?;
    let loaded = rebuild::load(&chain, &index)?;
    let mut system = chain.summary().system;
    let found = replay(options, keys, from, &index, &mut system, whole)?;
    let commits = found.records;
    if loaded + commits > 0 {
        tracing::info!(
            keys = loaded,
            commits,
            "the index was made anew from snapshots and journal"
        );
    }
    snapshots.owner.sign(&index)?;
    let lineage = Lineage::of(&snapshots.journal(), from, found.last);
    applied::note(&index, found.end, &lineage)?;
    index.checkpoint()?;
    let boot_id = options.boot_id.clone();
    Checkpoint {
        position: found.end,
        system,
        clean: false,
        boot_id,
        lineage: lineage.clone(),
    }
    .write(&options.dir, &options.disk, snapshots.owner)?;
    if aside.exists() {
        let _ = options.disk.remove_tree(&aside);
    }
    Ok(Recovered {
        index,
        found,
        lineage,
        system,
        clean: false,
        covered: chain.covered(),
        snapshots,
        rebuilt: Some(Reindexed {
            keys: loaded,
            commits,
        }),
        unsound: None,
    })
}

/// Brings the index from `from` to the journal's end. After a stop that was not clean the last
/// group counts only as far as the content it names is on the disk too.
pub(crate) fn replay(
    options: &Options,
    keys: &Keys,
    from: Position,
    index: &Index,
    system: &mut ModSeq,
    whole: bool,
) -> Result<Found, Error> {
    // A frame counts as a whole: of the last one nothing is applied before all of it was looked at.
    let mut last = Vec::new();
    let mut undone = false;
    let (mut pending, mut octets) = (Vec::new(), 0);
    // A commit may be as large as a mailbox: its changes are taken one by one.
    let mut apply = |subject: Subject, ops: &mut dyn Iterator<Item = Result<Op, Error>>| {
        if let (AccountId::SYSTEM, Some(modseq)) = (subject.account, subject.modseq) {
            *system = (*system).max(modseq);
        }
        for op in ops {
            let op = op?;
            octets += op.octets();
            pending.push(op);
            if octets >= REPLAY_OCTETS {
                octets = 0;
                index.write(std::mem::take(&mut pending))?;
            }
        }
        Ok::<_, Error>(())
    };
    let found = journal::replay(&options.dir.join("journal"), keys, from, &mut |met| {
        if !met.last {
            apply(met.subject, &mut ops_of(met.body))?;
            return Ok(true);
        }
        let ops = decode_ops(met.body)?;
        if whole || content_is_whole(options, &ops)? {
            last.push((met.subject, ops));
        } else {
            tracing::warn!("content of the last commits did not come to the disk; they are undone");
            undone = true;
        }
        Ok(!undone)
    })?;
    if !undone {
        last.into_iter()
            .try_for_each(|(subject, ops)| apply(subject, &mut ops.into_iter().map(Ok)))?;
    }
    index.write(pending)?;
    if found.torn > 0 {
        tracing::warn!(octets = found.torn, "cut a torn tail off the journal");
    }
    Ok(found)
}

pub(crate) fn content_is_whole(options: &Options, ops: &[Op]) -> Result<bool, Error> {
    for op in ops {
        let Op::Put(key, value) = op else { continue };
        let Some(id) = key::blob_of(key) else {
            continue;
        };
        if !pack::is_whole(options, id, &record::decode(value, "blob")?) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn open_engine(options: &Options, keys: &Keys) -> Result<Index, Error> {
    open_index(options, options.engine, &options.dir.join(INDEX), keys)
}

/// The index that `engine` keeps in `dir`.
pub(crate) fn open_index(
    options: &Options,
    engine: EngineKind,
    dir: &Path,
    keys: &Keys,
) -> Result<Index, Error> {
    let engine = engine::open(engine, dir, options.cache_bytes)?;
    let index = Index::new(engine).sealed_with(keys.clone());
    domain::load(keys, &index)?;
    Ok(index)
}
