//! Stores of earlier formats are upgraded when they are opened, and show what they showed before.
//! `golden/v1-store` was written by a program of the first format, `golden/v1-seen.txt` is what it read;
//! `golden/v2-store` by one of the second, and `golden/v3-store` is the same after one of the third wrote to it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod damaged;
#[path = "../world/mod.rs"]
mod world;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use storage::*;
use world::golden::copied;

const SEEN: &str = include_str!("../golden/v1-seen.txt");

/// A copy of the kept store of the first format; it goes when the first part is dropped.
fn kept(engine: EngineKind) -> (tempfile::TempDir, Options) {
    copied("v1-store", engine)
}

/// All that a reader sees, in the words in which it was kept.
fn seen(store: &Store) -> String {
    let mut text = String::new();
    for number in [2u32, 3, 9] {
        let account = store.account(AccountId::new(number).unwrap());
        let (modseq, usage) = (account.modseq().unwrap(), account.usage().unwrap());
        writeln!(text, "account {number} modseq {modseq} usage {usage:?}").unwrap();
        for mailbox in account.mailboxes().unwrap() {
            writeln!(text, "{mailbox:?}").unwrap();
        }
        account
            .scan_all(&mut |state| {
                // What came with the third version is not known of these.
                let shown = format!("{state:?}");
                let shown = shown.replace(" saved: [],", "").replace(" growth: 0,", "");
                writeln!(text, "{shown}").unwrap();
                true
            })
            .unwrap();
        for (modseq, change) in account.changes(ModSeq::FIRST, 1_000).unwrap().list {
            writeln!(text, "{modseq} {change:?}").unwrap();
        }
    }
    for item in store.queue().list(None, 10).unwrap() {
        writeln!(text, "{item:?}").unwrap();
    }
    for (key, value) in store.table("sample").rows(b"", None, 100).unwrap() {
        writeln!(text, "{key:?} {}", value.len()).unwrap();
    }
    text
}

/// It shows what it should, its content can be read, and it can be written on.
fn check(options: &Options, what: &str) {
    let store = Store::open(options).unwrap_or_else(|e| unreachable!("{what}: {e}"));
    assert_eq!(seen(&store), SEEN, "{what}");
    let account = store.account(AccountId::new(2).unwrap());
    let mut emails = Vec::new();
    account
        .scan_all(&mut |state| {
            emails.push(state.email);
            true
        })
        .unwrap();
    for email in emails {
        let text = account.content(email).unwrap();
        assert!(text.starts_with("From: Nguyễn".as_bytes()), "{what}");
        assert!(account.summary(email).is_ok(), "{what}");
    }
    assert_eq!(store.check().unwrap(), Vec::<String>::new(), "{what}");
    let inbox = account.by_role(Role::Inbox).unwrap().unwrap();
    let before = store.fingerprint().unwrap();
    let blob = store.put_blob(b"Subject: x\r\n\r\nx").unwrap();
    let summary = formats::message::summarize(b"Subject: x\r\n\r\nx");
    let mut writer = account.write().unwrap();
    let placed = writer
        .append(Append {
            blob,
            summary: &summary,
            received_at: 1,
            keywords: Vec::new(),
            mailboxes: vec![inbox.id],
            delivery: None,
        })
        .unwrap();
    writer.commit().unwrap();
    assert_eq!(placed.uids[0].1, inbox.uid_next, "{what}");
    assert_ne!(store.fingerprint().unwrap(), before, "{what}");
    let after = store.fingerprint().unwrap();
    assert_eq!(store.check().unwrap(), Vec::<String>::new(), "{what}");
    drop((store, account));
    let store = Store::open(options).unwrap();
    assert_eq!(store.fingerprint().unwrap(), after, "{what}");
    assert!(
        options.dir.join("before-2/journal/0000000001.log").exists(),
        "{what}"
    );
}

#[test]
fn i18_a_store_of_the_first_format_shows_what_it_showed() {
    for engine in [EngineKind::Memory, EngineKind::Sled] {
        let (_dir, options) = kept(engine);
        check(&options, engine.name());
    }
}

