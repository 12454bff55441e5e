//! How quick the store is on this machine: `cargo run --release -p storage --example append_rate [folder]`.
//! Prints figures; judges nothing.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a tool for the developer, not the server"
)]

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use storage::*;

const WINDOW: Duration = Duration::from_secs(3);
const LARGE: u64 = 50_000;

fn main() {
    let given = std::env::args().nth(1);
    let made = tempfile::tempdir().unwrap();
    let dir = given.map_or(made.path().to_owned(), |g| Path::new(&g).to_owned());
    let options = Options {
        dir: dir.join("store"),
        ..Options::default()
    };
    let store = Store::open(&options).unwrap();
    if std::env::args().nth(2).as_deref() == Some("million") {
        return million(store, &options);
    }
    if std::env::args().nth(2).as_deref() == Some("circular") {
        for threads in [1, 8, 32, 128] {
            circular(&dir.join(format!("circular{threads}")), threads);
        }
        return;
    }
    for threads in [1, 8, 32, 128] {
        appends(&store, threads);
    }
    large_mailbox(&store);
    let begun = Instant::now();
    store.close().unwrap();
    drop(store);
    println!("close: {:?}", begun.elapsed());
    let begun = Instant::now();
    let store = Store::open(&options).unwrap();
    println!("open after a clean stop: {:?}", begun.elapsed());
    drop(store);
    let begun = Instant::now();
    std::fs::remove_file(options.dir.join("checkpoint")).unwrap();
    let store = Store::open(&options).unwrap();
    println!(
        "open with a rebuild from the journal: {:?}",
        begun.elapsed()
    );
    drop(store);
    for part in ["journal", "packs", "index"] {
        println!("{part}: {} MiB", folder(&options.dir.join(part)) >> 20);
    }
}

/// Octets of journal for each recipient of one letter, by how many place it at once.
fn circular(dir: &Path, threads: u64) {
    const ACCOUNTS: u64 = 2_000;
    let sizes = Sizes {
        ahead: 0,
        ..Sizes::default()
    };
    let options = Options {
        dir: dir.to_owned(),
        sizes,
        clock: Clock::new(|| 1_795_000_000),
        ..Options::default()
    };
    let store = Store::open(&options).unwrap();
    let accounts: Vec<_> = (2..2 + ACCOUNTS as u32)
        .map(|id| AccountId::new(id).unwrap())
        .collect();
    let inboxes: Vec<_> = accounts.iter().map(|a| (*a, inbox(&store, *a))).collect();
    // Everybody has other mail already.
    for (place, (account, mailbox)) in inboxes.iter().enumerate() {
        for number in 0..place as u64 % 4 {
            append(
                &store,
                *account,
                *mailbox,
                &text(1 + place as u64 * 4 + number),
            );
        }
    }
    let letter = text(1 << 40);
    let before = folder(&options.dir.join("journal"));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for part in inboxes.chunks(inboxes.len().div_ceil(threads as usize)) {
            let (store, letter) = (&store, &letter);
            scope.spawn(move || {
                for (account, mailbox) in part {
                    append(store, *account, *mailbox, letter);
                }
            });
        }
    });
    let octets = folder(&options.dir.join("journal")) - before;
    println!(
        "{threads:>3} at once: {} octets of journal for each recipient, {:.0}/s",
        octets / ACCOUNTS,
        ACCOUNTS as f64 / begun.elapsed().as_secs_f64()
    );
}

/// CPU milliseconds of this process and its largest memory in KiB, as Linux tells them.
fn usage() -> (u64, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS")).unwrap();
    (
        ticks * 10,
        line.split_whitespace().nth(1).unwrap().parse().unwrap(),
    )
}

fn folder(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap());
    entries
        .map(|e| {
            if e.path().is_dir() {
                folder(&e.path())
            } else {
                e.metadata().unwrap().len()
            }
        })
        .sum()
}

fn text(number: u64) -> String {
    let mut body = String::new();
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    while body.len() < 10_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        body.push_str(
            [
                "công ", "văn ", "số ", "ngày ", "báo ", "cáo ", "tháng ", "họp ",
            ][state as usize % 8],
        );
        if state.is_multiple_of(11) {
            body.push_str(&format!("{state:x}\r\n"));
        }
    }
    format!(
        "From: An <a@x.vn>\r\nTo: Bình <b@x.vn>\r\nSubject: Công văn số {number}\r\n\
         Message-ID: <{number}@x.vn>\r\nDate: Fri, 20 Nov 2026 10:00:00 +0700\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
    )
}

fn inbox(store: &Store, account: AccountId) -> MailboxId {
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
    id
}

fn append(store: &Store, account: AccountId, mailbox: MailboxId, text: &str) {
    let blob = store.put_blob(text.as_bytes()).unwrap();
    let summary = formats::message::summarize(text.as_bytes());
    let mut writer = store.account(account).write().unwrap();
    writer
        .append(Append {
            blob,
            summary: &summary,
            received_at: 1_800_000_000,
            keywords: Vec::new(),
            mailboxes: vec![mailbox],
            delivery: None,
        })
        .unwrap();
    writer.commit().unwrap();
}

