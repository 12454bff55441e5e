//! Postmaster (RFC 5321 §4.5.1): each domain has one, whom other servers write to when something is wrong.
//!
//! Where no account or alias has the address, its mail comes to the administrators, as does that for `abuse`; of a domain
//! that stands for another, to those of the other.

use crate::book::Book;
use crate::{Account, AccountId, AccountState, AgencyId, Directory, May, Role};
use formats::address::{Address, DomainName, LocalPart};
use std::sync::Arc;

/// Whom the world writes to at any domain.
const NAMES: [&str; 2] = ["postmaster", "abuse"];
/// The name under which this host itself writes (`delivery`): who answers a bounce writes to it.
const HOST_NAMES: [&str; 2] = ["postmaster", "mailer-daemon"];
/// Labels of a host's name that are taken off to find the domain it serves.
const ABOVE_MAX: usize = 8;

impl Book {
    /// The active administrators of an agency, or of the nearest above that has any.
    pub(crate) fn administrators(&self, agency: &AgencyId, now_s: i64) -> Vec<&Arc<Account>> {
        let holders = |agency: &AgencyId| {
            let of = self.holders.iter().filter_map(|id| self.account(*id));
            let of = of.filter(|a| a.state == AccountState::Active);
            let administers = |a: &&Arc<Account>| {
                let mut grants = a.grants.iter().filter(|g| g.stands(now_s));
                grants.any(|g| g.may == May::Role(Role::Administrator) && g.agency == *agency)
            };
            of.filter(administers).collect::<Vec<_>>()
        };
        let mut nearest = self.upward(agency).map(holders);
        nearest.find(|found| !found.is_empty()).unwrap_or_default()
    }

    /// Who gets mail for the postmaster of a domain of which nobody has that address. Empty: it is another address.
    pub(crate) fn postmasters(&self, address: &Address, now_s: i64) -> Vec<AccountId> {
        let local = address.local.as_str();
        let asked = NAMES.iter().any(|name| local.eq_ignore_ascii_case(name));
        let name = self.stands_for(address).map(|meant| meant.domain);
        let name = name.as_ref().unwrap_or(&address.domain);
        let domain = self.domains.get(name).filter(|_| asked);
        let all = domain.map_or(Vec::new(), |domain| {
            self.administrators(&domain.agency, now_s)
        });
        all.into_iter().map(|account| account.id).collect()
    }
}

impl Directory {
    /// The postmaster of the domain that a host serves, for mail to the host's own postmaster or to the name under
    /// which it writes. `None`: another address, or the host serves no domain of ours.
    pub fn postmaster_of_host(&self, address: &Address) -> Option<Address> {
        let local = address.local.as_str();
        if !HOST_NAMES
            .iter()
            .any(|name| local.eq_ignore_ascii_case(name))
        {
            return None;
        }
        let book = self.read();
        let mut name = address.domain.as_str().to_owned();
        for _ in 0..ABOVE_MAX {
            name = name.split_once('.')?.1.to_owned();
            let domain = DomainName::parse(&name).ok()?;
            if book.domains.contains_key(&domain) {
                let local = LocalPart::parse(NAMES[0]).ok()?;
                return Some(Address { local, domain });
            }
        }
        None
    }
}
