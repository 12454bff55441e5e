//! Acts on agencies, domains, accounts and aliases.

use crate::world::{World, address, agency, domain, new, refused};
use directory::{
    Account, AccountKind, AccountState, Directory, DomainState, NewAgency, Resolution,
};
use storage::Role;

#[test]
fn agencies_make_a_tree() {
    let world = World::new();
    let d = &world.directory;
    let make = |id: &str, parent: Option<&str>, name: &str| {
        d.create_agency(
            None,
            NewAgency {
                id: agency(id),
                parent: parent.map(agency),
                name: name.to_owned(),
                name_en: None,
                quota: directory::AgencyQuota::default(),
                profile: directory::AgencyProfile::default(),
            },
        )
    };
    refused(make("H99", None, "Hai"), "code H99 exists already");
    refused(make("H99.3", Some("H98"), "Ba"), "agency not found");
    refused(make("H99/3", Some("H99"), "Ba"), "id:");
    refused(make("H99..3", Some("H99"), "Ba"), "id:");
    refused(make("", Some("H99"), "Ba"), "id:");
    refused(make(&"1".repeat(36), Some("H99"), "Ba"), "id:");
    refused(make("H99.3", Some("H99"), " \t"), "name:");
    refused(make("H99.3", Some("H99"), "a\nb"), "name:");

    let ids = |parent: Option<&str>, after: Option<&str>| -> Vec<String> {
        let (parent, after) = (parent.map(agency), after.map(agency));
        let page = d
            .agencies(None, parent.as_ref(), after.as_ref(), 10)
            .unwrap();
        page.into_iter().map(|a| a.id.0).collect()
    };
    assert_eq!(ids(None, None), ["H99", "H99.1", "H99.2", "H99.2.1"]);
    assert_eq!(ids(Some("H99"), None), ["H99.1", "H99.2"]);
    assert_eq!(ids(None, Some("H99.1")), ["H99.2", "H99.2.1"]);

    let mut moved = d.agency(&agency("H99.2")).unwrap();
    moved.parent = Some(agency("H99.2.1"));
    refused(d.change_agency(None, moved.clone(), None), "parent:");
    moved.parent = Some(agency("H99.1"));
    assert_eq!(
        d.change_agency(None, moved.clone(), Some(1))
            .unwrap()
            .version,
        2
    );
    refused(d.change_agency(None, moved, Some(1)), "changed meanwhile");
    assert_eq!(ids(Some("H99"), None), ["H99.1"]);
    refused(
        d.delete_agency(None, &agency("H99.2"), None),
        "in use: agencies",
    );
    refused(
        d.delete_agency(None, &agency("H99.1"), None),
        "in use: agencies",
    );
    d.delete_agency(None, &agency("H99.2.1"), None).unwrap();
    d.delete_agency(None, &agency("H99.2"), Some(2)).unwrap();
    refused(
        d.delete_agency(None, &agency("H99.1"), None),
        "in use: domains",
    );
    refused(d.agency(&agency("H99.2")), "agency not found");
}

#[test]
fn the_tree_has_a_limit_of_depth() {
    let world = World::empty();
    world.agency("L1", None);
    for level in 2..=16 {
        world.agency(&format!("L{level}"), Some(&format!("L{}", level - 1)));
    }
    let deeper = NewAgency {
        id: agency("L17"),
        parent: Some(agency("L16")),
        name: "x".to_owned(),
        name_en: None,
        quota: directory::AgencyQuota::default(),
        profile: directory::AgencyProfile::default(),
    };
    refused(
        world.directory.create_agency(None, deeper),
        "parent: at most 16",
    );
}

