//! What an administrator does with a letter that waits. Each act is in the audit log in the commit that makes it take
//! effect (I-20).
//!
//! A held letter goes nowhere and does not end: the time that it is held does not count towards the five days after
//! which mail is returned, so that nothing expires while somebody keeps it back. That it is held is on disk.

use crate::dispatch::{encode_small, events};
use crate::news::Action;
use crate::release::waits_until;
use crate::spool::{ASKED, HELD, Record, Row};
use crate::trace::What;
use crate::{Delivery, Detour, Outcome, RecipientState};
use directory::rerouting::Rerouted;
use directory::{Access, AccountId, Error as Undone};
use formats::address::Address;
use formats::message::summarize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use storage::{BlobId, Error, QueueId, QueueItem, RowChange};

/// Recipients that an entry of the audit log names.
const NAMED_MAX: usize = 100;

/// Why what an administrator deletes does not arrive.
pub(crate) const GIVEN_UP: &str = "5.0.0 the administrator gave this message up";

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Keep it back.
    Hold,
    /// Let it go on where it was.
    Release,
    /// Try it now, however long its next hops were to rest; what waits for the time that its sender chose goes on
    /// waiting.
    Retry,
    /// Hand what goes elsewhere to this host; `None`: by the way that its domains have.
    Reroute(Option<Detour>),
    /// Give it up: the sender is told, unless the reverse-path is null (I-11).
    Delete,
}

impl Act {
    /// As the audit log names it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Hold => "queue.hold",
            Self::Release => "queue.release",
            Self::Retry => "queue.retry",
            Self::Reroute(_) => "queue.reroute",
            Self::Delete => "queue.delete",
        }
    }

    /// Whether it would change an item that is held, or is not, and has this detour.
    #[must_use]
    pub fn changes(&self, held: bool, detour: Option<&Detour>) -> bool {
        match self {
            Self::Hold => !held,
            Self::Release => held,
            Self::Retry => !held,
            Self::Reroute(to) => detour != to.as_ref(),
            Self::Delete => true,
        }
    }

    /// As the timeline tells it.
    fn told(&self, by: Option<&Access>) -> What {
        What::Act {
            act: self.name().to_owned(),
            by: by.map(|by| by.address().to_string()),
            to: match self {
                Self::Reroute(to) => to.as_ref().map(ToString::to_string),
                Self::Hold | Self::Release | Self::Retry | Self::Delete => None,
            },
        }
    }

    fn detail(&self, record: &Record) -> Value {
        let named = record.rows.iter().take(NAMED_MAX);
        let recipients: Vec<String> = named.map(|row| record.address(row).to_string()).collect();
        let mut detail = json!({
            "from": record.envelope.from.address().map(ToString::to_string),
            "recipients": recipients,
            "recipient_count": record.rows.len(),
            "message_id": record.message_id,
            "trace": record.trace,
        });
        if let Self::Reroute(to) = self {
            let to = to.as_ref();
            detail["to"] = to.map_or(Value::Null, |to| json!(to.to_string()));
        }
        detail
    }
}

impl std::fmt::Display for Detour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let security = format!("{:?}", self.security).to_lowercase();
        write!(f, "{}:{} {security}", self.host, self.port)
    }
}

/// As the audit log names it.
fn object(id: QueueId) -> String {
    format!("queue/{id}")
}

/// Of an item that nobody can read.
fn unreadable(error: &Error) -> Value {
    json!({ "unreadable": error.to_string() })
}

/// The entry of an act by which nobody gets a letter.
fn unread(id: QueueId, act: &Act, detail: Value) -> Rerouted {
    Rerouted {
        act: act.name(),
        object: object(id),
        detail,
        owners: BTreeSet::new(),
        to: String::new(),
    }
}

impl Delivery {
    /// Does it. False: there was nothing to do. To hand others' letters to a host needs a reason, and two where impersonation
    /// does (`directory::rerouting`). Errors: of storage `NotFound`; `Conflict` (to be deleted while it is being sent, to
    /// be tried while it is held); `Invalid` (no such host can be, or nothing is sent elsewhere); `Corrupt` (the item
    /// cannot be read: it may only be tried and deleted); of the directory `Invalid` (no reason), `Awaiting`.
    pub fn act(&self, id: QueueId, act: &Act, by: Option<&Access>) -> Result<bool, Undone> {
        if by.is_some_and(Access::is_on_trial) {
            return self.act_on_trial(id, act, by);
        }
        let done = {
            let _turn = self.inner.turns.take(id);
            let now = self.inner.directory.clock().now_s();
            let item = self.inner.store.queue().item(id)?;
            let due = item.due;
            let left = self.told_first(item, now).map_err(Undone::from);
            let acted = left.and_then(|left| match left {
                Some((item, record)) => self.act_on(&item, record, act, by, now),
                None => Err(Error::NotFound.into()),
            });
            let done = match acted {
                // It cannot be read, or nobody can be told of it any more.
                Err(Undone::Storage(error @ (Error::Corrupt(_) | Error::Damaged(_)))) => {
                    self.act_blindly(id, act, by, error, now)
                }
                done => done,
            };
            if done.is_err() {
                // Its parts may have left their lanes.
                let _ = self.inner.store.queue().put_off(id, now.max(due));
            }
            done?
        };
        self.wake();
        Ok(done)
    }

