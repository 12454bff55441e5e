//! Faults that are made within one process: the power fails, the disk is full, the clock jumps.

use super::keys::Ring;
use super::table::Row;
use super::{Chance, Lane, Step, judge, run};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use storage::{Clock, Disk, Error, KeySource, Options, Store};

/// Lanes that work at once.
const LANES: u32 = 4;
/// Faults that one store lives through before a new one is made.
const LIVES: u64 = 8;
/// Steps that a lane does when no fault ends it.
const STEPS: u64 = 40;
/// Between two rounds of upkeep.
const PAUSE: Duration = Duration::from_millis(3);
/// Octets of a small disk, and by how much it grows again.
const SMALL_DISK: u64 = 400_000;

/// What a lane did: its model, and the step that was begun and not acknowledged.
type Done = (Lane, u64, Option<Step>);

/// Works until the first refusal, or `steps` are done.
fn work(store: &Store, mut lane: Lane, seed: u64, steps: u64) -> Done {
    for count in 0..steps {
        let step = lane.next(seed);
        if step.perform(store, &lane).is_err() {
            return (lane, count, Some(step));
        }
        lane.done(&step);
    }
    (lane, steps, None)
}

#[allow(
    clippy::disallowed_methods,
    reason = "upkeep pauses between its rounds"
)]
/// All lanes at once, and upkeep beside them until they end.
fn together(
    store: &Store,
    lanes: Vec<Lane>,
    seed: u64,
    steps: u64,
    beside: &(dyn Fn(&Store) + Sync),
) -> Vec<Done> {
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                beside(store);
                std::thread::sleep(PAUSE);
            }
        });
        let lanes: Vec<_> = lanes
            .into_iter()
            .map(|lane| scope.spawn(move || work(store, lane, seed, steps)))
            .collect();
        let done = lanes.into_iter().map(|lane| lane.join().unwrap()).collect();
        ended.store(true, Ordering::Relaxed);
        done
    })
}

fn fresh() -> Vec<Lane> {
    (0..LANES).map(Lane::new).collect()
}

/// Judges all lanes against the opened store.
fn judge_all(row: &mut Row, store: &Store, done: Vec<Done>) -> Vec<Lane> {
    let mut lanes = Vec::new();
    for (mut lane, count, under_way) in done {
        row.acknowledged += count;
        row.verdict
            .add(judge(store, &mut lane, under_way.as_ref()).unwrap());
        lanes.push(lane);
    }
    row.verdict.findings.append(&mut store.check().unwrap());
    lanes
}

/// The power fails at a random write, sync or renaming, and what was not synced is lost in part.
/// `lying` names files whose syncs do nothing: then something must be found.
pub fn power_cuts(dir: &Path, seed: u64, cuts: u64, lying: Option<&str>) -> Row {
    let row = Row::new("power cut: unsynced octets and names lost in part");
    cut_off(row, dir, (seed, cuts), lying, false)
}

/// The same of an encrypted store whose data keys and master key are changed all the time.
pub fn key_changes(dir: &Path, seed: u64, cuts: u64, lying: Option<&str>) -> Row {
    let row = Row::new("power cut while data keys and master key are changed");
    cut_off(row, dir, (seed, cuts), lying, true)
}

fn cut_off(
    mut row: Row,
    dir: &Path,
    (seed, cuts): (u64, u64),
    lying: Option<&str>,
    sealed: bool,
) -> Row {
    let mut lanes = fresh();
    let mut ring = Ring::default();
    let mut disk = Disk::forgetful(seed);
    for cut in 0..cuts {
        let folder = dir.join(format!("cut{}", cut / LIVES));
        if cut % LIVES == 0 {
            lanes = fresh();
            ring = Ring::default();
            disk = Disk::forgetful(Chance::of(&[seed, cut]).draw());
            if let Some(part) = lying {
                disk.skip_syncs_of(part);
            }
        }
        let options = |life: u64| Options {
            disk: disk.clone(),
            keys: match sealed {
                true => ring.source(),
                false => KeySource::None,
            },
            boot_id: Some(format!("boot {cut} {life}")),
            ..run::options(&folder)
        };
        let mut chance = Chance::of(&[seed, cut, 1]);
        disk.fail_after(1 + chance.below(600));
        let done = match Store::open(&options(0)) {
            Ok(store) => {
                let accounts: Vec<_> = lanes.iter().map(Lane::account).collect();
                let beside = |store: &Store| {
                    if sealed {
                        ring.change(store, &accounts);
                    }
                    upkeep(store);
                };
                let lanes = std::mem::take(&mut lanes);
                let done = together(&store, lanes, chance.draw(), STEPS, &beside);
                drop(store);
                done
            }
            // The power failed while it was opened.
            Err(_) => lanes.iter().map(|lane| (lane.clone(), 0, None)).collect(),
        };
        disk.power_cut().unwrap();
        ring.settle(&folder);
        row.faults += 1;
        let began = Instant::now();
        let store =
            Store::open(&options(1)).unwrap_or_else(|e| panic!("seed {seed}, cut {cut}: {e}"));
        row.opened.push(began.elapsed());
        lanes = judge_all(&mut row, &store, done);
        assert!(
            row.verdict.is_clean(),
            "seed {seed}, cut {cut}: {:?}",
            row.verdict
        );
        if cut % 3 == 0 {
            store.close().unwrap();
        }
        drop(store);
        if cut % LIVES == LIVES - 1 {
            std::fs::remove_dir_all(&folder).unwrap();
        }
    }
    row
}

