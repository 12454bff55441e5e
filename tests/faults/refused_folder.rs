//! A data folder in which something is missing, of the wrong kind, or may not be read or written: one
//! sentence that names it, status 1, nothing changed.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use storage::{Append, NewMailbox, Options, Store};
use tests::process::binary;

/// Whom a test that runs as root starts the program as, since modes do not bind root: nobody.
const NOBODY: u32 = 65_534;

struct Founded {
    folder: tempfile::TempDir,
    /// Of whom the folder is, when it is not who runs the test.
    owner: Option<u32>,
}

impl Founded {
    /// A store with a letter, some of its journal covered by a snapshot.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            dir: folder.path().join("store"),
            // As the program tells it, so that it trusts the index.
            boot_id: std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
                .ok()
                .map(|id| id.trim().to_owned()),
            ..Options::default()
        };
        let store = Store::open(&options).unwrap();
        let account = store.account(storage::AccountId::new(7).unwrap());
        let text = b"From: a@x.vn\r\nSubject: Hop\r\n\r\nx\r\n";
        let mut writer = account.write().unwrap();
        let inbox = NewMailbox {
            parent: None,
            name: "INBOX".into(),
            role: None,
            subscribed: true,
            sort_order: 0,
        };
        let inbox = writer.create_mailbox(inbox).unwrap();
        let append = Append {
            blob: store.put_blob(text).unwrap(),
            summary: &formats::message::summarize(text),
            received_at: 1,
            keywords: Vec::new(),
            mailboxes: vec![inbox],
            delivery: None,
        };
        writer.append(append).unwrap();
        writer.commit().unwrap();
        store.snapshot().unwrap();
        store.close().unwrap();
        let owner = None;
        Self { folder, owner }
    }

    /// The same, of somebody whom modes bind. `None` where the program cannot be started as such.
    fn bound() -> Option<Self> {
        let mut founded = Self::new();
        let own = std::fs::metadata("/proc/self").unwrap().uid();
        if own != 0 {
            return Some(founded);
        }
        let mut command = Command::new(binary());
        command.arg("--version").uid(NOBODY).gid(NOBODY);
        if !command.output().is_ok_and(|done| done.status.success()) {
            println!("skipped: user {NOBODY} cannot start {}", binary().display());
            return None;
        }
        for path in all(founded.folder.path()) {
            chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        founded.owner = Some(NOBODY);
        Some(founded)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("store").join(name)
    }

    fn verify(&self) -> (Option<i32>, String) {
        let mut command = Command::new(binary());
        command.args(["store", "verify", "--dir"]);
        command.arg(self.folder.path()).current_dir("/");
        if let Some(owner) = self.owner {
            command.uid(owner).gid(owner);
        }
        let done = command.output().unwrap();
        let both = [done.stdout, done.stderr].concat();
        let text = String::from_utf8_lossy(&both).into_owned();
        (done.status.code(), text)
    }

    /// Refused in one sentence that names `says`; all files but the index and the holder's note stay.
    fn refuses(&self, what: &str, says: &str) {
        let before = files(&self.path(""));
        let (status, text) = self.verify();
        assert_eq!(status, Some(1), "{what}: {text}");
        assert!(text.contains(says), "{what}: {text}");
        assert!(!text.contains("panicked"), "{what}: {text}");
        assert_eq!(text.trim().lines().count(), 1, "{what}: {text}");
        let after = files(&self.path(""));
        let names = |files: &BTreeMap<PathBuf, _>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&after), names(&before), "{what}");
        let changed = after
            .iter()
            .filter(|(path, octets)| before[*path] != **octets);
        let changed: Vec<_> = changed.map(|(path, _)| path).collect();
        assert!(changed.is_empty(), "{what}: {changed:?} was changed");
    }

    fn verifies(&self, what: &str) {
        let (status, text) = self.verify();
        assert_eq!(status, Some(0), "{what}: {text}");
    }
}

/// The path and all below.
fn all(dir: &Path) -> Vec<PathBuf> {
    let mut found = vec![dir.to_owned()];
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(all(&path)),
            path => found.push(path),
        }
    }
    found
}

/// Every path with its octets, none for a folder; not the engine's, which is made anew where it must be.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (index, lock) = (dir.join("index"), dir.join("lock"));
    let mut paths = all(dir);
    paths.retain(|path| !path.starts_with(&index) && *path != lock);
    let octets = |path: PathBuf| {
        let octets = std::fs::read(&path).unwrap_or_default();
        (path, octets)
    };
    paths.into_iter().map(octets).collect()
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The first file in a folder of the store.
fn first(founded: &Founded, folder: &str) -> PathBuf {
    let mut paths = all(&founded.path(folder));
    paths.sort();
    let file = paths.into_iter().find(|path| path.is_file());
    file.unwrap_or_else(|| panic!("nothing in {folder}"))
}

