//! Sans-io SASL shared by every protocol: PLAIN (RFC 4616 §2), LOGIN (draft-murchison-sasl-login),
//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 7677).
//!
//! A protocol begins an [`Exchange`] and does each [`Step`] until there is one that ends it. Two of them need
//! the directory, on a blocking thread: [`Step::Credentials`] and [`Step::Ask`].

use crate::scram::Scram;
pub use crate::scram::{Answer, Question};
use crate::{Access, Secret, SignInError};
use std::sync::Arc;

/// Octets of an identity or a secret. RFC 4616 §2: at least 255 must be accepted.
pub const FIELD_MAX: usize = 1024;
/// Octets of one answer, base64 taken off.
pub const ANSWER_MAX: usize = 3 * FIELD_MAX + 2;

/// What a mechanism came to: name and secret for `Directory::sign_in`.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Credentials {
    /// The same as `name` when given: acting as somebody else is not offered.
    pub authzid: Option<String>,
    pub name: String,
    pub secret: Secret,
}

/// What to do next in the exchange.
#[derive(Debug)]
pub enum Step {
    /// Send this challenge (not yet base64) and feed the answer.
    Challenge(Vec<u8>),
    /// Done: check these with `Directory::sign_in`.
    Credentials(Credentials),
    /// Find this out with [`Question::answer`], then call [`Exchange::answered`].
    Ask(Question),
    /// Done: signed in.
    Entered(Entry),
    /// Done: not signed in.
    Refused(SignInError),
    /// The client's bytes do not follow the mechanism, or it asks to act as somebody else.
    Malformed,
    /// Done: not signed in. The client could bind the channel and was told that we cannot, though we said that
    /// we can: somebody may have taken -PLUS out of the list (RFC 5802 §6).
    Downgraded,
}

/// What a SCRAM exchange came to. Unlike others it is made before its bearer has said the last word, so it
/// is worth something only to whom [`Step::Entered`] gives it.
#[derive(Debug, Clone)]
pub struct Entry(pub(crate) Box<Access>);

impl Entry {
    /// The proof of the sign-in.
    pub fn into_access(self) -> Access {
        *self.0
    }
}

impl PartialEq for Entry {
    /// Two sign-ins are never the same one.
    fn eq(&self, _: &Self) -> bool {
        false
    }
}

/// What the TLS channel lends to channel binding (RFC 5056); nothing: it cannot be bound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Channel {
    /// RFC 9266 §2 `tls-exporter`, TLS 1.3 only.
    pub exporter: Option<[u8; 32]>,
    /// RFC 5929 §4 `tls-server-end-point`: the certificate's hash.
    pub end_point: Option<Arc<[u8]>>,
}

impl Channel {
    /// Whether SCRAM-SHA-256-PLUS can be offered.
    pub fn binds(&self) -> bool {
        self.exporter.is_some() || self.end_point.is_some()
    }

    /// The binding data of a kind, when there is such.
    pub(crate) fn data(&self, kind: &str) -> Option<&[u8]> {
        match kind {
            "tls-exporter" => self.exporter.as_ref().map(<[u8; 32]>::as_slice),
            "tls-server-end-point" => self.end_point.as_deref(),
            _ => None,
        }
    }
}

/// One exchange.
#[derive(Debug)]
pub struct Exchange {
    state: State,
}

#[derive(Debug)]
enum State {
    Plain { asked: bool },
    LoginName { asked: bool },
    LoginSecret(String),
    Scram(Box<Scram>),
    Done,
}

impl Exchange {
    /// As [`Exchange::begin`], and where the directory offers it ([`crate::Directory::offers_scram`])
    /// `SCRAM-SHA-256`; over a channel that can be bound `SCRAM-SHA-256-PLUS` too.
    pub fn begin_over(mechanism: &str, channel: &Channel) -> Option<Self> {
        let plus = mechanism.eq_ignore_ascii_case("SCRAM-SHA-256-PLUS") && channel.binds();
        if plus || mechanism.eq_ignore_ascii_case("SCRAM-SHA-256") {
            let scram = Scram::new(plus, channel.clone());
            let state = State::Scram(Box::new(scram));
            return Some(Self { state });
        }
        Self::begin(mechanism)
    }

    /// `PLAIN` or `LOGIN`, in any case; `None` for another mechanism.
    pub fn begin(mechanism: &str) -> Option<Self> {
        let state = if mechanism.eq_ignore_ascii_case("PLAIN") {
            State::Plain { asked: false }
        } else if mechanism.eq_ignore_ascii_case("LOGIN") {
            State::LoginName { asked: false }
        } else {
            return None;
        };
        Some(Self { state })
    }

