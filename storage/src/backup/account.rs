//! One account out of a backup: a small store of its own, cut out of the backup's files.
//!
//! Snapshots and journal are read as a whole, since the account's keys may be anywhere in them; of the
//! packs only the pieces that hold the account's content. Keys and content go into a scratch store
//! with the index in memory, so that everything that reads an account, also as at a time, works there.

use super::chunk::{self, Chunks};
use super::crew::{self, Goal};
use super::manifest::{Entry, Manifest};
use super::restore::{Fresh, Which};
use super::sealer::Sealer;
use super::{Failure, Refusal, Secret, Stage, Tell, Vault};
use crate::commit::Number;
use crate::disk::{self, Disk};
use crate::format::Format;
use crate::index::Op;
use crate::owner::Owner;
use crate::record::{self, Location};
use crate::{
    AccountId, AccountStore, BlobId, EngineKind, Error, Fault, KeySource, MasterKey, Options,
    Store, key, keyring, master_fits, pack,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Octets of keys and values that go into the scratch store at once.
const COMMIT_OCTETS: usize = 1 << 20;

/// Which account of which backup, and where there is room for what is needed of it.
#[allow(missing_docs)]
pub struct Cut<'a> {
    pub vault: &'a dyn Vault,
    pub secret: &'a Secret,
    pub which: Which,
    pub account: AccountId,
    /// How the backed-up store is opened: its keys. `dir` is a folder that is made, and removed at the end.
    pub options: Options,
    /// Master keys that the store had before: the backup may be sealed under one of these.
    pub older_keys: Vec<MasterKey>,
    /// Threads, at most [`super::WORKERS_MAX`].
    pub workers: usize,
}

/// An account as the backup has it; its scratch folder is removed when this is dropped.
pub struct Account {
    // In this order: the store ends before its folder is removed.
    store: Store,
    id: AccountId,
    name: String,
    taken_at: i64,
    _scratch: Scratch,
}

struct Scratch {
    dir: PathBuf,
    disk: Disk,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(e) = self.disk.remove_tree(&self.dir) {
            tracing::warn!(error = %e, dir = %self.dir.display(), "cannot remove a scratch folder");
        }
    }
}

impl Account {
    /// Reads the account. Errors: `NoAccount`, the refusals of [`super::restore`], `Corrupt`.
    pub fn open(mut cut: Cut<'_>, tell: Tell<'_>) -> Result<Self, Failure> {
        let _held = cut.vault.hold(false)?;
        let sealer = Sealer::open(cut.vault, cut.secret)?;
        let (name, manifest) = cut.which.read(cut.vault, &sealer)?;
        let dir = cut.options.dir.clone();
        if !super::folder::names(&dir)?.is_empty() {
            return Err(Refusal::NotEmpty(dir.display().to_string()).into());
        }
        let scratch = Scratch {
            dir: dir.clone(),
            disk: cut.options.disk.clone(),
        };
        let chunks = Chunks::new(cut.vault, &sealer);
        let whole = Fresh {
            dir: dir.join("whole"),
            disk: &cut.options.disk,
            store: manifest.store,
            keyring: None,
        };
        fetch(&cut, &chunks, &whole, &manifest, tell)?;
        if let Some(older) = older_key(&cut, &whole.dir)? {
            cut.options.keys = KeySource::Master(older);
        }
        let owner = Owner {
            id: manifest.store,
            unnamed: true,
        };
        let keys = keys_of(&cut, &whole.dir, owner)?;
        let one = Fresh {
            dir: dir.join("one"),
            disk: &cut.options.disk,
            store: manifest.store,
            keyring: None,
        };
        one.disk.make_dir(&one.dir)?;
        for name in ["keyring", "keyring.copy"] {
            // Content stays sealed as it is in the packs.
            if let Ok(keyring) = std::fs::read(whole.dir.join(name)) {
                one.disk.replace(&one.dir, name, &keyring)?;
            }
        }
        // It takes the packs for its own, whenever they were begun.
        Format::of_copy(owner, keyring::is_sealed(&one.dir)).write(&one.dir, one.disk)?;
        cut.options
            .disk
            .remove_tree(&whole.dir)
            .map_err(|e| disk::failed("cannot remove", &whole.dir, &e))?;
        let store = Store::open(&Options {
            dir: one.dir.clone(),
            engine: EngineKind::Memory,
            reserve_bytes: 0,
            ..cut.options.clone()
        })?;
        // Behind the store's back: a folder with packs and nothing else is one that lost its journal.
        contents(&cut, &chunks, &one, (&manifest, &keys), tell)?;
        fill(&store, keys)?;
        Ok(Self {
            store,
            id: cut.account,
            name,
            taken_at: manifest.taken_at,
            _scratch: scratch,
        })
    }

