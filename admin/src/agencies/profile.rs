//! What an agency is, as JSON: its kind, its official codes, its place, its days.

use super::AgencyChange;
use crate::filter;
use crate::problem::Problem;
use directory::profile::agency_codes;
use directory::{AgencyCode, AgencyProfile};
use formats::date::Day;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of agency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AgencyKind {
    /// People's Committee of a province.
    Committee,
    /// People's Council.
    Council,
    /// Department of a province (sở, ban, ngành).
    Department,
    /// People's Committee of a commune, ward or special zone.
    Commune,
    /// Division within another agency (phòng, ban).
    Unit,
    /// Public service unit: a centre, a hospital, a school.
    Centre,
    /// Body of the Party.
    Party,
    /// Fatherland Front, union or association.
    Front,
    /// None of these, or not said.
    #[default]
    Other,
}

impl From<AgencyKind> for directory::AgencyKind {
    fn from(kind: AgencyKind) -> Self {
        match kind {
            AgencyKind::Committee => Self::Committee,
            AgencyKind::Council => Self::Council,
            AgencyKind::Department => Self::Department,
            AgencyKind::Commune => Self::Commune,
            AgencyKind::Unit => Self::Unit,
            AgencyKind::Centre => Self::Centre,
            AgencyKind::Party => Self::Party,
            AgencyKind::Front => Self::Front,
            AgencyKind::Other => Self::Other,
        }
    }
}

impl From<directory::AgencyKind> for AgencyKind {
    fn from(kind: directory::AgencyKind) -> Self {
        match kind {
            directory::AgencyKind::Committee => Self::Committee,
            directory::AgencyKind::Council => Self::Council,
            directory::AgencyKind::Department => Self::Department,
            directory::AgencyKind::Commune => Self::Commune,
            directory::AgencyKind::Unit => Self::Unit,
            directory::AgencyKind::Centre => Self::Centre,
            directory::AgencyKind::Party => Self::Party,
            directory::AgencyKind::Front => Self::Front,
            directory::AgencyKind::Other => Self::Other,
        }
    }
}

/// What of it is to change, read.
#[derive(Debug, Clone)]
pub(super) struct ProfileChange {
    short_name: Option<Option<String>>,
    kind: Option<AgencyKind>,
    codes: Option<Vec<AgencyCode>>,
    order: Option<u32>,
    since: Option<Option<Day>>,
    until: Option<Option<Day>>,
}

impl ProfileChange {
    /// Errors: 422 naming the field.
    pub(super) fn of(change: &AgencyChange) -> Result<Self, Problem> {
        let day = |field, value: &Option<Option<String>>| {
            let read = value
                .as_ref()
                .map(|v| filter::day_if_any(field, v.as_deref()));
            read.transpose()
        };
        let codes = change.codes.as_deref().map(agency_codes);
        Ok(Self {
            short_name: change.short_name.clone(),
            kind: change.kind,
            codes: codes.transpose()?,
            order: change.order,
            since: day("since", &change.since)?,
            until: day("until", &change.until)?,
        })
    }

    /// RFC 7396 §2: what was, with what is given put in.
    pub(super) fn merged(self, was: AgencyProfile) -> AgencyProfile {
        AgencyProfile {
            short_name: self.short_name.unwrap_or(was.short_name),
            kind: self.kind.map_or(was.kind, Into::into),
            codes: self.codes.unwrap_or(was.codes),
            order: self.order.unwrap_or(was.order),
            since: self.since.unwrap_or(was.since),
            until: self.until.unwrap_or(was.until),
        }
    }
}
