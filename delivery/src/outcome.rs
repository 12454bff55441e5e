//! How tries end, and what a peer said.

use serde::{Deserialize, Serialize};

/// How one try for one recipient ended. The text begins with an enhanced status code (RFC 3463 §2); what a peer
/// answered stands in it word for word, as `STATUS PEER said to WHAT: ANSWER`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Handed over; the peer's reply.
    Relayed(String),
    /// Try again later; why (with an enhanced status code first, e.g. `4.4.1 …`).
    Deferred(String),
    /// Refused for good.
    Failed(String),
}

impl Outcome {
    /// What is told of it.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Relayed(text) | Self::Deferred(text) | Self::Failed(text) => text,
        }
    }
}

/// What comes before the peer's words where time ran out.
pub(crate) const IN_TIME: &str = "not delivered in time: ";

/// What is told of a deferral after which nothing is tried any more.
pub(crate) fn out_of_time(deferral: &str) -> String {
    let why = deferral.split_once(' ').map_or(deferral, |(_, why)| why);
    format!("5.4.7 {IN_TIME}{why}")
}

/// What keeps a next hop from taking anything, as it is told of a message that was not tried there, or was answered
/// something else: these are no words about that message.
pub(crate) fn of_the_hop(trouble: &str) -> String {
    let (status, why) = trouble.split_once(' ').unwrap_or(("4.4.0", trouble));
    format!("{status} the next hop takes nothing now: {why}")
}

/// Who said what, in the text of an outcome: the peer's name and its answer, code first. `None`: no peer spoke.
pub(crate) fn said(text: &str) -> Option<(&str, &str)> {
    let (_, text) = text.split_once(' ')?;
    let text = text.strip_prefix(IN_TIME).unwrap_or(text);
    let (peer, rest) = text.split_once(" said to ")?;
    let (_, answer) = rest.split_once(": ")?;
    let code = answer.get(..3)?;
    let host = peer.split('[').next().unwrap_or(peer);
    let is_name = !host.is_empty() && !host.contains(' ');
    (is_name && code.bytes().all(|b| b.is_ascii_digit())).then_some((host, answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peers_own_words_are_found() {
        let check = |text: &str, expected: Option<(&str, &str)>| assert_eq!(said(text), expected);
        check(
            "5.1.1 mx.b.example[192.0.2.1] said to RCPT TO: 550 5.1.1 no: not here",
            Some(("mx.b.example", "550 5.1.1 no: not here")),
        );
        check(
            "5.4.7 not delivered in time: mx.b.example said to the session: 421 busy",
            Some(("mx.b.example", "421 busy")),
        );
        check("4.4.1 nobody answers", None);
        check("5.1.1 the peer said to go: away", None);
        check("", None);
        check("5.0.0 x said to y: é", None);
        // What was said to another message was not said to this one.
        let hop = of_the_hop("4.3.2 mx.b.example said to DATA: 421 busy");
        assert_eq!(
            hop,
            "4.3.2 the next hop takes nothing now: mx.b.example said to DATA: 421 busy"
        );
        check(&hop, None);
    }
}
