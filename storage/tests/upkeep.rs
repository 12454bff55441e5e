//! Upkeep: what nobody needs goes, what anybody needs stays, whatever else happens meanwhile.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use storage::*;
use world::{World, letter};

const START: i64 = 1_800_000_000;
const DAY: i64 = 86_400;

/// Everything goes as soon as it may.
const AT_ONCE: Policy = Policy {
    window_s: 0,
    delivered_window_s: 0,
    upload_window_s: 0,
    collect_every_s: 0,
    dead_percent: 1,
};

fn turned(world: &mut World, pack: u64) -> Arc<AtomicI64> {
    let hands = Arc::new(AtomicI64::new(START));
    let told = hands.clone();
    world.options.clock = Clock::new(move || told.load(Ordering::SeqCst));
    world.options.sizes.pack = pack;
    world.reopen();
    hands
}

/// The same octets for a number, and such that do not compress.
fn noise(number: u64, octets: usize) -> Vec<u8> {
    let blocks = (0..octets.div_ceil(32) as u64).flat_map(|block| {
        let seed = [number.to_le_bytes(), block.to_le_bytes()].concat();
        BlobId::of(&seed).0
    });
    blocks.take(octets).collect()
}

/// A letter that carries this many octets of a circular.
fn carrying(number: u64, circular: u64, octets: usize, line: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = letter(number, "Công văn", &[]);
    text.push_str("\r\n\r\n");
    let coded: Vec<u8> = noise(circular, octets / 3 * 3)
        .chunks(3)
        .flat_map(|c| {
            let n = u32::from_be_bytes([0, c[0], c[1], c[2]]);
            [18, 12, 6, 0].map(|shift| LETTERS[(n >> shift) as usize & 63])
        })
        .collect();
    for piece in coded.chunks(line) {
        text.push_str(std::str::from_utf8(piece).unwrap());
        text.push_str("\r\n");
    }
    text
}

fn pack_octets(dir: &Path) -> u64 {
    let files = std::fs::read_dir(dir.join("packs")).unwrap();
    files.map(|f| f.unwrap().metadata().unwrap().len()).sum()
}

/// What was put lately stays in any case; two passes later it is not lately any more.
fn let_time_pass(world: &World, hands: &AtomicI64) {
    let policy = Policy {
        window_s: 1_000_000,
        upload_window_s: 1_000_000,
        delivered_window_s: 1_000_000,
        ..AT_ONCE
    };
    for _ in 0..2 {
        hands.fetch_add(10, Ordering::SeqCst);
        let done = world.store().maintain(&policy).unwrap();
        assert_eq!(done.swept.unwrap().blobs, 0);
    }
}

fn destroy(world: &World, account: u32, email: EmailId) {
    let mut writer = world.account(account).write().unwrap();
    writer.destroy(email).unwrap();
    writer.commit().unwrap();
}

