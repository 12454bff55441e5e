//! Backups: what they hold, that they grow by what is new, that damage is found, and that whole stores
//! come back.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use storage::backup::*;
use storage::*;
use world::bench::{Bench, files, long, passphrase, quiet, secrets, subjects};

#[test]
fn a_backup_of_a_store_in_use_comes_back_as_it_was() {
    for secret in secrets() {
        let bench = Bench::new(secret);
        let then = bench.world.store().fingerprint().unwrap();
        bench.take(1_000_000);
        let inbox = bench.world.account(2).mailboxes().unwrap()[0].id;
        bench.world.deliver(2, inbox, &long(9), None);
        let (_dir, store) = bench.rebuilt(Which::Newest);
        assert_eq!(store.fingerprint().unwrap(), then, "{:?}", bench.secret);
        let account = store.account(AccountId::new(3).unwrap());
        assert_eq!(subjects(&account), subjects(&bench.world.account(3)));
        // The restored store lives on.
        let inbox = account.mailboxes().unwrap()[0].id;
        world::deliver(&store, 3, inbox, &long(10), None).unwrap();
        assert_eq!(store.check().unwrap(), Vec::<String>::new());
    }
}

#[test]
fn a_backup_of_snapshots_and_a_short_journal_comes_back_too() {
    for secret in secrets() {
        let bench = Bench::new(secret);
        let inbox = bench.world.account(2).mailboxes().unwrap()[0].id;
        let covered = bench.world.store().snapshot().unwrap();
        assert!(covered.removed > 0, "{covered:?}");
        bench.world.deliver(2, inbox, &long(9), None);
        let then = bench.world.store().fingerprint().unwrap();
        bench.take(1_000_000);
        bench.world.deliver(3, inbox, &long(10), None);
        bench.world.store().snapshot().unwrap();
        bench.take(2_000_000);
        let (_dir, store) = bench.rebuilt(Which::At(1_000_000));
        assert_eq!(store.fingerprint().unwrap(), then);
        let (_dir, store) = bench.rebuilt(Which::Newest);
        let now = bench.world.store().fingerprint().unwrap();
        assert_eq!(store.fingerprint().unwrap(), now);
        let scratch = bench.world.dir.path().join("scratch");
        let cut = bench.cut(Which::Newest, 2, &scratch).unwrap();
        assert_eq!(subjects(&cut.read()), subjects(&bench.world.account(2)));
    }
}

/// While a backup reads, nothing that it noted is removed.
#[test]
fn a_running_backup_keeps_its_files() {
    let bench = Bench::new(Secret::None);
    let store = &bench.world.options.dir;
    let vault = FolderVault::target(&bench.target, store, &Disk::default()).unwrap();
    let task = Take {
        store,
        vault: &vault,
        secret: &Secret::None,
        keys: &KeySource::None,
        now_s: 1,
        reread: false,
        workers: 1,
    };
    let mut removed = 0;
    let inbox = bench.world.account(2).mailboxes().unwrap()[0].id;
    let mut number = 500;
    take(&task, &mut |_| {
        number += 1;
        bench.world.deliver(2, inbox, &long(number), None);
        removed += bench.world.store().snapshot().unwrap().removed;
        true
    })
    .unwrap();
    assert_eq!(removed, 0);
    assert!(bench.world.store().snapshot().unwrap().removed > 0);
    let (_dir, store) = bench.rebuilt(Which::Newest);
    let account = store.account(AccountId::new(2).unwrap());
    assert_eq!(account.usage().unwrap().1, 20);
}

