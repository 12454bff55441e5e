//! The faults: the process is killed, or the power fails; again and again in one province, and then all is carried to
//! its end and judged.

use super::ends;
use super::ledger::{Event, Ledger};
use super::left::Left;
use super::life::{Lie, Life, number};
use super::province::{Ground, Province, START_S};
use crate::fault::table::Row;
use crate::fault::{Chance, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use storage::{Disk, EngineKind};

/// Faults that a province lives through before it is judged.
const LIVES: u64 = 5;
/// Letters that come between two faults, and rounds of who dispatches.
const LETTERS: u64 = 14;
const ROUNDS: u64 = 150;
/// Steps of the disk within which the power fails; a life without a fault has about so many.
const DISK_STEPS: u64 = 400;
/// How long the lock of a store may stay with nobody.
const LOCK_PATIENCE: Duration = Duration::from_secs(20);
/// Milliseconds after which a process is killed at the latest.
const KILLED_MS: u64 = 450;

#[allow(
    clippy::disallowed_methods,
    reason = "what holds the lock tells nobody when it lets go"
)]
fn province(folder: &Path, ground: &Ground, ledger: &Ledger) -> Result<Province, storage::Error> {
    // A start takes a second: events of one second are told apart by a number that begins anew.
    let now = ledger.now().map_or(START_S, |now| now + 1);
    ledger.note(Event::Now(now));
    let began = Instant::now();
    loop {
        match Province::open(folder, ground, now) {
            // Another test of this process starts a program: until that runs it holds the lock, as what was copied.
            Err(storage::Error::InUse { .. }) if began.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(Duration::from_millis(20));
            }
            opened => return opened,
        }
    }
}

fn founded(folder: &Path, ground: &Ground, ledger: &Ledger) {
    let province = province(folder, ground, ledger).unwrap();
    province.found();
    ledger.note(Event::Now(START_S));
    province.store.close().unwrap();
}

/// The power fails at a random write, sync or renaming of the disk, whatever the queue is at. `lying` names files whose
/// syncs do nothing: then something must be found.
pub fn power_cuts(dir: &Path, seed: u64, cuts: u64, lying: Option<&str>) -> Row {
    let mut row = Row::new("queue: power cut at any step of its life");
    for at in 0..cuts.div_ceil(LIVES) {
        let folder = dir.join(format!("queue{at}"));
        let ledger = Ledger::default();
        let disk = Disk::forgetful(Chance::of(&[seed, at]).draw());
        let mut ground = Ground {
            disk: disk.clone(),
            engine: EngineKind::Memory,
            boot: "founded".into(),
        };
        founded(&folder, &ground, &ledger);
        if let Some(part) = lying {
            disk.skip_syncs_of(part);
        }
        let lives = LIVES.min(cuts - at * LIVES);
        for life in 0..lives {
            let mut chance = Chance::of(&[seed, at, life]);
            ground.boot = format!("boot {life}");
            disk.fail_after(1 + chance.below(DISK_STEPS));
            let before = ledger.events().len();
            if let Ok(mut province) = province(&folder, &ground, &ledger) {
                ledger.note(Event::Opened(life));
                province.sign_in();
                Life::new(&province, &ledger, chance.draw(), life).live(LETTERS, ROUNDS);
            }
            disk.power_cut().unwrap();
            row.faults += 1;
            interrupted(&ledger.events()[before..], &mut row.during);
            ground.boot = format!("looked at {life}");
            let began = Instant::now();
            let province = province(&folder, &ground, &ledger)
                .unwrap_or_else(|e| panic!("seed {seed}, province {at}, life {life}: {e}"));
            row.opened.push(began.elapsed());
            let mut verdict = kept(&province, &ledger.events(), before);
            row.verdict.add(std::mem::take(&mut verdict));
        }
        ground.boot = "the end".into();
        carried_to_its_end(&folder, &ground, &ledger, &mut row, (seed, at));
        std::fs::remove_dir_all(&folder).unwrap();
    }
    row
}

/// Nothing fails any more: all goes where it goes, and is judged.
fn carried_to_its_end(
    folder: &Path,
    ground: &Ground,
    ledger: &Ledger,
    row: &mut Row,
    of: (u64, u64),
) {
    let mut province = province(folder, ground, ledger).unwrap();
    ledger.note(Event::Opened(LIVES + 1));
    province.sign_in();
    Life::new(&province, ledger, 0, LIVES + 1).drain().unwrap();
    row.verdict.add(judged(&province, ledger));
    let events = ledger.events();
    row.acknowledged += ends::Known::of(&events).acked.len() as u64;
    let dirty = !row.verdict.is_clean();
    assert!(
        !dirty,
        "seed {}, province {}: {:#?}\n{}",
        of.0,
        of.1,
        row.verdict,
        about(&province, &row.verdict, &events)
    );
    province.store.close().unwrap();
}

