//! One suite for every engine: what [`Engine`] promises, as a table of stories and as random
//! operations beside a plain map.

use super::{Engine, Op, VALUE_OCTETS_MAX, open};
use crate::{EngineKind, Error};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// Engine cache in these tests, octets.
const CACHE: u64 = 1 << 20;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// An engine's folder, to open it again.
struct Place {
    kind: EngineKind,
    dir: tempfile::TempDir,
}

impl Place {
    fn open(&self) -> Box<dyn Engine> {
        open(self.kind, &self.dir.path().join("engine"), CACHE).unwrap()
    }
}

/// Tells a story of each engine.
fn check(story: impl Fn(&Place)) {
    for kind in [EngineKind::Memory, EngineKind::Sled, EngineKind::Fjall] {
        let dir = tempfile::tempdir().unwrap();
        println!("{}", kind.name());
        story(&Place { kind, dir });
    }
}

fn put(key: &[u8], value: &[u8]) -> Op {
    Op::Put(key.to_vec(), value.to_vec())
}

fn model_write(model: &mut Model, ops: &[Op]) {
    for op in ops {
        match op {
            Op::Put(key, value) => model.insert(key.clone(), value.clone()),
            Op::Delete(key) => model.remove(key),
        };
    }
}

/// All pairs from `from` on that begin with `prefix`, through pages of `keys_max`.
fn all(
    engine: &dyn Engine,
    prefix: &[u8],
    from: &[u8],
    keys_max: usize,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (mut pairs, mut from) = (Vec::new(), from.to_vec());
    loop {
        let page = engine.scan(prefix, &from, keys_max).unwrap();
        assert!(page.pairs().count() <= keys_max);
        pairs.extend(page.pairs().map(|(k, v)| (k.to_vec(), v.to_vec())));
        match page.next() {
            Some(next) => from = next,
            None => return pairs,
        }
    }
}

fn same(engine: &dyn Engine, model: &Model) {
    let expected: Vec<_> = model.clone().into_iter().collect();
    for keys_max in [1_000, 7] {
        assert!(
            all(engine, &[], &[], keys_max) == expected,
            "another content"
        );
    }
}

#[test]
fn an_empty_engine_answers() {
    check(|place| {
        let engine = place.open();
        assert_eq!(engine.get(b"a").unwrap(), None);
        assert_eq!(engine.multi_get(&[]).unwrap(), []);
        assert_eq!(all(&*engine, &[], &[], 1), []);
        engine.write(&[]).unwrap();
        engine.write(&[Op::Delete(b"a".to_vec())]).unwrap();
        assert_eq!(all(&*engine, b"a", b"a", 9), []);
        engine.checkpoint().unwrap();
    });
}

#[test]
fn later_changes_of_a_key_win() {
    check(|place| {
        let engine = place.open();
        let ops = [
            put(b"a", b"1"),
            put(b"b", b"1"),
            put(b"a", b"2"),
            Op::Delete(b"b".to_vec()),
        ];
        engine.write(&ops).unwrap();
        engine
            .write(&[Op::Delete(b"c".to_vec()), put(b"c", b"")])
            .unwrap();
        let keys = [b"b".to_vec(), b"c".to_vec(), b"a".to_vec(), b"a".to_vec()];
        let values = engine.multi_get(&keys).unwrap();
        let two = Some(b"2".to_vec());
        assert_eq!(values, [None, Some(Vec::new()), two.clone(), two]);
    });
}

#[test]
fn scans_keep_to_the_prefix_and_the_order() {
    check(|place| {
        let engine = place.open();
        let keys: [&[u8]; 9] = [
            &[0],
            &[0, 0],
            &[0, 255],
            &[1],
            &[1, 0],
            &[1, 255, 255],
            &[2],
            &[255, 255],
            &[255, 255, 255, 255],
        ];
        let model: Model = keys.iter().map(|k| (k.to_vec(), k.to_vec())).collect();
        let ops: Vec<_> = keys.iter().rev().map(|k| put(k, k)).collect();
        engine.write(&ops).unwrap();
        let prefixes: [&[u8]; 8] = [
            &[],
            &[0],
            &[0, 255],
            &[1],
            &[1, 255],
            &[3],
            &[255],
            &[255; 5],
        ];
        for (prefix, from) in prefixes
            .iter()
            .flat_map(|p| keys.iter().map(move |k| (p, k)))
        {
            let expected: Vec<_> = model
                .range(from.max(prefix).to_vec()..)
                .filter(|(k, _)| k.starts_with(prefix))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            for keys_max in 1..4 {
                assert_eq!(
                    all(&*engine, prefix, from, keys_max),
                    expected,
                    "{prefix:?} {from:?}"
                );
            }
        }
    });
}

