//! Whoever works on jobs: a few threads, each with one job in hand.

use super::job::{Failure, Job, JobId, JobKind, JobState};
use super::turn::WORKERS;
use crate::act::Note;
use crate::fact::Fact;
use crate::origin::Origin;
use crate::{Access, Directory, Error, Through};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Without a ring a worker looks this often: what is old is to be forgotten.
const IDLE: Duration = Duration::from_secs(3600);

/// The workers; they stop at the end of a batch when this is dropped.
#[derive(Debug)]
pub struct Workshop {
    directory: Directory,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// Why work on a job stopped before it was done.
#[derive(Debug)]
pub(super) enum Halt {
    /// The job ends as failed.
    Failed(Failure),
    /// Somebody cancelled it, or it is gone.
    Cancelled,
    /// The server stops; the job goes on when it starts again.
    Stopping,
    /// A store that takes nothing now may later: the job goes on when the server starts again, or is asked to.
    Store(storage::Error),
}

impl From<storage::Error> for Halt {
    fn from(error: storage::Error) -> Self {
        Self::Store(error)
    }
}

impl From<formats::csv::Refusal> for Halt {
    fn from(refusal: formats::csv::Refusal) -> Self {
        Self::Failed(refusal.into())
    }
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        match error {
            Error::Storage(error) => Self::Store(error),
            _ => Self::Failed(Failure::NotAllowed),
        }
    }
}

impl Workshop {
    /// Starts the workers; jobs that were under way when the server stopped go on. Errors: no thread.
    pub fn start(directory: &Directory) -> Result<Self, Error> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut shop = Self {
            directory: directory.clone(),
            stop,
            threads: Vec::new(),
        };
        for n in 0..WORKERS {
            let (directory, stop) = (directory.clone(), Arc::clone(&shop.stop));
            let thread = std::thread::Builder::new()
                .name(format!("jobs-{n}"))
                .spawn(move || directory.work(&stop, n == 0))
                .map_err(|e| storage::Error::Unavailable(e.to_string().into()))?;
            shop.threads.push(thread);
        }
        Ok(shop)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            while !thread.is_finished() {
                self.directory.inner.desk.ring();
                std::thread::yield_now();
            }
            let _ = thread.join();
        }
    }
}

fn tidied(done: Result<(), Error>) {
    if let Err(error) = done {
        tracing::warn!(%error, "what is left of old jobs was not removed");
    }
}

impl Directory {
    fn work(&self, stop: &AtomicBool, tidies: bool) {
        while !stop.load(Ordering::SeqCst) {
            let heard = self.inner.desk.calls();
            if tidies {
                tidied(self.forget_jobs().and_then(|()| self.sweep_shelves()));
            }
            // A job whose store failed is not taken up again before a ring: it would fail at once.
            while let Some(id) = self.take_job(stop) {
                let halted = self.work_on(id, stop);
                self.inner.desk.give_back(id);
                if halted {
                    break;
                }
                // It may have been what others had to wait for.
                self.inner.desk.ring();
                tidied(self.forget_jobs());
            }
            if !stop.load(Ordering::SeqCst) {
                self.inner.desk.wait(heard, IDLE);
            }
        }
    }

    /// Takes the job in hand whose turn it is.
    fn take_job(&self, stop: &AtomicBool) -> Option<JobId> {
        if stop.load(Ordering::SeqCst) {
            return None;
        }
        let book = self.read();
        let open = book.jobs.values().filter(|job| job.state.is_open());
        self.inner.desk.take(&open.collect::<Vec<_>>())
    }

    /// Works on a job until it ends or halts; true when the store failed.
    fn work_on(&self, id: JobId, stop: &AtomicBool) -> bool {
        let Some(job) = self.read().jobs.get(&id).cloned() else {
            return false;
        };
        let done = match job.kind {
            JobKind::Import => self.import(&job, stop),
            JobKind::Undo => self.undo(&job, stop),
        };
        let ended = match done {
            Ok(()) => self.end_job(id, None),
            Err(Halt::Failed(failure)) => self.end_job(id, Some(failure)),
            Err(Halt::Cancelled | Halt::Stopping) => Ok(()),
            Err(Halt::Store(error)) => Err(error.into()),
        };
        match ended {
            Ok(()) => false,
            Err(error) => {
                tracing::error!(%error, job = id.0, "a job halted; it goes on when the next one is asked for, or at the next start");
                true
            }
        }
    }

    fn end_job(&self, id: JobId, failure: Option<Failure>) -> Result<(), Error> {
        let mut acts = self.acts();
        let job = self.read().jobs.get(&id).cloned();
        let Some(mut job) = job.filter(|job| job.state.is_open()) else {
            return Ok(());
        };
        job.state = match failure {
            None => JobState::Done,
            Some(_) => JobState::Failed,
        };
        job.failure = failure;
        job.ended_at = Some(self.now_s());
        let counts = job.counts;
        let note = Note {
            act: "job.end",
            object: job.agency.to_string(),
            detail: json!({"job": id.0, "state": format!("{:?}", job.state).to_lowercase(),
                "new": counts.new, "changed": counts.changed, "same": counts.same, "errors": counts.errors}),
        };
        let by = self.access_of(&job);
        let facts = vec![Fact::Job(Box::new(job))];
        self.commit(&mut acts, by.as_ref(), note, facts)
    }

    /// The proof by which a job works: it stands as long as who asked may sign in through what he asked with.
    pub(super) fn access_of(&self, job: &Job) -> Option<Access> {
        let book = self.read();
        let account = book.account(job.account)?;
        Some(Access {
            directory: self.clone(),
            account: account.id,
            address: account.address.clone(),
            through: Through::Job(job.credential),
            session: None,
            origin: Origin::JOB,
        })
    }

    /// The same while the job may go on. Errors: `Cancelled`, `Stopping`, `Failed(NotAllowed)`.
    pub(super) fn may_go_on(&self, id: JobId, stop: &AtomicBool) -> Result<(Job, Access), Halt> {
        if stop.load(Ordering::SeqCst) {
            return Err(Halt::Stopping);
        }
        let job = self.read().jobs.get(&id).cloned();
        let job = job
            .filter(|job| job.state.is_open())
            .ok_or(Halt::Cancelled)?;
        let access = self.access_of(&job);
        let may = |access: &Access| self.read().imports(access, job.subject, &job.agency);
        match access.filter(may) {
            Some(access) => Ok((job, access)),
            None => Err(Halt::Failed(Failure::NotAllowed)),
        }
    }
}
