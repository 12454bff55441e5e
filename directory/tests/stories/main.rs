//! Stories of the directory over a real store in a temporary folder, the clock turned by hand.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod access;
mod acts;
mod addresses;
mod administered;
mod agencies;
mod alias_domains;
mod audit;
mod bulk;
mod credentials;
mod delegation;
mod detours;
mod diversions;
mod dkim;
mod expiry;
mod faults;
mod forwarding;
mod freed;
mod grants;
mod hooks;
mod impersonation;
mod joins;
mod lists;
mod notices;
mod policies;
mod positions;
mod proposals;
mod push;
mod quotas;
mod reading;
mod rules;
mod second;
mod senders;
mod sending;
mod sessions;
mod shares;
mod signatures;
mod tokens;
mod unlocked;
mod vacations;
mod world;
