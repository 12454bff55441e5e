//! RFC 1939 §4, §7 USER and PASS, RFC 5034 §4 AUTH: names and secrets against the directory, then the maildrop.

use super::{Open, Runner, measure};
use crate::ask::{Answer, Refusal};
use crate::code;
use directory::{Access, Right, Secret, SignInError};
use std::sync::Arc;
use storage::Role;

impl Runner {
    /// Takes as long as one argon2id: on a blocking thread.
    pub(super) fn sign_in(&mut self, name: &str, secret: &Secret) -> Result<Answer, Refusal> {
        let signed_in = self.directory.sign_in(name, secret, self.peer);
        self.enter(signed_in.map_err(|error| refusal(&error))?)
    }

    /// Whoever it is, is known: now the maildrop.
    pub(super) fn enter(&mut self, access: Access) -> Result<Answer, Refusal> {
        let account = access.account();
        let changed = self.changed();
        // Before the first look, so that nothing is missed between the two.
        let heeding = access.heed(Arc::new(move |()| changed.notify_one()));
        // Told only to who knows the password.
        if !self.switched_on(account) {
            return Err(Refusal::SwitchedOff);
        }
        let taken = self.locks.take(account).ok_or(Refusal::InUse)?;
        let store = access.mail(account, Right::Write);
        let store = store.map_err(|_| Refusal::Credentials)?;
        let inbox = store.by_role(Role::Inbox).map_err(|e| code::refusal(&e))?;
        let inbox = inbox.ok_or(Refusal::NoMaildrop)?;
        let maildrop = measure::open(&access, &store, &inbox);
        let maildrop = maildrop.map_err(|error| code::refusal(&error))?;
        self.open = Some(Open {
            access,
            inbox: inbox.id,
            _taken: taken,
            _heeding: heeding,
        });
        Ok(Answer::SignedIn(maildrop))
    }
}

/// A sign-in that failed.
pub(crate) fn refusal(error: &SignInError) -> Refusal {
    match error {
        SignInError::Refused => Refusal::Credentials,
        SignInError::ChooseFirst => Refusal::ChooseFirst,
        SignInError::Barred(why) => Refusal::Barred(*why),
        SignInError::Later(_) => Refusal::Later,
        SignInError::Storage(error) => code::refusal(error),
    }
}
