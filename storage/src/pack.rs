//! Packs: immutable content in append-only files, addressed by its BLAKE3 hash, stored once.
//!
//! A pack begins with a header (magic, version, number); each content follows a head of its own
//! (magic, flags, lengths, hash, checksum of the head). [`Packs::put`] appends at once;
//! [`Packs::sync`] makes all that was appended durable, beside the journal's own sync. No commit
//! is acknowledged or applied before both; a crash between them is found by replay, which reads
//! the content that the last group names. After an unclean stop a new pack is begun.

use crate::disk::{self, DataFile, Disk};
use crate::index::Index;
use crate::record::{self, Location};
use crate::zip::Zip;
use crate::{BlobId, Error, Options, key};
use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const FOLDER: &str = "packs";
const FILE_MAGIC: &[u8; 8] = b"CVPACK\r\n";
const FILE_VERSION: u32 = 1;
pub(crate) const FILE_HEAD: u64 = 16;
const HEAD_MAGIC: &[u8; 4] = b"CvB1";
pub(crate) const HEAD: usize = 56;
/// Largest content, octets.
pub(crate) const BLOB_OCTETS_MAX: usize = 512 * 1024 * 1024;
/// Packs kept open for reading.
const OPEN_MAX: usize = 64;
/// Staged content remembered at once; the oldest is forgotten when nobody committed it.
const STAGED_MAX: usize = 200_000;

/// See the module.
pub(crate) struct Packs {
    dir: PathBuf,
    disk: Disk,
    sealed_at: u64,
    tail: Mutex<Tail>,
    open: Mutex<VecDeque<(u32, Arc<DataFile>)>>,
    staged: Mutex<Staged>,
    zip: Zip,
}

#[derive(Default)]
struct Staged {
    places: HashMap<BlobId, Location>,
    order: VecDeque<BlobId>,
}

/// The pack that is being written.
struct Tail {
    number: u32,
    /// `None` before the first write and after a failed sync: the next write begins a new pack.
    file: Option<Arc<DataFile>>,
    len: u64,
    /// Files with octets that were not synced.
    dirty: Vec<(u32, Arc<DataFile>)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:06}.pack"))
}

impl Packs {
    /// Opens the folder. After a clean stop the last pack is continued.
    pub(crate) fn open(options: &Options, clean: bool) -> Result<Self, Error> {
        let (dir, sealed_at) = (options.dir.join(FOLDER), options.sizes.pack);
        options.disk.make_dir(&dir)?;
        let number = last_number(&dir)?;
        let mut tail = Tail {
            number,
            file: None,
            len: 0,
            dirty: Vec::new(),
        };
        if clean && number > 0 {
            let path = path(&dir, number);
            let file = options.disk.open(&path)?;
            let len = file.len();
            let len = len.map_err(|e| disk::failed("cannot read", &path, &e))?;
            if (FILE_HEAD..sealed_at).contains(&len) {
                check_head(&file, number)?;
                (tail.file, tail.len) = (Some(Arc::new(file)), len);
            }
        }
        Ok(Self {
            dir,
            disk: options.disk.clone(),
            sealed_at,
            tail: Mutex::new(tail),
            open: Mutex::default(),
            staged: Mutex::default(),
            zip: Zip::default(),
        })
    }

    /// Appends content unless it is there already. Durable with the commit that names it.
    pub(crate) fn put(&self, bytes: &[u8], index: &Index) -> Result<BlobId, Error> {
        if bytes.len() > BLOB_OCTETS_MAX {
            return Err(Error::TooLarge("content"));
        }
        let id = BlobId::of(bytes);
        if lock(&self.staged).places.contains_key(&id) || index.get(&key::blob(id))?.is_some() {
            return Ok(id);
        }
        let zipped = self.zip.press(bytes);
        let (stored, flag) = match &zipped {
            Some(small) => (small.as_slice(), 1u8),
            None => (bytes, 0u8),
        };
        let mut entry = Vec::with_capacity(HEAD + stored.len());
        entry.extend_from_slice(HEAD_MAGIC);
        entry.extend_from_slice(&[flag, 0, 0, 0]);
        entry.extend_from_slice(&(stored.len() as u32).to_le_bytes());
        entry.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        entry.extend_from_slice(&id.0);
        let sum = blake3::hash(&entry);
        entry.extend_from_slice(&sum.as_bytes()[..8]);
        entry.extend_from_slice(stored);

        let mut tail = lock(&self.tail);
        // Two writers may bring the same content at once.
        if lock(&self.staged).places.contains_key(&id) {
            return Ok(id);
        }
        let (pack, offset) = self.append(&mut tail, &entry)?;
        let location = Location {
            pack,
            offset,
            stored: stored.len() as u32,
            raw: bytes.len() as u32,
            zipped: flag == 1,
        };
        lock(&self.staged).add(id, location);
        Ok(id)
    }

