//! Repair where whole files are wrong or gone: the right refusals, and what is told of what is lost.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::fs;
use std::path::{Path, PathBuf};
use storage::*;
use world::World;
use world::closed::{SIZES, change, files, journal};

const ADVICE: &str = "congvu store repair";

/// A closed store with a journal of some segments and no snapshot; and what it says.
fn closed() -> (World, String) {
    let mut world = World::sized(EngineKind::Sled, SIZES);
    (2..5).for_each(|id| world.letters(id, 0..12, "công văn"));
    let whole = world.store().fingerprint().unwrap();
    world.close();
    (world, whole)
}

#[test]
fn i19_the_file_of_another_segment_is_a_missing_one() {
    for last in [false, true] {
        let (mut world, whole) = closed();
        let segments = journal(&world.options);
        assert!(segments.len() > 2);
        let wrong = match last {
            true => segments.last().unwrap(),
            false => &segments[1],
        };
        fs::copy(&segments[0], wrong).unwrap();
        let e = Store::rebuild(&world.options).unwrap_err().to_string();
        assert!(
            e.contains("has the head of segment 1") && e.contains(ADVICE),
            "{e}"
        );
        let report = Store::repair(&world.options).unwrap();
        let told = &report.damage[0].what;
        assert!(told.contains("its file is that of segment 1"), "{told}");
        assert_eq!(report.remaining, Vec::<String>::new());
        let aside = world.options.dir.join("damaged/journal");
        assert!(aside.join(wrong.file_name().unwrap()).exists());
        world.reopen();
        assert_eq!(world.store().fingerprint().unwrap(), whole, "{last}");
        world.store().snapshot().unwrap();
        assert_eq!(world.check(), Vec::<String>::new());
    }
}

#[test]
fn the_file_of_another_segment_costs_no_more_than_the_segment() {
    let (mut world, _) = closed();
    let segments = journal(&world.options);
    fs::copy(&segments[0], &segments[1]).unwrap();
    fs::remove_dir_all(world.options.dir.join("index")).unwrap();
    let e = Store::open(&world.options).err().unwrap().to_string();
    assert!(e.contains(ADVICE), "{e}");
    let report = Store::repair(&world.options).unwrap();
    assert_eq!(report.remaining, Vec::<String>::new());
    world.reopen();
    let left = world.messages(4);
    assert!(left > 6, "the last segment is whole: {left}");
}

/// Flips four octets in the middle.
fn damage(path: &Path) {
    change(path, |octets| {
        let middle = octets.len() / 2;
        let four = octets[middle..middle + 4].iter_mut();
        four.for_each(|octet| *octet ^= 0xff);
    });
}

/// Repairs it without its index, and says what was lost for good.
fn repaired(world: &mut World) -> (Repaired, Gone) {
    fs::remove_dir_all(world.options.dir.join("index")).unwrap();
    let report = Store::repair(&world.options).unwrap();
    assert_eq!(report.remaining, Vec::<String>::new());
    world.reopen();
    let gone = report.gone.clone().unwrap();
    (report, gone)
}

#[test]
fn lost_commits_are_told_with_the_accounts_that_miss_them() {
    let (mut world, _) = closed();
    damage(&journal(&world.options)[1]);
    let (_, gone) = repaired(&mut world);
    let short: Vec<u32> = (2..5).filter(|id| world.messages(*id) < 12).collect();
    assert!(!short.is_empty(), "something is lost");
    let told: Vec<u32> = gone.accounts.iter().map(|id| id.raw()).collect();
    assert_eq!(told, short);
    assert!(gone.others, "a last commit leaves no hole");
    assert_eq!(gone.since, None, "the clock of the tests says 0");
}

#[test]
fn lost_blocks_of_a_snapshot_are_told_with_the_accounts_in_them() {
    let (mut world, _) = closed();
    world.reopen();
    (5..40).for_each(|id| world.letters(id, 0..20, "công văn"));
    world.store().snapshot().unwrap();
    world.close();
    let snapshots = files(&world.options.dir.join("snapshots"));
    let largest = snapshots
        .iter()
        .max_by_key(|p| fs::metadata(p).unwrap().len());
    damage(largest.unwrap());
    let (report, gone) = repaired(&mut world);
    assert!(!gone.accounts.is_empty() && gone.accounts.len() < 38);
    for id in 2..40 {
        let all = if id < 5 { 12 } else { 20 };
        let told = gone.accounts.contains(&AccountId::new(id).unwrap());
        assert!(told || world.messages(id) == all, "account {id}");
    }
    for damage in &report.damage {
        let words = &damage.what;
        assert!(!words.contains("  ") && !words.ends_with(' '), "{words}");
    }
}

/// A repair that is cut off when all is done but the telling.
fn cut_off_at_its_end(options: &Options) {
    let watch = Watch::new(|progress| {
        let near = progress.stage != Stage::Content;
        assert!(near, "the terminal is closed");
    });
    let options = Options {
        disk: Disk::default().watched(watch),
        ..options.clone()
    };
    let repair = std::panic::AssertUnwindSafe(|| Store::repair(&options));
    assert!(std::panic::catch_unwind(repair).is_err());
}

