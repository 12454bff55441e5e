//! Somebody's mail read for some minutes by virtue of an office: nothing but read, told to its owner, and over with what it
//! rests on. And what else opens mail that somebody else made.

use crate::world::{World, address, agency, api, peer, refused};
use directory::impersonation::{MINUTES_MAX, STANDING_MAX};
use directory::{
    Access, AccountId, AccountKind, AccountState, Barred, Capabilities, Capability, CredentialKind,
    Decision, Error, Grant, NewAccount, NewOrder, Peer, Right, Rights, Role, Scope, Secret,
    SignInError, Through,
};
use formats::date::Day;
use storage::Role as MailboxRole;

/// A browser's or a program's way to JMAP.
fn jmap(ip: &str) -> Peer {
    Peer {
        service: "jmap",
        ..peer(ip)
    }
}

/// An administrator of all, with a reason, and whose mail is read.
fn begin() -> (World, Access, AccountId) {
    let world = World::new();
    let admin = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let an = world.person("an@tinh.gov.vn", "H99.1").id;
    let admin = admin.because("tìm công văn").unwrap();
    (world, admin, an)
}

fn acts(world: &World, last: usize) -> Vec<String> {
    let log = world.directory.audit(None, last).unwrap();
    log.into_iter().map(|entry| entry.act).collect()
}

/// What the owner is told of, newest first.
fn told(world: &World, id: AccountId) -> Vec<Scope> {
    let (found, _) = world.directory.readings_of(id, None, 50, false).unwrap();
    found
        .into_iter()
        .map(|(reading, _)| reading.scope)
        .collect()
}

/// It lets in from there.
#[track_caller]
fn enters(world: &World, secret: &Secret) -> Access {
    let ip = jmap("192.0.2.9");
    world.directory.sign_in_token(secret, ip).unwrap()
}

#[track_caller]
fn is_refused(world: &World, secret: &Secret) {
    let entered = world.directory.sign_in_token(secret, jmap("192.0.2.9"));
    assert_eq!(entered.unwrap_err(), SignInError::Refused);
}

#[test]
fn i20_it_is_in_the_log_and_told_before_it_opens_anything() {
    let (world, admin, an) = begin();
    let d = &world.directory;
    let (one, secret) = d.impersonate(&admin, an, 30).unwrap();
    assert_eq!(told(&world, an), [Scope::Impersonation(an)]);
    let entry = &d.audit(None, 1).unwrap()[0];
    assert_eq!(
        (
            entry.number,
            entry.act.as_str(),
            entry.reason.as_str(),
            entry.account
        ),
        (one.id, "impersonation.open", "tìm công văn", Some(an))
    );
    assert_eq!(one.until, world.now_s() + 30 * 60);
    assert!(!format!("{one:?} {secret:?}").contains("cvi_") && !entry.detail.contains("cvi_"));
    // Each sitting is one more entry, and not each request.
    let access = enters(&world, &secret);
    assert_eq!(access.through(), Through::Impersonation(one.id));
    assert_eq!(access.account(), an);
    enters(&world, &secret);
    let entry = &d.audit(None, 1).unwrap()[0];
    assert_eq!(
        (
            entry.act.as_str(),
            entry.actor.as_str(),
            entry.address.as_str()
        ),
        ("impersonation.use", "qt@tinh.gov.vn", "192.0.2.9")
    );
    assert_eq!(entry.number, one.id + 1);
    d.sign_in_token(&secret, jmap("192.0.2.10")).unwrap();
    world.pass(15 * 60);
    enters(&world, &secret);
    assert_eq!(d.audit(None, 1).unwrap()[0].number, one.id + 3);
    let listed = d.impersonations(&admin, an).unwrap();
    assert_eq!((listed[0].0.sittings, listed[0].1), (3, true));
    assert_eq!(listed[0].0.last_sitting_at, Some(world.now_s()));
    // Its owner sees it in his reads only.
    refused(d.impersonations(&world.enter("an"), an), "not allowed");
    assert_eq!(d.audit_check().unwrap(), None);
    // It outlasts a restart, and not its time.
    drop((access, admin));
    let world = world.restart();
    enters(&world, &secret);
    world.pass(15 * 60);
    is_refused(&world, &secret);
    assert_eq!(told(&world, an), [Scope::Impersonation(an)]);
}

