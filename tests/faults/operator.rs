//! What operators get wrong or meet by accident: a wrong folder, a store of a newer program, a restore that was cut
//! off, a key that is not the one, a reader who goes away. Each is one sentence, and harms nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tests::process::{binary, free_base};

struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    /// An encrypted store as `init` makes it.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let site = Self { folder };
        let (status, text) = site.run(&[
            "init",
            "--host",
            "mail.that.gov.vn",
            "--domain",
            "that.gov.vn",
            "--admin",
            "quantri@that.gov.vn",
        ]);
        assert_eq!(status, Some(0), "{text}");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(self.folder.path());
        command.env_remove("CREDENTIALS_DIRECTORY");
        command
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        outcome(&mut self.command(arguments))
    }

    fn does(&self, arguments: &[&str], says: &str) {
        let (status, text) = self.run(arguments);
        assert_eq!(status, Some(0), "{arguments:?}: {text}");
        assert!(text.contains(says), "{arguments:?}: {text}");
    }

    /// Status 1, these words, and not a file is other than before.
    fn refuses(&self, arguments: &[&str], says: &str) {
        let before = files(self.folder.path());
        let (status, text) = self.run(arguments);
        assert_eq!(status, Some(1), "{arguments:?}: {text}");
        assert!(text.contains(says), "{arguments:?}: {text}");
        assert!(!text.contains("panicked"), "{arguments:?}: {text}");
        let after = files(self.folder.path());
        let changed: Vec<&PathBuf> = after
            .iter()
            .filter(|file| !before.contains(file))
            .map(|(path, _)| path)
            .collect();
        assert!(changed.is_empty(), "{arguments:?} changed {changed:?}");
        assert_eq!(before.len(), after.len(), "{arguments:?} removed something");
    }
}

fn outcome(command: &mut Command) -> (Option<i32>, String) {
    let done = command.output().unwrap();
    let both = [done.stdout, done.stderr].concat();
    let text = String::from_utf8_lossy(&both).into_owned();
    (done.status.code(), text)
}

/// All files and folders below, `lock` too.
fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.push((path.clone(), Vec::new()));
            all.extend(files(&path));
        } else {
            let octets = std::fs::read(&path).unwrap();
            all.push((path, octets));
        }
    }
    all.sort();
    all
}

#[test]
fn only_init_founds_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site { folder };
    std::fs::write(site.path("congvu.toml"), "[log]\nlevel = \"error\"\n").unwrap();
    site.refuses(&["serve"], "congvu init");
    std::fs::create_dir(site.path("congvu-data")).unwrap();
    site.refuses(&["serve"], "congvu init");
    // A store that nobody founded knows no address either.
    let options = storage::Options {
        dir: site.path("congvu-data/store"),
        ..storage::Options::default()
    };
    storage::Store::open(&options).unwrap().close().unwrap();
    let (status, text) = site.run(&["serve"]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("congvu init"), "{text}");
}

#[test]
fn i18_a_store_of_a_newer_program_is_not_touched() {
    let site = Site::new();
    site.does(&["backup", "b"], "backup");
    let format = site.path("congvu-data/store/format");
    let mut octets = std::fs::read(&format).unwrap();
    octets[8] = 99;
    let sum = octets.len() - 16;
    let hash = blake3::hash(&octets[..sum]);
    octets[sum..].copy_from_slice(&hash.as_bytes()[..16]);
    let damaged = {
        let mut other = octets.clone();
        other[sum] ^= 1;
        other
    };
    let base = free_base().to_string();
    for newer in [octets, damaged] {
        std::fs::write(&format, newer).unwrap();
        for command in [
            &["serve"][..],
            &["store", "verify"],
            &["store", "verify", "--deep"],
            &["store", "repair"],
            &["store", "rebuild"],
            &["store", "snapshot"],
            &["store", "maintain"],
            &["store", "migrate", "--engine", "fjall"],
            &["store", "keys", "list"],
            &["store", "keys", "rotate"],
            &["store", "keys", "rotate-master"],
            &["backup", "b"],
            &["backup", "other"],
            &[
                "restore",
                "--from",
                "b",
                "--account",
                "quantri@that.gov.vn",
                "--in-place",
            ],
        ] {
            site.refuses(command, "the format 99");
        }
        site.refuses(
            &["restore", "--from", "b", "--to", "congvu-data"],
            "not empty",
        );
        let demo = ["demo", "--dir", "congvu-data", "--base-port", &base];
        site.refuses(&demo, "not a folder of the demo");
        std::fs::rename(site.path("congvu.toml"), site.path("kept")).unwrap();
        let init = [
            "init", "--host", "a.vn", "--domain", "a.vn", "--admin", "b@a.vn",
        ];
        site.refuses(&init, "the format 99");
        std::fs::rename(site.path("kept"), site.path("congvu.toml")).unwrap();
    }
}

#[test]
fn a_damaged_format_is_made_anew_by_a_repair() {
    let site = Site::new();
    let format = site.path("congvu-data/store/format");
    let mut octets = std::fs::read(&format).unwrap();
    octets[20] ^= 1;
    std::fs::write(&format, &octets).unwrap();
    site.refuses(&["store", "verify"], "congvu store repair");
    site.does(&["store", "repair"], "`format` is damaged");
    site.does(&["store", "verify"], "Every invariant holds");
    assert_eq!(
        std::fs::read(site.path("congvu-data/store/damaged/format")).unwrap(),
        octets
    );
}

