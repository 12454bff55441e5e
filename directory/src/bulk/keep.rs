//! Jobs as they are asked for, listed, cancelled and forgotten.

use super::column::Subject;
use super::job::{Counts, Job, JobId, JobKind, JobState, Phase};
use super::outcome::{Done, Outcome};
use super::shelf::{PART_OCTETS, part};
use super::turn::Turns;
use crate::act::{Acts, Note, invalid};
use crate::book::Book;
use crate::fact::{Fact, table};
use crate::trial::only_tried;
use crate::{Access, AgencyId, Capability, Denied, Directory, Error};
use serde_json::json;
use std::collections::{BTreeSet, HashSet};
use std::ops::Bound;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Octets of a file: a million rows of accounts are some 100 MB.
pub const FILE_OCTETS_MAX: u64 = 256 << 20;
/// Rows of a file, its header left out.
pub const ROWS_MAX: u64 = 1_000_000;
/// Jobs of one caller that are still to work.
pub const JOBS_OPEN_MAX: usize = 10;
/// Days for which an import can be undone.
pub const UNDO_DAYS: i64 = 7;
/// Jobs of all callers that are kept; the oldest that have ended go first.
const JOBS_KEPT_MAX: usize = 1_000;
/// Days for which a job that ended is kept.
const KEPT_DAYS: i64 = 30;
/// Seconds for which the file of a dry run is kept, so that it can be done in earnest.
const FILE_KEPT_S: i64 = 24 * 3600;
/// Octets of a file's name.
const FILE_NAME_MAX: usize = 200;
/// Parts of one commit.
const PARTS_COMMIT: usize = 8;
const DAY_S: i64 = 24 * 3600;

/// An import to make.
#[derive(Debug, Clone)]
pub struct NewImport {
    /// What its rows are.
    pub subject: Subject,
    /// The subtree within which it works; `None`: the one that the caller administers.
    pub agency: Option<AgencyId>,
    /// Only looks.
    pub dry_run: bool,
    /// Leaves rows with errors out.
    pub skip_errors: bool,
    /// What the file is called.
    pub file_name: String,
}

/// What is known of jobs in memory only.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    state: Mutex<DeskState>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct DeskState {
    turns: Turns,
    /// Numbers of files that are being uploaded.
    uploading: HashSet<JobId>,
    /// How often workers were called.
    calls: u64,
}

impl Desk {
    fn lock(&self) -> std::sync::MutexGuard<'_, DeskState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ring(&self) {
        self.lock().calls += 1;
        self.rung.notify_all();
    }

    pub(super) fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// Waits until workers were called more often than that, or for so long.
    pub(super) fn wait(&self, heard: u64, most: Duration) {
        let still = |state: &mut DeskState| state.calls == heard;
        let waited = self.rung.wait_timeout_while(self.lock(), most, still);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Takes the next of the open jobs in hand.
    pub(super) fn take(&self, open: &[&Job]) -> Option<JobId> {
        self.lock().turns.take(open)
    }

    pub(super) fn give_back(&self, job: JobId) {
        self.lock().turns.give_back(job);
    }

    pub(super) fn is_uploading(&self, job: JobId) -> bool {
        self.lock().uploading.contains(&job)
    }
}

/// A file on its way in. Dropped before [`Upload::finish`] it leaves nothing.
#[derive(Debug)]
pub struct Upload {
    directory: Directory,
    by: Access,
    job: Job,
    rest: Vec<u8>,
    number: u64,
    lines: u64,
    rows: Rows,
    finished: bool,
}

impl Subject {
    /// What one must be allowed to import it: one of these. What a row needs is asked row by row.
    pub(crate) const fn capabilities(self) -> &'static [Capability] {
        use Capability::{CreateAccounts, ManageAccounts, ManageAgencies, ManageLists};
        match self {
            Self::Agencies => &[ManageAgencies],
            Self::Accounts => &[ManageAccounts, CreateAccounts, ManageLists],
            Self::Members => &[ManageAccounts, ManageLists],
            Self::Positions => &[ManageAccounts],
        }
    }
}

/// The tops of the subtrees in which one may import something of it.
fn scopes(by: &Access, subject: Subject) -> Vec<AgencyId> {
    let each = subject.capabilities().iter();
    let tops: BTreeSet<AgencyId> = each.flat_map(|may| by.scopes(*may)).collect();
    tops.into_iter().collect()
}

impl Book {
    /// Whether one may import something of it there.
    pub(super) fn imports(&self, by: &Access, subject: Subject, agency: &AgencyId) -> bool {
        let mut each = subject.capabilities().iter();
        each.any(|may| self.allows(Some(by), *may, agency))
    }
}

