//! What an upgrade keeps of the store as it was, for whoever wants to go back to the earlier program.
//!
//! It is a whole store of the earlier format, but for its index, in a folder of its own: put in the place of the
//! store, that program opens it. Files that nobody writes on any more have a second name there, so that it costs no
//! room at first; the newest segment of the journal, which that program would go on with, is copied. It is whole
//! before anything of the store is changed, and made anew by an upgrade that was cut off.

use crate::error::Error;
use crate::format::{self, BEFORE, Format};
use crate::snapshot::{self, Folder};
use crate::{Options, disk, repair};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// That a store of an earlier format was made one of this format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgraded {
    /// The format that it had.
    pub from: u32,
    /// The format that it has.
    pub to: u32,
    /// The store as it was.
    pub kept: PathBuf,
}

/// What a store of the first format consists of.
pub(super) const FIRST: [&str; 3] = ["checkpoint", "journal", "packs"];
/// What one of a later format has besides; nothing else of it is needed, or it is made anew.
const LATER: [&str; 3] = [format::FILE, snapshot::FOLDER, repair::RESTORED];
/// And a sealed one.
const SEALED: [&str; 2] = ["keyring", "keyring.copy"];
/// Carried by the folder until all of it is there.
const UNFINISHED: &str = ".new";

/// The folder in which the store lies as it was before an upgrade from this earlier format.
pub(super) fn folder(options: &Options, from: u32) -> PathBuf {
    options.dir.join(BEFORE[from as usize - 1])
}

/// Keeps a store that has a file `format`. Errors: `Unavailable`; then nothing was changed.
pub(super) fn keep(options: &Options, before: Format) -> Result<(), Error> {
    let mut names = [FIRST, LATER].concat();
    if before.sealed {
        names.extend(SEALED);
    }
    keep_these(options, before.version, &names)
}

/// The same of files and folders of these names. What a cut-off upgrade kept before is replaced.
pub(super) fn keep_these(options: &Options, from: u32, names: &[&str]) -> Result<(), Error> {
    let kept = folder(options, from);
    let mut fresh = kept.clone().into_os_string();
    fresh.push(UNFINISHED);
    let fresh = PathBuf::from(fresh);
    let remove = |dir: &Path| {
        let removed = options.disk.remove_tree(dir);
        removed.map_err(|e| disk::failed("cannot remove", dir, &e))
    };
    remove(&fresh)?;
    let filled = names.iter().try_for_each(|name| {
        let from = options.dir.join(name);
        match from.is_dir() {
            true => keep_folder(options, &from, &fresh.join(name)),
            false if from.exists() => {
                options.disk.make_dir(&fresh)?;
                options.disk.link(&from, &fresh.join(name))
            }
            false => Ok(()),
        }
    });
    let filled = filled.and_then(|()| options.disk.sync_dir(&fresh));
    // On a full disk what was begun must not stay.
    filled.inspect_err(|_| drop(remove(&fresh)))?;
    remove(&kept)?;
    let named = options.disk.rename(&fresh, &kept);
    named.map_err(|e| disk::failed("cannot rename", &fresh, &e))?;
    options.disk.sync_dir(&options.dir)
}

/// Keeps the files of one folder.
fn keep_folder(options: &Options, from: &Path, to: &Path) -> Result<(), Error> {
    options.disk.make_dir(to)?;
    let failed = |e: &std::io::Error| disk::failed("cannot list", from, e);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(from).map_err(|e| failed(&e))? {
        names.push(entry.map_err(|e| failed(&e))?.file_name());
    }
    names.sort_unstable();
    let is_segment = |name: &&OsString| name.as_encoded_bytes().ends_with(b".log");
    let newest = names.iter().rfind(is_segment).cloned();
    for name in names {
        let (from, to) = (from.join(&name), to.join(&name));
        match () {
            () if from.is_dir() => {}
            () if newest.as_ref() == Some(&name) => options.disk.copy(&from, &to)?,
            () => options.disk.link(&from, &to)?,
        }
    }
    options.disk.sync_dir(to)
}

/// Of an encrypted store: removes what was kept of the time when it was plain, once all that was upgraded was
/// read back from the snapshots again. Errors: `Corrupt` when it cannot be; then it stays.
pub(crate) fn forget_plain(folder: &Folder) -> Result<(), Error> {
    let all = BEFORE.map(|name| folder.store.join(name));
    let is_plain = |dir: &&PathBuf| dir.exists() && !says_sealed(dir);
    let plain: Vec<&PathBuf> = all.iter().filter(is_plain).collect();
    if plain.is_empty() {
        return Ok(());
    }
    let chain = folder.chain()?;
    if let Some(broken) = chain.broken {
        return Err(broken);
    }
    let mut read = chain.files.iter();
    read.try_for_each(|file| file.verify(&|| Ok(())))?;
    for before in plain {
        let removed = folder.disk.remove_tree(before);
        removed.map_err(|e| disk::failed("cannot remove", before, &e))?;
        tracing::info!(folder = %before.display(), "the plain store of before the upgrade is removed: the store is encrypted");
    }
    folder.disk.sync_dir(&folder.store)
}

/// Whether the store that was kept says that something in it is sealed.
fn says_sealed(dir: &Path) -> bool {
    let format = std::fs::read(dir.join(format::FILE)).ok();
    format.and_then(|octets| Format::sealed_in(&octets)) == Some(true)
}
