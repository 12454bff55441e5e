//! Domain: a mail domain we serve.

use crate::act::{Note, check_version, difference, invalid, json};
use crate::book::Book;
use crate::fact::Fact;
use crate::open::PAGE_MAX;
use crate::{Access, AgencyId, Capability, Directory, Error};
use formats::address::DomainName;
use serde::{Deserialize, Serialize};
use std::ops::Bound;

/// Whether mail for it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum DomainState {
    Active,
    Suspended,
}

/// One domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Domain {
    pub name: DomainName,
    pub agency: AgencyId,
    pub state: DomainState,
    pub version: u64,
}

impl Directory {
    /// Makes a domain, without keys to sign its mail (`make_first_dkim_keys`). Errors: `Exists`, `NotFound` (agency), `Invalid` (an address literal).
    pub fn create_domain(
        &self,
        by: Option<&Access>,
        name: DomainName,
        agency: AgencyId,
    ) -> Result<Domain, Error> {
        if name.is_literal() || !name.as_str().contains('.') {
            return Err(invalid("name", "a full domain name"));
        }
        let domain = Domain {
            name,
            agency,
            state: DomainState::Active,
            version: 1,
        };
        let mut acts = self.acts();
        {
            let book = self.read();
            book.check_owner(by, &domain.agency)?;
            if book.domains.contains_key(&domain.name) {
                return Err(Error::Exists(domain.name.to_string()));
            }
        }
        let note = Note {
            act: "domain.create",
            object: domain.name.to_string(),
            detail: json(&domain),
        };
        self.commit(&mut acts, by, note, vec![Fact::Domain(domain.clone())])?;
        Ok(domain)
    }

    /// One domain.
    pub fn domain(&self, name: &DomainName) -> Result<Domain, Error> {
        self.read()
            .domains
            .get(name)
            .cloned()
            .ok_or(Error::NotFound("domain"))
    }

    /// Domains.
    pub fn domains(
        &self,
        by: Option<&Access>,
        after: Option<&DomainName>,
        max: usize,
    ) -> Result<Vec<Domain>, Error> {
        let book = self.read();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        Ok(book
            .domains
            .range::<DomainName, _>((from, Bound::Unbounded))
            .map(|(_, domain)| domain)
            .filter(|domain| book.allows(by, Capability::ReadDirectory, &domain.agency))
            .take(max.min(PAGE_MAX))
            .cloned()
            .collect())
    }

    /// Changes agency or state.
    pub fn change_domain(
        &self,
        by: Option<&Access>,
        domain: Domain,
        version: Option<u64>,
    ) -> Result<Domain, Error> {
        let mut acts = self.acts();
        let (old, new) = {
            let book = self.read();
            let old = book
                .domains
                .get(&domain.name)
                .cloned()
                .ok_or(Error::NotFound("domain"))?;
            book.check(by, Capability::ManageDomains, &old.agency, "domain")?;
            check_version(version, old.version)?;
            book.check_owner(by, &domain.agency)?;
            let new = Domain {
                version: old.version + 1,
                ..domain
            };
            (old, new)
        };
        let note = Note {
            act: "domain.change",
            object: new.name.to_string(),
            detail: difference(&old, &new),
        };
        self.commit(&mut acts, by, note, vec![Fact::Domain(new.clone())])?;
        Ok(new)
    }

    /// Errors: `InUse` while addresses are in it.
    pub fn delete_domain(
        &self,
        by: Option<&Access>,
        name: &DomainName,
        version: Option<u64>,
    ) -> Result<(), Error> {
        let mut acts = self.acts();
        let (old, mut facts) = {
            let book = self.read();
            let old = book
                .domains
                .get(name)
                .cloned()
                .ok_or(Error::NotFound("domain"))?;
            book.check(by, Capability::ManageDomains, &old.agency, "domain")?;
            check_version(version, old.version)?;
            if let Some(count) = book.addresses_in.get(name) {
                return Err(Error::InUse(format!("{count} addresses")));
            }
            let keys = book.dkim_rows(name).map(|row| &row.key.selector);
            let gone = keys.map(|selector| Fact::NoDkim(name.clone(), selector.clone()));
            (old, gone.collect::<Vec<_>>())
        };
        facts.push(Fact::NoDomain(name.clone()));
        let note = Note {
            act: "domain.delete",
            object: name.to_string(),
            detail: json(&old),
        };
        self.commit(&mut acts, by, note, facts)
    }
}

impl Book {
    fn check_owner(&self, by: Option<&Access>, agency: &AgencyId) -> Result<(), Error> {
        if !self.agencies.contains_key(agency) {
            return Err(Error::NotFound("agency"));
        }
        self.check(by, Capability::ManageDomains, agency, "agency")
    }
}
