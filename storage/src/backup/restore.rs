//! Restoring a whole store from a backup, into a folder where none is.
//!
//! The files are written beside the target and get its name only when all of them are there and
//! have the hashes that the manifest says. So a restore that was cut off leaves no store that anybody
//! could open, and the same command goes on: files that are whole already are not written again.

use super::chunk::Chunks;
use super::crew::{self, Goal, Pace};
use super::manifest::{Entry, Manifest};
use super::note::{self, Note};
use super::sealer::{ChunkId, Sealer};
use super::source::KEYRINGS;
use super::{Failure, Refusal, Secret, Stage, Tell, Vault, folder, sound};
use crate::checkpoint::Checkpoint;
use crate::disk::{self, Disk};
use crate::journal::{Lineage, Position};
use crate::owner::{ID, Owner};
use crate::pack;
use crate::{
    Error, Fault, KeySource, ModSeq, Obstacle, Size, Told as _, format, keyring, lock, repair,
};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What the target's name ends with while it is written.
const UNFINISHED: &str = ".restoring";
/// Says in the unfinished folder of which backup it is.
const OF: &str = "restoring";
/// Octets that stay free beside the restored files.
const MARGIN_OCTETS: u64 = 16 << 20;
/// Lost pieces that are listed.
const LOST_MAX: usize = 10_000;

/// Which backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The newest.
    Newest,
    /// The newest that was taken at this time or before, Unix seconds.
    At(i64),
    /// The oldest that was taken at this time or later, since its log still reaches back to it; else the newest.
    Covering(i64),
    /// That of this name.
    Named(String),
}

/// What to restore, and where to.
#[allow(missing_docs)]
pub struct Restore<'a> {
    pub vault: &'a dyn Vault,
    pub secret: &'a Secret,
    pub which: Which,
    /// The store's folder: absent or empty.
    pub to: &'a Path,
    pub disk: &'a Disk,
    /// Threads, at most [`super::WORKERS_MAX`].
    pub workers: usize,
    /// Damaged pieces are left out, as zeros, and told; then [`crate::Store::repair`] says what that means.
    pub salvage: bool,
    /// The store is to be used: when it is opened its counters leap over all that may have been given since the
    /// backup.
    pub leap: bool,
    /// A keyring of the same store from elsewhere, for a backup that lost its own.
    pub keyring: Option<&'a [u8]>,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Rebuilt {
    /// The backup's name.
    pub name: String,
    /// When it was taken, Unix seconds.
    pub taken_at: i64,
    pub files: u64,
    pub octets: u64,
    /// Files that an earlier try had written.
    pub kept: u64,
    /// Pieces that were left out, a line each; empty unless damaged ones were to be.
    pub lost: Vec<String>,
}

impl Which {
    pub(super) fn read(
        &self,
        vault: &dyn Vault,
        sealer: &Sealer,
    ) -> Result<(String, Manifest), Failure> {
        let name = match self {
            Self::Newest => Manifest::newest(vault, None)?,
            Self::At(at) => Manifest::newest(vault, Some(*at))?,
            Self::Covering(at) => Manifest::covering(vault, *at)?,
            Self::Named(name) => name.clone(),
        };
        let manifest = Manifest::read(vault, sealer, &name)?;
        Ok((name, manifest))
    }
}

/// A keyring from elsewhere, for a backup that lost its own.
#[derive(Debug, Clone, Copy)]
pub struct Spare<'a> {
    /// What whoever named it calls it.
    pub name: &'a str,
    /// What is in it.
    pub bytes: &'a [u8],
}

