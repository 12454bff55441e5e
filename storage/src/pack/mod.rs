//! Packs: immutable content in append-only files, addressed by its BLAKE3 hash, stored once.
//!
//! [`Packs::put_under`] appends at once; [`Packs::sync`] makes all that was appended durable, beside the
//! journal's own sync. No commit is acknowledged or applied before both; a crash between them is
//! found by replay, which reads the content that the last group names. After an unclean stop a new
//! pack is begun.
//!
//! Content with base64 in it is stored as a recipe: its text, and what the base64 says. What is
//! large is an entry of its own, shared by all messages that carry it ([`crate::share`]).

mod astray;
mod bloom;
mod examine;
mod format;
mod found;
mod gate;
mod proven;
mod read;
mod recipe;
mod tail;
#[cfg(test)]
mod tests;
mod verify;

pub(crate) use astray::{Astray, NUMBER_MAX, astray, is_own};
pub(crate) use bloom::Bloom;
pub(crate) use examine::{Last, Stretch, content_at, examine, fits, header, name_of, number_of};
pub(crate) use format::{FILE_HEAD, HEAD};
pub(crate) use format::{Headless, headless, said, there};
pub(crate) use found::{Among, Found};
pub(crate) use gate::{Gate, Held, Staged};
pub(crate) use read::is_whole;
pub use verify::Verified;

use crate::disk::{self, Disk};
use crate::index::{Index, Op};
use crate::owner::Owner;
use crate::record::{self, Form, Location};
use crate::seal::{KeyId, Keys};
use crate::store::Opening;
use crate::zip::Zip;
use crate::{BlobId, Error, Fault, Obstacle, Options, key};
use proven::Proven;
use read::Opened;
use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tail::Tail;

/// Largest content, octets.
pub(crate) const BLOB_OCTETS_MAX: usize = 512 * 1024 * 1024;

/// Contents that are looked for in the index at once.
const NAMED_MAX: usize = 1_024;

/// See the module.
pub(crate) struct Packs {
    dir: PathBuf,
    disk: Disk,
    sealed_at: u64,
    tail: Mutex<Tail>,
    open: Mutex<VecDeque<Opened>>,
    /// What is in use just now.
    pub gate: Gate,
    /// Packs that the index knows of, so that a missing one is noticed at the next start.
    noted: Mutex<BTreeSet<u32>>,
    proven: Proven,
    keys: Keys,
    /// Whose they are.
    owner: Owner,
    zip: Zip,
}

/// Where a content was found to lie. Upkeep may move it from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lies(Location);

