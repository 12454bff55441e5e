//! The `[push]` section.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Whether programs may have changes pushed to addresses of theirs (RFC 8620 §7.2), and where these may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Push {
    /// On: telephones hear of mail without holding a connection open. What is sent says which types changed, nothing of the
    /// mail, and is encrypted where the program gave keys; but the push service learns when somebody gets mail.
    pub enabled: bool,
    /// Addresses that may be called although they are not public ones: who names one must not reach into the network of
    /// this machine.
    pub private: Vec<IpAddr>,
}

impl Default for Push {
    fn default() -> Self {
        Self {
            enabled: true,
            private: Vec::new(),
        }
    }
}
