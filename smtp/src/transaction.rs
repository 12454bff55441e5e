//! RFC 5321 §3.3 mail transactions: MAIL, RCPT, DATA, and BDAT (RFC 3030).

use crate::ask::Ask;
use crate::command::{BodyKind, Fault, Forward, Mail, Rcpt};
use crate::data::{Body, Spoiled};
use crate::receiver::{PACE_MS, Pace, Phase, REFUSED_RECIPIENTS_MAX, Receiver, Service, Tls};
use crate::reply::{self, Reply};
use delivery::{Envelope, Hold, Recipient, Refused, TlsWish};
use formats::address::{Address, LocalPart};

/// Octets of message memory asked for at first; then it doubles.
pub(crate) const ROOM_FIRST: u64 = 64 * 1024;
/// Octets of a refused message that are read and thrown away, so that the peer hears why, before
/// the connection is closed instead.
pub(crate) const DRAIN_MAX: u64 = 64 * 1024 * 1024;

/// One mail transaction, from MAIL on.
pub(crate) struct Transaction {
    pub(crate) envelope: Envelope,
    /// When the message began to come, and when so much of it as is asked for had come last.
    began: u64,
    kept_pace: u64,
    /// Octets that came since then.
    since: u64,
    /// Octets that MAIL declared (RFC 1870 §3); 0: none.
    declared: u64,
    /// The recipient asked about.
    asked: Option<Recipient>,
    /// RFC 3030 §3: BODY=BINARYMIME.
    binary: bool,
    /// There once DATA or BDAT began.
    body: Option<Body>,
    /// BDAT chunks after a failed one are refused until RSET (RFC 3030 §2).
    failed: Option<Reply>,
    /// Whether MAIL was answered yes.
    open: bool,
}

impl Transaction {
    /// Octets of message held.
    pub(crate) fn memory(&self) -> usize {
        self.body.as_ref().map_or(0, Body::len)
    }

    /// Its octets are to come from now on.
    fn begin(&mut self, body: Body, now: u64) {
        self.body = Some(body);
        (self.began, self.kept_pace, self.since) = (now, now, 0);
    }
}

impl Receiver {
    /// From now on whoever signed in may send messages of so many octets; `None`: of as many as any.
    pub fn limit(&mut self, octets_max: Option<u64>) {
        self.octets_max = octets_max;
    }

    /// Octets of one message that are told (RFC 1870 §4).
    pub(crate) fn size_max(&self) -> u64 {
        let own = self.octets_max.unwrap_or(u64::MAX);
        self.config.size_max.min(own)
    }

    /// Octets that the sender says of the message of the transaction; 0: nothing is said.
    pub fn declared(&self) -> u64 {
        self.transaction.as_ref().map_or(0, |t| t.declared)
    }

    pub(crate) fn mail(&mut self, mail: Mail) {
        let size_max = self.config.size_max;
        let no = match () {
            () if self.hello.is_none() => Some(reply::HELLO_FIRST),
            () if self.service == Service::Submission && self.tls != Tls::On => {
                Some(reply::TLS_FIRST)
            }
            // RFC 6409 §4.3.
            () if self.service == Service::Submission && !self.signed_in => Some(reply::AUTH_FIRST),
            () if self.transaction.is_some() => Some(reply::NESTED_MAIL),
            // RFC 1870 §6.1.
            () if mail.size.is_some_and(|size| size > size_max) => Some(reply::DECLARED_TOO_LARGE),
            () => None,
        };
        if let Some(no) = no {
            return self.error(no);
        }
        if let Some(parameter) = self.not_here(&mail) {
            return self.error(reply::fault(Fault::ParameterNotHere(parameter)));
        }
        let release_at = match (mail.hold, self.wall()) {
            (None, _) | (_, None) => None,
            (Some(hold), Some(now)) => match hold.at(now) {
                Some(at) => Some(at).filter(|at| *at > now),
                None => return self.error(reply::HELD_TOO_LONG),
            },
        };
        self.question = Some(Ask::Sender(mail.from.clone()));
        self.transaction = Some(Transaction {
            envelope: Envelope {
                from: mail.from,
                recipients: Vec::new(),
                envid: mail.envid,
                ret: mail.ret,
                smtputf8: mail.smtputf8,
                eight_bit: mail.body != BodyKind::Seven,
                priority: mail.priority.unwrap_or(0),
                tls: match mail.require_tls {
                    true => TlsWish::Required,
                    false => TlsWish::None,
                },
                release_at,
            },
            began: self.now,
            kept_pace: self.now,
            since: 0,
            declared: mail.size.unwrap_or(0),
            asked: None,
            binary: mail.body == BodyKind::Binary,
            body: None,
            failed: None,
            open: false,
        });
    }

