//! Octets of POP3 into values and back; pure.

pub mod command;
pub mod line;
pub mod reply;
pub mod stuff;
pub mod surrogate;
