//! The file `format`: what kind of store a folder holds. Read before anything is changed.

#[cfg(test)]
mod tests;

use crate::disk::{self, Disk};
use crate::error::{Cure, Fault, Obstacle};
use crate::owner::{self, ID, Owner};
use crate::seal::Keys;
use crate::{
    EngineKind, Error, Options, engine, journal, keyring, recover, search, snapshot, upgrade,
};
use std::path::Path;

/// The format of the folder that this program writes. The third only has values that the second has not; since
/// the fourth the heads of files name their store.
pub(crate) const VERSION: u32 = 4;
/// The oldest that has this file.
const OLDEST: u32 = 2;
/// The first whose files name their store.
const NAMING: u32 = 4;
pub(crate) const FILE: &str = "format";
const MAGIC: &[u8; 8] = b"CVSTORE\n";
const SUM: usize = 16;
/// Octets of the file: magic, version, engine, id, checksum.
const OCTETS: usize = 8 + 4 + 1 + ID + SUM;
/// The store as it was before its upgrade, by the format that it had, from the first on.
pub(crate) const BEFORE: [&str; VERSION as usize - 1] = ["before-2", "before-3", "before-4"];
/// What only a store has. A folder with other files and none of these is somebody else's.
const OURS: [&str; 8] = [
    FILE,
    "journal",
    "packs",
    "snapshots",
    "checkpoint",
    "keyring",
    "lock",
    "pin",
];
/// What comes into the folder of a store only behind its file: without that file it must not be founded anew there.
const LATER: [&str; 12] = [
    "journal",
    "packs",
    snapshot::FOLDER,
    "checkpoint",
    recover::INDEX,
    recover::INDEX_ASIDE,
    search::FOLDER,
    "damaged",
    "repaired",
    BEFORE[0],
    BEFORE[1],
    BEFORE[2],
];
/// Not a file of anybody: a fresh disk has it.
const NOBODYS: &str = "lost+found";
/// Entries looked at before a folder counts as somebody else's.
const ENTRIES_MAX: usize = 1_000;

/// What the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Format {
    /// Of the folder: what wrote the file knew values up to this version.
    pub version: u32,
    pub engine: EngineKind,
    /// Whether something in it may be sealed: then it does not open without its keyring.
    pub sealed: bool,
    /// Whether files from before heads named their store may be there.
    pub unnamed: bool,
    /// Drawn when the store was made.
    pub id: [u8; ID],
}

/// What lies in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing yet.
    New,
    /// A store of the first format, which had no such file.
    First,
    /// A store of the first format whose upgrade was cut off between its last steps.
    Upgrading,
    /// A store whose file is missing: it was lost, or forgotten when the store was put together from copies.
    Unmarked,
    /// A store of this format.
    Marked(Format),
}

impl Found {
    /// Looks into a folder, which need not be there, and changes nothing. Errors: `Unavailable` for
    /// somebody else's folder and for an unknown format (I-18), which nobody may touch; `Corrupt` for a
    /// damaged file, and when the journal is gone.
    pub(crate) fn look(dir: &Path) -> Result<Self, Error> {
        let names = names(dir)?;
        let is_there = |name: &str| names.iter().any(|n| n == name);
        if names.iter().all(|n| n == NOBODYS) {
            return Ok(Self::New);
        }
        if !OURS.iter().any(|name| is_there(name)) {
            return Err(Error::Unavailable(Obstacle::Foreign {
                dir: dir.display().to_string(),
            }));
        }
        if let Some(format) = Format::read(dir)? {
            lost(dir)?;
            return Ok(Self::Marked(format));
        }
        if is_first(dir)? {
            return Ok(Self::First);
        }
        if is_there(BEFORE[0]) && !is_there("journal") && is_base_alone(dir)? {
            return Ok(Self::Upgrading);
        }
        Ok(match LATER.into_iter().any(is_there) {
            true => Self::Unmarked,
            false => Self::New,
        })
    }
}

/// Whether there is a store in `dir`; nothing is changed. Errors: as of [`crate::Store::open`] before it changes
/// anything.
pub fn holds_store(dir: &Path) -> Result<bool, Error> {
    Ok(Found::look(dir)? != Found::New)
}

