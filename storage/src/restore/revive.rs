//! What restoring asks of a writer that nobody else does: messages with the thread, dates and
//! Uids that they had, and a whole tree of mailboxes changed at once.

use crate::history::Came;
use crate::record::{MailboxRecord, Row};
use crate::thread::THREAD_MESSAGES_MAX;
use crate::{EmailId, Error, MailboxId, Placed, Role, Uid, Writer, key};
use std::collections::BTreeSet;

/// Names that are tried for a mailbox whose own is taken.
const NAMES_MAX: usize = 10_000;
/// Octets of a name that is made longer.
const NAME_OCTETS_MAX: usize = 240;

impl Writer {
    /// Makes a message of one as it was: the same content, keywords, dates and, while it has
    /// room, thread. An id is never given again (I-07), so it gets a new one.
    pub(crate) fn revive(
        &mut self,
        row: Row,
        copy: bool,
        place: (MailboxId, Option<Uid>),
    ) -> Result<Placed, Error> {
        let (from, thread) = (row.state.email, row.state.thread);
        let summary = key::summary(self.account, from);
        let summary = self.store.inner.shared.index.get(&summary)?;
        let summary = summary.ok_or(Error::NotFound)?;
        let mut row = row;
        row.state.mailboxes.clear();
        (row.state.modseq, row.state.created) = (self.modseq, self.modseq);
        let held = self.cell().members(thread, &self.before).len();
        let grown = self.batch.grown.get(&thread).copied().unwrap_or(0);
        let thread = (held + grown < THREAD_MESSAGES_MAX).then_some(thread);
        self.skip_to(place)?;
        let placed = self.create(row, thread, summary, &[place.0])?;
        let new = placed.email;
        self.batch.came.push(Came { new, from, copy });
        Ok(placed)
    }

    /// The next Uid of the mailbox will be this one, unless it was given already (I-03).
    pub(crate) fn skip_to(
        &mut self,
        (mailbox, uid): (MailboxId, Option<Uid>),
    ) -> Result<(), Error> {
        let next = self.record(mailbox).ok_or(Error::NotFound)?.uid_next;
        if let Some(uid) = uid.filter(|uid| *uid > next) {
            self.record_mut(mailbox)?.uid_next = uid;
        }
        Ok(())
    }

    /// Puts a message into one more mailbox; true when it was not there yet.
    pub(crate) fn join(
        &mut self,
        email: EmailId,
        place: (MailboxId, Option<Uid>),
    ) -> Result<bool, Error> {
        if self.state(email)?.uid(place.0).is_some() {
            return Ok(false);
        }
        self.skip_to(place)?;
        let uid = self.enter(place.0, email)?;
        let places = &mut self.row_mut(email)?.state.mailboxes;
        places.push((place.0, uid));
        places.sort_unstable();
        Ok(true)
    }

    /// Takes a message out of the mailboxes that `stays` does not name, unless it would be in none;
    /// true when that changed anything.
    pub(crate) fn keep_only(
        &mut self,
        email: EmailId,
        stays: &dyn Fn(MailboxId) -> bool,
    ) -> Result<bool, Error> {
        let places = self.state(email)?.mailboxes;
        let kept: Vec<_> = places.iter().filter(|(m, _)| stays(*m)).copied().collect();
        if kept.is_empty() || kept.len() == places.len() {
            return Ok(false);
        }
        self.row_mut(email)?.state.mailboxes = kept;
        Ok(true)
    }

    /// The mailbox of this name below a parent.
    pub(crate) fn child(&self, parent: Option<MailboxId>, name: &str) -> Option<MailboxId> {
        let tree = self.tree();
        let found = tree
            .iter()
            .find(|(_, m)| m.parent == parent && m.name == name);
        found.map(|(id, _)| *id)
    }

    /// Whether no mailbox has this role.
    pub(crate) fn role_is_free(&self, role: Role) -> bool {
        self.tree().values().all(|m| m.role != Some(role))
    }

    /// Gives a mailbox its place in the tree, which may be against the rules until all have theirs.
    pub(crate) fn set_record(
        &mut self,
        id: MailboxId,
        wanted: &MailboxRecord,
    ) -> Result<(), Error> {
        let modseq = self.modseq;
        let record = self.record(id).ok_or(Error::NotFound)?;
        let after = MailboxRecord {
            parent: wanted.parent,
            name: wanted.name.clone(),
            role: wanted.role,
            subscribed: wanted.subscribed,
            sort_order: wanted.sort_order,
            ..record.clone()
        };
        if after != *record {
            let record = self.record_mut(id)?;
            *record = after;
            record.modseq = modseq;
        }
        Ok(())
    }
}

/// A name like this one that is not taken.
pub(super) fn free_name(name: &str, taken: &dyn Fn(&str) -> bool) -> Result<String, Error> {
    if !taken(name) {
        return Ok(name.to_owned());
    }
    let mut end = name.len().min(NAME_OCTETS_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    let mut names = (2..NAMES_MAX).map(|n| format!("{} ({n})", &name[..end]));
    names.find(|n| !taken(n)).ok_or(Error::Exists)
}

/// Those of `ids` that are reached from the root first, parents before children.
pub(super) fn parents_first(
    records: &std::collections::BTreeMap<MailboxId, MailboxRecord>,
) -> Vec<MailboxId> {
    let mut order = Vec::with_capacity(records.len());
    let mut placed = BTreeSet::new();
    // Each round places a level; the tree has no loops.
    while order.len() < records.len() {
        let before = order.len();
        for (id, record) in records {
            let rooted = record
                .parent
                .is_none_or(|p| placed.contains(&p) || !records.contains_key(&p));
            if rooted && !placed.contains(id) {
                order.push(*id);
            }
        }
        placed.extend(order[before..].iter().copied());
        if order.len() == before {
            break;
        }
    }
    order
}
