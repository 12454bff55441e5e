//! Lists: who may write to them, what they make of a letter, and who hears of what fails.

use crate::bounces::{peer, report};
use crate::world::{LETTER, World, address, cause, envelope, local, remote};
use delivery::{Origin, Outcome, Refusal, Refused, ReversePath};
use directory::Posting;
use storage::BlobId;

const TAKEN: &str = "2.0.0 mx.noi.vn[192.0.2.1] said to the message: 250 2.0.0 Ok";
const ID: &str = "\r\n\t<phong.list-id.tinh.gov.vn>\r\n";

fn blob(world: &World, name: &str) -> BlobId {
    let mut blob = None;
    let account = world.store.account(world.id(name));
    account
        .scan_all(&mut |state| {
            blob = Some(state.blob);
            true
        })
        .unwrap();
    blob.unwrap()
}

#[test]
fn a_list_takes_letters_from_those_whom_it_lets() {
    let world = World::new();
    world.list("phong", vec![local("an"), local("binh")]);
    world.say("phong", |rules| rules.posting = Posting::Inside);
    let phong = local("phong");
    let stranger = ReversePath::Address(address("x@noi.vn"));
    let rcpt = |origin: &Origin| cause(world.delivery.recipient(&phong, &stranger, origin));
    assert_eq!(rcpt(&remote()), "MayNotPost");
    assert_eq!(rcpt(&world.submitted("chi")), "ok");
    assert_eq!(rcpt(&Origin::Generated), "ok");
    let sent = || envelope("x@noi.vn", &["phong@tinh.gov.vn"]);
    assert_eq!(
        cause(world.delivery.accept(sent(), LETTER, &remote())),
        "MayNotPost"
    );
    assert!(world.inbox_if_any("an").is_empty());
    // Beside others who take it, its sender is told.
    world.say("phong", |rules| rules.posting = Posting::Named);
    let sent = envelope("an@tinh.gov.vn", &["phong@tinh.gov.vn", "binh@tinh.gov.vn"]);
    world
        .delivery
        .accept(sent, LETTER, &world.submitted("an"))
        .unwrap();
    assert_eq!(world.inbox("binh").len(), 1);
    let told = world.inbox("an");
    assert_eq!(told.len(), 1);
    assert!(report(&told[0]).contains("phong@tinh.gov.vn\\r\\nAction: failed\\r\\nStatus: 5.7.2"));
}

#[test]
fn who_is_named_and_on_the_list_gets_the_letter_that_is_for_him() {
    let world = World::new();
    world.list("phong", vec![local("an"), local("binh"), local("chi")]);
    world.list("to", vec![local("binh"), local("chi")]);
    let names = ["to@tinh.gov.vn", "phong@tinh.gov.vn", "an@tinh.gov.vn"];
    let sent = envelope("x@noi.vn", &names);
    let receipt = world.delivery.accept(sent, LETTER, &remote()).unwrap();
    assert_eq!(receipt.placed, 3);
    assert!(!world.inbox("an")[0].contains("List-"));
    for name in ["binh", "chi"] {
        let got = world.inbox(name);
        assert_eq!(got.len(), 1);
        assert_eq!(got[0].matches("List-Id:").count(), 1);
        assert!(got[0].contains("<to.list-id.tinh.gov.vn>"), "{}", got[0]);
        assert!(got[0].ends_with(std::str::from_utf8(LETTER).unwrap()));
    }
    assert_eq!(blob(&world, "binh"), blob(&world, "chi"));
}

#[test]
fn a_spooled_letter_is_each_lists_own() {
    let peer = peer(Outcome::Relayed(TAKEN.into()));
    let world = World::with(Some(peer.clone()));
    world.list(
        "phong",
        vec![local("an"), address("a@noi.vn"), address("b@noi.vn")],
    );
    world.list(
        "to",
        vec![local("binh"), address("b@noi.vn"), address("c@noi.vn")],
    );
    world.say("to", |rules| rules.owner = Some(local("chi")));
    let names = [
        "phong@tinh.gov.vn",
        "to@tinh.gov.vn",
        "d@noi.vn",
        "chi@tinh.gov.vn",
    ];
    let origin = world.submitted("an");
    let sent = envelope("an@tinh.gov.vn", &names);
    world.delivery.accept(sent, LETTER, &origin).unwrap();
    world.dispatch();
    assert!(world.delivery.queue(None, 9).unwrap().is_empty());
    assert!(world.inbox("an")[0].contains(ID));
    assert!(world.inbox("an")[0].starts_with("Return-Path: <an@tinh.gov.vn>"));
    assert!(world.inbox("binh")[0].starts_with("Return-Path: <chi@tinh.gov.vn>"));
    assert!(!world.inbox("chi")[0].contains("List-Id"));
    let mut seen: Vec<(String, Vec<String>, &str)> = Vec::new();
    let all = peer.seen.lock().unwrap();
    for (from, to, content) in all.iter() {
        let to = to.iter().map(ToString::to_string).collect();
        let content = String::from_utf8_lossy(content);
        let list = match () {
            () if content.contains("<phong.list-id.") => "phong",
            () if content.contains("<to.list-id.") => "to",
            () => "",
        };
        assert!(!content.contains("Return-Path"));
        let from = from.address().unwrap().to_string();
        seen.push((from, to, list));
    }
    seen.sort();
    let own = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let expected = [
        (
            "an@tinh.gov.vn".to_owned(),
            own(&["a@noi.vn", "b@noi.vn"]),
            "phong",
        ),
        ("an@tinh.gov.vn".to_owned(), own(&["d@noi.vn"]), ""),
        ("chi@tinh.gov.vn".to_owned(), own(&["c@noi.vn"]), "to"),
    ];
    assert_eq!(seen, expected);
}

