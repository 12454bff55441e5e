//! What is counted by domain and day until it is told: in memory, and in the store a little behind.
//!
//! | key | value |
//! |---|---|
//! | day since 1970, domain | the count, whole or its summary |
//! | day since 1970, domain, 0, part | a part of it |

use formats::address::DomainName;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use storage::{Error, RowChange, Store};

/// The version of these rows.
const VERSION: u8 = 1;
/// Seconds.
pub const DAY_S: i64 = 86_400;
/// Domains that are counted on one day; those that come later are not.
const DOMAINS_MAX: usize = 20_000;
/// Rows that are read at once.
const PAGE_MAX: usize = 500;
/// Domains that are told in one round.
const ROUND_MAX: usize = 50;
/// Reports do not all go at midnight (RFC 8460 §3.1); seconds within which each goes.
const SPREAD_S: i64 = 4 * 3600;

/// Of one domain on one day.
pub type Key = (u32, DomainName);

/// A part of a count, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Empty: the count itself.
    pub name: Vec<u8>,
    /// As JSON.
    pub value: Vec<u8>,
}

/// A part that was read.
struct Found<'a> {
    key: Key,
    name: &'a [u8],
    value: &'a [u8],
}

/// A count that is kept in parts.
pub trait Tally: Default + Send {
    /// What changed since it was last asked. Errors: it cannot be written.
    fn parts(&mut self) -> Result<Vec<Part>, serde_json::Error>;
    /// Takes a part back that was written before; what cannot be read is nothing.
    fn put(&mut self, name: &[u8], value: &[u8]);
    /// Parts beside the count itself.
    fn size(&self) -> usize {
        0
    }
}

/// The counts of a day.
struct Day<T> {
    counts: HashMap<Key, T>,
    /// Parts of all of them.
    parts: usize,
}

/// Counts of one kind.
pub struct Ledger<T> {
    store: Store,
    table: &'static str,
    day: Mutex<Day<T>>,
}

fn day_of(now: i64) -> u32 {
    u32::try_from(now / DAY_S).unwrap_or(0)
}

fn row_key((day, domain): &Key, part: &[u8]) -> Vec<u8> {
    let mut key = day.to_be_bytes().to_vec();
    key.extend_from_slice(domain.as_str().as_bytes());
    if !part.is_empty() {
        key.push(0);
        key.extend_from_slice(part);
    }
    key
}

fn parse_key(key: &[u8]) -> Option<(Key, &[u8])> {
    let (day, rest) = key.split_first_chunk::<4>()?;
    let end = rest.iter().position(|b| *b == 0).unwrap_or(rest.len());
    let (domain, part) = rest.split_at(end);
    let domain = DomainName::parse(std::str::from_utf8(domain).ok()?).ok()?;
    let part = part.strip_prefix(&[0]).unwrap_or(part);
    Some(((u32::from_be_bytes(*day), domain), part))
}

/// When within the hours of a day a domain's turn is, seconds.
fn spread(domain: &DomainName) -> i64 {
    let sum = domain
        .as_str()
        .bytes()
        .fold(0i64, |sum, b| (sum * 31 + i64::from(b)) % SPREAD_S);
    sum % SPREAD_S
}

impl<T: Tally> Ledger<T> {
    /// Goes on with what was counted today; `now`: Unix seconds. Errors: the store cannot be read.
    pub fn open(store: Store, table: &'static str, now: i64) -> Result<Self, Error> {
        let day = Day {
            counts: HashMap::new(),
            parts: 0,
        };
        let ledger = Self {
            store,
            table,
            day: Mutex::new(day),
        };
        let mut counts: HashMap<Key, T> = HashMap::new();
        ledger.each(
            &day_of(now).to_be_bytes(),
            &mut |Found { key, name, value }| {
                let room = counts.len() < DOMAINS_MAX || counts.contains_key(&key);
                if room {
                    counts.entry(key).or_default().put(name, value);
                }
                room
            },
        )?;
        *ledger.day() = Day {
            parts: counts.values().map(T::size).sum(),
            counts,
        };
        Ok(ledger)
    }

