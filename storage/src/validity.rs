//! UIDVALIDITY: which numbers tell a mail program that a mailbox of a name it knows is another one (RFC 9051 §2.3.1.1).
//!
//! A mailbox gets the number that is its id, counted from where the store began. So mailboxes of one account never share
//! one, and who takes the place of another account needs only numbers past those that it gave.

use crate::writer::Writer;
use crate::*;

impl Writer {
    /// Mailboxes made from now on get this number or a later one, and with it a UIDVALIDITY that those of another
    /// account before it do not have (RFC 9051 §2.3.1.1), for an account that takes the place of that one.
    pub fn begin_mailboxes_at(&mut self, first: MailboxId) {
        self.batch.next_mailbox = self.batch.next_mailbox.max(first);
    }

    /// The same of mailboxes that there are: those whose UIDVALIDITY another account can have given, whose next mailbox
    /// would be `first`, get one that it has not. Ids, UIDs and messages stay. Whether any was. Errors: `TooLarge`.
    pub fn outdate_uids(&mut self, first: MailboxId) -> Result<bool, Error> {
        let used_up = || Error::TooLarge("mailboxes ever made");
        let start = self.store.inner.uid_validity_start;
        let least = start.checked_add(first.raw()).ok_or_else(used_up)?;
        let known = |(id, record): (&MailboxId, &&record::MailboxRecord)| {
            (record.uid_validity.raw() < least).then_some(*id)
        };
        let early: Vec<MailboxId> = self.tree().iter().filter_map(known).collect();
        if early.is_empty() {
            return Ok(false);
        }
        self.begin_mailboxes_at(first);
        for id in early {
            let number = self.batch.next_mailbox;
            self.batch.next_mailbox = number.next().ok_or_else(used_up)?;
            let validity = start.checked_add(number.raw()).and_then(UidValidity::new);
            let modseq = self.modseq;
            let record = self.record_mut(id)?;
            record.uid_validity = validity.ok_or_else(used_up)?;
            record.modseq = modseq;
        }
        Ok(true)
    }
}
