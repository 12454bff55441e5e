//! Which part of which message is tried next. In memory, without clock, store or socket: what it forgets at a
//! restart the spool knows.
//!
//! A part is what one message has for one next hop. Each hop has a lane of parts that may go now; a lane in
//! trouble rests, then sends one part to see, and only when a peer answers again the others follow.
//!
//! A peer that ends the connection in the middle of a message, or instead of answering the whole of it, may dislike that
//! one alone (a filter that does not say no). That part waits for its own next try, and its lane goes on with others, one at a
//! time: those that were not tried yet from both ends in turn, so that neither many bad ones before a good one nor many
//! behind it keep it waiting. Only [`DROPS_MAX`] in a row let the lane rest.
//!
//! RFC 6710 §5.1: what is more urgent goes first, and nothing waits for ever. In a lane a step of priority counts as
//! [`STEP_S`] of waiting. Between lanes each lease moves its lane back, the farther the less urgent it was, so that a
//! lane of urgent mail has its turn twice as often for each step, and every lane has its turn.
//!
//! A hop that has not answered yet gets one part at a time, unless that one takes long: a large message over a thin line,
//! or a peer that reads slowly, keeps no other message from trying after [`SLOW_S`].
//!
//! A million parts may wait: what is kept of each is small, and each hop's name is kept once.

mod parts;

use crate::outward::Hop;
use parts::{FIRST_OF_ALL, Id, LEASED, Load, Parts, Since};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use storage::QueueId;

/// Seconds that a lane rests after failures in a row; the last holds for all that follow.
pub const RESTS_S: [i64; 5] = [60, 5 * 60, 15 * 60, 30 * 60, 3600];
/// Messages in a row on which a hop hangs up before it rests.
pub(crate) const DROPS_MAX: usize = 8;
/// Seconds that it rests then: not longer each time, since others of its messages may be good.
pub(crate) const DROPS_REST_S: i64 = 5 * 60;
/// Seconds by which a part that was tried before counts as older in a lane that drops messages: from the other end go
/// those that were not.
const TRIED_S: i64 = 7 * 24 * 3600;
/// Seconds after which a part that is still under way takes no place of others any more: peers that say nothing are
/// waited for five minutes and more.
pub(crate) const SLOW_S: i64 = 10;
/// Parts under way at once, slow ones too, for each that may be begun.
pub(crate) const CROWD: usize = 4;
/// Octets of all messages under way at once; a single larger one goes alone.
pub const OCTETS_MAX: u64 = 256 << 20;

/// Seconds of waiting that a step of priority counts as: bulk (-4) goes at the latest twenty minutes after what
/// came with it and has none.
pub(crate) const STEP_S: i64 = 5 * 60;

/// The priority of what somebody asked for: before all others of its lane.
pub(crate) const FIRST: i8 = i8::MAX;

/// A part's place in its lane: when it came, the urgent as if they had come earlier.
type Place = (Since, Id);

/// Where a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// In its lane.
    Waiting(Since),
    /// Under way, or its outcome is not written down yet.
    Leased,
}

impl Part {
    fn of(since: Since) -> Self {
        match since {
            LEASED => Self::Leased,
            since => Self::Waiting(since),
        }
    }
}

/// Where a lane is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Listed {
    Nowhere,
    /// When its turn comes.
    Ready(u64),
    Resting(i64),
}

#[derive(Debug)]
struct Lane {
    waiting: BTreeMap<Place, Load>,
    running: usize,
    /// When those under way began; of several the oldest is taken for the one that ends.
    begun: VecDeque<i64>,
    /// Whether a peer has answered since the last trouble: until then one part goes, and waits for no other that is slow.
    proven: bool,
    failures: usize,
    /// Messages in a row on which it ended the connection.
    drops: usize,
    /// Unix seconds.
    rests_until: i64,
    /// What the trouble is.
    why: String,
    /// When it had its last turn, in turns: see [`stride`].
    turn: u64,
    listed: Listed,
}

/// By how much a lane is moved back for a part of this priority.
fn stride(priority: i8) -> u64 {
    1 << (9 - i32::from(priority)).clamp(0, 18)
}

impl Lane {
    /// What a try says of the hop.
    fn judge(&mut self, trouble: Option<&str>, now: i64) {
        match trouble {
            None => {
                self.proven = true;
                (self.failures, self.drops) = (0, 0);
                self.rests_until = i64::MIN;
                self.why.clear();
            }
            // Several that were under way fail together: that is one failure.
            Some(why) if self.rests_until <= now => {
                let rest = RESTS_S[self.failures.min(RESTS_S.len() - 1)];
                self.proven = false;
                self.failures += 1;
                self.rests_until = now.saturating_add(rest);
                why.clone_into(&mut self.why);
            }
            Some(_) => {}
        }
    }

    /// It ended the connection in the middle of a message.
    fn dropped(&mut self, why: &str, now: i64) {
        self.proven = false;
        self.drops = self.drops.saturating_add(1);
        if self.drops.is_multiple_of(DROPS_MAX) && self.rests_until <= now {
            self.failures = self.failures.max(1);
            self.rests_until = now.saturating_add(DROPS_REST_S);
            why.clone_into(&mut self.why);
        }
    }

