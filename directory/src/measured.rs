//! By how much messages of a mailbox grow when they are sent as lines (RFC 1939 §11): found by reading each once, and
//! kept, so that nobody reads a whole mailbox for its sizes again. Written lazily: its loss costs another reading.

use crate::Access;
use crate::fact::{account_key, decode, encode, table};
use serde::{Deserialize, Serialize};
use storage::{RowChange, UidValidity};

/// Messages of one mailbox that grow and are remembered; those past it are told by what is stored.
pub const GROWING_MAX: usize = 50_000;

/// What is known of the messages of one's INBOX.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    validity: u32,
    through: u32,
    /// UID and octets, in order; most messages do not grow.
    growing: Vec<(u32, u32)>,
}

impl Measured {
    /// Nothing is known.
    pub fn new(validity: UidValidity) -> Self {
        Self {
            validity: validity.raw(),
            ..Self::default()
        }
    }

    /// By how many octets a message grows; `None`: it was not read yet.
    pub fn growth(&self, uid: u32) -> Option<u32> {
        if uid > self.through {
            return None;
        }
        let at = self.growing.binary_search_by_key(&uid, |(uid, _)| *uid);
        Some(at.map_or(0, |at| self.growing[at].1))
    }

    /// Notes it of the next message by UID. False: nothing more can be noted.
    pub fn push(&mut self, uid: u32, growth: u32) -> bool {
        if uid <= self.through || (growth > 0 && self.growing.len() >= GROWING_MAX) {
            return false;
        }
        self.through = uid;
        if growth > 0 {
            self.growing.push((uid, growth));
        }
        true
    }

    /// Forgets those for which this does not hold.
    pub fn retain(&mut self, there: impl Fn(u32) -> bool) {
        self.growing.retain(|(uid, _)| there(*uid));
    }
}

impl Access {
    /// What is known of one's INBOX under this UIDVALIDITY.
    pub fn measured(&self, validity: UidValidity) -> Measured {
        let rows = self.directory.inner.store.table(table::MEASURED);
        let row = rows.row(&account_key(self.account)).ok().flatten();
        let kept = row.and_then(|row| decode::<Measured>(table::MEASURED, &row).ok());
        kept.filter(|kept| kept.validity == validity.raw())
            .unwrap_or_else(|| Measured::new(validity))
    }

    /// Notes it, in its own time.
    pub fn note_measured(&self, measured: &Measured) {
        if let Ok(value) = encode(measured) {
            self.directory.inner.lazy.put(RowChange {
                table: table::MEASURED,
                key: account_key(self.account),
                value: Some(value),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_known_and_nothing_else() {
        let mut known = Measured::default();
        assert_eq!(known.growth(1), None);
        assert!(known.push(3, 0) && known.push(5, 7) && !known.push(5, 1));
        assert_eq!(
            [1, 3, 5].map(|uid| known.growth(uid)),
            [Some(0), Some(0), Some(7)]
        );
        assert_eq!(known.growth(6), None);
        known.retain(|uid| uid != 5);
        assert_eq!(known.growth(5), Some(0));
    }

    #[test]
    fn i13_only_so_many_are_kept() {
        let mut known = Measured::default();
        let most = u32::try_from(GROWING_MAX).unwrap();
        assert!((1..=most).all(|uid| known.push(uid, 1)));
        assert!(!known.push(most + 1, 1) && known.push(most + 1, 0));
    }
}
