//! Packs that were renamed, exchanged or copied, and content that lies elsewhere than the index says.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::fs;
use std::path::PathBuf;
use storage::*;
use world::World;
use world::bench::long;
use world::closed::{SIZES, change, copy};
use world::golden::copied;

/// A closed store with letters of two accounts in several packs.
fn closed(engine: EngineKind, keys: KeySource) -> World {
    let mut world = World::new(engine);
    world.close();
    fs::remove_dir_all(&world.options.dir).unwrap();
    (world.options.sizes, world.options.keys) = (SIZES, keys);
    world.reopen();
    for account in [2, 3] {
        let inbox = world.inbox(account);
        for number in 0..20 {
            let text = long(u64::from(account) * 100 + number);
            world.deliver(account, inbox, &text, None);
        }
    }
    world.store().snapshot().unwrap();
    world.close();
    assert!(pack(&world.options, 3).exists(), "several packs");
    world
}

fn pack(options: &Options, number: u32) -> PathBuf {
    options.dir.join(format!("packs/{number:06}.pack"))
}

/// How many letters of both can be read.
fn readable(store: &Store) -> usize {
    let mut readable = 0;
    for id in [2, 3] {
        let account = store.account(AccountId::new(id).unwrap());
        account
            .scan_all(&mut |state| {
                readable += usize::from(account.content(state.email).is_ok());
                true
            })
            .unwrap();
    }
    readable
}

/// A repair loses nothing and leaves a store without findings that goes on.
fn repairs(options: &Options, what: &str) -> Repaired {
    let report = Store::repair(options).unwrap();
    assert_eq!(report.gone, None, "{what}");
    assert_eq!(report.contents, Vec::new(), "{what}");
    assert_eq!(report.remaining, Vec::<String>::new(), "{what}");
    let store = Store::open(options).unwrap();
    assert_eq!(readable(&store), 40, "{what}");
    assert_eq!(store.check_deep().unwrap(), Vec::<String>::new(), "{what}");
    let account = store.account(AccountId::new(2).unwrap());
    let inbox = account.by_role(Role::Inbox).unwrap().unwrap().id;
    world::deliver(&store, 2, inbox, &long(900), None).unwrap();
    store.close().unwrap();
    drop((store, account));
    let again = Store::repair(options).unwrap();
    assert_eq!(again.damage, Vec::new(), "{what}");
    report
}

fn told(report: &Repaired) -> String {
    let lines: Vec<&str> = report.damage.iter().map(|d| d.what.as_str()).collect();
    lines.join("\n")
}

fn keys() -> [KeySource; 2] {
    [KeySource::None, KeySource::Master(MasterKey::new([7; 32]))]
}

#[test]
fn a_renamed_pack_gets_its_own_name_again() {
    for (engine, keys) in [EngineKind::Sled, EngineKind::Memory]
        .into_iter()
        .zip(keys())
    {
        let world = closed(engine, keys);
        let (_dir, options) = world.copied();
        fs::rename(pack(&options, 1), pack(&options, 77)).unwrap();
        let refused = Store::open(&options).map(drop).unwrap_err().to_string();
        assert!(refused.contains("000001.pack is missing"), "{refused}");
        let report = repairs(&options, engine.name());
        let said = told(&report);
        assert!(
            said.contains("pack 000001.pack had the name 000077.pack"),
            "{said}"
        );
        assert!(pack(&options, 1).exists() && !pack(&options, 77).exists());
    }
}

