//! Memory of idle connections: growth of the proportional set size of all the server's processes.

use super::peer::Peer;
use std::time::Duration;
use tests::imap_client::ImapClient;

/// How long memory may settle.
const SETTLE: Duration = Duration::from_secs(2);
/// Connections made before the measuring, one for each account: what an account itself takes in
/// memory hangs on its letters, not on how many connections look at it.
const FIRST: usize = 3;

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
    let mut held: Vec<ImapClient> = (0..FIRST)
        .map(|number| waiting(peer, number, idles))
        .collect();
    std::thread::sleep(SETTLE);
    let before = peer.pss_kib();
    held.extend((0..count).map(|number| waiting(peer, number, idles)));
    std::thread::sleep(SETTLE);
    let grown = peer.pss_kib().saturating_sub(before);
    drop(held);
    std::thread::sleep(SETTLE);
    format!("{:.1} KiB each", grown as f64 / count as f64)
}

/// One more connection that waits: in IDLE on its INBOX, or not signed in.
fn waiting(peer: &Peer, number: usize, idles: bool) -> ImapClient {
    if !idles {
        return peer.connect();
    }
    let mut client = peer.signed_in(number % FIRST);
    client.ok("SELECT INBOX");
    client.send(b"i IDLE\r\n");
    while !client.unsolicited().starts_with('+') {}
    client
}
