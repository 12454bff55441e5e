//! Rights over subtrees: what an officer of a department can and cannot.

use crate::world::{World, address, agency, domain, new};
use directory::{
    Access, Account, AccountState, Capability, CredentialKind, Error, Grant, NewAgency, Role,
    Secret,
};

/// `ok`, `denied` (may see it), `absent` (may not even see it: I-17) or the error's text.
fn outcome<T>(result: Result<T, Error>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(Error::Denied(_)) => "denied".to_owned(),
        Err(Error::Outranked) => "outranked".to_owned(),
        Err(Error::NotFound(_)) => "absent".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn change(world: &World, by: &Access, name: &str, edit: impl Fn(&mut Account)) -> String {
    let mut account = world.directory.account_at(&address(name)).unwrap();
    edit(&mut account);
    outcome(world.directory.change_account(Some(by), account, None))
}

#[test]
fn grants_go_down_the_tree_and_nowhere_else() {
    let world = World::new();
    let officer = world.officer("qt2@tinh.gov.vn", Role::AccountOfficer, "H99.2");
    use Capability::*;
    for (capability, at, expected) in [
        (ManageAccounts, "H99.2", true),
        (ManageAccounts, "H99.2.1", true),
        (ManageAccounts, "H99", false),
        (ManageAccounts, "H99.1", false),
        (ManageAccounts, "H98", false),
        (ReadDirectory, "H99.2.1", true),
        (ManageDomains, "H99.2", false),
        (ManageGrants, "H99.2", false),
        (ReadAudit, "H99.2", false),
    ] {
        assert_eq!(
            officer.may(capability, &agency(at)),
            expected,
            "{capability:?} at {at}"
        );
    }
    assert_eq!(officer.scopes(ManageAccounts), [agency("H99.2")]);
    assert_eq!(officer.scopes(ManageDomains), []);
    let auditor = world.officer("kt@tinh.gov.vn", Role::Auditor, "H99");
    assert!(auditor.may(ReadAudit, &agency("H99.2.1")));
    assert!(!auditor.may(ManageAccounts, &agency("H99.2.1")));
}

#[test]
fn i17_lists_show_the_subtree_only() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99.1");
    world.person("xa@tinh.gov.vn", "H99.2.1");
    let alias = |to: &str, name: &str| {
        world
            .directory
            .create_alias(None, address(name), world.id(to))
            .unwrap();
    };
    alias("an@tinh.gov.vn", "a1@tinh.gov.vn");
    alias("xa@tinh.gov.vn", "x1@tinh.gov.vn");
    let officer = world.officer("qt2@tinh.gov.vn", Role::AccountOfficer, "H99.2");
    let d = &world.directory;
    let by = Some(&officer);
    let agencies: Vec<_> = d.agencies(by, None, None, 10).unwrap();
    assert_eq!(
        agencies.iter().map(|a| a.id.0.as_str()).collect::<Vec<_>>(),
        ["H99.2", "H99.2.1"]
    );
    let accounts: Vec<_> = d.accounts(by, None, None, None, 10).unwrap();
    let names: Vec<String> = accounts
        .iter()
        .map(|a| a.address.local.to_string())
        .collect();
    assert_eq!(names, ["xa", "qt2"]);
    assert_eq!(
        d.accounts(by, Some(&agency("H99.1")), None, None, 10)
            .unwrap(),
        []
    );
    assert_eq!(d.aliases(by, None, None, 10).unwrap().len(), 1);
    assert_eq!(d.domains(by, None, 10).unwrap(), []);
    let nobody = world.enter("an");
    assert_eq!(d.accounts(Some(&nobody), None, None, None, 10).unwrap(), []);
    assert_eq!(d.agencies(Some(&nobody), None, None, 10).unwrap(), []);
}

fn below(parent: &str) -> NewAgency {
    NewAgency {
        id: agency(&format!("{parent}.9")),
        parent: Some(agency(parent)),
        name: "Hai".to_owned(),
        name_en: None,
        quota: directory::AgencyQuota::default(),
        profile: directory::AgencyProfile::default(),
    }
}

