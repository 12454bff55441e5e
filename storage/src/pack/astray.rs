//! Packs under a name that is not their own: renamed, copied, or exchanged. The header says the number under its
//! checksum, so nothing has to be guessed (the first version had no checksum: there a number may be damage).

use super::Packs;
use super::format::{self, Header};
use crate::error::{Cure, Fault};
use crate::owner::Said;
use crate::{Corrupt, Error};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// The highest number of a pack. No store comes so far: what has a higher one came from elsewhere.
pub(crate) const NUMBER_MAX: u32 = i32::MAX as u32;

/// A pack under a name that is not its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Astray {
    /// What its name says.
    pub named: u32,
    /// What its header says.
    pub own: u32,
    /// Whether that is certain.
    pub is_certain: bool,
    pub octets: u64,
}

impl Astray {
    /// What is wrong with it.
    pub(crate) fn told(&self, packs: &Path) -> Corrupt {
        let file = format::path(packs, self.named).display().to_string();
        let own = self.own;
        let what = match own == self.named {
            true => Fault::PackNumber { file },
            false => Fault::PackOther { file, own },
        };
        let cure = Some(Cure::Repair);
        Corrupt { what, cure }
    }
}

/// What a whole header says of the pack of this number: one whose name says another, or too high a one. `None` for
/// any other, for a damaged header too.
fn look(packs: &Path, named: u32) -> Option<Astray> {
    let mut head = Vec::new();
    let file = File::open(format::path(packs, named)).ok()?;
    let octets = file.metadata().ok()?.len();
    file.take(format::FILE_HEAD).read_to_end(&mut head).ok()?;
    let header = Header::parse(&head).ok();
    let own = header.map_or(named, |header| header.number);
    let found = Astray {
        named,
        own,
        is_certain: header.is_some_and(|header| header.version > 1),
        octets,
    };
    (own != named || named > NUMBER_MAX).then_some(found)
}

/// All that are astray in the folder of packs, in the order of their names. Errors: `Unavailable`.
pub(crate) fn astray(packs: &Path) -> Result<Vec<Astray>, Error> {
    let numbers = match packs.is_dir() {
        true => format::numbers(packs)?,
        false => Vec::new(),
    };
    Ok(numbers.into_iter().filter_map(|n| look(packs, n)).collect())
}

/// Errors: `Corrupt`, when another pack certainly has the name of this one.
pub(super) fn expect_own(packs: &Path, number: u32) -> Result<(), Error> {
    match look(packs, number).filter(|found| found.is_certain) {
        Some(found) => Err(Error::Corrupt(found.told(packs))),
        None => Ok(()),
    }
}

/// The highest number that a pack of the store has; 0 where there is none. What is astray has no number.
pub(super) fn last(packs: &Path) -> Result<u32, Error> {
    let mut numbers = format::numbers(packs)?.into_iter().rev();
    let last = numbers.find(|number| !is_taken(packs, *number));
    Ok(last.unwrap_or(0))
}

/// Whether a pack that is not this one has its name.
pub(super) fn is_taken(packs: &Path, number: u32) -> bool {
    look(packs, number).is_some_and(|found| found.is_certain || number > NUMBER_MAX)
}

/// Whether the file of this number is that pack by its header, or of a version to come, which nobody touches.
pub(crate) fn is_own(packs: &Path, number: u32) -> bool {
    let mut head = Vec::new();
    let read = File::open(format::path(packs, number))
        .and_then(|file| file.take(format::FILE_HEAD).read_to_end(&mut head));
    match Header::parse(&head) {
        Ok(header) => read.is_ok() && header.number == number && header.said != Said::Unreadable,
        Err(version) => version.is_some(),
    }
}

impl Packs {
    /// The packs under names that are not theirs. Errors: `Unavailable`.
    pub(crate) fn astray(&self) -> Result<Vec<Corrupt>, Error> {
        let found = astray(&self.dir)?;
        Ok(found.iter().map(|astray| astray.told(&self.dir)).collect())
    }
}
