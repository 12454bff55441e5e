//! The file `format` of a backup, which holds the only wrapped key of a sealed one, and `format.copy` beside it.
//!
//! Both are the same octets. The copy is written first, so that where the file is, the copy was; either is enough,
//! and whoever holds the vault alone writes the other again. Of a backup that is not sealed the manifests say
//! whose it is: it outlives the loss of both.

use super::framed::{self, Kind, Wrong};
use super::note::{self, Note};
use super::{Failure, Refusal, Vault, chunk, manifest};
use crate::master;
use crate::{Error, Told as _};
use serde::{Deserialize, Serialize};

/// Name of the file.
pub(super) const FILE: &str = "format";
/// Name of its copy.
const COPY: &str = "format.copy";
/// Both, in the order in which they are written.
pub(super) const FILES: [&str; 2] = [COPY, FILE];
/// Folders of what a backup has besides.
pub(super) const TRACES: [&str; 2] = [manifest::FOLDER, chunk::FOLDER];
const KIND: Kind = Kind {
    magic: b"CVBKUP\r\n",
    version: 1,
    what: "format of the backup",
};
/// Largest `format` file, octets.
const OCTETS_MAX: u64 = 4_096;

/// What it says.
#[derive(Serialize, Deserialize)]
pub(super) struct Head {
    /// Of this backup, random.
    pub vault: [u8; 16],
    /// Of the store.
    pub store: [u8; 16],
    pub lock: Lock,
}

#[derive(Serialize, Deserialize)]
pub(super) enum Lock {
    Open,
    Key {
        wrapped: Vec<u8>,
    },
    Passphrase {
        salt: [u8; 16],
        memory_kib: u32,
        passes: u32,
        wrapped: Vec<u8>,
    },
}

impl Head {
    /// Of a new backup of this store.
    pub(super) fn draw(store: [u8; 16]) -> Result<Self, Error> {
        let (mut vault, lock) = ([0; 16], Lock::Open);
        master::fill(&mut vault)?;
        Ok(Self { vault, store, lock })
    }

    /// Writes both files of a new backup.
    pub(super) fn write(&self, vault: &dyn Vault) -> Result<(), Error> {
        let bytes = framed::encode(KIND, self)?;
        for name in FILES {
            vault.put(name, &bytes)?;
        }
        vault.settle()
    }
}

/// What a vault says of itself.
pub(super) struct Found {
    pub head: Head,
    bytes: Vec<u8>,
    /// Of which of the two files must be written again, why.
    stale: Vec<(&'static str, Is)>,
}

/// How one of the two files is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    Missing,
    /// Missing, as in backups of earlier versions, which wrote no copies: nothing is wrong with them.
    Never,
    Damaged,
    /// Whole, and not what the other one says now.
    Older,
}

impl Found {
    /// Writes what is damaged or missing of the two again.
    pub(super) fn mend(&self, vault: &dyn Vault) -> Result<(), Error> {
        for (name, is) in &self.stale {
            tracing::info!(name, ?is, "the backup's format is written again");
            vault.put(name, &self.bytes)?;
        }
        match self.stale.is_empty() {
            true => Ok(()),
            false => vault.settle(),
        }
    }

    /// What is wrong, a line each.
    pub(super) fn told(&self) -> Vec<String> {
        let line = |(name, is): &(&'static str, Is)| {
            let is = match is {
                Is::Missing => note::Is::Missing,
                Is::Never => return None,
                Is::Damaged => note::Is::Damaged,
                Is::Older => note::Is::Older,
            };
            Some(Note::Twin { name, is }.in_both())
        };
        self.stale.iter().filter_map(line).collect()
    }
}

/// Reads the two; `None` where there is no backup. Errors: `NoFormat`, `TwoFormats`; `Corrupt` for an unknown
/// version (I-18).
pub(super) fn find(vault: &dyn Vault) -> Result<Option<Found>, Failure> {
    let (file, copy) = (read(vault, FILE), read(vault, COPY));
    let (head, bytes, stale) = match (file, copy) {
        (Ok((head, bytes)), Ok((other, copied))) => {
            if head.vault != other.vault {
                return Err(Refusal::TwoFormats(vault.place()).into());
            }
            let stale = (copied != bytes).then_some((COPY, Is::Older));
            (head, bytes, stale.into_iter().collect())
        }
        (Ok((head, bytes)), Err(why)) => {
            let is = match why.is()? {
                // Whoever wrote copies of the store's own files wrote this one before.
                Is::Missing if vault.list(chunk::TWINS)?.is_empty() => Is::Never,
                is => is,
            };
            (head, bytes, vec![(COPY, is)])
        }
        (Err(why), Ok((head, bytes))) => (head, bytes, vec![(FILE, why.is()?)]),
        (Err(Not::Missing), Err(Not::Missing)) if !has_traces(vault)? => return Ok(None),
        // Nothing is said of what nobody was allowed to read.
        (Err(Not::Unread(e)), Err(_)) => return Err(e.into()),
        (Err(why), Err(copied)) => {
            let stale = vec![(COPY, copied.is()?), (FILE, why.is()?)];
            let head = manifest::store_of_plain(vault)?
                .map(Head::draw)
                .transpose()?
                .ok_or_else(|| Refusal::NoFormat(vault.place()))?;
            let bytes = framed::encode(KIND, &head)?;
            (head, bytes, stale)
        }
    };
    let found = Found { head, bytes, stale };
    for line in found.told() {
        tracing::warn!(place = vault.place(), "{line}");
    }
    Ok(Some(found))
}

/// Whether there is anything that only a backup has.
fn has_traces(vault: &dyn Vault) -> Result<bool, Error> {
    for folder in TRACES {
        if !vault.list(folder)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Why one of the two says nothing.
enum Not {
    Missing,
    Damaged,
    Version(u32),
    /// The system could not read it.
    Unread(Error),
}

impl Not {
    /// What is to be told of it where the other one is whole, or no longer needed. Errors: what a newer program
    /// wrote is not taken for damage.
    fn is(self) -> Result<Is, Failure> {
        match self {
            Self::Missing => Ok(Is::Missing),
            Self::Damaged => Ok(Is::Damaged),
            Self::Version(number) => Err(Wrong::Version(number).told(KIND).into()),
            // A bad sector is what the other one is for.
            Self::Unread(error) => {
                tracing::warn!(%error, "one of the two files of a backup's format");
                Ok(Is::Damaged)
            }
        }
    }
}

/// One of the two, with its octets.
fn read(vault: &dyn Vault, name: &str) -> Result<(Head, Vec<u8>), Not> {
    let bytes = vault.get(name, OCTETS_MAX).map_err(|e| match e {
        Error::NotFound => Not::Missing,
        Error::TooLarge(_) => Not::Damaged,
        e => Not::Unread(e),
    })?;
    let body = framed::open(KIND, &bytes).map_err(|wrong| match wrong {
        Wrong::Damaged => Not::Damaged,
        Wrong::Version(number) => Not::Version(number),
    })?;
    let head = framed::value(KIND, body).map_err(|_| Not::Damaged)?;
    Ok((head, bytes))
}