#[test]
fn an_officer_works_within_his_subtree() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99.1");
    world.person("xa@tinh.gov.vn", "H99.2.1");
    let officer = world.officer("qt2@tinh.gov.vn", Role::AccountOfficer, "H99.2");
    let d = &world.directory;
    let by = Some(&officer);
    assert_eq!(
        outcome(d.create_account(by, new("moi@tinh.gov.vn", "H99.2.1"))),
        "ok"
    );
    assert_eq!(
        outcome(d.create_account(by, new("moi2@tinh.gov.vn", "H99.1"))),
        "absent"
    );
    assert_eq!(
        outcome(d.create_account(by, new("moi2@tinh.gov.vn", "H99"))),
        "absent"
    );
    let foreign = outcome(d.create_account(by, new("moi2@so.tinh.gov.vn", "H99.2")));
    assert!(
        foreign.starts_with("address:"),
        "a sister's domain: {foreign}"
    );
    assert_eq!(
        change(&world, &officer, "xa@tinh.gov.vn", |a| a.name =
            "Xã".to_owned()),
        "ok"
    );
    assert_eq!(
        change(&world, &officer, "an@tinh.gov.vn", |a| a.name =
            "Ăn".to_owned()),
        "absent"
    );
    assert_eq!(
        change(&world, &officer, "xa@tinh.gov.vn", |a| a.agency =
            agency("H99.1")),
        "absent"
    );
    let grant = |a: &mut Account| a.grants = vec![Grant::of(Role::Administrator, agency("H99.2"))];
    assert_eq!(change(&world, &officer, "xa@tinh.gov.vn", grant), "denied");
    let (xa, an) = (world.id("xa@tinh.gov.vn"), world.id("an@tinh.gov.vn"));
    let secret = Secret::new("Khác 2027");
    assert_eq!(outcome(d.set_password(by, xa, &secret)), "ok");
    assert_eq!(outcome(d.set_password(by, an, &secret)), "absent");
    assert_eq!(
        outcome(d.create_alias(by, address("x1@tinh.gov.vn"), xa)),
        "ok"
    );
    assert_eq!(
        outcome(d.create_alias(by, address("a1@tinh.gov.vn"), an)),
        "absent"
    );
    assert_eq!(outcome(d.credentials(by, xa)), "ok");
    assert_eq!(outcome(d.credentials(by, an)), "absent");
    let token = |id| d.create_credential(by, id, CredentialKind::Token, "t", None);
    assert_eq!(outcome(token(xa)), "denied");
    assert_eq!(outcome(d.delete_account(by, an, None)), "absent");
    assert_eq!(
        outcome(d.create_domain(by, domain("x.vn"), agency("H99.2"))),
        "denied"
    );
    assert_eq!(outcome(d.create_agency(by, below("H99.2"))), "denied");
    assert_eq!(outcome(d.delete_account(by, xa, None)), "ok");
}

#[test]
fn an_officer_cannot_become_the_administrator() {
    let world = World::new();
    let admin = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99.2");
    let officer = world.officer("cb@tinh.gov.vn", Role::AccountOfficer, "H99.2");
    let d = &world.directory;
    let by = Some(&officer);
    let secret = Secret::new("Khác 2027");
    assert_eq!(
        outcome(d.set_password(by, admin.account(), &secret)),
        "outranked"
    );
    let app = CredentialKind::AppPassword;
    assert_eq!(
        outcome(d.create_credential(by, admin.account(), app, "x", None)),
        "outranked"
    );
    let off = |a: &mut Account| a.state = AccountState::Suspended;
    assert_eq!(change(&world, &officer, "qt@tinh.gov.vn", off), "outranked");
    assert_eq!(
        outcome(d.delete_account(by, admin.account(), None)),
        "outranked"
    );
    let own = |a: &mut Account| a.grants = vec![Grant::of(Role::Administrator, agency("H99.2"))];
    assert_eq!(change(&world, &officer, "cb@tinh.gov.vn", own), "outranked");
    // The administrator of a department gives grants there, and not above.
    let up = |a: &mut Account| a.grants.push(Grant::of(Role::Auditor, agency("H99")));
    world.person("xa@tinh.gov.vn", "H99.2.1");
    assert_eq!(change(&world, &admin, "xa@tinh.gov.vn", up), "absent");
    let here = |a: &mut Account| a.grants.push(Grant::of(Role::Auditor, agency("H99.2.1")));
    assert_eq!(change(&world, &admin, "xa@tinh.gov.vn", here), "ok");
    let token = CredentialKind::Token;
    let xa = world.id("xa@tinh.gov.vn");
    assert_eq!(
        outcome(d.create_credential(Some(&admin), xa, token, "t", None)),
        "ok"
    );
    assert_eq!(
        outcome(d.create_credential(Some(&admin), admin.account(), token, "t", None)),
        "ok"
    );
    // Moving a subtree out of reach, or taking one in, needs rights at both ends.
    let mut moved = d.agency(&agency("H99.2.1")).unwrap();
    moved.parent = Some(agency("H99.1"));
    assert_eq!(
        outcome(d.change_agency(Some(&admin), moved.clone(), None)),
        "absent"
    );
    moved.parent = None;
    assert_eq!(
        outcome(d.change_agency(Some(&admin), moved, None)),
        "denied"
    );
}

#[test]
fn a_suspended_administrator_does_nothing_more() {
    let world = World::new();
    let admin = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let mut account = world.directory.account(admin.account()).unwrap();
    account.state = AccountState::Suspended;
    world.directory.change_account(None, account, None).unwrap();
    let d = &world.directory;
    assert_eq!(
        outcome(d.create_account(Some(&admin), new("x@tinh.gov.vn", "H99"))),
        "absent"
    );
    assert_eq!(d.accounts(Some(&admin), None, None, None, 10).unwrap(), []);
}
