//! Backup and restore: the store's files, cut into pieces that are kept once each.
//!
//! A backup runs as a process of its own beside the server. It takes no lock of the store, only the
//! shared [`Pin`](crate::pin::Pin), so that nothing it reads is removed meanwhile. It notes the snapshots, then the
//! journal up to its last whole group, then the packs: whatever that journal names was in the
//! packs before, so the three together are the store as it stood at the journal's end.
//!
//! The target is a [`Vault`]:
//!
//! | name | what |
//! |---|---|
//! | `format` | magic, version, which store, and the wrapped key when the backup is sealed |
//! | `format.copy` | the same; either is enough |
//! | `chunks/ab/ab…` | 4 MB of a file, under its (keyed) BLAKE3 hash, compressed where it helps |
//! | `twins/ab…` | the second copy of what a store cannot be read without: its `format` and its keyring |
//! | `manifests/TIME.manifest` | one backup: files, lengths, hashes, chunks; written last |
//! | `lock` | keeps two backups, or a backup and a prune, apart |
//!
//! A chunk that is there already is not written again: backups are incremental, and one that was
//! cut off goes on. Each new chunk is read back and compared before the manifest is written;
//! without a manifest a backup does not exist.

mod account;
mod chunk;
mod crew;
mod folder;
mod framed;
mod head;
mod keep;
mod keys;
mod manifest;
mod named;
mod place;
mod prune;
mod restore;
mod sealer;
mod sound;
mod source;
mod take;
mod vault;
mod whole;

pub use account::{Account, Cut};
pub use folder::{FolderVault, lies_in};
pub use keep::{Backup, Checked, check, list};
pub use place::{Into, Picture, Restored, place};
pub use prune::{Keep, Prune, Pruned, prune};
pub use restore::{Rebuilt, Restore, Spare, Which, expect_key, restore};
pub use sealer::Secret;
pub use take::{Take, Taken, take};
pub use vault::{Held, Vault};

// Whoever hears of it and says no ends the work with [`Refusal::Stopped`].
pub use crate::progress::{Progress, Stage, Tell};

use crate::Error;

/// Threads that read, press and seal at most.
pub const WORKERS_MAX: usize = 16;

/// Why a backup or restore did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It was not begun, and nothing was changed; or it can be begun again.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store or the vault failed.
    #[error(transparent)]
    Storage(#[from] Error),
}

/// What the operator can set right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The target has files, and they are not of a backup.
    #[error("{0} holds other files and is not a backup; name an empty folder")]
    Foreign(String),
    /// The target is a backup of another store.
    #[error("{0} holds the backup of another store; name another folder")]
    OtherStore(String),
    /// The folder that should be backed up is none of ours.
    #[error("{0} holds no store")]
    NoStore(String),
    /// The folder that should be read is no backup.
    #[error("{0} holds no backup")]
    NoBackup(String),
    /// Pieces and manifests are there, sealed, and what held their key is not.
    #[error(
        "{0} holds a backup whose files `format` and `format.copy` are both damaged or missing: they held its key, and \
         nothing else opens it. Look for a copy of this folder and put one of the two back from there; until then leave \
         it as it is, and back up into another folder"
    )]
    NoFormat(String),
    /// The two files are of two backups.
    #[error(
        "{0} has the `format` of one backup and the `format.copy` of another; nothing was changed: take the one away \
         that came from elsewhere"
    )]
    TwoFormats(String),
    /// The target lies in the store itself.
    #[error(
        "{0} lies inside the data folder; a backup must lie elsewhere, best on another machine"
    )]
    Inside(String),
    /// The store lies in the target.
    #[error(
        "{0} holds the store itself; name a folder that is only for backups, best on another machine"
    )]
    Around(String),
    /// The target has not enough room.
    #[error("{place} has room for {free} octets, but {needed} are needed")]
    #[allow(missing_docs)]
    NoRoom {
        place: String,
        needed: u64,
        free: u64,
    },
    /// The target is where files cannot be kept.
    #[error("{0} is no place for files; name a folder on a disk")]
    NoPlace(String),
    /// Another backup, prune or check uses the target.
    #[error("another backup or prune works in {0}; wait until it is done")]
    Busy(String),
    /// The backup is sealed and no key was given.
    #[error("the backup in {0} is sealed; give its key file or passphrase")]
    KeyMissing(String),
    /// The backup is sealed with another key.
    #[error("this key or passphrase does not open the backup in {0}")]
    KeyWrong(String),
    /// A key was given for a backup that is not sealed.
    #[error("the backup in {0} is not sealed; for a sealed one name another folder")]
    NotSealed(String),
    /// No backup of that name, or none that old.
    #[error("there is no such backup in {0}")]
    NoManifest(String),
    /// Snapshots, journal or keyring of the store are damaged.
    #[error(
        "the store is damaged: {0}; no backup was made, and the earlier ones stay as they are: stop the server and \
         run `congvu store repair`"
    )]
    Damaged(String),
    /// The keyring of an encrypted store is gone.
    #[error(
        "the keyring of the encrypted store in {0} is gone or damaged (files `keyring` and `keyring.copy`); no \
         backup was made. A running server still has it in memory and writes it again: do not stop it, and run \
         `congvu admin store verify`. Where none runs, restore the newest backup into another folder and copy the two \
         files from its store"
    )]
    NoKeyring(String),
    /// The keyring in the backup is lost, with its second copy.
    #[error(
        "the keyring of the store is lost in the backup {0}, and without it nobody can read what is in it; nothing was \
         written. Another one of the same store helps: the file `keyring` in the folder `store` of the server itself, of a \
         copy of that, or of what is restored from another folder of backups; name it with --keyring FILE, or try an \
         older backup with --manifest"
    )]
    KeyringLost(String),
    /// The file that was named as a keyring is none.
    #[error(
        "{0} is no keyring, or damaged; nothing was written. Name the file `keyring` of a folder `store` of the same \
         server by --keyring FILE"
    )]
    NoSpare(String),
    /// The keyring that was named opens with another master key.
    #[error(
        "the keyring {0} is not sealed under the master key that the config names; nothing was written. Name the \
         keyring of the same store, or the key of its time (a replaced one is kept as FILE.old-N) as key_file"
    )]
    OtherSpare(String),
    /// A restore goes into an empty folder only.
    #[error("{0} is not empty; a restore needs an empty folder")]
    NotEmpty(String),
    /// The backup does not have this account.
    #[error("the backup does not know this account")]
    NoAccount,
    /// The backup's account does not have this mailbox.
    #[error("the account has no mailbox {0} in the backup")]
    NoMailbox(String),
    /// Whoever asked does not want it any more.
    #[error("stopped; the same command goes on from here")]
    Stopped,
}