#[test]
fn the_next_backup_writes_only_what_is_new() {
    for secret in secrets() {
        let bench = Bench::new(secret);
        let first = bench.take(1_000_000);
        let before = bench.chunks();
        assert_eq!(before.len() as u64, first.new_chunks);
        // The keyring's copy is the same piece again.
        assert!(first.chunks - first.new_chunks <= 1 && first.unread == 0);
        let again = bench.take(1_000_000);
        assert_eq!((again.new_chunks, again.unread), (0, again.files));
        assert_eq!(bench.chunks(), before);
        // The same second: another name.
        assert_ne!(again.name, first.name);
        let inbox = bench.world.account(2).mailboxes().unwrap()[0].id;
        bench.world.deliver(2, inbox, &long(9), None);
        let third = bench.take(2_000_000);
        // The ends of journal and pack, and at most one new file of each.
        assert!((2..=4).contains(&third.new_chunks), "{third:?}");
        assert!(third.unread + 4 >= third.files, "{third:?}");
        assert!(bench.chunks().is_superset(&before));
        let at = |at: i64| Which::At(at);
        let (_dir, store) = bench.rebuilt(at(1_999_999));
        assert_eq!(
            store.account(AccountId::new(2).unwrap()).usage().unwrap().1,
            20
        );
        let (_dir, store) = bench.rebuilt(at(2_000_000));
        assert_eq!(
            store.account(AccountId::new(2).unwrap()).usage().unwrap().1,
            21
        );
        let dir = tempfile::tempdir().unwrap();
        let none = bench.restore(at(999_999), &dir.path().join("s"));
        assert!(matches!(
            none,
            Err(Failure::Refused(Refusal::NoneThatOld { .. }))
        ));
        let listed = list(&bench.vault(), &bench.secret).unwrap();
        assert_eq!(listed.len(), 3);
        assert_eq!((listed[1].own_octets, listed[2].taken_at), (0, 2_000_000));
    }
}

#[test]
fn what_was_cut_off_goes_on() {
    let bench = Bench::new(Secret::None);
    let store = &bench.world.options.dir;
    let vault = FolderVault::target(&bench.target, store, &Disk::default()).unwrap();
    let mut steps = 0;
    let task = Take {
        store,
        vault: &vault,
        secret: &bench.secret,
        keys: &KeySource::None,
        now_s: 5,
        reread: false,
        workers: 1,
    };
    let stopped = take(&task, &mut |_| {
        steps += 1;
        steps < 4
    });
    assert_eq!(stopped, Err(Refusal::Stopped.into()));
    assert_eq!(list(&vault, &bench.secret).unwrap(), []);
    let half = bench.chunks().len() as u64;
    // What a killed backup leaves beside whole chunks.
    std::fs::write(bench.target.join("chunks").join("torn.new"), b"half").unwrap();
    let taken = bench.take(6);
    assert!(half >= 3, "{half}");
    assert_eq!(taken.new_chunks + half, taken.chunks);
    assert_eq!(bench.chunks().len() as u64, taken.chunks);
    // The same for a restore.
    let to = bench.world.dir.path().join("new");
    let task = Restore {
        vault: &vault,
        secret: &bench.secret,
        which: Which::Newest,
        to: &to,
        disk: &Disk::default(),
        workers: 1,
        salvage: false,
        keyring: None,
        leap: false,
    };
    let mut steps = 0;
    let stopped = restore(&task, &mut |_| {
        steps += 1;
        steps < 4
    });
    assert_eq!(stopped, Err(Refusal::Stopped.into()));
    assert!(!to.exists(), "no half store under its name");
    let rebuilt = bench.restore(Which::Newest, &to).unwrap();
    assert!(
        rebuilt.kept >= 2 && rebuilt.kept < rebuilt.files,
        "{rebuilt:?}"
    );
    let full = bench.restore(Which::Newest, &to);
    assert!(matches!(full, Err(Failure::Refused(Refusal::NotEmpty(_)))));
    assert!(!to.join("restoring").exists());
}

