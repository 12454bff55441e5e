//! Relaying: from a message and the host that shall have it to an outcome for each recipient.

mod line;

pub use line::{IDLE_S, Line, MESSAGES_MAX, Network, Sent, WRITE_S};
