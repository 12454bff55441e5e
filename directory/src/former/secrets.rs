//! Credentials as earlier versions of this program wrote them.

use crate::credential::{Proof, Stored};
use crate::hand::Hands;
use crate::token::Opens;
use crate::verifier::Verifier;
use crate::{AccountId, CredentialId, CredentialKind};
use serde::{Deserialize, Serialize};

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
        let stored = Stored2 {
            id: row.id,
            kind: row.kind,
            label: row.label,
            created_at: row.created_at,
            expires_at: row.expires_at,
            proof: row.proof,
            verifier: None,
        };
        Self::from(Held(account, stored))
    }
}

/// A credential as version 2 wrote it: without whose hands it went through.
#[derive(Serialize, Deserialize)]
pub(crate) struct Stored2 {
    id: CredentialId,
    kind: CredentialKind,
    label: String,
    created_at: i64,
    expires_at: Option<i64>,
    proof: Proof,
    verifier: Option<Verifier>,
}

impl From<Held<Stored2>> for Held<Stored> {
    fn from(Held(account, row): Held<Stored2>) -> Self {
        let stored = Stored3 {
            id: row.id,
            kind: row.kind,
            label: row.label,
            created_at: row.created_at,
            expires_at: row.expires_at,
            proof: row.proof,
            verifier: row.verifier,
            hands: Hands::default(),
        };
        Self::from(Held(account, stored))
    }
}

/// A credential as versions 3 and 4 wrote it: of tokens not what they open.
#[derive(Serialize, Deserialize)]
pub(crate) struct Stored3 {
    id: CredentialId,
    kind: CredentialKind,
    label: String,
    created_at: i64,
    expires_at: Option<i64>,
    proof: Proof,
    verifier: Option<Verifier>,
    hands: Hands,
}

impl From<Held<Stored3>> for Held<Stored> {
    fn from(Held(account, row): Held<Stored3>) -> Self {
        // Mail was open already to those alone that their owner made.
        let opens = match row.hands.is_own() {
            true => Opens::All,
            false => Opens::Administration,
        };
        let stored = Stored {
            id: row.id,
            kind: row.kind,
            label: row.label,
            created_at: row.created_at,
            expires_at: row.expires_at,
            proof: row.proof,
            verifier: row.verifier,
            hands: row.hands,
            opens,
        };
        Self(account, stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Fact, table};

    const CREDENTIAL: &str = "01280700000200000124";

    #[test]
    fn i18_credentials_of_earlier_versions_are_read() {
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
        let again = again.value.unwrap();
        assert_eq!(again[0], 5);
        // Versions 3 and 4 wrote the same without the last octet, what it opens.
        for version in [3, 4] {
            let row_then = [&[version], &again[1..again.len() - 1]].concat();
            let Ok(Fact::Credential(owner, stored)) = Fact::read(table::CREDENTIAL, b"", &row_then)
            else {
                panic!("a credential of version {version}")
            };
            assert_eq!((owner, stored.id), (account, row.id));
            assert_eq!(stored.opens, Opens::Administration);
        }
        // Version 2 wrote the same without two octets more: owner, and nobody else.
        let second = [&[2], &again[1..again.len() - 3]].concat();
        let Ok(Fact::Credential(owner, stored)) = Fact::read(table::CREDENTIAL, b"", &second)
        else {
            panic!("a credential of version 2")
        };
        assert_eq!((owner, stored.id), (account, row.id));
        assert_eq!(stored.hands, Hands::default());
    }
}
