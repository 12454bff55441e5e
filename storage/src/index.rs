//! The index: keys and values over an engine, in puts and deletes that may be repeated.
//!
//! A value larger than the engines like is split over `PART` keys; nobody above sees that.
//! Nor that values are sealed, each under its account's key and bound to its own; keys are not hidden.

pub(crate) use crate::engine::Op;
use crate::engine::{Engine, VALUE_OCTETS_MAX};
use crate::seal::{Context, KeyId, Keys};
use crate::{AccountId, Error, domain, key, record};
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

/// First octet of a key's value when the value itself lies in parts. No record version is that high.
const IN_PARTS: u8 = 0xF0;
/// First octet of a sealed value: the key's id and what [`Keys::seal`] made of the value follow.
const SEALED: u8 = 0xF1;
/// Octets before the sealed piece.
const SEALED_HEAD: usize = 5;

/// Changes that are gathered with parts of a new value, before they are written.
const PARTS_AT_ONCE: usize = 32;

/// Keys of a scan's first page, and of its later ones.
const SCAN_KEYS_FIRST: usize = 16;
const SCAN_KEYS_MAX: usize = 1_024;

/// Called for each key and value; false ends the visit.
pub(crate) type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<bool, Error> + 'a;

/// See the module.
pub(crate) struct Index {
    engine: Box<dyn Engine>,
    damaged: AtomicBool,
    /// What was read is damaged: it answers wrong until it is made anew.
    unreadable: AtomicBool,
    /// Parts are written alone, so that nobody reads some old and some new ones.
    parts: RwLock<()>,
    /// Engines have one writer at a time.
    writing: Mutex<()>,
    keys: Keys,
}

impl Index {
    pub(crate) fn new(engine: Box<dyn Engine>) -> Self {
        Self {
            engine,
            damaged: AtomicBool::new(false),
            unreadable: AtomicBool::new(false),
            parts: RwLock::new(()),
            writing: Mutex::new(()),
            keys: Keys::none(),
        }
    }

    /// The same index, whose values are sealed from now on.
    pub(crate) fn sealed_with(self, keys: Keys) -> Self {
        Self { keys, ..self }
    }

