//! RFC 9051 §3: one connection's state, command order, SASL and IDLE. Owns no socket, clock or store.
//!
//! The session feeds octets with [`Machine::receive`], does each [`Step`], and answers each
//! [`Ask`]. While a question is open nothing is read, so a peer that sends commands ahead waits
//! in its own buffers. The output depends only on these inputs (I-14).

mod ending;
mod exchange;

use crate::ask::{Answer, Ask, Chunk, Completion, Effect, Output, Step};
use crate::capability;
use crate::frame::{Event, Frame, Input, LINE_BEFORE_LOGIN_MAX, Limits, Refusal};
use crate::run::LOST;
use crate::settings::Settings;
use crate::wire::command::{self, Command, Stage};
use crate::wire::notify::Notify;
use crate::wire::response::{self, Status};
use directory::annotation::VALUE_MAX;
use directory::sasl::{Channel, Exchange};
use std::collections::VecDeque;
use std::sync::Arc;

/// Commands in a row that may be refused with BAD before the connection is closed.
pub const BAD_MAX: u8 = 20;
/// Sign-ins of one connection that may fail.
pub const SIGN_INS_MAX: u8 = 5;

/// Milliseconds without an octet after which half a command ends the connection.
pub const HALF_COMMAND_MS: i64 = 120_000;

/// Milliseconds that a command with a large literal may take to come in whole, and
pub const LARGE_COMMAND_MS: i64 = 600_000;
/// octets for each further second: who is slower than an old modem holds room that others need. These bound a command
/// that has begun, not the time between commands (RFC 9051 §5.4).
pub const LITERAL_PACE: u64 = 4_096;

/// RFC 9051 §3 states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    NotAuthenticated,
    Authenticated,
    Selected,
}

/// What the machine is in the middle of.
#[derive(Debug)]
enum Phase {
    /// Gathering a command.
    Reading,
    /// A large literal of so many octets waits for room.
    Room(u64),
    /// AUTHENTICATE goes on.
    Sasl {
        tag: String,
        exchange: Exchange,
    },
    /// The directory is asked on behalf of AUTHENTICATE.
    SaslAsks {
        tag: String,
        exchange: Exchange,
    },
    /// A command runs.
    Running {
        tag: String,
    },
    /// IDLE, waiting for DONE; `asking` while a question is open.
    Idling {
        tag: String,
        asking: bool,
        ended: Option<Status>,
    },
    /// Between two commands it is asked what changed (RFC 5465).
    Waking,
    Closed,
}

/// The protocol state of one connection.
#[derive(Debug)]
pub struct Machine {
    settings: Arc<Settings>,
    tls: bool,
    /// SCRAM is offered, over this channel.
    scram: Option<Channel>,
    compressed: bool,
    state: State,
    phase: Phase,
    input: Input,
    frame: Frame,
    steps: VecDeque<Step>,
    bad: u8,
    failed: u8,
    /// RFC 5465: changes are told between commands too.
    watching: bool,
    /// What becomes of `watching` when the NOTIFY that runs ends well.
    watch_next: Option<bool>,
    /// Milliseconds; when the peer must have logged in, or sent something.
    deadline_ms: i64,
    /// Milliseconds; when the peer last sent something.
    heard_ms: i64,
    /// Milliseconds; when a command for which room was set aside must be whole.
    whole_ms: Option<i64>,
}

impl Machine {
    /// A connection that has just begun, in clear text or under TLS; greets.
    pub fn new(settings: Arc<Settings>, tls: bool, now_ms: i64) -> Self {
        Self::over(settings, tls, None, now_ms)
    }

