//! Mail that was meant for one and comes to another by an administrator's act: with a reason, told to whom it was meant for,
//! by two where impersonation takes two, and in the log; and secrets by which mail is read beside its owner.

use crate::quotas::append;
use crate::world::{World, address, agency, domain, new, refused};
use directory::policy::{Key, Said, Value};
use directory::{
    Access, AccountId, AccountKind, Capabilities, Capability, CredentialKind, Decision, Error,
    Forwarding, Grant, May, NewAccount, NewOrder, Role, Scope, Secret, Trial,
};
use formats::date::Day;

const NO_REASON: &str = "reason: why mail that is meant for one is to come to another";

/// What an account is told, newest first.
pub(crate) fn told(world: &World, id: AccountId) -> Vec<(Scope, String, String)> {
    let (found, _) = world.directory.readings_of(id, None, 50, false).unwrap();
    let row =
        |(reading, _): (directory::Reading, i64)| (reading.scope, reading.address, reading.reason);
    found.into_iter().map(row).collect()
}

fn redirects(world: &World, id: AccountId) -> Vec<Vec<String>> {
    let rows = told(world, id).into_iter();
    let to = rows.filter_map(|(scope, ..)| match scope {
        Scope::Redirect(of, to) => (of == id).then_some(to),
        _ => None,
    });
    to.collect()
}

/// A person with these capabilities over a subtree, signed in, with a reason and without.
pub(crate) fn officer(
    world: &World,
    name: &str,
    top: &str,
    may: &[Capability],
) -> (Access, Access) {
    let mut account = world.person(name, top);
    let role = Grant::of(Role::Administrator, agency(top));
    let may = May::Only(Capabilities::of(may));
    account.grants = vec![Grant { may, ..role }];
    world.directory.change_account(None, account, None).unwrap();
    let bare = world.enter(name);
    (bare.clone().because("nghỉ thai sản").unwrap(), bare)
}

pub(crate) fn two(world: &World, at: &str, on: bool) {
    let d = &world.directory;
    let mut policy = d.agency_policy(None, &agency(at)).unwrap();
    policy.said.remove(&Key::TwoPersons);
    if on {
        let value = Value::Words(vec!["impersonate".into()]);
        let said = Said {
            value,
            locked: false,
        };
        policy.said.insert(Key::TwoPersons, said);
    }
    d.set_agency_policy(None, policy, None).unwrap();
}

fn go_on(
    world: &World,
    by: Option<&Access>,
    id: AccountId,
    to: &[&str],
    keep: bool,
) -> Result<(), Error> {
    let new = Forwarding {
        account: id,
        to: to.iter().map(|to| address(to)).collect(),
        keep,
        version: 0,
    };
    world.directory.set_forwarding(by, new, None).map(drop)
}

fn rename(world: &World, by: Option<&Access>, id: AccountId, to: &str) -> Result<(), Error> {
    let d = &world.directory;
    let mut row = d.account(id).unwrap();
    row.address = address(to);
    d.change_account(by, row, None).map(drop)
}

/// An administrator with and without a reason, whose mail it is, and two others.
pub(crate) fn begin() -> (World, Access, Access, AccountId, AccountId) {
    let world = World::new();
    let may = [
        Capability::ReadDirectory,
        Capability::CreateAccounts,
        Capability::ManageAccounts,
        Capability::ManageAliases,
        Capability::ManageLists,
    ];
    let (why, bare) = officer(&world, "cb@tinh.gov.vn", "H99.1", &may);
    let an = world.person("an@tinh.gov.vn", "H99.1").id;
    let binh = world.person("binh@tinh.gov.vn", "H99.1").id;
    world.person("chi@tinh.gov.vn", "H99.1");
    (world, why, bare, an, binh)
}

