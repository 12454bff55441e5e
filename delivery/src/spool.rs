//! Spool: what waits. One item a message, with the state of each recipient.

mod old;

use crate::news::Action;
use crate::outcome::of_the_hop;
use crate::release::waits_until;
use crate::schedule::FIRST;
use crate::trace;
use crate::{Delivery, Detour, Envelope, Outcome};
use formats::address::Address;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use storage::{AccountId, Error, QueueId, QueueItem};

/// The version of a record that this program writes; one that is not known is refused (I-18).
const VERSION: u8 = 4;
/// The same of one of which something ended that is not told yet: what is to be told of success follows.
const ENDED: u8 = 5;
/// In [`Row::next`]: an administrator asked for it; before all others.
pub(crate) const ASKED: i64 = -1;
/// When a held item is due: never, until it is released.
pub(crate) const HELD: i64 = i64::MAX;
/// RFC 6710 §2: the highest priority.
pub(crate) const HIGHEST: i8 = 9;
/// A message for more destinations than this lets others pass.
const BULK: usize = 50;
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
    /// Number of the envelope's recipient through whom it goes there.
    pub recipient: u32,
    pub address: Address,
    pub state: RecipientState,
    pub tries: u32,
    /// How its own last try ended.
    pub last: Option<Outcome>,
    /// What keeps the next hop from taking anything, learnt from whichever message was tried there; status code first.
    pub trouble: Option<String>,
    /// When it is tried next, Unix seconds.
    pub next: i64,
}

/// One spooled message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Item {
    pub id: QueueId,
    pub envelope: Envelope,
    pub waiting: Vec<Waiting>,
    pub accepted_at: i64,
    /// When any recipient is tried next, Unix seconds.
    pub due: i64,
    pub size: u64,
    /// Who submitted, for lists.
    pub submitter: Option<AccountId>,
    /// Message-ID header, for lists.
    pub message_id: Option<String>,
    /// RFC 6710 §2: -9 to 9.
    pub priority: i8,
    /// An administrator holds it since then, Unix seconds.
    pub held: Option<i64>,
    /// The way that an administrator chose for what goes elsewhere.
    pub detour: Option<Detour>,
    /// When it goes, Unix seconds, where it waits for the time that its sender chose and nothing else.
    pub scheduled: Option<i64>,
    /// Names the acceptance, in the log and in its timeline.
    pub trace: String,
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
    /// Unix seconds, before which it is not tried; 0: at once; [`ASKED`].
    pub(crate) next: i64,
    /// The success that is the server's to tell of. Behind the record ([`ENDED`]), since few rows have one.
    #[serde(skip)]
    pub(crate) success: Option<Action>,
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
            next: 0,
            success: None,
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
            next: 0,
            success: None,
        }
    }

    /// Where it is to be placed here.
    pub(crate) fn account(&self) -> Option<AccountId> {
        match self.state {
            RecipientState::Local(account) => Some(account),
            RecipientState::Remote | RecipientState::Done(_) => None,
        }
    }

    /// Its urgency in a message of this one.
    pub(crate) fn priority(&self, message: i8) -> i8 {
        if self.next == ASKED { FIRST } else { message }
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
    /// RFC 6710 §2: -9 to 9; the higher go first.
    pub(crate) priority: i8,
    /// The sender was told that it takes long.
    pub(crate) warned: bool,
    /// An administrator holds it since then, Unix seconds: until it is released it goes nowhere, and does not end.
    pub(crate) held: Option<i64>,
    /// Seconds that it was held before: they do not count towards its end.
    pub(crate) held_s: i64,
    /// The way that an administrator chose for what goes elsewhere.
    pub(crate) detour: Option<Detour>,
    /// What ended already of recipients of whom other parts wait. Behind the record, since few have such.
    #[serde(skip)]
    pub(crate) parts: Parts,
}

/// What is known of recipients that lead to several places, until the last of them ended: whoever has it anywhere has it,
/// and it failed only where nobody took it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parts {
    /// One place has it.
    pub(crate) taken: BTreeSet<u32>,
    /// Where it was not taken, and why: one place of each, the recipient's own mailbox before others.
    pub(crate) refused: BTreeMap<u32, (Address, String)>,
}

impl Parts {
    fn is_empty(&self) -> bool {
        self.taken.is_empty() && self.refused.is_empty()
    }
}

