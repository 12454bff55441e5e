use super::folder::{Chain, Folder, write_base};
use super::write::Writer;
use super::*;
use crate::disk::Disk;
use crate::index::Op;
use crate::seal::Keys;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const OURS: Owner = Owner {
    id: [7; crate::owner::ID],
    unnamed: false,
};

type Model = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }

    fn op(&mut self) -> Op {
        let key = format!("key {:04}", self.roll(500)).into_bytes();
        let size = match self.roll(50) {
            0 => BLOCK_OCTETS * 2,
            _ => self.roll(300) as usize,
        };
        match self.roll(4) {
            0 => Op::Delete(key),
            _ => Op::Put(key, (0..size).map(|_| self.roll(256) as u8).collect()),
        }
    }
}

fn apply(model: &mut Model, op: &Op) {
    match op.clone() {
        Op::Put(key, value) => model.insert(key, Some(value)),
        Op::Delete(key) => model.insert(key, None),
    };
}

fn entries(model: &Model) -> impl Iterator<Item = Result<Entry, Error>> + '_ {
    model.iter().map(|(key, value)| {
        Ok(Entry {
            key: key.clone(),
            value: value.clone(),
        })
    })
}

fn collect(entries: impl Iterator<Item = Result<Entry, Error>>) -> Model {
    let entries: Vec<Entry> = entries.collect::<Result<_, _>>().unwrap();
    assert!(entries.is_sorted_by(|a, b| a.key < b.key));
    entries.into_iter().map(|e| (e.key, e.value)).collect()
}

fn folder() -> (tempfile::TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::at(dir.path(), &Disk::default(), &Keys::none(), OURS);
    folder.disk.make_dir(&folder.dir).unwrap();
    (dir, folder)
}

fn written(folder: &Folder, span: Span, model: &Model) -> Snapshot {
    let summary = Summary {
        system: ModSeq::new(7).unwrap(),
        time: -9,
    };
    let keep = || Ok(());
    folder
        .write(span, summary, &mut entries(model), &keep)
        .unwrap()
}

fn model(seed: u64, ops: usize) -> Model {
    let (mut dice, mut model) = (Dice(seed), Model::new());
    for _ in 0..ops {
        apply(&mut model, &dice.op());
    }
    model
}

const SPAN: Span = Span { first: 3, last: 9 };

#[test]
fn what_is_written_is_read_from_any_key_on() {
    let (_dir, folder) = folder();
    for (seed, ops) in [(1, 0), (2, 1), (3, 40), (4, 3_000)] {
        let model = model(seed, ops);
        let snapshot = written(&folder, SPAN, &model);
        assert_eq!((snapshot.span, snapshot.summary.time), (SPAN, -9));
        assert_eq!(collect(snapshot.entries(&[]).unwrap()), model);
        for at in [&b"key 0250"[..], b"a", b"z", b"key 0499x"] {
            let expected: Model = model
                .range(at.to_vec()..)
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            assert_eq!(collect(snapshot.entries(at).unwrap()), expected, "{at:?}");
        }
        let blocks = (0..snapshot.blocks()).flat_map(|n| snapshot.block(n).unwrap());
        assert_eq!(collect(blocks.map(Ok)), model);
    }
}

#[test]
fn keys_out_of_order_are_refused_and_nothing_stays() {
    let (_dir, folder) = folder();
    let mut writer = Writer::begin(&folder, SPAN, "x.new").unwrap();
    writer.push(b"b", Some(b"1")).unwrap();
    assert!(matches!(writer.push(b"b", None), Err(Error::Corrupt(_))));
    drop(writer);
    assert_eq!(fs::read_dir(&folder.dir).unwrap().count(), 0);
}

#[test]
fn every_flipped_bit_is_found() {
    let (_dir, folder) = folder();
    let snapshot = written(&folder, SPAN, &model(5, 60));
    let path = folder.dir.join(SPAN.name());
    let whole = fs::read(&path).unwrap();
    let verify =
        |path: &Path| Snapshot::open(path, SPAN, &Keys::none()).and_then(|s| s.verify(&|| Ok(())));
    assert!(snapshot.blocks() > 0 && verify(&path).is_ok());
    let mut dice = Dice(1);
    let ends = (0..200).chain(whole.len() - 400..whole.len());
    let middle = (0..400).map(|_| dice.roll(whole.len() as u64) as usize);
    for at in ends.chain(middle.collect::<Vec<_>>()) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&path, bytes).unwrap();
        assert!(matches!(verify(&path), Err(Error::Corrupt(_))), "at {at}");
    }
    for cut in [0, 10, FILE_HEAD, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..cut]).unwrap();
        assert!(
            matches!(verify(&path), Err(Error::Corrupt(_))),
            "cut at {cut}"
        );
    }
}

