//! Legal holds and retention rules: what stands between an account's history and its trimming.
//!
//! They are rows of two system tables. A hold keeps all that the account's change log tells from
//! a date on, however old it grows; a retention rule keeps it at least so long. A person still
//! removes mail from their own view: what was removed stays, with its content, and can be put
//! back. Who may place a hold, and the audit of it, are the directory's.

use crate::{AccountId, Error, RowChange, Store};
use serde::{Deserialize, Serialize};

const HOLDS: &str = "storage.hold";
const KEPT: &str = "storage.retention";
/// The shape of both tables' rows; another one is refused (I-18).
const SHAPE: u8 = 1;
/// Holds of one account.
const HOLDS_MAX: usize = 100;
/// Octets of a hold's name, reason and author.
const NAME_OCTETS_MAX: usize = 128;
const REASON_OCTETS_MAX: usize = 4_000;
/// Retention rules of one commit, and of one reading.
const KEPT_COMMIT: usize = 1_000;
/// Holds that one listing answers.
const LIST_MAX: usize = 10_000;

/// A legal hold: nothing that was there at `from`, or came later, is lost while it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Whose mail.
    pub account: AccountId,
    /// What the case is called; one hold of an account for each name. 1 to 128 octets.
    pub name: String,
    /// Unix seconds; what was removed at this time or later is kept.
    pub from: i64,
    /// Why. At most 4,000 octets.
    pub reason: String,
    /// Who placed it. At most 128 octets.
    pub by: String,
    /// When it was placed, Unix seconds.
    pub placed_at: i64,
}

#[derive(Serialize, Deserialize)]
struct HoldRow {
    from: i64,
    reason: String,
    by: String,
    placed_at: i64,
}

fn encode<T: Serialize>(row: &T) -> Result<Vec<u8>, Error> {
    postcard::to_extend(row, vec![SHAPE])
        .map_err(|_| Error::Invalid("a row that cannot be encoded"))
}

fn decode<'a, T: Deserialize<'a>>(row: &'a [u8]) -> Result<T, Error> {
    match row
        .split_first()
        .map(|(shape, rest)| (*shape, postcard::take_from_bytes(rest)))
    {
        Some((SHAPE, Ok((value, [])))) => Ok(value),
        _ => Err(Error::Corrupt("the row of a hold cannot be read".into())),
    }
}

fn hold_key(account: AccountId, name: &str) -> Vec<u8> {
    let mut key = account.raw().to_be_bytes().to_vec();
    key.extend_from_slice(name.as_bytes());
    key
}

fn hold_of(key: &[u8], row: &[u8]) -> Result<Hold, Error> {
    let strange = || Error::Corrupt("the key of a hold cannot be read".into());
    let (account, name) = key.split_at_checked(4).ok_or_else(strange)?;
    let account = account.try_into().ok().map(u32::from_be_bytes);
    let row: HoldRow = decode(row)?;
    Ok(Hold {
        account: account.and_then(AccountId::new).ok_or_else(strange)?,
        name: String::from_utf8(name.to_vec()).map_err(|_| strange())?,
        from: row.from,
        reason: row.reason,
        by: row.by,
        placed_at: row.placed_at,
    })
}

impl Store {
    /// Places a hold, durably: from its return on nothing under it is trimmed.
    /// Errors: `Exists` (this account has one of that name), `Invalid`, `TooLarge`, `Unavailable`.
    pub fn hold(&self, hold: &Hold) -> Result<(), Error> {
        if hold.name.is_empty() || hold.name.chars().any(char::is_control) {
            return Err(Error::Invalid("name of a hold"));
        }
        if hold.name.len() > NAME_OCTETS_MAX || hold.by.len() > NAME_OCTETS_MAX {
            return Err(Error::TooLarge("name of a hold"));
        }
        if hold.reason.len() > REASON_OCTETS_MAX {
            return Err(Error::TooLarge("reason of a hold"));
        }
        // A trimming that began before must not end after the hold was acknowledged.
        let _still = self.inner.trimming();
        let others = self.holds(Some(hold.account))?;
        if others.iter().any(|other| other.name == hold.name) {
            return Err(Error::Exists);
        }
        if others.len() >= HOLDS_MAX {
            return Err(Error::TooLarge("holds of an account"));
        }
        let row = encode(&HoldRow {
            from: hold.from,
            reason: hold.reason.clone(),
            by: hold.by.clone(),
            placed_at: hold.placed_at,
        })?;
        self.table(HOLDS)
            .put(&hold_key(hold.account, &hold.name), Some(row))
    }