fn all_is_well(store: &Store) {
    assert_eq!(store.check().unwrap(), Vec::<String>::new());
    let mut wrong = Vec::new();
    store
        .verify_content(&mut |id, what| wrong.push(format!("{id:?}: {what}")))
        .unwrap();
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn i06_content_goes_after_its_window_and_its_octets_are_given_back() {
    let mut world = World::new(EngineKind::Memory);
    let hands = turned(&mut world, 20_000);
    let inbox = world.inbox(2);
    let policy = Policy {
        window_s: 30 * DAY as u64,
        upload_window_s: DAY as u64,
        ..Policy::default()
    };
    let kept = world.deliver(2, inbox, &carrying(1, 1, 40_000, 76), None);
    let text = carrying(2, 2, 40_000, 76);
    let gone = world.deliver(2, inbox, &text, None);
    let upload = noise(9, 5_000);
    let upload_id = world.account(2).upload(&upload, START).unwrap();
    let blob = world.account(2).state(gone.email).unwrap().blob;
    destroy(&world, 2, gone.email);
    // For sealed packs to be behind the one that is written.
    world.deliver(2, inbox, &carrying(3, 3, 40_000, 76), None);
    assert_eq!(world.store().maintain(&policy).unwrap().swept, None);
    let full = pack_octets(&world.options.dir);
    let mut seen = Vec::new();
    for day in 1..=32 {
        hands.store(START + day * DAY + 5, Ordering::SeqCst);
        let done = world.store().maintain(&policy).unwrap();
        assert_eq!(done.trusted_s, START + day * DAY + 5);
        seen.push((
            world.store().blob(upload_id).is_ok(),
            world.store().blob(blob).is_ok(),
        ));
    }
    assert!(!seen[2].0, "an upload goes after a day or two");
    assert!(seen[28].1 && !seen[31].1, "what was removed after thirty");
    let left = pack_octets(&world.options.dir);
    assert!(full - left > 39_000, "{full} octets became {left}");
    assert!(world.account(2).content(kept.email).is_ok());
    all_is_well(world.store());
    let before = world.store().fingerprint().unwrap();
    world.reopen();
    assert_eq!(world.store().fingerprint().unwrap(), before);
    all_is_well(world.store());
    // And what is gone can come again.
    let again = world.deliver(2, inbox, &text, None);
    assert_eq!(
        &*world.account(2).content(again.email).unwrap(),
        text.as_bytes()
    );
}

#[test]
fn i06_a_shared_piece_stays_as_long_as_anything_carries_it() {
    let mut world = World::new(EngineKind::Memory);
    let hands = turned(&mut world, 10_000);
    let inbox = world.inbox(2);
    let tick = || hands.fetch_add(10, Ordering::SeqCst);
    world.store().maintain(&AT_ONCE).unwrap();
    let first = world.deliver(2, inbox, &carrying(1, 7, 60_000, 76), None);
    let second = world.deliver(2, inbox, &carrying(2, 7, 60_000, 60), None);
    let piece = BlobId::of(&noise(7, 60_000));
    assert_eq!(&*world.store().blob(piece).unwrap(), noise(7, 60_000));
    destroy(&world, 2, first.email);
    for _ in 0..3 {
        tick();
        world.store().maintain(&AT_ONCE).unwrap();
    }
    let text = carrying(2, 7, 60_000, 60);
    assert_eq!(
        &*world.account(2).content(second.email).unwrap(),
        text.as_bytes()
    );
    all_is_well(world.store());
    destroy(&world, 2, second.email);
    for _ in 0..3 {
        tick();
        world.store().maintain(&AT_ONCE).unwrap();
    }
    assert_eq!(world.store().blob(piece), Err(Error::NotFound));
    // Once as a piece, once by itself.
    let alone = world
        .account(2)
        .upload(&noise(7, 60_000), START + DAY)
        .unwrap();
    let third = world.deliver(2, inbox, &carrying(3, 7, 60_000, 64), None);
    tick();
    hands.store(START + 3 * DAY, Ordering::SeqCst);
    for _ in 0..3 {
        tick();
        world.store().maintain(&AT_ONCE).unwrap();
    }
    assert_eq!(alone, piece);
    assert!(world.account(2).content(third.email).is_ok());
    all_is_well(world.store());
}

#[test]
fn i06_what_waits_in_the_queue_stays() {
    let mut world = World::new(EngineKind::Memory);
    let hands = turned(&mut world, 10_000);
    world.store().maintain(&AT_ONCE).unwrap();
    let text = carrying(1, 1, 60_000, 76);
    let blob = world.store().put_blob(text.as_bytes()).unwrap();
    let id = world.store().queue().put(START, blob, vec![1]).unwrap();
    for _ in 0..4 {
        hands.fetch_add(10, Ordering::SeqCst);
        world.store().maintain(&AT_ONCE).unwrap();
    }
    assert_eq!(&*world.store().blob(blob).unwrap(), text.as_bytes());
    world.store().queue().remove(id).unwrap();
    let done = world.store().maintain(&AT_ONCE).unwrap();
    assert_eq!(
        done.swept.unwrap().blobs,
        2,
        "the letter and what it carries"
    );
    assert_eq!(world.store().blob(blob), Err(Error::NotFound));
}

/// What a hold kept goes when it has ended, although nobody writes to the account any more.
#[test]
fn i06_what_a_hold_kept_goes_after_it() {
    let mut world = World::new(EngineKind::Memory);
    let hands = turned(&mut world, 20_000);
    let inbox = world.inbox(2);
    let policy = Policy {
        window_s: 3 * DAY as u64,
        ..Policy::default()
    };
    let gone = world.deliver(2, inbox, &carrying(1, 1, 40_000, 76), None);
    let blob = world.account(2).state(gone.email).unwrap().blob;
    let account = world.account(2).id();
    let hold = Hold {
        account,
        name: "Vụ 1".into(),
        from: START - DAY,
        reason: "án".into(),
        by: "thanh tra".into(),
        placed_at: START,
    };
    world.store().hold(&hold).unwrap();
    destroy(&world, 2, gone.email);
    world.deliver(3, world.inbox(3), &carrying(2, 2, 40_000, 76), None);
    let passes = |hours: std::ops::Range<i64>| {
        for hour in hours.step_by(45) {
            hands.store(START + hour * 3_600, Ordering::SeqCst);
            world.store().maintain(&policy).unwrap();
        }
    };
    passes(0..400);
    assert!(world.store().blob(blob).is_ok(), "under a hold");
    world.store().release(account, "Vụ 1").unwrap();
    passes(400..600);
    assert!(world.store().blob(blob).is_err(), "the hold has ended");
    all_is_well(world.store());
}

#[test]
fn a_clock_that_jumped_ahead_destroys_nothing() {
    let mut world = World::new(EngineKind::Memory);
    let hands = turned(&mut world, 1 << 20);
    let inbox = world.inbox(2);
    let policy = Policy::default();
    let placed = world.deliver(2, inbox, &letter(1, "x", &[]), Some(77));
    let blob = world.account(2).state(placed.email).unwrap().blob;
    destroy(&world, 2, placed.email);
    let at = |clock: i64| {
        hands.store(clock, Ordering::SeqCst);
        let done = world.store().maintain(&policy).unwrap();
        (done.trusted_s, world.store().blob(blob).is_ok())
    };
    assert_eq!(
        at(START + 9_000 * DAY),
        (START + 9_000 * DAY, true),
        "a store without commits only notes"
    );
    assert_eq!(at(START + 60), (START + 60, true));
    assert_eq!(at(START + 9_000 * DAY), (START + 60 + 2 * DAY, true));
    assert_eq!(at(START + 3_600), (START + 3_600, true));
    assert_eq!(at(START - 9_000 * DAY), (START - 9_000 * DAY, true));
    assert!(at(START + DAY).1);
    let known = world.deliver(2, inbox, &letter(1, "x", &[]), Some(77));
    assert!(known.already, "the delivery is still known");
}

/// A machine whose clock was set back when it started: a letter comes in the past, then the clock is right again.
#[test]
fn a_clock_that_was_behind_destroys_nothing() {
    let mut world = World::new(EngineKind::Memory);
    let hands = turned(&mut world, 20_000);
    let today = hands.load(Ordering::SeqCst);
    let inbox = world.inbox(2);
    world.store().maintain(&Policy::default()).unwrap();
    let gone = world.deliver(2, inbox, &letter(1, "đã xoá", &[]), None);
    destroy(&world, 2, gone.email);
    let removed = || {
        let query = RemovedQuery {
            max: 10,
            ..RemovedQuery::default()
        };
        world.account(2).removed(&query).unwrap().list.len()
    };
    hands.store(today - 40 * DAY, Ordering::SeqCst);
    world.deliver(2, inbox, &letter(2, "của quá khứ", &[]), None);
    world.store().maintain(&Policy::default()).unwrap();
    hands.store(today + 60, Ordering::SeqCst);
    for _ in 0..60 {
        world.store().maintain(&Policy::default()).unwrap();
    }
    let done = world.store().maintain(&Policy::default()).unwrap();
    assert_eq!(done.trusted_s, today + 60);
    assert_eq!(removed(), 1, "it was removed a minute ago");
    for day in 1..=30 {
        assert_eq!(removed(), 1, "day {day}");
        hands.store(today + 60 + day * DAY, Ordering::SeqCst);
        world.store().maintain(&Policy::default()).unwrap();
    }
    assert_eq!(removed(), 0, "its window has passed");
    all_is_well(world.store());
}

#[test]
fn i09_deliveries_are_forgotten_after_their_window_and_not_before() {
    let mut world = World::new(EngineKind::Memory);
    let hands = turned(&mut world, 1 << 20);
    let inbox = world.inbox(2);
    let policy = Policy::default();
    world.store().maintain(&policy).unwrap();
    let mut placed = Vec::new();
    for day in 0..40 {
        hands.store(START + day * DAY, Ordering::SeqCst);
        world.deliver(
            2,
            inbox,
            &letter(day as u64, "x", &[]),
            Some(100 + day as u64),
        );
        placed.push(START + day * DAY);
        hands.fetch_add(60, Ordering::SeqCst);
        world.store().maintain(&policy).unwrap();
    }
    let again = |day: u64| {
        let placed = world.deliver(2, inbox, &letter(1_000 + day, "y", &[]), Some(100 + day));
        placed.already
    };
    for day in [39, 38, 30, 27, 26] {
        assert!(again(day), "day {day}");
    }
    assert!(!again(25) && !again(0), "fourteen days are over");
}

/// A small random number after another.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// One step of somebody who uses accounts, queue and uploads. Contents are few at a time, and come
/// again later, so that the same is put, removed, swept and put again.
fn step(store: &Store, dice: &mut Dice, at: u64, boxes: &[(u32, MailboxId)], now: i64) {
    let (account, inbox) = boxes[dice.roll(boxes.len() as u64) as usize];
    let handle = store.account(AccountId::new(account).unwrap());
    let number = match dice.roll(6) {
        0 => dice.roll(40),
        n => (at / 8 + n) % 40,
    };
    let text = if dice.roll(4) == 0 {
        carrying(number, number / 3, 30_000, [60, 76][number as usize % 2])
    } else {
        letter(number, "x", &[]).repeat(10)
    };
    match dice.roll(8) {
        0..3 => {
            world::deliver(store, account, inbox, &text, None).unwrap();
        }
        3..5 => {
            let mut writer = handle.write().unwrap();
            let mut all = Vec::new();
            handle
                .scan_all(&mut |state| {
                    all.push(state.email);
                    true
                })
                .unwrap();
            if all.is_empty() {
                return;
            }
            // Mostly the oldest, so that accounts stay small.
            let email = all[dice.roll((all.len() as u64).min(3)) as usize];
            if dice.roll(4) == 0 {
                writer.copy(email, inbox).unwrap();
            } else {
                writer.destroy(email).unwrap();
            }
            writer.commit().unwrap();
        }
        5 => {
            let blob = store.put_blob(text.as_bytes()).unwrap();
            let id = store.queue().put(now, blob, vec![1]).unwrap();
            let item = store.queue().item(id).unwrap();
            assert_eq!(&*store.blob(item.blob).unwrap(), text.as_bytes());
            if dice.roll(10) > 0 {
                store.queue().remove(id).unwrap();
            }
        }
        6 => {
            handle.upload(text.as_bytes(), now).unwrap();
        }
        _ => {
            let mut all = Vec::new();
            handle
                .scan_all(&mut |state| {
                    all.push((state.email, state.blob));
                    true
                })
                .unwrap();
            for (email, blob) in all {
                match handle.content(email) {
                    Ok(content) => assert_eq!(BlobId::of(&content), blob),
                    // Somebody else removed it meanwhile.
                    Err(_) => assert!(handle.state(email).is_err()),
                }
            }
        }
    }
}

fn i06_concurrent(engine: EngineKind, steps: u64, pack: u64, least: u64) {
    let mut world = World::new(engine);
    let hands = turned(&mut world, pack);
    let boxes: Vec<_> = (2..5).map(|id| (id, world.inbox(id))).collect();
    let store = world.store();
    store.maintain(&AT_ONCE).unwrap();
    let (swept, removed) = (AtomicU64::new(0), AtomicU64::new(0));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let upkeep = scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                hands.fetch_add(10, Ordering::SeqCst);
                let done = store.maintain(&AT_ONCE).unwrap();
                swept.fetch_add(done.swept.unwrap().blobs, Ordering::SeqCst);
                removed.fetch_add(done.compacted.unwrap().removed, Ordering::SeqCst);
            }
        });
        let users: Vec<_> = (0..4u64)
            .map(|seed| {
                let (boxes, hands) = (&boxes, &hands);
                scope.spawn(move || {
                    let mut dice = Dice(seed);
                    for at in 0..steps {
                        step(store, &mut dice, at, boxes, hands.load(Ordering::SeqCst));
                    }
                })
            })
            .collect();
        let ended: Vec<_> = users.into_iter().map(|u| u.join()).collect();
        over.store(true, Ordering::SeqCst);
        upkeep.join().unwrap();
        assert!(ended.iter().all(Result::is_ok));
    });
    assert!(swept.load(Ordering::SeqCst) > 20, "{swept:?} swept");
    assert!(
        removed.load(Ordering::SeqCst) >= least,
        "{removed:?} packs removed"
    );
    all_is_well(store);
    let before = store.fingerprint().unwrap();
    world.reopen();
    assert_eq!(world.store().fingerprint().unwrap(), before);
    all_is_well(world.store());
}

