//! RFC 8621 §4.4.1: a search of the text or the body of messages looks into attached files too, as far as their text
//! is known. The index says which messages may have a word there; only of those the text is read.

use super::filter::{Filter, Test};
use crate::sight::Sight;
use std::collections::BTreeSet;
use storage::EmailId;

/// Messages with some word of a query in attached files.
#[derive(Default)]
pub(crate) struct Attached(BTreeSet<EmailId>);

impl Attached {
    /// Asks the index for each word of the filter that may stand in a body.
    pub(crate) fn of(mail: &Sight, filter: &Filter) -> Self {
        let mut found = BTreeSet::new();
        for test in filter.tests() {
            if let Test::Text(words) | Test::Body(words) = test {
                for (needle, _) in words.needles() {
                    found.extend(mail.sought_attached(needle));
                }
            }
        }
        Self(found)
    }

    /// Whether some word may stand in this message's files.
    pub(crate) fn may_have(&self, email: EmailId) -> bool {
        self.0.contains(&email)
    }
}
