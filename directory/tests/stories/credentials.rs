//! Passwords, app passwords and tokens; back-off.

use crate::world::{PASSWORD, World, address, agency, api, peer};
use directory::{Account, AccountState, CredentialKind, Error, Role, Secret, SignInError, Through};

/// Signs in and tells the outcome as text.
fn check(world: &World, name: &str, secret: &str, expected: &str) {
    let got = match world.try_enter(name, secret) {
        Ok(access) => format!("{}", access.address()),
        Err(SignInError::Later(wait)) => format!("later {wait}"),
        Err(SignInError::Refused) => "refused".to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(got, expected, "{name:?} with {secret:?}");
}

#[test]
fn names_and_secrets_are_compared_as_people_write_them() {
    let world = World::new();
    let an = world.person("an@tinh.gov.vn", "H99");
    world
        .directory
        .create_alias(None, address("vanthu@so.tinh.gov.vn"), an.id)
        .unwrap();
    world.list("all@tinh.gov.vn", &["an@tinh.gov.vn"]);
    check(&world, "an@tinh.gov.vn", PASSWORD, "an@tinh.gov.vn");
    check(&world, " AN@Tinh.gov.vn ", PASSWORD, "an@tinh.gov.vn");
    check(&world, "an", PASSWORD, "an@tinh.gov.vn");
    check(&world, "vanthu@so.tinh.gov.vn", PASSWORD, "an@tinh.gov.vn");
    check(
        &world,
        "an",
        "Ma\u{323}\u{302}t kh\u{e2}\u{309}u 2026",
        "an@tinh.gov.vn",
    );
    check(&world, "an", "mật khẩu 2026", "refused");
    check(&world, "an", "", "refused");
    check(&world, "an", &"x".repeat(100_000), "refused");
    check(&world, &"x".repeat(100_000), PASSWORD, "refused");
    check(&world, "all", PASSWORD, "refused");
    check(&world, "nobody", PASSWORD, "refused");
    check(&world, "", "", "refused");
    check(&world, "an@noi.vn", PASSWORD, "refused");
}

#[test]
fn a_suspended_account_does_not_enter() {
    let world = World::new();
    let an = world.person("an@tinh.gov.vn", "H99");
    let access = world.enter("an");
    let account = world.directory.account(an.id).unwrap();
    for (state, expected) in [
        (AccountState::Suspended, "refused"),
        (AccountState::Retired, "refused"),
        (AccountState::Active, "an@tinh.gov.vn"),
    ] {
        world
            .directory
            .change_account(
                None,
                Account {
                    state,
                    ..account.clone()
                },
                None,
            )
            .unwrap();
        check(&world, "an", PASSWORD, expected);
        assert_eq!(access.stands(), state == AccountState::Active);
        assert_eq!(access.own().is_ok(), state == AccountState::Active);
    }
}

#[test]
fn a_new_password_ends_the_old_one_at_once() {
    let world = World::new();
    let an = world.person("an@tinh.gov.vn", "H99");
    check(&world, "an", PASSWORD, "an@tinh.gov.vn");
    check(&world, "an", "Khác 2027", "refused");
    let access = world.enter("an");
    world
        .directory
        .set_password(Some(&access), an.id, &Secret::new("Khác 2027"))
        .unwrap();
    assert!(!access.stands());
    // Both answers were remembered, and neither is given any more.
    check(&world, "an", PASSWORD, "refused");
    check(&world, "an", "Khác 2027", "an@tinh.gov.vn");
    assert_eq!(world.directory.credentials(None, an.id).unwrap().len(), 1);
}

#[test]
fn app_passwords_enter_and_carry_no_administration() {
    let world = World::new();
    let admin = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let d = &world.directory;
    let id = admin.account();
    let (shown, secret) = d
        .create_credential(
            Some(&admin),
            id,
            CredentialKind::AppPassword,
            "Điện thoại",
            None,
        )
        .unwrap();
    assert_eq!(
        (shown.label.as_str(), shown.last_used_at),
        ("Điện thoại", None)
    );
    check(
        &world,
        "qt",
        &secret.expose().to_uppercase().replace('-', " "),
        "qt@tinh.gov.vn",
    );
    let access = world.try_enter("qt", secret.expose()).unwrap();
    assert_eq!(access.through(), Through::AppPassword(shown.id));
    assert!(access.own().is_ok());
    assert!(!access.may(directory::Capability::ReadDirectory, &agency("H99")));
    assert_eq!(access.scopes(directory::Capability::ReadDirectory), []);
    assert!(matches!(
        d.open_session(&access, peer("192.0.2.1")),
        Err(Error::Denied(_))
    ));
    d.create_credential(Some(&access), id, CredentialKind::AppPassword, "x", None)
        .unwrap_err();
    d.set_password(Some(&access), id, &Secret::new("Khác 2027"))
        .unwrap_err();
    world.person("an@tinh.gov.vn", "H99");
    check(&world, "an", secret.expose(), "refused");
    assert!(
        d.sign_in_token(&secret, peer("192.0.2.1")).is_err(),
        "no token"
    );
    let used = d.credentials(None, id).unwrap();
    assert_eq!(
        used.iter().find(|c| c.id == shown.id).unwrap().last_used_at,
        Some(world.now_s())
    );
    d.delete_credential(Some(&admin), id, shown.id).unwrap();
    assert!(!access.stands());
    check(&world, "qt", secret.expose(), "refused");
}

#[test]
fn tokens_expire_and_are_withdrawn() {
    let world = World::new();
    let an = world.person("an@tinh.gov.vn", "H99");
    let d = &world.directory;
    let soon = Some(world.now_s() + 60);
    let (_, short) = d
        .create_credential(None, an.id, CredentialKind::Token, "a", soon)
        .unwrap();
    let (long_id, long) = d
        .create_credential(None, an.id, CredentialKind::Token, "b", None)
        .unwrap();
    let past = Some(world.now_s());
    d.create_credential(None, an.id, CredentialKind::Token, "c", past)
        .unwrap_err();
    d.create_credential(None, an.id, CredentialKind::Password, "c", None)
        .unwrap_err();
    let enter = |token: &Secret| d.sign_in_token(token, api("192.0.2.1"));
    let access = enter(&short).unwrap();
    assert_eq!(access.account(), an.id);
    check(&world, "an", long.expose(), "refused");
    world.pass(60);
    assert!(!access.stands());
    assert_eq!(enter(&short).unwrap_err(), SignInError::Refused);
    enter(&long).unwrap();
    assert_eq!(
        enter(&Secret::new("cv_nothing")).unwrap_err(),
        SignInError::Refused
    );
    assert_eq!(
        enter(&Secret::new(PASSWORD)).unwrap_err(),
        SignInError::Refused
    );
    d.delete_credential(None, an.id, long_id.id).unwrap();
    assert_eq!(enter(&long).unwrap_err(), SignInError::Refused);
    assert!(!format!("{short:?}").contains("cv_"));
}

#[test]
fn when_last_used_survives_a_restart_and_no_withdrawn_credential_returns() {
    let world = World::new();
    let an = world.person("an@tinh.gov.vn", "H99");
    let d = &world.directory;
    let (gone, secret) = d
        .create_credential(None, an.id, CredentialKind::Token, "a", None)
        .unwrap();
    d.sign_in_token(&secret, api("192.0.2.1")).unwrap();
    d.delete_credential(None, an.id, gone.id).unwrap();
    let used = world.now_s();
    world.enter("an");
    let world = world.restart();
    let credentials = world.directory.credentials(None, an.id).unwrap();
    assert_eq!(credentials.len(), 1);
    assert_eq!(credentials[0].last_used_at, Some(used));
    assert!(
        world
            .directory
            .sign_in_token(&secret, api("192.0.2.1"))
            .is_err()
    );
}

#[test]
fn guessing_waits_longer_and_longer() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99");
    world.person("binh@tinh.gov.vn", "H99");
    for n in 0..5 {
        check(&world, "an", &format!("guess {n}"), "refused");
    }
    check(&world, "an", PASSWORD, "later 1");
    check(&world, "binh", PASSWORD, "binh@tinh.gov.vn");
    let elsewhere = world
        .directory
        .sign_in("an", &Secret::new(PASSWORD), peer("192.0.2.9"));
    assert!(elsewhere.is_ok(), "the owner enters from elsewhere");
    world.pass(1);
    check(&world, "an", "guess 5", "refused");
    check(&world, "an", "guess 6", "later 2");
    world.pass(2);
    check(&world, "an", PASSWORD, "an@tinh.gov.vn");
    check(&world, "an", "guess 7", "refused");
    check(&world, "an", PASSWORD, "an@tinh.gov.vn");
}