#[test]
fn i20_to_let_anothers_mail_go_on_needs_a_reason_and_is_told() {
    let (world, why, bare, an, _) = begin();
    let d = &world.directory;
    let (binh, chi) = ("binh@tinh.gov.vn", "chi@tinh.gov.vn");
    refused(go_on(&world, Some(&bare), an, &[binh], true), NO_REASON);
    assert!(d.forwarding(None, an).unwrap().to.is_empty());
    go_on(&world, Some(&why), an, &[binh, chi], true).unwrap();
    let rows = told(&world, an);
    let scope = Scope::Redirect(an, vec![binh.to_owned(), chi.to_owned()]);
    assert_eq!(
        rows,
        [(scope, "cb@tinh.gov.vn".into(), "nghỉ thai sản".into())]
    );
    let log = d.audit(None, 2).unwrap();
    assert_eq!(
        (log[0].act.as_str(), log[0].object.as_str(), log[0].account),
        ("mail.redirect", "an@tinh.gov.vn", Some(an))
    );
    assert!(
        log[0].detail.contains("\"act\":\"account.forwarding\"") && log[0].detail.contains(binh)
    );
    assert_eq!(log[1].act, "account.forwarding");
    // To fewer, and to none, needs no reason, nor does the same once more.
    go_on(&world, Some(&bare), an, &[chi], true).unwrap();
    go_on(&world, Some(&bare), an, &[chi], true).unwrap();
    // It lies no longer where it was meant for.
    refused(go_on(&world, Some(&bare), an, &[chi], false), NO_REASON);
    go_on(&world, Some(&why), an, &[chi], false).unwrap();
    go_on(&world, Some(&bare), an, &[chi], true).unwrap();
    go_on(&world, Some(&bare), an, &[], true).unwrap();
    assert_eq!(redirects(&world, an).len(), 2);
    // Another spelling of who gets it is no other destination.
    go_on(&world, Some(&why), an, &[binh], true).unwrap();
    go_on(&world, Some(&bare), an, &["Binh+x@tinh.gov.vn"], true).unwrap();
    assert_eq!(redirects(&world, an).len(), 3);
    // What he does himself is his own affair; by a token of his that somebody else made it is not.
    let own = world.enter("an");
    go_on(&world, Some(&own), an, &[chi], true).unwrap();
    assert_eq!(redirects(&world, an).len(), 3);
    let last = d.audit(None, 1).unwrap()[0].clone();
    assert_eq!(last.act, "account.forwarding");
    // Nothing is done on trial, and the refusal is the same.
    let trial = Trial::default();
    let tries = |by: &Access| by.clone().on_trial(&trial);
    refused(
        go_on(&world, Some(&tries(&bare)), an, &[binh], true),
        NO_REASON,
    );
    refused(
        go_on(&world, Some(&tries(&why)), an, &[binh], true),
        "a dry run",
    );
    let acts: Vec<_> = trial.ended().unwrap().iter().map(|t| t.act).collect();
    assert_eq!(acts, ["account.forwarding", "mail.redirect"]);
    assert_eq!(redirects(&world, an).len(), 3);
    assert_eq!(d.audit_check().unwrap(), None);
}

