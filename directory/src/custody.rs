//! Custody: what administrators do with the mail of others. Each act is in the audit log before it takes
//! effect (I-20), and reaches only accounts of the actor's subtree (I-17).

use crate::act::{Acts, invalid};
use crate::approval::{Dangerous, Spent, Wanted};
use crate::fact::{Fact, account_key, table};
use crate::open::PAGE_MAX;
use crate::{
    Access, Account, AccountId, AccountState, AgencyId, Capability, Denied, Directory, Error,
};
use formats::address::Address;
use storage::{AccountStore, Figures, Harms, Hold, KeyInfo, Store};

/// Octets of a hold's name and reason.
const HOLD_NAME_MAX: usize = 128;
const HOLD_REASON_MAX: usize = 4_000;

/// Acts that put mail into an account.
const RESTORES: [&str; 3] = ["mail.undelete", "mail.restore", "mail.restore_backup"];

/// How the store is.
#[derive(Debug, Clone)]
pub struct StoreHealth {
    /// What it weighs.
    pub figures: Figures,
    /// Why nothing can be written, as while the disk is full or failing; `None`: it can.
    pub unwritable: Option<storage::Error>,
    /// What of it is known to be damaged.
    pub harms: Harms,
}

impl Directory {
    /// The mail of an account, for this one act on it; `detail` is JSON for the audit log. An act of two persons uses up
    /// its approval when it is done ([`custody_done`](Self::custody_done)).
    /// Errors: `NotFound`, `Denied`, `Invalid` (another's mail, and no reason), `Awaiting`.
    pub fn custody(
        &self,
        by: Option<&Access>,
        id: AccountId,
        capability: Capability,
        act: &'static str,
        detail: &str,
    ) -> Result<AccountStore, Error> {
        let address = self.in_reach(by, id, capability)?;
        if RESTORES.contains(&act) {
            self.check_reason(by, id)?;
            // Used up when it is done: what is refused, or goes on with the next request, has not used it.
            let _ = self.second(
                &mut self.acts(),
                by,
                id,
                Dangerous::RestoreMail,
                &address,
                detail,
            )?;
        }
        self.enter_custody(by, id, act, &address, detail)?;
        Ok(self.inner.store.account(id))
    }

    /// An act on the mail of an account came to its end: the approval that it had is used up. Errors: as `custody`.
    pub fn custody_done(
        &self,
        by: Option<&Access>,
        id: AccountId,
        act: &'static str,
        detail: &str,
    ) -> Result<(), Error> {
        if !RESTORES.contains(&act) {
            return Ok(());
        }
        let (Some(by), account) = (by, self.kept_account(id)?) else {
            return Ok(());
        };
        let wanted = Wanted {
            act: Dangerous::RestoreMail,
            agency: &account.agency,
            object: &account.address.to_string(),
            detail: &asked_of(id, detail),
        };
        let mut acts = self.acts();
        let used = self.found_second(by, wanted);
        self.spend(&mut acts, Some(by), Spent::of(used))
    }

    /// Whether a restore of the account's mail has begun and not ended. Errors: `NotFound`, `Denied`.
    pub fn is_restoring(&self, by: Option<&Access>, id: AccountId) -> Result<bool, Error> {
        self.in_reach(by, id, Capability::RecoverMail)?;
        Ok(self.inner.store.account(id).restoring()?.is_some())
    }

    /// The second person of an act on the mail of an account, where its agency wants one. Errors: `Awaiting`.
    fn second(
        &self,
        acts: &mut Acts,
        by: Option<&Access>,
        id: AccountId,
        act: Dangerous,
        address: &str,
        detail: &str,
    ) -> Result<Spent, Error> {
        let agency = self.kept_account(id)?.agency;
        let asked = asked_of(id, detail);
        let wanted = Wanted {
            act,
            agency: &agency,
            object: address,
            detail: &asked,
        };
        self.with_second(acts, by, wanted)
    }

