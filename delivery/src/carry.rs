//! What becomes of an accepted message: it is placed in the one mailbox that it is for, or it goes into the queue, and
//! from there at once to those who are here. Either is one commit, so that a crash leaves the whole message or nothing
//! of it: what one of several had while the others never got it would come to him twice when its sender tries again.

use crate::accept::{Arrival, temporary};
use crate::list;
use crate::news::News;
use crate::place::Letter;
use crate::resolve::{Targets, why};
use crate::spool::{Parts, Record, Row};
use crate::trace::{self, Beginning, What};
use crate::{Delivery, Outcome, Receipt, Refusal, Refused, retry, stamp, verify};
use directory::ListFace;
use formats::address::Address;
use std::collections::BTreeMap;
use std::sync::Arc;
use storage::{AccountId, BlobId, Error, QueueId};

/// Local accounts that are served before the answer; more are left to who dispatches.
pub(crate) const PLACED_AT_ONCE_MAX: usize = 16;
/// What is said of a mailbox that may have room later (RFC 3463 §3.3).
pub(crate) const FULL_NOW: &str = "4.2.2 the mailbox is full";
/// What is said of it when it is over.
pub(crate) const FULL: &str = "5.2.2 the mailbox is full";

/// How far a message came before the answer.
struct Carried {
    placed: usize,
    queued: Option<QueueId>,
    /// What its sender, or the owner of the list, is told of the one who has it.
    good: Option<(Option<Arc<ListFace>>, News)>,
}

impl Delivery {
    /// Places it, or spools it; then tells the sender of those who were left out.
    pub(crate) fn carry_out(
        &self,
        arrival: Arrival,
        targets: &Targets,
        stored: &[u8],
        beginning: &Arc<Beginning>,
    ) -> Result<Receipt, Refused> {
        let mut news = targets.failures(&arrival.envelope, arrival.each);
        let told = targets.refused.iter().filter(|_| arrival.each);
        let mut refused: Vec<(u32, Refusal)> = told.cloned().collect();
        news.extend(arrival.expanded.iter().cloned());
        let here = targets.remote.is_empty() && arrival.held.is_none();
        let carried = match targets.local.as_slice() {
            [only] if here => self.to_one(&arrival, *only, stored, beginning)?,
            _ => {
                let few = here && targets.local.len() <= PLACED_AT_ONCE_MAX;
                let mut rows = targets.rows();
                if few {
                    let octets = stored.len() as u64;
                    let mut full = self.leave_out_full(&arrival, &mut rows, octets)?;
                    let same = targets.same.iter();
                    let same = same.filter_map(|(n, first)| Some((*n, full.get(first)?.clone())));
                    let same: Vec<(u32, Refusal)> = same.collect();
                    full.extend(same);
                    refused.extend(full);
                }
                self.to_several(&arrival, rows, few, stored, beginning)?
            }
        };
        match carried.good {
            Some((Some(face), good)) => self.tell_all(&arrival, Some(&face), stored, &[good]),
            Some((None, good)) => news.push(good),
            None => {}
        }
        self.tell_all(&arrival, None, stored, &news);
        for (list, news) in targets.gone(&arrival.envelope) {
            let face = arrival.lists.of(list).map(|face| &**face);
            self.tell_all(&arrival, face, stored, &news);
        }
        self.note_refused(&arrival, &refused);
        Ok(Receipt {
            trace: arrival.trace,
            queued: carried.queued,
            placed: carried.placed,
            refused,
        })
    }

