//! Addresses made from names, beside those that are there.

use crate::world::{World, address, agency, domain};
use directory::Error;
use directory::proposal::NameAsked;
use formats::text::NameScheme;

fn asked(name: &str, suffix: Option<&str>) -> NameAsked {
    NameAsked {
        name: name.to_owned(),
        domain: domain("tinh.gov.vn"),
        agency: agency("H99.1"),
        scheme: Some(NameScheme::GivenInitials),
        suffix: suffix.map(str::to_owned),
    }
}

#[test]
fn who_comes_later_gets_the_next_number() {
    let world = World::new();
    let d = &world.directory;
    let check = |name: &str, suffix: Option<&str>, taken: bool, free: &str| {
        let proposals = d.propose_addresses(None, &asked(name, suffix)).unwrap();
        let [one] = proposals.as_slice() else {
            panic!("{proposals:?}");
        };
        assert_eq!(one.taken, taken, "{name}");
        assert_eq!(one.free, Some(address(free)), "{name}");
    };
    check("Nguyễn Văn An", None, false, "annv@tinh.gov.vn");
    let an = world.person("annv@tinh.gov.vn", "H99.1");
    check("Nguyễn Vũ An", None, true, "annv2@tinh.gov.vn");
    // An alias takes an address as well, and so do letters of either case.
    d.create_alias(None, address("AnNV2@tinh.gov.vn"), an.id)
        .unwrap();
    check("Nguyễn Vĩnh Ấn", None, true, "annv3@tinh.gov.vn");
    check("Nguyễn Vĩnh Ấn", Some("cục"), false, "annv.cuc@tinh.gov.vn");
    world.person("annv.cuc@tinh.gov.vn", "H99.2");
    check("Nguyễn Vĩnh Ấn", Some("cuc"), true, "annv2.cuc@tinh.gov.vn");
    // U+00D0, which fonts and converters write for Đ.
    check("\u{d0}ặng \u{d0}ức", None, false, "ducd@tinh.gov.vn");
    // Names of roles are no person's (RFC 2142), unless something else stands behind them.
    for role in ["Abuse", "Hostmaster", "Root", "Webmaster", "Mailer-Daemon"] {
        let local = role.to_lowercase().replace('-', "");
        check(role, None, true, &format!("{local}2@tinh.gov.vn"));
    }
    check("Root", Some("cuc"), false, "root.cuc@tinh.gov.vn");
}

#[test]
fn a_proposal_needs_the_agency_and_its_domain() {
    let world = World::new();
    let officer = world.officer(
        "canbo@tinh.gov.vn",
        directory::Role::AccountOfficer,
        "H99.1",
    );
    let reader = world.officer("kiemtra@tinh.gov.vn", directory::Role::Auditor, "H99.1");
    let neighbour = world.officer(
        "lanhgieng@tinh.gov.vn",
        directory::Role::AccountOfficer,
        "H99.2",
    );
    let d = &world.directory;
    let elsewhere = NameAsked {
        agency: agency("H99.2"),
        ..asked("An", None)
    };
    assert!(
        d.propose_addresses(Some(&officer), &asked("An", None))
            .is_ok()
    );
    let of_another = NameAsked {
        domain: domain("so.tinh.gov.vn"),
        ..elsewhere.clone()
    };
    assert!(matches!(
        d.propose_addresses(Some(&neighbour), &of_another),
        Err(Error::Invalid {
            field: "domain",
            ..
        })
    ));
    assert!(matches!(
        d.propose_addresses(Some(&officer), &elsewhere),
        Err(Error::NotFound("agency"))
    ));
    assert!(matches!(
        d.propose_addresses(Some(&reader), &asked("An", None)),
        Err(Error::Denied(_))
    ));
}
