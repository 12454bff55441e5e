//! A letter that rots under a running server, the backups of such a store, and a backup that rots itself:
//! what the operator and the clients are told, and that nothing else is lost.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tests::imap_client::ImapClient;
use tests::process::{Process, binary, free_base};

fn congvu(arguments: &[&str]) -> (Option<i32>, String) {
    let done = Command::new(binary())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let both = [done.stdout, done.stderr].concat();
    (
        done.status.code(),
        String::from_utf8_lossy(&both).into_owned(),
    )
}

/// In place: a server may read the rest of the file meanwhile.
fn flip(path: &Path, at: impl Fn(usize) -> usize) {
    let octets = std::fs::read(path).unwrap();
    let at = at(octets.len());
    let file = File::options().write(true).open(path).unwrap();
    file.write_all_at(&[octets[at] ^ 0x5a], at as u64).unwrap();
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

struct Scene {
    dir: tempfile::TempDir,
    process: Process,
    address: String,
    password: String,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("demo");
        std::fs::create_dir(&data).unwrap();
        let process = Process::demo(&data, free_base());
        let facts = process.facts();
        let said = |key: &str| facts["accounts"][0][key].as_str().unwrap().to_owned();
        Self {
            address: said("address"),
            password: said("password"),
            dir,
            process,
        }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    fn client(&self) -> ImapClient {
        let ca = self.process.dir.join("ca.pem");
        let mut client = ImapClient::connect_tls(self.process.address("imaps"), &ca);
        client.ok(&format!("LOGIN {} {}", self.address, self.password));
        client
    }
}

#[test]
fn a_letter_that_rots_is_told_and_the_backup_keeps_it() {
    let scene = Scene::new();
    let (data, backups) = (scene.path("demo"), scene.path("backups"));
    let mut client = scene.client();
    let letter = b"From: a@b.example\r\nSubject: rots\r\n\r\n0123456789 abcdefghij\r\n";
    let answer = client.append("INBOX", letter).unwrap();
    let uid = answer.tagged.split(' ').nth(3).unwrap();
    let uid = uid.trim_end_matches(']').to_owned();
    let packs = files(&scene.process.dir.join("store/packs"));
    assert_eq!(congvu(&["backup", "--dir", &data, &backups]).0, Some(0));
    flip(packs.last().unwrap(), |len| len - 3);

    client.ok("SELECT INBOX");
    let all = client.ok("UID FETCH 1:* (FLAGS)").lines("* ").len();
    let answer = client.run("UID FETCH 1:* (FLAGS BODY.PEEK[])");
    assert_eq!(answer.lines("* ").len(), all);
    let no =
        format!("NO [CORRUPTION] The content of one message is damaged on the server: UID {uid}");
    assert_eq!(answer.tagged, no);
    client.ok("UID SEARCH TEXT abcdefghij");
    let told: Vec<String> = scene
        .process
        .log()
        .lines()
        .filter(|line| line.contains("the content of a message is damaged"))
        .map(str::to_owned)
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    for word in [
        "account",
        "INBOX",
        &format!("uid {uid}"),
        "blob",
        ".pack",
        "offset",
    ] {
        assert!(told[0].contains(word), "{word}: {}", told[0]);
    }

    let health = ["admin", "--demo", &data, "--lang", "en", "store", "health"];
    let (status, said) = congvu(&health);
    assert_eq!(status, Some(1), "{said}");
    let message = format!("  {}: INBOX uid {uid}", scene.address);
    for words in [
        "Damaged content (packs/",
        "known since 20",
        &message,
        "recovery from-backup ADDRESS --in-place",
        "the store is damaged in 1 places",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }

    let (status, said) = congvu(&["backup", "--dir", &data, &backups]);
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains("is damaged; this backup has it whole, from one before")
            && said.contains("the store is damaged in 1 places"),
        "{said}"
    );
    assert_eq!(congvu(&["backup", "list", &backups]).0, Some(0));
    let scratch = scene.path("scratch");
    let deep = [
        "backup",
        "verify",
        &backups,
        "--deep",
        "--scratch",
        &scratch,
    ];
    let (status, said) = congvu(&deep);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("All content was read and is whole"), "{said}");
    assert_eq!(scene.process.terminate(), Some(0));
}

