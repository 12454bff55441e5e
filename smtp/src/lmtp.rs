//! RFC 2033: the receiving machine as LMTP server, for a host that keeps the queue itself: it says LHLO, and after a
//! message hears of each recipient by himself.

use crate::receiver::{Receiver, Service};
use crate::reply::{self, Reply};
use delivery::Refused;

impl Receiver {
    /// Whether it speaks LMTP.
    pub(crate) fn is_lmtp(&self) -> bool {
        self.service == Service::Lmtp
    }

    /// RFC 2033 §4.1: LHLO here and nowhere else, so that two who speak different protocols find out.
    pub(crate) fn greets_wrongly(&self, local: bool) -> bool {
        local != self.is_lmtp()
    }

    /// RFC 2033 §4.2: without recipients DATA is answered with 503.
    pub(crate) fn no_recipients(&self) -> Reply {
        match self.is_lmtp() {
            true => reply::LMTP_NO_RECIPIENTS,
            false => reply::NO_RECIPIENTS,
        }
    }

    /// RFC 2033 §4.2, §4.3: what is said at the end of a message is said once for each recipient that was taken.
    pub(crate) fn say_to_each(&mut self, recipients: usize, line: Reply) {
        let times = if self.is_lmtp() { recipients } else { 1 };
        (0..times).for_each(|_| self.say(line));
    }

    /// What came of a message for each recipient, in their order.
    pub(crate) fn each_answered(&mut self, results: Vec<Result<String, Refused>>) {
        self.forget();
        self.idle_commands = 0;
        for result in results {
            match result {
                Ok(trace) => self.say(&format!("250 2.0.0 Ok: {trace}")),
                Err(refused) => self.say(reply::refused(&refused)),
            }
        }
    }
}
