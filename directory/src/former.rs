//! Rows as earlier versions of this program wrote them, and the step from each to the next.

mod secrets;

pub(crate) use secrets::{Held, Stored1, Stored2, Stored3};

use crate::approval::{Approval, Dangerous, Decision};
use crate::{
    Account, AccountId, AccountKind, AccountState, Agency, AgencyId, AgencyProfile, AgencyQuota,
    Alias, Domain, DomainState, Grant, ListRules, Posting, Role,
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
            profile: AgencyProfile::default(),
            version: row.version,
        }
    }
}

/// An agency as version 2 wrote it: of no kind, without codes and dates.
#[derive(Serialize, Deserialize)]
pub(crate) struct Agency2 {
    id: AgencyId,
    parent: Option<AgencyId>,
    name: String,
    name_en: Option<String>,
    quota: AgencyQuota,
    version: u64,
}

impl From<Agency2> for Agency {
    fn from(row: Agency2) -> Self {
        Self {
            id: row.id,
            parent: row.parent,
            name: row.name,
            name_en: row.name_en,
            quota: row.quota,
            profile: AgencyProfile::default(),
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
            until: None,
            version: row.version,
        }
    }
}

/// A domain as version 2 wrote it: standing for another without an end.
#[derive(Serialize, Deserialize)]
pub(crate) struct Domain2 {
    name: DomainName,
    agency: AgencyId,
    state: DomainState,
    alias_of: Option<DomainName>,
    version: u64,
}

impl From<Domain2> for Domain {
    fn from(row: Domain2) -> Self {
        Self {
            name: row.name,
            agency: row.agency,
            state: row.state,
            alias_of: row.alias_of,
            until: None,
            version: row.version,
        }
    }
}

/// An alias as version 1 wrote it: without an end.
#[derive(Serialize, Deserialize)]
pub(crate) struct Alias1 {
    address: Address,
    account: AccountId,
    version: u64,
}

impl From<Alias1> for Alias {
    fn from(row: Alias1) -> Self {
        Self {
            address: row.address,
            account: row.account,
            until: None,
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
        Self::from(Account3 {
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
        })
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
        Self::from(Account3 {
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
        })
    }
}

/// An account as version 3 wrote it: with roles for grants.
#[derive(Serialize, Deserialize)]
pub(crate) struct Account3 {
    id: AccountId,
    address: Address,
    kind: AccountKind,
    state: AccountState,
    agency: AgencyId,
    name: String,
    position: Option<String>,
    quota: Option<u64>,
    messages_max: Option<u64>,
    pop3: bool,
    grants: Vec<(Role, AgencyId)>,
    created_at: i64,
    version: u64,
}

impl From<Account3> for Account {
    fn from(row: Account3) -> Self {
        let grants: Vec<Grant> = (1..)
            .zip(row.grants)
            .map(|(number, (role, agency))| Grant {
                number,
                ..Grant::of(role, agency)
            })
            .collect();
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
            pop3: row.pop3,
            grant_last: grants.last().map_or(0, |grant| grant.number),
            grants,
            created_at: row.created_at,
            version: row.version,
        }
    }
}

/// What version 1 said of a list: without a rule.
#[derive(Serialize, Deserialize)]
pub(crate) struct ListRules1 {
    account: AccountId,
    posting: Posting,
    posters: Vec<Address>,
    owner: Option<Address>,
    fields: bool,
    version: u64,
}

impl From<ListRules1> for ListRules {
    fn from(row: ListRules1) -> Self {
        Self {
            account: row.account,
            posting: row.posting,
            posters: row.posters,
            owner: row.owner,
            fields: row.fields,
            rule: None,
            version: row.version,
        }
    }
}

/// A request as version 1 wrote it: without which credentials were there.
#[derive(Serialize, Deserialize)]
pub(crate) struct Approval1 {
    id: u64,
    act: Dangerous,
    agency: AgencyId,
    object: String,
    detail: String,
    asked_by: AccountId,
    asked_behind: Vec<AccountId>,
    asked_at: i64,
    decision: Decision,
    decided_by: Option<AccountId>,
    decided_at: Option<i64>,
}

