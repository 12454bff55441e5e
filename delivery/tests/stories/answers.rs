//! RFC 3834, RFC 8621 §8: who is answered while somebody is away, how often, and that no stop of the server changes it.

use crate::bounces::{Peer, peer};
use crate::telling::at_each;
use crate::world::{LETTER, Transport, World, envelope, local, remote};
use delivery::answer::{ANSWERED_MAX, PERIOD_S};
use delivery::verify::{Dmarc, DmarcResult, Spf, SpfResult, Wish};
use delivery::{Enforcement, Evidence, Job, Outcome, Tried};
use directory::{AccountKind, AccountState, Span, Vacation};
use formats::message::header;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use storage::Disk;

/// Steps of the disk at which its power fails in turn; what is done here needs fewer.
const STEPS: u64 = 27;

fn away(world: &World, name: &str, change: impl FnOnce(&mut Vacation)) {
    let mut said = Vacation {
        span: Span {
            enabled: true,
            ..Span::default()
        },
        text: Some("Tôi nghỉ phép.".into()),
        ..Vacation::none(world.id(name))
    };
    change(&mut said);
    world.directory.set_vacation(None, said).unwrap();
}

fn letter(from: &str, to: &str, more: &str) -> Vec<u8> {
    format!(
        "From: <{from}>\r\nTo: {to}\r\nSubject: Hỏi\r\nMessage-ID: <1@noi.vn>\r\n{more}\r\nbody\r\n"
    )
    .into_bytes()
}

fn world() -> (World, Arc<Peer>) {
    let peer = peer(Outcome::Relayed("2.0.0 ok".into()));
    let world = World::with(Some(peer.clone()));
    away(&world, "an", |_| {});
    (world, peer)
}

/// To whom which answers left since this was asked last.
fn answered(peer: &Peer) -> Vec<(String, String)> {
    let seen = std::mem::take(&mut *peer.seen.lock().unwrap());
    let each = seen.into_iter().map(|(from, to, content)| {
        assert!(from.address().is_none(), "{from}");
        (to[0].to_string(), String::from_utf8(content).unwrap())
    });
    each.collect()
}

/// A letter from elsewhere to An.
fn write(world: &World, from: &str, content: &[u8]) {
    let sent = envelope(from, &["an@tinh.gov.vn"]);
    world.delivery.accept(sent, content, &remote()).unwrap();
    world.dispatch();
}

fn field(letter: &str, name: &str) -> String {
    let value = header::first_value(letter.as_bytes(), name);
    header::decode_words(&value.unwrap_or_default())
}

#[test]
fn who_writes_is_answered_once_in_a_week() {
    let (world, peer) = world();
    let content = letter("s@noi.vn", "an@tinh.gov.vn", "References: <0@noi.vn>\r\n");
    write(&world, "s@noi.vn", &content);
    let all = answered(&peer);
    let [(to, answer)] = all.as_slice() else {
        panic!("{all:?}");
    };
    assert_eq!(to, "s@noi.vn");
    for (name, value) in [
        ("From", "Người an <an@tinh.gov.vn>"),
        ("To", "s@noi.vn"),
        ("Subject", "Trả lời tự động (Auto): Hỏi"),
        ("In-Reply-To", "<1@noi.vn>"),
        ("References", "<0@noi.vn> <1@noi.vn>"),
        ("Auto-Submitted", "auto-replied"),
    ] {
        assert_eq!(field(answer, name), value, "{answer}");
    }
    // The same sender, whatever case he writes himself in, is answered no more; another one is.
    for from in ["s@noi.vn", "s@NOI.vn"] {
        write(&world, from, &content);
    }
    assert_eq!(answered(&peer), []);
    write(&world, "t@noi.vn", &content);
    assert_eq!(answered(&peer)[0].0, "t@noi.vn");
    world.pass(PERIOD_S);
    write(&world, "s@noi.vn", &content);
    assert_eq!(answered(&peer).len(), 1);
    assert_eq!(world.inbox("an").len(), 5);
}