#[test]
fn it_reads_this_account_and_does_nothing_else() {
    let (world, admin, an) = begin();
    let d = &world.directory;
    let other = world.person("binh@tinh.gov.vn", "H99.1").id;
    let office = d.create_account(
        None,
        NewAccount {
            kind: AccountKind::Shared,
            ..crate::world::new("vt@tinh.gov.vn", "H99.1")
        },
    );
    let office = office.unwrap().id;
    d.set_member(None, office, an, Rights::ALL, None).unwrap();
    assert_eq!(world.enter("an").accounts(), [an, office]);
    let (_, secret) = d.impersonate(&admin, an, 5).unwrap();
    let access = enters(&world, &secret);
    assert!(access.only_reads() && access.mail(an, Right::Read).is_ok());
    for right in [Right::Write, Right::Send] {
        assert!(access.mail(an, right).is_err());
    }
    assert!(access.own().is_err());
    let inbox = access.mail(an, Right::Read).unwrap();
    let inbox = inbox.by_role(MailboxRole::Inbox).unwrap().unwrap().id;
    let reads = Rights::LOOKUP.with(Rights::READ);
    assert_eq!(access.rights(an, Some(inbox)), reads);
    assert_eq!(access.held(an).unwrap().anywhere(), reads);
    assert!(access.mailbox(an, inbox, reads).is_ok());
    assert!(access.mailbox(an, inbox, Rights::SEEN).is_err());
    assert!(access.subscribe(an, inbox, false).is_err());
    // What is shared with its owner is another's again.
    assert_eq!(access.accounts(), [an]);
    for id in [office, other, admin.account()] {
        assert!(access.reach(id).is_err() && access.held(id).is_none());
        assert!(access.rights(id, None).is_empty());
    }
    assert!(access.senders().is_empty() && access.sender_addresses().is_empty());
    assert!(!access.may_send_as(&address("an@tinh.gov.vn")));
    assert!(access.notices().unwrap().is_empty());
    // Nor does it administer, as whoever it is.
    let boss = world.officer("boss@tinh.gov.vn", Role::Administrator, "H99.2");
    let (_, secret) = d.impersonate(&admin, boss.account(), 5).unwrap();
    let access = enters(&world, &secret);
    assert!(!access.may(Capability::ReadDirectory, &agency("H99.2")));
    assert!(access.scopes(Capability::ReadDirectory).is_empty());
    let barred = d.sign_in_token(&secret, api("192.0.2.9")).unwrap_err();
    assert_eq!(barred, SignInError::Barred(Barred::ReadsMail));
    let as_password = d.sign_in("boss@tinh.gov.vn", &secret, peer("192.0.2.9"));
    assert!(as_password.is_err());
}

