//! The second factor: codes after the password, spare codes, and what opens without them.

use crate::world::{PASSWORD, World, agency, peer};
use directory::policy::{Key, Said, Value};
use directory::{
    Access, Account, Barred, CredentialKind, Enrolment, Error, Peer, Role, Secret, SignInError,
    StepError,
};
use totp_rs::{Algorithm, TOTP};

const STEP: i64 = 30;
const NETWORK: &str = "192.0.2.1";

/// What the app of a telephone shows that was told this.
fn app(told: &Enrolment, now_s: i64) -> String {
    let key = told.spelled().replace(' ', "");
    let secret = totp_rs::Secret::Encoded(key).to_bytes().unwrap();
    assert_eq!(secret.len(), 20);
    let totp = TOTP::new_unchecked(Algorithm::SHA1, 6, 0, 30, secret);
    totp.generate(u64::try_from(now_s).unwrap())
}

/// An account with a factor: what its app was told, and the spare codes.
fn enrolled(world: &World, name: &str) -> (Account, Enrolment, Vec<String>) {
    let account = world.person(name, "H99.2");
    let access = world_enter(world, name).unwrap();
    let told = world.directory.draw_second(&access).unwrap();
    let code = app(&told, world.now_s());
    let (spare, session) = world
        .directory
        .enrol_second(&access, &told, &code, peer(NETWORK))
        .unwrap();
    let session = session.unwrap();
    assert!(world.directory.session(&session.0).is_some());
    (account, told, spare)
}

fn world_enter(world: &World, name: &str) -> Result<Access, SignInError> {
    at(world, name, "login", PASSWORD)
}

fn at(
    world: &World,
    name: &str,
    service: &'static str,
    secret: &str,
) -> Result<Access, SignInError> {
    let peer = Peer {
        service,
        ..peer(NETWORK)
    };
    world.directory.sign_in(name, &Secret::new(secret), peer)
}

/// What comes of a code, as text.
fn check(world: &World, name: &str, code: Option<&str>, expected: &str) {
    check_from(world, NETWORK, name, code, expected);
}

fn check_from(world: &World, ip: &str, name: &str, code: Option<&str>, expected: &str) {
    let access = world_enter(world, name).unwrap();
    let got = match world.directory.open_with_code(&access, code, peer(ip)) {
        Ok(session) => {
            assert!(world.directory.session(&session.0).is_some());
            "in".to_owned()
        }
        Err(StepError::Later(_)) => "later".to_owned(),
        Err(StepError::Beset(_)) => "beset".to_owned(),
        Err(error) => format!("{error:?}").to_lowercase(),
    };
    assert_eq!(got, expected, "{code:?}");
}

#[test]
fn a_code_is_wanted_after_the_password_and_good_once() {
    let world = World::new();
    let (an, told, spare) = enrolled(&world, "an@tinh.gov.vn");
    let access = world_enter(&world, "an").unwrap();
    let alone = world.directory.open_session(&access, peer(NETWORK));
    assert!(matches!(alone, Err(Error::Denied(_))), "{alone:?}");
    drop(access);
    check(&world, "an", None, "wanted");
    let spent = app(&told, world.now_s());
    check(&world, "an", Some(&spent), "wrong");
    check(&world, "an", Some(""), "wrong");
    world.pass(STEP);
    let code = app(&told, world.now_s());
    check(
        &world,
        "an",
        Some(&format!(" {} {} ", &code[..3], &code[3..])),
        "in",
    );
    check(&world, "an", Some(&code), "wrong");
    let world = world.restart();
    check(&world, "an", Some(&code), "wrong");
    check(&world, "an", Some(&spare[3].to_uppercase()), "in");
    check(&world, "an", Some(&spare[3]), "wrong");
    let world = world.restart();
    check(&world, "an", Some(&spare[3]), "wrong");
    world.pass(3600);
    check(
        &world,
        "an",
        Some(&app(&told, world.now_s() + 20 * STEP)),
        "wrong",
    );
    check(&world, "an", Some(&app(&told, world.now_s())), "in");
    let access = world_enter(&world, "an").unwrap();
    let factor = world.directory.second_factor(&access);
    assert_eq!((factor.spare, factor.demanded), (9, false));
    let listed = world.directory.credentials(None, an.id).unwrap();
    let of = listed.iter().map(|row| row.kind);
    assert_eq!(
        of.collect::<Vec<_>>(),
        [CredentialKind::Password, CredentialKind::SecondFactor]
    );
}

