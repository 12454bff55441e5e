//! RFC 8621 §4.4.1: conditions on messages, judged from the state, then the summary, then the content.

use super::known::Known;
use super::search::{Envelope, Haystack, OTHER, Rank, TYPED, Words, sought_body};
use crate::error::MethodError;
use crate::ident::Ids;
use crate::limit;
use crate::mail::tree::Tree;
use crate::sight::Sight;
use formats::message::{Summary, header};
use serde_json::{Map, Value};
use std::collections::HashMap;
use storage::{EmailId, Keyword, MailboxId, State, ThreadId};

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
fn by_envelope(
    test: &Test,
    envelope: &Envelope,
    attached: &Haystack,
    (known, email): (&Known<'_>, EmailId),
) -> Option<bool> {
    match test {
        Test::From(words) => Some(words.all_in(&[&envelope.from])),
        Test::To(words) => Some(words.all_in(&[&envelope.to])),
        Test::Cc(words) => Some(words.all_in(&[&envelope.cc])),
        Test::Bcc(words) => Some(words.all_in(&[&envelope.bcc])),
        Test::Subject(words) => Some(words.all_in(&[&envelope.subject])),
        Test::Text(words) => {
            let mut hay = envelope.everywhere().to_vec();
            hay.push(attached);
            match words.all_in(&hay) {
                true => Some(true),
                // Its content need not be read.
                false => (!known.may_stand_inside(test, email, &hay)).then_some(false),
            }
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

/// The words that a test looks for.
fn words(test: &Test) -> Option<&Words> {
    match test {
        Test::Text(words)
        | Test::From(words)
        | Test::To(words)
        | Test::Cc(words)
        | Test::Bcc(words)
        | Test::Subject(words)
        | Test::Body(words) => Some(words),
        _ => None,
    }
}

/// Whether words are looked for, so that some messages come nearer to them than others.
pub(crate) fn has_words(filter: &Filter) -> bool {
    filter.tests().into_iter().any(|test| words(test).is_some())
}

/// Whether what it finds depends on texts of which the store learns later, as on those of attached files, or on how many
/// contents are read for it.
pub(crate) fn looks_into_contents(filter: &Filter) -> bool {
    let looks = |test: &&Test| matches!(test, Test::Text(_) | Test::Body(_) | Test::Header(..));
    filter.tests().iter().any(looks)
}

/// What a test that looks for no words adds to the order: nothing where it holds.
pub(crate) fn rank_by_state(test: &Test, state: &State, threads: &Threads) -> Option<Rank> {
    match (words(test), by_state(test, state, threads)) {
        (Some(_), _) => None,
        (None, Some(false)) => Some(OTHER),
        (None, _) => Some(TYPED),
    }
}

/// How near the texts that were read come to what was typed.
fn rank_by_texts(test: &Test, envelope: &Envelope, texts: &[&Haystack]) -> Rank {
    let of = |words: &Words, hay: &Haystack| words.rank(&[hay]);
    match test {
        Test::From(words) => of(words, &envelope.from),
        Test::To(words) => of(words, &envelope.to),
        Test::Cc(words) => of(words, &envelope.cc),
        Test::Bcc(words) => of(words, &envelope.bcc),
        Test::Subject(words) => of(words, &envelope.subject),
        Test::Body(words) => words.rank(texts),
        Test::Text(words) => {
            let mut hay = envelope.everywhere().to_vec();
            hay.extend(texts);
            words.rank(&hay)
        }
        _ => TYPED,
    }
}

/// How much the queries of one request may still ask the index for, and how much content they may still read.
pub(crate) struct Budget {
    words: usize,
    named: usize,
    messages: usize,
    octets: u64,
    attached: usize,
    attached_octets: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            words: limit::SEARCH_KNOWN_WORDS_MAX,
            named: limit::SEARCH_KNOWN_MESSAGES_MAX,
            messages: limit::SEARCH_CONTENTS_MAX,
            octets: limit::SEARCH_CONTENT_OCTETS_MAX,
            attached: limit::SEARCH_ATTACHED_MAX,
            attached_octets: limit::SEARCH_ATTACHED_OCTETS_MAX,
        }
    }
}

impl Budget {
    /// Whether the index may be asked for one more word.
    pub(super) fn ask(&mut self) -> bool {
        let left = self.words.checked_sub(1).filter(|_| self.named > 0);
        self.words = left.unwrap_or(self.words);
        left.is_some()
    }

    /// It named so many messages.
    pub(super) fn named(&mut self, messages: usize) {
        self.named = self.named.saturating_sub(messages);
    }

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

    /// The text of a message's attached files; empty past the budget, which the last one may pass.
    pub(crate) fn attached_text(&mut self, mail: &Sight, email: EmailId) -> Option<String> {
        if self.attached_octets == 0 {
            return None;
        }
        self.attached = self.attached.checked_sub(1)?;
        let text = mail.attached_text(email)?;
        self.attached_octets = self.attached_octets.saturating_sub(text.len() as u64);
        Some(text)
    }
}

/// What is known before a message is looked into.
pub(crate) struct Clues<'q> {
    pub(crate) threads: Threads,
    pub(crate) known: Known<'q>,
}

/// What the clues and the state say of a test.
pub(crate) fn by_clues(test: &Test, state: &State, clues: &Clues<'_>) -> Option<bool> {
    by_state(test, state, &clues.threads).or_else(|| clues.known.verdict(test, state.email))
}

/// How near a message that matches comes to what was typed, as far as the clues tell.
pub(crate) fn rank_by_clues(filter: &Filter, state: &State, clues: &Clues<'_>) -> Option<Rank> {
    filter.rank(&mut |test| {
        rank_by_state(test, state, &clues.threads).or_else(|| clues.known.rank(test, state.email))
    })
}

/// Judges what the state left open: how near it comes, or `None` where it does not match. Past the budget, bodies count
/// as not matching.
pub(crate) fn by_reading(
    filter: &Filter,
    mail: &Sight,
    (state, summary): (&State, &Summary),
    clues: &Clues<'_>,
    budget: &mut Budget,
) -> Result<Option<Rank>, MethodError> {
    let envelope = Envelope::of(summary);
    let attached = match clues.known.may_have_attached(state.email) {
        true => budget.attached_text(mail, state.email),
        false => None,
    };
    let attached = Haystack::new(attached.unwrap_or_default());
    let ranked = |texts: &[&Haystack]| {
        filter.rank(&mut |test| {
            let by_clues = rank_by_state(test, state, &clues.threads)
                .or_else(|| clues.known.rank(test, state.email));
            Some(by_clues.unwrap_or_else(|| rank_by_texts(test, &envelope, texts)))
        })
    };
    let ranked = |texts: &[&Haystack]| ranked(texts).unwrap_or(OTHER);
    let known = (&clues.known, state.email);
    let mut cheap = |t: &Test| {
        by_clues(t, state, clues).or_else(|| by_envelope(t, &envelope, &attached, known))
    };
    if let Some(verdict) = filter.judge(&mut cheap) {
        return Ok(verdict.then(|| ranked(&[&attached])));
    }
    let mut known = |t: &Test| cheap(t).or(Some(false));
    if !budget.spend(state.size) {
        let found = filter.judge(&mut known) == Some(true);
        return Ok(found.then(|| ranked(&[&attached])));
    }
    let raw = match mail.content(state.email) {
        Err(storage::Error::NotFound | storage::Error::Expunged) => return Ok(None),
        // What is known of it may match; its body does not.
        Err(storage::Error::Damaged(_)) => {
            let found = filter.judge(&mut known) == Some(true);
            return Ok(found.then(|| ranked(&[&attached])));
        }
        other => other?,
    };
    let head = &raw[..raw.len().min(summary.header_size as usize)];
    let text = Haystack::new(sought_body(summary, &raw));
    let mut full =
        |t: &Test| cheap(t).or_else(|| by_content(t, &envelope, [&text, &attached], head));
    let found = filter.judge(&mut full) == Some(true);
    Ok(found.then(|| ranked(&[&text, &attached])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i13_the_index_is_asked_for_so_many_words_and_messages() {
        let mut budget = Budget::default();
        let asked = std::iter::repeat_with(|| budget.ask()).take_while(|ask| *ask);
        assert_eq!(asked.count(), limit::SEARCH_KNOWN_WORDS_MAX);
        let mut budget = Budget::default();
        budget.named(limit::SEARCH_KNOWN_MESSAGES_MAX + 1);
        assert!(!budget.ask());
    }
}
