//! Quotas: limits of accounts and of agencies with all below them, told to the store, which holds them.
//!
//! Rows are the truth; the store forgets limits when it is closed and is told again at start. An account
//! without a limit of its own has the one that the nearest agency above gives each of its accounts, or else
//! the config's. The share at which a limit is told of comes down the tree in the same way.

use crate::act::invalid;
use crate::book::Book;
use crate::fact::Fact;
use crate::open::Inner;
use crate::{Access, Account, AccountId, Agency, AgencyId, Capability, Denied, Directory, Error};
use serde::{Deserialize, Serialize};
use std::sync::Weak;
use storage::{Bound, Limits, QuotaNode, SoftPassed, Usage};

/// Percent of a limit at which it is told of, where no agency says otherwise.
pub const SOFT_PERCENT: u8 = 90;
/// Octets of one limit, at most: what JSON's numbers hold exactly.
pub const LIMIT_MAX: u64 = 1 << 53;

/// Octets and messages; `None`: no limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Quota {
    pub octets: Option<u64>,
    pub messages: Option<u64>,
}

/// The limits that hang on an agency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AgencyQuota {
    /// Of all accounts of the agency and of those below it together.
    pub total: Quota,
    /// Of each account in the subtree that has none of its own.
    pub each: Quota,
    /// Percent of a limit, 1 to 100, at which it is told of; 100: only when it is reached.
    pub soft_percent: Option<u8>,
}

/// What is used of which limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Used {
    pub usage: Usage,
    /// Those that hold, inherited ones included.
    pub limits: Limits,
}

impl Directory {
    /// The limits that hold for this account itself; its agencies have theirs besides.
    pub fn limits(&self, id: AccountId) -> Limits {
        let book = self.read();
        book.account(id)
            .map_or(Limits::NONE, |account| self.inner.limits_of(&book, account))
    }

    /// What an account holds. Errors: `NotFound`.
    pub fn account_usage(&self, id: AccountId) -> Result<Used, Error> {
        self.account(id)?;
        let (usage, limits) = self.inner.store.quotas().account(id)?;
        Ok(Used { usage, limits })
    }

    /// What the accounts of an agency and of those below it hold together. Errors: `NotFound`.
    pub fn agency_usage(&self, id: &AgencyId) -> Result<Used, Error> {
        let node = self.read().node(id).ok_or(Error::NotFound("agency"))?;
        let (usage, limits) = self.inner.store.quotas().group(node)?;
        Ok(Used { usage, limits })
    }

    /// The agency whose limit it is; `None` for an account's own.
    pub fn agency_of(&self, bound: Bound) -> Option<AgencyId> {
        match bound {
            Bound::Account(_) => None,
            Bound::Group(node) => self.read().agency_at(node),
        }
    }

    /// Tells the store all limits, and asks to be told when a soft one is passed.
    pub(crate) fn start_quotas(&self) -> Result<(), Error> {
        let book = self.read();
        for agency in book.agencies.values() {
            self.inner.tell_agency(&book, agency)?;
        }
        for account in book.accounts.values() {
            self.inner.tell_account(&book, account);
        }
        let weak = std::sync::Arc::downgrade(&self.inner);
        let told = move |passed| note_passed(&weak, passed);
        let quotas = self.inner.store.quotas();
        quotas.on_soft(std::sync::Arc::new(told));
        Ok(())
    }
}

impl Inner {
    /// Tells the store what a fact that the book has taken in changes of the limits.
    pub(crate) fn tell_quotas(&self, book: &Book, told: &Told) {
        let quotas = self.store.quotas();
        let done = match told {
            Told::Agency(id) => self.tell_subtree(book, id),
            Told::NoAgency(node) => {
                quotas.remove_group(*node);
                Ok(())
            }
            Told::Account(id) => {
                match book.account(*id) {
                    Some(account) => self.tell_account(book, account),
                    None => quotas.remove_account(*id),
                }
                Ok(())
            }
        };
        if let Err(error) = done {
            // Loops were refused before the fact was written.
            tracing::error!(%error, "the store did not take a limit");
        }
    }

    /// An agency's values come down to all below it.
    fn tell_subtree(&self, book: &Book, top: &AgencyId) -> Result<(), storage::Error> {
        let subtree = book.subtree(top);
        // The top first: it hangs where it should before what is below it is told.
        if let Some(agency) = book.agencies.get(top) {
            self.tell_agency(book, agency)?;
        }
        for id in subtree.iter().filter(|id| *id != top) {
            if let Some(agency) = book.agencies.get(id) {
                self.tell_agency(book, agency)?;
            }
        }
        let ids = subtree.iter().filter_map(|id| book.accounts_in.get(id));
        for account in ids.flatten().filter_map(|id| book.account(*id)) {
            self.tell_account(book, account);
        }
        Ok(())
    }

