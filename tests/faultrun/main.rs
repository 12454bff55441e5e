//! The fault tests in full: `cargo run --release -p tests --bin faultrun -- long` prints their table;
//! `./check long` runs it. With `victim` as its first word it is the process that is killed.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test program fails loudly, and starts and kills others"
)]

use std::time::{Instant, SystemTime, UNIX_EPOCH};
use storage::EngineKind;
use tests::fault::{inside, run, table, torn};

fn main() {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("victim") => run::victim(arguments),
        Some("long") => {
            let seed = arguments.next().map(|s| s.parse().expect("a seed"));
            long(seed.unwrap_or_else(drawn));
        }
        _ => eprintln!("faultrun long [SEED]"),
    }
}

fn drawn() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn long(seed: u64) {
    println!("seed {seed}\n");
    let began = Instant::now();
    let dir = tempfile::tempdir_in(".").unwrap();
    let own = std::env::current_exe().unwrap();
    let at = dir.path();
    let rows = [
        run::kills(&own, at, seed, 2_000, EngineKind::Sled),
        run::kills(&own, at, seed, 500, EngineKind::Fjall),
        torn::torn_tails(at, seed, 30, 1),
        inside::power_cuts(at, seed, 2_000, None),
        inside::full_disks(at, seed, 100),
        inside::clock_jumps(at, seed, 200),
    ];
    table::print(&rows);
    println!("\n{} minutes", began.elapsed().as_secs() / 60);
    assert!(rows.iter().all(|row| row.verdict.is_clean()));
}
