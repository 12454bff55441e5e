//! Mail that goes on: as whose it leaves, what comes back of it, and circles that end.

use crate::bounces::{Peer, peer};
use crate::world::{LETTER, World, address, cause, envelope, local, remote};
use delivery::trace::Standing;
use delivery::{Origin, Outcome, ReversePath};
use directory::{AgencyForwarding, AgencyId, Forwarding};

const TAKEN: &str = "2.0.0 mx.noi.vn[192.0.2.1] said to the message: 250 2.0.0 Ok";

pub(crate) fn go_on(world: &World, from: &str, to: &[&str], keep: bool) {
    let said = AgencyForwarding {
        agency: AgencyId("H99".into()),
        outside: Some(true),
        version: 0,
    };
    world
        .directory
        .set_agency_forwarding(None, said, None)
        .unwrap();
    let new = Forwarding {
        account: world.id(from),
        to: to.iter().map(|to| address(to)).collect(),
        keep,
        version: 0,
    };
    world.directory.set_forwarding(None, new, None).unwrap();
}

/// As whom, to whom and what it left, the last first.
pub(crate) fn left(peer: &Peer) -> (String, Vec<String>, String) {
    let (from, to, content) = peer.seen.lock().unwrap().pop().expect("a letter that left");
    let from = from.address().map(ToString::to_string).unwrap_or_default();
    let to = to.iter().map(ToString::to_string).collect();
    (from, to, String::from_utf8(content).unwrap())
}

#[test]
fn a_strangers_letter_goes_on_as_ours_and_its_bounce_comes_back_to_him() {
    let peer = peer(Outcome::Relayed(TAKEN.into()));
    let world = World::with(Some(peer.clone()));
    go_on(&world, "an", &["a@noi.vn"], true);
    let sent = envelope("s@khac.vn", &["an@tinh.gov.vn"]);
    world.delivery.accept(sent, LETTER, &remote()).unwrap();
    world.dispatch();
    assert!(world.inbox("an")[0].starts_with("Return-Path: <s@khac.vn>"));
    assert!(!world.inbox("an")[0].contains("Delivered-To"));
    let (from, to, content) = left(&peer);
    assert!(
        from.starts_with("SRS0=") && from.ends_with("=khac.vn=s@tinh.gov.vn"),
        "{from}"
    );
    assert_eq!(to, ["a@noi.vn"]);
    assert!(content.starts_with("Received: "), "{content}");
    assert!(
        content.contains("\r\nDelivered-To: an@tinh.gov.vn\r\nFrom: "),
        "{content}"
    );
    // The bounce of the server over there.
    let null = ReversePath::Null;
    let back = address(&from);
    assert_eq!(
        cause(world.delivery.recipient(&back, &null, &remote())),
        "ok"
    );
    world
        .delivery
        .accept(envelope("", &[&from]), LETTER, &remote())
        .unwrap();
    world.dispatch();
    let (from_path, to, _) = left(&peer);
    assert_eq!((from_path.as_str(), to), ("", vec!["s@khac.vn".to_owned()]));
    // Forged, or no bounce at all: no way to strangers through us.
    let forged = from.replacen("khac", "kkac", 1);
    assert_eq!(
        cause(
            world
                .delivery
                .recipient(&address(&forged), &null, &remote())
        ),
        "UnknownRecipient"
    );
    let other = ReversePath::Address(address("s@khac.vn"));
    assert_eq!(
        cause(world.delivery.recipient(&back, &other, &remote())),
        "RelayDenied"
    );
    let sent = envelope("s@khac.vn", &[&from]);
    assert_eq!(
        cause(world.delivery.accept(sent, LETTER, &remote())),
        "RelayDenied"
    );
}

#[test]
fn ours_goes_on_as_it_is_and_a_null_path_stays_null() {
    let peer = peer(Outcome::Relayed(TAKEN.into()));
    let world = World::with(Some(peer.clone()));
    go_on(&world, "an", &["a@noi.vn"], false);
    let origin = world.submitted("binh");
    let letter = LETTER.to_vec();
    let letter = String::from_utf8(letter)
        .unwrap()
        .replace("From: An <an@", "From: B <binh@");
    let sent = envelope("binh@tinh.gov.vn", &["an@tinh.gov.vn", "b@noi.vn"]);
    world
        .delivery
        .accept(sent, letter.as_bytes(), &origin)
        .unwrap();
    world.dispatch();
    // Each is a letter of its own: only one bears the address from which it was sent on.
    let (first, second) = (left(&peer), left(&peer));
    let (on, plain) = if first.1 == ["a@noi.vn"] {
        (first, second)
    } else {
        (second, first)
    };
    assert_eq!(
        (on.0.as_str(), plain.0.as_str()),
        ("binh@tinh.gov.vn", "binh@tinh.gov.vn")
    );
    assert_eq!(
        (on.1, plain.1),
        (vec!["a@noi.vn".to_owned()], vec!["b@noi.vn".to_owned()])
    );
    assert!(on.2.contains("Delivered-To: an@") && !plain.2.contains("Delivered-To"));
    assert!(world.inbox_if_any("an").is_empty());
    world
        .delivery
        .accept(envelope("", &["an@tinh.gov.vn"]), LETTER, &remote())
        .unwrap();
    world.dispatch();
    assert_eq!(left(&peer).0, "");
    // Too long for an address: what cannot be delivered comes to the account itself.
    let long = format!("{}@khac.vn", "x".repeat(60));
    world
        .delivery
        .accept(envelope(&long, &["an@tinh.gov.vn"]), LETTER, &remote())
        .unwrap();
    world.dispatch();
    assert_eq!(left(&peer).0, "an@tinh.gov.vn");
}