    /// Whether something could not be written, or what was read is damaged: then this index must
    /// not be trusted by the next start.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::SeqCst)
    }

    /// Whether a reader met damage: what is asked of it may be answered wrong from now on.
    pub(crate) fn is_unreadable(&self) -> bool {
        self.unreadable.load(Ordering::SeqCst)
    }

    /// Makes the next start rebuild it: somebody found that it is not what it should be.
    pub(crate) fn suspect(&self) {
        self.damaged.store(true, Ordering::SeqCst);
    }

    /// Remembers damage that a reader met.
    pub(crate) fn noted<T>(&self, read: Result<T, Error>) -> Result<T, Error> {
        read.inspect_err(|e| {
            if matches!(e, Error::Corrupt(_)) {
                self.damaged.store(true, Ordering::SeqCst);
                self.unreadable.store(true, Ordering::SeqCst);
            }
        })
    }

    /// One value, whole.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.noted(self.engine.get(key).and_then(|value| match value {
            Some(stored) => Ok(self.whole(key, &stored)?.map(Cow::into_owned)),
            None => Ok(None),
        }))
    }

    /// Many values, whole, in the order asked.
    pub(crate) fn multi_get(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        let mut values = self.noted(self.engine.multi_get(keys))?;
        for (key, value) in keys.iter().zip(&mut values) {
            if let Some(stored) = value.take() {
                *value = self.noted(self.whole(key, &stored))?.map(Cow::into_owned);
            }
        }
        Ok(values)
    }

    /// The first key that is not below `from`, whatever its value.
    pub(crate) fn key_from(&self, from: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let page = self.noted(self.engine.scan(&[], from, 1))?;
        Ok(page.pairs().next().map(|(key, _)| key.to_vec()))
    }

    /// Visits the keys that begin with `prefix` and are not below `from`, until `each` returns false.
    pub(crate) fn scan(
        &self,
        prefix: &[u8],
        from: &[u8],
        each: &mut Visit<'_>,
    ) -> Result<(), Error> {
        self.scan_by(SCAN_KEYS_FIRST, prefix, from, each)
    }

    /// As [`Self::scan`], where about so many keys will be visited.
    pub(crate) fn scan_by(
        &self,
        keys: usize,
        prefix: &[u8],
        from: &[u8],
        each: &mut Visit<'_>,
    ) -> Result<(), Error> {
        let mut keys_max = keys.clamp(1, SCAN_KEYS_MAX);
        let mut from = from.max(prefix).to_vec();
        loop {
            let page = self.noted(self.engine.scan(prefix, &from, keys_max))?;
            for (key, value) in page.pairs() {
                // A part is nothing by itself.
                let more = match key::kind_of(key) {
                    key::PART => each(key, value),
                    _ => self.whole(key, value).and_then(|whole| match whole {
                        Some(whole) => each(key, &whole),
                        None => Ok(true),
                    }),
                };
                if !self.noted(more)? {
                    return Ok(());
                }
            }
            let Some(next) = page.next() else {
                return Ok(());
            };
            from = next;
            keys_max = (keys_max * 4).min(SCAN_KEYS_MAX);
        }
    }

    /// Makes one change; making it twice is the same as once.
    #[cfg(test)]
    pub(crate) fn apply(&self, op: &Op) -> Result<(), Error> {
        self.write(vec![op.clone()])
    }

    /// Makes the changes, in order; making them twice is the same as once.
    pub(crate) fn write(&self, ops: Vec<Op>) -> Result<(), Error> {
        self.write_after(ops, &|| {})
    }

    /// The same; before each piece of work that keeps other writers waiting, `others` may let them go first.
    pub(crate) fn write_after(&self, ops: Vec<Op>, others: &dyn Fn()) -> Result<(), Error> {
        self.write_in_parts(ops, others)
            .inspect_err(|_| self.damaged.store(true, Ordering::SeqCst))
    }

    /// Returns when all that was applied before is on disk.
    pub(crate) fn checkpoint(&self) -> Result<(), Error> {
        self.engine.checkpoint()
    }

    /// The value of a key from what the engine held at it: put together, then unsealed. `None` when
    /// it is gone meanwhile.
    fn whole<'a>(&self, key: &[u8], stored: &'a [u8]) -> Result<Option<Cow<'a, [u8]>>, Error> {
        let stored = match stored.first() {
            Some(&IN_PARTS) => match self.gather(key)? {
                Some(value) => Cow::Owned(value),
                None => return Ok(None),
            },
            _ => Cow::Borrowed(stored),
        };
        if stored.first() != Some(&SEALED) {
            self.keys.accept_plain()?;
            return Ok(Some(stored));
        }
        let (head, piece) = stored
            .split_at_checked(SEALED_HEAD)
            .ok_or_else(|| torn("is cut short"))?;
        let id = KeyId(u32::from_le_bytes([head[1], head[2], head[3], head[4]]));
        let opened = self.keys.unseal(id, Context::Value(key), piece);
        opened.map(|value| Some(Cow::Owned(value)))
    }

    /// What the engine is to hold for a value.
    fn sealed(&self, key: &[u8], value: Vec<u8>) -> Result<Vec<u8>, Error> {
        let account = key::account_of(key).unwrap_or(AccountId::SYSTEM);
        let id = self.keys.of(account);
        if id.is_plain() {
            return Ok(value);
        }
        let mut stored = vec![SEALED];
        stored.extend_from_slice(&id.0.to_le_bytes());
        stored.extend_from_slice(&self.keys.seal(id, Context::Value(key), &value)?);
        Ok(stored)
    }

    fn write_in_parts(&self, ops: Vec<Op>, others: &dyn Fn()) -> Result<(), Error> {
        let write = |out: &[Op]| {
            others();
            self.write_now(out)
        };
        let mut out = Vec::with_capacity(ops.len());
        // Keys whose parts lie in `out`: before one of them is looked at, `out` must be written.
        let mut large: Vec<Vec<u8>> = Vec::new();
        for op in ops {
            let replaces = match &op {
                // Of all kinds only these are ever written twice with values that may have been large.
                Op::Put(key, _) => matches!(key::kind_of(key), key::TABLE | key::QUEUE),
                Op::Delete(_) => true,
            };
            if replaces {
                if large.iter().any(|key| key == op.key()) {
                    write(&out)?;
                    out.clear();
                    large.clear();
                }
                self.drop_parts(op.key(), &mut out)?;
            }
            let (key, value) = match op {
                Op::Delete(_) => {
                    out.push(op);
                    continue;
                }
                Op::Put(key, value) => {
                    domain::note(&self.keys, &key, &value);
                    let sealed = self.sealed(&key, value)?;
                    (key, sealed)
                }
            };
            if value.len() <= VALUE_OCTETS_MAX {
                out.push(Op::Put(key, value));
                continue;
            }
            for (number, piece) in value.chunks(VALUE_OCTETS_MAX).enumerate() {
                out.push(Op::Put(key::part(&key, number as u16), piece.to_vec()));
                // Nobody looks at the parts of a new value before its key is there.
                if !replaces && out.len() >= PARTS_AT_ONCE {
                    write(&out)?;
                    out.clear();
                }
            }
            let mut head = vec![IN_PARTS];
            head.extend_from_slice(&(value.len() as u32).to_be_bytes());
            large.push(key.clone());
            out.push(Op::Put(key, head));
        }
        write(&out)
    }

    fn write_now(&self, out: &[Op]) -> Result<(), Error> {
        let of_part = |op: &Op| key::kind_of(op.key()) == key::PART;
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let alone = out.iter().any(of_part).then(|| self.parts.write());
        let written = self.engine.write(out);
        drop(alone);
        written
    }

    fn drop_parts(&self, key: &[u8], out: &mut Vec<Op>) -> Result<(), Error> {
        if let Some(head) = self.engine.get(key)? {
            out.extend((0..parts(&head)).map(|number| Op::Delete(key::part(key, number))));
        }
        Ok(())
    }

    /// A value in parts. It may have been replaced or removed since its head was read.
    fn gather(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let _still = self.parts.read().unwrap_or_else(PoisonError::into_inner);
        let Some(head) = self.engine.get(key)? else {
            return Ok(None);
        };
        if head.first() != Some(&IN_PARTS) {
            return Ok(Some(head));
        }
        let head = head.as_slice();
        let mut whole = Vec::with_capacity(parts(head) as usize * VALUE_OCTETS_MAX);
        for number in 0..parts(head) {
            let piece = self.engine.get(&key::part(key, number))?;
            whole.extend_from_slice(&piece.ok_or_else(|| torn("misses a part"))?);
        }
        if Some(whole.len()) != total(head) {
            return Err(torn("has another length than said"));
        }
        Ok(Some(whole))
    }
}

