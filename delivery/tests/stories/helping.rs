//! What administrators do with letters that wait.

use crate::bounces::peer;
use crate::world::{LETTER, Transport, World, address, envelope, local, remote};
use delivery::{Act, Detour, Job, Outcome, Security, Tried, Via};
use std::sync::{Arc, Mutex};
use storage::{Error, QueueId};

const DAY_S: i64 = 24 * 3600;

/// Takes nothing for now, and remembers the way that it was asked.
#[derive(Default)]
struct Shy(Mutex<Vec<Via>>);

impl Transport for Shy {
    fn relay(&self, job: &Job) -> Tried {
        self.0.lock().unwrap().push(job.via.clone());
        Tried {
            outcomes: vec![Outcome::Deferred("4.2.0 later".into()); job.envelope.recipients.len()],
            ..Tried::default()
        }
    }
}

fn submit(world: &World) -> QueueId {
    let sent = envelope("an@tinh.gov.vn", &["x@noi.vn"]);
    let taken = world.delivery.accept(sent, LETTER, &world.submitted("an"));
    taken.unwrap().queued.unwrap()
}

/// The newest entry of the audit log: act and object.
fn last_act(world: &World) -> (String, String) {
    let entry = world.directory.audit(None, 1).unwrap().remove(0);
    (entry.act, entry.object)
}

#[test]
fn what_is_held_stays_over_restarts_and_does_not_end() {
    let world = World::with(Some(peer(Outcome::Deferred("4.2.0 later".into()))));
    let id = submit(&world);
    world.dispatch();
    world.pass(DAY_S);
    assert_eq!(world.delivery.act(id, &Act::Hold, None), Ok(true));
    assert_eq!(world.delivery.act(id, &Act::Hold, None), Ok(false));
    assert_eq!(last_act(&world), ("queue.hold".into(), "queue/1".into()));
    assert_eq!(
        world.delivery.act(id, &Act::Retry, None),
        Err(Error::Conflict.into())
    );
    let taking = peer(Outcome::Relayed("2.0.0 Ok".into()));
    let world = world.restart(Some(taking.clone()));
    for _ in 0..30 {
        world.pass(DAY_S);
        world.dispatch();
    }
    let item = world.delivery.queued(id).unwrap();
    assert_eq!(item.held, Some(world.now() - 30 * DAY_S));
    assert!(taking.seen.lock().unwrap().is_empty());
    assert!(
        world.inbox_if_any("an").is_empty(),
        "neither warned nor bounced"
    );
    assert_eq!(world.delivery.act(id, &Act::Release, None), Ok(true));
    assert_eq!(world.delivery.act(id, &Act::Release, None), Ok(false));
    world.dispatch();
    assert_eq!(taking.seen.lock().unwrap().len(), 1);
    assert_eq!(world.delivery.queued(id), Err(Error::NotFound));
    assert_eq!(world.directory.audit_check().unwrap(), None);
}

#[test]
fn a_released_letter_has_the_days_that_it_had_left() {
    let world = World::with(Some(peer(Outcome::Deferred("4.2.0 later".into()))));
    let id = submit(&world);
    world.pass(DAY_S);
    world.delivery.act(id, &Act::Hold, None).unwrap();
    world.pass(10 * DAY_S);
    world.delivery.act(id, &Act::Release, None).unwrap();
    world.dispatch();
    world.pass(4 * DAY_S - 3600);
    world.dispatch();
    assert!(world.delivery.queued(id).is_ok(), "its time is not over");
    world.pass(3600);
    world.dispatch();
    assert_eq!(world.delivery.queued(id), Err(Error::NotFound));
}

#[test]
fn a_try_that_ends_while_it_is_held_counts() {
    let world = World::with(Some(peer(Outcome::Relayed("2.0.0 Ok".into()))));
    let id = submit(&world);
    let now = world.now();
    world.delivery.dispatch(now).unwrap();
    let job = world.delivery.lease(now).unwrap().unwrap();
    assert_eq!(world.delivery.act(id, &Act::Hold, None), Ok(true));
    let tried = Tried {
        outcomes: vec![Outcome::Relayed("2.0.0 Ok".into())],
        ..Tried::default()
    };
    world.delivery.settle(&job, tried, now).unwrap();
    assert_eq!(world.delivery.queued(id), Err(Error::NotFound));
}

#[test]
fn what_is_placed_here_is_held_too() {
    let world = World::new();
    world.list("phong", vec![local("an"), address("x@noi.vn")]);
    let sent = envelope("s@noi.vn", &["phong@tinh.gov.vn"]);
    let id = world.delivery.accept(sent, LETTER, &remote()).unwrap();
    let id = id.queued.unwrap();
    world.delivery.act(id, &Act::Hold, None).unwrap();
    world.dispatch();
    assert!(world.inbox_if_any("an").is_empty());
    world.delivery.act(id, &Act::Release, None).unwrap();
    world.dispatch();
    assert_eq!(world.inbox("an").len(), 1);
}

