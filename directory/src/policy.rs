//! Policy: rules that an agency sets for its accounts and for those of the agencies below it.
//!
//! The nearest agency that says a value counts. An agency may lock what it says: below it the value may be made
//! stricter, never looser; a looser one that was said before the lock counts for nothing while the lock stands. There is
//! no value that nothing enforces: passwords where one is set, protocols, places and hours at the one door of signing
//! in, sizes and attachments where a message is submitted, days in each pass over the store (`expiry`), two persons where
//! such an act begins.

mod key;

pub use key::{Key, PASSWORD_MIN, Value, WORDS_MAX};

use crate::act::{Note, check_version, invalid};
use crate::approval::{Dangerous, Spent, Wanted};
use crate::book::Book;
use crate::fact::Fact;
use crate::open::PAGE_MAX;
use crate::{Access, AccountId, AgencyId, Capability, Directory, Error};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::ops::Bound;

/// What an agency says of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The value.
    pub value: Value,
    /// Whether agencies below may not loosen it.
    pub locked: bool,
}

/// What an agency says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct AgencyPolicy {
    pub agency: AgencyId,
    pub said: BTreeMap<Key, Said>,
    /// Zero while nothing was said.
    pub version: u64,
}

/// A value that holds, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holds {
    /// `None`: no rule.
    pub value: Option<Value>,
    /// Whose value it is; `None`: nobody said any.
    pub from: Option<AgencyId>,
    /// The agency below which it cannot be loosened.
    pub locked: Option<AgencyId>,
}

/// What is said of a key, each with whose it is.
#[derive(Default)]
struct Ruling<'a> {
    /// What counts.
    said: Option<(&'a AgencyId, &'a Value)>,
    /// What nothing below may be looser than.
    lock: Option<(&'a AgencyId, &'a Value)>,
}

impl Directory {
    /// What an agency says itself. Errors: `NotFound`.
    pub fn agency_policy(&self, by: Option<&Access>, id: &AgencyId) -> Result<AgencyPolicy, Error> {
        let book = self.read();
        if !book.agencies.contains_key(id) {
            return Err(Error::NotFound("agency"));
        }
        book.check(by, Capability::ReadDirectory, id, "agency")?;
        Ok(book.said_policy(id))
    }

    /// Agencies that say something, in the order of their codes, as far as `by` may see them.
    pub fn policies(
        &self,
        by: Option<&Access>,
        after: Option<&AgencyId>,
        max: usize,
    ) -> Vec<AgencyPolicy> {
        let book = self.read();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let all = book.policies.range::<AgencyId, _>((from, Bound::Unbounded));
        all.map(|(_, policy)| policy)
            .filter(|policy| book.allows(by, Capability::ReadDirectory, &policy.agency))
            .take(max.min(PAGE_MAX))
            .cloned()
            .collect()
    }

    /// Says it, whole. Errors: `NotFound`, `Denied`, `Conflict`, `Invalid` (a value that cannot be, or is looser than a
    /// lock above).
    pub fn set_agency_policy(
        &self,
        by: Option<&Access>,
        policy: AgencyPolicy,
        version: Option<u64>,
    ) -> Result<AgencyPolicy, Error> {
        let each = policy.said.into_iter().map(|(key, said)| {
            let locked = said.locked;
            let value = key.checked(said.value)?;
            Ok((key, Said { value, locked }))
        });
        let said = each.collect::<Result<BTreeMap<Key, Said>, Error>>()?;
        let mut acts = self.acts();
        let (old, new) = {
            let book = self.read();
            let agency = book.agencies.get(&policy.agency);
            let agency = agency.ok_or(Error::NotFound("agency"))?;
            book.check(by, Capability::ManagePolicies, &agency.id, "agency")?;
            let old = book.said_policy(&agency.id);
            check_version(version, old.version)?;
            for (key, said) in &said {
                let Some(parent) = &agency.parent else { break };
                let changed = old.said.get(key) != Some(said);
                let lock = book.ruling(parent, *key).lock.filter(|_| changed);
                if lock.is_some_and(|(_, lock)| !key.is_no_looser(&said.value, lock)) {
                    let expected = "a value no looser than the one that is locked above";
                    return Err(invalid(key.name(), expected));
                }
            }
            let new = AgencyPolicy {
                agency: policy.agency,
                said,
                version: old.version + 1,
            };
            (old, new)
        };
        let mut spent = Spent::default();
        if self
            .read()
            .loosens_two(&new.agency, new.said.get(&Key::TwoPersons))
        {
            let words = new.said.get(&Key::TwoPersons).map(|said| &said.value);
            let left = match words {
                Some(Value::Words(words)) => words.join(" "),
                _ => String::new(),
            };
            let wanted = Wanted {
                act: Dangerous::Loosen,
                agency: &new.agency,
                object: &new.agency.0,
                detail: &json!({ "two_persons": left }).to_string(),
            };
            spent = self.with_second(&mut acts, by, wanted)?;
        }
        let (used, fact) = spent.into_rows();
        let note = Note {
            act: "agency.policy",
            object: new.agency.to_string(),
            detail: changed(&old, &new),
        };
        let notes = used.into_iter().chain([note]).collect();
        let facts = fact.into_iter().chain([Fact::Policy(new.clone())]);
        self.commit_all(&mut acts, by, notes, facts.collect())?;
        Ok(new)
    }

