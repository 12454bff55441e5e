//! Origin: from where and why somebody acts, as the audit log tells of it.

use crate::act::invalid;
use crate::signin::Peer;
use crate::{Access, Error};
use std::net::IpAddr;
use std::sync::Arc;

/// Characters of a reason.
pub const REASON_MAX: usize = 500;
/// What a refusal calls the field that the reason comes in.
pub(crate) const REASON: &str = "Audit-Reason";

/// From where, through what, why, and by which order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origin {
    pub(crate) address: Option<IpAddr>,
    /// `api`, `imap`; empty: the server itself.
    pub(crate) service: &'static str,
    pub(crate) reason: Option<Arc<str>>,
    /// The legal order that is named.
    pub(crate) order: Option<u64>,
    /// Acts are looked at and not done.
    pub(crate) trial: Option<crate::Trial>,
}

impl Origin {
    /// Of a job, which works for somebody who is not there any more.
    pub(crate) const JOB: Self = Self {
        address: None,
        service: "job",
        reason: None,
        order: None,
        trial: None,
    };

    /// Of a sign-in.
    pub(crate) fn of(peer: Peer) -> Self {
        Self {
            address: Some(peer.ip),
            service: peer.service,
            ..Self::default()
        }
    }
}

impl Access {
    /// The same proof, used from there.
    #[must_use]
    pub fn coming_from(mut self, peer: Peer) -> Self {
        self.origin.address = Some(peer.ip);
        self.origin.service = peer.service;
        self
    }

    /// The same proof, used through this client: what is more than the service by which it signed in.
    #[must_use]
    pub fn through_client(mut self, service: &'static str) -> Self {
        self.origin.service = service;
        self
    }

    /// The same proof, and why it is used. Errors: `Invalid` (no characters, too many, or steering ones).
    pub fn because(mut self, reason: &str) -> Result<Self, Error> {
        let reason = reason.trim();
        let count = reason.chars().count();
        if count == 0 || count > REASON_MAX || reason.chars().any(formats::text::steers) {
            return Err(invalid(
                REASON,
                format!("1 to {REASON_MAX} characters on one line"),
            ));
        }
        self.origin.reason = Some(reason.into());
        Ok(self)
    }

    /// The same proof, used under a recorded legal order.
    #[must_use]
    pub fn under_order(mut self, order: u64) -> Self {
        self.origin.order = Some(order);
        self
    }

    /// The reason that it brings.
    pub fn reason(&self) -> Option<&str> {
        self.origin.reason.as_deref()
    }
}
