//! The closed list of causes for which storage refuses or fails.

use std::path::PathBuf;

/// Why storage did not do what was asked. Each protocol spells these in exactly one place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No such account, mailbox, message, blob or row.
    #[error("not found")]
    NotFound,
    /// A mailbox of that name, or a row of that key, is there already.
    #[error("exists already")]
    Exists,
    /// The message was there when the caller last looked and is gone.
    #[error("expunged")]
    Expunged,
    /// The precondition (ModSeq) did not hold.
    #[error("conflict")]
    Conflict,
    /// The commit would pass a limit; whose it is.
    #[error("over quota")]
    OverQuota(crate::Bound),
    /// The value is larger than the named limit.
    #[error("too large: {0}")]
    TooLarge(&'static str),
    /// The value can never be stored (empty mailbox name, a mailbox under itself).
    #[error("invalid: {0}")]
    Invalid(&'static str),
    /// The disk is full, not writable or failing; nothing was changed.
    #[error("{0}")]
    Unavailable(String),
    /// Another process has the store open; its number, where it told.
    #[error("the folder {} is in use by {}", .dir.display(), named(.process))]
    #[allow(missing_docs)]
    InUse { dir: PathBuf, process: Option<u32> },
    /// Stored bytes failed their checksum or carry an unknown version (I-18).
    #[error("corrupt: {0}")]
    Corrupt(Corrupt),
    /// The content of one message fails its checksum or is not there; all else that is known of the message
    /// can be had. It was logged when it was met.
    #[error("damaged content: {0}")]
    Damaged(String),
}

/// What is damaged, and what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corrupt {
    /// In words.
    pub what: String,
    /// `None` where whoever asked knows what to do, and nobody has to be told.
    pub cure: Option<Cure>,
}

/// What helps against damage: one sentence each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cure {
    /// Damage that a repair passes over.
    Repair,
    /// A repair that was cut off.
    EndRepair,
    /// The file `format` is damaged or missing.
    Format,
    /// A file of another store.
    Foreign,
    /// A keyring that is damaged, or older than the store.
    Keyring,
    /// What a newer version of this program wrote (I-18).
    Newer,
    /// Damage to a store of the first format, which nothing here repairs.
    First,
    /// The index alone, which a start makes anew.
    Restart,
}

impl Cure {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Repair,
        Self::EndRepair,
        Self::Format,
        Self::Foreign,
        Self::Keyring,
        Self::Newer,
        Self::First,
        Self::Restart,
    ];

    /// What to do.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Repair => {
                "copy the folder of the store, then run `congvu store repair`, or restore a backup into another folder"
            }
            Self::EndRepair => "`congvu store repair` ends it",
            Self::Format => "`congvu store repair` makes the file anew, or take it from a backup",
            Self::Foreign => "`congvu store repair` moves it to damaged/, or take it away",
            Self::Keyring => "put `keyring` and `keyring.copy` of the newest backup in its place",
            Self::Newer => "use the newer version of this program that wrote it",
            Self::First => {
                "restore a backup into another folder, or go on with the program that wrote the store"
            }
            Self::Restart => "opening the store again makes the index anew",
        }
    }
}

impl From<String> for Corrupt {
    fn from(what: String) -> Self {
        Self { what, cure: None }
    }
}

impl From<&str> for Corrupt {
    fn from(what: &str) -> Self {
        what.to_owned().into()
    }
}

impl std::fmt::Display for Corrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)?;
        match self.cure {
            Some(cure) => write!(f, "; {}", cure.advice()),
            None => Ok(()),
        }
    }
}

impl Error {
    /// Damage against which this helps.
    pub(crate) fn cured(what: impl Into<String>, cure: Cure) -> Self {
        Self::Corrupt(Corrupt {
            what: what.into(),
            cure: Some(cure),
        })
    }

    /// Says that this helps against damage of which nothing was said yet.
    pub(crate) fn with_cure(self, cure: Cure) -> Self {
        match self {
            Self::Corrupt(Corrupt { what, cure: None }) => Self::cured(what, cure),
            other => other,
        }
    }
}

/// A process in words.
fn named(process: &Option<u32>) -> String {
    match process {
        Some(number) => format!("process {number}"),
        None => "another process".into(),
    }
}
