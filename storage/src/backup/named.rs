//! Which packs a store names, and up to where each must reach: read from its snapshots and its journal, without
//! its index, which a running server holds.

use super::{Take, sound};
use crate::index::{Op, ops_of};
use crate::journal::{FILE_HEAD, Met, Position};
use crate::owner::Owner;
use crate::pack::{self, Last, Stretch};
use crate::record::{self, Location};
use crate::seal::Keys;
use crate::snapshot::Folder;
use crate::{AccountId, Error, Options, journal, key, rebuild};
use std::collections::{BTreeMap, HashMap};

/// The packs with their last content.
pub(super) type Named = BTreeMap<u32, Last>;

/// What the store names up to this place of its journal, and how many contents of it are named in packs that were lost and
/// given up; `None` when its keys are not given. Errors: `Corrupt`.
pub(super) fn packs(
    task: &Take<'_>,
    owner: Owner,
    end: Position,
) -> Result<Option<(Named, u64)>, Error> {
    let (mut known, mut lasts) = (Vec::new(), Named::new());
    let mut contents: BTreeMap<u32, u64> = BTreeMap::new();
    let read = each(task, owner, end, &mut |key, value| {
        let Some(id) = key::blob_of(key) else {
            known.extend(key::pack_of(key));
            return Ok(());
        };
        let Location {
            pack,
            offset,
            stored,
            ..
        } = record::decode(value, "blob")?;
        *contents.entry(pack).or_default() += 1;
        let here = Last { offset, stored, id };
        let last = lasts.entry(pack).or_insert(here);
        if last.offset < offset {
            *last = here;
        }
        Ok(())
    })?;
    // Of a pack that was lost and given up by a repair, content may still be named, whether that left its mark or not.
    lasts.retain(|number, _| known.contains(number));
    let there = |number: &u32| task.store.join(sound::path_of(*number)).exists();
    contents.retain(|number, _| !known.contains(number) && !there(number));
    Ok(read.then(|| (lasts, contents.values().sum())))
}

/// Of damaged stretches of a pack those that hold something which is still named: what a restore healed lies
/// elsewhere now, and the damage stays until the pack is compacted. Errors: `Corrupt`.
pub(super) fn used(
    task: &Take<'_>,
    (owner, end): (Owner, Position),
    number: u32,
    stretches: &[Stretch],
) -> Result<Vec<bool>, Error> {
    let is_head = |stretch: &Stretch| stretch.from < pack::FILE_HEAD;
    let mut used: Vec<bool> = stretches.iter().map(is_head).collect();
    let read = each(task, owner, end, &mut |key, value| {
        if key::blob_of(key).is_none() {
            return Ok(());
        }
        let here: Location = record::decode(value, "blob")?;
        let behind = here.offset + pack::HEAD as u64 + u64::from(here.stored);
        if here.pack == number {
            for (stretch, used) in stretches.iter().zip(&mut used) {
                *used |= here.offset < stretch.to && stretch.from < behind;
            }
        }
        Ok(())
    })?;
    if !read {
        used.fill(true);
    }
    Ok(used)
}

/// Hears of a row: its key and its value.
type Each<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<(), Error>;

/// Visits the rows of packs and contents as they are at this place of the journal; false without the store's keys.
fn each(task: &Take<'_>, owner: Owner, end: Position, take: Each<'_>) -> Result<bool, Error> {
    let options = Options {
        dir: task.store.to_owned(),
        keys: task.keys.clone(),
        ..Options::default()
    };
    let Some(keys) = Keys::look(&options)? else {
        return Ok(false);
    };
    let folder = Folder::at(&options.dir, &options.disk, &keys, owner);
    let chain = folder.chain()?;
    let from = rebuild::tail(&folder, &chain)?;
    // What the journal says counts: packs that were rewritten since the snapshots are gone.
    let mut later: HashMap<Vec<u8>, Option<Vec<u8>>> = HashMap::new();
    let is_ours = |key: &[u8]| key.starts_with(&key::packs()) || key::blob_of(key).is_some();
    let mut met = |met: Met<'_>| {
        for op in ops_of(met.body) {
            match op? {
                Op::Put(key, value) if is_ours(&key) => later.insert(key, Some(value)),
                Op::Delete(key) if is_ours(&key) => later.insert(key, None),
                _ => None,
            };
        }
        Ok(true)
    };
    for number in from.segment..end.segment {
        journal::sealed(&folder.journal(), &keys, number, &mut met)?;
    }
    // Of a segment that is just being begun there may be no head yet.
    if end.segment >= from.segment && end.offset > FILE_HEAD {
        let first = Position {
            offset: FILE_HEAD,
            ..end
        };
        journal::between(&folder.journal(), &keys, first, end, &mut met)?;
    }
    for prefix in [key::packs(), key::kind(AccountId::SYSTEM, key::BLOB)] {
        for entry in chain.merged(&prefix)?.living() {
            let entry = entry?;
            if !entry.key.starts_with(&prefix) {
                break;
            }
            if !later.contains_key(&entry.key) {
                take(&entry.key, &entry.value.unwrap_or_default())?;
            }
        }
    }
    for (key, value) in &later {
        if let Some(value) = value {
            take(key, value)?;
        }
    }
    Ok(true)
}