#[test]
fn two_letters_that_come_before_the_answer_have_one() {
    let (world, peer) = world();
    let content = letter("s@noi.vn", "an@tinh.gov.vn", "");
    for _ in 0..3 {
        let sent = envelope("s@noi.vn", &["an@tinh.gov.vn", "binh@tinh.gov.vn"]);
        world.delivery.accept(sent, &content, &remote()).unwrap();
    }
    world.dispatch();
    assert_eq!(answered(&peer).len(), 1);
}

#[test]
fn only_while_he_is_away() {
    let (world, peer) = world();
    let now = world.now();
    let content = letter("s@noi.vn", "an@tinh.gov.vn", "");
    let check = |n: usize, span: Span, expected: bool| {
        away(&world, "an", |said| said.span = span);
        write(&world, &format!("s{n}@noi.vn"), &content);
        assert_eq!(answered(&peer).len(), usize::from(expected), "{span:?}");
    };
    let span = |enabled, from, to| Span { enabled, from, to };
    check(0, span(false, None, None), false);
    check(1, span(true, Some(now), None), true);
    check(2, span(true, Some(now + 1), None), false);
    check(3, span(true, None, Some(now)), false);
    check(4, span(true, None, Some(now + 1)), true);
    check(5, span(true, Some(now - 9), Some(now + 9)), true);
    // What is suspended says nothing.
    world.change("an", |account| account.state = AccountState::Suspended);
    check(6, span(true, None, None), false);
}

#[test]
fn nobody_is_answered_who_did_not_write_himself() {
    let (world, peer) = world();
    world.list("phong", vec![local("an")]);
    let named = "an@tinh.gov.vn";
    let check = |from: &str, to: &str, more: &str| {
        let before = world.inbox("an").len();
        write(&world, from, &letter("s@noi.vn", to, more));
        assert_eq!(answered(&peer), [], "{from} {to} {more}");
        assert_eq!(world.inbox("an").len(), before + 1);
    };
    world
        .delivery
        .accept(envelope("", &[named]), LETTER, &remote())
        .unwrap();
    check("", named, "");
    check("mailer-daemon@noi.vn", named, "");
    check("owner-ds@noi.vn", named, "");
    check("ds-request@noi.vn", named, "");
    check("s@noi.vn", named, "Auto-Submitted: auto-generated\r\n");
    check("s@noi.vn", named, "List-Id: <ds.noi.vn>\r\n");
    check("s@noi.vn", named, "Precedence: bulk\r\n");
    // Where he is not named: a blind copy, a list.
    check("s@noi.vn", "binh@tinh.gov.vn", "");
    check("s@noi.vn", "undisclosed-recipients:;", "");
    // A list of ours that bears its name as reverse-path, and himself.
    check("phong@tinh.gov.vn", named, "");
    check(named, named, "");
    let sent = envelope("s@noi.vn", &["phong@tinh.gov.vn"]);
    let content = letter("s@noi.vn", "phong@tinh.gov.vn", "");
    world.delivery.accept(sent, &content, &remote()).unwrap();
    world.dispatch();
    assert_eq!(answered(&peer), []);
    // And of all this nothing was remembered.
    write(&world, "s@noi.vn", &letter("s@noi.vn", named, ""));
    assert_eq!(answered(&peer).len(), 1);
}