#[test]
fn i18_whatever_way_the_first_format_was_stopped() {
    let last = |dir: &Path| dir.join("journal/0000000010.log");
    type Harm = fn(&Path, PathBuf);
    let harms: [(&str, Harm); 5] = [
        ("a damaged checkpoint", |dir, _| {
            world::closed::change(&dir.join("checkpoint"), |octets| octets[9] ^= 16);
        }),
        ("no checkpoint", |dir, _| {
            fs::remove_file(dir.join("checkpoint")).unwrap();
        }),
        ("a torn tail", |_, last| {
            let mut bytes = fs::read(&last).unwrap();
            bytes.extend_from_within(16..200);
            fs::write(last, bytes).unwrap();
        }),
        ("zeros laid ahead", |_, last| {
            let mut bytes = fs::read(&last).unwrap();
            bytes.resize(9_000, 0);
            fs::write(last, bytes).unwrap();
        }),
        ("an upgrade that was cut off", |dir, _| {
            fs::create_dir(dir.join("snapshots")).unwrap();
            fs::write(dir.join("snapshots/0000000000-0000000000.snap"), "half").unwrap();
        }),
    ];
    for (what, harm) in harms {
        let (_dir, options) = kept(EngineKind::Memory);
        harm(&options.dir, last(&options.dir));
        check(&options, what);
    }
}

#[test]
fn an_upgrade_that_loses_its_power_anywhere_leaves_the_old_store_or_the_new() {
    let mut upgraded = false;
    for steps in 1..200 {
        let (_dir, mut options) = kept(EngineKind::Memory);
        options.disk = Disk::forgetful(steps);
        options.disk.fail_after(steps);
        upgraded = Store::open(&options).is_ok();
        options.disk.power_cut().unwrap();
        check(&options, &format!("cut at step {steps}"));
        if upgraded {
            break;
        }
    }
    assert!(upgraded, "there are more steps than were tried");
}

/// A repair that was killed before anything took its place left the store as it was.
#[test]
fn what_a_killed_repair_had_begun_goes_with_the_next_start() {
    for (engine, ready) in [(EngineKind::Memory, false), (EngineKind::Sled, true)] {
        let (_dir, options) = kept(engine);
        Store::open(&options).unwrap().close().unwrap();
        let begun = options.dir.join("repaired");
        fs::create_dir_all(begun.join("snapshots")).unwrap();
        fs::write(
            begun.join("snapshots/0000000000-0000000001.snap.new"),
            "half",
        )
        .unwrap();
        if ready {
            fs::write(begun.join("ready"), "whole").unwrap();
            let told = refused(&options);
            assert!(told.contains("`congvu store repair` ends it"), "{told}");
            assert!(begun.exists());
        } else {
            Store::open(&options).unwrap();
            assert!(!begun.exists());
        }
    }
}

/// Every file with its octets, but the lock; and every folder.
fn everything(options: &Options) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    let mut folders = vec![options.dir.clone()];
    while let Some(folder) = folders.pop() {
        for path in world::closed::files(&folder) {
            match path.is_dir() {
                true => {
                    found.push((path.clone(), None));
                    folders.push(path);
                }
                false if path.ends_with("lock") => {}
                false => found.push((path.clone(), Some(fs::read(path).unwrap()))),
            }
        }
    }
    found.sort();
    found
}

fn refused(options: &Options) -> String {
    Store::open(options).map(drop).unwrap_err().to_string()
}

#[test]
fn what_cannot_be_opened_is_refused_in_one_sentence_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        dir: dir.path().to_owned(),
        ..Options::default()
    };
    fs::write(dir.path().join("letter.txt"), "x").unwrap();
    assert!(refused(&options).contains("holds other files and is no store"));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);

    let options = Options {
        dir: dir.path().join("store"),
        ..options
    };
    Store::open(&options).unwrap().close().unwrap();
    let other = Options {
        engine: EngineKind::Fjall,
        ..options.clone()
    };
    assert!(refused(&other).contains("congvu store migrate --engine fjall"));
    let format = options.dir.join("format");
    let mut later = fs::read(&format).unwrap();
    later[8] = 9;
    // Whoever writes another version writes its checksum.
    let (said, sum) = later.split_at_mut(29);
    sum.copy_from_slice(&BlobId::of(said).0[..16]);
    fs::write(&format, &later).unwrap();
    let said = refused(&options);
    assert!(
        said.contains("the format 9") && !said.contains('\n'),
        "{said}"
    );
    assert_eq!(fs::read(&format).unwrap(), later);

    // Without the file nobody knows which store it is, and of which version.
    fs::remove_file(&format).unwrap();
    assert!(refused(&options).contains("congvu store repair"));
    assert!(!format.exists());
    Store::repair(&options).unwrap();
    let store = Store::open(&options).unwrap();
    assert!(format.exists());
    assert!(refused(&options).contains(&format!("in use by process {}", std::process::id())));
    drop(store);
    fs::remove_dir_all(options.dir.join("journal")).unwrap();
    fs::write(options.dir.join("packs/000001.pack"), "x").unwrap();
    assert!(refused(&options).contains("has lost its journal"));
    assert!(!options.dir.join("journal").exists());
}