/// What goes before what.
pub(crate) fn priority(destinations: usize, urgency: i8) -> i8 {
    let bulk = if destinations > BULK { -4 } else { 0 };
    bulk + urgency
}

impl Record {
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Error> {
        let version = if self.has_ended() { ENDED } else { VERSION };
        let mut encoded = postcard::to_extend(self, vec![version]);
        if version == ENDED {
            let each = (0u32..).zip(&self.rows);
            let ended = each.filter(|(_, row)| !row.pending());
            let good: Vec<(u32, Action)> = ended
                .filter_map(|(at, row)| Some((at, row.success?)))
                .collect();
            encoded = encoded.and_then(|record| postcard::to_extend(&good, record));
        }
        if !self.parts.is_empty() {
            encoded = encoded.and_then(|record| postcard::to_extend(&self.parts, record));
        }
        encoded.map_err(|_| Error::Invalid("an item that cannot be encoded"))
    }

    /// Whether something ended that is not told and forgotten yet.
    pub(crate) fn has_ended(&self) -> bool {
        self.rows.iter().any(|row| !row.pending())
    }

    pub(crate) fn decode(payload: &[u8]) -> Result<Self, Error> {
        let corrupt = || Error::Corrupt("the record of a queued item cannot be read".into());
        let (version, rest) = payload.split_first().ok_or_else(corrupt)?;
        let record: Self = match *version {
            1 => postcard::from_bytes::<old::First>(rest).map(Into::into),
            2 => postcard::from_bytes::<old::Second>(rest).map(Into::into),
            3 => postcard::from_bytes::<old::Third>(rest).map(Into::into),
            VERSION => Self::decode_parted(rest),
            ENDED => Self::decode_ended(rest),
            unknown => {
                let what = format!("unknown version {unknown} of a queued item");
                return Err(Error::Corrupt(what.into()));
            }
        }
        .map_err(|_| corrupt())?;
        let recipients = record.envelope.recipients.len();
        let fits = record
            .rows
            .iter()
            .all(|row| (row.recipient as usize) < recipients);
        if fits { Ok(record) } else { Err(corrupt()) }
    }

    fn decode_parted(octets: &[u8]) -> Result<Self, postcard::Error> {
        let (mut record, rest): (Self, &[u8]) = postcard::take_from_bytes(octets)?;
        record.read_parts(rest)?;
        Ok(record)
    }

    fn read_parts(&mut self, octets: &[u8]) -> Result<(), postcard::Error> {
        if !octets.is_empty() {
            self.parts = postcard::from_bytes(octets)?;
        }
        Ok(())
    }

    fn decode_ended(octets: &[u8]) -> Result<Self, postcard::Error> {
        let (mut record, rest): (Self, &[u8]) = postcard::take_from_bytes(octets)?;
        let (good, rest): (Vec<(u32, Action)>, &[u8]) = postcard::take_from_bytes(rest)?;
        record.read_parts(rest)?;
        for (at, action) in good {
            if let Some(row) = record.rows.get_mut(at as usize) {
                row.success = Some(action);
            }
        }
        Ok(record)
    }

    /// From when its time is counted, Unix seconds: what it was held is not counted.
    pub(crate) fn began(&self) -> i64 {
        self.accepted_at.saturating_add(self.held_s)
    }

    /// Whether an address of ours led it elsewhere: a list, or an account from which mail goes on.
    pub(crate) fn passed_on(&self, row: &Row) -> bool {
        let given = &self.envelope.recipients[row.recipient as usize].address;
        row.address
            .as_ref()
            .is_some_and(|to| to.key() != given.key())
    }

    /// Recipients that no place has taken and for whom nothing waits any more; where it was not taken, and why: the
    /// recipient's own mailbox before others.
    pub(crate) fn over(&self) -> BTreeMap<u32, (&Address, &str)> {
        let mut over: BTreeMap<u32, (&Address, &str)> = BTreeMap::new();
        let mut lives: BTreeSet<u32> = self.parts.taken.clone();
        for row in &self.rows {
            match &row.state {
                RecipientState::Done(Outcome::Failed(why)) => {
                    let kept = self.parts.refused.get(&row.recipient);
                    let kept = kept.map(|(to, why)| (to, why.as_str()));
                    let known = over.get(&row.recipient).copied().or(kept);
                    let own = !self.passed_on(row);
                    let told = known.filter(|_| !own).unwrap_or((self.address(row), why));
                    over.insert(row.recipient, told);
                }
                _ => {
                    lives.insert(row.recipient);
                }
            }
        }
        over.retain(|n, _| !lives.contains(n));
        over
    }

