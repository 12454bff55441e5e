//! Push subscriptions: whose they are, what they end with, and that they last.

use crate::world::{PASSWORD, World, peer};
use directory::push::{LIFE_MAX_S, MADE_PER_HOUR_MAX, PUSHES_MAX, UNVERIFIED_MAX_S};
use directory::{
    Access, CredentialKind, NewPush, PushChange, PushError, PushId, PushKeys, PushTold, Secret,
};
use std::sync::{Arc, Mutex};
use storage::ModSeq;

const URL: &str = "https://push.example.net/mot-dia-chi-rieng";
const DAY: i64 = 86_400;

fn new() -> NewPush {
    NewPush {
        device: "dien-thoai".into(),
        url: URL.into(),
        keys: None,
        expires_at: None,
        types: None,
    }
}

fn house() -> (World, Access) {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99");
    let access = world.enter("an");
    (world, access)
}

fn id(access: &Access, number: u64) -> PushId {
    PushId {
        account: access.account(),
        number,
    }
}

/// Verified, as if its code had come back.
fn proved(access: &Access) -> u64 {
    let (number, push) = access.create_push(new()).unwrap();
    let change = PushChange {
        code: Some(push.code.clone()),
        ..PushChange::default()
    };
    assert!(access.change_push(number, change).unwrap().verified);
    number
}

fn rows(world: &World, table: &'static str) -> usize {
    world.store.table(table).rows(&[], None, 100).unwrap().len()
}

#[test]
fn only_the_sign_in_that_made_it_sees_it() {
    let (world, password) = house();
    let d = &world.directory;
    let (number, _) = password.create_push(new()).unwrap();
    let kind = CredentialKind::AppPassword;
    let (_, secret) = d
        .create_credential(None, password.account(), kind, "máy khác", None)
        .unwrap();
    let app = d
        .sign_in("an@tinh.gov.vn", &secret, peer("192.0.2.1"))
        .unwrap();
    let token = d.open_session(&password, peer("192.0.2.1")).unwrap();
    let session = d.session(&token.0).unwrap();
    for other in [&app, &session] {
        assert!(other.pushes().unwrap().is_empty());
        assert_eq!(other.remove_push(number), Err(PushError::NotFound));
        let refused = other.change_push(number, PushChange::default());
        assert_eq!(refused.unwrap_err(), PushError::NotFound);
    }
    // The same password again is the same sign-in.
    assert_eq!(world.enter("an").pushes().unwrap().len(), 1);
    world.enter("an").remove_push(number).unwrap();
    assert_eq!(rows(&world, "directory.push"), 0);
}

#[test]
fn its_code_is_the_only_way_to_be_told() {
    let (world, access) = house();
    let (number, push) = access.create_push(new()).unwrap();
    assert!(!push.verified && push.code.len() >= 22, "132 bits or more");
    assert_eq!(format!("{push:?}"), "Push(\"dien-thoai\", ***)");
    for wrong in ["", "x", &push.code.to_lowercase().replace('a', "b")] {
        let change = PushChange {
            code: Some(wrong.to_owned()),
            ..PushChange::default()
        };
        let refused = access.change_push(number, change).unwrap_err();
        assert!(matches!(refused, PushError::Invalid("verificationCode", _)));
    }
    let there = world.directory.push(id(&access, number)).unwrap().0;
    assert!(!there.verified);
    // A day and more without an answer, and it is forgotten.
    world.pass(UNVERIFIED_MAX_S);
    assert!(world.directory.push(id(&access, number)).is_none());
    assert_eq!(world.directory.sweep_pushes(None).unwrap(), 1);
    assert_eq!(rows(&world, "directory.push"), 0);
}

#[test]
fn an_end_is_set_where_the_sign_in_has_none() {
    let (world, access) = house();
    let now = world.directory.clock().now_s();
    let ends = |access: &Access, at| {
        let wish = NewPush {
            expires_at: at,
            ..new()
        };
        access.create_push(wish).map(|(_, push)| push.expires_at)
    };
    let latest = Some(now + LIFE_MAX_S);
    assert_eq!(ends(&access, None).unwrap(), latest);
    assert_eq!(ends(&access, Some(now + 900 * DAY)).unwrap(), latest);
    assert_eq!(ends(&access, Some(now + 1)).unwrap(), Some(now + 1));
    for over in [now, now - 1, i64::MIN] {
        let refused = ends(&access, Some(over)).unwrap_err();
        assert!(matches!(refused, PushError::Invalid("expires", _)));
    }
    // RFC 8620 §7.2: who ends by himself is not bounded.
    let token = world.directory.open_session(&access, peer("192.0.2.1"));
    let session = world.directory.session(&token.unwrap().0).unwrap();
    assert_eq!(ends(&session, None).unwrap(), None);
    let far = Some(now + 900 * DAY);
    assert_eq!(ends(&session, far).unwrap(), far);
    // Renewed, again up to the limit.
    let number = proved(&access);
    world.pass(20 * DAY);
    let change = PushChange {
        expires_at: Some(Some(now + 900 * DAY)),
        ..PushChange::default()
    };
    let renewed = access.change_push(number, change).unwrap();
    assert_eq!(renewed.expires_at, Some(now + 20 * DAY + LIFE_MAX_S));
    world.pass(LIFE_MAX_S);
    assert!(world.directory.push(id(&access, number)).is_none());
}