impl Directory {
    /// Begins an import: its file comes next. Errors: `NotFound` (agency), `Denied`, `Invalid` (agency: several are
    /// administered and none is named; too many jobs).
    pub fn begin_import(&self, by: &Access, new: NewImport) -> Result<Upload, Error> {
        let agency = self.job_agency(by, new.agency, new.subject)?;
        let credential = by.rests_on().ok_or(Denied)?;
        let id = self.next_job(&mut self.acts())?;
        self.inner.desk.lock().uploading.insert(id);
        let mut file_name: String = new.file_name.chars().filter(|c| !c.is_control()).collect();
        let most = file_name.floor_char_boundary(FILE_NAME_MAX);
        file_name.truncate(most);
        let job = Job {
            id,
            kind: JobKind::Import,
            subject: new.subject,
            state: JobState::Queued,
            account: by.account,
            credential,
            agency,
            dry_run: new.dry_run,
            skip_errors: new.skip_errors,
            file_name,
            octets: 0,
            has_file: true,
            of: None,
            undone_by: None,
            phase: Phase::Checking,
            done: 0,
            total: None,
            counts: Counts::default(),
            failure: None,
            created_at: self.now_s(),
            ended_at: None,
            letters_at: None,
        };
        Ok(Upload {
            directory: self.clone(),
            by: by.clone(),
            job,
            rest: Vec::new(),
            number: 0,
            lines: 0,
            rows: Rows::default(),
            finished: false,
        })
    }

    /// The subtree of a job, when `by` may do this there.
    pub(super) fn job_agency(
        &self,
        by: &Access,
        named: Option<AgencyId>,
        subject: Subject,
    ) -> Result<AgencyId, Error> {
        let agency = match named {
            Some(agency) => agency,
            None => match scopes(by, subject).as_slice() {
                [one] => one.clone(),
                [] => return Err(Denied.into()),
                _ => return Err(invalid("agency", "one of the agencies that you administer")),
            },
        };
        let book = self.read();
        if !book.agencies.contains_key(&agency) {
            return Err(Error::NotFound("agency"));
        }
        if !book.imports(by, subject, &agency) {
            book.check(Some(by), Capability::ReadDirectory, &agency, "agency")?;
            return Err(Denied.into());
        }
        if book.open_jobs(by.account) >= JOBS_OPEN_MAX {
            let expected = format!("fewer than {JOBS_OPEN_MAX} jobs under way");
            return Err(invalid("jobs", expected));
        }
        Ok(agency)
    }

    pub(super) fn next_job(&self, acts: &mut Acts) -> Result<JobId, Error> {
        acts.job_last += 1;
        let id = JobId(acts.job_last);
        self.commit_unlogged(vec![Fact::JobCounter(id.0)])?;
        Ok(id)
    }

    /// Enters a job, with its audit entry, and tells the workers.
    pub(super) fn put_job(
        &self,
        acts: &mut Acts,
        by: &Access,
        act: &'static str,
        job: Job,
        more: Vec<Fact>,
    ) -> Result<Job, Error> {
        let note = Note {
            act,
            object: job.agency.to_string(),
            detail: json!({"job": job.id.0, "subject": format!("{:?}", job.subject).to_lowercase(),
                "dry_run": job.dry_run, "file": job.file_name, "of": job.of.map(|id| id.0)}),
        };
        let mut facts = more;
        facts.push(Fact::Job(Box::new(job.clone())));
        self.commit(acts, Some(by), note, facts)?;
        self.inner.desk.ring();
        Ok(job)
    }

    /// One job. Errors: `NotFound`, also where it is not to be seen.
    pub fn job(&self, by: Option<&Access>, id: JobId) -> Result<Job, Error> {
        let book = self.read();
        let job = book.jobs.get(&id).filter(|job| book.sees_job(by, job));
        job.cloned().ok_or(Error::NotFound("job"))
    }

    /// Jobs that `by` may see, the newest first, before `before`, at most `max`.
    pub fn jobs(&self, by: Option<&Access>, before: Option<JobId>, max: usize) -> Vec<Job> {
        let book = self.read();
        let before = before.map_or(Bound::Unbounded, Bound::Excluded);
        let found = book.jobs.range((Bound::Unbounded, before)).rev();
        let seen = found
            .map(|(_, job)| job)
            .filter(|job| book.sees_job(by, job));
        seen.take(max).cloned().collect()
    }

