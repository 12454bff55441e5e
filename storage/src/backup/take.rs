//! Taking a backup.

use super::chunk::{self, Chunks};
use super::crew::{self, Goal, Pace};
use super::manifest::{Entry, Looked, Manifest, Seen};
use super::named::{self, Named};
use super::note::{Damage, Note};
use super::sealer::{ChunkId, Sealer};
use super::sound::{self, Copy};
use super::source::{self, Source, SourceFile};
use super::{Failure, Refusal, Secret, Stage, Tell, Vault};
use crate::disk;
use crate::journal::Position;
use crate::owner::Owner;
use crate::pack::{self, Last};
use crate::pin::Pin;
use crate::{Error, KeySource, Obstacle, Size, Told as _};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Octets that stay free beside the new chunks: manifests, folders.
const MARGIN_OCTETS: u64 = 16 << 20;
/// Damaged contents that are listed.
const DAMAGED_MAX: usize = 10_000;

/// What to back up, and where to.
#[allow(missing_docs)]
pub struct Take<'a> {
    /// The store's folder; a server may be running in it.
    pub store: &'a Path,
    pub vault: &'a dyn Vault,
    /// Decides at the first backup whether the vault is sealed; must fit at each later one.
    pub secret: &'a Secret,
    /// What opens the store: to know which packs it names. Without it that is not compared.
    pub keys: &'a KeySource,
    /// Unix seconds; the backup's name.
    pub now_s: i64,
    /// Reads everything again, also files that look as they did, and chunks that are there already;
    /// damaged ones are written anew.
    pub reread: bool,
    /// Threads, at most [`super::WORKERS_MAX`].
    pub workers: usize,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Taken {
    /// The backup's name: its time.
    pub name: String,
    pub files: u64,
    /// Files that were not read, since they look as they did at the backup before.
    pub unread: u64,
    /// Octets of the store.
    pub octets: u64,
    pub chunks: u64,
    /// Chunks that were not in the vault, and the octets they take there.
    pub new_chunks: u64,
    pub new_octets: u64,
    /// Content of the store that is damaged there, a line each; the backup exists all the same.
    pub damaged: Vec<String>,
    /// How many of these the backup has whole nevertheless, from one before.
    pub healed: u64,
    /// Damaged content that the store no longer uses, since it was healed or removed; a line each.
    pub unused: Vec<String>,
    /// Whether the packs were compared with what the store names.
    pub compared: bool,
}