    /// Its mail, as it was at the end of the backup. For reading only: what is written is lost.
    pub fn read(&self) -> AccountStore {
        self.store.account(self.id)
    }

    /// Whose mail it is.
    pub fn id(&self) -> AccountId {
        self.id
    }

    /// The backup's name.
    pub fn backup(&self) -> &str {
        &self.name
    }

    /// When the backup was taken, Unix seconds.
    pub fn taken_at(&self) -> i64 {
        self.taken_at
    }
}

/// The master key of then, where it is not the one of now.
fn older_key(cut: &Cut<'_>, dir: &Path) -> Result<Option<MasterKey>, Error> {
    match &cut.options.keys {
        KeySource::Master(key) if !master_fits(dir, key)? => {}
        _ => return Ok(None),
    }
    for key in &cut.older_keys {
        if master_fits(dir, key)? {
            return Ok(Some(key.clone()));
        }
    }
    Ok(None)
}

/// Writes all but the packs into the scratch folder.
fn fetch(
    cut: &Cut<'_>,
    chunks: &Chunks<'_>,
    whole: &Fresh<'_>,
    manifest: &Manifest,
    tell: Tell<'_>,
) -> Result<(), Failure> {
    // The scratch store gets a `format` of its own.
    let wanted = |e: &&Entry| !e.path.starts_with("packs/") && e.path != crate::format::FILE;
    let entries: Vec<&Entry> = manifest.files.iter().filter(wanted).collect();
    whole.disk.make_dir(&whole.dir)?;
    whole.make_dirs(entries.iter().copied())?;
    let goal = Goal {
        stage: Stage::Reading,
        total: entries.iter().map(|entry| entry.octets).sum(),
        workers: cut.workers,
    };
    crew::each(&entries, &goal, tell, |entry, pace| {
        whole.file(chunks, entry, None, pace)
    })?;
    Ok(())
}

/// The account's keys, and those of the content that they name.
fn keys_of(cut: &Cut<'_>, dir: &Path, owner: Owner) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Failure> {
    let options = Options {
        dir: dir.to_owned(),
        ..cut.options.clone()
    };
    let options = (&options, owner);
    let account = cut.account;
    let mut keys = super::keys::read(options, &account.raw().to_be_bytes(), &|_| true)?;
    if account == AccountId::SYSTEM || keys.is_empty() {
        return Err(Refusal::NoAccount.into());
    }
    let system = |kind| key::kind(AccountId::SYSTEM, kind);
    let mut named = BTreeSet::new();
    for (key, value) in &keys {
        super::keys::blobs(key, value, &mut |id| {
            named.insert(id);
        })?;
    }
    let recipes = |key: &[u8]| key::parts_of(key).is_some_and(|id| named.contains(&id));
    let mut recipes = super::keys::read(options, &system(key::PARTS), &recipes)?;
    for parts in recipes.values() {
        named.extend(record::decode::<Vec<BlobId>>(parts, "recipe")?);
    }
    keys.append(&mut recipes);
    let wanted = |key: &[u8]| key::blob_of(key).is_some_and(|id| named.contains(&id));
    keys.append(&mut super::keys::read(
        options,
        &system(key::BLOB),
        &wanted,
    )?);
    Ok(keys)
}

