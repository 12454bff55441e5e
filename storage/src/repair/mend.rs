//! Counters after damage: whatever an account still holds lies below the next Uid, the next ids and
//! the ModSeq (I-03, I-04, I-07), sums and names fit what is there, and a change log with a hole
//! says honestly that it does not reach back over it.
//!
//! Commits that are lost for good had given numbers too, and clients have seen them: then all
//! counters leap ahead. Each account is mended in one commit, from the index alone.

use super::mishap::Mishap;
use super::{Loss, Repaired, lacking};
use crate::check;
use crate::commit::Number;
use crate::history::{self, Before, Trimmed};
use crate::index::{Index, Op};
use crate::queue;
use crate::record::{self, MailboxRecord, Meta, Row};
use crate::*;
use std::collections::{BTreeMap, BTreeSet};

/// Added to an account's ModSeq and next EmailId, and to each next Uid, when commits were lost.
const LEAP: u32 = 1_000_000;
/// Added to the next MailboxId: UidValidity is counted from it, so it must last.
const MAILBOX_LEAP: u32 = 1_000;
/// Names that are tried for a mailbox whose own is taken.
const NAMES_MAX: u32 = 10_000;

/// Forgets packs that are not there and of which only the index told, or that went missing after a repair was cut off:
/// they must not keep the store from opening. Whose content was in them is told by whoever reads all of it.
/// Errors: `Unavailable`.
pub(super) fn packs(store: &Store, report: &mut Repaired) -> Result<(), Error> {
    let shared = &store.inner.shared;
    let gone = shared.packs.gone(&shared.index)?;
    if gone.is_empty() {
        return Ok(());
    }
    for number in &gone {
        report.add(&Mishap::Pack { number: *number }, &[]);
    }
    report.keep((&shared.dir, &shared.disk), shared.clock.now())?;
    lacking::suspect(&shared.dir, &shared.disk)?;
    let ops = gone.into_iter().map(|number| Op::Delete(key::pack(number)));
    let (nobody, no_call) = (AccountId::SYSTEM, Box::new(|| {}));
    store.submit(nobody, Number::None, ops.collect(), &[], no_call)?;
    Ok(())
}

/// Mends every account. `lost`: commits are missing for good. Errors: `Unavailable`.
pub(super) fn mend(store: &Store, lost: bool, report: &mut Repaired) -> Result<(), Error> {
    let index = &store.inner.shared.index;
    let mut next = AccountId::SYSTEM.next();
    let mut last = None;
    while let Some(from) = next {
        let found = check::account_from(index, from)?;
        last = found.or(last);
        if let Some(id) = found {
            match account(store, id, lost, report) {
                Ok(mended) => report.mended += u64::from(mended),
                // A check says what is wrong with it.
                Err(Error::Corrupt(_)) => {}
                Err(e) => return Err(e),
            }
        }
        next = found.and_then(AccountId::next);
    }
    if lost {
        let given = store.queue().last_given().max(queue::given(index)?);
        let leapt = queue::give(given.saturating_add(u64::from(LEAP)))?;
        let no_call = Box::new(|| {});
        store.submit(AccountId::SYSTEM, Number::System, vec![leapt], &[], no_call)?;
        Loss::draw(last)?.write(store)?;
    }
    Ok(())
}

impl Store {
    /// After a repair that lost commits ([`Store::loss`]): nothing may be left of an account that there is, and
    /// what it was given must not be given again (I-03, I-04). Makes its counters leap unless the repair did;
    /// whether it did so. Errors: `Unavailable`.
    pub fn leap(&self, id: AccountId) -> Result<bool, Error> {
        if self.inner.shared.index.get(&key::meta(id))?.is_some() {
            return Ok(false);
        }
        let leapt = account(self, id, true, &mut Repaired::default())?;
        self.inner.cells.forget(id);
        Ok(leapt)
    }
}

