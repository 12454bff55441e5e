//! News: what the sender is told of one recipient (RFC 3464 §2.3.3), where he asked for it (RFC 3461 §4.1).

use crate::act::GIVEN_UP;
use crate::{Recipient, dsn};
use formats::address::Address;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Octets of a peer's reply that are repeated.
const DIAGNOSTIC_MAX: usize = 500;

/// What is said of a letter that lies in the mailbox.
pub(crate) const PLACED: &str = "2.1.5 placed in the mailbox";

/// What became of the message for this recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Action {
    /// It is over.
    Failed,
    /// It waits, and is tried until then, Unix seconds.
    Delayed(i64),
    /// It lies in the mailbox.
    Delivered,
    /// A list has taken it, which answers for its members (RFC 3461 §5.2.7.1).
    Listed,
    /// It went on to a server that knows no notifications.
    Relayed,
    /// It went on to those to whom the address leads.
    Expanded,
}

impl Action {
    /// RFC 3464 §2.3.3.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed(_) => "delayed",
            Self::Delivered | Self::Listed => "delivered",
            Self::Relayed => "relayed",
            Self::Expanded => "expanded",
        }
    }

    /// Whether it is good news.
    pub(crate) fn succeeds(self) -> bool {
        let good = [Self::Delivered, Self::Listed, Self::Relayed, Self::Expanded];
        good.contains(&self)
    }
}

/// One recipient, and what is told of him.
#[derive(Debug, Clone)]
pub(crate) struct News {
    pub(crate) address: Address,
    pub(crate) orcpt: Option<String>,
    pub(crate) action: Action,
    /// An enhanced status code, then text.
    pub(crate) why: String,
    /// NOTIFY does not ask for it.
    pub(crate) unwanted: bool,
    /// The recipient of the envelope whose mail goes on to that address.
    pub(crate) through: Option<Address>,
}

impl News {
    fn of(recipient: &Recipient, address: &Address, action: Action, why: &str) -> Self {
        let word = match action {
            Action::Failed => "FAILURE",
            Action::Delayed(_) => "DELAY",
            _ => "SUCCESS",
        };
        Self {
            address: address.clone(),
            orcpt: recipient.orcpt.clone(),
            action,
            why: why
                .chars()
                .filter(|c| !c.is_control())
                .take(DIAGNOSTIC_MAX)
                .collect(),
            unwanted: !asks(recipient, word),
            through: None,
        }
    }

    /// It is over. `address` is where it went for `recipient`.
    pub(crate) fn failed(recipient: &Recipient, address: &Address, why: &str) -> Self {
        Self::of(recipient, address, Action::Failed, why)
    }

    /// It waits, and is tried until then.
    pub(crate) fn late(
        recipient: &Recipient,
        address: &Address,
        why: Option<&str>,
        until: i64,
    ) -> Self {
        let why = why.unwrap_or("4.4.0 it was not its turn yet");
        Self::of(recipient, address, Action::Delayed(until), why)
    }

    /// It is well, if anybody asked.
    pub(crate) fn good(
        recipient: &Recipient,
        address: &Address,
        action: Action,
        why: &str,
    ) -> Option<Self> {
        asks(recipient, "SUCCESS").then(|| Self::of(recipient, address, action, why))
    }

    /// RFC 3463 §2 status code, of the class that fits.
    pub(crate) fn status(&self) -> &str {
        let code = self.why.split(' ').next().unwrap_or_default();
        let digits =
            |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        let (class, unknown) = match self.action {
            Action::Failed => ("5.", "5.0.0"),
            Action::Delayed(_) => ("4.", "4.0.0"),
            _ => ("2.", "2.0.0"),
        };
        let fits =
            code.starts_with(class) && code.split('.').count() == 3 && code.split('.').all(digits);
        if fits { code } else { unknown }
    }

    /// As its sender is told it: where a recipient's mail goes on to is his own affair (RFC 3464 §4.2), and who sent it
    /// may not know that address, nor the words of its server.
    pub(crate) fn as_told(&self) -> Cow<'_, Self> {
        let Some(through) = &self.through else {
            return Cow::Borrowed(self);
        };
        let what = match self.action {
            _ if self.why == GIVEN_UP => return self.of_whom(through, GIVEN_UP.to_owned()),
            Action::Failed => "the recipient's mail goes on elsewhere, where it was not taken",
            Action::Delayed(_) => {
                "the recipient's mail goes on elsewhere, where it was not taken yet"
            }
            _ => "the recipient's mail goes on elsewhere, where it was taken",
        };
        self.of_whom(through, format!("{} {what}", self.status()))
    }

    fn of_whom(&self, address: &Address, why: String) -> Cow<'_, Self> {
        Cow::Owned(Self {
            address: address.clone(),
            why,
            ..self.clone()
        })
    }

    /// When it is tried until, where it waits.
    pub(crate) fn until(&self) -> Option<i64> {
        match self.action {
            Action::Delayed(until) => Some(until),
            _ => None,
        }
    }
}

/// RFC 3461 §4.1: without NOTIFY failures are told, delays may be, and success is not.
fn asks(recipient: &Recipient, for_what: &str) -> bool {
    match recipient.notify.as_deref() {
        None => for_what != "SUCCESS",
        Some(notify) => notify.split(',').any(|word| word == for_what),
    }
}

/// RFC 3461 §5.2.7.3: the address leads to several. Its sender is told of that, if he asked for success; what comes
/// of each of them he then hears only when it fails.
pub(crate) fn expand(recipient: &mut Recipient) -> Option<News> {
    let why = "2.1.5 the address leads to several recipients";
    let news = News::good(recipient, &recipient.address, Action::Expanded, why)?;
    recipient.notify = recipient.notify.as_deref().map(dsn::without_success);
    Some(news)
}
