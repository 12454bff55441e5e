//! Reading a snapshot that is damaged: every block that is whole, and between which keys others lay.

use super::block::{self, Place};
use super::{Entry, Folder, Snapshot, Span, UNNAMED_HEAD, head_octets, head_of};
use crate::{Error, disk};

/// Blocks that a damaged one may have swallowed, when the table is damaged too.
const NUMBERS_AHEAD: u32 = 64;

/// Keys that may have been in a block that cannot be read: from the first one up to below the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hole {
    pub from: Vec<u8>,
    pub to: Option<Vec<u8>>,
}

impl Hole {
    pub(crate) fn holds(&self, key: &[u8]) -> bool {
        *key >= *self.from && self.to.as_deref().is_none_or(|to| *key < *to)
    }
}

/// What is left of a snapshot.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// Whole entries passed on.
    pub entries: u64,
    pub holes: Vec<Hole>,
    /// Something around the blocks is damaged too.
    pub rim: bool,
}

/// Passes on every entry of the file's whole blocks, in order. Errors: what `each` returns, `Unavailable`.
pub(crate) fn salvage(
    folder: &Folder,
    span: Span,
    each: &mut dyn FnMut(Entry) -> Result<(), Error>,
) -> Result<Left, Error> {
    let path = folder.dir.join(span.name());
    match Snapshot::open(&path, span, &folder.keys) {
        Ok(snapshot) => by_table(&snapshot.watched(folder.disk.watch()), each),
        Err(Error::Corrupt(_)) => {
            let bytes = std::fs::read(&path).map_err(|e| disk::failed("cannot read", &path, &e))?;
            by_search(folder, span, &bytes, each)
        }
        Err(e) => Err(e),
    }
}

fn by_table(
    snapshot: &Snapshot,
    each: &mut dyn FnMut(Entry) -> Result<(), Error>,
) -> Result<Left, Error> {
    let mut left = Left::default();
    for number in 0..snapshot.blocks() {
        match snapshot.block(number) {
            Ok(entries) => {
                left.entries += entries.len() as u64;
                entries.into_iter().try_for_each(&mut *each)?;
            }
            Err(Error::Corrupt(_)) => {
                let (from, to) = snapshot.range(number);
                left.holes.push(Hole { from, to });
            }
            Err(e) => return Err(e),
        }
    }
    Ok(left)
}

/// Without table and footer: block after block, by their checksums, which name their place.
fn by_search(
    folder: &Folder,
    span: Span,
    bytes: &[u8],
    each: &mut dyn FnMut(Entry) -> Result<(), Error>,
) -> Result<Left, Error> {
    let mut left = Left {
        rim: true,
        ..Left::default()
    };
    let mut unpress = block::unpress()?;
    // Of a damaged head nobody knows how long it is; what is no block is passed over.
    let mut at = UNNAMED_HEAD;
    let (mut number, mut last, mut skipped) = (0u32, Vec::new(), false);
    match head_of(bytes) {
        Some((found, _)) if found == span => at = head_octets(bytes),
        _ => tracing::warn!(snapshot = span.name(), "its head is damaged"),
    }
    while at < bytes.len() {
        let found = block::octets(&bytes[at..]).and_then(|octets| bytes.get(at..at + octets));
        let whole = found.and_then(|block| {
            let numbers = number..number.saturating_add(if skipped { NUMBERS_AHEAD } else { 1 });
            numbers.into_iter().find_map(|number| {
                let place = Place { span, number };
                let raw = block::open(place, block, &folder.keys, &mut unpress).ok()??;
                Some((number, block.len(), raw))
            })
        });
        let Some((found, octets, raw)) = whole else {
            // The table and what is behind it are no blocks either.
            skipped = true;
            at += 1;
            while at < bytes.len() && block::octets(&bytes[at..]).is_none() {
                at += 1;
            }
            continue;
        };
        let (mut place, mut entries) = (0, Vec::new());
        while let Some(entry) = block::take(&raw, &mut place)? {
            entries.push(entry);
        }
        if let Some(first) = entries.first().filter(|_| found > number) {
            let to = Some(first.key.clone());
            let from = std::mem::take(&mut last);
            left.holes.push(Hole { from, to });
        }
        if let Some(entry) = entries.last() {
            last = entry.key.clone();
            last.push(0);
        }
        left.entries += entries.len() as u64;
        entries.into_iter().try_for_each(&mut *each)?;
        (at, number, skipped) = (at + octets, found + 1, false);
    }
    // How many blocks there were behind the last whole one is not known.
    left.holes.push(Hole {
        from: last,
        to: None,
    });
    Ok(left)
}
