//! `/api/v1/aliases`: further addresses of accounts and lists.

use crate::body::{Asked, Body, Named, given, present};
use crate::caller::Caller;
use crate::filter;
use crate::page::{Ask, Page, gather};
use crate::problem::Problem;
use crate::router::Room;
use crate::sight::{Sight, named_account};
use crate::version::{Match, Tagged, merge, segment};
use axum::Json;
use axum::extract::State;
use directory::{Access, AccountId, Capability, Directory};
use formats::Address;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// One alias; its owner may also send as it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Alias {
    #[schema(example = "an.nguyen@tinhmau.gov.vn")]
    address: String,
    /// The account it leads to.
    account: u32,
    /// The last day on which it stands; null: it has no end.
    #[schema(example = "2028-06-30")]
    until: Option<String>,
    /// Raised with each change; also the ETag.
    version: u64,
}

/// An alias to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAlias {
    #[schema(example = "an.nguyen@tinhmau.gov.vn")]
    address: String,
    account: u32,
    /// Why: needed for an address that is or lately was another's (or `Audit-Reason`), who sees it in `reads`.
    reason: Option<String>,
    /// The last day on which it stands; no end when left out.
    #[schema(example = "2028-06-30")]
    until: Option<String>,
}

/// What may change of an alias (RFC 7396 merge).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AliasChange {
    #[serde(default, deserialize_with = "given")]
    account: Option<u32>,
    /// Why: needed to point it to another account (or `Audit-Reason`); the one who had it sees it in `reads`.
    reason: Option<String>,
    /// The last day on which it stands; null: it has no end.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "2028-06-30")]
    until: Option<Option<String>>,
}

/// Which aliases.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AliasFilter {
    /// Only those of this account.
    account: Option<u32>,
    /// Only those in this domain.
    domain: Option<String>,
    /// 1 to 500, 50 when left out.
    limit: Option<i64>,
    /// Of the page before.
    cursor: Option<String>,
}

impl From<directory::Alias> for Alias {
    fn from(row: directory::Alias) -> Self {
        Self {
            address: row.address.to_string(),
            account: row.account.raw(),
            until: row.until.map(Into::into),
            version: row.version,
        }
    }
}

fn tagged(row: directory::Alias) -> Tagged<Alias> {
    let version = row.version;
    Tagged::found(row.into(), version)
}

/// The alias, when the caller may see its account. Errors: 404.
fn visible(
    directory: &Directory,
    access: &Access,
    address: &str,
) -> Result<directory::Alias, Problem> {
    let address = Address::parse(address).map_err(|_| Problem::not_found())?;
    let row = directory.alias(&address)?;
    let own = row.account == access.account();
    if own || Sight::new(directory, access, Capability::ReadDirectory).account(row.account) {
        return Ok(row);
    }
    Err(Problem::not_found())
}

/// Lists aliases in the order of their addresses.
#[utoipa::path(get, path = "/api/v1/aliases", tag = "aliases", params(AliasFilter),
    responses((status = 200, body = Page<Alias>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Asked(filter): Asked<AliasFilter>,
) -> Result<Json<Page<Alias>>, Problem> {
    let ask = Ask::of(filter.limit, filter.cursor.as_deref())?;
    let after = ask.key(|key| Address::parse(key).ok())?;
    let domain = filter
        .domain
        .as_deref()
        .map(|d| filter::domain("domain", d))
        .transpose()?;
    let page = room.ask(caller, move |room, access| {
        let account = match filter.account {
            None => None,
            Some(raw) => match AccountId::new(raw) {
                Some(id) => Some(id),
                None => {
                    return Ok(Page {
                        items: Vec::new(),
                        cursor: None,
                    });
                }
            },
        };
        let fits = |row: &directory::Alias| {
            domain
                .as_ref()
                .is_none_or(|domain| row.address.domain == *domain)
        };
        gather(
            ask.limit,
            after,
            |after: Option<&Address>, max| {
                Ok(room.directory.aliases(Some(access), account, after, max)?)
            },
            |row| row.address.clone(),
            |row| fits(&row).then(|| row.into()),
            ToString::to_string,
        )
    });
    Ok(Json(page.await?))
}

/// Makes an alias.
#[utoipa::path(post, path = "/api/v1/aliases", tag = "aliases", request_body = NewAlias,
    responses((status = 201, body = Alias)))]
pub(crate) async fn create(
    State(room): State<Room>,
    caller: Caller,
    Body(new): Body<NewAlias>,
) -> Result<Tagged<Alias>, Problem> {
    let address = filter::address("address", &new.address)?;
    let caller = caller.because(new.reason.as_deref())?;
    let until = filter::day_if_any("until", new.until.as_deref())?;
    let made = room.ask(caller, move |room, access| {
        let account = named_account(&room.directory, access, new.account)?;
        Ok(room
            .directory
            .create_alias_until(Some(access), address, account.id, until)?)
    });
    let row = made.await?;
    let place = format!("/api/v1/aliases/{}", segment(&row.address.to_string()));
    let version = row.version;
    Ok(Tagged::created(row.into(), version, place))
}

/// Reads one alias.
#[utoipa::path(get, path = "/api/v1/aliases/{address}", tag = "aliases",
    params(("address" = String, Path)), responses((status = 200, body = Alias)))]
pub(crate) async fn read(
    State(room): State<Room>,
    caller: Caller,
    Named(address): Named<String>,
) -> Result<Tagged<Alias>, Problem> {
    let found = room.ask(caller, move |room, access| {
        visible(&room.directory, access, &address)
    });
    Ok(tagged(found.await?))
}

/// Points an alias elsewhere, says until when it stands.
#[utoipa::path(patch, path = "/api/v1/aliases/{address}", tag = "aliases",
    params(("address" = String, Path)), request_body = AliasChange,
    responses((status = 200, body = Alias)))]
pub(crate) async fn update(
    State(room): State<Room>,
    caller: Caller,
    Named(address): Named<String>,
    wanted: Match,
    Body(change): Body<AliasChange>,
) -> Result<Tagged<Alias>, Problem> {
    let caller = caller.because(change.reason.as_deref())?;
    let until = change.until.as_ref();
    let until = until.map(|day| filter::day_if_any("until", day.as_deref()));
    let until = until.transpose()?;
    let changed = room.ask(caller, move |room, access| {
        visible(&room.directory, access, &address)?;
        let account = match change.account {
            Some(raw) => Some(named_account(&room.directory, access, raw)?.id),
            None => None,
        };
        merge(
            &wanted,
            || visible(&room.directory, access, &address).map(|row| (row.clone(), row.version)),
            |mut row, version| {
                row.account = account.unwrap_or(row.account);
                row.until = until.unwrap_or(row.until);
                room.directory
                    .change_alias(Some(access), row, Some(version))
            },
        )
    });
    Ok(tagged(changed.await?))
}

/// Removes an alias.
#[utoipa::path(delete, path = "/api/v1/aliases/{address}", tag = "aliases",
    params(("address" = String, Path)), responses((status = 204)))]
pub(crate) async fn delete(
    State(room): State<Room>,
    caller: Caller,
    Named(address): Named<String>,
    wanted: Match,
) -> Result<StatusCode, Problem> {
    let gone = room.ask(caller, move |room, access| {
        let row = visible(&room.directory, access, &address)?;
        let version = wanted.expected(row.version)?;
        Ok(room
            .directory
            .delete_alias(Some(access), &row.address, version)?)
    });
    gone.await?;
    Ok(StatusCode::NO_CONTENT)
}
