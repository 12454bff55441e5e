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
mod damaged;
mod door;
mod faults;
mod flight;
mod hostile;
mod indexed;
mod input;
mod limits;
mod mailboxes;
mod multisearch;
mod notify;
mod objects;
mod parts;
mod programs;
mod quota;
mod recent;
mod refusals;
mod resync;
mod rules;
mod savedate;
mod scram;
mod searching;
mod sessions;
mod sharing;
mod sorting;
mod subscribing;
mod threading;
mod waking;
mod withdrawn;
