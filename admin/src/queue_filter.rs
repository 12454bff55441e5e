//! Which of the waiting messages are meant.

use crate::queue::from_of;
use delivery::{Item, RecipientState, Waiting};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a waiting message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum QueueState {
    /// Nobody was tried yet.
    Waiting,
    /// Some were tried, and are tried again.
    Deferred,
    /// An administrator keeps it back.
    Held,
}

impl QueueState {
    pub(crate) fn of(item: &Item) -> Self {
        let tried = |waiting: &Waiting| {
            waiting.tries > 0 || waiting.last.is_some() || waiting.trouble.is_some()
        };
        match item.held {
            Some(_) => Self::Held,
            None if item.waiting.iter().any(tried) => Self::Deferred,
            None => Self::Waiting,
        }
    }
}

/// All that is given must fit.
#[derive(Debug, Default)]
pub(crate) struct Sought {
    /// Empty: the null reverse-path.
    pub(crate) from: Option<String>,
    pub(crate) recipient: Option<String>,
    pub(crate) domain: Option<String>,
    pub(crate) message_id: Option<String>,
    pub(crate) submitter: Option<u32>,
    pub(crate) state: Option<QueueState>,
    /// Seconds since it was accepted, at least.
    pub(crate) older_than: Option<u32>,
}

impl Sought {
    /// Whether it is one of them; `now`: Unix seconds.
    pub(crate) fn fits(&self, item: &Item, now: i64) -> bool {
        let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
        // Where it goes, or whom it was written to.
        let to = |r: &String| {
            let mut waiting = item.waiting.iter();
            waiting.any(|w| {
                let given = item.envelope.recipients.get(w.recipient as usize);
                same(&w.address.to_string(), r)
                    || given.is_some_and(|given| same(&given.address.to_string(), r))
            })
        };
        let at = |domain: &String| {
            let named = formats::DomainName::parse(domain).ok();
            let waits = |w: &&Waiting| !matches!(w.state, RecipientState::Done(_));
            let mut waiting = item.waiting.iter().filter(waits);
            waiting.any(|w| Some(&w.address.domain) == named.as_ref())
        };
        let age = now.saturating_sub(item.accepted_at);
        let submitter = item.submitter.map(directory::AccountId::raw);
        let from = || from_of(item).unwrap_or_default();
        self.from.as_ref().is_none_or(|path| same(&from(), path))
            && self.recipient.as_ref().is_none_or(to)
            && self.domain.as_ref().is_none_or(at)
            && self
                .message_id
                .as_ref()
                .is_none_or(|id| item.message_id.as_deref().map(bare) == Some(bare(id)))
            && self.submitter.is_none_or(|raw| submitter == Some(raw))
            && self.state.is_none_or(|state| QueueState::of(item) == state)
            && self
                .older_than
                .is_none_or(|seconds| age >= i64::from(seconds))
    }
}

/// A Message-ID with or without its brackets (RFC 5322 §3.6.4), as people have it from a header or from a program.
fn bare(id: &str) -> &str {
    let id = id.trim();
    let inside = id.strip_prefix('<').and_then(|id| id.strip_suffix('>'));
    inside.unwrap_or(id)
}
