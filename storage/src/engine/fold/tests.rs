//! Stops at every step: the maps below take only the first so many changes, as a crash leaves them.

use super::{Each, Folded, Pair, Rows};
use crate::Error;
use crate::engine::{Engine, Op};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Clone)]
struct Maps {
    keys: Arc<Mutex<BTreeMap<Vec<u8>, Vec<u8>>>>,
    /// Changes that are still taken, of both maps together.
    fuel: Arc<AtomicU64>,
}

impl Maps {
    fn burn(&self) -> Result<(), Error> {
        let burn = |fuel: u64| fuel.checked_sub(1);
        let burnt = self
            .fuel
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, burn);
        burnt
            .map(drop)
            .map_err(|_| Error::Unavailable("stopped".into()))
    }
}

impl Rows for Maps {
    type Value = Vec<u8>;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.keys.lock().unwrap().get(key).cloned())
    }

    fn floor(&self, key: &[u8]) -> Result<Option<Pair<Vec<u8>>>, Error> {
        let keys = self.keys.lock().unwrap();
        let found = keys.range(..=key.to_vec()).next_back();
        Ok(found.map(|(k, v)| (k.clone(), v.clone())))
    }

    fn lower(&self, key: &[u8]) -> Result<Option<Pair<Vec<u8>>>, Error> {
        let keys = self.keys.lock().unwrap();
        let found = keys.range(..key.to_vec()).next_back();
        Ok(found.map(|(k, v)| (k.clone(), v.clone())))
    }

    fn visit(&self, from: &[u8], each: &mut Each<'_>) -> Result<(), Error> {
        let pairs = self.keys.lock().unwrap().clone();
        let _ended = pairs.range(from.to_vec()..).all(|(k, v)| each(k, v));
        Ok(())
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.burn()?;
        self.keys
            .lock()
            .unwrap()
            .insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    fn remove(&self, key: &[u8]) -> Result<(), Error> {
        self.burn()?;
        self.keys.lock().unwrap().remove(key);
        Ok(())
    }
}

fn roll(dice: &mut u64, sides: u64) -> u64 {
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    *dice % sides
}

fn all(engine: &dyn Engine) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let (mut pairs, mut from) = (BTreeMap::new(), Vec::new());
    loop {
        let page = engine.scan(&[], &from, 50).unwrap();
        for (key, value) in page.pairs() {
            let again = pairs.insert(key.to_vec(), value.to_vec());
            assert_eq!(again, None, "a key twice");
        }
        match page.next() {
            Some(next) => from = next,
            None => return pairs,
        }
    }
}

/// Small or large; as if sealed, so that nothing makes it smaller, or of one octet.
fn value(dice: &mut u64, step: u64) -> Vec<u8> {
    let max = [200, 1_000][usize::from(roll(dice, 10) == 0)];
    let sealed = roll(dice, 2) == 0;
    let octet = |_| match sealed {
        true => roll(dice, 256) as u8,
        false => step as u8,
    };
    (0..max).map(octet).collect()
}

fn batch(dice: &mut u64, step: u64, emptying: bool) -> Vec<Op> {
    let many = [3, 60][roll(dice, 2) as usize];
    let op = |dice: &mut u64| {
        let key = [
            &[roll(dice, 3) as u8][..],
            &(step / 2 + roll(dice, 60)).to_be_bytes(),
        ]
        .concat();
        match roll(dice, 4) == 0 || emptying {
            true => Op::Delete(key),
            false => Op::Put(key, value(dice, step)),
        }
    };
    (0..roll(dice, many)).map(|_| op(dice)).collect()
}

/// A stop at any change, a new start, the last batch once more: as if nothing had happened.
#[test]
fn i19_a_stop_at_any_change_is_made_good_by_a_replay() {
    let mut dice = 0x1234_5678_9ABC_DEF1;
    let (mut stops, mut joins) = (0, 0);
    let fuel = Arc::new(AtomicU64::new(0));
    let maps = || Maps {
        keys: Arc::default(),
        fuel: fuel.clone(),
    };
    let (singles, pages) = (maps(), maps());
    let mut engine = Folded::new(singles.clone(), pages.clone());
    let mut model = BTreeMap::new();
    for step in 0..600 {
        let ops = batch(&mut dice, step, step % 200 > 150);
        let before = model.clone();
        for op in &ops {
            match op {
                Op::Put(key, value) => model.insert(key.clone(), value.clone()),
                Op::Delete(key) => model.remove(key),
            };
        }
        let had = pages.keys.lock().unwrap().len();
        fuel.store(roll(&mut dice, 40), Ordering::SeqCst);
        while engine.write(&ops).is_err() {
            stops += 1;
            // What the batch does not touch is as it was, what it touches is old or new.
            for (key, value) in all(&engine) {
                let is_old = before.get(&key) == Some(&value);
                assert!(
                    is_old
                        || model.get(&key) == Some(&value)
                        || ops.iter().any(|op| op.key() == key)
                );
            }
            let touched = |key: &Vec<u8>| ops.iter().any(|op| op.key() == key.as_slice());
            for (key, value) in before.iter().filter(|(key, _)| !touched(key)) {
                assert_eq!(engine.get(key).unwrap().as_ref(), Some(value));
            }
            engine = Folded::new(singles.clone(), pages.clone());
            fuel.store(roll(&mut dice, 80), Ordering::SeqCst);
        }
        joins += usize::from(pages.keys.lock().unwrap().len() < had);
        assert!(all(&engine) == model, "step {step}");
    }
    assert!(stops > 50 && joins > 5, "{stops} stops, {joins} joins");
}
