//! What ended is written down before anybody is told of it: at whatever step the power fails, the sender hears of it
//! once, and what he heard stays true.

use crate::bounces::peer;
use crate::world::{LETTER, Transport, World, address, envelope, local, remote};
use delivery::{Act, Job, Outcome, ReversePath, Tried};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use storage::Disk;

/// Steps of the disk at which its power fails in turn; what is done here needs fewer.
const STEPS: u64 = 36;
/// Cuts at a time.
const LANES: u64 = 9;

/// Refuses letters, or has changed its mind; takes what tells of them.
struct Fickle {
    refuses: bool,
    letters: Mutex<usize>,
    notices: Mutex<BTreeSet<String>>,
}

impl Fickle {
    fn new(refuses: bool) -> Arc<Self> {
        Arc::new(Self {
            refuses,
            letters: Mutex::default(),
            notices: Mutex::default(),
        })
    }
}

impl Transport for Fickle {
    fn relay(&self, job: &Job) -> Tried {
        let is_notice = job.envelope.from == ReversePath::Null;
        let outcome = match is_notice || !self.refuses {
            true => Outcome::Relayed("2.0.0 taken".into()),
            false => Outcome::Failed("5.1.1 nobody".into()),
        };
        if is_notice {
            let text = String::from_utf8(job.content.to_vec()).unwrap();
            let id = text.split("Message-ID: ").nth(1).unwrap();
            let id = id.split("\r\n").next().unwrap().to_owned();
            self.notices.lock().unwrap().insert(id);
        } else if !self.refuses {
            *self.letters.lock().unwrap() += 1;
        }
        Tried {
            outcomes: vec![outcome; job.envelope.recipients.len()],
            ..Tried::default()
        }
    }
}

/// What became of one letter: whether it was acknowledged, how often it went elsewhere, of how many notifications its
/// sender has which.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
struct Became {
    acknowledged: bool,
    gone: usize,
    told: usize,
}

/// The power fails at this step, while a peer refuses; then he takes all. `deleted`: an administrator gives it up.
fn cut(step: u64, deleted: bool) -> Became {
    let disk = Disk::forgetful(step);
    let first = Fickle::new(true);
    let world = World::on(Some(disk.clone()), Some(first.clone()));
    world.list("phong", vec![local("binh"), address("y@noi.vn")]);
    disk.fail_after(step);
    let sent = envelope("s@xa.vn", &["phong@tinh.gov.vn"]);
    let taken = world.delivery.accept(sent, LETTER, &remote());
    if let (true, Ok(taken)) = (deleted, &taken) {
        let _ = world.delivery.dispatch(world.now());
        let _ = world
            .delivery
            .act(taken.queued.unwrap(), &Act::Delete, None);
    }
    let _ = world.try_dispatch();
    let second = Fickle::new(false);
    let world = world.restart(Some(second.clone()));
    world.pass(24 * 3600);
    world.dispatch();
    assert!(world.delivery.queue(None, 9).unwrap().is_empty());
    assert!(world.inbox_if_any("binh").len() <= 1);
    let told = |peer: &Fickle| peer.notices.lock().unwrap().clone();
    let all: BTreeSet<String> = told(&first).union(&told(&second)).cloned().collect();
    Became {
        acknowledged: taken.is_ok(),
        gone: *second.letters.lock().unwrap(),
        told: all.len(),
    }
}

/// At each step in turn; several at a time, since a server that starts mostly waits.
pub(crate) fn at_each<T: Send>(steps: u64, cut: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let lane = |lane: u64| (1..=steps).filter(move |step| step % LANES == lane);
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|n| {
                let cut = &cut;
                scope.spawn(move || lane(n).map(cut).collect::<Vec<_>>())
            })
            .collect();
        let ended = lanes.into_iter().flat_map(|lane| lane.join().unwrap());
        ended.collect()
    })
}

fn cut_at_each(deleted: bool) {
    let all = at_each(STEPS, |step| cut(step, deleted));
    for became in &all {
        // It went, or he was told that it did not; never both, never twice, and neither only where nobody said yes.
        let ends = (became.gone, became.told);
        let fits = [(0, 1), (1, 0)].contains(&ends) || !became.acknowledged && ends == (0, 0);
        assert!(fits, "{became:?}");
    }
    let met = |gone, told| all.iter().any(|one| (one.gone, one.told) == (gone, told));
    assert!(met(0, 1) && met(1, 0), "{all:?}");
}

#[test]
fn i10_a_refusal_is_told_once_and_stays_true_over_a_power_cut() {
    cut_at_each(false);
}

#[test]
fn i10_what_is_given_up_is_told_once_over_a_power_cut() {
    cut_at_each(true);
}

/// RFC 3461: success is told once, too, after what failed for another.
#[test]
fn i09_success_is_told_once_over_a_power_cut() {
    at_each(STEPS / 2, |step| {
        let disk = Disk::forgetful(step);
        let world = World::on(Some(disk.clone()), Some(Fickle::new(true)));
        let mut sent = envelope("s@xa.vn", &["an@tinh.gov.vn", "binh@tinh.gov.vn"]);
        for to in &mut sent.recipients {
            to.notify = Some("SUCCESS".into());
        }
        disk.fail_after(step);
        let taken = world.delivery.accept(sent, LETTER, &remote());
        let peer = Fickle::new(false);
        let world = world.restart(Some(peer.clone()));
        world.pass(3600);
        world.dispatch();
        let told = peer.notices.lock().unwrap().len();
        let here = world.inbox_if_any("an").len();
        assert!(
            told == here && (here == 1 || taken.is_err() && here == 0),
            "step {step}: {told} {here}"
        );
    });
}

#[test]
fn who_waits_is_told_after_four_hours_over_a_stop_too() {
    for stopped in [false, true] {
        let why = "4.2.0 mx.noi.vn said to RCPT TO: 451 later";
        let later = || Some(peer(Outcome::Deferred(why.into())) as Arc<dyn Transport>);
        let mut world = World::with(later());
        let origin = world.submitted("an");
        let sent = envelope("an@tinh.gov.vn", &["x@noi.vn"]);
        world.delivery.accept(sent, LETTER, &origin).unwrap();
        for wait_m in [0, 15, 30, 60, 120] {
            world.pass(wait_m * 60);
            world.dispatch();
        }
        // The next try is in three hours.
        drop(origin);
        if stopped {
            world = world.restart(later());
        }
        world.pass(15 * 60 - 1);
        world.dispatch();
        assert_eq!(world.inbox("an").len(), 0, "stopped: {stopped}");
        world.pass(1);
        world.dispatch();
        assert_eq!(world.inbox("an").len(), 1, "stopped: {stopped}");
        world.pass(3600);
        world.dispatch();
        assert_eq!(world.inbox("an").len(), 1, "once");
    }
}
