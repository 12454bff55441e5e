//! Forwarding: where the mail of an account goes on to, set by its owner or by an administrator.
//!
//! Whoever cannot be reached by it keeps his letter: where all addresses are gone, lead back, or may not be, it lies
//! in his own mailbox. Elsewhere it goes only where an agency above lets it: what a state agency writes stays with it
//! unless somebody answers for letting it out.

use crate::act::{Note, check_version, difference, invalid};
use crate::book::Book;
use crate::fact::Fact;
use crate::mention::Place;
use crate::{
    Access, Account, AccountId, AccountKind, AccountState, AgencyId, Capability, Denied, Directory,
    DomainState, Error, Through,
};
use formats::address::Address;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Addresses to which one account's mail goes on.
pub const TO_MAX: usize = 10;
/// Accounts that a letter goes through one after the other; the last keeps it.
pub(crate) const HOPS_MAX: usize = 10;

/// Where the mail of an account goes on to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Forwarding {
    pub account: AccountId,
    /// Each once; empty: nowhere.
    pub to: Vec<Address>,
    /// Whether it lies in the account's own mailbox too.
    pub keep: bool,
    /// Zero while nothing was said.
    pub version: u64,
}

/// What an agency says of forwarding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct AgencyForwarding {
    pub agency: AgencyId,
    /// Whether mail of its accounts may go on to domains that are not served here. `None`: as above says; at the
    /// top that is no.
    pub outside: Option<bool>,
    pub version: u64,
}

impl Forwarding {
    fn none(account: AccountId) -> Self {
        Self {
            account,
            to: Vec::new(),
            keep: true,
            version: 0,
        }
    }

    pub(crate) fn fact(self) -> Fact {
        match self.to.is_empty() {
            true => Fact::NoForwarding(self.account),
            false => Fact::Forwarding(self),
        }
    }
}

impl Directory {
    /// Where an account's mail goes on to. Errors: `NotFound`.
    pub fn forwarding(&self, by: Option<&Access>, account: AccountId) -> Result<Forwarding, Error> {
        let book = self.read();
        let found = book.account(account).ok_or(Error::NotFound("account"))?;
        if !book.is_own(by, account) {
            book.check(by, Capability::ReadDirectory, &found.agency, "account")?;
        }
        Ok(book.said_forwarding(account))
    }

    /// Lets it go on; one's own, unless one signed in with a mail program's password, or an account's that one
    /// manages. Errors: `NotFound`, `Invalid` (kind, address, the agency), `Conflict`, `Denied`, `Lent`.
    pub fn set_forwarding(
        &self,
        by: Option<&Access>,
        forwarding: Forwarding,
        version: Option<u64>,
    ) -> Result<Forwarding, Error> {
        let mut acts = self.acts();
        let (old, new, object) = {
            let book = self.read();
            let account = book.account(forwarding.account);
            let account = account.ok_or(Error::NotFound("account"))?;
            if !book.is_own(by, account.id) {
                let lent = by.is_some_and(|by| by.account == account.id && book.is_lent(by));
                let may = book.check_account(by, Capability::ManageAccounts, account);
                may.map_err(|error| if lent { Error::Lent } else { error })?;
            } else if by.is_some_and(|by| matches!(by.through, Through::AppPassword(_))) {
                return Err(Denied.into());
            }
            if by.is_some_and(|by| by.account == account.id && book.by_token_without_mail(by)) {
                let expected =
                    "another account, or a sign-in that opens mail: this token opens none";
                return Err(invalid("account", expected));
            }
            let old = book.said_forwarding(account.id);
            check_version(version, old.version)?;
            let mut seen = BTreeSet::new();
            let mut new = forwarding;
            new.to.retain(|to| seen.insert(to.key()));
            new.version = old.version + 1;
            book.check_forwarding(by, account, &new)?;
            (old, new, account.address.to_string())
        };
        let note = Note {
            act: "account.forwarding",
            object,
            detail: difference(&old, &new),
        };
        self.commit(&mut acts, by, note, vec![new.clone().fact()])?;
        Ok(new)
    }

    /// Whether mail of an account may go on to domains that are not served here. Errors: `NotFound`.
    pub fn forwards_outside(&self, account: AccountId) -> Result<bool, Error> {
        let book = self.read();
        let found = book.account(account).ok_or(Error::NotFound("account"))?;
        Ok(book.outside(&found.agency))
    }

    /// What an agency says itself. Errors: `NotFound`.
    pub fn agency_forwarding(
        &self,
        by: Option<&Access>,
        id: &AgencyId,
    ) -> Result<AgencyForwarding, Error> {
        let book = self.read();
        if !book.agencies.contains_key(id) {
            return Err(Error::NotFound("agency"));
        }
        book.check(by, Capability::ReadDirectory, id, "agency")?;
        Ok(book.said_outside(id))
    }