/// What an account holds.
struct Held {
    id: AccountId,
    meta: Meta,
    boxes: BTreeMap<MailboxId, MailboxRecord>,
    rows: BTreeMap<EmailId, Row>,
    summaries: BTreeSet<EmailId>,
    log: Log,
    /// The highest numbers that are met.
    modseq: ModSeq,
    email: u64,
    mailbox: u32,
    uids: BTreeMap<MailboxId, Uid>,
}

/// What is to be known of the change log.
#[derive(Default)]
struct Log {
    trimmed: Option<Trimmed>,
    /// Up to where it has holes or tells of what is not there any more.
    until: Option<ModSeq>,
    /// No commit up to `until` was made later, as far as it tells.
    time: i64,
    last: Option<ModSeq>,
    /// Messages that it says were removed.
    removed: BTreeSet<EmailId>,
    /// Keys that cannot be read.
    strange: Vec<Vec<u8>>,
}

fn account(store: &Store, id: AccountId, lost: bool, report: &mut Repaired) -> Result<bool, Error> {
    let index = &store.inner.shared.index;
    let meta = match index.get(&key::meta(id))? {
        Some(value) => record::decode::<Meta>(&value, "account")?,
        None => Meta::UNTOUCHED,
    };
    let mut held = Held {
        id,
        meta,
        boxes: boxes(index, id)?,
        rows: rows(index, id)?,
        summaries: BTreeSet::new(),
        log: Log::default(),
        modseq: meta.modseq,
        email: 0,
        mailbox: 0,
        uids: BTreeMap::new(),
    };
    let prefix = key::kind(id, key::SUMMARY);
    index.scan(&prefix, &prefix, &mut |key, _| {
        let email = key::number_of(key).and_then(EmailId::new);
        held.summaries.extend(email);
        Ok(true)
    })?;
    let (boxes_before, rows_before) = (held.boxes.clone(), held.rows.clone());
    let mut ops = Vec::new();
    held.contents(store, &mut ops, report)?;
    held.see(store.inner.uid_validity_start);
    held.log(store)?;
    if let Some(gone) = report.gone.as_mut().filter(|_| lost && held.has_hole()) {
        gone.accounts.insert(id);
    }
    held.houses(store.inner.uid_validity_start);
    held.doubles();
    let meta = held.counters(lost, store.inner.shared.clock.now(), &mut ops)?;
    for email in held.summaries.iter().filter(|e| !held.rows.contains_key(e)) {
        if !held.log.removed.contains(email) {
            ops.push(Op::Delete(key::summary(id, *email)));
        }
    }
    for (mailbox, record) in &held.boxes {
        if boxes_before.get(mailbox) != Some(record) {
            ops.push(Op::Put(key::mailbox(id, *mailbox), record::encode(record)?));
        }
    }
    for (email, row) in &held.rows {
        if rows_before.get(email) != Some(row) {
            ops.push(Op::Put(key::state(id, *email), record::encode_row(row)?));
        }
    }
    if meta != held.meta {
        ops.push(Op::Put(key::meta(id), record::encode(&meta)?));
    }
    if ops.is_empty() {
        return Ok(false);
    }
    let shared = &store.inner.shared;
    report.keep((&shared.dir, &shared.disk), shared.clock.now())?;
    store.submit(id, Number::None, ops, &[], Box::new(|| {}))?;
    Ok(true)
}

fn boxes(index: &Index, id: AccountId) -> Result<BTreeMap<MailboxId, MailboxRecord>, Error> {
    let mut boxes = BTreeMap::new();
    let prefix = key::kind(id, key::MAILBOX);
    index.scan(&prefix, &prefix, &mut |key, value| {
        let raw = key.get(key::HEAD..).and_then(|k| k.try_into().ok());
        let mailbox = raw.map(u32::from_be_bytes).and_then(MailboxId::new);
        let mailbox = mailbox.ok_or_else(strange)?;
        boxes.insert(mailbox, record::decode(value, "mailbox")?);
        Ok(true)
    })?;
    Ok(boxes)
}

