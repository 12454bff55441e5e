//! RFC 9051 §9 `sequence-set`: message numbers and UIDs, as asked for and as found.

use super::lexer::{Lexer, Parsed, Syntax};
use std::fmt::Write as _;

/// Ranges in one set; a line of the largest length holds no more that mean anything.
pub const RANGES_MAX: usize = 16_384;

/// seq-number = nz-number / "*"; `None` is `*`.
pub type Bound = Option<u32>;

/// What a command names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SequenceSet {
    /// seq-last-command = "$" (RFC 9051 §6.4.4.1).
    Saved,
    /// Pairs in the order and direction given.
    Ranges(Vec<(Bound, Bound)>),
    /// The same, and `$` behind them.
    Both(Vec<(Bound, Bound)>),
}

impl SequenceSet {
    /// sequence-set = (seq-number / seq-range) ["," sequence-set] / seq-last-command;
    /// seq-range = seq-number ":" seq-number
    pub fn parse(lexer: &mut Lexer<'_>) -> Parsed<Self> {
        if lexer.take(b'$') {
            return Ok(Self::Saved);
        }
        let mut ranges = Vec::new();
        loop {
            if ranges.len() == RANGES_MAX {
                return Err(Syntax("[LIMIT] too many ranges in a sequence set"));
            }
            if !ranges.is_empty() && lexer.take(b'$') {
                return Ok(Self::Both(ranges));
            }
            let from = Self::bound(lexer)?;
            let to = if lexer.take(b':') {
                Self::bound(lexer)?
            } else {
                from
            };
            ranges.push((from, to));
            if !lexer.take(b',') {
                return Ok(Self::Ranges(ranges));
            }
        }
    }

    fn bound(lexer: &mut Lexer<'_>) -> Parsed<Bound> {
        if lexer.take(b'*') {
            Ok(None)
        } else {
            lexer.nz_number().map(Some)
        }
    }

    /// Whether a parser should expect a set here.
    pub fn starts(octet: Option<u8>) -> bool {
        matches!(octet, Some(b'0'..=b'9' | b'*' | b'$'))
    }
}

/// A set of numbers as sorted, separate, non-adjacent ranges: 50,000 in a row are one range.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers(Vec<(u32, u32)>);

impl Numbers {
    /// The named ranges, where `*` stands for `largest`; pairs in any direction, overlapping or not.
    pub fn of(ranges: &[(Bound, Bound)], largest: u32) -> Self {
        let pick = |b: Bound| b.unwrap_or(largest);
        let mut pairs: Vec<(u32, u32)> = ranges
            .iter()
            .map(|(a, b)| (pick(*a), pick(*b)))
            .map(|(a, b)| (a.min(b), a.max(b)))
            .collect();
        pairs.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::new();
        for (from, to) in pairs {
            match merged.last_mut() {
                Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        Self(merged)
    }

    /// Adds a number greater than all before it.
    pub fn push(&mut self, number: u32) {
        match self.0.last_mut() {
            Some(last) if last.1 >= number => debug_assert!(last.1 < number, "numbers ascend"),
            Some(last) if last.1 + 1 == number => last.1 = number,
            _ => self.0.push((number, number)),
        }
    }

    /// The ranges, both ends included.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// Whether the number is in it; by bisection.
    pub fn contains(&self, number: u32) -> bool {
        let at = self.0.partition_point(|(_, to)| *to < number);
        self.0.get(at).is_some_and(|(from, _)| *from <= number)
    }

    /// Those greater than `number`.
    #[must_use]
    pub fn after(&self, number: u32) -> Self {
        let rest = self.0.iter().filter(|(_, to)| *to > number);
        Self(
            rest.map(|(from, to)| ((*from).max(number + 1), *to))
                .collect(),
        )
    }

    /// Those less than `number`.
    #[must_use]
    pub fn before(&self, number: u32) -> Self {
        let rest = self.0.iter().filter(|(from, _)| *from < number);
        Self(
            rest.map(|(from, to)| (*from, (*to).min(number - 1)))
                .collect(),
        )
    }

    /// The `max` greatest.
    #[must_use]
    pub fn top(&self, max: u64) -> Self {
        let (mut kept, mut room) = (Vec::new(), max);
        for &(from, to) in self.0.iter().rev() {
            if room == 0 {
                break;
            }
            let taken = room.min(u64::from(to - from) + 1);
            kept.push((to - (taken - 1) as u32, to));
            room -= taken;
        }
        kept.reverse();
        Self(kept)
    }

    /// Those that are in one of the two.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let both = self.0.iter().chain(&other.0);
        let both: Vec<_> = both.map(|(from, to)| (Some(*from), Some(*to))).collect();
        Self::of(&both, 0)
    }

    /// Those that are in the other set too.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut both = Vec::new();
        let (mut own, mut others) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let (Some(&&(a, b)), Some(&&(c, d))) = (own.peek(), others.peek()) {
            if a.max(c) <= b.min(d) {
                both.push((a.max(c), b.min(d)));
            }
            if b <= d {
                own.next();
            } else {
                others.next();
            }
        }
        Self(both)
    }

