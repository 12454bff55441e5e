//! Outdated: mailboxes of who is given an address that another had. A mail program that signs in by it may remember the
//! other's mailboxes of the same names, so these get a later UIDVALIDITY than those (RFC 9051 §2.3.1.1).

use crate::book::Book;
use crate::fact::Fact;
use crate::{AccountId, Directory, Error};
use formats::address::Address;
use std::collections::{BTreeMap, BTreeSet};
use storage::MailboxId;

impl Directory {
    /// Before these facts become so. A crash between them costs mail programs a reading of what they had, and nothing else.
    pub(crate) fn outdate_mailboxes(&self, facts: &[Fact]) -> Result<(), Error> {
        // No reader is kept while the store is written.
        let heirs = self.read().heirs(facts);
        for (heir, before) in heirs {
            let next = before
                .into_iter()
                .map(|old| self.inner.store.account(old).next_mailbox());
            let next = next.collect::<Result<Vec<MailboxId>, _>>()?;
            let Some(first) = next.into_iter().max() else {
                continue;
            };
            let mut writer = self.inner.store.account(heir).write()?;
            if writer.outdate_uids(first)? {
                writer.commit()?;
            }
        }
        Ok(())
    }
}

impl Book {
    /// Who gets addresses by these facts that others had, with those.
    fn heirs(&self, facts: &[Fact]) -> BTreeMap<AccountId, BTreeSet<AccountId>> {
        let given = facts.iter().filter_map(|fact| match fact {
            Fact::Account(account) => Some((account.id, &account.address)),
            Fact::Alias(alias) => Some((alias.account, &alias.address)),
            _ => None,
        });
        let mut heirs: BTreeMap<AccountId, BTreeSet<AccountId>> = BTreeMap::new();
        for (heir, address) in given {
            let mut before = self.others_before(address, heir).peekable();
            if before.peek().is_some() {
                heirs.entry(heir).or_default().extend(before);
            }
        }
        heirs
    }

    /// Who else has an address or had it, unless it is this one's already.
    fn others_before(&self, address: &Address, heir: AccountId) -> impl Iterator<Item = AccountId> {
        let present = self.addresses.get(&address.key()).copied();
        let all = present.into_iter().chain(self.had_before(address));
        all.filter(move |other| *other != heir && present != Some(heir))
    }
}
