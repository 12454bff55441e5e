//! What the search index costs and gives:
//! `cargo run --release -p storage --example search_cost [messages [octets [accounts [sealed]]]]`.
//!
//! Letters of so many octets (5,000) in so many accounts (1): syllables of Vietnamese, the common ones common, one rare
//! word in every 5,000th letter. Prints build rate, octets, memory (at its highest while the index is made, afterwards,
//! and of a store opened anew) and the time of questions to the first account, the first one of each store opened anew
//! and the median of many; and how many messages are left to be read.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a tool for the developer, not the server"
)]

use formats::message::{sought, summarize};
use formats::text::casemap;
use std::path::Path;
use std::time::{Duration, Instant};
use storage::{
    AccountId, AccountStore, Append, KeySource, MasterKey, NewMailbox, Options, Role, Sought,
    Store, TextPlace,
};

const OCTETS: usize = 5_000;
/// The first account.
const FIRST: u32 = 2;
const RARE_EVERY: usize = 5_000;
const RUNS: usize = 101;
const COMMIT: usize = 500;
/// Steps without any change on the disk after which the index is at rest.
const QUIET_STEPS: u32 = 60;
/// Between two of these.
const STEP: Duration = Duration::from_millis(100);

struct Dice(u64);

impl Dice {
    fn below(&mut self, max: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % max
    }
}

/// Some 3,000 syllables; which come first are the common ones.
fn syllables() -> Vec<String> {
    let onsets = [
        "c", "th", "nh", "ng", "tr", "v", "b", "đ", "h", "kh", "l", "m", "ph", "qu", "s", "t", "x",
        "g", "d", "ch",
    ];
    let rimes = [
        "ông", "ăn", "ân", "ủy", "ịnh", "ộ", "á", "ường", "iện", "ạch", "ơn", "ào", "iết", "ọp",
        "ở", "ai", "ình", "ước", "uyên", "ấp", "iều", "ồng", "ẩm", "ừa", "ối", "ầu", "ảo", "ết",
        "ang", "oan",
    ];
    let ends = ["", "g", "n", "c", "i"];
    let mut all = Vec::new();
    for end in ends {
        for rime in rimes {
            for onset in onsets {
                all.push(format!("{onset}{rime}{end}"));
            }
        }
    }
    all
}

/// How much of what.
#[derive(Clone, Copy)]
struct Size {
    messages: usize,
    octets: usize,
    accounts: usize,
}

