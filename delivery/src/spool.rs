//! Spool: what waits. One item a message, with the state of each recipient.

use crate::{Envelope, Outcome};
use formats::address::Address;
use serde::{Deserialize, Serialize};
use storage::{AccountId, QueueId};

/// Where one recipient stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum RecipientState {
    /// To be placed here.
    Local(AccountId),
    /// To be relayed.
    Remote,
    Done(Outcome),
}

/// One recipient of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Waiting {
    pub address: Address,
    pub state: RecipientState,
    pub tries: u32,
    pub last: Option<Outcome>,
}

/// One spooled message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Item {
    pub id: QueueId,
    pub envelope: Envelope,
    pub waiting: Vec<Waiting>,
    pub accepted_at: i64,
    pub due: i64,
    pub size: u64,
    /// Who submitted, for lists.
    pub submitter: Option<AccountId>,
    /// Message-ID header, for lists.
    pub message_id: Option<String>,
}
