//! RFC 9051 §6.4.4 SEARCH, RFC 4731 ESEARCH, RFC 5182 SEARCHRES.
//!
//! A key is judged by the state alone where that is enough, then by the summary, and only then by
//! the content. The work is cut into batches, so that a long search holds nobody up.

use super::{Progress, Runner, Stop};
use crate::ask::Completion;
use crate::wire::response::put;
use crate::wire::search::{Key, Place, Search, Wanted, When};
use crate::wire::sequence::{Numbers, SequenceSet};
use directory::Right;
use formats::message::{PartKind, Person, Summary, header, part};
use formats::text::casemap;
use std::cell::OnceCell;
use std::sync::Arc;
use storage::{AccountStore, Error, State, Uid};

/// Messages judged in one step while states are enough.
const BATCH_MAX: usize = 1_024;
/// Messages whose content is read in one step.
const CONTENTS_MAX: usize = 32;
/// Octets of the largest text part that is looked into; nobody reads a longer one, and decoding it
/// for each of many searches would take the memory of all.
const TEXT_MAX: u32 = 16 * 1024 * 1024;
/// Numbers of one piece of `* SEARCH`.
const TOLD_MAX: usize = 8_192;

/// A SEARCH under way.
pub(super) struct Searching {
    pub(super) uid: bool,
    tag: String,
    wanted: Option<Wanted>,
    key: Test,
    left: Numbers,
    /// UIDs.
    found: Numbers,
    /// What is still to be told of a plain SEARCH response.
    telling: Option<Numbers>,
}

impl Searching {
    /// Whether content is read, so that a step takes long.
    pub(super) fn is_long(&self) -> bool {
        self.key.needs_content()
    }
}

/// A key with its sets resolved and its strings mapped, once for all messages.
enum Test {
    Always(bool),
    Uids(Numbers),
    Keyword(String, bool),
    Received(When, i64),
    Sent(When, i64),
    Larger(u64),
    Smaller(u64),
    Find(Place, String),
    Not(Box<Test>),
    Or(Box<Test>, Box<Test>),
    And(Vec<Test>),
}

/// What is known of a message so far.
struct Subject<'a> {
    uid: u32,
    state: &'a State,
    summary: Option<&'a Summary>,
    content: Option<&'a [u8]>,
    /// The header and the body, mapped for comparison once however many keys look into them.
    header: OnceCell<Vec<String>>,
    body: OnceCell<Vec<String>>,
}

