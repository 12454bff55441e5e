//! Conversations, played against real sessions over a real store.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod acl;
mod annotations;
mod appending;
mod basics;
mod connection;
mod contexts;
mod door;
mod faults;
mod hostile;
mod indexed;
mod limits;
mod mailboxes;
mod multisearch;
mod notify;
mod objects;
mod parts;
mod programs;
mod quota;
mod resync;
mod savedate;
mod scram;
mod searching;
mod sessions;
mod sharing;
mod sorting;
mod threading;