#[test]
fn i06_nothing_needed_goes_while_all_write_at_once_in_memory() {
    i06_concurrent(EngineKind::Memory, 250, 100_000, 3);
}

#[test]
fn i06_nothing_needed_goes_while_all_write_at_once_in_sled() {
    i06_concurrent(EngineKind::Sled, 100, 100_000, 3);
}

/// No pack is ever full: each is ended for what is dead in it.
#[test]
fn i06_nothing_needed_goes_from_the_open_pack_while_all_write_at_once() {
    i06_concurrent(EngineKind::Memory, 250, 1 << 28, 1);
}

#[test]
fn i06_a_power_cut_at_any_step_of_upkeep_loses_nothing() {
    let mut cuts = 0;
    for seed in 0..24 {
        let mut world = World::new(EngineKind::Memory);
        let hands = turned(&mut world, 30_000);
        let disk = Disk::forgetful(seed);
        world.options.dir = world.dir.path().join("other");
        world.options.disk = disk.clone();
        world.reopen();
        let inbox = world.inbox(2);
        world.store().maintain(&AT_ONCE).unwrap();
        let mut dice = Dice(seed);
        let mut kept = Vec::new();
        for number in 0..12 {
            let text = carrying(number, number % 3, 26_000, 76);
            let placed = world.deliver(2, inbox, &text, None);
            if dice.roll(2) == 0 {
                destroy(&world, 2, placed.email);
            } else {
                kept.push((placed.email, text));
            }
        }
        let_time_pass(&world, &hands);
        hands.fetch_add(10, Ordering::SeqCst);
        disk.fail_after(1 + seed % 12);
        let failed = world.store().maintain(&AT_ONCE).is_err();
        cuts += u64::from(failed);
        world.crash();
        disk.power_cut().unwrap();
        world.reopen();
        for _ in 0..2 {
            for (email, text) in &kept {
                let content = world.account(2).content(*email).unwrap();
                assert_eq!(&*content, text.as_bytes(), "seed {seed}");
            }
            all_is_well(world.store());
            hands.fetch_add(10, Ordering::SeqCst);
            world.store().maintain(&AT_ONCE).unwrap();
        }
    }
    assert!(cuts > 12, "{cuts} cuts fell into upkeep");
}

