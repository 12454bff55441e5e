//! Folds keys into pages, for an engine whose memory grows with the number of its keys.
//!
//! sled keeps some 450 octets of memory for each of its leaves, also for those that nobody reads,
//! and a leaf holds at most 16 keys: 40,000,000 keys (10,000,000 messages) would take 2 GB. So
//! there are two ordered maps. `singles` takes each change as it comes. When some [`FOLD_MIN`] of
//! them lie in the range of one page, they are merged into that page in `pages`: a sorted run of
//! keys and values, compressed where that helps, of at most [`RAW_MAX`] octets. A batch that brings
//! as many for one page is merged at once and never becomes singles.
//!
//! A page reaches from the key under which it lies (its fence) to the next page's fence; a single
//! wins over the page. Nothing here is atomic, and need not be: in every order in which a change of
//! the maps can be seen or survive a crash, a key is found where it was or where it is.
//! - New pages of a split are written from the right to the left: until the old page is cut, its
//!   copies are hidden behind the new fences.
//! - Singles are removed after their page is written; until then they say the same.
//! - A small page is joined to its left neighbour: first written there, then removed. Only this
//!   could hide keys from a scan under way, so the two keep out of each other's way by a lock.

mod run;
#[cfg(test)]
mod tests;

use self::run::{Entry, Run};
use super::{Engine, Op, Page};
use crate::Error;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

/// So many changes in the range of one page are merged into it.
const FOLD_MIN: usize = if cfg!(test) { 16 } else { 32 };
/// Singles put, on average, for each look at whether their page should be merged.
const LOOK_EVERY: u64 = 8;
/// Octets of the keys and values of a page. Small in the unit tests, so that pages split and join.
const RAW_MAX: usize = if cfg!(test) { 2 << 10 } else { 16 << 10 };
/// Octets of a page as it is stored, unless one value alone is larger. In the unit tests as much less.
const STORED_MAX: usize = RAW_MAX / 2;
/// A page below this is joined to its left neighbour, octets.
const JOIN_BELOW: usize = RAW_MAX / 8;

/// First octet of a single: a value follows, or the key is deleted.
const PUT: u8 = 1;
const DELETED: u8 = 0;

/// Called for each key and value; false ends the visit.
pub(super) type Each<'a> = dyn FnMut(&[u8], &[u8]) -> bool + 'a;

/// A key and its value.
pub(super) type Pair<V> = (V, V);

/// An ordered map of the engine below.
pub(super) trait Rows: Send + Sync {
    /// Octets as the engine gives them, without a copy where it can.
    type Value: AsRef<[u8]>;
    fn get(&self, key: &[u8]) -> Result<Option<Self::Value>, Error>;
    /// The greatest key not above `key`.
    fn floor(&self, key: &[u8]) -> Result<Option<Pair<Self::Value>>, Error>;
    /// The greatest key below `key`.
    fn lower(&self, key: &[u8]) -> Result<Option<Pair<Self::Value>>, Error>;
    /// Visits the keys not below `from`, in order, until `each` returns false.
    fn visit(&self, from: &[u8], each: &mut Each<'_>) -> Result<(), Error>;
    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), Error>;
    fn remove(&self, key: &[u8]) -> Result<(), Error>;
}

/// See the module.
pub(super) struct Folded<R: Rows> {
    singles: R,
    pages: R,
    /// The one writer: the state of its dice.
    turn: Mutex<u64>,
    /// Held by scans; alone by a join.
    joins: RwLock<()>,
    run: Run,
}

/// The range of a page: from its fence to the next one's.
struct Range {
    fence: Vec<u8>,
    until: Option<Vec<u8>>,
}

impl Range {
    fn holds(&self, key: &[u8]) -> bool {
        self.until
            .as_ref()
            .is_none_or(|until| key < until.as_slice())
    }
}

/// A fence is never empty: the first page's is this octet alone.
fn fence_of(key: &[u8]) -> Vec<u8> {
    [&[0], key].concat()
}