/// Whether `keys` open the store in a backup, before anything of it is written. Errors: `KeyringLost`, `NoSpare`,
/// `OtherSpare`; `Unavailable` for a master key that is missing or another store's; those of [`restore`].
pub fn expect_key(
    (vault, secret): (&dyn Vault, &Secret),
    which: &Which,
    keys: &KeySource,
    spare: Option<Spare<'_>>,
) -> Result<(), Failure> {
    let _held = vault.hold(false)?;
    let sealer = Sealer::open(vault, secret)?;
    let (name, manifest) = which.read(vault, &sealer)?;
    let chunks = Chunks::new(vault, &sealer);
    let is_keyring = |e: &&Entry| KEYRINGS.contains(&e.path.as_str());
    let entries: Vec<&Entry> = manifest.files.iter().filter(is_keyring).collect();
    if entries.is_empty() {
        return Ok(());
    }
    let KeySource::Master(master) = keys else {
        let name = name.to_owned();
        return Err(Error::Unavailable(Obstacle::BackupNeedsMasterKey { name }).into());
    };
    let opens = |bytes: &[u8]| match keyring::opens(bytes, master)? {
        Some(false) => Err(Error::Unavailable(Obstacle::BackupOfOtherMasterKey {
            name: name.to_owned(),
        })),
        opens => Ok(opens == Some(true)),
    };
    for entry in entries {
        // The copy may be whole.
        if let Some(bytes) = small(&chunks, entry)?
            && opens(&bytes)?
        {
            return Ok(());
        }
    }
    let Some(spare) = spare else {
        return Err(Refusal::KeyringLost(vault.place()).into());
    };
    match keyring::opens(spare.bytes, master)? {
        Some(true) => Ok(()),
        Some(false) => Err(Refusal::OtherSpare(spare.name.to_owned()).into()),
        None => Err(Refusal::NoSpare(spare.name.to_owned()).into()),
    }
}

/// A small file of a backup; `None` when it is lost.
fn small(chunks: &Chunks<'_>, entry: &Entry) -> Result<Option<Vec<u8>>, Error> {
    let mut bytes = Vec::new();
    for (id, _) in entry.pieces() {
        match chunks.get(&id) {
            Ok(raw) => bytes.extend_from_slice(&raw),
            Err(Error::Corrupt(_)) => return Ok(None),
            Err(e) => return Err(e),
        }
    }
    Ok(Some(bytes))
}

/// Restores a whole store. It has no index: the first start makes it. Errors: `NotEmpty`, `NoRoom`,
/// `NoManifest`, `NoneThatOld`, the refusals of [`super::list`]; `Corrupt` for a damaged backup.
pub fn restore(task: &Restore<'_>, tell: Tell<'_>) -> Result<Rebuilt, Failure> {
    let _held = task.vault.hold(false)?;
    let sealer = Sealer::open(task.vault, task.secret)?;
    let (name, manifest) = task.which.read(task.vault, &sealer)?;
    if !folder::names(task.to)?.is_empty() {
        return Err(Refusal::NotEmpty(task.to.display().to_string()).into());
    }
    let (fresh, _alone) = Fresh::begin(task, &name, &manifest)?;
    let goal = Goal {
        stage: Stage::Writing,
        total: manifest.octets(),
        workers: task.workers,
    };
    let chunks = Chunks::new(task.vault, &sealer);
    let lost = Mutex::new(Vec::new());
    let kept = crew::each(&manifest.files, &goal, tell, |entry, pace| {
        let mut missing = |what: String| {
            let mut lost = lost.lock().unwrap_or_else(PoisonError::into_inner);
            if lost.len() < LOST_MAX {
                lost.push(what);
            }
        };
        let salvage: Option<&mut dyn FnMut(String)> = match task.salvage {
            true => Some(&mut missing),
            false => None,
        };
        fresh.file(&chunks, entry, salvage, pace)
    })?;
    let lost = lost.into_inner().unwrap_or_else(PoisonError::into_inner);
    if !lost.is_empty() {
        // What is missing was lost by the backup, not by a power cut: no commit is undone for it.
        let (segment, offset) = manifest.position;
        let checkpoint = Checkpoint {
            position: Position { segment, offset },
            system: ModSeq::FIRST,
            clean: true,
            boot_id: None,
            lineage: Lineage::default(),
        };
        let owner = Owner {
            id: manifest.store,
            unnamed: false,
        };
        checkpoint.write(&fresh.dir, task.disk, owner)?;
    }
    if task.leap {
        // Where pieces of the backup are missing more is lost than what came after it.
        let origin = match lost.is_empty() {
            true => repair::Origin {
                backup: name.clone(),
                taken_at: manifest.taken_at,
            }
            .octets()?,
            false => Vec::new(),
        };
        task.disk.replace(&fresh.dir, repair::RESTORED, &origin)?;
    }
    fresh.finish(task.to)?;
    Ok(Rebuilt {
        name,
        taken_at: manifest.taken_at,
        files: manifest.files.len() as u64,
        octets: manifest.octets(),
        kept: kept.iter().filter(|kept| **kept).count() as u64,
        lost,
    })
}