/// What the server tells a sender would reach all members, whoever may post to the list.
#[test]
fn who_claims_to_be_a_list_reaches_its_members_by_no_notification() {
    let world = World::with(Some(peer(Outcome::Failed("5.1.1 gone".into()))));
    world.list("phong", vec![local("binh"), address("a@noi.vn")]);
    let members = world.inbox("binh").len();
    let check = |from: &str, to: &str, notify: &str| {
        let mut sent = envelope(from, &[to]);
        sent.recipients[0].notify = Some(notify.into());
        world.delivery.accept(sent, LETTER, &remote()).unwrap();
        world.dispatch();
    };
    for from in ["phong@tinh.gov.vn", "phong+x@tinh.gov.vn"] {
        check(from, "an@tinh.gov.vn", "SUCCESS");
    }
    assert_eq!(world.inbox("an").len(), 2);
    assert_eq!(world.inbox("binh").len(), members);
    // Others are told as ever.
    check("chi@tinh.gov.vn", "an@tinh.gov.vn", "SUCCESS");
    assert_eq!(world.inbox("chi").len(), 1);
}

#[test]
fn its_owner_hears_of_what_fails_and_not_its_poster() {
    let world = World::with(Some(peer(Outcome::Failed("5.1.1 gone".into()))));
    world.person("day");
    world.change("day", |account| account.quota = Some(0));
    let members = vec![local("binh"), local("day"), address("a@noi.vn")];
    world.list("phong", members);
    world.say("phong", |rules| rules.owner = Some(local("chi")));
    let mut sent = envelope("an@tinh.gov.vn", &["phong@tinh.gov.vn"]);
    sent.recipients[0].notify = Some("SUCCESS,FAILURE".into());
    let origin = world.submitted("an");
    world.delivery.accept(sent, LETTER, &origin).unwrap();
    world.dispatch();
    // RFC 3461 §5.2.7.1: to its poster the list is where it was delivered.
    let told = world.inbox("an");
    assert_eq!(told.len(), 1);
    assert!(report(&told[0]).contains("phong@tinh.gov.vn\\r\\nAction: delivered"));
    let told = world.inbox("chi");
    let all: String = told.iter().map(|raw| report(raw)).collect();
    for gone in ["a@noi.vn", "day@tinh.gov.vn"] {
        assert!(
            all.contains(&format!(
                "Final-Recipient: rfc822; {gone}\\r\\nAction: failed"
            )),
            "{all}"
        );
    }
    assert_eq!(world.inbox("binh").len(), 1);
    // The same where all is placed at once.
    world.say("phong", |rules| rules.fields = false);
    world.change("phong", |list| {
        list.kind = directory::AccountKind::List {
            members: vec![local("binh"), local("day")],
        };
    });
    let sent = envelope("an@tinh.gov.vn", &["phong@tinh.gov.vn"]);
    let receipt = world.delivery.accept(sent, LETTER, &origin).unwrap();
    assert_eq!((receipt.placed, receipt.queued), (1, None));
    assert_eq!(
        (world.inbox("an").len(), world.inbox("chi").len()),
        (1, told.len() + 1)
    );
    let got = world.inbox("binh").pop().unwrap();
    assert!(got.starts_with("Return-Path: <chi@tinh.gov.vn>") && !got.contains("List-Id"));
}

#[test]
fn what_came_through_a_list_does_not_go_through_it_again() {
    let world = World::new();
    world.list("phong", vec![local("an"), address("x@noi.vn")]);
    let again = |field: &str| {
        let letter = [field.as_bytes(), LETTER].concat();
        let sent = envelope("x@noi.vn", &["phong@tinh.gov.vn"]);
        match world.delivery.accept(sent, &letter, &remote()) {
            Err(Refused::Permanent(cause)) => format!("{cause:?}"),
            other => format!("{:?}", other.is_ok()),
        }
    };
    assert_eq!(
        again("List-Id: x\r\n <Phong.list-id.tinh.gov.vn>\r\n"),
        "Loop"
    );
    let mark = "Delivered-To: phong@Tinh.gov.vn\r\n";
    let through = format!("Received: from y\r\n\tby mx.tinh.gov.vn with ESMTP; x\r\n{mark}");
    assert_eq!(again(&through), "Loop");
    assert_eq!(again("List-Id: <khac.list-id.tinh.gov.vn>\r\n"), "true");
    let got = world.inbox_if_any("an");
    assert!(got.is_empty(), "spooled: a member is elsewhere");
    world.delivery.dispatch(world.now()).unwrap();
    let got = world.inbox("an");
    assert_eq!(got.len(), 1);
    assert!(
        got[0].contains(ID) && !got[0].contains("khac.list-id"),
        "{}",
        got[0]
    );
}