fn torn(what: &str) -> Error {
    Error::Corrupt(format!("a value of the index {what}").into())
}

/// Octets of the whole value, from what its own key holds.
fn total(head: &[u8]) -> Option<usize> {
    let (&IN_PARTS, rest) = head.split_first()? else {
        return None;
    };
    Some(u32::from_be_bytes(rest.try_into().ok()?) as usize)
}

fn parts(head: &[u8]) -> u16 {
    total(head).map_or(0, |t| t.div_ceil(VALUE_OCTETS_MAX) as u16)
}

/// Puts the operations of one commit into the body of a journal record.
pub(crate) fn encode_ops(ops: &[Op]) -> Vec<u8> {
    let sizes = ops.iter().map(|op| match op {
        Op::Put(k, v) => k.len() + v.len() + 7,
        Op::Delete(k) => k.len() + 3,
    });
    let mut body = Vec::with_capacity(sizes.sum());
    for op in ops {
        let (tag, key) = match op {
            Op::Put(key, _) => (1u8, key),
            Op::Delete(key) => (0u8, key),
        };
        body.push(tag);
        body.extend_from_slice(&(key.len() as u16).to_le_bytes());
        body.extend_from_slice(key);
        if let Op::Put(_, value) = op {
            body.extend_from_slice(&(value.len() as u32).to_le_bytes());
            body.extend_from_slice(value);
        }
    }
    body
}

