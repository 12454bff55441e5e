//! RFC 4865: mail that goes at a later time, and what its sender takes back.

use crate::bounces::peer;
use crate::world::{LETTER, START_S, World, envelope};
use delivery::trace::{Progress, Sought, Standing};
use delivery::{Act, DELETED, Detour, Outcome, RELEASE_MAX_S, SUSPENDED, Security};
use directory::AccountState;
use storage::{AccountId, EmailId, QueueId};

/// To somebody here and somebody elsewhere, in an hour; where it waits.
fn submit(world: &World, at: i64) -> QueueId {
    let mut sent = envelope("an@tinh.gov.vn", &["binh@tinh.gov.vn", "x@noi.vn"]);
    sent.release_at = Some(at);
    sent.priority = 4;
    let origin = world.submitted("an");
    let receipt = world.delivery.accept(sent, LETTER, &origin).unwrap();
    assert_eq!(receipt.placed, 0);
    receipt.queued.unwrap()
}

fn taken() -> Outcome {
    Outcome::Relayed("2.0.0 x said to the message: 250 Ok".into())
}

#[test]
fn it_waits_over_a_restart_and_goes_when_it_is_time() {
    let first = peer(taken());
    let world = World::with(Some(first.clone()));
    let at = START_S + 3600;
    let id = submit(&world, at);
    assert_eq!(world.dispatch(), Some(at));
    assert!(world.inbox("binh").is_empty() && first.seen.lock().unwrap().is_empty());
    let peer = peer(taken());
    let world = world.restart(Some(peer.clone()));
    world.pass(3599);
    assert_eq!(world.dispatch(), Some(at));
    assert!(world.inbox("binh").is_empty());
    assert_eq!(world.delivery.queued(id).unwrap().due, at);
    world.pass(1);
    assert_eq!(world.dispatch(), None);
    let got = world.inbox("binh");
    assert_eq!(got.len(), 1);
    assert!(got[0].contains("\r\n\tPRIORITY 4"), "{}", got[0]);
    assert_eq!(peer.seen.lock().unwrap().len(), 1);
}

/// Five days of tries begin when it goes.
#[test]
fn its_end_is_counted_from_its_time() {
    let world = World::with(Some(peer(Outcome::Deferred("4.4.1 nobody".into()))));
    submit(&world, START_S + RELEASE_MAX_S);
    while world.now() < START_S + RELEASE_MAX_S + 4 * 24 * 3600 {
        let due = world.dispatch().unwrap();
        world.pass(due.max(world.now() + 1) - world.now());
    }
    let told = world.inbox("an");
    assert_eq!(told.len(), 1, "that it is late");
    assert!(told[0].contains("Action: delayed"), "{}", told[0]);
}

/// While no server ran nobody could try it: its sender hears of a delay that is one.
#[test]
fn what_was_due_while_no_server_ran_is_late_by_its_tries_alone() {
    let day_s = 24 * 3600;
    let world = World::with(Some(peer(taken())));
    submit(&world, START_S + 3600);
    world.pass(day_s);
    let world = world.restart(Some(peer(taken())));
    assert_eq!(world.dispatch(), None);
    assert!(world.inbox("an").is_empty());
    assert_eq!(world.inbox("binh").len(), 1);
    // One that is put off then is late after as long as any other.
    submit(&world, world.now() + 3600);
    world.pass(day_s);
    let world = world.restart(Some(peer(Outcome::Deferred("4.4.1 nobody".into()))));
    let began = world.now();
    let first = world.dispatch().unwrap();
    assert!(world.inbox("an").is_empty() && first > began);
    world.pass(first - began);
    world.dispatch();
    let told = world.inbox("an");
    assert_eq!(told.len(), 1, "tried twice");
    assert!(told[0].contains("Action: delayed"), "{}", told[0]);
    assert!(told[0].contains("Status: 4.4.1"), "{}", told[0]);
}

