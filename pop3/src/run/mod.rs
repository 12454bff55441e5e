//! Executes what the machine asks, synchronously, on the blocking pool.
//!
//! - The sign-in is asked anew with each question, so that a suspended account loses access at once (I-08).
//! - The maildrop is given back before QUIT is answered: whoever comes again at once finds it free.

mod finish;
mod login;
mod measure;
mod read;

pub(crate) use login::refusal as refused_sign_in;

use crate::ask::{Answer, Ask, Refusal};
use crate::lock::{Locks, Taken};
use directory::{Access, Directory, Peer, Right};
use read::Sending;
use std::sync::Arc;
use storage::{AccountStore, Lately, MailboxId};

/// An open maildrop.
struct Open {
    access: Access,
    inbox: MailboxId,
    _taken: Taken,
}

/// What one connection is about to do, or is doing. Small while nobody is signed in.
pub(crate) struct Runner {
    directory: Directory,
    locks: Arc<Locks>,
    lately: Arc<Lately>,
    peer: Peer,
    open: Option<Open>,
    sending: Option<Sending>,
}

impl Runner {
    pub(crate) fn new(
        directory: Directory,
        locks: Arc<Locks>,
        lately: Arc<Lately>,
        peer: Peer,
    ) -> Self {
        Self {
            directory,
            locks,
            lately,
            peer,
            open: None,
            sending: None,
        }
    }

    /// Does what is asked, up to one piece of output.
    pub(crate) fn answer(&mut self, ask: Ask) -> Answer {
        let answer = match ask {
            Ask::SignIn { name, secret } => self.sign_in(&name, &secret),
            Ask::Sasl(question) => Ok(Answer::Sasl(question.answer(&self.directory, self.peer))),
            Ask::Enter(entry) => self.enter(entry.into_access()),
            Ask::Read { uid, lines, utf8 } => self.read(uid, lines, utf8),
            Ask::More => self.piece(Vec::new()),
            Ask::Finish(marked) => self.finish(&marked),
        };
        answer.unwrap_or_else(Answer::Refused)
    }

    /// The door to the signed-in account's INBOX.
    fn mail(&self, right: Right) -> Result<(AccountStore, MailboxId), Refusal> {
        let open = self.open.as_ref().ok_or(Refusal::Ended)?;
        let account = open.access.account();
        if !self.switched_on(account) {
            return Err(Refusal::Ended);
        }
        let store = open.access.mail(account, right);
        Ok((store.map_err(|_| Refusal::Ended)?, open.inbox))
    }

    fn switched_on(&self, account: directory::AccountId) -> bool {
        self.directory
            .account(account)
            .is_ok_and(|account| account.pop3)
    }
}
