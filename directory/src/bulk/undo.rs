//! Undoing an import: what it made goes, what it changed becomes what it was, unless somebody has touched it since.
//!
//! The last rows come first, since an agency goes only after those below it.

use super::account;
use super::cells::Cells;
use super::column::{Column, Subject};
use super::doings::Doings;
use super::fault::{Fault, Found, fault_of};
use super::import::count;
use super::job::{Counts, Job, JobId, JobKind, JobState, Phase};
use super::keep::UNDO_DAYS;
use super::outcome::{Difference, Done, Outcome};
use super::plan::{Ahead, Ground};
use super::work::Halt;
use crate::account::managed_by;
use crate::act::{Acts, json};
use crate::fact::{Fact, table};
use crate::position::object;
use crate::{
    Access, AccountId, AgencyId, Capability, CredentialKind, Denied, Directory, Error, PositionId,
    Rights, Sharing,
};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

const DAY_S: i64 = 24 * 3600;

impl Directory {
    /// Begins to undo an import: a job of its own. Errors: `NotFound`, `Denied`, `InUse` (it changed nothing, goes on
    /// still, is undone already, or is older than [`UNDO_DAYS`]). `dry_run`: only looks, row by row.
    pub fn undo_job(&self, by: &Access, id: JobId, dry_run: bool) -> Result<Job, Error> {
        let job = self.job(Some(by), id)?;
        self.may_steer(by, &job)?;
        let agency = self.job_agency(by, Some(job.agency), job.subject)?;
        let mut acts = self.acts();
        // As it is now that nobody else changes it.
        let mut import = self.job(Some(by), id)?;
        let refused = |what: &str| Err(Error::InUse(what.to_owned()));
        if import.kind != JobKind::Import || import.dry_run || import.phase == Phase::Checking {
            return refused("the job changed nothing that could be undone");
        }
        let Some(ended) = import.ended_at.filter(|_| !import.state.is_open()) else {
            return refused("the job is still to work; cancel it first");
        };
        if import.undone_by.is_some() {
            return refused("the job is undone already");
        }
        if ended + UNDO_DAYS * DAY_S < self.now_s() {
            return refused("the time for undoing it is over");
        }
        let job = Job {
            id: self.next_job(&mut acts)?,
            kind: JobKind::Undo,
            state: JobState::Queued,
            account: by.account,
            credential: by.rests_on().ok_or(Denied)?,
            agency,
            dry_run,
            skip_errors: true,
            has_file: false,
            octets: 0,
            of: Some(id),
            done: 0,
            total: Some(import.done),
            counts: Counts::default(),
            failure: None,
            created_at: self.now_s(),
            ended_at: None,
            letters_at: None,
            ..import.clone()
        };
        let mut facts = Vec::new();
        if !dry_run {
            import.undone_by = Some(job.id);
            facts.push(Fact::Job(Box::new(import)));
        }
        self.put_job(&mut acts, by, "job.undo", job, facts)
    }

    pub(super) fn undo(&self, job: &Job, stop: &AtomicBool) -> Result<(), Halt> {
        let import = job.of.ok_or(Halt::Cancelled)?;
        if job.dry_run {
            return self.look_back(job, import, stop);
        }
        let mut passed = 0;
        for end in self.batch_ends(import)?.into_iter().rev() {
            let mut batch = self.batches(import, end - 1, 1)?.pop().unwrap_or_default();
            let before = passed;
            passed += batch.len() as u64;
            // Done before a stop, the last rows first.
            let done = job.done.saturating_sub(before).min(batch.len() as u64);
            batch.truncate(batch.len() - usize::try_from(done).unwrap_or(0));
            if !batch.is_empty() {
                self.undo_batch(job.id, batch, stop)?;
            }
        }
        Ok(())
    }

