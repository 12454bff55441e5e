//! The schedule against a plain model, and its rules one by one.

use super::*;
use crate::outward::Via;
use formats::address::DomainName;
use proptest::prelude::*;

const JOBS: usize = 6;
const PER_HOP: usize = 3;

fn hop(n: u8) -> Hop {
    Via::Mx(DomainName::parse(&format!("d{n}.vn")).unwrap()).hop()
}

fn id(n: u64) -> QueueId {
    QueueId::new(n).unwrap()
}

#[derive(Debug, Clone)]
enum Act {
    Offer(u64, u8, i8),
    Lease,
    /// Which of those under way ends, and whether in trouble.
    End(usize, bool),
    /// Which of those under way is taken whole and not answered.
    Drop(usize),
    Withdraw(u64),
    Resume(u8),
    Wait(i64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (1..30u64, 0..5u8, -1..2i8).prop_map(|(i, h, p)| Act::Offer(i, h, p)),
        8 => Just(Act::Lease),
        6 => (0..JOBS, any::<bool>()).prop_map(|(n, t)| Act::End(n, t)),
        2 => (0..JOBS).prop_map(Act::Drop),
        1 => (1..30u64).prop_map(Act::Withdraw),
        1 => (0..5u8).prop_map(Act::Resume),
        2 => (1..4000i64).prop_map(Act::Wait),
    ];
    proptest::collection::vec(act, 1..200)
}

/// What must hold of a lease, from what was offered and what is under way.
#[derive(Default)]
struct Model {
    waiting: BTreeSet<(u64, u8)>,
    running: Vec<(u64, u8)>,
    now: i64,
}

impl Model {
    fn act(&mut self, schedule: &mut Schedule, act: &Act) {
        match *act {
            Act::Offer(i, h, priority) => {
                let fresh = !self.waiting.contains(&(i, h)) && !self.running.contains(&(i, h));
                let urgency = (priority, i % 2 == 0);
                let taken = schedule.offer(id(i), &hop(h), urgency, 1024, self.now);
                assert_eq!(taken, fresh);
                self.waiting.insert((i, h));
                if !fresh && self.running.contains(&(i, h)) {
                    self.waiting.remove(&(i, h));
                }
            }
            Act::Lease => self.lease(schedule),
            Act::End(n, trouble) => {
                if n < self.running.len() {
                    let (i, h) = self.running.swap_remove(n);
                    schedule.ended(&hop(h), 1024, trouble.then_some("down"), self.now);
                    schedule.done(id(i), &hop(h));
                }
            }
            Act::Drop(n) => {
                if n < self.running.len() {
                    let (i, h) = self.running.swap_remove(n);
                    schedule.dropped(&hop(h), 1024, "closed", self.now);
                    schedule.done(id(i), &hop(h));
                }
            }
            Act::Withdraw(i) => {
                schedule.withdraw(id(i), self.now);
                self.waiting.retain(|(of, _)| *of != i);
            }
            Act::Resume(h) => schedule.resume(&hop(h), self.now),
            Act::Wait(s) => self.now += s,
        }
    }

    fn lease(&mut self, schedule: &mut Schedule) {
        let Some((of, to, octets)) = schedule.lease(self.now) else {
            return self.nothing_may_go(schedule);
        };
        assert_eq!(octets, 1024);
        let h = (0..5).find(|h| hop(*h) == to).unwrap();
        assert!(self.waiting.remove(&(of.raw(), h)), "leased once");
        self.running.push((of.raw(), h));
        assert!(self.running.len() <= JOBS * CROWD);
        let same = self.running.iter().filter(|(_, at)| *at == h).count();
        assert!(same <= PER_HOP, "per hop");
        if let Some((_, until)) = schedule.trouble(&to) {
            assert!(until <= self.now, "a lane that rests is left alone");
            assert_eq!(same, 1, "one goes to see");
        }
    }

    /// Nothing was leased: everything that waits has a reason.
    fn nothing_may_go(&self, schedule: &Schedule) {
        if self.running.len() >= JOBS {
            return;
        }
        for (_, h) in &self.waiting {
            let same = self.running.iter().filter(|(_, at)| at == h).count();
            let rests = schedule
                .trouble(&hop(*h))
                .is_some_and(|(_, until)| until > self.now);
            assert!(same >= 1 || rests, "hop {h} waits for nothing");
        }
    }
}

proptest! {
    #[test]
    fn the_schedule_keeps_its_rules(acts in acts()) {
        let mut schedule = Schedule::new(JOBS, PER_HOP);
        let mut model = Model::default();
        for act in &acts {
            model.act(&mut schedule, act);
        }
        // All that waits goes in the end, and nothing is left behind.
        for _ in 0..1_000 {
            while let Some(()) = (!model.running.is_empty()).then_some(()) {
                model.act(&mut schedule, &Act::End(0, false));
            }
            if model.waiting.is_empty() {
                break;
            }
            model.now += RESTS_S[RESTS_S.len() - 1];
            model.lease(&mut schedule);
        }
        prop_assert!(model.waiting.is_empty());
        model.now += 4_000;
        prop_assert!(schedule.lease(model.now).is_none());
        prop_assert!(schedule.lanes.is_empty() && schedule.parts.is_empty());
        prop_assert!(schedule.ready.is_empty() && schedule.resting.is_empty());
        prop_assert_eq!((schedule.running, schedule.octets), (0, 0));
    }
}

