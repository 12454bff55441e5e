//! RFC 5321 §3.3, §4.5.4.1: the sending machine, to mail exchangers, smart hosts and, as LMTP (RFC 2033),
//! to mail stores.
//!
//! `receive`, `secured`, `begin` and `closed` feed it, `next` tells what to do, `deadline` when to call
//! `expire`. It owns no socket and no clock: the same inputs give the same outputs (I-14), however the
//! octets are cut. Time is milliseconds from any fixed beginning, never going back.

pub mod answer;
mod content;
mod feature;
mod transfer;

pub use answer::Reply;
pub use content::PIECE_MAX;
pub use feature::Features;
pub use transfer::{CLOSED, DOUBT};

use self::answer::{Nonsense, Replies};
use self::transfer::Transfer;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use delivery::{Outcome, Recipient, ReversePath};
use directory::Secret;
use std::collections::VecDeque;
use std::sync::Arc;

/// RFC 5321 §4.5.3.2.1: the greeting must come within this time.
pub const GREETING_MS: u64 = 300_000;
/// RFC 5321 §4.5.3.2.2 and .3: replies to EHLO, MAIL, RCPT and the like.
pub const COMMAND_MS: u64 = 300_000;
/// RFC 5321 §4.5.3.2.4: the reply to DATA.
pub const DATA_MS: u64 = 120_000;
/// RFC 5321 §4.5.3.2.6: the reply to the end of a message.
pub const END_MS: u64 = 600_000;
/// The reply to QUIT, for which nobody needs to wait long.
pub const QUIT_MS: u64 = 5_000;
/// The client's side of a TLS handshake.
pub const HANDSHAKE_MS: u64 = 60_000;

/// What is wanted of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Not even where it is offered: it failed with this peer and may be done without.
    Never,
    /// RFC 3207: where it is offered.
    May,
    /// DANE, MTA-STS, REQUIRETLS or a smart host's password ask for it.
    Must,
    /// It is on: the connection began with it.
    On,
}

/// How to talk to one peer.
#[derive(Debug, Clone)]
pub struct Config {
    /// Our name in EHLO.
    pub hello: String,
    /// The peer's name and address, in the texts of outcomes.
    pub peer: String,
    /// What is wanted of TLS.
    pub tls: Tls,
    /// Name and secret of a smart host's account; sent under TLS only.
    pub login: Option<(String, Secret)>,
    /// RFC 2033: LHLO, and a reply for each recipient.
    pub lmtp: bool,
}

/// A message to hand over.
#[derive(Debug, Clone)]
pub struct Message {
    /// Reverse-path.
    pub from: ReversePath,
    /// To whom, in order; at least one.
    pub recipients: Vec<Recipient>,
    /// RFC 3461 §4.3: FULL or HDRS.
    pub ret: Option<String>,
    /// RFC 3461 §4.4, as given.
    pub envid: Option<String>,
    /// RFC 6531: the reverse-path or header fields need it; recipients' addresses tell themselves.
    pub smtputf8: bool,
    /// RFC 6152: octets over 127 are in it.
    pub eight_bit: bool,
    /// RFC 3030 §3: not made of lines.
    pub binary: bool,
    /// RFC 8689 §4.
    pub require_tls: bool,
    /// RFC 6710: -9 to 9.
    pub priority: Option<i8>,
    /// Fields that go before the content, each ended by CRLF.
    pub head: Arc<[u8]>,
    /// Octets as they shall arrive.
    pub content: Arc<[u8]>,
}

impl Message {
    /// Of head and content together.
    #[must_use]
    pub fn octets(&self) -> u64 {
        (self.head.len() + self.content.len()) as u64
    }
}

/// What the machine wants done next.
#[derive(Debug)]
pub enum Step {
    /// Write these bytes to the peer.
    Send(Vec<u8>),
    /// Handshake now, as client, then call `secured`.
    StartTls,
    /// The peer waits for a message: call `begin` or `quit`.
    Ready(Features),
    /// One outcome for each recipient, in order; whether the peer has taken over what NOTIFY asks.
    Sent {
        /// One for each recipient.
        outcomes: Vec<Outcome>,
        /// RFC 3461 §5.2.2: the peer knows DSN, so success is its to report.
        reports: bool,
    },
    /// No message can be given to this peer in this connection.
    Failed(Failure),
    /// Close the connection.
    Close,
}

/// Why a peer takes no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What failed.
    pub cause: Cause,
    /// An enhanced status code, then text; 4.x.x or 5.x.x as the peer said.
    pub why: String,
}

