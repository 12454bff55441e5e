//! Point in time: an account or a mailbox as it was, to look at and to put back.
//!
//! `view` reads the change log over today's state; `plan` decides which mailboxes there will be;
//! `job` makes it so in bounded commits like any others, so that clients follow them as they
//! follow everything. A restore that was cut off is known (it is a record of the account) and goes
//! on where it stopped: every step looks first whether it was done.
//!
//! Messages that are gone come back with new EmailIds and, in mailboxes that are there, new Uids:
//! neither is ever given twice (I-03, I-07). In a mailbox that is made for the restore, with a
//! UidValidity of its own, Uids are as they were.

mod job;
mod plan;
mod revive;
mod view;

pub use self::view::View;

use crate::{MailboxId, ModSeq};
use serde::{Deserialize, Serialize};

/// What to restore, and to where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreAt {
    /// As at this time, Unix seconds: as the last commit at or before it left it.
    pub time: i64,
    /// Only this mailbox; `None`: the whole account.
    pub mailbox: Option<MailboxId>,
    /// Where to.
    pub to: Target,
}

/// Where a restore puts what it restores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// Into place: mailboxes, messages and keywords become what they were. Of a single mailbox,
    /// its messages: which other mailboxes they are in stays as it is.
    Place(Later),
    /// Copies below a new mailbox of this name, with Uids, keywords and dates as they were;
    /// nothing else is touched. Of a single mailbox, the new mailbox itself.
    Folder(String),
}

/// What becomes of messages and mailboxes that came after the time, when restoring into place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Later {
    /// They stay where they are.
    Keep,
    /// They are moved into a new mailbox of this name (or like it, when it is taken).
    Aside(String),
}

/// What a restore did since it was called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredAt {
    /// The commit as at which it was restored.
    pub modseq: ModSeq,
    /// Messages made again or copied.
    pub made: u64,
    /// Messages that are there whose keywords or mailboxes changed.
    pub changed: u64,
    /// Messages moved aside.
    pub aside: u64,
    /// Messages or mailboxes that somebody removed while they were restored.
    pub missed: u64,
    /// The new mailbox, of a restore into a folder or with something moved aside.
    pub folder: Option<MailboxId>,
    /// False when it was told to stop: the next call goes on.
    pub finished: bool,
}