#[test]
fn packs_that_were_exchanged_get_their_own_names_again() {
    let world = closed(EngineKind::Sled, KeySource::None);
    let names = [[1, 2, 3], [2, 3, 1], [2, 1, 3], [3, 2, 1]];
    for order in &names[1..] {
        let (_dir, options) = world.copied();
        let aside = |n: u32| options.dir.join(format!("packs/{n}.x"));
        names[0]
            .iter()
            .for_each(|n| fs::rename(pack(&options, *n), aside(*n)).unwrap());
        for (from, to) in names[0].iter().zip(order) {
            fs::rename(aside(*from), pack(&options, *to)).unwrap();
        }
        let refused = Store::open(&options).map(drop).unwrap_err().to_string();
        assert!(
            refused.contains("it was renamed, or is a copy"),
            "{refused}"
        );
        let report = repairs(&options, &format!("{order:?}"));
        let moved = order.iter().zip(names[0]).filter(|(a, b)| **a != *b);
        assert_eq!(report.damage.len(), moved.count(), "{report:?}");
    }
}

/// What stopped between the two halves of an exchange goes on.
#[test]
fn a_pack_on_its_way_arrives_with_the_next_repair() {
    let world = closed(EngineKind::Sled, KeySource::None);
    let (_dir, options) = world.copied();
    let moving = options.dir.join("packs/000002.pack.moving");
    fs::rename(pack(&options, 2), &moving).unwrap();
    repairs(&options, "on its way");
    assert!(pack(&options, 2).exists() && !moving.exists());
}

#[test]
fn a_copy_of_a_pack_is_found_gives_no_number_and_goes_aside() {
    let world = closed(EngineKind::Sled, KeySource::None);
    let last = (1..).find(|n| !pack(&world.options, *n).exists()).unwrap();
    for number in [last, last + 1, u32::MAX, i32::MAX as u32] {
        let (_dir, options) = world.copied();
        fs::copy(pack(&world.options, 1), pack(&options, number)).unwrap();
        let copy = fs::read(pack(&options, number)).unwrap();
        let store = Store::open(&options).unwrap();
        // It is named by a check, and mail goes on, beyond the pack that is being written too.
        let found = store.check().unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        let named = format!("{number:06}.pack is pack 1: it was renamed, or is a copy");
        assert!(found[0].contains(&named), "{found:?}");
        let account = store.account(AccountId::new(2).unwrap());
        let inbox = account.by_role(Role::Inbox).unwrap().unwrap().id;
        for more in 0..20 {
            world::deliver(&store, 2, inbox, &long(800 + more), None).unwrap();
        }
        assert_eq!(readable(&store), 60);
        store.close().unwrap();
        drop((store, account));
        assert!(
            fs::read(pack(&options, number)).unwrap() == copy,
            "{number}: nobody wrote on it"
        );
        let report = Store::repair(&options).unwrap();
        assert_eq!(
            (report.damage.len(), report.contents.len()),
            (1, 0),
            "{report:?}"
        );
        assert!(told(&report).contains("is a copy of pack 1"), "{report:?}");
        assert!(!pack(&options, number).exists());
        let store = Store::open(&options).unwrap();
        assert_eq!(readable(&store), 60);
        assert_eq!(store.check_deep().unwrap(), Vec::<String>::new());
    }
}

/// Where the pack itself is damaged its copy has what is missing, be it sealed or not.
#[test]
fn what_is_damaged_in_a_pack_is_taken_from_a_copy_of_it() {
    for keys in keys() {
        let world = closed(EngineKind::Sled, keys);
        for head in [false, true] {
            let (_dir, options) = world.copied();
            fs::copy(pack(&options, 2), pack(&options, 9_000)).unwrap();
            change(&pack(&options, 2), |octets| {
                let middle = octets.len() / 2;
                octets[middle..].fill(0x5a);
                if head {
                    octets[..60].fill(0x5a);
                }
            });
            let report = repairs(&options, &format!("{head}"));
            let said = told(&report);
            match head {
                true => assert!(said.contains("it lies whole under another name"), "{said}"),
                false => assert!(said.contains("were found whole in damaged/"), "{said}"),
            }
        }
    }
}

