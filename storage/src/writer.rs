//! Writer: gathers one atomic batch over an account's state (idea 5).

use crate::cell::{Cell, Turn};
use crate::count;
use crate::history::Came;
use crate::hot::{self, Hot};
use crate::index::Op;
use crate::record::{self, Delivered, MailboxRecord, Row};
use crate::tree::{self, Tree};
use crate::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Keywords of one message.
const KEYWORDS_MAX: usize = 256;
/// Summaries read ahead at most.
const AHEAD_MAX: usize = 256;

/// Gathers one atomic batch. Reads through it see its own changes. Dropped without `commit`: nothing happened.
pub struct Writer {
    pub(crate) store: Store,
    pub(crate) account: AccountId,
    pub(crate) turn: Turn,
    /// The state before the batch. Given back before the commit, so that it is changed in place.
    pub(crate) before: Arc<Hot>,
    pub(crate) modseq: ModSeq,
    pub(crate) batch: Batch,
    pub(crate) octets_max: Option<u64>,
    /// Summaries read ahead: whoever copies many does it in their order. And how many the last time.
    ahead: (BTreeMap<EmailId, Vec<u8>>, usize),
}

/// What a batch holds so far.
pub(crate) struct Batch {
    pub next_email: EmailId,
    pub next_mailbox: MailboxId,
    pub boxes: BTreeMap<MailboxId, Option<MailboxRecord>>,
    /// `None` for a message that is gone.
    pub rows: BTreeMap<EmailId, Option<Row>>,
    /// Threads of the messages that came with this batch, by their hashes; and how many came.
    pub threads: HashMap<u64, ThreadId>,
    pub grown: HashMap<ThreadId, usize>,
    /// Uids given by this batch.
    pub entered: BTreeMap<(MailboxId, Uid), EmailId>,
    pub summaries: BTreeMap<EmailId, Vec<u8>>,
    pub deliveries: BTreeMap<u64, Delivered>,
    /// Content named by new messages.
    pub blobs: BTreeSet<BlobId>,
    /// Messages made of others as they were.
    pub came: Vec<Came>,
    /// Further keys of the account that change with this batch.
    pub notes: Vec<Op>,
}

impl Writer {
    pub(crate) fn begin(store: &Store, account: AccountId) -> Result<Self, Error> {
        let inner = &store.inner;
        let (cell, _) = inner.cells.open(account, &inner.shared.index)?;
        let turn = cell.turn();
        // While this writer waited, another one may have committed.
        let (_, before) = inner.cells.open(account, &inner.shared.index)?;
        let meta = before.meta;
        let batch = Batch {
            next_email: meta.next_email,
            next_mailbox: meta.next_mailbox,
            boxes: BTreeMap::new(),
            rows: BTreeMap::new(),
            threads: HashMap::new(),
            grown: HashMap::new(),
            entered: BTreeMap::new(),
            summaries: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            blobs: BTreeSet::new(),
            came: Vec::new(),
            notes: Vec::new(),
        };
        let modseq = meta
            .modseq
            .next()
            .ok_or(Error::TooLarge("number of commits"))?;
        let store = store.clone();
        Ok(Self {
            store,
            account,
            turn,
            before,
            modseq,
            batch,
            octets_max: None,
            ahead: (BTreeMap::new(), 0),
        })
    }

    pub(crate) fn cell(&self) -> &Arc<Cell> {
        &self.turn.cell
    }

    /// Rows of tables that are committed with the batch. Errors: `Invalid`, `TooLarge`.
    pub fn with_rows(&mut self, rows: Vec<RowChange>) -> Result<(), Error> {
        self.batch.notes.append(&mut table::ops(rows)?);
        Ok(())
    }

    /// Refuses with `OverQuota` at commit when the account would hold more octets, besides the
    /// limits that [`Quotas`] knows.
    pub fn quota(&mut self, octets_max: Option<u64>) {
        self.octets_max = octets_max;
    }

    pub(crate) fn record(&self, id: MailboxId) -> Option<&MailboxRecord> {
        match self.batch.boxes.get(&id) {
            Some(changed) => changed.as_ref(),
            None => self.before.boxes.get(&id).map(|b| &b.record),
        }
    }

