//! `congvu restore --salvage`: what a backup with lost pieces means for the messages.

use super::Shown;
use crate::cli::gone;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::services;
use directory::Directory;
use std::collections::BTreeMap;
use std::sync::Arc;
use storage::{AccountId, Disk, LostContent, Options, Repaired, Store};

/// Repairs what was restored without these pieces, and names every message that lost its content. Always an
/// error at the end: status 1.
pub(super) fn mend(config: &Config, lost: &[String]) -> anyhow::Result<()> {
    for line in lost {
        println!("{line}");
    }
    let shown = Shown::new();
    let options = Options {
        disk: Disk::default().watched(shown.watch()),
        ..services::store_options(config)?
    };
    let done = Store::repair(&options)?;
    super::ended(config);
    shown.end();
    gone::tell(config, &done);
    for damage in &done.damage {
        println!("{}", damage.what);
    }
    let names = names(config, &done).unwrap_or_default();
    for lost in &done.contents {
        println!("{}", line(lost, &names));
    }
    for line in &done.remaining {
        println!("{line}");
    }
    let listed = done.contents.len();
    anyhow::bail!(
        "đã khôi phục những gì đọc được; thiếu {0} mảnh, {listed} thư mất nội dung (nêu ở trên) / restored all that \
         can be read; {0} pieces of the backup are missing, and {listed} messages lost their content (named above)",
        lost.len()
    )
}

/// Addresses of the accounts that lost something, as far as the directory can still be read.
fn names(config: &Config, done: &Repaired) -> anyhow::Result<BTreeMap<AccountId, String>> {
    let store = services::open_store(config)?;
    let settings = services::directory_settings(config)?;
    let directory = Directory::open(store.clone(), Arc::new(SystemClock), settings)?;
    let mut names = BTreeMap::new();
    for lost in &done.contents {
        if let Ok(account) = directory.account(lost.account) {
            names.insert(lost.account, account.address.to_string());
        }
    }
    drop(directory);
    store.close()?;
    Ok(names)
}

fn line(lost: &LostContent, names: &BTreeMap<AccountId, String>) -> String {
    let number = lost.account.to_string();
    let account = names.get(&lost.account).unwrap_or(&number);
    let places = lost.mailboxes.iter();
    let places: Vec<String> = places
        .map(|(name, uid)| format!("{name} uid {uid}"))
        .collect();
    format!(
        "{account}, {}: {:?}: mất nội dung / its content is missing",
        places.join(", "),
        lost.subject.as_deref().unwrap_or_default()
    )
}