#[test]
fn a_backup_that_reads_keeps_packs_from_being_removed() {
    let mut world = World::new(EngineKind::Memory);
    let hands = turned(&mut world, 1_000);
    let inbox = world.inbox(2);
    world.store().maintain(&AT_ONCE).unwrap();
    let one = world.deliver(2, inbox, &carrying(1, 1, 9_000, 76), None);
    world.deliver(2, inbox, &carrying(2, 2, 9_000, 76), None);
    destroy(&world, 2, one.email);
    let_time_pass(&world, &hands);
    hands.fetch_add(10, Ordering::SeqCst);
    let pin = pin::Pin::shared(&world.options.dir).unwrap();
    let full = pack_octets(&world.options.dir);
    let done = world.store().maintain(&AT_ONCE).unwrap();
    assert!(done.compacted.unwrap().more, "{done:?}");
    assert_eq!(pack_octets(&world.options.dir), full);
    drop(pin);
    // It is still remembered that something is to be done.
    let later = Policy {
        collect_every_s: 1_000_000,
        ..AT_ONCE
    };
    let done = world.store().maintain(&later).unwrap();
    assert_eq!((done.swept, done.compacted.unwrap().removed), (None, 1));
    all_is_well(world.store());
}

#[test]
fn a_damaged_pack_is_left_as_it_is() {
    let mut world = World::new(EngineKind::Memory);
    let hands = turned(&mut world, 30_000);
    let inbox = world.inbox(2);
    world.store().maintain(&AT_ONCE).unwrap();
    let mut placed = Vec::new();
    for number in 0..3 {
        placed.push(world.deliver(2, inbox, &carrying(number, number, 12_000, 76), None));
    }
    world.deliver(2, inbox, &carrying(9, 9, 12_000, 76), None);
    destroy(&world, 2, placed[0].email);
    let_time_pass(&world, &hands);
    let path = world.options.dir.join("packs/000001.pack");
    let mut octets = std::fs::read(&path).unwrap();
    let at = octets.len() - 40;
    octets[at] ^= 1;
    std::fs::write(&path, &octets).unwrap();
    hands.fetch_add(10, Ordering::SeqCst);
    let done = world.store().maintain(&AT_ONCE).unwrap();
    assert_eq!(done.compacted.unwrap().damaged, 1, "{done:?}");
    assert_eq!(std::fs::read(&path).unwrap(), octets);
    assert!(world.account(2).content(placed[1].email).is_ok());
    assert!(matches!(
        world.account(2).content(placed[2].email),
        Err(Error::Damaged(_))
    ));
}
