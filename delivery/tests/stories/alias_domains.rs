//! A domain that stands for another, on the way in and on the way out.

use crate::signing::{Peer, taken, with_keys};
use crate::world::{LETTER, cause, envelope, remote};
use directory::AgencyId;
use formats::address::DomainName;

#[test]
fn mail_for_the_old_domain_comes_in_and_leaves_signed_by_its_keys() {
    let peer = Peer::new(taken);
    let world = with_keys(&peer);
    let d = &world.directory;
    let name = |text: &str| DomainName::parse(text).unwrap();
    let top = AgencyId("H99".into());
    d.create_domain_for(None, name("cu.gov.vn"), top, Some(name("tinh.gov.vn")))
        .unwrap();
    d.make_first_dkim_keys(None, &name("cu.gov.vn")).unwrap();
    // Both addresses of one person: one letter.
    let both = envelope("x@noi.vn", &["an@cu.gov.vn", "an@tinh.gov.vn"]);
    let receipt = world.delivery.accept(both, LETTER, &remote()).unwrap();
    assert_eq!(receipt.placed, 1);
    let nobody = envelope("x@noi.vn", &["khong@cu.gov.vn"]);
    let refused = world.delivery.accept(nobody, LETTER, &remote());
    assert_eq!(cause(refused), "UnknownRecipient");
    let letter = b"From: an@cu.gov.vn\r\nSubject: x\r\n\r\nbody\r\n";
    let sent = envelope("an@cu.gov.vn", &["y@noi.vn"]);
    let origin = world.submitted("an");
    world.delivery.accept(sent, letter, &origin).unwrap();
    world.dispatch();
    let signatures = peer.only("y@noi.vn");
    assert_eq!(
        signatures.matches("d=cu.gov.vn;").count(),
        2,
        "{signatures}"
    );
    let other = b"From: binh@cu.gov.vn\r\nSubject: x\r\n\r\nbody\r\n";
    let sent = envelope("an@cu.gov.vn", &["y@noi.vn"]);
    let refused = world.delivery.accept(sent, other, &origin);
    assert_eq!(cause(refused), "FromNotYours");
}
