//! What is left of the truth: whole blocks of the snapshots, whole frames of the journal, and of what
//! is missing the index's copy.

use super::mishap::{Mishap, Than};
use super::{Gone, Repaired, aside, beyond, found, lacking, rename};
use crate::applied::{self, Applied};
use crate::checkpoint::Checkpoint;
use crate::index::{Index, Op, ops_of};
use crate::journal::{self, Position};
use crate::owner::Owner;
use crate::seal::Keys;
use crate::snapshot::{self, Entry, Folder, Hole, Merge, Sorter, Span, Summary};
use crate::*;
use std::collections::BTreeSet;
use std::path::Path;

/// Octets of keys and values sorted in memory.
const SORT_OCTETS: u64 = 64 << 20;
/// Accounts of a damage that are listed.
const ACCOUNTS_MAX: u32 = 1_000;

/// What the files say.
struct Files {
    sorter: Sorter,
    /// Packs that hold content.
    packs: BTreeSet<u32>,
    summary: Summary,
    /// Keys between which something is missing.
    holes: Vec<Hole>,
    /// Commits of any key may be missing.
    frames_lost: bool,
    /// The end of the journal is missing: how many commits there were behind what is left, only a clean stop tells.
    end_lost: bool,
    /// The end of the last place where commits are missing.
    lost_until: Option<Position>,
    /// The time of a commit before the first of these places; 0 where there is none.
    lost_since: Option<i64>,
    /// Something is to be written anew although nothing is missing.
    rewrite: bool,
    /// The time of the last commit before the segment that is being read.
    read_until: i64,
    /// The changes behind the place up to which the index was written.
    late: Sorter,
    applied: Option<Position>,
    /// The index has nothing that whole snapshots have not, and maybe less: it is no better than what is missing.
    index_behind: bool,
    /// The last segment that snapshots cover.
    covered: u32,
    /// The last segment of the journal or of a snapshot.
    last: u32,
    /// The end of the last whole frame.
    end: Option<Position>,
}

/// What the index says.
struct Copy {
    sorter: Sorter,
    /// All of it could be read, and nothing of it can have been lost.
    whole: bool,
}

/// The index as it was found.
struct Old {
    index: Index,
    /// Up to where it was written.
    applied: Option<Position>,
    /// Whether nothing of it can have been lost since.
    trusted: bool,
}

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gathered {
    /// Nothing was damaged, and nothing was written.
    Sound,
    /// All that was missing was found in the index.
    Whole,
    /// Commits are lost.
    Lost,
}

