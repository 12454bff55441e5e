//! One mail transaction of the sender: MAIL, RCPT, DATA or BDAT, and what the peer says of each recipient.
//!
//! With PIPELINING (RFC 2920) commands go out in windows; the order of replies tells what each answers.

use super::answer::Reply;
use super::content::Outgoing;
use super::{Config, Features, Message, soft};
use delivery::{Outcome, Recipient, ReversePath};
use std::collections::VecDeque;
use std::fmt::Write;

/// Commands that may be unanswered at a time: their replies fit into any socket's buffer, so neither
/// side can block the other.
const PIPELINED_MAX: usize = 50;

/// In the text of an outcome: the peer may have taken the message, and its answer was lost.
pub const DOUBT: &str = "after the whole message was sent; it may arrive twice";

/// In the text of an outcome: the peer ended the connection without a word.
pub const CLOSED: &str = "closed the connection";

/// What a reply answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Mail,
    Recipient(usize),
    Data,
    /// The end of the message; with LMTP, for this recipient.
    End(Option<usize>),
}

#[derive(Debug)]
pub(super) struct Transfer {
    message: Message,
    peer: String,
    lmtp: bool,
    window: usize,
    chunking: bool,
    dsn: bool,
    /// SMTPUTF8 is asked for.
    utf8: bool,
    mail_line: String,
    mail_sent: bool,
    /// Number of the next recipient to be named.
    next: usize,
    data_sent: bool,
    expected: VecDeque<Expected>,
    accepted: Vec<bool>,
    outcomes: Vec<Option<Outcome>>,
    outgoing: Option<Outgoing>,
    /// The peer began a message that nobody is to get, or lost the order of replies.
    broken: bool,
    /// It ended with the message's end, so that the peer is ready for another.
    clean: bool,
}

impl Transfer {
    pub(super) fn new(
        message: Message,
        features: &Features,
        config: &Config,
        secured: bool,
    ) -> Self {
        let count = message.recipients.len();
        let chunking = message.binary;
        let international = message.recipients.iter().any(|to| !to.address.is_ascii());
        let mut transfer = Self {
            peer: config.peer.clone(),
            lmtp: config.lmtp,
            window: if features.pipelining {
                PIPELINED_MAX
            } else {
                1
            },
            chunking,
            dsn: features.dsn,
            utf8: features.smtputf8 && (message.smtputf8 || international),
            mail_line: String::new(),
            mail_sent: false,
            next: 0,
            data_sent: false,
            expected: VecDeque::new(),
            accepted: vec![false; count],
            outcomes: vec![None; count],
            outgoing: None,
            broken: false,
            clean: false,
            message,
        };
        if let Some(why) = transfer.cannot(features, secured) {
            transfer.all(&Outcome::Failed(why));
            transfer.clean = true;
        }
        transfer.leave_international(features);
        transfer.mail_line = transfer.mail(features);
        transfer
    }

    /// Why the message cannot be given to a peer with these features, ever.
    fn cannot(&self, features: &Features, secured: bool) -> Option<String> {
        let (message, peer) = (&self.message, &self.peer);
        let octets = message.octets();
        if !features.fits(octets) {
            let max = features.size.unwrap_or(0);
            // RFC 1870 §6.1: known before a single octet is sent.
            return Some(format!(
                "5.3.4 {peer} takes messages of {max} octets at most, this one has {octets}"
            ));
        }
        // RFC 6531 §3.2: never to a server that does not offer it; §3.5 has a code of its own for the header.
        if message.smtputf8 && !features.smtputf8 {
            let header = match &message.from {
                ReversePath::Null => true,
                ReversePath::Address(address) => address.is_ascii(),
            };
            return Some(match header {
                true => format!("5.6.9 {peer} takes no UTF-8 in the header (SMTPUTF8)"),
                false => international(peer),
            });
        }
        if message.binary && !features.takes_binary() {
            return Some(format!(
                "5.6.3 {peer} takes no binary messages (BINARYMIME)"
            ));
        }
        if message.eight_bit && !message.binary && !features.eight_bit {
            return Some(format!("5.6.3 {peer} takes no 8-bit messages (8BITMIME)"));
        }
        // RFC 8689 §4.2.1.
        if message.require_tls && !(features.requiretls && secured) {
            return Some(format!(
                "5.7.30 {peer} does not offer REQUIRETLS, which the sender asks for"
            ));
        }
        None
    }

