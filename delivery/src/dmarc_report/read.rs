//! A report that others wrote, in the XML of RFC 9990, RFC 7489 or what was before them. Elements are known by their
//! names alone; what is not known is passed over. Of XML only what a report needs is read: a document type, which
//! could define entities that stand for each other a million times, is refused, and no entity but XML's own is known.

use super::{DmarcReport, ROWS_MAX, Reason, Row, Sender, Signature};
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// Elements within each other.
const DEPTH_MAX: usize = 32;
/// Characters of one text that are kept.
const TEXT_MAX: usize = 255;
/// Octets of one text that are looked at.
const OCTETS_MAX: usize = 64 * 1024;
/// Signatures, results of SPF or reasons of one row that are kept.
const EACH_MAX: usize = 20;
/// Errors that are kept.
const ERRORS_MAX: usize = 20;
/// Octets of all texts that are kept; rows beyond are counted only.
const KEPT_MAX: usize = 512 * 1024;

/// Why a report is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is no XML, or damaged.
    Damaged,
    /// It has a document type, or entities of its own.
    Defines,
    /// More elements within each other than any report has.
    TooDeep,
    /// It is XML, and no report.
    NoReport,
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Damaged => "it is no XML",
            Self::Defines => "it defines entities",
            Self::TooDeep => "its elements lie too deep",
            Self::NoReport => "it is no DMARC report",
        })
    }
}

