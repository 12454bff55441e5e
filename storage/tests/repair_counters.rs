//! Repair of a damaged journal: a command that cannot work does no harm, what the index has is not
//! dropped, and afterwards nothing is given twice.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use storage::*;
use world::closed::{SIZES, change, copy, journal};
use world::{World, deliver, keyword, letter};

/// Octets of a segment's head.
const HEAD: usize = 48;
const ADVICE: &str = "congvu store repair";

fn octets(paths: &[PathBuf]) -> Vec<(PathBuf, Vec<u8>)> {
    let read = |path: &PathBuf| (path.clone(), fs::read(path).unwrap());
    paths.iter().map(read).collect()
}

fn flip(path: &Path, at: usize) {
    change(path, |octets| octets[at] ^= 0x10);
}

/// Flips an octet of the last commit.
fn flip_last(options: &Options) {
    let last = journal(options).pop().unwrap();
    let len = fs::metadata(&last).unwrap().len() as usize;
    assert!(len > HEAD + 60);
    flip(&last, len - 60);
}

/// Where the frames of a segment begin.
fn frames(path: &Path) -> Vec<usize> {
    let bytes = fs::read(path).unwrap();
    let (mut at, mut found) = (HEAD, Vec::new());
    while let Some(length) = bytes.get(at + 4..at + 8) {
        assert_eq!(&bytes[at..at + 4], b"CvF2");
        found.push(at);
        at += 36 + u32::from_le_bytes(length.try_into().unwrap()) as usize;
    }
    found
}

/// Mail of three accounts that comes, is marked, filed and removed; nothing is covered yet.
fn busy(engine: EngineKind) -> World {
    let world = World::sized(engine, SIZES);
    for id in 2..5 {
        let inbox = world.inbox(id);
        let filed = world.mailbox(id, "Lưu trữ", None);
        for number in 0..8 {
            let text = letter(u64::from(id) * 100 + number, "công văn", &[]);
            let placed = world.deliver(id, inbox, &text, Some(number));
            let mut writer = world.account(id).write().unwrap();
            match number % 4 {
                0 => {
                    let seen = KeywordChange::Add(vec![keyword("$seen")]);
                    writer.keywords(placed.email, &seen).unwrap();
                }
                1 => writer.expunge(placed.email, inbox).unwrap(),
                2 => {
                    writer.relocate(placed.email, inbox, filed).unwrap();
                }
                _ => {}
            }
            writer.commit().unwrap();
        }
    }
    world
}

/// The next numbers of each account, and the Uids in use.
fn given(store: &Store) -> BTreeMap<(u32, MailboxId), (Uid, ModSeq)> {
    let mut given = BTreeMap::new();
    for id in 2..5 {
        let account = store.account(AccountId::new(id).unwrap());
        for mailbox in account.mailboxes().unwrap() {
            let numbers = (mailbox.uid_next, account.modseq().unwrap());
            given.insert((id, mailbox.id), numbers);
        }
    }
    given
}

fn letters(store: &Store, id: u32) -> BTreeMap<EmailId, Vec<u8>> {
    let account = store.account(AccountId::new(id).unwrap());
    let mut emails = Vec::new();
    account
        .scan_all(&mut |state| {
            emails.push(state.email);
            true
        })
        .unwrap();
    let content = |email: EmailId| (email, account.content(email).unwrap().to_vec());
    emails.into_iter().map(content).collect()
}

#[test]
fn i03_upkeep_of_a_damaged_journal_changes_nothing_and_a_repair_gives_no_number_twice() {
    let mut world = busy(EngineKind::Sled);
    let whole = world.store().fingerprint().unwrap();
    world.close();
    flip_last(&world.options);
    let damaged = octets(&journal(&world.options));
    for _ in 0..3 {
        world.reopen();
        for _ in 0..2 {
            let refused = [
                world.store().snapshot().unwrap_err(),
                world.store().maintain(&Policy::default()).unwrap_err(),
            ];
            for e in refused {
                assert!(e.to_string().contains(ADVICE), "{e}");
            }
        }
        assert_eq!(world.store().fingerprint().unwrap(), whole);
        assert_eq!(world.check().len(), 1, "the damage alone");
        world.close();
        assert!(octets(&journal(&world.options)) == damaged);
    }
    // Mail still comes, and then it is repaired.
    world.reopen();
    let inbox = world.account(3).by_role(Role::Inbox).unwrap().unwrap().id;
    world.deliver(3, inbox, &letter(1, "đến sau", &[]), None);
    let whole = world.store().fingerprint().unwrap();
    let (before, numbers) = (letters(world.store(), 4), given(world.store()));
    world.close();
    let report = Store::repair(&world.options).unwrap();
    assert_eq!(report.remaining, Vec::<String>::new());
    world.reopen();
    assert_eq!(world.store().fingerprint().unwrap(), whole);
    let inbox = world.account(4).by_role(Role::Inbox).unwrap().unwrap().id;
    let placed = world.deliver(4, inbox, &letter(2, "sau khi sửa", &[]), None);
    assert!(placed.uids[0].1 >= numbers[&(4, inbox)].0);
    assert!(!before.contains_key(&placed.email));
    assert_eq!(letters(world.store(), 4).len(), before.len() + 1);
    world.store().snapshot().unwrap();
    assert_eq!(world.check(), Vec::<String>::new());
}

