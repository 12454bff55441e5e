//! The column of aliases: what it says is all that the account then has.

use super::cells::{Cell, Cells, Faults, several};
use super::column::Column;
use super::fault::{Fault, fault_of};
use super::plan::{Ahead, Ground, Other};
use crate::alias::ALIASES_MAX;
use crate::book::Book;
use crate::{Account, AccountId, Capability};
use formats::address::Address;
use std::collections::BTreeMap;

/// What the column expects.
const ALIASES_EXPECTED: &str = "addresses such as annv@coquan.gov.vn, parted by spaces";

impl Book {
    /// The aliases of an account, in the order of their keys.
    pub(super) fn other_addresses(&self, account: AccountId) -> Vec<Address> {
        let keys = self.aliases_of.get(&account).into_iter().flatten();
        let aliases = keys.filter_map(|key| self.aliases.get(key));
        aliases.map(|alias| alias.address.clone()).collect()
    }
}

impl Ground<'_> {
    /// The aliases that the account is to have, in the order of their keys. `has`: those that it has.
    pub(super) fn aliases(
        &self,
        cells: &Cells,
        (account, has): (&Account, &[Address]),
        ahead: &Ahead,
        faults: &mut Faults,
    ) -> Vec<Address> {
        let written = match cells.get(Column::Aliases) {
            Cell::Absent => return has.to_vec(),
            Cell::Empty => "",
            Cell::Text(text) => text,
        };
        let Some(wanted) = several(written)
            .map(|text| Address::parse(text).ok().map(|a| (a.key(), a)))
            .collect::<Option<BTreeMap<String, Address>>>()
        else {
            let fault = Fault::Invalid(ALIASES_EXPECTED.to_owned());
            faults.at(cells, Column::Aliases, fault);
            return Vec::new();
        };
        if wanted.len() > ALIASES_MAX {
            let fault = Fault::Invalid(format!("at most {ALIASES_MAX} addresses"));
            faults.at(cells, Column::Aliases, fault);
            return Vec::new();
        }
        // As it is: the same address in other letters changes nothing.
        let kept: BTreeMap<String, &Address> = has.iter().map(|a| (a.key(), a)).collect();
        let will: Vec<Address> = wanted
            .into_iter()
            .map(|(key, address)| kept.get(&key).copied().cloned().unwrap_or(address))
            .collect();
        let others = others(has, &will);
        let leaves = !others.go.is_empty();
        let mut each = others.come.iter().map(Some).chain(leaves.then_some(None));
        let fault = each.find_map(|alias| self.alias_fault(account, alias, ahead));
        if let Some(fault) = fault {
            faults.at(cells, Column::Aliases, fault);
        }
        will
    }

    /// Whether mail meant for somebody else comes to an account by its getting this address (`diversion`).
    pub(super) fn takes_anothers(&self, address: &Address, taker: AccountId) -> bool {
        let loses = self.book.loses(address, taker);
        let loses = loses.zip(self.by);
        loses.is_some_and(|(owner, by)| by.directory.is_meant_in(self.book, owner))
    }

    /// Why the account does not get this alias; `None` for the alias: why none of its aliases goes.
    fn alias_fault(
        &self,
        account: &Account,
        alias: Option<&Address>,
        ahead: &Ahead,
    ) -> Option<Fault> {
        let may = self.book.check_aliases_of(self.by, account, alias);
        if let Err(error) = may {
            return fault_of(error).ok();
        }
        let alias = alias?;
        let key = alias.key();
        let may = Capability::ManageAliases;
        let untaken = self
            .book
            .check_untaken(self.by, may, alias, Some(account.id));
        let taken = untaken.is_err() || ahead.gives(alias) || key == account.address.key();
        match self.takes_anothers(alias, account.id) {
            _ if taken => Some(Fault::Taken),
            true => Some(Fault::NeedsReason),
            false => None,
        }
    }
}

/// What comes and what goes.
pub(super) fn others(has: &[Address], will: &[Address]) -> Other {
    let without = |some: &[Address], others: &[Address]| {
        let keys: std::collections::HashSet<String> = others.iter().map(Address::key).collect();
        let left = some.iter().filter(|a| !keys.contains(&a.key()));
        left.cloned().collect()
    };
    Other {
        come: without(will, has),
        go: without(has, will),
    }
}
