//! Bytes to values and back: addresses, dates, messages, text, safe HTML. Knows no clock, no account.
//!
//! Three promises hold in every module of this room:
//!
//! 1. Every reader is total. Bad input yields a value and its defects, never a panic.
//! 2. Every reader is linear in its input, and every count and nesting has a named limit (I-13).
//! 3. The same bytes give the same value on every machine and at every hour (I-14).

pub mod address;
pub mod csv;
pub mod date;
pub mod defect;
pub mod document;
pub mod html;
pub mod language;
pub mod message;
pub mod text;

pub use address::{Address, AddressError, DomainName, LocalPart};
pub use defect::Defect;
