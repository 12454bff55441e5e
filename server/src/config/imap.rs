//! The `[imap]` section.

use serde::{Deserialize, Serialize};

/// What IMAP offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Imap {
    /// Offer UNAUTHENTICATE; off behind a proxy that checks sign-ins itself (RFC 8437 §8).
    pub unauthenticate: bool,
    /// Take messages with 8-bit header fields from clients that have not enabled UTF-8, against RFC 6855 §4: while
    /// mail moves in from an old server by IMAP.
    pub raw_headers: bool,
    /// Minutes east of UTC: the zone in which INTERNALDATE is told and days begin for SEARCH. At most 14 hours either
    /// way.
    pub zone_min: i32,
    /// Messages that one command takes in hand, as RFC 9738 (MESSAGELIMIT) announces; 0: no limit. Not below 1,000.
    pub message_limit: u32,
    /// Messages that one COPY or APPEND takes where `message_limit` is 0 (SAVELIMIT); 0: no limit.
    pub save_limit: u32,
}

impl Default for Imap {
    fn default() -> Self {
        Self {
            unauthenticate: true,
            raw_headers: false,
            zone_min: 7 * 60,
            message_limit: 1_000_000,
            save_limit: 0,
        }
    }
}

impl Imap {
    /// The key that cannot be so, and what is expected of it.
    pub(super) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        for (key, limit) in [
            ("imap.message_limit", self.message_limit),
            ("imap.save_limit", self.save_limit),
        ] {
            if (1..1_000).contains(&limit) {
                return Err((key, "expected 0 or at least 1000 messages (RFC 9738 §3)"));
            }
        }
        if !(-840..=840).contains(&self.zone_min) {
            return Err(("imap.zone_min", "expected -840 to 840 minutes"));
        }
        Ok(())
    }
}
