//! The one door for mail (idea 3): `250` means on disk (I-01).

use crate::header::Header;
use crate::job::Ended;
use crate::list::{self, Lists};
use crate::news::{Action, News};
use crate::place::{Letter, Piles};
use crate::resolve::Targets;
use crate::schedule::Schedule;
use crate::seen::seen;
use crate::spoilt::Spoilt;
use crate::spool::{self, Record, Row};
use crate::trace::{self, Beginning, Head, Whence};
use crate::turn::Turns;
use crate::*;
use directory::{Access, Directory, ListFace};
use formats::address::Address;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use storage::{AccountId, BlobId, QueueId, RowChange, Store};

/// RFC 5321 §6.3: Received fields of a message that is not yet thought to go round in circles.
pub const RECEIVED_MAX: usize = 100;
/// Local accounts that are served before the answer; more go through the spool.
pub const PLACED_AT_ONCE_MAX: usize = 16;

/// Settings that the config gives.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Settings {
    /// This host's name, for Received and Message-ID.
    pub host: String,
    /// Octets of one message.
    pub size_max: u64,
    pub recipients_max: usize,
    /// Items in the queue at which new mail is deferred.
    pub queue_max: usize,
}

/// What the door answers when it took the message.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Receipt {
    /// Shown in the reply and in the log: `250 2.0.0 Ok: queued as …`.
    pub trace: String,
    pub queued: Option<QueueId>,
    /// Placed at once, for these recipients.
    pub placed: usize,
    /// Recipients, by number, that were not taken, where the peer hears of each.
    pub refused: Vec<(u32, Refusal)>,
}

/// The pipeline; cheap to clone.
#[derive(Clone)]
pub struct Delivery {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) directory: Directory,
    pub(crate) settings: Settings,
    pub(crate) outward: Option<Outward>,
    pub(crate) wake: RwLock<Option<Arc<dyn Fn() + Send + Sync>>>,
    pub(crate) piles: Piles,
    /// One at a time changes an item of the queue: dispatch, a try that ended or an administrator.
    pub(crate) turns: Turns,
    pub(crate) schedule: Mutex<Schedule>,
    /// How tries ended that could not be written down yet.
    pub(crate) unwritten: Mutex<BTreeMap<QueueId, Vec<Ended>>>,
    pub(crate) spoilt: Spoilt,
}

