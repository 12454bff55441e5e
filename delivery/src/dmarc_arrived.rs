//! RFC 9990 §3.5 (RFC 7489 §7.2): what other servers report of mail in the name of our domains, read out of letters as
//! they arrive.

use crate::arrived::Reported;
use crate::dmarc_report::{DmarcReport, read, unpacked};
use crate::{Delivery, header};
use formats::address::DomainName;
use formats::message::header::{first_value, text};
use formats::message::part::{decode_body, file_name};
use formats::message::{Part, summarize};

/// Octets of a report as it is packed that are looked at.
const PACKED_MAX: usize = 10 * 1024 * 1024;
/// Parts of one letter that are looked at: a report is one of the first.
const PARTS_MAX: usize = 10;

impl Reported for DmarcReport {
    const TABLE: &'static str = "delivery.dmarc";
    const KIND: &'static str = "DMARC";

    fn begin(&self) -> Option<i64> {
        (self.begin > 0).then_some(self.begin)
    }

    fn name(&self) -> (&str, &str) {
        (&self.organization, &self.report_id)
    }
}

/// Whether a letter may bring a report, by its subject (RFC 9990 §3.5.2, and what others make of it) or, where it is
/// nothing but the report, by the name of the file.
fn may_bring_report(head: &[u8]) -> bool {
    let subject = first_value(head, "Subject").unwrap_or_default();
    let subject = text(subject.as_bytes()).to_ascii_lowercase();
    let named = |field| {
        let value = first_value(head, field).unwrap_or_default();
        value.matches('!').count() >= 3
    };
    subject.contains("report domain")
        || subject.contains("dmarc")
        || named("Content-Type")
        || named("Content-Disposition")
}

/// RFC 9990 §3.5.2: whether a part is a report, by its type and the name of its file.
fn is_report(part: &Part) -> bool {
    let name = file_name(part).unwrap_or_default().to_ascii_lowercase();
    let ending = [".xml", ".xml.gz", ".gz", ".zip"]
        .iter()
        .any(|ending| name.ends_with(ending));
    let named = ending && name.matches('!').count() >= 3;
    let kind = |subtype| part.is("application", subtype);
    let typed = kind("gzip")
        || kind("x-gzip")
        || kind("zip")
        || kind("x-zip")
        || kind("x-zip-compressed")
        || kind("xml")
        || part.is("text", "xml");
    typed || named
}

/// The report in a letter. Errors: why not, of what looked like one; `None`: it brings none.
fn report(content: &[u8]) -> Option<Result<DmarcReport, String>> {
    let summary = summarize(content);
    let parts = summary.part.walk().map(|(_, part)| part);
    let mut parts = parts.filter(|part| is_report(part)).take(PARTS_MAX);
    let part = parts.next()?;
    let packed = decode_body(part, content);
    if packed.len() > PACKED_MAX {
        return Some(Err("it is too large".into()));
    }
    Some(match unpacked(&packed) {
        Some(xml) => read(&xml).map_err(|why| why.to_string()),
        None => Err("it cannot be unpacked, or is too large".into()),
    })
}

impl Delivery {
    /// Keeps the report that a letter brings, where it is about a domain of ours; whether it brings one. What cannot be
    /// read is a letter like any other. `checked`: what DMARC said of the letter.
    pub(crate) fn keep_dmarc_report(
        &self,
        from: &str,
        content: &[u8],
        checked: Option<String>,
    ) -> bool {
        let head = &content[..header::length(content)];
        if !may_bring_report(head) {
            return false;
        }
        let report = match report(content) {
            None => return false,
            Some(Ok(report)) => report,
            Some(Err(why)) => {
                tracing::info!(%from, %why, "a DMARC report cannot be read");
                return false;
            }
        };
        // Where the policy is somebody else's, those below it may be ours.
        let ours = |name: &String| {
            let name = DomainName::parse(name).ok()?;
            let known = self.inner.directory.domain(&name).is_ok();
            known.then_some(name)
        };
        match ours(&report.policy.domain) {
            Some(domain) => self.keep_report(from, [domain].into_iter(), &report, checked),
            None => {
                let named = report.rows.iter().map(|row| &row.header_from);
                let named = named.filter_map(ours);
                self.keep_report(from, named, &report, checked);
            }
        }
        true
    }
}
