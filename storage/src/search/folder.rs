//! The folder that tantivy's files lie in: a [`Directory`] over the store's [`Disk`].
//!
//! A file is a head and blocks of [`BLOCK`] octets. Each block has a checksum, or is sealed under the
//! system's key where the store is encrypted; either is bound to the file's name and the block's
//! number and tried with every read. So what is damaged fails, and never finds too little.
//!
//! Files are read as they are asked for and not mapped: mapping is `unsafe`, cannot be sealed, and
//! turns a failing disk into a signal.

use crate::disk::{DataFile, Disk};
use crate::seal::{Context, KeyId, Keys, SEAL_OCTETS};
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use tantivy::HasLen;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, Directory, DirectoryLock, FileHandle, Lock, OwnedBytes, TerminatingWrite,
    WatchCallback, WatchHandle, WritePtr,
};

/// Octets of a block before it is sealed; the last one of a file may be shorter.
const BLOCK: usize = 4_096;
/// Blocks that are written at once.
const BLOCKS_AT_ONCE: usize = 16;
/// What the names of the threads begin with on which tantivy joins segments.
const JOINS: &str = "merge_thread";
/// How long joining rests after each write: it has no haste, and others want the processor and the disk.
const PAUSE: Duration = Duration::from_millis(4);
/// Octets after which joining syncs what it wrote, so that a sync of the journal never waits for more of it.
const SYNC_OCTETS: u64 = 8 * 1024 * 1024;
/// The first octets of a file; whether it is sealed follows in one octet.
const MAGIC: &[u8; 7] = b"CVTERM1";
const HEAD: usize = MAGIC.len() + 1;
const SUM: usize = 8;
const KEY: usize = 4;
/// What tantivy calls its list of segments.
pub(super) const META: &str = "meta.json";
/// What it calls its list of files: losing it costs nothing, since the store removes what no segment
/// has when it opens the index.
pub(super) const LISTING: &str = ".managed.json";

/// See the module; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    dir: PathBuf,
    disk: Disk,
    keys: Keys,
    /// Whether somebody opens or removes files of segments.
    busy: Arc<(Mutex<bool>, Condvar)>,
    end: Arc<End>,
}

/// Ends all writing in a folder, from outside.
#[derive(Debug)]
pub(super) struct End {
    /// Whether it came; and how long joining rests.
    told: Mutex<(bool, Duration)>,
    heard: Condvar,
}

impl Default for End {
    fn default() -> Self {
        Self {
            told: Mutex::new((false, PAUSE)),
            heard: Condvar::new(),
        }
    }
}

impl End {
    /// From now on all writes fail; what rests between two goes on at once, and fails.
    pub(super) fn tell(&self) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).0 = true;
        self.heard.notify_all();
    }

    /// For tests: joining rests so long.
    #[cfg(test)]
    pub(super) fn rest_for(&self, pause: Duration) {
        self.told.lock().unwrap().1 = pause;
        self.heard.notify_all();
    }

    /// Errors: it came.
    fn ask(&self) -> io::Result<()> {
        match self.told.lock().unwrap_or_else(PoisonError::into_inner).0 {
            true => Err(io::Error::other("the index was let go of")),
            false => Ok(()),
        }
    }

    /// Rests for a while, or until it comes.
    fn rest(&self) {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = told.1;
        let rested = self
            .heard
            .wait_timeout_while(told, pause, |told| !told.0 && told.1 == pause);
        drop(rested);
    }
}

/// Held while files of segments are opened or removed.
struct Turn(Arc<(Mutex<bool>, Condvar)>);

impl Drop for Turn {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.0.1.notify_one();
    }
}

impl Folder {
    /// The folder must be there.
    pub(super) fn new(dir: &Path, disk: &Disk, keys: &Keys, end: &Arc<End>) -> Self {
        Self {
            dir: dir.to_owned(),
            disk: disk.clone(),
            keys: keys.clone(),
            busy: Arc::default(),
            end: end.clone(),
        }
    }

    /// What the file holds for a block.
    fn close_block(
        &self,
        name: &str,
        number: u32,
        octets: &[u8],
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        if !self.keys.is_on() {
            out.extend_from_slice(&sum(name, number, octets));
            out.extend_from_slice(octets);
            return Ok(());
        }
        let key = self.keys.system();
        let context = Context::Search { file: name, number };
        let piece = self.keys.seal(key, context, octets).map_err(other)?;
        out.extend_from_slice(&key.0.to_le_bytes());
        out.extend_from_slice(&piece);
        Ok(())
    }