#[test]
fn who_may_not_or_gives_no_reason_is_refused() {
    let (world, admin, an) = begin();
    let d = &world.directory;
    let no_reason = world.enter("qt");
    refused(d.impersonate(&no_reason, an, 5), "Audit-Reason: ");
    refused(
        d.impersonate(&admin, an, 0),
        "minutes: a number from 1 to 60",
    );
    refused(d.impersonate(&admin, an, MINUTES_MAX + 1), "minutes: ");
    refused(d.impersonate(&admin, admin.account(), 5), "not allowed");
    let odd = admin.clone().under_order(815);
    refused(d.impersonate(&odd, an, 5), "Legal-Order: ");
    // Nobody who holds more than he could give, nobody elsewhere, and nobody without the capability.
    let branch = world.officer("nhanh@tinh.gov.vn", Role::Administrator, "H99.1");
    let branch = branch.because("x").unwrap();
    refused(
        d.impersonate(&branch, admin.account(), 5),
        "account not found",
    );
    let deputy = world.person("pho@tinh.gov.vn", "H99.1").id;
    let grant = Grant::of(Role::Administrator, agency("H99"));
    d.give_grant(Some(&admin), deputy, grant).unwrap();
    refused(d.impersonate(&branch, deputy, 5), "not allowed");
    let sister = world.officer("chi@tinh.gov.vn", Role::Administrator, "H99.2");
    let sister = sister.because("x").unwrap();
    refused(d.impersonate(&sister, an, 5), "account not found");
    refused(d.impersonations(&sister, an), "account not found");
    let officer = world.officer("cb@tinh.gov.vn", Role::AccountOfficer, "H99.1");
    let officer = officer.because("x").unwrap();
    refused(d.impersonate(&officer, an, 5), "not allowed");
    refused(d.impersonations(&officer, an), "not allowed");
    let (one, _) = d.impersonate(&branch, an, 5).unwrap();
    refused(
        d.end_impersonation(&sister, an, one.id),
        "account not found",
    );
    refused(d.end_impersonation(&officer, an, one.id), "not allowed");
    refused(
        d.end_impersonation(&admin, deputy, one.id),
        "impersonation not found",
    );
    // Who reads the log looks on.
    let auditor = world.officer("kt@tinh.gov.vn", Role::Auditor, "H99.1");
    assert_eq!(d.impersonations(&auditor, an).unwrap().len(), 1);
    let list = world.list("ds@tinh.gov.vn", &[]).id;
    refused(d.impersonate(&admin, list, 5), "account: ");
    for _ in 0..STANDING_MAX {
        d.impersonate(&admin, an, 5).unwrap();
    }
    refused(
        d.impersonate(&admin, an, 5),
        "account: at most 20 that stand",
    );
    assert_eq!(told(&world, an).len(), STANDING_MAX + 1);
}

#[test]
fn it_ends_with_whatever_it_rests_on() {
    let end = |ends: &dyn Fn(&World, &Access, AccountId, u64)| {
        let (world, admin, an) = begin();
        let d = &world.directory;
        let (one, secret) = d.impersonate(&admin, an, 5).unwrap();
        let access = enters(&world, &secret);
        assert!(access.stands());
        ends(&world, &admin, an, one.id);
        assert!(!access.stands() && access.mail(an, Right::Read).is_err());
        assert!(access.reach(an).is_err() && access.rights(an, None).is_empty());
        is_refused(&world, &secret);
        drop((access, admin));
        let world = world.restart();
        is_refused(&world, &secret);
    };
    let change = |world: &World, id: AccountId, change: &dyn Fn(&mut directory::Account)| {
        let mut account = world.directory.account(id).unwrap();
        change(&mut account);
        world.directory.change_account(None, account, None).unwrap();
    };
    end(&|world, _, _, _| world.pass(5 * 60));
    end(&|world, admin, an, id| {
        world.directory.end_impersonation(admin, an, id).unwrap();
        assert_eq!(acts(world, 1), ["impersonation.end"]);
        // Once is enough.
        world.directory.end_impersonation(admin, an, id).unwrap();
        assert_eq!(acts(world, 2)[1], "impersonation.use");
    });
    end(&|world, admin, _, _| {
        change(world, admin.account(), &|admin| admin.grants.clear());
    });
    end(&|world, admin, _, _| {
        // Others of his rights do not carry it.
        let others = Capabilities::of(&[Capability::ReadDirectory, Capability::ManageTokens]);
        change(world, admin.account(), &|admin| {
            let role = Grant::of(Role::Administrator, agency("H99"));
            let may = directory::May::Only(others);
            admin.grants = vec![Grant { may, ..role }];
        });
    });
    for closed in [AccountState::Suspended, AccountState::Retired] {
        end(&|world, admin, _, _| {
            change(world, admin.account(), &|admin| admin.state = closed);
        });
        end(&|world, _, an, _| change(world, an, &|an| an.state = closed));
    }
    end(&|world, admin, _, _| {
        world
            .directory
            .delete_account(None, admin.account(), None)
            .unwrap();
    });
    end(&|world, _, an, _| world.directory.delete_account(None, an, None).unwrap());
}

