//! RFC 8621 §4.4.1: conditions on messages, judged from the state, then the summary, then the content.

use super::attached::Attached;
use super::search::{Envelope, Haystack, Words, body};
use crate::error::MethodError;
use crate::ident::Ids;
use crate::limit;
use crate::mail::tree::Tree;
use crate::sight::Sight;
use formats::message::{Summary, header};
use serde_json::{Map, Value};
use std::collections::HashMap;
use storage::{Keyword, MailboxId, State, ThreadId};

/// One property of a FilterCondition.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    /// `None`: an id that no mailbox has.
    InMailbox(Option<MailboxId>),
    InMailboxOtherThan(Vec<MailboxId>),
    Before(i64),
    After(i64),
    MinSize(u64),
    MaxSize(u64),
    AllInThread(Keyword),
    SomeInThread(Keyword),
    NoneInThread(Keyword),
    HasKeyword(Keyword),
    NotKeyword(Keyword),
    HasAttachment(bool),
    Text(Words),
    From(Words),
    To(Words),
    Cc(Words),
    Bcc(Words),
    Subject(Words),
    Body(Words),
    Header(String, Option<Words>),
}

pub(crate) type Filter = Tree<Test>;

/// `ids`: how mailboxes of the account are named.
pub(crate) fn read(filter: Option<&Value>, ids: Ids) -> Result<Filter, MethodError> {
    Tree::read(filter, &mut |map| condition(map, ids))
}

fn condition(map: &Map<String, Value>, ids: Ids) -> Result<Vec<Test>, MethodError> {
    map.iter()
        .map(|(key, value)| test(key, value, ids))
        .collect()
}

fn test(key: &str, value: &Value, named: Ids) -> Result<Test, MethodError> {
    let wrong = |expected: &str| MethodError::argument(&format!("filter/{key}"), expected);
    let text = || value.as_str().ok_or_else(|| wrong("a string"));
    let words = || Words::parse(text()?);
    let number = || value.as_u64().ok_or_else(|| wrong("a number"));
    let date = || formats::date::parse_utc(text()?).ok_or_else(|| wrong("a UTCDate"));
    let keyword = || Keyword::new(text()?).ok_or_else(|| wrong("a keyword"));
    Ok(match key {
        "inMailbox" => Test::InMailbox(named.parse_mailbox(text()?)),
        "inMailboxOtherThan" => {
            let ids = value.as_array().ok_or_else(|| wrong("a list of ids"))?;
            let ids: Option<Vec<&str>> = ids.iter().map(Value::as_str).collect();
            let ids = ids.ok_or_else(|| wrong("a list of ids"))?;
            let known = ids.into_iter().filter_map(|id| named.parse_mailbox(id));
            Test::InMailboxOtherThan(known.collect())
        }
        "before" => Test::Before(date()?),
        "after" => Test::After(date()?),
        "minSize" => Test::MinSize(number()?),
        "maxSize" => Test::MaxSize(number()?),
        "allInThreadHaveKeyword" => Test::AllInThread(keyword()?),
        "someInThreadHaveKeyword" => Test::SomeInThread(keyword()?),
        "noneInThreadHaveKeyword" => Test::NoneInThread(keyword()?),
        "hasKeyword" => Test::HasKeyword(keyword()?),
        "notKeyword" => Test::NotKeyword(keyword()?),
        "hasAttachment" => Test::HasAttachment(value.as_bool().ok_or_else(|| wrong("a boolean"))?),
        "text" => Test::Text(words()?),
        "from" => Test::From(words()?),
        "to" => Test::To(words()?),
        "cc" => Test::Cc(words()?),
        "bcc" => Test::Bcc(words()?),
        "subject" => Test::Subject(words()?),
        "body" => Test::Body(words()?),
        "header" => {
            let list = value.as_array().ok_or_else(|| wrong("a list of strings"))?;
            let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
            match texts.as_deref() {
                Some([name]) => Test::Header((*name).to_owned(), None),
                Some([name, text]) => Test::Header((*name).to_owned(), Some(Words::parse(text)?)),
                _ => return Err(wrong("one or two strings")),
            }
        }
        other => {
            return Err(MethodError::UnsupportedFilter(format!(
                "condition {other:?}"
            )));
        }
    })
}

/// For each thread and each keyword asked about: whether some and whether all of its messages have it.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    keywords: Vec<Keyword>,
    facts: HashMap<ThreadId, Vec<(bool, bool)>>,
}

impl Threads {
    /// Reads the account once, if any keyword is asked about at all.
    pub(crate) fn gather(mail: &Sight, keywords: Vec<Keyword>) -> Result<Self, MethodError> {
        let mut threads = Self {
            keywords,
            facts: HashMap::new(),
        };
        if threads.keywords.is_empty() {
            return Ok(threads);
        }
        let Self { keywords, facts } = &mut threads;
        mail.scan_all(&mut |state| {
            if !state.has(crate::mail::DELETED) {
                let fresh = || vec![(false, true); keywords.len()];
                let row = facts.entry(state.thread).or_insert_with(fresh);
                for (fact, keyword) in row.iter_mut().zip(keywords.iter()) {
                    let has = state.has(keyword.as_str());
                    *fact = (fact.0 || has, fact.1 && has);
                }
            }
            true
        })?;
        Ok(threads)
    }

    /// (some, all).
    pub(crate) fn of(&self, thread: ThreadId, keyword: &Keyword) -> (bool, bool) {
        let at = self.keywords.iter().position(|k| k == keyword);
        let fact = self
            .facts
            .get(&thread)
            .zip(at)
            .and_then(|(row, at)| row.get(at));
        fact.copied().unwrap_or((false, false))
    }
}