/// The engine that keeps the index of the store in `dir`: by its file `format`, or, where that does not say it, by the
/// engine's files. `None` where there is no index yet, or none on the disk.
pub fn engine_of(dir: &Path) -> Option<EngineKind> {
    let said = Format::read(dir).ok().flatten().map(|format| format.engine);
    said.or_else(|| index_of(dir))
        .filter(|engine| EngineKind::ON_DISK.contains(engine))
}

/// The engine whose files an index in `dir` has.
fn index_of(dir: &Path) -> Option<EngineKind> {
    let indexes = [recover::INDEX, recover::INDEX_ASIDE].map(|name| dir.join(name));
    indexes.iter().find_map(|dir| engine::kind_in(dir))
}

/// Whether the store in `dir` says that something in it may be sealed, keyring or not. Errors: as above.
pub fn says_sealed(dir: &Path) -> Result<bool, Error> {
    Ok(Format::read(dir)?.is_some_and(|format| format.sealed))
}

impl Found {
    /// Whether the store may be opened with this engine. Errors: `Unavailable`.
    pub(crate) fn allows(self, options: &Options) -> Result<(), Error> {
        match self {
            Self::Marked(format) => {
                let lost = format.sealed && !keyring::is_sealed(&options.dir);
                if lost {
                    return Err(Error::Unavailable(Obstacle::KeyringGone {
                        dir: options.dir.display().to_string(),
                    }));
                }
                format.opened_with(options.engine, &options.dir).map(drop)
            }
            // Made anew unasked it would be another store: of another name for backups, of any version and engine.
            Self::Unmarked => {
                let file = options.dir.join(FILE).display().to_string();
                Err(Error::cured(Fault::FormatMissing { file }, Cure::Format))
            }
            Self::New | Self::First | Self::Upgrading => Ok(()),
        }
    }

    /// Makes it a store of this format that says so. Returns whose its files are.
    pub(crate) fn prepare(self, options: &Options, keys: &Keys) -> Result<Owner, Error> {
        let mut format = match self {
            Self::Marked(format) => format.opened_with(options.engine, &options.dir)?,
            Self::First => Format {
                unnamed: true,
                ..Format::draw(options.engine)?
            },
            Self::Upgrading => Format {
                engine: options.engine,
                ..Format::anew(options)?
            },
            Self::New | Self::Unmarked => Format::draw(options.engine)?,
        };
        let upgraded = match self {
            Self::First => {
                let upgraded = upgrade::from_first(options, keys, format.owner());
                Some(upgraded.map_err(|e| e.with_cure(Cure::First))?)
            }
            Self::Upgrading => Some(upgrade::finish(options)?),
            Self::Marked(before) => upgrade::keep(options, before)?,
            Self::New | Self::Unmarked => None,
        };
        // The keyring is on the disk, and nothing was sealed under it yet.
        format.sealed |= keys.is_on();
        // Written before any value of the new version is.
        format = upgrade::format(format);
        if self != Self::Marked(format) {
            format.write(&options.dir, &options.disk)?;
        }
        upgrade::tell(options, upgraded);
        Ok(format.owner())
    }
}

impl Format {
    /// Of a new store. Errors: `Unavailable` without random numbers.
    pub(crate) fn draw(engine: EngineKind) -> Result<Self, Error> {
        let mut id = [0; ID];
        getrandom::fill(&mut id)
            .map_err(|e| Error::Unavailable(format!("no random numbers: {e}").into()))?;
        Ok(Self {
            version: VERSION,
            engine,
            sealed: false,
            unnamed: false,
            id,
        })
    }

    /// Of a store that has lost its own: what its files and its index still say; else drawn, and the engine that
    /// is asked for. Errors: `Unavailable`.
    pub(crate) fn anew(options: &Options) -> Result<Self, Error> {
        let agreed = owner::agreed(&options.dir)?;
        let engine = index_of(&options.dir).unwrap_or(options.engine);
        let drawn = Self::draw(engine)?;
        Ok(Self {
            sealed: keyring::is_sealed(&options.dir),
            // Where no file names a store, all are of before.
            unnamed: agreed.unnamed || agreed.id.is_none(),
            id: agreed.id.unwrap_or(drawn.id),
            ..drawn
        })
    }

    /// Of a folder into which packs of a store are copied, for reading.
    pub(crate) fn of_copy(owner: Owner, sealed: bool) -> Self {
        Self {
            version: VERSION,
            engine: EngineKind::Memory,
            sealed,
            unnamed: owner.unnamed,
            id: owner.id,
        }
    }

