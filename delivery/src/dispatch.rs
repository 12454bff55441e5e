//! Dispatch: the loop over due items. Here: placed; elsewhere: offered to the schedule; else later.

use crate::carry::{FULL, FULL_NOW, PLACED_AT_ONCE_MAX};
use crate::list;
use crate::news::Action;
use crate::outcome::{of_the_hop, out_of_time};
use crate::outward::Hop;
use crate::place::Letter;
use crate::schedule::{Part, Schedule};
use crate::settle;
use crate::spool::{HELD, Record, Row};
use crate::trace::{self, What};
use crate::{Delivery, Outcome, RecipientState, ReversePath, Via, retry};
use directory::ListFace;
use formats::address::Address;
use formats::message::summarize;
use std::collections::BTreeSet;
use std::sync::{Arc, MutexGuard, PoisonError};
use storage::{AccountId, BlobId, Error, QueueId, QueueItem, RowChange};

/// Items taken at once.
const DUE_MAX: usize = 64;
/// Rounds of one call, so that it returns although new work keeps coming.
const ROUNDS_MAX: usize = 64;
/// Accounts placed before the item is looked at again.
const BATCH: usize = 1_000;
/// Octets of an item; storage takes 4 MB.
const PAYLOAD_MAX: usize = 3 * 1024 * 1024;
/// Characters of what is told of each recipient where there are so many that all would not fit.
const TOLD_MAX: usize = 40;
/// What the sender and the administrator see where there is no way out.
pub(crate) const NO_ROUTE: &str = "4.4.1 mail cannot leave this server: relaying is not set up";
/// Seconds after which what has waited for too long and could not end is looked at again.
const LOOK_AGAIN_S: i64 = 15 * 60;

impl Delivery {
    /// Handles due items of the queue; returns when the next is due (Unix seconds). Blocks.
    /// What goes elsewhere is then to be had by [`Delivery::lease`].
    /// `Unavailable`: the store takes no writes; try again after a while.
    pub fn dispatch(&self, now: i64) -> Result<Option<i64>, Error> {
        self.write_down_all(now)?;
        let queue = self.inner.store.queue();
        let mut answers = None;
        for _ in 0..ROUNDS_MAX {
            // What is placed in a round may be answered in the next.
            answers = self.answer_owed(now);
            let due = queue.due_ids(now, DUE_MAX);
            if due.is_empty() {
                break;
            }
            for id in due {
                self.work(id, now)?;
            }
        }
        let due = queue.next_due().into_iter().chain(answers);
        Ok(due.min())
    }

    pub(crate) fn schedule(&self) -> MutexGuard<'_, Schedule> {
        let schedule = &self.inner.schedule;
        schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The way of an item to an address elsewhere; `None`: there is none.
    pub(crate) fn way(&self, record: &Record, address: &Address) -> Option<Via> {
        let outward = self.inner.outward.as_ref()?;
        match &record.detour {
            Some(detour) => Some(detour.via()),
            None => outward.via(&address.domain),
        }
    }

    /// Looks at one item. Reads it anew: it may have changed since it was listed. In how many accounts it was placed.
    pub(crate) fn work(&self, id: QueueId, now: i64) -> Result<usize, Error> {
        let _turn = self.inner.turns.take(id);
        let worked = match self.inner.store.queue().item(id) {
            Err(Error::NotFound) => return Ok(0),
            Ok(item) if item.due > now => return Ok(0),
            Ok(item) => self.try_told(item, now),
            Err(error) => Err(error),
        };
        match worked {
            Err(error @ (Error::Corrupt(_) | Error::Damaged(_) | Error::NotFound)) => {
                self.spoiled(id, &error, now).map(|()| 0)
            }
            other => {
                self.inner.spoilt.forget(id);
                other
            }
        }
    }

    /// First its sender is told of what has ended.
    fn try_told(&self, item: QueueItem, now: i64) -> Result<usize, Error> {
        match self.told_first(item, now)? {
            Some((item, record)) if item.due <= now && !record.has_ended() => {
                self.try_item(&item, record, now)
            }
            _ => Ok(0),
        }
    }

