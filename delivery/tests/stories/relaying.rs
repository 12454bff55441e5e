//! Mail for elsewhere: whatever the peers say and whenever the server dies, everybody gets it or its sender is told.

use crate::bounces::peer;
use crate::world::{LETTER, Transport, World, address, envelope, remote};
use delivery::{Job, Outcome, RESTS_S, Tried};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const HOUR_S: i64 = 3600;

/// Nobody answers at some hops; at the others everything is taken. Counts who was asked.
struct Dead(&'static str, Mutex<Vec<String>>);

impl Transport for Dead {
    fn relay(&self, job: &Job) -> Tried {
        self.1.lock().unwrap().push(job.hop.to_string());
        let count = job.envelope.recipients.len();
        if job.hop.to_string() == self.0 {
            let why = "4.4.1 nobody answers there".to_owned();
            return Tried {
                outcomes: vec![Outcome::Deferred(why.clone()); count],
                trouble: Some(why),
                ..Tried::default()
            };
        }
        Tried {
            outcomes: vec![Outcome::Relayed("2.0.0 x said to the message: 250 Ok".into()); count],
            ..Tried::default()
        }
    }
}

#[test]
fn a_dead_destination_is_asked_seldom_written_seldom_and_stops_nobody() {
    let dead = Arc::new(Dead("chet.vn", Mutex::default()));
    let world = World::with(Some(dead.clone()));
    let origin = world.submitted("an");
    let ids: Vec<_> = (0..40)
        .map(|n| {
            let sent = envelope("an@tinh.gov.vn", &[&format!("x{n}@chet.vn")]);
            let receipt = world.delivery.accept(sent, LETTER, &origin).unwrap();
            receipt.queued.unwrap()
        })
        .collect();
    let both = envelope("an@tinh.gov.vn", &["a@chet.vn", "b@song.vn"]);
    world.delivery.accept(both, LETTER, &origin).unwrap();
    world.dispatch();
    let asked = || {
        let all = dead.1.lock().unwrap();
        all.iter().filter(|hop| *hop == "chet.vn").count()
    };
    assert_eq!((asked(), dead.1.lock().unwrap().len()), (1, 2));
    // What was not tried shows why it waits, and until when.
    let shown = world.delivery.queued(ids[7]).unwrap();
    assert_eq!((shown.waiting[0].tries, &shown.waiting[0].last), (0, &None));
    assert_eq!(
        shown.waiting[0].trouble.as_deref(),
        Some("4.4.1 the next hop takes nothing now: nobody answers there")
    );
    assert_eq!(shown.due, world.now() + RESTS_S[0]);
    let payloads = || -> Vec<_> {
        let queue = world.store.queue();
        ids.iter()
            .map(|id| queue.item(*id).unwrap().payload)
            .collect()
    };
    let before = payloads();
    for _ in 0..(3 * HOUR_S / 60) {
        world.pass(60);
        world.dispatch();
    }
    let tried = asked();
    assert!((5..10).contains(&tried), "{tried}");
    let after = payloads();
    let changed = before.iter().zip(&after).filter(|(a, b)| a != b).count();
    assert!(changed < tried, "{changed} written for {tried} tries");
    // An administrator knows that it is up again.
    world
        .delivery
        .act(ids[39], &delivery::Act::Retry, None)
        .unwrap();
    world.dispatch();
    assert_eq!(asked(), tried + 1);
    let shown = world.delivery.queued(ids[39]).unwrap();
    assert_eq!(shown.waiting[0].tries, 1, "it went before the others");
}

#[test]
fn what_waits_behind_a_dead_destination_expires_too() {
    let world = World::with(Some(Arc::new(Dead("chet.vn", Mutex::default()))));
    let origin = world.submitted("an");
    for n in 0..10 {
        let sent = envelope("an@tinh.gov.vn", &[&format!("x{n}@chet.vn")]);
        world.delivery.accept(sent, LETTER, &origin).unwrap();
    }
    let mut rounds = 0;
    while world.dispatch().is_some() {
        world.pass(HOUR_S);
        rounds += 1;
        assert!(rounds < 200);
    }
    let told = world.inbox("an");
    let count = |what: &str| told.iter().filter(|raw| raw.contains(what)).count();
    assert_eq!(
        (count("Action: delayed"), count("Action: failed")),
        (10, 10)
    );
    assert_eq!(
        count("5.4.7 not delivered in time: nobody answers there"),
        10
    );
}

#[test]
fn a_warning_goes_to_senders_here_who_want_it() {
    let world = World::with(Some(peer(Outcome::Deferred(
        "4.2.0 mx.noi.vn said to RCPT TO: 450 later".into(),
    ))));
    world.list("phong", vec![address("x@noi.vn")]);
    let unwanted = {
        let mut sent = envelope("binh@tinh.gov.vn", &["x@noi.vn"]);
        sent.recipients[0].notify = Some("FAILURE".into());
        sent
    };
    let origin = world.submitted("binh");
    let letter = String::from_utf8_lossy(LETTER).replace("an@", "binh@");
    let taken = world.delivery.accept(unwanted, letter.as_bytes(), &origin);
    taken.unwrap();
    let outside = envelope("s@khac.vn", &["phong@tinh.gov.vn"]);
    world.delivery.accept(outside, LETTER, &remote()).unwrap();
    let wanted = envelope("an@tinh.gov.vn", &["x@noi.vn"]);
    world
        .delivery
        .accept(wanted, LETTER, &world.submitted("an"))
        .unwrap();
    for _ in 0..20 {
        world.dispatch();
        world.pass(HOUR_S);
    }
    assert_eq!(world.inbox("an").len(), 1);
    let raw = &world.inbox("an")[0];
    assert!(
        raw.contains("Remote-MTA: dns; mx.noi.vn\r\nDiagnostic-Code: smtp; 450 later\r\n"),
        "{raw}"
    );
    assert_eq!(
        world.delivery.queue(None, 9).unwrap().len(),
        3,
        "nobody else was told"
    );
}

#[test]
fn two_hundred_recipients_go_in_two_transactions() {
    let taken = peer(Outcome::Relayed("2.0.0 Ok".into()));
    let world = World::with(Some(taken.clone()));
    let names: Vec<String> = (0..200).map(|n| format!("x{n}@noi.vn")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let sent = envelope("an@tinh.gov.vn", &names);
    world
        .delivery
        .accept(sent, LETTER, &world.submitted("an"))
        .unwrap();
    assert_eq!(world.dispatch(), None);
    let seen: Vec<usize> = taken
        .seen
        .lock()
        .unwrap()
        .iter()
        .map(|s| s.1.len())
        .collect();
    assert_eq!(seen, [100, 100]);
}

#[test]
fn an_outcome_that_finds_no_room_is_not_tried_again() {
    let taken = peer(Outcome::Relayed("2.0.0 Ok".into()));
    let world = World::with(Some(taken.clone()));
    let sent = envelope("an@tinh.gov.vn", &["x@noi.vn"]);
    world
        .delivery
        .accept(sent, LETTER, &world.submitted("an"))
        .unwrap();
    world.disk.store(0, std::sync::atomic::Ordering::SeqCst);
    for _ in 0..3 {
        assert!(world.try_dispatch().is_err());
        world.pass(HOUR_S);
    }
    let disk = u64::MAX;
    world.disk.store(disk, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(world.dispatch(), None);
    assert_eq!(taken.seen.lock().unwrap().len(), 1, "sent once");
}

#[test]
fn what_is_being_sent_cannot_be_given_up() {
    let world = World::with(Some(peer(Outcome::Relayed("2.0.0 Ok".into()))));
    let sent = envelope("an@tinh.gov.vn", &["x@noi.vn"]);
    let origin = world.submitted("an");
    let id = world
        .delivery
        .accept(sent, LETTER, &origin)
        .unwrap()
        .queued
        .unwrap();
    let now = world.now();
    world.delivery.dispatch(now).unwrap();
    let job = world.delivery.lease(now).unwrap().unwrap();
    assert_eq!(
        world.delivery.act(id, &delivery::Act::Delete, None),
        Err(storage::Error::Conflict.into())
    );
    assert!(world.delivery.lease(now).unwrap().is_none());
    world.delivery.act(id, &delivery::Act::Retry, None).unwrap();
    world.delivery.dispatch(now).unwrap();
    assert!(
        world.delivery.lease(now).unwrap().is_none(),
        "one try at a time"
    );
    let tried = Tried {
        outcomes: vec![Outcome::Deferred("4.2.0 later".into())],
        ..Tried::default()
    };
    world.delivery.settle(&job, tried, now).unwrap();
    world
        .delivery
        .act(id, &delivery::Act::Delete, None)
        .unwrap();
    assert_eq!(world.inbox("an").len(), 1);
}

/// What happens next in the story of many letters.
#[derive(Debug, Clone)]
enum Act {
    /// A letter to these: domain, person.
    Send(Vec<(u8, u8)>),
    Lease,
    /// The n-th job under way ends so.
    End(usize, u8),
    /// The server dies: what is under way is lost with what its peers said.
    Crash,
    Wait(i64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => proptest::collection::vec((0..3u8, 0..9u8), 1..6).prop_map(Act::Send),
        8 => Just(Act::Lease),
        8 => (0..8usize, 0..5u8).prop_map(|(n, how)| Act::End(n, how)),
        1 => Just(Act::Crash),
        2 => (1..20_000i64).prop_map(Act::Wait),
    ];
    proptest::collection::vec(act, 1..60)
}

/// Everybody who was to get something, and what came of it.
#[derive(Default)]
struct Story {
    letters: usize,
    expected: Vec<String>,
    running: Vec<Job>,
    /// By recipient: arrived, refused for good, and how often a 250 was lost with the server.
    fates: BTreeMap<String, (usize, usize, usize)>,
}

/// The peer's answer for each recipient.
fn answers(job: &Job, how: u8) -> Tried {
    let mut trouble = None;
    let each = job.envelope.recipients.iter().enumerate();
    let outcomes = each
        .map(|(at, _)| match (how, at % 2) {
            (0 | 1, _) | (2, 0) => Outcome::Relayed("2.0.0 Ok".into()),
            (2, _) => Outcome::Failed("5.1.1 mx.noi.vn said to RCPT TO: 550 no".into()),
            (3, _) => Outcome::Deferred("4.2.0 later".into()),
            _ => Outcome::Deferred("4.4.1 nobody answers".into()),
        })
        .collect();
    if how == 4 {
        trouble = Some("4.4.1 nobody answers".into());
    }
    Tried {
        outcomes,
        trouble,
        ..Tried::default()
    }
}

impl Story {
    fn count(&mut self, job: &Job, tried: &Tried) {
        for (to, outcome) in job.envelope.recipients.iter().zip(&tried.outcomes) {
            let fate = self.fates.entry(to.address.to_string()).or_default();
            match outcome {
                Outcome::Relayed(_) => fate.0 += 1,
                Outcome::Failed(_) => fate.1 += 1,
                Outcome::Deferred(_) => {}
            }
        }
    }

    fn send(&mut self, world: &World, to: &[(u8, u8)]) {
        let number = self.letters;
        self.letters += 1;
        let mut names: Vec<String> = to
            .iter()
            .map(|(domain, person)| format!("l{number}-{person}@d{domain}.vn"))
            .collect();
        names.sort();
        names.dedup();
        let to: Vec<&str> = names.iter().map(String::as_str).collect();
        let sent = envelope("an@tinh.gov.vn", &to);
        let origin = world.submitted("an");
        world.delivery.accept(sent, LETTER, &origin).unwrap();
        self.expected.extend(names);
    }

    fn act(&mut self, world: World, act: &Act) -> World {
        let now = world.now();
        match act {
            Act::Send(to) => self.send(&world, to),
            Act::Lease => {
                world.delivery.dispatch(now).unwrap();
                self.running.extend(world.delivery.lease(now).unwrap());
            }
            Act::End(n, how) if *n < self.running.len() => {
                let job = self.running.swap_remove(*n);
                let tried = answers(&job, *how);
                self.count(&job, &tried);
                world.delivery.settle(&job, tried, now).unwrap();
            }
            Act::End(..) => {}
            Act::Crash => {
                // Half of those under way were taken by their peers, whose 250 nobody hears.
                for (at, job) in std::mem::take(&mut self.running).iter().enumerate() {
                    for to in job.envelope.recipients.iter().filter(|_| at % 2 == 0) {
                        let fate = self.fates.entry(to.address.to_string()).or_default();
                        fate.0 += 1;
                        fate.2 += 1;
                    }
                }
                return world.restart(Some(peer(Outcome::Relayed("2.0.0 Ok".into()))));
            }
            Act::Wait(s) => world.pass(*s),
        }
        world
    }
}

fn expect_all(story: &Story, world: &World) {
    let told = world.inbox_if_any("an").join("\n");
    for name in &story.expected {
        let (arrived, refused, lost) = story.fates.get(name).copied().unwrap_or_default();
        let once = refused == 0 && arrived >= 1 && arrived <= 1 + lost;
        let over = refused == 1 && arrived <= lost;
        assert!(once || over, "{name}: {arrived} {refused} {lost}");
        let bounced = told
            .matches(&format!(
                "Final-Recipient: rfc822; {name}\r\nAction: failed"
            ))
            .count();
        assert_eq!(bounced, refused, "{name} in the bounces");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn nobody_is_lost_and_nobody_gets_it_twice_but_for_a_lost_250(acts in acts()) {
        let mut world = World::with(Some(peer(Outcome::Relayed("2.0.0 Ok".into()))));
        let mut story = Story::default();
        for act in &acts {
            world = story.act(world, act);
        }
        // In the end every peer takes everything.
        for _ in 0..200 {
            let now = world.now();
            world.delivery.dispatch(now).unwrap();
            while let Some(job) = world.delivery.lease(now).unwrap() {
                story.running.push(job);
            }
            while !story.running.is_empty() {
                world = story.act(world, &Act::End(0, 0));
            }
            if world.delivery.queue(None, 1).unwrap().is_empty() {
                break;
            }
            world.pass(900);
        }
        prop_assert!(world.delivery.queue(None, 1).unwrap().is_empty());
        expect_all(&story, &world);
    }
}

#[test]
fn what_came_of_age_while_the_server_stood_is_tried_before_it_is_given_up() {
    let begun = |hop: &str| {
        let dead = Arc::new(Dead("chet.vn", Mutex::default()));
        let world = World::with(Some(dead.clone()));
        let origin = world.submitted("an");
        for n in 0..10 {
            let sent = envelope("an@tinh.gov.vn", &[&format!("x{n}@{hop}")]);
            world.delivery.accept(sent, LETTER, &origin).unwrap();
        }
        drop(origin);
        // It stops before any of them was tried.
        let world = world.restart(Some(dead.clone()));
        world.pass(6 * 24 * HOUR_S);
        let mut rounds = 0;
        while world.dispatch().is_some() {
            world.pass(HOUR_S);
            rounds += 1;
            assert!(rounds < 20);
        }
        let asked = dead.1.lock().unwrap().len();
        (asked, world.inbox_if_any("an"))
    };
    let (asked, told) = begun("song.vn");
    assert_eq!((asked, told.len()), (10, 0), "all of them went");
    let (asked, told) = begun("chet.vn");
    assert_eq!(asked, 1, "a dead hop is not asked for each");
    let failed = told.iter().filter(|raw| raw.contains("Action: failed"));
    let why = failed.filter(|raw| raw.contains("5.4.7") && raw.contains("nobody answers there"));
    assert_eq!(why.count(), 10);
}
