//! The `[audit]` section.

use directory::audit::KEPT_MONTHS_MIN;
use serde::{Deserialize, Serialize};

/// How long the audit log is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// Months after which entries go, at least 12; 0: never. Export them before (`congvu admin audit export`).
    pub months: u32,
}

impl Audit {
    /// The key that cannot be so, and what is expected of it.
    pub(super) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        match self.months {
            0 | KEPT_MONTHS_MIN..=1_200 => Ok(()),
            _ => Err(("audit.months", "expected 12 to 1200 months, or 0 for ever")),
        }
    }
}
