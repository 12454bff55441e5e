//! Undelete: what was removed from an account and can still be put back, and putting it back.
//!
//! The change log tells what was removed and what it was; summary and content stay as long as the
//! log does. A message that is put back gets a new EmailId and new Uids: neither is ever given
//! twice (I-03, I-07), and a client that was told that the old one is gone stays right. Keywords
//! (but `$deleted`), dates and thread are as they were.

use crate::history::{self, Before, Came};
use crate::hot::Hot;
use crate::record::{MailboxRecord, StateRecord};
use crate::*;
use formats::message::Summary;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Removed messages on one page.
const PAGE_MAX: usize = 1_000;
/// Messages that one call puts back.
const BACK_MAX: usize = 100_000;
/// Messages that one commit puts back.
const BATCH: usize = 500;
/// Commits that are read at one time, newest first.
const STRIDE: u64 = 512;
/// The keyword of what is to be removed.
const DELETED: &str = "$deleted";
/// Levels of the tree that a path is followed through.
const DEPTH_MAX: usize = 32;

/// Which removed messages are asked for.
#[derive(Debug, Clone, Default)]
pub struct RemovedQuery {
    /// Only those that were in this mailbox when they were removed.
    pub mailbox: Option<MailboxId>,
    /// Removed at this time or later, Unix seconds.
    pub from: Option<i64>,
    /// Removed before this time, Unix seconds.
    pub to: Option<i64>,
    /// Those that come after this one in the list: its commit and its id.
    pub after: Option<(ModSeq, EmailId)>,
    /// At most so many; 1,000 at most.
    pub max: usize,
}

/// A mailbox in which a removed message was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its id.
    pub mailbox: MailboxId,
    /// The Uid that it had there.
    pub uid: Uid,
    /// Names from the root down; of a mailbox that is there, as they are today.
    pub path: Vec<String>,
    /// Whether the mailbox is there.
    pub exists: bool,
}

/// A message that was removed and can be put back.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Removed {
    pub email: EmailId,
    pub thread: ThreadId,
    pub blob: BlobId,
    /// Octets.
    pub size: u64,
    /// Unix seconds.
    pub received_at: i64,
    pub keywords: Vec<Keyword>,
    pub places: Vec<Place>,
    /// When it was removed, Unix seconds, and the commit that did.
    pub removed_at: i64,
    pub modseq: ModSeq,
    /// The message that was made of it again and is there.
    pub back: Option<EmailId>,
    pub summary: Summary,
}

/// Removed messages, newest first.
#[derive(Debug, Clone, Default)]
pub struct RemovedPage {
    /// Those asked for.
    pub list: Vec<Removed>,
    /// Whether more follow.
    pub more: bool,
}

/// A removed message, and where it is now or why it is not.
pub type PutBack = (EmailId, Result<Placed, Error>);

/// What the log, read backwards, tells besides the messages.
#[derive(Default)]
struct Past {
    /// Removed mailboxes, as they were last.
    boxes: HashMap<MailboxId, MailboxRecord>,
    /// Of what was put back, the messages made of it; the newest first.
    back: HashMap<EmailId, Vec<EmailId>>,
}

/// One removal met in the log.
struct Met<'a> {
    modseq: ModSeq,
    time: i64,
    email: EmailId,
    record: &'a StateRecord,
    past: &'a Past,
}

impl AccountStore {
    /// What was removed, newest first (by commit, then by EmailId).
    pub fn removed(&self, query: &RemovedQuery) -> Result<RemovedPage, Error> {
        let max = query.max.min(PAGE_MAX);
        let hot = self.hot()?;
        let mut page = RemovedPage::default();
        self.backwards(&mut |met| {
            let here = (met.modseq, met.email);
            let inside = query.from.is_none_or(|t| met.time >= t)
                && query.to.is_none_or(|t| met.time < t)
                && query.after.is_none_or(|after| here < after);
            let at = |m: MailboxId| met.record.mailboxes.iter().any(|(place, _)| *place == m);
            if !inside || !query.mailbox.is_none_or(at) {
                return Ok(true);
            }
            if page.list.len() >= max {
                page.more = true;
                return Ok(false);
            }
            page.list.extend(self.tell(&hot, &met)?);
            Ok(true)
        })?;
        Ok(page)
    }

