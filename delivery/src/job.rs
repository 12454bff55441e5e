//! What is to be handed to a next hop: leased to whoever has the sockets, and settled by what came of it.

use crate::dispatch::{events, note};
use crate::list::{self, Lists};
use crate::news::Action;
use crate::outward::{Hop, Via};
use crate::sign::Signer;
use crate::spool::{Record, Row};
use crate::trace::{self, What};
use crate::unheard::is_silent;
use crate::{Delivery, Envelope, Outcome, Recipient, RecipientState, ReversePath, retry};
use formats::address::Address;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, MutexGuard, PoisonError};
use storage::{Error, QueueId, QueueItem};

/// RFC 5321 §4.5.3.1.8: recipients that any server takes in one transaction.
pub const RECIPIENTS_MAX: usize = 100;

/// One message for some recipients behind one next hop. Whoever leases it calls [`Delivery::settle`].
#[derive(Debug, Clone)]
pub struct Job {
    /// Of the item.
    pub id: QueueId,
    /// Where it goes.
    pub hop: Hop,
    /// The same, to be followed.
    pub via: Via,
    /// The envelope with these recipients alone, in order.
    pub envelope: Envelope,
    /// The message without Return-Path.
    pub content: Arc<[u8]>,
    /// RFC 6710 §2.
    pub priority: i8,
    /// Names the acceptance, for the log.
    pub trace: String,
    /// Signs it, as it is when it leaves; `None`: it is not ours, or its domain has no keys.
    pub signer: Option<Signer>,
    /// As leased: what the schedule counts.
    pub octets: u64,
}

/// How a job ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tried {
    /// One for each recipient, in order; those missing count as deferred.
    pub outcomes: Vec<Outcome>,
    /// Why the next hop takes nothing from anybody now, if that is so.
    pub trouble: Option<String>,
    /// The trouble is that it ended the connection in the middle of this message, or when it had the whole of it: that may
    /// be for this message alone.
    pub dropped: bool,
    /// RFC 3461 §5.2.2: who took it knows notifications, so that success is his to tell of.
    pub reports: bool,
    /// Version and cipher of the connection's TLS, where it had any.
    pub tls: Option<String>,
}

/// A try that ended, until it is written down.
#[derive(Debug)]
pub(crate) struct Ended {
    hop: Hop,
    tls: Option<String>,
    outcomes: Vec<(Address, Outcome)>,
    reports: bool,
}

impl Delivery {
    /// The next message to hand over; `None`: none may go now, look again at [`Delivery::lanes_wake_at`] or when
    /// woken. Blocks. Errors: `Unavailable`.
    pub fn lease(&self, now: i64) -> Result<Option<Job>, Error> {
        loop {
            let Some((id, hop, octets)) = self.schedule().lease(now) else {
                return Ok(None);
            };
            let _turn = self.inner.turns.take(id);
            let job = self.job(id, &hop, octets, now);
            if let Ok(Some(job)) = job {
                return Ok(Some(job));
            }
            {
                let mut schedule = self.schedule();
                schedule.returned(&hop, octets, now);
                schedule.done(id, &hop);
            }
            match job {
                Err(error @ (Error::Corrupt(_) | Error::Damaged(_))) => {
                    self.spoiled(id, &error, now)?;
                }
                // Gone, or changed since it was offered.
                Ok(_) | Err(Error::NotFound) => {
                    let _ = self.inner.store.queue().put_off(id, now);
                }
                Err(error) => {
                    let _ = self.inner.store.queue().put_off(id, now);
                    return Err(error);
                }
            }
        }
    }

    /// When a next hop that rests is to be asked again, Unix seconds.
    pub fn lanes_wake_at(&self) -> Option<i64> {
        self.schedule().wakes_at()
    }

