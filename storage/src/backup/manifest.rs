//! Manifests: what a backup consists of. Written last; without one a backup does not exist.

use super::framed::{self, Kind};
use super::sealer::{ChunkId, Sealer};
use super::{Failure, Refusal, Vault};
use crate::Error;
use serde::{Deserialize, Serialize};

/// Folder of the manifests in the vault.
const FOLDER: &str = "manifests";
const SUFFIX: &str = ".manifest";
/// Largest manifest, octets: some 30 TB of store.
const OCTETS_MAX: u64 = 256 << 20;
const KIND: Kind = Kind {
    magic: b"CVMANI\r\n",
    version: 1,
    what: "manifest of the backup",
};
const DAY_S: i64 = 86_400;

/// One backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub store: [u8; 16],
    /// When it was begun, Unix seconds.
    pub taken_at: i64,
    /// The journal's end: segment and offset.
    pub position: (u32, u64),
    pub files: Vec<Entry>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
        if time_of(name).is_none() {
            return Err(Refusal::NoManifest(vault.place()).into());
        }
        let bytes = match vault.get(&path(name), OCTETS_MAX) {
            Ok(bytes) => bytes,
            Err(Error::NotFound) => return Err(Refusal::NoManifest(vault.place()).into()),
            Err(e) => return Err(e.into()),
        };
        let damaged = || Error::Corrupt(format!("the manifest {name} was changed"));
        let body = sealer
            .unseal(name, framed::unwrap(KIND, &bytes)?)
            .ok_or_else(damaged)?;
        let manifest: Self = framed::value(KIND, &body)?;
        if manifest.store != sealer.store || !manifest.files.iter().all(Entry::is_sound) {
            return Err(damaged().into());
        }
        Ok(manifest)
    }

    /// The newest, or the newest that is not younger than `at`. Errors: `NoManifest`.
    pub(super) fn newest(vault: &dyn Vault, at: Option<i64>) -> Result<String, Failure> {
        let fits = |name: &String| at.is_none_or(|at| time_of(name).is_some_and(|t| t <= at));
        let found = names(vault)?.into_iter().rfind(fits);
        found.ok_or_else(|| Refusal::NoManifest(vault.place()).into())
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

/// Makes the backup not exist.
pub(super) fn remove(vault: &dyn Vault, name: &str) -> Result<(), Error> {
    vault.remove(&path(name))
}

/// `20260921T022554Z`, in the calendar of ISO 8601.
fn name_at(at: i64) -> String {
    let (days, second) = (at.div_euclid(DAY_S), at.rem_euclid(DAY_S));
    // Years are counted from March, so that the day that comes and goes is the last one.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month, year) = (
        day - (153 * month + 2) / 5 + 1,
        if month < 10 { month + 3 } else { month - 9 },
        year + era * 400 + i64::from(month >= 10),
    );
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// The time that a name says, Unix seconds; `None` for what is no name of a manifest.
pub(super) fn time_of(name: &str) -> Option<i64> {
    let number = |from: usize, to: usize| {
        let digits = name.get(from..to)?;
        let all = digits.bytes().all(|b| b.is_ascii_digit());
        all.then(|| digits.parse::<i64>().ok())?
    };
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
    let year = year - i64::from(month <= 2);
    let in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let at = (days + in_year - 719_468) * DAY_S + hour * 3_600 + minute * 60 + second;
    (name_at(at) == name).then_some(at)
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
        check(1_790_033_154, "20260921T222554Z");
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
            let at = day * DAY_S + day % DAY_S;
            assert_eq!(time_of(&name_at(at)), Some(at));
        }
    }
}
