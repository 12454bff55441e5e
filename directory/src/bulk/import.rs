//! Working on an import: every row is looked at first; then, in batches, rows become so.

use super::cells::Cells;
use super::column::{Column, Subject, header};
use super::doings::Doings;
use super::fault::{Fault, Found};
use super::job::{Counts, Failure, Job, JobId, JobState, Phase};
use super::keep::ROWS_MAX;
use super::outcome::{Done, Outcome};
use super::plan::{Ahead, Ground, Planned, Work, called, keys};
use super::shelf::results_row;
use super::work::Halt;
use crate::fact::{Fact, table};
use crate::{Access, Account, AccountId, Directory, Error};
use formats::csv::{Reader, Refusal, Row, front};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::AtomicBool;

/// Rows that are looked at under one reading of the book.
const LOOKED_AT: usize = 256;
/// Rows that become so in one commit.
const BATCH_ROWS: usize = 100;
/// Octets of results, roughly, after which a batch is committed.
const BATCH_OCTETS: usize = 96 * 1024;
/// Accounts whose mailboxes are made at one time, so that they share what the disk is waited for.
const MAKERS: usize = 8;

/// One pass over a file.
pub(super) struct Pass<'a> {
    directory: &'a Directory,
    id: JobId,
    stop: &'a AtomicBool,
    pub(super) subject: Subject,
    /// Which row first had a key, by its hash: eight octets a row instead of the key.
    seen: HashMap<u64, u64>,
    hasher: RandomState,
    ahead: Ahead,
}

/// A row with what its header says of it, or what is wrong before anything is looked up.
type Read = (u64, Result<Cells, (String, Found)>);

impl Directory {
    pub(super) fn import(&self, job: &Job, stop: &AtomicBool) -> Result<(), Halt> {
        let (mut job, _) = self.may_go_on(job.id, stop)?;
        if job.phase == Phase::Checking {
            let counts = self.check_rows(&job, stop)?;
            (job, _) = self.may_go_on(job.id, stop)?;
            let refused = counts > 0 && !job.skip_errors;
            if job.dry_run {
                return Ok(());
            }
            if refused {
                return Err(Halt::Failed(Failure::Rows));
            }
            self.sweep(table::JOB_RESULT, &job.id.0.to_be_bytes())?;
            job.phase = Phase::Applying;
            job.done = 0;
            job.counts = Counts::default();
            self.progress(&job, &[])?;
        }
        self.apply_rows(&job, stop)
    }

    /// Looks at every row; the number of those with errors. Begun anew after a stop: nothing was changed.
    fn check_rows(&self, job: &Job, stop: &AtomicBool) -> Result<u64, Halt> {
        self.sweep(table::JOB_RESULT, &job.id.0.to_be_bytes())?;
        let mut job = Job {
            state: JobState::Running,
            done: 0,
            counts: Counts::default(),
            ..job.clone()
        };
        self.progress(&job, &[])?;
        let mut pass = Pass::new(self, &job, stop);
        let (mut rows, header) = pass.open(&job)?;
        let mut results: Vec<Outcome> = Vec::new();
        let top = job.agency.clone();
        loop {
            let batch = pass.read(&mut rows, &header, LOOKED_AT, &mut job.done)?;
            if batch.is_empty() {
                break;
            }
            let (_, access) = self.may_go_on(job.id, stop)?;
            let book = self.read();
            let ground = Ground::new(&book, &access, &top, self.now_s());
            for (row, read) in batch {
                let outcome = match pass.plan(&ground, row, read) {
                    Ok(planned) => planned.outcome(row),
                    Err(outcome) => outcome,
                };
                count(&mut job, &outcome);
                // What will be done is told when it is done.
                if job.dry_run || outcome.done == Done::Error {
                    results.push(outcome);
                }
            }
            drop(book);
            if weight(&results) >= BATCH_OCTETS || results.len() >= 4 * LOOKED_AT {
                self.progress(&job, &std::mem::take(&mut results))?;
            }
        }
        job.total = Some(job.done);
        self.progress(&job, &results)?;
        Ok(job.counts.errors)
    }

    /// Makes rows so, from the first one that is not done.
    fn apply_rows(&self, job: &Job, stop: &AtomicBool) -> Result<(), Halt> {
        let mut pass = Pass::new(self, job, stop);
        let (mut rows, header) = pass.open(job)?;
        let mut read = 0;
        while read < job.done {
            // Done before: only what they name is of interest, to find the same in later rows.
            let most = usize::try_from(job.done - read).unwrap_or(LOOKED_AT);
            let batch = pass.read(&mut rows, &header, most.min(LOOKED_AT), &mut read)?;
            if batch.is_empty() {
                return Ok(());
            }
            let (_, access) = self.may_go_on(job.id, stop)?;
            let book = self.read();
            let ground = Ground::new(&book, &access, &job.agency, self.now_s());
            for (row, found) in batch {
                if let Ok(cells) = found {
                    pass.note(&ground, row, &cells);
                }
            }
        }
        loop {
            let batch = pass.read(&mut rows, &header, BATCH_ROWS, &mut read)?;
            if batch.is_empty() {
                return Ok(());
            }
            pass.commit(batch)?;
        }
    }

