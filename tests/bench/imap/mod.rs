//! IMAP beside Dovecot: `cargo run --release -p tests --bin bench -- imap [messages [idle]]`.
//!
//! Both servers run on one disk, both over TLS, both syncing what they acknowledge; each piece of
//! work is done by one and then the other, five times, and the median is printed with minimum and
//! maximum, then the CPU of all the server's processes for one run. The client reads and throws
//! away. Bounded in count; what it starts it stops.

pub mod asleep;
mod idle;
mod peer;
mod work;

use self::peer::Peer;
use std::path::Path;
use std::time::Instant;

/// Messages of the mailbox unless told otherwise.
const MESSAGES: usize = 50_000;
/// Idle connections unless told otherwise.
const IDLE: usize = 1_000;
/// Octets of an account: hundreds of thousands of letters.
const ROOM: u64 = 1 << 40;
/// Runs of each piece of work.
const RUNS: usize = 5;

pub fn main(mut arguments: impl Iterator<Item = String>) {
    let mut number = |or: usize| arguments.next().and_then(|n| n.parse().ok()).unwrap_or(or);
    let (messages, idle) = (number(MESSAGES), number(IDLE));
    let dir = tempfile::tempdir_in(".").unwrap();
    let peers = peers(dir.path());
    peers[0].make_room(ROOM);
    println!("| work | {} |", names(&peers));
    println!("|---|{}", "---|".repeat(peers.len()));
    work::fill(&peers, messages);
    work::table(&peers, messages);
    work::sign_ins(&peers);
    idle::table(&peers, idle);
}

fn names(peers: &[Peer]) -> String {
    let names: Vec<&str> = peers.iter().map(|peer| peer.name).collect();
    names.join(" | ")
}

fn peers(dir: &Path) -> Vec<Peer> {
    let ours = Peer::congvu(dir);
    let demo = dir.join("congvu");
    let theirs = Peer::dovecot(dir, &demo.join("certificate.pem"), &demo.join("key.pem"));
    if theirs.is_none() {
        eprintln!("Dovecot is not installed (dovecot-imapd): Congvu alone");
    }
    std::iter::once(ours).chain(theirs).collect()
}

/// One row: the median of the runs of each peer, in turns, and its CPU by run.
fn row(peers: &[Peer], what: &str, unit: &str, mut run: impl FnMut(usize) -> f64) {
    let mut walls = vec![Vec::new(); peers.len()];
    let mut cpu = vec![0.0; peers.len()];
    for _ in 0..RUNS {
        for (at, peer) in peers.iter().enumerate() {
            let before = peer.cpu_ms();
            walls[at].push(run(at));
            cpu[at] += peer.cpu_ms() - before;
        }
    }
    let cells: Vec<String> = walls
        .iter_mut()
        .zip(cpu)
        .map(|(wall, cpu)| {
            wall.sort_by(f64::total_cmp);
            format!(
                "{} ({} to {}) {unit}; {:.0} CPU ms",
                short(wall[RUNS / 2]),
                short(wall[0]),
                short(wall[RUNS - 1]),
                cpu / RUNS as f64
            )
        })
        .collect();
    println!("| {what} | {} |", cells.join(" | "));
}

fn short(figure: f64) -> String {
    match figure {
        f if f >= 100.0 => format!("{f:.0}"),
        f if f >= 10.0 => format!("{f:.1}"),
        f => format!("{f:.2}"),
    }
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
