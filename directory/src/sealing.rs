//! Whose data key an account's mail is sealed under, in an encrypted store: its agency's.

use crate::{Account, AgencyId, Directory, Error};
use std::collections::HashMap;
use storage::AccountId;

/// The number of an agency's data keys. Codes never change, so neither does this; never the system's.
pub fn seal_domain(agency: &AgencyId) -> u64 {
    let hash = *blake3::hash(agency.0.as_bytes()).as_bytes();
    let (first, _) = hash.split_at(8);
    let number = first
        .iter()
        .fold(0u64, |n, octet| n << 8 | u64::from(*octet));
    number.max(storage::SYSTEM_DOMAIN + 1)
}

impl Directory {
    /// The agencies by the numbers of their data keys.
    pub fn key_owners(&self) -> HashMap<u64, AgencyId> {
        let book = self.read();
        let agencies = book.agencies.keys();
        agencies.map(|id| (seal_domain(id), id.clone())).collect()
    }

    /// Before the account's first row, and after it moved.
    pub(crate) fn seal_account(&self, account: &Account) -> Result<(), Error> {
        let domain = seal_domain(&account.agency);
        Ok(self.inner.store.assign_domain(account.id, domain)?)
    }

    /// All accounts: encryption may have been turned on since they were made, or a move was cut off.
    pub(crate) fn seal_accounts(&self) -> Result<(), Error> {
        if !self.inner.store.is_sealed() {
            return Ok(());
        }
        let assigned: Vec<(AccountId, u64)> = {
            let book = self.read();
            let accounts = book.accounts.values();
            let pair = |a: &Account| (a.id, seal_domain(&a.agency));
            accounts.map(|account| pair(account)).collect()
        };
        Ok(self.inner.store.assign_domains(&assigned)?)
    }
}
