//! RFC 8460: how TLS with other servers went, a report for each domain and day: counted, written, and read where others
//! send theirs. Pure.

use crate::attachment::base64_lines;
use crate::ledger::{Part, Tally};
use crate::stamp::ZONE_MIN;
use formats::address::{Address, DomainName};
use formats::date;
use serde::{Deserialize, Serialize};

/// Policies of one domain in one report: more are counted with the first.
const POLICIES_MAX: usize = 16;
/// Kinds of failures under one policy that are told apart.
const FAILURES_MAX: usize = 100;
/// Places that one domain may name for its reports; more are not looked at.
const PLACES_MAX: usize = 4;
/// Characters of a reason.
const REASON_MAX: usize = 200;
/// Octets of a report as JSON that are read.
pub const REPORT_MAX: usize = 4 * 1024 * 1024;

/// RFC 8460 §4: a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub struct TlsReport {
    #[serde(default)]
    pub organization_name: String,
    pub date_range: DateRange,
    #[serde(default)]
    pub contact_info: String,
    pub report_id: String,
    pub policies: Vec<PolicyReport>,
}

/// From when to when, RFC 3339 date-time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub struct DateRange {
    pub start_datetime: String,
    pub end_datetime: String,
}

/// What was counted under one policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub struct PolicyReport {
    pub policy: PolicyTold,
    pub summary: Summary,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failure_details: Vec<Failures>,
}

/// RFC 8460 §4.2: a policy as it was applied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub struct PolicyTold {
    /// `tlsa`, `sts` or `no-policy-found`.
    pub policy_type: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy_string: Vec<String>,
    pub policy_domain: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mx_host: Vec<String>,
}

/// Sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub struct Summary {
    pub total_successful_session_count: u64,
    pub total_failure_session_count: u64,
}

/// Failures that are alike.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub struct Failures {
    /// RFC 8460 §4.3.
    pub result_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sending_mta_ip: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiving_mx_hostname: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiving_ip: Option<String>,
    pub failed_session_count: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason_code: Option<String>,
}

/// One session, or one that did not come about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Session {
    pub policy: PolicyTold,
    /// What went wrong with TLS, of how many sessions it is the count.
    pub failure: Option<Failures>,
}

/// What was counted of one domain on one day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// By policy.
    pub policies: Vec<PolicyReport>,
    changed: bool,
}

impl Tally for Counted {
    fn parts(&mut self) -> Result<Vec<Part>, serde_json::Error> {
        Ok(match std::mem::take(&mut self.changed) {
            true => vec![Part {
                name: Vec::new(),
                value: serde_json::to_vec(&self.policies)?,
            }],
            false => Vec::new(),
        })
    }

    fn put(&mut self, _name: &[u8], value: &[u8]) {
        self.policies = serde_json::from_slice(value).unwrap_or_default();
    }
}

impl Counted {
    /// Adds one.
    pub fn add(&mut self, session: Session) {
        self.changed = true;
        let all = &mut self.policies;
        let known = all.iter().position(|one| one.policy == session.policy);
        let at = match known {
            Some(at) => at,
            None if all.len() >= POLICIES_MAX => 0,
            None => {
                all.push(PolicyReport {
                    policy: session.policy,
                    summary: Summary::default(),
                    failure_details: Vec::new(),
                });
                all.len() - 1
            }
        };
        let one = &mut all[at];
        let Some(mut failure) = session.failure else {
            one.summary.total_successful_session_count += 1;
            return;
        };
        one.summary.total_failure_session_count += 1;
        failure.failed_session_count = 0;
        let reason = failure.failure_reason_code.take();
        failure.failure_reason_code = reason.map(|text| text.chars().take(REASON_MAX).collect());
        let details = &mut one.failure_details;
        let like = |known: &&mut Failures| {
            let alike = Failures {
                failed_session_count: 0,
                ..(**known).clone()
            };
            alike == failure
        };
        let full = details.len() >= FAILURES_MAX;
        match details.iter_mut().find(like) {
            Some(known) => known.failed_session_count += 1,
            None if full => {}
            None => {
                failure.failed_session_count = 1;
                details.push(failure);
            }
        }
    }
}

/// RFC 8460 §5.3: a report as a letter from a server (its name, its address, the time in Unix seconds) to a domain;
/// `packed`: the report under gzip.
#[must_use]
pub fn report_letter(
    report: &TlsReport,
    (host, from, now): (&str, &Address, i64),
    (domain, to): (&DomainName, &Address),
    packed: &[u8],
) -> Vec<u8> {
    let (id, range) = (&report.report_id, &report.date_range);
    let seconds = |text: &str| date::parse_utc(text).unwrap_or(0);
    let (begin, end) = (seconds(&range.start_datetime), seconds(&range.end_datetime));
    let file = format!("{host}!{domain}!{begin}!{end}.json.gz");
    let sums = report.policies.iter().map(|one| &one.summary);
    let (good, bad) = sums.fold((0, 0), |(good, bad), one| {
        (
            good + one.total_successful_session_count,
            bad + one.total_failure_session_count,
        )
    });
    let (start, stop) = (&range.start_datetime, &range.end_datetime);
    format!(
        "From: <{from}>\r\nTo: <{to}>\r\nSubject: Report Domain: {domain}\r\n Submitter: {host}\r\n Report-ID: <{id}>\r\n\
         Date: {when}\r\nMessage-ID: <{id}>\r\nAuto-Submitted: auto-generated\r\nTLS-Required: No\r\n\
         TLS-Report-Domain: {domain}\r\nTLS-Report-Submitter: {host}\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n\tboundary=\"=_{begin}\"\r\n\r\n\
         --=_{begin}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         Báo cáo về TLS giữa {host} và máy chủ thư của {domain}, từ {start} đến {stop}:\r\n\
         {good} phiên tốt, {bad} phiên hỏng.\r\n\
         How TLS between {host} and the mail servers of {domain} went from {start}\r\n\
         to {stop}: {good} sessions well, {bad} not.\r\n\r\n\
         --=_{begin}\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment;\r\n\tfilename=\"{file}\"\r\n\r\n{body}\r\n--=_{begin}--\r\n",
        when = date::rfc5322(now, ZONE_MIN),
        body = base64_lines(packed),
    )
    .into_bytes()
}

