//! I-10: whatever became of a message, a log line says so.

use crate::bounces::peer;
use crate::world::{LETTER, World, address, envelope, local, remote};
use delivery::Outcome;
use std::fmt::Write;
use std::sync::{Arc, Mutex, OnceLock};
use tracing::field::{Field, Visit};
use tracing::span;
use tracing::{Event, Metadata, Subscriber};

/// Keeps events as text.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Vec<String>>>);

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

/// All lines of this program. It listens before any line is said: tracing remembers for good of a place in the code
/// that nobody cared when it was met first, so a listener of one test alone hears by chance.
pub(crate) fn listen() -> &'static Kept {
    static KEPT: OnceLock<Kept> = OnceLock::new();
    KEPT.get_or_init(|| {
        let kept = Kept::default();
        tracing::subscriber::set_global_default(kept.clone()).unwrap();
        kept
    })
}

#[test]
fn i10_every_accepted_message_ends_with_a_line() {
    let kept = listen();
    let world = World::with(Some(peer(Outcome::Failed("5.1.1 nobody".into()))));
    world.list("phong", vec![local("binh"), address("x@noi.vn")]);
    let said = |trace: &str, words: &[&str]| {
        let lines = kept.0.lock().unwrap();
        let found = lines
            .iter()
            .filter(|line| line.contains(&format!("trace={trace}")));
        let found: Vec<&String> = found.collect();
        for word in words {
            assert!(
                found.iter().any(|line| line.contains(word)),
                "{word}: {found:?}"
            );
        }
    };
    let sent = envelope("s@noi.vn", &["an@tinh.gov.vn"]);
    let placed = world.delivery.accept(sent, LETTER, &remote()).unwrap();
    said(&placed.trace, &["accepted", "placed=1"]);
    let sent = envelope("an@tinh.gov.vn", &["phong@tinh.gov.vn"]);
    let bounced = world.delivery.accept(sent, LETTER, &remote()).unwrap();
    let sent = envelope("", &["phong@tinh.gov.vn"]);
    let discarded = world.delivery.accept(sent, LETTER, &remote()).unwrap();
    world.dispatch();
    said(
        &bounced.trace,
        &[
            "accepted",
            "to=phong@tinh.gov.vn outcome=Relayed",
            "to=x@noi.vn",
            "bounced",
        ],
    );
    said(
        &discarded.trace,
        &[
            "accepted",
            "to=phong@tinh.gov.vn outcome=Relayed",
            "discarded",
        ],
    );
}