    fn act_on(
        &self,
        item: &QueueItem,
        mut record: Record,
        act: &Act,
        by: Option<&Access>,
        now: i64,
    ) -> Result<bool, Undone> {
        if !self.would(item, &record, act, now)? {
            return Ok(false);
        }
        let id = item.id;
        let entry = self.entry(id, act, &record)?;
        let mut told = events(&record, now, [act.told(by)])?;
        self.schedule().withdraw(id, now);
        let mut due = now.min(item.due);
        match act {
            // What has ended is told all the same.
            Act::Hold if record.has_ended() => (record.held, due) = (Some(now), now),
            Act::Hold => (record.held, due) = (Some(now), HELD),
            Act::Release => {
                let since = record.held.take().unwrap_or(now);
                record.held_s = record
                    .held_s
                    .saturating_add(now.saturating_sub(since).max(0));
                due = now;
            }
            Act::Retry => self.call_for(&mut record, now),
            Act::Reroute(to) => {
                record.detour.clone_from(to);
                let elsewhere = |state: &RecipientState| *state == RecipientState::Remote;
                // RFC 4865: another way is no other time.
                let waits = record.began() > now;
                let rows = record.rows.iter_mut().filter(|row| elsewhere(&row.state));
                rows.filter(|_| !waits).for_each(|row| row.next = 0);
                let held = record.held.is_some() && !record.has_ended();
                due = if held { HELD } else { now };
            }
            Act::Delete => {
                let placed = self.give_up(&mut record, item.blob)?;
                told.append(&mut events(&record, now, placed)?);
                (record.held, due) = (None, now);
            }
        }
        tracing::info!(queue = id.raw(), trace = %record.trace, act = act.name(), "an administrator's act");
        let payload = encode_small(&mut record)?;
        let queue = self.inner.store.queue();
        let update = |mut rows: Vec<RowChange>| {
            rows.append(&mut told);
            queue.update_with(id, due, payload, rows)
        };
        let directory = &self.inner.directory;
        directory.reroute_with(by, entry, update)?;
        if *act == Act::Delete {
            self.tell_ended(id, record, item.blob, now)?;
        }
        Ok(true)
    }

    /// Whether there is something to do. Errors: as `act`.
    fn would(&self, item: &QueueItem, record: &Record, act: &Act, now: i64) -> Result<bool, Error> {
        if *act == Act::Retry && record.held.is_some() {
            return Err(Error::Conflict);
        }
        if !act.changes(record.held.is_some(), record.detour.as_ref()) {
            return Ok(false);
        }
        // RFC 4865: trouble on the way is no other time.
        if *act == Act::Retry && waits_until(record, now).is_some() {
            return Ok(false);
        }
        if *act == Act::Delete && self.schedule().under_way(item.id) {
            return Err(Error::Conflict);
        }
        if let Act::Reroute(Some(to)) = act
            && (self.inner.outward.is_none() || !to.is_possible())
        {
            return Err(Error::Invalid("a way for mail"));
        }
        if *act == Act::Delete && record.has_ended() {
            // What ended must be told alone.
            return Err(Error::Unavailable("its sender cannot be told now".into()));
        }
        Ok(true)
    }

