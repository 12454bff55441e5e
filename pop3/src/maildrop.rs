//! RFC 1939 §4: what one session sees of INBOX: the messages as at sign-in, and which of them it marked.
//!
//! Message numbers never change while a session lasts, whatever others do to the mailbox. A message
//! costs eight octets, so that a mailbox of 50,000 costs 400 KB while it is open.

use std::collections::BTreeSet;

/// Messages of one maildrop; younger ones wait until older ones are taken away.
pub const MESSAGES_MAX: usize = 1_000_000;

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    uid: u32,
    /// Octets; a message of 4 GB or more is told as that.
    size: u32,
}

/// The messages of a session, by their numbers from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Maildrop {
    uid_validity: u32,
    rows: Vec<Row>,
    /// Numbers marked as deleted.
    marked: BTreeSet<u32>,
    /// Octets of all that are not marked.
    octets: u64,
}

/// One message that is not marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Entry {
    pub number: u32,
    pub uid: u32,
    /// Octets.
    pub size: u32,
}

impl Maildrop {
    /// An empty one; `uid_validity` is what unique-ids begin with.
    pub fn new(uid_validity: u32) -> Self {
        Self {
            uid_validity,
            ..Self::default()
        }
    }

    /// Adds the next message; false when there is no room for more.
    pub fn push(&mut self, uid: u32, size: u64) -> bool {
        if self.rows.len() >= MESSAGES_MAX {
            return false;
        }
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        self.rows.push(Row { uid, size });
        self.octets += u64::from(size);
        true
    }

    /// A message is sent with so many octets more than were told.
    pub fn grow(&mut self, number: u32, octets: u32) {
        let index = (number as usize).checked_sub(1);
        if let Some(row) = index.and_then(|index| self.rows.get_mut(index)) {
            let size = row.size.saturating_add(octets);
            self.octets += u64::from(size - row.size);
            row.size = size;
        }
    }

    /// Whether the message of this UID is there.
    pub fn holds(&self, uid: u32) -> bool {
        self.rows.binary_search_by_key(&uid, |row| row.uid).is_ok()
    }

    /// The message of this number, unless it is marked or there is none.
    pub fn entry(&self, number: u32) -> Option<Entry> {
        let row = self.rows.get((number as usize).checked_sub(1)?)?;
        (!self.marked.contains(&number)).then_some(Entry {
            number,
            uid: row.uid,
            size: row.size,
        })
    }

    /// The first message from this number on that is not marked.
    pub fn first_from(&self, number: u32) -> Option<Entry> {
        let end = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        (number.max(1)..=end).find_map(|number| self.entry(number))
    }

    /// How many messages are not marked, and their octets.
    pub fn total(&self) -> (usize, u64) {
        (self.rows.len() - self.marked.len(), self.octets)
    }

    /// Marks a message; false when it is marked already or there is none.
    pub fn mark(&mut self, number: u32) -> bool {
        let Some(entry) = self.entry(number) else {
            return false;
        };
        self.octets -= u64::from(entry.size);
        self.marked.insert(number)
    }

    /// RSET: nothing is marked any more.
    pub fn unmark_all(&mut self) {
        self.marked.clear();
        self.octets = self.rows.iter().map(|row| u64::from(row.size)).sum();
    }

    /// The UIDs of what is marked.
    pub fn marked(&self) -> Vec<u32> {
        let rows = self.marked.iter();
        rows.filter_map(|number| self.rows.get((*number as usize).checked_sub(1)?))
            .map(|row| row.uid)
            .collect()
    }

    /// RFC 1939 §7 unique-id: at most 21 characters, the same for ever (I-03).
    pub fn unique_id(&self, entry: Entry) -> String {
        format!("{}.{}", self.uid_validity, entry.uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_and_totals_follow_the_marks() {
        let mut drop = Maildrop::new(9);
        for (uid, size) in [(3, 10), (4, 20), (u32::MAX, u64::MAX)] {
            assert!(drop.push(uid, size));
        }
        assert_eq!(drop.total(), (3, 30 + u64::from(u32::MAX)));
        assert!(drop.mark(3) && drop.mark(1) && !drop.mark(1));
        assert!(!drop.mark(0) && !drop.mark(4) && !drop.mark(u32::MAX));
        assert_eq!(drop.total(), (1, 20));
        assert_eq!(drop.marked(), [3, u32::MAX]);
        assert_eq!(drop.entry(1), None);
        let two = drop.first_from(0).unwrap();
        assert_eq!((two.number, drop.unique_id(two).as_str()), (2, "9.4"));
        assert_eq!(drop.first_from(3), None);
        drop.unmark_all();
        assert_eq!(drop.total(), (3, 30 + u64::from(u32::MAX)));
        let last = drop.entry(3).unwrap();
        assert_eq!(drop.unique_id(last), "9.4294967295");
        assert_eq!(Maildrop::new(1).first_from(1), None);
        drop.grow(2, 5);
        drop.grow(3, 5);
        drop.grow(0, 5);
        drop.grow(4, 5);
        assert_eq!(drop.total(), (3, 35 + u64::from(u32::MAX)));
        assert_eq!(drop.entry(2).unwrap().size, 25);
        assert!(drop.holds(4) && drop.holds(u32::MAX) && !drop.holds(5));
    }
}
