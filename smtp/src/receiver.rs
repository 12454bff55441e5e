//! RFC 5321 §3: the receiving machine, as mail exchanger and as submission server (RFC 6409).
//!
//! `receive` and `answer` feed it, `next` tells what to do, `deadline` when to call `expire`.
//! It owns no socket and no clock: the same inputs give the same outputs (I-14), however the
//! octets are cut. Time is milliseconds from any fixed beginning, never going back.

use crate::ask::{Answer, Ask, Step};
use crate::auth::SigningIn;
use crate::command::{self, AUTH_LINE_MAX, COMMAND_LINE_MAX, Command};
use crate::extension;
use crate::reply::{self, Reply};
use crate::transaction::Transaction;
use delivery::ReversePath;
use directory::sasl::Channel;
use formats::address::DomainName;
use std::sync::Arc;

/// RFC 5321 §4.5.3.2.7: a whole command must come within this time.
pub const COMMAND_MS: u64 = 300_000;
/// RFC 5321 §4.5.3.2.5: the next octets of a message must come within this time.
pub const DATA_BLOCK_MS: u64 = 180_000;
/// So long what is asked of a message's speed may take to come ([`Pace::rate_min`]): lines of several kinds carry nothing
/// for a while, and then much.
pub const PACE_MS: u64 = 300_000;
/// Bad commands before the connection is closed.
pub const ERRORS_MAX: u32 = 20;
/// Refused recipients before the connection is closed: a list with dead members passes, a
/// harvest of names does not.
pub const REFUSED_RECIPIENTS_MAX: u32 = 100;
/// Failed sign-ins of one connection.
pub const SIGN_IN_FAILURES_MAX: u32 = 3;
/// Commands without a message taken: enough for a message to all the recipients there may be.
pub const IDLE_COMMANDS_MAX: u32 = 5_000;
/// Octets of an over-long line that are thrown away before the connection is closed.
pub const LINE_DRAIN_MAX: usize = 65_536;
/// Octets of replies gathered before they are written.
pub const REPLIES_MAX: usize = 16_384;

/// What the port is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Mail from other servers, for addresses here.
    Mx,
    /// Mail from people who sign in.
    Submission,
    /// Mail from hosts that keep the queue, for addresses here (RFC 2033).
    Lmtp,
}

/// How the connection stands with TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Not to be had.
    Absent,
    /// STARTTLS is offered.
    Offered,
    /// On.
    On,
}

/// How slowly a message may come: while it does, it takes memory from others (I-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Octets a second, on average of each [`PACE_MS`] at most; 0: nothing is asked.
    pub rate_min: u64,
    /// Milliseconds in which all of it must be there.
    pub whole_ms: u64,
}

impl Default for Pace {
    /// Sixteen messages at once may share a line of 64 kbit/s, and one of 36 MiB comes over it in 80 minutes.
    fn default() -> Self {
        Self {
            rate_min: 500,
            whole_ms: 2 * 3_600_000,
        }
    }
}

/// What the config gives the machine.
#[derive(Debug, Clone)]
pub struct Config {
    /// This host's name, in greeting and EHLO reply.
    pub host: String,
    /// Octets of one message.
    pub size_max: u64,
    /// Recipients of one message; at least 100 (RFC 5321 §4.5.3.1.8).
    pub recipients_max: usize,
    /// How slowly a message may come.
    pub pace: Pace,
    /// Where a bare `<postmaster>` is; absent: refused.
    pub postmaster_domain: Option<DomainName>,
}

pub(crate) struct Hello {
    pub(crate) name: String,
    pub(crate) extended: bool,
}

pub(crate) enum Phase {
    Greeting,
    /// Waits for a command line.
    Command,
    /// Waits for a line of an AUTH exchange.
    Auth(SigningIn),
    /// Reads octets up to CRLF.CRLF.
    Data,
    /// Reads so many more octets of a BDAT chunk.
    Chunk {
        left: u64,
        last: bool,
        /// Said when the chunk is read, if it is of no use.
        refused: Option<Reply>,
    },
    StartTls,
    Closing,
    Closed,
}