/// What failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The connection ended, timed out, or what came was no SMTP.
    Connection,
    /// The peer said no to the session.
    Refused,
    /// TLS is wanted and not to be had, or its handshake failed.
    Tls,
    /// The smart host does not accept our name and secret.
    Login,
}

#[derive(Debug)]
enum Phase {
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    Handshake,
    Auth(VecDeque<String>),
    Ready,
    Transfer(Box<Transfer>),
    /// RSET after a transaction that came to nothing.
    Rset,
    Quit,
    Closed,
}

/// The sending machine.
#[derive(Debug)]
pub struct Sender {
    config: Config,
    phase: Phase,
    secured: bool,
    replies: Replies,
    features: Features,
    /// What the peer calls itself in its reply to EHLO.
    peer_name: String,
    steps: VecDeque<Step>,
    deadline: Option<u64>,
}

impl Sender {
    /// For a connection that has just been made.
    #[must_use]
    pub fn new(config: Config, now: u64) -> Self {
        Self {
            secured: config.tls == Tls::On,
            config,
            phase: Phase::Greeting,
            replies: Replies::default(),
            features: Features::default(),
            peer_name: String::new(),
            steps: VecDeque::new(),
            deadline: Some(now + GREETING_MS),
        }
    }

    /// Takes octets from the peer.
    pub fn receive(&mut self, bytes: &[u8], now: u64) {
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        self.replies.receive(bytes);
        self.read(now);
    }

    /// What to do next; `None`: wait for the peer until [`Sender::deadline`].
    pub fn next(&mut self, now: u64) -> Option<Step> {
        if let Some(step) = self.steps.pop_front() {
            return Some(step);
        }
        let Phase::Transfer(transfer) = &mut self.phase else {
            return None;
        };
        let piece = transfer.piece()?;
        self.deadline = Some(now + END_MS);
        // Replies that came before the end are read after it.
        if transfer.content_sent() {
            self.read(now);
        }
        Some(Step::Send(piece))
    }

