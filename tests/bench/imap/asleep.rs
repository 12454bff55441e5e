//! What connections cost that wait: `cargo run --release -p tests --bin bench -- imap-idle [CONNECTIONS …]`.
//!
//! Of each number given, one connection waits in IDLE on an account of its own, and the others, on all other accounts
//! of the sample province, one half in IDLE and one by NOTIFY. Measured is the CPU of the server while nothing happens,
//! and for each letter that is delivered to the one account; then all connections but one must have been told nothing.
//! Server and client are two processes: each needs as many open files as there are connections.
#![allow(
    clippy::disallowed_methods,
    reason = "a program starts and stops programs"
)]

use super::peer::Peer;
use super::short;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tests::imap_client::ImapClient;

/// Connections unless told otherwise: what one letter costs must not grow from one to the next.
const COUNTS: [usize; 3] = [10, 100, 1_000];
/// Letters delivered.
const LETTERS: usize = 200;
/// Octets of a letter.
const OCTETS: usize = 5 * 1_024;
/// What passes before anything is measured.
const SETTLE: Duration = Duration::from_secs(5);
/// While nothing happens.
const QUIET: Duration = Duration::from_secs(10);
/// Threads that sign in.
const SIGNING_IN: usize = 4;
/// Open files besides those of the connections.
const FILES: usize = 200;
/// The account that is woken.
const WOKEN: usize = 0;

pub fn main(arguments: impl Iterator<Item = String>) {
    let mut counts: Vec<usize> = arguments.filter_map(|n| n.parse().ok()).collect();
    if counts.is_empty() {
        counts = COUNTS.to_vec();
    }
    let most = counts.iter().copied().max().unwrap_or_default();
    let files = raise_open_files();
    assert!(
        most + FILES <= files,
        "{most} connections need more than {files} open files: ulimit -Hn"
    );
    let dir = tempfile::tempdir_in(".").unwrap();
    let peer = Peer::congvu(dir.path());
    println!(
        "| connections | CPU in {} s of nothing | CPU for each of {LETTERS} letters to one account | \
         from 250 to EXISTS, median | connections told |",
        QUIET.as_secs()
    );
    println!("|---|---|---|---|---|");
    // Whatever is done for the first time is not measured.
    deliver(&peer, &mut waiting(&peer, WOKEN, false), LETTERS / 4);
    for count in counts {
        measure(&peer, count);
    }
}

/// As many as the system lets this process have, the server that it starts too; gives how many.
fn raise_open_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let hard: usize = line
        .and_then(|line| line.split_whitespace().nth(4)?.parse().ok())
        .unwrap();
    let own = std::process::id().to_string();
    let done = Command::new("prlimit")
        .args(["--pid", &own, &format!("--nofile={hard}:{hard}")])
        .status();
    assert!(done.is_ok_and(|done| done.success()), "prlimit");
    hard
}

/// A connection that waits, in IDLE or by NOTIFY.
fn waiting(peer: &Peer, user: usize, notify: bool) -> ImapClient {
    let mut client = peer.signed_in(user);
    client.ok("SELECT INBOX");
    if notify {
        client.ok("NOTIFY SET (SELECTED (MessageNew MessageExpunge)) (PERSONAL (MessageNew MessageExpunge))");
        return client;
    }
    client.send(b"i IDLE\r\n");
    while !client.unsolicited().starts_with('+') {}
    client
}

/// The median time from the reply to the letter to the news of it, milliseconds.
fn deliver(peer: &Peer, client: &mut ImapClient, letters: usize) -> f64 {
    let mut smtp = peer.smtp();
    let mut all = Vec::with_capacity(letters);
    for number in 0..letters {
        crate::transaction(
            &mut smtp,
            peer.address_of(WOKEN),
            &crate::letter(number, OCTETS),
        );
        let began = Instant::now();
        while !client.unsolicited().ends_with(" EXISTS\r\n") {}
        all.push(super::ms(began));
    }
    all.sort_by(f64::total_cmp);
    all[letters / 2]
}

fn measure(peer: &Peer, count: usize) {
    let others = peer.users() - 1;
    let next = AtomicUsize::new(1);
    let mut asleep: Vec<ImapClient> = Vec::with_capacity(count);
    std::thread::scope(|scope| {
        let sign_in = || {
            let mut mine = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return mine;
                }
                mine.push(waiting(peer, 1 + number % others, number.is_multiple_of(2)));
            }
        };
        let threads: Vec<_> = (0..SIGNING_IN).map(|_| scope.spawn(sign_in)).collect();
        for thread in threads {
            asleep.extend(thread.join().unwrap());
        }
    });
    let mut woken = waiting(peer, WOKEN, false);
    std::thread::sleep(SETTLE);
    let before = peer.cpu_ms();
    std::thread::sleep(QUIET);
    let nothing = peer.cpu_ms() - before;
    let before = peer.cpu_ms();
    let delay = deliver(peer, &mut woken, LETTERS);
    let each = (peer.cpu_ms() - before) / LETTERS as f64;
    std::thread::sleep(SETTLE);
    let told = asleep
        .iter_mut()
        .filter_map(|client| (!client.is_quiet()).then_some(()));
    let told = 1 + told.count();
    println!(
        "| {count} | {nothing:.0} ms | {} ms | {} ms | {told} |",
        short(each),
        short(delay)
    );
    assert_eq!(told, 1, "others were told");
    drop((asleep, woken));
    std::thread::sleep(SETTLE);
}
