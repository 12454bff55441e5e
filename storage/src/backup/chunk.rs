//! Chunks: 4 MB of a file, under the hash of its content, compressed where it helps, sealed when
//! the backup is.
//!
//! `magic, flags, raw length, content`. The name says what the content must be, so no other
//! checksum is needed.
//!
//! What a store cannot be read without, and is small, is kept twice: its twin lies beside the chunks under the same
//! hash, since two files of the same octets are one chunk. Where the chunk is damaged or missing its twin is read.

use super::sealer::{ChunkId, Sealer};
use super::{Failure, Vault};
use crate::Error;
use crate::error::{Fault, PieceIs};
use crate::zip::Zip;

/// Octets of a file in one chunk; the last chunk of a file is shorter.
pub(super) const OCTETS: usize = 4 << 20;
/// Folder of the chunks in the vault.
pub(super) const FOLDER: &str = "chunks";
/// Folder of the twins.
pub(super) const TWINS: &str = "twins";
const MAGIC: &[u8; 4] = b"CvC1";
const HEAD: usize = 4 + 4 + 4;
/// Largest chunk as stored: content that could not be compressed, head and seal.
const STORED_MAX: u64 = (OCTETS + HEAD + 1_024) as u64;
const ZIPPED: u8 = 1;
const SEALED: u8 = 2;

/// Where a chunk lies in the vault.
pub(super) fn path(id: &ChunkId) -> String {
    let hex = blake3::Hash::from_bytes(*id).to_hex();
    format!("{FOLDER}/{}/{hex}", &hex.as_str()[..2])
}

/// Where the second copy of a chunk lies, if there is one.
pub(super) fn twin(id: &ChunkId) -> String {
    let hex = blake3::Hash::from_bytes(*id).to_hex();
    format!("{TWINS}/{hex}")
}

/// The chunk, or its twin, at this place of the vault; `None` for what is none.
pub(super) fn id_of(path: &str) -> Option<ChunkId> {
    let hex = path.rsplit('/').next()?;
    let id = *blake3::Hash::from_hex(hex).ok()?.as_bytes();
    (self::path(&id) == path || twin(&id) == path).then_some(id)
}

/// Reads and writes the chunks of one vault.
pub(super) struct Chunks<'a> {
    pub vault: &'a dyn Vault,
    pub sealer: &'a Sealer,
    zip: Zip,
}

impl<'a> Chunks<'a> {
    pub(super) fn new(vault: &'a dyn Vault, sealer: &'a Sealer) -> Self {
        Self {
            vault,
            sealer,
            zip: Zip::default(),
        }
    }

    /// Writes a chunk and reads it back. Returns the octets it takes.
    pub(super) fn put(&self, id: &ChunkId, raw: &[u8]) -> Result<u64, Failure> {
        self.put_at(&path(id), raw)
    }

    fn put_at(&self, path: &str, raw: &[u8]) -> Result<u64, Failure> {
        let stored = self.encode(path, raw)?;
        self.vault.put(path, &stored)?;
        if self.vault.get(path, STORED_MAX)? != stored {
            let (path, place) = (path.to_owned(), self.vault.place());
            return Err(Error::corrupt(Fault::PieceChanged { path, place }).into());
        }
        Ok(stored.len() as u64)
    }

    /// Sees to it that the chunk and its twin are there, whole.
    pub(super) fn twice(&self, id: &ChunkId, raw: &[u8]) -> Result<(), Failure> {
        for path in [path(id), twin(id)] {
            match self.read(&path, id) {
                Ok(_) => {}
                Err(Error::Corrupt(_)) => {
                    self.put_at(&path, raw)?;
                }
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }

    /// The content of a chunk, or of its twin, verified. Errors: `Corrupt`, also when it is missing.
    pub(super) fn get(&self, id: &ChunkId) -> Result<Vec<u8>, Error> {
        match self.own(id) {
            Err(Error::Corrupt(why)) => match self.read(&twin(id), id) {
                Ok(raw) => {
                    tracing::warn!(%why, "its twin is taken");
                    Ok(raw)
                }
                Err(_) => Err(Error::Corrupt(why)),
            },
            own => own,
        }
    }

    /// The content of a chunk, its twin left out.
    pub(super) fn own(&self, id: &ChunkId) -> Result<Vec<u8>, Error> {
        self.read(&path(id), id)
    }

    /// The content of the chunk that lies at this place. Errors: `Corrupt`.
    pub(super) fn read(&self, path: &str, id: &ChunkId) -> Result<Vec<u8>, Error> {
        let corrupt = |is| {
            let path = path.to_owned();
            Error::corrupt(Fault::Piece { path, is })
        };
        let stored = match self.vault.get(path, STORED_MAX) {
            Ok(stored) => stored,
            Err(Error::NotFound) => return Err(corrupt(PieceIs::Missing)),
            Err(Error::TooLarge(_)) => return Err(corrupt(PieceIs::Long)),
            Err(e) => return Err(e),
        };
        let raw = self.decode(path, &stored);
        match raw.filter(|raw| self.sealer.name(raw) == *id) {
            Some(raw) => Ok(raw),
            None if stored.starts_with(b"CvC") && !stored.starts_with(MAGIC) => {
                Err(corrupt(PieceIs::Version))
            }
            None => Err(corrupt(PieceIs::Damaged)),
        }
    }

    fn encode(&self, path: &str, raw: &[u8]) -> Result<Vec<u8>, Error> {
        let zipped = self.zip.press(raw);
        let mut flags = if zipped.is_some() { ZIPPED } else { 0 };
        let content = zipped.unwrap_or_else(|| raw.to_vec());
        if self.sealer.seals() {
            flags |= SEALED;
        }
        let content = self.sealer.seal(path, content)?;
        let mut stored = Vec::with_capacity(HEAD + content.len());
        stored.extend_from_slice(MAGIC);
        stored.extend_from_slice(&[flags, 0, 0, 0]);
        stored.extend_from_slice(&(raw.len() as u32).to_le_bytes());
        stored.extend_from_slice(&content);
        Ok(stored)
    }

    fn decode(&self, path: &str, stored: &[u8]) -> Option<Vec<u8>> {
        let (head, content) = stored.split_at_checked(HEAD)?;
        let raw = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
        let sealed = head[4] & SEALED != 0;
        let known = head[4] & !(ZIPPED | SEALED) == 0 && head[5..8] == [0; 3];
        if head[..4] != *MAGIC || !known || sealed != self.sealer.seals() || raw > OCTETS {
            return None;
        }
        let content = self.sealer.unseal(path, content)?;
        match head[4] & ZIPPED {
            0 => (content.len() == raw).then_some(content),
            _ => self.zip.unpress(&content, raw).ok(),
        }
    }
}
