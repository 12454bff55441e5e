//! RFC 8621 §4.4.2: comparators of messages.

use super::filter::Threads;
use crate::error::MethodError;
use crate::{discovery, limit, mail};
use formats::message::{Person, Summary, person, thread};
use serde::Deserialize;
use serde_json::Value;
use std::cmp::Ordering;
use storage::{Keyword, State};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawComparator {
    property: String,
    #[serde(default = "yes")]
    is_ascending: bool,
    collation: Option<String>,
    keyword: Option<String>,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone)]
enum By {
    ReceivedAt,
    SentAt,
    Size,
    From,
    To,
    Subject,
    Keyword(Keyword),
    AllInThread(Keyword),
    SomeInThread(Keyword),
}

/// One comparator.
#[derive(Debug, Clone)]
pub(crate) struct Comparator {
    by: By,
    ascending: bool,
}

/// What one comparator compares.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Flag(bool),
    Number(i64),
    Text(Vec<u8>),
}

/// Reads a sort. None given: the newest first, as people read mail.
pub(crate) fn read(sort: Option<&Value>) -> Result<Vec<Comparator>, MethodError> {
    let wrong = |e: serde_json::Error| MethodError::InvalidArguments(format!("sort: {e}"));
    let raw: Option<Vec<RawComparator>> = match sort {
        None => None,
        Some(value) => serde_json::from_value(value.clone()).map_err(wrong)?,
    };
    let raw = raw.unwrap_or_default();
    if raw.len() > limit::SORT_MAX {
        return Err(MethodError::UnsupportedSort("too many comparators".into()));
    }
    if raw.is_empty() {
        let newest = Comparator {
            by: By::ReceivedAt,
            ascending: false,
        };
        return Ok(vec![newest]);
    }
    raw.into_iter().map(comparator).collect()
}

fn comparator(raw: RawComparator) -> Result<Comparator, MethodError> {
    let collation = raw.collation.as_deref();
    if collation.is_some_and(|c| !discovery::COLLATIONS.contains(&c)) {
        return Err(MethodError::UnsupportedSort("collation".into()));
    }
    let keyword = || {
        let text = raw.keyword.as_deref().unwrap_or_default();
        Keyword::new(text).ok_or_else(|| MethodError::argument("sort/keyword", "a keyword"))
    };
    let by = match raw.property.as_str() {
        "receivedAt" => By::ReceivedAt,
        "sentAt" => By::SentAt,
        "size" => By::Size,
        "from" => By::From,
        "to" => By::To,
        "subject" => By::Subject,
        "hasKeyword" => By::Keyword(keyword()?),
        "allInThreadHaveKeyword" => By::AllInThread(keyword()?),
        "someInThreadHaveKeyword" => By::SomeInThread(keyword()?),
        other => return Err(MethodError::UnsupportedSort(other.to_owned())),
    };
    debug_assert!(mail::SORT_OPTIONS.contains(&raw.property.as_str()));
    Ok(Comparator {
        by,
        ascending: raw.is_ascending,
    })
}

/// The keywords of the comparators on threads.
pub(crate) fn thread_keywords(sort: &[Comparator]) -> Vec<Keyword> {
    let of = |c: &Comparator| match &c.by {
        By::AllInThread(k) | By::SomeInThread(k) => Some(k.clone()),
        _ => None,
    };
    sort.iter().filter_map(of).collect()
}

/// Whether summaries are needed to sort.
pub(crate) fn needs_summary(sort: &[Comparator]) -> bool {
    sort.iter()
        .any(|c| matches!(c.by, By::From | By::To | By::Subject))
}

/// A message's keys, as far as its state has them; texts are filled in by [`text_keys`].
pub(crate) fn keys(sort: &[Comparator], state: &State, threads: &Threads) -> Vec<Key> {
    let key = |c: &Comparator| match &c.by {
        By::ReceivedAt => Key::Number(state.received_at),
        By::SentAt => Key::Number(state.sent_at),
        By::Size => Key::Number(i64::try_from(state.size).unwrap_or(i64::MAX)),
        By::Keyword(k) => Key::Flag(state.has(k.as_str())),
        By::AllInThread(k) => Key::Flag(threads.of(state.thread, k).1),
        By::SomeInThread(k) => Key::Flag(threads.of(state.thread, k).0),
        By::From | By::To | By::Subject => Key::Text(Vec::new()),
    };
    sort.iter().map(key).collect()
}

/// Fills in the keys that only the summary has.
pub(crate) fn text_keys(sort: &[Comparator], summary: &Summary, keys: &mut [Key]) {
    for (comparator, key) in sort.iter().zip(keys) {
        let text = match comparator.by {
            By::From => first(&summary.head.from),
            By::To => first(&summary.head.to),
            By::Subject => {
                thread::base_subject(summary.head.subject.as_deref().unwrap_or_default())
            }
            _ => continue,
        };
        *key = Key::Text(formats::text::key(&text));
    }
}

/// RFC 8621 §4.4.2: the name of the first one, else the address, else nothing.
fn first(people: &[Person]) -> String {
    let groups = person::grouped(people);
    let first = groups.into_iter().flat_map(|g| g.addresses).next();
    let text = first.map(|a| a.name.filter(|n| !n.is_empty()).unwrap_or(a.email));
    text.unwrap_or_default()
}

/// RFC 8620 §5.5: the first comparator that tells them apart.
pub(crate) fn compare(sort: &[Comparator], a: &[Key], b: &[Key]) -> Ordering {
    let pairs = sort.iter().zip(a.iter().zip(b));
    let ordered = pairs.map(|(c, (a, b))| if c.ascending { a.cmp(b) } else { b.cmp(a) });
    ordered.fold(Ordering::Equal, Ordering::then)
}

/// Equal messages stand in the order of arrival, in the direction of the first comparator.
pub(crate) fn ascending(sort: &[Comparator]) -> bool {
    sort.first().is_none_or(|c| c.ascending)
}
