//! What somebody reads of another's by virtue of an office: with a reason, for a time, in the log, shown to the owner.

use crate::world::{World, refused};
use directory::reading::WINDOW_S;
use directory::{Access, AccountId, Capability, NewOrder, Role, Scope};
use formats::date::Day;
use serde_json::json;

/// An administrator of all, and whose mail is read.
fn begin() -> (World, Access, AccountId) {
    let world = World::new();
    let admin = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let an = world.person("an@tinh.gov.vn", "H99.1").id;
    (world, admin, an)
}

fn removed(world: &World, by: &Access, id: AccountId) -> Result<(), directory::Error> {
    let right = Capability::RecoverMail;
    let d = &world.directory;
    d.custody(Some(by), id, right, "mail.removed", "{}")
        .map(drop)
}

/// Reasons that the owner sees, newest first.
fn shown(world: &World, id: AccountId) -> Vec<String> {
    let (found, _) = world.directory.readings_of(id, None, 50, false).unwrap();
    found
        .into_iter()
        .map(|(reading, _)| reading.reason)
        .collect()
}

#[test]
fn i20_a_privileged_read_has_a_reason_before_it_takes_effect() {
    let (world, admin, an) = begin();
    let d = &world.directory;
    let before = d.audit(None, 1).unwrap()[0].number;
    refused(removed(&world, &admin, an), "Audit-Reason: ");
    assert_eq!(d.audit(None, 1).unwrap()[0].number, before);
    let why = admin.clone().because("mất thư").unwrap();
    removed(&world, &why, an).unwrap();
    let log = d.audit(None, 2).unwrap();
    assert_eq!(
        (log[0].act.as_str(), log[1].act.as_str()),
        ("mail.removed", "read.open")
    );
    for entry in &log {
        assert_eq!(
            (entry.reason.as_str(), entry.account),
            ("mất thư", Some(an))
        );
    }
    assert!(
        log[0]
            .detail
            .contains(&format!("\"read\":{}", log[1].number))
    );
    assert_eq!(shown(&world, an), ["mất thư"]);
    // One's own mail needs none.
    removed(&world, &admin, admin.account()).unwrap();
    assert_eq!(shown(&world, admin.account()), Vec::<String>::new());
}

#[test]
fn a_reason_holds_for_its_scope_its_sign_in_and_its_time() {
    let (world, admin, an) = begin();
    let other = world.person("binh@tinh.gov.vn", "H99.1").id;
    removed(&world, &admin.clone().because("a").unwrap(), an).unwrap();
    removed(&world, &admin, an).unwrap();
    refused(removed(&world, &admin, other), "Audit-Reason: ");
    refused(
        world.directory.open_reading(&admin, Scope::Trace),
        "Audit-Reason: ",
    );
    let token = world.directory.create_credential(
        None,
        admin.account(),
        directory::CredentialKind::Token,
        "x",
        None,
    );
    let (_, secret) = token.unwrap();
    let peer = crate::world::api("192.0.2.7");
    let by_token = world.directory.sign_in_token(&secret, peer).unwrap();
    refused(removed(&world, &by_token, an), "Audit-Reason: ");
    assert_eq!(shown(&world, an), ["a"]);
    // The same reason again opens nothing new, another one does.
    removed(&world, &admin.clone().because("a").unwrap(), an).unwrap();
    removed(&world, &admin.clone().because("b").unwrap(), an).unwrap();
    assert_eq!(shown(&world, an), ["b", "a"]);
    world.pass(WINDOW_S - 1);
    removed(&world, &admin, an).unwrap();
    world.pass(1);
    refused(removed(&world, &admin, an), "Audit-Reason: ");
    drop((admin, by_token));
    let world = world.restart();
    assert_eq!(shown(&world, an), ["b", "a"]);
}

#[test]
fn each_whose_mail_was_shown_sees_it_once() {
    let (world, admin, an) = begin();
    let binh = world.person("binh@tinh.gov.vn", "H99.2").id;
    let d = &world.directory;
    let by = admin.clone().because("tìm thư").unwrap();
    let opened = d.open_reading(&by, Scope::Trace).unwrap();
    opened
        .enter("trace.search", "trace", json!({}), &[])
        .unwrap();
    assert_eq!(shown(&world, an), Vec::<String>::new());
    opened.tell(&[an, binh, admin.account()]).unwrap();
    opened.tell(&[an]).unwrap();
    let again = d.open_reading(&admin, Scope::Trace).unwrap();
    assert_eq!(again.id(), opened.id());
    again
        .enter("trace.read", "trace/x", json!({}), &[binh])
        .unwrap();
    for (id, expected) in [(an, 1), (binh, 1), (admin.account(), 0)] {
        assert_eq!(shown(&world, id).len(), expected);
    }
    // Pages meet.
    for n in 0..7 {
        let by = admin.clone().because(&n.to_string()).unwrap();
        d.open_reading(&by, Scope::Mail(an)).unwrap();
    }
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let (page, last) = d.readings_of(an, after, 3, false).unwrap();
        seen.extend(page.into_iter().map(|(reading, _)| reading.reason));
        after = last;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["6", "5", "4", "3", "2", "1", "0", "tìm thư"]);
}

fn order(world: &World) -> NewOrder {
    NewOrder {
        number: "15/QĐ-CQĐT".to_owned(),
        date: Day::parse("2026-11-20").unwrap(),
        issuer: "Công an tỉnh".to_owned(),
        hidden_until: world.now_s() + 30 * 24 * 3600,
    }
}

