//! What one large account costs the others and the memory:
//! `cargo run --release -p storage --example large_account [folder] [letters] [plain|sealed] [apart]`, where `apart` is
//! [`Sizes::apart`]: a large number shows what it was before large commits were applied beside the others.
//! Fills one account, copies all of it while another account appends, does upkeep, and prints how long the other's
//! appends took and what is resident after each step. Prints figures; judges nothing.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a tool for the developer, not the server"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};
use storage::*;

const LETTERS: u64 = 50_000;
/// Letters of one commit while the account is filled.
const AT_ONCE: u64 = 500;

fn main() {
    let letters = std::env::args().nth(2);
    let letters = letters.map_or(LETTERS, |n| n.parse().unwrap());
    let made = tempfile::tempdir().unwrap();
    let hands = Arc::new(AtomicI64::new(1_800_000_000));
    let options = options(made.path(), &hands);
    let store = Store::open(&options).unwrap();
    let large = store.account(AccountId::new(2).unwrap());
    let inbox = mailbox(&large, "INBOX");
    let other = mailbox(&store.account(AccountId::new(3).unwrap()), "INBOX");
    fill(&large, inbox, letters);
    store.maintain(&Policy::default()).unwrap();
    show("filled", &store);
    store.close().unwrap();
    drop((large, store));
    let store = Store::open(&options).unwrap();
    show("opened", &store);
    appends("alone", &store, other, || {
        std::thread::sleep(Duration::from_secs(5));
    });
    let over = Arc::new(AtomicBool::new(false));
    let index = indexing(store.clone(), over.clone());
    let large = store.account(AccountId::new(2).unwrap());
    let target = mailbox(&large, "Bản sao");
    let mut emails = Vec::new();
    let each = &mut |state: &State| {
        emails.push(state.email);
        true
    };
    large.scan_all(each).unwrap();
    show("read", &store);
    appends("beside a copy", &store, other, || {
        let begun = Instant::now();
        let mut writer = large.write().unwrap();
        for email in &emails {
            writer.copy(*email, target).unwrap();
        }
        let gathered = begun.elapsed();
        writer.commit().unwrap();
        println!("copy: gathered {gathered:?}, in all {:?}", begun.elapsed());
    });
    show("copied", &store);
    for pass in 1..=3 {
        hands.fetch_add(86_401, Ordering::SeqCst);
        let begun = Instant::now();
        // As the server does: each pass on some thread.
        std::thread::scope(|scope| {
            scope.spawn(|| store.maintain(&Policy::default()).unwrap());
        });
        show(&format!("upkeep {pass} ({:?})", begun.elapsed()), &store);
    }
    appends("beside its removal", &store, other, || {
        let mut writer = large.write().unwrap();
        for email in &emails {
            writer.destroy(*email).unwrap();
        }
        writer.commit().unwrap();
    });
    show("removed", &store);
    over.store(true, Ordering::SeqCst);
    index.join().unwrap();
    store.close().unwrap();
}

/// As asked for; `made`: where the store lies unless that is told.
fn options(made: &Path, hands: &Arc<AtomicI64>) -> Options {
    let given = std::env::args().nth(1);
    let keys = match std::env::args().nth(3).as_deref() {
        Some("sealed") => KeySource::Master(MasterKey::new([7; 32])),
        _ => KeySource::None,
    };
    let apart = std::env::args().nth(4).map(|n| n.parse().unwrap());
    let sizes = Sizes::default();
    let told = hands.clone();
    Options {
        dir: given.map_or(made.to_owned(), |g| Path::new(&g).to_owned()),
        keys,
        boot_id: Some("boot".into()),
        sizes: Sizes {
            apart: apart.unwrap_or(sizes.apart),
            ..sizes
        },
        clock: Clock::new(move || told.load(Ordering::SeqCst)),
        ..Options::default()
    }
}

/// Keeps the search index, as the server does.
fn indexing(store: Store, over: Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        while !over.load(Ordering::SeqCst) {
            if !store.index_step().unwrap().more {
                std::thread::sleep(Duration::from_millis(500));
            }
        }
    })
}

fn fill(account: &AccountStore, inbox: MailboxId, letters: u64) {
    for first in (0..letters).step_by(AT_ONCE as usize) {
        let mut writer = account.write().unwrap();
        for number in first..(first + AT_ONCE).min(letters) {
            append(account, &mut writer, inbox, number);
        }
        writer.commit().unwrap();
    }
}

fn mailbox(account: &AccountStore, name: &str) -> MailboxId {
    let found = account.mailboxes().unwrap();
    if let Some(found) = found.into_iter().find(|m| m.name == name) {
        return found.id;
    }
    let mut writer = account.write().unwrap();
    let new = NewMailbox {
        parent: None,
        name: name.into(),
        role: None,
        subscribed: true,
        sort_order: 0,
    };
    let id = writer.create_mailbox(new).unwrap();
    writer.commit().unwrap();
    id
}

fn append(account: &AccountStore, writer: &mut Writer, mailbox: MailboxId, number: u64) {
    let text = format!(
        "From: Nguyễn Văn {number} <a{number}@tinhmau.gov.vn>\r\nTo: vanthu@tinhmau.gov.vn\r\n\
         Subject: Về việc báo cáo số {number}/BC-UBND\r\nMessage-ID: <{number}@tinhmau.gov.vn>\r\n\
         Date: Mon, 23 Nov 2026 08:00:00 +0700\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         Kính gửi Ủy ban nhân dân, báo cáo số {number} {}.\r\n",
        BlobId::of(&number.to_le_bytes())
    );
    let placed = writer.append(Append {
        blob: account.put_blob(text.as_bytes()).unwrap(),
        summary: &formats::message::summarize(text.as_bytes()),
        received_at: 1_800_000_000,
        keywords: Vec::new(),
        mailboxes: vec![mailbox],
        delivery: None,
    });
    placed.unwrap();
}

/// Appends to the other account, one letter after the other, while `work` goes on.
fn appends(about: &str, store: &Store, mailbox: MailboxId, work: impl FnOnce()) {
    let over = AtomicBool::new(false);
    let mut took = std::thread::scope(|scope| {
        let appending = scope.spawn(|| {
            let account = store.account(AccountId::new(3).unwrap());
            let mut took = Vec::new();
            for number in 10_000_000.. {
                let begun = Instant::now();
                let mut writer = account.write().unwrap();
                append(&account, &mut writer, mailbox, number);
                writer.commit().unwrap();
                took.push(begun.elapsed());
                if over.load(Ordering::SeqCst) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(2));
            }
            took
        });
        work();
        over.store(true, Ordering::SeqCst);
        appending.join().unwrap()
    });
    took.sort_unstable();
    let (count, most) = (took.len(), took[took.len() - 1]);
    let (half, late) = (took[count / 2], took[count * 99 / 100]);
    println!(
        "{about}: {count} appends of another account: median {half:?}, p99 {late:?}, longest {most:?}"
    );
}

fn show(about: &str, store: &Store) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = |name: &str| {
        let found = status.lines().find_map(|line| line.strip_prefix(name));
        found.unwrap_or_default().trim().to_owned()
    };
    let (now, most) = (line("VmRSS:"), line("VmHWM:"));
    println!(
        "{about}: resident {now}, at most {most}; {:?}",
        store.figures()
    );
}
