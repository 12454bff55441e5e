//! How lists stood when their states were told, so that what changed since can be (RFC 8620 §5.2, §5.6): of types whose
//! objects the directory keeps without a log.
//!
//! In memory only, and bounded: from a state that was forgotten nothing can be calculated. A list is kept by what is in it:
//! those who see the same directory share one.

use crate::error::MethodError;
use crate::limit;
use crate::standard::ChangesArguments;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// One object: the number that it is known by, and what tells it from what it was before.
pub(crate) type Row = (u64, u64);

/// What one list that is kept takes besides its rows, in rows.
const OVERHEAD_ROWS: usize = 16;

/// A list as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stand {
    /// What there is, in order of the numbers.
    pub(crate) there: Vec<Row>,
    /// What else is shown of some of them, in the same order: who looks has it for himself.
    pub(crate) besides: Vec<Row>,
}

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Created,
    Updated,
    Destroyed,
}

fn mark(rows: &[Row]) -> u64 {
    let mut hash = blake3::Hasher::new();
    for (number, stamp) in rows {
        hash.update(&number.to_be_bytes());
        hash.update(&stamp.to_be_bytes());
    }
    stamp_of(&hash)
}

fn stamp_of(hash: &blake3::Hasher) -> u64 {
    let mut first = [0; 8];
    hash.finalize_xof().fill(&mut first);
    u64::from_be_bytes(first)
}

/// What tells a text from another one.
pub(crate) fn stamp(text: &str) -> u64 {
    let mut hash = blake3::Hasher::new();
    hash.update(text.as_bytes());
    stamp_of(&hash)
}

impl Stand {
    /// Of a list of which nothing more is to be told apart.
    pub(crate) fn of(mut there: Vec<Row>) -> Self {
        there.sort_unstable();
        Self {
            there,
            besides: Vec::new(),
        }
    }

    /// RFC 8620 §5.1: another one when anything changed.
    pub(crate) fn state(&self) -> String {
        format!("{:016x}-{:016x}", mark(&self.there), mark(&self.besides))
    }

    /// What changed since, in order of the numbers.
    fn since(&self, old: &Self) -> Vec<(u64, Fate)> {
        let mut fates: BTreeMap<u64, Fate> = differing(&old.besides, &self.besides)
            .into_iter()
            .map(|number| (number, Fate::Updated))
            .collect();
        for number in differing(&old.there, &self.there) {
            let fate = match (has(&old.there, number), has(&self.there, number)) {
                (false, _) => Fate::Created,
                (true, true) => Fate::Updated,
                (true, false) => Fate::Destroyed,
            };
            fates.insert(number, fate);
        }
        // What is shown of something that is not there is nobody's.
        fates.retain(|number, _| has(&old.there, *number) || has(&self.there, *number));
        fates.into_iter().collect()
    }

    /// As it stood, with what became of these objects since.
    fn upto(&self, old: &Self, known: &[(u64, Fate)]) -> Self {
        let taken = |number: u64| known.binary_search_by_key(&number, |(n, _)| *n).is_ok();
        let mixed = |old: &[Row], new: &[Row]| {
            let kept = old.iter().filter(|(number, _)| !taken(*number));
            let come = new.iter().filter(|(number, _)| taken(*number));
            let mut rows: Vec<Row> = kept.chain(come).copied().collect();
            rows.sort_unstable();
            rows
        };
        Self {
            there: mixed(&old.there, &self.there),
            besides: mixed(&old.besides, &self.besides),
        }
    }
}

fn has(rows: &[Row], number: u64) -> bool {
    rows.binary_search_by_key(&number, |(n, _)| *n).is_ok()
}

