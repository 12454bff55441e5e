//! Content that is not where the index says is looked for by its hash, in packs that were renamed or copied and in
//! files that were moved aside: its entry names it, and what is stored proves it.

use super::format::{self, Entry, Header};
use super::read::{self, Opened};
use super::{Packs, lock};
use crate::index::Index;
use crate::record::{Form, Location};
use crate::seal::KeyId;
use crate::{BlobId, Error, disk};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Content that was found.
pub(crate) struct Found {
    pub id: BlobId,
    /// Where it lies.
    pub at: Location,
    /// The shared pieces that it is put together of.
    pub parts: Vec<BlobId>,
}

/// Where content is looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Among<'a> {
    /// The pack of this number: it may stay there.
    Pack(u32),
    /// Any other file: what is found is appended to the pack that is being written.
    File(&'a Path),
}

impl Packs {
    /// Looks for these contents, all of which the index knows; `each` is told what is found. A file that is no pack has
    /// none. Errors: those of `each`; `Unavailable`.
    pub(crate) fn find(
        &self,
        among: Among<'_>,
        wanted: &BTreeSet<BlobId>,
        index: &Index,
        each: &mut dyn FnMut(Found) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (opened, path) = match among {
            Among::Pack(number) => (self.handle(number), self.file(number)),
            Among::File(path) => (self.any(path), path.to_owned()),
        };
        let opened = match opened {
            Ok(opened) => opened,
            Err(Error::Corrupt(_)) => return Ok(()),
            Err(e) => return Err(e),
        };
        let mut met = BTreeSet::new();
        self.walk_in(&opened, &path, &mut |location, entry| {
            let id = entry.id;
            if !wanted.contains(&id) || met.contains(&id) {
                return Ok(true);
            }
            if self.locate(id, index).as_ref() == Ok(location) {
                // It was read there.
                return Ok(true);
            }
            let Some((stored, parts)) = self.proven_in(&opened, id, location) else {
                return Ok(true);
            };
            // Pieces that nobody ever named here would be missing.
            if parts.iter().any(|part| self.locate(*part, index).is_err()) {
                return Ok(true);
            }
            let at = match among {
                Among::Pack(_) => *location,
                Among::File(_) => {
                    let key = self.keys.successor(KeyId(entry.key));
                    let mut tail = lock(&self.tail);
                    self.append_under(key, &mut tail, id, entry.form, &stored, entry.raw as usize)?
                }
            };
            met.insert(id);
            each(Found { id, at, parts })?;
            Ok(true)
        })?;
        Ok(())
    }

    /// A file that may be a pack, whatever its name and its header say.
    fn any(&self, path: &Path) -> Result<Opened, Error> {
        let failed = |e: &std::io::Error| disk::failed("cannot read", path, e);
        let file = self.disk.open_existing(path).map_err(|e| failed(&e))?;
        let octets = file.len().map_err(|e| failed(&e))?;
        let mut first = vec![0; octets.min(format::FILE_HEAD + format::HEAD as u64) as usize];
        file.read_at(0, &mut first).map_err(|e| failed(&e))?;
        let said = Header::parse(&first).map(|header| header.version);
        Ok(Opened {
            number: 0,
            version: said.unwrap_or_else(|_| format::likely_version(&first)),
            file: Arc::new(file),
        })
    }

    /// The plain stored octets of an entry that is what it says, and its shared pieces.
    fn proven_in(
        &self,
        opened: &Opened,
        id: BlobId,
        location: &Location,
    ) -> Option<(Vec<u8>, Vec<BlobId>)> {
        let (entry, octets) = read::as_stored_in(opened, id, location).ok()?;
        let Entry { sum, form, .. } = entry;
        if sum.is_some_and(|sum| sum != format::sum_of(&octets)) {
            return None;
        }
        let plain = self.unseal(&entry, octets).ok()?;
        if form == Form::Assembled {
            // What it is put together of has places of its own.
            let parts = self.parts_in(&plain)?;
            return Some((plain, parts));
        }
        let content = self.unpacked(&entry, plain.clone()).ok()?;
        (BlobId::of(&content) == id).then_some((plain, Vec::new()))
    }
}