#[test]
fn doors_that_ask_for_no_code_take_app_passwords_alone() {
    let world = World::new();
    let (an, _, _) = enrolled(&world, "an@tinh.gov.vn");
    let d = &world.directory;
    let app = CredentialKind::AppPassword;
    let (_, secret) = d.create_credential(None, an.id, app, "máy", None).unwrap();
    for service in ["imap", "pop3", "submission", "jmap", "api"] {
        let refused = at(&world, "an", service, PASSWORD).map(drop);
        let expected = Err(SignInError::Barred(Barred::SecondFactor));
        assert_eq!(refused, expected, "{service}");
        assert!(at(&world, "an", service, secret.expose()).is_ok());
        // Who does not know the password learns nothing of it.
        let wrong = at(&world, "an", service, "Sai 2026!").map(drop);
        assert_eq!(wrong, Err(SignInError::Refused), "{service}");
    }
    let by_app = at(&world, "an", "login", secret.expose()).unwrap();
    assert!(matches!(d.draw_second(&by_app), Err(Error::Denied(_))));
    let refused = d.open_with_code(&by_app, None, peer(NETWORK));
    assert!(matches!(refused, Err(StepError::Denied(_))), "{refused:?}");
}

#[test]
fn an_agency_may_demand_it() {
    let world = World::new();
    world.person("xa@tinh.gov.vn", "H99.2.1");
    let d = &world.directory;
    let say = |on: bool| {
        let mut policy = d.agency_policy(None, &agency("H99")).unwrap();
        let value = Value::Switch(on);
        let locked = true;
        policy
            .said
            .insert(Key::SecondFactor, Said { value, locked });
        d.set_agency_policy(None, policy, None).unwrap();
    };
    check(&world, "xa", None, "in");
    say(true);
    check(&world, "xa", None, "enrol");
    check(&world, "xa", Some("123456"), "enrol");
    let refused = at(&world, "xa", "imap", PASSWORD).map(drop);
    assert_eq!(refused, Err(SignInError::Barred(Barred::SecondFactor)));
    let mut below = d.agency_policy(None, &agency("H99.2")).unwrap();
    let value = Value::Switch(false);
    let locked = false;
    below.said.insert(Key::SecondFactor, Said { value, locked });
    let looser = d.set_agency_policy(None, below, None);
    assert!(matches!(looser, Err(Error::Invalid { .. })), "{looser:?}");
    let access = world_enter(&world, "xa").unwrap();
    let told = d.draw_second(&access).unwrap();
    let wrong = d.enrol_second(&access, &told, "000000", peer(NETWORK));
    assert!(matches!(wrong, Err(StepError::Wrong)), "{wrong:?}");
    check(&world, "xa", None, "enrol");
    let code = app(&told, world.now_s());
    let (spare, _) = d
        .enrol_second(&access, &told, &code, peer(NETWORK))
        .unwrap();
    check(&world, "xa", None, "wanted");
    let off = d.withdraw_second(&access, &spare[0], peer(NETWORK));
    assert!(matches!(off, Err(StepError::Enrol)), "{off:?}");
    say(false);
    d.withdraw_second(&access, &spare[0], peer(NETWORK))
        .unwrap();
    check(&world, "xa", None, "in");
}

#[test]
fn guessing_codes_is_slowed_down_though_the_password_is_right() {
    let world = World::new();
    let (_, told, _) = enrolled(&world, "an@tinh.gov.vn");
    for _ in 0..5 {
        check(&world, "an", Some("abcdef"), "wrong");
    }
    world.pass(2 * STEP);
    check(&world, "an", Some("abcdef"), "wrong");
    check(&world, "an", Some(&app(&told, world.now_s())), "later");
    world.pass(15 * 60);
    check(&world, "an", Some(&app(&told, world.now_s())), "in");
}

#[test]
fn strangers_who_know_the_password_and_guess_keep_no_owner_out() {
    let world = World::new();
    let (an, told, spare) = enrolled(&world, "an@tinh.gov.vn");
    let wrong = |from: &str, expected: &str| {
        check_from(&world, from, "an", Some("000000"), expected);
    };
    for _ in 0..5 {
        wrong("198.51.100.1", "wrong");
    }
    wrong("198.51.100.1", "later");
    world.pass(2 * STEP);
    // Five from one network: from another one code does.
    let now = || app(&told, world.now_s());
    check_from(&world, "203.0.113.9", "an", Some(&now()), "in");
    for n in 1..=5 {
        wrong(&format!("203.0.113.{n}"), "wrong");
    }
    wrong("203.0.113.6", "beset");
    world.pass(2 * STEP);
    for n in 10..=16 {
        // As long as they are let, and they are let ever more seldom.
        wrong(&format!("203.0.113.{n}"), "wrong");
        world.pass(1 << (n - 9));
    }
    wrong("203.0.113.17", "wrong");
    wrong("203.0.113.18", "beset");
    // Where he signed in lately its owner comes in as always, elsewhere by what nobody guesses.
    let code = now();
    check_from(&world, "198.51.100.77", "an", Some(&code), "beset");
    check(&world, "an", Some(&code), "in");
    wrong("203.0.113.19", "beset");
    world.pass(2 * STEP);
    let two = format!("{} {}", app(&told, world.now_s() - STEP), now());
    check_from(&world, "198.51.100.77", "an", Some(&two), "in");
    check_from(&world, "198.51.100.78", "an", Some(&two), "wrong");
    check_from(&world, "198.51.100.78", "an", Some(&spare[4]), "in");
    let listed = world.directory.credentials(None, an.id).unwrap();
    let of = |kind| listed.iter().find(|row| row.kind == kind).unwrap();
    let used = of(CredentialKind::SecondFactor).last_used_at;
    assert!(used.is_some(), "its use is told");
}

