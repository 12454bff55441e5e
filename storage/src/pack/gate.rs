//! Who uses which content just now: what was put and not yet committed, what commits name, what
//! upkeep is about to remove or move. One lock; held for moments only.
//!
//! Upkeep removes or moves content only while it is *busy*: it makes it so only when nobody holds or
//! has touched it, and whoever wants it meanwhile waits until upkeep is through, which is one commit.
//! The argument why nothing is lost is at the head of `collect`.

use crate::BlobId;
use crate::pack::Bloom;
use crate::record::Location;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Staged content remembered at once; the oldest is forgotten when nobody committed it.
const STAGED_MAX: usize = 200_000;
/// Ids that a generation of touched content is laid out for; more only keep more garbage.
const TOUCHED: usize = 400_000;

/// See the module.
pub(crate) struct Gate {
    inside: Mutex<Inside>,
    freed: Condvar,
    upkeep: Mutex<()>,
}

struct Inside {
    staged: HashMap<BlobId, Staged>,
    order: VecDeque<BlobId>,
    /// Named by so many commits on their way.
    held: HashMap<BlobId, usize>,
    busy: HashSet<BlobId>,
    /// Touched since the last collection began, and between the two before.
    touched: [Option<Bloom>; 2],
}

/// Content that was put and not yet named by a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Staged {
    /// The index knows it already.
    Known,
    /// Appended; with the shared pieces that it is put together of.
    At(Location, Vec<BlobId>),
}

/// Content that a commit names, as long as the commit is on its way.
pub(crate) struct Held<'a> {
    gate: &'a Gate,
    ids: Vec<BlobId>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            inside: Mutex::new(Inside {
                staged: HashMap::new(),
                order: VecDeque::new(),
                held: HashMap::new(),
                busy: HashSet::new(),
                touched: [None, None],
            }),
            freed: Condvar::new(),
            upkeep: Mutex::new(()),
        }
    }
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&'a self, ids: &[BlobId]) -> MutexGuard<'a, Inside> {
        let mut inside = self.lock();
        while !inside.busy.is_empty() && ids.iter().any(|id| inside.busy.contains(id)) {
            inside = self
                .freed
                .wait(inside)
                .unwrap_or_else(PoisonError::into_inner);
        }
        inside
    }

    /// Before content is looked for, to be named later: it stays from here on.
    pub(super) fn touch(&self, id: BlobId) -> Option<Staged> {
        let mut inside = self.wait(&[id]);
        inside.touch(id);
        inside.staged.get(&id).cloned()
    }

    /// Remembers what was put; false when somebody else was first.
    pub(super) fn stage(&self, id: BlobId, staged: Staged) -> bool {
        let mut inside = self.lock();
        if inside.staged.contains_key(&id) {
            return false;
        }
        inside.staged.insert(id, staged);
        inside.order.push_back(id);
        inside.trim();
        true
    }

    pub(super) fn staged(&self, id: BlobId) -> Option<Staged> {
        self.lock().staged.get(&id).cloned()
    }

    /// The index knows them now.
    pub(super) fn settle(&self, ids: &[BlobId]) {
        if ids.is_empty() {
            return;
        }
        let mut inside = self.lock();
        for id in ids {
            inside.staged.remove(id);
        }
        inside.trim();
    }

    /// Forgets what lay in these packs.
    pub(super) fn lose(&self, packs: &[u32]) {
        self.lock()
            .staged
            .retain(|_, s| !matches!(s, Staged::At(l, _) if packs.contains(&l.pack)));
    }

    /// For a commit that names content: none of it is removed or moved until it is through.
    pub(super) fn hold(&self, ids: Vec<BlobId>) -> Held<'_> {
        let mut inside = self.wait(&ids);
        for id in &ids {
            inside.touch(*id);
            *inside.held.entry(*id).or_insert(0) += 1;
        }
        drop(inside);
        Held { gate: self, ids }
    }

    /// The right to remove and to move; one at a time.
    pub(crate) fn upkeep(&self) -> MutexGuard<'_, ()> {
        self.upkeep.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A collection begins: what was touched before the last one may go.
    pub(crate) fn turn(&self) {
        let mut inside = self.lock();
        let before = inside.touched[0].take();
        inside.touched[1] = before;
    }

    /// Makes busy what of these nobody uses; the others are left out.
    pub(crate) fn condemn(&self, ids: impl IntoIterator<Item = BlobId>) -> Vec<BlobId> {
        let mut inside = self.lock();
        let mut free: Vec<BlobId> = ids.into_iter().collect();
        free.retain(|id| {
            let staged = inside.staged.contains_key(id);
            !staged && !inside.held.contains_key(id) && !inside.was_touched(*id)
        });
        inside.busy.extend(&free);
        free
    }

    /// Makes busy what of these no commit names just now, to be moved; the others are left out.
    pub(crate) fn seize(&self, ids: impl IntoIterator<Item = BlobId>) -> Vec<BlobId> {
        let mut inside = self.lock();
        let mut free: Vec<BlobId> = ids.into_iter().collect();
        free.retain(|id| !inside.held.contains_key(id));
        inside.busy.extend(&free);
        free
    }

    /// Upkeep is through with them.
    pub(crate) fn free(&self, ids: &[BlobId]) {
        let mut inside = self.lock();
        for id in ids {
            inside.busy.remove(id);
        }
        drop(inside);
        self.freed.notify_all();
    }

    /// Staged content that lies in a pack.
    pub(crate) fn staged_in(&self, pack: u32) -> Vec<(BlobId, Location)> {
        let inside = self.lock();
        let all = inside.staged.iter().filter_map(|(id, s)| match s {
            Staged::At(location, _) if location.pack == pack => Some((*id, *location)),
            _ => None,
        });
        all.collect()
    }

    /// Staged content lies elsewhere now.
    pub(crate) fn moved(&self, id: BlobId, to: Location) {
        if let Some(Staged::At(location, _)) = self.lock().staged.get_mut(&id) {
            *location = to;
        }
    }
}

