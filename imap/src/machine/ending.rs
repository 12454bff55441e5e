//! How a connection ends: by a goodbye, whoever wants it.

use super::{Frame, Machine, Phase, Step};

impl Machine {
    /// RFC 9051 §5.4: the deadline passed.
    pub fn expire(&mut self, now_ms: i64) {
        if self.deadline().is_some_and(|at| at <= now_ms) {
            self.bye("Autologout; too long without a command");
        }
    }

    /// What came is no DEFLATE stream (RFC 4978).
    pub fn garbled(&mut self) {
        if !matches!(self.phase, Phase::Closed) {
            self.bye("The compressed data cannot be read");
        }
    }

    /// The server stops.
    pub fn shut_down(&mut self) {
        if !matches!(self.phase, Phase::Closed) {
            self.bye("[UNAVAILABLE] The server is shutting down");
        }
    }

    pub(super) fn bye(&mut self, text: &str) {
        self.send(format!("* BYE {text}\r\n"));
        self.close();
    }

    pub(super) fn close(&mut self) {
        self.steps.push_back(Step::Close);
        self.phase = Phase::Closed;
        self.input.clear();
        self.frame = Frame::default();
    }
}
