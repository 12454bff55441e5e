//! Mailboxes that get another UIDVALIDITY, since their account takes the place of another.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::collections::BTreeMap;
use storage::*;
use world::{World, letter};

fn validities(world: &World, id: u32) -> BTreeMap<MailboxId, UidValidity> {
    let all = world.account(id).mailboxes().unwrap();
    all.into_iter().map(|m| (m.id, m.uid_validity)).collect()
}

fn outdate(world: &World, id: u32, first: MailboxId) -> bool {
    let mut writer = world.account(id).write().unwrap();
    let outdated = writer.outdate_uids(first).unwrap();
    writer.commit().unwrap();
    outdated
}

#[test]
fn other_numbers_are_given_once_and_messages_keep_theirs() {
    for engine in [EngineKind::Sled, EngineKind::Fjall] {
        let mut world = World::new(engine);
        let (old, heir) = (2, 3);
        for name in ["Một", "Hai", "Ba"] {
            world.mailbox(old, name, None);
        }
        let inbox = world.inbox(heir);
        let placed = world.deliver(heir, inbox, &letter(1, "công văn", &[]), None);
        let first = world.account(old).next_mailbox().unwrap();
        let seen = validities(&world, old);
        let before = validities(&world, heir);
        assert!(outdate(&world, heir, first));
        let after = validities(&world, heir);
        let highest = seen.values().max().unwrap();
        assert!(after.values().all(|validity| validity > highest));
        assert!(after.iter().all(|(id, validity)| *validity > before[id]));
        let distinct: std::collections::BTreeSet<_> = after.values().collect();
        assert_eq!(distinct.len(), after.len());
        // What is later than those already stays.
        assert!(!outdate(&world, heir, first));
        assert_eq!(validities(&world, heir), after);
        let state = world.account(heir).state(placed.email).unwrap();
        assert_eq!(state.mailboxes, placed.uids);
        // A mailbox that is made later has none of these, also after a start.
        world.reopen();
        assert_eq!(validities(&world, heir), after);
        let made = world.mailbox(heir, "Mới", None);
        let made = validities(&world, heir)[&made];
        assert!(after.values().all(|validity| *validity < made));
    }
}
