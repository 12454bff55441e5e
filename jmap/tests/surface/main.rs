//! The surface of JMAP: the router in memory, over a real store with the engine in memory.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod blob;
mod copied;
mod corpus;
mod damaged;
mod door;
mod email;
mod hostile;
mod house;
mod identity;
mod letter;
mod mailbox;
mod mdn;
mod nearness;
mod notice;
mod old_domain;
mod push;
mod query;
mod quota;
mod request;
mod send;
mod set;
mod shared;
mod sharing;
mod signature;
mod stranger;
mod subscription;
mod vacation;
