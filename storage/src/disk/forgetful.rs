//! A disk for tests that forgets, when the power is cut, some of what was not synced.
//!
//! A real disk and its file system promise only this: after a sync of a file, its octets and length
//! are there; after a sync of a folder, its names are. What was not synced may be there, wholly, in
//! part, or in another order. `kill -9` never shows a missing sync, since the kernel keeps all that
//! was written; this does. Syncs are not passed on to the system, so that histories are quick.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a disk writes at once, octets.
const PIECE: u64 = 512;

/// See the module.
#[derive(Debug)]
pub(crate) struct Forgetful(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    random: u64,
    /// Steps until the power fails.
    left: Option<u64>,
    dead: bool,
    skipped: Vec<String>,
    /// By the file's number.
    unsynced: HashMap<u64, Unsynced>,
    /// By folder, oldest first.
    names: BTreeMap<PathBuf, Vec<Named>>,
}

/// What of a file the disk need not have yet.
#[derive(Debug)]
struct Unsynced {
    /// Keeps the file's number from being given again, and its octets when the name is gone.
    file: File,
    /// The length that is durable.
    octets: u64,
    /// What was in a piece when it was last synced.
    pieces: BTreeMap<u64, Vec<u8>>,
}

/// A change of a folder's names that the disk need not have yet.
#[derive(Debug)]
enum Named {
    Created(PathBuf),
    Removed(PathBuf, File),
    /// The file that had the new name before.
    Renamed(PathBuf, PathBuf, Option<File>),
}

impl Named {
    fn touches(&self) -> Vec<&Path> {
        match self {
            Self::Created(path) | Self::Removed(path, _) => vec![path],
            Self::Renamed(from, to, _) => vec![from, to],
        }
    }
}

/// What a file is known by whatever its name.
pub(crate) fn number_of(file: &File) -> io::Result<u64> {
    file.metadata().map(|m| m.ino())
}

fn gone() -> io::Error {
    io::Error::other("the power is cut")
}

impl Known {
    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.draw().is_multiple_of(n)
    }

    /// One step of the disk: true when the power fails in the middle of it.
    fn step(&mut self) -> io::Result<bool> {
        if self.dead {
            return Err(gone());
        }
        let Some(left) = &mut self.left else {
            return Ok(false);
        };
        *left = left.saturating_sub(1);
        self.dead = *left == 0;
        Ok(self.dead)
    }

    fn of(&mut self, number: u64, file: &File) -> io::Result<&mut Unsynced> {
        if let std::collections::hash_map::Entry::Vacant(free) = self.unsynced.entry(number) {
            free.insert(Unsynced {
                octets: file.metadata()?.len(),
                file: file.try_clone()?,
                pieces: BTreeMap::new(),
            });
        }
        self.unsynced.get_mut(&number).ok_or_else(gone)
    }
}

impl Unsynced {
    /// Keeps what the pieces from `offset` to `end` hold now, unless older octets are kept.
    fn keep(&mut self, offset: u64, end: u64) -> io::Result<()> {
        for piece in offset / PIECE..end.div_ceil(PIECE) {
            if self.pieces.contains_key(&piece) {
                continue;
            }
            let mut held = vec![0; PIECE as usize];
            let mut filled = 0;
            while filled < held.len() {
                let at = piece * PIECE + filled as u64;
                match self.file.read_at(&mut held[filled..], at)? {
                    0 => break,
                    n => filled += n,
                }
            }
            self.pieces.insert(piece, held);
        }
        Ok(())
    }

    fn take_back(&self, known: &mut Known) -> io::Result<()> {
        let now = self.file.metadata()?.len();
        let (fewest, most) = (now.min(self.octets), now.max(self.octets));
        let octets = match known.draw() % 4 {
            0 => self.octets,
            1 => fewest + known.draw() % (most - fewest + 1),
            _ => now,
        };
        // All of it, none of it, or each piece as it falls.
        let mode = known.draw() % 4;
        for (piece, held) in &self.pieces {
            if mode == 0 || mode > 1 && known.one_in(2) {
                self.file.write_all_at(held, piece * PIECE)?;
            }
        }
        self.file.set_len(octets)
    }
}