/// The keywords of the tests on threads.
pub(crate) fn thread_keywords(filter: &Filter) -> Vec<Keyword> {
    let of = |test: &&Test| match test {
        Test::AllInThread(k) | Test::SomeInThread(k) | Test::NoneInThread(k) => Some(k.clone()),
        _ => None,
    };
    filter.tests().iter().filter_map(of).collect()
}

/// The mailbox that every match must be in, when the filter says so.
pub(crate) fn only_mailbox(filter: &Filter) -> Option<Option<MailboxId>> {
    filter.required().into_iter().find_map(|t| match t {
        Test::InMailbox(id) => Some(*id),
        _ => None,
    })
}

/// What the state alone says.
pub(crate) fn by_state(test: &Test, state: &State, threads: &Threads) -> Option<bool> {
    Some(match test {
        Test::InMailbox(id) => id.is_some_and(|m| state.uid(m).is_some()),
        Test::InMailboxOtherThan(ids) => state.mailboxes.iter().any(|(m, _)| !ids.contains(m)),
        Test::Before(at) => state.received_at < *at,
        Test::After(at) => state.received_at >= *at,
        Test::MinSize(octets) => state.size >= *octets,
        Test::MaxSize(octets) => state.size < *octets,
        Test::AllInThread(k) => threads.of(state.thread, k).1,
        Test::SomeInThread(k) => threads.of(state.thread, k).0,
        Test::NoneInThread(k) => !threads.of(state.thread, k).0,
        Test::HasKeyword(k) => state.has(k.as_str()),
        Test::NotKeyword(k) => !state.has(k.as_str()),
        Test::HasAttachment(flag) => state.has_attachment == *flag,
        _ => return None,
    })
}

/// What the summary adds, and what is known of attached files. `header` on fields that the summary does not hold, and
/// bodies, stay open.
fn by_envelope(test: &Test, envelope: &Envelope, attached: &Haystack) -> Option<bool> {
    match test {
        Test::From(words) => Some(words.all_in(&[&envelope.from])),
        Test::To(words) => Some(words.all_in(&[&envelope.to])),
        Test::Cc(words) => Some(words.all_in(&[&envelope.cc])),
        Test::Bcc(words) => Some(words.all_in(&[&envelope.bcc])),
        Test::Subject(words) => Some(words.all_in(&[&envelope.subject])),
        Test::Text(words) => {
            let mut hay = envelope.everywhere().to_vec();
            hay.push(attached);
            words.all_in(&hay).then_some(true)
        }
        Test::Body(words) => words.all_in(&[attached]).then_some(true),
        _ => None,
    }
}

fn by_content(
    test: &Test,
    envelope: &Envelope,
    texts: [&Haystack; 2],
    head: &[u8],
) -> Option<bool> {
    match test {
        Test::Body(words) => Some(words.all_in(&texts)),
        Test::Text(words) => {
            let mut hay = envelope.everywhere().to_vec();
            hay.extend(texts);
            Some(words.all_in(&hay))
        }
        Test::Header(name, words) => {
            let mut fields = header::fields(head).filter(|f| f.is(name));
            Some(match words {
                None => fields.next().is_some(),
                Some(words) => {
                    fields.any(|f| words.all_in(&[&Haystack::new(header::text(f.value))]))
                }
            })
        }
        _ => None,
    }
}

/// How much content the queries of one request may still read.
pub(crate) struct Budget {
    messages: usize,
    octets: u64,
    attached: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            messages: limit::SEARCH_CONTENTS_MAX,
            octets: limit::SEARCH_CONTENT_OCTETS_MAX,
            attached: limit::SEARCH_ATTACHED_MAX,
        }
    }
}

impl Budget {
    fn spend(&mut self, octets: u64) -> bool {
        let left = self
            .messages
            .checked_sub(1)
            .zip(self.octets.checked_sub(octets));
        match left {
            Some((messages, octets)) => {
                (self.messages, self.octets) = (messages, octets);
                true
            }
            None => false,
        }
    }

    fn spend_attached(&mut self) -> bool {
        let left = self.attached.checked_sub(1);
        self.attached = left.unwrap_or(0);
        left.is_some()
    }
}

/// Judges what the state left open. Past the budget, bodies count as not matching.
pub(crate) fn by_reading(
    filter: &Filter,
    mail: &Sight,
    (state, summary): (&State, &Summary),
    (threads, attached): (&Threads, &Attached),
    budget: &mut Budget,
) -> Result<bool, MethodError> {
    let envelope = Envelope::of(summary);
    let attached = match attached.may_have(state.email) && budget.spend_attached() {
        true => mail.attached_text(state.email).unwrap_or_default(),
        false => String::new(),
    };
    let attached = Haystack::new(attached);
    let mut cheap =
        |t: &Test| by_state(t, state, threads).or_else(|| by_envelope(t, &envelope, &attached));
    if let Some(verdict) = filter.judge(&mut cheap) {
        return Ok(verdict);
    }
    if !budget.spend(state.size) {
        let mut closed = |t: &Test| cheap(t).or(Some(false));
        return Ok(filter.judge(&mut closed) == Some(true));
    }
    let raw = match mail.content(state.email) {
        Err(storage::Error::NotFound | storage::Error::Expunged) => return Ok(false),
        // What is known of it may match; its body does not.
        Err(storage::Error::Damaged(_)) => {
            let mut known = |t: &Test| cheap(t).or(Some(false));
            return Ok(filter.judge(&mut known) == Some(true));
        }
        other => other?,
    };
    let head = &raw[..raw.len().min(summary.header_size as usize)];
    let text = Haystack::new(body(summary, &raw));
    let mut full =
        |t: &Test| cheap(t).or_else(|| by_content(t, &envelope, [&text, &attached], head));
    Ok(filter.judge(&mut full) == Some(true))
}
