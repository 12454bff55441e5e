//! RFC 5256 §3 SORT, RFC 5957 display orders, RFC 6203 §6 RELEVANCY: the order of a result.
//!
//! What the header says comes as the rank of a message in a column of its mailbox, so that all criteria are
//! numbers: mostly they fit into one number of 128 bits together with the UID.

use super::Stop;
use super::columns::Column;
use super::context::Keyed;
use super::search::Hit;
use crate::ask::Completion;
use crate::wire::sort::{By, Criterion};
use formats::message::word::decode_words;
use formats::message::{Letterhead, Person, subject};
use formats::text;
use std::sync::Arc;

/// Octets of one string that are compared.
const STRING_MAX: usize = 1_024;
/// Octets that one SORT or THREAD may add to what is known of headers.
const KEYS_MAX: usize = 64 * 1024 * 1024;
/// Messages of one SORT or THREAD.
const HITS_MAX: usize = 1_000_000;

/// Whether so much can be ordered at one time. Errors: NO LIMIT.
pub(super) fn within_bounds(hits: usize, octets: usize) -> Result<(), Stop> {
    if hits <= HITS_MAX && octets <= KEYS_MAX {
        return Ok(());
    }
    let text = "Too much to sort; search for less or by another criterion";
    Err(Completion::no("LIMIT", text).into())
}

/// Messages by ascending UIDs, and a column for each criterion that asks for the header.
pub(super) struct Sorting<'a> {
    pub(super) criteria: &'a [Criterion],
    pub(super) hits: &'a [Hit],
    pub(super) columns: &'a [Option<Arc<Column>>],
}

impl Sorting<'_> {
    /// The UIDs in order. RFC 5256 §3: what is equal stays in the order of the mailbox.
    pub(super) fn order(&self) -> Vec<u32> {
        let width: u32 = self.criteria.iter().map(|c| bits(c.by)).sum();
        // Of all columns, as the hits come.
        let mut ranks: Vec<_> = self.ranks().collect();
        if width + u32::BITS <= u128::BITS {
            let mut rows: Vec<u128> = Vec::with_capacity(self.hits.len());
            for (at, hit) in self.hits.iter().enumerate() {
                let mut row = 0;
                for (criterion, ranks) in self.criteria.iter().zip(&ranks) {
                    let bits = bits(criterion.by);
                    let value = value(*criterion, hit, ranks.get(at)) >> (u64::BITS - bits);
                    row = row << bits | u128::from(value);
                }
                rows.push(row << u32::BITS | u128::from(hit.uid));
            }
            drop(ranks);
            rows.sort_unstable();
            return rows.into_iter().map(|row| row as u32).collect();
        }
        let mut rows: Vec<u32> = (0..self.hits.len() as u32).collect();
        // What the state says is at hand, so that only ranks were looked up.
        let key = |at: &u32| {
            let at = *at as usize;
            let all = self.criteria.iter().zip(&ranks);
            all.map(move |(c, ranks)| value(*c, &self.hits[at], ranks.get(at)))
        };
        rows.sort_by(|a, b| key(a).cmp(key(b)));
        ranks.clear();
        rows.into_iter()
            .map(|at| self.hits[at as usize].uid)
            .collect()
    }

    /// Of each criterion the ranks of the hits; none where the state is enough.
    fn ranks(&self) -> impl Iterator<Item = Vec<u32>> {
        self.columns.iter().map(|column| {
            let Some(column) = column else {
                return Vec::new();
            };
            let ranks = column.ranks();
            let places = column.places(self.hits.iter().map(|hit| hit.uid));
            places.map(|place| ranks[place]).collect()
        })
    }

    /// The same with keys that a later message can be compared with.
    pub(super) fn keyed(&self) -> Vec<Keyed> {
        let uids = || self.hits.iter().map(|hit| hit.uid);
        let mut entries: Vec<_> = self
            .columns
            .iter()
            .map(|column| {
                let column = column.as_deref()?;
                Some((column, column.places(uids())))
            })
            .collect();
        let mut rows: Vec<Keyed> = Vec::with_capacity(self.hits.len());
        for hit in self.hits {
            let mut key = Vec::new();
            for (criterion, entries) in self.criteria.iter().zip(&mut entries) {
                let place = entries
                    .as_mut()
                    .and_then(|(column, places)| places.next().map(|place| column.entry(place)));
                append(&mut key, *criterion, hit, place.unwrap_or_default());
            }
            rows.push((key.into(), hit.uid));
        }
        rows.sort_unstable();
        rows
    }
}

/// How many bits a criterion takes.
fn bits(by: By) -> u32 {
    match by {
        By::Arrival | By::Date | By::Size => u64::BITS,
        By::Relevancy => u8::BITS,
        By::Subject | By::From | By::To | By::Cc | By::DisplayFrom | By::DisplayTo => u32::BITS,
    }
}

