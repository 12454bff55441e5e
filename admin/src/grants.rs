//! `/api/v1/grants`: who may administer which subtree, within which limits and from when until when.

use crate::body::{Asked, Body, Named, given, present};
use crate::caller::Caller;
use crate::filter;
use crate::page::{Ask, Page, gather};
use crate::problem::{Problem, text};
use crate::router::Room;
use crate::sight::{Sight, known_account, known_agency, named_account};
use crate::version::{Match, Tagged, merge};
use axum::Json;
use axum::extract::State;
use directory::grant::Held;
use directory::{
    Access, AccountId, AgencyId, Capabilities, Capability, Directory, GrantId, GrantLimits, May,
};
use formats::date;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{Array, ArrayBuilder};
use utoipa::openapi::{ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};

/// A grant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Grant {
    /// Holder and number, e.g. `66-1`; never given twice.
    #[schema(example = "66-1")]
    id: String,
    /// Who holds it.
    account: u32,
    /// Its main address.
    address: String,
    /// It reaches this agency and all under it.
    #[schema(example = "H99.2")]
    agency: String,
    /// `administrator`, `account_officer` or `auditor`; null: the capabilities were named one by one.
    role: Option<String>,
    /// What its holder may do.
    #[schema(schema_with = capability_names)]
    capabilities: Vec<String>,
    /// Accounts in the subtree to which the holder's acts may lead, lists not counted; null: no limit.
    accounts_max: Option<u64>,
    /// Octets: what the quotas of these accounts may be together; null: no limit.
    quota_total_max: Option<u64>,
    /// RFC 3339, UTC; null: from when it was given.
    since: Option<String>,
    /// RFC 3339, UTC: the first at which it gives nothing any more; null: no end.
    until: Option<String>,
    /// Whether it gives something now.
    stands: bool,
    /// Account of the giver; null: the system, or before this was recorded.
    given_by: Option<u32>,
    /// RFC 3339, UTC; null: before this was recorded.
    given_at: Option<String>,
    /// The grant out of which it was given, where one may see it.
    out_of: Option<String>,
    /// Raised with each change; also the ETag.
    version: u64,
}

/// A grant to give: a role or capabilities. Where nothing is said, the limits and the end of the giver's own hold.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewGrant {
    /// Who is to hold it.
    account: u32,
    #[schema(example = "H99.2")]
    agency: String,
    /// `administrator`, `account_officer` or `auditor`.
    role: Option<String>,
    /// Instead of a role; `read_directory` is always among them.
    #[schema(schema_with = capability_names)]
    #[serde(default)]
    capabilities: Option<Vec<String>>,
    accounts_max: Option<u64>,
    /// Octets.
    quota_total_max: Option<u64>,
    /// RFC 3339; at once when left out.
    since: Option<String>,
    /// RFC 3339.
    #[schema(example = "2027-12-31T00:00:00Z")]
    until: Option<String>,
}

/// What may change of a grant (RFC 7396 merge).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantChange {
    #[serde(default, deserialize_with = "given")]
    role: Option<String>,
    /// Instead of a role: all of them.
    #[schema(schema_with = capability_names)]
    #[serde(default, deserialize_with = "given")]
    capabilities: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    accounts_max: Option<Option<u64>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    quota_total_max: Option<Option<u64>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    since: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    until: Option<Option<String>>,
}

/// Which grants.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct GrantFilter {
    /// Held by this account.
    account: Option<u32>,
    /// Over this agency or one under it.
    agency: Option<String>,
    /// 1 to 500, 50 when left out.
    limit: Option<i64>,
    /// Of the page before.
    cursor: Option<String>,
}

/// What becomes of grants that were given out of it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Taking {
    /// True: they are taken too, at any remove. Left out, they stay, and hang from the grant out of which this one was
    /// given.
    with_given: Option<bool>,
}

/// The closed list of names.
fn capability_names() -> Array {
    let names = Capability::all().map(Capability::name);
    let one = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(names));
    ArrayBuilder::new().items(one).build()
}

