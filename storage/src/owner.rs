//! Whose a file is: the head of each segment of the journal, of each pack and of each snapshot names its store.
//!
//! A file of another store that came into this one's folder (a copy gone wrong, two disks mixed up) is whole by
//! its checksums and would be read as our own. So all heads are looked at before anything of the store is used
//! or changed, by whatever reads the files: opening, rebuild, repair, verify, snapshots, upkeep and backup.
//! The index names its store too: that of another one is made anew, and no repair asks it.
//! Files from before the fourth format name nobody; only a store that was made before it may have such.

use crate::error::{Corrupt, Cure, Fault};
use crate::index::{Index, Op};
use crate::{Error, disk, format, journal, key, pack, record, snapshot};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Octets of a store's identity.
pub(crate) const ID: usize = 16;
/// Octets of a file that are looked at: more than the largest head.
const HEAD_OCTETS: u64 = 64;

/// Which store, and which files it takes for its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    /// Drawn when the store was made; its file `format` says it.
    pub id: [u8; ID],
    /// Whether it may have files that name nobody.
    pub unnamed: bool,
}

/// What the head of a file says of its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// There is no whole head. What that means is another matter.
    Unreadable,
    /// There is a folder under the name of a file, or a link that leads nowhere.
    NoFile,
    /// It was begun before heads named a store.
    Nobody,
    Store([u8; ID]),
}

impl Said {
    /// Of a head that is whole.
    pub(crate) fn of(id: Option<[u8; ID]>) -> Self {
        id.map_or(Self::Nobody, Self::Store)
    }
}

/// What the files of a store say together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Agreed {
    /// The identity that most of them name.
    pub id: Option<[u8; ID]>,
    /// Whether some of them name nobody.
    pub unnamed: bool,
}

/// Files, and what their heads say.
type Heads = Vec<(PathBuf, Said)>;
/// Folder, what names of files end with, and how their heads are read.
type Room = (&'static str, &'static str, fn(&[u8]) -> Said);

const ROOMS: [Room; 3] = [
    ("packs", ".pack", pack::said),
    (snapshot::FOLDER, ".snap", snapshot::said),
    ("journal", ".log", journal::said),
];

impl Owner {
    fn owns(self, said: Said) -> bool {
        match said {
            Said::Unreadable => true,
            Said::NoFile => false,
            Said::Nobody => self.unnamed,
            Said::Store(id) => id == self.id,
        }
    }

    /// Whether an index says that it is another store's. One from before it said so says nothing.
    pub(crate) fn disowns(self, index: &Index) -> bool {
        let said = index.get(&key::whose()).ok().flatten();
        let said = said.and_then(|value| record::decode::<[u8; ID]>(&value, "whose").ok());
        said.is_some_and(|id| id != self.id)
    }

    /// Says in an index whose it is.
    pub(crate) fn sign(self, index: &Index) -> Result<(), Error> {
        index.write(vec![Op::Put(key::whose(), record::encode(&self.id)?)])
    }

    /// Errors: `Corrupt` for the file at this path, when its head names another store.
    pub(crate) fn expect(self, said: Said, path: &Path) -> Result<(), Error> {
        match self.owns(said) {
            true => Ok(()),
            false => Err(Error::Corrupt(told(path))),
        }
    }

    /// The files in the folder of the store that are another's, and folders under names of files, sorted within
    /// their folders.
    pub(crate) fn foreign(self, dir: &Path) -> Result<Vec<PathBuf>, Error> {
        Ok(self.foreign_among(heads(dir)?))
    }

    fn foreign_among(self, heads: Heads) -> Vec<PathBuf> {
        let foreign = heads.into_iter().filter(|(_, said)| !self.owns(*said));
        foreign.map(|(path, _)| path).collect()
    }

    /// Whether the file `format` is the one that came from elsewhere: of all files that name a store none names
    /// this one, and all the same other one.
    pub(crate) fn is_alone(self, dir: &Path) -> Result<bool, Error> {
        Ok(self.is_alone_among(&heads(dir)?))
    }

