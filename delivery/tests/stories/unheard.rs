//! Who is told nothing, since he may never have sent the letter: no backscatter.

use crate::bounces::{Peer, peer};
use crate::forwarding::{go_on, left};
use crate::world::{LETTER, World, envelope, remote};
use delivery::trace::Standing;
use delivery::verify::{Dmarc, DmarcResult, Spf, SpfResult};
use delivery::{Enforcement, Envelope, Evidence, Outcome};

const NO: &str = "5.1.1 mx.noi.vn[192.0.2.1] said to RCPT TO: 550 5.1.1 no";

fn found(spf: SpfResult, dmarc: DmarcResult) -> Option<(Evidence, Enforcement)> {
    let evidence = Evidence {
        spf: Spf {
            result: spf,
            domain: "khac.vn".into(),
            by_helo: false,
        },
        dmarc: Dmarc {
            result: dmarc,
            ..Dmarc::default()
        },
        ..Evidence::default()
    };
    Some((evidence, Enforcement::Junk))
}

fn asks(from: &str, to: &str, notify: Option<&str>) -> Envelope {
    let mut sent = envelope(from, &[to]);
    sent.recipients[0].notify = notify.map(str::to_owned);
    sent
}

/// To whom notifications left.
fn told(peer: &Peer) -> Vec<String> {
    let seen = std::mem::take(&mut *peer.seen.lock().unwrap());
    let notices = seen.into_iter().filter(|(from, _, content)| {
        from.address().is_none() && String::from_utf8_lossy(content).contains("multipart/report")
    });
    notices.map(|(_, to, _)| to[0].to_string()).collect()
}

#[test]
fn a_forged_sender_hears_nothing_of_success() {
    let peer = peer(Outcome::Relayed("2.0.0 ok".into()));
    let world = World::with(Some(peer.clone()));
    let check =
        |from: &str, spf: SpfResult, dmarc: DmarcResult, hears: bool, line: Option<&str>| {
            let sent = asks(from, "an@tinh.gov.vn", Some("SUCCESS"));
            let before = world.inbox_if_any("chi").len();
            let door = &world.delivery;
            let taken = door.accept_seen(sent, LETTER, &remote(), found(spf, dmarc));
            let taken = taken.unwrap();
            world.dispatch();
            let ours = world.inbox_if_any("chi").len() - before;
            assert_eq!(
                told(&peer).len() + ours,
                usize::from(hears),
                "{from} {spf:?}"
            );
            let (found, _) = door.trace(&taken.trace).unwrap();
            let begins = "the sender is told nothing";
            let said = found
                .head
                .checks
                .iter()
                .find(|said| said.starts_with(begins));
            let expected = line.map(|why| format!("{begins} ({why})"));
            assert_eq!(said, expected.as_ref(), "{from} {spf:?}");
        };
    use {DmarcResult as D, SpfResult as S};
    check("s@khac.vn", S::Pass, D::Pass, true, None);
    check("s@khac.vn", S::Neutral, D::None, true, None);
    check("s@khac.vn", S::Fail, D::None, false, Some("spf=fail"));
    check("s@khac.vn", S::SoftFail, D::Fail, false, Some("dmarc=fail"));
    let stranger = Some("not signed in");
    check("chi@tinh.gov.vn", S::None, D::None, false, stranger);
    check("chi@tinh.gov.vn", S::Pass, D::None, true, None);
    assert_eq!(world.inbox("an").len(), 6);
}

#[test]
fn nor_of_a_forwarding_that_fails_and_the_timeline_tells_it() {
    let peer = peer(Outcome::Failed(NO.into()));
    let world = World::with(Some(peer.clone()));
    go_on(&world, "an", &["a@noi.vn"], false);
    let check = |spf: SpfResult, hears: &[&str]| {
        let sent = asks("s@khac.vn", "an@tinh.gov.vn", None);
        let seen = found(spf, DmarcResult::None);
        let taken = world.delivery.accept_seen(sent, LETTER, &remote(), seen);
        let taken = taken.unwrap();
        world.dispatch();
        assert_eq!(told(&peer), hears, "{spf:?}");
        let (found, events) = world.delivery.trace(&taken.trace).unwrap();
        let all = world.delivery.progress(&found, &events).unwrap();
        assert_eq!(all[0].standing, Standing::Failed);
        assert_eq!(all[0].said.as_deref(), Some(NO));
    };
    check(SpfResult::Fail, &[]);
    check(SpfResult::None, &["s@khac.vn"]);
}

/// RFC 3461 §5.2.2 (d): nor does the server there that knows no NOTIFY.
#[test]
fn what_goes_on_asks_nobody_to_tell() {
    let peer = peer(Outcome::Relayed("2.0.0 ok".into()));
    let world = World::with(Some(peer.clone()));
    go_on(&world, "an", &["a@noi.vn"], false);
    for (spf, null) in [(SpfResult::Fail, true), (SpfResult::Pass, false)] {
        let sent = asks("s@khac.vn", "an@tinh.gov.vn", Some("FAILURE"));
        let seen = found(spf, DmarcResult::None);
        let taken = world.delivery.accept_seen(sent, LETTER, &remote(), seen);
        taken.unwrap();
        world.dispatch();
        let (from, to, _) = left(&peer);
        assert_eq!((from.is_empty(), to), (null, vec!["a@noi.vn".to_owned()]));
    }
}
