//! The checkpoint: up to which place of the journal the index's files are on disk, and how the
//! store was stopped. A small file, replaced as a whole.

use crate::commit::Shared;
use crate::disk::{self, Disk};
use crate::error::{Cure, Fault};
use crate::journal::{Lineage, Mark, Position};
use crate::owner::{self, ID, Owner};
use crate::{Error, ModSeq, record};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Its name.
pub(crate) const FILE: &str = "checkpoint";
const MAGIC: &[u8; 8] = b"CVCHKP3\n";
/// Of one from before it told the journal from another.
const MAGIC_UNMARKED: &[u8; 8] = b"CVCHKP2\n";
/// Of one from before it named its store.
const MAGIC_NAMELESS: &[u8; 8] = b"CVCHKP\r\n";
const SUM: usize = 32;
/// Stood for the identity where there was no file `format`.
const NOBODY: [u8; ID] = [0; ID];

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    pub position: Position,
    /// The ModSeq of the system's last commit at `position`.
    pub system: ModSeq,
    /// Whether the store was closed and nothing written since.
    pub clean: bool,
    /// The machine's boot during which it was written.
    pub boot_id: Option<String>,
    /// By what the journal can be told from another. It stands behind the rest.
    #[serde(skip)]
    pub lineage: Lineage,
}

impl Checkpoint {
    /// Flushes the index, then moves the checkpoint to `position`, which must have been applied.
    pub(crate) fn take(
        shared: &Shared,
        (position, lineage): (Position, Lineage),
        system: ModSeq,
        clean: bool,
    ) -> Result<(), Error> {
        shared.place.expect()?;
        let owner = shared.snapshots.folder.owner;
        if shared.index.is_damaged() {
            Self::distrust(&shared.dir, &shared.disk, owner);
            return Err(Error::cured(Fault::Index, Cure::Restart));
        }
        shared.index.checkpoint()?;
        let boot_id = shared.boot_id.clone();
        Self {
            position,
            system,
            clean,
            boot_id,
            lineage,
        }
        .write(&shared.dir, &shared.disk, owner)
    }

    /// Makes the next start rebuild the index. How far the journal was promised stays known: a
    /// rebuild must not take damage for a torn tail.
    pub(crate) fn distrust(dir: &Path, disk: &Disk, owner: Owner) {
        let Ok(Some(before)) = Self::read(dir, owner) else {
            return;
        };
        if before.clean || before.boot_id.is_some() {
            tracing::error!("the index is damaged; the next start rebuilds it from the journal");
            let (clean, boot_id) = (false, None);
            let told = Self {
                clean,
                boot_id,
                ..before
            };
            let told = told.write(dir, disk, owner).is_ok();
            tracing::debug!(told, "checkpoint");
        }
    }

    /// Removes it: it speaks of a journal that was replaced.
    pub(crate) fn forget(dir: &Path, disk: &Disk) {
        let path = dir.join(FILE);
        if path.exists() {
            let removed = disk.remove(&path).is_ok() && disk.sync_dir(dir).is_ok();
            tracing::debug!(removed, "checkpoint");
        }
    }

    /// Replaces it; it names this store.
    pub(crate) fn write(&self, dir: &Path, disk: &Disk, owner: Owner) -> Result<(), Error> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&owner.id);
        let record = record::encode(self)?;
        bytes.extend_from_slice(&(record.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&record);
        let Lineage { last, begun } = &self.lineage;
        bytes.extend_from_slice(&record::encode(&(last, begun))?);
        let sum = blake3::hash(&bytes);
        bytes.extend_from_slice(sum.as_bytes());
        disk.replace(dir, FILE, &bytes)
    }

    /// `None` when there is none, it is damaged or another store's than this: then the journal is replayed from its
    /// start. Errors: `Corrupt` for an unknown version (I-18), and for a folder of its name.
    pub(crate) fn read(dir: &Path, owner: Owner) -> Result<Option<Self>, Error> {
        let path = dir.join(FILE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(_) if path.is_dir() => return Err(Error::Corrupt(owner::told(&path))),
            Err(e) => return Err(disk::failed("cannot read", &path, &e)),
        };
        let Some(body) = bytes.len().checked_sub(SUM).filter(|n| *n >= MAGIC.len()) else {
            return Ok(None);
        };
        if *blake3::hash(&bytes[..body]).as_bytes() != bytes[body..] {
            return Ok(None);
        }
        let said = &bytes[..body];
        let marked = said.strip_prefix(MAGIC);
        let named = marked.or_else(|| said.strip_prefix(MAGIC_UNMARKED));
        let rest = match named.and_then(|rest| rest.split_first_chunk()) {
            Some((id, _)) if *id != owner.id && *id != NOBODY => {
                tracing::warn!("the checkpoint belongs to another store");
                return Ok(None);
            }
            Some((_, rest)) => rest,
            None => match said.strip_prefix(MAGIC_NAMELESS) {
                Some(record) => record,
                None => return Ok(None),
            },
        };
        match marked {
            Some(_) => Self::marked(rest).map(Some),
            None => record::decode(rest, "checkpoint").map(Some),
        }
    }

    /// With what tells the journal from another.
    fn marked(rest: &[u8]) -> Result<Self, Error> {
        let strange = || Error::Corrupt("the record of a checkpoint cannot be read".into());
        let (length, rest) = rest.split_first_chunk().ok_or_else(strange)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (record, marks) = rest.split_at_checked(length).ok_or_else(strange)?;
        let (last, begun): (Option<Mark>, Vec<Mark>) = record::decode(marks, "checkpoint")?;
        Ok(Self {
            lineage: Lineage { last, begun },
            ..record::decode(record, "checkpoint")?
        })
    }

    /// Whether it is known to speak of another journal than that of the store in `dir` (I-19).
    pub(crate) fn is_astray(&self, dir: &Path) -> bool {
        self.lineage.is_anothers(&dir.join("journal"))
    }
}
