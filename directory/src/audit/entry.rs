//! Entry: one line of the audit log, what its hash covers, and how earlier versions of this program wrote it.

use crate::act::Note;
use crate::fact::{self, table};
use crate::origin::Origin;
use crate::{Access, AccountId, CredentialId};
use serde::{Deserialize, Serialize};
use storage::RowChange;

/// The version of stored entries: 3 says by which credential, 2 from where and why, and whom it concerns.
const ENTRY_VERSION: u8 = 3;
/// The version that told all but the credential.
const ORIGIN_VERSION: u8 = 2;
/// Octets of one entry's detail; what is longer is cut, and says so.
pub const DETAIL_MAX: usize = 64 * 1024;
/// Begins what a hash of version 2 covers; as a number of an entry it would be beyond all that are given.
const MARK_2: &[u8] = b"congvu audit 2\n";
/// The same of version 3.
const MARK_3: &[u8] = b"congvu audit 3\n";

/// One entry; `hash` covers the entry and the hash before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Entry {
    pub number: u64,
    pub at: i64,
    /// Address of the actor, or `system`.
    pub actor: String,
    /// The actor's account: addresses change hands.
    pub actor_id: Option<AccountId>,
    /// `account.create`.
    pub act: String,
    /// `annv@tinhmau.gov.vn`.
    pub object: String,
    /// The account that the object is, or belongs to.
    pub account: Option<AccountId>,
    /// The agency that the object is, or belonged to then.
    pub agency: Option<String>,
    /// JSON of what changed, without secrets.
    pub detail: String,
    /// Why, where it was said.
    pub reason: String,
    /// From which network address; empty: not from outside, or it is not known.
    pub address: String,
    /// Through what: `api`, `cli`, `console`, `imap`, `job`; empty: it is not known.
    pub service: String,
    /// By which of the actor's credentials: the token, or the password that opened his session.
    pub credential: Option<CredentialId>,
    pub hash: [u8; 32],
    /// Which version of this program wrote it: its hash covers what that version knew.
    #[serde(skip, default = "present")]
    pub(crate) form: u8,
}

/// An entry as version 1 wrote it: without whom it concerns, from where and why.
#[derive(Serialize, Deserialize)]
pub(crate) struct Entry1 {
    number: u64,
    at: i64,
    actor: String,
    act: String,
    object: String,
    detail: String,
    hash: [u8; 32],
}

/// An entry as version 2 wrote it: without the credential.
#[derive(Serialize, Deserialize)]
pub(crate) struct Entry2 {
    number: u64,
    at: i64,
    actor: String,
    actor_id: Option<AccountId>,
    act: String,
    object: String,
    account: Option<AccountId>,
    agency: Option<String>,
    detail: String,
    reason: String,
    address: String,
    service: String,
    hash: [u8; 32],
}

/// The version of entries as this program writes them.
fn present() -> u8 {
    ENTRY_VERSION
}

impl From<Entry1> for Entry {
    fn from(row: Entry1) -> Self {
        Self {
            number: row.number,
            at: row.at,
            actor: row.actor,
            actor_id: None,
            act: row.act,
            object: row.object,
            account: None,
            agency: None,
            detail: row.detail,
            reason: String::new(),
            address: String::new(),
            service: String::new(),
            credential: None,
            hash: row.hash,
            form: 1,
        }
    }
}

impl From<Entry2> for Entry {
    fn from(row: Entry2) -> Self {
        Self {
            number: row.number,
            at: row.at,
            actor: row.actor,
            actor_id: row.actor_id,
            act: row.act,
            object: row.object,
            account: row.account,
            agency: row.agency,
            detail: row.detail,
            reason: row.reason,
            address: row.address,
            service: row.service,
            credential: None,
            hash: row.hash,
            form: ORIGIN_VERSION,
        }
    }
}

/// Who acts.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    name: String,
    id: Option<AccountId>,
    credential: Option<CredentialId>,
    origin: Origin,
}

impl Actor {
    /// Whose Access it is; the server itself without one.
    pub(crate) fn of(by: Option<&Access>) -> Self {
        match by {
            Some(access) => Self {
                name: access.address.to_string(),
                id: Some(access.account),
                credential: access.rests_on(),
                origin: access.origin.clone(),
            },
            None => Self {
                name: "system".to_owned(),
                id: None,
                credential: None,
                origin: Origin::default(),
            },
        }
    }
}

/// Whom an act concerns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Whom {
    pub(crate) account: Option<AccountId>,
    pub(crate) agency: Option<String>,
}

impl Entry {
    /// What becomes of a note; not sealed yet.
    pub(super) fn new(number: u64, at: i64, actor: &Actor, note: Note, whom: Whom) -> Self {
        let mut detail = note.detail.to_string();
        if detail.len() > DETAIL_MAX {
            detail = serde_json::json!({ "cut": true, "octets": detail.len() }).to_string();
        }
        let origin = &actor.origin;
        Self {
            number,
            at,
            actor: actor.name.clone(),
            actor_id: actor.id,
            act: note.act.to_owned(),
            object: note.object,
            account: whom.account,
            agency: whom.agency,
            detail,
            reason: origin.reason.as_deref().unwrap_or_default().to_owned(),
            address: origin.address.map(|ip| ip.to_string()).unwrap_or_default(),
            service: origin.service.to_owned(),
            credential: actor.credential,
            hash: [0; 32],
            form: ENTRY_VERSION,
        }
    }

    /// What the hash must be after `before`. Every field is preceded by its length: no two entries share a spelling.
    pub(super) fn seal(&self, before: &[u8; 32]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(before);
        match self.form {
            ..=1 => {}
            ORIGIN_VERSION => drop(hasher.update(MARK_2)),
            _ => drop(hasher.update(MARK_3)),
        }
        hasher.update(&self.number.to_be_bytes());
        hasher.update(&self.at.to_be_bytes());
        let mut text = |text: &str| {
            hasher.update(&(text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        };
        for field in [&self.actor, &self.act, &self.object, &self.detail] {
            text(field);
        }
        if self.form > 1 {
            let agency = self.agency.as_deref().unwrap_or_default();
            for field in [agency, &self.reason, &self.address, &self.service] {
                text(field);
            }
            for id in [self.actor_id, self.account] {
                hasher.update(&id.map_or(0, AccountId::raw).to_be_bytes());
            }
        }
        if self.form > ORIGIN_VERSION {
            hasher.update(&self.credential.map_or(0, |id| id.0).to_be_bytes());
        }
        *hasher.finalize().as_bytes()
    }

    pub(crate) fn row(&self) -> Result<RowChange, storage::Error> {
        let key = self.number.to_be_bytes().to_vec();
        Ok(RowChange {
            table: table::AUDIT,
            key,
            value: Some(fact::encode_as(ENTRY_VERSION, self)?),
        })
    }

    /// An entry's row, of this version or brought to it; what is written stays as it is.
    pub(crate) fn read(value: &[u8]) -> Result<Self, storage::Error> {
        match value.split_first() {
            Some((&ENTRY_VERSION, rest)) => fact::body(table::AUDIT, rest),
            Some((&ORIGIN_VERSION, rest)) => {
                fact::body::<Entry2>(table::AUDIT, rest).map(Self::from)
            }
            _ => fact::decode::<Entry1>(table::AUDIT, value).map(Self::from),
        }
    }
}
