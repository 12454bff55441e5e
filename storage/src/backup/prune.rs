//! Removing old backups, but never the last whole copy of anything.
//!
//! What would stay is read before anything goes. A damaged piece in it, and nothing is removed: an older backup
//! may be the only one left. Where none of them is whole, the newest of the older ones that is stays too. And where the store was damaged already when it was backed up, the newest of the
//! older backups that still has the content whole stays too.

use super::chunk::{self, Chunks};
use super::crew::{self, Goal};
use super::manifest::{self, Entry, Manifest};
use super::note::{self, Note};
use super::sealer::{ChunkId, Sealer};
use super::sound::{self, Copy};
use super::whole::{Judge, Worth};
use super::{Failure, Refusal, Secret, Stage, Tell, Vault};
use crate::pack::Stretch;
use crate::{Corrupt, Error, Fault, Told as _};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Findings listed at most.
const FINDINGS_MAX: usize = 1_000;

/// Which backups stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The newest so many; at least one.
    Newest(usize),
    /// Those taken at this time or later, Unix seconds; and the newest in any case.
    Since(i64),
}

/// What to remove, and where.
#[allow(missing_docs)]
pub struct Prune<'a> {
    pub vault: &'a dyn Vault,
    pub secret: &'a Secret,
    pub keep: Keep,
    /// Threads, at most [`super::WORKERS_MAX`].
    pub workers: usize,
}

/// What [`prune`] removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Pruned {
    /// Names of the removed backups.
    pub backups: Vec<String>,
    pub chunks: u64,
    /// Octets that became free.
    pub octets: u64,
    /// What of the backups that stay was read and found whole, pieces.
    pub verified: u64,
    /// Why nothing was removed, or why some backups stay that were to go; a line each.
    pub findings: Vec<String>,
}

/// Removes old backups, then every chunk that no backup names any more. Never beside a running backup. When
/// one that stays cannot be read, nothing is removed: nobody could say what it needs. Errors: `StaysDamaged`, `Corrupt`.
pub fn prune(task: &Prune<'_>, tell: Tell<'_>) -> Result<Pruned, Failure> {
    let vault = task.vault;
    let _held = vault.hold(true)?;
    let sealer = Sealer::open_alone(vault, task.secret)?;
    let names = manifest::names(vault)?;
    let last = names.len().saturating_sub(1);
    let goes = |at: usize, name: &String| match task.keep {
        Keep::Newest(count) => at + count.max(1) <= last,
        Keep::Since(since) => at < last && manifest::time_of(name).is_none_or(|t| t < since),
    };
    let mut pruned = Pruned::default();
    let mut stay = Vec::new();
    for (at, name) in names.into_iter().enumerate() {
        match goes(at, &name) {
            true => pruned.backups.push(name),
            false => {
                let read = Manifest::read(vault, &sealer, &name);
                stay.push(read.map_err(|e| told(e, name))?);
            }
        }
    }
    let chunks = Chunks::new(vault, &sealer);
    if !pruned.backups.is_empty() {
        let damaged = examine(task, &chunks, &stay, &mut pruned, tell)?;
        if !pruned.findings.is_empty() {
            pruned.backups.clear();
            return Ok(pruned);
        }
        stay.extend(hold_back(&chunks, damaged, &mut pruned)?);
        let held = last_whole(&chunks, &stay, &mut pruned)?;
        stay.extend(held);
    }
    for name in &pruned.backups {
        manifest::remove(vault, name)?;
    }
    // A manifest must not come back after its chunks are gone.
    vault.settle()?;
    let named: HashSet<ChunkId> = stay
        .into_iter()
        .flat_map(|manifest| manifest.files)
        .flat_map(|file| file.chunks)
        .collect();
    let (pieces, twins) = (vault.list(chunk::FOLDER)?, vault.list(chunk::TWINS)?);
    for (path, octets) in pieces.into_iter().chain(twins) {
        if chunk::id_of(&path).is_none_or(|id| !named.contains(&id)) {
            vault.remove(&path)?;
            pruned.chunks += 1;
            pruned.octets += octets;
        }
    }
    vault.settle()?;
    Ok(pruned)
}

/// Of a damaged manifest: which, and what to do.
fn told(failure: Failure, name: String) -> Failure {
    match failure {
        Failure::Storage(Error::Corrupt(Corrupt {
            what: Fault::Manifest { .. },
            ..
        })) => Refusal::StaysDamaged(name).into(),
        other => other,
    }
}

