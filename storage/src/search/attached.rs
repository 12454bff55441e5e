//! The text of attached files. Taking it is slow and dangerous work, so others do it when the message is already
//! found by all else: they ask which messages are due, and bring what they found, or that there is nothing.
//!
//! A message that has such files has the term `DUE` in its document; when it was looked at, a second document, in
//! the list `ATTACHED`, has the runs of the text without marks, and the text itself. So the index alone says what is
//! left to do, whatever stops in between, and a file that nobody can read is looked at once. The text is kept since
//! a search must judge by it, and shows where it found something.

use super::fill::{Batch, Filling, ROOM_OCTETS};
use super::shown::{Segment, Shown};
use super::term::{self, Place, Terms};
use super::{Indexed, guarded, has_room, lock, seek, told};
use crate::{AccountId, AccountStore, EmailId, Error, Store, key, record};
use formats::message::Summary;
use formats::text::fold;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tantivy::{DocId, DocSet, TERMINATED};

/// Messages that wait in memory; others are found again in the index.
const WAITING_MAX: usize = 10_000;
/// Accounts that one look at the index goes through.
const ACCOUNTS_MAX: usize = 2_000;
/// Octets of the text of all files of a message; what follows is not kept.
pub const TEXT_MAX: usize = 2 * 1024 * 1024;
/// How well kept texts are packed: quickly.
const LEVEL: i32 = 3;

/// A message whose attached files are to be looked into.
pub type Due = (AccountId, EmailId);

/// What was found in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// Whose message it is.
    pub account: AccountId,
    /// Which message.
    pub email: EmailId,
    /// The text; empty where none could be taken. It is not asked for again.
    pub text: String,
}

/// Of so many that are told, one is of those that a look at the index found, however much new mail there is.
const OLD_EVERY: usize = 4;

/// What is due: new mail, the newest of an account first and one account after the other, so that who is sent slow files
/// keeps no others waiting; and what a look at the index finds.
#[derive(Default)]
pub(super) struct Queue {
    /// By account, the newest last.
    fresh: BTreeMap<AccountId, VecDeque<EmailId>>,
    waiting: usize,
    /// Whose turn was last.
    turn: Option<AccountId>,
    /// New ones that were told since the last of the others.
    news: usize,
    found: VecDeque<Due>,
    /// What was told, and is not kept yet: a batch of whoever asks.
    told: BTreeSet<Due>,
    /// Where the look goes on.
    from: Option<AccountId>,
    /// Messages were left out: the index knows them.
    missed: bool,
}

impl Queue {
    pub(super) fn add(&mut self, due: Vec<Due>) {
        for (account, email) in due {
            let full = self.waiting >= WAITING_MAX;
            self.missed |= full;
            let own = self.fresh.entry(account).or_default();
            if full && own.pop_front().is_none() {
                // Nobody else's goes for it.
                self.fresh.remove(&account);
                continue;
            }
            own.push_back(email);
            self.waiting += usize::from(!full);
        }
    }

    /// The index is gone through from the start.
    pub(super) fn look_again(&mut self) {
        *self = Self {
            from: AccountId::SYSTEM.next(),
            ..Self::default()
        };
    }

    /// Whether it is the turn of what a look finds, and nothing is left of the last one: new mail alone would keep it
    /// waiting for as long as it comes.
    fn wants_look(&self) -> bool {
        let left = self.from.is_some() || self.missed;
        left && self.found.is_empty() && self.news >= OLD_EVERY - 1
    }

    /// Those of an account that are told in their turn anyway, or were.
    fn known(&self, account: AccountId) -> BTreeSet<EmailId> {
        let told = self.told.range((account, EmailId::FIRST)..);
        let told = told.take_while(|(of, _)| *of == account);
        let waits = self.fresh.get(&account).into_iter().flatten();
        told.map(|(_, email)| *email)
            .chain(waits.copied())
            .collect()
    }

    fn pop(&mut self) -> Option<Due> {
        let old = self.news >= OLD_EVERY - 1 && !self.found.is_empty();
        let next = match old {
            true => None,
            false => self.pop_fresh(),
        };
        self.news = if next.is_some() { self.news + 1 } else { 0 };
        let next = next.or_else(|| self.found.pop_front());
        self.told.extend(next);
        next
    }

    fn pop_fresh(&mut self) -> Option<Due> {
        let after = self.turn.and_then(AccountId::next);
        let later = after.and_then(|after| self.fresh.range(after..).next());
        let (account, _) = later.or_else(|| self.fresh.first_key_value())?;
        let account = *account;
        let own = self.fresh.get_mut(&account)?;
        let email = own.pop_back();
        if own.is_empty() {
            self.fresh.remove(&account);
        }
        self.waiting -= usize::from(email.is_some());
        self.turn = Some(account);
        email.map(|email| (account, email))
    }
}

