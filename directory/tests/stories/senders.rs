//! Who sends in the name of a seat, or of another person.

use crate::world::{World, address, new};
use directory::{Account, AccountKind, AccountState, Error, NewAccount, Rights, Role, Sending};

fn seat(world: &World) -> Account {
    let new = NewAccount {
        kind: AccountKind::Shared,
        name: "Chủ tịch".into(),
        ..new("chutich@tinh.gov.vn", "H99.1")
    };
    world.directory.create_account(None, new).unwrap()
}

fn member(world: &World, seat: &Account, who: &Account, letters: &str) {
    let rights = Rights::parse(letters).unwrap();
    let d = &world.directory;
    d.set_member(None, seat.id, who.id, rights, None).unwrap();
}

#[test]
fn who_holds_a_seat_sends_as_it() {
    let world = World::new();
    let seat = seat(&world);
    let d = &world.directory;
    d.create_alias(None, address("ct@tinh.gov.vn"), seat.id)
        .unwrap();
    let an = world.person("an@tinh.gov.vn", "H99.1");
    let access = world.enter("an");
    let names = |access: &directory::Access| {
        let each = access.senders().into_iter();
        each.map(|s| format!("{} {:?}", s.address, s.sending))
            .collect::<Vec<_>>()
    };
    let own = "an@tinh.gov.vn As";
    for (letters, expected) in [
        ("lr", Sending::No),
        ("lrswi", Sending::No),
        ("lrswite", Sending::As),
        ("lrswitekxa", Sending::As),
    ] {
        member(&world, &seat, &an, letters);
        let got = access.sending(&address("CHUTICH@tinh.gov.vn"));
        assert_eq!(got, expected, "{letters}");
        assert_eq!(access.sending_for(seat.id), expected, "{letters}");
    }
    let all = [own, "chutich@tinh.gov.vn As", "ct@tinh.gov.vn As"];
    assert_eq!(names(&access), all);
    assert_eq!(access.senders()[1].name, "Chủ tịch");
    // A seat that is suspended sends nothing; a mailbox of a person is no seat.
    let mut suspended = d.account(seat.id).unwrap();
    suspended.state = AccountState::Suspended;
    let mut active = d.change_account(None, suspended, None).unwrap();
    assert_eq!(names(&access), [own]);
    active.state = AccountState::Active;
    d.change_account(None, active, None).unwrap();
    assert_eq!(names(&access), all);
    // The seat passes on.
    member(&world, &seat, &an, "");
    assert_eq!(names(&access), [own]);
    assert_eq!(
        access.sending(&address("khong@tinh.gov.vn")),
        Sending::No,
        "nobody's"
    );
}

#[test]
fn i20_what_an_administrator_says_counts_first_and_is_written_down() {
    let world = World::new();
    let seat = seat(&world);
    let (an, binh) = (
        world.person("an@tinh.gov.vn", "H99.1"),
        world.person("binh@tinh.gov.vn", "H99.1"),
    );
    member(&world, &seat, &an, "lrswite");
    let mine = world.officer("a@tinh.gov.vn", Role::AccountOfficer, "H99.1");
    let other = world.officer("b@tinh.gov.vn", Role::Administrator, "H99.2");
    let d = &world.directory;
    let set =
        |by, of: &Account, who: &Account, how| d.set_sender(Some(by), of.id, who.id, how, None);
    set(&mine, &seat, &an, Some(Sending::No)).unwrap();
    set(&mine, &seat, &binh, Some(Sending::OnBehalf)).unwrap();
    set(&mine, &an, &binh, Some(Sending::As)).unwrap();
    assert!(matches!(
        set(&other, &seat, &binh, Some(Sending::As)),
        Err(Error::NotFound("account"))
    ));
    assert!(matches!(
        set(&mine, &an, &an, Some(Sending::As)),
        Err(Error::Invalid {
            field: "sender",
            ..
        })
    ));
    assert!(matches!(
        set(&mine, &an, &seat, Some(Sending::As)),
        Err(Error::Invalid {
            field: "sender",
            ..
        })
    ));
    let written = d.audit(None, 100).unwrap();
    let acts = written.iter().filter(|e| e.act == "account.sender");
    assert_eq!(acts.count(), 3);

    drop((mine, other));
    let world = world.restart();
    let d = &world.directory;
    let (first, second) = (world.enter("an"), world.enter("binh"));
    assert_eq!(first.sending_for(seat.id), Sending::No);
    assert_eq!(second.sending_for(seat.id), Sending::OnBehalf);
    assert_eq!(second.sending_for(an.id), Sending::As);
    assert_eq!(first.sending_for(binh.id), Sending::No);
    d.set_sender(None, seat.id, an.id, None, None).unwrap();
    assert_eq!(
        first.sending_for(seat.id),
        Sending::As,
        "as the holder again"
    );
    // Who goes is on no list any more, and nobody is on his.
    let stale = d.set_sender(None, seat.id, an.id, Some(Sending::As), Some(1));
    assert!(matches!(stale, Err(Error::Conflict)));
    d.delete_account(None, binh.id, None).unwrap();
    assert_eq!(d.senders(None, seat.id).unwrap().entries, []);
    d.delete_account(None, an.id, None).unwrap();
    assert!(matches!(d.senders(None, an.id), Err(Error::NotFound(_))));
    assert!(!first.stands() && first.senders().is_empty());
}
