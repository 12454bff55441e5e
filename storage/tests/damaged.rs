//! Content that rots on the disk harms nobody who brings it anew, and a restore heals it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use base64::Engine as _;
use std::path::Path;
use storage::backup::*;
use storage::*;
use world::bench::{Bench, quiet};
use world::{World, keyword, letter};

/// Flips a bit in every kilobyte of every pack: no content of some size stays whole.
fn rot(store: &Path) {
    for entry in std::fs::read_dir(store.join("packs")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        // The file's own head is another test's.
        (64..bytes.len())
            .step_by(50)
            .for_each(|at| bytes[at] ^= 0x5a);
        std::fs::write(path, bytes).unwrap();
    }
}

fn with_attachment(number: u64) -> String {
    let octets: Vec<u8> = (0..60_000u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let coded = base64::engine::general_purpose::STANDARD.encode(octets);
    let lines: Vec<&str> = coded
        .as_bytes()
        .chunks(76)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "{}\r\n{}\r\n",
        letter(number, "công văn", &[]),
        lines.join("\r\n")
    )
}

fn content(world: &World, account: u32, email: EmailId) -> Result<Vec<u8>, Error> {
    world.account(account).content(email).map(|c| c.to_vec())
}

#[test]
fn new_mail_is_never_put_onto_damaged_content() {
    let mut world = World::new(EngineKind::Memory);
    let (inbox, other) = (world.inbox(2), world.inbox(3));
    let first = world.deliver(2, inbox, &with_attachment(1), None);
    let plain = world.deliver(2, inbox, &letter(7, "tờ trình", &[]), None);
    world.close();
    rot(&world.options.dir);
    world.reopen();
    assert!(matches!(
        content(&world, 2, first.email),
        Err(Error::Damaged(_))
    ));
    assert!(matches!(
        content(&world, 2, plain.email),
        Err(Error::Damaged(_))
    ));
    // Another letter with the same attachment; then the very same letters once more.
    let text = with_attachment(2);
    let another = world.deliver(3, other, &text, None);
    assert_eq!(content(&world, 3, another.email).unwrap(), text.as_bytes());
    for (text, damaged) in [
        (with_attachment(1), first.email),
        (letter(7, "tờ trình", &[]), plain.email),
    ] {
        let again = world.deliver(3, other, &text, None);
        assert_eq!(content(&world, 3, again.email).unwrap(), text.as_bytes());
        // Whoever had it has it again.
        assert_eq!(content(&world, 2, damaged).unwrap(), text.as_bytes());
    }
    assert_eq!(world.store().check_deep().unwrap(), Vec::<String>::new());
    world.reopen();
    assert_eq!(
        content(&world, 2, first.email).unwrap().len(),
        with_attachment(1).len()
    );
}

#[test]
fn a_restore_heals_what_is_there_and_damaged() {
    let mut bench = Bench::new(Secret::None);
    bench.take(7);
    bench.world.close();
    rot(&bench.world.options.dir);
    bench.world.reopen();
    assert!(!bench.world.store().check_deep().unwrap().is_empty());
    let account = bench.world.account(2);
    let scratch = bench.world.dir.path().join("scratch");
    let cut = bench.cut(Which::Newest, 2, &scratch).unwrap();
    let restore = |into| place(&cut.read(), &account, &into, None, &mut quiet).unwrap();
    let restored = restore(Into::Place);
    assert_eq!((restored.messages, restored.already), (0, 20));
    assert_eq!(restored.healed, 20);
    assert_eq!(restore(Into::Place).healed, 0);
    account
        .scan_all(&mut |state| {
            assert!(account.content(state.email).is_ok());
            true
        })
        .unwrap();
    // The other account's letters are still as they were.
    let other = bench.world.account(3);
    let scratch = bench.world.dir.path().join("scratch2");
    let cut = bench.cut(Which::Newest, 3, &scratch).unwrap();
    let folder = Into::Folder("Khôi phục".into());
    let restored = place(&cut.read(), &other, &folder, None, &mut quiet).unwrap();
    assert_eq!(restored.messages, 20);
    assert_eq!(
        bench.world.store().check_deep().unwrap(),
        Vec::<String>::new()
    );
}

