//! The pack that is being written: what was removed for good does not stay in it for years, nor in each backup.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use storage::backup::*;
use storage::*;
use world::bench::{WORKERS, files, quiet};
use world::{World, letter};

const START: i64 = 1_800_000_000;
const DAY: i64 = 86_400;
/// Octets of a letter's noise.
const NOISE: usize = 6_000;

/// What is removed goes after a day; all else as usual.
const A_DAY: Policy = Policy {
    window_s: DAY as u64,
    delivered_window_s: DAY as u64,
    upload_window_s: DAY as u64,
    collect_every_s: DAY as u64,
    dead_percent: 40,
};

/// One store with a clock that is turned by hand.
struct Office {
    world: World,
    inbox: MailboxId,
    hands: Arc<AtomicI64>,
}

/// A letter with noise in base64, which lies in a pack as what it says: so it can be looked for there.
fn text(number: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let coded: Vec<u8> = noise(number)
        .chunks(3)
        .flat_map(|c| {
            let n = u32::from_be_bytes([0, c[0], c[1], c[2]]);
            [18, 12, 6, 0].map(|shift| LETTERS[(n >> shift) as usize & 63])
        })
        .collect();
    let mut text = letter(number, "Công văn", &[]);
    for line in coded.chunks(76) {
        text.push_str(std::str::from_utf8(line).unwrap());
        text.push_str("\r\n");
    }
    text
}

/// The same octets for a number, and such that do not compress.
fn noise(number: u64) -> Vec<u8> {
    let blocks = (0..NOISE.div_ceil(32) as u64).flat_map(|block| {
        let seed = [number.to_le_bytes(), block.to_le_bytes()].concat();
        BlobId::of(&seed).0
    });
    blocks.take(NOISE).collect()
}

impl Office {
    fn new(engine: EngineKind, disk: Disk) -> Self {
        let mut world = World::new(engine);
        let hands = Arc::new(AtomicI64::new(START));
        let told = hands.clone();
        world.options.clock = Clock::new(move || told.load(Ordering::SeqCst));
        world.options.dir = world.dir.path().join("office");
        world.options.disk = disk;
        world.reopen();
        let inbox = world.inbox(2);
        world.store().maintain(&A_DAY).unwrap();
        Self {
            world,
            inbox,
            hands,
        }
    }

    fn fill(&self, numbers: std::ops::Range<u64>) -> Vec<EmailId> {
        let deliver = |n| self.world.deliver(2, self.inbox, &text(n), None).email;
        numbers.map(deliver).collect()
    }

    fn destroy(&self, emails: &[EmailId]) {
        let mut writer = self.world.account(2).write().unwrap();
        emails.iter().for_each(|e| writer.destroy(*e).unwrap());
        writer.commit().unwrap();
    }

    /// Some passes, a day after each other.
    fn days(&self, days: usize) -> Result<Compacted, Error> {
        let mut all = Compacted::default();
        for _ in 0..days {
            self.hands.fetch_add(DAY + 1, Ordering::SeqCst);
            let done = self.world.store().maintain(&A_DAY)?;
            let some = done.compacted.unwrap();
            all.removed += some.removed;
            all.freed += some.freed;
            all.moved += some.moved;
            all.damaged += some.damaged;
        }
        Ok(all)
    }

    fn packs(&self) -> BTreeSet<std::path::PathBuf> {
        files(&self.world.options.dir.join("packs"))
    }

    fn octets(&self) -> u64 {
        let sizes = self
            .packs()
            .into_iter()
            .map(|p| p.metadata().unwrap().len());
        sizes.sum()
    }

    fn is_well(&self, kept: &[EmailId], first: u64) {
        for (email, number) in kept.iter().zip(first..) {
            let content = self.world.account(2).content(*email).unwrap();
            assert_eq!(&*content, text(number).as_bytes(), "letter {number}");
        }
        assert_eq!(
            self.world.store().check_deep().unwrap(),
            Vec::<String>::new()
        );
    }
}

/// Whether any file of the folder has a piece of the noise of these letters.
fn holds(dir: &std::path::Path, numbers: std::ops::Range<u64>) -> bool {
    let pieces: BTreeSet<Vec<u8>> = numbers.map(|n| noise(n)[1_000..1_032].to_vec()).collect();
    files(dir).into_iter().any(|path| {
        let octets = std::fs::read(path).unwrap();
        octets.windows(32).any(|window| pieces.contains(window))
    })
}

