//! An account as it was: today's state, and over it what the change log says was replaced since.

use crate::count::Tally;
use crate::history::{self, BoxThen, Came, RowThen, Trimmed};
use crate::hot::{self, Hot, Weighed};
use crate::record::{MailboxRecord, Row};
use crate::{AccountStore, Change, EmailId, Error, Mailbox, MailboxId, ModSeq, State, Uid, key};
use formats::message::Summary;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// See [`AccountStore::as_at`]. It stays what it is while the account goes on.
pub struct View {
    account: AccountStore,
    pub(super) hot: Arc<Hot>,
    modseq: ModSeq,
    rows: BTreeMap<EmailId, RowThen>,
    boxes: BTreeMap<MailboxId, BoxThen>,
    /// Messages that were made again since, with the commit that did.
    pub(super) came: Vec<(ModSeq, Came)>,
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "View({} as at {})", self.account.id(), self.modseq)
    }
}

impl AccountStore {
    /// The account as at a time (Unix seconds): as the last commit at or before it left it.
    /// Errors: `NotFound` when the change log no longer reaches back so far.
    pub fn as_at(&self, time: i64) -> Result<View, Error> {
        let hot = self.hot()?;
        let modseq = self.modseq_at(time, hot.meta.modseq)?;
        self.view(hot, modseq)
    }

    /// The earliest time, Unix seconds, to which the change log reaches back; `None`: to the account's beginning.
    pub fn history_since(&self) -> Result<Option<i64>, Error> {
        let trimmed = Trimmed::read(self.index(), self.id())?;
        Ok(trimmed.map(|trimmed| trimmed.time))
    }

    /// The account as a commit left it. Errors: `NotFound` when the change log does not reach so far.
    pub fn as_of(&self, modseq: ModSeq) -> Result<View, Error> {
        let hot = self.hot()?;
        if modseq > hot.meta.modseq {
            return Err(Error::NotFound);
        }
        self.view(hot, modseq)
    }

    /// The last commit that was made at this time or before it. The clock may have gone back:
    /// then the latest commit counts.
    pub(super) fn modseq_at(&self, time: i64, now: ModSeq) -> Result<ModSeq, Error> {
        let trimmed = Trimmed::read(self.index(), self.id())?;
        let mut found = match trimmed {
            None => Some(ModSeq::FIRST),
            Some(trimmed) => (trimmed.time <= time).then_some(trimmed.until),
        };
        let prefix = key::kind(self.id(), key::LOG);
        self.index().scan(&prefix, &prefix, &mut |key, value| {
            let modseq = key::number_of(key).and_then(ModSeq::new);
            let Some(modseq) = modseq.filter(|m| *m <= now) else {
                return Ok(false);
            };
            if history::time_of(value)? <= time {
                found = Some(modseq);
            }
            Ok(true)
        })?;
        found.ok_or(Error::NotFound)
    }

    pub(super) fn view(&self, hot: Arc<Hot>, modseq: ModSeq) -> Result<View, Error> {
        let mut view = View {
            account: self.clone(),
            hot,
            modseq,
            rows: BTreeMap::new(),
            boxes: BTreeMap::new(),
            came: Vec::new(),
        };
        let now = view.hot.meta.modseq;
        let Some(next) = modseq.next().filter(|next| *next <= now) else {
            return Ok(view);
        };
        let mut expected = next;
        let (prefix, from) = (key::kind(self.id(), key::LOG), key::log(self.id(), next));
        self.index().scan(&prefix, &from, &mut |key, value| {
            if expected > now {
                return Ok(false);
            }
            if key::number_of(key).and_then(ModSeq::new) != Some(expected) {
                return Err(Error::NotFound);
            }
            view.undo(expected, value)?;
            expected = expected.next().ok_or(Error::NotFound)?;
            Ok(true)
        })?;
        if expected <= now {
            return Err(Error::NotFound);
        }
        Ok(view)
    }
}

