//! The parts that are known, in as few octets as may be: a million of them lie here and in the lanes. A hop has a
//! number while parts of it are known, an item's number lies in two halves, so that nothing is filled up to eight octets,
//! and times have 32 bits.

use crate::outward::Hop;
use std::collections::BTreeMap;
use storage::QueueId;

/// Seconds by which times are moved: three years before 1970 are times, too.
const BEFORE_S: i64 = 100_000_000;
/// Instead of a place in the lane: it is under way.
pub(super) const LEASED: Since = Since(u32::MAX);
/// Before all others.
pub(super) const FIRST_OF_ALL: Since = Since(0);

/// Since when a part waits, as it is kept; good until 2102.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Since(u32);

impl Since {
    /// Unix seconds.
    pub(super) fn at(at: i64) -> Self {
        let moved = at.saturating_add(BEFORE_S);
        Self(moved.clamp(1, i64::from(u32::MAX) - 1) as u32)
    }
}

/// An item's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(u32, u32);

impl From<QueueId> for Id {
    fn from(id: QueueId) -> Self {
        Self((id.raw() >> 32) as u32, id.raw() as u32)
    }
}

impl Id {
    pub(super) fn queue(self) -> QueueId {
        let raw = u64::from(self.0) << 32 | u64::from(self.1);
        // It was one before.
        QueueId::new(raw).unwrap_or(QueueId::FIRST)
    }
}

/// What the lane keeps of a part that waits: of the message's size full KiB, and its priority.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load(u32);

impl Load {
    /// The most octets that are told apart: 16 GiB.
    const KIB_MAX: u64 = (1 << 24) - 1;

    pub(super) fn new(octets: u64, priority: i8) -> Self {
        let kib = octets.div_ceil(1024).min(Self::KIB_MAX) as u32;
        Self(kib << 8 | u32::from(priority as u8))
    }

    pub(super) fn octets(self) -> u64 {
        u64::from(self.0 >> 8) * 1024
    }

    pub(super) fn priority(self) -> i8 {
        self.0 as u8 as i8
    }
}

/// A hop of whose parts some are known.
#[derive(Debug)]
struct Known {
    hop: Hop,
    parts: u32,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Parts {
    numbers: BTreeMap<Hop, u32>,
    hops: Vec<Option<Known>>,
    /// Numbers that no hop has now.
    free: Vec<u32>,
    since: BTreeMap<(Id, u32), Since>,
}

impl Parts {
    pub(super) fn get(&self, id: QueueId, hop: &Hop) -> Option<Since> {
        let number = self.numbers.get(hop)?;
        self.since.get(&(id.into(), *number)).copied()
    }

    /// Where a part stands from now on.
    pub(super) fn set(&mut self, id: QueueId, hop: &Hop, since: Since) {
        let number = self.number(hop);
        if self.since.insert((id.into(), number), since).is_none()
            && let Some(Some(known)) = self.hops.get_mut(number as usize)
        {
            known.parts += 1;
        }
    }

    pub(super) fn remove(&mut self, id: QueueId, hop: &Hop) {
        let Some(number) = self.numbers.get(hop).copied() else {
            return;
        };
        if self.since.remove(&(id.into(), number)).is_none() {
            return;
        }
        let Some(place) = self.hops.get_mut(number as usize) else {
            return;
        };
        if let Some(known) = place {
            known.parts -= 1;
            if known.parts > 0 {
                return;
            }
        }
        *place = None;
        self.numbers.remove(hop);
        self.free.push(number);
        if self.numbers.is_empty() {
            (self.hops, self.free) = (Vec::new(), Vec::new());
        }
    }

    /// All of a message.
    pub(super) fn of(&self, id: QueueId) -> Vec<(Hop, Since)> {
        let id = Id::from(id);
        let own = self.since.range((id, 0)..=(id, u32::MAX));
        own.filter_map(|((_, number), since)| {
            let known = self.hops.get(*number as usize)?.as_ref()?;
            Some((known.hop.clone(), *since))
        })
        .collect()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.since.is_empty() && self.numbers.is_empty() && self.hops.is_empty()
    }

    fn number(&mut self, hop: &Hop) -> u32 {
        if let Some(number) = self.numbers.get(hop) {
            return *number;
        }
        let known = Some(Known {
            hop: hop.clone(),
            parts: 0,
        });
        let number = match self.free.pop() {
            Some(number) => {
                if let Some(place) = self.hops.get_mut(number as usize) {
                    *place = known;
                }
                number
            }
            None => {
                self.hops.push(known);
                (self.hops.len() - 1) as u32
            }
        };
        self.numbers.insert(hop.clone(), number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_small_returns() {
        for raw in [1, u64::from(u32::MAX), 1 << 32, u64::MAX] {
            let id = QueueId::new(raw).unwrap();
            assert_eq!(Id::from(id).queue(), id);
        }
        assert!(Id::from(QueueId::new(1 << 32).unwrap()) > Id::from(QueueId::FIRST));
        let now = 1_795_305_600;
        let order = [
            FIRST_OF_ALL,
            Since::at(i64::MIN),
            Since::at(-1),
            Since::at(0),
            Since::at(now),
            Since::at(now + 1),
            Since::at(i64::MAX),
            LEASED,
        ];
        assert!(order.is_sorted() && order.windows(2).all(|pair| pair[0] != pair[1]));
        for (octets, kept) in [
            (0, 0),
            (1, 1024),
            (1 << 20, 1 << 20),
            (u64::MAX, 17_179_868_160),
        ] {
            for priority in [i8::MIN, -4, 0, 9, i8::MAX] {
                let load = Load::new(octets, priority);
                assert_eq!((load.octets(), load.priority()), (kept, priority));
            }
        }
        assert_eq!(size_of::<((Id, u32), Since)>(), 16);
        assert_eq!(size_of::<((Since, Id), Load)>(), 16);
    }
}
