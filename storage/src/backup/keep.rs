//! Looking after the backups of a vault: list, check.

use super::chunk::{self, Chunks};
use super::crew::{self, Goal};
use super::manifest::{self, Entry, Manifest};
use super::note::{self, Note};
use super::sealer::{ChunkId, Sealer};
use super::whole::Judge;
use super::{Failure, Secret, Stage, Tell, Vault};
use crate::told::{OR, halves};
use crate::{Error, Told as _};
use std::collections::{BTreeMap, HashSet};

/// Findings listed at most; the rest is counted.
const FINDINGS_MAX: usize = 1_000;

/// One backup of a vault.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Backup {
    /// Its time, as `20260921T022554Z`.
    pub name: String,
    /// Unix seconds.
    pub taken_at: i64,
    pub files: u64,
    /// Octets of the store.
    pub octets: u64,
    /// Octets of chunks that no earlier backup of the list has, before compression.
    pub own_octets: u64,
    /// Why it cannot be read, or not whole. That its pieces are what they were is not looked at.
    pub damage: Option<String>,
}

/// All backups, the oldest first. Errors: `NoBackup`, `KeyMissing`, `KeyWrong`.
pub fn list(vault: &dyn Vault, secret: &Secret) -> Result<Vec<Backup>, Failure> {
    let _held = vault.hold(false)?;
    let sealer = Sealer::open(vault, secret)?;
    let (pieces, twins) = (vault.list(chunk::FOLDER)?, vault.list(chunk::TWINS)?);
    let pieces = pieces.into_iter().chain(twins);
    let there: HashSet<ChunkId> = pieces.filter_map(|(path, _)| chunk::id_of(&path)).collect();
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    for name in manifest::names(vault)? {
        let mut backup = Backup {
            taken_at: manifest::time_of(&name).unwrap_or(0),
            name,
            files: 0,
            octets: 0,
            own_octets: 0,
            damage: None,
        };
        match Manifest::read(vault, &sealer, &backup.name) {
            Ok(manifest) => {
                (backup.files, backup.octets) = (manifest.files.len() as u64, manifest.octets());
                let mut missing = 0u64;
                for (id, octets) in chunks_of(&manifest) {
                    backup.own_octets += if seen.insert(id) { octets } else { 0 };
                    missing += u64::from(!there.contains(&id));
                }
                let lacks = manifest.looked.as_ref().map_or(0, |l| l.lacks.len());
                if missing > 0 {
                    backup.damage = Some(Note::Missing { pieces: missing }.in_both());
                } else if lacks > 0 {
                    backup.damage = Some(Note::Lacks { places: lacks }.in_both());
                }
            }
            Err(Failure::Storage(e @ Error::Corrupt(_))) => backup.damage = Some(e.in_both()),
            Err(e) => return Err(e),
        }
        found.push(backup);
    }
    Ok(found)
}

/// What a backup lacks, with its name. (What older programs wrote down is in English alone.)
fn told(name: &str, what: &str) -> String {
    let (vietnamese, english) = halves(what);
    format!("bản sao lưu {name}: {vietnamese}{OR}backup {name}: {english}")
}

/// What is wrong with the second copies, a line each. Backups of earlier versions have none.
fn twins(chunks: &Chunks<'_>) -> Result<Vec<String>, Failure> {
    let mut wrong = Vec::new();
    for (path, _) in chunks.vault.list(chunk::TWINS)? {
        let read = chunk::id_of(&path).map(|id| chunks.read(&path, &id));
        match read {
            Some(Err(e @ Error::Corrupt(_))) => wrong.push(e.in_both()),
            Some(Err(e)) => return Err(e.into()),
            // Half of one that a killed backup left.
            Some(Ok(_)) | None => {}
        }
    }
    wrong.truncate(FINDINGS_MAX);
    Ok(wrong)
}

/// Chunks of a backup with their octets before compression.
fn chunks_of(manifest: &Manifest) -> impl Iterator<Item = (ChunkId, u64)> + '_ {
    manifest.files.iter().flat_map(Entry::pieces)
}

/// What [`check`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Checked {
    pub backups: u64,
    pub chunks: u64,
    /// What is wrong, a line each; empty when all is well.
    pub findings: Vec<String>,
}

/// Reads every manifest and every chunk that any of them names. Damage is a finding, not an error.
pub fn check(
    vault: &dyn Vault,
    secret: &Secret,
    workers: usize,
    tell: Tell<'_>,
) -> Result<Checked, Failure> {
    let _held = vault.hold(false)?;
    let sealer = Sealer::open(vault, secret)?;
    let mut checked = Checked {
        findings: sealer.told.clone(),
        ..Checked::default()
    };
    // Each chunk with the octets it must have and one file that needs it.
    let mut wanted: BTreeMap<ChunkId, (u64, String, String)> = BTreeMap::new();
    let chunks = Chunks::new(vault, &sealer);
    let mut judge = Judge::new(&chunks);
    let mut lacking = Vec::new();
    for name in manifest::names(vault)? {
        match Manifest::read(vault, &sealer, &name) {
            Ok(manifest) => {
                checked.backups += 1;
                let lacks = judge.lacks(&manifest)?.into_iter();
                lacking.extend(lacks.map(|what| told(&name, &what)));
                for file in &manifest.files {
                    for (id, octets) in file.pieces() {
                        let needs = || (octets, file.path.clone(), name.clone());
                        wanted.entry(id).or_insert_with(needs);
                    }
                }
            }
            Err(Failure::Storage(e @ Error::Corrupt(_))) => {
                checked.findings.push(e.in_both());
            }
            Err(e) => return Err(e),
        }
    }
    let wanted: Vec<_> = wanted.into_iter().collect();
    let goal = Goal {
        stage: Stage::Checking,
        total: wanted.iter().map(|(_, (octets, _, _))| octets).sum(),
        workers,
    };
    let found = crew::each(&wanted, &goal, tell, |(id, (octets, file, name)), pace| {
        pace.step(*octets)?;
        let why = match chunks.own(id) {
            Ok(raw) if raw.len() as u64 == *octets => return Ok(None),
            Ok(_) => note::another_length(id),
            Err(e @ Error::Corrupt(_)) => e,
            Err(e) => return Err(e.into()),
        };
        let (file, name) = (file.clone(), name.clone());
        Ok(Some(Note::NeededOf { why, file, name }.in_both()))
    })?;
    checked.chunks = wanted.len() as u64;
    checked.findings.extend(twins(&chunks)?);
    // What a damaged piece makes of a backup needs not be told twice.
    if found.iter().all(Option::is_none) {
        lacking.truncate(FINDINGS_MAX);
        checked.findings.append(&mut lacking);
    }
    let wrong = found.iter().flatten().count();
    checked
        .findings
        .extend(found.into_iter().flatten().take(FINDINGS_MAX));
    if wrong > FINDINGS_MAX {
        checked.findings.push(
            Note::More {
                more: wrong - FINDINGS_MAX,
            }
            .in_both(),
        );
    }
    Ok(checked)
}