#[test]
fn unknown_names_wait_like_known_ones() {
    let world = World::new();
    for n in 0..5 {
        check(
            &world,
            "nobody@tinh.gov.vn",
            &format!("guess {n}"),
            "refused",
        );
    }
    check(&world, "nobody@tinh.gov.vn", "guess", "later 1");
}

#[test]
fn the_same_wrong_secret_again_is_no_guess() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99");
    for _ in 0..50 {
        check(&world, "an", "Cũ 2025 cũ", "refused");
        world.pass(2);
    }
    check(&world, "an", PASSWORD, "an@tinh.gov.vn");
}

#[test]
fn one_network_cannot_try_many_names_for_ever() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99");
    for n in 0..100 {
        check(&world, &format!("n{n}"), "guess", "refused");
    }
    check(&world, "an", PASSWORD, "later 1");
    assert!(
        world
            .directory
            .sign_in("an", &Secret::new(PASSWORD), peer("2001:db8::1"))
            .is_ok()
    );
}

#[test]
fn one_infected_machine_does_not_lock_its_office_out() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99");
    world.person("binh@tinh.gov.vn", "H99");
    check(&world, "an", PASSWORD, "an@tinh.gov.vn");
    let day = 24 * 60 * 60;
    world.pass(29 * day);
    let infect = |from: usize| {
        for n in from..from + 200 {
            // It never waits, and goes on as soon as it may.
            if world.try_enter(&format!("n{n}"), "guess").is_err() {
                world.pass(1);
            }
        }
    };
    infect(0);
    check(&world, "an", PASSWORD, "an@tinh.gov.vn");
    match world.try_enter("binh", PASSWORD) {
        Err(SignInError::Later(wait)) => assert!(wait <= 10, "{wait}"),
        other => panic!("{other:?}"),
    }
    world.pass(10);
    check(&world, "binh", PASSWORD, "binh@tinh.gov.vn");
    infect(1000);
    check(&world, "binh", PASSWORD, "binh@tinh.gov.vn");
    // Who has not been here for a month is a stranger again.
    world.pass(31 * day);
    for n in 0..100 {
        check(&world, &format!("m{n}"), "guess", "refused");
    }
    check(&world, "an", PASSWORD, "later 1");
}

#[test]
fn many_at_once_all_get_their_answer() {
    let world = World::new();
    for n in 0..40 {
        world.person(&format!("p{n}@tinh.gov.vn"), "H99");
    }
    std::thread::scope(|scope| {
        let world = &world;
        let tries: Vec<_> = (0..40)
            .map(|n| scope.spawn(move || world.try_enter(&format!("p{n}"), PASSWORD)))
            .collect();
        for one in tries {
            one.join().unwrap().unwrap();
        }
    });
}