impl View {
    /// Takes the next commit.
    fn undo(&mut self, modseq: ModSeq, value: &[u8]) -> Result<(), Error> {
        let entry = history::read(value)?;
        // Made before undo was kept.
        let undone = entry.undone()?.ok_or(Error::NotFound)?;
        for change in &entry.changes {
            match change {
                Change::EmailCreated { email, .. } => {
                    self.rows.entry(*email).or_default().created();
                }
                Change::MailboxCreated(id) => self.boxes.entry(*id).or_default().created(),
                _ => {}
            }
        }
        for (email, before) in undone.rows {
            self.rows.entry(email).or_default().add(before);
        }
        for (id, before) in undone.boxes {
            self.boxes.entry(id).or_default().add(before);
        }
        self.came
            .extend(undone.came.into_iter().map(|came| (modseq, came)));
        Ok(())
    }

    /// The commit that left it so.
    pub fn modseq(&self) -> ModSeq {
        self.modseq
    }

    pub(super) fn row(&self, email: EmailId) -> Option<Row> {
        let now = self.hot.row(email);
        match self.rows.get(&email) {
            Some(then) => then.row(email, now),
            None => now,
        }
    }

    /// One message's state then. Errors: `NotFound`.
    pub fn state(&self, email: EmailId) -> Result<State, Error> {
        self.row(email).map(|row| row.state).ok_or(Error::NotFound)
    }

    /// The messages then, in EmailId order.
    pub fn emails(&self) -> Vec<EmailId> {
        let mut emails = Vec::new();
        self.hot.scan_all(&mut |state| {
            if !self.rows.contains_key(&state.email) {
                emails.push(state.email);
            }
            true
        });
        let touched = self.rows.iter();
        emails.extend(
            touched
                .filter(|(e, then)| then.row(**e, self.hot.row(**e)).is_some())
                .map(|(e, _)| *e),
        );
        emails.sort_unstable();
        emails
    }

    /// Calls `each` for every message then, in EmailId order, until it returns false.
    pub fn scan_all(&self, each: &mut dyn FnMut(&State) -> bool) {
        for row in self
            .emails()
            .into_iter()
            .filter_map(|email| self.row(email))
        {
            if !each(&row.state) {
                return;
            }
        }
    }

    pub(super) fn records(&self) -> BTreeMap<MailboxId, MailboxRecord> {
        let ids: BTreeSet<MailboxId> = self
            .hot
            .boxes
            .keys()
            .chain(self.boxes.keys())
            .copied()
            .collect();
        let then = |id: &MailboxId| {
            let now = self.hot.boxes.get(id).map(|b| &b.record);
            match self.boxes.get(id) {
                Some(then) => then.record(now),
                None => now.cloned(),
            }
        };
        ids.into_iter()
            .filter_map(|id| Some((id, then(&id)?)))
            .collect()
    }

    /// All mailboxes then, by id.
    pub fn mailboxes(&self) -> Vec<Mailbox> {
        let mut tally = Tally::default();
        self.scan_all(&mut |state| {
            tally.add(Weighed::of(state));
            true
        });
        let mut counts = tally.counts();
        let records = self.records().into_iter();
        let show = |(id, record)| hot::show(id, &record, counts.remove(&id).unwrap_or_default());
        records.map(show).collect()
    }

    /// The messages of every mailbox then, by Uid.
    pub(super) fn places(&self) -> BTreeMap<MailboxId, Vec<(Uid, EmailId)>> {
        let mut places: BTreeMap<MailboxId, Vec<(Uid, EmailId)>> = BTreeMap::new();
        self.scan_all(&mut |state| {
            for (mailbox, uid) in &state.mailboxes {
                places
                    .entry(*mailbox)
                    .or_default()
                    .push((*uid, state.email));
            }
            true
        });
        places.values_mut().for_each(|list| list.sort_unstable());
        places
    }

    /// A message's summary; it never changed. Errors: `NotFound`.
    pub fn summary(&self, email: EmailId) -> Result<Summary, Error> {
        self.state(email)?;
        self.account.kept_summary(email)
    }

    /// A message's raw octets. Errors: `NotFound`, `Corrupt`.
    pub fn content(&self, email: EmailId) -> Result<Arc<[u8]>, Error> {
        self.account.store.blob(self.state(email)?.blob)
    }
}
