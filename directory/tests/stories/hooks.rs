//! Programs that are told of what happens to accounts: in order, of their subtree only, until they have heard it.

use crate::world::{PASSWORD, World, address, agency, refused};
use directory::hook::{Answer, Call, Event, STOPPED_AFTER, Stopped, TRIES_MAX};
use directory::{AccountState, Hook, NewHook, Role, Secret};
use serde_json::{Value, json};

fn begin() -> World {
    let world = World::new();
    world.directory.set_hooks(true);
    world
}

fn new(at: &str, events: &[Event]) -> NewHook {
    NewHook {
        label: "Nhân sự".to_owned(),
        agency: agency(at),
        url: "https://hr.tinh.gov.vn/congvu".to_owned(),
        events: events.to_vec(),
    }
}

fn hook(world: &World, at: &str, events: &[Event]) -> Hook {
    let made = world.directory.create_hook(None, new(at, events));
    made.unwrap().0
}

fn next(world: &World) -> Option<Call> {
    let mut due = world.directory.calls_due(9).unwrap();
    assert!(due.len() <= 1);
    due.pop()
}

/// Hears everything; names and bodies.
fn heard(world: &World) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    while let Some(call) = next(world) {
        all.push((
            call.name.to_owned(),
            serde_json::from_str(&call.body).unwrap(),
        ));
        let answer = Answer::Status(204);
        world.directory.call_ended(&call, &answer).unwrap();
    }
    all
}

#[test]
fn what_happens_to_accounts_of_the_subtree_is_told_in_its_order() {
    let world = begin();
    let d = &world.directory;
    world.person("truoc@tinh.gov.vn", "H99.2");
    let made = hook(&world, "H99.2", &[]);
    let an = world.person("an@tinh.gov.vn", "H99.2.1");
    world.person("khac@tinh.gov.vn", "H99.1");
    let mut row = d.account(an.id).unwrap();
    row.name = "Nguyễn Văn An".to_owned();
    row.quota = Some(5);
    d.change_account(None, row, None).unwrap();
    for state in [AccountState::Suspended, AccountState::Active] {
        let mut row = d.account(an.id).unwrap();
        row.state = state;
        d.change_account(None, row, None).unwrap();
    }
    d.create_alias(None, address("a@tinh.gov.vn"), an.id)
        .unwrap();
    d.delete_account(None, an.id, None).unwrap();
    let all = heard(&world);
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "account.created",
            "account.password_changed",
            "account.changed",
            "account.suspended",
            "account.resumed",
            "account.addresses_changed",
            "account.deleted",
        ]
    );
    let ids: Vec<u64> = all
        .iter()
        .map(|(_, body)| body["id"].as_u64().unwrap())
        .collect();
    assert!(ids.is_sorted() && ids[0] > made.id);
    for (_, body) in &all {
        assert_eq!(
            (&body["account"], &body["agency"]),
            (&json!(an.id), &json!("H99.2.1"))
        );
    }
    // Which fields, not what is in them.
    assert_eq!(all[2].1["changed"], json!(["name", "quota"]));
    let text = format!("{all:?}");
    assert!(!text.contains("Nguyễn") && !text.contains(PASSWORD));
    let (_, state) = d.hook(None, made.id).unwrap();
    assert_eq!((state.delivered, state.failures.len()), (7, 0));
    assert!(next(&world).is_none());
}

#[test]
fn only_wanted_events_are_told_and_none_twice_over_a_restart() {
    let world = begin();
    let made = hook(
        &world,
        "H99",
        &[Event::AccountDeleted, Event::AccountCreated],
    );
    let an = world.person("an@tinh.gov.vn", "H99.1");
    let first = next(&world).unwrap();
    world
        .directory
        .call_ended(&first, &Answer::Status(200))
        .unwrap();
    let binh = world.person("binh@tinh.gov.vn", "H99.1");
    world.directory.delete_account(None, an.id, None).unwrap();
    let world = world.restart();
    // Off until somebody says so.
    assert!(next(&world).is_none());
    world.directory.set_hooks(true);
    let all = heard(&world);
    let named: Vec<_> = all
        .iter()
        .map(|(name, b)| (name.as_str(), b["account"].clone()))
        .collect();
    assert_eq!(
        named,
        [
            ("account.created", json!(binh.id)),
            ("account.deleted", json!(an.id))
        ]
    );
    let (_, state) = world.directory.hook(None, made.id).unwrap();
    assert_eq!(state.delivered, 3);
}

