//! The `[trace]` section.

use serde::{Deserialize, Serialize};

/// How long is kept what became of each message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trace {
    /// Days from a message's acceptance on: from whom and for whom, how it came, each try, where it was placed.
    pub days: u32,
}

impl Default for Trace {
    fn default() -> Self {
        Self { days: 180 }
    }
}

impl Trace {
    /// The key that cannot be so, and what is expected of it.
    pub(super) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        match self.days {
            1..=3_650 => Ok(()),
            _ => Err(("trace.days", "expected 1 to 3650 days")),
        }
    }
}
