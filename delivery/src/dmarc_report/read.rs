//! A report that others wrote, in the XML of RFC 9990, RFC 7489 or what was before them. Elements are known by their
//! names alone; what is not known is passed over. Of XML only what a report needs is read: a document type that says
//! more than its name, and could define entities that stand for each other a million times, is refused, and no entity
//! but XML's own is known.

use super::{DmarcReport, ROWS_MAX, Reason, Row, Sender, Signature, charset};
use formats::text::steers;
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
    /// More octets than are looked at.
    TooLarge,
    /// It cannot be unpacked, or unpacks to more than is read.
    Packed,
    /// Its characters are of a set that is not known here.
    Charset,
    /// It is no XML, or damaged.
    Damaged,
    /// It has a document type that may define entities, or entities of its own.
    Defines,
    /// More elements within each other than any report has.
    TooDeep,
    /// It is XML, and no report.
    NoReport,
    /// Its numbers cannot be: below zero, no numbers at all, or larger than any.
    Numbers,
    /// It tells of a time that cannot be, or that is long gone.
    Times,
}

impl Unread {
    /// In one word, for programs.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Packed => "packed",
            Self::Charset => "charset",
            Self::Damaged => "damaged",
            Self::Defines => "entities",
            Self::TooDeep => "too_deep",
            Self::NoReport => "no_report",
            Self::Numbers => "numbers",
            Self::Times => "times",
        }
    }
}

/// The report.
pub(crate) fn read(xml: &[u8]) -> Result<DmarcReport, Unread> {
    let text = charset::text(xml).ok_or(Unread::Charset)?;
    let mut reader = Reader::from_str(&text);
    let mut reading = Reading::default();
    loop {
        match reader.read_event().map_err(|_| Unread::Damaged)? {
            Event::Start(tag) => reading.open(&tag)?,
            Event::Empty(tag) => {
                reading.open(&tag)?;
                reading.close()?;
            }
            Event::End(_) => reading.close()?,
            Event::Text(text) => reading.text(&text.xml10_content()),
            Event::CData(text) => reading.text(&text.xml10_content()),
            Event::GeneralRef(name) => reading.text(entity(&name)?.encode_utf8(&mut [0; 4])),
            Event::DocType(of) if is_name(&of) => {}
            Event::DocType(_) => return Err(Unread::Defines),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    reading.end()
}

/// XML 1.0 §2.8: whether a document type says nothing but which element is the outermost.
fn is_name(of: &str) -> bool {
    let name = of.trim();
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(&b))
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

    fn close(&mut self) -> Result<(), Unread> {
        let text = cleaned(&self.text);
        self.text.clear();
        self.kept = self.kept.saturating_add(text.len());
        let path: Vec<&str> = self.path.iter().skip(1).map(String::as_str).collect();
        match path.as_slice() {
            ["report_metadata", rest @ ..] => metadata(&mut self.report, rest, text)?,
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
            ["record", rest @ ..] => record(&mut self.row, rest, text)?,
            _ => {}
        }
        self.path.pop();
        Ok(())
    }

    fn end(self) -> Result<DmarcReport, Unread> {
        if !self.path.is_empty() {
            return Err(Unread::Damaged);
        }
        if !self.seen || self.report.policy.domain.is_empty() {
            return Err(Unread::NoReport);
        }
        match self.report.can_be_counted() {
            true => Ok(self.report),
            false => Err(Unread::Numbers),
        }
    }
}

fn more<T: Default>(all: &mut Vec<T>) {
    // The last place takes what is too much.
    if all.len() < EACH_MAX {
        all.push(T::default());
    }
}

/// What people may be shown: no characters that steer, and not too many.
fn cleaned(text: &str) -> String {
    let plain = text.trim().chars().filter(|c| !steers(*c));
    plain.take(TEXT_MAX).collect()
}

fn number<T: std::str::FromStr>(text: &str, why: Unread) -> Result<T, Unread> {
    text.parse().map_err(|_| why)
}

fn metadata(report: &mut DmarcReport, path: &[&str], text: String) -> Result<(), Unread> {
    match path {
        ["org_name"] => report.organization = text,
        ["email"] => report.email = text,
        ["extra_contact_info"] => report.contact = text,
        ["report_id"] => report.report_id = text,
        ["generator"] => report.generator = text,
        ["date_range", "begin"] => report.begin = number(&text, Unread::Times)?,
        ["date_range", "end"] => report.end = number(&text, Unread::Times)?,
        ["error"] if report.errors.len() < ERRORS_MAX => report.errors.push(text),
        _ => {}
    }
    Ok(())
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

fn record(row: &mut Row, path: &[&str], text: String) -> Result<(), Unread> {
    match path {
        ["row", "source_ip"] => row.ip = text,
        ["row", "count"] => row.count = number(&text, Unread::Numbers)?,
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
                return Ok(());
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
                return Ok(());
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
    Ok(())
}
