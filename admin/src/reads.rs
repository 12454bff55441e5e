//! `/api/v1/accounts/{id}/reads`: who read mail of an account by virtue of an office, when and why. Everybody sees it
//! of the own account, less what a legal order hides; who reads the audit log, of the accounts of the subtree.

use crate::body::{Asked, Named};
use crate::caller::Caller;
use crate::filter;
use crate::page::{Ask, Page};
use crate::problem::Problem;
use crate::router::Room;
use crate::sight::Sight;
use axum::Json;
use axum::extract::State;
use directory::{Access, AccountId, Capability, Reading};
use formats::date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What was read of an account, and by whom.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountRead {
    /// The number of the entry in the audit log that began it.
    id: u64,
    /// `trace`: what became of its messages; `mail`: its removed, held or earlier mail; `directory`: its row in a table;
    /// `impersonation`: its mail, as its owner has it; `secret`: nothing yet, but an app password or a password of it was
    /// made by somebody else, who may read by it.
    #[schema(example = "trace")]
    scope: String,
    /// Address of who read.
    #[schema(example = "quantri@tinhmau.gov.vn")]
    by: String,
    /// Empty where none was said, of a `secret`.
    #[schema(example = "Văn thư báo không nhận được công văn 12")]
    reason: String,
    /// When mail of this account was first read in it; RFC 3339, UTC.
    at: String,
    /// Until when it went on at most; RFC 3339, UTC.
    until: String,
    /// The legal order under which it was done.
    order: Option<u64>,
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReadsFilter {
    /// 1 to 500, 50 when left out.
    limit: Option<i64>,
    /// Of the page before.
    cursor: Option<String>,
}

impl From<(Reading, i64)> for AccountRead {
    fn from((reading, at): (Reading, i64)) -> Self {
        Self {
            id: reading.id,
            scope: reading.scope.name().to_owned(),
            by: reading.address,
            reason: reading.reason,
            at: date::utc(at),
            until: date::utc(reading.until),
            order: reading.order,
        }
    }
}

/// Whether the caller sees also what is hidden from the owner. Errors: 404.
fn sees_all(room: &Room, access: &Access, id: AccountId) -> Result<bool, Problem> {
    if access.account() == id {
        return Ok(false);
    }
    let account = room.directory.kept_account(id)?;
    let sight = Sight::new(&room.directory, access, Capability::ReadAudit);
    match sight.kept(&account) {
        true => Ok(true),
        false => Err(Problem::not_found()),
    }
}

/// Lists who read mail of an account by virtue of an office, and why; the newest first.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/reads", tag = "reads",
    params(("id" = u32, Path), ReadsFilter), responses((status = 200, body = Page<AccountRead>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    Asked(filter): Asked<ReadsFilter>,
) -> Result<Json<Page<AccountRead>>, Problem> {
    let id = filter::account_id(&id)?;
    let ask = Ask::of(filter.limit, filter.cursor.as_deref())?;
    let after = ask.key(|key| key.parse::<u64>().ok())?;
    let page = room.ask(caller, move |room, access| {
        let whole = sees_all(room, access, id)?;
        let (found, last) = room.directory.readings_of(id, after, ask.limit, whole)?;
        let items = found.into_iter().map(Into::into).collect();
        Ok(Page::new(items, last.map(|last| last.to_string())))
    });
    Ok(Json(page.await?))
}
