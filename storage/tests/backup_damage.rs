//! Backups of damaged stores, and damaged backups: it is told, what is whole elsewhere is used, and the last
//! whole copy of anything stays.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on must say so"
)]

mod world;

use std::path::{Path, PathBuf};
use storage::backup::*;
use storage::*;
use world::bench::{Bench, files, long, quiet, secrets, subjects};

/// Changes an octet of the first pack, where it lies.
fn rot(bench: &Bench, at: usize) {
    let pack = bench.world.options.dir.join("packs/000001.pack");
    flip(&pack, at);
}

fn flip(path: &Path, at: usize) {
    let mut octets = std::fs::read(path).unwrap();
    octets[at] ^= 0x5a;
    std::fs::write(path, octets).unwrap();
}

fn manifest(bench: &Bench, name: &str) -> PathBuf {
    bench
        .target
        .join("manifests")
        .join(format!("{name}.manifest"))
}

#[test]
fn damage_of_the_store_is_told_and_mended_from_the_backup_before() {
    // The header of the pack, the head of its first entry, the content behind that.
    for (secret, at) in secrets().into_iter().zip([9, 40, 300]) {
        let bench = Bench::new(secret);
        assert_eq!(bench.take(1).damaged, Vec::<String>::new());
        rot(&bench, at);
        let taken = bench.take(2);
        assert_eq!((taken.damaged.len(), taken.healed), (1, 1), "{taken:?}");
        assert!(
            taken.damaged[0].starts_with("packs/000001.pack: ")
                && taken.damaged[0].ends_with("whole, from one before"),
            "{taken:?}"
        );
        let (_dir, store) = bench.rebuilt(Which::Newest);
        assert_eq!(store.check_deep().unwrap(), Vec::<String>::new(), "{at}");
        let account = store.account(AccountId::new(3).unwrap());
        assert_eq!(subjects(&account), subjects(&bench.world.account(3)));
    }
}

#[test]
fn damage_that_no_backup_has_whole_is_told_each_time() {
    let bench = Bench::new(Secret::None);
    rot(&bench, 300);
    for at in 1..4 {
        let taken = bench.take(at);
        assert_eq!((taken.damaged.len(), taken.healed), (1, 0), "{taken:?}");
    }
    let (_dir, store) = bench.rebuilt(Which::Newest);
    let wrong = store.check_deep().unwrap();
    assert!(
        wrong
            .iter()
            .any(|line| line.contains("its content is damaged")),
        "{wrong:?}"
    );
}

#[test]
fn damage_that_was_healed_is_told_and_is_no_damage_of_the_store() {
    // With a backup that has the content whole from before, and without.
    for before in [true, false] {
        let mut bench = Bench::new(Secret::None);
        let inbox = |id| bench.world.account(id).mailboxes().unwrap()[0].id;
        let (inbox, other, text) = (inbox(2), inbox(3), long(901));
        bench.world.deliver(2, inbox, &text, None);
        if before {
            bench.take(1);
        }
        bench.world.close();
        let packs = files(&bench.world.options.dir.join("packs"));
        let pack = packs.last().unwrap();
        let octets = std::fs::read(pack).unwrap().len();
        flip(pack, octets - 20);
        bench.world.reopen();
        assert!(!bench.world.store().check_deep().unwrap().is_empty());
        // The same letter once more: its content is stored anew, for both.
        bench.world.deliver(3, other, &text, None);
        assert_eq!(
            bench.world.store().check_deep().unwrap(),
            Vec::<String>::new()
        );
        let taken = bench.take(2);
        assert_eq!(
            (taken.damaged.len(), taken.unused.len()),
            (0, 1),
            "{taken:?}"
        );
        let (_dir, store) = bench.rebuilt(Which::Newest);
        assert_eq!(store.check_deep().unwrap(), Vec::<String>::new());
    }
}

