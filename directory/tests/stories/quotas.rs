//! Limits come down the tree, hold over restarts and moves, and are not lifted by those whom they bind.

use crate::world::{World, address, agency, new};
use directory::{AccountId, Agency, AgencyQuota, Error, Quota, Role};
use storage::{Append, Bound, Store};

const LETTER: &[u8] = b"From: a@x.vn\r\nSubject: Chao\r\n\r\nx\r\n";

pub(crate) fn append(store: &Store, account: AccountId) -> Result<(), storage::Error> {
    let mail = store.account(account);
    let inbox = mail.by_role(storage::Role::Inbox)?.unwrap().id;
    let blob = mail.put_blob(LETTER)?;
    let mut writer = mail.write()?;
    writer.append(Append {
        blob,
        summary: &formats::message::summarize(LETTER),
        received_at: 1,
        keywords: Vec::new(),
        mailboxes: vec![inbox],
        delivery: None,
    })?;
    writer.commit().map(drop)
}

/// Whose limit refuses one more letter.
fn refused_by(world: &World, name: &str) -> Option<String> {
    match append(&world.store, world.id(name)) {
        Ok(()) => None,
        Err(storage::Error::OverQuota(bound @ Bound::Group(_))) => {
            Some(world.directory.agency_of(bound).unwrap().to_string())
        }
        Err(storage::Error::OverQuota(_)) => Some("account".to_owned()),
        Err(other) => panic!("{other}"),
    }
}

fn set(world: &World, id: &str, edit: impl Fn(&mut Agency)) {
    let mut row = world.directory.agency(&agency(id)).unwrap();
    edit(&mut row);
    world.directory.change_agency(None, row, None).unwrap();
}

fn messages(max: u64) -> Quota {
    Quota {
        octets: None,
        messages: Some(max),
    }
}

fn held(world: &World, id: &str) -> u64 {
    let used = world.directory.agency_usage(&agency(id)).unwrap();
    used.usage.messages
}

#[test]
fn an_agency_is_full_with_all_below_it() {
    let world = World::new();
    for (name, at) in [("a", "H99.2"), ("b", "H99.2.1"), ("c", "H99.1")] {
        let account = new(&format!("{name}@tinh.gov.vn"), at);
        world.directory.create_account(None, account).unwrap();
    }
    let (a, b, c) = ("a@tinh.gov.vn", "b@tinh.gov.vn", "c@tinh.gov.vn");
    set(&world, "H99.2", |row| row.quota.total = messages(2));
    assert_eq!(refused_by(&world, a), None);
    assert_eq!(refused_by(&world, b), None);
    assert_eq!(refused_by(&world, b), Some("H99.2".to_owned()));
    assert_eq!(refused_by(&world, c), None);
    assert_eq!((held(&world, "H99.2"), held(&world, "H99")), (2, 3));
    // Rows are the truth: after a restart the store is told again and counts anew.
    let world = world.restart();
    assert_eq!(refused_by(&world, a), Some("H99.2".to_owned()));
    assert_eq!(refused_by(&world, c), None);
    assert_eq!((held(&world, "H99.2"), held(&world, "H99")), (2, 4));
    // Who moves takes his mail along.
    let mut moved = world.directory.account_at(&address(b)).unwrap();
    moved.agency = agency("H99.1");
    world.directory.change_account(None, moved, None).unwrap();
    assert_eq!(refused_by(&world, a), None);
    assert_eq!((held(&world, "H99.2"), held(&world, "H99.1")), (2, 3));
    // An agency that moves takes its own.
    set(&world, "H99.1", |row| row.parent = Some(agency("H99.2")));
    assert_eq!(held(&world, "H99.2"), 5);
    assert_eq!(refused_by(&world, c), Some("H99.2".to_owned()));
    // Who is gone holds nothing.
    let gone = world.id(c);
    world.directory.delete_account(None, gone, None).unwrap();
    assert_eq!(held(&world, "H99"), 3);
    let used = world.directory.account_usage(world.id(a)).unwrap();
    assert_eq!(used.usage.messages, 2);
    assert!(world.directory.account_usage(gone).is_err());
}

#[test]
fn what_an_account_may_hold_comes_down_the_tree() {
    let world = World::new();
    let d = &world.directory;
    let person = |name: &str, at: &str| {
        let account = new(&format!("{name}@tinh.gov.vn"), at);
        d.create_account(None, account).unwrap().id
    };
    let (deep, own) = (person("deep", "H99.2.1"), person("own", "H99.2.1"));
    let mut account = d.account(own).unwrap();
    (account.quota, account.messages_max) = (Some(7), Some(8));
    d.change_account(None, account, None).unwrap();
    let check = |expected: (u64, Option<u64>, u8)| {
        let limits = d.limits(deep);
        let got = (limits.octets.unwrap(), limits.messages, limits.soft_percent);
        assert_eq!(got, expected);
        assert_eq!(d.account_usage(deep).unwrap().limits, limits);
        let limits = d.limits(own);
        assert_eq!((limits.octets, limits.messages), (Some(7), Some(8)));
        assert_eq!(d.account_usage(own).unwrap().limits, limits);
    };
    check((1 << 30, None, 90));
    set(&world, "H99", |row| {
        row.quota = AgencyQuota {
            each: Quota {
                octets: Some(100),
                messages: Some(5),
            },
            soft_percent: Some(80),
            ..AgencyQuota::default()
        };
    });
    check((100, Some(5), 80));
    set(&world, "H99.2", |row| row.quota.each.octets = Some(50));
    check((50, Some(5), 80));
    set(&world, "H99.2.1", |row| row.quota.soft_percent = Some(60));
    check((50, Some(5), 60));
    set(&world, "H99.2", |row| row.quota.each.octets = None);
    check((100, Some(5), 60));
}

#[test]
fn a_limit_is_set_from_above() {
    let world = World::new();
    let own = world.officer("own@tinh.gov.vn", Role::Administrator, "H99.2");
    let above = world.officer("above@tinh.gov.vn", Role::Administrator, "H99");
    let d = &world.directory;
    let change = |by: &directory::Access, id: &str, edit: &dyn Fn(&mut AgencyQuota)| {
        let mut row = d.agency(&agency(id)).unwrap();
        edit(&mut row.quota);
        match d.change_agency(Some(by), row, None) {
            Ok(_) => "ok".to_owned(),
            Err(Error::Denied(_)) => "denied".to_owned(),
            Err(error) => error.to_string(),
        }
    };
    let total: &dyn Fn(&mut AgencyQuota) = &|quota| quota.total = messages(9);
    let each: &dyn Fn(&mut AgencyQuota) = &|quota| quota.each = messages(9);
    assert_eq!(change(&own, "H99.2", total), "denied");
    assert_eq!(change(&own, "H99.2", each), "ok");
    assert_eq!(change(&own, "H99.2.1", total), "ok");
    assert_eq!(change(&above, "H99.2", total), "ok");
    assert_eq!(change(&above, "H99", total), "ok", "nobody is above");
    let soft: &dyn Fn(&mut AgencyQuota) = &|quota| quota.soft_percent = Some(0);
    assert_eq!(
        change(&above, "H99", soft),
        "soft_percent: a number from 1 to 100"
    );
    let large: &dyn Fn(&mut AgencyQuota) = &|quota| quota.total.octets = Some(u64::MAX);
    assert!(change(&above, "H99", large).starts_with("quota: a number of at most"));
}