    fn tell_agency(&self, book: &Book, agency: &Agency) -> Result<(), storage::Error> {
        let Some(node) = book.node(&agency.id) else {
            return Ok(());
        };
        let parent = agency.parent.as_ref().and_then(|id| book.node(id));
        let limits = Limits {
            octets: agency.quota.total.octets,
            messages: agency.quota.total.messages,
            soft_percent: book.soft_percent(&agency.id),
        };
        self.store.quotas().set_group(node, parent, limits)
    }

    fn tell_account(&self, book: &Book, account: &Account) {
        let (node, limits) = (book.node(&account.agency), self.limits_of(book, account));
        self.store.quotas().set_account(account.id, node, limits);
    }

    pub(crate) fn limits_of(&self, book: &Book, account: &Account) -> Limits {
        let given = |what: fn(&Quota) -> Option<u64>| {
            let above = || book.upward(&account.agency);
            above().find_map(|id| what(&book.agencies.get(id)?.quota.each))
        };
        Limits {
            octets: account
                .quota
                .or_else(|| given(|each| each.octets))
                .or(self.settings.default_quota),
            messages: account.messages_max.or_else(|| given(|each| each.messages)),
            soft_percent: book.soft_percent(&account.agency),
        }
    }
}

/// What of a fact matters here; taken before the book changes.
pub(crate) enum Told {
    Agency(AgencyId),
    NoAgency(QuotaNode),
    Account(AccountId),
}

impl Told {
    pub(crate) fn of(fact: &Fact, book: &Book) -> Option<Self> {
        Some(match fact {
            Fact::Agency(agency) => Self::Agency(agency.id.clone()),
            Fact::NoAgency(id) => Self::NoAgency(book.node(id)?),
            Fact::Account(account) => Self::Account(account.id),
            Fact::NoAccount(id) => Self::Account(*id),
            _ => return None,
        })
    }
}

impl Book {
    /// The share at which limits here are told of: the nearest agency's that says one.
    fn soft_percent(&self, agency: &AgencyId) -> u8 {
        let said = |id: &AgencyId| self.agencies.get(id)?.quota.soft_percent;
        self.upward(agency).find_map(said).unwrap_or(SOFT_PERCENT)
    }

    /// A limit is not lifted by those whom it binds: the total of an agency is set by who may manage the
    /// agency above it. At the top there is nobody above.
    pub(crate) fn check_total(
        &self,
        by: Option<&Access>,
        old: &Agency,
        new: &Agency,
    ) -> Result<(), Error> {
        let Some(above) = old
            .parent
            .as_ref()
            .filter(|_| old.quota.total != new.quota.total)
        else {
            return Ok(());
        };
        if self.allows(by, Capability::ManageAgencies, above) {
            Ok(())
        } else {
            Err(Denied.into())
        }
    }
}

/// Errors: `Invalid` for values that cannot be meant.
pub(crate) fn check(quota: &AgencyQuota) -> Result<(), Error> {
    limit("quota", quota.total.octets)?;
    limit("messages_max", quota.total.messages)?;
    limit("account_quota", quota.each.octets)?;
    limit("account_messages_max", quota.each.messages)?;
    match quota.soft_percent {
        Some(percent) if !(1..=100).contains(&percent) => {
            Err(invalid("soft_percent", "a number from 1 to 100"))
        }
        _ => Ok(()),
    }
}

/// Errors: `Invalid` for a limit that JSON could not carry.
pub(crate) fn limit(field: &'static str, limit: Option<u64>) -> Result<(), Error> {
    match limit {
        Some(limit) if limit > LIMIT_MAX => {
            Err(invalid(field, format!("a number of at most {LIMIT_MAX}")))
        }
        _ => Ok(()),
    }
}

/// A line for the operator, with names instead of numbers.
fn note_passed(inner: &Weak<Inner>, passed: SoftPassed) {
    let Some(inner) = inner.upgrade() else { return };
    let (used, limits) = (passed.used, passed.limits);
    let book = crate::reader::Reading::of(&inner.book);
    let whose = match passed.bound {
        Bound::Account(id) => book.account(id).map(|account| account.address.to_string()),
        Bound::Group(node) => book.agency_at(node).map(|id| id.to_string()),
    };
    tracing::warn!(
        of = whose.unwrap_or_default(),
        octets = used.octets,
        octets_max = limits.octets,
        messages = used.messages,
        messages_max = limits.messages,
        soft_percent = limits.soft_percent,
        "a soft limit of mail was passed"
    );
}