#[test]
fn a_dead_hop_is_asked_seldom_and_stops_nobody() {
    let mut schedule = Schedule::new(100, 10);
    for n in 1..=50 {
        schedule.offer(id(n), &hop(0), (0, false), 1, 0);
    }
    schedule.offer(id(99), &hop(1), (0, false), 1, 0);
    let (mut now, mut asked) = (0, Vec::new());
    let mut other = 0;
    while now < 4 * 3600 {
        while let Some((of, to, octets)) = schedule.lease(now) {
            if to == hop(0) {
                asked.push(now);
                schedule.ended(&to, octets, Some("nobody answers"), now);
            } else {
                other += 1;
                schedule.ended(&to, octets, None, now);
            }
            schedule.done(of, &to);
        }
        now = schedule.wakes_at().unwrap_or(i64::MAX);
    }
    assert_eq!(other, 1);
    assert_eq!(asked[..6], [0, 60, 360, 1260, 3060, 6660]);
    assert!(asked.len() < 10, "{asked:?}");
    // It answers again: all go, ten at a time.
    let (of, to, octets) = schedule.lease(now).unwrap();
    assert!(schedule.lease(now).is_none());
    schedule.ended(&to, octets, None, now);
    schedule.done(of, &to);
    let together = std::iter::from_fn(|| schedule.lease(now)).count();
    assert_eq!(together, 10);
}

/// What a hop drops, and when each good one among it went.
fn dropped(good: &[u64], bad: std::ops::RangeInclusive<u64>, until: i64) -> (Vec<i64>, usize) {
    let mut schedule = Schedule::new(100, 10);
    for n in bad {
        schedule.offer(id(n), &hop(0), (0, false), 1, 0);
    }
    schedule.offer(id(999), &hop(1), (0, false), 1, 0);
    let (mut went, mut tries, mut now) = (Vec::new(), 0, 0);
    let mut again = BTreeMap::new();
    while now < until {
        while let Some((of, to, octets)) = schedule.lease(now) {
            if to == hop(1) || good.contains(&of.raw()) {
                went.extend((to == hop(0)).then_some(now));
                schedule.ended(&to, octets, None, now);
            } else {
                tries += 1;
                schedule.dropped(&to, octets, "closed", now);
                again.insert((now + 900, of.raw()), of);
            }
            schedule.done(of, &to);
        }
        now = schedule.wakes_at().unwrap_or(i64::MAX);
        if let Some(((at, _), _)) = again.first_key_value() {
            now = now.min(*at);
        }
        while let Some(entry) = again.first_entry().filter(|entry| entry.key().0 <= now) {
            schedule.offer(entry.remove(), &hop(0), (0, true), 1, now);
        }
    }
    (went, tries)
}

#[test]
fn messages_that_a_hop_drops_keep_no_good_one_waiting() {
    // A few bad ones before a good one: it goes at once.
    assert_eq!(dropped(&[5], 1..=5, 60).0, [0]);
    // Many before it or behind it: at once, too, or after a rest or two; and the hop is not flooded meanwhile.
    assert_eq!(dropped(&[200], 1..=200, 600).0, [0]);
    assert_eq!(dropped(&[1], 1..=200, 600).0, [0]);
    let (went, tries) = dropped(&[6], 1..=200, 3600);
    assert_eq!(went, [DROPS_REST_S]);
    let rests = 3600 / DROPS_REST_S as usize;
    assert!(tries <= (rests + 1) * 2 * DROPS_MAX, "{tries}");
    // What was tried and comes again stands at the other end.
    let mut schedule = Schedule::new(100, 10);
    schedule.offer(id(1), &hop(0), (0, false), 1, 0);
    schedule.offer(id(2), &hop(0), (0, false), 1, 0);
    let (first, to, octets) = schedule.lease(0).unwrap();
    schedule.dropped(&to, octets, "closed", 0);
    schedule.done(first, &to);
    schedule.offer(first, &to, (0, true), 1, 20);
    assert_eq!(schedule.lease(20).map(|(of, _, _)| of), Some(id(2)));
}

