//! How far long work is: told now and then to whoever wants to know, who may also end it.

use crate::Upgraded;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Files of the store go into the vault.
    Copying,
    /// Files of the store are written from the vault.
    Writing,
    /// Chunks of the vault are read and compared.
    Checking,
    /// What one account needs is read from the vault.
    Reading,
    /// Messages go into the account.
    Placing,
    /// The index is made anew from snapshots.
    Indexing,
    /// The index is compared, key by key.
    Comparing,
    /// Each account is looked at.
    Looking,
    /// All content is read.
    Content,
    /// What is whole in a damaged store is gathered.
    Gathering,
}

/// How far it is: in octets; in messages for [`Stage::Placing`], in keys for [`Stage::Comparing`], in
/// accounts for [`Stage::Looking`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Progress {
    pub stage: Stage,
    pub done: u64,
    /// Near the truth where it cannot be known before; never below `done`.
    pub total: u64,
}

/// Hears of the progress; false ends the work.
pub type Tell<'a> = &'a mut dyn FnMut(Progress) -> bool;

/// Told of what happens while a store is opened, made anew or moved; cheap to clone. It cannot end
/// the work. The default tells nobody.
#[derive(Clone, Default)]
pub struct Watch {
    watched: Option<Arc<Watched>>,
    upgraded: Option<Arc<TellUpgraded>>,
}

type TellUpgraded = dyn Fn(&Upgraded) + Send + Sync;

struct Watched {
    tell: Box<dyn Fn(Progress) + Send + Sync>,
    at: Mutex<Option<(Stage, u64)>>,
    done: AtomicU64,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch")
    }
}

impl Watch {
    /// Tells this, from whatever thread works.
    pub fn new(tell: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        let watched = Watched {
            tell: Box::new(tell),
            at: Mutex::new(None),
            done: AtomicU64::new(0),
        };
        Self {
            watched: Some(Arc::new(watched)),
            upgraded: None,
        }
    }

    /// The same; `tell` hears besides that a store of an earlier format was upgraded.
    pub fn of_upgrades(self, tell: impl Fn(&Upgraded) + Send + Sync + 'static) -> Self {
        Self {
            upgraded: Some(Arc::new(tell)),
            ..self
        }
    }

    pub(crate) fn upgraded(&self, how: &Upgraded) {
        if let Some(tell) = &self.upgraded {
            tell(how);
        }
    }

    /// Another stage begins, of about so much. Nothing is told before some of it is done.
    pub(crate) fn begin(&self, stage: Stage, total: u64) {
        if let Some(watched) = &self.watched {
            let mut at = watched.at.lock().unwrap_or_else(PoisonError::into_inner);
            *at = Some((stage, total));
            watched.done.store(0, Ordering::Relaxed);
        }
    }

    /// So much more of the stage is done.
    pub(crate) fn more(&self, some: u64) {
        let Some(watched) = &self.watched else {
            return;
        };
        let at = *watched.at.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((stage, total)) = at else { return };
        let done = watched.done.fetch_add(some, Ordering::Relaxed) + some;
        let total = total.max(done);
        (watched.tell)(Progress { stage, done, total });
    }

    /// For work that tells by itself.
    pub(crate) fn tell(&self, progress: Progress) -> bool {
        if let Some(watched) = &self.watched {
            (watched.tell)(progress);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_counts_within_a_stage_and_never_passes_its_total() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let hears = told.clone();
        let watch = Watch::new(move |p| hears.lock().unwrap().push((p.stage, p.done, p.total)));
        watch.more(5);
        watch.begin(Stage::Indexing, 10);
        watch.more(4);
        watch.clone().more(8);
        watch.begin(Stage::Comparing, 3);
        watch.more(1);
        let expected = [
            (Stage::Indexing, 4, 10),
            (Stage::Indexing, 12, 12),
            (Stage::Comparing, 1, 3),
        ];
        assert_eq!(*told.lock().unwrap(), expected);
        Watch::default().begin(Stage::Indexing, 1);
        Watch::default().more(1);
    }
}