    /// Looks at what would be undone. Begun anew after a stop: nothing was changed.
    fn look_back(&self, job: &Job, import: JobId, stop: &AtomicBool) -> Result<(), Halt> {
        self.sweep(table::JOB_RESULT, &job.id.0.to_be_bytes())?;
        let mut job = Job {
            state: JobState::Running,
            done: 0,
            counts: Counts::default(),
            ..job.clone()
        };
        let mut gone = HashSet::new();
        for end in self.batch_ends(import)?.into_iter().rev() {
            let batch = self.batches(import, end - 1, 1)?.pop().unwrap_or_default();
            let (_, access) = self.may_go_on(job.id, stop)?;
            let mut results = Vec::with_capacity(batch.len());
            let acts = self.acts();
            for outcome in batch.into_iter().rev() {
                job.done += 1;
                if outcome.version == 0 && outcome.account == 0 {
                    continue;
                }
                let undoing = Undoing {
                    directory: self,
                    access: &access,
                    job: &job,
                    gone: &gone,
                };
                // What it would do is gathered and dropped.
                let result = undoing.row(&acts, &mut Doings::new(job.id), &outcome)?;
                if (job.subject, result.done) == (Subject::Agencies, Done::New) {
                    gone.insert(AgencyId(outcome.key));
                }
                count(&mut job, &result);
                results.push(result);
            }
            drop(acts);
            results.reverse();
            self.progress(&job, &results)?;
        }
        Ok(())
    }

    fn undo_batch(&self, id: JobId, batch: Vec<Outcome>, stop: &AtomicBool) -> Result<(), Halt> {
        let mut acts = self.acts();
        let (mut job, access) = self.may_go_on(id, stop)?;
        job.state = JobState::Running;
        let mut doings = Doings::new(id);
        for outcome in batch.into_iter().rev() {
            job.done += 1;
            if outcome.version == 0 && outcome.account == 0 {
                continue;
            }
            let undoing = Undoing {
                directory: self,
                access: &access,
                job: &job,
                gone: &HashSet::new(),
            };
            let result = undoing.row(&acts, &mut doings, &outcome)?;
            count(&mut job, &result);
            doings.results.push(result);
            // The next row's share and notice rest on this one's, and an agency on those below it.
            if job.subject != Subject::Accounts {
                let this = std::mem::replace(&mut doings, Doings::new(id));
                this.commit(self, &mut acts, &access, &job)?;
            }
        }
        doings.results.reverse();
        doings.commit(self, &mut acts, &access, &job)
    }
}

/// On what rows are undone.
struct Undoing<'a> {
    directory: &'a Directory,
    access: &'a Access,
    job: &'a Job,
    /// Agencies that a dry run has found to go.
    gone: &'a HashSet<AgencyId>,
}