#[test]
fn the_old_journal_goes_with_the_next_snapshot_of_an_encrypted_store_and_stays_in_a_plain_one() {
    for sealed in [true, false] {
        let (_dir, mut options) = kept(EngineKind::Sled);
        if sealed {
            options.keys = KeySource::Master(MasterKey::new([7; 32]));
        }
        let before = options.dir.join("before-2");
        let store = Store::open(&options).unwrap();
        assert!(before.is_dir());
        store.snapshot().unwrap();
        assert_eq!(before.exists(), !sealed);
        assert_eq!(seen(&store), SEEN);
        assert_eq!(store.check().unwrap(), Vec::<String>::new());
        store.close().unwrap();
        drop(store);
        Store::rebuild(&options).unwrap();
        assert_eq!(seen(&Store::open(&options).unwrap()), SEEN);
    }
}

#[test]
fn the_old_journal_stays_while_a_snapshot_cannot_be_read() {
    let (_dir, mut options) = kept(EngineKind::Sled);
    options.keys = KeySource::Master(MasterKey::new([7; 32]));
    let store = Store::open(&options).unwrap();
    let files = options.dir.join("snapshots").read_dir().unwrap();
    for file in files {
        let path = file.unwrap().path();
        let mut octets = fs::read(&path).unwrap();
        octets[60] ^= 1;
        fs::write(&path, octets).unwrap();
    }
    assert!(matches!(store.snapshot(), Err(Error::Corrupt(_))));
    assert!(options.dir.join("before-2").is_dir());
}

/// The version that the file `format` tells.
fn version(options: &Options) -> u8 {
    fs::read(options.dir.join("format")).unwrap()[8]
}

/// Kept stores with a file `format`, what that says, and engines.
const MARKED: [(&str, u8, EngineKind); 4] = [
    ("v2-store", 2, EngineKind::Memory),
    ("v2-store", 2, EngineKind::Sled),
    ("v3-store", 3, EngineKind::Memory),
    ("v3-store", 3, EngineKind::Sled),
];

#[test]
fn i18_a_store_of_the_second_or_third_format_is_read_as_it_is() {
    for (name, before, engine) in MARKED {
        let (_dir, options) = copied(name, engine);
        assert_eq!(version(&options), before);
        let store = Store::open(&options).unwrap();
        // From here on an older program refuses.
        assert_eq!(version(&options), 4);
        assert_eq!(store.check().unwrap(), Vec::<String>::new());
        let account = store.account(AccountId::new(2).unwrap());
        let mut states = Vec::new();
        account
            .scan_all(&mut |state| {
                states.push(state.clone());
                true
            })
            .unwrap();
        assert_eq!(states.len(), 6);
        for state in &states {
            assert_eq!(state.saved, [], "nobody kept it");
            assert!(account.content(state.email).unwrap().starts_with(b"From: "));
        }
        let kept = |n: usize| {
            account
                .summary(states[n].email)
                .unwrap()
                .head
                .subject
                .clone()
        };
        assert_eq!(
            (kept(0), kept(4)),
            (Some("Thư 0".into()), Some("Thư 5".into()))
        );
        assert!(states[0].has("$seen") && !states[0].has("khan") && states[1].has("khan"));
        let sample = store.table("sample").row(b"a").unwrap();
        assert_eq!(sample, Some(vec![1, 2, 3]));

        // What was removed can be put back, and what is touched tells from when on it is in its mailbox.
        let query = RemovedQuery {
            max: 9,
            ..RemovedQuery::default()
        };
        let removed = account.removed(&query).unwrap().list;
        assert_eq!(removed.len(), 1);
        let back = account.undelete(&[removed[0].email], None).unwrap();
        let (_, placed) = &back[0];
        let placed = placed.as_ref().unwrap();
        let (mailbox, now) = (placed.uids[0].0, 1_795_200_000);
        let state = account.state(placed.email).unwrap();
        assert_eq!(state.saved_at(mailbox), Some(now));
        let other = account.mailboxes().unwrap()[1].id;
        let mut writer = account.write().unwrap();
        let seen = KeywordChange::Add(vec![Keyword::new("$seen").unwrap()]);
        writer.keywords(states[1].email, &seen).unwrap();
        let (first, inbox) = (states[0].email, states[0].mailboxes[0].0);
        writer.place(first, &[inbox, other]).unwrap();
        writer.commit().unwrap();
        assert_eq!(account.state(states[1].email).unwrap().saved, []);
        assert_eq!(account.state(first).unwrap().saved, [(other, now)]);

        let (before, rows) = (store.fingerprint().unwrap(), seen_of(&store));
        assert_eq!(store.check().unwrap(), Vec::<String>::new());
        store.snapshot().unwrap();
        store.close().unwrap();
        drop((store, account));
        Store::rebuild(&options).unwrap();
        let store = Store::open(&options).unwrap();
        assert_eq!(
            (store.fingerprint().unwrap(), seen_of(&store)),
            (before, rows)
        );
    }
}

