//! Store: opens the folder, replays the journal, hands out accounts, queue and tables.

use crate::*;
use std::path::PathBuf;
use std::sync::Arc;

/// Which embedded engine shadows the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub enum EngineKind {
    #[default]
    Sled,
    Memory,
}

/// How to open a store.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Options {
    pub dir: PathBuf,
    pub engine: EngineKind,
    /// Engine cache, octets.
    pub cache_bytes: u64,
}

/// The whole store; cheap to clone. One process at a time: the folder is locked.
#[derive(Clone)]
pub struct Store {
    pub(crate) _inner: Arc<()>,
}

#[allow(unused_variables, clippy::todo)]
impl Store {
    /// Opens or creates. Errors: `Unavailable` (not writable, locked by another process), `Corrupt` (I-18).
    pub fn open(options: &Options) -> Result<Self, Error> {
        todo!()
    }
    /// The handle of one account's mail; makes nothing.
    pub fn account(&self, id: AccountId) -> AccountStore {
        todo!()
    }
    /// The delivery queue.
    pub fn queue(&self) -> Queue {
        todo!()
    }
    /// A small typed table by name (a name is fixed for ever).
    pub fn table(&self, name: &'static str) -> Table {
        todo!()
    }
    /// Commits rows of several tables at once, durably. Returns the system's ModSeq.
    pub fn commit_rows(&self, rows: Vec<RowChange>) -> Result<ModSeq, Error> {
        todo!()
    }
    /// Stages content: appended to the pack at once, durable with the first commit that names it.
    /// The same bytes are stored once.
    pub fn put_blob(&self, bytes: &[u8]) -> Result<BlobId, Error> {
        todo!()
    }
    /// Content by id; checksum verified. Errors: `NotFound`, `Corrupt`.
    pub fn blob(&self, id: BlobId) -> Result<Arc<[u8]>, Error> {
        todo!()
    }
    /// Free octets on the disk fall under the reserve: writes are refused with `Unavailable` until there is room.
    pub fn writable(&self) -> bool {
        todo!()
    }
    /// Verifies every invariant; returns what is wrong, empty when all is well.
    pub fn check(&self) -> Result<Vec<String>, Error> {
        todo!()
    }
    /// Flushes the engine, writes the checkpoint, stops the journal's thread. Later commits fail with `Unavailable`.
    pub fn close(&self) -> Result<(), Error> {
        todo!()
    }
}
