//! Snapshots under random histories: what they and the journal say is what the index says, on every
//! engine, whenever the power is cut.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::fs;
use std::path::Path;
use storage::pin::Pin;
use storage::*;
use world::{World, deliver, keyword, letter, new_mailbox};

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % sides
    }
}

/// So small that a short history makes many segments, runs, files and merges.
const SIZES: Sizes = Sizes {
    segment: 3_000,
    pack: 20_000,
    checkpoint: 5_000,
    ahead: 0,
    sealed: 2,
    sort: 4_000,
    apart: 4,
};

const ACCOUNTS: u64 = 4;

fn emails(account: &AccountStore) -> Vec<EmailId> {
    let mut emails = Vec::new();
    let visit = &mut |state: &State| {
        emails.push(state.email);
        true
    };
    account.scan_all(visit).unwrap();
    emails
}

/// One change at random: every kind of key is written, written over and removed.
fn step(store: &Store, dice: &mut Dice, number: u64) {
    let id = 2 + dice.roll(ACCOUNTS) as u32;
    let account = store.account(AccountId::new(id).unwrap());
    let Some(inbox) = account.by_role(Role::Inbox).unwrap() else {
        let mut writer = account.write().unwrap();
        writer
            .create_mailbox(new_mailbox("INBOX", Some(Role::Inbox)))
            .unwrap();
        writer.commit().unwrap();
        return;
    };
    let emails = emails(&account);
    let some = emails.get(dice.roll(emails.len().max(1) as u64) as usize);
    match (dice.roll(10), some) {
        (0 | 1, Some(email)) => {
            let mut writer = account.write().unwrap();
            writer
                .keywords(*email, &KeywordChange::Add(vec![keyword("$seen")]))
                .unwrap();
            writer.commit().unwrap();
        }
        (2, Some(email)) => {
            let mut writer = account.write().unwrap();
            writer.destroy(*email).unwrap();
            writer.commit().unwrap();
        }
        (3, _) => {
            let value = vec![dice.roll(256) as u8; dice.roll(20_000) as usize];
            let key = [b'k', dice.roll(5) as u8];
            store.table("numbers").put(&key, Some(value)).unwrap();
        }
        (4, _) => {
            let key = [b'k', dice.roll(5) as u8];
            store.table("numbers").put(&key, None).unwrap();
        }
        (5, _) => {
            let blob = store
                .put_blob(letter(number, "queue", &[]).as_bytes())
                .unwrap();
            store.queue().put(number as i64, blob, vec![7; 40]).unwrap();
        }
        (6, _) => {
            if let Some(item) = store.queue().due(i64::MAX, 1).unwrap().first() {
                store.queue().remove(item.id).unwrap();
            }
        }
        _ => {
            let answered = [number / 2];
            let text = letter(number, "thư", &answered);
            deliver(store, id, inbox.id, &text, Some(number)).unwrap();
        }
    }
}

fn files(dir: &Path) -> usize {
    fs::read_dir(dir).unwrap().count()
}

fn world(engine: EngineKind, disk: Disk) -> World {
    let mut world = World::new(engine);
    world.crash();
    fs::remove_dir_all(&world.options.dir).unwrap();
    world.options.sizes = SIZES;
    world.options.disk = disk;
    world.reopen();
    world
}

