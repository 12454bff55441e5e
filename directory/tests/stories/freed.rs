//! Addresses that nobody has any more: they rest, and nothing names them.

use crate::world::{PASSWORD, World, address, agency, domain, new, refused};
use directory::policy::{Key, Said, Value};
use directory::{
    Access, Account, AccountKind, Forwarding, ListRules, NewAccount, Posting, Role, Secret,
};

const DAY_S: i64 = 24 * 60 * 60;

fn make(world: &World, by: &Access, name: &str, at: &str) -> Result<Account, directory::Error> {
    world.directory.create_account(Some(by), new(name, at))
}

fn delete(world: &World, name: &str) {
    let id = world.id(name);
    world.directory.delete_account(None, id, None).unwrap();
}

fn named(world: &World, list: &str) -> Vec<String> {
    let list = world.directory.account(world.id(list)).unwrap();
    let AccountKind::List { members } = list.kind else {
        panic!("{list:?} is no list")
    };
    members.iter().map(ToString::to_string).collect()
}

#[test]
fn only_who_looks_after_the_agency_gives_a_freed_address_away_again() {
    let world = World::new();
    let own = world.officer("qt1@tinh.gov.vn", Role::Administrator, "H99.1");
    let other = world.officer("qt2@tinh.gov.vn", Role::Administrator, "H99.2");
    let above = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let d = &world.directory;
    let an = world.person("an@tinh.gov.vn", "H99.1").id;
    d.create_alias(None, address("vt@tinh.gov.vn"), an).unwrap();
    d.create_alias(None, address("vt2@tinh.gov.vn"), an)
        .unwrap();
    let binh = world.person("binh@tinh.gov.vn", "H99.2").id;
    let taken = |name: &str| {
        refused(
            make(&world, &other, name, "H99.2"),
            &format!("{name} exists"),
        );
        let alias = world
            .directory
            .create_alias(Some(&other), address(name), binh);
        refused(alias, &format!("{name} exists"));
        // As it is told of one that is had.
        refused(
            make(&world, &other, "qt1@tinh.gov.vn", "H99.2"),
            "qt1@tinh.gov.vn exists",
        );
    };
    d.delete_alias(None, &address("vt2@tinh.gov.vn"), None)
        .unwrap();
    delete(&world, "an@tinh.gov.vn");
    for name in [
        "an@tinh.gov.vn",
        "AN@tinh.gov.vn",
        "vt@tinh.gov.vn",
        "vt2@tinh.gov.vn",
    ] {
        taken(name);
    }
    let of = Some(domain("tinh.gov.vn"));
    d.create_domain_for(None, domain("cu.gov.vn"), agency("H99"), of)
        .unwrap();
    let there = d.create_alias(Some(&other), address("an@cu.gov.vn"), binh);
    refused(there, "an@cu.gov.vn exists");
    // Those of the agency, and those above it.
    make(&world, &own, "vt@tinh.gov.vn", "H99.1").unwrap();
    make(&world, &above, "vt2@tinh.gov.vn", "H99.2").unwrap();
    // Over a restart, until its time is over.
    drop((own, other, above));
    let world = world.restart();
    let other = world.enter("qt2@tinh.gov.vn");
    world.pass(180 * DAY_S - 60);
    refused(
        make(&world, &other, "an@tinh.gov.vn", "H99.2"),
        "an@tinh.gov.vn exists",
    );
    world.pass(60);
    make(&world, &other, "an@tinh.gov.vn", "H99.2").unwrap();
}

#[test]
fn the_agency_that_had_it_rules_how_long_it_rests() {
    let world = World::new();
    let other = world.officer("qt2@tinh.gov.vn", Role::Administrator, "H99.2");
    let d = &world.directory;
    let said = Said {
        value: Value::Number(10),
        locked: false,
    };
    let mut policy = d.agency_policy(None, &agency("H99.1")).unwrap();
    policy.said.insert(Key::AddressDays, said);
    d.set_agency_policy(None, policy, None).unwrap();
    world.person("an@tinh.gov.vn", "H99.1");
    delete(&world, "an@tinh.gov.vn");
    world.pass(10 * DAY_S - 1);
    refused(
        make(&world, &other, "an@tinh.gov.vn", "H99.2"),
        "an@tinh.gov.vn exists",
    );
    world.pass(1);
    make(&world, &other, "an@tinh.gov.vn", "H99.2").unwrap();
    // Its agency is gone too: who stands at the top gives it away.
    world.agency("H99.3", Some("H99"));
    world.person("chi@tinh.gov.vn", "H99.3");
    delete(&world, "chi@tinh.gov.vn");
    d.delete_agency(None, &agency("H99.3"), None).unwrap();
    refused(
        make(&world, &other, "chi@tinh.gov.vn", "H99.2"),
        "chi@tinh.gov.vn exists",
    );
    let above = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    make(&world, &above, "chi@tinh.gov.vn", "H99.2").unwrap();
}

