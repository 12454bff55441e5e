//! RFC 5267 §4.3: searches of the selected mailbox whose changes are told, with UPDATE.
//!
//! A context keeps its test and its result. What is expunged leaves the result before EXPUNGE is told,
//! even while that is held back; what arrived or changed is judged after EXISTS and FETCH. Nothing is
//! read for it but the changes since the last time.

use super::search::{Hit, Subject, Test, content_of};
use super::{Runner, Selected, Stop, sort};
use crate::ask::Completion;
use crate::view::View;
use crate::wire::response::put;
use crate::wire::search::Key;
use crate::wire::sequence::Numbers;
use crate::wire::sort::{By, Criterion, Order};
use std::collections::BTreeSet;
use storage::{AccountStore, Change, EmailId, Error, ModSeq, State, Uid};

/// Contexts of one connection (RFC 5267 §4.3.1).
const CONTEXTS_MAX: usize = 8;
/// Octets of the keys of one sorted context.
const SORTED_MAX: usize = 8 * 1024 * 1024;
/// Changes looked up at one time.
const CHANGES_MAX: usize = 2_000;

/// What a message is ordered by, and its UID.
pub(super) type Keyed = (Box<[u8]>, u32);

/// The contexts of a selected mailbox.
#[derive(Default)]
pub(crate) struct Contexts(Vec<Context>);

/// A search that goes on.
pub(super) struct Context {
    tag: String,
    uid: bool,
    test: Test,
    /// UIDs.
    result: Numbers,
    sorted: Option<Sorted>,
    /// Up to which commit the result is right.
    modseq: ModSeq,
}

/// The result in the order of SORT.
struct Sorted {
    criteria: Vec<Criterion>,
    rows: Vec<Keyed>,
}

impl Contexts {
    /// RFC 5267 §4.3: whether a context bears this tag already.
    pub(super) fn has(&self, tag: &str) -> bool {
        self.0.iter().any(|context| context.tag == tag)
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= CONTEXTS_MAX
    }

    pub(super) fn add(&mut self, context: Context) {
        self.0.push(context);
    }

    /// RFC 5267 §4.3.5: of these tags all, or none when one of them names nothing; then false.
    fn cancel(&mut self, tags: &[String]) -> bool {
        let known = tags.iter().all(|tag| self.has(tag));
        if known {
            self.0.retain(|context| !tags.contains(&context.tag));
        }
        known
    }
}

impl Context {
    /// RFC 5267 §4.3.1: `None` where changes cannot be told: time alone changes the result of OLDER and
    /// YOUNGER, and which session hears first that of RECENT; scores have no standing order, and the keys of a sorted result must be kept.
    pub(super) fn new(
        (tag, uid): (&str, bool),
        (key, test): (&Key, Test),
        order: &Order,
        (found, keyed): (&Numbers, Vec<Keyed>),
        modseq: ModSeq,
    ) -> Option<Self> {
        if key.any(&|key| matches!(key, Key::Older(_) | Key::Younger(_) | Key::Recent(_))) {
            return None;
        }
        let sorted = match order {
            Order::Mailbox => None,
            Order::Threaded(_) => return None,
            Order::Sorted(criteria) => {
                let octets: usize = keyed.iter().map(|(key, _)| key.len() + 24).sum();
                if octets > SORTED_MAX || criteria.iter().any(|c| c.by == By::Relevancy) {
                    return None;
                }
                Some(Sorted {
                    criteria: criteria.clone(),
                    rows: keyed,
                })
            }
        };
        Some(Self {
            tag: tag.to_owned(),
            uid,
            test,
            result: found.clone(),
            sorted,
            modseq,
        })
    }

