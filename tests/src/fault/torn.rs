//! Torn tails: the journal ends anywhere within its last records.

use super::run;
use super::table::Row;
use super::{Chance, Lane, judge};
use std::path::Path;
use std::time::Instant;
use storage::{EngineKind, Options, Sizes, Store};

/// Steps whose records are cut.
const STEPS: usize = 60;

/// Cuts the journal's last records at every `stride`-th octet; what follows the cut is nothing,
/// zeros or noise. What was written before the cut is there, what was cut is not.
pub fn torn_tails(dir: &Path, seed: u64, last: usize, stride: u64) -> Row {
    let mut row = Row::new("journal cut within its last records");
    let folder = dir.join("torn");
    let options = Options {
        engine: EngineKind::Memory,
        sizes: Sizes {
            ahead: 0,
            ..Sizes::default()
        },
        ..run::options(&folder)
    };
    let store = Store::open(&options).unwrap();
    let mut lane = Lane::new(0);
    let journal = folder.join("journal/0000000001.log");
    let length = || std::fs::metadata(&journal).unwrap().len();
    let mut models = vec![(length(), lane.clone())];
    for _ in 0..STEPS {
        let step = lane.next(seed);
        step.perform(&store, &lane).unwrap();
        lane.done(&step);
        models.push((length(), lane.clone()));
    }
    drop(store);
    row.acknowledged = STEPS as u64;
    let whole = std::fs::read(&journal).unwrap();
    let from = models[STEPS - last].0;
    let mut chance = Chance::new(seed);
    for cut in (from..=whole.len() as u64).step_by(stride as usize) {
        let mut octets = whole[..cut as usize].to_vec();
        match chance.below(3) {
            0 => {}
            1 => octets.resize(octets.len() + 4_000, 0),
            _ => octets.extend((0..300).map(|_| chance.draw() as u8)),
        }
        std::fs::write(&journal, octets).unwrap();
        let began = Instant::now();
        let store = Store::open(&options).unwrap_or_else(|e| panic!("cut at {cut}: {e}"));
        row.opened.push(began.elapsed());
        let mut expected = models.iter().rev().find(|m| m.0 <= cut).unwrap().1.clone();
        row.verdict.add(judge(&store, &mut expected, None).unwrap());
        row.verdict.findings.append(&mut store.check().unwrap());
        assert!(
            row.verdict.is_clean(),
            "seed {seed}, cut at {cut}: {:?}",
            row.verdict
        );
        row.faults += 1;
    }
    row
}
