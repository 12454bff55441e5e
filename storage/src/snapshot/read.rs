//! Reading one snapshot: from any key on, block by block; nothing is kept.

use super::block::{self, Place};
use super::{
    END_MAGIC, Entry, FILE_HEAD, FILE_MAGIC, FILE_VERSION, FOOT, SUM, Span, Summary, UNNAMED_HEAD,
    UNNAMED_VERSION, head_octets, head_of, number_at,
};
use crate::error::{Cure, Fault, Part};
use crate::seal::Keys;
use crate::{Error, ModSeq, Watch, disk};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zstd::bulk::Decompressor;

/// Largest table of blocks as it is stored, octets.
const TABLE_OCTETS_MAX: u32 = 1 << 30;

/// A snapshot that can be read; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub span: Span,
    pub summary: Summary,
    /// Octets of the file.
    pub octets: u64,
    path: Arc<PathBuf>,
    file: Arc<File>,
    keys: Keys,
    table: Arc<Vec<Piece>>,
    entries: u64,
    watch: Watch,
}

/// Where a block lies.
#[derive(Debug)]
struct Piece {
    first: Vec<u8>,
    at: u64,
    octets: u32,
}

impl Snapshot {
    /// Opens and reads what stands around the blocks. Errors: `Corrupt` (also an unknown version, I-18).
    pub(crate) fn open(path: &Path, span: Span, keys: &Keys) -> Result<Self, Error> {
        let file = File::open(path).map_err(|e| disk::failed("cannot read", path, &e))?;
        let octets = file
            .metadata()
            .map_err(|e| disk::failed("cannot read", path, &e))?
            .len();
        let head = head(&file, path, span)?;
        let damaged = || damaged(path, Part::End);
        let foot_at = octets.checked_sub(FOOT as u64).ok_or_else(damaged)?;
        let mut foot = [0u8; FOOT];
        file.read_exact_at(&mut foot, foot_at)
            .map_err(|e| disk::failed("cannot read", path, &e))?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&head).update(&foot[..FOOT - SUM]);
        if foot[..8] != *END_MAGIC || hasher.finalize().as_bytes()[..SUM] != foot[FOOT - SUM..] {
            return Err(damaged());
        }
        let small =
            |at: usize| u32::from_le_bytes([foot[at], foot[at + 1], foot[at + 2], foot[at + 3]]);
        let large = |at: usize| u64::from(small(at)) | u64::from(small(at + 4)) << 32;
        let (blocks, table_octets, table_at) = (small(8), small(12), large(16));
        if table_octets > TABLE_OCTETS_MAX
            || table_at.checked_add(table_octets.into()) != Some(foot_at)
        {
            return Err(damaged());
        }
        let summary = Summary {
            system: ModSeq::new(large(32)).ok_or_else(damaged)?,
            time: large(40).cast_signed(),
        };
        let place = Place {
            span,
            number: block::TABLE,
        };
        let table = read_block(
            (&file, path, keys),
            place,
            (table_at, table_octets),
            &mut block::unpress()?,
        )?;
        Ok(Self {
            span,
            summary,
            octets,
            path: Arc::new(path.to_owned()),
            file: Arc::new(file),
            keys: keys.clone(),
            table: Arc::new(pieces(&table, blocks).ok_or_else(damaged)?),
            entries: large(24),
            watch: Watch::default(),
        })
    }

    /// The same, whose reading is told.
    pub(super) fn watched(self, watch: &Watch) -> Self {
        let watch = watch.clone();
        Self { watch, ..self }
    }

    /// Entries, deletions too.
    pub(crate) fn len(&self) -> u64 {
        self.entries
    }

    /// The entries from `from` on.
    pub(crate) fn entries(&self, from: &[u8]) -> Result<Reader, Error> {
        let next = self
            .table
            .partition_point(|p| *p.first <= *from)
            .saturating_sub(1);
        Ok(Reader {
            snapshot: self.clone(),
            next,
            from: from.to_vec(),
            raw: Vec::new(),
            at: 0,
            unpress: block::unpress()?,
            ended: false,
        })
    }

    /// Reads everything back. Errors: `Corrupt` naming the file; `Unavailable` when `stop` says so.
    pub(crate) fn verify(&self, stop: &dyn Fn() -> Result<(), Error>) -> Result<(), Error> {
        let (mut count, mut last) = (0u64, Vec::new());
        for entry in self.entries(&[])? {
            let entry = entry?;
            if count > 0 && entry.key <= last {
                return Err(damaged(&self.path, Part::Order));
            }
            if count.is_multiple_of(1024) {
                stop()?;
            }
            last = entry.key;
            count += 1;
        }
        if count != self.entries {
            return Err(damaged(&self.path, Part::Keys));
        }
        Ok(())
    }

    /// Number of blocks.
    pub(crate) fn blocks(&self) -> usize {
        self.table.len()
    }

    /// The entries of one block.
    #[allow(dead_code, reason = "a repair reads block by block")]
    pub(crate) fn block(&self, number: usize) -> Result<Vec<Entry>, Error> {
        let raw = self.raw(number, &mut block::unpress()?)?;
        let (mut at, mut entries) = (0, Vec::new());
        while let Some(entry) = block::take(&raw, &mut at)? {
            entries.push(entry);
        }
        Ok(entries)
    }

    /// The first key of a block and the first of the next: what is lost when it cannot be read.
    #[allow(dead_code, reason = "a repair reads block by block")]
    pub(crate) fn range(&self, number: usize) -> (Vec<u8>, Option<Vec<u8>>) {
        let first = |n: usize| self.table.get(n).map(|p| p.first.clone());
        (first(number).unwrap_or_default(), first(number + 1))
    }

    #[allow(dead_code, reason = "a repair reads block by block")]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn raw(&self, number: usize, unpress: &mut Decompressor<'_>) -> Result<Vec<u8>, Error> {
        let piece = &self.table[number];
        self.watch.more(piece.octets.into());
        let place = Place {
            span: self.span,
            number: number as u32,
        };
        read_block(
            (&self.file, &self.path, &self.keys),
            place,
            (piece.at, piece.octets),
            unpress,
        )
    }
}

