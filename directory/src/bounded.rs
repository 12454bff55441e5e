//! A map with a named size: when it is full, the entry that came first goes (I-13).

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Oldest first out.
#[derive(Debug)]
pub(crate) struct Bounded<K, V> {
    map: HashMap<K, V>,
    order: VecDeque<K>,
    max: usize,
}

impl<K: Hash + Eq + Clone, V> Bounded<K, V> {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            map: HashMap::new(),
            order: VecDeque::new(),
            max,
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.map.get(key)
    }

    /// The entry, made if need be; a new one may push the oldest out.
    pub(crate) fn entry(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        if !self.map.contains_key(&key) {
            while self.map.len() >= self.max {
                match self.order.pop_front() {
                    Some(oldest) => self.map.remove(&oldest),
                    None => break,
                };
            }
            // Removed entries leave their key in the order; it is swept before it can outgrow the map.
            if self.order.len() >= self.max.saturating_mul(2) {
                let map = &self.map;
                self.order.retain(|k| map.contains_key(k));
            }
            self.order.push_back(key.clone());
        }
        self.map.entry(key).or_insert_with(make)
    }

    pub(crate) fn remove(&mut self, key: &K) {
        self.map.remove(key);
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i13_a_bounded_map_never_outgrows_its_limit() {
        let mut map = Bounded::new(3);
        for n in 0..100 {
            map.entry(n, || n);
            if n % 2 == 0 {
                map.remove(&n);
                map.entry(n, || n);
            }
            assert!(map.len() <= 3);
            assert!(map.order.len() <= 7);
        }
        assert_eq!(map.get(&99), Some(&99));
        assert_eq!(map.get(&90), None);
    }
}
