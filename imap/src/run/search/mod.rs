//! RFC 9051 §6.4.4 SEARCH, RFC 4731 ESEARCH, RFC 5182 SEARCHRES.
//!
//! The work is cut into batches, so that a long search holds nobody up. `judge` holds one message
//! against the keys, `tell` says what was found.

mod judge;
mod tell;

use super::{Progress, Runner, Stop};
use crate::ask::Completion;
use crate::wire::search::{Key, Search, Wanted};
use crate::wire::sequence::{Numbers, SequenceSet};
use directory::Right;
use formats::text::casemap;
use judge::{Subject, Test};
use std::sync::Arc;
use storage::{AccountStore, Error, State, Uid};

/// Messages judged in one step while states are enough.
const BATCH_MAX: usize = 1_024;
/// Messages whose content is read in one step.
const CONTENTS_MAX: usize = 32;

/// A SEARCH under way.
pub(super) struct Searching {
    pub(super) uid: bool,
    tag: String,
    wanted: Option<Wanted>,
    key: Test,
    left: Numbers,
    /// UIDs.
    found: Numbers,
    /// RFC 7162 §3.2.10.2: message numbers are named.
    pub(super) numbered: bool,
    /// RFC 7162 §3.1.5: mod-sequences are asked about.
    asks_modseq: bool,
    modseqs: tell::ModSeqs,
    /// What is still to be told of a plain SEARCH response.
    telling: Option<Numbers>,
}

impl Searching {
    /// Messages still to be judged; `None` while the result is being told.
    pub(super) fn left(&self) -> Option<u64> {
        self.telling.is_none().then(|| self.left.count())
    }

    /// Whether content is read, so that a step takes long.
    pub(super) fn is_long(&self) -> bool {
        self.key.needs_content()
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
        let (numbered, asks_modseq) = (key.names_numbers(), key.asks_modseq());
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
            numbered,
            asks_modseq,
            modseqs: tell::ModSeqs::default(),
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
            Key::ModSeq(modseq) => Test::ModSeq(modseq),
            Key::Email(id) => Test::Email(id),
            Key::Thread(id) => Test::Thread(id),
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
            selected.saved = tell::saved(&found, wanted);
        }
        if wanted.min || wanted.max || wanted.all || wanted.count {
            tell::esearch(out, searching, wanted, &numbers);
        }
        Ok(Progress::Done(Completion::ok("SEARCH completed")))
    }
}

impl Searching {
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
        for (uid, _, state) in hits {
            self.found.push(*uid);
            self.modseqs.note(state.modseq);
        }
        Ok(())
    }
}
