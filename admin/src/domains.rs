//! `/api/v1/domains`: the mail domains that are served.

use crate::body::{Asked, Body, Named, given, present};
use crate::caller::Caller;
use crate::filter;
use crate::page::{Ask, Page, gather};
use crate::problem::Problem;
use crate::router::Room;
use crate::sight::{Sight, known_agency};
use crate::version::{Match, Tagged, merge, segment};
use axum::Json;
use axum::extract::State;
use directory::{Access, AgencyId, Capability, Directory};
use formats::DomainName;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Whether mail for a domain is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DomainState {
    Active,
    Suspended,
}

/// One mail domain.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Domain {
    /// In A-labels, as DNS has it.
    #[schema(example = "tinhmau.gov.vn")]
    name: String,
    /// The agency that it belongs to.
    agency: String,
    state: DomainState,
    /// The domain for which it stands: each address in it is the same address there. Null: it stands for itself.
    alias_of: Option<String>,
    /// The last day on which it stands for that domain: afterwards mail for it is refused (550 5.1.6), and nobody signs
    /// in by it. Null: it has no end.
    #[schema(example = "2028-06-30")]
    until: Option<String>,
    /// Raised with each change; also the ETag.
    version: u64,
}

/// A domain to serve.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDomain {
    #[schema(example = "sonoivu.tinhmau.gov.vn")]
    name: String,
    #[schema(example = "H99.1")]
    agency: String,
    /// The domain for which it is to stand.
    alias_of: Option<String>,
}

/// What may change of a domain (RFC 7396 merge).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DomainChange {
    #[serde(default, deserialize_with = "given")]
    agency: Option<String>,
    #[serde(default, deserialize_with = "given")]
    state: Option<DomainState>,
    /// The domain for which it is to stand, no account having its main address in it; null: it stands for itself.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    alias_of: Option<Option<String>>,
    /// The last day on which it stands for another; null: it has no end.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    until: Option<Option<String>>,
}

/// Which domains.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DomainFilter {
    /// Only those of this very agency.
    agency: Option<String>,
    state: Option<DomainState>,
    /// Only those that stand for this domain.
    alias_of: Option<String>,
    /// 1 to 500, 50 when left out.
    limit: Option<i64>,
    /// Of the page before.
    cursor: Option<String>,
}

impl From<directory::DomainState> for DomainState {
    fn from(state: directory::DomainState) -> Self {
        match state {
            directory::DomainState::Active => Self::Active,
            directory::DomainState::Suspended => Self::Suspended,
        }
    }
}

impl From<DomainState> for directory::DomainState {
    fn from(state: DomainState) -> Self {
        match state {
            DomainState::Active => Self::Active,
            DomainState::Suspended => Self::Suspended,
        }
    }
}

impl From<directory::Domain> for Domain {
    fn from(row: directory::Domain) -> Self {
        Self {
            name: row.name.to_string(),
            agency: row.agency.0,
            state: row.state.into(),
            alias_of: row.alias_of.map(|name| name.to_string()),
            until: row.until.map(Into::into),
            version: row.version,
        }
    }
}

/// A domain for which another is to stand.
fn named(name: Option<&str>) -> Result<Option<DomainName>, Problem> {
    name.map(|name| filter::domain("alias_of", name))
        .transpose()
}

fn tagged(row: directory::Domain) -> Tagged<Domain> {
    let version = row.version;
    Tagged::found(row.into(), version)
}

/// The domain, when the caller may see it. Errors: 404.
pub(crate) fn visible(
    directory: &Directory,
    access: &Access,
    name: &str,
) -> Result<directory::Domain, Problem> {
    let name = DomainName::parse(name).map_err(|_| Problem::not_found())?;
    let row = directory.domain(&name)?;
    if Sight::new(directory, access, Capability::ReadDirectory).agency(&row.agency) {
        return Ok(row);
    }
    Err(Problem::not_found())
}

/// The domain, when the caller may see what others report of it. Errors: 404, 403.
pub(crate) fn reported(
    directory: &Directory,
    access: &Access,
    name: &str,
) -> Result<directory::Domain, Problem> {
    let row = visible(directory, access, name)?;
    match Sight::new(directory, access, Capability::ReadReports).agency(&row.agency) {
        true => Ok(row),
        false => Err(Problem::forbidden()),
    }
}

