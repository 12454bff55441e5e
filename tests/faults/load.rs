//! Mail for a server that may be killed, and what of it is there afterwards.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use tests::imap_client::ImapClient;
use tests::process::Process;
use tests::smtp_client::SmtpClient;

fn letter(id: &str) -> Vec<u8> {
    let filler = "Nội dung thử nghiệm, đủ dài để chiếm chỗ trên đĩa.\r\n".repeat(40);
    format!("From: a@b.example\r\nTo: annv@tinhmau.gov.vn\r\nSubject: {id}\r\nMessage-ID: <{id}@crash.example>\r\n\r\n{filler}").into_bytes()
}

/// Sends until the connection breaks; notes what was acknowledged.
pub fn by_smtp(
    process: &Process,
    prefix: &str,
    acknowledged: &Mutex<Vec<String>>,
    stop: &AtomicBool,
) {
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

/// The same by APPEND.
pub fn by_append(
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
pub fn present(process: &Process) -> HashMap<String, usize> {
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
