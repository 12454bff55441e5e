//! Conversations, played against real sessions over a real store.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod appending;
mod basics;
mod connection;
mod contexts;
mod door;
mod faults;
mod hostile;
mod mailboxes;
mod multisearch;
mod notify;
mod objects;
mod parts;
mod resync;
mod searching;
mod sessions;
mod sorting;
mod threading;
