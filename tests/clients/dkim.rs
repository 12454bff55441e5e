//! Signatures under the eyes of a program that others wrote (dkimpy): over letters of all kinds, and made just as the
//! relay makes them.

use delivery::Signer;
use directory::SigningKey;
use formats::DomainName;
use formats::message::canonical::lines_ended;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tests::world::{DOMAIN, World};

/// Letters of the corpus that are looked at.
const LETTERS_MAX: usize = 400;

/// What trips canonicalisers.
const ODD: [&[u8]; 14] = [
    b"From: an@thu.gov.vn\r\n\r\n",
    b"From: an@thu.gov.vn\r\n",
    b"From: an@thu.gov.vn\r\n\r\nno end of line",
    b"From: an@thu.gov.vn\r\n\r\n\r\n\r\n\r\n",
    b"From: an@thu.gov.vn\r\n\r\n \t \r\n  x \t y  \r\n\r\n \r\n\r\n",
    b"From: an@thu.gov.vn\nSubject: bare\n\nlines\nof\n\nLF\n",
    b"From: an@thu.gov.vn\rSubject: bare\r\rlines of CR\rand\r\n\nboth",
    b"From:\t an@thu.gov.vn  \r\nSUBJECT:\r\n folded\r\n\tover   and\r\n  over \r\n\r\nx\r\n",
    b"From: an@thu.gov.vn\r\nSubject: \r\nTo: \r\n\r\n.\r\n..\r\n. dots\r\n",
    "From: Nguyễn Văn Ấn <an@thu.gov.vn>\r\nSubject: Công văn\u{a0}khẩn\r\n\r\nKính gửi\r\n".as_bytes(),
    b"From: an@thu.gov.vn\r\nSubject: \xff\xfe\x80\r\n\r\n\xd4\x00\xe2\r\n",
    b"To: a@x.vn\r\nTo: b@x.vn\r\nFrom: an@thu.gov.vn\r\nCc: c@x.vn\r\nto: d@x.vn\r\n\r\nthree\r\n",
    b"From: an@thu.gov.vn\r\nReferences: <a@b>\r\n <c@d>\r\nList-Id: x\r\nSender: s@thu.gov.vn\r\n\r\nx\r\n",
    b"From: an@thu.gov.vn\r\nContent-Type: multipart/mixed; boundary=\"a\"\r\n\r\n--a\r\n\r\n--a--",
];

fn keys(world: &World) -> Vec<Arc<SigningKey>> {
    let domain = DomainName::parse(DOMAIN).unwrap();
    let directory = &world.services.directory;
    directory.make_first_dkim_keys(None, &domain).unwrap();
    directory.signing_keys(&domain)
}

fn letters(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() {
            letters(&path, found);
        } else if path.extension().is_some_and(|e| e == "eml") {
            found.push(path);
        }
    }
}

#[test]
fn clients_dkimpy() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    let keys = keys(&world);
    let records: BTreeMap<String, String> = keys
        .iter()
        .map(|key| (key.key().record_name(), key.key().record()))
        .collect();
    let records = serde_json::to_string(&records).unwrap();
    std::fs::write(dir.path().join("records.json"), records).unwrap();
    let signer = Signer::new(keys, 1_795_305_600);
    let mut all: Vec<Vec<u8>> = ODD.iter().map(|letter| letter.to_vec()).collect();
    // A huge header, and a body of several pieces with white space at their edges.
    let long = format!(
        "From: an@thu.gov.vn\r\nX-Long: {}\r\n",
        "a b \r\n ".repeat(30_000)
    );
    let fields = "X-Many: y\r\n".repeat(1_900);
    all.push(format!("{long}{fields}Subject:{}\r\n\r\n", " x".repeat(60_000)).into_bytes());
    all.push(
        format!(
            "From: an@thu.gov.vn\r\n\r\n{}",
            "a \t b  \r\n\r\n \r\n".repeat(40_000)
        )
        .into_bytes(),
    );
    let odd = all.len();
    if let Some(corpus) = tests::shared("corpus") {
        let mut found = Vec::new();
        letters(&corpus, &mut found);
        found.sort();
        let step = found.len().div_ceil(LETTERS_MAX).max(1);
        all.extend(
            found
                .iter()
                .step_by(step)
                .map(|path| std::fs::read(path).unwrap()),
        );
    }
    for (n, letter) in all.iter().enumerate() {
        let mut whole = signer.sign(letter);
        assert!(n >= odd || !whole.is_empty(), "{n} is not signed");
        if whole.is_empty() {
            continue;
        }
        // As the sender puts it on the wire.
        whole.extend_from_slice(&lines_ended(letter));
        std::fs::write(dir.path().join(format!("{n:04}.eml")), whole).unwrap();
    }
    let script = tests::root().join("tests/clients/flows/dkim_verify.py");
    let done = Command::new("python3")
        .arg(script)
        .arg(dir.path())
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success(),
        "python3 -m pip install dkimpy pynacl, or: {text}"
    );
    let verified: usize = text
        .trim()
        .strip_prefix("== OK ")
        .and_then(|rest| rest.split(' ').next()?.parse().ok())
        .unwrap_or_else(|| panic!("{text}"));
    println!("{text}");
    assert!(verified >= odd && verified * 2 >= all.len(), "{text}");
    world.finish();
}
