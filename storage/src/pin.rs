//! The pin: who reads the store's files from outside keeps them from being removed meanwhile.
//!
//! A backup is a process of its own and takes no lock of the store; it holds the pin shared. Whoever
//! removes journal segments, snapshots or packs holds it exclusively while doing so, and leaves
//! them for later when it cannot. The system gives a pin back when its holder ends, however it ends.

use crate::{Error, disk, lock};
use std::fs::{File, TryLockError};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::Path;

const FILE: &str = "pin";

/// Held until dropped; see the module.
#[derive(Debug)]
pub struct Pin {
    _file: File,
}

/// Errors: `Unavailable` for a folder in the place of the file: nothing could ever be removed.
pub(crate) fn expect_file(dir: &Path) -> Result<(), Error> {
    lock::expect_no_folder(&dir.join(FILE))
}

impl Pin {
    /// Keeps the files of the store in `dir` from being removed. Any number may be held at once.
    /// Waits while files are being removed, which is short. Errors: `Unavailable`.
    pub fn shared(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(FILE);
        lock::expect_no_folder(&path)?;
        let file = disk::open_lock(&path)?;
        give_to_owner(&file, dir);
        file.lock_shared()
            .map_err(|e| disk::failed("cannot pin", &path, &e))?;
        Ok(Self { _file: file })
    }

    /// The right to remove files of the store in `dir`; never waits. `None` while anybody else holds
    /// a pin, or when that cannot be told: then nothing may be removed, and one tries again later.
    pub fn exclusive(dir: &Path) -> Option<Self> {
        let path = dir.join(FILE);
        let file = disk::open_lock(&path).ok()?;
        match file.try_lock() {
            Ok(()) => Some(Self { _file: file }),
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Error(e)) => {
                tracing::warn!(error = %e, path = %path.display(), "cannot tell whether a backup runs");
                None
            }
        }
    }
}

/// A backup may be root's: the server's user must be able to open the file afterwards.
fn give_to_owner(file: &File, dir: &Path) {
    let (Ok(own), Ok(folder)) = (file.metadata(), dir.metadata()) else {
        return;
    };
    if own.uid() != folder.uid() {
        let given = fchown(file, Some(folder.uid()), Some(folder.gid()));
        tracing::debug!(given = given.is_ok(), "the pin was another user's");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_share_a_pin_and_one_alone_may_remove() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let (one, two) = (Pin::shared(dir).unwrap(), Pin::shared(dir).unwrap());
        assert!(Pin::exclusive(dir).is_none());
        drop(one);
        assert!(Pin::exclusive(dir).is_none());
        drop(two);
        let alone = Pin::exclusive(dir).unwrap();
        assert!(Pin::exclusive(dir).is_none());
        drop(alone);
        Pin::shared(dir).unwrap();
        assert!(Pin::exclusive(dir).is_some());
        assert!(matches!(
            Pin::shared(&dir.join("nowhere")),
            Err(Error::Unavailable(_))
        ));
    }
}
