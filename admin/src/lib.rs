//! The administration API: one resource a file, OpenAPI generated from the code.
//!
//! Mounted at the root by `server`; every path begins `/api/v1/`. Who asks comes as a
//! [`directory::Access`] in the request's extensions, put there by the server's sign-in layer from a
//! bearer token or a console session; without one every operation answers 401. What one may not see
//! does not exist (I-17): 404, or an unknown value in a field, never a hint. The rights themselves
//! are checked by `directory`, which writes the audit entry in the same commit (I-20).

// utoipa's derive writes paths in full.
#![allow(unused_qualifications)]

mod accounts;
mod agencies;
mod aliases;
mod approvals;
mod audit;
mod backups;
mod body;
mod caller;
mod credentials;
mod decoder;
mod dkim;
mod dmarc_reports;
mod domains;
mod exports;
mod faults;
mod filter;
mod forwarding;
mod grants;
mod harm;
mod holds;
mod impersonations;
mod imports;
mod jobs;
mod kind;
mod language;
mod letters;
mod lists;
mod members;
mod once;
mod openapi;
mod orders;
mod page;
mod paper;
mod parameters;
mod phrase;
mod policies;
mod positions;
mod premises;
mod problem;
mod proposals;
mod queue;
mod queue_acts;
mod queue_filter;
mod reads;
mod recovery;
mod results;
mod roster;
mod router;
mod runs;
mod senders;
mod sending;
mod sight;
mod store;
mod tls_reports;
mod tokens;
mod trace;
mod trial;
mod usage;
mod version;
mod webhooks;
mod why;

pub use openapi::document;
pub use premises::{Backups, Premises, Said};
pub use router::{Context, router};

/// Whether `Accept-Language` likes English better than Vietnamese (RFC 9110 §12.5.4).
#[must_use]
pub fn likes_english(headers: &http::HeaderMap) -> bool {
    language::of(headers) == language::Language::English
}

/// Octets of one request body; more is answered 413.
pub const BODY_MAX: usize = 1024 * 1024;
/// The path under which all of it lives.
pub const ROOT: &str = "/api/v1";
