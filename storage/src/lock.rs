//! One process at a time: the file `lock` is locked while a store is open, and names its owner.

use crate::{Error, Obstacle, disk};
use std::fs::{File, TryLockError};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

pub(crate) const FILE: &str = "lock";
/// Octets read of what the owner wrote.
const OWNER_OCTETS_MAX: usize = 10;

/// The file that is locked, so that it can be found out whether it is still the one in the folder.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    /// Device and inode.
    held: Option<(u64, u64)>,
}

impl Place {
    pub(crate) fn of(dir: &Path, lock: &File) -> Self {
        let about = lock.metadata().ok();
        Self {
            path: dir.join(FILE),
            held: about.map(|about| (about.dev(), about.ino())),
        }
    }

    /// Errors: `Unavailable`, when the folder is gone or another one. It costs one look at a name, and no reading.
    pub(crate) fn expect(&self) -> Result<(), Error> {
        let Some(held) = self.held else {
            return Ok(());
        };
        let is_gone = match std::fs::metadata(&self.path) {
            Ok(about) => (about.dev(), about.ino()) != held,
            Err(e) => e.kind() == std::io::ErrorKind::NotFound,
        };
        if !is_gone {
            return Ok(());
        }
        let dir = self.path.parent().unwrap_or(&self.path).display();
        let dir = dir.to_string();
        Err(Error::Unavailable(Obstacle::FolderReplaced { dir }))
    }
}

/// Errors: `Unavailable` for a folder in the place of this file, which the store makes itself.
pub(crate) fn expect_no_folder(path: &Path) -> Result<(), Error> {
    if !path.is_dir() {
        return Ok(());
    }
    let file = path.display().to_string();
    Err(Error::Unavailable(Obstacle::FolderForFile { file }))
}

/// Locks the folder until the file is dropped. Errors: `InUse`, naming the owner's process.
pub(crate) fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join(FILE);
    expect_no_folder(&path)?;
    let file = disk::open_lock(&path)?;
    match file.try_lock() {
        Ok(()) => {
            let owner = std::process::id().to_string();
            let told = file
                .set_len(0)
                .and_then(|()| file.write_all_at(owner.as_bytes(), 0));
            tracing::trace!(told = told.is_ok(), "lock");
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => Err(Error::InUse {
            dir: dir.to_owned(),
            process: owner(&file),
        }),
        Err(TryLockError::Error(e)) => Err(disk::failed("cannot lock", &path, &e)),
    }
}

/// What the owner wrote.
fn owner(file: &File) -> Option<u32> {
    let mut held = [0; OWNER_OCTETS_MAX];
    let read = file.read_at(&mut held, 0).unwrap_or(0);
    str::from_utf8(&held[..read]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_told_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let held = lock(dir.path()).unwrap();
        let refused = lock(dir.path()).unwrap_err();
        let expected = Error::InUse {
            dir: dir.path().to_owned(),
            process: Some(std::process::id()),
        };
        assert_eq!(refused, expected);
        let told = format!("in use by process {}", std::process::id());
        assert!(refused.to_string().ends_with(&told), "{refused}");
        held.set_len(0).unwrap();
        let refused = lock(dir.path()).unwrap_err().to_string();
        assert!(refused.ends_with("in use by another process"), "{refused}");
        drop(held);
        assert!(lock(dir.path()).is_ok());
    }

    #[test]
    fn a_folder_that_was_replaced_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("store");
        std::fs::create_dir(&own).unwrap();
        let held = lock(&own).unwrap();
        let place = Place::of(&own, &held);
        assert_eq!(place.expect(), Ok(()));
        std::fs::rename(&own, dir.path().join("aside")).unwrap();
        let replaced = Err(Error::Unavailable(Obstacle::FolderReplaced {
            dir: own.display().to_string(),
        }));
        assert_eq!(place.expect(), replaced);
        std::fs::create_dir(&own).unwrap();
        let other = lock(&own).unwrap();
        assert_eq!(place.expect(), replaced);
        assert_eq!(Place::of(&own, &other).expect(), Ok(()));
        std::fs::remove_dir_all(&own).unwrap();
        std::fs::rename(dir.path().join("aside"), &own).unwrap();
        assert_eq!(place.expect(), Ok(()));
    }

    #[test]
    fn a_folder_in_its_place_is_told_with_what_helps() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(FILE)).unwrap();
        let refused = lock(dir.path()).unwrap_err().to_string();
        assert!(
            refused.ends_with("take it away, the store makes the file itself"),
            "{refused}"
        );
    }
}
