//! Tokens that people make for themselves: what they open, how long, how many, and what the agencies say of it.

use crate::world::{World, agency, api, peer};
use directory::policy::{Key, Said, Value};
use directory::{Access, Barred, CredentialKind, Error, Opens, Peer, Role, Secret, SignInError};

const DAY_S: i64 = 24 * 60 * 60;

fn field<T: std::fmt::Debug>(made: Result<T, Error>) -> &'static str {
    match made {
        Err(Error::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

/// What a token opens: at the door of the API, and at that of mail.
fn doors(world: &World, token: &Secret) -> [Result<(), Barred>; 2] {
    let mail = Peer {
        service: "jmap",
        ..peer("192.0.2.1")
    };
    [api("192.0.2.1"), mail].map(|peer| match world.directory.sign_in_token(token, peer) {
        Ok(_) => Ok(()),
        Err(SignInError::Barred(barred)) => Err(barred),
        Err(error) => panic!("{error:?}"),
    })
}

fn make(
    world: &World,
    by: &Access,
    opens: Option<Opens>,
) -> Result<(directory::Credential, Secret), Error> {
    let who = by.account();
    world
        .directory
        .create_token(Some(by), who, "máy", opens, None)
}

#[test]
fn nobody_makes_a_token_that_opens_more_than_he_may() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99.1");
    let an = world.enter("an@tinh.gov.vn");
    let qt = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    // His account is outside of what he administers.
    world.person("kt@tinh.gov.vn", "H99.2");
    let account = world.id("kt@tinh.gov.vn");
    let grant = directory::Grant::of(Role::Auditor, agency("H99.1"));
    world.directory.give_grant(None, account, grant).unwrap();
    let kt = world.enter("kt@tinh.gov.vn");
    let (yes, no) = (Ok(()), Err);
    for (who, by, opens, made, expected) in [
        ("an", &an, None, Opens::Mail, [no(Barred::MailOnly), yes]),
        (
            "an",
            &an,
            Some(Opens::Mail),
            Opens::Mail,
            [no(Barred::MailOnly), yes],
        ),
        ("kt", &kt, None, Opens::All, [yes, yes]),
        (
            "kt",
            &kt,
            Some(Opens::Mail),
            Opens::Mail,
            [no(Barred::MailOnly), yes],
        ),
        (
            "kt",
            &kt,
            Some(Opens::Administration),
            Opens::Administration,
            [yes, no(Barred::AdministersOnly)],
        ),
        ("qt", &qt, None, Opens::All, [yes, yes]),
    ] {
        let (shown, secret) = make(&world, by, opens).unwrap();
        assert_eq!(shown.opens, Some(made), "{who} {opens:?}");
        assert_eq!(doors(&world, &secret), expected, "{who} {opens:?}");
    }
    for opens in [Opens::All, Opens::Administration] {
        assert_eq!(field(make(&world, &an, Some(opens))), "opens", "{opens:?}");
    }
    // What somebody else makes opens no mail, and says so.
    let lent = |opens| {
        let d = &world.directory;
        d.create_token(Some(&qt), an.account(), "máy", opens, None)
    };
    let (shown, secret) = lent(None).unwrap();
    assert_eq!(shown.opens, Some(Opens::Administration));
    assert_eq!(doors(&world, &secret), [yes, no(Barred::Token)]);
    assert_eq!(field(lent(Some(Opens::Mail))), "opens");
    assert_eq!(world.directory.audit_check().unwrap(), None);
}

#[test]
fn a_token_makes_no_other_and_neither_does_an_app_password() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99.1");
    let an = world.enter("an@tinh.gov.vn");
    let d = &world.directory;
    let (_, secret) = make(&world, &an, None).unwrap();
    let mail = Peer {
        service: "jmap",
        ..peer("192.0.2.1")
    };
    let by_token = d.sign_in_token(&secret, mail).unwrap();
    let app = d.create_credential(
        Some(&an),
        an.account(),
        CredentialKind::AppPassword,
        "x",
        None,
    );
    let by_app = world
        .try_enter("an@tinh.gov.vn", app.unwrap().1.expose())
        .unwrap();
    for by in [&by_token, &by_app] {
        assert!(
            matches!(make(&world, by, None), Err(Error::NotFound(_))),
            "{by:?}"
        );
    }
    // A browser's session does, by the password.
    let session = d.open_session(&an, peer("192.0.2.1")).unwrap();
    let session = d.session(&session.0).unwrap();
    assert_eq!(field(make(&world, &session, None)), "current");
    make(&world, &world.unlocked(&session), None).unwrap();
    // For another he may not.
    world.person("binh@tinh.gov.vn", "H99.1");
    let other = world.id("binh@tinh.gov.vn");
    let made = d.create_token(Some(&an), other, "x", None, None);
    assert!(matches!(made, Err(Error::NotFound(_))));
}

