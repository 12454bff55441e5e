//! What other servers report of our domains: read out of letters as they arrive, kept beside them, and forgotten after a
//! year; the letters themselves go where they are sent to. Which of them are kept `day` says, what is believed of who
//! brings them `brought`.
//!
//! | table | key | value |
//! |---|---|---|
//! | of the kind | domain, 0, day counted down, how far it is believed, hash of who and which | the report |
//! | of its days | domain, 0, day counted down | which reports are kept, and what is not |

mod brought;
mod day;

pub(crate) use brought::Brought;
pub use brought::{Asks, Standing};

use crate::Delivery;
use day::{Day, Kept, Verdict};
use formats::address::DomainName;
use formats::date;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::sync::PoisonError;
use storage::{Error, RowChange};

/// The version of these rows.
const VERSION: u8 = 1;
const DAY_S: i64 = 86_400;
/// Days for which they are kept.
const KEPT_DAYS: i64 = 365;
/// A report tells of days that are gone by so many at most: anybody could fill all days of a year.
const BACK_DAYS: i64 = 31;
/// By so much the clock of who reports may be ahead.
const AHEAD_S: i64 = 2 * DAY_S;
/// Of those that are too old so many are forgotten when one arrives.
const FORGET_MAX: usize = 100;
/// Domains that one report may be about.
const DOMAINS_MAX: usize = 10;
/// Reports that are read at once: one may have half a megabyte.
const PIECE_MAX: usize = 20;
/// Octets of a day and a hash, which name a report of a domain.
const NAME_LEN: usize = 12;
/// Octets of a day.
const DAY_LEN: usize = 4;
/// Days of which it is told what was not kept.
const TOLD_DAYS: usize = 35;

/// What servers report.
pub trait Reported: Serialize + DeserializeOwned + Clone {
    /// Where it is kept.
    const TABLE: &'static str;
    /// Where it is kept what each day has.
    const DAYS: &'static str;
    /// For the log.
    const KIND: &'static str;

    /// When what it tells of began and ended, Unix seconds; `None`: it does not say so.
    fn times(&self) -> Option<(i64, i64)>;
    /// Who reports, and which report of his it is.
    fn name(&self) -> (&str, &str);
}

/// A report that arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived<T> {
    /// When, Unix seconds.
    pub at: i64,
    /// The letter's reverse-path; nobody vouches for it.
    pub from: String,
    /// What DMARC said of the letter, as the header tells it; `None`: it was not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<String>,
    /// The domain that vouches for the letter; `None`: nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reporter: Option<String>,
    /// How far it is believed.
    #[serde(default)]
    pub standing: Standing,
    /// As its sender wrote it.
    pub report: T,
}

/// What was not kept of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotKept {
    /// When the day began, Unix seconds: the one of which they tell, or on which those came that could not be read.
    pub day: i64,
    /// Reports for which there was no room, or whose place is another's.
    pub dropped: u64,
    /// Reports that could not be read: why, and how many.
    pub unread: Vec<(String, u64)>,
}

fn prefix(domain: &DomainName) -> Vec<u8> {
    let mut key = domain.as_str().as_bytes().to_vec();
    key.push(0);
    key
}

/// Days are counted down: the newest come first.
fn day_key(domain: &DomainName, at: i64) -> Vec<u8> {
    let day = u32::try_from(at / DAY_S).unwrap_or(0);
    let mut key = prefix(domain);
    key.extend_from_slice(&(u32::MAX - day).to_be_bytes());
    key
}

/// When the day began that a key ends with.
fn day_of(key: &[u8]) -> Option<i64> {
    let day = u32::from_be_bytes(*key.last_chunk::<DAY_LEN>()?);
    Some(i64::from(u32::MAX - day) * DAY_S)
}

fn decode<T: DeserializeOwned>(value: &[u8]) -> Option<T> {
    match value.split_first() {
        Some((&VERSION, rest)) => serde_json::from_slice(rest).ok(),
        _ => None,
    }
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    let mut out = vec![VERSION];
    serde_json::to_writer(&mut out, value).map_err(|_| Error::Invalid("a report"))?;
    Ok(out)
}

/// The name of a report among those of its domain, as letters and digits.
fn shown(name: &[u8]) -> String {
    name.iter().map(|b| format!("{b:02x}")).collect()
}

fn octets(name: &str, len: usize) -> Option<Vec<u8>> {
    let plain = name.len() == 2 * len && name.bytes().all(|b| b.is_ascii_hexdigit());
    let pairs = name.as_bytes().chunks(2).filter(|_| plain);
    let octet = |pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs
        .map(octet)
        .collect::<Option<Vec<u8>>>()
        .filter(|all| all.len() == len)
}