    fn is_alone_among(self, heads: &[(PathBuf, Said)]) -> bool {
        let mut others = None;
        for (_, said) in heads {
            match *said {
                Said::Store(id) if id == self.id || others.is_some_and(|other| other != id) => {
                    return false;
                }
                Said::Store(id) => others = Some(id),
                Said::Unreadable | Said::NoFile | Said::Nobody => {}
            }
        }
        others.is_some()
    }

    /// Errors: `Corrupt` when one of the store's files is another's, or none; the first is named. When all are, the
    /// file `format` is.
    pub(crate) fn expect_own(self, dir: &Path) -> Result<(), Error> {
        let heads = heads(dir)?;
        if self.is_alone_among(&heads) {
            let file = dir.join(format::FILE).display().to_string();
            return Err(Error::cured(Fault::FormatOfAnother { file }, Cure::Format));
        }
        match self.foreign_among(heads).as_slice() {
            [] => Ok(()),
            [first] => Err(Error::Corrupt(told(first))),
            [first, others @ ..] => {
                let Corrupt { what, cure } = told(first);
                let more = others.len();
                let what = match what {
                    Fault::Foreign { file } => Fault::ForeignMany { file, more },
                    Fault::Folder { file } => Fault::FolderMany { file, more },
                    other => other,
                };
                Err(Error::Corrupt(Corrupt { what, cure }))
            }
        }
    }
}

/// What is said of such a file or folder.
pub(crate) fn told(path: &Path) -> Corrupt {
    let file = path.display().to_string();
    let (what, cure) = match path.is_dir() {
        true => (Fault::Folder { file }, Cure::Repair),
        false if leads_nowhere(path) => (Fault::LinkToNowhere { file }, Cure::Repair),
        false => (Fault::Foreign { file }, Cure::Foreign),
    };
    let cure = Some(cure);
    Corrupt { what, cure }
}

/// Which store the files in this folder are of: for one that has lost its file `format`. Of two that as many
/// files name, that of the newest file of the journal.
pub(crate) fn agreed(dir: &Path) -> Result<Agreed, Error> {
    let (mut named, mut agreed) = (BTreeMap::new(), Agreed::default());
    for (at, (_, said)) in heads(dir)?.into_iter().enumerate() {
        match said {
            Said::Unreadable | Said::NoFile => {}
            Said::Nobody => agreed.unnamed = true,
            Said::Store(id) => {
                let (files, last) = named.entry(id).or_insert((0u32, 0));
                (*files, *last) = (*files + 1, at);
            }
        }
    }
    let most = named.into_iter().max_by_key(|(_, often)| *often);
    agreed.id = most.map(|(id, _)| id);
    Ok(agreed)
}

/// All files with heads, the journal's newest last.
fn heads(dir: &Path) -> Result<Heads, Error> {
    let mut heads = Vec::new();
    for (folder, end, said) in ROOMS {
        for path in listed(&dir.join(folder), end)? {
            let said = match path.is_dir() || leads_nowhere(&path) {
                true => Said::NoFile,
                false => said(&head(&path)),
            };
            heads.push((path, said));
        }
    }
    Ok(heads)
}

/// The files of a folder, which need not be there, whose names end so, in order.
fn listed(dir: &Path, end: &str) -> Result<Vec<PathBuf>, Error> {
    let failed = |e: &std::io::Error| disk::failed("cannot list", dir, e);
    let entries = match std::fs::read_dir(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|e| failed(&e))?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| failed(&e))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy());
        if name.is_some_and(|name| name.ends_with(end)) {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

/// Whether it is a link to what is not there.
fn leads_nowhere(path: &Path) -> bool {
    let is_gone = |e: std::io::Error| e.kind() == std::io::ErrorKind::NotFound;
    path.is_symlink() && std::fs::metadata(path).is_err_and(is_gone)
}

/// The first octets; none of a file that is gone again, or cannot be read: whoever needs it says so.
fn head(path: &Path) -> Vec<u8> {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD_OCTETS).read_to_end(&mut head));
    match read {
        Ok(_) => head,
        Err(_) => Vec::new(),
    }
}