fn rows(index: &Index, id: AccountId) -> Result<BTreeMap<EmailId, Row>, Error> {
    let mut rows = BTreeMap::new();
    let prefix = key::kind(id, key::STATE);
    index.scan(&prefix, &prefix, &mut |key, value| {
        let email = key::number_of(key).and_then(EmailId::new);
        let email = email.ok_or_else(strange)?;
        rows.insert(email, record::decode_row(email, value)?);
        Ok(true)
    })?;
    Ok(rows)
}

fn strange() -> Error {
    Error::Corrupt("a key of the index cannot be read".into())
}

impl Held {
    /// A message whose summary is lost gets it again of its content; one whose content nobody can
    /// find is no message any more.
    fn contents(
        &mut self,
        store: &Store,
        ops: &mut Vec<Op>,
        report: &mut Repaired,
    ) -> Result<(), Error> {
        let index = &store.inner.shared.index;
        let mut gone = Vec::new();
        for (email, row) in &self.rows {
            if index.get(&key::blob(row.state.blob))?.is_none() {
                gone.push(*email);
            } else if !self.summaries.contains(email) {
                let content = match store.blob(row.state.blob) {
                    Ok(content) => content,
                    Err(Error::Corrupt(_) | Error::NotFound) => [][..].into(),
                    Err(e) => return Err(e),
                };
                let summary = formats::message::summarize(&content);
                let key = key::summary(self.id, *email);
                ops.push(Op::Put(key, record::encode(&summary)?));
                self.summaries.insert(*email);
            }
        }
        for email in gone {
            let account = self.id;
            report.add(&Mishap::Arrival { account, email }, &[account]);
            let gone = report.gone.get_or_insert_default();
            gone.accounts.insert(self.id);
            ops.push(Op::Delete(key::state(self.id, email)));
            // What was given to it is never given again.
            if let Some(row) = self.rows.remove(&email) {
                self.saw(email, &row.state.mailboxes, row.state.modseq);
            }
        }
        Ok(())
    }

    fn saw(&mut self, email: EmailId, places: &[(MailboxId, Uid)], modseq: ModSeq) {
        self.email = self.email.max(email.raw());
        self.modseq = self.modseq.max(modseq);
        for (mailbox, uid) in places {
            self.uid(*mailbox, *uid);
        }
    }

    fn uid(&mut self, mailbox: MailboxId, uid: Uid) {
        self.mailbox = self.mailbox.max(mailbox.raw());
        let last = self.uids.entry(mailbox).or_insert(uid);
        *last = (*last).max(uid);
    }

    /// The highest numbers in use; a UIDVALIDITY counts as the number of a mailbox, since it is given from those.
    fn see(&mut self, start: u32) {
        let rows = std::mem::take(&mut self.rows);
        for (email, row) in &rows {
            let state = &row.state;
            self.saw(*email, &state.mailboxes, state.modseq.max(state.created));
        }
        self.rows = rows;
        for (mailbox, record) in &self.boxes {
            let counted = record.uid_validity.raw().saturating_sub(start);
            self.mailbox = self.mailbox.max(mailbox.raw()).max(counted);
            let modseq = record.modseq.max(record.highest_modseq);
            self.modseq = self.modseq.max(modseq);
        }
        let last = self.summaries.last().map_or(0, |email| email.raw());
        self.email = self.email.max(last);
    }

