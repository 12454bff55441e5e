//! Whom an act concerns, as its object's name says it at the time of the act.

use super::entry::Whom;
use crate::book::Book;
use crate::fact::Fact;
use crate::{Account, AgencyId, PositionId};
use formats::address::{Address, DomainName};

impl From<&Account> for Whom {
    fn from(account: &Account) -> Self {
        Self {
            account: Some(account.id),
            agency: Some(account.agency.0.clone()),
        }
    }
}

fn of_agency(id: &AgencyId) -> Whom {
    Whom {
        account: None,
        agency: Some(id.0.clone()),
    }
}

impl Book {
    /// Whose the thing of this name is; `facts` are about to become so, what they make is not in the book yet.
    pub(crate) fn concerned(&self, object: &str, facts: &[Fact]) -> Whom {
        if let Ok(address) = Address::parse(object) {
            return self.concerned_at(&address, facts);
        }
        if let Some(number) = object.strip_prefix("position/") {
            let id = number.parse().ok().map(PositionId);
            let seat = id
                .and_then(|id| self.seats.one(id))
                .map(|seat| &seat.agency);
            let made = facts.iter().find_map(|fact| match fact {
                Fact::Position(seat) if Some(seat.id) == id => Some(&seat.agency),
                _ => None,
            });
            return seat.or(made).map(of_agency).unwrap_or_default();
        }
        let id = AgencyId(object.to_owned());
        let made = |fact: &Fact| matches!(fact, Fact::Agency(agency) if agency.id == id);
        if self.agencies.contains_key(&id) || facts.iter().any(made) {
            return of_agency(&id);
        }
        let Ok(name) = DomainName::parse(object) else {
            return Whom::default();
        };
        let made = facts.iter().find_map(|fact| match fact {
            Fact::Domain(domain) if domain.name == name => Some(&domain.agency),
            _ => None,
        });
        let there = self.domains.get(&name).map(|domain| &domain.agency);
        there.or(made).map(of_agency).unwrap_or_default()
    }

    fn concerned_at(&self, address: &Address, facts: &[Fact]) -> Whom {
        let made = facts.iter().find_map(|fact| match fact {
            Fact::Account(account) if account.address == *address => Some(Whom::from(account)),
            Fact::Alias(alias) if alias.address == *address => self
                .account(alias.account)
                .map(|account| (&**account).into()),
            _ => None,
        });
        if let Some(whom) = made {
            return whom;
        }
        // Also in a domain that has ended.
        let at = self.addresses.get(&address.key());
        if let Some(account) = at
            .and_then(|id| self.account(*id))
            .or_else(|| self.at(address))
        {
            return (&**account).into();
        }
        Whom {
            account: {
                let had = self.departed.get(&address.key());
                had.and_then(|had| had.last()).copied()
            },
            agency: None,
        }
    }
}
