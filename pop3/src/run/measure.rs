//! RFC 1939 §11: a message's size is told as it is sent, each line with CRLF at its end.
//!
//! What came by SMTP is stored so. What came otherwise may have bare line feeds, or no line end at its end, and grows
//! when it is sent. Nobody knows that without reading it: each message of INBOX is read once, at the next sign-in, and
//! what was found is kept (`directory::measured`). A mailbox that was just turned on for POP3 is read in parts: until
//! its turn comes, a message is told by what is stored.

use crate::maildrop::Maildrop;
use crate::wire::stuff;
use directory::{Access, Measured};
use storage::{AccountStore, EmailId, Error, Mailbox, Uid};

/// Octets read at one sign-in.
const READ_MAX: u64 = 128 * 1024 * 1024;
/// Messages read, or octets of them, after which it is noted although none of them grows.
const NOTED_AFTER: usize = 64;
const NOTED_AFTER_OCTETS: u64 = 1024 * 1024;

/// A message that was not read yet.
struct Unread {
    number: u32,
    uid: u32,
    email: EmailId,
    size: u64,
    binary: bool,
}

/// INBOX as it will be sent.
pub(super) fn open(
    access: &Access,
    store: &AccountStore,
    inbox: &Mailbox,
) -> Result<Maildrop, Error> {
    let mut known = access.measured(inbox.uid_validity);
    let mut maildrop = Maildrop::new(inbox.uid_validity.raw());
    let mut unread = Vec::new();
    let mut number = 0;
    let last = Uid::new(u32::MAX).unwrap_or(Uid::FIRST);
    store.scan(inbox.id, Uid::FIRST, last, &mut |uid, state| {
        let (uid, size) = (uid.raw(), state.told_size());
        let growth = known.growth(uid);
        number += 1;
        if growth.is_none() {
            unread.push(Unread {
                number,
                uid,
                email: state.email,
                size,
                binary: state.growth > 0,
            });
        }
        maildrop.push(uid, size.saturating_add(growth.unwrap_or(0).into()))
    })?;
    if measure(store, &unread, &mut known, &mut maildrop)? {
        known.retain(|uid| maildrop.holds(uid));
        access.note_measured(&known);
    }
    Ok(maildrop)
}

/// Reads messages in order. True when it is to be noted.
fn measure(
    store: &AccountStore,
    unread: &[Unread],
    known: &mut Measured,
    maildrop: &mut Maildrop,
) -> Result<bool, Error> {
    let (mut left, mut found) = (READ_MAX, false);
    let mut read = 0;
    for message in unread {
        // The first is read however large it is, so that each sign-in comes further.
        if read > 0 && message.size > left {
            break;
        }
        left = left.saturating_sub(message.size);
        let growth = match store.content(message.email) {
            Ok(content) => stuff::growth(&stuff::told(content, message.binary)),
            // It cannot be sent either; who asks for it is told why.
            Err(Error::NotFound | Error::Expunged | Error::Damaged(_) | Error::Corrupt(_)) => 0,
            Err(error) => return Err(error),
        };
        let growth = u32::try_from(growth).unwrap_or(u32::MAX);
        maildrop.grow(message.number, growth);
        found |= known.push(message.uid, growth) && growth > 0;
        read += 1;
    }
    Ok(found || read >= NOTED_AFTER || READ_MAX - left >= NOTED_AFTER_OCTETS)
}
