//! An upgrade keeps the store as it was: put back, it is the same, octet by octet, and so is what its keys say.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use storage::*;
use world::golden::{copied, golden, tree};
use world::{deliver, letter};

/// The store that a program of each format wrote, the format, and where it is kept.
const STORES: [(&str, u32, &str); 3] = [
    ("v1-store", 1, "before-2"),
    ("v2-store", 2, "before-3"),
    ("v3-store", 3, "before-4"),
];
const LETTERS: u64 = 20;

fn no_findings(store: &Store) {
    assert_eq!(store.check_deep().unwrap(), Vec::<String>::new());
}

/// Uses an upgraded store as its server would: mail comes, the journal is covered, what is dead goes.
fn work(store: &Store) {
    let account = store.account(AccountId::new(2).unwrap());
    let inbox = account.by_role(Role::Inbox).unwrap().unwrap().id;
    for number in 0..LETTERS {
        deliver(
            store,
            2,
            inbox,
            &letter(number, "Sau khi nâng cấp", &[]),
            None,
        )
        .unwrap();
    }
    let mut emails = Vec::new();
    let gather = &mut |state: &State| {
        emails.push(state.email);
        true
    };
    account.scan_all(gather).unwrap();
    let mut writer = account.write().unwrap();
    for email in emails.iter().step_by(2) {
        writer.destroy(*email).unwrap();
    }
    writer.commit().unwrap();
    store.snapshot().unwrap();
    let now = Policy {
        window_s: 0,
        collect_every_s: 0,
        dead_percent: 1,
        ..Policy::default()
    };
    store.maintain(&now).unwrap();
    store.snapshot().unwrap();
}

/// Opens, looks, closes.
fn seen(options: &Options) -> String {
    let store = Store::open(options).unwrap();
    no_findings(&store);
    let seen = store.fingerprint().unwrap();
    store.close().unwrap();
    seen
}

/// The same options; all upgrades are written down.
fn heard(options: Options) -> (Options, Arc<Mutex<Vec<Upgraded>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = heard.clone();
    let watch = Watch::default().of_upgrades(move |how| hears.lock().unwrap().push(how.clone()));
    let disk = options.disk.clone().watched(watch);
    (Options { disk, ..options }, heard)
}

#[test]
fn what_was_before_an_upgrade_can_be_put_back() {
    for (name, from, folder) in STORES {
        for engine in EngineKind::ON_DISK {
            let (dir, options) = copied(name, engine);
            if from > 1 && engine != EngineKind::Sled {
                continue; // The file `format` says sled.
            }
            let (options, heard) = heard(options);
            let was = tree(&golden(name));
            let kept = options.dir.join(folder);
            let at_once = seen(&options);
            let expected = Upgraded {
                from,
                to: 4,
                kept: kept.clone(),
            };
            assert_eq!(*heard.lock().unwrap(), [expected]);
            assert_eq!(tree(&kept), was, "{name}");

            let store = Store::open(&options).unwrap();
            work(&store);
            let later = store.fingerprint().unwrap();
            store.close().unwrap();
            drop(store);
            assert_eq!(heard.lock().unwrap().len(), 1, "upgraded once");
            assert_eq!(tree(&kept), was, "{name} after some work");

            // As docs/operation.md says.
            let aside = dir.path().join("store.new");
            fs::rename(&options.dir, &aside).unwrap();
            fs::rename(aside.join(folder), &options.dir).unwrap();
            assert_eq!(tree(&options.dir), was, "{name} put back");
            assert_eq!(seen(&options), at_once, "{name} upgraded again");
            let options = Options {
                dir: aside,
                ..options.clone()
            };
            assert_eq!(seen(&options), later, "{name} that was put aside");
        }
    }
}

/// The older program goes on where it was; what it writes must not come into the store that was put aside.
#[test]
fn the_newest_segment_that_is_kept_is_a_file_of_its_own() {
    use std::os::unix::fs::MetadataExt as _;
    for (name, _, folder) in &STORES[1..] {
        let (_dir, options) = copied(name, EngineKind::Sled);
        let number = |path: &Path| fs::metadata(path).unwrap().ino();
        let pack = |dir: &Path| number(&dir.join("packs/000001.pack"));
        let segment = |dir: &Path| number(&dir.join("journal/0000000002.log"));
        seen(&options);
        let kept = options.dir.join(folder);
        assert_eq!(pack(&kept), pack(&options.dir), "content takes no room");
        assert_ne!(segment(&kept), segment(&options.dir));
    }
}

