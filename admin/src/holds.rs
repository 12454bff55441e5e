//! `/api/v1/holds` and `/api/v1/accounts/{id}/holds`: legal holds, under which nothing is lost.

use crate::body::{Asked, Body, Named};
use crate::caller::Caller;
use crate::filter;
use crate::page::{Ask, Page};
use crate::problem::Problem;
use crate::router::Room;
use crate::sight::{acted, kept_account};
use crate::version::segment;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use formats::date;
use http::StatusCode;
use http::header::LOCATION;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A legal hold: nothing of the account's mail that it covers is lost while it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Hold {
    account: u32,
    /// What the case is called.
    #[schema(example = "TT-12/2026")]
    name: String,
    /// What was removed at this time or later is kept; null: all that is still there.
    from: Option<String>,
    reason: String,
    /// Who placed it.
    by: String,
    /// RFC 3339, UTC.
    placed_at: String,
}

/// A hold to place.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewHold {
    #[schema(example = "TT-12/2026")]
    name: String,
    /// RFC 3339; all that is still there when left out.
    from: Option<String>,
    #[schema(example = "Thanh tra theo quyết định 12")]
    reason: String,
}

/// Which holds.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HoldFilter {
    /// 1 to 500, 50 when left out.
    limit: Option<i64>,
    /// Of the page before.
    cursor: Option<String>,
}

impl From<storage::Hold> for Hold {
    fn from(hold: storage::Hold) -> Self {
        Self {
            account: hold.account.raw(),
            name: hold.name,
            from: (hold.from != i64::MIN).then(|| date::utc(hold.from)),
            reason: hold.reason,
            by: hold.by,
            placed_at: date::utc(hold.placed_at),
        }
    }
}

/// The key of a hold in a cursor; names are compared as the store orders them.
fn key_of(hold: &storage::Hold) -> String {
    format!("{}/{}", hold.account, hold.name)
}

/// Lists the holds of all accounts that the caller sees.
#[utoipa::path(get, path = "/api/v1/holds", tag = "holds", params(HoldFilter),
    responses((status = 200, body = Page<Hold>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Asked(filter): Asked<HoldFilter>,
) -> Result<Json<Page<Hold>>, Problem> {
    let ask = Ask::of(filter.limit, filter.cursor.as_deref())?;
    let after = ask.key(|key| {
        let (account, name) = key.split_once('/')?;
        Some((account.parse::<u32>().ok()?, name.to_owned()))
    })?;
    let page = room.ask(caller, move |room, access| {
        let mut holds = room.directory.holds(Some(access), None)?;
        if let Some(after) = after {
            holds.retain(|hold| (hold.account.raw(), hold.name.clone()) > after);
        }
        let more = holds.len() > ask.limit;
        holds.truncate(ask.limit);
        let last = holds.last().filter(|_| more).map(key_of);
        Ok(Page::new(holds.into_iter().map(Into::into).collect(), last))
    });
    Ok(Json(page.await?))
}

/// Lists the holds of one account.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/holds", tag = "holds", params(("id" = u32, Path)),
    responses((status = 200, body = Page<Hold>)))]
pub(crate) async fn of_account(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Json<Page<Hold>>, Problem> {
    let id = filter::account_id(&id)?;
    let page = room.ask(caller, move |room, access| {
        kept_account(&room.directory, access, id)?;
        let holds = acted(access, id, room.directory.holds(Some(access), Some(id)))?;
        Ok(Page::new(holds.into_iter().map(Into::into).collect(), None))
    });
    Ok(Json(page.await?))
}

/// Places a hold on an account.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/holds", tag = "holds", params(("id" = u32, Path)),
    request_body = NewHold, responses((status = 201, body = Hold)))]
pub(crate) async fn place(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    Body(new): Body<NewHold>,
) -> Result<Response, Problem> {
    let id = filter::account_id(&id)?;
    let from = new.from.as_deref();
    let from = from.map(|at| filter::instant("from", at)).transpose()?;
    let placed = room.ask(caller, move |room, access| {
        kept_account(&room.directory, access, id)?;
        let (name, reason) = (&new.name, &new.reason);
        let placed = room
            .directory
            .place_hold(Some(access), id, name, from, reason);
        Ok(acted(access, id, placed)?)
    });
    let hold = placed.await?;
    let place = format!("/api/v1/accounts/{id}/holds/{}", segment(&hold.name));
    let body = Json(Hold::from(hold));
    Ok((StatusCode::CREATED, [(LOCATION, place)], body).into_response())
}

/// Ends a hold; what it alone kept is removed in the course of upkeep.
#[utoipa::path(delete, path = "/api/v1/accounts/{id}/holds/{hold}", tag = "holds",
    params(("id" = u32, Path), ("hold" = String, Path)), responses((status = 204)))]
pub(crate) async fn release(
    State(room): State<Room>,
    caller: Caller,
    Named((id, hold)): Named<(String, String)>,
) -> Result<StatusCode, Problem> {
    let id = filter::account_id(&id)?;
    let released = room.ask(caller, move |room, access| {
        kept_account(&room.directory, access, id)?;
        let released = room.directory.release_hold(Some(access), id, &hold);
        Ok(acted(access, id, released)?)
    });
    released.await?;
    Ok(StatusCode::NO_CONTENT)
}
