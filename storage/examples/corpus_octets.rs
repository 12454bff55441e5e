//! Octets on the disk for each octet of mail: `corpus_octets FOLDER_OF_EML SCRATCH_FOLDER`.
//! Each folder below the first becomes an account, each file a message of it.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement that cannot go on must say so"
)]

use std::path::{Path, PathBuf};
use storage::*;

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "eml") {
            found.push(path);
        }
    }
}

fn octets(dir: &Path) -> u64 {
    let below = std::fs::read_dir(dir).into_iter().flatten();
    below
        .map(|entry| {
            let entry = entry.unwrap();
            match entry.file_type().unwrap().is_dir() {
                true => octets(&entry.path()),
                false => entry.metadata().unwrap().len(),
            }
        })
        .sum()
}

fn main() {
    let args: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let (mail, dir) = (&args[0], &args[1]);
    let options = Options {
        dir: dir.clone(),
        ..Options::default()
    };
    let store = Store::open(&options).unwrap();
    let (mut count, mut total) = (0u64, 0u64);
    let users = std::fs::read_dir(mail).unwrap().map(|u| u.unwrap().path());
    for (user, id) in users.filter(|u| u.is_dir()).zip(2..) {
        let account = store.account(AccountId::new(id).unwrap());
        let mut writer = account.write().unwrap();
        let inbox = writer.create_mailbox(NewMailbox {
            parent: None,
            name: "INBOX".into(),
            role: Some(Role::Inbox),
            subscribed: true,
            sort_order: 0,
        });
        let inbox = inbox.unwrap();
        writer.commit().unwrap();
        let mut found = Vec::new();
        files(&user, &mut found);
        for path in found {
            let text = std::fs::read(path).unwrap();
            let blob = store.put_blob(&text).unwrap();
            let summary = formats::message::summarize(&text);
            let mut writer = account.write().unwrap();
            let append = Append {
                blob,
                summary: &summary,
                received_at: 1_800_000_000,
                keywords: Vec::new(),
                mailboxes: vec![inbox],
                delivery: None,
            };
            writer.append(append).unwrap();
            writer.commit().unwrap();
            (count, total) = (count + 1, total + text.len() as u64);
        }
    }
    store.snapshot().unwrap();
    store.close().unwrap();
    drop(store);
    println!("{count} messages, {total} octets");
    let whole = octets(dir);
    for part in ["packs", "journal", "snapshots", "index"] {
        let octets = octets(&dir.join(part));
        println!(
            "{part:>10} {octets:>12} {:.3}",
            octets as f64 / total as f64
        );
    }
    println!(
        "{:>10} {whole:>12} {:.3}",
        "all",
        whole as f64 / total as f64
    );
}