/// Lists domains in the order of their names.
#[utoipa::path(get, path = "/api/v1/domains", tag = "domains", params(DomainFilter),
    responses((status = 200, body = Page<Domain>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Asked(filter): Asked<DomainFilter>,
) -> Result<Json<Page<Domain>>, Problem> {
    let ask = Ask::of(filter.limit, filter.cursor.as_deref())?;
    let after = ask.key(|key| DomainName::parse(key).ok())?;
    let alias_of = named(filter.alias_of.as_deref())?;
    let page = room.ask(caller, move |room, access| {
        let fits = |row: &directory::Domain| {
            filter
                .agency
                .as_ref()
                .is_none_or(|agency| row.agency.0 == *agency)
                && filter.state.is_none_or(|state| row.state == state.into())
                && alias_of
                    .as_ref()
                    .is_none_or(|of| row.alias_of.as_ref() == Some(of))
        };
        gather(
            ask.limit,
            after,
            |after: Option<&DomainName>, max| {
                Ok(room.directory.domains(Some(access), after, max)?)
            },
            |row| row.name.clone(),
            |row| fits(&row).then(|| row.into()),
            ToString::to_string,
        )
    });
    Ok(Json(page.await?))
}

/// Takes a domain into service, with keys that sign its mail (`/dkim`).
#[utoipa::path(post, path = "/api/v1/domains", tag = "domains", request_body = NewDomain,
    responses((status = 201, body = Domain)))]
pub(crate) async fn create(
    State(room): State<Room>,
    caller: Caller,
    Body(new): Body<NewDomain>,
) -> Result<Tagged<Domain>, Problem> {
    let name = filter::domain("name", &new.name)?;
    let alias_of = named(new.alias_of.as_deref())?;
    let made = room.ask(caller, move |room, access| {
        let agency = AgencyId(new.agency);
        known_agency(&room.directory, access, "agency", &agency)?;
        let signs = room.delivery.signs();
        let made = room
            .directory
            .create_domain_for(Some(access), name.clone(), agency, alias_of);
        if signs && matches!(made, Err(directory::Error::Tried)) {
            room.directory.try_first_dkim_keys(access, &name)?;
        }
        let row = made?;
        if signs {
            // The domain is there in any case; keys that could not be made now are made at the next start.
            let made = room.directory.make_first_dkim_keys(Some(access), &row.name);
            if let Err(error) = made {
                tracing::warn!(domain = %row.name, %error, "no keys to sign its mail were made");
            }
        }
        Ok(row)
    });
    let row = made.await?;
    let place = format!("/api/v1/domains/{}", segment(row.name.as_str()));
    let version = row.version;
    Ok(Tagged::created(row.into(), version, place))
}

/// Reads one domain.
#[utoipa::path(get, path = "/api/v1/domains/{name}", tag = "domains", params(("name" = String, Path)),
    responses((status = 200, body = Domain)))]
pub(crate) async fn read(
    State(room): State<Room>,
    caller: Caller,
    Named(name): Named<String>,
) -> Result<Tagged<Domain>, Problem> {
    let found = room.ask(caller, move |room, access| {
        visible(&room.directory, access, &name)
    });
    Ok(tagged(found.await?))
}

/// Gives a domain to another agency, suspends or resumes it, lets it stand for another until a day, or for itself.
#[utoipa::path(patch, path = "/api/v1/domains/{name}", tag = "domains", params(("name" = String, Path)),
    request_body = DomainChange, responses((status = 200, body = Domain)))]
pub(crate) async fn update(
    State(room): State<Room>,
    caller: Caller,
    Named(name): Named<String>,
    wanted: Match,
    Body(change): Body<DomainChange>,
) -> Result<Tagged<Domain>, Problem> {
    let alias_of = match &change.alias_of {
        Some(name) => Some(named(name.as_deref())?),
        None => None,
    };
    let until = change.until.as_ref();
    let until = until.map(|day| filter::day_if_any("until", day.as_deref()));
    let until = until.transpose()?;
    let changed = room.ask(caller, move |room, access| {
        visible(&room.directory, access, &name)?;
        let agency = change.agency.map(AgencyId);
        if let Some(agency) = &agency {
            known_agency(&room.directory, access, "agency", agency)?;
        }
        merge(
            &wanted,
            || visible(&room.directory, access, &name).map(|row| (row.clone(), row.version)),
            |mut row, version| {
                row.agency = agency.clone().unwrap_or(row.agency);
                row.state = change.state.map_or(row.state, Into::into);
                row.alias_of = alias_of.clone().unwrap_or(row.alias_of);
                row.until = until.unwrap_or(row.until);
                room.directory
                    .change_domain(Some(access), row, Some(version))
            },
        )
    });
    Ok(tagged(changed.await?))
}

/// Gives up a domain that no address uses.
#[utoipa::path(delete, path = "/api/v1/domains/{name}", tag = "domains", params(("name" = String, Path)),
    responses((status = 204)))]
pub(crate) async fn delete(
    State(room): State<Room>,
    caller: Caller,
    Named(name): Named<String>,
    wanted: Match,
) -> Result<StatusCode, Problem> {
    let gone = room.ask(caller, move |room, access| {
        let row = visible(&room.directory, access, &name)?;
        let version = wanted.expected(row.version)?;
        Ok(room
            .directory
            .delete_domain(Some(access), &row.name, version)?)
    });
    gone.await?;
    Ok(StatusCode::NO_CONTENT)
}
