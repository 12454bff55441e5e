//! RFC 3501 §2.3.2 `\Recent`: from which UID on no session has yet been told of the messages of a mailbox.
//!
//! One number for each mailbox, since UIDs only rise: SELECT, and what is told of arrivals while it lasts, raise it;
//! EXAMINE and STATUS only look. It is taken and raised under one lock, so that of several sessions only the first
//! is told. Nobody waits for the disk: the number is written behind the session's back when it has opened the
//! mailbox and when it leaves it (`directory`'s lazy rows, outside of the account's counter). What a crash loses
//! makes messages recent once more, as §2.3.2 wants it where it is not known.
//!
//! Kept for each mailbox that is selected anywhere, and for [`MARKS_MAX`] others.

use super::Runner;
use crate::view::View;
use crate::wire::sequence::Numbers;
use directory::Directory;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use storage::{AccountId, Error, Mailbox, MailboxId, Uid, UidValidity};

/// Mailboxes that nobody has selected whose number is kept in memory all the same.
const MARKS_MAX: usize = 50_000;

/// RFC 9051 §2.3.1.1: UIDs mean something together with their UIDVALIDITY.
type Place = (AccountId, MailboxId, UidValidity);

fn place(account: AccountId, mailbox: &Mailbox) -> Place {
    (account, mailbox.id, mailbox.uid_validity)
}

#[derive(Debug)]
struct Mark {
    /// The first UID that nobody was told of.
    first: u32,
    /// The same as it was last handed over for writing.
    written: u32,
    /// Sessions that have selected the mailbox.
    sessions: u32,
}

/// The numbers of all mailboxes, shared by all sessions.
#[derive(Debug, Default)]
pub(crate) struct Untold(Mutex<HashMap<Place, Mark>>);

impl Untold {
    fn lock(&self) -> MutexGuard<'_, HashMap<Place, Mark>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first UID that nobody was told of.
    pub(super) fn first(
        &self,
        directory: &Directory,
        account: AccountId,
        mailbox: &Mailbox,
    ) -> Result<u32, Error> {
        if let Some(mark) = self.lock().get(&place(account, mailbox)) {
            return Ok(mark.first);
        }
        let row = directory.first_unmet(account, mailbox.id, mailbox.uid_validity)?;
        Ok(row.map_or(1, Uid::raw))
    }

    /// A session more has selected it; `first` as it was written, where it is not in memory.
    fn enter(&self, place: Place, first: u32) {
        let mut marks = self.lock();
        if marks.len() >= MARKS_MAX && !marks.contains_key(&place) {
            marks.retain(|_, mark| mark.sessions > 0);
        }
        let mark = marks.entry(place).or_insert(Mark {
            first,
            written: first,
            sessions: 0,
        });
        mark.sessions += 1;
    }

    fn leave(&self, place: Place) {
        if let Some(mark) = self.lock().get_mut(&place) {
            mark.sessions = mark.sessions.saturating_sub(1);
        }
    }
}

/// A session that has selected a mailbox. Its end is noted when it is dropped.
pub(crate) struct Telling {
    untold: Arc<Untold>,
    directory: Directory,
    place: Place,
    /// RFC 3501 §6.3.2: EXAMINE takes nothing away.
    read_only: bool,
}

impl Telling {
    fn new(
        untold: &Arc<Untold>,
        directory: &Directory,
        (account, mailbox): (AccountId, &Mailbox),
        read_only: bool,
    ) -> Result<Self, Error> {
        // Read without the lock: it may come from the disk.
        let first = untold.first(directory, account, mailbox)?;
        let place = place(account, mailbox);
        untold.enter(place, first);
        Ok(Self {
            untold: Arc::clone(untold),
            directory: directory.clone(),
            place,
            read_only,
        })
    }

    /// The session is told of all messages up to this UID: gives the first of which it is the first to hear.
    pub(super) fn tell(&self, last: u32) -> u32 {
        let mut marks = self.untold.lock();
        let Some(mark) = marks.get_mut(&self.place) else {
            return u32::MAX;
        };
        let first = mark.first;
        if !self.read_only {
            mark.first = first.max(last.saturating_add(1));
        }
        first
    }

    /// Has the number written, if it is another than before; waits for nothing.
    fn note(&self) {
        let mut marks = self.untold.lock();
        let mark = marks.get_mut(&self.place);
        let Some(mark) = mark.filter(|mark| mark.first != mark.written) else {
            return;
        };
        mark.written = mark.first;
        if let Some(first) = Uid::new(mark.first) {
            let (account, mailbox, validity) = self.place;
            self.directory.met(account, mailbox, (validity, first));
        }
    }
}

impl Runner {
    /// Before the mailbox is gone through, so that what comes meanwhile is told of later.
    pub(super) fn telling(
        &self,
        place: (AccountId, &Mailbox),
        read_only: bool,
    ) -> Result<Telling, Error> {
        Telling::new(&self.kept.untold, &self.directory, place, read_only)
    }

    /// The UIDs of a mailbox just opened that nobody was told of before; none for those who have no such flag.
    pub(super) fn told_first(&self, telling: &Telling, view: &View) -> Numbers {
        let first = telling.tell(view.last_uid().unwrap_or(0));
        telling.note();
        match self.rev2 {
            true => Numbers::default(),
            false => view.all().after(first - 1),
        }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        self.note();
        self.untold.leave(self.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i13_only_so_many_numbers_are_kept() {
        let untold = Untold::default();
        let place = |n| {
            (
                AccountId::FIRST,
                MailboxId::new(n).unwrap(),
                UidValidity::FIRST,
            )
        };
        for n in 1..=MARKS_MAX as u32 {
            untold.enter(place(n), 1);
            if n > 10 {
                untold.leave(place(n));
            }
        }
        assert_eq!(untold.lock().len(), MARKS_MAX);
        untold.enter(place(u32::MAX), 7);
        assert_eq!(
            untold.lock().len(),
            11,
            "those that are selected, and the new one"
        );
        // Who has it selected already keeps what was told.
        untold.lock().get_mut(&place(3)).unwrap().first = 5;
        untold.enter(place(3), 1);
        assert_eq!(untold.lock().get(&place(3)).unwrap().first, 5);
    }
}
