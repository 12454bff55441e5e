//! Lists that find their members by a rule.

use crate::world::{PLAIN, World, address, agency, new, refused};
use directory::{
    AccountId, AccountKind, AccountState, AgencyKind, Handover, ListRule, NewAccount, NewPosition,
    OwnerKind, Passing, PositionId, PositionKind, Poster, Posting, Resolution, Role,
};
use formats::date::Day;

/// H99.1 is a department, H99.2 and H99.2.1 are communes, each with a person.
fn communes() -> World {
    let world = World::new();
    let d = &world.directory;
    for (id, kind) in [
        ("H99.1", AgencyKind::Department),
        ("H99.2", AgencyKind::Commune),
        ("H99.2.1", AgencyKind::Commune),
    ] {
        let mut row = d.agency(&agency(id)).unwrap();
        row.profile.kind = kind;
        d.change_agency(None, row, None).unwrap();
    }
    for (name, at) in [("an", "H99.1"), ("binh", "H99.2"), ("cuc", "H99.2.1")] {
        world.person(&format!("{name}@tinh.gov.vn"), at);
    }
    world.list("ds@tinh.gov.vn", &[]);
    world
}

fn rule(under: &str, kinds: &[AgencyKind], seats: &[PositionKind]) -> ListRule {
    ListRule {
        under: agency(under),
        agency_kinds: kinds.to_vec(),
        position_kinds: seats.to_vec(),
        account_kinds: Vec::new(),
    }
}

fn say(world: &World, rule: Option<ListRule>) {
    let d = &world.directory;
    let mut rules = d.list_rules(None, world.id("ds@tinh.gov.vn")).unwrap();
    rules.rule = rule;
    d.set_list_rules(None, rules, None).unwrap();
}

/// Whom a letter to the list reaches, by their names.
fn reached(world: &World) -> Vec<String> {
    let found = world.directory.resolve(&address("ds@tinh.gov.vn"), PLAIN);
    let Resolution::Local { accounts, .. } = found.unwrap() else {
        return Vec::new();
    };
    let name = |id: &AccountId| {
        world
            .directory
            .account(*id)
            .unwrap()
            .address
            .local
            .to_string()
    };
    accounts.iter().map(name).collect()
}

fn chairman(world: &World, at: &str, mailbox: Option<AccountId>, who: &str) -> PositionId {
    let new = NewPosition {
        agency: agency(at),
        kind: PositionKind::Chairman,
        title: "Chủ tịch".to_owned(),
        title_en: None,
        order: 0,
        mailbox,
        until: None,
    };
    let made = world.directory.create_position(None, new).unwrap().id;
    pass_to(world, made, Some(who));
    made
}

fn pass_to(world: &World, seat: PositionId, who: Option<&str>) {
    let handover = Handover {
        to: who.map(|who| world.id(&format!("{who}@tinh.gov.vn"))),
        ..Handover::default()
    };
    world
        .directory
        .hand_over(None, seat, handover, None)
        .unwrap();
}

#[test]
fn a_list_finds_accounts_by_subtree_and_kinds() {
    let world = communes();
    assert!(reached(&world).is_empty());
    say(&world, Some(rule("H99", &[], &[])));
    assert_eq!(reached(&world), ["an", "binh", "cuc"]);
    say(&world, Some(rule("H99", &[AgencyKind::Commune], &[])));
    assert_eq!(reached(&world), ["binh", "cuc"]);
    say(&world, Some(rule("H99.2.1", &[], &[])));
    assert_eq!(reached(&world), ["cuc"]);
    // As at the time of the letter: who comes, goes, and an agency that ends.
    say(&world, Some(rule("H99", &[AgencyKind::Commune], &[])));
    world.person("dung@tinh.gov.vn", "H99.2");
    let d = &world.directory;
    let mut binh = d.account_at(&address("binh@tinh.gov.vn")).unwrap();
    binh.state = AccountState::Retired;
    d.change_account(None, binh, None).unwrap();
    assert_eq!(reached(&world), ["cuc", "dung"]);
    let mut ended = d.agency(&agency("H99.2.1")).unwrap();
    ended.profile.until = Day::parse("2026-11-22");
    d.change_agency(None, ended, None).unwrap();
    assert_eq!(reached(&world), ["cuc", "dung"]);
    world.pass(24 * 3600);
    assert_eq!(reached(&world), ["dung"]);
    // Other kinds of accounts, and a list besides that it names.
    let room = NewAccount {
        kind: AccountKind::Resource,
        ..new("phong@tinh.gov.vn", "H99.2")
    };
    d.create_account(None, room).unwrap();
    say(
        &world,
        Some(ListRule {
            account_kinds: vec![OwnerKind::Resource],
            ..rule("H99", &[], &[])
        }),
    );
    assert_eq!(reached(&world), ["phong"]);
    let world = world.restart();
    assert_eq!(reached(&world), ["phong"]);
    let reach = world
        .directory
        .list_reach(None, world.id("ds@tinh.gov.vn"))
        .unwrap();
    assert_eq!((reach.count, reach.first.len()), (1, 1));
}