/// Reads all that stays. Damaged pieces are findings; what was damaged in the store already is returned.
fn examine(
    task: &Prune<'_>,
    chunks: &Chunks<'_>,
    stay: &[Manifest],
    pruned: &mut Pruned,
    tell: Tell<'_>,
) -> Result<Vec<(String, Stretch)>, Failure> {
    // A file that several backups have is read once.
    let files: BTreeMap<(&str, [u8; 32]), &Entry> = stay
        .iter()
        .flat_map(|manifest| &manifest.files)
        .map(|entry| ((entry.path.as_str(), entry.hash), entry))
        .collect();
    let files: Vec<&Entry> = files.into_values().collect();
    let goal = Goal {
        stage: Stage::Checking,
        total: files.iter().map(|entry| entry.octets).sum(),
        workers: task.workers,
    };
    let looked = crew::each(&files, &goal, tell, |entry, pace| {
        let (mut copy, mut wrong) = (Copy::new(chunks, entry), Vec::new());
        let damaged = match copy.damaged(None) {
            // Which of its pieces, is told below.
            Err(Error::Corrupt(_)) => Vec::new(),
            damaged => damaged?,
        };
        for (at, (id, octets)) in entry.pieces().enumerate() {
            pace.step(octets)?;
            if copy.sound.contains(&at) {
                continue;
            }
            match chunks.get(&id) {
                Ok(raw) if raw.len() as u64 == octets => {}
                Ok(_) => wrong.push(note::another_length(&id)),
                Err(e @ Error::Corrupt(_)) => wrong.push(e),
                Err(e) => return Err(e.into()),
            }
        }
        Ok((wrong, damaged))
    })?;
    let (mut ids, mut found) = (BTreeSet::new(), Vec::new());
    for (entry, (wrong, damaged)) in files.into_iter().zip(looked) {
        ids.extend(entry.chunks.iter().copied());
        let wrong = wrong.into_iter().map(|why| {
            let file = entry.path.clone();
            Note::Needed { why, file }.in_both()
        });
        pruned.findings.extend(wrong);
        found.extend(
            damaged
                .into_iter()
                .map(|stretch| (entry.path.clone(), stretch)),
        );
    }
    pruned.findings.sort_unstable();
    pruned.findings.dedup();
    pruned.findings.truncate(FINDINGS_MAX);
    pruned.verified = ids.len() as u64;
    Ok(found)
}

/// Of the backups that are to go, the newest that is whole, where none of those that stay is; it is taken off the
/// list. Where nobody can say it of any, one that lacks nothing that can be seen.
fn last_whole(
    chunks: &Chunks<'_>,
    stay: &[Manifest],
    pruned: &mut Pruned,
) -> Result<Option<Manifest>, Failure> {
    let mut judge = Judge::new(chunks);
    let mut best = Worth::Broken;
    for manifest in stay.iter().rev() {
        best = best.max(judge.worth(manifest)?);
        if best == Worth::Whole {
            return Ok(None);
        }
    }
    let mut found = None;
    for at in (0..pruned.backups.len()).rev() {
        let manifest = match Manifest::read(chunks.vault, chunks.sealer, &pruned.backups[at]) {
            Ok(manifest) => manifest,
            Err(Failure::Storage(Error::Corrupt(_))) => continue,
            Err(e) => return Err(e),
        };
        let worth = judge.worth(&manifest)?;
        if worth > best {
            (best, found) = (worth, Some((at, manifest)));
        }
        if best == Worth::Whole {
            break;
        }
    }
    Ok(found.map(|(at, manifest)| {
        let name = pruned.backups.remove(at);
        pruned.findings.push(Note::StaysWhole { name }.in_both());
        manifest
    }))
}

/// Of the backups that are to go, the newest that still have whole what is damaged in those that stay; they
/// are taken off the list.
fn hold_back(
    chunks: &Chunks<'_>,
    mut damaged: Vec<(String, Stretch)>,
    pruned: &mut Pruned,
) -> Result<Vec<Manifest>, Failure> {
    let mut held = Vec::new();
    for at in (0..pruned.backups.len()).rev() {
        if damaged.is_empty() {
            break;
        }
        let name = pruned.backups[at].clone();
        let manifest = match Manifest::read(chunks.vault, chunks.sealer, &name) {
            Ok(manifest) => manifest,
            // It helps nobody.
            Err(Failure::Storage(Error::Corrupt(_))) => continue,
            Err(e) => return Err(e),
        };
        let before = damaged.len();
        let mut left = Vec::new();
        for (path, stretch) in damaged {
            let entry = manifest.files.iter().find(|entry| entry.path == path);
            let whole = match entry {
                Some(entry) => Copy::new(chunks, entry).whole(&stretch)?,
                None => None,
            };
            if whole.is_none() {
                left.push((path, stretch));
            } else if pruned.findings.len() < FINDINGS_MAX {
                let what = sound::named(&path, &stretch);
                let name = name.clone();
                pruned
                    .findings
                    .push(Note::StaysFor { what, name }.in_both());
            }
        }
        if left.len() < before {
            pruned.backups.remove(at);
            held.push(manifest);
        }
        damaged = left;
    }
    Ok(held)
}
