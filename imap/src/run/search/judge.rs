//! RFC 9051 §6.4.4: one message against the keys of a search.
//!
//! A key is judged by the state alone where that is enough, then by the summary, and only then by
//! the content.

use super::needle::Needle;
use crate::view::View;
use crate::wire::ident::ObjectId;
use crate::wire::search::{Key, Place, When};
use crate::wire::sequence::{Numbers, SequenceSet};
use formats::message::{Letterhead, Person, Summary, header, sought};
use formats::text::fold;
use std::cell::OnceCell;
use storage::{AccountId, MailboxId, Sought, State};

/// What the sets and times of a search are read against: the mailbox as it was when the command came.
pub(in crate::run) struct Scope<'a> {
    pub(in crate::run) view: &'a View,
    /// RFC 5182 §2.1: what `$` stands for.
    pub(in crate::run) saved: &'a Numbers,
    /// RFC 3501 §6.4.4 RECENT: the UIDs that are.
    pub(in crate::run) recent: &'a Numbers,
    /// Unix seconds.
    pub(in crate::run) now_s: i64,
    /// Seconds east of UTC: where days begin.
    pub(in crate::run) zone_s: i64,
    /// Which one it is.
    pub(in crate::run) mailbox: MailboxId,
    /// Whose mailbox it is; `None`: one's own.
    pub(in crate::run) owner: Option<AccountId>,
}

impl Scope<'_> {
    /// RFC 8474 §6: an id of another account names nothing here.
    fn number(&self, id: Option<ObjectId>) -> Option<u64> {
        id.filter(|id| id.owner == self.owner).map(|id| id.number)
    }
}

/// A key with its sets resolved and its strings mapped, once for all messages.
pub(in crate::run) enum Test {
    Always(bool),
    Uids(Numbers),
    Keyword(String, bool),
    /// Unix seconds at which the day begins.
    Received(When, i64),
    /// RFC 8514 §4.3: when it was put into this mailbox.
    Saved(When, i64, MailboxId),
    /// Unix seconds; the internal date is this or before it.
    Until(i64),
    /// Unix seconds; the internal date is this or after it.
    From(i64),
    Sent(When, i64),
    Larger(u64),
    Smaller(u64),
    ModSeq(u64),
    Email(Option<u64>),
    Thread(Option<u64>),
    Find(Place, Needle),
    /// With what the index knows of it.
    Known(Box<Test>, Sought),
    Not(Box<Test>),
    Or(Box<Test>, Box<Test>),
    And(Vec<Test>),
}

/// What is known of a message so far.
pub(in crate::run) struct Subject<'a> {
    uid: u32,
    state: &'a State,
    /// What its header said: enough for all keys but those that read the content.
    head: Option<&'a Letterhead>,
    summary: Option<&'a Summary>,
    content: Option<&'a [u8]>,
    /// The content cannot be read: the body does not match, and of the header only what the summary keeps does.
    damaged: bool,
    /// The header and the body, mapped for comparison once however many keys look into them.
    header: OnceCell<Vec<String>>,
    body: OnceCell<Vec<String>>,
    /// The same without marks, for fuzzy keys.
    bare_header: OnceCell<Vec<String>>,
    bare_body: OnceCell<Vec<String>>,
}

impl<'a> Subject<'a> {
    pub(in crate::run) fn new(uid: u32, state: &'a State) -> Self {
        Self {
            uid,
            state,
            head: None,
            summary: None,
            content: None,
            damaged: false,
            header: OnceCell::new(),
            body: OnceCell::new(),
            bare_header: OnceCell::new(),
            bare_body: OnceCell::new(),
        }
    }

    pub(in crate::run) fn knows_head(&mut self, head: &'a Letterhead) {
        self.head = Some(head);
    }

    pub(in crate::run) fn knows(&mut self, summary: &'a Summary) {
        (self.head, self.summary) = (Some(&summary.head), Some(summary));
    }

    /// `None`: it is damaged.
    pub(in crate::run) fn reads(&mut self, content: Option<&'a [u8]>) {
        self.damaged = content.is_none();
        self.content = Some(content.unwrap_or_default());
    }
}

const DAY_S: i64 = 86_400;

