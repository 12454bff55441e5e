//! From a needle to the messages that may hold it.

use super::shown::{Segment, Shown};
use super::term::{self, Place};
use crate::{AccountId, EmailId};
use std::collections::BTreeSet;
use tantivy::postings::{SegmentPostings, TermInfo};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, TERMINATED};

/// Runs of a needle that are intersected, the rarest first: more of them exclude little more.
const RUNS_MAX: usize = 12;
/// Characters of a needle that are looked up.
const CHARS_MAX: usize = 256;
/// Characters of a run.
const RUN: usize = 3;

/// What the index says of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sought {
    /// Messages that have it, sorted. Some of them may be gone.
    pub certain: Vec<EmailId>,
    /// All messages up to `until` that may have it, sorted, the certain ones too.
    pub possible: Vec<EmailId>,
    /// Of messages after this one the index says nothing; `None`: of none.
    pub until: Option<EmailId>,
}

impl Sought {
    pub(super) fn tidy(&mut self) {
        for list in [&mut self.certain, &mut self.possible] {
            list.sort_unstable();
            list.dedup();
        }
    }

    /// Whether a message has the text; `None`: it must be looked into.
    pub fn verdict(&self, email: EmailId) -> Option<bool> {
        if self.until.is_none_or(|until| email > until) {
            return None;
        }
        if self.certain.binary_search(&email).is_ok() {
            return Some(true);
        }
        match self.possible.binary_search(&email) {
            Ok(_) => None,
            Err(_) => Some(false),
        }
    }

    /// What is said of a text that may stand in either of two places.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            certain: union(self.certain, other.certain),
            possible: union(self.possible, other.possible),
            until: self.until.min(other.until),
        }
    }

    /// What is said of messages that have both texts: as far as both are known, and none is certain.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.certain.clear();
        let has = |email: &EmailId| other.possible.binary_search(email).is_ok();
        self.possible.retain(has);
        self.until = self.until.min(other.until);
        self
    }

    /// The same for who would find more by this text than is wanted: nothing is certain.
    #[must_use]
    pub fn at_most(mut self) -> Self {
        self.certain.clear();
        self
    }
}

fn union(mut one: Vec<EmailId>, mut other: Vec<EmailId>) -> Vec<EmailId> {
    if one.is_empty() || other.is_empty() {
        one.append(&mut other);
        return one;
    }
    one.append(&mut other);
    // Two sorted runs: this is one merge.
    one.sort();
    one.dedup();
    one
}

/// What all segments say; `until` is left to the caller.
pub(super) fn seek(
    shown: &Shown,
    account: AccountId,
    place: Place,
    needle: &str,
) -> tantivy::Result<Sought> {
    let chars: Vec<char> = needle.chars().take(CHARS_MAX).collect();
    let whole = chars.len() < CHARS_MAX;
    let word = term::of_word(place, needle).filter(|_| whole);
    let (own_kind, opaque_kind) = place.lists();
    let mut found = Sought::default();
    for segment in &shown.segments {
        let Some(mut own) = Own::of(segment, own_kind, account)? else {
            continue;
        };
        match chars.len() {
            1 | 2 => own.short(&term::of_run(place, &chars), &mut found)?,
            RUN => {
                let runs = [term::of_run(place, &chars)];
                let before = found.possible.len();
                own.having(&runs, &mut found.possible)?;
                found.certain.extend_from_slice(&found.possible[before..]);
            }
            _ => {
                let runs = chars.windows(RUN).map(|run| term::of_run(place, run));
                let runs: BTreeSet<Vec<u8>> = runs.collect();
                own.having(&Vec::from_iter(runs), &mut found.possible)?;
                if let Some(word) = &word
                    && let Some(mut own) = Own::of(segment, own_kind, account)?
                {
                    own.having(std::slice::from_ref(word), &mut found.certain)?;
                }
            }
        }
        opaque(segment, opaque_kind, account, &mut found.possible)?;
    }
    found.tidy();
    Ok(found)
}

