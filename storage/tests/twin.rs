//! Copies of one store that both went on: they have one identity, and commits under the same numbers at the same places.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use storage::*;
use world::World;
use world::closed::{SIZES, copy, files};

/// How a store goes on after it was copied.
#[derive(Debug, Clone)]
struct Goes {
    /// Letters that it gets.
    letters: u64,
    /// Whether its journal is covered by a snapshot then, and goes on in segments of its own.
    covered: bool,
    /// Letters behind that.
    later: u64,
    /// Whether it is closed in the end.
    closed: bool,
}

const fn goes(letters: u64, covered: bool, later: u64, closed: bool) -> Goes {
    Goes {
        letters,
        covered,
        later,
        closed,
    }
}

/// Ours, and the other's.
const CASES: [(Goes, Goes); 6] = [
    (goes(9, false, 0, true), goes(9, false, 0, true)),
    (goes(9, false, 0, true), goes(12, false, 0, true)),
    (goes(9, false, 0, false), goes(3, false, 0, true)),
    (goes(3, false, 2, false), goes(3, true, 9, true)),
    (goes(3, true, 2, true), goes(3, true, 9, true)),
    (goes(9, true, 0, true), goes(9, true, 9, false)),
];

fn letters(options: &Options, goes: &Goes, whose: &str) {
    let store = Store::open(options).unwrap();
    let account = store.account(AccountId::new(2).unwrap());
    let inbox = account.by_role(Role::Inbox).unwrap().unwrap().id;
    let deliver = |numbers: Range<u64>| {
        for number in numbers {
            let text = world::letter(1_000 + number, &format!("{whose} {number}"), &[]);
            world::deliver(&store, 2, inbox, &text, None).unwrap();
        }
    };
    deliver(0..goes.letters);
    if goes.covered {
        store.snapshot().unwrap();
    }
    deliver(goes.letters..goes.letters + goes.later);
    if goes.closed {
        store.close().unwrap();
    }
}

/// Subjects of all letters whose content can be read, and how many cannot be.
fn subjects(store: &Store) -> (BTreeSet<String>, usize) {
    let account = store.account(AccountId::new(2).unwrap());
    let mut emails = Vec::new();
    let gather = &mut |state: &State| {
        emails.push(state.email);
        true
    };
    account.scan_all(gather).unwrap();
    let all = emails.len();
    let whole = emails
        .into_iter()
        .filter(|email| account.content(*email).is_ok());
    let subject = |email| {
        account
            .summary(email)
            .unwrap()
            .head
            .subject
            .clone()
            .unwrap()
    };
    let whole: Vec<String> = whole.map(subject).collect();
    let damaged = all - whole.len();
    (whole.into_iter().collect(), damaged)
}