    /// For one account here: one commit, and no item of the queue unless it must wait for room.
    fn to_one(
        &self,
        arrival: &Arrival,
        (account, n): (AccountId, u32),
        stored: &[u8],
        beginning: &Arc<Beginning>,
    ) -> Result<Carried, Refused> {
        let face = arrival.lists.of(n).cloned();
        let content = list::letter(face.as_deref(), stored);
        let blob = self.stage(&[account], &content);
        let letter = Letter {
            blob: blob.map_err(|e| temporary("cannot stage", &e))?,
            summary: Arc::new(formats::message::summarize(&content)),
            now: arrival.now,
            delivery: arrival.delivery,
            beginning: Some(Arc::clone(beginning)),
            junk: verify::quarantined(&content, &self.inner.settings.host),
            asking: self.asking(
                [account],
                &content,
                (arrival.now, &arrival.trace, arrival.envelope.tls),
            ),
        };
        let octets = content.len() as u64;
        let full = match self.never_fits(account, octets) {
            true => Some(&Refusal::OverQuota),
            false => arrival.full.as_ref(),
        };
        match (self.place_one(account, &letter), full) {
            (Ok(_), _) => {
                let recipient = arrival.lists.recipient(&arrival.envelope, n);
                let good = arrival.good(&recipient).map(|good| (face, good));
                Ok(Carried {
                    placed: 1,
                    queued: None,
                    good,
                })
            }
            // Nothing was done yet, so who brings it may be told; of a list's members its owner hears.
            (Err(Error::OverQuota(_)), Some(full)) if face.is_none() => {
                Err(Refused::Permanent(full.clone()))
            }
            (Err(Error::OverQuota(_)), _) => {
                let mut row = Row::local(n, account);
                let wait = self.full_wait(account, octets);
                if let Some(again) = retry::full(arrival.now, 1, arrival.now, wait) {
                    (row.tries, row.next) = (1, again);
                    row.last = Some(Outcome::Deferred(FULL_NOW.into()));
                }
                let at_once = row.tries == 0;
                self.to_several(arrival, vec![row], at_once, stored, beginning)
            }
            (Err(error), _) => Err(temporary("cannot place", &error)),
        }
    }

    /// Into the queue, durably; from there at once to those who are here, where they are few.
    fn to_several(
        &self,
        arrival: &Arrival,
        rows: Vec<Row>,
        at_once: bool,
        stored: &[u8],
        beginning: &Arc<Beginning>,
    ) -> Result<Carried, Refused> {
        let accounts: Vec<AccountId> = rows.iter().filter_map(Row::account).collect();
        let few = accounts.len() == rows.len() && rows.len() <= PLACED_AT_ONCE_MAX;
        let blob = match few {
            true => self.stage(&accounts, stored),
            false => self.inner.store.put_blob(stored),
        };
        let blob = blob.map_err(|e| temporary("cannot stage", &e))?;
        let id = self.spool(arrival, rows, blob, stored.len(), beginning)?;
        let carried = |placed, queued| Carried {
            placed,
            queued,
            good: None,
        };
        if !at_once {
            self.wake();
            return Ok(carried(0, Some(id)));
        }
        // What fails now is not lost: it is in the queue.
        let placed = self.work(id, arrival.now).unwrap_or_else(|error| {
            tracing::warn!(trace = %arrival.trace, %error, "spooled, and not placed yet");
            0
        });
        let waits = !matches!(self.inner.store.queue().item(id), Err(Error::NotFound));
        if waits {
            self.wake();
        }
        Ok(carried(placed, waits.then_some(id)))
    }

    /// Who brings it hears of full mailboxes while nothing is done yet: of each by himself, or where all are full.
    fn leave_out_full(
        &self,
        arrival: &Arrival,
        rows: &mut Vec<Row>,
        octets: u64,
    ) -> Result<BTreeMap<u32, Refusal>, Refused> {
        let mut full = BTreeMap::new();
        let mut all = true;
        for row in rows.iter() {
            let no = match row.account() {
                Some(account) if arrival.lists.of(row.recipient).is_none() => {
                    self.room_refused(account, octets, arrival.full.as_ref())?
                }
                _ => None,
            };
            all &= no.is_some();
            full.extend(no.map(|no| (row.recipient, no)));
        }
        match full.first_key_value() {
            Some((_, refusal)) if all => Err(Refused::Permanent(refusal.clone())),
            Some(_) if arrival.each => {
                rows.retain(|row| !full.contains_key(&row.recipient));
                Ok(full)
            }
            _ => Ok(BTreeMap::new()),
        }
    }