    /// The holds of one account or of all, by account and name; at most 10,000.
    pub fn holds(&self, account: Option<AccountId>) -> Result<Vec<Hold>, Error> {
        let prefix = account.map(|a| a.raw().to_be_bytes());
        let prefix = prefix.as_ref().map_or(&[][..], |p| p);
        let rows = self.table(HOLDS).rows(prefix, None, LIST_MAX)?;
        rows.iter().map(|(key, row)| hold_of(key, row)).collect()
    }

    /// Ends a hold. Errors: `NotFound`, `Unavailable`.
    pub fn release(&self, account: AccountId, name: &str) -> Result<(), Error> {
        let (table, key) = (self.table(HOLDS), hold_key(account, name));
        table.row(&key)?.ok_or(Error::NotFound)?;
        table.put(&key, None)
    }

    /// Sets how long this account's history is kept at least, seconds; `None` ends the rule.
    pub fn keep_at_least(&self, account: AccountId, seconds: Option<u64>) -> Result<(), Error> {
        let _still = self.inner.trimming();
        let row = seconds.map(|s| encode(&s)).transpose()?;
        self.table(KEPT).put(&account.raw().to_be_bytes(), row)
    }

    /// How long this account's history is kept at least, seconds.
    pub fn kept_at_least(&self, account: AccountId) -> Result<Option<u64>, Error> {
        let row = self.table(KEPT).row(&account.raw().to_be_bytes())?;
        row.map(|row| decode(&row)).transpose()
    }

    /// The same of many accounts; a thousand to a commit. Errors: `Unavailable`.
    pub fn keep_each_at_least(&self, each: &[(AccountId, Option<u64>)]) -> Result<(), Error> {
        for some in each.chunks(KEPT_COMMIT) {
            let _still = self.inner.trimming();
            let rows = some.iter().map(|(account, seconds)| {
                Ok(RowChange {
                    table: KEPT,
                    key: account.raw().to_be_bytes().to_vec(),
                    value: seconds.map(|s| encode(&s)).transpose()?,
                })
            });
            self.commit_rows(rows.collect::<Result<_, Error>>()?)?;
        }
        Ok(())
    }

    /// Every account of which it is said, with how long, seconds; in the order of their numbers.
    pub fn all_kept(&self) -> Result<Vec<(AccountId, u64)>, Error> {
        let strange = || Error::Corrupt("the key of a retention rule cannot be read".into());
        let mut all = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.table(KEPT).rows(&[], after.as_deref(), KEPT_COMMIT)?;
            for (key, row) in &page {
                let id = key.as_slice().try_into().ok().map(u32::from_be_bytes);
                let id = id.and_then(AccountId::new).ok_or_else(strange)?;
                all.push((id, decode(row)?));
            }
            match page.last() {
                Some((key, _)) => after = Some(key.clone()),
                None => return Ok(all),
            }
        }
    }

    /// Commits of this account made at this time or later stay, when all others older than
    /// `window` seconds at `now` go.
    pub(crate) fn kept_from(
        &self,
        account: AccountId,
        now: i64,
        window: u64,
    ) -> Result<i64, Error> {
        let window = self.kept_at_least(account)?.unwrap_or(0).max(window);
        let from = now.saturating_sub_unsigned(window);
        let holds = self.holds(Some(account))?;
        Ok(holds.iter().map(|hold| hold.from).fold(from, i64::min))
    }
}
