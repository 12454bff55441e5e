//! A process that works on a store until it is killed, and the one that kills it and judges.

use super::table::Row;
use super::{Chance, Lane, judge};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use storage::{Options, Sizes, Store};

/// Lanes of a victim.
const LANES: u32 = 6;

/// Small files, so that rolling, sealing, snapshots and checkpoints happen all the time.
pub fn options(dir: &Path) -> Options {
    Options {
        dir: dir.to_owned(),
        cache_bytes: 4 << 20,
        boot_id: Some("boot".into()),
        sizes: Sizes {
            segment: 200_000,
            pack: 600_000,
            checkpoint: 100_000,
            ahead: 50_000,
            ..Sizes::default()
        },
        ..Options::default()
    }
}

/// The victim: `STORE MODELS SEED`. One octet to standard output for each acknowledged step: its lane.
pub fn victim(mut arguments: impl Iterator<Item = String>) {
    let mut next = || arguments.next().expect("STORE MODELS SEED");
    let (dir, models, seed) = (PathBuf::from(next()), next(), next());
    let seed: u64 = seed.parse().expect("a number");
    let text = std::fs::read_to_string(models).expect("the models");
    let lanes: Vec<Lane> = serde_json::from_str(&text).expect("the models");
    let store = Store::open(&options(&dir)).expect("the store opens");
    std::thread::scope(|scope| {
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

/// Starts `program` as a victim, kills it `rounds` times at random moments, and judges each time.
#[allow(clippy::disallowed_methods, reason = "it starts and kills a process")]
pub fn kills(program: &Path, dir: &Path, seed: u64, rounds: u64) -> Row {
    let mut row = Row::new("SIGKILL under mixed load");
    let (folder, models) = (dir.join("store"), dir.join("models.json"));
    let mut lanes: Vec<Lane> = (0..LANES).map(Lane::new).collect();
    for round in 0..rounds {
        let round_seed = Chance::of(&[seed, round]).draw();
        std::fs::write(&models, serde_json::to_string(&lanes).unwrap()).unwrap();
        let mut child = Command::new(program)
            .arg("victim")
            .args([&folder, &models])
            .arg(round_seed.to_string())
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
            let pause = Chance::of(&[seed, round, 1]).below(300);
            std::thread::sleep(Duration::from_millis(pause));
        }
        child.kill().unwrap();
        output.read_to_end(&mut told).unwrap();
        let status = child.wait().unwrap();
        if status.code().is_some() {
            let mut text = String::new();
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            panic!("seed {seed}, round {round}: the victim ended by itself, {status}: {text}");
        }
        row.faults += 1;
        row.acknowledged += told.len() as u64;
        let began = Instant::now();
        let store = Store::open(&options(&folder)).unwrap();
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
        if round % 3 == 0 {
            store.close().unwrap();
        }
    }
    row
}
