//! Rule: whom a list finds by itself, beside the members that it names: "every chairman of a commune".
//!
//! A rule is looked at whenever the list is: who is found is who fits at that moment. Agencies that have ended, seats
//! that have ended, and accounts that take no mail any more are not found.

use crate::act::invalid;
use crate::book::Book;
use crate::{
    Access, Account, AccountKind, AccountState, AgencyId, AgencyKind, Capability, Directory, Error,
    PositionKind,
};
use crate::{AccountId, Position};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Of those whom a rule finds, how many are shown at most.
pub const SHOWN_MAX: usize = 20;

/// What kind of account a rule finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum OwnerKind {
    Person,
    Shared,
    Resource,
}

/// Whom a list finds. All that is said must fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRule {
    /// Of this agency and those under it.
    pub under: AgencyId,
    /// Of agencies of these kinds; none named: of all.
    pub agency_kinds: Vec<AgencyKind>,
    /// Seats of these kinds, each by its mailbox, or where it has none by who holds it; none named: accounts, not
    /// seats.
    pub position_kinds: Vec<PositionKind>,
    /// Accounts of these kinds; none named: persons. Nothing may be named beside kinds of seats.
    pub account_kinds: Vec<OwnerKind>,
}

/// Whom a rule finds now, as far as somebody may see them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    /// How many.
    pub count: usize,
    /// The first of them, [`SHOWN_MAX`] at most, in the order of their numbers.
    pub first: Vec<Account>,
}

impl Directory {
    /// Whom the rule of a list finds now; nobody where it has none. Errors: `NotFound`.
    pub fn list_reach(&self, by: Option<&Access>, list: AccountId) -> Result<Reach, Error> {
        let book = self.read();
        let found = book.account(list).ok_or(Error::NotFound("account"))?;
        book.check(by, Capability::ReadDirectory, &found.agency, "account")?;
        let seen = book
            .ruled(found.id)
            .into_iter()
            .filter(|account| book.allows(by, Capability::ReadDirectory, &account.agency));
        let mut reach = Reach::default();
        for account in seen {
            reach.count += 1;
            if reach.first.len() < SHOWN_MAX {
                reach.first.push(Account::clone(account));
            }
        }
        Ok(reach)
    }
}

impl ListRule {
    /// As it is kept. Errors: `Invalid`.
    pub(crate) fn checked(mut self) -> Result<Self, Error> {
        if !self.position_kinds.is_empty() && !self.account_kinds.is_empty() {
            let expected = "kinds of accounts or kinds of positions, not both";
            return Err(invalid("rule", expected));
        }
        self.agency_kinds.sort_unstable();
        self.agency_kinds.dedup();
        self.position_kinds.sort_unstable();
        self.position_kinds.dedup();
        self.account_kinds.sort_unstable();
        self.account_kinds.dedup();
        Ok(self)
    }

    fn finds(&self, account: &Account) -> bool {
        let kind = match account.kind {
            AccountKind::Person => OwnerKind::Person,
            AccountKind::Shared => OwnerKind::Shared,
            AccountKind::Resource => OwnerKind::Resource,
            AccountKind::List { .. } => return false,
        };
        match self.account_kinds.is_empty() {
            true => kind == OwnerKind::Person,
            false => self.account_kinds.contains(&kind),
        }
    }
}

impl Book {
    /// Whom the rule of a list finds, each once, in the order of their numbers.
    pub(crate) fn ruled(&self, list: AccountId) -> Vec<&Arc<Account>> {
        let rule = self.lists.get(&list).and_then(|rules| rules.rule.as_ref());
        let Some(rule) = rule else {
            return Vec::new();
        };
        let today = self.today();
        let mut agencies = self.subtree(&rule.under);
        agencies.retain(|id| {
            self.agencies.get(id).is_some_and(|agency| {
                let kinds = &rule.agency_kinds;
                !agency.profile.ended(today)
                    && (kinds.is_empty() || kinds.contains(&agency.profile.kind))
            })
        });
        let takes = |account: &&Arc<Account>| account.state != AccountState::Retired;
        if rule.position_kinds.is_empty() {
            let ids = agencies.iter().filter_map(|id| self.accounts_in.get(id));
            let all = ids.flatten().filter_map(|id| self.account(*id));
            let fit = all.filter(|account| rule.finds(account)).filter(takes);
            let mut found: Vec<_> = fit.collect();
            found.sort_unstable_by_key(|account| account.id);
            return found;
        }
        let seats = agencies.iter().flat_map(|id| self.seats.in_agency(id));
        let seats = seats.filter(|seat| {
            rule.position_kinds.contains(&seat.kind) && seat.until.is_none_or(|last| today <= last)
        });
        let whose = |seat: &Position| {
            let holder = seat.holder().map(|holding| holding.account);
            seat.mailbox.or(holder)
        };
        let found: BTreeSet<AccountId> = seats.filter_map(whose).collect();
        let found = found.into_iter().filter_map(|id| self.account(id));
        found.filter(takes).collect()
    }

    /// Whether `by` may let a list find whom this rule finds.
    pub(crate) fn check_rule(&self, by: Option<&Access>, rule: &ListRule) -> Result<(), Error> {
        if !self.agencies.contains_key(&rule.under) {
            return Err(Error::NotFound("agency"));
        }
        self.check(by, Capability::ManageLists, &rule.under, "agency")
    }
}
