//! The octets of a pack: its header, the head before each content, names of files.
//!
//! | header, 48 octets | |
//! |---|---|
//! | 8 | magic |
//! | 4 | version |
//! | 4 | number of the pack |
//! | 16 | identity of the store |
//! | 8 | zeros |
//! | 8 | checksum of all before |
//!
//! A version to come keeps these 48 octets: their checksum tells it from a number that is damaged.
//!
//! | head of an entry, 68 octets | |
//! |---|---|
//! | 4 | magic |
//! | 1 | [`Form`] |
//! | 3 | zeros |
//! | 4 | key under which it is sealed, 0 for none |
//! | 4 | octets stored, after the head |
//! | 4 | octets of the content |
//! | 32 | BLAKE3 hash of the content |
//! | 8 | checksum of the stored octets |
//! | 8 | checksum of all before |
//!
//! Version 2 had a header of 32 octets without identity. Version 1 had one of 16 without checksum, and heads of
//! 56 without key and without checksum of what is stored. Such packs are read where they lie and never written.

use crate::disk::{self, DataFile, Disk};
use crate::error::{Cure, Fault};
use crate::owner::{ID, Owner, Said};
use crate::record::{Form, Location};
use crate::{BlobId, Error};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub(super) const FOLDER: &str = "packs";
const SUFFIX: &str = ".pack";
const FILE_MAGIC: &[u8; 8] = b"CVPACK\r\n";
pub(super) const VERSION: u32 = 3;
/// The version whose headers name no store.
const UNNAMED_VERSION: u32 = 2;
/// Octets of a pack's header.
pub(crate) const FILE_HEAD: u64 = 48;
const FILE_HEAD_V2: u64 = 32;
const FILE_HEAD_V1: u64 = 16;
/// Where the identity stands in a header.
const STORE_AT: usize = 16;
const MAGIC: &[u8; 4] = b"CvB2";
const MAGIC_V1: &[u8; 4] = b"CvB1";
/// Octets before each content.
pub(crate) const HEAD: usize = 68;
const HEAD_V1: usize = 56;
const SUM: usize = 8;

/// What the head of an entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub id: BlobId,
    pub form: Form,
    /// 0 for not sealed.
    pub key: u32,
    /// Octets after the head.
    pub stored: u32,
    /// Octets of the content.
    pub raw: u32,
    /// Checksum of the stored octets; version 1 had none.
    pub sum: Option<[u8; SUM]>,
}

pub(super) fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(name(number))
}

pub(super) fn name(number: u32) -> String {
    format!("{number:06}{SUFFIX}")
}

/// Octets of an entry's head in a pack of this version.
pub(super) fn head_octets(version: u32) -> usize {
    if version == 1 { HEAD_V1 } else { HEAD }
}

/// Octets of the header of a pack of this version.
pub(super) fn file_head_octets(version: u32) -> u64 {
    match version {
        1 => FILE_HEAD_V1,
        UNNAMED_VERSION => FILE_HEAD_V2,
        _ => FILE_HEAD,
    }
}

pub(super) fn sum_of(octets: &[u8]) -> [u8; SUM] {
    let mut sum = [0; SUM];
    sum.copy_from_slice(&blake3::hash(octets).as_bytes()[..SUM]);
    sum
}

pub(super) fn file_head(number: u32, store: &[u8; ID]) -> Vec<u8> {
    header(VERSION, number, store)
}

fn header(version: u32, number: u32, store: &[u8]) -> Vec<u8> {
    let mut head = FILE_MAGIC.to_vec();
    head.extend_from_slice(&version.to_le_bytes());
    head.extend_from_slice(&number.to_le_bytes());
    head.extend_from_slice(store);
    head.extend_from_slice(&[0; 8]);
    head.extend_from_slice(&sum_of(&head));
    head
}

/// What a whole header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub version: u32,
    pub number: u32,
    pub said: Said,
}

