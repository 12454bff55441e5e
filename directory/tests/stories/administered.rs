//! Somebody is left who administers the tree; and who runs the server makes another where nobody is.

use crate::world::{World, address, agency, domain, new, refused};
use directory::{
    Access, AccountKind, AccountState, AgencyId, Capabilities, Capability, Error, Grant, GrantId,
    May, Role,
};

const DAY_S: i64 = 24 * 60 * 60;

/// The last who administers the whole tree, and somebody who could do the act but for that.
fn alone() -> (World, Access, GrantId) {
    let world = World::new();
    let last = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let grant = GrantId::parse(&format!("{}-1", last.account())).unwrap();
    (world, last, grant)
}

/// Each act on the account of who asks, or on its grant.
type Act = fn(&World, &Access, GrantId) -> Result<(), Error>;

const ACTS: [(&str, Act); 9] = [
    ("delete", |w, by, _| {
        w.directory.delete_account(Some(by), by.account(), None)
    }),
    ("suspend", |w, by, _| state(w, by, AccountState::Suspended)),
    ("retire", |w, by, _| state(w, by, AccountState::Retired)),
    ("take the grant", |w, by, grant| {
        w.directory.take_grant(Some(by), grant, false, None)
    }),
    ("take all grants", |w, by, _| {
        change(w, by, |account| account.grants.clear())
    }),
    ("turn into a list", |w, by, _| {
        change(w, by, |account| {
            account.kind = AccountKind::List {
                members: Vec::new(),
            }
        })
    }),
    ("let the grant end", |w, by, grant| {
        let until = Some(w.now_s() + DAY_S);
        regrant(w, by, grant, |grant| grant.until = until)
    }),
    ("limit it", |w, by, grant| {
        regrant(w, by, grant, |grant| grant.limits.accounts_max = Some(1))
    }),
    ("make it less", |w, by, grant| {
        let less = Capabilities::ALL
            .iter()
            .filter(|one| *one != Capability::ManageStore);
        let less = May::Only(less.collect());
        regrant(w, by, grant, |grant| grant.may = less)
    }),
];

fn change(
    world: &World,
    by: &Access,
    how: impl FnOnce(&mut directory::Account),
) -> Result<(), Error> {
    let mut account = world.directory.account(by.account()).unwrap();
    how(&mut account);
    world
        .directory
        .change_account(Some(by), account, None)
        .map(drop)
}

fn state(world: &World, by: &Access, state: AccountState) -> Result<(), Error> {
    change(world, by, |account| account.state = state)
}

fn regrant(
    world: &World,
    by: &Access,
    id: GrantId,
    how: impl FnOnce(&mut Grant),
) -> Result<(), Error> {
    let mut grant = world.directory.grant(Some(by), id).unwrap().grant;
    how(&mut grant);
    world
        .directory
        .change_grant(Some(by), id, grant, None)
        .map(drop)
}

fn last_of<T: std::fmt::Debug>(done: Result<T, Error>, what: &str) {
    assert_eq!(
        done.unwrap_err(),
        Error::LastAdministrator(agency("H99")),
        "{what}"
    );
}

/// Nobody lifts the last one's limits, and what he gave is bound by them.
#[test]
fn who_is_limited_is_not_the_one_who_administers_and_is_rescued() {
    let (world, last, grant) = alone();
    let d = &world.directory;
    let other = world.person("hai@tinh.gov.vn", "H99").id;
    let given = Grant::of(Role::Administrator, agency("H99"));
    d.give_grant(Some(&last), other, given).unwrap();
    let limit = |by| {
        regrant(&world, by, grant, |grant| {
            grant.limits.accounts_max = Some(1)
        })
    };
    last_of(limit(&last), "another whom it binds too");
    // By a version that let it be so.
    let mut bound = d.grant(Some(&last), grant).unwrap().grant;
    bound.limits.accounts_max = Some(1);
    d.change_grant(None, grant, bound, None).unwrap();
    let address = address("qt@tinh.gov.vn");
    let rescued = d.rescue_administrator(&address, None, None, "tự giới hạn");
    assert_eq!(rescued.unwrap().id, last.account());
    d.create_account(
        Some(&world.enter("qt@tinh.gov.vn")),
        new("moi@tinh.gov.vn", "H99"),
    )
    .unwrap();
}

