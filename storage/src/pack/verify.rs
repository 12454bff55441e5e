//! Reading packs from end to end: every entry, and whether it is what it says.

use super::format::{self, Entry};
use super::{Packs, lock, read};
use crate::disk;
use crate::index::Index;
use crate::record::{self, Form, Location};
use crate::seal::KeyId;
use crate::{BlobId, Error, key};
use std::path::Path;

/// What is read at once when heads are looked for, octets.
const WINDOW: usize = 64 * 1024;

/// What [`crate::Store::verify_content`] met.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Verified {
    pub packs: u64,
    pub entries: u64,
    /// Octets of all packs.
    pub octets: u64,
}

impl Packs {
    /// Whether content and all its shared pieces have their places, by the heads that lie there; the
    /// content itself is not read. Returns its octets. Errors: `NotFound`, `Corrupt`.
    pub(crate) fn verify_place(&self, id: BlobId, index: &Index) -> Result<u32, Error> {
        let location = self.locate(id, index)?;
        // It may have been moved since it was looked for.
        self.verify_head(id, &location)
            .or_else(|_| self.verify_head(id, &self.locate(id, index)?))?;
        if location.form == Form::Assembled {
            let parts = index.get(&key::parts(id))?;
            let parts = parts.map(|p| record::decode::<Vec<BlobId>>(&p, "recipe"));
            for part in parts.transpose()?.unwrap_or_default() {
                let place = self.locate(part, index).map_err(|e| match e {
                    Error::NotFound => {
                        Error::Corrupt(format!("content {id} misses a piece").into())
                    }
                    other => other,
                })?;
                self.verify_head(part, &place)
                    .or_else(|_| self.verify_head(part, &self.locate(part, index)?))?;
            }
        }
        Ok(location.raw)
    }

    /// Reads the content of one entry and compares it with its hash and checksum.
    /// Errors: `Corrupt`, `NotFound` when it is put together of something that is not there.
    pub(crate) fn verify(
        &self,
        id: BlobId,
        location: &Location,
        index: &Index,
    ) -> Result<(), Error> {
        let (entry, octets) = self.as_stored(id, location)?;
        if entry.sum.is_some_and(|sum| sum != format::sum_of(&octets)) {
            return Err(read::damaged(id, location));
        }
        drop(octets);
        self.read_at(id, location, index).map(|_| ())
    }

    /// Verifies every entry of every pack, in the order in which they lie. `wrong` is told what is
    /// damaged and of use; damage to what nobody can reach any more is passed over.
    pub(crate) fn verify_all(
        &self,
        index: &Index,
        wrong: &mut dyn FnMut(Option<BlobId>, String),
    ) -> Result<Verified, Error> {
        let mut met = Verified::default();
        let there = format::numbers(&self.dir)?;
        let gone = |number: &u32| there.binary_search(number).is_err();
        for number in self.noted_packs().into_iter().filter(gone) {
            // It may have been removed by upkeep since.
            if self.is_gone(number, index)? {
                wrong(None, self.missing(number).to_string());
            }
        }
        for number in there {
            met.packs += 1;
            let len = match self.handle(number).and_then(|o| self.len_of(number, &o)) {
                Ok(len) => len,
                Err(e) => {
                    if self.is_gone(number, index)? || format::path(&self.dir, number).exists() {
                        wrong(None, format!("pack {number}: {e}"));
                    }
                    continue;
                }
            };
            met.octets += len;
            let walked = self.walk(number, &mut |location, entry| {
                met.entries += 1;
                // It may be moved or removed meanwhile: then it is of no use here any more.
                let of_use = || self.locate(entry.id, index).is_ok_and(|l| l == *location);
                let verified = match of_use() {
                    true => self.verify(entry.id, location, index),
                    false => Ok(()),
                };
                if let Some(e) = verified.err().filter(|_| of_use()) {
                    wrong(Some(entry.id), e.to_string());
                }
                Ok(true)
            });
            if let Err(e) = walked {
                wrong(None, format!("pack {number}: {e}"));
            }
        }
        Ok(met)
    }

    /// Packs that the index knows of.
    fn noted_packs(&self) -> Vec<u32> {
        lock(&self.noted).iter().copied().collect()
    }