/// The report.
pub(crate) fn read(xml: &[u8]) -> Result<DmarcReport, Unread> {
    // Names of domains are ASCII whatever the charset; of the rest only people's words could suffer.
    let text = String::from_utf8_lossy(xml);
    let mut reader = Reader::from_str(&text);
    let mut reading = Reading::default();
    loop {
        match reader.read_event().map_err(|_| Unread::Damaged)? {
            Event::Start(tag) => reading.open(&tag)?,
            Event::Empty(tag) => {
                reading.open(&tag)?;
                reading.close();
            }
            Event::End(_) => reading.close(),
            Event::Text(text) => reading.text(&text.xml10_content()),
            Event::CData(text) => reading.text(&text.xml10_content()),
            Event::GeneralRef(name) => reading.text(entity(&name)?.encode_utf8(&mut [0; 4])),
            Event::DocType(_) => return Err(Unread::Defines),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    reading.end()
}

/// XML 1.0 §4.6, §4.1.
fn entity(name: &BytesRef<'_>) -> Result<char, Unread> {
    if let Some(c) = name.resolve_char_ref().map_err(|_| Unread::Damaged)? {
        return Ok(c);
    }
    match &**name {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(Unread::Defines),
    }
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    path: Vec<String>,
    text: String,
    report: DmarcReport,
    row: Row,
    seen: bool,
    /// Octets of all texts so far.
    kept: usize,
}

impl Reading {
    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), Unread> {
        if self.path.len() >= DEPTH_MAX {
            return Err(Unread::TooDeep);
        }
        let name = tag.local_name().as_ref().to_owned();
        if self.path.is_empty() {
            if name != "feedback" {
                return Err(Unread::NoReport);
            }
            self.seen = true;
        }
        self.text.clear();
        let path: Vec<&str> = self.path.iter().skip(1).map(String::as_str).collect();
        match (path.as_slice(), name.as_str()) {
            ([], "record") => self.row = Row::default(),
            (["record", "row", "policy_evaluated"], "reason") => more(&mut self.row.reasons),
            (["record", "auth_results"], "dkim") => more(&mut self.row.signatures),
            (["record", "auth_results"], "spf") => more(&mut self.row.senders),
            _ => {}
        }
        self.path.push(name);
        Ok(())
    }

    fn text(&mut self, text: &str) {
        let left = OCTETS_MAX.saturating_sub(self.text.len());
        self.text.extend(text.chars().take(left));
    }

    fn close(&mut self) {
        let text = cleaned(&self.text);
        self.text.clear();
        self.kept = self.kept.saturating_add(text.len());
        let path: Vec<&str> = self.path.iter().skip(1).map(String::as_str).collect();
        match path.as_slice() {
            ["report_metadata", rest @ ..] => metadata(&mut self.report, rest, text),
            ["policy_published", name] => policy(&mut self.report, name, text),
            ["record"] => {
                let row = std::mem::take(&mut self.row);
                if self.report.rows.len() < ROWS_MAX && self.kept <= KEPT_MAX {
                    self.report.rows.push(row);
                } else {
                    let left_out = &mut self.report.left_out;
                    *left_out = left_out.saturating_add(row.count);
                }
            }
            ["record", rest @ ..] => record(&mut self.row, rest, text),
            _ => {}
        }
        self.path.pop();
    }

    fn end(self) -> Result<DmarcReport, Unread> {
        if !self.path.is_empty() {
            return Err(Unread::Damaged);
        }
        match self.seen && !self.report.policy.domain.is_empty() {
            true => Ok(self.report),
            false => Err(Unread::NoReport),
        }
    }
}

fn more<T: Default>(all: &mut Vec<T>) {
    // The last place takes what is too much.
    if all.len() < EACH_MAX {
        all.push(T::default());
    }
}

/// What people may be shown: no control characters, and not too many.
fn cleaned(text: &str) -> String {
    let plain = text.trim().chars().filter(|c| !c.is_control());
    plain.take(TEXT_MAX).collect()
}

fn number<T: std::str::FromStr + Default>(text: &str) -> T {
    text.parse().unwrap_or_default()
}

fn metadata(report: &mut DmarcReport, path: &[&str], text: String) {
    match path {
        ["org_name"] => report.organization = text,
        ["email"] => report.email = text,
        ["extra_contact_info"] => report.contact = text,
        ["report_id"] => report.report_id = text,
        ["generator"] => report.generator = text,
        ["date_range", "begin"] => report.begin = number(&text),
        ["date_range", "end"] => report.end = number(&text),
        ["error"] if report.errors.len() < ERRORS_MAX => report.errors.push(text),
        _ => {}
    }
}

fn policy(report: &mut DmarcReport, name: &str, text: String) {
    let policy = &mut report.policy;
    match name {
        "domain" => policy.domain = text,
        "p" => policy.p = text,
        "sp" => policy.sp = text,
        "np" => policy.np = text,
        "adkim" => policy.adkim = text,
        "aspf" => policy.aspf = text,
        "testing" => policy.testing = text,
        "fo" => policy.fo = text,
        "pct" => policy.pct = text,
        _ => {}
    }
}

fn record(row: &mut Row, path: &[&str], text: String) {
    match path {
        ["row", "source_ip"] => row.ip = text,
        ["row", "count"] => row.count = number(&text),
        ["row", "policy_evaluated", "disposition"] => row.disposition = text,
        ["row", "policy_evaluated", "dkim"] => row.dkim = text,
        ["row", "policy_evaluated", "spf"] => row.spf = text,
        ["row", "policy_evaluated", "reason", name] => {
            let last = row.reasons.last_mut();
            if let Some(Reason { kind, comment }) = last {
                match *name {
                    "type" => *kind = text,
                    "comment" => *comment = text,
                    _ => {}
                }
            }
        }
        ["identifiers", "header_from"] => row.header_from = text,
        ["identifiers", "envelope_from"] => row.envelope_from = Some(text),
        ["identifiers", "envelope_to"] => row.envelope_to = Some(text),
        ["auth_results", "dkim", name] => {
            let Some(one) = row.signatures.last_mut() else {
                return;
            };
            let Signature {
                domain,
                selector,
                result,
                why,
            } = one;
            match *name {
                "domain" => *domain = text,
                "selector" => *selector = text,
                "result" => *result = text,
                "human_result" => *why = text,
                _ => {}
            }
        }
        ["auth_results", "spf", name] => {
            let Some(Sender {
                domain,
                scope,
                result,
                why,
            }) = row.senders.last_mut()
            else {
                return;
            };
            match *name {
                "domain" => *domain = text,
                "scope" => *scope = text,
                "result" => *result = text,
                "human_result" => *why = text,
                _ => {}
            }
        }
        _ => {}
    }
}
