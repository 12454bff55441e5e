//! Notice: what somebody may do with a mailbox of another was changed, and by whom.
//!
//! It is kept for the one whom it concerns until he dismisses it, and committed with the list that it tells of. Changes
//! of one mailbox become one notice as long as he has heard of none of them, so that what a notice says was so before
//! is always what he knew; a notice that he has heard of stays as it is (RFC 9670 §3: its rights never change). Notices
//! of one mailbox, all of them, and their age are bounded, so that whoever changes a list to and fro fills nobody's
//! store and pushes nobody else's news out (RFC 9670 §6.3). What is given to anyone is not told to each.

use crate::book::Book;
use crate::fact::{Fact, account_key, decode, table};
use crate::{Access, AccountId, Directory, Error, Rights, Share, Sharing};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use storage::MailboxId;

/// Notices kept for one account; the oldest goes first.
pub const NOTICES_MAX: usize = 100;
/// Seconds that a notice is kept.
pub const KEPT_S: i64 = 90 * 86_400;
/// Notices of one mailbox kept for one account; past it the last one takes up what comes, heard of or not.
pub const OF_ONE_MAX: usize = 8;
/// The row that counts; notices are numbered from one.
const COUNTER: u64 = 0;

/// Who made a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Author {
    pub account: AccountId,
    /// His name at that time.
    pub name: String,
    pub address: String,
}

/// One change, as the one sees it who may now do more or less.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Notice {
    /// Never given twice to the same account.
    pub number: u64,
    /// Unix seconds.
    pub at: i64,
    /// `None`: the system itself.
    pub by: Option<Author>,
    /// The owner of the mailbox.
    pub account: AccountId,
    pub mailbox: MailboxId,
    /// All that he might do with it, by whatever list.
    pub before: Rights,
    pub after: Rights,
    /// The mailbox's name at that time; of an account that was shared as a whole, the account's.
    pub name: String,
}

/// What a notice is to tell.
pub(crate) struct News<'a> {
    pub(crate) by: Option<&'a Access>,
    /// Whom it concerns.
    pub(crate) to: AccountId,
    pub(crate) account: AccountId,
    pub(crate) mailbox: MailboxId,
    pub(crate) before: Rights,
    pub(crate) after: Rights,
    pub(crate) name: String,
}

/// From which notice on an account has not heard of any; in memory: after a restart all count as heard of.
#[derive(Debug, Default)]
pub(crate) struct Unheard(Mutex<HashMap<AccountId, u64>>);

