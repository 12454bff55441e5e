//! RFC 8460 §5: what other servers report of TLS with the hosts of our domains. Read out of letters as they arrive,
//! kept beside them, and forgotten after a year; the letters themselves go where they are sent to.
//!
//! | key | value |
//! |---|---|
//! | domain, 0, day counted down, hash of who and which | the report |

use crate::tls_report::{REPORT_MAX, TlsReport};
use crate::{Delivery, header};
use formats::address::DomainName;
use formats::date;
use formats::message::header::first_value;
use formats::message::part::decode_body;
use formats::message::summarize;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::io::Read as _;
use storage::{Error, RowChange};

/// Rows of what others reported.
const TABLE: &str = "delivery.tls";
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

/// A report that arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivedTlsReport {
    /// When, Unix seconds.
    pub at: i64,
    /// The letter's reverse-path; nobody vouches for it.
    pub from: String,
    /// As its sender wrote it.
    pub report: TlsReport,
}

/// RFC 8460 §5.3: whether a letter's Content-Type says that it brings a report.
fn brings_report(head: &[u8]) -> bool {
    let text = first_value(head, "Content-Type")
        .unwrap_or_default()
        .to_ascii_lowercase();
    text.starts_with("multipart/report") && text.contains("tlsrpt")
}

/// RFC 8460 §5.2: the report in a letter.
fn report(content: &[u8]) -> Option<TlsReport> {
    let summary = summarize(content);
    let mut parts = summary.part.walk().map(|(_, part)| part);
    let part =
        parts.find(|p| p.is("application", "tlsrpt+gzip") || p.is("application", "tlsrpt+json"))?;
    let body = decode_body(part, content);
    let json = if part.subtype == "tlsrpt+gzip" {
        let mut json = Vec::new();
        let gzip = flate2::read::GzDecoder::new(&body[..]);
        gzip.take(REPORT_MAX as u64 + 1)
            .read_to_end(&mut json)
            .ok()?;
        json
    } else {
        body.into_owned()
    };
    if json.len() > REPORT_MAX {
        return None;
    }
    serde_json::from_slice(&json).ok()
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

impl Delivery {
    /// Keeps the report that a letter brings, where it is about a domain of ours. What cannot be read is a letter like
    /// any other.
    pub(crate) fn keep_tls_report(&self, from: &str, content: &[u8]) {
        let head = &content[..header::length(content)];
        if !brings_report(head) {
            return;
        }
        let now = self.inner.directory.clock().now_s();
        let Some(report) = report(content) else {
            tracing::info!(%from, "a TLS report cannot be read");
            return;
        };
        let named = first_value(head, "TLS-Report-Domain");
        let told = report
            .policies
            .iter()
            .map(|one| one.policy.policy_domain.clone());
        let mut domains: Vec<DomainName> = told
            .chain(named)
            .filter_map(|name| DomainName::parse(&name).ok())
            .filter(|name| self.inner.directory.domain(name).is_ok())
            .collect();
        domains.sort();
        domains.dedup();
        domains.truncate(DOMAINS_MAX);
        for domain in domains {
            let arrived = ArrivedTlsReport {
                at: now,
                from: from.to_owned(),
                report: report.clone(),
            };
            match self.keep_one(&domain, &arrived) {
                Ok(true) => {
                    tracing::info!(%domain, %from, report = %report.report_id, "a TLS report arrived")
                }
                Ok(false) => {}
                Err(error) => tracing::warn!(%domain, %error, "a TLS report cannot be kept"),
            }
        }
    }

    /// False: there are enough of that day.
    fn keep_one(&self, domain: &DomainName, arrived: &ArrivedTlsReport) -> Result<bool, Error> {
        let table = self.inner.store.table(TABLE);
        let begin = date::parse_utc(&arrived.report.date_range.start_datetime);
        // A day that lies ahead would stay first for ever.
        let begin = begin.unwrap_or(arrived.at).min(arrived.at);
        let mut key = day_key(domain, begin);
        if table.rows(&key, None, DAY_MAX)?.len() >= DAY_MAX {
            return Ok(false);
        }
        let report = &arrived.report;
        let which = format!("{}\n{}", report.organization_name, report.report_id);
        key.extend_from_slice(&Sha256::digest(which)[..8]);
        let mut value = vec![VERSION];
        serde_json::to_writer(&mut value, arrived).map_err(|_| Error::Invalid("a TLS report"))?;
        let row = |key: Vec<u8>, value: Option<Vec<u8>>| RowChange {
            table: TABLE,
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

    /// What others reported of a domain, the newest day first.
    pub fn tls_reports(
        &self,
        domain: &DomainName,
        max: usize,
    ) -> Result<Vec<ArrivedTlsReport>, Error> {
        let table = self.inner.store.table(TABLE);
        let rows = table.rows(&prefix(domain), None, max.min(PAGE_MAX))?;
        let each = rows
            .into_iter()
            .filter_map(|(_, value)| match value.split_first() {
                Some((&VERSION, rest)) => serde_json::from_slice(rest).ok(),
                _ => None,
            });
        Ok(each.collect())
    }
}
