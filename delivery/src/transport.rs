//! What relaying needs of the world; `smtp` implements it in a later issue.

use formats::address::{Address, DomainName};
use serde::{Deserialize, Serialize};

/// How one try for one recipient ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Handed over; the peer's reply.
    Relayed(String),
    /// Try again later; why (with an enhanced status code first, e.g. `4.4.1 …`).
    Deferred(String),
    /// Refused for good.
    Failed(String),
}

/// Sends one message to the recipients of one domain.
pub trait Transport: Send + Sync {
    /// Tries now; one outcome for each recipient, in order.
    fn relay(&self, from: &crate::ReversePath, to: &[Address], content: &[u8]) -> Vec<Outcome>;
}

/// Finds where a domain's mail goes.
pub trait Resolver: Send + Sync {
    /// Mail hosts in the order to try; empty: none.
    fn mail_hosts(&self, domain: &DomainName) -> Result<Vec<String>, String>;
}
