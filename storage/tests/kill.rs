//! A process that is killed while it writes: nothing it acknowledged is lost, nothing is there twice.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout)]
#![allow(
    missing_docs,
    reason = "a test that cannot go on must say so; it starts itself as the victim"
)]

mod world;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use storage::*;
use world::{deliver, keyword, letter};

const ROUNDS: u64 = 20;
const ACCOUNTS: u32 = 8;
const FOLDER: &str = "CONGVU_TEST_FOLDER";

fn options(dir: &Path) -> Options {
    let sizes = Sizes {
        segment: 200_000,
        pack: 300_000,
        checkpoint: 100_000,
        ahead: 50_000,
        apart: 3,
        ..Sizes::default()
    };
    let boot_id = Some("boot".into());
    Options {
        dir: dir.to_owned(),
        cache_bytes: 4 << 20,
        boot_id,
        sizes,
        ..Options::default()
    }
}

/// Not a test of its own: what the killed process does. It tells each acknowledgement.
#[test]
fn victim() {
    let Ok(dir) = std::env::var(FOLDER) else {
        return;
    };
    let store = Store::open(&options(Path::new(&dir))).unwrap();
    std::thread::scope(|scope| {
        for number in 2..2 + ACCOUNTS {
            let store = &store;
            scope.spawn(move || write(store, number));
        }
    });
}

fn write(store: &Store, number: u32) {
    let account = store.account(AccountId::new(number).unwrap());
    let inbox = match account.by_role(Role::Inbox).unwrap() {
        Some(found) => found.id,
        None => {
            let mut writer = account.write().unwrap();
            let id = writer
                .create_mailbox(world::new_mailbox("INBOX", Some(Role::Inbox)))
                .unwrap();
            writer.commit().unwrap();
            id
        }
    };
    let first = account.modseq().unwrap().raw();
    for round in first.. {
        let delivery = u64::from(number) * 1_000_000 + round;
        let placed = deliver(
            store,
            number,
            inbox,
            &letter(delivery, "x", &[]),
            Some(delivery),
        )
        .unwrap();
        tell(&format!(
            "delivered {number} {delivery} {}",
            placed.uids[0].1
        ));
        let mut writer = account.write().unwrap();
        writer
            .keywords(placed.email, &KeywordChange::Add(vec![keyword("$seen")]))
            .unwrap();
        writer.commit().unwrap();
        tell(&format!("seen {number} {delivery} 0"));
    }
}

fn tell(line: &str) {
    // One write, so that lines of threads do not mix; the pipe keeps it when this process is killed.
    std::io::stdout()
        .lock()
        .write_all(format!("\n{line}\n").as_bytes())
        .unwrap();
    std::io::stdout().flush().unwrap();
}

#[derive(Default)]
struct Promised {
    /// By account and delivery: the Uid, and whether it was marked.
    messages: BTreeMap<(u32, u64), (u32, bool)>,
}

impl Promised {
    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let [what, account, delivery, uid] = words[..] else {
            return;
        };
        let key = (account.parse().unwrap_or(0), delivery.parse().unwrap_or(0));
        match what {
            "delivered" => drop(self.messages.insert(key, (uid.parse().unwrap(), false))),
            "seen" => self.messages.get_mut(&key).unwrap().1 = true,
            _ => {}
        }
    }
}

#[test]
fn i01_i09_nothing_acknowledged_is_lost_by_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("store");
    let mut promised = Promised::default();
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["victim", "--exact", "--nocapture"])
            .env(FOLDER, &folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let until = promised.messages.len() + 20 + (round as usize * 37) % 90;
        while promised.messages.len() < until {
            promised.hear(&lines.next().unwrap().unwrap());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        lines.for_each(|line| promised.hear(&line.unwrap()));
        let store = Store::open(&options(&folder)).unwrap();
        assert_eq!(
            store.check().unwrap(),
            Vec::<String>::new(),
            "round {round}"
        );
        for ((account, delivery), (uid, seen)) in &promised.messages {
            let account = store.account(AccountId::new(*account).unwrap());
            let inbox = account.by_role(Role::Inbox).unwrap().unwrap().id;
            let state = account.at(inbox, Uid::new(*uid).unwrap()).unwrap();
            assert_eq!(
                state.blob,
                BlobId::of(letter(*delivery, "x", &[]).as_bytes())
            );
            assert!(state.has("$seen") || !seen, "round {round}: a mark is lost");
        }
        if round % 5 == 4 {
            store.close().unwrap();
        }
    }
}
