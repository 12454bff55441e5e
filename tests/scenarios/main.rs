//! Scenarios: stories through the whole server, a file each; each ends with the store's own check.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests fail loudly, and start and stop programs"
)]

mod a_province_from_tables;
mod addresses_again;
mod admin_makes_accounts;
mod attached_text;
mod bad_input;
mod bad_peers;
mod binary_mail;
mod both_doors;
mod clients_set_up;
mod corpus;
mod dane;
mod dmarc_reports;
mod handover;
mod impersonation;
mod lesser_peers;
mod lists_and_lmtp;
mod lmtp_out;
mod mail_arrives;
mod mta_sts;
mod outside;
mod policies;
mod quotas;
mod refusals;
mod relaying;
mod shared_mailboxes;
mod signing;
mod submission;
mod tls_reports;
mod web_push;
mod web_socket;
mod webhooks;
mod webmail_signs_in;
mod where_is_my_mail;
mod who_sent_it;
