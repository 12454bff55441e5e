//! Capability: one thing that an administrator may do in the subtree of a grant; sets of them; roles, the named sets.

use serde::{Deserialize, Serialize};

/// What an administrator may do, within the subtree of the grant. The order is kept in stored rows: new ones come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Capability {
    /// See agencies, accounts, domains, aliases: in every set, since nobody acts on what he may not see.
    ReadDirectory,
    /// Make, rename and move agencies; set what holds for them all together.
    ManageAgencies,
    /// Domains and the keys that sign their mail.
    ManageDomains,
    /// Make accounts; changing them is another right.
    CreateAccounts,
    /// Change, suspend and delete accounts that are no lists.
    ManageAccounts,
    /// Make, change and delete lists, with their members and rules.
    ManageLists,
    /// Further addresses of accounts.
    ManageAliases,
    /// Set passwords, make and withdraw app passwords.
    ResetCredentials,
    /// Make and withdraw bearer tokens of others.
    ManageTokens,
    /// See messages that wait.
    ReadQueue,
    /// Hold, release, reroute and remove them.
    ManageQueue,
    /// See what became of others' messages.
    ReadTrace,
    /// See what other servers report of a domain.
    ReadReports,
    /// See the log of administrative acts.
    ReadAudit,
    /// Give, change and take grants, of what one has oneself.
    ManageGrants,
    /// Set policies.
    ManagePolicies,
    /// List what was removed from an account; put it back; restore an account as at a time.
    RecoverMail,
    /// See legal holds.
    ReadHolds,
    /// Place and end legal holds, read what they keep.
    ManageHolds,
    /// Health of the store; holds only where granted at the top of a tree.
    ReadStore,
    /// Verify the store, change its keys; the same.
    ManageStore,
    /// Read the mail of others for some minutes, as they have it.
    Impersonate,
}

/// Each with its name outside, in their order. Names do not change.
const NAMES: [(Capability, &str); 22] = {
    use Capability::*;
    [
        (ReadDirectory, "read_directory"),
        (ManageAgencies, "manage_agencies"),
        (ManageDomains, "manage_domains"),
        (CreateAccounts, "create_accounts"),
        (ManageAccounts, "manage_accounts"),
        (ManageLists, "manage_lists"),
        (ManageAliases, "manage_aliases"),
        (ResetCredentials, "reset_credentials"),
        (ManageTokens, "manage_tokens"),
        (ReadQueue, "read_queue"),
        (ManageQueue, "manage_queue"),
        (ReadTrace, "read_trace"),
        (ReadReports, "read_reports"),
        (ReadAudit, "read_audit"),
        (ManageGrants, "manage_grants"),
        (ManagePolicies, "manage_policies"),
        (RecoverMail, "recover_mail"),
        (ReadHolds, "read_holds"),
        (ManageHolds, "manage_holds"),
        (ReadStore, "read_store"),
        (ManageStore, "manage_store"),
        (Impersonate, "impersonate"),
    ]
};

impl Capability {
    const fn bit(self) -> u64 {
        1 << self as u8
    }

    /// All there are, in their order.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.into_iter().map(|(capability, _)| capability)
    }

    /// Its name in the API.
    pub fn name(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// The reverse of `name`.
    pub fn named(name: &str) -> Option<Self> {
        let found = NAMES.into_iter().find(|(_, known)| *known == name);
        found.map(|(capability, _)| capability)
    }
}

/// A set of capabilities.
#[derive(Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Deserialize)]
pub struct Capabilities(u64);

/// As bits in rows, by name in the audit log.
impl Serialize for Capabilities {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match to.is_human_readable() {
            true => to.collect_seq(self.iter().map(Capability::name)),
            false => to.serialize_newtype_struct("Capabilities", &self.0),
        }
    }
}

impl Capabilities {
    /// None at all.
    pub const NONE: Self = Self(0);
    /// All there are.
    pub const ALL: Self = Self((1 << NAMES.len()) - 1);

    /// These and no others.
    pub const fn of(these: &[Capability]) -> Self {
        let (mut bits, mut n) = (0, 0);
        while n < these.len() {
            bits |= these[n].bit();
            n += 1;
        }
        Self(bits)
    }

    /// This set and one more.
    #[must_use]
    pub const fn with(self, capability: Capability) -> Self {
        Self(self.0 | capability.bit())
    }

    /// Whether it is in the set.
    pub const fn has(self, capability: Capability) -> bool {
        self.0 & capability.bit() != 0
    }

    /// Whether every one of the other set is in this one.
    pub const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Those in the set, in their order.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::all().filter(move |capability| self.has(*capability))
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(these: I) -> Self {
        these.into_iter().fold(Self::NONE, Self::with)
    }
}

impl std::fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// A named set of capabilities. What is in it may grow with a new version of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Everything in the subtree.
    Administrator,
    /// Accounts, lists, aliases and credentials in the subtree.
    AccountOfficer,
    /// Reads only.
    Auditor,
}

impl Role {
    /// What is in it.
    pub const fn capabilities(self) -> Capabilities {
        use Capability::*;
        match self {
            Self::Administrator => Capabilities::ALL,
            Self::AccountOfficer => Capabilities::of(&[
                ReadDirectory,
                CreateAccounts,
                ManageAccounts,
                ManageLists,
                ManageAliases,
                ResetCredentials,
                ReadReports,
            ]),
            Self::Auditor => Capabilities::of(&[
                ReadDirectory,
                ReadQueue,
                ReadTrace,
                ReadReports,
                ReadAudit,
                ReadHolds,
                ReadStore,
            ]),
        }
    }

    /// Its name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::AccountOfficer => "account_officer",
            Self::Auditor => "auditor",
        }
    }

    /// The reverse of `name`.
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Administrator, Self::AccountOfficer, Self::Auditor];
        all.into_iter().find(|role| role.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_the_order_of_the_bits_and_return() {
        for (n, (capability, name)) in NAMES.into_iter().enumerate() {
            assert_eq!(capability as usize, n, "{name}");
            assert_eq!(capability.name(), name);
            assert_eq!(Capability::named(name), Some(capability));
        }
        assert_eq!(Capability::named("impersonate_all"), None);
        for role in [Role::Administrator, Role::AccountOfficer, Role::Auditor] {
            assert_eq!(Role::named(role.name()), Some(role));
            assert!(role.capabilities().has(Capability::ReadDirectory));
            assert!(Capabilities::ALL.covers(role.capabilities()));
        }
        assert_eq!(Capabilities::ALL.iter().count(), NAMES.len());
        let some: Capabilities = [Capability::ReadAudit, Capability::ManageStore]
            .into_iter()
            .collect();
        assert!(some.has(Capability::ManageStore) && !some.has(Capability::ReadStore));
        assert!(!some.covers(Capabilities::ALL) && Capabilities::ALL.covers(some));
    }
}
