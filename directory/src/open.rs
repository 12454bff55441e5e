//! Directory: the one door to who is who. Cheap to clone; indexes in memory, rows in the store's tables.

use crate::*;
use formats::address::{Address, DomainName};
use std::sync::Arc;
use storage::Store;

/// Settings that the config gives.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Settings {
    /// argon2id memory, KiB.
    pub argon2_memory_kib: u32,
    pub argon2_passes: u32,
    /// Added to a bare local part at sign-in.
    pub default_domain: Option<DomainName>,
    /// Octets, for accounts without a quota of their own.
    pub default_quota: Option<u64>,
}

/// Where an address leads (aliases and lists expanded, loops guarded, each account once).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// Goes to these accounts here, and on to these other addresses (members of lists elsewhere).
    Local {
        /// Here.
        accounts: Vec<AccountId>,
        /// Elsewhere.
        remote: Vec<Address>,
    },
    /// Our domain, no such address.
    Unknown,
    /// Our address, suspended domain or retired account: no mail is taken now.
    Closed,
    /// Not our domain.
    Elsewhere,
}

/// The directory.
#[derive(Clone)]
pub struct Directory {
    pub(crate) inner: Arc<Inner>,
}
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Settings,
}

#[allow(unused_variables, clippy::todo)]
impl Directory {
    /// Loads the indexes.
    pub fn open(store: Store, clock: Arc<dyn Clock>, settings: Settings) -> Result<Self, Error> {
        todo!()
    }
    /// The clock it was given.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }
    /// Where an address leads; at most 50,000 accounts.
    pub fn resolve(&self, address: &Address) -> Result<Resolution, Error> {
        todo!()
    }
    /// Whether a domain is ours (active or not).
    pub fn serves(&self, domain: &DomainName) -> bool {
        todo!()
    }
    /// The quota that holds for this account.
    pub fn quota(&self, id: AccountId) -> Option<u64> {
        todo!()
    }

    // Acts. `by`: `None` is the system itself (init, demo); otherwise rights are checked against the
    // agencies touched (`Denied`), and every act is in the audit log in the same commit (I-20).
    // `version`: If-Match; `None` does not check. Lists are ordered by key, `after` a key, with what `by` may see only.

    /// Makes an agency. Errors: `Exists`, `NotFound` (parent), `Invalid`.
    pub fn create_agency(&self, by: Option<&Access>, new: NewAgency) -> Result<Agency, Error> {
        todo!()
    }
    /// One agency.
    pub fn agency(&self, id: &AgencyId) -> Result<Agency, Error> {
        todo!()
    }
    /// Agencies, all or the children of one.
    pub fn agencies(
        &self,
        by: Option<&Access>,
        parent: Option<&AgencyId>,
        after: Option<&AgencyId>,
        max: usize,
    ) -> Result<Vec<Agency>, Error> {
        todo!()
    }
    /// Renames or moves it. Errors: `Invalid` (loop), `Conflict`.
    pub fn change_agency(
        &self,
        by: Option<&Access>,
        agency: Agency,
        version: Option<u64>,
    ) -> Result<Agency, Error> {
        todo!()
    }
    /// Errors: `InUse`.
    pub fn delete_agency(
        &self,
        by: Option<&Access>,
        id: &AgencyId,
        version: Option<u64>,
    ) -> Result<(), Error> {
        todo!()
    }

    /// Makes a domain.
    pub fn create_domain(
        &self,
        by: Option<&Access>,
        name: DomainName,
        agency: AgencyId,
    ) -> Result<Domain, Error> {
        todo!()
    }
    /// One domain.
    pub fn domain(&self, name: &DomainName) -> Result<Domain, Error> {
        todo!()
    }
    /// Domains.
    pub fn domains(
        &self,
        by: Option<&Access>,
        after: Option<&DomainName>,
        max: usize,
    ) -> Result<Vec<Domain>, Error> {
        todo!()
    }
    /// Changes agency or state.
    pub fn change_domain(
        &self,
        by: Option<&Access>,
        domain: Domain,
        version: Option<u64>,
    ) -> Result<Domain, Error> {
        todo!()
    }
    /// Errors: `InUse`.
    pub fn delete_domain(
        &self,
        by: Option<&Access>,
        name: &DomainName,
        version: Option<u64>,
    ) -> Result<(), Error> {
        todo!()
    }