    /// Results after a row, at most `max`, and the row after which to go on; `only`: of this kind. Errors: `NotFound`,
    /// also for who asked and has neither the right to look there nor to do such work there any more: they name
    /// accounts.
    pub fn job_results(
        &self,
        by: Option<&Access>,
        id: JobId,
        after: u64,
        only: Option<Done>,
        max: usize,
    ) -> Result<(Vec<Outcome>, Option<u64>), Error> {
        let job = self.job(by, id)?;
        {
            let book = self.read();
            let works = by.is_some_and(|by| book.imports(by, job.subject, &job.agency));
            if !works && !book.allows(by, Capability::ReadDirectory, &job.agency) {
                return Err(Error::NotFound("job"));
            }
        }
        self.shelf(id, after, max, |o| only.is_none_or(|done| o.done == done))
    }

    /// Cancels a job that is still to work; what it did stays. Errors: `NotFound`, `Denied` (another's, without the
    /// right to do the same), `InUse` (it has ended).
    pub fn cancel_job(&self, by: &Access, id: JobId) -> Result<Job, Error> {
        let mut acts = self.acts();
        let mut job = self.job(Some(by), id)?;
        self.may_steer(by, &job)?;
        if !job.state.is_open() {
            return Err(Error::InUse("the job has ended".to_owned()));
        }
        job.state = JobState::Cancelled;
        job.ended_at = Some(self.now_s());
        let note = Note {
            act: "job.cancel",
            object: job.agency.to_string(),
            detail: json!({"job": id.0, "done": job.done}),
        };
        let fact = Fact::Job(Box::new(job.clone()));
        self.commit(&mut acts, Some(by), note, vec![fact])?;
        Ok(job)
    }

    /// Whether `by` may cancel or undo it.
    pub(super) fn may_steer(&self, by: &Access, job: &Job) -> Result<(), Error> {
        let book = self.read();
        let may = book.imports(by, job.subject, &job.agency);
        if may || by.account == job.account {
            Ok(())
        } else {
            Err(Denied.into())
        }
    }

    /// Does in earnest what a dry run looked at, with its file. Errors: `NotFound`, `Denied`, `InUse` (not a dry run
    /// that has ended, or its file is gone).
    pub fn apply_job(&self, by: &Access, id: JobId, skip_errors: bool) -> Result<Job, Error> {
        let dry = self.job(Some(by), id)?;
        if dry.account != by.account {
            return Err(Denied.into());
        }
        let ready = dry.kind == JobKind::Import && dry.dry_run && !dry.state.is_open();
        if !ready || !dry.has_file {
            let words = "the job is no dry run whose file is still there";
            return Err(Error::InUse(words.to_owned()));
        }
        let agency = self.job_agency(by, Some(dry.agency.clone()), dry.subject)?;
        only_tried(Some(by), || Note {
            act: "job.create",
            object: agency.to_string(),
            detail: json!({"of": id.0, "skip_errors": skip_errors}),
        })?;
        let mut acts = self.acts();
        let job = Job {
            id: self.next_job(&mut acts)?,
            state: JobState::Queued,
            credential: by.rests_on().ok_or(Denied)?,
            agency,
            dry_run: false,
            skip_errors,
            // Its file stays where it is, under the dry run's number.
            of: Some(id),
            phase: Phase::Checking,
            done: 0,
            counts: Counts::default(),
            failure: None,
            created_at: self.now_s(),
            ended_at: None,
            ..dry
        };
        self.put_job(&mut acts, by, "job.create", job, Vec::new())
    }

    /// Forgets jobs whose time is over, and files that nobody needs.
    pub(super) fn forget_jobs(&self) -> Result<(), Error> {
        let now = self.now_s();
        let (gone, fileless) = {
            let book = self.read();
            let ended = book.jobs.values().filter(|job| !job.state.is_open());
            let over = book.jobs.len().saturating_sub(JOBS_KEPT_MAX);
            let mut gone: Vec<JobId> = ended.clone().take(over).map(|job| job.id).collect();
            let old = |job: &&Job| job.ended_at.is_some_and(|at| at + KEPT_DAYS * DAY_S < now);
            gone.extend(ended.clone().filter(old).map(|job| job.id));
            let needed: HashSet<JobId> = book
                .jobs
                .values()
                .filter(|job| job.state.is_open())
                .flat_map(|job| [Some(job.id), job.of].into_iter().flatten())
                .collect();
            let spent = |job: &&Job| {
                let kept = if job.dry_run { FILE_KEPT_S } else { 0 };
                let over = job.ended_at.is_some_and(|at| at + kept <= now);
                job.has_file && over && !needed.contains(&job.id)
            };
            let fileless: Vec<JobId> = ended.filter(spent).map(|job| job.id).collect();
            (gone, fileless)
        };
        for id in fileless {
            let acts = self.acts();
            let job = self.read().jobs.get(&id).cloned();
            if let Some(mut job) = job {
                job.has_file = false;
                self.commit_unlogged(vec![Fact::Job(Box::new(job))])?;
            }
            drop(acts);
            self.sweep(table::JOB_FILE, &id.0.to_be_bytes())?;
        }
        for id in gone {
            let acts = self.acts();
            self.commit_unlogged(vec![Fact::NoJob(id)])?;
            drop(acts);
            self.sweep(table::JOB_FILE, &id.0.to_be_bytes())?;
            self.sweep(table::JOB_RESULT, &id.0.to_be_bytes())?;
        }
        Ok(())
    }
}

