//! From a needle without marks to the messages that may hold it, whatever marks stand on it there.
//!
//! The index has the texts with their marks, so the needle's runs are looked up in all their spellings: the
//! dictionary is gone through from each character that folds to the first one. That is exact where a letter and its
//! marks are one character, as `casemap` leaves them; messages with a mark that joins nothing are always possible.

use super::seek::{Own, Sought, opaque};
use super::shown::{Segment, Shown};
use super::term::{self, Place};
use crate::AccountId;
use formats::text::{MARKS, casemap, fold, is_mark};
use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;
use tantivy::postings::TermInfo;

/// Runs of a needle that are intersected: more of them exclude little more.
const RUNS_MAX: usize = 12;
/// Characters of a run.
const RUN: usize = 3;
/// Behind it no character folds to an ASCII one, once compatibility forms are joined.
const LAST: u32 = 0x2fff;

/// Characters such as texts have them, and the ASCII ones that they fold to.
struct Letters {
    plain: HashMap<char, u8>,
    spelled: HashMap<u8, Vec<char>>,
}

fn letters() -> &'static Letters {
    static LETTERS: OnceLock<Letters> = OnceLock::new();
    LETTERS.get_or_init(|| {
        let mut letters = Letters {
            plain: HashMap::new(),
            spelled: HashMap::new(),
        };
        for c in (0..=LAST).filter_map(char::from_u32) {
            let text = c.to_string();
            if let [plain @ 0..=0x7f] = fold(&text).as_bytes()
                && casemap(&text) == text
            {
                letters.plain.insert(c, *plain);
                letters.spelled.entry(*plain).or_default().push(c);
            }
        }
        letters
    })
}

/// What all segments say; `until` is left to the caller. `needle`: ASCII, folded.
pub(super) fn seek(
    shown: &Shown,
    account: AccountId,
    place: Place,
    needle: &str,
) -> tantivy::Result<Sought> {
    let octets = needle.as_bytes();
    let runs: BTreeSet<&[u8]> = match octets.len() {
        0..=RUN => BTreeSet::from([octets]),
        _ => octets.windows(RUN).take(RUNS_MAX).collect(),
    };
    let runs: Vec<&[u8]> = runs.into_iter().collect();
    let word = octets.len() > RUN && term::of_word(place, needle).is_some();
    let (own_kind, opaque_kind) = place.lists();
    let mut found = Sought::default();
    for segment in &shown.segments {
        let own = || Own::of(segment, own_kind, account);
        let Some(documents) = own()? else {
            continue;
        };
        let those = documents.among(spelled(segment, place, &runs)?)?;
        let emails = those.iter().filter_map(|d| segment.email(*d));
        found.possible.extend(emails.clone());
        if octets.len() <= RUN {
            found.certain.extend(emails);
        }
        for (list, terms) in [
            (&mut found.possible, stray(segment, place)?),
            (
                &mut found.certain,
                match word {
                    true => words(segment, place, octets)?,
                    false => Vec::new(),
                },
            ),
        ] {
            if !terms.is_empty()
                && let Some(documents) = own()?
            {
                let those = documents.among(vec![terms])?;
                list.extend(those.iter().filter_map(|d| segment.email(*d)));
            }
        }
        opaque(segment, opaque_kind, account, &mut found.possible)?;
    }
    // Who has it as a word has its runs, but for marks that join nothing.
    found.possible.extend_from_slice(&found.certain);
    found.tidy();
    Ok(found)
}

/// The terms of each of these runs in all spellings.
fn spelled(segment: &Segment, place: Place, runs: &[&[u8]]) -> tantivy::Result<Vec<Vec<TermInfo>>> {
    let letters = letters();
    let mut found = vec![Vec::new(); runs.len()];
    let firsts: BTreeSet<u8> = runs.iter().filter_map(|run| run.first().copied()).collect();
    for first in firsts {
        for c in letters.spelled.get(&first).into_iter().flatten() {
            each(segment, &term::of_run(place, &[*c]), &mut |text, info| {
                for (run, list) in runs.iter().zip(&mut found) {
                    let mut chars = text.chars();
                    let same = |octet: &u8| {
                        let c = chars.next();
                        c.and_then(|c| letters.plain.get(&c)) == Some(octet)
                    };
                    if run.iter().all(same) {
                        list.push(info.clone());
                    }
                }
            })?;
        }
    }
    Ok(found)
}

/// The terms of a word in all spellings.
fn words(segment: &Segment, place: Place, word: &[u8]) -> tantivy::Result<Vec<TermInfo>> {
    let letters = letters();
    let mut found = Vec::new();
    let spelled = word.first().and_then(|first| letters.spelled.get(first));
    for c in spelled.into_iter().flatten() {
        each(segment, &term::of_words(place, *c), &mut |text, info| {
            let chars = text.chars().filter(|c| !is_mark(*c));
            let mut plain = chars.map(|c| letters.plain.get(&c).copied());
            if word.iter().all(|octet| plain.next() == Some(Some(*octet))) && plain.next().is_none()
            {
                found.push(info.clone());
            }
        })?;
    }
    Ok(found)
}

/// The terms of runs that begin with a mark which joins nothing.
fn stray(segment: &Segment, place: Place) -> tantivy::Result<Vec<TermInfo>> {
    let mut found = Vec::new();
    for range in MARKS {
        let inverted = segment.inverted()?;
        let from = term::of_run(place, &[*range.start()]);
        let end = term::of_run(place, &[*range.end()]);
        let mut stream = inverted.terms().range().ge(&from).into_stream()?;
        while stream.advance() && (stream.key() <= end.as_slice() || stream.key().starts_with(&end))
        {
            found.push(stream.value().clone());
        }
    }
    Ok(found)
}

/// Every term that begins so: its text, and where its documents are.
fn each(
    segment: &Segment,
    beginning: &[u8],
    take: &mut dyn FnMut(&str, &TermInfo),
) -> tantivy::Result<()> {
    let inverted = segment.inverted()?;
    let mut stream = inverted.terms().range().ge(beginning).into_stream()?;
    while stream.advance() && stream.key().starts_with(beginning) {
        if let Some(Ok(text)) = stream.key().get(1..).map(std::str::from_utf8) {
            take(text, stream.value());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vietnamese_letter_is_one_spelling_of_its_plain_one() {
        let letters = letters();
        for c in
            "aàáảãạăằắẳẵặâầấẩẫậeèéẻẽẹêềếểễệiìíỉĩịoòóỏõọôồốổỗộơờớởỡợuùúủũụưừứửữựyỳýỷỹỵdđ".chars()
        {
            let plain = fold(&c.to_string());
            assert_eq!(letters.plain.get(&c), plain.as_bytes().first(), "{c}");
            assert!(letters.spelled[&plain.as_bytes()[0]].contains(&c));
        }
        assert_eq!(letters.plain.get(&'Ạ'), None, "texts are in lower case");
        assert_eq!(letters.plain.get(&'ж'), None);
    }
}