    /// What `act` would do, told as the audit log would tell it; nothing is done, and no next hop is called.
    fn act_on_trial(&self, id: QueueId, act: &Act, by: Option<&Access>) -> Result<bool, Undone> {
        let now = self.inner.directory.clock().now_s();
        let item = self.inner.store.queue().item(id)?;
        let entry = match Record::decode(&item.payload) {
            // It waits for nothing but being told.
            Ok(record) if record.has_ended() => return Err(Error::NotFound.into()),
            Ok(record) if !self.would(&item, &record, act, now)? => return Ok(false),
            Ok(record) => self.entry(id, act, &record)?,
            Err(error) if matches!(act, Act::Retry | Act::Delete) => {
                unread(id, act, unreadable(&error))
            }
            Err(error) => return Err(error.into()),
        };
        match self.inner.directory.reroute_with(by, entry, |_| Ok(())) {
            Err(Undone::Tried) | Ok(()) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// What the audit log tells of it, and whose letter another host gets by it.
    fn entry(&self, id: QueueId, act: &Act, record: &Record) -> Result<Rerouted, Error> {
        let detail = act.detail(record);
        Ok(match act {
            Act::Reroute(Some(host)) => Rerouted {
                owners: self.owners(record)?,
                // With what is asked of TLS: leave to encrypt is no leave to send it open.
                to: host.to_string(),
                ..unread(id, act, detail)
            },
            _ => unread(id, act, detail),
        })
    }

    /// Whose letter it is as far as it goes elsewhere: who sent it, in whose name, and to whom it was written whose mail
    /// goes on. As it was when it was accepted: who was given one of its addresses since has nothing of it. Only where
    /// nothing is kept of that, the address says who.
    fn owners(&self, record: &Record) -> Result<BTreeSet<AccountId>, Error> {
        let directory = &self.inner.directory;
        let here = |address: &Address| directory.account_at(address).ok().map(|found| found.id);
        let elsewhere = |row: &&Row| row.state == RecipientState::Remote;
        let mut leaving = record.rows.iter().filter(elsewhere).peekable();
        if leaving.peek().is_none() {
            return Ok(BTreeSet::new());
        }
        let mut owners: BTreeSet<AccountId> = record.submitter.into_iter().collect();
        owners.extend(record.envelope.from.address().and_then(|from| {
            let at = record.accepted_at;
            match record.submitter {
                Some(submitter) => directory.sent_for(submitter, from, at),
                None => here(from),
            }
        }));
        let beyond = self.head(&record.trace, record.accepted_at)?;
        let beyond = beyond.map(|head| head.beyond).unwrap_or_default();
        let mut unknown: BTreeSet<&Address> = BTreeSet::new();
        for row in leaving {
            let Some(to) = row.address.as_ref() else {
                continue;
            };
            let given = record.envelope.recipients.get(row.recipient as usize);
            let Some(given) = given.filter(|given| given.address != *to) else {
                continue;
            };
            let led = beyond.led_by(row.recipient, to);
            // A list has no mail of its own, and its number is not kept.
            if led.is_empty() || beyond.lists.contains(&row.recipient) {
                unknown.insert(&given.address);
            }
            owners.extend(led);
        }
        owners.extend(unknown.into_iter().filter_map(here));
        Ok(owners)
    }

    /// Nobody more gets it. What is told of those who had it already.
    fn give_up(&self, record: &mut Record, blob: BlobId) -> Result<Option<What>, Error> {
        // What is damaged is noticed before anything is done: nobody could be told.
        let content = self.inner.store.blob(blob)?;
        let placed = self.note_placed(record, blob, &content)?;
        for row in record.rows.iter_mut().filter(|row| row.pending()) {
            row.state = RecipientState::Done(Outcome::Failed(GIVEN_UP.into()));
        }
        tracing::info!(trace = %record.trace, "given up by an administrator");
        Ok(placed)
    }

    /// Who here has it although a crash left that unwritten: it is not given up for them.
    fn note_placed(
        &self,
        record: &mut Record,
        blob: BlobId,
        content: &[u8],
    ) -> Result<Option<What>, Error> {
        let (summary, delivery) = (summarize(content), record.delivery);
        let mut placed = Vec::new();
        for row in &mut record.rows {
            if let RecipientState::Local(account) = row.state
                && self.was_placed(account, delivery, blob, &summary)?
            {
                let how = format!("2.0.0 placed in account {account}");
                row.state = RecipientState::Done(Outcome::Relayed(how));
                row.success = Some(Action::Delivered);
                placed.push(account);
            }
        }
        Ok((!placed.is_empty()).then_some(What::Placed(placed)))
    }

    /// Calls for an item at once, and for its next hops, however they rest.
    fn call_for(&self, record: &mut Record, now: i64) {
        record.rows.iter_mut().for_each(|row| row.next = ASKED);
        for row in &record.rows {
            if let Some(via) = self.way(record, record.address(row)) {
                self.schedule().resume(&via.hop(), now);
            }
        }
    }

    /// The same for what cannot be read.
    fn act_blindly(
        &self,
        id: QueueId,
        act: &Act,
        by: Option<&Access>,
        error: Error,
        now: i64,
    ) -> Result<bool, Undone> {
        let queue = self.inner.store.queue();
        match act {
            Act::Retry => queue.put_off(id, now)?,
            Act::Delete => {
                let entry = unread(id, act, unreadable(&error));
                let remove = |rows| queue.remove_with(id, rows);
                self.inner.directory.reroute_with(by, entry, remove)?;
                self.inner.spoilt.forget(id);
                tracing::warn!(
                    queue = id.raw(),
                    "discarded by an administrator: it cannot be read"
                );
            }
            Act::Hold | Act::Release | Act::Reroute(_) => return Err(error.into()),
        }
        Ok(true)
    }
}