#[test]
fn a_file_under_another_name_is_none() {
    let (_dir, folder) = folder();
    written(&folder, SPAN, &model(5, 10));
    let other = Span { first: 3, last: 10 };
    let path = folder.dir.join(other.name());
    fs::rename(folder.dir.join(SPAN.name()), &path).unwrap();
    assert!(matches!(
        Snapshot::open(&path, other, &Keys::none()),
        Err(Error::Corrupt(_))
    ));
}

#[test]
fn i18_an_unknown_version_is_named() {
    let (_dir, folder) = folder();
    written(&folder, SPAN, &model(5, 10));
    let path = folder.dir.join(SPAN.name());
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] += 1;
    fs::write(&path, bytes).unwrap();
    let refused = Snapshot::open(&path, SPAN, &Keys::none())
        .unwrap_err()
        .to_string();
    assert!(refused.contains("unknown version 3"), "{refused}");
}

#[test]
fn sorting_with_any_memory_gives_the_last_of_each_key() {
    let (_dir, folder) = folder();
    for (seed, memory) in [(1, 1), (2, 5_000), (3, 100_000), (4, u64::MAX)] {
        let (mut dice, mut model) = (Dice(seed), Model::new());
        let mut sorter = Sorter::new(&folder, memory);
        for _ in 0..700 {
            let op = dice.op();
            apply(&mut model, &op);
            sorter.add(op).unwrap();
        }
        assert_eq!(collect(sorter.sorted().unwrap()), model, "{memory}");
        assert_eq!(
            fs::read_dir(&folder.dir).unwrap().count(),
            0,
            "runs are left"
        );
    }
}

#[test]
fn merged_files_are_the_newest_of_each_key() {
    let (_dir, folder) = folder();
    let (mut dice, mut all) = (Dice(9), Model::new());
    for last in 0..6 {
        let mut model = Model::new();
        for _ in 0..300 {
            let op = dice.op();
            apply(&mut model, &op);
            apply(&mut all, &op);
        }
        if last == 0 {
            model.retain(|_, v| v.is_some());
        }
        written(&folder, Span { first: last, last }, &model);
    }
    let chain = folder.chain().unwrap();
    assert_eq!((chain.covered(), chain.broken.clone()), (5, None));
    let living: Model = all.into_iter().filter(|(_, v)| v.is_some()).collect();
    assert_eq!(collect(chain.merged(&[]).unwrap().living()), living);
    let from = b"key 0300".to_vec();
    let expected: Model = living
        .range(from.clone()..)
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    assert_eq!(collect(chain.merged(&from).unwrap().living()), expected);
}

