//! What a session that listens hears of, between its commands: commits in the accounts whose mailboxes it may see
//! (RFC 5465), and annotations that changed there (RFC 5464 §4.4). Both only wake the session and leave a note; what
//! may be told is asked of the directory when it is told.

use directory::{Access, Hearing, Heeding, Reannotated};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use storage::{AccountId, AccountStore, Subscription};
use tokio::sync::Notify;

/// Changes of annotations that wait to be told; past it, NOTIFICATIONOVERFLOW (RFC 5465 §5.8).
const ANNOTATED_MAX: usize = 1_000;

/// How often sessions that wait were woken, over all of them.
#[derive(Debug, Default)]
pub(crate) struct Wakes(AtomicU64);

impl Wakes {
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn wake(&self, session: &Notify) {
        self.0.fetch_add(1, Ordering::Relaxed);
        session.notify_one();
    }
}

/// What was heard since it was last told of.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) woken: BTreeSet<AccountId>,
    pub(super) annotated: Vec<Reannotated>,
    pub(super) overflow: bool,
}

/// Listens to accounts, as they come and go.
pub(super) struct Ears {
    notify: Arc<Notify>,
    wakes: Arc<Wakes>,
    heard: Arc<Mutex<Heard>>,
    accounts: BTreeMap<AccountId, (Subscription, Hearing)>,
    /// Where annotations on the server are of interest.
    server: Option<Hearing>,
    /// To what the sign-in rests on.
    _heeding: Heeding,
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ears {
    pub(super) fn new(access: &Access, notify: Arc<Notify>, wakes: Arc<Wakes>) -> Self {
        let shaken = Arc::clone(&notify);
        Self {
            _heeding: access.heed(Arc::new(move |()| shaken.notify_one())),
            notify,
            wakes,
            heard: Arc::default(),
            accounts: BTreeMap::new(),
            server: None,
        }
    }

    /// Hears of annotations on the server from now on, or no longer.
    pub(super) fn server(&mut self, access: &Access, wanted: bool) {
        let before = self.server.take().filter(|_| wanted);
        let hears = || wanted.then(|| access.hear_server(self.annotated()));
        self.server = before.or_else(hears);
    }

    fn annotated(&self) -> Arc<dyn Fn(&Reannotated) + Send + Sync> {
        annotated(&self.heard, &self.notify, &self.wakes)
    }

    pub(super) fn hears(&self, account: AccountId) -> bool {
        self.accounts.contains_key(&account)
    }

    /// Hears this account too.
    pub(super) fn add(&mut self, access: &Access, store: &AccountStore) {
        let account = store.id();
        if self.hears(account) {
            return;
        }
        let (heard, notify) = (Arc::clone(&self.heard), Arc::clone(&self.notify));
        let wakes = Arc::clone(&self.wakes);
        let subscription = store.subscribe(Arc::new(move |_| {
            lock(&heard).woken.insert(account);
            wakes.wake(&notify);
        }));
        let hearing = access.hear(account, self.annotated());
        self.accounts.insert(account, (subscription, hearing));
    }

    /// Hears only these from now on.
    pub(super) fn keep(&mut self, accounts: &BTreeSet<AccountId>) {
        self.accounts
            .retain(|account, _| accounts.contains(account));
    }

    pub(super) fn take(&self) -> Heard {
        std::mem::take(&mut lock(&self.heard))
    }

    /// RFC 5464 §4.4: what one has set oneself is not told.
    pub(super) fn forget(&self, own: &Reannotated) {
        let mut heard = lock(&self.heard);
        if let Some(at) = heard.annotated.iter().rposition(|a| same(a, own)) {
            heard.annotated.remove(at);
        }
    }
}

fn same(heard: &Reannotated, own: &Reannotated) -> bool {
    let named = |(seen, name): &(_, String)| own.names.contains(&(*seen, name.clone()));
    heard.on == own.on && heard.by == own.by && heard.names.iter().all(named)
}

fn annotated(
    heard: &Arc<Mutex<Heard>>,
    notify: &Arc<Notify>,
    wakes: &Arc<Wakes>,
) -> Arc<dyn Fn(&Reannotated) + Send + Sync> {
    let (heard, notify, wakes) = (Arc::clone(heard), Arc::clone(notify), Arc::clone(wakes));
    Arc::new(move |change| {
        let mut heard = lock(&heard);
        match heard.annotated.len() < ANNOTATED_MAX {
            true => heard.annotated.push(change.clone()),
            false => heard.overflow = true,
        }
        drop(heard);
        wakes.wake(&notify);
    })
}
