//! Order: a legal order under which mail is read without its owner being told for a time. Who records it, its number
//! and its day are in the audit log, which its own subject does not see of it meanwhile.

use crate::act::{Note, invalid, name};
use crate::fact::{Fact, decode, encode, table};
use crate::reading::Scope;
use crate::{Access, AccountId, Capability, Denied, Directory, Error};
use formats::date::{self, Day};
use serde::{Deserialize, Serialize};
use serde_json::json;
use storage::RowChange;

/// Days for which one order hides what is read under it; a longer one is recorded anew.
pub const HIDDEN_DAYS_MAX: i64 = 366;
/// Orders in all.
const ORDERS_MAX: usize = 10_000;

/// A legal order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct LegalOrder {
    /// The number of its entry in the audit log.
    pub id: u64,
    pub account: AccountId,
    /// Its number as its issuer gave it: `15/QĐ-CQĐT`.
    pub number: String,
    /// Its date.
    pub date: Day,
    pub issuer: String,
    /// Address of who recorded it.
    pub by: String,
    /// Unix seconds.
    pub recorded_at: i64,
    /// Until when the owner is not told.
    pub hidden_until: i64,
    /// When somebody ended it before that.
    pub ended_at: Option<i64>,
}

impl LegalOrder {
    /// Whether it stands, and hides.
    pub fn stands(&self, now_s: i64) -> bool {
        self.ended_at.is_none() && now_s < self.hidden_until
    }

    fn fact(&self) -> Result<Fact, storage::Error> {
        Ok(Fact::Row(RowChange {
            table: table::ORDER,
            key: self.id.to_be_bytes().to_vec(),
            value: Some(encode(self)?),
        }))
    }
}

/// An order to record.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct NewOrder {
    pub number: String,
    pub date: Day,
    pub issuer: String,
    pub hidden_until: i64,
}

impl Directory {
    /// Who may look after orders about this account; its owner never may. Errors: `NotFound`, `Denied`.
    fn check_orders(
        &self,
        by: Option<&Access>,
        account: AccountId,
        capability: Capability,
    ) -> Result<String, Error> {
        if by.is_some_and(|by| by.account == account) {
            return Err(Denied.into());
        }
        self.in_reach(by, account, capability)
    }

    /// Records a legal order about an account. Errors: `Invalid`, `NotFound`, `Denied`.
    pub fn record_order(
        &self,
        by: Option<&Access>,
        account: AccountId,
        new: NewOrder,
    ) -> Result<LegalOrder, Error> {
        let address = self.check_orders(by, account, Capability::ManageHolds)?;
        let (number, issuer) = (name("number", &new.number)?, name("issuer", &new.issuer)?);
        let now = self.now_s();
        let last = now.saturating_add(HIDDEN_DAYS_MAX * 24 * 3600);
        if new.hidden_until <= now || new.hidden_until > last {
            let expected = format!("a time within the next {HIDDEN_DAYS_MAX} days");
            return Err(invalid("hidden_until", expected));
        }
        if new.date > self.read().today() {
            return Err(invalid("date", "a day that has come"));
        }
        let mut acts = self.acts();
        if self.all_orders()?.len() >= ORDERS_MAX {
            return Err(invalid("number", format!("at most {ORDERS_MAX} orders")));
        }
        let order = LegalOrder {
            id: acts.chain.last + 1,
            account,
            number,
            date: new.date,
            issuer,
            by: by.map_or_else(|| "system".to_owned(), |by| by.address.to_string()),
            recorded_at: now,
            hidden_until: new.hidden_until,
            ended_at: None,
        };
        let note = Note {
            act: "order.record",
            object: address,
            detail: json!({"order": order.id, "number": order.number, "date": order.date.to_string(),
                "issuer": order.issuer, "hidden_until": date::utc(order.hidden_until)}),
        };
        self.commit(&mut acts, by, note, vec![order.fact()?])?;
        Ok(order)
    }

    /// Ends an order: from now on the owner sees what was read under it. Errors: `NotFound`, `Denied`.
    pub fn end_order(&self, by: Option<&Access>, account: AccountId, id: u64) -> Result<(), Error> {
        let address = self.check_orders(by, account, Capability::ManageHolds)?;
        let mut acts = self.acts();
        let order = self.order(id)?.filter(|order| order.account == account);
        let mut order = order.ok_or(Error::NotFound("order"))?;
        if order.ended_at.is_some() {
            return Ok(());
        }
        order.ended_at = Some(self.now_s());
        let note = Note {
            act: "order.end",
            object: address,
            detail: json!({"order": id, "number": order.number}),
        };
        self.commit(&mut acts, by, note, vec![order.fact()?])
    }

    /// The orders about an account, newest first. Errors: `NotFound`, `Denied` (also for its owner).
    pub fn orders(
        &self,
        by: Option<&Access>,
        account: AccountId,
    ) -> Result<Vec<LegalOrder>, Error> {
        self.check_orders(by, account, Capability::ReadHolds)?;
        let mut of = self.all_orders()?;
        of.retain(|order| order.account == account);
        of.reverse();
        Ok(of)
    }

    fn all_orders(&self) -> Result<Vec<LegalOrder>, Error> {
        let rows = self.inner.store.table(table::ORDER);
        let rows = rows.rows(&[], None, ORDERS_MAX)?;
        let orders = rows.iter().map(|(_, row)| decode(table::ORDER, row));
        Ok(orders.collect::<Result<_, _>>()?)
    }

    fn order(&self, id: u64) -> Result<Option<LegalOrder>, Error> {
        let row = self
            .inner
            .store
            .table(table::ORDER)
            .row(&id.to_be_bytes())?;
        let order = row.map(|row| decode(table::ORDER, &row));
        Ok(order.transpose()?)
    }

    /// Whether what was done under this order is hidden from this account's owner.
    pub fn is_hidden(&self, order: Option<u64>, account: AccountId) -> Result<bool, Error> {
        let Some(order) = order else { return Ok(false) };
        let order = self.order(order)?;
        Ok(order.is_some_and(|order| order.account == account && order.stands(self.now_s())))
    }

    /// Errors: `Invalid` where no such order stands, or stands for another account than the one that is read.
    pub(crate) fn check_order(&self, id: u64, scope: &Scope) -> Result<(), Error> {
        let order = self.order(id)?.filter(|order| order.stands(self.now_s()));
        let fits = |account: AccountId| match scope {
            Scope::Mail(read) | Scope::Impersonation(read) | Scope::Redirect(read, _) => {
                *read == account
            }
            Scope::Trace => true,
            Scope::Directory(_)
            | Scope::Audit
            | Scope::Secret(_)
            | Scope::Member(_)
            | Scope::SecondFactor(_) => false,
        };
        match order.filter(|order| fits(order.account)) {
            Some(_) => Ok(()),
            None => Err(invalid(
                "Legal-Order",
                "the number of an order recorded for this account that stands",
            )),
        }
    }
}