/// The messages that have this word by itself, sorted. `None`: words such as this are not kept there.
pub(super) fn word(
    shown: &Shown,
    account: AccountId,
    place: Place,
    word: &str,
) -> tantivy::Result<Option<Vec<EmailId>>> {
    let Some(word) = term::of_word(place, word) else {
        return Ok(None);
    };
    let mut found = Vec::new();
    for segment in &shown.segments {
        if let Some(mut own) = Own::of(segment, place.lists().0, account)? {
            own.having(std::slice::from_ref(&word), &mut found)?;
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(Some(found))
}

/// Adds the account's messages that are not in the index by their texts.
pub(super) fn opaque(
    segment: &Segment,
    kind: u8,
    account: AccountId,
    found: &mut Vec<EmailId>,
) -> tantivy::Result<()> {
    if let Some((_, mut opaque)) = segment.with(&term::of_account(kind, account))? {
        while opaque.doc() != TERMINATED {
            found.extend(segment.email(opaque.doc()));
            opaque.advance();
        }
    }
    Ok(())
}

/// The account's documents of one segment, from the first one on.
pub(super) struct Own<'a> {
    segment: &'a Segment,
    /// How many, removed ones too.
    count: u32,
    /// Whether they are all that there are.
    every: bool,
    documents: SegmentPostings,
}

impl<'a> Own<'a> {
    /// `None`: it has none there.
    pub(super) fn of(
        segment: &'a Segment,
        kind: u8,
        account: AccountId,
    ) -> tantivy::Result<Option<Self>> {
        let own = segment.with(&term::of_account(kind, account))?;
        Ok(own.map(|(count, documents)| Self {
            segment,
            count,
            every: count == segment.documents(),
            documents,
        }))
    }

    /// Those that have some of the terms of each list, sorted. Of what others have no more is gone through than the
    /// account has itself: no search costs more for who has little beside those who have much.
    pub(super) fn among(mut self, mut lists: Vec<Vec<TermInfo>>) -> tantivy::Result<Vec<DocId>> {
        let sum = |terms: &[TermInfo]| terms.iter().map(|t| u64::from(t.doc_freq)).sum::<u64>();
        // The rarest first.
        lists.sort_by_key(|terms| sum(terms));
        let rarest = lists.first().map_or(0, |terms| sum(terms));
        let mut left = match rarest < u64::from(self.count) {
            true => {
                let mut found = some(self.segment, &lists.remove(0))?;
                found.retain(|document| self.has(*document));
                found
            }
            false => self.all(),
        };
        for terms in &lists {
            keep(self.segment, terms, &mut left)?;
        }
        Ok(left)
    }

    /// All that are there.
    fn all(&mut self) -> Vec<DocId> {
        let alive = self.segment.alive();
        let mut all = Vec::with_capacity(self.count as usize);
        while self.documents.doc() != TERMINATED {
            let at = self.documents.doc();
            if alive.is_none_or(|alive| alive.is_alive(at)) {
                all.push(at);
            }
            self.documents.advance();
        }
        all
    }

    /// Whether this document is one of them, and there. Asked in rising order.
    fn has(&mut self, document: DocId) -> bool {
        let alive = self.segment.alive();
        alive.is_none_or(|alive| alive.is_alive(document))
            && (self.every || forward(&mut self.documents, document) == document)
    }

    /// Adds the account's messages that have all of these terms.
    fn having(&mut self, terms: &[Vec<u8>], found: &mut Vec<EmailId>) -> tantivy::Result<()> {
        let mut lists = Vec::with_capacity(terms.len());
        for term in terms {
            match self.segment.with(term)? {
                Some(list) => lists.push(list),
                None => return Ok(()),
            }
        }
        lists.sort_by_key(|(documents, _)| *documents);
        lists.truncate(RUNS_MAX);
        let mut lists: Vec<_> = lists.into_iter().map(|(_, list)| list).collect();
        let Some((rarest, others)) = lists.split_first_mut() else {
            return Ok(());
        };
        let alive = self.segment.alive();
        let mut at = rarest.doc();
        'next: while at != TERMINATED {
            for other in others
                .iter_mut()
                .chain((!self.every).then_some(&mut self.documents))
            {
                let reached = forward(other, at);
                if reached != at {
                    at = forward(rarest, reached);
                    continue 'next;
                }
            }
            if alive.is_none_or(|alive| alive.is_alive(at)) {
                found.extend(self.segment.email(at));
            }
            at = rarest.advance();
        }
        Ok(())
    }

    /// Adds the messages with a run that begins so: they have the needle, and no others have.
    fn short(self, beginning: &[u8], found: &mut Sought) -> tantivy::Result<()> {
        let segment = self.segment;
        let mut terms = Vec::new();
        let mut stream = segment
            .inverted()?
            .terms()
            .range()
            .ge(beginning)
            .into_stream()?;
        while stream.advance() && stream.key().starts_with(beginning) {
            terms.push(stream.value().clone());
        }
        for document in self.among(vec![terms])? {
            let email = segment.email(document);
            found.certain.extend(email);
            found.possible.extend(email);
        }
        Ok(())
    }
}

/// The documents that have some of these terms, sorted.
fn some(segment: &Segment, terms: &[TermInfo]) -> tantivy::Result<Vec<DocId>> {
    if terms.is_empty() {
        return Ok(Vec::new());
    }
    let inverted = segment.inverted()?;
    let mut found = Vec::new();
    for info in terms {
        let mut list = inverted.read_postings_from_terminfo(info, IndexRecordOption::Basic)?;
        while list.doc() != TERMINATED {
            step();
            found.push(list.doc());
            list.advance();
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Leaves those that have some of these terms. Each list is gone through by leaps, no more of them than the shorter of
/// both has documents.
fn keep(segment: &Segment, terms: &[TermInfo], left: &mut Vec<DocId>) -> tantivy::Result<()> {
    if left.is_empty() {
        return Ok(());
    }
    let inverted = segment.inverted()?;
    let mut has = vec![false; left.len()];
    for info in terms {
        let mut list = inverted.read_postings_from_terminfo(info, IndexRecordOption::Basic)?;
        let mut at = 0;
        while let Some(document) = left.get(at) {
            step();
            let reached = forward(&mut list, *document);
            if reached == TERMINATED {
                break;
            }
            if reached == *document {
                has[at] = true;
                at += 1;
            } else {
                at += left[at..].partition_point(|document| *document < reached);
            }
        }
    }
    let mut has = has.into_iter();
    left.retain(|_| has.next() == Some(true));
    Ok(())
}

#[cfg(test)]
thread_local! {
    /// Postings that this thread went through.
    pub(super) static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

fn step() {
    #[cfg(test)]
    STEPS.set(STEPS.get() + 1);
}

/// Moves to the first document that is not before this one.
pub(super) fn forward(list: &mut SegmentPostings, to: DocId) -> DocId {
    if list.doc() >= to {
        list.doc()
    } else {
        list.seek(to)
    }
}
