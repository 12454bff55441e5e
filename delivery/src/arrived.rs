//! What other servers report of our domains: read out of letters as they arrive, kept beside them, and forgotten after a
//! year; the letters themselves go where they are sent to.
//!
//! | key | value |
//! |---|---|
//! | domain, 0, day counted down, hash of who and which | the report |

use crate::Delivery;
use formats::address::DomainName;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use storage::{Error, RowChange};

/// The version of these rows.
const VERSION: u8 = 1;
const DAY_S: i64 = 86_400;
/// Reports of one domain and day that are kept: anybody can send some.
const DAY_MAX: usize = 200;
/// Days for which they are kept.
const KEPT_DAYS: i64 = 365;
/// Of those that are too old so many are forgotten when one arrives.
const FORGET_MAX: usize = 100;
/// Domains that one report may be about.
const DOMAINS_MAX: usize = 10;
/// Reports of one page.
const PAGE_MAX: usize = 1_000;
/// Octets of a day and a hash, which name a report of a domain.
const NAME_LEN: usize = 12;

/// What servers report.
pub trait Reported: Serialize + DeserializeOwned + Clone {
    /// Where it is kept.
    const TABLE: &'static str;
    /// For the log.
    const KIND: &'static str;

    /// When what it tells of began, Unix seconds; `None`: it does not say so.
    fn begin(&self) -> Option<i64>;
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
    /// As its sender wrote it.
    pub report: T,
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

fn decode<T: Reported>(value: &[u8]) -> Option<Arrived<T>> {
    match value.split_first() {
        Some((&VERSION, rest)) => serde_json::from_slice(rest).ok(),
        _ => None,
    }
}

/// The name of a report among those of its domain, as letters and digits.
fn shown(name: &[u8]) -> String {
    name.iter().map(|b| format!("{b:02x}")).collect()
}

fn octets(name: &str) -> Option<Vec<u8>> {
    let plain = name.len() == 2 * NAME_LEN && name.bytes().all(|b| b.is_ascii_hexdigit());
    let pairs = name.as_bytes().chunks(2).filter(|_| plain);
    let octet = |pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs
        .map(octet)
        .collect::<Option<Vec<u8>>>()
        .filter(|all| all.len() == NAME_LEN)
}

impl Delivery {
    /// Keeps a report for those of these domains that are ours. `checked`: what DMARC said of the letter.
    pub(crate) fn keep_report<T: Reported>(
        &self,
        from: &str,
        domains: impl Iterator<Item = DomainName>,
        report: &T,
        checked: Option<String>,
    ) {
        let mut domains: Vec<DomainName> = domains
            .filter(|name| self.inner.directory.domain(name).is_ok())
            .collect();
        domains.sort();
        domains.dedup();
        domains.truncate(DOMAINS_MAX);
        let arrived = Arrived {
            at: self.inner.directory.clock().now_s(),
            from: from.to_owned(),
            checked,
            report: report.clone(),
        };
        let (kind, which) = (T::KIND, report.name().1);
        for domain in domains {
            match self.keep_one(&domain, &arrived) {
                Ok(true) => {
                    tracing::info!(%domain, %from, report = %which, "a {kind} report arrived");
                }
                Ok(false) => {}
                Err(error) => tracing::warn!(%domain, %error, "a {kind} report cannot be kept"),
            }
        }
    }

    /// False: there are enough of that day.
    fn keep_one<T: Reported>(
        &self,
        domain: &DomainName,
        arrived: &Arrived<T>,
    ) -> Result<bool, Error> {
        let table = self.inner.store.table(T::TABLE);
        // A day that lies ahead would stay first for ever.
        let begin = arrived.report.begin().unwrap_or(arrived.at).min(arrived.at);
        let mut key = day_key(domain, begin);
        if table.rows(&key, None, DAY_MAX)?.len() >= DAY_MAX {
            return Ok(false);
        }
        let (who, which) = arrived.report.name();
        key.extend_from_slice(&Sha256::digest(format!("{who}\n{which}"))[..8]);
        let mut value = vec![VERSION];
        serde_json::to_writer(&mut value, arrived).map_err(|_| Error::Invalid("a report"))?;
        let row = |key: Vec<u8>, value: Option<Vec<u8>>| RowChange {
            table: T::TABLE,
            key,
            value,
        };
        let old = day_key(domain, arrived.at.saturating_sub(KEPT_DAYS * DAY_S));
        let old = table.rows(&prefix(domain), Some(&old), FORGET_MAX)?;
        let mut rows: Vec<RowChange> = old.into_iter().map(|(key, _)| row(key, None)).collect();
        rows.push(row(key, Some(value)));
        self.inner.store.commit_rows(rows)?;
        Ok(true)
    }

    /// What others reported of a domain, the newest day first: each with the name by which it is found.
    pub fn reports<T: Reported>(
        &self,
        domain: &DomainName,
        max: usize,
    ) -> Result<Vec<(String, Arrived<T>)>, Error> {
        let table = self.inner.store.table(T::TABLE);
        let prefix = prefix(domain);
        let rows = table.rows(&prefix, None, max.min(PAGE_MAX))?;
        let each = rows
            .into_iter()
            .filter_map(|(key, value)| Some((shown(key.get(prefix.len()..)?), decode(&value)?)));
        Ok(each.collect())
    }

    /// One of them; `None`: there is none of that name.
    pub fn report<T: Reported>(
        &self,
        domain: &DomainName,
        name: &str,
    ) -> Result<Option<Arrived<T>>, Error> {
        let Some(name) = octets(name) else {
            return Ok(None);
        };
        let key = [prefix(domain), name].concat();
        let row = self.inner.store.table(T::TABLE).row(&key)?;
        Ok(row.and_then(|value| decode(&value)))
    }
}
