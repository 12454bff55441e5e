//! A vault that is a folder: on another disk, or mounted from another machine.

use super::{Failure, Held, Refusal, Vault, head};
use crate::Error;
use crate::disk::{self, Disk};
use std::collections::BTreeSet;
use std::fs::{File, Permissions, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

const LOCK: &str = "lock";
/// What is being written carries this behind its name; left over when the writer was killed.
const UNFINISHED: &str = ".new";
/// Folders within folders that are listed.
const DEPTH_MAX: usize = 4;

/// See the module.
#[derive(Debug)]
pub struct FolderVault {
    dir: PathBuf,
    disk: Disk,
    /// Folders in which names came or went since the last [`Vault::settle`].
    touched: Mutex<BTreeSet<PathBuf>>,
}

impl FolderVault {
    /// A folder that backups of the store in `store` go to; made with the first backup.
    /// Errors: `NoStore`, `Foreign`, `Inside`, `Around`.
    pub fn target(dir: &Path, store: &Path, disk: &Disk) -> Result<Self, Failure> {
        if !store.is_dir() {
            return Err(Refusal::NoStore(store.display().to_string()).into());
        }
        refuse_inside(dir, store)?;
        refuse_nowhere(dir)?;
        let names = names(dir)?;
        let ours = |n: &String| {
            let unfinished = |name: &&str| n.strip_suffix(UNFINISHED) == Some(*name);
            n == LOCK || head::FILES.iter().any(unfinished)
        };
        if !holds_backup(dir) && !names.iter().all(ours) {
            return Err(Refusal::Foreign(dir.display().to_string()).into());
        }
        Ok(Self::at(dir, disk))
    }

    /// A folder that has backups. Errors: `NoBackup`.
    pub fn open(dir: &Path, disk: &Disk) -> Result<Self, Failure> {
        if !holds_backup(dir) {
            return Err(Refusal::NoBackup(dir.display().to_string()).into());
        }
        Ok(Self::at(dir, disk))
    }

    fn at(dir: &Path, disk: &Disk) -> Self {
        Self {
            dir: dir.to_owned(),
            disk: disk.clone(),
            touched: Mutex::default(),
        }
    }

    fn touch(&self, dir: &Path) {
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        touched.insert(dir.to_owned());
    }

    fn walk(
        &self,
        folder: &str,
        depth: usize,
        found: &mut Vec<(String, u64)>,
    ) -> Result<(), Error> {
        let dir = self.dir.join(folder);
        let failed = |e: &io::Error| disk::failed("cannot list", &dir, e);
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(failed(&e)),
        };
        for entry in entries {
            let entry = entry.map_err(|e| failed(&e))?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                continue;
            };
            let name = format!("{folder}/{name}");
            let about = entry.metadata().map_err(|e| failed(&e))?;
            if about.is_dir() && depth < DEPTH_MAX {
                self.walk(&name, depth + 1, found)?;
            } else if about.is_file() {
                found.push((name, about.len()));
            }
        }
        Ok(())
    }
}

/// Whether anything in it is a backup's: its `format`, the copy of that, or the folders of all else.
fn holds_backup(dir: &Path) -> bool {
    head::FILES.iter().any(|name| dir.join(name).is_file())
        || head::TRACES.iter().all(|name| dir.join(name).is_dir())
}

/// A system's own folder (`/proc`, `/sys`) has neither room nor files of ours. Errors: `NoPlace`.
fn refuse_nowhere(dir: &Path) -> Result<(), Failure> {
    let there = dir.ancestors().find(|d| d.is_dir());
    let octets = there.map(fs2::total_space);
    match octets {
        Some(Ok(0)) => Err(Refusal::NoPlace(dir.display().to_string()).into()),
        _ => Ok(()),
    }
}

impl Vault for FolderVault {
    fn place(&self) -> String {
        self.dir.display().to_string()
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.dir.join(name);
        let dir = path.parent().unwrap_or(&self.dir);
        self.disk.make_dir(dir)?;
        let fresh = self.dir.join(format!("{name}{UNFINISHED}"));
        let file = self.disk.open(&fresh)?;
        let written = file
            .set_len(0)
            .and_then(|()| file.append_at(0, bytes))
            .and_then(|()| file.sync())
            .and_then(|()| self.disk.rename(&fresh, &path));
        written.map_err(|e| disk::failed("cannot write", &path, &e))?;
        self.touch(dir);
        Ok(())
    }

