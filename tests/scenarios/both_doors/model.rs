//! What the two sides know.

use std::collections::{BTreeMap, BTreeSet};

/// Numbers that are the same in every run of a seed.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, max: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % max
    }

    pub fn fork(&mut self) -> Self {
        let high = self.below(1 << 30) as u64;
        Self(high << 30 | self.below(1 << 30) as u64)
    }

    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// A letter as it is shown: names of mailboxes, keywords in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Letter {
    pub mailboxes: BTreeSet<String>,
    pub keywords: BTreeSet<String>,
}

/// By the id that both protocols give it (RFC 9698 §3).
pub type Shown = BTreeMap<String, Letter>;

/// What one side did and was told.
pub struct Side {
    /// The beginning of its keywords, its letters and its mailboxes.
    pub letter: char,
    pub own: Shown,
    pub boxes: Vec<String>,
    pub made: usize,
    pub common: Vec<String>,
    /// Its keywords on letters in common.
    pub marks: BTreeMap<String, BTreeSet<String>>,
    /// Where letters in common may be, by its moves.
    pub moves: BTreeMap<String, BTreeSet<String>>,
    pub destroyed: BTreeSet<String>,
}

impl Side {
    pub fn new(letter: char) -> Self {
        Self {
            letter,
            own: Shown::new(),
            boxes: Vec::new(),
            made: 0,
            common: Vec::new(),
            marks: BTreeMap::new(),
            moves: BTreeMap::new(),
            destroyed: BTreeSet::new(),
        }
    }

    /// A mailbox for a letter of one's own: one that both have, or one of one's own.
    pub fn some_box(&self, dice: &mut Dice) -> String {
        let all: Vec<&str> = ["A", "B", "C"]
            .into_iter()
            .chain(self.boxes.iter().map(String::as_str))
            .collect();
        (*dice.pick(&all)).to_owned()
    }

    pub fn some_own(&self, dice: &mut Dice) -> Option<String> {
        let all: Vec<&String> = self.own.keys().collect();
        (!all.is_empty()).then(|| (*dice.pick(&all)).clone())
    }

    pub fn some_mark(&self, dice: &mut Dice) -> String {
        format!("{}{}", self.letter, dice.below(3))
    }

    pub fn mark(&mut self, id: &str, mark: &str, on: bool) {
        let marks = self.marks.entry(id.to_owned()).or_default();
        match on {
            true => marks.insert(mark.to_owned()),
            false => marks.remove(mark),
        };
    }

    pub fn moved(&mut self, id: &str, to: &str) {
        self.moves
            .entry(id.to_owned())
            .or_default()
            .insert(to.to_owned());
    }

    /// A mailbox that nobody has; none of a name is made twice.
    pub fn new_name(&mut self) -> String {
        self.made += 1;
        format!("{}{}", self.letter, self.made)
    }

    /// What is shown of letters in common is where they are.
    pub fn settle(&mut self, shown: &Shown) {
        for id in &self.common {
            let at = shown.get(id).map(|letter| letter.mailboxes.clone());
            self.moves.insert(id.clone(), at.unwrap_or_default());
        }
    }
}

/// A letter's text.
pub fn text(subject: &str) -> String {
    format!(
        "From: x@noikhac.vn\r\nTo: an@thu.gov.vn\r\nSubject: {subject}\r\nMessage-ID: <{subject}@x.vn>\r\n\r\nThư {subject}.\r\n"
    )
}
