//! A store moves to another engine and back: the same mail, at every step where the move may stop.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::Path;
use storage::*;

fn options(dir: &Path, engine: EngineKind) -> Options {
    Options {
        dir: dir.join("store"),
        engine,
        boot_id: Some("boot".into()),
        ..Options::default()
    }
}

/// Some mail of some accounts, and a value larger than engines like.
fn fill(store: &Store) {
    store
        .table("letters")
        .put(b"large", Some(vec![7; 50_000]))
        .unwrap();
    for number in 2..7 {
        let account = store.account(AccountId::new(number).unwrap());
        let mut writer = account.write().unwrap();
        let new = NewMailbox {
            parent: None,
            name: "INBOX".into(),
            role: Some(Role::Inbox),
            subscribed: true,
            sort_order: 0,
        };
        let mailbox = writer.create_mailbox(new).unwrap();
        for letter in 0..40 {
            let text = format!("Subject: {number}.{letter}\r\n\r\nCông văn\r\n");
            let summary = formats::message::summarize(text.as_bytes());
            let append = Append {
                blob: account.put_blob(text.as_bytes()).unwrap(),
                summary: &summary,
                received_at: letter,
                keywords: Vec::new(),
                mailboxes: vec![mailbox],
                delivery: None,
            };
            writer.append(append).unwrap();
        }
        writer.commit().unwrap();
        let mut writer = account.write().unwrap();
        writer.destroy(EmailId::new(3).unwrap()).unwrap();
        writer.commit().unwrap();
    }
}

/// Opens, looks, closes.
fn seen(options: &Options) -> String {
    let store = Store::open(options).unwrap();
    assert_eq!(store.check().unwrap(), Vec::<String>::new());
    let seen = store.fingerprint().unwrap();
    store.close().unwrap();
    seen
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir.join("store")).unwrap();
    let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|n| n.starts_with("index")).collect();
    names.sort();
    names
}

fn made(dir: &Path) -> String {
    let store = Store::open(&options(dir, EngineKind::Sled)).unwrap();
    fill(&store);
    store.close().unwrap();
    drop(store);
    seen(&options(dir, EngineKind::Sled))
}

#[test]
fn a_store_moves_to_another_engine_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let before = made(dir.path());
    for (from, to) in [
        (EngineKind::Sled, EngineKind::Fjall),
        (EngineKind::Fjall, EngineKind::Sled),
    ] {
        let moved = Store::migrate(&options(dir.path(), from), to).unwrap();
        assert!(moved.keys > 600, "{moved:?}");
        assert_eq!(names(dir.path()), ["index"]);
        assert_eq!(seen(&options(dir.path(), to)), before, "{to:?}");
        let refused = Store::open(&options(dir.path(), from))
            .map(drop)
            .unwrap_err()
            .to_string();
        let told = format!("congvu store migrate --engine {}", from.name());
        assert!(refused.contains(&told), "{refused}");
    }
}

#[test]
fn an_engine_that_keeps_nothing_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let before = made(dir.path());
    let refused = Store::migrate(&options(dir.path(), EngineKind::Sled), EngineKind::Memory);
    assert!(matches!(refused, Err(Error::Invalid(_))));
    assert_eq!(seen(&options(dir.path(), EngineKind::Sled)), before);
}

#[test]
fn where_no_store_is_nothing_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let refused = Store::migrate(&options(dir.path(), EngineKind::Sled), EngineKind::Fjall);
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    assert!(!dir.path().join("store").exists());
}

#[test]
fn an_open_store_is_not_moved() {
    let dir = tempfile::tempdir().unwrap();
    let sled = options(dir.path(), EngineKind::Sled);
    let store = Store::open(&sled).unwrap();
    let refused = Store::migrate(&sled, EngineKind::Fjall);
    assert!(matches!(refused, Err(Error::InUse { .. })), "{refused:?}");
    drop(store);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Each state that a stop can leave is made by hand from the folders before and after.
#[test]
fn i19_a_stop_at_any_step_leaves_the_one_or_the_other() {
    let before = tempfile::tempdir().unwrap();
    let expected = made(before.path());
    let after = tempfile::tempdir().unwrap();
    copy(before.path(), after.path());
    Store::migrate(&options(after.path(), EngineKind::Sled), EngineKind::Fjall).unwrap();
    let (old, new) = (before.path().join("store"), after.path().join("store"));
    // The new index stands beside; the file names the new engine; the old index is still there, or
    // aside, or both names are taken; and the new index has its name already.
    for (marked, index, aside, grown, kind) in [
        (false, Some(&old), false, true, EngineKind::Sled),
        (true, Some(&old), false, true, EngineKind::Fjall),
        (true, Some(&old), true, true, EngineKind::Fjall),
        (true, None, true, true, EngineKind::Fjall),
        (true, Some(&new), true, false, EngineKind::Fjall),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store");
        copy(&old, &store);
        std::fs::remove_dir_all(store.join("index")).unwrap();
        if let Some(index) = index {
            copy(&index.join("index"), &store.join("index"));
        }
        if aside {
            copy(&old.join("index"), &store.join("index.aside"));
        }
        if grown {
            copy(&new.join("index"), &store.join("index.fjall"));
        }
        if marked {
            std::fs::copy(new.join("format"), store.join("format")).unwrap();
        }
        assert_eq!(seen(&options(dir.path(), kind)), expected);
        assert!(
            names(dir.path())
                .iter()
                .all(|n| n == "index" || n == "index.aside")
        );
        assert_eq!(seen(&options(dir.path(), kind)), expected, "again");
    }
}