impl Forgetful {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(Known {
            random: seed,
            ..Known::default()
        }))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn skip_syncs_of(&self, part: &str) {
        self.known().skipped.push(part.to_owned());
    }

    pub(crate) fn fail_after(&self, steps: u64) {
        self.known().left = Some(steps.max(1));
    }

    /// Removes a folder with all that is in it; that is durable at once.
    pub(crate) fn remove_tree(&self, dir: &Path) -> io::Result<()> {
        let mut known = self.known();
        if known.step()? {
            return Err(gone());
        }
        known.names.retain(|folder, _| !folder.starts_with(dir));
        std::fs::remove_dir_all(dir)
    }

    pub(crate) fn write_at(
        &self,
        number: u64,
        file: &File,
        offset: u64,
        bytes: &[u8],
    ) -> io::Result<()> {
        let mut known = self.known();
        let fails = known.step()?;
        let some = if fails && !bytes.is_empty() {
            known.draw() as usize % bytes.len()
        } else {
            bytes.len()
        };
        known.of(number, file)?.keep(offset, offset + some as u64)?;
        file.write_all_at(&bytes[..some], offset)?;
        if fails { Err(gone()) } else { Ok(()) }
    }

    pub(crate) fn set_len(&self, number: u64, file: &File, octets: u64) -> io::Result<()> {
        let mut known = self.known();
        if known.step()? {
            return Err(gone());
        }
        let now = file.metadata()?.len();
        known.of(number, file)?.keep(octets.min(now), now)?;
        file.set_len(octets)
    }

    pub(crate) fn sync(&self, number: u64, path: &Path) -> io::Result<()> {
        let mut known = self.known();
        if known.step()? {
            return Err(gone());
        }
        let path = path.to_string_lossy();
        if !known.skipped.iter().any(|part| path.contains(part)) {
            known.unsynced.remove(&number);
        }
        Ok(())
    }

    pub(crate) fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut known = self.known();
        if known.step()? {
            return Err(gone());
        }
        let path = dir.to_string_lossy();
        // A folder's own syncs are skipped by a part that ends in a slash.
        if !known
            .skipped
            .iter()
            .any(|part| format!("{path}/").ends_with(part.as_str()))
        {
            known.names.remove(dir);
        }
        Ok(())
    }

    /// Opens by `open`, and remembers the name when it is a new one.
    pub(crate) fn create(
        &self,
        path: &Path,
        open: impl Fn() -> io::Result<File>,
    ) -> io::Result<File> {
        let mut known = self.known();
        if path.exists() {
            return open();
        }
        if known.step()? {
            return Err(gone());
        }
        let file = open()?;
        known.note(path, Named::Created(path.to_owned()));
        Ok(file)
    }

    pub(crate) fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut known = self.known();
        if known.step()? {
            return Err(gone());
        }
        std::fs::hard_link(from, to)?;
        known.note(to, Named::Created(to.to_owned()));
        Ok(())
    }

    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        let mut known = self.known();
        if known.step()? {
            return Err(gone());
        }
        let file = File::open(path)?;
        std::fs::remove_file(path)?;
        known.note(path, Named::Removed(path.to_owned(), file));
        Ok(())
    }

    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut known = self.known();
        if known.step()? {
            return Err(gone());
        }
        let before = match to.is_file() {
            true => Some(File::open(to)?),
            false => None,
        };
        std::fs::rename(from, to)?;
        if to.is_dir() {
            known.follow(from, to);
        }
        known.note(to, Named::Renamed(from.to_owned(), to.to_owned(), before));
        Ok(())
    }

    /// See [`super::Disk::power_cut`].
    pub(crate) fn power_cut(&self) -> io::Result<()> {
        let mut known = self.known();
        let mut unsynced: Vec<_> = std::mem::take(&mut known.unsynced).into_iter().collect();
        // The order of a hash map is not that of the seed.
        unsynced.sort_unstable_by_key(|(number, _)| *number);
        for (_, file) in unsynced {
            file.take_back(&mut known)?;
        }
        let names = std::mem::take(&mut known.names);
        // What lies deeper first, since its folder may be renamed back.
        for (_, changes) in names.into_iter().rev() {
            known.take_back_names(changes)?;
        }
        (known.left, known.dead) = (None, false);
        Ok(())
    }
}

impl Known {
    fn note(&mut self, path: &Path, change: Named) {
        let dir = path.parent().unwrap_or(Path::new("")).to_owned();
        self.names.entry(dir).or_default().push(change);
    }

    /// A folder has another name now, and so has what is in it.
    fn follow(&mut self, from: &Path, to: &Path) {
        let moved = |path: &Path| {
            path.strip_prefix(from)
                .map_or(path.to_owned(), |p| to.join(p))
        };
        let names = std::mem::take(&mut self.names);
        for (dir, changes) in names {
            // A trailing slash would come of joining nothing.
            let dir = if dir == from {
                to.to_owned()
            } else {
                moved(&dir)
            };
            let changes = changes.into_iter().map(|change| match change {
                Named::Created(path) => Named::Created(moved(&path)),
                Named::Removed(path, file) => Named::Removed(moved(&path), file),
                Named::Renamed(a, b, file) => Named::Renamed(moved(&a), moved(&b), file),
            });
            self.names.entry(dir).or_default().extend(changes);
        }
    }