    /// Takes these UIDs out of the result, and tells where they were in it:
    /// "REMOVEFROM" SP "(" context-position SP sequence-set *(SP context-position SP sequence-set) ")".
    /// Position zero stands for the order of the mailbox.
    fn remove(&mut self, uids: &Numbers, names: &Names<'_>, out: &mut Vec<u8>) {
        let gone: Numbers = self
            .result
            .iter()
            .filter(|uid| uids.contains(*uid))
            .collect();
        if gone.is_empty() {
            return;
        }
        self.result = self
            .result
            .iter()
            .filter(|uid| !gone.contains(*uid))
            .collect();
        let mut told = Vec::new();
        match &mut self.sorted {
            None => told.push((0, names.set(&gone, self.uid))),
            Some(sorted) => {
                let mut at = 0;
                sorted.rows.retain(|(_, uid)| {
                    let is_gone = gone.contains(*uid);
                    match is_gone {
                        true => {
                            let one = Numbers::from_iter([*uid]);
                            told.push((at + 1, names.set(&one, self.uid)));
                        }
                        false => at += 1,
                    }
                    !is_gone
                });
            }
        }
        self.tell("REMOVEFROM", told, out);
    }

    /// Puts messages, by UID, into the result, and tells where:
    /// "ADDTO" SP "(" context-position SP sequence-set *(SP context-position SP sequence-set) ")"
    fn add(
        &mut self,
        states: &[(u32, &State)],
        store: &AccountStore,
        names: &Names<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        if states.is_empty() {
            return Ok(());
        }
        let new: Numbers = states.iter().map(|(uid, _)| *uid).collect();
        let both = self.result.ranges().iter().chain(new.ranges());
        let both: Vec<_> = both.map(|(a, b)| (Some(*a), Some(*b))).collect();
        self.result = Numbers::of(&both, 0);
        let mut told = Vec::new();
        match &mut self.sorted {
            None => told.push((0, names.set(&new, self.uid))),
            Some(Sorted { criteria, rows }) => {
                for (uid, state) in states {
                    let summary = match store.summary(state.email) {
                        Err(Error::NotFound | Error::Expunged) => None,
                        other => Some(other?),
                    };
                    let head = summary.as_ref().map(|summary| &summary.head);
                    let mut key = Vec::new();
                    sort::key(&mut key, criteria, &Hit::of(*uid, state, 0), head);
                    let row: Keyed = (key.into(), *uid);
                    let at = rows.partition_point(|other| *other < row);
                    rows.insert(at, row);
                    let one = Numbers::from_iter([*uid]);
                    told.push((at + 1, names.set(&one, self.uid)));
                }
            }
        }
        self.tell("ADDTO", told, out);
        Ok(())
    }

    /// `* ESEARCH (TAG "B01") UID ADDTO (0 32768:32769)`
    fn tell(&self, word: &str, pairs: Vec<(usize, String)>, out: &mut Vec<u8>) {
        let pairs: Vec<String> = pairs
            .into_iter()
            .filter(|(_, set)| !set.is_empty())
            .map(|(at, set)| format!("{at} {set}"))
            .collect();
        if pairs.is_empty() {
            return;
        }
        let uid = if self.uid { " UID" } else { "" };
        let pairs = pairs.join(" ");
        put(
            out,
            format_args!("* ESEARCH (TAG \"{}\"){uid} {word} ({pairs})\r\n", self.tag),
        );
    }
}

/// How messages are named to the peer.
struct Names<'a>(&'a View);

impl Names<'_> {
    fn set(&self, uids: &Numbers, uid: bool) -> String {
        match uid {
            true => uids.text(),
            false => {
                let numbers: Numbers = uids.iter().filter_map(|u| self.0.number(u)).collect();
                numbers.text()
            }
        }
    }
}

impl Selected {
    /// Before EXPUNGE is told, or held back: RFC 5267 §4.3.4.
    pub(super) fn contexts_lose(&mut self, out: &mut Vec<u8>) {
        if self.contexts.0.is_empty() || self.gone.is_empty() {
            return;
        }
        let gone: Numbers = self.gone.iter().copied().collect();
        for context in &mut self.contexts.0 {
            context.remove(&gone, &Names(&self.view), out);
        }
    }

