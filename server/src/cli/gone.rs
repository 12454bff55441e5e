//! What a repair could not keep: whose it was, so that one knows what to restore from a backup.

use crate::clock::SystemClock;
use crate::config::Config;
use crate::services;
use directory::Directory;
use std::sync::Arc;
use storage::{AccountId, Repaired};

/// Names the accounts of which commits or keys are lost for good, where there are any.
pub(super) fn tell(config: &Config, done: &Repaired) {
    let Some(gone) = &done.gone else {
        return;
    };
    println!(
        "Có thay đổi đã mất hẳn; hãy khôi phục từ bản sao lưu: / Changes are lost for good; restore from a backup:"
    );
    let accounts: Vec<AccountId> = gone.accounts.iter().copied().collect();
    // Without a directory that can be read there are the numbers.
    let named = named(config, &accounts);
    let named = named.unwrap_or_else(|_| accounts.iter().map(of_number).collect());
    for name in named {
        println!("tài khoản / account {name}");
    }
    if gone.others {
        println!(
            "Tài khoản khác cũng có thể mất những thay đổi gần nhất. / Any other account may have lost changes too."
        );
    }
}

fn of_number(account: &AccountId) -> String {
    account.to_string()
}

/// By address where the directory knows it, else by number.
fn named(config: &Config, accounts: &[AccountId]) -> anyhow::Result<Vec<String>> {
    let store = services::open_store(config)?;
    let settings = services::directory_settings(config)?;
    let directory = Directory::open(store.clone(), Arc::new(SystemClock), settings)?;
    let name = |id: &AccountId| match directory.account(*id) {
        Ok(account) => account.address.to_string(),
        Err(_) => of_number(id),
    };
    let named = accounts.iter().map(name).collect();
    drop(directory);
    store.close()?;
    Ok(named)
}
