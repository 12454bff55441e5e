//! The whole index anew: the merged snapshots in the order of their keys, then the journal's tail.

use crate::error::Cure;
use crate::index::{Index, Op};
use crate::journal::{FILE_HEAD, Position};
use crate::snapshot::{Chain, Folder};
use crate::store::Opening;
use crate::{Error, Options, Store, journal};
use std::sync::mpsc::sync_channel;

/// Octets of keys and values that are written to the engine at once.
const BATCH_OCTETS: usize = 1 << 20;
/// Batches read ahead while the engine writes.
const BATCHES_AHEAD: usize = 4;

/// What [`Store::rebuild`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reindexed {
    /// Keys that came from snapshots.
    pub keys: u64,
    /// Commits that came from the journal.
    pub commits: u64,
}

/// Where the journal goes on behind the snapshots. Errors: `Corrupt` when there is neither a
/// snapshot nor a segment of the journal for something.
pub(crate) fn tail(folder: &Folder, chain: &Chain) -> Result<Position, Error> {
    let from = match chain.files.is_empty() {
        true => Position::START,
        false => Position {
            segment: chain
                .covered()
                .checked_add(1)
                .ok_or(Error::TooLarge("journal"))?,
            offset: FILE_HEAD,
        },
    };
    match &chain.broken {
        // The journal may still have what the snapshot had.
        Some(e) if !journal::segments(&folder.journal())?.contains(&from.segment) => {
            Err(e.clone().with_cure(Cure::Repair))
        }
        _ => Ok(from),
    }
}

/// Writes all that the snapshots hold into an empty index. Returns the number of keys.
pub(crate) fn load(chain: &Chain, index: &Index) -> Result<u64, Error> {
    let merged = chain.merged(&[])?.living();
    let (send, batches) = sync_channel::<Result<Vec<Op>, Error>>(BATCHES_AHEAD);
    let mut keys = 0;
    std::thread::scope(|scope| {
        // One core reads and unpacks while the other writes.
        let read = move || {
            let (mut batch, mut octets) = (Vec::new(), 0);
            for entry in merged {
                let entry = match entry {
                    Ok(entry) => entry,
                    Err(e) => return drop(send.send(Err(e))),
                };
                let value = entry.value.unwrap_or_default();
                octets += entry.key.len() + value.len();
                batch.push(Op::Put(entry.key, value));
                if octets >= BATCH_OCTETS {
                    octets = 0;
                    if send.send(Ok(std::mem::take(&mut batch))).is_err() {
                        return;
                    }
                }
            }
            let _ = send.send(Ok(batch));
        };
        scope.spawn(read);
        for batch in batches {
            let batch = batch?;
            keys += batch.len() as u64;
            index.write(batch)?;
        }
        Ok(keys)
    })
}

impl Store {
    /// Makes the whole index anew from snapshots and journal, with the engine that `options` name.
    /// The store must not be open. Errors: as [`Store::open`]; `Corrupt` when a commit that was
    /// promised cannot be read: then nothing was changed.
    pub fn rebuild(options: &Options) -> Result<Reindexed, Error> {
        let store = Self::open_as(options, Opening::Anew)?;
        let rebuilt = store.inner.rebuilt.unwrap_or(Reindexed {
            keys: 0,
            commits: 0,
        });
        store.close()?;
        Ok(rebuilt)
    }
}
