//! RFC 5034 §4 AUTH: the exchange of `directory::sasl` between lines.

use super::{Machine, Phase};
use crate::ask::{Ask, Refusal, Step};
use crate::run::refused_sign_in;
use crate::wire::command::Auth;
use crate::wire::reply;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use directory::Secret;
use directory::sasl::{self, Channel, Exchange};

impl Machine {
    /// Whether SCRAM can bind the channel; `None`: it is not offered.
    pub(super) fn binds(&self) -> Option<bool> {
        self.scram.as_ref().map(Channel::binds)
    }

    pub(super) fn auth(&mut self, auth: &Auth) {
        let begun = match &self.scram {
            Some(channel) => Exchange::begin_over(&auth.mechanism, channel),
            None => Exchange::begin(&auth.mechanism),
        };
        let Some(exchange) = begun else {
            return self.no(reply::NO_MECHANISM);
        };
        match auth.initial.as_ref().map(Secret::expose) {
            None => self.sasl_step(exchange, None),
            // RFC 5034 §4: `=` is an initial response of no octets.
            Some("=") => self.sasl_step(exchange, Some(&[])),
            Some(text) => self.sasl_decode(exchange, text.as_bytes()),
        }
    }

    pub(super) fn sasl_line(&mut self, exchange: Exchange, line: &[u8]) {
        // RFC 5034 §4: `*` cancels.
        if line == b"*" {
            return self.refuse(reply::CANCELLED);
        }
        // RFC 5034 §4 has it for an empty initial response; curl says it wherever it has nothing to say.
        let line = line
            .strip_prefix(b"=")
            .filter(|rest| rest.is_empty())
            .unwrap_or(line);
        self.sasl_decode(exchange, line);
    }

    fn sasl_decode(&mut self, exchange: Exchange, text: &[u8]) {
        match STANDARD.decode(text) {
            Ok(octets) => self.sasl_step(exchange, Some(&octets)),
            Err(_) => self.refuse(reply::MALFORMED),
        }
    }

    fn sasl_step(&mut self, mut exchange: Exchange, answer: Option<&[u8]>) {
        let step = exchange.step(answer);
        self.sasl_go_on(exchange, step);
    }

    pub(super) fn sasl_go_on(&mut self, exchange: Exchange, step: sasl::Step) {
        match step {
            sasl::Step::Challenge(octets) => {
                self.send(format!("+ {}\r\n", STANDARD.encode(octets)));
                self.phase = Phase::Sasl(exchange);
            }
            // The exchange has verified that nobody acts for another (RFC 4616 §2).
            sasl::Step::Credentials(found) => self.sign_in(found.name, found.secret),
            sasl::Step::Ask(question) => {
                self.steps.push_back(Step::Ask(Ask::Sasl(question)));
                self.phase = Phase::SaslAsks(exchange);
            }
            sasl::Step::Entered(entry) => {
                self.steps.push_back(Step::Ask(Ask::Enter(entry)));
                self.phase = Phase::Asking;
            }
            sasl::Step::Refused(error) => self.not_signed_in(refused_sign_in(&error)),
            sasl::Step::Malformed => self.refuse(reply::MALFORMED),
            sasl::Step::Downgraded => self.not_signed_in(Refusal::Downgraded),
        }
    }
}
