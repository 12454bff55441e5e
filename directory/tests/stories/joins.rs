//! Who lets himself into a shared mailbox, and what its members are told of what is done with it.

use crate::diversions::{begin, told, two};
use crate::quotas::append;
use crate::world::{World, agency, new, refused};
use directory::{
    Access, AccountId, AccountKind, CredentialKind, Decision, Error, Handover, NewAccount,
    NewOrder, NewPosition, PositionKind, Rights, Role, Scope, Secret,
};
use formats::date::Day;

/// A shared mailbox with a letter, and its member who holds its seat.
fn office(world: &World, member: AccountId) -> AccountId {
    let d = &world.directory;
    let made = d.create_account(
        None,
        NewAccount {
            kind: AccountKind::Shared,
            ..new("vanthu@tinh.gov.vn", "H99.1")
        },
    );
    let id = made.unwrap().id;
    d.set_member(None, id, member, Rights::ALL, None).unwrap();
    append(&world.store, id).unwrap();
    id
}

#[test]
fn who_lets_himself_in_says_why_and_the_others_are_told() {
    let (world, why, bare, an, binh) = begin();
    let d = &world.directory;
    let sh = office(&world, an);
    let reads = Rights::parse("lr").unwrap();
    let me = why.account();
    let join = |by: &Access, who: AccountId, rights: &str| {
        let rights = Rights::parse(rights).unwrap();
        d.set_member(Some(by), sh, who, rights, None).map(drop)
    };
    let no_reason = "reason: why you let yourself into this mailbox";
    refused(join(&bare, me, "lr"), no_reason);
    refused(join(&bare, me, "la"), no_reason);
    // Somebody else is let in as ever, unless he who lets him in knows a secret of his.
    join(&bare, binh, "lr").unwrap();
    let puppet = world.person("roi@tinh.gov.vn", "H99.1").id;
    let setter = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99.1");
    d.set_password(Some(&setter), puppet, &Secret::new("Toi biet 2026"))
        .unwrap();
    refused(join(&setter, puppet, "lr"), no_reason);
    join(&bare, puppet, "l").unwrap();
    join(&why, me, "lr").unwrap();
    let scope = Scope::Member(sh);
    for who in [an, binh, sh] {
        let rows = told(&world, who);
        let expected = (
            scope.clone(),
            "cb@tinh.gov.vn".into(),
            "nghỉ thai sản".into(),
        );
        assert_eq!(rows, [expected], "{who}");
    }
    assert!(told(&world, me).is_empty());
    assert_eq!(d.audit(None, 1).unwrap()[0].act, "account.member");
    // Who reads already gets further rights without; and may be taken off.
    join(&bare, me, "lrs").unwrap();
    d.set_member(Some(&bare), sh, me, Rights::NONE, None)
        .unwrap();
    refused(join(&bare, me, "lr"), no_reason);
    // Where nothing is and nobody else, nothing is to be told.
    let empty = d.create_account(
        None,
        NewAccount {
            kind: AccountKind::Shared,
            ..new("moi@tinh.gov.vn", "H99.1")
        },
    );
    let empty = empty.unwrap().id;
    d.set_member(Some(&bare), empty, me, reads, None).unwrap();
    // It takes two where impersonation does.
    two(&world, "H99.1", true);
    let Err(Error::Awaiting(id)) = join(&why, me, "lr") else {
        panic!("it takes two");
    };
    assert_eq!(d.approval(&why, id).unwrap().act.name(), "join_mailbox");
    d.decide(&setter, id, true).unwrap();
    join(&why, me, "lr").unwrap();
    assert_eq!(d.approval(&why, id).unwrap().decision, Decision::Used);
    assert_eq!(told(&world, an).len(), 2);
}

#[test]
fn who_takes_a_position_himself_says_why() {
    let (world, _, bare, an, _) = begin();
    let d = &world.directory;
    let sh = office(&world, an);
    let seat = d.create_position(
        None,
        NewPosition {
            agency: agency("H99.1"),
            kind: PositionKind::Clerk,
            title: "Văn thư".into(),
            title_en: None,
            order: 1,
            mailbox: Some(sh),
            until: None,
        },
    );
    let seat = seat.unwrap().id;
    let take = |reason: Option<&str>, to: AccountId| {
        let what = Handover {
            to: Some(to),
            reason: reason.map(Into::into),
            ..Handover::default()
        };
        d.hand_over(Some(&bare), seat, what, None).map(drop)
    };
    take(None, an).unwrap();
    let me = bare.account();
    refused(
        take(None, me),
        "reason: why you let yourself into this mailbox",
    );
    take(Some("kiêm nhiệm"), me).unwrap();
    let expected = (
        Scope::Member(sh),
        "cb@tinh.gov.vn".into(),
        "kiêm nhiệm".into(),
    );
    assert_eq!(told(&world, an), [expected]);
    assert_eq!(d.audit(None, 1).unwrap()[0].act, "position.handover");
}

