//! RFC 1939 §4: a maildrop belongs to one session at a time.

use directory::AccountId;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The maildrops that are open in this server.
#[derive(Debug, Default)]
pub(crate) struct Locks(Mutex<HashSet<AccountId>>);

/// One maildrop, taken; given back when dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    locks: Arc<Locks>,
    account: AccountId,
}

impl Locks {
    /// Takes the maildrop, or says that somebody has it.
    pub(crate) fn take(self: &Arc<Self>, account: AccountId) -> Option<Taken> {
        let fresh = self.open().insert(account);
        fresh.then(|| Taken {
            locks: Arc::clone(self),
            account,
        })
    }

    fn open(&self) -> MutexGuard<'_, HashSet<AccountId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.locks.open().remove(&self.account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_session_has_it_and_gives_it_back() {
        let locks = Arc::new(Locks::default());
        let (one, two) = (AccountId::new(7).unwrap(), AccountId::new(8).unwrap());
        let taken = locks.take(one).unwrap();
        assert!(locks.take(one).is_none());
        assert!(locks.take(two).is_some());
        drop(taken);
        assert!(locks.take(one).is_some());
    }
}
