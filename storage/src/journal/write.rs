//! Appending: one write and one sync for a whole group of commits. The sync runs beside that of the
//! content: when only one of the two came to be before a crash, replay finds it out.

use super::frame::{self, Packed, Packer};
use super::{HEAD_MAX, Head, Lineage, Mark, Position, Subject, path};
use crate::disk::{self, DataFile, Disk};
use crate::owner::Owner;
use crate::seal::Keys;
use crate::{Error, Options};
use std::path::PathBuf;

/// Octets of memory that stay with the journal for its next frame.
const FRAME_OCTETS_KEPT: usize = 1024 * 1024;

/// The open end of the journal. Only the journal's thread has it.
pub(crate) struct Journal {
    dir: PathBuf,
    disk: Disk,
    owner: Owner,
    segment_octets: u64,
    file: DataFile,
    head: Head,
    end: Position,
    lineage: Lineage,
    /// How often this process began something that the lineage tells.
    begun: usize,
    /// Whether the next frame is the first one of this process.
    first: bool,
    /// Set when the disk may hold something else than we think: nothing more is written.
    broken: Option<Error>,
    /// Length of the file: zeros lie behind the end.
    laid: u64,
    ahead: u64,
    frame: Vec<u8>,
    packer: Packer,
}

impl Journal {
    /// Continues at `end`, as [`super::replay`] found it; whatever lies behind is cut off. A segment that
    /// does not name its store is left as it is, and the next one begun.
    pub(crate) fn open(
        options: &Options,
        keys: &Keys,
        owner: Owner,
        (mut end, mut lineage): (Position, Lineage),
    ) -> Result<Self, Error> {
        let (dir, disk) = (options.dir.join("journal"), options.disk.clone());
        let path = path(&dir, end.segment);
        let file = disk.open(&path)?;
        let failed = |e: std::io::Error| disk::failed("cannot prepare", &path, &e);
        let len = file.len().map_err(failed)?;
        let mut held = vec![0; len.min(HEAD_MAX) as usize];
        file.read_at(0, &mut held).map_err(failed)?;
        let found = Head::read(&held, end.segment)?;
        let first = found.is_some();
        let head = match found {
            Some(head) => {
                end.offset = end.offset.max(head.end());
                file.set_len(end.offset).map_err(failed)?;
                head
            }
            None => {
                let head = Head::draw(end.segment, owner)?;
                file.set_len(0).map_err(failed)?;
                file.append_at(0, &head.octets()).map_err(failed)?;
                end.offset = head.end();
                lineage.begin(Mark::of(head));
                head
            }
        };
        file.sync().map_err(failed)?;
        disk.sync_dir(&dir)?;
        let mut journal = Self {
            dir,
            disk,
            owner,
            segment_octets: options.sizes.segment,
            file,
            head,
            end,
            lineage,
            begun: 0,
            first,
            broken: None,
            laid: end.offset,
            ahead: options.sizes.ahead,
            frame: Vec::new(),
            packer: Packer {
                keys: keys.clone(),
                ..Packer::default()
            },
        };
        if journal.head.store.is_none() {
            journal.roll()?;
        }
        Ok(journal)
    }

    /// The end of the last durable frame.
    pub(crate) fn end(&self) -> Position {
        self.end
    }

    /// What an index is told of it.
    pub(crate) fn lineage(&self) -> &Lineage {
        &self.lineage
    }

    /// How often its lineage gained a beginning since it was opened.
    pub(crate) fn begun(&self) -> usize {
        self.begun
    }

    fn begin(&mut self, mark: Mark) {
        self.lineage.begin(mark);
        (self.begun, self.first) = (self.begun + 1, false);
    }

    /// Writes a group behind the end. It counts only after [`Journal::sync`] and [`Journal::settle`].
    /// On an error nothing of it is kept.
    pub(crate) fn write(&mut self, group: &[(Subject, &[u8])]) -> Result<(), Error> {
        let packed = frame::pack(group, &self.packer.zip)?;
        self.write_packed(&packed)
    }

    /// The same of a group that was packed before.
    pub(crate) fn write_packed(&mut self, packed: &Packed) -> Result<(), Error> {
        if let Some(e) = &self.broken {
            return Err(e.clone());
        }
        if self.end.offset >= self.segment_octets {
            self.roll()?;
        }
        self.frame.shrink_to(FRAME_OCTETS_KEPT);
        let start = self.end.offset;
        frame::encode(self.head, start, packed, &self.packer.keys, &mut self.frame)?;
        let after = start + self.frame.len() as u64;
        if after > self.laid {
            self.lay(after);
        }
        if let Err(e) = self.file.append_at(start, &self.frame) {
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
            // The group was refused, so the next start had better not find it.
            let cut = self.file.set_len(self.end.offset);
            tracing::debug!(cut = cut.is_ok(), "the journal cannot be synced");
            let path = path(&self.dir, self.end.segment);
            let error = disk::failed("cannot sync", &path, &e);
            self.broken = Some(error.clone());
            error
        })
    }

    /// The written group is durable, and so is the content it names.
    pub(crate) fn settle(&mut self) {
        if let Some(sum) = frame::sum_of(&self.frame) {
            let mark = Mark::at(self.head, self.end.offset, sum);
            self.lineage.last = Some(mark);
            if self.first {
                self.begin(mark);
            }
        }
        self.end.offset += self.frame.len() as u64;
    }

    /// Cuts the written group off again, since the content it names is not durable.
    pub(crate) fn take_back(&mut self) {
        let cut = self.cut();
        if let Err(e) = cut {
            let path = path(&self.dir, self.end.segment);
            self.broken = Some(disk::failed("cannot cut", &path, &e));
        }
    }

    /// Leaves nothing behind the end, durably.
    fn cut(&mut self) -> std::io::Result<()> {
        self.laid = self.end.offset;
        self.file.set_len(self.end.offset)?;
        self.file.sync()
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

    /// Begins a new segment unless this one is empty: what was written can then be read alone.
    pub(crate) fn seal(&mut self) -> Result<(), Error> {
        match &self.broken {
            Some(e) => Err(e.clone()),
            None if self.end.offset > self.head.end() => self.roll(),
            None => Ok(()),
        }
    }

    fn roll(&mut self) -> Result<(), Error> {
        let next = self.end.segment.checked_add(1);
        let segment = next.ok_or(Error::TooLarge("journal"))?;
        let path = path(&self.dir, segment);
        let failed = |e: std::io::Error| disk::failed("cannot begin", &path, &e);
        // What a failed write left, or zeros: with a segment behind it that would be damage.
        self.cut().map_err(failed)?;
        let head = Head::draw(segment, self.owner)?;
        let file = self.disk.open(&path)?;
        file.set_len(0).map_err(failed)?;
        file.append_at(0, &head.octets()).map_err(failed)?;
        file.sync().map_err(failed)?;
        self.disk.sync_dir(&self.dir)?;
        (self.file, self.head) = (file, head);
        self.begin(Mark::of(head));
        self.end = Position {
            segment,
            offset: head.end(),
        };
        self.laid = self.end.offset;
        Ok(())
    }
}
