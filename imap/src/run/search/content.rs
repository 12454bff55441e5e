//! What a search reads of a message that the summary could not decide.

use std::sync::Arc;
use storage::{AccountStore, Error, State};

/// The raw message; empty when it is gone meanwhile, `None` when it is damaged.
pub(in crate::run) fn content_of(
    store: &AccountStore,
    state: &State,
) -> Result<Option<Arc<[u8]>>, Error> {
    match store.content(state.email) {
        Err(Error::NotFound | Error::Expunged) => Ok(Some(Arc::from([]))),
        Err(Error::Damaged(_)) => Ok(None),
        other => other.map(Some),
    }
}