impl Header {
    /// Reads it from the first octets of a pack, with some of what follows. Errors: `None` for what is none or
    /// damaged, the version when it is not known (I-18).
    pub(super) fn parse(head: &[u8]) -> Result<Self, Option<u32>> {
        let number = |at: usize| {
            let octets = head.get(at..at + 4).and_then(|o| o.try_into().ok());
            octets.map(u32::from_le_bytes).ok_or(None)
        };
        let (version, own) = (number(8)?, number(12)?);
        if !head.starts_with(FILE_MAGIC) {
            return Err(None);
        }
        let said = match version {
            // Without a checksum; what follows must be an entry of that version.
            1 => match head.get(FILE_HEAD_V1 as usize..FILE_HEAD_V1 as usize + MAGIC_V1.len()) {
                Some(follows) if follows != MAGIC_V1 => return Err(None),
                _ => Said::Nobody,
            },
            UNNAMED_VERSION | VERSION => {
                let whole = head.get(..file_head_octets(version) as usize).ok_or(None)?;
                let (said, sum) = whole.split_at(whole.len() - SUM);
                if sum != sum_of(said) {
                    return Err(None);
                }
                let store = said.get(STORE_AT..STORE_AT + ID);
                let store = store.filter(|_| version == VERSION);
                Said::of(store.and_then(|id| id.try_into().ok()))
            }
            unknown => {
                // A checksum that fits says that it is no damage.
                let whole = head.get(..FILE_HEAD as usize).ok_or(None)?;
                let (said, sum) = whole.split_at(whole.len() - SUM);
                return Err((sum == sum_of(said)).then_some(unknown));
            }
        };
        Ok(Self {
            version,
            number: own,
            said,
        })
    }

    /// That of an open pack. Errors: `Corrupt`.
    pub(super) fn read(file: &DataFile, number: u32) -> Result<Self, Error> {
        let damaged = || Error::corrupt(Fault::PackHead { pack: number });
        let octets = file.len().map_err(|_| damaged())?.min(FILE_HEAD);
        let mut head = vec![0u8; octets as usize];
        file.read_at(0, &mut head).map_err(|_| damaged())?;
        match Self::parse(&head) {
            Ok(header) if header.number == number => Ok(header),
            // Under its checksum it is no damage.
            Ok(Self {
                version,
                number: own,
                ..
            }) if version > 1 => {
                let file = name(number);
                Err(Error::corrupt(Fault::PackOther { file, own }))
            }
            Err(Some(version)) => {
                let pack = number;
                let what = Fault::PackVersion { pack, version };
                Err(Error::cured(what, Cure::Newer))
            }
            _ => Err(damaged()),
        }
    }
}

/// The version of a pack. I-18: another one is not read.
pub(super) fn check_head(file: &DataFile, number: u32) -> Result<u32, Error> {
    Header::read(file, number).map(|header| header.version)
}

/// The version that the octets at the beginning of a pack say; `None` when they are damaged or not known.
pub(super) fn version_of(head: &[u8], number: u32) -> Option<u32> {
    let header = Header::parse(head).ok()?;
    (header.number == number).then_some(header.version)
}

/// The version of a pack whose header is damaged, by where its first entry begins.
pub(super) fn likely_version(first: &[u8]) -> u32 {
    let unnamed = first.get(FILE_HEAD_V2 as usize..).and_then(Entry::decode);
    unnamed.map_or(VERSION, |_| UNNAMED_VERSION)
}

/// What the first octets of a pack say of its store.
pub(crate) fn said(head: &[u8]) -> Said {
    Header::parse(head).map_or(Said::Unreadable, |header| header.said)
}

/// [`sum_of`], a piece at a time.
#[derive(Default)]
pub(super) struct Summing(blake3::Hasher);

impl Summing {
    pub(super) fn add(&mut self, octets: &[u8]) {
        self.0.update(octets);
    }

    pub(super) fn sum(&self) -> [u8; SUM] {
        let mut sum = [0; SUM];
        sum.copy_from_slice(&self.0.finalize().as_bytes()[..SUM]);
        sum
    }
}

/// The number that a pack's name says.
pub(super) fn number_of(name: &str) -> Option<u32> {
    name.strip_suffix(SUFFIX)?.parse().ok()
}

