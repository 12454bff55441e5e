//! How the store grows: memory, disk and time with a million messages and more.
//! `cargo run --release -p storage --example grow -- FOLDER [sled|fjall] [accounts] [messages of each] [messages by commit]`
//! `CACHE_MIB` is the engine's cache. Each step runs in a process of its own, so that its memory is its own. Prints figures; judges nothing.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a tool for the developer, not the server"
)]

use formats::message::Summary;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use storage::*;

/// Threads that load.
const WRITERS: u64 = 16;
/// Each account is visited so many times, so that accounts grow side by side.
const VISITS: u64 = 10;
const LARGE: u64 = 50_000;
const LARGE_ACCOUNT: u32 = 900_000;
/// How long memory may settle before it is looked at.
const SETTLE: Duration = Duration::from_secs(3);

struct Plan {
    dir: PathBuf,
    engine: EngineKind,
    accounts: u64,
    each: u64,
    by: u64,
    cache: u64,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: u64| args.get(at).map_or(default, |a| a.parse().unwrap());
    let plan = Plan {
        dir: Path::new(args.first().expect("a folder")).to_owned(),
        engine: EngineKind::named(args.get(1).map_or("sled", String::as_str)).unwrap(),
        accounts: number(2, 1_000),
        each: number(3, 1_000),
        by: number(4, 1),
        cache: std::env::var("CACHE_MIB").map_or(64, |mib| mib.parse().unwrap()),
    };
    match args.get(5).map(String::as_str) {
        None => {
            for step in [
                "load", "open", "open", "read", "crash", "open", "crash", "power", "check",
            ] {
                let mut own = Command::new(std::env::current_exe().unwrap());
                own.arg(&plan.dir).arg(plan.engine.name());
                own.args([plan.accounts, plan.each, plan.by].map(|n| n.to_string()));
                let ended = own.arg(step).status().unwrap();
                println!("-- {step} ended: {ended}");
            }
        }
        Some("load") => load(&plan),
        Some("open") => close(&plan, open(&plan, "boot")),
        Some("power") => close(&plan, open(&plan, "another boot")),
        Some("read") => read(&plan),
        Some("crash") => crash(&plan),
        Some("check") => check(&plan),
        Some(other) => println!("no step {other}"),
    }
}

fn open(plan: &Plan, boot: &str) -> Store {
    let begun = Instant::now();
    let options = Options {
        dir: plan.dir.join("store"),
        engine: plan.engine,
        cache_bytes: plan.cache << 20,
        boot_id: Some(boot.into()),
        ..Options::default()
    };
    let store = Store::open(&options).unwrap();
    println!("open: {:.2?}, {}", begun.elapsed(), memory());
    std::thread::sleep(SETTLE);
    println!("settled: {}", memory());
    store
}

fn close(plan: &Plan, store: Store) {
    let begun = Instant::now();
    store.close().unwrap();
    drop(store);
    println!("close: {:.2?}", begun.elapsed());
    sizes(plan);
}

fn sizes(plan: &Plan) {
    let count = (plan.accounts * plan.each) as f64;
    for part in ["journal", "packs", "snapshots", "index"] {
        let octets = folder(&plan.dir.join("store").join(part));
        println!(
            "{part}: {} MiB, {:.0} octets by message",
            octets >> 20,
            octets as f64 / count
        );
    }
}

fn folder(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return 0;
    };
    let octets = |e: std::fs::DirEntry| match e.path().is_dir() {
        true => folder(&e.path()),
        false => e.metadata().map_or(0, |m| m.len()),
    };
    entries.flatten().map(octets).sum()
}

/// What Linux tells of this process's memory, in MiB: now, at most, and what of it is no file's.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|l| l.starts_with(name)).unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
            >> 10
    };
    let (now, peak, own) = (field("VmRSS"), field("VmHWM"), field("RssAnon"));
    format!("RSS {now} MiB, peak {peak} MiB, anonymous {own} MiB")
}

/// The letters, small and real; each message differs in subject, id and preview.
fn letters() -> Vec<Summary> {
    let words = [
        "công ", "văn ", "số ", "ngày ", "báo ", "cáo ", "tháng ", "họp ", "tỉnh ", "sở ",
    ];
    let letter = |n: u64| {
        let mut state = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut body = String::new();
        while body.len() < 500 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            body.push_str(words[state as usize % words.len()]);
        }
        format!(
            "From: Nguyễn An {n} <an{n}@sonoivu.example.vn>\r\nTo: Văn thư <vanthu@ubnd.example.vn>\r\n\
             Subject: Công văn số {n}\r\nMessage-ID: <{n}@x.vn>\r\n\
             Date: Fri, 20 Nov 2026 10:00:00 +0700\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
        )
    };
    (0..200)
        .map(|n| formats::message::summarize(letter(n).as_bytes()))
        .collect()
}

