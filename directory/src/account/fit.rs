//! What an account may be and become, and what else becomes so with it.

use super::{is_list, managed_by};
use crate::act::invalid;
use crate::allotment::{Growth, Reckoning};
use crate::book::Book;
use crate::fact::Fact;
use crate::grant::{Grant, id_of, leaving};
use crate::{Access, Account, AccountState, Alias, Capability, Error};

impl Book {
    /// Browser sessions that end when the account becomes so.
    pub(crate) fn ended_sessions(&self, new: &Account) -> Vec<Fact> {
        let ends = new.state != AccountState::Active;
        let ended = self.sessions_of.get(&new.id).filter(|_| ends);
        let ended = ended.into_iter().flatten();
        ended.map(|hash| Fact::NoSession(*hash)).collect()
    }

    pub(crate) fn check_new_account(
        &self,
        by: Option<&Access>,
        new: &Account,
        reckoning: Reckoning<'_>,
    ) -> Result<(), Error> {
        if !self.agencies.contains_key(&new.agency) {
            return Err(Error::NotFound("agency"));
        }
        let capability = match is_list(new) {
            true => Capability::ManageLists,
            false => Capability::CreateAccounts,
        };
        self.check(by, capability, &new.agency, "agency")?;
        self.check_goes_on("agency", &new.agency)?;
        self.check_free(by, capability, new)?;
        let growth = Growth::account(None, new, reckoning);
        self.check_allotment(by, capability, &new.agency, &growth)
    }

    /// The alias of the account that is to be its main address.
    fn own_alias(&self, old: &Account, new: &Account) -> Option<&Alias> {
        let changed = new.address.key() != old.address.key();
        let alias = self.aliases.get(&new.address.key()).filter(|_| changed);
        alias.filter(|alias| alias.account == old.id)
    }

    /// Where one of its aliases becomes the main address: what was that is an alias from now on.
    pub(super) fn addresses_changed(&self, old: &Account, new: &Account) -> Vec<Fact> {
        let Some(alias) = self.own_alias(old, new) else {
            return vec![Fact::Account(new.clone())];
        };
        let was = Alias {
            address: old.address.clone(),
            account: old.id,
            until: None,
            version: 1,
        };
        vec![
            Fact::NoAlias(alias.address.clone()),
            Fact::Account(new.clone()),
            Fact::Alias(was),
        ]
    }

    /// Whether the account may have its main address there.
    fn check_main(
        &self,
        by: Option<&Access>,
        capability: Capability,
        account: &Account,
    ) -> Result<(), Error> {
        self.check_address(by, capability, &account.address, &account.agency)?;
        if self.stands_for(&account.address).is_some() {
            let expected = "an address in a domain that stands for no other";
            return Err(invalid("address", expected));
        }
        Ok(())
    }

    /// The same, and whether nobody has it.
    fn check_free(
        &self,
        by: Option<&Access>,
        capability: Capability,
        account: &Account,
    ) -> Result<(), Error> {
        self.check_main(by, capability, account)?;
        let whose = Some(account.id);
        self.check_untaken(by, capability, &account.address, whose)
    }

    /// Errors: `Denied`, `NotFound`, `Invalid`, `Exists`, `Beyond`.
    pub(crate) fn check_changed_account(
        &self,
        by: Option<&Access>,
        old: &Account,
        new: &Account,
        reckoning: Reckoning<'_>,
    ) -> Result<(), Error> {
        let capability = managed_by(old);
        if is_list(old) != is_list(new) {
            // It becomes another thing: who makes it so must be able to make and to change both.
            for capability in [Capability::ManageAccounts, Capability::CreateAccounts] {
                self.check(by, capability, &old.agency, "account")?;
            }
            self.check(by, Capability::ManageLists, &old.agency, "account")?;
        }
        if new.agency != old.agency {
            if !self.agencies.contains_key(&new.agency) {
                return Err(Error::NotFound("agency"));
            }
            self.check(by, capability, &new.agency, "agency")?;
            self.check_goes_on("agency", &new.agency)?;
        }
        if self.own_alias(old, new).is_some() {
            self.check(by, Capability::ManageAliases, &old.agency, "account")?;
            self.check_main(by, capability, new)?;
        } else if new.address.key() != old.address.key() {
            self.check_free(by, capability, new)?;
        }
        // A list that becomes an account is one account more, by the right to make them.
        let made = is_list(old) && !is_list(new);
        let capability = match made {
            true => Capability::CreateAccounts,
            false => capability,
        };
        let growth = Growth::account(Some(old), new, reckoning);
        self.check_allotment(by, capability, &new.agency, &growth)
    }

    /// The grants of `new` as they are to be: those that are there are kept as they were, those without a number given,
    /// the others taken. Errors: `Denied`, `Invalid`.
    pub(super) fn settle_grants(
        &self,
        by: Option<&Access>,
        old: &Account,
        new: &mut Account,
        now_s: i64,
    ) -> Result<Vec<Fact>, Error> {
        let wanted = std::mem::take(&mut new.grants);
        new.grant_last = old.grant_last;
        let same = |grant: &Grant, wanted: &Grant| match wanted.number {
            0 => (grant.may, &grant.agency) == (wanted.may, &wanted.agency),
            number => grant.number == number,
        };
        let named = |grant: &Grant| wanted.iter().any(|wanted| same(grant, wanted));
        let kept = |grant: &Grant| grant.only_binds() || named(grant);
        let (stays, goes): (Vec<Grant>, Vec<Grant>) = old.grants.iter().cloned().partition(kept);
        for grant in &goes {
            self.source(by, id_of(old.id, grant), grant, now_s)?;
        }
        new.grants = stays;
        let mut facts = Vec::new();
        for grant in wanted.into_iter().filter(|wanted| wanted.number == 0) {
            if !new.grants.iter().any(|there| same(there, &grant)) {
                let given = self.add_grant(by, new, grant, now_s);
                given.map_err(|error| match error {
                    Error::Invalid { expected, .. } => invalid("grants", expected),
                    error => error,
                })?;
                facts = self.planted(old.id, by, now_s);
            }
        }
        let gone = leaving(old.id, goes.iter());
        if gone.is_empty() {
            return Ok(facts);
        }
        self.rehang(new, &gone);
        facts.extend(self.without_grants(&gone, Some(old.id)));
        Ok(facts)
    }

    /// What is no longer so when an account goes.
    pub(crate) fn departure(&self, account: &Account) -> Vec<Fact> {
        let id = account.id;
        let mut facts = vec![Fact::Departed(account.clone())];
        facts.extend(self.grants_of_departed(account));
        let aliases = self.aliases_of.get(&id).into_iter().flatten();
        facts.extend(
            aliases
                .filter_map(|key| self.aliases.get(key))
                .map(|alias| Fact::NoAlias(alias.address.clone())),
        );
        let credentials = self.credentials.get(&id).into_iter().flatten();
        facts.extend(credentials.map(|(credential, _)| Fact::NoCredential(id, *credential)));
        let sessions = self.sessions_of.get(&id).into_iter().flatten();
        facts.extend(sessions.map(|hash| Fact::NoSession(*hash)));
        facts.extend(self.shares_of_departed(id));
        facts.extend(self.senders_of_departed(id));
        facts.extend(self.stop_of_departed(account));
        facts.extend(self.list_of_departed(account));
        facts.extend(self.forwarding_of_departed(account));
        facts.extend(self.vacation_of_departed(id));
        facts.extend(self.seats_of_departed(id));
        facts.push(Fact::NoAccount(id));
        facts
    }
}