#[test]
fn what_is_lost_is_on_disk_before_the_new_files_are_in_their_places() {
    let (mut world, _) = closed();
    damage(&journal(&world.options)[1]);
    fs::remove_dir_all(world.options.dir.join("index")).unwrap();
    cut_off_at_its_end(&world.options);
    let path = world.options.dir.join("damaged/report.txt");
    let text = fs::read_to_string(&path).unwrap();
    let again = Store::repair(&world.options).unwrap();
    assert_eq!(again.damage, Vec::<Damage>::new());
    let untold = vec![Untold {
        path: path.clone(),
        lost: true,
    }];
    assert_eq!(again.untold, untold, "{text}");
    world.reopen();
    let short: Vec<String> = (2..5)
        .filter(|id| world.messages(*id) < 12)
        .map(|id| id.to_string())
        .collect();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("lost: changes of the accounts "));
    // Neighbours are told as a range.
    let told: String = line.unwrap().replace('-', ", ");
    assert!(
        short.iter().all(|id| told.split(", ").any(|t| t == id)) || short.len() == 3,
        "{text}"
    );
    for told in [
        "damage: đoạn nhật ký 2: ",
        "journal segment 2: commits from",
    ] {
        assert!(text.contains(told), "{text}");
    }
    world.close();
    again.told(&world.options, &[]).unwrap();
    assert_eq!(Store::repair(&world.options).unwrap().untold, Vec::new());
}

#[test]
fn a_report_says_what_was_told_and_a_store_without_damage_gets_none() {
    let (mut world, _) = closed();
    let report = Store::repair(&world.options).unwrap();
    assert_eq!((report.report, report.untold), (None, Vec::new()));
    assert!(!world.options.dir.join("damaged").exists());
    let pack = world.options.dir.join("packs/000001.pack");
    damage(&pack);
    let report = Store::repair(&world.options).unwrap();
    assert!(!report.contents.is_empty());
    let path = report.report.clone().unwrap();
    report
        .told(&world.options, &["account a@b.example".into()])
        .unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(
        text.matches("lost: the content of a message").count(),
        report.contents.len()
    );
    assert!(text.ends_with("account a@b.example\ntold\n"), "{text}");
    // The next one has a file of its own.
    let next = Store::repair(&world.options).unwrap();
    assert_eq!(next.untold, Vec::new());
    assert_ne!(next.report.unwrap(), path);
    world.reopen();
}

#[test]
fn what_the_index_has_is_not_lost() {
    let (mut world, whole) = closed();
    damage(&journal(&world.options)[1]);
    let report = Store::repair(&world.options).unwrap();
    assert_eq!((report.damage.len(), report.gone), (1, None));
    world.reopen();
    assert_eq!(world.store().fingerprint().unwrap(), whole);
}

fn names(dir: &Path) -> Vec<PathBuf> {
    let mut names = files(dir);
    names.retain(|path| !path.ends_with("lock"));
    names
}

#[test]
fn i18_a_store_without_its_format_is_refused_and_a_repair_makes_it_anew() {
    let (mut world, whole) = closed();
    let format = world.options.dir.join("format");
    fs::remove_file(&format).unwrap();
    let before = names(&world.options.dir);
    for engine in [EngineKind::Sled, EngineKind::Fjall] {
        let options = Options {
            engine,
            ..world.options.clone()
        };
        let refused = [
            Store::open(&options).err().unwrap(),
            Store::rebuild(&options).unwrap_err(),
            Store::migrate(&options, EngineKind::Fjall).unwrap_err(),
        ];
        for e in refused {
            assert!(e.to_string().contains(ADVICE), "{e}");
        }
        assert_eq!(names(&world.options.dir), before);
    }
    let report = Store::repair(&world.options).unwrap();
    let told = &report.damage[0].what;
    assert!(told.contains("`format` is missing"), "{told}");
    assert_eq!((report.damage.len(), report.gone), (1, None));
    assert!(format.exists());
    world.reopen();
    assert_eq!(world.store().fingerprint().unwrap(), whole);
    assert_eq!(world.check(), Vec::<String>::new());
}

/// Nothing says any more that it is sealed but the frames and blocks themselves.
#[test]
fn a_sealed_store_without_format_and_keyring_is_not_taken_for_damage() {
    for covered in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            dir: dir.path().join("store"),
            keys: KeySource::Master(MasterKey::new([7; 32])),
            ..Options::default()
        };
        let store = Store::open(&options).unwrap();
        if covered {
            store.snapshot().unwrap();
        }
        store.close().unwrap();
        drop(store);
        for name in ["format", "keyring", "keyring.copy"] {
            fs::remove_file(options.dir.join(name)).unwrap();
        }
        for keys in [KeySource::None, options.keys.clone()] {
            let options = Options {
                keys,
                ..options.clone()
            };
            let before = names(&options.dir);
            assert!(Store::repair(&options).is_err(), "{covered}");
            assert!(Store::open(&options).is_err(), "{covered}");
            assert_eq!(names(&options.dir), before);
        }
    }
}
