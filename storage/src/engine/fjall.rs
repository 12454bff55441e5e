//! fjall 3.1, the only file that names it: a log-structured tree, for whoever wants the smaller
//! memory or a way out of sled. One keyspace; its own journal is synced only by a checkpoint.

use super::{BATCH_OCTETS_MAX, Engine, Op, Page, guarded};
use crate::{Error, Obstacle};
use ::fjall::config::{
    BlockSizePolicy, BloomConstructionPolicy, CompressionPolicy, FilterPolicy, FilterPolicyEntry,
    PartitioningPolicy, PinningPolicy,
};
use ::fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use std::path::Path;
use std::time::Duration;

/// What every folder of fjall has, and none of another engine.
pub(super) const MARK: &str = "keyspaces";
/// The one keyspace.
const KEYSPACE: &str = "index";
/// Octets gathered in memory before they become a sorted file.
const MEMTABLE_OCTETS: u64 = 7 << 20;
/// Sealed ones that may wait for the disk before a write waits for them.
const SEALED_MAX: usize = 2;
/// Octets of its own journal; the least that it accepts.
const JOURNAL_OCTETS: u64 = 64 << 20;
/// Octets of a block on disk: the unit that is read, compressed and kept in the cache.
const BLOCK_OCTETS: u32 = 16 << 10;
/// Bits of the filter that spares looking for absent keys.
const FILTER_BITS: f32 = 8.0;
/// Files kept open.
const FILES_MAX: usize = 256;
/// Flushes and merges beside the readers and the writer.
const WORKERS: usize = 1;
/// How often and how long a start waits for a fjall of this process to let go of its folder.
const LOCK_TRIES_MAX: u32 = 500;
const LOCK_WAIT: Duration = Duration::from_millis(20);

/// How often and how long a writer waits until what is in memory is on the disk.
const FLUSH_TRIES_MAX: u32 = 2_000;
const FLUSH_WAIT: Duration = Duration::from_millis(5);

pub(crate) struct FjallEngine {
    db: Database,
    keys: Keyspace,
}

impl FjallEngine {
    /// Opens or creates. A damaged folder comes back as `Corrupt`.
    pub(crate) fn open(dir: &Path, cache_bytes: u64) -> Result<Self, Error> {
        guarded("fjall", || {
            let db = patiently(dir, cache_bytes)?;
            let keys = db.keyspace(KEYSPACE, options).map_err(|e| spell(&e))?;
            Ok(Self { db, keys })
        })
    }
}

impl FjallEngine {
    /// Turns what is in memory into sorted files, and waits for it.
    fn flush(&self) -> Result<(), Error> {
        self.keys.rotate_memtable().map_err(|e| spell(&e))?;
        self.wait(0);
        Ok(())
    }

    /// Seals what has grown to its size. fjall does so itself by a message to its worker with each
    /// write over the size; a thousand of them fill the worker's mailbox while it merges, and then it
    /// waits for ever to put one there itself (fjall-rs/fjall pull request 323). So it never gets to
    /// that size here: one message for each memtable.
    fn seal(&self) -> Result<(), Error> {
        let sealed = self.keys.sealed_memtable_count();
        let active = self
            .db
            .write_buffer_size()
            .saturating_sub(sealed as u64 * MEMTABLE_OCTETS);
        if active < MEMTABLE_OCTETS {
            return Ok(());
        }
        // Its one worker may be slower than a bulk load: what waits would only pile up in memory.
        self.wait(SEALED_MAX - 1);
        self.keys.rotate_memtable().map_err(|e| spell(&e))?;
        Ok(())
    }

    /// Waits until so many sealed memtables are left; not for ever, where they cannot be written:
    /// then its journal has them.
    fn wait(&self, left: usize) {
        let mut tries = 0;
        while self.keys.sealed_memtable_count() > left && tries < FLUSH_TRIES_MAX {
            tries += 1;
            std::thread::park_timeout(FLUSH_WAIT);
        }
    }
}

fn options() -> KeyspaceCreateOptions {
    let filter = FilterPolicyEntry::Bloom(BloomConstructionPolicy::BitsPerKey(FILTER_BITS));
    KeyspaceCreateOptions::default()
        // Stores made before had MEMTABLE_OCTETS here; fjall keeps what a keyspace was made with.
        .max_memtable_size(u64::MAX)
        .manual_journal_persist(true)
        .data_block_size_policy(BlockSizePolicy::all(BLOCK_OCTETS))
        .data_block_compression_policy(CompressionPolicy::all(CompressionType::Lz4))
        // Filters and block tables are read by need: pinned, they grow with the store.
        .filter_policy(FilterPolicy::all(filter))
        .filter_block_partitioning_policy(PartitioningPolicy::all(true))
        .index_block_partitioning_policy(PartitioningPolicy::all(true))
        .filter_block_pinning_policy(PinningPolicy::disabled())
        .index_block_pinning_policy(PinningPolicy::disabled())
        // What is asked for mostly exists: the lowest level, nine tenths of all, needs no filter.
        .expect_point_read_hits(true)
}

