//! The same work over 1,000 to 1,000,000 messages, in accounts of 1,000.

use super::plot::{Line, plot};
use super::{ENGINES, Figures, memory_mib, ms, octets, run};
use std::path::Path;
use std::time::Instant;
use storage::{
    AccountId, Append, BlobId, EmailId, Keyword, KeywordChange, MailboxId, NewMailbox, Options,
    Role, Store, Uid,
};

/// Messages of an account.
const EACH: u64 = 1_000;
/// Messages of one commit while filling.
const PER_COMMIT: u64 = 10;
/// Random reads and changes that are timed.
const LOOKS: u64 = 2_000;
/// Messages of the mailbox that is scanned.
const SCANNED: u64 = 50_000;
const FIRST: u32 = 1_000;
/// The account with the large mailbox.
const LARGE: u32 = 999;

/// Figures by name, what they are, and whether they are plotted.
const ROWS: &[(&str, &str)] = &[
    ("load", "messages loaded per second"),
    ("rss", "resident after loading, MiB"),
    ("open_clean", "open after a clean stop, ms"),
    ("open_crash", "open after a crash, ms"),
    ("rss_open", "resident after opening, nobody connected, MiB"),
    ("read_us", "random state and summary, µs"),
    ("content_us", "random content, µs"),
    ("keyword_us", "keyword change, durable, one writer, µs"),
    ("scan_ms", "scan of 50,000 states, ms"),
    ("summaries_ms", "50,000 summaries, ms"),
    ("rebuild_rate", "rebuild, messages per second"),
    ("verify_rate", "verify, messages per second"),
    ("index", "index, octets per message"),
    ("journal", "journal and snapshots, octets per message"),
    ("packs", "packs, octets per message"),
];

pub(super) fn table(dir: &Path, largest: u64) {
    let sizes: Vec<u64> = [1_000, 10_000, 100_000, 1_000_000, 10_000_000]
        .into_iter()
        .filter(|n| *n <= largest)
        .collect();
    let mut found: Vec<Vec<Figures>> = vec![Vec::new(); ENGINES.len()];
    for size in &sizes {
        for (engine, (name, _)) in ENGINES.iter().enumerate() {
            let folder = dir.join("growth");
            let mut figures = run("fill", name, &folder, *size);
            figures.extend(run("look", name, &folder, *size));
            figures.extend(run("crash", name, &folder, *size));
            std::fs::remove_dir_all(&folder).unwrap();
            found[engine].push(figures);
        }
    }
    let heads: Vec<String> = sizes
        .iter()
        .flat_map(|n| ENGINES.map(|(e, _)| format!("{e} {n}")))
        .collect();
    println!("| | {} |", heads.join(" | "));
    println!("|---|{}", "---|".repeat(heads.len()));
    for (name, what) in ROWS {
        let cells =
            (0..sizes.len()).flat_map(|at| (0..ENGINES.len()).map(move |engine| (at, engine)));
        let cells: Vec<String> = cells
            .map(|(at, engine)| {
                found[engine][at]
                    .get(*name)
                    .map_or("-".into(), |f| show(*f))
            })
            .collect();
        println!("| {what} | {} |", cells.join(" | "));
        let lines: Vec<Line> = ENGINES
            .iter()
            .enumerate()
            .map(|(engine, (label, _))| Line {
                label: (*label).into(),
                points: sizes
                    .iter()
                    .zip(&found[engine])
                    .filter_map(|(n, f)| Some((*n as f64, *f.get(*name)?)))
                    .collect(),
            })
            .collect();
        plot(name, what, &lines);
    }
}

fn show(figure: f64) -> String {
    match figure {
        f if f >= 100.0 => format!("{f:.0}"),
        f if f >= 10.0 => format!("{f:.1}"),
        f => format!("{f:.2}"),
    }
}

/// An account with an empty INBOX.
pub(super) fn inbox(store: &Store, account: u32) -> (AccountId, MailboxId) {
    let account = AccountId::new(account).unwrap();
    let mut writer = store.account(account).write().unwrap();
    let new = NewMailbox {
        parent: None,
        name: "INBOX".into(),
        role: Some(Role::Inbox),
        subscribed: true,
        sort_order: 0,
    };
    let mailbox = writer.create_mailbox(new).unwrap();
    writer.commit().unwrap();
    (account, mailbox)
}

/// A letter of about so many octets, like no other.
pub(super) fn letter(number: u64, octets: usize) -> Vec<u8> {
    let mut out = format!(
        "From: =?utf-8?q?V=C4=83n_th=C6=B0?= <vanthu@x.gov.vn>\r\nTo: b@x.gov.vn\r\n\
         Subject: =?utf-8?q?V=C4=83n_b=E1=BA=A3n_s=E1=BB=91?= {number}\r\n\
         Date: Mon, 02 Nov 2026 08:00:00 +0700\r\nMessage-ID: <{number}@bench.gov.vn>\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{number}\r\n"
    )
    .into_bytes();
    while out.len() < octets {
        out.extend_from_slice(
            format!("Số {number}: đề nghị các cơ quan báo cáo kết quả.\r\n").as_bytes(),
        );
    }
    out
}