impl Entry {
    /// Head and stored octets, as they are written.
    pub(super) fn encode(&self, stored: &[u8]) -> Vec<u8> {
        let mut entry = Vec::with_capacity(HEAD + stored.len());
        entry.extend_from_slice(MAGIC);
        entry.extend_from_slice(&[self.form as u8, 0, 0, 0]);
        for number in [self.key, self.stored, self.raw] {
            entry.extend_from_slice(&number.to_le_bytes());
        }
        entry.extend_from_slice(&self.id.0);
        entry.extend_from_slice(&sum_of(stored));
        let sum = sum_of(&entry);
        entry.extend_from_slice(&sum);
        entry.extend_from_slice(stored);
        entry
    }

    /// Reads a head of either version; `None` when it is none or damaged.
    pub(super) fn decode(head: &[u8]) -> Option<Self> {
        let number = |at: usize| -> Option<u32> {
            Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?))
        };
        let form = Form::of(*head.get(4)?)?;
        let (key, at, octets) = match head.get(..4)? {
            m if m == MAGIC => (number(8)?, 12, HEAD),
            m if m == MAGIC_V1 => (0, 8, HEAD_V1),
            _ => return None,
        };
        let (said, sum) = head.get(..octets)?.split_at(octets - SUM);
        let stored_sum = (octets == HEAD).then(|| said[said.len() - SUM..].try_into().ok());
        (sum == sum_of(said)).then_some(())?;
        Some(Self {
            id: BlobId(said.get(at + 8..at + 40)?.try_into().ok()?),
            form,
            key,
            stored: number(at)?,
            raw: number(at + 4)?,
            sum: stored_sum.flatten(),
        })
    }

    /// Whether it is what the index says.
    pub(super) fn fits(&self, id: BlobId, location: &Location) -> bool {
        (self.id, self.form, self.stored, self.raw)
            == (id, location.form, location.stored, location.raw)
    }
}

