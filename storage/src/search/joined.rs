//! Segments of the search index stay few, and nobody waits for their joining.

use super::tests::{Dice, account, check, options, put};
use super::*;
use crate::Options;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

/// A test that waits for so long has failed.
const WAIT: Duration = Duration::from_secs(30);
/// Files of a segment at most.
const FILES: usize = 7;

fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_there() {
        assert!(began.elapsed() < WAIT, "{what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// Joining rests so long after each write.
fn rest_for(store: &Store, pause: Duration) {
    let end = lock(&store.inner.shared.search.end);
    end.as_ref().unwrap().rest_for(pause);
}

/// Until nothing is to be indexed or joined.
fn settle(store: &Store) {
    store.index_step().unwrap();
    wait_for("joining ends", || {
        // A folder that was copied amid a joining may lack a file of it: the index is made anew then, and has no end yet.
        if let Some(end) = lock(&store.inner.shared.search.end).as_ref() {
            end.rest_for(Duration::ZERO);
        }
        let more = store.index_step().unwrap().more;
        let filling = lock(&store.inner.shared.search.filling);
        !more && filling.as_ref().is_some_and(|open| open.is_joined())
    });
}

/// Files in the folder, and segments that they belong to.
fn files(options: &Options) -> (usize, BTreeSet<String>) {
    let entries = std::fs::read_dir(options.dir.join(FOLDER)).unwrap();
    let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
    let names: Vec<_> = names.collect();
    let stems = names.iter().filter_map(|name| name.split_once('.'));
    let stems = stems.map(|(stem, _)| stem).filter(|stem| stem.len() == 32);
    (names.len(), stems.map(str::to_owned).collect())
}

fn segments(store: &Store) -> usize {
    let filling = lock(&store.inner.shared.search.filling);
    let index = &filling.as_ref().unwrap().index;
    index.searchable_segment_metas().unwrap().len()
}

/// The folder as a process that is killed leaves it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            // A file that joining just removed is no loss.
            false => drop(std::fs::copy(entry.path(), to)),
        }
    }
}

#[test]
fn many_small_fills_and_killed_processes_leave_few_segments() {
    let home = tempfile::tempdir().unwrap();
    let mut dice = Dice(5);
    let mut lived = options(&home.path().join("0"));
    for life in 1..=5 {
        let store = Store::open(&lived).unwrap();
        settle(&store);
        for _ in 0..12 {
            put(&account(&store, 2), &[dice.letter()]);
            settle(&store);
            let most = merge::rest_max(0);
            assert!(segments(&store) <= most, "{} segments", segments(&store));
            let (count, _) = files(&lived);
            assert!(count <= most * FILES, "{count} files");
        }
        // Killed amid the next ones.
        put(&account(&store, 2), &[dice.letter()]);
        store.index_step().unwrap();
        let next = options(&home.path().join(life.to_string()));
        copy(&lived.dir, &next.dir);
        store.close().unwrap();
        lived = next;
    }
    let store = Store::open(&lived).unwrap();
    settle(&store);
    assert!(segments(&store) < 6, "{} of 65", segments(&store));
    let found = account(&store, 2).sought(Place::From, "x.vn").unwrap();
    assert_eq!(found.possible.len(), 65);
    check(&store, &[2]);
}

#[test]
fn a_joining_is_cut_off_by_a_stop_or_a_kill_and_does_no_harm() {
    let home = tempfile::tempdir().unwrap();
    let [stopped, killed] = ["stopped", "killed"].map(|name| options(&home.path().join(name)));
    let mut dice = Dice(9);
    let store = Store::open(&stopped).unwrap();
    settle(&store);
    rest_for(&store, Duration::from_secs(3_600));
    for _ in 0..8 {
        put(&account(&store, 2), &[dice.letter()]);
        store.index_step().unwrap();
    }
    assert_eq!(segments(&store), 8, "none is joined yet");
    wait_for("a joining begins", || files(&stopped).1.len() > 8);
    check(&store, &[2]);
    copy(&stopped.dir, &killed.dir);
    // A stop that waited would wait for an hour.
    let began = Instant::now();
    store.close().unwrap();
    drop(store);
    assert!(began.elapsed() < WAIT);
    for options in [stopped, killed] {
        let store = Store::open(&options).unwrap();
        store.index_step().unwrap();
        check(&store, &[2]);
        settle(&store);
        assert!(segments(&store) < 5, "{}", segments(&store));
        let (_, stems) = files(&options);
        assert_eq!(stems.len(), segments(&store), "files of no segment");
        let found = account(&store, 2).sought(Place::From, "x.vn").unwrap();
        assert_eq!(found.possible.len(), 8);
        check(&store, &[2]);
    }
}

#[test]
fn a_damaged_segment_that_is_joined_costs_the_index_and_no_answer() {
    let home = tempfile::tempdir().unwrap();
    let options = options(home.path());
    let store = Store::open(&options).unwrap();
    let mut dice = Dice(13);
    for _ in 0..4 {
        put(&account(&store, 2), &[dice.letter()]);
        settle(&store);
    }
    let (_, stems) = files(&options);
    let harmed = options
        .dir
        .join(FOLDER)
        .join(format!("{}.idx", stems.first().unwrap()));
    let mut octets = std::fs::read(&harmed).unwrap();
    let middle = octets.len() / 2;
    octets[middle] ^= 1;
    std::fs::write(&harmed, octets).unwrap();
    put(&account(&store, 2), &[dice.letter()]);
    settle(&store);
    let found = account(&store, 2).sought(Place::From, "x.vn").unwrap();
    assert_eq!(found.possible.len(), 5);
    check(&store, &[2]);
}
