//! A letter for several is taken whole or not at all, at whatever step the power fails: nobody has it twice, and nobody
//! alone.

use crate::bounces::peer;
use crate::world::{World, address, envelope, remote};
use delivery::Outcome;
use delivery::trace::{Sought, What};
use storage::Disk;

/// Steps of the disk at which its power fails in turn; a letter needs fewer.
const STEPS: u64 = 27;
/// Cuts at a time.
const LANES: u64 = 9;
const NAMES: [&str; 3] = ["an", "binh", "chi"];

fn letter(step: u64) -> Vec<u8> {
    format!("From: x@noi.vn\r\nMessage-ID: <m{step}@x>\r\n\r\nbody\r\n").into_bytes()
}

/// How many accounts the timelines say that it was placed in.
fn told(world: &World) -> usize {
    let sought = Sought {
        to: Some(address("an@tinh.gov.vn")),
        ..Sought::default()
    };
    let page = world.delivery.traces(&sought, None, 9).unwrap();
    let each = page.found.iter().flat_map(|found| {
        let (_, events) = world.delivery.trace(&found.id).unwrap();
        events.into_iter().map(|event| match event.what {
            What::Placed(accounts) => accounts.len(),
            _ => 0,
        })
    });
    each.sum()
}

/// The power fails at this step of acceptance and dispatch: whether it was acknowledged, how many here have it, and
/// how often it went elsewhere.
fn cut(step: u64, elsewhere: bool) -> (bool, usize, usize) {
    let disk = Disk::forgetful(step);
    let peer = peer(Outcome::Relayed("2.0.0 taken".into()));
    let world = World::on(Some(disk.clone()), Some(peer.clone()));
    let mut to: Vec<String> = NAMES.map(|name| format!("{name}@tinh.gov.vn")).to_vec();
    if elsewhere {
        world.list("phong", vec![address("y@noi.vn")]);
        to.push("phong@tinh.gov.vn".into());
    }
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    disk.fail_after(step);
    let answer = world
        .delivery
        .accept(envelope("x@noi.vn", &to), &letter(step), &remote());
    let _ = world.try_dispatch();
    let world = world.restart(Some(peer.clone()));
    world.pass(24 * 3600);
    world.dispatch();
    let here = NAMES.map(|name| world.inbox_if_any(name).len());
    assert!(here == [0; 3] || here == [1; 3], "step {step}: {here:?}");
    let had = here.iter().sum();
    assert_eq!(told(&world), had, "step {step}: its timeline ends rightly");
    assert!(world.delivery.queue(None, 9).unwrap().is_empty());
    let gone = peer.seen.lock().unwrap().len();
    (answer.is_ok(), had, gone)
}

/// The power fails at each step in turn; several at a time, since a server that starts mostly waits.
fn cut_at_each(elsewhere: bool) -> Vec<(bool, usize, usize)> {
    let lane = |lane: u64| (1..=STEPS).filter(move |step| step % LANES == lane);
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|n| scope.spawn(move || lane(n).map(|at| cut(at, elsewhere)).collect::<Vec<_>>()))
            .collect();
        let ended = lanes.into_iter().flat_map(|lane| lane.join().unwrap());
        ended.collect()
    })
}

#[test]
fn i09_a_letter_for_several_here_is_whole_or_nothing() {
    let seen = cut_at_each(false);
    for (acknowledged, had, gone) in &seen {
        assert!(*had == 3 || !acknowledged, "lost");
        assert_eq!(*gone, 0);
    }
    assert!(seen.contains(&(false, 0, 0)) && seen.contains(&(true, 3, 0)));
}

#[test]
fn i10_a_letter_for_here_and_elsewhere_is_whole_or_nothing() {
    let seen = cut_at_each(true);
    for (acknowledged, had, gone) in &seen {
        assert!(*had == 3 || !acknowledged, "lost");
        // Again only where it went and that could not be written down.
        let again = (*had, *gone) == (3, 2);
        assert!(*gone == had / 3 || again, "{had} here, {gone} elsewhere");
    }
    assert!(seen.contains(&(false, 0, 0)) && seen.contains(&(true, 3, 1)));
}
