//! `/api/v1/accounts/{id}/reads`: who read mail of an account by virtue of an office, when and why. Everybody sees it
//! of the own account and of shared ones that he is a member of, less what a legal order hides; who reads the audit log, of
//! the accounts of the subtree.

use crate::body::{Asked, Named};
use crate::caller::Caller;
use crate::filter;
use crate::page::{Ask, Page};
use crate::problem::Problem;
use crate::router::Room;
use crate::sight::Sight;
use axum::Json;
use axum::extract::State;
use directory::{Access, AccountId, Capability, Directory, Reading, Scope};
use formats::date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What was read of an account, and by whom.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountRead {
    /// The number of the entry in the audit log that began it.
    id: u64,
    /// `trace`: what became of its messages; `mail`: its removed, held or earlier mail; `directory`: its row in a table;
    /// `impersonation`: its mail, as its owner has it; `secret`: nothing yet, but a password, app password or token (which
    /// opens no mail) of it was made by somebody else; `redirect`: mail meant for it comes to the addresses `to` by what an
    /// administrator did; `member`: who administers let himself into it; `second_factor`: its second factor was withdrawn.
    #[schema(example = "trace")]
    scope: String,
    /// The account that was read: also a shared one that one reads as a member. Null: no account's alone.
    account: Option<u32>,
    /// Its address now.
    #[schema(example = "vanthu@tinhmau.gov.vn")]
    account_address: Option<String>,
    /// Of a `redirect`: where that mail comes to.
    to: Vec<String>,
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

impl AccountRead {
    fn of(directory: &Directory, (reading, at): (Reading, i64)) -> Self {
        let account = reading.scope.account();
        let kept = account.and_then(|id| directory.kept_account(id).ok());
        Self {
            id: reading.id,
            scope: reading.scope.name().to_owned(),
            account: account.map(AccountId::raw),
            account_address: kept.map(|kept| kept.address.to_string()),
            to: match reading.scope {
                Scope::Redirect(_, to) => to,
                _ => Vec::new(),
            },
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
        // Members of a shared account are those who would be its owner; what is hidden from it is from them.
        false if access.is_insider(id) => Ok(false),
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
        let shown = |one| AccountRead::of(&room.directory, one);
        let items = found.into_iter().map(shown).collect();
        Ok(Page::new(items, last.map(|last| last.to_string())))
    });
    Ok(Json(page.await?))
}
