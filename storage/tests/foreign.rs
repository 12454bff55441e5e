//! Files of another store in a store's folder: whatever reads them notices, a repair moves them aside and loses
//! nothing else, and a store that has lost its file `format` stays the store that its files name.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::fs;
use std::path::{Path, PathBuf};
use storage::backup::{Failure, Which};
use storage::*;
use world::World;
use world::bench::Bench;
use world::closed::{SIZES, files};

const FOLDERS: [&str; 3] = ["journal", "packs", "snapshots"];
const ACCOUNTS: std::ops::Range<u32> = 2..5;

/// A closed store with snapshots, some segments of the journal and some packs. `letters` for each account, half of
/// them behind the snapshots.
fn closed(engine: EngineKind, subject: &str, letters: u64) -> World {
    let sizes = Sizes {
        pack: 8_000,
        ..SIZES
    };
    let mut world = World::sized(engine, sizes);
    ACCOUNTS.for_each(|id| world.letters(id, 0..letters / 2, subject));
    world.store().snapshot().unwrap();
    ACCOUNTS.for_each(|id| world.letters(id, letters / 2..letters, subject));
    world.close();
    world
}

/// Every file with its octets, but the lock.
fn octets(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for path in files(dir) {
        match path.is_dir() {
            true => found.extend(octets(&path)),
            false if path.ends_with("lock") => {}
            false => found.push((path.clone(), fs::read(&path).unwrap())),
        }
    }
    found
}

/// Letters that can be read, letters that cannot; none of them is another store's.
fn letters(store: &Store) -> (usize, usize) {
    let (mut whole, mut damaged) = (0, 0);
    for id in ACCOUNTS {
        let account = store.account(AccountId::new(id).unwrap());
        let mut emails = Vec::new();
        account
            .scan_all(&mut |state| {
                emails.push(state.email);
                true
            })
            .unwrap();
        for email in emails {
            let summary = account.summary(email).unwrap();
            assert_eq!(summary.head.subject.as_deref(), Some("của ta"));
            match account.content(email) {
                Ok(_) => whole += 1,
                Err(_) => damaged += 1,
            }
        }
    }
    (whole, damaged)
}

fn says(told: &str, path: &Path) {
    for word in [
        &path.display().to_string(),
        "belongs to another store",
        "`congvu store repair` moves it to damaged/",
    ] {
        assert!(told.contains(word), "{word}: {told}");
    }
    let english = told.matches("moves it to damaged/").count();
    let vietnamese = told.matches("chuyển nó vào damaged/").count();
    // An error prints itself in English; what a check tells is in both languages.
    assert!(
        english == 1 && vietnamese <= 1,
        "advice once in each language: {told}"
    );
    assert!(!told.contains('\n'), "{told}");
}