/// The receiving machine.
pub struct Receiver {
    pub(crate) config: Arc<Config>,
    pub(crate) service: Service,
    pub(crate) tls: Tls,
    pub(crate) phase: Phase,
    pub(crate) hello: Option<Hello>,
    pub(crate) signed_in: bool,
    /// Octets of one message that who signed in may send; `None`: as many as any.
    pub(crate) octets_max: Option<u64>,
    /// SCRAM is offered, over this channel.
    pub(crate) scram: Option<Channel>,
    /// Version and cipher of the connection's TLS.
    secured_by: Option<String>,
    /// Unix seconds when the machine's time was 0, where mail may be held.
    wall: Option<i64>,
    pub(crate) transaction: Option<Transaction>,
    pub(crate) question: Option<Ask>,
    pub(crate) asking: bool,
    pub(crate) input: Vec<u8>,
    /// How much of `input` is used up.
    pub(crate) used: usize,
    /// Octets of `input` after `used` known to hold no LF.
    scanned: usize,
    /// Inside a line that was refused already: its octets are dropped up to CRLF.
    skipping: Option<usize>,
    out: Vec<u8>,
    errors: u32,
    pub(crate) idle_commands: u32,
    pub(crate) refused_recipients: u32,
    pub(crate) sign_in_failures: u32,
    pub(crate) granted: u64,
    pub(crate) now: u64,
    deadline: u64,
}

impl Receiver {
    /// A machine for a connection just accepted (`tls` is `On` where TLS comes first).
    pub fn new(config: Arc<Config>, service: Service, tls: Tls, now: u64) -> Self {
        Self {
            config,
            service,
            tls,
            phase: Phase::Greeting,
            hello: None,
            signed_in: false,
            octets_max: None,
            scram: None,
            secured_by: None,
            wall: None,
            transaction: None,
            question: None,
            asking: false,
            input: Vec::new(),
            used: 0,
            scanned: 0,
            skipping: None,
            out: Vec::new(),
            errors: 0,
            idle_commands: 0,
            refused_recipients: 0,
            sign_in_failures: 0,
            granted: 0,
            now,
            deadline: now + COMMAND_MS,
        }
    }

    /// RFC 7677: SCRAM is offered from now on, over this TLS channel.
    pub fn offer_scram(&mut self, channel: Channel) {
        self.scram = Some(channel);
    }

    /// The connection has TLS of this version and cipher now, in words for the timeline.
    pub fn note_tls(&mut self, words: String) {
        self.secured_by = Some(words);
    }

    /// The same again.
    pub fn secured_by(&self) -> Option<&str> {
        self.secured_by.as_deref()
    }

    /// RFC 4865: mail may be held until a later time; `began`: Unix seconds when the machine's time was 0.
    pub fn offer_release(&mut self, began: i64) {
        self.wall = Some(began);
    }

    /// Unix seconds now, where mail may be held.
    pub(crate) fn wall(&self) -> Option<i64> {
        self.wall.map(|began| began + (self.now / 1_000) as i64)
    }

    /// The name the peer greeted with; empty before.
    pub fn helo(&self) -> &str {
        self.hello.as_ref().map_or("", |hello| hello.name.as_str())
    }

