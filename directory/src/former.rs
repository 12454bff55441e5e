//! Rows as earlier versions of this program wrote them, and the step from each to the next.

use crate::credential::{Proof, Stored};
use crate::{
    Account, AccountId, AccountKind, AccountState, Agency, AgencyId, AgencyQuota, CredentialId,
    CredentialKind, Domain, DomainState, Role,
};
use formats::address::{Address, DomainName};
use serde::{Deserialize, Serialize};

/// An agency as version 1 wrote it: without quotas.
#[derive(Serialize, Deserialize)]
pub(crate) struct Agency1 {
    id: AgencyId,
    parent: Option<AgencyId>,
    name: String,
    name_en: Option<String>,
    version: u64,
}

impl From<Agency1> for Agency {
    fn from(row: Agency1) -> Self {
        Self {
            id: row.id,
            parent: row.parent,
            name: row.name,
            name_en: row.name_en,
            quota: AgencyQuota::default(),
            version: row.version,
        }
    }
}

/// A domain as version 1 wrote it: standing for none.
#[derive(Serialize, Deserialize)]
pub(crate) struct Domain1 {
    name: DomainName,
    agency: AgencyId,
    state: DomainState,
    version: u64,
}

impl From<Domain1> for Domain {
    fn from(row: Domain1) -> Self {
        Self {
            name: row.name,
            agency: row.agency,
            state: row.state,
            alias_of: None,
            version: row.version,
        }
    }
}

/// An account as version 1 wrote it: without a limit of messages.
#[derive(Serialize, Deserialize)]
pub(crate) struct Account1 {
    id: AccountId,
    address: Address,
    kind: AccountKind,
    state: AccountState,
    agency: AgencyId,
    name: String,
    position: Option<String>,
    quota: Option<u64>,
    grants: Vec<(Role, AgencyId)>,
    created_at: i64,
    version: u64,
}

impl From<Account1> for Account {
    fn from(row: Account1) -> Self {
        Self {
            id: row.id,
            address: row.address,
            kind: row.kind,
            state: row.state,
            agency: row.agency,
            name: row.name,
            position: row.position,
            quota: row.quota,
            messages_max: None,
            pop3: false,
            grants: row.grants,
            created_at: row.created_at,
            version: row.version,
        }
    }
}

/// An account as version 2 wrote it: without the switch for POP3.
#[derive(Serialize, Deserialize)]
pub(crate) struct Account2 {
    id: AccountId,
    address: Address,
    kind: AccountKind,
    state: AccountState,
    agency: AgencyId,
    name: String,
    position: Option<String>,
    quota: Option<u64>,
    messages_max: Option<u64>,
    grants: Vec<(Role, AgencyId)>,
    created_at: i64,
    version: u64,
}

impl From<Account2> for Account {
    fn from(row: Account2) -> Self {
        Self {
            id: row.id,
            address: row.address,
            kind: row.kind,
            state: row.state,
            agency: row.agency,
            name: row.name,
            position: row.position,
            quota: row.quota,
            messages_max: row.messages_max,
            pop3: false,
            grants: row.grants,
            created_at: row.created_at,
            version: row.version,
        }
    }
}

/// A credential as version 1 wrote it: without SCRAM's verifier.
#[derive(Serialize, Deserialize)]
pub(crate) struct Stored1 {
    id: CredentialId,
    kind: CredentialKind,
    label: String,
    created_at: i64,
    expires_at: Option<i64>,
    proof: Proof,
}

/// A credential's row: whose it is, and it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Held<S>(pub(crate) AccountId, pub(crate) S);

