//! Dispatch: the loop over due items. Here: placed; elsewhere: handed to the transport; else later.

use crate::bounce::{About, Failure};
use crate::place::Letter;
use crate::spool::{Record, Row};
use crate::{Delivery, Outcome, RecipientState, Refused, ReversePath, retry};
use formats::address::{Address, DomainName};
use formats::message::summarize;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use storage::{AccountId, Error, QueueId, QueueItem};

/// Items taken at once.
const DUE_MAX: usize = 64;
/// Rounds of one call, so that it returns although new work keeps coming.
const ROUNDS_MAX: usize = 64;
/// Accounts placed before the item is looked at again.
const BATCH: usize = 1_000;
/// An item that cannot be worked on is looked at again after this, seconds; the log says so each time.
const SPOILED_WAIT_S: i64 = 3600;
/// Octets of an item; storage takes 4 MB.
const PAYLOAD_MAX: usize = 3 * 1024 * 1024;
/// What the sender and the administrator see while there is no transport.
const NO_ROUTE: &str = "4.4.1 mail cannot leave this server yet: relaying is not set up";

impl Delivery {
    /// Handles due items of the queue; returns when the next is due (Unix seconds). Blocks.
    /// `Unavailable`: the store takes no writes; try again after a while.
    pub fn dispatch(&self, now: i64) -> Result<Option<i64>, Error> {
        let queue = self.inner.store.queue();
        for _ in 0..ROUNDS_MAX {
            let due = queue.due(now, DUE_MAX)?;
            if due.is_empty() {
                break;
            }
            for item in due {
                self.work(item.id, now)?;
            }
        }
        Ok(queue.next_due())
    }

    /// Tries one item. Reads it anew: it may have changed since it was listed.
    fn work(&self, id: QueueId, now: i64) -> Result<(), Error> {
        let _turn = self
            .inner
            .queue_turn
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let item = match self.inner.store.queue().item(id) {
            Err(Error::NotFound) => return Ok(()),
            other => other?,
        };
        if item.due > now {
            return Ok(());
        }
        match self.try_item(&item, now) {
            Err(error @ (Error::Corrupt(_) | Error::NotFound)) => {
                // Kept, so that an administrator can see it: nothing accepted is dropped (I-10).
                tracing::error!(queue = id.raw(), %error, "a queued item cannot be read");
                self.inner
                    .store
                    .queue()
                    .update(id, now + SPOILED_WAIT_S, item.payload)
            }
            other => other,
        }
    }

    fn try_item(&self, item: &QueueItem, now: i64) -> Result<(), Error> {
        let mut record = Record::decode(&item.payload)?;
        let content = self.inner.store.blob(item.blob)?;
        self.try_local(&mut record, item, &content, now)?;
        self.try_remote(&mut record, &content, now);
        self.settle(item.id, record, &content, now)
    }

    /// Writes down how it stands. The sender is told before the item forgets what to tell.
    fn settle(
        &self,
        id: QueueId,
        mut record: Record,
        content: &[u8],
        now: i64,
    ) -> Result<(), Error> {
        let failures = new_failures(&record);
        if !failures.is_empty() {
            let about = About {
                envelope: &record.envelope,
                trace: &record.trace,
                accepted_at: record.accepted_at,
                // The same id at a repetition after a crash: one bounce (I-09).
                delivery: Some(
                    record
                        .delivery
                        .wrapping_add(2 * (u64::from(record.bounces) + 1)),
                ),
            };
            self.bounce(&about, content, &failures)
                .map_err(|refused| match refused {
                    Refused::Temporary(why) => Error::Unavailable(why),
                    Refused::Permanent(_) => Error::Invalid("a bounce"),
                })?;
            record.bounces += 1;
        }
        let trace = record.trace.clone();
        for row in record.rows.iter().filter(|row| !row.pending()) {
            let RecipientState::Done(outcome) = &row.state else {
                continue;
            };
            let to = record.address(row);
            tracing::info!(%trace, to = %to, ?outcome, "done");
        }
        record.rows.retain(Row::pending);
        let next = record
            .rows
            .iter()
            .map(|row| next_try(&record, row, now))
            .min();
        let queue = self.inner.store.queue();
        match next {
            None => queue.remove(id),
            Some(due) => queue.update(id, due, encode_small(&mut record)?),
        }
    }

    /// Places it for those here who do not have it yet.
    fn try_local(
        &self,
        record: &mut Record,
        item: &QueueItem,
        content: &[u8],
        now: i64,
    ) -> Result<(), Error> {
        let pending: Vec<(usize, AccountId)> = record
            .rows
            .iter()
            .enumerate()
            .filter_map(|(at, row)| match row.state {
                RecipientState::Local(account) => Some((at, account)),
                _ => None,
            })
            .collect();
        if pending.is_empty() {
            return Ok(());
        }
        let summary = Arc::new(summarize(content));
        let (blob, delivery) = (item.blob, Some(record.delivery));
        let letter = Letter {
            blob,
            summary,
            now: record.accepted_at,
            delivery,
        };
        for batch in pending.chunks(BATCH) {
            let accounts: Vec<AccountId> = batch.iter().map(|(_, account)| *account).collect();
            let results = self.place(&accounts, &letter);
            for (n, ((at, _), result)) in batch.iter().zip(results).enumerate() {
                let row = &mut record.rows[*at];
                row.tries += 1;
                let outcome = match result {
                    Ok(placed) => Outcome::Relayed(format!(
                        "2.0.0 placed in account {} as {}",
                        accounts[n], placed.email
                    )),
                    Err(Error::OverQuota(_)) => Outcome::Failed("5.2.2 the mailbox is full".into()),
                    Err(error) => {
                        tracing::warn!(trace = %record.trace, %error, "cannot place");
                        Outcome::Deferred("4.3.1 the store cannot take it now".into())
                    }
                };
                note(
                    row,
                    outcome,
                    retry::local(record.accepted_at, row.tries, now),
                );
            }
        }
        Ok(())
    }

