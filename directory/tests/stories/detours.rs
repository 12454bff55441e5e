//! Ways round what an administrator may not do: each ends where the straight one does.

use crate::quotas::append;
use crate::world::{World, address, agency, api, domain, new};
use directory::policy::{Key, Said, Value};
use directory::{
    Access, AccountKind, CredentialKind, Error, Grant, GrantId, GrantLimits, Measure, NewAccount,
    Role,
};

/// Leaves these acts of an agency to two.
fn two(world: &World, at: &str, acts: &[&str]) {
    let d = &world.directory;
    let mut policy = d.agency_policy(None, &agency(at)).unwrap();
    let value = Value::Words(acts.iter().map(|act| (*act).to_owned()).collect());
    let said = Said {
        value,
        locked: false,
    };
    policy.said.insert(Key::TwoPersons, said);
    d.set_agency_policy(None, policy, None).unwrap();
}

fn turn(world: &World, by: Option<&Access>, name: &str, kind: AccountKind) -> Result<(), Error> {
    let d = &world.directory;
    let mut account = d.account_at(&address(name)).unwrap();
    account.kind = kind;
    d.change_account(by, account, None).map(drop)
}

/// A letter in the inbox.
fn letter(world: &World, name: &str) {
    append(&world.store, world.id(name)).unwrap();
}

#[test]
fn a_persons_mailbox_never_gets_members() {
    let world = World::new();
    let admin = world.officer("qt2@tinh.gov.vn", Role::Administrator, "H99.2");
    world.person("xa@tinh.gov.vn", "H99.2.1");
    let shared = || AccountKind::Shared;
    let resource = AccountKind::Resource;
    for kind in [shared(), resource.clone()] {
        assert_eq!(
            turn(&world, Some(&admin), "xa@tinh.gov.vn", kind),
            Err(Error::Lived)
        );
    }
    // Mail alone is enough, and a list on the way changes nothing.
    let d = &world.directory;
    d.create_account(None, new("thu@tinh.gov.vn", "H99.2.1"))
        .unwrap();
    letter(&world, "thu@tinh.gov.vn");
    assert_eq!(
        turn(&world, None, "thu@tinh.gov.vn", shared()),
        Err(Error::Lived)
    );
    let list = AccountKind::List {
        members: Vec::new(),
    };
    turn(&world, None, "thu@tinh.gov.vn", list).unwrap();
    assert_eq!(
        turn(&world, None, "thu@tinh.gov.vn", shared()),
        Err(Error::Lived)
    );
    // Made by mistake and never used it may become the other; its members go with that.
    let made = new("vanthu@tinh.gov.vn", "H99.2.1");
    let office = d.create_account(None, made).unwrap().id;
    turn(&world, Some(&admin), "vanthu@tinh.gov.vn", shared()).unwrap();
    let rights = directory::Rights::parse("lr").unwrap();
    d.set_member(Some(&admin), office, admin.account(), rights, None)
        .unwrap();
    turn(
        &world,
        Some(&admin),
        "vanthu@tinh.gov.vn",
        AccountKind::Person,
    )
    .unwrap();
    assert_eq!(d.members(None, office).unwrap().entries, []);
    turn(&world, Some(&admin), "vanthu@tinh.gov.vn", shared()).unwrap();
    assert!(admin.rights(office, None).is_empty());
    // What came meanwhile is the members' alone.
    letter(&world, "vanthu@tinh.gov.vn");
    assert_eq!(
        turn(&world, None, "vanthu@tinh.gov.vn", AccountKind::Person),
        Err(Error::Lived)
    );
    turn(&world, None, "vanthu@tinh.gov.vn", resource).unwrap();
}

#[test]
fn what_is_approved_of_a_hold_is_not_of_the_next_of_its_name() {
    let world = World::new();
    let asks = world.officer("qt2@tinh.gov.vn", Role::Administrator, "H99.2");
    let asks = asks.because("thanh tra").unwrap();
    let second = world.officer("qt3@tinh.gov.vn", Role::Administrator, "H99.2");
    let xa = world.person("xa@tinh.gov.vn", "H99.2.1").id;
    two(&world, "H99.2", &["export_mail"]);
    world.pass(60);
    let d = &world.directory;
    let from = Some(world.now_s() - 3600);
    d.place_hold(Some(&asks), xa, "h1", from, "vụ A").unwrap();
    let read = || d.held_mail(Some(&asks), xa, "h1", "{}").map(drop);
    let Err(Error::Awaiting(first)) = read() else {
        panic!("one alone reads it");
    };
    let shown = d.approval(&second, first).unwrap().detail;
    for told in ["vụ A", "placed_at", "\"from\":\"2026"] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    d.decide(&second, first, true).unwrap();
    read().unwrap();
    d.release_hold(Some(&asks), xa, "h1").unwrap();
    d.place_hold(Some(&asks), xa, "h1", None, "vụ B").unwrap();
    let again = read();
    assert!(
        matches!(again, Err(Error::Awaiting(id)) if id != first),
        "{again:?}"
    );
}