impl Test {
    /// Resolves a key.
    pub(in crate::run) fn of(key: &Key, scope: &Scope<'_>) -> Self {
        Self::resolve(key, scope, false)
    }

    fn resolve(key: &Key, scope: &Scope<'_>, fuzzy: bool) -> Self {
        let inside = |key: &Key| Box::new(Self::resolve(key, scope, fuzzy));
        match key {
            Key::All => Self::Always(true),
            Key::Sequence(SequenceSet::Saved) | Key::Uid(SequenceSet::Saved) => {
                Self::Uids(scope.saved.clone())
            }
            // RFC 5267 §4.3: numbers mean what they meant when the command came.
            Key::Sequence(SequenceSet::Ranges(ranges)) => {
                let numbers = Numbers::of(ranges, scope.view.count());
                Self::Uids(scope.view.uids(&numbers))
            }
            Key::Uid(SequenceSet::Ranges(ranges)) => Self::Uids(uids(ranges, scope.view)),
            Key::Sequence(SequenceSet::Both(ranges)) => {
                let numbers = Numbers::of(ranges, scope.view.count());
                Self::Uids(scope.view.uids(&numbers).or(scope.saved))
            }
            Key::Uid(SequenceSet::Both(ranges)) => {
                Self::Uids(uids(ranges, scope.view).or(scope.saved))
            }
            Key::UidAfter(uid) => Self::Uids(span(uid.checked_add(1), Some(u32::MAX))),
            Key::UidBefore(uid) => Self::Uids(span(Some(1), uid.checked_sub(1))),
            Key::Flag(flag, set) => Self::Keyword(flag.0.as_str().to_owned(), *set),
            Key::Recent(true) => Self::Uids(scope.recent.clone()),
            Key::Recent(false) => Self::Not(Box::new(Self::Uids(scope.recent.clone()))),
            // RFC 9051 §6.4.4: a day as INTERNALDATE shows it, in the zone of the server.
            Key::Received(when, day) => Self::Received(*when, day * DAY_S - scope.zone_s),
            Key::Saved(when, day) => Self::Saved(*when, day * DAY_S - scope.zone_s, scope.mailbox),
            Key::SavedKnown => Self::Always(true),
            Key::Sent(when, day) => Self::Sent(*when, *day),
            Key::Larger(size) => Self::Larger(*size),
            Key::Smaller(size) => Self::Smaller(*size),
            Key::ModSeq(modseq) => Self::ModSeq(*modseq),
            Key::Email(id) => Self::Email(scope.number(*id)),
            Key::Thread(id) => Self::Thread(scope.number(*id)),
            Key::Older(seconds) => Self::Until(scope.now_s - i64::from(*seconds)),
            Key::Younger(seconds) => Self::From(scope.now_s - i64::from(*seconds)),
            Key::Find(place, text) => Self::Find(place.clone(), Needle::new(text, fuzzy)),
            Key::Fuzzy(key) => Self::resolve(key, scope, true),
            Key::Not(key) => Self::Not(inside(key)),
            Key::Or(a, b) => Self::Or(inside(a), inside(b)),
            Key::And(keys) => Self::And(keys.iter().map(|key| *inside(key)).collect()),
        }
    }

    /// The UIDs among which all that pass are; `None`: any may.
    pub(in crate::run) fn bound(&self) -> Option<Numbers> {
        match self {
            Self::Uids(uids) => Some(uids.clone()),
            Self::And(tests) => {
                let bounds = tests.iter().filter_map(Self::bound);
                bounds.reduce(|a, b| a.and(&b))
            }
            _ => None,
        }
    }

    /// Whether the state alone is enough for every message.
    pub(in crate::run) fn needs_summary(&self) -> bool {
        match self {
            Self::Find(..) | Self::Sent(..) => true,
            Self::Known(test, _) | Self::Not(test) => test.needs_summary(),
            Self::Or(a, b) => a.needs_summary() || b.needs_summary(),
            Self::And(tests) => tests.iter().any(Self::needs_summary),
            _ => false,
        }
    }

    /// RFC 6203 §4: how well a message that matches does so, 1 to 100.
    pub(in crate::run) fn score(&self, subject: &Subject<'_>) -> u8 {
        self.relevancy(subject).unwrap_or(100).clamp(1, 100)
    }

