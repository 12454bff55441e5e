//! What goes on in a province until a fault ends it: some submit, one dispatches and lets time pass, some relay, an
//! administrator intervenes.

use super::ledger::{Event, Ledger};
use super::letter::{From, Letter};
use super::peer;
use super::province::{Province, address, envelope, remote};
use crate::fault::Chance;
use delivery::{Act, Detour, Item, Outcome, Refused, ReversePath, Security};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use storage::Error;

/// Who submit, and who relay.
const SUBMITTERS: u32 = 2;
const RELAYERS: u32 = 2;
/// Between two looks of somebody who has nothing to do.
const PAUSE: Duration = Duration::from_millis(1);
/// Pauses between two letters of one who submits, at most.
const PAUSES: u64 = 30;
/// Pauses of a peer before he answers, at most.
const PEER_PAUSES: u64 = 3;
/// Job numbers of one opening.
const JOBS: u64 = 1_000_000;
/// Items of the queue among which an administrator chooses.
const LOOKED_AT: usize = 200;

/// Something that the judge must find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// An item of the queue is gone.
    Dropped,
    /// That a try ended is told to be written down, and is not.
    Unwritten,
    /// Letters that wait are told to be held, and are not.
    Unheld,
    /// What was done with is queued once more.
    Again,
}

/// See the module.
pub struct Life<'a> {
    pub province: &'a Province,
    pub ledger: &'a Ledger,
    pub seed: u64,
    /// The nth opening of the store.
    pub opening: u64,
    pub lie: Option<Lie>,
    next: AtomicU64,
    jobs: AtomicU64,
    over: AtomicBool,
}

/// By the system an act is refused by the storage alone.
fn of_storage(error: directory::Error) -> Error {
    match error {
        directory::Error::Storage(error) => error,
        other => Error::Unavailable(other.to_string().into()),
    }
}

impl<'a> Life<'a> {
    pub fn new(province: &'a Province, ledger: &'a Ledger, seed: u64, opening: u64) -> Self {
        Self {
            province,
            ledger,
            seed,
            opening,
            lie: None,
            next: AtomicU64::new(ledger.next_letter()),
            jobs: AtomicU64::new(opening * JOBS),
            over: AtomicBool::new(false),
        }
    }

    /// Until something fails, or so many letters were submitted and so many rounds dispatched.
    pub fn live(&self, letters: u64, rounds: u64) {
        let until = self.next.load(Ordering::SeqCst).saturating_add(letters);
        std::thread::scope(|scope| {
            let mut lanes = Vec::new();
            for lane in 0..SUBMITTERS {
                lanes.push(scope.spawn(move || self.submit(lane, until)));
            }
            let lane = SUBMITTERS;
            lanes.push(scope.spawn(move || self.dispatch(lane, rounds)));
            for n in 0..RELAYERS {
                scope.spawn(move || self.relay(lane + 1 + n));
            }
            scope.spawn(move || self.administer(lane + 1 + RELAYERS));
            lanes.into_iter().for_each(|lane| lane.join().unwrap());
            self.over.store(true, Ordering::SeqCst);
        });
    }

    fn step(&self, lane: u32, what: &str) {
        self.ledger.note(Event::Step(lane, what.to_owned()));
    }

