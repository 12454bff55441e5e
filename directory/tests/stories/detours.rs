//! Ways round what an administrator may not do: each ends where the straight one does.

use crate::quotas::append;
use crate::world::{World, address, agency, new};
use directory::policy::{Key, Said, Value};
use directory::{Access, AccountKind, Error, Role};

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
