//! Speaks IMAP4rev1 and IMAP4rev2 (RFC 3501, RFC 9051): wire, machine, one file per command, session loop.
//!
//! ```text
//! socket -- session --octets--> machine --Ask--> session --> run (blocking pool) --> directory::Access, storage
//!              ^                   |                          |
//!              `------ Send -------'<------- Answer ----------'
//! ```
//! - `wire` turns octets into commands and values into octets; pure.
//! - `frame` and `machine` own framing, literals, states, order, SASL and IDLE; no socket, no clock.
//! - `run` executes commands; `view` is one session's message numbers against UIDs.
//! - `session` is the only `async` code.
//!
//! `\Recent` (RFC 3501 §2.3.2) is one number for each mailbox, beside the views of its sessions and written behind
//! their backs (`run/untold`); who has enabled IMAP4rev2 never sees it.

pub mod ask;
pub mod capability;
pub mod code;
pub(crate) mod compress;
pub mod frame;
pub mod machine;
mod run;
pub mod services;
pub mod session;
pub mod settings;
pub mod tree;
pub mod view;
pub mod wire;

pub use machine::Machine;
pub use services::{Flight, Services};
pub use session::{End, run};
pub use settings::Settings;