/// Rows of a file as it comes: lines with something in them that do not end within quotation marks. The reader of the rows
/// counts once more.
#[derive(Debug, Default)]
struct Rows {
    quoted: bool,
    begun: bool,
    count: u64,
}

impl Rows {
    fn add(&mut self, octets: &[u8]) {
        for octet in octets {
            match octet {
                b'\n' if !self.quoted => {
                    self.count += u64::from(self.begun);
                    self.begun = false;
                }
                b'\r' => {}
                b'"' => (self.quoted, self.begun) = (!self.quoted, true),
                _ => self.begun = true,
            }
        }
    }

    /// The header is one more.
    fn check(&self) -> Result<(), Error> {
        match self.count > ROWS_MAX + 1 {
            true => Err(storage::Error::TooLarge("rows").into()),
            false => Ok(()),
        }
    }
}

impl Upload {
    /// Takes the next octets. Errors: `Storage(TooLarge)` past [`FILE_OCTETS_MAX`] (`file`) or [`ROWS_MAX`] (`rows`): a
    /// file that would be refused in the end is refused before anything is done with it.
    pub fn piece(&mut self, octets: &[u8]) -> Result<(), Error> {
        self.job.octets += octets.len() as u64;
        if self.job.octets > FILE_OCTETS_MAX {
            return Err(storage::Error::TooLarge("file").into());
        }
        self.lines += octets.iter().filter(|b| **b == b'\n').count() as u64;
        self.rows.add(octets);
        self.rows.check()?;
        self.rest.extend_from_slice(octets);
        if self.rest.len() >= PART_OCTETS * PARTS_COMMIT {
            self.keep()?;
        }
        Ok(())
    }

    /// All that came so far into the store.
    fn keep(&mut self) -> Result<(), Error> {
        let octets = std::mem::take(&mut self.rest);
        for some in octets.chunks(PART_OCTETS * PARTS_COMMIT) {
            let mut rows = Vec::with_capacity(PARTS_COMMIT);
            for octets in some.chunks(PART_OCTETS) {
                self.number += 1;
                rows.push(part(self.job.id, self.number, octets.to_vec()));
            }
            self.directory.inner.store.commit_rows(rows)?;
        }
        Ok(())
    }

    /// The file is whole: the job waits for its turn. Errors: as `piece`; `Denied`, when the caller's sign-in ended meanwhile.
    pub fn finish(mut self) -> Result<Job, Error> {
        self.rows.add(b"\n");
        self.rows.check()?;
        self.keep()?;
        if !self.by.stands() {
            return Err(Denied.into());
        }
        // Until the rows are counted, the lines tell how long it may take.
        self.job.total = Some(self.lines);
        let job = self.job.clone();
        let directory = self.directory.clone();
        let mut acts = directory.acts();
        let job = directory.put_job(&mut acts, &self.by, "job.create", job, Vec::new())?;
        drop(acts);
        self.finished = true;
        Ok(job)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let id = self.job.id;
        if !self.finished
            && let Err(error) = self.directory.sweep(table::JOB_FILE, &id.0.to_be_bytes())
        {
            tracing::debug!(%error, "what came of a file is removed later");
        }
        self.directory.inner.desk.lock().uploading.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_as_they_come() {
        let check = |pieces: &[&str], expected: u64| {
            let mut rows = Rows::default();
            pieces.iter().for_each(|piece| rows.add(piece.as_bytes()));
            rows.add(b"\n");
            assert_eq!(rows.count, expected, "{pieces:?}");
        };
        check(&["a,b\r\n1,2\r\n\r\n\n3,4"], 3);
        check(&["a\n\"x", "\ny \"\"z\"\"\n\"\nb\n"], 3);
        check(&[""], 0);
        let mut rows = Rows::default();
        rows.add("x\n".repeat(1_000_001).as_bytes());
        assert!(rows.check().is_ok());
        rows.add(b"x\n");
        let told = rows.check().unwrap_err();
        assert_eq!(told, storage::Error::TooLarge("rows").into());
    }
}
