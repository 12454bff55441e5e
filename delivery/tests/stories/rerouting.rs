//! A letter that an administrator hands to a host: with a reason, told to whose letter it is, by two where impersonation
//! takes two.

use crate::bounces::peer;
use crate::forwarding::go_on;
use crate::world::{LETTER, World, envelope, local, remote};
use delivery::{Act, Detour, Outcome, Security};
use directory::policy::{Key, Said, Value};
use directory::{Access, AgencyId, Decision, Error, Grant, Role, Scope, Trial};
use storage::QueueId;

fn waiting() -> World {
    World::with(Some(peer(Outcome::Deferred("4.2.0 later".into()))))
}

fn to(host: &str) -> Act {
    by(host, Security::Encrypted)
}

fn by(host: &str, security: Security) -> Act {
    Act::Reroute(Some(Detour {
        host: host.into(),
        port: 2525,
        security,
    }))
}

/// Somebody who administers all, with a reason and without.
fn officer(world: &World, name: &str) -> (Access, Access) {
    world.person(name);
    let role = Grant::of(Role::Administrator, AgencyId("H99".into()));
    world
        .directory
        .give_grant(None, world.id(name), role)
        .unwrap();
    let bare = world.enter(name);
    (bare.clone().because("đường truyền hỏng").unwrap(), bare)
}

fn submit(world: &World, name: &str) -> QueueId {
    let sent = envelope(&format!("{name}@tinh.gov.vn"), &["x@noi.vn"]);
    let taken = world.delivery.accept(sent, LETTER, &world.submitted(name));
    taken.unwrap().queued.unwrap()
}

/// Where somebody's mail was led, as he is told; the newest first.
fn led(world: &World, name: &str) -> Vec<(Vec<String>, String)> {
    let found = world.directory.readings_of(world.id(name), None, 50, false);
    let rows = found.unwrap().0.into_iter();
    let led = rows.filter_map(|(reading, _)| match reading.scope {
        Scope::Redirect(_, to) => Some((to, reading.reason)),
        _ => None,
    });
    led.collect()
}

fn no_reason(done: Result<bool, Error>) {
    assert_eq!(
        done.unwrap_err().to_string(),
        "reason: why letters of others are to go to this host"
    );
}

