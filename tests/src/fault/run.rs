//! A process that works on a store until it is killed, and the one that kills it and judges.

use super::table::Row;
use super::{Chance, Lane, judge};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use storage::{Clock, EngineKind, Options, Policy, Sizes, Store};

/// Every so many rounds the index is made anew and compared.
const REBUILT_EVERY: u64 = 10;
/// A long run tells after so many rounds how far it is.
const TOLD_EVERY: u64 = 100;
/// So many rounds one store lives: it grows, and judging it takes longer and longer (19 s after 1,500 rounds).
const STORE_ROUNDS: u64 = 500;
/// Lanes of a victim.
const LANES: u32 = 6;

/// Small files, so that rolling, sealing, snapshots and checkpoints happen all the time.
pub fn options(dir: &Path) -> Options {
    with_engine(dir, EngineKind::Sled)
}

/// A clock that goes on by a second whenever it is asked, and back at each start.
fn ticking() -> Clock {
    let now = AtomicI64::new(1_795_000_000);
    Clock::new(move || now.fetch_add(1, Ordering::Relaxed))
}

/// Upkeep that throws away at once whatever may go, and rewrites packs early.
pub fn hasty() -> Policy {
    Policy {
        window_s: 20,
        upload_window_s: 0,
        collect_every_s: 0,
        dead_percent: 20,
        ..Policy::default()
    }
}

/// The same over another engine.
pub fn with_engine(dir: &Path, engine: EngineKind) -> Options {
    Options {
        dir: dir.to_owned(),
        engine,
        cache_bytes: 4 << 20,
        boot_id: Some("boot".into()),
        clock: ticking(),
        sizes: Sizes {
            segment: 200_000,
            pack: 600_000,
            checkpoint: 100_000,
            ahead: 50_000,
            apart: 6,
            ..Sizes::default()
        },
        ..Options::default()
    }
}

/// The victim: `STORE MODELS SEED ENGINE`. One octet to standard output for each acknowledged step: its lane.
pub fn victim(mut arguments: impl Iterator<Item = String>) {
    let mut next = || arguments.next().expect("STORE MODELS SEED ENGINE");
    let (dir, models, seed) = (PathBuf::from(next()), next(), next());
    let seed: u64 = seed.parse().expect("a number");
    let engine = EngineKind::named(&next()).expect("an engine");
    let text = std::fs::read_to_string(models).expect("the models");
    let lanes: Vec<Lane> = serde_json::from_str(&text).expect("the models");
    let store = Store::open(&with_engine(&dir, engine)).expect("the store opens");
    std::thread::scope(|scope| {
        scope.spawn(|| upkeep(&store, seed));
        for mut lane in lanes {
            let store = &store;
            scope.spawn(move || {
                loop {
                    let step = lane.next(seed);
                    if let Err(e) = step.perform(store, &lane) {
                        eprintln!("lane {}: {step:?}: {e}", lane.number);
                        std::process::exit(3);
                    }
                    lane.done(&step);
                    let mut out = std::io::stdout().lock();
                    if out
                        .write_all(&[lane.number as u8])
                        .and_then(|()| out.flush())
                        .is_err()
                    {
                        std::process::exit(0);
                    }
                }
            });
        }
    });
}

/// What runs beside the writers, with pauses that the seed gives.
#[allow(
    clippy::disallowed_methods,
    reason = "upkeep pauses between its rounds"
)]
fn upkeep(store: &Store, seed: u64) {
    let mut chance = Chance::of(&[seed, 99]);
    loop {
        if let Err(e) = store.maintain(&hasty()) {
            eprintln!("upkeep: {e}");
            std::process::exit(3);
        }
        std::thread::sleep(Duration::from_millis(chance.below(40)));
    }
}

/// The fingerprint of the index made anew from snapshots and journal (I-19).
fn rebuilt(options: &Options) -> String {
    Store::rebuild(options).unwrap();
    let store = Store::open(options).unwrap();
    let fingerprint = store.fingerprint().unwrap();
    store.close().unwrap();
    fingerprint
}

/// Starts a victim, kills it so long after its first acknowledgement, and returns all it told.
#[allow(clippy::disallowed_methods, reason = "it starts and kills a process")]
fn killed(
    program: &Path,
    folder: &Path,
    models: &Path,
    words: [&str; 2],
    pause: Duration,
) -> Vec<u8> {
    let mut child = Command::new(program)
        .arg("victim")
        .args([folder, models])
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut first = [0u8; 1];
    let mut told = Vec::new();
    if output.read(&mut first).unwrap() == 1 {
        told.push(first[0]);
        std::thread::sleep(pause);
    }
    child.kill().unwrap();
    output.read_to_end(&mut told).unwrap();
    let status = child.wait().unwrap();
    if status.code().is_some() {
        let mut text = String::new();
        let mut errors = child.stderr.take().unwrap();
        errors.read_to_string(&mut text).unwrap();
        panic!("{words:?}: the victim ended by itself, {status}: {text}");
    }
    told
}

#[allow(clippy::print_stderr, reason = "how far a run of an hour is")]
fn tell(row: &Row, rounds: u64) {
    eprintln!("{}: {} of {rounds}, clean", row.fault, row.faults);
}

/// Starts `program` as a victim, kills it `rounds` times at random moments, and judges each time.
pub fn kills(program: &Path, dir: &Path, seed: u64, rounds: u64, engine: EngineKind) -> Row {
    let mut row = Row::new(&format!(
        "SIGKILL under mixed load and upkeep, {}",
        engine.name()
    ));
    let (folder, models) = (dir.join(engine.name()), dir.join("models.json"));
    let options = with_engine(&folder, engine);
    let founded = || (0..LANES).map(Lane::new).collect::<Vec<_>>();
    let mut lanes = founded();
    for round in 0..rounds {
        if round > 0 && round.is_multiple_of(STORE_ROUNDS) {
            std::fs::remove_dir_all(&folder).unwrap();
            lanes = founded();
        }
        let round_seed = Chance::of(&[seed, round]).draw();
        std::fs::write(&models, serde_json::to_string(&lanes).unwrap()).unwrap();
        let words = [&round_seed.to_string(), engine.name()];
        let pause = Duration::from_millis(Chance::of(&[seed, round, 1]).below(300));
        let told = killed(program, &folder, &models, words, pause);
        row.faults += 1;
        row.acknowledged += told.len() as u64;
        let began = Instant::now();
        let store = Store::open(&options).unwrap();
        row.opened.push(began.elapsed());
        for lane in &mut lanes {
            let count = told
                .iter()
                .filter(|l| u32::from(**l) == lane.number)
                .count();
            for _ in 0..count {
                let step = lane.next(round_seed);
                lane.done(&step);
            }
            let under_way = lane.clone().next(round_seed);
            lane.begun += 1;
            row.verdict
                .add(judge(&store, lane, Some(&under_way)).unwrap());
        }
        let mut findings = store.check().unwrap();
        row.verdict.findings.append(&mut findings);
        assert!(
            row.verdict.is_clean(),
            "seed {seed}, round {round}: {:?}",
            row.verdict
        );
        let before = store.fingerprint().unwrap();
        if round % 3 == 0 {
            store.close().unwrap();
        }
        drop(store);
        if round % REBUILT_EVERY == 0 && rebuilt(&options) != before {
            row.verdict.findings.push("a rebuilt index differs".into());
        }
        if row.faults.is_multiple_of(TOLD_EVERY) {
            tell(&row, rounds);
        }
    }
    row
}
