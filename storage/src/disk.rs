//! The folder on disk: private files, whole appends, names made durable.
//!
//! Every write of the store passes [`append_at`], so that a test can make the disk full.

use crate::Error;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Octets that a test's small disk still holds; `None` is the real disk.
pub(crate) type Room = Option<Arc<AtomicU64>>;

/// What the probe for a disk that was full writes, octets.
pub(crate) const PROBE_OCTETS: usize = 64 * 1024;

/// Makes the folder, for the owner only; it may be there already.
pub(crate) fn make_dir(dir: &Path) -> Result<(), Error> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|e| failed("cannot make the folder", dir, &e))
}

/// Opens for reading and writing, makes it when absent, for the owner only.
pub(crate) fn open_file(path: &Path) -> Result<File, Error> {
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path);
    opened.map_err(|e| failed("cannot open for writing", path, &e))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), Error> {
    let synced = File::open(dir).and_then(|d| d.sync_all());
    synced.map_err(|e| failed("cannot sync the folder", dir, &e))
}

/// Writes all of `bytes` at `offset`; on failure the file is cut back to `offset`.
/// The inner error tells whether cutting back failed too.
pub(crate) fn append_at(file: &File, offset: u64, bytes: &[u8], room: &Room) -> io::Result<()> {
    let written = match take_room(room, bytes.len() as u64) {
        Ok(()) => file.write_all_at(bytes, offset),
        Err(left) => {
            // As a real disk does: some of it is written, then it is full.
            let some = &bytes[..usize::try_from(left).unwrap_or(0).min(bytes.len())];
            file.write_all_at(some, offset)
                .and(Err(io::ErrorKind::StorageFull.into()))
        }
    };
    if let Err(e) = written {
        file.set_len(offset)?;
        return Err(e);
    }
    Ok(())
}

fn take_room(room: &Room, octets: u64) -> Result<(), u64> {
    let Some(left) = room else { return Ok(()) };
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |l| {
        l.checked_sub(octets)
    })
    .map(|_| ())
}

/// Octets that may still be written here. Where the system does not tell: plenty, and the write itself says so.
pub(crate) fn free(dir: &Path, room: &Room) -> u64 {
    match room {
        Some(left) => left.load(Ordering::SeqCst),
        None => fs2::available_space(dir).unwrap_or(u64::MAX),
    }
}

/// Whether the disk takes a write again.
pub(crate) fn probe(dir: &Path, room: &Room) -> bool {
    let path = dir.join("probe");
    let tried = open_file(&path).is_ok_and(|file| {
        let fits = append_at(&file, 0, &[0u8; PROBE_OCTETS], room).is_ok();
        fits && file.sync_data().is_ok()
    });
    let removed = std::fs::remove_file(&path).is_ok();
    if let (true, Some(left)) = (tried, room) {
        left.fetch_add(PROBE_OCTETS as u64, Ordering::SeqCst);
    }
    tried && removed
}

/// Replaces a small file as a whole: after a crash it is the old one or the new one.
pub(crate) fn replace(dir: &Path, name: &str, bytes: &[u8], room: &Room) -> Result<(), Error> {
    let (fresh, path) = (dir.join(format!("{name}.new")), dir.join(name));
    let file = open_file(&fresh)?;
    let written = file
        .set_len(0)
        .and_then(|()| append_at(&file, 0, bytes, room))
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&fresh, &path));
    written.map_err(|e| failed("cannot write", &path, &e))?;
    sync_dir(dir)
}

/// One text for every failing file: what, where, and the system's reason.
pub(crate) fn failed(what: &str, path: &Path, e: &io::Error) -> Error {
    let path = path.display();
    Error::Unavailable(match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("the disk is full: {path}")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            format!("{what} {path}: not writable by this process ({e})")
        }
        _ => format!("{what} {path}: {e}"),
    })
}
