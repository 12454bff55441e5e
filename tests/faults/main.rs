//! Faults: the server is killed under load, and what it acknowledged is there, once.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests fail loudly, and start and stop programs"
)]

mod asked_online;
mod backed_up;
mod damaged_backup;
mod damaged_index;
mod earlier_store;
mod full_disk;
mod full_queue;
mod held_mail;
mod killed;
mod load;
mod operator;
mod queue_life;
mod refused_folder;
mod refused_keys;
mod refused_start;
mod refused_store;
mod relayed;
mod storage_inside;
mod storage_kill;
mod stuck;
mod whole_letters;
