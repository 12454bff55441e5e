//! Whatever keeps a store from being opened is said in one sentence, with one piece of advice.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::fs;
use std::path::{Path, PathBuf};
use storage::*;
use world::closed::{SIZES, change, copy, files};
use world::{World, letter};

/// A closed store with a snapshot, segments behind it and some packs.
fn closed(keys: KeySource) -> World {
    let mut world = World::new(EngineKind::Sled);
    world.crash();
    fs::remove_dir_all(&world.options.dir).unwrap();
    world.options.keys = keys;
    world.options.sizes = Sizes {
        segment: 3_000,
        pack: 4_000,
        ..SIZES
    };
    world.reopen();
    world.letters(2, 0..20, "công văn");
    world.store().snapshot().unwrap();
    world.letters(2, 20..40, "công văn");
    world.close();
    world
}

fn last(options: &Options, folder: &str) -> PathBuf {
    files(&options.dir.join(folder)).pop().unwrap()
}

/// Gives a file the version 99, under a checksum that fits, which stands behind so many octets of its head.
fn from_the_future(path: &Path, covered: usize, sum: usize) {
    change(path, |octets| {
        octets[8] = 99;
        let hash = blake3::hash(&octets[..covered]);
        octets[covered..covered + sum].copy_from_slice(&hash.as_bytes()[..sum]);
    });
}

fn without_index(options: &Options) {
    fs::remove_dir_all(options.dir.join("index")).unwrap();
}

type Harm = fn(&Options);

const HARMS: [(&str, Cure, Harm); 16] = [
    ("a missing pack", Cure::Repair, |o| {
        fs::remove_file(&files(&o.dir.join("packs"))[0]).unwrap();
    }),
    ("a damaged head of a pack", Cure::Repair, |o| {
        change(&last(o, "packs"), |octets| octets[3] ^= 1);
    }),
    ("a damaged snapshot", Cure::Repair, |o| {
        change(&last(o, "snapshots"), |octets| octets[100] ^= 1);
        without_index(o);
    }),
    ("a damaged head of a snapshot", Cure::Repair, |o| {
        change(&last(o, "snapshots"), |octets| octets[3] ^= 1);
        without_index(o);
    }),
    ("a missing snapshot", Cure::Repair, |o| {
        fs::remove_file(last(o, "snapshots")).unwrap();
        without_index(o);
    }),
    ("a missing segment", Cure::Repair, |o| {
        fs::remove_file(&files(&o.dir.join("journal"))[1]).unwrap();
        without_index(o);
    }),
    ("a damaged head of a segment", Cure::Repair, |o| {
        change(&last(o, "journal"), |octets| octets[3] ^= 1);
        without_index(o);
    }),
    ("damage within a segment", Cure::Repair, |o| {
        change(&files(&o.dir.join("journal"))[0], |octets| octets[200] ^= 1);
        without_index(o);
    }),
    ("the file of another segment", Cure::Repair, |o| {
        let segments = files(&o.dir.join("journal"));
        fs::copy(&segments[0], &segments[1]).unwrap();
        without_index(o);
    }),
    ("a journal that ends too early", Cure::Repair, |o| {
        change(&last(o, "journal"), |octets| {
            octets.truncate(octets.len() - 1);
        });
    }),
    ("no format", Cure::Format, |o| {
        fs::remove_file(o.dir.join("format")).unwrap();
    }),
    ("a damaged format", Cure::Format, |o| {
        change(&o.dir.join("format"), |octets| octets[30] ^= 1);
    }),
    ("a repair that was cut off", Cure::EndRepair, |o| {
        fs::create_dir(o.dir.join("repaired")).unwrap();
        fs::write(o.dir.join("repaired/ready"), "whole").unwrap();
    }),
    ("a segment of a newer program", Cure::Newer, |o| {
        from_the_future(&last(o, "journal"), 40, 8);
        without_index(o);
    }),
    ("a pack of a newer program", Cure::Newer, |o| {
        from_the_future(&last(o, "packs"), 40, 8);
    }),
    ("a snapshot of a newer program", Cure::Newer, |o| {
        from_the_future(&last(o, "snapshots"), 36, 16);
        without_index(o);
    }),
];

/// The store in `options` is refused with this cure, in one sentence that says it once and no other.
fn refuses(options: &Options, cure: Cure, what: &str) {
    let refused = Store::open(options).map(drop).expect_err(what);
    let told = refused.to_string();
    let found = match refused {
        Error::Corrupt(damage) => damage.cure,
        _ => None,
    };
    assert_eq!(found, Some(cure), "{what}: {told}");
    assert!(told.ends_with(&cure.to_string()), "{what}: {told}");
    assert!(!told.contains('\n'), "{what}: {told}");
    let said = told.matches("congvu store repair").count();
    let once = usize::from(cure.to_string().contains("congvu store repair"));
    assert_eq!(said, once, "{what}: {told}");
    for other in Cure::ALL {
        assert_eq!(
            told.contains(&other.to_string()),
            other == cure,
            "{what}: {told}"
        );
    }
}

#[test]
fn damage_is_refused_with_one_piece_of_advice() {
    let world = closed(KeySource::None);
    for (what, cure, harm) in HARMS {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            dir: dir.path().join("store"),
            ..world.options.clone()
        };
        copy(&world.options.dir, &options.dir);
        harm(&options);
        refuses(&options, cure, what);
    }
}

#[test]
fn a_file_of_another_store_and_the_first_format_have_advice_of_their_own() {
    let (world, other) = (closed(KeySource::None), closed(KeySource::None));
    let pack = last(&other.options, "packs");
    fs::copy(pack, last(&world.options, "packs")).unwrap();
    refuses(&world.options, Cure::Foreign, "a foreign pack");
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        dir: dir.path().join("store"),
        ..world.options.clone()
    };
    let first = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1-store");
    copy(&first, &options.dir);
    let segment = options.dir.join("journal/0000000003.log");
    change(&segment, |octets| octets[500] ^= 1);
    refuses(
        &options,
        Cure::First,
        "damage to a store of the first format",
    );
}

#[test]
fn a_damaged_or_older_keyring_has_advice_of_its_own() {
    let mut world = closed(KeySource::Master(MasterKey::new([7; 32])));
    let names = ["keyring", "keyring.copy"];
    let path = |name: &str| world.options.dir.join(name);
    let older = fs::read(path("keyring")).unwrap();
    let write = |octets: &[u8]| {
        for name in names {
            fs::write(world.options.dir.join(name), octets).unwrap();
        }
    };
    let mut damaged = older.clone();
    damaged[20] ^= 1;
    write(&damaged);
    refuses(&world.options, Cure::Keyring, "a damaged keyring");
    write(&older);
    world.reopen();
    world.store().rotate_keys(None).unwrap();
    let inbox = world.account(2).by_role(Role::Inbox).unwrap().unwrap().id;
    world.deliver(2, inbox, &letter(900, "mới", &[]), None);
    world.close();
    for name in names {
        fs::write(world.options.dir.join(name), &older).unwrap();
    }
    refuses(&world.options, Cure::Keyring, "an older keyring");
}
