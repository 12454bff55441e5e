//! Reading content: found by the index, unpacked or put together, and compared with its hash.

use super::format::{self, Entry, Header};
use super::{Lies, Packs, lock};
use crate::disk::{self, DataFile};
use crate::index::Index;
use crate::record::{Form, Location};
use crate::seal::{Context, KeyId};
use crate::zip::Zip;
use crate::{BlobId, Error, Fault, Options};
use std::path::Path;
use std::sync::Arc;

/// Packs kept open for reading.
const OPEN_MAX: usize = 64;

/// A pack that is open for reading.
#[derive(Clone)]
pub(super) struct Opened {
    pub number: u32,
    pub version: u32,
    pub file: Arc<DataFile>,
}

pub(super) fn damaged(id: BlobId, location: &Location) -> Error {
    Error::corrupt(Fault::Content {
        blob: id,
        pack: location.pack,
        at: location.offset,
    })
}

/// Where an entry lies, for people.
fn placed(id: BlobId, location: &Location) -> String {
    format!(
        "{id} in pack {} at octet {}",
        location.pack, location.offset
    )
}

impl Packs {
    /// Content, verified against its hash. Errors: `NotFound`, `Corrupt`.
    pub(crate) fn read(&self, id: BlobId, index: &Index) -> Result<Arc<[u8]>, Error> {
        let location = self.locate(id, index)?;
        self.read_at(id, &location, index).or_else(|e| {
            // Upkeep may have moved it since it was looked for.
            match self.locate(id, index)? {
                moved if moved != location => self.read_at(id, &moved, index),
                _ => Err(e),
            }
        })
    }

    /// As [`Packs::read`], of content that lay there a moment ago.
    pub(crate) fn read_from(
        &self,
        id: BlobId,
        lies: Lies,
        index: &Index,
    ) -> Result<Arc<[u8]>, Error> {
        // Whatever is wrong, with the content or with the place, shows when it is looked for anew.
        self.read_at(id, &lies.0, index)
            .or_else(|_| self.read(id, index))
    }

    pub(super) fn read_at(
        &self,
        id: BlobId,
        location: &Location,
        index: &Index,
    ) -> Result<Arc<[u8]>, Error> {
        let (entry, stored) = self.stored(id, location)?;
        let content = match entry.form {
            Form::Assembled => self.put_together(&stored, entry.raw, &|part| {
                let place = self.locate(part, index).map_err(|e| match e {
                    Error::NotFound => {
                        Error::Corrupt(format!("the piece {part} is missing").into())
                    }
                    other => other,
                })?;
                let (entry, stored) = self.stored(part, &place)?;
                self.unpacked(&entry, stored)
            }),
            _ => self.unpacked(&entry, stored),
        };
        let content = content.map_err(|e| match e {
            e @ Error::Corrupt(_) => e,
            other => Error::Corrupt(format!("content {id}: {other}").into()),
        })?;
        if BlobId::of(&content) != id {
            return Err(damaged(id, location));
        }
        Ok(content.into())
    }

    /// The entry at a place and its stored octets, opened when they are sealed.
    pub(super) fn stored(
        &self,
        id: BlobId,
        location: &Location,
    ) -> Result<(Entry, Vec<u8>), Error> {
        let (entry, octets) = self.as_stored(id, location)?;
        let plain = self.unseal(&entry, octets).map_err(|e| match e {
            Error::Corrupt(why) => {
                Error::Corrupt(format!("{why}: {}", placed(id, location)).into())
            }
            other => other,
        })?;
        Ok((entry, plain))
    }

    /// The entry at a place and its octets as they lie there.
    pub(super) fn as_stored(
        &self,
        id: BlobId,
        location: &Location,
    ) -> Result<(Entry, Vec<u8>), Error> {
        as_stored_in(&self.handle(location.pack)?, id, location)
    }

    /// The plain octets of what was stored. Errors: `Corrupt`.
    pub(super) fn unseal(&self, entry: &Entry, stored: Vec<u8>) -> Result<Vec<u8>, Error> {
        let key = KeyId(entry.key);
        if key.is_plain() {
            return self.keys.accept_plain().map(|()| stored);
        }
        self.keys.unseal(key, Context::Content(entry.id), &stored)
    }

