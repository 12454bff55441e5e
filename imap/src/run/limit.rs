//! RFC 9738 MESSAGELIMIT and SAVELIMIT: how many messages one command takes in hand.
//!
//! What names more goes as far as the limit, from the highest UID down, and says where it stopped. COPY and
//! APPEND do all or nothing, so they refuse. EXPUNGE, CLOSE and STATUS know no limit (RFC 9738 §3.1), nor has
//! what is told of mailboxes that are not selected (RFC 7377) one UID at which it could have stopped.

use super::{Runner, Stop};
use crate::ask::Completion;
use crate::wire::response::put;
use crate::wire::sequence::Numbers;

/// What a command was cut to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    limit: u32,
    /// The lowest UID that it still takes in hand.
    lowest: u32,
}

impl Cut {
    /// Leaves the highest `limit` of these UIDs; `None` when there were no more. Zero: no limit.
    fn to(limit: u32, uids: &mut Numbers) -> Option<Self> {
        if limit == 0 || uids.count() <= u64::from(limit) {
            return None;
        }
        *uids = uids.top(u64::from(limit));
        let lowest = uids.first()?;
        Some(Self { limit, lowest })
    }

    /// resp-text-code =/ "MESSAGELIMIT" SP message-limit [SP uniqueid]
    fn code(self) -> String {
        format!("MESSAGELIMIT {} {}", self.limit, self.lowest)
    }

    /// How the command ends. RFC 9738 §3.1: what has a code already keeps it, and this one goes before it.
    pub(super) fn ends(self, done: Completion, out: &mut Vec<u8>) -> Completion {
        if done.code.is_none() {
            return done.code(self.code());
        }
        let code = self.code();
        put(
            out,
            format_args!("* NO [{code}] Messages below this UID were left out\r\n"),
        );
        done
    }
}

impl Runner {
    /// For a command that goes as far as it may.
    pub(super) fn cut(&self, uids: &mut Numbers) -> Option<Cut> {
        Cut::to(self.settings.message_limit, uids)
    }

    /// For a command that does nothing of what is too much, and does not know a UID to stop at: NO.
    pub(super) fn within_limit(&self, uids: &Numbers) -> Result<(), Stop> {
        match Cut::to(self.settings.message_limit, &mut uids.clone()) {
            Some(cut) => Err(too_many(format!("MESSAGELIMIT {}", cut.limit))),
            None => Ok(()),
        }
    }

    /// For COPY: NO, with the UID at which it would have stopped.
    pub(super) fn may_copy(&self, uids: &Numbers) -> Result<(), Stop> {
        match Cut::to(self.settings.saves_max(), &mut uids.clone()) {
            Some(cut) => Err(too_many(cut.code())),
            None => Ok(()),
        }
    }

    /// For APPEND (RFC 3502): NO.
    pub(super) fn may_append(&self, messages: usize) -> Result<(), Stop> {
        let limit = self.settings.saves_max();
        match limit > 0 && messages > limit as usize {
            true => Err(too_many(format!("MESSAGELIMIT {limit}"))),
            false => Ok(()),
        }
    }
}

fn too_many(code: String) -> Stop {
    Completion::no(&code, "Too many messages; name fewer").into()
}
