//! What SORT and THREAD (RFC 5256 §3) take out of headers, kept in memory from one command to the next.
//!
//! A UID means one message for as long as UIDVALIDITY stands (RFC 9051 §2.3.1.1), and a header never changes, so
//! that a column is never wrong: new messages are put behind it, and what is known of those that went harms
//! nobody. It is asked only after the Access has opened the mailbox (I-08), and all columns of all mailboxes
//! together are bounded (I-13): the one that was not used for longest goes first.

use crate::wire::sort::By;
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use storage::{AccountId, MailboxId, UidValidity};

/// Octets of all columns kept.
const KEPT_MAX: usize = 64 * 1024 * 1024;
/// Octets of what one column tells of its messages; one that grows beyond is used and not kept.
const COLUMN_MAX: usize = 32 * 1024 * 1024;

/// What is told of each message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// The octets that order it.
    Sort(By),
    /// What it is, and what it answers.
    Thread,
}

/// Which column of which mailbox.
pub(super) type Key = (AccountId, MailboxId, UidValidity, Of);

/// Of messages in the order of their UIDs some octets each.
#[derive(Debug, Default)]
pub(super) struct Column {
    uids: Vec<u32>,
    ends: Vec<u32>,
    octets: Vec<u8>,
    ranks: OnceLock<Vec<u32>>,
}

impl Column {
    /// Puts a message behind those before it. False: there is no room.
    pub(super) fn push(&mut self, uid: u32, entry: &[u8]) -> bool {
        debug_assert!(self.uids.last().is_none_or(|last| *last < uid));
        let Ok(end) = u32::try_from(self.octets.len() + entry.len()) else {
            return false;
        };
        self.octets.extend_from_slice(entry);
        self.ends.push(end);
        self.uids.push(uid);
        true
    }

    pub(super) fn entry(&self, place: usize) -> &[u8] {
        let from = match place {
            0 => 0,
            place => self.ends[place - 1],
        };
        &self.octets[from as usize..self.ends[place] as usize]
    }

    /// How many octets it takes.
    pub(super) fn weight(&self) -> usize {
        // Two numbers of each message, and later its rank.
        self.octets.len() + self.uids.len() * 12
    }

    /// The places of these ascending UIDs; those that are not there are passed over.
    pub(super) fn places(&self, uids: impl Iterator<Item = u32>) -> impl Iterator<Item = usize> {
        let mut at = Cursor::default();
        uids.filter_map(move |uid| at.find(self, uid))
    }

    /// Of each place how many entries that differ come before its own: they order as the entries do.
    pub(super) fn ranks(&self) -> &[u32] {
        self.ranks.get_or_init(|| {
            let mut order: Vec<u32> = (0..self.uids.len() as u32).collect();
            order.sort_unstable_by(|a, b| self.entry(*a as usize).cmp(self.entry(*b as usize)));
            let mut ranks = vec![0; order.len()];
            let mut rank = 0;
            for pair in order.windows(2) {
                let (before, own) = (pair[0] as usize, pair[1] as usize);
                rank += u32::from(self.entry(before) != self.entry(own));
                ranks[own] = rank;
            }
            ranks
        })
    }

    /// Both, which have no UID in common.
    fn merged(&self, fresh: &Self) -> Self {
        let mut both = Self::default();
        let (mut own, mut new) = (0, 0);
        loop {
            let from_fresh = match (self.uids.get(own), fresh.uids.get(new)) {
                (None, None) => return both,
                (Some(a), Some(b)) => b < a,
                (None, Some(_)) => true,
                (Some(_), None) => false,
            };
            let (column, place) = match from_fresh {
                true => (fresh, &mut new),
                false => (self, &mut own),
            };
            both.push(column.uids[*place], column.entry(*place));
            *place += 1;
        }
    }
}

/// Looks for ascending UIDs in a column.
#[derive(Debug, Default)]
struct Cursor(usize);

impl Cursor {
    fn find(&mut self, column: &Column, uid: u32) -> Option<usize> {
        let rest = column.uids.get(self.0..)?;
        // Mostly it is the next one.
        self.0 += match rest.first() {
            Some(first) if *first >= uid => 0,
            _ => rest.partition_point(|known| *known < uid),
        };
        let at = self.0;
        (column.uids.get(at) == Some(&uid)).then(|| {
            self.0 += 1;
            at
        })
    }
}

/// A column while a command looks through it, and what it lacked.
pub(super) struct Filling {
    key: Key,
    known: Arc<Column>,
    at: Cursor,
    fresh: Column,
}

impl Filling {
    /// What the column tells.
    pub(super) fn of(&self) -> Of {
        self.key.3
    }

    /// Whether a message is there; asked by ascending UIDs.
    pub(super) fn knows(&mut self, uid: u32) -> bool {
        self.at.find(&self.known, uid).is_some()
    }

