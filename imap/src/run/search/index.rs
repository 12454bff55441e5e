//! What the store's search index says of the keys that look for a text, so that few messages need be read.
//!
//! The index only says where to look: what it leaves open, and every message that is newer than it,
//! is judged as without it.

use super::judge::Test;
use super::needle::Needle;
use crate::wire::search::Place;
use storage::{AccountStore, EmailId, Error, MailboxId, Sought, TextPlace, Uid};

/// Keys of one search that the index is asked about.
const KEYS_MAX: usize = 64;
/// Messages that it may name for all of them, before the last.
const MESSAGES_MAX: usize = 1_000_000;
/// One in so many messages may be left over, or going through all of them is as quick.
const FEW: u64 = 4;

/// The messages that may pass a test.
struct Reach {
    /// Sorted.
    emails: Vec<EmailId>,
    /// All messages after this one may pass too.
    until: Option<EmailId>,
}

/// What one search may ask of the index; keys beyond it are judged as without one.
pub(super) struct Budget {
    keys: usize,
    messages: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            keys: KEYS_MAX,
            messages: MESSAGES_MAX,
        }
    }
}

/// Adds to each key that looks for a text what the index knows of it.
pub(super) fn consult(store: &AccountStore, test: &mut Test, budget: &mut Budget) {
    match test {
        Test::Find(place, Needle::Exact(needle)) => {
            if budget.keys == 0 || budget.messages == 0 {
                return;
            }
            budget.keys -= 1;
            let Some(known) = known(store, place, needle) else {
                return;
            };
            budget.messages = budget.messages.saturating_sub(known.possible.len());
            let inner = std::mem::replace(test, Test::Always(false));
            *test = Test::Known(Box::new(inner), known);
        }
        Test::Not(test) => consult(store, test, budget),
        Test::Or(a, b) => {
            consult(store, a, budget);
            consult(store, b, budget);
        }
        Test::And(tests) => tests.iter_mut().for_each(|t| consult(store, t, budget)),
        _ => {}
    }
}

/// What the index knows of a key; `None` when nothing.
fn known(store: &AccountStore, place: &Place, needle: &str) -> Option<Sought> {
    let sought = |place| store.sought(place, needle);
    match place {
        Place::From => sought(TextPlace::From),
        Place::To => sought(TextPlace::To),
        Place::Cc => sought(TextPlace::Cc),
        Place::Bcc => sought(TextPlace::Bcc),
        Place::Subject => sought(TextPlace::Subject),
        Place::Body => sought(TextPlace::Body),
        Place::Text => Some(sought(TextPlace::Header)?.or(sought(TextPlace::Body)?)),
        // The subject that is shown, or another field of that name.
        Place::Header(name) if name.eq_ignore_ascii_case("Subject") => Some(Sought::at_most(
            sought(TextPlace::Header)?.or(sought(TextPlace::Subject)?),
        )),
        // Who has the text has it in some field.
        Place::Header(name) if is_identifier(name) => {
            sought(TextPlace::Identifier).map(Sought::at_most)
        }
        Place::Header(_) => sought(TextPlace::Header).map(Sought::at_most),
    }
}

fn is_identifier(name: &str) -> bool {
    ["Message-ID", "In-Reply-To"]
        .iter()
        .any(|n| n.eq_ignore_ascii_case(name))
}

/// The Uids that may pass a test, sorted; `None` when they may be many, and all are to be judged.
pub(super) fn narrowed(
    store: &AccountStore,
    mailbox: MailboxId,
    test: &Test,
) -> Result<Option<Vec<u32>>, Error> {
    let Some(reach) = reach(test) else {
        return Ok(None);
    };
    let count = u64::from(store.mailbox(mailbox)?.counts.total);
    if reach.emails.len() as u64 * FEW > count {
        return Ok(None);
    }
    let mut uids: Vec<u32> = store
        .uids(mailbox, &reach.emails)?
        .into_iter()
        .map(Uid::raw)
        .collect();
    store.scan_after(reach.until, &mut |state| {
        uids.extend(state.uid(mailbox).map(Uid::raw));
        uids.len() as u64 * FEW <= count
    })?;
    if uids.len() as u64 * FEW > count {
        return Ok(None);
    }
    uids.sort_unstable();
    uids.dedup();
    Ok(Some(uids))
}

fn reach(test: &Test) -> Option<Reach> {
    match test {
        Test::Known(_, sought) => Some(Reach {
            emails: sought.possible.clone(),
            until: sought.until,
        }),
        Test::And(tests) => tests.iter().filter_map(reach).reduce(both),
        Test::Or(a, b) => Some(either(reach(a)?, reach(b)?)),
        _ => None,
    }
}

fn both(mut a: Reach, mut b: Reach) -> Reach {
    let until = a.until.min(b.until);
    if a.emails.len() > b.emails.len() {
        std::mem::swap(&mut a, &mut b);
    }
    a.emails.retain(|e| b.emails.binary_search(e).is_ok());
    Reach {
        emails: a.emails,
        until,
    }
}

fn either(a: Reach, b: Reach) -> Reach {
    let mut emails = a.emails;
    emails.extend(b.emails);
    emails.sort();
    emails.dedup();
    Reach {
        emails,
        until: a.until.min(b.until),
    }
}