    fn try_item(&self, item: &QueueItem, mut record: Record, now: i64) -> Result<usize, Error> {
        if record.held.is_some() {
            let put_off = self.inner.store.queue().put_off(item.id, HELD);
            return put_off.map(|()| 0);
        }
        if self.keep_suspended(item, &mut record, now)? {
            return Ok(0);
        }
        let mut whats = Vec::new();
        let mut changed = self.expire(&mut record, item.id, now, &mut whats);
        let placed = self.try_local(&mut record, item, now, &mut whats)?;
        changed |= placed.is_some();
        changed |= self.offer(&mut record, item.id, now, &mut whats);
        let rows = events(&record, now, whats)?;
        self.settle_item(item.id, record, item.blob, changed, now, rows)?;
        Ok(placed.unwrap_or(0))
    }

    /// RFC 5321 §4.5.4.1: what waited for too long fails, whether its turn has come or not.
    fn expire(&self, record: &mut Record, id: QueueId, now: i64, whats: &mut Vec<What>) -> bool {
        if now.saturating_sub(record.began()) < retry::GIVE_UP_S {
            return false;
        }
        // What is under way by the way that it had before goes on.
        let rerouted = record.detour.is_some() && self.schedule().under_way(id);
        let mut ended = Vec::new();
        for at in 0..record.rows.len() {
            let row = &record.rows[at];
            if row.state != RecipientState::Remote {
                continue;
            }
            let hop = self.way(record, record.address(row)).map(|via| via.hop());
            let schedule = self.schedule();
            let part = hop.as_ref().and_then(|hop| schedule.part(id, hop));
            if part == Some(Part::Leased) || rerouted {
                continue;
            }
            let trouble = hop.as_ref().and_then(|hop| schedule.trouble(hop));
            let why = match (&row.last, trouble) {
                (Some(last), _) => last.text().to_owned(),
                (None, Some((why, _))) => of_the_hop(why),
                // Since the start nothing was heard of its next hop: that is asked before anybody is told.
                (None, None) if hop.is_some() => continue,
                (None, None) => NO_ROUTE.to_owned(),
            };
            drop(schedule);
            note(&mut record.rows[at], Outcome::Deferred(why), None);
            ended.push(at);
        }
        self.schedule().withdraw(id, now);
        whats.extend(nobody_asked(record, &ended));
        !ended.is_empty()
    }

    /// Whether a part is under way by a way that it has no more: what it takes along must not go by the new one, too.
    /// When that try ends the item comes up.
    fn leaves_otherwise(&self, record: &Record, id: QueueId) -> bool {
        let leased = self.schedule().leased(id);
        if leased.is_empty() {
            return false;
        }
        let elsewhere = |row: &&Row| row.state == RecipientState::Remote;
        let ways = record.rows.iter().filter(elsewhere);
        let ways: BTreeSet<Hop> = ways
            .filter_map(|row| self.way(record, record.address(row)))
            .map(|via| via.hop())
            .collect();
        leased.iter().any(|hop| !ways.contains(hop))
    }

    /// Offers what goes elsewhere and may go now. True when the record was changed.
    fn offer(&self, record: &mut Record, id: QueueId, now: i64, whats: &mut Vec<What>) -> bool {
        if self.leaves_otherwise(record, id) {
            return false;
        }
        let (mut ended, mut offered) = (Vec::new(), false);
        let began = record.began();
        for at in 0..record.rows.len() {
            let row = &record.rows[at];
            if row.state != RecipientState::Remote || row.next > now {
                continue;
            }
            if let Some(via) = self.way(record, record.address(row)) {
                let urgency = (row.priority(record.priority), row.tries > 0);
                offered |= self
                    .schedule()
                    .offer(id, &via.hop(), urgency, record.size, now);
                continue;
            }
            let row = &mut record.rows[at];
            row.tries += 1;
            let again = retry::remote(began, row.tries, now);
            note(row, Outcome::Deferred(NO_ROUTE.into()), again);
            ended.push(at);
        }
        if offered {
            self.wake();
        }
        whats.extend(nobody_asked(record, &ended));
        !ended.is_empty()
    }

