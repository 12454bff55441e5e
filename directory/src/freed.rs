//! Freed: addresses that nobody has any more, and who had each last.
//!
//! Others still write to them, and programs still know what they saw there. So an address rests: for a time only who
//! looks after the agency of who had it gives it to somebody, and nobody else learns whether it is had or rests. What named
//! it is told in the same commit (`mention`), whatever act frees it.

use crate::act::Note;
use crate::book::Book;
use crate::fact::Fact;
use crate::mention::Leaving;
use crate::policy::Key;
use crate::resolve::bare;
use crate::{Access, Account, AccountId, AgencyId, Capability, Error};
use formats::address::Address;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Days for which an address rests where no agency says otherwise.
pub(crate) const REST_DAYS: u64 = 180;
const DAY_S: i64 = 24 * 60 * 60;

/// An address that was freed; it stays on record when somebody has it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Freed {
    pub(crate) address: Address,
    /// Who had it last, and where he was then.
    pub(crate) account: AccountId,
    pub(crate) agency: AgencyId,
    /// Unix seconds.
    pub(crate) at: i64,
}

impl Book {
    /// Whether nobody has an address, and who gives it to an account (`None`: a new one) may: he looks after whoever letters
    /// to it are meant for, as with a detail or in a domain that stands for another; else it is told as taken. Errors:
    /// `Exists`, `Outranked`.
    pub(crate) fn check_untaken(
        &self,
        by: Option<&Access>,
        capability: Capability,
        address: &Address,
        whose: Option<AccountId>,
    ) -> Result<(), Error> {
        let taken = self.addresses.contains_key(&address.key());
        let without = bare(address).filter(|without| self.key_of(without).is_none());
        let mut each = std::iter::once(address).chain(&without);
        let mut losers = self.meant_by(address);
        losers.retain(|one| whose != Some(one.id));
        let beyond = |one: &&Arc<Account>| !self.allows(by, capability, &one.agency);
        if taken
            || each.any(|address| self.rests(by, capability, address, whose))
            || losers.iter().any(beyond)
        {
            return Err(Error::Exists(address.to_string()));
        }
        let himself = |one: &Account| by.is_some_and(|by| by.account == one.id);
        let mut others = losers.into_iter().filter(|one| !himself(one));
        others.try_for_each(|one| self.check_account(by, capability, one))
    }

    /// Whether it rests for everybody but whoever looks after the agency of who had it.
    pub(crate) fn is_resting(&self, address: &Address) -> bool {
        self.resting(address).is_some()
    }

    fn rests(
        &self,
        by: Option<&Access>,
        capability: Capability,
        address: &Address,
        whose: Option<AccountId>,
    ) -> bool {
        let Some(freed) = self.resting(address) else {
            return false;
        };
        if by.is_none() || whose == Some(freed.account) {
            return false;
        }
        match self.agencies.contains_key(&freed.agency) {
            true => !self.allows(by, capability, &freed.agency),
            // The agency is gone too: who stands at the top of a tree answers for it.
            false => {
                let mut tops = self.agencies.values().filter(|a| a.parent.is_none());
                !tops.any(|top| self.allows(by, capability, &top.id))
            }
        }
    }

    /// What is told of an address that rests; in a domain that stands for another, of the address there.
    pub(crate) fn resting(&self, address: &Address) -> Option<&Freed> {
        self.rested(address, 0)
    }

    /// The same for so many days at least, whatever the agency says: letters to it are meant for who had it all the same.
    pub(crate) fn rested(&self, address: &Address, days_min: u64) -> Option<&Freed> {
        let meant = self.stands_for(address);
        let mut each = std::iter::once(address).chain(meant.as_ref());
        each.find_map(|address| {
            let freed = self.freed.get(&address.key())?;
            let days = self.ruled_number(&freed.agency, Key::AddressDays);
            let days = i64::try_from(days.unwrap_or(REST_DAYS).max(days_min)).unwrap_or(i64::MAX);
            let until = freed.at.saturating_add(days.saturating_mul(DAY_S));
            (self.now.load(Relaxed) < until).then_some(freed)
        })
    }

    /// Who had this main address before, whose mailboxes a mail program may remember: accounts deleted, and the last one
    /// that lost it.
    pub(crate) fn had_before(&self, address: &Address) -> impl Iterator<Item = AccountId> {
        let key = address.key();
        let freed = self.freed.get(&key).map(|freed| freed.account);
        let departed = self.departed.get(&key).and_then(|had| had.last());
        departed.copied().into_iter().chain(freed)
    }

    /// What follows from addresses that nobody has any more once these facts are so: that they rest, and that nothing names
    /// them; with what the audit log tells of it. `has_mail`: whether anything was meant for who had one last; an address of
    /// who never had a letter rests on for who had it before him.
    pub(crate) fn freeing(
        &self,
        facts: &mut Vec<Fact>,
        now_s: i64,
        has_mail: &dyn Fn(AccountId) -> bool,
    ) -> Vec<Note> {
        let leaving = self.leaving(facts);
        let mut notes = Vec::new();
        for leaves in &leaving {
            notes.extend(self.unname(leaves, facts));
        }
        for leaves in leaving {
            let rests_on = |address: &Address| {
                let before = self.resting(address);
                let own = |f: &&Freed| f.address.key() == address.key();
                let another = before
                    .filter(own)
                    .is_some_and(|f| f.account != leaves.account);
                another && !has_mail(leaves.account)
            };
            let gone = leaves.gone.iter().filter(|address| !rests_on(address));
            let gone: Vec<Address> = gone.cloned().collect();
            facts.extend(gone.into_iter().map(|address| {
                Fact::Freed(Freed {
                    address,
                    account: leaves.account,
                    agency: leaves.agency.clone(),
                    at: now_s,
                })
            }));
        }
        notes
    }

    /// The accounts that lose addresses by these facts, with those that nobody gets by them.
    fn leaving(&self, facts: &[Fact]) -> Vec<Leaving> {
        let mut lost: BTreeMap<String, Address> = BTreeMap::new();
        let mut given = BTreeSet::new();
        let mut main = BTreeMap::new();
        for fact in facts {
            match fact {
                Fact::NoAlias(address) => drop(lost.insert(address.key(), address.clone())),
                Fact::Alias(alias) => drop(given.insert(alias.address.key())),
                Fact::NoAccount(id) => {
                    let address = self.account(*id).map(|account| account.address.clone());
                    lost.extend(address.map(|address| (address.key(), address)));
                    main.insert(*id, None);
                }
                Fact::Account(new) => {
                    given.insert(new.address.key());
                    let old = self.account(new.id).map(|old| old.address.clone());
                    lost.extend(old.map(|old| (old.key(), old)));
                    main.insert(new.id, Some(new.address.clone()));
                }
                _ => {}
            }
        }
        let mut leaving: BTreeMap<AccountId, Leaving> = BTreeMap::new();
        for (key, address) in lost.into_iter().filter(|(key, _)| !given.contains(key)) {
            let Some(account) = self.addresses.get(&key).and_then(|id| self.account(*id)) else {
                continue;
            };
            let leaves = leaving.entry(account.id).or_insert_with(|| Leaving {
                account: account.id,
                agency: account.agency.clone(),
                gone: Vec::new(),
                instead: match main.get(&account.id) {
                    Some(after) => after.clone(),
                    None => Some(account.address.clone()),
                },
            });
            leaves.gone.push(address);
        }
        leaving.into_values().collect()
    }
}
