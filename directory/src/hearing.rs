//! Hearing: a call when annotations change. In memory only: who was not there reads them when he comes.

use crate::{Access, AccountId, Annotated, Directory, Seen};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Annotations that were set or removed, all of them on one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Reannotated {
    pub on: Annotated,
    /// Each with who sees it: what only one sees is `by`'s.
    pub names: Vec<(Seen, String)>,
    pub by: AccountId,
}

/// What is called.
pub(crate) type Told = Arc<dyn Fn(&Reannotated) + Send + Sync>;

type List = Mutex<HashMap<AccountId, Vec<(u64, Told)>>>;

/// Who listens to the annotations of which account; of the server, to those of the system's.
#[derive(Default)]
pub(crate) struct Listeners {
    list: Arc<List>,
    last: AtomicU64,
}

fn lock(list: &List) -> MutexGuard<'_, HashMap<AccountId, Vec<(u64, Told)>>> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the calls when dropped.
pub struct Hearing {
    list: Weak<List>,
    account: AccountId,
    number: u64,
}

impl Drop for Hearing {
    fn drop(&mut self) {
        let Some(list) = self.list.upgrade() else {
            return;
        };
        let mut list = lock(&list);
        let Some(told) = list.get_mut(&self.account) else {
            return;
        };
        let at = told.iter().position(|(n, _)| *n == self.number);
        let ended = at.map(|at| told.swap_remove(at));
        if told.is_empty() {
            list.remove(&self.account);
        }
        drop(list);
        drop(ended);
    }
}

impl Access {
    /// Calls `told` after annotations on mailboxes of this account have changed, and on the server for one's own
    /// account alone. It must only make a note, and ask rights when it is read.
    pub fn hear(
        &self,
        account: AccountId,
        told: Arc<dyn Fn(&Reannotated) + Send + Sync>,
    ) -> Hearing {
        self.directory.inner.listeners.add(account, told)
    }

    /// The same of what all see on the server.
    pub fn hear_server(&self, told: Arc<dyn Fn(&Reannotated) + Send + Sync>) -> Hearing {
        self.hear(AccountId::SYSTEM, told)
    }
}

impl Directory {
    /// Tells of a change that was committed.
    pub(crate) fn tell_annotated(&self, change: &Reannotated) {
        let listeners = &self.inner.listeners;
        match change.on {
            Annotated::Mailbox(account, _) => listeners.tell(account, change),
            Annotated::Server => {
                for (seen, listening) in
                    [(Seen::ByAll, AccountId::SYSTEM), (Seen::ByOne, change.by)]
                {
                    let named = change.names.iter().filter(|(s, _)| *s == seen);
                    let names: Vec<_> = named.cloned().collect();
                    if !names.is_empty() {
                        let change = Reannotated {
                            names,
                            ..change.clone()
                        };
                        listeners.tell(listening, &change);
                    }
                }
            }
        }
    }
}

impl Listeners {
    fn add(&self, account: AccountId, told: Told) -> Hearing {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        lock(&self.list)
            .entry(account)
            .or_default()
            .push((number, told));
        Hearing {
            list: Arc::downgrade(&self.list),
            account,
            number,
        }
    }

    /// Calls without the lock, so that a call may begin or end to listen.
    fn tell(&self, account: AccountId, change: &Reannotated) {
        let told = lock(&self.list).get(&account).cloned().unwrap_or_default();
        for (_, told) in told {
            told(change);
        }
    }
}

impl std::fmt::Debug for Hearing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hearing")
    }
}