    /// When the item is to be looked at again: what its lanes hold comes up by itself.
    pub(crate) fn comes_up(&self, record: &Record, id: QueueId, now: i64) -> i64 {
        if record.held.is_some() {
            return HELD;
        }
        let mut earliest = i64::MAX;
        let mut elsewhere = false;
        let under_way = self.leaves_otherwise(record, id);
        for row in &record.rows {
            let remote = row.state == RecipientState::Remote;
            elsewhere |= remote;
            let via = remote.then(|| self.way(record, record.address(row)));
            let via = via.flatten();
            let held = via.is_some_and(|via| self.schedule().part(id, &via.hop()).is_some());
            if !(held || remote && under_way) {
                earliest = earliest.min(row.next);
            }
        }
        if let Some(deadline) = self.deadline(record, elsewhere, now) {
            earliest = earliest.min(deadline);
        }
        earliest
    }

    /// When it comes up whatever its rows wait for: its sender is told that it takes long, or it has waited for too long.
    pub(crate) fn deadline(&self, record: &Record, elsewhere: bool, now: i64) -> Option<i64> {
        let after = |wait_s| record.began().saturating_add(wait_s);
        let again = now.saturating_add(LOOK_AGAIN_S);
        let over = Some(after(retry::GIVE_UP_S)).filter(|over| *over > now);
        let end = elsewhere.then_some(over.unwrap_or(again));
        // What came to no try since this process began is told of later.
        let late = [after(retry::WARN_S), self.late_from(record)];
        let told = late.into_iter().filter(|_| settle::warns(record));
        let told = told.filter(|told| *told > now);
        end.into_iter().chain(told).min()
    }

    /// Places it for those here who do not have it yet. In how many accounts; `None`: nobody was to be tried.
    fn try_local(
        &self,
        record: &mut Record,
        item: &QueueItem,
        now: i64,
        whats: &mut Vec<What>,
    ) -> Result<Option<usize>, Error> {
        let each = record.rows.iter().enumerate();
        let pending: Vec<(u32, (usize, AccountId))> = each
            .filter_map(|(at, row)| match row.state {
                RecipientState::Local(account) if row.next <= now => {
                    Some((row.recipient, (at, account)))
                }
                _ => None,
            })
            .collect();
        if pending.is_empty() {
            return Ok(None);
        }
        let content = self.inner.store.blob(item.blob)?;
        let (mut placed_in, mut missed) = (Vec::new(), Vec::new());
        for (face, pending) in self.lists(&record.envelope).parted(pending) {
            let accounts: Vec<AccountId> = pending.iter().map(|(_, account)| *account).collect();
            let of = (face.as_deref(), accounts.as_slice());
            let letter = self.letter_of(record, item.blob, of, &content)?;
            for batch in pending.chunks(BATCH) {
                let owned = face.as_ref().is_some_and(|face| face.owner.is_some());
                let (placed, failed) = self.try_batch(record, batch, &letter, owned, now);
                placed_in.extend(placed);
                missed.extend(failed);
            }
        }
        let placed = placed_in.len();
        if !placed_in.is_empty() {
            whats.push(What::Placed(placed_in));
        }
        whats.extend(nobody_asked(record, &missed));
        Ok(Some(placed))
    }

    /// What is placed for those who came through a list, or through none.
    fn letter_of(
        &self,
        record: &Record,
        blob: BlobId,
        (face, accounts): (Option<&ListFace>, &[AccountId]),
        stored: &[u8],
    ) -> Result<Letter, Error> {
        let content = list::letter(face, stored);
        let blob = match *content == *stored {
            true => blob,
            false if accounts.len() <= PLACED_AT_ONCE_MAX => self.stage(accounts, &content)?,
            false => self.inner.store.put_blob(&content)?,
        };
        Ok(Letter {
            blob,
            summary: Arc::new(summarize(&content)),
            // RFC 4865: what waited for its time is of that time.
            now: record.began(),
            delivery: Some(record.delivery),
            beginning: None,
            junk: crate::verify::quarantined(&content, &self.inner.settings.host),
            asking: self.asking(
                accounts.iter().copied(),
                &content,
                (record.began(), &record.trace, record.envelope.tls),
            ),
        })
    }

