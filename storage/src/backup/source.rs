//! What of a running store belongs into a backup, and up to where.

use super::manifest::Seen;
use super::{Failure, Refusal, folder};
use crate::checkpoint::Checkpoint;
use crate::format::{Format, Found};
use crate::journal::{self, FILE_HEAD, Position};
use crate::owner::Owner;
use crate::{Error, Fault, Obstacle, disk, keyring, recover, repair, snapshot};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

/// How often the journal's end is looked for, while somebody writes it.
const TRIES_MAX: usize = 20;
/// What is being written carries this behind its name.
const UNFINISHED: &str = ".new";
/// The files that only the master key opens.
pub(super) const KEYRINGS: [&str; 2] = ["keyring", "keyring.copy"];

/// Whether nothing of the store can be read without this file: of such a backup has two copies.
pub(super) fn is_vital(path: &str) -> bool {
    path == crate::format::FILE || KEYRINGS.contains(&path)
}

/// A store as it stands at one place of its journal.
pub(super) struct Source {
    pub store: [u8; 16],
    pub owner: Owner,
    pub position: Position,
    pub files: Vec<SourceFile>,
    /// How much content it lost with whole packs, as its repair noted.
    pub lacking: Option<u64>,
}

/// One of its files.
pub(super) struct SourceFile {
    /// Within the store's folder, with `/`.
    pub path: String,
    /// Octets that belong to it; more may follow.
    pub octets: u64,
    /// Whether it may turn out shorter: the end of a pack is cut back when a write failed.
    pub may_shrink: bool,
    /// All zeros where that tells nothing.
    pub seen: Seen,
    /// What is in it, of a small file that is replaced as a whole while the store is in use.
    pub held: Option<Vec<u8>>,
}

/// What the store in `dir` says it is; nothing is changed. Errors: `NoStore`; `Damaged`, where what says it, or the
/// journal, is lost or damaged; `Unavailable` for one of the first format, of a later one, and for what is no store.
pub(super) fn expect_store(dir: &Path) -> Result<Format, Failure> {
    let shown = || dir.display().to_string();
    match Found::look(dir).map_err(damaged)? {
        Found::Marked(format) => Ok(format),
        Found::Unmarked => {
            let file = dir.join(crate::format::FILE).display().to_string();
            Err(Refusal::Damaged(Fault::FormatMissing { file }).into())
        }
        Found::First | Found::Upgrading => {
            Err(Error::Unavailable(Obstacle::FirstFormat { dir: shown() }).into())
        }
        Found::New => Err(Refusal::NoStore(shown()).into()),
    }
}

/// Looks at a store whose files are pinned. The order is what makes it consistent, see `backup`.
/// Errors: those of [`expect_store`]; `Corrupt`, for a file of another store too.
pub(super) fn look(dir: &Path) -> Result<Source, Failure> {
    let format = expect_store(dir)?;
    let no_journal = || {
        let dir = dir.display().to_string();
        Refusal::Damaged(Fault::JournalLost { dir })
    };
    let owner = format.owner();
    // First, since the journal only grows.
    let promised = Checkpoint::read(dir, owner)?.map(|checkpoint| checkpoint.position);
    owner.expect_own(dir)?;
    let mut files = Vec::new();
    for name in listed(dir, "snapshots")? {
        files.push(file(dir, format!("snapshots/{name}"), None)?);
    }
    let last = listed(dir, "journal")?
        .iter()
        .rev()
        .find_map(|name| number(name));
    let from = Position {
        segment: last.ok_or_else(no_journal)?,
        offset: FILE_HEAD,
    };
    let position = end(&dir.join("journal"), from)?;
    if promised.is_some_and(|promised| position < promised) {
        return Err(damaged(recover::short(position)));
    }
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
    let lacking = repair::noted(dir)?;
    if lacking.is_some() {
        files.push(whole(dir, repair::LACKING)?);
    }
    // Last: every key under which anything above is sealed is in it, however many came meanwhile.
    files.push(whole(dir, crate::format::FILE)?);
    let keyring = keyring::sound(dir);
    if format.sealed && matches!(keyring, Ok(None) | Err(Error::Corrupt(_))) {
        return Err(Refusal::NoKeyring(dir.display().to_string()).into());
    }
    if let Some(bytes) = keyring? {
        // Both of them whole, whichever of the two is.
        for name in KEYRINGS {
            let own = whole(dir, name).ok();
            let same = own.filter(|own| own.held.as_ref() == Some(&bytes));
            files.push(same.unwrap_or_else(|| SourceFile {
                path: name.to_owned(),
                octets: bytes.len() as u64,
                may_shrink: false,
                seen: Seen::default(),
                held: Some(bytes.clone()),
            }));
        }
    }
    Ok(Source {
        store: owner.id,
        owner,
        position,
        files,
        lacking,
    })
}

/// The number of the segment of this name.
pub(super) fn number(name: &str) -> Option<u32> {
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

/// The end of the last whole group of the journal from here on. The server may be writing it: what looks damaged
/// in a moment is looked at again.
fn end(journal: &Path, from: Position) -> Result<Position, Failure> {
    let mut damage = Error::NotFound;
    for _ in 0..TRIES_MAX {
        match journal::whole(journal, from) {
            Ok(end) => return Ok(end),
            Err(e @ Error::Corrupt(_)) => damage = e,
            Err(e) => return Err(e.into()),
        }
    }
    Err(damaged(damage))
}

/// Damage of the store is what its operator must hear of; all else is told as it is.
pub(super) fn damaged(error: Error) -> Failure {
    match error {
        Error::Corrupt(why) => Refusal::Damaged(why.what).into(),
        e => e.into(),
    }
}

/// Snapshots and journal, from the first commit to the end that was found, must be whole. `is_known`: it looks as
/// it did when it was found whole. Errors: `Damaged`.
pub(super) fn expect_whole(
    dir: &Path,
    source: &Source,
    is_known: &dyn Fn(&SourceFile) -> bool,
) -> Result<(), Failure> {
    let within = |folder: &str| -> Vec<(&str, &SourceFile)> {
        let files = source.files.iter();
        files
            .filter_map(|file| Some((file.path.strip_prefix(folder)?, file)))
            .collect()
    };
    let snapshots = within("snapshots/");
    let segments = within("journal/").into_iter();
    let segments: BTreeSet<u32> = segments.filter_map(|(name, _)| number(name)).collect();
    let names: Vec<String> = snapshots.iter().map(|(n, _)| (*n).to_owned()).collect();
    let mut whole = |name: &str| {
        let found = snapshots.iter().find(|(n, _)| *n == name);
        let (_, file) = found.ok_or(Error::NotFound)?;
        if is_known(file) {
            return Ok(());
        }
        let path = dir.join(&file.path);
        let failed = |e: &std::io::Error| disk::failed("cannot read", &path, e);
        let opened = File::open(&path).map_err(|e| failed(&e))?;
        snapshot::expect_whole(name, file.octets, &mut |at, into| {
            opened.read_exact_at(into, at).map_err(|e| failed(&e))
        })
    };
    let segment = snapshot::tail(&names, &segments, &mut whole).map_err(damaged)?;
    let offset = FILE_HEAD;
    end(&dir.join("journal"), Position { segment, offset }).map(drop)
}
