//! Conversations, played against real sessions over a real store.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod door;
mod hostile;
mod maildrops;
mod scram;
mod sign_in;
