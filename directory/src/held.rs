//! Held: what somebody may do in the account of somebody else, all lists taken together; and which of those accounts
//! he follows.

use crate::book::Book;
use crate::{Access, Account, AccountId, Rights, Sharing};
use std::collections::{BTreeMap, BTreeSet};
use storage::MailboxId;

/// What somebody may do in the account of somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Over every mailbox of it.
    pub whole: Rights,
    /// Over single mailboxes besides.
    pub single: BTreeMap<MailboxId, Rights>,
    /// Single mailboxes to look up that are given to him by name, not to anyone.
    pub named: BTreeSet<MailboxId>,
}

impl Held {
    /// Over this mailbox.
    pub fn over(&self, mailbox: MailboxId) -> Rights {
        let single = self.single.get(&mailbox).copied().unwrap_or_default();
        self.whole.with(single)
    }

    /// Over any mailbox at all.
    pub fn anywhere(&self) -> Rights {
        let single = self.single.values();
        single.fold(self.whole, |all, rights| all.with(*rights))
    }

    /// Whether he is subscribed to a mailbox of which he has not said so or not: what he was given by name is there
    /// without his doing anything, and so are the mailboxes of a seat, as the seat itself has them (`subscribed`).
    pub fn follows(&self, mailbox: MailboxId, subscribed: bool) -> bool {
        let member = subscribed && self.whole.has(Rights::LOOKUP);
        member || self.named.contains(&mailbox)
    }
}

impl Access {
    /// What one may do in the account of somebody else. `None` where nothing is shared with one (I-17), and for
    /// one's own; who only reads has that too.
    pub fn held(&self, account: AccountId) -> Option<Held> {
        let book = self.directory.read();
        if self.only_reads() {
            let whole = self.looked_into(account);
            let held = Held {
                whole,
                single: BTreeMap::new(),
                named: BTreeSet::new(),
            };
            return (!whole.is_empty() && self.stands_in(&book)).then_some(held);
        }
        let held = (account != self.account && self.stands_in(&book))
            .then(|| book.held(self.account, account));
        held.filter(|held| !held.anywhere().is_empty())
    }

    /// What who only reads may do with an account: with this one alone, not with what is shared with its owner.
    pub(crate) fn looked_into(&self, account: AccountId) -> Rights {
        match account == self.account {
            true => Rights::LOOKUP.with(Rights::READ),
            false => Rights::NONE,
        }
    }

    /// Other accounts of which one may look up at least one mailbox, each with what one may do in it; at most
    /// [`ACCOUNTS_SEEN_MAX`](crate::share::ACCOUNTS_SEEN_MAX).
    pub fn shown(&self) -> Vec<(Account, Held)> {
        let neighbours = self.neighbours().into_iter();
        let shown = neighbours.filter_map(|account| {
            let held = self.held(account.id)?;
            held.anywhere()
                .has(Rights::LOOKUP)
                .then_some((account, held))
        });
        shown.collect()
    }

    /// Those of them of which one is subscribed to at least one mailbox.
    pub fn followed(&self) -> Result<Vec<(Account, Held)>, storage::Error> {
        let mut shown = self.shown();
        if shown.is_empty() {
            return Ok(shown);
        }
        let said = self.subscriptions()?;
        let mut followed = Vec::with_capacity(shown.len());
        for (account, held) in shown.drain(..) {
            let here = said.iter().filter(|((owner, _), _)| *owner == account.id);
            let here: BTreeMap<MailboxId, bool> = here.map(|((_, m), on)| (*m, *on)).collect();
            if self.follows(&account, &held, &here)? {
                followed.push((account, held));
            }
        }
        Ok(followed)
    }

    /// `said`: of the mailboxes of this account.
    fn follows(
        &self,
        account: &Account,
        held: &Held,
        said: &BTreeMap<MailboxId, bool>,
    ) -> Result<bool, storage::Error> {
        let unsaid = |m: &MailboxId| !said.contains_key(m);
        let mut on = said.iter().filter(|(_, on)| **on);
        if held.named.iter().any(unsaid) || on.any(|(m, _)| held.over(*m).has(Rights::LOOKUP)) {
            return Ok(true);
        }
        if !held.whole.has(Rights::LOOKUP) || said.is_empty() {
            // INBOX at least is subscribed to by every account.
            return Ok(held.whole.has(Rights::LOOKUP));
        }
        let store = self.directory.inner.store.account(account.id);
        let all = store.mailboxes()?;
        Ok(all.iter().any(|m| m.subscribed && unsaid(&m.id)))
    }
}

impl Book {
    /// What `who` may do in the account of `owner`, list by list.
    fn held(&self, who: AccountId, owner: AccountId) -> Held {
        let mut held = Held {
            whole: Rights::NONE,
            single: BTreeMap::new(),
            named: BTreeSet::new(),
        };
        for to in self.meant(who, owner) {
            let from = self.shared_to.range((to, owner, None)..);
            let named = from.take_while(|(w, o, _)| *w == to && *o == owner);
            for (_, _, mailbox) in named {
                let share = self.shares.get(&(owner, *mailbox));
                let given = share.map_or(Rights::NONE, |share| share.given(to));
                let Some(id) = mailbox else {
                    held.whole = held.whole.with(given);
                    continue;
                };
                if to != Sharing::Anyone && given.has(Rights::LOOKUP) {
                    held.named.insert(*id);
                }
                let rights = held.single.entry(*id).or_default();
                *rights = rights.with(given);
            }
        }
        held
    }
}
