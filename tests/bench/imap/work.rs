//! The work that is compared: filling, selecting, fetching, searching, ordering, coming back, signing in.

use super::peer::Peer;
use super::{ms, row, short};
use std::fs;
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tests::imap_client::ImapClient;

/// Connections that fill the mailbox.
const FILLERS: usize = 20;
/// Messages appended by one connection before that.
const ALONE: usize = 1_000;
/// Messages appended by all of those connections after that.
const TOGETHER: usize = 4_000;
/// How long the search index may take.
const INDEX_WAIT: Duration = Duration::from_secs(900);
/// A search for what is nowhere is answered by the index when it takes less than this, milliseconds.
const INDEXED_MS: f64 = 20.0;
/// Octets of a message.
const OCTETS: usize = 5 * 1_024;
/// Messages whose bodies are fetched.
const BODIES: usize = 5_000;
/// Every so many messages carries the rare word.
const RARE_EVERY: usize = 10_000;
/// Sign-ins of one run.
const SIGN_INS: usize = 50;

fn letter(number: usize) -> Vec<u8> {
    let (thread, day) = (number / 7, 1 + number % 28);
    let reply = if number.is_multiple_of(7) {
        String::new()
    } else {
        format!(
            "In-Reply-To: <bench.{}@b.example>\r\nReferences: <bench.{}@b.example>\r\n",
            number - 1,
            thread * 7
        )
    };
    let rare = if number.is_multiple_of(RARE_EVERY) {
        "hiếmthấy"
    } else {
        "thường"
    };
    let mut out = format!(
        "From: =?utf-8?q?V=C4=83n_th=C6=B0_{}?= <vanthu{}@b.example>\r\nTo: annv@tinhmau.gov.vn\r\n\
         Subject: =?utf-8?b?VsSDbiBi4bqjbiBz4buRIA==?= {thread} {number}\r\nDate: {day} Nov 2026 08:{:02}:{:02} +0700\r\n\
         Message-ID: <bench.{number}@b.example>\r\n{reply}MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{rare}\r\n",
        number % 97,
        number % 97,
        number / 60 % 60,
        number % 60
    )
    .into_bytes();
    let mut line = 0;
    while out.len() < OCTETS {
        line += 1;
        out.extend_from_slice(
            format!(
                "{line}.{number} Ủy ban nhân dân tỉnh đề nghị các cơ quan báo cáo kết quả.\r\n"
            )
            .as_bytes(),
        );
    }
    out
}

fn append(client: &mut ImapClient, number: usize) {
    // Without LITERAL+, which not every peer offers before login.
    let answer = client.append("Lon", &letter(number)).unwrap();
    assert!(answer.tagged.starts_with("OK"), "{}", answer.tagged);
}

/// The mailbox of each peer, one after the other: by one connection, by twenty, and then the rest
/// as fast as each can take it, which is not measured.
pub(super) fn fill(peers: &[Peer], messages: usize) {
    let measured = (ALONE + TOGETHER).min(messages);
    let mut alone = Vec::new();
    let mut many = Vec::new();
    for peer in peers {
        let mut client = peer.signed_in(1);
        client.ok("CREATE Lon");
        let (began, cpu) = (Instant::now(), peer.cpu_ms());
        (0..ALONE).for_each(|number| append(&mut client, number));
        let rate = ALONE as f64 / began.elapsed().as_secs_f64();
        alone.push(format!(
            "{} /s; {:.2} CPU ms each",
            short(rate),
            (peer.cpu_ms() - cpu) / ALONE as f64
        ));
        let (began, cpu) = (Instant::now(), peer.cpu_ms());
        together(peer, ALONE..measured);
        let count = (measured - ALONE) as f64;
        let rate = count / began.elapsed().as_secs_f64();
        many.push(format!(
            "{} /s; {:.2} CPU ms each",
            short(rate),
            (peer.cpu_ms() - cpu) / count
        ));
        match peer.maildir(1) {
            Some(folder) => lay(&folder.join(".Lon"), measured..messages),
            None => together(peer, measured..messages),
        }
        let began = Instant::now();
        client.drain("SELECT Lon");
        client.drain("FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE)");
        eprintln!("{}: first look took {:.1} s", peer.name, ms(began) / 1e3);
        if peer.maildir(1).is_none() {
            eprintln!("{}: indexed after {:.0} s", peer.name, indexed(&mut client));
        }
    }
    println!("| APPEND of 5 KB, one connection | {} |", alone.join(" | "));
    println!(
        "| the same, {FILLERS} connections to one mailbox | {} |",
        many.join(" | ")
    );
}

/// Appends by [`FILLERS`] connections to one mailbox.
fn together(peer: &Peer, numbers: Range<usize>) {
    let next = AtomicUsize::new(numbers.start);
    std::thread::scope(|scope| {
        for _ in 0..FILLERS {
            scope.spawn(|| {
                let mut client = peer.signed_in(1);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers.end {
                        return;
                    }
                    append(&mut client, number);
                }
            });
        }
    });
}