fn of_fence(fence: &[u8]) -> Vec<u8> {
    fence.get(1..).unwrap_or_default().to_vec()
}

impl<R: Rows> Folded<R> {
    pub(super) fn new(singles: R, pages: R) -> Self {
        Self {
            singles,
            pages,
            turn: Mutex::new(0x9E37_79B9_7F4A_7C15),
            joins: RwLock::new(()),
            run: Run::default(),
        }
    }

    fn turn(&self) -> MutexGuard<'_, u64> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The page in whose range `key` lies.
    fn range(&self, key: &[u8]) -> Result<Range, Error> {
        let wanted = fence_of(key);
        let fence = self.pages.floor(&wanted)?;
        let fence = fence.map_or_else(Vec::new, |(fence, _)| of_fence(fence.as_ref()));
        let mut until = None;
        self.pages
            .visit(&[&wanted[..], &[0]].concat(), &mut |next, _| {
                until = Some(of_fence(next));
                false
            })?;
        Ok(Range { fence, until })
    }

    /// The entries of the page at `fence`, without what lies behind its range.
    fn entries(&self, range: &Range) -> Result<Vec<Entry>, Error> {
        let Some(stored) = self.pages.get(&fence_of(&range.fence))? else {
            return Ok(Vec::new());
        };
        let raw = self.run.open(stored.as_ref())?;
        let entries = run::pairs(&raw).take_while(|pair| match pair {
            Ok((key, _)) => range.holds(key),
            Err(_) => true,
        });
        entries
            .map(|pair| pair.map(|(k, v)| (k.to_vec(), v.to_vec())))
            .collect()
    }

    /// Singles in the range, at most `max`.
    fn singles_in(&self, range: &Range, max: usize) -> Result<Vec<Entry>, Error> {
        let mut singles = Vec::new();
        self.singles.visit(&range.fence, &mut |key, value| {
            let inside = range.holds(key) && singles.len() < max;
            if inside {
                singles.push((key.to_vec(), value.to_vec()));
            }
            inside
        })?;
        Ok(singles)
    }

    /// Merges the singles of the range, and `fresh` over them, into its page. Both in order.
    fn fold(&self, range: &Range, fresh: Vec<Entry>) -> Result<(), Error> {
        let singles = self.singles_in(range, usize::MAX)?;
        let removed: Vec<Vec<u8>> = singles.iter().map(|(key, _)| key.clone()).collect();
        let mut merged = Vec::new();
        let over = run::merge(singles, fresh);
        for (key, mut value) in run::merge(
            self.entries(range)?
                .into_iter()
                .map(|(k, v)| (k, [&[PUT], &v[..]].concat()))
                .collect(),
            over,
        ) {
            if value.first() == Some(&PUT) {
                value.remove(0);
                merged.push((key, value));
            }
        }
        if !self.join(range, &merged)? {
            self.write_pages(&range.fence, &merged)?;
        }
        removed.iter().try_for_each(|key| self.singles.remove(key))
    }

    /// Writes the pages of one range, the first under its old fence.
    fn write_pages(&self, fence: &[u8], entries: &[Entry]) -> Result<(), Error> {
        let mut pages = Vec::new();
        self.run.close(entries, &mut pages)?;
        for (number, (first, stored)) in pages.iter().enumerate().rev() {
            let fence = if number == 0 { fence } else { first };
            self.pages.put(&fence_of(fence), stored)?;
        }
        Ok(())
    }

