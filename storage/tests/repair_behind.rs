//! Repair where the index is of an earlier time than the snapshots: these count, whatever is missing behind them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::collections::BTreeSet;
use std::fs;
use storage::*;
use world::World;
use world::closed::{SIZES, change, copy, journal};

/// Mail in three snapshots, some that came behind them, and the store as it was before the last snapshot.
fn world() -> (World, tempfile::TempDir, Options) {
    let sizes = Sizes {
        segment: 1 << 20,
        ..SIZES
    };
    let mut world = World::sized(EngineKind::Sled, sizes);
    for part in 0..2 {
        world.letters(2, part * 6..part * 6 + 6, "đã chụp");
        world.store().snapshot().unwrap();
    }
    world.letters(2, 12..15, "trước");
    world.close();
    let (dir, earlier) = world.copied();
    world.reopen();
    world.letters(2, 15..18, "sau");
    // What is expunged does not come back with the index.
    let inbox = world.account(2).by_role(Role::Inbox).unwrap().unwrap().id;
    let first = world.account(2).at(inbox, Uid::FIRST).unwrap().email;
    let mut writer = world.account(2).write().unwrap();
    writer.expunge(first, inbox).unwrap();
    writer.commit().unwrap();
    world.store().snapshot().unwrap();
    world.letters(2, 18..24, "đuôi");
    world.close();
    (world, dir, earlier)
}

fn uids(store: &Store) -> BTreeSet<u32> {
    let account = store.account(AccountId::new(2).unwrap());
    let inbox = account.by_role(Role::Inbox).unwrap().unwrap().id;
    let mut uids = BTreeSet::new();
    let last = Uid::new(u32::MAX).unwrap();
    let each = &mut |uid: Uid, _: &State| uids.insert(uid.raw());
    account.scan(inbox, Uid::FIRST, last, each).unwrap();
    uids
}

#[test]
fn i01_an_index_behind_whole_snapshots_takes_nothing_from_them() {
    for missing in [false, true] {
        let (world, _dir, earlier) = world();
        for name in ["index", "checkpoint"] {
            let (from, to) = (earlier.dir.join(name), world.options.dir.join(name));
            match to.is_dir() {
                true => {
                    fs::remove_dir_all(&to).unwrap();
                    copy(&from, &to);
                }
                false => drop(fs::copy(from, to).unwrap()),
            }
        }
        let last = journal(&world.options).pop().unwrap();
        match missing {
            true => fs::remove_file(&last).unwrap(),
            // The first commit behind the snapshots.
            false => change(&last, |octets| octets[48 + 60] ^= 1),
        }
        // As it is without an index: that is all there is.
        let (_dir, without) = world.copied();
        fs::remove_dir_all(without.dir.join("index")).unwrap();
        let best = Store::repair(&without).unwrap();
        let report = Store::repair(&world.options).unwrap();
        assert_eq!(report.remaining, Vec::<String>::new(), "{missing}");
        assert_eq!(report.from_index, 0, "{missing}");
        assert_eq!(report.gone, best.gone, "{missing}");
        let (own, other) = (
            Store::open(&world.options).unwrap(),
            Store::open(&without).unwrap(),
        );
        let (own, best) = (uids(&own), uids(&other));
        assert!((2..=18).all(|uid| own.contains(&uid)), "{missing}: {own:?}");
        assert!(!own.contains(&1), "{missing}: it was expunged");
        assert_eq!(own, best, "{missing}");
    }
}