#[test]
fn domains_are_owned_and_in_use() {
    let world = World::new();
    let d = &world.directory;
    refused(
        d.create_domain(None, domain("tinh.gov.vn"), agency("H99")),
        "tinh.gov.vn exists",
    );
    refused(
        d.create_domain(None, domain("x.vn"), agency("H1")),
        "agency not found",
    );
    refused(
        d.create_domain(None, domain("[127.0.0.1]"), agency("H99")),
        "name:",
    );
    refused(
        d.create_domain(None, domain("localhost"), agency("H99")),
        "name:",
    );
    assert!(d.serves(&domain("TINH.gov.vn")));
    assert!(!d.serves(&domain("gov.vn")));
    let an = world.person("an@tinh.gov.vn", "H99.1");
    refused(
        d.delete_domain(None, &domain("tinh.gov.vn"), None),
        "in use: 1 addresses",
    );
    let mut closed = d.domain(&domain("tinh.gov.vn")).unwrap();
    closed.state = DomainState::Suspended;
    d.change_domain(None, closed, Some(1)).unwrap();
    assert_eq!(
        d.resolve(&an.address, crate::world::PLAIN).unwrap(),
        Resolution::Closed
    );
    assert!(d.serves(&domain("tinh.gov.vn")));
    d.delete_account(None, an.id, None).unwrap();
    d.delete_domain(None, &domain("tinh.gov.vn"), Some(2))
        .unwrap();
    assert_eq!(
        d.resolve(&an.address, crate::world::PLAIN).unwrap(),
        Resolution::Elsewhere
    );
}

#[test]
fn accounts_begin_with_their_mailboxes() {
    let world = World::new();
    let d = &world.directory;
    let an = world.person("An.Nguyen@tinh.gov.vn", "H99.1");
    let made: Vec<_> = world
        .store
        .account(an.id)
        .mailboxes()
        .unwrap()
        .into_iter()
        .map(|m| (m.name, m.role, m.subscribed))
        .collect();
    let expected = [
        ("INBOX", Role::Inbox),
        ("Drafts", Role::Drafts),
        ("Sent", Role::Sent),
        ("Junk", Role::Junk),
        ("Trash", Role::Trash),
        ("Archive", Role::Archive),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(n, r)| ((*n).to_owned(), Some(*r), true))
        .collect();
    assert_eq!(made, expected);
    assert_eq!(d.quota(an.id), Some(1 << 30));
    assert_eq!(
        d.account_at(&address("an.nguyen@TINH.gov.vn")).unwrap(),
        d.account(an.id).unwrap()
    );

    refused(
        d.create_account(None, new("an.nguyen@tinh.gov.vn", "H99")),
        "an.nguyen@tinh.gov.vn exists",
    );
    refused(
        d.create_account(None, new("b@elsewhere.vn", "H99")),
        "address:",
    );
    refused(
        d.create_account(None, new("b@so.tinh.gov.vn", "H98")),
        "agency not found",
    );
    let list = world.list(
        "all@tinh.gov.vn",
        &["an.nguyen@tinh.gov.vn", "AN.nguyen@tinh.gov.vn"],
    );
    assert!(world.store.account(list.id).mailboxes().unwrap().is_empty());
    let AccountKind::List { members } = &list.kind else {
        panic!("a list")
    };
    assert_eq!(members.len(), 1, "the same member twice");
    let seat = Account {
        kind: AccountKind::Shared,
        ..list
    };
    let seat = d.change_account(None, seat, None).unwrap();
    assert_eq!(world.store.account(seat.id).mailboxes().unwrap().len(), 6);
}

#[test]
fn accounts_change_with_their_version() {
    let world = World::new();
    let d = &world.directory;
    let an = world.person("an@tinh.gov.vn", "H99.1");
    world.person("binh@tinh.gov.vn", "H99.1");
    let change = |edit: &dyn Fn(&mut Account), version| {
        let mut account = d.account(an.id).unwrap();
        edit(&mut account);
        d.change_account(None, account, version)
    };
    let renamed = change(&|a| a.name = "  Nguyễn Thị An ".to_owned(), Some(1)).unwrap();
    assert_eq!(
        (renamed.name.as_str(), renamed.version),
        ("Nguyễn Thị An", 2)
    );
    refused(
        change(&|a| a.name = "x".to_owned(), Some(1)),
        "changed meanwhile",
    );
    refused(change(&|a| a.name = "a".repeat(201), None), "name:");
    refused(
        change(&|a| a.address = address("binh@tinh.gov.vn"), None),
        "binh@tinh.gov.vn exists",
    );
    refused(
        change(&|a| a.agency = agency("H98"), None),
        "agency not found",
    );
    refused(
        change(
            &|a| {
                a.grants = vec![directory::Grant::of(
                    directory::Role::Auditor,
                    agency("H98"),
                )]
            },
            None,
        ),
        "grants:",
    );
    change(&|a| a.address = address("An@tinh.gov.vn"), None).unwrap();
    change(&|a| a.address = address("an2@tinh.gov.vn"), None).unwrap();
    refused(
        d.account_at(&address("an@tinh.gov.vn")),
        "account not found",
    );
    change(&|a| a.state = AccountState::Retired, None).unwrap();
    assert_eq!(
        d.resolve(&address("an2@tinh.gov.vn"), crate::world::PLAIN)
            .unwrap(),
        Resolution::Closed
    );
    change(&|a| a.state = AccountState::Suspended, None).unwrap();
    assert!(matches!(
        d.resolve(&address("an2@tinh.gov.vn"), crate::world::PLAIN)
            .unwrap(),
        Resolution::Local { .. }
    ));
}