/// A restore that was killed when it had only begun to say of which backup it is, and two into one folder.
#[test]
fn a_restore_cut_off_at_its_first_file_goes_on_and_a_second_one_is_kept_out() {
    let bench = Bench::new(Secret::None);
    bench.take(1_000);
    let dir = tempfile::tempdir().unwrap();
    let (to, fresh) = (dir.path().join("store"), dir.path().join("store.restoring"));
    std::fs::create_dir(&fresh).unwrap();
    std::fs::write(fresh.join("restoring.new"), "half of a na").unwrap();
    let lock = std::fs::File::create(fresh.join("lock")).unwrap();
    lock.try_lock().unwrap();
    let refused = bench.restore(Which::Newest, &to).unwrap_err();
    assert!(
        matches!(refused, Failure::Storage(Error::InUse { .. })),
        "{refused:?}"
    );
    drop(lock);
    bench.restore(Which::Newest, &to).unwrap();
    assert!(to.join("format").exists() && !fresh.exists());
    assert!(matches!(
        bench.restore(Which::Newest, &to),
        Err(Failure::Refused(Refusal::NotEmpty(_)))
    ));
    // What somebody else put there is not touched.
    let other = dir.path().join("other");
    let strange = dir.path().join("other.restoring");
    std::fs::create_dir(&strange).unwrap();
    std::fs::write(strange.join("letter.txt"), "x").unwrap();
    assert!(matches!(
        bench.restore(Which::Newest, &other),
        Err(Failure::Refused(Refusal::NotEmpty(_)))
    ));
    assert!(strange.join("letter.txt").exists());
}

