//! The pack that is being written.

use super::format::{self, Entry, FILE_HEAD};
use super::{Packs, astray, lock};
use crate::disk::{self, DataFile};
use crate::record::{Form, Location};
use crate::seal::{Context, KeyId};
use crate::{BlobId, Error, Options};
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

/// See the module.
#[derive(Default)]
pub(super) struct Tail {
    pub number: u32,
    /// `None` before the first write and after a failed sync: the next write begins a new pack.
    file: Option<Arc<DataFile>>,
    len: u64,
    /// Files with octets that were not synced.
    dirty: Vec<(u32, Arc<DataFile>)>,
    /// Packs a sync of which failed: what is in them counts only where a sync before made it durable.
    lost: Vec<u32>,
}

impl Tail {
    pub(super) fn open(dir: &Path, options: &Options, clean: bool) -> Result<Self, Error> {
        let number = astray::last(dir)?;
        let mut tail = Self {
            number,
            ..Self::default()
        };
        if clean && number > 0 {
            let path = format::path(dir, number);
            let file = options.disk.open(&path)?;
            let len = file.len();
            let len = len.map_err(|e| disk::failed("cannot read", &path, &e))?;
            // A pack of an earlier version is left as it is, and so is one that was begun and whose header a
            // power cut took: nothing in it was promised, or [`Packs::expect_all`] says so.
            let goes_on = (FILE_HEAD..options.sizes.pack).contains(&len)
                && format::check_head(&file, number).is_ok_and(|v| v == format::VERSION);
            if goes_on {
                (tail.file, tail.len) = (Some(Arc::new(file)), len);
            }
        }
        Ok(tail)
    }
}

impl Packs {
    /// Appends one entry; `stored` is sealed under this key when the store is sealed.
    pub(super) fn append_under(
        &self,
        key: KeyId,
        tail: &mut Tail,
        id: BlobId,
        form: Form,
        stored: &[u8],
        raw: usize,
    ) -> Result<Location, Error> {
        let sealed = match key.is_plain() {
            true => Cow::Borrowed(stored),
            false => Cow::Owned(self.keys.seal(key, Context::Content(id), stored)?),
        };
        let entry = Entry {
            id,
            form,
            key: key.0,
            stored: sealed.len() as u32,
            raw: raw as u32,
            sum: None,
        };
        let (pack, offset) = self.append_octets(tail, &entry.encode(&sealed))?;
        Ok(Location {
            pack,
            offset,
            stored: entry.stored,
            raw: entry.raw,
            form,
        })
    }

    fn append_octets(&self, tail: &mut Tail, entry: &[u8]) -> Result<(u32, u64), Error> {
        if tail.file.is_none() || tail.len >= self.sealed_at {
            self.begin(tail)?;
        }
        let (number, offset) = (tail.number, tail.len);
        let Some(file) = tail.file.clone() else {
            return Err(Error::Unavailable("no pack is open".into()));
        };
        if let Err(e) = file.append_at(offset, entry) {
            // When it could not be cut back either, the rest of this file is left alone.
            if file.len().map_or(true, |len| len != offset) {
                tail.file = None;
            }
            let path = format::path(&self.dir, number);
            return Err(disk::failed("cannot write", &path, &e));
        }
        tail.len += entry.len() as u64;
        if tail.dirty.last().is_none_or(|(n, _)| *n != number) {
            tail.dirty.push((number, file));
        }
        Ok((number, offset))
    }

    fn begin(&self, tail: &mut Tail) -> Result<(), Error> {
        tail.file = None;
        let mut numbers = tail.number + 1..=astray::NUMBER_MAX;
        let number = numbers.find(|number| !astray::is_taken(&self.dir, *number));
        let number = number.ok_or(Error::TooLarge("number of packs"))?;
        let path = format::path(&self.dir, number);
        let file = self.disk.open(&path)?;
        file.append_at(0, &format::file_head(number, &self.owner.id))
            .map_err(|e| disk::failed("cannot write", &path, &e))?;
        self.disk.sync_dir(&self.dir)?;
        let file = Arc::new(file);
        // Its header too must be durable when the store is closed, whatever becomes of the first entry.
        tail.dirty.push((number, Arc::clone(&file)));
        (tail.number, tail.len, tail.file) = (number, FILE_HEAD, Some(file));
        Ok(())
    }

    /// Whether anything was appended since the last [`Packs::sync`].
    pub(crate) fn is_dirty(&self) -> bool {
        !lock(&self.tail).dirty.is_empty()
    }

    /// Makes everything appended so far durable. After a failure the pack is not written again,
    /// and what was staged in it is forgotten: the kernel may have dropped its octets.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        let dirty = std::mem::take(&mut lock(&self.tail).dirty);
        for (at, (number, file)) in dirty.iter().enumerate() {
            if let Err(e) = file.sync() {
                let lost: Vec<u32> = dirty[at..].iter().map(|(n, _)| *n).collect();
                let mut tail = lock(&self.tail);
                tail.file = None;
                tail.dirty.retain(|(n, _)| !lost.contains(n));
                self.gate.lose(&lost);
                tail.lost.extend(lost);
                let path = format::path(&self.dir, *number);
                return Err(disk::failed("cannot sync", &path, &e));
            }
        }
        Ok(())
    }

    /// Whether a commit that speaks of these packs came too late: a sync of one of them failed after
    /// its content was appended, and the next one would succeed without the octets.
    pub(crate) fn are_lost(&self, packs: &[u32]) -> bool {
        let tail = lock(&self.tail);
        packs.iter().any(|p| tail.lost.contains(p))
    }

    /// The number of the pack that is being written.
    pub(crate) fn tail_number(&self) -> u32 {
        lock(&self.tail).number
    }

    /// The pack that is being written, or was last, and its octets; `None` before the first.
    pub(crate) fn tail(&self) -> Result<Option<(u32, u64)>, Error> {
        let tail = lock(&self.tail);
        match (tail.number, &tail.file) {
            (0, _) => Ok(None),
            (number, Some(_)) => Ok(Some((number, tail.len))),
            (number, None) => {
                let path = format::path(&self.dir, number);
                let octets = std::fs::metadata(&path).map(|about| about.len());
                let octets = octets.map_err(|e| disk::failed("cannot read", &path, &e))?;
                Ok(Some((number, octets)))
            }
        }
    }

    /// Ends this pack, if it is still the one that is being written: what comes is appended to a new one. A stop
    /// before anything came leaves a pack in which nothing is.
    pub(crate) fn end_tail(&self, number: u32) -> Result<(), Error> {
        let mut tail = lock(&self.tail);
        match tail.number == number {
            true => self.begin(&mut tail),
            false => Ok(()),
        }
    }

    /// Begins a pack with a number beyond this one, durably, unless there is one.
    pub(crate) fn begin_beyond(&self, number: u32) -> Result<(), Error> {
        {
            let mut tail = lock(&self.tail);
            if tail.number >= number {
                return Ok(());
            }
            let before = std::mem::replace(&mut tail.number, number);
            if let Err(e) = self.begin(&mut tail) {
                tail.number = before;
                return Err(e);
            }
        }
        self.sync()
    }
}