    /// `None` when it was trimmed just now.
    fn tell(&self, hot: &Hot, met: &Met<'_>) -> Result<Option<Removed>, Error> {
        let summary = match self.kept_summary(met.email) {
            Err(Error::NotFound) => return Ok(None),
            summary => summary?,
        };
        let state = met.record.clone().into_row(met.email).state;
        let place = |(mailbox, uid): &(MailboxId, Uid)| Place {
            mailbox: *mailbox,
            uid: *uid,
            path: path(*mailbox, hot, met.past)
                .iter()
                .map(|r| r.name.clone())
                .collect(),
            exists: hot.boxes.contains_key(mailbox),
        };
        let back = met.past.back.get(&met.email).into_iter().flatten();
        Ok(Some(Removed {
            email: met.email,
            thread: state.thread,
            blob: state.blob,
            size: state.size,
            received_at: state.received_at,
            places: state.mailboxes.iter().map(place).collect(),
            keywords: state.keywords,
            removed_at: met.time,
            modseq: met.modseq,
            back: back.copied().find(|e| hot.weighed(*e).is_some()),
            summary,
        }))
    }

    /// Visits every removal that the log tells, the newest first, until `each` returns false.
    /// Returns what else was met.
    fn backwards(
        &self,
        each: &mut dyn FnMut(Met<'_>) -> Result<bool, Error>,
    ) -> Result<Past, Error> {
        let mut past = Past::default();
        let mut top = self.modseq()?.raw();
        while top > 0 {
            let bottom = top.saturating_sub(STRIDE - 1).max(1);
            let values = self.log_values(bottom, top)?;
            for (modseq, value) in values.iter().rev() {
                let entry = history::read(value)?;
                let tells = |c: &Change| {
                    use Change as C;
                    matches!(
                        c,
                        C::EmailRemoved { .. } | C::EmailCreated { .. } | C::MailboxRemoved(_)
                    )
                };
                if !entry.changes.iter().any(tells) {
                    continue;
                }
                let Some(undone) = entry.undone()? else {
                    return Ok(past); // nothing older can be put back
                };
                for Came { new, from, copy } in undone.came {
                    if !copy {
                        // What was made of it may have been removed and put back in turn.
                        let further = past.back.get(&new).cloned().unwrap_or_default();
                        let back = past.back.entry(from).or_default();
                        back.push(new);
                        back.extend(further);
                    }
                }
                let live = |id: &MailboxId| entry.changes.contains(&Change::MailboxRemoved(*id));
                for (id, before) in undone.boxes {
                    if let (true, history::BoxBefore::Whole(record)) = (live(&id), before) {
                        past.boxes.insert(id, *record);
                    }
                }
                for (email, before) in undone.rows.iter().rev() {
                    let Before::Whole(record) = before else {
                        continue;
                    };
                    let (modseq, time) = (*modseq, entry.time);
                    let (email, past_now) = (*email, &past);
                    let met = Met {
                        modseq,
                        time,
                        email,
                        record,
                        past: past_now,
                    };
                    if !each(met)? {
                        return Ok(past);
                    }
                }
            }
            if values.is_empty() {
                break;
            }
            top = bottom - 1;
        }
        Ok(past)
    }

    /// The log from one commit to another, oldest first.
    fn log_values(&self, from: u64, to: u64) -> Result<Vec<(ModSeq, Vec<u8>)>, Error> {
        let mut values = Vec::new();
        let Some(from) = ModSeq::new(from) else {
            return Ok(values);
        };
        let (prefix, from) = (key::kind(self.id(), key::LOG), key::log(self.id(), from));
        self.index().scan(&prefix, &from, &mut |key, value| {
            let modseq = key::number_of(key).and_then(ModSeq::new);
            let Some(modseq) = modseq.filter(|m| m.raw() <= to) else {
                return Ok(false);
            };
            values.push((modseq, value.to_vec()));
            Ok(true)
        })?;
        Ok(values)
    }

    /// Puts removed messages back: into `into`, or into the mailboxes in which they were, which are
    /// made again when they are gone. Each answer tells where the message is now; one that was put
    /// back before and is still there stays as it is (`already`). Durable; some 500 in each commit,
    /// so a call that fails may be made again.
    /// Errors of one message: `NotFound` (never removed, or too long ago; or no such mailbox), `TooLarge`.
    /// Errors: `OverQuota`, `TooLarge` (more than 100,000 at once), `Unavailable`.
    pub fn undelete(
        &self,
        emails: &[EmailId],
        into: Option<MailboxId>,
    ) -> Result<Vec<PutBack>, Error> {
        if emails.len() > BACK_MAX {
            return Err(Error::TooLarge("messages to put back"));
        }
        let mut answers = Vec::with_capacity(emails.len());
        for batch in emails.chunks(BATCH) {
            // What is read of the log cannot change: this account's one writer is here.
            let mut writer = self.write()?;
            let found = self.find_removed(batch)?;
            let mut made: BTreeMap<MailboxId, MailboxId> = BTreeMap::new();
            let mut seen = HashMap::new();
            for email in batch {
                let placed = match (seen.get(email), found.messages.get(email)) {
                    (Some(placed), _) => Ok(Placed {
                        already: true,
                        ..Placed::clone(placed)
                    }),
                    (None, None) => Err(Error::NotFound),
                    (None, Some(record)) => {
                        put_back(&mut writer, *email, record, into, &found.past, &mut made)
                    }
                };
                if let Ok(placed) = &placed {
                    seen.insert(*email, placed.clone());
                }
                answers.push((*email, placed));
            }
            writer.commit()?;
        }
        Ok(answers)
    }

    fn find_removed(&self, emails: &[EmailId]) -> Result<Found, Error> {
        let wanted: HashSet<EmailId> = emails.iter().copied().collect();
        let mut messages = HashMap::new();
        let past = self.backwards(&mut |met| {
            if wanted.contains(&met.email) {
                messages.insert(met.email, met.record.clone());
            }
            Ok(messages.len() < wanted.len())
        })?;
        Ok(Found { messages, past })
    }
}

/// Removed messages that shall come back.
struct Found {
    messages: HashMap<EmailId, StateRecord>,
    past: Past,
}

fn put_back(
    writer: &mut Writer,
    email: EmailId,
    record: &StateRecord,
    into: Option<MailboxId>,
    past: &Past,
    made: &mut BTreeMap<MailboxId, MailboxId>,
) -> Result<Placed, Error> {
    let back = past.back.get(&email).into_iter().flatten();
    for new in back {
        if let Ok(state) = writer.state(*new) {
            return Ok(Placed {
                email: *new,
                thread: state.thread,
                uids: state.mailboxes,
                already: true,
            });
        }
    }
    let mut homes = BTreeSet::new();
    match into {
        Some(mailbox) => drop(homes.insert(mailbox)),
        None => {
            for (mailbox, _) in &record.mailboxes {
                homes.insert(home(writer, *mailbox, past, made)?);
            }
        }
    }
    let mut placed = None;
    for mailbox in homes {
        match &mut placed {
            None => {
                let mut row = record.clone().into_row(email);
                // Else the next one who tidies up the mailbox removes it again.
                row.state.keywords.retain(|k| k.as_str() != DELETED);
                placed = Some(writer.revive(row, false, (mailbox, None))?);
            }
            Some(placed) => {
                let placed: &mut Placed = placed;
                writer.join(placed.email, (mailbox, None))?;
                placed.uids = writer.state(placed.email)?.mailboxes;
            }
        }
    }
    placed.ok_or(Error::NotFound)
}

/// The mailbox where it was, made again with its path when it is gone.
fn home(
    writer: &mut Writer,
    mailbox: MailboxId,
    past: &Past,
    made: &mut BTreeMap<MailboxId, MailboxId>,
) -> Result<MailboxId, Error> {
    if writer.record(mailbox).is_some() {
        return Ok(mailbox);
    }
    if let Some(again) = made.get(&mailbox) {
        return Ok(*again);
    }
    let before = writer.before.clone();
    let mut parent = None;
    for level in path(mailbox, &before, past) {
        parent = Some(match writer.child(parent, &level.name) {
            Some(found) => found,
            None => writer.create_mailbox(NewMailbox {
                parent,
                name: level.name.clone(),
                role: level.role.filter(|role| writer.role_is_free(*role)),
                subscribed: level.subscribed,
                sort_order: level.sort_order,
            })?,
        });
    }
    let again = parent.ok_or(Error::NotFound)?;
    made.insert(mailbox, again);
    Ok(again)
}

/// The mailboxes from the root down to this one; empty when nothing is known of it.
fn path<'a>(mailbox: MailboxId, hot: &'a Hot, past: &'a Past) -> Vec<&'a MailboxRecord> {
    let mut levels = Vec::new();
    let mut at = Some(mailbox);
    while let Some(id) = at.filter(|_| levels.len() < DEPTH_MAX) {
        let live = hot.boxes.get(&id).map(|b| &b.record);
        let Some(record) = live.or_else(|| past.boxes.get(&id)) else {
            break;
        };
        levels.push(record);
        at = record.parent;
    }
    levels.reverse();
    levels
}
