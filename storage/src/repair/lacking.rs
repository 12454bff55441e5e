//! A mark in the store that says of how much content the packs are lost: whoever backs it up reads it without keys, and
//! keeps the backups that have it. A repair sets it, and takes it away where nothing is missing that is still needed.

use crate::record::{self, Location};
use crate::{BlobId, Disk, Error, Options, Store, disk, key, pack};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Its name in the store's folder. A backup has it too, and what comes out of that.
pub(crate) const FILE: &str = "lacking";

/// Writes down how many contents are lost with their packs, durably. Errors: `Unavailable`.
pub(super) fn note(options: &Options, contents: u64) -> Result<(), Error> {
    let path = options.dir.join(FILE);
    if contents > 0 {
        let said = contents.to_string();
        return options.disk.replace(&options.dir, FILE, said.as_bytes());
    }
    if path.exists() {
        let removed = options.disk.remove(&path);
        removed.map_err(|e| disk::failed("cannot remove", &path, &e))?;
        options.disk.sync_dir(&options.dir)?;
    }
    Ok(())
}

/// Writes down that a pack is gone, durably, before the store forgets it: a repair that is cut off behind that must
/// not leave a store of which backups say that it is whole. Errors: `Unavailable`.
pub(super) fn suspect(dir: &Path, disk: &Disk) -> Result<(), Error> {
    match noted(dir)? {
        Some(_) => Ok(()),
        None => disk.replace(dir, FILE, b"1"),
    }
}

/// How many of these contents, none of which can be read, no pack has where they should lie: its file is gone, or ends
/// before, or has others there. What is damaged where it lies, backups see for themselves. Errors: `Unavailable`.
pub(super) fn count(store: &Store, damaged: &BTreeSet<BlobId>) -> Result<u64, Error> {
    let shared = &store.inner.shared;
    let mut wanted: BTreeMap<u32, BTreeMap<u64, BlobId>> = BTreeMap::new();
    for id in damaged {
        let Some(row) = shared.index.get(&key::blob(*id))? else {
            continue;
        };
        // A row that cannot be read is another damage.
        if let Ok(at) = record::decode::<Location>(&row, "blob") {
            wanted.entry(at.pack).or_default().insert(at.offset, *id);
        }
    }
    let mut lost = 0;
    for (number, places) in wanted {
        let len = match std::fs::metadata(shared.packs.file(number)) {
            Ok(about) => about.len(),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => 0,
            Err(e) => return Err(disk::failed("cannot read", &shared.packs.file(number), &e)),
        };
        lost += places.range(len..).count() as u64;
        if places.range(..len).next().is_none() {
            continue;
        }
        let (mut others, mut own) = (BTreeSet::new(), BTreeSet::new());
        let walked = shared.packs.walk(number, &mut |here, entry| {
            let end = here.offset + pack::HEAD as u64 + u64::from(here.stored);
            others.extend(places.range(here.offset..end.min(len)).map(|(at, _)| *at));
            if places.get(&here.offset) == Some(&entry.id) {
                own.insert(here.offset);
            }
            Ok(true)
        });
        lost += others.difference(&own).count() as u64;
        match walked {
            Ok(_) | Err(Error::Corrupt(_)) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(lost)
}

/// How many contents are lost with their packs, at least; `None`: none that a repair knows of. Errors: `Unavailable`.
pub(crate) fn noted(dir: &Path) -> Result<Option<u64>, Error> {
    let path = dir.join(FILE);
    match std::fs::read(&path) {
        // Whatever else it says, somebody set it.
        Ok(said) => Ok(Some(
            std::str::from_utf8(&said)
                .ok()
                .and_then(|said| said.trim().parse().ok())
                .unwrap_or(1),
        )),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(disk::failed("cannot read", &path, &e)),
    }
}