/// Appends `count` messages, `by` with one commit, each its own content.
fn append(
    store: &Store,
    letters: &[Summary],
    to: (AccountId, MailboxId),
    from: u64,
    count: u64,
    by: u64,
) {
    let account = store.account(to.0);
    let mut number = from;
    while number < from + count {
        let until = (number + by).min(from + count);
        let blobs: Vec<_> = (number..until)
            .map(|n| {
                store
                    .put_blob(format!("{}: {n}, công văn\r\n", to.0).as_bytes())
                    .unwrap()
            })
            .collect();
        let mut writer = account.write().unwrap();
        for (n, blob) in (number..until).zip(blobs) {
            let mut summary = letters[(n % letters.len() as u64) as usize].clone();
            summary.head.message_id = Some(format!(
                "<{:x}.{}@may{}.example.vn>",
                n * 0x9E37_79B9,
                to.0,
                n % 7
            ));
            summary.head.subject = Some(format!("V/v triển khai công văn số {n}/UBND-{}", n % 90));
            let append = Append {
                blob,
                summary: &summary,
                received_at: 1_800_000_000 + n as i64,
                keywords: Vec::new(),
                mailboxes: vec![to.1],
                delivery: None,
            };
            writer.append(append).unwrap();
        }
        writer.commit().unwrap();
        number = until;
    }
}

fn inbox(store: &Store, number: u32) -> (AccountId, MailboxId) {
    let account = AccountId::new(number).unwrap();
    let found = store.account(account).by_role(Role::Inbox).unwrap();
    if let Some(found) = found {
        return (account, found.id);
    }
    let mut writer = store.account(account).write().unwrap();
    let (name, role) = ("INBOX".into(), Some(Role::Inbox));
    let new = NewMailbox {
        parent: None,
        name,
        role,
        subscribed: true,
        sort_order: 0,
    };
    let id = writer.create_mailbox(new).unwrap();
    writer.commit().unwrap();
    (account, id)
}

fn load(plan: &Plan) {
    let store = open(plan, "boot");
    let letters = letters();
    let begun = Instant::now();
    for visit in 0..VISITS {
        let next = AtomicU64::new(0);
        let (from, until) = (plan.each * visit / VISITS, plan.each * (visit + 1) / VISITS);
        std::thread::scope(|scope| {
            for _ in 0..WRITERS {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= plan.accounts {
                            return;
                        }
                        let to = inbox(&store, 1_000 + number as u32);
                        append(&store, &letters, to, from, until - from, plan.by);
                    }
                });
            }
        });
        let count = plan.accounts * until;
        let rate = count as f64 / begun.elapsed().as_secs_f64();
        println!("{count} messages: {rate:.0} by second, {}", memory());
    }
    std::thread::sleep(SETTLE);
    println!("settled: {}", memory());
    close(plan, store);
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = work();
    println!("{what}: {:.2?}", begun.elapsed());
    done
}

fn read(plan: &Plan) {
    let store = open(plan, "boot");
    let letters = letters();
    let mut state = 1u64;
    let mut roll = |sides: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % sides
    };
    timed("1,000 random accounts opened", || {
        for _ in 0..1_000 {
            let account = AccountId::new(1_000 + roll(plan.accounts) as u32).unwrap();
            assert_eq!(store.account(account).usage().unwrap().1, plan.each);
        }
    });
    timed("10,000 random summaries", || {
        for _ in 0..10_000 {
            let account = AccountId::new(1_000 + roll(plan.accounts) as u32).unwrap();
            let email = EmailId::new(1 + roll(plan.each)).unwrap();
            store.account(account).summary(email).unwrap();
        }
    });
    timed("10,000 random keyword changes, 100 by commit", || {
        let seen = KeywordChange::Add(vec![Keyword::new("$seen").unwrap()]);
        for _ in 0..100 {
            let account = AccountId::new(1_000 + roll(plan.accounts) as u32).unwrap();
            let mut writer = store.account(account).write().unwrap();
            for _ in 0..100 {
                writer
                    .keywords(EmailId::new(1 + roll(plan.each)).unwrap(), &seen)
                    .unwrap();
            }
            writer.commit().unwrap();
        }
    });
    let to = inbox(&store, LARGE_ACCOUNT);
    timed("50,000 messages appended, 500 by commit", || {
        append(&store, &letters, to, 0, LARGE, 500)
    });
    let mail = store.account(to.0);
    let mut emails = Vec::new();
    for round in ["first", "warm"] {
        timed(&format!("scan of 50,000 states, {round}"), || {
            emails.clear();
            let last = Uid::new(u32::MAX).unwrap();
            let each = &mut |_: Uid, s: &State| {
                emails.push(s.email);
                true
            };
            mail.scan(to.1, Uid::FIRST, last, each).unwrap();
        });
        timed(&format!("50,000 summaries, {round}"), || {
            assert_eq!(mail.summaries(&emails).unwrap().len(), emails.len());
        });
    }
    println!("{}", memory());
    close(plan, store);
}

/// Writes for a while, then dies.
fn crash(plan: &Plan) {
    let store = open(plan, "boot");
    let to = inbox(&store, LARGE_ACCOUNT + 1);
    append(&store, &letters(), to, 0, LARGE, 100);
    std::process::abort();
}

fn check(plan: &Plan) {
    let store = open(plan, "another boot");
    let found = timed("check", || store.check().unwrap());
    println!("findings: {found:?}, {}", memory());
    close(plan, store);
}