    /// Of several keys that must all match the mean counts, of alternatives the best.
    fn relevancy(&self, subject: &Subject<'_>) -> Option<u8> {
        match self {
            Self::Find(place, needle @ Needle::Fuzzy { .. }) => {
                grade(place, needle, subject).filter(|grade| *grade > 0)
            }
            Self::Or(a, b) => a.relevancy(subject).max(b.relevancy(subject)),
            Self::And(tests) => {
                let grades = tests.iter().filter_map(|test| test.relevancy(subject));
                let (count, sum) = grades.fold((0u32, 0u32), |(count, sum), grade| {
                    (count + 1, sum + u32::from(grade))
                });
                sum.checked_div(count).map(|mean| mean as u8)
            }
            _ => None,
        }
    }

    pub(in crate::run) fn needs_content(&self) -> bool {
        match self {
            Self::Find(place, _) => match place {
                Place::Body | Place::Text => true,
                Place::Header(name) => is_subject(name) || !in_summary(name),
                _ => false,
            },
            Self::Known(test, _) | Self::Not(test) => test.needs_content(),
            Self::Or(a, b) => a.needs_content() || b.needs_content(),
            Self::And(tests) => tests.iter().any(Self::needs_content),
            _ => false,
        }
    }

    /// `None`: more must be known of the message.
    pub(in crate::run) fn judge(&self, subject: &Subject<'_>) -> Option<bool> {
        let state = subject.state;
        Some(match self {
            Self::Always(answer) => *answer,
            Self::Uids(set) => set.contains(subject.uid),
            Self::Keyword(word, set) => state.has(word) == *set,
            Self::Received(when, begins) => within(*when, state.received_at, *begins),
            // RFC 8514 §4.3: the internal date stands in where it is not known.
            Self::Saved(when, begins, mailbox) => {
                let at = state.saved_at(*mailbox).unwrap_or(state.received_at);
                within(*when, at, *begins)
            }
            Self::Until(at) => state.received_at <= *at,
            Self::From(at) => state.received_at >= *at,
            Self::Sent(when, day) => return sent(*when, *day, subject),
            Self::Email(id) => *id == Some(state.email.raw()),
            Self::Thread(id) => *id == Some(state.thread.raw()),
            Self::ModSeq(modseq) => state.modseq.raw() >= *modseq,
            Self::Larger(size) => state.told_size() > *size,
            Self::Smaller(size) => state.told_size() < *size,
            Self::Find(place, needle) => grade(place, needle, subject)? > 0,
            Self::Known(test, known) => match known.verdict(state.email) {
                Some(verdict) => verdict,
                None => return test.judge(subject),
            },
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

/// Whether a time lies so to a day that begins then; Unix seconds.
fn within(when: When, at: i64, begins: i64) -> bool {
    on(when, (at - begins).div_euclid(DAY_S), 0)
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
    let Some((seconds, offset_min)) = subject.head?.sent_at else {
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

fn is_subject(name: &str) -> bool {
    name.eq_ignore_ascii_case("Subject")
}

/// How well the string is found there; zero where it is not.
fn grade(place: &Place, needle: &Needle, subject: &Subject<'_>) -> Option<u8> {
    let head = subject.head?;
    Some(match place {
        Place::From => among(&head.from, needle),
        Place::To => among(&head.to, needle),
        Place::Cc => among(&head.cc, needle),
        Place::Bcc => among(&head.bcc, needle),
        Place::Subject => needle.grade(&header::decode_words(
            head.subject.as_deref().unwrap_or_default(),
        )),
        Place::Header(name) if in_summary(name) => {
            let value = match name.to_ascii_lowercase().as_str() {
                "subject" => head.subject.as_deref(),
                "message-id" => head.message_id.as_deref(),
                _ => head.in_reply_to.as_deref(),
            };
            let kept = value.map_or(0, |v| needle.grade(&header::decode_words(v)));
            // RFC 9051 §6.4.4 HEADER: any field of the name, and mail has come with two subjects.
            if kept > 0 || subject.damaged || !is_subject(name) {
                return Some(kept);
            }
            in_fields(name, needle, subject)?
        }
        Place::Header(name) if subject.damaged => {
            let own = format!("{}: ", name.to_ascii_lowercase());
            let kept = kept(head).filter_map(|text| Some(text.strip_prefix(&own)?.to_owned()));
            kept.map(|text| needle.grade(&text)).max().unwrap_or(0)
        }
        Place::Header(name) => in_fields(name, needle, subject)?,
        Place::Body => in_body(needle, subject)?,
        Place::Text => match in_header(needle, subject)? {
            0 => in_body(needle, subject)?,
            grade => grade,
        },
    })
}

/// The fields of this name in the message's own header.
fn in_fields(name: &str, needle: &Needle, subject: &Subject<'_>) -> Option<u8> {
    let octets = subject.summary?.part.header.of(subject.content?);
    let own = header::fields(octets).filter(|field| field.is(name));
    let grades = own.map(|field| needle.grade(&header::text(field.value)));
    Some(grades.max().unwrap_or(0))
}

fn in_header(needle: &Needle, subject: &Subject<'_>) -> Option<u8> {
    let texts = header_of(subject)?;
    let bare = || subject.bare_header.get_or_init(|| bare(texts)).as_slice();
    Some(needle.grade_mapped(texts, bare))
}

/// RFC 6203 §4: what is somewhere in the text says less than what is in the header.
fn in_body(needle: &Needle, subject: &Subject<'_>) -> Option<u8> {
    let texts = body_of(subject)?;
    let bare = || subject.bare_body.get_or_init(|| bare(texts)).as_slice();
    Some(needle.grade_mapped(texts, bare).div_ceil(2))
}

fn bare(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| fold(text)).collect()
}

/// Names and addresses as people read them.
fn among(people: &[Person], needle: &Needle) -> u8 {
    let grades = people.iter().map(|one| needle.grade(&sought::person(one)));
    grades.max().unwrap_or(0)
}

fn header_of<'s>(subject: &'s Subject<'_>) -> Option<&'s [String]> {
    let (summary, content) = (subject.summary?, subject.content?);
    let read = || match subject.damaged {
        true => kept(&summary.head).collect(),
        false => sought::header(summary, content).collect(),
    };
    Some(subject.header.get_or_init(read))
}

/// What the summary keeps of a header, as fields of which each is a text.
fn kept(head: &Letterhead) -> impl Iterator<Item = String> + '_ {
    let people = [
        ("from", &head.from),
        ("to", &head.to),
        ("cc", &head.cc),
        ("bcc", &head.bcc),
    ];
    let people = people.into_iter().flat_map(|(name, people)| {
        sought::people(people).map(move |text| format!("{name}: {text}"))
    });
    let values = [
        ("subject", &head.subject),
        ("message-id", &head.message_id),
        ("in-reply-to", &head.in_reply_to),
    ];
    let values = values.into_iter().filter_map(|(name, value)| {
        let value = value.as_deref()?;
        Some(format!("{name}: {}", sought::kept_value(value)))
    });
    people.chain(values)
}

/// The text parts, decoded, and the headers of messages inside.
fn body_of<'s>(subject: &'s Subject<'_>) -> Option<&'s [String]> {
    let (summary, content) = (subject.summary?, subject.content?);
    let read = || {
        let mut texts = Vec::new();
        sought::body(summary, content, &mut |text| texts.push(text));
        texts
    };
    Some(subject.body.get_or_init(read))
}

/// From one UID to another; none where one of them cannot be, or they are the wrong way round.
fn span(from: Option<u32>, to: Option<u32>) -> Numbers {
    match (from, to) {
        (Some(from), Some(to)) if from <= to => Numbers::of(&[(Some(from), Some(to))], 0),
        _ => Numbers::default(),
    }
}

/// UIDs as asked for. A range up to `*` has no end: what arrives later is in it (RFC 9051 §9
/// seq-range), which matters to a search that goes on.
fn uids(ranges: &[(Option<u32>, Option<u32>)], view: &View) -> Numbers {
    let largest = view.last_uid().unwrap_or(0);
    let open = |(from, to): &(Option<u32>, Option<u32>)| match (from, to) {
        (Some(n), None) | (None, Some(n)) => (Some((*n).min(largest)), Some(u32::MAX)),
        (from, to) => (*from, *to),
    };
    let open: Vec<_> = ranges.iter().map(open).collect();
    Numbers::of(&open, largest)
}