/// The numbers of all packs in the folder, in order.
pub(super) fn numbers(dir: &Path) -> Result<Vec<u32>, Error> {
    let failed = |e: &std::io::Error| disk::failed("cannot list", dir, e);
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|e| failed(&e))? {
        let name = entry.map_err(|e| failed(&e))?.file_name();
        numbers.extend(name.to_str().and_then(number_of));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The numbers of the packs of the store in `dir`.
pub(crate) fn there(dir: &Path) -> Result<BTreeSet<u32>, Error> {
    let packs = dir.join(FOLDER);
    match packs.is_dir() {
        true => numbers(&packs).map(|n| n.into_iter().collect()),
        false => Ok(BTreeSet::new()),
    }
}

/// What is to be done about a pack whose header is damaged.
pub(crate) enum Headless {
    /// The whole file with its header, all of which is known.
    Mended(Vec<u8>),
    /// No content of a pack is in it: another file is in its place.
    Strange,
}

/// Packs whose header is damaged, by the names of their files. Where the first entry is damaged too, the header
/// is known all the same; that entry is lost, and nothing else.
pub(crate) fn headless(dir: &Path, owner: Owner) -> Result<Vec<(String, Headless)>, Error> {
    let mut found = Vec::new();
    for number in there(dir.parent().unwrap_or(dir))? {
        let path = path(dir, number);
        let file = Disk::default().open_existing(&path);
        let file = file.map_err(|e| disk::failed("cannot read", &path, &e))?;
        let head = Header::read(&file, number);
        // I-18: one of a version that is not known is not touched.
        if head.is_ok() || is_unknown(&file) {
            continue;
        }
        let bytes = std::fs::read(&path).map_err(|e| disk::failed("cannot read", &path, &e))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let what = headed(bytes, number, owner);
        found.extend(what.map(|what| (name.into_owned(), what)));
    }
    Ok(found)
}

/// Whether an entry lies where the first version had its first one.
fn is_first(bytes: &[u8]) -> bool {
    let first = bytes.get(FILE_HEAD_V1 as usize..).and_then(Entry::decode);
    first.is_some_and(|entry| entry.sum.is_none())
}

/// Whether a file begins as a pack of another version does.
fn is_unknown(file: &DataFile) -> bool {
    let octets = file.len().unwrap_or(0).min(FILE_HEAD);
    let mut head = vec![0u8; octets as usize];
    file.read_at(0, &mut head).is_ok() && matches!(Header::parse(&head), Err(Some(_)))
}

/// A pack of this number with its header; `None`: it is of the first version and has lost its first entry too, by which
/// its header can be told from another.
fn headed(mut bytes: Vec<u8>, number: u32, owner: Owner) -> Option<Headless> {
    if owner.unnamed && is_first(&bytes) {
        let head = [&FILE_MAGIC[..], &1u32.to_le_bytes(), &number.to_le_bytes()].concat();
        bytes[..head.len()].copy_from_slice(&head);
        return Some(Headless::Mended(bytes));
    }
    let version = likely_version(&bytes);
    let octets = file_head_octets(version) as usize;
    if bytes.len() <= octets {
        // As it is when the machine stopped while it was begun, and as a longer one is that was cut. With a header
        // and nothing else it keeps no store from opening, and what was in it is found missing.
        let own = file_head(number, &owner.id);
        let mut octets = bytes.iter().zip(&own);
        let is_begun = octets.all(|(is, own)| *is == 0 || is == own);
        return Some(match is_begun {
            true => Headless::Mended(own),
            false => Headless::Strange,
        });
    }
    let mut places = memchr::memmem::find_iter(&bytes, MAGIC);
    let has_entry = places.any(|at| Entry::decode(&bytes[at..]).is_some());
    if !has_entry {
        let mut first = memchr::memmem::find_iter(&bytes, MAGIC_V1);
        let is_first = first.any(|at| Entry::decode(&bytes[at..]).is_some());
        return (!is_first).then_some(Headless::Strange);
    }
    if version != VERSION && !owner.unnamed {
        return None;
    }
    let store = match version {
        VERSION => &owner.id[..],
        _ => &[],
    };
    bytes[..octets].copy_from_slice(&header(version, number, store));
    Some(Headless::Mended(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_comes_back_and_any_flipped_bit_is_noticed() {
        let entry = Entry {
            id: BlobId([7; 32]),
            form: Form::Assembled,
            key: 9,
            stored: 3,
            raw: 1_000,
            sum: Some(sum_of(b"abc")),
        };
        let written = entry.encode(b"abc");
        assert_eq!(written.len(), HEAD + 3);
        assert_eq!(Entry::decode(&written), Some(entry));
        for bit in 0..HEAD * 8 {
            let mut harmed = written.clone();
            harmed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Entry::decode(&harmed), None, "bit {bit}");
        }
        for len in 0..HEAD {
            assert_eq!(Entry::decode(&written[..len]), None, "cut at {len}");
        }
    }

    #[test]
    fn i18_a_header_is_written_as_before_and_those_of_earlier_versions_are_still_read() {
        let store = [7; ID];
        let one = [&b"CVPACK\r\n\x01\0\0\0\x05\0\0\0"[..], MAGIC_V1].concat();
        let two = header(UNNAMED_VERSION, 5, &[]);
        let three = file_head(5, &store);
        let kept: Vec<&str> = include_str!("../../tests/golden/pack.txt")
            .lines()
            .collect();
        let hex = |octets: &[u8]| -> String { octets.iter().map(|b| format!("{b:02x}")).collect() };
        assert_eq!(hex(&two), kept[0]);
        assert_eq!(hex(&three), kept[1]);
        for (version, head, of) in [
            (1, &one, Said::Nobody),
            (2, &two, Said::Nobody),
            (3, &three, Said::Store(store)),
        ] {
            assert_eq!(version_of(head, 5), Some(version));
            assert_eq!(version_of(head, 6), None);
            assert_eq!(said(head), of);
        }
        // One that was begun and no more.
        assert_eq!(version_of(&one[..16], 5), Some(1));
        for bit in 0..three.len() * 8 {
            let mut changed = three.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(version_of(&changed, 5), None, "bit {bit}");
        }
        assert_eq!(Header::parse(&header(4, 5, &store)), Err(Some(4)));
    }
}