#[test]
fn i06_what_was_removed_for_good_leaves_the_open_pack_and_the_backups() {
    for engine in [EngineKind::Memory, EngineKind::Sled] {
        let mut office = Office::new(engine, Disk::default());
        let gone = office.fill(0..83);
        let kept = office.fill(83..90);
        let full = office.octets();
        for number in [0, 40, 82] {
            assert!(holds(&office.world.options.dir, number..number + 1));
        }
        office.destroy(&gone);
        let done = office.days(5).unwrap();
        assert_eq!((done.removed, done.damaged), (1, 0), "{done:?}");
        let left = office.octets();
        assert!(left < full / 5, "{full} octets became {left}");
        assert!(!holds(&office.world.options.dir, 0..83));
        office.is_well(&kept, 83);
        // A pass later nothing is to be done.
        assert_eq!(office.days(2).unwrap(), Compacted::default());
        assert_eq!(office.octets(), left);
        let target = office.world.dir.path().join("backups");
        let store = &office.world.options.dir;
        let vault = FolderVault::target(&target, store, &Disk::default()).unwrap();
        let task = Take {
            store,
            vault: &vault,
            secret: &Secret::None,
            keys: &KeySource::None,
            now_s: START,
            reread: false,
            workers: WORKERS,
        };
        take(&task, &mut quiet).unwrap();
        assert!(holds(&target, 83..84) && !holds(&target, 0..83));
        let to = office.world.dir.path().join("restored");
        let task = Restore {
            vault: &vault,
            secret: &Secret::None,
            which: Which::Newest,
            to: &to,
            disk: &Disk::default(),
            workers: WORKERS,
            salvage: false,
            keyring: None,
            leap: false,
        };
        restore(&task, &mut quiet).unwrap();
        assert!(!holds(&to, 0..83));
        let before = office.world.store().fingerprint().unwrap();
        for closed in [true, false] {
            if closed {
                office.world.store().close().unwrap();
            }
            office.world.reopen();
            assert_eq!(office.world.store().fingerprint().unwrap(), before);
            office.is_well(&kept, 83);
        }
        // And what comes is kept as before.
        let more = office.fill(100..105);
        office.is_well(&more, 100);
    }
}

/// Rewriting costs as much as what is left: for little, or for a small part, nothing is done.
#[test]
fn little_that_is_dead_is_left_in_the_open_pack() {
    let check = |letters: u64, removed: usize, rewritten: bool| {
        let office = Office::new(EngineKind::Memory, Disk::default());
        let all = office.fill(0..letters);
        let before = office.packs();
        office.destroy(&all[..removed]);
        office.days(4).unwrap();
        let about = format!("{removed} of {letters}");
        assert_eq!(office.packs() != before, rewritten, "{about}");
        office.is_well(&all[removed..], removed as u64);
    };
    check(12, 6, false);
    check(100, 30, false);
    check(100, 50, true);
    check(40, 40, true);
}

/// A pack that was the last one when the machine stopped is written no more, and is none the less collected.
#[test]
fn the_last_pack_of_a_store_that_was_killed_is_collected_too() {
    let mut office = Office::new(EngineKind::Memory, Disk::default());
    let all = office.fill(0..60);
    office.world.crash();
    office.world.reopen();
    office.destroy(&all[..50]);
    let full = office.octets();
    let done = office.days(4).unwrap();
    assert_eq!(done.removed, 1, "{done:?}");
    assert!(office.octets() < full / 3);
    office.is_well(&all[50..], 50);
}

/// What was put and not committed lies in a pack too: it is neither dead nor lost.
#[test]
fn what_is_on_its_way_moves_along() {
    let office = Office::new(EngineKind::Memory, Disk::default());
    let all = office.fill(0..60);
    office.destroy(&all);
    office.days(1).unwrap();
    let late = text(70);
    let blob = office.world.store().put_blob(late.as_bytes()).unwrap();
    office.days(2).unwrap();
    assert!(office.octets() < 20_000, "{}", office.octets());
    let summary = formats::message::summarize(late.as_bytes());
    let mut writer = office.world.account(2).write().unwrap();
    let placed = writer.append(Append {
        blob,
        summary: &summary,
        received_at: START,
        keywords: Vec::new(),
        mailboxes: vec![office.inbox],
        delivery: None,
    });
    let email = placed.unwrap().email;
    writer.commit().unwrap();
    office.is_well(&[email], 70);
}

#[test]
fn i06_a_power_cut_at_any_step_of_it_loses_nothing() {
    let mut cuts = 0;
    for seed in 0..16 {
        let disk = Disk::forgetful(seed);
        let mut office = Office::new(EngineKind::Memory, disk.clone());
        let gone = office.fill(0..40);
        let kept = office.fill(40..48);
        office.destroy(&gone);
        // The next pass sweeps it, and ends the pack.
        office.days(1).unwrap();
        disk.fail_after(1 + seed * 2);
        let failed = office.days(2).is_err();
        cuts += u64::from(failed);
        office.world.crash();
        disk.power_cut().unwrap();
        office.world.options.boot_id = Some("the next boot".into());
        office.world.reopen();
        office.is_well(&kept, 40);
        office.days(3).unwrap();
        office.is_well(&kept, 40);
        let left = office.octets();
        assert!(left < 100_000, "seed {seed}: {left} octets");
        office.world.crash();
        disk.power_cut().unwrap();
        office.world.options.boot_id = Some("the last boot".into());
        office.world.reopen();
        office.is_well(&kept, 40);
    }
    assert!(cuts > 8, "{cuts} cuts fell into it");
}