#[test]
fn damage_is_found_and_written_anew() {
    for secret in secrets() {
        let bench = Bench::new(secret);
        bench.take(1);
        assert_eq!(bench.check(), Vec::<String>::new());
        // Of some there is a second copy, which would be taken.
        let twins = bench.target.join("twins");
        let has_twin = |path: &PathBuf| twins.join(path.file_name().unwrap()).exists();
        let mut all: Vec<PathBuf> = bench.chunks().into_iter().collect();
        all.retain(|path| !has_twin(path));
        let damage = |path: &Path| {
            let mut bytes = std::fs::read(path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 4;
            std::fs::write(path, bytes).unwrap();
        };
        damage(&all[0]);
        std::fs::remove_file(&all[1]).unwrap();
        let findings = bench.check();
        assert_eq!(findings.len(), 2, "{findings:?}");
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("store");
        let failed = bench.restore(Which::Newest, &to);
        assert!(matches!(failed, Err(Failure::Storage(Error::Corrupt(_)))));
        assert!(!to.exists());
        // A backup that looks again heals it.
        let taken = bench.take_at(2, true).unwrap();
        assert_eq!((taken.unread, taken.new_chunks), (0, 2));
        assert_eq!(bench.check(), Vec::<String>::new());
        let manifest = files(&bench.target.join("manifests"));
        damage(manifest.first().unwrap());
        assert_eq!(bench.check().len(), 1);
        let listed = list(&bench.vault(), &bench.secret).unwrap();
        assert!(listed[0].damage.is_some() && listed[1].damage.is_none());
        // Nobody can say what a damaged backup needs.
        let pruned = bench.prune(Keep::Newest(2));
        let stays = Err(Failure::Refused(Refusal::StaysDamaged(
            listed[0].name.clone(),
        )));
        assert_eq!(pruned, stays);
        assert_eq!(bench.check().len(), 1);
        bench.prune(Keep::Newest(1)).unwrap();
        assert_eq!(bench.check(), Vec::<String>::new());
    }
}

#[test]
fn a_prune_removes_old_backups_and_what_only_they_need() {
    let bench = Bench::new(Secret::None);
    let inbox = bench.world.account(2).mailboxes().unwrap()[0].id;
    let mut names = Vec::new();
    for day in 0..4 {
        bench.world.deliver(2, inbox, &long(50 + day), None);
        names.push(bench.take(day as i64 * 86_400).name);
    }
    let pruned = bench.prune(Keep::Since(86_400)).unwrap();
    assert_eq!(pruned.backups, names[..1]);
    assert!(pruned.chunks > 0 && pruned.octets > 0);
    assert_eq!(bench.check(), Vec::<String>::new());
    let all = bench.prune(Keep::Since(i64::MAX)).unwrap();
    assert_eq!(all.backups, names[1..3], "the newest stays in any case");
    let none = bench.prune(Keep::Newest(0)).unwrap();
    assert_eq!(none, Pruned::default());
    assert_eq!(bench.check(), Vec::<String>::new());
    let (_dir, store) = bench.rebuilt(Which::Named(names[3].clone()));
    assert_eq!(
        store.account(AccountId::new(2).unwrap()).usage().unwrap().1,
        24
    );
    let kept: BTreeSet<PathBuf> = bench.chunks();
    assert_eq!(bench.take(9 * 86_400).new_chunks, 0);
    assert_eq!(bench.chunks(), kept);
}

#[test]
fn refusals_change_nothing() {
    let bench = Bench::new(Secret::None);
    let store = &bench.world.options.dir;
    let here = bench.world.dir.path();
    drop(pin::Pin::shared(store).unwrap());
    let check = |dir: &Path, expected: fn(&Refusal) -> bool| {
        let before = files(here);
        let target = FolderVault::target(dir, store, &Disk::default());
        let outcome = target.and_then(|vault| {
            let task = Take {
                store,
                vault: &vault,
                secret: &Secret::None,
                keys: &KeySource::None,
                now_s: 0,
                reread: false,
                workers: 1,
            };
            take(&task, &mut quiet)
        });
        match outcome {
            Err(Failure::Refused(refusal)) => assert!(expected(&refusal), "{refusal}"),
            other => panic!("{}: {other:?}", dir.display()),
        }
        assert_eq!(files(here), before);
    };
    let foreign = here.join("foreign");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("thesis.doc"), b"mine").unwrap();
    check(&foreign, |r| matches!(r, Refusal::Foreign(_)));
    check(&store.join("backups"), |r| matches!(r, Refusal::Inside(_)));
    check(here, |r| matches!(r, Refusal::Around(_)));
    let link = here.join("link");
    std::os::unix::fs::symlink(store, &link).unwrap();
    check(&link.join("b"), |r| matches!(r, Refusal::Inside(_)));
    let other = Bench::new(Secret::None);
    other.take(1);
    check(&other.target, |r| matches!(r, Refusal::OtherStore(_)));
    bench.take(1);
    let held = bench.vault();
    let lock = held.hold(true).unwrap();
    check(&bench.target, |r| matches!(r, Refusal::Busy(_)));
    drop(lock);
    let nothing = FolderVault::target(&here.join("x"), &here.join("y"), &Disk::default());
    assert!(matches!(
        nothing,
        Err(Failure::Refused(Refusal::NoStore(_)))
    ));
    let nothing = FolderVault::open(&foreign, &Disk::default());
    assert!(matches!(
        nothing,
        Err(Failure::Refused(Refusal::NoBackup(_)))
    ));
}

#[test]
fn a_full_target_is_refused_before_anything_is_written() {
    let bench = Bench::new(Secret::None);
    let store = &bench.world.options.dir;
    let disk = Disk::small(1 << 20);
    let vault = FolderVault::target(&bench.target, store, &disk).unwrap();
    let task = Take {
        store,
        vault: &vault,
        secret: &Secret::None,
        keys: &KeySource::None,
        now_s: 0,
        reread: false,
        workers: 1,
    };
    let refused = take(&task, &mut quiet);
    assert!(matches!(
        refused,
        Err(Failure::Refused(Refusal::NoRoom { .. }))
    ));
    assert!(!bench.target.exists());
}

