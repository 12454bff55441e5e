//! Backups of a server under load: cut off by SIGKILL half way, continued, restored into a fresh folder.
//! Everything acknowledged before the backup began is there, once, and the next one copies what is new.

use crate::load;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tests::imap_client::ImapClient;
use tests::process::{Process, binary, free_base};

/// Letters acknowledged before the backup begins.
const LETTERS_BEFORE: usize = 40;
/// Octets that make the store large enough for a backup to be cut off in.
const FILLER_OCTETS: usize = 24 << 20;

fn congvu(arguments: &[&str], more: &[&Path]) -> Output {
    Command::new(binary())
        .args(arguments)
        .args(more)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&all).into_owned()
}

fn good(output: &Output) -> String {
    let text = text(output);
    assert!(output.status.success(), "{text}");
    text
}

fn chunks(backups: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for folder in std::fs::read_dir(backups.join("chunks"))
        .into_iter()
        .flatten()
    {
        for entry in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none() {
                found.insert(path);
            }
        }
    }
    found
}

/// A letter that nothing makes smaller, to the mailbox of the first account.
fn append_large(process: &Process, seed: u32) {
    let facts = process.facts();
    let (name, secret) = (
        facts["accounts"][0]["address"].as_str().unwrap(),
        facts["accounts"][0]["password"].as_str().unwrap(),
    );
    let mut client = ImapClient::connect_tls(process.address("imaps"), &process.dir.join("ca.pem"));
    client.ok(&format!("LOGIN {name} {secret}"));
    let mut state = seed;
    let mut letter = format!("From: a@b.example\r\nSubject: large {seed}\r\n\r\n").into_bytes();
    while letter.len() < FILLER_OCTETS {
        // xorshift32: letters and digits without a pattern.
        for _ in 0..64 {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            letter.push(b'A' + (state % 58) as u8);
        }
        letter.extend_from_slice(b"\r\n");
    }
    let answer = client.append("INBOX", &letter).unwrap();
    assert!(answer.tagged.starts_with("OK"), "{}", answer.tagged);
}

/// Starts a backup and kills it once some chunks are written. True when it was half way.
fn kill_half_way(data: &Path, backups: &Path) -> bool {
    let mut child = Command::new(binary())
        .args(["backup", "--threads", "1", "--dir"])
        .args([data, backups])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while chunks(backups).len() < 3 && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let whole = std::fs::read_dir(backups.join("manifests")).map_or(0, Iterator::count);
    whole == 0
}

/// Which of the acknowledged letters are missing in a data folder, or there more than once.
fn missing(data: &Path, acknowledged: &[String]) -> Vec<String> {
    let process = Process::demo(data, free_base());
    let present = load::present(&process);
    assert_eq!(process.terminate(), Some(0));
    let once = |id: &&String| present.get(*id) != Some(&1);
    acknowledged.iter().filter(once).cloned().collect()
}

#[test]
fn i01_a_backup_under_load_holds_what_was_acknowledged_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("demo");
    std::fs::create_dir(&data).unwrap();
    let backups = dir.path().join("backups");
    let process = Process::demo(&data, free_base());
    append_large(&process, 1);
    let acknowledged = Mutex::new(Vec::new());
    let stop = AtomicBool::new(false);
    let mut before = Vec::new();
    let mut first = String::new();
    std::thread::scope(|scope| {
        let (process, acknowledged, stop) = (&process, &acknowledged, &stop);
        scope.spawn(move || load::by_smtp(process, "smtp", acknowledged, stop));
        scope.spawn(move || load::by_append(process, "append", acknowledged, stop));
        assert!(tests::until(
            || acknowledged.lock().unwrap().len() >= LETTERS_BEFORE
        ));
        assert!(
            kill_half_way(&data, &backups),
            "it was done before it was killed"
        );
        let left = chunks(&backups).len();
        before = acknowledged.lock().unwrap().clone();
        first = good(&congvu(&["backup", "--dir"], &[&data, &backups]));
        let now = chunks(&backups).len();
        assert!(now > left, "{left} pieces were there, then {now}");
        stop.store(true, Ordering::Relaxed);
    });
    assert!(before.len() >= LETTERS_BEFORE);
    // The next one: some letters more, and no other piece than the new ends of journal and pack.
    let all = chunks(&backups);
    good(&congvu(&["backup", "--dir"], &[&data, &backups]));
    let next = chunks(&backups);
    assert!(next.is_superset(&all));
    assert!(
        next.len() - all.len() <= 4,
        "{} new pieces; {first}",
        next.len() - all.len()
    );
    good(&congvu(&["backup", "--dir"], &[&data, &backups]));
    assert_eq!(chunks(&backups), next, "nothing happened since");
    good(&congvu(&["backup", "verify"], &[&backups]));
    assert_eq!(process.terminate(), Some(0));
    restored(dir.path(), &data, &backups, &before);
}

