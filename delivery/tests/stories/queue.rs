//! The spool: what was answered yes survives everything, and arrives once.

use crate::bounces::peer;
use crate::world::{LETTER, World, address, envelope, local, remote};
use delivery::{Act, Outcome};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

#[test]
fn i09_what_was_placed_is_not_placed_again() {
    let world = World::new();
    world.list(
        "phong",
        vec![local("an"), local("binh"), address("x@noi.vn")],
    );
    let sent = || envelope("s@noi.vn", &["phong@tinh.gov.vn"]);
    let id = world
        .delivery
        .accept(sent(), LETTER, &remote())
        .unwrap()
        .queued
        .unwrap();
    // The state before the first try, as it is on disk if the server dies before it writes the outcome.
    let before = world.store.queue().item(id).unwrap();
    world.dispatch();
    for _ in 0..2 {
        world
            .store
            .queue()
            .update(id, 0, before.payload.clone())
            .unwrap();
        world.dispatch();
    }
    assert_eq!((world.inbox("an").len(), world.inbox("binh").len()), (1, 1));
    // Another message of the same octets is another message.
    world.delivery.accept(sent(), LETTER, &remote()).unwrap();
    world.dispatch();
    assert_eq!(world.inbox("an").len(), 2);
}

#[test]
fn i09_a_bounce_repeated_after_a_crash_is_one() {
    let world = World::with(Some(peer(Outcome::Failed("5.0.0 no".into()))));
    let sent = envelope("an@tinh.gov.vn", &["x@noi.vn"]);
    let id = world
        .delivery
        .accept(sent, LETTER, &world.submitted("an"))
        .unwrap()
        .queued
        .unwrap();
    let before = world.store.queue().item(id).unwrap();
    world.dispatch();
    assert_eq!(world.inbox("an").len(), 1);
    world
        .store
        .queue()
        .put(0, before.blob, before.payload)
        .unwrap();
    world.dispatch();
    assert_eq!(world.inbox("an").len(), 1);
}

#[test]
fn i01_a_spooled_message_survives_a_crash() {
    let world = World::new();
    world.list(
        "phong",
        vec![local("an"), local("binh"), address("x@noi.vn")],
    );
    let sent = envelope("s@noi.vn", &["phong@tinh.gov.vn"]);
    world.delivery.accept(sent, LETTER, &remote()).unwrap();
    let peer = peer(Outcome::Relayed("250 2.0.0 taken".into()));
    let world = world_after_crash(world, peer.clone());
    assert_eq!(world.dispatch(), None);
    assert_eq!((world.inbox("an").len(), world.inbox("binh").len()), (1, 1));
    assert_eq!(peer.seen.lock().unwrap().len(), 1);
}

fn world_after_crash(world: World, peer: Arc<crate::bounces::Peer>) -> World {
    world.restart(Some(peer))
}

#[test]
fn i10_an_item_that_cannot_be_read_stays_and_stops_nobody() {
    let world = World::new();
    let blob = world.store.put_blob(b"x").unwrap();
    let id = world.store.queue().put(0, blob, vec![9, 9, 9]).unwrap();
    let names: Vec<String> = (0..20).map(|n| format!("p{n}")).collect();
    for name in &names {
        world.person(name);
    }
    world.list("tatca", names.iter().map(|name| local(name)).collect());
    world
        .delivery
        .accept(envelope("", &["tatca@tinh.gov.vn"]), LETTER, &remote())
        .unwrap();
    assert!(world.dispatch().is_some());
    assert_eq!(world.inbox("p19").len(), 1);
    assert!(world.store.queue().item(id).is_ok());
    assert!(world.delivery.queued(id).is_err());
}

#[test]
fn the_queue_has_a_limit_and_wakes_who_serves_it() {
    let world = World::new();
    let woken = Arc::new(AtomicUsize::new(0));
    let count = woken.clone();
    world.delivery.on_queued(Arc::new(move || {
        count.fetch_add(1, SeqCst);
    }));
    let origin = world.submitted("an");
    let sent = || envelope("an@tinh.gov.vn", &["x@noi.vn"]);
    for _ in 0..100 {
        world.delivery.accept(sent(), LETTER, &origin).unwrap();
    }
    assert_eq!(woken.load(SeqCst), 100);
    assert_eq!(
        crate::world::cause(world.delivery.accept(sent(), LETTER, &origin)),
        "QueueFull"
    );
    let page = world.delivery.queue(None, 30).unwrap();
    assert_eq!(page.len(), 30);
    assert_eq!(
        world.delivery.queue(Some(page[29].id), 100).unwrap().len(),
        70
    );
}

#[test]
fn thirty_thousand_members_elsewhere_are_one_item() {
    let world = World::new();
    for list in 0..3 {
        let members = (0..10_000).map(|n| address(&format!("nguoi-nhan-{n}@l{list}.noi.vn")));
        world.list(&format!("l{list}"), members.collect());
    }
    world.list(
        "tatca",
        (0..3).map(|list| local(&format!("l{list}"))).collect(),
    );
    let sent = envelope("s@noi.vn", &["tatca@tinh.gov.vn"]);
    let id = world
        .delivery
        .accept(sent, LETTER, &remote())
        .unwrap()
        .queued
        .unwrap();
    for _ in 0..2 {
        assert!(world.dispatch().is_some());
        let item = world.delivery.queued(id).unwrap();
        assert_eq!(item.waiting.len(), 30_000);
        assert_eq!(world.delivery.queue(None, 10).unwrap().len(), 1);
        world.delivery.act(id, &Act::Retry, None).unwrap();
    }
    // All fail at once: one bounce, to a sender elsewhere.
    world.pass(6 * 24 * 3600);
    assert!(world.dispatch().is_some());
    let left = world.delivery.queue(None, 10).unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].envelope.from, delivery::ReversePath::Null);
}

#[test]
fn those_who_write_to_one_account_share_its_commits_and_its_limit() {
    let world = World::new();
    let size = world
        .delivery
        .accept(envelope("", &["an@tinh.gov.vn"]), LETTER, &remote());
    assert!(size.is_ok());
    let (held, _) = world.store.account(world.id("an")).usage().unwrap();
    // Room for ten more of the same size, not for eleven; again and again, since threads differ.
    world.change("an", |account| account.quota = Some(held * 11 + 20));
    let answers: Vec<String> = std::thread::scope(|scope| {
        let each = (0..24).map(|_| {
            scope.spawn(|| {
                let sent = envelope("", &["an@tinh.gov.vn"]);
                crate::world::cause(world.delivery.accept(sent, LETTER, &remote()))
            })
        });
        let threads: Vec<_> = each.collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let count = |what: &str| answers.iter().filter(|answer| *answer == what).count();
    assert_eq!((count("ok"), count("FullNow")), (10, 14), "{answers:?}");
    assert_eq!(world.inbox("an").len(), 11);
}