#[test]
fn no_act_leaves_the_tree_without_an_administrator() {
    for (what, act) in ACTS {
        let (world, last, grant) = alone();
        let d = &world.directory;
        // These do not take the place of one: a part of the tree, a part of the rights, an end, a closed account.
        world.officer("so@tinh.gov.vn", Role::Administrator, "H99.1");
        world.officer("kt@tinh.gov.vn", Role::Auditor, "H99");
        let closed = world.officer("nghi@tinh.gov.vn", Role::Administrator, "H99");
        let mut row = d.account(closed.account()).unwrap();
        row.state = AccountState::Suspended;
        d.change_account(None, row, None).unwrap();
        let ends = Grant {
            until: Some(world.now_s() + DAY_S),
            ..Grant::of(Role::Administrator, agency("H99"))
        };
        let soon = world.person("tam@tinh.gov.vn", "H99");
        d.give_grant(None, soon.id, ends).unwrap();
        last_of(act(&world, &last, grant), what);
        assert!(last.may(Capability::ManageGrants, &agency("H99")), "{what}");
        // With another one it is done.
        world.officer("qt2@tinh.gov.vn", Role::Administrator, "H99");
        act(&world, &last, grant).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(d.audit_check().unwrap(), None);
    }
}

#[test]
fn who_has_an_end_is_the_last_too_where_nobody_has_none() {
    let world = World::new();
    let d = &world.directory;
    let person = world.person("tam@tinh.gov.vn", "H99");
    let ends = Grant {
        until: Some(world.now_s() + DAY_S),
        ..Grant::of(Role::Administrator, agency("H99"))
    };
    let held = d.give_grant(None, person.id, ends).unwrap();
    let last = world.enter("tam@tinh.gov.vn");
    last_of(d.delete_account(Some(&last), person.id, None), "delete");
    // Another end is no loss.
    let later = Some(world.now_s() + DAY_S / 2);
    regrant(&world, &last, held.id, |grant| grant.until = later).unwrap();
    // What is moved, renamed or handed on stays with him.
    change(&world, &last, |account| account.agency = agency("H99.1")).unwrap();
}

#[test]
fn one_of_two_may_go_and_the_other_may_not() {
    let (world, first, _) = alone();
    let d = &world.directory;
    let second = world.officer("qt2@tinh.gov.vn", Role::Administrator, "H99");
    d.delete_account(Some(&second), first.account(), None)
        .unwrap();
    last_of(
        d.delete_account(Some(&second), second.account(), None),
        "delete",
    );
    // On trial too.
    let trial = directory::Trial::default();
    let tried = second.clone().on_trial(&trial);
    last_of(
        d.delete_account(Some(&tried), second.account(), None),
        "a dry run",
    );
}

#[test]
fn who_runs_the_server_makes_one_where_there_is_none() {
    let (world, last, _) = alone();
    let d = &world.directory;
    let rescue = |who: &str, top: Option<&AgencyId>| {
        d.rescue_administrator(&address(who), None, top, "Người cuối cùng đã nghỉ")
    };
    refused(rescue("moi@tinh.gov.vn", None), "in use: qt@tinh.gov.vn");
    // The system is not bound: so it stood in earlier versions.
    d.delete_account(None, last.account(), None).unwrap();
    refused(rescue("moi@khac.vn", None), "address");
    refused(rescue("moi@tinh.gov.vn", Some(&agency("H99.1"))), "agency");
    let made = rescue("moi@tinh.gov.vn", None).unwrap();
    assert_eq!(
        (made.state, made.agency),
        (AccountState::Active, agency("H99"))
    );
    let audit = d.audit(None, 1).unwrap();
    let told = (audit[0].act.as_str(), audit[0].object.as_str());
    assert_eq!(told, ("administrator.rescue", "moi@tinh.gov.vn"));
    assert!(audit[0].detail.contains("Người cuối cùng đã nghỉ"));
    refused(rescue("khac@tinh.gov.vn", None), "in use: moi@tinh.gov.vn");
    assert_eq!(d.audit_check().unwrap(), None);

    // One that is there is opened again.
    let mut row = d.account(made.id).unwrap();
    row.state = AccountState::Suspended;
    row.grants.clear();
    d.change_account(None, row, None).unwrap();
    let again = rescue("moi@tinh.gov.vn", Some(&agency("H99"))).unwrap();
    assert_eq!((again.id, again.state), (made.id, AccountState::Active));
    assert_eq!(again.grants.len(), 1);

    // Of two trees one is named.
    world.agency("H98", None);
    d.create_domain(None, domain("khac.gov.vn"), agency("H98"))
        .unwrap();
    refused(rescue("b@khac.gov.vn", None), "agency");
    rescue("b@khac.gov.vn", Some(&agency("H98"))).unwrap();
}
