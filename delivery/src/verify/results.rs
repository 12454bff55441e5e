//! RFC 8601: what was found out, as a field of the message and as words of its timeline.

use super::{Disposition, Evidence, Spf, Wish};
use formats::message::header::{Field, fields};
use std::borrow::Cow;
use std::fmt::Write as _;

/// The field.
const NAME: &str = "Authentication-Results";
/// Characters of a value in it.
const VALUE_MAX: usize = 253;

impl Evidence {
    /// The field with its line end, as this host says it.
    pub(crate) fn field(&self, host: &str, became: Disposition) -> String {
        let mut out = format!("{NAME}: {host}");
        for spf in std::iter::once(&self.spf).chain(&self.helo) {
            let (word, of, name) = (spf.result.word(), identity(spf), value(&spf.domain));
            let _ = write!(out, ";\r\n\tspf={word} {of}={name}");
        }
        if self.dkim.is_empty() {
            out.push_str(";\r\n\tdkim=none");
        }
        for one in &self.dkim {
            let _ = write!(out, ";\r\n\tdkim={}", one.result.word());
            if !one.why.is_empty() {
                let _ = write!(out, " ({})", one.why);
            }
            let _ = write!(
                out,
                " header.d={} header.s={}",
                value(&one.domain),
                value(&one.selector)
            );
            // RFC 6008 §4.
            if !one.begin.is_empty() {
                let _ = write!(out, " header.b={}", quoted(&one.begin));
            }
        }
        let dmarc = &self.dmarc;
        let _ = write!(
            out,
            ";\r\n\tdmarc={} (p={} dis={})",
            dmarc.result.word(),
            dmarc.said.word(),
            became.word()
        );
        if !dmarc.domain.is_empty() {
            let _ = write!(out, " header.from={}", value(&dmarc.domain));
        }
        out.push_str("\r\n");
        out
    }

    /// The same for the timeline.
    pub(crate) fn checks(&self, became: Disposition) -> Vec<String> {
        let (spf, dmarc) = (&self.spf, &self.dmarc);
        let mut all = vec![format!("spf={} {}", spf.result.word(), value(&spf.domain))];
        if let Some(helo) = &self.helo {
            let (word, name) = (helo.result.word(), value(&helo.domain));
            all.push(format!("helo={word} {name}"));
        }
        all.extend(self.dkim.iter().map(|one| {
            let why = if one.why.is_empty() { "" } else { ": " };
            format!(
                "dkim={} {}{why}{}",
                one.result.word(),
                value(&one.domain),
                one.why
            )
        }));
        let mut said = format!("dmarc={} {}", dmarc.result.word(), value(&dmarc.domain));
        if dmarc.said != Wish::None {
            let _ = write!(said, ", its policy is {}", dmarc.said.word());
        }
        all.push(said);
        if became.0 == Wish::Quarantine {
            all.push("put into Junk".into());
        }
        all
    }
}

/// RFC 8601 §2.7.2.
fn identity(spf: &Spf) -> &'static str {
    match spf.by_helo {
        true => "smtp.helo",
        false => "smtp.mailfrom",
    }
}

/// A name as it may stand in the field: what others wrote is no part of its syntax.
fn value(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    let kept = text.chars().take(VALUE_MAX);
    let name: String = kept.map(|c| if fits(c) { c } else { '?' }).collect();
    match name.is_empty() {
        true => "unknown".into(),
        false if name.contains([':', '[', ']', '?']) => format!("\"{name}\""),
        false => name,
    }
}

/// Characters of base64 are no token (RFC 2045 §5.1).
fn quoted(text: &str) -> String {
    let fits = |c: &char| c.is_ascii_alphanumeric() || "+/=".contains(*c);
    format!("\"{}\"", text.chars().filter(fits).collect::<String>())
}

/// RFC 8601 §2.2: whether a field is one of results, said by this host.
fn is_said_by(field: &Field<'_>, host: &str) -> bool {
    field.is(NAME) && name(without_comments(field).split(';').next()).eq_ignore_ascii_case(host)
}

