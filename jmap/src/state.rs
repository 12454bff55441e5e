//! RFC 8620 §5.2: states and `/changes`, from the account's one change log (idea 4).

use crate::error::MethodError;
use crate::limit;
use crate::sight::Sight;
use std::collections::BTreeMap;
use storage::{Change, Changes, EmailId, ModSeq, ThreadId};

/// The account's state as text.
pub(crate) fn current(mail: &Sight) -> Result<String, MethodError> {
    Ok(mail.state_at(mail.modseq()?))
}

/// A state that this server gave out, under the rights that hold now; anything else cannot be calculated from.
pub(crate) fn parse(mail: &Sight, text: &str) -> Result<ModSeq, MethodError> {
    let text = mail.number_of(text).unwrap_or_default();
    let canonical =
        !text.is_empty() && !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    let raw = canonical.then(|| text.parse().ok()).flatten();
    raw.and_then(ModSeq::new)
        .ok_or(MethodError::CannotCalculateChanges)
}

/// Which records are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Mailbox,
    Email,
    Thread,
}

/// What happened to one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Created,
    Updated,
    /// A thread that came with a message which is not its first: it was there, or the messages
    /// that it had were removed and one of them was put back.
    Grown,
    /// Only a mailbox's counts.
    Counted,
    Destroyed,
}

/// The answer to `/changes`, ids as raw numbers.
#[derive(Debug, Default)]
pub(crate) struct Delta {
    pub(crate) created: Vec<u64>,
    pub(crate) updated: Vec<u64>,
    pub(crate) destroyed: Vec<u64>,
    pub(crate) until: String,
    pub(crate) more: bool,
    /// Nothing but counts of mailboxes changed.
    pub(crate) counts_only: bool,
}

/// The log after `since`. A log that no longer reaches back, or a state of the future, cannot be answered.
pub(crate) fn log(mail: &Sight, since: ModSeq) -> Result<Changes, MethodError> {
    if since > mail.modseq()? {
        return Err(MethodError::CannotCalculateChanges);
    }
    match mail.changes(since, limit::CHANGE_LOG_MAX) {
        Ok(changes) => Ok(changes),
        Err(storage::Error::NotFound) => Err(MethodError::CannotCalculateChanges),
        Err(other) => Err(other.into()),
    }
}

/// What changed of a kind since a state, at most `max` ids, cut at a commit's border.
pub(crate) fn delta(
    mail: &Sight,
    since: ModSeq,
    max: usize,
    kind: Kind,
) -> Result<Delta, MethodError> {
    let Changes {
        list,
        mut until,
        mut more,
    } = log(mail, since)?;
    let mut records: BTreeMap<u64, Vec<Event>> = BTreeMap::new();
    let mut rest = list.as_slice();
    let mut reached = since;
    while let Some(&(at, _)) = rest.first() {
        let (commit, later) = rest.split_at(rest.partition_point(|(m, _)| *m == at));
        let mut events = Vec::new();
        for (_, change) in commit {
            events.extend(event(mail, change, kind)?);
        }
        let mut new: Vec<u64> = events.iter().map(|(id, _)| *id).collect();
        new.retain(|id| !records.contains_key(id));
        new.sort_unstable();
        new.dedup();
        if records.len() + new.len() > max {
            // One commit alone may be more than the client takes: no intermediate state exists.
            if records.is_empty() {
                return Err(MethodError::CannotCalculateChanges);
            }
            until = reached;
            more = true;
            break;
        }
        for (id, event) in events {
            records.entry(id).or_default().push(event);
        }
        reached = at;
        rest = later;
    }
    let mut delta = Delta {
        until: mail.state_at(until),
        more,
        counts_only: true,
        ..Delta::default()
    };
    for (id, events) in records {
        fold(mail, (kind, since), id, &events, &mut delta)?;
    }
    delta.counts_only &= delta.created.is_empty() && delta.destroyed.is_empty();
    Ok(delta)
}

