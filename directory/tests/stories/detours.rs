//! Ways round what an administrator may not do: each ends where the straight one does.

use crate::quotas::append;
use crate::world::{World, address, new};
use directory::{Access, AccountKind, Error, Role};

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
