//! The hash-chained log of administrative acts and privileged reads (I-20).
//!
//! Each entry's hash covers the entry and the hash before it, so that no entry can be changed, left out or
//! put between others without every later hash showing it.

use crate::act::Note;
use crate::fact::{decode, encode, table};
use crate::{Access, Directory, Error};
use serde::{Deserialize, Serialize};
use storage::RowChange;

/// Entries of one page.
pub const AUDIT_PAGE_MAX: usize = 1000;
/// Octets of one entry's detail; what is longer is cut, and says so.
pub const DETAIL_MAX: usize = 64 * 1024;

/// One entry; `hash` covers the entry and the hash before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Entry {
    pub number: u64,
    pub at: i64,
    /// Address of the actor, or `system`.
    pub actor: String,
    /// `account.create`.
    pub act: String,
    /// `annv@tinhmau.gov.vn`.
    pub object: String,
    /// JSON of what changed, without secrets.
    pub detail: String,
    pub hash: [u8; 32],
}

impl Entry {
    /// What the hash must be after `before`. Every field is preceded by its length: no two entries share a spelling.
    fn seal(&self, before: &[u8; 32]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(before);
        hasher.update(&self.number.to_be_bytes());
        hasher.update(&self.at.to_be_bytes());
        for text in [&self.actor, &self.act, &self.object, &self.detail] {
            hasher.update(&(text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }

    pub(crate) fn row(&self) -> Result<RowChange, storage::Error> {
        let key = self.number.to_be_bytes().to_vec();
        Ok(RowChange {
            table: table::AUDIT,
            key,
            value: Some(encode(self)?),
        })
    }
}

/// The end of the chain.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chain {
    pub(crate) last: u64,
    pub(crate) hash: [u8; 32],
}

impl Chain {
    /// The entry that comes next.
    pub(crate) fn entry(&self, at: i64, actor: String, note: Note) -> Entry {
        let mut detail = note.detail.to_string();
        if detail.len() > DETAIL_MAX {
            detail = serde_json::json!({ "cut": true, "octets": detail.len() }).to_string();
        }
        let mut entry = Entry {
            number: self.last + 1,
            at,
            actor,
            act: note.act.to_owned(),
            object: note.object,
            detail,
            hash: [0; 32],
        };
        entry.hash = entry.seal(&self.hash);
        entry
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
        let actor = by.map_or_else(|| "system".to_owned(), |by| by.address().to_string());
        let note = Note {
            act,
            object,
            detail,
        };
        let entry = acts.chain.entry(self.inner.clock.now_s(), actor, note);
        let done = commit(vec![entry.row()?])?;
        acts.chain.follow(&entry);
        Ok(done)
    }

    /// A page of the log, newest first, before `before`; at most `AUDIT_PAGE_MAX`.
    pub fn audit(&self, before: Option<u64>, max: usize) -> Result<Vec<Entry>, Error> {
        let last = self.acts().chain.last;
        let before = before.unwrap_or(u64::MAX).min(last.saturating_add(1));
        let max = max.min(AUDIT_PAGE_MAX);
        // Numbers have no gaps, so the page's first row is known.
        let after = before.saturating_sub(1).saturating_sub(max as u64);
        let take = usize::try_from(before.saturating_sub(1) - after).unwrap_or(max);
        let mut page = self.entries_after(after, take)?;
        page.reverse();
        Ok(page)
    }

    /// Recomputes the chain; the number of the first entry that does not fit.
    pub fn audit_check(&self) -> Result<Option<u64>, Error> {
        let until = self.acts().chain.clone();
        let mut chain = Chain::default();
        while chain.last < until.last {
            let page = self.entries_after(chain.last, AUDIT_PAGE_MAX)?;
            if page.is_empty() {
                return Ok(Some(chain.last + 1));
            }
            for entry in page.iter().take_while(|e| e.number <= until.last) {
                if entry.number != chain.last + 1 || entry.hash != entry.seal(&chain.hash) {
                    return Ok(Some(chain.last + 1));
                }
                chain.follow(entry);
            }
        }
        Ok((chain.hash != until.hash).then_some(until.last))
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
            .map(|(_, v)| decode(table::AUDIT, v))
            .collect::<Result<_, _>>()?)
    }

    /// The chain's end as stored: found by halving, because tables are read forward only.
    pub(crate) fn chain_end(store: &storage::Store) -> Result<Chain, Error> {
        let rows = store.table(table::AUDIT);
        let (mut low, mut high) = (0u64, 1u64);
        while rows.row(&high.to_be_bytes())?.is_some() {
            low = high;
            high = high.saturating_mul(2);
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if rows.row(&middle.to_be_bytes())?.is_some() {
                low = middle
            } else {
                high = middle
            }
        }
        match rows.row(&low.to_be_bytes())? {
            Some(value) => {
                let entry: Entry = decode(table::AUDIT, &value)?;
                Ok(Chain {
                    last: entry.number,
                    hash: entry.hash,
                })
            }
            None => Ok(Chain::default()),
        }
    }
}
