//! Bytes to values and back for IMAP (RFC 9051 §9, RFC 3501 §9): pure, each rule with its ABNF.

pub mod acl;
pub mod append;
pub mod command;
pub mod envelope;
pub mod fetch;
pub mod flag;
pub mod ident;
pub mod lexer;
pub mod list;
pub mod metadata;
pub mod notify;
pub mod quota;
pub mod response;
pub mod returns;
pub mod search;
pub mod select;
pub mod sequence;
pub mod sort;
pub mod sources;
pub mod stage;
pub mod store;
pub mod structure;
pub mod url;
pub mod utf7;

pub use lexer::Syntax;
