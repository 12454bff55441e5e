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

/// What is called after a commit.
pub(crate) type Told = Arc<dyn Fn(ModSeq) + Send + Sync>;

/// Who wants to know of which account's commits.
#[derive(Clone, Default)]
pub(crate) struct Subscribers {
    list: Arc<List>,
    last: Arc<AtomicU64>,
}

type List = Mutex<HashMap<AccountId, Vec<(u64, Told)>>>;

fn lock(list: &List) -> MutexGuard<'_, HashMap<AccountId, Vec<(u64, Told)>>> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Subscribers {
    pub(crate) fn add(&self, account: AccountId, told: Told) -> Subscription {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        lock(&self.list)
            .entry(account)
            .or_default()
            .push((number, told));
        Subscription {
            list: Arc::downgrade(&self.list),
            account,
            number,
        }
    }

    /// Calls without the lock, so that a call may subscribe or unsubscribe.
    pub(crate) fn announce(&self, account: AccountId, modseq: ModSeq) {
        let told = lock(&self.list).get(&account).cloned().unwrap_or_default();
        for (_, told) in told {
            // A listener's fault is not the store's.
            if catch_unwind(AssertUnwindSafe(|| told(modseq))).is_err() {
                tracing::error!(%account, "a listener to changes panicked");
            }
        }
    }
}

/// Ends the calls when dropped.
pub struct Subscription {
    list: Weak<List>,
    account: AccountId,
    number: u64,
}

impl Drop for Subscription {
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
        // What the call held may itself end a subscription when it goes.
        drop(list);
        drop(ended);
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Subscription")
    }
}