    fn day(&self) -> MutexGuard<'_, Day<T>> {
        self.day.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rows in the order of their keys, until `take` has enough.
    fn each(&self, prefix: &[u8], take: &mut dyn FnMut(Found<'_>) -> bool) -> Result<(), Error> {
        let table = self.store.table(self.table);
        let mut after: Option<Vec<u8>> = None;
        loop {
            let rows = table.rows(prefix, after.as_deref(), PAGE_MAX)?;
            for (key, value) in &rows {
                let (Some((key, name)), Some((&VERSION, value))) =
                    (parse_key(key), value.split_first())
                else {
                    continue;
                };
                if !take(Found { key, name, value }) {
                    return Ok(());
                }
            }
            match rows.last() {
                Some((last, _)) if rows.len() == PAGE_MAX => after = Some(last.clone()),
                _ => return Ok(()),
            }
        }
    }

    /// Counts: `add` gets the count of this domain and day, and how many parts all counts have.
    pub fn count(&self, domain: &DomainName, now: i64, add: impl FnOnce(&mut T, usize)) {
        let key = (day_of(now), domain.clone());
        let mut day = self.day();
        if day.counts.len() >= DOMAINS_MAX && !day.counts.contains_key(&key) {
            return;
        }
        let parts = day.parts;
        let one = day.counts.entry(key).or_default();
        let before = one.size();
        add(one, parts);
        let after = one.size();
        day.parts = (parts + after).saturating_sub(before);
    }

    /// Writes down what changed. Blocks.
    pub fn flush(&self, now: i64) -> Result<(), Error> {
        let today = day_of(now);
        let mut rows = Vec::new();
        {
            let mut day = self.day();
            for (key, count) in &mut day.counts {
                let parts = count.parts().map_err(|_| Error::Invalid("counts"))?;
                rows.extend(parts.into_iter().map(|part| RowChange {
                    table: self.table,
                    key: row_key(key, &part.name),
                    value: Some([&[VERSION][..], &part.value].concat()),
                }));
            }
            day.counts.retain(|(day, _), _| *day >= today);
            day.parts = day.counts.values().map(T::size).sum();
        }
        match rows.is_empty() {
            true => Ok(()),
            false => self.store.commit_rows(rows).map(|_| ()),
        }
    }

    /// What was counted on days before this one, of some domains whose turn it is and that `wait` does not put off.
    /// Blocks.
    pub fn due(&self, now: i64, wait: &dyn Fn(&Key) -> bool) -> Result<Vec<(Key, T)>, Error> {
        let today = day_of(now);
        let begins = |(day, domain): &Key| i64::from(day + 1) * DAY_S + spread(domain);
        let mut due: Vec<(Key, T)> = Vec::new();
        self.each(&[], &mut |Found { key, name, value }| {
            if key.0 >= today {
                return false;
            }
            if begins(&key) > now || wait(&key) {
                return true;
            }
            if due.last().is_none_or(|(last, _)| *last != key) {
                if due.len() == ROUND_MAX {
                    return false;
                }
                due.push((key, T::default()));
            }
            if let Some((_, count)) = due.last_mut() {
                count.put(name, value);
            }
            true
        })?;
        Ok(due)
    }

    /// Forgets what was told. Blocks.
    pub fn forget(&self, key: &Key) -> Result<(), Error> {
        let whole = row_key(key, &[]);
        let parts = [&whole[..], &[0]].concat();
        let mut keys = vec![whole];
        loop {
            let table = self.store.table(self.table);
            let after = keys.last().filter(|key| key.len() > parts.len()).cloned();
            let rows = table.rows(&parts, after.as_deref(), PAGE_MAX)?;
            let count = rows.len();
            keys.extend(rows.into_iter().map(|(key, _)| key));
            if count < PAGE_MAX {
                break;
            }
        }
        let gone = keys.into_iter().map(|key| RowChange {
            table: self.table,
            key,
            value: None,
        });
        self.store.commit_rows(gone.collect()).map(|_| ())
    }
}
