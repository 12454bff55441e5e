//! `congvu store` as an operator meets it: what it does to a good store, and the one sentence with
//! which it refuses another, status 1, nothing changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use storage::{EngineKind, Options, Store};
use tests::process::binary;

struct Founded {
    folder: tempfile::TempDir,
}

impl Founded {
    /// A data folder whose store holds a mailbox.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let founded = Self { folder };
        let store = founded.open();
        let mut writer = store
            .account(storage::AccountId::new(7).unwrap())
            .write()
            .unwrap();
        let new = storage::NewMailbox {
            parent: None,
            name: "INBOX".into(),
            role: None,
            subscribed: true,
            sort_order: 0,
        };
        writer.create_mailbox(new).unwrap();
        writer.commit().unwrap();
        store.put_blob(&[b'x'; 10_000]).unwrap();
        store.close().unwrap();
        founded
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn open(&self) -> Store {
        let options = Options {
            dir: self.store(),
            ..Options::default()
        };
        Store::open(&options).unwrap()
    }

    fn run(&self, engine: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let config = self.folder.path().join("c.toml");
        std::fs::write(&config, format!("[storage]\nengine = \"{engine}\"\n")).unwrap();
        let mut command = Command::new(binary());
        command.arg("store").args(arguments).arg("--dir");
        command.arg(self.folder.path()).arg("--config").arg(config);
        let done = command.output().unwrap();
        let mut text = String::from_utf8_lossy(&done.stderr).into_owned();
        text.push_str(&String::from_utf8_lossy(&done.stdout));
        (done.status.code(), text)
    }

    fn does(&self, engine: &str, arguments: &[&str], says: &str) {
        let (status, text) = self.run(engine, arguments);
        assert_eq!(status, Some(0), "{arguments:?}: {text}");
        assert!(text.contains(says), "{arguments:?}: {text}");
    }

    /// Every file with its octets, but for the owner's note in `lock`.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        gather(&self.store(), &mut found);
        found.remove(&self.store().join("lock"));
        found
    }

    fn refuses(&self, what: &str, engine: &str, says: &str) {
        let before = self.files();
        let (status, text) = self.run(engine, &["verify"]);
        assert_eq!(status, Some(1), "{what}: {text}");
        assert!(text.contains(says), "{what}: {text}");
        assert!(!text.contains("panicked"), "{what}: {text}");
        assert_eq!(text.trim().lines().count(), 1, "{what}: {text}");
        assert!(self.files() == before, "{what}: something was changed");
    }
}

fn gather(dir: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, found);
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
}

#[test]
fn a_good_store_is_looked_after_by_commands() {
    let world = Founded::new();
    world.does("sled", &["verify"], "Every invariant holds");
    world.does("sled", &["verify", "--deep"], "Every invariant holds");
    world.does("sled", &["snapshot"], "is covered");
    world.does("sled", &["maintain"], "Done");
    world.does("sled", &["rebuild"], "made anew");
    world.does("sled", &["repair"], "Repaired: 0 damages");
    world.does("sled", &["verify"], "Every invariant holds");
    world.does("sled", &["migrate", "--engine", "fjall"], "moved to fjall");
    world.does("fjall", &["verify"], "Every invariant holds");
    world.does("fjall", &["rebuild"], "made anew");
    world.does("fjall", &["migrate", "--engine", "sled"], "moved to sled");
    world.does("sled", &["verify"], "Every invariant holds");
}

#[test]
fn another_engine_is_refused_with_the_command_that_moves() {
    Founded::new().refuses("another engine", "fjall", "migrate");
}

#[test]
fn a_store_in_use_names_the_process() {
    let world = Founded::new();
    let held = world.open();
    let holder = format!("(pid {})", std::process::id());
    for (command, advice) in [
        (&["verify"][..], "--token-file"),
        (&["verify", "--deep"], "--token-file"),
        (&["rebuild"], "stop it first"),
        (&["repair"], "stop it first"),
        (&["snapshot"], "by itself"),
        (&["maintain"], "by itself"),
        (&["migrate", "--engine", "fjall"], "stop it first"),
    ] {
        let before = world.files();
        let (status, text) = world.run("sled", command);
        assert_eq!(status, Some(1), "{command:?}: {text}");
        assert!(
            text.contains(&holder) && text.contains(advice),
            "{command:?}: {text}"
        );
        assert_eq!(text.trim().lines().count(), 1, "{command:?}: {text}");
        assert!(world.files() == before, "{command:?} changed something");
    }
    assert_eq!(held.check().unwrap(), Vec::<String>::new());
}

#[test]
fn what_is_no_store_of_this_program_is_left_alone() {
    let world = Founded::new();
    let format = world.store().join("format");
    let octets = std::fs::read(&format).unwrap();
    for at in [0, 8, octets.len() - 1] {
        let mut other = octets.clone();
        other[at] = other[at].wrapping_add(1);
        std::fs::write(&format, other).unwrap();
        world.refuses(&format!("octet {at} of format"), "sled", "cannot be opened");
    }
    let world = Founded {
        folder: tempfile::tempdir().unwrap(),
    };
    world.refuses_folder("no store");
    std::fs::create_dir(world.store()).unwrap();
    std::fs::write(world.store().join("notes.txt"), "x").unwrap();
    world.refuses("foreign", "sled", "cannot be opened");
    let missing = EngineKind::named("memory");
    assert!(missing.is_none_or(|kind| !EngineKind::ON_DISK.contains(&kind)));
}

impl Founded {
    fn refuses_folder(&self, says: &str) {
        for command in [
            &["verify"][..],
            &["rebuild"],
            &["snapshot"],
            &["maintain"],
            &["migrate", "--engine", "fjall"],
        ] {
            let (status, text) = self.run("sled", command);
            assert_eq!(status, Some(1), "{command:?}: {text}");
            assert!(text.contains(says), "{command:?}: {text}");
            assert!(!self.store().exists(), "{command:?} made a store");
        }
    }
}
