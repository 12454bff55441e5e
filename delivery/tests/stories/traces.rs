//! "Where is my mail?" has a true answer.

use crate::bounces::peer;
use crate::world::{LETTER, Transport, World, address, envelope, local, remote};
use delivery::trace::{Event, Found, Progress, Sought, Standing, What, Whence};
use delivery::{Act, Job, Outcome, Tried};
use formats::address::Address;
use std::sync::Arc;

const DAY_S: i64 = 24 * 3600;

fn letter(id: &str) -> Vec<u8> {
    format!("From: An <an@tinh.gov.vn>\r\nMessage-ID: <{id}@x>\r\n\r\nbody\r\n").into_bytes()
}

fn timeline(world: &World, id: &str) -> (Found, Vec<Event>) {
    world.delivery.trace(id).unwrap()
}

/// In short.
fn told(events: &[Event]) -> Vec<String> {
    let one = |event: &Event| match &event.what {
        What::Queued => "queued".to_owned(),
        What::Placed(accounts) => format!("placed {}", accounts.len()),
        What::Tried { hop, results, .. } => {
            let first = &results[0];
            format!("{hop}: {} {}", first.1.join(" "), first.0.text())
        }
        What::Told { late, notice, .. } => format!("told late={late} notice={}", notice.is_some()),
        What::Act { act, by, .. } => format!("{act} {by:?}"),
    };
    events.iter().map(one).collect()
}

fn found(world: &World, sought: &Sought) -> Vec<String> {
    let page = world.delivery.traces(sought, None, 100).unwrap();
    assert_eq!(page.last, None);
    page.found.into_iter().map(|found| found.id).collect()
}

fn to(text: &str) -> Sought {
    Sought {
        to: Some(address(text)),
        ..Sought::default()
    }
}

fn progress(world: &World, id: &str) -> Vec<Progress> {
    let (found, events) = timeline(world, id);
    world.delivery.progress(&found, &events).unwrap()
}

fn standings(world: &World, id: &str) -> Vec<Standing> {
    let all = progress(world, id).into_iter();
    all.map(|one| one.standing).collect()
}

#[test]
fn it_is_told_for_each_recipient_how_far_a_letter_is() {
    let later = Outcome::Deferred("4.7.1 mx.noi.vn[192.0.2.1] said to DATA: 451 later".into());
    let world = World::with(Some(peer(later.clone())));
    let sent = envelope("an@tinh.gov.vn", &["binh@tinh.gov.vn", "x@noi.vn"]);
    let taken = world
        .delivery
        .accept(sent, &letter("m1"), &world.submitted("an"))
        .unwrap();
    world.dispatch();
    let told = progress(&world, &taken.trace);
    assert_eq!(told[0].standing, Standing::Placed);
    let (one, now) = (&told[1], world.now());
    assert_eq!(
        (one.standing, one.tries, one.at, one.said.as_deref()),
        (Standing::Waiting, 1, now, Some(later.text()))
    );
    let item = world.delivery.queued(taken.queued.unwrap()).unwrap();
    assert_eq!(one.next, Some(item.due));
    assert!(one.next.unwrap() > now);
    let id = item.id;
    world.delivery.act(id, &Act::Hold, None).unwrap();
    let held = progress(&world, &taken.trace);
    assert_eq!((held[1].standing, held[1].next), (Standing::Held, None));
    world.delivery.act(id, &Act::Release, None).unwrap();
    // Over a crash, and to the end.
    let world = world.restart(Some(peer(Outcome::Relayed("2.0.0 Ok".into()))));
    world.pass(3600);
    world.dispatch();
    assert_eq!(
        standings(&world, &taken.trace),
        [Standing::Placed, Standing::Relayed]
    );
}

#[test]
fn what_comes_back_and_what_goes_on_is_told_to_its_sender() {
    let world = World::with(Some(peer(Outcome::Failed("5.1.1 nobody".into()))));
    world.list("phong", vec![local("an"), address("y@noi.vn")]);
    let send = |to: &[&str], id: &str| {
        let sent = envelope("an@tinh.gov.vn", to);
        let taken = world
            .delivery
            .accept(sent, &letter(id), &world.submitted("an"));
        taken.unwrap()
    };
    let failed = send(&["x@noi.vn"], "m1");
    world.dispatch();
    assert_eq!(standings(&world, &failed.trace), [Standing::Failed]);
    // One needs no queue, and two addresses may lead to one mailbox.
    let twice = send(&["binh@tinh.gov.vn", "binh+a@tinh.gov.vn"], "m2");
    assert_eq!(
        standings(&world, &twice.trace),
        [Standing::Placed, Standing::SentOn]
    );
    // Of a list's members its writer hears nothing.
    let listed = send(&["phong@tinh.gov.vn"], "m3");
    world.dispatch();
    assert_eq!(standings(&world, &listed.trace), [Standing::SentOn]);
    // Nor has a list failed where a member has, whether it leaves its marks or not.
    world.list("ngoai", vec![address("y@noi.vn"), address("z@noi.vn")]);
    for fields in [true, false] {
        world.say("ngoai", |rules| rules.fields = fields);
        let listed = send(&["ngoai@tinh.gov.vn"], &format!("m4{fields}"));
        world.dispatch();
        assert_eq!(standings(&world, &listed.trace), [Standing::SentOn]);
    }
}

