//! Real input: every message of the corpus and 2,000 generated ones, in by SMTP to two accounts, back
//! over IMAP (BODY[], ENVELOPE, BODYSTRUCTURE, every part) and JMAP, octet for octet.

use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use tests::imap_client::ImapClient;
use tests::world::World;

/// Folders of whole messages.
const FOLDERS: &[&str] = &[
    "enmime",
    "james-mailbox",
    "mimekit",
    "mimekit-tnef",
    "discourse-replies",
    "sisimai-bounces",
    "stalwart-mail-parser",
];
/// Messages of the generator.
const GENERATED: usize = 2000;
/// JMAP and single parts are read of every n-th generated message; of the corpus, of all.
const DEEP_EVERY: usize = 10;

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if path.is_dir() {
            files(&path, found);
        } else if !name.contains("license") && !name.ends_with(".md") && !name.ends_with(".json") {
            found.push(path);
        }
    }
}

/// Lines end in CRLF on the wire; what else is in the file stays.
fn to_wire(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 30);
    let mut before = 0;
    for &byte in bytes {
        if byte == b'\n' && before != b'\r' {
            out.push(b'\r');
        }
        out.push(byte);
        before = byte;
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Why a refusal is right: what the wire does not allow (RFC 5321 §2.3.8, §4.5.3.1.6) is in the message.
fn rightly_refused(message: &[u8], reply: &str) -> bool {
    let bare = message.iter().enumerate().any(|(i, b)| {
        (*b == b'\r' && message.get(i + 1) != Some(&b'\n'))
            || (*b == b'\n' && i.checked_sub(1).map(|j| message[j]) != Some(b'\r'))
    });
    let hops = message
        .split(|b| *b == b'\n')
        .filter(|line| line.to_ascii_lowercase().starts_with(b"received:"))
        .count();
    reply.starts_with('5') && (bare || hops > 100)
}

struct Tally {
    accepted: Vec<Vec<u8>>,
    refused: Vec<String>,
}

fn feed(world: &World, messages: &[(String, Vec<u8>)]) -> Tally {
    let mut tally = Tally {
        accepted: Vec::new(),
        refused: Vec::new(),
    };
    let mut client = world.smtp();
    client.ehlo();
    for (name, message) in messages {
        let reply = client.transaction(
            "a@b.example",
            &["an@thu.gov.vn", "binh@thu.gov.vn"],
            message,
        );
        if reply.starts_with("250") {
            tally.accepted.push(message.clone());
        } else {
            assert!(rightly_refused(message, &reply), "{name}: {reply}");
            tally.refused.push(format!("{name}: {reply}"));
        }
    }
    tally
}

/// The section numbers of all parts in a BODYSTRUCTURE, from its parentheses alone; the test knows the
/// grammar on its own, so that the server's printer is not its own judge.
fn sections(structure: &[u8]) -> Vec<String> {
    let value = parse(structure, &mut 0, 0);
    let mut found = Vec::new();
    walk(&value, "", &mut found);
    found
}

#[derive(Debug)]
enum Item {
    List(Vec<Item>),
    Text(Vec<u8>),
}

fn parse(bytes: &[u8], at: &mut usize, depth: usize) -> Item {
    assert!(depth < 200, "nesting");
    match bytes[*at] {
        b'(' => {
            *at += 1;
            let mut items = Vec::new();
            while bytes[*at] != b')' {
                if bytes[*at] == b' ' {
                    *at += 1;
                } else {
                    items.push(parse(bytes, at, depth + 1));
                }
            }
            *at += 1;
            Item::List(items)
        }
        b'"' => {
            let mut text = Vec::new();
            *at += 1;
            while bytes[*at] != b'"' {
                if bytes[*at] == b'\\' {
                    *at += 1;
                }
                text.push(bytes[*at]);
                *at += 1;
            }
            *at += 1;
            Item::Text(text)
        }
        b'{' => {
            let end = *at + bytes[*at..].iter().position(|b| *b == b'}').unwrap();
            let count: usize = std::str::from_utf8(&bytes[*at + 1..end])
                .unwrap()
                .parse()
                .unwrap();
            *at = end + 3 + count;
            Item::Text(bytes[end + 3..end + 3 + count].to_vec())
        }
        _ => {
            let from = *at;
            while !b" ()".contains(&bytes[*at]) {
                *at += 1;
            }
            Item::Text(bytes[from..*at].to_vec())
        }
    }
}

fn walk(item: &Item, path: &str, found: &mut Vec<String>) {
    let Item::List(items) = item else { return };
    let under = |n: usize| {
        if path.is_empty() {
            n.to_string()
        } else {
            format!("{path}.{n}")
        }
    };
    let children: Vec<&Item> = items
        .iter()
        .take_while(|item| matches!(item, Item::List(_)))
        .collect();
    if !children.is_empty() {
        for (index, child) in children.into_iter().enumerate() {
            let here = under(index + 1);
            let multipart =
                matches!(child, Item::List(inner) if matches!(inner.first(), Some(Item::List(_))));
            if multipart {
                found.push(here.clone());
            }
            walk(child, &here, found);
        }
        return;
    }
    let text = |n: usize| match items.get(n) {
        Some(Item::Text(text)) => text.to_ascii_lowercase(),
        _ => Vec::new(),
    };
    let here = if path.is_empty() {
        "1".to_owned()
    } else {
        path.to_owned()
    };
    found.push(here.clone());
    if text(0) == b"message" && (text(1) == b"rfc822" || text(1) == b"global") && items.len() > 9 {
        let inner = &items[8];
        let leaf =
            matches!(inner, Item::List(list) if !matches!(list.first(), Some(Item::List(_))));
        walk(inner, &if leaf { format!("{here}.1") } else { here }, found);
    }
}

/// As IMAP tells a message: a literal holds no NUL (RFC 9051 §4.3.1), so that what is binary comes in base64 and 0x80 stands
/// for a NUL elsewhere, as with other servers; JMAP gives the true octets.
fn told(message: &[u8]) -> Vec<u8> {
    let lines = formats::message::binary::readable(message);
    let mut told = lines.unwrap_or_else(|| message.to_vec());
    told.iter_mut().filter(|b| **b == 0).for_each(|b| *b = 0x80);
    told
}

/// Reads one message in every way and compares.
fn compare(reader: &mut ImapClient, sequence: usize, sent: &[u8], deep: bool) -> Vec<u8> {
    let answer = reader.ok(&format!("FETCH {sequence} BODY.PEEK[]"));
    let raw = answer.literals(0)[0].to_vec();
    let sent = told(sent);
    let show = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(900)]).into_owned();
    assert!(
        raw.ends_with(&sent),
        "message {sequence}: BODY[] is not what was sent: {}\n---\n{}",
        show(&raw),
        show(&sent)
    );
    let answer = reader.ok(&format!("FETCH {sequence} (ENVELOPE)"));
    let line = &answer.untagged[0];
    let at = line.windows(9).position(|w| w == b"ENVELOPE ").unwrap() + 9;
    let Item::List(envelope) = parse(line, &mut { at }, 0) else {
        panic!("ENVELOPE")
    };
    assert_eq!(
        envelope.len(),
        10,
        "ENVELOPE has ten fields (RFC 9051 §7.5.2)"
    );
    let answer = reader.ok(&format!("FETCH {sequence} (BODYSTRUCTURE)"));
    let line = &answer.untagged[0];
    let at = line
        .windows(14)
        .position(|w| w == b"BODYSTRUCTURE ")
        .unwrap()
        + 14;
    let parts = sections(&line[at..]);
    assert!(!parts.is_empty());
    if deep {
        for part in parts.iter().take(60) {
            let answer = reader.ok(&format!("FETCH {sequence} BODY.PEEK[{part}]"));
            let found = answer.literals(0);
            // A part without octets may come as "".
            if let Some(octets) = found.first() {
                let within = octets.is_empty() || raw.windows(octets.len()).any(|w| w == *octets);
                assert!(
                    within,
                    "message {sequence}: part {part} is not in the message"
                );
            }
        }
    }
    raw
}