impl From<Held<Stored1>> for Held<Stored> {
    fn from(Held(account, row): Held<Stored1>) -> Self {
        let stored = Stored {
            id: row.id,
            kind: row.kind,
            label: row.label,
            created_at: row.created_at,
            expires_at: row.expires_at,
            proof: row.proof,
            verifier: None,
        };
        Self(account, stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Fact, table};

    fn octets(hex: &str) -> Vec<u8> {
        let pairs = hex.as_bytes().chunks(2);
        pairs
            .map(|p| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap())
            .collect()
    }

    /// What version 1 wrote, octet for octet.
    const AGENCY: &str = "01054839392e3101034839390453e1bb9f0007";
    const DOMAIN: &str = "0104782e766e034839390105";
    const CREDENTIAL: &str = "01280700000200000124";
    const ACCOUNT: &str = "012807616e40782e766e00010348393902416e0001ac020102034839390303";
    /// What version 2 wrote.
    const ACCOUNT_2: &str = "022807616e40782e766e00010348393902416e0001ac0201090102034839390303";

    #[test]
    fn i18_domains_of_version_1_stand_for_none() {
        let read = Fact::read(table::DOMAIN, b"x.vn", &octets(DOMAIN));
        let Ok(Fact::Domain(domain)) = read else {
            panic!("{read:?}")
        };
        assert_eq!((domain.name.as_str(), domain.version), ("x.vn", 5));
        assert_eq!(
            (domain.state, domain.alias_of),
            (DomainState::Suspended, None)
        );
    }

    #[test]
    fn i18_rows_of_earlier_versions_are_read() {
        let read = Fact::read(table::AGENCY, b"H99.1", &octets(AGENCY));
        let Ok(Fact::Agency(agency)) = read else {
            panic!("{read:?}")
        };
        assert_eq!((agency.id.0.as_str(), agency.version), ("H99.1", 7));
        assert_eq!(agency.quota, AgencyQuota::default());
        let row = Account1 {
            id: AccountId::new(40).unwrap(),
            address: Address::parse("an@x.vn").unwrap(),
            kind: AccountKind::Person,
            state: AccountState::Suspended,
            agency: AgencyId("H99".into()),
            name: "An".into(),
            position: None,
            quota: Some(300),
            grants: vec![(Role::Auditor, AgencyId("H99".into()))],
            created_at: -2,
            version: 3,
        };
        let written = crate::fact::encode(&row).unwrap();
        let hex: String = written.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, ACCOUNT);
        let read = Fact::read(table::ACCOUNT, b"", &octets(ACCOUNT));
        let Ok(Fact::Account(account)) = read else {
            panic!("{read:?}")
        };
        assert_eq!(account, row.into());
        let read = Fact::read(table::ACCOUNT, b"", &octets(ACCOUNT_2));
        let Ok(Fact::Account(second)) = read else {
            panic!("{read:?}")
        };
        assert_eq!(
            (second.messages_max, second.pop3, second.version),
            (Some(9), false, 3)
        );
        let row = Fact::Account(Account {
            pop3: true,
            ..second
        });
        let now = row.row().unwrap().value.unwrap();
        let Ok(Fact::Account(again)) = Fact::read(table::ACCOUNT, b"", &now) else {
            panic!("a row of this version is not read")
        };
        assert!(again.pop3 && now[0] == 3);
        let row = Stored1 {
            id: CredentialId(7),
            kind: CredentialKind::Password,
            label: String::new(),
            created_at: 1,
            expires_at: None,
            proof: Proof::Argon2id("$".into()),
        };
        let account = AccountId::new(40).unwrap();
        let written = crate::fact::encode(&(account, &row)).unwrap();
        let hex: String = written.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, CREDENTIAL);
        let Ok(Fact::Credential(owner, stored)) = Fact::read(table::CREDENTIAL, b"", &written)
        else {
            panic!("a credential of version 1")
        };
        assert_eq!((owner, stored.id), (account, row.id));
        assert_eq!(stored.verifier, None);
        let again = Fact::Credential(account, stored).row().unwrap();
        assert_eq!(again.value.unwrap()[0], 2);
        let mut later = octets(AGENCY);
        later[0] = 3;
        assert!(Fact::read(table::AGENCY, b"H99.1", &later).is_err());
    }
}