    fn append(&self, tail: &mut Tail, entry: &[u8]) -> Result<(u32, u64), Error> {
        if tail.file.is_none() || tail.len >= self.sealed_at {
            self.begin(tail)?;
        }
        let (number, offset) = (tail.number, tail.len);
        let Some(file) = tail.file.clone() else {
            return Err(Error::Unavailable("no pack is open".into()));
        };
        if let Err(e) = file.append_at(offset, entry) {
            // When it could not be cut back either, the rest of this file is left alone.
            if file.len().map_or(true, |len| len != offset) {
                tail.file = None;
            }
            return Err(disk::failed("cannot write", &path(&self.dir, number), &e));
        }
        tail.len += entry.len() as u64;
        if tail.dirty.last().is_none_or(|(n, _)| *n != number) {
            tail.dirty.push((number, file));
        }
        Ok((number, offset))
    }

    fn begin(&self, tail: &mut Tail) -> Result<(), Error> {
        tail.file = None;
        let number = tail
            .number
            .checked_add(1)
            .ok_or(Error::TooLarge("number of packs"))?;
        let path = path(&self.dir, number);
        let file = self.disk.open(&path)?;
        let mut head = FILE_MAGIC.to_vec();
        head.extend_from_slice(&FILE_VERSION.to_le_bytes());
        head.extend_from_slice(&number.to_le_bytes());
        file.append_at(0, &head)
            .map_err(|e| disk::failed("cannot write", &path, &e))?;
        self.disk.sync_dir(&self.dir)?;
        (tail.number, tail.len, tail.file) = (number, FILE_HEAD, Some(Arc::new(file)));
        Ok(())
    }

    /// Whether anything was appended since the last [`Packs::sync`].
    pub(crate) fn is_dirty(&self) -> bool {
        !lock(&self.tail).dirty.is_empty()
    }

