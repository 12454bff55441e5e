//! RFC 9051 §7.3.4 ESEARCH, RFC 3501 §7.2.5 SEARCH, RFC 5256 §4 SORT and THREAD: what was found, a piece
//! at a time; and what `$` stands for afterwards.

use super::Listed;
use crate::run::PIECE_MAX;
use crate::run::thread::Forest;
use crate::wire::response::put;
use crate::wire::returns::Wanted;
use crate::wire::sequence::Numbers;
use std::collections::VecDeque;
use storage::ModSeq;

/// RFC 9051 §6.4.4.1 table 4, RFC 9394 §3.2 table 1: what `$` stands for. RFC 5267 §3.1: the lowest and the
/// highest of a sorted result are its first and last.
pub(super) fn saved(found: &Listed, wanted: Wanted) -> Numbers {
    let some = wanted.min || wanted.max || wanted.partial.is_some();
    if wanted.all || wanted.count || !some {
        return found.numbers();
    }
    let mut kept: Listed = match wanted.partial {
        Some(span) => found.part(span),
        None => Listed::default(),
    };
    let ends = [
        found.first().filter(|_| wanted.min),
        found.last().filter(|_| wanted.max),
    ];
    ends.into_iter().flatten().for_each(|uid| kept.push(uid));
    kept.numbers()
}

/// A stretch of the answer.
enum Part {
    Text(Vec<u8>),
    /// As a sequence-set: `1:3,5`.
    Set(Listed),
    /// Each with a space before it.
    Each(Listed),
    /// RFC 6203 §7 score-list.
    Scores(Vec<u8>),
    Threads(Box<Forest>),
}

/// What is still to be told.
#[derive(Default)]
pub(super) struct Telling {
    parts: VecDeque<Part>,
    /// How far the first part has been told: runs of a list, or scores.
    at: usize,
    /// How far its run has been told.
    within: u32,
}

/// What a response begins with.
pub(super) struct Correlator<'a> {
    pub(super) tag: &'a str,
    /// RFC 7377 §2.1: the mailbox as it is written, and its UIDVALIDITY.
    pub(super) mailbox: Option<(Vec<u8>, u32)>,
    pub(super) uid: bool,
}

impl Telling {
    /// `* SEARCH 2 84 882`, `* SORT 5 3 4`, RFC 7162 §3.1.6 `* SEARCH 2 5 (MODSEQ 917162500)`
    pub(super) fn list(word: &str, listed: Listed, modseq: Option<ModSeq>) -> Self {
        let mut telling = Self::default();
        telling.text(|out| put(out, format_args!("* {word}")));
        telling.parts.push_back(Part::Each(listed));
        if let Some(modseq) = modseq {
            telling.text(|out| put(out, format_args!(" (MODSEQ {modseq})")));
        }
        telling.text(|out| out.extend_from_slice(b"\r\n"));
        telling
    }

    /// `* THREAD (2)(3 6 (4 23)(44 7 96))`
    pub(super) fn threads(forest: Forest) -> Self {
        let mut telling = Self::default();
        let space = if forest.is_empty() { "" } else { " " };
        telling.text(|out| put(out, format_args!("* THREAD{space}")));
        telling.parts.push_back(Part::Threads(Box::new(forest)));
        telling.text(|out| out.extend_from_slice(b"\r\n"));
        telling
    }