#[test]
fn what_waits_for_its_time_says_so() {
    let world = World::with(Some(peer(Outcome::Relayed("2.0.0 Ok".into()))));
    let at = world.now() + 7_200;
    let mut sent = envelope("an@tinh.gov.vn", &["x@noi.vn"]);
    sent.release_at = Some(at);
    let taken = world
        .delivery
        .accept(sent, &letter("m1"), &world.submitted("an"))
        .unwrap();
    let told = progress(&world, &taken.trace);
    assert_eq!(
        (told[0].standing, told[0].next),
        (Standing::Scheduled, Some(at))
    );
    world.pass(7_201);
    world.dispatch();
    assert_eq!(standings(&world, &taken.trace), [Standing::Relayed]);
    // Two addresses of one mailbox: neither has gone anywhere before its time.
    let at = world.now() + 7_200;
    let to = ["binh@tinh.gov.vn", "binh+a@tinh.gov.vn"];
    let mut sent = envelope("an@tinh.gov.vn", &to);
    sent.release_at = Some(at);
    let taken = world
        .delivery
        .accept(sent, &letter("m2"), &world.submitted("an"))
        .unwrap();
    let told = progress(&world, &taken.trace);
    let each: Vec<_> = told.iter().map(|one| (one.standing, one.next)).collect();
    assert_eq!(each, [(Standing::Scheduled, Some(at)); 2]);
    world.pass(7_201);
    world.dispatch();
    assert_eq!(
        standings(&world, &taken.trace),
        [Standing::Placed, Standing::SentOn]
    );
}

#[test]
fn what_is_placed_is_told_with_whence_it_came() {
    let world = World::new();
    let sent = envelope("s@noi.vn", &["an@tinh.gov.vn", "binh@tinh.gov.vn"]);
    let taken = world
        .delivery
        .accept(sent, &letter("m1"), &remote())
        .unwrap();
    let (found, events) = timeline(&world, &taken.trace);
    assert_eq!(
        (found.at, found.head.from.as_str()),
        (world.now(), "s@noi.vn")
    );
    assert_eq!(
        found.head.recipients,
        ["an@tinh.gov.vn", "binh@tinh.gov.vn"]
    );
    assert_eq!(found.head.message_id.as_deref(), Some("<m1@x>"));
    let Whence::Remote { ip, helo, .. } = &found.head.whence else {
        panic!("{:?}", found.head.whence);
    };
    assert_eq!(
        (ip.to_string().as_str(), helo.as_str()),
        ("192.0.2.9", "mail.noi.vn")
    );
    assert_eq!(told(&events), ["queued", "placed 2"]);
    let stored = format!("{:?}{events:?}", found.head);
    assert!(!stored.contains("Subject") && !stored.contains("body"));
    let sent = envelope("s@noi.vn", &["an@tinh.gov.vn"]);
    let taken = world.delivery.accept(sent, &letter("m2"), &remote());
    let (_, events) = timeline(&world, &taken.unwrap().trace);
    assert_eq!(told(&events), ["placed 1"], "one needs no queue");
}

