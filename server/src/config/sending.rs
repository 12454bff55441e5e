//! `[sending]`: how much each account may send, where its agencies say nothing.

use directory::{Caps, SendingSettings};
use serde::{Deserialize, Serialize};

/// Limits of sending; 0: no limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sending {
    /// Messages of one account in an hour.
    pub messages_per_hour: u64,
    /// Messages of one account in a day.
    pub messages_per_day: u64,
    /// Recipients of all of them in an hour; a list is one.
    pub recipients_per_hour: u64,
    /// The same in a day.
    pub recipients_per_day: u64,
    /// Recipients in an hour from which on ten times more than in the busiest hour of two weeks suspends the
    /// account's sending: so sends who stole a password.
    pub sudden_recipients: u64,
}

impl Default for Sending {
    /// More than people write, less than a stolen password would be worth.
    fn default() -> Self {
        Self {
            messages_per_hour: 1_000,
            messages_per_day: 5_000,
            recipients_per_hour: 5_000,
            recipients_per_day: 20_000,
            sudden_recipients: 1_000,
        }
    }
}

impl Sending {
    /// The same for the directory.
    pub(crate) fn settings(&self) -> SendingSettings {
        let limit = |number: u64| (number > 0).then_some(number);
        SendingSettings {
            each: Caps {
                messages_hour: limit(self.messages_per_hour),
                messages_day: limit(self.messages_per_day),
                recipients_hour: limit(self.recipients_per_hour),
                recipients_day: limit(self.recipients_per_day),
                ..Caps::default()
            },
            sudden: limit(self.sudden_recipients),
        }
    }
}