    /// Whose the files of the store are.
    pub(crate) fn owner(&self) -> Owner {
        let (id, unnamed) = (self.id, self.unnamed);
        Owner { id, unnamed }
    }

    /// `None` when there is no such file. Errors: `Unavailable` for an unknown format, `Corrupt`.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>, Error> {
        let path = dir.join(FILE);
        let file = path.display().to_string();
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) if e.kind() == std::io::ErrorKind::IsADirectory => {
                return Err(Error::cured(Fault::FormatFolder { file }, Cure::Format));
            }
            Err(e) => return Err(disk::failed("cannot read", &path, &e)),
        };
        Self::parse(&bytes).map(Some).map_err(|wrong| match wrong {
            Wrong::Damaged => Error::cured(Fault::FormatDamaged { file }, Cure::Format),
            Wrong::Version(version) => Error::Unavailable(Obstacle::Version {
                file,
                version,
                newest: VERSION,
            }),
            Wrong::Engine => Error::Unavailable(Obstacle::NoEngine { file }),
        })
    }

    fn parse(bytes: &[u8]) -> Result<Self, Wrong> {
        let damaged = || Wrong::Damaged;
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(damaged)?;
        let (version, rest) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
        let version = u32::from_le_bytes(*version);
        // Before the checksum, whose place another version may have changed: rather a damaged file taken
        // for one of another version, which is left alone, than the other way round.
        if !(OLDEST..=VERSION).contains(&version) {
            // Nobody ever wrote one of before the oldest.
            return Err(match version < OLDEST || was_of_a_known_version(bytes) {
                true => Wrong::Damaged,
                false => Wrong::Version(version),
            });
        }
        let sum = blake3::hash(&bytes[..bytes.len().saturating_sub(SUM)]);
        if bytes.len() != OCTETS || !bytes.ends_with(&sum.as_bytes()[..SUM]) {
            return Err(damaged());
        }
        let (kind, rest) = rest.split_first().ok_or_else(damaged)?;
        let flags = if version < NAMING {
            SEALED
        } else {
            SEALED | UNNAMED
        };
        let engine = kind & !flags;
        let engine = ENGINES.iter().find(|(number, _)| *number == engine);
        let (_, engine) = engine.ok_or(Wrong::Engine)?;
        let id = rest.first_chunk::<ID>().ok_or_else(damaged)?;
        Ok(Self {
            version,
            engine: *engine,
            sealed: kind & SEALED != 0,
            unnamed: version < NAMING || kind & UNNAMED != 0,
            id: *id,
        })
    }

    /// Whether these octets of the file say that the store is sealed; `None` for what is no such file.
    pub(crate) fn sealed_in(bytes: &[u8]) -> Option<bool> {
        Self::parse(bytes).ok().map(|format| format.sealed)
    }

    /// Whether the file is there and damaged.
    pub(crate) fn is_damaged(dir: &Path) -> bool {
        matches!(Self::read(dir), Err(Error::Corrupt(_)))
    }

    /// Whether the damaged or missing file may be made anew: not while it may have said that the store is
    /// sealed, and there is no keyring to say so. Of a file that says nothing any more, journal and snapshots do.
    pub(crate) fn is_replaceable(dir: &Path) -> bool {
        let bytes = std::fs::read(dir.join(FILE)).unwrap_or_default();
        let said = bytes.get(SEALED_AT).filter(|_| is_recognised(&bytes));
        let said_sealed = match said {
            Some(kind) => kind & SEALED != 0,
            None => !journal::is_plain(dir) || !snapshot::is_plain(dir),
        };
        keyring::is_sealed(dir) || !said_sealed
    }

    /// Writes it whole, durably.
    pub(crate) fn write(&self, dir: &Path, disk: &Disk) -> Result<(), Error> {
        disk.replace(dir, FILE, &self.octets())
    }

    fn octets(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&self.version.to_le_bytes());
        let number = ENGINES.iter().find(|(_, kind)| *kind == self.engine);
        let sealed = if self.sealed { SEALED } else { 0 };
        let unnamed = self.unnamed && self.version >= NAMING;
        let unnamed = if unnamed { UNNAMED } else { 0 };
        bytes.push(number.map_or(0, |(number, _)| *number) | sealed | unnamed);
        bytes.extend_from_slice(&self.id);
        let sum = blake3::hash(&bytes);
        bytes.extend_from_slice(&sum.as_bytes()[..SUM]);
        bytes
    }

    /// What it says once the store was opened with `engine`. The memory engine keeps nothing, so it
    /// opens every store, and any engine opens what it made. Errors: `Unavailable`.
    pub(crate) fn opened_with(self, engine: EngineKind, dir: &Path) -> Result<Self, Error> {
        match (self.engine, engine) {
            (_, EngineKind::Memory) => Ok(self),
            (EngineKind::Memory, engine) => Ok(Self { engine, ..self }),
            (own, asked) if own == asked => Ok(self),
            (own, asked) => {
                let (own, asked) = (own.name(), asked.name());
                Err(Error::Unavailable(Obstacle::OtherEngine {
                    dir: dir.display().to_string(),
                    own,
                    asked,
                }))
            }
        }
    }
}

