//! Where an address leads: aliases and lists expanded, loops guarded, each account once.

use crate::book::Book;
use crate::{Account, AccountId, AccountKind, AccountState, Directory, DomainState, Error};
use formats::address::Address;
use std::collections::{BTreeMap, HashSet};

/// Accounts and other addresses that one address may lead to.
pub const RESOLVED_MAX: usize = 50_000;

/// Where an address leads (aliases and lists expanded, loops guarded, each account once).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// Goes to these accounts here, and on to these other addresses (members of lists elsewhere).
    Local {
        /// Here.
        accounts: Vec<AccountId>,
        /// Elsewhere.
        remote: Vec<Address>,
    },
    /// Our domain, no such address.
    Unknown,
    /// Our address, suspended domain, retired account or a list that leads nowhere: no mail is taken now.
    Closed,
    /// Not our domain.
    Elsewhere,
}

impl Directory {
    /// Where an address leads. Errors: `Storage(TooLarge)` past `RESOLVED_MAX`.
    pub fn resolve(&self, address: &Address) -> Result<Resolution, Error> {
        let book = self.read();
        match book.domains.get(&address.domain).map(|domain| domain.state) {
            None => return Ok(Resolution::Elsewhere),
            Some(DomainState::Suspended) => return Ok(Resolution::Closed),
            Some(DomainState::Active) => {}
        }
        let Some(account) = book.at(address) else {
            return Ok(Resolution::Unknown);
        };
        book.expand(account)
    }
}

impl Book {
    fn expand(&self, first: &Account) -> Result<Resolution, Error> {
        let mut seen = HashSet::from([first.id]);
        let mut open = vec![first];
        let mut accounts = Vec::new();
        let mut remote = BTreeMap::new();
        while let Some(account) = open.pop() {
            if account.state == AccountState::Retired {
                continue;
            }
            let AccountKind::List { members } = &account.kind else {
                accounts.push(account.id);
                continue;
            };
            // `seen` is the loop guard: a list is opened once, however often it is named.
            for member in members {
                match self.domains.get(&member.domain).map(|domain| domain.state) {
                    None => {
                        remote.insert(member.key(), member.clone());
                    }
                    Some(DomainState::Suspended) => {}
                    Some(DomainState::Active) => {
                        open.extend(self.at(member).filter(|a| seen.insert(a.id)).map(|a| &**a));
                    }
                }
                if seen.len() + remote.len() > RESOLVED_MAX {
                    return Err(storage::Error::TooLarge("the members of a list").into());
                }
            }
        }
        if accounts.is_empty() && remote.is_empty() {
            return Ok(Resolution::Closed);
        }
        accounts.sort_unstable();
        Ok(Resolution::Local {
            accounts,
            remote: remote.into_values().collect(),
        })
    }
}
