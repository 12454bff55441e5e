//! A set of content that may say "perhaps" for what was never added, and never "no" for what was.

use crate::BlobId;

/// Bits laid out for each id: with [`PROBES`] less than one id in 200 is taken for another.
const BITS_PER_ID: usize = 12;
const PROBES: u64 = 6;
/// Least and most words of 64 bits: 8 KB, and 768 MB, which is for 500 million ids.
const WORDS: (usize, usize) = (1 << 10, 96 << 20);

/// See the module. The hash of content is random enough to be its own place.
pub(crate) struct Bloom {
    words: Vec<u64>,
}

impl Bloom {
    /// Laid out for so many ids; more are taken, with more mistakes.
    pub(crate) fn for_ids(ids: usize) -> Self {
        let words = (ids.saturating_mul(BITS_PER_ID) / 64).clamp(WORDS.0, WORDS.1);
        Self {
            words: vec![0; words],
        }
    }

    fn places(&self, id: BlobId) -> impl Iterator<Item = (usize, u64)> + use<> {
        let number = |at: usize| {
            let mut octets = [0; 8];
            octets.copy_from_slice(&id.0[at..at + 8]);
            u64::from_le_bytes(octets)
        };
        let (first, step) = (number(0), number(8) | 1);
        let bits = self.words.len() as u64 * 64;
        (0..PROBES).map(move |n| {
            let bit = first.wrapping_add(step.wrapping_mul(n)) % bits;
            ((bit / 64) as usize, 1u64 << (bit % 64))
        })
    }

    pub(crate) fn add(&mut self, id: BlobId) {
        for (word, bit) in self.places(id) {
            self.words[word] |= bit;
        }
    }

    pub(crate) fn may_hold(&self, id: BlobId) -> bool {
        self.places(id)
            .all(|(word, bit)| self.words[word] & bit != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_always_found_and_little_else() {
        let mut bloom = Bloom::for_ids(10_000);
        let id = |n: u32| BlobId::of(&n.to_le_bytes());
        (0..10_000).for_each(|n| bloom.add(id(n)));
        assert!((0..10_000).all(|n| bloom.may_hold(id(n))));
        let mistaken = (10_000..30_000).filter(|n| bloom.may_hold(id(*n))).count();
        assert!(mistaken < 200, "{mistaken} of 20,000");
    }
}