    /// Those that are not in the other set.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        let mut others = other.0.iter().peekable();
        for &(from, to) in &self.0 {
            // Wide, so that what follows the largest number is one too.
            let (mut from, to) = (u64::from(from), u64::from(to));
            while let Some(&&(first, last)) = others.peek() {
                let (first, last) = (u64::from(first), u64::from(last));
                if first > to {
                    break;
                }
                if first > from {
                    left.push((from as u32, first as u32 - 1));
                }
                from = from.max(last + 1);
                // It may reach into the next range.
                if last > to {
                    break;
                }
                others.next();
            }
            if from <= to {
                left.push((from as u32, to as u32));
            }
        }
        Self(left)
    }

    /// Cuts off what comes after the first `max` ranges, and gives it.
    pub fn cut(&mut self, max: usize) -> Self {
        Self(self.0.split_off(max.min(self.0.len())))
    }

    /// Every number, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().flat_map(|(from, to)| *from..=*to)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.0
            .iter()
            .map(|(from, to)| u64::from(to - from) + 1)
            .sum()
    }

    /// The smallest.
    pub fn first(&self) -> Option<u32> {
        self.0.first().map(|r| r.0)
    }

    /// The largest.
    pub fn last(&self) -> Option<u32> {
        self.0.last().map(|r| r.1)
    }

    /// `1:3,5`, in the canonical form.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (from, to) in &self.0 {
            if !out.is_empty() {
                out.push(',');
            }
            let _ = match from == to {
                true => write!(out, "{from}"),
                false => write!(out, "{from}:{to}"),
            };
        }
        out
    }
}

impl FromIterator<u32> for Numbers {
    /// From ascending numbers.
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut set = Self::default();
        numbers.into_iter().for_each(|n| set.push(n));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, largest: u32, expected: Option<&str>) {
        let mut lexer = Lexer::new(text.as_bytes(), Vec::new());
        let set = SequenceSet::parse(&mut lexer).and_then(|s| lexer.end().map(|()| s));
        let got = match set {
            Ok(SequenceSet::Ranges(r)) => Some(Numbers::of(&r, largest).text()),
            Ok(SequenceSet::Saved) => Some("$".into()),
            Ok(SequenceSet::Both(r)) => Some(format!("{},$", Numbers::of(&r, largest).text())),
            Err(_) => None,
        };
        assert_eq!(got.as_deref(), expected, "{text:?}");
    }

    #[test]
    fn sets_are_read_in_any_order() {
        check("2,4:7,9,12:*", 15, Some("2,4:7,9,12:15"));
        check("*:4,5:7", 10, Some("4:10"));
        check("3291:*", 100, Some("100:3291"));
        check("1,2,3,3,2", 9, Some("1:3"));
        check("*", 7, Some("7"));
        check("$", 7, Some("$"));
        check("9,1:2,$", 9, Some("1:2,9,$"));
        for bad in ["$,1", "1:$", "1,$,2", "$$"] {
            check(bad, 5, None);
        }
        check("1:4294967295,4294967295", 7, Some("1:4294967295"));
        for bad in ["", "0", "1,", "1:", ":1", "a", "1;2", "1:2:3"] {
            check(bad, 5, None);
        }
    }

    #[test]
    fn sets_are_compared_as_plain_sets_would_be() {
        let pick = |bits: u32| -> Numbers { (1..=8).filter(|n| bits >> n & 1 == 1).collect() };
        for a in (0..512u32).step_by(2) {
            for b in (0..512u32).step_by(2) {
                assert_eq!(pick(a).and(&pick(b)), pick(a & b), "{a:b} {b:b}");
                assert_eq!(pick(a).without(&pick(b)), pick(a & !b), "{a:b} {b:b}");
            }
        }
        let all = Numbers::of(&[(Some(1), Some(u32::MAX))], 0);
        let end = Numbers::of(&[(Some(9), Some(u32::MAX))], 0);
        assert_eq!(all.without(&end).text(), "1:8");
        assert_eq!(all.without(&all).and(&all).text(), "");
        let mut cut: Numbers = [1, 3, 5, 7].into_iter().collect();
        assert_eq!(
            (cut.cut(3).text(), cut.text()),
            ("7".into(), "1,3,5".into())
        );
    }

    #[test]
    fn numbers_are_found_by_bisection() {
        let set: Numbers = [1, 2, 3, 7, 9, 10].into_iter().collect();
        assert_eq!(set.text(), "1:3,7,9:10");
        assert_eq!(set.count(), 6);
        let found: Vec<u32> = (0..12).filter(|n| set.contains(*n)).collect();
        assert_eq!(found, set.iter().collect::<Vec<_>>());
    }
}
