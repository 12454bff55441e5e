//! A report as XML, by the schema of RFC 9990 appendix A; readers of RFC 7489's find what they know.

use super::{DmarcReport, PolicyTold, Row};
use std::fmt::Write as _;

/// RFC 9990 §7.1.
const NAMESPACE: &str = "urn:ietf:params:xml:ns:dmarc-2.0";

/// Elements within each other, told as they come.
struct Xml(String);

impl Xml {
    fn open(&mut self, name: &str) {
        let _ = writeln!(self.0, "<{name}>");
    }

    fn close(&mut self, name: &str) {
        let _ = writeln!(self.0, "</{name}>");
    }

    fn text(&mut self, name: &str, value: &str) {
        let _ = write!(self.0, "<{name}>");
        for c in value.chars() {
            match c {
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '&' => self.0.push_str("&amp;"),
                // XML 1.0 §2.2 has no others.
                c if c.is_control() => self.0.push(' '),
                c => self.0.push(c),
            }
        }
        let _ = writeln!(self.0, "</{name}>");
    }

    /// Only where there is something to tell.
    fn told(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.text(name, value);
        }
    }
}

/// The report.
#[must_use]
pub fn xml(report: &DmarcReport) -> String {
    let mut xml = Xml(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feedback xmlns=\"{NAMESPACE}\">\n"
    ));
    xml.text("version", "1.0");
    xml.open("report_metadata");
    xml.text("org_name", &report.organization);
    xml.text("email", &report.email);
    xml.told("extra_contact_info", &report.contact);
    xml.text("report_id", &report.report_id);
    xml.open("date_range");
    xml.text("begin", &report.begin.to_string());
    xml.text("end", &report.end.to_string());
    xml.close("date_range");
    for error in &report.errors {
        xml.text("error", error);
    }
    if report.left_out > 0 {
        let error = format!(
            "{} more messages were counted and are in no record",
            report.left_out
        );
        xml.text("error", &error);
    }
    xml.told("generator", &report.generator);
    xml.close("report_metadata");
    policy(&mut xml, &report.policy);
    for row in &report.rows {
        record(&mut xml, row);
    }
    xml.close("feedback");
    xml.0
}

fn policy(xml: &mut Xml, policy: &PolicyTold) {
    xml.open("policy_published");
    xml.text("domain", &policy.domain);
    xml.text("discovery_method", "treewalk");
    xml.text("p", &policy.p);
    xml.told("sp", &policy.sp);
    xml.told("np", &policy.np);
    xml.told("fo", &policy.fo);
    xml.told("adkim", &policy.adkim);
    xml.told("aspf", &policy.aspf);
    xml.told("testing", &policy.testing);
    xml.close("policy_published");
}

fn record(xml: &mut Xml, row: &Row) {
    xml.open("record");
    xml.open("row");
    xml.text("source_ip", &row.ip);
    xml.text("count", &row.count.to_string());
    xml.open("policy_evaluated");
    xml.text("disposition", &row.disposition);
    xml.text("dkim", &row.dkim);
    xml.text("spf", &row.spf);
    for reason in &row.reasons {
        xml.open("reason");
        xml.text("type", &reason.kind);
        xml.told("comment", &reason.comment);
        xml.close("reason");
    }
    xml.close("policy_evaluated");
    xml.close("row");
    xml.open("identifiers");
    if let Some(to) = &row.envelope_to {
        xml.text("envelope_to", to);
    }
    if let Some(from) = &row.envelope_from {
        xml.text("envelope_from", from);
    }
    xml.text("header_from", &row.header_from);
    xml.close("identifiers");
    xml.open("auth_results");
    for one in &row.signatures {
        xml.open("dkim");
        xml.text("domain", &one.domain);
        xml.text("selector", &one.selector);
        xml.text("result", &one.result);
        xml.told("human_result", &one.why);
        xml.close("dkim");
    }
    for one in &row.senders {
        xml.open("spf");
        xml.text("domain", &one.domain);
        xml.told("scope", &one.scope);
        xml.text("result", &one.result);
        xml.told("human_result", &one.why);
        xml.close("spf");
    }
    xml.close("auth_results");
    xml.close("record");
}
