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
    Corrupt(String),
    /// The content of one message fails its checksum or is not there; all else that is known of the message
    /// can be had. It was logged when it was met.
    #[error("damaged content: {0}")]
    Damaged(String),
}

/// What helps where a store cannot be opened for damage in its truth.
const MEND: &str = "copy the folder of the store, then run `congvu store repair`, or restore a backup into another folder";
/// In what is said of a key or a version that is not known, which no repair makes known.
const NO_REPAIR: [&str; 3] = ["keyring", "unknown version", "another store"];

impl Error {
    /// The same with what helps, when a store cannot be opened for damage that a repair passes over.
    pub(crate) fn with_cure(self) -> Self {
        match self {
            Self::Corrupt(why) if !NO_REPAIR.iter().any(|word| why.contains(word)) => {
                Self::Corrupt(format!("{why}; {MEND}"))
            }
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
