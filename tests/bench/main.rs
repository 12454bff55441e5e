//! First figures (BENCH.md): durable SMTP, SELECT and FETCH over 50,000 messages, idle connections.
//! `cargo run --release -p tests --bin bench`; prints the rows of RESULTS.md. Bounded in count and time.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests fail loudly, and start and stop programs"
)]

mod api;
mod imap;
mod jmap;
mod queue;
mod recipients;
mod relay;
mod rights;
mod storage;
mod tables;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tests::imap_client::ImapClient;
use tests::process::{Process, free_base};
use tests::smtp_client::{SmtpClient, stuffed};
use tests::stream::Stream;

const SESSIONS: usize = 20;
const MESSAGES: usize = 4_000;
const MAILBOX: usize = 50_000;
const IDLE: usize = 1_000;
/// How long the search index may take.
const INDEX_WAIT: Duration = Duration::from_secs(600);
/// Runs of each measurement; the median is printed with minimum and maximum.
const RUNS: usize = 5;

fn main() {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("storage") => return storage::main(arguments),
        Some("queue") => return queue::main(arguments),
        Some("relay") => return relay::main(arguments),
        Some("recipients") => return recipients::main(arguments),
        Some("tables") => return tables::main(arguments),
        Some("api") => return api::main(arguments),
        Some("rights") => return rights::main(arguments),
        Some("imap") => return imap::main(arguments),
        Some("jmap") => return jmap::main(arguments),
        Some("imap-idle") => return imap::asleep::main(arguments),
        _ => {}
    }
    let dir = tempfile::tempdir_in(".").unwrap();
    let folder = dir.path().join("demo");
    fs::create_dir(&folder).unwrap();
    let base = free_base();
    Process::demo(&folder, base).terminate();
    let began = Instant::now();
    let process = Process::demo(&folder, base);
    println!(
        "second start of the sample province: {} ms",
        began.elapsed().as_millis()
    );
    println!(
        "server that nobody has spoken to: {} KiB resident",
        memory(&process, "VmRSS")
    );
    disk(dir.path());
    smtp(&process);
    let fill = fill(&process);
    println!("APPEND of 2 KB, 16 connections: {fill:.0} /s");
    mailbox(&process);
    idle(&process);
    println!(
        "after all of it: {} KiB resident",
        memory(&process, "VmRSS")
    );
    process.terminate();
}

/// Median, minimum and maximum of `RUNS` runs.
fn spread(mut run: impl FnMut() -> f64) -> String {
    let mut all: Vec<f64> = (0..RUNS).map(|_| run()).collect();
    all.sort_by(f64::total_cmp);
    format!(
        "{:.2} ({:.2} to {:.2})",
        all[RUNS / 2],
        all[0],
        all[RUNS - 1]
    )
}

