//! How fast backups are: a store of letters is backed up, backed up again after one letter more,
//! checked, and restored. `backup_rate FOLDER MEGABYTES`; the folder must be empty.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement")]

use std::path::Path;
use std::time::Instant;
use storage::backup::{self, Cut, FolderVault, Restore, Secret, Take, Which};
use storage::*;

const WORKERS: usize = 2;
const ACCOUNTS: u32 = 50;
/// Octets of a letter that do not press.
const NOISE_OCTETS: usize = 24 * 1024;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let dir = std::path::PathBuf::from(arguments.next().expect("a folder"));
    let megabytes: usize = arguments.next().expect("megabytes").parse().unwrap();
    let options = Options {
        dir: dir.join("store"),
        ..Options::default()
    };
    let store = Store::open(&options).unwrap();
    for number in 0..megabytes * 1_000_000 / (NOISE_OCTETS + 8_000) {
        deliver(&store, 2 + number as u32 % ACCOUNTS, number);
    }
    store.snapshot().unwrap();
    let none = Secret::None;
    let key = Secret::Key(MasterKey::new([7; 32]));
    for (name, secret) in [("plain", &none), ("sealed", &key)] {
        measure((name, secret), &store, &options, &dir);
    }
}

fn measure((name, secret): (&str, &Secret), store: &Store, options: &Options, dir: &Path) {
    let vault = FolderVault::target(&dir.join(name), &options.dir, &Disk::default()).unwrap();
    let take = |reread| {
        let task = Take {
            store: &options.dir,
            vault: &vault,
            secret,
            keys: &KeySource::None,
            now_s: 1,
            reread,
            workers: WORKERS,
        };
        backup::take(&task, &mut |_| true).unwrap()
    };
    let taken = timed(&format!("{name}: first backup"), || {
        let taken = take(false);
        (taken.octets, taken)
    });
    println!(
        "  {} octets of store, {} in the vault",
        taken.octets, taken.new_octets
    );
    deliver(store, 2, usize::MAX);
    let next = timed(&format!("{name}: next backup"), || (0, take(false)));
    println!(
        "  {} new pieces, {} octets",
        next.new_chunks, next.new_octets
    );
    let octets = next.octets;
    timed(&format!("{name}: check"), || {
        let checked = backup::check(&vault, secret, WORKERS, &mut |_| true).unwrap();
        assert!(checked.findings.is_empty());
        (octets, ())
    });
    timed(&format!("{name}: restore"), || {
        let task = Restore {
            vault: &vault,
            secret,
            which: Which::Newest,
            to: &dir.join("restored"),
            disk: &Disk::default(),
            workers: WORKERS,
            salvage: false,
            keyring: None,
            leap: false,
        };
        (backup::restore(&task, &mut |_| true).unwrap().octets, ())
    });
    std::fs::remove_dir_all(dir.join("restored")).unwrap();
    let cut = timed(&format!("{name}: one account of {ACCOUNTS}"), || {
        let cut = Cut {
            vault: &vault,
            secret,
            which: Which::Newest,
            account: AccountId::new(2).unwrap(),
            options: Options {
                dir: dir.join("scratch"),
                ..options.clone()
            },
            older_keys: Vec::new(),
            workers: WORKERS,
        };
        let account = backup::Account::open(cut, &mut |_| true).unwrap();
        (0, account)
    });
    println!("  {:?} octets and messages", cut.read().usage().unwrap());
}

fn timed<T>(what: &str, work: impl FnOnce() -> (u64, T)) -> T {
    let began = Instant::now();
    let (octets, done) = work();
    let seconds = began.elapsed().as_secs_f64();
    match octets {
        0 => println!("{what}: {seconds:.2} s"),
        _ => println!(
            "{what}: {seconds:.2} s, {:.0} MB/s",
            octets as f64 / seconds / 1e6
        ),
    }
    done
}

/// A letter with an attachment that does not press, and text that does.
fn deliver(store: &Store, account: u32, number: usize) {
    let account = store.account(AccountId::new(account).unwrap());
    let inbox = match account.mailboxes().unwrap().first() {
        Some(mailbox) => mailbox.id,
        None => {
            let mut writer = account.write().unwrap();
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
    };
    let mut letter = format!("From: a@x.vn\r\nSubject: {number}\r\n\r\n").into_bytes();
    letter.extend(
        "Kính gửi các đồng chí, theo công văn số này.\r\n"
            .repeat(150)
            .bytes(),
    );
    let mut noise = vec![0u8; NOISE_OCTETS];
    blake3::Hasher::new()
        .update(&number.to_le_bytes())
        .finalize_xof()
        .fill(&mut noise);
    letter.extend(noise);
    let blob = store.put_blob(&letter).unwrap();
    let summary = formats::message::summarize(&letter);
    let mut writer = account.write().unwrap();
    let append = Append {
        blob,
        summary: &summary,
        received_at: 1_700_000_000,
        keywords: Vec::new(),
        mailboxes: vec![inbox],
        delivery: None,
    };
    writer.append(append).unwrap();
    writer.commit().unwrap();
}