    /// Makes an account with its default mailboxes (INBOX, Drafts, Sent, Junk, Trash, Archive).
    pub fn create_account(&self, by: Option<&Access>, new: NewAccount) -> Result<Account, Error> {
        todo!()
    }
    /// One account.
    pub fn account(&self, id: AccountId) -> Result<Account, Error> {
        todo!()
    }
    /// By main address or alias.
    pub fn account_at(&self, address: &Address) -> Result<Account, Error> {
        todo!()
    }
    /// Accounts of a subtree, in id order.
    pub fn accounts(
        &self,
        by: Option<&Access>,
        agency: Option<&AgencyId>,
        find: Option<&str>,
        after: Option<AccountId>,
        max: usize,
    ) -> Result<Vec<Account>, Error> {
        todo!()
    }
    /// Changes name, position, agency, state, quota, kind, grants (`ManageGrants`), main address.
    pub fn change_account(
        &self,
        by: Option<&Access>,
        account: Account,
        version: Option<u64>,
    ) -> Result<Account, Error> {
        todo!()
    }
    /// Retires for ever: address freed, mail kept until erased by a later act; the id is never reused (I-07).
    pub fn delete_account(
        &self,
        by: Option<&Access>,
        id: AccountId,
        version: Option<u64>,
    ) -> Result<(), Error> {
        todo!()
    }

    /// Makes an alias.
    pub fn create_alias(
        &self,
        by: Option<&Access>,
        address: Address,
        account: AccountId,
    ) -> Result<Alias, Error> {
        todo!()
    }
    /// One alias.
    pub fn alias(&self, address: &Address) -> Result<Alias, Error> {
        todo!()
    }
    /// Aliases, all visible or of one account.
    pub fn aliases(
        &self,
        by: Option<&Access>,
        account: Option<AccountId>,
        after: Option<&Address>,
        max: usize,
    ) -> Result<Vec<Alias>, Error> {
        todo!()
    }
    /// Points it elsewhere.
    pub fn change_alias(
        &self,
        by: Option<&Access>,
        alias: Alias,
        version: Option<u64>,
    ) -> Result<Alias, Error> {
        todo!()
    }
    /// Removes it.
    pub fn delete_alias(
        &self,
        by: Option<&Access>,
        address: &Address,
        version: Option<u64>,
    ) -> Result<(), Error> {
        todo!()
    }

    /// Sets the account's one password (argon2id). Errors: `Invalid` (policy: at least 8 characters of 3 classes, not the address).
    pub fn set_password(
        &self,
        by: Option<&Access>,
        account: AccountId,
        secret: &Secret,
    ) -> Result<CredentialId, Error> {
        todo!()
    }
    /// Makes an app password or token; the secret is shown once.
    pub fn create_credential(
        &self,
        by: Option<&Access>,
        account: AccountId,
        kind: CredentialKind,
        label: &str,
        expires_at: Option<i64>,
    ) -> Result<(Credential, Secret), Error> {
        todo!()
    }
    /// Credentials of an account.
    pub fn credentials(
        &self,
        by: Option<&Access>,
        account: AccountId,
    ) -> Result<Vec<Credential>, Error> {
        todo!()
    }
    /// Withdraws one; sign-ins through it end at once.
    pub fn delete_credential(
        &self,
        by: Option<&Access>,
        account: AccountId,
        id: CredentialId,
    ) -> Result<(), Error> {
        todo!()
    }
}
