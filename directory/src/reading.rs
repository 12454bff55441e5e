//! Reading: what somebody reads of another's by virtue of an office. It needs a reason; the reason opens a window of
//! some minutes for that one scope; each read is in the audit log before it takes effect (I-20); and whose mail it is
//! can see who read, when and why, unless a recorded legal order hides it for a time (`order`).

use crate::act::{Acts, Note, invalid};
use crate::bounded::Bounded;
use crate::fact::{Fact, account_key, decode, encode, table};
use crate::origin::REASON;
use crate::{
    Access, AccountId, AgencyId, CredentialId, Directory, Error, diversion, impersonation, secret,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use storage::RowChange;

/// Seconds for which a reason holds for its scope.
pub const WINDOW_S: i64 = 15 * 60;
/// Windows that stand open at one time; then the oldest close.
const WINDOWS_MAX: usize = 10_000;
/// Accounts that one act tells of a read: what went to very many was no secret of each.
pub const OWNERS_MAX: usize = 1_000;
/// Reads of one page.
pub const READS_PAGE_MAX: usize = 500;
/// Rows looked at for one page; a page that is cut off by it is told to have more.
const LOOK_MAX: usize = 2_000;
/// The act that opens a window.
pub(crate) const OPEN: &str = "read.open";
/// The acts that make secrets by which mail is read.
const SECRETS: [&str; 3] = ["credential.create", "password.set", "password.first"];
/// The other acts of which owners are told.
const TOLD: [&str; 5] = [
    diversion::ACT,
    secret::OPENED,
    "account.member",
    "position.handover",
    "credential.delete",
];

/// What is read. The order is kept in stored rows: new ones come last.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// What became of others' messages.
    Trace,
    /// Mail of this account: removed, held, or restored.
    Mail(AccountId),
    /// A table of the directory of this subtree.
    Directory(AgencyId),
    /// The audit log.
    Audit,
    /// Mail of this account, for some minutes as its owner has it (`impersonation`).
    Impersonation(AccountId),
    /// Nothing yet: a secret of this account was made, by which it may be.
    Secret(AccountId),
    /// Nothing yet: mail that was meant for this account comes to these addresses.
    Redirect(AccountId, Vec<String>),
    /// Nothing yet: who administers let himself in as one who reads this account's mail.
    Member(AccountId),
    /// Nothing yet: the second factor of this account was withdrawn.
    SecondFactor(AccountId),
}

impl Scope {
    /// Its name outside. Names do not change.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Mail(_) => "mail",
            Self::Directory(_) => "directory",
            Self::Audit => "audit",
            Self::Impersonation(_) => "impersonation",
            Self::Secret(_) => "secret",
            Self::Redirect(..) => "redirect",
            Self::Member(_) => "member",
            Self::SecondFactor(_) => "second_factor",
        }
    }

    /// The account of which it is.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Mail(account)
            | Self::Impersonation(account)
            | Self::Secret(account)
            | Self::Redirect(account, _)
            | Self::Member(account)
            | Self::SecondFactor(account) => Some(*account),
            Self::Trace | Self::Directory(_) | Self::Audit => None,
        }
    }
}

/// A window: who reads what, why, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Reading {
    /// The number of the entry in the audit log that opened it.
    pub id: u64,
    pub by: AccountId,
    /// The reader's address at that time.
    pub address: String,
    pub scope: Scope,
    pub reason: String,
    /// Unix seconds.
    pub opened_at: i64,
    pub until: i64,
    /// The legal order under which it is done.
    pub order: Option<u64>,
}

/// Reads, each with when the account's mail was first read in it, and the last number looked at where more may follow.
pub type ReadsPage = (Vec<(Reading, i64)>, Option<u64>);

/// Whose window: a reason that came with one sign-in does not serve another's.
type Key = (AccountId, Option<CredentialId>, Scope, Option<u64>);

/// The windows that stand open. In memory: after a restart the reason is asked for again.
pub(crate) struct Windows(Mutex<Bounded<Key, Reading>>);