#[test]
fn another_way_is_taken_at_once_and_given_back() {
    let shy = Arc::new(Shy::default());
    let world = World::with(Some(shy.clone()));
    let id = submit(&world);
    world.dispatch();
    let detour = Detour {
        host: "10.0.0.7".into(),
        port: 2525,
        security: Security::Encrypted,
    };
    let act = Act::Reroute(Some(detour.clone()));
    assert_eq!(world.delivery.act(id, &act, None), Ok(true));
    assert_eq!(world.delivery.act(id, &act, None), Ok(false));
    assert_eq!(last_act(&world).0, "queue.reroute");
    let world = world.restart(Some(shy.clone()));
    world.dispatch();
    assert_eq!(world.delivery.queued(id).unwrap().detour, Some(detour));
    world.delivery.act(id, &Act::Reroute(None), None).unwrap();
    world.dispatch();
    let ways: Vec<String> = shy
        .0
        .lock()
        .unwrap()
        .iter()
        .map(|via| via.hop().to_string())
        .collect();
    assert_eq!(ways, ["noi.vn", "@10.0.0.7:2525 encrypted", "noi.vn"]);
    let nowhere = Act::Reroute(Some(Detour {
        host: "a b".into(),
        port: 25,
        security: Security::Opportunistic,
    }));
    assert!(matches!(
        world.delivery.act(id, &nowhere, None),
        Err(directory::Error::Storage(Error::Invalid(_)))
    ));
}

#[test]
fn i10_what_cannot_be_read_is_looked_at_ever_less_often_and_may_be_removed() {
    let world = World::with(Some(peer(Outcome::Deferred("4.2.0 later".into()))));
    let blob = world.store.put_blob(b"x").unwrap();
    let id = world.store.queue().put(0, blob, vec![9, 9, 9]).unwrap();
    let other = submit(&world);
    let (mut looks, mut last) = (0, 0);
    for _ in 0..DAY_S / 60 {
        world.dispatch();
        let told = world.delivery.unreadable();
        assert_eq!((told.len(), told[0].id), (1, id));
        if told[0].next != last {
            (looks, last) = (looks + 1, told[0].next);
        }
        world.pass(60);
    }
    assert!((6..10).contains(&looks), "{looks} looks a day");
    let listed = world.delivery.queue(None, 10).unwrap();
    assert_eq!(
        listed.iter().map(|item| item.id).collect::<Vec<_>>(),
        [other]
    );
    assert!(matches!(
        world.delivery.act(id, &Act::Hold, None),
        Err(directory::Error::Storage(Error::Corrupt(_)))
    ));
    assert_eq!(world.delivery.act(id, &Act::Delete, None), Ok(true));
    assert_eq!(last_act(&world).0, "queue.delete");
    assert_eq!(world.delivery.unreadable(), []);
    assert_eq!(world.store.queue().count(), 1);
}

/// What is under way by the old way is not sent by the new one beside it; put off, it goes by the new one at once.
#[test]
fn another_way_waits_for_the_try_that_is_under_way() {
    for taken in [true, false] {
        let outcome = match taken {
            true => Outcome::Relayed("2.0.0 Ok".into()),
            false => Outcome::Deferred("4.2.0 later".into()),
        };
        let world = World::with(Some(peer(outcome.clone())));
        let id = submit(&world);
        let now = world.now();
        world.delivery.dispatch(now).unwrap();
        let job = world.delivery.lease(now).unwrap().unwrap();
        let detour = Detour {
            host: "10.0.0.7".into(),
            port: 25,
            security: Security::Opportunistic,
        };
        let act = Act::Reroute(Some(detour));
        assert_eq!(world.delivery.act(id, &act, None), Ok(true));
        let next = world.delivery.dispatch(now).unwrap();
        assert!(
            next.is_none_or(|at| at > now),
            "it comes up when the try has ended"
        );
        assert!(world.delivery.lease(now).unwrap().is_none());
        let tried = Tried {
            outcomes: vec![outcome],
            ..Tried::default()
        };
        world.delivery.settle(&job, tried, now).unwrap();
        world.delivery.dispatch(now).unwrap();
        let next = world.delivery.lease(now).unwrap();
        let by = next.map(|job| job.hop.to_string());
        assert_eq!(by.as_deref(), (!taken).then_some("@10.0.0.7:25"));
    }
}