    /// Says it. Letting mail out is for who manages the agency above; keeping it in, for who manages this one.
    /// Errors: `NotFound`, `Denied`, `Conflict`.
    pub fn set_agency_forwarding(
        &self,
        by: Option<&Access>,
        said: AgencyForwarding,
        version: Option<u64>,
    ) -> Result<AgencyForwarding, Error> {
        let mut acts = self.acts();
        let (old, new) = {
            let book = self.read();
            let agency = book.agencies.get(&said.agency);
            let agency = agency.ok_or(Error::NotFound("agency"))?;
            book.check(by, Capability::ManageAgencies, &agency.id, "agency")?;
            let old = book.said_outside(&said.agency);
            check_version(version, old.version)?;
            let lets_out = said.outside != Some(false);
            let above = agency.parent.as_ref().filter(|_| lets_out);
            if above.is_some_and(|above| !book.allows(by, Capability::ManageAgencies, above)) {
                return Err(Denied.into());
            }
            let new = AgencyForwarding {
                version: old.version + 1,
                ..said
            };
            (old, new)
        };
        let note = Note {
            act: "agency.forwarding",
            object: new.agency.to_string(),
            detail: difference(&old, &new),
        };
        self.commit(&mut acts, by, note, vec![Fact::Outside(new.clone())])?;
        Ok(new)
    }
}

impl Book {
    /// Takes in a fact of forwarding.
    pub(crate) fn forward(&mut self, fact: Fact) {
        match fact {
            Fact::Forwarding(said) => {
                self.forward_no_more(said.account);
                self.mentions
                    .put(said.account, Place::Forwarding, said.to.iter());
                self.forwardings.insert(said.account, said);
            }
            Fact::NoForwarding(account) => self.forward_no_more(account),
            Fact::Outside(said) => drop(self.outsides.insert(said.agency.clone(), said)),
            Fact::NoOutside(id) => drop(self.outsides.remove(&id)),
            _ => {}
        }
    }

    fn forward_no_more(&mut self, account: AccountId) {
        if let Some(old) = self.forwardings.remove(&account) {
            self.mentions
                .remove(account, Place::Forwarding, old.to.iter());
        }
    }

    fn is_own(&self, by: Option<&Access>, account: AccountId) -> bool {
        by.is_some_and(|by| by.account == account && by.stands_in(self) && !self.is_lent(by))
    }

    fn said_forwarding(&self, account: AccountId) -> Forwarding {
        let said = self.forwardings.get(&account).cloned();
        said.unwrap_or_else(|| Forwarding::none(account))
    }

    fn said_outside(&self, id: &AgencyId) -> AgencyForwarding {
        let said = self.outsides.get(id).cloned();
        said.unwrap_or_else(|| AgencyForwarding {
            agency: id.clone(),
            outside: None,
            version: 0,
        })
    }

    /// Whether mail of an agency's accounts may go on elsewhere: the nearest that says so counts.
    pub(crate) fn outside(&self, agency: &AgencyId) -> bool {
        let mut above = self.upward(agency);
        let said = above.find_map(|id| self.outsides.get(id)?.outside);
        said.unwrap_or(false)
    }

    fn check_forwarding(
        &self,
        by: Option<&Access>,
        account: &Account,
        new: &Forwarding,
    ) -> Result<(), Error> {
        if matches!(account.kind, AccountKind::List { .. }) {
            return Err(invalid("account", "an account that is no list"));
        }
        if new.to.len() > TO_MAX {
            return Err(invalid("to", format!("at most {TO_MAX} addresses")));
        }
        for to in &new.to {
            let fits = match self.domains.get(&to.domain) {
                None if self.outside(&account.agency) => true,
                None => {
                    return Err(invalid(
                        "to",
                        "addresses here: the agency does not let mail go on elsewhere",
                    ));
                }
                // Of what one may not see, nothing is told: where nobody takes it, the letter stays.
                Some(_) if !self.sees_address(by, to) => true,
                Some(_) => self.takes(to).is_some_and(|next| next.id != account.id),
            };
            if !fits {
                return Err(invalid("to", "addresses of other accounts, no lists"));
            }
        }
        Ok(())
    }

    /// Whether one may know who has an address of ours, or that nobody has it: one's own, that of an account that one sees,
    /// and every one of a domain whose agency one sees.
    fn sees_address(&self, by: Option<&Access>, address: &Address) -> bool {
        let sees = |agency: &AgencyId| self.allows(by, Capability::ReadDirectory, agency);
        let domain = self.domains.get(&address.domain);
        domain.is_some_and(|domain| sees(&domain.agency))
            || self
                .reached(address)
                .is_some_and(|found| self.is_own(by, found.id) || sees(&found.agency))
    }

    /// The account at an address of ours to which mail may go on.
    pub(crate) fn takes(&self, to: &Address) -> Option<&Account> {
        let state = self.state_of(&to.domain)?;
        let next = self.reached(to).filter(|a| {
            a.state != AccountState::Retired && !matches!(a.kind, AccountKind::List { .. })
        });
        next.filter(|_| state == DomainState::Active).map(|a| &**a)
    }

    /// What is no longer so when an account goes.
    pub(crate) fn forwarding_of_departed(&self, account: &Account) -> Option<Fact> {
        let said = self.forwardings.contains_key(&account.id);
        said.then_some(Fact::NoForwarding(account.id))
    }
}
