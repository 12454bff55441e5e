//! Limits of the POP3 service.

use serde::{Deserialize, Serialize};

/// Limits of the POP3 service. Each default has its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Commands run at one time, over all connections. More would only wait for the same disk.
    pub commands_max: u32,
    /// Passwords checked at one time, over all connections; apart from `commands_max`, so that a
    /// storm of sign-ins does not stop those who are signed in.
    pub sign_ins_max: u32,
    /// Seconds from connection to sign-in.
    pub login_s: u32,
    /// Seconds without a command after which a signed-in connection is closed. RFC 1939 §3 wants
    /// at least 10 minutes; longer would keep the maildrop from the next session.
    pub idle_s: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            commands_max: 16,
            sign_ins_max: 4,
            login_s: 120,
            idle_s: 10 * 60,
        }
    }
}