    /// Makes everything appended so far durable. After a failure the pack is not written again,
    /// and what was staged in it is forgotten: the kernel may have dropped its octets.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        let dirty = std::mem::take(&mut lock(&self.tail).dirty);
        for (at, (number, file)) in dirty.iter().enumerate() {
            if let Err(e) = file.sync() {
                let lost: Vec<u32> = dirty[at..].iter().map(|(n, _)| *n).collect();
                let mut tail = lock(&self.tail);
                tail.file = None;
                tail.dirty.retain(|(n, _)| !lost.contains(n));
                lock(&self.staged)
                    .places
                    .retain(|_, l| !lost.contains(&l.pack));
                return Err(disk::failed("cannot sync", &path(&self.dir, *number), &e));
            }
        }
        Ok(())
    }

    /// Where staged content lies, for the commit that names it.
    pub(crate) fn staged(&self, id: BlobId) -> Option<Location> {
        lock(&self.staged).places.get(&id).copied()
    }

    /// The index knows it now.
    pub(crate) fn settle(&self, ids: &[BlobId]) {
        let mut staged = lock(&self.staged);
        for id in ids {
            staged.places.remove(id);
        }
    }

    /// Where content lies. Errors: `NotFound`.
    pub(crate) fn locate(&self, id: BlobId, index: &Index) -> Result<Location, Error> {
        if let Some(location) = self.staged(id) {
            return Ok(location);
        }
        let value = index.get(&key::blob(id))?.ok_or(Error::NotFound)?;
        record::decode(&value, "blob")
    }

    /// Content, verified against its hash. Errors: `NotFound`, `Corrupt`.
    pub(crate) fn read(&self, id: BlobId, index: &Index) -> Result<Arc<[u8]>, Error> {
        let location = self.locate(id, index)?;
        let corrupt = || Error::Corrupt(format!("content {id} in pack {}", location.pack));
        let file = self.handle(location.pack)?;
        let mut stored = vec![0u8; location.stored as usize];
        file.read_at(location.offset + HEAD as u64, &mut stored)
            .map_err(|_| corrupt())?;
        if location.zipped {
            stored = self
                .zip
                .unpress(&stored, location.raw as usize)
                .map_err(|_| corrupt())?;
        }
        if BlobId::of(&stored) != id {
            return Err(corrupt());
        }
        Ok(stored.into())
    }

    /// Compares an entry of the index with the head in the pack, without reading the content.
    pub(crate) fn verify_head(&self, id: BlobId, location: &Location) -> Result<(), Error> {
        let corrupt = || Error::Corrupt(format!("head of {id} in pack {}", location.pack));
        let file = self.handle(location.pack)?;
        let mut head = [0u8; HEAD];
        file.read_at(location.offset, &mut head)
            .map_err(|_| corrupt())?;
        let end = location.offset + HEAD as u64 + u64::from(location.stored);
        let len = file.len().map_err(|_| corrupt())?;
        let sum = blake3::hash(&head[..HEAD - 8]);
        let fits = head[..4] == *HEAD_MAGIC
            && head[4] == u8::from(location.zipped)
            && head[8..12] == location.stored.to_le_bytes()
            && head[12..16] == location.raw.to_le_bytes()
            && head[16..48] == id.0
            && head[48..] == sum.as_bytes()[..8]
            && end <= len;
        if fits { Ok(()) } else { Err(corrupt()) }
    }

    fn handle(&self, number: u32) -> Result<Arc<DataFile>, Error> {
        let mut open = lock(&self.open);
        if let Some(at) = open.iter().position(|(n, _)| *n == number) {
            let found = open.remove(at).ok_or(Error::NotFound)?;
            open.push_front(found.clone());
            return Ok(found.1);
        }
        let path = path(&self.dir, number);
        let file = self.disk.open_existing(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::Corrupt(format!("pack {number} is missing")),
            _ => disk::failed("cannot open", &path, &e),
        })?;
        check_head(&file, number)?;
        let file = Arc::new(file);
        open.push_front((number, file.clone()));
        open.truncate(OPEN_MAX);
        Ok(file)
    }
}

impl Staged {
    fn add(&mut self, id: BlobId, location: Location) {
        self.places.insert(id, location);
        self.order.push_back(id);
        while self.order.len() > STAGED_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.places.remove(&oldest);
            }
        }
    }
}

/// I-18: a pack of another version is not read.
fn check_head(file: &DataFile, number: u32) -> Result<(), Error> {
    let mut head = [0u8; FILE_HEAD as usize];
    let read = file.read_at(0, &mut head).is_ok();
    if !read || head[..8] != *FILE_MAGIC || head[12..] != number.to_le_bytes() {
        return Err(Error::Corrupt(format!("pack {number} has no valid header")));
    }
    if head[8..12] != FILE_VERSION.to_le_bytes() {
        return Err(Error::Corrupt(format!(
            "pack {number} has an unknown version"
        )));
    }
    Ok(())
}

/// Whether content is wholly on the disk, before the packs are opened.
pub(crate) fn is_whole(options: &Options, id: BlobId, location: &Location) -> bool {
    let mut stored = vec![0u8; location.stored as usize];
    let path = path(&options.dir.join(FOLDER), location.pack);
    let read = options
        .disk
        .open_existing(&path)
        .and_then(|file| file.read_at(location.offset + HEAD as u64, &mut stored));
    let unzipped = match location.zipped {
        true => Zip::default().unpress(&stored, location.raw as usize),
        false => Ok(stored),
    };
    read.is_ok() && unzipped.is_ok_and(|content| BlobId::of(&content) == id)
}

fn last_number(dir: &Path) -> Result<u32, Error> {
    let failed = |e: &std::io::Error| disk::failed("cannot list", dir, e);
    let mut last = 0;
    for entry in std::fs::read_dir(dir).map_err(|e| failed(&e))? {
        let name = entry.map_err(|e| failed(&e))?.file_name();
        let number = name
            .to_str()
            .and_then(|n| n.strip_suffix(".pack"))
            .map(str::parse::<u32>);
        if let Some(Ok(number)) = number {
            last = last.max(number);
        }
    }
    Ok(last)
}