/// RFC 8460 §3: where a domain wants its reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `mailto:`.
    Mail(Address),
    /// `https:`.
    Web(String),
}

/// RFC 8460 §3: the places in the TXT records of `_smtp._tls.DOMAIN`; empty: it wants none.
///
/// ```text
/// tlsrpt-record = tlsrpt-version 1*(field-delim tlsrpt-field) [field-delim]
/// tlsrpt-rua    = "rua=" tlsrpt-uri *(*WSP "," *WSP tlsrpt-uri)
/// ```
#[must_use]
pub fn places(records: &[String]) -> Vec<Place> {
    let mut found = records.iter().filter(|record| {
        let rest = record.strip_prefix("v=TLSRPTv1");
        rest.is_some_and(|rest| rest.trim_start_matches([' ', '\t']).starts_with(';'))
    });
    // RFC 8460 §3: of several none counts.
    let (Some(record), None) = (found.next(), found.next()) else {
        return Vec::new();
    };
    let mut fields = record.split(';').map(str::trim);
    let uris = fields.find_map(|field| field.strip_prefix("rua="));
    let uris = uris.unwrap_or_default().split(',').map(str::trim);
    let places = uris.filter_map(|uri| {
        let (scheme, rest) = uri.split_once(':')?;
        match scheme.to_ascii_lowercase().as_str() {
            // RFC 6068 §2: parameters are not for us.
            "mailto" => Address::parse(rest.split('?').next()?)
                .ok()
                .map(Place::Mail),
            "https" if rest.starts_with("//") => Some(Place::Web(uri.to_owned())),
            _ => None,
        }
    });
    places.take(PLACES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_from_one_record() {
        let check = |records: &[&str], expected: &[&str]| {
            let records: Vec<String> = records.iter().map(|r| (*r).to_owned()).collect();
            let got = places(&records).into_iter().map(|place| match place {
                Place::Mail(address) => format!("mailto:{address}"),
                Place::Web(uri) => uri,
            });
            assert_eq!(got.collect::<Vec<_>>(), expected, "{records:?}");
        };
        check(&["v=TLSRPTv1; rua=mailto:a@b.vn"], &["mailto:a@b.vn"]);
        check(
            &[
                "v=TLSRPTv1;rua=https://b.vn/x , MAILTO:a@b.vn?subject=x;",
                "other",
            ],
            &["https://b.vn/x", "mailto:a@b.vn"],
        );
        check(&["v=TLSRPTv1; rua=http://b.vn,ftp:x,mailto:nobody"], &[]);
        check(
            &[
                "v=TLSRPTv1; rua=mailto:a@b.vn",
                "v=TLSRPTv1; rua=mailto:c@b.vn",
            ],
            &[],
        );
        check(&["v=TLSRPTv12; rua=mailto:a@b.vn"], &[]);
        check(&["v=TLSRPTv1"], &[]);
        check(&[], &[]);
    }

    #[test]
    fn sessions_are_counted_by_policy_and_failure() {
        let policy = |kind: &str| PolicyTold {
            policy_type: kind.into(),
            policy_domain: "b.vn".into(),
            ..PolicyTold::default()
        };
        let failed = |why: &str, host: &str| Failures {
            result_type: why.into(),
            receiving_mx_hostname: Some(host.into()),
            ..Failures::default()
        };
        let mut counted = Counted::default();
        let session = |kind: &str, failure: Option<Failures>| Session {
            policy: policy(kind),
            failure,
        };
        counted.add(session("sts", None));
        for host in ["mx1", "mx1", "mx2"] {
            let failure = failed("certificate-expired", host);
            counted.add(session("sts", Some(failure)));
        }
        counted.add(session("no-policy-found", None));
        let [sts, none] = &counted.policies[..] else {
            panic!("{counted:?}");
        };
        let sums = |one: &PolicyReport| {
            let summary = &one.summary;
            (
                summary.total_successful_session_count,
                summary.total_failure_session_count,
            )
        };
        assert_eq!((sums(sts), sums(none)), ((1, 3), (1, 0)));
        let each: Vec<u64> = sts
            .failure_details
            .iter()
            .map(|f| f.failed_session_count)
            .collect();
        assert_eq!(each, [2, 1]);
        // As RFC 8460 §4.4 names it.
        let json = serde_json::to_string(sts).unwrap();
        for name in [
            "\"policy-type\":\"sts\"",
            "\"total-failure-session-count\":3",
            "\"result-type\"",
            "\"receiving-mx-hostname\":\"mx1\"",
        ] {
            assert!(json.contains(name), "{name} in {json}");
        }
        for n in 0..1_000 {
            counted.add(session("sts", Some(failed("x", &n.to_string()))));
            counted.add(session(&n.to_string(), None));
        }
        assert_eq!(counted.policies.len(), POLICIES_MAX);
        assert_eq!(counted.policies[0].failure_details.len(), FAILURES_MAX);
    }
}