#[test]
fn accounts_are_found_without_diacritics() {
    let world = World::new();
    let d = &world.directory;
    for (local, name) in [
        ("dat", "Đỗ Tiến Đạt"),
        ("hoa", "Lê Thị Hoà"),
        ("hoang", "Hoàng Văn Đạt"),
    ] {
        let mut account = new(&format!("{local}@tinh.gov.vn"), "H99.2.1");
        account.name = name.to_owned();
        d.create_account(None, account).unwrap();
    }
    let find = |text: &str, at: Option<&str>| -> Vec<String> {
        let at = at.map(agency);
        let page = d.accounts(None, at.as_ref(), Some(text), None, 10).unwrap();
        page.into_iter()
            .map(|a| a.address.local.to_string())
            .collect()
    };
    assert_eq!(find("dat", None), ["dat", "hoang"]);
    assert_eq!(find("ĐẠT hoàng", None), ["hoang"]);
    assert_eq!(find("hoa", Some("H99.2")), ["hoa", "hoang"]);
    assert_eq!(find("hoa", Some("H99.1")), [""; 0]);
    assert_eq!(find("hoa@", None), ["hoa"]);
    refused(
        d.accounts(None, Some(&agency("H98")), None, None, 10),
        "agency not found",
    );
    let all = d.accounts(None, None, None, None, 2).unwrap();
    let rest = d.accounts(None, None, None, Some(all[1].id), 10).unwrap();
    assert_eq!((all.len(), rest.len()), (2, 1));
    assert!(all[1].id < rest[0].id);
}

#[test]
fn aliases_lead_to_accounts_and_go_with_them() {
    let world = World::new();
    let d = &world.directory;
    let an = world.person("an@tinh.gov.vn", "H99.1");
    let binh = world.person("binh@tinh.gov.vn", "H99.1");
    let alias = d
        .create_alias(None, address("VanThu@so.tinh.gov.vn"), an.id)
        .unwrap();
    refused(
        d.create_alias(None, address("vanthu@so.tinh.gov.vn"), binh.id),
        "vanthu@so.tinh.gov.vn exists",
    );
    refused(
        d.create_alias(None, address("binh@tinh.gov.vn"), an.id),
        "binh@tinh.gov.vn exists",
    );
    refused(
        d.create_account(None, new("vanthu@so.tinh.gov.vn", "H99.1")),
        "vanthu@so",
    );
    refused(
        d.create_alias(None, address("x@elsewhere.vn"), an.id),
        "address:",
    );
    let at = |text: &str| d.account_at(&address(text)).map(|a| a.id);
    assert_eq!(at("vanthu@SO.tinh.gov.vn").unwrap(), an.id);
    let moved = directory::Alias {
        account: binh.id,
        ..alias
    };
    refused(
        d.change_alias(None, moved.clone(), Some(7)),
        "changed meanwhile",
    );
    assert_eq!(d.change_alias(None, moved, Some(1)).unwrap().version, 2);
    assert_eq!(at("vanthu@so.tinh.gov.vn").unwrap(), binh.id);
    assert_eq!(d.aliases(None, Some(an.id), None, 10).unwrap(), []);
    assert_eq!(d.aliases(None, Some(binh.id), None, 10).unwrap().len(), 1);
    assert_eq!(d.aliases(None, None, None, 10).unwrap().len(), 1);
    d.delete_account(None, binh.id, None).unwrap();
    refused(
        d.alias(&address("vanthu@so.tinh.gov.vn")),
        "alias not found",
    );
    assert_eq!(
        d.resolve(&address("vanthu@so.tinh.gov.vn"), crate::world::PLAIN)
            .unwrap(),
        Resolution::Unknown
    );
    d.create_alias(None, address("vanthu@so.tinh.gov.vn"), an.id)
        .unwrap();
    d.delete_alias(None, &address("vanthu@so.tinh.gov.vn"), None)
        .unwrap();
    refused(
        d.delete_alias(None, &address("vanthu@so.tinh.gov.vn"), None),
        "alias not found",
    );
}