impl Default for Windows {
    fn default() -> Self {
        Self(Mutex::new(Bounded::new(WINDOWS_MAX)))
    }
}

/// A window that stands open for the one who asks.
#[derive(Debug)]
pub struct Opened {
    directory: Directory,
    by: Access,
    reading: Reading,
}

fn key(by: &Access, scope: &Scope) -> Key {
    let order = by.origin.order;
    (by.account, by.rests_on(), scope.clone(), order)
}

pub(crate) fn no_reason() -> Error {
    invalid(REASON, "why you read what is another's")
}

/// Newest first: the number of the reading is turned round.
fn owner_key(account: AccountId, reading: u64) -> Vec<u8> {
    let mut key = account_key(account);
    key.extend_from_slice(&(!reading).to_be_bytes());
    key
}

/// The row of a window goes.
pub(crate) fn forgotten(reading: u64) -> Fact {
    Fact::Row(RowChange {
        table: table::READING,
        key: reading.to_be_bytes().to_vec(),
        value: None,
    })
}

/// The row of a window, or of what is told like one.
pub(crate) fn row_of(reading: &Reading) -> Result<Fact, storage::Error> {
    Ok(Fact::Row(RowChange {
        table: table::READING,
        key: reading.id.to_be_bytes().to_vec(),
        value: Some(encode(reading)?),
    }))
}

/// Whether an entry of this act may have such a row.
pub(crate) fn is_told(act: &str) -> bool {
    [OPEN, impersonation::OPEN].contains(&act) || SECRETS.contains(&act) || TOLD.contains(&act)
}

/// The row that tells an owner of a window.
pub(crate) fn told(account: AccountId, reading: u64, at: i64) -> Result<Fact, storage::Error> {
    Ok(Fact::Row(RowChange {
        table: table::READ_OF,
        key: owner_key(account, reading),
        value: Some(encode(&at)?),
    }))
}

impl Directory {
    /// Lets a privileged read go on: opens a window where `by` brings a reason, or uses the one that stands open.
    /// Errors: `Invalid` (no reason, or a legal order that does not stand for this account).
    pub fn open_reading(&self, by: &Access, scope: Scope) -> Result<Opened, Error> {
        let order = by.origin.order;
        if let Some(order) = order {
            self.check_order(order, &scope)?;
        }
        let now = self.now_s();
        let mut acts = self.acts();
        let reading = match (self.window(by, &scope), by.reason()) {
            (Some(open), _) => open,
            (None, Some(reason)) => {
                let key = key(by, &scope);
                let reading = Reading {
                    id: acts.chain.last + 1,
                    by: by.account,
                    address: by.address.to_string(),
                    scope,
                    reason: reason.to_owned(),
                    opened_at: now,
                    until: now.saturating_add(WINDOW_S),
                    order,
                };
                // A reason that is given on trial opens nothing.
                if by.trial().is_none() {
                    self.keep_reading(&mut acts, by, &reading)?;
                    let mut windows = self.windows();
                    windows.remove(&key);
                    windows.entry(key, || reading.clone());
                }
                reading
            }
            (None, None) => return Err(no_reason()),
        };
        drop(acts);
        let mut by = by.clone();
        by.origin.reason = Some(reading.reason.as_str().into());
        Ok(Opened {
            directory: self.clone(),
            by,
            reading,
        })
    }

    /// The window that stands open for this, with the same reason where one is given.
    fn window(&self, by: &Access, scope: &Scope) -> Option<Reading> {
        let now = self.now_s();
        let windows = self.windows();
        let open = windows.get(&key(by, scope))?;
        let same = by.reason().is_none_or(|reason| reason == open.reason);
        (open.until > now && same).then(|| open.clone())
    }

    /// Whether something may be done with the mail of an account as far as reasons go, without doing it. Errors: those
    /// of [`Directory::open_reading`].
    pub(crate) fn check_reason(&self, by: Option<&Access>, id: AccountId) -> Result<(), Error> {
        let Some(by) = by.filter(|by| !by.owns_mail_of(id)) else {
            return Ok(());
        };
        let scope = Scope::Mail(id);
        if let Some(order) = by.origin.order {
            self.check_order(order, &scope)?;
        }
        match by.reason().is_some() || self.window(by, &scope).is_some() {
            true => Ok(()),
            false => Err(no_reason()),
        }
    }

