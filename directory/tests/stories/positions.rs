//! Positions, who holds them when, and what a handover does to their mailboxes.

use crate::world::{PASSWORD, PLAIN, World, address, agency, new, refused};
use directory::{
    Access, AccountId, AccountKind, AccountState, AgencyProfile, CredentialKind, Denied, Earlier,
    Grant, GrantId, GrantLimits, Handover, NewAccount, NewPosition, Peer, Position, PositionId,
    PositionKind, Resolution, Rights, Role, Secret, Sending,
};
use formats::date::Day;
use storage::Role as MailboxRole;

fn shared(world: &World, name: &str) -> AccountId {
    let new = NewAccount {
        kind: AccountKind::Shared,
        ..new(name, "H99.1")
    };
    world.directory.create_account(None, new).unwrap().id
}

fn seat(world: &World, mailbox: Option<AccountId>) -> Position {
    let new = NewPosition {
        agency: agency("H99.1"),
        kind: PositionKind::Clerk,
        title: "Văn thư".to_owned(),
        title_en: Some("Clerk".to_owned()),
        order: 1,
        mailbox,
        until: None,
    };
    world.directory.create_position(None, new).unwrap()
}

fn to(who: AccountId) -> Handover {
    Handover {
        to: Some(who),
        ..Handover::default()
    }
}

/// The seat `vanthu@` held by An, with Bình reading and a letter in it.
fn held() -> (World, PositionId, AccountId) {
    let world = World::new();
    for name in ["an", "binh", "cuc"] {
        world.person(&format!("{name}@tinh.gov.vn"), "H99.1");
    }
    let mailbox = shared(&world, "vanthu@tinh.gov.vn");
    let seat = seat(&world, Some(mailbox));
    let d = &world.directory;
    let (an, binh) = (world.id("an@tinh.gov.vn"), world.id("binh@tinh.gov.vn"));
    d.hand_over(None, seat.id, to(an), Some(1)).unwrap();
    d.set_member(None, mailbox, binh, Rights::parse("lrs").unwrap(), None)
        .unwrap();
    (world, seat.id, mailbox)
}

/// What lets others into the seat besides its holder: a password, an app password and a session of the seat, a right over
/// one mailbox, a word about senders, a forwarding.
fn let_in(
    world: &World,
    mailbox: AccountId,
    (an, cuc): (&Access, &Access),
) -> (Access, storage::MailboxId) {
    let d = &world.directory;
    d.set_password(None, mailbox, &Secret::new(PASSWORD))
        .unwrap();
    d.create_credential(None, mailbox, CredentialKind::AppPassword, "x", None)
        .unwrap();
    let opened = world.enter("vanthu");
    let inbox = world
        .store
        .account(mailbox)
        .by_role(MailboxRole::Inbox)
        .unwrap()
        .unwrap();
    let single = directory::Sharing::Account(an.account());
    opened
        .change_share(
            mailbox,
            inbox.id,
            single,
            directory::RightsChange::Set(Rights::ALL),
        )
        .unwrap();
    d.set_sender(None, mailbox, an.account(), Some(Sending::OnBehalf), None)
        .unwrap();
    d.set_sender(None, mailbox, cuc.account(), Some(Sending::No), None)
        .unwrap();
    d.set_forwarding(
        None,
        directory::Forwarding {
            account: mailbox,
            to: vec![address("an@tinh.gov.vn")],
            keep: true,
            version: 0,
        },
        None,
    )
    .unwrap();
    (opened, inbox.id)
}