#[test]
fn a_commune_takes_no_name_that_is_not_its_own() {
    let world = World::new();
    let d = &world.directory;
    d.set_host(domain("mail.example.vn"));
    let top = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let commune = world.officer("qt2@tinh.gov.vn", Role::Administrator, "H99.2");
    let own = world.officer("qt1@tinh.gov.vn", Role::Administrator, "H99.1");
    let make = |by: &Access, name: &str, at: &str| {
        let made = d.create_domain(Some(by), domain(name), agency(at));
        made.map(drop)
    };
    for name in [
        "chinhphu.vn",
        "gov.vn",
        "mail.tinh.gov.vn",
        "x.so.tinh.gov.vn",
        "mail.example.vn",
    ] {
        let done = make(&commune, name, "H99.2");
        assert!(
            matches!(done, Err(Error::Invalid { field: "name", .. })),
            "{name}: {done:?}"
        );
    }
    assert!(make(&top, "mail.example.vn", "H99").is_err());
    make(&own, "x.so.tinh.gov.vn", "H99.1").unwrap();
    make(&top, "tinh2.gov.vn", "H99.2").unwrap();
    make(&commune, "xa.tinh2.gov.vn", "H99.2.1").unwrap();
}

#[test]
fn names_of_roles_are_given_by_who_manages_the_domain() {
    let world = World::new();
    let d = &world.directory;
    let top = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let commune = world.officer("qt2@tinh.gov.vn", Role::Administrator, "H99.2");
    let xa = world.person("xa@tinh.gov.vn", "H99.2.1").id;
    for name in ["admin", "Abuse", "root", "hostmaster", "webmaster", "noc"] {
        let name = format!("{name}@tinh.gov.vn");
        let made = d.create_account(Some(&commune), new(&name, "H99.2"));
        assert!(
            matches!(
                made,
                Err(Error::Invalid {
                    field: "address",
                    ..
                })
            ),
            "{name}: {made:?}"
        );
        assert!(d.create_alias(Some(&commune), address(&name), xa).is_err());
    }
    let mut renamed = d.account(xa).unwrap();
    renamed.address = address("security@tinh.gov.vn");
    assert!(d.change_account(Some(&commune), renamed, None).is_err());
    d.create_account(Some(&top), new("admin@tinh.gov.vn", "H99.2"))
        .unwrap();
    d.create_alias(Some(&top), address("abuse@tinh.gov.vn"), xa)
        .unwrap();
    // In a domain of one's own one gives them oneself.
    let own = world.officer("qt1@tinh.gov.vn", Role::Administrator, "H99.1");
    d.create_account(Some(&own), new("admin@so.tinh.gov.vn", "H99.1"))
        .unwrap();
}

#[test]
fn limits_of_a_grant_that_was_given_up_bind_on() {
    let world = World::new();
    let d = &world.directory;
    for id in ["H99.2.2", "H99.2.3"] {
        world.agency(id, Some("H99.2"));
    }
    let top = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let limited = world.person("tren@tinh.gov.vn", "H99.2").id;
    let own = Grant {
        limits: GrantLimits {
            accounts_max: Some(4),
            quota_total_max: Some(10 << 30),
        },
        ..Grant::of(Role::Administrator, agency("H99.2"))
    };
    let own = d.give_grant(Some(&top), limited, own).unwrap().id;
    let giver = world.enter("tren@tinh.gov.vn");
    let lower = world.person("duoi@tinh.gov.vn", "H99.2").id;
    for at in ["H99.2.1", "H99.2.2", "H99.2.3"] {
        let grant = Grant::of(Role::Administrator, agency(at));
        d.give_grant(Some(&giver), lower, grant).unwrap();
    }
    d.take_grant(Some(&giver), own, false, None).unwrap();
    drop((giver, top));
    let world = world.restart();
    let d = &world.directory;
    let lower_in = world.enter("duoi@tinh.gov.vn");
    let make = |name: &str, at: &str, gib: u64| {
        let new = NewAccount {
            quota: Some(gib << 30),
            ..new(name, at)
        };
        d.create_account(Some(&lower_in), new).map(drop)
    };
    // Two accounts of 1 GiB are there.
    let beyond = Err(Error::Beyond(Measure::Quota, 10 << 30));
    make("a@tinh.gov.vn", "H99.2.1", 7).unwrap();
    assert_eq!(make("b@tinh.gov.vn", "H99.2.2", 7), beyond);
    make("b@tinh.gov.vn", "H99.2.2", 1).unwrap();
    let full = Err(Error::Beyond(Measure::Accounts, 4));
    assert_eq!(make("c@tinh.gov.vn", "H99.2.3", 0), full);
    // What binds gives nothing, and is not given up either; who stands above lifts it.
    let bound = GrantId {
        account: lower,
        number: 4,
    };
    let there = d.grant(None, bound).unwrap().grant;
    assert_eq!(there.agency, agency("H99.2"));
    assert!(!lower_in.may(directory::Capability::ReadDirectory, &agency("H99.2")));
    d.take_grant(Some(&lower_in), bound, false, None).unwrap();
    assert_eq!(make("c@tinh.gov.vn", "H99.2.3", 0), full);
    let bound = GrantId { number: 5, ..bound };
    let top = world.enter("qt@tinh.gov.vn");
    let free = Grant {
        limits: GrantLimits::default(),
        ..d.grant(None, bound).unwrap().grant
    };
    d.change_grant(Some(&top), bound, free, None).unwrap();
    assert!(!lower_in.may(directory::Capability::ReadDirectory, &agency("H99.2")));
    make("c@tinh.gov.vn", "H99.2.3", 1).unwrap();
}