impl From<Approval1> for Approval {
    fn from(row: Approval1) -> Self {
        Self {
            id: row.id,
            act: row.act,
            agency: row.agency,
            object: row.object,
            detail: row.detail,
            asked_by: row.asked_by,
            asked_behind: row.asked_behind,
            asked_at: row.asked_at,
            decision: row.decision,
            decided_by: row.decided_by,
            decided_at: row.decided_at,
            credential_last: 0,
        }
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
    /// What version 2 wrote, with quotas.
    const AGENCY_2: &str = "02054839392e3101034839390453e1bb9f0001ac0200000109015007";
    const DOMAIN: &str = "0104782e766e034839390105";
    /// What version 2 wrote, standing for another.
    const DOMAIN_2: &str = "0204782e766e03483939010104792e766e05";
    const ACCOUNT: &str = "012807616e40782e766e00010348393902416e0001ac020102034839390303";
    /// What version 2 wrote.
    const ACCOUNT_2: &str = "022807616e40782e766e00010348393902416e0001ac0201090102034839390303";

    /// What version 3 wrote.
    const ACCOUNT_3: &str = "032807616e40782e766e00010348393902416e0001ac020109010102034839390303";

    #[test]
    fn i18_roles_of_version_3_are_grants_with_numbers() {
        let read = Fact::read(table::ACCOUNT, b"", &octets(ACCOUNT_3));
        let Ok(Fact::Account(account)) = read else {
            panic!("{read:?}")
        };
        let first = Grant {
            number: 1,
            ..Grant::of(Role::Auditor, AgencyId("H99".into()))
        };
        assert_eq!((account.grants, account.grant_last), (vec![first], 1));
        assert!(account.pop3 && account.version == 3);
    }

    #[test]
    fn i18_requests_of_version_1_go_by_their_time() {
        // Request 3 to release a hold of H9: of `o`, `d`, by account 40 alone, at 50; approved by 41 at 60.
        let row = octets("010303024839016f01642800640101290178");
        let read = Fact::read(table::APPROVAL, b"", &row);
        let Ok(Fact::Approval(approval)) = read else {
            panic!("{read:?}")
        };
        assert_eq!((approval.id, approval.act), (3, Dangerous::ReleaseHold));
        assert_eq!(
            (approval.asked_at, approval.decision),
            (50, Decision::Approved)
        );
        assert_eq!(
            (approval.decided_at, approval.credential_last),
            (Some(60), 0)
        );
        let now = Approval {
            credential_last: 9,
            ..approval
        };
        let row = Fact::Approval(now.clone()).row().unwrap().value.unwrap();
        let Ok(Fact::Approval(again)) = Fact::read(table::APPROVAL, b"", &row) else {
            panic!("a row of this version is not read")
        };
        assert_eq!((again, row[0]), (now, 2));
    }

    #[test]
    fn i18_lists_of_version_1_have_no_rule() {
        // Account 40, posting by those named, one poster, no owner, fields, version 6.
        let row = octets("0128030107616e40782e766e000106");
        let read = Fact::read(table::LIST, b"", &row);
        let Ok(Fact::List(rules)) = read else {
            panic!("{read:?}")
        };
        assert_eq!((rules.posting, rules.version), (Posting::Named, 6));
        assert_eq!(
            (rules.posters.len(), rules.fields, &rules.rule),
            (1, true, &None)
        );
        let ruled = ListRules {
            rule: Some(crate::rule::ListRule {
                under: AgencyId("H99".into()),
                agency_kinds: vec![crate::AgencyKind::Commune],
                position_kinds: vec![crate::PositionKind::Chairman],
                account_kinds: Vec::new(),
            }),
            ..rules
        };
        let now = Fact::List(ruled.clone()).row().unwrap().value.unwrap();
        assert_eq!(now[0], 2);
        let Ok(Fact::List(again)) = Fact::read(table::LIST, b"", &now) else {
            panic!("a row of this version is not read")
        };
        assert_eq!(again, ruled);
    }

    #[test]
    fn i18_aliases_of_version_1_have_no_end() {
        let octets = octets("0107616e40782e766e2805");
        let row = Alias1 {
            address: Address::parse("an@x.vn").unwrap(),
            account: AccountId::new(40).unwrap(),
            version: 5,
        };
        assert_eq!(crate::fact::encode(&row).unwrap(), octets);
        let Ok(Fact::Alias(alias)) = Fact::read(table::ALIAS, b"", &octets) else {
            panic!("an alias of version 1")
        };
        assert_eq!((alias.until, alias.version), (None, 5));
        let again = Fact::Alias(alias.clone()).row().unwrap().value.unwrap();
        assert_eq!(again[0], 2);
        let Ok(Fact::Alias(read)) = Fact::read(table::ALIAS, b"", &again) else {
            panic!("a row of this version is not read")
        };
        assert_eq!(read, alias);
    }

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
    fn i18_domains_of_version_2_have_no_end() {
        let read = Fact::read(table::DOMAIN, b"x.vn", &octets(DOMAIN_2));
        let Ok(Fact::Domain(mut domain)) = read else {
            panic!("{read:?}")
        };
        let of = domain.alias_of.as_ref().map(DomainName::as_str);
        assert_eq!((of, domain.until, domain.version), (Some("y.vn"), None, 5));
        domain.until = formats::date::Day::parse("2028-06-30");
        let now = Fact::Domain(domain.clone()).row().unwrap().value.unwrap();
        assert_eq!(now[0], 3);
        let Ok(Fact::Domain(again)) = Fact::read(table::DOMAIN, b"x.vn", &now) else {
            panic!("a row of this version is not read")
        };
        assert_eq!(again, domain);
    }

    #[test]
    fn i18_agencies_of_version_2_are_of_no_kind_and_have_no_end() {
        let read = Fact::read(table::AGENCY, b"H99.1", &octets(AGENCY_2));
        let Ok(Fact::Agency(mut agency)) = read else {
            panic!("{read:?}")
        };
        assert_eq!((agency.id.0.as_str(), agency.version), ("H99.1", 7));
        assert_eq!(agency.profile, AgencyProfile::default());
        let quota = agency.quota;
        assert_eq!(
            (quota.total.octets, quota.each.messages),
            (Some(300), Some(9))
        );
        assert_eq!(quota.soft_percent, Some(80));
        agency.profile = AgencyProfile {
            short_name: Some("SNV".into()),
            kind: crate::AgencyKind::Department,
            codes: vec![crate::AgencyCode::parse("000.00.01.H99").unwrap()],
            order: 3,
            since: formats::date::Day::parse("2025-07-01"),
            until: None,
        };
        let now = Fact::Agency(agency.clone()).row().unwrap().value.unwrap();
        assert_eq!(now[0], 3);
        let Ok(Fact::Agency(again)) = Fact::read(table::AGENCY, b"H99.1", &now) else {
            panic!("a row of this version is not read")
        };
        assert_eq!(again, agency);
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
        assert!(again.pop3 && now[0] == 4);
        let mut later = octets(AGENCY);
        later[0] = 4;
        assert!(Fact::read(table::AGENCY, b"H99.1", &later).is_err());
    }
}