/// The store's folder is locked, so whoever still has fjall's is this very process.
fn patiently(dir: &Path, cache_bytes: u64) -> Result<Database, Error> {
    let mut tries = 0;
    loop {
        let opened = Database::builder(dir)
            .cache_size(cache_bytes)
            .worker_threads(WORKERS)
            .max_cached_files(Some(FILES_MAX))
            .max_journaling_size(JOURNAL_OCTETS)
            .manual_journal_persist(true)
            .open();
        match opened {
            Err(::fjall::Error::Locked) if tries < LOCK_TRIES_MAX => tries += 1,
            other => return other.map_err(|e| spell(&e)),
        }
        std::thread::park_timeout(LOCK_WAIT);
    }
}

fn spell(e: &::fjall::Error) -> Error {
    use ::fjall::Error as E;
    use std::io::ErrorKind;
    match e {
        // Some of its folder is there and some is not, as a stop leaves it while the folder is removed.
        E::Io(io)
            if matches!(
                io.kind(),
                ErrorKind::AlreadyExists | ErrorKind::NotFound | ErrorKind::UnexpectedEof
            ) =>
        {
            Error::Corrupt(format!("fjall: {e}").into())
        }
        E::Io(_) | E::Locked | E::Poisoned => Error::Unavailable(Obstacle::Engine {
            engine: "fjall",
            why: e.to_string(),
        }),
        _ => Error::Corrupt(format!("fjall: {e}").into()),
    }
}

impl Engine for FjallEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        guarded("fjall", || {
            let value = self.keys.get(key).map_err(|e| spell(&e))?;
            Ok(value.map(|v| v.to_vec()))
        })
    }

    fn scan(&self, prefix: &[u8], from: &[u8], keys_max: usize) -> Result<Page, Error> {
        guarded("fjall", || {
            let mut page = Page::default();
            for pair in self.keys.range(from.max(prefix)..) {
                let (key, value) = pair.into_inner().map_err(|e| spell(&e))?;
                if !key.starts_with(prefix) || !page.push(&key, &value, keys_max) {
                    break;
                }
            }
            Ok(page)
        })
    }

    fn write(&self, ops: &[Op]) -> Result<(), Error> {
        guarded("fjall", || {
            let (mut batch, mut octets) = (self.db.batch(), 0);
            for op in ops {
                if octets > 0 && octets + op.octets() > BATCH_OCTETS_MAX {
                    let full = std::mem::replace(&mut batch, self.db.batch());
                    full.commit().map_err(|e| spell(&e))?;
                    self.seal()?;
                    octets = 0;
                }
                octets += op.octets();
                match op {
                    Op::Put(key, value) => {
                        batch.insert(&self.keys, key.as_slice(), value.as_slice());
                    }
                    Op::Delete(key) => batch.remove(&self.keys, key.as_slice()),
                }
            }
            batch.commit().map_err(|e| spell(&e))?;
            self.seal()
        })
    }

    fn checkpoint(&self) -> Result<(), Error> {
        guarded("fjall", || {
            // What is in sorted files need not be read from its journal at the next start.
            self.flush()?;
            self.db.persist(PersistMode::SyncAll).map_err(|e| spell(&e))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// Large values bring a memtable to its size, then come more small writes than the worker's
    /// mailbox holds, while it writes and merges.
    const ROUNDS: u32 = 12;
    const LARGE: u32 = 900;
    const SMALL: u32 = 1_500;
    const VALUE_OCTETS: usize = 8 << 10;
    const LIMIT: Duration = Duration::from_secs(120);

    /// Not to be compressed away, and made faster than fjall writes it.
    fn noise() -> Vec<u8> {
        (1..=VALUE_OCTETS as u32)
            .map(|at| {
                (at.wrapping_mul(at ^ 0x5bd1_e995)
                    .wrapping_mul(2_246_822_519)
                    >> 24) as u8
            })
            .collect()
    }

    fn key(n: u32) -> Vec<u8> {
        n.wrapping_mul(2_654_435_761).to_be_bytes().to_vec()
    }

    #[test]
    fn a_folder_that_was_removed_in_part_is_damaged_not_unavailable() {
        let dir = tempfile::tempdir().unwrap();
        let engine = FjallEngine::open(dir.path(), 1 << 20).unwrap();
        engine.write(&[Op::Put(key(1), noise())]).unwrap();
        engine.checkpoint().unwrap();
        drop(engine);
        std::fs::remove_file(dir.path().join("version")).unwrap();
        let opened = FjallEngine::open(dir.path(), 1 << 20).err();
        assert!(matches!(opened, Some(Error::Corrupt(_))), "{opened:?}");
    }

    #[test]
    fn many_small_writes_never_wait_for_a_worker_that_waits_for_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_owned();
        let (done, ended) = mpsc::sync_channel(1);
        std::thread::spawn(move || {
            let engine = FjallEngine::open(&path, 1 << 20).unwrap();
            let (mut n, value) = (0, noise());
            for _ in 0..ROUNDS {
                let large = (n..n + LARGE).map(|n| Op::Put(key(n), value.clone()));
                engine.write(&large.collect::<Vec<_>>()).unwrap();
                n += LARGE;
                for _ in 0..SMALL {
                    engine.write(&[Op::Put(key(n), Vec::new())]).unwrap();
                    n += 1;
                }
            }
            engine.checkpoint().unwrap();
            let missing = (0..n)
                .filter(|n| engine.get(&key(*n)).unwrap().is_none())
                .count();
            done.send(missing).unwrap();
        });
        assert_eq!(ended.recv_timeout(LIMIT).expect("the writer hangs"), 0);
    }
}
