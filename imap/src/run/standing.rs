//! Whether the selected mailbox still stands: somebody may delete it, or take the rights over it away, while it is open.
//!
//! RFC 9051 §3 lets the server end the selected state by a CLOSED that nobody asked for. A client of IMAP4rev1 knows no
//! such thing: it would go on asking for messages of a mailbox that is no more, and "most clients don't handle NO
//! responses very well" (RFC 4314 §4). To it the connection ends with BYE, as RFC 2180 §3.3 and RFC 4314 §4 have it,
//! after the answer to the command that was under way; it comes back and finds what may be opened. In either case
//! nothing of the mailbox is told from that moment on.

use super::select::{self, CHANGING};
use super::{Progress, Runner, Stop};
use crate::ask::{Completion, Effect};
use crate::wire::command::{Command, Stage};
use directory::Rights;
use std::sync::Arc;
use storage::Error;

/// What the client is told, whichever of the two it was: only who has rights may know more (I-17).
pub(crate) const LOST: &str = "The mailbox was deleted, or may no longer be read";

impl Runner {
    /// Why the selected mailbox can be used no longer, as a response code (RFC 5530 §3). `None` while it stands, and
    /// where the sign-in itself does not.
    pub(super) fn lost(&self) -> Option<&'static str> {
        let (access, selected) = (self.access.as_ref()?, self.selected.as_deref()?);
        let (account, mailbox) = (selected.account, selected.mailbox);
        let Ok(store) = access.mailbox(account, mailbox, Rights::READ) else {
            let seen = access.rights(account, Some(mailbox)).has(Rights::LOOKUP);
            let code = if seen { "NOPERM" } else { "NONEXISTENT" };
            return access.stands().then_some(code);
        };
        let gone = matches!(store.mailbox(mailbox), Err(Error::NotFound));
        gone.then_some("NONEXISTENT")
    }

    /// Refuses a command on messages of a mailbox that is lost. Closing it is what there is left to do.
    pub(super) fn refuse_lost(&mut self, command: &Command, out: &mut Vec<u8>) -> Option<Progress> {
        let closes = matches!(command, Command::Close | Command::Unselect);
        if closes || command.stage() != Stage::Selected {
            return None;
        }
        let refused = Completion::no(self.lost()?, LOST);
        Some(Progress::Done(self.part(refused, out)))
    }

    /// Ends the selected state together with this answer, or the connection after it.
    pub(super) fn part(&mut self, completion: Completion, out: &mut Vec<u8>) -> Completion {
        self.selected = None;
        if self.rev2 {
            out.extend_from_slice(format!("* OK [CLOSED] {LOST}\r\n").as_bytes());
        }
        // IDLE goes on, and hears of what is left.
        if self.idling && self.attend().is_err() {
            self.subscription = None;
        }
        self.tell_watched(out);
        completion.effect(match self.rev2 {
            true => Effect::Unselected,
            false => Effect::Lost,
        })
    }

    /// RFC 2177: the session is woken from now on, by storage after commits where the selected mailbox is, and when what
    /// its sign-in rests on has changed: who may be here no longer does not wait for half an hour to be told.
    pub(super) fn attend(&mut self) -> Result<(), Stop> {
        let (notify, wakes) = (Arc::clone(&self.notify), Arc::clone(&self.kept.wakes));
        // Before it is asked whether it stands, so that nothing is missed between the two.
        let shaken = Arc::clone(&self.notify);
        let heeding = self.access()?.heed(Arc::new(move |()| shaken.notify_one()));
        let store = match &self.selected {
            Some(_) => self.here(Rights::READ).or_else(|_| self.own())?,
            None => self.own()?,
        };
        let subscription = store.subscribe(Arc::new(move |_| wakes.wake(&notify)));
        self.subscription = Some((subscription, heeding));
        Ok(())
    }

    /// RFC 4314 §4: rights that changed show in the flags that are kept, and RFC 9051 §7.1 in READ-ONLY and
    /// READ-WRITE.
    pub(super) fn tell_rights(&mut self, out: &mut Vec<u8>) {
        let rights = self.rights_here();
        let Some(selected) = self.selected.as_deref_mut() else {
            return;
        };
        let shown = |rights: Rights| CHANGING.without(rights);
        if shown(selected.rights) == shown(rights) {
            return;
        }
        let read_only = selected.examined || !rights.any(CHANGING);
        let before = std::mem::replace(&mut selected.read_only, read_only);
        selected.rights = rights;
        if before != read_only {
            let code = select::access_code(read_only);
            let line = format!("* OK [{code}] Your rights have changed\r\n");
            out.extend_from_slice(line.as_bytes());
        }
        if !selected.examined {
            select::flags(out, &selected.keywords);
            select::permanent_flags(out, &selected.keywords, rights);
        }
    }
}