#[test]
fn what_is_done_with_a_shared_mailbox_is_told_to_whoever_reads_it() {
    let world = World::new();
    let d = &world.directory;
    let admin = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let admin = admin.because("tìm công văn").unwrap();
    let an = world.person("an@tinh.gov.vn", "H99.1").id;
    let sh = office(&world, an);
    d.set_member(
        None,
        sh,
        admin.account(),
        Rights::parse("lr").unwrap(),
        None,
    )
    .unwrap();
    d.impersonate(&admin, sh, 5).unwrap();
    let expected = |scope: Scope| {
        (
            scope,
            "qt@tinh.gov.vn".to_owned(),
            "tìm công văn".to_owned(),
        )
    };
    for who in [an, sh] {
        assert_eq!(told(&world, who), [expected(Scope::Impersonation(sh))]);
    }
    // Not to himself.
    assert!(told(&world, admin.account()).is_empty());
    let member = world.enter("an");
    assert!(member.is_insider(sh) && !member.is_insider(admin.account()));
    assert!(!world.enter("qt").is_insider(an));
    // Its mail restored or held, and secrets of it, alike.
    d.open_reading(&admin, Scope::Mail(sh)).unwrap();
    assert_eq!(told(&world, an)[0], expected(Scope::Mail(sh)));
    let app = |by: &Access| {
        d.create_credential(Some(by), sh, CredentialKind::AppPassword, "m", None)
            .map(drop)
    };
    let secret = Secret::new("Chung 2026 hop thu");
    let set = |by: &Access| d.set_password(Some(by), sh, &secret).map(drop);
    let bare = world.enter("qt");
    let no_reason = "reason: why you make a secret by which mail of another is read";
    refused(app(&bare), no_reason);
    refused(set(&bare), no_reason);
    app(&admin).unwrap();
    set(&admin).unwrap();
    assert_eq!(told(&world, an)[..2], vec![expected(Scope::Secret(sh)); 2]);
    // Under a legal order about the mailbox its members are not told either.
    let order = NewOrder {
        number: "15/QĐ".into(),
        date: Day::parse("2026-01-01").unwrap(),
        issuer: "CA".into(),
        hidden_until: world.now_s() + 3_600,
    };
    let order = d.record_order(Some(&admin), sh, order).unwrap().id;
    let under = admin.clone().under_order(order);
    let seen = told(&world, an).len();
    d.impersonate(&under, sh, 5).unwrap();
    assert_eq!(told(&world, an).len(), seen);
    world.pass(3_600);
    assert_eq!(told(&world, an).len(), seen + 1);
    // Who is a member no more is told no more.
    d.set_member(None, sh, an, Rights::NONE, None).unwrap();
    d.impersonate(&admin, sh, 5).unwrap();
    assert_eq!(told(&world, an).len(), seen + 1);
    assert!(!member.is_insider(sh));
}

/// The other way round: let in first, given a secret afterwards.
#[test]
fn i20_a_secret_for_who_reads_a_shared_mailbox_and_never_had_one_is_a_join() {
    let (world, _, _, an, _) = begin();
    let d = &world.directory;
    let sh = office(&world, an);
    let bare = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99.1");
    let why = bare.clone().because("tìm công văn").unwrap();
    let second = world.officer("hai@tinh.gov.vn", Role::Administrator, "H99");
    let puppet = d.create_account(None, new("roi@tinh.gov.vn", "H99.1"));
    let puppet = puppet.unwrap().id;
    let reads = Rights::parse("lr").unwrap();
    d.set_member(Some(&bare), sh, puppet, reads, None).unwrap();
    let no_reason = "reason: why you make a secret by which mail of another is read";
    let set = |by: &Access, secret: &str| {
        d.set_password(Some(by), puppet, &Secret::new(secret))
            .map(drop)
    };
    let make = |by: &Access, kind: CredentialKind| {
        d.create_credential(Some(by), puppet, kind, "thư", None)
            .map(drop)
    };
    refused(set(&bare, "Toi biet 2026"), no_reason);
    refused(make(&bare, CredentialKind::FirstPassword), no_reason);
    // A token opens no mail.
    make(&bare, CredentialKind::Token).unwrap();
    make(&why, CredentialKind::FirstPassword).unwrap();
    let row = |scope| {
        (
            scope,
            "qt@tinh.gov.vn".to_owned(),
            "tìm công văn".to_owned(),
        )
    };
    for who in [an, sh] {
        assert_eq!(told(&world, who), [row(Scope::Member(sh))], "{who}");
    }
    assert!(told(&world, puppet).contains(&row(Scope::Secret(puppet))));
    let log = d.audit(None, 2).unwrap();
    let entry = |n: usize| (log[n].act.as_str(), log[n].object.as_str());
    assert_eq!(entry(0), ("member.secret", "vanthu@tinh.gov.vn"));
    assert_eq!(entry(1), ("password.first", "roi@tinh.gov.vn"));
    // It takes two where letting oneself in does.
    two(&world, "H99.1", true);
    let Err(Error::Awaiting(id)) = set(&why, "Toi biet 2026") else {
        panic!("it takes two");
    };
    assert_eq!(d.approval(&why, id).unwrap().act.name(), "join_mailbox");
    d.decide(&second, id, true).unwrap();
    set(&why, "Toi biet 2026").unwrap();
    assert_eq!(d.approval(&why, id).unwrap().decision, Decision::Used);
    assert_eq!(told(&world, an).len(), 2);
    two(&world, "H99.1", false);
    // Who knows it sets another: it is the same way in.
    refused(set(&bare, "Toi biet 2027"), no_reason);
    // Who chose a password of his own notices that it is good no more.
    d.set_password(None, puppet, &Secret::new("Tu chon 2026"))
        .unwrap();
    set(&bare, "Dat lai 2026").unwrap();
    assert_eq!(told(&world, an).len(), 2);
    // Where nothing was ever written nothing is read.
    let empty = d.create_account(
        None,
        NewAccount {
            kind: AccountKind::Shared,
            ..new("moi@tinh.gov.vn", "H99.1")
        },
    );
    let fresh = d.create_account(None, new("nhan@tinh.gov.vn", "H99.1"));
    let (empty, fresh) = (empty.unwrap().id, fresh.unwrap().id);
    d.set_member(None, empty, fresh, reads, None).unwrap();
    d.set_password(Some(&bare), fresh, &Secret::new("Lan dau 2026"))
        .unwrap();
    assert_eq!(d.audit_check().unwrap(), None);
}
