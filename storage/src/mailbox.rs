//! Mailbox: a folder of messages in an account's tree.

use crate::{MailboxId, ModSeq, Uid, UidValidity};
use serde::{Deserialize, Serialize};

/// What a mailbox is for (RFC 6154, RFC 8621 §2); at most one mailbox of an account has each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Role {
    Inbox,
    Drafts,
    Sent,
    Junk,
    Trash,
    Archive,
}

/// One mailbox as stored, with its counts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Mailbox {
    pub id: MailboxId,
    pub parent: Option<MailboxId>,
    /// One level's name, NFC, never empty, without `/` and control characters, at most 255 octets.
    pub name: String,
    pub role: Option<Role>,
    pub subscribed: bool,
    pub sort_order: u32,
    pub uid_validity: UidValidity,
    /// The Uid that the next message will get.
    pub uid_next: Uid,
    /// When name, parent, role, subscription or sort order last changed.
    pub modseq: ModSeq,
    /// The highest ModSeq of any change to its messages (RFC 7162 §3.1.2.1 HIGHESTMODSEQ).
    pub highest_modseq: ModSeq,
    pub counts: Counts,
}

/// Counts of one mailbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Counts {
    pub total: u32,
    /// Without the keyword `$seen`.
    pub unseen: u32,
    /// With the keyword `$deleted`.
    pub deleted: u32,
    /// Octets of all messages, as who reads them in lines gets them.
    pub size: u64,
    pub threads: u32,
    pub unseen_threads: u32,
}

/// A mailbox to make.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct NewMailbox {
    pub parent: Option<MailboxId>,
    pub name: String,
    pub role: Option<Role>,
    pub subscribed: bool,
    pub sort_order: u32,
}

/// What to change of a mailbox; `None` leaves it.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct MailboxChange {
    pub parent: Option<Option<MailboxId>>,
    pub name: Option<String>,
    pub role: Option<Option<Role>>,
    pub subscribed: Option<bool>,
    pub sort_order: Option<u32>,
}
