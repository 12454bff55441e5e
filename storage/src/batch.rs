//! From a gathered batch to a commit: what really changed, its keys, its log, and what readers see.

use crate::commit::Number;
use crate::history::{self, Before, BoxBefore, Undo};
use crate::hot::{Delta, Hot};
use crate::index::Op;
use crate::quota::Reserved;
use crate::record::{self, Meta};
use crate::writer::{Batch, Writer};
use crate::*;
use std::collections::{BTreeMap, BTreeSet};

/// What changed, message by message.
#[derive(Default)]
struct Effect {
    log: Vec<Change>,
    undo: Undo,
    /// Mailboxes some message of which came, changed or went.
    touched: BTreeSet<MailboxId>,
}

impl Writer {
    /// Makes the batch durable, applies and announces it. An empty batch returns the current ModSeq.
    /// Blocks until the journal's group is on disk (I-01).
    /// Errors: `OverQuota`, `TooLarge`, `Unavailable`; then nothing was changed.
    pub fn commit(mut self) -> Result<ModSeq, Error> {
        let replaced = self.drop_unchanged();
        if self.batch.is_empty(&self.before) {
            return Ok(self.before.meta.modseq);
        }
        let reserved = self.reserve()?;
        let now = self.store.inner.shared.clock.now();
        let mut effect = self.messages(now);
        effect.undo.rows = replaced;
        effect.undo.came = std::mem::take(&mut self.batch.came);
        let counts = self.mailboxes_of(&mut effect);
        let meta = Meta {
            modseq: self.modseq,
            next_email: self.batch.next_email,
            next_mailbox: self.batch.next_mailbox,
            held: Some(self.held()),
        };
        let ops = self.ops(now, &meta, &effect)?;
        let Self {
            store,
            account,
            turn,
            before,
            batch,
            ..
        } = self;
        let blobs: Vec<BlobId> = batch.blobs.into_iter().collect();
        let delta = Delta {
            boxes: batch.boxes.into_iter().collect(),
            rows: batch.rows.into_iter().collect(),
            counts,
        };
        // Readers' and this writer's handles make the commit copy; this one is not needed any more.
        drop(before);
        let (cells, cell) = (store.inner.cells.clone(), turn.cell.clone());
        let apply = Box::new(move || cells.apply(&cell, meta, delta));
        let number = Number::Account(meta.modseq);
        let modseq = store.submit(account, number, ops, &blobs, apply);
        // Before the next writer's turn, so that it finds the sums as its account is.
        match &modseq {
            Ok(_) => reserved.settle(),
            Err(_) => drop(reserved),
        }
        drop(turn);
        modseq
    }

    /// Leaves out what ended as it began, and what came and went within the batch. Returns what
    /// the messages that stay in it were before.
    fn drop_unchanged(&mut self) -> Vec<Before> {
        let before = &self.before;
        let mut replaced = Vec::new();
        self.batch.rows.retain(|email, after| {
            let row = before.row(*email);
            let changed = row.as_ref() != after.as_ref();
            if let Some(row) = row.filter(|_| changed) {
                replaced.push(Before::of(&row, after.as_ref()));
            }
            changed
        });
        let rows = &self.batch.rows;
        self.batch
            .summaries
            .retain(|email, _| rows.contains_key(email));
        let named = rows
            .values()
            .flatten()
            .map(|r| r.state.blob)
            .collect::<BTreeSet<_>>();
        self.batch.blobs.retain(|blob| named.contains(blob));
        self.batch
            .boxes
            .retain(|id, after| before.boxes.get(id).map(|b| &b.record) != after.as_ref());
        self.batch.came.retain(|came| rows.contains_key(&came.new));
        replaced
    }

    /// Octets and messages after the batch.
    fn held(&self) -> (u64, u64) {
        let (mut octets, mut messages) = (self.before.octets, self.before.messages);
        for (email, after) in &self.batch.rows {
            if let Some(after) = after {
                (octets, messages) = (octets + after.state.size, messages + 1);
            }
            if let Some(before) = self.before.weighed(*email) {
                (octets, messages) = (octets - before.size, messages - 1);
            }
        }
        (octets, messages)
    }

    /// Reserves what the batch adds, in the account and in the groups above it.
    fn reserve(&self) -> Result<Reserved, Error> {
        let before = Usage {
            octets: self.before.octets,
            messages: self.before.messages,
        };
        let (octets, messages) = self.held();
        let after = Usage { octets, messages };
        let grows = after.octets > before.octets;
        if grows && self.octets_max.is_some_and(|max| after.octets > max) {
            return Err(Error::OverQuota(Bound::Account(self.account)));
        }
        let ledger = &self.store.inner.ledger;
        ledger.reserve(&self.store, self.account, before, after)
    }

