//! Keys that are changed beside the work: what the server does when an administrator asks it to.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use storage::{AccountId, KeySource, MasterKey, Store, master_fits};

/// The master key of a store, and the one that is being put in its place.
pub struct Ring(Mutex<(MasterKey, Option<MasterKey>)>);

impl Default for Ring {
    fn default() -> Self {
        Self(Mutex::new((MasterKey::draw().unwrap(), None)))
    }
}

impl Ring {
    /// What opens the store.
    pub fn source(&self) -> KeySource {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        KeySource::Master(held.0.clone())
    }

    /// New data keys, and a new master key over them. After the power failed nothing is changed any more.
    pub fn change(&self, store: &Store, accounts: &[AccountId]) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.1.is_some() {
            return;
        }
        let own = accounts.iter().map(|id| (*id, u64::from(id.raw()) + 100));
        let made = store.assign_domains(&own.collect::<Vec<_>>());
        if made.and_then(|()| store.rotate_keys(None)).is_err() {
            return;
        }
        let new = MasterKey::draw().unwrap();
        held.1 = Some(new.clone());
        if store.rotate_master(&new).is_ok() {
            *held = (new, None);
        }
    }

    /// After a fault: one of the two opens the store, as `server` finds out by its files.
    pub fn settle(&self, dir: &Path) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !master_fits(dir, &held.0).unwrap() {
            let next = held
                .1
                .take()
                .expect("no key fits, and none was being put in");
            assert!(master_fits(dir, &next).unwrap(), "neither key fits");
            held.0 = next;
        }
        held.1 = None;
    }
}
