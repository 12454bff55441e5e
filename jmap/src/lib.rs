//! Speaks JMAP (RFC 8620, RFC 8621) over HTTP and serves letters as safe documents of their own.
//!
//! Implementation notes:
//! - The server's middleware signs people in and puts [`directory::Access`] into the request's extensions;
//!   nothing here sees a password. Without an Access every route answers 401.
//! - Mail is reached only through that Access (I-08). What it may not see does not exist (I-17):
//!   `accountNotFound`, `notFound`, 404.
//! - One API request runs its method calls in order on one blocking thread, of which there are
//!   [`limit::BLOCKING_MAX`]; no store guard crosses an `.await` (I-05).
//! - The state of every type of mail is the account's ModSeq (idea 4): one change log answers `/changes`,
//!   `/queryChanges` and push.
//!   What the directory keeps without a log, as principals, has a hash for its state, and how it stood is remembered.
//! - Who is told of changes, by a stream, a push subscription or a web socket, hears them by one `ear`.
//! - Messages with the keyword `$deleted` are invisible, as RFC 8621 §4.1.1 demands.

mod beside;
mod blob;
mod boot;
mod discovery;
mod ear;
mod error;
mod ident;
mod ijson;
mod letter;
pub mod limit;
mod listed;
mod mail;
mod method;
mod notice;
mod pool;
mod principal;
mod problem;
mod push;
pub mod pushing;
mod quota;
mod reference;
mod remembered;
mod request;
mod router;
mod sight;
mod socket;
mod standard;
mod state;
mod subscription;

pub use boot::boot;
pub use router::{Context, router};
