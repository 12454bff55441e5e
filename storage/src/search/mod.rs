//! Search: which messages of an account may hold a text, without reading them.
//!
//! One tantivy index for the whole store, in `search/`. Its documents are messages, their terms are
//! the runs of three characters and the words of their texts ([`term`]); nothing else is kept but the text of
//! attached files, which is dear to take again ([`attached`]). It is
//! a shadow, as the engine's index is: nobody waits for it, it is in no backup, and where it is
//! missing, damaged, of another version or behind, it is made anew from the store while searches
//! read the messages themselves.
//!
//! ```text
//! commit --touched--> fill: a batch at a time, on the caller's thread --> folder: blocks, sums, seals
//!                     merge: segments that are many are joined into one, beside it
//!               attached: which messages have files with text; what others found in them, kept as it is
//! sought(place, needle) --> seek: runs intersected in each segment --> certain, possible, until
//! ```
//! EmailIds rise with each message of an account and are never given again, so one id for each
//! account says how far the index is: what came later is not in it, and who searches looks at it.
//! A message that is gone stays in the index until a sweep; it does no harm, since whoever asks has
//! the states of the messages that are there.

mod attached;
#[cfg(test)]
mod attached_tests;
mod fill;
mod folded;
mod folder;
#[cfg(test)]
mod joined;
mod merge;
mod seek;
mod shown;
mod sweep;
mod term;
#[cfg(test)]
mod tests;

pub use attached::{Attached, Due, TEXT_MAX as ATTACHED_TEXT_MAX};
pub use seek::Sought;
pub use term::{Place, is_of_word, is_word};

use crate::commit::Shared;
use crate::{AccountId, AccountStore, EmailId, Error, Obstacle, Size, Store};
use fill::Filling;
use folder::End;
use shown::Shown;
use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// Where it lies, below the store.
pub(crate) const FOLDER: &str = "search";

/// What a call of [`Store::index_step`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Indexed {
    /// Messages that searches need no longer read.
    pub messages: u64,
    /// Whether work is left.
    pub more: bool,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Search {
    /// Held by the one who fills it.
    filling: Mutex<Option<Filling>>,
    /// What searches see.
    shown: RwLock<Option<Arc<Shown>>>,
    waiting: Mutex<Waiting>,
    /// Messages whose attached files are to be looked into.
    due: Mutex<attached::Queue>,
    /// Something could not be read: the next step makes it anew.
    wrong: AtomicBool,
    closed: AtomicBool,
    /// Ends all writing of the index that is open.
    end: Mutex<Option<Arc<End>>>,
}

/// What is to be looked at.
#[derive(Default)]
struct Waiting {
    /// Accounts that were written to.
    touched: BTreeSet<AccountId>,
    /// Where the look at all accounts goes on.
    all: Option<AccountId>,
    /// Where the sweep goes on.
    sweep: Option<AccountId>,
}

/// Up to where each account is in the index.
pub(crate) type Until = Arc<Mutex<HashMap<AccountId, EmailId>>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Search {
    /// Notes that an account was written to; called by the journal's thread, so it only notes.
    pub(crate) fn touch(&self, account: AccountId) {
        lock(&self.waiting).touched.insert(account);
    }

    /// Lets the next steps take out what is gone.
    pub(crate) fn sweep(&self) {
        lock(&self.waiting).sweep = AccountId::SYSTEM.next();
    }

    /// Lets go of its files; later steps do nothing. Waits for no joining of segments: it can be done again.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.show(None);
        if let Some(end) = lock(&self.end).take() {
            end.tell();
        }
        *lock(&self.filling) = None;
    }

    fn show(&self, shown: Option<Arc<Shown>>) {
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = shown;
    }

    fn shown(&self) -> Option<Arc<Shown>> {
        self.shown
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Searches go on by reading; the next step throws it away.
    fn suspect(&self, what: &str) {
        if self.closed.load(Ordering::SeqCst) {
            return; // Its files were let go of.
        }
        tracing::warn!(what, "the search index cannot be read; it is made anew");
        self.wrong.store(true, Ordering::SeqCst);
        self.show(None);
    }
}

impl Store {
    /// Brings the search index some messages further: a bounded piece of work, some seconds at most.
    /// To be called again at once while it says that there is more, and every few seconds besides.
    /// Errors: `Unavailable` when the disk does not take it; the next call tries again.
    pub fn index_step(&self) -> Result<Indexed, Error> {
        let search = &self.inner.shared.search;
        let mut filling = lock(&search.filling);
        if search.closed.load(Ordering::SeqCst) {
            return Ok(Indexed::default());
        }
        guarded(search, &mut filling, |filling| fill::step(self, filling))
    }
}

