//! The folder on disk: private files, whole appends, names made durable.
//!
//! Every write, sync, creation, renaming and removal of the store passes a [`Disk`], so that a test
//! can make the disk full, cut the power and lose whatever was not synced ([`Disk::forgetful`]).
//! The engine's own files are the exception: after a power cut the index is never trusted.

mod forgetful;

use crate::{Error, Obstacle, Watch};
use forgetful::Forgetful;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the probe for a disk that was full writes, octets.
pub(crate) const PROBE_OCTETS: usize = 64 * 1024;
/// Octets of a file that are copied at once.
const COPIED_OCTETS: usize = 1 << 20;
/// What systems say where a file cannot have a second name.
const NOT_LINKED: [io::ErrorKind; 4] = [
    io::ErrorKind::CrossesDevices,
    io::ErrorKind::PermissionDenied,
    io::ErrorKind::TooManyLinks,
    io::ErrorKind::Unsupported,
];
/// Folders above a new one that are made with it.
const ANCESTORS_MAX: usize = 256;

/// The disk that a store lies on; cheap to clone. The default is the real one, the others are for tests.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    /// Octets that a test's small disk still holds.
    room: Option<Arc<AtomicU64>>,
    forgetful: Option<Arc<Forgetful>>,
    watch: Watch,
}

impl From<Arc<AtomicU64>> for Disk {
    /// A disk that still holds so many octets; the caller may give it more.
    fn from(room: Arc<AtomicU64>) -> Self {
        Self {
            room: Some(room),
            ..Self::default()
        }
    }
}

impl Disk {
    /// For tests: a disk that holds no more than so many octets.
    pub fn small(octets: u64) -> Self {
        Arc::new(AtomicU64::new(octets)).into()
    }

    /// For tests: the octets that a small disk still holds.
    pub fn room(&self) -> Option<&Arc<AtomicU64>> {
        self.room.as_ref()
    }

    /// For tests: a disk that remembers what was not synced, so that [`Disk::power_cut`] can take it back.
    pub fn forgetful(seed: u64) -> Self {
        Self {
            forgetful: Some(Arc::new(Forgetful::new(seed))),
            ..Self::default()
        }
    }

    /// The same disk; `watch` hears how far long reading is while a store is opened, made anew, moved
    /// or repaired.
    pub fn watched(self, watch: Watch) -> Self {
        Self { watch, ..self }
    }

    /// Who hears of it.
    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// For tests, on a forgetful disk: syncs of files whose path contains `part` do nothing, as on
    /// a disk that lies, or as if the program had forgotten them.
    pub fn skip_syncs_of(&self, part: &str) {
        if let Some(forgetful) = &self.forgetful {
            forgetful.skip_syncs_of(part);
        }
    }

    /// For tests, on a forgetful disk: the power fails at the `steps`-th write, sync or change of a
    /// name from now on. That one may be half done; all after it fail until [`Disk::power_cut`].
    pub fn fail_after(&self, steps: u64) {
        if let Some(forgetful) = &self.forgetful {
            forgetful.fail_after(steps);
        }
    }

    /// For tests, on a forgetful disk: takes back some of what was not synced, drawn at random:
    /// octets in pieces of 512, lengths, names. The power is back afterwards. Nobody may have the
    /// store open. Errors: the system's.
    pub fn power_cut(&self) -> io::Result<()> {
        self.forgetful.as_ref().map_or(Ok(()), |f| f.power_cut())
    }

    /// Whether it pretends to be small: then nothing is laid out ahead.
    pub(crate) fn is_small(&self) -> bool {
        self.room.is_some()
    }

    /// Whether it is the system's, not a test's.
    pub(crate) fn is_real(&self) -> bool {
        self.room.is_none() && self.forgetful.is_none()
    }

    /// Makes the folder and those above it, for the owner only, their names durable; it may be there already.
    pub(crate) fn make_dir(&self, dir: &Path) -> Result<(), Error> {
        let mut missing: Vec<&Path> = dir.ancestors().take(ANCESTORS_MAX).collect();
        missing.retain(|d| !d.as_os_str().is_empty() && !d.is_dir());
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(|e| failed("cannot make the folder", dir, &e))?;
        for made in missing {
            let parent = made.parent().filter(|p| !p.as_os_str().is_empty());
            self.sync_dir(parent.unwrap_or(Path::new(".")))?;
        }
        Ok(())
    }

