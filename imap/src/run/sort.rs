//! RFC 5256 §3 SORT, RFC 5957 display orders, RFC 6203 §6 RELEVANCY: the order of a result.
//!
//! Of each message one key is made whose octets order as the criteria do, and the keys lie in one
//! buffer: 50,000 messages by subject are some 4 MB while they are being sorted.

use super::Stop;
use super::context::Keyed;
use super::search::Hit;
use crate::ask::Completion;
use crate::wire::sort::{By, Criterion};
use formats::message::word::decode_words;
use formats::message::{Letterhead, Person, subject};
use formats::text;

/// Octets of one string that are compared.
const STRING_MAX: usize = 1_024;
/// Octets of all keys of one SORT.
const KEYS_MAX: usize = 64 * 1024 * 1024;

/// A SORT that gathers its keys.
pub(super) struct Sorting {
    criteria: Vec<Criterion>,
    keys: Vec<u8>,
    rows: Vec<Row>,
}

struct Row {
    at: u32,
    len: u32,
    uid: u32,
}

impl Row {
    fn of<'k>(&self, keys: &'k [u8]) -> &'k [u8] {
        &keys[self.at as usize..(self.at + self.len) as usize]
    }
}

impl Sorting {
    pub(super) fn new(criteria: Vec<Criterion>) -> Self {
        Self {
            criteria,
            keys: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Whether states are not enough.
    pub(super) fn needs_header(&self) -> bool {
        self.criteria.iter().any(|c| c.by.needs_header())
    }

    /// Takes a message; a missing header is an empty one. Errors: NO LIMIT.
    pub(super) fn add(&mut self, hit: &Hit, head: Option<&Letterhead>) -> Result<(), Stop> {
        let at = self.keys.len();
        key(&mut self.keys, &self.criteria, hit, head);
        if self.keys.len() > KEYS_MAX {
            let text = "Too much to sort; search for less or by another criterion";
            return Err(Completion::no("LIMIT", text).into());
        }
        self.rows.push(Row {
            at: at as u32,
            len: (self.keys.len() - at) as u32,
            uid: hit.uid,
        });
        Ok(())
    }

    /// The UIDs in order. RFC 5256 §3: what is equal stays in the order of the mailbox.
    pub(super) fn finish(&mut self) -> impl Iterator<Item = u32> + '_ {
        let keys = &self.keys;
        let rows = &mut self.rows;
        rows.sort_unstable_by(|a, b| a.of(keys).cmp(b.of(keys)).then(a.uid.cmp(&b.uid)));
        rows.iter().map(|row| row.uid)
    }

    /// The same with their keys, after [`Self::finish`].
    pub(super) fn keyed(&self) -> Vec<Keyed> {
        let rows = self.rows.iter();
        rows.map(|row| (row.of(&self.keys).into(), row.uid))
            .collect()
    }
}

/// Appends the octets by which a message is ordered.
pub(super) fn key(out: &mut Vec<u8>, criteria: &[Criterion], hit: &Hit, head: Option<&Letterhead>) {
    let none = Letterhead::default();
    let head = head.unwrap_or(&none);
    for criterion in criteria {
        let start = out.len();
        match criterion.by {
            By::Arrival => number(out, hit.received_at),
            // RFC 5256 §2.2: the state already has INTERNALDATE for a Date that cannot be read.
            By::Date => number(out, hit.sent_at),
            By::Size => number(out, i64::try_from(hit.size).unwrap_or(i64::MAX)),
            // RFC 6203 §6: the highest score comes first.
            By::Relevancy => out.push(u8::MAX - hit.score),
            By::Subject => {
                let raw = head.subject.as_deref().unwrap_or_default();
                string(out, &subject::reduce(raw).text);
            }
            By::From => string(out, &local(&head.from)),
            By::To => string(out, &local(&head.to)),
            By::Cc => string(out, &local(&head.cc)),
            By::DisplayFrom => string(out, &display(&head.from)),
            By::DisplayTo => string(out, &display(&head.to)),
        }
        if criterion.reverse {
            out[start..].iter_mut().for_each(|octet| *octet = !*octet);
        }
    }
}

/// Big-endian, negative numbers first.
fn number(out: &mut Vec<u8>, number: i64) {
    out.extend_from_slice(&((number as u64) ^ (1 << 63)).to_be_bytes());
}

/// RFC 5255 §4.6: i;unicode-casemap; ended by an octet below all others, so that a shorter string comes
/// before a longer one.
fn string(out: &mut Vec<u8>, string: &str) {
    // A character is at least an octet, so that no more of them are needed.
    let end = string
        .char_indices()
        .nth(STRING_MAX)
        .map_or(string.len(), |(at, _)| at);
    let ordered = text::order(&string[..end]);
    let octets = ordered.as_bytes();
    let octets = &octets[..octets.len().min(STRING_MAX)];
    match memchr::memchr(0, octets) {
        None => out.extend_from_slice(octets),
        Some(_) => out.extend(octets.iter().filter(|b| **b != 0)),
    }
    out.push(0);
}

/// addr-mailbox of the first address; of a group its name.
fn local(people: &[Person]) -> String {
    let first = people.first().and_then(|person| person.mailbox.as_deref());
    first.map(decode_words).unwrap_or_default()
}

/// RFC 5957 §3: the name that is shown, else the address, of the first address.
fn display(people: &[Person]) -> String {
    let Some(first) = people.first() else {
        return String::new();
    };
    if let Some(name) = first.display_name() {
        return name;
    }
    let local = first.mailbox.as_deref().unwrap_or_default();
    match first.host.as_deref().filter(|host| !host.is_empty()) {
        Some(host) => format!("{local}@{host}"),
        None => decode_words(local),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(criteria: &[Criterion], heads: &[(&str, &str)], expected: &[u32]) {
        let mut sorting = Sorting::new(criteria.to_vec());
        for (at, (subject, from)) in heads.iter().enumerate() {
            let head = Letterhead {
                subject: Some((*subject).to_owned()),
                from: formats::message::person::addresses(from.as_bytes()),
                ..Letterhead::default()
            };
            let hit = Hit {
                uid: at as u32 + 1,
                size: 10 - at as u64,
                ..Hit::default()
            };
            sorting.add(&hit, Some(&head)).unwrap();
        }
        assert_eq!(
            sorting.finish().collect::<Vec<_>>(),
            expected,
            "{criteria:?}"
        );
    }

    fn by(by: By) -> Criterion {
        Criterion { reverse: false, by }
    }

    fn reverse(by: By) -> Criterion {
        Criterion { reverse: true, by }
    }

    #[test]
    fn keys_order_as_the_criteria_do() {
        let heads = [
            ("b", "Zoe <a@x>"),
            ("Re: a", "\"an\" <b@x>"),
            ("A", "c@x"),
            ("", ""),
            ("ab", "a <a@y>"),
        ];
        check(&[by(By::Subject)], &heads, &[4, 2, 3, 5, 1]);
        // RFC 5256 §3: reversing does not reverse the order of what is equal.
        check(&[reverse(By::Subject)], &heads, &[1, 5, 2, 3, 4]);
        check(&[by(By::Subject), by(By::Size)], &heads, &[4, 3, 2, 5, 1]);
        check(&[by(By::Size)], &heads, &[5, 4, 3, 2, 1]);
        check(&[reverse(By::Size)], &heads, &[1, 2, 3, 4, 5]);
        check(&[by(By::From)], &heads, &[4, 1, 5, 2, 3]);
        check(&[by(By::DisplayFrom)], &heads, &[4, 5, 2, 3, 1]);
        check(&[by(By::Arrival)], &heads, &[1, 2, 3, 4, 5]);
    }

    #[test]
    fn i13_the_keys_are_bounded() {
        let mut sorting = Sorting::new(vec![by(By::Subject)]);
        let head = Letterhead {
            subject: Some("x".repeat(STRING_MAX + 9)),
            ..Letterhead::default()
        };
        let hit = Hit::default();
        let taken = (0..100_000).take_while(|_| sorting.add(&hit, Some(&head)).is_ok());
        assert_eq!(taken.count(), KEYS_MAX / (STRING_MAX + 1));
    }
}
