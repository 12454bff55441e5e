//! RFC 9051 §2.3.1.2: one session's message numbers against UIDs, as ranges.
//!
//! 50,000 messages with UIDs in a row are one range of twelve octets; each gap costs another.

use crate::wire::sequence::Numbers;

/// UIDs in a row, and how many messages come before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    first: u32,
    last: u32,
    before: u32,
}

impl Run {
    fn len(self) -> u32 {
        self.last - self.first + 1
    }
}

/// Which UIDs the peer knows of, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    runs: Vec<Run>,
}

impl View {
    /// How many messages: the number of the last one.
    pub fn count(&self) -> u32 {
        self.runs.last().map_or(0, |r| r.before + r.len())
    }

    /// How many octets its ranges take.
    pub fn weight(&self) -> usize {
        self.runs.len() * size_of::<Run>()
    }

    /// The UID of the last message.
    pub fn last_uid(&self) -> Option<u32> {
        self.runs.last().map(|r| r.last)
    }

    /// A message arrived; its UID is greater than all before it (RFC 9051 §2.3.1.1).
    pub fn push(&mut self, uid: u32) {
        let count = self.count();
        match self.runs.last_mut() {
            Some(run) if run.last >= uid => debug_assert!(run.last < uid, "UIDs ascend"),
            Some(run) if run.last + 1 == uid => run.last = uid,
            _ => self.runs.push(Run {
                first: uid,
                last: uid,
                before: count,
            }),
        }
    }

    /// The number of the message with this UID.
    pub fn number(&self, uid: u32) -> Option<u32> {
        let at = self.runs.partition_point(|r| r.last < uid);
        let run = self.runs.get(at).filter(|r| r.first <= uid)?;
        Some(run.before + (uid - run.first) + 1)
    }

    /// The UID of the message with this number.
    pub fn uid(&self, number: u32) -> Option<u32> {
        let index = number.checked_sub(1)?;
        let at = self.runs.partition_point(|r| r.before + r.len() <= index);
        self.runs.get(at).map(|r| r.first + (index - r.before))
    }

    /// The UIDs of these message numbers; numbers past the end are passed over.
    pub fn uids(&self, numbers: &Numbers) -> Numbers {
        let mut found = Vec::new();
        for &(from, to) in numbers.ranges() {
            let to = to.min(self.count());
            if from == 0 || from > to {
                continue;
            }
            let mut at = self.runs.partition_point(|r| r.before + r.len() < from);
            while let Some(run) = self.runs.get(at).filter(|r| r.before < to) {
                let first = run.first + (from - 1).saturating_sub(run.before);
                let last = run.last.min(run.first + (to - 1 - run.before));
                found.push((Some(first), Some(last)));
                at += 1;
            }
        }
        Numbers::of(&found, 0)
    }

    /// Those of these UIDs that the peer knows of.
    pub fn known(&self, uids: &Numbers) -> Numbers {
        let mut found = Vec::new();
        for &(from, to) in uids.ranges() {
            let mut at = self.runs.partition_point(|r| r.last < from);
            while let Some(run) = self.runs.get(at).filter(|r| r.first <= to) {
                found.push((Some(from.max(run.first)), Some(to.min(run.last))));
                at += 1;
            }
        }
        Numbers::of(&found, 0)
    }

    /// All UIDs.
    pub fn all(&self) -> Numbers {
        let ranges: Vec<_> = self
            .runs
            .iter()
            .map(|r| (Some(r.first), Some(r.last)))
            .collect();
        Numbers::of(&ranges, 0)
    }

    /// Takes these UIDs out. Their numbers come back largest first, so that each is right at the
    /// moment it is told (RFC 9051 §7.5.1).
    pub fn remove(&mut self, uids: &Numbers) -> Vec<u32> {
        let gone = self.known(uids);
        let mut numbers: Vec<u32> = gone.iter().filter_map(|uid| self.number(uid)).collect();
        numbers.reverse();
        let mut left = Self::default();
        for run in &self.runs {
            let mut first = run.first;
            for &(from, to) in gone.ranges() {
                if to < first || from > run.last {
                    continue;
                }
                if from > first {
                    left.push_run(first, from - 1);
                }
                first = to.saturating_add(1);
                if first > run.last {
                    break;
                }
            }
            if first <= run.last && first != 0 {
                left.push_run(first, run.last);
            }
        }
        *self = left;
        numbers
    }

    fn push_run(&mut self, first: u32, last: u32) {
        let before = self.count();
        self.runs.push(Run {
            first,
            last,
            before,
        });
    }
}

impl FromIterator<u32> for View {
    /// From ascending UIDs.
    fn from_iter<I: IntoIterator<Item = u32>>(uids: I) -> Self {
        let mut view = Self::default();
        uids.into_iter().for_each(|uid| view.push(uid));
        view
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn numbers(list: &[u32]) -> Numbers {
        let pairs: Vec<_> = list.iter().map(|n| (Some(*n), Some(*n))).collect();
        Numbers::of(&pairs, 0)
    }

    #[test]
    fn a_large_mailbox_is_a_few_octets() {
        let mut view: View = (1..=50_000).collect();
        assert_eq!(view.runs.len(), 1);
        assert_eq!(
            view.remove(&numbers(&[1, 25_000, 50_000])),
            [50_000, 25_000, 1]
        );
        assert_eq!(view.runs.len(), 2);
        assert_eq!(
            (view.count(), view.uid(1), view.number(49_999)),
            (49_997, Some(2), Some(49_997))
        );
    }

    proptest! {
        /// Against a plain list.
        #[test]
        fn i16_numbers_follow_a_plain_list(
            mut uids in prop::collection::btree_set(1u32..200, 0..80),
            gone in prop::collection::vec(1u32..200, 0..40),
            asked in prop::collection::vec(1u32..200, 1..20),
        ) {
            let mut view: View = uids.iter().copied().collect();
            let before: Vec<u32> = uids.iter().copied().collect();
            let told = view.remove(&numbers(&gone));
            let mut model = before.clone();
            for number in told {
                let uid = model.remove(number as usize - 1);
                prop_assert!(gone.contains(&uid));
                uids.remove(&uid);
            }
            for uid in &gone { uids.remove(uid); }
            let list: Vec<u32> = uids.iter().copied().collect();
            prop_assert_eq!(&model, &list);
            prop_assert_eq!(view.count() as usize, list.len());
            for (index, uid) in list.iter().enumerate() {
                prop_assert_eq!(view.number(*uid), Some(index as u32 + 1));
                prop_assert_eq!(view.uid(index as u32 + 1), Some(*uid));
            }
            let wanted = numbers(&asked);
            let known: Vec<u32> = wanted.iter().filter(|u| uids.contains(u)).collect();
            prop_assert_eq!(view.known(&wanted).iter().collect::<Vec<_>>(), known);
            let by_number: Vec<u32> = wanted.iter().filter_map(|n| list.get(n as usize - 1).copied()).collect();
            prop_assert_eq!(view.uids(&wanted).iter().collect::<Vec<_>>(), by_number);
        }
    }
}
