//! What a repair could not keep: whose it was, so that one knows what to restore from a backup.

use crate::clock::SystemClock;
use crate::config::Config;
use crate::services;
use directory::Directory;
use formats::date;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::Arc;
use storage::{AccountId, Gone, Options, Repaired};

/// What was told of a repair.
pub(super) struct Told {
    lines: Vec<String>,
    /// Nothing of the directory is left, so no account is.
    pub nobody: bool,
    /// Changes are lost, or what an earlier repair lost was never told.
    pub changes: bool,
}

impl Told {
    fn line(&mut self, line: String) {
        println!("{line}");
        self.lines.push(line);
    }

    /// These were told too.
    pub(super) fn also(&mut self, lines: &[String]) {
        self.lines.extend_from_slice(lines);
    }

    /// It reached whoever ordered the repair: the report says so, and has these lines too.
    pub(super) fn end(self, done: &Repaired, options: &Options) -> anyhow::Result<()> {
        crate::out::Out.flush()?;
        Ok(done.told(options, &self.lines)?)
    }
}

/// Tells of lost commits, keys and contents with the names of the accounts, where there are any; and of repairs that
/// were cut off before they had told theirs.
pub(super) fn tell(config: &Config, done: &Repaired) -> Told {
    let mut told = Told {
        lines: Vec::new(),
        nobody: false,
        changes: done.gone.is_some() || done.untold.iter().any(|earlier| earlier.lost),
    };
    for earlier in &done.untold {
        told.line(format!(
            "Một lần sửa trước đã dừng trước khi báo hết; những gì nó tìm thấy ở trong tệp: / An earlier repair was cut \
             off before it had told all; what it found is in the file: {}",
            earlier.path.display()
        ));
    }
    for id in &done.waiting {
        told.line(format!(
            "thư {id} trong hàng đợi: mất nội dung, không gửi đi được / letter {id} of the queue: its content is lost, it \
             cannot be sent"
        ));
    }
    if done.gone.is_none() && done.contents.is_empty() {
        return told;
    }
    // Without a directory that can be read there are the numbers.
    let whose = Whose::look(config, done).unwrap_or_else(|_| Whose::unknown(done));
    told.nobody = whose.nobody;
    if let Some(gone) = &done.gone {
        changes(gone, &whose, &mut told);
    }
    for lost in &done.contents {
        let places = lost.mailboxes.iter().map(|(m, uid)| format!("{m}/{uid}"));
        let places: Vec<String> = places.collect();
        told.line(format!(
            "tài khoản / account {}, {}: {:?}: mất nội dung / content lost",
            whose.name(lost.account),
            places.join(", "),
            lost.subject.as_deref().unwrap_or_default()
        ));
    }
    told
}

fn changes(gone: &Gone, whose: &Whose, told: &mut Told) {
    if whose.nobody {
        told.line(
            "Danh bạ đã mất: không còn đọc được tài khoản nào, và không tài khoản nào còn thư. Máy chủ không chạy được với \
             kho này; chỉ có bản sao lưu khác mới giúp được. / The directory is lost: no account can be read any more, and \
             none has its mail. No server starts with this store; only another backup helps."
                .into(),
        );
        return;
    }
    told.line(
        "Có thay đổi đã mất hẳn; hãy khôi phục từ bản sao lưu: / Changes are lost for good; restore from a backup:".into(),
    );
    for id in &whose.gone {
        told.line(format!("tài khoản / account {}", whose.name(*id)));
    }
    for id in &whose.bereft {
        told.line(format!(
            "tài khoản / account {}: mất tất cả thư / all of its mail",
            whose.name(*id)
        ));
    }
    if gone.others {
        let (vietnamese, english) = match whose.gone.is_empty() && whose.bereft.is_empty() {
            true => ("Mọi tài khoản", "Every account"),
            false => ("Tài khoản khác cũng", "Any other account"),
        };
        told.line(match gone.since.map(date::utc) {
            Some(since) => format!(
                "{vietnamese} có thể mất những thay đổi từ {since} trở đi. / {english} may have lost changes made at {since} \
                 or later."
            ),
            None => format!("{vietnamese} có thể mất thay đổi. / {english} may have lost changes too."),
        });
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
    /// There is no directory any more.
    nobody: bool,
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
            nobody: false,
        }
    }

    fn look(config: &Config, done: &Repaired) -> anyhow::Result<Self> {
        let store = services::open_store(config)?;
        let settings = services::directory_settings(config)?;
        let directory = Directory::open(store.clone(), Arc::new(SystemClock), settings)?;
        let mut whose = Self::unknown(done);
        whose.nobody = directory.agencies(None, None, None, 1)?.is_empty();
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
            ..
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
