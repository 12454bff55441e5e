//! Rows of accounts.

use super::cells::{
    BOOLEAN_EXPECTED, Cell, Cells, Faults, KIND_EXPECTED, NUMBER_EXPECTED, OCTETS_EXPECTED,
    STATE_EXPECTED, boolean, boolean_text, kind, kind_text, number, octets, octets_text, optional,
    state, state_text,
};
use super::column::{Column, Subject};
use super::fault::{Fault, fault_of};
use super::other::others;
use super::plan::{Ahead, Ground, Planned, Work, differences};
use crate::account::managed_by;
use crate::allotment::count_ahead;
use crate::error::Measure;
use crate::fact::Fact;
use crate::{Account, AccountId, AccountKind, AccountState, AgencyId, Error};
use formats::address::Address;

/// What a row expects that would turn an account into something else: members and mail are looked at where one account
/// is changed.
const KIND_KEPT_EXPECTED: &str = "the kind that it has";

/// A cell of an account's row.
pub(crate) fn text(account: &Account, aliases: &[Address], column: Column) -> String {
    match column {
        Column::Address => account.address.to_string(),
        Column::Name => account.name.clone(),
        Column::Kind => kind_text(&account.kind).to_owned(),
        Column::Agency => account.agency.to_string(),
        Column::Position => optional(account.position.clone()),
        Column::State => state_text(account.state).to_owned(),
        Column::Quota => optional(account.quota.map(octets_text)),
        Column::MessagesMax => optional(account.messages_max.map(|n| n.to_string())),
        Column::Pop3 => boolean_text(account.pop3).to_owned(),
        Column::Aliases => {
            let all: Vec<String> = aliases.iter().map(Address::to_string).collect();
            all.join(" ")
        }
        _ => String::new(),
    }
}

