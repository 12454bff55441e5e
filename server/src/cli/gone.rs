//! What a repair could not keep: whose it was, so that one knows what to restore from a backup.

use crate::clock::SystemClock;
use crate::config::Config;
use crate::services;
use directory::Directory;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use storage::{AccountId, Repaired};

/// Tells of lost commits, keys and contents with the names of the accounts, where there are any.
pub(super) fn tell(config: &Config, done: &Repaired) {
    if done.gone.is_none() && done.contents.is_empty() {
        return;
    }
    // Without a directory that can be read there are the numbers.
    let whose = Whose::look(config, done).unwrap_or_else(|_| Whose::unknown(done));
    if let Some(gone) = &done.gone {
        println!(
            "Có thay đổi đã mất hẳn; hãy khôi phục từ bản sao lưu: / Changes are lost for good; restore from a backup:"
        );
        for id in &whose.gone {
            println!("tài khoản / account {}", whose.name(*id));
        }
        for id in &whose.bereft {
            println!(
                "tài khoản / account {}: mất tất cả thư / all of its mail",
                whose.name(*id)
            );
        }
        if gone.others {
            println!(
                "Tài khoản khác cũng có thể mất những thay đổi gần nhất. / Any other account may have lost changes too."
            );
        }
    }
    for lost in &done.contents {
        let places = lost.mailboxes.iter().map(|(m, uid)| format!("{m}/{uid}"));
        let places: Vec<String> = places.collect();
        println!(
            "tài khoản / account {}, {}: {:?}: mất nội dung / content lost",
            whose.name(lost.account),
            places.join(", "),
            lost.subject.as_deref().unwrap_or_default()
        );
    }
}

/// The accounts that a report is about.
struct Whose {
    /// Accounts that lost something.
    gone: BTreeSet<AccountId>,
    /// Accounts that lost everything.
    bereft: BTreeSet<AccountId>,
    /// By address where the directory knows it.
    names: BTreeMap<AccountId, String>,
}

impl Whose {
    fn unknown(done: &Repaired) -> Self {
        Self {
            gone: done
                .gone
                .iter()
                .flat_map(|g| &g.accounts)
                .copied()
                .collect(),
            bereft: BTreeSet::new(),
            names: BTreeMap::new(),
        }
    }

    fn look(config: &Config, done: &Repaired) -> anyhow::Result<Self> {
        let store = services::open_store(config)?;
        let settings = services::directory_settings(config)?;
        let directory = Directory::open(store.clone(), Arc::new(SystemClock), settings)?;
        let mut whose = Self::unknown(done);
        whose.bereft = directory.bereft().iter().copied().collect();
        let all = whose.gone.iter().chain(&whose.bereft).copied();
        let all: BTreeSet<AccountId> = all.chain(done.contents.iter().map(|c| c.account)).collect();
        for id in all {
            if let Ok(account) = directory.account(id) {
                whose.names.insert(id, account.address.to_string());
            }
        }
        let Self {
            gone,
            bereft,
            names,
        } = &mut whose;
        // Of a range of keys that is lost some numbers are nobody's; of an account that was deleted there is mail.
        gone.retain(|id| {
            let is_somebodys = names.contains_key(id)
                || store
                    .account(*id)
                    .mailboxes()
                    .is_ok_and(|all| !all.is_empty());
            is_somebodys && !bereft.contains(id)
        });
        drop(directory);
        store.close()?;
        Ok(whose)
    }

    fn name(&self, id: AccountId) -> String {
        self.names
            .get(&id)
            .cloned()
            .unwrap_or_else(|| id.to_string())
    }
}