/// Writes what is left into `fresh`, unless nothing was damaged.
pub(super) fn gather(
    options: &Options,
    (keys, owner): (&Keys, Owner),
    fresh: &Path,
    report: &mut Repaired,
) -> Result<Gathered, Error> {
    let folder = Folder::at(&options.dir, &options.disk, keys, owner);
    let new = Folder::at(fresh, &options.disk, keys, owner);
    options.disk.make_dir(&new.dir)?;
    let mut checkpoint = Checkpoint::read(&options.dir, owner).ok().flatten();
    if checkpoint
        .as_ref()
        .is_some_and(|c| c.is_astray(&options.dir))
    {
        report.add(&Mishap::CheckpointApart, &[]);
        checkpoint = None;
    }
    let old = old(options, (keys, owner), checkpoint.as_ref(), report)?;
    let promised = checkpoint.as_ref().map(|c| c.position);
    let mut files = read((&folder, promised), &new, old.as_ref(), report)?;
    if let Some(checkpoint) = &checkpoint {
        files.summary.system = files.summary.system.max(checkpoint.system);
        files.last = files.last.max(checkpoint.position.segment);
        // Of a stop before: since then commits went into snapshots that it has not.
        let older = |at: Position| at < checkpoint.position && at.segment <= files.covered;
        files.index_behind |= files.applied.is_some_and(older);
        if files.end.is_none_or(|end| end < checkpoint.position) {
            files.short(&folder, checkpoint.position, Than::Checkpoint, report);
        }
    }
    let known = old.as_ref().filter(|old| old.trusted);
    if let Some(applied) = known.and_then(|old| old.applied) {
        // Nothing is applied before it is durable.
        if files.end.is_none_or(|end| end < applied) {
            files.short(&folder, applied, Than::Index, report);
        }
    }
    let gone = packs_gone(options, &files, report)?;
    if !gone.is_empty() {
        lacking::suspect(&options.dir, &options.disk)?;
    }
    let missing = !files.holes.is_empty() || files.frames_lost;
    if !missing && !files.rewrite && gone.is_empty() {
        return Ok(Gathered::Sound);
    }
    let copy = match old {
        Some(old) => Some(copy(old, &new, files.index_behind)?),
        None => None,
    };
    // After a kill the index may lack what was acknowledged last.
    let ended = checkpoint.filter(|c| c.clean).map(|c| c.position);
    let knows_end = !files.end_lost || ended.is_some_and(|end| Some(end) <= files.applied);
    let helped = copy.as_ref().is_some_and(|copy| copy.whole)
        && knows_end
        && files.lost_until <= files.applied;
    if missing && !helped {
        files.summary.system = beyond(files.summary.system);
        report.gone = Some(files.gone());
    }
    let (last, summary) = (files.last, files.summary);
    let mut counted = (0, 0);
    let mut joined = Joined::new(files, copy)?;
    let mut entries = std::iter::from_fn(|| joined.next()).filter(|entry| {
        let Ok(Entry { key, .. }) = entry else {
            return true;
        };
        // A pack that is gone must not keep the store from opening.
        let is_pack = key.starts_with(&key::packs());
        let stays = !(is_pack && key::pack_of(key).is_some_and(|n| gone.contains(&n)));
        counted.0 += u64::from(stays);
        stays
    });
    found(options, &new, last, summary, &mut entries)?;
    drop(entries);
    counted.1 = joined.from_index;
    (report.keys, report.from_index) = counted;
    Ok(match missing && !helped {
        true => Gathered::Lost,
        false => Gathered::Whole,
    })
}

impl Files {
    /// Commits up to this place are missing.
    fn lost(&mut self, until: Position) {
        self.frames_lost = true;
        self.lost_since.get_or_insert(self.read_until);
        self.lost_until = self.lost_until.max(Some(until));
    }

    /// Whom it concerns when the index does not help.
    fn gone(&self) -> Gone {
        // Nobody knows whose the commits were, and what the system had is everybody's.
        let everybodys = |hole: &Hole| {
            hole.to.is_none() || key::account_of(&hole.from).is_none_or(|a| a == AccountId::SYSTEM)
        };
        Gone {
            accounts: self.holes.iter().flat_map(accounts).collect(),
            others: self.frames_lost || self.holes.iter().any(everybodys),
            since: self
                .lost_since
                .filter(|since| *since > 0 && self.holes.is_empty()),
        }
    }

    /// All commits of a segment are missing; of the last one nobody knows how many there were.
    fn missing(&mut self, segment: u32, is_last: bool) {
        // After the last one there is none; there was one after a snapshot.
        let offset = match is_last {
            true => journal::FILE_HEAD,
            false => u64::MAX,
        };
        self.end_lost |= is_last;
        self.lost(Position { segment, offset });
    }

    /// The journal ends before a place that something knows of.
    fn short(&mut self, old: &Folder, until: Position, than: Than, report: &mut Repaired) {
        // Where the octets are there, but damaged, nothing lies behind them.
        let segment = journal::path(&old.journal(), until.segment);
        let octets = std::fs::metadata(segment).map_or(0, |about| about.len());
        self.end_lost |= octets < until.offset;
        if !self.frames_lost {
            report.add(&Mishap::JournalShort { than }, &[]);
        }
        self.lost(until);
    }
}

/// Takes one change, and follows which packs there are.
fn take(sorter: &mut Sorter, packs: &mut BTreeSet<u32>, op: Op) -> Result<(), Error> {
    if op.key().starts_with(&key::packs()) {
        match &op {
            Op::Put(key, _) => packs.extend(key::pack_of(key)),
            Op::Delete(key) => {
                key::pack_of(key).map(|number| packs.remove(&number));
            }
        }
    }
    sorter.add(op)
}