#[test]
fn moved_out_of_reach_it_ends_too() {
    let world = World::new();
    let branch = world.officer("nhanh@tinh.gov.vn", Role::Administrator, "H99.1");
    let an = world.person("an@tinh.gov.vn", "H99.1").id;
    let d = &world.directory;
    let why = branch.clone().because("x").unwrap();
    let (_, secret) = d.impersonate(&why, an, 5).unwrap();
    enters(&world, &secret);
    let mut account = d.account(an).unwrap();
    account.agency = agency("H99.2");
    d.change_account(None, account, None).unwrap();
    is_refused(&world, &secret);
    // Whoever rises above him is not read either.
    let ba = world.person("ba@tinh.gov.vn", "H99.1").id;
    let (_, secret) = d.impersonate(&why, ba, 5).unwrap();
    let access = enters(&world, &secret);
    let grant = Grant::of(Role::Administrator, agency("H99"));
    d.give_grant(None, ba, grant).unwrap();
    assert!(!access.stands());
    // The secret by which he asked is withdrawn.
    let an = world.person("hai@tinh.gov.vn", "H99.1").id;
    let (_, secret) = d.impersonate(&why, an, 5).unwrap();
    let access = enters(&world, &secret);
    d.set_password(None, branch.account(), &Secret::new("Khac hoan toan 2026"))
        .unwrap();
    assert!(!access.stands());
    is_refused(&world, &secret);
}

#[test]
fn under_a_legal_order_its_owner_is_told_later() {
    let (world, admin, an) = begin();
    let d = &world.directory;
    let new = NewOrder {
        number: "15/QĐ".into(),
        date: Day::parse("2026-01-01").unwrap(),
        issuer: "CA".into(),
        hidden_until: world.now_s() + 3_600,
    };
    let order = d.record_order(Some(&admin), an, new).unwrap().id;
    let under = admin.clone().under_order(order);
    let binh = world.person("binh@tinh.gov.vn", "H99.1").id;
    refused(d.impersonate(&under, binh, 5), "Legal-Order: ");
    let (one, secret) = d.impersonate(&under, an, 5).unwrap();
    enters(&world, &secret);
    assert_eq!(one.order, Some(order));
    assert!(told(&world, an).is_empty());
    // The entries say so too: who reads the log and is its subject does not see them.
    for entry in d.audit(None, 2).unwrap() {
        assert!(
            entry.detail.contains(&format!("\"order\":{order}")),
            "{entry:?}"
        );
    }
    world.pass(3_600);
    assert_eq!(told(&world, an), [Scope::Impersonation(an)]);
}

#[test]
fn where_it_takes_two_it_waits_for_the_second() {
    let (world, admin, an) = begin();
    let d = &world.directory;
    let second = world.officer("qt2@tinh.gov.vn", Role::Administrator, "H99");
    let subject = world.officer("an2@tinh.gov.vn", Role::Administrator, "H99");
    let mut policy = d.agency_policy(None, &agency("H99")).unwrap();
    let said = directory::policy::Said {
        value: directory::policy::Value::Words(vec!["impersonate".into()]),
        locked: false,
    };
    policy.said.insert(directory::policy::Key::TwoPersons, said);
    d.set_agency_policy(None, policy, None).unwrap();
    let asked = |minutes: u32| match d.impersonate(&admin, an, minutes) {
        Err(Error::Awaiting(id)) => id,
        other => panic!("{other:?}"),
    };
    let id = asked(5);
    assert_eq!(asked(5), id);
    assert!(told(&world, an).is_empty());
    let shown = d.approval(&second, id).unwrap();
    assert!(shown.detail.contains("tìm công văn") && shown.detail.contains("\"minutes\":5"));
    d.decide(&second, id, true).unwrap();
    // For exactly this, and once.
    assert_ne!(asked(6), id);
    let (one, secret) = d.impersonate(&admin, an, 5).unwrap();
    assert_eq!(acts(&world, 2), ["approval.use", "impersonation.open"]);
    assert_eq!(d.audit(None, 2).unwrap()[1].number, one.id);
    assert_eq!(d.approval(&admin, id).unwrap().decision, Decision::Used);
    enters(&world, &secret);
    assert_ne!(asked(5), id);
    // Who is its subject, under a legal order, is not shown the request.
    let new = NewOrder {
        number: "16/QĐ".into(),
        date: Day::parse("2026-01-01").unwrap(),
        issuer: "CA".into(),
        hidden_until: world.now_s() + 3_600,
    };
    let whom = subject.account();
    let order = d.record_order(Some(&admin), whom, new).unwrap().id;
    let Err(Error::Awaiting(id)) = d.impersonate(&admin.clone().under_order(order), whom, 5) else {
        panic!("it takes two");
    };
    assert!(d.approval(&second, id).is_ok());
    refused(d.approval(&subject, id), "approval not found");
    let entry = &d.audit(None, 1).unwrap()[0];
    assert!(
        entry.detail.contains(&format!("\"order\":{order}")),
        "{entry:?}"
    );
}

