//! RFC 3461: what a sender is told when he asks to be told, or not to be.

use crate::bounces::{peer, report};
use crate::world::{LETTER, START_S, Transport, World, address, envelope, local, remote};
use delivery::{Envelope, Job, Outcome, TlsWish, Tried};
use formats::message::seven::to_seven_bit;
use std::sync::{Arc, Mutex};

const TAKEN: &str = "2.0.0 mx.noi.vn[192.0.2.1] said to the message: 250 2.0.0 Ok";

fn asked(to: &[(&str, Option<&str>)]) -> Envelope {
    let names: Vec<&str> = to.iter().map(|(name, _)| *name).collect();
    let mut sent = envelope("an@tinh.gov.vn", &names);
    sent.envid = Some("a+2Bb".into());
    sent.ret = Some("FULL".into());
    for (recipient, (_, notify)) in sent.recipients.iter_mut().zip(to) {
        recipient.notify = notify.map(str::to_owned);
        recipient.orcpt = Some("rfc822;goc+2B1@tinh.gov.vn".into());
    }
    sent
}

/// A recipient, NOTIFY and ORCPT.
type Asked = (String, Option<String>, Option<String>);

/// Takes all, as a peer that offers DSN, and remembers what it was asked to tell.
#[derive(Default)]
struct Knowing(Mutex<Vec<Asked>>);

impl Transport for Knowing {
    fn relay(&self, job: &Job) -> Tried {
        let each = job.envelope.recipients.iter();
        let asked = each.map(|r| (r.address.to_string(), r.notify.clone(), r.orcpt.clone()));
        self.0.lock().unwrap().extend(asked);
        Tried {
            outcomes: vec![Outcome::Relayed(TAKEN.into()); job.envelope.recipients.len()],
            reports: true,
            ..Tried::default()
        }
    }
}

#[test]
fn what_lies_in_a_mailbox_is_told_to_who_asked() {
    let world = World::new();
    let sent = asked(&[
        ("binh@tinh.gov.vn", Some("SUCCESS,FAILURE")),
        ("chi@tinh.gov.vn", None),
    ]);
    let origin = world.submitted("an");
    world.delivery.accept(sent, LETTER, &origin).unwrap();
    let told = world.inbox("an");
    assert_eq!(told.len(), 1);
    let status = report(&told[0]);
    let expected = "Original-Recipient: rfc822;goc+1@tinh.gov.vn\\r\\nFinal-Recipient: rfc822; \
                    binh@tinh.gov.vn\\r\\nAction: delivered\\r\\nStatus: 2.1.5\\r\\n";
    assert!(status.contains(expected), "{status}");
    assert!(
        status.contains("Original-Envelope-Id: a+b\\r\\n"),
        "{status}"
    );
    assert!(
        !status.contains("chi@") && !status.contains("Diagnostic"),
        "{status}"
    );
    assert!(told[0].contains("như bạn yêu cầu"), "{}", told[0]);
    // RFC 3461 §4.3: the message itself goes back only when it failed.
    assert!(!told[0].contains("\r\nbody\r\n"));
    // Nobody is told of what nobody asked for, nor a null path of anything (I-11).
    for (notify, from) in [
        (Some("FAILURE,DELAY"), "an"),
        (Some("NEVER"), "an"),
        (Some("SUCCESS"), ""),
    ] {
        let mut sent = asked(&[("binh@tinh.gov.vn", notify)]);
        if from.is_empty() {
            sent.from = delivery::ReversePath::Null;
        }
        world.delivery.accept(sent, LETTER, &remote()).unwrap();
    }
    assert_eq!(world.inbox("an").len(), 1);
}

