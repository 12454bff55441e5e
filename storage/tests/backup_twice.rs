//! What a backup has two copies of, since nothing of it could be read without: its own `format`, the store's, and the
//! keyring. Either copy is enough, the next backup writes the other again, and the loss of both is told in words.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on must say so"
)]

mod world;

use std::fs;
use std::path::{Path, PathBuf};
use storage::backup::*;
use storage::*;
use world::bench::{Bench, files, quiet, secrets};

const FORMATS: [&str; 2] = ["format", "format.copy"];

/// Ways in which a file is lost.
fn losses(path: &Path) -> [Box<dyn Fn() + '_>; 4] {
    let whole = fs::read(path).unwrap();
    let (mut flipped, half) = (whole.clone(), whole[..whole.len() / 2].to_vec());
    flipped[whole.len() / 2] ^= 4;
    [
        Box::new(move || fs::write(path, &flipped).unwrap()),
        Box::new(move || fs::write(path, &half).unwrap()),
        Box::new(move || fs::write(path, vec![0; 5_000]).unwrap()),
        Box::new(move || fs::remove_file(path).unwrap()),
    ]
}

fn list_of(bench: &Bench) -> Result<Vec<Backup>, Failure> {
    list(
        &FolderVault::open(&bench.target, &Disk::default())?,
        &bench.secret,
    )
}

fn salvage(bench: &Bench, to: &Path, keyring: Option<&[u8]>) -> Result<Rebuilt, Failure> {
    let task = Restore {
        vault: &bench.vault(),
        secret: &bench.secret,
        which: Which::Newest,
        to,
        disk: &Disk::default(),
        workers: 2,
        salvage: true,
        keyring,
        leap: false,
    };
    restore(&task, &mut quiet)
}

#[test]
fn either_format_is_enough_and_mends_the_other() {
    for secret in secrets() {
        let bench = Bench::new(secret);
        bench.take(1);
        let [file, copy] = FORMATS.map(|name| bench.target.join(name));
        let whole = fs::read(&file).unwrap();
        assert_eq!(fs::read(&copy).unwrap(), whole);
        let mut at = 2;
        for path in [&file, &copy] {
            for (number, lose) in losses(path).iter().enumerate() {
                lose();
                assert_eq!(list_of(&bench).unwrap().len() as i64, at - 1);
                assert_eq!(bench.check().len(), 1);
                if number == 0 {
                    drop(bench.rebuilt(Which::Newest));
                }
                if number % 2 == 1 {
                    // It needs nobody's leave to write the other one again.
                    bench.prune(Keep::Newest(100)).unwrap();
                    assert_eq!(bench.check(), Vec::<String>::new());
                }
                bench.take(at);
                assert_eq!(fs::read(&file).unwrap(), whole, "{number}");
                assert_eq!(fs::read(&copy).unwrap(), whole, "{number}");
                assert_eq!(bench.check(), Vec::<String>::new());
                at += 1;
            }
        }
        // A backup of an earlier version has neither copy nor twins, and is as good.
        fs::remove_file(&copy).unwrap();
        fs::remove_dir_all(bench.target.join("twins")).unwrap();
        let told = bench.check();
        assert!(!told.iter().any(|line| line.contains("format")), "{told:?}");
    }
}

#[test]
fn without_both_formats_a_plain_backup_goes_on_and_a_sealed_one_says_what_it_is() {
    for secret in secrets() {
        let bench = Bench::new(secret);
        bench.take(1);
        let [file, copy] = FORMATS.map(|name| bench.target.join(name));
        let wholes = [&file, &copy].map(|path| fs::read(path).unwrap());
        for number in 0..4 {
            losses(&file)[number]();
            losses(&copy)[3 - number]();
            if matches!(bench.secret, Secret::None) {
                assert_eq!(list_of(&bench).unwrap().len(), number + 1);
                assert!(!bench.check().is_empty());
                drop(bench.rebuilt(Which::Newest));
                let taken = bench.take(number as i64 + 2);
                // Only what is vital is looked at each time; nothing of it is new.
                assert_eq!(taken.new_chunks, 0, "{taken:?}");
                assert_eq!(bench.check(), Vec::<String>::new());
            } else {
                let before = files(&bench.target);
                let told = bench.take_at(9, false).unwrap_err();
                assert!(
                    matches!(told, Failure::Refused(Refusal::NoFormat(_))),
                    "{told}"
                );
                assert_eq!(list_of(&bench).unwrap_err(), told);
                assert_eq!(bench.prune(Keep::Newest(1)).unwrap_err(), told);
                let nowhere = bench.world.dir.path().join("nowhere");
                assert_eq!(bench.restore(Which::Newest, &nowhere).unwrap_err(), told);
                assert_eq!(files(&bench.target), before);
            }
            for (path, whole) in [&file, &copy].into_iter().zip(&wholes) {
                fs::write(path, whole).unwrap();
            }
        }
    }
}

#[test]
fn the_format_of_another_backup_is_told_and_nothing_is_changed() {
    for name in FORMATS {
        let [bench, other] = [(), ()].map(|()| Bench::new(secrets()[1].clone()));
        bench.take(1);
        other.take(1);
        fs::copy(other.target.join(name), bench.target.join(name)).unwrap();
        let told = bench.take_at(2, false).unwrap_err();
        assert!(
            matches!(told, Failure::Refused(Refusal::TwoFormats(_))),
            "{told}"
        );
        assert_eq!(bench.prune(Keep::Newest(1)).unwrap_err(), told);
        fs::remove_file(bench.target.join(name)).unwrap();
        bench.take(2);
        drop(bench.rebuilt(Which::Newest));
    }
}