/// Reads them back. The body passed its checksum, so what cannot be read is of another version (I-18).
pub(crate) fn decode_ops(body: &[u8]) -> Result<Vec<Op>, Error> {
    ops_of(body).collect()
}

/// The same one by one, for whoever does not keep them: a commit may be as large as a mailbox. Ends after an error.
pub(crate) fn ops_of(mut body: &[u8]) -> impl Iterator<Item = Result<Op, Error>> + '_ {
    std::iter::from_fn(move || {
        if body.is_empty() {
            return None;
        }
        let op = next_op(&mut body);
        if op.is_err() {
            body = &[];
        }
        Some(op)
    })
}

fn next_op(body: &mut &[u8]) -> Result<Op, Error> {
    let strange = || Error::Corrupt("a journal record cannot be read".into());
    let tag = take(body, 1).ok_or_else(strange)?[0];
    let length = take(body, 2).ok_or_else(strange)?;
    let length = u16::from_le_bytes([length[0], length[1]]) as usize;
    let key = take(body, length).ok_or_else(strange)?.to_vec();
    match tag {
        0 => Ok(Op::Delete(key)),
        1 => {
            let length = take(body, 4).ok_or_else(strange)?;
            let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]);
            let value = take(body, length as usize).ok_or_else(strange)?;
            record::body(value, "journal")?;
            Ok(Op::Put(key, value.to_vec()))
        }
        _ => Err(strange()),
    }
}

