//! sled's file is damaged under a running server: it notices when it reads, tells its sessions, makes the
//! index anew from snapshots and journal, and goes on with everything that was acknowledged.

use std::net::TcpStream;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};
use tests::imap_client::ImapClient;
use tests::process::{Process, free_base};
use tests::smtp_client::SmtpClient;

/// How long a debug build may take to stop and to make the index anew.
const PATIENCE: Duration = Duration::from_secs(120);

/// Changes an octet in every 64 of the file, where it lies.
fn rot(file: &Path) {
    let mut octets = std::fs::read(file).unwrap();
    octets
        .iter_mut()
        .skip(17)
        .step_by(64)
        .for_each(|o| *o ^= 0x5a);
    let file = std::fs::File::options().write(true).open(file).unwrap();
    file.write_all_at(&octets, 0).unwrap();
}

fn client(process: &Process, account: &(String, String)) -> ImapClient {
    let ca = process.dir.join("ca.pem");
    let mut client = ImapClient::connect_tls(process.address("imaps"), &ca);
    client.ok(&format!("LOGIN {} {}", account.0, account.1));
    client
}

/// A port may answer before all behind it is there.
fn wait_for(process: &Process, account: &(String, String)) {
    let began = Instant::now();
    while std::panic::catch_unwind(|| drop(client(process, account))).is_err() {
        assert!(began.elapsed() < PATIENCE, "{}", process.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What a letter from elsewhere is answered; one command after the other, since the server goes down soon after.
fn put_off(peer: &mut SmtpClient, to: &str) -> String {
    peer.say("MAIL FROM:<a@b.example>");
    let answer = peer.say(&format!("RCPT TO:<{to}>"));
    if !answer.starts_with("250") {
        return answer;
    }
    peer.say("DATA");
    peer.send(b"Subject: from elsewhere\r\n\r\nx\r\n.\r\n");
    peer.reply()
}

/// All that the account's mailboxes say.
fn everything(client: &mut ImapClient) -> Vec<String> {
    let mut all = Vec::new();
    for mailbox in ["INBOX", "Sent", "Archive"] {
        if client
            .run(&format!("EXAMINE {mailbox}"))
            .tagged
            .starts_with("OK")
        {
            all.extend(
                client
                    .run("UID FETCH 1:* (FLAGS INTERNALDATE ENVELOPE)")
                    .lines("* "),
            );
        }
    }
    all
}

#[test]
fn i19_an_index_that_rots_under_a_running_server_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("demo");
    std::fs::create_dir(&data).unwrap();
    let process = Process::demo(&data, free_base());
    let facts = process.facts();
    let accounts = facts["accounts"].as_array().unwrap().iter();
    let said = |account: &serde_json::Value, key: &str| account[key].as_str().unwrap().to_owned();
    let accounts: Vec<(String, String)> = accounts
        .map(|a| (said(a, "address"), said(a, "password")))
        .take(12)
        .collect();
    let mut own = client(&process, &accounts[0]);
    let letter = b"Subject: acknowledged\r\n\r\nx\r\n";
    assert!(
        own.append("INBOX", letter)
            .unwrap()
            .tagged
            .starts_with("OK")
    );
    let before: Vec<Vec<String>> = accounts
        .iter()
        .map(|account| everything(&mut client(&process, account)))
        .collect();
    assert!(before[0].iter().any(|line| line.contains("acknowledged")));
    drop(own);
    assert_eq!(process.terminate(), Some(0));

    // Nothing of the index is in memory now.
    let process = Process::demo(&data, free_base());
    let mut idle = client(&process, &accounts[0]);
    let mut peer = SmtpClient::connect(process.address("smtp"));
    peer.ehlo();
    rot(&data.join("store/index/db"));
    // RFC 5321 §4.2.3: a sender is told of an error here, and not that the disk is full.
    let put_off = put_off(&mut peer, &accounts[3].0);
    assert!(put_off.starts_with("451 4.3.0 "), "{put_off}");
    // Whoever reads it is told that the server cannot, never that there is nothing. Some accounts may be in memory
    // again: the search index looks at them after a start.
    let mut others = accounts[1..].iter().map(|account| {
        let read = || client(&process, account).try_run(b"EXAMINE INBOX");
        let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read));
        let answer = read.map(|answer| answer.map_or_else(|e| e.to_string(), |a| a.tagged));
        answer.unwrap_or_else(|_| "no connection".to_owned())
    });
    assert!(others.any(|answer| !answer.starts_with("OK")));
    let bye = idle.unsolicited();
    assert!(bye.starts_with("* BYE "), "{bye}");

    let began = Instant::now();
    while TcpStream::connect(process.address("imaps")).is_err()
        || !process.log().contains("opening the store again")
    {
        assert!(began.elapsed() < PATIENCE, "{}", process.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    wait_for(&process, &accounts[0]);
    for (account, before) in accounts.iter().zip(&before) {
        let after = everything(&mut client(&process, account));
        assert_eq!(&after, before, "{}", account.0);
    }
    let mut own = client(&process, &accounts[0]);
    assert!(
        own.append("INBOX", letter)
            .unwrap()
            .tagged
            .starts_with("OK")
    );
    assert_eq!(process.terminate(), Some(0));
    let store = storage::Options {
        dir: data.join("store"),
        ..storage::Options::default()
    };
    let store = storage::Store::open(&store).unwrap();
    assert_eq!(store.check_deep().unwrap(), Vec::<String>::new());
}