#[test]
fn a_call_that_fails_is_made_again_later_with_the_same_words() {
    let world = begin();
    let made = hook(&world, "H99", &[Event::AccountCreated]);
    world.person("an@tinh.gov.vn", "H99.1");
    world.person("binh@tinh.gov.vn", "H99.1");
    let first = next(&world).unwrap();
    world
        .directory
        .call_ended(&first, &Answer::Failed("nobody is there".into()))
        .unwrap();
    assert!(
        next(&world).is_none(),
        "it waits, and what follows waits behind it"
    );
    let world = world.restart();
    world.directory.set_hooks(true);
    assert!(next(&world).is_none(), "over a restart too");
    world.pass(10);
    let again = next(&world).unwrap();
    assert_eq!((again.event, &again.body), (first.event, &first.body));
    assert_ne!(again.signature, first.signature, "a signature has its time");
    world
        .directory
        .call_ended(&again, &Answer::Status(200))
        .unwrap();
    assert_eq!(heard(&world).len(), 1);
    let (_, state) = world.directory.hook(None, made.id).unwrap();
    assert_eq!(
        (state.failures[0].event, state.failures[0].status),
        (first.event, None)
    );
}

#[test]
fn it_ends_and_begins_again_where_it_was_or_now() {
    let world = begin();
    let d = &world.directory;
    let made = hook(&world, "H99", &[Event::AccountCreated]);
    for n in 0..STOPPED_AFTER + 2 {
        world.person(&format!("a{n}@tinh.gov.vn"), "H99.1");
    }
    for _ in 0..STOPPED_AFTER * TRIES_MAX {
        let call = next(&world).unwrap();
        d.call_ended(&call, &Answer::Status(500)).unwrap();
        world.pass(6 * 3600);
    }
    let (row, state) = d.hook(None, made.id).unwrap();
    assert_eq!(state.stopped, Some(Stopped::Failing));
    assert!(next(&world).is_none());
    let row = d.change_hook(None, row, None, false).unwrap();
    assert_eq!(heard(&world).len(), 2, "what was not tried yet");
    world.person("b@tinh.gov.vn", "H99.1");
    let call = next(&world).unwrap();
    d.call_ended(&call, &Answer::Status(410)).unwrap();
    assert_eq!(
        d.hook(None, made.id).unwrap().1.stopped,
        Some(Stopped::Gone)
    );
    let mut off = row;
    off.enabled = false;
    let mut on = d.change_hook(None, off, None, false).unwrap();
    assert!(next(&world).is_none());
    on.enabled = true;
    d.change_hook(None, on, None, true).unwrap();
    assert!(next(&world).is_none(), "skipped");
    world.person("c@tinh.gov.vn", "H99.1");
    assert_eq!(heard(&world).len(), 1);
    // An answer that comes when it was skipped or removed changes nothing.
    d.call_ended(&call, &Answer::Status(500)).unwrap();
    assert!(d.hook(None, made.id).unwrap().1.stopped.is_none());
    d.delete_hook(None, made.id, None).unwrap();
    d.call_ended(&call, &Answer::Status(200)).unwrap();
    refused(d.hook(None, made.id), "webhook not found");
    let world = world.restart();
    assert!(world.directory.hooks(None).is_empty());
    assert_eq!(world.directory.audit_check().unwrap(), None);
}

#[test]
fn i17_hooks_are_made_and_seen_within_ones_subtree() {
    let world = begin();
    let d = &world.directory;
    let admin = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99.1");
    let other = world.officer("la@tinh.gov.vn", Role::Administrator, "H99.2");
    let officer = world.officer("cb@tinh.gov.vn", Role::AccountOfficer, "H99.1");
    let auditor = world.officer("kt@tinh.gov.vn", Role::Auditor, "H99.1");
    let (made, secret) = d.create_hook(Some(&admin), new("H99.1", &[])).unwrap();
    assert!(secret.expose().len() > 30);
    refused(
        d.create_hook(Some(&admin), new("H99", &[])),
        "webhook not found",
    );
    for by in [&officer, &auditor] {
        refused(d.create_hook(Some(by), new("H99.1", &[])), "not allowed");
        refused(
            d.change_hook(Some(by), made.clone(), None, false),
            "not allowed",
        );
        refused(d.delete_hook(Some(by), made.id, None), "not allowed");
    }
    refused(
        d.delete_hook(Some(&other), made.id, None),
        "webhook not found",
    );
    refused(d.hook(Some(&other), made.id), "webhook not found");
    assert!(d.hooks(Some(&other)).is_empty() && d.hooks(Some(&officer)).is_empty());
    assert_eq!(d.hooks(Some(&auditor)).len(), 1);
    refused(
        d.change_hook(Some(&admin), made.clone(), Some(9), false),
        "changed meanwhile",
    );
    let mut elsewhere = made.clone();
    elsewhere.url = "http://hr.tinh.gov.vn/".to_owned();
    refused(d.change_hook(Some(&admin), elsewhere, None, false), "url: ");
    // Of what agency it is cannot be changed.
    let mut moved = made.clone();
    moved.agency = agency("H99");
    assert_eq!(
        d.change_hook(Some(&admin), moved, None, false)
            .unwrap()
            .agency,
        agency("H99.1")
    );
    let log = format!("{:?}", d.audit(None, 100).unwrap());
    assert!(log.contains("webhook.create") && !log.contains(secret.expose()));
    d.set_hooks(false);
    refused(d.create_hook(Some(&admin), new("H99.1", &[])), "url: ");
    assert_ne!(Secret::new("x"), secret);
}