    /// Puts what became small to the page on its left.
    fn join(&self, range: &Range, merged: &[Entry]) -> Result<bool, Error> {
        let octets = run::octets(merged);
        if octets >= JOIN_BELOW || range.fence.is_empty() {
            return Ok(false);
        }
        let before = self.pages.lower(&fence_of(&range.fence))?;
        let Some((fence, _)) = before else {
            return Ok(false);
        };
        let left = Range {
            fence: of_fence(fence.as_ref()),
            until: Some(range.fence.clone()),
        };
        let mut entries = self.entries(&left)?;
        if run::octets(&entries) + octets > RAW_MAX / 4 * 3 {
            return Ok(false);
        }
        entries.extend_from_slice(merged);
        let mut pages = Vec::new();
        self.run.close(&entries, &mut pages)?;
        // What does not go into one page is not joined: the second could get the very fence that goes here.
        let [(_, stored)] = pages.as_slice() else {
            return Ok(false);
        };
        let _alone = self.joins.write().unwrap_or_else(PoisonError::into_inner);
        self.pages.put(&fence_of(&left.fence), stored)?;
        self.pages.remove(&fence_of(&range.fence))?;
        Ok(true)
    }

    /// Puts singles, and now and then looks whether a page has enough of them.
    fn put_singles(&self, fresh: Vec<Entry>, dice: &mut u64) -> Result<(), Error> {
        for (key, value) in fresh {
            self.singles.put(&key, &value)?;
            *dice ^= *dice << 13;
            *dice ^= *dice >> 7;
            *dice ^= *dice << 17;
            if dice.is_multiple_of(LOOK_EVERY) {
                let range = self.range(&key)?;
                if self.singles_in(&range, FOLD_MIN)?.len() >= FOLD_MIN {
                    self.fold(&range, Vec::new())?;
                }
            }
        }
        Ok(())
    }
}

/// The changes in the order of their keys, the last of each key only.
fn in_order(ops: &[Op]) -> Vec<Entry> {
    let mut order: Vec<usize> = (0..ops.len()).collect();
    order.sort_by(|a, b| ops[*a].key().cmp(ops[*b].key()).then(b.cmp(a)));
    order.dedup_by(|a, b| ops[*a].key() == ops[*b].key());
    let single = |op: &Op| match op {
        Op::Put(key, value) => (key.clone(), [&[PUT], &value[..]].concat()),
        Op::Delete(key) => (key.clone(), vec![DELETED]),
    };
    order.into_iter().map(|at| single(&ops[at])).collect()
}

