//! What of a running store belongs into a backup, and up to where.

use super::manifest::Seen;
use super::{Failure, Refusal, folder};
use crate::format::Format;
use crate::journal::{self, FILE_HEAD, Position};
use crate::{Error, disk};
use std::cmp::Ordering;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// How often the journal's end is looked for, while somebody writes it.
const TRIES_MAX: usize = 20;
/// What is being written carries this behind its name.
const UNFINISHED: &str = ".new";

/// A store as it stands at one place of its journal.
pub(super) struct Source {
    pub store: [u8; 16],
    pub position: Position,
    pub files: Vec<SourceFile>,
}

/// One of its files.
pub(super) struct SourceFile {
    /// Within the store's folder, with `/`.
    pub path: String,
    /// Octets that belong to it; more may follow.
    pub octets: u64,
    /// Whether it may turn out shorter: the end of a pack is cut back when a write failed.
    pub may_shrink: bool,
    pub seen: Seen,
    /// What is in it, of a small file that is replaced as a whole while the store is in use.
    pub held: Option<Vec<u8>>,
}

/// Looks at a store whose files are pinned. The order is what makes it consistent, see `backup`.
/// Errors: `NoStore`; `Corrupt`, for a file of another store too.
pub(super) fn look(dir: &Path) -> Result<Source, Failure> {
    let no_store = || Refusal::NoStore(dir.display().to_string());
    let owner = Format::read(dir)?.ok_or_else(no_store)?.owner();
    owner.expect_own(dir)?;
    let mut files = Vec::new();
    for name in listed(dir, "snapshots")? {
        files.push(file(dir, format!("snapshots/{name}"), None)?);
    }
    let last = listed(dir, "journal")?
        .iter()
        .rev()
        .find_map(|name| number(name));
    let position = end(&dir.join("journal"), last.ok_or_else(no_store)?)?;
    // Listed again: while the end was looked for, a new segment may have been begun.
    for name in listed(dir, "journal")? {
        let octets = match number(&name).map(|n| n.cmp(&position.segment)) {
            Some(Ordering::Greater) => continue,
            Some(Ordering::Equal) => Some(position.offset),
            _ => None,
        };
        files.push(file(dir, format!("journal/{name}"), octets)?);
    }
    for name in listed(dir, "packs")? {
        let pack = file(dir, format!("packs/{name}"), None)?;
        files.push(SourceFile {
            may_shrink: true,
            ..pack
        });
    }
    // Last: every key under which anything above is sealed is in it, however many came meanwhile.
    for name in ["format", "keyring", "keyring.copy"] {
        if dir.join(name).exists() {
            files.push(whole(dir, name)?);
        }
    }
    Ok(Source {
        store: owner.id,
        position,
        files,
    })
}

fn number(name: &str) -> Option<u32> {
    name.strip_suffix(".log")?.parse().ok()
}

/// Names of the finished files in one folder of the store, in order.
fn listed(dir: &Path, folder: &str) -> Result<Vec<String>, Error> {
    let mut names = folder::names(&dir.join(folder))?;
    names.retain(|name| !name.ends_with(UNFINISHED));
    names.sort_unstable();
    Ok(names)
}

fn file(dir: &Path, path: String, octets: Option<u64>) -> Result<SourceFile, Error> {
    let whole = dir.join(&path);
    let about = std::fs::metadata(&whole).map_err(|e| disk::failed("cannot read", &whole, &e))?;
    let seen = Seen {
        device: about.dev(),
        inode: about.ino(),
        changed: (about.mtime(), about.mtime_nsec()),
        octets: about.len(),
    };
    Ok(SourceFile {
        path,
        octets: octets.unwrap_or(about.len()),
        may_shrink: false,
        seen,
        held: None,
    })
}

/// A small file, read at once.
fn whole(dir: &Path, name: &str) -> Result<SourceFile, Error> {
    // Looked at before it is read: when it is replaced between the two, the next backup reads it again.
    let looked = file(dir, name.to_owned(), None)?;
    let path = dir.join(name);
    let held = std::fs::read(&path).map_err(|e| disk::failed("cannot read", &path, &e))?;
    Ok(SourceFile {
        octets: held.len() as u64,
        held: Some(held),
        ..looked
    })
}

/// The end of the last whole group of the journal. The server may be writing it: what looks damaged
/// in a moment is looked at again.
fn end(journal: &Path, last: u32) -> Result<Position, Error> {
    let from = Position {
        segment: last,
        offset: FILE_HEAD,
    };
    let mut damage = Error::NotFound;
    for _ in 0..TRIES_MAX {
        match journal::whole(journal, from) {
            Ok(end) => return Ok(end),
            Err(e @ Error::Corrupt(_)) => damage = e,
            Err(e) => return Err(e),
        }
    }
    Err(damage)
}
