//! The `[imap]` section of the config.

use serde::{Deserialize, Serialize};

/// Limits of the IMAP service. Each default has its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Octets of one message that APPEND takes. As large as submission's default, so that what was
    /// sent can also be kept in Sent.
    pub size_max: u64,
    /// Messages that one command takes in hand (RFC 9738 MESSAGELIMIT); 0: as many as it names. So high, because
    /// clients that do not know the extension take what is cut off for all that there is.
    pub message_limit: u32,
    /// Messages that one COPY or APPEND takes (RFC 9738 SAVELIMIT) where `message_limit` is 0; 0: as many as
    /// it names.
    pub save_limit: u32,
    /// Octets of all large literals being received at one time, over all connections, and of what CATENATE
    /// reads and puts together. Past it, APPEND is refused with `[LIMIT]` instead of the machine running out
    /// of memory. One account has a quarter of it, or `size_max` if that is more.
    pub memory_max: u64,
    /// Commands run at one time, over all connections. More would only wait for the same disk.
    pub commands_max: u32,
    /// Passwords checked at one time, over all connections; apart from `commands_max`, so that a
    /// storm of sign-ins does not stop those who are signed in.
    pub sign_ins_max: u32,
    /// Let clients that have not enabled UTF-8 add messages with 8-bit header fields, against
    /// RFC 6855 §4: for moving in from an old server by IMAP. They are kept as they came.
    pub raw_headers: bool,
    /// Minutes east of UTC, at most 14 hours either way: in this zone INTERNALDATE and SAVEDATE are told, and days begin
    /// for SEARCH (RFC 9051 §6.4.4), since the store keeps moments and not the zones they were told in. Viet Nam has one
    /// zone and no summer time.
    pub zone_min: i32,
    /// Offer UNAUTHENTICATE (RFC 8437). Its §8 wants it off behind a proxy that checks sign-ins.
    pub unauthenticate: bool,
    /// The JMAP session resource of this server, told by GETJMAPACCESS; `None`: JMAPACCESS is not offered.
    pub jmap_session: Option<String>,
    /// Seconds from connection to login.
    pub login_s: u32,
    /// Seconds without a command after which a signed-in connection is closed. RFC 9051 §5.4
    /// wants at least 30 minutes.
    pub idle_s: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            size_max: 50 * 1024 * 1024,
            message_limit: 1_000_000,
            save_limit: 0,
            memory_max: 512 * 1024 * 1024,
            commands_max: 16,
            sign_ins_max: 4,
            raw_headers: false,
            zone_min: 7 * 60,
            unauthenticate: true,
            jmap_session: None,
            login_s: 120,
            idle_s: 31 * 60,
        }
    }
}

/// Minutes: no place on earth is further from UTC.
const ZONE_MAX_MIN: i32 = 14 * 60;

impl Settings {
    /// Minutes east of UTC.
    pub(crate) fn zone(&self) -> i32 {
        self.zone_min.clamp(-ZONE_MAX_MIN, ZONE_MAX_MIN)
    }

    /// Messages that one COPY or APPEND takes; 0: as many as it names.
    pub(crate) fn saves_max(&self) -> u32 {
        match self.message_limit {
            0 => self.save_limit,
            limit => limit,
        }
    }
}