    /// Lays the content down. What only one agency gets is sealed under its key, in an encrypted store.
    pub(crate) fn stage(&self, local: &[AccountId], stored: &[u8]) -> Result<BlobId, Error> {
        let store = &self.inner.store;
        let domain = |account| store.domain_of(account);
        match local.split_first() {
            Some((first, rest)) if rest.iter().all(|to| domain(*to) == domain(*first)) => {
                store.account(*first).put_blob(stored)
            }
            _ => store.put_blob(stored),
        }
    }

    /// Writes into the timeline who was refused while others were not: who brought it is told, and tells the sender.
    fn note_refused(&self, arrival: &Arrival, refused: &[(u32, Refusal)]) {
        let of = |(n, refusal): &(u32, Refusal)| {
            let to = arrival.envelope.recipients.get(*n as usize)?;
            Some((Outcome::Failed(why(refusal).to_owned()), &to.address))
        };
        let outcomes: Vec<(Outcome, &Address)> = refused.iter().filter_map(of).collect();
        if outcomes.is_empty() {
            return;
        }
        let what = What::Tried {
            hop: String::new(),
            tls: None,
            results: trace::grouped(outcomes.iter().map(|(outcome, to)| (outcome, *to))),
        };
        let rows = trace::event(&arrival.trace, arrival.now, arrival.now, what);
        let noted = rows.and_then(|rows| self.inner.store.commit_rows(rows));
        if let Err(error) = noted {
            tracing::error!(trace = %arrival.trace, %error, "who was refused is not in the timeline");
        }
    }

    /// Tells whoever is to be told of those who came through a list, or through none. Others have it already:
    /// refusing it now would bring it to them twice.
    fn tell_all(&self, arrival: &Arrival, face: Option<&ListFace>, stored: &[u8], news: &[News]) {
        if news.is_empty() {
            return;
        }
        let envelope = list::envelope(face, &arrival.envelope);
        let told = self.bounce(&arrival.about(&envelope, face), stored, news);
        let told = told.and_then(|rows| match rows.is_empty() {
            true => Ok(()),
            false => self
                .inner
                .store
                .commit_rows(rows)
                .map(|_| ())
                .map_err(|e| temporary("cannot trace", &e)),
        });
        if let Err(refused) = told {
            tracing::error!(trace = %arrival.trace, ?refused, "the sender was not told");
        }
    }

    /// Puts it into the queue, durably.
    fn spool(
        &self,
        arrival: &Arrival,
        mut rows: Vec<Row>,
        blob: BlobId,
        size: usize,
        beginning: &Beginning,
    ) -> Result<QueueId, Refused> {
        let queue = self.inner.store.queue();
        // What the server itself says must not wait for a queue that it would help to empty.
        if !arrival.generated && queue.count() >= self.inner.settings.queue_max {
            return Err(Refused::Permanent(Refusal::QueueFull));
        }
        let accounts: Vec<AccountId> = rows.iter().filter_map(Row::account).collect();
        // What waits for its time is of that time: its tries, warnings and end are counted from then.
        let begins = arrival.held.unwrap_or(arrival.now);
        if arrival.held.is_some() {
            rows.iter_mut().for_each(|row| row.next = begins);
        }
        let due = rows.iter().map(|row| row.next).min().unwrap_or(begins);
        let record = Record {
            envelope: arrival.envelope.clone(),
            rows,
            delivery: arrival.delivery.map_or_else(stamp::delivery_id, Ok)?,
            accepted_at: arrival.now,
            size: size as u64,
            submitter: arrival.submitter,
            message_id: arrival.message_id.clone(),
            trace: arrival.trace.clone(),
            priority: arrival.priority,
            warned: false,
            held: None,
            held_s: begins - arrival.now,
            detour: None,
            parts: Parts::default(),
        };
        let payload = record.encode().map_err(|e| temporary("cannot spool", &e))?;
        queue
            .put_with(due.max(begins), blob, payload, |id| {
                beginning.queued(&accounts, id)
            })
            .map_err(|e| temporary("cannot spool", &e))
    }
}
