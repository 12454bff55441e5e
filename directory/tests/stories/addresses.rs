//! Several addresses of one account, which of them is the main one, and who had an address before.

use crate::world::{World, address, domain, new, refused};
use directory::Role;

#[test]
fn an_alias_becomes_the_main_address_and_the_other_way_round() {
    let world = World::new();
    let an = world.person("an@tinh.gov.vn", "H99.1");
    world.person("binh@tinh.gov.vn", "H99.1");
    let d = &world.directory;
    d.create_alias(None, address("an.nguyen@tinh.gov.vn"), an.id)
        .unwrap();
    let mut row = an.clone();
    row.address = address("binh@tinh.gov.vn");
    refused(
        d.change_account(None, row.clone(), None),
        "binh@tinh.gov.vn exists",
    );
    row.address = address("an.nguyen@tinh.gov.vn");
    let changed = d.change_account(None, row, None).unwrap();
    assert_eq!(changed.address, address("an.nguyen@tinh.gov.vn"));
    let world = world.restart();
    let d = &world.directory;
    for name in ["an", "an.nguyen"] {
        assert_eq!(world.id(&format!("{name}@tinh.gov.vn")), an.id);
        assert_eq!(world.enter(name).account(), an.id);
    }
    let aliases = d.aliases(None, Some(an.id), None, 10).unwrap();
    assert_eq!(aliases.len(), 1);
    assert_eq!(aliases[0].address, address("an@tinh.gov.vn"));
    refused(
        d.create_account(None, new("an@tinh.gov.vn", "H99.1")),
        "an@tinh.gov.vn exists",
    );
    // Another's alias is taken; in a domain that stands for another nobody has a main address.
    d.create_alias(None, address("b@tinh.gov.vn"), world.id("binh@tinh.gov.vn"))
        .unwrap();
    let mut row = d.account(an.id).unwrap();
    row.address = address("b@tinh.gov.vn");
    refused(d.change_account(None, row, None), "b@tinh.gov.vn exists");
    let of = Some(domain("tinh.gov.vn"));
    d.create_domain_for(None, domain("cu.gov.vn"), crate::world::agency("H99"), of)
        .unwrap();
    d.create_alias(None, address("an1@cu.gov.vn"), an.id)
        .unwrap();
    let mut row = d.account(an.id).unwrap();
    row.address = address("an1@cu.gov.vn");
    refused(
        d.change_account(None, row, None),
        "address: an address in a domain that stands",
    );
    // An administrator who may not see him cannot.
    let officer = world.officer("qt2@tinh.gov.vn", Role::Administrator, "H99.2");
    let mut row = world.directory.account(an.id).unwrap();
    row.address = address("an@tinh.gov.vn");
    refused(
        world.directory.change_account(Some(&officer), row, None),
        "account not found",
    );
}

#[test]
fn i07_who_gets_an_address_again_sees_nothing_of_who_had_it() {
    let world = World::new();
    let first = world.person("an@tinh.gov.vn", "H99.1");
    let boxes = |world: &World, id| world.store.account(id).mailboxes().unwrap();
    let old = boxes(&world, first.id);
    let d = &world.directory;
    d.delete_account(None, first.id, None).unwrap();
    let second = world.person("an@tinh.gov.vn", "H99.1");
    assert!(second.id > first.id);
    let access = world.enter("an");
    assert_eq!(access.account(), second.id);
    assert!(access.reach(first.id).is_err() && access.accounts() == [second.id]);
    drop(access);
    // A mail program that remembers the old mailboxes of these names by their UIDVALIDITY takes none of the new ones
    // for them (RFC 9051 §2.3.1.1); nor one after them, after a restart.
    let new = boxes(&world, second.id);
    assert_eq!(new.len(), old.len());
    assert!(
        new.iter()
            .all(|n| old.iter().all(|o| o.uid_validity != n.uid_validity))
    );
    d.delete_account(None, second.id, None).unwrap();
    let world = world.restart();
    let third = world.person("an@tinh.gov.vn", "H99.1");
    let all = boxes(&world, third.id);
    let known = || old.iter().chain(&new);
    assert!(
        all.iter()
            .all(|n| known().all(|o| o.uid_validity != n.uid_validity))
    );
    // An address that nobody had before begins as ever.
    let other = world.person("binh@tinh.gov.vn", "H99.1");
    let begun = boxes(&world, other.id);
    assert_eq!(begun[0].uid_validity, old[0].uid_validity);
}