/// Pieces of the packs that hold the account's content, at their places in files that are empty elsewhere.
fn contents(
    cut: &Cut<'_>,
    chunks: &Chunks<'_>,
    one: &Fresh<'_>,
    (manifest, keys): (&Manifest, &BTreeMap<Vec<u8>, Vec<u8>>),
    tell: Tell<'_>,
) -> Result<(), Failure> {
    let mut wanted: BTreeMap<u32, Vec<(u64, u64)>> = BTreeMap::new();
    for (key, value) in keys {
        if key::blob_of(key).is_some() {
            let location: Location = record::decode(value, "blob")?;
            let (from, to) = extent(&location);
            let spans = wanted
                .entry(location.pack)
                .or_insert_with(|| vec![(0, pack::FILE_HEAD)]);
            spans.push((from, to));
        }
    }
    let mut packs = Vec::new();
    for (number, spans) in wanted {
        let path = format!("packs/{}", format_args!("{number:06}.pack"));
        let entry = manifest.files.iter().find(|entry| entry.path == path);
        let missing = || Error::corrupt(Fault::BackupLacks { path: path.clone() });
        packs.push((entry.ok_or_else(missing)?, spans));
    }
    one.make_dirs(packs.iter().map(|(entry, _)| *entry))?;
    let goal = Goal {
        stage: Stage::Reading,
        total: packs
            .iter()
            .flat_map(|(_, spans)| spans)
            .map(|(from, to)| to - from)
            .sum(),
        workers: cut.workers,
    };
    crew::each(&packs, &goal, tell, |(entry, spans), pace| {
        let path = one.dir.join(&entry.path);
        let failed = |e: &std::io::Error| disk::failed("cannot write", &path, e);
        let file = one.disk.open(&path)?;
        file.set_len(entry.octets).map_err(|e| failed(&e))?;
        for (at, (id, octets)) in entry.pieces().enumerate() {
            let start = (at * chunk::OCTETS) as u64;
            let here: Vec<(u64, u64)> = spans
                .iter()
                .map(|(from, to)| ((*from).max(start), (*to).min(start + octets)))
                .filter(|(from, to)| from < to)
                .collect();
            if here.is_empty() {
                continue;
            }
            let raw = match chunks.get(&id) {
                Ok(raw) => raw,
                // Only the letters in it cannot be had; whoever places them counts them.
                Err(Error::Corrupt(why)) => {
                    tracing::warn!(%why, file = entry.path, "a piece of the backup is damaged");
                    one.lost_piece(entry, start, octets)
                }
                Err(e) => return Err(e.into()),
            };
            for (from, to) in here {
                let piece = raw.get((from - start) as usize..(to - start) as usize);
                let piece = piece.ok_or_else(|| {
                    Error::Corrupt(
                        format!("{} of the backup is too short", chunk::path(&id)).into(),
                    )
                })?;
                file.append_at(from, piece).map_err(|e| failed(&e))?;
                pace.step(to - from)?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// Where an entry begins and ends in its pack; some octets more in packs of the first version.
fn extent(location: &Location) -> (u64, u64) {
    let end = location.offset + pack::HEAD as u64 + u64::from(location.stored);
    (location.offset, end)
}

/// Gives the scratch store these keys.
fn fill(store: &Store, keys: BTreeMap<Vec<u8>, Vec<u8>>) -> Result<(), Error> {
    let (mut ops, mut octets) = (Vec::new(), 0);
    for (key, value) in keys {
        octets += key.len() + value.len();
        ops.push(Op::Put(key, value));
        if octets >= COMMIT_OCTETS {
            put(store, &mut ops)?;
            octets = 0;
        }
    }
    put(store, &mut ops)
}

fn put(store: &Store, ops: &mut Vec<Op>) -> Result<(), Error> {
    let ops = std::mem::take(ops);
    let written = store.submit(AccountId::SYSTEM, Number::None, ops, &[], Box::new(|| {}));
    written.map(|_| ())
}
