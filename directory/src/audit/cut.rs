//! Cutting the log off at the front: entries that are older than they must be kept go, and one that stays says which
//! and with which hash the chain goes on, so that what is left can still be verified.

use super::{AUDIT_PAGE_MAX, Chain, Entry};
use crate::act::Note;
use crate::fact::{Fact, decode, encode, table};
use crate::{Directory, Error, reading};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fmt::Write as _;
use storage::RowChange;

/// Months for which entries are kept at least, whatever the config says (Vietnam: logs of administration 12 months).
pub const KEPT_MONTHS_MIN: u32 = 12;
/// Seconds of the longest month.
const MONTH_S: i64 = 31 * 24 * 60 * 60;
/// Row of the counter table: where the chain begins.
const CUT: &[u8] = b"audit_cut";
/// The act that cuts.
const ACT: &str = "audit.trim";

/// Where the chain begins: the last entry that is gone.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Cut {
    last: u64,
    hash: [u8; 32],
}

/// What one pass of trimming did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trimmed {
    /// Entries that went.
    pub entries: u64,
    /// More are old enough.
    pub more: bool,
}

/// What stands before the first entry that is there.
pub(super) fn begins(store: &storage::Store) -> Result<Chain, Error> {
    let row = store.table(table::COUNTER).row(CUT)?;
    let cut: Option<Cut> = row
        .map(|value| decode(table::COUNTER, &value))
        .transpose()?;
    Ok(cut.map_or_else(Chain::default, |cut| Chain {
        last: cut.last,
        hash: cut.hash,
    }))
}

fn hex(hash: &[u8; 32]) -> String {
    let mut text = String::with_capacity(64);
    for octet in hash {
        let _ = write!(text, "{octet:02x}");
    }
    text
}

/// Whether this entry says that the chain begins there.
pub(super) fn tells_of(entry: &Entry, begins: &Chain) -> bool {
    if entry.act != ACT {
        return false;
    }
    let Ok(detail) = serde_json::from_str::<serde_json::Value>(&entry.detail) else {
        return false;
    };
    detail["last"] == begins.last && detail["hash"] == hex(&begins.hash)
}

impl Directory {
    /// What stands before the first entry that is there.
    pub(super) fn audit_begins(&self) -> Result<Chain, Error> {
        begins(&self.inner.store)
    }

    /// Removes entries that were made more than `months` before `now_s`, at most one page; never what is younger than
    /// [`KEPT_MONTHS_MIN`], nor anything of a chain that does not hold. Errors: `Storage(Corrupt)` for one that does not.
    pub fn trim_audit(&self, months: u32, now_s: i64) -> Result<Trimmed, Error> {
        let done = self.trim_page(months, now_s)?;
        if done.entries > 0 && !done.more {
            self.forget_owners(self.audit_begins()?.last)?;
        }
        Ok(done)
    }

    fn trim_page(&self, months: u32, now_s: i64) -> Result<Trimmed, Error> {
        let kept_s = i64::from(months.max(KEPT_MONTHS_MIN)).saturating_mul(MONTH_S);
        let before = now_s.saturating_sub(kept_s);
        let mut acts = self.acts();
        let begins = self.audit_begins()?;
        let page = self.entries_after(begins.last, AUDIT_PAGE_MAX)?;
        let (mut chain, mut facts, mut reads) = (begins.clone(), Vec::new(), Vec::new());
        for entry in page.iter().take_while(|entry| entry.at < before) {
            if !chain.fits(entry) {
                let what = format!("the audit log does not hold at entry {}", chain.last + 1);
                return Err(storage::Error::Corrupt(what.into()).into());
            }
            chain.follow(entry);
            if reading::is_told(&entry.act) {
                reads.push(entry.number);
            }
            facts.push(Fact::Row(RowChange {
                table: table::AUDIT,
                key: entry.number.to_be_bytes().to_vec(),
                value: None,
            }));
        }
        if facts.is_empty() {
            return Ok(Trimmed {
                entries: 0,
                more: false,
            });
        }
        let entries = facts.len() as u64;
        facts.extend(reads.into_iter().map(reading::forgotten));
        let cut = Cut {
            last: chain.last,
            hash: chain.hash,
        };
        facts.push(Fact::Row(RowChange {
            table: table::COUNTER,
            key: CUT.to_vec(),
            value: Some(encode(&cut)?),
        }));
        let note = Note {
            act: ACT,
            object: "audit".to_owned(),
            detail: json!({"first": begins.last + 1, "last": cut.last, "hash": hex(&cut.hash),
                "entries": entries, "before": formats::date::utc(before)}),
        };
        self.commit(&mut acts, None, note, facts)?;
        Ok(Trimmed {
            entries,
            more: entries as usize == AUDIT_PAGE_MAX,
        })
    }
}