/// What is the truth of a store, with its octets.
fn truth(options: &Options) -> Vec<(PathBuf, Vec<u8>)> {
    let folders = ["journal", "packs", "snapshots"].map(|name| options.dir.join(name));
    let paths = folders
        .iter()
        .filter(|dir| dir.exists())
        .flat_map(|d| files(d));
    paths
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

/// Takes a folder of the other store.
fn take(options: &Options, other: &Options, name: &str) {
    let (from, to) = (other.dir.join(name), options.dir.join(name));
    fs::remove_dir_all(&to).unwrap();
    copy(&from, &to);
}

/// A store that went on, and a copy of it that did so otherwise.
fn twins(engine: EngineKind, ours: &Goes, others: &Goes) -> (World, tempfile::TempDir, Options) {
    let mut own = World::sized(
        engine,
        Sizes {
            segment: 1 << 20,
            ..SIZES
        },
    );
    own.letters(2, 0..20, "chung");
    own.close();
    let (dir, other) = own.copied();
    letters(&own.options, ours, "của ta");
    letters(&other, others, "của bản sao");
    (own, dir, other)
}

fn is_refused(options: &Options, what: &str) {
    let before = truth(options);
    let refused = Store::open(options).map(drop).expect_err(what);
    let told = refused.in_tongue(Tongue::Vietnamese);
    assert!(told.contains("không đi với nhau"), "{what}: {told}");
    let cure = match refused {
        Error::Corrupt(why) => why.cure,
        _ => None,
    };
    assert_eq!(cure, Some(Cure::Rebuild), "{what}");
    assert_eq!(truth(options), before, "{what}");
}

#[test]
fn i19_the_index_of_a_copy_that_went_on_takes_nothing_from_the_journal() {
    for engine in [EngineKind::Sled, EngineKind::Fjall] {
        for (ours, others) in &CASES {
            let (own, _dir, other) = twins(engine, ours, others);
            for repaired in [false, true] {
                let what = format!("{engine:?} {ours:?} {others:?} {repaired}");
                let (_dir, options) = own.copied();
                take(&options, &other, "index");
                is_refused(&options, &what);
                if repaired {
                    let report = Store::repair(&options).unwrap();
                    let told = &report.damage[0].what;
                    assert!(
                        told.contains("does not belong to the journal"),
                        "{what}: {told}"
                    );
                    assert_eq!((report.damage.len(), report.gone), (1, None), "{what}");
                    assert_eq!(report.remaining, Vec::<String>::new(), "{what}");
                    assert!(options.dir.join("damaged/index").exists(), "{what}");
                } else {
                    Store::rebuild(&options).unwrap();
                }
                let store = Store::open(&options).unwrap();
                let (whole, damaged) = subjects(&store);
                let kept = whole.iter().filter(|s| s.starts_with("của ta")).count() as u64;
                assert_eq!((kept, damaged), (ours.letters + ours.later, 0), "{what}");
                assert!(
                    !whole.iter().any(|s| s.starts_with("của bản sao")),
                    "{what}"
                );
                assert_eq!(store.check_deep().unwrap(), Vec::<String>::new(), "{what}");
            }
        }
    }
}

/// Whatever came from where: what is put back opens again.
#[test]
fn i19_a_journal_that_is_not_the_indexs_changes_nothing_before_somebody_says_which_counts() {
    let (ours, others) = &CASES[1];
    let (own, _dir, other) = twins(EngineKind::Sled, ours, others);
    let (_dir, options) = own.copied();
    take(&options, &other, "journal");
    is_refused(&options, "journal");
    take(&options, &own.options, "journal");
    let (whole, damaged) = subjects(&Store::open(&options).unwrap());
    let own = whole.iter().filter(|s| s.starts_with("của ta")).count() as u64;
    assert_eq!((own, damaged), (ours.letters, 0));
}

/// What another journal promised does not count, and is told of as what it is.
#[test]
fn i19_the_checkpoint_of_a_copy_promises_nothing() {
    for with_index in [false, true] {
        for (ours, others) in &CASES[1..] {
            let (own, _dir, other) = twins(EngineKind::Sled, ours, others);
            for repaired in [false, true] {
                let what = format!("{with_index} {ours:?} {others:?} {repaired}");
                let (_dir, options) = own.copied();
                fs::copy(other.dir.join("checkpoint"), options.dir.join("checkpoint")).unwrap();
                if with_index {
                    take(&options, &other, "index");
                }
                is_refused(&options, &what);
                if repaired {
                    let report = Store::repair(&options).unwrap();
                    let places = 1 + usize::from(with_index);
                    assert_eq!((report.damage.len(), report.gone), (places, None), "{what}");
                } else {
                    Store::rebuild(&options).unwrap();
                }
                let store = Store::open(&options).unwrap();
                let (whole, damaged) = subjects(&store);
                let kept = whole.iter().filter(|s| s.starts_with("của ta")).count() as u64;
                assert_eq!((kept, damaged), (ours.letters + ours.later, 0), "{what}");
                assert_eq!(store.check_deep().unwrap(), Vec::<String>::new(), "{what}");
            }
        }
    }
}

/// What only our packs had is gone with them; it is named.
#[test]
fn i19_packs_and_index_of_a_copy_cost_what_was_in_the_packs_and_it_is_named() {
    let (ours, others) = &CASES[1];
    let (own, _dir, other) = twins(EngineKind::Sled, ours, others);
    let (_dir, options) = own.copied();
    take(&options, &other, "index");
    take(&options, &other, "packs");
    is_refused(&options, "packs and index");
    let report = Store::repair(&options).unwrap();
    let named = report.contents.iter();
    let named: BTreeSet<String> = named.filter_map(|lost| lost.subject.clone()).collect();
    let expected = (0..ours.letters).map(|n| format!("của ta {n}"));
    assert_eq!(named, expected.collect());
    let (whole, damaged) = subjects(&Store::open(&options).unwrap());
    assert_eq!(damaged as u64, ours.letters);
    assert!(whole.iter().all(|subject| subject.starts_with("chung")));
}

/// An index that is only older, or of before marks were kept, is what it was.
#[test]
fn an_older_index_of_the_same_journal_is_brought_up_to_it() {
    let mut own = World::sized(EngineKind::Sled, SIZES);
    own.letters(2, 0..20, "cũ");
    own.crash();
    let (_dir, older) = own.copied();
    own.reopen();
    own.letters(2, 20..40, "mới");
    own.close();
    let (_dir, options) = own.copied();
    take(&options, &older, "index");
    fs::copy(older.dir.join("checkpoint"), options.dir.join("checkpoint")).unwrap();
    let store = Store::open(&options).unwrap();
    let (whole, damaged) = subjects(&store);
    assert_eq!((damaged, store.check_deep().unwrap()), (0, Vec::new()));
    assert_eq!(whole, BTreeSet::from(["cũ".to_owned(), "mới".to_owned()]));
}

/// Moving to another engine and back leaves an index that still knows its journal.
#[test]
fn i19_a_migrated_index_knows_its_journal() {
    let (ours, others) = &CASES[1];
    let (own, _dir, other) = twins(EngineKind::Sled, ours, others);
    Store::migrate(&other, EngineKind::Fjall).unwrap();
    let back = Options {
        engine: EngineKind::Fjall,
        ..other.clone()
    };
    Store::migrate(&back, EngineKind::Sled).unwrap();
    let (_dir, options) = own.copied();
    take(&options, &other, "index");
    is_refused(&options, "migrated");
}