/// The folder that becomes the store.
pub(super) struct Fresh<'a> {
    pub dir: PathBuf,
    pub disk: &'a Disk,
    /// The store that was backed up; a restored one goes on as that.
    pub store: [u8; ID],
    /// What takes the place of a keyring that is lost.
    pub keyring: Option<&'a [u8]>,
}

impl<'a> Fresh<'a> {
    /// The folder, which is locked as a store is: until it is one there is one process that writes it. Errors: `InUse`.
    fn begin(task: &Restore<'a>, name: &str, manifest: &Manifest) -> Result<(Self, File), Failure> {
        let to = std::path::absolute(task.to)
            .map_err(|e| disk::failed("cannot restore into", task.to, &e))?;
        let mut dir = to.clone().into_os_string();
        dir.push(UNFINISHED);
        let fresh = Self {
            dir: dir.into(),
            disk: task.disk,
            store: manifest.store,
            keyring: task.keyring,
        };
        let of = std::fs::read(fresh.dir.join(OF)).ok();
        // Cut off before it was said of which it is: nothing of anybody is there.
        let begun = [OF.to_owned() + ".new", lock::FILE.to_owned()];
        let is_begun =
            || folder::names(&fresh.dir).map(|all| all.iter().all(|n| begun.contains(n)));
        if of.is_none() && !is_begun()? {
            return Err(Refusal::NotEmpty(fresh.dir.display().to_string()).into());
        }
        fresh.check_room(manifest)?;
        fresh.disk.make_dir(&fresh.dir)?;
        let alone = lock::lock(&fresh.dir)?;
        if !folder::names(task.to)?.is_empty() {
            // Another one has just ended.
            return Err(Refusal::NotEmpty(task.to.display().to_string()).into());
        }
        if of.is_some_and(|of| of != name.as_bytes()) {
            // Of another backup, or begun before it was said of which: it is started over.
            fresh.clear()?;
        }
        fresh.disk.replace(&fresh.dir, OF, name.as_bytes())?;
        fresh.make_dirs(&manifest.files)?;
        Ok((fresh, alone))
    }

