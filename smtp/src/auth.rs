//! RFC 4954 AUTH: frames the SASL exchange of `directory`; only over TLS, only on submission.

use crate::ask::{Ask, SignIn};
use crate::receiver::{Phase, Receiver, Service, Tls};
use crate::reply;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use directory::SignInError;
use directory::sasl::{self, Exchange, Step};

/// An exchange that waits for the peer's next line.
pub(crate) struct SigningIn(Exchange);

impl Receiver {
    pub(crate) fn auth(&mut self, mechanism: &str, initial: Option<String>) {
        let no = match (self.service, self.tls) {
            (Service::Mx, _) => Some(reply::NO_AUTH),
            // RFC 4954 §6: the mechanisms offered show the secret.
            (_, Tls::Absent | Tls::Offered) => Some(reply::ENCRYPT_FIRST),
            _ if self.signed_in => Some(reply::SIGNED_IN_ALREADY),
            _ if !self.hello.as_ref().is_some_and(|hello| hello.extended) => {
                Some(reply::HELLO_FIRST)
            }
            _ if self.transaction.is_some() => Some(reply::NOT_NOW),
            _ => None,
        };
        if let Some(no) = no {
            return self.error(no);
        }
        let begun = match &self.scram {
            Some(channel) => Exchange::begin_over(mechanism, channel),
            None => Exchange::begin(mechanism),
        };
        let Some(exchange) = begun else {
            return self.error(reply::NO_MECHANISM);
        };
        match initial.as_deref() {
            None => self.auth_step(exchange, None),
            // RFC 4954 §4: `=` is an initial response of no octets.
            Some("=") => self.auth_step(exchange, Some(&[])),
            Some(text) => self.auth_decode(exchange, text.as_bytes()),
        }
    }

    pub(crate) fn auth_line(&mut self, SigningIn(exchange): SigningIn, line: &[u8]) {
        if line == b"*" {
            return self.error(reply::AUTH_CANCELLED);
        }
        // RFC 4954 §4 has it for an empty initial response; curl says it wherever it has nothing to say.
        let line = line
            .strip_prefix(b"=")
            .filter(|rest| rest.is_empty())
            .unwrap_or(line);
        self.auth_decode(exchange, line);
    }

    fn auth_decode(&mut self, exchange: Exchange, text: &[u8]) {
        match STANDARD.decode(text) {
            Ok(bytes) => self.auth_step(exchange, Some(&bytes)),
            Err(_) => self.error(reply::AUTH_MALFORMED),
        }
    }

    fn auth_step(&mut self, mut exchange: Exchange, answer: Option<&[u8]>) {
        let step = exchange.step(answer);
        self.auth_go_on(exchange, step);
    }

    /// What the directory said to a question of the exchange.
    pub(crate) fn sasl_answered(&mut self, answer: sasl::Answer) {
        if let Phase::Auth(SigningIn(mut exchange)) =
            std::mem::replace(&mut self.phase, Phase::Command)
        {
            let step = exchange.answered(answer);
            self.auth_go_on(exchange, step);
        }
    }

    fn auth_go_on(&mut self, exchange: Exchange, step: Step) {
        match step {
            Step::Challenge(bytes) => {
                let line = format!("334 {}", STANDARD.encode(bytes));
                self.say(&line);
                self.phase = Phase::Auth(SigningIn(exchange));
            }
            Step::Malformed => self.error(reply::AUTH_MALFORMED),
            Step::Downgraded => self.sign_in_failed(reply::AUTH_DOWNGRADED),
            Step::Ask(question) => {
                self.phase = Phase::Auth(SigningIn(exchange));
                self.question = Some(Ask::Sasl(question));
            }
            Step::Entered(entry) => self.question = Some(Ask::Enter(entry)),
            Step::Refused(SignInError::Refused) => self.sign_in_answered(SignIn::Refused),
            Step::Refused(SignInError::ChooseFirst) => {
                self.sign_in_answered(SignIn::ChooseFirst);
            }
            Step::Refused(SignInError::Barred(why)) => {
                self.sign_in_answered(SignIn::Barred(why));
            }
            Step::Refused(SignInError::Later(_)) => self.sign_in_answered(SignIn::Later),
            Step::Refused(SignInError::Storage(error)) => {
                tracing::error!(%error, "sign-in failed");
                self.sign_in_answered(SignIn::Unavailable);
            }
            Step::Credentials(found) => {
                // The exchange has verified that nobody acts for another (RFC 4616 §2).
                self.question = Some(Ask::SignIn {
                    name: found.name,
                    secret: found.secret,
                });
            }
        }
    }

    pub(crate) fn sign_in_answered(&mut self, how: SignIn) {
        match how {
            SignIn::Accepted => {
                self.signed_in = true;
                self.say(reply::SIGNED_IN);
            }
            SignIn::Refused => self.sign_in_failed(reply::AUTH_REFUSED),
            SignIn::ChooseFirst => self.sign_in_failed(reply::AUTH_CHOOSE_FIRST),
            SignIn::Barred(why) => self.sign_in_failed(reply::barred(why)),
            SignIn::Later => self.sign_in_failed(reply::AUTH_LATER),
            SignIn::Unavailable => self.say(reply::AUTH_UNAVAILABLE),
        }
    }

    fn sign_in_failed(&mut self, line: reply::Reply) {
        self.sign_in_failures += 1;
        self.error(line);
        if self.sign_in_failures >= crate::receiver::SIGN_IN_FAILURES_MAX {
            self.close(reply::TOO_MANY_ERRORS);
        }
    }
}