#[test]
fn a_missing_pack_is_named_and_the_store_is_well_when_it_is_back() {
    let founded = Founded::new();
    let pack = first(&founded, "packs");
    let aside = founded.folder.path().join("aside");
    std::fs::rename(&pack, &aside).unwrap();
    founded.refuses("a missing pack", "000001.pack is missing; copy the folder");
    founded.refuses(
        "a missing pack",
        "`congvu store repair`, or restore a backup",
    );
    std::fs::rename(&aside, &pack).unwrap();
    founded.verifies("the pack is back");
    let snapshot = first(&founded, "snapshots");
    std::fs::rename(&snapshot, &aside).unwrap();
    std::fs::remove_dir_all(founded.path("index")).unwrap();
    founded.refuses("a missing snapshot, and no index", "segment 1");
    // Damaged instead of missing.
    let mut octets = std::fs::read(&aside).unwrap();
    let last = octets.len() - 1;
    octets[last] ^= 1;
    std::fs::write(&snapshot, octets).unwrap();
    founded.refuses("a damaged snapshot, and no index", "is damaged: ");
    founded.refuses("the same", "`congvu store repair`, or restore a backup");
    std::fs::rename(&aside, &snapshot).unwrap();
    founded.verifies("the snapshot is back");
}

#[test]
fn a_folder_in_place_of_a_file_and_a_file_in_place_of_a_folder_are_named() {
    let check = |name: &str, put: &dyn Fn(&Path)| {
        let founded = Founded::new();
        let path = match founded.path(name).is_dir() && name.ends_with('/') {
            true => first(&founded, name),
            false => founded.path(name),
        };
        let aside = founded.folder.path().join("aside");
        std::fs::rename(&path, &aside).unwrap();
        put(&path);
        let shown = path.file_name().unwrap().to_str().unwrap();
        founded.refuses(
            shown,
            name.trim_end_matches('/').split('/').next_back().unwrap(),
        );
        match path.is_dir() {
            true => std::fs::remove_dir(&path).unwrap(),
            false => std::fs::remove_file(&path).unwrap(),
        }
        std::fs::rename(&aside, &path).unwrap();
        founded.verifies(shown);
    };
    let folder = |path: &Path| std::fs::create_dir(path).unwrap();
    let file = |path: &Path| std::fs::write(path, "x").unwrap();
    for name in ["format", "checkpoint", "lock"] {
        check(name, &folder);
    }
    for name in ["journal", "packs", "snapshots"] {
        check(name, &file);
    }
    // The whole store is a file.
    let founded = Founded::new();
    let store = founded.folder.path().join("store");
    std::fs::remove_dir_all(&store).unwrap();
    std::fs::write(&store, "x").unwrap();
    let (status, text) = founded.verify();
    assert_eq!(
        (status, text.trim().lines().count()),
        (Some(1), 1),
        "{text}"
    );
    assert!(text.contains("/store"), "{text}");
    assert_eq!(std::fs::read(&store).unwrap(), b"x");
}

#[test]
fn what_may_not_be_read_or_written_is_named() {
    let Some(founded) = Founded::bound() else {
        return;
    };
    let check = |path: &Path, denied: u32, says: &str| {
        let before = std::fs::metadata(path).unwrap().mode() & 0o7777;
        mode(path, denied);
        founded.refuses(&format!("{} {denied:o}", path.display()), says);
        mode(path, before);
    };
    let store = founded.folder.path().join("store");
    check(&store, 0o300, "cannot read the folder");
    check(&founded.path("lock"), 0o400, "lock");
    check(&founded.path("format"), 0o200, "format");
    check(&founded.path("journal"), 0o000, "journal");
    check(&first(&founded, "snapshots"), 0o000, "snapshots");
    check(&first(&founded, "packs"), 0o000, "packs");
    check(&first(&founded, "packs"), 0o400, "packs");
    founded.verifies("everything is as it was");
}

#[test]
fn a_rebuild_is_not_done_when_the_store_does_not_open() {
    let founded = Founded::new();
    let pack = first(&founded, "packs");
    let whole = std::fs::read(&pack).unwrap();
    let mut octets = whole.clone();
    octets[2] ^= 1;
    std::fs::write(&pack, octets).unwrap();
    let rebuild = || {
        let mut command = Command::new(binary());
        command.args(["store", "rebuild", "--dir"]);
        let done = command.arg(founded.folder.path()).output().unwrap();
        let both = [done.stdout, done.stderr].concat();
        (
            done.status.code(),
            String::from_utf8_lossy(&both).into_owned(),
        )
    };
    let (status, text) = rebuild();
    assert_eq!(status, Some(1), "{text}");
    for words in [
        "kho thư vẫn không mở được",
        "the store cannot be opened",
        "pack 1 has no valid header",
        "congvu store repair",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    std::fs::write(&pack, whole).unwrap();
    let (status, text) = rebuild();
    assert_eq!(status, Some(0), "{text}");
}
