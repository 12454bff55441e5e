//! Met: up to which message of a mailbox some session has told its user of them, so that "new since last time" outlives
//! a restart. Written behind the callers' backs; lost in a crash, messages are new once more.

use crate::fact::{decode, encode, share_key, table};
use crate::{AccountId, Directory};
use storage::{Error, MailboxId, RowChange, Uid, UidValidity};

impl Directory {
    /// The first Uid of which no session has told; `None` while none ever has, or the Uids are others now.
    pub fn first_unmet(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        validity: UidValidity,
    ) -> Result<Option<Uid>, Error> {
        let key = share_key(account, Some(mailbox));
        let row = self.inner.store.table(table::MET).row(&key)?;
        let Some(row) = row else { return Ok(None) };
        let (of, first): (u32, u32) = decode(table::MET, &row)?;
        Ok(Uid::new(first).filter(|_| of == validity.raw()))
    }

    /// Notes it, in its own time.
    pub fn met(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        (validity, first): (UidValidity, Uid),
    ) {
        if let Ok(value) = encode(&(validity.raw(), first.raw())) {
            self.inner.lazy.put(RowChange {
                table: table::MET,
                key: share_key(account, Some(mailbox)),
                value: Some(value),
            });
        }
    }

    /// A mailbox is no more. What is still on its way to be written means nobody: ids are never given twice.
    pub(crate) fn forget_met(&self, account: AccountId, mailbox: MailboxId) -> Result<(), Error> {
        let table = self.inner.store.table(table::MET);
        let key = share_key(account, Some(mailbox));
        match table.row(&key)? {
            Some(_) => table.put(&key, None),
            None => Ok(()),
        }
    }
}