impl Shown {
    /// The document of a message in this list of its account.
    fn document(
        &self,
        kind: u8,
        (account, email): Due,
    ) -> tantivy::Result<Option<(&Segment, DocId)>> {
        for segment in &self.segments {
            let own = segment.with(&term::of_account(kind, account))?;
            let those = segment.with(&term::of_email(email))?;
            let Some(((_, mut own), (_, mut those))) = own.zip(those) else {
                continue;
            };
            while those.doc() != TERMINATED {
                let at = those.doc();
                let lives = segment.alive().is_none_or(|alive| alive.is_alive(at));
                if lives && seek::forward(&mut own, at) == at {
                    return Ok(Some((segment, at)));
                }
                those.advance();
            }
        }
        Ok(None)
    }

    /// The account's messages in one list, sorted.
    fn list(&self, kind: u8, account: AccountId) -> tantivy::Result<Vec<EmailId>> {
        let mut found = Vec::new();
        for segment in &self.segments {
            let Some((_, mut own)) = segment.with(&term::of_account(kind, account))? else {
                continue;
            };
            while own.doc() != TERMINATED {
                let lives = segment
                    .alive()
                    .is_none_or(|alive| alive.is_alive(own.doc()));
                found.extend(segment.email(own.doc()).filter(|_| lives));
                own.advance();
            }
        }
        found.sort_unstable();
        Ok(found)
    }
}

impl Store {
    /// The next message whose attached files are to be looked into; what was found is brought by
    /// [`Store::keep_attached`]. `None`: none now, ask again later. Each is told once, until
    /// [`Store::look_for_attached`].
    pub fn attached_due(&self) -> Option<Due> {
        let search = &self.inner.shared.search;
        {
            let mut queue = lock(&search.due);
            if let Some(due) = (!queue.wants_look()).then(|| queue.pop()).flatten() {
                return Some(due);
            }
        }
        let shown = search.shown()?;
        let look = catch_unwind(AssertUnwindSafe(|| look(search, &shown)));
        match look {
            Ok(Ok(())) => lock(&search.due).pop(),
            Ok(Err(error)) => {
                search.suspect(&error.to_string());
                None
            }
            Err(_) => {
                search.suspect("a panic");
                None
            }
        }
    }

    /// A message that is due. Read by itself: an account that nobody uses is not loaded for it. Errors: `NotFound` when
    /// it is gone, `Corrupt` where it is damaged.
    pub fn attached_message(&self, due: Due) -> Result<(Summary, Arc<[u8]>), Error> {
        let (account, email) = due;
        let row = self
            .inner
            .shared
            .index
            .get(&key::state(account, email))?
            .ok_or(Error::NotFound)?;
        let blob = record::decode_row(email, &row)?.state.blob;
        let summary = self.account(account).kept_summary(email)?;
        Ok((summary, self.blob(blob)?))
    }

    /// Has all that was told and not brought be told again.
    pub fn look_for_attached(&self) {
        lock(&self.inner.shared.search.due).look_again();
    }

    /// Keeps what was found in attached files; searches see it when this returns. What is of a message that is not
    /// in the index, or was kept before, is passed over. Errors: `Unavailable` when the disk does not take it.
    pub fn keep_attached(&self, found: &[Attached]) -> Result<(), Error> {
        let search = &self.inner.shared.search;
        let mut filling = lock(&search.filling);
        if search.closed.load(Ordering::SeqCst) {
            return Ok(());
        }
        let kept = guarded(search, &mut filling, |filling| {
            let (Some(open), Some(shown)) = (filling.as_mut(), search.shown()) else {
                return Ok(Indexed::default()); // It is made anew, and they will be due again.
            };
            has_room(&self.inner.shared, ROOM_OCTETS)?;
            let mut queue = lock(&search.due);
            for one in found {
                queue.told.remove(&(one.account, one.email));
            }
            drop(queue);
            let mut batch = Batch::default();
            for one in found {
                let due = (one.account, one.email);
                let has = |kind| shown.document(kind, due).map_err(|e| told(&e));
                if has(term::ACCOUNT)?.is_some() && has(term::ATTACHED)?.is_none() {
                    open.keep(one)?;
                    batch.changes = true;
                }
            }
            open.end(&self.inner.shared, batch, false)
        });
        kept.map(drop)
    }
}

