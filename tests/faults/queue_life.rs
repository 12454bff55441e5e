//! The queue's whole life under SIGKILL and power cuts: the short form (I-01, I-09, I-10).

use std::path::Path;
use tests::fault::queue::faults;
use tests::fault::queue::life::Lie;
use tests::fault::table;

/// How often it is killed, and loses its power, here; the long run has many more.
const KILLS: u64 = 20;
const CUTS: u64 = 60;

#[test]
fn i10_every_letter_ends_once_in_spite_of_sigkill() {
    let dir = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_faultrun"));
    let row = faults::kills(program, dir.path(), 31, KILLS);
    table::print(std::slice::from_ref(&row));
    assert!(row.acknowledged > KILLS && row.during.len() > 3, "{row:?}");
}

#[test]
fn i10_every_letter_ends_once_whenever_the_power_fails() {
    let dir = tempfile::tempdir().unwrap();
    let row = faults::power_cuts(dir.path(), 32, CUTS, None);
    table::print(std::slice::from_ref(&row));
    assert!(row.acknowledged > CUTS && row.during.len() > 5, "{row:?}");
}

/// The judge is judged: without a lie all is well, and each lie is found.
#[test]
fn the_judge_of_the_queue_notices() {
    let lies = [
        None,
        Some(Lie::Dropped),
        Some(Lie::Unwritten),
        Some(Lie::Unheld),
        Some(Lie::Again),
    ];
    for lie in lies {
        let dir = tempfile::tempdir().unwrap();
        let verdict = faults::with_a_lie(&dir.path().join("store"), 33, lie);
        assert_eq!(verdict.is_clean(), lie.is_none(), "{lie:?}: {verdict:#?}");
    }
}

/// A sync that is left out is found by what became of the letters.
#[test]
fn a_missing_sync_of_the_journal_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let run = || faults::power_cuts(dir.path(), 34, 60, Some("journal"));
    assert!(
        std::panic::catch_unwind(run).is_err(),
        "syncs may be left out?"
    );
}