/// Takes a backup. When it ends before its time, the chunks stay, and the next one goes on from there.
/// Errors: every [`Refusal`] about the target; `Damaged` and `NoKeyring` for a damaged store.
pub fn take(task: &Take<'_>, tell: Tell<'_>) -> Result<Taken, Failure> {
    let vault = task.vault;
    // Before the pin: nothing may appear in a store of another version, or in a folder that is none.
    source::expect_store(task.store)?;
    let _pin = Pin::shared(task.store)?;
    let source = source::look(task.store)?;
    if Sealer::is_none(vault)? {
        // Before the folder is made, so that a refusal leaves nothing behind.
        check_room(vault, &source, &HashMap::new(), 0)?;
    }
    let _held = vault.hold(true)?;
    let sealer = match Sealer::open_alone(vault, task.secret) {
        Err(Failure::Refused(Refusal::NoBackup(_))) => {
            Sealer::found(vault, task.secret, source.store)?
        }
        opened => opened?,
    };
    if sealer.store != source.store {
        return Err(Refusal::OtherStore(vault.place()).into());
    }
    let before = last(vault, &sealer)?;
    let run = Run::begin(task, &sealer, &source, before)?;
    source::expect_whole(task.store, &source, &|file| run.before(file).is_some())?;
    let named = named::packs(task, source.owner, source.position).map_err(source::damaged)?;
    let lost = named.as_ref().map_or(0, |(_, lost)| *lost);
    let named = named.map(|(packs, _)| packs);
    let run = Run { named, ..run };
    let goal = Goal {
        stage: Stage::Copying,
        total: source.files.iter().map(|f| f.octets).sum(),
        workers: task.workers,
    };
    let mut entries = crew::each(&source.files, &goal, tell, |file, pace| {
        run.file(file, pace)
    })?;
    entries.extend(run.missing(&source)?);
    let contents = source.lacking.unwrap_or(0).max(lost);
    if contents > 0 {
        run.known().tell(Damage::Gone { contents }, false);
    }
    for file in source.files.iter().filter(|f| source::is_vital(&f.path)) {
        let pieces = file.held.iter().flat_map(|held| held.chunks(chunk::OCTETS));
        for raw in pieces {
            run.chunks.twice(&sealer.name(raw), raw)?;
        }
    }
    vault.settle()?;
    let compared = run.named.is_some();
    let known = run
        .known
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let manifest = Manifest {
        store: source.store,
        taken_at: task.now_s,
        position: (source.position.segment, source.position.offset),
        files: entries,
        looked: Some(Looked::new(compared, known.lacks)),
    };
    let name = manifest.write(vault, &sealer)?;
    Ok(Taken {
        name,
        files: manifest.files.len() as u64,
        unread: known.unread,
        octets: manifest.octets(),
        chunks: manifest.files.iter().map(|f| f.chunks.len() as u64).sum(),
        new_chunks: known.new_chunks,
        new_octets: known.new_octets,
        damaged: known.damaged,
        healed: known.healed,
        unused: known.unused,
        compared,
    })
}

/// The newest backup that can be read: files that look as they did then are not read again.
fn last(vault: &dyn Vault, sealer: &Sealer) -> Result<Option<Manifest>, Failure> {
    for name in super::manifest::names(vault)?.iter().rev() {
        match Manifest::read(vault, sealer, name) {
            Ok(manifest) => return Ok(Some(manifest)),
            Err(Failure::Storage(Error::Corrupt(e))) => {
                tracing::warn!(
                    manifest = name,
                    error = %e,
                    "a backup before this one is damaged"
                );
            }
            Err(e) => return Err(e),
        }
    }
    Ok(None)
}

/// Refuses before anything is written when the new octets cannot fit. `stored` are the octets of all
/// chunks: what a backup that was cut off left there counts as written.
fn check_room(
    vault: &dyn Vault,
    source: &Source,
    before: &HashMap<String, Entry>,
    stored: u64,
) -> Result<(), Failure> {
    let mut needed = 0u64;
    for file in &source.files {
        let before = before.get(&file.path).map_or(0, |entry| entry.octets);
        needed += file.octets.saturating_sub(before);
    }
    let counted: u64 = before.values().map(|entry| entry.octets).sum();
    let needed = needed.saturating_sub(stored.saturating_sub(counted)) + MARGIN_OCTETS;
    let (place, free) = (vault.place(), vault.free());
    if free < needed {
        let (needed, free) = (Size(needed), Size(free));
        return Err(Refusal::NoRoom {
            place,
            needed,
            free,
        }
        .into());
    }
    Ok(())
}

/// Chunks of the vault while a backup runs.
#[derive(Default)]
struct Known {
    /// There when it began, and not looked at since.
    before: HashSet<ChunkId>,
    /// Written or verified by this backup.
    sure: HashSet<ChunkId>,
    unread: u64,
    new_chunks: u64,
    new_octets: u64,
    damaged: Vec<String>,
    healed: u64,
    unused: Vec<String>,
    /// What of the damage the backup has not whole.
    lacks: Vec<String>,
}

