//! A domain that stands for another, as that of a province after it was merged.

use crate::world::{PLAIN, World, address, agency, domain, new};
use directory::{Domain, DomainState, Error, Poster, Resolution, Role, Sending};
use std::collections::BTreeSet;

/// `cu.gov.vn` stands for `tinh.gov.vn`.
fn merged() -> World {
    let world = World::new();
    let d = &world.directory;
    let made = d.create_domain_for(
        None,
        domain("cu.gov.vn"),
        agency("H99"),
        Some(domain("tinh.gov.vn")),
    );
    assert_eq!(made.unwrap().alias_of, Some(domain("tinh.gov.vn")));
    world
}

fn leads(world: &World, to: &str) -> String {
    match world.directory.resolve(&address(to), PLAIN).unwrap() {
        Resolution::Local { accounts, .. } => {
            let names = accounts.iter().map(|id| {
                let account = world.directory.account(*id).unwrap();
                account.address.local.to_string()
            });
            names
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect::<Vec<_>>()
                .join(" ")
        }
        other => format!("{other:?}"),
    }
}

fn check(world: &World, cases: &[(&str, &str)]) {
    for (to, expected) in cases {
        assert_eq!(leads(world, to), *expected, "{to}");
    }
}

#[test]
fn addresses_stand_for_those_of_the_other_domain() {
    let world = merged();
    let d = &world.directory;
    let an = world.person("an@tinh.gov.vn", "H99.1");
    let binh = world.person("binh@tinh.gov.vn", "H99.1");
    d.create_alias(None, address("vanthu@tinh.gov.vn"), an.id)
        .unwrap();
    world.list(
        "all@tinh.gov.vn",
        &["an@cu.gov.vn", "an@tinh.gov.vn", "binh@cu.gov.vn"],
    );
    world.officer("quantri@tinh.gov.vn", Role::Administrator, "H99");
    check(
        &world,
        &[
            ("an@cu.gov.vn", "an"),
            ("AN@CU.gov.vn", "an"),
            ("an+hop@cu.gov.vn", "an"),
            ("vanthu@cu.gov.vn", "an"),
            ("all@cu.gov.vn", "an binh"),
            ("postmaster@cu.gov.vn", "quantri"),
            ("chi@cu.gov.vn", "Unknown"),
        ],
    );
    // Two people of the same name: what is named in the old domain itself goes first.
    d.create_alias(None, address("an@cu.gov.vn"), binh.id)
        .unwrap();
    check(
        &world,
        &[
            ("an@cu.gov.vn", "binh"),
            ("an+x@cu.gov.vn", "binh"),
            ("an@tinh.gov.vn", "an"),
        ],
    );
    let world = world.restart();
    check(
        &world,
        &[("an@cu.gov.vn", "binh"), ("vanthu@cu.gov.vn", "an")],
    );
    // Suspended are both, where the one for which it stands is.
    let d = &world.directory;
    let set = |name: &str, state| {
        let row = d.domain(&domain(name)).unwrap();
        d.change_domain(None, Domain { state, ..row }, None)
            .unwrap();
    };
    set("tinh.gov.vn", DomainState::Suspended);
    check(&world, &[("vanthu@cu.gov.vn", "Closed")]);
    set("tinh.gov.vn", DomainState::Active);
    set("cu.gov.vn", DomainState::Suspended);
    check(
        &world,
        &[("vanthu@cu.gov.vn", "Closed"), ("vanthu@tinh.gov.vn", "an")],
    );
}