#[test]
fn a_handover_ends_the_rights_of_one_and_begins_those_of_the_other() {
    let (world, id, mailbox) = held();
    let d = &world.directory;
    let (an, cuc) = (world.enter("an"), world.enter("cuc"));
    let seat = address("vanthu@tinh.gov.vn");
    assert_eq!(
        (an.sending(&seat), cuc.sending(&seat)),
        (Sending::As, Sending::No)
    );
    assert!(an.reach(mailbox).is_ok() && cuc.reach(mailbox).is_err());
    let (opened, inbox) = let_in(&world, mailbox, (&an, &cuc));
    let before = d.audit(None, 100).unwrap().len();

    let done = d.hand_over(None, id, to(cuc.account()), None).unwrap();
    assert_eq!(done.mailbox, Some(mailbox));
    assert!(an.reach(mailbox).is_err() && cuc.reach(mailbox).is_ok());
    assert_eq!(
        (an.sending(&seat), cuc.sending(&seat)),
        (Sending::No, Sending::As)
    );
    assert!(an.rights(mailbox, Some(inbox)).is_empty());
    assert!(!opened.stands());
    assert!(world.try_enter("vanthu", PASSWORD).is_err());
    assert_eq!(d.credentials(None, mailbox).unwrap(), []);
    assert!(d.forwarding(None, mailbox).unwrap().to.is_empty());
    // Who comes hears of it, as of whatever changes his rights.
    let told = cuc.notices().unwrap();
    assert_eq!(told.len(), 1);
    assert!(told[0].before.is_empty() && told[0].after.has(directory::sender::HOLDER));
    assert_eq!((told[0].account, told[0].mailbox), (mailbox, inbox));
    // Others stay.
    assert_eq!(
        world.enter("binh").rights(mailbox, None),
        Rights::parse("lrs").unwrap()
    );
    // One act, one entry, which says all of it.
    let log = d.audit(None, 100).unwrap();
    assert_eq!(log.len(), before + 1);
    assert_eq!(
        (log[0].act.as_str(), log[0].object.as_str()),
        ("position.handover", "position/1")
    );
    assert!(log[0].detail.contains("an@tinh.gov.vn") && log[0].detail.contains("cuc@tinh.gov.vn"));
    // After a restart it is as it was.
    drop((an, cuc, opened));
    let world = world.restart();
    let again = world.directory.position(None, id).unwrap();
    assert_eq!(again, done);
    let names: Vec<&str> = again.holdings.iter().map(|h| h.address.as_str()).collect();
    assert_eq!(names, ["an@tinh.gov.vn", "cuc@tinh.gov.vn"]);
    assert!(world.enter("cuc").reach(mailbox).is_ok() && world.enter("an").reach(mailbox).is_err());
}

#[test]
fn what_was_given_out_of_a_seats_grants_hangs_from_its_new_mailbox() {
    let (world, id, old) = held();
    let d = &world.directory;
    let limits = GrantLimits {
        accounts_max: Some(40),
        quota_total_max: None,
    };
    let grant = Grant {
        limits,
        ..Grant::of(Role::Administrator, agency("H99.1"))
    };
    let own = d.give_grant(None, old, grant).unwrap();
    let (_, secret) = d
        .create_credential(None, old, CredentialKind::Token, "ghế", None)
        .unwrap();
    let peer = Peer {
        ip: std::net::Ipv4Addr::LOCALHOST.into(),
        service: "api",
    };
    let seat = d.sign_in_token(&secret, peer).unwrap();
    let (binh, itself) = (world.id("binh@tinh.gov.vn"), old);
    let part = Grant::of(Role::AccountOfficer, agency("H99.1"));
    let given = d.give_grant(Some(&seat), binh, part.clone()).unwrap();
    d.give_grant(Some(&seat), itself, part).unwrap();
    assert_eq!(given.grant.out_of, Some(own.id));
    let handover = Handover {
        earlier: Earlier::Sealed,
        ..to(world.id("cuc@tinh.gov.vn"))
    };
    let heir = d.hand_over(None, id, handover, None).unwrap();
    let heir = heir.mailbox.unwrap();
    drop(seat);
    let world = world.restart();
    let d = &world.directory;
    let now = GrantId {
        account: heir,
        ..own.id
    };
    assert_eq!(d.grant(None, given.id).unwrap().grant.out_of, Some(now));
    let heir = d.account(heir).unwrap();
    let above: Vec<_> = heir.grants.iter().map(|grant| grant.out_of).collect();
    assert_eq!(above, [None, Some(now)]);
    assert!(d.account(old).unwrap().grants.is_empty());
    // Taken with all that was given out of it, as if nothing had been handed over.
    d.take_grant(None, now, true, None).unwrap();
    assert!(d.grant(None, given.id).is_err());
    assert!(d.account(heir.id).unwrap().grants.is_empty());
}

