//! A mark in the store that says of how much content the packs are lost: whoever backs it up reads it without keys, and
//! keeps the backups that have it. A repair sets it, and takes it away where nothing is missing that is still needed.

use crate::{Error, Options, disk};
use std::path::Path;

/// Its name in the store's folder. A backup has it too, and what comes out of that.
pub(crate) const FILE: &str = "lacking";

/// Writes down how many contents are lost with their packs, durably. Errors: `Unavailable`.
pub(super) fn note(options: &Options, contents: u64) -> Result<(), Error> {
    let path = options.dir.join(FILE);
    if contents > 0 {
        let said = contents.to_string();
        return options.disk.replace(&options.dir, FILE, said.as_bytes());
    }
    if path.exists() {
        let removed = options.disk.remove(&path);
        removed.map_err(|e| disk::failed("cannot remove", &path, &e))?;
        options.disk.sync_dir(&options.dir)?;
    }
    Ok(())
}

/// How many contents are lost with their packs, at least; `None`: none that a repair knows of. Errors: `Unavailable`.
pub(crate) fn noted(dir: &Path) -> Result<Option<u64>, Error> {
    let path = dir.join(FILE);
    match std::fs::read(&path) {
        // Whatever else it says, somebody set it.
        Ok(said) => Ok(Some(
            std::str::from_utf8(&said)
                .ok()
                .and_then(|said| said.trim().parse().ok())
                .unwrap_or(1),
        )),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(disk::failed("cannot read", &path, &e)),
    }
}