    /// Places it for some: accounts that have it, and rows of those that do not yet. `owned`: who hears of them knows
    /// them by name.
    fn try_batch(
        &self,
        record: &mut Record,
        batch: &[(usize, AccountId)],
        letter: &Letter,
        owned: bool,
        now: i64,
    ) -> (Vec<AccountId>, Vec<usize>) {
        let accounts: Vec<AccountId> = batch.iter().map(|(_, account)| *account).collect();
        let (mut placed_in, mut missed) = (Vec::new(), Vec::new());
        let began = record.began();
        let results = self.place(&accounts, letter);
        for ((at, account), result) in batch.iter().zip(results) {
            let row = &mut record.rows[*at];
            row.tries += 1;
            match &result {
                Ok(_) => placed_in.push(*account),
                Err(_) => missed.push(*at),
            }
            if owned && matches!(result, Err(Error::OverQuota(_))) {
                row.address = self
                    .inner
                    .directory
                    .account(*account)
                    .ok()
                    .map(|a| a.address);
            }
            let outcome = match result {
                Ok(placed) => {
                    row.success = Some(Action::Delivered);
                    Outcome::Relayed(format!(
                        "2.0.0 placed in account {account} as {}",
                        placed.email
                    ))
                }
                Err(Error::OverQuota(_)) => {
                    let wait = self.full_wait(*account, record.size);
                    let again = retry::full(began, row.tries, now, wait);
                    let outcome = match again {
                        Some(_) => Outcome::Deferred(FULL_NOW.into()),
                        None => Outcome::Failed(FULL.into()),
                    };
                    note(row, outcome, again);
                    continue;
                }
                Err(error) => {
                    tracing::warn!(trace = %record.trace, %error, "cannot place");
                    Outcome::Deferred("4.3.1 the store cannot take it now".into())
                }
            };
            let again = retry::local(began, row.tries, now);
            note(row, outcome, again);
        }
        (placed_in, missed)
    }
}

/// The rows of what happened to an item.
pub(crate) fn events(
    record: &Record,
    now: i64,
    whats: impl IntoIterator<Item = What>,
) -> Result<Vec<RowChange>, Error> {
    let mut rows = Vec::new();
    for what in whats {
        rows.append(&mut trace::event(
            &record.trace,
            record.accepted_at,
            now,
            what,
        )?);
    }
    Ok(rows)
}

/// How it ended for some rows without a next hop.
fn nobody_asked(record: &Record, rows: &[usize]) -> Option<What> {
    let each = rows.iter().map(|at| &record.rows[*at]);
    let results = each.filter_map(|row| Some((row.last.as_ref()?, record.address(row))));
    let results = trace::grouped(results);
    (!results.is_empty()).then(|| What::Tried {
        hop: String::new(),
        tls: None,
        results,
    })
}

/// Encodes; the texts of the last tries are left out where a list's would not fit into one item.
pub(crate) fn encode_small(record: &mut Record) -> Result<Vec<u8>, Error> {
    let payload = record.encode()?;
    if payload.len() <= PAYLOAD_MAX {
        return Ok(payload);
    }
    record.rows.iter_mut().for_each(|row| row.last = None);
    let payload = record.encode()?;
    if payload.len() <= PAYLOAD_MAX {
        return Ok(payload);
    }
    for row in &mut record.rows {
        if let RecipientState::Done(
            Outcome::Relayed(text) | Outcome::Deferred(text) | Outcome::Failed(text),
        ) = &mut row.state
        {
            *text = text.chars().take(TOLD_MAX).collect();
        }
    }
    record.encode()
}

/// Writes an outcome down; a deferral that may not be tried again is a failure.
pub(crate) fn note(row: &mut Row, outcome: Outcome, again: Option<i64>) {
    let outcome = match (outcome, again) {
        (Outcome::Deferred(why), None) => Outcome::Failed(out_of_time(&why)),
        (outcome, _) => outcome,
    };
    row.next = again.unwrap_or(row.next);
    if !matches!(outcome, Outcome::Deferred(_)) {
        row.state = RecipientState::Done(outcome.clone());
    }
    row.last = Some(outcome);
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
