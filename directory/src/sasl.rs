//! Sans-io SASL shared by every protocol: PLAIN (RFC 4616) and LOGIN (draft-murchison-sasl-login).

use crate::Secret;

/// What a mechanism came to: name and secret for `Directory::sign_in`.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Credentials {
    pub authzid: Option<String>,
    pub name: String,
    pub secret: Secret,
}

/// What to do next in the exchange.
#[derive(Debug)]
pub enum Step {
    /// Send this challenge (not yet base64) and feed the answer.
    Challenge(Vec<u8>),
    /// Done: check these.
    Credentials(Credentials),
    /// The client's bytes do not follow the mechanism.
    Malformed,
}

/// One exchange.
#[derive(Debug)]
pub struct Exchange {
    pub(crate) state: State,
}
#[derive(Debug)]
pub(crate) enum State {
    Plain,
    LoginName,
    LoginSecret(String),
    Done,
}

#[allow(unused_variables, clippy::todo)]
impl Exchange {
    /// `PLAIN` or `LOGIN`, in any case; `None` for another mechanism.
    pub fn begin(mechanism: &str) -> Option<Self> {
        todo!()
    }
    /// The initial response or an answer, already base64-decoded; `None` when there was no initial response.
    pub fn step(&mut self, answer: Option<&[u8]>) -> Step {
        todo!()
    }
}
