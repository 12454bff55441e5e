//! Stories of the directory over a real store in a temporary folder, the clock turned by hand.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod access;
mod acts;
mod audit;
mod credentials;
mod delegation;
mod dkim;
mod faults;
mod lists;
mod notices;
mod quotas;
mod senders;
<<<<<<< HEAD
mod sessions;
=======
mod sending;
>>>>>>> 5b6feaf (Cap what accounts and agencies send, and stop who suddenly sends far too much)
mod shares;
mod world;