impl Delivery {
    /// Joins store and directory; `outward` may be absent: then mail for elsewhere waits in the queue, honestly deferred.
    pub fn new(
        store: Store,
        directory: Directory,
        settings: Settings,
        outward: Option<Outward>,
    ) -> Self {
        let limits = outward.as_ref().map(|o| (o.jobs_max, o.jobs_per_hop));
        let (jobs_max, jobs_per_hop) = limits.unwrap_or_default();
        let inner = Inner {
            store,
            directory,
            settings,
            outward,
            wake: RwLock::new(None),
            piles: Piles::default(),
            turns: Turns::default(),
            schedule: Mutex::new(Schedule::new(jobs_max, jobs_per_hop)),
            unwritten: Mutex::default(),
            spoilt: Spoilt::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Would this recipient be taken from this sender and origin? (RCPT). Also whether the mailbox is full, unless
    /// the message is the server's own.
    pub fn recipient(
        &self,
        address: &Address,
        from: &ReversePath,
        origin: &Origin,
    ) -> Result<(), Refused> {
        self.recipient_of(address, from, origin, 0)
    }

    /// The same of a message of so many octets, as its sender declares it (RFC 1870 §6.4): who has no room for it is
    /// told before it is sent, and those beside him still get theirs.
    pub fn recipient_of(
        &self,
        address: &Address,
        from: &ReversePath,
        origin: &Origin,
        octets: u64,
    ) -> Result<(), Refused> {
        self.resolve_one(address, from, origin, octets)
    }

    /// Would this reverse-path be taken? (MAIL).
    pub fn sender(&self, from: &ReversePath, origin: &Origin) -> Result<(), Refused> {
        if !self.inner.store.writable() {
            return Err(Refused::Temporary("the store takes no writes now".into()));
        }
        match origin {
            Origin::Remote { .. } | Origin::Generated => Ok(()),
            Origin::Submitted { access, .. } => {
                submit::check_sender(access, from)?;
                self.check_pace(access, 0, 0).map(drop)
            }
        }
    }

    /// Takes a message: CRLF line ends, without trace header; Received and Return-Path are prepended here (I-12).
    /// Submission adds Date and Message-ID when missing and removes Bcc. Blocks until durable: call on a blocking thread.
    pub fn accept(
        &self,
        envelope: Envelope,
        content: &[u8],
        origin: &Origin,
    ) -> Result<Receipt, Refused> {
        self.accept_seen(envelope, content, origin, None)
    }

    /// As many recipients and octets as the config allows.
    fn check_limits(&self, envelope: &Envelope, content: &[u8]) -> Result<(), Refused> {
        let settings = &self.inner.settings;
        if envelope.recipients.is_empty() {
            return Err(Refused::Permanent(Refusal::NoRecipients));
        }
        if envelope.recipients.len() > settings.recipients_max {
            let max = settings.recipients_max;
            return Err(Refused::Permanent(Refusal::TooManyRecipients { max }));
        }
        if content.len() as u64 > settings.size_max {
            return Err(Refused::Permanent(Refusal::TooLarge {
                max: settings.size_max,
            }));
        }
        Ok(())
    }

    /// As `accept`, with what the pipeline itself says of it.
    pub(crate) fn take(
        &self,
        envelope: Envelope,
        content: &[u8],
        origin: &Origin,
        passed: Passed,
    ) -> Result<Receipt, Refused> {
        let settings = &self.inner.settings;
        self.check_limits(&envelope, content)?;
        self.sender(&envelope.from, origin)?;
        // RFC 8601 §5: only this host speaks in its name.
        let content = &*verify::without_forged(content, &settings.host);
        let header = Header::read(content);
        if header.received > RECEIVED_MAX {
            return Err(Refused::Permanent(Refusal::Loop));
        }
        let count = envelope.recipients.len() as u64;
        let (sender, underway) = match origin {
            Origin::Submitted { access, .. } => {
                let underway = self.check_pace(access, count, content.len() as u64)?;
                (
                    submit::check_header(access, &header)?,
                    Some((access, underway)),
                )
            }
            Origin::Remote { .. } | Origin::Generated => (None, None),
        };
        let (results, checks) = seen(passed.seen, &settings.host)?;
        let targets = self.resolve(&envelope, origin, &header)?;
        let (now, trace) = self.named(passed.trace)?;
        let stamp = stamp::Stamp {
            host: &settings.host,
            trace: &trace,
            now,
            sender: sender.as_ref(),
            results: &results,
        };
        let stored = stamp.apply(&envelope, origin, &header, content);
        let stored = list::letter(targets.only_list(), &stored);
        let mut envelope = envelope;
        // RFC 8689 §4.1: the parameter counts before the field.
        if header.tls_waived && envelope.tls == TlsWish::None {
            envelope.tls = TlsWish::Waived;
        }
        // RFC 4865: what waits for its time is not sent on yet, so that nothing is told of that.
        let held = envelope.release_at.filter(|at| *at > now);
        let expanded = match held {
            None => targets.sent_on(&mut envelope),
            Some(_) => Vec::new(),
        };
        let priority = priority(&envelope, origin, &header, &targets);
        let arrival = Arrival {
            checks,
            expanded,
            held,
            message_id: header.message_id.or_else(|| stamp.own_message_id(origin)),
            submitter: origin.submitter(),
            priority,
            generated: matches!(origin, Origin::Generated),
            lists: targets.lists.clone(),
            each: passed.each,
            whence: origin.whence(passed.about),
            trace,
            now,
            delivery: passed.delivery,
            envelope,
        };
        let beginning = beginning(&arrival, &targets, stored.len(), passed.rows);
        let beginning = beginning.map_err(|e| temporary("cannot trace", &e))?;
        let taken = self.carry_out(arrival, &targets, &stored, Arc::new(beginning))?;
        if let Some((access, _)) = &underway {
            access.sent(count);
        }
        Ok(taken)
    }

    /// Lays the content down. What only one agency gets is sealed under its key, in an encrypted store.
    fn stage(&self, local: &[(AccountId, u32)], stored: &[u8]) -> Result<BlobId, Refused> {
        let store = &self.inner.store;
        let domain = |account| store.domain_of(account);
        let blob = match local.split_first() {
            Some(((first, _), rest))
                if rest.iter().all(|(to, _)| domain(*to) == domain(*first)) =>
            {
                store.account(*first).put_blob(stored)
            }
            _ => store.put_blob(stored),
        };
        blob.map_err(|e| temporary("cannot stage", &e))
    }

    /// Places it, or spools it; then tells the sender of those who were left out.
    fn carry_out(
        &self,
        arrival: Arrival,
        targets: &Targets,
        stored: &[u8],
        beginning: Arc<Beginning>,
    ) -> Result<Receipt, Refused> {
        let mut news = targets.failures(&arrival.envelope, arrival.each);
        let told = targets.refused.iter().filter(|_| arrival.each);
        let mut refused: Vec<(u32, Refusal)> = told.cloned().collect();
        news.extend(arrival.expanded.iter().cloned());
        let few = targets.remote.is_empty() && targets.local.len() <= PLACED_AT_ONCE_MAX;
        let (placed, queued) = if few && arrival.held.is_none() {
            let mut left_out = (&mut news, &mut refused);
            self.place_now(&arrival, targets, stored, beginning, &mut left_out)?
        } else {
            let store = &self.inner.store;
            let blob = store.put_blob(stored);
            let blob = blob.map_err(|e| temporary("cannot stage", &e))?;
            let rows = targets.rows();
            let queued = self.spool(&arrival, rows, blob, stored.len(), &beginning)?;
            (0, Some(queued))
        };
        self.tell_all(&arrival, None, stored, &news);
        for (list, news) in targets.gone(&arrival.envelope) {
            let face = arrival.lists.of(list).map(|face| &**face);
            self.tell_all(&arrival, face, stored, &news);
        }
        Ok(Receipt {
            trace: arrival.trace,
            queued,
            placed,
            refused,
        })
    }

    /// Tells whoever is to be told of those who came through a list, or through none. Others have it already:
    /// refusing it now would bring it to them twice.
    fn tell_all(&self, arrival: &Arrival, face: Option<&ListFace>, stored: &[u8], news: &[News]) {
        if news.is_empty() {
            return;
        }
        let envelope = list::envelope(face, &arrival.envelope);
        let told = self.bounce(&arrival.about(&envelope), stored, news);
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

    /// Few recipients, all here: one commit each, waiting for the disk together.
    fn place_now(
        &self,
        arrival: &Arrival,
        targets: &Targets,
        stored: &[u8],
        beginning: Arc<Beginning>,
        (news, refused): &mut (&mut Vec<News>, &mut Vec<(u32, Refusal)>),
    ) -> Result<(usize, Option<QueueId>), Refused> {
        let all = targets.local.iter().map(|to| (to.1, *to));
        let (mut placed, mut later, mut told) = (0, Vec::new(), Vec::new());
        for (face, local) in arrival.lists.parted(all) {
            let content = list::letter(face.as_deref(), stored);
            let letter = Letter {
                blob: self.stage(&local, &content)?,
                summary: Arc::new(formats::message::summarize(&content)),
                now: arrival.now,
                delivery: arrival.delivery,
                beginning: Some(Arc::clone(&beginning)),
                junk: verify::quarantined(&content, &self.inner.settings.host),
            };
            let accounts: Vec<AccountId> = local.iter().map(|(account, _)| *account).collect();
            let results = self.place(&accounts, &letter);
            placed += results.iter().filter(|result| result.is_ok()).count();
            let mut of = Vec::new();
            for ((account, n), result) in local.iter().zip(results) {
                let recipient = arrival.lists.recipient(&arrival.envelope, *n);
                match result {
                    Ok(_) => of.extend(arrival.good(&recipient)),
                    Err(storage::Error::OverQuota(_)) if arrival.each && face.is_none() => {
                        refused.push((*n, Refusal::OverQuota));
                    }
                    Err(storage::Error::OverQuota(_)) => {
                        let why = "5.2.2 the mailbox is full";
                        let owned = face.as_ref().is_some_and(|face| face.owner.is_some());
                        let member = self.inner.directory.account(*account).ok();
                        // Who answers for a list knows its members by name.
                        let member = member.filter(|_| owned).map(|member| member.address);
                        let address = member.as_ref().unwrap_or(&recipient.address);
                        of.push(News::failed(&recipient, address, why));
                    }
                    Err(error) => later.push((Row::local(*n, *account), error)),
                }
            }
            told.push((face, of));
        }
        if placed == 0 && news.iter().all(|n| n.action.succeeds()) {
            // Nothing was done yet, so the peer may still be told.
            match later.first() {
                Some((_, error)) => return Err(temporary("cannot place", error)),
                None => return Err(Refused::Permanent(Refusal::OverQuota)),
            }
        }
        let queued = match later.is_empty() {
            true => None,
            false => {
                let rows = later.into_iter().map(|(row, _)| row).collect();
                let blob = self.stage(&targets.local, stored)?;
                Some(self.spool(arrival, rows, blob, stored.len(), &beginning)?)
            }
        };
        for (face, of) in told {
            match face {
                None => news.extend(of),
                Some(face) => self.tell_all(arrival, Some(&face), stored, &of),
            }
        }
        Ok((placed, queued))
    }

    /// Puts it into the queue, durably, and wakes who dispatches.
    fn spool(
        &self,
        arrival: &Arrival,
        rows: Vec<Row>,
        blob: BlobId,
        size: usize,
        beginning: &Beginning,
    ) -> Result<QueueId, Refused> {
        let queue = self.inner.store.queue();
        // What the server itself says must not wait for a queue that it would help to empty.
        if !arrival.generated && queue.count() >= self.inner.settings.queue_max {
            return Err(Refused::Temporary("the queue is full".into()));
        }
        let accounts: Vec<AccountId> = rows.iter().filter_map(Row::account).collect();
        let begun = beginning.queued(&accounts);
        let begun = begun.map_err(|e| temporary("cannot trace", &e))?;
        // What waits for its time is of that time: its tries, warnings and end are counted from then.
        let begins = arrival.held.unwrap_or(arrival.now);
        let mut rows = rows;
        if arrival.held.is_some() {
            rows.iter_mut().for_each(|row| row.next = begins);
        }
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
        };
        let payload = record.encode().map_err(|e| temporary("cannot spool", &e))?;
        let id = queue
            .put_with(begins, blob, payload, begun)
            .map_err(|e| temporary("cannot spool", &e))?;
        self.wake();
        Ok(id)
    }

    pub(crate) fn wake(&self) {
        let wake = self
            .inner
            .wake
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(wake) = wake {
            wake();
        }
    }

    /// JMAP EmailSubmission: sends a message that lies in one's own account, or in another in whose name one may send;
    /// which of its mailboxes may be read there is for the caller to ask. Errors as `accept`; envelope `None`: from the
    /// header.
    pub fn submit(
        &self,
        access: &Access,
        account: AccountId,
        email: storage::EmailId,
        envelope: Option<Envelope>,
        ip: Option<std::net::IpAddr>,
    ) -> Result<(Envelope, Receipt), Refused> {
        self.submit_stored(access, account, email, envelope, ip)
    }

    /// Calls `wake` when new work is queued.
    pub fn on_queued(&self, wake: Arc<dyn Fn() + Send + Sync>) {
        *self
            .inner
            .wake
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(wake);
    }
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Delivery({})", self.inner.settings.host)
    }
}

/// What the pipeline says of a message of its own.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    /// I-09: with it the message is placed once however often it is taken.
    pub(crate) delivery: Option<u64>,
    /// The name of its acceptance.
    pub(crate) trace: Option<String>,
    /// The message that it reports on.
    pub(crate) about: Option<String>,
    /// Rows that are committed with it.
    pub(crate) rows: Vec<RowChange>,
    /// Who brings it hears of each recipient, and tells the sender.
    pub(crate) each: bool,
    /// What was found out of who sent it, and the rule by which that counts.
    pub(crate) seen: Option<(Evidence, Enforcement)>,
}