/// Everything whole in snapshots and journal, the oldest first; up to where the checkpoint promised it.
fn read(
    (old, promised): (&Folder, Option<Position>),
    new: &Folder,
    index: Option<&Old>,
    report: &mut Repaired,
) -> Result<Files, Error> {
    let mut files = Files {
        sorter: Sorter::new(new, SORT_OCTETS),
        packs: BTreeSet::new(),
        summary: Summary::NONE,
        holes: Vec::new(),
        frames_lost: false,
        end_lost: false,
        lost_until: None,
        lost_since: None,
        rewrite: false,
        read_until: 0,
        late: Sorter::new(new, SORT_OCTETS),
        applied: index.and_then(|old| old.applied),
        index_behind: false,
        covered: 0,
        last: 0,
        end: None,
    };
    let chain = old.chain()?;
    // Each snapshot is read twice: whether it is whole, and what is in it.
    let octets: u64 = chain.files.iter().map(|s| 2 * s.octets).sum();
    old.disk.watch().begin(Stage::Gathering, octets);
    let mut spans: Vec<Span> = match &chain.broken {
        None => chain.files.iter().map(|s| s.span).collect(),
        Some(_) => old.spans()?,
    };
    // Of those that end alike the one that holds the others is the newest.
    spans.sort_unstable_by_key(|s| (s.last, std::cmp::Reverse(s.first)));
    files.summary = chain.summary();
    let covered = spans.last().map_or(0, |s| s.last);
    let segments = journal::segments(&old.journal()).unwrap_or_default();
    let sound = chain.broken.is_none() && chain.files.iter().all(|s| s.verify(&|| Ok(())).is_ok());
    files.covered = covered;
    files.index_behind = files.applied.is_some_and(|applied| match applied.segment {
        segment if segment == covered => sound,
        segment => segment < covered,
    });
    if !sound {
        // They may still have what the snapshots lost, and are older than these.
        for number in segments.iter().filter(|n| **n <= covered) {
            segment(old, *number, false, &mut files, report)?;
        }
        (files.frames_lost, files.end_lost, files.lost_until) = (false, false, None);
        files.lost_since = None;
    }
    for span in &spans {
        block(old, *span, &mut files, report)?;
    }
    files.read_until = 0;
    if let (Some(e), true) = (&chain.broken, files.holes.is_empty()) {
        report.add(e, &[]);
        files.lost(Position::START);
    }
    files.last = covered;
    let newer: Vec<u32> = segments.into_iter().filter(|n| *n > covered).collect();
    let end = newer.last().copied().unwrap_or(covered);
    let promised = promised.max(files.applied);
    if spans == [upgrade::FIRST] && upgrade::has_just_ended(&old.store, promised) {
        // It was cut off, or nobody opened the store since.
        files.end = Some(Position::START);
        return Ok(files);
    }
    for number in covered + 1..=end.max(covered + 1) {
        files.read_until = files.summary.time;
        match newer.contains(&number) {
            true => segment(old, number, number == end, &mut files, report)?,
            false => {
                report.add(&Mishap::Segment { segment: number }, &[]);
                files.missing(number, number >= end);
            }
        }
        files.last = number;
    }
    Ok(files)
}

fn block(old: &Folder, span: Span, files: &mut Files, report: &mut Repaired) -> Result<(), Error> {
    let (sorter, packs) = (&mut files.sorter, &mut files.packs);
    let left = snapshot::salvage(old, span, &mut |entry| {
        let op = match entry.value {
            Some(value) => Op::Put(entry.key, value),
            None => Op::Delete(entry.key),
        };
        take(sorter, packs, op)
    })?;
    if left.rim {
        let name = span.name();
        report.add(&Mishap::SnapshotRim { name }, &[]);
    }
    for hole in left.holes {
        let (name, from) = (span.name(), compare::spell(&hole.from));
        let what = match hole.to.as_deref().map(compare::spell) {
            Some(to) => Mishap::Keys { name, from, to },
            None => Mishap::KeysToEnd { name, from },
        };
        report.add(&what, &accounts(&hole));
        files.holes.push(hole);
    }
    Ok(())
}