#[test]
fn i07_account_ids_are_never_given_twice() {
    let mut world = World::new();
    let mut given = std::collections::BTreeSet::new();
    for round in 0..4 {
        for n in 0..20 {
            let account = world.person(&format!("p{round}.{n}@tinh.gov.vn"), "H99");
            assert!(account.id > directory::AccountId::SYSTEM);
            assert!(given.insert(account.id), "{} was given before", account.id);
            assert_eq!(given.last(), Some(&account.id), "ids rise");
            if n % 2 == 0 {
                world
                    .directory
                    .delete_account(None, account.id, None)
                    .unwrap();
                refused(world.directory.account(account.id), "account not found");
            }
        }
        world = world.restart();
    }
    // The address is free again, the mail of the one before is not the next one's.
    let again = world.person("p0.0@tinh.gov.vn", "H99");
    assert!(given.insert(again.id));
}

/// Nor after a repair that lost the row which says up to where they were given.
#[test]
fn i07_ids_leap_over_what_a_loss_took() {
    let mut world = World::new();
    let mut given = std::collections::BTreeSet::new();
    for round in 0..2 {
        for n in 0..80 {
            let account = world.person(&format!("p{round}.{n}@tinh.gov.vn"), "H99");
            assert!(given.insert(account.id), "{} was given before", account.id);
            assert_eq!(given.last(), Some(&account.id), "ids rise");
        }
        world = world.lose_the_end();
        let gone = given.iter().rev();
        let gone = gone.filter(|id| world.directory.account(**id).is_err());
        assert!(gone.count() > 20, "the last ones are lost");
    }
    let after = world.person("sau@tinh.gov.vn", "H99").id;
    assert!(given.insert(after));
    // Once for each loss.
    world = world.restart();
    let next = world.person("sau.nua@tinh.gov.vn", "H99").id;
    assert!(next.raw() < after.raw() + 100, "{next} after {after}");
}

#[test]
fn i19_a_restart_finds_everything_as_it_was() {
    let world = World::new();
    let an = world
        .officer("an@tinh.gov.vn", directory::Role::AccountOfficer, "H99.1")
        .account();
    let d = &world.directory;
    d.create_alias(None, address("vanthu@tinh.gov.vn"), an)
        .unwrap();
    world.list("all@tinh.gov.vn", &["vanthu@tinh.gov.vn", "khac@noi.vn"]);
    let gone = world.person("gone@tinh.gov.vn", "H99.2");
    d.delete_account(None, gone.id, None).unwrap();
    d.create_credential(
        None,
        an,
        directory::CredentialKind::AppPassword,
        "Điện thoại",
        None,
    )
    .unwrap();
    let picture = |d: &Directory| {
        (
            d.agencies(None, None, None, 100).unwrap(),
            d.domains(None, None, 100).unwrap(),
            d.accounts(None, None, None, None, 100).unwrap(),
            d.aliases(None, None, None, 100).unwrap(),
            d.credentials(None, an).unwrap().len(),
            d.audit(None, 100).unwrap(),
            d.resolve(&address("all@tinh.gov.vn"), crate::world::PLAIN)
                .unwrap(),
        )
    };
    let before = picture(&world.directory);
    let world = world.restart();
    assert_eq!(picture(&world.directory), before);
    assert_eq!(world.enter("vanthu").account(), an);
    assert_eq!(world.directory.audit_check().unwrap(), None);
}
