//! What a store weighs on the disk, for whoever watches over it.

use crate::Store;
use std::path::Path;

/// Files of one folder that are looked at.
const FILES_MAX: usize = 1_000_000;

/// Octets on the disk, by what they are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Commits that no snapshot has made superfluous.
    pub journal: u64,
    /// Content.
    pub packs: u64,
    /// What makes the journal superfluous.
    pub snapshots: u64,
    /// The engine's files.
    pub index: u64,
    /// The search index.
    pub search: u64,
    /// Octets that the disk still takes.
    pub free: u64,
    /// Under so many free octets writes are refused.
    pub reserve: u64,
}

impl Store {
    /// Octets that the disk still takes, and those that must stay free.
    pub fn room(&self) -> (u64, u64) {
        let shared = &self.inner.shared;
        (shared.disk.free(&shared.dir), shared.reserve)
    }

    /// Looks at the folder; a file that comes or goes meanwhile is counted or not.
    pub fn figures(&self) -> Figures {
        let shared = &self.inner.shared;
        let of = |name: &str| octets(&shared.dir.join(name), &mut 0);
        Figures {
            journal: of("journal"),
            packs: of("packs"),
            snapshots: of("snapshots"),
            index: of("index"),
            search: of(crate::search::FOLDER),
            free: shared.disk.free(&shared.dir),
            reserve: shared.reserve,
        }
    }
}

/// Octets of all files below; 0 where nothing is.
fn octets(dir: &Path, seen: &mut usize) -> u64 {
    let Ok(files) = std::fs::read_dir(dir) else {
        return 0;
    };
    let mut sum = 0;
    for file in files.flatten() {
        *seen += 1;
        if *seen > FILES_MAX {
            break;
        }
        sum += match file.metadata() {
            Ok(known) if known.is_dir() => octets(&file.path(), seen),
            Ok(known) => known.len(),
            Err(_) => 0,
        };
    }
    sum
}