/// Those of which keys may be missing, but for the system.
fn accounts(hole: &Hole) -> Vec<AccountId> {
    let raw = |key: &[u8]| key::account_of(key).map(AccountId::raw);
    let first = raw(&hole.from).unwrap_or(1);
    let last = hole.to.as_deref().map_or(Some(first), |to| {
        // Where an account begins, nothing of it is missing.
        let begins = key::account_of(to).is_some_and(|a| to <= &key::meta(a)[..]);
        raw(to).map(|last| last - u32::from(begins))
    });
    let last = last.unwrap_or(first);
    let last = last.min(first.saturating_add(ACCOUNTS_MAX));
    let numbers = (first..=last).filter_map(AccountId::new);
    numbers.filter(|id| *id != AccountId::SYSTEM).collect()
}

fn segment(
    old: &Folder,
    number: u32,
    is_last: bool,
    files: &mut Files,
    report: &mut Repaired,
) -> Result<(), Error> {
    let (sorter, packs, summary) = (&mut files.sorter, &mut files.packs, &mut files.summary);
    let (late, applied) = (&mut files.late, files.applied);
    let left = journal::salvage(
        &old.journal(),
        (&old.keys, old.owner),
        number,
        &mut |subject, body, end| {
            if let (AccountId::SYSTEM, Some(system)) = (subject.account, subject.modseq) {
                summary.system = summary.system.max(system);
            }
            summary.time = summary.time.max(subject.time);
            let here = Position {
                segment: number,
                offset: end,
            };
            if applied.is_some_and(|applied| here > applied) {
                ops_of(body).try_for_each(|op| late.add(op?))?;
            }
            ops_of(body).try_for_each(|op| take(sorter, packs, op?))
        },
    )?;
    if let Some(other) = left.other {
        let (segment, own) = (number, other);
        report.add(&Mishap::SegmentOther { segment, own }, &[]);
        files.missing(number, is_last);
    }
    for gap in &left.gaps {
        if gap.is_head {
            report.add(&Mishap::SegmentHead { segment: number }, &[]);
            files.rewrite = true;
            continue;
        }
        if gap.is_end && is_last {
            // As after any stop: what was not whole was not promised, unless the checkpoint says so.
            continue;
        }
        let (segment, from, to) = (number, gap.from, gap.to);
        report.add(&Mishap::Commits { segment, from, to }, &[]);
        files.lost(Position {
            segment: number,
            offset: gap.to,
        });
    }
    files.end = Some(Position {
        segment: number,
        offset: left.end,
    });
    Ok(())
}

/// Packs that commits named and that are not there.
fn packs_gone(
    options: &Options,
    files: &Files,
    report: &mut Repaired,
) -> Result<BTreeSet<u32>, Error> {
    let there = pack::there(&options.dir)?;
    let gone: BTreeSet<u32> = files.packs.difference(&there).copied().collect();
    for number in &gone {
        report.add(&Mishap::Pack { number: *number }, &[]);
    }
    Ok(gone)
}

/// Opens the index; `None` when there is none, none that can be opened, or that of another store or of another journal.
fn old(
    options: &Options,
    (keys, owner): (&Keys, Owner),
    checkpoint: Option<&Checkpoint>,
    report: &mut Repaired,
) -> Result<Option<Old>, Error> {
    let names = [recover::INDEX_ASIDE, recover::INDEX].into_iter();
    let there = names.map(|name| (name, options.dir.join(name)));
    let found = there.into_iter().find(|(_, dir)| dir.is_dir());
    let Some((name, dir)) = found.filter(|_| options.engine != EngineKind::Memory) else {
        return Ok(None);
    };
    let index = match engine::open(options.engine, &dir, options.cache_bytes) {
        Ok(engine) => Index::new(engine).sealed_with(keys.clone()),
        Err(e) => {
            tracing::warn!(error = %e, "the index cannot be read either");
            return Ok(None);
        }
    };
    if owner.disowns(&index) {
        report.add(&Mishap::IndexOfAnother, &[]);
        return Ok(None);
    }
    if applied::is_of_another(&index, &options.dir.join("journal")) {
        // The engine lets go of its files.
        drop(index);
        let to = aside(options, name)?;
        rename(options, &dir, &to)?;
        report.aside = to.parent().map(Path::to_owned);
        let to = to.display().to_string();
        report.add(&Mishap::IndexApart { to }, &[]);
        return Ok(None);
    }
    let applied = Applied::read(&index).ok().flatten();
    let applied = applied.map(|applied| applied.position);
    let trusted = checkpoint.is_none_or(|c| recover::is_whole(c, options));
    Ok(Some(Old {
        index,
        applied,
        trusted,
    }))
}

