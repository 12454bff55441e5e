//! Annotations: small named values on a mailbox or on the server, one for all who see it or one for each.
//!
//! They are rows under the owner's account: those of a mailbox go with it, and all of an account's are counted
//! together, so that nobody fills the store with them.

use crate::fact::{account_key, share_key, table};
use crate::right::Rights;
use crate::{Access, AccountId, Capability, Denied, Directory, Error, Reannotated};
use std::collections::BTreeMap;
use storage::{MailboxId, RowChange};

/// Octets of one value.
pub const VALUE_MAX: usize = 8 * 1024;
/// Octets of one name.
pub const NAME_MAX: usize = 256;
/// Values that one mailbox has for all, and that it has for each account.
pub const VALUES_MAX: usize = 100;
/// Octets of all names and values on the mailboxes of one account.
pub const TOTAL_MAX: usize = 4 * 1024 * 1024;
/// Rows read at one time.
const PAGE: usize = 500;

/// On what a value hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Annotated {
    /// The server itself.
    Server,
    /// A mailbox.
    Mailbox(AccountId, MailboxId),
}

/// Who sees a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seen {
    /// All who see the mailbox; on the server, every account.
    ByAll,
    /// The account that set it.
    ByOne,
}

/// A value to set, or (`None`) to remove.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Annotation {
    pub seen: Seen,
    pub name: String,
    pub value: Option<Vec<u8>>,
}

/// Values by name.
pub type Annotations = BTreeMap<String, Vec<u8>>;

/// One of these, with lookup, opens a mailbox's annotations (RFC 5464 §3.3).
const OPENING: Rights = Rights::READ
    .with(Rights::SEEN)
    .with(Rights::WRITE)
    .with(Rights::INSERT)
    .with(Rights::POST);

impl Access {
    /// The values of one kind on something. Errors: `Denied`.
    pub fn annotations(&self, on: Annotated, seen: Seen) -> Result<Annotations, Error> {
        self.may_annotate(on, None)?;
        let (rows, skip) = self.annotation_rows(on, seen)?;
        let named = rows.into_iter().filter_map(|(key, value)| {
            let name = String::from_utf8(key.get(skip..)?.to_vec()).ok()?;
            Some((name, value))
        });
        Ok(named.collect())
    }

    /// Sets and removes values, all or none. Errors: `Denied` (what all see on a mailbox needs the right to
    /// write, on the server a grant over the whole store), `Invalid` (`value` too large, `name` too long),
    /// `TooLarge` (too many).
    pub fn annotate(&self, on: Annotated, changes: &[Annotation]) -> Result<(), Error> {
        let mut acts = self.directory.acts();
        for change in changes {
            self.may_annotate(on, Some(change.seen))?;
            check(change)?;
        }
        let mut rows: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
        for seen in [Seen::ByAll, Seen::ByOne] {
            let (there, skip) = self.annotation_rows(on, seen)?;
            let mut there: Vec<Vec<u8>> = there.into_iter().map(|(key, _)| key).collect();
            let prefix = self.annotation_key(on, seen);
            debug_assert_eq!(prefix.len(), skip);
            for change in changes.iter().filter(|c| c.seen == seen) {
                let key = [prefix.as_slice(), change.name.as_bytes()].concat();
                there.retain(|k| *k != key);
                if change.value.is_some() {
                    there.push(key.clone());
                }
                rows.insert(key, change.value.clone());
            }
            if there.len() > VALUES_MAX && changes.iter().any(|c| c.seen == seen) {
                return Err(storage::Error::TooLarge("annotations").into());
            }
        }
        self.check_total(on, &rows)?;
        if on == Annotated::Server && changes.iter().any(|c| c.seen == Seen::ByAll) {
            self.note_server(&mut acts, changes)?;
        }
        let rows = rows.into_iter().map(|(key, value)| RowChange {
            table: table::ANNOTATION,
            key,
            value,
        });
        self.directory.inner.store.commit_rows(rows.collect())?;
        drop(acts);
        let names = changes.iter().map(|c| (c.seen, c.name.clone()));
        self.directory.tell_annotated(&Reannotated {
            on,
            names: names.collect(),
            by: self.account,
        });
        Ok(())
    }

    /// RFC 5464 §4.1: what one mailbox has, another gets too, in one's own account.
    pub fn copy_annotations(&self, from: MailboxId, to: MailboxId) -> Result<(), Error> {
        let target = Annotated::Mailbox(self.account, to);
        let mut changes = Vec::new();
        for seen in [Seen::ByAll, Seen::ByOne] {
            let there = self.annotations(Annotated::Mailbox(self.account, from), seen)?;
            changes.extend(there.into_iter().map(|(name, value)| Annotation {
                seen,
                name,
                value: Some(value),
            }));
        }
        match changes.is_empty() {
            true => Ok(()),
            false => self.annotate(target, &changes),
        }
    }

