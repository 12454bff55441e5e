//! Spool: what waits. One item a message, with the state of each recipient.

use crate::{Delivery, Envelope, Outcome};
use formats::address::Address;
use serde::{Deserialize, Serialize};
use storage::{AccountId, Error, QueueId, QueueItem};

/// The version of a record that this program writes; another one is refused (I-18).
const VERSION: u8 = 1;
/// Items on one page of the queue, whatever is asked for.
pub const PAGE_MAX: usize = 1_000;

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

/// One destination as it is stored: small, since a list may have tens of thousands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// Number of the envelope's recipient through whom it came here.
    pub(crate) recipient: u32,
    /// Where it goes when that is another address (a list's member elsewhere).
    pub(crate) address: Option<Address>,
    pub(crate) state: RecipientState,
    pub(crate) tries: u32,
    pub(crate) last: Option<Outcome>,
}

impl Row {
    /// To be placed here.
    pub(crate) fn local(recipient: u32, account: AccountId) -> Self {
        let state = RecipientState::Local(account);
        Self {
            recipient,
            address: None,
            state,
            tries: 0,
            last: None,
        }
    }

    /// To be relayed.
    pub(crate) fn remote(recipient: u32, address: &Address) -> Self {
        let (address, state) = (Some(address.clone()), RecipientState::Remote);
        Self {
            recipient,
            address,
            state,
            tries: 0,
            last: None,
        }
    }

    /// Whether something is still to be done.
    pub(crate) fn pending(&self) -> bool {
        !matches!(self.state, RecipientState::Done(_))
    }
}

/// An item as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) envelope: Envelope,
    pub(crate) rows: Vec<Row>,
    /// I-09: the same at every try, so that what was placed is not placed again.
    pub(crate) delivery: u64,
    pub(crate) accepted_at: i64,
    pub(crate) size: u64,
    pub(crate) submitter: Option<AccountId>,
    pub(crate) message_id: Option<String>,
    pub(crate) trace: String,
    /// How often the sender was told something.
    pub(crate) bounces: u32,
}

impl Record {
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Error> {
        postcard::to_extend(self, vec![VERSION])
            .map_err(|_| Error::Invalid("an item that cannot be encoded"))
    }

    pub(crate) fn decode(payload: &[u8]) -> Result<Self, Error> {
        let corrupt = || Error::Corrupt("the record of a queued item cannot be read".into());
        let (version, rest) = payload.split_first().ok_or_else(corrupt)?;
        if *version != VERSION {
            return Err(Error::Corrupt(format!(
                "unknown version {version} of a queued item"
            )));
        }
        let record: Self = postcard::from_bytes(rest).map_err(|_| corrupt())?;
        let recipients = record.envelope.recipients.len();
        let fits = record
            .rows
            .iter()
            .all(|row| (row.recipient as usize) < recipients);
        if fits { Ok(record) } else { Err(corrupt()) }
    }

    /// The address that a row is for.
    pub(crate) fn address<'a>(&'a self, row: &'a Row) -> &'a Address {
        let own = &self.envelope.recipients[row.recipient as usize].address;
        row.address.as_ref().unwrap_or(own)
    }

    fn item(self, stored: &QueueItem) -> Item {
        let each = self.rows.iter().map(|row| Waiting {
            address: self.address(row).clone(),
            state: row.state.clone(),
            tries: row.tries,
            last: row.last.clone(),
        });
        Item {
            id: stored.id,
            waiting: each.collect(),
            envelope: self.envelope,
            accepted_at: self.accepted_at,
            due: stored.due,
            size: self.size,
            submitter: self.submitter,
            message_id: self.message_id,
        }
    }
}

impl Delivery {
    /// A page of the queue: at most [`PAGE_MAX`] items.
    pub fn queue(&self, after: Option<QueueId>, max: usize) -> Result<Vec<Item>, Error> {
        let page = self.inner.store.queue().list(after, max.min(PAGE_MAX))?;
        page.iter()
            .map(|stored| Ok(Record::decode(&stored.payload)?.item(stored)))
            .collect()
    }

    /// One item.
    pub fn queued(&self, id: QueueId) -> Result<Item, Error> {
        let stored = self.inner.store.queue().item(id)?;
        Ok(Record::decode(&stored.payload)?.item(&stored))
    }
}