impl Ground<'_> {
    pub(super) fn account(
        &self,
        cells: &Cells,
        ahead: &mut Ahead,
        faults: &mut Faults,
    ) -> Option<Planned> {
        let (address, old) = self.account_of(cells, ahead, faults)?;
        let new = self.account_as(cells, &address, old.as_ref(), faults);
        let agency_at_fault = faults.0.iter().any(|f| f.column == Some(Column::Agency));
        if !agency_at_fault {
            self.check_account(cells, old.as_ref(), &new, ahead, faults);
        }
        let has = old
            .as_ref()
            .map_or_else(Vec::new, |a| self.book.other_addresses(a.id));
        let aliases = self.aliases(cells, (&new, &has), ahead, faults);
        if !faults.0.is_empty() {
            return None;
        }
        let from = |column| optional(old.as_ref().map(|old| text(old, &has, column)));
        let to = |column| text(&new, &aliases, column);
        let differences = differences(Subject::Accounts, from, to);
        let key = address.to_string();
        let is_new = old.is_none();
        let others = others(&has, &aliases);
        for given in others.come.iter().chain(is_new.then_some(&address)) {
            ahead.give(given);
        }
        if is_new || !differences.is_empty() {
            count_ahead(self.book, &mut ahead.allotted, old.as_ref(), &new);
        }
        let work = match old {
            None => Some(Work::NewAccount(new, others.come)),
            Some(_) if differences.is_empty() => None,
            Some(old) => Some(Work::Account(old, new, others)),
        };
        Some(Planned {
            key,
            differences,
            is_new,
            work,
        })
    }

    /// The address, and the account that has it as its main one.
    fn account_of(
        &self,
        cells: &Cells,
        ahead: &Ahead,
        faults: &mut Faults,
    ) -> Option<(Address, Option<Account>)> {
        let written = cells.text(Column::Address);
        if written.is_empty() {
            faults.at(cells, Column::Address, Fault::Missing);
            return None;
        }
        let Ok(address) = Address::parse(written) else {
            let expected = "an address such as annv@coquan.gov.vn";
            faults.at(cells, Column::Address, Fault::Invalid(expected.to_owned()));
            return None;
        };
        let Some(id) = self.book.addresses.get(&address.key()) else {
            // An earlier row has it among the aliases of its account.
            if ahead.gives(&address) {
                faults.at(cells, Column::Address, Fault::Taken);
                return None;
            }
            return Some((address, None));
        };
        let old = self.book.account(*id);
        // Another's alias, or an account that one may not see, is told as an address that is taken: whoever makes
        // accounts in a domain cannot but learn it.
        let own = old.filter(|a| a.address.key() == address.key() && self.reaches(&a.agency));
        match own {
            Some(old) => Some((address, Some((**old).clone()))),
            None => {
                faults.at(cells, Column::Address, Fault::Taken);
                None
            }
        }
    }

    /// The account as the row says.
    fn account_as(
        &self,
        cells: &Cells,
        address: &Address,
        old: Option<&Account>,
        faults: &mut Faults,
    ) -> Account {
        let was = old.cloned();
        let agency = match (cells.get(Column::Agency), old) {
            (Cell::Text(code), _) => {
                let id = AgencyId(code.to_owned());
                if !self.reaches(&id) {
                    faults.at(cells, Column::Agency, Fault::NoAgency);
                }
                id
            }
            (Cell::Absent, Some(old)) => old.agency.clone(),
            _ => {
                faults.at(cells, Column::Agency, Fault::Missing);
                AgencyId(String::new())
            }
        };
        let name = faults.name(cells, Column::Name, old.map(|a| a.name.clone()));
        let position = faults.line(
            cells,
            Column::Position,
            old.and_then(|a| a.position.clone()),
        );
        let kind = self.account_kind(cells, old, faults);
        let default = AccountState::Active;
        let is = old.map_or(default, |a| a.state);
        let state = faults.value(cells, Column::State, (is, default), state, STATE_EXPECTED);
        let is = old.and_then(|a| a.quota);
        let size = |text: &str| octets(text).map(Some);
        let quota = faults.value(cells, Column::Quota, (is, None), size, OCTETS_EXPECTED);
        let is = old.and_then(|a| a.messages_max);
        let count = |text: &str| number(text).map(Some);
        let column = Column::MessagesMax;
        let messages_max = faults.value(cells, column, (is, None), count, NUMBER_EXPECTED);
        let is = old.is_some_and(|a| a.pop3);
        let pop3 = faults.value(cells, Column::Pop3, (is, false), boolean, BOOLEAN_EXPECTED);
        Account {
            // As it is: the same address in other letters changes nothing.
            address: old.map_or_else(|| address.clone(), |a| a.address.clone()),
            kind,
            state,
            agency,
            name,
            position,
            quota,
            messages_max,
            pop3,
            version: old.map_or(1, |a| a.version + 1),
            ..was.unwrap_or_else(|| blank(address.clone(), self.now))
        }
    }

    fn account_kind(
        &self,
        cells: &Cells,
        old: Option<&Account>,
        faults: &mut Faults,
    ) -> AccountKind {
        let is = old.map_or(AccountKind::Person, |a| a.kind.clone());
        let empty = is.clone();
        let wanted = faults.value(
            cells,
            Column::Kind,
            (is.clone(), empty),
            kind,
            KIND_EXPECTED,
        );
        let list = |kind: &AccountKind| matches!(kind, AccountKind::List { .. });
        if old.is_none() || is == wanted {
            return wanted;
        }
        if !(list(&is) && list(&wanted)) {
            let fault = Fault::Invalid(KIND_KEPT_EXPECTED.to_owned());
            faults.at(cells, Column::Kind, fault);
        }
        is
    }

    /// What the directory would refuse.
    fn check_account(
        &self,
        cells: &Cells,
        old: Option<&Account>,
        new: &Account,
        ahead: &Ahead,
        faults: &mut Faults,
    ) {
        let reckoning = self.reckoning.with(&ahead.allotted);
        let limits = crate::account::check_limits(new);
        let may = match old {
            None => self.book.check_new_account(self.by, new, reckoning),
            Some(old) => self
                .book
                .check_account(self.by, managed_by(old), old)
                .and_then(|()| {
                    let by = self.by;
                    self.book.check_changed_account(by, old, new, reckoning)
                })
                .and_then(|()| {
                    let facts = [Fact::Account(new.clone())];
                    self.book.check_administered(self.by, &facts, self.now)
                })
                .and_then(|()| match new.kind == old.kind {
                    true => Ok(()),
                    false => self.book.check_no_seat(new.id),
                }),
        };
        for error in [limits, may].into_iter().filter_map(Result::err) {
            let column = match &error {
                Error::Invalid { field, .. } => {
                    let columns = Subject::Accounts.columns();
                    let named = columns.iter().find(|c| c.name() == *field);
                    named.copied().unwrap_or(Column::Address)
                }
                Error::NotFound("agency") | Error::Beyond(Measure::Accounts, _) => Column::Agency,
                Error::Beyond(Measure::Quota, _) => Column::Quota,
                Error::LastAdministrator(_) => Column::State,
                _ => Column::Address,
            };
            if let Ok(fault) = fault_of(error) {
                faults.at(cells, column, fault);
            }
        }
        let taker = old.is_none().then_some(new.id);
        if taker.is_some_and(|taker| self.takes_anothers(&new.address, taker))
            && !faults.has(Column::Address)
        {
            faults.at(cells, Column::Address, Fault::NeedsReason);
        }
        let from = old.map(|old| &old.agency);
        if from.is_some() && self.book.takes_less(from, Some(&new.agency)) {
            faults.at(cells, Column::Agency, Fault::TakesTwo);
        }
    }
}

fn blank(address: Address, now: i64) -> Account {
    Account {
        id: AccountId::SYSTEM,
        address,
        kind: AccountKind::Person,
        state: AccountState::Active,
        agency: AgencyId(String::new()),
        name: String::new(),
        position: None,
        quota: None,
        messages_max: None,
        pop3: false,
        grants: Vec::new(),
        grant_last: 0,
        created_at: now,
        version: 0,
    }
}
