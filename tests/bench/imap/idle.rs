//! Memory of idle connections: growth of the proportional set size of all the server's processes.

use super::peer::Peer;
use std::time::Duration;
use tests::imap_client::ImapClient;

/// How long memory may settle.
const SETTLE: Duration = Duration::from_secs(2);

pub(super) fn table(peers: &[Peer], count: usize) {
    for (what, idles) in [
        ("signed in, SELECT, IDLE, TLS", true),
        ("TLS, not signed in", false),
    ] {
        let cells: Vec<String> = peers
            .iter()
            .map(|peer| measure(peer, count, idles))
            .collect();
        println!("| {count} connections: {what} | {} |", cells.join(" | "));
    }
}

fn measure(peer: &Peer, count: usize, idles: bool) -> String {
    let before = peer.pss_kib();
    let mut held: Vec<ImapClient> = Vec::new();
    for number in 0..count {
        if !idles {
            held.push(peer.connect());
            continue;
        }
        let mut client = peer.signed_in(number % 3);
        client.ok("SELECT INBOX");
        client.send(b"i IDLE\r\n");
        while !client.unsolicited().starts_with('+') {}
        held.push(client);
    }
    std::thread::sleep(SETTLE);
    let grown = peer.pss_kib().saturating_sub(before);
    drop(held);
    std::thread::sleep(SETTLE);
    format!("{:.1} KiB each", grown as f64 / count as f64)
}