fn take<'a>(bytes: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (head, rest) = bytes.split_at_checked(n)?;
    *bytes = rest;
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AccountId;
    use crate::engine::MemoryEngine;

    fn key(rest: &[u8]) -> Vec<u8> {
        let mut key = key::kind(AccountId::SYSTEM, key::TABLE);
        key.extend_from_slice(rest);
        key
    }

    #[test]
    fn values_of_every_size_come_back_and_leave_nothing_behind() {
        let index = Index::new(Box::new(MemoryEngine::default()));
        for size in [
            1,
            VALUE_OCTETS_MAX,
            VALUE_OCTETS_MAX + 1,
            3 * VALUE_OCTETS_MAX,
            100_001,
            5,
        ] {
            let value: Vec<u8> = (0..size).map(|n| 1 + (n % 100) as u8).collect();
            index.apply(&Op::Put(key(b"a"), value.clone())).unwrap();
            assert_eq!(index.get(&key(b"a")).unwrap(), Some(value.clone()));
            let mut scanned = Vec::new();
            let visit = &mut |_: &[u8], found: &[u8]| {
                scanned.push(found.to_vec());
                Ok(true)
            };
            index.scan(&key(b""), &key(b""), visit).unwrap();
            assert_eq!(scanned, [value], "{size}");
        }
        index.apply(&Op::Put(key(b"a"), vec![1; 100_000])).unwrap();
        index.apply(&Op::Delete(key(b"a"))).unwrap();
        let mut left = 0;
        let visit = &mut |_: &[u8], _: &[u8]| {
            left += 1;
            Ok(true)
        };
        index.scan(&[], &[], visit).unwrap();
        assert_eq!(left, 0);
    }

    fn pairs(index: &Index) -> Vec<(Vec<u8>, Vec<u8>)> {
        let page = index.engine.scan(&[], &[], 100).unwrap();
        let pairs = page.pairs().map(|(k, v)| (k.to_vec(), v.to_vec()));
        pairs.collect()
    }

    #[test]
    fn sealed_values_come_back_and_are_bound_to_their_keys() {
        let folder = tempfile::tempdir().unwrap();
        let keys = crate::keyring::tests::keys(folder.path());
        let index = Index::new(Box::new(MemoryEngine::default())).sealed_with(keys.clone());
        let (own, other) = (key(b"a"), key(b"b"));
        for size in [1, 7_900, 8_000, 50_000] {
            let value: Vec<u8> = (0..size).map(|n| 1 + (n % 100) as u8).collect();
            index.apply(&Op::Put(own.clone(), value.clone())).unwrap();
            assert_eq!(index.get(&own), Ok(Some(value.clone())), "{size}");
            let all = pairs(&index);
            let shown = value.len() > 4
                && all
                    .iter()
                    .any(|(_, v)| v.windows(5).any(|w| w == &value[..5]));
            assert!(!shown, "{size}");
        }
        // What is sealed for one key says nothing at another.
        index
            .apply(&Op::Put(own.clone(), b"short".to_vec()))
            .unwrap();
        let stored = index.engine.get(&own).unwrap().unwrap();
        index
            .engine
            .write(&[Op::Put(other.clone(), stored.clone())])
            .unwrap();
        assert!(matches!(index.get(&other), Err(Error::Corrupt(_))));
        // Nor is anything plain believed here.
        index
            .engine
            .write(&[Op::Put(other.clone(), b"plain".to_vec())])
            .unwrap();
        assert!(matches!(index.get(&other), Err(Error::Corrupt(_))));
        for at in 0..stored.len() * 8 {
            let mut changed = stored.clone();
            changed[at / 8] ^= 1 << (at % 8);
            index
                .engine
                .write(&[Op::Put(own.clone(), changed)])
                .unwrap();
            assert!(
                matches!(index.get(&own), Err(Error::Corrupt(_))),
                "bit {at}"
            );
        }
    }

    #[test]
    fn large_values_that_are_replaced_meanwhile_are_read_whole_or_not_at_all() {
        let index = Index::new(Box::new(MemoryEngine::default()));
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0..2_000u32 {
                    let value = vec![1 + (n % 100) as u8; 30_000 - (n % 2) as usize * 25_000];
                    index.apply(&Op::Put(key(b"a"), value)).unwrap();
                    if n % 3 == 0 {
                        index.apply(&Op::Delete(key(b"a"))).unwrap();
                    }
                }
                over.store(true, Ordering::SeqCst);
            });
            let even = |value: &[u8]| value.iter().all(|b| *b == value[0]);
            while !over.load(Ordering::SeqCst) {
                assert!(index.get(&key(b"a")).unwrap().is_none_or(|v| even(&v)));
                let visit = &mut |_: &[u8], value: &[u8]| {
                    assert!(even(value));
                    Ok(true)
                };
                index.scan(&key(b""), &key(b""), visit).unwrap();
            }
        });
        assert!(!index.is_damaged());
    }

    #[test]
    fn damage_is_remembered() {
        let index = Index::new(Box::new(MemoryEngine::default()));
        index.apply(&Op::Put(key(b"a"), vec![1; 100_000])).unwrap();
        assert!(!index.is_damaged());
        index.apply(&Op::Delete(key::part(&key(b"a"), 3))).unwrap();
        assert!(matches!(index.get(&key(b"a")), Err(Error::Corrupt(_))));
        assert!(index.is_damaged());
    }

    #[test]
    fn i18_operations_of_an_unknown_kind_or_version_are_an_error() {
        let ops = vec![
            Op::Put(key(b"a"), vec![record::VERSION, 7]),
            Op::Delete(key(b"b")),
        ];
        let body = encode_ops(&ops);
        assert_eq!(decode_ops(&body).unwrap(), ops);
        for cut in 1..body.len() {
            let whole = decode_ops(&body[..cut]).is_ok_and(|found| found == ops[..1]);
            assert!(whole || decode_ops(&body[..cut]).is_err(), "cut at {cut}");
        }
        let unknown = encode_ops(&[Op::Put(key(b"a"), vec![record::VERSION + 1])]);
        assert!(matches!(decode_ops(&unknown), Err(Error::Corrupt(_))));
        let mut strange = body;
        strange[0] = 9;
        assert!(matches!(decode_ops(&strange), Err(Error::Corrupt(_))));
    }
}
