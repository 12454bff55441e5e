//! A queue of many deferred messages: memory, start-up, and what scheduling costs.
//! `cargo run --release -p tests --bin bench -- queue [messages]`.

use delivery::{Delivery, Envelope, Origin, Outcome, Outward, Recipient, ReversePath, Tried};
use directory::{AgencyId, Clock, Directory, NewAgency};
use formats::address::{Address, DomainName};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::time::Instant;
use storage::{Options, Store};

/// Messages unless told otherwise.
const MESSAGES: u64 = 20_000;
/// Threads that accept: their commits share the disk's flushes.
const SENDERS: usize = 32;
/// Domains that the messages are for.
const DOMAINS: u64 = 1_000;
/// When it is, Unix milliseconds.
const BEGAN_MS: i64 = 1_795_305_600_000;
/// Messages that are tried once.
const TRIES: u64 = 10_000;

#[derive(Debug)]
struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now_ms(&self) -> i64 {
        self.0.load(SeqCst)
    }
}

struct House {
    store: Store,
    delivery: Delivery,
}

fn open(dir: &Path, clock: &Arc<HandClock>, found: bool) -> House {
    let options = Options {
        dir: dir.to_owned(),
        boot_id: Some("bench".into()),
        ..Options::default()
    };
    let store = Store::open(&options).unwrap();
    let settings = directory::Settings {
        argon2_memory_kib: 64,
        argon2_passes: 1,
        scram_iterations: 0,
        default_domain: None,
        default_quota: None,
    };
    let directory = Directory::open(store.clone(), clock.clone(), settings).unwrap();
    if found {
        let top = AgencyId("H99".into());
        let agency = NewAgency {
            id: top.clone(),
            parent: None,
            name: "Tinh".into(),
            name_en: None,
            quota: directory::AgencyQuota::default(),
            profile: directory::AgencyProfile::default(),
        };
        directory.create_agency(None, agency).unwrap();
        let domain = DomainName::parse("tinh.gov.vn").unwrap();
        directory.create_domain(None, domain, top).unwrap();
    }
    let settings = delivery::Settings {
        host: "mx.tinh.gov.vn".into(),
        size_max: 1 << 20,
        recipients_max: 100,
        queue_max: usize::MAX,
        full_wait_s: 0,
    };
    let outward = Outward {
        routes: Vec::new(),
        direct: true,
        sign: false,
        jobs_max: 100,
        jobs_per_hop: 10,
    };
    let delivery = Delivery::new(store.clone(), directory, settings, Some(outward));
    House { store, delivery }
}

/// KiB of this process.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn fill(delivery: &Delivery, messages: u64) {
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, SeqCst);
                    if n >= messages {
                        return;
                    }
                    let to = format!("nguoi-nhan-{n}@d{}.vn", n % DOMAINS);
                    let envelope = Envelope {
                        from: ReversePath::Address(Address::parse("an@tinh.gov.vn").unwrap()),
                        recipients: vec![Recipient {
                            address: Address::parse(&to).unwrap(),
                            notify: None,
                            orcpt: None,
                        }],
                        ..Envelope::default()
                    };
                    let letter = format!(
                        "From: an@tinh.gov.vn\r\nMessage-ID: <{n}@tinh.gov.vn>\r\n\r\n{n}\r\n"
                    );
                    let taken = delivery.accept(envelope, letter.as_bytes(), &Origin::Generated);
                    taken.unwrap().queued.unwrap();
                }
            });
        }
    });
}

/// All that is due comes into its lane.
fn dispatch(delivery: &Delivery, now: i64) {
    while delivery
        .dispatch(now)
        .unwrap()
        .is_some_and(|due| due <= now)
    {}
}

fn per(began: Instant, count: u64) -> f64 {
    began.elapsed().as_secs_f64() * 1e6 / count as f64
}

/// Fills a queue, in a process of its own: what it keeps in memory is not that of a server that starts.
fn fill_folder(dir: &Path, messages: u64) {
    let clock = Arc::new(HandClock(AtomicI64::new(BEGAN_MS)));
    let house = open(dir, &clock, true);
    println!("before: {} KiB resident", resident());
    let began = Instant::now();
    fill(&house.delivery, messages);
    let each = per(began, messages);
    println!(
        "{messages} accepted: {each:.0} µs each, {} KiB resident",
        resident()
    );
    house.store.close().unwrap();
}

/// `queue [messages]`, or by itself `queue fill FOLDER MESSAGES`.
pub fn main(mut arguments: impl Iterator<Item = String>) {
    let first = arguments.next();
    if first.as_deref() == Some("fill") {
        let (dir, messages) = (arguments.next().unwrap(), arguments.next().unwrap());
        return fill_folder(Path::new(&dir), messages.parse().unwrap());
    }
    let messages = first.and_then(|n| n.parse().ok()).unwrap_or(MESSAGES);
    let dir = tempfile::tempdir_in(".").unwrap();
    let filled = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["queue", "fill"])
        .arg(dir.path())
        .arg(messages.to_string())
        .status();
    assert!(filled.unwrap().success());
    let clock = Arc::new(HandClock(AtomicI64::new(BEGAN_MS)));
    println!("before: {} KiB resident", resident());
    let began = Instant::now();
    let house = open(dir.path(), &clock, false);
    let millis = began.elapsed().as_millis();
    println!("opened again: {millis} ms, {} KiB resident", resident());
    let now = clock.now_s();
    let began = Instant::now();
    dispatch(&house.delivery, now);
    let each = per(began, messages);
    println!(
        "into their lanes: {each:.1} µs each, {} KiB resident",
        resident()
    );
    let tries = TRIES.min(messages);
    let (mut leasing, mut settling) = (0.0, 0.0);
    for _ in 0..tries {
        let began = Instant::now();
        let job = house.delivery.lease(now).unwrap().unwrap();
        leasing += per(began, tries);
        let tried = Tried {
            outcomes: vec![Outcome::Deferred("4.2.0 later".into())],
            ..Tried::default()
        };
        let began = Instant::now();
        house.delivery.settle(&job, tried, now).unwrap();
        settling += per(began, tries);
    }
    println!("leased: {leasing:.0} µs each; settled, one after the other: {settling:.0} µs each");
    let began = Instant::now();
    let rounds = 1_000;
    for _ in 0..rounds {
        house.delivery.dispatch(now).unwrap();
    }
    let each = per(began, rounds);
    println!("a look at the queue when nothing is due: {each:.1} µs");
    println!("at the end: {} KiB resident", resident());
    house.store.close().unwrap();
}
