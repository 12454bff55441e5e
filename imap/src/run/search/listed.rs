//! Results in the order of the answer, as runs: 50,000 messages in a row are one run of eight octets.

use crate::wire::returns::Span;
use crate::wire::sequence::Numbers;

/// Numbers in any order, each once; a run ascends by one from its first to its last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::run) struct Listed(Vec<(u32, u32)>);

impl Listed {
    /// Adds a number at the end.
    pub(in crate::run) fn push(&mut self, number: u32) {
        match self.0.last_mut() {
            Some(last) if last.1.checked_add(1) == Some(number) => last.1 = number,
            _ => self.0.push((number, number)),
        }
    }

    pub(super) fn runs(&self) -> &[(u32, u32)] {
        &self.0
    }

    pub(in crate::run) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().flat_map(|(from, to)| *from..=*to)
    }

    pub(in crate::run) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn count(&self) -> usize {
        self.0
            .iter()
            .map(|(from, to)| (to - from) as usize + 1)
            .sum()
    }

    pub(super) fn first(&self) -> Option<u32> {
        self.0.first().map(|run| run.0)
    }

    pub(super) fn last(&self) -> Option<u32> {
        self.0.last().map(|run| run.1)
    }

    /// Those from one place up to before another.
    pub(super) fn slice(&self, from: usize, after: usize) -> Self {
        let mut place = 0;
        let mut kept = Vec::new();
        for &(first, last) in &self.0 {
            let len = (last - first) as usize + 1;
            let start = from.saturating_sub(place).min(len);
            let end = after.saturating_sub(place).min(len);
            if start < end {
                kept.push((first + start as u32, first + (end - 1) as u32));
            }
            place += len;
        }
        Self(kept)
    }

    /// RFC 9394 §3.1: those of a PARTIAL.
    pub(in crate::run) fn part(&self, span: Span) -> Self {
        let (from, after) = span.within(self.count());
        self.slice(from, after)
    }

    /// In ascending order.
    pub(in crate::run) fn numbers(&self) -> Numbers {
        let pairs: Vec<_> = self.0.iter().map(|(a, b)| (Some(*a), Some(*b))).collect();
        Numbers::of(&pairs, 0)
    }
}

impl From<&Numbers> for Listed {
    fn from(numbers: &Numbers) -> Self {
        Self(numbers.ranges().to_vec())
    }
}

impl FromIterator<u32> for Listed {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut listed = Self::default();
        numbers.into_iter().for_each(|number| listed.push(number));
        listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_those_of_a_plain_list() {
        let plain: Vec<u32> = vec![5, 6, 7, 3, 4, 1, 9, 8];
        let listed: Listed = plain.iter().copied().collect();
        assert_eq!(listed.runs(), [(5, 7), (3, 4), (1, 1), (9, 9), (8, 8)]);
        assert_eq!(
            (listed.count(), listed.first(), listed.last()),
            (8, Some(5), Some(8))
        );
        assert_eq!(listed.numbers().text(), "1,3:9");
        for from in 0..9 {
            for after in from..9 {
                let got: Vec<u32> = listed.slice(from, after).iter().collect();
                assert_eq!(got, plain[from..after], "{from}..{after}");
            }
        }
    }
}