fn shown(directory: &Directory, access: &Access, held: Held) -> Grant {
    let grant = held.grant;
    let role = match grant.may {
        May::Role(role) => Some(role.name().to_owned()),
        May::Only(_) => None,
    };
    let names = grant.may.capabilities().iter();
    let seen = |id: &GrantId| directory.grant(Some(access), *id).is_ok();
    let known = |id: &AccountId| known_account(directory, access, *id).is_ok();
    Grant {
        id: held.id.to_string(),
        account: held.id.account.raw(),
        address: held.holder.to_string(),
        stands: grant.stands(directory.clock().now_s()),
        agency: grant.agency.0,
        role,
        capabilities: names.map(|c| c.name().to_owned()).collect(),
        accounts_max: grant.limits.accounts_max,
        quota_total_max: grant.limits.quota_total_max,
        since: grant.since.map(date::utc),
        until: grant.until.map(date::utc),
        given_by: grant.given_by.filter(known).map(AccountId::raw),
        given_at: grant.given_at.map(date::utc),
        out_of: grant.out_of.filter(seen).map(|id| id.to_string()),
        version: grant.version,
    }
}

fn tagged(directory: &Directory, access: &Access, held: Held) -> Tagged<Grant> {
    let version = held.grant.version;
    Tagged::found(shown(directory, access, held), version)
}

/// A role or capabilities, not both. Errors: 422. `None`: nothing is said.
fn may(role: Option<&str>, capabilities: Option<&[String]>) -> Result<Option<May>, Problem> {
    match (role, capabilities) {
        (None, None) => Ok(None),
        (Some(role), None) => {
            let named = directory::Role::named(role).map(May::Role).map(Some);
            named.ok_or_else(|| {
                let names = "administrator, account_officer, auditor";
                Problem::invalid(
                    "role",
                    text(format!("một trong: {names}"), format!("one of: {names}")),
                )
            })
        }
        (None, Some(names)) => {
            let each = names.iter().map(|name| {
                Capability::named(name).ok_or_else(|| {
                    let known: Vec<&str> = Capability::all().map(Capability::name).collect();
                    let known = known.join(", ");
                    Problem::invalid(
                        "capabilities",
                        text(
                            format!("các quyền trong số: {known}"),
                            format!("some of: {known}"),
                        ),
                    )
                })
            });
            let these = each.collect::<Result<Capabilities, Problem>>()?;
            if these == Capabilities::NONE {
                return Err(one_of_both());
            }
            Ok(Some(May::Only(these)))
        }
        (Some(_), Some(_)) => Err(one_of_both()),
    }
}

fn one_of_both() -> Problem {
    Problem::invalid(
        "role",
        text(
            "một vai trò, hoặc ít nhất một quyền trong capabilities",
            "a role, or at least one of the capabilities",
        ),
    )
}

/// The grant of a path. Errors: 404.
fn named(id: &str) -> Result<GrantId, Problem> {
    GrantId::parse(id).ok_or_else(Problem::not_found)
}

/// Lists grants over what one sees, and one's own; by holder and number.
#[utoipa::path(get, path = "/api/v1/grants", tag = "grants", params(GrantFilter),
    responses((status = 200, body = Page<Grant>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Asked(filter): Asked<GrantFilter>,
) -> Result<Json<Page<Grant>>, Problem> {
    let ask = Ask::of(filter.limit, filter.cursor.as_deref())?;
    let after = ask.key(GrantId::parse)?;
    let page = room.ask(caller, move |room, access| {
        let directory = &room.directory;
        let nothing = || Page::new(Vec::new(), None);
        // What one may not see holds nothing, like what is not there (I-17).
        let under = filter.agency.map(AgencyId);
        let sight = Sight::new(directory, access, Capability::ReadDirectory);
        if under.as_ref().is_some_and(|id| !sight.agency(id)) {
            return Ok(nothing());
        }
        let account = match filter.account.map(AccountId::new) {
            Some(None) => return Ok(nothing()),
            account => account.flatten(),
        };
        gather(
            ask.limit,
            after,
            |after: Option<&GrantId>, max| {
                let after = after.copied();
                Ok(directory.grants(Some(access), account, under.as_ref(), after, max))
            },
            |held| held.id,
            |held| Some(shown(directory, access, held)),
            GrantId::to_string,
        )
    });
    Ok(Json(page.await?))
}

/// Gives a grant. Nobody gives more than he has, nor for longer, nor with higher limits.
#[utoipa::path(post, path = "/api/v1/grants", tag = "grants", request_body = NewGrant,
    responses((status = 201, body = Grant)))]
