//! The store, its engine, encryption and backups.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What lies on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Storage {
    /// Which engine shadows the journal; a store that is there is moved by `congvu store migrate`.
    pub engine: Engine,
    /// Days for which what was removed can be put back, an account restored as at a time, and a
    /// client that was away follow the changes. Longer keeps more on the disk.
    pub undelete_days: u32,
    /// Minutes between two passes of upkeep (old history, dead content, snapshots).
    pub upkeep_minutes: u32,
    /// Octets of the engine's cache; with the default the memory aimed at is held. The system caches the
    /// engine's files besides, in memory that nobody else needs.
    pub cache_octets: u64,
    /// Messages of accounts in use whose states are kept in memory, some 400 octets each: what a mailbox
    /// is listed and changed from. An account that does not fit is read from the index each time.
    pub hot_messages: u64,
    pub encryption: Encryption,
    pub backup: Backup,
}

/// The embedded engine of the store's index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Engine {
    /// The one that keeps the store; of a new store the usual one.
    #[default]
    Auto,
    Sled,
    Fjall,
}

impl Engine {
    /// The one that is named; `None` where the store decides.
    pub fn named(self) -> Option<::storage::EngineKind> {
        match self {
            Self::Auto => None,
            Self::Sled => Some(::storage::EngineKind::Sled),
            Self::Fjall => Some(::storage::EngineKind::Fjall),
        }
    }
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            engine: Engine::default(),
            undelete_days: 30,
            upkeep_minutes: 60,
            cache_octets: ::storage::CACHE_OCTETS,
            hot_messages: ::storage::HOT_MESSAGES,
            encryption: Encryption::default(),
            backup: Backup::default(),
        }
    }
}

/// Encryption of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Encryption {
    /// Whether what is written is encrypted; once on, it stays on.
    pub enabled: bool,
    /// The master key, mode 0600, apart from the store and its backups; empty: systemd's credential
    /// `congvu-master`.
    pub key_file: PathBuf,
}

/// The store's backups, for accounts that administrators bring back while the server runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backup {
    /// The folder that `congvu backup` writes to; empty: none is offered.
    pub folder: PathBuf,
    /// What opens a sealed backup, mode 0600: a key file, or
    pub key_file: PathBuf,
    /// a file with its passphrase.
    pub passphrase_file: PathBuf,
}