#[test]
fn a_list_finds_every_chairman_of_a_commune() {
    let world = communes();
    let d = &world.directory;
    let seat = NewAccount {
        kind: AccountKind::Shared,
        ..new("chutich@tinh.gov.vn", "H99.2")
    };
    let mailbox = d.create_account(None, seat).unwrap().id;
    chairman(&world, "H99.1", None, "an");
    chairman(&world, "H99.2", Some(mailbox), "binh");
    let third = chairman(&world, "H99.2.1", None, "cuc");
    say(
        &world,
        Some(rule(
            "H99",
            &[AgencyKind::Commune],
            &[PositionKind::Chairman],
        )),
    );
    // The seat's mailbox where it has one, else who holds it.
    assert_eq!(reached(&world), ["cuc", "chutich"]);
    pass_to(&world, third, Some("an"));
    assert_eq!(reached(&world), ["an", "chutich"]);
    pass_to(&world, third, None);
    assert_eq!(reached(&world), ["chutich"]);
    // Whom the rule finds is a member who may post.
    let list = world.id("ds@tinh.gov.vn");
    let mut rules = d.list_rules(None, list).unwrap();
    rules.posting = Posting::Members;
    d.set_list_rules(None, rules, None).unwrap();
    let may = |who: &str| {
        let poster = Poster::Account(world.id(&format!("{who}@tinh.gov.vn")));
        let passing = Passing {
            poster: &poster,
            met: &[],
        };
        d.resolve(&address("ds@tinh.gov.vn"), passing).unwrap() != Resolution::MayNotPost
    };
    assert!(may("binh"), "who holds the seat posts as the seat");
    assert!(!may("cuc"));
}

#[test]
fn i17_nobody_lets_a_list_find_whom_he_does_not_manage() {
    let world = communes();
    let officer = world.officer("qt2@tinh.gov.vn", Role::Administrator, "H99.2");
    let d = &world.directory;
    let by = Some(&officer);
    let own = NewAccount {
        kind: AccountKind::List {
            members: Vec::new(),
        },
        ..new("cua2@tinh.gov.vn", "H99.2")
    };
    let list = d.create_account(by, own).unwrap().id;
    let mut rules = d.list_rules(by, list).unwrap();
    rules.rule = Some(rule("H99", &[], &[]));
    refused(
        d.set_list_rules(by, rules.clone(), None),
        "agency not found",
    );
    rules.rule = Some(rule("H99.2.1", &[], &[]));
    let said = d.set_list_rules(by, rules, None).unwrap();
    assert_eq!(d.list_reach(by, list).unwrap().count, 1);
    // A rule from above stays when he changes something else, and he counts only whom he may see.
    let mut wide = said;
    wide.rule = Some(rule("H99", &[], &[]));
    let mut said = d.set_list_rules(None, wide, None).unwrap();
    said.posting = Posting::Anyone;
    let said = d.set_list_rules(by, said, None).unwrap();
    assert_eq!(said.rule, Some(rule("H99", &[], &[])));
    assert_eq!(d.list_reach(None, list).unwrap().count, 4);
    assert_eq!(d.list_reach(by, list).unwrap().count, 3);
    let mut both = said;
    both.rule = Some(ListRule {
        account_kinds: vec![OwnerKind::Person],
        ..rule("H99.2", &[], &[PositionKind::Clerk])
    });
    refused(
        d.set_list_rules(by, both, None),
        "rule: kinds of accounts or kinds",
    );
}
