//! RFC 9051 §6.4.4: one message against the keys of a search.
//!
//! A key is judged by the state alone where that is enough, then by the summary, and only then by
//! the content.

use crate::wire::search::{Place, When};
use crate::wire::sequence::Numbers;
use formats::message::{PartKind, Person, Summary, header, part};
use formats::text::casemap;
use std::cell::OnceCell;
use storage::State;

/// Octets of the largest text part that is looked into; nobody reads a longer one, and decoding it
/// for each of many searches would take the memory of all.
const TEXT_MAX: u32 = 16 * 1024 * 1024;

/// A key with its sets resolved and its strings mapped, once for all messages.
pub(super) enum Test {
    Always(bool),
    Uids(Numbers),
    Keyword(String, bool),
    Received(When, i64),
    Sent(When, i64),
    Larger(u64),
    Smaller(u64),
    Find(Place, String),
    ModSeq(u64),
    Email(Option<u64>),
    Thread(Option<u64>),
    Not(Box<Test>),
    Or(Box<Test>, Box<Test>),
    And(Vec<Test>),
}

/// What is known of a message so far.
pub(super) struct Subject<'a> {
    uid: u32,
    state: &'a State,
    pub(super) summary: Option<&'a Summary>,
    pub(super) content: Option<&'a [u8]>,
    /// The header and the body, mapped for comparison once however many keys look into them.
    header: OnceCell<Vec<String>>,
    body: OnceCell<Vec<String>>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(uid: u32, state: &'a State) -> Self {
        let (header, body) = (OnceCell::new(), OnceCell::new());
        Self {
            uid,
            state,
            summary: None,
            content: None,
            header,
            body,
        }
    }
}

const DAY_S: i64 = 86_400;

impl Test {
    pub(super) fn needs_content(&self) -> bool {
        match self {
            Self::Find(place, _) => match place {
                Place::Body | Place::Text => true,
                Place::Header(name) => !in_summary(name),
                _ => false,
            },
            Self::Not(test) => test.needs_content(),
            Self::Or(a, b) => a.needs_content() || b.needs_content(),
            Self::And(tests) => tests.iter().any(Self::needs_content),
            _ => false,
        }
    }

    /// `None`: more must be known of the message.
    pub(super) fn judge(&self, subject: &Subject<'_>) -> Option<bool> {
        let state = subject.state;
        Some(match self {
            Self::Always(answer) => *answer,
            Self::Uids(set) => set.contains(subject.uid),
            Self::Keyword(word, set) => state.has(word) == *set,
            // RFC 9051 §6.4.4: the day of INTERNALDATE as it is shown, in UTC.
            Self::Received(when, day) => on(*when, state.received_at.div_euclid(DAY_S), *day),
            Self::Sent(when, day) => return sent(*when, *day, subject),
            Self::Email(id) => *id == Some(state.email.raw()),
            Self::Thread(id) => *id == Some(state.thread.raw()),
            Self::ModSeq(modseq) => state.modseq.raw() >= *modseq,
            Self::Larger(size) => state.size > *size,
            Self::Smaller(size) => state.size < *size,
            Self::Find(place, needle) => return find(place, needle, subject),
            Self::Not(test) => !test.judge(subject)?,
            Self::Or(a, b) => match (a.judge(subject), b.judge(subject)) {
                (Some(true), _) | (_, Some(true)) => true,
                (Some(false), Some(false)) => false,
                _ => return None,
            },
            Self::And(tests) => {
                let mut open = false;
                for test in tests {
                    match test.judge(subject) {
                        Some(false) => return Some(false),
                        Some(true) => {}
                        None => open = true,
                    }
                }
                return if open { None } else { Some(true) };
            }
        })
    }
}

fn on(when: When, day: i64, asked: i64) -> bool {
    match when {
        When::Before => day < asked,
        When::On => day == asked,
        When::Since => day >= asked,
    }
}

/// RFC 9051 §6.4.4: the day that the Date field names, whatever its zone. A message that names none has no
/// such day. What is further than a day off is told by the state alone: there a missing Date stands as the
/// day of arrival, so a no is certain and a yes is not.
fn sent(when: When, asked: i64, subject: &Subject<'_>) -> Option<bool> {
    let utc = subject.state.sent_at.div_euclid(DAY_S);
    if (utc - asked).abs() > 1 && !on(when, utc, asked) {
        return Some(false);
    }
    let Some((seconds, offset_min)) = subject.summary?.head.sent_at else {
        return Some(false);
    };
    Some(on(
        when,
        (seconds + i64::from(offset_min) * 60).div_euclid(DAY_S),
        asked,
    ))
}

/// Fields whose whole value the summary keeps.
fn in_summary(name: &str) -> bool {
    ["Subject", "Message-ID", "In-Reply-To"]
        .iter()
        .any(|n| n.eq_ignore_ascii_case(name))
}

fn find(place: &Place, needle: &str, subject: &Subject<'_>) -> Option<bool> {
    let summary = subject.summary?;
    let head = &summary.head;
    let has = |text: &str| casemap(text).contains(needle);
    Some(match place {
        Place::From => among(&head.from, needle),
        Place::To => among(&head.to, needle),
        Place::Cc => among(&head.cc, needle),
        Place::Bcc => among(&head.bcc, needle),
        Place::Subject => has(&header::decode_words(
            head.subject.as_deref().unwrap_or_default(),
        )),
        Place::Header(name) if in_summary(name) => {
            let value = match name.to_ascii_lowercase().as_str() {
                "subject" => head.subject.as_deref(),
                "message-id" => head.message_id.as_deref(),
                _ => head.in_reply_to.as_deref(),
            };
            value.is_some_and(|v| has(&header::decode_words(v)))
        }
        Place::Header(name) => {
            let octets = summary.part.header.of(subject.content?);
            header::fields(octets).any(|f| f.is(name) && has(&header::text(f.value)))
        }
        Place::Body => within(body_of(subject)?, needle),
        Place::Text => within(header_of(subject)?, needle) || within(body_of(subject)?, needle),
    })
}

fn within(texts: &[String], needle: &str) -> bool {
    texts.iter().any(|text| text.contains(needle))
}

/// Names and addresses as people read them.
fn among(people: &[Person], needle: &str) -> bool {
    people.iter().any(|person| {
        let name = person.display_name().unwrap_or_default();
        let text = format!("{name} <{}>", person.email().unwrap_or_default());
        casemap(&text).contains(needle)
    })
}

fn fields_of(octets: &[u8]) -> impl Iterator<Item = String> {
    header::fields(octets)
        .map(|field| casemap(&format!("{}: {}", field.name, header::text(field.value))))
}

fn header_of<'s>(subject: &'s Subject<'_>) -> Option<&'s [String]> {
    let (summary, content) = (subject.summary?, subject.content?);
    let read = || fields_of(summary.part.header.of(content)).collect();
    Some(subject.header.get_or_init(read))
}

/// The text parts, decoded, and the headers of messages inside.
fn body_of<'s>(subject: &'s Subject<'_>) -> Option<&'s [String]> {
    let (summary, content) = (subject.summary?, subject.content?);
    let read = || {
        let mut texts = Vec::new();
        for (_, found) in summary.part.walk() {
            match &found.kind {
                PartKind::Message(nested) => {
                    texts.extend(fields_of(nested.part.header.of(content)));
                }
                _ if found.media == "text" && found.body.len <= TEXT_MAX => {
                    texts.push(casemap(&part::decode_text(found, content)));
                }
                _ => {}
            }
        }
        texts
    };
    Some(subject.body.get_or_init(read))
}
