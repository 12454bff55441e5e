//! Repair where the beginning of a pack is damaged, or nothing is left of an account.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::fs;
use storage::*;
use world::closed::change;
use world::{World, letter};

/// A closed store with some letters of three accounts in one pack.
fn closed() -> World {
    let mut world = World::new(EngineKind::Sled);
    (2..5).for_each(|id| world.letters(id, 0..8, "công văn"));
    world.store().snapshot().unwrap();
    world.close();
    world
}

fn messages(world: &World, id: u32) -> usize {
    let mut messages = 0;
    let account = world.account(id);
    account
        .scan_all(&mut |state| {
            messages += usize::from(account.content(state.email).is_ok());
            true
        })
        .unwrap();
    messages
}

#[test]
fn a_damaged_beginning_of_a_pack_costs_the_first_content() {
    for (octets, lost) in [(8, 0), (40, 0), (48, 0), (64, 1), (140, 1)] {
        let mut world = closed();
        let pack = world.options.dir.join("packs/000001.pack");
        let mut bytes = fs::read(&pack).unwrap();
        bytes[..octets].iter_mut().for_each(|b| *b ^= 0xa5);
        fs::write(&pack, bytes).unwrap();
        let report = Store::repair(&world.options).unwrap();
        assert!(
            report.damage[0].what.contains("it was written again"),
            "{report:?}"
        );
        assert_eq!(report.contents.len(), lost, "{octets}: {report:?}");
        world.reopen();
        let left: usize = (2..5).map(|id| messages(&world, id)).sum();
        assert_eq!(left, 24 - lost, "{octets}");
        // New mail goes on.
        let inbox = world.account(2).by_role(Role::Inbox).unwrap().unwrap().id;
        world.deliver(2, inbox, &letter(900, "mới", &[]), None);
        // The second repair finds the damaged content, and no damaged header.
        world.close();
        let report = Store::repair(&world.options).unwrap();
        let headers = report.damage.iter().filter(|d| d.what.contains("header"));
        assert_eq!(headers.count(), 0, "{report:?}");
        world.reopen();
    }
}

#[test]
fn what_is_no_pack_goes_aside_and_the_store_opens() {
    let mut world = closed();
    let journal = world.options.dir.join("journal");
    let segment = fs::read_dir(journal).unwrap().next().unwrap().unwrap();
    let pack = world.options.dir.join("packs/000001.pack");
    let noise: Vec<u8> = (0..9_000u32).map(|n| ((n * 7919) >> 5) as u8).collect();
    for (round, wrong) in [fs::read(segment.path()).unwrap(), noise]
        .into_iter()
        .enumerate()
    {
        fs::write(&pack, &wrong).unwrap();
        let report = Store::repair(&world.options).unwrap();
        let told = &report.damage[0].what;
        assert!(told.contains("what is in its place is no pack"), "{told}");
        let aside = report.aside.unwrap();
        assert!(aside.starts_with(&world.options.dir));
        world.reopen();
        // What came since the pack was lost lies in another.
        assert_eq!(messages(&world, 2), round);
        let inbox = world.account(2).by_role(Role::Inbox).unwrap().unwrap().id;
        world.deliver(2, inbox, &letter(901 + round as u64, "mới", &[]), None);
        assert_eq!(messages(&world, 2), round + 1);
        world.close();
    }
}

/// Repairs it, and a second time: what the first told to be damaged but the contents is mended. How many letters can
/// be read.
fn repaired_twice(world: &mut World) -> (Repaired, usize) {
    let first = Store::repair(&world.options).unwrap();
    world.reopen();
    let left = (2..5).map(|id| messages(world, id)).sum();
    let inbox = world.account(2).by_role(Role::Inbox).unwrap().unwrap().id;
    world.deliver(2, inbox, &letter(904, "mới", &[]), None);
    world.close();
    let second = Store::repair(&world.options).unwrap();
    let again = |d: &&Damage| !d.what.contains("content ");
    assert_eq!(second.damage.iter().find(again), None);
    assert_eq!(second.contents, first.contents);
    world.reopen();
    assert_eq!(
        (2..5).map(|id| messages(world, id)).sum::<usize>(),
        left + 1
    );
    world.close();
    (first, left)
}