    /// The account's address, when `by` may do this with it.
    pub(crate) fn in_reach(
        &self,
        by: Option<&Access>,
        id: AccountId,
        capability: Capability,
    ) -> Result<String, Error> {
        let account = self.kept_account(id)?;
        let book = self.read();
        if book.agencies.contains_key(&account.agency) {
            let touches = matches!(
                capability,
                Capability::ManageHolds | Capability::RecoverMail | Capability::Impersonate
            );
            let own = by.is_some_and(|by| by.account == id);
            match book.account(id).filter(|_| touches && !own) {
                // The mail of who holds more than the actor could give is not his to read either.
                Some(holder) => book.check_account(by, capability, holder)?,
                None => book.check(by, capability, &account.agency, "account")?,
            }
            return Ok(account.address.to_string());
        }
        // A deleted account of an agency that is gone too: who stands at the top of a tree answers for it.
        drop(book);
        self.check_whole(by, capability).map_err(|_| {
            let seen = self.check_whole(by, Capability::ReadDirectory).is_ok();
            if seen {
                Denied.into()
            } else {
                Error::NotFound("account")
            }
        })?;
        Ok(account.address.to_string())
    }

    /// An account that is there, or that was deleted and whose mail is still kept: then its last row.
    /// Errors: `NotFound`.
    pub fn kept_account(&self, id: AccountId) -> Result<Account, Error> {
        if let Some(account) = self.read().account(id) {
            return Ok((**account).clone());
        }
        self.departed(id)?.ok_or(Error::NotFound("account"))
    }

    /// Deleted accounts whose mail is still kept, in id order, as far as `by` may see them.
    pub fn deleted_accounts(
        &self,
        by: Option<&Access>,
        after: Option<AccountId>,
        max: usize,
    ) -> Result<Vec<Account>, Error> {
        let rows = self.inner.store.table(table::DEPARTED);
        let mut after = after.map(account_key);
        let mut seen = Vec::new();
        loop {
            let page = rows.rows(&[], after.as_deref(), PAGE_MAX)?;
            let Some((last, _)) = page.last() else {
                return Ok(seen);
            };
            after = Some(last.clone());
            for (key, row) in &page {
                let Some(account) = departed(key, row)? else {
                    continue;
                };
                if self.sees_departed(by, &account) {
                    seen.push(account);
                }
                if seen.len() >= max.min(PAGE_MAX) {
                    return Ok(seen);
                }
            }
        }
    }

    /// Those of them that had this main address, in id order.
    pub fn deleted_at(
        &self,
        by: Option<&Access>,
        address: &Address,
    ) -> Result<Vec<Account>, Error> {
        let had = self.read().departed.get(&address.key()).cloned();
        let mut seen = Vec::new();
        for id in had.unwrap_or_default() {
            let Some(account) = self.departed(id)? else {
                continue;
            };
            if self.sees_departed(by, &account) {
                seen.push(account);
            }
        }
        Ok(seen)
    }

    /// Who may see the agency that it was in; where that is gone too, who stands above all.
    fn sees_departed(&self, by: Option<&Access>, account: &Account) -> bool {
        let book = self.read();
        if book.agencies.contains_key(&account.agency) {
            return book.allows(by, Capability::ReadDirectory, &account.agency);
        }
        drop(book);
        self.check_whole(by, Capability::ReadDirectory).is_ok()
    }

    /// The last row of a deleted account.
    fn departed(&self, id: AccountId) -> Result<Option<Account>, Error> {
        let key = account_key(id);
        let Some(row) = self.inner.store.table(table::DEPARTED).row(&key)? else {
            return Ok(None);
        };
        departed(&key, &row)
    }

    /// Errors: `Held`, naming one of the account's holds.
    pub(crate) fn check_not_held(&self, id: AccountId) -> Result<(), Error> {
        let mut holds = self.inner.store.holds(Some(id))?.into_iter();
        holds
            .next()
            .map_or(Ok(()), |hold| Err(Error::Held(hold.name)))
    }