    fn job(&self, id: QueueId, hop: &Hop, octets: u64, now: i64) -> Result<Option<Job>, Error> {
        let item = self.inner.store.queue().item(id)?;
        let record = Record::decode(&item.payload)?;
        let (mut recipients, mut via) = (Vec::new(), None);
        if record.held.is_some() {
            return Ok(None);
        }
        let lists = self.lists(&record.envelope);
        let mut through: Option<Option<u32>> = None;
        for row in &record.rows {
            if recipients.len() == RECIPIENTS_MAX {
                break;
            }
            if row.state != RecipientState::Remote || row.next > now {
                continue;
            }
            let way = self.way(&record, record.address(row));
            // What an address of ours led elsewhere is a letter of its own: its list's, sent on by it.
            let ours = record.passed_on(row).then_some(row.recipient);
            let fits = through.is_none_or(|through| through == ours);
            if fits && way.as_ref().is_some_and(|way| way.hop() == *hop) {
                recipients.push(named(&record, row, &lists));
                (via, through) = (way, Some(ours));
            }
        }
        let Some(via) = via else {
            return Ok(None);
        };
        let through = through.flatten();
        let face = through.and_then(|n| lists.of(n)).map(|face| &**face);
        let stored = self.inner.store.blob(item.blob)?;
        let content = list::letter(face, &stored);
        let content = without_return_path(&content);
        let signer = self.signer(&record, content, now);
        let by = through.map(|n| &record.envelope.recipients[n as usize].address);
        let content: Arc<[u8]> = match by {
            None => content.into(),
            // Met again, it is not sent on again.
            Some(by) => list::behind_received(content, &format!("Delivered-To: {by}\r\n")).into(),
        };
        let envelope = list::envelope(face, &record.envelope).into_owned();
        let from = match by {
            // RFC 3461 §5.2.2 (d): a server that knows no NOTIFY would tell the one who is not to be told.
            Some(_) if record.submitter.is_none() && is_silent(&recipients) => ReversePath::Null,
            Some(by) => self.sent_on(&envelope.from, by),
            None => envelope.from.clone(),
        };
        Ok(Some(Job {
            id,
            hop: hop.clone(),
            via,
            envelope: Envelope {
                from,
                recipients,
                ..envelope
            },
            content,
            signer,
            priority: record.priority,
            trace: record.trace,
            octets,
        }))
    }

    /// The reverse-path of what is sent on from an address of ours: ours as it is, null as it is, a stranger's as one
    /// of ours that leads back to him (`directory/srs`), or as the address's own where that would be too long.
    fn sent_on(&self, from: &ReversePath, by: &Address) -> ReversePath {
        let directory = &self.inner.directory;
        let ReversePath::Address(sender) = from else {
            return ReversePath::Null;
        };
        if directory.serves(&sender.domain) {
            return from.clone();
        }
        let ours = directory.sent_on(sender, &by.domain);
        ReversePath::Address(ours.unwrap_or_else(|| by.clone()))
    }

    /// Takes in how a job ended: delivered, later or never, durably. Blocks. Errors: `Unavailable`; then it is
    /// remembered, not tried again, and written down at the next [`Delivery::dispatch`] that can.
    pub fn settle(&self, job: &Job, tried: Tried, now: i64) -> Result<(), Error> {
        let Tried {
            outcomes,
            trouble,
            dropped,
            reports,
            tls,
        } = tried;
        match &trouble {
            Some(why) if dropped => {
                tracing::info!(trace = %job.trace, hop = %job.hop, %why, "hung up in the middle of a message");
                self.schedule().dropped(&job.hop, job.octets, why, now);
            }
            trouble => {
                if let Some(why) = trouble {
                    tracing::info!(hop = %job.hop, %why, "takes no mail now");
                }
                let trouble = trouble.as_deref();
                self.schedule().ended(&job.hop, job.octets, trouble, now);
            }
        }
        let silent = || Outcome::Deferred("4.4.2 the transport gave no outcome".into());
        let mut outcomes = outcomes.into_iter();
        let each = job.envelope.recipients.iter();
        let outcomes = each
            .map(|to| (to.address.clone(), outcomes.next().unwrap_or_else(silent)))
            .collect();
        let ended = Ended {
            hop: job.hop.clone(),
            tls,
            outcomes,
            reports,
        };
        self.unwritten().entry(job.id).or_default().push(ended);
        let written = self.write_down(job.id, now);
        self.wake();
        written
    }