impl Known {
    /// Notes damage of the store, and whether the backup has it whole.
    fn tell(&mut self, what: Damage, healed: bool) {
        tracing::error!(%what, "the store that is backed up is damaged");
        let line = match healed {
            true => {
                self.healed += 1;
                Note::Healed { what }.in_both()
            }
            false => what.in_both(),
        };
        if !healed && self.lacks.len() < DAMAGED_MAX {
            self.lacks.push(line.clone());
        }
        if self.damaged.len() < DAMAGED_MAX {
            self.damaged.push(line);
        }
    }
}

/// What takes the place of damaged stretches of a file.
struct Mended {
    /// None is left damaged.
    all: bool,
    /// Offsets, and what belongs there.
    pieces: Vec<(u64, Vec<u8>)>,
}

impl Mended {
    /// Puts it into the octets that were read from this offset on.
    fn overlay(&self, at: u64, raw: &mut [u8]) {
        let end = at + raw.len() as u64;
        for (from, octets) in &self.pieces {
            let (first, last) = ((*from).max(at), (from + octets.len() as u64).min(end));
            if first < last {
                let piece = &octets[(first - from) as usize..(last - from) as usize];
                raw[(first - at) as usize..(last - at) as usize].copy_from_slice(piece);
            }
        }
    }
}

/// What came of looking at a file.
enum Found {
    /// Its damage, if any, and what takes its place.
    Damaged(Mended),
    /// A backup before has the whole file better.
    Elsewhere(Entry),
}

struct Run<'a> {
    task: &'a Take<'a>,
    /// Whose the store's files are, and up to where its journal is read.
    at: (Owner, Position),
    chunks: Chunks<'a>,
    reread: bool,
    files: HashMap<String, Entry>,
    /// What was seen when these were copied.
    looked: Option<Looked>,
    /// The packs that the store names.
    named: Option<Named>,
    known: Mutex<Known>,
}

impl<'a> Run<'a> {
    fn begin(
        task: &'a Take<'a>,
        sealer: &'a Sealer,
        source: &Source,
        before: Option<Manifest>,
    ) -> Result<Self, Failure> {
        let (mut there, mut octets) = (HashSet::new(), 0);
        for (path, size) in task.vault.list(chunk::FOLDER)? {
            match chunk::id_of(&path) {
                Some(id) => {
                    there.insert(id);
                    octets += size;
                }
                // Half a chunk that a killed backup left.
                None => task.vault.remove(&path)?,
            }
        }
        let looked = before.as_ref().and_then(|manifest| manifest.looked.clone());
        let files: HashMap<String, Entry> = before
            .into_iter()
            .flat_map(|manifest| manifest.files)
            .map(|entry| (entry.path.clone(), entry))
            .collect();
        check_room(task.vault, source, &files, octets)?;
        Ok(Self {
            task,
            at: (source.owner, source.position),
            chunks: Chunks::new(task.vault, sealer),
            reread: task.reread,
            files,
            looked,
            named: None,
            known: Mutex::new(Known {
                before: there,
                ..Known::default()
            }),
        })
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One file, into chunks.
    fn file(&self, file: &SourceFile, pace: &Pace<'_>) -> Result<Entry, Failure> {
        if let Some(entry) = self.unchanged(file) {
            pace.step(file.octets)?;
            return Ok(entry);
        }
        let path = self.task.store.join(&file.path);
        let failed = |e: &std::io::Error| disk::failed("cannot read", &path, e);
        let opened: Box<dyn Read + '_> = match &file.held {
            Some(held) => Box::new(held.as_slice()),
            None => Box::new(File::open(&path).map_err(|e| failed(&e))?),
        };
        let mended = match self.examine(file, &path)? {
            Found::Damaged(mended) => mended,
            Found::Elsewhere(entry) => {
                pace.step(file.octets)?;
                return Ok(entry);
            }
        };
        let mut rest = opened.take(file.octets);
        let mut entry = Entry {
            path: file.path.clone(),
            octets: 0,
            hash: [0; 32],
            chunks: Vec::new(),
            // What stays damaged is read, and told, by the next backup too.
            seen: match mended.all {
                true => file.seen,
                false => Seen::default(),
            },
        };
        let mut hasher = blake3::Hasher::new();
        let mut raw = Vec::with_capacity(chunk::OCTETS);
        loop {
            raw.clear();
            let read = rest
                .by_ref()
                .take(chunk::OCTETS as u64)
                .read_to_end(&mut raw);
            let read = read.map_err(|e| failed(&e))? as u64;
            if read == 0 {
                break;
            }
            mended.overlay(entry.octets, &mut raw);
            hasher.update(&raw);
            entry.octets += read;
            entry.chunks.push(self.chunk(&raw)?);
            pace.step(read)?;
        }
        if entry.octets < file.octets && !file.may_shrink {
            let file = path.display().to_string();
            return Err(Error::Unavailable(Obstacle::Shorter { file }).into());
        }
        entry.hash = *hasher.finalize().as_bytes();
        Ok(entry)
    }

