//! Texts to terms: every run of three characters, and whole words.
//!
//! A text that holds a needle of three characters or more holds all runs of three of the needle, so
//! the messages that have all of these are the only ones that can hold it. Each text ends with two
//! marks more, so that a needle of one or two characters is the beginning of some run wherever it
//! stands. Whole words tell more than runs do: a message that has the needle as a word of its own
//! holds it for certain, and nobody need read it.

use std::collections::HashSet;

/// Terms of one message. One that has more is not indexed by its text: it is always looked into.
pub(crate) const TERMS_MAX: usize = 100_000;
/// Runs that are gathered before those that came twice are taken out.
const RUNS_MAX: usize = 1 << 20;
/// Characters of the words that are kept; longer ones are seldom asked for.
const WORD_CHARS: std::ops::RangeInclusive<usize> = 2..=16;
/// What follows a text. Neither a needle nor a text has it in earnest.
const END: char = '\0';

/// All messages of an account: the account follows.
pub(crate) const ACCOUNT: u8 = 0;
/// The messages of an account whose texts are not in the index.
pub(crate) const OPAQUE: u8 = 1;
/// One message, by its id within its account.
pub(crate) const EMAIL: u8 = 2;
/// The messages of an account that have text in attached files.
pub(crate) const DUE: u8 = 3;
/// The documents with the text of attached files, one for each message that has been looked at.
pub(crate) const ATTACHED: u8 = 4;
/// Those of them whose runs are too many to be in the index.
pub(crate) const ATTACHED_OPAQUE: u8 = 5;
/// Set in the first octet of a word's term.
const WORD: u8 = 0x80;

/// Where in a message a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Place {
    /// The subject as people read it.
    Subject = 16,
    /// Names and addresses, each person one text.
    From = 17,
    /// See `From`.
    To = 18,
    /// See `From`.
    Cc = 19,
    /// See `From`.
    Bcc = 20,
    /// Message-ID and In-Reply-To as the summary keeps them.
    Identifier = 21,
    /// Each field of the message's own header, its name before it.
    Header = 22,
    /// Each text part, decoded, and the fields of messages inside.
    Body = 23,
    /// The text of all attached files, without marks (`formats::text::fold`).
    Attached = 24,
    /// The names of files as they are shown.
    FileName = 25,
}

impl Place {
    /// The lists of messages of an account that have texts of this place: all, and those that are not in the index.
    pub(crate) fn lists(self) -> (u8, u8) {
        match self {
            Self::Attached => (ATTACHED, ATTACHED_OPAQUE),
            _ => (ACCOUNT, OPAQUE),
        }
    }

    /// Where words are kept besides runs; elsewhere texts are short and soon read.
    fn keeps_words(self) -> bool {
        matches!(self, Self::Subject | Self::Header | Self::Body)
    }
}

/// A term about an account.
pub(crate) fn of_account(kind: u8, account: crate::AccountId) -> Vec<u8> {
    let mut term = vec![kind];
    term.extend_from_slice(&account.raw().to_be_bytes());
    term
}

/// The term of a message's id.
pub(crate) fn of_email(email: crate::EmailId) -> Vec<u8> {
    let mut term = vec![EMAIL];
    term.extend_from_slice(&email.raw().to_be_bytes());
    term
}

/// The beginning of the terms of all runs that begin with these characters.
pub(crate) fn of_run(place: Place, chars: &[char]) -> Vec<u8> {
    let mut term = vec![place as u8];
    let mut octets = [0; 4];
    for c in chars {
        term.extend_from_slice(c.encode_utf8(&mut octets).as_bytes());
    }
    term
}

/// Whether this text, mapped for comparison, is one word such as the index keeps by themselves.
#[must_use]
pub fn is_word(text: &str) -> bool {
    words(text).next() == Some(text)
}

/// The term of this text as a word; `None` where it is none, or words are not kept.
pub(crate) fn of_word(place: Place, text: &str) -> Option<Vec<u8>> {
    (is_word(text) && place.keeps_words()).then(|| word(place, text))
}

/// The beginning of the terms of all words that begin with this character.
pub(crate) fn of_words(place: Place, first: char) -> Vec<u8> {
    word(place, first.encode_utf8(&mut [0; 4]))
}

fn word(place: Place, text: &str) -> Vec<u8> {
    let mut term = vec![place as u8 | WORD];
    term.extend_from_slice(text.as_bytes());
    term
}

/// The terms of one message, gathered text by text, place after place.
#[derive(Default)]
pub(crate) struct Terms {
    /// What is being gathered.
    place: Option<Place>,
    /// Its runs: three characters in 63 bits.
    runs: Vec<u64>,
    words: HashSet<Vec<u8>>,
    done: Vec<Vec<u8>>,
    too_many: bool,
}