#[test]
fn two_puppets_of_one_are_no_two_persons() {
    let world = World::new();
    let d = &world.directory;
    let top = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let give = |by: &Access, name: &str| {
        let who = world.person(name, "H99.2").id;
        let grant = Grant::of(Role::Administrator, agency("H99.2"));
        d.give_grant(Some(by), who, grant).unwrap();
        world.enter(name)
    };
    let x = give(&top, "x@tinh.gov.vn");
    let colleague = give(&top, "y@tinh.gov.vn");
    let (one, other) = (give(&x, "roi1@tinh.gov.vn"), give(&x, "roi2@tinh.gov.vn"));
    let gone = world.person("xa@tinh.gov.vn", "H99.2.1").id;
    two(&world, "H99.2", &["delete_account"]);
    world.pass(365 * 24 * 3600);
    let ask = |by: &Access| match d.delete_account(Some(by), gone, None) {
        Err(Error::Awaiting(id)) => id,
        other => panic!("{other:?}"),
    };
    let asked = ask(&one);
    for puppeteer in [&other, &x] {
        assert_eq!(
            d.decide(puppeteer, asked, true).err(),
            Some(Error::NotSecond)
        );
    }
    assert_eq!(d.decide(&one, ask(&x), true).err(), Some(Error::NotSecond));
    // Both have it from above: who gave it to them may lift the rule anyway.
    d.decide(&colleague, asked, true).unwrap();
    d.decide(&top, ask(&other), true).unwrap();
    d.decide(&colleague, ask(&x), true).unwrap();
}

#[test]
fn the_mail_of_who_holds_more_is_not_held_from_below() {
    let world = World::new();
    let d = &world.directory;
    let commune = world.officer("qt2@tinh.gov.vn", Role::Administrator, "H99.2");
    let big = world.person("to@tinh.gov.vn", "H99.2").id;
    let place = || d.place_hold(Some(&commune), big, "h", None, "vụ").map(drop);
    let over = Grant::of(Role::Auditor, agency("H99"));
    let given = d.give_grant(None, big, over).unwrap().id;
    assert!(matches!(
        place(),
        Err(Error::Denied(_) | Error::Outranked | Error::NotFound(_))
    ));
    d.take_grant(None, given, false, None).unwrap();
    place().unwrap();
}

#[test]
fn what_others_planted_ends_when_its_owner_rises() {
    let world = World::new();
    let d = &world.directory;
    let top = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let lower = world.officer("qt2@tinh.gov.vn", Role::Administrator, "H99.2");
    let rises = world.person("xa@tinh.gov.vn", "H99.2.1").id;
    let token = |by: &Access| {
        let made = d.create_credential(Some(by), rises, CredentialKind::Token, "t", None);
        let (_, secret) = made.unwrap();
        d.sign_in_token(&secret, api("192.0.2.1")).unwrap()
    };
    let own = world.enter("xa@tinh.gov.vn");
    let (planted, given) = (token(&lower), token(&top));
    let grant = Grant::of(Role::Administrator, agency("H99"));
    d.give_grant(Some(&top), rises, grant).unwrap();
    assert!(!planted.stands());
    assert!(own.stands() && given.stands());
    // The same where grants are said with the account.
    let rises = world.person("ba@tinh.gov.vn", "H99.2.1").id;
    let made = d.create_credential(Some(&lower), rises, CredentialKind::Token, "t", None);
    let (_, secret) = made.unwrap();
    let mut account = d.account(rises).unwrap();
    account.grants = vec![Grant::of(Role::Auditor, agency("H99"))];
    d.change_account(Some(&top), account, None).unwrap();
    let enters = d.sign_in_token(&secret, api("192.0.2.1"));
    assert!(enters.is_err());
}
