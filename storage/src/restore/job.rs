//! Carries a restore out, some messages in each commit.

use super::plan::{Goal, Job, Made};
use super::{Later, RestoreAt, RestoredAt, Target, View};
use crate::history::Came;
use crate::index::Op;
use crate::{AccountStore, EmailId, Error, MailboxId, Uid, Writer, key, record};
use std::collections::{HashMap, HashSet};

/// Messages that one commit of a restore looks at.
const BATCH: usize = 500;

/// Is told how many messages were looked at, and how many there are; false stops the restore
/// after the next commit that changed anything, until it is called again.
type Told<'a> = dyn FnMut(u64, u64) -> bool + 'a;

struct Run<'a> {
    account: &'a AccountStore,
    job: &'a Job,
    view: &'a View,
    /// Of messages that are gone, or of which copies are made: what was made of them.
    made: HashMap<EmailId, EmailId>,
    /// What was made of these by this restore and is gone again: somebody removed it meanwhile.
    skipped: HashSet<EmailId>,
    outcome: RestoredAt,
    looked: u64,
    all: u64,
    told: &'a mut Told<'a>,
}

impl AccountStore {
    /// Restores this account or one of its mailboxes as at a time. Called again with the same
    /// question after it was cut off, it goes on. `told` hears of the progress.
    /// Errors: `NotFound` (the log does not reach back so far; no such mailbox then), `Conflict`
    /// (another restore of this account is under way), `Exists` (the folder), `OverQuota`,
    /// `TooLarge`, `Unavailable`.
    pub fn restore(
        &self,
        ask: &RestoreAt,
        told: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<RestoredAt, Error> {
        let job = match self.job()? {
            Some(job) if job.ask == *ask => job,
            Some(_) => return Err(Error::Conflict),
            None => self.begin(ask)?,
        };
        let view = self.view(self.hot()?, job.at)?;
        let outcome = RestoredAt {
            modseq: job.at,
            made: 0,
            changed: 0,
            aside: 0,
            missed: 0,
            folder: job.folder,
            finished: false,
        };
        let mut run = Run {
            account: self,
            job: &job,
            view: &view,
            made: HashMap::new(),
            skipped: HashSet::new(),
            outcome,
            looked: 0,
            all: 0,
            told,
        };
        run.learn();
        run.carry_out()
    }

    /// The restore of this account that was begun and did not end.
    pub fn restoring(&self) -> Result<Option<RestoreAt>, Error> {
        Ok(self.job()?.map(|job| job.ask))
    }

    /// Gives up a restore that did not end; what it did stays. Errors: `NotFound`.
    pub fn give_up_restore(&self) -> Result<(), Error> {
        self.job()?.ok_or(Error::NotFound)?;
        self.end()
    }

    fn end(&self) -> Result<(), Error> {
        let mut writer = self.write()?;
        let key = key::kind(self.id(), key::RESTORE);
        writer.batch.notes.push(Op::Delete(key));
        writer.commit().map(|_| ())
    }

    fn job(&self) -> Result<Option<Job>, Error> {
        let value = self.index().get(&key::kind(self.id(), key::RESTORE))?;
        value.map(|v| record::decode(&v, "restore")).transpose()
    }

    fn begin(&self, ask: &RestoreAt) -> Result<Job, Error> {
        // From here until it ends this account's log is not trimmed.
        let _still = self.store.inner.trimming();
        let mut writer = self.write()?;
        if self.job()?.is_some() {
            return Err(Error::Conflict);
        }
        let before = writer.before.clone();
        let at = self.modseq_at(ask.time, before.meta.modseq)?;
        let view = self.view(before, at)?;
        let known = key::kind(self.id(), key::RESTORED);
        let value = self.index().get(&known)?;
        let before: Option<Made> = value.map(|v| record::decode(&v, "restores")).transpose()?;
        let mut made = before.clone().unwrap_or_default();
        let job = Job::begin(ask, &view, &mut made, &mut writer)?;
        if before.unwrap_or_default() != made {
            let value = record::encode(&made)?;
            writer.batch.notes.push(Op::Put(known, value));
        }
        // The view's hold on the state would make the commit copy it.
        drop(view);
        let key = key::kind(self.id(), key::RESTORE);
        let value = record::encode(&job)?;
        writer.batch.notes.push(Op::Put(key, value));
        writer.commit()?;
        Ok(job)
    }
}

impl Run<'_> {
    fn copies(&self) -> bool {
        matches!(self.job.ask.to, Target::Folder(_))
    }

    /// What was made before of messages that were: by this restore when it copies, else by anybody,
    /// also in several steps.
    fn learn(&mut self) {
        let mut origins: HashMap<EmailId, EmailId> = HashMap::new();
        for (modseq, Came { new, from, copy }) in self.view.came.iter().copied() {
            let own = modseq > self.job.from;
            if copy != self.copies() || (copy && !own) {
                continue;
            }
            origins.insert(new, from);
            let mut origin = Some(from);
            while let Some(email) = origin {
                if self.view.state(email).is_ok() {
                    if self.view.hot.weighed(new).is_some() {
                        self.made.insert(email, new);
                    } else if own {
                        self.skipped.insert(email);
                    }
                }
                origin = origins.get(&email).copied();
            }
        }
    }