    /// Enters what somebody does with the mail of an account, before he does it; with another's, it is a privileged read.
    /// `detail` is JSON. Errors: `Invalid` (no reason).
    pub(crate) fn enter_custody(
        &self,
        by: Option<&Access>,
        id: AccountId,
        act: &'static str,
        address: &str,
        detail: &str,
    ) -> Result<(), Error> {
        let Some(by) = by.filter(|by| !by.owns_mail_of(id)) else {
            return self.record(by, act, address, detail);
        };
        let detail = serde_json::from_str(detail).unwrap_or(Value::Null);
        let opened = self.open_reading(by, Scope::Mail(id))?;
        opened.enter(act, address, detail, &[id])
    }

    fn windows(&self) -> std::sync::MutexGuard<'_, Bounded<Key, Reading>> {
        let windows = &self.inner.windows.0;
        windows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_reading(&self, acts: &mut Acts, by: &Access, reading: &Reading) -> Result<(), Error> {
        let mut facts = vec![row_of(reading)?];
        let object = match (reading.scope.account(), &reading.scope) {
            (Some(account), _) => {
                let whom = self.read().told_of(account, by);
                for who in whom {
                    facts.push(told(who, reading.id, reading.opened_at)?);
                }
                self.kept_account(account)?.address.to_string()
            }
            (None, Scope::Directory(agency)) => agency.0.clone(),
            (None, scope) => scope.name().to_owned(),
        };
        let mut detail = json!({"scope": reading.scope.name(),
            "until": formats::date::utc(reading.until)});
        if let Some(order) = reading.order {
            detail["order"] = order.into();
        }
        let note = Note {
            act: OPEN,
            object,
            detail,
        };
        self.commit(acts, Some(by), note, facts)
    }

    /// What tells the owner of an account that somebody else made a secret of it, or may have, by the act whose entry has
    /// this number; nothing where he made it himself.
    pub(crate) fn secret_told(
        &self,
        entry: u64,
        by: Option<&Access>,
        owner: AccountId,
    ) -> Result<Vec<Fact>, Error> {
        let another = by.filter(|by| !diversion::is_owner(by, owner));
        another.map_or(Ok(Vec::new()), |by| {
            self.act_told(entry, by, Scope::Secret(owner))
        })
    }

    /// What tells whoever an account is of, of something done with it by the act whose entry has this number.
    pub(crate) fn act_told(
        &self,
        entry: u64,
        by: &Access,
        scope: Scope,
    ) -> Result<Vec<Fact>, Error> {
        let whom = scope.account();
        let whom = whom.map_or(Vec::new(), |account| self.read().told_of(account, by));
        let now = self.now_s();
        let reading = Reading {
            id: entry,
            by: by.account,
            address: by.address.to_string(),
            scope,
            reason: by.reason().unwrap_or_default().to_owned(),
            opened_at: now,
            until: now,
            order: None,
        };
        let mut facts = vec![row_of(&reading)?];
        for who in whom {
            facts.push(told(who, entry, now)?);
        }
        Ok(facts)
    }

    /// One window. Errors: `NotFound`.
    pub fn reading(&self, id: u64) -> Result<Reading, Error> {
        let row = self
            .inner
            .store
            .table(table::READING)
            .row(&id.to_be_bytes())?;
        let row = row.ok_or(Error::NotFound("reading"))?;
        Ok(decode(table::READING, &row)?)
    }

