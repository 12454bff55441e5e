//! Wanted: names of mailboxes to which somebody subscribed by their names. Such a name stays in his list when its
//! mailbox is deleted or renamed by name (RFC 3501 §6.3.6, RFC 9051 §6.3.6, §6.3.7): only he takes it out.
//!
//! Whether a mailbox that is there is subscribed to, the mailbox itself says; these rows speak where there is none.

use crate::fact::{account_key, decode, encode, table};
use crate::hash::digest;
use crate::{Access, AccountId, Directory};
use std::collections::BTreeMap;
use storage::{Error, MailboxId, RowChange};

/// Names that one account may be subscribed to.
pub const WANTED_MAX: usize = 10_000;
/// Octets of all of them.
pub const WANTED_OCTETS_MAX: usize = 1024 * 1024;

/// The mailbox that a name stood for when it was subscribed to; `None`: it was renamed or deleted by name since.
pub type Meant = Option<(AccountId, MailboxId)>;

/// Names and what they mean, in order.
pub type Wanted = BTreeMap<String, Meant>;

impl Access {
    /// Names that one is subscribed to, whether there is such a mailbox or not.
    pub fn wanted(&self) -> Result<Wanted, Error> {
        self.directory.wanted_by(self.account)
    }

    /// Subscribes to a name. Errors: `TooLarge` past [`WANTED_MAX`] and [`WANTED_OCTETS_MAX`].
    pub fn want(&self, name: &str, account: AccountId, mailbox: MailboxId) -> Result<(), Error> {
        let wanted = self.wanted()?;
        let meant = Some((account, mailbox));
        if wanted.get(name) == Some(&meant) {
            return Ok(());
        }
        let octets: usize = wanted.keys().map(String::len).sum();
        let full = wanted.len() >= WANTED_MAX || octets + name.len() > WANTED_OCTETS_MAX;
        if full && !wanted.contains_key(name) {
            return Err(Error::TooLarge("subscriptions by name"));
        }
        self.directory
            .put_wanted(self.account, vec![(name.to_owned(), Some(meant))])
    }

    /// Takes these names out of the list.
    pub fn unwant(&self, names: Vec<String>) -> Result<(), Error> {
        let gone = names.into_iter().map(|name| (name, None));
        self.directory.put_wanted(self.account, gone.collect())
    }
}

impl Directory {
    /// Before mailboxes of an account are deleted or renamed by name: the names that its owner has subscribed to
    /// stay in his list. Each mailbox with its name there, and whether it is subscribed to.
    pub fn keep_names(
        &self,
        owner: AccountId,
        mailboxes: &[(MailboxId, &str, bool)],
    ) -> Result<(), Error> {
        let wanted = self.wanted_by(owner)?;
        let mut changes = Vec::new();
        for (id, path, subscribed) in mailboxes {
            let meant = Some((owner, *id));
            let mut said = false;
            for (name, _) in wanted
                .iter()
                .filter(|(name, m)| **m == meant || name == path)
            {
                said = true;
                // A mailbox that was renamed otherwise has taken its subscription with it.
                changes.push((name.clone(), None));
            }
            if said && *subscribed {
                changes.push(((*path).to_owned(), Some(None)));
            }
        }
        self.put_wanted(owner, changes)
    }

    /// A mailbox is no more, and its subscription went with it.
    pub(crate) fn forget_wanted(&self, owner: AccountId, mailbox: MailboxId) -> Result<(), Error> {
        let meant = Some((owner, mailbox));
        let wanted = self.wanted_by(owner)?.into_iter();
        let gone = wanted.filter(|(_, m)| *m == meant);
        self.put_wanted(owner, gone.map(|(name, _)| (name, None)).collect())
    }

    fn wanted_by(&self, account: AccountId) -> Result<Wanted, Error> {
        let table = self.inner.store.table(table::WANTED);
        let rows = table.rows(&account_key(account), None, WANTED_MAX)?;
        rows.iter()
            .map(|(_, value)| decode(table::WANTED, value))
            .collect()
    }

    /// `None`: no longer. Of several changes of one name the last one holds.
    fn put_wanted(
        &self,
        account: AccountId,
        changes: Vec<(String, Option<Meant>)>,
    ) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        let rows: Result<Vec<RowChange>, Error> = changes
            .into_iter()
            .map(|(name, meant)| {
                // A name may be longer than a key.
                let mut key = account_key(account);
                key.extend_from_slice(&digest(&name));
                let value = meant.map(|meant| encode(&(name, meant))).transpose()?;
                let table = table::WANTED;
                Ok(RowChange { table, key, value })
            })
            .collect();
        self.inner.store.commit_rows(rows?)?;
        self.inner.store.account(account).wake();
        Ok(())
    }
}
