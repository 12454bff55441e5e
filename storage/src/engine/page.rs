//! What one scan of an engine answers: some keys and values in one piece of memory.

/// A page ends when it has grown over this, octets.
pub(crate) const OCTETS_MAX: usize = 256 * 1024;

/// Keys and values in order; and whether there may be more.
#[derive(Default)]
pub(crate) struct Page {
    octets: Vec<u8>,
    /// Where each key and each value ends in `octets`.
    ends: Vec<(u32, u32)>,
    is_full: bool,
    /// Up to here all was looked at, when the page is not full but there is more.
    seen: Option<Vec<u8>>,
}

impl Page {
    /// Adds a pair; false when the page is full with it.
    pub(crate) fn push(&mut self, key: &[u8], value: &[u8], keys_max: usize) -> bool {
        self.octets.extend_from_slice(key);
        let key_end = self.octets.len() as u32;
        self.octets.extend_from_slice(value);
        self.ends.push((key_end, self.octets.len() as u32));
        self.is_full = self.ends.len() >= keys_max || self.octets.len() >= OCTETS_MAX;
        !self.is_full
    }

    /// Whether nothing more may be added.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Says that there may be more after `key`, though the page is not full.
    pub(crate) fn go_on_after(&mut self, key: Vec<u8>) {
        self.seen = Some(key);
    }

    /// The pairs, in order.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end as usize));
        starts.zip(&self.ends).map(|(start, (key_end, end))| {
            let (key_end, end) = (*key_end as usize, *end as usize);
            (&self.octets[start..key_end], &self.octets[key_end..end])
        })
    }

    /// The lowest key that the next page can begin with; none when this was the last.
    pub(crate) fn next(&self) -> Option<Vec<u8>> {
        let last = match self.is_full {
            true => self.pairs().last().map(|(key, _)| key),
            false => self.seen.as_deref(),
        };
        Some([last?, &[0]].concat())
    }
}