#[test]
fn values_at_the_limit_and_large_batches_pass() {
    check(|place| {
        let engine = place.open();
        let ops: Vec<_> = (0..300u32)
            .map(|n| {
                put(
                    &n.to_be_bytes(),
                    &vec![n as u8; VALUE_OCTETS_MAX - n as usize % 3],
                )
            })
            .collect();
        let mut model = Model::new();
        model_write(&mut model, &ops);
        engine.write(&ops).unwrap();
        same(&*engine, &model);
        let page = engine.scan(&[], &[], 1_000).unwrap();
        assert!(
            page.pairs().count() < 300,
            "a page is bounded by octets too"
        );
    });
}

/// A small generator: the same seed, the same history.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    /// Keys as the store has them: an account, a kind, a number; mostly growing, some random.
    fn op(&mut self, step: u64) -> Op {
        let (account, kind) = (self.roll(3) as u8, self.roll(3) as u8);
        let number = if kind == 2 {
            self.roll(500)
        } else {
            step / 4 + self.roll(8)
        };
        let mut key = vec![account, kind];
        key.extend_from_slice(&number.to_be_bytes());
        if self.roll(5) == 0 {
            return Op::Delete(key);
        }
        let octets = if self.roll(40) == 0 {
            self.roll(8_000)
        } else {
            self.roll(300)
        };
        let value = (0..octets).map(|n| (n * (step % 7)) as u8).collect();
        Op::Put(key, value)
    }
}

#[test]
fn random_changes_equal_a_map_also_when_opened_again() {
    check(|place| {
        for seed in 1..4 {
            let (mut dice, mut model) = (Dice(seed * 0x9E37_79B9), Model::new());
            let mut engine = place.open();
            let old: Vec<_> = all(&*engine, &[], &[], 100);
            engine
                .write(
                    &old.into_iter()
                        .map(|(k, _)| Op::Delete(k))
                        .collect::<Vec<_>>(),
                )
                .unwrap();
            for step in 0..150 {
                let many = if dice.roll(4) == 0 { 200 } else { 8 };
                let ops: Vec<_> = (0..dice.roll(many))
                    .map(|n| dice.op(step * 9 + n))
                    .collect();
                engine.write(&ops).unwrap();
                model_write(&mut model, &ops);
                for op in ops.iter().take(5) {
                    assert_eq!(engine.get(op.key()).unwrap().as_ref(), model.get(op.key()));
                }
                if step % 50 == 49 && place.kind != EngineKind::Memory {
                    engine.checkpoint().unwrap();
                    drop(engine);
                    engine = place.open();
                }
                if step % 25 == 24 {
                    same(&*engine, &model);
                }
            }
        }
    });
}

/// Pairs of keys are always written together, lower first, and count up: a reader that asks for
/// the lower one afterwards never finds it behind the higher.
#[test]
fn readers_beside_the_writer_see_whole_values_in_time() {
    check(|place| {
        let engine = place.open();
        let steady: Vec<_> = (0..200u16)
            .map(|n| put(&[&[5][..], &n.to_be_bytes()].concat(), &[7; 90]))
            .collect();
        engine.write(&steady).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (engine, done) = (&engine, &done);
            for reader in 0..2u8 {
                scope.spawn(move || {
                    while !done.load(Ordering::SeqCst) {
                        let high = engine.get(&[9, reader]).unwrap().unwrap_or(vec![0; 8]);
                        let low = engine.get(&[1, reader]).unwrap().unwrap_or(vec![0; 8]);
                        assert!(low >= high, "an older value after a newer one");
                        // What is not written meanwhile is always there, once.
                        assert_eq!(all(&**engine, &[5], &[], 64).len(), 200);
                    }
                });
            }
            for round in 1..200u64 {
                let value = round.to_be_bytes();
                let mut ops: Vec<_> = (0..2).map(|n| put(&[1, n], &value)).collect();
                ops.extend((0..20u64).map(|n| {
                    put(
                        &[&[4][..], &(round * 20 + n).to_be_bytes()].concat(),
                        &[1; 200],
                    )
                }));
                ops.extend((0..20u64).map(|n| {
                    put(
                        &[&[6][..], &(round * 20 + n).to_be_bytes()].concat(),
                        &[1; 200],
                    )
                }));
                ops.extend(
                    (0..20u64)
                        .map(|n| Op::Delete([&[4][..], &(round * 10 + n).to_be_bytes()].concat())),
                );
                engine.write(&ops).unwrap();
                engine
                    .write(&(0..2).map(|n| put(&[9, n], &value)).collect::<Vec<_>>())
                    .unwrap();
            }
            done.store(true, Ordering::SeqCst);
        });
    });
}

#[test]
fn what_an_engine_says_of_its_files_names_their_folder() {
    for kind in EngineKind::ON_DISK {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("engine");
        std::fs::write(&place, "a file").unwrap();
        let refused = open(kind, &place, CACHE).map(drop).unwrap_err();
        assert!(matches!(refused, Error::Unavailable(_)), "{refused:?}");
        let told = refused.to_string();
        assert!(told.contains(&place.display().to_string()), "{told}");
    }
}