#[test]
fn sealed_mail_is_nobodys() {
    let (world, id, old) = held();
    let d = &world.directory;
    d.create_alias(None, address("vt@tinh.gov.vn"), old)
        .unwrap();
    let (an, binh, cuc) = (world.enter("an"), world.enter("binh"), world.enter("cuc"));
    let before = world.store.account(old).mailboxes().unwrap();
    let handover = Handover {
        earlier: Earlier::Sealed,
        ..to(cuc.account())
    };
    let done = d.hand_over(None, id, handover, None).unwrap();
    let heir = done.mailbox.unwrap();
    assert_ne!(heir, old);
    for name in ["vanthu", "vt"] {
        let at = d
            .account_at(&address(&format!("{name}@tinh.gov.vn")))
            .unwrap();
        assert_eq!((at.id, at.state), (heir, AccountState::Active), "{name}");
    }
    let sealed = d.account(old).unwrap();
    assert_eq!(sealed.state, AccountState::Retired);
    assert_eq!(
        sealed.address.to_string(),
        format!("vanthu.luu-{old}@tinh.gov.vn")
    );
    for who in [&an, &binh, &cuc] {
        assert_eq!(who.reach(old).err(), Some(Denied));
        assert!(who.rights(old, None).is_empty());
        assert!(!who.neighbours().iter().any(|a| a.id == old));
    }
    assert!(cuc.rights(heir, None).has(directory::sender::HOLDER));
    assert_eq!(binh.rights(heir, None), Rights::parse("lrs").unwrap());
    assert!(an.reach(heir).is_err());
    assert_eq!(cuc.sending(&address("vt@tinh.gov.vn")), Sending::As);
    // Mail programs never take the new mailboxes for those of the same names before (RFC 9051 §2.3.1.1).
    let mailboxes = world.store.account(heir).mailboxes().unwrap();
    assert_eq!(mailboxes.len(), before.len());
    for mailbox in &mailboxes {
        assert!(
            before
                .iter()
                .all(|b| b.uid_validity != mailbox.uid_validity)
        );
    }
    // What was accepted for the old one and is not placed yet comes to the new one, and so does what comes later.
    assert_eq!((d.takes_for(old), d.takes_for(heir)), (heir, heir));
    let found = d.resolve(&address("vanthu@tinh.gov.vn"), PLAIN).unwrap();
    assert!(matches!(found, Resolution::Local { accounts, .. } if accounts == [heir]));
    let closed = d.resolve(&sealed.address, PLAIN).unwrap();
    assert_eq!(closed, Resolution::Closed);
    // Once more: the second old one is sealed too, and mail for the first finds its way.
    let handover = Handover {
        earlier: Earlier::Sealed,
        ..to(an.account())
    };
    let again = d.hand_over(None, id, handover, None).unwrap();
    assert_eq!(again.sealed.len(), 2);
    drop((an, binh, cuc));
    let world = world.restart();
    let d = &world.directory;
    assert_eq!(d.takes_for(old), again.mailbox.unwrap());
    assert_eq!(d.takes_for(heir), again.mailbox.unwrap());
    assert!(world.enter("cuc").reach(heir).is_err());
    // Custody works with what was sealed as with a retired account.
    let kept = d.custody(
        None,
        old,
        directory::Capability::RecoverMail,
        "mail.look",
        "{}",
    );
    assert_eq!(kept.unwrap().mailboxes().unwrap().len(), before.len());
}

#[test]
fn mail_under_a_hold_is_not_sealed() {
    let (world, id, mailbox) = held();
    let d = &world.directory;
    d.place_hold(None, mailbox, "Vụ án", None, "Quyết định 5")
        .unwrap();
    let handover = Handover {
        earlier: Earlier::Sealed,
        ..to(world.id("cuc@tinh.gov.vn"))
    };
    refused(
        d.hand_over(None, id, handover, None),
        "under the legal hold",
    );
    d.hand_over(None, id, to(world.id("cuc@tinh.gov.vn")), None)
        .unwrap();
}

#[test]
fn handovers_that_cannot_be_are_refused() {
    let (world, id, mailbox) = held();
    let d = &world.directory;
    let cuc = world.id("cuc@tinh.gov.vn");
    let tomorrow = Handover {
        on: Day::parse("2026-11-23"),
        ..to(cuc)
    };
    refused(
        d.hand_over(None, id, tomorrow, None),
        "on: a day that has come",
    );
    let before = Handover {
        on: Day::parse("2026-11-21"),
        ..to(cuc)
    };
    refused(
        d.hand_over(None, id, before, None),
        "on: a day that has come",
    );
    refused(
        d.hand_over(None, id, to(mailbox), None),
        "to: the account of a person",
    );
    refused(d.hand_over(None, id, to(cuc), Some(1)), "changed meanwhile");
    refused(
        d.hand_over(None, PositionId(9), to(cuc), None),
        "position not found",
    );
    // To nobody, then there is nobody to take it from.
    let nobody = Handover::default();
    let vacant = d.hand_over(None, id, nobody.clone(), None).unwrap();
    assert_eq!(vacant.holder(), None);
    assert!(world.enter("an").reach(mailbox).is_err());
    refused(d.hand_over(None, id, nobody, None), "to: somebody");
    let mut ended = vacant;
    ended.until = Day::parse("2026-11-21");
    let ended = d.change_position(None, ended, None).unwrap();
    refused(d.hand_over(None, id, to(cuc), None), "to: nobody");
    let mut open = ended;
    open.until = None;
    d.change_position(None, open, None).unwrap();
    let mut row = d.agency(&agency("H99.1")).unwrap();
    row.profile = AgencyProfile {
        until: Day::parse("2026-11-21"),
        ..row.profile
    };
    d.change_agency(None, row, None).unwrap();
    refused(
        d.hand_over(None, id, to(cuc), None),
        "to: an agency that has not ended",
    );
}