fn appends(store: &Store, threads: u64) {
    let base = 1_000 * threads as u32;
    let accounts: Vec<_> = (0..threads as u32)
        .map(|n| AccountId::new(base + n).unwrap())
        .map(|id| (id, inbox(store, id)))
        .collect();
    let texts: Vec<String> = (0..64).map(|n| text(n + (1 << 20) * threads)).collect();
    let done = AtomicU64::new(0);
    let (cpu, _) = usage();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for (number, (account, mailbox)) in accounts.iter().enumerate() {
            let (done, texts) = (&done, &texts);
            scope.spawn(move || {
                let mut own = 0u64;
                while begun.elapsed() < WINDOW {
                    own += 1;
                    // Each message is its own content.
                    let text = format!(
                        "X-Number: {number}-{own}\r\n{}",
                        texts[own as usize % texts.len()]
                    );
                    append(store, *account, *mailbox, &text);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let count = done.load(Ordering::Relaxed);
    let (after, rss) = usage();
    println!(
        "{threads} writers: {} messages/s, {:.3} CPU ms each, RSS {} MiB",
        count * 1_000 / WINDOW.as_millis() as u64,
        (after - cpu) as f64 / count as f64,
        rss >> 10
    );
}

/// A thousand accounts of a thousand messages.
fn million(store: Store, options: &Options) {
    let summaries: Vec<_> = (0..100)
        .map(|n| formats::message::summarize(text(n).as_bytes()))
        .collect();
    let blob = store.put_blob(text(1).as_bytes()).unwrap();
    let begun = Instant::now();
    for account in 1_000..2_000 {
        let account = AccountId::new(account).unwrap();
        let mailbox = inbox(&store, account);
        for batch in 0..10 {
            let mut writer = store.account(account).write().unwrap();
            for (number, summary) in summaries.iter().enumerate() {
                let mut summary = summary.clone();
                summary.head.message_id = Some(format!("<{batch}.{number}@large>"));
                let (received_at, keywords) = (number as i64, Vec::new());
                let (mailboxes, delivery) = (vec![mailbox], None);
                let summary = &summary;
                let append = Append {
                    blob,
                    summary,
                    received_at,
                    keywords,
                    mailboxes,
                    delivery,
                };
                writer.append(append).unwrap();
            }
            writer.commit().unwrap();
        }
    }
    println!(
        "1,000,000 messages: {:?}, RSS {} MiB",
        begun.elapsed(),
        usage().1 >> 10
    );
    let begun = Instant::now();
    store.close().unwrap();
    drop(store);
    println!("close: {:?}", begun.elapsed());
    for what in ["a clean stop", "a crash"] {
        let begun = Instant::now();
        let options = Options {
            boot_id: Some("boot".into()),
            ..options.clone()
        };
        let store = Store::open(&options).unwrap();
        println!(
            "open after {what}: {:?}, RSS {} MiB",
            begun.elapsed(),
            usage().1 >> 10
        );
        let account = AccountId::new(5_000 + what.len() as u32).unwrap();
        append(&store, account, inbox(&store, account), what);
    }
    let begun = Instant::now();
    let store = Store::open(options).unwrap();
    println!(
        "open with a rebuild: {:?}, RSS {} MiB",
        begun.elapsed(),
        usage().1 >> 10
    );
    let begun = Instant::now();
    println!(
        "check: {} findings in {:?}",
        store.check().unwrap().len(),
        begun.elapsed()
    );
    println!("RSS {} MiB", usage().1 >> 10);
    for part in ["journal", "packs", "index"] {
        println!("{part}: {} MiB", folder(&options.dir.join(part)) >> 20);
    }
}

fn large_mailbox(store: &Store) {
    let account = AccountId::new(900_000).unwrap();
    let mailbox = inbox(store, account);
    let mail = store.account(account);
    let summaries: Vec<_> = (0..100)
        .map(|n| formats::message::summarize(text(n).as_bytes()))
        .collect();
    let blob = store.put_blob(text(1).as_bytes()).unwrap();
    let (_, before) = usage();
    let begun = Instant::now();
    for batch in 0..LARGE / 500 {
        let mut writer = mail.write().unwrap();
        for number in 0..500 {
            let mut summary = summaries[number as usize % 100].clone();
            summary.head.message_id = Some(format!("<{batch}.{number}@large>"));
            let (received_at, keywords, mailboxes) = (number, Vec::new(), vec![mailbox]);
            let append = Append {
                blob,
                summary: &summary,
                received_at,
                keywords,
                mailboxes,
                delivery: None,
            };
            writer.append(append).unwrap();
        }
        writer.commit().unwrap();
    }
    let (_, after) = usage();
    println!(
        "{LARGE} messages by 500: {:?}, RSS +{} KiB",
        begun.elapsed(),
        after.saturating_sub(before)
    );
    for round in ["first", "warm"] {
        let begun = Instant::now();
        let mut octets = 0;
        mail.scan(
            mailbox,
            Uid::FIRST,
            Uid::new(u32::MAX).unwrap(),
            &mut |_, s| {
                octets += s.size;
                true
            },
        )
        .unwrap();
        println!("scan of {LARGE} states, {round}: {:?}", begun.elapsed());
        let mut emails = Vec::new();
        mail.scan_all(&mut |s| {
            emails.push(s.email);
            true
        })
        .unwrap();
        let begun = Instant::now();
        assert_eq!(mail.summaries(&emails).unwrap().len() as u64, LARGE);
        println!("{LARGE} summaries, {round}: {:?}", begun.elapsed());
    }
    let begun = Instant::now();
    let mut writer = mail.write().unwrap();
    let seen = KeywordChange::Add(vec![Keyword::new("$seen").unwrap()]);
    for email in 1..=LARGE {
        writer
            .keywords(EmailId::new(email).unwrap(), &seen)
            .unwrap();
    }
    println!("{LARGE} keywords gathered: {:?}", begun.elapsed());
    writer.commit().unwrap();
    println!("and committed: {:?}", begun.elapsed());
}
