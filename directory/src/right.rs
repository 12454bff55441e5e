//! Rights: what one may do with mail, and what an administrator may do with a subtree.

use serde::{Deserialize, Serialize};

/// A right over an account's mail. For one's own account all are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// See and fetch.
    Read,
    /// Keywords, append, move, delete, mailboxes.
    Write,
    /// Submit mail as this account.
    Send,
}

/// What an administrator may do, within the subtree of the grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Capability {
    ReadDirectory,
    ManageAgencies,
    ManageDomains,
    ManageAccounts,
    ManageAliases,
    ResetCredentials,
    ManageTokens,
    ReadQueue,
    ManageQueue,
    ReadAudit,
    ManageGrants,
    /// List what was removed from an account; put it back; restore an account as at a time.
    RecoverMail,
    ReadHolds,
    ManageHolds,
    /// Health of the store; holds only where granted at the top of a tree.
    ReadStore,
    ManageStore,
}

/// A bundle of capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Everything in the subtree.
    Administrator,
    /// Accounts, aliases and credentials in the subtree.
    AccountOfficer,
    /// Reads only.
    Auditor,
}

impl Role {
    /// Whether the bundle holds this capability.
    pub fn may(self, capability: Capability) -> bool {
        use Capability::*;
        match self {
            Self::Administrator => true,
            Self::AccountOfficer => matches!(
                capability,
                ReadDirectory | ManageAccounts | ManageAliases | ResetCredentials
            ),
            Self::Auditor => matches!(
                capability,
                ReadDirectory | ReadQueue | ReadAudit | ReadHolds | ReadStore
            ),
        }
    }
}