    /// After EXISTS and FETCH: RFC 5267 §4.3.3.
    pub(super) fn contexts_follow(
        &mut self,
        store: &AccountStore,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let Some(since) = self.contexts.0.iter().map(|context| context.modseq).min() else {
            return Ok(());
        };
        if since >= self.modseq {
            return Ok(());
        }
        let states = match self.changed(store, since)? {
            Some(emails) => self.states_of(store, emails)?,
            None => self.all_states(store)?,
        };
        let names = Names(&self.view);
        for context in &mut self.contexts.0 {
            let mut lost = Numbers::default();
            let mut won = Vec::new();
            for (uid, state) in &states {
                let fits = fits(&context.test, store, *uid, state)?;
                match (context.result.contains(*uid), fits) {
                    (true, false) => lost.push(*uid),
                    (false, true) => won.push((*uid, state)),
                    _ => {}
                }
            }
            if !lost.is_empty() {
                context.remove(&lost, &names, out);
            }
            context.add(&won, store, &names, out)?;
            context.modseq = self.modseq;
        }
        Ok(())
    }

    /// The messages of the account that changed up to what has been told; `None` when the log no longer
    /// says.
    fn changed(
        &self,
        store: &AccountStore,
        since: ModSeq,
    ) -> Result<Option<BTreeSet<EmailId>>, Error> {
        let mut emails = BTreeSet::new();
        let mut since = since;
        while since < self.modseq {
            let changes = match store.changes(since, CHANGES_MAX) {
                Err(Error::NotFound) => return Ok(None),
                other => other?,
            };
            for (modseq, change) in &changes.list {
                if let Change::EmailCreated { email, .. } | Change::EmailChanged { email, .. } =
                    change
                    && *modseq <= self.modseq
                {
                    emails.insert(*email);
                }
            }
            if changes.until <= since {
                break;
            }
            since = changes.until;
        }
        Ok(Some(emails))
    }

    /// By UID, of those that the peer knows of and that are there.
    fn states_of(
        &self,
        store: &AccountStore,
        emails: BTreeSet<EmailId>,
    ) -> Result<Vec<(u32, State)>, Error> {
        let mut states = Vec::new();
        for email in emails {
            match store.state(email) {
                Ok(state) => {
                    let uid = state.uid(self.mailbox).map(Uid::raw);
                    let known =
                        |uid: &u32| self.view.number(*uid).is_some() && !self.gone.contains(uid);
                    states.extend(uid.filter(known).map(|uid| (uid, state)));
                }
                Err(Error::NotFound | Error::Expunged) => {}
                Err(error) => return Err(error),
            }
        }
        states.sort_by_key(|(uid, _)| *uid);
        Ok(states)
    }

    fn all_states(&self, store: &AccountStore) -> Result<Vec<(u32, State)>, Error> {
        let mut states = Vec::new();
        let last = Uid::new(u32::MAX).unwrap_or(Uid::FIRST);
        store.scan(self.mailbox, Uid::FIRST, last, &mut |uid, state| {
            if self.view.number(uid.raw()).is_some() && !self.gone.contains(&uid.raw()) {
                states.push((uid.raw(), state.clone()));
            }
            true
        })?;
        Ok(states)
    }
}

/// Whether a message fits, whatever must be read for it.
fn fits(test: &Test, store: &AccountStore, uid: u32, state: &State) -> Result<bool, Error> {
    let mut subject = Subject::new(uid, state);
    if let Some(fits) = test.judge(&subject) {
        return Ok(fits);
    }
    let summary = match store.summary(state.email) {
        Err(Error::NotFound | Error::Expunged) => return Ok(false),
        other => other?,
    };
    subject.knows(&summary);
    if let Some(fits) = test.judge(&subject) {
        return Ok(fits);
    }
    let content = content_of(store, state)?;
    subject.reads(content.as_deref());
    Ok(test.judge(&subject).unwrap_or(false))
}

impl Runner {
    /// RFC 5267 §4.3.5.
    pub(super) fn cancel_update(&mut self, tags: &[String]) -> Result<Completion, Stop> {
        let contexts = &mut self.selected()?.contexts;
        Ok(match contexts.cancel(tags) {
            true => Completion::ok("CANCELUPDATE completed"),
            false => Completion::no("CLIENTBUG", "No search of one of these tags is followed"),
        })
    }
}
