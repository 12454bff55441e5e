//! The Uids of a mailbox in order, each with the number of its message's slot.
//!
//! They lie in pages that copies share: a commit while a reader holds the list copies the page it changes and the
//! list of pages, not a list as long as the mailbox.

use crate::Uid;
use std::collections::HashSet;
use std::sync::Arc;

/// Uids in a page.
const PAGE: usize = 512;
/// Pages beyond what full ones would be, before all are made full again.
const SLACK: usize = 8;

type Entry = (Uid, u32);

/// See the module. Pages are never empty.
#[derive(Clone, Default)]
pub(super) struct Uids {
    pages: Vec<Arc<Vec<Entry>>>,
    len: usize,
}

impl Uids {
    /// All, from the lowest.
    pub(super) fn iter(&self) -> impl Iterator<Item = Entry> + '_ {
        self.pages.iter().flat_map(|page| page.iter().copied())
    }

    /// From this one on.
    pub(super) fn from(&self, uid: Uid) -> impl Iterator<Item = Entry> + '_ {
        let page = self.page_of(uid);
        let first = self.pages.get(page).map_or(&[][..], |page| {
            &page[page.partition_point(|(own, _)| *own < uid)..]
        });
        let rest = self.pages.get(page + 1..).unwrap_or_default();
        let rest = rest.iter().flat_map(|page| page.iter());
        first.iter().chain(rest).copied()
    }

    /// The slot of one.
    pub(super) fn find(&self, uid: Uid) -> Option<u32> {
        let page = self.pages.get(self.page_of(uid))?;
        let at = page.binary_search_by_key(&uid, |(own, _)| *own).ok()?;
        Some(page[at].1)
    }

    /// The first page that ends at this one or behind.
    fn page_of(&self, uid: Uid) -> usize {
        self.pages
            .partition_point(|page| page.last().is_some_and(|(last, _)| *last < uid))
    }

    /// Adds one at the end, whatever its Uid, while loading: then comes [`Uids::settle`].
    pub(super) fn push(&mut self, entry: Entry) {
        match self.pages.last_mut().filter(|page| page.len() < PAGE) {
            Some(page) => Arc::make_mut(page).push(entry),
            None => self.pages.push(Arc::new(vec![entry])),
        }
        self.len += 1;
    }

    /// Puts all in order, in full pages that hold no room to spare.
    pub(super) fn settle(&mut self) {
        let mut all: Vec<Entry> = self.iter().collect();
        all.sort_unstable();
        *self = Self {
            pages: all
                .chunks(PAGE)
                .map(|page| Arc::new(page.to_vec()))
                .collect(),
            len: all.len(),
        };
    }

    /// Takes in what a commit brought, in order among itself.
    pub(super) fn enter(&mut self, new: &[Entry]) {
        let last = self.pages.last().and_then(|page| page.last());
        // New Uids are higher than all before, unless one was taken back within a batch.
        let behind = new.first().zip(last).is_none_or(|(new, last)| last < new);
        new.iter().for_each(|entry| self.push(*entry));
        if !behind {
            self.settle();
        }
    }

    /// Lets go of these.
    pub(super) fn leave(&mut self, gone: &HashSet<Uid>) {
        let mut changed: Vec<usize> = gone.iter().map(|uid| self.page_of(*uid)).collect();
        changed.sort_unstable();
        changed.dedup();
        for at in changed {
            if let Some(page) = self.pages.get_mut(at) {
                self.len -= page.len();
                let page = Arc::make_mut(page);
                page.retain(|(uid, _)| !gone.contains(uid));
                self.len += page.len();
            }
        }
        self.pages.retain(|page| !page.is_empty());
        if self.pages.len() > 2 * (self.len / PAGE) + SLACK {
            self.settle();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PAGE, SLACK, Uids};
    use crate::Uid;
    use std::collections::{BTreeMap, HashSet};

    fn uid(raw: u32) -> Uid {
        Uid::new(raw).unwrap()
    }

    fn same(uids: &Uids, model: &BTreeMap<Uid, u32>, about: &str) {
        let all: Vec<_> = model.iter().map(|(uid, slot)| (*uid, *slot)).collect();
        assert_eq!(uids.iter().collect::<Vec<_>>(), all, "{about}");
        assert_eq!(uids.len, all.len(), "{about}");
        assert!(uids.pages.iter().all(|page| !page.is_empty()), "{about}");
        assert!(
            uids.pages.len() <= 2 * (all.len() / PAGE) + SLACK + 2,
            "{about}"
        );
        for raw in (1..4_000).step_by(97) {
            let uid = uid(raw);
            let from: Vec<_> = model
                .range(uid..)
                .map(|(uid, slot)| (*uid, *slot))
                .collect();
            assert_eq!(
                uids.from(uid).collect::<Vec<_>>(),
                from,
                "{about}: from {raw}"
            );
            assert_eq!(uids.find(uid), model.get(&uid).copied(), "{about}: {raw}");
        }
    }

    /// Beside a map, through what commits do: many come, some leave, one comes back below the last.
    #[test]
    fn pages_hold_what_a_map_holds() {
        let (mut uids, mut model) = (Uids::default(), BTreeMap::new());
        same(&uids, &model, "empty");
        let mut next = 1;
        for round in 0..40_u32 {
            let new: Vec<_> = (0..1 + round * 5)
                .map(|n| (uid(next + n), next * 7 + n))
                .collect();
            next += new.len() as u32 + round % 3;
            uids.enter(&new);
            model.extend(new);
            same(&uids, &model, &format!("round {round}, entered"));
            let gone: HashSet<Uid> = model
                .keys()
                .copied()
                .filter(|u| (u.raw() * 31 + round).is_multiple_of(17))
                .collect();
            uids.leave(&gone);
            model.retain(|uid, _| !gone.contains(uid));
            same(&uids, &model, &format!("round {round}, left"));
        }
        let back = (uid(1), 5);
        model.insert(back.0, back.1);
        uids.leave(&HashSet::from([back.0]));
        uids.enter(&[back]);
        same(&uids, &model, "one taken back");
        uids.leave(&model.keys().copied().collect());
        same(&uids, &BTreeMap::new(), "all left");
    }

    /// A reader's copy stays as it was, and shares all pages but the one that changed.
    #[test]
    fn a_copy_shares_its_pages() {
        let mut uids = Uids::default();
        (1..=10 * PAGE as u32).for_each(|raw| uids.push((uid(raw), raw)));
        uids.settle();
        let reader = uids.clone();
        uids.leave(&HashSet::from([uid(700)]));
        let shared = |at: &usize| std::sync::Arc::ptr_eq(&uids.pages[*at], &reader.pages[*at]);
        assert_eq!((0..10).filter(shared).count(), 9);
        assert_eq!(reader.find(uid(700)), Some(700));
        assert_eq!(uids.find(uid(700)), None);
    }
}
