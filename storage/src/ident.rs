//! Names of stored things: newtypes over non-zero integers (I-07), never mixed up.

use serde::{Deserialize, Serialize};
use std::num::{NonZeroU32, NonZeroU64};

macro_rules! ident {
    ($(#[$doc:meta])* $name:ident, $inner:ty, $raw:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name($inner);
        impl $name {
            /// The first value.
            pub const FIRST: Self = Self(<$inner>::MIN);
            /// From the raw integer; `None` for zero.
            pub const fn new(raw: $raw) -> Option<Self> {
                match <$inner>::new(raw) { Some(v) => Some(Self(v)), None => None }
            }
            /// The raw integer, never zero.
            pub const fn raw(self) -> $raw { self.0.get() }
            /// The value after this one; `None` when the space is used up.
            pub const fn next(self) -> Option<Self> {
                match self.0.checked_add(1) { Some(v) => Some(Self(v)), None => None }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) }
        }
    };
}

ident!(
    /// An account; never reused (I-07). The system's own rows live under [`AccountId::SYSTEM`].
    AccountId, NonZeroU32, u32
);
ident!(
    /// A mailbox within its account; never reused (RFC 8474 §4.1 MAILBOXID).
    MailboxId, NonZeroU32, u32
);
ident!(
    /// A message within its account; never reused (RFC 8474 §5.1 EMAILID).
    EmailId, NonZeroU64, u64
);
ident!(
    /// A thread within its account (RFC 8474 §5.2 THREADID): the EmailId of its first message.
    ThreadId, NonZeroU64, u64
);
ident!(
    /// A message's number in one mailbox (RFC 9051 §2.3.1.1).
    Uid, NonZeroU32, u32
);
ident!(
    /// RFC 9051 §2.3.1.1 UIDVALIDITY.
    UidValidity, NonZeroU32, u32
);
ident!(
    /// The account's commit counter (RFC 7162 §3.1); strictly increasing (I-04).
    ModSeq, NonZeroU64, u64
);
ident!(
    /// An item of the delivery queue.
    QueueId, NonZeroU64, u64
);

impl AccountId {
    /// Owner of tables and queue; never a person's.
    pub const SYSTEM: Self = Self::FIRST;
}

/// Immutable content by its BLAKE3 hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlobId(pub [u8; 32]);

impl BlobId {
    /// The id of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// From 64 hex digits.
    pub fn parse(hex: &str) -> Option<Self> {
        blake3::Hash::from_hex(hex)
            .ok()
            .map(|h| Self(*h.as_bytes()))
    }
}

impl std::fmt::Display for BlobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

impl std::fmt::Debug for BlobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BlobId({self})")
    }
}
