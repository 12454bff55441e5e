//! The `[inbound]` section.

use delivery::Enforcement;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How mail from outside is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Inbound {
    /// Whether DNS is asked who may send in a domain's name (SPF, DKIM, DMARC). Off in a network without DNS of the
    /// Internet.
    pub verify: bool,
    /// What becomes of mail that fails where its author's domain wishes so.
    pub dmarc: Enforcement,
    /// Peers whose mail is not looked at: gateways that did so before, and this machine.
    pub trusted: Vec<IpAddr>,
}

impl Default for Inbound {
    fn default() -> Self {
        Self {
            verify: true,
            dmarc: Enforcement::default(),
            trusted: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        }
    }
}
