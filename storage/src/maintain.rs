//! Upkeep: what is done now and then so that a store does not grow for ever. History that is older
//! than its window goes, content that nobody reaches any more is collected, packs are rewritten, and snapshots cover the
//! journal.
//!
//! The clock is not believed at once. What ages is measured against the *trusted time*, which is
//! kept in the index and moves ahead by two days at most with each call, however far the clock
//! jumped; back it moves at once. The first call only notes the time, which is two days at most after the newest
//! commit that was there when the store was opened. So one wrong reading destroys nothing.

use crate::collect::{self, Since, Swept};
use crate::commit::Number;
use crate::compact::{self, Compacted};
use crate::index::Op;
use crate::recover::Recovered;
use crate::seal::Keys;
use crate::snapshot::Covered;
use crate::trim::Trimming;
use crate::{AccountId, Error, Store, journal, key, rebuild, record, spare};
use serde::{Deserialize, Serialize};

const DAY_S: u64 = 24 * 60 * 60;
/// Seconds by which the trusted time moves ahead at once.
const AHEAD_MAX_S: i64 = 2 * DAY_S as i64;
/// 2026-01-01: commits that say an earlier time, Unix seconds, were made under a clock that nobody had set.
const CLOCK_SET_S: i64 = 1_767_225_600;
/// Commits that are trimmed in one go.
const TRIM_COMMITS: usize = 10_000;
/// Goes of trimming in one call; the rest waits for the next one.
const TRIMS_MAX: usize = 1_000;

/// How long what is kept. Seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// What was removed can be put back, and clients can follow changes, for so long.
    pub window_s: u64,
    /// A delivery that comes again is noticed for so long (I-09); more than the longest retry.
    pub delivered_window_s: u64,
    /// What was uploaded and not used is kept for so long (RFC 8620 §6.1).
    pub upload_window_s: u64,
    /// Content is collected so often: a pass reads all keys of messages.
    pub collect_every_s: u64,
    /// A pack is rewritten when so many of a hundred of its octets are dead.
    pub dead_percent: u8,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            window_s: 30 * DAY_S,
            delivered_window_s: 14 * DAY_S,
            upload_window_s: DAY_S,
            collect_every_s: DAY_S,
            dead_percent: 40,
        }
    }
}

/// What a call of [`Store::maintain`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// The time against which ages were measured, Unix seconds.
    pub trusted_s: i64,
    /// Seconds by which the clock is ahead of that. While it is, nothing is trimmed.
    pub behind_s: u64,
    /// What the change logs lost.
    pub trimmed: Trimming,
    /// What a collection found; `None` when none was due.
    pub swept: Option<Swept>,
    /// What became of the packs; `None` when none was due.
    pub compacted: Option<Compacted>,
    /// Up to where snapshots cover the journal.
    pub covered: Option<Covered>,
}

/// What the index remembers of upkeep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    trusted_s: i64,
    /// When content was last collected, by trusted time; `None` for never.
    collected_s: Option<i64>,
    /// Whether packs wait to be rewritten.
    unfinished: bool,
}

impl Kept {
    /// How far the trusted time moves when the clock says `now`.
    fn at(self, now: i64) -> i64 {
        now.min(self.trusted_s.saturating_add(AHEAD_MAX_S))
    }

    /// Whether content is to be collected at this trusted time.
    fn is_due(self, trusted_s: i64, policy: &Policy) -> bool {
        self.collected_s.is_none_or(|last| {
            last > trusted_s || last.saturating_add_unsigned(policy.collect_every_s) <= trusted_s
        })
    }
}

/// What the clock is compared with at the first upkeep of a store: the time of the newest commit, Unix seconds, before
/// this process made any. `None`: there was upkeep, or nothing tells; damage is another's to tell.
pub(crate) fn newest(keys: &Keys, recovered: &Recovered) -> Option<i64> {
    if !matches!(recovered.index.get(&key::upkeep()), Ok(None)) {
        return None;
    }
    let folder = &recovered.snapshots;
    let chain = folder.chain().ok()?;
    let from = rebuild::tail(folder, &chain).ok()?;
    let mut newest = chain.summary().time;
    let read = journal::replay(&folder.journal(), keys, from, &mut |met| {
        newest = newest.max(met.subject.time);
        Ok(true)
    });
    read.ok()?;
    (newest >= CLOCK_SET_S).then_some(newest)
}

