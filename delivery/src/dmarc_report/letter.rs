//! RFC 9990 §3.5.2 (RFC 7489 §7.2.1.1): a report as a letter.

use super::DmarcReport;
use crate::attachment::base64_lines;
use crate::stamp::ZONE_MIN;
use formats::address::{Address, DomainName};
use formats::date;
use sha2::{Digest as _, Sha256};

/// What names the report of a server on a domain's day, each time it is made: letters and digits, as in file names.
#[must_use]
pub fn report_id(host: &str, domain: &DomainName, day: u32) -> String {
    let sum = Sha256::digest(format!("{host}\n{domain}\n{day}"));
    let hex: String = sum[..8].iter().map(|b| format!("{b:02x}")).collect();
    format!("{day}{hex}")
}

/// The letter from a server (its name, its address, the time in Unix seconds) to those that a domain names; `packed`:
/// the report under gzip.
#[must_use]
pub fn report_letter(
    report: &DmarcReport,
    (host, from, now): (&str, &Address, i64),
    to: &[Address],
    packed: &[u8],
) -> Vec<u8> {
    let (id, domain) = (&report.report_id, &report.policy.domain);
    let (begin, end) = (report.begin, report.end);
    let file = format!("{host}!{domain}!{begin}!{end}!{id}.xml.gz");
    let (start, stop) = (date::utc(begin), date::utc(end));
    let (all, passed) = report.sums();
    let failed = all.saturating_sub(passed);
    let to: Vec<String> = to.iter().map(|to| format!("<{to}>")).collect();
    format!(
        "From: <{from}>\r\nTo: {to}\r\nSubject: Report Domain: {domain}\r\n Submitter: {host}\r\n Report-ID: <{id}>\r\n\
         Date: {when}\r\nMessage-ID: <{id}@{host}>\r\nAuto-Submitted: auto-generated\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n\tboundary=\"=_{id}\"\r\n\r\n\
         --=_{id}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         Báo cáo DMARC về thư mang tên {domain} mà {host} nhận được,\r\n\
         từ {start} đến {stop}: {passed} thư đạt, {failed} thư không đạt.\r\n\
         DMARC report on mail in the name of {domain} that came to {host}\r\n\
         from {start} to {stop}: {passed} messages passed, {failed} failed.\r\n\r\n\
         --=_{id}\r\nContent-Type: application/gzip; name=\"{file}\"\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment;\r\n\tfilename=\"{file}\"\r\n\r\n{body}\r\n--=_{id}--\r\n",
        to = to.join(",\r\n "),
        when = date::rfc5322(now, ZONE_MIN),
        body = base64_lines(packed),
    )
    .into_bytes()
}
