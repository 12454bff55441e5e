//! Verifies every invariant of a store: what is in memory, in the index and in the packs must agree.

use crate::batch::counts_of;
use crate::cell;
use crate::finding::{Flaw, Letter};
use crate::history::{self, Before};
use crate::hot::Hot;
use crate::index::Index;
use crate::*;
use std::collections::{BTreeMap, BTreeSet};

/// Damaged contents whose messages are told.
const DAMAGED_MAX: usize = 100_000;

/// See [`Store::check`] and [`Store::check_deep`]. Each account is looked at while nobody writes it;
/// damage in one does not end it.
pub(crate) fn check(store: &Store, deep: bool, tell: Tell<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let shared = &store.inner.shared;
    if shared.keys.rewrite()? {
        findings.add(Flaw::Keyring);
    }
    for foreign in shared.snapshots.folder.owner.foreign(&shared.dir)? {
        findings.add(owner::told(&foreign));
    }
    shared
        .packs
        .astray()?
        .into_iter()
        .for_each(|astray| findings.add(astray));
    let index = &shared.index;
    // What it finds is remembered; what it means for the keys is told below.
    let sound = store.expect_sound(deep);
    tracing::debug!(sound = sound.is_ok(), "snapshots and journal");
    let accounts = match compare::compare(store, &mut findings, tell)? {
        Some(accounts) => accounts,
        None => findings.take("accounts", accounts(index))?,
    };
    let damaged = match deep {
        true => {
            let wrong = &mut |id: BlobId, e: Error| {
                store.inner.shared.note_content(id, &e, []);
                findings.add(Flaw::content(id, e));
            };
            let read = damaged_contents(store, wrong, tell);
            findings.take("content", read)?
        }
        false => BTreeSet::new(),
    };
    let total = accounts.len() as u64;
    for (id, done) in accounts.into_iter().zip(1u64..) {
        let looked = account(store, id, &damaged, &mut findings);
        match looked {
            Err(e @ Error::Corrupt(_)) => findings.of(id, e.to_string()),
            looked => looked?,
        }
        let stage = Stage::Looking;
        if !tell(Progress { stage, done, total }) {
            return Err(ended());
        }
    }
    let looked = queue(store, &mut findings);
    findings.take("the queue", looked)?;
    store.inner.shared.save_harm();
    Ok(findings)
}

/// What whoever ended a check is told.
pub(crate) fn ended() -> Error {
    Error::Unavailable(Obstacle::CheckEnded)
}

/// Reads all content; tells what is damaged, and returns it.
pub(crate) fn damaged_contents(
    store: &Store,
    wrong: &mut dyn FnMut(BlobId, Error),
    tell: Tell<'_>,
) -> Result<BTreeSet<BlobId>, Error> {
    let shared = &store.inner.shared;
    let mut damaged = BTreeSet::new();
    let prefix = key::kind(AccountId::SYSTEM, key::BLOB);
    let (stage, mut done, all) = (Stage::Content, 0, store.figures().packs);
    shared.index.scan(&prefix, &prefix, &mut |key, _| {
        let Some(id) = key::blob_of(key) else {
            return Ok(true);
        };
        let located = shared.packs.locate(id, &shared.index);
        done += located.as_ref().map_or(0, |l| u64::from(l.stored));
        let mut read = located.and_then(|l| shared.packs.verify(id, &l, &shared.index));
        if read.is_err() {
            // It may have been moved since it was looked for.
            let located = shared.packs.locate(id, &shared.index);
            read = located.and_then(|l| shared.packs.verify(id, &l, &shared.index));
        }
        match read {
            Err(e @ Error::Corrupt(_)) => {
                wrong(id, e);
                if damaged.len() < DAMAGED_MAX {
                    damaged.insert(id);
                }
            }
            // It was removed since, or is there.
            Err(Error::NotFound) | Ok(()) => {}
            Err(e) => return Err(e),
        }
        let total = all.max(done);
        match tell(Progress { stage, done, total }) {
            true => Ok(true),
            false => Err(ended()),
        }
    })?;
    Ok(damaged)
}

/// All accounts that were ever written.
fn accounts(index: &Index) -> Result<BTreeSet<AccountId>, Error> {
    let mut accounts = BTreeSet::new();
    let mut next = AccountId::SYSTEM.next();
    while let Some(from) = next {
        let found = account_from(index, from)?;
        accounts.extend(found);
        next = found.and_then(AccountId::next);
    }
    Ok(accounts)
}

/// The first account that was ever written, from this one on.
pub(crate) fn account_from(index: &Index, from: AccountId) -> Result<Option<AccountId>, Error> {
    // By the key alone: a value that cannot be read must not hide the accounts behind it.
    let key = index.key_from(&from.raw().to_be_bytes())?;
    Ok(key.as_deref().and_then(key::account_of))
}