fn number(text: &[u8]) -> u64 {
    let sum = Sha256::digest(text);
    u64::from_be_bytes(*sum.first_chunk().expect("SHA-256 has 32 octets"))
}

/// Whether somebody can tell now of a time that began and ended so.
pub(crate) fn can_be((begin, end): (i64, i64), now: i64) -> bool {
    let span = now.saturating_sub(BACK_DAYS * DAY_S)..=now.saturating_add(AHEAD_S);
    begin <= end && span.contains(&begin) && span.contains(&end)
}

impl Delivery {
    /// Keeps a report for those of these domains that are ours.
    pub(crate) fn keep_report<T: Reported>(
        &self,
        brought: &Brought,
        domains: impl Iterator<Item = DomainName>,
        report: &T,
    ) {
        let arrived = Arrived {
            at: self.inner.directory.clock().now_s(),
            from: brought.from.clone(),
            checked: brought.checked.clone(),
            reporter: brought.reporter.clone(),
            standing: Standing::default(),
            report: report.clone(),
        };
        let (kind, which, from) = (T::KIND, report.name().1, &brought.from);
        for domain in self.ours(domains) {
            match self.keep_one(&domain, arrived.clone(), brought) {
                Ok(true) => {
                    tracing::info!(%domain, %from, report = %which, "a {kind} report arrived");
                }
                Ok(false) => {}
                Err(error) => tracing::warn!(%domain, %error, "a {kind} report cannot be kept"),
            }
        }
    }

    /// Counts a report that cannot be read for the domains that asked for it where it came to.
    pub(crate) fn count_unread<T: Reported>(&self, brought: &Brought, why: &str) {
        let (kind, from) = (T::KIND, &brought.from);
        tracing::debug!(%from, %why, "a {kind} report cannot be read");
        let now = self.inner.directory.clock().now_s();
        for domain in self.ours(brought.asking().into_iter()) {
            let count = |day: &mut Day| {
                let n = day.unread.entry(why.to_owned()).or_default();
                *n = n.saturating_add(1);
                Ok(Vec::new())
            };
            if let Err(error) = self.change_day::<T>(&domain, now, count) {
                tracing::warn!(%domain, %error, "a {kind} report cannot be counted");
            }
        }
    }

    fn ours(&self, domains: impl Iterator<Item = DomainName>) -> Vec<DomainName> {
        let mut domains: Vec<DomainName> = domains
            .filter(|name| self.inner.directory.domain(name).is_ok())
            .collect();
        domains.sort();
        domains.dedup();
        domains.truncate(DOMAINS_MAX);
        domains
    }

    /// False: it is not kept.
    fn keep_one<T: Reported>(
        &self,
        domain: &DomainName,
        mut arrived: Arrived<T>,
        brought: &Brought,
    ) -> Result<bool, Error> {
        arrived.standing = brought.standing(domain);
        // A day that lies ahead would stay first for ever.
        let begin = arrived.report.times().map_or(arrived.at, |times| times.0);
        let begin = begin.min(arrived.at);
        let (who, which) = arrived.report.name();
        let reporter = arrived.reporter.as_deref().unwrap_or_default();
        let sum = Sha256::digest(format!("{reporter}\n{who}\n{which}"));
        let first: u8 = match arrived.standing {
            Standing::Verified => 0,
            Standing::Half => 1,
            Standing::Stranger => 2,
        };
        let name = shown(&[&[first], &sum[..7]].concat());
        let new = Kept {
            name: name.clone(),
            standing: arrived.standing,
            vouched: arrived.reporter.is_some(),
            by: number(brought.by.as_bytes()),
            at: arrived.at,
            content: number(&encode(&arrived.report)?),
            report: number(format!("{who}\n{which}").as_bytes()),
        };
        let value = encode(&arrived)?;
        let mut is_kept = false;
        let row = |name: &str, value: Option<Vec<u8>>| {
            let name = octets(name, NAME_LEN - DAY_LEN)?;
            let key = [day_key(domain, begin), name].concat();
            let table = T::TABLE;
            Some(RowChange { table, key, value })
        };
        self.change_day::<T>(domain, begin, |day| {
            let Verdict::Keep(way) = day.take(new) else {
                return Ok(Vec::new());
            };
            is_kept = true;
            // What has the same name is put over it.
            let gone = way.filter(|old| *old != name);
            let gone = gone.and_then(|name| row(&name, None));
            Ok(gone.into_iter().chain(row(&name, Some(value))).collect())
        })?;
        Ok(is_kept)
    }