impl<R: Rows> Engine for Folded<R> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        if let Some(single) = self.singles.get(key)? {
            return Ok(single.as_ref().strip_prefix(&[PUT]).map(<[u8]>::to_vec));
        }
        let Some((_, stored)) = self.pages.floor(&fence_of(key))? else {
            return Ok(None);
        };
        let raw = self.run.open(stored.as_ref())?;
        run::find(&raw, key)
    }

    /// Opens each page once, however many of the keys lie in it.
    fn multi_get(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by_key(|at| &keys[*at]);
        let mut values = vec![None; keys.len()];
        let mut opened: Vec<u8> = Vec::new();
        let mut last: Option<Vec<u8>> = None;
        for at in order {
            let key = &keys[at];
            if let Some(single) = self.singles.get(key)? {
                values[at] = single.as_ref().strip_prefix(&[PUT]).map(<[u8]>::to_vec);
                continue;
            }
            if last.as_ref().is_none_or(|last| last < key) {
                opened = match self.pages.floor(&fence_of(key))? {
                    Some((_, stored)) => self.run.open(stored.as_ref())?.into_owned(),
                    None => Vec::new(),
                };
                let end = run::pairs(&opened).last().transpose()?;
                last = end.map(|(key, _)| key.to_vec());
            }
            values[at] = run::find(&opened, key)?;
        }
        Ok(values)
    }

    fn scan(&self, prefix: &[u8], from: &[u8], keys_max: usize) -> Result<Page, Error> {
        let _no_join = self.joins.read().unwrap_or_else(PoisonError::into_inner);
        let start = from.max(prefix);
        // The singles first: what is folded meanwhile is found in its page then.
        let (mut singles, mut octets, mut cut) = (Vec::new(), 0, None);
        self.singles.visit(start, &mut |key, value| {
            if !key.starts_with(prefix) {
                return false;
            }
            octets += key.len() + value.len();
            singles.push((key.to_vec(), value.to_vec()));
            if singles.len() >= keys_max || octets >= super::page::OCTETS_MAX {
                cut = Some(key.to_vec());
            }
            cut.is_none()
        })?;
        let mut merge = Merge {
            page: Page::default(),
            singles: singles.into_iter().peekable(),
            keys_max,
        };
        let mut ended = false;
        self.visit_pages(start, &mut |key, value| {
            let over = !key.starts_with(prefix) || cut.as_deref().is_some_and(|cut| key > cut);
            ended = over || !merge.take_page(key, value);
            !ended
        })?;
        merge.rest();
        if let (Some(cut), false) = (cut, merge.page.is_full()) {
            merge.page.go_on_after(cut);
        }
        Ok(merge.page)
    }

    fn write(&self, ops: &[Op]) -> Result<(), Error> {
        let mut dice = self.turn();
        let mut fresh = in_order(ops);
        if fresh.len() < FOLD_MIN {
            return self.put_singles(fresh, &mut dice);
        }
        // From the highest range to the lowest, so that the rest stays in front.
        while let Some((last, _)) = fresh.last() {
            let range = self.range(last)?;
            let first = fresh.partition_point(|(key, _)| *key < range.fence);
            let inside = fresh.split_off(first);
            if inside.len() >= FOLD_MIN {
                self.fold(&range, inside)?;
            } else {
                self.put_singles(inside, &mut dice)?;
            }
        }
        Ok(())
    }

    /// The engine below has its own.
    fn checkpoint(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl<R: Rows> Folded<R> {
    /// Visits what the pages hold from `start` on, each key once.
    fn visit_pages(&self, start: &[u8], each: &mut Each<'_>) -> Result<(), Error> {
        let first = self.pages.floor(&fence_of(start))?;
        let first = first.map_or_else(|| fence_of(start), |(fence, _)| fence.as_ref().to_vec());
        let mut outcome = Ok(true);
        let mut held: Option<Vec<u8>> = None;
        let mut show = |raw: &[u8], until: Option<&[u8]>| -> Result<bool, Error> {
            for pair in run::pairs(raw) {
                let (key, value) = pair?;
                if until.is_some_and(|until| key >= until) {
                    break;
                }
                if key >= start && !each(key, value) {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        // A page is shown when the next one's fence is known.
        self.pages.visit(&first, &mut |fence, stored| {
            if let Some(raw) = held.take() {
                outcome = show(&raw, fence.get(1..));
            }
            if matches!(outcome, Ok(true)) {
                match self.run.open(stored) {
                    Ok(raw) => held = Some(raw.into_owned()),
                    Err(e) => outcome = Err(e),
                }
            }
            held.is_some()
        })?;
        if let (Some(raw), Ok(true)) = (held, &outcome) {
            outcome = show(&raw, None);
        }
        outcome.map(|_| ())
    }
}

/// A scan's two sources, put together.
struct Merge<I: Iterator<Item = Entry>> {
    page: Page,
    singles: std::iter::Peekable<I>,
    keys_max: usize,
}

impl<I: Iterator<Item = Entry>> Merge<I> {
    /// Adds a pair of a page, and before it the singles below; false when the answer is full.
    fn take_page(&mut self, key: &[u8], value: &[u8]) -> bool {
        while let Some(single) = self.singles.next_if(|(k, _)| k.as_slice() < key) {
            if !self.add(&single) {
                return false;
            }
        }
        match self.singles.next_if(|(k, _)| k == key) {
            Some(single) => self.add(&single),
            None => self.page.push(key, value, self.keys_max),
        }
    }

    fn add(&mut self, (key, value): &Entry) -> bool {
        match value.strip_prefix(&[PUT]) {
            Some(value) => self.page.push(key, value, self.keys_max),
            None => true,
        }
    }

    /// Adds what is left, unless the answer is full.
    fn rest(&mut self) {
        while !self.page.is_full() {
            let Some(single) = self.singles.next() else {
                return;
            };
            self.add(&single);
        }
    }
}