/// The identity in the file `format`.
fn identity(options: &Options) -> Vec<u8> {
    fs::read(options.dir.join("format")).unwrap()[13..29].to_vec()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Put {
    /// Over a file of the store that has the same name.
    Over,
    /// Beside them, under a name that the store has not.
    Beside,
}

/// Copies a file of the other store into the folder; where it lies.
fn put(other: &World, options: &Options, folder: &str, how: Put) -> PathBuf {
    let dir = options.dir.join(folder);
    let from = files(&other.options.dir.join(folder));
    let mut places = from
        .iter()
        .rev()
        .map(|path| (path, dir.join(path.file_name().unwrap())));
    let place = places.find(|(_, place)| place.exists() == (how == Put::Over));
    // Names of snapshots tell how far they reach, which need not be the same.
    let over = || {
        assert_eq!((folder, how), ("snapshots", Put::Over));
        (&from[0], files(&dir)[0].clone())
    };
    let (path, place) = place.unwrap_or_else(over);
    fs::copy(path, &place).unwrap();
    place
}

#[test]
fn a_file_of_another_store_is_refused_named_and_moved_aside() {
    let engine = EngineKind::Sled;
    let own = closed(engine, "của ta", 24);
    // Of the same size, and of more; the latter has files that the store has not.
    let (same, more) = (closed(engine, "x", 24), closed(engine, "x", 60));
    let all = ACCOUNTS.len() * 24;
    for folder in FOLDERS {
        for (how, other) in [(Put::Over, &same), (Put::Beside, &more)] {
            for with_index in [true, false] {
                let what = format!("{folder}, {how:?}, with index: {with_index}");
                let (_dir, options) = own.copied();
                let path = put(other, &options, folder, how);
                let foreign = fs::read(&path).unwrap();
                if !with_index {
                    fs::remove_dir_all(options.dir.join("index")).unwrap();
                }
                let before = octets(&options.dir);
                for (step, done) in [
                    ("open", Store::open(&options).map(drop)),
                    ("rebuild", Store::rebuild(&options).map(drop)),
                    (
                        "migrate",
                        Store::migrate(&options, EngineKind::Fjall).map(drop),
                    ),
                ] {
                    says(&done.expect_err(step).to_string(), &path);
                    assert!(octets(&options.dir) == before, "{what}: {step}");
                }

                let report = Store::repair(&options).unwrap();
                let told = &report.damage[0].what;
                assert!(told.contains(&path.display().to_string()), "{what}: {told}");
                assert!(told.contains("another store; it was moved"), "{told}");
                let aside = options.dir.join("damaged").join(path.file_name().unwrap());
                assert!(fs::read(aside).unwrap() == foreign, "{what}");
                assert_eq!(
                    report.remaining.is_empty(),
                    folder != "packs" || how == Put::Beside
                );
                assert_eq!(identity(&options), identity(&own.options));

                let store = Store::open(&options).unwrap();
                let (whole, damaged) = letters(&store);
                // What the store's own file held is gone; nothing else is.
                match (folder, how) {
                    (_, Put::Beside) => {
                        assert_eq!((whole, damaged), (all, 0), "{what}");
                        assert_eq!((report.damage.len(), &report.gone), (1, &None), "{what}");
                    }
                    ("packs", _) => {
                        assert_eq!(whole + damaged, all, "{what}");
                        assert!(whole > 0 && damaged == report.contents.len(), "{what}");
                    }
                    _ if with_index => {
                        assert_eq!((whole, damaged, &report.gone), (all, 0, &None), "{what}");
                    }
                    _ => assert!(report.gone.is_some() && damaged == 0, "{what}"),
                }
                if folder != "packs" {
                    store.snapshot().unwrap();
                    assert_eq!(store.check_deep().unwrap(), Vec::<String>::new(), "{what}");
                }
            }
        }
    }
}

#[test]
fn a_running_store_finds_what_came_into_its_folder() {
    let other = closed(EngineKind::Sled, "x", 60);
    for folder in FOLDERS {
        let mut world = closed(EngineKind::Sled, "của ta", 24);
        world.reopen();
        assert_eq!(world.check(), Vec::<String>::new());
        let path = put(&other, &world.options, folder, Put::Beside);
        let found = world.check();
        says(&found[0], &path);
        let before = octets(&world.options.dir.join("snapshots"));
        let refused = world.store().snapshot().unwrap_err();
        assert!(matches!(refused, Error::Corrupt(_)));
        says(&refused.to_string(), &path);
        assert!(octets(&world.options.dir.join("snapshots")) == before);
        fs::remove_file(path).unwrap();
        assert_eq!(world.check(), Vec::<String>::new());
        world.store().snapshot().unwrap();
    }
}

#[test]
fn a_backup_refuses_it_and_a_restored_store_is_the_one_that_was_backed_up() {
    let bench = Bench::new(backup::Secret::None);
    let (own, other) = (
        bench.world.options.clone(),
        closed(EngineKind::Memory, "x", 60),
    );
    for folder in ["journal", "packs"] {
        let dir = own.dir.join(folder);
        let from = files(&other.options.dir.join(folder)).pop().unwrap();
        let path = dir.join(match folder {
            "journal" => "0000000900.log",
            _ => "000900.pack",
        });
        fs::copy(from, &path).unwrap();
        match bench.take_at(7, false) {
            Err(Failure::Storage(e)) => says(&e.to_string(), &path),
            taken => panic!("{taken:?}"),
        }
        assert!(!bench.target.exists(), "nothing is begun");
        fs::remove_file(path).unwrap();
    }
    bench.take(8);
    let (dir, store) = bench.rebuilt(Which::Newest);
    let restored = Options {
        dir: dir.path().join("data/store"),
        ..own.clone()
    };
    assert_eq!(identity(&restored), identity(&own));
    let whole = bench.world.store().fingerprint().unwrap();
    assert_eq!(store.fingerprint().unwrap(), whole);
}

#[test]
fn another_engine_makes_it_no_other_store() {
    let world = closed(EngineKind::Sled, "của ta", 24);
    let before = identity(&world.options);
    Store::migrate(&world.options, EngineKind::Fjall).unwrap();
    assert_eq!(identity(&world.options), before);
    let options = Options {
        engine: EngineKind::Fjall,
        ..world.options.clone()
    };
    let store = Store::open(&options).unwrap();
    assert_eq!(letters(&store), (ACCOUNTS.len() * 24, 0));
}

#[test]
fn a_store_without_its_format_is_the_one_that_its_files_name_on_the_engine_of_its_index() {
    for (engine, asked) in [
        (EngineKind::Sled, EngineKind::Sled),
        (EngineKind::Sled, EngineKind::Fjall),
        (EngineKind::Fjall, EngineKind::Sled),
        (EngineKind::Memory, EngineKind::Memory),
    ] {
        for garbled in [false, true] {
            let world = closed(engine, "của ta", 24);
            let format = world.options.dir.join("format");
            let before = fs::read(&format).unwrap();
            match garbled {
                true => {
                    let mut octets = before.clone();
                    octets[20] ^= 1;
                    fs::write(&format, octets).unwrap();
                }
                false => fs::remove_file(&format).unwrap(),
            }
            // One foreign file does not outvote the others.
            let other = closed(EngineKind::Memory, "x", 60);
            let path = put(&other, &world.options, "journal", Put::Beside);
            let options = Options {
                engine: asked,
                ..world.options.clone()
            };
            let refused = Store::open(&options).map(drop).unwrap_err().to_string();
            assert!(refused.contains("congvu store repair"), "{refused}");
            let report = Store::repair(&options).unwrap();
            let told = &report.damage[0].what;
            assert!(told.contains("the one that its files name"), "{told}");
            assert!(told.contains(engine.name()), "{told}");
            assert!(!path.exists());
            assert_eq!(report.damage.len(), 2, "{report:?}");
            assert_eq!(report.gone, None);
            assert!(fs::read(&format).unwrap() == before, "{engine:?}");
            let store = Store::open(&world.options).unwrap();
            assert_eq!(letters(&store), (ACCOUNTS.len() * 24, 0));
        }
    }
}

/// Files from before heads named their store: only a store that is as old may have them.
#[test]
fn a_file_that_names_nobody_is_not_a_new_stores_own() {
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v3-store");
    for folder in FOLDERS {
        let world = closed(EngineKind::Sled, "của ta", 24);
        let from = files(&old.join(folder)).pop().unwrap();
        let name = match folder {
            "journal" => "0000000900.log",
            "packs" => "000900.pack",
            _ => "0000000900-0000000901.snap",
        };
        let path = world.options.dir.join(folder).join(name);
        fs::copy(from, &path).unwrap();
        let refused = Store::open(&world.options).map(drop).unwrap_err();
        says(&refused.to_string(), &path);
        let report = Store::repair(&world.options).unwrap();
        assert_eq!((report.damage.len(), report.gone), (1, None));
        let store = Store::open(&world.options).unwrap();
        assert_eq!(letters(&store), (ACCOUNTS.len() * 24, 0));
    }
}

#[test]
fn a_folder_in_the_place_of_a_file_goes_aside_too() {
    let own = closed(EngineKind::Sled, "của ta", 24);
    for folder in FOLDERS {
        let (_dir, options) = own.copied();
        let path = files(&options.dir.join(folder)).pop().unwrap();
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let refused = Store::open(&options).map(drop).unwrap_err().to_string();
        assert!(refused.contains("is a folder where a file"), "{refused}");
        assert!(refused.contains("congvu store repair"), "{refused}");
        let report = Store::repair(&options).unwrap();
        assert!(report.damage[0].what.contains("is a folder"), "{report:?}");
        assert_eq!(report.gone, None, "the index has it");
        let aside = options.dir.join("damaged").join(path.file_name().unwrap());
        assert!(aside.is_dir() && !options.dir.join("repaired").exists());
        let (whole, damaged) = letters(&Store::open(&options).unwrap());
        assert_eq!(whole + damaged, ACCOUNTS.len() * 24);
        assert_eq!(damaged > 0, folder == "packs", "{folder}");
    }
}

#[test]
fn a_link_that_leads_nowhere_in_the_place_of_a_file_goes_aside_too() {
    let own = closed(EngineKind::Sled, "của ta", 24);
    for folder in FOLDERS {
        let (_dir, options) = own.copied();
        let path = files(&options.dir.join(folder)).pop().unwrap();
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/nonexistent/disk", &path).unwrap();
        let refused = Store::open(&options).map(drop).unwrap_err().to_string();
        assert!(
            refused.contains("is a link that leads nowhere"),
            "{refused}"
        );
        assert!(refused.contains("congvu store repair"), "{refused}");
        let report = Store::repair(&options).unwrap();
        assert!(
            report.damage[0].what.contains("leads nowhere"),
            "{report:?}"
        );
        assert_eq!(report.gone, None, "the index has it");
        let aside = options.dir.join("damaged").join(path.file_name().unwrap());
        assert!(aside.is_symlink(), "{folder}");
        let (whole, damaged) = letters(&Store::open(&options).unwrap());
        assert_eq!(whole + damaged, ACCOUNTS.len() * 24);
        assert_eq!(damaged > 0, folder == "packs", "{folder}");
    }
}

#[test]
fn a_folder_in_the_place_of_the_checkpoint_goes_aside_and_costs_nothing() {
    let own = closed(EngineKind::Sled, "của ta", 24);
    let (_dir, options) = own.copied();
    let path = options.dir.join("checkpoint");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let refused = Store::open(&options).map(drop).unwrap_err().to_string();
    assert!(refused.contains("checkpoint is a folder"), "{refused}");
    assert!(refused.contains("congvu store repair"), "{refused}");
    let report = Store::repair(&options).unwrap();
    assert_eq!((report.gone, report.contents.len()), (None, 0));
    assert!(options.dir.join("damaged/checkpoint").is_dir());
    let (whole, damaged) = letters(&Store::open(&options).unwrap());
    assert_eq!((whole, damaged), (ACCOUNTS.len() * 24, 0));
}

/// They are the store's to make: nobody need be asked what should be in them.
#[test]
fn a_folder_in_the_place_of_lock_or_pin_is_refused_with_what_helps() {
    let own = closed(EngineKind::Sled, "của ta", 24);
    for name in ["lock", "pin"] {
        let (_dir, options) = own.copied();
        let folder = options.dir.join(name);
        let _ = fs::remove_file(&folder);
        fs::create_dir(&folder).unwrap();
        let opened = Store::open(&options).map(drop).unwrap_err();
        let repaired = Store::repair(&options).map(drop).unwrap_err();
        for refused in [opened, repaired] {
            let obstacle = Obstacle::FolderForFile {
                file: folder.display().to_string(),
            };
            assert_eq!(refused, Error::Unavailable(obstacle));
        }
        assert!(folder.is_dir());
        fs::remove_dir(&folder).unwrap();
        let store = Store::open(&options).unwrap();
        assert_eq!(letters(&store), (ACCOUNTS.len() * 24, 0));
        assert!(folder.is_file() || name == "pin");
    }
}

/// Nothing is acknowledged that would go into files which have no name any more.
#[test]
fn a_store_whose_folder_was_replaced_acknowledges_nothing_more() {
    let own = closed(EngineKind::Sled, "của ta", 24);
    let (_dir, options) = own.copied();
    let (_other, twin) = own.copied();
    let store = Store::open(&options).unwrap();
    let account = store.account(AccountId::new(2).unwrap());
    let inbox = account.by_role(Role::Inbox).unwrap().unwrap().id;
    let deliver = |n| world::deliver(&store, 2, inbox, &world::letter(n, "của ta", &[]), None);
    deliver(901).unwrap();
    assert!(store.writable());
    let aside = options.dir.with_file_name("aside");
    fs::rename(&options.dir, &aside).unwrap();
    let replaced = || {
        Error::Unavailable(Obstacle::FolderReplaced {
            dir: options.dir.display().to_string(),
        })
    };
    assert_eq!(deliver(902), Err(replaced()));
    world::closed::copy(&twin.dir, &options.dir);
    assert_eq!(deliver(903), Err(replaced()));
    assert!(!store.writable());
    assert_eq!(store.expect_writable(), Err(replaced()));
    let before = octets(&options.dir);
    assert_eq!(store.snapshot().map(drop), Err(replaced()));
    assert_eq!(
        store.maintain(&Policy::default()).map(drop),
        Err(replaced())
    );
    assert_eq!(octets(&options.dir), before);
    // Whoever sees it puts it back.
    fs::remove_dir_all(&options.dir).unwrap();
    fs::rename(&aside, &options.dir).unwrap();
    assert!(store.writable());
    deliver(904).unwrap();
    drop((account, store));
    let store = Store::open(&options).unwrap();
    assert_eq!(letters(&store), (ACCOUNTS.len() * 24 + 2, 0));
    // Stopping writes nothing there either.
    fs::rename(&options.dir, &aside).unwrap();
    world::closed::copy(&twin.dir, &options.dir);
    assert_eq!(store.close(), Err(replaced()));
    assert_eq!(octets(&options.dir), octets_of(&twin.dir, &options.dir));
}

/// The files of a folder, as if they lay in another one.
fn octets_of(dir: &Path, at: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let all = octets(dir).into_iter();
    all.map(|(path, octets)| (at.join(path.strip_prefix(dir).unwrap()), octets))
        .collect()
}

/// The index of a store that is further on would tell of its letters, and of commits that our journal has not.
#[test]
fn the_index_of_another_store_is_made_anew_and_never_asked() {
    for engine in [EngineKind::Sled, EngineKind::Fjall] {
        let own = closed(engine, "của ta", 24);
        let other = closed(engine, "x", 60);
        for repaired in [false, true] {
            let (_dir, options) = own.copied();
            let index = options.dir.join("index");
            fs::remove_dir_all(&index).unwrap();
            world::closed::copy(&other.options.dir.join("index"), &index);
            if repaired {
                let report = Store::repair(&options).unwrap();
                let told = &report.damage[0].what;
                assert!(told.contains("index belongs to another store"), "{told}");
                assert_eq!((report.damage.len(), report.gone), (1, None), "{engine:?}");
                assert_eq!(report.remaining, Vec::<String>::new());
            }
            let store = Store::open(&options).unwrap();
            let all = ACCOUNTS.len() * 24;
            assert_eq!(letters(&store), (all, 0), "{engine:?} {repaired}");
            assert_eq!(store.check_deep().unwrap(), Vec::<String>::new());
        }
    }
}

/// Where all other files name one store, the file `format` is what came from elsewhere; one that says nothing any
/// more is made anew like one that is not there.
#[test]
fn a_format_that_is_not_the_stores_own_is_made_anew() {
    let own = closed(EngineKind::Sled, "của ta", 24);
    let other = closed(EngineKind::Sled, "x", 24);
    let strange = fs::read(other.options.dir.join("format")).unwrap();
    let noise: Vec<u8> = (0..45u8).map(|n| n.wrapping_mul(151)).collect();
    for (octets, said) in [
        (&strange[..], "belongs to another store"),
        (&[], "is damaged"),
        (b"hello\n", "is damaged"),
        (&noise, "is damaged"),
    ] {
        let (_dir, options) = own.copied();
        fs::write(options.dir.join("format"), octets).unwrap();
        let refused = Store::open(&options).map(drop).unwrap_err().to_string();
        assert!(refused.contains("format"), "{refused}");
        assert!(refused.contains("`congvu store repair` makes"), "{refused}");
        let report = Store::repair(&options).unwrap();
        let told = &report.damage[0].what;
        assert!(told.contains(said), "{told}");
        assert_eq!((report.damage.len(), report.gone), (1, None), "{said}");
        assert_eq!(identity(&options), identity(&own.options));
        let store = Store::open(&options).unwrap();
        assert_eq!(letters(&store), (ACCOUNTS.len() * 24, 0));
    }
}

/// Its promises are another journal's: commits would seem to be lost.
#[test]
fn the_checkpoint_of_another_store_promises_nothing() {
    let own = closed(EngineKind::Sled, "của ta", 24);
    let other = closed(EngineKind::Sled, "x", 120);
    let (_dir, options) = own.copied();
    let from = other.options.dir.join("checkpoint");
    fs::copy(from, options.dir.join("checkpoint")).unwrap();
    let store = Store::open(&options).unwrap();
    assert_eq!(letters(&store), (ACCOUNTS.len() * 24, 0));
    assert_eq!(store.check_deep().unwrap(), Vec::<String>::new());
}

#[derive(Debug, Clone, Copy)]
enum Lost {
    Removed,
    /// Those of another store lie there.
    Exchanged,
    /// The pack went while another repair was cut off.
    Late,
}

#[test]
fn a_pack_of_which_only_the_index_tells_costs_what_was_in_it_and_no_more() {
    for lost in [Lost::Removed, Lost::Exchanged, Lost::Late] {
        let mut world = closed(EngineKind::Sled, "của ta", 40);
        let other = closed(EngineKind::Sled, "của họ", 40);
        let dir = &world.options.dir;
        let pack = dir.join("packs/000001.pack");
        fs::remove_file(&pack).unwrap();
        let snapshots = dir.join("snapshots");
        match lost {
            Lost::Removed => fs::remove_dir_all(&snapshots).unwrap(),
            Lost::Exchanged => {
                fs::copy(other.options.dir.join("packs/000001.pack"), &pack).unwrap();
                fs::remove_dir_all(&snapshots).unwrap();
                fs::create_dir(&snapshots).unwrap();
                put(&other, &world.options, "snapshots", Put::Beside);
            }
            Lost::Late => {
                fs::create_dir(dir.join("repaired")).unwrap();
                fs::write(dir.join("repaired/mending"), "whole").unwrap();
                assert!(Store::is_repair_cut_off(dir));
            }
        }
        assert!(Store::open(&world.options).is_err(), "{lost:?}");
        let report = Store::repair(&world.options).unwrap();
        let is_pack = |d: &&Damage| d.what.contains("pack 1 is missing");
        assert_eq!(report.damage.iter().filter(is_pack).count(), 1, "{lost:?}");
        assert_eq!(report.gone, None, "{lost:?}");
        let text = fs::read_to_string(report.report.as_ref().unwrap()).unwrap();
        assert!(text.contains("pack 1 is missing"), "{text}");
        assert_eq!(
            text.matches("lost: the content of a message").count(),
            report.contents.len()
        );
        world.reopen();
        let (whole, damaged) = letters(world.store());
        assert_eq!(whole + damaged, ACCOUNTS.len() * 40, "{lost:?}");
        assert_eq!(damaged, report.contents.len(), "{lost:?}");
        assert!(whole > 0 && damaged > 0, "{lost:?}: {whole}, {damaged}");
        world.close();
        let again = Store::repair(&world.options).unwrap();
        assert_eq!(again.contents, report.contents);
        assert!(!again.damage.iter().any(|d| is_pack(&d)), "{lost:?}");
    }
}