/// What the ledger knows of the letters that something was found of.
fn about(province: &Province, verdict: &Verdict, events: &[Event]) -> String {
    let found = verdict
        .lost
        .iter()
        .chain(&verdict.invented)
        .chain(&verdict.findings);
    let numbers: BTreeSet<u64> = found
        .filter_map(|text| {
            text.split("etter")
                .nth(1)?
                .split(|c: char| !c.is_ascii_digit())
                .find(|n| !n.is_empty())?
                .parse()
                .ok()
        })
        .collect();
    let concerns = |event: &&Event| match event {
        Event::Begun(n) | Event::Acked(n, _) | Event::Refused(n, _) => numbers.contains(n),
        Event::Acting(n, _) | Event::Acted(n, ..) => numbers.contains(n),
        Event::Took {
            left: Left::Letter(n),
            ..
        } => numbers.contains(n),
        Event::Took {
            left: Left::Notice(notice),
            ..
        } => numbers.contains(&notice.about),
        Event::Opened(_) | Event::Settled(_) => true,
        _ => false,
    };
    let told: Vec<String> = events
        .iter()
        .filter(concerns)
        .map(|event| format!("{event:?}"))
        .collect();
    let letters: Vec<String> = numbers
        .iter()
        .map(|n| format!("{:?}", super::Letter::new(*n)))
        .collect();
    let traces: Vec<String> = numbers
        .iter()
        .map(|n| {
            super::timelines::of(province, *n)
                .unwrap()
                .iter()
                .map(ToString::to_string)
                .collect()
        })
        .collect();
    [letters, told, traces].concat().join("\n")
}

fn judged(province: &Province, ledger: &Ledger) -> Verdict {
    let mut verdict = ends::judge(province, &ledger.events()).unwrap();
    verdict
        .findings
        .append(&mut province.store.check().unwrap());
    if let Some(entry) = province.directory.audit_check().unwrap() {
        verdict
            .findings
            .push(format!("the audit log does not fit at {entry}"));
    }
    verdict
}

/// A life without faults and with a lie, judged.
pub fn with_a_lie(dir: &Path, seed: u64, lie: Option<Lie>) -> Verdict {
    let ledger = Ledger::default();
    let mut ground = Ground {
        disk: Disk::default(),
        engine: EngineKind::Memory,
        boot: "one".into(),
    };
    founded(dir, &ground, &ledger);
    let mut verdict = Verdict::default();
    for opening in 0..3 {
        ground.boot = format!("boot {opening}");
        let mut province = province(dir, &ground, &ledger).unwrap();
        verdict.add(kept(&province, &ledger.events(), ledger.events().len()));
        province.sign_in();
        let mut life = Life::new(&province, &ledger, seed, opening);
        life.lie = lie.filter(|_| opening == 0);
        life.live(LETTERS, ROUNDS);
        if life.lie == Some(Lie::Unheld) {
            // One that waits in any case.
            let mut later = (LIVES * 1_000..).map(super::Letter::new);
            let later = later.find(|letter| letter.later_s.is_some());
            assert!(life.submit_one(0, &later.unwrap()));
            for item in province.delivery.queue(None, 1_000).unwrap() {
                if let (Some(number), None) = (number(&item), item.held) {
                    ledger.note(Event::Acting(number, "hold".into()));
                    ledger.note(Event::Acted(number, "hold".into(), true));
                }
            }
        }
    }
    let mut province = province(dir, &ground, &ledger).unwrap();
    province.sign_in();
    Life::new(&province, &ledger, 0, LIVES + 1).drain().unwrap();
    verdict.add(judged(&province, &ledger));
    verdict
}

/// At which steps lanes were when it ended.
fn interrupted(events: &[Event], during: &mut BTreeMap<String, u64>) {
    let mut under_way: BTreeMap<u32, &str> = BTreeMap::new();
    for event in events {
        match event {
            Event::Step(lane, kind) => _ = under_way.insert(*lane, kind),
            Event::Done(lane) => _ = under_way.remove(lane),
            _ => {}
        }
    }
    for kind in under_way.into_values() {
        *during.entry(kind.to_owned()).or_default() += 1;
    }
}

/// What administrators did, of each letter the last: what was begun, and whether it did something.
fn states(events: &[Event], kinds: &[&str]) -> BTreeMap<u64, (String, Option<bool>)> {
    let mut states: BTreeMap<u64, Vec<(String, Option<bool>)>> = BTreeMap::new();
    for event in events {
        match event {
            Event::Acting(number, act) if kinds.contains(&act.as_str()) => {
                states.entry(*number).or_default().push((act.clone(), None));
            }
            Event::Acted(number, act, did) if kinds.contains(&act.as_str()) => {
                let acts = states.entry(*number).or_default();
                acts.pop();
                if *did {
                    acts.push((act.clone(), Some(true)));
                }
            }
            _ => {}
        }
    }
    let last = |(number, mut acts): (u64, Vec<_>)| Some((number, acts.pop()?));
    states.into_iter().filter_map(last).collect()
}