fn names(folder: &Folder) -> Vec<String> {
    let listed = fs::read_dir(&folder.dir).unwrap();
    let mut names: Vec<String> = listed
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn spans(chain: &Chain) -> Vec<(u32, u32)> {
    chain
        .files
        .iter()
        .map(|s| (s.span.first, s.span.last))
        .collect()
}

fn scramble(path: PathBuf) {
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn the_files_that_count() {
    let span = |first, last| Span { first, last };
    let model = model(1, 20);
    type Case<'a> = (&'a [(u32, u32)], &'a [(u32, u32)], &'a [(u32, u32)], bool);
    // Written, damaged, counted, and whether something is missing.
    let cases: [Case<'_>; 8] = [
        (&[], &[], &[], false),
        (&[(0, 2), (3, 5)], &[], &[(0, 2), (3, 5)], false),
        (&[(0, 2), (3, 5), (0, 5)], &[], &[(0, 5)], false),
        (
            &[(0, 2), (3, 5), (0, 5)],
            &[(0, 5)],
            &[(0, 2), (3, 5)],
            false,
        ),
        (
            &[(0, 2), (3, 5), (6, 6), (3, 6)],
            &[],
            &[(0, 2), (3, 6)],
            false,
        ),
        (&[(0, 2), (4, 5)], &[], &[(0, 2)], true),
        (&[(0, 2), (3, 5)], &[(3, 5)], &[(0, 2)], true),
        (&[(1, 2)], &[], &[], true),
    ];
    for (files, damaged, counted, broken) in cases {
        let (_dir, folder) = folder();
        for (first, last) in files {
            written(&folder, span(*first, *last), &model);
        }
        for (first, last) in damaged {
            scramble(folder.dir.join(span(*first, *last).name()));
        }
        let chain = folder.chain().unwrap();
        assert_eq!(spans(&chain), counted, "{files:?}");
        assert_eq!(chain.broken.is_some(), broken, "{files:?}");
        fs::write(folder.dir.join("0000000009-0000000009.snap.new"), b"x").unwrap();
        folder.clear().unwrap();
        let expected: Vec<String> = match damaged.is_empty() {
            true if !broken => counted.iter().map(|(a, b)| span(*a, *b).name()).collect(),
            _ => {
                let mut all: Vec<_> = files.iter().map(|(a, b)| span(*a, *b).name()).collect();
                all.sort();
                all
            }
        };
        assert_eq!(names(&folder), expected, "{files:?}");
        assert_eq!(spans(&folder.chain().unwrap()), counted, "{files:?}");
    }
}

#[test]
fn a_base_holds_what_lives() {
    let (_dir, folder) = folder();
    let model = model(3, 500);
    write_base(&folder, 4, Summary::NONE, &mut entries(&model)).unwrap();
    let chain = folder.chain().unwrap();
    assert_eq!(spans(&chain), [(0, 4)]);
    let living: Model = model.into_iter().filter(|(_, v)| v.is_some()).collect();
    assert_eq!(collect(chain.merged(&[]).unwrap()), living);
}

#[test]
fn sealed_files_are_read_with_their_keys_only() {
    let (dir, plain) = folder();
    let keys = crate::keyring::tests::keys(dir.path());
    let folder = Folder::at(dir.path(), &plain.disk, &keys, OURS);
    // Rows of tables, since a block is sealed under the key of its first key's account.
    let model: Model = (0..300u32)
        .map(|n| {
            (
                crate::key::row("secret", &n.to_be_bytes()),
                Some(vec![b'x'; 300]),
            )
        })
        .collect();
    let snapshot = written(&folder, SPAN, &model);
    assert_eq!(collect(snapshot.entries(&[]).unwrap()), model);
    let path = folder.dir.join(SPAN.name());
    let bytes = fs::read(&path).unwrap();
    assert!(!bytes.windows(6).any(|w| w == b"secret" || w == b"xxxxxx"));
    let refused = Snapshot::open(&path, SPAN, &Keys::none());
    assert!(matches!(refused, Err(Error::Corrupt(_))));
    keys.rotate(None).unwrap();
    let again = Snapshot::open(&path, SPAN, &keys).unwrap();
    assert_eq!(collect(again.entries(&[]).unwrap()), model);
}

#[test]
fn i18_a_head_is_written_as_before_and_that_of_version_1_is_still_read() {
    let kept = include_str!("../../tests/golden/snapshot.txt");
    let octets = |line: &str| -> Vec<u8> {
        let pairs = line.as_bytes().chunks(2);
        let octet = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        pairs.map(octet).collect()
    };
    let mut kept = kept.lines().map(octets);
    let (unnamed, named) = (kept.next().unwrap(), kept.next().unwrap());
    let written = file_head(SPAN, OURS);
    let shown: String = written.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(written, named, "the line should be {shown}");
    let first = Span { first: 0, last: 1 };
    assert_eq!(head_of(&unnamed), Some((first, Said::Nobody)));
    assert_eq!(head_of(&named), Some((SPAN, Said::Store(OURS.id))));
    for cut in 0..named.len() {
        assert_eq!(said(&named[..cut]), Said::Unreadable, "cut at {cut}");
    }
    for bit in 0..named.len() * 8 {
        let mut changed = named.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(said(&changed), Said::Unreadable, "bit {bit}");
    }
}
