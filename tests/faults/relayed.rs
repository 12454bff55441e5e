//! SIGKILL while letters leave: each one answered with 250 reaches the other server and the mailbox here. Here it is
//! once; there none is repeated but those whose 250 was under way.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tests::imap_client::ImapClient;
use tests::process::{Process, free_base};
use tests::smtp_client::SmtpClient;
use tests::smtp_sink::Sink;
use tests::until;

/// How often the server is killed.
const ROUNDS: u64 = 6;
/// Letters under way at once, by the config below.
const AT_ONCE: usize = 4;
/// Connections that send.
const SENDERS: usize = 3;

/// Sends letters to somebody elsewhere and somebody here until told to stop or the server is gone; what was
/// acknowledged is written down.
fn send(
    mut client: SmtpClient,
    address: &str,
    prefix: &str,
    acknowledged: &Mutex<Vec<String>>,
    stop: &AtomicBool,
) {
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let id = format!("{prefix}.{n}");
        let letter = format!(
            "From: <{address}>\r\nTo: x@noi.example\r\nSubject: {id}\r\n\
             Message-ID: <{id}@crash.example>\r\n\r\nLetter.\r\n.\r\n"
        );
        let commands = format!(
            "MAIL FROM:<{address}>\r\nRCPT TO:<x@noi.example>\r\nRCPT TO:<{address}>\r\nDATA\r\n"
        );
        let sent = client.try_send(commands.as_bytes());
        let asked = sent && (0..4).all(|_| client.try_reply().is_some());
        if !asked || !client.try_send(letter.as_bytes()) {
            return;
        }
        match client.try_reply() {
            Some(reply) if reply.starts_with("250") => acknowledged.lock().unwrap().push(id),
            _ => return,
        }
    }
}

/// How often each letter came to the other server.
fn arrived(sink: &Sink) -> BTreeMap<String, usize> {
    let mut arrived = BTreeMap::new();
    for letter in sink.taken() {
        let subject = letter.content.split("Subject: ").nth(1).unwrap();
        let id = subject.split("\r\n").next().unwrap().to_owned();
        *arrived.entry(id).or_default() += 1;
    }
    arrived
}

/// How often each letter is in the sender's INBOX.
fn placed(process: &Process, (address, password): &(String, String)) -> BTreeMap<String, usize> {
    let ca = process.dir.join("ca.pem");
    let mut client = ImapClient::connect_tls(process.address("imaps"), &ca);
    client.ok(&format!("LOGIN {address} {password}"));
    client.ok("EXAMINE INBOX");
    let mut placed = BTreeMap::new();
    for response in &client.ok("FETCH 1:* (ENVELOPE)").untagged {
        let text = String::from_utf8_lossy(response);
        let ids = text.split('<');
        let id = ids
            .filter_map(|piece| piece.split_once("@crash.example>"))
            .next();
        if let Some((id, _)) = id {
            *placed.entry(id.to_owned()).or_default() += 1;
        }
    }
    placed
}

/// Lets letters be sent, and kills the server in the midst of it.
fn round(
    process: &Process,
    sender: &(String, String),
    round: u64,
    acknowledged: &Mutex<Vec<String>>,
) {
    let stop = AtomicBool::new(false);
    // All are signed in before the first letter, which takes its time on a busy machine.
    let clients: Vec<SmtpClient> = (0..SENDERS)
        .map(|_| {
            let ca = process.dir.join("ca.pem");
            let mut client = SmtpClient::connect_tls(process.address("submissions"), &ca);
            client.ehlo();
            client.auth_plain(&sender.0, &sender.1);
            client
        })
        .collect();
    let before = acknowledged.lock().unwrap().len();
    std::thread::scope(|scope| {
        for (n, client) in clients.into_iter().enumerate() {
            let stop = &stop;
            let prefix = format!("r{round}.s{n}");
            scope.spawn(move || send(client, &sender.0, &prefix, acknowledged, stop));
        }
        let begun = until(|| acknowledged.lock().unwrap().len() > before + 3);
        std::thread::sleep(Duration::from_millis(round * 61 % 300));
        let killed = Command::new("kill")
            .args(["-KILL", &process.id().to_string()])
            .status();
        stop.store(true, Ordering::Relaxed);
        assert!(begun && killed.unwrap().success());
    });
}

#[test]
fn i10_what_was_accepted_for_elsewhere_arrives_in_spite_of_sigkill() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("demo");
    std::fs::create_dir(&folder).unwrap();
    let base = free_base();
    let demo = Process::demo(&folder, base);
    let account = demo.facts()["accounts"][0].clone();
    let text = |name: &str| account[name].as_str().unwrap().to_owned();
    let sender = (text("address"), text("password"));
    assert_eq!(demo.terminate(), Some(0));
    // Slow enough that something is always under way.
    let sink = Sink::new(|line| {
        if line == "." {
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    });
    let more = format!(
        "[relay]\nmessages_max = {AT_ONCE}\nmessages_per_destination = {AT_ONCE}\n\
         [[relay.routes]]\ndomains = [\"*\"]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"opportunistic\"\n",
        sink.address.port()
    );
    let acknowledged = Mutex::new(Vec::new());
    for n in 0..ROUNDS {
        let process = Process::serve(&folder, base, &more);
        round(&process, &sender, n, &acknowledged);
        process.kill();
    }
    let process = Process::serve(&folder, base, &more);
    let acknowledged = acknowledged.into_inner().unwrap();
    let lost = || {
        let arrived = arrived(&sink);
        let each = acknowledged.iter().filter(|id| !arrived.contains_key(*id));
        each.cloned().collect::<Vec<_>>()
    };
    for _ in 0..6 {
        if until(|| lost().is_empty()) {
            break;
        }
    }
    assert!(lost().is_empty(), "lost: {:?}", lost());
    let again: usize = arrived(&sink).values().map(|count| count - 1).sum();
    println!("{} acknowledged, {again} repeated", acknowledged.len());
    assert!(again <= AT_ONCE * ROUNDS as usize, "{again} repeated");
    let here = || {
        let placed = placed(&process, &sender);
        acknowledged.iter().all(|id| placed.contains_key(id))
    };
    assert!(until(here), "lost here");
    let placed = placed(&process, &sender);
    let doubled: Vec<_> = placed.iter().filter(|(_, count)| **count != 1).collect();
    assert!(doubled.is_empty(), "I-09: {doubled:?}");
    assert_eq!(process.terminate(), Some(0));
}