    /// The octets of a block from what the file holds. Errors: `InvalidData` for a damaged one.
    fn open_block(
        &self,
        name: &str,
        number: u32,
        sealed: bool,
        stored: &[u8],
    ) -> io::Result<Vec<u8>> {
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, format!("{name} is damaged"));
        if sealed {
            let (key, piece) = stored.split_first_chunk::<KEY>().ok_or_else(damaged)?;
            let key = KeyId(u32::from_le_bytes(*key));
            let context = Context::Search { file: name, number };
            return self.keys.unseal(key, context, piece).map_err(|_| damaged());
        }
        self.keys.accept_plain().map_err(|_| damaged())?;
        let (told, octets) = stored.split_first_chunk::<SUM>().ok_or_else(damaged)?;
        match sum(name, number, octets) == *told {
            true => Ok(octets.to_vec()),
            false => Err(damaged()),
        }
    }

    fn head(&self) -> [u8; HEAD] {
        let mut head = [u8::from(self.keys.is_on()); HEAD];
        head[..MAGIC.len()].copy_from_slice(MAGIC);
        head
    }

    fn open(&self, path: &Path) -> io::Result<Reading> {
        let file = self.disk.open_existing(&self.dir.join(path))?;
        let stored = file.len()?;
        let name = name_of(path)?;
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, format!("{name} is damaged"));
        let mut head = [0; HEAD];
        file.read_at(0, &mut head).map_err(|_| damaged())?;
        let sealed = match head.split_last() {
            Some((sealed @ (0 | 1), magic)) if magic == MAGIC => *sealed == 1,
            _ => return Err(damaged()),
        };
        let body = stored - HEAD as u64;
        let blocks = body.div_ceil((BLOCK + over(sealed)) as u64);
        let len = body.checked_sub(blocks * over(sealed) as u64);
        Ok(Reading {
            len: len
                .and_then(|l| usize::try_from(l).ok())
                .ok_or_else(damaged)?,
            folder: self.clone(),
            name: name.to_owned(),
            file,
            sealed,
            last: Mutex::default(),
        })
    }

    fn replace(&self, path: &Path, octets: &[u8]) -> io::Result<()> {
        self.end.ask()?;
        let name = name_of(path)?;
        let mut stored = self.head().to_vec();
        for (number, block) in (0..).zip(octets.chunks(BLOCK)) {
            self.close_block(name, number, block, &mut stored)?;
        }
        if name != LISTING {
            return self.disk.replace(&self.dir, name, &stored).map_err(other);
        }
        // Written for each new file: it is not worth a sync.
        let fresh = self.dir.join(format!("{name}.new"));
        let file = self.disk.open(&fresh).map_err(other)?;
        file.set_len(0)?;
        file.append_at(0, &stored)?;
        self.disk.rename(&fresh, &self.dir.join(name))
    }
}

/// Octets that a block is longer in its file.
fn over(sealed: bool) -> usize {
    if sealed { KEY + SEAL_OCTETS } else { SUM }
}

fn sum(name: &str, number: u32, octets: &[u8]) -> [u8; SUM] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&number.to_le_bytes());
    hasher.update(name.as_bytes());
    hasher.update(&[0]);
    hasher.update(octets);
    let mut sum = [0; SUM];
    sum.copy_from_slice(&hasher.finalize().as_bytes()[..SUM]);
    sum
}

fn other(error: crate::Error) -> io::Error {
    io::Error::other(error)
}

fn name_of(path: &Path) -> io::Result<&str> {
    let name = path.to_str().filter(|n| !n.contains('/'));
    name.ok_or_else(|| io::Error::other("a file's name that is none"))
}

/// A file that is read.
#[derive(Debug)]
struct Reading {
    folder: Folder,
    name: String,
    file: DataFile,
    sealed: bool,
    len: usize,
    /// The block that was read last: what follows mostly lies in it.
    last: Mutex<Option<(u32, Arc<[u8]>)>>,
}