    /// Whether no deleted account of this agency is under a hold: who may look after the hold would be gone
    /// with the agency. Errors: `Held`.
    pub(crate) fn check_none_held(&self, agency: &AgencyId) -> Result<(), Error> {
        for hold in self.inner.store.holds(None)? {
            let gone = self.read().account(hold.account).is_none();
            let of = if gone {
                self.departed(hold.account)?
            } else {
                None
            };
            if of.is_some_and(|account| account.agency == *agency) {
                return Err(Error::Held(hold.name));
            }
        }
        Ok(())
    }

    /// The store belongs to no agency: a grant at the top of a tree is needed. Errors: `Denied`.
    pub fn check_whole(&self, by: Option<&Access>, capability: Capability) -> Result<(), Error> {
        let root = |id: &AgencyId| self.agency(id).is_ok_and(|a| a.parent.is_none());
        match by {
            Some(access) if !access.scopes(capability).iter().any(root) => Err(Denied.into()),
            _ => Ok(()),
        }
    }

    /// What the store weighs, whether it takes writes, and what of it is known to be damaged. Errors: `Denied`.
    pub fn store_health(&self, by: Option<&Access>) -> Result<StoreHealth, Error> {
        self.check_whole(by, Capability::ReadStore)?;
        let store = &self.inner.store;
        Ok(StoreHealth {
            figures: store.figures(),
            unwritable: store.expect_writable().err(),
            harms: store.harms(),
        })
    }

    /// The octets that must be free before anything is written, where fewer are.
    pub fn lacks_room(&self) -> Option<u64> {
        let (free, reserve) = self.inner.store.room();
        (free < reserve).then_some(reserve)
    }

    /// The store, for this one act on all of it; `detail` is JSON for the audit log, without secrets.
    /// Errors: `Denied`.
    pub fn store_custody(
        &self,
        by: Option<&Access>,
        act: &'static str,
        detail: &str,
    ) -> Result<Store, Error> {
        self.check_whole(by, Capability::ManageStore)?;
        self.record(by, act, "store", detail)?;
        Ok(self.inner.store.clone())
    }

    /// The data keys of an encrypted store, oldest first, each with the agency whose it is; `None`: of no
    /// agency, or of one that is gone. Errors: `Denied`.
    pub fn store_keys(
        &self,
        by: Option<&Access>,
    ) -> Result<Vec<(KeyInfo, Option<AgencyId>)>, Error> {
        self.check_whole(by, Capability::ReadStore)?;
        let whose = self.key_owners();
        let keys = self.inner.store.data_keys().into_iter();
        Ok(keys
            .map(|key| (key, whose.get(&key.domain).cloned()))
            .collect())
    }