/// Puts letters into a maildir as a delivery program does, but without syncing: appending
/// hundreds of thousands to Dovecot takes hours, and how it got them is not what is compared.
fn lay(maildir: &Path, numbers: Range<usize>) {
    let new = maildir.join("new");
    let owner = fs::metadata(&new).unwrap();
    for number in numbers {
        let path = new.join(format!("{}.M{number}P1.bench", 1_790_000_000 + number));
        fs::write(&path, letter(number)).unwrap();
        std::os::unix::fs::chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
}

/// Waits until a text that is nowhere is not looked for in every message, seconds.
fn indexed(client: &mut ImapClient) -> f64 {
    let began = Instant::now();
    while began.elapsed() < INDEX_WAIT && timed(client, "SEARCH BODY zzqqy") > INDEXED_MS {
        std::thread::sleep(Duration::from_secs(1));
    }
    began.elapsed().as_secs_f64()
}

/// A command, timed by its last octet.
fn timed(client: &mut ImapClient, command: &str) -> f64 {
    let began = Instant::now();
    client.drain(command);
    ms(began)
}

pub(super) fn table(peers: &[Peer], messages: usize) {
    row(peers, "SELECT, first in a session", "ms", |at| {
        let mut client = peers[at].signed_in(1);
        timed(&mut client, "SELECT Lon")
    });
    let mut clients: Vec<ImapClient> = peers.iter().map(|peer| peer.signed_in(1)).collect();
    for client in &mut clients {
        client.drain("SELECT Lon");
    }
    let page = format!(
        "FETCH {}:{} (UID FLAGS ENVELOPE BODYSTRUCTURE)",
        messages - 49,
        messages
    );
    let bodies = format!("FETCH 1:{} BODY.PEEK[]", BODIES.min(messages));
    let subject = format!("SEARCH SUBJECT \"{}\"", messages - 1);
    let commands: &[(&str, &str)] = &[
        ("SELECT again", "SELECT Lon"),
        ("FETCH 1:* (UID FLAGS)", "FETCH 1:* (UID FLAGS)"),
        (
            "FETCH 1:* (UID FLAGS ENVELOPE)",
            "FETCH 1:* (UID FLAGS ENVELOPE)",
        ),
        ("page of 50, ENVELOPE and BODYSTRUCTURE", &page),
        ("FETCH 1:5000 BODY.PEEK[]", &bodies),
        ("SEARCH SUBJECT, one hit", &subject),
        (
            "SEARCH BODY, rare word",
            "SEARCH CHARSET UTF-8 BODY {12+}\r\nhiếmthấy",
        ),
        ("SEARCH UNSEEN", "SEARCH UNSEEN"),
        ("SORT (REVERSE DATE)", "SORT (REVERSE DATE) UTF-8 ALL"),
        ("SORT (SUBJECT)", "SORT (SUBJECT) UTF-8 ALL"),
        ("THREAD REFERENCES", "THREAD REFERENCES UTF-8 ALL"),
    ];
    for (what, command) in commands {
        let offered = clients.iter_mut().zip(peers).all(|(client, peer)| {
            eprintln!("{}: {what}", peer.name);
            client.run(&small(command)).tagged.starts_with("OK")
        });
        if !offered {
            println!(
                "| {what} | {} |",
                vec!["not offered by all"; peers.len()].join(" | ")
            );
            continue;
        }
        row(peers, what, "ms", |at| timed(&mut clients[at], command));
    }
    returning(peers, &mut clients);
}

/// The same command over little, to see whether it is known.
fn small(command: &str) -> String {
    command
        .replace("FETCH 1:* ", "FETCH 1 ")
        .replace("FETCH 1:5000 ", "FETCH 1 ")
        .replace(" ALL", " 1")
}

/// QRESYNC after 100 flag changes by another connection.
fn returning(peers: &[Peer], others: &mut [ImapClient]) {
    let mut known: Vec<Option<(String, String)>> = Vec::new();
    for peer in peers {
        let mut client = peer.signed_in(1);
        let answer = client.run("ENABLE QRESYNC");
        known.push(answer.tagged.starts_with("OK").then(|| {
            let lines = client.ok("SELECT Lon");
            let code = |name: &str| {
                let line = lines
                    .untagged
                    .iter()
                    .map(|l| String::from_utf8_lossy(l).into_owned())
                    .find(|l| l.contains(name));
                let rest = line.unwrap_or_default();
                rest.split(name)
                    .nth(1)
                    .unwrap_or_default()
                    .trim_start()
                    .split(']')
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            };
            (code("UIDVALIDITY"), code("HIGHESTMODSEQ"))
        }));
    }
    if known
        .iter()
        .any(|k| k.as_ref().is_none_or(|(v, m)| v.is_empty() || m.is_empty()))
    {
        println!(
            "| QRESYNC after 100 changes | {} |",
            vec!["not offered by all"; peers.len()].join(" | ")
        );
        return;
    }
    for client in others.iter_mut() {
        client.drain("STORE 100:199 +FLAGS.SILENT (\\Flagged)");
    }
    row(peers, "SELECT with QRESYNC after 100 changes", "ms", |at| {
        let mut client = peers[at].signed_in(1);
        client.ok("ENABLE QRESYNC");
        let (validity, modseq) = known[at].as_ref().unwrap();
        timed(
            &mut client,
            &format!("SELECT Lon (QRESYNC ({validity} {modseq}))"),
        )
    });
}

/// TLS handshake and LOGIN; ours pays argon2id at full cost unless a sign-in is remembered.
pub(super) fn sign_ins(peers: &[Peer]) {
    row(
        peers,
        "50 sign-ins, one after the other (TLS, LOGIN, LOGOUT)",
        "ms",
        |at| {
            let began = Instant::now();
            for _ in 0..SIGN_INS {
                let mut client = peers[at].signed_in(2);
                client.ok("LOGOUT");
            }
            ms(began)
        },
    );
}