    /// The value of one key that holds for an account. Errors: `NotFound`.
    pub fn policy(&self, account: AccountId, key: Key) -> Result<Holds, Error> {
        let book = self.read();
        let account = book.account(account).ok_or(Error::NotFound("account"))?;
        Ok(book.policy(&account.agency, key))
    }
}

/// The values that differ, each with what it was and what it is.
fn changed(old: &AgencyPolicy, new: &AgencyPolicy) -> serde_json::Value {
    let told = |said: Option<&Said>| {
        said.map(|said| {
            let value = match &said.value {
                Value::Number(n) => json!(n),
                Value::Switch(on) => json!(on),
                Value::Words(words) => json!(words),
            };
            json!({ "value": value, "locked": said.locked })
        })
    };
    let differ = Key::all().filter(|key| old.said.get(key) != new.said.get(key));
    let pair = |key: Key| json!([told(old.said.get(&key)), told(new.said.get(&key))]);
    let fields = differ.map(|key| (key.name().to_owned(), pair(key)));
    serde_json::Value::Object(fields.collect())
}

/// What may be sent along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentRules {
    /// Octets of one, decoded.
    pub octets: Option<u64>,
    /// Endings of names that may be; `None`: all.
    pub only: Option<Vec<String>>,
    /// Endings that may not be.
    pub refused: Vec<String>,
}

impl Access {
    /// What the agency rules of attachments; `None`: nothing.
    pub fn attachment_rules(&self) -> Option<AttachmentRules> {
        let book = self.directory.read();
        if book.policies.is_empty() {
            return None;
        }
        let agency = &book.account(self.account)?.agency;
        let rules = AttachmentRules {
            octets: book.ruled_number(agency, Key::AttachmentOctets),
            only: book.ruled_words(agency, Key::AttachmentTypes),
            refused: book
                .ruled_words(agency, Key::AttachmentTypesRefused)
                .unwrap_or_default(),
        };
        let says = rules.octets.is_some() || rules.only.is_some() || !rules.refused.is_empty();
        says.then_some(rules)
    }
}

impl Book {
    /// Takes in a fact of what agencies rule, or of a second person.
    pub(crate) fn rule(&mut self, fact: Fact) {
        match fact {
            Fact::Policy(policy) => drop(self.policies.insert(policy.agency.clone(), policy)),
            Fact::NoPolicy(id) => drop(self.policies.remove(&id)),
            Fact::Approval(approval) => drop(self.approvals.insert(approval.id, approval)),
            Fact::NoApproval(id) => drop(self.approvals.remove(&id)),
            _ => {}
        }
    }

    pub(crate) fn said_policy(&self, id: &AgencyId) -> AgencyPolicy {
        let said = self.policies.get(id).cloned();
        said.unwrap_or_else(|| AgencyPolicy {
            agency: id.clone(),
            said: BTreeMap::new(),
            version: 0,
        })
    }

    /// The value that holds for accounts of an agency.
    pub(crate) fn policy(&self, agency: &AgencyId, key: Key) -> Holds {
        let ruling = self.ruling(agency, key);
        let (from, value) = ruling.said.unzip();
        Holds {
            value: value.cloned().or_else(|| key.default()),
            from: from.cloned(),
            locked: ruling.lock.map(|(id, _)| id.clone()),
        }
    }

    /// What is said of a key from the top down to an agency.
    fn ruling<'a>(&'a self, agency: &'a AgencyId, key: Key) -> Ruling<'a> {
        let mut ruling = Ruling::default();
        if self.policies.is_empty() {
            return ruling;
        }
        let above: Vec<&AgencyId> = self.upward(agency).collect();
        for id in above.into_iter().rev() {
            let Some(said) = self.policies.get(id).and_then(|p| p.said.get(&key)) else {
                continue;
            };
            let counts = match ruling.lock {
                Some((_, lock)) => key.is_no_looser(&said.value, lock),
                None => true,
            };
            if counts {
                ruling.said = Some((id, &said.value));
                if said.locked {
                    ruling.lock = ruling.said;
                }
            }
        }
        ruling
    }

    /// A number that holds; `None`: no rule.
    pub(crate) fn ruled_number(&self, agency: &AgencyId, key: Key) -> Option<u64> {
        match self.policy(agency, key).value {
            Some(Value::Number(n)) => Some(n),
            _ => None,
        }
    }

    /// Octets of one message that accounts of an agency may send, by what agencies say and `otherwise`: the least.
    pub(crate) fn message_octets(&self, agency: &AgencyId, otherwise: Option<u64>) -> Option<u64> {
        let ruled = self.ruled_number(agency, Key::MessageOctets);
        ruled.into_iter().chain(otherwise).min()
    }

    /// A switch that holds.
    pub(crate) fn ruled_on(&self, agency: &AgencyId, key: Key) -> bool {
        self.policy(agency, key).value != Some(Value::Switch(false))
    }

    /// The words that hold; `None`: no rule.
    pub(crate) fn ruled_words(&self, agency: &AgencyId, key: Key) -> Option<Vec<String>> {
        match self.policy(agency, key).value {
            Some(Value::Words(words)) => Some(words),
            _ => None,
        }
    }
}