    /// RFC 6531 §3.2: who has an address in UTF-8 cannot get it from a server that does not know those; the others can.
    fn leave_international(&mut self, features: &Features) {
        if features.smtputf8 {
            return;
        }
        let why = international(&self.peer);
        for (recipient, outcome) in self.message.recipients.iter().zip(&mut self.outcomes) {
            if outcome.is_none() && !recipient.address.is_ascii() {
                *outcome = Some(Outcome::Failed(why.clone()));
            }
        }
        // Where nobody is left, the peer has not heard of it.
        self.clean |= self.outcomes.iter().all(Option::is_some);
    }

    fn mail(&self, features: &Features) -> String {
        let message = &self.message;
        let from = match &message.from {
            ReversePath::Null => String::new(),
            ReversePath::Address(address) => address.to_string(),
        };
        let mut line = format!("MAIL FROM:<{from}>");
        if features.size.is_some() {
            let _ = write!(line, " SIZE={}", message.octets());
        }
        if message.binary {
            line.push_str(" BODY=BINARYMIME");
        } else if message.eight_bit {
            line.push_str(" BODY=8BITMIME");
        }
        if self.utf8 {
            line.push_str(" SMTPUTF8");
        }
        if self.dsn {
            if let Some(ret) = &message.ret {
                let _ = write!(line, " RET={ret}");
            }
            if let Some(envid) = &message.envid {
                let _ = write!(line, " ENVID={envid}");
            }
        }
        if message.require_tls {
            line.push_str(" REQUIRETLS");
        }
        if let (true, Some(priority)) = (features.priority, message.priority) {
            let _ = write!(line, " MT-PRIORITY={priority}");
        }
        line.push_str("\r\n");
        line
    }

    fn rcpt(&self, recipient: &Recipient) -> String {
        let mut line = format!("RCPT TO:<{}>", recipient.address);
        if self.dsn {
            if let Some(notify) = &recipient.notify {
                let _ = write!(line, " NOTIFY={notify}");
            }
            // RFC 6533 §3: in UTF-8 only to who takes that.
            let orcpt = recipient.orcpt.as_ref();
            if let Some(orcpt) = orcpt.filter(|o| o.is_ascii() || self.utf8) {
                let _ = write!(line, " ORCPT={orcpt}");
            }
        }
        line.push_str("\r\n");
        line
    }

    /// The commands that may go out now.
    pub(super) fn commands(&mut self) -> Vec<u8> {
        let mut out = String::new();
        while self.expected.len() < self.window {
            if !self.mail_sent {
                self.mail_sent = true;
                out.push_str(&self.mail_line);
                self.expected.push_back(Expected::Mail);
            } else if let Some(recipient) = self.message.recipients.get(self.next) {
                if self.outcomes[self.next].is_none() {
                    out.push_str(&self.rcpt(recipient));
                    self.expected.push_back(Expected::Recipient(self.next));
                }
                self.next += 1;
            } else if self.may_send_data() {
                self.data_sent = true;
                if self.chunking {
                    let _ = write!(out, "BDAT {} LAST\r\n", self.message.octets());
                    self.start_content();
                } else {
                    out.push_str("DATA\r\n");
                    self.expected.push_back(Expected::Data);
                }
            } else {
                break;
            }
        }
        out.into_bytes()
    }

    /// DATA may go with the last recipients (RFC 2920 §3.1) unless all so far were refused; BDAT's octets
    /// follow at once, so it waits until somebody is there to get them.
    fn may_send_data(&self) -> bool {
        let waiting = self.expected.iter().any(|e| *e != Expected::Data);
        let somebody = self.accepted.contains(&true);
        !self.data_sent && (somebody && !waiting || waiting && self.window > 1 && !self.chunking)
    }

    fn start_content(&mut self) {
        let (head, content) = (self.message.head.clone(), self.message.content.clone());
        self.outgoing = Some(Outgoing::new(head, content));
        if self.lmtp {
            let each = self.accepted.iter().enumerate().filter(|(_, yes)| **yes);
            let each: Vec<usize> = each.map(|(at, _)| at).collect();
            self.expected
                .extend(each.into_iter().map(|at| Expected::End(Some(at))));
        } else {
            self.expected.push_back(Expected::End(None));
        }
    }

    /// The next piece of the message's content.
    pub(super) fn piece(&mut self) -> Option<Vec<u8>> {
        let outgoing = self.outgoing.as_mut()?;
        let piece = if self.chunking {
            outgoing.plain()
        } else {
            outgoing.dotted()
        };
        if piece.is_none() || outgoing.is_at_end(self.chunking) {
            self.outgoing = None;
        }
        piece
    }

