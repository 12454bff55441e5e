//! Tidy: the architecture's rules, run as tests over the repository's own files (ARCHITECTURE.md).
//! No room may be read here except as text.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests fail loudly, and start and stop programs"
)]

mod files;
mod imports;
mod names;
mod standards;
mod words;
