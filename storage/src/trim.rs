//! Trims change logs: commits older than the window go, and with them the summaries of the
//! messages that they removed. The content is then nobody's any more and is swept with other dead
//! content. Nothing under a hold or inside a retention rule goes, and nothing of an account that
//! is being restored.
//!
//! The clock may have been wrong at times. A commit counts as made no earlier than any before it;
//! one whose time lies in the future counts as the next one that does not, and stays while there
//! is none.

use crate::commit::Number;
use crate::history::{self, Trimmed};
use crate::index::Op;
use crate::{AccountId, EmailId, Error, ModSeq, Store, check, key, record};

/// Commits of one account whose log goes at once.
const COMMITS_MAX: usize = 2_000;
/// Removed messages whose summaries go at once, unless one commit alone removed more.
const MESSAGES_MAX: usize = 5_000;

/// What a call of [`Store::trim`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trimming {
    /// Commits that the logs no longer tell of.
    pub commits: u64,
    /// Removed messages that can no longer be put back.
    pub messages: u64,
    /// Where the next call goes on; `None` when all accounts were looked at.
    pub next: Option<AccountId>,
}

/// The oldest part of one account's log that may go.
#[derive(Default)]
struct Part {
    ops: Vec<Op>,
    commits: usize,
    messages: usize,
    trimmed: Option<Trimmed>,
    more: bool,
}

impl Store {
    /// Trims the logs of accounts from `from` on: what is older than `window` seconds at `now`
    /// (Unix seconds, a time that the caller trusts) and not held. Ends after some `max` commits;
    /// each account's part is one commit of the store, durable when this returns.
    pub fn trim(
        &self,
        now: i64,
        window: u64,
        from: Option<AccountId>,
        max: usize,
    ) -> Result<Trimming, Error> {
        let mut done = Trimming::default();
        let mut at = from.or_else(|| AccountId::SYSTEM.next());
        while let Some(account) = at {
            let Some(account) = check::account_from(&self.inner.shared.index, account)? else {
                return Ok(done);
            };
            let part = self.trim_account(account, now, window)?;
            done.commits += part.commits as u64;
            done.messages += part.messages as u64;
            at = if part.more {
                Some(account)
            } else {
                account.next()
            };
            if done.commits >= max as u64 {
                done.next = at;
                return Ok(done);
            }
        }
        Ok(done)
    }

    fn trim_account(&self, account: AccountId, now: i64, window: u64) -> Result<Part, Error> {
        // Neither a hold nor a restore begins meanwhile.
        let _still = self.inner.trimming();
        let index = &self.inner.shared.index;
        if index.get(&key::kind(account, key::RESTORE))?.is_some() {
            return Ok(Part::default());
        }
        let from = self.kept_from(account, now, window)?;
        let mut part = part(self, account, now, from)?;
        if let Some(trimmed) = part.trimmed {
            let key = key::kind(account, key::TRIMMED);
            part.ops.push(Op::Put(key, record::encode(&trimmed)?));
            let ops = std::mem::take(&mut part.ops);
            self.submit(account, Number::None, ops, &[], Box::new(|| {}))?;
        }
        Ok(part)
    }
}

/// Gathers the commits that were made before `from`.
fn part(store: &Store, account: AccountId, now: i64, from: i64) -> Result<Part, Error> {
    let index = &store.inner.shared.index;
    let before = Trimmed::read(index, account)?;
    let mut newest = before.map_or(i64::MIN, |t| t.time);
    // A repair may have left commits that were made before.
    let least = before.map_or(ModSeq::FIRST, |t| t.until);
    let mut part = Part::default();
    // Commits whose own time says nothing wait for one that does.
    let mut waiting: Vec<(Vec<u8>, Vec<EmailId>)> = Vec::new();
    let prefix = key::kind(account, key::LOG);
    index.scan(&prefix, &prefix, &mut |key, value| {
        let strange = || Error::Corrupt("a key of the change log cannot be read".into());
        let modseq = key::number_of(key)
            .and_then(ModSeq::new)
            .ok_or_else(strange)?;
        let time = history::time_of(value)?;
        if time <= now && time.max(newest) >= from {
            return Ok(false);
        }
        if part.commits + waiting.len() >= COMMITS_MAX || part.messages >= MESSAGES_MAX {
            part.more = part.commits > 0;
            return Ok(false);
        }
        let removed = history::read(value)?.removed().collect();
        waiting.push((key.to_vec(), removed));
        if time <= now {
            newest = newest.max(time);
            for (key, removed) in waiting.drain(..) {
                part.take(account, key, &removed);
            }
            part.trimmed = Some(Trimmed {
                until: modseq.max(least),
                time: newest,
            });
        }
        Ok(true)
    })?;
    Ok(part)
}

impl Part {
    fn take(&mut self, account: AccountId, key: Vec<u8>, removed: &[EmailId]) {
        self.commits += 1;
        self.messages += removed.len();
        self.ops.push(Op::Delete(key));
        let summaries = removed.iter().map(|email| key::summary(account, *email));
        self.ops.extend(summaries.map(Op::Delete));
    }
}