/// Opens a store whose index is damaged at each of these shares of its file; all must be there.
#[test]
fn i19_an_index_damaged_anywhere_is_made_anew() {
    let mut world = World::new(EngineKind::Sled);
    for account in 2..5 {
        let inbox = world.inbox(account);
        for number in 0..120 {
            world.deliver(account, inbox, &letter(number, "công văn", &[]), None);
        }
    }
    let whole = world.store().fingerprint().unwrap();
    world.close();
    let file = world.options.dir.join("index").join("db");
    let (mut hit, parts) = (0, 80);
    for part in 0..parts {
        let before = std::fs::read(&file).unwrap();
        let mut bytes = before.clone();
        let at = before.len() / parts * part + 17;
        for byte in bytes
            .iter_mut()
            .skip(at)
            .step_by(97)
            .take(if part % 2 == 0 { 1 } else { 40 })
        {
            *byte ^= 0x5a;
        }
        std::fs::write(&file, bytes).unwrap();
        let store = Store::open(&world.options).unwrap_or_else(|e| panic!("part {part}: {e}"));
        // What shows only later is told, and the next opening mends it.
        let store = match store.fingerprint() {
            Ok(found) if found == whole => store,
            _ => {
                hit += 1;
                assert!(store.index_is_damaged(), "part {part}");
                let _ = store.close();
                drop(store);
                Store::open(&world.options).unwrap()
            }
        };
        assert_eq!(store.fingerprint().unwrap(), whole, "part {part}");
        store.close().unwrap();
    }
    println!("{hit} of {parts} showed only after opening");
}

#[test]
fn what_is_undeleted_is_not_marked_as_deleted() {
    let world = World::new(EngineKind::Memory);
    let inbox = world.inbox(2);
    let placed = world.deliver(2, inbox, &letter(1, "công văn", &[]), None);
    let account = world.account(2);
    let mut writer = account.write().unwrap();
    let words = vec![keyword("$deleted"), keyword("$seen")];
    writer
        .keywords(placed.email, &KeywordChange::Add(words))
        .unwrap();
    writer.commit().unwrap();
    let mut writer = account.write().unwrap();
    writer.expunge(placed.email, inbox).unwrap();
    writer.commit().unwrap();
    let back = account.undelete(&[placed.email], None).unwrap();
    let email = back[0].1.as_ref().unwrap().email;
    let state = account.state(email).unwrap();
    assert!(state.has("$seen") && !state.has("$deleted"));
    assert_eq!(world.check(), Vec::<String>::new());
}

/// Every file below a folder, with its octets; but the lock, which whoever looks may leave.
fn everything(dir: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(everything(&path)),
            false if path.ends_with("lock") => {}
            false => found.push((path.clone(), std::fs::read(&path).unwrap())),
        }
    }
    found.sort();
    found
}

#[test]
fn a_repair_touches_neither_other_folders_nor_a_store_without_its_keyring() {
    let mut world = World::new(EngineKind::Memory);
    world.close();
    let refused = |options: &Options| {
        let before = everything(&options.dir);
        for told in [
            Store::repair(options).map(drop),
            Store::rebuild(options).map(drop),
        ] {
            assert!(matches!(told, Err(Error::Unavailable(_))), "{told:?}");
            assert_eq!(everything(&options.dir), before);
        }
    };
    let options = Options {
        dir: world.dir.path().join("foreign"),
        ..world.options.clone()
    };
    std::fs::create_dir(&options.dir).unwrap();
    std::fs::write(options.dir.join("readme"), "mine").unwrap();
    refused(&options);
    let options = Options {
        dir: world.dir.path().join("sealed"),
        keys: KeySource::Master(MasterKey::new([9; 32])),
        ..world.options.clone()
    };
    let store = Store::open(&options).unwrap();
    world::deliver(&store, 2, inbox_of(&store), "a: b\r\n\r\nc\r\n", None).unwrap();
    store.close().unwrap();
    drop(store);
    std::fs::remove_file(options.dir.join("keyring")).unwrap();
    std::fs::remove_file(options.dir.join("keyring.copy")).unwrap();
    refused(&options);
}

fn inbox_of(store: &Store) -> MailboxId {
    let mut writer = store.account(AccountId::new(2).unwrap()).write().unwrap();
    let new = world::new_mailbox("INBOX", Some(Role::Inbox));
    let id = writer.create_mailbox(new).unwrap();
    writer.commit().unwrap();
    id
}

/// What verify does to a store that was closed: the lock, the pin and the engine's own files are all that changes.
#[test]
fn a_check_of_a_closed_store_leaves_journal_packs_and_snapshots_as_they_are() {
    let mut world = World::new(EngineKind::Sled);
    let inbox = world.inbox(2);
    for number in 0..20 {
        world.deliver(2, inbox, &letter(number, "công văn", &[]), None);
    }
    world.store().snapshot().unwrap();
    world.deliver(2, inbox, &letter(99, "tờ trình", &[]), None);
    world.close();
    let truth = |dir: &Path| {
        let mut files = everything(dir);
        let own = |path: &Path| path.ends_with("pin") || path.starts_with(dir.join("index"));
        files.retain(|(path, _)| !own(path));
        files
    };
    let before = truth(&world.options.dir);
    for deep in [false, true] {
        world.reopen();
        let checked = world.store().check_telling(deep, &mut |_| true);
        assert_eq!(checked.unwrap(), Findings::default());
        world.close();
        assert!(truth(&world.options.dir) == before);
    }
}