    /// From when on another part may go beside those that are under way; `None`: when one of them ends.
    fn goes_on(&self, now: i64) -> Option<i64> {
        match self.begun.back() {
            Some(_) if self.proven => Some(now),
            None => Some(now),
            Some(_) if self.failures > 0 => None,
            Some(newest) => Some(newest.saturating_add(SLOW_S)),
        }
    }

    /// What goes next: the first; in a lane that drops messages the first and the last in turn, unless somebody asked
    /// for the first.
    fn next(&self) -> Option<(Place, Load)> {
        let first = self.waiting.first_key_value();
        let asked = first.is_some_and(|((since, _), _)| *since == FIRST_OF_ALL);
        let next = match self.drops % 2 {
            1 if !asked => self.waiting.last_key_value(),
            _ => first,
        };
        next.map(|(place, load)| (*place, *load))
    }
}

/// What the next try is. See the module.
#[derive(Debug)]
pub(crate) struct Schedule {
    lanes: BTreeMap<Hop, Lane>,
    ready: BTreeSet<(u64, Hop)>,
    resting: BTreeSet<(i64, Hop)>,
    /// Since when each waits in its lane, or [`LEASED`].
    parts: Parts,
    running: usize,
    /// How many of those under way began when.
    begun: BTreeMap<i64, usize>,
    octets: u64,
    /// The turn that was given last.
    turns: u64,
    jobs_max: usize,
    jobs_per_hop: usize,
}

impl Schedule {
    pub(crate) fn new(jobs_max: usize, jobs_per_hop: usize) -> Self {
        Self {
            lanes: BTreeMap::new(),
            ready: BTreeSet::new(),
            resting: BTreeSet::new(),
            parts: Parts::default(),
            running: 0,
            begun: BTreeMap::new(),
            octets: 0,
            turns: 0,
            jobs_max,
            jobs_per_hop,
        }
    }

    /// A part may go from now on; false when it is known already. `tried`: it was under way before.
    pub(crate) fn offer(
        &mut self,
        id: QueueId,
        hop: &Hop,
        (priority, tried): (i8, bool),
        octets: u64,
        now: i64,
    ) -> bool {
        // Each lane's name is kept once, however many wait in it.
        let hop = match self.lanes.get_key_value(hop) {
            Some((known, _)) => &known.clone(),
            None => hop,
        };
        if self.parts.get(id, hop).is_some() {
            return false;
        }
        let drops = self.lanes.get(hop).is_some_and(|lane| lane.drops > 0);
        let older = if tried && drops { TRIED_S } else { 0 };
        let since = match priority {
            FIRST => FIRST_OF_ALL,
            _ => Since::at(now.saturating_sub(i64::from(priority) * STEP_S + older)),
        };
        self.parts.set(id, hop, since);
        let lane = self.lanes.entry(hop.clone()).or_insert_with(|| Lane {
            waiting: BTreeMap::new(),
            running: 0,
            begun: VecDeque::new(),
            proven: false,
            failures: 0,
            drops: 0,
            rests_until: i64::MIN,
            why: String::new(),
            turn: 0,
            listed: Listed::Nowhere,
        });
        lane.waiting
            .insert((since, id.into()), Load::new(octets, priority));
        self.list(hop, now);
        true
    }

    /// Where a part stands; `None`: it is not here.
    pub(crate) fn part(&self, id: QueueId, hop: &Hop) -> Option<Part> {
        self.parts.get(id, hop).map(Part::of)
    }

    fn hops(&self, id: QueueId) -> impl Iterator<Item = (Hop, Part)> + use<> {
        let own = self.parts.of(id).into_iter();
        own.map(|(hop, since)| (hop, Part::of(since)))
    }

    /// Whether any part of the message is under way.
    pub(crate) fn under_way(&self, id: QueueId) -> bool {
        self.hops(id).any(|(_, part)| part == Part::Leased)
    }

    /// The hops of those parts that are under way.
    pub(crate) fn leased(&self, id: QueueId) -> Vec<Hop> {
        let leased = self.hops(id).filter(|(_, part)| *part == Part::Leased);
        leased.map(|(hop, _)| hop).collect()
    }

    /// Takes the parts of a message that wait out of their lanes.
    pub(crate) fn withdraw(&mut self, id: QueueId, now: i64) {
        for (hop, part) in self.hops(id) {
            let Part::Waiting(since) = part else {
                continue;
            };
            if let Some(lane) = self.lanes.get_mut(&hop) {
                lane.waiting.remove(&(since, id.into()));
            }
            self.parts.remove(id, &hop);
            self.list(&hop, now);
        }
    }