#[test]
fn nor_who_may_be_forged() {
    let (world, peer) = world();
    let check = |from: &str, spf: SpfResult, dmarc: DmarcResult, expected: bool| {
        let evidence = Evidence {
            spf: Spf {
                result: spf,
                ..Spf::default()
            },
            dmarc: Dmarc {
                result: dmarc,
                wish: Wish::Quarantine,
                ..Dmarc::default()
            },
            ..Evidence::default()
        };
        let sent = envelope(from, &["an@tinh.gov.vn"]);
        let content = letter(from, "an@tinh.gov.vn", "");
        let seen = Some((evidence, Enforcement::Mark));
        world
            .delivery
            .accept_seen(sent, &content, &remote(), seen)
            .unwrap();
        world.dispatch();
        let here = world.inbox_if_any("chi").len();
        assert_eq!(
            answered(&peer).len() + here,
            usize::from(expected),
            "{from} {spf:?} {dmarc:?}"
        );
    };
    use {DmarcResult as D, SpfResult as S};
    check("1@noi.vn", S::Pass, D::Pass, true);
    check("2@noi.vn", S::None, D::None, true);
    check("3@noi.vn", S::Fail, D::None, false);
    check("4@noi.vn", S::Pass, D::Fail, false);
    check("chi@tinh.gov.vn", S::None, D::None, false);
}

#[test]
fn colleagues_are_answered_and_two_who_are_away_do_not_talk_for_ever() {
    let (world, peer) = world();
    away(&world, "binh", |said| said.subject = Some("Vắng".into()));
    let sent = envelope("binh@tinh.gov.vn", &["an@tinh.gov.vn"]);
    let content = letter("binh@tinh.gov.vn", "an@tinh.gov.vn", "");
    let origin = world.submitted("binh");
    world.delivery.accept(sent, &content, &origin).unwrap();
    world.dispatch();
    let got = world.inbox("binh");
    assert_eq!((got.len(), world.inbox("an").len()), (1, 1));
    assert!(got[0].starts_with("Return-Path: <>\r\n"), "{}", got[0]);
    assert_eq!(field(&got[0], "Auto-Submitted"), "auto-replied");
    assert!(got[0].contains("Subject:"));
    assert_eq!(answered(&peer), []);
    // His timeline tells of what it is.
    let queue = world.delivery.queue(None, 9).unwrap();
    assert_eq!(queue, []);
}

#[test]
fn other_names_are_his_too_and_a_seat_answers_for_itself() {
    let (world, peer) = world();
    let an = world.id("an");
    world
        .directory
        .create_alias(None, local("truongphong"), an)
        .unwrap();
    let sent = envelope("s@noi.vn", &["truongphong@tinh.gov.vn"]);
    let content = letter("s@noi.vn", "\"Trưởng phòng\" <TruongPhong@tinh.gov.vn>", "");
    world.delivery.accept(sent, &content, &remote()).unwrap();
    world.dispatch();
    let all = answered(&peer);
    // Under the name by which he was asked.
    assert!(
        field(&all[0].1, "From")
            .to_lowercase()
            .ends_with("<truongphong@tinh.gov.vn>"),
        "{all:?}"
    );
    world.account("vanthu", AccountKind::Shared);
    away(&world, "vanthu", |_| {});
    let sent = envelope("s@noi.vn", &["vanthu@tinh.gov.vn"]);
    let content = letter("s@noi.vn", "vanthu@tinh.gov.vn", "");
    world.delivery.accept(sent, &content, &remote()).unwrap();
    world.dispatch();
    assert_eq!(
        field(&answered(&peer)[0].1, "From"),
        "Người vanthu <vanthu@tinh.gov.vn>"
    );
}

#[test]
fn a_letter_that_waited_for_room_is_answered_when_it_is_there() {
    let (world, peer) = world();
    let content = letter("s@noi.vn", "an@tinh.gov.vn", "");
    world.change("an", |account| account.messages_max = Some(0));
    let sent = envelope("s@noi.vn", &["an@tinh.gov.vn"]);
    let origin = world.submitted("chi");
    let own = envelope("chi@tinh.gov.vn", &["an@tinh.gov.vn"]);
    let theirs = letter("chi@tinh.gov.vn", "an@tinh.gov.vn", "");
    world.delivery.accept(own, &theirs, &origin).unwrap();
    assert!(world.delivery.accept(sent, &content, &remote()).is_err());
    world.dispatch();
    assert_eq!(world.inbox_if_any("chi").len(), 0);
    world.change("an", |account| account.messages_max = None);
    world.pass(3600);
    world.dispatch();
    assert_eq!(world.inbox("chi").len(), 1);
    assert_eq!(answered(&peer), []);
}