fn account(
    store: &Store,
    id: AccountId,
    damaged: &BTreeSet<BlobId>,
    findings: &mut Findings,
) -> Result<(), Error> {
    // The writer's turn keeps the account still.
    let writer = store.account(id).write()?;
    let index = &store.inner.shared.index;
    let (hot, _) = cell::load(id, index)?;
    let cached = store.inner.cells.peek(id);
    if let Some(what) = cached.and_then(|c| differs(&c, &hot)) {
        findings.of(id, format!("{what} in memory differ from the index"));
    }
    mailboxes(id, &hot, findings);
    let removed = log(store, id, &hot, findings)?;
    if !damaged.is_empty() {
        unreadable(store, id, &hot, damaged, findings);
    }
    messages(store, id, &hot, removed, findings)?;
    drop(writer);
    Ok(())
}

fn differs(a: &Hot, b: &Hot) -> Option<&'static str> {
    let states = |hot: &Hot| {
        let mut all = Vec::new();
        hot.scan_all(&mut |state| {
            all.push(state.clone());
            true
        });
        all
    };
    let uids = |hot: &Hot| {
        hot.boxes
            .values()
            .map(|b| b.uids().collect())
            .collect::<Vec<Vec<_>>>()
    };
    let records = |hot: &Hot| {
        hot.boxes
            .values()
            .map(|b| b.record.clone())
            .collect::<Vec<_>>()
    };
    [
        (a.meta != b.meta, "counters"),
        ((a.messages, a.octets) != (b.messages, b.octets), "sums"),
        (counts_of(a) != counts_of(b), "counts"),
        (records(a) != records(b), "mailboxes"),
        (uids(a) != uids(b), "Uids"),
        (states(a) != states(b), "messages"),
    ]
    .into_iter()
    .find_map(|(wrong, what)| wrong.then_some(what))
}

fn mailboxes(id: AccountId, hot: &Hot, findings: &mut Findings) {
    let mut names = BTreeSet::new();
    let mut roles = BTreeSet::new();
    for (mailbox, found) in &hot.boxes {
        let record = &found.record;
        let mut wrong = |what| findings.of(id, format!("mailbox {mailbox}: {what}"));
        let uids: Vec<Uid> = found.uids().collect();
        if !uids.is_sorted_by(|a, b| a < b) {
            wrong("a Uid twice (I-03)");
        }
        if uids.last().is_some_and(|last| *last >= record.uid_next) {
            wrong("a Uid not below the next one (I-03)");
        }
        if record.parent.is_some_and(|p| !hot.boxes.contains_key(&p)) {
            wrong("no such parent");
        }
        if !names.insert((record.parent, &record.name)) {
            wrong("a name twice");
        }
        if record.role.is_some_and(|r| !roles.insert(r)) {
            wrong("a role twice");
        }
        if record.modseq > hot.meta.modseq || record.highest_modseq > hot.meta.modseq {
            wrong("a ModSeq from the future (I-04)");
        }
        if *mailbox >= hot.meta.next_mailbox {
            wrong("an id that was not given yet (I-07)");
        }
    }
}

/// The messages whose content is damaged.
fn unreadable(
    store: &Store,
    id: AccountId,
    hot: &Hot,
    damaged: &BTreeSet<BlobId>,
    findings: &mut Findings,
) {
    let shared = &store.inner.shared;
    hot.scan_all(&mut |state| {
        if damaged.contains(&state.blob) {
            let why = Flaw::LetterContent;
            shared.note_content(state.blob, &why, [(id, state.email)]);
            let letter = Letter::of(&store.account(id), state);
            findings.of_letter(id, letter, why);
        }
        true
    });
}

