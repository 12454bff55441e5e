//! The closed list of causes for which storage refuses or fails.

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
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// Stored bytes failed their checksum or carry an unknown version (I-18).
    #[error("corrupt: {0}")]
    Corrupt(String),
}