fn letter(number: usize, octets: usize, dice: &mut Dice, words: &[String]) -> Vec<u8> {
    // Few are common: the product of two throws.
    let word = |dice: &mut Dice| {
        let share = dice.below(1_000) * dice.below(1_000);
        words[share * words.len() / 1_000_000].as_str()
    };
    let mut text = format!(
        "Received: from mail{}.tinh.gov.vn (mail.tinh.gov.vn [10.1.2.{}]) by mx.tinh.gov.vn with ESMTPS id {number:x}; \
         Mon, 02 Nov 2026 08:00:00 +0700\r\nFrom: Le Van {} <le.{}@tinh.gov.vn>\r\nTo: vanthu@tinh.gov.vn\r\n\
         Subject: {} {} so {number}/UBND\r\nDate: Mon, 02 Nov 2026 08:00:00 +0700\r\nMessage-ID: <{number}.{}@tinh.gov.vn>\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
        dice.below(9),
        dice.below(250),
        dice.below(500),
        dice.below(500),
        word(dice),
        word(dice),
        dice.below(1 << 30),
    );
    let mut line = 0;
    while text.len() < octets {
        let next = word(dice);
        text.push_str(next);
        line += 1;
        text.push_str(if line % 12 == 0 { "\r\n" } else { " " });
    }
    if number % RARE_EVERY == 7 {
        text.push_str("hiếmgặp");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

fn octets(dir: &Path) -> u64 {
    let files = std::fs::read_dir(dir).unwrap().flatten();
    // A file may be gone since it was listed.
    files
        .filter_map(|f| f.metadata().ok())
        .map(|m| m.len())
        .sum()
}

/// Mebibytes of memory now (`VmRSS`) or at the highest since [`forget_peak`] (`VmHWM`).
fn memory(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with(what)).unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1_024
}

fn resident() -> u64 {
    memory("VmRSS")
}

/// Begins to measure the highest anew (proc(5), `clear_refs`).
fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

fn account(store: &Store) -> AccountStore {
    store.account(AccountId::new(FIRST).unwrap())
}

/// Returns the octets of all letters.
fn fill(store: &Store, size: Size) -> u64 {
    let (mut dice, words) = (Dice(1), syllables());
    let (each, mut mail) = (size.messages / size.accounts, 0);
    for number in 0..size.accounts {
        let account = AccountId::new(FIRST + number as u32).unwrap();
        let numbers = number * each..(number + 1) * each;
        mail += fill_one(store, account, numbers, size.octets, (&mut dice, &words));
    }
    println!(
        "{} letters in {} accounts, {} MB, resident {} MiB",
        size.messages,
        size.accounts,
        mail / 1_000_000,
        resident()
    );
    mail
}

fn fill_one(
    store: &Store,
    account: AccountId,
    numbers: std::ops::Range<usize>,
    octets: usize,
    (dice, words): (&mut Dice, &[String]),
) -> u64 {
    let account = store.account(account);
    let mut writer = account.write().unwrap();
    let new = NewMailbox {
        parent: None,
        name: "INBOX".into(),
        role: Some(Role::Inbox),
        subscribed: true,
        sort_order: 0,
    };
    let inbox = writer.create_mailbox(new).unwrap();
    let mut mail = 0;
    for number in numbers {
        let text = letter(number, octets, dice, words);
        let append = Append {
            blob: store.put_blob(&text).unwrap(),
            summary: &summarize(&text),
            received_at: number as i64,
            keywords: Vec::new(),
            mailboxes: vec![inbox],
            delivery: None,
        };
        writer.append(append).unwrap();
        mail += text.len() as u64;
        if number % COMMIT == 0 {
            writer.commit().unwrap();
            writer = account.write().unwrap();
        }
    }
    writer.commit().unwrap();
    mail
}

/// `mail`: octets of all letters.
fn index(store: &Store, messages: usize, mail: u64, folder: &Path) {
    forget_peak();
    let (began, mut most) = (Instant::now(), 0);
    while store.index_step().unwrap().more {
        most = most.max(octets(folder));
    }
    let took = began.elapsed();
    println!(
        "indexed in {took:.1?}: {:.0} letters/s, resident {} MiB, at the highest {} MiB; {} MB on the disk at the most",
        messages as f64 / took.as_secs_f64(),
        resident(),
        memory("VmHWM"),
        most / 1_000_000,
    );
    let (began, mut still) = (Instant::now(), 0);
    // As the server asks: until nothing is joined any more, and the writer is let go.
    while still < QUIET_STEPS {
        std::thread::sleep(STEP);
        let before = octets(folder);
        store.index_step().unwrap();
        still = if octets(folder) == before {
            still + 1
        } else {
            0
        };
    }
    let all = octets(folder);
    println!(
        "merges ended after {:.1?} more; {} MB in {} files: {} octets a letter, {:.2} for each octet of mail, resident {} \
         MiB",
        began.elapsed(),
        all / 1_000_000,
        std::fs::read_dir(folder).unwrap().count(),
        all / messages as u64,
        all as f64 / mail as f64,
        resident()
    );
}

/// What a start needs for the index.
fn open_anew(options: &Options) {
    let before = resident();
    forget_peak();
    let store = Store::open(options).unwrap();
    let opened = resident();
    let began = Instant::now();
    store.index_step().unwrap();
    println!(
        "opened anew: resident {before} MiB before, {opened} MiB after; with the index after {:.1?} {} MiB, at the highest {} \
         MiB",
        began.elapsed(),
        resident(),
        memory("VmHWM"),
    );
    store.close().unwrap();
}

fn ask(store: &Store, places: &[TextPlace], needle: &str) -> Sought {
    let account = account(store);
    let found = places.iter().map(|p| account.sought(*p, needle).unwrap());
    found.reduce(Sought::or).unwrap()
}

fn question(options: &Options, name: &str, places: &[TextPlace], needle: &str) {
    let needle = casemap(needle);
    // As after a start: nothing of the index is in memory.
    let store = Store::open(options).unwrap();
    store.index_step().unwrap();
    let began = Instant::now();
    let sought = ask(&store, places, &needle);
    let first = began.elapsed();
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let began = Instant::now();
            std::hint::black_box(ask(&store, places, &needle));
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    let began = Instant::now();
    let (account, mut open) = (account(&store), 0);
    for email in &sought.possible {
        if sought.verdict(*email).is_some() {
            continue;
        }
        open += 1;
        let content = account.content(*email).unwrap();
        let (summary, mut has) = (account.summary(*email).unwrap(), false);
        sought::body(&summary, &content, &mut |text| {
            has |= text.contains(&needle)
        });
        std::hint::black_box(has);
    }
    println!(
        "| {name} | {:.2} | {:.2} | {} | {open} | {:.1} |",
        first.as_secs_f64() * 1e3,
        times[RUNS / 2].as_secs_f64() * 1e3,
        sought.certain.len(),
        began.elapsed().as_secs_f64() * 1e3,
    );
    store.close().unwrap();
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |usual| {
        let told = arguments.next().and_then(|n| n.parse().ok());
        told.unwrap_or(usual)
    };
    let size = Size {
        messages: number(50_000),
        octets: number(OCTETS),
        accounts: number(1),
    };
    let keys = match arguments.next() {
        Some(_) => KeySource::Master(MasterKey::draw().unwrap()),
        None => KeySource::None,
    };
    let dir = tempfile::tempdir_in(".").unwrap();
    let options = Options {
        dir: dir.path().join("store"),
        boot_id: Some("bench".into()),
        keys,
        ..Options::default()
    };
    let store = Store::open(&options).unwrap();
    let mail = fill(&store, size);
    index(&store, size.messages, mail, &options.dir.join("search"));
    store.close().unwrap();
    drop(store);
    open_anew(&options);
    println!("| question | first, ms | then, ms | certain | to be read | reading them, ms |");
    println!("|---|---:|---:|---:|---:|---:|");
    let (subject, from) = ([TextPlace::Subject], [TextPlace::From]);
    let (body, text) = ([TextPlace::Body], [TextPlace::Header, TextPlace::Body]);
    let questions: [(&str, &[TextPlace], &str); 8] = [
        ("SUBJECT, one", &subject, "so 4711/"),
        ("SUBJECT, all", &subject, "ubnd"),
        ("FROM", &from, "le.77@"),
        ("BODY, rare word", &body, "hiếmgặp"),
        ("TEXT, common word", &text, "công"),
        ("TEXT, two common words", &text, "công thông"),
        ("TEXT, two letters", &text, "ôn"),
        ("TEXT, nowhere", &text, "không có đâu"),
    ];
    for (name, places, needle) in questions {
        question(&options, name, places, needle);
    }
}
