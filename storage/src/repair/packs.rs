//! Packs in a repair: each gets its own name and its header again, copies and what is no pack go aside, and content
//! that is not where the index says is looked for everywhere, also in what this and earlier repairs put aside.

use super::mishap::Mishap;
use super::{ASIDE, ASIDE_MAX, Repaired, aside, rename};
use crate::index::Op;
use crate::owner::Owner;
use crate::pack::{self, Among, Astray, Found};
use crate::record::Location;
use crate::{BlobId, Error, Options, Store, check, key, record};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Added to a pack's own name while it is on its way there: two may have each other's.
const MOVING: &str = ".moving";
/// Contents that are looked for at once; more are looked for in further rounds.
const WANTED_MAX: usize = 100_000;
/// Contents whose places are told by one commit.
const BATCH: usize = 256;

/// Contents that cannot be read, and why.
#[derive(Debug, Default)]
pub(super) struct Damaged {
    pub listed: BTreeMap<BlobId, Error>,
    /// How many there are besides.
    pub more: usize,
}

impl Damaged {
    fn add(&mut self, id: BlobId, why: Error) {
        if self.listed.len() < WANTED_MAX {
            self.listed.insert(id, why);
        } else {
            self.more += 1;
        }
    }
}

/// Gives packs their own names, and those whose header is damaged their header again; what is no pack, and a pack that
/// is there twice, goes aside. Errors: `Unavailable`.
pub(super) fn put_right(
    options: &Options,
    owner: Owner,
    report: &mut Repaired,
) -> Result<(), Error> {
    let dir = options.dir.join("packs");
    name(options, &dir, report)?;
    for (name, what) in pack::headless(&dir, owner)? {
        let to = put_aside(options, &dir, &name, report)?;
        let what = match what {
            pack::Headless::Mended(bytes) => {
                options.disk.replace(&dir, &name, &bytes)?;
                Mishap::PackHeader { name }
            }
            pack::Headless::Strange => Mishap::PackStrange { name, to },
        };
        report.add(&what, &[]);
    }
    Ok(())
}

fn put_aside(
    options: &Options,
    dir: &Path,
    name: &str,
    report: &mut Repaired,
) -> Result<String, Error> {
    let to = aside(options, name)?;
    rename(options, &dir.join(name), &to)?;
    report.aside = Some(options.dir.join(ASIDE));
    Ok(to.display().to_string())
}

/// Gives packs that were renamed or exchanged their own names.
fn name(options: &Options, dir: &Path, report: &mut Repaired) -> Result<(), Error> {
    arrive(options, dir)?;
    let all = pack::astray(dir)?;
    let moving: BTreeSet<u32> = all.iter().map(|astray| astray.named).collect();
    // Of several copies the one that has most.
    let mut takes: BTreeMap<u32, Astray> = BTreeMap::new();
    let takers = all.iter().filter(|a| {
        let is_free = moving.contains(&a.own) || !pack::is_own(dir, a.own);
        a.is_certain && a.own <= pack::NUMBER_MAX && is_free
    });
    for taker in takers {
        let best = takes.entry(taker.own).or_insert(*taker);
        if taker.octets > best.octets {
            *best = *taker;
        }
    }
    let is_taker = |a: &Astray| takes.get(&a.own) == Some(a);
    for found in all.iter().filter(|a| !is_taker(a)) {
        if !found.is_certain && found.named <= pack::NUMBER_MAX {
            // Of the first version: its number may be damage. It is written anew, and its contents are found.
            continue;
        }
        let (name, own) = (pack::name_of(found.named), found.own);
        let to = put_aside(options, dir, &name, report)?;
        report.add(&Mishap::PackCopy { name, own, to }, &[]);
    }
    for (own, taker) in &takes {
        let (name, own) = (pack::name_of(taker.named), pack::name_of(*own));
        if !moving.contains(&taker.own) && dir.join(&own).exists() {
            let to = put_aside(options, dir, &own, report)?;
            let name = own.clone();
            report.add(&Mishap::PackReplaced { name, to }, &[]);
        }
        rename(
            options,
            &dir.join(&name),
            &dir.join(format!("{own}{MOVING}")),
        )?;
        report.add(&Mishap::PackRenamed { name, own }, &[]);
    }
    arrive(options, dir)
}

/// Packs that were on their way get their names, now or in the repair behind one that was cut off.
fn arrive(options: &Options, dir: &Path) -> Result<(), Error> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Ok(());
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut moving: Vec<String> = names.filter(|name| name.ends_with(MOVING)).collect();
    moving.sort_unstable();
    for name in moving {
        let own = name.trim_end_matches(MOVING);
        let to = match dir.join(own).exists() {
            true => aside(options, own)?,
            false => dir.join(own),
        };
        rename(options, &dir.join(&name), &to)?;
    }
    Ok(())
}

/// No pack gets the number of one that is gone as long as content in it is named: what was in that could come back,
/// and what lies where it should lie must not be another's. Errors: `Unavailable`.
pub(super) fn number_on(store: &Store) -> Result<(), Error> {
    let shared = &store.inner.shared;
    let gone = shared.packs.gone(&shared.index)?;
    let (mut last, prefix) = (gone.last().copied().unwrap_or(0), key::blobs());
    shared.index.scan(&prefix, &prefix, &mut |_, value| {
        // A row that cannot be read is a finding.
        if let Ok(at) = record::decode::<Location>(value, "blob") {
            last = last.max(at.pack);
        }
        Ok(true)
    })?;
    shared.packs.begin_beyond(last)
}

