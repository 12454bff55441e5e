//! Appending: one write and one sync for a whole group of records. The sync runs beside that of the
//! content: when only one of the two came to be before a crash, replay finds it out.

use super::{
    BODY_OCTETS_MAX, FILE_HEAD, HEAD, MAGIC, Position, SUM, Subject, checksum, file_head, path,
};
use crate::disk::{self, DataFile, Disk};
use crate::{Error, Options};
use std::path::PathBuf;

/// Octets of memory that stay with the journal for its next group.
const GROUP_OCTETS_KEPT: usize = 16 * 1024 * 1024;

/// The open end of the journal. Only the journal's thread has it.
pub(crate) struct Journal {
    dir: PathBuf,
    disk: Disk,
    segment_octets: u64,
    file: DataFile,
    end: Position,
    /// Set when the disk may hold something else than we think: nothing more is written.
    broken: Option<Error>,
    /// Length of the file: zeros lie behind the end.
    laid: u64,
    ahead: u64,
    group: Vec<u8>,
}

impl Journal {
    /// Continues at `end`, as [`super::replay`] found it; whatever lies behind is cut off.
    pub(crate) fn open(options: &Options, end: Position) -> Result<Self, Error> {
        let (dir, disk) = (options.dir.join("journal"), options.disk.clone());
        let path = path(&dir, end.segment);
        let file = disk.open(&path)?;
        let failed = |e: std::io::Error| disk::failed("cannot prepare", &path, &e);
        let len = file.len().map_err(failed)?;
        if len < FILE_HEAD {
            file.set_len(0).map_err(failed)?;
            file.append_at(0, &file_head(end.segment)).map_err(failed)?;
        } else if len > end.offset {
            file.set_len(end.offset).map_err(failed)?;
        }
        file.sync().map_err(failed)?;
        disk.sync_dir(&dir)?;
        Ok(Self {
            dir,
            disk,
            segment_octets: options.sizes.segment,
            file,
            end,
            broken: None,
            laid: end.offset,
            ahead: options.sizes.ahead,
            group: Vec::new(),
        })
    }

    /// The end of the last durable record.
    pub(crate) fn end(&self) -> Position {
        self.end
    }

    /// Writes a group behind the end. It counts only after [`Journal::sync`] and [`Journal::settle`].
    /// On an error nothing of it is kept.
    pub(crate) fn write(&mut self, records: &[(Subject, &[u8])]) -> Result<(), Error> {
        if let Some(e) = &self.broken {
            return Err(e.clone());
        }
        if self.end.offset >= self.segment_octets {
            self.roll()?;
        }
        self.gather(records)?;
        let start = self.end.offset;
        let after = start + self.group.len() as u64;
        if after > self.laid {
            self.lay(after);
        }
        if let Err(e) = self.file.append_at(start, &self.group) {
            let path = path(&self.dir, self.end.segment);
            let error = disk::failed("cannot write", &path, &e);
            self.laid = start;
            if self.file.len().map_or(true, |len| len != start) {
                self.broken = Some(error.clone());
            }
            return Err(error);
        }
        self.laid = self.laid.max(after);
        Ok(())
    }

    /// Makes the written group durable.
    pub(crate) fn sync(&mut self) -> Result<(), Error> {
        self.file.sync().map_err(|e| {
            // A sync that failed once may succeed the next time without the octets: no second try.
            let path = path(&self.dir, self.end.segment);
            let error = disk::failed("cannot sync", &path, &e);
            self.broken = Some(error.clone());
            error
        })
    }

    /// The written group is durable, and so is the content it names.
    pub(crate) fn settle(&mut self) {
        self.end.offset += self.group.len() as u64;
    }

    /// Cuts the written group off again, since the content it names is not durable.
    pub(crate) fn take_back(&mut self) {
        let cut = self
            .file
            .set_len(self.end.offset)
            .and_then(|()| self.file.sync());
        self.laid = self.end.offset;
        if let Err(e) = cut {
            let path = path(&self.dir, self.end.segment);
            self.broken = Some(disk::failed("cannot cut", &path, &e));
        }
    }

    /// Lays zeros ahead, so that a sync need not change the file's length too: that would be a
    /// second write of the file system's own. Failing is fine.
    fn lay(&mut self, after: u64) {
        let octets = self.ahead.min(self.segment_octets) as usize;
        if octets > 0 && !self.disk.is_small() {
            let laid = self.file.append_at(after, &vec![0; octets]);
            if laid.is_ok() {
                self.laid = after + octets as u64;
            }
        }
    }

    fn gather(&mut self, records: &[(Subject, &[u8])]) -> Result<(), Error> {
        self.group.clear();
        self.group.shrink_to(GROUP_OCTETS_KEPT);
        let group = (self.end.offset as u32).to_le_bytes();
        for (subject, body) in records {
            if body.len() > BODY_OCTETS_MAX {
                return Err(Error::TooLarge("commit"));
            }
            let at = self.group.len();
            let place = Position {
                offset: self.end.offset + at as u64,
                ..self.end
            };
            self.group.extend_from_slice(MAGIC);
            self.group
                .extend_from_slice(&(body.len() as u32).to_le_bytes());
            self.group.extend_from_slice(&[0; SUM]);
            self.group.extend_from_slice(&group);
            self.group
                .extend_from_slice(&subject.account.raw().to_le_bytes());
            let modseq = subject.modseq.map_or(0, |m| m.raw());
            self.group.extend_from_slice(&modseq.to_le_bytes());
            self.group.extend_from_slice(body);
            debug_assert_eq!(self.group.len() - at, HEAD + body.len());
            let sum = checksum(place, &self.group[at + 8 + SUM..]);
            self.group[at + 8..at + 8 + SUM].copy_from_slice(&sum);
        }
        Ok(())
    }

    fn roll(&mut self) -> Result<(), Error> {
        let segment = self
            .end
            .segment
            .checked_add(1)
            .ok_or(Error::TooLarge("journal"))?;
        let path = path(&self.dir, segment);
        let failed = |e: std::io::Error| disk::failed("cannot begin", &path, &e);
        let file = self.disk.open(&path)?;
        file.append_at(0, &file_head(segment)).map_err(failed)?;
        file.sync().map_err(failed)?;
        self.disk.sync_dir(&self.dir)?;
        self.file = file;
        self.end = Position {
            segment,
            offset: FILE_HEAD,
        };
        Ok(())
    }
}
