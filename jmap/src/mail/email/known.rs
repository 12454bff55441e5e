//! What the store's search index knows of the words of a filter, so that few messages need be read. It says where to
//! look: what it leaves open, and every message that is newer than it, is judged as without it.
//!
//! RFC 8621 §4.4.1: a search of the text or the body looks into attached files too, as far as their text is known.

use super::filter::{Budget, Filter, Test};
use super::search::{BARE, Haystack, OTHER, Rank, TYPED, Term, Words};
use crate::limit;
use crate::sight::Sight;
use std::collections::{BTreeSet, HashMap};
use std::marker::PhantomData;
use storage::TextPlace::{Bcc, Body, Cc, FileName, From, Header, Subject, To};
use storage::{EmailId, Sought, TextPlace};

/// What is known of one word.
struct OfTerm {
    /// Who may have it, marks or not; `None`: nothing is known.
    found: Option<Sought>,
    /// Who may have it where only the content tells, of a test that looks elsewhere too; `None`: not asked, or not known.
    inside: Option<Sought>,
    /// Who has it as it was typed, and without marks: a word by itself, all else wherever it stands; `None`: not asked,
    /// or nothing is known.
    alone: Option<[Vec<EmailId>; 2]>,
}

/// What is known of a filter.
#[derive(Default)]
pub(crate) struct Known<'q> {
    /// By where each test stands in the filter.
    tests: HashMap<*const Test, Vec<OfTerm>>,
    filter: PhantomData<&'q Filter>,
    /// Messages with some word of the filter in attached files.
    attached: BTreeSet<EmailId>,
}

/// Characters of what the index has in one piece.
const SHORT: usize = 3;

/// Who may pass a test: these, sorted, and all messages after one of them.
pub(crate) type Reach = (Vec<EmailId>, EmailId);

type Places = &'static [(TextPlace, bool)];

/// Where the text of a test may stand, and whether whom the index is certain of passes.
fn places(test: &Test) -> Option<(&[Term], Places)> {
    let (words, places): (_, Places) = match test {
        // Of people, groups are not looked into: the index names more. Other fields are not at all.
        Test::Text(words) => (
            words,
            &[
                (From, false),
                (To, false),
                (Cc, false),
                (Bcc, false),
                (FileName, false),
                (Subject, true),
                (Body, true),
            ],
        ),
        Test::Body(words) => (words, &[(Body, true)]),
        Test::Subject(words) => (words, &[(Subject, true)]),
        Test::From(words) => (words, &[(From, false)]),
        Test::To(words) => (words, &[(To, false)]),
        Test::Cc(words) => (words, &[(Cc, false)]),
        Test::Bcc(words) => (words, &[(Bcc, false)]),
        // The index does not tell one field from another.
        Test::Header(_, words) => {
            let words = words.as_ref().map(Words::terms).unwrap_or_default();
            return Some((words, &[(Header, false)]));
        }
        _ => return None,
    };
    Some((words.terms(), places))
}

/// What stands before the value of the field that a test asks for.
fn name(test: &Test) -> Option<Words> {
    match test {
        Test::Header(name, _) => Some(Words::phrase(&format!("{name}:"))),
        _ => None,
    }
}

impl<'q> Known<'q> {
    /// Asks the index for the words of a filter; for who ranks, also for what is written as it was typed. A word for which
    /// there is no budget left is judged by reading.
    pub(crate) fn of(mail: &Sight, filter: &'q Filter, ranked: bool, budget: &mut Budget) -> Self {
        let mut known = Self::default();
        let mut asked = BTreeSet::new();
        for test in filter.tests() {
            let Some((words, places)) = places(test) else {
                continue;
            };
            if matches!(test, Test::Text(_) | Test::Body(_)) {
                for term in words {
                    // The same word of another test has been asked for.
                    if !asked.contains(&term.bare) && budget.ask() {
                        asked.insert(&term.bare);
                        known.attached.extend(mail.sought_attached(&term.bare));
                    }
                }
            }
            let name = name(test);
            let ranked = ranked && name.is_none();
            let name = name.iter().flat_map(|name| name.terms());
            let terms = words.iter().chain(name);
            let terms = terms.map(|term| of_term(mail, term, places, ranked, budget));
            known
                .tests
                .insert(std::ptr::from_ref(test), terms.collect());
        }
        known
    }

    fn terms(&self, test: &Test) -> Option<&[OfTerm]> {
        let found = self.tests.get(&std::ptr::from_ref(test));
        found.map(Vec::as_slice)
    }

    /// Whether some word may stand in this message's files.
    pub(crate) fn may_have_attached(&self, email: EmailId) -> bool {
        self.attached.contains(&email)
    }

    fn may_stand_attached(&self, test: &Test, email: EmailId) -> bool {
        matches!(test, Test::Text(_) | Test::Body(_)) && self.may_have_attached(email)
    }

    /// Whether a message passes this test; `None`: it must be looked into.
    pub(crate) fn verdict(&self, test: &Test, email: EmailId) -> Option<bool> {
        let mut whole = Some(true);
        for term in self.terms(test)? {
            match term.found.as_ref().and_then(|found| found.verdict(email)) {
                Some(true) => {}
                Some(false) if !self.may_stand_attached(test, email) => return Some(false),
                _ => whole = None,
            }
        }
        whole
    }