    /// Hands it to the transport, domain by domain.
    fn try_remote(&self, record: &mut Record, content: &[u8], now: i64) {
        let mut domains: BTreeMap<DomainName, Vec<usize>> = BTreeMap::new();
        for (at, row) in record.rows.iter().enumerate() {
            if row.state == RecipientState::Remote {
                domains
                    .entry(record.address(row).domain.clone())
                    .or_default()
                    .push(at);
            }
        }
        for rows in domains.into_values() {
            let to: Vec<Address> = rows
                .iter()
                .map(|at| record.address(&record.rows[*at]).clone())
                .collect();
            let outcomes = match &self.inner.transport {
                Some(transport) => {
                    transport.relay(&record.envelope.from, &to, without_return_path(content))
                }
                None => vec![Outcome::Deferred(NO_ROUTE.into()); to.len()],
            };
            for (n, at) in rows.into_iter().enumerate() {
                let row = &mut record.rows[at];
                row.tries += 1;
                let silent = || Outcome::Deferred("4.4.2 the transport gave no outcome".into());
                let outcome = outcomes.get(n).cloned().unwrap_or_else(silent);
                note(
                    row,
                    outcome,
                    retry::remote(record.accepted_at, row.tries, now),
                );
            }
        }
    }

    /// Calls for the item at once.
    pub fn retry_now(&self, id: QueueId) -> Result<(), Error> {
        {
            let _turn = self
                .inner
                .queue_turn
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let item = self.inner.store.queue().item(id)?;
            let now = self.inner.directory.clock().now_s();
            self.inner
                .store
                .queue()
                .update(id, now.min(item.due), item.payload)?;
        }
        self.wake();
        Ok(())
    }

    /// Gives up: removes it, with a log line; the sender is told by a bounce unless the path is null (I-11).
    pub fn give_up(&self, id: QueueId) -> Result<(), Error> {
        let _turn = self
            .inner
            .queue_turn
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let item = self.inner.store.queue().item(id)?;
        let mut record = Record::decode(&item.payload)?;
        for row in record.rows.iter_mut().filter(|row| row.pending()) {
            let why = "5.0.0 the administrator gave this message up";
            row.state = RecipientState::Done(Outcome::Failed(why.into()));
        }
        let content = self.inner.store.blob(item.blob)?;
        tracing::info!(queue = id.raw(), trace = %record.trace, "given up by an administrator");
        self.settle(id, record, &content, self.inner.directory.clock().now_s())
    }
}

/// Encodes; the texts of the last tries are left out where a list's would not fit into one item.
fn encode_small(record: &mut Record) -> Result<Vec<u8>, Error> {
    let payload = record.encode()?;
    if payload.len() <= PAYLOAD_MAX {
        return Ok(payload);
    }
    record.rows.iter_mut().for_each(|row| row.last = None);
    record.encode()
}

/// Writes an outcome down; a deferral that may not be tried again is a failure.
fn note(row: &mut Row, outcome: Outcome, again: Option<i64>) {
    let outcome = match (outcome, again) {
        (Outcome::Deferred(why), None) => {
            let why = why.split_once(' ').map_or(why.as_str(), |(_, text)| text);
            Outcome::Failed(format!("5.4.7 not delivered in time: {why}"))
        }
        (outcome, _) => outcome,
    };
    if !matches!(outcome, Outcome::Deferred(_)) {
        row.state = RecipientState::Done(outcome.clone());
    }
    row.last = Some(outcome);
}

/// When a row that waits is due again.
fn next_try(record: &Record, row: &Row, now: i64) -> i64 {
    let next = match row.state {
        RecipientState::Local(_) => retry::local(record.accepted_at, row.tries, now),
        RecipientState::Remote | RecipientState::Done(_) => {
            retry::remote(record.accepted_at, row.tries, now)
        }
    };
    next.unwrap_or(now)
}

/// What the sender must be told now.
fn new_failures(record: &Record) -> Vec<Failure> {
    let each = record.rows.iter().filter_map(|row| match &row.state {
        RecipientState::Done(Outcome::Failed(why)) => {
            let recipient = &record.envelope.recipients[row.recipient as usize];
            Some(Failure::of(recipient, record.address(row), why))
        }
        _ => None,
    });
    each.collect()
}

/// RFC 5321 §4.4: Return-Path is for the last server only.
fn without_return_path(content: &[u8]) -> &[u8] {
    let first = content
        .iter()
        .position(|b| *b == b'\n')
        .map_or(0, |at| at + 1);
    if content.starts_with(b"Return-Path:") {
        &content[first..]
    } else {
        content
    }
}

impl ReversePath {
    /// The address, unless null.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Null => None,
            Self::Address(address) => Some(address),
        }
    }
}
