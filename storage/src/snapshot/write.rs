//! Writing one snapshot: entries come in order, blocks go out, nothing else stays in memory but the
//! table.

use super::block::{self, Place};
use super::folder::Folder;
use super::{BLOCK_OCTETS, END_MAGIC, FOOT, SUM, Span, file_head};
use crate::disk::{self, DataFile};
use crate::seal::KeyId;
use crate::{Error, ModSeq, key};
use std::path::PathBuf;
use zstd::bulk::Compressor;

/// What a snapshot says of the commits it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Summary {
    /// The ModSeq of the system's last commit.
    pub system: ModSeq,
    /// The latest time of a commit, Unix seconds.
    pub time: i64,
}

impl Summary {
    /// Of nothing.
    pub(crate) const NONE: Self = Self {
        system: ModSeq::FIRST,
        time: 0,
    };

    /// Of both.
    pub(crate) fn with(self, other: Self) -> Self {
        Self {
            system: self.system.max(other.system),
            time: self.time.max(other.time),
        }
    }
}

/// See the module. The file is removed again when it is dropped before [`Writer::finish`].
pub(super) struct Writer {
    folder: Folder,
    span: Span,
    path: PathBuf,
    file: DataFile,
    at: u64,
    number: u32,
    raw: Vec<u8>,
    /// What the block is sealed under; one block never has two.
    key: KeyId,
    first: Vec<u8>,
    last: Vec<u8>,
    table: Vec<u8>,
    entries: u64,
    press: Compressor<'static>,
    finished: bool,
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.finished {
            let _ = self.folder.disk.remove(&self.path);
        }
    }
}

impl Writer {
    /// Begins a file of the folder; what was there under the name is written over.
    pub(super) fn begin(folder: &Folder, span: Span, name: &str) -> Result<Self, Error> {
        let path = folder.dir.join(name);
        let file = folder.disk.open(&path)?;
        file.set_len(0)
            .map_err(|e| disk::failed("cannot write", &path, &e))?;
        let mut writer = Self {
            folder: folder.clone(),
            span,
            path,
            file,
            at: 0,
            number: 0,
            raw: Vec::with_capacity(BLOCK_OCTETS * 2),
            key: KeyId::PLAIN,
            first: Vec::new(),
            last: Vec::new(),
            table: Vec::new(),
            entries: 0,
            press: block::press()?,
            finished: false,
        };
        writer.append(&file_head(span, folder.owner))?;
        Ok(writer)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file
            .append_at(self.at, bytes)
            .map_err(|e| disk::failed("cannot write", &self.path, &e))?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Adds an entry, whose key must be higher than all before.
    pub(super) fn push(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), Error> {
        if self.entries > 0 && *key <= *self.last {
            return Err(Error::Corrupt(
                "the keys of a snapshot are not in order".into(),
            ));
        }
        let octets = key.len() + value.map_or(0, <[u8]>::len);
        let sealed_under = key::account_of(key)
            .map_or_else(|| self.folder.keys.system(), |a| self.folder.keys.of(a));
        let full = self.raw.len() + octets > BLOCK_OCTETS || self.key != sealed_under;
        if !self.raw.is_empty() && full {
            self.close_block()?;
        }
        if self.raw.is_empty() {
            self.first = key.to_vec();
            self.key = sealed_under;
        }
        block::add(&mut self.raw, key, value)?;
        key.clone_into(&mut self.last);
        self.entries += 1;
        Ok(())
    }

    fn close_block(&mut self) -> Result<(), Error> {
        let place = Place {
            span: self.span,
            number: self.number,
        };
        let bytes = block::close(
            place,
            &self.raw,
            (&self.folder.keys, self.key),
            &mut self.press,
        )?;
        self.table
            .extend_from_slice(&(self.first.len() as u16).to_le_bytes());
        self.table.extend_from_slice(&self.first);
        self.table.extend_from_slice(&self.at.to_le_bytes());
        self.table
            .extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        self.append(&bytes)?;
        self.number = self
            .number
            .checked_add(1)
            .filter(|n| *n != block::TABLE)
            .ok_or(Error::TooLarge("snapshot"))?;
        self.raw.clear();
        self.raw.shrink_to(BLOCK_OCTETS * 2);
        Ok(())
    }

    /// Writes table and footer; durable when `sync`. The name stays as it is.
    pub(super) fn finish(mut self, summary: Summary, sync: bool) -> Result<PathBuf, Error> {
        if !self.raw.is_empty() {
            self.close_block()?;
        }
        let place = Place {
            span: self.span,
            number: block::TABLE,
        };
        let (table_at, table) = (self.at, std::mem::take(&mut self.table));
        let table = block::close(
            place,
            &table,
            (&self.folder.keys, self.folder.keys.system()),
            &mut self.press,
        )?;
        self.append(&table)?;
        let mut foot = Vec::with_capacity(FOOT);
        foot.extend_from_slice(END_MAGIC);
        foot.extend_from_slice(&self.number.to_le_bytes());
        foot.extend_from_slice(&(table.len() as u32).to_le_bytes());
        foot.extend_from_slice(&table_at.to_le_bytes());
        foot.extend_from_slice(&self.entries.to_le_bytes());
        foot.extend_from_slice(&summary.system.raw().to_le_bytes());
        foot.extend_from_slice(&summary.time.to_le_bytes());
        foot.resize(FOOT - SUM, 0);
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(&file_head(self.span, self.folder.owner))
            .update(&foot);
        foot.extend_from_slice(&hasher.finalize().as_bytes()[..SUM]);
        self.append(&foot)?;
        if sync {
            self.file
                .sync()
                .map_err(|e| disk::failed("cannot sync", &self.path, &e))?;
        }
        self.finished = true;
        Ok(self.path.clone())
    }
}
