//! A disk without one free octet, on a small one of the test's own (a tmpfs in a mount namespace): the server is
//! started again, mail is read, writing is refused in so many words, and goes on when there is room.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use storage::{Append, EngineKind, Error, NewMailbox, Options, Policy, Role, Store};
use tests::imap_client::ImapClient;
use tests::process::{Process, binary, free_base};

/// Names the small disk to the test that runs inside of the namespace.
const DISK: &str = "CONGVU_SMALL_DISK";
const SPARE: u64 = 16 << 20;

/// Runs a test again where `dir` is a disk of so many MiB. False: this system lets nobody have one.
pub fn on_small_disk(test: &str, dir: &Path, mebibytes: u32) -> bool {
    let inside = |command: &str| {
        let mut unshare = Command::new("unshare");
        unshare.args([
            "--map-root-user",
            "--mount",
            "--",
            "sh",
            "-c",
            command,
            "sh",
        ]);
        unshare.arg(dir);
        unshare
    };
    let mount = format!("mount -t tmpfs -o size={mebibytes}m none \"$1\"");
    let tried = inside(&mount).stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        println!("skipped: this system lets nobody mount a small disk");
        return false;
    }
    let mut command = inside(&format!("{mount} && shift && exec \"$@\""));
    command.arg(std::env::current_exe().unwrap());
    let done = command
        .args([test, "--exact", "--nocapture"])
        .env(DISK, dir)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    let failed = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}\n{failed}");
    assert!(said.contains("1 passed"), "{said}\n{failed}");
    true
}

pub fn disk() -> Option<PathBuf> {
    std::env::var_os(DISK).map(PathBuf::from)
}

/// Fills the disk to its last octet.
pub fn fill(dir: &Path) -> PathBuf {
    let names = (0..).map(|n| dir.join(format!("filler{n}")));
    let path = names.into_iter().find(|path| !path.exists()).unwrap();
    let mut file = std::fs::File::create(&path).unwrap();
    for size in [1 << 20, 4_096] {
        while file.write_all(&vec![7; size]).is_ok() {}
    }
    assert_eq!(free(dir), 0);
    path
}

fn free(dir: &Path) -> u64 {
    let said = Command::new("stat")
        .args(["-f", "-c", "%a %S"])
        .arg(dir)
        .output()
        .unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let (blocks, size) = said.trim().split_once(' ').unwrap();
    blocks.parse::<u64>().unwrap() * size.parse::<u64>().unwrap()
}

pub fn make_room(dir: &Path) {
    for n in 0..9 {
        let _ = std::fs::remove_file(dir.join(format!("filler{n}")));
    }
}

fn congvu(arguments: &[&str]) -> (Option<i32>, String) {
    let done = Command::new(binary()).args(arguments).output().unwrap();
    let both = [done.stdout, done.stderr].concat();
    let text = String::from_utf8_lossy(&both).into_owned();
    (done.status.code(), text)
}

struct Scene {
    process: Process,
    address: String,
    password: String,
}

impl Scene {
    fn start(data: &Path) -> Self {
        let process = Process::demo(data, free_base());
        let facts = process.facts();
        let said = |key: &str| facts["accounts"][0][key].as_str().unwrap().to_owned();
        Self {
            address: said("address"),
            password: said("password"),
            process,
        }
    }

    fn client(&self) -> ImapClient {
        let ca = self.process.dir.join("ca.pem");
        let mut client = ImapClient::connect_tls(self.process.address("imaps"), &ca);
        client.ok(&format!("LOGIN {} {}", self.address, self.password));
        client
    }

    /// Reads mail and keeps none.
    fn reads_only(&self) {
        let mut client = self.client();
        client.ok("SELECT INBOX");
        let all = client.ok("UID FETCH 1:* (FLAGS BODY.PEEK[])");
        assert!(!all.lines("* ").is_empty());
        let refused = client.append("INBOX", b"Subject: x\r\n\r\nx\r\n").unwrap();
        assert!(
            refused.tagged.starts_with("NO [UNAVAILABLE]"),
            "{}",
            refused.tagged
        );
    }
}

#[test]
fn a_server_starts_on_a_full_disk_and_its_mail_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("demo");
    std::fs::create_dir(&data).unwrap();
    on_small_disk("full_disk::inside_a_server_on_a_full_disk", &data, 160);
}

