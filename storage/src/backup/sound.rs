//! Whether the content in a copied pack is what was once written there, and where a whole copy of it is.
//!
//! A backup copies octets, and knows neither the index nor the keys. But each content in a pack has a checksum,
//! so damage is seen when it is copied, and mended from the backup before where that has it whole.

use super::Failure;
use super::chunk::{self, Chunks};
use super::manifest::Entry;
use super::note::Damage;
use crate::pack::{self, Last, Stretch};
use crate::{Error, Fault};
use std::collections::BTreeSet;

/// Octets of a damaged stretch that is looked for in another copy.
const STRETCH_MAX: u64 = 64 << 20;
/// Folder of packs in the store.
const PACKS: &str = "packs/";

/// The number of the pack that has this path; `None` for other files of a store.
pub(super) fn pack_of(path: &str) -> Option<u32> {
    pack::number_of(path.strip_prefix(PACKS)?)
}

/// The path of the pack of this number.
pub(super) fn path_of(number: u32) -> String {
    format!("{PACKS}{}", pack::name_of(number))
}

/// A file of a backup, read by offsets.
pub(super) struct Copy<'a> {
    chunks: &'a Chunks<'a>,
    entry: &'a Entry,
    held: Option<(usize, Vec<u8>)>,
    /// Numbers of the pieces that were read, and are what they were.
    pub(super) sound: BTreeSet<usize>,
}

impl<'a> Copy<'a> {
    pub(super) fn new(chunks: &'a Chunks<'a>, entry: &'a Entry) -> Self {
        let (held, sound) = (None, BTreeSet::new());
        Self {
            chunks,
            entry,
            held,
            sound,
        }
    }

    /// Fills the octets from this offset on. Errors: `Corrupt` for a damaged piece.
    pub(super) fn read(&mut self, at: u64, mut into: &mut [u8]) -> Result<(), Error> {
        let mut at = at;
        while !into.is_empty() {
            let number = (at / chunk::OCTETS as u64) as usize;
            if self.held.as_ref().is_none_or(|(held, _)| *held != number) {
                let id = self.entry.chunks.get(number).ok_or(Error::NotFound)?;
                self.held = Some((number, self.chunks.get(id)?));
                self.sound.insert(number);
            }
            let raw = self.held.as_ref().map_or(&[][..], |(_, raw)| raw);
            let from = (at % chunk::OCTETS as u64) as usize;
            let rest = raw.get(from..).filter(|rest| !rest.is_empty());
            let rest = rest.ok_or_else(|| {
                let path = self.entry.path.clone();
                Error::corrupt(Fault::BackupShort { path })
            })?;
            let len = rest.len().min(into.len());
            let (now, later) = into.split_at_mut(len);
            now.copy_from_slice(&rest[..len]);
            (into, at) = (later, at + len as u64);
        }
        Ok(())
    }

    /// Whether it is a pack without damage that has this content where the store names it last, and so all before
    /// it: after a restore of an older backup a pack of the same number may be another one.
    pub(super) fn reaches(&mut self, last: Last) -> Result<bool, Error> {
        let mut head = [0; pack::HEAD];
        let read = self.read(last.offset, &mut head);
        let named = read.map(|()| pack::content_at(&head) == Some(last.id));
        let found = named.and_then(|named| Ok(named && self.damaged(Some(last))?.is_empty()));
        match found {
            Err(Error::Corrupt(_) | Error::NotFound) => Ok(false),
            found => found,
        }
    }

    /// The damaged places, when it is a pack, which must reach up to `last`. Errors: `Corrupt` for a damaged piece.
    pub(super) fn damaged(&mut self, last: Option<Last>) -> Result<Vec<Stretch>, Error> {
        let Some(number) = pack_of(&self.entry.path) else {
            return Ok(Vec::new());
        };
        let octets = self.entry.octets;
        pack::examine(number, octets, last, &mut |at, into| self.read(at, into))
    }

    /// What should stand in a damaged stretch of another copy of the same pack, if this one has it whole.
    pub(super) fn whole(&mut self, stretch: &Stretch) -> Result<Option<Vec<u8>>, Failure> {
        let Some(number) = pack_of(&self.entry.path) else {
            return Ok(None);
        };
        let len = stretch.to - stretch.from;
        if self.entry.octets < stretch.to || len > STRETCH_MAX {
            return Ok(None);
        }
        let mut octets = vec![0; len as usize];
        match self.read(stretch.from, &mut octets) {
            Ok(()) => Ok(pack::fits(number, stretch, &octets).then_some(octets)),
            Err(Error::Corrupt(_)) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }
}

/// A damaged stretch, for people.
pub(super) fn named(path: &str, stretch: &Stretch) -> Damage {
    let (path, from, to) = (path.to_owned(), stretch.from, stretch.to);
    match stretch.content {
        Some(blob) => Damage::Content { path, blob, from },
        None => Damage::Octets { path, from, to },
    }
}
