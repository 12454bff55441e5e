//! Grants: sets of capabilities over subtrees, with limits and dates, given on and taken.

use crate::world::{World, agency, new};
use directory::{
    Access, AccountId, Capabilities, Capability, CredentialKind, Error, Grant, GrantId,
    GrantLimits, May, Measure, NewAccount, Role, Secret,
};

const DAY_S: i64 = 24 * 60 * 60;

fn only(these: &[Capability], at: &str) -> Grant {
    Grant {
        may: May::Only(Capabilities::of(these)),
        ..Grant::of(Role::Auditor, agency(at))
    }
}

fn limited(accounts_max: Option<u64>, quota_total_max: Option<u64>) -> GrantLimits {
    GrantLimits {
        accounts_max,
        quota_total_max,
    }
}

/// A person of the agency to whom the system gave this, signed in.
fn officer(world: &World, name: &str, grant: Grant) -> (Access, GrantId) {
    let account = world.person(name, &grant.agency.0.clone());
    let held = world.directory.give_grant(None, account.id, grant).unwrap();
    (world.enter(name), held.id)
}

/// What came of it: `ok`, `denied`, `absent`, the limit, or the field at fault.
fn outcome<T>(result: Result<T, Error>) -> String {
    match result {
        Ok(_) => "ok".into(),
        Err(Error::Denied(_)) => "denied".into(),
        Err(Error::Outranked) => "outranked".into(),
        Err(Error::NotFound(_)) => "absent".into(),
        Err(Error::Beyond(what, max)) => format!("{what} {max}"),
        Err(Error::Invalid { field, .. }) => field.into(),
        Err(error) => error.to_string(),
    }
}

fn make(world: &World, by: &Access, name: &str, at: &str) -> String {
    outcome(world.directory.create_account(Some(by), new(name, at)))
}

#[test]
fn a_set_holds_what_it_names_and_nothing_else() {
    let world = World::new();
    let d = &world.directory;
    let xa = world.person("xa@tinh.gov.vn", "H99.2.1").id;
    let grant = only(&[Capability::CreateAccounts], "H99.2");
    let (maker, id) = officer(&world, "lap@tinh.gov.vn", grant);
    let by = Some(&maker);
    assert_eq!(make(&world, &maker, "m1@tinh.gov.vn", "H99.2.1"), "ok");
    assert_eq!(make(&world, &maker, "m2@tinh.gov.vn", "H99.1"), "absent");
    let mut changed = d.account(xa).unwrap();
    changed.name = "Xã".into();
    assert_eq!(outcome(d.change_account(by, changed, None)), "denied");
    let secret = Secret::new("Khác 2027");
    assert_eq!(outcome(d.set_password(by, xa, &secret)), "denied");
    assert_eq!(outcome(d.delete_account(by, xa, None)), "denied");
    let list = NewAccount {
        kind: directory::AccountKind::List {
            members: Vec::new(),
        },
        ..new("ds@tinh.gov.vn", "H99.2")
    };
    assert_eq!(outcome(d.create_account(by, list)), "denied");
    let give = d.give_grant(by, xa, only(&[Capability::CreateAccounts], "H99.2.1"));
    assert_eq!(outcome(give), "denied");
    // To see the directory is in every set.
    let held = d.grant(by, id).unwrap();
    let names: Vec<_> = held
        .grant
        .may
        .capabilities()
        .iter()
        .map(Capability::name)
        .collect();
    assert_eq!(names, ["read_directory", "create_accounts"]);
}