#[test]
fn a_letter_for_elsewhere_has_every_try_and_act_over_a_crash() {
    let world = World::with(Some(peer(Outcome::Deferred(
        "4.2.0 mx[192.0.2.1] said to DATA: 451 later".into(),
    ))));
    let sent = envelope("an@tinh.gov.vn", &["x@noi.vn"]);
    let taken = world
        .delivery
        .accept(sent, &letter("m1"), &world.submitted("an"))
        .unwrap();
    let id = taken.queued.unwrap();
    world.dispatch();
    world.pass(3600);
    let an = world.enter("an");
    world.delivery.act(id, &Act::Hold, Some(&an)).unwrap();
    drop(an);
    world.pass(3600);
    world.delivery.act(id, &Act::Release, None).unwrap();
    let world = world.restart(Some(peer(Outcome::Failed("5.1.1 nobody".into()))));
    world.dispatch();
    let (_, events) = timeline(&world, &taken.trace);
    assert_eq!(
        told(&events),
        [
            "queued",
            "noi.vn: x@noi.vn 4.2.0 mx[192.0.2.1] said to DATA: 451 later",
            "queue.hold Some(\"an@tinh.gov.vn\")",
            "queue.release None",
            "noi.vn: x@noi.vn 5.1.1 nobody",
            "told late=false notice=true",
        ]
    );
    // The notification has a timeline of its own, which says what it is about.
    let What::Told {
        notice: Some(notice),
        ..
    } = &events[5].what
    else {
        panic!("{events:?}");
    };
    let (bounce, _) = timeline(&world, notice);
    assert_eq!(
        bounce.head.whence,
        Whence::Generated {
            about: Some(taken.trace)
        }
    );
}