/// Why the file cannot be used.
#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    Damaged,
    /// Another version of this program wrote it.
    Version(u32),
    /// The same, with an engine that is not here.
    Engine,
}

/// Beside the engine's number: something may be sealed.
const SEALED: u8 = 0x80;
/// There too: files that name no store may be its own.
const UNNAMED: u8 = 0x40;
/// Where that stands.
const SEALED_AT: usize = 12;
/// The engines' numbers in the file, fixed for ever.
const ENGINES: [(u8, EngineKind); 3] = [
    (1, EngineKind::Sled),
    (2, EngineKind::Memory),
    (3, EngineKind::Fjall),
];

/// Whether only the version is not what was written.
fn was_of_a_known_version(bytes: &[u8]) -> bool {
    let Some((said, sum)) = bytes.split_last_chunk::<SUM>() else {
        return false;
    };
    let mut said = said.to_vec();
    (OLDEST..=VERSION).any(|version| {
        if let Some(place) = said.get_mut(MAGIC.len()..MAGIC.len() + 4) {
            place.copy_from_slice(&version.to_le_bytes());
        }
        blake3::hash(&said).as_bytes()[..SUM] == *sum
    })
}

/// Whether these octets were such a file, with a flipped bit at most where they say so.
fn is_recognised(bytes: &[u8]) -> bool {
    let same = bytes.iter().zip(MAGIC).filter(|(is, was)| is == was);
    same.count() + 1 >= MAGIC.len()
}

fn names(dir: &Path) -> Result<Vec<String>, Error> {
    let failed = |e: &std::io::Error| disk::failed("cannot read the folder", dir, e);
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(failed(&e)),
    };
    let mut names = Vec::new();
    for entry in entries.take(ENTRIES_MAX) {
        let name = entry.map_err(|e| failed(&e))?.file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    Ok(names)
}

/// Whether it is a store of the first format, which had no snapshots; an upgrade that was cut off leaves the first one.
fn is_first(dir: &Path) -> Result<bool, Error> {
    let has_others = has_snapshot(dir, &|name| name != upgrade::FIRST.name())?;
    Ok(!has_others && journal::v1::is_here(&dir.join("journal"))?)
}

/// Whether there is one snapshot only, that which an upgrade from the first format writes.
fn is_base_alone(dir: &Path) -> Result<bool, Error> {
    let is_first = |name: &str| name == upgrade::FIRST.name();
    Ok(has_snapshot(dir, &is_first)? && !has_snapshot(dir, &|name| !is_first(name))?)
}

/// Whether there is a snapshot of such a name.
fn has_snapshot(dir: &Path, such: &dyn Fn(&str) -> bool) -> Result<bool, Error> {
    let names = names(&dir.join(snapshot::FOLDER))?;
    Ok(names
        .iter()
        .any(|name| name.ends_with(".snap") && such(name)))
}

/// An error when there is content, and nothing that says whose it is. (A store that was never
/// opened may be put together so, to take out what the packs hold.)
fn lost(dir: &Path) -> Result<(), Error> {
    let holds = |folder: &str, end: &str| {
        names(&dir.join(folder)).map(|names| names.iter().any(|n| n.ends_with(end)))
    };
    if holds("packs", ".pack")? && !holds("journal", ".log")? && !holds("snapshots", ".snap")? {
        let dir = dir.display().to_string();
        return Err(Error::cured(Fault::JournalLost { dir }, Cure::Repair));
    }
    Ok(())
}