#[test]
fn what_went_on_is_told_by_the_last_who_can() {
    // A peer that knows nothing of notifications.
    let world = World::with(Some(peer(Outcome::Relayed(TAKEN.into()))));
    let to = [("x@noi.vn", Some("SUCCESS")), ("y@noi.vn", Some("FAILURE"))];
    let origin = world.submitted("an");
    world.delivery.accept(asked(&to), LETTER, &origin).unwrap();
    assert_eq!(world.dispatch(), None);
    let told = world.inbox("an");
    assert_eq!(told.len(), 1);
    let status = report(&told[0]);
    let expected = "Final-Recipient: rfc822; x@noi.vn\\r\\nAction: relayed\\r\\nStatus: 2.0.0\\r\\n\
                    Remote-MTA: dns; mx.noi.vn\\r\\nDiagnostic-Code: smtp; 250 2.0.0 Ok\\r\\n";
    assert!(status.contains(expected), "{status}");
    assert!(!status.contains("y@noi.vn"), "{status}");
    // One that does tells himself, and hears what was asked.
    let knowing = Arc::new(Knowing::default());
    let world = World::with(Some(knowing.clone()));
    let origin = world.submitted("an");
    world.delivery.accept(asked(&to), LETTER, &origin).unwrap();
    assert_eq!(world.dispatch(), None);
    assert!(world.inbox("an").is_empty());
    let orcpt = Some("rfc822;goc+2B1@tinh.gov.vn".to_owned());
    let heard = knowing.0.lock().unwrap().clone();
    let expected = [
        ("x@noi.vn".into(), Some("SUCCESS".into()), orcpt.clone()),
        ("y@noi.vn".into(), Some("FAILURE".into()), orcpt),
    ];
    assert_eq!(heard, expected);
}

#[test]
fn an_address_that_leads_to_several_is_told_once() {
    let knowing = Arc::new(Knowing::default());
    let world = World::with(Some(knowing.clone()));
    world.list("phong", vec![local("binh"), address("x@noi.vn")]);
    world.list("mot", vec![address("y@noi.vn")]);
    let origin = world.submitted("an");
    let to = [
        ("phong@tinh.gov.vn", Some("SUCCESS,DELAY")),
        ("mot@tinh.gov.vn", Some("SUCCESS")),
    ];
    world.delivery.accept(asked(&to), LETTER, &origin).unwrap();
    world.dispatch();
    let told = world.inbox("an");
    assert_eq!(told.len(), 1);
    let status = report(&told[0]);
    let expected =
        "Final-Recipient: rfc822; phong@tinh.gov.vn\\r\\nAction: expanded\\r\\nStatus: 2.1.5\\r\\n";
    assert!(status.contains(expected), "{status}");
    assert_eq!(world.inbox("binh").len(), 1);
    // RFC 3461 §5.2.7.3 (c): to the members without SUCCESS; §5.2.7.2: to the one whole.
    let heard = knowing.0.lock().unwrap().clone();
    let of = |name: &str| heard.iter().find(|(to, ..)| to == name).unwrap().1.clone();
    assert_eq!(of("x@noi.vn").as_deref(), Some("DELAY"));
    assert_eq!(of("y@noi.vn").as_deref(), Some("SUCCESS"));
}

#[test]
fn delays_are_told_unless_it_was_said_otherwise() {
    for (notify, told) in [
        (None, 1),
        (Some("DELAY"), 1),
        (Some("FAILURE"), 0),
        (Some("NEVER"), 0),
    ] {
        let world = World::with(Some(peer(Outcome::Deferred("4.4.1 nobody answers".into()))));
        let origin = world.submitted("an");
        let sent = asked(&[("x@noi.vn", notify)]);
        world.delivery.accept(sent, LETTER, &origin).unwrap();
        while world.now() < START_S + 6 * 3600 {
            let due = world.dispatch().unwrap();
            world.pass(due.max(world.now() + 1) - world.now());
        }
        assert_eq!(world.inbox("an").len(), told, "{notify:?}");
    }
}

/// A crash between telling and writing down does not tell twice (I-09).
#[test]
fn i09_good_news_are_told_once() {
    let world = World::with(Some(peer(Outcome::Relayed(TAKEN.into()))));
    let origin = world.submitted("an");
    let sent = asked(&[("x@noi.vn", Some("SUCCESS"))]);
    world.delivery.accept(sent, LETTER, &origin).unwrap();
    let now = world.now();
    world.delivery.dispatch(now).unwrap();
    let job = world.delivery.lease(now).unwrap().unwrap();
    let tried = Tried {
        outcomes: vec![Outcome::Relayed(TAKEN.into())],
        ..Tried::default()
    };
    world.delivery.settle(&job, tried.clone(), now).unwrap();
    let _ = world.delivery.settle(&job, tried, now);
    assert_eq!(world.inbox("an").len(), 1);
}