/// The index made anew, by each engine, is the one that was written through.
fn i19_history(seed: u64, own: EngineKind) {
    let mut world = world(own, Disk::default());
    let mut dice = Dice(seed);
    let dir = world.options.dir.clone();
    for number in 1..=250 {
        step(world.store(), &mut dice, number);
        match dice.roll(100) {
            0 => world.reopen(),
            1 => {
                world.store().close().unwrap();
                world.reopen();
            }
            2 => {
                let covered = world.store().snapshot().unwrap();
                assert!(covered.segment > 0);
            }
            _ => {}
        }
    }
    let before = world.store().fingerprint().unwrap();
    let covered = world.store().snapshot().unwrap();
    assert_eq!(files(&dir.join("journal")), 1, "{covered:?}");
    assert!(files(&dir.join("snapshots")) < 10);
    step(world.store(), &mut dice, 9_999);
    let last = world.store().fingerprint().unwrap();
    assert_ne!(before, last);
    assert_eq!(world.check(), Vec::<String>::new());
    world.close();
    for engine in [own, EngineKind::Memory] {
        let options = Options {
            engine,
            ..world.options.clone()
        };
        let rebuilt = Store::rebuild(&options).unwrap();
        assert!(rebuilt.keys > 0 && rebuilt.commits > 0, "{rebuilt:?}");
        let store = Store::open(&options).unwrap();
        assert_eq!(store.fingerprint().unwrap(), last, "{engine:?}");
        assert_eq!(store.check().unwrap(), Vec::<String>::new());
        store.close().unwrap();
    }
}

#[test]
fn i19_a_rebuilt_index_is_the_one_that_was_written() {
    for seed in 1..=3 {
        i19_history(seed, EngineKind::Sled);
    }
    for seed in 4..=5 {
        i19_history(seed, EngineKind::Fjall);
    }
}

#[test]
fn i19_a_power_cut_at_every_step_of_a_snapshot_loses_nothing() {
    let disk = Disk::forgetful(77);
    let mut world = world(EngineKind::Memory, disk.clone());
    let mut dice = Dice(5);
    let (mut number, mut whole) = (0, 0);
    for steps in 1.. {
        for _ in 0..12 {
            number += 1;
            step(world.store(), &mut dice, number);
        }
        let before = world.store().fingerprint().unwrap();
        disk.fail_after(steps);
        let outcome = world.store().snapshot();
        world.crash();
        disk.power_cut().unwrap();
        world.options.boot_id = Some(format!("boot {steps}"));
        world.reopen();
        assert_eq!(
            world.store().fingerprint().unwrap(),
            before,
            "{steps} steps"
        );
        assert_eq!(world.check(), Vec::<String>::new(), "{steps} steps");
        whole += u32::from(outcome.is_ok());
        if whole == 5 {
            assert!(steps > 20, "it was tested how it ends too early");
            return;
        }
    }
}

#[test]
fn a_full_disk_ends_a_snapshot_and_nothing_else() {
    let mut world = World::new(EngineKind::Memory);
    world.options.sizes = Sizes {
        sealed: u32::MAX, // only when asked
        ..SIZES
    };
    let room = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(3_000_000));
    world.options.disk = room.clone().into();
    world.options.reserve_bytes = 0;
    world.reopen();
    let mut dice = Dice(8);
    for number in 1..=150 {
        step(world.store(), &mut dice, number);
    }
    let before = world.store().fingerprint().unwrap();
    room.store(2_000, std::sync::atomic::Ordering::SeqCst);
    assert!(matches!(
        world.store().snapshot(),
        Err(Error::Unavailable(_))
    ));
    world.reopen();
    assert_eq!(world.store().fingerprint().unwrap(), before);
    room.store(3_000_000, std::sync::atomic::Ordering::SeqCst);
    world.store().snapshot().unwrap();
    world.reopen();
    assert_eq!(world.store().fingerprint().unwrap(), before);
    assert_eq!(world.check(), Vec::<String>::new());
}

#[test]
fn what_is_pinned_stays() {
    let world = world(EngineKind::Memory, Disk::default());
    let mut dice = Dice(3);
    let segments = world.options.dir.join("journal");
    let pin = Pin::shared(&world.options.dir).unwrap();
    for number in 1..=150 {
        step(world.store(), &mut dice, number);
    }
    let before = files(&segments);
    let covered = world.store().snapshot().unwrap();
    assert_eq!((covered.removed, files(&segments)), (0, before + 1));
    drop(pin);
    assert_eq!(world.store().snapshot().unwrap().removed as usize, before);
    assert_eq!(files(&segments), 1);
}