#[test]
fn a_sealed_backup_opens_with_its_own_key_only() {
    let mut bench = Bench::new(passphrase("mười hai con giáp"));
    let check = |bench: &Bench, secret: &Secret, expected: fn(&Refusal) -> bool| match list(
        &bench.vault(),
        secret,
    ) {
        Err(Failure::Refused(refusal)) => assert!(expected(&refusal), "{refusal}"),
        other => panic!("{secret:?}: {other:?}"),
    };
    bench.take(1);
    let names = |bench: &Bench| -> BTreeSet<_> {
        let name = |path: &PathBuf| path.file_name().unwrap().to_owned();
        bench.chunks().iter().map(name).collect()
    };
    let first = names(&bench);
    assert_eq!(list(&bench.vault(), &bench.secret).unwrap().len(), 1);
    check(&bench, &Secret::None, |r| {
        matches!(r, Refusal::KeyMissing(_))
    });
    let wrong = passphrase("mười hai con giap");
    check(&bench, &wrong, |r| matches!(r, Refusal::KeyWrong(_)));
    check(&bench, &secrets()[1], |r| matches!(r, Refusal::KeyWrong(_)));
    // Nothing of the mail is to be seen.
    for path in files(&bench.target) {
        let bytes = std::fs::read(&path).unwrap();
        let seen = bytes.windows(6).any(|w| w == b"@x.vn>" || w == b"format");
        assert!(!seen, "{}", path.display());
    }
    // Nor do the names of chunks tell that two backups are of the same store.
    bench.target = bench.world.dir.path().join("twin");
    bench.secret = secrets()[1].clone();
    bench.take(1);
    assert!(names(&bench).is_disjoint(&first));
    bench.target = bench.world.dir.path().join("open");
    bench.secret = Secret::None;
    bench.take(1);
    check(&bench, &secrets()[1], |r| {
        matches!(r, Refusal::NotSealed(_))
    });
}

/// What was given after the backup is not given again: clients have it in their caches.
#[test]
fn i03_i04_a_restored_store_leaps_over_what_came_since() {
    let bench = Bench::new(Secret::None);
    let inbox = bench
        .world
        .account(2)
        .by_role(Role::Inbox)
        .unwrap()
        .unwrap();
    let taken = bench.take(1);
    let last = bench.world.deliver(2, inbox.id, &long(977), None);
    let modseq = bench.world.account(2).modseq().unwrap();
    let to = bench.world.dir.path().join("new");
    let task = Restore {
        vault: &bench.vault(),
        secret: &bench.secret,
        which: Which::Newest,
        to: &to,
        disk: &Disk::default(),
        workers: 1,
        salvage: false,
        keyring: None,
        leap: true,
    };
    restore(&task, &mut quiet).unwrap();
    let options = Options {
        dir: to,
        ..bench.world.options.clone()
    };
    let store = Store::open(&options).unwrap();
    assert_eq!(store.check().unwrap(), Vec::<String>::new());
    let loss = store.loss().unwrap();
    let loss = loss.expect("whoever gives numbers of its own leaps too");
    let origin = loss.restored.expect("nothing of the backup was damaged");
    assert_eq!((origin.backup, origin.taken_at), (taken.name, 1));
    let account = store.account(AccountId::new(2).unwrap());
    let now = account.mailbox(inbox.id).unwrap();
    assert_eq!(
        now.uid_validity, inbox.uid_validity,
        "what clients have of before stays right"
    );
    assert!(account.modseq().unwrap() > modseq);
    assert!(now.highest_modseq > modseq);
    // Whatever a client saw of a message under a number that is lost, it is told anew (RFC 7162 §3.1.3, §3.2.5.1).
    let mut told = Vec::new();
    let each = &mut |state: &State| {
        told.push(state.modseq);
        true
    };
    account.scan_all(each).unwrap();
    assert!(told.len() > 1 && told.iter().all(|m| *m == now.highest_modseq));
    let next = world::deliver(&store, 2, inbox.id, &long(978), None).unwrap();
    assert!(next.email > last.email && next.uids[0].1 > last.uids[0].1);
    let uid = now.uid_next;
    store.close().unwrap();
    drop((store, account));
    let store = Store::open(&options).unwrap();
    let again = store
        .account(AccountId::new(2).unwrap())
        .mailbox(inbox.id)
        .unwrap();
    assert_eq!(again.uid_next.raw(), uid.raw() + 1, "it leaps once");
}