fn append(
    store: &Store,
    (account, mailbox): (AccountId, MailboxId),
    numbers: std::ops::Range<u64>,
) {
    let letters: Vec<_> = numbers.map(|n| letter(n, 300)).collect();
    let blobs: Vec<BlobId> = letters.iter().map(|l| store.put_blob(l).unwrap()).collect();
    let mut writer = store.account(account).write().unwrap();
    for (text, blob) in letters.iter().zip(blobs) {
        let append = Append {
            blob,
            summary: &formats::message::summarize(text),
            received_at: 1_795_000_000,
            keywords: Vec::new(),
            mailboxes: vec![mailbox],
            delivery: None,
        };
        writer.append(append).unwrap();
    }
    writer.commit().unwrap();
}

/// Fills one mailbox.
pub(super) fn append_many(store: &Store, place: (AccountId, MailboxId), count: u64) {
    for at in (0..count).step_by(500) {
        append(store, place, 1 << 40 | at..1 << 40 | (at + 500));
    }
}

/// Two writers, as many as there are cores here.
pub(super) fn fill(options: &Options, count: u64) -> Figures {
    let store = Store::open(options).unwrap();
    let began = Instant::now();
    let accounts = count / EACH;
    std::thread::scope(|scope| {
        for half in 0..2 {
            let store = &store;
            scope.spawn(move || {
                for account in (0..accounts).filter(|a| a % 2 == half) {
                    let place = inbox(store, FIRST + account as u32);
                    for at in (0..EACH).step_by(PER_COMMIT as usize) {
                        let first = account * EACH + at;
                        append(store, place, first..first + PER_COMMIT);
                    }
                }
            });
        }
    });
    let took = began.elapsed().as_secs_f64();
    let rss = memory_mib("VmRSS");
    store.close().unwrap();
    let dir = &options.dir;
    let per = |octets: u64| octets as f64 / count as f64;
    Figures::from([
        ("load".into(), count as f64 / took),
        ("rss".into(), rss),
        ("index".into(), per(octets(&dir.join("index")))),
        (
            "journal".into(),
            per(octets(&dir.join("journal")) + octets(&dir.join("snapshots"))),
        ),
        ("packs".into(), per(octets(&dir.join("packs")))),
    ])
}

/// After a clean stop: opening, reading, changing; leaves the store as after a crash.
pub(super) fn look(options: &Options, count: u64) -> Figures {
    let began = Instant::now();
    let store = Store::open(options).unwrap();
    let mut figures = Figures::from([("open_clean".into(), ms(began))]);
    figures.insert("rss_open".into(), memory_mib("VmRSS"));
    let mut seed = 7u64;
    let mut draw = |below: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut places: Vec<(AccountId, EmailId)> = Vec::new();
    for _ in 0..LOOKS {
        let account = AccountId::new(FIRST + draw(count / EACH) as u32).unwrap();
        places.push((account, EmailId::new(1 + draw(EACH)).unwrap()));
    }
    let mut timed = |name: &str, each: &mut dyn FnMut(AccountId, EmailId)| {
        let began = Instant::now();
        for (account, email) in &places {
            each(*account, *email);
        }
        figures.insert(name.into(), ms(began) * 1e3 / LOOKS as f64);
    };
    timed("read_us", &mut |account, email| {
        assert!(store.account(account).message(email).unwrap().state.size > 0);
    });
    timed("content_us", &mut |account, email| {
        assert!(store.account(account).content(email).unwrap().len() > 100);
    });
    timed("keyword_us", &mut |account, email| {
        let word = Keyword::new("$flagged").unwrap();
        let mut writer = store.account(account).write().unwrap();
        writer
            .keywords(email, &KeywordChange::Add(vec![word]))
            .unwrap();
        writer.commit().unwrap();
    });
    figures.extend(large(&store));
    let began = Instant::now();
    let findings = store.check().unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    let all = count + SCANNED;
    figures.insert(
        "verify_rate".into(),
        all as f64 / began.elapsed().as_secs_f64(),
    );
    // No close: the next start finds it as after a crash.
    std::mem::forget(store);
    figures
}

fn large(store: &Store) -> Figures {
    let place = inbox(store, LARGE);
    append_many(store, place, SCANNED);
    let account = store.account(place.0);
    let mut emails = Vec::new();
    let began = Instant::now();
    let last = Uid::new(u32::MAX).unwrap();
    account
        .scan(place.1, Uid::FIRST, last, &mut |_, state| {
            emails.push(state.email);
            true
        })
        .unwrap();
    let scan = ms(began);
    assert_eq!(emails.len() as u64, SCANNED);
    let began = Instant::now();
    assert_eq!(account.summaries(&emails).unwrap().len() as u64, SCANNED);
    Figures::from([("scan_ms".into(), scan), ("summaries_ms".into(), ms(began))])
}

/// Opening after a crash, and with the index made anew.
pub(super) fn crash(options: &Options, count: u64) -> Figures {
    let began = Instant::now();
    let store = Store::open(options).unwrap();
    let mut figures = Figures::from([("open_crash".into(), ms(began))]);
    store.close().unwrap();
    drop(store);
    let began = Instant::now();
    Store::rebuild(options).unwrap();
    let took = began.elapsed().as_secs_f64();
    figures.insert("rebuild_rate".into(), (count + SCANNED) as f64 / took);
    figures
}
