//! Domain: a mail domain we serve.
//!
//! A domain may stand for another one (`alias_of`), as that of a province does after it was merged: each address in it is
//! the same address in the other, until a day that may be said. Aliases made in it by themselves go first, for people whose
//! old address is another's now.

use crate::act::{Note, check_version, difference, invalid, json};
use crate::book::Book;
use crate::fact::Fact;
use crate::open::PAGE_MAX;
use crate::{Access, AgencyId, Capability, Directory, Error};
use formats::address::Address;
use formats::address::DomainName;
use formats::date::{Day, unix_day};
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
    /// The domain for which it stands; one that stands for none itself.
    pub alias_of: Option<DomainName>,
    /// The last day on which it stands for that domain; from the next one on no mail is taken for it, and nobody signs
    /// in by an address in it. Only of a domain that stands for another; `None`: it has no end.
    pub until: Option<Day>,
    pub version: u64,
}

impl Directory {
    /// What the server itself is called: no mail domain is made of that name. Said once, when the server starts.
    pub fn set_host(&self, name: DomainName) {
        // Who says it again says the same.
        let _ = self.inner.host.set(name);
    }

    /// Makes a domain, without keys to sign its mail (`make_first_dkim_keys`). Errors: `Exists`, `NotFound` (agency),
    /// `Invalid` (an address literal).
    pub fn create_domain(
        &self,
        by: Option<&Access>,
        name: DomainName,
        agency: AgencyId,
    ) -> Result<Domain, Error> {
        self.create_domain_for(by, name, agency, None)
    }

