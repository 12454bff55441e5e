//! Several sorted sources as one: of a key that many have, the newest wins.

use super::{Entries, Entry};
use crate::Error;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// See the module. Ends after an error.
pub(crate) struct Merge {
    sources: Vec<Entries>,
    heads: BinaryHeap<Reverse<Head>>,
    error: Option<Error>,
}

/// The next entry of a source; the later the source in the list, the newer.
struct Head {
    entry: Entry,
    source: usize,
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        let newest_first = other.source.cmp(&self.source);
        self.entry.key.cmp(&other.entry.key).then(newest_first)
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

impl Merge {
    /// Of these sources, the oldest first.
    pub(crate) fn new(sources: Vec<Entries>) -> Self {
        let mut merge = Self {
            heads: BinaryHeap::with_capacity(sources.len()),
            sources,
            error: None,
        };
        for source in 0..merge.sources.len() {
            merge.draw(source);
        }
        merge
    }

    /// Without what was deleted.
    pub(crate) fn living(self) -> impl Iterator<Item = Result<Entry, Error>> + Send {
        self.filter(|entry| !matches!(entry, Ok(Entry { value: None, .. })))
    }

    fn draw(&mut self, source: usize) {
        match self.sources[source].next() {
            Some(Ok(entry)) => self.heads.push(Reverse(Head { entry, source })),
            Some(Err(e)) => self.error = Some(e),
            None => {}
        }
    }
}

impl Iterator for Merge {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(e) = self.error.take() {
            self.heads.clear();
            self.sources.clear();
            return Some(Err(e));
        }
        let Reverse(newest) = self.heads.pop()?;
        while let Some(Reverse(head)) = self.heads.peek() {
            if head.entry.key != newest.entry.key {
                break;
            }
            let source = head.source;
            self.heads.pop();
            self.draw(source);
        }
        self.draw(newest.source);
        Some(Ok(newest.entry))
    }
}
