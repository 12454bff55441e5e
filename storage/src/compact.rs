//! Compaction: packs much of which nobody needs any more are rewritten, and their files removed.
//!
//! What is still needed is appended to the pack that is being written, as it is stored (sealed anew,
//! under the present key); the commit that tells its new place counts, as every commit, only when
//! the journal and the packs are on the disk. While content moves it is *busy*: a commit that names
//! it waits, so that none is on its way with the old place. The old file goes when nothing points
//! into it: the index is read once more for that, after it was seen that nothing staged lies there.
//! A reader that still has the old place looks again. A stop at any time leaves the old file, or the
//! new places, or both; what was appended and never told of is dead, as anything else.
//!
//! A pack in which something cannot be read stays as it is.
//!
//! The pack that is being written is rewritten too, when as much of it is dead: a small store may not fill it for years,
//! and what was removed for good must not stay in it and in each backup so long. It is ended first, and is a pack like
//! any other from then on.

use crate::collect::pages;
use crate::commit::Number;
use crate::index::{Index, Op};
use crate::pack::{FILE_HEAD, HEAD};
use crate::pin::Pin;
use crate::record::{self, Location};
use crate::{AccountId, BlobId, Error, Store, key};
use std::collections::BTreeMap;

/// Octets that one call moves at most, and what lies in one pack more.
const MOVED_MAX: u64 = 256 << 20;
/// Octets and entries that are moved by one commit.
const BATCH_OCTETS: u64 = 4 << 20;
const BATCH: usize = 256;

/// Dead octets for which the pack that is being written is ended.
const TAIL_DEAD_MIN: u64 = 64 << 10;

/// What a call did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Packs whose files are gone.
    pub removed: u64,
    /// Octets that those files had.
    pub freed: u64,
    /// Octets that were written anew.
    pub moved: u64,
    /// Packs that could not be rewritten wholly since something in them is damaged.
    pub damaged: u64,
    /// Whether more packs are worth rewriting.
    pub more: bool,
}

/// Octets in each pack that the index points to.
fn used(index: &Index) -> Result<BTreeMap<u32, u64>, Error> {
    let mut used = BTreeMap::new();
    pages(index, &key::blobs(), &mut |_, value| {
        let location: Location = record::decode(value, "blob")?;
        *used.entry(location.pack).or_insert(0) += taken(&location);
        Ok(())
    })?;
    Ok(used)
}

/// Octets that content takes in its pack.
fn taken(location: &Location) -> u64 {
    HEAD as u64 + u64::from(location.stored)
}

/// Octets of a pack that nobody needs, when so many are used.
fn dead(octets: u64, used: u64) -> u64 {
    octets.saturating_sub(used.saturating_add(FILE_HEAD))
}

/// Whether a pack is worth rewriting for what is dead in it.
fn is_worth(dead: u64, octets: u64, dead_percent: u8) -> bool {
    dead.saturating_mul(100) >= octets.saturating_mul(u64::from(dead_percent.max(1)))
}

/// What each pack has of use, and the pack that was being written ended when that is worth it.
fn used_and_ended(store: &Store, dead_percent: u8) -> Result<BTreeMap<u32, u64>, Error> {
    let shared = &store.inner.shared;
    let packs = &shared.packs;
    let tail = packs.tail()?;
    // After its length and before the index: what is put and committed meanwhile counts as used, once or twice.
    let staged = tail.map_or(Vec::new(), |(number, _)| packs.gate.staged_in(number));
    let used = used(&shared.index)?;
    let Some((number, octets)) = tail else {
        return Ok(used);
    };
    let staged: u64 = staged.iter().map(|(_, location)| taken(location)).sum();
    let own = used.get(&number).copied().unwrap_or(0);
    let dead = dead(octets, own.saturating_add(staged));
    if dead >= TAIL_DEAD_MIN && is_worth(dead, octets, dead_percent) {
        packs.end_tail(number)?;
    }
    Ok(used)
}

/// Rewrites packs of which at least `dead_percent` of a hundred octets are dead, the worst first.
pub(crate) fn compact(store: &Store, dead_percent: u8) -> Result<Compacted, Error> {
    let shared = &store.inner.shared;
    let mut done = Compacted::default();
    let before = used_and_ended(store, dead_percent)?;
    let mut worst = Vec::new();
    for (number, octets) in shared.packs.sealed()? {
        let used = before.get(&number).copied().unwrap_or(0);
        if used == 0 || is_worth(dead(octets, used), octets, dead_percent) {
            worst.push((used, number, octets));
        }
    }
    worst.sort_unstable();
    let mut empty = Vec::new();
    for (used, number, octets) in worst {
        if used > 0 && done.moved >= MOVED_MAX {
            done.more = true;
            break;
        }
        // One that was just begun is not read: a power cut may have taken its header, and nothing is in it.
        let is_begun = used == 0 && octets <= FILE_HEAD;
        if is_begun || empty_out(store, number, &mut done)? {
            empty.push((number, octets));
        }
    }
    remove(store, &empty, &mut done)?;
    Ok(done)
}