    /// The same, of one that may stand for another. Errors: also `Invalid` (what it is to stand for).
    pub fn create_domain_for(
        &self,
        by: Option<&Access>,
        name: DomainName,
        agency: AgencyId,
        alias_of: Option<DomainName>,
    ) -> Result<Domain, Error> {
        if name.is_literal() || !name.as_str().contains('.') {
            return Err(invalid("name", "a full domain name"));
        }
        let domain = Domain {
            name,
            agency,
            state: DomainState::Active,
            alias_of,
            until: None,
            version: 1,
        };
        let mut acts = self.acts();
        {
            let book = self.read();
            book.check_owner(by, &domain.agency)?;
            book.check_goes_on("agency", &domain.agency)?;
            if let Some(there) = book.domains.get(&domain.name) {
                return Err(
                    match book.allows(by, Capability::ReadDirectory, &there.agency) {
                        true => Error::Exists(domain.name.to_string()),
                        // As of any name that is not his to give (I-17).
                        false => not_to_give(),
                    },
                );
            }
            book.check_new_name(by, &domain, self.inner.host.get())?;
            book.check_alias_of(by, &domain)?;
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

    /// Domains that stand for others and end within so many days, today counted as none, each with the days that are left.
    pub fn domains_ending(&self, within: i64) -> Vec<(Domain, i64)> {
        let book = self.read();
        let today = unix_day(book.today());
        let left = |last: Day| Some(unix_day(last)? - today?);
        let each = book.domains.values().filter_map(|domain| {
            let left = domain.until.and_then(left)?;
            (0..=within).contains(&left).then(|| (domain.clone(), left))
        });
        each.collect()
    }

    /// Changes agency, state, the domain for which it stands, and until when. Errors: `Conflict`, `NotFound` (agency), `Denied`,
    /// `InUse` while accounts have their main address in what is to stand for another, or others stand for it;
    /// `Invalid` (what it is to stand for).
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
            if domain.agency != old.agency {
                book.check_goes_on("agency", &domain.agency)?;
            }
            let new = Domain {
                version: old.version + 1,
                ..domain
            };
            if new.alias_of != old.alias_of {
                book.check_alias_of(by, &new)?;
            }
            if new.until.is_some() && new.alias_of.is_none() {
                return Err(invalid("until", "nothing: the domain stands for no other"));
            }
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

    /// Errors: `InUse` while addresses are in it, or a domain stands for it.
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
            book.check_no_aliases(name)?;
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

fn not_to_give() -> Error {
    invalid(
        "name",
        "a name below domains that you manage, or one given at the top of the tree; not the server's own",
    )
}

impl Book {
    fn check_owner(&self, by: Option<&Access>, agency: &AgencyId) -> Result<(), Error> {
        if !self.agencies.contains_key(agency) {
            return Err(Error::NotFound("agency"));
        }
        self.check(by, Capability::ManageDomains, agency, "agency")
    }
    /// Whether `by` may give this name to a domain: mail of everybody here for it comes to it from then on, whoever has
    /// the name in the world. Below domains that are here, or above them, they must be his to manage; a name of its own
    /// is given at the top of the tree. Refused in the same words, whatever is in the way (I-17). Errors: `Invalid`.
    fn check_new_name(
        &self,
        by: Option<&Access>,
        new: &Domain,
        host: Option<&DomainName>,
    ) -> Result<(), Error> {
        if by.is_none() {
            return Ok(());
        }
        let below = |name: &DomainName, above: &DomainName| {
            let rest = name.as_str().strip_suffix(above.as_str());
            rest.is_some_and(|rest| rest.ends_with('.'))
        };
        let manages = |at: &AgencyId| self.allows(by, Capability::ManageDomains, at);
        let above = self.domains.values().filter(|d| below(&new.name, &d.name));
        let nearest = above.max_by_key(|d| d.name.as_str().len());
        let over = match nearest {
            Some(domain) => manages(&domain.agency),
            None => self.upward(&new.agency).last().is_some_and(manages),
        };
        let mut under = self.domains.values().filter(|d| below(&d.name, &new.name));
        match over && under.all(|d| manages(&d.agency)) && host != Some(&new.name) {
            true => Ok(()),
            false => Err(not_to_give()),
        }
    }

    /// Whether a domain may stand for what it is to stand for: one step, so that nothing goes in circles.
    fn check_alias_of(&self, by: Option<&Access>, new: &Domain) -> Result<(), Error> {
        let Some(target) = &new.alias_of else {
            return Ok(());
        };
        let found = self.domains.get(target).filter(|found| {
            found.name != new.name
                && found.alias_of.is_none()
                && self.allows(by, Capability::ManageDomains, &found.agency)
        });
        if found.is_none() {
            let expected = "another domain that you manage and that stands for none itself";
            return Err(invalid("alias_of", expected));
        }
        self.check_no_aliases(&new.name)?;
        let accounts = self.accounts.values();
        let own = accounts.filter(|a| a.address.domain == new.name).count();
        if own > 0 {
            return Err(Error::InUse(format!("{own} accounts")));
        }
        Ok(())
    }

    /// Errors: `InUse` while a domain stands for this one.
    fn check_no_aliases(&self, name: &DomainName) -> Result<(), Error> {
        let mut domains = self.domains.values();
        match domains.find(|domain| domain.alias_of.as_ref() == Some(name)) {
            Some(_) => Err(Error::InUse("a domain that stands for it".into())),
            None => Ok(()),
        }
    }

    /// Whether a domain stood for another, and its last day is over.
    pub(crate) fn has_ended(&self, name: &DomainName) -> bool {
        let domain = self.domains.get(name);
        domain.is_some_and(|d| d.until.is_some_and(|last| last < self.today()))
    }

    /// Whether mail for a domain is taken; suspended is also what stands for a suspended one, and what has ended.
    /// `None`: not ours.
    pub(crate) fn state_of(&self, name: &DomainName) -> Option<DomainState> {
        let domain = self.domains.get(name)?;
        if self.has_ended(name) {
            return Some(DomainState::Suspended);
        }
        let target = domain.alias_of.as_ref().and_then(|of| self.domains.get(of));
        Some(match target {
            Some(target) if domain.state == DomainState::Active => target.state,
            _ => domain.state,
        })
    }

    /// The address for which one stands whose domain stands for another.
    pub(crate) fn stands_for(&self, address: &Address) -> Option<Address> {
        let domain = self.domains.get(&address.domain)?.alias_of.clone()?;
        Some(Address {
            local: address.local.clone(),
            domain,
        })
    }
}
