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

use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use storage::EngineKind;
use tests::fault::table::{self, Row};
use tests::fault::{inside, run, torn};

fn main() {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("victim") => run::victim(arguments),
        Some("long") => {
            let seed = arguments.next().map(|s| s.parse().expect("a seed"));
            long(seed.unwrap_or_else(drawn), &arguments.collect::<Vec<_>>());
        }
        _ => eprintln!("faultrun long [SEED [KIND...]]"),
    }
}

fn drawn() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// One kind of fault: its name, and how it is run in a folder with a seed.
type Kind = (&'static str, fn(&Path, u64) -> Row);

const KINDS: &[Kind] = &[
    ("kill", |dir, seed| {
        run::kills(&own(), dir, seed, 2_000, EngineKind::Sled)
    }),
    ("kill-fjall", |dir, seed| {
        run::kills(&own(), dir, seed, 300, EngineKind::Fjall)
    }),
    ("torn", |dir, seed| torn::torn_tails(dir, seed, 30, 1)),
    ("power", |dir, seed| {
        inside::power_cuts(dir, seed, 2_000, None)
    }),
    ("full", |dir, seed| inside::full_disks(dir, seed, 100)),
    ("clock", |dir, seed| inside::clock_jumps(dir, seed, 200)),
];

fn own() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// All kinds, or those that are named.
fn long(seed: u64, named: &[String]) {
    println!("seed {seed}\n");
    let began = Instant::now();
    let dir = tempfile::tempdir_in(".").unwrap();
    let mut rows = Vec::new();
    for (name, made) in KINDS {
        if named.is_empty() || named.iter().any(|n| n == name) {
            rows.push(made(dir.path(), seed));
            eprintln!("{name}: {} s so far", began.elapsed().as_secs());
        }
    }
    table::print(&rows);
    assert!(rows.iter().all(|row| row.verdict.is_clean()));
}