/// RFC 8620 §5.2: one list for each id; created and destroyed again is nothing.
fn fold(
    mail: &Sight,
    (kind, since): (Kind, ModSeq),
    id: u64,
    events: &[Event],
    delta: &mut Delta,
) -> Result<(), MethodError> {
    let grown = events.iter().all(|e| *e == Event::Grown);
    let created = events.contains(&Event::Created) || (grown && is_new(mail, id, since)?);
    let gone = match kind {
        Kind::Mailbox => events.contains(&Event::Destroyed),
        Kind::Email => {
            let hidden = match EmailId::new(id) {
                Some(email) => hidden(mail, email)?,
                None => true,
            };
            events.contains(&Event::Destroyed) || hidden
        }
        Kind::Thread => is_empty(mail, id)?,
    };
    match (created, gone) {
        (true, true) => {}
        (true, false) => delta.created.push(id),
        (false, true) => delta.destroyed.push(id),
        (false, false) => {
            delta.counts_only &= events.iter().all(|e| *e == Event::Counted);
            delta.updated.push(id);
        }
    }
    Ok(())
}

/// RFC 8621 §4.1.1: what carries `$deleted` is not visible, so it is gone.
pub(crate) fn hidden(mail: &Sight, email: EmailId) -> Result<bool, MethodError> {
    match mail.state(email) {
        Ok(state) => Ok(state.has(crate::mail::DELETED)),
        // Gone later than this part of the log: that part says so itself.
        Err(storage::Error::NotFound | storage::Error::Expunged) => Ok(false),
        Err(other) => Err(other.into()),
    }
}

fn is_empty(mail: &Sight, id: u64) -> Result<bool, MethodError> {
    match ThreadId::new(id) {
        Some(thread) => Ok(crate::mail::thread::emails(mail, thread)?.is_empty()),
        None => Ok(true),
    }
}

/// Whether all that a thread holds came after a state.
fn is_new(mail: &Sight, id: u64, since: ModSeq) -> Result<bool, MethodError> {
    let Some(thread) = ThreadId::new(id) else {
        return Ok(false);
    };
    for email in crate::mail::thread::emails(mail, thread)? {
        match mail.state(email) {
            Ok(state) if state.created <= since => return Ok(false),
            Ok(_) | Err(storage::Error::NotFound | storage::Error::Expunged) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Ok(true)
}

/// What a change is to records of a kind.
fn event(mail: &Sight, change: &Change, kind: Kind) -> Result<Option<(u64, Event)>, MethodError> {
    use Change as C;
    Ok(match (kind, change) {
        (Kind::Mailbox, C::MailboxCreated(id)) => Some((id.raw().into(), Event::Created)),
        (Kind::Mailbox, C::MailboxChanged(id)) => Some((id.raw().into(), Event::Updated)),
        (Kind::Mailbox, C::MailboxCounts(id)) => Some((id.raw().into(), Event::Counted)),
        (Kind::Mailbox, C::MailboxRemoved(id)) => Some((id.raw().into(), Event::Destroyed)),
        (Kind::Email, C::EmailCreated { email, .. }) => Some((email.raw(), Event::Created)),
        (Kind::Email, C::EmailChanged { email, .. }) => Some((email.raw(), Event::Updated)),
        (Kind::Email, C::EmailRemoved { email, .. }) => Some((email.raw(), Event::Destroyed)),
        // A thread bears the number of its first message; a later one only lengthens it.
        (Kind::Thread, C::EmailCreated { email, thread }) => {
            let first = email.raw() == thread.raw();
            let event = if first { Event::Created } else { Event::Grown };
            Some((thread.raw(), event))
        }
        (Kind::Thread, C::EmailRemoved { thread, .. }) => Some((thread.raw(), Event::Updated)),
        // Keywords leave a thread as it is, but for the one that takes the message out of sight.
        (Kind::Thread, C::EmailChanged { email, thread }) if hidden(mail, *email)? => {
            Some((thread.raw(), Event::Updated))
        }
        _ => None,
    })
}
