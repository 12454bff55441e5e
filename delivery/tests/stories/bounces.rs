//! What the sender is told.

use crate::world::{LETTER, Transport, World, address, envelope, local, remote};
use delivery::{Act, Job, Outcome, ReversePath, Tried};
use formats::address::Address;
use formats::message::{header, summarize};
use std::sync::{Arc, Mutex};

/// What a transport is given to send.
type Given = (ReversePath, Vec<Address>, Vec<u8>);

/// Answers what it is told to, and remembers what it was given.
#[derive(Default)]
pub(crate) struct Peer {
    pub(crate) outcome: Mutex<Option<Outcome>>,
    pub(crate) seen: Mutex<Vec<Given>>,
}

impl Transport for Peer {
    fn relay(&self, job: &Job) -> Tried {
        let to: Vec<Address> = job
            .envelope
            .recipients
            .iter()
            .map(|r| r.address.clone())
            .collect();
        let outcome = self.outcome.lock().unwrap().clone();
        let outcomes = to.iter().filter_map(|_| outcome.clone()).collect();
        let given = (job.envelope.from.clone(), to, job.content.to_vec());
        self.seen.lock().unwrap().push(given);
        Tried {
            outcomes,
            ..Tried::default()
        }
    }
}

pub(crate) fn peer(outcome: Outcome) -> Arc<Peer> {
    let peer = Peer::default();
    *peer.outcome.lock().unwrap() = Some(outcome);
    Arc::new(peer)
}

/// The delivery-status part, checked in its frame.
pub(crate) fn report(raw: &str) -> String {
    let summary = summarize(raw.as_bytes());
    assert_eq!(summary.defects, []);
    assert!(summary.part.is("multipart", "report"));
    assert_eq!(summary.part.param("report-type"), Some("delivery-status"));
    assert!(raw.starts_with("Return-Path: <>\r\n"), "{raw}");
    assert_eq!(
        header::first_value(raw.as_bytes(), "Auto-Submitted").as_deref(),
        Some("auto-replied")
    );
    let parts: Vec<_> = summary.part.walk().map(|(_, part)| part).collect();
    let kinds: Vec<String> = parts
        .iter()
        .map(|p| format!("{}/{}", p.media, p.subtype))
        .collect();
    assert_eq!(
        kinds,
        [
            "text/plain",
            "message/delivery-status",
            "text/rfc822-headers"
        ]
    );
    parts
        .iter()
        .find(|p| p.subtype == "delivery-status")
        .unwrap()
        .body
        .of(raw.as_bytes())
        .escape_ascii()
        .to_string()
}

#[test]
fn what_a_peer_refuses_comes_back_to_the_sender() {
    let peer = peer(Outcome::Failed("5.1.1 no such user".into()));
    let world = World::with(Some(peer.clone()));
    let mut sent = envelope("an@tinh.gov.vn", &["x@noi.vn", "y@noi.vn", "z@khac.vn"]);
    sent.envid = Some("QQ314159".into());
    sent.recipients[0].orcpt = Some("rfc822;x@noi.vn".into());
    sent.recipients[1].notify = Some("NEVER".into());
    world
        .delivery
        .accept(sent, LETTER, &world.submitted("an"))
        .unwrap();
    assert_eq!(world.dispatch(), None);
    let seen = peer.seen.lock().unwrap();
    assert_eq!(seen.len(), 2, "one for each domain");
    assert!(
        seen.iter()
            .all(|(_, _, content)| content.starts_with(b"Received: "))
    );
    // What is known of one destination is told when it is known.
    let told = world.inbox("an");
    assert_eq!(told.len(), 2);
    let of = |domain: &str| {
        let raw = told.iter().find(|raw| raw.contains(domain)).unwrap();
        (raw, report(raw))
    };
    let (raw, status) = of("x@noi.vn");
    assert!(
        status.contains(
            "Reporting-MTA: dns; mx.tinh.gov.vn\\r\\nOriginal-Envelope-Id: QQ314159\\r\\n"
        ),
        "{status}"
    );
    assert!(status.contains("Original-Recipient: rfc822;x@noi.vn\\r\\nFinal-Recipient: rfc822; x@noi.vn\\r\\nAction: failed\\r\\nStatus: 5.1.1\\r\\n"), "{status}");
    assert!(raw.contains("Không có hộp thư này."));
    assert!(raw.contains("\r\n\r\nReceived: from client.test") && !raw.contains("\r\nbody\r\n"));
    let (_, status) = of("z@khac.vn");
    assert!(status.contains("Final-Recipient: rfc822; z@khac.vn\\r\\n"));
    assert!(!told.iter().any(|raw| raw.contains("y@noi.vn")));
    assert!(world.delivery.queue(None, 9).unwrap().is_empty());
}

