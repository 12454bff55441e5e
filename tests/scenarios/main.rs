//! Scenarios: stories through the whole server, a file each; each ends with the store's own check.
#![allow(missing_docs, reason = "tests")]

mod admin_makes_accounts;
mod corpus;
mod mail_arrives;
mod refusals;
mod submission;
mod webmail_signs_in;