    /// Opens for reading and writing, makes it when absent, for the owner only. A new name is
    /// durable after [`Disk::sync_dir`].
    pub(crate) fn open(&self, path: &Path) -> Result<DataFile, Error> {
        let opened = match &self.forgetful {
            Some(forgetful) => forgetful.create(path, || private(path)),
            None => private(path),
        };
        let opened = opened.and_then(|file| self.data_file(file, path));
        opened.map_err(|e| failed("cannot open for writing", path, &e))
    }

    /// Opens for reading only.
    pub(crate) fn open_existing(&self, path: &Path) -> io::Result<DataFile> {
        File::open(path).and_then(|file| self.data_file(file, path))
    }

    fn data_file(&self, file: File, path: &Path) -> io::Result<DataFile> {
        let number = match &self.forgetful {
            Some(_) => forgetful::number_of(&file)?,
            None => 0,
        };
        Ok(DataFile {
            file,
            path: path.to_owned(),
            number,
            disk: self.clone(),
        })
    }

    /// Makes the names in a folder durable.
    pub(crate) fn sync_dir(&self, dir: &Path) -> Result<(), Error> {
        let synced = match &self.forgetful {
            Some(forgetful) => forgetful.sync_dir(dir),
            None => File::open(dir).and_then(|d| d.sync_all()),
        };
        synced.map_err(|e| failed("cannot sync the folder", dir, &e))
    }

    /// Renames a file or folder within one folder, over what has the new name. Durable after [`Disk::sync_dir`].
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        match &self.forgetful {
            Some(forgetful) => forgetful.rename(from, to),
            None => std::fs::rename(from, to),
        }
    }

    /// Removes a file. Durable after [`Disk::sync_dir`].
    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        let octets = match &self.room {
            Some(_) => std::fs::metadata(path)?.len(),
            None => 0,
        };
        match &self.forgetful {
            Some(forgetful) => forgetful.remove(path)?,
            None => std::fs::remove_file(path)?,
        }
        if let Some(left) = &self.room {
            left.fetch_add(octets, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Removes a folder with all that is in it; absent is fine. Only for what nobody needs any more:
    /// a power cut may leave some of it.
    pub(crate) fn remove_tree(&self, dir: &Path) -> io::Result<()> {
        let removed = match &self.forgetful {
            Some(forgetful) => forgetful.remove_tree(dir),
            None => std::fs::remove_dir_all(dir),
        };
        match removed {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }

    /// Gives a file that is not written on any more a second name, or copies it where there can be none (the file
    /// system knows none, or the two lie on different ones). Durable after [`Disk::sync_dir`].
    pub(crate) fn link(&self, from: &Path, to: &Path) -> Result<(), Error> {
        let linked = match &self.forgetful {
            Some(forgetful) => forgetful.link(from, to),
            None => std::fs::hard_link(from, to),
        };
        match linked {
            Err(e) if NOT_LINKED.contains(&e.kind()) => self.copy(from, to),
            linked => linked.map_err(|e| failed("cannot link", to, &e)),
        }
    }

    /// Copies a file, its octets durable, its name after [`Disk::sync_dir`].
    pub(crate) fn copy(&self, from: &Path, to: &Path) -> Result<(), Error> {
        let unread = |e: &io::Error| failed("cannot read", from, e);
        let unwritten = |e: &io::Error| failed("cannot write", to, e);
        let mut source = File::open(from).map_err(|e| unread(&e))?;
        let copy = self.open(to)?;
        copy.set_len(0).map_err(|e| unwritten(&e))?;
        let (mut piece, mut at) = (vec![0; COPIED_OCTETS], 0);
        loop {
            let some = source.read(&mut piece).map_err(|e| unread(&e))?;
            if some == 0 {
                return copy.sync().map_err(|e| unwritten(&e));
            }
            let written = copy.append_at(at, &piece[..some]);
            written.map_err(|e| unwritten(&e))?;
            at += some as u64;
        }
    }

    /// Replaces a small file as a whole: after a crash it is the old one or the new one.
    pub(crate) fn replace(&self, dir: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let (fresh, path) = (dir.join(format!("{name}.new")), dir.join(name));
        let file = self.open(&fresh)?;
        let written = file
            .set_len(0)
            .and_then(|()| file.append_at(0, bytes))
            .and_then(|()| file.sync())
            .and_then(|()| self.rename(&fresh, &path));
        written.map_err(|e| failed("cannot write", &path, &e))?;
        self.sync_dir(dir)
    }

    /// Octets that may still be written here. Where the system does not tell: plenty, and the write itself says so.
    pub(crate) fn free(&self, dir: &Path) -> u64 {
        match &self.room {
            Some(left) => left.load(Ordering::SeqCst),
            None => fs2::available_space(dir).unwrap_or(u64::MAX),
        }
    }

    /// Whether the disk takes a write again. Errors: why not.
    pub(crate) fn probe(&self, dir: &Path) -> Result<(), Error> {
        let path = dir.join("probe");
        let failed = |e: &io::Error| failed("cannot write", &path, e);
        let tried = self.open(&path).and_then(|file| {
            let written = file.append_at(0, &[0u8; PROBE_OCTETS]);
            written.and_then(|()| file.sync()).map_err(|e| failed(&e))
        });
        // The removal gives a small disk its room back.
        let removed = self.remove(&path).map_err(|e| failed(&e));
        tried.and(removed)
    }

    fn take_room(&self, octets: u64) -> Result<(), u64> {
        let Some(left) = &self.room else {
            return Ok(());
        };
        left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |l| {
            l.checked_sub(octets)
        })
        .map(|_| ())
    }
}

/// An open file of the store.
#[derive(Debug)]
pub(crate) struct DataFile {
    file: File,
    path: PathBuf,
    /// What a forgetful disk knows it by, whatever its name.
    number: u64,
    disk: Disk,
}

impl DataFile {
    /// Writes all of `bytes` at `offset`; on failure the file is cut back to `offset`.
    /// The error may be that of cutting back: then [`DataFile::len`] tells.
    pub(crate) fn append_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let written = match self.disk.take_room(bytes.len() as u64) {
            Ok(()) => self.write_at(offset, bytes),
            Err(left) => {
                // As a real disk does: some of it is written, then it is full.
                let some = &bytes[..usize::try_from(left).unwrap_or(0).min(bytes.len())];
                self.write_at(offset, some)
                    .and(Err(io::ErrorKind::StorageFull.into()))
            }
        };
        if let Err(e) = written {
            self.set_len(offset)?;
            return Err(e);
        }
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match &self.disk.forgetful {
            Some(forgetful) => forgetful.write_at(self.number, &self.file, offset, bytes),
            None => self.file.write_all_at(bytes, offset),
        }
    }

    /// Fills `bytes` from `offset` on; an error when the file ends before.
    pub(crate) fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset)
    }

    /// Octets of the file.
    pub(crate) fn len(&self) -> io::Result<u64> {
        self.file.metadata().map(|m| m.len())
    }

    /// Cuts it, or makes it longer by zeros.
    pub(crate) fn set_len(&self, octets: u64) -> io::Result<()> {
        match &self.disk.forgetful {
            Some(forgetful) => forgetful.set_len(self.number, &self.file, octets),
            None => self.file.set_len(octets),
        }
    }

    /// Makes octets and length durable, not the name.
    pub(crate) fn sync(&self) -> io::Result<()> {
        match &self.disk.forgetful {
            Some(forgetful) => forgetful.sync(self.number, &self.path),
            None => self.file.sync_data(),
        }
    }
}

