//! The store alone: `cargo run --release -p tests --bin bench -- storage [largest]`.
//!
//! Every measured store is opened by a process of its own, so that its memory is its own; this one
//! starts them in turn, the engines alternating, and prints the rows of RESULTS.md and the plots.

mod appends;
mod corpus;
mod growth;
mod plot;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;
use storage::{EngineKind, Options};

/// Engines side by side.
const ENGINES: [(&str, EngineKind); 2] = [("sled", EngineKind::Sled), ("fjall", EngineKind::Fjall)];
/// Messages of the largest store unless told otherwise.
const LARGEST: u64 = 1_000_000;
/// The boot of all these openings: without one every opening would build the index anew.
const BOOT: &str = "bench";

/// Figures of one run, by name.
type Figures = BTreeMap<String, f64>;

/// The parent, or with `one` as first word the process that measures.
pub fn main(mut arguments: impl Iterator<Item = String>) {
    match arguments.next() {
        Some(word) if word == "one" => one(&arguments.collect::<Vec<_>>()),
        largest => all(largest.and_then(|n| n.parse().ok()).unwrap_or(LARGEST)),
    }
}

fn all(largest: u64) {
    let dir = tempfile::tempdir_in(".").unwrap();
    println!("## Appends of 10 KB, durable, each its own commit\n");
    appends::table(dir.path());
    println!("\n## Growth\n");
    growth::table(dir.path(), largest);
    println!("\n## Octets on the disk\n");
    corpus::table(dir.path());
}

/// WHAT ENGINE FOLDER COUNT
fn one(words: &[String]) {
    let [what, engine, dir, count] = words else {
        panic!("one WHAT ENGINE FOLDER COUNT");
    };
    let kind = ENGINES.iter().find(|(name, _)| name == engine).unwrap().1;
    let count: u64 = count.parse().unwrap();
    let options = options(Path::new(dir), kind);
    let figures = match what.as_str() {
        "appends" => appends::measure(&options, count),
        "fill" => growth::fill(&options, count),
        "look" => growth::look(&options, count),
        "crash" => growth::crash(&options, count),
        "corpus" => corpus::measure(&options, count),
        "keywords" => corpus::keywords(&options, count),
        other => panic!("{other}?"),
    };
    println!("{}", serde_json::to_string(&figures).unwrap());
}

fn options(dir: &Path, engine: EngineKind) -> Options {
    Options {
        dir: dir.to_owned(),
        engine,
        boot_id: Some(BOOT.into()),
        ..Options::default()
    }
}

/// Runs one measurement in a process of its own.
fn run(what: &str, engine: &str, dir: &Path, count: u64) -> Figures {
    let own = std::env::current_exe().unwrap();
    let began = Instant::now();
    let done = Command::new(own)
        .args(["storage", "one", what, engine])
        .arg(dir)
        .arg(count.to_string())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(done.status.success(), "{what} {engine} {count}");
    let text = String::from_utf8(done.stdout).unwrap();
    let figures = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    eprintln!(
        "{what} {engine} {count}: {:.1} s",
        began.elapsed().as_secs_f64()
    );
    figures
}

/// CPU of this process so far, milliseconds.
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) * 10.0
}

/// A line of this process's status (`VmRSS`, `VmHWM`), MiB.
fn memory_mib(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<f64>()
        .unwrap()
        / 1024.0
}

/// Octets of all files below, as they lie on the disk.
fn octets(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = std::fs::read_dir(dir) else {
        return 0;
    };
    let each = entries.flatten().map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => octets(&entry.path()),
        Ok(found) => found.blocks() * 512,
        Err(_) => 0,
    });
    each.sum()
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