#[test]
fn an_upgrade_without_power_keeps_all_or_changes_nothing() {
    for (name, _, folder) in STORES {
        let was = tree(&golden(name));
        let mut upgraded = false;
        for steps in 1..300 {
            let (_dir, mut options) = copied(name, EngineKind::Sled);
            options.disk = Disk::forgetful(steps);
            options.disk.fail_after(steps);
            upgraded = Store::open(&options).is_ok();
            options.disk.power_cut().unwrap();
            let format = fs::read(options.dir.join("format"));
            if format.is_ok_and(|octets| octets[8] == 4) {
                assert_eq!(tree(&options.dir.join(folder)), was, "{name} at {steps}");
            }
            seen(&options);
            assert_eq!(tree(&options.dir.join(folder)), was, "{name} at {steps}");
            if upgraded {
                break;
            }
        }
        assert!(upgraded, "there are more steps than were tried");
    }
}

#[test]
fn a_full_disk_refuses_an_upgrade_and_leaves_the_store_alone() {
    for (name, _, _) in &STORES[1..] {
        let (_dir, mut options) = copied(name, EngineKind::Memory);
        let was = tree(&golden(name));
        let (whole, octets) = (Disk::default(), 1_000);
        options.disk = Disk::small(octets);
        options.reserve_bytes = 0;
        let refused = Store::open(&options).map(drop).unwrap_err();
        assert!(
            refused.to_string().contains("the disk is full"),
            "{refused}"
        );
        let mut now = tree(&options.dir);
        now.remove(Path::new("lock"));
        assert_eq!(now, was);
        options.disk = whole;
        seen(&options);
    }
}

#[test]
fn what_was_plain_goes_when_the_store_is_encrypted_and_what_was_sealed_stays() {
    let master = || KeySource::Master(MasterKey::new([7; 32]));
    let (_dir, mut options) = copied("v3-store", EngineKind::Sled);
    options.keys = master();
    let store = Store::open(&options).unwrap();
    let kept = options.dir.join("before-4");
    assert_eq!(
        tree(&kept),
        tree(&golden("v3-store")),
        "without the keyring"
    );
    store.snapshot().unwrap();
    assert!(!kept.exists());

    // A sealed store that says it is of the third format.
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        dir: dir.path().join("store"),
        keys: master(),
        ..options.clone()
    };
    Store::open(&options).unwrap().close().unwrap();
    let format = options.dir.join("format");
    let mut octets = fs::read(&format).unwrap();
    octets[8] = 3;
    let (said, sum) = octets.split_at_mut(29);
    sum.copy_from_slice(&BlobId::of(said).0[..16]);
    fs::write(&format, &octets).unwrap();
    let keyring = fs::read(options.dir.join("keyring")).unwrap();
    let store = Store::open(&options).unwrap();
    store.snapshot().unwrap();
    let kept = tree(&options.dir.join("before-4"));
    for name in ["keyring", "keyring.copy"] {
        assert_eq!(kept.get(Path::new(name)), Some(&keyring));
    }
    assert_eq!(kept.get(Path::new("format")), Some(&octets));
}

#[test]
fn a_repair_keeps_what_it_upgrades_and_what_came_out_of_a_backup_is_kept_there() {
    let (_dir, options) = copied("v3-store", EngineKind::Sled);
    let (options, heard) = heard(options);
    let snapshot = options.dir.join("snapshots/0000000000-0000000001.snap");
    let mut octets = fs::read(&snapshot).unwrap();
    octets[300] ^= 1;
    fs::write(&snapshot, octets).unwrap();
    let was = tree(&options.dir);
    Store::repair(&options).unwrap();
    assert_eq!(tree(&options.dir.join("before-4")), was);
    assert_eq!(heard.lock().unwrap().len(), 1);

    let (_dir, options) = copied("v3-store", EngineKind::Sled);
    fs::write(options.dir.join("restored"), "").unwrap();
    seen(&options);
    assert!(!options.dir.join("before-4").exists());
}
