//! What is known to be damaged is told until it is mended, with the time at which it was met first.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use storage::backup::*;
use storage::*;
use world::bench::{Bench, quiet};
use world::{World, letter};

const START: i64 = 1_800_000_000;

/// A store on sled with some letters and several segments.
fn filled() -> (World, Arc<AtomicI64>, Placed) {
    let mut world = World::new(EngineKind::Sled);
    let hands = Arc::new(AtomicI64::new(START));
    let told = hands.clone();
    world.options.clock = Clock::new(move || told.load(Ordering::SeqCst));
    world.options.sizes.segment = 6_000;
    world.options.sizes.sealed = u32::MAX;
    world.reopen();
    let inbox = world.inbox(7);
    let placed = world.deliver(7, inbox, &letter(1, "công văn", &[]), None);
    for number in 2..40 {
        world.deliver(7, inbox, &letter(number, "tờ trình", &[]), None);
    }
    (world, hands, placed)
}

fn flip(path: &Path, at: usize) {
    let mut octets = std::fs::read(path).unwrap();
    octets[at] ^= 0x5a;
    std::fs::write(path, octets).unwrap();
}

fn only(store: &Store) -> Harm {
    let Harms { mut list, more } = store.harms();
    assert!(list.len() == 1 && !more, "{list:?}");
    list.remove(0)
}

#[test]
fn a_damaged_journal_is_told_until_it_is_mended() {
    let (mut world, hands, _) = filled();
    let policy = Policy::default();
    world.store().maintain(&policy).unwrap();
    assert_eq!(world.store().harms(), Harms::default());
    let segment = world.options.dir.join("journal/0000000001.log");
    let whole = std::fs::read(&segment).unwrap();
    flip(&segment, whole.len() / 2);
    hands.store(START + 60, Ordering::SeqCst);
    let refused = world.store().maintain(&policy);
    assert!(matches!(refused, Err(Error::Corrupt(_))), "{refused:?}");
    let first = only(world.store());
    assert_eq!(first.kind, HarmKind::Journal);
    assert_eq!(first.file.as_deref(), Some("journal/0000000001.log"));
    assert!(first.octet.is_some() && first.since == START + 60);
    assert!(first.what.contains("store repair"), "{}", first.what);
    // Another pass, another process: the same damage.
    hands.store(START + 3_600, Ordering::SeqCst);
    assert!(world.store().maintain(&policy).is_err());
    assert_eq!(only(world.store()), first);
    world.store().close().unwrap();
    world.reopen();
    assert_eq!(only(world.store()), first);
    assert!(world.options.dir.join("harm").exists());
    std::fs::write(&segment, whole).unwrap();
    world.store().maintain(&policy).unwrap();
    assert_eq!(world.store().harms(), Harms::default());
    assert!(!world.options.dir.join("harm").exists());
}

#[test]
fn a_repair_ends_what_was_told_of_the_journal() {
    let (mut world, _, _) = filled();
    let segment = world.options.dir.join("journal/0000000001.log");
    flip(&segment, 3_000);
    assert!(world.store().maintain(&Policy::default()).is_err());
    only(world.store());
    world.close();
    Store::repair(&world.options).unwrap();
    world.reopen();
    assert_eq!(world.store().harms(), Harms::default());
    world.store().maintain(&Policy::default()).unwrap();
}

#[test]
fn a_block_of_a_snapshot_is_looked_at_once_a_day_and_then_until_it_is_whole() {
    let (world, hands, _) = filled();
    let policy = Policy::default();
    world.store().maintain(&policy).unwrap();
    world.store().snapshot().unwrap();
    let snapshots = std::fs::read_dir(world.options.dir.join("snapshots")).unwrap();
    let snapshots: Vec<PathBuf> = snapshots.map(|e| e.unwrap().path()).collect();
    let [snapshot] = &snapshots[..] else {
        panic!("{snapshots:?}");
    };
    let whole = std::fs::read(snapshot).unwrap();
    flip(snapshot, whole.len() / 2);
    for at in [10, 20] {
        hands.store(START + at, Ordering::SeqCst);
        assert!(world.store().maintain(&policy).is_err());
        let harm = only(world.store());
        assert_eq!((harm.kind, harm.since), (HarmKind::Snapshots, START + 10));
        let name = snapshot.file_name().unwrap().to_str().unwrap();
        assert!(harm.file.is_some_and(|file| file.ends_with(name)));
    }
    std::fs::write(snapshot, whole).unwrap();
    world.store().maintain(&policy).unwrap();
    assert_eq!(world.store().harms(), Harms::default());
}