#[test]
fn nobody_gives_more_than_he_has() {
    let world = World::new();
    let d = &world.directory;
    let now = world.now_s();
    let xa = world.person("xa@tinh.gov.vn", "H99.2.1").id;
    world.person("an@tinh.gov.vn", "H99.1");
    let an = world.id("an@tinh.gov.vn");
    use Capability::*;
    let own = Grant {
        limits: limited(Some(20), Some(100 << 30)),
        until: Some(now + 30 * DAY_S),
        ..only(&[CreateAccounts, ReadTrace, ManageGrants], "H99.2")
    };
    let (giver, own_id) = officer(&world, "qt2@tinh.gov.vn", own);
    let give = |grant: Grant| outcome(d.give_grant(Some(&giver), xa, grant));
    let some = |at: &str| only(&[CreateAccounts], at);
    assert_eq!(give(only(&[ResetCredentials], "H99.2.1")), "denied");
    assert_eq!(give(Grant::of(Role::Auditor, agency("H99.2.1"))), "denied");
    assert_eq!(give(some("H99")), "absent");
    assert_eq!(give(some("H99.1")), "absent");
    let more = |grant: Grant, limits| give(Grant { limits, ..grant });
    assert_eq!(
        more(some("H99.2.1"), limited(Some(21), None)),
        "accounts_max"
    );
    assert_eq!(
        more(some("H99.2.1"), limited(None, Some(101 << 30))),
        "quota_total_max"
    );
    let long = Grant {
        until: Some(now + 31 * DAY_S),
        ..some("H99.2.1")
    };
    assert_eq!(give(long), "until");
    // Only to those whose grants one manages.
    assert_eq!(
        outcome(d.give_grant(Some(&giver), an, some("H99.2.1"))),
        "absent"
    );
    // What is not said is bound as the giver is.
    let held = d.give_grant(Some(&giver), xa, some("H99.2.1")).unwrap();
    assert_eq!(held.grant.limits, limited(Some(20), Some(100 << 30)));
    assert_eq!(held.grant.until, Some(now + 30 * DAY_S));
    assert_eq!(held.grant.out_of, Some(own_id));
    assert_eq!(held.grant.given_by, Some(giver.account()));
    // Nobody raises what binds himself.
    let mut mine = d.grant(Some(&giver), own_id).unwrap().grant;
    mine.limits.accounts_max = None;
    assert_eq!(
        d.change_grant(Some(&giver), own_id, mine.clone(), None)
            .unwrap()
            .grant
            .limits,
        limited(Some(20), Some(100 << 30)),
        "what is taken away is bound by what one has"
    );
    mine.limits.accounts_max = Some(1_000);
    let raised = d.change_grant(Some(&giver), own_id, mine, None);
    assert_eq!(outcome(raised), "accounts_max");
}

#[test]
fn who_has_more_is_touched_by_no_one_who_has_less() {
    let world = World::new();
    let d = &world.directory;
    use Capability::*;
    let admin = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99.2");
    let own = only(&[ManageGrants, ResetCredentials, ManageTokens], "H99.2");
    let (less, _) = officer(&world, "it@tinh.gov.vn", own);
    let by = Some(&less);
    let secret = Secret::new("Khác 2027");
    assert_eq!(
        outcome(d.set_password(by, admin.account(), &secret)),
        "outranked"
    );
    let token = d.create_credential(by, admin.account(), CredentialKind::Token, "t", None);
    assert_eq!(outcome(token), "outranked");
    let id = GrantId {
        account: admin.account(),
        number: 1,
    };
    assert_eq!(outcome(d.take_grant(by, id, false, None)), "denied");
    assert_eq!(outcome(d.take_grant(Some(&admin), id, false, None)), "ok");
    assert!(!admin.may(ReadDirectory, &agency("H99.2")));
}

#[test]
fn grants_begin_and_end_by_the_clock() {
    let world = World::new();
    let d = &world.directory;
    let now = world.now_s();
    let grant = Grant {
        since: Some(now + DAY_S),
        until: Some(now + 3 * DAY_S),
        ..Grant::of(Role::Administrator, agency("H99.2"))
    };
    let (soon, _) = officer(&world, "qt2@tinh.gov.vn", grant);
    let may = || soon.may(Capability::ManageAccounts, &agency("H99.2.1"));
    let sees = || {
        !d.accounts(Some(&soon), None, None, None, 9)
            .unwrap()
            .is_empty()
    };
    assert!(!may() && !sees() && soon.scopes(Capability::ReadDirectory).is_empty());
    world.pass(DAY_S);
    assert!(may() && sees());
    world.pass(2 * DAY_S - 1);
    assert!(may());
    world.pass(1);
    assert!(!may() && !sees());
    let late = Grant {
        until: Some(world.now_s()),
        ..Grant::of(Role::Auditor, agency("H99.2"))
    };
    assert_eq!(outcome(d.give_grant(None, soon.account(), late)), "until");
}