#[test]
fn an_address_that_is_or_was_anothers_is_given_with_a_reason() {
    let (world, why, bare, an, binh) = begin();
    let d = &world.directory;
    let of = Some(domain("tinh.gov.vn"));
    d.create_domain_for(None, domain("cu.gov.vn"), agency("H99"), of)
        .unwrap();
    // As it is: with a detail, and in a domain that stands for his.
    let has = |name: &str| {
        refused(d.create_alias(Some(&bare), address(name), binh), NO_REASON);
        assert!(d.alias(&address(name)).is_err());
    };
    has("an+viec@tinh.gov.vn");
    let officer = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let there = address("an@cu.gov.vn");
    refused(
        d.create_alias(Some(&officer), there.clone(), binh),
        NO_REASON,
    );
    let officer = officer.because("hai người trùng tên").unwrap();
    d.create_alias(Some(&officer), there, binh).unwrap();
    assert_eq!(redirects(&world, an), [["binh@tinh.gov.vn"]]);
    // His alias is pointed elsewhere; back to him it goes without.
    let alias = d
        .create_alias(Some(&bare), address("vt@tinh.gov.vn"), an)
        .unwrap();
    let moved = |to: AccountId| directory::Alias {
        account: to,
        ..alias.clone()
    };
    refused(d.change_alias(Some(&bare), moved(binh), None), NO_REASON);
    d.change_alias(Some(&why), moved(binh), None).unwrap();
    refused(d.change_alias(Some(&bare), moved(an), None), NO_REASON);
    d.change_alias(Some(&why), moved(an), None).unwrap();
    // As it was: renamed away, and given as alias, main address, to a new account, to a list, and back.
    rename(&world, Some(&bare), an, "an.cu@tinh.gov.vn").unwrap();
    let old = address("an@tinh.gov.vn");
    has("an@tinh.gov.vn");
    refused(
        rename(&world, Some(&bare), binh, "an@tinh.gov.vn"),
        NO_REASON,
    );
    let made = |by: &Access, kind: AccountKind| {
        let new = NewAccount {
            kind,
            ..new("an@tinh.gov.vn", "H99.1")
        };
        d.create_account(Some(by), new).map(|made| made.id)
    };
    let list = || AccountKind::List {
        members: vec![address("binh@tinh.gov.vn")],
    };
    refused(made(&bare, AccountKind::Person), NO_REASON);
    refused(made(&bare, list()), NO_REASON);
    refused(made(&bare, AccountKind::Shared), NO_REASON);
    let before = redirects(&world, an).len();
    let taken = made(&why, list()).unwrap();
    assert_eq!(redirects(&world, an).len(), before + 1);
    d.delete_account(Some(&bare), taken, None).unwrap();
    // Nothing was meant for who had it last, and it is his again without a word, not another's.
    refused(made(&bare, AccountKind::Person), NO_REASON);
    d.create_alias(Some(&bare), old, an).unwrap();
    // One that was his own rests for others only.
    d.delete_alias(Some(&bare), &address("vt@tinh.gov.vn"), None)
        .unwrap();
    d.create_alias(Some(&bare), address("vt@tinh.gov.vn"), an)
        .unwrap();
    // What nobody has or had needs nothing.
    d.create_alias(Some(&bare), address("moi@tinh.gov.vn"), binh)
        .unwrap();
    rename(&world, Some(&bare), binh, "moi@tinh.gov.vn").unwrap();
}

#[test]
fn who_is_gone_is_told_of_where_his_mail_comes_unless_he_never_had_any() {
    let (world, why, bare, an, binh) = begin();
    let d = &world.directory;
    append(&world.store, an).unwrap();
    for id in [an, binh] {
        d.delete_account(Some(&bare), id, None).unwrap();
    }
    let make = |by: &Access, name: &str| d.create_account(Some(by), new(name, "H99.1")).map(drop);
    refused(make(&bare, "an@tinh.gov.vn"), NO_REASON);
    make(&bare, "binh@tinh.gov.vn").unwrap();
    make(&why, "an@tinh.gov.vn").unwrap();
    assert_eq!(redirects(&world, an), [["an@tinh.gov.vn"]]);
    // His address rests no longer: nothing is meant for him any more.
    let other = world.officer("qt2@tinh.gov.vn", Role::Administrator, "H99.2");
    let id = world.id("an@tinh.gov.vn");
    append(&world.store, id).unwrap();
    d.delete_account(None, id, None).unwrap();
    world.pass(180 * 24 * 3600);
    d.create_account(Some(&other), new("an@tinh.gov.vn", "H99.2"))
        .unwrap();
    assert!(redirects(&world, id).is_empty());
}

#[test]
fn a_person_who_becomes_a_list_loses_his_mail_to_its_members() {
    let (world, why, bare, an, _) = begin();
    let d = &world.directory;
    let turned = |by: &Access| {
        let mut row = d.account(an).unwrap();
        row.kind = AccountKind::List {
            members: vec![address("binh@tinh.gov.vn")],
        };
        d.change_account(Some(by), row, None).map(drop)
    };
    refused(turned(&bare), NO_REASON);
    turned(&why).unwrap();
    assert_eq!(redirects(&world, an), [["binh@tinh.gov.vn"]]);
}