    fn done(&self, lane: u32) {
        self.ledger.note(Event::Done(lane));
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst) || !self.province.store.writable()
    }

    fn submit(&self, lane: u32, until: u64) {
        let mut chance = Chance::of(&[self.seed, self.opening, 10 + u64::from(lane)]);
        while !self.is_over() {
            let number = self.next.fetch_add(1, Ordering::SeqCst);
            if number >= until || !self.submit_one(lane, &Letter::new(number)) {
                return;
            }
            (0..chance.below(PAUSES)).for_each(|_| pause());
        }
    }

    /// False: it was not taken, for now.
    pub fn submit_one(&self, lane: u32, letter: &Letter) -> bool {
        let (path, origin) = match &letter.from {
            From::Inside(name) => {
                let own = address(&super::letter::local(name));
                (ReversePath::Address(own), self.province.submitted(name))
            }
            From::Outside(from) => (ReversePath::Address(address(from)), remote()),
            From::Null => (ReversePath::Null, remote()),
        };
        let mut sent = envelope(path, &letter.to, letter.notify);
        sent.release_at = letter.later_s.map(|later| self.province.now() + later);
        self.ledger.note(Event::Begun(letter.number));
        let kind = ["accept", "accept for later"][usize::from(letter.later_s.is_some())];
        self.step(lane, kind);
        let taken = self
            .province
            .delivery
            .accept(sent, &letter.content(), &origin);
        let number = letter.number;
        match &taken {
            Ok(receipt) => self
                .ledger
                .note(Event::Acked(number, receipt.trace.clone())),
            Err(why) => self.ledger.note(Event::Refused(number, format!("{why:?}"))),
        }
        let failed = matches!(taken, Err(Refused::Temporary(_) | Refused::Failed(_)));
        if !failed {
            self.done(lane);
        }
        !failed
    }

    fn dispatch(&self, lane: u32, rounds: u64) {
        let mut chance = Chance::of(&[self.seed, self.opening, 2]);
        for _ in 0..rounds {
            if self.is_over() || self.dispatch_one(lane).is_err() {
                return;
            }
            let seconds = match chance.below(24) {
                0..=11 => 0,
                12..=17 => 60,
                18..=21 => 1200,
                22 => 3600 + chance.below(4 * 3600) as i64,
                _ => chance.below(30) as i64 * 3600,
            };
            if seconds > 0 {
                self.province.pass(seconds, self.ledger);
            }
            pause();
        }
    }

    pub fn dispatch_one(&self, lane: u32) -> Result<Option<i64>, Error> {
        self.step(lane, "dispatch");
        let next = self.province.delivery.dispatch(self.province.now())?;
        self.done(lane);
        Ok(next)
    }

    fn relay(&self, lane: u32) {
        while !self.is_over() {
            match self.relay_one(lane, PEER_PAUSES) {
                Ok(true) => {}
                Ok(false) => pause(),
                Err(_) => return,
            }
        }
    }

    /// False: nothing may go now. `pauses`: of the peer before he answers, and of ours after that.
    pub fn relay_one(&self, lane: u32, pauses: u64) -> Result<bool, Error> {
        let now = self.province.now();
        self.step(lane, "lease");
        let delivery = &self.province.delivery;
        let Some(job) = delivery.lease(now)? else {
            self.done(lane);
            return Ok(false);
        };
        self.step(lane, "try");
        let number = self.jobs.fetch_add(1, Ordering::SeqCst);
        let slow = || (0..number % (pauses + 1)).for_each(|_| pause());
        slow();
        let tried = peer::relay(self.ledger, lane, number, &job, now);
        slow();
        let takes = tried
            .outcomes
            .iter()
            .any(|how| matches!(how, Outcome::Relayed(_)));
        let before = self.province.store.queue().item(job.id);
        self.step(lane, "settle");
        if takes && self.lie == Some(Lie::Unwritten) {
            self.ledger.note(Event::Settled(number));
            return Ok(true);
        }
        delivery.settle(&job, tried, now)?;
        self.ledger.note(Event::Settled(number));
        if let (true, Some(Lie::Again), Ok(item)) = (takes, self.lie, before) {
            self.province
                .store
                .queue()
                .put(now, item.blob, item.payload)?;
        }
        self.done(lane);
        Ok(true)
    }

    fn administer(&self, lane: u32) {
        let mut chance = Chance::of(&[self.seed, self.opening, 3]);
        while !self.is_over() {
            let items = self.province.delivery.queue(None, LOOKED_AT);
            let Ok(items) = items else { return };
            let known: Vec<(u64, Item)> = items
                .into_iter()
                .filter_map(|item| Some((number(&item)?, item)))
                .collect();
            if let Some((number, item)) = chance.pick(&known)
                && self.intervene(lane, *number, item, &mut chance).is_err()
            {
                return;
            }
            (0..3 + chance.below(5)).for_each(|_| pause());
        }
    }

    fn intervene(
        &self,
        lane: u32,
        number: u64,
        item: &Item,
        chance: &mut Chance,
    ) -> Result<(), Error> {
        let waits = item.due > self.province.now() && item.waiting.iter().all(|w| w.tries == 0);
        let detour = Detour {
            host: "10.0.0.7".into(),
            port: 2525,
            security: Security::Opportunistic,
        };
        let act = match chance.below(12) {
            0 | 1 | 11 if waits && item.submitter.is_some() => {
                return self.take_back(lane, number, item);
            }
            0..=2 => Act::Hold,
            3..=5 => Act::Release,
            6 | 7 => Act::Retry,
            8 => Act::Reroute(Some(detour)),
            9 => Act::Reroute(None),
            10 => Act::Delete,
            _ => Act::Retry,
        };
        if self.lie == Some(Lie::Dropped) {
            return self.province.store.queue().remove(item.id);
        }
        let name = match &act {
            Act::Reroute(None) => "route".to_owned(),
            act => act.name().trim_start_matches("queue.").to_owned(),
        };
        self.ledger.note(Event::Acting(number, name.clone()));
        self.step(lane, if name == "route" { "reroute" } else { &name });
        match self.province.delivery.act(item.id, &act, None) {
            Ok(did) => self.ledger.note(Event::Acted(number, name, did)),
            Err(directory::Error::Storage(Error::Conflict | Error::NotFound)) => {
                self.ledger.note(Event::Acted(number, name, false));
            }
            Err(error) => return Err(of_storage(error)),
        }
        self.done(lane);
        Ok(())
    }

    fn take_back(&self, lane: u32, number: u64, item: &Item) -> Result<(), Error> {
        let Some(account) = item.submitter else {
            return Ok(());
        };
        self.ledger.note(Event::Acting(number, "take back".into()));
        self.step(lane, "take back");
        let did = self.province.delivery.take_back(account, item.id)?;
        self.ledger
            .note(Event::Acted(number, "take back".into(), did));
        self.done(lane);
        Ok(())
    }

    /// Without faults, until nothing waits any more: what is held is released.
    pub fn drain(&self) -> Result<(), Error> {
        let delivery = &self.province.delivery;
        // Five days of tries, after whatever it was that it waited for.
        for _ in 0..24 * 14 {
            for item in delivery.queue(None, 1_000)? {
                if let (Some(_), Some(number)) = (item.held, number(&item)) {
                    self.ledger.note(Event::Acting(number, "release".into()));
                    let released = delivery.act(item.id, &Act::Release, None);
                    released.map_err(of_storage)?;
                }
            }
            self.dispatch_one(0)?;
            while self.relay_one(0, 0)? {}
            if self.province.store.queue().count() == 0 {
                return Ok(());
            }
            self.province.pass(3600, self.ledger);
        }
        Ok(())
    }
}

/// The letter that an item is.
pub fn number(item: &Item) -> Option<u64> {
    let id = item.message_id.as_deref()?;
    let inside = id
        .trim()
        .strip_prefix("<k")?
        .strip_suffix("@queue.example>")?;
    inside.parse().ok()
}

#[allow(
    clippy::disallowed_methods,
    reason = "somebody who has nothing to do waits"
)]
fn pause() {
    std::thread::sleep(PAUSE);
}
