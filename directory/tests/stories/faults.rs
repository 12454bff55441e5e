//! A full disk, rows of another version, many acts at once.

use crate::world::{PASSWORD, World, address, new, peer};
use directory::{CredentialKind, Error, Resolution, Secret};
use std::sync::atomic::Ordering::SeqCst;
use storage::RowChange;

#[test]
fn on_a_full_disk_nothing_is_half_done() {
    let world = World::new();
    let an = world.person("an@tinh.gov.vn", "H99");
    let access = world.enter("an");
    let d = &world.directory;
    let last = d.audit(None, 1).unwrap();
    let credentials = d.credentials(None, an.id).unwrap();
    let room = world.room.swap(20, SeqCst);
    let failed = [
        d.create_account(None, new("b@tinh.gov.vn", "H99"))
            .map(|_| ()),
        d.create_alias(None, address("a@tinh.gov.vn"), an.id)
            .map(|_| ()),
        d.set_password(None, an.id, &Secret::new("Khác 2027"))
            .map(|_| ()),
        d.create_credential(None, an.id, CredentialKind::Token, "t", None)
            .map(|_| ()),
        d.open_session(&access, peer("192.0.2.1")).map(|_| ()),
        d.delete_account(None, an.id, None),
    ];
    for result in failed {
        assert!(
            matches!(result, Err(Error::Storage(storage::Error::Unavailable(_)))),
            "{result:?}"
        );
    }
    assert_eq!(d.audit(None, 1).unwrap(), last);
    assert_eq!(d.credentials(None, an.id).unwrap(), credentials);
    assert_eq!(
        d.resolve(&address("b@tinh.gov.vn"), crate::world::PLAIN)
            .unwrap(),
        Resolution::Unknown
    );
    assert_eq!(
        d.resolve(&address("a@tinh.gov.vn"), crate::world::PLAIN)
            .unwrap(),
        Resolution::Unknown
    );
    assert!(
        world.try_enter("an", PASSWORD).is_ok(),
        "who may enter enters"
    );
    world.room.store(room, SeqCst);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let again = loop {
        match d.create_account(None, new("b@tinh.gov.vn", "H99")) {
            Err(error) if std::time::Instant::now() > deadline => panic!("{error}"),
            Err(_) => std::thread::yield_now(),
            Ok(account) => break account,
        }
    };
    assert_eq!(world.store.account(again.id).mailboxes().unwrap().len(), 6);
    assert_eq!(d.audit_check().unwrap(), None);
    drop(access);
    let world = world.restart();
    assert_eq!(world.directory.audit_check().unwrap(), None);
    assert_eq!(world.id("b@tinh.gov.vn"), again.id);
    assert!(world.try_enter("an", PASSWORD).is_ok());
}

/// Opens a store in which a row has been changed so.
fn check(row: RowChange, expected: &str) {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99");
    world.store.commit_rows(vec![row]).unwrap();
    let error = world
        .try_restart()
        .err()
        .expect("the start is refused")
        .to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn i18_rows_of_another_version_refuse_to_start() {
    let row = |table, key: &[u8], value: &[u8]| RowChange {
        table,
        key: key.to_vec(),
        value: Some(value.to_vec()),
    };
    check(
        row("directory.agency", b"H99", &[9, 1]),
        "unknown version 9",
    );
    check(
        row("directory.account", &[0, 0, 0, 2], &[5]),
        "unknown version 5",
    );
    check(
        row("directory.counter", b"account", &[0]),
        "unknown version 0",
    );
    check(row("directory.domain", b"tinh.gov.vn", &[]), "empty row");
    check(
        row("directory.domain", b"tinh.gov.vn", &[1, 0xff]),
        "cannot be read",
    );
    check(
        row("directory.session", b"short", &[1]),
        "directory.session",
    );
}

#[test]
fn acts_at_once_come_one_after_the_other() {
    let world = World::new();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let d = &world.directory;
            scope.spawn(move || {
                for n in 0..10 {
                    let name = format!("p{thread}.{n}@tinh.gov.vn");
                    let account = d.create_account(None, new(&name, "H99")).unwrap();
                    let alias = address(&format!("a{}@tinh.gov.vn", n));
                    // Four ask for each; one gets it.
                    match d.create_alias(None, alias, account.id) {
                        Ok(_) | Err(Error::Exists(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    let d = &world.directory;
    assert_eq!(d.accounts(None, None, None, None, 100).unwrap().len(), 40);
    assert_eq!(d.aliases(None, None, None, 100).unwrap().len(), 10);
    assert_eq!(d.audit(None, 100).unwrap()[0].number, 6 + 40 + 10);
    assert_eq!(d.audit_check().unwrap(), None);
}