    /// What is damaged in a pack is told, and looked for in the backup before.
    fn examine(&self, file: &SourceFile, path: &Path) -> Result<Found, Failure> {
        let mut mended = Mended {
            all: true,
            pieces: Vec::new(),
        };
        let Some(number) = sound::pack_of(&file.path) else {
            return Ok(Found::Damaged(mended));
        };
        let failed = |e: &std::io::Error| disk::failed("cannot read", path, e);
        let opened = File::open(path).map_err(|e| failed(&e))?;
        // Its end may have been cut back since it was looked at.
        let there = opened.metadata().map_err(|e| failed(&e))?.len();
        let octets = file.octets.min(there);
        let found = pack::examine(number, octets, self.last(&file.path), &mut |at, into| {
            opened.read_exact_at(into, at).map_err(|e| failed(&e))
        })?;
        let mut used = found.clone();
        self.leave_unused(&file.path, number, &mut used)?;
        let mut left = Vec::new();
        for stretch in found {
            let is_used = used.contains(&stretch);
            match self.elsewhere(file, &stretch)? {
                Some(octets) if stretch.to <= there => {
                    if is_used {
                        let what = sound::named(&file.path, &stretch);
                        self.known().tell(what, true);
                    }
                    mended.pieces.push((stretch.from, octets));
                }
                _ if is_used => left.push(stretch),
                _ => {}
            }
        }
        mended.all = left.is_empty();
        let whole = match self.last(&file.path).filter(|_| !mended.all) {
            Some(last) => self.adopted(&file.path, last)?,
            None => None,
        };
        for stretch in left {
            let what = sound::named(&file.path, &stretch);
            self.known().tell(what, whole.is_some());
        }
        Ok(whole.map_or(Found::Damaged(mended), Found::Elsewhere))
    }

    /// Leaves damage alone that is in nothing the store uses any more.
    fn leave_unused(
        &self,
        path: &str,
        number: u32,
        damaged: &mut Vec<pack::Stretch>,
    ) -> Result<(), Failure> {
        if damaged.is_empty() || self.named.is_none() {
            return Ok(());
        }
        let used = named::used(self.task, self.at, number, damaged).map_err(source::damaged)?;
        let mut used = used.into_iter();
        damaged.retain(|stretch| {
            let is_used = used.next().unwrap_or(true);
            let mut known = self.known();
            if !is_used && known.unused.len() < DAMAGED_MAX {
                known.unused.push(sound::named(path, stretch).in_both());
            }
            is_used
        });
        Ok(())
    }

    /// The last content that the store names in the pack of this path.
    fn last(&self, path: &str) -> Option<Last> {
        let number = sound::pack_of(path)?;
        self.named.as_ref()?.get(&number).copied()
    }