    /// Whether the index counts on a pack that is not there.
    fn is_gone(&self, number: u32, index: &Index) -> Result<bool, Error> {
        let counted = index.get(&key::pack(number))?.is_some();
        Ok(counted && !format::path(&self.dir, number).exists())
    }

    fn len_of(&self, number: u32, opened: &read::Opened) -> Result<u64, Error> {
        let path = format::path(&self.dir, number);
        let len = opened.file.len();
        len.map_err(|e| disk::failed("cannot read", &path, &e))
    }

    /// Visits the heads of a pack in order until `each` returns false. Where a head is damaged, the
    /// next one is looked for. Returns the octets of the pack.
    pub(crate) fn walk(
        &self,
        number: u32,
        each: &mut dyn FnMut(&Location, &Entry) -> Result<bool, Error>,
    ) -> Result<u64, Error> {
        let opened = self.handle(number)?;
        self.walk_in(&opened, &self.file(number), each)
    }

    /// The same of a file that is open.
    pub(super) fn walk_in(
        &self,
        opened: &read::Opened,
        path: &Path,
        each: &mut dyn FnMut(&Location, &Entry) -> Result<bool, Error>,
    ) -> Result<u64, Error> {
        let len = opened.file.len();
        let len = len.map_err(|e| disk::failed("cannot read", path, &e))?;
        let head = format::head_octets(opened.version) as u64;
        let mut at = format::file_head_octets(opened.version);
        let mut window: (u64, Vec<u8>) = (0, Vec::new());
        while at + head <= len {
            let from = at.checked_sub(window.0).map(|n| n as usize);
            let held = from.and_then(|n| window.1.get(n..n + head as usize));
            let Some(octets) = held else {
                let octets = (len - at).min(WINDOW as u64) as usize;
                window = (at, vec![0; octets]);
                let read = opened.file.read_at(at, &mut window.1);
                read.map_err(|e| disk::failed("cannot read", path, &e))?;
                continue;
            };
            let Some(entry) = Entry::decode(octets) else {
                at += 1;
                continue;
            };
            let location = Location {
                pack: opened.number,
                offset: at,
                stored: entry.stored,
                raw: entry.raw,
                form: entry.form,
            };
            let end = at + head + u64::from(entry.stored);
            if end > len || !each(&location, &entry)? {
                break;
            }
            at = end;
        }
        Ok(len)
    }

    /// The packs that are not written any more, with their octets.
    pub(crate) fn sealed(&self) -> Result<Vec<(u32, u64)>, Error> {
        let tail = self.tail_number();
        let mut sealed = Vec::new();
        for number in format::numbers(&self.dir)? {
            if number < tail {
                let path = format::path(&self.dir, number);
                let octets = std::fs::metadata(&path).map(|m| m.len());
                let octets = octets.map_err(|e| disk::failed("cannot read", &path, &e))?;
                sealed.push((number, octets));
            }
        }
        Ok(sealed)
    }

    /// Appends an entry once more, as it is stored, to the pack that is being written.
    /// Errors: `Corrupt` when it is damaged.
    pub(crate) fn relocate(&self, id: BlobId, from: &Location) -> Result<Location, Error> {
        let (entry, octets) = self.as_stored(id, from)?;
        // Damage is not to be carried on under a new checksum.
        if entry.sum.is_some_and(|sum| sum != format::sum_of(&octets)) {
            return Err(read::damaged(id, from));
        }
        let stored = self.unseal(&entry, octets)?;
        if entry.sum.is_none() && BlobId::of(&self.unpacked(&entry, stored.clone())?) != id {
            return Err(read::damaged(id, from));
        }
        let mut tail = lock(&self.tail);
        let key = self.keys.successor(KeyId(entry.key));
        self.append_under(key, &mut tail, id, entry.form, &stored, entry.raw as usize)
    }

    /// Removes a pack that nothing points into.
    pub(crate) fn remove(&self, number: u32) -> Result<(), Error> {
        let path = format::path(&self.dir, number);
        let removed = self.disk.remove(&path);
        self.shut(number);
        lock(&self.noted).remove(&number);
        removed.map_err(|e| disk::failed("cannot remove", &path, &e))?;
        self.disk.sync_dir(&self.dir)
    }
}
