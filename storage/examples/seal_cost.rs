//! What sealing costs: `cargo run --release -p storage --example seal_cost [folder] [messages]`.
//! Appends the same letters to a plain and to a sealed store, one writer, and compares processor time
//! and octets of each part. Prints figures; judges nothing.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a tool for the developer, not the server"
)]

use std::path::Path;
use std::time::Instant;
use storage::*;

const MESSAGES: u64 = 20_000;
/// Accounts that the letters go to in turn, ten to a domain.
const ACCOUNTS: u32 = 100;

fn main() {
    let given = std::env::args().nth(1);
    let messages = std::env::args()
        .nth(2)
        .map_or(MESSAGES, |n| n.parse().unwrap());
    let made = tempfile::tempdir().unwrap();
    let dir = given.map_or(made.path().to_owned(), |g| Path::new(&g).to_owned());
    let sealed = KeySource::Master(MasterKey::draw().unwrap());
    for (name, keys) in [("plain", KeySource::None), ("sealed", sealed)] {
        run(name, &dir.join(name), keys, messages);
    }
}

fn run(name: &str, dir: &Path, keys: KeySource, messages: u64) {
    let options = Options {
        dir: dir.to_owned(),
        keys,
        sizes: Sizes {
            ahead: 0,
            ..Sizes::default()
        },
        ..Options::default()
    };
    let store = Store::open(&options).unwrap();
    let accounts: Vec<_> = (2..2 + ACCOUNTS)
        .map(|n| AccountId::new(n).unwrap())
        .collect();
    let domains: Vec<_> = accounts
        .iter()
        .map(|a| (*a, u64::from(a.raw() / 10) + 1))
        .collect();
    store.assign_domains(&domains).unwrap();
    let boxes: Vec<_> = accounts.iter().map(|a| (*a, inbox(&store, *a))).collect();
    let (begun, before) = (Instant::now(), processor());
    let places = boxes.iter().cycle();
    for (number, (account, mailbox)) in (0..messages).zip(places) {
        append(&store, *account, *mailbox, &text(number));
    }
    let each = (processor() - before) * 1000 / messages;
    println!(
        "{name}: append {each} us of processor, {:?} in all",
        begun.elapsed()
    );
    reads(name, &store, &accounts);
    store.close().unwrap();
    drop(store);
    let parts = ["journal", "packs", "index", "snapshots"];
    let octets = parts.map(|part| (part, folder(&dir.join(part)) / messages));
    println!("{name}: octets a message {octets:?}");
    let begun = Instant::now();
    drop(Store::open(&options).unwrap());
    println!("{name}: opened in {:?}", begun.elapsed());
}

fn reads(name: &str, store: &Store, accounts: &[AccountId]) {
    let before = processor();
    let mut seen = 0;
    for _ in 0..10 {
        for account in accounts {
            store
                .account(*account)
                .scan_all(&mut |_| {
                    seen += 1;
                    true
                })
                .unwrap();
        }
    }
    println!(
        "{name}: {seen} states scanned, {} ms of processor",
        processor() - before
    );
    let before = processor();
    for account in accounts {
        let mut emails = Vec::new();
        let mail = store.account(*account);
        mail.scan_all(&mut |state| {
            emails.push(state.email);
            true
        })
        .unwrap();
        for email in emails.iter().take(50) {
            mail.content(*email).unwrap();
        }
        mail.summaries(&emails).unwrap();
    }
    println!(
        "{name}: contents and summaries, {} ms of processor",
        processor() - before
    );
}

/// Processor milliseconds of this process, as Linux tells them.
fn processor() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10
}

fn folder(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return 0;
    };
    let octets = |path: std::path::PathBuf| match path.is_dir() {
        true => folder(&path),
        false => path.metadata().unwrap().len(),
    };
    entries.map(|e| octets(e.unwrap().path())).sum()
}

fn text(number: u64) -> String {
    let mut body = String::new();
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    while body.len() < 10_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let words = [
            "công ", "văn ", "số ", "ngày ", "báo ", "cáo ", "tháng ", "họp ",
        ];
        body.push_str(words[state as usize % 8]);
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
    let new = NewMailbox {
        parent: None,
        name: "INBOX".into(),
        role: Some(Role::Inbox),
        subscribed: true,
        sort_order: 0,
    };
    let id = writer.create_mailbox(new).unwrap();
    writer.commit().unwrap();
    id
}

fn append(store: &Store, account: AccountId, mailbox: MailboxId, text: &str) {
    let mail = store.account(account);
    let blob = mail.put_blob(text.as_bytes()).unwrap();
    let summary = formats::message::summarize(text.as_bytes());
    let mut writer = mail.write().unwrap();
    let append = Append {
        blob,
        summary: &summary,
        received_at: 1_800_000_000,
        keywords: Vec::new(),
        mailboxes: vec![mailbox],
        delivery: None,
    };
    writer.append(append).unwrap();
    writer.commit().unwrap();
}
