//! The disk becomes full while letters come for elsewhere, on a small disk of the test's own: each is taken whole or
//! refused with 452, and what was taken leaves once when there is room again.

use crate::full_disk::{disk, fill, make_room, on_small_disk};
use std::collections::{BTreeMap, BTreeSet};
use tests::process::{Process, free_base};
use tests::smtp_client::{SmtpClient, stuffed};
use tests::smtp_sink::Sink;
use tests::until;

/// Letters after which the disk must have been full, and so many that are refused while it is.
const LETTERS_MAX: usize = 600;
const REFUSED: usize = 12;
/// Lines of a letter, some 60 octets each.
const LINES: usize = 2_000;

#[test]
fn a_disk_that_fills_while_letters_are_queued_loses_and_halves_none() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("demo");
    std::fs::create_dir(&data).unwrap();
    on_small_disk("full_queue::inside_a_queue_on_a_full_disk", &data, 160);
}

/// Each of its own content, so that no two share it.
fn letter(address: &str, n: usize) -> Vec<u8> {
    let lines: String = (0..LINES)
        .map(|line| format!("{n} {line} {:x}\r\n", noise(n, line)))
        .collect();
    format!("From: <{address}>\r\nTo: <x@noi.example>\r\nSubject: n{n}\r\n\r\n{lines}").into_bytes()
}

/// Octets that cannot be pressed together.
fn noise(n: usize, line: usize) -> u128 {
    let mut chance = tests::fault::Chance::of(&[n as u64, line as u64]);
    u128::from(chance.draw()) << 64 | u128::from(chance.draw())
}

/// The first reply that is no yes, or that to the letter.
fn submit(client: &mut SmtpClient, address: &str, n: usize) -> String {
    for line in [
        format!("MAIL FROM:<{address}>"),
        "RCPT TO:<x@noi.example>".into(),
        "DATA".into(),
    ] {
        let reply = client.say(&line);
        if !reply.starts_with(['2', '3']) {
            client.say("RSET");
            return reply;
        }
    }
    client.send(&stuffed(&letter(address, n)));
    client.reply()
}

/// How often each came.
fn arrived(sink: &Sink) -> BTreeMap<usize, usize> {
    let mut arrived = BTreeMap::new();
    for letter in sink.taken() {
        let (_, rest) = letter.content.split_once("Subject: n").unwrap();
        let n = rest.split("\r\n").next().unwrap().parse().unwrap();
        assert_eq!(
            letter.content.matches(&format!("\r\n{n} ")).count(),
            LINES,
            "a part of {n}"
        );
        *arrived.entry(n).or_default() += 1;
    }
    arrived
}

#[test]
fn inside_a_queue_on_a_full_disk() {
    let Some(data) = disk() else { return };
    let base = free_base();
    let demo = Process::demo(&data, base);
    let account = demo.facts()["accounts"][0].clone();
    let text = |name: &str| account[name].as_str().unwrap().to_owned();
    let (address, password) = (text("address"), text("password"));
    assert_eq!(demo.terminate(), Some(0));
    let sink = Sink::new(|_| None);
    let more = format!(
        "[relay]\nsign = false\n[[relay.routes]]\ndomains = [\"*\"]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"opportunistic\"\n",
        sink.address.port()
    );
    let process = Process::serve(&data, base, &more);
    let mut client =
        SmtpClient::connect_tls(process.address("submissions"), &process.dir.join("ca.pem"));
    client.ehlo();
    client.auth_plain(&address, &password);
    let (mut taken, mut refused) = (BTreeSet::new(), 0);
    fill(&data);
    for n in 0..LETTERS_MAX {
        let reply = submit(&mut client, &address, n);
        if reply.starts_with("250") {
            taken.insert(n);
            assert_eq!(refused, 0, "after it was full");
        } else {
            assert!(reply.starts_with("452 4.3.1 "), "{reply}");
            refused += 1;
        }
        if refused == REFUSED {
            break;
        }
    }
    assert_eq!(refused, REFUSED, "{} were taken", taken.len());
    make_room(&data);
    // It goes on by itself: what waits leaves, and new letters are taken.
    let again = LETTERS_MAX;
    assert!(until(
        || submit(&mut client, &address, again).starts_with("250")
    ));
    taken.insert(again);
    let all = || arrived(&sink).keys().copied().collect::<BTreeSet<_>>() == taken;
    assert!(
        (0..6).any(|_| until(all)),
        "{:?} of {taken:?}",
        arrived(&sink).keys()
    );
    println!("{} taken, {refused} refused", taken.len());
    assert_eq!(process.terminate(), Some(0));
    // Nothing is left that would go again.
    let process = Process::serve(&data, base, &more);
    let waits = std::process::Command::new(tests::process::binary())
        .args(["store", "verify", "--deep", "--dir"])
        .arg(&data)
        .output()
        .unwrap();
    assert!(
        waits.status.success(),
        "{}",
        String::from_utf8_lossy(&waits.stdout)
    );
    assert!(
        arrived(&sink).values().all(|times| *times == 1),
        "{:?}",
        arrived(&sink)
    );
    assert_eq!(process.terminate(), Some(0));
}