fn check_all(world: &World, tally: &Tally, deep_every: usize) {
    for account in ["an", "binh"] {
        let mut reader = world.imap(account);
        let selected = reader.ok("EXAMINE INBOX");
        assert_eq!(
            selected
                .line(&format!("* {} EXISTS", tally.accepted.len()))
                .trim_end(),
            format!("* {} EXISTS", tally.accepted.len())
        );
        let http = world.http(account);
        let id = http.account();
        let ids = query_all(&http, tally.accepted.len());
        for (index, sent) in tally.accepted.iter().enumerate() {
            let deep = index % deep_every == 0 && account == "an";
            let raw = compare(&mut reader, index + 1, sent, deep);
            if deep {
                by_jmap(&http, &id, &ids[index], &raw);
            }
        }
    }
}

/// All email ids, oldest first.
fn query_all(http: &tests::http_client::HttpClient, count: usize) -> Vec<Value> {
    let mut ids = Vec::new();
    while ids.len() < count {
        let page = http.jmap("Email/query", json!({"sort": [{"property": "receivedAt", "isAscending": true}], "position": ids.len(), "limit": 500}));
        let got = page["ids"].as_array().unwrap();
        assert!(!got.is_empty(), "{} of {count}", ids.len());
        ids.extend(got.iter().cloned());
    }
    ids
}

