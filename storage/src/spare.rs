//! The spare: a file of nothing whose blocks are given up when a store is opened on a full disk.
//!
//! Everything that opens a store writes a little: sled a snapshot of its page table (some 20 octets for each of its
//! pages, of which it has about one for every hundred messages) and the end of its log, we the checkpoint. A
//! disk with no octet free would so keep out readers too. The spare is laid when a store is opened and there is
//! room beside the reserve under which nothing is written any more; given up, it lets the store be opened, and since less
//! than the reserve is free then, nothing but that is written: the mail can be read. What is left of its room is
//! taken again at once, so that whoever filled the disk cannot fill that too; all of it comes back when room does.

use crate::disk::Disk;
use crate::{EngineKind, Error, Obstacle, Options};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

const FILE: &str = "spare";
/// Octets that are laid. Of a store of 10,000,000 messages sled's page table takes some 2 MB, by the figures above;
/// that is reckoned, and was not measured on a full disk.
pub(crate) const SPARE_OCTETS: u64 = 16 << 20;
/// What of a full disk stays free for the engine while the store is open, octets.
const LEFT_OCTETS: u64 = 1 << 20;
/// With less than this nobody makes an index, octets.
const LEAST_OCTETS: u64 = 1 << 20;
fn is_kept(options: &Options) -> bool {
    options.reserve_bytes > 0 && options.engine != EngineKind::Memory && options.disk.is_real()
}

/// Gives it up when less is free than opening may need. Only before the engine is opened.
pub(crate) fn give_up_when_full(options: &Options) {
    if is_kept(options) && options.disk.free(&options.dir) < SPARE_OCTETS {
        let given = give_up(&options.dir, &options.disk);
        if given {
            tracing::warn!(
                "the disk is full: the spare is given up; the mail can be read, nothing is written until there is room"
            );
        }
    }
}

/// Whether there was one to give up.
pub(crate) fn give_up(dir: &Path, disk: &Disk) -> bool {
    disk.is_real()
        && std::fs::remove_file(dir.join(FILE)).is_ok()
        // Some systems give blocks back only then.
        && disk.sync_dir(dir).is_ok()
}

/// Lays it, or what there is room for: beside the reserve, or within that where it is eaten into already.
/// Best effort: without it a store is as good, until its disk is full.
pub(crate) fn lay(options: &Options) {
    if is_kept(options) {
        lay_beside(&options.dir, &options.disk, options.reserve_bytes);
    }
}

/// The same for a store that is open. `reserve` is 0 for one that keeps none.
pub(crate) fn lay_beside(dir: &Path, disk: &Disk, reserve: u64) {
    let path = dir.join(FILE);
    let has = std::fs::metadata(&path).map_or(0, |about| about.len());
    if reserve == 0 || !disk.is_real() || has >= SPARE_OCTETS {
        return;
    }
    let free = disk.free(dir);
    let room = match free.checked_sub(reserve) {
        Some(beside) => beside,
        None => free.saturating_sub(LEFT_OCTETS),
    };
    let octets = has.saturating_add(room).min(SPARE_OCTETS);
    if octets < SPARE_OCTETS && octets < has.saturating_add(LEAST_OCTETS) {
        return;
    }
    let laid = laid(&path, octets);
    tracing::debug!(laid = laid.is_ok(), octets, "spare");
    if laid.is_err() {
        // Half a spare that the system does not vouch for is none.
        let _ = std::fs::remove_file(&path);
    }
}

/// Blocks of its own, not a hole.
fn laid(path: &Path, octets: u64) -> std::io::Result<()> {
    let mut how = OpenOptions::new();
    how.write(true).create(true).truncate(false).mode(0o600);
    let file: File = how.open(path)?;
    fs2::FileExt::allocate(&file, octets)?;
    file.sync_all()
}

/// Why no index can be made here, when the disk is full.
pub(crate) fn expect_room(options: &Options) -> Result<(), Error> {
    let free = options.disk.free(&options.dir);
    match is_kept(options) && free < LEAST_OCTETS {
        true => Err(full(&options.dir, free)),
        false => Ok(()),
    }
}

/// What is said of a store that could not be opened: in place of the engine's words, when the disk is full.
pub(crate) fn told(error: Error, options: &Options) -> Error {
    match &error {
        Error::Unavailable(why) if why.is_full_disk() => {
            full(&options.dir, options.disk.free(&options.dir))
        }
        _ => error,
    }
}

fn full(dir: &Path, free: u64) -> Error {
    Error::Unavailable(Obstacle::NoRoomToOpen {
        dir: dir.display().to_string(),
        free,
        needed_mib: SPARE_OCTETS >> 20,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    fn options(dir: &Path) -> Options {
        Options {
            dir: dir.to_owned(),
            reserve_bytes: 1,
            ..Options::default()
        }
    }

    #[test]
    fn it_has_blocks_of_its_own_and_is_laid_once() {
        let dir = tempfile::tempdir().unwrap();
        let options = options(dir.path());
        lay(&options);
        let about = std::fs::metadata(dir.path().join(FILE)).unwrap();
        assert_eq!(about.len(), SPARE_OCTETS);
        assert!(about.blocks() * 512 >= SPARE_OCTETS, "a hole");
        lay(&options);
        let again = std::fs::metadata(dir.path().join(FILE)).unwrap();
        assert_eq!((again.ino(), again.len()), (about.ino(), SPARE_OCTETS));
        // There is room: it stays.
        give_up_when_full(&options);
        assert!(dir.path().join(FILE).exists());
        assert!(give_up(dir.path(), &options.disk));
        assert!(!give_up(dir.path(), &options.disk));
    }

    #[test]
    fn none_for_a_store_that_keeps_no_reserve_or_whose_disk_is_a_tests() {
        let dir = tempfile::tempdir().unwrap();
        let no_reserve = Options {
            reserve_bytes: 0,
            ..options(dir.path())
        };
        let memory = Options {
            engine: EngineKind::Memory,
            ..options(dir.path())
        };
        let small = Options {
            disk: Disk::small(0),
            ..options(dir.path())
        };
        for options in [no_reserve, memory, small] {
            lay(&options);
            assert!(!dir.path().join(FILE).exists());
            assert!(expect_room(&options).is_ok());
        }
    }

    #[test]
    fn only_a_full_disk_is_told_as_one() {
        let check = |said: Obstacle, told_as_full: bool| {
            let told = told(Error::Unavailable(said.clone()), &options(Path::new("/")));
            let is_full = matches!(told, Error::Unavailable(Obstacle::NoRoomToOpen { .. }));
            assert_eq!(is_full, told_as_full, "{said}");
        };
        let engine = |why: &str| Obstacle::Engine {
            engine: "sled",
            why: why.into(),
        };
        check(
            engine("IO error: No space left on device (os error 28)"),
            true,
        );
        check(engine("IO error: Input/output error (os error 5)"), false);
        let file = "/x/checkpoint".to_owned();
        check(Obstacle::DiskFull { file }, true);
        check(Obstacle::Foreign { dir: "/x".into() }, false);
    }
}
