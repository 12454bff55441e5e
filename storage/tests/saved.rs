//! When a message was put into each mailbox.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::sync::Arc;
use storage::*;
use world::{deliver, letter, new_mailbox};

/// Each place keeps its own time from when a message is put there; whatever else changes leaves it.
#[test]
fn a_message_tells_when_it_was_put_into_each_mailbox() {
    use std::sync::atomic::{AtomicI64, Ordering};
    let time = Arc::new(AtomicI64::new(100));
    let dir = tempfile::tempdir().unwrap();
    let told = Arc::clone(&time);
    let options = Options {
        dir: dir.path().to_owned(),
        engine: EngineKind::Memory,
        clock: Clock::new(move || told.load(Ordering::Relaxed)),
        ..Options::default()
    };
    let store = Store::open(&options).unwrap();
    let account = store.account(AccountId::new(2).unwrap());
    let mut writer = account.write().unwrap();
    let [a, b, c] =
        ["a", "b", "c"].map(|name| writer.create_mailbox(new_mailbox(name, None)).unwrap());
    writer.commit().unwrap();
    let email = deliver(&store, 2, a, &letter(1, "x", &[]), None)
        .unwrap()
        .email;
    let saved = |email| account.state(email).unwrap().saved;
    assert_eq!(saved(email), [(a, 100)]);
    let at = |seconds| time.store(seconds, Ordering::Relaxed);
    let change = |act: &dyn Fn(&mut Writer)| {
        let mut writer = account.write().unwrap();
        act(&mut writer);
        writer.commit().unwrap();
    };

    at(200);
    let seen = KeywordChange::Add(vec![Keyword::new("$seen").unwrap()]);
    change(&|w| assert!(w.keywords(email, &seen).unwrap()));
    assert_eq!(saved(email), [(a, 100)], "keywords leave it");
    change(&|w| drop(w.place(email, &[a, b]).unwrap()));
    assert_eq!(saved(email), [(a, 100), (b, 200)]);
    at(300);
    change(&|w| assert_eq!(w.relocate(email, a, c), Ok(Uid::FIRST)));
    assert_eq!(saved(email), [(b, 200), (c, 300)]);
    at(400);
    let copy = std::cell::Cell::new(None);
    change(&|w| copy.set(Some(w.copy(email, a).unwrap().email)));
    assert_eq!(saved(copy.get().unwrap()), [(a, 400)], "a copy has its own");
    assert_eq!(saved(email), [(b, 200), (c, 300)], "and leaves the other");
    at(500);
    change(&|w| w.expunge(email, b).unwrap());
    change(&|w| drop(w.place(email, &[b, c]).unwrap()));
    assert_eq!(saved(email), [(b, 500), (c, 300)], "who comes back is new");
    change(&|w| w.destroy(email).unwrap());
    at(600);
    let back = account.undelete(&[email], None).unwrap();
    let back = back[0].1.as_ref().unwrap().email;
    assert_eq!(
        saved(back),
        [(b, 600), (c, 600)],
        "put back is put there now"
    );

    assert_eq!(store.check().unwrap(), Vec::<String>::new());
    let all = [copy.get().unwrap(), back].map(saved);
    store.close().unwrap();
    drop((store, account));
    let store = Store::open(&options).unwrap();
    let account = store.account(AccountId::new(2).unwrap());
    let again = [copy.get().unwrap(), back].map(|email| account.state(email).unwrap().saved);
    assert_eq!(again, all);
}
