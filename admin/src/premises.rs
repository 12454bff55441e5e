//! What only the server knows of its premises: where the master key and the backups lie.

use crate::problem::{Text, text};
use storage::backup::{FolderVault, Secret};
use storage::{MasterKey, Options, Store};

/// Why something cannot be done on these premises, in both languages; it may name files of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Said {
    pub vi: String,
    pub en: String,
}

impl From<Said> for Text {
    fn from(said: Said) -> Self {
        text(said.vi, said.en)
    }
}

/// The backups of this server's store, and what is needed to bring an account back out of one.
#[allow(missing_docs)]
pub struct Backups {
    pub vault: FolderVault,
    pub secret: Secret,
    /// How the store is opened; `dir` is a folder that does not exist yet, with room for what is needed
    /// for a while.
    pub options: Options,
    /// Master keys that the store had before.
    pub older_keys: Vec<MasterKey>,
}

/// See the module.
pub trait Premises: Send + Sync {
    /// Makes a new master key, seals the store's keyring under it, and puts it in the old one's place.
    /// Returns where the old one is kept. Cut off anywhere, the store still opens. Errors: why not.
    fn rotate_master(&self, store: &Store) -> Result<String, Said>;

    /// The backups that the config names. Errors: it names none, or they cannot be opened.
    fn backups(&self) -> Result<Backups, Said>;

    /// The TXT records of a name in DNS, the strings of each joined; empty where there are none. Blocks. Errors: DNS
    /// cannot be asked.
    fn text_records(&self, name: &str) -> Result<Vec<String>, Said> {
        let name = name.to_owned();
        Err(Said {
            vi: format!("không hỏi được DNS về {name}; có thể dùng `force`"),
            en: format!("DNS cannot be asked for {name}; `force` goes on without it"),
        })
    }
}
