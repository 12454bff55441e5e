//! Octets on the disk for each octet of mail: the generated Vietnamese corpus, and keyword changes.

use super::{ENGINES, Figures, octets, run};
use std::path::Path;
use std::process::Command;
use storage::{Append, EmailId, Keyword, KeywordChange, Options, Store};

/// Distinct messages that are generated.
const MESSAGES: u64 = 5_000;
/// Keyword changes.
const CHANGES: u64 = 1_000_000;
/// Messages whose keywords are changed.
const CHANGED: u64 = 20_000;
/// Changes in one commit.
const PER_COMMIT: u64 = 50;

pub(super) fn table(dir: &Path) {
    println!("| | {} |", ENGINES.map(|(name, _)| name).join(" | "));
    println!("|---|{}", "---|".repeat(ENGINES.len()));
    let mut rows: Vec<(String, Vec<String>)> = Vec::new();
    for (name, _) in ENGINES {
        let folder = dir.join("corpus");
        for (what, count) in [("corpus", MESSAGES), ("keywords", CHANGES)] {
            for (row, figure) in run(what, name, &folder, count) {
                match rows.iter_mut().find(|(known, _)| *known == row) {
                    Some((_, cells)) => cells.push(format!("{figure:.2}")),
                    None => rows.push((row, vec![format!("{figure:.2}")])),
                }
            }
            let _ = std::fs::remove_dir_all(&folder);
        }
    }
    for (row, cells) in rows {
        println!("| {row} | {} |", cells.join(" | "));
    }
}

/// The corpus beside the repository, every copy put where it belongs.
pub(super) fn measure(options: &Options, messages: u64) -> Figures {
    let Some(script) = tests::shared("corpus/gen_vn_corpus.py") else {
        return Figures::new();
    };
    let made = tempfile::tempdir_in(".").unwrap();
    let done = Command::new("python3")
        .arg(script)
        .arg("--out")
        .arg(made.path())
        .args(["--messages", &messages.to_string()])
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    let store = Store::open(options).unwrap();
    let (mut copies, mut mail) = (0u64, 0u64);
    let mut account = 1_000;
    for user in std::fs::read_dir(made.path()).unwrap().flatten() {
        if !user.path().is_dir() {
            continue;
        }
        account += 1;
        let (id, mailbox) = super::growth::inbox(&store, account);
        for folder in std::fs::read_dir(user.path()).unwrap().flatten() {
            for file in std::fs::read_dir(folder.path()).unwrap().flatten() {
                let text = std::fs::read(file.path()).unwrap();
                let blob = store.put_blob(&text).unwrap();
                let mut writer = store.account(id).write().unwrap();
                let append = Append {
                    blob,
                    summary: &formats::message::summarize(&text),
                    received_at: 1_795_000_000,
                    keywords: Vec::new(),
                    mailboxes: vec![mailbox],
                    delivery: None,
                };
                writer.append(append).unwrap();
                writer.commit().unwrap();
                (copies, mail) = (copies + 1, mail + text.len() as u64);
            }
        }
    }
    store.close().unwrap();
    let share = |part: &str| octets(&options.dir.join(part)) as f64 / mail as f64;
    Figures::from([
        ("copies of the corpus".into(), copies as f64),
        (
            "octets of mail, MiB".into(),
            mail as f64 / f64::from(1 << 20),
        ),
        ("packs per octet of mail".into(), share("packs")),
        ("everything per octet of mail".into(), share("")),
    ])
}

/// Many changes to few messages: what stays on the disk, before and after upkeep.
pub(super) fn keywords(options: &Options, changes: u64) -> Figures {
    let store = Store::open(options).unwrap();
    let place = super::growth::inbox(&store, 1_000);
    super::growth::append_many(&store, place, CHANGED);
    let before = octets(&options.dir);
    let account = store.account(place.0);
    let words: Vec<Keyword> = ["$seen", "$flagged", "$answered"]
        .iter()
        .filter_map(|w| Keyword::new(w))
        .collect();
    let began = std::time::Instant::now();
    let mut done = 0;
    while done < changes {
        let mut writer = account.write().unwrap();
        for _ in 0..PER_COMMIT {
            let email = EmailId::new(1 + done * 7_919 % CHANGED).unwrap();
            let word = vec![words[(done / CHANGED) as usize % words.len()].clone()];
            let has = writer.state(email).unwrap().keywords.contains(&word[0]);
            let change = if has {
                KeywordChange::Remove(word)
            } else {
                KeywordChange::Add(word)
            };
            writer.keywords(email, &change).unwrap();
            done += 1;
        }
        writer.commit().unwrap();
    }
    let rate = done as f64 / began.elapsed().as_secs_f64();
    store.close().unwrap();
    let mib = |octets: u64| octets as f64 / f64::from(1 << 20);
    Figures::from([
        ("keyword changes per second, 50 in a commit".into(), rate),
        ("20,000 messages, MiB on the disk".into(), mib(before)),
        (
            "after 1,000,000 keyword changes, MiB".into(),
            mib(octets(&options.dir)),
        ),
    ])
}