    /// Tells of a message that is not there. False: there is no room.
    pub(super) fn learn(&mut self, uid: u32, entry: &[u8]) -> bool {
        self.fresh.push(uid, entry)
            && u32::try_from(self.fresh.octets.len() + self.known.octets.len()).is_ok()
    }

    /// How many octets this command has added.
    pub(super) fn weight(&self) -> usize {
        self.fresh.weight()
    }
}

/// The columns of all mailboxes, the one used last at the end.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    kept: Mutex<VecDeque<(Key, Arc<Column>)>>,
    hashing: Hashing,
}

/// Hashes of 128 bits by keys of this process: nobody outside can make two texts equal.
#[derive(Debug, Clone, Default)]
pub(super) struct Hashing(RandomState, RandomState);

impl Hashing {
    pub(super) fn hash(&self, text: &str) -> [u8; 16] {
        let mut out = [0; 16];
        out[..8].copy_from_slice(&self.0.hash_one(text).to_le_bytes());
        out[8..].copy_from_slice(&self.1.hash_one(text).to_le_bytes());
        out
    }
}

impl Columns {
    /// What identifiers and subjects in the columns of [`Of::Thread`] are hashed with.
    pub(super) fn hashing(&self) -> &Hashing {
        &self.hashing
    }

    /// The column as it is known so far.
    pub(super) fn open(&self, key: Key) -> Filling {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(known, _)| *known == key);
        let found = place.and_then(|at| kept.remove(at));
        let known = match found {
            Some((_, column)) => {
                kept.push_back((key, Arc::clone(&column)));
                column
            }
            None => Arc::default(),
        };
        Filling {
            key,
            known,
            at: Cursor::default(),
            fresh: Column::default(),
        }
    }

    /// The column with what was learnt, which is kept when there is room.
    pub(super) fn close(&self, filling: Filling) -> Arc<Column> {
        if filling.fresh.uids.is_empty() {
            return filling.known;
        }
        let column = Arc::new(filling.known.merged(&filling.fresh));
        if column.weight() > COLUMN_MAX {
            return column;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(key, _)| *key != filling.key);
        kept.push_back((filling.key, Arc::clone(&column)));
        let mut weight: usize = kept.iter().map(|(_, column)| column.weight()).sum();
        while weight > KEPT_MAX {
            weight -= kept.pop_front().map_or(weight, |(_, c)| c.weight());
        }
        column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(mailbox: u32) -> Key {
        let mailbox = MailboxId::new(mailbox).unwrap();
        let validity = UidValidity::new(1).unwrap();
        (AccountId::FIRST, mailbox, validity, Of::Sort(By::Subject))
    }

    fn learn(columns: &Columns, entries: &[(u32, &str)]) -> Arc<Column> {
        let mut filling = columns.open(key(1));
        for (uid, entry) in entries {
            if !filling.knows(*uid) {
                assert!(filling.learn(*uid, entry.as_bytes()));
            }
        }
        columns.close(filling)
    }

    #[test]
    fn what_is_known_is_not_asked_again_and_gaps_are_filled() {
        let columns = Columns::default();
        learn(&columns, &[(2, "b"), (9, "a"), (12, "b")]);
        let column = learn(
            &columns,
            &[(1, "c"), (2, "no"), (10, "d"), (12, "no"), (13, "a")],
        );
        assert_eq!(column.uids, [1, 2, 9, 10, 12, 13]);
        let entries: Vec<_> = (0..6).map(|at| column.entry(at)).collect();
        assert_eq!(entries.concat(), b"cbadba");
        assert_eq!(column.ranks(), [2, 1, 0, 3, 1, 0]);
        let places: Vec<_> = column.places([2, 3, 9, 13, 14].into_iter()).collect();
        assert_eq!(places, [1, 2, 5]);
    }

    #[test]
    fn i13_columns_are_bounded_and_the_oldest_goes() {
        let columns = Columns::default();
        let large = vec![b'x'; COLUMN_MAX / 2];
        for mailbox in 1..=8 {
            let mut filling = columns.open(key(mailbox));
            assert!(filling.learn(1, &large));
            columns.close(filling);
            // The first is used again and again.
            assert!(columns.open(key(1)).knows(1));
        }
        let kept = columns.kept.lock().unwrap();
        let weight: usize = kept.iter().map(|(_, column)| column.weight()).sum();
        assert!(weight <= KEPT_MAX && kept.len() == 3, "{}", kept.len());
        drop(kept);
        assert!(!columns.open(key(2)).knows(1));
        let mut filling = columns.open(key(9));
        assert!(filling.learn(1, &large) && filling.learn(2, &large));
        columns.close(filling);
        assert!(!columns.open(key(9)).knows(1), "too large to be kept");
    }
}
