//! The timeline of each accepted message: "where is my mail?" has a true answer.
//!
//! What is told lies in rows that are committed with what they tell: the head of a timeline with the message itself
//! (in the account where it is placed, or with its item of the queue), each event with the change of the item that it
//! is about. So it costs no wait for the disk, and a crash leaves as much of it as of the mail.
//!
//! All rows of a message begin with the day of its acceptance, and within a day the newest come first: who looks for
//! something reads few places a day, and what is too old lies together. Neither subject nor text is kept, and of a
//! mailbox only whose it is.
//!
//! | key | value |
//! |---|---|
//! | day, `h`, time, drawn | the head |
//! | day, `e`, time, drawn, when, number | an event |
//! | day, `a`, account, time, drawn | when it was placed there, where that was done at once |
//! | day, `q`, time, drawn | the number of the item of the queue, where it had one |
//! | day, `s` `r` `m`, hash, time, drawn | nothing: it has this sender, recipient, Message-ID |
//!
//! Times of acceptance are counted down, so that the newest come first. `drawn` is the random half of the name of an
//! acceptance; its other half is the time.

mod beyond;
mod find;
mod id;
mod progress;

pub use beyond::{Beyond, Onward};
pub use find::{Found, Sought, Traces};
pub(crate) use id::Id;
pub use progress::{Progress, Standing};

use crate::Outcome;
use formats::address::Address;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};
use storage::{AccountId, Error, QueueId, RowChange};

/// Storage knows that its rows are written once.
pub(crate) const TABLE: &str = "trace";
/// The version of a row's value.
const VERSION: u8 = 1;
/// Recipients of the envelope that a head names, and that are found by their address.
const RECIPIENTS_MAX: usize = 1_000;
/// Characters of an answer or another text that is kept.
const TEXT_MAX: usize = 500;
/// Accounts of one event.
const ACCOUNTS_MAX: usize = 5_000;

/// Whence a message came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whence {
    /// From another server.
    Remote {
        /// Its address.
        ip: IpAddr,
        /// As it greeted.
        helo: String,
        /// ESMTP, ESMTPS… (RFC 3848).
        with: String,
        /// Version and cipher.
        tls: Option<String>,
    },
    /// From somebody signed in.
    Submitted {
        /// Who.
        account: AccountId,
        /// From where.
        ip: Option<IpAddr>,
        /// As the program greeted.
        helo: String,
        /// ESMTPSA, JMAP.
        with: String,
        /// Version and cipher.
        tls: Option<String>,
    },
    /// Made here.
    Generated {
        /// The message that it reports on.
        about: Option<String>,
    },
}

/// What was known of a message when it was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Whence it came.
    pub whence: Whence,
    /// Reverse-path; empty: null.
    pub from: String,
    /// The first of the envelope's recipients.
    pub recipients: Vec<String>,
    /// How many the envelope has.
    pub recipient_count: u32,
    /// Accounts here that it is for, each with the number of the recipient through whom.
    pub accounts: Vec<(AccountId, u32)>,
    /// Octets, trace header included.
    pub size: u64,
    /// Message-ID header.
    pub message_id: Option<String>,
    /// RFC 6710 §2.
    pub priority: i8,
    /// What was found out about it before it was accepted.
    pub checks: Vec<String>,
    /// Recipients that lead to others.
    #[serde(skip)]
    pub beyond: Beyond,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// It waits in the queue.
    Queued,
    /// Placed in these accounts.
    Placed(Vec<AccountId>),
    /// A try ended.
    Tried {
        /// The next hop; empty: none was asked.
        hop: String,
        /// Version and cipher, where the connection had TLS.
        tls: Option<String>,
        /// How it ended for whom.
        results: Vec<(Outcome, Vec<String>)>,
    },
    /// The sender was told.
    Told {
        /// That it takes long; otherwise that it failed, or is well.
        late: bool,
        /// That it is well.
        good: bool,
        /// Of whom.
        recipients: Vec<String>,
        /// Names the notification; `None`: nobody could or should be told.
        notice: Option<String>,
    },
    /// An administrator did something.
    Act {
        /// As the audit log names it.
        act: String,
        /// Address of who did it; `None`: the system.
        by: Option<String>,
        /// The way that was chosen.
        to: Option<String>,
    },
}

/// What happened when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Unix seconds.
    pub at: i64,
    /// What.
    pub what: What,
}

/// Tells events of the same second apart, in their order. Where it begins is drawn: who died and started again within a
/// second must not write over what he wrote before.
static NUMBER: LazyLock<AtomicU16> = LazyLock::new(|| {
    let mut drawn = [0; 2];
    // Without a number that is drawn it is as good as before.
    let _ = getrandom::fill(&mut drawn);
    AtomicU16::new(u16::from_le_bytes(drawn) & NUMBER_FIRST_MAX)
});
/// Where it begins at most: most that run for a short time never come to its end.
const NUMBER_FIRST_MAX: u16 = 0x7fff;

/// A text as it is kept.
pub(crate) fn bounded(text: &str) -> String {
    let printable = text.chars().filter(|c| !c.is_control());
    printable.take(TEXT_MAX).collect()
}

/// An outcome as it is kept.
pub(crate) fn kept(outcome: &Outcome) -> Outcome {
    match outcome {
        Outcome::Relayed(text) => Outcome::Relayed(bounded(text)),
        Outcome::Deferred(text) => Outcome::Deferred(bounded(text)),
        Outcome::Failed(text) => Outcome::Failed(bounded(text)),
    }
}

