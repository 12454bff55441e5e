//! Contents read lately, and large ones between two of their stretches: who reads a large message in pieces, or
//! slowly, does not have it unpacked for each piece.
//!
//! Shared by all readers of a kind and bounded as a whole, so that no connection holds a message while it is idle.
//! The key is account and message, neither of which is ever given twice (I-07); it is asked only after the account
//! has been opened to the reader.

use crate::{AccountId, EmailId, Error};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A content of more octets is large.
const LARGE: u64 = 1024 * 1024;

/// The message, or (with the path of a part) what is made of one of its parts.
pub type LatelyKey = (AccountId, EmailId, Vec<u32>);

/// The contents, the latest last.
#[derive(Debug)]
pub struct Lately {
    kept: Mutex<VecDeque<(LatelyKey, Arc<[u8]>)>>,
    /// Who reads a large content.
    turn: Mutex<()>,
    octets_max: usize,
    contents_max: usize,
}

impl Lately {
    /// Keeps at most so many octets, and so many contents.
    pub fn new(octets_max: usize, contents_max: usize) -> Self {
        Self {
            kept: Mutex::default(),
            turn: Mutex::default(),
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

    /// A content that was read lately, or else is read now; `octets` is about how large it is. A large one is kept,
    /// and only one such is read at a time: however many open large messages at once, they cost no more than
    /// what is kept and one. Errors: those of `read`.
    pub fn read(
        &self,
        key: LatelyKey,
        octets: u64,
        read: impl FnOnce() -> Result<Arc<[u8]>, Error>,
    ) -> Result<Arc<[u8]>, Error> {
        if let Some(content) = self.find(&key) {
            return Ok(content);
        }
        if octets <= LARGE {
            return read();
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // Perhaps whoever had the turn before has read the same.
        if let Some(content) = self.find(&key) {
            return Ok(content);
        }
        let content = read()?;
        self.keep(key, &content);
        Ok(content)
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
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn i13_large_contents_are_read_one_at_a_time_and_once() {
        let lately = Lately::new(1_000, 10);
        let counts = [const { AtomicUsize::new(0) }; 3];
        let [now, most, reads] = &counts;
        let read = || {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            reads.fetch_add(1, Ordering::SeqCst);
            std::thread::yield_now();
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(Arc::from([7u8; 3]))
        };
        std::thread::scope(|scope| {
            for number in 0..12 {
                let lately = &lately;
                scope.spawn(move || {
                    let email = EmailId::new(1 + number % 3).unwrap();
                    let key = (AccountId::FIRST, email, Vec::new());
                    assert_eq!(lately.read(key, LARGE + 1, read).unwrap().len(), 3);
                });
            }
        });
        let counts = counts.map(AtomicUsize::into_inner);
        assert_eq!(counts, [0, 1, 3]);
    }

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
