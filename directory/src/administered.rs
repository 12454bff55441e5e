//! Administered: somebody is left who administers each tree from its top.
//!
//! Whoever has every right at the top can give all others; where nobody has, nobody can give them any more. So no act leaves
//! a top without one: not by deleting or suspending the last account, nor by taking its grant, limiting it or letting it end. It is looked at
//! where acts are committed, so that no act can forget it. Who runs the server is not bound, and makes another one where there is none
//! (`congvu rescue administrator`).

use crate::AccountId;
use crate::act::{Note, invalid, name};
use crate::book::Book;
use crate::fact::Fact;
use crate::grant::CHAIN_MAX;
use crate::signin::may_enter;
use crate::{
    Access, Account, AccountKind, AccountState, AgencyId, Capabilities, Directory, Error, Grant,
    GrantLimits, NewAccount, Role,
};
use formats::address::Address;
use std::collections::BTreeMap;

/// The name of an account that is made to administer, where none is said.
const NAME: &str = "Quản trị hệ thống";

/// For how long somebody leads a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    /// Without an end.
    Good,
    /// Now, whenever it may end.
    Now,
}

/// Accounts as they are about to become; `None`: they go.
type Become<'a> = BTreeMap<AccountId, Option<&'a Account>>;

impl Book {
    fn tops(&self) -> impl Iterator<Item = &AgencyId> {
        let tops = self.agencies.values().filter(|a| a.parent.is_none());
        tops.map(|agency| &agency.id)
    }

    fn leaders<'a>(&'a self, top: &'a AgencyId, now_s: i64) -> impl Iterator<Item = &'a Account> {
        let holders = self.holders.iter().filter_map(|id| self.account(*id));
        let all = holders.map(AsRef::as_ref);
        let none = Become::new();
        all.filter(move |account: &&Account| self.leads(account, top, For::Now, (&none, now_s)))
    }

    /// Whether the account may do everything at this top, without limits: nobody could lift the last one's.
    fn leads(
        &self,
        account: &Account,
        top: &AgencyId,
        time: For,
        (new, now_s): (&Become<'_>, i64),
    ) -> bool {
        let whole = |grant: &Grant| {
            grant.agency == *top
                && grant.may.capabilities().covers(Capabilities::ALL)
                && grant.stands(now_s)
                && (time == For::Now || grant.until.is_none())
                && self.is_free(grant, new)
        };
        may_enter(account) && account.grants.iter().any(whole)
    }

    /// Whether neither a grant nor those out of which it was given have limits.
    fn is_free(&self, grant: &Grant, new: &Become<'_>) -> bool {
        let holder = |id: AccountId| match new.get(&id) {
            Some(new) => *new,
            None => self.account(id).map(AsRef::as_ref),
        };
        let above = |grant: &&Grant| {
            let id = grant.out_of?;
            holder(id.account)?
                .grants
                .iter()
                .find(|g| g.number == id.number)
        };
        let mut chain = std::iter::successors(Some(grant), above).take(CHAIN_MAX);
        chain.all(|grant| grant.limits == GrantLimits::default())
    }

    /// Errors: `LastAdministrator`, where these leave a top without anybody who administers it, or with nobody beyond some day.
    pub(crate) fn check_administered(
        &self,
        by: Option<&Access>,
        facts: &[Fact],
        now_s: i64,
    ) -> Result<(), Error> {
        if by.is_none() {
            return Ok(());
        }
        let (none, mut become_so) = (Become::new(), Become::new());
        for fact in facts {
            match fact {
                Fact::Account(account) => become_so.insert(account.id, Some(account)),
                Fact::NoAccount(id) => become_so.insert(*id, None),
                _ => None,
            };
        }
        let held = |id: &&AccountId| self.holders.contains(id);
        let was: Vec<&Account> = become_so
            .keys()
            .filter(held)
            .filter_map(|id| self.account(*id))
            .map(AsRef::as_ref)
            .collect();
        if was.is_empty() {
            return Ok(());
        }
        for top in self.tops() {
            for time in [For::Good, For::Now] {
                if !was
                    .iter()
                    .any(|old| self.leads(old, top, time, (&none, now_s)))
                {
                    continue;
                }
                let new = become_so.values().flatten();
                let others = self
                    .leaders(top, now_s)
                    .filter(|a| !become_so.contains_key(&a.id));
                let mut left = new.copied().chain(others);
                if !left.any(|account| self.leads(account, top, time, (&become_so, now_s))) {
                    return Err(Error::LastAdministrator(top.clone()));
                }
            }
        }
        Ok(())
    }
}

impl Directory {
    /// Makes somebody who administers a tree from its top where nobody does: the account of this address is given the role
    /// `administrator` there without an end, and may sign in again; where there is none it is made. By who runs the server; the
    /// entry of the audit log has the reason. `top`: may be left out where there is one tree. Errors: `Invalid`, `InUse` (by whom
    /// it is administered).
    pub fn rescue_administrator(
        &self,
        address: &Address,
        called: Option<&str>,
        top: Option<&AgencyId>,
        reason: &str,
    ) -> Result<Account, Error> {
        let reason = name("reason", reason)?;
        let top = self.left_alone(top)?;
        let account = match self.account_at(address) {
            Ok(there) => there,
            Err(_) => self.create_account(
                None,
                NewAccount {
                    address: address.clone(),
                    kind: AccountKind::Person,
                    agency: top.clone(),
                    name: called.unwrap_or(NAME).to_owned(),
                    position: None,
                    quota: None,
                    messages_max: None,
                },
            )?,
        };
        let now = self.now_s();
        let mut acts = self.acts();
        let (new, facts) = {
            let book = self.read();
            let old = book.account(account.id).ok_or(Error::NotFound("account"))?;
            let mut new = Account::clone(old);
            new.state = AccountState::Active;
            book.add_grant(
                None,
                &mut new,
                Grant::of(Role::Administrator, top.clone()),
                now,
            )?;
            new.version += 1;
            let mut facts = book.planted(new.id, None, now);
            facts.push(Fact::Account(new.clone()));
            (new, facts)
        };
        let note = Note {
            act: "administrator.rescue",
            object: new.address.to_string(),
            detail: serde_json::json!({
                "reason": reason, "agency": top, "account": new.id.raw(), "state": [account.state, new.state],
            }),
        };
        self.commit(&mut acts, None, note, facts)?;
        drop(acts);
        self.make_mailboxes(&new)?;
        Ok(new)
    }

    /// The top that nobody administers. Errors: `Invalid`, `InUse`.
    fn left_alone(&self, top: Option<&AgencyId>) -> Result<AgencyId, Error> {
        let book = self.read();
        let mut tops = book.tops().filter(|id| top.is_none_or(|top| top == *id));
        let (Some(found), None) = (tops.next(), tops.next()) else {
            return Err(invalid(
                "agency",
                "the code of the agency at the top of a tree",
            ));
        };
        let leaders: Vec<String> = book
            .leaders(found, self.now_s())
            .map(|account| account.address.to_string())
            .collect();
        match leaders.is_empty() {
            true => Ok(found.clone()),
            false => Err(Error::InUse(leaders.join(", "))),
        }
    }
}
