//! How much may be sent, and what stops it.

use crate::world::{World, agency};
use directory::{AgencyCaps, Caps, Error, Reached, Role, SendingSettings, Unsent};

fn each(messages_hour: u64, recipients_day: u64) -> Caps {
    Caps {
        messages_hour: Some(messages_hour),
        recipients_day: Some(recipients_day),
        ..Caps::default()
    }
}

fn say(world: &World, at: &str, each: Caps, total: Caps) {
    let caps = AgencyCaps {
        agency: agency(at),
        each,
        total,
        version: 0,
    };
    let d = &world.directory;
    d.set_agency_caps(None, caps, None).unwrap();
}

#[test]
fn caps_come_down_the_tree_field_by_field() {
    let world = World::new();
    let none = Caps::default();
    let an = world.person("an@tinh.gov.vn", "H99.2.1").id;
    let d = &world.directory;
    assert_eq!(d.caps(an).unwrap(), none);
    let settings = SendingSettings {
        each: each(100, 1_000),
        sudden: None,
    };
    d.set_sending(settings);
    say(
        &world,
        "H99",
        Caps {
            octets: Some(7),
            ..each(50, 500)
        },
        none,
    );
    let nearer = Caps {
        messages_hour: Some(5),
        ..none
    };
    say(&world, "H99.2", nearer, none);
    let expected = Caps {
        octets: Some(7),
        ..each(5, 500)
    };
    assert_eq!(d.caps(an).unwrap(), expected);
    let world = world.restart();
    world.directory.set_sending(settings);
    let an = world.enter("an");
    assert_eq!(an.may_send(1, 8), Err(Unsent::TooLarge(7)));
    for _ in 0..5 {
        an.may_send(1, 7).unwrap();
        an.sent(1);
    }
    assert_eq!(an.may_send(1, 7), Err(Unsent::Reached(Reached::Hour)));
    assert_eq!(an.may_send(0, 0), Err(Unsent::Reached(Reached::Hour)));
    world.pass(2 * 3600);
    assert_eq!(an.may_send(495, 7), Ok(()));
    assert_eq!(an.may_send(496, 7), Err(Unsent::Reached(Reached::Day)));
}

/// A restart does not make a new day.
#[test]
fn what_was_sent_outlives_a_restart_and_counts_for_the_agencies_above() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99.2.1");
    world.person("binh@tinh.gov.vn", "H99.2");
    let total = Caps {
        recipients_day: Some(10),
        ..Caps::default()
    };
    say(&world, "H99.2", Caps::default(), total);
    let an = world.enter("an");
    an.sent(6);
    let id = an.account();
    drop(an);
    let world = world.restart();
    let (an, binh) = (world.enter("an"), world.enter("binh"));
    let sent = world.directory.standing(id).unwrap();
    assert_eq!((sent.day.messages, sent.day.recipients), (1, 6));
    assert_eq!(binh.may_send(4, 1), Ok(()));
    binh.sent(4);
    assert_eq!(an.may_send(1, 1), Err(Unsent::Reached(Reached::Agency)));
}

#[test]
fn i20_much_more_than_ever_stops_an_account_until_somebody_lets_it_go_on() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99.1");
    let d = &world.directory;
    d.set_sending(SendingSettings {
        each: Caps::default(),
        sudden: Some(100),
    });
    let an = world.enter("an");
    for _ in 0..9 {
        an.may_send(11, 1).unwrap();
        an.sent(11);
    }
    let Err(Unsent::Stopped(Some(stop))) = an.may_send(11, 1) else {
        panic!("it goes on");
    };
    assert_eq!((stop.account, stop.sudden), (an.account(), Some((110, 0))));
    assert_eq!(an.may_send(0, 0), Err(Unsent::Stopped(None)), "told once");
    drop(an);
    let world = world.restart();
    let an = world.enter("an");
    assert_eq!(
        an.may_send(1, 1),
        Err(Unsent::Stopped(None)),
        "after a restart"
    );
    let (mine, other) = (
        world.officer("a@tinh.gov.vn", Role::AccountOfficer, "H99.1"),
        world.officer("b@tinh.gov.vn", Role::Administrator, "H99.2"),
    );
    let d = &world.directory;
    d.set_sending(SendingSettings {
        each: Caps::default(),
        sudden: Some(100),
    });
    assert_eq!(d.stops(Some(&mine)).len(), 1);
    assert!(d.stops(Some(&other)).is_empty());
    assert!(matches!(
        d.resume_sending(Some(&other), an.account()),
        Err(Error::NotFound("account"))
    ));
    d.resume_sending(Some(&mine), an.account()).unwrap();
    assert!(d.resume_sending(Some(&mine), an.account()).is_err());
    // What it sent is usual now: it is not stopped at once again.
    assert_eq!(an.may_send(11, 1), Ok(()));
    d.stop_sending(Some(&mine), an.account(), None).unwrap();
    assert_eq!(an.may_send(1, 1), Err(Unsent::Stopped(None)));
    let written = d.audit(None, 100).unwrap();
    let acts: Vec<&str> = written.iter().map(|e| e.act.as_str()).collect();
    let of = |act: &str| acts.iter().filter(|a| **a == act).count();
    assert_eq!((of("sending.suspend"), of("sending.resume")), (2, 1));
}

/// Many sessions at once do not pass a cap together: what is being taken counts.
#[test]
fn what_is_under_way_counts() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99.2");
    say(&world, "H99.2", each(2, 9), Caps::default());
    let an = world.enter("an");
    let asked = an.begin_sending(0, 0).unwrap();
    let first = an.begin_sending(1, 1).unwrap();
    let second = an.begin_sending(1, 1).unwrap();
    drop(asked);
    let reached = Unsent::Reached(Reached::Hour);
    assert_eq!(an.begin_sending(1, 1).unwrap_err(), reached);
    // One was refused for another reason, the other was taken.
    drop(first);
    an.sent(1);
    drop(second);
    drop(an.begin_sending(1, 1).unwrap());
    an.sent(1);
    assert_eq!(an.may_send(1, 1), Err(reached));
}
