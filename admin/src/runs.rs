//! Long work that outlives the request that began it: a run. Whoever asks after it waits a while and is
//! told how far it is, until it has an answer. A restart of the server forgets all runs.

use crate::problem::{Kind, Problem, text};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use storage::{Progress, Stage};
use tokio::sync::watch;

/// How long a request waits for a run to end.
const WAIT: Duration = Duration::from_secs(20);
/// Runs that are remembered after their end; the oldest go first.
const ENDED_MAX: usize = 32;

/// What is known of a run.
#[derive(Debug, Clone)]
pub(crate) struct Told<T> {
    pub(crate) progress: Option<Progress>,
    pub(crate) outcome: Option<Result<T, Problem>>,
}

/// Runs of one kind.
pub(crate) struct Runs<T> {
    /// How many may work at once: they are heavy.
    working_max: usize,
    book: Mutex<Book<T>>,
}

struct Book<T> {
    last: u64,
    runs: VecDeque<Run<T>>,
}

struct Run<T> {
    id: u64,
    work: Work,
    told: watch::Receiver<Told<T>>,
}

/// What a run works on and how: who asks for the same is given the same run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Work {
    /// The account's number; 0: no account's.
    pub(crate) of: u32,
    pub(crate) how: String,
}

impl<T> Run<T> {
    fn works(&self) -> bool {
        self.told.borrow().outcome.is_none()
    }
}

impl<T: Clone + Send + Sync + 'static> Runs<T> {
    pub(crate) fn new(working_max: usize) -> Self {
        let runs = VecDeque::new();
        Self {
            working_max,
            book: Mutex::new(Book { last: 0, runs }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book<T>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the run that works on the same, if there is one. Errors: 409 when as many as may work
    /// on something else.
    pub(crate) fn join(&self, work: &Work) -> Result<Option<u64>, Problem> {
        self.lock().join(work, self.working_max)
    }

    /// Begins a run on a blocking thread, or joins the one that works on the same; its number. Errors: 409.
    pub(crate) fn begin(
        &self,
        work: Work,
        act: impl FnOnce(&mut dyn FnMut(Progress) -> bool) -> Result<T, Problem> + Send + 'static,
    ) -> Result<u64, Problem> {
        let mut book = self.lock();
        if let Some(id) = book.join(&work, self.working_max)? {
            return Ok(id);
        }
        let (tells, told) = watch::channel(Told {
            progress: None,
            outcome: None,
        });
        book.last += 1;
        let id = book.last;
        book.runs.push_back(Run { id, work, told });
        let ended = book.runs.iter().filter(|run| !run.works()).count();
        if ended > ENDED_MAX
            && let Some(oldest) = book.runs.iter().position(|run| !run.works())
        {
            book.runs.remove(oldest);
        }
        drop(book);
        let tells = Arc::new(tells);
        let hears = tells.clone();
        let working = tokio::task::spawn_blocking(move || {
            act(&mut |progress| {
                hears.send_modify(|told| told.progress = Some(progress));
                true
            })
        });
        tokio::spawn(async move {
            // Also when it panicked.
            let outcome = working.await.unwrap_or_else(|e| Err(Problem::internal(&e)));
            tells.send_modify(|told| told.outcome = Some(outcome));
        });
        Ok(id)
    }

    /// Waits until this run of this account has ended, or for [`WAIT`], and tells what is known then.
    /// Errors: 404.
    pub(crate) async fn wait(&self, of: u32, id: u64) -> Result<Told<T>, Problem> {
        let own = |run: &&Run<T>| run.id == id && run.work.of == of;
        let found = self.lock().runs.iter().find(own).map(|r| r.told.clone());
        let mut told = found.ok_or_else(Problem::not_found)?;
        let ended = told.wait_for(|told| told.outcome.is_some());
        // Out of time, or the sender is gone: what was told last is what is known.
        let _ = tokio::time::timeout(WAIT, ended).await.is_ok();
        Ok(told.borrow().clone())
    }
}

impl<T> Book<T> {
    fn join(&self, work: &Work, working_max: usize) -> Result<Option<u64>, Problem> {
        let working = || self.runs.iter().filter(|run| run.works());
        if let Some(run) = working().find(|run| run.work == *work) {
            return Ok(Some(run.id));
        }
        match working().count() < working_max {
            true => Ok(None),
            false => Err(Problem::new(
                Kind::InProgress,
                text(
                    "Một việc lớn cùng loại đang chạy; hãy đợi nó xong.",
                    "Another large work of this kind runs; wait until it has ended.",
                ),
            )),
        }
    }
}

/// The name of a stage in answers.
pub(crate) fn stage(progress: Option<Progress>) -> Option<&'static str> {
    progress.map(|progress| match progress.stage {
        Stage::Copying => "copying",
        Stage::Writing => "writing",
        Stage::Checking => "checking",
        Stage::Reading => "reading",
        Stage::Placing => "placing",
        Stage::Indexing => "indexing",
        Stage::Comparing => "comparing",
        Stage::Looking => "looking",
        Stage::Content => "content",
        Stage::Gathering => "gathering",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn progress(done: u64) -> Progress {
        Progress {
            stage: Stage::Content,
            done,
            total: 9,
        }
    }

    fn work(of: u32, how: &str) -> Work {
        let how = how.to_owned();
        Work { of, how }
    }

    #[tokio::test]
    async fn a_run_is_joined_by_who_asks_for_the_same_and_keeps_others_out() {
        let runs = Runs::new(1);
        let (go, waits) = mpsc::sync_channel::<()>(1);
        let act = move |tell: &mut dyn FnMut(Progress) -> bool| {
            tell(progress(4));
            waits.recv().unwrap();
            Ok(7)
        };
        let first = runs.begin(work(3, "deep"), act).unwrap();
        assert_eq!(runs.join(&work(3, "deep")).unwrap(), Some(first));
        let same = runs.begin(work(3, "deep"), |_| Ok(8)).unwrap();
        assert_eq!(same, first);
        for other in [work(3, ""), work(4, "deep")] {
            let refused = runs.begin(other, |_| Ok(9));
            assert_eq!(refused.unwrap_err().status(), 409);
        }
        go.send(()).unwrap();
        let told = runs.wait(3, first).await.unwrap();
        assert_eq!(told.outcome.unwrap().unwrap(), 7);
        assert_eq!(told.progress, Some(progress(4)));
        for (of, id) in [(4, first), (0, first), (3, first + 1)] {
            assert_eq!(runs.wait(of, id).await.unwrap_err().status(), 404);
        }
        let next = runs.begin(work(3, ""), |_| Ok(9)).unwrap();
        let told = runs.wait(3, next).await.unwrap();
        assert_eq!(told.outcome.unwrap().unwrap(), 9);
    }

    #[tokio::test]
    async fn i13_ended_runs_are_forgotten_in_turn_and_a_panic_is_an_answer() {
        let runs: Runs<u64> = Runs::new(1);
        let broken = runs.begin(work(0, ""), |_| panic!("as a test")).unwrap();
        let told = runs.wait(0, broken).await.unwrap();
        assert_eq!(told.outcome.unwrap().unwrap_err().status(), 500);
        for n in 0..ENDED_MAX as u64 + 5 {
            let id = runs.begin(work(0, ""), move |_| Ok(n)).unwrap();
            let told = runs.wait(0, id).await.unwrap();
            assert_eq!(told.outcome.unwrap().unwrap(), n);
        }
        assert_eq!(runs.wait(0, broken).await.unwrap_err().status(), 404);
        assert!(runs.lock().runs.len() <= ENDED_MAX + 1);
    }
}
