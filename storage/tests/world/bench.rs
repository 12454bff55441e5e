//! A store with some mail, and a folder for its backups.

use super::{World, letter};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use storage::backup::*;
use storage::*;

pub const WORKERS: usize = 2;

pub struct Bench {
    pub world: World,
    pub target: PathBuf,
    pub secret: Secret,
}

pub fn quiet(_: Progress) -> bool {
    true
}

impl Bench {
    pub fn new(secret: Secret) -> Self {
        let mut world = World::new(EngineKind::Memory);
        world.options.sizes.segment = 4_096;
        world.options.sizes.pack = 16_384;
        // Snapshots only when a test asks for them.
        world.options.sizes.sealed = u32::MAX;
        if matches!(secret, Secret::Key(_)) {
            // A sealed backup of a sealed store.
            world.options.keys = KeySource::Master(MasterKey::new([9; 32]));
        }
        world.reopen();
        for account in [2, 3] {
            let inbox = world.inbox(account);
            for number in 0..20 {
                let text = long(u64::from(account) * 100 + number);
                world.deliver(account, inbox, &text, None);
            }
        }
        let target = world.dir.path().join("backups");
        Self {
            world,
            target,
            secret,
        }
    }

    pub fn vault(&self) -> FolderVault {
        FolderVault::open(&self.target, &Disk::default()).unwrap()
    }

    pub fn take_at(&self, now_s: i64, reread: bool) -> Result<Taken, Failure> {
        let store = &self.world.options.dir;
        let vault = FolderVault::target(&self.target, store, &Disk::default())?;
        let task = Take {
            store,
            vault: &vault,
            secret: &self.secret,
            keys: &self.world.options.keys,
            now_s,
            reread,
            workers: WORKERS,
        };
        take(&task, &mut quiet)
    }

    pub fn take(&self, now_s: i64) -> Taken {
        self.take_at(now_s, false).unwrap()
    }

    pub fn restore(&self, which: Which, to: &Path) -> Result<Rebuilt, Failure> {
        let task = Restore {
            vault: &self.vault(),
            secret: &self.secret,
            which,
            to,
            disk: &Disk::default(),
            workers: WORKERS,
            salvage: false,
            keyring: None,
            leap: false,
        };
        restore(&task, &mut quiet)
    }

    pub fn prune(&self, keep: Keep) -> Result<Pruned, Failure> {
        let task = Prune {
            vault: &self.vault(),
            secret: &self.secret,
            keep,
            workers: WORKERS,
        };
        prune(&task, &mut quiet)
    }

    /// Restores into a folder of its own and opens it.
    pub fn rebuilt(&self, which: Which) -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("data").join("store");
        std::fs::create_dir(dir.path().join("data")).unwrap();
        self.restore(which, &to).unwrap();
        let options = Options {
            dir: to,
            ..self.world.options.clone()
        };
        let store = Store::open(&options).unwrap();
        assert_eq!(store.check().unwrap(), Vec::<String>::new());
        (dir, store)
    }

    pub fn check(&self) -> Vec<String> {
        let checked = check(&self.vault(), &self.secret, WORKERS, &mut quiet);
        checked.unwrap().findings
    }

    pub fn chunks(&self) -> BTreeSet<PathBuf> {
        files(&self.target.join("chunks"))
    }

    pub fn cut(&self, which: Which, account: u32, scratch: &Path) -> Result<Account, Failure> {
        let cut = Cut {
            vault: &self.vault(),
            secret: &self.secret,
            which,
            account: AccountId::new(account).unwrap(),
            options: Options {
                dir: scratch.to_owned(),
                ..self.world.options.clone()
            },
            older_keys: Vec::new(),
            workers: WORKERS,
        };
        Account::open(cut, &mut quiet)
    }
}

/// A letter that does not press to nothing.
pub fn long(number: u64) -> String {
    let mut text = letter(number, "Công văn", &[]);
    for line in 0..20u64 {
        text += BlobId::of(&(number * 1_000 + line).to_le_bytes())
            .to_string()
            .as_str();
        text += "\r\n";
    }
    text
}

pub fn files(dir: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => {
                found.insert(path);
            }
        }
    }
    found
}

pub fn secrets() -> [Secret; 2] {
    [Secret::None, Secret::Key(MasterKey::new([7; 32]))]
}

pub fn passphrase(words: &str) -> Secret {
    Secret::Passphrase(words.to_owned().into())
}

pub fn subjects(account: &AccountStore) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut emails = Vec::new();
    account
        .scan_all(&mut |state| {
            emails.push(state.email);
            true
        })
        .unwrap();
    for email in emails {
        found.push(account.content(email).unwrap().to_vec());
    }
    found.sort();
    found
}
