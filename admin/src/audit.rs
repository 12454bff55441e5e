//! `/api/v1/audit`: the hash-chained log of administrative acts and privileged reads, newest first.

pub(crate) mod export;
pub(crate) mod verify;
mod wire;

use crate::body::{Asked, Named};
use crate::caller::Caller;
use crate::page::{Ask, Page, gather};
use crate::problem::Problem;
use crate::router::Room;
use crate::sight::Sight;
use axum::Json;
use axum::extract::State;
use directory::audit::Entry;
use directory::{Access, AccountId, AgencyId, Capability};
use wire::{AuditEntry, AuditFilter, Sought};

/// An auditor sees the acts on the things that were of the subtree then: addresses change hands, and accounts move. What
/// belonged to no agency, to one that is gone, or was entered before this was, is seen from the top only. Of what is
/// done under a legal order about himself he sees nothing while it stands.
fn in_sight(room: &Room, access: &Access, entry: &Entry) -> Result<bool, Problem> {
    let sight = Sight::new(&room.directory, access, Capability::ReadAudit);
    let account = entry.account.filter(|_| entry.agency.is_none());
    let account = account.and_then(|id| room.directory.kept_account(id).ok());
    let then = entry.agency.clone().map(AgencyId);
    let seen = then.is_some_and(|agency| sight.agency(&agency))
        || account.is_some_and(|account| sight.kept(&account))
        || sight.whole();
    if !seen || !entry.detail.contains("\"order\"") {
        return Ok(seen);
    }
    let detail: serde_json::Value = serde_json::from_str(&entry.detail).unwrap_or_default();
    let order = detail["order"].as_u64();
    Ok(!room.directory.is_hidden(order, access.account())?)
}

/// The entry as one may see it: who gave a grant, and out of which, is told as far as one sees those.
fn shown(room: &Room, access: &Access, entry: Entry) -> AuditEntry {
    let sight = Sight::new(&room.directory, access, Capability::ReadAudit);
    let whole = sight.whole();
    let seen = |id: AccountId| {
        whole
            || room
                .directory
                .kept_account(id)
                .is_ok_and(|account| sight.kept(&account))
    };
    AuditEntry::from(entry).veiled(&seen)
}

/// Lists entries, the newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(AuditFilter),
    responses((status = 200, body = Page<AuditEntry>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Asked(filter): Asked<AuditFilter>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    let ask = Ask::of(filter.limit, filter.cursor.as_deref())?;
    let before = ask.key(|key| key.parse::<u64>().ok())?;
    let sought = Sought::try_from(filter)?;
    let page = room.ask(caller, move |room, access| {
        if access.scopes(Capability::ReadAudit).is_empty() {
            return Ok(Page {
                items: Vec::new(),
                cursor: None,
            });
        }
        let mut failed = None;
        let page = gather(
            ask.limit,
            before,
            |before: Option<&u64>, max| Ok(room.directory.audit(before.copied(), max)?),
            |entry| entry.number,
            |entry| {
                let seen = sought.fits(&entry)
                    && in_sight(room, access, &entry).unwrap_or_else(|problem| {
                        failed = Some(problem);
                        false
                    });
                seen.then(|| shown(room, access, entry))
            },
            ToString::to_string,
        )?;
        failed.map_or(Ok(page), Err)
    });
    Ok(Json(page.await?))
}

/// Reads one entry.
#[utoipa::path(get, path = "/api/v1/audit/{number}", tag = "audit", params(("number" = u64, Path)),
    responses((status = 200, body = AuditEntry)))]
pub(crate) async fn read(
    State(room): State<Room>,
    caller: Caller,
    Named(number): Named<u64>,
) -> Result<Json<AuditEntry>, Problem> {
    let found = room.ask(caller, move |room, access| {
        let before = number.checked_add(1).ok_or_else(Problem::not_found)?;
        let entry = room.directory.audit(Some(before), 1)?.into_iter().next();
        match entry.filter(|entry| entry.number == number) {
            Some(entry) if in_sight(room, access, &entry)? => Ok(shown(room, access, entry)),
            _ => Err(Problem::not_found()),
        }
    });
    Ok(Json(found.await?))
}