#[test]
fn where_impersonation_takes_two_so_do_the_ways_round_it() {
    let (world, why, bare, an, _) = begin();
    let d = &world.directory;
    let may = [Capability::ReadDirectory, Capability::ManageAccounts];
    let (second, _) = officer(&world, "hai@tinh.gov.vn", "H99.1", &may);
    two(&world, "H99.1", true);
    let asked = |done: Result<(), Error>| match done {
        Err(Error::Awaiting(id)) => id,
        other => panic!("{other:?}"),
    };
    let chi = &["chi@tinh.gov.vn"];
    refused(go_on(&world, Some(&bare), an, chi, true), NO_REASON);
    let id = asked(go_on(&world, Some(&why), an, chi, true));
    assert_eq!(asked(go_on(&world, Some(&why), an, chi, true)), id);
    assert!(told(&world, an).is_empty() && d.forwarding(None, an).unwrap().to.is_empty());
    let shown = d.approval(&second, id).unwrap();
    assert_eq!(shown.act.name(), "redirect_mail");
    assert!(shown.detail.contains("chi@tinh.gov.vn") && shown.detail.contains("nghỉ thai sản"));
    assert_eq!(d.decide(&why, id, true).err(), Some(Error::NotSecond));
    d.decide(&second, id, true).unwrap();
    // For exactly this, and once.
    assert_ne!(
        asked(go_on(&world, Some(&why), an, &["binh@tinh.gov.vn"], true)),
        id
    );
    go_on(&world, Some(&why), an, chi, true).unwrap();
    assert_eq!(d.approval(&why, id).unwrap().decision, Decision::Used);
    let acts: Vec<_> = d
        .audit(None, 3)
        .unwrap()
        .into_iter()
        .map(|e| e.act)
        .collect();
    assert_eq!(
        acts,
        ["approval.use", "mail.redirect", "account.forwarding"]
    );
    let (found, _) = d.readings_of(an, None, 1, false).unwrap();
    assert_eq!(found[0].0.id, d.audit(None, 3).unwrap()[1].number);
    // To take it back takes one.
    go_on(&world, Some(&bare), an, &[], true).unwrap();
}

#[test]
fn an_address_takes_two_as_well_and_who_is_behind_both_is_none() {
    let (world, why, bare, an, binh) = begin();
    let d = &world.directory;
    let may = [Capability::ReadDirectory, Capability::ManageAccounts];
    let (mine, _) = officer(&world, "ba@tinh.gov.vn", "H99.1", &may);
    two(&world, "H99.1", true);
    let asked = |done: Result<(), Error>| match done {
        Err(Error::Awaiting(id)) => id,
        other => panic!("{other:?}"),
    };
    rename(&world, Some(&bare), an, "an.cu@tinh.gov.vn").unwrap();
    let alias = || {
        d.create_alias(Some(&why), address("an@tinh.gov.vn"), binh)
            .map(drop)
    };
    let id = asked(alias());
    d.decide(&mine, id, true).unwrap();
    let create = || {
        d.create_account(Some(&why), new("an@tinh.gov.vn", "H99.1"))
            .map(drop)
    };
    assert_ne!(asked(create()), id);
    alias().unwrap();
    assert_eq!(redirects(&world, an).len(), 1);
    // Whoever was given the right by who asks is no second person, though he asked by another right.
    let puppet = world.person("roi@tinh.gov.vn", "H99.1").id;
    let boss = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99.1");
    for (who, may) in [
        (puppet, &may[..]),
        (
            binh,
            &[Capability::ReadDirectory, Capability::ManageAliases][..],
        ),
    ] {
        let grant = Grant {
            may: May::Only(Capabilities::of(may)),
            ..Grant::of(Role::Auditor, agency("H99.1"))
        };
        d.give_grant(Some(&boss), who, grant).unwrap();
    }
    let asks = world.enter("binh").because("x").unwrap();
    let (other, chi) = (address("ann+x@tinh.gov.vn"), world.id("chi@tinh.gov.vn"));
    rename(&world, None, an, "ann@tinh.gov.vn").unwrap();
    let id = asked(
        d.create_alias(Some(&asks), address("ann+x@tinh.gov.vn"), chi)
            .map(drop),
    );
    assert_eq!(
        d.decide(&world.enter("roi"), id, true).err(),
        Some(Error::NotSecond)
    );
    assert!(d.alias(&other).is_err());
}

