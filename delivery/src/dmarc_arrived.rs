//! RFC 9990 §3.5 (RFC 7489 §7.2): what other servers report of mail in the name of our domains, read out of letters as
//! they arrive.

use crate::arrived::{Brought, Reported, can_be};
use crate::dmarc_report::{DmarcReport, Unread, read, unpacked};
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
    const DAYS: &'static str = "delivery.dmarc.days";
    const KIND: &'static str = "DMARC";

    fn times(&self) -> Option<(i64, i64)> {
        Some((self.begin, self.end))
    }

    fn name(&self) -> (&str, &str) {
        (&self.organization, &self.report_id)
    }
}

/// A letter's subject, for reading.
fn subject(head: &[u8]) -> String {
    let subject = first_value(head, "Subject").unwrap_or_default();
    text(subject.as_bytes()).to_ascii_lowercase()
}

/// RFC 9990 §3.5.2: the name of the file, where the letter is nothing but the report.
fn named(head: &[u8]) -> Option<String> {
    let fields = ["Content-Disposition", "Content-Type"];
    let mut values = fields.iter().filter_map(|field| first_value(head, field));
    values.find(|value| value.matches('!').count() >= 3)
}

/// Whether a letter may bring a report, by its subject (RFC 9990 §3.5.2, and what others make of it) or, where it is
/// nothing but the report, by the name of the file.
pub(crate) fn may_bring_report(head: &[u8]) -> bool {
    let subject = subject(head);
    subject.contains("report domain") || subject.contains("dmarc") || named(head).is_some()
}

/// RFC 9990 §3.5.2: on which domain a letter says that it reports, by its subject or the name of its file.
pub(crate) fn reported_domain(head: &[u8]) -> Option<DomainName> {
    if !may_bring_report(head) {
        return None;
    }
    let subject = subject(head);
    let told = subject.split_once("report domain:").map(|(_, rest)| rest);
    let told = told.and_then(|rest| rest.split_whitespace().next());
    let file = named(head);
    let file = file.as_deref().and_then(|name| name.split('!').nth(1));
    DomainName::parse(told.or(file)?.trim_end_matches([';', ','])).ok()
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

/// The report in a part.
fn report_in(part: &Part, content: &[u8]) -> Result<DmarcReport, Unread> {
    let packed = decode_body(part, content);
    if packed.len() > PACKED_MAX {
        return Err(Unread::TooLarge);
    }
    read(&unpacked(&packed).ok_or(Unread::Packed)?)
}

/// The report in a letter. Errors: why not, of what looked like one; `None`: it brings none.
fn report(content: &[u8]) -> Option<Result<DmarcReport, Unread>> {
    let summary = summarize(content);
    let parts: Vec<&Part> = summary.part.walk().map(|(_, part)| part).collect();
    let mut called = parts.iter().filter(|part| is_report(part)).take(PARTS_MAX);
    if let Some(part) = called.next() {
        return Some(report_in(part, content));
    }
    // What has neither type nor name is one where it can be read as one.
    let plain = |part: &&&Part| part.is("application", "octet-stream");
    let plain = parts.iter().filter(plain).take(PARTS_MAX);
    let mut read = plain.map(|part| report_in(part, content));
    read.find(|read| {
        !matches!(
            read,
            Err(Unread::Packed | Unread::NoReport | Unread::TooLarge)
        )
    })
}

impl Delivery {
    /// Keeps the report that a letter brings, where it is about a domain of ours; whether it brings one. What cannot be
    /// read is a letter like any other, and counted.
    pub(crate) fn keep_dmarc_report(&self, brought: &Brought, content: &[u8]) -> bool {
        let head = &content[..header::length(content)];
        if !may_bring_report(head) {
            return false;
        }
        let now = self.inner.directory.clock().now_s();
        let in_time = |report: DmarcReport| match can_be((report.begin, report.end), now) {
            true => Ok(report),
            false => Err(Unread::Times),
        };
        let report = match report(content).map(|read| read.and_then(in_time)) {
            None => return false,
            Some(Ok(report)) => report,
            Some(Err(why)) => {
                self.count_unread::<DmarcReport>(brought, why.word());
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
            Some(domain) => self.keep_report(brought, [domain].into_iter(), &report),
            None => {
                let named = report.rows.iter().map(|row| &row.header_from);
                let named: Vec<DomainName> = named.filter_map(ours).collect();
                self.keep_report(brought, named.into_iter(), &report);
            }
        }
        true
    }
}