impl Inside {
    fn touch(&mut self, id: BlobId) {
        self.touched[0]
            .get_or_insert_with(|| Bloom::for_ids(TOUCHED))
            .add(id);
    }

    fn was_touched(&self, id: BlobId) -> bool {
        self.touched.iter().flatten().any(|t| t.may_hold(id))
    }

    /// Keeps the order as short as what it orders, and both within their limit.
    fn trim(&mut self) {
        while self.staged.len() > STAGED_MAX {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            if self.held.contains_key(&oldest) {
                // Its commit is on its way.
                self.order.push_back(oldest);
                break;
            }
            self.staged.remove(&oldest);
        }
        if self.order.len() > 2 * self.staged.len() + 64 {
            let staged = &self.staged;
            self.order.retain(|id| staged.contains_key(id));
            self.order.shrink_to(2 * self.order.len() + 64);
            self.staged.shrink_to(2 * self.staged.len() + 64);
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut inside = self.gate.lock();
        for id in &self.ids {
            // Its commit may be younger than the collection that runs.
            inside.touch(*id);
            if let Some(count) = inside.held.get_mut(id) {
                *count -= 1;
                if *count == 0 {
                    inside.held.remove(id);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Form;

    fn id(number: u32) -> BlobId {
        BlobId::of(&number.to_le_bytes())
    }

    fn at(pack: u32) -> Staged {
        let location = Location {
            pack,
            offset: 32,
            stored: 1,
            raw: 1,
            form: Form::Plain,
        };
        Staged::At(location, Vec::new())
    }

    #[test]
    fn what_is_staged_held_or_touched_lately_is_not_condemned() {
        let gate = Gate::default();
        let staged = id(1);
        assert!(gate.stage(staged, at(1)));
        assert!(!gate.stage(staged, at(2)), "the first one stays");
        let held = gate.hold(vec![id(2)]);
        gate.touch(id(3));
        let all = || (1..=4).map(id);
        assert_eq!(gate.condemn(all()), [id(4)]);
        gate.free(&[id(4)]);
        gate.turn();
        assert_eq!(gate.condemn(all()), [id(4)], "touched before this turn");
        gate.free(&[id(4)]);
        gate.turn();
        assert_eq!(gate.condemn(all()), [id(3), id(4)]);
        gate.free(&[id(3), id(4)]);
        drop(held);
        assert_eq!(gate.condemn([id(2)]), [], "its commit has just ended");
        gate.settle(&[staged]);
        assert_eq!(gate.condemn([staged]), [staged]);
    }

    #[test]
    fn whoever_wants_what_is_busy_waits_until_it_is_free() {
        let gate = Gate::default();
        assert_eq!(gate.condemn([id(1)]), [id(1)]);
        let (told, freed) = std::sync::mpsc::sync_channel(1);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                gate.touch(id(1));
                told.send(()).unwrap();
            });
            gate.touch(id(2));
            assert!(freed.try_recv().is_err());
            gate.free(&[id(1)]);
            freed.recv().unwrap();
        });
    }

    #[test]
    fn what_a_commit_names_is_not_moved_and_what_moves_is_not_named() {
        let gate = Gate::default();
        gate.stage(id(1), at(1));
        let held = gate.hold(vec![id(1)]);
        assert_eq!(gate.seize([id(1), id(2)]), [id(2)]);
        gate.free(&[id(2)]);
        drop(held);
        assert_eq!(gate.seize([id(1)]), [id(1)]);
        let (told, freed) = std::sync::mpsc::sync_channel(1);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let held = gate.hold(vec![id(1)]);
                told.send(gate.staged(id(1))).unwrap();
                drop(held);
            });
            assert!(freed.try_recv().is_err());
            let Staged::At(to, _) = at(7) else { return };
            gate.moved(id(1), to);
            gate.free(&[id(1)]);
            assert_eq!(freed.recv().unwrap(), Some(at(7)), "its new place is named");
        });
    }

    #[test]
    fn memory_does_not_grow_with_what_was_settled() {
        let gate = Gate::default();
        for number in 0..50_000 {
            gate.stage(id(number), at(1));
            gate.settle(&[id(number)]);
        }
        let inside = gate.lock();
        assert!(inside.order.len() <= 64 && inside.order.capacity() < 1_000);
        assert!(inside.staged.is_empty() && inside.staged.capacity() < 1_000);
    }

    #[test]
    fn a_failed_sync_loses_what_lay_in_its_packs_only() {
        let gate = Gate::default();
        gate.stage(id(1), at(1));
        gate.stage(id(2), at(2));
        gate.stage(id(3), Staged::Known);
        gate.lose(&[1]);
        let left: Vec<bool> = (1..=3).map(|n| gate.staged(id(n)).is_some()).collect();
        assert_eq!(left, [false, true, true]);
    }
}