fn private(path: &Path) -> io::Result<File> {
    let mut how = OpenOptions::new();
    how.read(true).write(true).create(true).truncate(false);
    how.mode(0o600).open(path)
}

/// Opens a file that is only locked, or makes it. It is not of a [`Disk`]: nothing of it must
/// survive, and a full disk is no obstacle.
pub(crate) fn open_lock(path: &Path) -> Result<File, Error> {
    private(path).map_err(|e| failed("cannot open for writing", path, &e))
}

/// What the system says of a failing file. `deed` is what was tried, as logs call it.
pub(crate) fn failed(deed: &'static str, path: &Path, e: &io::Error) -> Error {
    let (file, why) = (path.display().to_string(), e.to_string());
    Error::Unavailable(match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Obstacle::DiskFull { file },
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            match owners_of(path) {
                Some((owner, folder)) => Obstacle::DeniedToUser {
                    deed,
                    file,
                    why,
                    owner,
                    folder,
                },
                None => Obstacle::Denied { deed, file, why },
            }
        }
        _ => Obstacle::File { deed, file, why },
    })
}

/// Whose a file and its folder are, when they are not of one user: somebody ran a command as another one.
fn owners_of(path: &Path) -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt as _;
    let owner = |path: &Path| std::fs::metadata(path).ok().map(|m| m.uid());
    let owners = owner(path).zip(owner(path.parent().unwrap_or(path)));
    owners.filter(|(file, folder)| file != folder)
}
