//! Colleague: an account that one may name when one shares something.
//!
//! Those under the same topmost agency, as `Sharing::Anyone` means it; those of agencies whose directory one may
//! read; and those who share something with one. Lists, and who has retired, are none.

use crate::book::Book;
use crate::{Access, Account, AccountId, AccountKind, AccountState, Capability, Sharing};

impl Access {
    /// The account, when it is a colleague, or one's own. Others are not there (I-17).
    pub fn colleague(&self, id: AccountId) -> Option<Account> {
        let book = self.directory.read();
        let found = book.account(id)?;
        let knows = self.stands_in(&book) && book.knows(self, found);
        knows.then(|| Account::clone(found))
    }

    /// Calls `each` for every colleague and oneself, in order of their ids; it returns false to stop, and must not
    /// ask the directory.
    pub fn colleagues(&self, each: &mut dyn FnMut(&Account) -> bool) {
        let book = self.directory.read();
        if !self.stands_in(&book) {
            return;
        }
        for account in book.accounts.values() {
            if book.knows(self, account) && !each(account) {
                break;
            }
        }
    }
}

impl Book {
    fn knows(&self, access: &Access, account: &Account) -> bool {
        let named = account.state != AccountState::Retired
            && !matches!(account.kind, AccountKind::List { .. });
        named
            && (self
                .meant(access.account, account.id)
                .contains(&Sharing::Anyone)
                || self.allows(Some(access), Capability::ReadDirectory, &account.agency)
                || self.reaches(access.account, account.id))
    }
}