    /// Keeps in mind what ended of recipients of whom other parts wait, before it is forgotten. `is_list`: each of its
    /// members counts by himself.
    pub(crate) fn keep_parts(&mut self, is_list: impl Fn(u32) -> bool) {
        let waits = self.rows.iter().filter(|row| row.pending());
        let waits: BTreeSet<u32> = waits.map(|row| row.recipient).collect();
        for row in &self.rows {
            let n = row.recipient;
            let RecipientState::Done(outcome) = &row.state else {
                continue;
            };
            if !waits.contains(&n) || is_list(n) {
                continue;
            }
            match outcome {
                Outcome::Failed(why) => {
                    let to = self.address(row).clone();
                    let told = (to, trace::bounded(why));
                    if self.passed_on(row) {
                        self.parts.refused.entry(n).or_insert(told);
                    } else {
                        self.parts.refused.insert(n, told);
                    }
                }
                _ => {
                    self.parts.taken.insert(n);
                }
            }
        }
        self.parts.taken.retain(|n| waits.contains(n));
        self.parts.refused.retain(|n, _| waits.contains(n));
    }

    /// The address that a row is for.
    pub(crate) fn address<'a>(&'a self, row: &'a Row) -> &'a Address {
        let own = &self.envelope.recipients[row.recipient as usize].address;
        row.address.as_ref().unwrap_or(own)
    }
}

impl Delivery {
    /// A page of the queue: at most [`PAGE_MAX`] items, none only where none follows. Those that cannot be read are
    /// left out, since they must not hide the others; [`Delivery::unreadable`] tells them.
    pub fn queue(&self, mut after: Option<QueueId>, max: usize) -> Result<Vec<Item>, Error> {
        let max = max.min(PAGE_MAX);
        let mut items = Vec::new();
        loop {
            let ids = self.inner.store.queue().ids(after, max);
            after = ids.last().copied();
            for id in ids {
                match self.queued(id) {
                    Ok(item) => items.push(item),
                    Err(Error::NotFound | Error::Corrupt(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            if !items.is_empty() || after.is_none() {
                return Ok(items);
            }
        }
    }

    /// One item.
    pub fn queued(&self, id: QueueId) -> Result<Item, Error> {
        let stored = self.inner.store.queue().item(id)?;
        Ok(self.shown(Record::decode(&stored.payload)?, &stored))
    }

    fn shown(&self, record: Record, stored: &QueueItem) -> Item {
        let each = record.rows.iter().map(|row| {
            let mut waiting = Waiting {
                recipient: row.recipient,
                address: record.address(row).clone(),
                state: row.state.clone(),
                tries: row.tries,
                last: row.last.clone(),
                trouble: None,
                next: row.next.max(record.accepted_at),
            };
            if record.held.is_none() {
                self.add_trouble(stored.id, &record, &mut waiting);
            }
            waiting
        });
        let waiting: Vec<Waiting> = each.collect();
        let now = self.inner.directory.clock().now_s();
        Item {
            scheduled: waits_until(&record, now).filter(|_| record.held.is_none()),
            id: stored.id,
            due: match record.held {
                Some(_) => HELD,
                None => waiting.iter().map(|w| w.next).min().unwrap_or(stored.due),
            },
            waiting,
            envelope: record.envelope,
            accepted_at: record.accepted_at,
            size: record.size,
            submitter: record.submitter,
            message_id: record.message_id,
            priority: record.priority,
            held: record.held,
            detour: record.detour,
            trace: record.trace,
        }
    }

    /// What the lane knows that the record does not.
    fn add_trouble(&self, id: QueueId, record: &Record, waiting: &mut Waiting) {
        if waiting.state != RecipientState::Remote {
            return;
        }
        let Some(via) = self.way(record, &waiting.address) else {
            return;
        };
        let (hop, schedule) = (via.hop(), self.schedule());
        let (Some(_), Some((why, until))) = (schedule.part(id, &hop), schedule.trouble(&hop))
        else {
            return;
        };
        waiting.next = waiting.next.max(until);
        waiting.trouble = Some(of_the_hop(why));
    }
}