impl Undoing<'_> {
    /// Undoes one row: `New` tells of what is gone, `Changed` of what is as it was.
    fn row(&self, acts: &Acts, doings: &mut Doings, was: &Outcome) -> Result<Outcome, Halt> {
        let undone = match (self.job.subject, was.done) {
            (Subject::Agencies, Done::New) => self.agency(doings, was),
            (Subject::Accounts, Done::New) => self.account(doings, was),
            (Subject::Positions, Done::New) => self.seat(acts, doings, was),
            _ => self.back(acts, doings, was),
        };
        match undone {
            Ok(()) => Ok(Outcome {
                differences: was.differences.iter().map(Difference::back).collect(),
                ..was.clone()
            }),
            Err(Undone::Fault(fault)) => {
                let found = vec![Found::row(fault)];
                Ok(Outcome::failed(was.row, was.key.clone(), found))
            }
            Err(Undone::Halt(halt)) => Err(halt),
        }
    }

    /// An agency that was made goes.
    fn agency(&self, doings: &mut Doings, was: &Outcome) -> Result<(), Undone> {
        let id = AgencyId(was.key.clone());
        let old = {
            let book = self.directory.read();
            let old = book.agencies.get(&id).cloned().ok_or(Fault::Gone)?;
            book.check(Some(self.access), Capability::ManageAgencies, &id, "agency")?;
            if old.version != was.version {
                return Err(Fault::Changed.into());
            }
            book.check_unused_but(&id, self.gone)?;
            old
        };
        self.directory.check_none_held(&id)?;
        doings.say("agency.delete", id.to_string(), json(&old));
        doings.facts(vec![
            Fact::NoCaps(id.clone()),
            Fact::NoOutside(id.clone()),
            Fact::NoPolicy(id.clone()),
            Fact::NoAgency(id),
        ]);
        Ok(())
    }

    /// An account that was made goes, if nobody has used it: nothing is lost with it, so that one person is enough even
    /// where deleting takes two.
    fn account(&self, doings: &mut Doings, was: &Outcome) -> Result<(), Undone> {
        let id = AccountId::new(was.account).ok_or(Fault::Gone)?;
        let (old, facts) = {
            let book = self.directory.read();
            let old = book.account(id).ok_or(Fault::Gone)?;
            book.check_account(Some(self.access), managed_by(old), old)?;
            if old.version != was.version {
                return Err(Fault::Changed.into());
            }
            let of = book.credentials.get(&id).into_iter().flatten();
            let first = |kind| kind == CredentialKind::FirstPassword;
            let mut used =
                of.filter(|(_, kept)| !first(kept.stored.kind) || kept.used_at.load(Relaxed) != 0);
            if used.next().is_some() {
                return Err(Fault::Used.into());
            }
            ((**old).clone(), book.departure(old))
        };
        if self.directory.account_usage(id)?.usage.messages > 0 {
            return Err(Fault::Used.into());
        }
        self.directory.check_not_held(id)?;
        doings.depart(&old, facts);
        Ok(())
    }

    /// A position that was made goes, with the rights over its mailbox that its holder got by it.
    fn seat(&self, acts: &Acts, doings: &mut Doings, was: &Outcome) -> Result<(), Undone> {
        let id = PositionId(was.account);
        let (old, share) = {
            let book = self.directory.read();
            let old = book.seats.one(id).cloned().ok_or(Fault::Gone)?;
            book.seat(Some(self.access), Capability::ManageAccounts, id)?;
            if old.version != was.version {
                return Err(Fault::Changed.into());
            }
            let share = old.mailbox.map(|mailbox| book.share(mailbox, None));
            (old, share)
        };
        let rights = was.differences.iter().find(|d| d.column == Column::Rights);
        let holder = old.holder().map(|held| held.account);
        if let (Some(rights), Some(share), Some(who)) = (rights, share, holder) {
            if share.given(Sharing::Account(who)).to_string() != rights.to {
                return Err(Fault::Changed.into());
            }
            let before = Rights::parse(&rights.from).unwrap_or(Rights::NONE);
            let gets = (share.account, who, before);
            let done = doings.member(self.directory, acts, self.access, gets);
            done.map_err(Undone::Halt)??;
        }
        doings.say("position.delete", object(id), json(&old));
        doings.facts(vec![Fact::NoPosition(id)]);
        Ok(())
    }

    /// What was changed becomes what it was: its cells as they were, read like a row of a file.
    fn back(&self, acts: &Acts, doings: &mut Doings, was: &Outcome) -> Result<(), Undone> {
        let cells = self.cells(was)?;
        let planned = {
            let book = self.directory.read();
            let now = self.directory.now_s();
            let ground = Ground::new(&book, self.access, &self.job.agency, now);
            self.untouched(&ground, was)?;
            let mut ahead = Ahead::default();
            ground
                .plan(self.job.subject, &cells, &mut ahead)
                .map_err(|faults| before(&faults))?
        };
        if planned.work.is_none() {
            // Somebody made it so already.
            return Err(Fault::Changed.into());
        }
        let none = HashMap::new();
        let done = doings.add(self.directory, acts, self.access, planned, was.row, &none);
        let done = done.map_err(Undone::Halt)?;
        match done.errors.into_iter().next() {
            Some(found) => Err(found.fault.into()),
            None => Ok(()),
        }
    }

    /// The cells that the row's thing had before.
    fn cells(&self, was: &Outcome) -> Result<Cells, Undone> {
        let changed = was.differences.iter().map(|d| (d.column, d.from.clone()));
        let key = match self.job.subject {
            Subject::Agencies => vec![(Column::Id, was.key.clone())],
            Subject::Accounts => {
                let id = AccountId::new(was.account).ok_or(Fault::Gone)?;
                let account = self.directory.account(id).map_err(|_| Fault::Gone)?;
                vec![(Column::Address, account.address.to_string())]
            }
            Subject::Positions => vec![(Column::Number, was.account.to_string())],
            Subject::Members => {
                let (account, member) = was.key.split_once(' ').ok_or(Fault::Gone)?;
                let rights = was.differences.iter().find(|d| d.column == Column::Rights);
                let before = rights.map_or("", |d| d.from.as_str());
                // Nobody before, or a list's member that went.
                let rights = match was.done {
                    Done::New => "-",
                    _ => before,
                };
                return Ok(Cells::told(
                    was.row,
                    [
                        (Column::Account, account.to_owned()),
                        (Column::Member, member.to_owned()),
                        (Column::Rights, rights.to_owned()),
                    ],
                ));
            }
        };
        Ok(Cells::told(was.row, changed.chain(key)))
    }

    /// Nobody changed it since.
    fn untouched(&self, ground: &Ground<'_>, was: &Outcome) -> Result<(), Undone> {
        let version = match self.job.subject {
            Subject::Agencies => {
                let id = AgencyId(was.key.clone());
                ground.book.agencies.get(&id).map(|a| a.version)
            }
            Subject::Accounts => {
                let account = AccountId::new(was.account).and_then(|id| ground.book.account(id));
                let aliases = |id| ground.book.other_addresses(id);
                let as_left =
                    |d: &Difference, now: &str| d.column != Column::Aliases || d.to == now;
                if let Some(account) = account {
                    let now = account::text(account, &aliases(account.id), Column::Aliases);
                    if !was.differences.iter().all(|d| as_left(d, &now)) {
                        return Err(Fault::Changed.into());
                    }
                }
                account.map(|a| a.version)
            }
            Subject::Positions => {
                let seat = ground.book.seats.one(PositionId(was.account));
                seat.map(|seat| seat.version)
            }
            // Whether the member is as the import left it is what the plan finds.
            Subject::Members => return self.member_untouched(ground, was),
        };
        match version {
            None => Err(Fault::Gone.into()),
            Some(version) if version == was.version => Ok(()),
            Some(_) => Err(Fault::Changed.into()),
        }
    }

    fn member_untouched(&self, ground: &Ground<'_>, was: &Outcome) -> Result<(), Undone> {
        let Some((account, member)) = was.key.split_once(' ') else {
            return Err(Fault::Gone.into());
        };
        let now = ground.member_now(account, member).ok_or(Fault::Gone)?;
        let rights = was.differences.iter().find(|d| d.column == Column::Rights);
        let to = rights.map_or("", |d| d.to.as_str());
        let left = match to {
            "-" => None,
            to => Some(to.to_owned()),
        };
        if now == left {
            Ok(())
        } else {
            Err(Fault::Changed.into())
        }
    }
}

/// Why a row is not undone.
enum Undone {
    Fault(Fault),
    Halt(Halt),
}

impl From<Fault> for Undone {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Error> for Undone {
    fn from(error: Error) -> Self {
        match fault_of(error) {
            Ok(fault) => Self::Fault(fault),
            Err(error) => Self::Halt(Halt::Store(error)),
        }
    }
}

fn before(faults: &[Found]) -> Undone {
    let column = faults.first().and_then(|found| found.column);
    Undone::Fault(Fault::Before(column.map_or("", Column::name).to_owned()))
}