/// Reads the index as far as it can be read; `behind`: it has less than the snapshots.
fn copy(old: Old, new: &Folder, behind: bool) -> Result<Copy, Error> {
    let index = &old.index;
    let mut copy = Copy {
        sorter: Sorter::new(new, SORT_OCTETS),
        whole: old.applied.is_some() && old.trusted && !behind,
    };
    let mut from = Vec::new();
    loop {
        let (mut last, mut kept) = (None, Ok(()));
        let scanned = index.scan(&[], &from, &mut |key, value| {
            last = Some(key.to_vec());
            if !matches!(key::kind_of(key), key::APPLIED | key::PART) {
                kept = copy.sorter.add(Op::Put(key.to_vec(), value.to_vec()));
            }
            Ok(kept.is_ok())
        });
        kept?;
        if scanned.is_ok() {
            return Ok(copy);
        }
        copy.whole = false;
        // What comes next cannot be read: on behind it.
        let behind = last.map_or(from.clone(), |last| compare::after(&last));
        match index.key_from(&behind) {
            Ok(Some(key)) => from = compare::after(&key),
            _ => return Ok(copy),
        }
    }
}

/// Both as one: snapshots and journal where they are whole, else the index.
struct Joined {
    files: std::iter::Peekable<snapshot::Entries>,
    copy: std::iter::Peekable<snapshot::Entries>,
    holes: Vec<Hole>,
    frames_lost: bool,
    copy_is_whole: bool,
    from_index: u64,
}

impl Joined {
    fn new(files: Files, copy: Option<Copy>) -> Result<Self, Error> {
        let copy_is_whole = copy.as_ref().is_some_and(|c| c.whole);
        // What was committed behind the index, where whole, comes on top of it.
        let late = files.late.sorted()?;
        let copy: snapshot::Entries = match copy {
            Some(copy) => Box::new(Merge::new(vec![copy.sorter.sorted()?, late])),
            None => late,
        };
        Ok(Self {
            files: files.sorter.sorted()?.peekable(),
            copy: copy.peekable(),
            holes: files.holes,
            // Of what only the snapshots tell an index behind them would bring back what it was before.
            frames_lost: files.frames_lost && !files.index_behind,
            copy_is_whole,
            from_index: 0,
        })
    }

    fn next(&mut self) -> Option<Result<Entry, Error>> {
        loop {
            let key = match (self.files.peek(), self.copy.peek()) {
                (None, None) => return None,
                (Some(Err(_)), _) => return self.files.next(),
                (_, Some(Err(_))) => return self.copy.next(),
                (Some(Ok(a)), Some(Ok(b))) => a.key.clone().min(b.key.clone()),
                (Some(Ok(a)), None) | (None, Some(Ok(a))) => a.key.clone(),
            };
            let own = |e: &Result<Entry, Error>| e.as_ref().is_ok_and(|e| e.key == key);
            let file = self.files.next_if(own).and_then(Result::ok);
            let copy = self.copy.next_if(own).and_then(Result::ok);
            let doubtful = self.frames_lost || self.holes.iter().any(|h| h.holds(&key));
            let deleted = |e: &Option<Entry>| e.as_ref().is_some_and(|e| e.value.is_none());
            // Nothing that was removed comes again, but for rows of tables.
            let is_gone = deleted(&file) && key::kind_of(&key) != key::TABLE;
            let file = file.and_then(|e| e.value);
            let copy = copy.and_then(|e| e.value);
            let value = match (doubtful, self.copy_is_whole) {
                (false, _) => file,
                (true, true) => {
                    self.from_index += u64::from(copy.is_some() && copy != file);
                    copy
                }
                (true, false) if is_gone => None,
                (true, false) => {
                    self.from_index += u64::from(copy.is_some() && file.is_none());
                    file.or(copy)
                }
            };
            if let Some(value) = value {
                let value = Some(value);
                return Some(Ok(Entry { key, value }));
            }
        }
    }
}
