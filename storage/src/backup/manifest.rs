//! Manifests: what a backup consists of. Written last; without one a backup does not exist.

use super::framed::{self, Kind, Wrong};
use super::sealer::{ChunkId, Sealer};
use super::{Failure, Refusal, Vault};
use crate::Error;
use crate::error::{Cure, Fault};
use formats::date;
use serde::{Deserialize, Serialize};

/// Folder of the manifests in the vault.
pub(super) const FOLDER: &str = "manifests";
const SUFFIX: &str = ".manifest";
/// Largest manifest, octets: some 30 TB of store.
const OCTETS_MAX: u64 = 256 << 20;
const KIND: Kind = Kind {
    magic: b"CVMANI\r\n",
    version: 2,
    what: "manifest of the backup",
};
/// Without [`Looked`].
const BEFORE: Kind = Kind { version: 1, ..KIND };
/// Lines of what is not whole at most; the rest is counted.
const LACKS_MAX: usize = 1_000;

/// One backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub store: [u8; 16],
    /// When it was begun, Unix seconds.
    pub taken_at: i64,
    /// The journal's end: segment and offset.
    pub position: (u32, u64),
    pub files: Vec<Entry>,
    /// `None` for a backup by a version that did not look.
    pub looked: Option<Looked>,
}

/// What was seen of the store when it was copied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Looked {
    /// Whether the packs were compared with what the store names, for which its keys are needed.
    pub compared: bool,
    /// What is damaged in the store and in this backup, a line each.
    pub lacks: Vec<String>,
}

impl Looked {
    pub(super) fn new(compared: bool, mut lacks: Vec<String>) -> Self {
        let more = lacks.len().saturating_sub(LACKS_MAX);
        lacks.truncate(LACKS_MAX);
        if more > 0 {
            lacks.push(format!("and {more} more places are damaged"));
        }
        Self { compared, lacks }
    }
}

/// A manifest of the first version.
#[derive(Deserialize)]
struct First {
    store: [u8; 16],
    taken_at: i64,
    position: (u32, u64),
    files: Vec<Entry>,
}

/// One file of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Within the store's folder, with `/`.
    pub path: String,
    pub octets: u64,
    /// BLAKE3 of the whole.
    pub hash: [u8; 32],
    pub chunks: Vec<ChunkId>,
    pub seen: Seen,
}

/// How the file looked from outside: when it looks the same the next time, it is not read again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub device: u64,
    pub inode: u64,
    /// Of the last change of the content, Unix seconds and nanoseconds.
    pub changed: (i64, i64),
    /// Octets of the whole file; more than were copied when its end was not whole yet.
    pub octets: u64,
}

impl Manifest {
    /// Octets of all its files.
    pub(super) fn octets(&self) -> u64 {
        self.files.iter().map(|f| f.octets).sum()
    }

    /// Writes it under a name by its time that is still free; returns the name.
    pub(super) fn write(&self, vault: &dyn Vault, sealer: &Sealer) -> Result<String, Failure> {
        let there = names(vault)?;
        let mut name = name_at(self.taken_at);
        let mut at = self.taken_at;
        while there.contains(&name) {
            at += 1;
            name = name_at(at);
        }
        let body = sealer.seal(&name, framed::body(self)?)?;
        vault.put(&path(&name), &framed::wrap(KIND, &body))?;
        vault.settle()?;
        Ok(name)
    }

    /// Errors: `NoManifest`, `Corrupt`.
    pub(super) fn read(vault: &dyn Vault, sealer: &Sealer, name: &str) -> Result<Self, Failure> {
        let none = || Refusal::NoManifest {
            dir: vault.place(),
            name: name.to_owned(),
        };
        if time_of(name).is_none() {
            return Err(none().into());
        }
        let bytes = match vault.get(&path(name), OCTETS_MAX) {
            Ok(bytes) => bytes,
            Err(Error::NotFound) => return Err(none().into()),
            Err(e) => return Err(e.into()),
        };
        let damaged = || {
            let name = name.to_owned();
            Error::cured(Fault::Manifest { name }, Cure::OtherBackup)
        };
        let kind = match framed::version(&bytes) {
            Some(1) => BEFORE,
            _ => KIND,
        };
        let body = framed::open(kind, &bytes).map_err(|wrong| match wrong {
            Wrong::Damaged => damaged(),
            Wrong::Version(version) => {
                let name = name.to_owned();
                Error::cured(Fault::ManifestVersion { name, version }, Cure::Newer)
            }
        })?;
        let body = sealer.unseal(name, body).ok_or_else(damaged)?;
        let read = match kind.version {
            1 => framed::value::<First>(kind, &body).map(Self::from),
            _ => framed::value::<Self>(kind, &body),
        };
        let manifest = read.map_err(|_| damaged())?;
        if manifest.store != sealer.store || !manifest.files.iter().all(Entry::is_sound) {
            return Err(damaged().into());
        }
        Ok(manifest)
    }