    fn carry_out(mut self) -> Result<RestoredAt, Error> {
        let mut places = self.view.places();
        places.retain(|id, _| self.job.boxes.contains_key(id));
        let later = self.later();
        let mut emails: Vec<EmailId> = places.values().flatten().map(|(_, email)| *email).collect();
        emails.sort_unstable();
        emails.dedup();
        let entries: usize = places.values().map(Vec::len).sum();
        self.all = (entries + later.len()) as u64;
        if !self.copies() {
            self.all += emails.len() as u64;
        }
        for (mailbox, list) in &places {
            let goal = self.job.boxes[mailbox];
            for batch in list.chunks(BATCH) {
                if !self.commit(batch, |run, writer, entry| run.enter(writer, *entry, goal))? {
                    return Ok(self.outcome);
                }
            }
        }
        for batch in emails
            .chunks(BATCH)
            .filter(|_| !self.copies())
            .collect::<Vec<_>>()
        {
            if !self.commit(batch, |run, writer, email| run.settle(writer, *email))? {
                return Ok(self.outcome);
            }
        }
        for batch in later.chunks(BATCH) {
            if !self.commit(batch, |run, writer, email| run.put_aside(writer, *email))? {
                return Ok(self.outcome);
            }
        }
        self.account.end()?;
        self.outcome.finished = true;
        Ok(self.outcome)
    }

    /// One commit; false when the restore shall stop.
    fn commit<T>(
        &mut self,
        batch: &[T],
        each: impl Fn(&mut Self, &mut Writer, &T) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let mut writer = self.account.write()?;
        for item in batch {
            match each(self, &mut writer, item) {
                // Others go on meanwhile: a mailbox or a message may be gone again.
                Ok(()) => {}
                Err(Error::NotFound | Error::Expunged) => self.outcome.missed += 1,
                Err(e) => return Err(e),
            }
        }
        let next = writer.modseq;
        let changed = writer.commit()? == next;
        self.looked += batch.len() as u64;
        // What was done before is passed over: so each call gets further than the one before.
        Ok((self.told)(self.looked, self.all) || !changed)
    }

    /// The message that stands for one of then, if there is one.
    fn now(&self, writer: &Writer, email: EmailId) -> Option<EmailId> {
        if !self.copies() && writer.state(email).is_ok() {
            return Some(email);
        }
        self.made.get(&email).copied()
    }

    /// Sees to it that a message is in the mailbox where it was.
    fn enter(
        &mut self,
        writer: &mut Writer,
        (uid, email): (Uid, EmailId),
        goal: Goal,
    ) -> Result<(), Error> {
        if self.skipped.contains(&email) {
            return Err(Error::Expunged);
        }
        let place = (goal.to, goal.fresh.then_some(uid));
        if let Some(now) = self.now(writer, email) {
            return writer.join(now, place).map(|_| ());
        }
        let row = self.view.row(email).ok_or(Error::NotFound)?;
        let placed = writer.revive(row, self.copies(), place)?;
        self.made.insert(email, placed.email);
        self.outcome.made += 1;
        Ok(())
    }

    /// Keywords as they were, and no mailboxes but those where it was.
    fn settle(&mut self, writer: &mut Writer, email: EmailId) -> Result<(), Error> {
        let Some(now) = self.now(writer, email) else {
            return Ok(());
        };
        let then = self.view.state(email)?;
        let change = crate::KeywordChange::Set(then.keywords.clone());
        let mut changed = writer.keywords(now, &change)?;
        if self.job.ask.mailbox.is_none() {
            let homes: Vec<MailboxId> = then
                .mailboxes
                .iter()
                .filter_map(|(m, _)| Some(self.job.boxes.get(m)?.to))
                .collect();
            changed |= writer.keep_only(now, &|m| homes.contains(&m))?;
        }
        self.outcome.changed += u64::from(changed);
        Ok(())
    }

    /// The messages that came after the time and shall go aside.
    fn later(&self) -> Vec<EmailId> {
        let Target::Place(Later::Aside(_)) = self.job.ask.to else {
            return Vec::new();
        };
        let made: HashSet<EmailId> = self.made.values().copied().collect();
        let mut later = Vec::new();
        self.view.hot.scan_all(&mut |state| {
            let then = self.view.state(state.email);
            let was = |m: &MailboxId| then.as_ref().is_ok_and(|s| s.uid(*m).is_some());
            let stays = match self.job.ask.mailbox {
                Some(only) => was(&only) || state.uid(only).is_none(),
                None => then.is_ok(),
            };
            if !stays && state.created <= self.job.from && !made.contains(&state.email) {
                later.push(state.email);
            }
            true
        });
        later
    }

    fn put_aside(&mut self, writer: &mut Writer, email: EmailId) -> Result<(), Error> {
        let folder = self.job.folder.ok_or(Error::NotFound)?;
        let here = |m: MailboxId| self.job.boxes.values().any(|goal| goal.to == m);
        let places = writer.state(email)?.mailboxes;
        if places.iter().any(|(m, _)| here(*m)) {
            writer.join(email, (folder, None))?;
            writer.keep_only(email, &|m| !here(m))?;
            self.outcome.aside += 1;
        }
        Ok(())
    }
}
