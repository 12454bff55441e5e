//! Durable appends by 1 to 128 writers, as a share of what the disk itself does.

use super::{ENGINES, Figures, cpu_ms, run};
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use storage::{Append, Options, Store};

const WRITERS: [u64; 4] = [1, 8, 32, 128];
const WINDOW: Duration = Duration::from_secs(3);
/// Octets of a message.
const OCTETS: usize = 10_240;
/// Alternating runs; the median is printed.
const RUNS: usize = 3;

pub(super) fn table(dir: &Path) {
    println!(
        "| writers | the disk itself /s | sled /s (share), CPU ms | fjall /s (share), CPU ms |"
    );
    println!("|---|---|---|---|");
    for writers in WRITERS {
        let mut runs: Vec<(f64, Vec<Figures>)> = Vec::new();
        for _ in 0..RUNS {
            let raw = raw(dir, writers);
            let each = ENGINES.iter().map(|(name, _)| {
                let folder = dir.join("appends");
                let figures = run("appends", name, &folder, writers);
                std::fs::remove_dir_all(&folder).unwrap();
                figures
            });
            runs.push((raw, each.collect()));
        }
        let median = |mut all: Vec<f64>| {
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let raw = median(runs.iter().map(|r| r.0).collect());
        let cells = (0..ENGINES.len()).map(|engine| {
            let of = |name: &str| median(runs.iter().map(|r| r.1[engine][name]).collect());
            format!(
                "{:.0} ({:.0} %), {:.2}",
                of("rate"),
                of("rate") / raw * 100.0,
                of("cpu")
            )
        });
        let cells: Vec<String> = cells.collect();
        println!("| {writers} | {raw:.0} | {} |", cells.join(" | "));
    }
}

/// Appends of the same octets with a sync each, a file per writer.
fn raw(dir: &Path, writers: u64) -> f64 {
    let done = AtomicU64::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let (done, path) = (&done, dir.join(format!("raw{writer}")));
            scope.spawn(move || {
                let mut file = std::fs::File::create(&path).unwrap();
                while began.elapsed() < WINDOW {
                    file.write_all(&[7; OCTETS]).unwrap();
                    file.sync_data().unwrap();
                    done.fetch_add(1, Ordering::Relaxed);
                }
                std::fs::remove_file(path).unwrap();
            });
        }
    });
    done.load(Ordering::Relaxed) as f64 / WINDOW.as_secs_f64()
}

pub(super) fn measure(options: &Options, writers: u64) -> Figures {
    let store = Store::open(options).unwrap();
    let folders: Vec<_> = (0..writers)
        .map(|n| super::growth::inbox(&store, 10 + n as u32))
        .collect();
    let done = AtomicU64::new(0);
    let (cpu, began) = (cpu_ms(), Instant::now());
    std::thread::scope(|scope| {
        for (account, mailbox) in folders {
            let (store, done) = (&store, &done);
            scope.spawn(move || {
                while began.elapsed() < WINDOW {
                    let number = done.fetch_add(1, Ordering::Relaxed);
                    let text = super::growth::letter(number, OCTETS);
                    let summary = formats::message::summarize(&text);
                    let blob = store.put_blob(&text).unwrap();
                    let mut writer = store.account(account).write().unwrap();
                    let append = Append {
                        blob,
                        summary: &summary,
                        received_at: 1_795_000_000,
                        keywords: Vec::new(),
                        mailboxes: vec![mailbox],
                        delivery: None,
                    };
                    writer.append(append).unwrap();
                    writer.commit().unwrap();
                }
            });
        }
    });
    let count = done.load(Ordering::Relaxed) as f64;
    let took = began.elapsed().as_secs_f64();
    Figures::from([
        ("rate".into(), count / took),
        ("cpu".into(), (cpu_ms() - cpu) / count),
    ])
}