    fn unwritten(&self) -> MutexGuard<'_, BTreeMap<QueueId, Vec<Ended>>> {
        let unwritten = &self.inner.unwritten;
        unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What could not be written down before.
    pub(crate) fn write_down_all(&self, now: i64) -> Result<(), Error> {
        let ids: Vec<QueueId> = self.unwritten().keys().copied().collect();
        ids.into_iter().try_for_each(|id| self.write_down(id, now))
    }

    /// Writes down all tries of an item that ended: those that end together cost one write.
    fn write_down(&self, id: QueueId, now: i64) -> Result<(), Error> {
        let _turn = self.inner.turns.take(id);
        let Some(ended) = self.unwritten().remove(&id) else {
            return Ok(());
        };
        let done = match self.inner.store.queue().item(id) {
            Ok(item) => self.apply(item, &ended, now),
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => Ok(()),
            Err(error @ (Error::NotFound | Error::Corrupt(_) | Error::Damaged(_))) => {
                self.forget(id, &ended);
                self.spoiled(id, &error, now)
            }
            Err(error) => {
                // The peer's answer must not be lost: without it the letter would go twice.
                self.unwritten().entry(id).or_default().extend(ended);
                Err(error)
            }
        }
    }

    fn forget(&self, id: QueueId, ended: &[Ended]) {
        let mut schedule = self.schedule();
        ended.iter().for_each(|e| schedule.done(id, &e.hop));
    }

    fn apply(&self, item: QueueItem, ended: &[Ended], now: i64) -> Result<(), Error> {
        let Some((item, mut record)) = self.told_first(item, now)? else {
            return Err(Error::NotFound);
        };
        let began = record.began();
        let outcomes: HashMap<&Address, (&Outcome, &Ended)> = ended
            .iter()
            .flat_map(|e| e.outcomes.iter().map(move |(to, how)| (to, (how, e))))
            .collect();
        for at in 0..record.rows.len() {
            let row = &record.rows[at];
            if row.state != RecipientState::Remote {
                continue;
            }
            let Some((outcome, by)) = outcomes.get(record.address(row)) else {
                continue;
            };
            let way = self.way(&record, record.address(row)).map(|via| via.hop());
            let row = &mut record.rows[at];
            row.success = (!by.reports).then_some(Action::Relayed);
            row.tries += 1;
            let mut again = retry::remote(began, row.tries, now);
            if way.as_ref() != Some(&by.hop) {
                // Somebody chose another way meanwhile: it goes by that at once.
                again = again.map(|_| now);
            }
            let outcome = (*outcome).clone();
            note(row, outcome, again);
        }
        // Nobody can offer them before the turn ends; what stays is offered again by dispatch.
        self.forget(item.id, ended);
        let told = ended.iter().map(|e| What::Tried {
            hop: e.hop.to_string(),
            tls: e.tls.clone(),
            results: trace::grouped(e.outcomes.iter().map(|(to, outcome)| (outcome, to))),
        });
        let written = events(&record, now, told)
            .and_then(|rows| self.settle_item(item.id, record, item.blob, true, now, rows));
        if written.is_err() {
            let mut schedule = self.schedule();
            ended.iter().for_each(|e| schedule.keep(item.id, &e.hop));
        }
        written
    }
}

/// A recipient as the next hop hears of it. What its sender asked for holds for those to whom it leads, too
/// (RFC 3461 §5.2.7.2, §5.2.7.3 (c)).
fn named(record: &Record, row: &Row, lists: &Lists) -> Recipient {
    let address = record.address(row).clone();
    Recipient {
        address,
        ..lists
            .recipient(&record.envelope, row.recipient)
            .into_owned()
    }
}

/// RFC 5321 §4.4: Return-Path is for the last server only.
pub(crate) fn without_return_path(content: &[u8]) -> &[u8] {
    let first = content
        .iter()
        .position(|b| *b == b'\n')
        .map_or(0, |at| at + 1);
    if content.starts_with(b"Return-Path:") {
        &content[first..]
    } else {
        content
    }
}