/// The disk is full, again and again; what is refused has not happened, and room makes all well.
pub fn full_disks(dir: &Path, seed: u64, times: u64) -> Row {
    let mut row = Row::new("disk full, then room again");
    let mut lanes = fresh();
    let folder = dir.join("full");
    let room = Arc::new(AtomicU64::new(SMALL_DISK));
    let options = Options {
        disk: room.clone().into(),
        reserve_bytes: 0,
        ..run::options(&folder)
    };
    let mut store = Store::open(&options).unwrap();
    for time in 0..times {
        let mut refused = false;
        // Until it is full, and then some tries that are all refused or all done.
        for burst in 0..400 {
            let seed = Chance::of(&[seed, time, burst]).draw();
            let done = together(&store, std::mem::take(&mut lanes), seed, 10, &|_| {});
            let full = done.iter().any(|d| d.2.is_some());
            // What was refused did not happen: nothing is "under way".
            let done = done
                .into_iter()
                .map(|(lane, count, _)| (lane, count, None))
                .collect();
            lanes = judge_all(&mut row, &store, done);
            assert!(
                row.verdict.is_clean(),
                "seed {seed}, time {time}: {:?}",
                row.verdict
            );
            if full && refused {
                break;
            }
            refused |= full;
        }
        assert!(refused, "the disk was never full");
        row.faults += 1;
        if time % 2 == 1 {
            drop(store);
            let began = Instant::now();
            room.fetch_add(SMALL_DISK, Ordering::SeqCst);
            store = Store::open(&options).unwrap();
            row.opened.push(began.elapsed());
        } else {
            room.fetch_add(SMALL_DISK, Ordering::SeqCst);
        }
        assert!(store.writable(), "it takes writes again");
    }
    row
}

/// The clock jumps by years, there and back, while upkeep runs.
pub fn clock_jumps(dir: &Path, seed: u64, jumps: u64) -> Row {
    let mut row = Row::new("clock jumps by up to ten years, upkeep beside");
    let folder = dir.join("clock");
    let now = Arc::new(AtomicI64::new(1_795_000_000));
    let told = now.clone();
    let options = Options {
        clock: Clock::new(move || told.load(Ordering::SeqCst)),
        ..run::options(&folder)
    };
    let mut lanes = fresh();
    for jump in 0..jumps {
        let mut chance = Chance::of(&[seed, jump]);
        let by = chance.below(3_650 * 86_400) as i64;
        now.store(
            1_795_000_000 + if jump % 2 == 0 { by } else { -by },
            Ordering::SeqCst,
        );
        let began = Instant::now();
        let store = Store::open(&options).unwrap();
        row.opened.push(began.elapsed());
        let done = together(
            &store,
            std::mem::take(&mut lanes),
            chance.draw(),
            STEPS,
            &|s| upkeep(s),
        );
        row.faults += 1;
        lanes = judge_all(&mut row, &store, done);
        assert!(
            row.verdict.is_clean(),
            "seed {seed}, jump {jump}: {:?}",
            row.verdict
        );
    }
    row
}

/// Whatever runs beside the writers. Its failing (the power is off) is not its fault.
fn upkeep(store: &Store) {
    let _: Result<_, Error> = store.maintain(&run::hasty());
}