    /// The legal holds of one account, or all that `by` may see, those of deleted accounts too.
    pub fn holds(
        &self,
        by: Option<&Access>,
        account: Option<AccountId>,
    ) -> Result<Vec<Hold>, Error> {
        if let Some(id) = account {
            self.in_reach(by, id, Capability::ReadHolds)?;
        }
        let holds = self.inner.store.holds(account)?;
        let mut seen = Vec::with_capacity(holds.len());
        for hold in holds {
            match self.in_reach(by, hold.account, Capability::ReadHolds) {
                Ok(_) => seen.push(hold),
                // An account of which there is not even a row: the hold must not be lost sight of.
                Err(Error::NotFound(_))
                    if self.kept_account(hold.account).is_err()
                        && self.check_whole(by, Capability::ReadHolds).is_ok() =>
                {
                    seen.push(hold);
                }
                Err(Error::NotFound(_) | Error::Denied(_) | Error::Outranked) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(seen)
    }

    /// Places a hold: from now on nothing is lost of what the account has, had at `from`, or gets.
    /// Errors: `Exists`, `Invalid`, `NotFound`, `Denied`.
    pub fn place_hold(
        &self,
        by: Option<&Access>,
        id: AccountId,
        name: &str,
        from: Option<i64>,
        reason: &str,
    ) -> Result<Hold, Error> {
        let address = self.in_reach(by, id, Capability::ManageHolds)?;
        let name = name.trim();
        if name.is_empty() || name.len() > HOLD_NAME_MAX || name.chars().any(char::is_control) {
            let expected = format!("1 to {HOLD_NAME_MAX} octets on one line");
            return Err(invalid("name", expected));
        }
        if reason.len() > HOLD_REASON_MAX {
            return Err(invalid(
                "reason",
                format!("at most {HOLD_REASON_MAX} octets"),
            ));
        }
        let placed_at = self.now_s();
        let hold = Hold {
            account: id,
            name: name.to_owned(),
            from: from.unwrap_or(i64::MIN),
            reason: reason.to_owned(),
            by: by.map_or_else(|| "system".to_owned(), |access| access.address.to_string()),
            placed_at,
        };
        let there = self.inner.store.holds(Some(id))?;
        if there.iter().any(|other| other.name == hold.name) {
            return Err(Error::Exists(hold.name));
        }
        let detail = serde_json::json!({"name": hold.name, "from": from, "reason": hold.reason});
        self.record(by, "hold.place", &address, &detail.to_string())?;
        self.inner.store.hold(&hold)?;
        Ok(hold)
    }

    /// The mail that a hold keeps, for whoever looks after holds, and the hold. Errors: `NotFound`, `Denied`.
    pub fn held_mail(
        &self,
        by: Option<&Access>,
        id: AccountId,
        name: &str,
        detail: &str,
    ) -> Result<(Hold, AccountStore), Error> {
        let address = self.in_reach(by, id, Capability::ManageHolds)?;
        let mut there = self.inner.store.holds(Some(id))?.into_iter();
        let hold = there.find(|hold| hold.name == name);
        let hold = hold.ok_or(Error::NotFound("hold"))?;
        self.check_reason(by, id)?;
        // All of the hold, whichever page is read first.
        let asked = this_hold(&hold).to_string();
        // For a day, however often: nothing is used up.
        let _ = self.second(
            &mut self.acts(),
            by,
            id,
            Dangerous::ExportMail,
            &address,
            &asked,
        )?;
        self.enter_custody(by, id, "hold.export", &address, detail)?;
        Ok((hold, self.inner.store.account(id)))
    }

    /// Ends a hold. Errors: `NotFound`, `Denied`.
    pub fn release_hold(
        &self,
        by: Option<&Access>,
        id: AccountId,
        name: &str,
    ) -> Result<(), Error> {
        let address = self.in_reach(by, id, Capability::ManageHolds)?;
        let mut there = self.inner.store.holds(Some(id))?.into_iter();
        let hold = there.find(|hold| hold.name == name);
        let hold = hold.ok_or(Error::NotFound("hold"))?;
        let asked = this_hold(&hold).to_string();
        let spent = {
            let mut acts = self.acts();
            self.second(&mut acts, by, id, Dangerous::ReleaseHold, &address, &asked)?
        };
        let detail = serde_json::json!({ "name": name });
        self.record(by, "hold.release", &address, &detail.to_string())?;
        self.inner.store.release(id, name)?;
        self.spend(&mut self.acts(), by, spent)
    }
}

/// What is asked for, as it is kept with a request.
fn asked_of(id: AccountId, detail: &str) -> String {
    format!("{{\"account\":{id},\"asked\":{detail}}}")
}

/// This hold and no other of its name, as who approves is shown it.
fn this_hold(hold: &Hold) -> serde_json::Value {
    let from = (hold.from != i64::MIN).then(|| formats::date::utc(hold.from));
    serde_json::json!({
        "name": hold.name, "reason": hold.reason, "from": from, "placed_by": hold.by,
        "placed_at": formats::date::utc(hold.placed_at),
    })
}

/// The last row of a deleted account, which is retired whatever it was.
fn departed(key: &[u8], row: &[u8]) -> Result<Option<Account>, Error> {
    let state = AccountState::Retired;
    match Fact::read(table::DEPARTED, key, row)? {
        Fact::Departed(account) => Ok(Some(Account { state, ..account })),
        _ => Ok(None),
    }
}
