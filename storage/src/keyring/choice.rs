//! Which of two keyrings counts, where `keyring` and `keyring.copy` are both whole and not alike.
//!
//! A rotation that was cut off leaves the newer one as `keyring`. All else comes from outside: a file taken from a
//! backup, or from a copy of the store. Keys are only ever added, so of two of the same store the one with more keys
//! counts. Of two that went apart the one that opens the journal does. Where that cannot be told, nobody guesses.

use super::file::{self, Found};
use super::{DataKey, State};
use crate::error::Obstacle;
use crate::master::MasterKey;
use crate::seal::Keys;
use crate::{Error, Options, journal};

/// The keyring that counts.
pub(super) struct Chosen {
    pub state: State,
    /// What both files are to be when it opened the store, unless they are.
    pub pending: Option<Vec<u8>>,
}

/// What counts; `None` when neither opens with this master
/// key. Errors: `Unavailable` when nobody knows which of the two counts; `Corrupt`.
pub(super) fn choose(
    options: &Options,
    master: &MasterKey,
    found: Found,
) -> Result<Option<Chosen>, Error> {
    let state = |bytes: &[u8]| -> Result<Option<State>, Error> {
        let read = file::decode(bytes, master)?;
        Ok(read.map(|(keys, holds_plain)| State::new(master.clone(), keys, holds_plain)))
    };
    let first = state(&found.bytes)?;
    let own = |state: State, bytes: Vec<u8>| {
        let pending = found.stale.then_some(bytes);
        Some(Chosen { state, pending })
    };
    let Some(other) = found.other else {
        return Ok(first.and_then(|first| own(first, found.bytes)));
    };
    let dir = || options.dir.display().to_string();
    let (first, copy) = match (first, state(&other)?) {
        (None, None) => return Ok(None),
        (Some(first), None) => return Ok(own(first, found.bytes)),
        (None, Some(_)) => {
            return Err(Error::Unavailable(Obstacle::KeyringOfOtherMaster {
                dir: dir(),
            }));
        }
        (Some(first), Some(copy)) => (first, copy),
    };
    let takes_copy = if goes_on(&first.keys, &copy.keys) {
        false
    } else if goes_on(&copy.keys, &first.keys) {
        true
    } else {
        let apart = || Error::Unavailable(Obstacle::KeyringsApart { dir: dir() });
        opened_by_copy(options, &first, &copy)?.ok_or_else(apart)?
    };
    if !takes_copy {
        return Ok(own(first, found.bytes));
    }
    tracing::warn!("the file keyring is an older or another one than keyring.copy, which is taken");
    Ok(Some(Chosen {
        state: copy,
        pending: Some(other),
    }))
}

/// Whether it has all the keys of the other, and maybe more.
fn goes_on(keys: &[DataKey], other: &[DataKey]) -> bool {
    let same = |(a, b): (&DataKey, &DataKey)| a.id == b.id && a.secret == b.secret;
    keys.len() >= other.len() && keys.iter().zip(other).all(same)
}

/// Whether it is the copy that opens what the journal has, the newest first; `None` where none of it tells.
fn opened_by_copy(options: &Options, first: &State, copy: &State) -> Result<Option<bool>, Error> {
    let dir = options.dir.join("journal");
    let keys = |state: &State| Keys::with(options, state.clone(), None);
    let (first, copy) = (keys(first), keys(copy));
    for segment in journal::segments(&dir)?.into_iter().rev() {
        let opens = |keys: &Keys| journal::opens(&dir, keys, segment);
        match (opens(&first), opens(&copy)) {
            (true, false) => return Ok(Some(false)),
            (false, true) => return Ok(Some(true)),
            // Sealed under keys that both have, or damaged.
            _ => {}
        }
    }
    Ok(None)
}
