//! What a repair tells: what was damaged, where, and whose.

use super::lacking;
use super::mishap::Mishap;
use super::packs::Damaged;
use super::report::{Pending, Untold};
use crate::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::PathBuf;

/// Damages and messages that are listed; of more only the number is told.
const LISTED_MAX: usize = 10_000;

/// One damaged place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// What and where, in words of both languages.
    pub what: String,
    /// The accounts that it may concern; empty where that cannot be told.
    pub accounts: Vec<AccountId>,
}

/// A message whose content cannot be read any more. All else of it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct LostContent {
    pub account: AccountId,
    pub email: EmailId,
    pub blob: BlobId,
    /// Names of its mailboxes, with its Uid there.
    pub mailboxes: Vec<(String, Uid)>,
    pub subject: Option<String>,
}

/// Commits or keys that neither the files nor the index have any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gone {
    /// The accounts that it concerns or may concern, as far as that can be told. Some of the numbers may be
    /// nobody's; a directory knows.
    pub accounts: BTreeSet<AccountId>,
    /// It may concern any other account too.
    pub others: bool,
    /// What these others may have lost was committed at this time or later, Unix seconds; `None` where that is not
    /// known.
    pub since: Option<i64>,
}

/// What [`Store::repair`] found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Empty when snapshots, journal and packs were whole.
    pub damage: Vec<Damage>,
    /// Damages that are not listed, since there are too many.
    pub more: usize,
    /// Keys that the repaired store has; 0 when it needed no new snapshot.
    pub keys: u64,
    /// Keys of these that only the index still had.
    pub from_index: u64,
    /// Accounts whose counters, names or change log did not fit what they hold, and were mended.
    pub mended: u64,
    /// What was lost for good; `None` when the index had all that was damaged.
    pub gone: Option<Gone>,
    /// Messages whose content is damaged.
    pub contents: Vec<LostContent>,
    /// Letters of the queue whose content is damaged.
    pub waiting: Vec<QueueId>,
    /// Where what was there before is now.
    pub aside: Option<PathBuf>,
    /// What a check of the repaired store still finds.
    pub remaining: Vec<String>,
    /// The file in which all this is written down; `None` where there was no damage.
    pub report: Option<PathBuf>,
    /// Reports of earlier repairs, of which nobody was told all.
    pub untold: Vec<Untold>,
    pub(super) pending: Pending,
}

impl Repaired {
    /// Notes one damaged place.
    pub(super) fn add(&mut self, what: &(impl Told + Display), accounts: &[AccountId]) {
        tracing::warn!(%what, "damage");
        let what = what.in_both();
        if self.damage.len() < LISTED_MAX {
            self.pending.damage(&what);
            let accounts = accounts.to_vec();
            self.damage.push(Damage { what, accounts });
        } else {
            self.more += 1;
        }
    }
}

/// Lists what of this content is still needed, and the messages that have it; drops what nobody needs. Returns how much
/// no pack has any more.
pub(super) fn contents(
    store: &Store,
    damaged: Damaged,
    report: &mut Repaired,
) -> Result<u64, Error> {
    if damaged.listed.is_empty() {
        return Ok(0);
    }
    let shared = &store.inner.shared;
    collect::drop_unneeded(store)?;
    let (mut left, mut whys) = (BTreeSet::new(), BTreeMap::new());
    for (blob, why) in damaged.listed {
        match shared.index.get(&key::blob(blob))? {
            None => report.add(&Mishap::ContentUnneeded { blob }, &[]),
            Some(_) => {
                whys.insert(blob, why.clone());
                report.add(&Mishap::Content { blob, why }, &[]);
                left.insert(blob);
            }
        }
    }
    report.more += damaged.more;
    let lacking = lacking::count(store, &left)? + damaged.more as u64;
    waiting(store, &left, report)?;
    let mut next = AccountId::SYSTEM.next();
    while let Some(from) = next {
        let found = check::account_from(&shared.index, from)?;
        if let Some(id) = found {
            match of_account(&store.account(id), &left, report) {
                // A check says what is wrong with it.
                Err(Error::Corrupt(_)) | Ok(()) => {}
                Err(e) => return Err(e),
            }
        }
        next = found.and_then(AccountId::next);
    }
    // Whoever looks after the store hears of it as long as it lasts.
    for (blob, why) in whys {
        let its = report.contents.iter().filter(|lost| lost.blob == blob);
        shared.note_content(blob, &why, its.map(|lost| (lost.account, lost.email)));
    }
    Ok(lacking)
}

/// The letters of the queue that have it.
fn waiting(store: &Store, damaged: &BTreeSet<BlobId>, report: &mut Repaired) -> Result<(), Error> {
    let queue = key::kind(AccountId::SYSTEM, key::QUEUE);
    store
        .inner
        .shared
        .index
        .scan(&queue, &queue, &mut |key, value| {
            let id = key::number_of(key).and_then(QueueId::new);
            // One that cannot be read is a finding.
            let item = record::decode::<record::QueueRecord>(value, "queue item");
            let harmed = id.filter(|_| item.is_ok_and(|item| damaged.contains(&item.blob)));
            match report.waiting.len() < LISTED_MAX {
                true => report.waiting.extend(harmed),
                false => report.more += usize::from(harmed.is_some()),
            }
            Ok(true)
        })
}

fn of_account(
    account: &AccountStore,
    damaged: &BTreeSet<BlobId>,
    report: &mut Repaired,
) -> Result<(), Error> {
    let mut lost = Vec::new();
    account.scan_all(&mut |state| {
        if damaged.contains(&state.blob) {
            lost.push(state.clone());
        }
        true
    })?;
    for state in lost {
        let name = |id: MailboxId| account.mailbox(id).map_or(id.to_string(), |m| m.name);
        let mailboxes = state.mailboxes.iter().map(|(id, uid)| (name(*id), *uid));
        let summary = account.summary(state.email).ok();
        if report.contents.len() >= LISTED_MAX {
            report.more += 1;
            continue;
        }
        report.contents.push(LostContent {
            account: account.id(),
            email: state.email,
            blob: state.blob,
            mailboxes: mailboxes.collect(),
            subject: summary.and_then(|s| s.head.subject.clone()),
        });
    }
    Ok(())
}
