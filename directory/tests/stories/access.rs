//! No Access, no mail (I-08); what one may not see does not exist (I-17).

use crate::world::{World, address, agency};
use directory::{AccountId, Capability, Denied, Right};

#[test]
fn i08_mail_is_reached_only_as_oneself() {
    let world = World::new();
    let an = world.person("an@tinh.gov.vn", "H99");
    let binh = world.person("binh@tinh.gov.vn", "H99");
    let access = world.enter("an");
    for right in [Right::Read, Right::Write, Right::Send] {
        assert_eq!(access.mail(an.id, right).unwrap().id(), an.id);
        assert_eq!(access.mail(binh.id, right).err(), Some(Denied));
    }
    assert_eq!(access.accounts(), [an.id]);
    assert_eq!(access.own().unwrap().mailboxes().unwrap().len(), 6);
}

#[test]
fn i08_an_administrator_reads_nobodys_mail() {
    let world = World::new();
    let an = world.person("an@tinh.gov.vn", "H99.1");
    let admin = world.officer("qt@tinh.gov.vn", directory::Role::Administrator, "H99");
    assert_eq!(admin.mail(an.id, Right::Read).err(), Some(Denied));
}

#[test]
fn i17_what_is_not_there_is_denied_alike() {
    let world = World::new();
    let binh = world.person("binh@tinh.gov.vn", "H99");
    world.person("an@tinh.gov.vn", "H99");
    let access = world.enter("an");
    let nobody = AccountId::new(4_000_000).unwrap();
    let answers = [binh.id, nobody, AccountId::SYSTEM].map(|id| access.mail(id, Right::Read).err());
    assert_eq!(answers, [Some(Denied); 3]);
}

#[test]
fn one_sends_as_ones_addresses_only() {
    let world = World::new();
    let an = world.person("an@tinh.gov.vn", "H99");
    let binh = world.person("binh@tinh.gov.vn", "H99");
    let d = &world.directory;
    d.create_alias(None, address("vanthu@tinh.gov.vn"), an.id)
        .unwrap();
    d.create_alias(None, address("khac@tinh.gov.vn"), binh.id)
        .unwrap();
    let access = world.enter("an");
    for (text, expected) in [
        ("an@tinh.gov.vn", true),
        ("AN@TINH.gov.vn", true),
        ("vanthu@tinh.gov.vn", true),
        ("khac@tinh.gov.vn", false),
        ("binh@tinh.gov.vn", false),
        ("an@so.tinh.gov.vn", false),
        ("chutich@noi.vn", false),
    ] {
        assert_eq!(access.may_send_as(&address(text)), expected, "{text}");
    }
    let all: Vec<String> = access
        .sender_addresses()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(all, ["an@tinh.gov.vn", "vanthu@tinh.gov.vn"]);
    assert_eq!(access.name(), "Nguyễn Văn Đạt");
    assert!(!access.may(Capability::ReadDirectory, &agency("H99")));
    d.delete_account(None, an.id, None).unwrap();
    assert_eq!(access.sender_addresses(), []);
    assert!(!access.may_send_as(&address("an@tinh.gov.vn")));
    assert_eq!(access.own().err(), Some(Denied));
}
