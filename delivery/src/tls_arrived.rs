//! RFC 8460 §5: what other servers report of TLS with the hosts of our domains, read out of letters as they arrive.

use crate::arrived::{Brought, Reported, can_be};
use crate::tls_report::{REPORT_MAX, TlsReport};
use crate::{Delivery, header};
use formats::address::DomainName;
use formats::date;
use formats::message::header::first_value;
use formats::message::part::decode_body;
use formats::message::summarize;
use std::io::Read as _;

impl Reported for TlsReport {
    const TABLE: &'static str = "delivery.tls";
    const DAYS: &'static str = "delivery.tls.days";
    const KIND: &'static str = "TLS";

    fn times(&self) -> Option<(i64, i64)> {
        let range = &self.date_range;
        let begin = date::parse_utc(&range.start_datetime)?;
        Some((begin, date::parse_utc(&range.end_datetime)?))
    }

    fn name(&self) -> (&str, &str) {
        (&self.organization_name, &self.report_id)
    }
}

/// RFC 8460 §5.3: whether a letter's Content-Type says that it brings a report.
pub(crate) fn may_bring_report(head: &[u8]) -> bool {
    let text = first_value(head, "Content-Type")
        .unwrap_or_default()
        .to_ascii_lowercase();
    // Some send the report itself, without the words around it.
    text.starts_with("application/tlsrpt+")
        || text.starts_with("multipart/report") && text.contains("tlsrpt")
}

/// RFC 8460 §5.3: on which domain a letter says that it reports.
pub(crate) fn reported_domain(head: &[u8]) -> Option<DomainName> {
    let named = may_bring_report(head).then(|| first_value(head, "TLS-Report-Domain"))?;
    DomainName::parse(named?.trim()).ok()
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

impl Delivery {
    /// Keeps the report that a letter brings, where it is about a domain of ours; whether it brings one. What cannot be
    /// read is a letter like any other.
    pub(crate) fn keep_tls_report(&self, brought: &Brought, content: &[u8]) -> bool {
        let head = &content[..header::length(content)];
        if !may_bring_report(head) {
            return false;
        }
        let now = self.inner.directory.clock().now_s();
        let Some(report) = report(content) else {
            self.count_unread::<TlsReport>(brought, "damaged");
            return false;
        };
        if !report.times().is_some_and(|times| can_be(times, now)) {
            self.count_unread::<TlsReport>(brought, "times");
            return false;
        }
        let named = first_value(head, "TLS-Report-Domain");
        let told = report
            .policies
            .iter()
            .map(|one| one.policy.policy_domain.clone());
        let domains = told
            .chain(named)
            .filter_map(|name| DomainName::parse(&name).ok());
        self.keep_report(brought, domains, &report);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    use std::io::Write as _;

    const REPORT: &str = r#"{"organization-name": "Noi", "date-range": {"start-datetime": "2026-11-20T00:00:00Z",
        "end-datetime": "2026-11-20T23:59:59Z"}, "contact-info": "a@noi.vn", "report-id": "7", "policies": []}"#;

    #[test]
    fn a_report_is_read_in_a_letter_of_parts_and_by_itself() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(REPORT.as_bytes()).unwrap();
        let packed = BASE64_STANDARD.encode(gzip.finish().unwrap());
        let part = format!(
            "Content-Type: application/tlsrpt+gzip; name=x\r\nContent-Transfer-Encoding: base64\r\n\r\n{packed}\r\n"
        );
        let whole = format!(
            "Content-Type: multipart/report; report-type=tlsrpt; boundary=b\r\n\r\n--b\r\n{part}--b--\r\n"
        );
        let plain = format!("Content-Type: Application/TLSRPT+json\r\n\r\n{REPORT}\r\n");
        for letter in [part, whole, plain] {
            let letter = format!("From: a@noi.vn\r\n{letter}");
            assert!(may_bring_report(letter.as_bytes()), "{letter}");
            let read = report(letter.as_bytes());
            assert_eq!(read.map(|r| r.report_id).as_deref(), Some("7"), "{letter}");
        }
        assert!(!may_bring_report(
            b"Content-Type: application/json\r\n\r\n{}"
        ));
    }
}
