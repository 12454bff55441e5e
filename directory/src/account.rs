//! Account: owner of mailboxes, a person or a shared (position) mailbox; or a list.

use crate::{AccountId, AgencyId, Role};
use formats::address::Address;
use serde::{Deserialize, Serialize};

/// What kind of owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum AccountKind {
    Person,
    /// A seat's or unit's mailbox (`vanthu@`).
    Shared,
    /// A room or device.
    Resource,
    /// Mail goes on to these members (accounts, lists or addresses); it has no mailboxes of its own.
    List {
        members: Vec<Address>,
    },
}

/// Where it stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum AccountState {
    Active,
    /// Gets mail, may not sign in.
    Suspended,
    /// Neither.
    Retired,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Account {
    pub id: AccountId,
    /// The main address.
    pub address: Address,
    pub kind: AccountKind,
    pub state: AccountState,
    pub agency: AgencyId,
    /// As people write it, NFC: `Nguyễn Văn An`.
    pub name: String,
    /// `Chuyên viên`.
    pub position: Option<String>,
    /// Octets; `None`: the policy's default.
    pub quota: Option<u64>,
    /// Administrative grants: role over a subtree.
    pub grants: Vec<(Role, AgencyId)>,
    /// Unix seconds.
    pub created_at: i64,
    pub version: u64,
}

/// An account to make.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct NewAccount {
    pub address: Address,
    pub kind: AccountKind,
    pub agency: AgencyId,
    pub name: String,
    pub position: Option<String>,
    pub quota: Option<u64>,
}