    /// Newest first; a change stays when a later one of the same name stays.
    fn take_back_names(&mut self, changes: Vec<Named>) -> io::Result<()> {
        let mut stay: HashSet<PathBuf> = HashSet::new();
        let all = self.one_in(4);
        for change in changes.into_iter().rev() {
            let bound = change.touches().iter().any(|p| stay.contains(*p));
            if bound || !(all || self.one_in(2)) {
                stay.extend(change.touches().into_iter().map(Path::to_owned));
                continue;
            }
            match change {
                Named::Created(path) => std::fs::remove_file(path)?,
                Named::Removed(path, file) => put_back(&path, &file)?,
                // What was renamed and then removed whole stays away.
                Named::Renamed(_, to, _) if !to.exists() => {}
                Named::Renamed(from, to, before) => {
                    // A folder of the old name was made after the renaming: it goes with it.
                    if from.is_dir() {
                        std::fs::remove_dir_all(&from)?;
                    }
                    std::fs::rename(&to, &from)?;
                    if let Some(file) = before {
                        put_back(&to, &file)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Gives octets a name again.
fn put_back(path: &Path, file: &File) -> io::Result<()> {
    let mut held = vec![0; file.metadata()?.len() as usize];
    file.read_exact_at(&mut held, 0)?;
    // For the owner only, as it was.
    let file = super::private(path)?;
    file.set_len(0)?;
    file.write_all_at(&held, 0)
}

#[cfg(test)]
mod tests {
    use crate::Disk;
    use std::collections::BTreeSet;
    use std::path::Path;

    /// Every outcome of a power cut after `work`, over many seeds: names and octets.
    fn outcomes(work: impl Fn(&Disk, &Path)) -> BTreeSet<String> {
        let after = (0..200).map(|seed| {
            let dir = tempfile::tempdir().unwrap();
            let disk = Disk::forgetful(seed);
            work(&disk, dir.path());
            disk.power_cut().unwrap();
            let mut names: Vec<String> = std::fs::read_dir(dir.path())
                .unwrap()
                .map(|entry| {
                    let path = entry.unwrap().path();
                    let name = path.file_name().unwrap().to_string_lossy().into_owned();
                    let held = std::fs::read(path).unwrap();
                    let held: Vec<char> = held.chunks(512).map(|p| p[0] as char).collect();
                    format!("{name}={}", held.into_iter().collect::<String>())
                })
                .collect();
            names.sort();
            names.join(" ")
        });
        after.collect()
    }

    fn check(expected: &[&str], work: impl Fn(&Disk, &Path)) {
        let expected = expected.iter().map(|e| (*e).to_owned()).collect();
        assert_eq!(outcomes(work), expected);
    }

    #[test]
    fn what_was_synced_stays_and_all_else_may_go() {
        check(&["a=xx"], |disk, dir| {
            let file = disk.open(&dir.join("a")).unwrap();
            file.append_at(0, &[b'x'; 1024]).unwrap();
            file.sync().unwrap();
            disk.sync_dir(dir).unwrap();
        });
        check(&["", "a=x"], |disk, dir| {
            let file = disk.open(&dir.join("a")).unwrap();
            file.append_at(0, &[b'x'; 512]).unwrap();
            file.sync().unwrap();
        });
        let parts = [
            "a=x", "a=x\0", "a=xy", "a=x\0\0", "a=xy\0", "a=x\0y", "a=xyy",
        ];
        check(&parts, |disk, dir| {
            let file = disk.open(&dir.join("a")).unwrap();
            file.append_at(0, &[b'x'; 512]).unwrap();
            file.sync().unwrap();
            disk.sync_dir(dir).unwrap();
            file.append_at(512, &[b'y'; 1024]).unwrap();
        });
    }

    #[test]
    fn names_come_back_with_what_they_held() {
        check(&["a=o", "a=n", "a.new=n a=o"], |disk, dir| {
            disk.replace(dir, "a", &[b'o'; 512]).unwrap();
            let file = disk.open(&dir.join("a.new")).unwrap();
            file.append_at(0, &[b'n'; 512]).unwrap();
            file.sync().unwrap();
            disk.rename(&dir.join("a.new"), &dir.join("a")).unwrap();
        });
        check(&["", "a=o"], |disk, dir| {
            disk.replace(dir, "a", &[b'o'; 512]).unwrap();
            disk.remove(&dir.join("a")).unwrap();
        });
    }

    #[test]
    fn nothing_is_written_once_the_power_fails() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::forgetful(1);
        let file = disk.open(&dir.path().join("a")).unwrap();
        disk.fail_after(2);
        file.append_at(0, b"one").unwrap();
        assert!(file.append_at(3, b"two").is_err());
        assert!(file.sync().is_err());
        assert!(disk.sync_dir(dir.path()).is_err());
        assert!(disk.remove(&dir.path().join("a")).is_err());
        disk.power_cut().unwrap();
        assert!(disk.open(&dir.path().join("b")).is_ok());
    }
}