    /// The same; with a channel SCRAM is offered (RFC 7677).
    pub fn over(settings: Arc<Settings>, tls: bool, scram: Option<Channel>, now_ms: i64) -> Self {
        let deadline_ms = now_ms + i64::from(settings.login_s) * 1_000;
        let mut machine = Self {
            settings,
            tls,
            scram,
            compressed: false,
            state: State::NotAuthenticated,
            phase: Phase::Reading,
            input: Input::default(),
            frame: Frame::default(),
            steps: VecDeque::new(),
            bad: 0,
            failed: 0,
            watching: false,
            watch_next: None,
            deadline_ms,
            heard_ms: now_ms,
            whole_ms: None,
        };
        let greeting = format!(
            "* OK [CAPABILITY {}] Congvu is ready\r\n",
            machine.capabilities()
        );
        machine.send(greeting);
        machine
    }

    /// After STARTTLS: SCRAM is offered from now on, over this channel (RFC 7677).
    pub fn offer_scram(&mut self, channel: Channel) {
        self.scram = Some(channel);
    }

    /// Octets from the peer.
    pub fn receive(&mut self, octets: &[u8], now_ms: i64) {
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        self.heard(now_ms);
        self.input.push(octets);
        self.advance();
    }

    fn heard(&mut self, now_ms: i64) {
        self.heard_ms = now_ms;
        if self.state != State::NotAuthenticated {
            self.deadline_ms = now_ms + i64::from(self.settings.idle_s) * 1_000;
        }
    }

    /// Whether a command has begun to come in: room set aside for it must be kept.
    pub fn gathering(&self) -> bool {
        self.frame.begun() || matches!(self.phase, Phase::Room(_))
    }

