//! Messages whose content cannot be read back any more: each is told once an hour at most, with all that
//! whoever mends it must know. The message stays, and all else that is known of it can be had.

use crate::{AccountId, AccountStore, EmailId, Error, Fault, State};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Messages that are told one by one.
const TOLD_MAX: usize = 1_000;
/// After so many seconds a message is told again.
const AGAIN_S: i64 = 3_600;

/// What was told, and when, Unix seconds.
#[derive(Debug, Default)]
pub(crate) struct Damages(Mutex<HashMap<(AccountId, EmailId), i64>>);

/// What is to be said of one more damaged message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Telling {
    It,
    /// It is the first of more than are told one by one.
    TooMany,
    Nothing,
}

impl Damages {
    fn met(&self, account: AccountId, email: EmailId, now_s: i64) -> Telling {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back makes nobody wait for long.
        let lately = |at: &i64| now_s.abs_diff(*at) < AGAIN_S.unsigned_abs();
        if told.get(&(account, email)).is_some_and(lately) {
            return Telling::Nothing;
        }
        if told.len() > TOLD_MAX {
            told.retain(|_, at| lately(at));
        }
        let telling = match told.len() {
            // One place more than messages that are told says that this was said.
            n if n < TOLD_MAX => Telling::It,
            n if n == TOLD_MAX => Telling::TooMany,
            _ => return Telling::Nothing,
        };
        told.insert((account, email), now_s);
        telling
    }
}

impl AccountStore {
    /// The error of reading this message's content, told as `Damaged` where the damage is its own: that of
    /// the index is another matter, and opening the store again mends it.
    pub(crate) fn damaged(&self, state: &State, why: Error) -> Error {
        let why = match why {
            Error::NotFound => Fault::ContentMissing { blob: state.blob },
            Error::Corrupt(why) if !self.index().is_unreadable() => why.what,
            other => return other,
        };
        let shared = &self.store.inner.shared;
        shared.note_content(state.blob, &why, [(self.id, state.email)]);
        match shared.damages.met(self.id, state.email, shared.clock.now()) {
            Telling::It => self.log_damage(state, &why),
            Telling::TooMany => tracing::error!(
                "more messages are damaged than are told one by one; `congvu store verify --deep` names them all"
            ),
            Telling::Nothing => {}
        }
        Error::Damaged(why)
    }

    fn log_damage(&self, state: &State, why: &Fault) {
        let name = |id| self.mailbox(id).map_or_else(|_| String::new(), |m| m.name);
        let places: Vec<String> = state
            .mailboxes
            .iter()
            .map(|(id, uid)| format!("{id} {:?} uid {uid}", name(*id)))
            .collect();
        let shared = &self.store.inner.shared;
        let place = shared.packs.place_of(state.blob, &shared.index);
        let (pack, offset) = place.unzip();
        tracing::error!(
            account = %self.id,
            email = %state.email,
            mailbox = places.join(", "),
            blob = %state.blob,
            pack = pack.map(|p| p.display().to_string()),
            offset,
            %why,
            "the content of a message is damaged; the rest of it can be read, and a restore from a backup heals it"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_once_an_hour_and_not_too_many() {
        let damages = Damages::default();
        let account = AccountId::new(7).unwrap();
        let met = |n: u64, at| damages.met(account, EmailId::new(n).unwrap(), at);
        assert_eq!(met(1, 0), Telling::It);
        assert_eq!(met(1, AGAIN_S - 1), Telling::Nothing);
        assert_eq!(met(1, AGAIN_S), Telling::It);
        for n in 2..=TOLD_MAX as u64 {
            assert_eq!(met(n, AGAIN_S), Telling::It);
        }
        assert_eq!(met(5_000, AGAIN_S), Telling::TooMany);
        assert_eq!(met(5_001, AGAIN_S), Telling::Nothing);
        assert_eq!(met(5_001, 2 * AGAIN_S), Telling::It);
    }
}
