//! Stories of the pipeline over a real store and directory.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod alias_domains;
mod answers;
mod attached;
mod bounces;
mod door;
mod forwarding;
mod full;
mod helping;
mod lists;
mod log;
mod moved;
mod notifications;
mod onward;
mod pace;
mod queue;
mod relaying;
mod release;
mod rerouting;
mod signing;
mod submission;
mod telling;
mod traces;
mod unheard;
mod whole;
mod world;
