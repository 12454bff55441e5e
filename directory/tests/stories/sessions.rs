//! Browser sessions.

use crate::world::{PASSWORD, World, peer};
use directory::{Account, AccountState, Secret, Through};

const HOUR: i64 = 3600;

#[test]
fn a_session_ends_when_idle_and_when_old() {
    let world = World::new();
    let an = world.person("an@tinh.gov.vn", "H99");
    let d = &world.directory;
    let open = || {
        d.open_session(&world.enter("an"), peer("192.0.2.1"))
            .unwrap()
            .0
    };
    let idle = open();
    world.pass(12 * HOUR - 1);
    let access = d.session(&idle).unwrap();
    assert_eq!(
        (access.account(), access.through()),
        (an.id, Through::Session)
    );
    world.pass(12 * HOUR - 1);
    assert!(d.session(&idle).is_some(), "each use counts");
    assert!(access.stands());
    world.pass(12 * HOUR);
    assert!(!access.stands());
    assert!(d.session(&idle).is_none());
    let busy = open();
    for _ in 0..(7 * 24 - 1) {
        world.pass(HOUR);
        assert!(d.session(&busy).is_some());
    }
    world.pass(HOUR);
    assert!(d.session(&busy).is_none(), "seven days");
}

#[test]
fn a_session_survives_a_restart_and_ends_when_asked() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99");
    let token = world
        .directory
        .open_session(&world.enter("an"), peer("192.0.2.1"))
        .unwrap();
    assert_eq!(format!("{token:?}"), "***");
    world.pass(11 * HOUR);
    assert!(world.directory.session(&token.0).is_some());
    let world = world.restart();
    world.pass(11 * HOUR);
    let access = world
        .directory
        .session(&token.0)
        .expect("its last use was written");
    world.directory.close_session(&token.0).unwrap();
    assert!(!access.stands());
    assert!(world.directory.session(&token.0).is_none());
    world.directory.close_session(&token.0).unwrap();
    // An Access holds the store open.
    drop(access);
    let world = world.restart();
    assert!(world.directory.session(&token.0).is_none());
    for odd in ["", "x", "\0", &"x".repeat(100_000)] {
        assert!(world.directory.session(odd).is_none());
        world.directory.close_session(odd).unwrap();
    }
}

#[test]
fn only_a_digest_is_stored() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99");
    let token = world
        .directory
        .open_session(&world.enter("an"), peer("192.0.2.1"))
        .unwrap();
    for (key, value) in world
        .store
        .table("directory.session")
        .rows(&[], None, 10)
        .unwrap()
    {
        let row = [key, value].concat();
        assert!(!row.windows(token.0.len()).any(|w| w == token.0.as_bytes()));
    }
}

#[test]
fn sessions_end_with_the_password_the_state_and_the_account() {
    let world = World::new();
    let an = world.person("an@tinh.gov.vn", "H99");
    let d = &world.directory;
    let open = || {
        let token = d
            .open_session(&world.enter("an"), peer("192.0.2.1"))
            .unwrap()
            .0;
        d.session(&token).unwrap();
        token
    };
    let token = open();
    d.set_password(None, an.id, &Secret::new(PASSWORD)).unwrap();
    assert!(d.session(&token).is_none(), "the password");
    let token = open();
    let account = d.account(an.id).unwrap();
    let off = Account {
        state: AccountState::Suspended,
        ..account.clone()
    };
    d.change_account(None, off, None).unwrap();
    assert!(d.session(&token).is_none(), "the state");
    d.change_account(None, account, None).unwrap();
    assert!(d.session(&token).is_none(), "and it does not come back");
    let token = open();
    d.delete_account(None, an.id, None).unwrap();
    assert!(d.session(&token).is_none(), "the account");
    assert_eq!(
        world
            .store
            .table("directory.session")
            .rows(&[], None, 10)
            .unwrap(),
        []
    );
}

#[test]
fn i13_an_account_has_a_limit_of_sessions() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99");
    let d = &world.directory;
    let access = world.enter("an");
    let mut tokens = Vec::new();
    for _ in 0..51 {
        world.pass(1);
        tokens.push(d.open_session(&access, peer("192.0.2.1")).unwrap().0);
    }
    assert!(d.session(&tokens[0]).is_none(), "the one used longest ago");
    assert!(tokens[1..].iter().all(|token| d.session(token).is_some()));
}
