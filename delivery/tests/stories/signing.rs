//! What leaves is signed where it is ours to vouch for, and by the keys of its author's domain.

use crate::world::{LETTER, Transport, World, address, envelope, remote};
use delivery::{Job, Origin, Outcome, ReversePath, Tried};
use formats::address::DomainName;
use std::sync::{Arc, Mutex};

/// Takes or refuses all; keeps, for each job, to whom it went and the signatures it would bear.
pub(crate) struct Peer(fn(&Job) -> Outcome, Mutex<Vec<(String, String)>>);

impl Transport for Peer {
    fn relay(&self, job: &Job) -> Tried {
        let signed = job.signer.as_ref().map(|signer| signer.sign(&job.content));
        let signed = String::from_utf8(signed.unwrap_or_default()).unwrap();
        let to = job.envelope.recipients[0].address.to_string();
        self.1.lock().unwrap().push((to, signed));
        let outcome = (self.0)(job);
        Tried {
            outcomes: vec![outcome; job.envelope.recipients.len()],
            ..Tried::default()
        }
    }
}

impl Peer {
    pub(crate) fn new(says: fn(&Job) -> Outcome) -> Arc<Self> {
        Arc::new(Self(says, Mutex::default()))
    }

    /// The signatures of the only letter to this address since the last call.
    pub(crate) fn only(&self, to: &str) -> String {
        let mut all = self.1.lock().unwrap();
        let (mut found, rest): (Vec<_>, _) = all.drain(..).partition(|(whom, _)| whom == to);
        *all = rest;
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0).1
    }
}

pub(crate) fn taken(_: &Job) -> Outcome {
    Outcome::Relayed("2.0.0 mx said to the message: 250 Ok".into())
}

pub(crate) fn with_keys(peer: &Arc<Peer>) -> World {
    let world = World::with(Some(peer.clone()));
    let domain = DomainName::parse("tinh.gov.vn").unwrap();
    world.directory.make_first_dkim_keys(None, &domain).unwrap();
    world
}

#[test]
fn what_is_submitted_is_signed_twice() {
    let peer = Peer::new(taken);
    let world = with_keys(&peer);
    let sent = envelope("an@tinh.gov.vn", &["x@noi.vn"]);
    world
        .delivery
        .accept(sent, LETTER, &world.submitted("an"))
        .unwrap();
    world.dispatch();
    let signed = peer.only("x@noi.vn");
    let both: Vec<&str> = signed.split("DKIM-Signature: ").skip(1).collect();
    assert_eq!(both.len(), 2, "{signed}");
    for (signature, (algorithm, selector)) in both
        .iter()
        .zip([("ed25519-sha256", "cv202611e"), ("rsa-sha256", "cv202611r")])
    {
        let begin = format!(
            "v=1; a={algorithm}; c=relaxed/relaxed; d=tinh.gov.vn;\r\n\ts={selector}; t={};\r\n\t\
             h=From:From:To:To:Cc:Reply-To:Subject:Subject:Date:Date:",
            world.now()
        );
        assert!(signature.starts_with(&begin), "{signature}");
        assert!(signature.ends_with("\r\n") && signature.lines().all(|line| line.len() <= 78));
        // RFC 6376 §3.5: neither an end nor a length.
        assert!(
            !signature.contains("x=") && !signature.contains(" l="),
            "{signature}"
        );
    }
}

#[test]
fn a_domain_without_keys_signs_nothing() {
    let peer = Peer::new(taken);
    let world = World::with(Some(peer.clone()));
    let sent = envelope("an@tinh.gov.vn", &["x@noi.vn"]);
    world
        .delivery
        .accept(sent, LETTER, &world.submitted("an"))
        .unwrap();
    world.dispatch();
    assert_eq!(peer.only("x@noi.vn"), "");
}

#[test]
fn mail_of_others_goes_on_without_our_word_for_it() {
    let peer = Peer::new(taken);
    let world = with_keys(&peer);
    world.list("phong", vec![address("x@noi.vn")]);
    // A forged From, and a null reverse-path, as bounces have it.
    for from in ["ai@dau.vn", ""] {
        let forged = envelope(from, &["phong@tinh.gov.vn"]);
        world.delivery.accept(forged, LETTER, &remote()).unwrap();
        world.dispatch();
        assert_eq!(peer.only("x@noi.vn"), "", "{from}");
    }
    // What the server makes with a sender that is another's is not its own word either.
    let sent = envelope("ai@dau.vn", &["x@noi.vn"]);
    world
        .delivery
        .accept(sent, LETTER, &Origin::Generated)
        .unwrap();
    world.dispatch();
    assert_eq!(peer.only("x@noi.vn"), "");
}

#[test]
fn what_the_server_says_itself_is_signed_by_the_domain_above_its_name() {
    fn refused(job: &Job) -> Outcome {
        match job.envelope.from {
            ReversePath::Null => taken(job),
            ReversePath::Address(_) => Outcome::Failed("5.1.1 mx said: 550 no".into()),
        }
    }
    let peer = Peer::new(refused);
    let world = with_keys(&peer);
    world.list("phong", vec![address("x@noi.vn")]);
    let sent = envelope("ai@dau.vn", &["phong@tinh.gov.vn"]);
    world.delivery.accept(sent, LETTER, &remote()).unwrap();
    world.dispatch();
    world.dispatch();
    let bounce = peer.only("ai@dau.vn");
    assert_eq!(bounce.matches("d=tinh.gov.vn;").count(), 2, "{bounce}");
}
