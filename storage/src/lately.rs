//! Contents read lately, and large ones between two of their stretches: who reads a large message in pieces, or
//! slowly, does not have it unpacked for each piece.
//!
//! Shared by all readers of a kind and bounded as a whole, so that no connection holds a message while it is idle.
//! The key is account and message, neither of which is ever given twice (I-07); it is asked only after the account
//! has been opened to the reader.

use crate::{AccountId, EmailId};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The message, or (with the path of a part) what is made of one of its parts.
pub type LatelyKey = (AccountId, EmailId, Vec<u32>);

/// The contents, the latest last.
#[derive(Debug)]
pub struct Lately {
    kept: Mutex<VecDeque<(LatelyKey, Arc<[u8]>)>>,
    octets_max: usize,
    contents_max: usize,
}

impl Lately {
    /// Keeps at most so many octets, and so many contents.
    pub fn new(octets_max: usize, contents_max: usize) -> Self {
        Self {
            kept: Mutex::default(),
            octets_max,
            contents_max,
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(LatelyKey, Arc<[u8]>)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A content that was read lately.
    pub fn find(&self, key: &LatelyKey) -> Option<Arc<[u8]>> {
        let kept = self.lock();
        kept.iter()
            .find(|(k, _)| k == key)
            .map(|(_, content)| Arc::clone(content))
    }

    /// Keeps a content in place of the oldest; one that is larger than all of it may be is not kept.
    pub fn keep(&self, key: LatelyKey, content: &Arc<[u8]>) {
        if content.len() > self.octets_max {
            return;
        }
        let mut kept = self.lock();
        kept.retain(|(k, _)| *k != key);
        kept.push_back((key, Arc::clone(content)));
        let mut octets: usize = kept.iter().map(|(_, c)| c.len()).sum();
        while kept.len() > self.contents_max || octets > self.octets_max {
            octets -= kept.pop_front().map_or(octets, |(_, c)| c.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i13_what_is_kept_is_bounded() {
        let lately = Lately::new(1 << 20, 32);
        let key = |n| (AccountId::FIRST, EmailId::new(n).unwrap(), Vec::new());
        for n in 1..=40 {
            lately.keep(key(n), &Arc::from([n as u8]));
        }
        assert!(lately.find(&key(8)).is_none());
        assert_eq!(lately.find(&key(9)).as_deref(), Some(&[9][..]));
        let large: Arc<[u8]> = vec![0; (1 << 20) - 1].into();
        lately.keep(key(50), &large);
        assert!(lately.find(&key(40)).is_some() && lately.find(&key(39)).is_none());
        lately.keep(key(51), &Arc::from([1, 2]));
        assert!(lately.find(&key(50)).is_none() && lately.find(&key(51)).is_some());
        lately.keep(key(52), &vec![0; (1 << 20) + 1].into());
        assert!(lately.find(&key(52)).is_none());
    }
}
