//! A few threads that work through a list, one item each at a time, and say how far they are.

use super::{Failure, Progress, Refusal, Stage, Tell, WORKERS_MAX};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

/// With which a worker says how far it came.
pub(super) struct Pace<'a> {
    steps: SyncSender<u64>,
    stop: &'a AtomicBool,
}

impl Pace<'_> {
    /// So many octets more are done. Errors: `Stopped`, when another worker failed or nobody wants it any more.
    pub(super) fn step(&self, octets: u64) -> Result<(), Failure> {
        let heard = self.steps.send(octets).is_ok();
        if !heard || self.stop.load(Ordering::Relaxed) {
            return Err(Refusal::Stopped.into());
        }
        Ok(())
    }
}

/// What is told, of how many octets in all.
pub(super) struct Goal {
    pub stage: Stage,
    pub total: u64,
    pub workers: usize,
}

/// Does `work` for each item; the results are in the order of the items. The first failure ends all.
pub(super) fn each<T: Sync, R: Send>(
    items: &[T],
    goal: &Goal,
    tell: Tell<'_>,
    work: impl Fn(&T, &Pace<'_>) -> Result<R, Failure> + Sync,
) -> Result<Vec<R>, Failure> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (results, failure) = (Mutex::new(Vec::new()), Mutex::new(None));
    // No step waits to be told: who says stop is heard with each worker's next one.
    let (steps, heard) = sync_channel(0);
    let Goal { stage, total, .. } = *goal;
    std::thread::scope(|scope| {
        for _ in 0..goal.workers.clamp(1, WORKERS_MAX).min(items.len()) {
            let pace = Pace {
                steps: steps.clone(),
                stop: &stop,
            };
            let (next, stop, results, failure, work) = (&next, &stop, &results, &failure, &work);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { break };
                    match work(item, &pace) {
                        Ok(result) => locked(results).push((at, result)),
                        Err(e) => {
                            // In this order, so that the others' being stopped is not the cause.
                            locked(failure).get_or_insert(e);
                            stop.store(true, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
        drop(steps);
        let mut done = 0;
        for octets in heard {
            done += octets;
            if !tell(Progress { stage, done, total }) {
                stop.store(true, Ordering::Relaxed);
            }
        }
    });
    if let Some(e) = locked(&failure).take() {
        return Err(e);
    }
    if stop.load(Ordering::Relaxed) {
        return Err(Refusal::Stopped.into());
    }
    let mut results = std::mem::take(&mut *locked(&results));
    results.sort_unstable_by_key(|(at, _)| *at);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOAL: Goal = Goal {
        stage: Stage::Checking,
        total: 100,
        workers: 4,
    };

    #[test]
    fn results_keep_their_order_and_failures_end_it() {
        let items: Vec<u64> = (0..100).collect();
        let mut last = 0;
        let all = each(
            &items,
            &GOAL,
            &mut |p| {
                last = p.done;
                true
            },
            |n, pace| {
                pace.step(1)?;
                Ok(*n)
            },
        );
        assert_eq!((all.unwrap(), last), (items.clone(), 100));
        let wrong = Failure::Storage(crate::Error::NotFound);
        let failed = each(&items, &GOAL, &mut |_| true, |n, pace| match n {
            7 => Err(wrong.clone()),
            _ => pace.step(1),
        });
        assert_eq!(failed, Err(wrong));
        let stopped = each(&items, &GOAL, &mut |p| p.done < 5, |_, pace| pace.step(1));
        assert_eq!(stopped, Err(Refusal::Stopped.into()));
        let none: &[u64] = &[];
        assert_eq!(each(none, &GOAL, &mut |_| true, |_, _| Ok(())), Ok(vec![]));
    }
}