#[test]
fn limits_are_held_whoever_acts_by_them() {
    let world = World::new();
    let d = &world.directory;
    use Capability::*;
    let own = Grant {
        limits: limited(Some(4), None),
        ..only(&[CreateAccounts, ManageAccounts, ManageGrants], "H99.2")
    };
    let (upper, _) = officer(&world, "tren@tinh.gov.vn", own);
    let lower = world.person("duoi@tinh.gov.vn", "H99.2.1").id;
    let below = Grant {
        limits: limited(Some(3), None),
        ..only(&[CreateAccounts, ManageAccounts], "H99.2.1")
    };
    d.give_grant(Some(&upper), lower, below).unwrap();
    let lower = world.enter("duoi@tinh.gov.vn");
    // Two are there: one in each.
    assert_eq!(make(&world, &lower, "a1@tinh.gov.vn", "H99.2.1"), "ok");
    assert_eq!(make(&world, &upper, "a2@tinh.gov.vn", "H99.2"), "ok");
    // The lower one's own limit would let him; that out of which his was given does not.
    assert_eq!(
        make(&world, &lower, "a3@tinh.gov.vn", "H99.2.1"),
        "accounts 4"
    );
    assert_eq!(
        make(&world, &upper, "a3@tinh.gov.vn", "H99.2"),
        "accounts 4"
    );
    // Lists have no mail; who may make them may.
    let gone = world.id("a2@tinh.gov.vn");
    d.delete_account(None, gone, None).unwrap();
    assert_eq!(make(&world, &lower, "a3@tinh.gov.vn", "H99.2.1"), "ok");
    d.delete_account(None, world.id("tren@tinh.gov.vn"), None)
        .unwrap();
    // The one above is gone: what was given on stays, with its own limit.
    assert_eq!(
        make(&world, &lower, "a4@tinh.gov.vn", "H99.2.1"),
        "accounts 3"
    );
    assert!(lower.may(CreateAccounts, &agency("H99.2.1")));
}

#[test]
fn quotas_together_are_held() {
    let world = World::new();
    let d = &world.directory;
    use Capability::*;
    // The config gives each account 1 GiB.
    let own = Grant {
        limits: limited(None, Some(4 << 30)),
        ..only(&[CreateAccounts, ManageAccounts, ManageAgencies], "H99.2")
    };
    let (by, _) = officer(&world, "qt2@tinh.gov.vn", own);
    let quota = |name: &str, octets: Option<u64>| {
        let new = NewAccount {
            quota: octets,
            ..new(name, "H99.2.1")
        };
        outcome(d.create_account(Some(&by), new))
    };
    assert_eq!(quota("a@tinh.gov.vn", Some(2 << 30)), "ok");
    let beyond = format!("{} {}", Measure::Quota, 4_u64 << 30);
    assert_eq!(quota("b@tinh.gov.vn", Some(2 << 30)), beyond);
    assert_eq!(quota("b@tinh.gov.vn", None), "ok");
    assert_eq!(quota("c@tinh.gov.vn", Some(1)), beyond);
    let change = |octets| {
        let mut account = d.account(world.id("a@tinh.gov.vn")).unwrap();
        account.quota = octets;
        outcome(d.change_account(Some(&by), account, None))
    };
    assert_eq!(change(Some(3 << 30)), beyond);
    assert_eq!(change(Some(1 << 30)), "ok");
    // What an agency gives each of its accounts counts for those that have it.
    let each = |octets| {
        let mut commune = d.agency(&agency("H99.2.1")).unwrap();
        commune.quota.each.octets = Some(octets);
        outcome(d.change_agency(Some(&by), commune, None))
    };
    assert_eq!(each(3 << 30), beyond);
    assert_eq!(each(2 << 30), "ok");
}

#[test]
fn two_administrators_cannot_both_take_the_last_place() {
    let world = World::new();
    use Capability::*;
    const PLACES: u64 = 8;
    let own = Grant {
        limits: limited(Some(2 + PLACES), None),
        ..only(&[CreateAccounts, ManageAccounts], "H99.2")
    };
    let (one, _) = officer(&world, "mot@tinh.gov.vn", own.clone());
    let (two, _) = officer(&world, "hai@tinh.gov.vn", own);
    let made = |by: &Access, prefix: &str| {
        let names = (0..PLACES).map(|n| format!("{prefix}{n}@tinh.gov.vn"));
        names
            .filter(|name| make(&world, by, name, "H99.2.1") == "ok")
            .count()
    };
    let both = std::thread::scope(|threads| {
        let first = threads.spawn(|| made(&one, "a"));
        made(&two, "b") + first.join().unwrap()
    });
    assert_eq!(both as u64, PLACES);
    let there = world
        .directory
        .accounts(None, Some(&agency("H99.2")), None, None, 100)
        .unwrap();
    assert_eq!(there.len() as u64, 2 + PLACES);
}

