//! Start: trust the index as far as the checkpoint allows, replay the journal, or rebuild (I-19).

use crate::checkpoint::Checkpoint;
use crate::disk;
use crate::engine::{MemoryEngine, SledEngine};
use crate::index::{Index, decode_ops};
use crate::journal::{self, Found, Position};
use crate::{AccountId, EngineKind, Error, ModSeq, Options, commit, key, record};
use std::path::Path;

const INDEX: &str = "index";
const INDEX_ASIDE: &str = "index.aside";

/// A store's index, equal to its journal.
pub(crate) struct Recovered {
    pub index: Index,
    pub found: Found,
    /// The ModSeq of the system's last commit.
    pub system: ModSeq,
    /// Whether the stop before was clean.
    pub clean: bool,
}

/// Opens the index and brings it to the journal's end.
pub(crate) fn recover(options: &Options) -> Result<Recovered, Error> {
    let journal = options.dir.join("journal");
    disk::make_dir(&journal)?;
    let checkpoint = Checkpoint::read(&options.dir)?;
    if let Some(checkpoint) = checkpoint.filter(|c| trusted(c, options)) {
        match resume(options, &journal, &checkpoint) {
            Ok(Some(recovered)) => {
                renew(options, &recovered, &checkpoint)?;
                return Ok(recovered);
            }
            Ok(None) => tracing::warn!("the index is ahead of the journal; rebuilding it"),
            Err(e @ Error::Corrupt(_)) => tracing::warn!(error = %e, "rebuilding the index"),
            Err(e) => return Err(e),
        }
    }
    rebuild(options, &journal)
}

/// sled's flush does not reach the disk by itself: after another boot its files may have holes.
fn trusted(checkpoint: &Checkpoint, options: &Options) -> bool {
    let same_boot = options.boot_id.is_some() && checkpoint.boot_id == options.boot_id;
    options.engine != EngineKind::Memory && (checkpoint.clean || same_boot)
}

fn resume(
    options: &Options,
    journal: &Path,
    checkpoint: &Checkpoint,
) -> Result<Option<Recovered>, Error> {
    if !options.dir.join(INDEX).is_dir() {
        return Ok(None);
    }
    let index = open_engine(options)?;
    let applied = match index.get(&key::applied())? {
        Some(value) => record::decode::<Position>(&value, "place")?,
        None => Position::START,
    };
    if applied < checkpoint.position {
        return Err(Error::Corrupt("the index is behind its checkpoint".into()));
    }
    let mut system = checkpoint.system;
    let found = replay(journal, checkpoint.position, &index, &mut system)?;
    if applied > found.end {
        return Ok(None);
    }
    Ok(Some(Recovered {
        index,
        found,
        system,
        clean: checkpoint.clean && found.torn == 0,
    }))
}

/// From here on a crash must be noticed.
fn renew(options: &Options, recovered: &Recovered, before: &Checkpoint) -> Result<(), Error> {
    let boot_id = options.boot_id.clone();
    Checkpoint {
        clean: false,
        boot_id,
        ..before.clone()
    }
    .write(&options.dir, &options.room)?;
    commit::note_applied(&recovered.index, recovered.found.end)
}

fn rebuild(options: &Options, journal: &Path) -> Result<Recovered, Error> {
    let (index, aside) = (options.dir.join(INDEX), options.dir.join(INDEX_ASIDE));
    if index.exists() {
        // Kept until the new one stands, for whoever wants to know what was wrong.
        let _ = std::fs::remove_dir_all(&aside);
        std::fs::rename(&index, &aside)
            .map_err(|e| disk::failed("cannot move aside", &index, &e))?;
    }
    let index = open_engine(options)?;
    let mut system = ModSeq::FIRST;
    let found = replay(journal, Position::START, &index, &mut system)?;
    if found.records > 0 {
        tracing::info!(
            records = found.records,
            "the index was rebuilt from the journal"
        );
    }
    commit::note_applied(&index, found.end)?;
    index.checkpoint()?;
    let boot_id = options.boot_id.clone();
    Checkpoint {
        position: found.end,
        system,
        clean: false,
        boot_id,
    }
    .write(&options.dir, &options.room)?;
    if aside.exists() {
        let _ = std::fs::remove_dir_all(&aside);
    }
    Ok(Recovered {
        index,
        found,
        system,
        clean: false,
    })
}

fn replay(
    journal: &Path,
    from: Position,
    index: &Index,
    system: &mut ModSeq,
) -> Result<Found, Error> {
    let found = journal::replay(journal, from, &mut |subject, body| {
        if let (AccountId::SYSTEM, Some(modseq)) = (subject.account, subject.modseq) {
            *system = (*system).max(modseq);
        }
        decode_ops(body)?.iter().try_for_each(|op| index.apply(op))
    })?;
    if found.torn > 0 {
        tracing::warn!(octets = found.torn, "cut a torn tail off the journal");
    }
    Ok(found)
}

fn open_engine(options: &Options) -> Result<Index, Error> {
    Ok(Index::new(match options.engine {
        EngineKind::Memory => Box::new(MemoryEngine::default()),
        EngineKind::Sled => Box::new(SledEngine::open(
            &options.dir.join(INDEX),
            options.cache_bytes,
        )?),
    }))
}