#[test]
fn a_prune_keeps_the_last_whole_copy_of_damaged_content() {
    let bench = Bench::new(Secret::None);
    let first = bench.take(86_400).name;
    let second = bench.take(2 * 86_400).name;
    rot(&bench, 300);
    // As if these backups had been made when nobody looked.
    let hidden = [&first, &second].map(|name| manifest(&bench, name));
    let aside = |path: &PathBuf| path.with_extension("aside");
    for path in &hidden {
        std::fs::rename(path, aside(path)).unwrap();
    }
    let third = bench.take(3 * 86_400);
    assert_eq!(third.healed, 0);
    for path in &hidden {
        std::fs::rename(aside(path), path).unwrap();
    }
    let pruned = bench.prune(Keep::Newest(1)).unwrap();
    assert_eq!(pruned.backups, [first], "the newer of the two is enough");
    assert_eq!(pruned.findings.len(), 1);
    assert!(pruned.findings[0].contains(&second), "{pruned:?}");
    assert!(pruned.verified > 0);
    let (_dir, store) = bench.rebuilt(Which::Named(second.clone()));
    assert_eq!(store.check_deep().unwrap(), Vec::<String>::new());
    // The next backup takes it from there, although the one before it has it not.
    assert_eq!(bench.take(4 * 86_400).healed, 1);
    let pruned = bench.prune(Keep::Newest(1)).unwrap();
    assert_eq!(pruned.backups, [second, third.name]);
    assert_eq!(pruned.findings, Vec::<String>::new());
    let (_dir, store) = bench.rebuilt(Which::Newest);
    assert_eq!(store.check_deep().unwrap(), Vec::<String>::new());
}

#[test]
fn nothing_is_pruned_while_what_stays_is_damaged() {
    let bench = Bench::new(Secret::None);
    bench.take(1);
    let before = bench.chunks();
    let inbox = bench.world.account(2).mailboxes().unwrap()[0].id;
    bench.world.deliver(2, inbox, &long(900), None);
    let newest = bench.take(2).name;
    let new: Vec<PathBuf> = bench.chunks().difference(&before).cloned().collect();
    let damages: [&dyn Fn(); 2] = [&|| flip(&new[0], 30), &|| {
        std::fs::remove_file(&new[0]).unwrap();
    }];
    for damage in damages {
        damage();
        let all = files(&bench.target);
        let pruned = bench.prune(Keep::Newest(1)).unwrap();
        assert_eq!(pruned.findings.len(), 1, "{pruned:?}");
        assert_eq!((pruned.backups.len(), pruned.chunks), (0, 0));
        assert_eq!(files(&bench.target), all);
    }
    let listed = list(&bench.vault(), &bench.secret).unwrap();
    let wrong = listed.iter().filter(|backup| backup.damage.is_some());
    let wrong: Vec<&str> = wrong.map(|backup| backup.name.as_str()).collect();
    assert_eq!(wrong, [newest], "a missing piece is seen by its name");
    bench.take_at(3, true).unwrap();
    let pruned = bench.prune(Keep::Newest(1)).unwrap();
    assert_eq!((pruned.backups.len(), pruned.findings.len()), (2, 0));
}

fn salvage(bench: &Bench, to: &Path) -> Result<Rebuilt, Failure> {
    let task = Restore {
        vault: &bench.vault(),
        secret: &bench.secret,
        which: Which::Newest,
        to,
        disk: &Disk::default(),
        workers: 2,
        salvage: true,
        keyring: None,
        leap: false,
    };
    restore(&task, &mut quiet)
}