impl<'a> Subject<'a> {
    fn new(uid: u32, state: &'a State) -> Self {
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

impl Runner {
    pub(super) fn search(
        &mut self,
        tag: &str,
        uid: bool,
        search: Search,
    ) -> Result<Box<Searching>, Stop> {
        let Search { mut wanted, key } = search;
        if wanted.is_none() && self.rev2 {
            // RFC 9051 §6.4.4: rev2 answers with ESEARCH.
            wanted = Some(Wanted {
                all: true,
                ..Wanted::default()
            });
        }
        let saves = wanted.is_some_and(|w| w.save);
        let resolved = self.resolve(key);
        let selected = self.selected()?;
        if saves && resolved.is_err() {
            selected.saved = Numbers::default();
        }
        let left = selected.view.all();
        Ok(Box::new(Searching {
            uid,
            tag: tag.to_owned(),
            wanted,
            key: resolved?,
            left,
            found: Numbers::default(),
            telling: None,
        }))
    }

    fn resolve(&mut self, key: Key) -> Result<Test, Stop> {
        Ok(match key {
            Key::All => Test::Always(true),
            Key::Sequence(SequenceSet::Saved) | Key::Uid(SequenceSet::Saved) => {
                Test::Uids(self.selected()?.saved.clone())
            }
            Key::Sequence(SequenceSet::Ranges(ranges)) => {
                let selected = self.selected()?;
                let numbers = Numbers::of(&ranges, selected.view.count());
                Test::Uids(selected.view.uids(&numbers))
            }
            Key::Uid(set) => Test::Uids(self.uids(true, &set)?),
            Key::Flag(flag, set) => Test::Keyword(flag.0.as_str().to_owned(), set),
            Key::Recent(recent) => Test::Always(!recent),
            Key::Received(when, day) => Test::Received(when, day),
            Key::Sent(when, day) => Test::Sent(when, day),
            Key::Larger(size) => Test::Larger(size),
            Key::Smaller(size) => Test::Smaller(size),
            Key::Find(place, text) => Test::Find(place, casemap(&text)),
            Key::Not(key) => Test::Not(Box::new(self.resolve(*key)?)),
            Key::Or(a, b) => Test::Or(Box::new(self.resolve(*a)?), Box::new(self.resolve(*b)?)),
            Key::And(keys) => {
                let tests: Result<_, Stop> = keys.into_iter().map(|k| self.resolve(k)).collect();
                Test::And(tests?)
            }
        })
    }

    /// RFC 9051 §6.4.4: only UTF-8 and US-ASCII.
    pub(super) fn bad_charset(&mut self, save: bool) -> Completion {
        // RFC 9051 §6.4.4.1: a failed SAVE empties the result.
        if let Some(selected) = self.selected.as_deref_mut().filter(|_| save) {
            selected.saved = Numbers::default();
        }
        Completion::no("BADCHARSET (UTF-8 US-ASCII)", "This charset is not known")
    }

    pub(super) fn search_step(
        &mut self,
        searching: &mut Searching,
        out: &mut Vec<u8>,
    ) -> Result<Progress, Stop> {
        if searching.telling.is_some() {
            return Ok(searching.tell(out));
        }
        if searching.left.is_empty() {
            return self.search_done(searching, out);
        }
        let store = self.mail(Right::Read)?;
        let mailbox = self.selected()?.mailbox;
        let max = if searching.is_long() {
            CONTENTS_MAX
        } else {
            BATCH_MAX
        };
        let mut states: Vec<(u32, Option<bool>, State)> = Vec::new();
        let mut reached = 0;
        for &(from, to) in searching.left.ranges() {
            let (Some(from), Some(to)) = (Uid::new(from), Uid::new(to)) else {
                continue;
            };
            let (mut undecided, mut last) = (0, to.raw());
            store.scan(mailbox, from, to, &mut |uid, state| {
                let uid = uid.raw();
                let subject = Subject::new(uid, state);
                match searching.key.judge(&subject) {
                    Some(true) => states.push((uid, Some(true), state.clone())),
                    Some(false) => {}
                    None => {
                        undecided += 1;
                        states.push((uid, None, state.clone()));
                    }
                }
                let full = undecided >= max;
                if full {
                    last = uid;
                }
                !full
            })?;
            reached = last;
            if last != to.raw() {
                break;
            }
        }
        searching.left = searching.left.after(reached);
        searching.decide(&store, states)?;
        Ok(Progress::More)
    }

    fn search_done(
        &mut self,
        searching: &mut Searching,
        out: &mut Vec<u8>,
    ) -> Result<Progress, Stop> {
        let selected = self.selected()?;
        let found = selected.view.known(&searching.found);
        let numbers: Numbers = match searching.uid {
            true => found.clone(),
            false => found
                .iter()
                .filter_map(|uid| selected.view.number(uid))
                .collect(),
        };
        let Some(wanted) = searching.wanted else {
            out.extend_from_slice(b"* SEARCH");
            searching.telling = Some(numbers);
            return Ok(Progress::More);
        };
        if wanted.save {
            selected.saved = saved(&found, wanted);
        }
        if wanted.min || wanted.max || wanted.all || wanted.count {
            esearch(out, searching, wanted, &numbers);
        }
        Ok(Progress::Done(Completion::ok("SEARCH completed")))
    }
}

/// RFC 9051 §6.4.4.1, table 4: what `$` stands for.
fn saved(found: &Numbers, wanted: Wanted) -> Numbers {
    if wanted.all || wanted.count || !(wanted.min || wanted.max) {
        return found.clone();
    }
    let mut ends: Vec<u32> = Vec::new();
    ends.extend(found.first().filter(|_| wanted.min));
    ends.extend(found.last().filter(|_| wanted.max));
    ends.dedup();
    ends.into_iter().collect()
}

/// esearch-response = "ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data)
fn esearch(out: &mut Vec<u8>, searching: &Searching, wanted: Wanted, numbers: &Numbers) {
    put(out, format_args!("* ESEARCH (TAG \"{}\")", searching.tag));
    if searching.uid {
        out.extend_from_slice(b" UID");
    }
    // RFC 9051 §7.3.4: of an empty result only COUNT is told.
    if let Some(first) = numbers.first().filter(|_| wanted.min) {
        put(out, format_args!(" MIN {first}"));
    }
    if let Some(last) = numbers.last().filter(|_| wanted.max) {
        put(out, format_args!(" MAX {last}"));
    }
    if wanted.count {
        put(out, format_args!(" COUNT {}", numbers.count()));
    }
    if wanted.all && !numbers.is_empty() {
        put(out, format_args!(" ALL {}", numbers.text()));
    }
    out.extend_from_slice(b"\r\n");
}

impl Searching {
    /// RFC 3501 §7.2.5 SEARCH, a piece at a time.
    fn tell(&mut self, out: &mut Vec<u8>) -> Progress {
        let numbers = self.telling.take().unwrap_or_default();
        let mut last = None;
        for number in numbers.iter().take(TOLD_MAX) {
            put(out, format_args!(" {number}"));
            last = Some(number);
        }
        let rest = last.map(|last| numbers.after(last)).unwrap_or_default();
        if rest.is_empty() {
            out.extend_from_slice(b"\r\n");
            return Progress::Done(Completion::ok("SEARCH completed"));
        }
        self.telling = Some(rest);
        Progress::More
    }

    /// Judges what the states alone could not decide.
    fn decide(
        &mut self,
        store: &AccountStore,
        mut states: Vec<(u32, Option<bool>, State)>,
    ) -> Result<(), Error> {
        let open = states.iter().filter(|(_, decided, _)| decided.is_none());
        let emails: Vec<_> = open.map(|(_, _, state)| state.email).collect();
        let mut summaries = store.summaries(&emails)?.into_iter().peekable();
        for (uid, decided, state) in &mut states {
            if decided.is_some() {
                continue;
            }
            let own = summaries.next_if(|(email, _)| *email == state.email);
            let Some(summary) = own.map(|(_, s)| s) else {
                *decided = Some(false);
                continue;
            };
            let mut subject = Subject::new(*uid, state);
            subject.summary = Some(&summary);
            *decided = self.key.judge(&subject);
            if decided.is_none() {
                let content: Arc<[u8]> = match store.content(state.email) {
                    Ok(content) => content,
                    Err(Error::NotFound | Error::Expunged) => Arc::from([]),
                    Err(error) => return Err(error),
                };
                subject.content = Some(&content);
                *decided = Some(self.key.judge(&subject).unwrap_or(false));
            }
        }
        let hits = states
            .iter()
            .filter(|(_, decided, _)| *decided == Some(true));
        hits.for_each(|(uid, _, _)| self.found.push(*uid));
        Ok(())
    }
}

const DAY_S: i64 = 86_400;

impl Test {
    fn needs_content(&self) -> bool {
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
    fn judge(&self, subject: &Subject<'_>) -> Option<bool> {
        let state = subject.state;
        Some(match self {
            Self::Always(answer) => *answer,
            Self::Uids(set) => set.contains(subject.uid),
            Self::Keyword(word, set) => state.has(word) == *set,
            // RFC 9051 §6.4.4: the day of INTERNALDATE as it is shown, in UTC.
            Self::Received(when, day) => on(*when, state.received_at.div_euclid(DAY_S), *day),
            Self::Sent(when, day) => return sent(*when, *day, subject),
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