#[test]
fn one_signs_in_and_sends_by_the_old_address() {
    let world = merged();
    let d = &world.directory;
    let an = world.person("an@tinh.gov.vn", "H99.1");
    let binh = world.person("binh@tinh.gov.vn", "H99.1");
    let access = world.enter("an@cu.gov.vn");
    assert_eq!(access.account(), an.id);
    let check =
        |from: &str, expected| assert_eq!(access.sending(&address(from)), expected, "{from}");
    check("an@cu.gov.vn", Sending::As);
    check("an+x@cu.gov.vn", Sending::As);
    check("binh@cu.gov.vn", Sending::No);
    check("ai@cu.gov.vn", Sending::No);
    let offered = || {
        let all = access.senders().into_iter();
        let each = all.map(|one| one.address.to_string());
        each.collect::<Vec<_>>().join(" ")
    };
    d.create_alias(None, address("vanthu@tinh.gov.vn"), an.id)
        .unwrap();
    d.create_alias(None, address("cu@so.tinh.gov.vn"), an.id)
        .unwrap();
    assert_eq!(
        offered(),
        "an@tinh.gov.vn cu@so.tinh.gov.vn vanthu@tinh.gov.vn an@cu.gov.vn vanthu@cu.gov.vn"
    );
    for sender in access.senders() {
        check(&sender.address.to_string(), Sending::As);
    }
    // It is another's now.
    d.create_alias(None, address("an@cu.gov.vn"), binh.id)
        .unwrap();
    assert_eq!(
        offered(),
        "an@tinh.gov.vn cu@so.tinh.gov.vn vanthu@tinh.gov.vn vanthu@cu.gov.vn"
    );
    let row = d.domain(&domain("cu.gov.vn")).unwrap();
    let state = DomainState::Suspended;
    d.change_domain(None, Domain { state, ..row }, None)
        .unwrap();
    assert!(!offered().contains("@cu.gov.vn"), "{}", offered());
    let row = d.domain(&domain("cu.gov.vn")).unwrap();
    let state = DomainState::Active;
    d.change_domain(None, Domain { state, ..row }, None)
        .unwrap();
    check("an@cu.gov.vn", Sending::No);
    check("an@tinh.gov.vn", Sending::As);
    // Who claims an address of it without having signed in is not inside.
    world.list("kin@tinh.gov.vn", &["an@tinh.gov.vn"]);
    let poster = Poster::Elsewhere(Some(address("an@cu.gov.vn")));
    let passing = directory::Passing {
        poster: &poster,
        met: &[],
    };
    let found = d.resolve(&address("kin@cu.gov.vn"), passing).unwrap();
    assert_eq!(found, Resolution::MayNotPost);
}

#[test]
fn only_what_is_free_stands_for_another() {
    let world = merged();
    let d = &world.directory;
    let set = |name: &str, of: Option<&str>| {
        let row = d.domain(&domain(name)).unwrap();
        let alias_of = of.map(domain);
        d.change_domain(None, Domain { alias_of, ..row }, None)
    };
    let said = |result: Result<Domain, Error>| match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.to_string(),
    };
    let check = |name: &str, of: Option<&str>, expected: &str| {
        let got = said(set(name, of));
        assert!(got.contains(expected), "{name} {of:?}: {got}");
    };
    check("so.tinh.gov.vn", Some("so.tinh.gov.vn"), "alias_of");
    check("so.tinh.gov.vn", Some("khac.gov.vn"), "alias_of");
    // One step: no chains, no circles.
    check("so.tinh.gov.vn", Some("cu.gov.vn"), "alias_of");
    check(
        "tinh.gov.vn",
        Some("so.tinh.gov.vn"),
        "a domain that stands for it",
    );
    assert!(d.delete_domain(None, &domain("tinh.gov.vn"), None).is_err());
    world.person("an@so.tinh.gov.vn", "H99.1");
    check("so.tinh.gov.vn", Some("tinh.gov.vn"), "1 accounts");
    check("cu.gov.vn", None, "ok");
    world.person("an@cu.gov.vn", "H99.1");
    check("cu.gov.vn", Some("tinh.gov.vn"), "1 accounts");
    let account = d.account_at(&address("an@cu.gov.vn")).unwrap();
    let moved = directory::Account {
        address: address("an@tinh.gov.vn"),
        ..account
    };
    d.change_account(None, moved, None).unwrap();
    check("cu.gov.vn", Some("tinh.gov.vn"), "ok");
    // No account is made in it any more.
    let made = d.create_account(None, new("moi@cu.gov.vn", "H99.1"));
    assert!(made.unwrap_err().to_string().contains("address"));
    // Who manages one agency takes no domain of another for his.
    let officer = world.officer("truong@so.tinh.gov.vn", Role::Administrator, "H99.1");
    let stolen = d.create_domain_for(
        Some(&officer),
        domain("moi.so.tinh.gov.vn"),
        agency("H99.1"),
        Some(domain("tinh.gov.vn")),
    );
    assert!(stolen.unwrap_err().to_string().contains("alias_of"));
    d.delete_domain(None, &domain("cu.gov.vn"), None).unwrap();
    assert_eq!(leads(&world, "an@cu.gov.vn"), "Elsewhere");
}