    /// Stamps the changed messages and writes the log's first half. `now`: Unix seconds.
    fn messages(&mut self, now: i64) -> Effect {
        let mut effect = Effect::default();
        let mut vanished = Vec::new();
        for (email, after) in &mut self.batch.rows {
            let email = *email;
            let before = self.before.weighed(email);
            let places = before.map_or(&[][..], |b| b.places);
            effect
                .touched
                .extend(places.iter().map(|(mailbox, _)| *mailbox));
            let stays: &[(MailboxId, Uid)] = after.as_ref().map_or(&[], |r| &r.state.mailboxes);
            let left = places.iter().filter(|p| !stays.contains(p));
            vanished.extend(left.map(|(mailbox, uid)| Change::Vanished {
                mailbox: *mailbox,
                uid: *uid,
            }));
            if let Some(row) = after.as_mut() {
                save(&mut row.state, places, now);
            }
            match (before, after) {
                (None, Some(row)) => {
                    (row.state.modseq, row.state.created) = (self.modseq, self.modseq);
                    effect
                        .touched
                        .extend(row.state.mailboxes.iter().map(|(m, _)| *m));
                    effect.log.push(Change::EmailCreated {
                        email,
                        thread: row.state.thread,
                    });
                }
                (Some(_), Some(row)) => {
                    row.state.modseq = self.modseq;
                    effect
                        .touched
                        .extend(row.state.mailboxes.iter().map(|(m, _)| *m));
                    effect.log.push(Change::EmailChanged {
                        email,
                        thread: row.state.thread,
                    });
                }
                (Some(before), None) => {
                    effect.log.push(Change::EmailRemoved {
                        email,
                        thread: before.thread,
                    });
                }
                (None, None) => {}
            }
        }
        effect.log.append(&mut vanished);
        effect
    }

    /// Stamps the touched mailboxes, counts, and writes the log's second half.
    fn mailboxes_of(&mut self, effect: &mut Effect) -> Vec<(MailboxId, Counts)> {
        let moves = self.moves();
        let before = &self.before.boxes;
        for id in &effect.touched {
            let known = || before.get(id).map(|b| b.record.clone());
            if let Some(record) = self.batch.boxes.entry(*id).or_insert_with(known) {
                record.highest_modseq = self.modseq;
            }
        }
        let mut counts = Vec::new();
        let mut log = Vec::new();
        for (id, after) in &self.batch.boxes {
            let known = before.get(id);
            if let Some(known) = known {
                let was = BoxBefore::of(&known.record, after.as_ref());
                effect.undo.boxes.push((*id, was));
            }
            let counted = known.map(|b| b.counts).unwrap_or_default();
            let now = moves.apply(*id, counted);
            match (known, after) {
                (None, Some(_)) => log.push(Change::MailboxCreated(*id)),
                (Some(_), None) => log.push(Change::MailboxRemoved(*id)),
                (Some(_), Some(record)) if record.modseq == self.modseq => {
                    log.push(Change::MailboxChanged(*id));
                }
                (Some(_), Some(_)) if now != counted => log.push(Change::MailboxCounts(*id)),
                _ => {}
            }
            if after.is_some() {
                counts.push((*id, now));
            }
        }
        // A mailbox is told of before the messages in it, and gone after them.
        let (mut first, last): (Vec<_>, Vec<_>) = log
            .into_iter()
            .partition(|c| matches!(c, Change::MailboxCreated(_)));
        first.append(&mut effect.log);
        first.extend(last);
        effect.log = first;
        counts
    }

    /// Takes what only the keys need: a batch may be as large as a mailbox.
    fn ops(&mut self, time: i64, meta: &Meta, effect: &Effect) -> Result<Vec<Op>, Error> {
        let summaries = std::mem::take(&mut self.batch.summaries);
        let notes = std::mem::take(&mut self.batch.notes);
        let (account, batch) = (self.account, &self.batch);
        let log = history::encode(time, &effect.log, &effect.undo)?;
        let mut ops = vec![
            Op::Put(key::meta(account), record::encode(meta)?),
            Op::Put(key::log(account, meta.modseq), log),
        ];
        for (id, after) in &batch.boxes {
            let key = key::mailbox(account, *id);
            ops.push(match after {
                Some(record) => Op::Put(key, record::encode(record)?),
                None => Op::Delete(key),
            });
        }
        for (email, after) in &batch.rows {
            let key = key::state(account, *email);
            match after {
                Some(row) => ops.push(Op::Put(key, record::encode_row(row)?)),
                // The summary stays as long as the log tells of the message.
                None => {
                    ops.push(Op::Delete(key));
                    self.store.inner.shared.summaries.forget(account, *email);
                }
            }
        }
        for (email, summary) in summaries {
            ops.push(Op::Put(key::summary(account, email), summary));
        }
        ops.extend(notes);
        for (delivery, delivered) in &batch.deliveries {
            ops.push(Op::Put(
                key::delivered(account, *delivery),
                record::encode(delivered)?,
            ));
        }
        Ok(ops)
    }
}

/// Times that memory holds in four octets.
const TIMES: std::ops::RangeInclusive<i64> = 0..=u32::MAX as i64 - 1;

/// A place that was there keeps its time, known or not; one that is new has this one. Never changed after that.
fn save(state: &mut State, before: &[(MailboxId, Uid)], now: i64) {
    let mut saved = Vec::with_capacity(state.mailboxes.len());
    for place in &state.mailboxes {
        let at = match before.contains(place) {
            true => state.saved_at(place.0),
            false => Some(now.clamp(*TIMES.start(), *TIMES.end())),
        };
        saved.extend(at.map(|at| (place.0, at)));
    }
    state.saved = saved;
}

impl Batch {
    fn is_empty(&self, before: &Hot) -> bool {
        self.boxes.is_empty()
            && self.rows.is_empty()
            && self.deliveries.is_empty()
            && self.notes.is_empty()
            && self.next_mailbox == before.meta.next_mailbox
    }
}

/// Each mailbox's counts, as a map: what tests and checks compare.
pub(crate) fn counts_of(hot: &Hot) -> BTreeMap<MailboxId, Counts> {
    hot.boxes.iter().map(|(id, b)| (*id, b.counts)).collect()
}