    /// Follows the change log: what it gave, and where it has holes.
    fn log(&mut self, store: &Store) -> Result<(), Error> {
        let shared = &store.inner.shared;
        let trimmed = Trimmed::read(&shared.index, self.id)?;
        let until = trimmed.map_or(ModSeq::FIRST, |t| t.until);
        self.modseq = self.modseq.max(until);
        let mut log = Log {
            trimmed,
            time: trimmed.map_or(i64::MIN, |t| t.time),
            last: Some(until),
            ..Log::default()
        };
        let prefix = key::kind(self.id, key::LOG);
        shared.index.scan(&prefix, &prefix, &mut |key, value| {
            let modseq = key::number_of(key).and_then(ModSeq::new);
            let modseq = modseq.ok_or_else(strange)?;
            let kept = trimmed.is_some() && modseq <= until;
            let read = history::read(value).and_then(|e| Ok((e.undone()?.unwrap_or_default(), e)));
            let Ok((undone, entry)) = read else {
                // A hole like any other.
                log.strange.push(key.to_vec());
                return Ok(true);
            };
            self.modseq = self.modseq.max(modseq);
            for change in &entry.changes {
                self.given(change);
            }
            let mut fits = true;
            for (email, before) in undone.rows {
                let Before::Whole(record) = before else {
                    continue;
                };
                self.saw(email, &record.mailboxes, record.modseq);
                fits &= self.summaries.contains(&email)
                    && !self.rows.contains_key(&email)
                    && shared
                        .packs
                        .verify_place(record.blob, &shared.index)
                        .is_ok();
            }
            log.removed.extend(entry.removed());
            if !kept {
                if log.last.and_then(ModSeq::next) != Some(modseq) {
                    // What is missing was made no later than what comes behind it.
                    log.time = log.time.max(entry.time);
                    log.until = log.last.max(ModSeq::new(modseq.raw() - 1));
                }
                if !fits {
                    log.until = Some(modseq);
                }
                log.time = log.time.max(entry.time);
                log.last = Some(modseq);
            }
            Ok(true)
        })?;
        self.log = log;
        Ok(())
    }

    /// Whether commits of the account are known to be missing.
    fn has_hole(&self) -> bool {
        self.log.until.is_some() || self.log.last != Some(self.modseq)
    }

    fn given(&mut self, change: &Change) {
        match change {
            Change::MailboxCreated(id)
            | Change::MailboxChanged(id)
            | Change::MailboxCounts(id)
            | Change::MailboxRemoved(id) => self.mailbox = self.mailbox.max(id.raw()),
            Change::EmailCreated { email, .. }
            | Change::EmailChanged { email, .. }
            | Change::EmailRemoved { email, .. } => self.email = self.email.max(email.raw()),
            Change::Vanished { mailbox, uid } => self.uid(*mailbox, *uid),
        }
    }

    /// A mailbox that is lost is made again for the messages in it; a tree has no two alike.
    fn houses(&mut self, start: u32) {
        let wanted = self.rows.values().flat_map(|r| &r.state.mailboxes);
        let wanted: BTreeSet<MailboxId> = wanted.map(|(mailbox, _)| *mailbox).collect();
        let of = |record: &MailboxRecord| record.uid_validity.raw().saturating_sub(start);
        let outdated = self.boxes.iter().any(|(id, b)| of(b) > id.raw());
        for mailbox in wanted {
            if self.boxes.contains_key(&mailbox) {
                continue;
            }
            // Where others got later ones (`Writer::outdate_uids`), this had one, too: nobody knows which.
            let number = if outdated {
                self.mailbox.saturating_add(1)
            } else {
                mailbox.raw()
            };
            let validity = start.checked_add(number).and_then(UidValidity::new);
            let Some(uid_validity) = validity else {
                continue;
            };
            self.mailbox = self.mailbox.max(number);
            let record = MailboxRecord {
                parent: None,
                name: format!("recovered-{mailbox}"),
                role: None,
                subscribed: true,
                sort_order: 0,
                uid_validity,
                uid_next: Uid::FIRST,
                modseq: self.modseq,
                highest_modseq: self.modseq,
            };
            self.boxes.insert(mailbox, record);
        }
        let there: BTreeSet<MailboxId> = self.boxes.keys().copied().collect();
        let (mut names, mut roles) = (BTreeSet::new(), BTreeSet::new());
        for record in self.boxes.values_mut() {
            record.parent = record.parent.filter(|parent| there.contains(parent));
            record.role = record.role.filter(|role| roles.insert(*role));
            let name = record.name.clone();
            for number in 2..NAMES_MAX {
                if names.insert((record.parent, record.name.clone())) {
                    break;
                }
                record.name = format!("{name}-{number}");
            }
        }
    }

