//! Contents read lately by partial FETCH, and large ones between two of their stretches: a client that reads
//! a large message in pieces (RFC 9051 §6.4.5), or slowly, does not have it unpacked for each piece.
//!
//! Shared by all sessions and bounded as a whole, so that no connection holds a message while it
//! is idle. The key is account and message, neither of which is ever reused (I-07), and it is asked
//! only after the Access has opened the account (I-08).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use storage::{AccountId, EmailId};

/// Octets of all contents kept.
const OCTETS_MAX: usize = 128 * 1024 * 1024;
/// Contents kept.
const CONTENTS_MAX: usize = 32;

/// The contents, the latest last.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<VecDeque<(Key, Arc<[u8]>)>>);

/// The message, or (RFC 9051 §6.4.5 BINARY) one of its parts with the transfer encoding undone.
type Key = (AccountId, EmailId, Vec<u32>);

impl Recent {
    /// A content that was read lately.
    pub(super) fn find(&self, key: &Key) -> Option<Arc<[u8]>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter()
            .find(|(k, _)| k == key)
            .map(|(_, content)| Arc::clone(content))
    }

    /// Keeps a content in place of the oldest.
    pub(super) fn keep(&self, key: Key, content: &Arc<[u8]>) {
        if content.len() > OCTETS_MAX {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(k, _)| *k != key);
        kept.push_back((key, Arc::clone(content)));
        let mut octets: usize = kept.iter().map(|(_, c)| c.len()).sum();
        while kept.len() > CONTENTS_MAX || octets > OCTETS_MAX {
            octets -= kept.pop_front().map_or(octets, |(_, c)| c.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i13_what_is_kept_is_bounded() {
        let recent = Recent::default();
        let key = |n| (AccountId::FIRST, EmailId::new(n).unwrap(), Vec::new());
        for n in 1..=40 {
            recent.keep(key(n), &Arc::from([n as u8]));
        }
        assert!(recent.find(&key(8)).is_none());
        assert_eq!(recent.find(&key(9)).as_deref(), Some(&[9][..]));
        let large: Arc<[u8]> = vec![0; OCTETS_MAX - 1].into();
        recent.keep(key(50), &large);
        assert!(recent.find(&key(40)).is_some() && recent.find(&key(39)).is_none());
        recent.keep(key(51), &Arc::from([1, 2]));
        assert!(recent.find(&key(50)).is_none() && recent.find(&key(51)).is_some());
    }
}
