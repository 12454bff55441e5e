//! RFC 9051 §6.2.2 AUTHENTICATE, §6.2.3 LOGIN: names and secrets against the directory.

use super::Runner;
use crate::ask::{Completion, Effect};
use crate::code::{self, Seeking};
use directory::sasl::Entry;
use directory::{Secret, SignInError};

impl Runner {
    /// RFC 5802: the exchange has proved it, and the client has seen that we know it too.
    pub(super) fn enter(&mut self, entry: Entry) -> Completion {
        self.access = Some(entry.into_access());
        Completion::ok("Signed in").effect(Effect::SignedIn)
    }

    /// Takes as long as one argon2id: on a blocking thread.
    pub(super) fn login(&mut self, name: &str, secret: &Secret) -> Completion {
        match self.directory.sign_in(name, secret, self.peer) {
            Ok(access) => {
                self.access = Some(access);
                Completion::ok("Signed in").effect(Effect::SignedIn)
            }
            Err(error) => {
                if error == SignInError::Refused {
                    tracing::info!(name = %crate::wire::response::tame(name), ip = %self.peer.ip, "sign-in refused");
                }
                refusal(&error)
            }
        }
    }
}

/// What a failed sign-in is told (RFC 5530 §3), in both languages, since programs that show a server's words show these.
/// RFC 9051 §9 `text`: ASCII before UTF8=ACCEPT, which nobody can say before he is signed in; so Vietnamese without marks.
pub(crate) fn refusal(error: &SignInError) -> Completion {
    let failed = |completion: Completion| completion.effect(Effect::NotSignedIn);
    match error {
        SignInError::Refused => failed(Completion::no(
            "AUTHENTICATIONFAILED",
            "Sai dia chi hoac mat khau / Wrong address or password",
        )),
        // RFC 5530 §3: right, and of no use any more until another is chosen.
        SignInError::ChooseFirst => failed(Completion::no(
            "EXPIRED",
            "Mat khau lan dau: hay dang nhap trang web thu de dat mat khau rieng / First password: sign in to the \
             webmail and choose your own",
        )),
        // RFC 5530 §3: the credentials are right, and yet.
        SignInError::Barred(why) => {
            failed(Completion::no("AUTHORIZATIONFAILED", why.said_in_both()))
        }
        SignInError::Later(_) => failed(Completion::no(
            "UNAVAILABLE",
            "Dang nhap sai qua nhieu lan, hay doi roi thu lai / Too many failed sign-ins; try later",
        )),
        SignInError::Storage(error) => code::refusal(error, Seeking::Named),
    }
}
