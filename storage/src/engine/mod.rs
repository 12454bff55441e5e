//! The ordered key-value engine under the index. It is asked neither for durability nor for
//! atomicity: the journal has both (DESIGN idea 6).
//!
//! The trait is kept so narrow that an engine on the other side of a network (a PostgreSQL table
//! ordered by `bytea`, TiKV, FoundationDB) can stand behind it without a change above:
//!
//! - Every key begins with its account, big-endian, so an engine that is split by key ranges keeps
//!   an account on one node, and accounts never touch each other's ranges.
//! - A value has at most [`VALUE_OCTETS_MAX`] octets and `write` takes at most what one commit
//!   group holds; an implementation sends it in pieces below [`BATCH_OCTETS_MAX`], which is under
//!   the transaction limits of all of them (FoundationDB's 10 MB and 100 KB, TiKV's 6 MB).
//! - Nothing is called back: a read answers with a copy of at most a page, so that one round trip
//!   is one page and no cursor, lock or transaction stays open between calls.
//! - `multi_get` is one round trip for many keys.
//! - The precondition of a commit (the account's ModSeq, which is the value of one key) is checked
//!   above, by the account's one writer. Where several nodes write, the same pair of key and
//!   expected value becomes the condition of the piece that carries the account's `META` key.

mod fjall;
mod fold;
mod memory;
mod page;
mod sled;
#[cfg(test)]
mod suite;

pub(crate) use self::memory::MemoryEngine;
pub(crate) use self::page::Page;
use self::{fjall as opt_in, sled as on_disk};
pub(crate) use on_disk::SledEngine;
pub(crate) use opt_in::FjallEngine;

use crate::{EngineKind, Error, Obstacle};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Largest value the engines are given, octets: over some 8 KB sled slows down (measured).
pub(crate) const VALUE_OCTETS_MAX: usize = 8_000;
/// What an engine with batches is given in one of them, octets of keys and values.
pub(crate) const BATCH_OCTETS_MAX: usize = 900_000;

/// One change of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Op {
    Put(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
}

impl Op {
    pub(crate) fn key(&self) -> &[u8] {
        match self {
            Self::Put(key, _) | Self::Delete(key) => key,
        }
    }

    /// Octets of key and value.
    pub(crate) fn octets(&self) -> usize {
        match self {
            Self::Put(key, value) => key.len() + value.len(),
            Self::Delete(key) => key.len(),
        }
    }
}

/// What the index needs of an engine. One thread at a time writes; any number read meanwhile, and see
/// each key as it was at some time during their call.
pub(crate) trait Engine: Send + Sync {
    /// One value.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// Many values, in the order asked.
    fn multi_get(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    /// The first keys not below `from` that begin with `prefix`, in order: at most `keys_max`
    /// (at least one) and about [`page::OCTETS_MAX`] octets. [`Page::next`] says where to go on.
    fn scan(&self, prefix: &[u8], from: &[u8], keys_max: usize) -> Result<Page, Error>;

    /// Makes the changes, the later ones of a key over the earlier. An absent key may be deleted.
    fn write(&self, ops: &[Op]) -> Result<(), Error>;

    /// Returns when everything written before the call is on disk.
    fn checkpoint(&self) -> Result<(), Error>;
}

/// Opens or creates the engine's files in `dir`. Errors: `Unavailable`, `Corrupt` (also when the
/// engine panicked over what it found).
pub(crate) fn open(
    kind: EngineKind,
    dir: &Path,
    cache_bytes: u64,
) -> Result<Box<dyn Engine>, Error> {
    let named = |e| of_folder(e, dir);
    Ok(match kind {
        EngineKind::Memory => Box::new(MemoryEngine::default()),
        EngineKind::Sled => Box::new(SledEngine::open(dir, cache_bytes).map_err(named)?),
        EngineKind::Fjall => Box::new(FjallEngine::open(dir, cache_bytes).map_err(named)?),
    })
}

/// What an engine says of its files, with their folder: some name none.
fn of_folder(e: Error, dir: &Path) -> Error {
    match e {
        Error::Unavailable(Obstacle::Engine { engine, why }) => {
            let why = format!("{}: {why}", dir.display());
            Error::Unavailable(Obstacle::Engine { engine, why })
        }
        other => other,
    }
}

/// The engine whose files lie in `dir`; `None` where there are none.
pub(crate) fn kind_in(dir: &Path) -> Option<EngineKind> {
    let marks = [
        (on_disk::MARK, EngineKind::Sled),
        (opt_in::MARK, EngineKind::Fjall),
    ];
    let found = marks.into_iter().find(|(mark, _)| dir.join(mark).exists());
    found.map(|(_, kind)| kind)
}

/// Engines assert where their pages are damaged. A panic in one reader must not be the end of the store.
fn guarded<T>(engine: &str, ask: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(ask))
        .unwrap_or_else(|_| Err(Error::Corrupt(format!("{engine} panicked").into())))
}
