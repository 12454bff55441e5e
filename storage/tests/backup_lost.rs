//! Backups of stores that lost whole packs: what no pack has any more is told as long as it lasts, and the last backup that
//! has it stays.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on must say so"
)]

mod world;

use storage::backup::*;
use storage::*;
use world::bench::{Bench, long};

#[test]
fn what_a_repair_lost_with_a_whole_pack_stays_in_the_backup_that_has_it() {
    let mut bench = Bench::new(Secret::None);
    let first = bench.take(1).name;
    let pack = bench.world.options.dir.join("packs/000001.pack");
    let whole = std::fs::read(&pack).unwrap();
    let options = bench.world.options.clone();
    bench.world.close();
    std::fs::remove_file(&pack).unwrap();
    let lost = Store::repair(&options).unwrap().contents;
    assert!(!lost.is_empty());
    bench.world.reopen();
    let harmed = bench.world.store().harms().list.into_iter();
    let harmed: usize = harmed.map(|harm| harm.messages.len()).sum();
    assert_eq!(harmed, lost.len(), "whoever asks hears of it");
    bench.world.close();
    let second = bench.take(2);
    assert!(
        second.damaged[0].contains("lost with whole packs"),
        "{second:?}"
    );
    assert!(!bench.check().is_empty());
    let pruned = bench.prune(Keep::Newest(1)).unwrap();
    assert_eq!(pruned.backups, Vec::<String>::new());
    assert!(pruned.findings[0].contains(&first), "{pruned:?}");
    // What comes meanwhile does not take its place, nor what is known of it.
    bench.world.reopen();
    let inbox = bench.world.account(2).mailboxes().unwrap()[0].id;
    for number in 800..840 {
        bench.world.deliver(2, inbox, &long(number), None);
    }
    bench.world.close();
    assert!(!pack.exists(), "its number is not given again");
    assert_eq!(Store::repair(&options).unwrap().contents, lost);
    // Without the mark, as an earlier version left it, a backup sees for itself; and so does a check.
    for remembered in ["lacking", "harm"] {
        std::fs::remove_file(options.dir.join(remembered)).unwrap();
    }
    let again = bench.take(2 * 3_600);
    assert!(again.damaged[0].contains("lost with whole packs"));
    bench.world.reopen();
    assert_eq!(bench.world.store().harms(), Harms::default());
    assert!(!bench.world.check().is_empty());
    let harmed = bench.world.store().harms().list.into_iter();
    let harmed: usize = harmed.map(|harm| harm.messages.len()).sum();
    assert_eq!(harmed, lost.len());
    bench.world.close();
    assert_eq!(Store::repair(&options).unwrap().contents, lost);
    let pruned = bench.prune(Keep::Newest(1)).unwrap();
    assert!(!pruned.backups.contains(&first), "{pruned:?}");
    // A repair that finds the pack again takes the mark away.
    std::fs::write(&pack, &whole).unwrap();
    assert_eq!(Store::repair(&options).unwrap().contents, []);
    bench.world.reopen();
    assert_eq!(bench.world.store().harms(), Harms::default());
    let third = bench.take(3);
    assert_eq!(third.damaged, Vec::<String>::new());
    let pruned = bench.prune(Keep::Newest(1)).unwrap();
    assert!(pruned.backups.contains(&first), "{pruned:?}");
    assert_eq!(
        bench.world.store().check_deep().unwrap(),
        Vec::<String>::new()
    );
}

#[test]
fn what_lies_where_other_content_should_lie_is_no_copy_of_it() {
    // Cut off, and written on: the pack has nothing damaged any more, and reaches further than what is named.
    let mut bench = Bench::new(Secret::None);
    let first = bench.take(1).name;
    let pack = bench.world.options.dir.join("packs/000001.pack");
    let options = bench.world.options.clone();
    bench.world.close();
    let octets = std::fs::read(&pack).unwrap();
    std::fs::write(&pack, &octets[..32]).unwrap();
    let lost = Store::repair(&options).unwrap().contents;
    assert!(!lost.is_empty());
    bench.world.reopen();
    let inbox = bench.world.account(2).mailboxes().unwrap()[0].id;
    for number in 800..860 {
        bench.world.deliver(2, inbox, &long(number), None);
    }
    bench.world.close();
    for at in [2, 3] {
        assert_eq!(Store::repair(&options).unwrap().contents, lost);
        let taken = bench.take(at * 3_600);
        assert!(!taken.damaged.is_empty(), "{taken:?}");
    }
    let pruned = bench.prune(Keep::Newest(1)).unwrap();
    assert!(!pruned.backups.contains(&first), "{pruned:?}");
}

#[test]
fn a_repair_that_is_cut_off_leaves_the_mark_of_what_is_lost() {
    let mut bench = Bench::new(Secret::None);
    let dir = bench.world.options.dir.clone();
    bench.world.close();
    std::fs::remove_file(dir.join("packs/000001.pack")).unwrap();
    let disk = Disk::forgetful(7);
    let mut opened = 0;
    // Cut off at each of its writings.
    for steps in 1.. {
        let copied = tempfile::tempdir().unwrap();
        let options = Options {
            dir: copied.path().join("store"),
            disk: disk.clone(),
            ..bench.world.options.clone()
        };
        world::closed::copy(&dir, &options.dir);
        disk.fail_after(steps);
        let repaired = Store::repair(&options);
        disk.power_cut().unwrap();
        if let Ok(store) = Store::open(&options) {
            opened += 1;
            assert!(options.dir.join("lacking").exists(), "{steps}");
            assert!(!options.dir.join("packs/000001.pack").exists(), "{steps}");
            store.close().unwrap();
        }
        if repaired.is_ok() {
            break;
        }
    }
    assert!(opened > 0);
}