/// What never came to a try since the start is late four hours after that.
#[test]
fn what_no_next_hop_was_free_for_is_late_all_the_same() {
    let world = World::with(Some(peer(taken())));
    let at = START_S + 3600;
    submit(&world, at);
    world.pass(24 * 3600);
    let world = world.restart(Some(peer(taken())));
    let began = world.now();
    // Nobody leases it.
    let late = began + 4 * 3600;
    assert_eq!(world.delivery.dispatch(began).unwrap(), Some(late));
    assert!(world.inbox("an").is_empty());
    world.pass(4 * 3600);
    world.delivery.dispatch(late).unwrap();
    let told = world.inbox("an");
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("Status: 4.4.0"), "{}", told[0]);
}

#[test]
fn what_waits_is_listed_and_taken_back() {
    let world = World::with(Some(peer(taken())));
    let an = world.id("an");
    let (email, at) = (EmailId::new(7).unwrap(), START_S + 3600);
    let note = |account: AccountId, id: QueueId| {
        let d = &world.delivery;
        d.note_later(account, id, email, "i1").unwrap();
    };
    let (first, second) = (submit(&world, at + 60), submit(&world, at));
    note(an, first);
    note(an, second);
    let all = world.delivery.later(an).unwrap();
    let shown: Vec<_> = all.iter().map(|l| (l.id, l.at, l.email)).collect();
    assert_eq!(shown, [(second, at, email), (first, at + 60, email)]);
    assert_eq!(all[0].identity, "i1");
    assert!(world.delivery.later(world.id("binh")).unwrap().is_empty());
    assert!(world.delivery.take_back(an, first).unwrap());
    assert!(!world.delivery.take_back(an, first).unwrap());
    // Its timeline ends with that.
    let sought = Sought::default();
    let all_traces = world.delivery.traces(&sought, None, 9).unwrap();
    let ends = all_traces.found.iter().map(|found| {
        let (_, events) = world.delivery.trace(&found.id).unwrap();
        format!("{:?}", events.last().unwrap().what)
    });
    let ends: Vec<String> = ends.collect();
    let back = r#"Act { act: "queue.take_back", by: Some("an@tinh.gov.vn"), to: None }"#;
    let far = all_traces.found.iter().map(|found| {
        let (found, events) = world.delivery.trace(&found.id).unwrap();
        let far = world.delivery.progress(&found, &events).unwrap();
        far.iter()
            .filter(|one| one.standing == Standing::Failed)
            .count()
    });
    assert_eq!(far.sum::<usize>(), 2, "both recipients of that one");
    assert_eq!(
        ends.iter().filter(|end| *end == back).count(),
        1,
        "{ends:?}"
    );
    assert_eq!(world.delivery.later(an).unwrap().len(), 1);
    world.pass(3600);
    // Its time has come: it can no longer be taken back.
    assert!(!world.delivery.take_back(an, second).unwrap());
    assert!(world.delivery.later(an).unwrap().is_empty());
    assert_eq!(world.dispatch(), None);
    assert_eq!(world.inbox("binh").len(), 1);
    assert!(
        world.inbox("an").is_empty(),
        "nobody is told of what was taken back"
    );
}

#[test]
fn another_way_is_no_other_time() {
    let peer = peer(taken());
    let world = World::with(Some(peer.clone()));
    let at = START_S + 3600;
    let id = submit(&world, at);
    let detour = Detour {
        host: "10.0.0.7".into(),
        port: 25,
        security: Security::Opportunistic,
    };
    let act = Act::Reroute(Some(detour));
    assert_eq!(world.delivery.act(id, &act, None), Ok(true));
    assert_eq!(world.dispatch(), Some(at));
    assert!(peer.seen.lock().unwrap().is_empty());
    world.pass(3600);
    world.dispatch();
    assert_eq!(peer.seen.lock().unwrap().len(), 1);
}

#[test]
fn a_retry_is_no_other_time() {
    let peer = peer(taken());
    let world = World::with(Some(peer.clone()));
    let at = START_S + 3600;
    let id = submit(&world, at);
    assert_eq!(world.delivery.queued(id).unwrap().scheduled, Some(at));
    assert_eq!(world.delivery.act(id, &Act::Retry, None), Ok(false));
    assert_eq!(world.dispatch(), Some(at));
    assert!(peer.seen.lock().unwrap().is_empty());
    assert!(world.inbox_if_any("binh").is_empty());
    world.pass(3600);
    assert_eq!(world.delivery.queued(id).unwrap().scheduled, None);
    assert_eq!(world.delivery.act(id, &Act::Retry, None), Ok(true));
    world.dispatch();
    assert_eq!(peer.seen.lock().unwrap().len(), 1);
}

