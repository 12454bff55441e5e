//! The `[webhooks]` section.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Whether other programs are told of what happens to accounts, and where these may be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    /// Off: this server calls nobody. Which programs are called is data: `congvu admin webhooks`.
    pub enabled: bool,
    /// Addresses that may be called although they are not public ones: who makes a webhook must not reach into the
    /// network of this machine.
    pub private: Vec<IpAddr>,
}
