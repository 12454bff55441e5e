//! Message memory: how much of the messages that are coming in may be held, and by whom (I-13).
//!
//! Strangers get three quarters of it, one address of theirs a quarter (two messages of the largest size at least), so
//! that who sends slowly, or without end, keeps neither people who signed in nor other servers from sending. Beside
//! others an address gets no more than is left then: however many hold what they can, there is room for one more.

use directory::lockout::Network;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Octets counted as one permit.
const UNIT: u64 = 1024;

/// What all sessions share; cheap to clone.
#[derive(Clone)]
pub(crate) struct Memory {
    all: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    /// Units that each network of strangers holds.
    held: Arc<Mutex<HashMap<Network, usize>>>,
    address_max: usize,
}

impl Memory {
    /// Of so many octets, for messages of at most `message_max` octets.
    pub(crate) fn new(octets: u64, message_max: u64) -> Self {
        let units = |octets: u64| (octets / UNIT).min(Semaphore::MAX_PERMITS as u64) as usize;
        let all = units(octets);
        Self {
            all: Arc::new(Semaphore::new(all)),
            strangers: Arc::new(Semaphore::new(all - all / 4)),
            held: Arc::default(),
            address_max: (all / 4).max(units(message_max.saturating_mul(2))),
        }
    }

    /// Takes more units for an address, which are out of the strangers' already; they are given back by [`Room`].
    fn take(&self, address: Network, more: usize) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let now = held.get(&address).copied().unwrap_or(0);
        let alone = held.keys().all(|other| *other == address);
        let fits = now + more <= self.address_max
            && (alone || now + more <= self.strangers.available_permits());
        if fits {
            held.insert(address, now + more);
        }
        fits
    }

    fn give(&self, address: Network, units: usize) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match held.get_mut(&address) {
            Some(now) if *now > units => *now -= units,
            _ => {
                held.remove(&address);
            }
        }
    }
}

/// What one session holds.
pub(crate) struct Room {
    memory: Memory,
    address: Network,
    /// Units of its address, where it began as a stranger's.
    own: usize,
    all: Option<OwnedSemaphorePermit>,
    strangers: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// Nothing yet, for a session with this peer.
    pub(crate) fn new(memory: &Memory, peer: IpAddr) -> Self {
        Self {
            memory: memory.clone(),
            address: Network::of(peer),
            own: 0,
            all: None,
            strangers: None,
        }
    }

    /// Grows to so many octets; false: there is no room for them. `known`: the peer signed in, or is one that is
    /// trusted.
    pub(crate) fn grow(&mut self, octets: u64, known: bool) -> bool {
        let wanted = usize::try_from(octets.div_ceil(UNIT)).unwrap_or(usize::MAX);
        let held = self
            .all
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let more = wanted.saturating_sub(held);
        let Ok(permits) = u32::try_from(more) else {
            return false;
        };
        let strange = if known {
            None
        } else {
            let Ok(permit) = self
                .memory
                .strangers
                .clone()
                .try_acquire_many_owned(permits)
            else {
                return false;
            };
            Some(permit)
        };
        let Ok(all) = self.memory.all.clone().try_acquire_many_owned(permits) else {
            return false;
        };
        if let Some(strange) = strange {
            if !self.memory.take(self.address, more) {
                return false;
            }
            self.own += more;
            merge(&mut self.strangers, strange);
        }
        merge(&mut self.all, all);
        true
    }

    /// Lets all of it go.
    pub(crate) fn clear(&mut self) {
        if self.own > 0 {
            self.memory.give(self.address, self.own);
        }
        (self.own, self.all, self.strangers) = (0, None, None);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.clear();
    }
}

fn merge(held: &mut Option<OwnedSemaphorePermit>, more: OwnedSemaphorePermit) {
    match held {
        Some(held) => held.merge(more),
        None => *held = Some(more),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn i13_neither_one_address_nor_all_strangers_take_the_whole() {
        let memory = Memory::new(400 * UNIT, 10 * UNIT);
        let mut one = Room::new(&memory, ip("192.0.2.1"));
        assert!(one.grow(99 * UNIT, false) && one.grow(100 * UNIT, false));
        assert!(!Room::new(&memory, ip("::ffff:192.0.2.1")).grow(UNIT, false));
        let mut others: Vec<Room> = Vec::new();
        // Each that takes all that it gets leaves as much for others.
        for (n, gets) in [(2, 100), (3, 50), (4, 25), (5, 12), (6, 6)] {
            let mut other = Room::new(&memory, ip(&format!("192.0.2.{n}")));
            assert!(!other.grow((gets + 1) * UNIT, false), "{n}");
            assert!(other.grow(gets * UNIT, false), "{n}");
            others.push(other);
        }
        let mut last = Room::new(&memory, ip("2001:db8::1"));
        assert!(last.grow(3 * UNIT, false) && !last.grow(50 * UNIT, false));
        last.clear();
        // Who signed in has the rest, whatever his address holds.
        let mut known = Room::new(&memory, ip("192.0.2.1"));
        assert!(known.grow(107 * UNIT, true) && !known.grow(108 * UNIT, true));
        drop(others);
        assert!(last.grow(50 * UNIT, false));
        assert!(!Room::new(&memory, ip("2001:db8::ffff:2")).grow(51 * UNIT, false));
        assert!(Room::new(&memory, ip("2001:db8:0:1::1")).grow(51 * UNIT, false));
        one.clear();
        assert!(memory.held.lock().unwrap().len() == 1);
        drop((one, last, known));
        assert!(memory.held.lock().unwrap().is_empty());
        assert_eq!(memory.all.available_permits(), 400);
        assert_eq!(memory.strangers.available_permits(), 300);
    }

    #[test]
    fn two_of_the_largest_messages_fit_for_everybody() {
        let memory = Memory::new(40 * UNIT, 10 * UNIT);
        let mut one = Room::new(&memory, ip("192.0.2.1"));
        assert!(one.grow(20 * UNIT, false) && !one.grow(21 * UNIT, false));
    }
}
