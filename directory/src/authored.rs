//! Authored: whose a letter is that was submitted here, and where its news go, when the address from which it went may have
//! changed hands since: whoever is given an address has nothing of the letters of who had it before.

use crate::book::Book;
use crate::sender::Sending;
use crate::{AccountId, AccountKind, Directory};
use formats::address::Address;

impl Directory {
    /// In whose name a letter went that this account submitted from this address at this time (Unix seconds): that of who
    /// has the address, as long as who submitted it may send as him, and that of a seat that was there then under this
    /// name, whoever holds it now. `None`: the address was taken from who submitted it, or is nobody's.
    pub fn sent_for(&self, submitter: AccountId, from: &Address, at: i64) -> Option<AccountId> {
        self.read().sent_for(submitter, from, at)
    }

    /// Where news of such a letter go: to the address from which it went, or else to who submitted it, where he is today.
    /// `None`: he is no more.
    pub fn news_go_to(&self, submitter: AccountId, from: &Address, at: i64) -> Option<Address> {
        let book = self.read();
        match book.sent_for(submitter, from, at) {
            Some(_) => Some(from.clone()),
            None => book
                .account(submitter)
                .map(|account| account.address.clone()),
        }
    }
}

impl Book {
    fn sent_for(&self, submitter: AccountId, from: &Address, at: i64) -> Option<AccountId> {
        let owner = self.reached(from)?;
        let is_there = self.account(submitter).is_some();
        let may = is_there && self.sending(submitter, owner.id) != Sending::No;
        let main = self.key_of(&owner.address);
        let seat = owner.kind == AccountKind::Shared
            && owner.created_at <= at
            && self.key_of(from).is_some_and(|key| Some(key) == main);
        (may || seat).then_some(owner.id)
    }
}
