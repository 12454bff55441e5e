//! SIGKILL under load, 20 times: every message answered with 250 and every APPEND answered OK is there
//! after the restart, once (I-01, I-09).

use crate::load::{by_append, by_smtp, present};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tests::process::{Process, free_base};

/// How often the server is killed.
const ROUNDS: u64 = 20;
/// Connections that send, half by SMTP, half by APPEND.
const SENDERS: u64 = 6;

#[test]
fn i01_what_was_acknowledged_survives_sigkill() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("demo");
    std::fs::create_dir(&folder).unwrap();
    let base = free_base();
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    for round in 0..ROUNDS {
        let process = Process::demo(&folder, base);
        let stop = Arc::new(AtomicBool::new(false));
        // A different moment each time, from the first message to the thick of it.
        let until = Duration::from_millis(60 + round * 37 % 500);
        std::thread::scope(|scope| {
            for sender in 0..SENDERS {
                let (process, acknowledged, stop) = (&process, &acknowledged, &stop);
                let prefix = format!("r{round}.s{sender}");
                scope.spawn(move || {
                    if sender % 2 == 0 {
                        by_smtp(process, &prefix, acknowledged, stop);
                    } else {
                        by_append(process, &prefix, acknowledged, stop);
                    }
                });
            }
            scope.spawn(|| {
                let before = acknowledged.lock().unwrap().len();
                // Not before something was acknowledged, so that each round means something.
                for _ in 0..2000 {
                    if acknowledged.lock().unwrap().len() > before + 3 {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
                std::thread::sleep(until);
                signal_kill(process.id());
                stop.store(true, Ordering::Relaxed);
            });
        });
        process.kill();
    }
    let process = Process::demo(&folder, base);
    let present = present(&process);
    let acknowledged = acknowledged.lock().unwrap();
    println!(
        "{} acknowledged, {} present",
        acknowledged.len(),
        present.len()
    );
    assert!(acknowledged.len() as u64 > ROUNDS * 4);
    let lost: Vec<&String> = acknowledged
        .iter()
        .filter(|id| !present.contains_key(*id))
        .collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let doubled: Vec<_> = present.iter().filter(|(_, count)| **count != 1).collect();
    assert!(doubled.is_empty(), "more than once: {doubled:?}");
    assert_eq!(process.terminate(), Some(0));
    verify(&folder);
}

fn signal_kill(id: u32) {
    let done = std::process::Command::new("kill")
        .args(["-KILL", &id.to_string()])
        .status()
        .unwrap();
    assert!(done.success());
}

/// `congvu store verify` finds nothing wrong.
fn verify(folder: &std::path::Path) {
    let done = std::process::Command::new(tests::process::binary())
        .args(["store", "verify", "--dir"])
        .arg(folder)
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{text}");
}
