//! The change log: what changed in an account since a ModSeq, and a call when it changes.

use crate::{AccountId, EmailId, MailboxId, ModSeq, ThreadId, Uid};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// One thing that a commit did. Stored in this order of variants: new ones go to the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Change {
    MailboxCreated(MailboxId),
    /// Name, parent, role, subscription or order.
    MailboxChanged(MailboxId),
    /// Only counts changed.
    MailboxCounts(MailboxId),
    MailboxRemoved(MailboxId),
    EmailCreated {
        email: EmailId,
        thread: ThreadId,
    },
    /// Keywords or mailboxes changed.
    EmailChanged {
        email: EmailId,
        thread: ThreadId,
    },
    /// The last copy in any mailbox is gone.
    EmailRemoved {
        email: EmailId,
        thread: ThreadId,
    },
    /// This Uid left this mailbox (expunge or move): RFC 7162 VANISHED.
    Vanished {
        mailbox: MailboxId,
        uid: Uid,
    },
}

/// What happened after a ModSeq, oldest first.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Changes {
    /// Each with the ModSeq of its commit.
    pub list: Vec<(ModSeq, Change)>,
    /// The state that the list leads to.
    pub until: ModSeq,
    /// Whether more follows (the list was cut at the caller's limit, at a commit's border).
    pub more: bool,
}

/// What is called after something has happened.
type Told<E> = Arc<dyn Fn(&E) + Send + Sync>;

type Calls<E> = HashMap<AccountId, Vec<(u64, Told<E>)>>;
type List<E> = Mutex<Calls<E>>;

fn lock<E>(list: &List<E>) -> MutexGuard<'_, Calls<E>> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who wants to know of what happens in which account. In memory only: who was not there reads it when he comes.
pub struct Listeners<E> {
    list: Arc<List<E>>,
    last: Arc<AtomicU64>,
}

impl<E> Listeners<E> {
    /// Calls `told` until what is given back is dropped.
    pub fn add(&self, account: AccountId, told: Arc<dyn Fn(&E) + Send + Sync>) -> Listening<E> {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        lock(&self.list)
            .entry(account)
            .or_default()
            .push((number, told));
        Listening {
            list: Arc::downgrade(&self.list),
            account,
            number,
        }
    }

    /// Calls without the lock, so that a call may begin or end to listen.
    pub fn tell(&self, account: AccountId, event: &E) {
        let told = lock(&self.list).get(&account).cloned().unwrap_or_default();
        for (_, told) in told {
            // A listener's fault is not that of who tells.
            if catch_unwind(AssertUnwindSafe(|| told(event))).is_err() {
                tracing::error!(%account, "a listener to changes panicked");
            }
        }
    }
}

impl<E> Clone for Listeners<E> {
    fn clone(&self) -> Self {
        Self {
            list: Arc::clone(&self.list),
            last: Arc::clone(&self.last),
        }
    }
}

impl<E> Default for Listeners<E> {
    fn default() -> Self {
        Self {
            list: Arc::default(),
            last: Arc::default(),
        }
    }
}

/// Who listens to commits.
pub(crate) type Subscribers = Listeners<ModSeq>;

/// Listening to the commits of an account.
pub type Subscription = Listening<ModSeq>;

/// Ends the calls when dropped.
pub struct Listening<E> {
    list: Weak<List<E>>,
    account: AccountId,
    number: u64,
}

impl<E> Drop for Listening<E> {
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
        // What the call held may itself end another when it goes.
        drop(list);
        drop(ended);
    }
}

impl<E> std::fmt::Debug for Listening<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Listening")
    }
}
