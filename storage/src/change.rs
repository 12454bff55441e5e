//! The change log: what changed in an account since a ModSeq, and a call when it changes.

use crate::{EmailId, MailboxId, ModSeq, ThreadId, Uid};

/// One thing that a commit did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Change {
    MailboxCreated(MailboxId),
    /// Name, parent, role, subscription or order.
    MailboxChanged(MailboxId),
    /// Only counts changed.
    MailboxCounts(MailboxId),
    MailboxRemoved(MailboxId),
    EmailCreated {
        email: EmailId,
        thread: ThreadId,
    },
    /// Keywords or mailboxes changed.
    EmailChanged {
        email: EmailId,
        thread: ThreadId,
    },
    /// The last copy in any mailbox is gone.
    EmailRemoved {
        email: EmailId,
        thread: ThreadId,
    },
    /// This Uid left this mailbox (expunge or move): RFC 7162 VANISHED.
    Vanished {
        mailbox: MailboxId,
        uid: Uid,
    },
}

/// What happened after a ModSeq, oldest first.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Changes {
    /// Each with the ModSeq of its commit.
    pub list: Vec<(ModSeq, Change)>,
    /// The state that the list leads to.
    pub until: ModSeq,
    /// Whether more follows (the list was cut at the caller's limit, at a commit's border).
    pub more: bool,
}

/// Ends the calls when dropped.
pub struct Subscription {
    pub(crate) _end: Box<dyn std::any::Any + Send + Sync>,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Subscription")
    }
}