/// How the timeline of a message begins.
fn beginning(
    arrival: &Arrival,
    targets: &Targets,
    size: usize,
    rows: Vec<RowChange>,
) -> Result<Beginning, storage::Error> {
    let envelope = &arrival.envelope;
    let to = || envelope.recipients.iter().map(|to| &to.address);
    let head = Head {
        whence: arrival.whence.clone(),
        from: envelope.from.to_string(),
        recipients: Beginning::named(to()),
        recipient_count: envelope.recipients.len() as u32,
        accounts: targets.local.clone(),
        size: size as u64,
        message_id: arrival.message_id.as_deref().map(trace::bounded),
        priority: arrival.priority,
        checks: arrival.checks.clone(),
    };
    let from = envelope.from.address();
    Beginning::new((&arrival.trace, arrival.now), &head, from, to(), rows)
}

/// What goes before what: as the sender asks, or as the letter says.
fn priority(envelope: &Envelope, origin: &Origin, header: &Header, targets: &Targets) -> i8 {
    if envelope.priority != 0 {
        return envelope.priority.clamp(-spool::HIGHEST, spool::HIGHEST);
    }
    // RFC 6710 §4.1: it is for who signed in.
    let own = !matches!(origin, Origin::Remote { .. });
    let urgency = if own { header.urgency } else { 0 };
    spool::priority(targets.local.len() + targets.remote.len(), urgency)
}