#[test]
fn it_ends_with_what_made_it_and_nothing_of_it_stays() {
    type End = fn(&World, &Access, &str);
    let ends: [(&str, End); 4] = [
        ("session", |world, _, token| {
            world.directory.close_session(token).unwrap();
        }),
        ("password", |world, access, _| {
            let secret = Secret::new(PASSWORD);
            let account = access.account();
            world
                .directory
                .set_password(None, account, &secret)
                .unwrap();
        }),
        ("idle", |world, _, _| world.pass(13 * 3_600)),
        ("account", |world, access, _| {
            let account = access.account();
            world.directory.delete_account(None, account, None).unwrap();
        }),
    ];
    for (what, end) in ends {
        let (world, password) = house();
        let d = &world.directory;
        let token = d.open_session(&password, peer("192.0.2.1")).unwrap();
        let access = d.session(&token.0).unwrap();
        let number = proved(&access);
        d.keep_push_told(id(&access, number), &PushTold::default());
        assert!(d.push(id(&access, number)).is_some());
        end(&world, &access, &token.0);
        assert!(d.push(id(&access, number)).is_none(), "{what}");
        d.sweep_pushes(None).unwrap();
        assert_eq!(rows(&world, "directory.push"), 0, "{what}");
        drop((access, password));
        // What was to be written lazily is gone at the next start at the latest.
        let world = world.restart();
        assert_eq!(rows(&world, "directory.push_told"), 0, "{what}");
    }
}

#[test]
fn who_is_suspended_is_told_nothing_and_keeps_it() {
    let (world, access) = house();
    let number = proved(&access);
    let d = &world.directory;
    let account = d.account(access.account()).unwrap();
    let off = directory::Account {
        state: directory::AccountState::Suspended,
        ..account.clone()
    };
    d.change_account(None, off, None).unwrap();
    let (_, stands) = d.push(id(&access, number)).unwrap();
    assert!(!stands.stands());
    d.sweep_pushes(None).unwrap();
    d.change_account(None, account, None).unwrap();
    assert!(d.push(id(&access, number)).unwrap().1.stands());
}

#[test]
fn it_lasts_over_a_restart() {
    let (world, access) = house();
    let keys = PushKeys {
        p256dh: [&[4][..], &[7; 64]].concat(),
        auth: vec![9; 16],
    };
    let wish = NewPush {
        keys: Some(keys.clone()),
        types: Some(vec!["Email".into()]),
        ..new()
    };
    let (number, push) = access.create_push(wish).unwrap();
    let which = id(&access, number);
    world.directory.push_asked(which).unwrap();
    let told = PushTold {
        accounts: vec![(access.account(), ModSeq::new(7).unwrap())],
        notices: Some("3-abc".into()),
    };
    world.directory.keep_push_told(which, &told);
    let public = world.directory.vapid().unwrap().public().to_vec();
    drop(access);
    let world = world.restart();
    assert_eq!(world.directory.vapid().unwrap().public(), public);
    let (there, access) = world.directory.push(which).unwrap();
    assert_eq!((&there.url, &there.code), (&URL.to_owned(), &push.code));
    assert!(there.asked && !there.verified && there.keys.as_ref() == Some(&keys));
    assert_eq!(there.types.as_deref(), Some(&["Email".to_owned()][..]));
    assert_eq!(access.pushes().unwrap().len(), 1);
    assert_eq!(world.directory.push_told(which).unwrap(), Some(told));
}

#[test]
fn i13_an_account_has_a_limit_of_them_and_of_making_them() {
    let (world, access) = house();
    for _ in 0..PUSHES_MAX {
        access.create_push(new()).unwrap();
    }
    assert_eq!(access.create_push(new()).unwrap_err(), PushError::Full);
    let mut made = PUSHES_MAX as u32;
    let refused = loop {
        let (number, _) = access.pushes().unwrap().swap_remove(0);
        access.remove_push(number).unwrap();
        match access.create_push(new()) {
            Ok(_) => made += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((refused, made), (PushError::Often, MADE_PER_HOUR_MAX));
    world.pass(3_600);
    access.create_push(new()).unwrap();
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let (_world, access) = house();
    let refused = |name: &str, change: &dyn Fn(&mut NewPush)| {
        let mut wish = new();
        change(&mut wish);
        let error = access.create_push(wish).unwrap_err();
        assert!(
            matches!(error, PushError::Invalid(n, _) if n == name),
            "{name}: {error}"
        );
    };
    let long = format!("https://push.example.net/{}", "x".repeat(2_000));
    for url in [
        "http://push.example.net/",
        "https://a:b@push.example.net/",
        "https:///x",
        "https://push.example.net/#x",
        "https://push.example.net/\r\nX: y",
        &long,
    ] {
        refused("url", &|wish| wish.url = url.to_owned());
    }
    for device in ["", &"x".repeat(256), "a\nb"] {
        refused("deviceClientId", &|wish| wish.device = device.to_owned());
    }
    for (point, auth) in [(63, 16), (64, 15), (64, 17)] {
        refused("keys", &|wish| {
            wish.keys = Some(PushKeys {
                p256dh: [&[4][..], &vec![7; point]].concat(),
                auth: vec![9; auth],
            });
        });
    }
    for (count, name) in [(65, "Email"), (1, ""), (1, "E mail"), (1, &"x".repeat(65))] {
        refused("types", &|wish| {
            wish.types = Some(vec![name.to_owned(); count])
        });
    }
    assert!(access.pushes().unwrap().is_empty());
}

#[test]
fn who_pushes_hears_of_each_change() {
    let (world, access) = house();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&heard);
    world
        .directory
        .on_push(Arc::new(move |which| note.lock().unwrap().push(which)));
    let number = proved(&access);
    access.remove_push(number).unwrap();
    assert_eq!(*heard.lock().unwrap(), vec![id(&access, number); 3]);
}