    /// What to do next.
    #[allow(
        clippy::should_implement_trait,
        reason = "a machine's verb; more comes after `None`"
    )]
    pub fn next(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// Whether the command that runs is asked to go on as soon as all is sent that waits here.
    pub fn goes_on(&self) -> bool {
        matches!(self.steps.back(), Some(Step::Ask(Ask::More)))
    }

    /// Whether octets from the peer can be used now.
    pub fn hungry(&self) -> bool {
        self.steps.is_empty()
            && match &self.phase {
                Phase::Reading | Phase::Sasl { .. } => true,
                Phase::Idling { asking, .. } => !asking,
                _ => false,
            }
    }

    /// Whether IDLE or NOTIFY waits for changes: then call [`Machine::wake`] when there are some.
    pub fn idling(&self) -> bool {
        match self.phase {
            Phase::Idling { asking, .. } => !asking,
            Phase::Reading => self.watching && !self.gathering(),
            _ => false,
        }
    }

    /// Something changed in the account.
    pub fn wake(&mut self) {
        if matches!(self.phase, Phase::Reading) && self.idling() {
            self.phase = Phase::Waking;
            self.steps.push_back(Step::Ask(Ask::Changes));
            return;
        }
        if let Phase::Idling { asking, .. } = &mut self.phase
            && !*asking
        {
            *asking = true;
            self.steps.push_back(Step::Ask(Ask::Changes));
        }
    }

    /// Milliseconds since 1970 at which to call [`Machine::expire`]; `None` while a command runs.
    pub fn deadline(&self) -> Option<i64> {
        match self.phase {
            Phase::Running { .. } | Phase::SaslAsks { .. } | Phase::Room(_) | Phase::Closed => None,
            // Half a command may hold a large literal's room: nobody keeps that for half an hour.
            _ if self.gathering() => {
                let half = self.deadline_ms.min(self.heard_ms + HALF_COMMAND_MS);
                Some(self.whole_ms.map_or(half, |whole| half.min(whole)))
            }
            _ => Some(self.deadline_ms),
        }
    }

    /// The answer to the last question.
    pub fn answer(&mut self, answer: Answer, now_ms: i64) {
        // What others do is no sign of this peer.
        if !matches!(self.phase, Phase::Waking) {
            self.heard(now_ms);
        }
        match answer {
            Answer::Room(granted) => {
                let phase = std::mem::replace(&mut self.phase, Phase::Reading);
                if let (true, Phase::Room(octets)) = (granted, phase) {
                    let more = i64::try_from(octets / LITERAL_PACE).unwrap_or(i64::MAX);
                    let whole_ms = self.whole_ms.unwrap_or(now_ms + LARGE_COMMAND_MS);
                    self.whole_ms = Some(whole_ms.saturating_add(more.saturating_mul(1_000)));
                }
                let event = self.frame.room(granted);
                if event.is_none_or(|event| self.event(event)) {
                    self.advance();
                }
            }
            Answer::Sasl(answer) => {
                self.sasl_answered(answer);
                self.advance();
            }
            Answer::Piece(output) => {
                self.emit(output);
                self.steps.push_back(Step::Ask(Ask::More));
            }
            Answer::Done(output, completion) => {
                self.emit(output);
                self.complete(completion);
                self.advance();
            }
            Answer::Failed => self.bye("[SERVERBUG] Internal error"),
        }
    }

    fn capabilities(&self) -> String {
        let signed_in = self.state != State::NotAuthenticated;
        let scram = self.scram.as_ref().map(Channel::binds);
        capability::list(self.tls, signed_in, scram, &self.settings)
    }

    fn send(&mut self, text: String) {
        if let Some(Step::Send(Chunk::Bytes(last))) = self.steps.back_mut() {
            last.extend_from_slice(text.as_bytes());
        } else {
            self.steps
                .push_back(Step::Send(Chunk::Bytes(text.into_bytes())));
        }
    }

    fn emit(&mut self, output: Output) {
        self.steps
            .extend(output.into_chunks().into_iter().map(Step::Send));
    }

    fn tagged(&mut self, tag: &str, status: Status, text: &str) {
        self.send(format!("{tag} {} {text}\r\n", status.word()));
    }

    /// Uses as much input as can be used now.
    fn advance(&mut self) {
        loop {
            let more = match &mut self.phase {
                Phase::Reading => {
                    let limits = Limits {
                        signed_in: self.state != State::NotAuthenticated,
                        size_max: self.settings.size_max,
                    };
                    let event = self.frame.advance(&mut self.input, limits);
                    self.event(event)
                }
                Phase::Sasl { .. } => self.sasl_line(),
                Phase::Idling { asking: false, .. } => self.idle_line(),
                _ => false,
            };
            if !more {
                return;
            }
        }
    }

    /// True when more input may be used.
    fn event(&mut self, event: Event) -> bool {
        if matches!(event, Event::Command(..) | Event::Refused(..)) {
            self.whole_ms = None;
        }
        match event {
            Event::More => return false,
            Event::Continue => self.send("+ go on\r\n".into()),
            Event::Room(octets) => {
                self.phase = Phase::Room(octets);
                self.steps.push_back(Step::Ask(Ask::Room(octets)));
                return false;
            }
            Event::Command(text, literals) => match command::parse(&text, literals) {
                Ok(request) => {
                    self.bad = 0;
                    self.obey(request.tag, request.command);
                }
                Err(unreadable) => self.refuse(unreadable.tag, unreadable.syntax.0),
            },
            Event::Refused(tag, Refusal::Bad(why)) => self.refuse(tag, why),
            Event::Refused(tag, refusal) => {
                let tag = tag.unwrap_or_else(|| "*".into());
                let text = match refusal {
                    Refusal::TooBig => "[TOOBIG] The message is larger than APPENDLIMIT".into(),
                    Refusal::TooLong => too_long(),
                    _ => "[LIMIT] The server is short of memory; try later".into(),
                };
                self.tagged(&tag, Status::No, &text);
            }
            Event::Fatal(why) => self.bye(why),
        }
        matches!(self.phase, Phase::Reading | Phase::Sasl { .. })
    }

    /// BAD with a code: what the sentence begins with, or that the client is wrong (RFC 5530 §3).
    fn refuse(&mut self, tag: Option<String>, why: &str) {
        let code = if why.starts_with('[') {
            ""
        } else {
            "[CLIENTBUG] "
        };
        let tag = tag.as_deref().unwrap_or("*");
        self.tagged(tag, Status::Bad, &format!("{code}{why}"));
        self.bad += 1;
        if self.bad >= BAD_MAX {
            self.bye("Too many commands that cannot be understood");
        }
    }

    /// RFC 9051 §6: each command in its state.
    fn obey(&mut self, tag: String, command: Command) {
        let why = match (command.stage(), self.state) {
            (Stage::Any, _)
            | (Stage::NotAuthenticated, State::NotAuthenticated)
            | (Stage::Authenticated, State::Authenticated | State::Selected)
            | (Stage::Selected, State::Selected) => None,
            (Stage::NotAuthenticated, _) => Some("already signed in"),
            (_, State::NotAuthenticated) => Some("sign in first"),
            _ => Some("no mailbox is selected"),
        };
        if let Some(why) = why {
            return self.refuse(Some(tag), why);
        }
        match command {
            Command::Capability => {
                let line = format!("* CAPABILITY {}\r\n", self.capabilities());
                self.send(line);
                self.tagged(&tag, Status::Ok, "CAPABILITY completed");
            }
            Command::Id => {
                let version = env!("CARGO_PKG_VERSION");
                self.send(format!(
                    "* ID (\"name\" \"Congvu\" \"version\" \"{version}\")\r\n"
                ));
                self.tagged(&tag, Status::Ok, "ID completed");
            }
            Command::Logout => {
                self.send("* BYE Goodbye\r\n".into());
                self.tagged(&tag, Status::Ok, "LOGOUT completed");
                self.close();
            }
            Command::Noop if self.state == State::NotAuthenticated => {
                self.tagged(&tag, Status::Ok, "NOOP completed");
            }
            Command::StartTls => self.start_tls(&tag),
            Command::Compress(algorithm) => self.compress(&tag, &algorithm),
            Command::Unauthenticate if !self.settings.unauthenticate => {
                self.refuse(Some(tag), "UNAUTHENTICATE is not offered");
            }
            Command::GetJmapAccess => self.jmap_access(&tag),
            Command::Login { .. } | Command::Authenticate { .. } if !self.tls => {
                // RFC 9051 §6.2.3, RFC 5530 §3: LOGINDISABLED was shown.
                let text = "[PRIVACYREQUIRED] Start TLS before signing in";
                self.tagged(&tag, Status::No, text);
            }
            Command::Authenticate { mechanism, initial } => {
                self.authenticate(tag, &mechanism, initial.as_deref());
            }
            Command::Idle => {
                self.send("+ idling\r\n".into());
                self.ask(&tag, Command::Idle);
                self.phase = Phase::Idling {
                    tag,
                    asking: true,
                    ended: None,
                };
            }
            other => {
                if let Command::Notify(notify) = &other {
                    self.watch_next = Some(**notify != Notify::None);
                }
                self.ask(&tag, other);
                self.phase = Phase::Running { tag };
            }
        }
    }

    fn ask(&mut self, tag: &str, command: Command) {
        let (tag, command) = (tag.to_owned(), Box::new(command));
        self.steps.push_back(Step::Ask(Ask::Run { tag, command }));
    }

    /// RFC 9051 §6.2.1. What the peer sent ahead in clear text is forgotten, never obeyed (ATTACKS 3).
    fn start_tls(&mut self, tag: &str) {
        if self.tls {
            return self.refuse(Some(tag.to_owned()), "TLS is active already");
        }
        self.tagged(tag, Status::Ok, "Begin TLS negotiation now");
        self.input.clear();
        self.tls = true;
        self.steps.push_back(Step::StartTls);
    }

    /// RFC 4978 §3: compressed from the CRLF of this OK on.
    fn compress(&mut self, tag: &str, algorithm: &str) {
        if algorithm != "DEFLATE" {
            return self.refuse(Some(tag.to_owned()), "the one algorithm is DEFLATE");
        }
        if self.compressed {
            let text = "[COMPRESSIONACTIVE] DEFLATE is active already";
            return self.tagged(tag, Status::No, text);
        }
        self.tagged(tag, Status::Ok, "DEFLATE active");
        self.compressed = true;
        self.steps.push_back(Step::Compress(self.input.take()));
    }

    /// RFC 9698 §4.
    fn jmap_access(&mut self, tag: &str) {
        let Some(url) = self.settings.jmap_session.clone() else {
            return self.refuse(Some(tag.to_owned()), "JMAPACCESS is not offered");
        };
        self.send(format!("* JMAPACCESS \"{}\"\r\n", response::tame(&url)));
        self.tagged(tag, Status::Ok, "GETJMAPACCESS completed");
    }

    /// RFC 2177 §3: nothing but DONE.
    fn idle_line(&mut self) -> bool {
        let line = match self.input.line(LINE_BEFORE_LOGIN_MAX) {
            Ok(Some(line)) => line,
            Ok(None) => return false,
            Err(why) => {
                self.bye(why);
                return false;
            }
        };
        if let Phase::Idling { asking, ended, .. } = &mut self.phase {
            let done = line.eq_ignore_ascii_case(b"DONE");
            *ended = Some(if done { Status::Ok } else { Status::Bad });
            *asking = true;
            self.steps.push_back(Step::Ask(Ask::EndIdle));
        }
        false
    }

    /// A command, or a question of IDLE, has ended.
    fn complete(&mut self, completion: Completion) {
        match completion.effect {
            Effect::Torn => return self.close(),
            Effect::Bye => return self.bye("[UNAVAILABLE] The sign-in no longer stands"),
            Effect::Selected => self.state = State::Selected,
            Effect::SignedIn | Effect::Unselected => self.state = State::Authenticated,
            Effect::NotSignedIn => self.failed += 1,
            Effect::SignedOut => {
                // RFC 8437 §3: but for TLS, as if the connection had just begun.
                self.state = State::NotAuthenticated;
                self.watching = false;
                self.deadline_ms = self.heard_ms + i64::from(self.settings.login_s) * 1_000;
            }
            Effect::None | Effect::Lost => {}
        }
        let uncompress = completion.effect == Effect::SignedOut && self.compressed;
        let lost = completion.effect == Effect::Lost;
        match std::mem::replace(&mut self.phase, Phase::Reading) {
            Phase::Running { tag } => {
                let next = self.watch_next.take();
                if completion.status == Status::Ok {
                    self.watching = next.unwrap_or(self.watching);
                }
                self.report(&tag, completion);
            }
            Phase::Waking => {}
            Phase::Idling {
                tag,
                ended: Some(Status::Ok),
                ..
            } => {
                self.tagged(&tag, Status::Ok, "IDLE completed");
            }
            Phase::Idling {
                tag,
                ended: Some(_),
                ..
            } => {
                self.refuse(Some(tag), "DONE is expected");
            }
            Phase::Idling {
                tag, ended: None, ..
            } => {
                self.phase = Phase::Idling {
                    tag,
                    asking: false,
                    ended: None,
                };
            }
            other => self.phase = other,
        }
        if uncompress {
            self.compressed = false;
            self.steps.push_back(Step::Decompress);
        }
        // A sign-in that failed may have ended it already, a mailbox that is lost does after its answer.
        if lost {
            self.bye(LOST);
        }
    }

    fn report(&mut self, tag: &str, completion: Completion) {
        let text = match (&completion.code, completion.effect) {
            // RFC 9051 §7.1: spares the client the question.
            (_, Effect::SignedIn) => {
                format!("[CAPABILITY {}] {}", self.capabilities(), completion.text)
            }
            (Some(code), _) => format!("[{code}] {}", completion.text),
            (None, _) => completion.text.into_owned(),
        };
        self.tagged(tag, completion.status, &text);
        if self.failed >= SIGN_INS_MAX && self.state == State::NotAuthenticated {
            self.bye("Too many failed sign-ins");
        }
    }
}

/// RFC 5464 §4.3.
fn too_long() -> String {
    format!("[METADATA MAXSIZE {VALUE_MAX}] The value is too large")
}

/// For the log: the name that a peer gave, without what could break a line.
pub fn shown(name: &str) -> String {
    response::tame(name)
}