#[test]
fn under_a_legal_order_it_is_told_later() {
    let (world, why, _, an, binh) = begin();
    let d = &world.directory;
    let new = NewOrder {
        number: "15/QĐ".into(),
        date: Day::parse("2026-01-01").unwrap(),
        issuer: "CA".into(),
        hidden_until: world.now_s() + 3_600,
    };
    let order = d.record_order(None, an, new).unwrap().id;
    let under = why.clone().under_order(order);
    let chi = &["chi@tinh.gov.vn"];
    refused(
        go_on(&world, Some(&under), binh, chi, true),
        "Legal-Order: ",
    );
    go_on(&world, Some(&under), an, chi, true).unwrap();
    assert!(told(&world, an).is_empty());
    for entry in d.audit(None, 2).unwrap() {
        assert!(
            entry.detail.contains(&format!("\"order\":{order}")),
            "{entry:?}"
        );
    }
    world.pass(3_600);
    assert_eq!(redirects(&world, an).len(), 1);
}

#[test]
fn a_secret_beside_the_owners_takes_a_reason_and_two() {
    let world = World::new();
    let d = &world.directory;
    let may = [
        Capability::ReadDirectory,
        Capability::ResetCredentials,
        Capability::ManageTokens,
    ];
    let (why, bare) = officer(&world, "cb@tinh.gov.vn", "H99.1", &may);
    let (second, _) = officer(&world, "hai@tinh.gov.vn", "H99.1", &may);
    let an = world.person("an@tinh.gov.vn", "H99.1").id;
    let make = |by: &Access, kind, label: &str| {
        d.create_credential(Some(by), an, kind, label, None)
            .map(drop)
    };
    let app = CredentialKind::AppPassword;
    refused(make(&bare, app, "máy"), "reason: why you make a secret");
    make(&why, app, "máy").unwrap();
    two(&world, "H99.1", true);
    refused(make(&bare, app, "máy"), "reason: why you make a secret");
    let Err(Error::Awaiting(id)) = make(&why, app, "máy 2") else {
        panic!("it takes two");
    };
    assert_eq!(d.credentials(None, an).unwrap().len(), 2);
    let shown = d.approval(&second, id).unwrap();
    assert_eq!(shown.act.name(), "make_secret");
    assert!(shown.detail.contains("máy 2"));
    d.decide(&second, id, true).unwrap();
    make(&why, app, "máy 2").unwrap();
    let acts: Vec<_> = d
        .audit(None, 2)
        .unwrap()
        .into_iter()
        .map(|e| e.act)
        .collect();
    assert_eq!(acts, ["approval.use", "credential.create"]);
    // What shuts its owner out, and what opens no mail, is told only; what he makes himself is not.
    d.set_password(Some(&bare), an, &Secret::new("Dat lai 2026 nhe"))
        .unwrap();
    make(&bare, CredentialKind::FirstPassword, "thư").unwrap();
    make(&bare, CredentialKind::Token, "đồng bộ").unwrap();
    assert_eq!(told(&world, an).len(), 5);
    d.set_password(None, an, &Secret::new(crate::world::PASSWORD))
        .unwrap();
    make(&world.enter("an"), app, "của tôi").unwrap();
    assert_eq!(told(&world, an).len(), 5);
}

#[test]
fn an_address_whose_day_is_over_is_still_meant_for_who_had_it() {
    let (world, _, bare, an, binh) = begin();
    let d = &world.directory;
    let past = Day::parse("2020-01-01");
    let alias = d
        .create_alias(Some(&bare), address("vt@tinh.gov.vn"), an)
        .unwrap();
    let point = |account: AccountId, until: Option<Day>| {
        let version = d.alias(&alias.address).unwrap().version;
        let new = directory::Alias {
            account,
            until,
            version,
            ..alias.clone()
        };
        d.change_alias(Some(&bare), new, None).map(drop)
    };
    point(an, past).unwrap();
    refused(point(binh, None), NO_REASON);
    point(an, None).unwrap();
    // With a detail, and in a domain that stood for his until a day.
    point(an, past).unwrap();
    let detail = address("vt+x@tinh.gov.vn");
    refused(d.create_alias(Some(&bare), detail, binh), NO_REASON);
    let of = Some(domain("tinh.gov.vn"));
    let mut old = d
        .create_domain_for(None, domain("cu.gov.vn"), agency("H99"), of)
        .unwrap();
    old.until = past;
    d.change_domain(None, old, None).unwrap();
    let officer = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let there = address("an@cu.gov.vn");
    refused(d.create_alias(Some(&officer), there, binh), NO_REASON);
    assert!(redirects(&world, an).is_empty());
}