    /// The next part to try, with its octets. [`Schedule::ended`] must follow, then [`Schedule::done`].
    pub(crate) fn lease(&mut self, now: i64) -> Option<(QueueId, Hop, u64)> {
        self.wake(now);
        let slow = now.saturating_sub(SLOW_S);
        let quick: usize = self.begun.range(slow + 1..).map(|(_, count)| count).sum();
        if quick >= self.jobs_max || self.running >= self.jobs_max.saturating_mul(CROWD) {
            return None;
        }
        let (turn, hop) = self.ready.first()?.clone();
        let lane = self.lanes.get_mut(&hop)?;
        let (place, load) = lane.next()?;
        let (id, octets) = (place.1.queue(), load.octets());
        if self.running > 0 && self.octets.saturating_add(octets) > OCTETS_MAX {
            return None;
        }
        lane.waiting.remove(&place);
        lane.running += 1;
        lane.begun.push_back(now);
        *self.begun.entry(now).or_default() += 1;
        (self.turns, lane.turn) = (turn, turn);
        self.running += 1;
        self.octets += octets;
        self.parts.set(id, &hop, LEASED);
        self.list(&hop, now);
        Some((id, hop, octets))
    }

    /// A leased part's try ended; `trouble`: the hop takes nothing from anybody now.
    pub(crate) fn ended(&mut self, hop: &Hop, octets: u64, trouble: Option<&str>, now: i64) {
        if let Some(lane) = self.lanes.get_mut(hop) {
            lane.judge(trouble, now);
        }
        self.returned(hop, octets, now);
    }

    /// A leased part's try ended: the hop ended the connection in the middle of it.
    pub(crate) fn dropped(&mut self, hop: &Hop, octets: u64, why: &str, now: i64) {
        if let Some(lane) = self.lanes.get_mut(hop) {
            lane.dropped(why, now);
        }
        self.returned(hop, octets, now);
    }

    /// A leased part came to no try.
    pub(crate) fn returned(&mut self, hop: &Hop, octets: u64, now: i64) {
        self.running = self.running.saturating_sub(1);
        self.octets = self.octets.saturating_sub(octets);
        if let Some(lane) = self.lanes.get_mut(hop) {
            lane.running = lane.running.saturating_sub(1);
            if let Some(at) = lane.begun.pop_front()
                && let Some(count) = self.begun.get_mut(&at)
            {
                *count -= 1;
                if *count == 0 {
                    self.begun.remove(&at);
                }
            }
        }
        self.list(hop, now);
    }

    /// The outcome of a part could not be written down: it must not go again.
    pub(crate) fn keep(&mut self, id: QueueId, hop: &Hop) {
        self.parts.set(id, hop, LEASED);
    }

    /// The outcome of a leased part is written down: it may be offered again.
    pub(crate) fn done(&mut self, id: QueueId, hop: &Hop) {
        self.parts.remove(id, hop);
    }

    /// Somebody knows better: the lane may go on at once.
    pub(crate) fn resume(&mut self, hop: &Hop, now: i64) {
        if let Some(lane) = self.lanes.get_mut(hop) {
            lane.rests_until = i64::MIN;
            self.list(hop, now);
        }
    }

    /// What keeps a hop from taking mail, and until when it is left alone.
    pub(crate) fn trouble(&self, hop: &Hop) -> Option<(&str, i64)> {
        let lane = self.lanes.get(hop)?;
        (lane.failures > 0).then_some((lane.why.as_str(), lane.rests_until))
    }

    /// When the next lane has rested; `None`: none rests.
    pub(crate) fn wakes_at(&self) -> Option<i64> {
        self.resting.first().map(|(until, _)| *until)
    }

    /// Lanes that have rested go on; those with nothing to send are forgotten.
    fn wake(&mut self, now: i64) {
        while let Some((until, hop)) = self.resting.first().cloned() {
            if until > now {
                return;
            }
            self.list(&hop, now);
        }
    }

    /// Lists a lane where it belongs now.
    fn list(&mut self, hop: &Hop, now: i64) {
        let Some(lane) = self.lanes.get_mut(hop) else {
            return;
        };
        match lane.listed {
            // Who had nothing to send, or could not, saves no turns up.
            Listed::Nowhere => lane.turn = lane.turn.max(self.turns),
            Listed::Ready(turn) => {
                self.ready.remove(&(turn, hop.clone()));
            }
            Listed::Resting(until) => {
                lane.turn = lane.turn.max(self.turns);
                self.resting.remove(&(until, hop.clone()));
            }
        }
        lane.listed = match (lane.waiting.first_key_value(), lane.goes_on(now)) {
            _ if lane.rests_until > now => Listed::Resting(lane.rests_until),
            (Some((_, load)), Some(at)) if lane.running < self.jobs_per_hop => match at <= now {
                true => Listed::Ready(lane.turn.saturating_add(stride(load.priority()))),
                false => Listed::Resting(at),
            },
            _ => Listed::Nowhere,
        };
        match lane.listed {
            Listed::Nowhere if lane.running == 0 => {
                self.lanes.remove(hop);
            }
            Listed::Nowhere => {}
            Listed::Ready(turn) => {
                self.ready.insert((turn, hop.clone()));
            }
            Listed::Resting(until) => {
                self.resting.insert((until, hop.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests;