/// What `look` finds not to be whole where it should be is looked for elsewhere, and what is found is told to the index;
/// returns what is not. Errors: `Unavailable`.
pub(super) fn found_again(
    store: &Store,
    look: fn(&Store) -> Result<Damaged, Error>,
    report: &mut Repaired,
) -> Result<Damaged, Error> {
    // Each is looked for until it is found once: what is damaged still misses a piece that is nowhere.
    let mut found: BTreeSet<BlobId> = BTreeSet::new();
    loop {
        let damaged = look(store)?;
        let wanted = damaged.listed.keys().filter(|id| !found.contains(*id));
        let mut wanted: BTreeSet<BlobId> = wanted.copied().collect();
        let all = wanted.clone();
        for place in places(store)? {
            if wanted.is_empty() {
                break;
            }
            find(store, &place, &mut wanted, report)?;
        }
        if all == wanted {
            return Ok(damaged);
        }
        found.extend(all.difference(&wanted));
        // What is put together of pieces is whole again with them.
    }
}

/// Looks only at the heads of contents, which tell where none lies.
pub(super) fn misplaced(store: &Store) -> Result<Damaged, Error> {
    let shared = &store.inner.shared;
    let (mut damaged, prefix) = (Damaged::default(), key::blobs());
    shared.index.scan(&prefix, &prefix, &mut |key, value| {
        let (Some(id), Ok(location)) = (key::blob_of(key), record::decode(value, "blob")) else {
            return Ok(true);
        };
        match shared.packs.verify_head(id, &location) {
            Ok(()) => {}
            Err(e @ Error::Corrupt(_)) => damaged.add(id, e),
            Err(e) => return Err(e),
        }
        Ok(true)
    })?;
    Ok(damaged)
}

/// Reads all content.
pub(super) fn damaged(store: &Store) -> Result<Damaged, Error> {
    let watch = store.inner.shared.disk.watch().clone();
    let mut damaged = Damaged::default();
    let wrong = &mut |id: BlobId, e: Error| damaged.add(id, e);
    check::damaged_contents(store, wrong, &mut |p| watch.tell(p))?;
    Ok(damaged)
}

/// A file that may hold content.
enum Place {
    Pack(u32),
    File(PathBuf),
}

/// All packs, and all that were put aside.
fn places(store: &Store) -> Result<Vec<Place>, Error> {
    let dir = &store.inner.shared.dir;
    let mut places: Vec<Place> = pack::there(dir)?.into_iter().map(Place::Pack).collect();
    for number in 1..ASIDE_MAX {
        let folder = match number {
            1 => dir.join(ASIDE),
            n => dir.join(format!("{ASIDE}.{n}")),
        };
        let Ok(entries) = std::fs::read_dir(&folder) else {
            break;
        };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let is_pack =
            |path: &PathBuf| path.extension().is_some_and(|e| e == "pack") && path.is_file();
        let mut paths: Vec<PathBuf> = paths.filter(is_pack).collect();
        paths.sort_unstable();
        places.extend(paths.into_iter().map(Place::File));
    }
    Ok(places)
}

/// Takes out of `wanted` what is found there.
fn find(
    store: &Store,
    place: &Place,
    wanted: &mut BTreeSet<BlobId>,
    report: &mut Repaired,
) -> Result<(), Error> {
    let shared = &store.inner.shared;
    let (among, file) = match place {
        Place::Pack(number) => (Among::Pack(*number), shared.packs.file(*number)),
        Place::File(path) => (Among::File(path), path.clone()),
    };
    let (mut found, mut all) = (Vec::new(), 0);
    let here = wanted.clone();
    shared.packs.find(among, &here, &shared.index, &mut |one| {
        wanted.remove(&one.id);
        all += 1;
        found.push(one);
        match found.len() < BATCH {
            true => Ok(()),
            false => tell(store, std::mem::take(&mut found)),
        }
    })?;
    if !found.is_empty() {
        tell(store, found)?;
    }
    if all > 0 {
        let file = file.strip_prefix(&shared.dir).unwrap_or(&file);
        let file = file.display().to_string();
        report.add(&Mishap::ContentFound { count: all, file }, &[]);
    }
    Ok(())
}

/// Tells the index where they lie, durably.
fn tell(store: &Store, found: Vec<Found>) -> Result<(), Error> {
    let (mut ops, mut packs) = (Vec::new(), BTreeSet::new());
    for Found { id, at, parts } in found {
        ops.push(Op::Put(key::blob(id), record::encode(&at)?));
        if !parts.is_empty() {
            ops.push(Op::Put(key::parts(id), record::encode(&parts)?));
        }
        packs.insert(at.pack);
    }
    for pack in &packs {
        ops.push(Op::Put(key::pack(*pack), record::encode(&())?));
    }
    store.submit_moved(ops, packs.into_iter().collect())?;
    Ok(())
}
