//! SIGKILL while letters for several are taken: each is in all their mailboxes or in none, once, whether it was
//! acknowledged or not; and the queue forgets none.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tests::imap_client::ImapClient;
use tests::process::{Process, free_base};
use tests::smtp_client::SmtpClient;
use tests::until;

/// How often the server is killed.
const ROUNDS: u64 = 10;
/// Connections that send.
const SENDERS: u64 = 4;
/// Who gets each letter.
const RECIPIENTS: usize = 3;

/// Sends until told to stop or the server is gone; what was acknowledged is written down.
fn send(
    process: &Process,
    to: &[String],
    prefix: &str,
    acknowledged: &Mutex<Vec<String>>,
    stop: &AtomicBool,
) {
    let mut client = SmtpClient::connect(process.address("smtp"));
    client.send(b"EHLO crash.example\r\n");
    if client.try_reply().is_none() {
        return;
    }
    let mut head = "MAIL FROM:<a@b.example>\r\n".to_owned();
    to.iter()
        .for_each(|to| head += &format!("RCPT TO:<{to}>\r\n"));
    head += "DATA\r\n";
    for number in 0.. {
        let id = format!("{prefix}.{number}");
        let letter = format!(
            "From: a@b.example\r\nSubject: {id}\r\nMessage-ID: <{id}@crash.example>\r\n\r\nLetter.\r\n.\r\n"
        );
        if stop.load(Ordering::Relaxed) || !client.try_send(head.as_bytes()) {
            return;
        }
        let asked = (0..to.len() + 2).all(|_| client.try_reply().is_some());
        if !asked || !client.try_send(letter.as_bytes()) {
            return;
        }
        match client.try_reply() {
            Some(reply) if reply.starts_with("250") => acknowledged.lock().unwrap().push(id),
            Some(reply) => panic!("{reply}: {}", process.log()),
            None => return,
        }
    }
}

/// How often each letter is in somebody's INBOX.
fn placed(process: &Process, (address, password): &(String, String)) -> BTreeMap<String, usize> {
    let mut client = ImapClient::connect_tls(process.address("imaps"), &process.dir.join("ca.pem"));
    client.ok(&format!("LOGIN {address} {password}"));
    client.ok("EXAMINE INBOX");
    let mut placed = BTreeMap::new();
    for response in &client.ok("FETCH 1:* (ENVELOPE)").untagged {
        let text = String::from_utf8_lossy(response);
        let id = text
            .split('<')
            .find_map(|piece| piece.split_once("@crash.example>"));
        if let Some((id, _)) = id {
            *placed.entry(id.to_owned()).or_default() += 1;
        }
    }
    placed
}

#[test]
fn i09_a_letter_for_several_is_whole_or_nothing_in_spite_of_sigkill() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("demo");
    std::fs::create_dir(&folder).unwrap();
    let base = free_base();
    let demo = Process::demo(&folder, base);
    let facts = demo.facts();
    let text = |n: usize, name: &str| facts["accounts"][n][name].as_str().unwrap().to_owned();
    let people: Vec<(String, String)> = (0..RECIPIENTS)
        .map(|n| (text(n, "address"), text(n, "password")))
        .collect();
    assert_eq!(demo.terminate(), Some(0));
    let to: Vec<String> = people.iter().map(|(address, _)| address.clone()).collect();
    let acknowledged = Mutex::new(Vec::new());
    for round in 0..ROUNDS {
        let process = Process::serve(&folder, base, "");
        let stop = AtomicBool::new(false);
        let before = acknowledged.lock().unwrap().len();
        std::thread::scope(|scope| {
            for sender in 0..SENDERS {
                let (process, to, acknowledged, stop) = (&process, &to, &acknowledged, &stop);
                let prefix = format!("r{round}.s{sender}");
                scope.spawn(move || send(process, to, &prefix, acknowledged, stop));
            }
            let begun = until(|| acknowledged.lock().unwrap().len() > before + 3);
            std::thread::sleep(Duration::from_millis(round * 37 % 200));
            let killed = Command::new("kill")
                .args(["-KILL", &process.id().to_string()])
                .status();
            stop.store(true, Ordering::Relaxed);
            assert!(begun && killed.unwrap().success());
        });
        process.kill();
    }
    let process = Process::serve(&folder, base, "");
    let acknowledged = acknowledged.into_inner().unwrap();
    let each = || -> Vec<BTreeMap<String, usize>> {
        people.iter().map(|who| placed(&process, who)).collect()
    };
    let whole = || {
        let each = each();
        let all = each.iter().all(|placed| *placed == each[0]);
        all && acknowledged.iter().all(|id| each[0].contains_key(id))
    };
    let whole = until(whole);
    let each = each();
    let halved: Vec<&String> = each
        .iter()
        .flat_map(BTreeMap::keys)
        .filter(|id| !each.iter().all(|placed| placed.contains_key(*id)))
        .collect();
    println!(
        "{} acknowledged, {} present",
        acknowledged.len(),
        each[0].len()
    );
    assert!(whole, "lost or halved: {halved:?}");
    let doubled: Vec<_> = each[0].iter().filter(|(_, count)| **count != 1).collect();
    assert!(doubled.is_empty(), "I-09: {doubled:?}");
    assert_eq!(process.terminate(), Some(0));
}