/// Two that name each other, and one that names itself, are opened once.
#[test]
fn lists_in_circles_end() {
    let world = World::new();
    world.list("phong", vec![local("phong"), local("to"), local("an")]);
    world.list("to", vec![local("phong"), local("binh"), local("an")]);
    let sent = envelope("an@tinh.gov.vn", &["phong@tinh.gov.vn", "to@tinh.gov.vn"]);
    let receipt = world
        .delivery
        .accept(sent, LETTER, &world.submitted("an"))
        .unwrap();
    assert_eq!(receipt.placed, 2);
    assert_eq!((world.inbox("an").len(), world.inbox("binh").len()), (1, 1));
}

/// RFC 2033 §4.2: who keeps the queue himself hears of each recipient, and tells the sender himself.
#[test]
fn each_recipient_is_answered_for_by_himself() {
    let world = World::new();
    world.person("day");
    world.change("day", |account| account.quota = Some(0));
    world.list("phong", vec![local("binh"), local("chi")]);
    let to = ["an", "khong", "day", "phong", "an"].map(|name| format!("{name}@tinh.gov.vn"));
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let sent = envelope("binh@tinh.gov.vn", &to);
    let answers = world.delivery.accept_each(sent, LETTER, &remote());
    let causes: Vec<String> = answers.into_iter().map(cause).collect();
    assert_eq!(causes, ["ok", "UnknownRecipient", "OverQuota", "ok", "ok"]);
    assert_eq!(world.inbox("an").len(), 1);
    assert!(world.inbox("chi")[0].contains("List-Id"));
    // His own copy of the list, and no notification.
    assert_eq!(world.inbox("binh").len(), 1);
    let sent = envelope(
        "binh@tinh.gov.vn",
        &["khong@tinh.gov.vn", "day@tinh.gov.vn"],
    );
    let answers = world.delivery.accept_each(sent, LETTER, &remote());
    assert!(answers.iter().all(Result::is_err));
    assert_eq!(world.inbox("binh").len(), 1);
}

/// Lists on two servers may name each other: the other one makes the fields of lists its own.
#[test]
fn a_list_knows_its_letter_again_after_another_list() {
    for fields in [true, false] {
        let peer = peer(Outcome::Relayed(TAKEN.into()));
        let world = World::with(Some(peer.clone()));
        world.list("phong", vec![local("an"), address("to@noi.vn")]);
        world.say("phong", |rules| rules.fields = fields);
        let sent = envelope("an@tinh.gov.vn", &["phong@tinh.gov.vn"]);
        let origin = world.submitted("an");
        world.delivery.accept(sent, LETTER, &origin).unwrap();
        world.dispatch();
        let gone_on = peer.seen.lock().unwrap()[0].2.clone();
        let text = String::from_utf8(gone_on).unwrap();
        let back = text.replace("phong.list-id.tinh.gov.vn", "to.list-id.noi.vn");
        let again = envelope("an@tinh.gov.vn", &["phong@tinh.gov.vn"]);
        let refused = world.delivery.accept(again, back.as_bytes(), &remote());
        assert!(
            matches!(refused, Err(Refused::Permanent(Refusal::Loop))),
            "fields {fields}: {refused:?}\n{back}"
        );
        assert_eq!(world.inbox("an").len(), 1, "fields {fields}");
    }
}

/// A member that is not there any more is told to the owner by name, or where there is none to the poster.
#[test]
fn members_that_are_gone_are_told() {
    let world = World::new();
    world.list("phong", vec![local("binh"), local("matroi")]);
    let origin = world.submitted("an");
    let post = || {
        let sent = envelope("an@tinh.gov.vn", &["phong@tinh.gov.vn"]);
        world.delivery.accept(sent, LETTER, &origin).unwrap();
        world.dispatch();
    };
    let failed = "Final-Recipient: rfc822; matroi@tinh.gov.vn\\r\\nAction: failed";
    post();
    let told = world.inbox("an");
    assert_eq!(told.len(), 1);
    assert!(report(&told[0]).contains(failed), "{}", report(&told[0]));
    world.say("phong", |rules| rules.owner = Some(local("chi")));
    post();
    assert_eq!(world.inbox("an").len(), 1, "the poster hears nothing more");
    assert!(report(&world.inbox("chi")[0]).contains(failed));
    assert_eq!(world.inbox("binh").len(), 2);
}
