//! A browser that was left open: what outlasts it is made by the present password alone.

use crate::world::{PASSWORD, World, peer};
use directory::{
    Access, AccountId, Capability, CredentialKind, Directory, Error, Role, Secret, SignInError,
    Trial,
};

/// A browser in which somebody signed in.
fn browser(world: &World, name: &str) -> Access {
    let d = &world.directory;
    let access = world.enter(name);
    let token = d.open_session(&access, peer("192.0.2.1")).unwrap();
    let session = d.session(&token.0).unwrap();
    session.coming_from(peer("192.0.2.1"))
}

/// What outlasts a browser.
type Make = fn(&Directory, &Access, AccountId) -> Result<(), Error>;

const MAKES: [(&str, Make); 4] = [
    ("password", |d, by, id| {
        let new = Secret::new("Doi roi 2026 nhe");
        d.set_password(Some(by), id, &new).map(drop)
    }),
    ("app password", |d, by, id| {
        let kind = CredentialKind::AppPassword;
        d.create_credential(Some(by), id, kind, "x", None).map(drop)
    }),
    ("first password", |d, by, id| {
        let kind = CredentialKind::FirstPassword;
        d.create_credential(Some(by), id, kind, "x", None).map(drop)
    }),
    ("token", |d, by, id| {
        d.create_token(Some(by), id, "x", None, None).map(drop)
    }),
];

fn refused_current<T: std::fmt::Debug>(got: Result<T, Error>, words: &str) {
    match got {
        Err(Error::Invalid { field, expected }) => {
            assert_eq!(field, "current");
            assert!(expected.contains(words), "{expected}");
        }
        other => panic!("{other:?}"),
    }
}

/// Entries of wrong passwords in the audit log.
fn told(world: &World) -> usize {
    let all = world.directory.audit(None, 500).unwrap();
    all.iter()
        .filter(|entry| entry.act == "password.wrong")
        .count()
}

#[test]
fn an_open_browser_alone_makes_nothing_that_outlasts_it() {
    for (what, make) in MAKES {
        let world = World::new();
        let d = &world.directory;
        world.person("an@tinh.gov.vn", "H99.2");
        // Also where one administers oneself.
        world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
        for name in ["an@tinh.gov.vn", "qt@tinh.gov.vn"] {
            let session = browser(&world, name);
            let id = session.account();
            refused_current(make(d, &session, id), "the browser may have been left open");
            refused_current(d.unlocked(&session, id, None), "may have been left open");
            let wrong = Secret::new("khong phai 2026");
            refused_current(d.unlocked(&session, id, Some(&wrong)), "this is not it");
            let right = Secret::new(PASSWORD);
            let by = d.unlocked(&session, id, Some(&right)).unwrap();
            make(d, &by, id).unwrap_or_else(|error| panic!("{what} {name}: {error}"));
        }
        assert_eq!(told(&world), 2, "{what}");
        assert_eq!(d.audit_check().unwrap(), None);
    }
}

#[test]
fn the_present_password_is_asked_of_nobody_else() {
    let world = World::new();
    let d = &world.directory;
    let an = world.person("an@tinh.gov.vn", "H99.2").id;
    world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    let officer = browser(&world, "qt@tinh.gov.vn");
    let said = Secret::new(PASSWORD);
    refused_current(d.unlocked(&officer, an, Some(&said)), "nothing: only who");
    let by = d.unlocked(&officer, an, None).unwrap();
    assert!(by.may(Capability::ResetCredentials, &crate::world::agency("H99.2")));
    d.set_password(Some(&by), an, &Secret::new("Quen roi 2026"))
        .unwrap();
    // An app password is not the password, and opens nothing more by being said here.
    let own = browser(&world, "qt@tinh.gov.vn");
    let id = own.account();
    let by = world.unlocked(&own);
    let kind = CredentialKind::AppPassword;
    let (_, app) = d.create_credential(Some(&by), id, kind, "x", None).unwrap();
    refused_current(d.unlocked(&own, id, Some(&app)), "this is not it");
    // What was unlocked ends with the password, as the browser does.
    MAKES[0].1(d, &by, id).unwrap();
    assert!(!by.stands() && !own.stands());
}

#[test]
fn wrong_ones_count_as_failed_sign_ins() {
    let world = World::new();
    let d = &world.directory;
    let an = world.person("an@tinh.gov.vn", "H99.2").id;
    let session = browser(&world, "an@tinh.gov.vn");
    for n in 0..5 {
        let wrong = Secret::new(format!("sai lan {n}"));
        refused_current(d.unlocked(&session, an, Some(&wrong)), "this is not it");
    }
    // The right one waits too, here and at the door.
    let right = Secret::new(PASSWORD);
    let later = d.unlocked(&session, an, Some(&right));
    assert!(matches!(later, Err(Error::Later(1))), "{later:?}");
    let door = world.try_enter("an@tinh.gov.vn", PASSWORD);
    assert!(matches!(door, Err(SignInError::Later(1))), "{door:?}");
    assert_eq!(told(&world), 5);
    world.pass(1);
    world.unlocked(&session);
    // And the reverse: what was tried at the door counts here.
    for n in 0..6 {
        let wrong = format!("sai o cua {n}");
        world.try_enter("an@tinh.gov.vn", &wrong).unwrap_err();
    }
    let later = d.unlocked(&session, an, Some(&right));
    assert!(matches!(later, Err(Error::Later(_))), "{later:?}");
}

#[test]
fn a_dry_run_asks_for_it_and_tells_nothing_of_it() {
    let world = World::new();
    let d = &world.directory;
    let an = world.person("an@tinh.gov.vn", "H99.2").id;
    let session = browser(&world, "an@tinh.gov.vn");
    for (what, make) in MAKES {
        let trial = Trial::default();
        let session = session.clone().on_trial(&trial);
        refused_current(d.unlocked(&session, an, None), "may have been left open");
        for n in 0..20 {
            let some = Secret::new(format!("sai {n}"));
            let by = d.unlocked(&session, an, Some(&some)).unwrap();
            assert_eq!(make(d, &by, an).unwrap_err(), Error::Tried, "{what}");
        }
    }
    assert_eq!(told(&world), 0);
    world.enter("an@tinh.gov.vn");
}
