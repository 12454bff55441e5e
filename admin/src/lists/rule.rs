//! Rules of lists as JSON.

use crate::agencies::AgencyKind;
use crate::positions::PositionKind;
use directory::{AgencyId, ListRules, OwnerKind, Reach};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Kinds of one sort that a rule may name.
const KINDS_MAX: usize = 32;

/// What kind of account a rule finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RuleAccountKind)]
pub(crate) enum Owner {
    Person,
    /// A seat's or unit's mailbox.
    Shared,
    /// A room or device.
    Resource,
}

/// Whom a list finds: `{"under": "H99", "agency_kinds": ["commune"], "position_kinds": ["chairman"]}` is every chairman
/// of a commune.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListRule {
    /// Of this agency and those under it.
    #[schema(example = "H99")]
    under: String,
    /// Of agencies of these kinds; of all where none is named. Agencies that have ended are not among them.
    #[serde(default, deserialize_with = "few")]
    agency_kinds: Vec<AgencyKind>,
    /// Positions of these kinds: the mailbox of each, or who holds it where it has none.
    #[serde(default, deserialize_with = "few")]
    position_kinds: Vec<PositionKind>,
    /// Accounts of these kinds, where no position is named; persons where none is.
    #[serde(default, deserialize_with = "few")]
    account_kinds: Vec<Owner>,
}

/// Whom a rule finds now, as far as you may see them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListReach {
    /// How many.
    count: usize,
    /// Addresses of the first of them, 20 at most.
    first: Vec<String>,
}

/// A list of kinds, not longer than [`KINDS_MAX`].
fn few<'de, D, T>(input: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    let kinds = Vec::<T>::deserialize(input)?;
    match kinds.len() > KINDS_MAX {
        true => Err(serde::de::Error::custom("at most 32 kinds")),
        false => Ok(kinds),
    }
}

impl ListRule {
    /// Whether it is another rule than the one that is there.
    pub(super) fn is_new(&self, present: &ListRules) -> bool {
        present.rule != Some(self.clone().into())
    }

    pub(super) fn under(&self) -> AgencyId {
        AgencyId(self.under.clone())
    }
}

impl From<ListRule> for directory::ListRule {
    fn from(rule: ListRule) -> Self {
        let owner = |kind: Owner| match kind {
            Owner::Person => OwnerKind::Person,
            Owner::Shared => OwnerKind::Shared,
            Owner::Resource => OwnerKind::Resource,
        };
        Self {
            under: AgencyId(rule.under),
            agency_kinds: rule.agency_kinds.into_iter().map(Into::into).collect(),
            position_kinds: rule.position_kinds.into_iter().map(Into::into).collect(),
            account_kinds: rule.account_kinds.into_iter().map(owner).collect(),
        }
    }
}

impl From<directory::ListRule> for ListRule {
    fn from(rule: directory::ListRule) -> Self {
        let owner = |kind: OwnerKind| match kind {
            OwnerKind::Person => Owner::Person,
            OwnerKind::Shared => Owner::Shared,
            OwnerKind::Resource => Owner::Resource,
        };
        Self {
            under: rule.under.0,
            agency_kinds: rule.agency_kinds.into_iter().map(Into::into).collect(),
            position_kinds: rule.position_kinds.into_iter().map(Into::into).collect(),
            account_kinds: rule.account_kinds.into_iter().map(owner).collect(),
        }
    }
}

impl From<Reach> for ListReach {
    fn from(reach: Reach) -> Self {
        let first = reach
            .first
            .iter()
            .map(|account| account.address.to_string());
        Self {
            count: reach.count,
            first: first.collect(),
        }
    }
}
