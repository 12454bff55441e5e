//! `/api/v1/approvals`: requests of acts that take two persons.

use crate::body::{Asked, Named};
use crate::caller::Caller;
use crate::page::{Ask, Page, gather};
use crate::problem::Problem;
use crate::router::Room;
use axum::Json;
use axum::extract::State;
use directory::approval::{USE_S, WAIT_S};
use directory::{AccountId, Decision, Directory};
use formats::date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ApprovalState {
    /// For somebody else to decide.
    Waiting,
    /// The one who asked may do it now.
    Approved,
    Refused,
    /// Approved, and done.
    Used,
    /// Nobody decided it in time, or it was not done in time.
    Lapsed,
}

/// A request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Approval {
    id: u64,
    /// `delete_account`, `restore_mail`, `export_mail`, `release_hold`, `impersonate`, `loosen_two_persons`; where
    /// impersonation takes two also `redirect_mail`, `make_secret`, `join_mailbox`.
    #[schema(example = "delete_account")]
    act: String,
    /// Whose policy wants two persons.
    agency: String,
    /// The account's address, or the agency's code.
    object: String,
    /// What exactly was asked for.
    #[schema(value_type = Object)]
    detail: serde_json::Value,
    state: ApprovalState,
    /// Account of the one who asks.
    asked_by: u32,
    /// Its address.
    asked_by_address: Option<String>,
    /// RFC 3339, UTC.
    asked_at: String,
    decided_by: Option<u32>,
    decided_by_address: Option<String>,
    decided_at: Option<String>,
    /// Until when it may be decided, or done once it is approved.
    until: Option<String>,
}

/// Which requests.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ApprovalFilter {
    state: Option<ApprovalState>,
    /// 1 to 500, 50 when left out.
    limit: Option<i64>,
    /// Of the page before.
    cursor: Option<String>,
}

fn shown(directory: &Directory, row: directory::Approval) -> Approval {
    let lapsed = row.lapsed(directory.clock().now_s());
    let state = match row.decision {
        _ if lapsed => ApprovalState::Lapsed,
        Decision::Waiting => ApprovalState::Waiting,
        Decision::Approved => ApprovalState::Approved,
        Decision::Refused => ApprovalState::Refused,
        Decision::Used => ApprovalState::Used,
    };
    let until = match row.decision {
        Decision::Waiting => Some(row.asked_at.saturating_add(WAIT_S)),
        Decision::Approved => row.decided_at.map(|at| at.saturating_add(USE_S)),
        Decision::Refused | Decision::Used => None,
    };
    let address = |id: AccountId| {
        let account = directory.kept_account(id).ok()?;
        Some(account.address.to_string())
    };
    Approval {
        id: row.id,
        act: row.act.name().to_owned(),
        agency: row.agency.0,
        object: row.object,
        detail: serde_json::from_str(&row.detail).unwrap_or_default(),
        state,
        asked_by: row.asked_by.raw(),
        asked_by_address: address(row.asked_by),
        asked_at: date::utc(row.asked_at),
        decided_by: row.decided_by.map(AccountId::raw),
        decided_by_address: row.decided_by.and_then(address),
        decided_at: row.decided_at.map(date::utc),
        until: until.map(date::utc),
    }
}

/// Lists requests that one made oneself or could decide, the newest first.
#[utoipa::path(get, path = "/api/v1/approvals", tag = "approvals", params(ApprovalFilter),
    responses((status = 200, body = Page<Approval>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Asked(filter): Asked<ApprovalFilter>,
) -> Result<Json<Page<Approval>>, Problem> {
    let ask = Ask::of(filter.limit, filter.cursor.as_deref())?;
    let before = ask.key(|key| key.parse::<u64>().ok())?;
    let page = room.ask(caller, move |room, access| {
        gather(
            ask.limit,
            before,
            |before: Option<&u64>, max| {
                let before = before.copied();
                Ok(room.directory.approvals(access, before, max))
            },
            |row| row.id,
            |row| {
                let row = shown(&room.directory, row);
                let fits = filter.state.is_none_or(|state| state == row.state);
                fits.then_some(row)
            },
            u64::to_string,
        )
    });
    Ok(Json(page.await?))
}

/// Reads one request.
#[utoipa::path(get, path = "/api/v1/approvals/{id}", tag = "approvals", params(("id" = u64, Path)),
    responses((status = 200, body = Approval)))]
pub(crate) async fn read(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<u64>,
) -> Result<Json<Approval>, Problem> {
    let found = room.ask(caller, move |room, access| {
        let row = room.directory.approval(access, id)?;
        Ok(shown(&room.directory, row))
    });
    Ok(Json(found.await?))
}

/// Approves a request of somebody else; it may be done for a day.
#[utoipa::path(post, path = "/api/v1/approvals/{id}/approve", tag = "approvals", params(("id" = u64, Path)),
    responses((status = 200, body = Approval)))]
pub(crate) async fn approve(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<u64>,
) -> Result<Json<Approval>, Problem> {
    decide(room, caller, id, true).await
}

/// Refuses a request, or takes back one's own.
#[utoipa::path(post, path = "/api/v1/approvals/{id}/refuse", tag = "approvals", params(("id" = u64, Path)),
    responses((status = 200, body = Approval)))]
pub(crate) async fn refuse(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<u64>,
) -> Result<Json<Approval>, Problem> {
    decide(room, caller, id, false).await
}

async fn decide(
    room: Room,
    caller: Caller,
    id: u64,
    approves: bool,
) -> Result<Json<Approval>, Problem> {
    let decided = room.ask(caller, move |room, access| {
        let row = room.directory.decide(access, id, approves)?;
        Ok(shown(&room.directory, row))
    });
    Ok(Json(decided.await?))
}
