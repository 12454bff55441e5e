//! What a verification found, told with the addresses of those whose it is.

use crate::clock::SystemClock;
use crate::config::Config;
use crate::services;
use directory::Directory;
use std::sync::Arc;
use storage::{Findings, Store};

/// See the module.
pub(super) struct Found {
    /// Those that are listed.
    pub lines: Vec<String>,
    /// How many there are.
    pub count: u64,
}

impl Found {
    /// Of a store that is open here. Without a directory that can be read accounts keep their numbers.
    pub(super) fn new(config: &Config, store: &Store, found: &Findings) -> Self {
        let directory = || {
            let settings = services::directory_settings(config).ok()?;
            Directory::open(store.clone(), Arc::new(SystemClock), settings).ok()
        };
        let directory = (found.count() > 0).then(directory).flatten();
        let name = |id| {
            let account = directory.as_ref()?.account(id).ok()?;
            Some(account.address.to_string())
        };
        Self {
            lines: found.named(name),
            count: found.count() as u64,
        }
    }

    /// Prints it. Errors: there is something.
    pub(super) fn tell(&self) -> anyhow::Result<()> {
        for line in &self.lines {
            println!("{line}");
        }
        let more = self.count.saturating_sub(self.lines.len() as u64);
        if more > 0 {
            println!("và {more} lỗi nữa / and {more} more");
        }
        anyhow::ensure!(self.count == 0, "{0} lỗi / {0} findings", self.count);
        println!("Kho thư toàn vẹn. / Every invariant holds.");
        Ok(())
    }
}