    /// Content is on its way: replies wait.
    pub(super) fn sending(&self) -> bool {
        self.outgoing.is_some()
    }

    pub(super) fn content_sent(&self) -> bool {
        self.data_sent && self.outgoing.is_none()
    }

    /// The peer is gone: no more content; what it said before may still be read.
    pub(super) fn cut(&mut self) {
        self.outgoing = None;
    }

    pub(super) fn waits_for_data(&self) -> bool {
        self.expected.front() == Some(&Expected::Data)
    }

    pub(super) fn reply(&mut self, reply: &Reply) {
        let Some(expected) = self.expected.pop_front() else {
            self.broken = true;
            return;
        };
        match expected {
            Expected::Mail if reply.class() == 2 => {}
            Expected::Mail => self.all(&self.outcome(reply, "MAIL FROM")),
            Expected::Recipient(at) if reply.class() == 2 => {
                self.accepted[at] = self.outcomes[at].is_none();
            }
            Expected::Recipient(at) => {
                if self.outcomes[at].is_none() {
                    self.outcomes[at] = Some(self.refused(reply));
                }
            }
            Expected::Data => self.data(reply),
            Expected::End(Some(at)) => self.outcomes[at] = Some(self.outcome(reply, "the message")),
            Expected::End(None) => self.all(&self.outcome(reply, "the message")),
        }
        if matches!(expected, Expected::End(_)) && self.expected.is_empty() {
            self.clean = true;
        }
    }

    /// RFC 5321 §4.5.3.1.10: old servers say 552 for "too many recipients", which is 452.
    fn refused(&self, reply: &Reply) -> Outcome {
        let many = reply.code == 552 && reply.enhanced.is_none() && self.accepted.contains(&true);
        if many {
            return Outcome::Deferred(self.text("4.5.3", reply, "RCPT TO"));
        }
        self.outcome(reply, "RCPT TO")
    }

    fn data(&mut self, reply: &Reply) {
        let somebody = self.accepted.contains(&true);
        match reply.code {
            354 if somebody => self.start_content(),
            // Nobody is to get it: no content, and the connection ends, since some servers would take
            // an empty message (RFC 2920 §3.1 allows to end it with a dot).
            354 => self.broken = true,
            _ if reply.class() == 2 || reply.class() == 3 => {
                self.broken = true;
                self.all(&Outcome::Deferred(self.text("4.5.0", reply, "DATA")));
            }
            _ => self.all(&self.outcome(reply, "DATA")),
        }
    }

    /// All have their outcome and no reply is missing.
    pub(super) fn finished(&mut self) -> Option<Vec<Outcome>> {
        let told = self.outcomes.iter().all(Option::is_some);
        let waits = !self.expected.is_empty() && !self.broken;
        (told && !waits).then(|| self.outcomes.iter().flatten().cloned().collect())
    }

    pub(super) fn clean(&self) -> bool {
        self.clean
    }

    pub(super) fn broken(&self) -> bool {
        self.broken
    }

    /// The connection is over: who has no outcome waits.
    pub(super) fn abandon(&mut self, why: &str) -> Vec<Outcome> {
        let sent =
            self.content_sent() && self.expected.iter().any(|e| matches!(e, Expected::End(_)));
        let why = if sent {
            format!("{why} {DOUBT}")
        } else {
            why.to_owned()
        };
        // A session that ends for good (5xx) is not the end of the message.
        let why = match why.split_once(' ') {
            Some((status, text)) if status.starts_with('5') => format!("4{} {text}", &status[1..]),
            _ => why,
        };
        self.all(&Outcome::Deferred(why));
        self.outcomes.iter().flatten().cloned().collect()
    }

    fn all(&mut self, outcome: &Outcome) {
        for slot in self.outcomes.iter_mut().filter(|slot| slot.is_none()) {
            *slot = Some(outcome.clone());
        }
    }

    fn outcome(&self, reply: &Reply, to: &str) -> Outcome {
        match reply.class() {
            2 => Outcome::Relayed(self.text(&reply.status(), reply, to)),
            5 => Outcome::Failed(self.text(&reply.status(), reply, to)),
            _ => Outcome::Deferred(self.text(&soft(reply), reply, to)),
        }
    }

    fn text(&self, status: &str, reply: &Reply, to: &str) -> String {
        format!("{status} {} said to {to}: {}", self.peer, reply.line())
    }
}

fn international(peer: &str) -> String {
    format!("5.6.7 {peer} takes no internationalized addresses (SMTPUTF8)")
}