#[test]
fn i18_a_flipped_bit_in_the_version_of_a_pack_is_damage_and_costs_nothing() {
    for bit in [64, 65, 66, 74, 80, 95] {
        let mut world = closed();
        let pack = world.options.dir.join("packs/000001.pack");
        change(&pack, |octets| octets[bit / 8] ^= 1 << (bit % 8));
        let e = Store::open(&world.options).err().unwrap().to_string();
        assert!(e.contains("has no valid header"), "{bit}: {e}");
        let (report, left) = repaired_twice(&mut world);
        let told = &report.damage[0].what;
        assert!(told.contains("it was written again"), "{bit}: {told}");
        assert_eq!((report.contents.len(), left), (0, 24), "{bit}");
    }
}

#[test]
fn i18_a_pack_of_a_version_to_come_is_not_touched() {
    let world = closed();
    let pack = world.options.dir.join("packs/000001.pack");
    change(&pack, |octets| {
        octets[8] = 9;
        let sum = blake3::hash(&octets[..40]);
        octets[40..48].copy_from_slice(&sum.as_bytes()[..8]);
    });
    let before = fs::read(&pack).unwrap();
    let e = Store::open(&world.options).err().unwrap().to_string();
    assert!(e.contains("has an unknown version (9)"), "{e}");
    let _ = Store::repair(&world.options);
    assert!(fs::read(&pack).unwrap() == before);
}

#[test]
fn a_pack_that_is_cut_within_its_header_costs_what_was_in_it_and_no_more() {
    for octets in [0, 1, 30, 47] {
        for without_snapshots in [false, true] {
            let mut world = closed();
            let pack = world.options.dir.join("packs/000001.pack");
            change(&pack, |whole| whole.truncate(octets));
            if without_snapshots {
                fs::remove_dir_all(world.options.dir.join("snapshots")).unwrap();
            }
            assert!(Store::open(&world.options).is_err());
            let (report, left) = repaired_twice(&mut world);
            assert_eq!((report.contents.len(), left), (24, 0), "{octets}");
            let aside = world.options.dir.join("damaged/000001.pack");
            assert_eq!(fs::read(aside).unwrap().len(), octets);
        }
    }
}

/// Nothing of the account is in the index, so that no mending meets it.
#[test]
fn i03_i04_an_account_of_which_nothing_is_left_leaps_too() {
    let mut world = closed();
    let was = {
        world.reopen();
        let account = world.account(4);
        let inbox = account.by_role(Role::Inbox).unwrap().unwrap();
        let was = (account.modseq().unwrap(), inbox);
        world.close();
        was
    };
    for entry in fs::read_dir(world.options.dir.join("snapshots")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 3]).unwrap();
    }
    fs::remove_dir_all(world.options.dir.join("index")).unwrap();
    let report = Store::repair(&world.options).unwrap();
    assert!(report.gone.unwrap().others);
    world.reopen();
    assert!(world.account(4).mailboxes().unwrap().is_empty());
    let id = AccountId::new(4).unwrap();
    assert_eq!(world.store().leap(id), Ok(true));
    assert_eq!(world.store().leap(id), Ok(false), "once is enough");
    let inbox = world.inbox(4);
    let placed = world.deliver(4, inbox, &letter(902, "mới", &[]), None);
    let now = world.account(4).by_role(Role::Inbox).unwrap().unwrap();
    assert_ne!(now.uid_validity, was.1.uid_validity);
    assert_ne!(now.id, was.1.id);
    assert!(world.account(4).modseq().unwrap() > was.0);
    assert!(placed.email.raw() > 8);
    // Whoever knows the state from before must begin anew.
    assert!(world.account(4).changes(was.0, 10).is_err());
    assert_eq!(world.check(), Vec::<String>::new());
}

/// A power cut may leave a pack that was begun and in which nothing was promised without its header.
#[test]
fn a_pack_that_was_only_begun_keeps_no_store_from_opening() {
    for octets in [0, 7, 48, 300] {
        let mut world = closed();
        let begun = world.options.dir.join("packs/000002.pack");
        fs::write(&begun, vec![0; octets]).unwrap();
        world.reopen();
        let inbox = world.account(2).by_role(Role::Inbox).unwrap().unwrap().id;
        let before = messages(&world, 2);
        world.deliver(2, inbox, &letter(903, "mới", &[]), None);
        world.close();
        world.reopen();
        assert_eq!(messages(&world, 2), before + 1, "{octets}");
        assert_eq!(world.check(), Vec::<String>::new());
    }
}