    /// Makes the folders of these files.
    pub(super) fn make_dirs<'e>(
        &self,
        entries: impl IntoIterator<Item = &'e Entry>,
    ) -> Result<(), Error> {
        for entry in entries {
            if let Some((folder, _)) = entry.path.rsplit_once('/') {
                self.disk.make_dir(&self.dir.join(folder))?;
            }
        }
        Ok(())
    }

    /// Removes all but the lock.
    fn clear(&self) -> Result<(), Error> {
        for name in folder::names(&self.dir)? {
            let path = self.dir.join(&name);
            let cleared = match () {
                () if name == lock::FILE => Ok(()),
                () if path.is_dir() => self.disk.remove_tree(&path),
                () => self.disk.remove(&path),
            };
            cleared.map_err(|e| disk::failed("cannot remove", &path, &e))?;
        }
        self.disk.sync_dir(&self.dir)
    }

    fn check_room(&self, manifest: &Manifest) -> Result<(), Failure> {
        let mut needed = MARGIN_OCTETS;
        for entry in &manifest.files {
            let there = std::fs::metadata(self.dir.join(&entry.path)).map_or(0, |m| m.len());
            needed += entry.octets.saturating_sub(there);
        }
        let there = self.dir.ancestors().find(|dir| dir.is_dir());
        let free = self.disk.free(there.unwrap_or(Path::new(".")));
        if free < needed {
            let place = self.dir.display().to_string();
            let (needed, free) = (Size(needed), Size(free));
            return Err(Refusal::NoRoom {
                place,
                needed,
                free,
            }
            .into());
        }
        Ok(())
    }

    /// One file; true when it was there already. `salvage` is told of each damaged piece, which is left out;
    /// without it the first one is an error. Errors: `KeyringLost`, in any case.
    pub(super) fn file(
        &self,
        chunks: &Chunks<'_>,
        entry: &Entry,
        mut salvage: Option<&mut dyn FnMut(String)>,
        pace: &Pace<'_>,
    ) -> Result<bool, Failure> {
        let path = self.dir.join(&entry.path);
        if is_whole(&path, entry) {
            pace.step(entry.octets)?;
            return Ok(true);
        }
        if KEYRINGS.contains(&entry.path.as_str()) && small(chunks, entry)?.is_none() {
            let lost = || Refusal::KeyringLost(chunks.vault.place());
            let bytes = self.keyring.ok_or_else(lost)?;
            self.disk.replace(&self.dir, &entry.path, bytes)?;
            pace.step(entry.octets)?;
            return Ok(false);
        }
        let file = self.disk.open(&path)?;
        let failed = |e: &io::Error| disk::failed("cannot write", &path, e);
        file.set_len(0).map_err(|e| failed(&e))?;
        let mut hasher = blake3::Hasher::new();
        let (mut at, mut is_whole) = (0, true);
        for (id, octets) in entry.pieces() {
            let raw = match (piece(chunks, &id, octets), salvage.as_mut()) {
                (Err(Error::Corrupt(why)), Some(lost)) => {
                    let (why, file) = (why.what, entry.path.clone());
                    lost(Note::Lost { why, octets, file }.in_both());
                    is_whole = false;
                    self.lost_piece(entry, at, octets)
                }
                (raw, _) => raw?,
            };
            hasher.update(&raw);
            file.append_at(at, &raw).map_err(|e| failed(&e))?;
            at += octets;
            pace.step(octets)?;
        }
        if is_whole && *hasher.finalize().as_bytes() != entry.hash {
            let path = entry.path.clone();
            return Err(Error::corrupt(Fault::BackupOther { path }).into());
        }
        file.sync().map_err(|e| failed(&e))?;
        if !is_whole && entry.path == format::FILE {
            // A repair makes a missing one anew; of half of one it could not tell what it said.
            drop(file);
            self.disk.remove(&path).map_err(|e| failed(&e))?;
        }
        Ok(false)
    }

    /// What stands in for a lost piece: nothing, but the header of a pack, without which all of it were lost.
    pub(super) fn lost_piece(&self, entry: &Entry, at: u64, octets: u64) -> Vec<u8> {
        let mut raw = vec![0; usize::try_from(octets).unwrap_or(0)];
        if let Some(number) = sound::pack_of(&entry.path).filter(|_| at == 0) {
            let header = pack::header(number, &self.store);
            if let Some(begin) = raw.get_mut(..header.len()) {
                begin.copy_from_slice(&header);
            }
        }
        raw
    }

    /// Gives it the store's name.
    fn finish(&self, to: &Path) -> Result<(), Failure> {
        for folder in ["journal", "packs", "snapshots"] {
            let dir = self.dir.join(folder);
            if dir.is_dir() {
                self.disk.sync_dir(&dir)?;
            }
        }
        let failed = |e: &io::Error| disk::failed("cannot restore into", to, e);
        self.disk.rename(&self.dir, to).map_err(|e| failed(&e))?;
        let parent = to.parent().filter(|p| !p.as_os_str().is_empty());
        self.disk.sync_dir(parent.unwrap_or(Path::new(".")))?;
        // What says that it is not finished goes last: until here the same command goes on.
        self.disk.remove(&to.join(OF)).map_err(|e| failed(&e))?;
        Ok(self.disk.sync_dir(to)?)
    }
}

/// A piece of a file, verified. Errors: `Corrupt`.
fn piece(chunks: &Chunks<'_>, id: &ChunkId, octets: u64) -> Result<Vec<u8>, Error> {
    let raw = chunks.get(id)?;
    match raw.len() as u64 == octets {
        true => Ok(raw),
        false => Err(note::another_length(id)),
    }
}

/// Whether the file has the length and the hash of the entry.
fn is_whole(path: &Path, entry: &Entry) -> bool {
    let same_length = std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() == entry.octets);
    let hash = || -> io::Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        io::copy(&mut File::open(path)?, &mut hasher)?;
        Ok(hasher.finalize())
    };
    same_length && hash().is_ok_and(|hash| *hash.as_bytes() == entry.hash)
}
