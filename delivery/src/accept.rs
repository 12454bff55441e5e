//! The one door for mail (idea 3): `250` means on disk (I-01).

use crate::*;
use directory::{Access, Directory};
use formats::address::Address;
use std::sync::Arc;
use storage::{EmailId, QueueId, Store};

/// Settings that the config gives.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Settings {
    /// This host's name, for Received and Message-ID.
    pub host: String,
    /// Octets of one message.
    pub size_max: u64,
    pub recipients_max: usize,
    /// Items in the queue at which new mail is deferred.
    pub queue_max: usize,
}

/// What the door answers when it took the message.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Receipt {
    /// Shown in the reply and in the log: `250 2.0.0 Ok: queued as …`.
    pub trace: String,
    pub queued: Option<QueueId>,
    /// Placed at once, for these recipients.
    pub placed: usize,
}

/// The pipeline; cheap to clone.
#[derive(Clone)]
pub struct Delivery {
    pub(crate) inner: Arc<Inner>,
}
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) directory: Directory,
    pub(crate) settings: Settings,
}

#[allow(unused_variables, clippy::todo)]
impl Delivery {
    /// Joins store and directory; `transport` may be absent: then mail for elsewhere waits in the queue, honestly deferred.
    pub fn new(
        store: Store,
        directory: Directory,
        settings: Settings,
        transport: Option<Arc<dyn Transport>>,
    ) -> Self {
        todo!()
    }
    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }
    /// Would this recipient be taken from this origin? (RCPT). For `Remote` also checks the quota.
    pub fn recipient(&self, address: &Address, origin: &Origin) -> Result<(), Refused> {
        todo!()
    }
    /// Would this reverse-path be taken? (MAIL).
    pub fn sender(&self, from: &ReversePath, origin: &Origin) -> Result<(), Refused> {
        todo!()
    }
    /// Takes a message: CRLF line ends, without trace header; Received and Return-Path are prepended here (I-12).
    /// Submission adds Date and Message-ID when missing and removes Bcc. Blocks until durable: call on a blocking thread.
    pub fn accept(
        &self,
        envelope: Envelope,
        content: &[u8],
        origin: &Origin,
    ) -> Result<Receipt, Refused> {
        todo!()
    }
    /// JMAP EmailSubmission: sends a message that lies in the account. Errors as `accept`; envelope `None`: from the header.
    pub fn submit(
        &self,
        access: &Access,
        email: EmailId,
        envelope: Option<Envelope>,
        ip: Option<std::net::IpAddr>,
    ) -> Result<(Envelope, Receipt), Refused> {
        todo!()
    }
    /// Handles due items of the queue once; returns when the next is due (unix seconds). Blocks.
    pub fn dispatch(&self, now: i64) -> Result<Option<i64>, storage::Error> {
        todo!()
    }
    /// Calls `wake` when new work is queued.
    pub fn on_queued(&self, wake: Arc<dyn Fn() + Send + Sync>) {
        todo!()
    }
    /// A page of the queue.
    pub fn queue(&self, after: Option<QueueId>, max: usize) -> Result<Vec<Item>, storage::Error> {
        todo!()
    }
    /// One item.
    pub fn queued(&self, id: QueueId) -> Result<Item, storage::Error> {
        todo!()
    }
    /// Makes it due now.
    pub fn retry_now(&self, id: QueueId) -> Result<(), storage::Error> {
        todo!()
    }
    /// Gives up: removes it, with a log line; the sender is told by a bounce unless the path is null (I-11).
    pub fn give_up(&self, id: QueueId) -> Result<(), storage::Error> {
        todo!()
    }
}
