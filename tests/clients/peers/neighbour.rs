//! A mail server of somebody else's as a process: its folder, its mailboxes, its log.

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Peers try again after some seconds; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(90);

/// Asks again until there is something.
pub fn wait<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(found) = look() {
            return Some(found);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    None
}

/// A running server; ended when dropped.
pub struct Neighbour {
    pub domain: &'static str,
    /// Name and address, as our outcomes tell them.
    pub shown: &'static str,
    pub address: &'static str,
    pub log: PathBuf,
    mail: PathBuf,
    child: Child,
    _dir: tempfile::TempDir,
}

/// A folder that the peer's own user can enter.
pub fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

/// Gives a folder and what is in it to a user.
pub fn give(path: &Path, owner: &str) {
    let done = Command::new("chown").args(["-R", owner]).arg(path).status();
    assert!(done.unwrap().success(), "chown {owner} {}", path.display());
}

/// What starts a peer.
pub struct Start {
    pub domain: &'static str,
    pub shown: &'static str,
    pub address: &'static str,
    pub port: u16,
    pub log: PathBuf,
    pub mail: PathBuf,
    pub dir: tempfile::TempDir,
    pub command: Command,
}

impl Start {
    /// Runs it until it answers.
    pub fn run(mut self) -> Neighbour {
        let output = std::fs::File::create(self.dir.path().join("output")).unwrap();
        let child = self
            .command
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let peer = Neighbour {
            domain: self.domain,
            shown: self.shown,
            address: self.address,
            log: self.log,
            mail: self.mail,
            child,
            _dir: self.dir,
        };
        let answers = wait(|| TcpStream::connect((peer.address, self.port)).ok());
        assert!(
            answers.is_some(),
            "{} does not answer: {}",
            peer.shown,
            peer.log()
        );
        peer
    }
}

impl Neighbour {
    /// What it logged, and printed.
    pub fn log(&self) -> String {
        let read = |path: &Path| {
            String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
        };
        read(&self.log) + &read(&self._dir.path().join("output"))
    }

    /// The letter in its mailboxes that contains this, once it is there. Maildir has LF line ends.
    pub fn letter(&self, marker: &str) -> Vec<u8> {
        wait(|| self.letters(marker).pop())
            .unwrap_or_else(|| panic!("no letter with {marker:?} came; log: {}", self.log()))
    }

    /// All of them that are there now.
    pub fn letters(&self, marker: &str) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        read(&self.mail, &mut found);
        let marker = marker.as_bytes();
        found.retain(|letter| letter.windows(marker.len()).any(|part| part == marker));
        found
    }
}

/// Letters below a folder, in `new` and `cur` of Maildirs: `tmp` has half ones, and Dovecot keeps notes beside them.
fn read(dir: &Path, found: &mut Vec<Vec<u8>>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            read(&path, found);
        } else if (dir.ends_with("new") || dir.ends_with("cur"))
            && let Ok(letter) = std::fs::read(&path)
        {
            found.push(letter);
        }
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("log of {}: {}", self.shown, self.log());
        }
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let _ = self.child.wait();
    }
}