    /// A parameter of MAIL that is not offered here.
    fn not_here(&self, mail: &Mail) -> Option<&'static str> {
        // RFC 6710 §4.1, RFC 4865 §3: of who signed in, and where it is offered.
        let signed_in = self.service == Service::Submission;
        match mail.hold {
            Some(Hold::For(_)) if !signed_in || self.wall().is_none() => return Some("HOLDFOR"),
            Some(Hold::Until(_)) if !signed_in || self.wall().is_none() => {
                return Some("HOLDUNTIL");
            }
            _ => {}
        }
        if mail.priority.is_some_and(|p| p != 0) && !signed_in {
            return Some("MT-PRIORITY");
        }
        // RFC 8689 §2: where it is offered, which is under TLS.
        (mail.require_tls && self.tls != Tls::On).then_some("REQUIRETLS")
    }

    pub(crate) fn sender_answered(&mut self, result: Result<(), Refused>) {
        match (result, self.transaction.as_mut()) {
            (Ok(()), Some(transaction)) => {
                transaction.open = true;
                self.say(reply::SENDER_OK);
            }
            (Err(refused), _) => {
                self.forget();
                self.error(reply::refused(&refused));
            }
            (Ok(()), None) => self.say(reply::NOT_NOW),
        }
    }

    pub(crate) fn rcpt(&mut self, rcpt: Rcpt) {
        let recipients_max = self.config.recipients_max;
        let Some(transaction) = self.transaction.as_mut().filter(|t| t.open) else {
            return self.error(reply::MAIL_FIRST);
        };
        if transaction.body.is_some() || transaction.failed.is_some() {
            return self.error(reply::NOT_NOW);
        }
        if rcpt.international && !transaction.envelope.smtputf8 {
            return self.error(reply::INTERNATIONAL);
        }
        if transaction.envelope.recipients.len() >= recipients_max {
            return self.say(reply::TOO_MANY_RECIPIENTS);
        }
        let address = match rcpt.to {
            Forward::Address(address) => address,
            Forward::Postmaster => {
                let domain = self.config.postmaster_domain.clone();
                let local = LocalPart::parse("postmaster").ok();
                match local.zip(domain) {
                    Some((local, domain)) => Address { local, domain },
                    None => {
                        let unknown = delivery::Refusal::UnknownRecipient;
                        return self.error(reply::refused(&Refused::Permanent(unknown)));
                    }
                }
            }
        };
        transaction.asked = Some(Recipient {
            address: address.clone(),
            notify: rcpt.notify,
            orcpt: rcpt.orcpt,
        });
        self.question = Some(Ask::Recipient(address, transaction.declared));
    }

    pub(crate) fn recipient_answered(&mut self, result: Result<(), Refused>) {
        let asked = self.transaction.as_mut().and_then(|t| t.asked.take());
        match (result, self.transaction.as_mut(), asked) {
            (Ok(()), Some(transaction), Some(recipient)) => {
                transaction.envelope.recipients.push(recipient);
                self.say(reply::RECIPIENT_OK);
            }
            (Err(refused), ..) => {
                self.say(reply::refused(&refused));
                self.refused_recipients += 1;
                if self.refused_recipients >= REFUSED_RECIPIENTS_MAX {
                    self.close(reply::TOO_MANY_ERRORS);
                }
            }
            _ => self.say(reply::NOT_NOW),
        }
    }

    pub(crate) fn begin_data(&mut self) {
        let size_max = self.config.size_max;
        let Some(transaction) = self.transaction.as_mut().filter(|t| t.open) else {
            return self.error(reply::MAIL_FIRST);
        };
        if transaction.binary {
            // RFC 3030 §3: only RSET puts it right.
            transaction.failed = Some(reply::BDAT_FAILED);
            return self.error(reply::BINARY_BY_BDAT);
        }
        if transaction.body.is_some() {
            return self.error(reply::BDAT_MIXED);
        }
        if transaction.envelope.recipients.is_empty() {
            let no = self.no_recipients();
            return self.error(no);
        }
        transaction.begin(Body::new(size_max), self.now);
        self.phase = Phase::Data;
        self.message_deadline();
        self.say(reply::GO_AHEAD);
    }

    /// Octets came, of the message if one is coming in.
    pub(crate) fn came(&mut self, octets: u64) {
        let asked = self.config.pace.rate_min.saturating_mul(PACE_MS / 1_000);
        if let Some(transaction) = self.transaction.as_mut().filter(|t| t.body.is_some()) {
            transaction.since += octets;
            if transaction.since >= asked {
                (transaction.kept_pace, transaction.since) = (self.now, 0);
            }
        }
    }

    /// When the message that is coming in, in pieces too (RFC 3030), is given up, however it goes on; never: there is none.
    pub(crate) fn message_end(&self) -> u64 {
        let coming = self.transaction.as_ref().filter(|t| t.body.is_some());
        coming.map_or(u64::MAX, |transaction| {
            let Pace { rate_min, whole_ms } = self.config.pace;
            let whole = transaction.began.saturating_add(whole_ms);
            match rate_min {
                0 => whole,
                _ => whole.min(transaction.kept_pace + PACE_MS),
            }
        })
    }

    /// Reads what there is of the message's octets.
    pub(crate) fn data(&mut self) -> bool {
        if self.used == self.input.len() || self.needs_room() {
            return self.question.is_some();
        }
        let Some(body) = self.transaction.as_mut().and_then(|t| t.body.as_mut()) else {
            self.phase = Phase::Command;
            return true;
        };
        let (read, ended) = body.dotted(&self.input[self.used..]);
        self.used += read;
        if ended {
            self.phase = Phase::Command;
            self.finish();
        } else {
            self.drained_enough();
        }
        true
    }

    /// RFC 3030 §2. The chunk's octets follow whatever is said, so they are read in any case.
    pub(crate) fn begin_chunk(&mut self, size: u64, last: bool) {
        let (now, size_max, no_recipients) = (self.now, self.config.size_max, self.no_recipients());
        let refused = match self.transaction.as_mut().filter(|t| t.open) {
            None => Some(reply::MAIL_FIRST),
            Some(transaction) if transaction.envelope.recipients.is_empty() => Some(no_recipients),
            Some(transaction) => {
                if transaction.body.is_none() && transaction.failed.is_none() {
                    let body = match transaction.binary {
                        true => Body::binary(size_max),
                        false => Body::new(size_max),
                    };
                    transaction.begin(body, now);
                }
                transaction.failed
            }
        };
        // What can be neither kept nor thrown away in reasonable time is not begun.
        if size > size_max.saturating_add(DRAIN_MAX) {
            return self.close(reply::DECLARED_TOO_LARGE);
        }
        self.phase = Phase::Chunk {
            left: size,
            last,
            refused,
        };
        self.message_deadline();
    }

    /// Reads what there is of a chunk's octets.
    pub(crate) fn chunk(&mut self) -> bool {
        let Phase::Chunk {
            left,
            last,
            refused,
        } = self.phase
        else {
            return false;
        };
        let there = (self.input.len() - self.used) as u64;
        if left > 0 {
            if there == 0 || (refused.is_none() && self.needs_room()) {
                return self.question.is_some();
            }
            let take = left.min(there) as usize;
            let body = self.transaction.as_mut().and_then(|t| t.body.as_mut());
            if let (None, Some(body)) = (refused, body) {
                body.chunk(&self.input[self.used..self.used + take]);
            }
            self.used += take;
            self.phase = Phase::Chunk {
                left: left - take as u64,
                last,
                refused,
            };
            self.drained_enough();
            return true;
        }
        self.phase = Phase::Command;
        self.command_deadline();
        self.end_chunk(last, refused);
        true
    }

    fn end_chunk(&mut self, last: bool, refused: Option<Reply>) {
        match refused {
            // RFC 2033 §4.3: to nobody there is nothing to say.
            Some(reply::LMTP_NO_RECIPIENTS) if last => return,
            // A peer that pipelines its chunks cannot know yet.
            Some(reply::BDAT_FAILED) => return self.say(reply::BDAT_FAILED),
            Some(line) => return self.error(line),
            None => {}
        }
        if last {
            return self.finish();
        }
        let Some(transaction) = self.transaction.as_mut() else {
            return self.say(reply::NOT_NOW);
        };
        match transaction.body.as_ref().and_then(Body::spoiled) {
            Some(why) => {
                transaction.failed = Some(reply::BDAT_FAILED);
                self.granted = 0;
                self.say(reply::spoiled(why));
            }
            None => self.say(reply::CHUNK_OK),
        }
    }

    /// The message is whole.
    fn finish(&mut self) {
        self.command_deadline();
        let Some(transaction) = self.transaction.as_mut() else {
            return self.say(reply::NOT_NOW);
        };
        let count = transaction.envelope.recipients.len();
        match transaction.body.take().map(Body::finish) {
            Some(Ok(content)) => {
                // `with` looks at the transaction, so it stays until the answer.
                let recipients = std::mem::take(&mut transaction.envelope.recipients);
                let envelope = Envelope {
                    recipients,
                    ..transaction.envelope.clone()
                };
                self.question = Some(Ask::Take { envelope, content });
            }
            Some(Err(why)) => {
                self.forget();
                self.say_to_each(count, reply::spoiled(why));
            }
            None => {
                self.forget();
                self.say(reply::NOT_NOW);
            }
        }
    }

    pub(crate) fn take_answered(&mut self, result: Result<String, Refused>) {
        self.forget();
        match result {
            Ok(trace) => {
                self.idle_commands = 0;
                let line = format!("250 2.0.0 Ok: queued as {trace}");
                self.say(&line);
            }
            Err(refused) => self.say(reply::refused(&refused)),
        }
    }

    /// Asks for memory before it is needed; true when it asked.
    fn needs_room(&mut self) -> bool {
        let there = (self.input.len() - self.used) as u64;
        let Some(body) = self.transaction.as_ref().and_then(|t| t.body.as_ref()) else {
            return false;
        };
        let wanted = body.len() as u64 + there;
        if body.spoiled().is_some() || wanted <= self.granted {
            return false;
        }
        let octets = wanted.max(self.granted.saturating_mul(2)).max(ROOM_FIRST);
        self.question = Some(Ask::Room(octets));
        true
    }

    pub(crate) fn room_answered(&mut self, granted: bool) {
        self.message_deadline();
        let body = self.transaction.as_mut().and_then(|t| t.body.as_mut());
        match body {
            Some(body) if granted => {
                let wanted = body.len() as u64 + (self.input.len() - self.used) as u64;
                self.granted = wanted.max(self.granted.saturating_mul(2)).max(ROOM_FIRST);
            }
            Some(body) => {
                body.spoil(Spoiled::NoRoom);
                self.granted = 0;
            }
            None => self.granted = 0,
        }
    }

    /// Lets go of the memory of a spoiled message, and of the peer that goes on for too long.
    fn drained_enough(&mut self) {
        let body = self.transaction.as_ref().and_then(|t| t.body.as_ref());
        let Some(why) = body.and_then(Body::spoiled) else {
            return;
        };
        self.granted = 0;
        if body.is_some_and(|body| body.drained() > DRAIN_MAX) {
            self.close(reply::spoiled(why));
        }
    }
}
