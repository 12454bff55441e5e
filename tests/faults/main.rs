//! Faults: the server is killed under load, and what it acknowledged is there, once.
#![allow(missing_docs, reason = "tests")]

mod killed;
mod refused_start;
