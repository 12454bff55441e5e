//! `/api/v1/accounts/{id}/impersonations`: somebody's mail read for some minutes as its owner has it, by virtue of an
//! office. The reason is `Audit-Reason`, the legal order `Legal-Order`; the token opens JMAP, and changes nothing there.

use crate::body::{Body, Named};
use crate::caller::Caller;
use crate::credentials::created;
use crate::filter;
use crate::page::Page;
use crate::problem::Problem;
use crate::router::Room;
use crate::sight::{kept_account, known_account};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use formats::date;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One of them, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Impersonation {
    /// The number of the entry in the audit log that began it.
    id: u64,
    /// Whose mail is read.
    account: u32,
    /// Address of who reads.
    #[schema(example = "quantri@tinhmau.gov.vn")]
    by: String,
    #[schema(example = "Văn thư nghỉ ốm, tìm công văn 12")]
    reason: String,
    /// RFC 3339, UTC.
    opened_at: String,
    /// RFC 3339, UTC.
    until: String,
    /// When somebody ended it before that.
    ended_at: Option<String>,
    /// Whether its token is worth anything now: within its time, both accounts active, and the right still there.
    stands: bool,
    /// The legal order under which it is done.
    order: Option<u64>,
    /// How often its token was begun to be used: from another address, or after 15 minutes without use.
    sessions: u32,
    /// When the last of these began; RFC 3339, UTC.
    last_session_at: Option<String>,
}

/// One of them with its secret, shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreatedImpersonation {
    #[serde(flatten)]
    impersonation: Impersonation,
    /// Bearer token of `/jmap`; it is never shown again.
    secret: String,
}

/// For how long.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewImpersonation {
    /// 1 to 60.
    #[schema(example = 30, value_type = u32)]
    minutes: i64,
}

fn shown((one, stands): (directory::Impersonation, bool)) -> Impersonation {
    Impersonation {
        id: one.id,
        account: one.account.raw(),
        by: one.address,
        reason: one.reason,
        opened_at: date::utc(one.opened_at),
        until: date::utc(one.until),
        ended_at: one.ended_at.map(date::utc),
        stands,
        order: one.order,
        sessions: one.sittings,
        last_session_at: one.last_sitting_at.map(date::utc),
    }
}

/// Lists those of the last 90 days, the newest first. Its owner may not: he sees them in `reads`.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/impersonations", tag = "impersonations",
    params(("id" = u32, Path)), responses((status = 200, body = Page<Impersonation>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Json<Page<Impersonation>>, Problem> {
    let id = filter::account_id(&id)?;
    let page = room.ask(caller, move |room, access| {
        kept_account(&room.directory, access, id)?;
        let all = room.directory.impersonations(access, id)?.into_iter();
        Ok(Page::new(all.map(shown).collect(), None))
    });
    Ok(Json(page.await?))
}

/// Reads somebody's mail for some minutes; the answer has a token, once. Its owner is told in `reads`, unless a legal
/// order hides it for a time.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/impersonations", tag = "impersonations",
    params(("id" = u32, Path)), request_body = NewImpersonation,
    responses((status = 201, body = CreatedImpersonation)))]
pub(crate) async fn open(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    Body(new): Body<NewImpersonation>,
) -> Result<Response, Problem> {
    let id = filter::account_id(&id)?;
    let made = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        // What is none of the minutes that there may be is told as what there may be.
        let minutes = u32::try_from(new.minutes).unwrap_or(0);
        Ok(room.directory.impersonate(access, id, minutes)?)
    });
    let (one, secret) = made.await?;
    let place = format!("/api/v1/accounts/{id}/impersonations/{}", one.id);
    let body = CreatedImpersonation {
        impersonation: shown((one, true)),
        secret: secret.expose().to_owned(),
    };
    Ok(created(body, &place))
}

/// Ends it; its token is refused at once.
#[utoipa::path(delete, path = "/api/v1/accounts/{id}/impersonations/{impersonation}",
    tag = "impersonations", params(("id" = u32, Path), ("impersonation" = u64, Path)),
    responses((status = 204)))]
pub(crate) async fn end(
    State(room): State<Room>,
    caller: Caller,
    Named((id, impersonation)): Named<(String, u64)>,
) -> Result<StatusCode, Problem> {
    let id = filter::account_id(&id)?;
    let ended = room.ask(caller, move |room, access| {
        kept_account(&room.directory, access, id)?;
        Ok(room
            .directory
            .end_impersonation(access, id, impersonation)?)
    });
    ended.await?;
    Ok(StatusCode::NO_CONTENT)
}
