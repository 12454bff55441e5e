//! `/api/v1/address-proposals`: addresses for a person who is to have an account, made from the name.

use crate::body::Asked;
use crate::caller::Caller;
use crate::filter;
use crate::problem::Problem;
use crate::router::Room;
use crate::sight::known_agency;
use axum::Json;
use axum::extract::State;
use directory::AgencyId;
use directory::proposal::NameAsked;
use formats::text::NameScheme;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How an address is made from `Nguyễn Văn An`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scheme {
    /// `annv`
    GivenInitials,
    /// `nvan`
    InitialsGiven,
    /// `nguyenvanan`
    Full,
    /// `an.nguyenvan`
    GivenDotRest,
}

impl From<Scheme> for NameScheme {
    fn from(scheme: Scheme) -> Self {
        match scheme {
            Scheme::GivenInitials => Self::GivenInitials,
            Scheme::InitialsGiven => Self::InitialsGiven,
            Scheme::Full => Self::Full,
            Scheme::GivenDotRest => Self::GivenDotRest,
        }
    }
}

impl From<NameScheme> for Scheme {
    fn from(scheme: NameScheme) -> Self {
        match scheme {
            NameScheme::GivenInitials => Self::GivenInitials,
            NameScheme::InitialsGiven => Self::InitialsGiven,
            NameScheme::Full => Self::Full,
            NameScheme::GivenDotRest => Self::GivenDotRest,
        }
    }
}

/// For whom, and by which scheme.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProposalFilter {
    /// The name as people write it: `Nguyễn Văn An`.
    name: String,
    /// The domain of the address.
    domain: String,
    /// The agency of the account to be.
    agency: String,
    /// One scheme; all when left out.
    scheme: Option<Scheme>,
    /// A unit's short name, put behind the name: `cuc` makes `tltha.cuc`.
    suffix: Option<String>,
}

/// One address by one scheme.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Proposal {
    scheme: Scheme,
    /// What the scheme says.
    #[schema(example = "annv@tinhmau.gov.vn")]
    wanted: String,
    /// Whether somebody has that already, or it is the name of a role (`postmaster`, `root`), which no person gets.
    taken: bool,
    /// That address, or the first free one with a number; null when a thousand are taken.
    #[schema(example = "annv2@tinhmau.gov.vn")]
    free: Option<String>,
}

/// The proposals.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Proposals {
    items: Vec<Proposal>,
}

impl From<directory::proposal::Proposal> for Proposal {
    fn from(row: directory::proposal::Proposal) -> Self {
        Self {
            scheme: row.scheme.into(),
            wanted: row.wanted.to_string(),
            taken: row.taken,
            free: row.free.map(|address| address.to_string()),
        }
    }
}

/// Proposes addresses made from a name; nothing is reserved by it.
#[utoipa::path(get, path = "/api/v1/address-proposals", tag = "accounts", params(ProposalFilter),
    responses((status = 200, body = Proposals)))]
pub(crate) async fn propose(
    State(room): State<Room>,
    caller: Caller,
    Asked(filter): Asked<ProposalFilter>,
) -> Result<Json<Proposals>, Problem> {
    let domain = filter::domain("domain", &filter.domain)?;
    let done = room.ask(caller, move |room, access| {
        let agency = AgencyId(filter.agency);
        known_agency(&room.directory, access, "agency", &agency)?;
        let asked = NameAsked {
            name: filter.name,
            domain,
            agency,
            scheme: filter.scheme.map(Into::into),
            suffix: filter.suffix,
        };
        let rows = room.directory.propose_addresses(Some(access), &asked)?;
        Ok(Proposals {
            items: rows.into_iter().map(Into::into).collect(),
        })
    });
    done.await.map(Json)
}
