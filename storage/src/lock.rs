//! One process at a time: the file `lock` is locked while a store is open, and names its owner.

use crate::{Error, disk};
use std::fs::{File, TryLockError};
use std::os::unix::fs::FileExt;
use std::path::Path;

const FILE: &str = "lock";
/// Octets read of what the owner wrote.
const OWNER_OCTETS_MAX: usize = 10;

/// Locks the folder until the file is dropped. Errors: `InUse`, naming the owner's process.
pub(crate) fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join(FILE);
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
}