#[test]
fn a_block_of_a_snapshot_that_a_check_met_is_told_and_stops_upkeep() {
    let (world, hands, _) = filled();
    let policy = Policy::default();
    world.store().snapshot().unwrap();
    for at in [1, 2] {
        hands.store(START + at, Ordering::SeqCst);
        world.store().maintain(&policy).unwrap();
    }
    let snapshots = std::fs::read_dir(world.options.dir.join("snapshots")).unwrap();
    for snapshot in snapshots {
        let snapshot = snapshot.unwrap().path();
        let octets = std::fs::read(&snapshot).unwrap().len();
        flip(&snapshot, octets / 2);
    }
    assert_eq!(world.store().harms(), Harms::default());
    assert!(!world.store().check().unwrap().is_empty());
    assert_eq!(only(world.store()).kind, HarmKind::Snapshots);
    assert!(world.store().maintain(&policy).is_err());
    assert_eq!(only(world.store()).kind, HarmKind::Snapshots);
}

#[test]
fn a_damaged_letter_is_told_with_its_place_and_gone_when_it_is_whole() {
    let (world, hands, placed) = filled();
    let policy = Policy::default();
    world.store().maintain(&policy).unwrap();
    let pack = world.options.dir.join("packs/000001.pack");
    let whole = std::fs::read(&pack).unwrap();
    let rotten: Vec<u8> = whole.iter().map(|octet| octet ^ 0x5a).collect();
    // All but the file's own head.
    std::fs::write(&pack, [&whole[..32], &rotten[32..]].concat()).unwrap();
    let account = world.account(7);
    assert!(account.content(placed.email).is_err());
    let harm = only(world.store());
    assert_eq!((harm.kind, harm.since), (HarmKind::Content, START));
    assert_eq!(harm.file.as_deref(), Some("packs/000001.pack"));
    assert!(harm.octet.is_some());
    let message = Harmed {
        account: account.id(),
        email: placed.email,
        places: vec![(vec!["INBOX".into()], Uid::FIRST)],
    };
    assert_eq!(harm.messages, [message]);
    // A check of all content finds all of them, and whose they are.
    hands.store(START + 5, Ordering::SeqCst);
    assert!(!world.store().check_deep().unwrap().is_empty());
    let all = world.store().harms().list;
    assert_eq!(all.len(), 39);
    assert!(all.iter().all(|harm| harm.messages.len() == 1));
    std::fs::write(&pack, whole).unwrap();
    world.store().maintain(&policy).unwrap();
    assert_eq!(world.store().harms(), Harms::default());
}

#[test]
fn a_restore_that_heals_a_letter_says_so_at_once() {
    let bench = Bench::new(Secret::None);
    bench.take(1);
    let store = bench.world.store();
    let pack = bench.world.options.dir.join("packs/000001.pack");
    let whole = std::fs::read(&pack).unwrap();
    let rotten: Vec<u8> = whole.iter().map(|octet| octet ^ 0x5a).collect();
    std::fs::write(&pack, [&whole[..32], &rotten[32..]].concat()).unwrap();
    let account = bench.world.account(2);
    let mut emails = Vec::new();
    account
        .scan_all(&mut |state| {
            emails.push(state.email);
            true
        })
        .unwrap();
    let damaged = emails.iter().filter(|e| account.content(**e).is_err());
    assert!(damaged.count() > 0);
    assert!(!store.harms().list.is_empty());
    let scratch = bench.world.dir.path().join("cut");
    let found = bench.cut(Which::Newest, 2, &scratch).unwrap();
    place(&found.read(), &account, &Into::Place, None, &mut quiet).unwrap();
    assert_eq!(store.harms(), Harms::default());
}