#[test]
fn what_was_given_on_stays_or_goes_along() {
    let world = World::new();
    let d = &world.directory;
    let top = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let person = |name: &str| world.person(name, "H99.2").id;
    let (mid, low, lowest) = (
        person("giua@tinh.gov.vn"),
        person("duoi@tinh.gov.vn"),
        person("cuoi@tinh.gov.vn"),
    );
    let admin = |at: &str| Grant::of(Role::Administrator, agency(at));
    let give = |by: &Access, to: AccountId| d.give_grant(Some(by), to, admin("H99.2")).unwrap().id;
    let build = || {
        let first = give(&top, mid);
        let second = give(&world.enter("giua@tinh.gov.vn"), low);
        let third = give(&world.enter("duoi@tinh.gov.vn"), lowest);
        (first, second, third)
    };
    let (first, second, third) = build();
    assert_eq!(d.grant(None, third).unwrap().grant.out_of, Some(second));
    d.take_grant(Some(&top), first, false, None).unwrap();
    let root = Some(GrantId {
        account: top.account(),
        number: 1,
    });
    assert_eq!(d.grant(None, second).unwrap().grant.out_of, root);
    d.delete_account(None, low, None).unwrap();
    assert_eq!(d.grant(None, third).unwrap().grant.out_of, root);
    drop(top);
    let world = world.restart();
    let d = &world.directory;
    assert_eq!(d.grant(None, third).unwrap().grant.out_of, root);
    assert!(matches!(d.grant(None, first), Err(Error::NotFound(_))));
    // All of it, at any remove; numbers are not given twice.
    let top = world.enter("qt@tinh.gov.vn");
    let again = d.give_grant(Some(&top), mid, admin("H99.2")).unwrap().id;
    assert_eq!(again.number, 2);
    let mid = world.enter("giua@tinh.gov.vn");
    let more = d
        .give_grant(Some(&mid), lowest, admin("H99.2.1"))
        .unwrap()
        .id;
    let own = d.take_grant(Some(&mid), again, false, Some(7));
    assert_eq!(outcome(own), "changed meanwhile");
    d.take_grant(Some(&top), again, true, Some(1)).unwrap();
    assert!(matches!(d.grant(None, more), Err(Error::NotFound(_))));
    assert!(d.grant(None, third).is_ok());
    let seen = d.grants(None, None, Some(&agency("H99.2")), None, 10);
    assert_eq!(seen.iter().map(|held| held.id).collect::<Vec<_>>(), [third]);
}

#[test]
fn i17_grants_elsewhere_are_not_seen() {
    let world = World::new();
    let d = &world.directory;
    let here = world.officer("qt2@tinh.gov.vn", Role::Administrator, "H99.2");
    let person = world.person("xa@tinh.gov.vn", "H99.2.1");
    let elsewhere = Grant::of(Role::Auditor, agency("H99.1"));
    let there = d.give_grant(None, person.id, elsewhere).unwrap().id;
    assert!(matches!(
        d.grant(Some(&here), there),
        Err(Error::NotFound(_))
    ));
    let listed = d.grants(Some(&here), Some(person.id), None, None, 9);
    assert_eq!(listed, []);
    let row = d.as_seen(&here, d.account(person.id).unwrap());
    assert_eq!(row.grants, []);
    let own = world.enter("xa@tinh.gov.vn");
    assert_eq!(d.grant(Some(&own), there).unwrap().id, there);
    // What one does not see one does not take by naming the others.
    let mut named = d.account(person.id).unwrap();
    named.grants = Vec::new();
    assert_eq!(
        outcome(d.change_account(Some(&here), named, None)),
        "outranked"
    );
}

#[test]
fn nobody_rises_against_whom_he_has_his_right_from() {
    let world = World::new();
    let d = &world.directory;
    let whole = || Grant::of(Role::Administrator, agency("H99.2"));
    let (chief, above) = officer(&world, "truong@tinh.gov.vn", whole());
    let deputy = world.person("pho@tinh.gov.vn", "H99.2").id;
    let given = d.give_grant(Some(&chief), deputy, whole()).unwrap();
    let deputy = world.enter("pho");
    let third = world.person("ba@tinh.gov.vn", "H99.2").id;
    let further = d.give_grant(Some(&deputy), third, whole()).unwrap();
    let third = world.enter("ba");
    let secret = Secret::new("Khác 2027");
    for by in [&deputy, &third] {
        let by = Some(by);
        assert_eq!(outcome(d.take_grant(by, above, false, None)), "denied");
        assert_eq!(outcome(d.take_grant(by, above, true, None)), "denied");
        assert_eq!(outcome(d.change_grant(by, above, whole(), None)), "denied");
        let chief = chief.account();
        assert_eq!(outcome(d.set_password(by, chief, &secret)), "outranked");
        assert_eq!(outcome(d.delete_account(by, chief, None)), "outranked");
    }
    let up = d.take_grant(Some(&third), given.id, false, None);
    assert_eq!(outcome(up), "denied");
    // Downward, and between those who have it from elsewhere, it is as it was.
    let down = d.take_grant(Some(&chief), further.id, false, None);
    assert_eq!(outcome(down), "ok");
    let (other, _) = officer(&world, "khac@tinh.gov.vn", whole());
    let taken = d.take_grant(Some(&other), given.id, false, None);
    assert_eq!(outcome(taken), "ok");
    let own = d.set_password(Some(&chief), chief.account(), &secret);
    assert_eq!(outcome(own), "ok");
}
