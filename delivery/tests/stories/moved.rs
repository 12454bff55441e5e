//! Letters whose sender's address changes hands while they wait: who wrote them hears of them, and nobody else.

use crate::bounces::peer;
use crate::world::{LETTER, World, envelope, local};
use delivery::{ADDRESS_LOST, Act, Outcome};
use directory::{AccountKind, AccountState};
use formats::address::Address;
use storage::QueueId;

fn submit(world: &World, who: &str, from: &str, at: Option<i64>) -> QueueId {
    let mut sent = envelope(from, &["x@noi.vn"]);
    sent.ret = Some("FULL".into());
    sent.release_at = at;
    let origin = world.submitted(who);
    let receipt = world.delivery.accept(sent, LETTER, &origin).unwrap();
    receipt.queued.unwrap()
}

fn alias(world: &World, name: &str, whose: &str) {
    let directory = &world.directory;
    directory
        .create_alias(None, local(name), world.id(whose))
        .unwrap();
}

/// Gives an alias to somebody else, or to nobody.
fn hand(world: &World, name: &str, to: Option<&str>) {
    let directory = &world.directory;
    match to {
        Some(to) => {
            let mut alias = directory.alias(&local(name)).unwrap();
            alias.account = world.id(to);
            directory.change_alias(None, alias, None).unwrap();
        }
        None => directory.delete_alias(None, &local(name), None).unwrap(),
    }
}

fn rename(world: &World, name: &str, to: &str) {
    let address: Address = local(to);
    world.change(name, |account| account.address = address);
}

#[test]
fn who_wrote_it_hears_of_it_wherever_he_is() {
    let world = World::new();
    alias(&world, "song", "an");
    alias(&world, "trao", "an");
    for (from, moves) in [("song", None), ("trao", Some("binh"))] {
        let id = submit(&world, "an", &format!("{from}@tinh.gov.vn"), None);
        hand(&world, from, moves);
        let before = world.inbox("an").len();
        world.delivery.act(id, &Act::Delete, None).unwrap();
        assert_eq!(world.inbox("an").len(), before + 1, "{from}");
        assert!(world.inbox("an")[before].contains("\r\nbody\r\n"));
    }
    let id = submit(&world, "an", "an@tinh.gov.vn", None);
    rename(&world, "an", "an.moi");
    let before = world.inbox("an.moi").len();
    world.delivery.act(id, &Act::Delete, None).unwrap();
    assert_eq!(world.inbox("an.moi").len(), before + 1);
    assert!(world.inbox("binh").is_empty());
}

#[test]
fn who_has_the_address_of_somebody_deleted_hears_nothing_of_his_letters() {
    let world = World::new();
    let id = submit(&world, "an", "an@tinh.gov.vn", None);
    let directory = &world.directory;
    directory
        .delete_account(None, world.id("an"), None)
        .unwrap();
    world.person("an");
    world.delivery.act(id, &Act::Delete, None).unwrap();
    assert!(world.inbox("an").is_empty());
    assert_eq!(world.delivery.queue(None, 9).unwrap(), []);
}

#[test]
fn a_seat_hears_of_its_letters_whoever_wrote_them() {
    let world = World::new();
    world.account("vanthu", AccountKind::Shared);
    let sending = Some(directory::sender::Sending::As);
    let (seat, an) = (world.id("vanthu"), world.id("an"));
    let directory = &world.directory;
    directory.set_sender(None, seat, an, sending, None).unwrap();
    let first = submit(&world, "an", "vanthu@tinh.gov.vn", None);
    let second = submit(&world, "an", "vanthu@tinh.gov.vn", None);
    world.delivery.act(first, &Act::Delete, None).unwrap();
    directory.set_sender(None, seat, an, None, None).unwrap();
    directory.delete_account(None, an, None).unwrap();
    world.delivery.act(second, &Act::Delete, None).unwrap();
    assert_eq!(world.inbox("vanthu").len(), 2);
}

#[test]
fn what_is_scheduled_from_an_address_that_is_taken_away_is_held_back() {
    let peer = peer(Outcome::Relayed(
        "2.0.0 x said to the message: 250 Ok".into(),
    ));
    let world = World::with(Some(peer.clone()));
    for (name, to) in [("xoa", None), ("trao", Some("binh"))] {
        alias(&world, name, "an");
        let at = world.now() + 3600;
        let id = submit(&world, "an", &format!("{name}@tinh.gov.vn"), Some(at));
        hand(&world, name, to);
        world.pass(3600);
        world.dispatch();
        assert!(peer.seen.lock().unwrap().is_empty(), "{name}");
        let item = world.delivery.queued(id).unwrap();
        assert!(item.held.is_some());
        let (found, events) = world.delivery.trace(&item.trace).unwrap();
        let all = world.delivery.progress(&found, &events).unwrap();
        assert_eq!(all[0].said.as_deref(), Some(ADDRESS_LOST));
        // It goes when he has it again.
        match to {
            Some(_) => hand(&world, name, Some("an")),
            None => alias(&world, name, "an"),
        }
        assert_eq!(world.delivery.act(id, &Act::Release, None), Ok(true));
        world.dispatch();
        assert_eq!(peer.seen.lock().unwrap().drain(..).count(), 1);
    }
    // That its sender is suspended is told as such.
    let at = world.now() + 3600;
    let id = submit(&world, "an", "xoa@tinh.gov.vn", Some(at));
    hand(&world, "xoa", None);
    world.change("an", |account| account.state = AccountState::Suspended);
    world.pass(3600);
    world.dispatch();
    let item = world.delivery.queued(id).unwrap();
    let (found, events) = world.delivery.trace(&item.trace).unwrap();
    let all = world.delivery.progress(&found, &events).unwrap();
    assert_eq!(all[0].said.as_deref(), Some(delivery::SUSPENDED));
}