#[test]
fn i20_to_hand_anothers_letter_to_a_host_needs_a_reason_and_is_told() {
    let world = waiting();
    let (why, bare) = officer(&world, "qt");
    let (d, id) = (&world.delivery, submit(&world, "an"));
    world.dispatch();
    no_reason(d.act(id, &to("10.0.0.7"), Some(&bare)));
    assert_eq!(d.queued(id).unwrap().detour, None);
    // A dry run asks for it as well, and changes nothing.
    let trial = Trial::default();
    no_reason(d.act(id, &to("10.0.0.7"), Some(&bare.clone().on_trial(&trial))));
    let tried = d.act(id, &to("10.0.0.7"), Some(&why.clone().on_trial(&trial)));
    assert_eq!(tried, Ok(true));
    let acts: Vec<_> = trial.ended().unwrap().iter().map(|one| one.act).collect();
    assert_eq!(acts, ["queue.reroute", "mail.redirect"]);
    assert_eq!(d.queued(id).unwrap().detour, None);
    assert!(led(&world, "an").is_empty());

    assert_eq!(d.act(id, &to("10.0.0.7"), Some(&why)), Ok(true));
    let told = (
        vec!["10.0.0.7:2525 encrypted".to_owned()],
        "đường truyền hỏng".to_owned(),
    );
    assert_eq!(led(&world, "an"), [told]);
    let log = world.directory.audit(None, 2).unwrap();
    assert_eq!(
        (log[0].act.as_str(), log[0].object.as_str()),
        ("mail.redirect", "an@tinh.gov.vn")
    );
    assert!(
        log[0].detail.contains(&format!(r#""letter":"queue/{id}""#)),
        "{}",
        log[0].detail
    );
    assert_eq!(
        (log[1].act.as_str(), log[1].reason.as_str()),
        ("queue.reroute", "đường truyền hỏng")
    );
    assert_eq!(world.directory.audit_check().unwrap(), None);
    // Back to its own way, held, tried and let go nobody else gets it.
    for act in [Act::Reroute(None), Act::Hold, Act::Release, Act::Retry] {
        d.act(id, &act, Some(&bare)).unwrap();
    }
    assert_eq!(led(&world, "an").len(), 1);
    // One's own letters are one's own affair.
    let role = Grant::of(Role::Administrator, AgencyId("H99".into()));
    world
        .directory
        .give_grant(None, world.id("an"), role)
        .unwrap();
    let (own, an) = (submit(&world, "an"), world.enter("an"));
    assert_eq!(d.act(own, &to("10.0.0.7"), Some(&an)), Ok(true));
    assert_eq!(led(&world, "an").len(), 1);
}

#[test]
fn i20_whose_mail_goes_on_is_told_of_strangers_letters() {
    let world = waiting();
    let (why, bare) = officer(&world, "qt");
    go_on(&world, "binh", &["b@noi.vn"], true);
    let sent = envelope("s@khac.vn", &["binh@tinh.gov.vn", "chi@tinh.gov.vn"]);
    let taken = world.delivery.accept(sent, LETTER, &remote()).unwrap();
    world.dispatch();
    let (d, id) = (&world.delivery, taken.queued.unwrap());
    no_reason(d.act(id, &to("10.0.0.7"), Some(&bare)));
    assert_eq!(d.act(id, &to("10.0.0.7"), Some(&why)), Ok(true));
    assert_eq!(led(&world, "binh").len(), 1);
    assert!(led(&world, "chi").is_empty());
}

/// An address that somebody else was given while the letter waited names him, who has nothing of it.
#[test]
fn i20_whose_it_was_is_told_though_the_address_is_anothers_now() {
    let world = waiting();
    let (why, bare) = officer(&world, "qt");
    go_on(&world, "binh", &["b@noi.vn"], true);
    let sent = envelope("s@khac.vn", &["binh@tinh.gov.vn"]);
    let strange = world.delivery.accept(sent, LETTER, &remote()).unwrap();
    let strange = strange.queued.unwrap();
    let own = submit(&world, "an");
    world.dispatch();
    for (name, later) in [("an", "an.cu"), ("binh", "binh.cu")] {
        world.change(name, |account| account.address = local(later));
        world.person(name);
    }
    let d = &world.delivery;
    for id in [strange, own] {
        no_reason(d.act(id, &to("10.0.0.7"), Some(&bare)));
        assert_eq!(d.act(id, &to("10.0.0.7"), Some(&why)), Ok(true));
    }
    for (name, letters) in [("an", 0), ("an.cu", 1), ("binh", 0), ("binh.cu", 1)] {
        assert_eq!(led(&world, name).len(), letters, "{name}");
    }
}

/// Each on the way is told: who leads to who leads it elsewhere, and not who leads it elsewhere from the same letter.
#[test]
fn i20_who_leads_to_who_leads_it_elsewhere_is_told() {
    let world = waiting();
    let (why, _) = officer(&world, "qt");
    world.person("dung");
    go_on(&world, "binh", &["b@noi.vn"], true);
    go_on(&world, "chi", &["binh@tinh.gov.vn"], false);
    go_on(&world, "dung", &["an@tinh.gov.vn"], true);
    let sent = envelope("s@khac.vn", &["chi@tinh.gov.vn", "dung@tinh.gov.vn"]);
    let taken = world.delivery.accept(sent, LETTER, &remote()).unwrap();
    world.dispatch();
    let id = taken.queued.unwrap();
    assert_eq!(
        world.delivery.act(id, &to("10.0.0.7"), Some(&why)),
        Ok(true)
    );
    for (name, letters) in [("binh", 1), ("chi", 1), ("dung", 0)] {
        assert_eq!(led(&world, name).len(), letters, "{name}");
    }
}

#[test]
fn i20_it_takes_two_where_impersonation_does() {
    let world = waiting();
    let (why, _) = officer(&world, "qt");
    let (_, second) = officer(&world, "hai");
    let (d, directory) = (&world.delivery, &world.directory);
    let mut policy = directory
        .agency_policy(None, &AgencyId("H99".into()))
        .unwrap();
    let value = Value::Words(vec!["impersonate".into()]);
    policy.said.insert(
        Key::TwoPersons,
        Said {
            value,
            locked: false,
        },
    );
    directory.set_agency_policy(None, policy, None).unwrap();
    let id = submit(&world, "an");
    let other = submit(&world, "an");
    let Err(Error::Awaiting(request)) = d.act(id, &to("10.0.0.7"), Some(&why)) else {
        panic!("it takes two");
    };
    assert_eq!(d.queued(id).unwrap().detour, None);
    assert!(led(&world, "an").is_empty());
    // The letter waits as before, and goes on in its time.
    world.dispatch();
    assert_eq!(d.queued(id).unwrap().waiting[0].tries, 1);
    let asked = directory.approval(&why, request).unwrap();
    assert_eq!(asked.act.name(), "redirect_mail");
    // Who approves sees whether it goes encrypted.
    assert!(
        asked.detail.contains(r#""to":["10.0.0.7:2525 encrypted"]"#),
        "{}",
        asked.detail
    );
    directory.decide(&second, request, true).unwrap();
    // Another host, another letter, and less of TLS were not asked for.
    let open = by("10.0.0.7", Security::Opportunistic);
    for (letter, act) in [(id, to("10.0.0.8")), (other, to("10.0.0.7")), (id, open)] {
        let done = d.act(letter, &act, Some(&why));
        assert!(
            matches!(done, Err(Error::Awaiting(n)) if n != request),
            "{done:?}"
        );
    }
    assert_eq!(d.act(id, &to("10.0.0.7"), Some(&why)), Ok(true));
    assert_eq!(
        directory.approval(&why, request).unwrap().decision,
        Decision::Used
    );
    assert_eq!(led(&world, "an").len(), 1);
    assert!(d.queued(id).unwrap().detour.is_some());
    assert_eq!(directory.audit_check().unwrap(), None);
}