    /// esearch-response = "ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data); nothing
    /// where no data was asked for. `scores` is in the order of the result.
    pub(super) fn esearch(
        correlator: &Correlator<'_>,
        wanted: Wanted,
        listed: Listed,
        scores: Vec<u8>,
        modseq: Option<ModSeq>,
    ) -> Self {
        let mut telling = Self::default();
        let asked = wanted.min || wanted.max || wanted.all || wanted.count || wanted.relevancy;
        if !asked && wanted.partial.is_none() {
            return telling;
        }
        telling.text(|out| correlator.put(out));
        // RFC 9051 §7.3.4: of an empty result only COUNT is told.
        if let Some(first) = listed.first().filter(|_| wanted.min) {
            telling.text(|out| put(out, format_args!(" MIN {first}")));
        }
        if let Some(last) = listed.last().filter(|_| wanted.max) {
            telling.text(|out| put(out, format_args!(" MAX {last}")));
        }
        if wanted.count {
            telling.text(|out| put(out, format_args!(" COUNT {}", listed.count())));
        }
        let mut scores = scores;
        if let Some(span) = wanted.partial {
            let (from, after) = span.within(listed.count());
            let part = listed.slice(from, after);
            scores = scores.get(from..after).unwrap_or_default().to_vec();
            // ret-data-partial = "PARTIAL" SP "(" partial-range SP partial-results ")"
            telling.text(|out| put(out, format_args!(" PARTIAL ({span} ")));
            match part.is_empty() {
                true => telling.text(|out| out.extend_from_slice(b"NIL")),
                false => telling.parts.push_back(Part::Set(part)),
            }
            telling.text(|out| out.push(b')'));
        }
        let any = !listed.is_empty();
        if wanted.all && any {
            telling.text(|out| out.extend_from_slice(b" ALL "));
            telling.parts.push_back(Part::Set(listed));
        }
        if wanted.relevancy && any {
            telling.text(|out| out.extend_from_slice(b" RELEVANCY ("));
            telling.parts.push_back(Part::Scores(scores));
            telling.text(|out| out.push(b')'));
        }
        if let Some(modseq) = modseq {
            telling.text(|out| put(out, format_args!(" MODSEQ {modseq}")));
        }
        telling.text(|out| out.extend_from_slice(b"\r\n"));
        telling
    }

    fn text(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if let Some(Part::Text(text)) = self.parts.back_mut() {
            return write(text);
        }
        let mut text = Vec::new();
        write(&mut text);
        self.parts.push_back(Part::Text(text));
    }

    /// Up to a piece of it; true when all has been told.
    pub(super) fn tell(&mut self, out: &mut Vec<u8>) -> bool {
        while out.len() < PIECE_MAX {
            let (at, within) = (&mut self.at, &mut self.within);
            let ended = match self.parts.front_mut() {
                None => return true,
                Some(Part::Text(text)) => {
                    out.append(text);
                    true
                }
                Some(Part::Set(listed)) => set(listed, at, out),
                Some(Part::Each(listed)) => each(listed, at, within, out),
                Some(Part::Scores(scores)) => list_scores(scores, at, out),
                Some(Part::Threads(forest)) => forest.tell(out),
            };
            if ended {
                self.parts.pop_front();
                (self.at, self.within) = (0, 0);
            }
        }
        self.parts.is_empty()
    }
}

impl Correlator<'_> {
    /// `* ESEARCH (TAG "a1") UID`
    fn put(&self, out: &mut Vec<u8>) {
        put(out, format_args!("* ESEARCH (TAG \"{}\"", self.tag));
        if let Some((mailbox, validity)) = &self.mailbox {
            out.extend_from_slice(b" MAILBOX ");
            out.extend_from_slice(mailbox);
            put(out, format_args!(" UIDVALIDITY {validity}"));
        }
        out.push(b')');
        if self.uid {
            out.extend_from_slice(b" UID");
        }
    }
}

/// sequence-set; true at its end.
fn set(listed: &Listed, at: &mut usize, out: &mut Vec<u8>) -> bool {
    for (from, to) in listed.runs().iter().skip(*at) {
        if out.len() >= PIECE_MAX {
            return false;
        }
        let comma = if *at == 0 { "" } else { "," };
        match from == to {
            true => put(out, format_args!("{comma}{from}")),
            false => put(out, format_args!("{comma}{from}:{to}")),
        }
        *at += 1;
    }
    true
}

/// *(SP nz-number); true at its end.
fn each(listed: &Listed, at: &mut usize, within: &mut u32, out: &mut Vec<u8>) -> bool {
    while let Some((from, to)) = listed.runs().get(*at) {
        for number in (*from + *within)..=*to {
            if out.len() >= PIECE_MAX {
                *within = number - from;
                return false;
            }
            put(out, format_args!(" {number}"));
        }
        *within = 0;
        *at += 1;
    }
    true
}

/// score *(SP score); true at its end.
fn list_scores(scores: &[u8], at: &mut usize, out: &mut Vec<u8>) -> bool {
    for score in scores.iter().skip(*at) {
        if out.len() >= PIECE_MAX {
            return false;
        }
        let space = if *at == 0 { "" } else { " " };
        put(out, format_args!("{space}{score}"));
        *at += 1;
    }
    true
}
