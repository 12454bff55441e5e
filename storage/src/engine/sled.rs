//! sled 0.34.7, the only file that names it. Plain `insert` and `remove`: its batches take
//! gigabytes of memory, and its flush does not reach the disk, so [`SledEngine::checkpoint`] syncs
//! its files itself. Its memory grows with the number of keys, so they are folded into pages
//! (measured; see the architecture's idea 6).

use super::fold::{Each, Folded, Pair, Rows};
use super::{Engine, Op, Page, guarded};
use crate::disk;
use crate::{Error, Obstacle};
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A file that every folder of sled has, and none of another engine.
pub(super) const MARK: &str = "conf";
/// How often sled writes its dirty pages back, milliseconds; only bounds its memory.
const WRITE_BACK_MS: u64 = 1_000;
/// Deepest folder below sled's own that a checkpoint syncs.
const FOLDER_DEPTH_MAX: usize = 4;

/// How often and how long a start waits for a sled of this process to let go of its file.
const LOCK_TRIES_MAX: u32 = 500;
const LOCK_WAIT: Duration = Duration::from_millis(20);

/// The two trees of the folded layout.
const SINGLES: &str = "singles";
const PAGES: &str = "pages";

pub(crate) struct SledEngine {
    keys: Folded<::sled::Tree>,
    db: ::sled::Db,
    dir: PathBuf,
}

impl SledEngine {
    /// Opens or creates. A damaged folder can make sled panic; that comes back as `Corrupt`.
    pub(crate) fn open(dir: &Path, cache_bytes: u64) -> Result<Self, Error> {
        let config = ::sled::Config::new()
            .path(dir)
            .cache_capacity(cache_bytes)
            .flush_every_ms(Some(WRITE_BACK_MS));
        let db = match patiently(&config) {
            Ok(opened) => opened.map_err(|e| spell(&e))?,
            Err(_) => return Err(Error::Corrupt("sled panicked while opening".into())),
        };
        if ask(|| db.first())?.is_some() {
            return Err(Error::Corrupt("sled's files have an earlier layout".into()));
        }
        let keys = Folded::new(ask(|| db.open_tree(SINGLES))?, ask(|| db.open_tree(PAGES))?);
        let dir = dir.to_owned();
        Ok(Self { keys, db, dir })
    }
}

/// The store's folder is locked, so whoever still has sled's file is this very process: threads of
/// a sled that was dropped a moment ago end in their own time.
fn patiently(config: &::sled::Config) -> std::thread::Result<::sled::Result<::sled::Db>> {
    let mut tries = 0;
    loop {
        let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
        match &opened {
            Ok(Err(::sled::Error::Io(e))) if is_locked(e) && tries < LOCK_TRIES_MAX => tries += 1,
            _ => return opened,
        }
        std::thread::park_timeout(LOCK_WAIT);
    }
}

/// sled wraps the system's error into one of its own with the same words.
fn is_locked(e: &std::io::Error) -> bool {
    e.kind() == std::io::ErrorKind::WouldBlock || e.to_string().contains("could not acquire lock")
}

fn spell(e: &::sled::Error) -> Error {
    match e {
        ::sled::Error::Io(_) => Error::Unavailable(Obstacle::Engine {
            engine: "sled",
            why: e.to_string(),
        }),
        // Damage shows in many ways: a scrambled file can look like one of an older version.
        _ => Error::Corrupt(format!("sled: {e}").into()),
    }
}

fn ask<T>(question: impl FnOnce() -> ::sled::Result<T>) -> Result<T, Error> {
    guarded("sled", || question().map_err(|e| spell(&e)))
}

impl Rows for ::sled::Tree {
    type Value = ::sled::IVec;

    fn get(&self, key: &[u8]) -> Result<Option<Self::Value>, Error> {
        ask(|| ::sled::Tree::get(self, key))
    }

    fn floor(&self, key: &[u8]) -> Result<Option<Pair<Self::Value>>, Error> {
        ask(|| self.range(..=key).next_back().transpose())
    }

    fn lower(&self, key: &[u8]) -> Result<Option<Pair<Self::Value>>, Error> {
        ask(|| self.range(..key).next_back().transpose())
    }

    fn visit(&self, from: &[u8], each: &mut Each<'_>) -> Result<(), Error> {
        let mut pairs = self.range(from..);
        while let Some((key, value)) = ask(|| pairs.next().transpose())? {
            if !each(&key, &value) {
                break;
            }
        }
        Ok(())
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        ask(|| self.insert(key, value)).map(|_| ())
    }

    fn remove(&self, key: &[u8]) -> Result<(), Error> {
        ask(|| ::sled::Tree::remove(self, key)).map(|_| ())
    }
}

impl Engine for SledEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.keys.get(key)
    }

    fn multi_get(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        self.keys.multi_get(keys)
    }

    fn scan(&self, prefix: &[u8], from: &[u8], keys_max: usize) -> Result<Page, Error> {
        self.keys.scan(prefix, from, keys_max)
    }

    fn write(&self, ops: &[Op]) -> Result<(), Error> {
        self.keys.write(ops)
    }

    fn checkpoint(&self) -> Result<(), Error> {
        ask(|| self.db.flush())?;
        sync_folder(&self.dir, FOLDER_DEPTH_MAX)
    }
}

/// Syncs every file of a folder. A file that sled removed meanwhile is not an error.
fn sync_folder(dir: &Path, depth: usize) -> Result<(), Error> {
    let failed = |path: &Path, e: &std::io::Error| disk::failed("cannot sync", path, e);
    for entry in std::fs::read_dir(dir).map_err(|e| failed(dir, &e))? {
        let path = entry.map_err(|e| failed(dir, &e))?.path();
        if path.is_dir() {
            if depth > 0 {
                sync_folder(&path, depth - 1)?;
            }
            continue;
        }
        match File::open(&path).and_then(|f| f.sync_all()) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(failed(&path, &e)),
            _ => {}
        }
    }
    File::open(dir)
        .and_then(|d| d.sync_all())
        .map_err(|e| failed(dir, &e))
}