impl Terms {
    /// Takes a text, mapped for comparison.
    pub(crate) fn add(&mut self, place: Place, text: &str) {
        if self.too_many {
            return;
        }
        if self.place != Some(place) {
            self.end();
            self.place = Some(place);
        }
        let (mut first, mut second) = (None, None);
        for c in text.chars().chain([END, END]) {
            if let (Some(a), Some(b)) = (first, second) {
                self.runs.push(packed([a, b, c]));
            }
            (first, second) = (second, Some(c));
            if self.runs.len() >= RUNS_MAX {
                self.tidy();
            }
        }
        if place.keeps_words() {
            for text in words(text) {
                let term = word(place, text);
                if !self.words.contains(&term) {
                    self.words.insert(term);
                }
            }
        }
        self.too_many |= self.words.len() > TERMS_MAX;
    }

    fn tidy(&mut self) {
        self.runs.sort_unstable();
        self.runs.dedup();
        self.too_many |= self.runs.len() + self.done.len() + self.words.len() > TERMS_MAX;
        if self.too_many {
            self.runs.clear();
        }
    }

    /// Ends the texts of one place.
    fn end(&mut self) {
        let Some(place) = self.place else {
            return;
        };
        self.tidy();
        let runs = std::mem::take(&mut self.runs);
        self.done
            .extend(runs.iter().map(|run| of_run(place, &unpacked(*run))));
    }

    /// All of them, each once; `None` when there are too many.
    pub(crate) fn all(mut self) -> Option<Vec<Vec<u8>>> {
        self.end();
        self.done.extend(self.words);
        (!self.too_many && self.done.len() <= TERMS_MAX).then_some(self.done)
    }
}

fn packed(chars: [char; 3]) -> u64 {
    chars
        .iter()
        .fold(0, |run, c| run << 21 | u64::from(*c as u32))
}

fn unpacked(run: u64) -> [char; 3] {
    [42, 21, 0].map(|shift| char::from_u32((run >> shift) as u32 & 0x1f_ffff).unwrap_or(END))
}

/// Letters, figures and what stands on them.
#[must_use]
pub fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&c)
}

/// The words that are kept: whole, without figures, neither too short nor too long.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_of_word(c)).filter(|word| {
        let length = word.chars().take(WORD_CHARS.end() + 1).count();
        WORD_CHARS.contains(&length) && !word.chars().any(char::is_numeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(place: Place, texts: &[&str]) -> Vec<String> {
        let mut terms = Terms::default();
        texts.iter().for_each(|text| terms.add(place, text));
        let mut all: Vec<String> = terms
            .all()
            .unwrap()
            .iter()
            .map(|t| {
                format!(
                    "{:x}{}",
                    t[0],
                    String::from_utf8_lossy(&t[1..]).replace('\0', "$")
                )
            })
            .collect();
        all.sort();
        all
    }

    #[test]
    fn texts_become_runs_and_words() {
        let check = |place, texts: &[&str], expected: &[&str]| {
            let mut expected = expected.to_vec();
            expected.sort_unstable();
            assert_eq!(terms(place, texts), expected, "{texts:?}");
        };
        check(
            Place::From,
            &["lê ă"],
            &["11 ă$", "11lê ", "11ă$$", "11ê ă"],
        );
        check(Place::From, &["a", "ab"], &["11a$$", "11ab$", "11b$$"]);
        check(Place::From, &["aaaa"], &["11a$$", "11aa$", "11aaa"]);
        check(
            Place::Subject,
            &["số x2 họ"],
            &[
                "10 họ", "10 x2", "102 h", "10họ$", "10số ", "10x2 ", "10ọ$$", "10ố x", "90họ",
                "90số",
            ],
        );
        check(Place::Body, &[""], &[]);
    }

    #[test]
    fn a_needle_that_is_a_word_is_one_term() {
        assert_eq!(
            of_word(Place::Body, "họp"),
            Some([&[0x97], "họp".as_bytes()].concat())
        );
        for (place, needle) in [
            (Place::From, "họp"),
            (Place::Body, "họp giao"),
            (Place::Body, "họp "),
            (Place::Body, "2026"),
            (Place::Body, "a"),
            (Place::Body, "abcdefghijklmnopq"),
            (Place::Body, ""),
        ] {
            assert_eq!(of_word(place, needle), None, "{needle:?}");
        }
    }

    #[test]
    fn i13_a_message_with_too_many_terms_has_none() {
        let mut terms = Terms::default();
        let all = (0x4e00..0x4e00 + 20_000).filter_map(char::from_u32);
        let text: String = all.flat_map(|c| [c, 'a', c, 'b', c, 'c', ' ']).collect();
        terms.add(Place::Body, &text);
        assert_eq!(terms.all(), None);
    }
}