/// Moves all that is needed out of a pack; false when something had to stay.
fn empty_out(store: &Store, number: u32, done: &mut Compacted) -> Result<bool, Error> {
    let shared = &store.inner.shared;
    let mut needed = Vec::new();
    let walked = shared.packs.walk(number, &mut |location, entry| {
        let here = shared.packs.locate(entry.id, &shared.index);
        if here.is_ok_and(|l| l == *location) {
            needed.push((entry.id, *location));
        }
        Ok(true)
    });
    if let Err(e) = walked {
        tracing::error!(pack = number, error = %e, "a pack cannot be read");
        if matches!(e, Error::Corrupt(_)) {
            shared.note_pack(number, &e);
        }
        done.damaged += 1;
        return Ok(false);
    }
    let (mut whole, mut at) = (true, 0);
    while at < needed.len() {
        let mut octets = 0;
        let rest = needed[at..].iter().take(BATCH);
        let some = rest.take_while(|(_, l)| {
            let first = octets == 0;
            octets += u64::from(l.stored);
            first || octets <= BATCH_OCTETS
        });
        let some: BTreeMap<BlobId, Location> = some.copied().collect();
        at += some.len().max(1);
        whole &= move_some(store, &some, done)?;
    }
    if !whole {
        done.damaged += 1;
    }
    Ok(whole)
}

/// Moves these; false when one is damaged.
fn move_some(
    store: &Store,
    some: &BTreeMap<BlobId, Location>,
    done: &mut Compacted,
) -> Result<bool, Error> {
    let gate = &store.inner.shared.packs.gate;
    let busy = gate.seize(some.keys().copied());
    let moved = move_busy(store, some, &busy, done);
    gate.free(&busy);
    moved
}

fn move_busy(
    store: &Store,
    some: &BTreeMap<BlobId, Location>,
    busy: &[BlobId],
    done: &mut Compacted,
) -> Result<bool, Error> {
    let shared = &store.inner.shared;
    let (mut ops, mut packs, mut places) = (Vec::new(), Vec::new(), Vec::new());
    let mut whole = true;
    for (id, from) in busy.iter().filter_map(|id| Some((*id, some.get(id)?))) {
        // It may have gone, or moved, before it was busy.
        if shared.packs.locate(id, &shared.index).ok().as_ref() != Some(from) {
            continue;
        }
        let to = match shared.packs.relocate(id, from) {
            Ok(to) => to,
            Err(e @ Error::Corrupt(_)) => {
                tracing::error!(error = %e, "damaged content is left where it is");
                shared.note_content(id, &e, []);
                whole = false;
                continue;
            }
            Err(e) => return Err(e),
        };
        done.moved += u64::from(to.stored);
        if shared.index.get(&key::blob(id))?.is_some() {
            ops.push(Op::Put(key::blob(id), record::encode(&to)?));
        }
        packs.push(to.pack);
        places.push((id, to));
    }
    packs.dedup();
    if !ops.is_empty() {
        for pack in &packs {
            ops.push(Op::Put(key::pack(*pack), record::encode(&())?));
        }
        store.submit_moved(ops, packs)?;
    }
    for (id, to) in places {
        shared.packs.gate.moved(id, to);
    }
    Ok(whole)
}

/// Removes the files of packs that nothing points into, unless a backup reads them.
fn remove(store: &Store, empty: &[(u32, u64)], done: &mut Compacted) -> Result<(), Error> {
    let shared = &store.inner.shared;
    // What was staged there is committed by now, and the index shows it, or it never will be.
    let unstaged = |number| shared.packs.gate.staged_in(number).is_empty();
    let all = empty.len();
    let empty: Vec<_> = empty.iter().filter(|(n, _)| unstaged(*n)).collect();
    done.more |= empty.len() < all;
    if empty.is_empty() {
        return Ok(());
    }
    let after = used(&shared.index)?;
    let Some(_alone) = Pin::exclusive(&shared.dir) else {
        done.more = true;
        return Ok(());
    };
    for (number, octets) in empty {
        if after.contains_key(number) {
            done.more = true;
            continue;
        }
        let forget = vec![Op::Delete(key::pack(*number))];
        let system = AccountId::SYSTEM;
        store.submit(system, Number::None, forget, &[], Box::new(|| {}))?;
        shared.packs.remove(*number)?;
        done.removed += 1;
        done.freed += octets;
    }
    Ok(())
}
