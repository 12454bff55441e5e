//! Which reports of one day and domain are kept, where more come than there is room for. Pure.
//!
//! Anybody can write a report, so that room is given by what is known of who brings it ([`Standing`]): what is believed
//! further takes the place of what is believed less, never the other way round; nobody has more than his share; and
//! nobody replaces what another brought. What is not kept is counted.

use super::brought::Standing;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

/// Reports of one domain and day that are kept.
pub(super) const DAY_MAX: usize = 200;
/// Those of one reporter among them: who reports each hour has room.
pub(super) const REPORTER_MAX: usize = 25;
/// Characters of a name that say how far a report is believed.
const STANDING_LEN: usize = 2;

/// A report that is kept, without what it says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    /// By which it is found within its day: what is believed further comes first.
    pub(super) name: String,
    pub(super) standing: Standing,
    /// A domain vouches for who brought it.
    pub(super) vouched: bool,
    /// Whose are counted together, as a number.
    pub(super) by: u64,
    /// When it came, Unix seconds.
    pub(super) at: i64,
    /// What it says, as a number.
    pub(super) content: u64,
    /// Whose report and which one it says that it is, whoever brought it, as a number; 0: not known.
    pub(super) report: u64,
}

impl Kept {
    /// Which report of whom it is, whatever is believed of it.
    fn which(&self) -> &str {
        self.name.get(STANDING_LEN..).unwrap_or_default()
    }
}

/// What becomes of a report.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is kept; this one gives way.
    Keep(Option<String>),
    /// It is here already.
    Repeat,
    /// There is no room for it, or its place is another's.
    Drop,
}

/// A day of a domain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Day {
    pub(super) kept: Vec<Kept>,
    /// Reports that were not kept, or gave way.
    pub(super) dropped: u64,
    /// Reports that could not be read, by why.
    pub(super) unread: BTreeMap<String, u64>,
}

impl Day {
    /// Nothing was lost so far.
    pub(super) fn is_whole(&self) -> bool {
        self.dropped == 0 && self.unread.is_empty()
    }

    /// Takes a report in, or does not, and counts.
    pub(super) fn take(&mut self, new: Kept) -> Verdict {
        let verdict = self.judge(&new);
        match &verdict {
            Verdict::Keep(way) => {
                let gave_way = |old: &Kept| way.as_ref() == Some(&old.name);
                // Who brings his own anew loses nothing.
                let anew = |old: &Kept| new.vouched && old.which() == new.which();
                let lost = self.kept.iter().any(|old| gave_way(old) && !anew(old));
                self.dropped = self.dropped.saturating_add(u64::from(lost));
                self.kept.retain(|old| !gave_way(old));
                self.kept.push(new);
            }
            Verdict::Repeat => {}
            Verdict::Drop => self.dropped = self.dropped.saturating_add(1),
        }
        verdict
    }

    fn judge(&self, new: &Kept) -> Verdict {
        if let Some(old) = self.kept.iter().find(|old| old.which() == new.which()) {
            return match old.content == new.content && new.standing <= old.standing {
                true => Verdict::Repeat,
                // Of two strangers nobody knows whether they are one.
                false if new.standing > old.standing => Verdict::Keep(Some(old.name.clone())),
                false if new.standing == old.standing && new.vouched => {
                    Verdict::Keep(Some(old.name.clone()))
                }
                false => Verdict::Drop,
            };
        }
        // One who says that he is somebody else, or somebody else who comes after him.
        let same = self
            .kept
            .iter()
            .filter(|old| new.report != 0 && old.report == new.report);
        if same.clone().any(|old| old.standing > new.standing) {
            return Verdict::Drop;
        }
        let own = self.kept.iter().filter(|old| old.by == new.by);
        let share = own.clone().count();
        if share >= REPORTER_MAX {
            return instead_of(weakest(own).filter(|old| old.standing < new.standing));
        }
        if let Some(old) = weakest(same.filter(|old| old.standing < new.standing)) {
            return Verdict::Keep(Some(old.name.clone()));
        }
        if self.kept.len() < DAY_MAX {
            return Verdict::Keep(None);
        }
        let below = self.kept.iter().filter(|old| old.standing < new.standing);
        match weakest(below) {
            Some(old) => Verdict::Keep(Some(old.name.clone())),
            None => instead_of(self.of_who_has_most(new, share)),
        }
    }

    /// Among those that are believed as far, one of who has most of them, where that is more than the new one's would be.
    fn of_who_has_most(&self, new: &Kept, share: usize) -> Option<&Kept> {
        let equal = || {
            let all = self.kept.iter();
            all.filter(|old| old.standing == new.standing && old.by != new.by)
        };
        let mut shares: HashMap<u64, usize> = HashMap::new();
        for old in equal() {
            *shares.entry(old.by).or_default() += 1;
        }
        let (most, count) = shares.into_iter().max_by_key(|(by, n)| (*n, *by))?;
        let theirs = equal().filter(|old| old.by == most && count > share + 1);
        weakest(theirs)
    }
}

fn instead_of(old: Option<&Kept>) -> Verdict {
    old.map_or(Verdict::Drop, |old| Verdict::Keep(Some(old.name.clone())))
}

/// What is believed least, and of that what came last.
fn weakest<'a>(kept: impl Iterator<Item = &'a Kept>) -> Option<&'a Kept> {
    kept.min_by_key(|old| (old.standing, Reverse(old.at)))
}
