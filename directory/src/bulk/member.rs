//! Rows of members: of lists, and of shared accounts with what they may do there.

use super::cells::{Cell, Cells, Faults};
use super::column::{Column, Subject};
use super::fault::{Fault, fault_of};
use super::plan::{Ahead, Ground, Planned, Work, differences};
use crate::account::{MEMBERS_MAX, managed_by};
use crate::join::Join;
use crate::{Account, AccountId, AccountKind, Capability, Rights, Sharing};
use formats::address::Address;
use std::collections::HashSet;
use std::sync::Arc;

/// What a member of a shared account may do when the row does not say.
const RIGHTS_DEFAULT: &str = "lrswite";
/// In the column of rights: no member any more.
const REMOVED: &str = "-";
/// What the column of rights expects of a shared account's member.
const RIGHTS_EXPECTED: &str = "one or more letters of lrswipkxtea, or - for no member any more";
/// What it expects of a list's.
const LIST_RIGHTS_EXPECTED: &str =
    "nothing, or - for no member any more: members of a list have no rights";

/// A cell of a member's row.
pub(crate) fn text(account: &Account, member: &Address, rights: &str, column: Column) -> String {
    match column {
        Column::Account => account.address.to_string(),
        Column::Member => member.to_string(),
        Column::Rights => rights.to_owned(),
        _ => String::new(),
    }
}