/// The head of the file, whole and of this span.
fn head(file: &File, path: &Path, span: Span) -> Result<Vec<u8>, Error> {
    let damaged = |what| damaged(path, what);
    let mut head = vec![0u8; UNNAMED_HEAD];
    if file.read_exact_at(&mut head, 0).is_err() || head[..8] != *FILE_MAGIC {
        return Err(damaged(Part::Head));
    }
    let version = number_at(&head, 8);
    if ![UNNAMED_VERSION, FILE_VERSION].contains(&version) {
        let what = damaged(Part::HeadVersion { version });
        // A checksum that fits says that it is no damage.
        return Err(match is_whole(file) {
            true => what.with_cure(Cure::Newer),
            false => what,
        });
    }
    head.resize(head_octets(&head), 0);
    let read = file.read_exact_at(&mut head, 0);
    match head_of(&head) {
        Some((found, _)) if read.is_ok() && found == span => Ok(head),
        _ => Err(damaged(Part::Head)),
    }
}

/// Whether the file begins with what has the length and the checksum of a head.
fn is_whole(file: &File) -> bool {
    let mut head = [0u8; FILE_HEAD];
    let read = file.read_exact_at(&mut head, 0);
    let (said, sum) = head.split_at(FILE_HEAD - SUM);
    read.is_ok() && blake3::hash(said).as_bytes()[..SUM] == *sum
}

fn read_block(
    (file, path, keys): (&File, &Path, &Keys),
    place: Place,
    (at, octets): (u64, u32),
    unpress: &mut Decompressor<'_>,
) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0u8; octets as usize];
    let read = file.read_exact_at(&mut bytes, at);
    let raw = match read {
        Ok(()) => block::open(place, &bytes, keys, unpress)?,
        Err(_) => None,
    };
    raw.ok_or_else(|| match place.number {
        block::TABLE => damaged(path, Part::Table),
        number => {
            let number = u64::from(number);
            damaged(path, Part::Block { number })
        }
    })
}

fn pieces(mut table: &[u8], blocks: u32) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    while !table.is_empty() {
        let (head, rest) = table.split_at_checked(2)?;
        let octets = u16::from_le_bytes([head[0], head[1]]) as usize;
        let (first, rest) = rest.split_at_checked(octets)?;
        let (at, rest) = rest.split_at_checked(8)?;
        let (octets, rest) = rest.split_at_checked(4)?;
        pieces.push(Piece {
            first: first.to_vec(),
            at: u64::from_le_bytes(at.try_into().ok()?),
            octets: u32::from_le_bytes(octets.try_into().ok()?),
        });
        table = rest;
    }
    (pieces.len() == blocks as usize).then_some(pieces)
}

fn damaged(path: &Path, what: Part) -> Error {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Error::corrupt(Fault::Snapshot {
        name: name.into_owned(),
        what,
    })
}

/// Entries of one snapshot, in order. Ends after an error.
pub(crate) struct Reader {
    snapshot: Snapshot,
    next: usize,
    from: Vec<u8>,
    raw: Vec<u8>,
    at: usize,
    unpress: Decompressor<'static>,
    ended: bool,
}

impl Reader {
    fn step(&mut self) -> Result<Option<Entry>, Error> {
        loop {
            match block::take(&self.raw, &mut self.at)? {
                Some(entry) if entry.key < self.from => {}
                Some(entry) => return Ok(Some(entry)),
                None if self.next >= self.snapshot.blocks() => return Ok(None),
                None => {
                    self.raw = self.snapshot.raw(self.next, &mut self.unpress)?;
                    (self.at, self.next) = (0, self.next + 1);
                }
            }
        }
    }
}

impl Iterator for Reader {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let step = self.step();
        self.ended = !matches!(step, Ok(Some(_)));
        step.transpose()
    }
}
