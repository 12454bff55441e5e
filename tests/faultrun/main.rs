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
use tests::fault::{inside, queue, run, torn};

fn main() {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("victim") => run::victim(arguments),
        Some("queue-victim") => queue::faults::victim(arguments),
        Some("long") => {
            let seed = arguments.next().map(|s| s.parse().expect("a seed"));
            long(seed.unwrap_or_else(drawn), &arguments.collect::<Vec<_>>());
        }
        _ => eprintln!("faultrun long [SEED [KIND[=TIMES]...]]"),
    }
}

fn drawn() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// One kind of fault: its name, how often it is made, and how in a folder with a seed.
type Kind = (&'static str, u64, fn(&Path, u64, u64) -> Row);

const KINDS: &[Kind] = &[
    ("kill", 2_000, |dir, seed, times| {
        run::kills(&own(), dir, seed, times, EngineKind::Sled)
    }),
    ("kill-fjall", 300, |dir, seed, times| {
        run::kills(&own(), dir, seed, times, EngineKind::Fjall)
    }),
    ("torn", 30, |dir, seed, times| {
        torn::torn_tails(dir, seed, times as usize, 1)
    }),
    ("power", 2_000, |dir, seed, times| {
        inside::power_cuts(dir, seed, times, None)
    }),
    ("keys", 500, |dir, seed, times| {
        inside::key_changes(dir, seed, times, None)
    }),
    ("full", 100, inside::full_disks),
    ("clock", 200, inside::clock_jumps),
    ("queue-kill", 1_000, |dir, seed, times| {
        queue::faults::kills(&own(), dir, seed, times)
    }),
    ("queue-power", 2_000, |dir, seed, times| {
        queue::faults::power_cuts(dir, seed, times, None)
    }),
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
    for (name, times, made) in KINDS {
        // KIND, or KIND=TIMES.
        let asked = named
            .iter()
            .find_map(|n| n.strip_prefix(name)?.strip_prefix('='));
        let times = asked.map_or(*times, |n| n.parse().expect("a number"));
        if named.is_empty() || asked.is_some() || named.iter().any(|n| n == name) {
            rows.push(made(dir.path(), seed, times));
            eprintln!("{name}: {} s so far", began.elapsed().as_secs());
            table::print(&rows[rows.len() - 1..]);
        }
    }
    println!();
    table::print(&rows);
    assert!(rows.iter().all(|row| row.verdict.is_clean()));
}