#[test]
fn ones_own_tokens_end_and_are_few() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99.1");
    let an = world.enter("an@tinh.gov.vn");
    let d = &world.directory;
    let now = world.now_s();
    let (shown, secret) = make(&world, &an, None).unwrap();
    assert_eq!(shown.expires_at, Some(now + 90 * DAY_S));
    let until = |days: i64| {
        d.create_token(
            Some(&an),
            an.account(),
            "máy",
            None,
            Some(now + days * DAY_S),
        )
    };
    assert_eq!(field(until(367)), "expires_at");
    assert_eq!(field(until(0)), "expires_at");
    until(366).unwrap();
    for _ in 2..directory::token::OWN_MAX {
        until(1).unwrap();
    }
    assert_eq!(field(until(1)), "label");
    // What has ended does not count, nor what is withdrawn: by himself, or by who manages tokens.
    world.pass(DAY_S);
    until(2).unwrap();
    let qt = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let listed = d.credentials(Some(&qt), an.account()).unwrap();
    assert!(
        listed
            .iter()
            .any(|one| one.id == shown.id && one.opens == Some(Opens::Mail))
    );
    d.delete_credential(Some(&qt), an.account(), shown.id)
        .unwrap();
    assert!(d.sign_in_token(&secret, api("192.0.2.1")).is_err());
    // Who manages tokens is not bound: machines have them.
    let (endless, _) = make(&world, &qt, None).unwrap();
    assert_eq!(endless.expires_at, None);
    let told = d.audit(None, 50).unwrap();
    let made = told
        .iter()
        .find(|e| e.act == "credential.create" && e.object == "an@tinh.gov.vn");
    assert!(made.unwrap().detail.contains(r#""opens":"mail""#));
}

#[test]
fn what_the_agency_says_of_app_passwords_and_jmap_holds_for_tokens() {
    for key in [Key::AppPasswords, Key::Jmap] {
        let world = World::new();
        world.person("an@tinh.gov.vn", "H99.1");
        let an = world.enter("an@tinh.gov.vn");
        let kt = world.officer("kt@tinh.gov.vn", Role::Auditor, "H99.1");
        let (_, mail) = make(&world, &an, None).unwrap();
        let (_, all) = make(&world, &kt, None).unwrap();
        let said = Said {
            value: Value::Switch(false),
            locked: false,
        };
        let d = &world.directory;
        let mut policy = d.agency_policy(None, &agency("H99.1")).unwrap();
        policy.said.insert(key, said);
        d.set_agency_policy(None, policy, None).unwrap();
        assert_eq!(field(make(&world, &an, None)), "opens", "{key:?}");
        assert_eq!(
            field(make(&world, &kt, Some(Opens::All))),
            "opens",
            "{key:?}"
        );
        let (shown, _) = make(&world, &kt, None).unwrap();
        assert_eq!(shown.opens, Some(Opens::Administration), "{key:?}");
        // Those that are there open no mail any more.
        assert!(doors(&world, &mail)[1].is_err(), "{key:?}");
        let [api, mail] = doors(&world, &all);
        assert!(api.is_ok() && mail.is_err(), "{key:?}");
    }
}

#[test]
fn a_token_makes_nothing_wider_or_longer_for_its_own_account() {
    let world = World::new();
    let qt = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let d = &world.directory;
    let end = world.now_s() + DAY_S;
    let narrow = Some(Opens::Administration);
    let (_, secret) = d
        .create_token(Some(&qt), qt.account(), "máy", narrow, Some(end))
        .unwrap();
    let by = d.sign_in_token(&secret, api("192.0.2.1")).unwrap();
    for opens in [Opens::All, Opens::Mail] {
        assert_eq!(field(make(&world, &by, Some(opens))), "opens", "{opens:?}");
    }
    let (shown, _) = make(&world, &by, None).unwrap();
    assert_eq!(shown.opens, Some(Opens::Administration));
    assert_eq!(shown.expires_at, Some(end));
    let later = d.create_token(Some(&by), qt.account(), "máy", None, Some(end + 1));
    assert_eq!(field(later), "expires_at");
    let own = |kind| d.create_credential(Some(&by), qt.account(), kind, "x", None);
    assert_eq!(field(own(CredentialKind::AppPassword)), "account");
    assert_eq!(field(own(CredentialKind::FirstPassword)), "account");
    let set = d.set_password(Some(&by), qt.account(), &Secret::new("Toi biet 2026"));
    assert_eq!(field(set), "account");
    world.person("an@tinh.gov.vn", "H99.1");
    let on = directory::Forwarding {
        account: qt.account(),
        to: vec![crate::world::address("an@tinh.gov.vn")],
        keep: true,
        version: 0,
    };
    assert_eq!(field(d.set_forwarding(Some(&by), on, None)), "account");
    // What it administers it does.
    let an = world.id("an@tinh.gov.vn");
    d.set_password(Some(&by), an, &Secret::new("Dat lai 2026"))
        .unwrap();
    // One that who runs the server made stands for him.
    let (_, rescue) = d
        .create_credential(None, qt.account(), CredentialKind::Token, "cứu", None)
        .unwrap();
    let by = d.sign_in_token(&rescue, api("192.0.2.1")).unwrap();
    d.set_password(Some(&by), qt.account(), &Secret::new("Tu chon 2026"))
        .unwrap();
}

/// Its owner's mail is read by it as by anybody else: with a reason, and told.
#[test]
fn a_token_for_administration_reads_its_owners_mail_as_anothers() {
    let world = World::new();
    let qt = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let (whose, d) = (qt.account(), &world.directory);
    let narrow = Some(Opens::Administration);
    let (_, secret) = make(&world, &qt, narrow).unwrap();
    let by = d.sign_in_token(&secret, api("192.0.2.1")).unwrap();
    d.place_hold(Some(&by), whose, "h1", None, "vụ A").unwrap();
    let read = |by: &Access| d.held_mail(Some(by), whose, "h1", "{}").map(drop);
    let told = || d.readings_of(whose, None, 9, true).unwrap().0.len();
    assert_eq!(field(read(&by)), "Audit-Reason");
    assert_eq!(told(), 0);
    let why = by.clone().because("thanh tra").unwrap();
    read(&why).unwrap();
    assert_eq!(told(), 1);
    // By what opens his mail to him he reads what is his.
    let (_, secret) = make(&world, &qt, Some(Opens::All)).unwrap();
    let by = d.sign_in_token(&secret, api("192.0.2.1")).unwrap();
    read(&by).unwrap();
    assert_eq!(told(), 1);
}

/// What a thief made by the password that he had, and what shows its owner that it is good no more.
#[test]
fn a_password_that_another_sets_takes_the_owners_own_secrets_with_it() {
    let world = World::new();
    let an = world.person("an@tinh.gov.vn", "H99.1").id;
    let qt = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let why = qt.clone().because("máy quét").unwrap();
    let d = &world.directory;
    for first in [false, true] {
        d.set_password(None, an, &Secret::new("Tu chon 2026"))
            .unwrap();
        let own = world.try_enter("an@tinh.gov.vn", "Tu chon 2026").unwrap();
        let (_, token) = make(&world, &own, None).unwrap();
        let app = |by: &Access| {
            let kind = CredentialKind::AppPassword;
            d.create_credential(Some(by), an, kind, "x", None)
                .unwrap()
                .1
        };
        let (phone, scanner) = (app(&own), app(&why));
        match first {
            true => drop(
                d.create_credential(Some(&qt), an, CredentialKind::FirstPassword, "x", None)
                    .unwrap(),
            ),
            false => drop(
                d.set_password(Some(&qt), an, &Secret::new("Dat lai 2026"))
                    .unwrap(),
            ),
        }
        let enters = |secret: &Secret| world.try_enter("an@tinh.gov.vn", secret.expose()).is_ok();
        assert!(!enters(&phone), "{first}");
        assert!(
            d.sign_in_token(&token, api("192.0.2.1")).is_err(),
            "{first}"
        );
        // Who made that one answers for it.
        assert!(enters(&scanner), "{first}");
    }
    // His own choice of another leaves them.
    d.set_password(None, an, &Secret::new("Tu chon 2026"))
        .unwrap();
    let own = world.try_enter("an@tinh.gov.vn", "Tu chon 2026").unwrap();
    let (_, token) = make(&world, &own, None).unwrap();
    d.set_password(Some(&own), an, &Secret::new("Chon moi 2026"))
        .unwrap();
    assert!(doors(&world, &token)[1].is_ok());
}

#[test]
fn who_chose_his_password_after_a_first_one_is_told_when_a_token_opens_mail() {
    let world = World::new();
    let an = world.person("an@tinh.gov.vn", "H99.1").id;
    let qt = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let d = &world.directory;
    d.set_password(Some(&qt), an, &Secret::new("Lan dau 2026"))
        .unwrap();
    let came = world.try_enter("an@tinh.gov.vn", "Lan dau 2026").unwrap();
    d.set_password(Some(&came), an, &Secret::new("Tu chon 2026"))
        .unwrap();
    let own = || world.try_enter("an@tinh.gov.vn", "Tu chon 2026").unwrap();
    for opens in [None, Some(Opens::Mail)] {
        let refused = make(&world, &own(), opens).unwrap_err().to_string();
        assert!(refused.contains("seven days after you chose"), "{refused}");
    }
    world.pass(7 * DAY_S);
    let (_, secret) = make(&world, &own(), None).unwrap();
    assert!(doors(&world, &secret)[1].is_ok());
}

#[test]
fn a_session_of_before_a_second_factor_was_demanded_makes_nothing_that_outlasts_it() {
    let world = World::new();
    let an = world.person("an@tinh.gov.vn", "H99.1").id;
    let d = &world.directory;
    let session = d.open_session(&world.enter("an@tinh.gov.vn"), peer("192.0.2.1"));
    let session = d.session(&session.unwrap().0).unwrap();
    let session = world.unlocked(&session);
    make(&world, &session, None).unwrap();
    let mut policy = d.agency_policy(None, &agency("H99.1")).unwrap();
    let said = Said {
        value: Value::Switch(true),
        locked: false,
    };
    policy.said.insert(Key::SecondFactor, said);
    d.set_agency_policy(None, policy, None).unwrap();
    assert_eq!(field(make(&world, &session, None)), "account");
    let app = d.create_credential(Some(&session), an, CredentialKind::AppPassword, "x", None);
    assert_eq!(field(app), "account");
}