#[test]
fn a_legal_order_hides_a_read_from_its_owner_for_a_time() {
    let (world, admin, an) = begin();
    let d = &world.directory;
    let made = d.record_order(Some(&admin), an, order(&world)).unwrap();
    assert_eq!(d.audit(None, 1).unwrap()[0].number, made.id);
    let orders = d.orders(Some(&admin), an).unwrap();
    assert_eq!(orders, std::slice::from_ref(&made));
    let by = admin.clone().because("theo lệnh").unwrap();
    removed(&world, &by.clone().under_order(made.id), an).unwrap();
    removed(&world, &by, an).unwrap();
    // Only what names the order is hidden; who looks after the log sees both.
    assert_eq!(shown(&world, an).len(), 1);
    assert_eq!(d.readings_of(an, None, 9, true).unwrap().0.len(), 2);
    // An order is about one account.
    let binh = world.person("binh@tinh.gov.vn", "H99.1").id;
    refused(
        removed(&world, &by.clone().under_order(made.id), binh),
        "Legal-Order: ",
    );
    refused(
        removed(&world, &by.clone().under_order(999), an),
        "Legal-Order: ",
    );
    world.pass(31 * 24 * 3600);
    assert_eq!(shown(&world, an).len(), 2);
    refused(
        removed(&world, &by.under_order(made.id), an),
        "Legal-Order: ",
    );
}

#[test]
fn i17_orders_are_recorded_by_who_may_and_never_shown_to_their_subject() {
    let (world, admin, an) = begin();
    let d = &world.directory;
    let subject = world.officer("sep@tinh.gov.vn", Role::Administrator, "H99");
    let about = d
        .record_order(Some(&admin), subject.account(), order(&world))
        .unwrap();
    refused(d.orders(Some(&subject), subject.account()), "not allowed");
    refused(
        d.end_order(Some(&subject), subject.account(), about.id),
        "not allowed",
    );
    let stranger = world.officer("la@tinh.gov.vn", Role::Administrator, "H99.2");
    refused(
        d.record_order(Some(&stranger), an, order(&world)),
        "account not found",
    );
    refused(d.end_order(Some(&admin), an, about.id), "order not found");
    for (field, wrong) in [
        (
            "number",
            NewOrder {
                number: " ".into(),
                ..order(&world)
            },
        ),
        (
            "issuer",
            NewOrder {
                issuer: "a\nb".into(),
                ..order(&world)
            },
        ),
        (
            "date",
            NewOrder {
                date: Day::parse("2030-01-01").unwrap(),
                ..order(&world)
            },
        ),
        (
            "hidden_until",
            NewOrder {
                hidden_until: world.now_s(),
                ..order(&world)
            },
        ),
        (
            "hidden_until",
            NewOrder {
                hidden_until: world.now_s() + 367 * 24 * 3600,
                ..order(&world)
            },
        ),
    ] {
        refused(d.record_order(Some(&admin), an, wrong), field);
    }
    let by = admin.clone().because("theo lệnh").unwrap();
    removed(&world, &by.under_order(about.id), subject.account()).unwrap();
    assert_eq!(shown(&world, subject.account()), Vec::<String>::new());
    d.end_order(Some(&admin), subject.account(), about.id)
        .unwrap();
    assert_eq!(shown(&world, subject.account()), ["theo lệnh"]);
    assert_eq!(d.audit_check().unwrap(), None);
}

#[test]
fn what_owners_see_goes_with_the_entries_that_are_cut_off() {
    let (world, admin, an) = begin();
    removed(&world, &admin.clone().because("cũ").unwrap(), an).unwrap();
    world.pass(400 * 24 * 3600);
    let admin = world.enter("qt@tinh.gov.vn");
    removed(&world, &admin.because("mới").unwrap(), an).unwrap();
    assert_eq!(shown(&world, an), ["mới", "cũ"]);
    world.directory.trim_audit(12, world.now_s()).unwrap();
    assert_eq!(shown(&world, an), ["mới"]);
    let rows = |table| world.store.table(table).rows(&[], None, 99).unwrap().len();
    assert_eq!(
        (rows("directory.reading"), rows("directory.read_of")),
        (1, 1)
    );
}

#[test]
fn i18_impersonations_of_version_1_are_read() {
    let world = World::new();
    let admin = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let an = world.person("an@tinh.gov.vn", "H99.1").id;
    let credential = world.directory.credentials(None, admin.account()).unwrap()[0].id;
    let now = world.now_s();
    let who = (
        9u64,
        an.raw(),
        admin.account().raw(),
        "qt@tinh.gov.vn",
        credential.0,
    );
    let when = ("x", now, now + 60, None::<i64>, None::<u64>);
    let row = (who, when, 3u32, None::<i64>, [7u8; 32]);
    let row = storage::RowChange {
        table: "directory.impersonation",
        key: 9u64.to_be_bytes().to_vec(),
        value: Some(postcard::to_extend(&row, vec![1]).unwrap()),
    };
    world.store.commit_rows(vec![row]).unwrap();
    drop(admin);
    let world = world.restart();
    let listed = world
        .directory
        .impersonations(&world.enter("qt"), an)
        .unwrap();
    assert_eq!(
        (listed[0].0.id, listed[0].0.sittings, listed[0].1),
        (9, 3, true)
    );
}