/// Goes through the index for messages that are due, some accounts at a time.
fn look(search: &super::Search, shown: &Shown) -> tantivy::Result<()> {
    let from = {
        let mut queue = lock(&search.due);
        if queue.from.is_none() && std::mem::take(&mut queue.missed) {
            queue.from = AccountId::SYSTEM.next();
        }
        queue.from
    };
    let Some(from) = from else {
        return Ok(());
    };
    let mut accounts: Vec<AccountId> = lock(&shown.until).keys().copied().collect();
    accounts.retain(|account| *account >= from);
    accounts.sort_unstable();
    let mut found = VecDeque::new();
    let mut next = None;
    for (count, account) in accounts.into_iter().enumerate() {
        if count >= ACCOUNTS_MAX || found.len() >= WAITING_MAX {
            next = Some(account);
            break;
        }
        let due = shown.list(term::DUE, account)?;
        if due.is_empty() {
            continue;
        }
        let done = shown.list(term::ATTACHED, account)?;
        let left = due.into_iter().filter(|e| done.binary_search(e).is_err());
        let room = WAITING_MAX - found.len();
        let before = found.len();
        let known = lock(&search.due).known(account);
        let left = left.filter(|email| !known.contains(email));
        found.extend(left.map(|email| (account, email)).take(room));
        if found.len() - before == room {
            next = Some(account); // It may have more.
            break;
        }
    }
    let mut queue = lock(&search.due);
    queue.found = found;
    queue.from = next;
    // Where it found nothing, the next look has new mail before it again.
    if queue.found.is_empty() {
        queue.news = 0;
    }
    Ok(())
}

impl Filling {
    fn keep(&mut self, one: &Attached) -> Result<(), Error> {
        let (terms, list) = (self.terms, term::ATTACHED);
        let mut document = self.document((list, one.account), one.email);
        let mut end = one.text.len().min(TEXT_MAX);
        while !one.text.is_char_boundary(end) {
            end -= 1;
        }
        let text = &one.text[..end];
        if !text.is_empty() {
            let mut runs = Terms::default();
            runs.add(Place::Attached, &fold(text));
            match runs.all() {
                Some(runs) => runs.iter().for_each(|term| document.add_bytes(terms, term)),
                None => {
                    let opaque = term::of_account(term::ATTACHED_OPAQUE, one.account);
                    document.add_bytes(terms, &opaque);
                }
            }
            let packed = zstd::bulk::compress(text.as_bytes(), LEVEL);
            let packed = packed.map_err(|e| Error::Corrupt(e.to_string().into()))?;
            document.add_bytes(self.text, &packed);
        }
        let added = self.writer()?.add_document(document);
        added.map(drop).map_err(|e| told(&e))
    }
}

impl AccountStore {
    /// The messages that may have this text in attached files, sorted; some may be gone. Files that were not looked
    /// into yet are not known. Empty, too, where the index cannot tell.
    pub fn sought_attached(&self, needle: &str) -> Vec<EmailId> {
        let found = self.sought(Place::Attached, &fold(needle));
        found.map(|found| found.possible).unwrap_or_default()
    }

    /// The text of a message's attached files in NFC, as it was found. `None`: nothing is known.
    pub fn attached_text(&self, email: EmailId) -> Option<String> {
        let search = &self.store.inner.shared.search;
        let shown = search.shown()?;
        let read = || -> tantivy::Result<Option<Vec<u8>>> {
            match shown.document(term::ATTACHED, (self.id, email))? {
                Some((segment, at)) => segment.text(at),
                None => Ok(None),
            }
        };
        let packed = match catch_unwind(AssertUnwindSafe(read)) {
            Ok(Ok(packed)) => packed?,
            Ok(Err(error)) => {
                search.suspect(&error.to_string());
                return None;
            }
            Err(_) => {
                search.suspect("a panic");
                return None;
            }
        };
        let text = zstd::bulk::decompress(&packed, TEXT_MAX).ok()?;
        String::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(account: u32, email: u64) -> Due {
        (
            AccountId::new(account).unwrap(),
            EmailId::new(email).unwrap(),
        )
    }

    #[test]
    fn accounts_take_turns_and_old_mail_has_its_own() {
        let mut queue = Queue {
            found: (50..52).map(|email| due(9, email)).collect(),
            ..Queue::default()
        };
        queue.add((1..=5).map(|email| due(2, email)).collect());
        queue.add(vec![due(3, 1), due(4, 7), due(3, 2)]);
        let told: Vec<_> = std::iter::from_fn(|| queue.pop())
            .map(|(account, email)| (account.raw(), email.raw()))
            .collect();
        let expected = [
            (2, 5),
            (3, 2),
            (4, 7),
            (9, 50),
            (2, 4),
            (3, 1),
            (2, 3),
            (9, 51),
            (2, 2),
            (2, 1),
        ];
        assert_eq!(told, expected);
        assert_eq!((queue.waiting, queue.told.len()), (0, 10));
    }

    #[test]
    fn i13_what_waits_is_bounded_and_the_index_knows_the_rest() {
        let mut queue = Queue::default();
        let most = WAITING_MAX as u64;
        queue.add((1..=most).map(|email| due(2, email)).collect());
        assert!(!queue.missed);
        queue.add(vec![due(3, 1), due(2, most + 1)]);
        assert!(queue.missed);
        assert_eq!(queue.waiting, WAITING_MAX);
        assert_eq!(queue.pop(), Some(due(2, most + 1)));
        let rest = std::iter::from_fn(|| queue.pop()).last();
        assert_eq!(rest, Some(due(2, 2)), "the oldest of the same went");
        assert!(queue.fresh.is_empty());
    }
}