    /// RFC 3848, RFC 6531 §4.3: how the message comes, for Received.
    pub fn with(&self) -> &'static str {
        let extended = self.hello.as_ref().is_some_and(|hello| hello.extended);
        let utf8 = self
            .transaction
            .as_ref()
            .is_some_and(|t| t.envelope.smtputf8);
        match (extended, utf8, self.tls == Tls::On, self.signed_in) {
            (_, false, false, _) if self.is_lmtp() => "LMTP",
            (_, false, true, _) if self.is_lmtp() => "LMTPS",
            (_, true, false, _) if self.is_lmtp() => "UTF8LMTP",
            (_, true, true, _) if self.is_lmtp() => "UTF8LMTPS",
            (false, ..) => "SMTP",
            (true, false, false, false) => "ESMTP",
            (true, false, true, false) => "ESMTPS",
            (true, false, false, true) => "ESMTPA",
            (true, false, true, true) => "ESMTPSA",
            (true, true, false, false) => "UTF8SMTP",
            (true, true, true, false) => "UTF8SMTPS",
            (true, true, false, true) => "UTF8SMTPA",
            (true, true, true, true) => "UTF8SMTPSA",
        }
    }

    /// The reverse-path of the transaction, if there is one.
    pub fn reverse_path(&self) -> Option<&ReversePath> {
        self.transaction.as_ref().map(|t| &t.envelope.from)
    }

    /// The latest time it was told.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// What the port is for.
    pub fn service(&self) -> Service {
        self.service
    }

    /// Octets of message memory it still needs of what `Ask::Room` granted.
    pub fn held(&self) -> u64 {
        self.granted
    }

    /// Octets in its buffers now, the message included.
    pub fn memory(&self) -> usize {
        let body = self.transaction.as_ref().map_or(0, Transaction::memory);
        self.input.len() + self.out.len() + body
    }

    /// Whether a message is coming in: larger reads pay.
    pub fn reading_message(&self) -> bool {
        matches!(self.phase, Phase::Data | Phase::Chunk { .. })
    }

    /// Octets from the peer. Call it only after `next` said `None`, so that nothing piles up.
    pub fn receive(&mut self, bytes: &[u8], now: u64) {
        self.now = self.now.max(now);
        self.came(bytes.len() as u64);
        if self.reading_message() {
            self.message_deadline();
        }
        if self.used > 0 {
            self.input.drain(..self.used);
            self.used = 0;
        }
        self.input.extend_from_slice(bytes);
    }

    /// The answer to the question asked; another one than asked for is a fault of the caller and ignored.
    pub fn answer(&mut self, answer: Answer, now: u64) {
        self.now = self.now.max(now);
        if !std::mem::take(&mut self.asking) {
            return;
        }
        self.command_deadline();
        match answer {
            Answer::Sender(result) => self.sender_answered(result),
            Answer::Recipient(result) => self.recipient_answered(result),
            Answer::Room(granted) => self.room_answered(granted),
            Answer::Take(result) => self.take_answered(result),
            Answer::TakeEach(results) => self.each_answered(results),
            Answer::SignIn(how) => self.sign_in_answered(how),
            Answer::Sasl(answer) => self.sasl_answered(answer),
        }
    }

    /// When to call `expire`, unless something is received before; `None` while a question is open.
    pub fn deadline(&self) -> Option<u64> {
        (!self.asking).then_some(self.deadline)
    }

    /// Ends the session when the deadline is over (RFC 5321 §4.5.3.2).
    pub fn expire(&mut self, now: u64) {
        self.now = self.now.max(now);
        if self.asking || self.now < self.deadline {
            return;
        }
        let slow = self.now >= self.message_end();
        self.close(if slow {
            reply::TOO_SLOW
        } else {
            reply::TIMED_OUT
        });
    }

    /// Ends the session because the server stops, unless an answer is awaited or a message is coming in;
    /// then call it again when that is over.
    pub fn stop(&mut self) -> bool {
        if self.asking || self.reading_message() {
            return false;
        }
        self.close(reply::SHUTTING_DOWN);
        true
    }

    /// What to do next; `None`: it needs input.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Step> {
        while !self.asking
            && self.question.is_none()
            && self.out.len() < REPLIES_MAX
            && self.advance()
        {}
        if let Some(question) = self.question.take() {
            self.asking = true;
            return Some(Step::Ask(question));
        }
        if !self.out.is_empty() {
            return Some(Step::Send(std::mem::take(&mut self.out)));
        }
        match self.phase {
            Phase::StartTls => {
                self.secured();
                Some(Step::StartTls)
            }
            Phase::Closing => {
                self.phase = Phase::Closed;
                Some(Step::Close)
            }
            _ => {
                if self.input.len() == self.used && self.input.capacity() > COMMAND_LINE_MAX {
                    self.input = Vec::new();
                    self.used = 0;
                }
                None
            }
        }
    }

    /// RFC 3207 §4.2: all that was learnt before TLS is forgotten, and so is what was sent ahead of it.
    fn secured(&mut self) {
        self.tls = Tls::On;
        self.phase = Phase::Command;
        self.hello = None;
        self.transaction = None;
        self.input = Vec::new();
        (self.used, self.scanned, self.skipping) = (0, 0, None);
        self.command_deadline();
    }

    /// Does one thing with the input; false when there is nothing more to do with it.
    fn advance(&mut self) -> bool {
        match self.phase {
            Phase::Greeting => {
                self.phase = Phase::Command;
                let protocol = if self.is_lmtp() { "LMTP" } else { "ESMTP" };
                let line = format!("220 {} {protocol} Congvu", self.config.host);
                self.say(&line);
                true
            }
            Phase::Command | Phase::Auth(_) => self.line(),
            Phase::Data => self.data(),
            Phase::Chunk { .. } => self.chunk(),
            Phase::StartTls | Phase::Closing | Phase::Closed => false,
        }
    }

    /// Takes one line out of the input. Only CRLF ends a line; a CR or LF by itself spoils it.
    fn line(&mut self) -> bool {
        let rest = &self.input[self.used..];
        let Some(lf) = memchr::memchr(b'\n', &rest[self.scanned..]).map(|at| at + self.scanned)
        else {
            return self.unended_line();
        };
        let ended = lf > 0 && rest[lf - 1] == b'\r';
        let too_long = lf >= self.line_max();
        let skipped = self.skipping.take();
        let start = self.used;
        self.used += lf + 1;
        self.scanned = 0;
        if skipped.is_none() && too_long {
            self.phase = Phase::Command;
            self.error(reply::LINE_TOO_LONG);
        }
        if skipped.unwrap_or(0) + lf > LINE_DRAIN_MAX + 1 {
            self.close(reply::TOO_MANY_ERRORS);
            return true;
        }
        if !ended {
            // The line goes on to its CRLF, but a peer that knows LF only should hear of it at once.
            self.skipping = Some(0);
            if !matches!(self.phase, Phase::Closing) {
                self.phase = Phase::Command;
                self.error(reply::BARE_LINE_END);
            }
            return true;
        }
        if skipped.is_some() || too_long {
            return true;
        }
        let line = self.input[start..start + lf - 1].to_vec();
        self.command_deadline();
        if memchr::memchr(b'\r', &line).is_some() {
            self.phase = Phase::Command;
            self.error(reply::BARE_LINE_END);
            return true;
        }
        if let Phase::Auth(exchange) = std::mem::replace(&mut self.phase, Phase::Command) {
            self.auth_line(exchange, &line);
        } else {
            self.command(&line);
        }
        true
    }

    /// No LF yet: waits for more, or drops what is too long already.
    fn unended_line(&mut self) -> bool {
        let rest = self.input.len() - self.used;
        self.scanned = rest;
        // One octet may be the CR of the CRLF.
        if rest < self.line_max() && self.skipping.is_none() || rest <= 1 {
            return false;
        }
        let dropped = rest - 1;
        self.used += dropped;
        self.scanned = 1;
        let so_far = self.skipping.unwrap_or(0) + dropped;
        if self.skipping.is_none() {
            self.phase = Phase::Command;
            self.error(reply::LINE_TOO_LONG);
        }
        self.skipping = Some(so_far);
        if so_far > LINE_DRAIN_MAX && !matches!(self.phase, Phase::Closing) {
            self.close(reply::TOO_MANY_ERRORS);
        }
        false
    }

    /// AUTH may carry its response in the command itself (RFC 4954 §4).
    fn line_max(&self) -> usize {
        let start = &self.input[self.used..];
        let auth = start.len() >= 5 && start[..5].eq_ignore_ascii_case(b"AUTH ");
        if auth || matches!(self.phase, Phase::Auth(_)) {
            AUTH_LINE_MAX
        } else {
            COMMAND_LINE_MAX
        }
    }

    fn command(&mut self, line: &[u8]) {
        self.idle_commands += 1;
        if self.idle_commands > IDLE_COMMANDS_MAX {
            return self.close(reply::TOO_MANY_COMMANDS);
        }
        let command = match command::parse(line) {
            Ok(command) => command,
            Err(fault) => return self.error(reply::fault(fault)),
        };
        match command {
            Command::Hello { local, .. } if self.greets_wrongly(local) => {
                self.error(reply::fault(command::Fault::Unknown));
            }
            Command::Hello { name, extended, .. } => self.greeted(name, extended),
            Command::Mail(mail) => self.mail(mail),
            Command::Rcpt(rcpt) => self.rcpt(rcpt),
            Command::Data => self.begin_data(),
            Command::Bdat { size, last } => self.begin_chunk(size, last),
            Command::Rset => {
                self.forget();
                self.say(reply::OK);
            }
            Command::Noop => self.say(reply::OK),
            Command::Help => self.say(reply::HELP),
            Command::Vrfy => self.say(reply::CANNOT_VRFY),
            Command::Expn => self.error(reply::fault(command::Fault::NotImplemented)),
            Command::Quit => self.close(reply::BYE),
            Command::StartTls => self.start_tls(),
            Command::Auth { mechanism, initial } => self.auth(&mechanism, initial),
        }
    }

    /// RFC 5321 §4.1.4: EHLO in the middle is as RSET.
    fn greeted(&mut self, name: String, extended: bool) {
        self.forget();
        self.hello = Some(Hello { name, extended });
        if extended {
            let (service, tls) = (self.service, self.tls);
            let offer = extension::Offer {
                service,
                tls,
                size_max: self.size_max(),
                scram: self.scram.as_ref().map(Channel::binds),
                wall: self.wall(),
            };
            extension::print(&self.config.host, &offer, &mut self.out);
        } else {
            let line = format!("250 {}", self.config.host);
            self.say(&line);
        }
    }

    /// RFC 3207 §4.
    fn start_tls(&mut self) {
        match self.tls {
            Tls::Absent => self.error(reply::NO_TLS),
            Tls::On => self.error(reply::TLS_ON),
            Tls::Offered if self.transaction.is_some() => self.error(reply::NOT_NOW),
            Tls::Offered => {
                self.phase = Phase::StartTls;
                self.say(reply::START_TLS);
            }
        }
    }

    /// Ends the transaction, if there is one, and lets its memory go.
    pub(crate) fn forget(&mut self) {
        self.transaction = None;
        self.granted = 0;
    }

    pub(crate) fn say(&mut self, line: &str) {
        self.out.extend_from_slice(line.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    /// Says no to a bad command, and counts it.
    pub(crate) fn error(&mut self, line: Reply) {
        self.errors += 1;
        self.say(line);
        if self.errors >= ERRORS_MAX {
            self.close(reply::TOO_MANY_ERRORS);
        }
    }

    pub(crate) fn close(&mut self, line: Reply) {
        if matches!(self.phase, Phase::Closing | Phase::Closed) {
            return;
        }
        self.say(line);
        self.forget();
        self.phase = Phase::Closing;
    }

    pub(crate) fn command_deadline(&mut self) {
        self.deadline = (self.now + COMMAND_MS).min(self.message_end());
    }

    pub(crate) fn message_deadline(&mut self) {
        self.deadline = (self.now + DATA_BLOCK_MS).min(self.message_end());
    }
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Receiver({:?}, {:?}, {:?})",
            self.service,
            self.tls,
            self.helo()
        )
    }
}
