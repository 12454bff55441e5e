//! How people sign what they send: kept over a restart, and gone with whom it is of.

use crate::world::World;
use directory::{Error, Signature};
use formats::address::Address;

#[test]
fn it_holds_over_a_restart_and_goes_with_its_account() {
    let world = World::new();
    for name in ["an", "binh"] {
        world.person(&format!("{name}@tinh.gov.vn"), "H99.1");
    }
    let said = |account, address: &str| Signature {
        text: "Chuyên viên".into(),
        ..Signature::none(account, Address::parse(address).unwrap())
    };
    let (an, binh) = (world.enter("an"), world.enter("binh"));
    let own = said(an.account(), "an@tinh.gov.vn");
    an.set_signature(&own).unwrap();
    let other = said(binh.account(), "binh@tinh.gov.vn");
    binh.set_signature(&other).unwrap();
    // Neither another's list, nor an address that is not one's own.
    for (account, address) in [
        (binh.account(), "binh@tinh.gov.vn"),
        (an.account(), "binh@tinh.gov.vn"),
        (an.account(), "ma@tinh.gov.vn"),
    ] {
        let refused = an.set_signature(&said(account, address));
        assert!(
            matches!(refused, Err(Error::NotFound("identity"))),
            "{refused:?}"
        );
    }
    assert!(an.signatures(binh.account()).unwrap().is_empty());
    let gone = binh.account();
    drop((an, binh));
    let world = world.restart();
    let an = world.enter("an");
    let all = an.signatures(an.account()).unwrap();
    assert_eq!(all.into_values().collect::<Vec<_>>(), [own]);
    world.directory.delete_account(None, gone, None).unwrap();
    let rows = world.store.table("directory.signature").rows(&[], None, 9);
    assert_eq!(rows.unwrap().len(), 1, "only his own is left");
}