/// Every message is whole, and so is everyone that the log says was removed.
fn messages(
    store: &Store,
    id: AccountId,
    hot: &Hot,
    removed: BTreeMap<EmailId, Option<BlobId>>,
    findings: &mut Findings,
) -> Result<(), Error> {
    let shared = &store.inner.shared;
    let mut summaries = BTreeSet::new();
    let prefix = key::kind(id, key::SUMMARY);
    shared.index.scan(&prefix, &prefix, &mut |key, _| {
        summaries.extend(key::number_of(key).and_then(EmailId::new));
        Ok(true)
    })?;
    hot.scan_all(&mut |state| {
        let mut wrong = |what: &str| {
            let letter = Letter::of(&store.account(id), state);
            let what = format!("message {}: {what}", state.email);
            findings.of_letter(id, letter, what);
        };
        if !summaries.remove(&state.email) {
            wrong("no summary");
        }
        if state
            .mailboxes
            .iter()
            .any(|(m, _)| !hot.boxes.contains_key(m))
        {
            wrong("in a mailbox that does not exist");
        }
        if state.modseq > hot.meta.modseq || state.created > state.modseq {
            wrong("a ModSeq out of order (I-04)");
        }
        if state.email >= hot.meta.next_email {
            wrong("an id that was not given yet (I-07)");
        }
        match shared.packs.verify_place(state.blob, &shared.index) {
            Ok(raw) if u64::from(raw) == state.size => {}
            Ok(_) => wrong("its size is not its content's"),
            Err(why) => {
                if matches!(why, Error::Corrupt(_)) {
                    shared.note_content(state.blob, &why, [(id, state.email)]);
                }
                let letter = Letter::of(&store.account(id), state);
                findings.of_letter(id, letter, Flaw::LetterPlace { why });
            }
        }
        true
    });
    for (email, blob) in removed {
        let mut wrong = |what: &str| {
            findings.of(id, format!("removed message {email}: {what}"));
        };
        let summary = summaries.remove(&email);
        // What was removed before undo was kept cannot come back.
        let Some(blob) = blob else { continue };
        if !summary {
            wrong("no summary");
        }
        if hot.weighed(email).is_some() {
            wrong("is there (I-07)");
        }
        if let Err(e) = shared.packs.verify_place(blob, &shared.index) {
            wrong(&format!("its content: {e} (I-06)"));
        }
    }
    for email in summaries {
        findings.of(id, format!("a summary without message {email}"));
    }
    if hot
        .meta
        .held
        .is_some_and(|held| held != (hot.octets, hot.messages))
    {
        findings.of(id, "its octets and messages are not as it says".to_owned());
    }
    Ok(())
}

/// One log record for each ModSeq after the first, or after the last that was trimmed. Returns
/// the messages that it says were removed, with their content.
fn log(
    store: &Store,
    id: AccountId,
    hot: &Hot,
    findings: &mut Findings,
) -> Result<BTreeMap<EmailId, Option<BlobId>>, Error> {
    let index = &store.inner.shared.index;
    let trimmed = history::Trimmed::read(index, id)?;
    let mut expected = trimmed.map_or(ModSeq::FIRST, |t| t.until).next();
    let mut removed = BTreeMap::new();
    let prefix = key::kind(id, key::LOG);
    index.scan(&prefix, &prefix, &mut |key, value| {
        let found = key::number_of(key).and_then(ModSeq::new);
        if let (Some(found), Some(trimmed)) = (found, trimmed)
            && found <= trimmed.until
        {
            // A repair found a hole behind it: what is left is of use for undelete alone.
            let entry = history::read(value)?;
            removed.extend(entry.removed().map(|email| (email, None)));
            return Ok(true);
        }
        if found != expected {
            findings.of(id, format!("the change log has {found:?} for {expected:?}"));
        }
        let entry = history::read(value)?;
        removed.extend(entry.removed().map(|email| (email, None)));
        for (email, before) in entry.undone()?.unwrap_or_default().rows {
            if let Before::Whole(record) = before {
                removed.insert(email, Some(record.blob));
            }
        }
        expected = found.and_then(ModSeq::next);
        Ok(true)
    })?;
    if expected != hot.meta.modseq.next() {
        findings.of(
            id,
            "the change log ends before the account (I-04)".to_owned(),
        );
    }
    Ok(removed)
}

fn queue(store: &Store, findings: &mut Findings) -> Result<(), Error> {
    let shared = &store.inner.shared;
    let prefix = key::kind(AccountId::SYSTEM, key::QUEUE);
    for (id, due) in store.inner.spool.all() {
        let value = match shared.index.get(&key::queue(id))? {
            Some(value) => value,
            // It may have been removed meanwhile; what stays unexplained is found below.
            None => continue,
        };
        let item: record::QueueRecord = record::decode(&value, "queue item")?;
        if queue::Due::at(item.due) != due {
            findings.add(format!(
                "queue item {id}: due {} but remembered as {due:?}",
                item.due
            ));
        }
        if let Err(e) = shared.packs.verify_place(item.blob, &shared.index) {
            findings.add(format!("queue item {id}: its content: {e} (I-06)"));
        }
    }
    let mut stored = 0;
    shared.index.scan(&prefix, &prefix, &mut |_, _| {
        stored += 1;
        Ok(true)
    })?;
    if stored != store.inner.spool.all().len() {
        findings.add(format!(
            "the queue holds {stored} items and remembers another number"
        ));
    }
    Ok(())
}

/// See [`Store::fingerprint`]. How far the index was written is not what it holds.
pub(crate) fn fingerprint(index: &Index) -> Result<String, Error> {
    let mut hasher = blake3::Hasher::new();
    index.scan(&[], &[], &mut |key, value| {
        if !matches!(key::kind_of(key), key::APPLIED | key::PART) {
            hasher.update(&(key.len() as u32).to_le_bytes()).update(key);
            hasher
                .update(&(value.len() as u32).to_le_bytes())
                .update(value);
        }
        Ok(true)
    })?;
    Ok(hasher.finalize().to_hex().to_string())
}