impl Reading {
    fn block(&self, number: u32) -> io::Result<Arc<[u8]>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, block)) = last.as_ref().filter(|(n, _)| *n == number) {
            return Ok(block.clone());
        }
        let mut block = Vec::with_capacity(BLOCK);
        self.blocks(number..number + 1, &mut block)?;
        let block: Arc<[u8]> = block.into();
        *last = Some((number, block.clone()));
        Ok(block)
    }

    /// The octets of these blocks, read at once.
    fn blocks(&self, numbers: Range<u32>, out: &mut Vec<u8>) -> io::Result<()> {
        let size = BLOCK + over(self.sealed);
        let start = numbers.start as usize * BLOCK;
        let octets = (numbers.end as usize * BLOCK)
            .min(self.len)
            .saturating_sub(start);
        let mut stored = vec![0; octets + octets.div_ceil(BLOCK) * over(self.sealed)];
        let at = HEAD as u64 + u64::from(numbers.start) * size as u64;
        self.file.read_at(at, &mut stored)?;
        for (number, stored) in numbers.zip(stored.chunks(size)) {
            let block = self
                .folder
                .open_block(&self.name, number, self.sealed, stored)?;
            out.extend_from_slice(&block);
        }
        Ok(())
    }
}

impl HasLen for Reading {
    fn len(&self) -> usize {
        self.len
    }
}

impl FileHandle for Reading {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        if range.end > self.len || range.start > range.end {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if range.is_empty() {
            return Ok(OwnedBytes::empty());
        }
        let number = |at: usize| u32::try_from(at / BLOCK).map_err(io::Error::other);
        let (first, last) = (number(range.start)?, number(range.end - 1)?);
        let start = range.start % BLOCK;
        let octets = if first == last {
            self.block(first)?
                .get(start..start + range.len())
                .map(<[u8]>::to_vec)
        } else {
            let mut octets = Vec::with_capacity((last - first + 1) as usize * BLOCK);
            self.blocks(first..last + 1, &mut octets)?;
            octets.drain(..start);
            octets.truncate(range.len());
            Some(octets)
        };
        let octets = octets.filter(|o| o.len() == range.len());
        octets
            .map(OwnedBytes::new)
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// A file that is written.
struct Writing {
    folder: Folder,
    name: String,
    file: DataFile,
    /// Where the next block goes.
    at: u64,
    number: u32,
    waiting: Vec<u8>,
    /// Whether it is written by joining segments; and up to where it was synced.
    joins: bool,
    synced: u64,
}

impl Writing {
    fn put(&mut self, octets: usize) -> io::Result<()> {
        self.folder.end.ask()?;
        let mut stored = Vec::with_capacity(octets + octets / BLOCK * 64 + 64);
        for block in self.waiting[..octets].chunks(BLOCK) {
            self.folder
                .close_block(&self.name, self.number, block, &mut stored)?;
            let next = self.number.checked_add(1);
            self.number = next.ok_or_else(|| io::Error::other("a file grew too large"))?;
        }
        self.file.append_at(self.at, &stored)?;
        self.at += stored.len() as u64;
        self.waiting.drain(..octets);
        if self.joins {
            if self.at - self.synced >= SYNC_OCTETS {
                self.file.sync()?;
                self.synced = self.at;
            }
            self.folder.end.rest();
        }
        Ok(())
    }
}

impl Write for Writing {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(octets);
        let full = self.waiting.len() / BLOCK;
        if full >= BLOCKS_AT_ONCE {
            self.put(full * BLOCK)?;
        }
        Ok(octets.len())
    }

    /// Blocks are whole: what waits is written when the file ends.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TerminatingWrite for Writing {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        self.put(self.waiting.len())?;
        self.file.sync()
    }
}