    /// Commits how far a job is, and results. Errors: `Cancelled`.
    pub(super) fn progress(&self, job: &Job, results: &[Outcome]) -> Result<(), Halt> {
        let _acts = self.acts();
        let open = self
            .read()
            .jobs
            .get(&job.id)
            .is_some_and(|j| j.state.is_open());
        if !open {
            return Err(Halt::Cancelled);
        }
        let mut rows = vec![Fact::Job(Box::new(job.clone()))];
        if !results.is_empty() {
            rows.push(Fact::Row(results_row(job.id, results)?));
        }
        Ok(self.commit_unlogged(rows)?)
    }
}

impl<'a> Pass<'a> {
    pub(super) fn new(directory: &'a Directory, job: &Job, stop: &'a AtomicBool) -> Self {
        Self {
            directory,
            id: job.id,
            stop,
            subject: job.subject,
            seen: HashMap::new(),
            hasher: RandomState::new(),
            ahead: Ahead::default(),
        }
    }

    /// Begins to read the file: its rows after the header, and the columns that the header names.
    #[allow(clippy::type_complexity)] // The type of a closure cannot be named.
    fn open(
        &self,
        job: &Job,
    ) -> Result<
        (
            Reader<impl FnMut() -> Result<Option<Vec<u8>>, Halt> + use<>>,
            Vec<Option<Column>>,
        ),
        Halt,
    > {
        let mut parts = self.directory.parts(job.of.unwrap_or(job.id));
        let mut parts = move || parts().map_err(Halt::Store);
        let first = match parts()? {
            Some(first) => first,
            None if job.octets == 0 => return Err(Refusal::Empty.into()),
            None => return Err(Halt::Failed(Failure::FileGone)),
        };
        let (skip, delimiter) = front(&first)?;
        let mut rows = Reader::new(parts, first, skip, delimiter);
        let named = rows.read()?.ok_or(Halt::Failed(Failure::Empty))?;
        let header = header(self.subject, &named.cells).map_err(Halt::Failed)?;
        Ok((rows, header))
    }

    /// Up to so many rows.
    fn read<P: FnMut() -> Result<Option<Vec<u8>>, Halt>>(
        &self,
        rows: &mut Reader<P>,
        header: &[Option<Column>],
        most: usize,
        read: &mut u64,
    ) -> Result<Vec<Read>, Halt> {
        let mut batch: Vec<Read> = Vec::new();
        let mut octets = 0;
        while batch.len() < most && octets < BATCH_OCTETS {
            let Some(row) = rows.read()? else {
                break;
            };
            *read += 1;
            if *read > ROWS_MAX {
                return Err(Halt::Failed(Failure::TooManyRows(ROWS_MAX)));
            }
            octets += row.cells.iter().map(String::len).sum::<usize>();
            batch.push(cells_of(header, row));
        }
        Ok(batch)
    }

    /// Notes which row names a thing; the row that named it before.
    fn note(&mut self, ground: &Ground<'_>, row: u64, cells: &Cells) -> Option<u64> {
        let named = keys(ground, self.subject, cells).into_iter();
        let hashes: Vec<u64> = named.map(|key| self.hasher.hash_one(&key)).collect();
        let mut others = hashes.iter().filter_map(|hash| self.seen.get(hash));
        let first = others.find(|first| **first != row).copied();
        if first.is_none() {
            self.seen.extend(hashes.into_iter().map(|hash| (hash, row)));
        }
        first
    }

    /// What a row would do, or its result when it has faults.
    fn plan(
        &mut self,
        ground: &Ground<'_>,
        row: u64,
        read: Result<Cells, (String, Found)>,
    ) -> Result<Planned, Outcome> {
        let cells = read.map_err(|(key, found)| Outcome::failed(row, key, vec![found]))?;
        let called = called(self.subject, &cells);
        if let Some(first) = self.note(ground, row, &cells) {
            let found = Found::row(Fault::Twice(first));
            return Err(Outcome::failed(row, called, vec![found]));
        }
        ground
            .plan(self.subject, &cells, &mut self.ahead)
            .map_err(|errors| Outcome::failed(row, called, errors))
    }