    /// Changes what is known of a day, with rows that go along, and forgets what is too old.
    fn change_day<T: Reported>(
        &self,
        domain: &DomainName,
        at: i64,
        change: impl FnOnce(&mut Day) -> Result<Vec<RowChange>, Error>,
    ) -> Result<(), Error> {
        let alone = self.inner.reports.lock();
        let _alone = alone.unwrap_or_else(PoisonError::into_inner);
        let key = day_key(domain, at);
        let mut day = self.day::<T>(&key)?;
        let before = day.clone();
        let mut rows = self.too_old(T::TABLE, domain)?;
        rows.extend(self.too_old(T::DAYS, domain)?);
        rows.extend(change(&mut day)?);
        if day == before {
            return Ok(());
        }
        if before.is_whole() && !day.is_whole() {
            let (kind, date) = (T::KIND, date::utc(at / DAY_S * DAY_S));
            tracing::warn!(%domain, day = %&date[..10], "not all {kind} reports of this day are kept");
        }
        rows.push(RowChange {
            table: T::DAYS,
            key,
            value: Some(encode(&day)?),
        });
        self.inner.store.commit_rows(rows)?;
        Ok(())
    }

    /// What is known of a day; of one from before days were counted, what its reports say.
    fn day<T: Reported>(&self, key: &[u8]) -> Result<Day, Error> {
        let known = self.inner.store.table(T::DAYS).row(key)?;
        if let Some(day) = known.and_then(|value| decode(&value)) {
            return Ok(day);
        }
        let rows = self
            .inner
            .store
            .table(T::TABLE)
            .rows(key, None, day::DAY_MAX)?;
        let kept = rows.into_iter().filter_map(|(row, value)| {
            let arrived: Arrived<T> = decode(&value)?;
            let (who, which) = arrived.report.name();
            Some(Kept {
                report: number(format!("{who}\n{which}").as_bytes()),
                name: shown(row.get(key.len()..)?),
                standing: arrived.standing,
                by: number(arrived.from.as_bytes()),
                at: arrived.at,
                ..Kept::default()
            })
        });
        Ok(Day {
            kept: kept.collect(),
            ..Day::default()
        })
    }

    fn too_old(&self, table: &'static str, domain: &DomainName) -> Result<Vec<RowChange>, Error> {
        let now = self.inner.directory.clock().now_s();
        let old = day_key(domain, now.saturating_sub(KEPT_DAYS * DAY_S));
        let rows = self.inner.store.table(table);
        let rows = rows.rows(&prefix(domain), Some(&old), FORGET_MAX)?;
        let gone = rows.into_iter().map(|(key, _)| RowChange {
            table,
            key,
            value: None,
        });
        Ok(gone.collect())
    }

    /// What others reported of a domain, the newest day first, and of a day what is believed further first: each with the
    /// name by which it is found. From behind the one named on, at most `max`, and maybe fewer although more follow.
    pub fn reports<T: Reported>(
        &self,
        domain: &DomainName,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<(String, Arrived<T>)>, Error> {
        let table = self.inner.store.table(T::TABLE);
        let prefix = prefix(domain);
        let after = after.and_then(|name| octets(name, NAME_LEN));
        let mut after = after.map(|name| [&prefix[..], &name].concat());
        loop {
            let rows = table.rows(&prefix, after.as_deref(), max.min(PIECE_MAX))?;
            let Some((last, _)) = rows.last() else {
                return Ok(Vec::new());
            };
            after = Some(last.clone());
            let each = rows.into_iter().filter_map(|(key, value)| {
                Some((shown(key.get(prefix.len()..)?), decode(&value)?))
            });
            let each: Vec<_> = each.collect();
            // A later version's are passed over.
            if !each.is_empty() {
                return Ok(each);
            }
        }
    }

    /// What was not kept of the days that were told of last, the newest first.
    pub fn reports_not_kept<T: Reported>(
        &self,
        domain: &DomainName,
    ) -> Result<Vec<NotKept>, Error> {
        let table = self.inner.store.table(T::DAYS);
        let rows = table.rows(&prefix(domain), None, TOLD_DAYS)?;
        let days = rows.into_iter().filter_map(|(key, value)| {
            let day: Day = decode(&value)?;
            let lost = !day.is_whole();
            lost.then_some(NotKept {
                day: day_of(&key)?,
                dropped: day.dropped,
                unread: day.unread.into_iter().collect(),
            })
        });
        Ok(days.collect())
    }

    /// One of them; `None`: there is none of that name.
    pub fn report<T: Reported>(
        &self,
        domain: &DomainName,
        name: &str,
    ) -> Result<Option<Arrived<T>>, Error> {
        let Some(name) = octets(name, NAME_LEN) else {
            return Ok(None);
        };
        let key = [prefix(domain), name].concat();
        let row = self.inner.store.table(T::TABLE).row(&key)?;
        Ok(row.and_then(|value| decode(&value)))
    }
}

#[cfg(test)]
mod tests;
