//! Speaks POP3 (RFC 1939): wire, machine, what runs against an account, session loop.
//!
//! ```text
//! socket -- session --octets--> machine --Ask--> session --> run (blocking pool) --> directory::Access, storage
//!              ^                   |                          |
//!              `------ Send -------'<------- Answer ----------'
//! ```
//! - `wire` turns octets into commands and values into octets; pure.
//! - `machine` owns states, order, SASL and limits; no socket, no clock, no store.
//! - `maildrop` is what one session sees of INBOX: as at sign-in, until it ends.
//! - `run` signs in, reads and removes; `session` is the only `async` code.
//!
//! What differs from other servers, on purpose: passwords under TLS only, no APOP (it needs secrets kept
//! readable), and POP3 is off for an account until an administrator turns it on. RETR changes no flag.

pub mod ask;
pub mod capability;
pub mod code;
mod lock;
pub mod machine;
pub mod maildrop;
mod run;
pub mod services;
pub mod session;
pub mod settings;
pub mod wire;

pub use machine::Machine;
pub use services::Services;
pub use session::{End, run};
pub use settings::Settings;