/// Whichever piece is lost, all that the others say comes back.
#[test]
fn a_damaged_backup_is_salvaged() {
    let bench = Bench::new(Secret::None);
    bench.take(1);
    // As in a backup of an earlier version, everything is there once.
    std::fs::remove_dir_all(bench.target.join("twins")).unwrap();
    let packs = std::fs::read_dir(bench.world.options.dir.join("packs"))
        .unwrap()
        .count();
    let (mut whole, mut lost) = (0, 0);
    for chunk in bench.chunks() {
        let before = std::fs::read(&chunk).unwrap();
        flip(&chunk, before.len() / 2);
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("store");
        let refused = bench.restore(Which::Newest, &to);
        assert!(matches!(refused, Err(Failure::Storage(Error::Corrupt(_)))));
        let rebuilt = salvage(&bench, &to).unwrap();
        assert_eq!(rebuilt.lost.len(), 1, "{rebuilt:?}");
        std::fs::write(&chunk, before).unwrap();
        let what = rebuilt.lost[0].clone();
        let options = Options {
            dir: to,
            ..bench.world.options.clone()
        };
        let repaired = Store::repair(&options).unwrap();
        assert_eq!(
            repaired
                .remaining
                .iter()
                .filter(|l| !l.contains("content"))
                .count(),
            0,
            "{what}: {repaired:?}"
        );
        let store = Store::open(&options).unwrap();
        if !what.contains(" of packs/") {
            continue;
        }
        lost += repaired.contents.len();
        for account in [2, 3] {
            let account = store.account(AccountId::new(account).unwrap());
            account
                .scan_all(&mut |state| {
                    whole += usize::from(account.content(state.email).is_ok());
                    true
                })
                .unwrap();
        }
    }
    // Each pack was lost once, with all that is in it and nothing else.
    assert_eq!((whole, lost), (40 * packs - 40, 40));
}

#[test]
fn an_account_comes_out_of_a_damaged_backup_but_for_what_is_lost() {
    let bench = Bench::new(Secret::None);
    rot(&bench, 300);
    bench.take(1);
    let account = bench.world.account(2);
    let restore = |folder: &str| {
        let scratch = bench.world.dir.path().join(folder);
        let cut = bench.cut(Which::Newest, 2, &scratch).ok()?;
        let into = Into::Folder(folder.into());
        Some(place(&cut.read(), &account, &into, None, &mut quiet).unwrap())
    };
    let restored = restore("one").unwrap();
    assert_eq!((restored.messages, restored.damaged), (19, 1));
    // Each piece in turn is gone; without those of the journal nobody knows what the account has.
    let mut harmed = 0;
    for (number, chunk) in bench.chunks().into_iter().enumerate() {
        let before = std::fs::read(&chunk).unwrap();
        std::fs::remove_file(&chunk).unwrap();
        if let Some(restored) = restore(&format!("piece {number}")) {
            assert_eq!(restored.messages + restored.damaged, 20, "{restored:?}");
            harmed += usize::from(restored.damaged > 1);
        }
        std::fs::write(&chunk, before).unwrap();
    }
    assert!(harmed > 0);
}