    /// When to call [`Sender::expire`].
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.deadline
    }

    /// Whether a message can be begun.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready)
    }

    /// What the peer calls itself (RFC 5321 §4.1.1.1: the first word of its reply to EHLO).
    #[must_use]
    pub fn peer_name(&self) -> &str {
        &self.peer_name
    }

    /// Whether TLS is on.
    #[must_use]
    pub fn is_secured(&self) -> bool {
        self.secured
    }

    /// The deadline may have passed.
    pub fn expire(&mut self, now: u64) {
        if self.deadline.is_some_and(|at| at <= now) {
            self.lost("4.4.2", "gave no answer in time");
        }
    }

    /// The peer has closed the connection, or reading failed.
    pub fn closed(&mut self) {
        if let Phase::Transfer(transfer) = &mut self.phase {
            transfer.cut();
        }
        self.read(0);
        self.lost("4.4.2", CLOSED);
    }

    /// How the handshake after [`Step::StartTls`] ended; an error with its text.
    pub fn secured(&mut self, handshake: Result<(), String>, now: u64) {
        if !matches!(self.phase, Phase::Handshake) {
            return;
        }
        match handshake {
            Ok(()) => {
                self.secured = true;
                // RFC 3207 §4.2: what was learnt in the clear is forgotten.
                self.features = Features::default();
                self.hello(now);
            }
            Err(text) => self.fail(
                Cause::Tls,
                format!("4.7.5 TLS with {} failed: {text}", self.config.peer),
            ),
        }
    }

    /// Hands a message over; only when ready. The peer's features decide how.
    pub fn begin(&mut self, message: Message, now: u64) {
        if !self.is_ready() {
            return;
        }
        let mut transfer = Transfer::new(message, &self.features, &self.config, self.secured);
        if let Some(outcomes) = transfer.finished() {
            // Refused by ourselves: the peer has not heard of it.
            self.sent(outcomes);
            return self.ready();
        }
        let commands = transfer.commands();
        self.phase = Phase::Transfer(Box::new(transfer));
        self.send(commands, now, COMMAND_MS);
    }

    /// Ends the session in order.
    pub fn quit(&mut self, now: u64) {
        if matches!(self.phase, Phase::Ready) {
            self.phase = Phase::Quit;
            self.send(b"QUIT\r\n".to_vec(), now, QUIT_MS);
        } else if !matches!(self.phase, Phase::Quit) {
            self.close();
        }
    }

    fn read(&mut self, now: u64) {
        loop {
            let blocked = match &self.phase {
                Phase::Closed | Phase::Handshake => true,
                Phase::Transfer(transfer) => transfer.sending(),
                _ => false,
            };
            if blocked {
                return;
            }
            match self.replies.next() {
                Ok(Some(reply)) => self.reply(reply, now),
                Ok(None) => return,
                Err(nonsense) => return self.nonsense(nonsense),
            }
        }
    }

    fn reply(&mut self, reply: Reply, now: u64) {
        // RFC 5321 §3.8: 421 may come in answer to anything, and ends the session.
        if reply.code == 421 && !matches!(self.phase, Phase::Quit) {
            return self.leave(&reply, "the session");
        }
        match &mut self.phase {
            Phase::Greeting => self.greeting(&reply, now),
            Phase::Ehlo => self.ehlo(&reply, now),
            Phase::Helo if reply.class() == 2 => self.helloed(now),
            Phase::Helo => self.leave(&reply, "HELO"),
            Phase::StartTls => self.start_tls(&reply, now),
            Phase::Auth(_) => self.auth(&reply, now),
            Phase::Transfer(transfer) => {
                transfer.reply(&reply);
                self.go_on(now);
            }
            Phase::Rset if reply.class() == 2 => self.ready(),
            // Nothing was asked: what comes now belongs to nothing.
            Phase::Ready => self.nonsense(Nonsense::NoCode),
            Phase::Rset | Phase::Quit => self.close(),
            Phase::Handshake | Phase::Closed => {}
        }
    }

    fn greeting(&mut self, reply: &Reply, now: u64) {
        if reply.class() == 2 {
            self.hello(now);
        } else {
            self.leave(reply, "the connection");
        }
    }

    fn hello(&mut self, now: u64) {
        let verb = if self.config.lmtp { "LHLO" } else { "EHLO" };
        let line = format!("{verb} {}\r\n", self.config.hello);
        self.phase = Phase::Ehlo;
        self.send(line.into_bytes(), now, COMMAND_MS);
    }

    fn ehlo(&mut self, reply: &Reply, now: u64) {
        match reply.class() {
            2 => {
                self.features = Features::read(reply);
                let first = reply.lines.first().map_or("", String::as_str);
                let name = first.split_ascii_whitespace().next();
                self.peer_name = name.unwrap_or_default().to_owned();
                self.helloed(now);
            }
            // RFC 5321 §3.2: a server that does not know EHLO; but no HELO where TLS is a must.
            5 if !self.config.lmtp && self.config.tls != Tls::Must && !self.secured => {
                self.phase = Phase::Helo;
                let line = format!("HELO {}\r\n", self.config.hello);
                self.send(line.into_bytes(), now, COMMAND_MS);
            }
            _ => self.leave(reply, "EHLO"),
        }
    }

    fn helloed(&mut self, now: u64) {
        if !self.secured {
            match (self.config.tls, self.features.starttls) {
                (Tls::May | Tls::Must, true) => {
                    self.phase = Phase::StartTls;
                    return self.send(b"STARTTLS\r\n".to_vec(), now, COMMAND_MS);
                }
                (Tls::Must, false) => {
                    let why = format!(
                        "4.7.10 {} offers no TLS, which is required",
                        self.config.peer
                    );
                    return self.give_up(Cause::Tls, why);
                }
                _ => {}
            }
        }
        let Some((name, secret)) = &self.config.login else {
            return self.ready();
        };
        if !self.secured {
            let why = format!("4.7.11 {} offers no TLS to sign in under", self.config.peer);
            return self.give_up(Cause::Login, why);
        }
        // RFC 4954 §4, RFC 4616; LOGIN for servers that know nothing else.
        let mut lines = if self.features.auth_plain {
            let plain = STANDARD.encode(format!("\0{name}\0{}", secret.expose()));
            VecDeque::from([format!("AUTH PLAIN {plain}\r\n")])
        } else if self.features.auth_login {
            let encoded = |text: &str| format!("{}\r\n", STANDARD.encode(text));
            VecDeque::from([
                "AUTH LOGIN\r\n".to_owned(),
                encoded(name),
                encoded(secret.expose()),
            ])
        } else {
            let why = format!(
                "4.7.4 {} offers neither AUTH PLAIN nor LOGIN",
                self.config.peer
            );
            return self.give_up(Cause::Login, why);
        };
        let first = lines.pop_front().unwrap_or_default();
        self.phase = Phase::Auth(lines);
        self.send(first.into_bytes(), now, COMMAND_MS);
    }

    fn start_tls(&mut self, reply: &Reply, now: u64) {
        if reply.code == 220 {
            if self.replies.pending() {
                // RFC 3207 §5: octets sent in the clear after the reply are an attack, or no TLS.
                let why = format!(
                    "4.7.5 {} spoke in the clear after STARTTLS",
                    self.config.peer
                );
                return self.fail(Cause::Tls, why);
            }
            self.phase = Phase::Handshake;
            self.deadline = Some(now + HANDSHAKE_MS);
            self.steps.push_back(Step::StartTls);
        } else if self.config.tls == Tls::Must {
            let why = format!(
                "4.7.10 {} said to STARTTLS: {}",
                self.config.peer,
                reply.line()
            );
            self.give_up(Cause::Tls, why);
        } else {
            self.features.starttls = false;
            self.helloed(now);
        }
    }

    fn auth(&mut self, reply: &Reply, now: u64) {
        let Phase::Auth(lines) = &mut self.phase else {
            return;
        };
        match (reply.class(), lines.pop_front()) {
            (2, _) => self.ready(),
            (3, Some(line)) => self.send(line.into_bytes(), now, COMMAND_MS),
            _ => {
                // The sender of a letter cannot mend our password: later, not never.
                let why = format!("4.7.8 {} said to AUTH: {}", self.config.peer, reply.line());
                self.give_up(Cause::Login, why);
            }
        }
    }

    fn ready(&mut self) {
        self.phase = Phase::Ready;
        self.deadline = None;
        self.steps.push_back(Step::Ready(self.features.clone()));
    }

    /// After a reply within a transaction.
    fn go_on(&mut self, now: u64) {
        let Phase::Transfer(transfer) = &mut self.phase else {
            return;
        };
        if let Some(outcomes) = transfer.finished() {
            let (clean, broken) = (transfer.clean(), transfer.broken());
            self.sent(outcomes);
            if broken {
                self.close();
            } else if clean {
                self.ready();
            } else {
                self.phase = Phase::Rset;
                self.send(b"RSET\r\n".to_vec(), now, COMMAND_MS);
            }
            return;
        }
        let commands = transfer.commands();
        let wait = if transfer.waits_for_data() {
            DATA_MS
        } else {
            COMMAND_MS
        };
        if !commands.is_empty() {
            self.send(commands, now, wait);
        }
    }

    fn sent(&mut self, outcomes: Vec<Outcome>) {
        let reports = self.features.dsn;
        self.steps.push_back(Step::Sent { outcomes, reports });
    }

    fn send(&mut self, bytes: Vec<u8>, now: u64, wait_ms: u64) {
        self.deadline = Some(now + wait_ms);
        self.steps.push_back(Step::Send(bytes));
    }

    /// The peer refuses the session; `to` is what it answered.
    fn leave(&mut self, reply: &Reply, to: &str) {
        let status = if reply.class() == 5 {
            reply.status()
        } else {
            soft(reply)
        };
        let why = format!(
            "{status} {} said to {to}: {}",
            self.config.peer,
            reply.line()
        );
        self.give_up(Cause::Refused, why);
    }

    /// Ends with QUIT, since the peer still listens.
    fn give_up(&mut self, cause: Cause, why: String) {
        if !matches!(self.phase, Phase::Closed) {
            self.steps.push_back(Step::Send(b"QUIT\r\n".to_vec()));
        }
        self.fail(cause, why);
    }

    fn nonsense(&mut self, nonsense: Nonsense) {
        let why = format!("4.5.0 {}: {}", self.config.peer, nonsense.text());
        self.fail(Cause::Connection, why);
    }

    fn lost(&mut self, status: &str, what: &str) {
        let why = format!("{status} {} {what}", self.config.peer);
        self.fail(Cause::Connection, why);
    }

    /// Ends; recipients that wait are deferred.
    fn fail(&mut self, cause: Cause, why: String) {
        match &mut self.phase {
            Phase::Closed => return,
            Phase::Ready | Phase::Quit | Phase::Rset => {}
            Phase::Transfer(transfer) => {
                let outcomes = transfer.abandon(&why);
                self.sent(outcomes);
            }
            _ => self.steps.push_back(Step::Failed(Failure { cause, why })),
        }
        self.close();
    }

    fn close(&mut self) {
        if !matches!(self.phase, Phase::Closed) {
            self.phase = Phase::Closed;
            self.deadline = None;
            self.steps.push_back(Step::Close);
        }
    }
}

/// The status of a reply that is to be tried again, whatever its class.
fn soft(reply: &Reply) -> String {
    match reply.class() {
        4 => reply.status(),
        _ => "4.5.0".to_owned(),
    }
}
