//! Room in memory for what clients send in large literals (RFC 9051 §4.3), and for what CATENATE reads and puts together.
//!
//! It is bounded over all connections, and each account has a share of it, however many connections it has: one that
//! stalls all its uploads holds up none of the others (I-13).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use storage::AccountId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room is counted in these octets.
const UNIT: u64 = 4 * 1024;
/// One account may hold one part in so many of all room.
const SHARES: u64 = 4;

/// All of it.
pub(crate) struct Rooms {
    free: Arc<Semaphore>,
    /// Units that one account may hold.
    share: u64,
    held: Arc<Held>,
}

/// Units by who holds them; those who hold none have no entry.
#[derive(Default)]
struct Held(Mutex<HashMap<AccountId, u64>>);

impl Held {
    fn with<T>(&self, act: impl FnOnce(&mut HashMap<AccountId, u64>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, account: AccountId, units: u64, max: u64) -> bool {
        self.with(|held| {
            let before = held.get(&account).copied().unwrap_or(0);
            let fits = before.saturating_add(units) <= max;
            if fits {
                held.insert(account, before + units);
            }
            fits
        })
    }

    fn take(&self, account: AccountId, units: u64) {
        self.with(|held| {
            let left = held.get(&account).map_or(0, |n| n.saturating_sub(units));
            match left {
                0 => held.remove(&account),
                left => held.insert(account, left),
            };
        });
    }
}

/// Some of it, until it is dropped.
pub(crate) struct Room {
    permit: OwnedSemaphorePermit,
    held: Arc<Held>,
    account: AccountId,
}

impl Rooms {
    /// So many octets in all. An account's share takes one message of the largest size in any case.
    pub(crate) fn new(octets: u64, message_max: u64) -> Self {
        let units = (octets / UNIT).min(Semaphore::MAX_PERMITS as u64);
        Self {
            free: Arc::new(Semaphore::new(usize::try_from(units).unwrap_or(0))),
            share: (units / SHARES).max(message_max.div_ceil(UNIT)),
            held: Arc::default(),
        }
    }

    /// So much for an account; `None`: there is no more, or this account has its share.
    pub(crate) fn take(&self, account: AccountId, octets: u64) -> Option<Room> {
        let units = u32::try_from(octets.div_ceil(UNIT)).ok()?;
        if !self.held.add(account, u64::from(units), self.share) {
            return None;
        }
        let Ok(permit) = Arc::clone(&self.free).try_acquire_many_owned(units) else {
            self.held.take(account, u64::from(units));
            return None;
        };
        Some(Room {
            permit,
            held: Arc::clone(&self.held),
            account,
        })
    }
}

impl Room {
    /// Adds some that the same account took.
    pub(crate) fn merge(&mut self, mut other: Self) {
        debug_assert_eq!(self.account, other.account);
        // What is split off is no longer given back by the other.
        let units = other.permit.num_permits();
        if let Some(permit) = other.permit.split(units) {
            self.permit.merge(permit);
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.held
            .take(self.account, self.permit.num_permits() as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(number: u32) -> AccountId {
        AccountId::new(number).unwrap()
    }

    #[test]
    fn i13_one_account_has_a_share_of_the_room() {
        let rooms = Rooms::new(16 * UNIT, UNIT);
        let (an, binh) = (account(2), account(3));
        let mut first = rooms.take(an, 3 * UNIT).unwrap();
        assert!(rooms.take(an, UNIT + 1).is_none(), "more than its share");
        first.merge(rooms.take(an, 1).unwrap());
        assert!(rooms.take(an, 1).is_none());
        // The others have theirs, until there is none left.
        let others: Vec<Room> = (3..6)
            .map(|n| rooms.take(account(n), 4 * UNIT).unwrap())
            .collect();
        assert!(rooms.take(account(9), 1).is_none());
        drop(first);
        assert!(rooms.take(binh, 1).is_none(), "its share, not the room");
        drop(others);
        let again = rooms.take(an, 4 * UNIT);
        assert!(again.is_some());
        drop(again);
        rooms.held.with(|held| assert!(held.is_empty()));
        assert_eq!(rooms.free.available_permits(), 16);
    }

    #[test]
    fn a_share_takes_one_message_in_any_case() {
        let rooms = Rooms::new(16 * UNIT, 10 * UNIT);
        assert!(rooms.take(account(2), 10 * UNIT).is_some());
        assert!(rooms.take(account(2), 11 * UNIT).is_none());
        assert!(rooms.take(account(2), u64::MAX).is_none());
    }
}