/// A message that passed the checks.
struct Arrival {
    whence: Whence,
    envelope: Envelope,
    trace: String,
    now: i64,
    delivery: Option<u64>,
    message_id: Option<String>,
    submitter: Option<AccountId>,
    priority: i8,
    generated: bool,
    /// What was found out of who sent it.
    checks: Vec<String>,
    /// RFC 4865: it does not go before this time.
    held: Option<i64>,
    /// Recipients of whom it is told that they lead to several.
    expanded: Vec<News>,
    /// Those among them that change what comes through them.
    lists: Lists,
    /// Who brings it hears of each recipient.
    each: bool,
}

impl Arrival {
    /// It lies in the mailbox of this recipient, if anybody wants to know.
    fn good(&self, recipient: &Recipient) -> Option<News> {
        let why = "2.1.5 placed in the mailbox";
        News::good(recipient, &recipient.address, Action::Delivered, why)
    }

    fn about<'a>(&'a self, envelope: &'a Envelope) -> bounce::About<'a> {
        bounce::About {
            envelope,
            trace: &self.trace,
            accepted_at: self.now,
            delivery: None,
        }
    }
}

/// A failure of storage while taking a message: the peer tries again, the log knows why.
pub(crate) fn temporary(what: &str, error: &storage::Error) -> Refused {
    tracing::warn!(%error, "{what}");
    let why = format!("{what}: {error}");
    match error {
        storage::Error::Unavailable(_) | storage::Error::OverQuota(_) => Refused::Temporary(why),
        _ => Refused::Failed(why),
    }
}