    /// The newest, or the newest that is not younger than `at`. Errors: `NoBackup`, `NoneThatOld`.
    pub(super) fn newest(vault: &dyn Vault, at: Option<i64>) -> Result<String, Failure> {
        let fits = |name: &String| at.is_none_or(|at| time_of(name).is_some_and(|t| t <= at));
        let names = names(vault)?;
        let (dir, first) = (vault.place(), names.first().cloned());
        let none = || match (at, first) {
            (Some(at), Some(first)) => Refusal::NoneThatOld {
                dir,
                at: date::utc(at),
                first,
            },
            _ => Refusal::NoBackup(dir),
        };
        names.into_iter().rfind(fits).ok_or_else(|| none().into())
    }

    /// The oldest that is not older than `at`, else the newest. Errors: `NoBackup`.
    pub(super) fn covering(vault: &dyn Vault, at: i64) -> Result<String, Failure> {
        let late = |name: &String| time_of(name).is_some_and(|t| t >= at);
        match names(vault)?.into_iter().find(late) {
            Some(name) => Ok(name),
            None => Self::newest(vault, None),
        }
    }
}

impl From<First> for Manifest {
    fn from(first: First) -> Self {
        let First {
            store,
            taken_at,
            position,
            files,
        } = first;
        Self {
            store,
            taken_at,
            position,
            files,
            looked: None,
        }
    }
}

impl Entry {
    /// Its chunks with their octets before compression, in order.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (ChunkId, u64)> + '_ {
        let whole = super::chunk::OCTETS as u64;
        let starts = (0u64..).map(move |at| at * whole);
        let pieces = self.chunks.iter().zip(starts);
        pieces.map(move |(id, start)| (*id, (self.octets - start).min(whole)))
    }

    /// Whether it names a file within a store and has as many chunks as its length needs.
    fn is_sound(&self) -> bool {
        let part = |p: &str| !p.is_empty() && p != "." && p != "..";
        let chunks = self.octets.div_ceil(super::chunk::OCTETS as u64);
        self.path.split('/').all(part) && self.chunks.len() as u64 == chunks
    }
}

fn path(name: &str) -> String {
    format!("{FOLDER}/{name}{SUFFIX}")
}

/// Names of all manifests, the oldest first.
pub(super) fn names(vault: &dyn Vault) -> Result<Vec<String>, Error> {
    let all = vault.list(FOLDER)?.into_iter();
    let mut names: Vec<String> = all
        .filter_map(|(path, _)| {
            let name = path.rsplit('/').next()?.strip_suffix(SUFFIX)?;
            time_of(name).map(|_| name.to_owned())
        })
        .collect();
    names.sort_unstable();
    Ok(names)
}

/// The store of which any manifest speaks, where they are not sealed; `None` where none can be read so.
pub(super) fn store_of_plain(vault: &dyn Vault) -> Result<Option<[u8; 16]>, Failure> {
    for name in names(vault)?.iter().rev() {
        // Its own checksum vouches for what it says.
        let bytes = vault.get(&path(name), OCTETS_MAX)?;
        let said = framed::version(&bytes).map(|version| match version {
            1 => framed::decode::<First>(BEFORE, &bytes).map(Manifest::from),
            _ => framed::decode::<Manifest>(KIND, &bytes),
        });
        if let Some(Ok(manifest)) = said
            && manifest.files.iter().all(Entry::is_sound)
        {
            return Ok(Some(manifest.store));
        }
    }
    Ok(None)
}

/// Makes the backup not exist.
pub(super) fn remove(vault: &dyn Vault, name: &str) -> Result<(), Error> {
    vault.remove(&path(name))
}

/// `20260921T022554Z`.
fn name_at(at: i64) -> String {
    date::utc(at).replace(['-', ':'], "")
}

/// The time that a name says, Unix seconds; `None` for what is no name of a manifest.
pub(super) fn time_of(name: &str) -> Option<i64> {
    let part = |from: usize, to: usize| name.get(from..to);
    let (day, clock) = (part(0, 8)?, part(8, 16)?);
    let text = format!(
        "{}-{}-{}{}:{}:{}",
        day.get(..4)?,
        day.get(4..6)?,
        day.get(6..)?,
        clock.get(..3)?,
        clock.get(3..5)?,
        clock.get(5..)?
    );
    date::parse_utc(&text).filter(|at| name_at(*at) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_times() {
        let check = |at: i64, name: &str| {
            assert_eq!(name_at(at), name);
            assert_eq!(time_of(name), Some(at), "{name}");
        };
        check(0, "19700101T000000Z");
        check(951_782_400, "20000229T000000Z");
        check(1_790_033_154, "20260921T232554Z");
        check(4_102_444_799, "20991231T235959Z");
        check(1_709_251_199, "20240229T235959Z");
        for wrong in [
            "",
            "20260230T000000Z",
            "20260921T222554",
            "2026-09-21T2225Z",
            "20260921T246000Z",
        ] {
            assert_eq!(time_of(wrong), None, "{wrong}");
        }
        for day in 0..40_000 {
            let at = day * 86_400 + day;
            assert_eq!(time_of(&name_at(at)), Some(at));
        }
    }
}
