//! Crashes, damage and full disks: what was acknowledged stays, and nothing is half done.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use storage::*;
use world::closed::copy;
use world::{World, deliver, keyword, letter};

fn journal(dir: &Path) -> PathBuf {
    dir.join("journal/0000000001.log")
}

type Harm<'a> = &'a dyn Fn(&Path);

/// Opens a copy of the folder after `harm` was done to it.
fn harmed(world: &World, harm: Harm<'_>) -> Result<(tempfile::TempDir, Store), Error> {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        dir: dir.path().join("store"),
        ..world.options.clone()
    };
    copy(&world.options.dir, &options.dir);
    harm(&options.dir);
    Store::open(&options).map(|store| (dir, store))
}

fn change(path: &Path, change: &dyn Fn(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn i01_a_torn_tail_is_the_state_before_or_after() {
    let world = World::new(EngineKind::Memory);
    let inbox = world.inbox(2);
    let first = world.deliver(2, inbox, &letter(1, "x", &[]), None);
    let before = world.store().fingerprint().unwrap();
    let start = fs::metadata(journal(&world.options.dir)).unwrap().len() as usize;
    let mut writer = world.account(2).write().unwrap();
    writer
        .keywords(first.email, &KeywordChange::Add(vec![keyword("$seen")]))
        .unwrap();
    writer.copy(first.email, inbox).unwrap();
    writer.commit().unwrap();
    let after = world.store().fingerprint().unwrap();
    let end = fs::metadata(journal(&world.options.dir)).unwrap().len() as usize;
    let check = |expected: &str, what: &str, harm: &dyn Fn(&mut Vec<u8>)| {
        let (_dir, store) = harmed(&world, &|dir| change(&journal(dir), harm)).unwrap();
        assert_eq!(store.fingerprint().unwrap(), expected, "{what}");
        assert_eq!(store.check().unwrap(), Vec::<String>::new(), "{what}");
        // And it can be written on.
        deliver(&store, 2, inbox, &letter(5, "sau", &[]), None).unwrap();
    };
    for cut in start..=end {
        let expected = if cut == end { &after } else { &before };
        check(expected, &format!("cut at {cut}"), &|bytes| {
            bytes.truncate(cut)
        });
    }
    for flipped in (start..end).step_by(11) {
        check(&before, &format!("flipped at {flipped}"), &|bytes| {
            bytes[flipped] ^= 0x10
        });
    }
    check(&after, "zeros behind", &|bytes| bytes.extend([0; 5_000]));
    check(&after, "an old record behind", &|bytes| {
        bytes.extend_from_within(start..end)
    });
}

#[test]
fn i19_damage_to_what_was_promised_is_an_error() {
    let world = World::new(EngineKind::Memory);
    let inbox = world.inbox(2);
    for number in 0..5 {
        world.deliver(2, inbox, &letter(number, "x", &[]), None);
    }
    let len = fs::metadata(journal(&world.options.dir)).unwrap().len() as usize;
    for at in (16..len / 2).step_by(101) {
        let opened = harmed(&world, &|dir| {
            change(&journal(dir), &|bytes| bytes[at] ^= 1)
        });
        assert!(matches!(opened, Err(Error::Corrupt(_))), "flipped at {at}");
    }
}

#[test]
fn i18_unknown_versions_refuse_to_start() {
    let world = World::new(EngineKind::Sled);
    let inbox = world.inbox(2);
    let placed = world.deliver(2, inbox, &letter(1, "x", &[]), None);
    world.store().close().unwrap();
    let newer: [(&str, usize); 2] = [("journal/0000000001.log", 8), ("packs/000001.pack", 8)];
    for (file, at) in newer {
        let opened = harmed(&world, &|dir| {
            change(&dir.join(file), &|bytes| bytes[at] += 1)
        });
        assert!(matches!(opened, Err(Error::Corrupt(_))), "{file}");
    }
    let checkpoint = |dir: &Path| {
        change(&dir.join("checkpoint"), &|bytes| {
            let end = bytes.len() - 32;
            // Behind the identity of the store.
            bytes[24] += 1;
            let sum = blake3_of(&bytes[..end]);
            bytes[end..].copy_from_slice(&sum);
        });
    };
    assert!(matches!(
        harmed(&world, &checkpoint),
        Err(Error::Corrupt(_))
    ));
    let (_dir, store) = harmed(&world, &|_| {}).unwrap();
    assert!(
        store
            .account(AccountId::new(2).unwrap())
            .state(placed.email)
            .is_ok()
    );
}

fn blake3_of(bytes: &[u8]) -> [u8; 32] {
    BlobId::of(bytes).0
}

#[test]
fn i19_a_damaged_or_missing_index_is_rebuilt() {
    let world = World::new(EngineKind::Sled);
    let inbox = world.inbox(2);
    for number in 0..200 {
        world.deliver(2, inbox, &letter(number, "x", &[number / 2]), None);
    }
    let before = world.store().fingerprint().unwrap();
    world.store().close().unwrap();
    let harms: [(&str, Harm); 6] = [
        ("index gone", &|dir| {
            fs::remove_dir_all(dir.join("index")).unwrap()
        }),
        ("database cut", &|dir| {
            change(&dir.join("index/db"), &|b| b.truncate(b.len() / 2))
        }),
        ("database scrambled", &|dir| {
            change(&dir.join("index/db"), &|b| {
                b.iter_mut().step_by(97).for_each(|b| *b ^= 0x55)
            });
        }),
        ("conf scrambled", &|dir| {
            change(&dir.join("index/conf"), &|b| b.reverse())
        }),
        ("checkpoint gone", &|dir| {
            fs::remove_file(dir.join("checkpoint")).unwrap()
        }),
        ("checkpoint torn", &|dir| {
            change(&dir.join("checkpoint"), &|b| b.truncate(20))
        }),
    ];
    for (what, harm) in harms {
        let (_dir, store) = harmed(&world, harm).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(store.fingerprint().unwrap(), before, "{what}");
        assert_eq!(store.check().unwrap(), Vec::<String>::new(), "{what}");
    }
}

#[test]
fn i01_a_journal_that_ends_before_its_checkpoint_is_not_believed() {
    let world = World::new(EngineKind::Sled);
    let inbox = world.inbox(2);
    world.deliver(2, inbox, &letter(1, "x", &[]), None);
    let len = fs::metadata(journal(&world.options.dir)).unwrap().len() as usize;
    world.deliver(2, inbox, &letter(2, "x", &[]), None);
    let whole = world.store().fingerprint().unwrap();
    world.store().close().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        dir: dir.path().join("store"),
        ..world.options.clone()
    };
    copy(&world.options.dir, &options.dir);
    change(&journal(&options.dir), &|b| b.truncate(len));
    // Twice: a start that fails takes nothing away.
    for _ in 0..2 {
        assert!(matches!(Store::open(&options), Err(Error::Corrupt(_))));
    }
    // The index still has what the journal lost.
    let report = Store::repair(&options).unwrap();
    assert!(report.from_index > 0, "{report:?}");
    let store = Store::open(&options).unwrap();
    assert_eq!(store.fingerprint().unwrap(), whole);
}

#[test]
fn octets_at_the_end_of_a_pack_that_nobody_named_do_no_harm() {
    let mut world = World::new(EngineKind::Sled);
    let inbox = world.inbox(2);
    let placed = world.deliver(2, inbox, &letter(1, "x", &[]), None);
    for clean in [false, true] {
        if clean {
            world.store().close().unwrap();
        }
        world.crash();
        change(&world.options.dir.join("packs/000001.pack"), &|bytes| {
            bytes.extend([7; 100])
        });
        world.reopen();
        let next = world.deliver(2, inbox, &letter(2 + u64::from(clean), "x", &[]), None);
        assert!(world.account(2).content(placed.email).is_ok());
        assert!(world.account(2).content(next.email).is_ok());
        assert_eq!(world.check(), Vec::<String>::new());
    }
}

#[test]
fn i01_a_commit_whose_content_is_not_on_the_disk_is_undone() {
    for engine in [EngineKind::Memory, EngineKind::Sled] {
        let mut world = World::new(engine);
        let inbox = world.inbox(2);
        let pack = Path::new("packs/000001.pack");
        world.deliver(2, inbox, &letter(1, "x", &[]), None);
        let before = world.store().fingerprint().unwrap();
        let len = fs::metadata(world.options.dir.join(pack)).unwrap().len() as usize;
        world.deliver(2, inbox, &letter(2, "x", &[]), None);
        world.crash();
        // The journal's sync came to be, the content's did not, and the machine started again.
        world.options.boot_id = Some("another".into());
        let harms: [fn(&mut Vec<u8>, usize); 2] = [
            |bytes, len| bytes.truncate(len + 60),
            |bytes, len| bytes[len..].fill(0),
        ];
        for harm in harms {
            let (_dir, store) =
                harmed(&world, &|dir| change(&dir.join(pack), &|b| harm(b, len))).unwrap();
            assert_eq!(store.fingerprint().unwrap(), before);
            deliver(&store, 2, inbox, &letter(2, "x", &[]), None).unwrap();
            assert_eq!(store.check().unwrap(), Vec::<String>::new());
        }
        // Content of an earlier group was promised: it is missed, not undone.
        let (_dir, store) =
            harmed(&world, &|dir| change(&dir.join(pack), &|b| b[len - 1] ^= 1)).unwrap();
        assert_eq!(
            store.account(AccountId::new(2).unwrap()).usage().unwrap().1,
            2
        );
    }
}

#[test]
fn changed_content_is_noticed() {
    let mut world = World::new(EngineKind::Memory);
    let inbox = world.inbox(2);
    let placed = world.deliver(2, inbox, &letter(1, "x", &[]), None);
    world.close();
    change(&world.options.dir.join("packs/000001.pack"), &|bytes| {
        *bytes.last_mut().unwrap() ^= 1
    });
    world.reopen();
    assert!(matches!(
        world.account(2).content(placed.email),
        Err(Error::Damaged(_))
    ));
}

#[test]
fn a_full_disk_refuses_and_recovers_with_nothing_half_written() {
    let (mut world, room) = World::small(200_000);
    let inbox = world.inbox(2);
    let mut kept = Vec::new();
    let mut number = 0;
    // Every so often there is room again, each time for a little more than the time before.
    for extra in (0..3_000).step_by(37) {
        let refused = loop {
            number += 1;
            let text = letter(number, "x", &[]);
            match deliver(world.store(), 2, inbox, &text, None) {
                Ok(placed) => kept.push((placed, text)),
                Err(e) => break e,
            }
        };
        assert!(
            matches!(&refused, Error::Unavailable(why) if why.to_string().contains("full")),
            "{refused}"
        );
        assert!(!world.store().writable());
        let why = world.store().expect_writable().unwrap_err();
        assert!(why.in_both().contains("đĩa đầy"), "{why}");
        assert_eq!(world.account(2).usage().unwrap().1, kept.len() as u64);
        room.fetch_add(extra, Ordering::SeqCst);
    }
    room.fetch_add(1_000_000, Ordering::SeqCst);
    assert!(world.store().writable());
    kept.push((
        world.deliver(2, inbox, &letter(0, "x", &[]), None),
        letter(0, "x", &[]),
    ));
    world.reopen();
    assert_eq!(world.account(2).usage().unwrap().1, kept.len() as u64);
    for (placed, text) in &kept {
        assert_eq!(
            &*world.account(2).content(placed.email).unwrap(),
            text.as_bytes()
        );
    }
    assert_eq!(world.check(), Vec::<String>::new());
}

#[test]
fn writes_stop_before_the_reserve_is_touched() {
    let (mut world, room) = World::small(300_000);
    world.options.reserve_bytes = 100_000;
    world.reopen();
    let inbox = world.inbox(2);
    let refused =
        (1..).find_map(|n| deliver(world.store(), 2, inbox, &letter(n, "x", &[]), None).err());
    assert!(matches!(refused, Some(Error::Unavailable(why)) if why.to_string().contains("full")));
    assert!(room.load(Ordering::SeqCst) >= 100_000);
    assert!(!world.store().writable());
    room.fetch_add(400_000, Ordering::SeqCst);
    assert!(world.store().writable());
    world.deliver(2, inbox, &letter(0, "x", &[]), None);
}

#[test]
fn i01_i09_what_was_acknowledged_is_in_a_copy_taken_while_many_write() {
    const WRITERS: u64 = 50;
    let world = World::new(EngineKind::Sled);
    let boxes: Vec<MailboxId> = (2..12).map(|id| world.inbox(id)).collect();
    let (done, acknowledged) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let copies = std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (world, done, acknowledged, boxes) = (&world, &done, &acknowledged, &boxes);
            scope.spawn(move || {
                let account = 2 + (writer % 10) as u32;
                for number in 0.. {
                    if done.load(Ordering::SeqCst) {
                        break;
                    }
                    let text = letter(writer * 1_000_000 + number, "x", &[]);
                    let inbox = boxes[account as usize - 2];
                    deliver(
                        world.store(),
                        account,
                        inbox,
                        &text,
                        Some(writer * 1_000_000 + number + 1),
                    )
                    .unwrap();
                    acknowledged
                        .lock()
                        .unwrap()
                        .push((account, BlobId::of(text.as_bytes())));
                }
            });
        }
        let mut copies = Vec::new();
        for _ in 0..5 {
            let before = acknowledged.lock().unwrap().len();
            while acknowledged.lock().unwrap().len() < before + 300 {
                std::thread::yield_now();
            }
            let promised = acknowledged.lock().unwrap().clone();
            let dir = tempfile::tempdir().unwrap();
            // The journal first: what it names is in the packs by then.
            for part in ["journal", "packs"] {
                copy(&world.options.dir.join(part), &dir.path().join(part));
            }
            fs::copy(world.options.dir.join("format"), dir.path().join("format")).unwrap();
            copies.push((dir, promised));
        }
        done.store(true, Ordering::SeqCst);
        copies
    });
    assert_eq!(world.check(), Vec::<String>::new());
    for (dir, promised) in copies {
        let options = Options {
            dir: dir.path().to_owned(),
            ..world.options.clone()
        };
        holds_once(&Store::open(&options).unwrap(), &promised);
    }
}