fn seen_of(store: &Store) -> Vec<String> {
    let mut seen = Vec::new();
    let account = store.account(AccountId::new(2).unwrap());
    account
        .scan_all(&mut |state| {
            seen.push(format!("{state:?}"));
            true
        })
        .unwrap();
    seen
}

/// Names and octets of the files of journal, packs and snapshots.
fn files(options: &Options) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for folder in ["journal", "packs", "snapshots"] {
        for entry in fs::read_dir(options.dir.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            files.push((path.clone(), fs::read(path).unwrap()));
        }
    }
    files.sort();
    files
}

/// The identity that `format` tells.
fn identity(options: &Options) -> Vec<u8> {
    fs::read(options.dir.join("format")).unwrap()[13..29].to_vec()
}

fn names(octets: &[u8], id: &[u8]) -> bool {
    octets.windows(id.len()).any(|w| w == id)
}

#[test]
fn i18_files_of_the_third_format_stay_and_the_next_ones_name_their_store() {
    for engine in [EngineKind::Memory, EngineKind::Sled] {
        let (_dir, options) = copied("v3-store", engine);
        let (before, id) = (files(&options), identity(&options));
        assert!(before.iter().all(|(_, octets)| !names(octets, &id)));
        let store = Store::open(&options).unwrap();
        assert_eq!(identity(&options), id);
        let after = files(&options);
        assert!(before.iter().all(|file| after.contains(file)));
        let new: Vec<_> = after.iter().filter(|file| !before.contains(file)).collect();
        assert_eq!(new.len(), 1, "the next segment");
        assert!(names(&new[0].1, &id));
        let whole = store.fingerprint().unwrap();
        store.put_blob(b"a new pack").unwrap();
        store.snapshot().unwrap();
        assert_eq!(store.check_deep().unwrap(), Vec::<String>::new());
        store.close().unwrap();
        drop(store);
        for (path, octets) in files(&options) {
            let old = before.iter().any(|(_, before)| *before == octets);
            assert!(old || names(&octets, &id), "{}", path.display());
        }
        // It may be opened without a commit, and is not made anew by that.
        for _ in 0..2 {
            let store = Store::open(&options).unwrap();
            assert_eq!(store.fingerprint().unwrap(), whole);
            store.close().unwrap();
        }
        // Without the file `format` the same store, and the files that name nobody still count as its own.
        fs::remove_file(options.dir.join("format")).unwrap();
        Store::repair(&options).unwrap();
        assert_eq!(identity(&options), id);
        let store = Store::open(&options).unwrap();
        assert_eq!(store.fingerprint().unwrap(), whole);
        assert_eq!(store.check_deep().unwrap(), Vec::<String>::new());
    }
}

#[test]
fn a_store_whose_old_journal_is_there_and_its_file_is_not_is_not_founded_anew() {
    let (_dir, options) = kept(EngineKind::Sled);
    let store = Store::open(&options).unwrap();
    let whole = store.fingerprint().unwrap();
    store.close().unwrap();
    drop(store);
    fs::remove_file(options.dir.join("format")).unwrap();
    assert!(options.dir.join("before-2").is_dir());
    assert!(refused(&options).contains("congvu store repair"));
    assert!(!options.dir.join("format").exists());
    Store::repair(&options).unwrap();
    let store = Store::open(&options).unwrap();
    assert_eq!(store.fingerprint().unwrap(), whole);
    drop(store);
    // Nor where nothing else is left of it.
    for name in ["format", "checkpoint"] {
        fs::remove_file(options.dir.join(name)).unwrap();
    }
    for name in ["journal", "packs", "snapshots", "index"] {
        fs::remove_dir_all(options.dir.join(name)).unwrap();
    }
    assert!(refused(&options).contains("congvu store repair"));
}
