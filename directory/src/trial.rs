//! Trial: an act that is looked at and not done.
//!
//! An Access on trial goes through all that an act checks, up to its one commit, which is then not made: what the audit
//! log would have told of it is noted instead. So nothing changes, nothing is entered, no request for a second person is
//! made or used up, and an act that would be refused is refused with its own error.

use crate::act::Note;
use crate::{Access, Error};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One act that would be done, as the audit log would tell of it: `detail` has what was and what would be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Tried {
    pub act: &'static str,
    pub object: String,
    pub detail: serde_json::Value,
}

/// What a request would do.
#[derive(Debug, Clone, Default)]
pub struct Trial(Arc<Mutex<Option<Vec<Tried>>>>);

impl Trial {
    fn lock(&self) -> MutexGuard<'_, Option<Vec<Tried>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What would be done; `None`: no act came as far as its commit.
    pub fn ended(&self) -> Option<Vec<Tried>> {
        self.lock().clone()
    }

    /// The act that was asked for would be done now. Errors: always `Tried`, instead of doing it.
    pub(crate) fn end<T>(&self, notes: impl IntoIterator<Item = Note>) -> Result<T, Error> {
        let tried = notes.into_iter().map(|note| Tried {
            act: note.act,
            object: note.object,
            detail: note.detail,
        });
        // What does several acts one after the other tells of all of them.
        self.lock().get_or_insert_default().extend(tried);
        Err(Error::Tried)
    }
}

impl Access {
    /// The same proof, by which acts are looked at and not done.
    #[must_use]
    pub fn on_trial(mut self, trial: &Trial) -> Self {
        self.origin.trial = Some(trial.clone());
        self
    }

    /// Whether acts by it are only looked at.
    #[must_use]
    pub fn is_on_trial(&self) -> bool {
        self.trial().is_some()
    }

    pub(crate) fn trial(&self) -> Option<&Trial> {
        self.origin.trial.as_ref()
    }
}

/// Where an act prepares something outside of its commit: on trial it ends before. Errors: `Tried`.
pub(crate) fn only_tried(by: Option<&Access>, note: impl FnOnce() -> Note) -> Result<(), Error> {
    match by.and_then(Access::trial) {
        Some(trial) => trial.end([note()]),
        None => Ok(()),
    }
}