/// The first version's headers have no checksum: what they say may be damage, and content is known by its hash.
#[test]
fn a_renamed_pack_of_the_first_version_is_found_by_its_content() {
    let (_dir, options) = copied("v1-store", EngineKind::Sled);
    let store = Store::open(&options).unwrap();
    assert_eq!(store.check_deep().unwrap(), Vec::<String>::new());
    store.close().unwrap();
    drop(store);
    fs::rename(pack(&options, 1), pack(&options, 7)).unwrap();
    let report = Store::repair(&options).unwrap();
    assert!(
        told(&report).contains("were found whole in packs/000007.pack"),
        "{report:?}"
    );
    assert_eq!(
        (report.contents.len(), report.remaining.len()),
        (0, 0),
        "{report:?}"
    );
    let store = Store::open(&options).unwrap();
    assert_eq!(store.check_deep().unwrap(), Vec::<String>::new());
    // The index knows the pack, so that it is missed.
    store.close().unwrap();
    drop(store);
    fs::remove_file(pack(&options, 7)).unwrap();
    let refused = Store::open(&options).map(drop).unwrap_err().to_string();
    assert!(refused.contains("000007.pack is missing"), "{refused}");
}

/// Its content is content, whoever wrote it down: what is missing here may be there.
#[test]
fn a_pack_of_another_store_gives_what_is_missing_and_goes_aside() {
    let (world, other) = (
        closed(EngineKind::Sled, KeySource::None),
        closed(EngineKind::Sled, KeySource::None),
    );
    let (_dir, options) = world.copied();
    fs::copy(pack(&other.options, 1), pack(&options, 1)).unwrap();
    let report = repairs(&options, "a foreign pack");
    let said = told(&report);
    assert!(said.contains("belongs to another store"), "{said}");
    assert!(said.contains("were found whole in damaged/"), "{said}");
    assert!(!pack(&options, 1).exists());
}

/// Copies that each have a part of what was lost.
#[test]
fn a_pack_that_is_gone_comes_of_what_was_put_aside() {
    let world = closed(EngineKind::Memory, KeySource::None);
    let (_dir, options) = world.copied();
    let damaged = options.dir.join("damaged");
    fs::create_dir(&damaged).unwrap();
    fs::rename(pack(&options, 1), damaged.join("000001.pack")).unwrap();
    let (_other, twin) = world.copied();
    copy(&twin.dir.join("journal"), &damaged.join("journal"));
    let report = repairs(&options, "put aside before");
    assert!(told(&report).contains("pack 1 is missing"), "{report:?}");
}

/// What is read of a pack to its end: where each entry begins.
fn entries(path: &PathBuf) -> Vec<usize> {
    let octets = fs::read(path).unwrap();
    let is_head = |at: &usize| octets[*at..].starts_with(b"CvB2");
    (0..octets.len()).filter(is_head).collect()
}

#[test]
fn damaged_content_that_nobody_needs_is_dropped() {
    let world = closed(EngineKind::Sled, KeySource::None);
    let (_dir, options) = world.copied();
    let store = Store::open(&options).unwrap();
    let account = store.account(AccountId::new(3).unwrap());
    let mut last = None;
    account
        .scan_all(&mut |state| {
            last = Some(state.email);
            true
        })
        .unwrap();
    let mut writer = account.write().unwrap();
    writer.destroy(last.unwrap()).unwrap();
    writer.commit().unwrap();
    // Nobody can put it back any more, and no upkeep took it away yet.
    store.trim(i64::MAX / 2, 0, None, 1_000).unwrap();
    store.close().unwrap();
    drop((store, account));
    let newest = world::closed::files(&options.dir.join("packs"))
        .pop()
        .unwrap();
    let at = *entries(&newest).last().unwrap();
    change(&newest, |octets| octets[at + 100] ^= 1);
    let report = Store::repair(&options).unwrap();
    assert_eq!(report.damage.len(), 1, "{report:?}");
    assert!(
        told(&report).contains("no message needs it any more"),
        "{report:?}"
    );
    assert_eq!((report.gone, report.contents.len()), (None, 0));
    let store = Store::open(&options).unwrap();
    assert_eq!(store.check_deep().unwrap(), Vec::<String>::new());
    assert_eq!(readable(&store), 39);
}