#[test]
fn a_circle_ends_in_one_letter() {
    let peer = peer(Outcome::Relayed(TAKEN.into()));
    let world = World::with(Some(peer.clone()));
    // Two here that lead to each other.
    go_on(&world, "an", &["binh@tinh.gov.vn"], false);
    go_on(&world, "binh", &["an@tinh.gov.vn"], false);
    let sent = envelope("s@khac.vn", &["an@tinh.gov.vn", "binh@tinh.gov.vn"]);
    world.delivery.accept(sent, LETTER, &remote()).unwrap();
    world.dispatch();
    assert_eq!(world.inbox("an").len() + world.inbox("binh").len(), 2);
    // One here and one elsewhere.
    go_on(&world, "chi", &["c@noi.vn"], false);
    let sent = envelope("s@khac.vn", &["chi+x@tinh.gov.vn"]);
    world.delivery.accept(sent, LETTER, &remote()).unwrap();
    world.dispatch();
    let (from, _, content) = left(&peer);
    assert!(world.inbox_if_any("chi").is_empty());
    let again = envelope(&from, &["chi@tinh.gov.vn"]);
    let receipt = world
        .delivery
        .accept(again, content.as_bytes(), &remote())
        .unwrap();
    assert_eq!((receipt.placed, receipt.queued), (1, None));
    assert_eq!(world.inbox("chi").len(), 1);
    assert!(peer.seen.lock().unwrap().is_empty());
}

#[test]
fn a_mark_that_anybody_could_write_stops_nothing() {
    let peer = peer(Outcome::Relayed(TAKEN.into()));
    let world = World::with(Some(peer.clone()));
    go_on(&world, "an", &["a@noi.vn"], false);
    let check = |fields: &str, origin: &Origin, goes: bool| {
        let text = String::from_utf8(LETTER.to_vec()).unwrap();
        let letter = format!("{fields}{}", text.replace("An <an@", "B <binh@"));
        let sent = envelope("binh@tinh.gov.vn", &["an@tinh.gov.vn"]);
        let before = world.inbox_if_any("an").len();
        world
            .delivery
            .accept(sent, letter.as_bytes(), origin)
            .unwrap();
        world.dispatch();
        let gone = peer.seen.lock().unwrap().pop();
        assert_eq!(gone.is_some(), goes, "{fields}");
        let kept = world.inbox_if_any("an").len() - before;
        assert_eq!(kept, usize::from(!goes), "{fields}");
        gone.map(|(_, _, content)| String::from_utf8(content).unwrap())
    };
    let mark = "Delivered-To: an@tinh.gov.vn\r\n";
    check(mark, &remote(), true);
    let through = |host: &str| format!("Received: from x by {host} with ESMTP id 1; x\r\n{mark}");
    check(&through("other.vn"), &remote(), true);
    check(&through("MX.tinh.gov.vn"), &remote(), false);
    // Who begins a letter says nothing of where it has been.
    let gone = check(&through("mx.tinh.gov.vn"), &world.submitted("binh"), true).unwrap();
    assert_eq!(gone.matches("Delivered-To").count(), 1, "{gone}");
}

#[test]
fn what_fails_elsewhere_is_told_once() {
    let world = World::with(Some(peer(Outcome::Failed("5.1.1 gone".into()))));
    go_on(&world, "binh", &["b@noi.vn"], false);
    let origin = world.submitted("an");
    let sent = envelope("an@tinh.gov.vn", &["binh@tinh.gov.vn"]);
    world.delivery.accept(sent, LETTER, &origin).unwrap();
    assert_eq!(world.dispatch(), None);
    assert_eq!(world.inbox("an").len(), 1);
    assert!(world.inbox_if_any("binh").is_empty());
    // Of him to whom it was written: where his mail goes on to is his own affair (RFC 3464 §4.2).
    let told = &world.inbox("an")[0];
    assert!(
        told.contains("Final-Recipient: rfc822; binh@tinh.gov.vn\r\n"),
        "{told}"
    );
    assert!(
        told.contains("chuyển tiếp tới nơi khác") && !told.contains("noi.vn"),
        "{told}"
    );
    assert_eq!(
        cause(
            world
                .delivery
                .recipient(&local("binh"), &ReversePath::Null, &remote())
        ),
        "ok"
    );
}

#[test]
fn what_fails_where_mail_goes_on_to_has_failed() {
    const NO: &str = "5.1.1 mx.noi.vn[192.0.2.1] said to RCPT TO: 550 5.1.1 no";
    let world = World::with(Some(peer(Outcome::Failed(NO.into()))));
    go_on(&world, "an", &["a@noi.vn"], false);
    go_on(&world, "chi", &["c@noi.vn"], true);
    let check = |from: &str, to: &[&str], expected: &[(Standing, Option<&str>)]| {
        let sent = envelope(from, to);
        let taken = world.delivery.accept(sent, LETTER, &remote()).unwrap();
        world.dispatch();
        let (found, events) = world.delivery.trace(&taken.trace).unwrap();
        let all = world.delivery.progress(&found, &events).unwrap();
        let all: Vec<_> = all
            .iter()
            .map(|p| (p.standing, p.said.as_deref()))
            .collect();
        assert_eq!(all, expected, "{from} {to:?}");
    };
    let failed = (Standing::Failed, Some(NO));
    let placed = (Standing::Placed, None);
    check("s@khac.vn", &["an@tinh.gov.vn"], &[failed]);
    // Nobody is told, and it is as true.
    check("", &["an@tinh.gov.vn"], &[failed]);
    // Who keeps a copy has it.
    check(
        "s@khac.vn",
        &["chi@tinh.gov.vn", "an@tinh.gov.vn", "binh@tinh.gov.vn"],
        &[placed, failed, placed],
    );
}