    pub(crate) fn record_mut(&mut self, id: MailboxId) -> Result<&mut MailboxRecord, Error> {
        let before = || self.before.boxes.get(&id).map(|b| b.record.clone());
        self.batch
            .boxes
            .entry(id)
            .or_insert_with(before)
            .as_mut()
            .ok_or(Error::NotFound)
    }

    pub(crate) fn tree(&self) -> Tree<'_> {
        let mut tree: Tree<'_> = self
            .before
            .boxes
            .iter()
            .map(|(i, b)| (*i, &b.record))
            .collect();
        for (id, changed) in &self.batch.boxes {
            match changed {
                Some(record) => tree.insert(*id, record),
                None => tree.remove(id),
            };
        }
        tree
    }

    /// Errors: `Exists` (same parent and name, case-sensitive; or the role is taken), `Invalid`, `NotFound` (parent), `TooLarge` (more than 5,000 mailboxes, deeper than 20).
    pub fn create_mailbox(&mut self, new: NewMailbox) -> Result<MailboxId, Error> {
        tree::check(&self.tree(), None, new.parent, &new.name, new.role)?;
        self.make_mailbox(new)
    }

    /// A new mailbox, in whatever place of the tree.
    pub(crate) fn make_mailbox(&mut self, new: NewMailbox) -> Result<MailboxId, Error> {
        let id = self.batch.next_mailbox;
        let used_up = Error::TooLarge("mailboxes ever made");
        self.batch.next_mailbox = id.next().ok_or(used_up.clone())?;
        let validity = self.store.inner.uid_validity_start.checked_add(id.raw());
        let record = MailboxRecord {
            parent: new.parent,
            name: new.name,
            role: new.role,
            subscribed: new.subscribed,
            sort_order: new.sort_order,
            uid_validity: validity.and_then(UidValidity::new).ok_or(used_up)?,
            uid_next: Uid::FIRST,
            modseq: self.modseq,
            highest_modseq: self.modseq,
        };
        self.batch.boxes.insert(id, Some(record));
        Ok(id)
    }

    /// Errors as `create_mailbox`; `Invalid` for a loop.
    pub fn change_mailbox(&mut self, id: MailboxId, change: MailboxChange) -> Result<(), Error> {
        let mut record = self.record(id).ok_or(Error::NotFound)?.clone();
        record.parent = change.parent.unwrap_or(record.parent);
        record.name = change.name.unwrap_or(record.name);
        record.role = change.role.unwrap_or(record.role);
        record.subscribed = change.subscribed.unwrap_or(record.subscribed);
        record.sort_order = change.sort_order.unwrap_or(record.sort_order);
        tree::check(
            &self.tree(),
            Some(id),
            record.parent,
            &record.name,
            record.role,
        )?;
        if self.record(id) != Some(&record) {
            record.modseq = self.modseq;
            self.batch.boxes.insert(id, Some(record));
        }
        Ok(())
    }

    /// Says that something changed which is shown with the mailbox and kept elsewhere. Errors: `NotFound`.
    pub fn touch_mailbox(&mut self, id: MailboxId) -> Result<(), Error> {
        let mut record = self.record(id).ok_or(Error::NotFound)?.clone();
        record.modseq = self.modseq;
        self.batch.boxes.insert(id, Some(record));
        Ok(())
    }

    /// Removes it and expunges its messages from it. Errors: `NotFound`, `Invalid` when it has children.
    pub fn remove_mailbox(&mut self, id: MailboxId) -> Result<(), Error> {
        self.record(id).ok_or(Error::NotFound)?;
        if tree::is_parent(&self.tree(), id) {
            return Err(Error::Invalid("a mailbox with children cannot be removed"));
        }
        let mut inside = self.before.emails(id);
        let entered = self
            .batch
            .entered
            .iter()
            .filter(|((mailbox, _), _)| *mailbox == id);
        inside.extend(entered.map(|(_, email)| *email));
        for email in inside {
            match self.expunge(email, id) {
                Ok(()) | Err(Error::NotFound | Error::Expunged) => {}
                Err(e) => return Err(e),
            }
        }
        self.batch.boxes.insert(id, None);
        Ok(())
    }

    /// The mailbox as this batch leaves it. Errors: `NotFound`.
    pub fn mailbox(&self, id: MailboxId) -> Result<Mailbox, Error> {
        let record = self.record(id).ok_or(Error::NotFound)?;
        let before = self
            .before
            .boxes
            .get(&id)
            .map(|b| b.counts)
            .unwrap_or_default();
        Ok(hot::show(id, record, self.moves().apply(id, before)))
    }

    /// All of them, as this batch leaves them.
    pub fn mailboxes(&self) -> Result<Vec<Mailbox>, Error> {
        let moves = self.moves();
        let before = |id| {
            self.before
                .boxes
                .get(&id)
                .map(|b| b.counts)
                .unwrap_or_default()
        };
        let show = |(id, record)| hot::show(id, record, moves.apply(id, before(id)));
        Ok(self.tree().into_iter().map(show).collect())
    }

    pub(crate) fn moves(&self) -> count::Moves {
        let rows = self.batch.rows.iter();
        let after = rows
            .map(|(e, r)| (*e, r.as_ref().map(|r| &r.state)))
            .collect();
        count::moves(&self.before, &after, &|thread| {
            self.cell().members(thread, &self.before)
        })
    }

    /// The state as this batch leaves it. Errors: `NotFound`, `Expunged` (by this batch).
    pub fn state(&self, email: EmailId) -> Result<State, Error> {
        match self.batch.rows.get(&email) {
            Some(changed) => changed
                .as_ref()
                .map(|r| r.state.clone())
                .ok_or(Error::Expunged),
            None => self.before.state(email).ok_or(Error::NotFound),
        }
    }

    /// The state at a Uid, as this batch leaves it. Errors: `NotFound`.
    pub fn at(&self, mailbox: MailboxId, uid: Uid) -> Result<State, Error> {
        let entered = self.batch.entered.get(&(mailbox, uid)).copied();
        let email = entered
            .or_else(|| self.before.at(mailbox, uid))
            .ok_or(Error::NotFound)?;
        let state = self.state(email).map_err(|_| Error::NotFound)?;
        if state.uid(mailbox) == Some(uid) {
            Ok(state)
        } else {
            Err(Error::NotFound)
        }
    }

    pub(crate) fn row_mut(&mut self, email: EmailId) -> Result<&mut Row, Error> {
        let entry = self.batch.rows.entry(email);
        let row = match entry {
            std::collections::btree_map::Entry::Occupied(found) => found.into_mut(),
            std::collections::btree_map::Entry::Vacant(free) => {
                free.insert(Some(self.before.row(email).ok_or(Error::NotFound)?))
            }
        };
        row.as_mut().ok_or(Error::Expunged)
    }

    /// The next Uid of a mailbox, for this message. Errors: `NotFound`, `TooLarge` when they are used up.
    pub(crate) fn enter(&mut self, mailbox: MailboxId, email: EmailId) -> Result<Uid, Error> {
        let record = self.record_mut(mailbox)?;
        let uid = record.uid_next;
        record.uid_next = uid.next().ok_or(Error::TooLarge("Uids of a mailbox"))?;
        self.batch.entered.insert((mailbox, uid), email);
        Ok(uid)
    }

    /// Adds a message; threads it by Message-ID, In-Reply-To, References and base subject.
    /// Errors: `NotFound` (mailbox, or content that was not staged), `Invalid` (no mailbox), `TooLarge`.
    pub fn append(&mut self, append: Append<'_>) -> Result<Placed, Error> {
        if let Some(found) = self.delivered(append.delivery)? {
            return Ok(found.placed());
        }
        let shared = &self.store.inner.shared;
        let size = u64::from(shared.packs.locate(append.blob, &shared.index)?.raw);
        let ids = thread::ids(append.summary);
        let thread = self.thread_for(&ids);
        let sent_at = append
            .summary
            .head
            .sent_at
            .map_or(append.received_at, |(at, _)| at);
        let state = State {
            email: self.batch.next_email,
            thread: thread.unwrap_or(ThreadId::FIRST),
            blob: append.blob,
            size,
            growth: append.summary.growth,
            received_at: append.received_at,
            sent_at,
            has_attachment: append.summary.has_attachment,
            mailboxes: Vec::new(),
            saved: Vec::new(),
            keywords: sorted(append.keywords)?,
            modseq: self.modseq,
            created: self.modseq,
        };
        let summary = record::encode(append.summary)?;
        let placed = self.create(Row { state, ids }, thread, summary, &append.mailboxes)?;
        if let Some(delivery) = append.delivery {
            let (email, thread, uids) = (placed.email, placed.thread, placed.uids.clone());
            self.batch.deliveries.insert(
                delivery,
                Delivered {
                    email,
                    thread,
                    uids,
                },
            );
        }
        Ok(placed)
    }

    /// I-09: what became of this delivery before.
    fn delivered(&self, delivery: Option<u64>) -> Result<Option<Delivered>, Error> {
        let Some(delivery) = delivery else {
            return Ok(None);
        };
        if let Some(found) = self.batch.deliveries.get(&delivery) {
            return Ok(Some(found.clone()));
        }
        let value = self
            .store
            .inner
            .shared
            .index
            .get(&key::delivered(self.account, delivery))?;
        value.map(|v| record::decode(&v, "delivery")).transpose()
    }

    fn thread_for(&self, ids: &[u64]) -> Option<ThreadId> {
        let has_room = |thread, size: usize| {
            let grown = self.batch.grown.get(&thread).copied().unwrap_or(0);
            size + grown < thread::THREAD_MESSAGES_MAX
        };
        let known = self.cell().find_thread(ids, &has_room);
        let here = ids
            .iter()
            .filter_map(|id| self.batch.threads.get(id))
            .copied();
        known
            .into_iter()
            .chain(here.filter(|t| has_room(*t, 0)))
            .min()
    }

    /// Makes a new message of `row`, in a thread of its own when `thread` is none.
    pub(crate) fn create(
        &mut self,
        mut row: Row,
        thread: Option<ThreadId>,
        summary: Vec<u8>,
        mailboxes: &[MailboxId],
    ) -> Result<Placed, Error> {
        let targets: BTreeSet<MailboxId> = mailboxes.iter().copied().collect();
        if targets.is_empty() {
            return Err(Error::Invalid("a message in no mailbox"));
        }
        if targets.iter().any(|m| self.record(*m).is_none()) {
            return Err(Error::NotFound);
        }
        let email = self.batch.next_email;
        self.batch.next_email = email.next().ok_or(Error::TooLarge("number of messages"))?;
        let own = ThreadId::new(email.raw()).ok_or(Error::TooLarge("number of threads"))?;
        (row.state.email, row.state.thread) = (email, thread.unwrap_or(own));
        for mailbox in targets {
            let uid = self.enter(mailbox, email)?;
            row.state.mailboxes.push((mailbox, uid));
        }
        let (thread, uids) = (row.state.thread, row.state.mailboxes.clone());
        *self.batch.grown.entry(thread).or_default() += 1;
        for id in &row.ids {
            self.batch.threads.entry(*id).or_insert(thread);
        }
        self.batch.blobs.insert(row.state.blob);
        self.batch.summaries.insert(email, summary);
        self.batch.rows.insert(email, Some(row));
        Ok(Placed {
            email,
            thread,
            uids,
            already: false,
        })
    }

    /// Changes keywords; true when anything changed (only then the message's ModSeq moves).
    /// Errors: `NotFound`, `Expunged`, `TooLarge` (more than 256 keywords).
    pub fn keywords(&mut self, email: EmailId, change: &KeywordChange) -> Result<bool, Error> {
        let before = self.state(email)?.keywords;
        let after = match change {
            KeywordChange::Set(words) => words.clone(),
            KeywordChange::Add(words) => before.iter().chain(words).cloned().collect(),
            KeywordChange::Remove(words) => before
                .iter()
                .filter(|w| !words.contains(w))
                .cloned()
                .collect(),
        };
        let after = sorted(after)?;
        if before == after {
            return Ok(false);
        }
        self.row_mut(email)?.state.keywords = after;
        Ok(true)
    }

    /// Puts the message into exactly these mailboxes (JMAP); new ones get new Uids. Empty: `Invalid`.
    pub fn place(&mut self, email: EmailId, mailboxes: &[MailboxId]) -> Result<Placed, Error> {
        let targets: BTreeSet<MailboxId> = mailboxes.iter().copied().collect();
        if targets.is_empty() {
            return Err(Error::Invalid("a message in no mailbox"));
        }
        if targets.iter().any(|m| self.record(*m).is_none()) {
            return Err(Error::NotFound);
        }
        let state = self.state(email)?;
        let mut uids = Vec::with_capacity(targets.len());
        for mailbox in targets {
            let uid = match state.uid(mailbox) {
                Some(uid) => uid,
                None => self.enter(mailbox, email)?,
            };
            uids.push((mailbox, uid));
        }
        if uids != state.mailboxes {
            self.row_mut(email)?.state.mailboxes = uids.clone();
        }
        Ok(Placed {
            email,
            thread: state.thread,
            uids,
            already: false,
        })
    }

    /// IMAP COPY: a new Message over the same blob, with the same keywords and received_at.
    /// It stays in the thread. Errors: `NotFound`, `Expunged`.
    pub fn copy(&mut self, email: EmailId, to: MailboxId) -> Result<Placed, Error> {
        let mut row = match self.batch.rows.get(&email) {
            Some(changed) => changed.clone().ok_or(Error::Expunged)?,
            None => self.before.row(email).ok_or(Error::NotFound)?,
        };
        let summary = match self.batch.summaries.get(&email) {
            Some(summary) => summary.clone(),
            None => self.stored_summary(email)?,
        };
        row.state.mailboxes.clear();
        (row.state.modseq, row.state.created) = (self.modseq, self.modseq);
        // A full thread takes no copy either: it begins one of its own.
        let thread = self.thread_for(&row.ids);
        let thread = if row.ids.is_empty() {
            Some(row.state.thread)
        } else {
            thread
        };
        self.create(row, thread, summary, &[to])
    }

    /// A summary as it is stored; more of them are read ahead each time.
    fn stored_summary(&mut self, email: EmailId) -> Result<Vec<u8>, Error> {
        let (read, run) = &mut self.ahead;
        if let Some(summary) = read.remove(&email) {
            return Ok(summary);
        }
        *run = (*run * 4).clamp(1, AHEAD_MAX);
        read.clear();
        let (first, all) = (
            key::summary(self.account, email),
            key::kind(self.account, key::SUMMARY),
        );
        let index = &self.store.inner.shared.index;
        index.scan_by(*run, &all, &first, &mut |key, value| {
            let found = key::number_of(key).and_then(EmailId::new);
            read.extend(found.map(|email| (email, value.to_vec())));
            Ok(read.len() < *run)
        })?;
        let found = read.remove(&email);
        found.ok_or_else(|| Error::Corrupt("a message without summary".into()))
    }

    /// IMAP MOVE: leaves `from`, enters `to` with a new Uid. Errors: `NotFound`, `Expunged` (not in `from` any more).
    pub fn relocate(
        &mut self,
        email: EmailId,
        from: MailboxId,
        to: MailboxId,
    ) -> Result<Uid, Error> {
        if self.state(email)?.uid(from).is_none() {
            return Err(Error::Expunged);
        }
        let uid = self.enter(to, email)?;
        let places = &mut self.row_mut(email)?.state.mailboxes;
        places.retain(|(mailbox, _)| *mailbox != from && *mailbox != to);
        places.push((to, uid));
        places.sort_unstable();
        Ok(uid)
    }

    /// Leaves this mailbox; destroyed when it was the last. Errors: `NotFound`, `Expunged` (not there any more).
    pub fn expunge(&mut self, email: EmailId, from: MailboxId) -> Result<(), Error> {
        let row = self.row_mut(email)?;
        if row.state.uid(from).is_none() {
            return Err(Error::Expunged);
        }
        row.state.mailboxes.retain(|(mailbox, _)| *mailbox != from);
        if row.state.mailboxes.is_empty() {
            self.batch.rows.insert(email, None);
        }
        Ok(())
    }

    /// Destroys it, wherever it is. Errors: `NotFound`, `Expunged`.
    pub fn destroy(&mut self, email: EmailId) -> Result<(), Error> {
        self.row_mut(email)?;
        self.batch.rows.insert(email, None);
        Ok(())
    }
}

fn sorted(mut keywords: Vec<Keyword>) -> Result<Vec<Keyword>, Error> {
    keywords.sort_unstable();
    keywords.dedup();
    if keywords.len() > KEYWORDS_MAX {
        return Err(Error::TooLarge("keywords of a message"));
    }
    Ok(keywords)
}