    /// The initial response or an answer, already base64-decoded; `None` when there was no initial response.
    pub fn step(&mut self, answer: Option<&[u8]>) -> Step {
        let state = std::mem::replace(&mut self.state, State::Done);
        match (state, answer) {
            (State::Plain { asked: false }, None) => {
                self.state = State::Plain { asked: true };
                Step::Challenge(Vec::new())
            }
            (State::Plain { .. }, Some(message)) => {
                plain(message).map_or(Step::Malformed, Step::Credentials)
            }
            (State::LoginName { asked: false }, None) => {
                self.state = State::LoginName { asked: true };
                // The spelling that the one widely deployed client of draft-murchison-sasl-login needs.
                Step::Challenge(b"Username:".to_vec())
            }
            (State::LoginName { .. }, Some(name)) => match field(name) {
                Some(name) => {
                    self.state = State::LoginSecret(name.to_owned());
                    Step::Challenge(b"Password:".to_vec())
                }
                None => Step::Malformed,
            },
            (State::Scram(mut scram), answer) => {
                let step = scram.step(answer);
                self.state = State::Scram(scram);
                step
            }
            (State::LoginSecret(name), Some(secret)) => match field(secret) {
                Some(secret) => Step::Credentials(Credentials {
                    authzid: None,
                    name,
                    secret: Secret::new(secret),
                }),
                None => Step::Malformed,
            },
            _ => Step::Malformed,
        }
    }

    /// What the directory said to [`Step::Ask`].
    pub fn answered(&mut self, answer: Answer) -> Step {
        match &mut self.state {
            State::Scram(scram) => scram.answered(answer),
            _ => Step::Malformed,
        }
    }
}

/// `message = [authzid] UTF8NUL authcid UTF8NUL passwd` (RFC 4616 §2).
fn plain(message: &[u8]) -> Option<Credentials> {
    if message.len() > ANSWER_MAX {
        return None;
    }
    let mut parts = message.split(|b| *b == 0);
    let (authzid, name, secret) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let authzid = if authzid.is_empty() {
        None
    } else {
        Some(field(authzid)?.to_owned())
    };
    let name = field(name)?;
    // RFC 4616 §2: it is verified that the client may act as the authzid; only as oneself.
    if authzid.as_deref().is_some_and(|authzid| authzid != name) {
        return None;
    }
    Some(Credentials {
        authzid,
        name: name.to_owned(),
        secret: Secret::new(field(secret)?),
    })
}

/// `1*SAFE`: UTF-8 without NUL, not empty, within the limit.
fn field(bytes: &[u8]) -> Option<&str> {
    if bytes.is_empty() || bytes.len() > FIELD_MAX || bytes.contains(&0) {
        return None;
    }
    std::str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds the answers (`-` is none) and spells the steps.
    fn check(mechanism: &str, answers: &[&[u8]], expected: &str) {
        let mut exchange = Exchange::begin(mechanism).unwrap();
        let steps: Vec<String> = answers
            .iter()
            .map(|a| match exchange.step((*a != b"-").then_some(*a)) {
                Step::Challenge(bytes) => format!("+{}", String::from_utf8(bytes).unwrap()),
                Step::Credentials(c) => format!("{}/{}", c.name, c.secret.expose()),
                Step::Malformed => "!".to_owned(),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(steps.join(" "), expected, "{mechanism} {answers:?}");
    }

    #[test]
    fn plain_is_read_as_rfc_4616_says() {
        check("PLAIN", &[b"\0an\0mat khau"], "an/mat khau");
        check("plain", &[b"-", b"an\0an\0s"], "+ an/s");
        check("PLAIN", &[b"other\0an\0s"], "!");
        check("PLAIN", &[b"\0an\0"], "!");
        check("PLAIN", &[b"\0\0s"], "!");
        check("PLAIN", &[b"\0an"], "!");
        check("PLAIN", &[b"\0an\0s\0"], "!");
        check("PLAIN", &[b""], "!");
        check("PLAIN", &[b"\0a\xff\0s"], "!");
        check("PLAIN", &[b"\0an\0s", b"\0an\0s"], "an/s !");
        check("PLAIN", &[b"-", b"-"], "+ !");
        check(
            "PLAIN",
            &[format!("\0{}\0s", "a".repeat(1024)).as_bytes()],
            &format!("{}/s", "a".repeat(1024)),
        );
        check(
            "PLAIN",
            &[format!("\0{}\0s", "a".repeat(1025)).as_bytes()],
            "!",
        );
    }

    #[test]
    fn login_asks_for_name_and_secret() {
        check("LOGIN", &[b"-", b"an", b"s"], "+Username: +Password: an/s");
        check("login", &[b"an", b"s"], "+Password: an/s");
        check("LOGIN", &[b"-", b""], "+Username: !");
        check("LOGIN", &[b"-", b"a\0b"], "+Username: !");
        check("LOGIN", &[b"-", b"an", b"s\0"], "+Username: +Password: !");
        check(
            "LOGIN",
            &[b"-", b"an", b"s", b"s"],
            "+Username: +Password: an/s !",
        );
    }

    #[test]
    fn other_mechanisms_are_not_offered() {
        assert!(Exchange::begin("CRAM-MD5").is_none());
        assert!(Exchange::begin("").is_none());
    }
}