#[test]
fn i18_a_format_of_a_newer_version_is_not_mended_from_its_copy() {
    let bench = Bench::new(Secret::None);
    bench.take(1);
    let mut newer = fs::read(bench.target.join("format")).unwrap();
    newer[8] = 9;
    let body = newer.len() - 32;
    let sum = blake3::hash(&newer[..body]);
    newer[body..].copy_from_slice(sum.as_bytes());
    for name in FORMATS {
        let whole = fs::read(bench.target.join(name)).unwrap();
        fs::write(bench.target.join(name), &newer).unwrap();
        let told = bench.take_at(2, false).unwrap_err().to_string();
        assert!(told.contains("unknown version 9"), "{told}");
        assert_eq!(fs::read(bench.target.join(name)).unwrap(), newer);
        fs::write(bench.target.join(name), whole).unwrap();
    }
}

/// Chunks that have a second copy, each with that.
fn pairs(bench: &Bench) -> Vec<[PathBuf; 2]> {
    let twins = files(&bench.target.join("twins")).into_iter();
    let chunk = |twin: &Path| {
        let name = twin.file_name().unwrap().to_str().unwrap().to_owned();
        bench.target.join("chunks").join(&name[..2]).join(name)
    };
    twins.map(|twin| [chunk(&twin), twin]).collect()
}

#[test]
fn either_copy_of_keyring_and_format_is_enough_and_mends_the_other() {
    let bench = Bench::new(secrets()[1].clone());
    bench.take(1);
    let pairs = pairs(&bench);
    assert_eq!(pairs.len(), 2, "one of the format, one of the keyring");
    let mut at = 2;
    for path in pairs.iter().flatten() {
        let whole = fs::read(path).unwrap();
        for (number, lose) in losses(path).iter().enumerate() {
            lose();
            let is_old = number == 3 && path.starts_with(bench.target.join("twins"));
            assert_eq!(bench.check().len(), usize::from(!is_old), "{path:?}");
            assert!(list_of(&bench).unwrap().iter().all(|b| b.damage.is_none()));
            if number == 3 {
                drop(bench.rebuilt(Which::Newest));
            }
            bench.take(at);
            assert_eq!(bench.check(), Vec::<String>::new());
            assert!(fs::read(path).unwrap().len() == whole.len());
            at += 1;
        }
    }
    // What no backup needs any more goes with its copy.
    bench.world.store().rotate_keys(None).unwrap();
    bench.take(at);
    assert_eq!(self::pairs(&bench).len(), 3);
    bench.prune(Keep::Newest(1)).unwrap();
    assert_eq!(self::pairs(&bench).len(), 2);
    assert_eq!(bench.check(), Vec::<String>::new());
}

#[test]
fn a_lost_keyring_is_called_so_and_one_from_elsewhere_takes_its_place() {
    let bench = Bench::new(secrets()[1].clone());
    bench.take(1);
    let keyring = fs::read(bench.world.options.dir.join("keyring")).unwrap();
    for path in pairs(&bench).iter().flatten() {
        fs::remove_file(path).unwrap();
    }
    let to = bench.world.dir.path().join("salvaged");
    let keys = &bench.world.options.keys;
    let expect = |spare| {
        let vault = bench.vault();
        expect_key((&vault, &bench.secret), &Which::Newest, keys, spare)
    };
    let scratch = bench.world.dir.path().join("scratch");
    let refusals = [
        expect(None).err(),
        salvage(&bench, &to, None).err(),
        bench.cut(Which::Newest, 2, &scratch).err(),
    ];
    for refused in refusals.map(Option::unwrap) {
        let Failure::Refused(Refusal::KeyringLost(_)) = &refused else {
            panic!("{refused}");
        };
        assert!(refused.to_string().contains("--keyring FILE"), "{refused}");
    }
    assert!(!to.exists());
    let spare = |bytes| {
        Some(Spare {
            name: "/mnt/keyring",
            bytes,
        })
    };
    let refused = expect(spare(b"no keyring")).unwrap_err();
    assert!(matches!(&refused, Failure::Refused(Refusal::NoSpare(name)) if name == "/mnt/keyring"));
    let foreign = {
        let options = Options {
            dir: bench.world.dir.path().join("foreign"),
            keys: KeySource::Master(MasterKey::draw().unwrap()),
            ..Options::default()
        };
        Store::open(&options).unwrap().close().unwrap();
        fs::read(options.dir.join("keyring")).unwrap()
    };
    let refused = expect(spare(&foreign)).unwrap_err();
    assert!(matches!(refused, Failure::Refused(Refusal::OtherSpare(_))));
    expect(spare(&keyring)).unwrap();
    let rebuilt = salvage(&bench, &to, Some(&keyring)).unwrap();
    assert!(
        rebuilt.lost[0].ends_with("of format are missing"),
        "{rebuilt:?}"
    );
    let options = Options {
        dir: to,
        ..bench.world.options.clone()
    };
    let repaired = Store::repair(&options).unwrap();
    assert_eq!((repaired.gone, repaired.contents.len()), (None, 0));
    let store = Store::open(&options).unwrap();
    assert_eq!(
        store.fingerprint().unwrap(),
        bench.world.store().fingerprint().unwrap()
    );
}