#[test]
fn a_mailbox_belongs_to_one_position_and_stays_while_it_does() {
    let (world, id, mailbox) = held();
    let d = &world.directory;
    let second = NewPosition {
        agency: agency("H99.1"),
        kind: PositionKind::Desk,
        title: "Khác".to_owned(),
        title_en: None,
        order: 0,
        mailbox: Some(mailbox),
        until: None,
    };
    refused(d.create_position(None, second), "mailbox: a shared account");
    let mut row = d.position(None, id).unwrap();
    row.mailbox = Some(world.id("an@tinh.gov.vn"));
    refused(
        d.change_position(None, row.clone(), None),
        "mailbox: the same",
    );
    d.hand_over(None, id, Handover::default(), None).unwrap();
    refused(
        d.change_position(None, row, None),
        "mailbox: a shared account",
    );
    refused(d.delete_account(None, mailbox, None), "in use: a position");
    let mut person = d.account(mailbox).unwrap();
    person.kind = AccountKind::Person;
    refused(d.change_account(None, person, None), "in use: a position");
    refused(d.delete_position(None, id, None), "in use: a history");
    refused(
        d.delete_agency(None, &agency("H99.1"), None),
        "in use: accounts",
    );
    let other = seat(&world, None);
    assert_eq!(other.id, PositionId(2));
    d.delete_position(None, other.id, Some(1)).unwrap();
    let world = world.restart();
    // A number is never given twice.
    assert_eq!(seat(&world, None).id, PositionId(3));
}

#[test]
fn who_is_deleted_holds_nothing_and_stays_in_the_history() {
    let (world, id, _) = held();
    let d = &world.directory;
    d.delete_account(None, world.id("an@tinh.gov.vn"), None)
        .unwrap();
    let left = d.position(None, id).unwrap();
    assert_eq!(left.holder(), None);
    assert_eq!(left.holdings[0].address, "an@tinh.gov.vn");
    assert_eq!(left.holdings[0].until, Day::parse("2026-11-22"));
}

#[test]
fn i17_positions_outside_the_subtree_are_not_there() {
    let (world, id, mailbox) = held();
    let officer = world.officer("qt2@tinh.gov.vn", Role::Administrator, "H99.2");
    let auditor = world.officer("kt@tinh.gov.vn", Role::Auditor, "H99.1");
    let d = &world.directory;
    let by = Some(&officer);
    let cuc = world.id("cuc@tinh.gov.vn");
    refused(d.position(by, id), "position not found");
    refused(d.hand_over(by, id, to(cuc), None), "position not found");
    refused(d.delete_position(by, id, None), "position not found");
    assert_eq!(d.positions(by, None, None, 10).unwrap(), []);
    let own = NewPosition {
        agency: agency("H99.2"),
        kind: PositionKind::Clerk,
        title: "Văn thư".to_owned(),
        title_en: None,
        order: 0,
        mailbox: Some(mailbox),
        until: None,
    };
    refused(
        d.create_position(by, own.clone()),
        "mailbox: a shared account",
    );
    let own = NewPosition {
        mailbox: None,
        ..own
    };
    let made = d.create_position(by, own).unwrap();
    // Nobody of elsewhere is put into a seat.
    refused(
        d.hand_over(by, made.id, to(cuc), None),
        "to: the account of a person",
    );
    refused(
        d.hand_over(Some(&auditor), id, to(cuc), None),
        "not allowed",
    );
    assert_eq!(
        d.positions(Some(&auditor), None, None, 10).unwrap().len(),
        1
    );
}

#[test]
fn the_reason_of_a_handover_is_its_entrys_and_who_holds_a_seat_is_not_its_next_holder() {
    let (world, id, _) = held();
    let d = &world.directory;
    let admin = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99.1");
    let what = |why: &str| Handover {
        reason: Some(why.to_owned()),
        ..to(world.id("cuc@tinh.gov.vn"))
    };
    d.hand_over(Some(&admin), id, what("QĐ 12"), None).unwrap();
    let entry = || d.audit(None, 1).unwrap().remove(0);
    assert_eq!(entry().reason, "QĐ 12");
    let again = d.hand_over(Some(&admin), id, what("QĐ 13"), None);
    assert!(
        matches!(again, Err(directory::Error::Invalid { field: "to", .. })),
        "{again:?}"
    );
    assert_eq!(d.position(None, id).unwrap().holdings.len(), 2);
    // What the request brings goes first, and both are kept; in another's place it is another holding.
    let brought = admin.because("theo đơn").unwrap();
    let acting = Handover {
        acting: true,
        ..what("QĐ 14")
    };
    d.hand_over(Some(&brought), id, acting, None).unwrap();
    assert_eq!(entry().reason, "theo đơn");
    assert!(entry().detail.contains("QĐ 14"));
}
