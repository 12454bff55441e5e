//! Every act is in the chain, in the commit that did it (I-20).

use crate::world::{PASSWORD, World, address, agency, domain};
use directory::{CredentialKind, Secret};
use storage::RowChange;

#[test]
fn i20_every_act_is_in_the_chain_with_its_commit() {
    let world = World::new();
    let d = &world.directory;
    let an = world.person("an@tinh.gov.vn", "H99");
    let (credential, secret) = d
        .create_credential(None, an.id, CredentialKind::Token, "API", None)
        .unwrap();
    d.delete_credential(None, an.id, credential.id).unwrap();
    d.create_alias(None, address("a@tinh.gov.vn"), an.id)
        .unwrap();
    d.delete_alias(None, &address("a@tinh.gov.vn"), None)
        .unwrap();
    let mut changed = d.account(an.id).unwrap();
    changed.quota = Some(5);
    d.change_account(None, changed, None).unwrap();
    d.record(None, "queue.delete", "item 7", r#"{"to":"x@y.vn"}"#)
        .unwrap();
    d.delete_account(None, an.id, None).unwrap();
    let acts: Vec<_> = d.audit(None, 100).unwrap();
    let names: Vec<&str> = acts.iter().rev().map(|entry| entry.act.as_str()).collect();
    assert_eq!(
        names,
        [
            "agency.create",
            "agency.create",
            "agency.create",
            "agency.create",
            "domain.create",
            "domain.create",
            "account.create",
            "password.set",
            "credential.create",
            "credential.delete",
            "alias.create",
            "alias.delete",
            "account.change",
            "queue.delete",
            "account.delete",
        ]
    );
    let change = acts.iter().find(|e| e.act == "account.change").unwrap();
    assert_eq!(change.detail, r#"{"quota":[null,5]}"#);
    assert_eq!(
        (change.actor.as_str(), change.object.as_str()),
        ("system", "an@tinh.gov.vn")
    );
    let all = format!("{acts:?}");
    assert!(
        !all.contains(PASSWORD) && !all.contains(secret.expose()),
        "a secret in the log"
    );
    assert_eq!(d.audit_check().unwrap(), None);
}

#[test]
fn i20_a_refused_act_leaves_no_entry_and_one_done_names_its_actor() {
    let world = World::new();
    let admin = world.officer("qt@tinh.gov.vn", directory::Role::Administrator, "H99.1");
    let d = &world.directory;
    let before = d.audit(None, 1).unwrap()[0].number;
    d.create_domain(Some(&admin), domain("x.vn"), agency("H99.2"))
        .unwrap_err();
    d.set_password(Some(&admin), admin.account(), &Secret::new("short"))
        .unwrap_err();
    assert_eq!(d.audit(None, 1).unwrap()[0].number, before);
    d.create_domain(Some(&admin), domain("x.vn"), agency("H99.1"))
        .unwrap();
    let last = &d.audit(None, 1).unwrap()[0];
    assert_eq!(
        (last.number, last.actor.as_str()),
        (before + 1, "qt@tinh.gov.vn")
    );
}

#[test]
fn pages_of_the_log_meet() {
    let world = World::new();
    for n in 0..20 {
        world
            .directory
            .record(None, "test", &n.to_string(), "")
            .unwrap();
    }
    let (mut before, mut seen) = (None, Vec::new());
    loop {
        let page = world.directory.audit(before, 7).unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.number);
        seen.extend(page.iter().map(|entry| entry.number));
    }
    assert_eq!(seen, (1..=26).rev().collect::<Vec<_>>());
    assert_eq!(world.directory.audit(Some(1), 7).unwrap(), []);
    assert_eq!(world.directory.audit(Some(0), 7).unwrap(), []);
    assert_eq!(world.directory.audit(None, 0).unwrap(), []);
    let world = world.restart();
    world.directory.record(None, "test", "after", "").unwrap();
    assert_eq!(world.directory.audit(None, 1).unwrap()[0].number, 27);
    assert_eq!(world.directory.audit_check().unwrap(), None);
}

/// Changes a stored entry behind the directory's back; the check must name it.
fn check(forge: &dyn Fn(&World) -> RowChange, expected: u64) {
    let world = World::new();
    let row = forge(&world);
    world.store.commit_rows(vec![row]).unwrap();
    assert_eq!(world.directory.audit_check().unwrap(), Some(expected));
}

#[test]
fn a_forged_chain_is_noticed() {
    let key = |n: u64| n.to_be_bytes().to_vec();
    let row = |world: &World, n: u64| {
        world
            .store
            .table("directory.audit")
            .row(&key(n))
            .unwrap()
            .unwrap()
    };
    check(
        &|_| RowChange {
            table: "directory.audit",
            key: key(3),
            value: None,
        },
        3,
    );
    check(
        &|world| {
            let text = row(world, 2);
            let at = text.windows(6).position(|w| w == b"system").unwrap();
            let mut forged = text.clone();
            forged[at..at + 6].copy_from_slice(b"nobody");
            RowChange {
                table: "directory.audit",
                key: key(2),
                value: Some(forged),
            }
        },
        2,
    );
    check(
        &|world| RowChange {
            table: "directory.audit",
            key: key(4),
            value: Some(row(world, 5)),
        },
        4,
    );
    check(
        &|_| RowChange {
            table: "directory.audit",
            key: key(6),
            value: None,
        },
        6,
    );
}