/// Whether a field claims that this host found out who sent the message: as results, as those of a chain (RFC 8617 §4.1.1),
/// where an instance stands before the name, or as what SPF said (RFC 7208 §9.1), which this host never writes.
fn claims(field: &Field<'_>, host: &str) -> bool {
    if field.is("ARC-Authentication-Results") {
        return name(without_comments(field).split(';').nth(1)).eq_ignore_ascii_case(host);
    }
    if field.is("Received-SPF") {
        let text = without_comments(field);
        let mut pairs = text.split([';', ' ', '\t', '\r', '\n']);
        let receiver = pairs.find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            key.eq_ignore_ascii_case("receiver").then_some(value)
        });
        return name(receiver).eq_ignore_ascii_case(host);
    }
    is_said_by(field, host)
}

fn without_comments(field: &Field<'_>) -> String {
    let mut depth = 0_usize;
    let text = String::from_utf8_lossy(field.value);
    let kept = text.chars().filter(|c| match c {
        '(' => {
            depth += 1;
            false
        }
        ')' => {
            depth = depth.saturating_sub(1);
            false
        }
        _ => depth == 0,
    });
    kept.collect()
}

/// A host's name, as readers understand it who are less strict than RFC 8601 §2.2: a version or a dot behind it makes
/// it no other.
fn name(said: Option<&str>) -> String {
    let first = said.and_then(|said| said.split_whitespace().next());
    let bare = first.unwrap_or_default().replace(['"', '\\'], "");
    let (bare, _) = bare.split_once('/').unwrap_or((&bare, ""));
    bare.trim_end_matches('.').to_owned()
}

/// RFC 8601 §5: the message without what others say in this host's name.
pub(crate) fn without_forged<'a>(message: &'a [u8], host: &str) -> Cow<'a, [u8]> {
    let mut forged: Vec<&[u8]> = fields(message)
        .filter(|field| claims(field, host))
        .map(|field| field.raw)
        .collect();
    if forged.is_empty() {
        return Cow::Borrowed(message);
    }
    let begin = message.as_ptr() as usize;
    let mut out = Vec::with_capacity(message.len());
    let mut at = 0;
    for raw in forged.drain(..) {
        let from = raw.as_ptr() as usize - begin;
        out.extend_from_slice(&message[at..from]);
        at = from + raw.len();
    }
    out.extend_from_slice(&message[at..]);
    Cow::Owned(out)
}

/// What this host found out of who sent a stored message, as far as that decides whether its sender is told anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) spf_passes: bool,
    pub(crate) spf_fails: bool,
    /// The domain thinks that it did not send it (`~all`), and no DMARC says that it did.
    pub(crate) spf_doubts: bool,
    pub(crate) dmarc_fails: bool,
}

/// The same, as it wrote it into the message; `None`: it did not look, or somebody here sent it.
pub(crate) fn said(stored: &[u8], host: &str) -> Option<Said> {
    let own = fields(stored).find(|field| is_said_by(field, host))?;
    let text = String::from_utf8_lossy(own.value);
    // The first of a method counts: that of the greeting comes after that of the reverse-path.
    let is = |method: &str, result: &str| {
        let mut all = text.split(';').map(str::trim);
        let first = all.find_map(|part| part.strip_prefix(method)?.strip_prefix('='));
        first.and_then(|said| said.split_whitespace().next()) == Some(result)
    };
    Some(Said {
        spf_passes: is("spf", "pass"),
        spf_fails: is("spf", "fail"),
        spf_doubts: is("spf", "softfail") && !is("dmarc", "pass"),
        dmarc_fails: is("dmarc", "fail"),
    })
}

/// Whether this host, when it took the stored message, found that it belongs into Junk.
#[must_use]
pub fn quarantined(stored: &[u8], host: &str) -> bool {
    let own = fields(stored).find(|field| is_said_by(field, host));
    own.is_some_and(|field| {
        let said = String::from_utf8_lossy(field.value);
        said.contains(" dis=quarantine)")
    })
}