#[test]
fn a_wrong_master_key_restores_nothing() {
    let site = Site::new();
    site.does(&["backup", "b"], "backup");
    let config = std::fs::read_to_string(site.path("congvu.toml")).unwrap();
    let restore = ["restore", "--from", "b", "--to", "new"];
    let key = site.path("congvu-master.key");
    std::fs::rename(&key, site.path("kept.key")).unwrap();
    site.refuses(&restore, "congvu-master.key");
    site.does(&["store", "keys", "make", "congvu-master.key"], "key file");
    site.refuses(&restore, "is not the master key");
    std::fs::rename(site.path("kept.key"), &key).unwrap();
    let plain: String = config.split("[storage").next().unwrap().to_owned();
    std::fs::write(site.path("plain.toml"), plain).unwrap();
    let without = [&restore[..], &["--config", "plain.toml"]].concat();
    site.refuses(&without, "must name its master key");
    site.does(&restore, "Every invariant holds");
}

#[test]
fn a_restore_that_was_killed_while_it_made_the_index_goes_on() {
    let site = Site::new();
    site.does(&["backup", "b"], "backup");
    for _ in 0..20 {
        let _ = std::fs::remove_dir_all(site.path("new"));
        let mut command = site.command(&["restore", "--from", "b", "--to", "new"]);
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = quiet.spawn().unwrap();
        assert!(tests::until(|| site.path("new/store").exists()));
        child.kill().unwrap();
        child.wait().unwrap();
        if !site.path("new/restore-unfinished").exists() {
            continue;
        }
        let other = [
            "restore",
            "--from",
            "b",
            "--to",
            "new",
            "--at",
            "2099-01-01 00:00",
        ];
        let (status, text) = site.run(&other);
        assert!(status == Some(1) && text.contains("not empty"), "{text}");
        site.does(
            &["restore", "--from", "b", "--to", "new"],
            "Every invariant holds",
        );
        assert!(!site.path("new/restore-unfinished").exists());
        site.refuses(&["restore", "--from", "b", "--to", "new"], "not empty");
        return;
    }
    panic!("it was never killed in time");
}

#[test]
fn paths_in_the_config_are_relative_to_it() {
    let site = Site::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let config = site.path("congvu.toml");
    let verify = |config: &Path, from: &Path| {
        let mut command = Command::new(binary());
        command.args(["store", "verify", "--config"]).arg(config);
        outcome(command.current_dir(from))
    };
    let (status, text) = verify(&config, elsewhere.path());
    assert_eq!(status, Some(0), "{text}");
    // What `init` writes beside it or elsewhere is found from anywhere.
    let below = site.path("etc");
    std::fs::create_dir(&below).unwrap();
    site.does(
        &[
            "init",
            "--host",
            "mail.kia.gov.vn",
            "--domain",
            "kia.gov.vn",
            "--admin",
            "quantri@kia.gov.vn",
            "--config",
            "etc/c.toml",
            "--dir",
            "kia",
        ],
        "quantri@kia.gov.vn",
    );
    assert!(site.path("kia/store").is_dir() && below.join("congvu-master.key").is_file());
    let (status, text) = verify(&below.join("c.toml"), elsewhere.path());
    assert_eq!(status, Some(0), "{text}");
    let (status, text) = verify(Path::new("c.toml"), &below);
    assert_eq!(status, Some(0), "{text}");
}

#[test]
fn keys_say_what_they_are_and_what_is_missing() {
    let site = Site::new();
    let list = ["store", "keys", "list", "--dir", "congvu-data"];
    site.does(&list, "(system)");
    let (status, text) = site.run(&["store", "keys", "make", "backup.key"]);
    assert_eq!(status, Some(0));
    assert!(
        text.contains("backup --key-file") && !text.contains("The store is encrypted"),
        "{text}"
    );
    for name in ["keyring", "keyring.copy"] {
        let path = site.path("congvu-data/store").join(name);
        std::fs::rename(path, site.path(name)).unwrap();
    }
    site.refuses(&list, "its keyring is gone");
    site.refuses(&["serve"], "its keyring is gone");
    site.refuses(
        &["store", "keys", "list", "--dir", "nowhere"],
        "holds no store",
    );
}

#[test]
fn a_backup_goes_elsewhere() {
    let site = Site::new();
    site.refuses(&["backup", "."], "holds the store itself");
    site.refuses(&["backup", "congvu-data"], "inside the data folder");
    site.refuses(&["backup", "congvu-data/backups"], "inside the data folder");
    site.refuses(&["backup", "congvu-data/store/b"], "inside the data folder");
    site.refuses(&["backup", "/proc/x"], "is no place for files");
    site.does(&["backup", "congvu-data-backups"], "backup");
}

/// `congvu … | head -1`.
#[test]
fn nobody_need_read_to_the_end() {
    let site = Site::new();
    let domain = "that.gov.vn";
    for arguments in [
        &["backup", "b"][..],
        &["backup", "list", "b"],
        &["backup", "verify", "b"],
        &["store", "verify"],
        &["store", "keys", "list"],
        &["store", "rebuild"],
        &["store", "repair"],
        &["config", "show"],
        &["config", "check"],
        &["dns", domain],
        &["restore", "--from", "b", "--to", "new"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let mut command = site.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Nobody reads, from the first octet on.
        drop(child.stdout.take());
        let done = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(!said.contains("panicked"), "{arguments:?}: {said}");
        assert_eq!(done.status.code(), Some(0), "{arguments:?}: {said}");
    }
    // The work was done.
    site.does(&["backup", "list", "b"], "(1 bản / backups)");
    // A disk that is full is something else.
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let done = site
        .command(&["config", "show"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(1));
}
