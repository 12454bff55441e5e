//! RFC 1939 §3: one connection's states, command order, SASL and limits. Owns no socket, clock or store.
//!
//! The session feeds octets with [`Machine::receive`], does each [`Step`], and answers each [`Ask`]. While
//! a question is open nothing is read, so a peer that sends commands ahead waits in its own buffers. Long
//! lists come in pieces, made when they are asked for: a slow reader holds one piece. The output depends
//! only on these inputs (I-14).

mod exchange;

use crate::ask::{Answer, Ask, Refusal, Step};
use crate::capability;
use crate::maildrop::{Entry, Maildrop};
use crate::settings::Settings;
use crate::wire::command::{self, Command, Fault, LINE_MAX, SASL_LINE_MAX, Stage};
use crate::wire::line::{Line, Lines};
use crate::wire::reply::{self, LANGUAGES, Language, Phrase};
use crate::wire::stuff;
use directory::Secret;
use directory::sasl::{Channel, Exchange};
use std::collections::VecDeque;
use std::sync::Arc;

/// Commands in a row that may be refused as unreadable before the connection is closed.
pub const BAD_MAX: u8 = 20;
/// Sign-ins of one connection that may fail.
pub const SIGN_INS_MAX: u8 = 5;
/// Octets of a list after which a piece is sent.
pub const PIECE_MAX: usize = 32 * 1024;

/// RFC 1939 §4, §5.
#[derive(Debug)]
enum State {
    /// With the name that USER gave.
    Authorization(Option<String>),
    Transaction(Maildrop),
}

/// What the machine is in the middle of.
#[derive(Debug)]
enum Phase {
    /// Waiting for a command.
    Reading,
    /// AUTH goes on.
    Sasl(Exchange),
    /// What AUTH's exchange must know is being asked.
    SaslAsks(Exchange),
    /// A question is open.
    Asking,
    /// Between two commands it is asked whether the maildrop may still be read.
    Looking,
    /// A message of so many octets is being sent; `begun` after its first piece.
    Sending {
        size: u32,
        begun: bool,
    },
    /// LIST or UIDL; the next number to look at.
    Listing {
        unique: bool,
        next: u32,
    },
    /// QUIT waits for the removal.
    Finishing,
    Closed,
}

/// The protocol state of one connection.
#[derive(Debug)]
pub struct Machine {
    settings: Arc<Settings>,
    tls: bool,
    /// SCRAM is offered, over this channel.
    scram: Option<Channel>,
    utf8: bool,
    language: Language,
    state: State,
    phase: Phase,
    input: Lines,
    steps: VecDeque<Step>,
    bad: u8,
    failed: u8,
    /// Milliseconds; when the peer must have signed in, or sent something.
    deadline_ms: i64,
}

impl Machine {
    /// A connection that has just begun, in clear text or under TLS; greets.
    pub fn new(settings: Arc<Settings>, tls: bool, now_ms: i64) -> Self {
        let deadline_ms = now_ms + i64::from(settings.login_s) * 1_000;
        let mut machine = Self {
            settings,
            tls,
            scram: None,
            utf8: false,
            language: Language::default(),
            state: State::Authorization(None),
            phase: Phase::Reading,
            input: Lines::default(),
            steps: VecDeque::new(),
            bad: 0,
            failed: 0,
            deadline_ms,
        };
        machine.ok(reply::READY);
        machine
    }

