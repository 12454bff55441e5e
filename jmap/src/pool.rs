//! Bounds on what runs at once: store calls on blocking threads, and seats of one account.

use crate::limit;
use crate::problem::Problem;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use storage::AccountId;
use tokio::sync::Semaphore;

/// What a seat is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Use {
    Request,
    Upload,
    Stream,
    Socket,
}

impl Use {
    fn max(self) -> u32 {
        match self {
            Self::Request => limit::REQUESTS_AT_ONCE_MAX,
            Self::Upload => limit::UPLOADS_AT_ONCE_MAX,
            Self::Stream => limit::STREAMS_MAX,
            Self::Socket => limit::SOCKETS_MAX,
        }
    }
}

/// Counts what each account has running. Holds a row only while something runs.
#[derive(Debug, Default)]
pub(crate) struct Seats(Mutex<HashMap<(AccountId, Use), u32>>);

/// Gives the seat back when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    key: (AccountId, Use),
}

impl Seats {
    /// `None` when the account has as many as it may.
    pub(crate) fn take(self: &Arc<Self>, account: AccountId, what: Use) -> Option<Seat> {
        let key = (account, what);
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(key).or_insert(0);
        if *count >= what.max() {
            return None;
        }
        *count += 1;
        Some(Seat {
            seats: Arc::clone(self),
            key,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.key);
            }
        }
    }
}

/// The blocking threads that this room may use.
#[derive(Debug, Clone)]
pub(crate) struct Pool(Arc<Semaphore>);

impl Pool {
    pub(crate) fn new() -> Self {
        Self::of(limit::BLOCKING_MAX)
    }

    /// Of so many threads.
    pub(crate) fn of(threads: usize) -> Self {
        Self(Arc::new(Semaphore::new(threads)))
    }

    /// Runs `work` on a blocking thread, once one is free. A panic in it is this request's failure only.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, Problem> + Send + 'static,
    {
        let permit = Arc::clone(&self.0)
            .acquire_owned()
            .await
            .map_err(|_| Problem::unavailable())?;
        // The permit goes along: a client that hangs up does not free a thread that still works.
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a JMAP request panicked");
            Err(Problem::failed())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i13_seats_are_bounded_and_given_back() {
        let seats = Arc::new(Seats::default());
        let account = AccountId::SYSTEM;
        let held: Vec<_> = (0..limit::UPLOADS_AT_ONCE_MAX)
            .map(|_| seats.take(account, Use::Upload).expect("a free seat"))
            .collect();
        assert!(seats.take(account, Use::Upload).is_none());
        assert!(seats.take(account, Use::Stream).is_some());
        drop(held);
        assert!(seats.0.lock().unwrap().is_empty());
    }
}