/// A line of /proc/PID/status, in KiB.
fn memory(process: &Process, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Proportional set size, KiB.
fn pss(process: &Process) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", process.id())).unwrap();
    let line = rollup
        .lines()
        .find(|line| line.starts_with("Pss:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// User and system CPU of the server so far, milliseconds (clock ticks of 10 ms).
fn cpu(process: &Process) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) * 10.0
}

/// The disk's own rate: appends of 10 KB with fdatasync, by one and by many writers.
fn disk(dir: &Path) {
    for writers in [1, 32] {
        let done = AtomicUsize::new(0);
        let began = Instant::now();
        std::thread::scope(|scope| {
            for writer in 0..writers {
                let (done, path) = (&done, dir.join(format!("raw{writer}")));
                scope.spawn(move || {
                    let mut file = fs::File::create(path).unwrap();
                    while began.elapsed() < Duration::from_secs(2) {
                        file.write_all(&[7; 10_240]).unwrap();
                        file.sync_data().unwrap();
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        println!(
            "disk: {writers} writers append 10 KB + fdatasync: {:.0} /s",
            done.load(Ordering::Relaxed) as f64 / 2.0
        );
    }
}

fn letter(number: usize, size: usize) -> Vec<u8> {
    let head = format!(
        "From: =?utf-8?q?V=C4=83n_th=C6=B0?= <a@b.example>\r\nTo: annv@tinhmau.gov.vn\r\nSubject: Van ban so {number}\r\n\
         Date: Mon, 02 Nov 2026 08:00:00 +0700\r\nMessage-ID: <bench.{number}@b.example>\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    );
    let line = format!(
        "Số {number}: Ủy ban nhân dân tỉnh đề nghị các cơ quan báo cáo kết quả thực hiện.\r\n"
    );
    let mut out = head.into_bytes();
    while out.len() < size {
        out.extend_from_slice(line.as_bytes());
    }
    out
}

/// 10 KB, 20 sessions, to 20 accounts: once with a new connection per message, once keeping it.
fn smtp(process: &Process) {
    let facts = process.facts();
    let accounts: Vec<String> = facts["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .take(20)
        .map(|a| a["address"].as_str().unwrap().to_owned())
        .collect();
    let serial = AtomicUsize::new(0);
    for (name, keep) in [
        ("new connection per message", false),
        ("connection kept", true),
    ] {
        let mut cpu_per_message = Vec::new();
        let rate = spread(|| {
            let next = AtomicUsize::new(0);
            let (cpu_before, began) = (cpu(process), Instant::now());
            std::thread::scope(|scope| {
                for _ in 0..SESSIONS {
                    scope.spawn(|| {
                        let mut client = None;
                        while next.fetch_add(1, Ordering::Relaxed) < MESSAGES {
                            let number = serial.fetch_add(1, Ordering::Relaxed);
                            let mut one = client.take().unwrap_or_else(|| greeted(process));
                            transaction(
                                &mut one,
                                &accounts[number % accounts.len()],
                                &letter(number, 10_240),
                            );
                            if keep {
                                client = Some(one);
                            }
                        }
                    });
                }
            });
            cpu_per_message.push((cpu(process) - cpu_before) / MESSAGES as f64);
            MESSAGES as f64 / began.elapsed().as_secs_f64()
        });
        cpu_per_message.sort_by(f64::total_cmp);
        println!(
            "SMTP in, 10 KB, {SESSIONS} sessions, {name}: {rate} msg/s; {:.2} CPU ms/msg",
            cpu_per_message[RUNS / 2]
        );
    }
}

fn greeted(process: &Process) -> SmtpClient {
    let mut client = SmtpClient::connect(process.address("smtp"));
    client.ehlo();
    client
}

fn transaction(client: &mut SmtpClient, to: &str, message: &[u8]) {
    client.send(format!("MAIL FROM:<a@b.example>\r\nRCPT TO:<{to}>\r\nDATA\r\n").as_bytes());
    for expected in ["250", "250", "354"] {
        let reply = client.reply();
        assert!(reply.starts_with(expected), "{reply}");
    }
    client.send(&stuffed(message));
    let reply = client.reply();
    assert!(reply.starts_with("250"), "{reply}");
}

fn signed_in(process: &Process, account: usize) -> ImapClient {
    let facts = process.facts();
    let account = &facts["accounts"][account];
    let mut client = ImapClient::connect_tls(process.address("imaps"), &process.dir.join("ca.pem"));
    client.ok(&format!(
        "LOGIN {} {}",
        account["address"].as_str().unwrap(),
        account["password"].as_str().unwrap()
    ));
    client
}

/// Fills a mailbox by several connections; appends per second.
fn fill(process: &Process) -> f64 {
    signed_in(process, 1).ok("CREATE Lon");
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let mut client = signed_in(process, 1);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= MAILBOX {
                        return;
                    }
                    let answer = client.append("Lon", &letter(number, 2_048)).unwrap();
                    assert!(answer.tagged.starts_with("OK"), "{}", answer.tagged);
                }
            });
        }
    });
    MAILBOX as f64 / began.elapsed().as_secs_f64()
}

fn mailbox(process: &Process) {
    let mut client = signed_in(process, 1);
    let began = Instant::now();
    client.ok("SELECT Lon");
    println!(
        "SELECT of {MAILBOX}, first in this session: {:.2} ms",
        began.elapsed().as_secs_f64() * 1e3
    );
    let timed = |client: &mut ImapClient, command: &str| {
        let before = cpu(process);
        let wall = spread(|| {
            let began = Instant::now();
            client.ok(command);
            began.elapsed().as_secs_f64() * 1e3
        });
        println!(
            "{command}: {wall} ms wall over TLS, {:.0} CPU ms",
            (cpu(process) - before) / RUNS as f64
        );
    };
    for command in [
        "SELECT Lon",
        "FETCH 1:* (UID FLAGS)",
        "FETCH 1:* (UID FLAGS ENVELOPE)",
        "FETCH 1:5000 BODY.PEEK[]",
        "SEARCH UNSEEN",
    ] {
        timed(&mut client, command);
    }
    let waited = indexed(&mut client);
    println!("the search index is there after {waited:.0} s more");
    for command in [
        "SEARCH SUBJECT 49999",
        "SEARCH BODY 49998:",
        "SEARCH TEXT mail",
        "SEARCH BODY zzqqy",
    ] {
        timed(&mut client, command);
    }
}

/// Waits until a text that is nowhere is not looked for in every message, seconds.
fn indexed(client: &mut ImapClient) -> f64 {
    let began = Instant::now();
    while began.elapsed() < INDEX_WAIT {
        let asked = Instant::now();
        client.ok("SEARCH BODY zzqqy");
        if asked.elapsed() < Duration::from_millis(20) {
            break;
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    began.elapsed().as_secs_f64()
}

/// Memory per idle connection: growth of the server's PSS over many that have signed in and idle.
fn idle(process: &Process) {
    for (name, tls) in [("with TLS", true), ("without TLS, not signed in", false)] {
        let before = pss(process);
        let mut held: Vec<Box<dyn std::any::Any>> = Vec::new();
        for _ in 0..IDLE {
            if tls {
                let mut client = signed_in(process, 2);
                client.ok("SELECT INBOX");
                client.send(b"i IDLE\r\n");
                assert!(client.unsolicited().starts_with("+ "));
                held.push(Box::new(client));
            } else {
                let mut stream = Stream::plain(process.address("imap"));
                stream.line();
                held.push(Box::new(stream));
            }
        }
        std::thread::sleep(Duration::from_secs(1));
        let grown = pss(process).saturating_sub(before);
        println!(
            "idle IMAP connection {name}: {:.1} KiB each ({IDLE} of them)",
            grown as f64 / IDLE as f64
        );
        drop(held);
        std::thread::sleep(Duration::from_secs(1));
    }
}