fn holds_once(store: &Store, promised: &[(u32, BlobId)]) {
    assert_eq!(store.check().unwrap(), Vec::<String>::new());
    let mut found = Vec::new();
    for account in 2..12 {
        let mail = store.account(AccountId::new(account).unwrap());
        mail.scan_all(&mut |s| {
            found.push((account, s.blob));
            true
        })
        .unwrap();
    }
    found.sort_unstable();
    assert!(found.is_sorted_by(|a, b| a < b), "i09: a message twice");
    for message in promised {
        assert!(
            found.binary_search(message).is_ok(),
            "i01: {message:?} is lost"
        );
    }
}

#[test]
fn readers_keep_one_state_while_others_write() {
    let world = World::new(EngineKind::Memory);
    let inbox = world.inbox(2);
    for number in 0..50 {
        world.deliver(2, inbox, &letter(number, "x", &[]), None);
    }
    let stop = Arc::new(AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (world, stop) = (&world, stop.clone());
            scope.spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    let (mut seen, mut unseen) = (0, 0);
                    let last = Uid::new(u32::MAX).unwrap();
                    world
                        .account(2)
                        .scan(inbox, Uid::FIRST, last, &mut |_, state| {
                            if state.has("$seen") {
                                seen += 1
                            } else {
                                unseen += 1
                            }
                            true
                        })
                        .unwrap();
                    assert!(
                        seen == 0 || unseen == 0,
                        "half of a commit: {seen} and {unseen}"
                    );
                }
            });
        }
        for round in 0..40 {
            let mut writer = world.account(2).write().unwrap();
            let words = vec![keyword("$seen")];
            let change = if round % 2 == 0 {
                KeywordChange::Add(words)
            } else {
                KeywordChange::Remove(words)
            };
            for email in 1..=50 {
                assert!(
                    writer
                        .keywords(EmailId::new(email).unwrap(), &change)
                        .unwrap()
                );
            }
            writer.commit().unwrap();
        }
        stop.store(true, Ordering::SeqCst);
    });
    assert_eq!(world.check(), Vec::<String>::new());
}

#[test]
fn i01_damaged_content_undoes_no_commit_while_the_machine_ran_on() {
    for engine in [EngineKind::Memory, EngineKind::Sled] {
        let mut world = World::new(engine);
        let inbox = world.inbox(2);
        let placed = world.deliver(2, inbox, &letter(1, "x", &[]), None);
        world.crash();
        let flip = |dir: &Path| {
            change(&dir.join("packs/000001.pack"), &|bytes| {
                *bytes.last_mut().unwrap() ^= 1;
            });
        };
        let (_dir, store) = harmed(&world, &flip).unwrap();
        let account = store.account(AccountId::new(2).unwrap());
        assert!(account.state(placed.email).is_ok(), "the commit is gone");
        assert!(matches!(
            account.content(placed.email),
            Err(Error::Damaged(_))
        ));
    }
}