#[test]
fn what_a_suspended_account_sent_before_is_not_tried_again() {
    let peer = peer(Outcome::Deferred(
        "4.3.2 mx.noi.vn said to RCPT TO: 451 later".into(),
    ));
    let world = World::with(Some(peer.clone()));
    let id = submit(&world, world.now() + 60);
    world.pass(60);
    world.dispatch();
    assert_eq!(peer.seen.lock().unwrap().len(), 1);
    assert_eq!(world.inbox("binh").len(), 1);
    world.change("an", |account| account.state = AccountState::Suspended);
    for _ in 0..3 {
        world.pass(3600);
        world.dispatch();
    }
    assert_eq!(peer.seen.lock().unwrap().len(), 1);
    let trace = world.delivery.queued(id).unwrap().trace;
    let (found, events) = world.delivery.trace(&trace).unwrap();
    let all = world.delivery.progress(&found, &events).unwrap();
    let of = |p: &Progress| (p.standing, p.said.as_deref() == Some(SUSPENDED));
    let mut all: Vec<_> = all.iter().map(of).collect();
    all.sort_by_key(|(_, held)| *held);
    assert_eq!(all, [(Standing::Placed, false), (Standing::Held, true)]);
    world.change("an", |account| account.state = AccountState::Active);
    assert_eq!(world.delivery.act(id, &Act::Release, None), Ok(true));
    world.dispatch();
    assert_eq!(peer.seen.lock().unwrap().len(), 2);
}

#[test]
fn what_a_deleted_account_scheduled_is_held_back() {
    let peer = peer(taken());
    let world = World::with(Some(peer.clone()));
    let id = submit(&world, world.now() + 3600);
    world
        .directory
        .delete_account(None, world.id("an"), None)
        .unwrap();
    world.pass(3600);
    world.dispatch();
    assert!(peer.seen.lock().unwrap().is_empty());
    let item = world.delivery.queued(id).unwrap();
    assert!(item.held.is_some());
    // Why, in its own words: it was not suspended.
    let (found, events) = world.delivery.trace(&item.trace).unwrap();
    let all = world.delivery.progress(&found, &events).unwrap();
    assert_eq!(all[0].said.as_deref(), Some(DELETED));
}

#[test]
fn what_a_suspended_account_scheduled_is_held_back() {
    let peer = peer(taken());
    let world = World::with(Some(peer.clone()));
    let an = world.id("an");
    let state = |state: AccountState| world.change("an", |account| account.state = state);
    let directory = &world.directory;
    let check = |suspend: &dyn Fn(), resume: &dyn Fn(), sent: usize| {
        let id = submit(&world, world.now() + 3600);
        suspend();
        world.pass(3600);
        world.dispatch();
        let trace = world.delivery.queued(id).unwrap().trace;
        let held = || {
            let (found, events) = world.delivery.trace(&trace).unwrap();
            let all = world.delivery.progress(&found, &events).unwrap();
            let held =
                |p: &Progress| (p.standing, p.said.as_deref()) == (Standing::Held, Some(SUSPENDED));
            all.iter().all(held)
        };
        assert!(held());
        // Whoever releases it has to let its sender send first.
        assert_eq!(world.delivery.act(id, &Act::Release, None), Ok(true));
        world.dispatch();
        assert!(held());
        assert_eq!(peer.seen.lock().unwrap().len(), sent);
        assert_eq!(world.inbox_if_any("binh").len(), sent);
        resume();
        world.dispatch();
        assert!(held());
        assert_eq!(world.delivery.act(id, &Act::Release, None), Ok(true));
        world.dispatch();
        assert_eq!(peer.seen.lock().unwrap().len(), sent + 1);
        assert_eq!(world.inbox("binh").len(), sent + 1);
    };
    check(
        &|| state(AccountState::Suspended),
        &|| state(AccountState::Active),
        0,
    );
    check(
        &|| {
            directory.stop_sending(None, an, None).unwrap();
        },
        &|| directory.resume_sending(None, an).unwrap(),
        1,
    );
}