/// Restores the first backup, and looks.
fn restored(dir: &Path, data: &Path, backups: &Path, before: &[String]) {
    let listed = good(&congvu(&["backup", "list"], &[backups]));
    let oldest = listed.lines().nth(1).unwrap().split('\t').next().unwrap();
    let fresh = dir.join("fresh");
    let from = ["restore", "--manifest", oldest, "--from"];
    let said = Command::new(binary())
        .args(from)
        .arg(backups)
        .arg("--to")
        .arg(&fresh)
        .output()
        .unwrap();
    assert!(good(&said).contains("Every invariant holds"));
    good(&congvu(&["store", "verify", "--dir"], &[&fresh]));
    let again = Command::new(binary())
        .args(from)
        .arg(backups)
        .arg("--to")
        .arg(&fresh)
        .output()
        .unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again).contains("is not empty"), "{}", text(&again));
    // The demo's own files beside the store: who may sign in lies in the store, the rest is made anew.
    for entry in std::fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, fresh.join(path.file_name().unwrap())).unwrap();
        }
    }
    assert_eq!(missing(&fresh, before), Vec::<String>::new());
    let log = std::fs::read_to_string(fresh.with_extension("log")).unwrap();
    assert!(!log.contains("lost commits"), "{log}");
    good(&congvu(&["store", "verify", "--dir"], &[&fresh]));
}

#[test]
fn one_account_is_restored_while_the_server_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("demo");
    std::fs::create_dir(&data).unwrap();
    let backups = dir.path().join("backups");
    let process = Process::demo(&data, free_base());
    let facts = process.facts();
    let (name, secret) = (
        facts["accounts"][0]["address"].as_str().unwrap().to_owned(),
        facts["accounts"][0]["password"]
            .as_str()
            .unwrap()
            .to_owned(),
    );
    let ca = data.join("ca.pem");
    let mut client = ImapClient::connect_tls(process.address("imaps"), &ca);
    client.ok(&format!("LOGIN {name} {secret}"));
    let count = |client: &mut ImapClient, mailbox: &str| -> u32 {
        let status = client
            .ok(&format!("STATUS {mailbox} (MESSAGES)"))
            .line("* STATUS");
        let digits = status.rsplit("MESSAGES ").next().unwrap();
        digits
            .trim_end_matches(|c: char| !c.is_ascii_digit())
            .parse()
            .unwrap()
    };
    let letters = count(&mut client, "INBOX");
    assert!(letters > 0);
    good(&congvu(&["backup", "--dir"], &[&data, &backups]));
    client.ok("SELECT INBOX");
    client.ok("STORE 1:* +FLAGS (\\Deleted)");
    client.ok("EXPUNGE");
    assert_eq!(count(&mut client, "INBOX"), 0);
    let config = dir.path().join("c.toml");
    let written = format!("[server]\ndata = {:?}\n", data.to_str().unwrap());
    std::fs::write(&config, written).unwrap();
    let restore = |more: &[&str]| {
        let mut command = Command::new(binary());
        command.args(["restore", "--account", &name]).args(more);
        command
            .arg("--config")
            .arg(&config)
            .arg("--from")
            .arg(&backups);
        command.output().unwrap()
    };
    let refused = restore(&["--in-place"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("in use"), "{}", text(&refused));
    drop(client);
    assert_eq!(process.terminate(), Some(0));
    let added = format!("{letters} messages added");
    assert!(good(&restore(&["--in-place"])).contains(&added));
    assert!(good(&restore(&["--in-place"])).contains(" 0 messages added"));
    let early = restore(&["--in-place", "--time", "2020-01-01 00:00"]);
    assert_eq!(early.status.code(), Some(1));
    assert!(
        text(&early).contains("did not exist then: it was made at"),
        "{}",
        text(&early)
    );
    let folder = ["--into-folder", "Khoi phuc", "--mailbox", "INBOX"];
    assert!(good(&restore(&folder)).contains(&added));
    good(&congvu(&["store", "verify", "--dir"], &[&data]));
    let process = Process::demo(&data, free_base());
    let mut client = ImapClient::connect_tls(process.address("imaps"), &ca);
    client.ok(&format!("LOGIN {name} {secret}"));
    assert_eq!(count(&mut client, "INBOX"), letters);
    let inside = client.ok("LIST \"\" \"Khoi phuc/*\"").line("* LIST");
    assert!(inside.contains("Khoi phuc/"), "{inside}");
    assert_eq!(process.terminate(), Some(0));
}