#[test]
fn i01_neither_a_rebuild_nor_a_start_drops_a_commit_that_the_index_has() {
    for clean in [true, false] {
        let mut world = busy(EngineKind::Sled);
        let whole = world.store().fingerprint().unwrap();
        if clean {
            world.store().close().unwrap();
        }
        world.crash();
        flip_last(&world.options);
        for _ in 0..2 {
            let e = Store::rebuild(&world.options).unwrap_err().to_string();
            assert!(e.contains(ADVICE), "{clean}: {e}");
            match Store::open(&world.options) {
                Ok(store) => {
                    assert!(clean);
                    assert_eq!(store.fingerprint().unwrap(), whole);
                    store.close().unwrap();
                }
                Err(e) => assert!(!clean && e.to_string().contains(ADVICE), "{e}"),
            }
        }
        let report = Store::repair(&world.options).unwrap();
        assert_eq!(report.remaining, Vec::<String>::new(), "{clean}");
        assert!(!report.damage.is_empty());
        world.reopen();
        assert_eq!(world.store().fingerprint().unwrap(), whole, "{clean}");
        world.crash();
        Store::rebuild(&world.options).unwrap();
        world.reopen();
        assert_eq!(world.store().fingerprint().unwrap(), whole, "{clean}");
    }
}

/// After a kill nobody knows what stood in it: the index may be behind.
#[test]
fn i03_a_journal_without_its_end_leaves_no_number_to_be_given_twice() {
    let harms: [&dyn Fn(&Path); 3] = [
        &|last| fs::remove_file(last).unwrap(),
        &|last| fs::write(last, b"").unwrap(),
        &|last| fs::write(last, &fs::read(last).unwrap()[..HEAD]).unwrap(),
    ];
    for (clean, harm) in [true, false]
        .into_iter()
        .flat_map(|c| harms.map(|h| (c, h)))
    {
        let mut world = busy(EngineKind::Sled);
        let whole = world.store().fingerprint().unwrap();
        let inbox = world.account(4).by_role(Role::Inbox).unwrap().unwrap().id;
        let before = given(world.store())[&(4, inbox)].0;
        if clean {
            world.store().close().unwrap();
        }
        world.crash();
        harm(&journal(&world.options).pop().unwrap());
        let report = Store::repair(&world.options).unwrap();
        assert_eq!(report.remaining, Vec::<String>::new(), "{clean}");
        assert_eq!(report.gone.is_none(), clean, "{report:?}");
        world.reopen();
        if clean {
            assert_eq!(world.store().fingerprint().unwrap(), whole);
            continue;
        }
        let placed = world.deliver(4, inbox, &letter(2, "sau khi sửa", &[]), None);
        assert!(placed.uids[0].1.raw() >= before.raw() + 1_000_000);
    }
}

/// What never was promised is cut as before.
#[test]
fn a_torn_tail_is_still_cut() {
    for clean in [true, false] {
        let mut world = busy(EngineKind::Sled);
        let whole = world.store().fingerprint().unwrap();
        if clean {
            world.store().close().unwrap();
        }
        world.crash();
        let last = journal(&world.options).pop().unwrap();
        let mut bytes = fs::read(&last).unwrap();
        bytes.extend_from_slice(b"CvF2 half a frame");
        fs::write(&last, bytes).unwrap();
        Store::rebuild(&world.options).unwrap();
        world.reopen();
        assert_eq!(world.store().fingerprint().unwrap(), whole);
        assert_eq!(world.check(), Vec::<String>::new());
    }
}

/// One octet of the head of the last or first segment is flipped.
fn head_mended(at: usize, with_index: bool, last: bool) {
    let mut world = busy(EngineKind::Sled);
    let whole = world.store().fingerprint().unwrap();
    world.close();
    let segments = journal(&world.options);
    let path = match last {
        true => segments.last(),
        false => segments.first(),
    };
    flip(path.unwrap(), at);
    if !with_index {
        fs::remove_dir_all(world.options.dir.join("index")).unwrap();
    }
    let what = format!("octet {at}, {with_index}, {last}");
    let e = Store::rebuild(&world.options).unwrap_err().to_string();
    assert!(e.contains(ADVICE), "{what}: {e}");
    let report = Store::repair(&world.options).unwrap();
    assert_eq!(report.damage.len(), 1, "{what}: {report:?}");
    assert_eq!(report.remaining, Vec::<String>::new(), "{what}");
    world.reopen();
    assert_eq!(world.store().fingerprint().unwrap(), whole, "{what}");
}