/// A fault in tantivy on damaged files must cost the index and nothing else.
fn guarded(
    search: &Search,
    filling: &mut Option<Filling>,
    work: impl FnOnce(&mut Option<Filling>) -> Result<Indexed, Error>,
) -> Result<Indexed, Error> {
    let stepped = catch_unwind(AssertUnwindSafe(|| work(filling)));
    let stepped = stepped.unwrap_or_else(|_| Err(Error::Corrupt("a panic".into())));
    match stepped {
        Err(_) if search.closed.load(Ordering::SeqCst) => Ok(Indexed::default()),
        Err(Error::Corrupt(what)) => {
            search.suspect(&what.what.to_string());
            *filling = None;
            Ok(Indexed {
                messages: 0,
                more: true,
            })
        }
        stepped => stepped,
    }
}

impl AccountStore {
    /// Which messages have this text in this place. The needle is mapped as the texts are
    /// (`formats::text::casemap`). `None` where the index cannot tell: it is being made, or the
    /// needle is empty.
    pub fn sought(&self, place: Place, needle: &str) -> Option<Sought> {
        self.asked(needle, |shown| seek::seek(shown, self.id, place, needle))
    }

    /// Which messages have this text in this place when marks are taken away (`formats::text::fold`, as the needle is).
    /// `None` as in [`AccountStore::sought`], and where the needle has other than ASCII characters.
    pub fn sought_folded(&self, place: Place, needle: &str) -> Option<Sought> {
        let plain = needle.is_ascii().then_some(needle)?;
        self.asked(plain, |shown| folded::seek(shown, self.id, place, plain))
    }

    /// The messages up to [`Sought::until`] that have this word by itself, mapped as the texts are; sorted. `None` where
    /// the index cannot tell, or it is no word ([`is_word`]), or words are not kept of this place.
    pub fn with_word(&self, place: Place, word: &str) -> Option<Vec<EmailId>> {
        let mut kept = false;
        let found = self.asked(word, |shown| {
            let found = seek::word(shown, self.id, place, word)?;
            kept = found.is_some();
            Ok(Sought {
                certain: found.unwrap_or_default(),
                ..Sought::default()
            })
        });
        Some(found?.certain).filter(|_| kept)
    }

    fn asked(
        &self,
        needle: &str,
        look: impl FnOnce(&Shown) -> tantivy::Result<Sought>,
    ) -> Option<Sought> {
        let search = &self.store.inner.shared.search;
        // In this order, so that the messages up to `until` are in what is looked at.
        let before = search.shown()?;
        let until = lock(&before.until).get(&self.id).copied();
        let shown = search.shown()?;
        if !Arc::ptr_eq(&before.until, &shown.until) || needle.is_empty() {
            return None;
        }
        match catch_unwind(AssertUnwindSafe(|| look(&shown))) {
            Ok(Ok(found)) => Some(Sought { until, ..found }),
            Ok(Err(e)) => {
                search.suspect(&e.to_string());
                None
            }
            Err(_) => {
                search.suspect("a panic");
                None
            }
        }
    }

    /// Calls `each` for every message whose id is higher than `after`, in EmailId order.
    pub fn scan_after(
        &self,
        after: Option<EmailId>,
        each: &mut dyn FnMut(&crate::State) -> bool,
    ) -> Result<(), Error> {
        let from = match after {
            None => Some(EmailId::FIRST),
            Some(after) => after.next(),
        };
        if let Some(from) = from {
            self.hot()?.scan_from(from, each);
        }
        Ok(())
    }
}

/// What tantivy says, as the store says it.
fn told(error: &tantivy::TantivyError) -> Error {
    Error::Corrupt(error.to_string().into())
}

/// Errors: `Unavailable` where the disk has no room for an index that grows; mail may still be written then.
fn has_room(shared: &Shared, octets: u64) -> Result<(), Error> {
    shared.check_room(octets).map_err(|e| match e {
        Error::Unavailable(Obstacle::DiskFull { file: dir }) => {
            let free = Size(shared.disk.free(&shared.dir));
            let needed = Size(shared.needed(octets));
            Error::Unavailable(Obstacle::NoRoomToSearch { dir, free, needed })
        }
        e => e,
    })
}
