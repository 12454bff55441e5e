//! The API in memory: one router, one store, a clock turned by hand; a file for each resource.
#![allow(clippy::unwrap_used, clippy::panic)] // The world is a test too, clippy does not see it.

mod accounts;
mod agencies;
mod aliases;
mod approvals;
mod audit;
mod backups;
mod bulk;
mod bulk_columns;
mod bulk_positions;
mod credentials;
mod documents;
mod domains;
mod first_passwords;
mod forwarding;
mod grants;
mod holds;
mod identical;
mod lists;
mod members;
mod policies;
mod positions;
mod problems;
mod proposals;
mod queue;
mod reads;
mod recovery;
mod rough;
mod senders;
mod sending;
mod store;
mod tokens;
mod trace;
mod walk;
mod webhooks;
mod world;
