//! The one door for mail (idea 3): `250` means on disk (I-01).

use crate::answer::Owing;
use crate::header::Header;
use crate::job::Ended;
use crate::list::{self, Lists};
use crate::news::{Action, News, PLACED};
use crate::place::Piles;
use crate::resolve::Targets;
use crate::schedule::Schedule;
use crate::seen::{self, seen};
use crate::spoilt::Spoilt;
use crate::spool;
use crate::trace::{self, Beginning, Head, Whence};
use crate::turn::Turns;
use crate::*;
use directory::{Access, Directory, ListFace};
use formats::address::Address;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use storage::{AccountId, QueueId, RowChange, Store};

/// RFC 5321 §6.3: Received fields of a message that is not yet thought to go round in circles.
pub const RECEIVED_MAX: usize = 100;

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
    /// Seconds for which it is tried to place mail in a full mailbox before it comes back; 0: it comes back at once.
    pub full_wait_s: i64,
}

/// What the door answers when it took the message.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Receipt {
    /// Shown in the reply and in the log: `250 2.0.0 Ok: queued as …`.
    pub trace: String,
    pub queued: Option<QueueId>,
    /// Accounts in which it was placed before the answer.
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
    /// When this process began, Unix seconds: while no server ran nothing was tried.
    pub(crate) began: i64,
    pub(crate) wake: RwLock<Option<Arc<dyn Fn() + Send + Sync>>>,
    /// Who hears of messages that were judged by DMARC.
    pub(crate) hears: RwLock<Option<seen::Hears>>,
    pub(crate) piles: Piles,
    /// Who is away owes answers.
    pub(crate) owing: Owing,
    /// One at a time changes an item of the queue: dispatch, a try that ended or an administrator.
    pub(crate) turns: Turns,
    pub(crate) schedule: Mutex<Schedule>,
    /// How tries ended that could not be written down yet.
    pub(crate) unwritten: Mutex<BTreeMap<QueueId, Vec<Ended>>>,
    pub(crate) spoilt: Spoilt,
    pub(crate) silence: Arc<Silence>,
    /// One at a time changes what is known of a day's reports.
    pub(crate) reports: Mutex<()>,
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
            began: directory.clock().now_s(),
            store,
            directory,
            settings,
            outward,
            wake: RwLock::new(None),
            hears: RwLock::new(None),
            piles: Piles::default(),
            owing: Owing::default(),
            turns: Turns::default(),
            schedule: Mutex::new(Schedule::new(jobs_max, jobs_per_hop)),
            unwritten: Mutex::default(),
            spoilt: Spoilt::default(),
            silence: Arc::default(),
            reports: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Whether DNS answers those who look at mail from outside.
    pub fn dns(&self) -> &Arc<Silence> {
        &self.inner.silence
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
        self.sender_of(from, origin, 0)
    }

    /// The same of a message of so many octets, as its sender declares it (RFC 1870 §6.1): who may not send as many is
    /// told before they come.
    pub fn sender_of(
        &self,
        from: &ReversePath,
        origin: &Origin,
        octets: u64,
    ) -> Result<(), Refused> {
        if !self.inner.store.writable() {
            return Err(Refused::Temporary("the store takes no writes now".into()));
        }
        match origin {
            Origin::Remote { .. } | Origin::Generated => Ok(()),
            Origin::Submitted { access, .. } => {
                submit::check_sender(access, from)?;
                self.check_pace(access, 0, octets).map(drop)
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
        let fresh = matches!(origin, Origin::Submitted { .. });
        let header = Header::arriving(content, &settings.host, fresh);
        if header.received > RECEIVED_MAX {
            return Err(Refused::Permanent(Refusal::Loop));
        }
        let count = envelope.recipients.len() as u64;
        let (sender, underway) = match origin {
            Origin::Submitted { access, .. } => {
                let underway = self.check_pace(access, count, content.len() as u64)?;
                submit::check_lines(content)?;
                attached::check(access, content)?;
                (
                    submit::check_header(access, &header)?,
                    Some((access, underway)),
                )
            }
            Origin::Remote { .. } | Origin::Generated => (None, None),
        };
        let unheard = self.unheard(&envelope, origin, passed.seen.as_ref());
        let (results, mut checks) = seen(passed.seen, &settings.host)?;
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
        checks.extend(unheard.map(|why| unheard::silence(&mut envelope, why)));
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
            full: self.full(origin),
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
        let taken = self.carry_out(arrival, &targets, &stored, &Arc::new(beginning))?;
        if let Some((access, _)) = &underway {
            access.sent(count);
        }
        Ok(taken)
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
        beyond: trace::Beyond::of(targets),
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
pub(crate) struct Arrival {
    pub(crate) whence: Whence,
    pub(crate) envelope: Envelope,
    pub(crate) trace: String,
    pub(crate) now: i64,
    pub(crate) delivery: Option<u64>,
    pub(crate) message_id: Option<String>,
    pub(crate) submitter: Option<AccountId>,
    pub(crate) priority: i8,
    pub(crate) generated: bool,
    /// What was found out of who sent it.
    pub(crate) checks: Vec<String>,
    /// What who brings it hears where the mailbox is full; `None`: it waits here for room.
    pub(crate) full: Option<Refusal>,
    /// RFC 4865: it does not go before this time.
    pub(crate) held: Option<i64>,
    /// Recipients of whom it is told that they lead to several.
    pub(crate) expanded: Vec<News>,
    /// Those among them that change what comes through them.
    pub(crate) lists: Lists,
    /// Who brings it hears of each recipient.
    pub(crate) each: bool,
}

impl Arrival {
    /// It lies in the mailbox of this recipient, if anybody wants to know.
    pub(crate) fn good(&self, recipient: &Recipient) -> Option<News> {
        News::good(recipient, &recipient.address, Action::Delivered, PLACED)
    }

    /// `face`: the list that is told of.
    pub(crate) fn about<'a>(
        &'a self,
        envelope: &'a Envelope,
        face: Option<&ListFace>,
    ) -> bounce::About<'a> {
        bounce::About {
            envelope,
            trace: &self.trace,
            accepted_at: self.now,
            delivery: None,
            list: None,
            author: settle::author(self.submitter, &self.envelope, envelope),
            vouched: self.submitter.is_some() || list::speaks(face),
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