#[test]
fn i11_a_null_path_is_never_answered() {
    let world = World::with(Some(peer(Outcome::Failed("5.0.0 no".into()))));
    world.list("phong", vec![local("an"), address("x@noi.vn")]);
    let sent = envelope("", &["phong@tinh.gov.vn"]);
    world.delivery.accept(sent, LETTER, &remote()).unwrap();
    assert_eq!(world.dispatch(), None);
    assert_eq!(world.inbox("an").len(), 1);
    assert_eq!(world.dispatch(), None);
    assert!(world.delivery.queue(None, 9).unwrap().is_empty());
    for name in ["an", "binh", "chi"] {
        assert!(
            !world
                .inbox(name)
                .iter()
                .any(|raw| raw.contains("multipart/report")),
            "{name}"
        );
    }
}

#[test]
fn a_bounce_that_cannot_be_delivered_is_the_end_of_it() {
    let peer = peer(Outcome::Failed("5.0.0 no".into()));
    let world = World::with(Some(peer.clone()));
    world.list("phong", vec![address("x@noi.vn")]);
    // The sender is elsewhere, and his server refuses the bounce as well.
    world
        .delivery
        .accept(
            envelope("s@khac.vn", &["phong@tinh.gov.vn"]),
            LETTER,
            &remote(),
        )
        .unwrap();
    // The sender's address was never there.
    world
        .delivery
        .accept(
            envelope("khong@tinh.gov.vn", &["phong@tinh.gov.vn"]),
            LETTER,
            &remote(),
        )
        .unwrap();
    assert_eq!(world.dispatch(), None);
    let seen = peer.seen.lock().unwrap();
    let paths: Vec<&ReversePath> = seen.iter().map(|(from, _, _)| from).collect();
    assert_eq!(seen.len(), 3, "{paths:?}");
    assert_eq!(
        seen.iter()
            .filter(|(from, _, _)| *from == ReversePath::Null)
            .count(),
        1
    );
    assert!(world.delivery.queue(None, 9).unwrap().is_empty());
}

#[test]
fn one_full_mailbox_does_not_stop_the_others() {
    let world = World::new();
    world.change("binh", |account| account.quota = Some(10));
    let sent = envelope("an@tinh.gov.vn", &["binh@tinh.gov.vn", "chi@tinh.gov.vn"]);
    let receipt = world
        .delivery
        .accept(sent, LETTER, &world.submitted("an"))
        .unwrap();
    assert_eq!(receipt.placed, 1);
    assert_eq!(world.inbox("chi").len(), 1);
    let status = report(&world.inbox("an")[0]);
    assert!(
        status.contains(
            "Final-Recipient: rfc822; binh@tinh.gov.vn\\r\\nAction: failed\\r\\nStatus: 5.2.2\\r\\n"
        ),
        "{status}"
    );
}

#[test]
fn mail_that_nobody_takes_comes_back_after_five_days() {
    let world = World::new();
    let sent = envelope("an@tinh.gov.vn", &["x@noi.vn"]);
    world
        .delivery
        .accept(sent, LETTER, &world.submitted("an"))
        .unwrap();
    let mut tries = 0;
    while let Some(due) = world.dispatch() {
        world.pass(due - directory::Clock::now_s(&*world.clock));
        tries += 1;
        assert!(tries < 100);
        assert!(world.inbox("an").len() <= 1);
    }
    assert!(tries > 20);
    let told = world.inbox("an");
    assert_eq!(told.len(), 2);
    let status = report(&told[0]);
    assert!(
        status.contains("Action: delayed\\r\\nStatus: 4.4.1\\r\\n"),
        "{status}"
    );
    assert!(status.contains("Will-Retry-Until: Fri, 27 Nov 2026 07:00:00 +0700\\r\\n"));
    assert!(told[0].contains("bạn không cần gửi lại"));
    let status = report(&told[1]);
    assert!(status.contains("Status: 5.4.7\\r\\n"), "{status}");
    assert!(told[1].contains("Đã thử nhiều ngày"));
}

