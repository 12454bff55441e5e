//! A bounded cache of decoded summaries: two generations, the older is dropped when the younger is full.

use crate::{AccountId, EmailId};
use formats::message::Summary;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Summaries in one generation; some 1 to 2 KB each.
const GENERATION_MAX: usize = 8_192;

type Generation = HashMap<(AccountId, EmailId), Arc<Summary>>;

#[derive(Default)]
pub(crate) struct Summaries {
    generations: Mutex<(Generation, Generation)>,
}

impl Summaries {
    pub(crate) fn find(&self, account: AccountId, email: EmailId) -> Option<Arc<Summary>> {
        let mut generations = self
            .generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (young, old) = &mut *generations;
        if let Some(found) = young.get(&(account, email)) {
            return Some(found.clone());
        }
        let found = old.get(&(account, email)).cloned()?;
        keep(&mut generations, (account, email), found.clone());
        Some(found)
    }

    pub(crate) fn keep(&self, account: AccountId, email: EmailId, summary: Arc<Summary>) {
        let mut generations = self
            .generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        keep(&mut generations, (account, email), summary);
    }

    /// The message is gone.
    pub(crate) fn forget(&self, account: AccountId, email: EmailId) {
        let mut generations = self
            .generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        generations.0.remove(&(account, email));
        generations.1.remove(&(account, email));
    }
}

fn keep(
    generations: &mut (Generation, Generation),
    key: (AccountId, EmailId),
    summary: Arc<Summary>,
) {
    if generations.0.len() >= GENERATION_MAX {
        generations.1 = std::mem::take(&mut generations.0);
    }
    generations.0.insert(key, summary);
}
