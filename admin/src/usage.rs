//! What an account, or an agency with all below it, holds of which limits.

use directory::Used;
use serde::Serialize;
use utoipa::ToSchema;

/// How near a limit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    /// Below the soft limit, or no limit at all.
    Free,
    /// At the soft limit or past it.
    Soft,
    /// A limit is reached: nothing more is taken, freeing works.
    Full,
}

/// Usage and the limits that hold, inherited ones included.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Usage {
    /// Octets of all messages.
    octets: u64,
    /// Messages.
    messages: u64,
    /// Octets at most; null: no limit.
    octets_max: Option<u64>,
    /// Messages at most; null: no limit.
    messages_max: Option<u64>,
    /// Percent of a limit at which the server's log tells of it.
    soft_percent: u8,
    level: Level,
}

impl From<Used> for Usage {
    fn from(used: Used) -> Self {
        let Used { usage, limits } = used;
        let level = if limits.is_full(usage) {
            Level::Full
        } else if limits.soft_passed(usage) {
            Level::Soft
        } else {
            Level::Free
        };
        Self {
            octets: usage.octets,
            messages: usage.messages,
            octets_max: limits.octets,
            messages_max: limits.messages,
            soft_percent: limits.soft_percent,
            level,
        }
    }
}