/// The numbers of which two lists say something else.
fn differing(old: &[Row], new: &[Row]) -> Vec<u64> {
    let only = |these: &[Row], those: &[Row]| -> Vec<u64> {
        let lacks = |row: &&Row| those.binary_search(row).is_err();
        these.iter().filter(lacks).map(|(n, _)| *n).collect()
    };
    let mut numbers = only(old, new);
    numbers.extend(only(new, old));
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// The lists that are kept, those that were asked for last.
#[derive(Debug, Default)]
pub(crate) struct Remembered(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// By their marks, each with when it was used.
    lists: HashMap<u64, (u64, Arc<[Row]>)>,
    /// The longest unused first.
    used: BTreeMap<u64, u64>,
    rows: usize,
    clock: u64,
}

impl Kept {
    fn touch(&mut self, mark: u64) -> Option<Arc<[Row]>> {
        self.clock += 1;
        let (when, list) = self.lists.get_mut(&mark)?;
        self.used.remove(when);
        *when = self.clock;
        self.used.insert(self.clock, mark);
        Some(Arc::clone(list))
    }

    fn keep(&mut self, list: &[Row], rows_max: usize) {
        let mark = mark(list);
        let cost = list.len() + OVERHEAD_ROWS;
        if cost > rows_max || self.touch(mark).is_some() {
            return;
        }
        self.rows += cost;
        while self.rows > rows_max {
            let Some((_, oldest)) = self.used.pop_first() else {
                break;
            };
            if let Some((_, gone)) = self.lists.remove(&oldest) {
                self.rows -= gone.len() + OVERHEAD_ROWS;
            }
        }
        self.lists.insert(mark, (self.clock, list.into()));
        self.used.insert(self.clock, mark);
    }
}

impl Remembered {
    /// Remembers how it stands; its state.
    pub(crate) fn keep(&self, now: &Stand) -> String {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for list in [&now.there, &now.besides] {
            kept.keep(list, limit::REMEMBERED_ROWS_MAX);
        }
        now.state()
    }

    /// How it stood under this state.
    fn find(&self, state: &str) -> Option<Stand> {
        let (there, besides) = state.split_once('-')?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut list = |digits: &str| {
            let mark = u64::from_str_radix(digits, 16).ok()?;
            (format!("{mark:016x}") == digits).then_some(())?;
            kept.touch(mark).map(|rows| rows.to_vec())
        };
        Some(Stand {
            there: list(there)?,
            besides: list(besides)?,
        })
    }

    fn since(&self, now: &Stand, state: &str) -> Result<(Stand, Vec<(u64, Fate)>), MethodError> {
        let stale = MethodError::CannotCalculateChanges;
        let old = match state == now.state() {
            true => now.clone(),
            false => self.find(state).ok_or(stale)?,
        };
        let changed = now.since(&old);
        Ok((old, changed))
    }

    /// The response of RFC 8620 §5.2; `spell`: the id of a number.
    pub(crate) fn changes(
        &self,
        now: &Stand,
        arguments: &ChangesArguments,
        spell: impl Fn(u64) -> String,
    ) -> Result<Value, MethodError> {
        let max = arguments.max()?;
        let (old, mut changed) = self.since(now, &arguments.since_state)?;
        let more = changed.len() > max;
        changed.truncate(max);
        let new = match more {
            true => self.keep(&now.upto(&old, &changed)),
            false => self.keep(now),
        };
        let of = |fate: Fate| -> Vec<String> {
            let those = changed.iter().filter(|(_, became)| *became == fate);
            those.map(|(number, _)| spell(*number)).collect()
        };
        Ok(json!({
            "accountId": arguments.account_id,
            "oldState": arguments.since_state,
            "newState": new,
            "hasMoreChanges": more,
            "created": of(Fate::Created),
            "updated": of(Fate::Updated),
            "destroyed": of(Fate::Destroyed),
        }))
    }

    /// The response of RFC 8620 §5.6: what changed is taken out, and put in again where it now stands. `ids`: all that is
    /// found now, in order.
    pub(crate) fn query_changes(
        &self,
        now: &Stand,
        arguments: &QueryChangesArguments,
        ids: &[String],
        spell: impl Fn(u64) -> String,
    ) -> Result<Value, MethodError> {
        let (_, changed) = self.since(now, &arguments.since_query_state)?;
        let known = changed.iter().filter(|(_, fate)| *fate != Fate::Created);
        let removed: Vec<String> = known.map(|(number, _)| spell(*number)).collect();
        let touched: std::collections::HashSet<String> =
            changed.iter().map(|(number, _)| spell(*number)).collect();
        let places = ids.iter().enumerate();
        let added: Vec<Value> = places
            .filter(|(_, id)| touched.contains(*id))
            .map(|(index, id)| json!({"id": id, "index": index}))
            .collect();
        let max = arguments.max_changes.map_or(limit::CHANGES_MAX, |n| {
            usize::try_from(n).unwrap_or(usize::MAX)
        });
        if removed.len() + added.len() > max.min(limit::CHANGES_MAX) {
            return Err(MethodError::TooManyChanges);
        }
        let mut response = json!({
            "accountId": arguments.account_id,
            "oldQueryState": arguments.since_query_state,
            "newQueryState": self.keep(now),
            "removed": removed,
            "added": added,
        });
        if arguments.calculate_total {
            response["total"] = ids.len().into();
        }
        Ok(response)
    }
}

/// RFC 8620 §5.6.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct QueryChangesArguments {
    pub(crate) account_id: String,
    pub(crate) filter: Option<Value>,
    #[serde(default, deserialize_with = "crate::listed::or_none")]
    pub(crate) sort: Vec<crate::listed::Comparator>,
    since_query_state: String,
    max_changes: Option<u64>,
    /// Ignored, as RFC 8620 §5.6 asks when filter or sort may be mutable.
    #[allow(dead_code)]
    up_to_id: Option<String>,
    #[serde(default)]
    calculate_total: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stand(there: &[Row], besides: &[Row]) -> Stand {
        Stand {
            there: there.to_vec(),
            besides: besides.to_vec(),
        }
    }

    fn asked(since: &str, max: Option<u64>) -> ChangesArguments {
        ChangesArguments {
            account_id: "a1".into(),
            since_state: since.into(),
            max_changes: max,
        }
    }

    #[test]
    fn what_changed_is_told_also_in_parts() {
        let remembered = Remembered::default();
        let before = stand(&[(1, 1), (2, 1), (3, 1), (4, 1)], &[(1, 7), (4, 7), (9, 7)]);
        let after = stand(&[(1, 1), (3, 2), (4, 1), (5, 1)], &[(1, 7), (4, 8)]);
        let first = remembered.keep(&before);
        let spell = |n: u64| format!("x{n}");
        let tell = |since: &str, max| {
            let told = remembered.changes(&after, &asked(since, max), spell);
            told.unwrap()
        };
        let told = tell(&first, None);
        assert_eq!(
            [&told["created"], &told["updated"], &told["destroyed"]],
            [&json!(["x5"]), &json!(["x3", "x4"]), &json!(["x2"])]
        );
        assert_eq!(told["newState"], after.state());
        let (mut since, mut parts) = (first, Vec::new());
        loop {
            let told = tell(&since, Some(1));
            for kind in ["created", "updated", "destroyed"] {
                let ids = told[kind].as_array().unwrap();
                parts.extend(ids.iter().map(|id| format!("{kind} {id}")));
            }
            since = told["newState"].as_str().unwrap().to_owned();
            if told["hasMoreChanges"] == false {
                break;
            }
        }
        assert_eq!(
            parts,
            [
                "destroyed \"x2\"",
                "updated \"x3\"",
                "updated \"x4\"",
                "created \"x5\""
            ]
        );
        assert_eq!(since, after.state());
    }

    #[test]
    fn a_state_that_nobody_was_told_cannot_be_calculated_from() {
        let remembered = Remembered::default();
        let now = stand(&[(1, 1)], &[]);
        let known = remembered.keep(&now);
        let error = MethodError::CannotCalculateChanges;
        for state in [
            "",
            "x",
            "-",
            "1-2",
            "0000000000000000-0000000000000000",
            &known.to_uppercase().replace('-', "--"),
            &format!("0{known}"),
        ] {
            let told = remembered.changes(&now, &asked(state, None), |n| n.to_string());
            assert_eq!(told.unwrap_err().to_string(), error.to_string(), "{state}");
        }
    }

    #[test]
    fn the_longest_unused_are_forgotten() {
        let mut kept = Kept::default();
        let list = |n: u64| vec![(n, n); 4];
        for n in 0..3 {
            kept.keep(&list(n), 60);
        }
        assert!(kept.touch(mark(&list(0))).is_some());
        kept.keep(&list(3), 60);
        let there = |kept: &Kept, n: u64| kept.lists.contains_key(&mark(&list(n)));
        assert!(!there(&kept, 1) && [0, 2, 3].iter().all(|n| there(&kept, *n)));
        assert_eq!((kept.rows, kept.used.len()), (60, 3));
        kept.keep(&vec![(1, 1); 60], 60);
        assert_eq!(kept.lists.len(), 3, "one that is too long drives none out");
    }
}