impl Unheard {
    fn with<T>(&self, act: impl FnOnce(&mut HashMap<AccountId, u64>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn holds(&self, account: AccountId, number: u64) -> bool {
        self.with(|from| from.get(&account).is_some_and(|from| *from <= number))
    }
}

impl Access {
    /// One's own notices, the oldest first; he has heard of them now.
    pub fn hear_notices(&self) -> Result<Vec<Notice>, Error> {
        if self.only_reads() {
            return self.notices();
        }
        // No change may add to one that is being told.
        let _acts = self.directory.acts();
        let notices = self.notices()?;
        let unheard = &self.directory.inner.unheard;
        unheard.with(|from| from.remove(&self.account));
        Ok(notices)
    }

    /// One's own notices, the oldest first: to look whether there are any.
    pub fn notices(&self) -> Result<Vec<Notice>, Error> {
        if self.only_reads() && self.stands() {
            // They are for their owner to hear of.
            return Ok(Vec::new());
        }
        self.own()?;
        let (_, mut kept) = self.directory.kept(self.account)?;
        let since = self.directory.now_s().saturating_sub(KEPT_S);
        kept.retain(|notice| notice.at >= since);
        Ok(kept)
    }

    /// Forgets one of them. Errors: `NotFound`.
    pub fn dismiss(&self, number: u64) -> Result<(), Error> {
        let _acts = self.directory.acts();
        let there = self.notices()?;
        if !there.iter().any(|notice| notice.number == number) {
            return Err(Error::NotFound("notice"));
        }
        let gone = Fact::Notice(self.account, number, None);
        self.directory.commit_unlogged(vec![gone])
    }
}

impl Directory {
    /// The last number given, and the notices in order.
    fn kept(&self, account: AccountId) -> Result<(u64, Vec<Notice>), storage::Error> {
        let rows = self.inner.store.table(table::NOTICE);
        let rows = rows.rows(&account_key(account), None, NOTICES_MAX + 1)?;
        let mut last = 0;
        let mut kept = Vec::with_capacity(rows.len());
        for (key, value) in rows {
            match key.get(4..).and_then(|k| k.try_into().ok()) {
                Some(number) if u64::from_be_bytes(number) == COUNTER => {
                    last = decode(table::NOTICE, &value)?;
                }
                _ => kept.push(decode(table::NOTICE, &value)?),
            }
        }
        Ok((last, kept))
    }

    /// What is to be committed with the change that is told of; nothing when it changes nothing for him.
    pub(crate) fn notice(&self, news: News<'_>) -> Result<Vec<Fact>, Error> {
        if news.before == news.after {
            return Ok(Vec::new());
        }
        let now = self.now_s();
        let (last, kept) = self.kept(news.to)?;
        let mut before = news.before;
        let mut gone = Vec::new();
        let since = now.saturating_sub(KEPT_S);
        let same = |n: &&Notice| n.account == news.account && n.mailbox == news.mailbox;
        let of_it: Vec<&Notice> = kept.iter().filter(same).collect();
        let unheard = &self.inner.unheard;
        if let Some(old) = of_it.last().filter(|old| old.at >= since)
            && (of_it.len() >= OF_ONE_MAX || unheard.holds(news.to, old.number))
        {
            gone.push(old.number);
            before = old.before;
        }
        let stale = kept.iter().filter(|n| n.at < since).map(|n| n.number);
        gone.extend(stale);
        let numbers = kept.iter().map(|n| n.number);
        let staying: Vec<u64> = numbers.filter(|n| !gone.contains(n)).collect();
        let over = (staying.len() + 1).saturating_sub(NOTICES_MAX);
        gone.extend(staying.into_iter().take(over));
        let gone = gone.into_iter().map(|n| Fact::Notice(news.to, n, None));
        let mut facts: Vec<Fact> = gone.collect();
        // What was given is withdrawn at once: the mailbox itself may have been seen, so the last change is told alone
        // (RFC 9670 §3).
        if before == news.after {
            before = news.before;
        }
        let number = last + 1;
        unheard.with(|from| *from.entry(news.to).or_insert(number));
        let notice = Notice {
            number,
            at: now,
            by: news.by.map(|access| Author {
                account: access.account,
                name: access.name(),
                address: access.address.to_string(),
            }),
            account: news.account,
            mailbox: news.mailbox,
            before,
            after: news.after,
            name: news.name,
        };
        facts.push(Fact::NoticeCounter(news.to, number));
        facts.push(Fact::Notice(news.to, number, Some(notice)));
        Ok(facts)
    }
}

impl Book {
    /// What a new list of an account, or of one of its mailboxes, means to the one account that is named, told of
    /// this mailbox; the name is for the caller to say. Who is a member no longer loses his entries in the lists of
    /// single mailboxes too.
    pub(crate) fn news<'a>(
        &self,
        by: Option<&'a Access>,
        to: Sharing,
        mailbox: MailboxId,
        list: &Share,
    ) -> Option<News<'a>> {
        let Sharing::Account(who) = to else {
            return None;
        };
        let account = list.account;
        let (whole, mut own) = match list.mailbox {
            None => (list.clone(), self.share(account, Some(mailbox))),
            Some(_) => (self.share(account, None), list.clone()),
        };
        if list.mailbox.is_none() && list.given(to).is_empty() {
            own.put(to, Rights::NONE);
        }
        Some(News {
            by,
            to: who,
            account,
            mailbox,
            before: self.rights(who, account, Some(mailbox)),
            after: self.given(who, account, [Some(&whole), Some(&own)]),
            name: String::new(),
        })
    }
}

/// Account first; the number in order.
pub(crate) fn key(account: AccountId, number: u64) -> Vec<u8> {
    let mut key = account_key(account);
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// The key of the row that counts an account's notices.
pub(crate) fn counter_key(account: AccountId) -> Vec<u8> {
    key(account, COUNTER)
}
