//! Alias: another address of an account or list.

use crate::act::{Note, check_version, difference, invalid, json};
use crate::book::Book;
use crate::fact::Fact;
use crate::open::PAGE_MAX;
use crate::resolve::bare;
use crate::{Access, Account, AccountId, Capability, Directory, Error};
use formats::address::Address;
use formats::date::Day;
use serde::{Deserialize, Serialize};
use std::ops::Bound;

/// Aliases of one account.
pub const ALIASES_MAX: usize = 200;

/// One alias. Its owner may also send as it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Alias {
    pub address: Address,
    pub account: AccountId,
    /// The last day on which it stands; from the next one on no mail is taken for it, and nobody signs in or sends by it.
    /// `None`: it has no end.
    pub until: Option<Day>,
    pub version: u64,
}

impl Directory {
    /// Makes an alias. Errors: `Exists`, `NotFound` (account), `Invalid`.
    pub fn create_alias(
        &self,
        by: Option<&Access>,
        address: Address,
        account: AccountId,
    ) -> Result<Alias, Error> {
        self.create_alias_until(by, address, account, None)
    }

    /// The same, until the end of a day, which is no day that is over.
    pub fn create_alias_until(
        &self,
        by: Option<&Access>,
        address: Address,
        account: AccountId,
        until: Option<Day>,
    ) -> Result<Alias, Error> {
        let alias = Alias {
            address,
            account,
            until,
            version: 1,
        };
        let mut acts = self.acts();
        {
            let book = self.read();
            book.check_alias(by, &alias)?;
            // A year mistyped would make one that serves nobody and is taken all the same.
            if book.alias_has_ended(&alias) {
                return Err(invalid("until", "today or a later day"));
            }
            let may = Capability::ManageAliases;
            book.check_untaken(by, may, &alias.address, Some(account))?;
        }
        let note = Note {
            act: "alias.create",
            object: alias.address.to_string(),
            detail: json(&alias),
        };
        self.commit(&mut acts, by, note, vec![Fact::Alias(alias.clone())])?;
        Ok(alias)
    }

    /// One alias.
    pub fn alias(&self, address: &Address) -> Result<Alias, Error> {
        self.read()
            .aliases
            .get(&address.key())
            .cloned()
            .ok_or(Error::NotFound("alias"))
    }

    /// Aliases, all visible or of one account.
    pub fn aliases(
        &self,
        by: Option<&Access>,
        account: Option<AccountId>,
        after: Option<&Address>,
        max: usize,
    ) -> Result<Vec<Alias>, Error> {
        let book = self.read();
        let after = after.map(Address::key);
        let sees = |alias: &&Alias| {
            book.account(alias.account)
                .is_some_and(|a| book.allows(by, Capability::ReadDirectory, &a.agency))
        };
        let max = max.min(PAGE_MAX);
        if let Some(account) = account {
            let keys = book.aliases_of.get(&account).into_iter().flatten();
            return Ok(keys
                .filter(|key| after.as_ref().is_none_or(|after| *key > after))
                .filter_map(|key| book.aliases.get(key))
                .filter(sees)
                .take(max)
                .cloned()
                .collect());
        }
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let all = book
            .aliases
            .range::<String, _>((from, Bound::Unbounded))
            .map(|(_, a)| a);
        Ok(all.filter(sees).take(max).cloned().collect())
    }

    /// Points it elsewhere, says until when it stands.
    pub fn change_alias(
        &self,
        by: Option<&Access>,
        alias: Alias,
        version: Option<u64>,
    ) -> Result<Alias, Error> {
        let mut acts = self.acts();
        let (old, new) = {
            let book = self.read();
            let old = book.present_alias(by, &alias.address)?;
            check_version(version, old.version)?;
            let new = Alias {
                address: old.address.clone(),
                account: alias.account,
                until: alias.until,
                version: old.version + 1,
            };
            if new.account != old.account {
                book.check_alias(by, &new)?;
            }
            (old, new)
        };
        let note = Note {
            act: "alias.change",
            object: new.address.to_string(),
            detail: difference(&old, &new),
        };
        self.commit(&mut acts, by, note, vec![Fact::Alias(new.clone())])?;
        Ok(new)
    }

    /// Removes it.
    pub fn delete_alias(
        &self,
        by: Option<&Access>,
        address: &Address,
        version: Option<u64>,
    ) -> Result<(), Error> {
        let mut acts = self.acts();
        let old = {
            let book = self.read();
            let old = book.present_alias(by, address)?;
            check_version(version, old.version)?;
            old
        };
        let note = Note {
            act: "alias.delete",
            object: old.address.to_string(),
            detail: json(&old),
        };
        self.commit(&mut acts, by, note, vec![Fact::NoAlias(old.address)])
    }
}

impl Book {
    /// Whether the last day of this alias is over.
    pub(crate) fn alias_has_ended(&self, alias: &Alias) -> bool {
        alias.until.is_some_and(|last| last < self.today())
    }

    /// Whether one may still be written to, and send, by this alias.
    pub(crate) fn alias_serves(&self, alias: &Alias) -> bool {
        !self.has_ended(&alias.address.domain) && !self.alias_has_ended(alias)
    }

    /// The key under which an address is somebody's: its own, or in a domain that stands for another that of the address there.
    pub(crate) fn key_of(&self, address: &Address) -> Option<String> {
        let own = Some(address.key()).filter(|key| self.addresses.contains_key(key));
        let meant = || self.stands_for(address).map(|meant| meant.key());
        own.or_else(|| meant().filter(|key| self.addresses.contains_key(key)))
    }

    /// Whether an address was somebody's until a day that is over: an alias, or one in a domain that stood for another.
    pub(crate) fn has_moved(&self, address: &Address) -> bool {
        let key = self.key_of(address);
        let key = key.or_else(|| self.key_of(&bare(address)?));
        let alias = key.and_then(|key| self.aliases.get(&key));
        self.has_ended(&address.domain) || alias.is_some_and(|alias| self.alias_has_ended(alias))
    }

    /// The alias, when `by` may change it.
    fn present_alias(&self, by: Option<&Access>, address: &Address) -> Result<Alias, Error> {
        let alias = self
            .aliases
            .get(&address.key())
            .ok_or(Error::NotFound("alias"))?;
        let account = self
            .account(alias.account)
            .ok_or(Error::NotFound("alias"))?;
        self.check(by, Capability::ManageAliases, &account.agency, "alias")?;
        self.check_account(by, Capability::ManageAliases, account)?;
        Ok(alias.clone())
    }

    /// Whether `by` may change the aliases of an account, which may be one that is still to be made, and give it this one.
    pub(crate) fn check_aliases_of(
        &self,
        by: Option<&Access>,
        account: &Account,
        alias: Option<&Address>,
    ) -> Result<(), Error> {
        let may = Capability::ManageAliases;
        self.check_account(by, may, account)?;
        match alias {
            Some(alias) => self.check_address(by, may, alias, &account.agency),
            None => Ok(()),
        }
    }

    /// Whether this account may have this address as an alias.
    fn check_alias(&self, by: Option<&Access>, alias: &Alias) -> Result<(), Error> {
        let account = self
            .account(alias.account)
            .ok_or(Error::NotFound("account"))?;
        self.check_aliases_of(by, account, Some(&alias.address))?;
        if self
            .aliases_of
            .get(&alias.account)
            .is_some_and(|of| of.len() >= ALIASES_MAX)
        {
            return Err(invalid(
                "account",
                format!("an account with fewer than {ALIASES_MAX} aliases"),
            ));
        }
        Ok(())
    }
}
