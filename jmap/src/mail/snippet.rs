//! RFC 8621 §5.1 SearchSnippet/get: where the words of a search were found.

use crate::error::MethodError;
use crate::mail::email::filter::{self, Test};
use crate::mail::email::property::subject;
use crate::mail::email::search::{self, Words};
use crate::mail::email::visible;
use crate::request::{Arguments, Turn};
use crate::standard;
use directory::Right;
use serde::Deserialize;
use serde_json::{Value, json};
use std::cell::OnceCell;
use std::ops::Range;

/// RFC 8621 §5: octets of a preview, marks included.
const PREVIEW_MAX: usize = 255;
/// Octets shown before the first word found.
const LEAD: usize = 60;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SnippetArguments {
    account_id: String,
    filter: Option<Value>,
    email_ids: Vec<String>,
}

pub(crate) fn get(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: SnippetArguments = standard::read(arguments)?;
    let mail = turn.mail(&arguments.account_id, Right::Read)?;
    let filter = filter::read(arguments.filter.as_ref(), mail.ids())?;
    let (mut in_subject, mut in_body) = (Vec::new(), Vec::new());
    for test in filter.tests() {
        match test {
            Test::Text(words) => {
                in_subject.push(words);
                in_body.push(words);
            }
            Test::Subject(words) => in_subject.push(words),
            Test::Body(words) => in_body.push(words),
            _ => {}
        }
    }
    let (mut list, mut not_found) = (Vec::new(), Vec::new());
    for id in standard::wanted(arguments.email_ids)? {
        let Some(state) = visible(&mail, &id)? else {
            not_found.push(id);
            continue;
        };
        let summary = mail.summary(state.email)?;
        let title = subject(&summary).unwrap_or_default();
        let preview = if in_body.is_empty() {
            None
        } else {
            // RFC 8621 §5: null where no snippet can be made, as of a damaged message.
            match mail.content(state.email) {
                Err(storage::Error::Damaged(_)) => None,
                content => {
                    let text = search::body(&summary, &content?);
                    // Where the letter does not have them, the files that came with it may.
                    snippet(&text, &found(&text, &in_body)).or_else(|| {
                        let text = turn.search.attached_text(&mail, state.email)?;
                        snippet(&text, &found(&text, &in_body))
                    })
                }
            }
        };
        let marks = found(&title, &in_subject);
        let marked = (!marks.is_empty()).then(|| mark(&title, &marks, 0, usize::MAX));
        list.push(json!({"emailId": id, "subject": marked, "preview": preview}));
    }
    Ok(json!({
        "accountId": arguments.account_id,
        "list": list,
        "notFound": if not_found.is_empty() { Value::Null } else { json!(not_found) },
    }))
}

/// Where the words stand in the text, in order, without overlap: as they were typed, or where one is nowhere written so,
/// in other spellings.
fn found(text: &str, words: &[&Words]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let (typed, bare) = (Mapped::new(text, false), OnceCell::new());
    for term in words.iter().flat_map(|w| w.terms()) {
        let before = ranges.len();
        typed.find(&term.typed, &mut ranges);
        if ranges.len() == before {
            let bare = bare.get_or_init(|| Mapped::new(text, true));
            bare.find(&term.bare, &mut ranges);
        }
    }
    ranges.sort_by_key(|r| (r.start, r.end));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// A text mapped for comparison, and for each of its octets (and its end) the offset in the text it came from.
struct Mapped {
    text: String,
    origin: Vec<usize>,
}

impl Mapped {
    fn new(text: &str, bare: bool) -> Self {
        let (mut out, mut origin) = (String::with_capacity(text.len()), Vec::new());
        let mut one = [0u8; 4];
        for (at, c) in text.char_indices() {
            let c = &*c.encode_utf8(&mut one);
            let mapped = if bare {
                formats::text::fold(c)
            } else {
                formats::text::casemap(c)
            };
            origin.extend(std::iter::repeat_n(at, mapped.len()));
            out.push_str(&mapped);
        }
        origin.push(text.len());
        Self { text: out, origin }
    }

    fn find(&self, needle: &str, ranges: &mut Vec<Range<usize>>) {
        if needle.is_empty() {
            return;
        }
        for (at, _) in self.text.match_indices(needle) {
            ranges.push(self.origin[at]..self.origin[at + needle.len()]);
        }
    }
}

/// The text around the first word found.
fn snippet(text: &str, ranges: &[Range<usize>]) -> Option<String> {
    let first = ranges.first()?;
    let mut start = first.start.saturating_sub(LEAD);
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    // Begin with a whole word where there is one.
    if start > 0
        && let Some(space) = text[start..first.start].find(' ')
    {
        start += space + 1;
    }
    Some(mark(text, ranges, start, PREVIEW_MAX))
}

/// Escapes the text and wraps the ranges in `<mark>`; at most `max` octets in all.
fn mark(text: &str, ranges: &[Range<usize>], from: usize, max: usize) -> String {
    const OPEN: &str = "<mark>";
    const CLOSE: &str = "</mark>";
    let mut out = String::new();
    let mut open = false;
    let inside = |at: usize| ranges.iter().any(|r| r.contains(&at));
    let mut one = [0u8; 4];
    for (at, c) in text[from..].char_indices() {
        let written = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            c => &*c.encode_utf8(&mut one),
        };
        let within = inside(from + at);
        let turn = match (open, within) {
            (false, true) => OPEN,
            (true, false) => CLOSE,
            _ => "",
        };
        let closing = if within { CLOSE.len() } else { 0 };
        if out.len() + turn.len() + written.len() + closing > max {
            break;
        }
        out.push_str(turn);
        out.push_str(written);
        open = within;
    }
    if open {
        out.push_str(CLOSE);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(search: &str, text: &str, expected: &str) {
        let words = Words::parse(search).unwrap();
        let ranges = found(text, &[&words]);
        assert_eq!(mark(text, &ranges, 0, usize::MAX), expected);
    }

    #[test]
    fn words_are_marked_where_they_stand() {
        check(
            "cong van",
            "Công văn <số 1>",
            "<mark>Công</mark> <mark>văn</mark> &lt;số 1&gt;",
        );
        check("Văn", "van Văn", "van <mark>Văn</mark>");
        check("Vân", "van Văn", "<mark>van</mark> <mark>Văn</mark>");
        check("van", "Văn van", "Văn <mark>van</mark>");
        check("ab bc", "abc", "<mark>abc</mark>");
        check("x", "abc", "abc");
    }

    #[test]
    fn previews_are_bounded() {
        let text = format!("{} Chiêm Hóa {}", "trước ".repeat(100), "sau ".repeat(200));
        let words = Words::parse("chiem").unwrap();
        let preview = snippet(&text, &found(&text, &[&words])).unwrap();
        assert!(preview.len() <= PREVIEW_MAX, "{}", preview.len());
        assert!(preview.starts_with("trước ") && preview.contains("<mark>Chiêm</mark> Hóa"));
    }
}