    /// The packs that the store names and has not, each from the newest backup that has it whole.
    fn missing(&self, source: &Source) -> Result<Vec<Entry>, Failure> {
        let there = source.files.iter().filter_map(|f| sound::pack_of(&f.path));
        let there: HashSet<u32> = there.collect();
        let mut found = Vec::new();
        for (number, last) in self.named.iter().flatten() {
            if there.contains(number) {
                continue;
            }
            let path = sound::path_of(*number);
            let whole = self.adopted(&path, *last)?;
            self.known().tell(Damage::Pack { path }, whole.is_some());
            found.extend(whole);
        }
        Ok(found)
    }

    /// A pack as the newest backup has it that has it whole up to this content.
    fn adopted(&self, path: &str, last: Last) -> Result<Option<Entry>, Failure> {
        let Chunks { vault, sealer, .. } = self.chunks;
        for name in super::manifest::names(vault)?.iter().rev() {
            let manifest = match Manifest::read(vault, sealer, name) {
                Err(Failure::Storage(Error::Corrupt(_))) => continue,
                manifest => manifest?,
            };
            let entry = manifest.files.into_iter().find(|entry| entry.path == path);
            if let Some(entry) = entry
                && Copy::new(&self.chunks, &entry).reaches(last)?
            {
                return Ok(Some(Entry {
                    // The store's own is looked at again each time.
                    seen: Seen::default(),
                    ..entry
                }));
            }
        }
        Ok(None)
    }

    /// What should stand in a damaged stretch, from the newest backup that has it whole.
    fn elsewhere(
        &self,
        file: &SourceFile,
        stretch: &pack::Stretch,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let of = |entry: &Entry| Copy::new(&self.chunks, entry).whole(stretch);
        if let Some(whole) = self.files.get(&file.path).map(of).transpose()?.flatten() {
            return Ok(Some(whole));
        }
        let Chunks { vault, sealer, .. } = self.chunks;
        for name in super::manifest::names(vault)?.iter().rev() {
            let manifest = match Manifest::read(vault, sealer, name) {
                Err(Failure::Storage(Error::Corrupt(_))) => continue,
                manifest => manifest?,
            };
            let entry = manifest.files.iter().find(|entry| entry.path == file.path);
            if let Some(whole) = entry.map(of).transpose()?.flatten() {
                return Ok(Some(whole));
            }
        }
        Ok(None)
    }

    /// The entry of the backup before, when the file looks as it did then, its chunks are there, and what could be
    /// wrong with it was looked at then.
    fn before(&self, file: &SourceFile) -> Option<&Entry> {
        let entry = self.files.get(&file.path)?;
        let looked = self.looked.as_ref()?;
        let examined = looked.compared || self.last(&file.path).is_none();
        let same = entry.seen == file.seen && entry.octets == file.octets && !self.reread;
        if !same || !examined || file.seen == Seen::default() {
            return None;
        }
        let known = self.known();
        let there = |id: &ChunkId| known.before.contains(id) || known.sure.contains(id);
        entry.chunks.iter().all(there).then_some(entry)
    }

    fn unchanged(&self, file: &SourceFile) -> Option<Entry> {
        let entry = self.before(file)?.clone();
        self.known().unread += 1;
        Some(entry)
    }

    fn chunk(&self, raw: &[u8]) -> Result<ChunkId, Failure> {
        let id = self.chunks.sealer.name(raw);
        {
            let mut known = self.known();
            let there = known.before.contains(&id) && !self.reread;
            if there || !known.sure.insert(id) {
                return Ok(id);
            }
        }
        if self.reread && self.known().before.contains(&id) {
            match self.chunks.own(&id) {
                Ok(found) if found == raw => return Ok(id),
                Ok(_) | Err(Error::Corrupt(_)) => {
                    tracing::warn!(chunk = chunk::path(&id), "a damaged chunk is written anew");
                }
                Err(e) => return Err(e.into()),
            }
        }
        let octets = self.chunks.put(&id, raw)?;
        let mut known = self.known();
        known.new_chunks += 1;
        known.new_octets += octets;
        Ok(id)
    }
}