/// A number that orders as the criterion does, in the highest [`bits`].
fn value(criterion: Criterion, hit: &Hit, rank: Option<&u32>) -> u64 {
    let value = match criterion.by {
        By::Arrival | By::Date | By::Size => number(criterion.by, hit),
        // RFC 6203 §6: the highest score comes first.
        By::Relevancy => u64::from(u8::MAX - hit.score) << (u64::BITS - u8::BITS),
        _ => u64::from(rank.copied().unwrap_or(0)) << u32::BITS,
    };
    match criterion.reverse {
        true => !value,
        false => value,
    }
}

/// What the state says, negative numbers first.
fn number(by: By, hit: &Hit) -> u64 {
    let signed = match by {
        By::Arrival => hit.received_at,
        // RFC 5256 §2.2: the state already has INTERNALDATE for a Date that cannot be read.
        By::Date => hit.sent_at,
        _ => i64::try_from(hit.size).unwrap_or(i64::MAX),
    };
    (signed as u64) ^ (1 << 63)
}

/// Appends the octets by which one message is ordered.
pub(super) fn key(out: &mut Vec<u8>, criteria: &[Criterion], hit: &Hit, head: Option<&Letterhead>) {
    for criterion in criteria {
        let entry = match criterion.by.needs_header() {
            true => entry(criterion.by, head),
            false => Vec::new(),
        };
        append(out, *criterion, hit, &entry);
    }
}

fn append(out: &mut Vec<u8>, criterion: Criterion, hit: &Hit, entry: &[u8]) {
    let start = out.len();
    match criterion.by {
        By::Arrival | By::Date | By::Size => {
            out.extend_from_slice(&number(criterion.by, hit).to_be_bytes());
        }
        By::Relevancy => out.push(u8::MAX - hit.score),
        _ => out.extend_from_slice(entry),
    }
    if criterion.reverse {
        out[start..].iter_mut().for_each(|octet| *octet = !*octet);
    }
}

/// The octets by which a header is ordered; a missing one is an empty one.
pub(super) fn entry(by: By, head: Option<&Letterhead>) -> Vec<u8> {
    let mut out = Vec::new();
    let none = Letterhead::default();
    let head = head.unwrap_or(&none);
    match by {
        By::Arrival | By::Date | By::Size | By::Relevancy => {}
        By::Subject => {
            let raw = head.subject.as_deref().unwrap_or_default();
            string(&mut out, &subject::reduce(raw).text);
        }
        By::From => string(&mut out, &local(&head.from)),
        By::To => string(&mut out, &local(&head.to)),
        By::Cc => string(&mut out, &local(&head.cc)),
        By::DisplayFrom => string(&mut out, &display(&head.from)),
        By::DisplayTo => string(&mut out, &display(&head.to)),
    }
    out
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

    /// By numbers, and by the keys that are kept, which must say the same.
    fn check(criteria: &[Criterion], heads: &[(&str, &str)], expected: &[u32]) {
        let heads: Vec<Letterhead> = heads
            .iter()
            .map(|(subject, from)| Letterhead {
                subject: Some((*subject).to_owned()),
                from: formats::message::person::addresses(from.as_bytes()),
                ..Letterhead::default()
            })
            .collect();
        let hits: Vec<Hit> = (1..=heads.len() as u32)
            .map(|uid| Hit {
                uid,
                size: 11 - u64::from(uid),
                sent_at: 1 - i64::from(uid % 3),
                ..Hit::default()
            })
            .collect();
        let columns: Vec<_> = criteria
            .iter()
            .map(|criterion| {
                let mut column = Column::default();
                for (hit, head) in hits.iter().zip(&heads) {
                    column.push(hit.uid, &entry(criterion.by, Some(head)));
                }
                criterion.by.needs_header().then(|| Arc::new(column))
            })
            .collect();
        let sorting = Sorting {
            criteria,
            hits: &hits,
            columns: &columns,
        };
        assert_eq!(sorting.order(), expected, "{criteria:?}");
        let keyed = sorting.keyed();
        let uids: Vec<u32> = keyed.iter().map(|(_, uid)| *uid).collect();
        assert_eq!(uids, expected, "{criteria:?}");
        for (kept, uid) in &keyed {
            let at = *uid as usize - 1;
            let mut alone = Vec::new();
            key(&mut alone, criteria, &hits[at], Some(&heads[at]));
            assert_eq!(**kept, *alone, "{criteria:?}");
        }
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
        check(&[by(By::Date)], &heads, &[2, 5, 1, 4, 3]);
        let three = [by(By::Date), reverse(By::Subject), by(By::Size)];
        check(&three, &heads, &[5, 2, 1, 4, 3]);
    }

    #[test]
    fn i13_what_is_ordered_is_bounded() {
        assert!(within_bounds(HITS_MAX, KEYS_MAX).is_ok());
        assert!(within_bounds(HITS_MAX + 1, 0).is_err());
        assert!(within_bounds(0, KEYS_MAX + 1).is_err());
        let head = Letterhead {
            subject: Some("x".repeat(STRING_MAX + 9)),
            ..Letterhead::default()
        };
        assert_eq!(entry(By::Subject, Some(&head)).len(), STRING_MAX + 1);
    }
}