/// After a fault: what was held is held, what has another way has it; and nothing that was so before the life that
/// began at this event went otherwise in it.
fn kept(province: &Province, events: &[Event], began: usize) -> Verdict {
    let mut verdict = Verdict::default();
    let held = states(events, &["hold", "release", "delete", "take back"]);
    let ways = states(events, &["reroute", "route"]);
    for item in province.delivery.queue(None, 1_000).unwrap() {
        let Some(number) = number(&item) else {
            continue;
        };
        let mut compare = |is: bool, state: Option<&(String, Option<bool>)>, on: &str| {
            let expected = match state {
                None => false,
                Some((_, None)) => is,
                Some((act, Some(_))) => act == on,
            };
            if is != expected {
                verdict
                    .lost
                    .push(format!("letter {number}, {on}: {is} instead of {expected}"));
            }
        };
        compare(item.held.is_some(), held.get(&number), "hold");
        compare(item.detour.is_some(), ways.get(&number), "reroute");
    }
    let before = states(
        &events[..began],
        &["hold", "release", "delete", "take back"],
    );
    let was_held = |number: &u64| {
        let state = before.get(number);
        state.is_some_and(|(act, did)| act == "hold" && did.is_some())
    };
    let mut released = BTreeSet::new();
    for event in &events[began..] {
        match event {
            Event::Acting(number, _) => _ = released.insert(*number),
            Event::Took {
                left: Left::Letter(number),
                ..
            } if !released.contains(number) && was_held(number) => {
                verdict
                    .invented
                    .push(format!("letter {number} was held and went"));
            }
            _ => {}
        }
    }
    verdict
}

/// The victim: `FOLDER LEDGER SEED OPENING`. One octet to standard output when it begins.
pub fn victim(mut arguments: impl Iterator<Item = String>) {
    let mut next = || arguments.next().expect("FOLDER LEDGER SEED OPENING");
    let (folder, ledger) = (PathBuf::from(next()), Ledger::at(Path::new(&next())));
    let (seed, opening): (u64, u64) = (next().parse().unwrap(), next().parse().unwrap());
    let mut province = province(&folder, &on_disk(opening), &ledger).unwrap();
    ledger.note(Event::Opened(opening));
    province.sign_in();
    println!();
    Life::new(&province, &ledger, seed, opening).live(LETTERS * 3, u64::MAX);
    panic!("it ended by itself");
}

fn on_disk(opening: u64) -> Ground {
    Ground {
        disk: Disk::default(),
        engine: EngineKind::Sled,
        // The machine goes on: only the process ends.
        boot: format!("boot {}", opening / LIVES),
    }
}

/// Starts `program` as a victim, kills it at random moments, and judges.
pub fn kills(program: &Path, dir: &Path, seed: u64, times: u64) -> Row {
    let mut row = Row::new("queue: SIGKILL at any step of its life");
    for at in 0..times.div_ceil(LIVES) {
        let folder = dir.join(format!("killed{at}"));
        let path = dir.join(format!("ledger{at}"));
        founded(&folder, &on_disk(0), &Ledger::at(&path));
        for life in 0..LIVES.min(times - at * LIVES) {
            let before = Ledger::at(&path).events().len();
            let mut chance = Chance::of(&[seed, at, life]);
            let pause = Duration::from_millis(chance.below(KILLED_MS));
            killed(program, &folder, &path, [chance.draw(), life], pause);
            row.faults += 1;
            let ledger = Ledger::at(&path);
            interrupted(&ledger.events()[before..], &mut row.during);
            let began = Instant::now();
            let province = province(&folder, &on_disk(life), &ledger).unwrap();
            row.opened.push(began.elapsed());
            row.verdict.add(kept(&province, &ledger.events(), before));
        }
        let ledger = Ledger::at(&path);
        carried_to_its_end(&folder, &on_disk(LIVES), &ledger, &mut row, (seed, at));
        std::fs::remove_dir_all(&folder).unwrap();
    }
    row
}

#[allow(clippy::disallowed_methods, reason = "it starts and kills a process")]
fn killed(program: &Path, folder: &Path, ledger: &Path, numbers: [u64; 2], pause: Duration) {
    let mut child = Command::new(program)
        .arg("queue-victim")
        .args([folder, ledger])
        .args(numbers.map(|n| n.to_string()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    let begun = output.read(&mut [0]).unwrap();
    if begun == 1 {
        std::thread::sleep(pause);
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    if status.code().is_some() {
        let mut text = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        panic!("{numbers:?}: the victim ended by itself, {status}: {text}");
    }
}
