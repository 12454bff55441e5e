//! RFC 9051 §6.2.2 AUTHENTICATE: the exchange of `directory::sasl` between lines.

use super::{Machine, Phase};
use crate::ask::{Ask, Completion, Effect, Step};
use crate::frame::LINE_BEFORE_LOGIN_MAX;
use crate::run::refused_sign_in;
use crate::wire::command::{self, Command};
use crate::wire::response::Status;
use directory::Secret;
use directory::sasl::{self, Exchange};

/// RFC 5802 §6: said to a client that could bind the channel and was told that we cannot.
const DOWNGRADED: &str = "SCRAM-SHA-256-PLUS is offered here, but the client does not know it: choose it, or see who \
                          is in between";

impl Machine {
    pub(super) fn authenticate(&mut self, tag: String, mechanism: &str, initial: Option<&[u8]>) {
        let begun = match &self.scram {
            Some(channel) => Exchange::begin_over(mechanism, channel),
            None => Exchange::begin(mechanism),
        };
        let Some(exchange) = begun else {
            return self.tagged(&tag, Status::No, "[CANNOT] This mechanism is not offered");
        };
        // RFC 9051 §6.2.2 refuses an initial response where the server has the first word. No standard says that
        // of LOGIN, and clients (curl among them) send the name in it: it is taken, as by SMTP and POP3.
        self.sasl_step(tag, exchange, initial);
    }

    pub(super) fn sasl_line(&mut self) -> bool {
        let line = match self.input.line(LINE_BEFORE_LOGIN_MAX) {
            Ok(Some(line)) => line,
            Ok(None) => return false,
            Err(why) => {
                self.bye(why);
                return false;
            }
        };
        let Phase::Sasl { tag, exchange } = std::mem::replace(&mut self.phase, Phase::Reading)
        else {
            return false;
        };
        // RFC 9051 §6.2.2: "*" cancels.
        if line == b"*" {
            self.tagged(&tag, Status::Bad, "AUTHENTICATE was cancelled");
        } else if line == b"=" {
            // RFC 4959 §3 has it for an empty initial response; curl says it wherever it has nothing to say.
            self.sasl_step(tag, exchange, Some(&[]));
        } else if let Some(octets) = command::base64(&line) {
            self.sasl_step(tag, exchange, Some(&octets));
        } else {
            self.refuse(Some(tag), "the response is not base64");
        }
        matches!(self.phase, Phase::Reading | Phase::Sasl { .. })
    }

    fn sasl_step(&mut self, tag: String, mut exchange: Exchange, answer: Option<&[u8]>) {
        let step = exchange.step(answer);
        self.sasl_go_on(tag, exchange, step);
    }

    fn sasl_go_on(&mut self, tag: String, exchange: Exchange, step: sasl::Step) {
        match step {
            sasl::Step::Ask(question) => {
                self.steps.push_back(Step::Ask(Ask::Sasl(question)));
                self.phase = Phase::SaslAsks { tag, exchange };
            }
            sasl::Step::Entered(entry) => {
                self.ask(&tag, Command::Enter(entry));
                self.phase = Phase::Running { tag };
            }
            sasl::Step::Refused(error) => {
                self.phase = Phase::Running { tag };
                self.complete(refused_sign_in(&error));
            }
            sasl::Step::Challenge(octets) => {
                use base64::Engine as _;
                let text = base64::engine::general_purpose::STANDARD.encode(octets);
                self.send(format!("+ {text}\r\n"));
                self.phase = Phase::Sasl { tag, exchange };
            }
            sasl::Step::Credentials(found) => {
                // RFC 4616 §2: acting for somebody else is not offered.
                let other = found
                    .authzid
                    .as_ref()
                    .is_some_and(|z| !z.is_empty() && *z != found.name);
                if other {
                    let text =
                        "[AUTHORIZATIONFAILED] Signing in for another account is not offered";
                    return self.tagged(&tag, Status::No, text);
                }
                self.sign_in(tag, found.name, found.secret);
            }
            sasl::Step::Malformed => {
                self.refuse(Some(tag), "the response does not fit the mechanism")
            }
            sasl::Step::Downgraded => {
                let refused = Completion::no("AUTHENTICATIONFAILED", DOWNGRADED);
                self.phase = Phase::Running { tag };
                self.complete(refused.effect(Effect::NotSignedIn));
            }
        }
    }

    fn sign_in(&mut self, tag: String, name: String, secret: Secret) {
        self.ask(&tag, Command::Login { name, secret });
        self.phase = Phase::Running { tag };
    }

    /// What the directory said to the exchange.
    pub(super) fn sasl_answered(&mut self, answer: sasl::Answer) {
        if let Phase::SaslAsks { tag, mut exchange } =
            std::mem::replace(&mut self.phase, Phase::Reading)
        {
            let step = exchange.answered(answer);
            self.sasl_go_on(tag, exchange, step);
        }
    }
}