    /// Content that is an entry of its own.
    pub(super) fn unpacked(&self, entry: &Entry, stored: Vec<u8>) -> Result<Vec<u8>, Error> {
        match entry.form {
            Form::Plain => Ok(stored),
            Form::Zipped | Form::Primed => self
                .zip
                .unpack(entry.form, &stored, entry.raw as usize)
                .map_err(|_| Error::Corrupt(format!("content {}", entry.id).into())),
            Form::Assembled => Err(Error::Corrupt(
                format!("content {} is a piece that has pieces", entry.id).into(),
            )),
        }
    }

    /// Compares an entry of the index with the head in the pack, without reading the content.
    pub(crate) fn verify_head(&self, id: BlobId, location: &Location) -> Result<(), Error> {
        let (blob, pack) = (id, location.pack);
        let corrupt = || Error::corrupt(Fault::ContentHead { blob, pack });
        let opened = self.handle(location.pack)?;
        let mut head = vec![0u8; format::head_octets(opened.version)];
        let read = opened.file.read_at(location.offset, &mut head);
        let end = location.offset + head.len() as u64 + u64::from(location.stored);
        let len = opened.file.len().map_err(|_| corrupt())?;
        let entry = Entry::decode(&head).filter(|e| read.is_ok() && e.fits(id, location));
        if entry.is_some() && end <= len {
            Ok(())
        } else {
            Err(corrupt())
        }
    }

    pub(super) fn handle(&self, number: u32) -> Result<Opened, Error> {
        let mut open = lock(&self.open);
        if let Some(at) = open.iter().position(|o| o.number == number) {
            let found = open.remove(at).ok_or(Error::NotFound)?;
            open.push_front(found.clone());
            return Ok(found);
        }
        let path = format::path(&self.dir, number);
        let file = self.disk.open_existing(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => self.missing(number),
            _ => disk::failed("cannot open", &path, &e),
        })?;
        let header = Header::read(&file, number)?;
        self.owner.expect(header.said, &path)?;
        let opened = Opened {
            number,
            version: header.version,
            file: Arc::new(file),
        };
        open.push_front(opened.clone());
        open.truncate(OPEN_MAX);
        Ok(opened)
    }

    /// Forgets a pack that was removed.
    pub(super) fn shut(&self, number: u32) {
        lock(&self.open).retain(|o| o.number != number);
    }
}

/// The entry at a place of this pack and its octets as they lie there.
pub(super) fn as_stored_in(
    opened: &Opened,
    id: BlobId,
    location: &Location,
) -> Result<(Entry, Vec<u8>), Error> {
    let head = format::head_octets(opened.version);
    let mut octets = vec![0u8; head + location.stored as usize];
    let read = opened.file.read_at(location.offset, &mut octets);
    let entry = Entry::decode(&octets).filter(|e| read.is_ok() && e.fits(id, location));
    let entry = entry.ok_or_else(|| damaged(id, location))?;
    octets.drain(..head);
    Ok((entry, octets))
}

/// Whether an entry is wholly on the disk, before the packs are opened. What it is put together of
/// has a place of its own.
pub(crate) fn is_whole(options: &Options, id: BlobId, location: &Location) -> bool {
    whole(&options.dir.join(format::FOLDER), options, id, location).is_some()
}

fn whole(dir: &Path, options: &Options, id: BlobId, location: &Location) -> Option<()> {
    let path = format::path(dir, location.pack);
    let file = options.disk.open_existing(&path).ok()?;
    let version = format::check_head(&file, location.pack).ok()?;
    let head = format::head_octets(version);
    let mut octets = vec![0u8; head + location.stored as usize];
    file.read_at(location.offset, &mut octets).ok()?;
    let entry = Entry::decode(&octets).filter(|e| e.fits(id, location))?;
    let stored = &octets[head..];
    match entry.sum {
        Some(sum) => sum == format::sum_of(stored),
        None if entry.form == Form::Plain => BlobId::of(stored) == id,
        None => Zip::default()
            .unpack(entry.form, stored, entry.raw as usize)
            .is_ok_and(|content| BlobId::of(&content) == id),
    }
    .then_some(())
}
