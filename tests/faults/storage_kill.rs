//! The store alone, killed at random moments under mixed load (I-01, I-09): the short form.

use std::path::Path;
use storage::EngineKind;
use tests::fault::{Lane, judge, run, table};

/// How often it is killed here; the long run has many more.
const ROUNDS: u64 = 50;

fn check(engine: EngineKind, rounds: u64) {
    let dir = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_faultrun"));
    let row = run::kills(program, dir.path(), 7, rounds, engine);
    table::print(std::slice::from_ref(&row));
    assert!(row.verdict.is_clean(), "{:?}", row.verdict);
    assert!(row.acknowledged > rounds * 4, "too little was acknowledged");
}

#[test]
fn i01_the_store_survives_sigkill_under_mixed_load() {
    check(EngineKind::Sled, ROUNDS);
}

#[test]
fn i01_over_fjall_it_survives_too() {
    check(EngineKind::Fjall, ROUNDS / 5);
}

/// The oracle itself: it sees what is missing, what is too much, and half a step.
#[test]
fn the_oracle_notices() {
    let dir = tempfile::tempdir().unwrap();
    let store = storage::Store::open(&run::options(&dir.path().join("store"))).unwrap();
    let mut lane = Lane::new(0);
    for _ in 0..200 {
        let step = lane.next(3);
        step.perform(&store, &lane).unwrap();
        lane.done(&step);
    }
    assert!(judge(&store, &mut lane.clone(), None).unwrap().is_clean());
    // A step that was told and never done is lost; one that was done and never told is invented.
    let mut ahead = lane.clone();
    let (mut lost, mut invented) = (0, 0);
    for _ in 0..30 {
        let step = ahead.next(3);
        let mut told = lane.clone();
        told.done(&step);
        let changes = told != lane && !matches!(step, tests::fault::Step::Upload(_));
        let verdict = judge(&store, &mut told, None).unwrap();
        lost += usize::from(changes && !verdict.lost.is_empty());
        assert_eq!(verdict.is_clean(), !changes, "{step:?}");
        let under_way = judge(&store, &mut lane.clone(), Some(&step)).unwrap();
        assert!(under_way.is_clean(), "{step:?}");
    }
    let mut behind = lane.clone();
    for _ in 0..30 {
        let step = lane.next(5);
        step.perform(&store, &lane).unwrap();
        lane.done(&step);
        let changes = behind.modseq != lane.modseq;
        let verdict = judge(&store, &mut behind.clone(), None).unwrap();
        assert!(!changes || !verdict.is_clean(), "{step:?}");
        invented += usize::from(!verdict.invented.is_empty());
        behind = lane.clone();
    }
    assert!(lost > 10 && invented > 10, "{lost} {invented}");
}