    /// RFC 7677: SCRAM is offered from now on, over this TLS channel.
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
        if matches!(self.state, State::Transaction(_)) {
            self.deadline_ms = now_ms + i64::from(self.settings.idle_s) * 1_000;
        }
    }

    /// What to do next.
    #[allow(
        clippy::should_implement_trait,
        reason = "a machine's verb; more comes after `None`"
    )]
    pub fn next(&mut self) -> Option<Step> {
        if self.steps.is_empty() && matches!(self.phase, Phase::Listing { .. }) {
            self.list_on();
        }
        self.steps.pop_front()
    }

    /// Milliseconds since 1970 at which to call [`Machine::expire`]; `None` while a question is open.
    pub fn deadline(&self) -> Option<i64> {
        match self.phase {
            Phase::Reading | Phase::Sasl(_) | Phase::Listing { .. } => Some(self.deadline_ms),
            _ => None,
        }
    }

    /// RFC 1939 §3: when the deadline has passed, closes without a word and removes nothing.
    pub fn expire(&mut self, now_ms: i64) {
        if self.deadline().is_some_and(|at| at <= now_ms) {
            self.close();
        }
    }

    /// The account has changed: asks whether the maildrop may still be read, before anything more is done.
    pub fn look(&mut self) {
        if matches!(
            (&self.phase, &self.state),
            (Phase::Reading, State::Transaction(_))
        ) {
            self.steps.push_back(Step::Ask(Ask::Look));
            self.phase = Phase::Looking;
        }
    }

    /// The server stops.
    pub fn shut_down(&mut self) {
        if !matches!(self.phase, Phase::Closed) {
            self.end(reply::SHUTTING_DOWN);
        }
    }

    /// The answer to the last question.
    pub fn answer(&mut self, answer: Answer, now_ms: i64) {
        let phase = std::mem::replace(&mut self.phase, Phase::Reading);
        let by_others = matches!(phase, Phase::Looking);
        match (phase, answer) {
            (Phase::Asking, Answer::SignedIn(maildrop)) => {
                let (messages, octets) = maildrop.total();
                self.state = State::Transaction(maildrop);
                let text = reply::total(self.language, messages, octets);
                self.send(format!("+OK {text}\r\n"));
            }
            (Phase::Asking, Answer::Refused(refusal)) => self.not_signed_in(refusal),
            (Phase::SaslAsks(mut exchange), Answer::Sasl(answer)) => {
                let step = exchange.answered(answer);
                self.sasl_go_on(exchange, step);
            }
            (Phase::Sending { size, begun }, Answer::Piece(octets)) => {
                self.begin(size, begun);
                self.steps.push_back(Step::Send(octets));
                self.steps.push_back(Step::Ask(Ask::More));
                self.phase = Phase::Sending { size, begun: true };
            }
            (Phase::Sending { size, begun }, Answer::Last(octets)) => {
                self.begin(size, begun);
                self.steps.push_back(Step::Send(octets));
            }
            (Phase::Sending { begun: false, .. }, Answer::Refused(refusal)) => {
                match refusal.ends() {
                    true => self.end(refusal.phrase()),
                    false => self.no(refusal.phrase()),
                }
            }
            (Phase::Looking, Answer::Stands) => {}
            (Phase::Looking, Answer::Refused(refusal)) => self.end(refusal.phrase()),
            (Phase::Finishing, Answer::Finished) => {
                self.ok(reply::GOODBYE);
                self.close();
            }
            // RFC 1939 §6: some or all were not removed; here it is all, for they go in one commit.
            (Phase::Finishing, Answer::Refused(refusal)) if refusal.ends() => {
                self.end(refusal.phrase());
            }
            (Phase::Finishing, Answer::Refused(Refusal::Damaged)) => self.end(reply::DAMAGED),
            (Phase::Finishing, Answer::Refused(_)) => self.end(reply::NOT_REMOVED),
            // Also a piece that was refused: the peer cannot tell where the message would end.
            _ => self.close(),
        }
        // What others do is no sign of this peer.
        if !by_others {
            self.heard(now_ms);
        }
        self.advance();
    }

    fn begin(&mut self, size: u32, begun: bool) {
        if !begun {
            self.send(format!("+OK {size} octets\r\n"));
        }
    }

    fn send(&mut self, text: String) {
        if let Some(Step::Send(last)) = self.steps.back_mut() {
            last.extend_from_slice(text.as_bytes());
        } else {
            self.steps.push_back(Step::Send(text.into_bytes()));
        }
    }

    fn ok(&mut self, phrase: Phrase) {
        self.send(format!("+OK {}\r\n", phrase.text(self.language)));
    }

    fn no(&mut self, phrase: Phrase) {
        self.send(format!("-ERR {}\r\n", phrase.text(self.language)));
    }

    /// A line that cannot be understood, or not here.
    fn refuse(&mut self, phrase: Phrase) {
        self.no(phrase);
        self.bad += 1;
        if self.bad >= BAD_MAX {
            self.end(reply::TOO_MANY_BAD);
        }
    }

    /// A last word, then close.
    fn end(&mut self, phrase: Phrase) {
        self.no(phrase);
        self.close();
    }

    fn close(&mut self) {
        self.steps.push_back(Step::Close);
        self.phase = Phase::Closed;
        self.input.clear();
    }

    /// Uses as much input as can be used now.
    fn advance(&mut self) {
        loop {
            let max = match &self.phase {
                Phase::Reading => LINE_MAX,
                Phase::Sasl(_) => SASL_LINE_MAX,
                _ => return,
            };
            let line = match self.input.next(max) {
                Line::More => return,
                Line::Whole(line) => line,
                Line::TooLong => {
                    self.phase = Phase::Reading;
                    self.refuse(reply::TOO_LONG);
                    continue;
                }
                Line::Endless => return self.end(reply::TOO_LONG),
            };
            match std::mem::replace(&mut self.phase, Phase::Reading) {
                Phase::Sasl(exchange) => self.sasl_line(exchange, &line),
                _ => self.line(&line),
            }
        }
    }

    fn line(&mut self, line: &[u8]) {
        match command::parse(line) {
            Ok(command) => match (command.stage(), &self.state) {
                (Stage::Authorization, State::Transaction(_)) => {
                    self.refuse(reply::SIGNED_IN_ALREADY)
                }
                (Stage::Transaction, State::Authorization(_)) => self.refuse(reply::SIGN_IN_FIRST),
                _ => {
                    self.bad = 0;
                    self.obey(command);
                }
            },
            Err(Fault::Unknown) => self.refuse(reply::UNKNOWN),
            Err(Fault::Arguments) => self.refuse(reply::ARGUMENTS),
            Err(Fault::Octets) => self.refuse(reply::OCTETS),
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Capa => {
                let signed_in = matches!(self.state, State::Transaction(_));
                self.ok(reply::LIST_FOLLOWS);
                self.send(capability::lines(self.tls, signed_in, self.binds()) + ".\r\n");
            }
            Command::Quit => self.quit(),
            Command::Lang(range) => self.lang(range.as_deref()),
            Command::Stls => self.start_tls(),
            Command::Utf8 => {
                self.utf8 = true;
                self.ok(reply::UTF8_ON);
            }
            Command::Apop => self.no(reply::NO_APOP),
            // RFC 2595 §2.2, RFC 8314 §3: no password in clear text, whosever it is.
            Command::User(_) | Command::Pass(_) | Command::Auth(_) if !self.tls => {
                self.no(reply::TLS_FIRST);
            }
            Command::User(name) => {
                // RFC 1939 §7: yes to any name, so that none can be found out.
                self.state = State::Authorization(Some(name));
                self.ok(reply::NOW_PASS);
            }
            Command::Pass(secret) => self.pass(secret),
            Command::Auth(None) => {
                let names = capability::mechanisms(self.binds()).join("\r\n");
                self.ok(reply::LIST_FOLLOWS);
                self.send(format!("{names}\r\n.\r\n"));
            }
            Command::Auth(Some(auth)) => self.auth(&auth),
            other => self.transact(other),
        }
    }

    /// RFC 1939 §5: what needs an open maildrop.
    fn transact(&mut self, command: Command) {
        let State::Transaction(maildrop) = &mut self.state else {
            return self.refuse(reply::SIGN_IN_FIRST);
        };
        match command {
            Command::Stat => {
                let (messages, octets) = maildrop.total();
                self.send(format!("+OK {messages} {octets}\r\n"));
            }
            Command::List(None) => {
                let (messages, octets) = maildrop.total();
                let text = reply::total(self.language, messages, octets);
                self.send(format!("+OK {text}\r\n"));
                self.phase = Phase::Listing {
                    unique: false,
                    next: 1,
                };
            }
            Command::Uidl(None) => {
                self.ok(reply::LIST_FOLLOWS);
                self.phase = Phase::Listing {
                    unique: true,
                    next: 1,
                };
            }
            Command::List(Some(number)) => self.list_one(number, false),
            Command::Uidl(Some(number)) => self.list_one(number, true),
            Command::Retr(number) => self.read(number, None),
            Command::Top { number, lines } => self.read(number, Some(lines)),
            Command::Dele(number) => match maildrop.mark(number) {
                true => self.ok(reply::MARKED),
                false => self.no(reply::NO_MESSAGE),
            },
            Command::Rset => {
                maildrop.unmark_all();
                self.ok(reply::UNMARKED);
            }
            _ => self.ok(reply::DONE),
        }
    }

    fn list_one(&mut self, number: u32, unique: bool) {
        let State::Transaction(maildrop) = &self.state else {
            return;
        };
        match maildrop.entry(number) {
            Some(entry) => {
                let text = listing(maildrop, entry, unique);
                self.send(format!("+OK {text}"));
            }
            None => self.no(reply::NO_MESSAGE),
        }
    }

    /// The next piece of LIST or UIDL.
    fn list_on(&mut self) {
        let (Phase::Listing { unique, next }, State::Transaction(maildrop)) =
            (&mut self.phase, &self.state)
        else {
            return;
        };
        let mut piece = Vec::new();
        let mut ended = false;
        while piece.len() < PIECE_MAX && !ended {
            match maildrop.first_from(*next) {
                Some(entry) => {
                    piece.extend_from_slice(listing(maildrop, entry, *unique).as_bytes());
                    *next = entry.number.saturating_add(1);
                }
                None => {
                    piece.extend_from_slice(stuff::END);
                    ended = true;
                }
            }
        }
        self.steps.push_back(Step::Send(piece));
        if ended {
            self.phase = Phase::Reading;
            self.advance();
        }
    }

    fn read(&mut self, number: u32, lines: Option<u32>) {
        let State::Transaction(maildrop) = &self.state else {
            return;
        };
        let Some(entry) = maildrop.entry(number) else {
            return self.no(reply::NO_MESSAGE);
        };
        self.steps.push_back(Step::Ask(Ask::Read {
            uid: entry.uid,
            lines,
            utf8: self.utf8,
        }));
        self.phase = Phase::Sending {
            size: entry.size,
            begun: false,
        };
    }

    /// RFC 1939 §6: only QUIT enters the UPDATE state.
    fn quit(&mut self) {
        match &self.state {
            State::Authorization(_) => {
                self.ok(reply::GOODBYE);
                self.close();
            }
            State::Transaction(maildrop) => {
                self.steps
                    .push_back(Step::Ask(Ask::Finish(maildrop.marked())));
                self.phase = Phase::Finishing;
            }
        }
    }

    /// RFC 6856 §3.
    fn lang(&mut self, range: Option<&str>) {
        let Some(range) = range else {
            self.ok(reply::LIST_FOLLOWS);
            for (_, tag, name) in LANGUAGES {
                self.send(format!("{tag} {name}\r\n"));
            }
            return self.send(".\r\n".into());
        };
        match Language::of(range) {
            Some(language) => {
                self.language = language;
                let text = reply::LANGUAGE_SET.text(language);
                self.send(format!("+OK {} {text}\r\n", language.tag()));
            }
            None => self.no(reply::NO_LANGUAGE),
        }
    }

    /// RFC 2595 §4. What the peer sent ahead in clear text is forgotten, never obeyed.
    fn start_tls(&mut self) {
        if self.tls {
            return self.no(reply::TLS_ON);
        }
        if self.utf8 {
            return self.no(reply::STLS_LATE);
        }
        self.ok(reply::BEGIN_TLS);
        self.input.clear();
        self.tls = true;
        self.state = State::Authorization(None);
        self.steps.push_back(Step::StartTls);
    }

    fn pass(&mut self, secret: Secret) {
        // RFC 1939 §7: a PASS that fails takes its USER along.
        let State::Authorization(name) = &mut self.state else {
            return;
        };
        match name.take() {
            Some(name) => self.sign_in(name, secret),
            None => self.refuse(reply::USER_FIRST),
        }
    }

    fn sign_in(&mut self, name: String, secret: Secret) {
        self.steps
            .push_back(Step::Ask(Ask::SignIn { name, secret }));
        self.phase = Phase::Asking;
    }

    fn not_signed_in(&mut self, refusal: Refusal) {
        self.no(refusal.phrase());
        use Refusal::{Credentials, Downgraded, Later};
        if matches!(refusal, Credentials | Downgraded | Later) {
            self.failed += 1;
        }
        if self.failed >= SIGN_INS_MAX {
            self.end(reply::TOO_MANY_FAILED);
        }
    }
}

/// RFC 1939 §5 scan listing, §7 unique-id listing, with the line end.
fn listing(maildrop: &Maildrop, entry: Entry, unique: bool) -> String {
    match unique {
        true => format!("{} {}\r\n", entry.number, maildrop.unique_id(entry)),
        false => format!("{} {}\r\n", entry.number, entry.size),
    }
}