    /// `sets`: what kind is to be set; otherwise values are read.
    fn may_annotate(&self, on: Annotated, sets: Option<Seen>) -> Result<(), Error> {
        let well = match on {
            Annotated::Server if sets == Some(Seen::ByAll) => {
                let whole = self
                    .directory
                    .check_whole(Some(self), Capability::ManageStore);
                self.stands() && whole.is_ok()
            }
            Annotated::Server => self.stands(),
            Annotated::Mailbox(account, mailbox) => {
                let rights = self.rights(account, Some(mailbox));
                let needed = match sets {
                    Some(Seen::ByAll) => Rights::LOOKUP.with(Rights::WRITE),
                    _ => Rights::LOOKUP,
                };
                rights.has(needed) && rights.any(OPENING)
            }
        };
        if well { Ok(()) } else { Err(Denied.into()) }
    }

    /// Owner, mailbox, who sees it (zero: all); the name follows.
    fn annotation_key(&self, on: Annotated, seen: Seen) -> Vec<u8> {
        let mut key = match (on, seen) {
            (Annotated::Server, Seen::ByAll) => account_key(AccountId::SYSTEM),
            (Annotated::Server, Seen::ByOne) => account_key(self.account),
            (Annotated::Mailbox(account, _), _) => account_key(account),
        };
        let mailbox = match on {
            Annotated::Server => 0,
            Annotated::Mailbox(_, mailbox) => mailbox.raw(),
        };
        let viewer = match seen {
            Seen::ByAll => 0,
            Seen::ByOne => self.account.raw(),
        };
        key.extend_from_slice(&mailbox.to_be_bytes());
        key.extend_from_slice(&viewer.to_be_bytes());
        key
    }

    /// The rows, and how long their common beginning is.
    fn annotation_rows(
        &self,
        on: Annotated,
        seen: Seen,
    ) -> Result<(Vec<storage::table::Row>, usize), Error> {
        let prefix = self.annotation_key(on, seen);
        let table = self.directory.inner.store.table(table::ANNOTATION);
        // More than are allowed are never there.
        let rows = table.rows(&prefix, None, VALUES_MAX)?;
        Ok((rows, prefix.len()))
    }

    /// All that hangs on the mailboxes of one account, with these changes.
    fn check_total(
        &self,
        on: Annotated,
        changes: &BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    ) -> Result<(), Error> {
        let mut total: usize = changes
            .iter()
            .filter_map(|(key, value)| Some(key.len() + value.as_ref()?.len()))
            .sum();
        if total == 0 {
            return Ok(());
        }
        let owner = match on {
            Annotated::Server => self.account,
            Annotated::Mailbox(account, _) => account,
        };
        let table = self.directory.inner.store.table(table::ANNOTATION);
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = table.rows(&account_key(owner), after.as_deref(), PAGE)?;
            for (key, value) in page.iter().filter(|(key, _)| !changes.contains_key(key)) {
                total += key.len() + value.len();
            }
            if total > TOTAL_MAX {
                return Err(storage::Error::TooLarge("annotations of an account").into());
            }
            match page.into_iter().next_back() {
                Some((key, _)) => after = Some(key),
                None => return Ok(()),
            }
        }
    }

    /// What all accounts see is set by administrators, and told in the audit log before (I-20).
    fn note_server(
        &self,
        acts: &mut crate::act::Acts,
        changes: &[Annotation],
    ) -> Result<(), Error> {
        let names: Vec<&str> = changes.iter().map(|c| c.name.as_str()).collect();
        let note = crate::act::Note {
            act: "server.annotate",
            object: "server".to_owned(),
            detail: serde_json::json!({ "names": names }),
        };
        self.directory.commit(acts, Some(self), note, Vec::new())
    }
}

impl Directory {
    /// What hung on a mailbox that is no more.
    pub(crate) fn forget_annotations(
        &self,
        account: AccountId,
        mailbox: Option<MailboxId>,
    ) -> Result<(), Error> {
        let prefix = match mailbox {
            Some(_) => share_key(account, mailbox),
            None => account_key(account),
        };
        self.sweep(table::ANNOTATION, &prefix)
    }
}

fn check(change: &Annotation) -> Result<(), Error> {
    let long = change.value.as_ref().is_some_and(|v| v.len() > VALUE_MAX);
    if long {
        let expected = format!("at most {VALUE_MAX} octets");
        return Err(crate::act::invalid("value", expected));
    }
    if change.name.is_empty() || change.name.len() > NAME_MAX {
        let expected = format!("1 to {NAME_MAX} octets");
        return Err(crate::act::invalid("name", expected));
    }
    Ok(())
}