impl Store {
    /// Trims, collects and rewrites what is due, and covers the journal, in this order. Writers go on meanwhile. To be called
    /// about once an hour, from a thread that may take its time; a second call waits for the first.
    /// Errors: `Unavailable`; what was done until then is done. `Corrupt`; where
    /// snapshots or journal are damaged nothing was changed.
    pub fn maintain(&self, policy: &Policy) -> Result<Upkeep, Error> {
        let shared = &self.inner.shared;
        let _one = shared.packs.gate.upkeep();
        shared.place.expect()?;
        shared.keys.rewrite()?;
        spare::lay_beside(&shared.dir, &shared.disk, shared.reserve);
        shared.look_again();
        let done = self.pass(policy);
        shared.save_harm();
        done
    }

    fn pass(&self, policy: &Policy) -> Result<Upkeep, Error> {
        let now = self.inner.shared.clock.now();
        let kept = self.inner.shared.index.get(&key::upkeep())?;
        let kept = kept.map(|value| record::decode::<Kept>(&value, "upkeep"));
        let kept = kept.transpose()?;
        // As often as content is collected, all blocks of the snapshots are read.
        self.expect_sound(kept.is_some_and(|kept| kept.is_due(kept.at(now), policy)))?;
        let Some(kept) = kept else {
            let newest = self.inner.newest_s;
            let trusted_s = newest.map_or(now, |s| now.min(s.saturating_add(AHEAD_MAX_S)));
            self.keep(Kept {
                trusted_s,
                collected_s: None,
                unfinished: false,
            })?;
            return Ok(Upkeep {
                trusted_s,
                behind_s: now.abs_diff(trusted_s),
                ..Upkeep::default()
            });
        };
        let trusted_s = kept.at(now);
        let due = kept.is_due(trusted_s, policy);
        let mut done = Upkeep {
            trusted_s,
            behind_s: now.abs_diff(trusted_s),
            ..Upkeep::default()
        };
        // Before anything ages by it: a stop in the middle must not move it twice.
        let mut kept = Kept { trusted_s, ..kept };
        self.keep(kept)?;
        // While the trusted time catches up with a clock that leapt it says little of how old anything is.
        if trusted_s == now {
            done.trimmed = self.trim_all(trusted_s, policy.window_s)?;
        }
        if due {
            done.swept = Some(collect::collect(
                self,
                Since {
                    uploads: trusted_s.saturating_sub_unsigned(policy.upload_window_s),
                    deliveries: trusted_s.saturating_sub_unsigned(policy.delivered_window_s),
                },
            )?);
            kept.collected_s = Some(trusted_s);
            self.inner.shared.search.sweep();
        }
        if due || kept.unfinished {
            let compacted = compact::compact(self, policy.dead_percent)?;
            kept.unfinished = compacted.more;
            done.compacted = Some(compacted);
            self.keep(kept)?;
        }
        done.covered = Some(self.snapshot()?);
        Ok(done)
    }

    fn keep(&self, kept: Kept) -> Result<(), Error> {
        let ops = vec![Op::Put(key::upkeep(), record::encode(&kept)?)];
        self.submit(AccountId::SYSTEM, Number::None, ops, &[], Box::new(|| {}))?;
        Ok(())
    }

    fn trim_all(&self, now: i64, window: u64) -> Result<Trimming, Error> {
        let mut all = Trimming::default();
        for _ in 0..TRIMS_MAX {
            let some = self.trim(now, window, all.next, TRIM_COMMITS)?;
            all.commits += some.commits;
            all.messages += some.messages;
            all.next = some.next;
            if all.next.is_none() {
                break;
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trusted_time_creeps_ahead_and_falls_back_at_once() {
        let day = DAY_S as i64;
        let check = |trusted: i64, clock: i64, expected: i64| {
            let kept = Kept {
                trusted_s: trusted,
                collected_s: None,
                unfinished: false,
            };
            assert_eq!(kept.at(clock), expected, "{trusted} and {clock}");
        };
        check(1_000, 1_000, 1_000);
        check(1_000, 4_600, 4_600);
        check(1_000, 1_000 + 9_000 * day, 1_000 + 2 * day);
        check(9_000 * day, 1_000, 1_000);
        check(i64::MAX, i64::MAX, i64::MAX);
        check(i64::MIN, 0, i64::MIN + 2 * day);
    }
}