fn by_jmap(http: &tests::http_client::HttpClient, account: &str, id: &Value, raw: &[u8]) {
    let got = http.jmap("Email/get", json!({"ids": [id], "properties": ["blobId", "size", "bodyStructure", "subject", "from", "preview", "bodyValues", "textBody", "htmlBody", "attachments"], "fetchAllBodyValues": true}));
    let email = &got["list"][0];
    let blob = email["blobId"].as_str().unwrap();
    let (status, _, body) = http.get(&format!("/jmap/download/{account}/{blob}/m.eml"));
    assert_eq!(status, 200, "{id}");
    assert_eq!(email["size"], json!(body.len()), "{id}");
    assert!(
        told(&body) == raw,
        "{id}: JMAP gives other octets than IMAP"
    );
    let mut blobs = Vec::new();
    leaves(&email["bodyStructure"], &mut blobs);
    for (blob, size) in blobs.iter().take(30) {
        let (status, _, body) = http.get(&format!("/jmap/download/{account}/{blob}/part"));
        assert_eq!(status, 200, "{id} {blob}");
        assert_eq!(body.len() as u64, *size, "{id} {blob}: size");
    }
}

fn leaves(part: &Value, found: &mut Vec<(String, u64)>) {
    if let (Some(blob), Some(size)) = (part["blobId"].as_str(), part["size"].as_u64()) {
        found.push((blob.to_owned(), size));
    }
    for child in part["subParts"].as_array().into_iter().flatten() {
        leaves(child, found);
    }
}

#[test]
fn every_message_of_the_corpus_comes_back() {
    let Some(corpus) = tests::shared("corpus") else {
        return;
    };
    let mut paths = Vec::new();
    for folder in FOLDERS {
        files(&corpus.join(folder), &mut paths);
    }
    paths.sort();
    assert!(paths.len() > 400, "{} files", paths.len());
    let messages: Vec<(String, Vec<u8>)> = paths
        .iter()
        .map(|path| {
            (
                path.strip_prefix(&corpus).unwrap().display().to_string(),
                to_wire(&std::fs::read(path).unwrap()),
            )
        })
        .collect();
    let world = World::new();
    let tally = feed(&world, &messages);
    println!(
        "{} accepted; refused: {:#?}",
        tally.accepted.len(),
        tally.refused
    );
    assert!(
        tally.accepted.len() * 10 > messages.len() * 9,
        "too many refused"
    );
    check_all(&world, &tally, 1);
    world.finish();
}

#[test]
fn generated_vietnamese_mail_comes_back() {
    let Some(script) = tests::shared("corpus/gen_vn_corpus.py") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("python3")
        .arg(&script)
        .arg("--out")
        .arg(dir.path())
        .args([
            "--messages",
            &GENERATED.to_string(),
            "--users",
            "20",
            "--seed",
            "7",
        ])
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let mut paths = Vec::new();
    files(dir.path(), &mut paths);
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "eml"));
    paths.sort();
    let mut seen = HashSet::new();
    let mut messages = Vec::new();
    for path in paths {
        let bytes = to_wire(&std::fs::read(&path).unwrap());
        if seen.insert(bytes.clone()) && messages.len() < GENERATED {
            messages.push((path.display().to_string(), bytes));
        }
    }
    assert_eq!(messages.len(), GENERATED);
    let world = World::new();
    let tally = feed(&world, &messages);
    assert!(tally.refused.is_empty(), "{:#?}", tally.refused);
    check_all(&world, &tally, DEEP_EVERY);
    world.finish();
}

/// The same content for many recipients is stored once.
#[test]
fn content_for_many_is_stored_once() {
    let world = World::new();
    let names: Vec<String> = (0..12).map(|n| format!("nguoi{n}")).collect();
    for name in &names {
        world.person(name);
    }
    let packs = || -> u64 {
        let mut found = Vec::new();
        files(
            &world.services.config.server.data.join("store/packs"),
            &mut found,
        );
        found
            .iter()
            .map(|path| path.metadata().unwrap().len())
            .sum()
    };
    let before = packs();
    let mut random = 12345u32;
    let noise: String = (0..200_000)
        .map(|i| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if i % 76 == 75 {
                '\n'
            } else {
                char::from(b'!' + (random >> 25) as u8 % 90)
            }
        })
        .collect();
    let letter = to_wire(format!("From: a@b.example\nSubject: circular\n\n{noise}\n").as_bytes());
    let to: Vec<String> = names
        .iter()
        .map(|name| format!("{name}@thu.gov.vn"))
        .collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let mut client = world.smtp();
    client.ehlo();
    let reply = client.transaction("a@b.example", &to, &letter);
    assert!(reply.starts_with("250"), "{reply}");
    let grown = packs() - before;
    assert!(
        grown < letter.len() as u64 * 2,
        "{grown} octets for {} recipients of {}",
        to.len(),
        letter.len()
    );
    world.finish();
}