#[test]
fn who_lost_the_telephone_is_helped_by_an_administrator_not_by_a_session() {
    let world = World::new();
    let (an, _, spare) = enrolled(&world, "an@tinh.gov.vn");
    let d = &world.directory;
    let factor = d.credentials(None, an.id).unwrap();
    let factor = factor
        .iter()
        .find(|row| row.kind == CredentialKind::SecondFactor)
        .unwrap()
        .id;
    let access = world_enter(&world, "an").unwrap();
    let session = d
        .open_with_code(&access, Some(&spare[0]), peer(NETWORK))
        .unwrap();
    let session = d.session(&session.0).unwrap();
    let own = d.delete_credential(Some(&session), an.id, factor);
    assert!(matches!(own, Err(Error::Invalid { .. })), "{own:?}");
    let stranger = world.officer("la@tinh.gov.vn", Role::Administrator, "H99.1");
    let refused = d.delete_credential(Some(&stranger), an.id, factor);
    assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
    let officer = world.officer("ql@tinh.gov.vn", Role::Administrator, "H99.2");
    d.delete_credential(Some(&officer), an.id, factor).unwrap();
    let (told, _) = d.readings_of(an.id, None, 5, false).unwrap();
    let told: Vec<_> = told.into_iter().map(|(reading, _)| reading.scope).collect();
    assert_eq!(told, [directory::Scope::SecondFactor(an.id)]);
    check(&world, "an", None, "in");
    // Spare codes are drawn anew by a code.
    let (_, _, spare) = enrolled(&world, "binh@tinh.gov.vn");
    let access = world_enter(&world, "binh").unwrap();
    let new = d.renew_spare(&access, &spare[0], peer(NETWORK)).unwrap();
    check(&world, "binh", Some(&spare[1]), "wrong");
    check(&world, "binh", Some(&new[1]), "in");
}

#[test]
fn a_factor_gives_way_to_another_by_its_code_alone() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99.2");
    let d = &world.directory;
    // Who has the password begins to set one up before its owner does.
    let thief = world_enter(&world, "an").unwrap();
    let early = d.draw_second(&thief).unwrap();
    let before = d.open_session(&thief, peer(NETWORK)).unwrap();
    let own = world_enter(&world, "an").unwrap();
    let told = d.draw_second(&own).unwrap();
    let code = app(&told, world.now_s());
    let (spare, _) = d.enrol_second(&own, &told, &code, peer(NETWORK)).unwrap();
    world.pass(STEP);
    let session = d.session(&before.0).unwrap();
    for by in [&thief, &session] {
        let late = d.draw_second(by).unwrap();
        for drawn in [&early, &late] {
            let code = app(drawn, world.now_s());
            let refused = d.enrol_second(by, drawn, &code, peer(NETWORK));
            assert!(matches!(refused, Err(StepError::Denied(_))), "{refused:?}");
        }
    }
    let wrong = d.change_second(&session, "000000", peer(NETWORK));
    assert!(matches!(wrong, Err(StepError::Wrong)), "{wrong:?}");
    check(&world, "an", Some(&app(&told, world.now_s())), "in");
    // Another telephone, by a code of the first.
    let new = d.change_second(&session, &spare[0], peer(NETWORK)).unwrap();
    check(&world, "an", Some(&spare[0]), "wrong");
    let code = app(&new, world.now_s());
    let (codes, opened) = d
        .enrol_second(&session, &new, &code, peer(NETWORK))
        .unwrap();
    assert!(opened.is_none() && codes.len() == 10);
    let again = d.enrol_second(&session, &new, &code, peer(NETWORK));
    assert!(matches!(again, Err(StepError::Denied(_))), "{again:?}");
    world.pass(STEP);
    check(&world, "an", Some(&app(&told, world.now_s())), "wrong");
    check(&world, "an", Some(&spare[1]), "wrong");
    check(&world, "an", Some(&app(&new, world.now_s())), "in");
    let rows = d.credentials(None, own.account()).unwrap();
    let factors = rows
        .iter()
        .filter(|row| row.kind == CredentialKind::SecondFactor);
    assert_eq!(factors.count(), 1);
}