#[test]
fn i18_a_damaged_head_of_a_segment_is_mended_and_an_unknown_version_is_refused() {
    for (at, with_index, last) in [
        (0, true, true),
        (5, false, true),
        (8, true, false),
        (8, false, true),
        (12, false, false),
        (17, false, true),
        (25, true, true),
        (30, false, false),
        (41, false, true),
    ] {
        head_mended(at, with_index, last);
    }
    let mut world = busy(EngineKind::Sled);
    world.close();
    let last = journal(&world.options).pop().unwrap();
    let mut bytes = fs::read(&last).unwrap();
    bytes[8] = 88;
    let sum = blake3::hash(&bytes[..40]);
    bytes[40..48].copy_from_slice(&sum.as_bytes()[..8]);
    fs::write(&last, &bytes).unwrap();
    let before = octets(&journal(&world.options));
    let e = Store::repair(&world.options).unwrap_err().to_string();
    assert!(e.contains("unknown version 88"), "{e}");
    assert!(octets(&journal(&world.options)) == before);
}

/// Without the index every single commit may be the one that is lost; what is left is a store in
/// which everything fits and nothing is given twice.
#[test]
fn i07_a_lost_commit_leaves_a_store_that_fits() {
    let mut world = busy(EngineKind::Memory);
    let (numbers, all) = (given(world.store()), letters(world.store(), 3));
    world.close();
    let mut tried = 0;
    for path in journal(&world.options) {
        for frame in frames(&path) {
            tried += 1;
            // The first ones, and of the others some: each is a whole repair.
            if tried > 6 && tried % 9 > 0 {
                continue;
            }
            let dir = tempfile::tempdir().unwrap();
            let options = Options {
                dir: dir.path().join("store"),
                ..world.options.clone()
            };
            copy(&world.options.dir, &options.dir);
            let damaged = options.dir.join("journal").join(path.file_name().unwrap());
            flip(&damaged, frame + 20);
            let what = format!("{}, {frame}", path.display());
            let report = Store::repair(&options).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert_eq!(report.remaining, Vec::<String>::new(), "{what}");
            fits(&options, &numbers, &all, &what);
        }
    }
    assert!(tried > 30);
}

fn fits(
    options: &Options,
    numbers: &BTreeMap<(u32, MailboxId), (Uid, ModSeq)>,
    all: &BTreeMap<EmailId, Vec<u8>>,
    what: &str,
) {
    let store = Store::open(options).unwrap();
    assert_eq!(store.check().unwrap(), Vec::<String>::new(), "{what}");
    let left = letters(&store, 3);
    assert!(left.len() + 1 >= all.len(), "{what}");
    for (id, mailbox) in numbers.keys() {
        let account = store.account(AccountId::new(*id).unwrap());
        let (uid, modseq) = numbers[&(*id, *mailbox)];
        assert!(account.modseq().unwrap() >= modseq, "{what}");
        // Whoever followed before is told to begin anew, or told the truth.
        let changes = account.changes(modseq, 100);
        assert!(
            changes.is_err() || account.modseq().unwrap() == modseq,
            "{what}"
        );
        if account.mailbox(*mailbox).is_err() {
            continue;
        }
        let placed = deliver(&store, *id, *mailbox, &letter(9_000, "mới", &[]), None).unwrap();
        assert!(placed.uids[0].1 >= uid, "{what}");
        assert!(!all.contains_key(&placed.email) || *id != 3, "{what}");
    }
    assert_eq!(store.check().unwrap(), Vec::<String>::new(), "{what}");
    store.snapshot().unwrap();
}

/// Not after a restart of an empty queue, and not after a repair that lost the commit in which it was given.
#[test]
fn i07_a_queue_number_is_never_given_twice() {
    let mut world = busy(EngineKind::Sled);
    let blob = world.store().put_blob(b"x").unwrap();
    let put = |world: &World| world.store().queue().put(1, blob, vec![1]).unwrap();
    let mut given: Vec<QueueId> = (0..3).map(|_| put(&world)).collect();
    for id in &given {
        world.store().queue().remove(*id).unwrap();
    }
    world.close();
    world.reopen();
    assert_eq!(world.store().loss(), Ok(None));
    let mut marks = Vec::new();
    for _ in 0..2 {
        let id = put(&world);
        assert!(given.iter().all(|before| *before < id), "{id} of {given:?}");
        given.push(id);
        world.store().queue().remove(id).unwrap();
        world.close();
        flip_last(&world.options);
        fs::remove_dir_all(world.options.dir.join("index")).unwrap();
        let report = Store::repair(&world.options).unwrap();
        assert!(!report.damage.is_empty());
        world.reopen();
        let loss = world.store().loss().unwrap().unwrap();
        assert_eq!(loss.last_account, AccountId::new(4));
        assert_eq!(loss.restored, None, "it was damage");
        marks.push(loss.mark);
    }
    let id = put(&world);
    assert!(given.iter().all(|before| *before < id), "{id} of {given:?}");
    assert_ne!(marks[0], marks[1]);
}