#[test]
fn each_is_found_by_whom_it_concerns_and_by_its_message_id() {
    let world = World::with(Some(peer(Outcome::Relayed("2.0.0 Ok".into()))));
    let mut ids = Vec::new();
    for (n, recipient) in [
        "x@noi.vn",
        "binh@tinh.gov.vn",
        "X@noi.vn",
        "chi@tinh.gov.vn",
    ]
    .iter()
    .enumerate()
    {
        let sent = envelope("an@tinh.gov.vn", &[recipient]);
        let content = letter(&format!("m{n}"));
        let taken = world
            .delivery
            .accept(sent, &content, &world.submitted("an"))
            .unwrap();
        ids.push(taken.trace);
        world.dispatch();
        world.pass(DAY_S / 2);
    }
    let newest_first = |of: &[usize]| of.iter().rev().map(|n| ids[*n].clone()).collect::<Vec<_>>();
    assert_eq!(
        found(&world, &Sought::default()),
        newest_first(&[0, 1, 2, 3])
    );
    assert_eq!(found(&world, &to("x@NOI.vn")), newest_first(&[0, 2]));
    assert_eq!(found(&world, &to("binh@tinh.gov.vn")), newest_first(&[1]));
    assert_eq!(found(&world, &to("y@noi.vn")), newest_first(&[]));
    let from = |text: &str| Sought {
        from: Some(address(text)),
        ..Sought::default()
    };
    assert_eq!(
        found(&world, &from("An@tinh.gov.vn")),
        newest_first(&[0, 1, 2, 3])
    );
    let own = |name: &str| Sought {
        account: Some(world.id(name)),
        ..Sought::default()
    };
    assert_eq!(found(&world, &own("chi")), newest_first(&[3]));
    assert_eq!(found(&world, &own("an")), newest_first(&[0, 1, 2, 3]));
    let sought = Sought {
        message_id: Some("m2@x".into()),
        ..Sought::default()
    };
    assert_eq!(found(&world, &sought), newest_first(&[2]));
    let some = Sought {
        since: Some(world.now() - 3 * DAY_S / 2),
        until: Some(world.now() - DAY_S / 2),
        ..own("an")
    };
    assert_eq!(found(&world, &some), newest_first(&[1, 2]));
    // By pages.
    let (mut after, mut paged) = (None, Vec::new());
    loop {
        let page = world
            .delivery
            .traces(&Sought::default(), after.as_deref(), 3)
            .unwrap();
        assert!(page.found.len() <= 3);
        paged.extend(page.found.into_iter().map(|found| found.id));
        after = page.last;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(paged, newest_first(&[0, 1, 2, 3]));
}

#[test]
fn a_list_tells_each_member_of_itself() {
    let world = World::new();
    world.list(
        "phong",
        vec![local("an"), local("binh"), address("x@noi.vn")],
    );
    let sent = envelope("s@noi.vn", &["phong@tinh.gov.vn"]);
    let taken = world.delivery.accept(sent, LETTER, &remote()).unwrap();
    world.dispatch();
    let own = Sought {
        account: Some(world.id("binh")),
        ..Sought::default()
    };
    assert_eq!(found(&world, &own), [taken.trace.as_str()]);
    assert_eq!(
        found(&world, &to("phong@tinh.gov.vn")),
        [taken.trace.as_str()]
    );
    let (_, events) = timeline(&world, &taken.trace);
    assert_eq!(told(&events)[..2], ["queued", "placed 2"]);
}

#[test]
fn what_is_too_old_is_forgotten_in_steps() {
    let world = World::new();
    let mut ids = Vec::new();
    for n in 0..6 {
        let sent = envelope("s@noi.vn", &["an@tinh.gov.vn"]);
        let taken = world
            .delivery
            .accept(sent, &letter(&format!("m{n}")), &remote());
        ids.push(taken.unwrap().trace);
        world.pass(DAY_S);
    }
    let before = world.now() - 3 * DAY_S;
    assert_eq!(world.delivery.forget_traces(before, 10), Ok(false));
    let left = found(&world, &Sought::default());
    assert_eq!(left, ids[3..].iter().rev().cloned().collect::<Vec<_>>());
    assert_eq!(
        world.delivery.trace(&ids[0]).unwrap_err(),
        storage::Error::NotFound
    );
    for bad in ["", "x", "zzzzzzzzzzzzzzz"] {
        assert_eq!(
            world.delivery.trace(bad).unwrap_err(),
            storage::Error::NotFound
        );
    }
    // Not a row of them is left behind.
    assert_eq!(
        world.delivery.forget_traces(world.now() + DAY_S, 10),
        Ok(false)
    );
    assert!(
        world
            .store
            .table("trace")
            .rows(&[], None, 10)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_timeline_costs_some_hundred_octets() {
    let world = World::new();
    let names: Vec<Address> = (0..20).map(|n| local(&format!("p{n}"))).collect();
    for n in 0..20 {
        world.person(&format!("p{n}"));
    }
    let octets = |to: &[&str], times: u64| {
        let rows = || world.store.table("trace").rows(&[], None, 100_000).unwrap();
        let weight = |rows: Vec<(Vec<u8>, Vec<u8>)>| -> u64 {
            let each = rows.iter().map(|(key, value)| key.len() + value.len() + 1);
            each.sum::<usize>() as u64
        };
        let before = weight(rows());
        for n in 0..times {
            let sent = envelope("nguoi.gui@tinhkhac.gov.vn", to);
            let content = letter(&format!("{n}.{}.20261122@tinhkhac.gov.vn", to.len()));
            world.delivery.accept(sent, &content, &remote()).unwrap();
        }
        world.dispatch();
        let kept = (weight(rows()) - before) / times;
        println!("{} recipients: {kept} octets of rows", to.len());
        kept
    };
    let one = octets(&["p0@tinh.gov.vn"], 50);
    assert!((200..600).contains(&one), "{one}");
    let all: Vec<String> = names.iter().map(ToString::to_string).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let many = octets(&all, 5);
    assert!(many < 20 * 150, "{many}");
}

const LATER: &str = "4.3.0 mx.noi.vn[192.0.2.1] said to RCPT TO: 451 4.3.0 later";
const TWICE: &str = "4.4.2 mx.noi.vn[192.0.2.1] closed the connection after the whole message was sent; it may arrive twice";

/// Puts one letter off, and breaks off with the others.
struct Breaks;

impl Transport for Breaks {
    fn relay(&self, job: &Job) -> Tried {
        let later = job.envelope.recipients[0].address.to_string() == "sau@noi.vn";
        let broken = "4.4.2 mx.noi.vn[192.0.2.1] closed the connection".to_owned();
        Tried {
            outcomes: vec![Outcome::Deferred(
                if later { LATER } else { TWICE }.to_owned(),
            )],
            trouble: (!later).then_some(broken),
            ..Tried::default()
        }
    }
}

#[test]
fn what_another_letter_was_answered_is_told_as_the_hops_trouble() {
    let world = World::with(Some(Arc::new(Breaks)));
    let send = |to: &str| {
        let sent = envelope("an@tinh.gov.vn", &[to]);
        let origin = world.submitted("an");
        world.delivery.accept(sent, LETTER, &origin).unwrap().trace
    };
    let told = |id: &str| {
        let one = progress(&world, id).remove(0);
        (one.tries, one.said.unwrap_or_default())
    };
    let later = send("sau@noi.vn");
    world.dispatch();
    world.pass(800);
    let (first, second) = (send("dut@noi.vn"), send("dut2@noi.vn"));
    world.dispatch();
    assert_eq!(told(&first), (1, TWICE.to_owned()));
    let of_the_hop =
        "4.4.2 the next hop takes nothing now: mx.noi.vn[192.0.2.1] closed the connection";
    assert_eq!(told(&second), (0, of_the_hop.to_owned()));
    // It is its turn again, and the hop is in trouble again: its own answer stays its own.
    world.pass(100);
    world.dispatch();
    assert_eq!(told(&second), (1, TWICE.to_owned()));
    assert_eq!(told(&later), (1, LATER.to_owned()));
    let next = progress(&world, &later)[0].next.unwrap();
    assert!(next > world.now(), "the hop rests");
}