/// Outcomes with those whom each is about.
pub(crate) fn grouped<'a>(
    each: impl Iterator<Item = (&'a Outcome, &'a Address)>,
) -> Vec<(Outcome, Vec<String>)> {
    let mut groups: Vec<(Outcome, Vec<String>)> = Vec::new();
    for (outcome, to) in each {
        let outcome = kept(outcome);
        let to = to.to_string();
        match groups.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, all)) if all.len() < RECIPIENTS_MAX => all.push(to),
            Some(_) => {}
            None => groups.push((outcome, vec![to])),
        }
    }
    groups
}

pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    postcard::to_extend(value, vec![VERSION]).map_err(|_| Error::Invalid("a timeline"))
}

pub(crate) fn decode<T: for<'a> Deserialize<'a>>(octets: &[u8]) -> Result<T, Error> {
    let corrupt = || Error::Corrupt("a timeline cannot be read".into());
    match octets.split_first() {
        Some((&VERSION, rest)) => postcard::from_bytes(rest).map_err(|_| corrupt()),
        _ => Err(corrupt()),
    }
}

fn row(key: Vec<u8>, value: Vec<u8>) -> RowChange {
    RowChange {
        table: TABLE,
        key,
        value: Some(value),
    }
}

/// The rows of an event of the message that was accepted under this name at this time (Unix seconds); none for one
/// that an older program accepted, whose name tells no time.
pub(crate) fn event(
    trace: &str,
    accepted_at: i64,
    now: i64,
    what: What,
) -> Result<Vec<RowChange>, Error> {
    let Some(id) = Id::of(trace, accepted_at) else {
        return Ok(Vec::new());
    };
    let whats = match what {
        What::Placed(accounts) => {
            let pieces = accounts.chunks(ACCOUNTS_MAX);
            pieces.map(|piece| What::Placed(piece.to_vec())).collect()
        }
        other => vec![other],
    };
    whats
        .into_iter()
        .map(|what| {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            Ok(row(id.event(now, number), encode(&what)?))
        })
        .collect()
}

/// The rows with which a message begins.
#[derive(Debug)]
pub(crate) struct Beginning {
    id: Id,
    now: i64,
    shared: Vec<RowChange>,
}

impl Beginning {
    /// Of a message that is accepted now. `from`, `to`: the envelope's; `shared`: what else is committed with it.
    pub(crate) fn new<'a>(
        (trace, now): (&str, i64),
        head: &Head,
        from: Option<&Address>,
        to: impl Iterator<Item = &'a Address>,
        mut shared: Vec<RowChange>,
    ) -> Result<Self, Error> {
        let id = Id::of(trace, now).ok_or(Error::Invalid("the name of an acceptance"))?;
        shared.push(row(id.head(), head.encode()?));
        let mut index = |key: Vec<u8>| shared.push(row(key, Vec::new()));
        if let Some(from) = from {
            index(id.hashed(id::SENDER, &from.key()));
        }
        for to in to.take(RECIPIENTS_MAX) {
            index(id.hashed(id::RECIPIENT, &to.key()));
        }
        // Whoever may see the whole finds it by where it went on to.
        for to in head.beyond.keys().collect::<BTreeSet<String>>() {
            index(id.hashed(id::RECIPIENT, &to));
        }
        if let Some(message_id) = &head.message_id {
            index(id.hashed(id::MESSAGE_ID, bare(message_id)));
        }
        // Those who get it have a row that says when.
        let others = head.beyond.passed().map(|(account, _)| account);
        let others: BTreeSet<AccountId> = others.chain(head.submitter()).collect();
        let placed: HashSet<AccountId> = head.accounts.iter().map(|(to, _)| *to).collect();
        for account in others.iter().filter(|account| !placed.contains(account)) {
            index(id.account(*account));
        }
        Ok(Self { id, now, shared })
    }

    /// Where it is placed in this account with the same commit.
    pub(crate) fn placed(&self, account: AccountId) -> Result<Vec<RowChange>, Error> {
        let mut rows = self.shared.clone();
        rows.push(row(self.id.account(account), encode(&self.now)?));
        Ok(rows)
    }

    /// Where it goes into the queue as this item with the same commit, for these accounts here.
    pub(crate) fn queued(
        &self,
        accounts: &[AccountId],
        item: QueueId,
    ) -> Result<Vec<RowChange>, Error> {
        let mut rows = self.shared.clone();
        rows.push(row(self.id.item(), encode(&item.raw())?));
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        rows.push(row(self.id.event(self.now, number), encode(&What::Queued)?));
        rows.extend(
            accounts
                .iter()
                .map(|to| row(self.id.account(*to), Vec::new())),
        );
        Ok(rows)
    }

    /// Recipients that a head names.
    pub(crate) fn named<'a>(to: impl Iterator<Item = &'a Address>) -> Vec<String> {
        to.take(RECIPIENTS_MAX).map(ToString::to_string).collect()
    }
}

/// A Message-ID without its brackets.
fn bare(message_id: &str) -> &str {
    let inside = message_id.trim();
    let inside = inside.strip_prefix('<').unwrap_or(inside);
    inside.strip_suffix('>').unwrap_or(inside)
}