    /// What was read of an account, newest first, after this one: each with when its mail was first read in it.
    /// `whole`: also what a legal order hides from the owner. The last number looked at where more may follow.
    pub fn readings_of(
        &self,
        account: AccountId,
        after: Option<u64>,
        max: usize,
        whole: bool,
    ) -> Result<ReadsPage, Error> {
        let max = max.min(READS_PAGE_MAX);
        let rows = self.inner.store.table(table::READ_OF);
        let mut after = after.map(|id| owner_key(account, id));
        let (mut found, mut looked) = (Vec::new(), 0);
        while looked < LOOK_MAX {
            let page = rows.rows(&account_key(account), after.as_deref(), READS_PAGE_MAX)?;
            if page.is_empty() {
                return Ok((found, None));
            }
            for (key, value) in page {
                looked += 1;
                let Some(id) = key.last_chunk().map(|id| !u64::from_be_bytes(*id)) else {
                    continue;
                };
                after = Some(key);
                let reading = match self.reading(id) {
                    Err(Error::NotFound(_)) => continue,
                    reading => reading?,
                };
                let of = reading.scope.account().unwrap_or(account);
                let hidden = |whose| self.is_hidden(reading.order, whose);
                if whole || !hidden(account)? && !hidden(of)? {
                    found.push((reading, decode(table::READ_OF, &value)?));
                }
                if found.len() == max {
                    return Ok((found, Some(id)));
                }
            }
        }
        let last = after.as_deref().and_then(<[u8]>::last_chunk);
        Ok((found, last.map(|id| !u64::from_be_bytes(*id))))
    }

    /// Removes the rows that tell owners of windows up to this number, which are gone.
    pub(crate) fn forget_owners(&self, last: u64) -> Result<(), Error> {
        let rows = self.inner.store.table(table::READ_OF);
        let mut after = None::<Vec<u8>>;
        loop {
            let page = rows.rows(&[], after.as_deref(), READS_PAGE_MAX)?;
            let Some((key, _)) = page.last() else {
                return Ok(());
            };
            after = Some(key.clone());
            let is_old = |key: &Vec<u8>| {
                let id = key.last_chunk().map(|id| !u64::from_be_bytes(*id));
                id.is_none_or(|id| id <= last)
            };
            let old = page.into_iter().filter(|(key, _)| is_old(key));
            let gone: Vec<Fact> = old
                .map(|(key, _)| {
                    Fact::Row(RowChange {
                        table: table::READ_OF,
                        key,
                        value: None,
                    })
                })
                .collect();
            if !gone.is_empty() {
                self.commit_unlogged(gone)?;
            }
        }
    }
}

impl Opened {
    /// The number of the window.
    pub fn id(&self) -> u64 {
        self.reading.id
    }

    /// Enters one read, before what it reads goes out, and tells those of `owners` who were not told of this window yet;
    /// `detail` must hold no secret. Errors: those of the store; then nothing may be read.
    pub fn enter(
        &self,
        act: &'static str,
        object: &str,
        detail: Value,
        owners: &[AccountId],
    ) -> Result<(), Error> {
        let mut detail = match detail {
            Value::Object(fields) => Value::Object(fields),
            Value::Null => json!({}),
            other => json!({ "asked": other }),
        };
        detail["read"] = self.reading.id.into();
        if let Some(order) = self.reading.order {
            detail["order"] = order.into();
        }
        let note = Note {
            act,
            object: object.to_owned(),
            detail,
        };
        let facts = self.untold(owners)?;
        let mut acts = self.directory.acts();
        self.directory
            .commit(&mut acts, Some(&self.by), note, facts)
    }

    /// Tells owners whom the read itself showed: before it goes out.
    pub fn tell(&self, owners: &[AccountId]) -> Result<(), Error> {
        match self.untold(owners)? {
            facts if facts.is_empty() => Ok(()),
            facts => self.directory.commit_unlogged(facts),
        }
    }

    fn untold(&self, owners: &[AccountId]) -> Result<Vec<Fact>, Error> {
        let rows = self.directory.inner.store.table(table::READ_OF);
        let now = self.directory.now_s();
        let mut facts = Vec::new();
        for owner in owners.iter().take(OWNERS_MAX) {
            let own = *owner == self.by.account;
            if !own && rows.row(&owner_key(*owner, self.reading.id))?.is_none() {
                facts.push(told(*owner, self.reading.id, now)?);
            }
        }
        Ok(facts)
    }
}
