//! Accounts as JSON.

use crate::body::{given, present};
use directory::AgencyId;
use formats::date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What kind of owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AccountKind {
    Person,
    /// A seat's or unit's mailbox.
    Shared,
    /// A room or device.
    Resource,
    /// Mail goes on to its members.
    List,
}

/// Where it stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AccountState {
    Active,
    /// Gets mail, may not sign in.
    Suspended,
    /// Neither.
    Retired,
}

/// A bundle of capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// Everything in the subtree.
    Administrator,
    /// Accounts, aliases and credentials in the subtree.
    AccountOfficer,
    /// Reads only.
    Auditor,
}

/// A role over an agency and everything under it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = RoleGrant)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grant {
    role: Role,
    #[schema(example = "H99.1")]
    agency: String,
}

/// A grant that an account holds; `grants` tells more of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HeldGrant {
    #[schema(example = "66-1")]
    id: String,
    /// Null: its capabilities were named one by one.
    role: Option<Role>,
    agency: String,
}

/// One account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Account {
    /// Never reused.
    id: u32,
    /// The main address.
    #[schema(example = "annv@tinhmau.gov.vn")]
    address: String,
    kind: AccountKind,
    /// Of a list only.
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<Vec<String>>,
    state: AccountState,
    /// The agency it belongs to.
    agency: String,
    #[schema(example = "Nguyễn Văn An")]
    name: String,
    #[schema(example = "Chuyên viên")]
    position: Option<String>,
    /// Octets; null: what the nearest agency gives each account, else the config's default.
    quota: Option<u64>,
    /// Messages; null: what the nearest agency gives each account, else no limit.
    messages_max: Option<u64>,
    /// Whether it may be read over POP3; false until it is turned on.
    pop3: bool,
    /// Grants that this account holds, as far as you see the agencies.
    grants: Vec<HeldGrant>,
    /// RFC 3339, UTC.
    created_at: String,
    /// Raised with each change; also the ETag.
    version: u64,
}

/// An account to make; its password is set by itself (credentials).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAccount {
    #[schema(example = "annv@tinhmau.gov.vn")]
    pub(super) address: String,
    /// `person` when left out.
    pub(super) kind: Option<AccountKind>,
    /// Of a list only.
    pub(super) members: Option<Vec<String>>,
    #[schema(example = "H99.1")]
    pub(super) agency: String,
    #[schema(example = "Nguyễn Văn An")]
    pub(super) name: String,
    pub(super) position: Option<String>,
    pub(super) quota: Option<u64>,
    pub(super) messages_max: Option<u64>,
    /// Why: needed for an address that lately was another's (or `Audit-Reason`), who sees it in `reads`.
    pub(super) reason: Option<String>,
}

/// What may change of an account (RFC 7396 merge).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountChange {
    /// The new main address. One of its aliases changes places with what was that; another address frees it.
    #[serde(default, deserialize_with = "given")]
    pub(super) address: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub(super) kind: Option<AccountKind>,
    #[serde(default, deserialize_with = "given")]
    pub(super) members: Option<Vec<String>>,
    #[serde(default, deserialize_with = "given")]
    pub(super) state: Option<AccountState>,
    #[serde(default, deserialize_with = "given")]
    pub(super) agency: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub(super) position: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    pub(super) quota: Option<Option<u64>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    pub(super) messages_max: Option<Option<u64>>,
    /// Turns POP3 on or off.
    #[serde(default, deserialize_with = "given")]
    pub(super) pop3: Option<bool>,
    /// All roles that it is to hold: those that it has stay as they are, with their limits and dates; every other
    /// grant is taken.
    #[serde(default, deserialize_with = "given")]
    pub(super) grants: Option<Vec<Grant>>,
    /// Why: needed for an address that lately was another's, and to make a list of a person's account (or `Audit-Reason`).
    pub(super) reason: Option<String>,
}

/// Which accounts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AccountFilter {
    /// Of this agency and those under it.
    pub(super) agency: Option<String>,
    pub(super) state: Option<AccountState>,
    pub(super) kind: Option<AccountKind>,
    /// Main address in this domain.
    pub(super) domain: Option<String>,
    /// The one with this main address or alias.
    pub(super) address: Option<String>,
    /// True: those that were deleted and whose mail is kept, instead of those that are there.
    pub(super) deleted: Option<bool>,
    /// Words in name and address, with or without Vietnamese marks.
    pub(super) find: Option<String>,
    /// 1 to 500, 50 when left out.
    pub(super) limit: Option<i64>,
    /// Of the page before.
    pub(super) cursor: Option<String>,
}

impl AccountKind {
    pub(super) fn of(kind: &directory::AccountKind) -> Self {
        match kind {
            directory::AccountKind::Person => Self::Person,
            directory::AccountKind::Shared => Self::Shared,
            directory::AccountKind::Resource => Self::Resource,
            directory::AccountKind::List { .. } => Self::List,
        }
    }
}

impl From<directory::AccountState> for AccountState {
    fn from(state: directory::AccountState) -> Self {
        match state {
            directory::AccountState::Active => Self::Active,
            directory::AccountState::Suspended => Self::Suspended,
            directory::AccountState::Retired => Self::Retired,
        }
    }
}

impl From<AccountState> for directory::AccountState {
    fn from(state: AccountState) -> Self {
        match state {
            AccountState::Active => Self::Active,
            AccountState::Suspended => Self::Suspended,
            AccountState::Retired => Self::Retired,
        }
    }
}

impl From<directory::Role> for Role {
    fn from(role: directory::Role) -> Self {
        match role {
            directory::Role::Administrator => Self::Administrator,
            directory::Role::AccountOfficer => Self::AccountOfficer,
            directory::Role::Auditor => Self::Auditor,
        }
    }
}

impl HeldGrant {
    fn of(holder: directory::AccountId, grant: directory::Grant) -> Self {
        let number = grant.number;
        let id = directory::GrantId {
            account: holder,
            number,
        };
        Self {
            id: id.to_string(),
            role: match grant.may {
                directory::May::Role(role) => Some(role.into()),
                directory::May::Only(_) => None,
            },
            agency: grant.agency.0,
        }
    }
}

impl From<Grant> for directory::Grant {
    fn from(grant: Grant) -> Self {
        let role = match grant.role {
            Role::Administrator => directory::Role::Administrator,
            Role::AccountOfficer => directory::Role::AccountOfficer,
            Role::Auditor => directory::Role::Auditor,
        };
        Self::of(role, AgencyId(grant.agency))
    }
}

impl From<directory::Account> for Account {
    fn from(row: directory::Account) -> Self {
        let kind = AccountKind::of(&row.kind);
        let members = match row.kind {
            directory::AccountKind::List { members } => {
                Some(members.iter().map(ToString::to_string).collect())
            }
            _ => None,
        };
        Self {
            id: row.id.raw(),
            address: row.address.to_string(),
            kind,
            members,
            state: row.state.into(),
            agency: row.agency.0,
            name: row.name,
            position: row.position,
            quota: row.quota,
            messages_max: row.messages_max,
            pop3: row.pop3,
            grants: row
                .grants
                .into_iter()
                .map(|grant| HeldGrant::of(row.id, grant))
                .collect(),
            created_at: date::utc(row.created_at),
            version: row.version,
        }
    }
}
