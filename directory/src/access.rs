//! Access: the proof of a sign-in (idea 2). Made by `Directory` only; the one way to mail (I-08).

use crate::{AccountId, AgencyId, Capability, CredentialId, Denied, Directory, Right};
use formats::address::Address;
use storage::AccountStore;

/// Through what somebody signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Through {
    Password(CredentialId),
    AppPassword(CredentialId),
    Token(CredentialId),
    /// Browser session.
    Session,
}

/// Who, through what, and what they may. Cheap to clone; checked anew against the directory at each use,
/// so that a suspended account loses access at once.
#[derive(Clone)]
pub struct Access {
    pub(crate) directory: Directory,
    pub(crate) account: AccountId,
    pub(crate) address: Address,
    pub(crate) through: Through,
}

#[allow(unused_variables, clippy::todo)]
impl Access {
    /// Who.
    pub fn account(&self) -> AccountId {
        self.account
    }
    /// The main address at sign-in.
    pub fn address(&self) -> &Address {
        &self.address
    }
    /// Through what.
    pub fn through(&self) -> Through {
        self.through
    }
    /// Whether it still stands (account active, credential or session not withdrawn).
    pub fn stands(&self) -> bool {
        todo!()
    }
    /// The accounts whose mail may be read: one's own first; shared ones later.
    pub fn accounts(&self) -> Vec<AccountId> {
        vec![self.account]
    }
    /// The door to an account's mail. Errors: `Denied` (also for accounts that do not exist, I-17).
    pub fn mail(&self, account: AccountId, right: Right) -> Result<AccountStore, Denied> {
        todo!()
    }
    /// One's own mail.
    pub fn own(&self) -> Result<AccountStore, Denied> {
        self.mail(self.account, Right::Write)
    }
    /// The addresses this Access may send as: main address and aliases.
    pub fn sender_addresses(&self) -> Vec<Address> {
        todo!()
    }
    /// Whether it may send as this address.
    pub fn may_send_as(&self, address: &Address) -> bool {
        todo!()
    }
    /// The limit of an account, octets.
    pub fn quota(&self, account: AccountId) -> Option<u64> {
        todo!()
    }
    /// The account's display name.
    pub fn name(&self) -> String {
        todo!()
    }
    /// Whether it may do this to things of this agency (grants go down the tree).
    pub fn may(&self, capability: Capability, agency: &AgencyId) -> bool {
        todo!()
    }
    /// Agencies at which grants with this capability hang (the tops of the visible subtrees).
    pub fn scopes(&self, capability: Capability) -> Vec<AgencyId> {
        todo!()
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Access({}, {:?})", self.account, self.through)
    }
}