#[test]
fn a_slow_message_holds_up_no_other_of_its_hop() {
    let mut schedule = Schedule::new(100, 3);
    let to = hop(0);
    for n in 1..=9 {
        schedule.offer(id(n), &to, (0, false), 1, 0);
    }
    let together =
        |schedule: &mut Schedule, now| std::iter::from_fn(|| schedule.lease(now)).count();
    assert_eq!(together(&mut schedule, 0), 1);
    assert_eq!(together(&mut schedule, SLOW_S - 1), 0);
    assert_eq!(schedule.wakes_at(), Some(SLOW_S));
    assert_eq!(together(&mut schedule, SLOW_S), 1);
    // That one was answered: the hop has as many as it may, the slow one counted.
    schedule.ended(&to, 1, None, SLOW_S + 1);
    assert_eq!(together(&mut schedule, SLOW_S + 1), 2);
    assert_eq!(together(&mut schedule, 9 * SLOW_S), 0);
    // Where a hop is known to be in trouble one alone goes to see, however long it takes.
    schedule.ended(&to, 1, Some("away"), 9 * SLOW_S);
    let rested = 9 * SLOW_S + RESTS_S[0];
    assert_eq!(together(&mut schedule, rested), 0);
    schedule.returned(&to, 1, rested);
    schedule.returned(&to, 1, rested);
    assert_eq!(together(&mut schedule, rested), 1);
    assert_eq!(together(&mut schedule, rested + 9 * SLOW_S), 0);
}

#[test]
fn hops_that_say_nothing_take_no_place_for_long() {
    let mut schedule = Schedule::new(2, 2);
    for n in 1..=12 {
        schedule.offer(id(n), &hop(n as u8), (0, false), 1, 0);
    }
    let together =
        |schedule: &mut Schedule, now| std::iter::from_fn(|| schedule.lease(now)).count();
    assert_eq!(together(&mut schedule, 0), 2);
    assert_eq!(together(&mut schedule, SLOW_S - 1), 0);
    // The first two are slow by now, and so on until there are too many altogether.
    assert_eq!(together(&mut schedule, SLOW_S), 2);
    assert_eq!(together(&mut schedule, 2 * SLOW_S), 2);
    assert_eq!(together(&mut schedule, 3 * SLOW_S), 2);
    assert_eq!(together(&mut schedule, 4 * SLOW_S), 0);
    for n in 1..=2 {
        schedule.ended(&hop(n), 1, None, 4 * SLOW_S);
        schedule.done(id(n.into()), &hop(n));
    }
    assert_eq!(together(&mut schedule, 4 * SLOW_S), 2);
}

#[test]
fn the_urgent_first_then_hops_in_turn() {
    let mut schedule = Schedule::new(100, 10);
    for n in 1..=3 {
        schedule.offer(id(n), &hop(0), (0, false), 1, 0);
    }
    schedule.offer(id(4), &hop(0), (4, false), 1, 9);
    schedule.offer(id(5), &hop(1), (0, false), 1, 9);
    schedule.offer(id(6), &hop(2), (-4, false), 1, 0);
    let mut order = Vec::new();
    while let Some((of, to, octets)) = schedule.lease(10) {
        order.push(of.raw());
        schedule.ended(&to, octets, None, 10);
        schedule.done(of, &to);
    }
    assert_eq!(order[..3], [4, 5, 1]);
    assert_eq!(order.last(), Some(&6));
}

#[test]
fn memory_is_bounded_but_one_always_goes() {
    let mut schedule = Schedule::new(100, 10);
    schedule.offer(id(1), &hop(0), (0, false), OCTETS_MAX + 1024, 0);
    schedule.offer(id(2), &hop(1), (0, false), 1, 1);
    let (_, to, octets) = schedule.lease(1).unwrap();
    assert_eq!(octets, OCTETS_MAX + 1024);
    assert!(schedule.lease(1).is_none());
    schedule.ended(&to, octets, None, 1);
    assert_eq!(schedule.lease(1).map(|(of, _, _)| of), Some(id(2)));
}

#[test]
fn nothing_waits_for_ever_behind_what_is_more_urgent() {
    // In one lane: urgent letters keep coming, a bulk letter has its turn all the same.
    let mut schedule = Schedule::new(1, 1);
    schedule.offer(id(1), &hop(0), (-9, false), 1, 0);
    let mut now = 0;
    for n in 2..1_000 {
        schedule.offer(id(n), &hop(0), (9, false), 1, now);
        let (of, to, octets) = schedule.lease(now).unwrap();
        schedule.ended(&to, octets, None, now);
        schedule.done(of, &to);
        if of == id(1) {
            break;
        }
        now += 60;
    }
    assert_eq!(now, 18 * STEP_S);
    // Between lanes: each lane of urgent letters has its turn more often, the others theirs.
    let mut schedule = Schedule::new(1, 1);
    let mut given = [0; 3];
    for n in 0..2_100 {
        for (at, priority) in [(0, 4), (1, 0), (2, -4)] {
            schedule.offer(id(10 * n + at + 1), &hop(at as u8), (priority, false), 1, 0);
        }
        let (of, to, octets) = schedule.lease(0).unwrap();
        given[((of.raw() - 1) % 10) as usize] += 1;
        schedule.ended(&to, octets, None, 0);
        schedule.done(of, &to);
    }
    assert!(
        given[0] > 14 * given[1] && given[1] > 14 * given[2],
        "{given:?}"
    );
    assert!(given[2] > 0, "{given:?}");
}