#[test]
fn nothing_names_who_is_gone() {
    let world = World::new();
    let d = &world.directory;
    let an = world.person("an@tinh.gov.vn", "H99.1").id;
    let binh = world.person("binh@tinh.gov.vn", "H99.1").id;
    let of = Some(domain("tinh.gov.vn"));
    d.create_domain_for(None, domain("cu.gov.vn"), agency("H99"), of)
        .unwrap();
    d.create_alias(None, address("an2@tinh.gov.vn"), an)
        .unwrap();
    world.list(
        "ds@tinh.gov.vn",
        &[
            "An@tinh.gov.vn",
            "binh@tinh.gov.vn",
            "an2@tinh.gov.vn",
            "an+viec@tinh.gov.vn",
            "an@cu.gov.vn",
            "an@noi.vn",
        ],
    );
    let list = world.id("ds@tinh.gov.vn");
    let rules = ListRules {
        posting: Posting::Named,
        posters: vec![address("an@tinh.gov.vn"), address("binh@tinh.gov.vn")],
        owner: Some(address("an@tinh.gov.vn")),
        ..d.list_rules(None, list).unwrap()
    };
    d.set_list_rules(None, rules, None).unwrap();
    let forwarding = Forwarding {
        account: binh,
        to: vec![address("an@tinh.gov.vn")],
        keep: false,
        version: 0,
    };
    d.set_forwarding(None, forwarding, None).unwrap();
    delete(&world, "an@tinh.gov.vn");
    let told = |world: &World| {
        let d = &world.directory;
        assert_eq!(
            named(world, "ds@tinh.gov.vn"),
            ["binh@tinh.gov.vn", "an@noi.vn"]
        );
        let rules = d.list_rules(None, list).unwrap();
        assert_eq!(
            (rules.posters, rules.owner),
            (vec![address("binh@tinh.gov.vn")], None)
        );
        assert!(d.forwarding(None, binh).unwrap().to.is_empty());
    };
    told(&world);
    // The log tells it of each of them.
    let log = d.audit(None, 10);
    let acts: Vec<(String, String)> = log
        .unwrap()
        .into_iter()
        .map(|e| (e.act, e.object))
        .collect();
    for (act, object) in [
        ("account.delete", "an@tinh.gov.vn"),
        ("account.change", "ds@tinh.gov.vn"),
        ("account.list", "ds@tinh.gov.vn"),
        ("account.forwarding", "binh@tinh.gov.vn"),
    ] {
        let named = |(a, o): &(String, String)| (a.as_str(), o.as_str()) == (act, object);
        assert!(acts.iter().any(named), "{act} {object}: {acts:?}");
    }
    let world = world.restart();
    told(&world);
    world.person("an@tinh.gov.vn", "H99.2");
    told(&world);
}

#[test]
fn who_keeps_another_address_stays_named_by_that() {
    let world = World::new();
    let d = &world.directory;
    let an = world.person("an@tinh.gov.vn", "H99.1");
    world.person("binh@tinh.gov.vn", "H99.1");
    for alias in ["vt@tinh.gov.vn", "ke@tinh.gov.vn"] {
        d.create_alias(None, address(alias), an.id).unwrap();
    }
    world.list("ds@tinh.gov.vn", &["vt@tinh.gov.vn", "binh@tinh.gov.vn"]);
    world.list("ds2@tinh.gov.vn", &["an@tinh.gov.vn", "vt@tinh.gov.vn"]);
    d.delete_alias(None, &address("vt@tinh.gov.vn"), None)
        .unwrap();
    assert_eq!(
        named(&world, "ds@tinh.gov.vn"),
        ["an@tinh.gov.vn", "binh@tinh.gov.vn"]
    );
    assert_eq!(named(&world, "ds2@tinh.gov.vn"), ["an@tinh.gov.vn"]);
    // The main address becomes another one.
    let mut row = d.account(an.id).unwrap();
    row.address = address("an.nguyen@tinh.gov.vn");
    d.change_account(None, row, None).unwrap();
    assert_eq!(named(&world, "ds2@tinh.gov.vn"), ["an.nguyen@tinh.gov.vn"]);
    // One that changes places with an alias is had still.
    let mut row = d.account(an.id).unwrap();
    row.address = address("ke@tinh.gov.vn");
    d.change_account(None, row, None).unwrap();
    assert_eq!(named(&world, "ds2@tinh.gov.vn"), ["an.nguyen@tinh.gov.vn"]);
    // His own comes back to him, whoever gives it.
    let own = world.officer("qt1@tinh.gov.vn", Role::Administrator, "H99.1");
    d.create_alias(Some(&own), address("vt@tinh.gov.vn"), an.id)
        .unwrap();
}

#[test]
fn a_list_that_goes_with_its_member_stays_gone() {
    let world = World::new();
    let an = world.person("an@tinh.gov.vn", "H99.1").id;
    world.list("ds@tinh.gov.vn", &["an@tinh.gov.vn"]);
    world.list("ds2@tinh.gov.vn", &["ds@tinh.gov.vn", "an@tinh.gov.vn"]);
    delete(&world, "ds@tinh.gov.vn");
    assert_eq!(named(&world, "ds2@tinh.gov.vn"), ["an@tinh.gov.vn"]);
    delete(&world, "an@tinh.gov.vn");
    let world = world.restart();
    assert!(
        world
            .directory
            .account_at(&address("ds@tinh.gov.vn"))
            .is_err()
    );
    assert!(named(&world, "ds2@tinh.gov.vn").is_empty());
    assert!(world.directory.account(an).is_err());
}

#[test]
fn i07_who_gets_an_alias_as_his_address_sees_nothing_of_who_had_it() {
    let world = World::new();
    let d = &world.directory;
    let first = world.person("an@tinh.gov.vn", "H99.1").id;
    d.create_alias(None, address("vt@tinh.gov.vn"), first)
        .unwrap();
    let old = world.store.account(first).mailboxes().unwrap();
    delete(&world, "an@tinh.gov.vn");
    let second = d.create_account(
        None,
        NewAccount {
            ..new("vt@tinh.gov.vn", "H99.1")
        },
    );
    let second = second.unwrap().id;
    d.set_password(None, second, &Secret::new(PASSWORD))
        .unwrap();
    // A mail program that signed in by the alias remembers the mailboxes by these.
    let now = world.store.account(second).mailboxes().unwrap();
    let mut same = now
        .iter()
        .filter(|n| old.iter().any(|o| o.uid_validity == n.uid_validity));
    assert!(!now.is_empty() && same.next().is_none());
}