#[test]
fn a_domain_that_stands_for_another_ends_with_its_last_day() {
    let world = merged();
    let d = &world.directory;
    let an = world.person("an@tinh.gov.vn", "H99.1");
    d.create_alias(None, address("an1@cu.gov.vn"), an.id)
        .unwrap();
    world.list("all@tinh.gov.vn", &["an@cu.gov.vn", "xa@noi.vn"]);
    let until = |name: &str, day: Option<&str>| {
        let row = d.domain(&domain(name)).unwrap();
        let row = Domain {
            until: day.map(|day| formats::date::Day::parse(day).unwrap()),
            ..row
        };
        d.change_domain(None, row, None)
    };
    let own = until("tinh.gov.vn", Some("2026-11-22")).unwrap_err();
    assert!(own.to_string().starts_with("until: nothing"), "{own}");
    until("cu.gov.vn", Some("2026-11-22")).unwrap();
    check(
        &world,
        &[
            ("an@cu.gov.vn", "an"),
            ("an1@cu.gov.vn", "an"),
            ("chi@cu.gov.vn", "Unknown"),
        ],
    );
    let access = world.enter("an@cu.gov.vn");
    assert_eq!(access.sending(&address("an@cu.gov.vn")), Sending::As);
    let offered = |access: &directory::Access| access.senders().len();
    assert_eq!(offered(&access), 3);
    // Vietnam's next day begins at 17:00 UTC.
    world.pass(17 * 3600 - 1);
    check(&world, &[("an@cu.gov.vn", "an")]);
    world.pass(1);
    check(
        &world,
        &[
            ("an@cu.gov.vn", "Moved"),
            ("an1@cu.gov.vn", "Moved"),
            ("chi@cu.gov.vn", "Moved"),
            ("postmaster@cu.gov.vn", "Moved"),
            ("an@tinh.gov.vn", "an"),
        ],
    );
    let password = crate::world::PASSWORD;
    for name in ["an@cu.gov.vn", "an1@cu.gov.vn"] {
        let refused = world.try_enter(name, password).unwrap_err();
        assert_eq!(refused, directory::SignInError::Refused, "{name}");
    }
    let access = world.enter("an@tinh.gov.vn");
    assert_eq!(access.sending(&address("an@cu.gov.vn")), Sending::No);
    assert_eq!((offered(&access), access.sender_addresses().len()), (1, 1));
    // Members of lists there are gone, as those of a suspended domain are.
    let found = d.resolve(&address("all@tinh.gov.vn"), PLAIN).unwrap();
    let Resolution::Local {
        accounts,
        gone,
        remote,
        ..
    } = found
    else {
        panic!("{found:?}")
    };
    assert_eq!(
        (accounts.len(), gone, remote.len()),
        (0, vec![address("an@cu.gov.vn")], 1)
    );
    // It may be given more time.
    until("cu.gov.vn", Some("2027-11-22")).unwrap();
    check(&world, &[("an@cu.gov.vn", "an")]);
}

#[test]
fn an_alias_serves_until_its_last_day_is_over() {
    let world = merged();
    let d = &world.directory;
    let an = world.person("an@tinh.gov.vn", "H99.1").id;
    let day = |text: &str| formats::date::Day::parse(text);
    let alias = address("cu.an@tinh.gov.vn");
    let over = d.create_alias_until(None, alias.clone(), an, day("2026-11-20"));
    let over = over.unwrap_err().to_string();
    assert!(over.starts_with("until: today or a later day"), "{over}");
    d.create_alias_until(None, alias.clone(), an, day("2026-11-22"))
        .unwrap();
    let names = [
        "cu.an@tinh.gov.vn",
        "cu.an+viec@tinh.gov.vn",
        "cu.an@cu.gov.vn",
    ];
    let all = |found| names.map(|name| (name, found));
    check(&world, &all("an"));
    let sends = |name: &str| {
        let access = world.enter(name);
        let offered = access.sender_addresses().contains(&alias);
        (offered, access.sending(&alias))
    };
    assert_eq!(sends("cu.an@tinh.gov.vn"), (true, Sending::As));
    // Vietnam's next day begins at 17:00 UTC.
    world.pass(17 * 3600);
    check(&world, &all("Moved"));
    check(
        &world,
        &[("an@tinh.gov.vn", "an"), ("la@tinh.gov.vn", "Unknown")],
    );
    let password = crate::world::PASSWORD;
    let refused = world.try_enter("cu.an@tinh.gov.vn", password).unwrap_err();
    assert_eq!(refused, directory::SignInError::Refused);
    assert_eq!(sends("an@tinh.gov.vn"), (false, Sending::No));
    // It is still his, and taken; it may be given more time, or none.
    let taken = d.create_alias(None, alias.clone(), an).unwrap_err();
    assert!(matches!(taken, Error::Exists(_)), "{taken}");
    for until in [day("2027-11-22"), None] {
        let row = d.alias(&alias).unwrap();
        d.change_alias(None, directory::Alias { until, ..row }, None)
            .unwrap();
        check(&world, &all("an"));
    }
    let world = world.restart();
    assert_eq!(world.directory.alias(&alias).unwrap().until, None);
}
