//! Every act is in the chain, in the commit that did it (I-20).

use crate::world::{PASSWORD, START_MS, World, address, agency, domain, new, peer, refused};
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
    d.create_domain(Some(&admin), domain("x.so.tinh.gov.vn"), agency("H99.1"))
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

/// Rows of the log as version 1 wrote them: without from where, why, and whom.
fn earlier_rows(count: u64) -> Vec<RowChange> {
    let mut before = [0u8; 32];
    let rows = (1..=count).map(|number| {
        let texts = ["system", "agency.create", "H99", "{\"id\":\"H99\"}"];
        let mut hasher = blake3::Hasher::new();
        hasher.update(&before);
        hasher.update(&number.to_be_bytes());
        hasher.update(&START_S.to_be_bytes());
        for text in texts {
            hasher.update(&(text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        }
        before = *hasher.finalize().as_bytes();
        let [actor, act, object, detail] = texts;
        let row = (number, START_S, actor, act, object, detail, before);
        RowChange {
            table: "directory.audit",
            key: number.to_be_bytes().to_vec(),
            value: Some(postcard::to_extend(&row, vec![1]).unwrap()),
        }
    });
    rows.collect()
}

const START_S: i64 = START_MS / 1000;

#[test]
fn i18_entries_of_version_1_are_read_and_the_chain_goes_on_over_the_step() {
    let world = World::empty();
    world.store.commit_rows(earlier_rows(5)).unwrap();
    let world = world.restart();
    let d = &world.directory;
    let found = d.audit(None, 10).unwrap();
    assert_eq!(found.len(), 5);
    assert_eq!(
        (found[0].act.as_str(), found[0].service.as_str()),
        ("agency.create", "")
    );
    assert_eq!((found[0].account, &found[0].agency), (None, &None));
    world.agency("H99", None);
    assert_eq!(d.audit(None, 1).unwrap()[0].agency.as_deref(), Some("H99"));
    assert_eq!(d.audit_check().unwrap(), None);
    // What version 1 wrote stays as it is, and cannot be turned into what version 2 writes.
    let row = world
        .store
        .table("directory.audit")
        .row(&5u64.to_be_bytes())
        .unwrap();
    let mut row = row.unwrap();
    assert_eq!(row[0], 1);
    row[0] = 9;
    let forged = RowChange {
        table: "directory.audit",
        key: 5u64.to_be_bytes().to_vec(),
        value: Some(row),
    };
    world.store.commit_rows(vec![forged]).unwrap();
    assert_eq!(d.audit_check().unwrap(), Some(5));
    d.audit(None, 10).unwrap_err();
}

/// One row of the log as version 2 wrote it: without the credential.
fn earlier_row(number: u64, before: [u8; 32]) -> RowChange {
    let (actor, act, object, detail) = ("qt@x.vn", "agency.create", "H99", "{}");
    let mut hasher = blake3::Hasher::new();
    hasher.update(&before);
    hasher.update(b"congvu audit 2\n");
    hasher.update(&number.to_be_bytes());
    hasher.update(&START_S.to_be_bytes());
    for text in [actor, act, object, detail, "H99", "vì", "192.0.2.1", "api"] {
        hasher.update(&(text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    for id in [7u32, 0] {
        hasher.update(&id.to_be_bytes());
    }
    let hash = *hasher.finalize().as_bytes();
    let whom = (Some(7u32), act, object, None::<u32>, Some("H99"));
    let origin = (detail, "vì", "192.0.2.1", "api", hash);
    let row = (number, START_S, actor, whom, origin);
    RowChange {
        table: "directory.audit",
        key: number.to_be_bytes().to_vec(),
        value: Some(postcard::to_extend(&row, vec![2]).unwrap()),
    }
}

#[test]
fn i18_entries_of_version_2_are_read_and_the_next_say_by_which_credential() {
    let world = World::empty();
    let first = earlier_rows(1);
    let before = postcard::from_bytes::<(u64, i64, &str, &str, &str, &str, [u8; 32])>(
        &first[0].value.as_ref().unwrap()[1..],
    );
    let second = earlier_row(2, before.unwrap().6);
    world.store.commit_rows(first).unwrap();
    world.store.commit_rows(vec![second]).unwrap();
    let world = world.restart();
    let d = &world.directory;
    assert_eq!(d.audit_check().unwrap(), None);
    let found = &d.audit(None, 1).unwrap()[0];
    assert_eq!(
        (
            found.reason.as_str(),
            found.service.as_str(),
            found.credential
        ),
        ("vì", "api", None)
    );
    world.agency("H99", None);
    d.create_domain(None, domain("tinh.gov.vn"), agency("H99"))
        .unwrap();
    let qt = world.officer("qt@tinh.gov.vn", directory::Role::Administrator, "H99");
    let directory::Through::Password(by) = qt.through() else {
        panic!("by a password");
    };
    d.record(Some(&qt), "queue.hold", "H99", "{}").unwrap();
    assert_eq!(d.audit(None, 1).unwrap()[0].credential, Some(by));
    assert_eq!(d.audit_check().unwrap(), None);
}

#[test]
fn an_entry_says_who_whom_why_and_from_where() {
    let world = World::new();
    let admin = world.officer("qt@tinh.gov.vn", directory::Role::Administrator, "H99");
    let an = world.person("an@tinh.gov.vn", "H99.1");
    let d = &world.directory;
    let by = admin
        .clone()
        .coming_from(peer("203.0.113.9"))
        .through_client("cli");
    let by = by.because("  đổi theo QĐ 12 ").unwrap();
    let mut changed = d.account(an.id).unwrap();
    changed.quota = Some(7);
    d.change_account(Some(&by), changed, None).unwrap();
    let entry = &d.audit(None, 1).unwrap()[0];
    assert_eq!(
        (entry.actor_id, entry.account),
        (Some(admin.account()), Some(an.id))
    );
    assert_eq!(entry.agency.as_deref(), Some("H99.1"));
    assert_eq!(entry.reason, "đổi theo QĐ 12");
    assert_eq!(
        (entry.address.as_str(), entry.service.as_str()),
        ("203.0.113.9", "cli")
    );
    assert_eq!(entry.detail, r#"{"quota":[null,7]}"#);
    for bad in ["", " ", "a\nb", "\u{202e}x", &"x".repeat(501)] {
        refused(
            admin.clone().because(bad),
            "Audit-Reason: 1 to 500 characters",
        );
    }
    // What is made or removed is known by its facts too; so is who is gone.
    d.create_alias(Some(&by), address("bi@tinh.gov.vn"), an.id)
        .unwrap();
    assert_eq!(d.audit(None, 1).unwrap()[0].account, Some(an.id));
    let new = d
        .create_account(None, new("moi@tinh.gov.vn", "H99.2"))
        .unwrap();
    let made = &d.audit(None, 1).unwrap()[0];
    assert_eq!(
        (made.account, made.agency.as_deref()),
        (Some(new.id), Some("H99.2"))
    );
    d.delete_account(None, new.id, None).unwrap();
    let gone = &d.audit(None, 1).unwrap()[0];
    assert_eq!(
        (gone.account, gone.agency.as_deref()),
        (Some(new.id), Some("H99.2"))
    );
    assert_eq!(d.audit_check().unwrap(), None);
}

const DAY_S: i64 = 24 * 3600;

#[test]
fn what_is_old_is_cut_off_and_the_rest_still_verified() {
    let world = World::new();
    let d = &world.directory;
    for n in 0..30 {
        d.record(None, "test", &n.to_string(), "").unwrap();
    }
    let last_old = d.audit(None, 1).unwrap()[0].number;
    world.pass(200 * DAY_S);
    d.record(None, "test", "young", "").unwrap();
    // Months under twelve are twelve.
    world.pass(173 * DAY_S);
    let done = d.trim_audit(1, world.now_s()).unwrap();
    assert_eq!((done.entries, done.more), (last_old, false));
    assert_eq!(d.trim_audit(1, world.now_s()).unwrap().entries, 0);
    let left = d.audit(None, 100).unwrap();
    let names: Vec<&str> = left.iter().map(|entry| entry.act.as_str()).collect();
    assert_eq!(names, ["audit.trim", "test"]);
    assert_eq!(left[1].number, last_old + 1);
    let found = d.audit_verify(&mut |_, _| true).unwrap();
    assert_eq!(
        (found.first, found.last, found.checked),
        (last_old + 1, last_old + 2, 2)
    );
    assert_eq!(found.broken, None);
    assert_eq!(d.audit(Some(last_old), 5).unwrap(), []);
    assert_eq!(d.audit(Some(last_old + 2), 5).unwrap().len(), 1);
    let world = world.restart();
    let d = &world.directory;
    d.record(None, "test", "after", "").unwrap();
    assert_eq!(d.audit(None, 1).unwrap()[0].number, last_old + 3);
    assert_eq!(d.audit_check().unwrap(), None);
    // A second cut follows on the first.
    world.pass(400 * DAY_S);
    assert_eq!(d.trim_audit(12, world.now_s()).unwrap().entries, 3);
    assert_eq!(d.audit_check().unwrap(), None);
    assert_eq!(d.audit(None, 9).unwrap().len(), 1);
}

#[test]
fn a_cut_that_no_entry_tells_of_is_noticed_and_a_broken_chain_is_not_cut() {
    let world = World::new();
    let d = &world.directory;
    world.pass(400 * DAY_S);
    d.trim_audit(12, world.now_s()).unwrap();
    let trim = d.audit(None, 1).unwrap()[0].number;
    d.record(None, "test", "x", "").unwrap();
    // Somebody cuts one entry more off than the log says.
    let hash = d.audit(Some(trim + 1), 1).unwrap()[0].hash;
    let rows = [
        ("directory.audit", trim.to_be_bytes().to_vec(), None),
        (
            "directory.counter",
            b"audit_cut".to_vec(),
            Some(postcard::to_extend(&(trim, hash), vec![1]).unwrap()),
        ),
    ];
    let rows = rows.map(|(table, key, value)| RowChange { table, key, value });
    world.store.commit_rows(rows.to_vec()).unwrap();
    let found = d.audit_verify(&mut |_, _| true).unwrap();
    assert_eq!(
        found.broken,
        Some((trim + 1, directory::audit::Broken::CutOff))
    );

    let world = World::new();
    let gone = RowChange {
        table: "directory.audit",
        key: 3u64.to_be_bytes().to_vec(),
        value: None,
    };
    world.store.commit_rows(vec![gone]).unwrap();
    world.pass(400 * DAY_S);
    let broken = world.directory.trim_audit(12, world.now_s()).unwrap_err();
    let corrupt = matches!(
        broken,
        directory::Error::Storage(storage::Error::Corrupt(_))
    );
    assert!(corrupt, "{broken:?}");
}