#[test]
fn what_is_remembered_is_forgotten_in_time() {
    let (world, peer) = world();
    let content = letter("s@noi.vn", "an@tinh.gov.vn", "");
    let rows = |world: &World| {
        let answered = world.store.table("delivery.answered");
        let owed = world.store.table("delivery.owed");
        let count = |table: storage::Table| table.rows(&[], None, ANSWERED_MAX).unwrap().len();
        (count(answered), count(owed))
    };
    for n in 0..3 {
        write(&world, &format!("s{n}@noi.vn"), &content);
    }
    assert_eq!((answered(&peer).len(), rows(&world)), (3, (3, 0)));
    world.delivery.forget_answered(world.now()).unwrap();
    assert_eq!(rows(&world), (3, 0));
    // Whoever is answered later takes the old ones along.
    world.pass(PERIOD_S);
    write(&world, "s9@noi.vn", &content);
    assert_eq!(rows(&world), (1, 0));
    world.pass(PERIOD_S);
    world.delivery.forget_answered(world.now()).unwrap();
    assert_eq!(rows(&world), (0, 0));
}

/// Takes all, and remembers by their names what it was given.
#[derive(Default)]
struct Names(Mutex<BTreeSet<String>>);

impl Transport for Names {
    fn relay(&self, job: &Job) -> Tried {
        let text = String::from_utf8(job.content.to_vec()).unwrap();
        self.0.lock().unwrap().insert(field(&text, "Message-ID"));
        Tried {
            outcomes: vec![Outcome::Relayed("2.0.0 taken".into()); job.envelope.recipients.len()],
            ..Tried::default()
        }
    }
}

/// At whatever step the power fails: whose letter is in the mailbox has one answer, and nobody else has any.
#[test]
fn i09_an_answer_is_neither_doubled_nor_lost_over_a_power_cut() {
    let all = at_each(STEPS, |step| {
        let disk = Disk::forgetful(step);
        let first = Arc::new(Names::default());
        let world = World::on(Some(disk.clone()), Some(first.clone()));
        away(&world, "an", |_| {});
        disk.fail_after(step);
        let sent = envelope("s@noi.vn", &["an@tinh.gov.vn"]);
        let content = letter("s@noi.vn", "an@tinh.gov.vn", "");
        let taken = world.delivery.accept(sent, &content, &remote());
        let _ = world.try_dispatch();
        let second = Arc::new(Names::default());
        let world = world.restart(Some(second.clone()));
        world.pass(3600);
        world.dispatch();
        let here = world.inbox_if_any("an").len();
        let names = |peer: &Names| peer.0.lock().unwrap().clone();
        let answers = names(&first).union(&names(&second)).count();
        assert!(
            here == 1 || taken.is_err() && here == 0,
            "step {step}: {here}"
        );
        assert_eq!(answers, here, "step {step}");
        (here, names(&first).len())
    });
    // Some failed before the letter was there, some between it and the answer, some behind both.
    for met in [(0, 0), (1, 0), (1, 1)] {
        assert!(all.contains(&met), "{met:?}: {all:?}");
    }
}

#[test]
fn who_cannot_be_answered_now_is_answered_later() {
    let (world, peer) = world();
    let content = letter("s@noi.vn", "an@tinh.gov.vn", "");
    let sent = envelope("s@noi.vn", &["an@tinh.gov.vn"]);
    world.delivery.accept(sent, &content, &remote()).unwrap();
    // As after a stop between the letter and its answer.
    let world = world.restart(Some(peer.clone()));
    assert_eq!(answered(&peer), []);
    world.dispatch();
    assert_eq!(answered(&peer)[0].0, "s@noi.vn");
}
