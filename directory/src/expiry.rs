//! Expiry: what policies say of days is done to the mail itself, in each pass over the store.
//!
//! Of `restore_days` the store is told for each account how long its removed mail is kept at least, so that tools that
//! work on a stopped store keep to it too. By `trash_days` and `junk_days` mail goes from those two mailboxes so many
//! days after it came there, as if its owner had removed it: the change log tells it to his programs, and it can be put
//! back like all removed mail. Nothing of an account under a legal hold goes.

use crate::act::Note;
use crate::open::PAGE_MAX;
use crate::policy::Key;
use crate::{AccountId, AgencyId, Directory, Error};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::atomic::Ordering::Relaxed;
use storage::{EmailId, Mailbox, Role, Uid};

const DAY_S: u64 = 24 * 3600;
/// Messages that leave a mailbox in one commit.
const BATCH: usize = 500;
/// Messages that go in one pass; the next one goes on.
const MESSAGES_MAX: u64 = 200_000;

/// What a pass removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Expired {
    pub accounts: u64,
    pub messages: u64,
}

/// What is ruled of days for the accounts of an agency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Days {
    restore: Option<u64>,
    trash: Option<u64>,
    junk: Option<u64>,
}

impl Directory {
    /// Tells how many days the config keeps removed mail, for who asks what holds.
    pub fn set_restore_days(&self, days: u64) {
        self.inner.restore_days.store(days, Relaxed);
    }

    /// The same; `None`: it was not told.
    pub(crate) fn restore_days(&self) -> Option<u64> {
        Some(self.inner.restore_days.load(Relaxed)).filter(|days| *days > 0)
    }

    /// Tells the store how long removed mail of each account is kept at least, deleted accounts too: before it trims
    /// anything. Writes only what differs. Errors: `Storage`.
    pub fn keep_as_ruled(&self) -> Result<(), Error> {
        let rules = self.ruled_days(|days| days.restore.is_some());
        let mut kept: BTreeMap<AccountId, u64> = self.inner.store.all_kept()?.into_iter().collect();
        if rules.is_empty() && kept.is_empty() {
            return Ok(());
        }
        let mut differ = Vec::new();
        let mut say = |id: AccountId, agency: &AgencyId| {
            let wanted = rules.get(agency).and_then(|days| days.restore);
            let wanted = wanted.map(|days| days * DAY_S);
            if kept.remove(&id) != wanted {
                differ.push((id, wanted));
            }
        };
        let mut after = None;
        while let Some(last) = self.each_account(after, &mut say) {
            after = Some(last);
        }
        let mut after = None;
        loop {
            let page = self.deleted_accounts(None, after, PAGE_MAX)?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            page.iter()
                .for_each(|account| say(account.id, &account.agency));
        }
        Ok(self.inner.store.keep_each_at_least(&differ)?)
    }

    /// Removes what lay longer than is ruled in the mailboxes for deleted mail and spam, at `now`, Unix seconds that
    /// the caller trusts. `stop` ends it between two accounts. Errors: `Storage`.
    pub fn expire(&self, now: i64, stop: &dyn Fn() -> bool) -> Result<Expired, Error> {
        let rules = self.ruled_days(|days| days.trash.is_some() || days.junk.is_some());
        let mut done = Expired::default();
        let (mut after, mut failed) = (None, None);
        'accounts: while !rules.is_empty() && !stop() {
            let mut ruled = Vec::new();
            let last = self.each_account(after, &mut |id, agency| {
                ruled.extend(rules.get(agency).map(|days| (id, *days)));
            });
            let Some(last) = last else { break };
            after = Some(last);
            for (id, days) in ruled {
                let left = MESSAGES_MAX - done.messages;
                if left == 0 || stop() {
                    break;
                }
                match self.expire_account(id, days, now, left) {
                    Ok(gone) => {
                        done.messages += gone;
                        done.accounts += u64::from(gone > 0);
                    }
                    // A damaged one stands in nobody's way.
                    Err(Error::Storage(
                        why @ (storage::Error::Corrupt(_) | storage::Error::Damaged(_)),
                    )) => tracing::error!(account = id.raw(), %why, "nothing expires here"),
                    Err(error) => {
                        failed = Some(error);
                        break 'accounts;
                    }
                }
            }
        }
        if done.messages > 0 {
            let note = Note {
                act: "mail.expire",
                object: "policy".to_owned(),
                detail: json!({ "accounts": done.accounts, "messages": done.messages }),
            };
            self.commit(&mut self.acts(), None, note, Vec::new())?;
        }
        failed.map_or(Ok(done), Err)
    }

    /// Calls `each` for a page of accounts with their agencies; the last of them.
    fn each_account(
        &self,
        after: Option<AccountId>,
        each: &mut dyn FnMut(AccountId, &AgencyId),
    ) -> Option<AccountId> {
        let book = self.read();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let page = book.accounts.range((from, Bound::Unbounded));
        page.take(PAGE_MAX)
            .map(|(id, account)| {
                each(*id, &account.agency);
                *id
            })
            .last()
    }

    /// The agencies of which such days are ruled.
    fn ruled_days(&self, fits: impl Fn(&Days) -> bool) -> HashMap<AgencyId, Days> {
        let book = self.read();
        if book.policies.is_empty() {
            return HashMap::new();
        }
        let days = |id: &AgencyId| Days {
            restore: book.ruled_number(id, Key::RestoreDays),
            trash: book.ruled_number(id, Key::TrashDays),
            junk: book.ruled_number(id, Key::JunkDays),
        };
        let all = book.agencies.keys().map(|id| (id.clone(), days(id)));
        all.filter(|(_, days)| fits(days)).collect()
    }

    /// How many messages of an account went, `most` at most.
    fn expire_account(&self, id: AccountId, days: Days, now: i64, most: u64) -> Result<u64, Error> {
        let store = self.inner.store.account(id);
        let mut gone = 0;
        for (role, days) in [(Role::Trash, days.trash), (Role::Junk, days.junk)] {
            let Some((mailbox, days)) = store.by_role(role)?.zip(days) else {
                continue;
            };
            let until = now.saturating_sub_unsigned(days * DAY_S);
            let due = self.due(id, &mailbox, until, most - gone)?;
            // Asked when there is something to do: most have nothing.
            if due.is_empty() || !self.inner.store.holds(Some(id))?.is_empty() {
                continue;
            }
            for some in due.chunks(BATCH) {
                let mut writer = store.write()?;
                for email in some {
                    match writer.expunge(*email, mailbox.id) {
                        Ok(()) => gone += 1,
                        // Somebody moved or removed it meanwhile.
                        Err(storage::Error::NotFound | storage::Error::Expunged) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                writer.commit()?;
            }
        }
        Ok(gone)
    }

    /// Messages that came into a mailbox at `until` or before.
    fn due(
        &self,
        id: AccountId,
        mailbox: &Mailbox,
        until: i64,
        most: u64,
    ) -> Result<Vec<EmailId>, Error> {
        let mut due = Vec::new();
        let store = self.inner.store.account(id);
        let last = Uid::new(u32::MAX).unwrap_or(Uid::FIRST);
        store.scan(mailbox.id, Uid::FIRST, last, &mut |_, state| {
            if state.saved_at(mailbox.id).is_some_and(|at| at <= until) {
                due.push(state.email);
            }
            (due.len() as u64) < most
        })?;
        Ok(due)
    }
}