/// RFC 8689: what is asked of TLS stays with the letter, and with what tells of it.
#[test]
fn a_wish_for_tls_goes_with_the_letter_and_its_bounce() {
    #[derive(Default)]
    struct Heard(Mutex<Vec<(TlsWish, String)>>);
    impl Transport for Heard {
        fn relay(&self, job: &Job) -> Tried {
            let content = String::from_utf8_lossy(&job.content).into_owned();
            self.0.lock().unwrap().push((job.envelope.tls, content));
            let why = Outcome::Failed("5.7.30 no promise".into());
            Tried {
                outcomes: vec![why; job.envelope.recipients.len()],
                ..Tried::default()
            }
        }
    }
    use TlsWish::{None, Required, Waived};
    let check = |param: TlsWish, head: &str, expected: TlsWish, full: bool| {
        let heard = Arc::new(Heard::default());
        let world = World::with(Some(heard.clone()));
        // Its bounce goes elsewhere, too.
        world.list("phong", vec![address("x@noi.vn")]);
        let mut sent = envelope("xa@noi.vn", &["phong@tinh.gov.vn"]);
        sent.tls = param;
        sent.ret = Some("FULL".into());
        let letter = [head.as_bytes(), LETTER].concat();
        world.delivery.accept(sent, &letter, &remote()).unwrap();
        while world.dispatch().is_some() {}
        let heard = heard.0.lock().unwrap();
        let [(first, _), (second, bounce)] = &heard[..] else {
            panic!("{heard:?}");
        };
        assert_eq!((*first, *second), (expected, expected), "{head}");
        assert_eq!(bounce.contains("\r\nbody\r\n"), full, "{bounce}");
        let told = bounce.split("\r\n\r\n").next().unwrap();
        let waived = told.contains("\r\nTLS-Required: No");
        assert_eq!(waived, expected == Waived, "{told}");
    };
    check(None, "", None, true);
    // RFC 8689 §5: as if RET=HDRS was asked.
    check(Required, "", Required, false);
    check(None, "TLS-Required: No\r\n", Waived, true);
    check(None, "tls-required:  no\r\n", Waived, true);
    check(None, "TLS-Required: Yes\r\n", None, true);
    check(None, "TLS-Required: No\r\nTLS-Required: No\r\n", None, true);
    // RFC 8689 §4.1: the parameter counts.
    check(Required, "TLS-Required: No\r\n", Required, false);
}

/// RFC 3464 §2.1.1: what a peer said in other letters stands in the status in ASCII, and all of it can go to a server
/// without 8BITMIME, in which case the status is left as it is.
#[test]
fn a_status_is_ascii_and_goes_to_old_servers() {
    let why = "5.1.1 mx.noi.vn[192.0.2.1] said to RCPT TO: 550 5.1.1 Không có hộp thư";
    let world = World::with(Some(peer(Outcome::Failed(why.into()))));
    let mut sent = asked(&[("x@noi.vn", None)]);
    sent.recipients[0].orcpt = Some("utf-8;ộ@tinh.gov.vn".into());
    sent.ret = None;
    let origin = world.submitted("an");
    let letter = [LETTER, "Thân thư\r\n".as_bytes()].concat();
    world.delivery.accept(sent, &letter, &origin).unwrap();
    world.dispatch();
    let told = world.inbox("an").pop().unwrap();
    let status = report(&told);
    let expected = "Diagnostic-Code: smtp; 550 5.1.1 Kh?ng c? h?p th?\\r\\n";
    assert!(status.contains(expected), "{status}");
    assert!(
        status.contains("Original-Recipient: utf-8;\\\\x{1ED9}@tinh.gov.vn\\r\\n"),
        "{status}"
    );
    assert!(
        told.contains("Không có hộp thư)"),
        "people read it as it was said"
    );
    // RFC 5321 §4.4: who reads it is not in whose mailbox it was.
    assert_eq!(told.matches("Return-Path:").count(), 1, "{told}");
    let old = to_seven_bit(told.as_bytes()).expect("it can be sent");
    let old = String::from_utf8(old).unwrap();
    assert_eq!(report(&old), status);
}

/// RFC 3461 §5.2.7.1: a list with an owner has no mailbox.
#[test]
fn a_list_is_told_of_as_a_list() {
    let world = World::new();
    world.list("phong", vec![local("binh"), local("chi")]);
    world.say("phong", |rules| rules.owner = Some(local("chi")));
    let sent = asked(&[("phong@tinh.gov.vn", Some("SUCCESS"))]);
    let origin = world.submitted("an");
    world.delivery.accept(sent, LETTER, &origin).unwrap();
    let told = world.inbox("an").pop().unwrap();
    let status = report(&told);
    assert!(
        status.contains("phong@tinh.gov.vn\\r\\nAction: delivered\\r\\nStatus: 2.1.5"),
        "{status}"
    );
    assert!(told.contains("The mailing list has taken it") && !told.contains("mailbox"));
    assert!(!told.contains("Return-Path: <chi@"), "{told}");
}
