//! A clock that is ahead from the first upkeep of a store on.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use storage::*;
use world::{World, letter};

const START: i64 = 1_800_000_000;
const DAY: i64 = 86_400;

/// There is no other upkeep with which the first one could be compared, but there are commits.
#[test]
fn a_clock_that_is_ahead_from_the_first_upkeep_on_destroys_nothing() {
    for (ahead, covered) in [(31, false), (70, true), (9_000, false)] {
        let hands = Arc::new(AtomicI64::new(START));
        let told = Arc::clone(&hands);
        let mut world = World::new(EngineKind::Memory);
        world.options.clock = Clock::new(move || told.load(Ordering::SeqCst));
        world.reopen();
        let inbox = world.inbox(2);
        let placed = world.deliver(2, inbox, &letter(1, "đã xoá", &[]), None);
        let mut writer = world.account(2).write().unwrap();
        writer.expunge(placed.email, inbox).unwrap();
        writer.commit().unwrap();
        if covered {
            world.store().snapshot().unwrap();
        }
        let removed = |world: &World| {
            let query = RemovedQuery {
                max: 10,
                ..RemovedQuery::default()
            };
            world.account(2).removed(&query).unwrap().list.len()
        };
        hands.store(START + ahead * DAY, Ordering::SeqCst);
        world.reopen();
        // What comes under the wrong clock says nothing.
        world.deliver(2, inbox, &letter(2, "mới", &[]), None);
        for pass in 1..=3 {
            let done = world.store().maintain(&Policy::default()).unwrap();
            assert_eq!(done.trusted_s, START + 2 * pass * DAY);
            assert_eq!(done.behind_s, ((ahead - 2 * pass) * DAY) as u64);
            assert_eq!(removed(&world), 1, "{ahead}, {pass}");
        }
        hands.store(START + 60, Ordering::SeqCst);
        let done = world.store().maintain(&Policy::default()).unwrap();
        assert_eq!((done.trusted_s, done.behind_s), (START + 60, 0));
        assert_eq!(removed(&world), 1, "{ahead}");
    }
}
