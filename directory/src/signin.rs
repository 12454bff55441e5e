//! Signing in: secrets against credentials, back-off, browser sessions.

use crate::*;
use std::net::IpAddr;

/// Where a sign-in comes from, for back-off and audit.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Peer {
    pub ip: IpAddr,
    /// `imap`, `submission`, `jmap`, `login`, `api`.
    pub service: &'static str,
}

/// A browser session's secret as set in the cookie; `Debug` is `***`. Stored only as a hash.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(pub String);
impl std::fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[allow(unused_variables, clippy::todo)]
impl Directory {
    /// Address (or alias; or a bare local part of the default domain) and password or app password.
    /// Costs a whole argon2id unless lately verified: call it on a blocking thread. Unknown names cost the same.
    pub fn sign_in(&self, name: &str, secret: &Secret, peer: Peer) -> Result<Access, SignInError> {
        todo!()
    }
    /// A bearer token.
    pub fn sign_in_token(&self, token: &Secret, peer: Peer) -> Result<Access, SignInError> {
        todo!()
    }
    /// Opens a browser session for somebody who just signed in; durable; ends after 12 h idle or 7 days.
    pub fn open_session(&self, access: &Access, peer: Peer) -> Result<SessionToken, Error> {
        todo!()
    }
    /// The session's Access; `None` when unknown, ended or expired. Quick (no argon2).
    pub fn session(&self, token: &str) -> Option<Access> {
        todo!()
    }
    /// Ends it.
    pub fn close_session(&self, token: &str) -> Result<(), Error> {
        todo!()
    }
}