#[test]
fn nobody_takes_an_address_of_who_is_not_his_to_look_after() {
    let (world, why, _, _, binh) = begin();
    let d = &world.directory;
    let of = Some(domain("tinh.gov.vn"));
    d.create_domain_for(None, domain("cu.gov.vn"), agency("H99"), of)
        .unwrap();
    let chair = world.person("chutich@tinh.gov.vn", "H99").id;
    let biet = address("biet.danh@tinh.gov.vn");
    d.create_alias(None, biet, world.person("dung@tinh.gov.vn", "H99.2").id)
        .unwrap();
    let names = [
        "chutich@cu.gov.vn",
        "chutich+x@tinh.gov.vn",
        "biet.danh+q@tinh.gov.vn",
        "chutich@tinh.gov.vn",
    ];
    let trial = Trial::default();
    for name in names {
        // In the words for what is taken, tried or not, with a reason and without.
        for by in [&why, &why.clone().on_trial(&trial)] {
            let done = d.create_alias(Some(by), address(name), binh).map(drop);
            assert_eq!(done, Err(Error::Exists(name.into())));
            if name.ends_with("cu.gov.vn") {
                continue;
            }
            let made = d.create_account(Some(by), new(name, "H99.1")).map(drop);
            assert_eq!(made, Err(Error::Exists(name.into())));
            let renamed = rename(&world, Some(by), binh, name);
            assert_eq!(renamed, Err(Error::Exists(name.into())));
        }
    }
    assert!(trial.ended().is_none() && told(&world, chair).is_empty());
    // Who looks after him may, and what is gone rests for who looked after it.
    let officer = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let officer = officer.because("phân công").unwrap();
    d.create_alias(Some(&officer), address(names[1]), binh)
        .unwrap();
    assert_eq!(redirects(&world, chair), [["binh@tinh.gov.vn"]]);
    rename(&world, None, chair, "chu.tich@tinh.gov.vn").unwrap();
    let detail = d.create_alias(Some(&why), address("chutich+y@tinh.gov.vn"), binh);
    assert_eq!(detail, Err(Error::Exists("chutich+y@tinh.gov.vn".into())));
}

#[test]
fn a_domain_that_comes_to_stand_for_another_gives_nobodys_address_away_unseen() {
    let (world, _, _, an, binh) = begin();
    let d = &world.directory;
    let of = Some(domain("tinh.gov.vn"));
    let made = d.create_domain_for(None, domain("cu.gov.vn"), agency("H99"), of.clone());
    let officer = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let stands = |by: &Access, for_whom: &Option<formats::address::DomainName>| {
        let mut row = made.clone().unwrap();
        row.alias_of.clone_from(for_whom);
        let present = d.domains(None, None, 10).unwrap();
        let present = present.into_iter().find(|one| one.name == row.name);
        row.version = present.unwrap().version;
        d.change_domain(Some(by), row, None).map(drop)
    };
    stands(&officer, &None).unwrap();
    // While it stands for no other, a name in it is whoever's.
    for (name, who) in [("an", binh), ("binh", binh), ("moi", binh)] {
        let alias = address(&format!("{name}@cu.gov.vn"));
        d.create_alias(Some(&officer), alias, who).unwrap();
    }
    refused(stands(&officer, &of), NO_REASON);
    let why = officer.because("nhập tên miền cũ").unwrap();
    stands(&why, &of).unwrap();
    assert_eq!(redirects(&world, an), [["binh@tinh.gov.vn"]]);
    assert!(redirects(&world, binh).is_empty());
}
