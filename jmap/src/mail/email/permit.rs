//! RFC 8621 §2 MailboxRights: what the rights over mailboxes let one do with messages in them.

use crate::error::SetError;
use crate::mail::SEEN;
use crate::sight::{Sight, TAKES_OUT};
use directory::Rights;
use std::borrow::Borrow;
use storage::{Keyword, MailboxId};

fn refused(why: &str) -> SetError {
    SetError::forbidden(why)
}

/// mayAddItems: of every mailbox that a message comes into.
pub(crate) fn arrive(mail: &Sight, into: &[MailboxId]) -> Result<(), SetError> {
    let may = |m: &MailboxId| mail.rights(*m).has(Rights::INSERT);
    match into.iter().all(may) {
        true => Ok(()),
        false => Err(refused("messages may not be put into this mailbox")),
    }
}

/// mayRemoveItems: of every mailbox that a message leaves.
pub(crate) fn leave(
    mail: &Sight,
    mut from: impl Iterator<Item = MailboxId>,
) -> Result<(), SetError> {
    match from.all(|m| mail.rights(m).has(TAKES_OUT)) {
        true => Ok(()),
        false => Err(refused("messages may not be taken out of this mailbox")),
    }
}

/// maySetSeen and maySetKeywords: of all mailboxes that the message is seen in.
pub(crate) fn mark<K: Borrow<Keyword>>(
    mail: &Sight,
    places: &[MailboxId],
    keywords: impl IntoIterator<Item = K>,
) -> Result<(), SetError> {
    let mut needed = Rights::NONE;
    for keyword in keywords {
        needed = needed.with(match keyword.borrow().as_str() {
            SEEN => Rights::SEEN,
            _ => Rights::WRITE,
        });
    }
    match places.iter().all(|m| mail.rights(*m).has(needed)) {
        true => Ok(()),
        false => Err(refused("these keywords may not be changed in this mailbox")),
    }
}