/// A letter of An's, from his own address or a null one in the envelope, with this author.
fn scheduled(world: &World, author: &str, envelope_from: Option<&str>) -> QueueId {
    let mut sent = envelope(envelope_from.unwrap_or("an@tinh.gov.vn"), &["x@noi.vn"]);
    if envelope_from.is_none() {
        sent.from = delivery::ReversePath::Null;
    }
    sent.release_at = Some(world.now() + 3600);
    let text = format!("From: {author}@tinh.gov.vn\r\nSubject: x\r\n\r\nbody\r\n");
    let origin = world.submitted("an");
    let receipt = world.delivery.accept(sent, text.as_bytes(), &origin);
    receipt.unwrap().queued.unwrap()
}

#[test]
fn what_is_scheduled_with_an_author_who_is_taken_away_is_held_back() {
    let peer = peer(Outcome::Relayed(
        "2.0.0 x said to the message: 250 Ok".into(),
    ));
    let world = World::with(Some(peer.clone()));
    let directory = &world.directory;
    for seat in ["vanthu", "tamngung"] {
        world.account(seat, AccountKind::Shared);
    }
    let an = world.id("an");
    let set = |whose, sending| {
        let whose = world.id(whose);
        directory
            .set_sender(None, whose, an, sending, None)
            .unwrap();
    };
    set("vanthu", Some(directory::sender::Sending::As));
    set("tamngung", Some(directory::sender::Sending::As));
    set("binh", Some(directory::sender::Sending::OnBehalf));
    for name in ["xoa", "trao", "con"] {
        alias(&world, name, "an");
    }
    let own = Some("an@tinh.gov.vn");
    let held = ["xoa", "trao", "tamngung", "binh"].map(|author| scheduled(&world, author, own));
    let null = scheduled(&world, "xoa", None);
    let goes = ["con", "vanthu"].map(|author| scheduled(&world, author, own));
    hand(&world, "xoa", None);
    hand(&world, "trao", Some("binh"));
    set("binh", None);
    // It is the seat's letter, whoever wrote it.
    set("vanthu", None);
    world.change("tamngung", |seat| seat.state = AccountState::Suspended);
    world.pass(3600);
    world.dispatch();
    for id in held.into_iter().chain([null]) {
        assert!(world.delivery.queued(id).unwrap().held.is_some(), "{id:?}");
    }
    assert_eq!(peer.seen.lock().unwrap().len(), goes.len());
}

#[test]
fn what_waits_for_another_try_in_the_name_of_who_is_suspended_is_held_back() {
    let peer = peer(Outcome::Deferred("4.0.0 later".into()));
    let world = World::with(Some(peer.clone()));
    world.account("vanthu", AccountKind::Shared);
    let sending = Some(directory::sender::Sending::As);
    let (seat, an) = (world.id("vanthu"), world.id("an"));
    let directory = &world.directory;
    directory.set_sender(None, seat, an, sending, None).unwrap();
    let id = scheduled(&world, "vanthu", Some("an@tinh.gov.vn"));
    world.pass(3600);
    world.dispatch();
    assert_eq!(peer.seen.lock().unwrap().drain(..).count(), 1);
    world.change("vanthu", |seat| seat.state = AccountState::Suspended);
    world.pass(24 * 3600);
    world.dispatch();
    assert!(world.delivery.queued(id).unwrap().held.is_some());
    assert!(peer.seen.lock().unwrap().is_empty());
}

/// Who is renamed and keeps the old address as an alias still writes from it.
#[test]
fn what_is_scheduled_goes_from_an_address_that_is_kept_at_a_change_of_name() {
    let peer = peer(Outcome::Relayed(
        "2.0.0 x said to the message: 250 Ok".into(),
    ));
    let world = World::with(Some(peer.clone()));
    let at = world.now() + 3600;
    submit(&world, "an", "an@tinh.gov.vn", Some(at));
    rename(&world, "an", "an.moi");
    alias(&world, "an", "an.moi");
    world.pass(3600);
    world.dispatch();
    assert_eq!(peer.seen.lock().unwrap().len(), 1);
    // Without it he may not write from there any more, and neither does what he wrote before.
    let at = world.now() + 3600;
    let id = submit(&world, "an.moi", "an@tinh.gov.vn", Some(at));
    hand(&world, "an", None);
    world.pass(3600);
    world.dispatch();
    assert!(world.delivery.queued(id).unwrap().held.is_some());
    assert_eq!(peer.seen.lock().unwrap().len(), 1);
}
