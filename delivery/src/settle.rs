//! Settling: how an item stands is written down, and its sender is told.

use crate::bounce::About;
use crate::dispatch::encode_small;
use crate::list::{self, Lists};
use crate::news::{Action, News, PLACED};
use crate::outcome::of_the_hop;
use crate::spool::{HELD, Record, Row};
use crate::{Delivery, Envelope, Outcome, RecipientState, Refused, ReversePath, retry};
use directory::ListFace;
use formats::address::Address;
use std::sync::Arc;
use storage::{AccountId, BlobId, Error, QueueId, QueueItem, RowChange};

/// After so many tries its sender is told that it takes long, however much of that time no server ran: one alone may be
/// a peer that first puts off all whom it does not know.
const TRIES_UNTIL_LATE: u32 = 2;
/// Seconds until it is tried again to tell the sender, where that cannot be written down now.
const TELL_AGAIN_S: i64 = 5;

impl Delivery {
    /// Writes down how it stands, where it changed, with `rows`. Where its sender is to be told, what ended is written
    /// down before: what is told then follows from what is on disk, and a crash in between repeats no try and tells
    /// nothing twice.
    pub(crate) fn settle_item(
        &self,
        id: QueueId,
        mut record: Record,
        blob: BlobId,
        changed: bool,
        now: i64,
        rows: Vec<RowChange>,
    ) -> Result<(), Error> {
        let lists = self.lists(&record.envelope);
        let is_told = |(face, _): &(Option<Arc<ListFace>>, _)| {
            let envelope = list::envelope(face.as_deref(), &record.envelope);
            envelope.from != ReversePath::Null
        };
        if !lists.parted(news_of(&record, &lists)).iter().any(is_told) {
            return self.forget_ended(id, record, blob, changed, now, rows);
        }
        let payload = encode_small(&mut record)?;
        self.inner
            .store
            .queue()
            .update_with(id, now, payload, rows)?;
        self.tell_ended(id, record, blob, now)
    }

    /// An item after its sender was told of what had ended before, so that he is told of that alone, as he may have been
    /// before a crash. `None`: nothing of it is left.
    pub(crate) fn told_first(
        &self,
        item: QueueItem,
        now: i64,
    ) -> Result<Option<(QueueItem, Record)>, Error> {
        let record = Record::decode(&item.payload)?;
        if !record.has_ended() {
            return Ok(Some((item, record)));
        }
        self.tell_ended(item.id, record, item.blob, now)?;
        let item = match self.inner.store.queue().item(item.id) {
            Err(Error::NotFound) => return Ok(None),
            other => other?,
        };
        let record = Record::decode(&item.payload)?;
        Ok(Some((item, record)))
    }

    /// Tells of what ended, as it is on disk, and forgets it. Where that cannot be now, it is done later.
    pub(crate) fn tell_ended(
        &self,
        id: QueueId,
        record: Record,
        blob: BlobId,
        now: i64,
    ) -> Result<(), Error> {
        match self.forget_ended(id, record, blob, true, now, Vec::new()) {
            Err(error @ (Error::Unavailable(_) | Error::OverQuota(_))) => {
                tracing::warn!(queue = id.raw(), %error, "the sender is told later");
                let again = now.saturating_add(TELL_AGAIN_S);
                self.inner.store.queue().put_off(id, again)
            }
            other => other,
        }
    }

    fn forget_ended(
        &self,
        id: QueueId,
        mut record: Record,
        blob: BlobId,
        mut changed: bool,
        now: i64,
        mut rows: Vec<RowChange>,
    ) -> Result<(), Error> {
        let lists = self.lists(&record.envelope);
        for (face, news) in lists.parted(news_of(&record, &lists)) {
            rows.append(&mut self.tell(&record, face.as_deref(), blob, &news)?);
        }
        for row in record.rows.iter().filter(|row| !row.pending()) {
            let RecipientState::Done(outcome) = &row.state else {
                continue;
            };
            let to = record.address(row);
            tracing::info!(trace = %record.trace, %to, ?outcome, "done");
        }
        record.keep_parts(|n| lists.has(n));
        record.rows.retain(Row::pending);
        changed |= self.warn(&mut record, blob, now, &mut rows)?;
        let queue = self.inner.store.queue();
        let Some(recorded) = record.rows.iter().map(|row| row.next).min() else {
            return queue.remove_with(id, rows);
        };
        // A stop forgets what was put off: the deadlines stand in the record.
        let elsewhere = record
            .rows
            .iter()
            .any(|row| row.state == RecipientState::Remote);
        let deadline = self.deadline(&record, elsewhere, now).unwrap_or(recorded);
        let recorded = record.held.map_or(recorded.min(deadline), |_| HELD);
        if changed || !rows.is_empty() {
            queue.update_with(id, recorded, encode_small(&mut record)?, rows)?;
        }
        queue.put_off(id, self.comes_up(&record, id, now))
    }

    /// Tells the sender; the same twice is told once (I-09), if he is here.
    fn tell(
        &self,
        record: &Record,
        face: Option<&ListFace>,
        blob: BlobId,
        news: &[News],
    ) -> Result<Vec<RowChange>, Error> {
        let content = self.inner.store.blob(blob)?;
        let envelope = list::envelope(face, &record.envelope);
        let about = About {
            envelope: &envelope,
            author: author(record.submitter, &record.envelope, &envelope),
            trace: &record.trace,
            accepted_at: record.accepted_at,
            delivery: Some(record.delivery),
            list: face.map(|face| &face.address),
            vouched: record.submitter.is_some() || list::speaks(face),
        };
        self.bounce(&about, &content, news)
            .map_err(|refused| match refused {
                Refused::Temporary(why) | Refused::Failed(why) => Error::Unavailable(why.into()),
                Refused::Permanent(_) => Error::Invalid("a bounce"),
            })
    }

