//! Whether the index is what it should be while the server runs, and how often it may be made anew.

use std::collections::VecDeque;
use std::time::{Duration, Instant};
use storage::Store;

/// How often a damaged index is looked for.
const TICK: Duration = Duration::from_secs(1);
/// Times within [`WINDOW`] that the store is opened again because its index was damaged, before the process gives up.
pub(crate) const REOPENED_MAX: usize = 3;
/// Times that a store which this very process still holds is tried again, a [`TICK`] apart.
const LET_GO_TRIES: usize = 60;
/// Damage that is further apart has causes of its own.
const WINDOW: Duration = Duration::from_secs(60 * 60);

/// Returns when a reader met damage in the index.
pub(crate) async fn damaged(store: &Store) {
    while !store.index_is_damaged() {
        tokio::time::sleep(TICK).await;
    }
}

/// Opens; what the run before left behind, as a long search on its thread, may hold the store for a while yet.
/// Errors: those of `open`.
pub(crate) fn open<T>(open: impl Fn() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let own = Some(std::process::id());
    for _ in 0..LET_GO_TRIES {
        match open() {
            Err(error) if holder(&error) == own => std::thread::park_timeout(TICK),
            opened => return opened,
        }
    }
    open()
}

/// Who holds the store, when that is why it could not be opened.
fn holder(error: &anyhow::Error) -> Option<u32> {
    error.chain().find_map(|cause| match cause.downcast_ref() {
        Some(storage::Error::InUse { process, .. }) => *process,
        _ => None,
    })
}

/// When the store was opened again, within the last [`WINDOW`].
#[derive(Debug, Default)]
pub(crate) struct Reopenings(VecDeque<Instant>);

impl Reopenings {
    /// Whether it may be opened once more now; counts it.
    pub(crate) fn allow(&mut self, now: Instant) -> bool {
        while self
            .0
            .front()
            .is_some_and(|at| now.duration_since(*at) >= WINDOW)
        {
            self.0.pop_front();
        }
        let allowed = self.0.len() < REOPENED_MAX;
        if allowed {
            self.0.push_back(now);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_is_let_go_is_opened_and_anothers_is_not_waited_for() {
        let refused = |process: u32| {
            anyhow::Error::new(storage::Error::InUse {
                dir: "x".into(),
                process: Some(process),
            })
            .context("cannot be opened")
        };
        let tries = std::cell::Cell::new(0);
        let opened = open(|| {
            tries.set(tries.get() + 1);
            match tries.get() {
                1 => Err(refused(std::process::id())),
                _ => Ok(()),
            }
        });
        assert!(opened.is_ok());
        let other = open(|| {
            tries.set(tries.get() + 1);
            Err::<(), _>(refused(1))
        });
        assert!(other.is_err() && tries.get() == 3);
    }

    #[test]
    fn three_times_an_hour_and_as_often_as_needed_in_a_life() {
        let mut reopenings = Reopenings::default();
        let begun = Instant::now();
        let mut at = |minutes: u64| reopenings.allow(begun + Duration::from_secs(minutes * 60));
        assert_eq!(
            [0, 1, 2, 3, 59].map(&mut at),
            [true, true, true, false, false]
        );
        assert_eq!(
            [60, 60, 61, 62, 63].map(&mut at),
            [true, false, true, true, false]
        );
        for hour in 2..100 {
            assert!(at(hour * 60 + 30));
        }
    }
}