impl Ground<'_> {
    pub(super) fn member(
        &self,
        cells: &Cells,
        ahead: &mut Ahead,
        faults: &mut Faults,
    ) -> Option<Planned> {
        let account = self.address(cells, Column::Account, faults);
        let member = self.address(cells, Column::Member, faults);
        let (account, member) = (account?, member?);
        let owner = self.book.at(&account).filter(|a| self.reaches(&a.agency));
        let Some(owner) = owner else {
            faults.at(cells, Column::Account, Fault::NoAccount);
            return None;
        };
        let may = self.book.check_account(self.by, managed_by(owner), owner);
        if let Some(fault) = may.err().and_then(|error| fault_of(error).ok()) {
            faults.at(cells, Column::Account, fault);
            return None;
        }
        match &owner.kind {
            AccountKind::List { members } => {
                self.listed(cells, (owner, members), member, ahead, faults)
            }
            _ => self.shared(cells, owner, &member, faults),
        }
    }

    /// The rights of a member as they are, none of them for one of a list; `None`: no member.
    pub(super) fn member_now(&self, account: &str, member: &str) -> Option<Option<String>> {
        let owner = self.book.at(&Address::parse(account).ok()?)?;
        let member = Address::parse(member).ok()?;
        if let AccountKind::List { members } = &owner.kind {
            let there = members.iter().any(|m| m.key() == member.key());
            return Some(there.then(String::new));
        }
        let who = self.book.at(&member)?;
        let given = self
            .book
            .share(owner.id, None)
            .given(Sharing::Account(who.id));
        Some((!given.is_empty()).then(|| given.to_string()))
    }

    fn address(&self, cells: &Cells, column: Column, faults: &mut Faults) -> Option<Address> {
        let written = cells.text(column);
        if written.is_empty() {
            faults.at(cells, column, Fault::Missing);
            return None;
        }
        let parsed = Address::parse(written).ok();
        if parsed.is_none() {
            let expected = "an address such as annv@coquan.gov.vn";
            faults.at(cells, column, Fault::Invalid(expected.to_owned()));
        }
        parsed
    }

    fn listed(
        &self,
        cells: &Cells,
        (list, members): (&Account, &[Address]),
        member: Address,
        ahead: &mut Ahead,
        faults: &mut Faults,
    ) -> Option<Planned> {
        let removed = match cells.get(Column::Rights) {
            Cell::Absent | Cell::Empty => false,
            Cell::Text(REMOVED) => true,
            Cell::Text(_) => {
                let fault = Fault::Invalid(LIST_RIGHTS_EXPECTED.to_owned());
                faults.at(cells, Column::Rights, fault);
                return None;
            }
        };
        let all = ahead
            .members
            .entry(list.id)
            .or_insert_with(|| members.iter().map(Address::key).collect::<HashSet<_>>());
        let key = member.key();
        let was = all.contains(&key);
        if !was && !removed && all.len() >= MEMBERS_MAX {
            let expected = format!("at most {MEMBERS_MAX}; name other lists for more");
            faults.at(cells, Column::Member, Fault::Invalid(expected));
            return None;
        }
        if removed {
            all.remove(&key);
        } else {
            all.insert(key);
        }
        let from = |column| match (was, column) {
            (false, _) => String::new(),
            (true, column) => text(list, &member, "", column),
        };
        let to = |column| match (removed, column) {
            (true, Column::Rights) => REMOVED.to_owned(),
            (_, column) => text(list, &member, "", column),
        };
        // Nobody is taken off who is not there.
        let same = was != removed;
        let differences = match same {
            true => Vec::new(),
            false => differences(Subject::Members, from, to),
        };
        Some(Planned {
            key: format!("{} {member}", list.address),
            differences,
            is_new: !was,
            work: (!same).then(|| Work::Listed(list.id, member.clone(), removed)),
        })
    }

    /// Whether who asked gets in by this where he did not read before (`join`).
    pub(super) fn lets_himself_in(
        &self,
        owner: &Account,
        member: AccountId,
        rights: Rights,
    ) -> bool {
        let join = Join {
            mailbox: owner.id,
            member,
            rights,
        };
        self.by.is_some_and(|by| self.book.joins(by, owner, join))
    }

    fn shared(
        &self,
        cells: &Cells,
        owner: &Account,
        member: &Address,
        faults: &mut Faults,
    ) -> Option<Planned> {
        let sees = |m: &&Arc<Account>| self.allows(Capability::ReadDirectory, &m.agency);
        // Whoever is a member already may be taken off without being seen.
        let known = |m: &&Arc<Account>| {
            !self
                .book
                .share(owner.id, None)
                .given(Sharing::Account(m.id))
                .is_empty()
        };
        let Some(who) = self.book.at(member).filter(|m| sees(m) || known(m)) else {
            faults.at(cells, Column::Member, Fault::NoAccount);
            return None;
        };
        let default = Rights::parse(RIGHTS_DEFAULT).unwrap_or(Rights::NONE);
        let given = self
            .book
            .share(owner.id, None)
            .given(Sharing::Account(who.id));
        let absent = if given.is_empty() { default } else { given };
        let read = |text: &str| match text {
            REMOVED => Some(Rights::NONE),
            text => Rights::parse(text).filter(|rights| !rights.is_empty()),
        };
        let rights = faults.value(
            cells,
            Column::Rights,
            (absent, default),
            read,
            RIGHTS_EXPECTED,
        );
        if let Err(error) = self.book.check_member(self.by, owner, who.id, rights)
            && let Ok(fault) = fault_of(error)
        {
            faults.at(cells, Column::Member, fault);
            return None;
        }
        if self.lets_himself_in(owner, who.id, rights) {
            faults.at(cells, Column::Member, Fault::NeedsReason);
            return None;
        }
        let cell = |rights: Rights, column| match rights.is_empty() {
            true => String::new(),
            false => text(owner, &who.address, &rights.to_string(), column),
        };
        let to = |column| match (rights.is_empty(), column) {
            (true, Column::Rights) => REMOVED.to_owned(),
            (true, column) => cell(given, column),
            (false, column) => cell(rights, column),
        };
        let same = rights == given;
        let differences = match same {
            true => Vec::new(),
            false => differences(Subject::Members, |column| cell(given, column), to),
        };
        Some(Planned {
            key: format!("{} {}", owner.address, who.address),
            differences,
            is_new: given.is_empty(),
            work: (!same).then_some(Work::Member(owner.id, who.id, rights)),
        })
    }
}