    fn get(&self, name: &str, octets_max: u64) -> Result<Vec<u8>, Error> {
        let path = self.dir.join(name);
        let failed = |e: io::Error| match e.kind() {
            io::ErrorKind::NotFound => Error::NotFound,
            _ => disk::failed("cannot read", &path, &e),
        };
        let file = File::open(&path).map_err(failed)?;
        let mut bytes = Vec::new();
        let limit = octets_max.saturating_add(1);
        file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > octets_max {
            return Err(Error::TooLarge("piece of a backup"));
        }
        Ok(bytes)
    }

    fn list(&self, folder: &str) -> Result<Vec<(String, u64)>, Error> {
        let mut found = Vec::new();
        self.walk(folder, 0, &mut found)?;
        Ok(found)
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.dir.join(name);
        match self.disk.remove(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(disk::failed("cannot remove", &path, &e))
            }
            _ => {
                self.touch(path.parent().unwrap_or(&self.dir));
                Ok(())
            }
        }
    }

    fn settle(&self) -> Result<(), Error> {
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        let dirs = std::mem::take(&mut *touched);
        drop(touched);
        dirs.iter().try_for_each(|dir| self.disk.sync_dir(dir))
    }

    fn hold(&self, alone: bool) -> Result<Held, Failure> {
        let path = self.dir.join(LOCK);
        let file = match alone {
            true => {
                self.disk.make_dir(&self.dir)?;
                if !path.exists() {
                    std::fs::set_permissions(&self.dir, Permissions::from_mode(0o700))
                        .map_err(|e| disk::failed("cannot keep others out of", &self.dir, &e))?;
                }
                self.disk.open(&path)?;
                File::open(&path)
            }
            // What cannot be written by us, as a read-only copy, is changed by nobody.
            false => match File::open(&path) {
                Err(_) => return Ok(Held::new(None)),
                opened => opened,
            },
        };
        let file = file.map_err(|e| disk::failed("cannot lock", &path, &e))?;
        let locked = match alone {
            true => file.try_lock(),
            false => file.try_lock_shared(),
        };
        match locked {
            Ok(()) => Ok(Held::new(Some(Box::new(file)))),
            Err(TryLockError::WouldBlock) => Err(Refusal::Busy(self.place()).into()),
            Err(TryLockError::Error(e)) => Err(disk::failed("cannot lock", &path, &e).into()),
        }
    }

    fn free(&self) -> u64 {
        let there = self.dir.ancestors().find(|dir| dir.is_dir());
        self.disk.free(there.unwrap_or(Path::new(".")))
    }
}

/// Names in a folder; none when it does not exist.
pub(super) fn names(dir: &Path) -> Result<Vec<String>, Error> {
    let failed = |e: &io::Error| disk::failed("cannot list", dir, e);
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(failed(&e)),
    };
    let name = |entry: io::Result<std::fs::DirEntry>| match entry {
        Ok(entry) => Ok(entry.file_name().to_string_lossy().into_owned()),
        Err(e) => Err(failed(&e)),
    };
    entries.map(name).collect()
}

/// Errors: `Inside`, `Around` when one of the two folders lies in the other.
fn refuse_inside(dir: &Path, store: &Path) -> Result<(), Failure> {
    let named = dir.display().to_string();
    match (lies_in(dir, store), lies_in(store, dir)) {
        (true, _) => Err(Refusal::Inside(named).into()),
        (_, true) => Err(Refusal::Around(named).into()),
        _ => Ok(()),
    }
}

/// Whether a folder, which need not be there, is another one or lies in it, links followed.
pub fn lies_in(dir: &Path, other: &Path) -> bool {
    whole(dir).starts_with(whole(other))
}

/// The path without links, as far as it exists.
fn whole(path: &Path) -> PathBuf {
    let mut missing = Vec::new();
    let mut at = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    loop {
        if let Ok(found) = at.canonicalize() {
            return missing
                .iter()
                .rev()
                .fold(found, |path, name| path.join(name));
        }
        match (at.file_name().map(ToOwned::to_owned), at.parent()) {
            (Some(name), Some(parent)) => {
                missing.push(name);
                at = parent.to_owned();
            }
            _ => return path.to_owned(),
        }
    }
}
