//! An encrypted store and its master key, as an operator meets them: made by `init`, refused in one
//! sentence when the key is missing or another, changed without losing anything.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::process::binary;

struct Founded {
    folder: tempfile::TempDir,
}

impl Founded {
    fn new(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let founded = Self { folder };
        let (status, text) = founded.init(more);
        assert_eq!(status, Some(0), "{text}");
        founded
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn init(&self, more: &[&str]) -> (Option<i32>, String) {
        let (dir, config) = (self.path("data"), self.path("c.toml"));
        let mut command = Command::new(binary());
        command.args([
            "init",
            "--host",
            "mail.that.gov.vn",
            "--domain",
            "that.gov.vn",
        ]);
        command
            .args(["--admin", "quantri@that.gov.vn", "--dir"])
            .arg(dir);
        command.arg("--config").arg(config).args(more);
        outcome(&mut command)
    }

    fn store(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(binary());
        command
            .arg("store")
            .args(arguments)
            .arg("--config")
            .arg(self.path("c.toml"));
        outcome(command.env_remove("CREDENTIALS_DIRECTORY"))
    }

    fn verifies(&self) {
        let (status, text) = self.store(&["verify"]);
        assert_eq!(status, Some(0), "{text}");
    }

    /// Refused with status 1 and one sentence that says this, and nothing in the store is touched.
    fn refuses(&self, says: &str) {
        let before = files(&self.path("data"));
        let (status, text) = self.store(&["verify"]);
        assert_eq!(status, Some(1), "{text}");
        assert!(text.contains(says) && text.lines().count() == 1, "{text}");
        assert!(files(&self.path("data")) == before, "nothing was changed");
    }
}

fn outcome(command: &mut Command) -> (Option<i32>, String) {
    let done = command.output().unwrap();
    let both = [done.stdout, done.stderr].concat();
    (
        done.status.code(),
        String::from_utf8_lossy(&both).into_owned(),
    )
}

/// All files below, but not the lock.
fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if !path.ends_with("lock") {
            let octets = std::fs::read(&path).unwrap();
            all.push((path, octets));
        }
    }
    all.sort();
    all
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn init_encrypts_and_says_that_the_key_must_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    let founded = Founded { folder };
    let (status, text) = founded.init(&[]);
    assert_eq!(status, Some(0), "{text}");
    assert!(
        text.contains("APART from the backups") && text.contains("mất khoá là mất toàn bộ thư")
    );
    let key = founded.path("congvu-master.key");
    let secret = std::fs::read_to_string(&key).unwrap();
    assert_eq!(
        std::fs::metadata(&key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(!text.contains(secret.trim()), "the key itself is not shown");
    let found = files(&founded.path("data/store"));
    let shows = |word: &str| {
        let has = |octets: &[u8]| octets.windows(word.len()).any(|w| w == word.as_bytes());
        found.iter().any(|(_, octets)| has(octets))
    };
    assert!(!shows("Quản trị hệ thống") && !shows("$argon2id$"));
    founded.verifies();
    let plain = Founded::new(&["--plain"]);
    assert!(!plain.path("congvu-master.key").exists());
    plain.verifies();
    // A second init of either refuses and changes neither.
    for founded in [&founded, &plain] {
        std::fs::remove_file(founded.path("c.toml")).unwrap();
        let before = files(&founded.path("data")).len();
        let (status, text) = founded.init(&[]);
        assert_eq!(status, Some(1));
        assert!(text.contains("founded already"), "{text}");
        assert!(!founded.path("data/store/keyring").exists() || before > 0);
    }
    assert!(!plain.path("data/store/keyring").exists());
    assert!(!plain.path("congvu-master.key").exists());
}

#[test]
fn a_missing_foreign_or_public_key_is_one_sentence() {
    let founded = Founded::new(&[]);
    let key = founded.path("congvu-master.key");
    mode(&key, 0o640);
    founded.refuses("chmod 600");
    mode(&key, 0o600);
    let secret = std::fs::read(&key).unwrap();
    std::fs::write(&key, "something else").unwrap();
    founded.refuses("holds no master key");
    std::fs::remove_file(&key).unwrap();
    founded.refuses("is not there: put the right one in its place");
    let other = Founded::new(&[]);
    std::fs::copy(other.path("congvu-master.key"), &key).unwrap();
    founded.refuses("is not the master key of the store");
    founded.refuses("the copy in the safe or a");
    let older = founded.path("congvu-master.key.old-1");
    std::fs::write(&older, &secret).unwrap();
    mode(&older, 0o600);
    founded.refuses("congvu-master.key under another name (backups made under it need it)");
    std::fs::remove_file(&key).unwrap();
    founded.refuses("congvu-master.key.old-1 is; put a copy of it in its place");
    std::fs::remove_file(&older).unwrap();
    std::fs::write(&key, secret).unwrap();
    mode(&key, 0o600);
    let config = std::fs::read_to_string(founded.path("c.toml")).unwrap();
    let off = config.split("[storage.encryption]").next().unwrap();
    std::fs::write(founded.path("c.toml"), off).unwrap();
    founded.refuses("what was encrypted stays so");
    std::fs::write(founded.path("c.toml"), config).unwrap();
    founded.verifies();
}

#[test]
fn keys_are_listed_and_changed() {
    let founded = Founded::new(&[]);
    let list = || founded.store(&["keys", "list"]).1;
    assert!(
        list().contains("1\t(system)\t") && list().contains("2\tH99\t"),
        "{}",
        list()
    );
    let (status, text) = founded.store(&["keys", "rotate", "--agency", "H99"]);
    assert_eq!(status, Some(0), "{text}");
    assert_eq!(list().lines().filter(|l| l.contains("in use")).count(), 2);
    assert!(list().contains("3\tH99\t"));
    let (status, text) = founded.store(&["keys", "rotate", "--agency", "H98"]);
    assert!(status == Some(1) && text.contains("H98"), "{text}");
    assert_eq!(founded.store(&["keys", "rotate"]).0, Some(0));
    assert_eq!(list().lines().count(), 5);
    let key = founded.path("congvu-master.key");
    let before = std::fs::read(&key).unwrap();
    let (status, text) = founded.store(&["keys", "rotate-master"]);
    assert_eq!(status, Some(0), "{text}");
    assert_eq!(
        std::fs::read(founded.path("congvu-master.key.old-1")).unwrap(),
        before
    );
    assert_ne!(std::fs::read(&key).unwrap(), before);
    founded.verifies();
    // From systemd: the folder that it names, whatever the mode there.
    let config = std::fs::read_to_string(founded.path("c.toml")).unwrap();
    let unnamed: String = config
        .lines()
        .filter(|l| !l.starts_with("key_file"))
        .map(|l| format!("{l}\n"))
        .collect();
    std::fs::write(founded.path("c.toml"), unnamed).unwrap();
    founded.refuses("systemd gives no credential");
    std::fs::create_dir(founded.path("credentials")).unwrap();
    std::fs::rename(&key, founded.path("credentials/congvu-master")).unwrap();
    mode(&founded.path("credentials/congvu-master"), 0o440);
    let mut command = Command::new(binary());
    command
        .args(["store", "verify", "--config"])
        .arg(founded.path("c.toml"));
    command.env("CREDENTIALS_DIRECTORY", founded.path("credentials"));
    let (status, text) = outcome(&mut command);
    assert_eq!(status, Some(0), "{text}");
}

#[test]
fn a_keyring_of_before_a_rotation_is_told_as_older() {
    let founded = Founded::new(&[]);
    let rings = ["data/store/keyring", "data/store/keyring.copy"].map(|name| founded.path(name));
    let before = std::fs::read(&rings[0]).unwrap();
    let (status, text) = founded.store(&["keys", "rotate"]);
    assert_eq!(status, Some(0), "{text}");
    assert!(
        text.contains("Make a backup now") && text.contains("sao lưu ngay"),
        "{text}"
    );
    // Writes under the new key.
    let (status, text) = founded.store(&["maintain"]);
    assert_eq!(status, Some(0), "{text}");
    let newest = std::fs::read(&rings[0]).unwrap();
    rings
        .iter()
        .for_each(|ring| std::fs::write(ring, &before).unwrap());
    for command in [["verify"], ["rebuild"], ["repair"]] {
        let (status, text) = founded.store(&command);
        assert_eq!(status, Some(1), "{text}");
        assert!(
            text.contains("this keyring is older than the store"),
            "{command:?}: {text}"
        );
        assert!(text.contains("of the newest backup"), "{command:?}: {text}");
    }
    rings
        .iter()
        .for_each(|ring| std::fs::write(ring, &newest).unwrap());
    founded.verifies();
}

#[test]
fn a_folder_that_is_no_store_is_told_so_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    std::fs::create_dir(&store).unwrap();
    std::fs::write(store.join("letter.txt"), "x").unwrap();
    let before = files(folder.path());
    let mut keys = Command::new(binary());
    keys.args(["store", "keys", "list", "--dir"])
        .arg(folder.path());
    let mut backup = Command::new(binary());
    let to = tempfile::tempdir().unwrap();
    backup.arg("backup").arg(to.path().join("b"));
    backup.arg("--dir").arg(folder.path());
    for (command, says) in [(&mut keys, "not encrypted"), (&mut backup, "panicked")] {
        let (status, text) = outcome(command);
        assert_eq!(status, Some(1), "{text}");
        assert!(!text.contains(says) && !text.is_empty(), "{text}");
        assert!(files(folder.path()) == before, "{text}");
    }
}

#[test]
fn a_plain_store_is_encrypted_later() {
    let founded = Founded::new(&["--plain"]);
    let key = founded.path("later.key");
    let (status, text) = founded.store(&["keys", "list"]);
    assert!(
        status == Some(1) && text.contains("is not encrypted"),
        "{text}"
    );
    let mut command = Command::new(binary());
    command.args(["store", "keys", "make"]).arg(&key);
    assert_eq!(outcome(&mut command).0, Some(0));
    let (status, text) = outcome(&mut command);
    assert!(
        status == Some(1) && text.contains("cannot be written"),
        "{text}"
    );
    let config = std::fs::read_to_string(founded.path("c.toml")).unwrap();
    let section = format!("[storage.encryption]\nenabled = true\nkey_file = {key:?}\n");
    std::fs::write(founded.path("c.toml"), format!("{config}\n{section}")).unwrap();
    founded.verifies();
    let (status, text) = founded.store(&["keys", "list"]);
    assert!(status == Some(0) && text.contains("\tH99\t"), "{text}");
    std::fs::remove_file(&key).unwrap();
    founded.refuses("later.key");
}
