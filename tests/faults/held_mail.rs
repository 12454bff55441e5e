//! The letters of a person who has left and whose mail is under a legal hold, in a folder for whoever must read them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tests::imap_client::ImapClient;
use tests::process::{Process, binary, free_base};

fn congvu(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(binary());
    command.args(arguments).stdin(Stdio::null());
    let done = command.env_remove("CONGVU_TOKEN").output().unwrap();
    let both = [done.stdout, done.stderr].concat();
    let text = String::from_utf8_lossy(&both).into_owned();
    (done.status.code(), text)
}

fn letters(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        match entry.unwrap().path() {
            path if path.is_dir() => found.extend(letters(&path)),
            path => found.push(path),
        }
    }
    found.retain(|path| path.extension().is_some_and(|end| end == "eml"));
    found.sort();
    found
}

/// Longer than what one page holds: it comes in pieces.
fn long() -> Vec<u8> {
    let mut long = b"Subject: long\r\n\r\n".to_vec();
    while long.len() < 17 << 20 {
        long.extend_from_slice(format!("{} of many lines\r\n", long.len()).as_bytes());
    }
    long
}

#[test]
fn the_mail_of_a_deleted_account_is_exported_under_a_hold() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("demo");
    std::fs::create_dir(&folder).unwrap();
    let process = Process::demo(&folder, free_base());
    let facts = process.facts();
    let said = |key: &str| facts["accounts"][0][key].as_str().unwrap().to_owned();
    let (address, password) = (said("address"), said("password"));
    let mut client = ImapClient::connect_tls(process.address("imaps"), &folder.join("ca.pem"));
    client.ok(&format!("LOGIN {address} {password}"));
    client.ok("CREATE vu-an");
    let long = long();
    let kept = b"Subject: kept\r\n\r\n1\r\n";
    let gone = b"Subject: gone\r\n\r\n2\r\n";
    for letter in [&long[..], kept, gone] {
        let answer = client.append("vu-an", letter).unwrap();
        assert!(answer.tagged.starts_with("OK"), "{}", answer.tagged);
    }
    client.ok("SELECT vu-an");
    client.ok("STORE 3 +FLAGS.SILENT (\\Deleted)");
    client.ok("EXPUNGE");
    drop(client);
    let path = folder.to_str().unwrap();
    let admin = |words: &[&str]| {
        let all = [&["admin", "--demo", path, "--lang", "en"], words].concat();
        congvu(&all)
    };
    let to = dir.path().join("tt-12");
    let to_text = to.to_str().unwrap();
    let why = ["--reason", "Thanh tra 12"];
    let hold = ["holds", "export", &address, "--name", "TT"];
    let export = [&hold[..], &["--to", to_text], &why].concat();
    let (status, text) = admin(&["accounts", "delete", &address]);
    assert_eq!(status, Some(0), "{text}");
    let (status, text) = admin(&["holds", "place", &address, "--name", "TT", "--reason", "x"]);
    assert_eq!(status, Some(0), "{text}");
    let (status, text) = admin(&export);
    assert_eq!(status, Some(0), "{text}");
    let all = letters(&to);
    let contents: Vec<Vec<u8>> = all
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    let at = |letter: &[u8]| {
        let found = contents.iter().position(|content| content == letter);
        all[found.expect("the letter")].strip_prefix(&to).unwrap()
    };
    assert!(at(&long).starts_with("vu-an") && at(kept).starts_with("vu-an"));
    assert!(at(gone).starts_with("removed/vu-an"));
    let list = std::fs::read_to_string(to.join("letters.tsv")).unwrap();
    assert_eq!(list.lines().count(), 1 + all.len());
    let (_, audit) = admin(&["audit", "list", "--act", "hold.export"]);
    assert!(
        audit.contains("hold.export") && audit.contains(&address),
        "{audit}"
    );
    // Not over what is there.
    let (status, text) = admin(&export);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("is not empty"), "{text}");
    let none = dir.path().join("none");
    let none = [
        "holds",
        "export",
        &address,
        "--name",
        "B",
        "--to",
        none.to_str().unwrap(),
    ];
    assert_eq!(admin(&none).0, Some(1));
    assert_eq!(process.terminate(), Some(0));
}
