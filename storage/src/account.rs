//! One account's mail: reads of a consistent state, and the single mutable door (idea 5).

use crate::*;
use std::sync::Arc;

/// Handle to one account; cheap to clone. Reads see the last commit.
#[derive(Clone)]
pub struct AccountStore {
    pub(crate) store: Store,
    pub(crate) id: AccountId,
}

#[allow(unused_variables, clippy::todo)]
impl AccountStore {
    /// Whose.
    pub fn id(&self) -> AccountId {
        self.id
    }
    /// The ModSeq of the last commit (1 for an untouched account).
    pub fn modseq(&self) -> Result<ModSeq, Error> {
        todo!()
    }
    /// All mailboxes, by id.
    pub fn mailboxes(&self) -> Result<Vec<Mailbox>, Error> {
        todo!()
    }
    /// One mailbox. Errors: `NotFound`.
    pub fn mailbox(&self, id: MailboxId) -> Result<Mailbox, Error> {
        todo!()
    }
    /// The mailbox with this role.
    pub fn by_role(&self, role: Role) -> Result<Option<Mailbox>, Error> {
        todo!()
    }
    /// Calls `each` for every message of the mailbox with uid in `from..=to`, in Uid order,
    /// over one consistent state; `each` returns false to stop. Must not block.
    pub fn scan(
        &self,
        mailbox: MailboxId,
        from: Uid,
        to: Uid,
        each: &mut dyn FnMut(Uid, &State) -> bool,
    ) -> Result<(), Error> {
        todo!()
    }
    /// Calls `each` for every message of the account, in EmailId order.
    pub fn scan_all(&self, each: &mut dyn FnMut(&State) -> bool) -> Result<(), Error> {
        todo!()
    }
    /// The message at a Uid. Errors: `NotFound`.
    pub fn at(&self, mailbox: MailboxId, uid: Uid) -> Result<State, Error> {
        todo!()
    }
    /// One message's state. Errors: `NotFound`.
    pub fn state(&self, email: EmailId) -> Result<State, Error> {
        todo!()
    }
    /// One message's summary. Errors: `NotFound`.
    pub fn summary(&self, email: EmailId) -> Result<Arc<formats::message::Summary>, Error> {
        todo!()
    }
    /// Summaries of many messages in the order asked (absent ones are left out); quicker than one by one.
    pub fn summaries(
        &self,
        emails: &[EmailId],
    ) -> Result<Vec<(EmailId, Arc<formats::message::Summary>)>, Error> {
        todo!()
    }
    /// State and summary. Errors: `NotFound`.
    pub fn message(&self, email: EmailId) -> Result<Message, Error> {
        todo!()
    }
    /// The messages of a thread, oldest first (by received_at, then EmailId).
    pub fn thread(&self, thread: ThreadId) -> Result<Vec<EmailId>, Error> {
        todo!()
    }
    /// The raw octets of a message. Errors: `NotFound`, `Corrupt`.
    pub fn content(&self, email: EmailId) -> Result<Arc<[u8]>, Error> {
        todo!()
    }
    /// Changes after `since`, at most `max` of them. Errors: `NotFound` when the log no longer reaches back.
    pub fn changes(&self, since: ModSeq, max: usize) -> Result<Changes, Error> {
        todo!()
    }
    /// Calls `told` after each commit of this account, in order, on the journal's thread: it must only wake somebody.
    pub fn subscribe(&self, told: Arc<dyn Fn(ModSeq) + Send + Sync>) -> Subscription {
        todo!()
    }
    /// Octets and messages of the whole account.
    pub fn usage(&self) -> Result<(u64, u64), Error> {
        todo!()
    }
    /// Remembers that this account uploaded this content (RFC 8620 §6.1), durable. Returns its id.
    pub fn upload(&self, bytes: &[u8], now_s: i64) -> Result<BlobId, Error> {
        todo!()
    }
    /// The uploaded content; `NotFound` when this account did not upload it.
    pub fn uploaded(&self, blob: BlobId) -> Result<Arc<[u8]>, Error> {
        todo!()
    }
    /// The one writer of this account; waits for the one before it. Never held across an `.await` (I-05).
    pub fn write(&self) -> Result<Writer, Error> {
        todo!()
    }
}

/// Gathers one atomic batch. Reads through it see its own changes. Dropped without `commit`: nothing happened.
pub struct Writer {
    pub(crate) _todo: (),
}

#[allow(unused_variables, clippy::todo)]
impl Writer {
    /// Refuses with `OverQuota` at commit when the account would hold more octets.
    pub fn quota(&mut self, octets_max: Option<u64>) {
        todo!()
    }
    /// Errors: `Exists` (same parent and name, case-sensitive; or the role is taken), `Invalid`, `NotFound` (parent), `TooLarge` (more than 5,000 mailboxes, deeper than 20).
    pub fn create_mailbox(&mut self, new: NewMailbox) -> Result<MailboxId, Error> {
        todo!()
    }
    /// Errors as `create_mailbox`; `Invalid` for a loop.
    pub fn change_mailbox(&mut self, id: MailboxId, change: MailboxChange) -> Result<(), Error> {
        todo!()
    }
    /// Removes it and expunges its messages from it. Errors: `NotFound`, `Invalid` when it has children.
    pub fn remove_mailbox(&mut self, id: MailboxId) -> Result<(), Error> {
        todo!()
    }
    /// The mailbox as this batch leaves it.
    pub fn mailbox(&self, id: MailboxId) -> Result<Mailbox, Error> {
        todo!()
    }
    /// All of them, as this batch leaves them.
    pub fn mailboxes(&self) -> Result<Vec<Mailbox>, Error> {
        todo!()
    }
    /// The state as this batch leaves it.
    pub fn state(&self, email: EmailId) -> Result<State, Error> {
        todo!()
    }
    /// The state at a Uid, as this batch leaves it.
    pub fn at(&self, mailbox: MailboxId, uid: Uid) -> Result<State, Error> {
        todo!()
    }
    /// Adds a message; threads it by Message-ID, In-Reply-To, References and base subject.
    pub fn append(&mut self, append: Append<'_>) -> Result<Placed, Error> {
        todo!()
    }
    /// Changes keywords; true when anything changed (only then the message's ModSeq moves).
    pub fn keywords(&mut self, email: EmailId, change: &KeywordChange) -> Result<bool, Error> {
        todo!()
    }
    /// Puts the message into exactly these mailboxes (JMAP); new ones get new Uids. Empty: `Invalid`.
    pub fn place(&mut self, email: EmailId, mailboxes: &[MailboxId]) -> Result<Placed, Error> {
        todo!()
    }
    /// IMAP COPY: a new Message over the same blob, with the same keywords and received_at.
    pub fn copy(&mut self, email: EmailId, to: MailboxId) -> Result<Placed, Error> {
        todo!()
    }
    /// IMAP MOVE: leaves `from`, enters `to` with a new Uid.
    pub fn relocate(
        &mut self,
        email: EmailId,
        from: MailboxId,
        to: MailboxId,
    ) -> Result<Uid, Error> {
        todo!()
    }
    /// Leaves this mailbox; destroyed when it was the last.
    pub fn expunge(&mut self, email: EmailId, from: MailboxId) -> Result<(), Error> {
        todo!()
    }
    /// Destroys it, wherever it is.
    pub fn destroy(&mut self, email: EmailId) -> Result<(), Error> {
        todo!()
    }
    /// Makes the batch durable, applies and announces it. An empty batch returns the current ModSeq.
    /// Blocks until the journal's group is on disk (I-01).
    pub fn commit(self) -> Result<ModSeq, Error> {
        todo!()
    }
}