pub(crate) async fn create(
    State(room): State<Room>,
    caller: Caller,
    Body(new): Body<NewGrant>,
) -> Result<Tagged<Grant>, Problem> {
    let may = may(new.role.as_deref(), new.capabilities.as_deref())?.ok_or_else(one_of_both)?;
    let since = new.since.as_deref();
    let since = since.map(|at| filter::instant("since", at)).transpose()?;
    let until = new.until.as_deref();
    let until = until.map(|at| filter::instant("until", at)).transpose()?;
    let made = room.ask(caller, move |room, access| {
        let agency = AgencyId(new.agency);
        known_agency(&room.directory, access, "agency", &agency)?;
        let account = named_account(&room.directory, access, new.account)?;
        let grant = directory::Grant {
            may,
            limits: GrantLimits {
                accounts_max: new.accounts_max,
                quota_total_max: new.quota_total_max,
            },
            since,
            until,
            ..directory::Grant::of(directory::Role::Auditor, agency)
        };
        let held = room.directory.give_grant(Some(access), account.id, grant);
        let held = crate::sight::acted(access, account.id, held)?;
        let (version, place) = (held.grant.version, format!("/api/v1/grants/{}", held.id));
        let row = shown(&room.directory, access, held);
        Ok(Tagged::created(row, version, place))
    });
    made.await
}

/// Reads one grant.
#[utoipa::path(get, path = "/api/v1/grants/{id}", tag = "grants", params(("id" = String, Path)),
    responses((status = 200, body = Grant)))]
pub(crate) async fn read(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Tagged<Grant>, Problem> {
    let id = named(&id)?;
    let found = room.ask(caller, move |room, access| {
        let held = room.directory.grant(Some(access), id)?;
        Ok(tagged(&room.directory, access, held))
    });
    found.await
}

/// Changes what a grant lets do, its limits and dates.
#[utoipa::path(patch, path = "/api/v1/grants/{id}", tag = "grants", params(("id" = String, Path)),
    request_body = GrantChange, responses((status = 200, body = Grant)))]
pub(crate) async fn update(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    wanted: Match,
    Body(change): Body<GrantChange>,
) -> Result<Tagged<Grant>, Problem> {
    let id = named(&id)?;
    let may = may(change.role.as_deref(), change.capabilities.as_deref())?;
    let time = |field: &'static str, said: &Option<Option<String>>| {
        let said = said.as_ref();
        said.map(|at| {
            at.as_deref()
                .map(|at| filter::instant(field, at))
                .transpose()
        })
        .transpose()
    };
    let (since, until) = (time("since", &change.since)?, time("until", &change.until)?);
    let changed = room.ask(caller, move |room, access| {
        let held = merge(
            &wanted,
            || {
                let mut held = room.directory.grant(Some(access), id)?;
                let version = held.grant.version;
                let grant = &mut held.grant;
                grant.may = may.unwrap_or(grant.may);
                let limits = &mut grant.limits;
                limits.accounts_max = change.accounts_max.unwrap_or(limits.accounts_max);
                limits.quota_total_max = change.quota_total_max.unwrap_or(limits.quota_total_max);
                grant.since = since.unwrap_or(grant.since);
                grant.until = until.unwrap_or(grant.until);
                Ok((held, version))
            },
            |held, version| {
                let directory = &room.directory;
                directory.change_grant(Some(access), id, held.grant, Some(version))
            },
        )?;
        Ok(tagged(&room.directory, access, held))
    });
    changed.await
}

/// Takes a grant away; one may always give up one's own.
#[utoipa::path(delete, path = "/api/v1/grants/{id}", tag = "grants", params(("id" = String, Path), Taking),
    responses((status = 204)))]
pub(crate) async fn delete(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    Asked(taking): Asked<Taking>,
    wanted: Match,
) -> Result<StatusCode, Problem> {
    let id = named(&id)?;
    let gone = room.ask(caller, move |room, access| {
        let held = room.directory.grant(Some(access), id)?;
        let version = wanted.expected(held.grant.version)?;
        let with_given = taking.with_given.unwrap_or(false);
        let taken = room
            .directory
            .take_grant(Some(access), id, with_given, version);
        Ok(taken?)
    });
    gone.await?;
    Ok(StatusCode::NO_CONTENT)
}