/// What a commit that names content consists of, besides the caller's own changes.
pub(crate) struct Named<'a> {
    /// Where the content lies, as far as the index does not know.
    pub ops: Vec<Op>,
    /// All of it, the shared pieces too.
    pub ids: Vec<BlobId>,
    /// The packs that `ops` speak of.
    pub packs: Vec<u32>,
    /// Keeps it where it is.
    _held: Vec<Held<'a>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Packs {
    /// Opens the folder. After a clean stop the last pack is continued.
    pub(crate) fn open(
        options: &Options,
        clean: bool,
        keys: Keys,
        owner: Owner,
    ) -> Result<Self, Error> {
        let dir = options.dir.join(format::FOLDER);
        options.disk.make_dir(&dir)?;
        let tail = Tail::open(&dir, options, clean)?;
        Ok(Self {
            dir,
            disk: options.disk.clone(),
            sealed_at: options.sizes.pack,
            tail: Mutex::new(tail),
            open: Mutex::default(),
            gate: Gate::default(),
            noted: Mutex::default(),
            proven: Proven::default(),
            keys,
            owner,
            zip: Zip::default(),
        })
    }

    /// Every pack that the index knows must be there, and be ours to read: a wrong owner or mode is no damage,
    /// and is set right before anybody is told that mail cannot be read. A repair opens the store without those that
    /// are not there, and then forgets them. Errors: `Corrupt`, naming the first that is not there, or in whose place
    /// another is; `Unavailable`, naming the first that may not be read.
    pub(crate) fn expect_all(
        &self,
        index: &Index,
        clean: bool,
        opening: Opening,
    ) -> Result<(), Error> {
        let (mut known, gone) = self.known(index)?;
        if let (Some(missing), true) = (gone.first(), opening != Opening::Repair) {
            return Err(self.missing(*missing));
        }
        known.retain(|number| !gone.contains(number));
        for number in &known {
            let path = format::path(&self.dir, *number);
            match std::fs::File::open(&path) {
                Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
                    return Err(disk::failed("cannot read", &path, &e));
                }
                _ => astray::expect_own(&self.dir, *number)?,
            }
        }
        // The one that would be written on.
        let last = self.tail_number();
        if clean && known.contains(&last) {
            let path = format::path(&self.dir, last);
            let file = self.disk.open_existing(&path);
            let file = file.map_err(|e| disk::failed("cannot read", &path, &e))?;
            format::check_head(&file, last)?;
        }
        *lock(&self.noted) = known;
        Ok(())
    }

    /// The packs that the index knows, and those of them that are not there.
    fn known(&self, index: &Index) -> Result<(BTreeSet<u32>, BTreeSet<u32>), Error> {
        let there: BTreeSet<u32> = format::numbers(&self.dir)?.into_iter().collect();
        let mut known = BTreeSet::new();
        let prefix = key::packs();
        index.scan(&prefix, &prefix, &mut |key, _| {
            known.extend(key::pack_of(key));
            Ok(true)
        })?;
        let gone = known.difference(&there).copied().collect();
        Ok((known, gone))
    }

    /// The packs that the index knows and that are not there. Errors: `Unavailable`.
    pub(crate) fn gone(&self, index: &Index) -> Result<BTreeSet<u32>, Error> {
        Ok(self.known(index)?.1)
    }

    fn missing(&self, number: u32) -> Error {
        let path = format::path(&self.dir, number);
        let file = path.display().to_string();
        Error::corrupt(Fault::PackMissing { file })
    }

    #[cfg(test)]
    pub(crate) fn put(&self, bytes: &[u8], index: &Index) -> Result<BlobId, Error> {
        self.put_under(self.keys.system(), bytes, index)
    }

    /// Appends content unless it is there already, under this key when the store is sealed; shared
    /// pieces under the system's. Durable with the commit that names it.
    pub(crate) fn put_under(
        &self,
        key: KeyId,
        bytes: &[u8],
        index: &Index,
    ) -> Result<BlobId, Error> {
        if bytes.len() > BLOB_OCTETS_MAX {
            return Err(Error::TooLarge("content"));
        }
        let id = BlobId::of(bytes);
        if self.is_known(id, index)? {
            return Ok(id);
        }
        match self.take_apart(bytes, index)? {
            Some(apart) => {
                self.add(
                    key,
                    id,
                    Form::Assembled,
                    &apart.stored,
                    bytes.len(),
                    apart.parts,
                )?;
            }
            None => self.put_whole(key, id, bytes)?,
        }
        Ok(id)
    }

    /// A shared piece: as [`Packs::put_under`], but never taken apart.
    fn put_part(&self, bytes: &[u8], index: &Index) -> Result<BlobId, Error> {
        let id = BlobId::of(bytes);
        if !self.is_known(id, index)? {
            self.put_whole(self.keys.system(), id, bytes)?;
        }
        Ok(id)
    }

    fn put_whole(&self, key: KeyId, id: BlobId, bytes: &[u8]) -> Result<(), Error> {
        match self.zip.pack(bytes) {
            Some((form, small)) => self.add(key, id, form, &small, bytes.len(), Vec::new()),
            None => self.add(key, id, Form::Plain, bytes, bytes.len(), Vec::new()),
        }
    }

    /// Whether it need not be appended: known, and read back whole. From here on it is not removed.
    /// What turns out damaged is appended anew, and its new place heals all who have it.
    fn is_known(&self, id: BlobId, index: &Index) -> Result<bool, Error> {
        if self.gate.touch(id).is_some() {
            return Ok(true);
        }
        let known = index.get(&key::blob(id))?.is_some() && self.is_good(id, index);
        if known {
            self.gate.stage(id, Staged::Known);
        }
        Ok(known)
    }

    /// Whether what is stored of it, and of its shared pieces, is what it was; read once, then remembered.
    pub(crate) fn is_good(&self, id: BlobId, index: &Index) -> bool {
        if self.proven.holds(id) {
            return true;
        }
        match self.read(id, index) {
            Ok(_) => self.proven.add(id),
            Err(Error::NotFound) => return false,
            Err(why) => {
                tracing::error!(%id, %why, "stored content is damaged: not shared");
                return false;
            }
        }
        true
    }

    fn add(
        &self,
        key: KeyId,
        id: BlobId,
        form: Form,
        stored: &[u8],
        raw: usize,
        parts: Vec<BlobId>,
    ) -> Result<(), Error> {
        let mut tail = lock(&self.tail);
        // Two writers may bring the same content at once.
        if self.gate.staged(id).is_some() {
            return Ok(());
        }
        let location = self.append_under(key, &mut tail, id, form, stored, raw)?;
        self.gate.stage(id, Staged::At(location, parts));
        self.proven.add(id);
        Ok(())
    }

    /// What a commit must say of the content that it names. The content stays where it is as long as
    /// the answer is kept. Errors: `Unavailable` when it is neither staged nor known to the index.
    pub(crate) fn name(&self, blobs: &[BlobId], index: &Index) -> Result<Named<'_>, Error> {
        let mut ids: Vec<BlobId> = blobs.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let mut held = vec![self.gate.hold(ids.clone())];
        let (mut ops, mut packs) = (Vec::new(), BTreeSet::new());
        for (id, parts) in self.name_all(&ids, index, &mut ops, &mut packs)? {
            if parts.is_empty() {
                continue;
            }
            held.push(self.gate.hold(parts.clone()));
            self.name_all(&parts, index, &mut ops, &mut packs)?;
            ops.push(Op::Put(key::parts(id), record::encode(&parts)?));
            ids.extend(parts);
        }
        let noted = lock(&self.noted);
        for pack in packs.iter().filter(|p| !noted.contains(p)) {
            ops.push(Op::Put(key::pack(*pack), record::encode(&())?));
        }
        Ok(Named {
            ops,
            ids,
            packs: packs.into_iter().collect(),
            _held: held,
        })
    }

    /// Says where those lie that the index may not know; returns these, with their shared pieces.
    fn name_all(
        &self,
        ids: &[BlobId],
        index: &Index,
        ops: &mut Vec<Op>,
        packs: &mut BTreeSet<u32>,
    ) -> Result<Vec<(BlobId, Vec<BlobId>)>, Error> {
        let (mut fresh, mut rest) = (Vec::new(), Vec::new());
        for id in ids {
            match self.gate.staged(*id) {
                Some(Staged::At(location, parts)) => {
                    ops.push(Op::Put(key::blob(*id), record::encode(&location)?));
                    packs.insert(location.pack);
                    fresh.push((*id, parts));
                }
                _ => rest.push(key::blob(*id)),
            }
        }
        // A copy of a mailbox names very many: neighbours in the index are read together.
        for some in rest.chunks(NAMED_MAX) {
            if index.multi_get(some)?.contains(&None) {
                return Err(Error::Unavailable(Obstacle::ContentLost));
            }
        }
        Ok(fresh)
    }

    /// A commit that spoke of these packs is durable.
    pub(crate) fn note(&self, packs: &[u32]) {
        if !packs.is_empty() {
            lock(&self.noted).extend(packs);
        }
    }

    /// The index knows it now.
    pub(crate) fn settle(&self, ids: &[BlobId]) {
        self.gate.settle(ids);
    }

    /// Content was found damaged: neither it nor its shared pieces count as good any more, so that whoever
    /// brings it again heals it.
    pub(crate) fn doubt(&self, id: BlobId, index: &Index) {
        self.proven.forget(id);
        let parts = index.get(&key::parts(id)).ok().flatten();
        let parts = parts.and_then(|parts| record::decode::<Vec<BlobId>>(&parts, "recipe").ok());
        for part in parts.unwrap_or_default() {
            self.proven.forget(part);
        }
    }

    /// The file of a pack.
    pub(crate) fn file(&self, number: u32) -> PathBuf {
        format::path(&self.dir, number)
    }

    /// The file in which content lies, and at which octet; for people.
    pub(crate) fn place_of(&self, id: BlobId, index: &Index) -> Option<(PathBuf, u64)> {
        let location = self.locate(id, index).ok()?;
        Some((format::path(&self.dir, location.pack), location.offset))
    }

    /// Where contents lie, in the order asked, all looked for at once: neighbours in the index are read together.
    /// `None`: nowhere.
    pub(crate) fn locate_all(
        &self,
        ids: &[BlobId],
        index: &Index,
    ) -> Result<Vec<Option<Lies>>, Error> {
        let keys: Vec<Vec<u8>> = ids.iter().map(|id| key::blob(*id)).collect();
        let rows = index.multi_get(&keys)?.into_iter().zip(ids);
        rows.map(|(row, id)| {
            if let Some(Staged::At(location, _)) = self.gate.staged(*id) {
                return Ok(Some(Lies(location)));
            }
            let location = row.map(|row| record::decode(&row, "blob")).transpose()?;
            Ok(location.map(Lies))
        })
        .collect()
    }

    /// Where content lies. Errors: `NotFound`.
    pub(crate) fn locate(&self, id: BlobId, index: &Index) -> Result<Location, Error> {
        if let Some(Staged::At(location, _)) = self.gate.staged(id) {
            return Ok(location);
        }
        let value = index.get(&key::blob(id))?.ok_or(Error::NotFound)?;
        record::decode(&value, "blob")
    }
}