#[test]
fn a_token_that_another_made_opens_no_mail() {
    let world = World::new();
    let d = &world.directory;
    let admin = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let boss = world.officer("boss@tinh.gov.vn", Role::Administrator, "H99.2");
    let id = boss.account();
    let token = |by: Option<&Access>| {
        let made = d.create_credential(by, id, CredentialKind::Token, "t", None);
        made.unwrap().1
    };
    let shut = |token: &Secret| {
        let entered = d.sign_in_token(token, jmap("192.0.2.9"));
        assert_eq!(entered.unwrap_err(), SignInError::Barred(Barred::Token));
        d.sign_in_token(token, api("192.0.2.9")).unwrap()
    };
    let planted = shut(&token(Some(&admin)));
    shut(&token(None));
    // Nor one that is made by it, though in its owner's name.
    shut(&token(Some(&planted)));
    let own = token(Some(&boss));
    assert_eq!(enters(&world, &own).account(), id);
    // Nor is anything its owner's own by one.
    let an = world.person("an@tinh.gov.vn", "H99.1").id;
    let lent = d.create_credential(Some(&admin), an, CredentialKind::Token, "t", None);
    let lent = d.sign_in_token(&lent.unwrap().1, api("192.0.2.9")).unwrap();
    assert!(lent.is_lent() && !boss.is_lent());
    refused(d.forwarding(Some(&lent), an), "account not found");
    let own = d.forwarding(Some(&world.enter("an")), an).unwrap();
    refused(d.set_forwarding(Some(&lent), own, None), "not by a token");
    refused(
        d.custody(
            Some(&planted),
            id,
            Capability::RecoverMail,
            "mail.removed",
            "{}",
        )
        .map(drop),
        "Audit-Reason: ",
    );
    // By such a token its owner's secrets are made by somebody else, which he is told.
    assert_eq!(told(&world, id), vec![Scope::Secret(id); 2]);
    let planted = planted.because("x").unwrap();
    d.create_credential(Some(&planted), id, CredentialKind::AppPassword, "m", None)
        .unwrap();
    assert_eq!(told(&world, id), vec![Scope::Secret(id); 3]);
}

#[test]
fn the_owner_is_told_who_made_a_secret_of_his() {
    let world = World::new();
    let d = &world.directory;
    let admin = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let an = world.person("an@tinh.gov.vn", "H99.1").id;
    assert!(told(&world, an).is_empty());
    let app = CredentialKind::AppPassword;
    let why = admin.clone().because("máy quét").unwrap();
    d.create_credential(Some(&why), an, app, "máy", None)
        .unwrap();
    let (found, _) = d.readings_of(an, None, 50, false).unwrap();
    let (reading, at) = &found[0];
    assert_eq!(
        (reading.address.as_str(), reading.reason.as_str(), *at),
        ("qt@tinh.gov.vn", "máy quét", world.now_s())
    );
    assert_eq!(reading.id, d.audit(None, 1).unwrap()[0].number);
    d.set_password(Some(&admin), an, &Secret::new("Tam thoi 2026"))
        .unwrap();
    let first = CredentialKind::FirstPassword;
    let (_, first) = d
        .create_credential(Some(&admin), an, first, "thư", None)
        .unwrap();
    assert_eq!(told(&world, an).len(), 3);
    // What he makes himself is no news, with the first password in hand neither.
    let ip = peer("192.0.2.1");
    let own = Secret::new("Cua rieng toi 2026");
    d.choose_password("an@tinh.gov.vn", &first, &own, ip)
        .unwrap()
        .unwrap();
    let entered = d.sign_in("an@tinh.gov.vn", &own, ip).unwrap();
    d.create_credential(Some(&entered), an, app, "máy", None)
        .unwrap();
    assert_eq!(told(&world, an), vec![Scope::Secret(an); 3]);
    // What is not done is not told.
    let trial = directory::Trial::default();
    let tries = why.clone().on_trial(&trial);
    refused(
        d.create_credential(Some(&tries), an, app, "máy", None),
        "a dry run",
    );
    assert_eq!(told(&world, an).len(), 3);
}

