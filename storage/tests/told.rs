//! Of a damaged message one log line says whose it is and where it lies.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use storage::*;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};
use world::{World, letter};

/// Keeps events as text.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

impl Subscriber for Kept {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[test]
fn a_damaged_message_is_told_once_with_its_place() {
    let kept = Kept::default();
    tracing::subscriber::with_default(kept.clone(), || {
        let world = World::new(EngineKind::Memory);
        let inbox = world.inbox(2);
        world.deliver(2, inbox, &letter(1, "công văn", &[]), None);
        let placed = world.deliver(2, inbox, &letter(2, "tờ trình", &[]), None);
        let pack = world.options.dir.join("packs/000001.pack");
        let mut octets = std::fs::read(&pack).unwrap();
        let at = octets.len() - 3;
        octets[at] ^= 0x5a;
        std::fs::write(&pack, octets).unwrap();
        let account = world.account(2);
        let blob = account.state(placed.email).unwrap().blob;
        for _ in 0..3 {
            let read = account.content(placed.email);
            assert!(matches!(read, Err(Error::Damaged(_))));
        }
        // The index of texts goes over it, and says nothing more.
        while world.store().index_step().unwrap().more {}
        let lines = kept.0.lock().unwrap();
        let told: Vec<&String> = lines
            .iter()
            .filter(|l| l.contains(&blob.to_string()))
            .collect();
        assert_eq!(told.len(), 1, "{lines:?}");
        for word in [
            "account=2 ",
            &format!("email={} ", placed.email),
            "\\\"INBOX\\\" uid 2",
            &format!("blob={blob} "),
            "packs/000001.pack",
            "offset=",
        ] {
            assert!(told[0].contains(word), "{word}: {}", told[0]);
        }
    });
}
