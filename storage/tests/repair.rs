//! Repair: single bits flipped anywhere are found, cost no more than what they hit, and the index is
//! always made anew.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::fs;
use std::path::{Path, PathBuf};
use storage::*;
use world::World;
use world::closed::{SIZES, change, copy, files};

/// A closed store with snapshots, a journal's tail and some packs; and what it says.
fn closed() -> (World, String) {
    let (mut world, whole) = filled();
    world.close();
    (world, whole)
}

/// The same, still open.
fn filled() -> (World, String) {
    let world = World::sized(EngineKind::Sled, SIZES);
    for id in 2..6 {
        world.letters(id, 0..12, "công văn");
        world.store().snapshot().unwrap();
    }
    for id in 2..6 {
        world.letters(id, 20..25, "tờ trình");
    }
    let whole = world.store().fingerprint().unwrap();
    (world, whole)
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % sides
    }
}

fn flip(path: &Path, at: usize, bit: u32) {
    change(path, |octets| octets[at] ^= 1 << bit);
}

/// A copy of the closed store in which one bit of one file of a folder is flipped.
fn flipped(world: &World, folder: &str, dice: &mut Dice) -> (tempfile::TempDir, Options, String) {
    let (dir, options) = world.copied();
    let files: Vec<PathBuf> = files(&options.dir.join(folder))
        .into_iter()
        .filter(|p| p.is_file() && fs::metadata(p).unwrap().len() > 0)
        .collect();
    let path = &files[dice.roll(files.len() as u64) as usize];
    let at = dice.roll(fs::metadata(path).unwrap().len()) as usize;
    let bit = dice.roll(8) as u32;
    flip(path, at, bit);
    let what = format!("{}, octet {at}, bit {bit}", path.display());
    (dir, options, what)
}

fn messages(store: &Store, id: u32) -> usize {
    let account = store.account(AccountId::new(id).unwrap());
    let mut messages = 0;
    account
        .scan_all(&mut |_| {
            messages += 1;
            true
        })
        .unwrap();
    messages
}

#[test]
fn a_store_without_damage_is_left_as_it_is() {
    let (world, whole) = closed();
    let before = files(&world.options.dir.join("snapshots"));
    let report = Store::repair(&world.options).unwrap();
    assert_eq!(report, Repaired::default());
    assert_eq!(files(&world.options.dir.join("snapshots")), before);
    let store = Store::open(&world.options).unwrap();
    assert_eq!(store.fingerprint().unwrap(), whole);
}

/// With the index at hand nothing at all is lost.
#[test]
fn i19_a_flipped_bit_of_snapshots_or_journal_costs_nothing_while_the_index_has_it() {
    let (world, whole) = closed();
    let mut dice = Dice(11);
    for folder in ["snapshots", "journal"] {
        for _ in 0..12 {
            let (_dir, options, what) = flipped(&world, folder, &mut dice);
            let report = Store::repair(&options).unwrap_or_else(|e| panic!("{what}: {e}"));
            // The last octets may be taken for what a stop left; the index then says what they were.
            assert!(!report.damage.is_empty(), "{what}: {report:?}");
            assert_eq!(report.remaining, Vec::<String>::new(), "{what}");
            let store = Store::open(&options).unwrap();
            assert_eq!(store.fingerprint().unwrap(), whole, "{what}");
            store.snapshot().unwrap();
            assert_eq!(store.check_deep().unwrap(), Vec::<String>::new(), "{what}");
        }
    }
}

/// Without the index only what was hit is lost, and every account can be used.
#[test]
fn a_flipped_bit_without_the_index_is_contained() {
    let (world, _) = closed();
    let mut dice = Dice(23);
    for folder in ["snapshots", "journal"] {
        for _ in 0..6 {
            let (_dir, options, what) = flipped(&world, folder, &mut dice);
            fs::remove_dir_all(options.dir.join("index")).unwrap();
            let report = Store::repair(&options).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert!(!report.damage.is_empty(), "{what}");
            assert!(report.aside.as_ref().unwrap().is_dir(), "{what}");
            let store = Store::open(&options).unwrap();
            if folder == "journal" {
                // One frame holds one delivery here.
                let all: usize = (2..6).map(|id| messages(&store, id)).sum();
                assert!(all >= 4 * 17 - 1, "{what}: {all} messages");
            }
            store.close().unwrap();
        }
    }
}

#[test]
fn i19_a_flipped_bit_of_the_index_is_mended_by_a_rebuild() {
    let (world, whole) = closed();
    let mut dice = Dice(31);
    for _ in 0..8 {
        let (_dir, options, what) = flipped(&world, "index", &mut dice);
        Store::rebuild(&options).unwrap_or_else(|e| panic!("{what}: {e}"));
        let store = Store::open(&options).unwrap();
        assert_eq!(store.fingerprint().unwrap(), whole, "{what}");
        assert_eq!(store.check().unwrap(), Vec::<String>::new(), "{what}");
    }
}

#[test]
fn i06_a_flipped_bit_of_a_pack_costs_one_message_and_tells_which() {
    let (world, whole) = closed();
    let mut dice = Dice(47);
    for _ in 0..12 {
        let (_dir, options, what) = flipped(&world, "packs", &mut dice);
        let report = Store::repair(&options).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(!report.damage.is_empty(), "{what}");
        assert!(report.contents.len() <= 1, "{what}: {report:?}");
        for lost in &report.contents {
            assert!(lost.subject.is_some() && lost.mailboxes[0].0 == "INBOX");
        }
        let store = Store::open(&options).unwrap();
        assert_eq!(store.fingerprint().unwrap(), whole, "{what}");
        for id in 2..6 {
            assert_eq!(messages(&store, id), 17, "{what}");
        }
    }
}

#[test]
fn a_missing_pack_is_told_and_the_rest_can_be_used() {
    let (world, _) = closed();
    let first = files(&world.options.dir.join("packs"))[0].clone();
    fs::remove_file(first).unwrap();
    assert!(matches!(
        Store::open(&world.options),
        Err(Error::Corrupt(_))
    ));
    let report = Store::repair(&world.options).unwrap();
    assert!(!report.contents.is_empty());
    let store = Store::open(&world.options).unwrap();
    for id in 2..6 {
        assert_eq!(messages(&store, id), 17);
    }
}

#[test]
fn a_repair_that_was_cut_off_goes_on() {
    let (world, whole) = closed();
    let dir = &world.options.dir;
    for file in files(&dir.join("snapshots")) {
        let middle = fs::metadata(&file).unwrap().len() as usize / 3;
        flip(&file, middle, 3);
    }
    let disk = Disk::forgetful(5);
    for steps in [1, 3, 9, 20, 40, 60, 80, 120, 200] {
        let copied = tempfile::tempdir().unwrap();
        let options = Options {
            dir: copied.path().join("store"),
            disk: disk.clone(),
            ..world.options.clone()
        };
        copy(dir, &options.dir);
        disk.fail_after(steps);
        let _ = Store::repair(&options);
        disk.power_cut().unwrap();
        let report = Store::repair(&options).unwrap_or_else(|e| panic!("{steps}: {e}"));
        assert_eq!(report.remaining, Vec::<String>::new(), "{steps}");
        let store = Store::open(&options).unwrap();
        assert_eq!(store.fingerprint().unwrap(), whole, "{steps}");
    }
}