#[test]
fn inside_a_server_on_a_full_disk() {
    let Some(data) = disk() else { return };
    let (path, spare) = (data.to_str().unwrap(), data.join("store/spare"));
    let scene = Scene::start(&data);
    drop(scene.client());
    assert_eq!(std::fs::metadata(&spare).unwrap().len(), SPARE);
    fill(&data);
    scene.reads_only();
    // Stopped in order, and by force while the disk is as full as it can be again.
    scene.process.terminate();
    fill(&data);
    let scene = Scene::start(&data);
    scene.reads_only();
    assert!(scene.process.log().contains("the spare is given up"));
    fill(&data);
    scene.reads_only();
    scene.process.kill();
    let scene = Scene::start(&data);
    scene.reads_only();
    make_room(&data);
    // It goes on by itself.
    let mut client = scene.client();
    let answer = client.append("INBOX", b"Subject: x\r\n\r\nx\r\n").unwrap();
    assert!(answer.tagged.starts_with("OK"), "{}", answer.tagged);
    assert_eq!(scene.process.terminate(), Some(0));
    let (status, text) = congvu(&["store", "verify", "--deep", "--dir", path]);
    assert_eq!(status, Some(0), "{text}");
    assert_eq!(std::fs::metadata(&spare).unwrap().len(), SPARE);
    // Without the spare: one sentence, and nothing changed.
    fill(&data);
    std::fs::remove_file(&spare).unwrap();
    fill(&data);
    let (status, text) = congvu(&["store", "verify", "--dir", path]);
    assert_eq!(status, Some(1), "{text}");
    assert!(
        text.contains("đĩa đầy") && text.contains("the disk is full") && text.contains("make room"),
        "{text}"
    );
    assert_eq!(text.trim().lines().count(), 1, "{text}");
    assert!(!data.join("store/index.aside").exists());
    make_room(&data);
    let (status, text) = congvu(&["store", "verify", "--deep", "--dir", path]);
    assert_eq!(status, Some(0), "{text}");
}

#[test]
fn both_engines_open_on_a_full_disk() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("disk");
    std::fs::create_dir(&data).unwrap();
    on_small_disk("full_disk::inside_both_engines", &data, 256);
}

#[test]
fn inside_both_engines() {
    let Some(data) = disk() else { return };
    for engine in EngineKind::ON_DISK {
        let options = Options {
            dir: data.join(engine.name()),
            engine,
            boot_id: Some("boot".into()),
            ..Options::default()
        };
        let store = Store::open(&options).unwrap();
        let account = store.account(storage::AccountId::new(7).unwrap());
        let mut writer = account.write().unwrap();
        let inbox = NewMailbox {
            parent: None,
            name: "INBOX".into(),
            role: Some(Role::Inbox),
            subscribed: true,
            sort_order: 0,
        };
        let inbox = writer.create_mailbox(inbox).unwrap();
        writer.commit().unwrap();
        let deliver = |store: &Store, number: u32| {
            let letter = format!("Subject: {number}\r\n\r\n{number}\r\n").into_bytes();
            let blob = store.put_blob(&letter)?;
            let account = store.account(storage::AccountId::new(7).unwrap());
            let mut writer = account.write()?;
            let placed = writer.append(Append {
                blob,
                summary: &formats::message::summarize(&letter),
                received_at: 1_700_000_000,
                keywords: Vec::new(),
                mailboxes: vec![inbox],
                delivery: None,
            })?;
            writer.commit()?;
            Ok::<_, Error>(placed.email)
        };
        let emails: Vec<_> = (0..2_000).map(|n| deliver(&store, n).unwrap()).collect();
        let read = |store: &Store| {
            let account = store.account(storage::AccountId::new(7).unwrap());
            for email in &emails {
                account.content(*email).unwrap();
            }
        };
        drop(account);
        fill(&data);
        // The engine may have found the disk full before it was told to stop; then it is no clean stop.
        let _ = store.close();
        drop(store);
        // Closed, and dropped as by a crash.
        for closed in [true, false, true] {
            fill(&data);
            let store = Store::open(&options).unwrap();
            assert!(!store.writable());
            assert!(matches!(deliver(&store, 1), Err(Error::Unavailable(_))));
            read(&store);
            fill(&data);
            read(&store);
            if closed {
                let _ = store.close();
            }
        }
        make_room(&data);
        let store = Store::open(&options).unwrap();
        deliver(&store, 3_000).unwrap();
        store.maintain(&Policy::default()).unwrap();
        assert_eq!(store.check_deep().unwrap(), Vec::<String>::new());
        let spare = options.dir.join("spare");
        assert_eq!(std::fs::metadata(&spare).unwrap().len(), SPARE);
        store.close().unwrap();
        std::fs::remove_dir_all(&options.dir).unwrap();
    }
}