    /// Makes a batch of rows so, in one commit with its results and how far the job is. Rows that stand alone are a
    /// commit each.
    fn commit(&mut self, batch: Vec<Read>) -> Result<(), Halt> {
        let directory = self.directory;
        let (job, access) = directory.may_go_on(self.id, self.stop)?;
        let made = self.prepare(&job, &access, &batch)?;
        let mut acts = directory.acts();
        let (mut job, access) = directory.may_go_on(job.id, self.stop)?;
        job.state = JobState::Running;
        // What earlier batches did is in the book.
        self.ahead = Ahead::default();
        let mut doings = Doings::new(job.id);
        for (row, read) in batch {
            let again = read.clone();
            let mut planned = self.planned(&job, &access, row, read);
            let alone = planned.as_ref().is_ok_and(Planned::stands_alone);
            if alone {
                let before = std::mem::replace(&mut doings, Doings::new(job.id));
                before.commit(directory, &mut acts, &access, &job)?;
                // What it rests on may have become another.
                self.ahead = Ahead::default();
                planned = self.planned(&job, &access, row, again);
            }
            let outcome = match planned {
                Err(outcome) => outcome,
                Ok(planned) => doings.add(directory, &acts, &access, planned, row, &made)?,
            };
            count(&mut job, &outcome);
            job.done += 1;
            doings.results.push(outcome);
            if alone {
                let this = std::mem::replace(&mut doings, Doings::new(job.id));
                this.commit(directory, &mut acts, &access, &job)?;
            }
        }
        doings.commit(directory, &mut acts, &access, &job)
    }

    /// What a row would do now.
    fn planned(
        &mut self,
        job: &Job,
        access: &Access,
        row: u64,
        read: Result<Cells, (String, Found)>,
    ) -> Result<Planned, Outcome> {
        let directory = self.directory;
        let book = directory.read();
        let ground = Ground::new(&book, access, &job.agency, directory.now_s());
        self.plan(&ground, row, read)
    }

    /// Numbers and mailboxes for the accounts that a batch will make, before anything is locked: a crash leaves
    /// mailboxes under numbers that nobody ever gets (I-07), never an account without mailboxes.
    fn prepare(
        &mut self,
        job: &Job,
        access: &Access,
        batch: &[Read],
    ) -> Result<HashMap<String, AccountId>, Halt> {
        let directory = self.directory;
        let mut new: Vec<Account> = Vec::new();
        if self.subject == Subject::Accounts {
            let book = directory.read();
            let ground = Ground::new(&book, access, &job.agency, directory.now_s());
            for cells in batch.iter().filter_map(|(_, read)| read.as_ref().ok()) {
                let planned = ground.plan(self.subject, cells, &mut Ahead::default());
                if let Ok(Some(Work::NewAccount(account, _))) = planned.map(|p| p.work) {
                    new.push(account);
                }
            }
        }
        let first = directory.next_accounts(&mut directory.acts(), new.len())?;
        for (account, id) in new.iter_mut().zip(first) {
            account.id = id;
        }
        directory.house(&new, MAKERS)?;
        Ok(new.into_iter().map(|a| (a.address.key(), a.id)).collect())
    }
}

fn cells_of(header: &[Option<Column>], row: Row) -> Read {
    let number = row.number;
    let first = row.cells.first().map_or("", String::as_str);
    let called = super::column::cut(first);
    (
        number,
        Cells::of(header, row).map_err(|found| (called, found)),
    )
}

/// Counts a result.
pub(super) fn count(job: &mut Job, outcome: &Outcome) {
    let counts = &mut job.counts;
    *match outcome.done {
        Done::New => &mut counts.new,
        Done::Changed => &mut counts.changed,
        Done::Same => &mut counts.same,
        Done::Error => &mut counts.errors,
    } += 1;
}

/// Octets that results weigh, roughly.
fn weight(results: &[Outcome]) -> usize {
    let texts = |o: &Outcome| {
        let differences = o.differences.iter().map(|d| d.from.len() + d.to.len() + 4);
        let errors = o.errors.iter().map(|e| e.value.len() + 64);
        o.key.len() + 16 + differences.sum::<usize>() + errors.sum::<usize>()
    };
    results.iter().map(texts).sum()
}

impl Directory {
    /// Mailboxes of new accounts, some at a time.
    pub(super) fn house(&self, accounts: &[Account], at_once: usize) -> Result<(), Error> {
        let domains: Vec<_> = accounts
            .iter()
            .map(|a| (a.id, crate::seal_domain(&a.agency)))
            .collect();
        self.inner.store.assign_domains(&domains)?;
        let each = accounts.len().div_ceil(at_once).max(1);
        std::thread::scope(|scope| {
            let made: Vec<_> = accounts
                .chunks(each)
                .map(|some| {
                    scope.spawn(move || some.iter().try_for_each(|a| self.make_first_mailboxes(a)))
                })
                .collect();
            let gone = || Error::Storage(storage::Error::Unavailable("a thread ended".into()));
            made.into_iter()
                .try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(gone())))
        })
    }
}