    /// From when on a letter is late however seldom it was tried, Unix seconds.
    pub(crate) fn late_from(&self, record: &Record) -> i64 {
        let began = record.began().max(self.inner.began);
        began.saturating_add(retry::WARN_S)
    }

    /// Whether a row waits for nothing but its try.
    fn goes_now(&self, record: &Record, row: &Row, now: i64) -> bool {
        if row.state != RecipientState::Remote || row.next > now {
            return false;
        }
        let via = self.way(record, record.address(row));
        via.is_some_and(|via| self.schedule().trouble(&via.hop()).is_none())
    }

    /// Tells somebody here, once, that his letter still waits. Nobody elsewhere asked for it.
    fn warn(
        &self,
        record: &mut Record,
        blob: BlobId,
        now: i64,
        rows: &mut Vec<RowChange>,
    ) -> Result<bool, Error> {
        // Past its end it goes now or comes back now.
        let waits = now.saturating_sub(record.began());
        if !warns(record) || !(retry::WARN_S..retry::GIVE_UP_S).contains(&waits) {
            return Ok(false);
        }
        // While no server ran nobody tried it: it may well go in a moment, or with the next try.
        let fresh = |row: &Row| row.tries < TRIES_UNTIL_LATE || self.goes_now(record, row, now);
        if now < self.late_from(record) && record.rows.iter().any(fresh) {
            return Ok(false);
        }
        let until = |row: &Row| match row.state {
            RecipientState::Local(_) => self.inner.settings.full_wait_s.min(retry::GIVE_UP_S),
            _ => retry::GIVE_UP_S,
        };
        let lists = self.lists(&record.envelope);
        let each = record.rows.iter();
        // Who has it somewhere waits for nothing.
        let has = |n: u32| !lists.has(n) && record.parts.taken.contains(&n);
        let late: Vec<(u32, News)> = each
            .filter(|row| row.pending() && !has(row.recipient))
            .map(|row| {
                let recipient = lists.recipient(&record.envelope, row.recipient);
                let address = record.address(row);
                let remote = row.state == RecipientState::Remote;
                let via = remote.then(|| self.way(record, address)).flatten();
                let trouble = via.and_then(|via| {
                    let schedule = self.schedule();
                    schedule.trouble(&via.hop()).map(|(why, _)| of_the_hop(why))
                });
                let last = row.last.as_ref().map(|last| last.text().to_owned());
                let why = last.or(trouble);
                let until = record.began().saturating_add(until(row));
                let mut news = News::late(&recipient, address, why.as_deref(), until);
                news.through = through(record, row, &lists);
                (row.recipient, news)
            })
            .collect();
        record.warned = true;
        for (face, late) in lists.parted(late) {
            rows.append(&mut self.tell(record, face.as_deref(), blob, &late)?);
        }
        Ok(true)
    }
}

/// Who submitted it, where it is he who is told: of a list it may be its owner.
pub(crate) fn author(
    submitter: Option<AccountId>,
    own: &Envelope,
    told: &Envelope,
) -> Option<AccountId> {
    submitter.filter(|_| own.from == told.from)
}

/// Whether its sender is to be told that it takes long: he is here, and was not told yet.
pub(crate) fn warns(record: &Record) -> bool {
    let told = record.warned || record.held.is_some();
    !told && record.submitter.is_some() && record.envelope.from != ReversePath::Null
}

/// The recipient whose mail goes on to where a row leads: who has his mail sent on has no other. That of a list is not
/// lost where one member's is.
fn through(record: &Record, row: &Row, lists: &Lists) -> Option<Address> {
    let sent_on = record.passed_on(row) && !lists.has(row.recipient);
    let recipient = &record.envelope.recipients[row.recipient as usize];
    sent_on.then(|| recipient.address.clone())
}

/// What the sender must be told now. Of a list each member counts; of others who lead to several places it is told only
/// where none of these took it, when the last has ended.
fn news_of(record: &Record, lists: &Lists) -> Vec<(u32, News)> {
    let mut over = record.over();
    let each = record.rows.iter().filter_map(|row| {
        let recipient = || lists.recipient(&record.envelope, row.recipient);
        let address = record.address(row);
        let news = match &row.state {
            RecipientState::Done(Outcome::Failed(why)) if lists.has(row.recipient) => {
                Some(News::failed(&recipient(), address, why))
            }
            RecipientState::Done(Outcome::Failed(_)) => {
                let (address, why) = over.remove(&row.recipient)?;
                let recipient = recipient();
                let mut news = News::failed(&recipient, address, why);
                news.through =
                    (address.key() != recipient.address.key()).then(|| recipient.address.clone());
                Some(news)
            }
            RecipientState::Done(Outcome::Relayed(what)) => row.success.and_then(|action| {
                // Which account it is concerns nobody else.
                let here = action == Action::Delivered;
                let what = if here { PLACED } else { what };
                let mut news = News::good(&recipient(), address, action, what)?;
                news.through = through(record, row, lists);
                Some(news)
            }),
            _ => None,
        };
        Some((row.recipient, news?))
    });
    each.collect()
}
