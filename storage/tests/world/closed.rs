//! Closed stores, whose files are then harmed, copied and compared as anybody could.

use super::{World, letter};
use std::fs;
use std::path::{Path, PathBuf};
use storage::*;

/// Files so small that little mail makes several of each kind; snapshots only when they are asked for.
pub const SIZES: Sizes = Sizes {
    segment: 6_000,
    pack: 20_000,
    checkpoint: 20_000,
    ahead: 0,
    sealed: u32::MAX,
    sort: 1 << 20,
    apart: 1_024,
};

impl World {
    /// An empty store with files of these sizes.
    pub fn sized(engine: EngineKind, sizes: Sizes) -> Self {
        let mut world = Self::new(engine);
        world.options.sizes = sizes;
        world.reopen();
        world
    }

    /// Letters for an account's INBOX, which is made with the first: number `n` of account 3 is letter 300 + `n`.
    pub fn letters(&self, account: u32, numbers: std::ops::Range<u64>, subject: &str) {
        let inbox = self.account(account).by_role(Role::Inbox).unwrap();
        let inbox = inbox.map_or_else(|| self.inbox(account), |inbox| inbox.id);
        for number in numbers {
            let text = letter(u64::from(account) * 100 + number, subject, &[]);
            self.deliver(account, inbox, &text, None);
        }
    }

    /// Closes the store, as a server that is told to stop.
    pub fn close(&mut self) {
        self.store().close().unwrap();
        self.crash();
    }

    /// A copy of the store, which is closed.
    pub fn copied(&self) -> (tempfile::TempDir, Options) {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            dir: dir.path().join("store"),
            ..self.options.clone()
        };
        copy(&self.options.dir, &options.dir);
        (dir, options)
    }

    /// How many messages an account has.
    pub fn messages(&self, account: u32) -> usize {
        let mut messages = 0;
        let count = &mut |_: &State| {
            messages += 1;
            true
        };
        self.account(account).scan_all(count).unwrap();
        messages
    }
}

/// What lies in a folder, by name.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

/// The segments of the journal.
pub fn journal(options: &Options) -> Vec<PathBuf> {
    files(&options.dir.join("journal"))
}

/// A folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for path in files(from) {
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(fs::copy(path, target).unwrap()),
        }
    }
}

/// Changes what is in a file.
pub fn change(path: &Path, harm: impl FnOnce(&mut Vec<u8>)) {
    let mut octets = fs::read(path).unwrap();
    harm(&mut octets);
    fs::write(path, octets).unwrap();
}
