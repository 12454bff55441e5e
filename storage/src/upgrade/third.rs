//! From the third format to the fourth: the head of each file of journal, packs and snapshots names its store. Frozen.

use crate::format::Format;

const VERSION: u32 = 4;

/// Files that are there stay as they are and count as the store's own; what is begun from here on names it.
pub(super) fn step(format: Format) -> Format {
    Format {
        version: VERSION,
        unnamed: true,
        ..format
    }
}