    /// Two messages that have one Uid: the later one gets another.
    fn doubles(&mut self) {
        let mut taken = BTreeSet::new();
        for row in self.rows.values_mut() {
            for (mailbox, uid) in &mut row.state.mailboxes {
                if taken.insert((*mailbox, *uid)) {
                    continue;
                }
                let next = self.boxes.get(mailbox).map(|record| record.uid_next);
                let last = self.uids.get(mailbox).and_then(|uid| uid.next());
                if let Some(free) = next.max(last) {
                    *uid = free;
                    self.uids.insert(*mailbox, free);
                    taken.insert((*mailbox, free));
                }
            }
        }
    }

    /// The account's counters above all that was met; notes in `ops` what the log does not tell.
    fn counters(&mut self, lost: bool, now: i64, ops: &mut Vec<Op>) -> Result<Meta, Error> {
        let used_up = || Error::TooLarge("numbers of an account");
        let (leap, boxes_leap) = match lost {
            true => (LEAP, MAILBOX_LEAP),
            false => (0, 0),
        };
        let modseq = self.modseq.raw().checked_add(u64::from(leap));
        let modseq = modseq.and_then(ModSeq::new).ok_or_else(used_up)?;
        let above = |next: u64, last: u64, leap: u32| {
            next.max(last.checked_add(1)?).checked_add(u64::from(leap))
        };
        let email = above(self.meta.next_email.raw(), self.email, leap);
        let mailbox = above(
            u64::from(self.meta.next_mailbox.raw()),
            u64::from(self.mailbox),
            boxes_leap,
        );
        for (id, record) in &mut self.boxes {
            let last = self.uids.get(id).map_or(0, |uid| uid.raw());
            let next = above(u64::from(record.uid_next.raw()), u64::from(last), leap);
            let next = next.and_then(|n| Uid::new(u32::try_from(n).ok()?));
            record.uid_next = next.ok_or_else(used_up)?;
            if lost {
                // Clients must see that something happened.
                record.highest_modseq = modseq;
            }
        }
        if lost {
            // What a client saw of them under a lost number may differ: all of them changed since (RFC 7162 §3.1.3,
            // §3.2.5.1).
            let rows = self.rows.values_mut();
            rows.for_each(|row| row.state.modseq = modseq);
        }
        self.tell(modseq, now, ops)?;
        let octets = self.rows.values().map(|row| row.state.size).sum();
        let messages = self.rows.len() as u64;
        Ok(Meta {
            modseq,
            next_email: email.and_then(EmailId::new).ok_or_else(used_up)?,
            next_mailbox: mailbox
                .and_then(|n| MailboxId::new(u32::try_from(n).ok()?))
                .ok_or_else(used_up)?,
            held: self.meta.held.map(|_| (octets, messages)),
        })
    }

    /// The change log is too old for whoever asks about what was before its last hole.
    fn tell(&self, modseq: ModSeq, now: i64, ops: &mut Vec<Op>) -> Result<(), Error> {
        let log = &self.log;
        ops.extend(log.strange.iter().cloned().map(Op::Delete));
        let (until, time) = match log.last == Some(modseq) {
            true => (log.until, log.time),
            false => (Some(modseq), log.time.max(now)),
        };
        if let Some(until) = until {
            let trimmed = Trimmed { until, time };
            if log.trimmed != Some(trimmed) {
                let key = key::kind(self.id, key::TRIMMED);
                ops.push(Op::Put(key, record::encode(&trimmed)?));
            }
        }
        Ok(())
    }
}
