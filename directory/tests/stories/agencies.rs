//! What agencies are: kinds, official codes, places, and days from which and until which they are there.

use crate::world::{World, address, agency, domain, new, refused};
use directory::profile::{CODES_MAX, agency_codes};
use directory::{Agency, AgencyKind, AgencyProfile, Error, NewAgency, Role};
use formats::date::Day;

/// START_MS of the world is 2026-11-22 in UTC, 07:00 in Vietnam.
const TODAY: &str = "2026-11-22";

fn profile(codes: &[&str]) -> AgencyProfile {
    let codes: Vec<String> = codes.iter().map(|code| (*code).to_owned()).collect();
    AgencyProfile {
        codes: agency_codes(&codes).unwrap(),
        ..AgencyProfile::default()
    }
}

fn change(world: &World, id: &str, edit: impl FnOnce(&mut AgencyProfile)) -> Result<Agency, Error> {
    let mut row = world.directory.agency(&agency(id)).unwrap();
    edit(&mut row.profile);
    world.directory.change_agency(None, row, None)
}

fn make(world: &World, id: &str, parent: &str, profile: AgencyProfile) -> Result<Agency, Error> {
    let new = NewAgency {
        id: agency(id),
        parent: Some(agency(parent)),
        name: "Tên".to_owned(),
        name_en: None,
        quota: directory::AgencyQuota::default(),
        profile,
    };
    world.directory.create_agency(None, new)
}

#[test]
fn official_codes_find_an_agency_and_are_nobody_elses() {
    let world = World::new();
    let two = profile(&["000.00.01.h26", "H26.1", "H26.1", "H99.1"]);
    let row = change(&world, "H99.1", |p| *p = two.clone()).unwrap();
    let kept: Vec<&str> = row.profile.codes.iter().map(|c| c.as_str()).collect();
    assert_eq!(kept, ["000.00.01.H26", "H26.1"]);
    let d = &world.directory;
    for code in ["H99.1", "H26.1", "h26.1", "000.00.01.H26"] {
        assert_eq!(d.agency_coded(code).unwrap().id, agency("H99.1"), "{code}");
    }
    refused(d.agency_coded("H26.2"), "agency not found");
    let taken = |id: &str, codes: &[&str]| make(&world, id, "H99", profile(codes));
    refused(taken("H99.5", &["H26.1"]), "code H26.1 exists");
    refused(taken("H99.5", &["H99.2"]), "code H99.2 exists");
    refused(taken("H26.1", &[]), "code H26.1 exists");
    refused(
        change(&world, "H99.2", |p| *p = profile(&["000.00.01.H26"])),
        "code 000.00.01.H26 exists",
    );
    // What it no longer has is free again, also after a restart.
    change(&world, "H99.1", |p| *p = profile(&["H26.1"])).unwrap();
    let world = world.restart();
    assert_eq!(
        world.directory.agency_coded("H26.1").unwrap().id,
        agency("H99.1")
    );
    change(&world, "H99.2", |p| *p = profile(&["000.00.01.H26"])).unwrap();
    let many: Vec<String> = (0..=CODES_MAX).map(|n| format!("H26.9.{n}")).collect();
    let many = AgencyProfile {
        codes: agency_codes(&many).unwrap(),
        ..AgencyProfile::default()
    };
    refused(change(&world, "H99.2", |p| *p = many), "codes: at most 16");
    assert!(agency_codes(&["xyz".to_owned()]).is_err());
    world
        .directory
        .delete_agency(None, &agency("H99.2.1"), None)
        .unwrap();
    world
        .directory
        .delete_agency(None, &agency("H99.2"), None)
        .unwrap();
    refused(
        world.directory.agency_coded("000.00.01.H26"),
        "agency not found",
    );
}

#[test]
fn an_agency_that_ended_is_read_and_takes_nothing_new() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99.1");
    let d = &world.directory;
    let today = Day::parse(TODAY).unwrap();
    assert_eq!(d.today(), today);
    let wrong = change(&world, "H99.2", |p| {
        (p.since, p.until) = (Some(today), Day::parse("2026-11-21"));
    });
    refused(wrong, "until: a day that is not before");
    change(&world, "H99.2", |p| p.until = Some(today)).unwrap();
    world.person("xa@tinh.gov.vn", "H99.2");
    // Vietnam's next day begins at 17:00 UTC.
    world.pass(17 * 3600);
    assert_eq!(d.today(), Day::parse("2026-11-23").unwrap());
    let ended = "agency: an agency that has not ended";
    refused(
        d.create_account(None, new("moi@tinh.gov.vn", "H99.2")),
        ended,
    );
    let mut mover = d.account_at(&address("an@tinh.gov.vn")).unwrap();
    mover.agency = agency("H99.2");
    refused(d.change_account(None, mover, None), ended);
    refused(
        d.create_domain(None, domain("hai.vn"), agency("H99.2")),
        ended,
    );
    let mut given = d.domain(&domain("so.tinh.gov.vn")).unwrap();
    given.agency = agency("H99.2");
    refused(d.change_domain(None, given, None), ended);
    let below = make(&world, "H99.2.9", "H99.2", AgencyProfile::default());
    refused(below, "parent: an agency that has not ended");
    // What it has stays, and may be changed and moved away.
    let mut xa = d.account_at(&address("xa@tinh.gov.vn")).unwrap();
    xa.name = "Xã".to_owned();
    let mut xa = d.change_account(None, xa, None).unwrap();
    xa.agency = agency("H99.1");
    d.change_account(None, xa, None).unwrap();
    assert_eq!(
        d.agency(&agency("H99.2")).unwrap().profile.until,
        Some(today)
    );
    assert_eq!(d.agencies(None, None, None, 10).unwrap().len(), 4);
    // Until when it is there may be corrected.
    change(&world, "H99.2", |p| p.until = None).unwrap();
    d.create_account(None, new("moi@tinh.gov.vn", "H99.2"))
        .unwrap();
}

#[test]
fn siblings_come_in_the_order_of_their_places() {
    let world = World::new();
    for (id, order) in [("H99.3", 2), ("H99.4", 1), ("H99.5", 2)] {
        let profile = AgencyProfile {
            order,
            kind: AgencyKind::Department,
            ..AgencyProfile::default()
        };
        make(&world, id, "H99", profile).unwrap();
    }
    let d = &world.directory;
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = d.agencies_below(None, &agency("H99"), after.as_ref(), 2);
        let Some(last) = page.last() else { break };
        after = Some((last.profile.order, last.id.clone()));
        seen.extend(page.into_iter().map(|row| row.id.0));
    }
    assert_eq!(seen, ["H99.1", "H99.2", "H99.4", "H99.3", "H99.5"]);
    let officer = world.officer("qt@tinh.gov.vn", Role::Auditor, "H99.3");
    let seen = d.agencies_below(Some(&officer), &agency("H99"), None, 10);
    assert_eq!(seen.len(), 1);
}
