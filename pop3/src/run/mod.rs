//! Executes what the machine asks, synchronously, on the blocking pool.
//!
//! - The sign-in is asked anew with each question, so that a suspended account loses access at once (I-08), and when
//!   the account changes, so that its maildrop is not kept from others by a session that may do nothing more.
//! - The maildrop is given back before QUIT is answered: whoever comes again at once finds it free.

mod finish;
mod login;
mod measure;
mod read;

pub(crate) use login::refusal as refused_sign_in;

use crate::ask::{Answer, Ask, Refusal};
use crate::lock::{Locks, Taken};
use directory::{Access, Directory, Heeding, Peer, Right};
use read::Sending;
use std::sync::Arc;
use storage::{AccountStore, Lately, MailboxId};
use tokio::sync::Notify;

/// An open maildrop.
struct Open {
    access: Access,
    inbox: MailboxId,
    _taken: Taken,
    _heeding: Heeding,
}

/// What one connection is about to do, or is doing. Small while nobody is signed in.
pub(crate) struct Runner {
    directory: Directory,
    locks: Arc<Locks>,
    lately: Arc<Lately>,
    peer: Peer,
    /// Told when the account of an open maildrop changes.
    changed: Arc<Notify>,
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
            changed: Arc::default(),
            open: None,
            sending: None,
        }
    }

    /// What tells that [`Ask::Look`] is to be asked.
    pub(crate) fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    /// Does what is asked, up to one piece of output.
    pub(crate) fn answer(&mut self, ask: Ask) -> Answer {
        let answer = match ask {
            Ask::SignIn { name, secret } => self.sign_in(&name, &secret),
            Ask::Sasl(question) => Ok(Answer::Sasl(question.answer(&self.directory, self.peer))),
            Ask::Enter(entry) => self.enter(entry.into_access()),
            Ask::Look => self.mail(Right::Read).map(|_| Answer::Stands),
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
        let store = open.access.mail(account, right);
        let store = store.map_err(|_| Refusal::Ended)?;
        match self.switched_on(account) {
            true => Ok((store, open.inbox)),
            false => Err(Refusal::SwitchedOff),
        }
    }

    fn switched_on(&self, account: directory::AccountId) -> bool {
        self.directory
            .account(account)
            .is_ok_and(|account| account.pop3)
    }
}
