//! RFC 9051 §6.2.2 AUTHENTICATE, §6.2.3 LOGIN: names and secrets against the directory.

use super::Runner;
use crate::ask::{Completion, Effect};
use crate::code::{self, Seeking};
use directory::{Secret, SignInError};

impl Runner {
    /// Takes as long as one argon2id: on a blocking thread.
    pub(super) fn login(&mut self, name: &str, secret: &Secret) -> Completion {
        let failed = |completion: Completion| completion.effect(Effect::NotSignedIn);
        match self.directory.sign_in(name, secret, self.peer) {
            Ok(access) => {
                self.access = Some(access);
                Completion::ok("Signed in").effect(Effect::SignedIn)
            }
            Err(SignInError::Refused) => {
                tracing::info!(name = %crate::wire::response::tame(name), ip = %self.peer.ip, "sign-in refused");
                failed(Completion::no(
                    "AUTHENTICATIONFAILED",
                    "Wrong address or password",
                ))
            }
            Err(SignInError::Later(_)) => failed(Completion::no(
                "UNAVAILABLE",
                "Too many failed sign-ins; try later",
            )),
            Err(SignInError::Storage(error)) => code::refusal(&error, Seeking::Named),
        }
    }
}