impl Directory for Folder {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        match self.open(path) {
            Ok(file) => Ok(Arc::new(file)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                Err(OpenReadError::FileDoesNotExist(path.to_owned()))
            }
            Err(e) => Err(OpenReadError::wrap_io_error(e, path.to_owned())),
        }
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.disk.remove(&self.dir.join(path)).map_err(|e| {
            if e.kind() == io::ErrorKind::NotFound {
                return DeleteError::FileDoesNotExist(path.to_owned());
            }
            DeleteError::IoError {
                io_error: Arc::new(e),
                filepath: path.to_owned(),
            }
        })
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        Ok(self.dir.join(path).exists())
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let failed = |e| OpenWriteError::wrap_io_error(e, path.to_owned());
        self.end.ask().map_err(failed)?;
        let name = name_of(path).map_err(failed)?.to_owned();
        let full = self.dir.join(path);
        if full.exists() {
            return Err(OpenWriteError::FileAlreadyExists(path.to_owned()));
        }
        let file = self.disk.open(&full).map_err(|e| failed(other(e)))?;
        file.append_at(0, &self.head()).map_err(failed)?;
        Ok(BufWriter::new(Box::new(Writing {
            folder: self.clone(),
            name,
            file,
            at: HEAD as u64,
            number: 0,
            waiting: Vec::new(),
            joins: std::thread::current()
                .name()
                .is_some_and(|name| name.starts_with(JOINS)),
            synced: 0,
        })))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let opened = self.open(path);
        let read = opened.and_then(|file| Ok(file.read_bytes(0..file.len())?.as_slice().to_vec()));
        match read {
            Ok(octets) => Ok(octets),
            Err(e) if e.kind() == io::ErrorKind::NotFound || path == Path::new(LISTING) => {
                Err(OpenReadError::FileDoesNotExist(path.to_owned()))
            }
            Err(e) => Err(OpenReadError::wrap_io_error(e, path.to_owned())),
        }
    }

    fn atomic_write(&self, path: &Path, octets: &[u8]) -> io::Result<()> {
        self.replace(path, octets)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.disk.sync_dir(&self.dir).map_err(other)
    }

    /// The store's own lock keeps other processes away, and one filler at a time writes; only that
    /// no file is removed between the list of segments and its opening is left to be guarded.
    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        if !lock.is_blocking {
            return Ok(DirectoryLock::from(Box::new(())));
        }
        let (busy, freed) = &*self.busy;
        let mut busy = busy.lock().unwrap_or_else(PoisonError::into_inner);
        while *busy {
            busy = freed.wait(busy).unwrap_or_else(PoisonError::into_inner);
        }
        *busy = true;
        Ok(DirectoryLock::from(Box::new(Turn(self.busy.clone()))))
    }

    /// Who writes tells its readers itself.
    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::tests::keys;

    fn check(keys: &Keys, len: usize) {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path(), &Disk::default(), keys, &Arc::default());
        let octets: Vec<u8> = (0..len).map(|n| (n * 31 % 251) as u8).collect();
        let path = Path::new("0123.term");
        let mut file = folder.open_write(path).unwrap();
        for piece in octets.chunks(777) {
            file.write_all(piece).unwrap();
        }
        file.terminate().unwrap();
        let read = folder.get_file_handle(path).unwrap();
        assert_eq!(read.len(), len);
        let ends = [0, 1, 4_095, 4_096, 4_097, 8_192, len / 2, len];
        for from in ends {
            for to in ends.into_iter().filter(|to| (from..=len).contains(to)) {
                let got = read.read_bytes(from..to).unwrap();
                assert_eq!(got.as_slice(), &octets[from..to], "{from}..{to} of {len}");
            }
        }
        assert!(read.read_bytes(0..len + 1).is_err());
        folder
            .atomic_write(Path::new("meta.json"), &octets)
            .unwrap();
        assert_eq!(folder.atomic_read(Path::new("meta.json")).unwrap(), octets);
        if len == 0 {
            return;
        }
        // Every octet counts: of the head, of a block and of its checksum.
        let full = dir.path().join("0123.term");
        let whole = std::fs::read(&full).unwrap();
        if keys.is_on() && len > 64 {
            assert!(
                !whole
                    .windows(64)
                    .any(|w| octets.windows(64).any(|o| o == w))
            );
        }
        for at in [
            0,
            HEAD - 1,
            HEAD,
            HEAD + 5,
            whole.len() / 2,
            whole.len() - 1,
        ] {
            let mut changed = whole.clone();
            changed[at] ^= 4;
            std::fs::write(&full, &changed).unwrap();
            let read = folder.get_file_handle(path).and_then(|f| {
                let read = f.read_bytes(0..f.len());
                read.map_err(|e| OpenReadError::wrap_io_error(e, path.to_owned()))
            });
            assert!(read.is_err(), "octet {at} of {}", whole.len());
        }
        std::fs::write(&full, &whole).unwrap();
        std::fs::rename(&full, dir.path().join("other.term")).unwrap();
        let moved = folder.get_file_handle(Path::new("other.term")).unwrap();
        assert!(moved.read_bytes(0..1).is_err(), "under another name");
    }

    #[test]
    fn what_was_written_is_read_and_what_was_changed_is_not() {
        let dir = tempfile::tempdir().unwrap();
        for len in [0, 1, 4_095, 4_096, 4_097, 70_000] {
            check(&Keys::none(), len);
        }
        check(&keys(dir.path()), 9_000);
    }

    #[test]
    fn a_sealed_store_reads_nothing_plain() {
        let (dir, secret) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let plain = Folder::new(dir.path(), &Disk::default(), &Keys::none(), &Arc::default());
        plain.atomic_write(Path::new("meta.json"), b"{}").unwrap();
        let sealed = Folder::new(
            dir.path(),
            &Disk::default(),
            &keys(secret.path()),
            &Arc::default(),
        );
        assert!(sealed.atomic_read(Path::new("meta.json")).is_err());
    }
}
