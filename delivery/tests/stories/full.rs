//! A full mailbox: servers try again themselves, what people here write waits for room, and comes back in the end.

use crate::bounces::report;
use crate::world::{LETTER, World, cause, envelope, local, remote};
use delivery::Outcome;
use delivery::trace::Standing;

const HOUR_S: i64 = 3600;

/// Full, though what it holds could go.
fn fill(world: &World, name: &str) {
    let to = format!("{name}@tinh.gov.vn");
    for _ in 0..3 {
        let sent = envelope("x@noi.vn", &[to.as_str()]);
        world.delivery.accept(sent, LETTER, &remote()).unwrap();
    }
    let (used, _) = world.store.account(world.id(name)).usage().unwrap();
    world.change(name, |account| account.quota = Some(used + 10));
}

#[test]
fn what_is_written_here_waits_for_room_and_is_placed_once() {
    let world = World::new();
    fill(&world, "binh");
    let origin = world.submitted("an");
    let to = local("binh");
    let from = envelope("an@tinh.gov.vn", &[]).from;
    assert_eq!(cause(world.delivery.recipient(&to, &from, &origin)), "ok");
    let sent = envelope("an@tinh.gov.vn", &["binh@tinh.gov.vn"]);
    let id = world
        .delivery
        .accept(sent, LETTER, &origin)
        .unwrap()
        .queued
        .expect("it waits");
    let sent = envelope("an@tinh.gov.vn", &["binh@tinh.gov.vn", "chi@tinh.gov.vn"]);
    let receipt = world.delivery.accept(sent, LETTER, &origin).unwrap();
    assert_eq!((receipt.placed, receipt.queued.is_some()), (1, true));
    let waiting = &world.delivery.queued(id).unwrap().waiting[0];
    assert_eq!(waiting.tries, 1);
    assert_eq!(
        waiting.last,
        Some(Outcome::Deferred("4.2.2 the mailbox is full".into()))
    );
    // He hears of it once, and that it is tried for three days.
    world.pass(5 * HOUR_S);
    world.dispatch();
    world.dispatch();
    let told = world.inbox("an");
    assert_eq!(told.len(), 2, "of each letter");
    for one in &told {
        let status = report(one);
        assert!(
            status.contains("Action: delayed\\r\\nStatus: 4.2.2"),
            "{status}"
        );
        assert!(
            status.contains("Will-Retry-Until: Wed, 25 Nov 2026"),
            "{status}"
        );
    }
    assert_eq!(
        (world.inbox("binh").len(), world.inbox("chi").len()),
        (3, 1)
    );
    world.change("binh", |account| account.quota = None);
    world.pass(5 * HOUR_S);
    assert_eq!(world.dispatch(), None);
    assert_eq!(
        (world.inbox("binh").len(), world.inbox("chi").len()),
        (5, 1)
    );
    assert_eq!(world.inbox("an").len(), 2);
}

#[test]
fn what_finds_no_room_for_days_comes_back() {
    let world = World::new();
    fill(&world, "binh");
    let sent = envelope("an@tinh.gov.vn", &["binh@tinh.gov.vn"]);
    world
        .delivery
        .accept(sent, LETTER, &world.submitted("an"))
        .unwrap();
    for _ in 0..=72 {
        world.pass(HOUR_S);
        world.dispatch();
    }
    let told = world.inbox("an");
    assert_eq!(told.len(), 2, "late, then over");
    let status = report(&told[1]);
    assert!(
        status.contains("Action: failed\\r\\nStatus: 5.2.2"),
        "{status}"
    );
    assert!(world.delivery.queue(None, 9).unwrap().is_empty());
}

#[test]
fn who_brings_it_from_elsewhere_tries_again_himself() {
    let world = World::new();
    fill(&world, "binh");
    let accept = |to: &[&str]| {
        let sent = envelope("x@noi.vn", to);
        world.delivery.accept(sent, LETTER, &remote())
    };
    assert_eq!(cause(accept(&["binh@tinh.gov.vn"])), "FullNow");
    fill(&world, "chi");
    let both = ["binh@tinh.gov.vn", "chi@tinh.gov.vn"];
    assert_eq!(cause(accept(&both)), "FullNow");
    assert!(world.delivery.queue(None, 9).unwrap().is_empty());
    // Beside one who has room it is taken, and waits for the other.
    let receipt = accept(&["an@tinh.gov.vn", "binh@tinh.gov.vn"]).unwrap();
    assert_eq!((receipt.placed, receipt.queued.is_some()), (1, true));
    let sent = envelope("x@noi.vn", &["an@tinh.gov.vn", "binh@tinh.gov.vn"]);
    let each = world.delivery.accept_each(sent, LETTER, &remote());
    // The timeline says who was refused beside the others.
    let trace = each[0].clone().unwrap();
    let (found, events) = world.delivery.trace(&trace).unwrap();
    let told = world.delivery.progress(&found, &events).unwrap();
    let told: Vec<(Standing, Option<&str>)> = told
        .iter()
        .map(|one| (one.standing, one.said.as_deref()))
        .collect();
    let refused = Some("4.2.2 the mailbox is full");
    assert_eq!(
        told,
        [(Standing::Placed, None), (Standing::Failed, refused)]
    );
    let each: Vec<String> = each.into_iter().map(cause).collect();
    assert_eq!(each, ["ok", "FullNow"]);
    assert_eq!(world.inbox("an").len(), 2);
}
