//! RFC 8620 §5.2: states of EmailSubmission. Those that wait are few, and none of them changes while it waits: a state
//! names them, so that it can be told what came and what went without a log.

use crate::error::MethodError;
use delivery::Later;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Octets of a state that names them; a longer one is a mark of them, from which nothing can be calculated.
const NAMED_MAX: usize = 240;
/// Hex digits of such a mark.
const MARK_DIGITS: usize = 24;

/// Which of them there are, by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting(BTreeSet<u64>);

/// What came and what went between two states, by number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Changed {
    pub(super) created: Vec<u64>,
    pub(super) destroyed: Vec<u64>,
    /// What there is after these changes.
    pub(super) until: Waiting,
    pub(super) more: bool,
}

impl Waiting {
    pub(super) fn of(all: &[Later]) -> Self {
        Self(all.iter().map(|later| later.id.raw()).collect())
    }

    /// `q1f.20`; how the state is spelt is nobody else's business.
    pub(super) fn spell(&self) -> String {
        let mut named = String::from("q");
        for (at, number) in self.0.iter().enumerate() {
            let dot = if at == 0 { "" } else { "." };
            // A String takes whatever is written.
            let _ = write!(named, "{dot}{number:x}");
        }
        if named.len() <= NAMED_MAX {
            return named;
        }
        let mark = blake3::hash(named.as_bytes()).to_hex();
        format!("m{}", &mark[..MARK_DIGITS])
    }

    /// What a state names. Only as this server spells it.
    fn read(state: &str) -> Option<Self> {
        let numbers = state.strip_prefix('q')?;
        let numbers = numbers.split('.').filter(|n| !n.is_empty());
        let numbers = numbers.map(|n| u64::from_str_radix(n, 16).ok());
        let read = Self(numbers.collect::<Option<_>>()?);
        (read.spell() == state).then_some(read)
    }

    /// From that state to this one, no more than so many changes.
    pub(super) fn since(&self, state: &str, max: usize) -> Result<Changed, MethodError> {
        if state == self.spell() {
            return Ok(Changed {
                created: Vec::new(),
                destroyed: Vec::new(),
                until: self.clone(),
                more: false,
            });
        }
        let mut before = Self::read(state).ok_or(MethodError::CannotCalculateChanges)?;
        let changes: Vec<u64> = before.0.symmetric_difference(&self.0).copied().collect();
        let (now, later) = changes.split_at(changes.len().min(max));
        let (created, destroyed): (Vec<u64>, Vec<u64>) = now
            .iter()
            .copied()
            .partition(|number| self.0.contains(number));
        for number in &created {
            before.0.insert(*number);
        }
        for number in &destroyed {
            before.0.remove(number);
        }
        Ok(Changed {
            created,
            destroyed,
            until: before,
            more: !later.is_empty(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(numbers: impl IntoIterator<Item = u64>) -> Waiting {
        Waiting(numbers.into_iter().collect())
    }

    fn check(state: &str, max: usize, expected: Option<(&[u64], &[u64], &str, bool)>) {
        let told = waiting([3, 0x1f]).since(state, max).ok();
        let told = told.map(|c| (c.created, c.destroyed, c.until.spell(), c.more));
        let expected = expected.map(|(created, destroyed, until, more)| {
            (created.to_vec(), destroyed.to_vec(), until.to_owned(), more)
        });
        assert_eq!(told, expected, "{state}");
    }

    #[test]
    fn what_came_and_went_is_told_from_the_state_alone() {
        check("q3.1f", 9, Some((&[], &[], "q3.1f", false)));
        check("q", 9, Some((&[3, 0x1f], &[], "q3.1f", false)));
        check("q2.3", 9, Some((&[0x1f], &[2], "q3.1f", false)));
        check("q2.3", 1, Some((&[], &[2], "q3", true)));
        check("q3", 1, Some((&[0x1f], &[], "q3.1f", false)));
        for foreign in ["", "0", "7", "q.3", "q3.", "q03", "q3.2", "qx", "m3"] {
            check(foreign, 9, None);
        }
    }

    #[test]
    fn i13_a_state_has_a_length_that_it_never_passes() {
        let many = waiting(0..10_000);
        let state = many.spell();
        assert!(state.starts_with('m') && state.len() <= NAMED_MAX);
        assert!(many.since(&state, 9).is_ok_and(|c| c.created.is_empty()));
        assert!(waiting([1]).since(&state, 9).is_err());
        assert!(many.since("q1", 9).is_ok_and(|c| c.more));
    }
}