fn refusal(bench: &Bench, at: i64) -> Refusal {
    match bench.take_at(at, false) {
        Err(Failure::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn newest(bench: &Bench, folder: &str) -> PathBuf {
    let all = files(&bench.world.options.dir.join(folder));
    all.last().unwrap().clone()
}

#[test]
fn a_store_without_whole_snapshots_or_journal_is_not_backed_up() {
    for secret in secrets() {
        let bench = Bench::new(secret);
        bench.world.store().snapshot().unwrap();
        let inbox = bench.world.account(2).mailboxes().unwrap()[0].id;
        for number in 0..20 {
            bench.world.deliver(2, inbox, &long(700 + number), None);
        }
        bench.take(1);
        let journal = files(&bench.world.options.dir.join("journal"));
        let middle = journal.iter().nth(1).unwrap().clone();
        for path in [newest(&bench, "snapshots"), middle] {
            let whole = std::fs::read(&path).unwrap();
            let damages: [&dyn Fn(); 3] = [
                &|| flip(&path, whole.len() / 2),
                &|| std::fs::write(&path, &whole[..whole.len() / 2]).unwrap(),
                &|| std::fs::remove_file(&path).unwrap(),
            ];
            for damage in damages {
                damage();
                let refused = refusal(&bench, 2);
                assert!(matches!(refused, Refusal::Damaged(_)), "{refused}");
                assert_eq!(list(&bench.vault(), &bench.secret).unwrap().len(), 1);
                std::fs::write(&path, &whole).unwrap();
            }
        }
        bench.take(3);
        assert_eq!(bench.check(), Vec::<String>::new());
    }
}

#[test]
fn a_journal_that_ends_before_what_was_promised_is_not_backed_up() {
    let mut bench = Bench::new(Secret::None);
    bench.take(1);
    bench.world.store().clone().close().unwrap();
    bench.world.crash();
    let path = newest(&bench, "journal");
    let whole = std::fs::read(&path).unwrap();
    // At the end of a frame: nothing but the checkpoint knows of what followed.
    std::fs::remove_file(&path).unwrap();
    let refused = refusal(&bench, 2);
    assert!(matches!(refused, Refusal::Damaged(_)), "{refused}");
    std::fs::write(&path, whole).unwrap();
    bench.take(3);
}

#[test]
fn a_store_that_lost_what_says_that_it_is_one_is_told_to_be_damaged() {
    let bench = Bench::new(Secret::None);
    bench.take(1);
    let store = &bench.world.options.dir;
    let aside = bench.world.dir.path().join("aside");
    for name in ["format", "journal"] {
        std::fs::rename(store.join(name), &aside).unwrap();
        let refused = refusal(&bench, 2);
        assert!(
            matches!(
                refused,
                Refusal::Damaged(Fault::FormatMissing { .. } | Fault::JournalLost { .. })
            ),
            "{refused}"
        );
        assert!(refused.to_string().contains("no backup was made"));
        std::fs::rename(&aside, store.join(name)).unwrap();
    }
    bench.take(3);
    let none = tempfile::tempdir().unwrap();
    let empty = Take {
        store: none.path(),
        vault: &bench.vault(),
        secret: &bench.secret,
        keys: &KeySource::None,
        now_s: 4,
        reread: false,
        workers: 1,
    };
    let refused = take(&empty, &mut quiet).unwrap_err();
    assert!(matches!(refused, Failure::Refused(Refusal::NoStore(_))));
}

/// Which backup it is, and the way out, wherever somebody meets it.
#[test]
fn a_damaged_manifest_is_named_with_the_way_out() {
    for secret in secrets() {
        let bench = Bench::new(secret);
        let older = bench.take(1).name;
        let newest = bench.take(2).name;
        let file = manifest(&bench, &newest);
        flip(&file, std::fs::metadata(&file).unwrap().len() as usize / 2);
        let named = |told: &str| told.contains(&newest) && told.contains("make a new backup");
        let to = bench.world.dir.path().join("to/store");
        let refused = bench.restore(Which::Newest, &to).unwrap_err();
        assert!(named(&refused.to_string()), "{refused}");
        assert!(refused.in_tongue(Tongue::Vietnamese).contains("--manifest"));
        let findings = bench.check();
        assert!(findings.len() == 1 && named(&findings[0]), "{findings:?}");
        let listed = list(&bench.vault(), &bench.secret).unwrap();
        assert!(named(listed[1].damage.as_ref().unwrap()), "{listed:?}");
        let all = files(&bench.target);
        let pruned = bench.prune(Keep::Newest(1));
        let stays = Refusal::StaysDamaged(newest.clone());
        assert_eq!(pruned, Err(stays.into()));
        assert_eq!(files(&bench.target), all);
        // The ways out: an older one, and a new one.
        bench.rebuilt(Which::Named(older.clone()));
        bench.take(3);
        let pruned = bench.prune(Keep::Newest(1)).unwrap();
        assert_eq!(pruned.backups, [older, newest]);
        assert_eq!(bench.check(), Vec::<String>::new());
    }
}

#[test]
fn a_lost_keyring_is_told_and_written_again_by_the_open_store() {
    let bench = Bench::new(secrets()[1].clone());
    bench.take(1);
    let dir = bench.world.options.dir.clone();
    let ring = std::fs::read(dir.join("keyring")).unwrap();
    for name in ["keyring", "keyring.copy"] {
        std::fs::remove_file(dir.join(name)).unwrap();
    }
    let refused = refusal(&bench, 2);
    assert!(matches!(refused, Refusal::NoKeyring(_)), "{refused}");
    let found = bench.world.store().check().unwrap();
    assert!(
        found.len() == 1 && found[0].contains("keyring"),
        "{found:?}"
    );
    assert_eq!(bench.world.store().check().unwrap(), Vec::<String>::new());
    // One of the two is enough, and the backup has both.
    std::fs::write(dir.join("keyring"), &ring[1..]).unwrap();
    bench.take(3);
    assert_eq!(bench.check(), Vec::<String>::new());
    drop(bench.rebuilt(Which::Newest));
}

/// A pack that is gone, cut, or zeros from its middle on.
fn pack_damages(path: &Path) -> [Box<dyn Fn() + '_>; 3] {
    let whole = std::fs::read(path).unwrap();
    let (half, mut zeros) = (whole[..whole.len() / 2].to_vec(), whole);
    let middle = half.len();
    zeros[middle..].fill(0);
    [
        Box::new(move || std::fs::remove_file(path).unwrap()),
        Box::new(move || std::fs::write(path, &half).unwrap()),
        Box::new(move || std::fs::write(path, &zeros).unwrap()),
    ]
}

#[test]
fn a_pack_that_is_not_all_there_comes_from_the_backup_before() {
    for secret in secrets() {
        let bench = Bench::new(secret);
        bench.take(1);
        let path = bench.world.options.dir.join("packs/000001.pack");
        let whole = std::fs::read(&path).unwrap();
        for (damage, at) in pack_damages(&path).into_iter().zip(2..) {
            damage();
            let taken = bench.take(at);
            assert!(!taken.damaged.is_empty(), "{taken:?}");
            assert_eq!(taken.healed, taken.damaged.len() as u64, "{taken:?}");
            assert_eq!(bench.check(), Vec::<String>::new());
            let (_dir, store) = bench.rebuilt(Which::Newest);
            assert_eq!(store.check_deep().unwrap(), Vec::<String>::new());
            std::fs::write(&path, &whole).unwrap();
        }
    }
}

#[test]
fn a_backup_that_lacks_a_pack_says_so_and_the_last_whole_one_stays() {
    for number in 0..3 {
        let bench = Bench::new(Secret::None);
        let first = bench.take(1).name;
        let hidden = manifest(&bench, &first);
        let aside = hidden.with_extension("aside");
        std::fs::rename(&hidden, &aside).unwrap();
        let path = bench.world.options.dir.join("packs/000001.pack");
        pack_damages(&path)[number]();
        let taken = bench.take(2);
        assert_eq!(taken.healed, 0);
        assert!(
            taken.damaged[0].starts_with("packs/000001.pack: "),
            "{taken:?}"
        );
        assert!(bench.check()[0].contains("packs/000001.pack: "));
        std::fs::rename(&aside, &hidden).unwrap();
        let pruned = bench.prune(Keep::Newest(1)).unwrap();
        assert_eq!(pruned.backups, Vec::<String>::new(), "{pruned:?}");
        assert!(pruned.findings[0].contains(&first), "{pruned:?}");
        // The next one has it from there.
        let third = bench.take(3);
        assert!(third.healed > 0, "{third:?}");
        let pruned = bench.prune(Keep::Newest(1)).unwrap();
        assert_eq!(pruned.backups, [first, taken.name]);
        let (_dir, store) = bench.rebuilt(Which::Newest);
        assert_eq!(store.check_deep().unwrap(), Vec::<String>::new());
    }
}