    /// Whether a message whose summary and attached files (`hay`) have not all the words of this test may have the others in
    /// its body.
    pub(crate) fn may_stand_inside(&self, test: &Test, email: EmailId, hay: &[&Haystack]) -> bool {
        let (Some(terms), Some((words, _))) = (self.terms(test), places(test)) else {
            return true;
        };
        words.iter().zip(terms).all(|(word, term)| {
            let inside = term.inside.as_ref().and_then(|found| found.verdict(email));
            inside != Some(false) || hay.iter().any(|hay| hay.has(word))
        })
    }

    /// How near a message that passes this test comes to what was typed; `None`: it must be looked into.
    pub(crate) fn rank(&self, test: &Test, email: EmailId) -> Option<Rank> {
        let mut worst = TYPED;
        for term in self.terms(test)? {
            term.found.as_ref()?.verdict(email)?;
            let has = |list: &[EmailId]| list.binary_search(&email).is_ok();
            worst = worst.max(match &term.alone {
                Some([typed, _]) if has(typed) => TYPED,
                Some([_, bare]) if has(bare) => BARE,
                Some(_) => OTHER,
                None => return None,
            });
        }
        // What was typed may stand in a file.
        (worst == TYPED || !self.may_stand_attached(test, email)).then_some(worst)
    }

    /// The messages that may pass the tests which must hold; `None`: they are many, or not known.
    pub(crate) fn reach(&self, filter: &Filter) -> Option<Reach> {
        let tests = filter.required().into_iter();
        let mut reach: Option<Reach> = None;
        for (test, term) in tests.flat_map(|test| {
            let terms = self.terms(test).into_iter().flatten();
            terms.map(move |term| (test, term))
        }) {
            let found = term.found.as_ref();
            let Some((found, until)) = found.and_then(|found| Some((found, found.until?))) else {
                continue;
            };
            let mut emails = found.possible.clone();
            if matches!(test, Test::Text(_) | Test::Body(_)) {
                emails.extend(&self.attached);
                emails.sort_unstable();
                emails.dedup();
            }
            reach = Some(match reach {
                None => (emails, until),
                Some((mut both, before)) => {
                    both.retain(|email| emails.binary_search(email).is_ok());
                    (both, until.min(before))
                }
            });
        }
        reach.filter(|(emails, _)| emails.len() <= limit::SEARCH_REACH_MAX)
    }
}

fn of_term(
    mail: &Sight,
    term: &Term,
    places: &[(TextPlace, bool)],
    ranked: bool,
    budget: &mut Budget,
) -> OfTerm {
    let mut known = OfTerm {
        found: None,
        inside: None,
        alone: None,
    };
    if !budget.ask() {
        return known;
    }
    let Some((found, inside)) = found(mail, &term.bare, places) else {
        return known;
    };
    budget.named(found.possible.len());
    known.found = Some(found);
    known.inside = inside;
    if ranked {
        let bare = match term.typed == term.bare {
            true => Some(Vec::new()),
            false => alone(mail, term, &term.bare, places),
        };
        known.alone = alone(mail, term, &term.typed, places)
            .zip(bare)
            .map(|(typed, bare)| [typed, bare]);
    }
    known
}

/// Who has this spelling of a term so that it ranks, sorted; `None`: the index does not tell.
fn alone(
    mail: &Sight,
    term: &Term,
    spelling: &str,
    places: &[(TextPlace, bool)],
) -> Option<Vec<EmailId>> {
    let mut all = Vec::new();
    if term.word {
        // Names and addresses are short texts, of which no words are kept; as fields they are.
        let fields = (places.len() > 1).then_some(Header);
        let places = places.iter().map(|(place, _)| *place).chain(fields);
        let mut lists = places.filter_map(|place| mail.with_word(place, spelling));
        all = lists.next()?;
        lists.for_each(|list| all.extend(list));
    } else {
        // Of longer ones, the index is never certain.
        if spelling.chars().count() > SHORT {
            return None;
        }
        for (place, _) in places {
            all.extend(mail.sought_exactly(*place, spelling)?.certain);
        }
    }
    all.sort_unstable();
    all.dedup();
    Some(all)
}

/// Who may have a word or phrase somewhere. White space is one space to who judges, and any in the texts of the
/// index: so a phrase is looked up word by word. The index has spellings of ASCII alone: of other characters, as the
/// quotation marks around a phrase, it is not asked. Besides, of more places than one: who may have it in the body.
fn found(
    mail: &Sight,
    bare: &str,
    places: &[(TextPlace, bool)],
) -> Option<(Sought, Option<Sought>)> {
    let pieces = bare.split(|c: char| c.is_whitespace() || !c.is_ascii());
    let mut pieces: Vec<&str> = pieces.filter(|piece| !piece.is_empty()).collect();
    // The longest exclude the most.
    pieces.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
    pieces.truncate(limit::SEARCH_PIECES_MAX);
    let whole = pieces == [bare];
    let mut all: Option<Sought> = None;
    let mut inside: Option<Sought> = None;
    for piece in pieces {
        let mut anywhere: Option<Sought> = None;
        for (place, certain) in places {
            let sought = mail.sought(*place, piece)?;
            if *place == Body && places.len() > 1 {
                inside = Some(match inside {
                    None => sought.clone().at_most(),
                    Some(found) => found.and(&sought),
                });
            }
            let sought = match *certain && whole {
                true => sought,
                false => sought.at_most(),
            };
            anywhere = Some(match anywhere {
                None => sought,
                Some(found) => found.or(sought),
            });
        }
        let anywhere = anywhere?;
        all = Some(match all {
            None => anywhere,
            Some(found) => found.and(&anywhere),
        });
    }
    Some((all?, inside))
}