#[test]
fn what_was_refused_once_is_not_let_in_again() {
    let revived = |ends: &dyn Fn(&World, &Access, AccountId),
                   mends: &dyn Fn(&World, &Access, AccountId)| {
        let (world, admin, an) = begin();
        let d = &world.directory;
        let (_, secret) = d.impersonate(&admin, an, 30).unwrap();
        let access = enters(&world, &secret);
        ends(&world, &admin, an);
        assert!(!access.stands());
        let listed = d.impersonations(&world.officer("kt@tinh.gov.vn", Role::Auditor, "H99"), an);
        assert_eq!(listed.unwrap()[0].0.ended_at, Some(world.now_s()));
        mends(&world, &admin, an);
        assert!(!access.stands());
        is_refused(&world, &secret);
        drop((access, admin));
        is_refused(&world.restart(), &secret);
    };
    let state = |world: &World, id: AccountId, state: AccountState| {
        let mut account = world.directory.account(id).unwrap();
        account.state = state;
        world.directory.change_account(None, account, None).unwrap();
    };
    let (shut, open) = (AccountState::Suspended, AccountState::Active);
    revived(&|w, _, an| state(w, an, shut), &|w, _, an| {
        state(w, an, open)
    });
    revived(&|w, by, _| state(w, by.account(), shut), &|w, by, _| {
        state(w, by.account(), open);
    });
    // A right that is taken and given back; an account that moves away and back.
    let grants = |world: &World, id: AccountId, grants: Vec<Grant>| {
        let mut account = world.directory.account(id).unwrap();
        account.grants = grants;
        world.directory.change_account(None, account, None).unwrap();
    };
    revived(
        &|w, by, _| grants(w, by.account(), Vec::new()),
        &|w, by, _| {
            grants(
                w,
                by.account(),
                vec![Grant::of(Role::Administrator, agency("H99"))],
            );
        },
    );
}

#[test]
fn asked_in_the_browser_it_ends_with_that_session() {
    let (world, _, an) = begin();
    let d = &world.directory;
    let ip = peer("192.0.2.1");
    let open = || {
        let token = d.open_session(&world.enter("qt"), ip).unwrap();
        let by = d.session(&token.0).unwrap().because("x").unwrap();
        (token, d.impersonate(&by, an, 60).unwrap().1)
    };
    let (token, secret) = open();
    let (_, other) = open();
    let access = enters(&world, &secret);
    d.close_session(&token.0).unwrap();
    assert!(!access.stands());
    is_refused(&world, &secret);
    // The other session is still there, over a restart too.
    drop(access);
    let world = world.restart();
    is_refused(&world, &secret);
    enters(&world, &other);
}

#[test]
fn one_who_opens_and_ends_many_leaves_others_theirs() {
    let (world, admin, an) = begin();
    let d = &world.directory;
    let other = world.officer("qt2@tinh.gov.vn", Role::Administrator, "H99");
    let other = other.because("x").unwrap();
    let (kept, secret) = d.impersonate(&other, an, 60).unwrap();
    for _ in 0..510 {
        let (one, _) = d.impersonate(&admin, an, 1).unwrap();
        d.end_impersonation(&admin, an, one.id).unwrap();
    }
    let (last, _) = d.impersonate(&admin, an, 1).unwrap();
    let listed = d.impersonations(&admin, an).unwrap();
    // 500 of one are kept to be listed, and the one of the other.
    assert_eq!(listed.len(), 501);
    assert_eq!((listed[0].0.id, listed[500].0.id), (last.id, kept.id));
    enters(&world, &secret);
    // The log has all of them.
    assert_eq!(told(&world, an).len(), 50);
}