/// A letter of 1 MB that does not compress much.
fn large() -> Vec<u8> {
    let mut letter = b"Subject: large\r\n\r\n".to_vec();
    let mut roll = 0x9e37_79b9_7f4a_7c15_u64;
    while letter.len() < 1 << 20 {
        for _ in 0..72 {
            roll ^= roll << 13;
            roll ^= roll >> 7;
            roll ^= roll << 17;
            letter.push(b'0' + (roll % 75) as u8);
        }
        letter.extend_from_slice(b"\r\n");
    }
    letter
}

#[test]
fn a_backup_that_rots_is_told_kept_and_salvaged() {
    let scene = Scene::new();
    let (data, backups) = (scene.path("demo"), scene.path("backups"));
    // So that the largest piece is one of content.
    let answer = scene.client().append("INBOX", &large()).unwrap();
    assert!(answer.tagged.starts_with("OK"));
    assert_eq!(congvu(&["backup", "--dir", &data, &backups]).0, Some(0));
    let answer = scene
        .client()
        .append("INBOX", b"Subject: later\r\n\r\nx\r\n");
    assert!(answer.unwrap().tagged.starts_with("OK"));
    assert_eq!(congvu(&["backup", "--dir", &data, &backups]).0, Some(0));
    let (address, nothing) = (scene.address.clone(), scene.path("nothing"));
    assert_eq!(scene.process.terminate(), Some(0));

    let chunks = files(&Path::new(&backups).join("chunks"));
    let largest = chunks
        .iter()
        .max_by_key(|path| path.metadata().unwrap().len())
        .unwrap();
    flip(largest, |len| len / 2);
    let before = files(Path::new(&backups));
    assert_eq!(congvu(&["backup", "verify", &backups]).0, Some(1));
    let (status, said) = congvu(&["backup", "prune", &backups, "--keep", "1"]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("no older backup that may have the last good copy was removed"));
    assert_eq!(files(Path::new(&backups)), before);

    let new = scene.dir.path().join("new");
    let to = new.to_str().unwrap();
    let (status, said) = congvu(&["restore", "--from", &backups, "--to", to]);
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains("`--salvage` restores all that can be read"),
        "{said}"
    );
    assert!(!new.join("store").exists());
    let (status, said) = congvu(&["restore", "--from", &backups, "--to", to, "--salvage"]);
    assert_eq!(status, Some(1), "{said}");
    let lost: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("content lost"))
        .collect();
    assert!(
        lost.iter()
            .any(|line| line.contains(&address) && line.contains("INBOX/")),
        "{said}"
    );
    // All else of these messages is there, and so is everything that was not in the piece.
    let (status, said) = congvu(&["store", "verify", "--dir", to]);
    assert!(status == Some(0) || said.contains("I-06"), "{said}");

    std::fs::remove_file(largest).unwrap();
    let (status, said) = congvu(&["backup", "list", &backups]);
    assert_eq!(status, Some(1), "{said}");
    for told in [
        "HỎNG / DAMAGED: thiếu 1 mảnh",
        "1 of its pieces are missing",
    ] {
        assert!(said.contains(told), "{said}");
    }
    std::fs::create_dir(&nothing).unwrap();
    assert_eq!(congvu(&["backup", "verify", &nothing]).0, Some(1));
    for manifest in files(&Path::new(&backups).join("manifests")) {
        std::fs::remove_file(manifest).unwrap();
    }
    let (status, said) = congvu(&["backup", "verify", &backups]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("there is no backup in"), "{said}");
}
