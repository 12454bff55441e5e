//! Real messages through the machine and the pipeline: stored octet for octet, or rightly refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod world;

use delivery::{Origin, Refused, ReversePath};
use smtp::{Answer, Ask, Receiver, Service, Step, Tls};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use world::World;

/// Folders of the shared corpus that hold mail.
const FOLDERS: [&str; 7] = [
    "sisimai-bounces",
    "mimekit",
    "enmime",
    "james-mailbox",
    "stalwart-mail-parser",
    "discourse-replies",
    "mimekit-tnef",
];
const DEPTH_MAX: usize = 6;

fn files(dir: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() && depth < DEPTH_MAX {
            files(&path, depth + 1, found);
        } else if path.is_file() {
            found.push(path);
        }
    }
}

/// Line ends as a client makes them: every LF without its CR gets one.
fn crlf(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 20);
    for (i, b) in raw.iter().enumerate() {
        if *b == b'\n' && (i == 0 || raw[i - 1] != b'\r') {
            out.push(b'\r');
        }
        out.push(*b);
    }
    if !out.ends_with(b"\r\n") {
        out.extend(b"\r\n");
    }
    out
}

fn stuffed(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + 100);
    for line in raw.split_inclusive(|b| *b == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend(line);
    }
    out.extend(b".\r\n");
    out
}

/// Sends one message in one conversation; the last reply.
fn send(world: &World, raw: &[u8]) -> String {
    let mut machine = Receiver::new(world.config.clone(), Service::Mx, Tls::Absent, 0);
    let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let origin = Origin::Remote {
        ip,
        helo: "c".into(),
        with: "SMTP",
        tls: None,
    };
    let mut said = Vec::new();
    let mut feed = b"HELO c\r\nMAIL FROM:<x@noi.vn>\r\nRCPT TO:<an@tinh.gov.vn>\r\nRCPT TO:<binh@tinh.gov.vn>\r\nDATA\r\n".to_vec();
    feed.extend(stuffed(raw));
    for piece in feed.chunks(8_192) {
        machine.receive(piece, 0);
        while let Some(step) = machine.next() {
            let answer = match step {
                Step::Send(bytes) => {
                    said = bytes;
                    continue;
                }
                Step::Ask(Ask::Room(_)) => Answer::Room(true),
                Step::Ask(Ask::Sender(from)) => {
                    Answer::Sender(world.delivery.sender(&from, &origin))
                }
                Step::Ask(Ask::Recipient(to, _)) => {
                    Answer::Recipient(world.delivery.recipient(&to, &ReversePath::Null, &origin))
                }
                Step::Ask(Ask::Take { envelope, content }) => {
                    let taken = world.delivery.accept(envelope, &content, &origin);
                    if let Err(Refused::Temporary(why) | Refused::Failed(why)) = &taken {
                        panic!("{why}");
                    }
                    Answer::Take(taken.map(|receipt| receipt.trace))
                }
                other => panic!("{other:?}"),
            };
            machine.answer(answer, 0);
        }
    }
    String::from_utf8(said)
        .unwrap()
        .lines()
        .last()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn i12_real_mail_is_stored_as_sent_or_rightly_refused() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    if !corpus.is_dir() {
        println!("skipped: {} is absent", corpus.display());
        return;
    }
    let world = World::new(smtp::Limits::default());
    let mut found = Vec::new();
    for folder in FOLDERS {
        files(&corpus.join(folder), 0, &mut found);
    }
    found.sort();
    let (mut taken, mut refused) = (Vec::new(), 0);
    for path in &found {
        let raw = std::fs::read(path).unwrap();
        for letter in [crlf(&raw), raw] {
            if !letter.ends_with(b"\r\n") || letter.len() as u64 > world.config.size_max {
                continue;
            }
            let reply = send(&world, &letter);
            let bare = (0..letter.len()).any(|i| match letter[i] {
                b'\r' => letter.get(i + 1) != Some(&b'\n'),
                b'\n' => i == 0 || letter[i - 1] != b'\r',
                _ => false,
            });
            if bare {
                assert!(
                    reply.starts_with("554 5.6.0 "),
                    "{}: {reply}",
                    path.display()
                );
                println!("refused {}: {reply}", path.display());
                refused += 1;
            } else {
                assert!(
                    reply.starts_with("250 2.0.0 "),
                    "{}: {reply}",
                    path.display()
                );
                taken.push(letter);
            }
        }
    }
    assert!(
        taken.len() >= 400 && refused < taken.len() / 4,
        "{} and {refused}",
        taken.len()
    );
    for name in ["an", "binh"] {
        let contents = world.contents(name);
        assert_eq!(contents.len(), taken.len());
        for (content, letter) in contents.iter().zip(&taken) {
            assert!(content.ends_with(letter));
            assert!(
                content.len() - letter.len() < 400,
                "only the trace header was added"
            );
        }
    }
}
