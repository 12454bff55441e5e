//! SIGKILL under load, 20 times: every message answered with 250 and every APPEND answered OK is there
//! after the restart, once (I-01, I-09).

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tests::imap_client::ImapClient;
use tests::process::{Process, free_base};
use tests::smtp_client::SmtpClient;

/// How often the server is killed.
const ROUNDS: u64 = 20;
/// Connections that send, half by SMTP, half by APPEND.
const SENDERS: u64 = 6;

fn letter(id: &str) -> Vec<u8> {
    let filler = "Nội dung thử nghiệm, đủ dài để chiếm chỗ trên đĩa.\r\n".repeat(40);
    format!("From: a@b.example\r\nTo: annv@tinhmau.gov.vn\r\nSubject: {id}\r\nMessage-ID: <{id}@crash.example>\r\n\r\n{filler}").into_bytes()
}

/// Sends until the connection breaks; notes what was acknowledged.
fn by_smtp(process: &Process, prefix: &str, acknowledged: &Mutex<Vec<String>>, stop: &AtomicBool) {
    let mut client = SmtpClient::connect(process.address("smtp"));
    client.send(b"EHLO crash.example\r\n");
    if client.try_reply().is_none() {
        return;
    }
    for number in 0.. {
        let id = format!("{prefix}.{number}");
        let head = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<annv@tinhmau.gov.vn>\r\nDATA\r\n";
        if stop.load(Ordering::Relaxed) || !client.try_send(head) {
            return;
        }
        for _ in 0..3 {
            if client.try_reply().is_none() {
                return;
            }
        }
        if !client.try_send(&tests::smtp_client::stuffed(&letter(&id))) {
            return;
        }
        match client.try_reply() {
            Some(reply) if reply.starts_with("250") => acknowledged.lock().unwrap().push(id),
            Some(reply) => panic!("{reply}: {}", process.log()),
            None => return,
        }
    }
}

fn by_append(
    process: &Process,
    prefix: &str,
    acknowledged: &Mutex<Vec<String>>,
    stop: &AtomicBool,
) {
    let facts = process.facts();
    let (name, secret) = (
        facts["accounts"][0]["address"].as_str().unwrap(),
        facts["accounts"][0]["password"].as_str().unwrap(),
    );
    let ca = process.dir.join("ca.pem");
    let mut client = ImapClient::connect_tls(process.address("imaps"), &ca);
    let login = format!("LOGIN {name} {secret}");
    match client.try_run(login.as_bytes()) {
        Ok(answer) => assert!(answer.tagged.starts_with("OK"), "{}", answer.tagged),
        Err(_) => return,
    }
    for number in 0.. {
        let id = format!("{prefix}.{number}");
        if stop.load(Ordering::Relaxed) {
            return;
        }
        match client.append("INBOX", &letter(&id)) {
            Ok(answer) if answer.tagged.starts_with("OK") => acknowledged.lock().unwrap().push(id),
            Ok(answer) => panic!("{}: {}", answer.tagged, process.log()),
            Err(_) => return,
        }
    }
}

/// How often each of our messages is in INBOX.
fn present(process: &Process) -> HashMap<String, usize> {
    let facts = process.facts();
    let (name, secret) = (
        facts["accounts"][0]["address"].as_str().unwrap(),
        facts["accounts"][0]["password"].as_str().unwrap(),
    );
    let mut client = ImapClient::connect_tls(process.address("imaps"), &process.dir.join("ca.pem"));
    client.ok(&format!("LOGIN {name} {secret}"));
    client.ok("EXAMINE INBOX");
    let answer = client.ok("FETCH 1:* (ENVELOPE BODY.PEEK[TEXT])");
    let mut counts = HashMap::new();
    for response in &answer.untagged {
        let text = String::from_utf8_lossy(response);
        let Some(id) = text
            .split("<")
            .find_map(|piece| piece.split_once("@crash.example>").map(|(id, _)| id))
        else {
            continue;
        };
        assert!(
            text.contains("đủ dài để chiếm chỗ trên đĩa.\r\n"),
            "{id} is torn"
        );
        *counts.entry(id.to_owned()).or_insert(0) += 1;
    }
    counts
}

#[test]
fn i01_what_was_acknowledged_survives_sigkill() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("demo");
    std::fs::create_dir(&folder).unwrap();
    let base = free_base();
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    for round in 0..ROUNDS {
        let process = Process::demo(&folder, base);
        let stop = Arc::new(AtomicBool::new(false));
        // A different moment each time, from the first message to the thick of it.
        let until = Duration::from_millis(60 + round * 37 % 500);
        std::thread::scope(|scope| {
            for sender in 0..SENDERS {
                let (process, acknowledged, stop) = (&process, &acknowledged, &stop);
                let prefix = format!("r{round}.s{sender}");
                scope.spawn(move || {
                    if sender % 2 == 0 {
                        by_smtp(process, &prefix, acknowledged, stop);
                    } else {
                        by_append(process, &prefix, acknowledged, stop);
                    }
                });
            }
            scope.spawn(|| {
                let before = acknowledged.lock().unwrap().len();
                // Not before something was acknowledged, so that each round means something.
                for _ in 0..2000 {
                    if acknowledged.lock().unwrap().len() > before + 3 {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
                std::thread::sleep(until);
                signal_kill(process.id());
                stop.store(true, Ordering::Relaxed);
            });
        });
        process.kill();
    }
    let process = Process::demo(&folder, base);
    let present = present(&process);
    let acknowledged = acknowledged.lock().unwrap();
    println!(
        "{} acknowledged, {} present",
        acknowledged.len(),
        present.len()
    );
    assert!(acknowledged.len() as u64 > ROUNDS * 4);
    let lost: Vec<&String> = acknowledged
        .iter()
        .filter(|id| !present.contains_key(*id))
        .collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let doubled: Vec<_> = present.iter().filter(|(_, count)| **count != 1).collect();
    assert!(doubled.is_empty(), "more than once: {doubled:?}");
    assert_eq!(process.terminate(), Some(0));
    verify(&folder);
}

fn signal_kill(id: u32) {
    let done = std::process::Command::new("kill")
        .args(["-KILL", &id.to_string()])
        .status()
        .unwrap();
    assert!(done.success());
}

/// `congvu store verify` finds nothing wrong.
fn verify(folder: &std::path::Path) {
    let done = std::process::Command::new(tests::process::binary())
        .args(["store", "verify", "--dir"])
        .arg(folder)
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{text}");
}
