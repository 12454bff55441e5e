//! `/api/v1/audit`: the hash-chained log of administrative acts, newest first.

use crate::body::{Asked, Named};
use crate::caller::Caller;
use crate::page::{Ask, Page, gather};
use crate::problem::Problem;
use crate::router::Room;
use crate::sight::Sight;
use axum::Json;
use axum::extract::State;
use directory::audit::Entry;
use directory::{Access, Capability};
use formats::date;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use utoipa::{IntoParams, ToSchema};

/// One entry of the log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    number: u64,
    /// RFC 3339, UTC.
    at: String,
    /// Address of the actor, or `system`.
    actor: String,
    #[schema(example = "account.create")]
    act: String,
    #[schema(example = "annv@tinhmau.gov.vn")]
    object: String,
    /// What changed, without secrets.
    detail: serde_json::Value,
    /// Covers this entry and the hash before it; hexadecimal.
    hash: String,
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditFilter {
    actor: Option<String>,
    /// `account.create`, or `account` for all acts on accounts.
    act: Option<String>,
    object: Option<String>,
    /// 1 to 500, 50 when left out.
    limit: Option<i64>,
    /// Of the page before.
    cursor: Option<String>,
}

impl From<Entry> for AuditEntry {
    fn from(entry: Entry) -> Self {
        let mut hash = String::with_capacity(entry.hash.len() * 2);
        for byte in entry.hash {
            let _ = write!(hash, "{byte:02x}");
        }
        let detail = serde_json::from_str(&entry.detail)
            .unwrap_or_else(|_| serde_json::Value::String(entry.detail.clone()));
        Self {
            number: entry.number,
            at: date::utc(entry.at),
            actor: entry.actor,
            act: entry.act,
            object: entry.object,
            detail,
            hash,
        }
    }
}

impl AuditFilter {
    fn fits(&self, entry: &Entry) -> bool {
        let act = |act: &String| {
            entry.act == *act
                || entry
                    .act
                    .strip_prefix(act.as_str())
                    .is_some_and(|rest| rest.starts_with('.'))
        };
        self.actor
            .as_ref()
            .is_none_or(|actor| entry.actor == *actor)
            && self.act.as_ref().is_none_or(act)
            && self
                .object
                .as_ref()
                .is_none_or(|object| entry.object == *object)
    }
}

/// An auditor sees the acts on the things of the subtree; what is no more, or belongs to no agency,
/// is seen from the top only.
fn in_sight(room: &Room, access: &Access, entry: &Entry) -> bool {
    let sight = Sight::new(&room.directory, access, Capability::ReadAudit);
    sight.object(&entry.object).unwrap_or_else(|| sight.whole())
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
    let page = room.ask(caller, move |room, access| {
        if access.scopes(Capability::ReadAudit).is_empty() {
            return Ok(Page {
                items: Vec::new(),
                cursor: None,
            });
        }
        gather(
            ask.limit,
            before,
            |before: Option<&u64>, max| Ok(room.directory.audit(before.copied(), max)?),
            |entry| entry.number,
            |entry| (filter.fits(&entry) && in_sight(room, access, &entry)).then(|| entry.into()),
            ToString::to_string,
        )
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
        entry
            .filter(|entry| entry.number == number && in_sight(room, access, entry))
            .ok_or_else(Problem::not_found)
    });
    Ok(Json(found.await?.into()))
}
