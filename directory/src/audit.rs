//! The hash-chained log of administrative acts and privileged reads (I-20).
//!
//! Each entry's hash covers the entry and the hash before it, so that no entry can be changed, left out or
//! put between others without every later hash showing it. What is older than it must be kept may be cut off at the
//! front (`cut`); the chain itself says so.

mod cut;
mod entry;
mod verify;
mod whom;

pub use cut::{KEPT_MONTHS_MIN, Trimmed};
pub(crate) use entry::{Actor, Whom};
pub use entry::{DETAIL_MAX, Entry};
pub use verify::{Broken, Verified};

use crate::act::Note;
use crate::fact::table;
use crate::{Access, Directory, Error};
use storage::RowChange;

/// Entries of one page.
pub const AUDIT_PAGE_MAX: usize = 1000;

/// The end of the chain.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chain {
    pub(crate) last: u64,
    pub(crate) hash: [u8; 32],
}

impl Chain {
    /// The entry that comes next.
    pub(crate) fn entry(&self, at: i64, actor: &Actor, note: Note, whom: Whom) -> Entry {
        let mut entry = Entry::new(self.last + 1, at, actor, note, whom);
        entry.hash = entry.seal(&self.hash);
        entry
    }

    /// Whether this entry is the one that comes next.
    fn fits(&self, entry: &Entry) -> bool {
        entry.number == self.last + 1 && entry.hash == entry.seal(&self.hash)
    }

    pub(crate) fn follow(&mut self, entry: &Entry) {
        self.last = entry.number;
        self.hash = entry.hash;
    }
}

impl Directory {
    /// Enters an act or a privileged read that happens outside the directory (queue, mail of another), before
    /// it takes effect. `detail` must hold no secret.
    pub fn record(
        &self,
        by: Option<&Access>,
        act: &'static str,
        object: &str,
        detail: &str,
    ) -> Result<(), Error> {
        let detail = serde_json::from_str(detail)
            .unwrap_or_else(|_| serde_json::Value::String(detail.to_owned()));
        let note = Note {
            act,
            object: object.to_owned(),
            detail,
        };
        let mut acts = self.acts();
        self.commit(&mut acts, by, note, Vec::new())
    }

    /// As [`Directory::record`], for an act that another room commits: `commit` is given the entry as rows, and takes
    /// them into its own commit. Errors: those of `commit`; then nothing is entered.
    pub fn record_with<T>(
        &self,
        by: Option<&Access>,
        act: &'static str,
        object: String,
        detail: serde_json::Value,
        commit: impl FnOnce(Vec<RowChange>) -> Result<T, storage::Error>,
    ) -> Result<T, Error> {
        let mut acts = self.acts();
        let note = Note {
            act,
            object,
            detail,
        };
        if let Some(trial) = by.and_then(Access::trial) {
            return trial.end([note]);
        }
        self.enter(&mut acts, by, vec![note], Vec::new(), commit)
    }

    /// A page of the log, newest first, before `before`; at most `AUDIT_PAGE_MAX`.
    pub fn audit(&self, before: Option<u64>, max: usize) -> Result<Vec<Entry>, Error> {
        let last = self.acts().chain.last;
        let before = before.unwrap_or(u64::MAX).min(last.saturating_add(1));
        let max = max.min(AUDIT_PAGE_MAX);
        let first = self.audit_begins()?;
        // From the first on numbers have no gaps, so the page's first row is known.
        let after = before.saturating_sub(1).saturating_sub(max as u64);
        let after = after.max(first.last);
        let take = usize::try_from(before.saturating_sub(1).saturating_sub(after)).unwrap_or(max);
        let mut page = self.entries_after(after, take)?;
        page.retain(|entry| entry.number < before);
        page.reverse();
        Ok(page)
    }

    /// The same, oldest first, after `after`.
    pub fn audit_forward(&self, after: u64, max: usize) -> Result<Vec<Entry>, Error> {
        self.entries_after(after, max.min(AUDIT_PAGE_MAX))
    }

    fn entries_after(&self, after: u64, max: usize) -> Result<Vec<Entry>, Error> {
        if max == 0 {
            return Ok(Vec::new());
        }
        let rows =
            self.inner
                .store
                .table(table::AUDIT)
                .rows(&[], Some(&after.to_be_bytes()), max)?;
        Ok(rows
            .iter()
            .map(|(_, value)| Entry::read(value))
            .collect::<Result<_, _>>()?)
    }

    /// The chain's end as stored: found by halving, because tables are read forward only.
    pub(crate) fn chain_end(store: &storage::Store) -> Result<Chain, Error> {
        let rows = store.table(table::AUDIT);
        let begins = cut::begins(store)?;
        let there = |number: u64| rows.row(&number.to_be_bytes()).map(|row| row.is_some());
        let (mut low, mut step) = (begins.last, 1u64);
        while there(low.saturating_add(step))? {
            low = low.saturating_add(step);
            step = step.saturating_mul(2);
        }
        let mut high = low.saturating_add(step);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if there(middle)? {
                low = middle
            } else {
                high = middle
            }
        }
        match rows.row(&low.to_be_bytes())? {
            Some(value) if low > begins.last => {
                let entry = Entry::read(&value)?;
                Ok(Chain {
                    last: entry.number,
                    hash: entry.hash,
                })
            }
            _ => Ok(begins),
        }
    }
}