#[test]
fn an_administrator_gives_up_or_tries_again() {
    let peer = peer(Outcome::Deferred("4.4.1 nobody answers".into()));
    let world = World::with(Some(peer.clone()));
    let sent = envelope("an@tinh.gov.vn", &["x@noi.vn"]);
    let id = world
        .delivery
        .accept(sent, LETTER, &world.submitted("an"))
        .unwrap()
        .queued
        .unwrap();
    world.dispatch();
    assert_eq!(world.delivery.queued(id).unwrap().waiting[0].tries, 1);
    world.dispatch();
    assert_eq!(
        world.delivery.queued(id).unwrap().waiting[0].tries,
        1,
        "not due"
    );
    world.delivery.act(id, &Act::Retry, None).unwrap();
    world.dispatch();
    assert_eq!(world.delivery.queued(id).unwrap().waiting[0].tries, 2);
    world.delivery.act(id, &Act::Delete, None).unwrap();
    assert_eq!(world.delivery.queued(id), Err(storage::Error::NotFound));
    assert_eq!(
        world.delivery.act(id, &Act::Delete, None),
        Err(storage::Error::NotFound.into())
    );
    let bounce = &world.inbox("an")[0];
    assert!(report(bounce).contains("Status: 5.0.0"));
    let words =
        "    Quản trị viên đã bỏ thư này khỏi hàng đợi.\r\n    An administrator gave it up.\r\n";
    assert!(bounce.contains(words), "{bounce}");
}

#[test]
fn a_bounce_that_finds_no_room_is_sent_once_there_is() {
    let world = World::with(Some(peer(Outcome::Failed("5.1.1 nobody".into()))));
    let sent = envelope("an@tinh.gov.vn", &["x@noi.vn"]);
    let origin = world.submitted("an");
    let id = world
        .delivery
        .accept(sent, LETTER, &origin)
        .unwrap()
        .queued
        .unwrap();
    world.disk.store(0, std::sync::atomic::Ordering::SeqCst);
    for _ in 0..3 {
        let result = world.try_dispatch();
        assert!(
            matches!(result, Err(storage::Error::Unavailable(_))),
            "{result:?}"
        );
    }
    assert!(world.delivery.queued(id).is_ok(), "I-10: it is still there");
    world
        .disk
        .store(u64::MAX, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(world.dispatch(), None);
    assert_eq!(world.inbox("an").len(), 1);
}

#[test]
fn i11_giving_up_a_null_path_tells_nobody() {
    let world = World::new();
    world.list("phong", vec![address("x@noi.vn")]);
    let sent = envelope("", &["phong@tinh.gov.vn"]);
    let id = world
        .delivery
        .accept(sent, LETTER, &remote())
        .unwrap()
        .queued
        .unwrap();
    world.delivery.act(id, &Act::Delete, None).unwrap();
    assert_eq!(world.delivery.queue(None, 9).unwrap(), []);
    assert!(world.inbox("an").is_empty());
}

#[test]
fn the_whole_letter_comes_back_where_it_is_asked_for() {
    let world = World::with(Some(peer(Outcome::Failed(
        "5.3.4 mx.noi.vn[192.0.2.1] said to the message: 552 5.3.4 too much".into(),
    ))));
    let mut sent = envelope("an@tinh.gov.vn", &["x@noi.vn"]);
    sent.ret = Some("FULL".into());
    let origin = world.submitted("an");
    world.delivery.accept(sent, LETTER, &origin).unwrap();
    assert_eq!(world.dispatch(), None);
    let raw = &world.inbox("an")[0];
    assert!(raw.contains("\r\nContent-Type: message/rfc822\r\n") && raw.contains("\r\nbody\r\n"));
    assert!(raw.contains(
        "Status: 5.3.4\r\nRemote-MTA: dns; mx.noi.vn\r\nDiagnostic-Code: smtp; 552 5.3.4 too much\r\n"
    ));
}
