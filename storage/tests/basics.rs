//! The promises, one by one.

mod world;

use storage::*;
use world::{World, letter};

#[test]
fn a_message_is_there_after_a_clean_stop_and_after_a_crash() {
    for clean in [true, false] {
        for engine in [EngineKind::Sled, EngineKind::Memory] {
            let mut world = World::new(engine);
            let inbox = world.inbox(2);
            let placed = world.deliver(2, inbox, &letter(1, "Chào", &[]), None);
            let before = world.store().fingerprint().unwrap();
            if clean {
                world.store().close().unwrap();
            }
            world.reopen();
            assert_eq!(
                world.store().fingerprint().unwrap(),
                before,
                "{engine:?} {clean}"
            );
            let account = world.account(2);
            let state = account.state(placed.email).unwrap();
            assert_eq!(state.mailboxes, placed.uids);
            assert_eq!(
                &*account.content(placed.email).unwrap(),
                letter(1, "Chào", &[]).as_bytes()
            );
            assert_eq!(world.check(), Vec::<String>::new());
        }
    }
}
